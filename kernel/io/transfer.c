/*
 * The services that move data: read, write, and the two kinds of control codes.
 */
#include "kernel/io/request.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"

/* The two offsets that are none (WDK: ZwWriteFile): their high part is -1. */
#define FILE_POINTER ((LONGLONG)(LONG)FILE_USE_FILE_POINTER_POSITION)
#define FILE_END     ((LONGLONG)(LONG)FILE_WRITE_TO_END_OF_FILE)

/* Drivers of before Windows NT's own file systems answer here at once (WDK: FAST_IO_DISPATCH). */
static BOOLEAN IopTryFastControl(IOP_REQUEST *Request, ULONG ControlCode,
                                 const IOP_BUFFERS *Buffers, PNTSTATUS Status)
{
    PFAST_IO_DISPATCH Fast = Request->Device->DriverObject->FastIoDispatch;
    IO_STATUS_BLOCK Iosb = {{STATUS_SUCCESS}, 0};

    if (Fast == NULL ||
        Fast->SizeOfFastIoDispatch <= FIELD_OFFSET(FAST_IO_DISPATCH, FastIoDeviceControl) ||
        Fast->FastIoDeviceControl == NULL ||
        !Fast->FastIoDeviceControl(Request->File, TRUE, Buffers->In, Buffers->InLength,
                                   Buffers->Out, Buffers->OutLength, ControlCode, &Iosb,
                                   Request->Device))
        return FALSE;
    *Status = Iosb.Status;
    ExCopyOut(Request->UserIosb, &Iosb, sizeof Iosb);
    if (Request->Event)
        KeSetEvent(Request->Event, IO_NO_INCREMENT, FALSE);
    return TRUE;
}

/* A buffer that is only given back to later must be there now. */
static NTSTATUS IopProbeOutput(ULONG ControlCode, const IOP_BUFFERS *Buffers)
{
    if (METHOD_FROM_CTL_CODE(ControlCode) != METHOD_BUFFERED)
        return STATUS_SUCCESS;
    return ExProbeOut(Buffers->Out, Buffers->OutLength);
}

static NTSTATUS IopControl(IOP_REQUEST *Request, HANDLE FileHandle, HANDLE EventHandle,
                           UCHAR MajorFunction, ULONG ControlCode, const IOP_BUFFERS *Buffers)
{
    /* The two access bits of a control code are FILE_READ_DATA and FILE_WRITE_DATA. */
    NTSTATUS Status = IopBeginRequest(Request, FileHandle, EventHandle, (ControlCode >> 14) & 3);

    if (!NT_SUCCESS(Status))
        return Status;
    if (MajorFunction == IRP_MJ_DEVICE_CONTROL && Request->ApcRoutine == NULL &&
        IopTryFastControl(Request, ControlCode, Buffers, &Status))
        return IopEndRequest(Request, Status);
    Status = IopProbeOutput(ControlCode, Buffers);
    if (NT_SUCCESS(Status))
        Status = IopMakePacket(Request, MajorFunction);
    if (NT_SUCCESS(Status))
        Status = IopSetControl(Request->Irp, Request->Stack, ControlCode, Buffers);
    if (NT_SUCCESS(Status))
        Request->Stack->Flags |=
            ((Request->Granted & FILE_READ_DATA) ? SL_READ_ACCESS_GRANTED : 0) |
            ((Request->Granted & FILE_WRITE_DATA) ? SL_WRITE_ACCESS_GRANTED : 0);
    return NT_SUCCESS(Status) ? IopSendRequest(Request) : IopEndRequest(Request, Status);
}

