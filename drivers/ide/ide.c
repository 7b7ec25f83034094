/*
 * ide.sys: IDE disks on a PC's two channels, as \Device\HarddiskN\Partition0 (the whole disk) and
 * Partition1 and so on, with bus-master DMA where there is any.
 *
 * A model of a driver for a device that interrupts and moves data by itself: dispatch routines that
 * check and queue (IoStartPacket), StartIo, a service routine that does little, a DPC that does the
 * rest, a timer for what never comes, retries, the error log. It is a legacy driver: it looks for
 * its hardware itself. Read in this order: disk.h, this file, transfer.c, command.c, the rest.
 *
 * In this file: entry and unload, and the dispatch routines, which may be called at up to
 * DISPATCH_LEVEL and in any context. A disk's requests have no cancel routine: they end by
 * themselves, with the time-out at the latest (WDK: Canceling IRPs).
 */
#include "disk.h"

DRIVER_INITIALIZE DriverEntry;

NTSTATUS IdeComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/*
 * Whether bytes of a device can be asked for: whole sectors, and all of them there. Disks have no
 * end of file, as files have: what is beyond is an invalid parameter.
 */
NTSTATUS IdeCheckRange(PIDE_VOLUME Volume, LONGLONG Offset, ULONG Length)
{
    if (Offset < 0 || Offset % IDE_SECTOR || Length % IDE_SECTOR)
        return STATUS_INVALID_PARAMETER;
    if (Offset > Volume->Length || Length > Volume->Length - Offset)
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

/* Has the disk work at a packet when its turn comes. */
NTSTATUS IdeQueue(PIDE_DISK Disk, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoStartPacket(Disk->Whole.DeviceObject, Irp, NULL, NULL);
    return STATUS_PENDING;
}

/*
 * From here on the offset is the disk's, not the partition's: a driver may change its own stack
 * location. If the processor is to move the data it needs an address for it, which there may be
 * none left of; so that is asked for here, where it can still be refused.
 */
static NTSTATUS NTAPI IdeDispatchTransfer(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIDE_VOLUME Volume = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG Length = Stack->Parameters.Read.Length; /* Write's parameters have the same layout */
    NTSTATUS Status = IdeCheckRange(Volume, Stack->Parameters.Read.ByteOffset.QuadPart, Length);

    if (!NT_SUCCESS(Status) || Length == 0)
        return IdeComplete(Irp, Status, 0);
    if (!IdeCanUseDma(Volume->Disk, Irp->MdlAddress) &&
        MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority) == NULL)
        return IdeComplete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    Stack->Parameters.Read.ByteOffset.QuadPart += Volume->Start;
    return IdeQueue(Volume->Disk, Irp);
}

/* Flush, and shutdown, of which the whole disk is told: what has been written is to be on the
 * medium. It waits its turn behind all writes that came before it. */
static NTSTATUS NTAPI IdeDispatchFlush(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIDE_VOLUME Volume = DeviceObject->DeviceExtension;

    if (!Volume->Disk->Flush) /* the drive has no cache */
        return IdeComplete(Irp, STATUS_SUCCESS, 0);
    return IdeQueue(Volume->Disk, Irp);
}

/* A device has no files in it: \Device\Harddisk0\Partition1\NAME is for a file system to find. */
static NTSTATUS NTAPI IdeDispatchOpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Stack->MajorFunction == IRP_MJ_CREATE && Stack->FileObject &&
        Stack->FileObject->FileName.Length)
        return IdeComplete(Irp, STATUS_OBJECT_PATH_NOT_FOUND, 0);
    return IdeComplete(Irp, STATUS_SUCCESS, 0);
}

/* Nobody has a device open, so no packet is in hand or queued. */
static PAGEABLE VOID NTAPI IdeUnload(PDRIVER_OBJECT DriverObject)
{
    PAGED_CODE();
    IdeDeleteAll(IoGetDriverObjectExtension(DriverObject, DriverEntry));
}

/* STATUS_NO_SUCH_DEVICE: there is no disk. */
INITIAL NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PIDE_DRIVER Driver;
    NTSTATUS Status = IoAllocateDriverObjectExtension(DriverObject, DriverEntry, sizeof *Driver,
                                                      (PVOID *)&Driver);

    UNREFERENCED_PARAMETER(RegistryPath);
    if (!NT_SUCCESS(Status))
        return Status;
    RtlZeroMemory(Driver, sizeof *Driver);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = IdeDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = IdeDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = IdeDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = IdeDispatchTransfer;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = IdeDispatchTransfer;
    DriverObject->MajorFunction[IRP_MJ_FLUSH_BUFFERS] = IdeDispatchFlush;
    DriverObject->MajorFunction[IRP_MJ_SHUTDOWN] = IdeDispatchFlush;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = IdeDeviceControl;
    DriverObject->DriverStartIo = IdeStartIo;
    DriverObject->DriverUnload = IdeUnload;
    Status = IdeFindDisks(DriverObject, Driver);
    if (!NT_SUCCESS(Status))
        IdeDeleteAll(Driver);
    return Status;
}
