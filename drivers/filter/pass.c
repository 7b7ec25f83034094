/*
 * Requests on their way through the filter: down in FilterPass, up in FilterCompleted.
 *
 * A filter may be called in any context, up to DISPATCH_LEVEL, with any request, among them ones of
 * which it has never heard: it passes all on unchanged, and what the lower driver says about
 * pending it says too.
 */
#include "device.h"

static VOID FilterCountSent(PFILTER_EXTENSION Extension, UCHAR MajorFunction)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&Extension->Lock, &OldIrql);
    Extension->Counters[MajorFunction].Sent++;
    KeReleaseSpinLock(&Extension->Lock, OldIrql);
}

/* Returns whether the request is to be logged. */
static BOOLEAN FilterCountCompleted(PFILTER_EXTENSION Extension, UCHAR MajorFunction, PIRP Irp)
{
    PFILTER_COUNTERS Counters = &Extension->Counters[MajorFunction];
    BOOLEAN Logging;
    KIRQL OldIrql;

    KeAcquireSpinLock(&Extension->Lock, &OldIrql);
    Counters->Completed++;
    if (Irp->PendingReturned)
        Counters->Pended++;
    if (!NT_SUCCESS(Irp->IoStatus.Status))
        Counters->Failed++;
    else if (MajorFunction == IRP_MJ_READ || MajorFunction == IRP_MJ_WRITE ||
             MajorFunction == IRP_MJ_DEVICE_CONTROL)
        Counters->Bytes += Irp->IoStatus.Information; /* elsewhere it is no length */
    Logging = Extension->Logging;
    KeReleaseSpinLock(&Extension->Lock, OldIrql);
    return Logging;
}

/*
 * The lower driver has completed the request, in any context, at up to DISPATCH_LEVEL. Our stack
 * location is the current one again.
 *
 * FilterPass may have returned STATUS_PENDING long ago. Whoever returns that must have marked his
 * own location pending, and PendingReturned is the lower location's mark: so it is carried on. A
 * filter that forgets this leaves the caller waiting for ever, or frees the packet too early.
 */
static NTSTATUS NTAPI FilterCompleted(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UCHAR MajorFunction = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;

    UNREFERENCED_PARAMETER(Context);
    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    if (FilterCountCompleted(DeviceObject->DeviceExtension, MajorFunction, Irp))
        DbgPrint("filter: function %02x, status %08lx, %lu bytes%s\n", MajorFunction,
                 Irp->IoStatus.Status, (ULONG)Irp->IoStatus.Information,
                 Irp->PendingReturned ? ", pended" : "");
    return STATUS_CONTINUE_COMPLETION; /* on, upwards */
}

/*
 * Our location's parameters go into the next lower one, and with them the routine by which we hear
 * of the end. A plain completion routine would be called even if the filter had been unloaded
 * meanwhile, for nothing tells the I/O manager that we still expect it. IoSetCompletionRoutineEx
 * keeps a reference to our device object, and with it the driver's image, until it has returned.
 *
 * That takes memory. When there is none, the request goes down uncounted, in our own location
 * (skipped: used again by the next). A filter must not be why a close fails.
 */
static NTSTATUS FilterSend(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILTER_EXTENSION Extension = DeviceObject->DeviceExtension;
    UCHAR MajorFunction = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;

    IoCopyCurrentIrpStackLocationToNext(Irp);
    if (NT_SUCCESS(
            IoSetCompletionRoutineEx(DeviceObject, Irp, FilterCompleted, NULL, TRUE, TRUE, TRUE)))
        FilterCountSent(Extension, MajorFunction);
    else
        IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Extension->Lower, Irp);
}

/*
 * The reference keeps device and image while the lower driver runs, which may take its time, and
 * may complete the packet, and so drop the other reference, long before it returns.
 *
 * What no driver can mend: a caller that has looked up the top of the stack just before we were
 * detached, and calls us after; or is about to return from here. Windows has the same gap, and so
 * unloads filters of devices in use only while nobody uses them, or by Plug and Play.
 */
NTSTATUS NTAPI FilterPass(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    NTSTATUS Status;

    ObReferenceObject(DeviceObject);
    Status = FilterSend(DeviceObject, Irp);
    ObDereferenceObject(DeviceObject);
    return Status;
}
