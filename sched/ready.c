/*
 * Who runs next: 32 queues of ready threads with a bit for each that is not empty, and for each
 * processor the thread that it runs and perhaps a standby thread, chosen to run there next.
 *
 * Invariant, whenever the dispatcher lock is free: no ready thread has a higher priority than the
 * running or standby thread of a processor that it may run on. So the highest priorities run,
 * wherever; among equals, in turn, a quantum each. A standby thread is switched to when its
 * processor's IRQL falls below DISPATCH_LEVEL: at once, for user code. Another processor is told
 * by an interrupt.
 *
 * The queues are common to all processors, and everything here is under the dispatcher lock.
 * (Server 2003 has queues for each processor. That spares the common lock; here, one lock and one
 * set of queues keep the invariant plain.)
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/stackcheck.h"
#include "kernel/services.h"
#include "sched/sched.h"

#define PRIORITIES         32
#define SAME_PROCESSOR     1 /* what a processor is preferred by, in parts of a priority: */
#define IDEAL_PROCESSOR    2 /* the thread's memory may still be in its caches */
#define PREFERENCES        4
#define PREFERENCE_HIGHEST (PREFERENCES * PRIORITIES)
#define STARVATION_TICKS   300 /* ready without running: 3 s */
#define STARVATION_QUANTUM 4
#define STARVATION_BOOSTS  10

KSPIN_LOCK KiDispatcherLock;

static ULONG KiReadySummary;
static LIST_ENTRY KiReadyListHead[PRIORITIES];

VOID KiInitializeReadyQueues(VOID)
{
    ULONG i;

    for (i = 0; i < PRIORITIES; i++)
        InitializeListHead(&KiReadyListHead[i]);
}

/* Puts a thread in its queue: at the head if it was preempted and has quantum left. */
static inline VOID KiQueueThread(PKTHREAD Thread, BOOLEAN Preempted)
{
    PLIST_ENTRY Head = &KiReadyListHead[Thread->Priority];

    Thread->State = Ready;
    Thread->WaitTime = KeTickCount.LowPart;
    Thread->Preempted = FALSE;
    if (Preempted)
        InsertHeadList(Head, &Thread->WaitListEntry);
    else
        InsertTailList(Head, &Thread->WaitListEntry);
    KiReadySummary |= 1u << Thread->Priority;
}

static inline VOID KiUnqueueThread(PKTHREAD Thread)
{
    if (RemoveEntryList(&Thread->WaitListEntry))
        KiReadySummary &= ~(1u << Thread->Priority);
}

/* The first thread of a queue that may run on a processor; NULL: none. */
static inline PKTHREAD KiFindInQueue(PLIST_ENTRY Head, KAFFINITY Processor)
{
    PLIST_ENTRY Entry;

    for (Entry = Head->Flink; Entry != Head; Entry = Entry->Flink) {
        PKTHREAD Thread = CONTAINING_RECORD(Entry, KTHREAD, WaitListEntry);
        if (Thread->Affinity & Processor)
            return Thread;
    }
    return NULL;
}

/* The best thread for a processor, of the queues in Summary, taken out; NULL: there is none. */
static inline PKTHREAD KiTakeReadyThread(PKPRCB Prcb, ULONG Summary)
{
    while (Summary) {
        ULONG Highest = PRIORITIES - 1 - (ULONG)__builtin_clz(Summary);
        PKTHREAD Thread = KiFindInQueue(&KiReadyListHead[Highest], Prcb->SetMember);
        if (Thread) {
            KiUnqueueThread(Thread);
            return Thread;
        }
        Summary &= ~(1u << Highest);
    }
    return NULL;
}

/* The queues of at least a priority that have a thread in them, as KiReadySummary has them. */
static inline ULONG KiReadyFrom(KPRIORITY Priority)
{
    return Priority > HIGH_PRIORITY ? 0 : KiReadySummary & -(1u << Priority);
}

/* What a processor will run if nothing else happens. */
static inline PKTHREAD KiRivalOn(PKPRCB Prcb)
{
    return Prcb->NextThread ? Prcb->NextThread : Prcb->CurrentThread;
}