/* Sends a control code to a device (WDK: ZwDeviceIoControlFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                     PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                     ULONG IoControlCode, PVOID InputBuffer,
                                     ULONG InputBufferLength, PVOID OutputBuffer,
                                     ULONG OutputBufferLength)
{
    IOP_REQUEST Request = IOP_NEW_REQUEST(IoStatusBlock, ApcRoutine, ApcContext);
    IOP_BUFFERS Buffers = {InputBuffer, OutputBuffer, InputBufferLength, OutputBufferLength};

    return IopControl(&Request, FileHandle, Event, IRP_MJ_DEVICE_CONTROL, IoControlCode, &Buffers);
}

/* Sends a control code to a file system (WDK: ZwFsControlFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtFsControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                               PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                               ULONG FsControlCode, PVOID InputBuffer, ULONG InputBufferLength,
                               PVOID OutputBuffer, ULONG OutputBufferLength)
{
    IOP_REQUEST Request = IOP_NEW_REQUEST(IoStatusBlock, ApcRoutine, ApcContext);
    IOP_BUFFERS Buffers = {InputBuffer, OutputBuffer, InputBufferLength, OutputBufferLength};

    return IopControl(&Request, FileHandle, Event, IRP_MJ_FILE_SYSTEM_CONTROL, FsControlCode,
                      &Buffers);
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

/* What the caller has given by pointers, into the packet's first location. */
static NTSTATUS IopSetTransfer(IOP_REQUEST *Request, UCHAR MajorFunction, ULONG Length,
                               PLARGE_INTEGER ByteOffset, PULONG Key)
{
    PIO_STACK_LOCATION Stack = Request->Stack;
    LARGE_INTEGER Offset;
    ULONG KeyValue = 0;
    NTSTATUS Status = IopTransferOffset(Request, MajorFunction, ByteOffset, &Offset);

    if (NT_SUCCESS(Status) && Key)
        Status = ExCopyIn(&KeyValue, Key, sizeof KeyValue);
    if (Request->File->Flags & FO_WRITE_THROUGH)
        Stack->Flags = SL_WRITE_THROUGH;
    Stack->Parameters.Read.Length = Length; /* Write's parameters have the same layout */
    Stack->Parameters.Read.ByteOffset = Offset;
    Stack->Parameters.Read.Key = KeyValue;
    return Status;
}

/* Read and write are the same but for the direction. */
static NTSTATUS IopTransfer(IOP_REQUEST *Request, HANDLE FileHandle, HANDLE EventHandle,
                            UCHAR MajorFunction, PVOID Buffer, ULONG Length,
                            PLARGE_INTEGER ByteOffset, PULONG Key)
{
    ACCESS_MASK Access = MajorFunction == IRP_MJ_READ ? FILE_READ_DATA : FILE_WRITE_DATA;
    NTSTATUS Status = IopBeginRequest(Request, FileHandle, EventHandle, Access);

    if (!NT_SUCCESS(Status))
        return Status;
    if (MajorFunction == IRP_MJ_READ && (Request->Device->Flags & DO_BUFFERED_IO))
        Status = ExProbeOut(Buffer, Length);
    if (NT_SUCCESS(Status))
        Status = IopMakePacket(Request, MajorFunction);
    if (NT_SUCCESS(Status))
        Status = IopSetTransfer(Request, MajorFunction, Length, ByteOffset, Key);
    if (NT_SUCCESS(Status))
        Status = IopSetTransferBuffer(Request->Irp, Request->Device, MajorFunction, Buffer, Length);
    return NT_SUCCESS(Status) ? IopSendRequest(Request) : IopEndRequest(Request, Status);
}

/* Reads from a file or device (WDK: ZwReadFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                          PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                          ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    IOP_REQUEST Request = IOP_NEW_REQUEST(IoStatusBlock, ApcRoutine, ApcContext);

    return IopTransfer(&Request, FileHandle, Event, IRP_MJ_READ, Buffer, Length, ByteOffset, Key);
}

/* Writes to a file or device (WDK: ZwWriteFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                           PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                           ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    IOP_REQUEST Request = IOP_NEW_REQUEST(IoStatusBlock, ApcRoutine, ApcContext);

    return IopTransfer(&Request, FileHandle, Event, IRP_MJ_WRITE, Buffer, Length, ByteOffset, Key);
}
