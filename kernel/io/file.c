/*
 * The file services: open, read, write, device control. All are synchronous: the service waits
 * for the packet and then, in its caller's context, copies the results out.
 *
 * Buffered transfers only: a driver that asks for direct I/O is refused until there are MDLs.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/sched.h"

#define TAG_BUFFER         'fuBI'
#define MEMORY_RETRY_100NS 100000

/* The two offsets that are none (WDK: ZwWriteFile): their high part is -1. */
#define FILE_POINTER ((LONGLONG)(LONG)FILE_USE_FILE_POINTER_POSITION)
#define FILE_END     ((LONGLONG)(LONG)FILE_WRITE_TO_END_OF_FILE)

/* One request of a caller's, captured. */
typedef struct _IOP_REQUEST {
    PFILE_OBJECT File;
    PKEVENT Event; /* to be set at the end; NULL: none */
    PIO_STATUS_BLOCK UserIosb;
    PVOID InBuffer, OutBuffer; /* the caller's */
    PVOID UserBuffer;          /* the one of them that a driver gets raw, without a method */
    ULONG InLength, OutLength;
    UCHAR Method;
    BOOLEAN Locked; /* the file's Lock is ours */
    PVOID SystemBuffer;
} IOP_REQUEST;

/*
 * Sends a packet without parameters: cleanup or close, of which the driver must hear, or it would
 * keep what belongs to the file for ever. So if there is no memory, it waits until there is.
 */
VOID IopFileRequest(PFILE_OBJECT File, UCHAR MajorFunction)
{
    LARGE_INTEGER Moment = {.QuadPart = -MEMORY_RETRY_100NS};
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb;
    PIRP Irp;

    while ((Irp = IopBuildIrp(File, File->DeviceObject, MajorFunction, &Stack)) == NULL)
        KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    Irp->RequestorMode = KernelMode; /* nobody's buffers, and nobody waits but us */
    IopCallAndWait(File->DeviceObject, Irp, &Iosb, KernelMode);
}

/* The file type's Close routine: the last handle is gone. */
VOID IopCloseFile(PVOID Object)
{
    PFILE_OBJECT File = Object;

    IopFileRequest(File, IRP_MJ_CLEANUP);
    File->Flags |= FO_CLEANUP_COMPLETE;
}

static ACCESS_MASK IopMapAccess(ACCESS_MASK Access)
{
    static const GENERIC_MAPPING Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE,
                                            FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};
    if (Access & GENERIC_READ)
        Access |= Mapping.GenericRead;
    if (Access & GENERIC_WRITE)
        Access |= Mapping.GenericWrite;
    if (Access & GENERIC_EXECUTE)
        Access |= Mapping.GenericExecute;
    if (Access & (GENERIC_ALL | MAXIMUM_ALLOWED))
        Access |= Mapping.GenericAll;
    return Access & FILE_ALL_ACCESS;
}

static NTSTATUS IopOpen(PEX_ATTRIBUTES Attributes, ACCESS_MASK Access, IO_OPEN_PACKET *Packet,
                        PHANDLE Handle)
{
    OB_OPEN_CONTEXT Context = {.DesiredAccess = Access, .Extra = Packet};
    PFILE_OBJECT File;
    NTSTATUS Status;

    if (Attributes->RootDirectory)
        return STATUS_NOT_SUPPORTED;
    if (Attributes->Name.Buffer == NULL)
        return STATUS_OBJECT_NAME_INVALID;
    Status = ObpOpenPath(&Attributes->Name, *IoFileObjectType, &Context, (PVOID *)&File);
    if (!NT_SUCCESS(Status))
        return Status;
    if (OBJECT_TO_HEADER(File)->Type == *IoFileObjectType)
        Status = ObpCreateHandle(File, Access, Attributes->Flags, Handle);
    else
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    ObDereferenceObject(File);
    return Status;
}

/* Opens a file or device (WDK: ZwCreateFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER AllocationSize, ULONG FileAttributes, ULONG ShareAccess,
                            ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer,
                            ULONG EaLength)
{
    IO_OPEN_PACKET Packet = {CreateOptions, CreateDisposition, (USHORT)FileAttributes,
                             (USHORT)ShareAccess, 0};
    EX_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;
    HANDLE Handle;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(AllocationSize);
    if (CreateDisposition > FILE_MAXIMUM_DISPOSITION || EaBuffer || EaLength)
        return STATUS_INVALID_PARAMETER;
    Status = ExProbeOut(FileHandle, sizeof Handle);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(IoStatusBlock, sizeof Iosb);
    if (NT_SUCCESS(Status))
        Status = ExCaptureAttributes(&Attributes, ObjectAttributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopOpen(&Attributes, IopMapAccess(DesiredAccess), &Packet, &Handle);
    ExReleaseAttributes(&Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Iosb.Status = Status;
    Iosb.Information = Packet.Information;
    Status = ExCopyOut(FileHandle, &Handle, sizeof Handle);
    if (NT_SUCCESS(Status))
        Status = ExCopyOut(IoStatusBlock, &Iosb, sizeof Iosb);
    if (!NT_SUCCESS(Status))
        ObCloseHandle(Handle, KernelMode);
    return Status;
}

NTSTATUS NTAPI NtOpenFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                          POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                          ULONG ShareAccess, ULONG OpenOptions)
{
    return NtCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock, NULL, 0,
                        ShareAccess, FILE_OPEN, OpenOptions, NULL, 0);
}

/* Requests on a file that was opened for synchronous I/O come one after the other. */
static NTSTATUS IopLockFile(IOP_REQUEST *Request, KPROCESSOR_MODE Mode)
{
    PFILE_OBJECT File = Request->File;

    if (!(File->Flags & FO_SYNCHRONOUS_IO))
        return STATUS_SUCCESS;
    if (KeWaitForSingleObject(&File->Lock, Executive, Mode, FALSE, NULL) != STATUS_SUCCESS)
        return STATUS_CANCELLED; /* the thread has been told to end */
    Request->Locked = TRUE;
    return STATUS_SUCCESS;
}

