/*
 * The devices of a disk, and their names. For disk 0 with one partition that Windows knows:
 *
 *      \Device\Harddisk0\Partition0    the whole disk, also \DosDevices\PhysicalDrive0
 *      \Device\Harddisk0\Partition1    also \DosDevices\C:, or the next letter that is free
 *
 * Partitions are numbered as Windows does it: the four of the first sector in their order, without
 * those that are not used and those that hold others, then what these hold, link by link.
 *
 * All of it at PASSIVE_LEVEL, while the driver is loaded or unloaded.
 */
#include "disk.h"
#include <ntstrsafe.h>

#define TABLE_OFFSET    446
#define TABLE_ENTRIES   4
#define SIGNATURE       0xAA55
#define FIRST_LETTER    L'C'
#define LAST_LETTER     L'Z'
#define NAME_CHARACTERS 48

/* A name that is made from numbers. */
typedef struct _IDE_NAME {
    UNICODE_STRING String;
    WCHAR Text[NAME_CHARACTERS];
} IDE_NAME, *PIDE_NAME;

/* An entry of a partition table, as it is on the disk. */
typedef struct _IDE_ENTRY {
    UCHAR Active;
    UCHAR FirstPlace[3]; /* in cylinders, heads and sectors, which nobody looks at any more */
    UCHAR Type;
    UCHAR LastPlace[3];
    ULONG Start, Count; /* in sectors; what Start is counted from depends on the entry */
} IDE_ENTRY, *PIDE_ENTRY;

C_ASSERT(sizeof(IDE_ENTRY) == 16);

typedef struct _IDE_TABLE {
    UCHAR Code[TABLE_OFFSET];
    UCHAR Entries[TABLE_ENTRIES * sizeof(IDE_ENTRY)]; /* not aligned */
    USHORT Signature;
} IDE_TABLE, *PIDE_TABLE;

C_ASSERT(sizeof(IDE_TABLE) == IDE_SECTOR);

/* ---- Names ------------------------------------------------------------------------------------
 */

/* Every format here has two numbers at most, and the longest result fits. */
static PAGEABLE PUNICODE_STRING IdeFormat(PIDE_NAME Name, PCWSTR Format, ULONG First, ULONG Second)
{
    RtlStringCbPrintfW(Name->Text, sizeof Name->Text, Format, First, Second);
    RtlInitUnicodeString(&Name->String, Name->Text);
    return &Name->String;
}

static PAGEABLE PUNICODE_STRING IdeDeviceName(PIDE_NAME Name, PIDE_VOLUME Volume)
{
    return IdeFormat(Name, L"\\Device\\Harddisk%lu\\Partition%lu", Volume->Disk->Number,
                     Volume->Number);
}

/* A letter for what Windows' file systems may be on. If none is free, it has none. */
static INITIAL VOID IdeAssignLetter(PIDE_VOLUME Volume)
{
    IDE_NAME Name, Link;
    WCHAR Letter;

    if (!IsRecognizedPartition(Volume->Type))
        return;
    IdeDeviceName(&Name, Volume);
    for (Letter = FIRST_LETTER; Letter <= LAST_LETTER && !Volume->Letter; Letter++) {
        IdeFormat(&Link, L"\\DosDevices\\%c:", Letter, 0);
        if (NT_SUCCESS(IoCreateSymbolicLink(&Link.String, &Name.String)))
            Volume->Letter = Letter;
    }
}

/* Makes the links by which programs find the disk and its partitions. */
INITIAL NTSTATUS IdeNameDisk(PIDE_DISK Disk)
{
    IDE_NAME Name, Link;
    ULONG i;

    IdeDeviceName(&Name, &Disk->Whole);
    IdeFormat(&Link, L"\\DosDevices\\PhysicalDrive%lu", Disk->Number, 0);
    for (i = 0; i < Disk->PartitionCount; i++)
        IdeAssignLetter(Disk->Partitions[i]);
    DbgPrint("ide: disk %lu: %s, %lu MB, %lu partitions, %s\n", Disk->Number, Disk->Model,
             (ULONG)(Disk->Whole.Length >> 20), Disk->PartitionCount, Disk->Dma ? "DMA" : "PIO");
    return IoCreateSymbolicLink(&Link.String, &Name.String);
}

/* ---- Devices ----------------------------------------------------------------------------------
 */

