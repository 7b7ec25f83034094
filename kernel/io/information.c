/*
 * The services that ask about a file or volume, or set something of it, and the flush. What the
 * file object itself knows is answered here; the rest is the driver's (IRP_MJ_QUERY_INFORMATION and
 * its kin), with a system buffer, and the service always waits.
 */
#include "kernel/io/request.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"

#define TAG_INFORMATION 'nIoI'
#define LENGTH_LIMIT    0x100000

/* The least length of a class, and the access that a query or a change needs. */
typedef struct _IOP_CLASS {
    USHORT QueryLength, SetLength; /* 0: cannot be */
    ACCESS_MASK QueryAccess, SetAccess;
} IOP_CLASS;

static const IOP_CLASS IopFileClasses[FileMaximumInformation] = {
    [FileBasicInformation] = {sizeof(FILE_BASIC_INFORMATION), sizeof(FILE_BASIC_INFORMATION),
                              FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES},
    [FileStandardInformation] = {sizeof(FILE_STANDARD_INFORMATION), 0, 0, 0},
    [FileInternalInformation] = {sizeof(FILE_INTERNAL_INFORMATION), 0, 0, 0},
    [FileEaInformation] = {sizeof(FILE_EA_INFORMATION), 0, 0, 0},
    [FileAccessInformation] = {sizeof(FILE_ACCESS_INFORMATION), 0, 0, 0},
    [FileNameInformation] = {sizeof(FILE_NAME_INFORMATION), 0, 0, 0},
    [FileRenameInformation] = {0, sizeof(FILE_RENAME_INFORMATION), 0, DELETE},
    [FileLinkInformation] = {0, sizeof(FILE_LINK_INFORMATION), 0, 0},
    [FileDispositionInformation] = {0, sizeof(FILE_DISPOSITION_INFORMATION), 0, DELETE},
    [FilePositionInformation] = {sizeof(FILE_POSITION_INFORMATION),
                                 sizeof(FILE_POSITION_INFORMATION), 0, 0},
    [FileModeInformation] = {sizeof(FILE_MODE_INFORMATION), sizeof(FILE_MODE_INFORMATION), 0, 0},
    [FileAlignmentInformation] = {sizeof(FILE_ALIGNMENT_INFORMATION), 0, 0, 0},
    [FileAllInformation] = {sizeof(FILE_ALL_INFORMATION), 0, FILE_READ_ATTRIBUTES, 0},
    [FileAllocationInformation] = {0, sizeof(FILE_ALLOCATION_INFORMATION), 0, FILE_WRITE_DATA},
    [FileEndOfFileInformation] = {0, sizeof(FILE_END_OF_FILE_INFORMATION), 0, FILE_WRITE_DATA},
    [FileStreamInformation] = {sizeof(FILE_STREAM_INFORMATION), 0, 0, 0},
    [FileNetworkOpenInformation] = {sizeof(FILE_NETWORK_OPEN_INFORMATION), 0, FILE_READ_ATTRIBUTES,
                                    0},
    [FileAttributeTagInformation] = {sizeof(FILE_ATTRIBUTE_TAG_INFORMATION), 0,
                                     FILE_READ_ATTRIBUTES, 0},
};

static const IOP_CLASS IopVolumeClasses[FileFsMaximumInformation] = {
    [FileFsVolumeInformation] = {sizeof(FILE_FS_VOLUME_INFORMATION), 0, 0, 0},
    [FileFsLabelInformation] = {0, sizeof(FILE_FS_LABEL_INFORMATION), 0, FILE_WRITE_DATA},
    [FileFsSizeInformation] = {sizeof(FILE_FS_SIZE_INFORMATION), 0, 0, 0},
    [FileFsDeviceInformation] = {sizeof(FILE_FS_DEVICE_INFORMATION), 0, 0, 0},
    [FileFsAttributeInformation] = {sizeof(FILE_FS_ATTRIBUTE_INFORMATION), 0, 0, 0},
    [FileFsFullSizeInformation] = {sizeof(FILE_FS_FULL_SIZE_INFORMATION), 0, 0, 0},
};

