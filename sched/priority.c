/*
 * Priorities as drivers change them. A thread has two: the base priority, which it comes back to,
 * and the one that it is scheduled by, which boosts raise for a while (sched/ready.c).
 */
#include "sched/sched.h"

#define SATURATED (HIGH_PRIORITY / 2 + 1) /* an increment that means "as far as it goes" */

/*
 * Sets the priority that a thread is scheduled by (WDK: KeSetPriorityThread). Below the real-time
 * range it falls back to the base priority, a level each quantum. Returns the old one. IRQL:
 * PASSIVE_LEVEL.
 */
KPRIORITY NTAPI KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    KIRQL OldIrql;
    KPRIORITY Old;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    ASSERT(Priority > 0 && Priority <= HIGH_PRIORITY);
    OldIrql = KiLockDispatcherDatabase();
    Old = Thread->Priority;
    Thread->PriorityDecrement = 0;
    Thread->Quantum = THREAD_QUANTUM;
    KiSetPriorityThread(Thread, Priority);
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

/* The priority that a thread is scheduled by. IRQL: PASSIVE_LEVEL. */
KPRIORITY NTAPI KeQueryPriorityThread(PKTHREAD Thread)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    return Thread->Priority;
}

/* A thread does not leave its process's range, dynamic or real-time, by an increment. */
static KPRIORITY KiBaseFor(KPRIORITY ProcessBase, LONG Increment)
{
    KPRIORITY Lowest = ProcessBase < LOW_REALTIME_PRIORITY ? 1 : LOW_REALTIME_PRIORITY;
    KPRIORITY Highest =
        ProcessBase < LOW_REALTIME_PRIORITY ? LOW_REALTIME_PRIORITY - 1 : HIGH_PRIORITY;

    Increment = min(max(Increment, -SATURATED), SATURATED);
    return min(max(ProcessBase + Increment, Lowest), Highest);
}

/*
 * Sets a thread's base priority, as an increment to its process's, and its priority with it (WDK:
 * KeSetBasePriorityThread). Returns the old increment. IRQL: PASSIVE_LEVEL.
 */
LONG NTAPI KeSetBasePriorityThread(PKTHREAD Thread, LONG Increment)
{
    KPRIORITY ProcessBase = Thread->Process->BasePriority;
    KIRQL OldIrql;
    LONG Old;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Thread->BasePriority - ProcessBase;
    Thread->BasePriority = (SCHAR)KiBaseFor(ProcessBase, Increment);
    Thread->PriorityDecrement = 0;
    Thread->Quantum = THREAD_QUANTUM;
    KiSetPriorityThread(Thread, Thread->BasePriority);
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}
