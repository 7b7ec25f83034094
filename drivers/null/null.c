/*
 * null.sys: two devices without hardware, the smallest whole driver there is. Read this one first.
 *
 *      device        link              a read gives     a write
 *      \Device\Null  \DosDevices\NUL   end of file      takes all and forgets it
 *      \Device\Zero  \DosDevices\ZERO  zeros            the same
 *
 * Null never looks at a buffer, so it asks for none: with neither DO_BUFFERED_IO nor DO_DIRECT_IO
 * the I/O manager does nothing about the caller's memory, and the caller's address is ignored here,
 * good or bad. Zero fills the caller's own pages (DO_DIRECT_IO): they are locked and described by
 * an MDL before the driver is called, which makes them safe to write in any context, at any IRQL up
 * to DISPATCH_LEVEL. For long transfers that is cheaper than a system buffer and a copy.
 *
 * Nothing here changes after DriverEntry, so there is nothing to lock.
 */
#include <ntddk.h>

DRIVER_INITIALIZE DriverEntry;

/* What makes the two devices different. */
typedef enum _NULL_KIND { NullDevice, ZeroDevice, NullKinds } NULL_KIND;

static const struct {
    PCWSTR Name, Link;
    ULONG Flags; /* how the I/O manager is to prepare the buffers of reads and writes */
} Kinds[NullKinds] = {
    [NullDevice] = {L"\\Device\\Null", L"\\DosDevices\\NUL", 0},
    [ZeroDevice] = {L"\\Device\\Zero", L"\\DosDevices\\ZERO", DO_DIRECT_IO},
};

/* The device extension: zeroed memory that comes with each device object. */
typedef struct _NULL_EXTENSION {
    NULL_KIND Kind;
} NULL_EXTENSION, *PNULL_EXTENSION;

/* ---- Dispatch routines ------------------------------------------------------------------------
 */

/* Completed exactly once, and from then on not ours: not even to return its status from. */
static NTSTATUS NullComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Open, last handle closed, file object gone, buffers to be flushed: nothing to do for any. */
static NTSTATUS NTAPI NullAgree(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return NullComplete(Irp, STATUS_SUCCESS, 0);
}

/*
 * Zeros into the caller's pages. Its own address means nothing outside its context, so they get a
 * second one in system space, which goes with the MDL. Mapping can fail, when there is no room for
 * it: the "safe" macro says so where the older one stopped the machine.
 */
static NTSTATUS NullFillWithZeros(PIRP Irp, ULONG Length)
{
    PVOID Buffer;

    if (Length == 0)
        return NullComplete(Irp, STATUS_SUCCESS, 0); /* without an MDL: there are no pages */
    Buffer = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
    if (Buffer == NULL)
        return NullComplete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    RtlZeroMemory(Buffer, Length);
    return NullComplete(Irp, STATUS_SUCCESS, Length);
}

static NTSTATUS NTAPI NullRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PNULL_EXTENSION Extension = DeviceObject->DeviceExtension;

    if (Extension->Kind == NullDevice)
        return NullComplete(Irp, STATUS_END_OF_FILE, 0);
    return NullFillWithZeros(Irp, IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length);
}

/* Information: how much has been written. Less than was asked would make callers try again. */
static NTSTATUS NTAPI NullWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return NullComplete(Irp, STATUS_SUCCESS,
                        IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length);
}

/* ---- Load and unload --------------------------------------------------------------------------
 */

/*
 * The I/O manager unloads the driver when none of its devices is open and nothing is attached to
 * one. So no request is on its way, and the devices can go. Deleting one takes it off the list.
 */
static VOID NTAPI NullUnload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Link;
    PDEVICE_OBJECT Device;

    while ((Device = DriverObject->DeviceObject) != NULL) {
        PNULL_EXTENSION Extension = Device->DeviceExtension;
        RtlInitUnicodeString(&Link, Kinds[Extension->Kind].Link);
        IoDeleteSymbolicLink(&Link);
        IoDeleteDevice(Device);
    }
}

/* Makes a device, then the name by which programs find it. On failure neither is there. */
static NTSTATUS NullCreate(PDRIVER_OBJECT DriverObject, NULL_KIND Kind)
{
    UNICODE_STRING Name, Link;
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    RtlInitUnicodeString(&Name, Kinds[Kind].Name);
    RtlInitUnicodeString(&Link, Kinds[Kind].Link);
    Status = IoCreateDevice(DriverObject, sizeof(NULL_EXTENSION), &Name, FILE_DEVICE_NULL,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    ((PNULL_EXTENSION)Device->DeviceExtension)->Kind = Kind;
    Device->Flags |= Kinds[Kind].Flags;
    Status = IoCreateSymbolicLink(&Link, &Name);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(Device);
    return Status;
}

/*
 * Called once, at PASSIVE_LEVEL. If it fails, DriverUnload is not called: what is there already is
 * taken away here. Devices that DriverEntry makes can be opened once it has returned
 * (DO_DEVICE_INITIALIZING, which the I/O manager clears), so no request finds half a driver.
 */
NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS Status = STATUS_SUCCESS;
    NULL_KIND Kind;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = NullAgree;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = NullAgree;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = NullAgree;
    DriverObject->MajorFunction[IRP_MJ_FLUSH_BUFFERS] = NullAgree;
    DriverObject->MajorFunction[IRP_MJ_READ] = NullRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = NullWrite;
    DriverObject->DriverUnload = NullUnload;
    for (Kind = NullDevice; Kind < NullKinds && NT_SUCCESS(Status); Kind++)
        Status = NullCreate(DriverObject, Kind);
    if (!NT_SUCCESS(Status))
        NullUnload(DriverObject);
    return Status;
}