/* One query or change; the buffer is the caller's. */
typedef struct _IOP_INFORMATION {
    UCHAR MajorFunction;
    BOOLEAN Set;
    ULONG Class, Length;
    PVOID Buffer;
    const IOP_CLASS *Limits;
} IOP_INFORMATION;

static NTSTATUS IopCheckClass(const IOP_CLASS *Classes, ULONG Count, ULONG Class, ULONG Length,
                              BOOLEAN Set)
{
    ULONG Least = Class >= Count ? 0 : Set ? Classes[Class].SetLength : Classes[Class].QueryLength;

    if (Least == 0)
        return STATUS_INVALID_INFO_CLASS;
    return Length < Least ? STATUS_INFO_LENGTH_MISMATCH : STATUS_SUCCESS;
}

/* Are class and length right (WDK: IoCheckQuerySetFileInformation)? */
NTSTATUS NTAPI IoCheckQuerySetFileInformation(FILE_INFORMATION_CLASS FileInformationClass,
                                              ULONG Length, BOOLEAN SetOperation)
{
    return IopCheckClass(IopFileClasses, FileMaximumInformation, FileInformationClass, Length,
                         SetOperation);
}

NTSTATUS NTAPI IoCheckQuerySetVolumeInformation(FS_INFORMATION_CLASS FsInformationClass,
                                                ULONG Length, BOOLEAN SetOperation)
{
    return IopCheckClass(IopVolumeClasses, FileFsMaximumInformation, FsInformationClass, Length,
                         SetOperation);
}

/* Sends the packet for a query or change, with a kernel buffer, and waits. */
static NTSTATUS IopAskDriver(PFILE_OBJECT File, const IOP_INFORMATION *Information, PVOID Buffer,
                             PIO_STATUS_BLOCK Iosb)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(File);
    PIO_STACK_LOCATION Stack;
    PIRP Irp = IopBuildIrp(File, Device, Information->MajorFunction, &Stack);

    if (Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Irp->Flags = IRP_SYNCHRONOUS_API | IRP_BUFFERED_IO;
    Irp->AssociatedIrp.SystemBuffer = Buffer;
    Stack->Parameters.QueryFile.Length = Information->Length; /* the same for all four */
    Stack->Parameters.QueryFile.FileInformationClass = Information->Class;
    return IopCallAndWait(Device, Irp, Iosb, Irp->RequestorMode);
}

static ULONG IopFileMode(PFILE_OBJECT File)
{
    ULONG Synchronous =
        (File->Flags & FO_ALERTABLE_IO) ? FILE_SYNCHRONOUS_IO_ALERT : FILE_SYNCHRONOUS_IO_NONALERT;

    return ((File->Flags & FO_SYNCHRONOUS_IO) ? Synchronous : 0) |
           ((File->Flags & FO_WRITE_THROUGH) ? FILE_WRITE_THROUGH : 0) |
           ((File->Flags & FO_SEQUENTIAL_ONLY) ? FILE_SEQUENTIAL_ONLY : 0) |
           ((File->Flags & FO_NO_INTERMEDIATE_BUFFERING) ? FILE_NO_INTERMEDIATE_BUFFERING : 0);
}

