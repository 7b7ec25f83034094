/*
 * Power packets (WDK: Managing Power for Drivers): sent by whoever owns a device's power policy,
 * and passed down its stack.
 *
 * A device stack has one packet at a time that sets or queries its device power state; a second one
 * waits in PopRequests until the first is completed. (Earlier versions of Windows waited for
 * PoStartNextPowerIrp, later ones for the completion; a driver for either works here.) Wake-up
 * packets do not count: they are pending for long.
 *
 * A stack whose top says DO_POWER_PAGABLE gets its packets at PASSIVE_LEVEL, from a worker thread
 * if need be. PopRequestLock guards the list.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_POWER 'rwoP'

typedef struct _POP_REQUEST {
    LIST_ENTRY Link; /* in PopRequests, in the order in which they were made */
    WORK_QUEUE_ITEM Item;
    BOOLEAN Sent;
    PDEVICE_OBJECT DeviceObject; /* as the requester named it */
    PDEVICE_OBJECT Top;          /* referenced */
    PIRP Irp;
    UCHAR Minor;
    POWER_STATE State;
    PREQUEST_POWER_COMPLETE Routine;
    PVOID Context;
} POP_REQUEST;

static LIST_ENTRY PopRequests = {&PopRequests, &PopRequests};
static KSPIN_LOCK PopRequestLock;

/* A packet on its way to a stack that takes it at PASSIVE_LEVEL only. */
typedef struct _POP_DEFERRED {
    WORK_QUEUE_ITEM Item;
    PDEVICE_OBJECT Device;
    PIRP Irp;
} POP_DEFERRED;

static VOID NTAPI PopSendDeferred(PVOID Parameter)
{
    POP_DEFERRED Deferred = *(POP_DEFERRED *)Parameter;

    ExFreePoolWithTag(Parameter, TAG_POWER);
    IofCallDriver(Deferred.Device, Deferred.Irp);
    ObDereferenceObject(Deferred.Device);
}

/* The packet is pending for its sender, as if the next driver had said so. */
static NTSTATUS PopDefer(PDEVICE_OBJECT Device, PIRP Irp)
{
    POP_DEFERRED *Deferred = ExAllocatePoolWithTag(NonPagedPool, sizeof *Deferred, TAG_POWER);

    if (Deferred == NULL) {
        Irp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
        IoSetNextIrpStackLocation(Irp); /* the next driver's, which has not got it */
        IofCompleteRequest(Irp, IO_NO_INCREMENT);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IoGetNextIrpStackLocation(Irp)->Control |= SL_PENDING_RETURNED;
    Deferred->Device = Device;
    Deferred->Irp = Irp;
    ObReferenceObject(Device);
    ExInitializeWorkItem(&Deferred->Item, PopSendDeferred, Deferred);
    ExQueueWorkItem(&Deferred->Item, DelayedWorkQueue);
    return STATUS_PENDING;
}

/* Passes a power packet to the next driver (WDK: PoCallDriver). IRQL <= DISPATCH_LEVEL. */
NTSTATUS NTAPI PoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if ((DeviceObject->Flags & DO_POWER_PAGABLE) && KeGetCurrentIrql() != PASSIVE_LEVEL)
        return PopDefer(DeviceObject, Irp);
    return IofCallDriver(DeviceObject, Irp);
}

/* The next packet comes when this one is completed, whether or not its driver says this. */
VOID NTAPI PoStartNextPowerIrp(PIRP Irp)
{
    UNREFERENCED_PARAMETER(Irp);
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
}

/* Notes the power state that a device is in now, and returns the one before (WDK: PoSetPowerState).
 * IRQL <= DISPATCH_LEVEL. */
POWER_STATE NTAPI PoSetPowerState(PDEVICE_OBJECT DeviceObject, POWER_STATE_TYPE Type,
                                  POWER_STATE State)
{
    POWER_STATE Before = {0};

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Type <= DevicePowerState)
        Before.SystemState = (SYSTEM_POWER_STATE)InterlockedExchange(
            (PLONG)&IOP_DEVICE_OF(DeviceObject)->PowerState[Type], (LONG)State.SystemState);
    return Before;
}

/* ---- Requests ----------------------------------------------------------------------------------
 */

static VOID NTAPI PopSend(PVOID Parameter)
{
    POP_REQUEST *Request = Parameter;

    IofCallDriver(Request->Top, Request->Irp);
}

static VOID PopSendWhereItMay(POP_REQUEST *Request)
{
    if (KeGetCurrentIrql() == PASSIVE_LEVEL || !(Request->Top->Flags & DO_POWER_PAGABLE)) {
        PopSend(Request);
        return;
    }
    ExInitializeWorkItem(&Request->Item, PopSend, Request);
    ExQueueWorkItem(&Request->Item, DelayedWorkQueue);
}

