/*
 * Deferred procedure calls, and the DISPATCH interrupt that runs them.
 *
 * A DPC runs at DISPATCH_LEVEL in the context of whatever thread happens to be on the processor:
 * its page directory is loaded, its stack is used. A threaded one has a thread of its own for that
 * (sched/threadeddpc.c). A processor has a queue for each kind, guarded by its DpcLock, taken at
 * HIGH_LEVEL, for DPCs are queued from every IRQL. A KDPC is queued while its DpcData points to
 * the queue.
 *
 * Not every DPC makes its processor run the queue at once (WDK: Organization of DPC Queues). What
 * is left waiting is run with the next one that does, or at the next clock tick.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/watchdog.h"
#include "sched/sched.h"

#define DPC_OBJECT          19 /* KDPC.Type */
#define THREADED_DPC_OBJECT 24

#define MAXIMUM_QUEUE_DEPTH  4 /* with more in the queue it is run, whatever their importance */
#define MINIMUM_REQUEST_RATE 3 /* with fewer a clock tick, waiting for others would not pay */

VOID KiInitializeDpcs(PKPRCB Prcb)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Prcb->DpcData); i++) {
        InitializeListHead(&Prcb->DpcData[i].DpcListHead);
        KeInitializeSpinLock(&Prcb->DpcData[i].DpcLock);
    }
    KeInitializeEvent(&Prcb->DpcEvent, SynchronizationEvent, FALSE);
}

static VOID KiInitializeDpc(PKDPC Dpc, UCHAR Type, PKDEFERRED_ROUTINE Routine, PVOID Context)
{
    RtlZeroMemory(Dpc, sizeof *Dpc);
    Dpc->Type = Type;
    Dpc->Importance = MediumImportance;
    Dpc->DeferredRoutine = Routine;
    Dpc->DeferredContext = Context;
}

VOID NTAPI KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    KiInitializeDpc(Dpc, DPC_OBJECT, DeferredRoutine, DeferredContext);
}

/* One that runs at PASSIVE_LEVEL, in a thread (WDK: KeInitializeThreadedDpc). IRQL: any. */
VOID NTAPI KeInitializeThreadedDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine,
                                   PVOID DeferredContext)
{
    KiInitializeDpc(Dpc, THREADED_DPC_OBJECT, DeferredRoutine, DeferredContext);
}

/*
 * Says where in the queue a DPC is put, and whether the queue is run at once (WDK:
 * KeSetImportanceDpc); for a threaded one only the former. It counts when it is next queued. IRQL:
 * any.
 */
VOID NTAPI KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
    Dpc->Importance = (UCHAR)Importance;
}

/* Has a DPC run on a certain processor (WDK: KeSetTargetProcessorDpc). IRQL: any. */
VOID NTAPI KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
    Dpc->Number = (USHORT)(MAXIMUM_PROCESSORS + Number);
}

