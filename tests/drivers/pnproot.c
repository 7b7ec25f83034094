/*
 * pnproot.sys: the smallest driver of a root device: it attaches to it, offers an interface, and
 * takes it back when the device is removed. pnp.exe loads it.
 */
#include <ntddk.h>
#include <initguid.h>

DRIVER_INITIALIZE DriverEntry;

DEFINE_GUID(RootClass, 0x11223344, 0x5566, 0x7788, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x04);

typedef struct _EXTENSION {
    PDEVICE_OBJECT Lower;
    UNICODE_STRING Link;
    IO_REMOVE_LOCK Lock;
} EXTENSION;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI OpenClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    return Complete(Irp, STATUS_SUCCESS);
}

static NTSTATUS Start(EXTENSION *Extension, PIRP Irp)
{
    NTSTATUS Status = STATUS_UNSUCCESSFUL;

    if (IoForwardIrpSynchronously(Extension->Lower, Irp))
        Status = Irp->IoStatus.Status;
    if (NT_SUCCESS(Status))
        Status = IoSetDeviceInterfaceState(&Extension->Link, TRUE);
    IoReleaseRemoveLock(&Extension->Lock, Irp);
    return Complete(Irp, Status);
}

static NTSTATUS Remove(PDEVICE_OBJECT Device, EXTENSION *Extension, PIRP Irp)
{
    NTSTATUS Status;

    IoSetDeviceInterfaceState(&Extension->Link, FALSE);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    Status = IoCallDriver(Extension->Lower, Irp);
    IoReleaseRemoveLockAndWait(&Extension->Lock, Irp);
    RtlFreeUnicodeString(&Extension->Link);
    IoDetachDevice(Extension->Lower);
    IoDeleteDevice(Device);
    return Status;
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    EXTENSION *Extension = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Extension->Lock, Irp);

    if (!NT_SUCCESS(Status))
        return Complete(Irp, Status);
    if (Stack->MinorFunction == IRP_MN_START_DEVICE)
        return Start(Extension, Irp);
    if (Stack->MinorFunction == IRP_MN_REMOVE_DEVICE)
        return Remove(Device, Extension, Irp);
    if (Stack->MinorFunction == IRP_MN_QUERY_REMOVE_DEVICE)
        Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    Status = IoCallDriver(Extension->Lower, Irp);
    IoReleaseRemoveLock(&Extension->Lock, Irp);
    return Status;
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Pdo)
{
    EXTENSION *Extension;
    PDEVICE_OBJECT Device;
    NTSTATUS Status = IoCreateDevice(DriverObject, sizeof *Extension, NULL, FILE_DEVICE_UNKNOWN, 0,
                                     FALSE, &Device);

    if (!NT_SUCCESS(Status))
        return Status;
    Extension = Device->DeviceExtension;
    IoInitializeRemoveLock(&Extension->Lock, 'toor', 1, 10);
    Extension->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    Status = IoRegisterDeviceInterface(Pdo, &RootClass, NULL, &Extension->Link);
    if (!NT_SUCCESS(Status)) {
        IoDetachDevice(Extension->Lower);
        IoDeleteDevice(Device);
        return Status;
    }
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    return STATUS_SUCCESS;
}
