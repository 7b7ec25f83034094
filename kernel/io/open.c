/*
 * File objects: opened through a device's name, closed when the last handle and the last pointer
 * are gone. The driver hears of it by IRP_MJ_CREATE, IRP_MJ_CLEANUP, and IRP_MJ_CLOSE, which go to
 * the top of the device's stack.
 */
#include "kernel/io/request.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/security.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/sched.h"

#define TAG_FILE_NAME      'mNoI'
#define TAG_EA             'aEoI'
#define EA_LIMIT           0x10000
#define MEMORY_RETRY_100NS 100000
#define SYNCHRONOUS        (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)

static GENERIC_MAPPING IopFileMapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE,
                                         FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};

PGENERIC_MAPPING NTAPI IoGetFileObjectGenericMapping(VOID)
{
    return &IopFileMapping;
}

static NTSTATUS IopCopyFileName(PFILE_OBJECT File, PUNICODE_STRING Name)
{
    if (Name->Length == 0)
        return STATUS_SUCCESS;
    File->FileName.Buffer =
        ExAllocatePoolWithTag(PagedPool, Name->Length + sizeof(WCHAR), TAG_FILE_NAME);
    if (File->FileName.Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    File->FileName.Length = Name->Length;
    File->FileName.MaximumLength = Name->Length + sizeof(WCHAR);
    memcpy(File->FileName.Buffer, Name->Buffer, Name->Length);
    File->FileName.Buffer[Name->Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

static ULONG IopFileFlags(ULONG Options)
{
    return ((Options & SYNCHRONOUS) ? FO_SYNCHRONOUS_IO : 0) |
           ((Options & FILE_SYNCHRONOUS_IO_ALERT) ? FO_ALERTABLE_IO : 0) |
           ((Options & FILE_NO_INTERMEDIATE_BUFFERING) ? FO_NO_INTERMEDIATE_BUFFERING : 0) |
           ((Options & FILE_WRITE_THROUGH) ? FO_WRITE_THROUGH : 0) |
           ((Options & FILE_SEQUENTIAL_ONLY) ? FO_SEQUENTIAL_ONLY : 0);
}

static VOID IopFillFile(PFILE_OBJECT File, ACCESS_MASK Access, const IO_OPEN_PACKET *Packet)
{
    File->Type = IO_TYPE_FILE;
    File->Size = sizeof *File;
    File->ReadAccess = (Access & FILE_READ_DATA) != 0;
    File->WriteAccess = (Access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
    File->DeleteAccess = (Access & DELETE) != 0;
    File->Flags = IopFileFlags(Packet->Options);
    KeInitializeEvent(&File->Event, NotificationEvent, FALSE);
    KeInitializeEvent(&File->Lock, SynchronizationEvent, TRUE);
    KeInitializeSpinLock(&File->IrpListLock);
    InitializeListHead(&File->IrpList);
}

/* A file object on a device; its device is referenced and counted as open. */
NTSTATUS IopCreateFileObject(PDEVICE_OBJECT Device, PUNICODE_STRING Name, ACCESS_MASK Access,
                             const IO_OPEN_PACKET *Packet, PFILE_OBJECT *NewFile)
{
    PFILE_OBJECT File;
    NTSTATUS Status = ObpAllocateObject(*IoFileObjectType, sizeof *File, (PVOID *)&File);

    if (!NT_SUCCESS(Status))
        return Status;
    IopFillFile(File, Access, Packet);
    Status = IopCopyFileName(File, Name);
    if (NT_SUCCESS(Status))
        Status = IopEnterDevice(Device);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(File);
        return Status;
    }
    ObReferenceObject(Device);
    File->DeviceObject = Device;
    if (Packet->RelatedFile) {
        ObReferenceObject(Packet->RelatedFile);
        File->RelatedFileObject = Packet->RelatedFile;
    }
    *NewFile = File;
    return STATUS_SUCCESS;
}

static NTSTATUS IopSendCreate(PFILE_OBJECT File, OB_OPEN_CONTEXT *Context)
{
    IO_OPEN_PACKET *Packet = Context->Extra;
    IO_SECURITY_CONTEXT Security = {.DesiredAccess = Context->DesiredAccess,
                                    .FullCreateOptions = Packet->Options};
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(File);
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;
    PIRP Irp = IopBuildIrp(File, Device, IRP_MJ_CREATE, &Stack);

    if (Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Irp->Flags = IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API | IRP_DEFER_IO_COMPLETION;
    Irp->Overlay.AllocationSize = Packet->AllocationSize;
    Irp->AssociatedIrp.SystemBuffer = Packet->Ea;
    Stack->Parameters.Create.SecurityContext = &Security;
    Stack->Parameters.Create.Options = (Packet->Options & 0xFFFFFF) | Packet->Disposition << 24;
    Stack->Parameters.Create.FileAttributes = Packet->FileAttributes;
    Stack->Parameters.Create.ShareAccess = Packet->ShareAccess;
    Stack->Parameters.Create.EaLength = Packet->EaLength;
    Stack->Flags = Packet->CaseSensitive ? SL_CASE_SENSITIVE : 0;
    Status = IopCallAndWait(Device, Irp, &Iosb, Irp->RequestorMode);
    Packet->Information = (ULONG)Iosb.Information;
    return Status;
}

/* A device's descriptor counts for the device itself; for what lies in its name space only if the
 * device says so (WDK: Controlling Device Namespace Access). */
static NTSTATUS IopCheckDeviceAccess(PDEVICE_OBJECT Device, PUNICODE_STRING Remaining,
                                     OB_OPEN_CONTEXT *Context)
{
    if (Remaining->Length && !(Device->Characteristics & FILE_DEVICE_SECURE_OPEN))
        return STATUS_SUCCESS;
    return ObpCheckAccess(Device, Context->Mode, &Context->DesiredAccess);
}

/* The device type's Parse routine: a path has run into a device, so a file is to be opened. */
NTSTATUS IopParseDevice(PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context,
                        PVOID *Opened)
{
    IO_OPEN_PACKET *Packet = Context->Extra;
    PFILE_OBJECT File;
    NTSTATUS Status;

    if (Context->Type != *IoFileObjectType || Packet == NULL) { /* the device itself is wanted */
        if (Remaining->Length)
            return STATUS_OBJECT_TYPE_MISMATCH;
        ObReferenceObject(Object);
        *Opened = Object;
        return STATUS_SUCCESS;
    }
    Status = IopCheckDeviceAccess(Object, Remaining, Context);
    if (NT_SUCCESS(Status))
        Status = IopCreateFileObject(Object, Remaining, Context->DesiredAccess, Packet, &File);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopSendCreate(File, Context);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(File); /* without a close: it was never opened */
        return Status;
    }
    File->Flags |= FO_FILE_OPEN;
    *Opened = File;
    return STATUS_SUCCESS;
}

/* The file type's Parse routine: the path begins at an open file (WDK: FILE_OBJECT,
 * RelatedFileObject). */
NTSTATUS IopParseFile(PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context,
                      PVOID *Opened)
{
    IO_OPEN_PACKET *Packet = Context->Extra;
    PFILE_OBJECT File = Object;

    if (Packet == NULL)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (Remaining->Length && Remaining->Buffer[0] == OBJ_NAME_PATH_SEPARATOR)
        return STATUS_OBJECT_NAME_INVALID;
    Packet->RelatedFile = File;
    return IopParseDevice(File->DeviceObject, Remaining, Context, Opened);
}

/*
 * Sends a packet without parameters: cleanup or close, of which the driver must hear, or it would
 * keep what belongs to the file for ever. So if there is no memory, it waits until there is.
 */
static VOID IopFileRequest(PFILE_OBJECT File, UCHAR MajorFunction)
{
    LARGE_INTEGER Moment = {.QuadPart = -MEMORY_RETRY_100NS};
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(File);
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb;
    PIRP Irp;

    while ((Irp = IopBuildIrp(File, Device, MajorFunction, &Stack)) == NULL)
        KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    Irp->RequestorMode = KernelMode; /* nobody's buffers, and nobody waits but us */
    Irp->Flags = IRP_SYNCHRONOUS_API | IRP_CLOSE_OPERATION;
    IopCallAndWait(Device, Irp, &Iosb, KernelMode);
}

/* The file type's Close routine: the last handle is gone. */
VOID IopCloseFile(PVOID Object)
{
    PFILE_OBJECT File = Object;

    File->Flags |= FO_HANDLE_CREATED;
    IopFileRequest(File, IRP_MJ_CLEANUP);
    File->Flags |= FO_CLEANUP_COMPLETE;
}

/* The file type's Delete routine: the last pointer is gone. */
VOID IopDeleteFile(PVOID Object)
{
    PFILE_OBJECT File = Object;

    if (File->Flags & FO_FILE_OPEN) {
        if (!(File->Flags & FO_CLEANUP_COMPLETE)) /* it never had a handle */
            IopFileRequest(File, IRP_MJ_CLEANUP);
        IopFileRequest(File, IRP_MJ_CLOSE);
    }
    if (File->FileName.Buffer)
        ExFreePool(File->FileName.Buffer); /* a driver may have put another in its place */
    if (File->RelatedFileObject)
        ObDereferenceObject(File->RelatedFileObject);
    if (File->DeviceObject) {
        IopLeaveDevice(File->DeviceObject);
        ObDereferenceObject(File->DeviceObject);
    }
}

static NTSTATUS IopOpen(PEX_ATTRIBUTES Attributes, ACCESS_MASK Access, IO_OPEN_PACKET *Packet,
                        PHANDLE Handle)
{
    OB_OPEN_CONTEXT Context = {.DesiredAccess = Access, .Extra = Packet};
    PFILE_OBJECT File;
    NTSTATUS Status = ObpOpenByAttributes(Attributes, *IoFileObjectType, &Context, (PVOID *)&File);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpCreateHandle(File, Access, Attributes->Flags, Handle);
    ObDereferenceObject(File);
    return Status;
}

static ACCESS_MASK IopMapAccess(ACCESS_MASK Access)
{
    if (Access & MAXIMUM_ALLOWED)
        Access |= GENERIC_ALL;
    if (Access & GENERIC_READ)
        Access |= IopFileMapping.GenericRead;
    if (Access & GENERIC_WRITE)
        Access |= IopFileMapping.GenericWrite;
    if (Access & GENERIC_EXECUTE)
        Access |= IopFileMapping.GenericExecute;
    if (Access & GENERIC_ALL)
        Access |= IopFileMapping.GenericAll;
    return Access & FILE_ALL_ACCESS;
}

/* Options that exclude one another (WDK: ZwCreateFile). */
static NTSTATUS IopCheckOptions(ULONG Options, ULONG Disposition, ULONG Share, ACCESS_MASK Access)
{
    if (Disposition > FILE_MAXIMUM_DISPOSITION || (Options & ~FILE_VALID_OPTION_FLAGS) ||
        (Share & ~FILE_SHARE_VALID_FLAGS) || (Options & SYNCHRONOUS) == SYNCHRONOUS)
        return STATUS_INVALID_PARAMETER;
    if ((Options & SYNCHRONOUS) && !(Access & SYNCHRONIZE))
        return STATUS_INVALID_PARAMETER;
    if ((Options & FILE_DIRECTORY_FILE) && (Options & FILE_NON_DIRECTORY_FILE))
        return STATUS_INVALID_PARAMETER;
    if ((Options & FILE_DELETE_ON_CLOSE) && !(Access & DELETE))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

/* The extended attributes go to the driver as the packet's system buffer. */
static NTSTATUS IopCaptureEa(IO_OPEN_PACKET *Packet, PVOID EaBuffer, ULONG EaLength)
{
    if (EaBuffer == NULL || EaLength == 0)
        return STATUS_SUCCESS;
    if (EaLength > EA_LIMIT)
        return STATUS_INVALID_PARAMETER;
    Packet->Ea = ExAllocatePoolWithTag(NonPagedPool, EaLength, TAG_EA);
    if (Packet->Ea == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Packet->EaLength = EaLength;
    return ExCopyIn(Packet->Ea, EaBuffer, EaLength);
}

static NTSTATUS IopOpenCaptured(POBJECT_ATTRIBUTES ObjectAttributes, ACCESS_MASK Access,
                                IO_OPEN_PACKET *Packet, PHANDLE Handle)
{
    EX_ATTRIBUTES Attributes;
    NTSTATUS Status = ExCaptureAttributes(&Attributes, ObjectAttributes);

    if (!NT_SUCCESS(Status))
        return Status;
    Packet->CaseSensitive = !(Attributes.Flags & OBJ_CASE_INSENSITIVE);
    Status = IopOpen(&Attributes, Access, Packet, Handle);
    ExReleaseAttributes(&Attributes);
    return Status;
}

/* Opens a file or device (WDK: ZwCreateFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER AllocationSize, ULONG FileAttributes, ULONG ShareAccess,
                            ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer,
                            ULONG EaLength)
{
    IO_OPEN_PACKET Packet = {.Options = CreateOptions,
                             .Disposition = CreateDisposition,
                             .FileAttributes = (USHORT)FileAttributes,
                             .ShareAccess = (USHORT)ShareAccess};
    ACCESS_MASK Access = IopMapAccess(DesiredAccess);
    IO_STATUS_BLOCK Iosb;
    HANDLE Handle;
    NTSTATUS Status = IopCheckOptions(CreateOptions, CreateDisposition, ShareAccess, Access);

    if (NT_SUCCESS(Status))
        Status = ExProbeOut(FileHandle, sizeof Handle);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(IoStatusBlock, sizeof Iosb);
    if (NT_SUCCESS(Status) && AllocationSize)
        Status = ExCopyIn(&Packet.AllocationSize, AllocationSize, sizeof *AllocationSize);
    if (NT_SUCCESS(Status))
        Status = IopCaptureEa(&Packet, EaBuffer, EaLength);
    if (NT_SUCCESS(Status))
        Status = IopOpenCaptured(ObjectAttributes, Access, &Packet, &Handle);
    if (Packet.Ea)
        ExFreePoolWithTag(Packet.Ea, TAG_EA);
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

/*
 * The same for drivers (WDK: IoCreateFile). IO_NO_PARAMETER_CHECKING: the pointers are the
 * kernel's, whatever the thread's previous mode is.
 */
NTSTATUS NTAPI IoCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER AllocationSize, ULONG FileAttributes, ULONG ShareAccess,
                            ULONG Disposition, ULONG CreateOptions, PVOID EaBuffer, ULONG EaLength,
                            CREATE_FILE_TYPE CreateFileType, PVOID InternalParameters,
                            ULONG Options)
{
    PKTHREAD Thread = KiGetCurrentThread();
    CCHAR PreviousMode = Thread->PreviousMode;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (CreateFileType != CreateFileTypeNone || InternalParameters)
        return STATUS_NOT_SUPPORTED; /* pipes and mailslots */
    if (Options & IO_NO_PARAMETER_CHECKING)
        Thread->PreviousMode = KernelMode;
    Status =
        NtCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock, AllocationSize,
                     FileAttributes, ShareAccess, Disposition, CreateOptions, EaBuffer, EaLength);
    Thread->PreviousMode = PreviousMode;
    return Status;
}

/*
 * The top of a named device's stack, and a file object that keeps it (WDK:
 * IoGetDeviceObjectPointer). The drivers see an open and, as the handle is closed at once, a
 * cleanup; the close comes when the file object is dereferenced. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoGetDeviceObjectPointer(PUNICODE_STRING ObjectName, ACCESS_MASK DesiredAccess,
                                        PFILE_OBJECT *FileObject, PDEVICE_OBJECT *DeviceObject)
{
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;
    HANDLE Handle;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    InitializeObjectAttributes(&Attributes, ObjectName, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               NULL, NULL);
    Status = ZwOpenFile(&Handle, DesiredAccess, &Attributes, &Iosb, 0, FILE_NON_DIRECTORY_FILE);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObReferenceObjectByHandle(Handle, 0, *IoFileObjectType, KernelMode,
                                       (PVOID *)FileObject, NULL);
    if (NT_SUCCESS(Status))
        *DeviceObject = IoGetRelatedDeviceObject(*FileObject);
    ZwClose(Handle);
    return Status;
}
