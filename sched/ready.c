/*
 * Who runs next: 32 queues of ready threads with a bit for each that is not empty, and one
 * standby thread that has been chosen already.
 *
 * The highest priority runs; among equals, in turn, a quantum each. A thread of higher priority
 * that becomes ready is made the standby thread, and the switch to it happens when IRQL falls
 * below DISPATCH_LEVEL: at once, for user code. All under the dispatcher lock.
 */
#include "kernel/hal/hal.h"
#include "kernel/services.h"
#include "sched/sched.h"

VOID KiInitializeReadyQueues(PKPRCB Prcb)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Prcb->DispatcherReadyListHead); i++)
        InitializeListHead(&Prcb->DispatcherReadyListHead[i]);
}

/* Puts a thread in its queue: at the head if it was preempted and has quantum left. */
static VOID KiQueueThread(PKPRCB Prcb, PKTHREAD Thread)
{
    PLIST_ENTRY Head = &Prcb->DispatcherReadyListHead[Thread->Priority];

    Thread->State = Ready;
    Thread->WaitTime = KeTickCount.LowPart;
    if (Thread->Preempted)
        InsertHeadList(Head, &Thread->WaitListEntry);
    else
        InsertTailList(Head, &Thread->WaitListEntry);
    Thread->Preempted = FALSE;
    Prcb->ReadySummary |= 1 << Thread->Priority;
}

static VOID KiUnqueueThread(PKPRCB Prcb, PKTHREAD Thread)
{
    if (RemoveEntryList(&Thread->WaitListEntry))
        Prcb->ReadySummary &= ~(1 << Thread->Priority);
}

/* The first thread of the highest queue at or above Priority, taken out; NULL: none. */
static PKTHREAD KiTakeReadyThread(PKPRCB Prcb, KPRIORITY Priority)
{
    ULONG Summary = Priority > HIGH_PRIORITY ? 0 : Prcb->ReadySummary & -(1u << Priority);
    PKTHREAD Thread;

    if (Summary == 0)
        return NULL;
    Thread = CONTAINING_RECORD(Prcb->DispatcherReadyListHead[31 - __builtin_clz(Summary)].Flink,
                               KTHREAD, WaitListEntry);
    KiUnqueueThread(Prcb, Thread);
    return Thread;
}

/* Makes a thread ready: standby if it is to preempt, else queued. */
VOID KiReadyThread(PKTHREAD Thread)
{
    PKPRCB Prcb = KeGetCurrentPrcb();
    PKTHREAD Chosen = Prcb->NextThread;
    PKTHREAD Rival = Chosen ? Chosen : Prcb->CurrentThread;

    if (Thread->Priority <= Rival->Priority) {
        KiQueueThread(Prcb, Thread);
        return;
    }
    if (Chosen) {
        Chosen->Preempted = TRUE;
        KiQueueThread(Prcb, Chosen);
    }
    Thread->State = Standby;
    Prcb->NextThread = Thread;
    HalRequestSoftwareInterrupt(DISPATCH_LEVEL);
}

/* The standby thread, or the best ready one, or the idle thread. */
PKTHREAD KiSelectNextThread(PKPRCB Prcb)
{
    PKTHREAD Thread = Prcb->NextThread;

    Prcb->NextThread = NULL;
    if (Thread == NULL)
        Thread = KiTakeReadyThread(Prcb, 0);
    return Thread ? Thread : Prcb->IdleThread;
}

/*
 * Switches from the current thread, whose new state and place have been set, to the next one.
 * Returns when the thread is switched to again. The lock is held all the way.
 */
VOID KiSwapThread(VOID)
{
    PKPRCB Prcb = KeGetCurrentPrcb();
    PKTHREAD Old = Prcb->CurrentThread;
    PKTHREAD New = KiSelectNextThread(Prcb);

    if (Prcb->DpcRoutineActive)
        KeBugCheckEx(ATTEMPTED_SWITCH_FROM_DPC, (ULONG_PTR)Old, (ULONG_PTR)New,
                     (ULONG_PTR)Old->InitialStack, 0);
    New->State = Running;
    Prcb->CurrentThread = New;
    if (New != Old)
        KiSwapContext(Old, New);
}

/* Puts the running thread back among the ready ones, and switches to the standby or best one. */
static VOID KiYieldTo(PKTHREAD Thread, BOOLEAN Preempted)
{
    Thread->Preempted = Preempted;
    if (Thread == KeGetCurrentPrcb()->IdleThread)
        Thread->State = Ready; /* is on no queue: it runs when nothing else does */
    else
        KiQueueThread(KeGetCurrentPrcb(), Thread);
    KiSwapThread();
}

/* A boost wears off by one level each quantum; what came on top of it, at once. */
static KPRIORITY KiDecayedPriority(PKTHREAD Thread)
{
    KPRIORITY Priority = Thread->Priority;

    if (Priority >= LOW_REALTIME_PRIORITY || Priority <= Thread->BasePriority)
        return Priority;
    Priority -= Thread->PriorityDecrement + 1;
    Thread->PriorityDecrement = 0;
    return max(Priority, Thread->BasePriority);
}

