/*
 * The control device: by it programs read the counters. The filter device itself would be no place
 * for that: what is sent to it is meant for the device below, whose control codes are its own.
 */
#include "device.h"

C_ASSERT(FILTER_FUNCTIONS == IRP_MJ_MAXIMUM_FUNCTION + 1);

/* Buffer: nonpaged, as it is written with the lock held. */
static NTSTATUS ControlGetCounters(PFILTER_EXTENSION Filter, PVOID Buffer, ULONG OutLength,
                                   PULONG_PTR Information)
{
    KIRQL OldIrql;

    if (OutLength < sizeof Filter->Counters)
        return STATUS_BUFFER_TOO_SMALL;
    KeAcquireSpinLock(&Filter->Lock, &OldIrql);
    RtlCopyMemory(Buffer, Filter->Counters, sizeof Filter->Counters);
    KeReleaseSpinLock(&Filter->Lock, OldIrql);
    *Information = sizeof Filter->Counters;
    return STATUS_SUCCESS;
}

static NTSTATUS ControlSetLog(PFILTER_EXTENSION Filter, const ULONG *Buffer, ULONG InLength)
{
    KIRQL OldIrql;

    if (InLength < sizeof *Buffer)
        return STATUS_BUFFER_TOO_SMALL;
    KeAcquireSpinLock(&Filter->Lock, &OldIrql);
    Filter->Logging = *Buffer != 0;
    KeReleaseSpinLock(&Filter->Lock, OldIrql);
    return STATUS_SUCCESS;
}

static NTSTATUS ControlRequest(PFILTER_EXTENSION Filter, PIRP Irp, PULONG_PTR Information)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    PVOID Buffer = Irp->AssociatedIrp.SystemBuffer;

    switch (Location->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_FILTER_GET_COUNTERS:
        return ControlGetCounters(
            Filter, Buffer, Location->Parameters.DeviceIoControl.OutputBufferLength, Information);
    case IOCTL_FILTER_SET_LOG:
        return ControlSetLog(Filter, Buffer,
                             Location->Parameters.DeviceIoControl.InputBufferLength);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

/* Opens and closes succeed; of the rest there are only control codes. */
NTSTATUS NTAPI ControlDispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PCONTROL_EXTENSION Extension = DeviceObject->DeviceExtension;
    NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;
    ULONG_PTR Information = 0;

    switch (IoGetCurrentIrpStackLocation(Irp)->MajorFunction) {
    case IRP_MJ_CREATE:
    case IRP_MJ_CLEANUP:
    case IRP_MJ_CLOSE:
        Status = STATUS_SUCCESS;
        break;
    case IRP_MJ_DEVICE_CONTROL:
        Status = ControlRequest(Extension->Filter->DeviceExtension, Irp, &Information);
        break;
    }
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}
