/*
 * I/O request packets: allocated, sent down a stack of drivers, completed up again.
 *
 * The current stack location is the one of the driver that has the packet. A driver's completion
 * routine stands in the location below its own; so IofCompleteRequest, on its way up, looks at
 * each location that it leaves.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

#define TAG_IRP ' prI'

static KSPIN_LOCK IopCancelLock; /* the system's one cancel spin lock */

VOID NTAPI IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize)
{
    memset(Irp, 0, PacketSize);
    Irp->Type = IO_TYPE_IRP;
    Irp->Size = PacketSize;
    Irp->StackCount = StackSize;
    Irp->CurrentLocation = StackSize + 1;
    InitializeListHead(&Irp->ThreadListEntry);
    Irp->Tail.Overlay.CurrentStackLocation = (PIO_STACK_LOCATION)(Irp + 1) + StackSize;
}

/* Allocates a packet with StackSize locations (WDK: IoAllocateIrp). IRQL <= DISPATCH_LEVEL. */
PIRP NTAPI IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
    PIRP Irp;

    UNREFERENCED_PARAMETER(ChargeQuota);
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    Irp = ExAllocatePoolWithTag(NonPagedPool, IoSizeOfIrp(StackSize), TAG_IRP);
    if (Irp)
        IoInitializeIrp(Irp, (USHORT)IoSizeOfIrp(StackSize), StackSize);
    return Irp;
}

VOID NTAPI IoFreeIrp(PIRP Irp)
{
    ExFreePoolWithTag(Irp, TAG_IRP);
}

/* Sends a packet to a driver (WDK: IoCallDriver). IRQL <= DISPATCH_LEVEL. */
NTSTATUS FASTCALL IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack;

    if (--Irp->CurrentLocation <= 0)
        KeBugCheckEx(NO_MORE_IRP_STACK_LOCATIONS, (ULONG_PTR)Irp, 0, 0, 0);
    Stack = --Irp->Tail.Overlay.CurrentStackLocation;
    Stack->DeviceObject = DeviceObject;
    return DeviceObject->DriverObject->MajorFunction[Stack->MajorFunction](DeviceObject, Irp);
}

/* Is the completion routine of a location to be called for how the packet ended? */
static BOOLEAN IopIsInvoked(PIRP Irp, PIO_STACK_LOCATION Stack)
{
    if (Irp->Cancel && (Stack->Control & SL_INVOKE_ON_CANCEL))
        return TRUE;
    return (Stack->Control &
            (NT_SUCCESS(Irp->IoStatus.Status) ? SL_INVOKE_ON_SUCCESS : SL_INVOKE_ON_ERROR)) != 0;
}

/*
 * The last location has been left: tells the requester. A packet that is waited for is the
 * waiter's to free, and may be gone as soon as the event is set.
 */
static VOID IopFinish(PIRP Irp, CCHAR PriorityBoost)
{
    if (Irp->Flags & IRP_SYNCHRONOUS_API) {
        *Irp->UserIosb = Irp->IoStatus;
        KeSetEvent(Irp->UserEvent, PriorityBoost, FALSE);
    } else {
        IoFreeIrp(Irp);
    }
}

/* Leaves a location upward. (The headers' macro is for drivers: it does not leave the top.) */
static VOID IopLeaveLocation(PIRP Irp)
{
    Irp->CurrentLocation++;
    Irp->Tail.Overlay.CurrentStackLocation++;
}