/* What the file object knows. FALSE: it is for the driver to answer. */
static BOOLEAN IopAnswerHere(PFILE_OBJECT File, ACCESS_MASK Access, const IOP_INFORMATION *Query,
                             PVOID Buffer, PIO_STATUS_BLOCK Iosb)
{
    if (Query->MajorFunction == IRP_MJ_QUERY_VOLUME_INFORMATION) {
        if (Query->Class != FileFsDeviceInformation)
            return FALSE;
        *(PFILE_FS_DEVICE_INFORMATION)Buffer = (FILE_FS_DEVICE_INFORMATION){
            File->DeviceObject->DeviceType, File->DeviceObject->Characteristics};
    } else if (Query->Class == FileAccessInformation) {
        ((PFILE_ACCESS_INFORMATION)Buffer)->AccessFlags = Access;
    } else if (Query->Class == FilePositionInformation) {
        ((PFILE_POSITION_INFORMATION)Buffer)->CurrentByteOffset = File->CurrentByteOffset;
    } else if (Query->Class == FileModeInformation) {
        ((PFILE_MODE_INFORMATION)Buffer)->Mode = IopFileMode(File);
    } else if (Query->Class == FileAlignmentInformation) {
        ((PFILE_ALIGNMENT_INFORMATION)Buffer)->AlignmentRequirement =
            IoGetRelatedDeviceObject(File)->AlignmentRequirement;
    } else {
        return FALSE;
    }
    *Iosb = (IO_STATUS_BLOCK){{STATUS_SUCCESS}, Query->Limits->QueryLength};
    return TRUE;
}

static NTSTATUS IopSetMode(PFILE_OBJECT File, ULONG Mode)
{
    ULONG Now = IopFileMode(File);
    const ULONG Fixed = FILE_NO_INTERMEDIATE_BUFFERING;

    if ((Mode & ~FILE_VALID_SET_FLAGS) || ((Mode ^ Now) & Fixed & FILE_VALID_SET_FLAGS) ||
        !(Mode & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)) !=
            !(File->Flags & FO_SYNCHRONOUS_IO))
        return STATUS_INVALID_PARAMETER;
    File->Flags &= ~(FO_WRITE_THROUGH | FO_SEQUENTIAL_ONLY | FO_ALERTABLE_IO);
    File->Flags |= ((Mode & FILE_WRITE_THROUGH) ? FO_WRITE_THROUGH : 0) |
                   ((Mode & FILE_SEQUENTIAL_ONLY) ? FO_SEQUENTIAL_ONLY : 0) |
                   ((Mode & FILE_SYNCHRONOUS_IO_ALERT) ? FO_ALERTABLE_IO : 0);
    return STATUS_SUCCESS;
}

/* What changes the file object only. FALSE: it is for the driver. */
static BOOLEAN IopSetHere(PFILE_OBJECT File, const IOP_INFORMATION *Change, PVOID Buffer,
                          PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Position = ((PFILE_POSITION_INFORMATION)Buffer)->CurrentByteOffset;

    *Iosb = (IO_STATUS_BLOCK){{STATUS_SUCCESS}, 0};
    if (Change->MajorFunction != IRP_MJ_SET_INFORMATION)
        return FALSE;
    if (Change->Class == FileModeInformation) {
        Iosb->Status = IopSetMode(File, ((PFILE_MODE_INFORMATION)Buffer)->Mode);
        return TRUE;
    }
    if (Change->Class != FilePositionInformation)
        return FALSE;
    if (Position.QuadPart < 0)
        Iosb->Status = STATUS_INVALID_PARAMETER;
    else
        File->CurrentByteOffset = Position;
    return TRUE;
}

/* A captured query or change: answered here or by the driver. */
static NTSTATUS IopInform(PFILE_OBJECT File, ACCESS_MASK Access, const IOP_INFORMATION *Information,
                          PVOID Buffer, PIO_STATUS_BLOCK Iosb)
{
    BOOLEAN Done = Information->Set ? IopSetHere(File, Information, Buffer, Iosb)
                                    : IopAnswerHere(File, Access, Information, Buffer, Iosb);

    return Done ? Iosb->Status : IopAskDriver(File, Information, Buffer, Iosb);
}

static NTSTATUS IopInformCaller(IOP_REQUEST *Request, ACCESS_MASK Access,
                                const IOP_INFORMATION *Information, PVOID Buffer)
{
    NTSTATUS Status = STATUS_SUCCESS;
    IO_STATUS_BLOCK Iosb;

    if (Information->Set)
        Status = ExCopyIn(Buffer, Information->Buffer, Information->Length);
    if (NT_SUCCESS(Status))
        Status = IopInform(Request->File, Access, Information, Buffer, &Iosb);
    if (NT_ERROR(Status))
        return Status;
    if (!Information->Set && !NT_SUCCESS(ExCopyOut(Information->Buffer, Buffer,
                                                   min(Iosb.Information, Information->Length))))
        return STATUS_ACCESS_VIOLATION;
    ExCopyOut(Request->UserIosb, &Iosb, sizeof Iosb);
    return Status;
}