/* Creates the device of a disk or partition; its extension begins with an IDE_VOLUME. */
static INITIAL NTSTATUS IdeCreateVolume(PDRIVER_OBJECT DriverObject, ULONG ExtensionSize,
                                        ULONG DiskNumber, ULONG Number, PIDE_VOLUME *Volume)
{
    PDEVICE_OBJECT DeviceObject;
    IDE_NAME Name;
    NTSTATUS Status;

    IdeFormat(&Name, L"\\Device\\Harddisk%lu\\Partition%lu", DiskNumber, Number);
    Status = IoCreateDevice(DriverObject, ExtensionSize, &Name.String, FILE_DEVICE_DISK,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &DeviceObject);
    if (!NT_SUCCESS(Status))
        return Status;
    DeviceObject->Flags |= DO_DIRECT_IO;
    DeviceObject->AlignmentRequirement = FILE_WORD_ALIGNMENT; /* faster, but not needed */
    DeviceObject->SectorSize = IDE_SECTOR;
    *Volume = DeviceObject->DeviceExtension;
    (*Volume)->DeviceObject = DeviceObject;
    (*Volume)->Number = Number;
    return STATUS_SUCCESS;
}

/* The disk's own directory in the name space, which its devices' names are in. */
static INITIAL NTSTATUS IdeCreateDirectory(ULONG Number, PHANDLE Directory)
{
    OBJECT_ATTRIBUTES Attributes;
    IDE_NAME Name;

    IdeFormat(&Name, L"\\Device\\Harddisk%lu", Number, 0);
    InitializeObjectAttributes(&Attributes, &Name.String, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               NULL, NULL);
    return ZwCreateDirectoryObject(Directory, DIRECTORY_ALL_ACCESS, &Attributes);
}

/*
 * Creates the device of a whole disk, with what StartIo, DPC and timer need. The caller fills in
 * the rest. *Disk is for IdeDeleteDisk.
 */
INITIAL NTSTATUS IdeCreateDisk(PDRIVER_OBJECT DriverObject, ULONG Number, PIDE_DISK *Disk)
{
    PDEVICE_OBJECT DeviceObject;
    PIDE_VOLUME Whole;
    HANDLE Directory;
    NTSTATUS Status = IdeCreateDirectory(Number, &Directory);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = IdeCreateVolume(DriverObject, sizeof(IDE_DISK), Number, 0, &Whole);
    if (!NT_SUCCESS(Status)) {
        ZwClose(Directory);
        return Status;
    }
    DeviceObject = Whole->DeviceObject;
    *Disk = Whole->Disk = CONTAINING_RECORD(Whole, IDE_DISK, Whole);
    (*Disk)->Number = Number;
    (*Disk)->Directory = Directory;
    IoInitializeDpcRequest(DeviceObject, IdeDpc);
    Status = IoInitializeTimer(DeviceObject, IdeTimer, NULL);
    if (NT_SUCCESS(Status))
        Status = IoRegisterShutdownNotification(DeviceObject);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(DeviceObject);
        ZwClose(Directory);
    }
    return Status;
}

static PAGEABLE VOID IdeDeletePartition(PIDE_VOLUME Volume)
{
    IDE_NAME Link;

    if (Volume->Letter)
        IoDeleteSymbolicLink(IdeFormat(&Link, L"\\DosDevices\\%c:", Volume->Letter, 0));
    IoDeleteDevice(Volume->DeviceObject);
}

/* Undoes all of this file's. The link may not be there, if loading failed before it. */
PAGEABLE VOID IdeDeleteDisk(PIDE_DISK Disk)
{
    HANDLE Directory = Disk->Directory;
    IDE_NAME Link;
    ULONG i;

    PAGED_CODE();
    IoStopTimer(Disk->Whole.DeviceObject);
    IoUnregisterShutdownNotification(Disk->Whole.DeviceObject);
    IoDeleteSymbolicLink(IdeFormat(&Link, L"\\DosDevices\\PhysicalDrive%lu", Disk->Number, 0));
    for (i = 0; i < Disk->PartitionCount; i++)
        IdeDeletePartition(Disk->Partitions[i]);
    IoDeleteDevice(Disk->Whole.DeviceObject);
    ZwClose(Directory);
}

/* ---- Partitions -------------------------------------------------------------------------------
 */

