/*
 * Deferred procedure calls, and the DISPATCH interrupt that runs them.
 *
 * A DPC runs at DISPATCH_LEVEL in the context of whatever thread happens to be on the processor:
 * its page directory is loaded, its stack is used. A processor's queue is guarded by its DpcLock,
 * taken at HIGH_LEVEL, for DPCs are queued from every IRQL. A KDPC is queued while its DpcData
 * points to the queue.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ipi.h"
#include "sched/sched.h"

#define NORMAL_QUEUE 0
#define DPC_OBJECT   19 /* KDPC.Type */

VOID KiInitializeDpcs(PKPRCB Prcb)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Prcb->DpcData); i++) {
        InitializeListHead(&Prcb->DpcData[i].DpcListHead);
        KeInitializeSpinLock(&Prcb->DpcData[i].DpcLock);
    }
}

VOID NTAPI KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    RtlZeroMemory(Dpc, sizeof *Dpc);
    Dpc->Type = DPC_OBJECT;
    Dpc->Importance = MediumImportance;
    Dpc->DeferredRoutine = DeferredRoutine;
    Dpc->DeferredContext = DeferredContext;
}

VOID NTAPI KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
    Dpc->Importance = (UCHAR)Importance;
}

/* Has a DPC run on a certain processor (WDK: KeSetTargetProcessorDpc). IRQL: any. */
VOID NTAPI KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
    Dpc->Number = (USHORT)(MAXIMUM_PROCESSORS + Number);
}

/* Where a DPC is to be queued: on its target processor, else on this one. */
static PKPRCB KiProcessorOfDpc(PKDPC Dpc)
{
    LONG Target = Dpc->Number - MAXIMUM_PROCESSORS;

    if (Target >= 0 && Target < KeNumberProcessors)
        return KiProcessorBlock[Target];
    return KeGetCurrentPrcb();
}

/* Puts a DPC into a queue. FALSE: it is in one already. IRQL: HIGH_LEVEL. */
static BOOLEAN KiInsertDpc(PKDPC_DATA Queue, PKDPC Dpc, PVOID Argument1, PVOID Argument2)
{
    BOOLEAN Inserted = FALSE;

    KiTakeSpinLock(&Queue->DpcLock);
    if (InterlockedCompareExchangePointer((PVOID *)&Dpc->DpcData, Queue, NULL) == NULL) {
        Dpc->SystemArgument1 = Argument1;
        Dpc->SystemArgument2 = Argument2;
        if (Dpc->Importance == HighImportance)
            InsertHeadList(&Queue->DpcListHead, &Dpc->DpcListEntry);
        else
            InsertTailList(&Queue->DpcListHead, &Dpc->DpcListEntry);
        Queue->DpcQueueDepth++;
        Queue->DpcCount++;
        Inserted = TRUE;
    }
    KiLetSpinLockGo(&Queue->DpcLock);
    return Inserted;
}

/* Queues a DPC (WDK: KeInsertQueueDpc). FALSE: it is queued already. IRQL: any. */
BOOLEAN NTAPI KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    KIRQL OldIrql = KiRaiseIrql(HIGH_LEVEL);
    PKPRCB Prcb = KiProcessorOfDpc(Dpc);
    BOOLEAN Inserted =
        KiInsertDpc(&Prcb->DpcData[NORMAL_QUEUE], Dpc, SystemArgument1, SystemArgument2);

    if (Inserted && Prcb == KeGetCurrentPrcb())
        HalRequestSoftwareInterrupt(DISPATCH_LEVEL);
    else if (Inserted)
        KiSendIpi(Prcb->SetMember, IPI_DISPATCH);
    KiLowerIrql(OldIrql);
    return Inserted;
}