/* The four services. */
static NTSTATUS IopInformationService(HANDLE FileHandle, PIO_STATUS_BLOCK UserIosb,
                                      const IOP_INFORMATION *Information)
{
    IOP_REQUEST Request = IOP_NEW_REQUEST(UserIosb, NULL, NULL);
    OBJECT_HANDLE_INFORMATION HandleInformation;
    PVOID Buffer, File;
    NTSTATUS Status;

    if (Information->Length > LENGTH_LIMIT)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!Information->Set && !NT_SUCCESS(ExProbeOut(Information->Buffer, Information->Length)))
        return STATUS_ACCESS_VIOLATION;
    Status = ObReferenceObjectByHandle(FileHandle, 0, *IoFileObjectType, ExGetPreviousMode(), &File,
                                       &HandleInformation);
    if (!NT_SUCCESS(Status))
        return Status;
    ObDereferenceObject(File);
    Status = IopBeginRequest(&Request, FileHandle, NULL,
                             Information->Set ? Information->Limits->SetAccess
                                              : Information->Limits->QueryAccess);
    if (!NT_SUCCESS(Status))
        return Status;
    Buffer = ExAllocatePoolWithTag(NonPagedPool, Information->Length, TAG_INFORMATION);
    if (Buffer == NULL)
        return IopEndRequest(&Request, STATUS_INSUFFICIENT_RESOURCES);
    RtlZeroMemory(Buffer, Information->Length);
    Status = IopInformCaller(&Request, HandleInformation.GrantedAccess, Information, Buffer);
    ExFreePoolWithTag(Buffer, TAG_INFORMATION);
    return IopEndRequest(&Request, Status);
}

/* Asks about a file (WDK: ZwQueryInformationFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtQueryInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                      PVOID FileInformation, ULONG Length,
                                      FILE_INFORMATION_CLASS FileInformationClass)
{
    IOP_INFORMATION Query = {IRP_MJ_QUERY_INFORMATION, FALSE,
                             FileInformationClass,     Length,
                             FileInformation,          &IopFileClasses[FileInformationClass]};
    NTSTATUS Status = IoCheckQuerySetFileInformation(FileInformationClass, Length, FALSE);

    return NT_SUCCESS(Status) ? IopInformationService(FileHandle, IoStatusBlock, &Query) : Status;
}

/* Changes something of a file (WDK: ZwSetInformationFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtSetInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                    PVOID FileInformation, ULONG Length,
                                    FILE_INFORMATION_CLASS FileInformationClass)
{
    IOP_INFORMATION Change = {IRP_MJ_SET_INFORMATION, TRUE,
                              FileInformationClass,   Length,
                              FileInformation,        &IopFileClasses[FileInformationClass]};
    NTSTATUS Status = IoCheckQuerySetFileInformation(FileInformationClass, Length, TRUE);

    return NT_SUCCESS(Status) ? IopInformationService(FileHandle, IoStatusBlock, &Change) : Status;
}

/* The same for the volume (WDK: ZwQueryVolumeInformationFile). */
NTSTATUS NTAPI NtQueryVolumeInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                            PVOID FsInformation, ULONG Length,
                                            FS_INFORMATION_CLASS FsInformationClass)
{
    IOP_INFORMATION Query = {
        IRP_MJ_QUERY_VOLUME_INFORMATION,      FALSE, FsInformationClass, Length, FsInformation,
        &IopVolumeClasses[FsInformationClass]};
    NTSTATUS Status = IoCheckQuerySetVolumeInformation(FsInformationClass, Length, FALSE);

    return NT_SUCCESS(Status) ? IopInformationService(FileHandle, IoStatusBlock, &Query) : Status;
}

