/*
 * The completion of packets, in two stages (WDK: Completing IRPs).
 *
 * The first runs where the last driver calls IofCompleteRequest, in whatever context, up to
 * DISPATCH_LEVEL. It goes up the stack: in each location that it leaves it looks for a completion
 * routine of the driver above, which may take the packet back. Then pages are unlocked, and what
 * comes next depends on whose the packet is:
 *
 *      one part of a master packet     the last part completes the master
 *      the I/O manager waits for it    the waiter is woken, and goes on with the second stage
 *      a thread's                      the second stage runs in that thread, as a kernel APC
 *      a driver's own                  freed (its completion routine should have taken it back)
 *
 * The second needs the requester's address space, at APC_LEVEL: results are copied to the user's
 * buffers, buffers and MDLs freed, the status block written, the event set, a user APC queued.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/vf/vf.h"
#include "sched/apc.h"

/* Is a completion routine with that control to be called for how the packet has ended? */
BOOLEAN IopIsInvoked(PIRP Irp, UCHAR Control)
{
    if (Irp->Cancel && (Control & SL_INVOKE_ON_CANCEL))
        return TRUE;
    return (Control &
            (NT_SUCCESS(Irp->IoStatus.Status) ? SL_INVOKE_ON_SUCCESS : SL_INVOKE_ON_ERROR)) != 0;
}

/* Leaves a location upward. (The headers' macro is for drivers: it does not leave the top.) */
static VOID IopLeaveLocation(PIRP Irp)
{
    Irp->CurrentLocation++;
    Irp->Tail.Overlay.CurrentStackLocation++;
}

/* Goes up the stack. FALSE: a driver has taken the packet back. */
static BOOLEAN IopClimb(PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    IopLeaveLocation(Irp);
    for (; Irp->CurrentLocation <= Irp->StackCount + 1; Stack++) {
        UCHAR Control = Stack->Control;
        BOOLEAN Top = Irp->CurrentLocation == Irp->StackCount + 1;

        if (__builtin_expect(VfActive, FALSE))
            VfLeavingLocation(Irp, Irp->CurrentLocation - 1, Control);
        Irp->PendingReturned = (Control & SL_PENDING_RETURNED) != 0;
        if (IopIsInvoked(Irp, Control)) {
            PDEVICE_OBJECT Device = Top ? NULL : IoGetCurrentIrpStackLocation(Irp)->DeviceObject;
            Stack->Control = 0;
            if (Stack->CompletionRoutine(Device, Irp, Stack->Context) ==
                STATUS_MORE_PROCESSING_REQUIRED)
                return FALSE;
        } else if (Irp->PendingReturned && !Top) {
            IoMarkIrpPending(Irp);
        }
        IopLeaveLocation(Irp);
    }
    return TRUE;
}

/* One part of a master packet is done. */
static VOID IopCompleteAssociated(PIRP Irp, CCHAR PriorityBoost)
{
    PIRP Master = Irp->AssociatedIrp.MasterIrp;
    LONG Left = InterlockedDecrement(&Master->AssociatedIrp.IrpCount);

    IopFreeMdls(Irp);
    IoFreeIrp(Irp);
    if (Left == 0)
        IofCompleteRequest(Master, PriorityBoost);
}

/*
 * Is the requester told through status block and event? A request that failed without having been
 * pended has told its sender by the return value.
 */
static BOOLEAN IopIsReported(PIRP Irp)
{
    return !NT_ERROR(Irp->IoStatus.Status) || Irp->PendingReturned;
}

/* A packet with a user APC: its kernel and rundown routines only free it. */
static VOID NTAPI IopUserApcKernel(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine, PVOID *NormalContext,
                                   PVOID *SystemArgument1, PVOID *SystemArgument2)
{
    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    IoFreeIrp(CONTAINING_RECORD(Apc, IRP, Tail.Apc));
}

static VOID NTAPI IopUserApcRundown(PKAPC Apc)
{
    IoFreeIrp(CONTAINING_RECORD(Apc, IRP, Tail.Apc));
}

/* The requester's routine is called with its context, its status block, and zero. */
static VOID IopQueueUserApc(PIRP Irp)
{
    KeInitializeApc(&Irp->Tail.Apc, KiGetCurrentThread(), CurrentApcEnvironment, IopUserApcKernel,
                    IopUserApcRundown,
                    (PKNORMAL_ROUTINE)(PVOID)Irp->Overlay.AsynchronousParameters.UserApcRoutine,
                    Irp->RequestorMode, Irp->Overlay.AsynchronousParameters.UserApcContext);
    if (!KeInsertQueueApc(&Irp->Tail.Apc, Irp->UserIosb, NULL, IO_NO_INCREMENT))
        IoFreeIrp(Irp);
}