/* The processor that runs the least important thread, of those that the thread may run on. */
static PKPRCB KiChooseProcessor(PKTHREAD Thread)
{
    PKPRCB Best = NULL;
    LONG BestValue = PREFERENCE_HIGHEST;
    LONG i;

    for (i = 0; i < KeNumberProcessors; i++) {
        PKPRCB Prcb = KiProcessorBlock[i];
        LONG Value = KiRivalOn(Prcb)->Priority * PREFERENCES;
        if (!(Thread->Affinity & Prcb->SetMember))
            continue;
        if (Thread->IdealProcessor == i)
            Value -= IDEAL_PROCESSOR;
        if (Thread->NextProcessor == i)
            Value -= SAME_PROCESSOR;
        if (Value < BestValue) {
            Best = Prcb;
            BestValue = Value;
        }
    }
    return Best;
}

static VOID KiMakeStandby(PKPRCB Prcb, PKTHREAD Thread)
{
    Thread->State = Standby;
    Thread->NextProcessor = Prcb->Number;
    Thread->Preempted = FALSE; /* it has its turn: the next time it stands at the end */
    Prcb->NextThread = Thread;
}

/* Sees to it that a processor soon looks at its standby thread. */
static VOID KiRequestSwitch(PKPRCB Prcb)
{
    KiRequestSoftwareInterrupt(Prcb, DISPATCH_LEVEL);
}

/* Makes a thread ready: standby if it is to preempt, else queued. */
VOID FASTCALL KiReadyThread(PKTHREAD Thread)
{
    PKPRCB Prcb = KeNumberProcessors == 1 ? KeGetCurrentPrcb() : KiChooseProcessor(Thread);
    PKTHREAD Chosen = Prcb->NextThread;

    if (Thread->Priority <= KiRivalOn(Prcb)->Priority) {
        KiQueueThread(Thread, Thread->Preempted);
        return;
    }
    KiMakeStandby(Prcb, Thread);
    KiRequestSwitch(Prcb);
    if (Chosen && Chosen != Prcb->IdleThread) { /* it has lost its place: perhaps there is another
                                                   processor for it */
        Chosen->Preempted = TRUE;
        KiReadyThread(Chosen);
    }
}

/* Looks for a thread of at least that priority to run next on a processor that has none yet. */
static BOOLEAN KiFindStandby(PKPRCB Prcb, KPRIORITY Priority)
{
    PKTHREAD Thread = Prcb->NextThread ? NULL : KiTakeReadyThread(Prcb, KiReadyFrom(Priority));

    if (Thread)
        KiMakeStandby(Prcb, Thread);
    return Prcb->NextThread != NULL;
}

/* The standby thread, or the best ready one, or the idle thread. */
static inline PKTHREAD KiSelectNextThread(PKPRCB Prcb)
{
    PKTHREAD Thread = Prcb->NextThread;

    if (Thread)
        Prcb->NextThread = NULL;
    else
        Thread = KiTakeReadyThread(Prcb, KiReadySummary);
    return Thread ? Thread : Prcb->IdleThread;
}

static NORETURN VOID KiBadSwitch(PKTHREAD Old, PKTHREAD New)
{
    KeBugCheckEx(ATTEMPTED_SWITCH_FROM_DPC, (ULONG_PTR)Old, (ULONG_PTR)New,
                 (ULONG_PTR)Old->InitialStack, 0);
}

/* The thread that is about to be switched to, on this processor. */
static inline VOID KiMakeRunning(PKTHREAD Thread, UCHAR Processor)
{
    Thread->State = Running;
    Thread->NextProcessor = Processor;
    KiSetCurrentThread(Thread);
}

/* Leaves one thread, and comes back when that is switched to again, perhaps elsewhere. */
static inline VOID KiSwitchThreads(PKTHREAD Old, PKTHREAD New)
{
    KiCheckStackPointers(Old, New);
    KiSwapContext(Old, New);
    if (Old->ApcState.KernelApcPending)
        KiPendInterrupt(APC_LEVEL);
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

    if (__builtin_expect(Prcb->DpcRoutineActive, FALSE))
        KiBadSwitch(Old, New);
    KiMakeRunning(New, Prcb->Number);
    if (New != Old)
        KiSwitchThreads(Old, New);
}

/*
 * Puts the running thread back among the ready ones, and switches to the standby or best one. If
 * it may run on another processor, which runs something less important, it goes there.
 */
