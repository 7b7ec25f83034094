/*
 * filter.sys: attaches itself to a device of another driver and sees all that is sent to it. It
 * counts, per major function, logs if asked to, and changes nothing.
 *
 * It has two devices, and so one MajorFunction table for both: the filter device, without a name,
 * on top of the filtered one's stack (pass.c), and the control device that programs open
 * (control.c).
 *
 * It is a filter for legacy drivers' devices, by name. In a Plug and Play stack a filter is made by
 * AddDevice and goes when IRP_MN_REMOVE_DEVICE passes.
 *
 * In this file: attaching and detaching. The order is what matters. As soon as the filter is
 * attached requests come, so everything is ready before, and nothing can fail after it.
 */
#include "device.h"

DRIVER_INITIALIZE DriverEntry;

static PDEVICE_OBJECT ControlDevice; /* made by DriverEntry; the driver's other one is the filter */

/* Of both devices. */
static NTSTATUS NTAPI FilterDispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (DeviceObject == ControlDevice)
        return ControlDispatch(DeviceObject, Irp);
    return FilterPass(DeviceObject, Irp);
}

/*
 * Makes the filter device and puts it on top of the target's stack. The I/O manager prepares the
 * buffers of reads and writes as the top device's flags say, so ours must be the lower one's. They
 * are set before we are attached: a read could come in between. So must Lower be, and therefore the
 * routine itself stores it (Safe), before any request can find us.
 */
static NTSTATUS FilterAttach(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Target,
                             PDEVICE_OBJECT *FilterDevice)
{
    PFILTER_EXTENSION Extension;
    NTSTATUS Status =
        IoCreateDevice(DriverObject, sizeof(FILTER_EXTENSION), NULL, Target->DeviceType,
                       Target->Characteristics, FALSE, FilterDevice);

    if (!NT_SUCCESS(Status))
        return Status;
    (*FilterDevice)->Flags |= Target->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO);
    Extension = (*FilterDevice)->DeviceExtension;
    KeInitializeSpinLock(&Extension->Lock);
    Status = IoAttachDeviceToDeviceStackSafe(*FilterDevice, Target, &Extension->Lower);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(*FilterDevice);
    return Status;
}

/*
 * A device is found by opening it, and it cannot go away while it is open. When that file object is
 * let go, its IRP_MJ_CLOSE is the first request that passes the filter. (IoAttachDevice would do
 * all of this in one, but would give us no chance to set the flags before.)
 */
static NTSTATUS FilterAttachByName(PDRIVER_OBJECT DriverObject, PUNICODE_STRING Name,
                                   PDEVICE_OBJECT *FilterDevice)
{
    PDEVICE_OBJECT Target;
    PFILE_OBJECT File;
    NTSTATUS Status = IoGetDeviceObjectPointer(Name, FILE_READ_ATTRIBUTES, &File, &Target);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = FilterAttach(DriverObject, Target, FilterDevice);
    ObDereferenceObject(File);
    return Status;
}

static VOID FilterDeleteControl(VOID)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(FILTER_LINK_NAME);

    IoDeleteSymbolicLink(&Link);
    IoDeleteDevice(ControlDevice);
}

static NTSTATUS FilterCreateControl(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(FILTER_DEVICE_NAME);
    UNICODE_STRING Link = RTL_CONSTANT_STRING(FILTER_LINK_NAME);
    NTSTATUS Status =
        IoCreateDevice(DriverObject, sizeof(CONTROL_EXTENSION), &Name, FILE_DEVICE_UNKNOWN,
                       FILE_DEVICE_SECURE_OPEN, FALSE, &ControlDevice);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateSymbolicLink(&Link, &Name);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(ControlDevice);
    return Status;
}

/*
 * Called when nobody has the control device open and nobody has attached himself to us. The
 * filtered device may well be open. From IoDetachDevice on no further request comes; those that
 * are on their way keep the filter's device object, with its extension, and the driver's image.
 * They still use Lower, whose reference we have given back: it is held by the file that each
 * request is for.
 */
static VOID NTAPI FilterUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT Device, Next;

    for (Device = DriverObject->DeviceObject; Device; Device = Next) {
        Next = Device->NextDevice;
        if (Device == ControlDevice)
            continue;
        IoDetachDevice(((PFILTER_EXTENSION)Device->DeviceExtension)->Lower);
        IoDeleteDevice(Device);
    }
    FilterDeleteControl();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    WCHAR Room[TARGET_CHARACTERS];
    UNICODE_STRING Target = {0, sizeof Room, Room};
    PCONTROL_EXTENSION Control;
    NTSTATUS Status;
    ULONG i;

    Status = FilterQueryTarget(RegistryPath, &Target);
    if (!NT_SUCCESS(Status))
        return Status;
    for (i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        DriverObject->MajorFunction[i] = FilterDispatch;
    DriverObject->DriverUnload = FilterUnload;
    Status = FilterCreateControl(DriverObject);
    if (!NT_SUCCESS(Status))
        return Status;
    Control = ControlDevice->DeviceExtension;
    Status = FilterAttachByName(DriverObject, &Target, &Control->Filter);
    if (!NT_SUCCESS(Status))
        FilterDeleteControl();
    return Status;
}