/* Completes a packet (WDK: IoCompleteRequest). IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Irp->CurrentLocation > Irp->StackCount + 1)
        KeBugCheckEx(MULTIPLE_IRP_COMPLETE_REQUESTS, (ULONG_PTR)Irp, 0, 0, 0);
    if (Irp->CancelRoutine)
        KeBugCheckEx(CANCEL_STATE_IN_COMPLETED_IRP, (ULONG_PTR)Irp, (ULONG_PTR)Irp->CancelRoutine,
                     0, 0);
    IopLeaveLocation(Irp);
    for (; Irp->CurrentLocation <= Irp->StackCount + 1; Stack++) {
        Irp->PendingReturned = (Stack->Control & SL_PENDING_RETURNED) != 0;
        if (IopIsInvoked(Irp, Stack)) {
            PDEVICE_OBJECT Device = Irp->CurrentLocation <= Irp->StackCount
                                        ? IoGetCurrentIrpStackLocation(Irp)->DeviceObject
                                        : NULL;
            Stack->Control = 0;
            if (Stack->CompletionRoutine(Device, Irp, Stack->Context) ==
                STATUS_MORE_PROCESSING_REQUIRED)
                return; /* the packet is the driver's again */
        } else if (Irp->PendingReturned && Irp->CurrentLocation <= Irp->StackCount) {
            IoMarkIrpPending(Irp);
        }
        IopLeaveLocation(Irp);
    }
    IopFinish(Irp, PriorityBoost);
}

/* A packet for a file's device, its first location filled as far as all requests have it. */
PIRP IopBuildIrp(PFILE_OBJECT File, PDEVICE_OBJECT Device, UCHAR MajorFunction,
                 PIO_STACK_LOCATION *Stack)
{
    PIRP Irp = IoAllocateIrp(Device->StackSize, FALSE);

    if (Irp == NULL)
        return NULL;
    Irp->RequestorMode = KiGetCurrentThread()->PreviousMode;
    Irp->Tail.Overlay.Thread = (PETHREAD)KiGetCurrentThread();
    Irp->Tail.Overlay.OriginalFileObject = File;
    Irp->Flags = IRP_SYNCHRONOUS_API;
    *Stack = IoGetNextIrpStackLocation(Irp);
    (*Stack)->MajorFunction = MajorFunction;
    (*Stack)->FileObject = File;
    return Irp;
}

/*
 * Sends a packet and waits until it is completed, however the driver does it. The packet is gone
 * on return. What is to be copied to the requester is copied by the caller, in whose context that
 * is possible. Mode UserMode: if the thread is told to end meanwhile, the packet is cancelled.
 */
NTSTATUS IopCallAndWait(PDEVICE_OBJECT Device, PIRP Irp, PIO_STATUS_BLOCK Iosb,
                        KPROCESSOR_MODE Mode)
{
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp->UserEvent = &Event;
    Irp->UserIosb = Iosb;
    IofCallDriver(Device, Irp);
    /* (A driver that forgets to lower IRQL is caught on the service's way out, if not here.) */
    if ((KiGetCurrentIrql() < DISPATCH_LEVEL || !KeReadStateEvent(&Event)) &&
        KeWaitForSingleObject(&Event, Executive, Mode, FALSE, NULL) == STATUS_USER_APC) {
        IoCancelIrp(Irp);
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    }
    IoFreeIrp(Irp);
    return Iosb->Status;
}

VOID NTAPI IoAcquireCancelSpinLock(PKIRQL Irql)
{
    KeAcquireSpinLock(&IopCancelLock, Irql);
}

VOID NTAPI IoReleaseCancelSpinLock(KIRQL Irql)
{
    KeReleaseSpinLock(&IopCancelLock, Irql);
}

/*
 * Asks for a packet to be cancelled (WDK: IoCancelIrp). TRUE: its driver's cancel routine has been
 * called, with the cancel spin lock held, and has released it. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI IoCancelIrp(PIRP Irp)
{
    PDRIVER_CANCEL Routine;
    KIRQL Irql;

    IoAcquireCancelSpinLock(&Irql);
    Irp->Cancel = TRUE;
    Routine = IoSetCancelRoutine(Irp, NULL);
    if (Routine == NULL) {
        IoReleaseCancelSpinLock(Irql);
        return FALSE;
    }
    Irp->CancelIrql = Irql;
    Routine(IoGetCurrentIrpStackLocation(Irp)->DeviceObject, Irp);
    return TRUE;
}

/* What a driver has not set a dispatch routine for. */
NTSTATUS NTAPI IopInvalidDeviceRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    Irp->IoStatus.Information = 0;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}
