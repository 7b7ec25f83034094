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

/* Adds to a semaphore's count; the old one is in *Old. STATUS_SEMAPHORE_LIMIT_EXCEEDED: it has not
 * changed. IRQL <= DISPATCH_LEVEL, with Wait <= APC_LEVEL. */
NTSTATUS KiReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment,
                            BOOLEAN Wait, PLONG Old)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(Wait ? APC_LEVEL : DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    *Old = Semaphore->Header.SignalState;
    if (Adjustment <= 0 || Adjustment > Semaphore->Limit - *Old) {
        KiUnlockDispatcherDatabase(OldIrql);
        return STATUS_SEMAPHORE_LIMIT_EXCEEDED;
    }
    Semaphore->Header.SignalState += Adjustment;
    KiWaitTest(Semaphore, Increment);
    KiUnlockAfterSignal(OldIrql, Wait);
    return STATUS_SUCCESS;
}

/* The same for drivers (WDK: KeReleaseSemaphore). Returns the old count. Going over the limit
 * raises STATUS_SEMAPHORE_LIMIT_EXCEEDED. */
LONG NTAPI KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment,
                              BOOLEAN Wait)
{
    LONG Old;
    NTSTATUS Status = KiReleaseSemaphore(Semaphore, Increment, Adjustment, Wait, &Old);

    if (!NT_SUCCESS(Status))
        ExRaiseStatus(Status);
    return Old;
}

LONG NTAPI KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
    return Semaphore->Header.SignalState;
}