NTSTATUS NTAPI NtSetVolumeInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                          PVOID FsInformation, ULONG Length,
                                          FS_INFORMATION_CLASS FsInformationClass)
{
    IOP_INFORMATION Change = {
        IRP_MJ_SET_VOLUME_INFORMATION,        TRUE, FsInformationClass, Length, FsInformation,
        &IopVolumeClasses[FsInformationClass]};
    NTSTATUS Status = IoCheckQuerySetVolumeInformation(FsInformationClass, Length, TRUE);

    return NT_SUCCESS(Status) ? IopInformationService(FileHandle, IoStatusBlock, &Change) : Status;
}

/* For drivers, that have a file object and a buffer of their own (WDK: IoQueryFileInformation). */
static NTSTATUS IopInformDriver(PFILE_OBJECT File, const IOP_INFORMATION *Information,
                                PULONG ReturnedLength)
{
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = IopInform(File, FILE_ALL_ACCESS, Information, Information->Buffer, &Iosb);
    if (ReturnedLength)
        *ReturnedLength = (ULONG)Iosb.Information;
    return Status;
}

NTSTATUS NTAPI IoQueryFileInformation(PFILE_OBJECT FileObject,
                                      FILE_INFORMATION_CLASS FileInformationClass, ULONG Length,
                                      PVOID FileInformation, PULONG ReturnedLength)
{
    IOP_INFORMATION Query = {IRP_MJ_QUERY_INFORMATION, FALSE,
                             FileInformationClass,     Length,
                             FileInformation,          &IopFileClasses[FileInformationClass]};
    NTSTATUS Status = IoCheckQuerySetFileInformation(FileInformationClass, Length, FALSE);

    return NT_SUCCESS(Status) ? IopInformDriver(FileObject, &Query, ReturnedLength) : Status;
}

NTSTATUS NTAPI IoQueryVolumeInformation(PFILE_OBJECT FileObject,
                                        FS_INFORMATION_CLASS FsInformationClass, ULONG Length,
                                        PVOID FsInformation, PULONG ReturnedLength)
{
    IOP_INFORMATION Query = {
        IRP_MJ_QUERY_VOLUME_INFORMATION,      FALSE, FsInformationClass, Length, FsInformation,
        &IopVolumeClasses[FsInformationClass]};
    NTSTATUS Status = IoCheckQuerySetVolumeInformation(FsInformationClass, Length, FALSE);

    return NT_SUCCESS(Status) ? IopInformDriver(FileObject, &Query, ReturnedLength) : Status;
}

NTSTATUS NTAPI IoSetInformation(PFILE_OBJECT FileObject,
                                FILE_INFORMATION_CLASS FileInformationClass, ULONG Length,
                                PVOID FileInformation)
{
    IOP_INFORMATION Change = {IRP_MJ_SET_INFORMATION, TRUE,
                              FileInformationClass,   Length,
                              FileInformation,        &IopFileClasses[FileInformationClass]};
    NTSTATUS Status = IoCheckQuerySetFileInformation(FileInformationClass, Length, TRUE);

    return NT_SUCCESS(Status) ? IopInformDriver(FileObject, &Change, NULL) : Status;
}

/* Has what is cached written out (WDK: ZwFlushBuffersFile). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
    IOP_INFORMATION Nothing = {.MajorFunction = IRP_MJ_FLUSH_BUFFERS};
    IOP_REQUEST Request = IOP_NEW_REQUEST(IoStatusBlock, NULL, NULL);
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status = IopBeginRequest(&Request, FileHandle, NULL, 0);

    if (!NT_SUCCESS(Status))
        return Status;
    if (!Request.File->WriteAccess)
        return IopEndRequest(&Request, STATUS_ACCESS_DENIED);
    Status = IopAskDriver(Request.File, &Nothing, NULL, &Iosb);
    if (!NT_ERROR(Status))
        ExCopyOut(IoStatusBlock, &Iosb, sizeof Iosb);
    return IopEndRequest(&Request, Status);
}
