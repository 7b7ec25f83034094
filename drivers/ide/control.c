/*
 * The IOCTLs of disks and partitions (WDK: Storage Device I/O Control Codes): a table of them, and
 * a routine for each. All are METHOD_BUFFERED: Buffer holds the input, then the output.
 *
 * A routine finds the lengths checked. It returns the bytes of its output, or an error, or
 * STATUS_PENDING if it has queued the packet.
 */
#include "disk.h"

#define TRACKS  255 /* of a cylinder, and */
#define SECTORS 63  /* of a track, as PC firmware counts since disks have outgrown its numbers */

typedef struct _IDE_CALL {
    PIDE_VOLUME Volume;
    PIRP Irp;
    PVOID Buffer;
    ULONG InLength, OutLength;
    ULONG_PTR Information;
} IDE_CALL, *PIDE_CALL;

typedef NTSTATUS IDE_HANDLER(PIDE_CALL Call);

static NTSTATUS IdeNothingToSay(PIDE_CALL Call)
{
    UNREFERENCED_PARAMETER(Call);
    return STATUS_SUCCESS; /* the medium is there, as it was, and can be written */
}

static DISK_GEOMETRY IdeGeometry(PIDE_DISK Disk)
{
    DISK_GEOMETRY Geometry = {.MediaType = FixedMedia,
                              .TracksPerCylinder = TRACKS,
                              .SectorsPerTrack = SECTORS,
                              .BytesPerSector = IDE_SECTOR};

    Geometry.Cylinders.QuadPart = Disk->Whole.Length / (TRACKS * SECTORS * IDE_SECTOR);
    return Geometry;
}

static NTSTATUS IdeGetGeometry(PIDE_CALL Call)
{
    *(PDISK_GEOMETRY)Call->Buffer = IdeGeometry(Call->Volume->Disk);
    Call->Information = sizeof(DISK_GEOMETRY);
    return STATUS_SUCCESS;
}

static NTSTATUS IdeGetGeometryEx(PIDE_CALL Call)
{
    PDISK_GEOMETRY_EX Geometry = Call->Buffer;

    Geometry->Geometry = IdeGeometry(Call->Volume->Disk);
    Geometry->DiskSize.QuadPart = Call->Volume->Disk->Whole.Length;
    Call->Information = FIELD_OFFSET(DISK_GEOMETRY_EX, Data);
    return STATUS_SUCCESS;
}

static NTSTATUS IdeGetLength(PIDE_CALL Call)
{
    PGET_LENGTH_INFORMATION Length = Call->Buffer;

    Length->Length.QuadPart = Call->Volume->Length;
    Call->Information = sizeof *Length;
    return STATUS_SUCCESS;
}

static NTSTATUS IdeGetPartition(PIDE_CALL Call)
{
    PIDE_VOLUME Volume = Call->Volume;
    PPARTITION_INFORMATION Partition = Call->Buffer;

    RtlZeroMemory(Partition, sizeof *Partition);
    Partition->StartingOffset.QuadPart = Volume->Start;
    Partition->PartitionLength.QuadPart = Volume->Length;
    Partition->HiddenSectors = (ULONG)(Volume->Start / IDE_SECTOR);
    Partition->PartitionNumber = Volume->Number;
    Partition->PartitionType = Volume->Type;
    Partition->BootIndicator = Volume->Active;
    Partition->RecognizedPartition = IsRecognizedPartition(Volume->Type);
    Call->Information = sizeof *Partition;
    return STATUS_SUCCESS;
}

static NTSTATUS IdeGetPartitionEx(PIDE_CALL Call)
{
    PIDE_VOLUME Volume = Call->Volume;
    PPARTITION_INFORMATION_EX Partition = Call->Buffer;

    RtlZeroMemory(Partition, sizeof *Partition);
    Partition->PartitionStyle = PARTITION_STYLE_MBR;
    Partition->StartingOffset.QuadPart = Volume->Start;
    Partition->PartitionLength.QuadPart = Volume->Length;
    Partition->PartitionNumber = Volume->Number;
    Partition->Mbr.PartitionType = Volume->Type;
    Partition->Mbr.BootIndicator = Volume->Active;
    Partition->Mbr.RecognizedPartition = IsRecognizedPartition(Volume->Type);
    Partition->Mbr.HiddenSectors = (ULONG)(Volume->Start / IDE_SECTOR);
    Call->Information = sizeof *Partition;
    return STATUS_SUCCESS;
}