static inline VOID KiYieldTo(PKTHREAD Thread, BOOLEAN Preempted)
{
    if (Thread == KeGetCurrentPrcb()->IdleThread) {
        Thread->State = Ready; /* is on no queue: it runs when nothing else does */
    } else if (KeNumberProcessors == 1) {
        KiQueueThread(Thread, Preempted);
    } else {
        Thread->Preempted = Preempted;
        KiReadyThread(Thread);
    }
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
VOID FASTCALL KiBoostAfterWait(PKTHREAD Thread, KPRIORITY Increment)
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

/*
 * A ready thread has not run for long, for others of higher priority always do. For one quantum it
 * runs before all but real-time threads, so that what it holds, a lock perhaps, comes free.
 */
static VOID KiBoostStarvedThread(PKTHREAD Thread)
{
    KiUnqueueThread(Thread);
    Thread->PriorityDecrement = (SCHAR)(LOW_REALTIME_PRIORITY - 1 - Thread->BasePriority);
    Thread->Priority = LOW_REALTIME_PRIORITY - 1;
    Thread->Quantum = STARVATION_QUANTUM;
    KiReadyThread(Thread);
}

/* Looks for a starved thread in one queue: its first has been there the longest. */
static BOOLEAN KiRelieveQueue(PLIST_ENTRY Head)
{
    PKTHREAD Thread = CONTAINING_RECORD(Head->Flink, KTHREAD, WaitListEntry);

    if (IsListEmpty(Head) || KeTickCount.LowPart - Thread->WaitTime < STARVATION_TICKS)
        return FALSE;
    KiBoostStarvedThread(Thread);
    return TRUE;
}

/* Called once a second, at DISPATCH_LEVEL. A few threads at a time are enough. */
VOID KiRelieveStarvedThreads(VOID)
{
    ULONG Priority, Boosted = 0;

    KiLockDispatcherDatabaseAtSynchLevel();
    for (Priority = LOW_REALTIME_PRIORITY - 2; Priority > 0; Priority--) {
        while (Boosted < STARVATION_BOOSTS && KiRelieveQueue(&KiReadyListHead[Priority]))
            Boosted++;
    }
    KiUnlockDispatcherDatabaseFromSynchLevel();
}

/* The running thread has used its quantum up: an equal that is ready has its turn. */
static VOID KiEndQuantum(PKPRCB Prcb, PKTHREAD Thread)
{
    Thread->Quantum = THREAD_QUANTUM;
    Thread->Priority = (SCHAR)KiDecayedPriority(Thread);
    if (KiFindStandby(Prcb, Thread->Priority))
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

/* Who is to run on a processor instead of its running thread: somebody of higher priority, or, if
 * that may not run there any more, the best there is, even the idle thread. NULL: nobody. */
static PKTHREAD KiChooseNext(PKPRCB Prcb)
{
    PKTHREAD Thread = Prcb->CurrentThread;
    BOOLEAN MayStay = (Thread->Affinity & Prcb->SetMember) != 0;
    PKTHREAD Next = KiTakeReadyThread(Prcb, KiReadyFrom(MayStay ? Thread->Priority + 1 : 0));

    return Next || MayStay ? Next : Prcb->IdleThread;
}

/* Chooses the standby thread anew. In one store: the processor looks at NextThread without the
 * lock, and must find it if its running thread is to leave. */
static VOID KiReplaceStandby(PKPRCB Prcb)
{
    PKTHREAD Next = KiChooseNext(Prcb);

    if (Next) {
        KiMakeStandby(Prcb, Next);
        KiRequestSwitch(Prcb);
    } else {
        Prcb->NextThread = NULL;
    }
}

/* A standby thread that is no longer what it was chosen for: another is chosen, unless it is still
 * the best. */
static VOID KiChooseAgain(PKTHREAD Thread)
{
    KiReplaceStandby(KiProcessorBlock[Thread->NextProcessor]);
    KiReadyThread(Thread);
}

/* After a change of priority or affinity: puts the thread where it belongs now. One that was ready
 * has been taken out of its queue. */
static VOID KiReconsider(PKTHREAD Thread)
{
    PKPRCB Prcb = KiProcessorBlock[Thread->NextProcessor];

    switch (Thread->State) {
    case Ready:
        KiReadyThread(Thread);
        break;
    case Standby:
        KiChooseAgain(Thread);
        break;
    case Running:
        if (Prcb->NextThread == NULL)
            KiReplaceStandby(Prcb);
        break;
    }
}

/* Gives a thread another priority, wherever it is. A running one may have to give way. */
VOID KiSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    if (Thread->Priority == Priority)
        return;
    if (Thread->State == Ready)
        KiUnqueueThread(Thread);
    Thread->Priority = (SCHAR)Priority;
    KiReconsider(Thread);
}

/* The same for the processors it may run on, which are some of those that there are. */
VOID KiSetAffinityThread(PKTHREAD Thread, KAFFINITY Affinity)
{
    if (Thread->State == Ready)
        KiUnqueueThread(Thread);
    Thread->Affinity = Affinity;
    KiReconsider(Thread);
}

/*
 * The commonest yield: the best ready thread is the running one's equal, in priority and in the
 * processors that it may run on. So the two just change places, and the queue and all invariants
 * are as before. FALSE: it is not so simple. The lock is held.
 */
static inline BOOLEAN KiYieldToEqual(PKTHREAD Thread)
{
    PLIST_ENTRY Head = &KiReadyListHead[Thread->Priority];
    PKTHREAD Next = CONTAINING_RECORD(Head->Flink, KTHREAD, WaitListEntry);

    if (__builtin_expect(KiReadySummary >> Thread->Priority != 1 ||
                             Next->Affinity != Thread->Affinity || KiHasNextThread(),
                         FALSE))
        return FALSE;
    RemoveHeadList(Head);
    InsertTailList(Head, &Thread->WaitListEntry);
    Thread->Quantum = THREAD_QUANTUM;
    Thread->WaitTime = KeTickCount.LowPart;
    Thread->State = Ready;
    KiMakeRunning(Next, Thread->NextProcessor);
    KiSwitchThreads(Thread, Next);
    return TRUE;
}

/* The general case; lets the lock go. */
static __attribute__((noinline)) NTSTATUS KiYieldToBetter(PKTHREAD Thread, KIRQL OldIrql)
{
    NTSTATUS Status = STATUS_NO_YIELD_PERFORMED;

    if (KiFindStandby(KeGetCurrentPrcb(), Thread->Priority)) {
        Thread->Quantum = THREAD_QUANTUM;
        KiYieldTo(Thread, FALSE);
        Status = STATUS_SUCCESS;
    }
    KiUnlockDispatcherDatabase(OldIrql);
    return Status;
}

/* Irql: the current one, below DISPATCH_LEVEL. */
static inline NTSTATUS KiYield(PKTHREAD Thread, KIRQL Irql)
{
    KiSetCurrentIrql(DISPATCH_LEVEL);
    KiLockDispatcherDatabaseAtSynchLevel();
    if (!KiYieldToEqual(Thread))
        return KiYieldToBetter(Thread, Irql);
    KiUnlockDispatcherDatabase(Irql);
    return STATUS_SUCCESS;
}

/* Lets a ready thread of equal or higher priority run. STATUS_SUCCESS: one did, else
 * STATUS_NO_YIELD_PERFORMED. IRQL <= APC_LEVEL. */
NTSTATUS NTAPI NtYieldExecution(VOID)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    if (KiReadySummary == 0) /* a look without the lock: nobody has been waiting */
        return STATUS_NO_YIELD_PERFORMED;
    return KiYield(KiGetCurrentThread(), KiGetCurrentIrql());
}

/*
 * Lets time pass (WDK: KeDelayExecutionThread). An interval of zero yields; whether there was
 * somebody to yield to is not told, as that status is not among the documented ones. IRQL <=
 * APC_LEVEL. STATUS_SUCCESS, or STATUS_USER_APC or STATUS_ALERTED if the wait was interrupted.
 */
NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                      PLARGE_INTEGER Interval)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Interval->QuadPart != 0 || Alertable || Irql >= DISPATCH_LEVEL)
        return KiDelayExecutionThread(WaitMode, Alertable, Interval);
    if (KiReadySummary) /* as in NtYieldExecution */
        KiYield(KiGetCurrentThread(), Irql);
    return STATUS_SUCCESS;
}
