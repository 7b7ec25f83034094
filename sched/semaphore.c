/*
 * Semaphores (WDK: Semaphore Objects): a count, which each satisfied wait takes one off.
 */
#include "sched/sched.h"

VOID NTAPI KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    RtlZeroMemory(Semaphore, sizeof *Semaphore);
    Semaphore->Header.Type = KSemaphoreObject;
    Semaphore->Header.Size = sizeof *Semaphore / sizeof(ULONG);
    Semaphore->Header.SignalState = Count;
    Semaphore->Limit = Limit;
    InitializeListHead(&Semaphore->Header.WaitListHead);
}

/*
 * Adds to a semaphore's count (WDK: KeReleaseSemaphore). Returns the old count. Going over the
 * limit raises STATUS_SEMAPHORE_LIMIT_EXCEEDED. IRQL <= DISPATCH_LEVEL, with Wait <= APC_LEVEL.
 */
LONG NTAPI KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment,
                              BOOLEAN Wait)
{
    KIRQL OldIrql;
    LONG Old;

    KI_ASSERT_IRQL(Wait ? APC_LEVEL : DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Semaphore->Header.SignalState;
    if (Adjustment <= 0 || Adjustment > Semaphore->Limit - Old) {
        KiUnlockDispatcherDatabase(OldIrql);
        ExRaiseStatus(STATUS_SEMAPHORE_LIMIT_EXCEEDED);
    }
    Semaphore->Header.SignalState += Adjustment;
    KiWaitTest(Semaphore, Increment);
    KiUnlockAfterSignal(OldIrql, Wait);
    return Old;
}

LONG NTAPI KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
    return Semaphore->Header.SignalState;
}