/* Has the drive read sectors without handing them over. */
static NTSTATUS IdeVerifySectors(PIDE_CALL Call)
{
    PVERIFY_INFORMATION Verify = Call->Buffer;
    NTSTATUS Status = IdeCheckRange(Call->Volume, Verify->StartingOffset.QuadPart, Verify->Length);

    if (!NT_SUCCESS(Status) || Verify->Length == 0)
        return Status;
    Verify->StartingOffset.QuadPart += Call->Volume->Start;
    return IdeQueue(Call->Volume->Disk, Call->Irp);
}

static NTSTATUS IdeGetDeviceNumber(PIDE_CALL Call)
{
    PSTORAGE_DEVICE_NUMBER Number = Call->Buffer;

    Number->DeviceType = FILE_DEVICE_DISK;
    Number->DeviceNumber = Call->Volume->Disk->Number;
    Number->PartitionNumber = Call->Volume->Number;
    Call->Information = sizeof *Number;
    return STATUS_SUCCESS;
}

static NTSTATUS IdeGetHotplug(PIDE_CALL Call)
{
    PSTORAGE_HOTPLUG_INFO Info = Call->Buffer;

    RtlZeroMemory(Info, sizeof *Info);
    Info->Size = sizeof *Info;
    Call->Information = sizeof *Info;
    return STATUS_SUCCESS;
}

/* ---- Properties -------------------------------------------------------------------------------
 */

/* A descriptor as long as it can be, then its texts. */
typedef struct _IDE_DESCRIPTOR {
    STORAGE_DEVICE_DESCRIPTOR Device;
    CHAR Model[sizeof((PIDE_DISK)0)->Model];
    CHAR Revision[sizeof((PIDE_DISK)0)->Revision];
    CHAR Serial[sizeof((PIDE_DISK)0)->Serial];
} IDE_DESCRIPTOR;

/* The requester gets as much as it has room for; Size in the header says how much there is. */
static NTSTATUS IdeReturn(PIDE_CALL Call, const VOID *Descriptor, ULONG Size)
{
    Call->Information = min(Size, Call->OutLength);
    RtlCopyMemory(Call->Buffer, Descriptor, Call->Information);
    return STATUS_SUCCESS;
}

static NTSTATUS IdeDeviceProperty(PIDE_CALL Call)
{
    PIDE_DISK Disk = Call->Volume->Disk;
    IDE_DESCRIPTOR Descriptor;

    RtlZeroMemory(&Descriptor, sizeof Descriptor);
    Descriptor.Device.Version = sizeof Descriptor.Device;
    Descriptor.Device.Size = sizeof Descriptor;
    Descriptor.Device.BusType = BusTypeAta;
    Descriptor.Device.ProductIdOffset = FIELD_OFFSET(IDE_DESCRIPTOR, Model);
    Descriptor.Device.ProductRevisionOffset = FIELD_OFFSET(IDE_DESCRIPTOR, Revision);
    Descriptor.Device.SerialNumberOffset = FIELD_OFFSET(IDE_DESCRIPTOR, Serial);
    RtlCopyMemory(Descriptor.Model, Disk->Model, sizeof Disk->Model);
    RtlCopyMemory(Descriptor.Revision, Disk->Revision, sizeof Disk->Revision);
    RtlCopyMemory(Descriptor.Serial, Disk->Serial, sizeof Disk->Serial);
    return IdeReturn(Call, &Descriptor, sizeof Descriptor);
}

static NTSTATUS IdeAdapterProperty(PIDE_CALL Call)
{
    STORAGE_ADAPTER_DESCRIPTOR Descriptor;

    RtlZeroMemory(&Descriptor, sizeof Descriptor);
    Descriptor.Version = Descriptor.Size = sizeof Descriptor;
    Descriptor.MaximumTransferLength = MAXULONG; /* longer ones take several commands */
    Descriptor.MaximumPhysicalPages = MAXULONG;
    Descriptor.AlignmentMask = FILE_WORD_ALIGNMENT;
    Descriptor.AdapterUsesPio = !Call->Volume->Disk->Dma;
    Descriptor.BusType = BusTypeAta;
    return IdeReturn(Call, &Descriptor, sizeof Descriptor);
}