/*
 * A wait has ended. What it waited for may have taken time that it did not use, so its priority is
 * raised for a while: by more for slower devices, never into the real-time range, and not for
 * those so high that they do not need it. The wait itself counts as a third of a tick.
 */
VOID KiBoostAfterWait(PKTHREAD Thread, KPRIORITY Increment)
{
    KPRIORITY Boosted = Thread->BasePriority + Increment;

    if (Thread->BasePriority >= TIME_CRITICAL_PRIORITY) {
        Thread->Quantum = THREAD_QUANTUM;
        return;
    }
    if (Boosted > Thread->Priority && Thread->PriorityDecrement == 0)
        Thread->Priority = (SCHAR)min(Boosted, LOW_REALTIME_PRIORITY - 1);
    Thread->Quantum -= WAIT_QUANTUM_DECREMENT;
    if (Thread->Quantum <= 0) {
        Thread->Quantum = THREAD_QUANTUM;
        Thread->Priority = (SCHAR)KiDecayedPriority(Thread);
    }
}

/* The running thread has used its quantum up: an equal that is ready has its turn. */
static VOID KiEndQuantum(PKPRCB Prcb, PKTHREAD Thread)
{
    Thread->Quantum = THREAD_QUANTUM;
    Thread->Priority = (SCHAR)KiDecayedPriority(Thread);
    if (Prcb->NextThread == NULL) {
        Prcb->NextThread = KiTakeReadyThread(Prcb, Thread->Priority);
        if (Prcb->NextThread)
            Prcb->NextThread->State = Standby;
    }
    if (Prcb->NextThread)
        KiYieldTo(Thread, FALSE);
}

/*
 * Called from the DISPATCH interrupt: does what the clock or KiReadyThread have asked for.
 * IRQL: DISPATCH_LEVEL; interrupts enabled; the lock is not held.
 */
VOID KiQuantumEnd(VOID)
{
    PKPRCB Prcb = KeGetCurrentPrcb();
    PKTHREAD Thread = Prcb->CurrentThread;

    KiLockDispatcherDatabaseAtSynchLevel();
    if (Prcb->QuantumEnd) {
        Prcb->QuantumEnd = FALSE;
        if (Thread != Prcb->IdleThread && Thread->Quantum <= 0)
            KiEndQuantum(Prcb, Thread);
    }
    if (KeGetCurrentPrcb()->NextThread)
        KiYieldTo(KiGetCurrentThread(), TRUE);
    KiUnlockDispatcherDatabaseFromSynchLevel();
}

/* Gives a thread another priority, wherever it is. A running one may have to give way. */
VOID KiSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    PKPRCB Prcb = KeGetCurrentPrcb();

    if (Thread->Priority == Priority)
        return;
    if (Thread->State == Ready) {
        KiUnqueueThread(Prcb, Thread);
        Thread->Priority = (SCHAR)Priority;
        KiReadyThread(Thread);
        return;
    }
    Thread->Priority = (SCHAR)Priority;
    if (Thread->State == Running && Prcb->NextThread == NULL) {
        Prcb->NextThread = KiTakeReadyThread(Prcb, Priority + 1);
        if (Prcb->NextThread) {
            Prcb->NextThread->State = Standby;
            HalRequestSoftwareInterrupt(DISPATCH_LEVEL);
        }
    }
}

/* Sets a thread's priority (WDK: KeSetPriorityThread). Returns the old one. IRQL: PASSIVE_LEVEL. */
KPRIORITY NTAPI KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();
    KPRIORITY Old = Thread->Priority;

    ASSERT(Priority > 0 && Priority <= HIGH_PRIORITY);
    Thread->PriorityDecrement = 0;
    Thread->Quantum = THREAD_QUANTUM;
    KiSetPriorityThread(Thread, Priority);
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

KPRIORITY NTAPI KeQueryPriorityThread(PKTHREAD Thread)
{
    return Thread->Priority;
}

/* Lets a ready thread of equal or higher priority run. TRUE in STATUS_SUCCESS: one did. */
NTSTATUS NTAPI NtYieldExecution(VOID)
{
    PKPRCB Prcb;
    PKTHREAD Thread;
    KIRQL OldIrql = KiLockDispatcherDatabase();
    NTSTATUS Status = STATUS_NO_YIELD_PERFORMED;

    Prcb = KeGetCurrentPrcb();
    Thread = Prcb->CurrentThread;
    if (Prcb->NextThread == NULL) {
        Prcb->NextThread = KiTakeReadyThread(Prcb, max(Thread->Priority, 0));
        if (Prcb->NextThread)
            Prcb->NextThread->State = Standby;
    }
    if (Prcb->NextThread) {
        Thread->Quantum = THREAD_QUANTUM;
        KiYieldTo(Thread, FALSE);
        Status = STATUS_SUCCESS;
    }
    KiUnlockDispatcherDatabase(OldIrql);
    return Status;
}