static VOID IopEndRequest(IOP_REQUEST *Request)
{
    if (Request->SystemBuffer)
        ExFreePoolWithTag(Request->SystemBuffer, TAG_BUFFER);
    if (Request->Event)
        ObDereferenceObject(Request->Event);
    if (Request->Locked)
        KeSetEvent(&Request->File->Lock, IO_NO_INCREMENT, FALSE);
    ObDereferenceObject(Request->File);
}

/*
 * References the file and the event of a request, checks where its status is to go, waits for its
 * turn.
 */
static NTSTATUS IopBeginRequest(IOP_REQUEST *Request, HANDLE FileHandle, HANDLE EventHandle,
                                PIO_APC_ROUTINE ApcRoutine, ACCESS_MASK Access)
{
    KPROCESSOR_MODE Mode = KiGetCurrentThread()->PreviousMode;
    NTSTATUS Status;

    if (ApcRoutine)
        return STATUS_NOT_SUPPORTED;
    Status = ExProbeOut(Request->UserIosb, sizeof(IO_STATUS_BLOCK));
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObReferenceObjectByHandle(FileHandle, Access, *IoFileObjectType, Mode,
                                       (PVOID *)&Request->File, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    if (EventHandle)
        Status = ObReferenceObjectByHandle(EventHandle, EVENT_MODIFY_STATE, *ExEventObjectType,
                                           Mode, (PVOID *)&Request->Event, NULL);
    if (NT_SUCCESS(Status))
        Status = IopLockFile(Request, Mode);
    if (!NT_SUCCESS(Status))
        IopEndRequest(Request);
    else if (Request->Event)
        KeClearEvent(Request->Event);
    return Status;
}

/* Makes the system buffer of a buffered transfer, with the input in it. */
static NTSTATUS IopPrepareBuffer(IOP_REQUEST *Request)
{
    ULONG Length = max(Request->InLength, Request->OutLength);

    if (Request->Method == METHOD_IN_DIRECT || Request->Method == METHOD_OUT_DIRECT)
        return STATUS_NOT_SUPPORTED;
    if (Request->Method == METHOD_NEITHER || Length == 0)
        return STATUS_SUCCESS;
    Request->SystemBuffer = ExAllocatePoolWithTag(NonPagedPool, Length, TAG_BUFFER);
    if (Request->SystemBuffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    /* What is not input is cleared: no driver can give old pool contents away by mistake. */
    memset((PUCHAR)Request->SystemBuffer + Request->InLength, 0, Length - Request->InLength);
    return ExCopyIn(Request->SystemBuffer, Request->InBuffer, Request->InLength);
}

/* Sends the packet, copies the results out, tells the event. */
static NTSTATUS IopRunRequest(IOP_REQUEST *Request, PIRP Irp)
{
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;

    Irp->AssociatedIrp.SystemBuffer = Request->SystemBuffer;
    if (Request->Method == METHOD_NEITHER)
        Irp->UserBuffer = Request->UserBuffer;
    Status = IopCallAndWait(Request->File->DeviceObject, Irp, &Iosb, Irp->RequestorMode);
    if (Request->SystemBuffer && Request->OutLength && !NT_ERROR(Status)) {
        NTSTATUS Copied = ExCopyOut(Request->OutBuffer, Request->SystemBuffer,
                                    min(Iosb.Information, Request->OutLength));
        if (!NT_SUCCESS(Copied))
            Status = Iosb.Status = Copied;
    }
    ExCopyOut(Request->UserIosb, &Iosb, sizeof Iosb);
    if (Request->Event)
        KeSetEvent(Request->Event, 0, FALSE);
    return Status;
}

/* Sends a control code to a device (WDK: ZwDeviceIoControlFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                     PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                     ULONG IoControlCode, PVOID InputBuffer,
                                     ULONG InputBufferLength, PVOID OutputBuffer,
                                     ULONG OutputBufferLength)
{
    IOP_REQUEST Request = {.UserIosb = IoStatusBlock,
                           .InBuffer = InputBuffer,
                           .InLength = InputBufferLength,
                           .OutBuffer = OutputBuffer,
                           .OutLength = OutputBufferLength,
                           .UserBuffer = OutputBuffer,
                           .Method = METHOD_FROM_CTL_CODE(IoControlCode)};
    /* The two access bits of a control code are FILE_READ_DATA and FILE_WRITE_DATA. */
    ACCESS_MASK Access = (IoControlCode >> 14) & 3;
    PIO_STACK_LOCATION Stack;
    PIRP Irp;
    NTSTATUS Status = IopBeginRequest(&Request, FileHandle, Event, ApcRoutine, Access);

    UNREFERENCED_PARAMETER(ApcContext);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopPrepareBuffer(&Request);
    if (NT_SUCCESS(Status) && Request.SystemBuffer)
        Status = ExProbeOut(OutputBuffer, OutputBufferLength);
    if (NT_SUCCESS(Status)) {
        Irp = IopBuildIrp(Request.File, Request.File->DeviceObject, IRP_MJ_DEVICE_CONTROL, &Stack);
        Status = STATUS_INSUFFICIENT_RESOURCES;
        if (Irp) {
            Stack->Parameters.DeviceIoControl.IoControlCode = IoControlCode;
            Stack->Parameters.DeviceIoControl.InputBufferLength = InputBufferLength;
            Stack->Parameters.DeviceIoControl.OutputBufferLength = OutputBufferLength;
            Stack->Parameters.DeviceIoControl.Type3InputBuffer = InputBuffer;
            Status = IopRunRequest(&Request, Irp);
        }
    }
    IopEndRequest(&Request);
    return Status;
}

/* How a device wants its reads and writes: the flags say it in other words. */
static UCHAR IopTransferMethod(PDEVICE_OBJECT Device)
{
    if (Device->Flags & DO_BUFFERED_IO)
        return METHOD_BUFFERED;
    return (Device->Flags & DO_DIRECT_IO) ? METHOD_OUT_DIRECT : METHOD_NEITHER;
}

/*
 * Where a transfer begins. No offset, or the mark for it: where the last one ended. A write may
 * also carry the mark for the file's end, which the driver knows.
 */
static NTSTATUS IopTransferOffset(IOP_REQUEST *Request, UCHAR MajorFunction,
                                  PLARGE_INTEGER ByteOffset, PLARGE_INTEGER Offset)
{
    NTSTATUS Status = STATUS_SUCCESS;

    Offset->QuadPart = FILE_POINTER;
    if (ByteOffset)
        Status = ExCopyIn(Offset, ByteOffset, sizeof *Offset);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Offset->QuadPart == FILE_POINTER)
        *Offset = Request->File->CurrentByteOffset;
    else if (Offset->QuadPart < 0 &&
             !(Offset->QuadPart == FILE_END && MajorFunction == IRP_MJ_WRITE))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

/* Read and write are the same but for the direction. The request's file is referenced. */
static NTSTATUS IopTransfer(IOP_REQUEST *Request, UCHAR MajorFunction, ULONG Length,
                            PLARGE_INTEGER ByteOffset)
{
    LARGE_INTEGER Offset;
    PIO_STACK_LOCATION Stack;
    NTSTATUS Status = IopTransferOffset(Request, MajorFunction, ByteOffset, &Offset);
    PIRP Irp;

    Request->Method = IopTransferMethod(Request->File->DeviceObject);
    if (NT_SUCCESS(Status))
        Status = IopPrepareBuffer(Request);
    if (NT_SUCCESS(Status) && Request->SystemBuffer)
        Status = ExProbeOut(Request->OutBuffer, Request->OutLength);
    if (!NT_SUCCESS(Status))
        return Status;
    Irp = IopBuildIrp(Request->File, Request->File->DeviceObject, MajorFunction, &Stack);
    if (Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Stack->Parameters.Read.Length = Length; /* Write's parameters have the same layout */
    Stack->Parameters.Read.ByteOffset = Offset;
    return IopRunRequest(Request, Irp);
}

/* Reads from a file or device (WDK: ZwReadFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                          PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                          ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    IOP_REQUEST Request = {
        .UserIosb = IoStatusBlock, .OutBuffer = Buffer, .OutLength = Length, .UserBuffer = Buffer};
    NTSTATUS Status = IopBeginRequest(&Request, FileHandle, Event, ApcRoutine, FILE_READ_DATA);

    UNREFERENCED_PARAMETER(ApcContext);
    UNREFERENCED_PARAMETER(Key);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopTransfer(&Request, IRP_MJ_READ, Length, ByteOffset);
    IopEndRequest(&Request);
    return Status;
}

/* Writes to a file or device (WDK: ZwWriteFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                           PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                           ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    IOP_REQUEST Request = {
        .UserIosb = IoStatusBlock, .InBuffer = Buffer, .InLength = Length, .UserBuffer = Buffer};
    NTSTATUS Status = IopBeginRequest(&Request, FileHandle, Event, ApcRoutine, FILE_WRITE_DATA);

    UNREFERENCED_PARAMETER(ApcContext);
    UNREFERENCED_PARAMETER(Key);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopTransfer(&Request, IRP_MJ_WRITE, Length, ByteOffset);
    IopEndRequest(&Request);
    return Status;
}