/* Reads a sector as anybody would: with a packet of its own. */
static INITIAL NTSTATUS IdeReadSector(PIDE_DISK Disk, ULONGLONG Sector, PVOID Buffer)
{
    LARGE_INTEGER Offset = {.QuadPart = Sector * IDE_SECTOR};
    IO_STATUS_BLOCK Result;
    NTSTATUS Status;
    KEVENT Done;
    PIRP Irp;

    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    Irp = IoBuildSynchronousFsdRequest(IRP_MJ_READ, Disk->Whole.DeviceObject, Buffer, IDE_SECTOR,
                                       &Offset, &Done, &Result);
    if (Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = IoCallDriver(Disk->Whole.DeviceObject, Irp);
    if (Status == STATUS_PENDING) {
        KeWaitForSingleObject(&Done, Executive, KernelMode, FALSE, NULL);
        Status = Result.Status;
    }
    return Status;
}

/* Makes the device of a partition, unless the table is wrong: it may not leave the disk. */
static INITIAL VOID IdeAddPartition(PIDE_DISK Disk, const IDE_ENTRY *Entry, ULONGLONG Base)
{
    LONGLONG Start = (Base + Entry->Start) * IDE_SECTOR,
             Length = Entry->Count * (LONGLONG)IDE_SECTOR;
    PIDE_VOLUME Volume;
    NTSTATUS Status;

    if (Disk->PartitionCount == IDE_PARTITIONS)
        return;
    if (Start == 0 || Start > Disk->Whole.Length || Length > Disk->Whole.Length - Start) {
        DbgPrint("ide: disk %lu: a partition reaches beyond its end\n", Disk->Number);
        return;
    }
    Status = IdeCreateVolume(Disk->Whole.DeviceObject->DriverObject, sizeof(IDE_VOLUME),
                             Disk->Number, Disk->PartitionCount + 1, &Volume);
    if (!NT_SUCCESS(Status))
        return;
    Volume->Disk = Disk;
    Volume->Start = Start;
    Volume->Length = Length;
    Volume->Type = Entry->Type;
    Volume->Active = (Entry->Active & 0x80) != 0;
    Disk->Partitions[Disk->PartitionCount++] = Volume;
}

/*
 * Adds the partitions of one table, which lies in sector Base. Returns its entry for a container
 * of further ones; Type 0: there is none. (A table has one at most.)
 */
static INITIAL IDE_ENTRY IdeAddTable(PIDE_DISK Disk, PIDE_TABLE Table, ULONGLONG Base)
{
    IDE_ENTRY Entries[TABLE_ENTRIES], Container = {.Type = PARTITION_ENTRY_UNUSED};
    ULONG i;

    RtlCopyMemory(Entries, Table->Entries, sizeof Entries);
    if (Table->Signature != SIGNATURE)
        return Container;
    for (i = 0; i < TABLE_ENTRIES; i++) {
        if (Entries[i].Type == PARTITION_ENTRY_UNUSED || Entries[i].Count == 0)
            continue;
        if (IsContainerPartition(Entries[i].Type))
            Container = Entries[i];
        else
            IdeAddPartition(Disk, &Entries[i], Base);
    }
    return Container;
}

/*
 * Finds the disk's partitions. A container holds a chain of tables, each with a partition, whose
 * start is counted from that table, and the next table, whose start is counted from the container.
 * A chain that runs in a circle ends by its length. A disk that cannot be read has no partitions.
 */
INITIAL VOID IdeFindPartitions(PIDE_DISK Disk)
{
    PIDE_TABLE Table;
    ULONGLONG Sector = 0, Container = 0;
    IDE_ENTRY Next;
    ULONG i;

    Table = ExAllocatePoolWithTag(NonPagedPool, sizeof *Table, IDE_TAG);
    for (i = 0; Table && i <= IDE_PARTITIONS; i++) {
        if (!NT_SUCCESS(IdeReadSector(Disk, Sector, Table)))
            break;
        Next = IdeAddTable(Disk, Table, Sector);
        if (Next.Type == PARTITION_ENTRY_UNUSED)
            break;
        if (Container == 0)
            Container = Next.Start;
        Sector = i == 0 ? Container : Container + Next.Start;
    }
    if (Table)
        ExFreePoolWithTag(Table, IDE_TAG);
}