/* The same; STATUS_INVALID_PARAMETER: there is no such processor. IRQL: any. */
NTSTATUS NTAPI KeSetTargetProcessorDpcEx(PKDPC Dpc, PPROCESSOR_NUMBER ProcNumber)
{
    if (KeGetProcessorIndexFromNumber(ProcNumber) == INVALID_PROCESSOR_INDEX)
        return STATUS_INVALID_PARAMETER;
    KeSetTargetProcessorDpc(Dpc, (CCHAR)ProcNumber->Number);
    return STATUS_SUCCESS;
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

/* A DPC has come into a processor's normal queue: is that to be run at once? */
static BOOLEAN KiIsDpcUrgent(PKPRCB Prcb, KDPC_IMPORTANCE Importance)
{
    if (Importance == HighImportance || Importance == MediumHighImportance ||
        Prcb->DpcData[NORMAL_DPCS].DpcQueueDepth > MAXIMUM_QUEUE_DEPTH)
        return TRUE;
    if (Prcb != KeGetCurrentPrcb())
        return FALSE;
    return Importance != LowImportance || Prcb->DpcRequestRate < MINIMUM_REQUEST_RATE;
}

/* The rare half of KiCheckDeferredDpcs: normal DPCs have been queued, a tick ago or a few. */
VOID FASTCALL KiHandleDeferredDpcs(PKPRCB Prcb)
{
    ULONG Count = Prcb->DpcData[NORMAL_DPCS].DpcCount;

    Prcb->DpcRequestRate = (Count - Prcb->DpcLastCount + Prcb->DpcRequestRate) / 2;
    Prcb->DpcLastCount = Count;
    if (Prcb->DpcData[NORMAL_DPCS].DpcQueueDepth)
        HalRequestSoftwareInterrupt(DISPATCH_LEVEL);
}

/*
 * Queues a DPC (WDK: KeInsertQueueDpc), on the processor and with the importance that have been
 * set. FALSE: it is queued already. IRQL: any.
 */
BOOLEAN NTAPI KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    KIRQL OldIrql = KiRaiseIrql(HIGH_LEVEL);
    PKPRCB Prcb = KiProcessorOfDpc(Dpc);
    BOOLEAN Threaded = Dpc->Type == THREADED_DPC_OBJECT;
    KDPC_IMPORTANCE Importance = Dpc->Importance; /* once it is queued it may run and be gone */
    BOOLEAN Inserted = KiInsertDpc(&Prcb->DpcData[Threaded ? THREADED_DPCS : NORMAL_DPCS], Dpc,
                                   SystemArgument1, SystemArgument2);

    if (Inserted && Threaded)
        Prcb->DpcThreadRequested = TRUE;
    if (Inserted && (Threaded || KiIsDpcUrgent(Prcb, Importance)))
        KiRequestSoftwareInterrupt(Prcb, DISPATCH_LEVEL);
    KiRestoreIrql(OldIrql);
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

/*
 * Takes the first DPC off the queue, by value: its memory may be gone once it has been called.
 * FALSE: there is none. For one that comes after the look without the lock there is a request.
 */
BOOLEAN FASTCALL KiTakeDpc(PKDPC_DATA Queue, PKDPC *Dpc, KDPC *Copy)
{
    BOOLEAN Taken = FALSE;
    KIRQL OldIrql;

    if (Queue->DpcQueueDepth == 0)
        return FALSE;
    OldIrql = KiRaiseIrql(HIGH_LEVEL);
    KiTakeSpinLock(&Queue->DpcLock);
    if (!IsListEmpty(&Queue->DpcListHead)) {
        *Dpc = CONTAINING_RECORD(RemoveHeadList(&Queue->DpcListHead), KDPC, DpcListEntry);
        *Copy = **Dpc;
        (*Dpc)->DpcData = NULL;
        Queue->DpcQueueDepth--;
        Taken = TRUE;
    }
    KiLetSpinLockGo(&Queue->DpcLock);
    KiRestoreIrql(OldIrql);
    return Taken;
}

/* Runs expired timers and all queued DPCs. IRQL: DISPATCH_LEVEL; interrupts enabled. */
static VOID KiRetireDpcList(PKPRCB Prcb)
{
    PKDPC_DATA Queue = &Prcb->DpcData[NORMAL_DPCS];
    PKDPC Dpc;
    KDPC Copy;

    Prcb->DpcRoutineActive = TRUE;
    do {
        if (Prcb->TimerRequest) {
            Prcb->TimerRequest = FALSE;
            KiTimerExpiration();
        }
        while (KiTakeDpc(Queue, &Dpc, &Copy)) {
            KiWatchDpc(Copy.DeferredRoutine);
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
    if (Prcb->TimerRequest || Prcb->DpcData[NORMAL_DPCS].DpcQueueDepth)
        KiRetireDpcList(Prcb);
    if (Prcb->DpcThreadRequested) {
        Prcb->DpcThreadRequested = FALSE;
        KeSetEvent(&Prcb->DpcEvent, 0, FALSE);
    }
    if (Prcb->QuantumEnd || Prcb->NextThread)
        KiQuantumEnd();
    KiDisableInterrupts();
}

/*
 * Returns when all DPCs queued before have run, on all processors (WDK: KeFlushQueuedDpcs). This
 * thread goes to each of them: where a thread runs at PASSIVE_LEVEL no DPC is running, and the
 * DISPATCH interrupt runs those that are queued. DPCs wait for no thread, so neither does this one,
 * whatever its priority is else. IRQL: PASSIVE_LEVEL.
 */
VOID NTAPI KeFlushQueuedDpcs(VOID)
{
    KAFFINITY Before = 0;
    KPRIORITY Priority;
    LONG i;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Priority = KeSetPriorityThread(KiGetCurrentThread(), HIGH_PRIORITY);
    for (i = 0; i < KeNumberProcessors; i++) {
        KAFFINITY Old = KeSetSystemAffinityThreadEx(KiProcessorBlock[i]->SetMember);
        if (i == 0)
            Before = Old;
        HalRequestSoftwareInterrupt(DISPATCH_LEVEL);
        KiFlushThreadedDpcs(KiProcessorBlock[i]);
    }
    KeRevertToUserAffinityThreadEx(Before);
    KeSetPriorityThread(KiGetCurrentThread(), Priority);
}