/* Takes a DPC off its queue. FALSE: it was on none. IRQL: any. */
BOOLEAN NTAPI KeRemoveQueueDpc(PRKDPC Dpc)
{
    KIRQL OldIrql = KfRaiseIrql(HIGH_LEVEL);
    PKDPC_DATA Queue = Dpc->DpcData;
    BOOLEAN Removed = FALSE;

    if (Queue) {
        KeAcquireSpinLockAtDpcLevel(&Queue->DpcLock);
        if (Dpc->DpcData == Queue) {
            RemoveEntryList(&Dpc->DpcListEntry);
            Queue->DpcQueueDepth--;
            Dpc->DpcData = NULL;
            Removed = TRUE;
        }
        KeReleaseSpinLockFromDpcLevel(&Queue->DpcLock);
    }
    KfLowerIrql(OldIrql);
    return Removed;
}

/* Takes the first DPC off the queue, by value: its memory may be gone once it has been called. */
static BOOLEAN KiTakeDpc(PKDPC_DATA Queue, PKDPC *Dpc, KDPC *Copy)
{
    KIRQL OldIrql = KfRaiseIrql(HIGH_LEVEL);
    BOOLEAN Taken = FALSE;

    KeAcquireSpinLockAtDpcLevel(&Queue->DpcLock);
    if (!IsListEmpty(&Queue->DpcListHead)) {
        *Dpc = CONTAINING_RECORD(RemoveHeadList(&Queue->DpcListHead), KDPC, DpcListEntry);
        *Copy = **Dpc;
        (*Dpc)->DpcData = NULL;
        Queue->DpcQueueDepth--;
        Taken = TRUE;
    }
    KeReleaseSpinLockFromDpcLevel(&Queue->DpcLock);
    KfLowerIrql(OldIrql);
    return Taken;
}

/* Runs expired timers and all queued DPCs. IRQL: DISPATCH_LEVEL; interrupts enabled. */
static VOID KiRetireDpcList(PKPRCB Prcb)
{
    PKDPC_DATA Queue = &Prcb->DpcData[NORMAL_QUEUE];
    PKDPC Dpc;
    KDPC Copy;

    Prcb->DpcRoutineActive = TRUE;
    do {
        if (Prcb->TimerRequest) {
            Prcb->TimerRequest = FALSE;
            KiTimerExpiration();
        }
        while (KiTakeDpc(Queue, &Dpc, &Copy)) {
            Copy.DeferredRoutine(Dpc, Copy.DeferredContext, Copy.SystemArgument1,
                                 Copy.SystemArgument2);
            if (KiGetCurrentIrql() != DISPATCH_LEVEL)
                KeBugCheckEx(IRQL_NOT_DISPATCH_LEVEL, (ULONG_PTR)Copy.DeferredRoutine,
                             KiGetCurrentIrql(), 0, 0);
        }
    } while (Prcb->TimerRequest);
    Prcb->DpcRoutineActive = FALSE;
}

/*
 * The DISPATCH interrupt: DPCs first, then a thread switch if one is due. Called at
 * DISPATCH_LEVEL with interrupts disabled, here and on return.
 */
VOID KiDispatchInterrupt(VOID)
{
    PKPRCB Prcb = KeGetCurrentPrcb();

    KiEnableInterrupts();
    if (Prcb->TimerRequest || Prcb->DpcData[NORMAL_QUEUE].DpcQueueDepth)
        KiRetireDpcList(Prcb);
    if (Prcb->QuantumEnd || Prcb->NextThread)
        KiQuantumEnd();
    KiDisableInterrupts();
}

/*
 * Returns when all DPCs queued before have run, on all processors (WDK: KeFlushQueuedDpcs). On a
 * processor, they have run as soon as IRQL was below DISPATCH_LEVEL: so it is enough that this
 * thread runs on each for a moment. IRQL: PASSIVE_LEVEL.
 */
VOID NTAPI KeFlushQueuedDpcs(VOID)
{
    LONG i;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    for (i = 0; i < KeNumberProcessors; i++)
        KeSetSystemAffinityThread(KiProcessorBlock[i]->SetMember);
    KeRevertToUserAffinityThread();
}