/* The first request for a stack, if it is to be sent now. The lock is held. */
static POP_REQUEST *PopNextRequest(PDEVICE_OBJECT Top)
{
    PLIST_ENTRY Link;

    for (Link = PopRequests.Flink; Link != &PopRequests; Link = Link->Flink) {
        POP_REQUEST *Request = CONTAINING_RECORD(Link, POP_REQUEST, Link);
        if (Request->Top != Top)
            continue;
        if (Request->Sent)
            return NULL;
        Request->Sent = TRUE;
        return Request;
    }
    return NULL;
}

/* Adds a request to those of its stack, or takes it out; sends the one whose turn it is then. */
static VOID PopQueueRequest(POP_REQUEST *Request, BOOLEAN Add)
{
    POP_REQUEST *Next;
    KIRQL OldIrql;

    KeAcquireSpinLock(&PopRequestLock, &OldIrql);
    if (Add)
        InsertTailList(&PopRequests, &Request->Link);
    else
        RemoveEntryList(&Request->Link);
    Next = PopNextRequest(Request->Top);
    KeReleaseSpinLock(&PopRequestLock, OldIrql);
    if (Next)
        PopSendWhereItMay(Next);
}

/* The packet is above the stack's top again, and is ours. */
static NTSTATUS NTAPI PopCompleted(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    POP_REQUEST *Request = Context;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Request->Routine)
        Request->Routine(Request->DeviceObject, Request->Minor, Request->State, Request->Context,
                         &Irp->IoStatus);
    if (Request->Minor != IRP_MN_WAIT_WAKE)
        PopQueueRequest(Request, FALSE);
    ObDereferenceObject(Request->Top);
    IoFreeIrp(Irp);
    ExFreePoolWithTag(Request, TAG_POWER);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID PopFillPacket(POP_REQUEST *Request)
{
    PIO_STACK_LOCATION Stack = IoGetNextIrpStackLocation(Request->Irp);

    Request->Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Stack->MajorFunction = IRP_MJ_POWER;
    Stack->MinorFunction = Request->Minor;
    if (Request->Minor == IRP_MN_WAIT_WAKE) {
        Stack->Parameters.WaitWake.PowerState = Request->State.SystemState;
    } else {
        Stack->Parameters.Power.Type = DevicePowerState;
        Stack->Parameters.Power.State = Request->State;
        Stack->Parameters.Power.ShutdownType = PowerActionNone;
    }
    IoSetCompletionRoutine(Request->Irp, PopCompleted, Request, TRUE, TRUE, TRUE);
}

/* NULL: no memory. */
static POP_REQUEST *PopMakeRequest(PDEVICE_OBJECT DeviceObject)
{
    POP_REQUEST *Request = ExAllocatePoolWithTag(NonPagedPool, sizeof *Request, TAG_POWER);

    if (Request == NULL)
        return NULL;
    memset(Request, 0, sizeof *Request);
    Request->DeviceObject = DeviceObject;
    Request->Top = IoGetAttachedDeviceReference(DeviceObject);
    Request->Irp = IoAllocateIrp(Request->Top->StackSize, FALSE);
    if (Request->Irp)
        return Request;
    ObDereferenceObject(Request->Top);
    ExFreePoolWithTag(Request, TAG_POWER);
    return NULL;
}

/*
 * Sends a power packet to the top of a device's stack; CompletionFunction is called when it is
 * completed, at up to DISPATCH_LEVEL (WDK: PoRequestPowerIrp). Irp: only for IRP_MN_WAIT_WAKE,
 * which is ended by IoCancelIrp. STATUS_PENDING: it is sent, or will be;
 * STATUS_INVALID_PARAMETER_2: no such packet. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI PoRequestPowerIrp(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction,
                                 POWER_STATE PowerState, PREQUEST_POWER_COMPLETE CompletionFunction,
                                 PVOID Context, PIRP *Irp)
{
    POP_REQUEST *Request;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (MinorFunction != IRP_MN_SET_POWER && MinorFunction != IRP_MN_QUERY_POWER &&
        MinorFunction != IRP_MN_WAIT_WAKE)
        return STATUS_INVALID_PARAMETER_2;
    Request = PopMakeRequest(DeviceObject);
    if (Request == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Request->Minor = MinorFunction;
    Request->State = PowerState;
    Request->Routine = CompletionFunction;
    Request->Context = Context;
    PopFillPacket(Request);
    if (Irp)
        *Irp = Request->Irp;
    if (MinorFunction == IRP_MN_WAIT_WAKE)
        PopSendWhereItMay(Request);
    else
        PopQueueRequest(Request, TRUE);
    return STATUS_PENDING;
}

/* The machine does not sleep, so no packet's device ever wakes it (WDK: PoSetSystemWake). */
VOID NTAPI PoSetSystemWake(PIRP Irp)
{
    UNREFERENCED_PARAMETER(Irp);
}

BOOLEAN NTAPI PoGetSystemWake(PIRP Irp)
{
    UNREFERENCED_PARAMETER(Irp);
    return FALSE;
}
