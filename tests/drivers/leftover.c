/*
 * A driver that leaves things in odd states: its device can be told to delete itself while it is
 * open, and it makes a link that leads nowhere. leftover.exe sees what comes of it.
 */
#include <wdm.h>

#define DEVICE_NAME L"\\Device\\Leftover"
#define LINK_NAME   L"\\DosDevices\\Leftover"
#define GONE_NAME   L"\\DosDevices\\Gone"

static PDEVICE_OBJECT Device; /* NULL: deleted */

DRIVER_INITIALIZE DriverEntry;
static DRIVER_DISPATCH LeftoverDispatch;
static DRIVER_UNLOAD LeftoverUnload;

static VOID DeleteDevice(VOID)
{
    if (Device)
        IoDeleteDevice(Device);
    Device = NULL;
}

/* Any device control deletes the device that it comes to. */
static NTSTATUS NTAPI LeftoverDispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_DEVICE_CONTROL)
        DeleteDevice();
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static VOID NTAPI LeftoverUnload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(LINK_NAME), Gone = RTL_CONSTANT_STRING(GONE_NAME);

    UNREFERENCED_PARAMETER(DriverObject);
    IoDeleteSymbolicLink(&Link);
    IoDeleteSymbolicLink(&Gone);
    DeleteDevice();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(DEVICE_NAME), Link = RTL_CONSTANT_STRING(LINK_NAME);
    UNICODE_STRING Gone = RTL_CONSTANT_STRING(GONE_NAME);
    UNICODE_STRING Nothing = RTL_CONSTANT_STRING(L"\\Device\\Nothing");
    NTSTATUS Status =
        IoCreateDevice(DriverObject, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);

    UNREFERENCED_PARAMETER(RegistryPath);
    if (!NT_SUCCESS(Status))
        return Status;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = LeftoverDispatch;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = LeftoverDispatch;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = LeftoverDispatch;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = LeftoverDispatch;
    DriverObject->DriverUnload = LeftoverUnload;
    IoCreateSymbolicLink(&Link, &Name);
    IoCreateSymbolicLink(&Gone, &Nothing);
    return STATUS_SUCCESS;
}
