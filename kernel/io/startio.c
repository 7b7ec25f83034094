/*
 * One packet at a time: a device's queue, and its driver's StartIo routine, which is called with
 * the packet that is to be worked at (WDK: StartIo Routines in Drivers). CurrentIrp is that packet.
 *
 * A packet with a cancel routine is queued and taken out under the cancel spin lock, so that
 * CurrentIrp tells a cancel routine truly whether its packet is still in the queue.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

#define DEFERRED       1 /* IOP_DEVICE.StartIo: StartIo is not called from within itself */
#define NOT_CANCELABLE 2 /* packets in the queue have no cancel routine */

static VOID IopCallStartIo(PDEVICE_OBJECT Device, PIRP Irp)
{
    Device->DriverObject->DriverStartIo(Device, Irp);
}

/* With which lock the queue and CurrentIrp are changed. */
static BOOLEAN IopLockForStart(PDEVICE_OBJECT Device, BOOLEAN Cancelable, PKIRQL Irql)
{
    Cancelable = Cancelable && !(IOP_DEVICE_OF(Device)->StartIo & NOT_CANCELABLE);
    if (Cancelable)
        IoAcquireCancelSpinLock(Irql);
    return Cancelable;
}

/*
 * Has StartIo called with a packet, now or when those before it are done (WDK: IoStartPacket). Key:
 * its place in the queue, NULL for the end. CancelFunction: set as its cancel routine while it
 * waits. IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI IoStartPacket(PDEVICE_OBJECT DeviceObject, PIRP Irp, PULONG Key,
                         PDRIVER_CANCEL CancelFunction)
{
    PKDEVICE_QUEUE_ENTRY Entry = &Irp->Tail.Overlay.DeviceQueueEntry;
    KIRQL OldIrql = KfRaiseIrql(DISPATCH_LEVEL), Irql;
    BOOLEAN Locked = IopLockForStart(DeviceObject, CancelFunction != NULL, &Irql);
    BOOLEAN Queued;

    if (CancelFunction)
        IoSetCancelRoutine(Irp, CancelFunction);
    Queued = Key ? KeInsertByKeyDeviceQueue(&DeviceObject->DeviceQueue, Entry, *Key)
                 : KeInsertDeviceQueue(&DeviceObject->DeviceQueue, Entry);
    if (!Queued)
        DeviceObject->CurrentIrp = Irp;
    if (Queued && CancelFunction && Irp->Cancel &&
        !(IOP_DEVICE_OF(DeviceObject)->StartIo & NOT_CANCELABLE)) {
        PDRIVER_CANCEL Routine = IoSetCancelRoutine(Irp, NULL);
        if (Routine) { /* it was cancelled before it had the routine */
            Irp->CancelIrql = Irql;
            Routine(DeviceObject, Irp);
            Locked = FALSE;
        }
    }
    if (Locked)
        IoReleaseCancelSpinLock(Irql);
    if (!Queued)
        IopCallStartIo(DeviceObject, Irp);
    KfLowerIrql(OldIrql);
}

static PIRP IopTakePacket(PDEVICE_OBJECT Device, BOOLEAN ByKey, ULONG Key)
{
    PKDEVICE_QUEUE_ENTRY Entry = ByKey ? KeRemoveByKeyDeviceQueue(&Device->DeviceQueue, Key)
                                       : KeRemoveDeviceQueue(&Device->DeviceQueue);

    return Entry ? CONTAINING_RECORD(Entry, IRP, Tail.Overlay.DeviceQueueEntry) : NULL;
}

static VOID IopStartOne(PDEVICE_OBJECT Device, BOOLEAN Cancelable, BOOLEAN ByKey, ULONG Key)
{
    KIRQL Irql;
    BOOLEAN Locked = IopLockForStart(Device, Cancelable, &Irql);
    PIRP Irp;

    Device->CurrentIrp = NULL;
    Irp = IopTakePacket(Device, ByKey, Key);
    Device->CurrentIrp = Irp;
    if (Locked)
        IoReleaseCancelSpinLock(Irql);
    if (Irp)
        IopCallStartIo(Device, Irp);
}

/*
 * With deferred StartIo a StartIo routine that asks for the next packet gets it when it has
 * returned: however many packets are completed at once, the stack does not grow. StartIoDepth
 * counts the askers; the first one does the work of all.
 */
static VOID IopStartNext(PDEVICE_OBJECT Device, BOOLEAN Cancelable, BOOLEAN ByKey, ULONG Key)
{
    IOP_DEVICE *Private = IOP_DEVICE_OF(Device);

    if (!(Private->StartIo & DEFERRED)) {
        IopStartOne(Device, Cancelable, ByKey, Key);
        return;
    }
    if (InterlockedIncrement(&Private->StartIoDepth) > 1)
        return;
    do {
        IopStartOne(Device, Cancelable, ByKey, Key);
    } while (InterlockedDecrement(&Private->StartIoDepth) > 0);
}

/* The current packet is done: StartIo is called with the next (WDK: IoStartNextPacket).
 * IRQL: DISPATCH_LEVEL. */
VOID NTAPI IoStartNextPacket(PDEVICE_OBJECT DeviceObject, BOOLEAN Cancelable)
{
    IopStartNext(DeviceObject, Cancelable, FALSE, 0);
}

/* The same; the next is the first of at least a key (WDK: IoStartNextPacketByKey). */
VOID NTAPI IoStartNextPacketByKey(PDEVICE_OBJECT DeviceObject, BOOLEAN Cancelable, ULONG Key)
{
    IopStartNext(DeviceObject, Cancelable, TRUE, Key);
}

/* How a device's packets are started (WDK: IoSetStartIoAttributes). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoSetStartIoAttributes(PDEVICE_OBJECT DeviceObject, BOOLEAN DeferredStartIo,
                                  BOOLEAN NonCancelable)
{
    IOP_DEVICE_OF(DeviceObject)->StartIo =
        (DeferredStartIo ? DEFERRED : 0) | (NonCancelable ? NOT_CANCELABLE : 0);
}
