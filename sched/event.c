/*
 * Events and semaphores (WDK: Event Objects, Semaphore Objects).
 */
#include "sched/sched.h"

VOID NTAPI KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    RtlZeroMemory(Event, sizeof *Event);
    Event->Header.Type = (UCHAR)Type; /* NotificationEvent 0, SynchronizationEvent 1 */
    Event->Header.Size = sizeof *Event / sizeof(ULONG);
    Event->Header.SignalState = State;
    InitializeListHead(&Event->Header.WaitListHead);
}

/* With Wait, the caller calls KeWaitXxx next: the lock is simply taken again by that. */
LONG NTAPI KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    KIRQL OldIrql;
    LONG Old;

    UNREFERENCED_PARAMETER(Wait);
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Event->Header.SignalState;
    Event->Header.SignalState = 1;
    if (!Old)
        KiWaitTest(Event, Increment);
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

LONG NTAPI KeResetEvent(PRKEVENT Event)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();
    LONG Old = Event->Header.SignalState;

    Event->Header.SignalState = 0;
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

VOID NTAPI KeClearEvent(PRKEVENT Event)
{
    Event->Header.SignalState = 0;
}

LONG NTAPI KeReadStateEvent(PRKEVENT Event)
{
    return Event->Header.SignalState;
}

VOID NTAPI KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    RtlZeroMemory(Semaphore, sizeof *Semaphore);
    Semaphore->Header.Type = KSemaphoreObject;
    Semaphore->Header.Size = sizeof *Semaphore / sizeof(ULONG);
    Semaphore->Header.SignalState = Count;
    Semaphore->Limit = Limit;
    InitializeListHead(&Semaphore->Header.WaitListHead);
}

/* Going over the limit is the caller's mistake, which the WDK lets raise an exception. */
LONG NTAPI KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment,
                              BOOLEAN Wait)
{
    KIRQL OldIrql;
    LONG Old;

    UNREFERENCED_PARAMETER(Wait);
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Semaphore->Header.SignalState;
    if (Adjustment <= 0 || Adjustment > Semaphore->Limit - Old) {
        KiUnlockDispatcherDatabase(OldIrql);
        KeBugCheckEx(KMODE_EXCEPTION_NOT_HANDLED, STATUS_SEMAPHORE_LIMIT_EXCEEDED,
                     (ULONG_PTR)__builtin_return_address(0), (ULONG_PTR)Semaphore, Adjustment);
    }
    Semaphore->Header.SignalState += Adjustment;
    KiWaitTest(Semaphore, Increment);
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

LONG NTAPI KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
    return Semaphore->Header.SignalState;
}
