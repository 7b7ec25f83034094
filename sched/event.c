/*
 * Events (WDK: Event Objects). A notification event stays signalled and lets all pass; a
 * synchronization event lets one pass, and is reset by that.
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

/* Signals an event (WDK: KeSetEvent). Returns the old state. IRQL <= DISPATCH_LEVEL. */
LONG NTAPI KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    KIRQL OldIrql;
    LONG Old;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Event->Header.SignalState;
    Event->Header.SignalState = 1;
    if (!Old)
        KiWaitTest(Event, Increment);
    KiUnlockAfterSignal(OldIrql, Wait);
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

/* Ends the waits that a signalled event would end, and leaves it not signalled. */
LONG NTAPI KePulseEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    KIRQL OldIrql;
    LONG Old;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Event->Header.SignalState;
    Event->Header.SignalState = 1;
    KiWaitTest(Event, Increment);
    Event->Header.SignalState = 0;
    KiUnlockAfterSignal(OldIrql, Wait);
    return Old;
}
