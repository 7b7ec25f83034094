/*
 * Events (WDK: Event Objects). A notification event stays signalled and lets all pass; a
 * synchronization event lets one pass, and is reset by that.
 */
#include "sched/sched.h"
#include "kernel/ke/lockcheck.h"

VOID NTAPI KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    RtlZeroMemory(Event, sizeof *Event);
    Event->Header.Type = (UCHAR)Type; /* NotificationEvent 0, SynchronizationEvent 1 */
    Event->Header.Size = sizeof *Event / sizeof(ULONG);
    Event->Header.SignalState = State;
    InitializeListHead(&Event->Header.WaitListHead);
}

/*
 * Signals an event (WDK: KeSetEvent). Returns the old state. IRQL <= DISPATCH_LEVEL, with Wait
 * <= APC_LEVEL.
 */
LONG NTAPI KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    KIRQL OldIrql;
    LONG Old;

    KI_VERIFY(KiGetCurrentIrql() <= DISPATCH_LEVEL, 0x80, KiGetCurrentIrql(), Event, 0);
    KI_ASSERT_IRQL(Wait ? APC_LEVEL : DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Event->Header.SignalState;
    Event->Header.SignalState = 1;
    if (!Old)
        KiWaitTest(Event, Increment);
    KiUnlockAfterSignal(OldIrql, Wait);
    return Old;
}

/* Makes an event not signalled. Returns the old state. IRQL <= DISPATCH_LEVEL. */
LONG NTAPI KeResetEvent(PRKEVENT Event)
{
    KIRQL OldIrql;
    LONG Old;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Event->Header.SignalState;
    Event->Header.SignalState = 0;
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

/* The same, without telling. IRQL <= DISPATCH_LEVEL. */
VOID NTAPI KeClearEvent(PRKEVENT Event)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    Event->Header.SignalState = 0;
}

LONG NTAPI KeReadStateEvent(PRKEVENT Event)
{
    return Event->Header.SignalState;
}

/*
 * Ends the waits that a signalled event would end, and leaves it not signalled. IRQL as for
 * KeSetEvent.
 */
LONG NTAPI KePulseEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    KIRQL OldIrql;
    LONG Old;

    KI_ASSERT_IRQL(Wait ? APC_LEVEL : DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Event->Header.SignalState;
    Event->Header.SignalState = 1;
    KiWaitTest(Event, Increment);
    Event->Header.SignalState = 0;
    KiUnlockAfterSignal(OldIrql, Wait);
    return Old;
}