static VOID IopSignal(PIRP Irp, PFILE_OBJECT File)
{
    if (Irp->UserIosb)
        IopStore(Irp, Irp->UserIosb, &Irp->IoStatus, sizeof Irp->IoStatus);
    if (Irp->UserEvent)
        KeSetEvent(Irp->UserEvent, IO_NO_INCREMENT, FALSE);
    if (File) {
        File->FinalStatus = Irp->IoStatus.Status;
        if (Irp->UserEvent == NULL || (File->Flags & FO_SYNCHRONOUS_IO))
            KeSetEvent(&File->Event, IO_NO_INCREMENT, FALSE);
    }
}

/*
 * The second stage, in the requesting thread, at APC_LEVEL. Limit: the most that a buffered
 * transfer may bring. Returns what the request has ended with.
 */
NTSTATUS IopCompleteInThread(PIRP Irp, PFILE_OBJECT File, ULONG Limit)
{
    NTSTATUS Status = IopReturnBuffers(Irp, Limit);
    BOOLEAN Reported = IopIsReported(Irp);

    IopForgetThreadIrp(Irp);
    if (Reported)
        IopSignal(Irp, File);
    if (File) { /* the request is a service's: so are the references */
        if (Irp->UserEvent)
            ObDereferenceObject(Irp->UserEvent);
        ObDereferenceObject(File);
    }
    if (Reported && Irp->Overlay.AsynchronousParameters.UserApcRoutine)
        IopQueueUserApc(Irp);
    else
        IoFreeIrp(Irp);
    return Status;
}

static VOID NTAPI IopCompletionApc(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine, PVOID *NormalContext,
                                   PVOID *SystemArgument1, PVOID *SystemArgument2)
{
    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    IopCompleteInThread(CONTAINING_RECORD(Apc, IRP, Tail.Apc), *SystemArgument1,
                        (ULONG)(ULONG_PTR)*SystemArgument2);
}

/* Has the second stage run in the packet's thread, which does not end before it has. */
static VOID IopQueueSecondStage(PIRP Irp, CCHAR PriorityBoost)
{
    PKTHREAD Thread = (PKTHREAD)Irp->Tail.Overlay.Thread;
    PFILE_OBJECT File = Irp->Tail.Overlay.OriginalFileObject; /* the APC overwrites all three */
    PVOID Limit = Irp->Tail.Overlay.AuxiliaryBuffer;

    KeInitializeApc(&Irp->Tail.Apc, Thread, Irp->ApcEnvironment, IopCompletionApc, NULL, NULL,
                    KernelMode, NULL);
    KeInsertQueueApc(&Irp->Tail.Apc, File, Limit, PriorityBoost);
}

/*
 * Completes a packet (WDK: IoCompleteRequest). The packet is not the caller's any more.
 * IRQL <= DISPATCH_LEVEL. Bug check 44h: it has been completed before; 48h: it still has a cancel
 * routine.
 */
VOID FASTCALL IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    if (__builtin_expect(VfActive, FALSE))
        VfCheckCompletion(Irp);
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Irp->CurrentLocation > Irp->StackCount + 1 || Irp->Type != IO_TYPE_IRP)
        KeBugCheckEx(MULTIPLE_IRP_COMPLETE_REQUESTS, (ULONG_PTR)Irp, 0, 0, 0);
    if (Irp->CancelRoutine)
        KeBugCheckEx(CANCEL_STATE_IN_COMPLETED_IRP, (ULONG_PTR)Irp, (ULONG_PTR)Irp->CancelRoutine,
                     0, 0);
    ASSERT(Irp->IoStatus.Status != STATUS_PENDING);
    if (!IopClimb(Irp))
        return;
    IopUnlockMdls(Irp);
    if (Irp->Flags & IRP_ASSOCIATED_IRP)
        IopCompleteAssociated(Irp, PriorityBoost);
    else if (Irp->AllocationFlags & IOP_IRP_WAITED)
        KeSetEvent(Irp->UserEvent, PriorityBoost, FALSE); /* it may be gone at once */
    else if (Irp->Tail.Overlay.Thread)
        IopQueueSecondStage(Irp, PriorityBoost);
    else
        IoFreeIrp(Irp);
}