static NTSTATUS IdeQueryProperty(PIDE_CALL Call)
{
    STORAGE_PROPERTY_QUERY Query = *(PSTORAGE_PROPERTY_QUERY)Call->Buffer;

    if (Query.PropertyId != StorageDeviceProperty && Query.PropertyId != StorageAdapterProperty)
        return STATUS_NOT_SUPPORTED;
    if (Query.QueryType == PropertyExistsQuery)
        return STATUS_SUCCESS;
    if (Query.QueryType != PropertyStandardQuery)
        return STATUS_NOT_SUPPORTED;
    if (Call->OutLength < sizeof(STORAGE_DESCRIPTOR_HEADER))
        return STATUS_INFO_LENGTH_MISMATCH;
    return Query.PropertyId == StorageDeviceProperty ? IdeDeviceProperty(Call)
                                                     : IdeAdapterProperty(Call);
}

/* ---- The table --------------------------------------------------------------------------------
 */

static const struct {
    ULONG Code, InLength, OutLength; /* bytes that there must be */
    IDE_HANDLER *Handler;
} IdeHandlers[] = {
    {IOCTL_DISK_GET_DRIVE_GEOMETRY, 0, sizeof(DISK_GEOMETRY), IdeGetGeometry},
    {IOCTL_DISK_GET_DRIVE_GEOMETRY_EX, 0, FIELD_OFFSET(DISK_GEOMETRY_EX, Data), IdeGetGeometryEx},
    {IOCTL_DISK_GET_LENGTH_INFO, 0, sizeof(GET_LENGTH_INFORMATION), IdeGetLength},
    {IOCTL_DISK_GET_PARTITION_INFO, 0, sizeof(PARTITION_INFORMATION), IdeGetPartition},
    {IOCTL_DISK_GET_PARTITION_INFO_EX, 0, sizeof(PARTITION_INFORMATION_EX), IdeGetPartitionEx},
    {IOCTL_DISK_VERIFY, sizeof(VERIFY_INFORMATION), 0, IdeVerifySectors},
    {IOCTL_DISK_IS_WRITABLE, 0, 0, IdeNothingToSay},
    {IOCTL_DISK_CHECK_VERIFY, 0, 0, IdeNothingToSay},
    {IOCTL_STORAGE_CHECK_VERIFY, 0, 0, IdeNothingToSay},
    {IOCTL_STORAGE_CHECK_VERIFY2, 0, 0, IdeNothingToSay},
    {IOCTL_STORAGE_GET_DEVICE_NUMBER, 0, sizeof(STORAGE_DEVICE_NUMBER), IdeGetDeviceNumber},
    {IOCTL_STORAGE_GET_HOTPLUG_INFO, 0, sizeof(STORAGE_HOTPLUG_INFO), IdeGetHotplug},
    {IOCTL_STORAGE_QUERY_PROPERTY, FIELD_OFFSET(STORAGE_PROPERTY_QUERY, AdditionalParameters), 0,
     IdeQueryProperty},
};

static NTSTATUS IdeHandle(PIDE_CALL Call, ULONG Code)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(IdeHandlers); i++) {
        if (IdeHandlers[i].Code != Code)
            continue;
        if (Call->InLength < IdeHandlers[i].InLength)
            return STATUS_INFO_LENGTH_MISMATCH;
        if (Call->OutLength < IdeHandlers[i].OutLength)
            return STATUS_BUFFER_TOO_SMALL;
        return IdeHandlers[i].Handler(Call);
    }
    return STATUS_INVALID_DEVICE_REQUEST;
}

/* IRQL <= DISPATCH_LEVEL. */
NTSTATUS NTAPI IdeDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    IDE_CALL Call = {.Volume = DeviceObject->DeviceExtension,
                     .Irp = Irp,
                     .Buffer = Irp->AssociatedIrp.SystemBuffer,
                     .InLength = Stack->Parameters.DeviceIoControl.InputBufferLength,
                     .OutLength = Stack->Parameters.DeviceIoControl.OutputBufferLength};
    NTSTATUS Status = IdeHandle(&Call, Stack->Parameters.DeviceIoControl.IoControlCode);

    return Status == STATUS_PENDING ? Status : IdeComplete(Irp, Status, Call.Information);
}
