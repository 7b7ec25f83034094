/*
 * Time and timers. The clock's interrupt keeps the two times (interrupt time, which only grows,
 * and system time), charges ticks to the running thread, and asks for the DISPATCH interrupt when
 * a timer is due or the quantum is used up. Timers expire there, at DISPATCH_LEVEL.
 *
 * Set timers hang in a table of lists, under the dispatcher lock: each list has the due times of
 * one slot of time, 13.1 ms long, in their order, and after SLOTS of them the table begins anew. So
 * setting and cancelling cost the same however many timers are set, unless very many are due in one
 * slot. Invariant: no timer is due before KiNextDue, which is all that the clock looks at.
 *
 * Due times are interrupt times, so a change of the system time does not move relative ones.
 */
#include "kernel/hal/hal.h"
#include "sched/sched.h"

#define MILLISECOND 10000 /* in units of 100 ns */
#define SLOTS       512
#define SLOT_SHIFT  17 /* a slot is 2^17 units: a little more than a clock tick */

volatile KSYSTEM_TIME KeTickCount;

static LIST_ENTRY KiTimerTable[SLOTS];
static LONGLONG KiNextDue;            /* dispatcher lock */
static volatile ULONG KiNextDueLow;   /* its low half, for the clock, which takes no lock */
static LONGLONG KiBootTime;           /* system time - interrupt time */

/* The reader's half of the protocol is in KiReadSystemTime: High2 first, High1 last. */
static VOID KiWriteSystemTime(volatile KSYSTEM_TIME *Time, LONGLONG Value)
{
    Time->High2Time = (LONG)(Value >> 32);
    Time->LowPart = (ULONG)Value;
    Time->High1Time = (LONG)(Value >> 32);
}

static LONGLONG KiReadSystemTime(volatile KSYSTEM_TIME *Time)
{
    LONG High;
    ULONG Low;

    do {
        High = Time->High1Time;
        Low = Time->LowPart;
    } while (High != Time->High2Time);
    return ((LONGLONG)High << 32) | Low;
}

/* Rare: a time's low part wraps. */
static __attribute__((noinline)) VOID KiCarrySystemTime(volatile KSYSTEM_TIME *Time, ULONG By)
{
    KiWriteSystemTime(Time, KiReadSystemTime(Time) + By);
}

/*
 * For the one who alone writes a time. Mostly one word changes: a reader sees all or nothing.
 * Returns the new low word.
 */
static inline ULONG KiAdvanceSystemTime(volatile KSYSTEM_TIME *Time, ULONG By)
{
    ULONG Low;

    if (__builtin_expect(__builtin_add_overflow(Time->LowPart, By, &Low), FALSE))
        KiCarrySystemTime(Time, By);
    else
        Time->LowPart = Low;
    return Low;
}

/* Rare: the count's low word has wrapped. */
static __attribute__((noinline)) VOID KiCarryTickCount(VOID)
{
    KiCarrySystemTime(&KeTickCount, 1);
    KiCarrySystemTime(&SharedUserData->TickCount, 1);
}

/* The tick count and its copies for programs. */
static inline VOID KiAdvanceTickCount(VOID)
{
    ULONG Low = KeTickCount.LowPart + 1;

    if (__builtin_expect(Low == 0, FALSE)) {
        KiCarryTickCount();
    } else {
        KeTickCount.LowPart = Low;
        SharedUserData->TickCount.LowPart = Low;
    }
    SharedUserData->TickCountLowDeprecated = Low;
}

LONGLONG KiQueryInterruptTime(VOID)
{
    return KiReadSystemTime(&SharedUserData->InterruptTime);
}

VOID KiInitializeTime(LONGLONG SystemTime)
{
    ULONG i;

    for (i = 0; i < SLOTS; i++)
        InitializeListHead(&KiTimerTable[i]);
    KiBootTime = SystemTime;
    KiWriteSystemTime(&SharedUserData->SystemTime, SystemTime);
    SharedUserData->TickCountMultiplier = CLOCK_TICK_100NS / 10000 << 24;
}

/* Charges a tick to the running thread; its quantum may end. */
static inline VOID KiChargeTick(PKPRCB Prcb, PKTRAP_FRAME Frame)
{
    PKTHREAD Thread = Prcb->CurrentThread;

    if (KiIsUserTrap(Frame)) {
        Thread->UserTime++;
        Prcb->UserTime++;
    } else {
        Thread->KernelTime++;
        Prcb->KernelTime++;
        if (Prcb->DpcRoutineActive)
            Prcb->DpcTime++;
    }
    if (Thread == Prcb->IdleThread)
        return;
    if (Thread->Quantum > CLOCK_QUANTUM_DECREMENT) {
        Thread->Quantum -= CLOCK_QUANTUM_DECREMENT;
        return;
    }
    Thread->Quantum = 0; /* at a high IRQL it may stay so for many ticks */
    Prcb->QuantumEnd = TRUE;
    HalRequestSoftwareInterrupt(DISPATCH_LEVEL);
}

/* The service routine of a processor's own clock. IRQL: CLOCK2_LEVEL. */
VOID FASTCALL KiUpdateRunTime(PKTRAP_FRAME Frame)
{
    KiCheckDeferredDpcs(KeGetCurrentPrcb());
    KiChargeTick(KeGetCurrentPrcb(), Frame);
}

/*
 * Is a timer due? KiNextDue lies at most SLOTS slots, some seconds, ahead, and is acted upon when
 * it is past; so the low halves are enough, and each is read in one piece.
 */
static inline BOOLEAN KiIsTimerDue(ULONG InterruptTimeLow)
{
    return (LONG)(InterruptTimeLow - KiNextDueLow) >= 0;
}

/*
 * The clock's interrupt service routine, on the first processor, which alone writes these times.
 * IRQL: CLOCK2_LEVEL.
 */
VOID FASTCALL KiUpdateTime(PKTRAP_FRAME Frame)
{
    ULONG Now = KiAdvanceSystemTime(&SharedUserData->InterruptTime, CLOCK_TICK_100NS);

    if (__builtin_expect(KiIsTimerDue(Now), FALSE)) {
        KeGetCurrentPrcb()->TimerRequest = TRUE;
        HalRequestSoftwareInterrupt(DISPATCH_LEVEL);
    }
    KiAdvanceSystemTime(&SharedUserData->SystemTime, CLOCK_TICK_100NS);
    KiAdvanceTickCount();
    KiCheckDeferredDpcs(KeGetCurrentPrcb());
    KiChargeTick(KeGetCurrentPrcb(), Frame);
}

static inline VOID KiSetNextDue(LONGLONG Due)
{
    KiNextDue = Due;
    KiNextDueLow = (ULONG)Due;
}

static inline PKTIMER KiTimerOf(PLIST_ENTRY Entry)
{
    return CONTAINING_RECORD(Entry, KTIMER, TimerListEntry);
}

static inline PLIST_ENTRY KiSlotOf(LONGLONG Due)
{
    return &KiTimerTable[(ULONG)(Due >> SLOT_SHIFT) % SLOTS];
}

/*
 * The timer that is due first, which is due at KiNextDue then. NULL: none is due until the table
 * begins anew, and it will be looked for again at that time. The dispatcher lock is held.
 */
static PKTIMER KiFindFirstTimer(VOID)
{
    LONGLONG Slot = KiNextDue >> SLOT_SHIFT;
    LONGLONG End = Slot + SLOTS;

    for (; Slot < End; Slot++) {
        PLIST_ENTRY Head = &KiTimerTable[(ULONG)Slot % SLOTS];
        PKTIMER First = KiTimerOf(Head->Flink);
        if (!IsListEmpty(Head) && (LONGLONG)First->DueTime.QuadPart >> SLOT_SHIFT <= Slot) {
            KiSetNextDue((LONGLONG)First->DueTime.QuadPart);
            return First;
        }
    }
    KiSetNextDue(End << SLOT_SHIFT);
    return NULL;
}

/*
 * When a caller's time-out is over: negative means relative, else absolute system time, NULL never.
 * What is so far off that it wraps is never, too.
 */
LONGLONG KiDueTime(PLARGE_INTEGER Timeout)
{
    LONGLONG Due;

    if (Timeout == NULL)
        return TIME_FOR_EVER;
    if (Timeout->QuadPart == 0)
        return TIME_AT_ONCE;
    if (Timeout->QuadPart > 0)
        return max(Timeout->QuadPart - KiBootTime, TIME_AT_ONCE);
    Due = (LONGLONG)((ULONGLONG)KiQueryInterruptTime() - (ULONGLONG)Timeout->QuadPart);
    return Due < 0 ? TIME_FOR_EVER : Due;
}

/* Sets a timer that is not set. The dispatcher lock is held. */
VOID KiInsertTimer(PKTIMER Timer, LONGLONG Due)
{
    PLIST_ENTRY Head = KiSlotOf(Due), Entry = Head->Blink;

    if (!IsListEmpty(Head) && Due < (LONGLONG)KiTimerOf(Head->Flink)->DueTime.QuadPart)
        Entry = Head; /* before all the others, as one often is that is due soon */
    while (Entry != Head && (LONGLONG)KiTimerOf(Entry)->DueTime.QuadPart > Due)
        Entry = Entry->Blink;
    InsertHeadList(Entry, &Timer->TimerListEntry);
    Timer->DueTime.QuadPart = (ULONGLONG)Due;
    Timer->Header.Inserted = TRUE;
    if (Due < KiNextDue)
        KiSetNextDue(Due);
}

/* TRUE: it was set. The dispatcher lock is held. */
BOOLEAN KiRemoveTimer(PKTIMER Timer)
{
    if (!Timer->Header.Inserted)
        return FALSE;
    Timer->Header.Inserted = FALSE;
    RemoveEntryList(&Timer->TimerListEntry);
    return TRUE;
}

/* A timer's time has come: signal it, set it again if it is periodic, queue its DPC. */
static VOID KiSignalTimer(PKTIMER Timer)
{
    PKDPC Dpc = Timer->Dpc;
    LARGE_INTEGER Now;

    Timer->Header.SignalState = 1;
    KiWaitTest(Timer, 0);
    if ((LONG)Timer->Period > 0)
        KiInsertTimer(Timer, KiQueryInterruptTime() + (LONGLONG)Timer->Period * MILLISECOND);
    if (Dpc) {
        KeQuerySystemTime(&Now);
        KeInsertQueueDpc(Dpc, (PVOID)Now.LowPart, (PVOID)Now.HighPart);
    }
}

VOID KiTimerExpiration(VOID)
{
    KiLockDispatcherDatabaseAtSynchLevel();
    while (KiNextDue <= KiQueryInterruptTime()) {
        PKTIMER Timer = KiFindFirstTimer();
        if (Timer && (LONGLONG)Timer->DueTime.QuadPart <= KiQueryInterruptTime()) {
            KiRemoveTimer(Timer);
            KiSignalTimer(Timer);
        }
    }
    KiUnlockDispatcherDatabaseFromSynchLevel();
}

/* IRQL <= DISPATCH_LEVEL. */
VOID NTAPI KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    RtlZeroMemory(Timer, sizeof *Timer);
    Timer->Header.Type = (UCHAR)(KTimerNotificationObject + Type);
    Timer->Header.Size = sizeof *Timer / sizeof(ULONG);
    InitializeListHead(&Timer->Header.WaitListHead);
}

VOID NTAPI KeInitializeTimer(PKTIMER Timer)
{
    KeInitializeTimerEx(Timer, NotificationTimer);
}

/*
 * Sets a timer, anew if it is set (WDK: KeSetTimerEx). Period in milliseconds, 0: once. TRUE: it
 * was set before. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    LONGLONG Due = KiDueTime(&DueTime);
    BOOLEAN WasSet;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    WasSet = KiRemoveTimer(Timer);
    Timer->Header.SignalState = 0;
    Timer->Period = Period;
    Timer->Dpc = Dpc;
    if (Due <= KiQueryInterruptTime())
        KiSignalTimer(Timer);
    else
        KiInsertTimer(Timer, Due);
    KiUnlockDispatcherDatabase(OldIrql);
    return WasSet;
}

BOOLEAN NTAPI KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    return KeSetTimerEx(Timer, DueTime, 0, Dpc);
}

/*
 * KeSetTimerEx with a tolerance in milliseconds, within which Windows has timers expire together to
 * save power (WDK: KeSetCoalescableTimer). This one expires at its time. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI KeSetCoalescableTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period,
                                    ULONG TolerableDelay, PKDPC Dpc)
{
    ASSERT(Period <= MAXLONG && TolerableDelay <= MAXLONG);
    UNREFERENCED_PARAMETER(TolerableDelay);
    return KeSetTimerEx(Timer, DueTime, (LONG)Period, Dpc);
}

/* TRUE: it was set. Its DPC may still be queued or running (WDK: KeCancelTimer). */
BOOLEAN NTAPI KeCancelTimer(PKTIMER Timer)
{
    KIRQL OldIrql;
    BOOLEAN WasSet;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    WasSet = KiRemoveTimer(Timer);
    KiUnlockDispatcherDatabase(OldIrql);
    return WasSet;
}

BOOLEAN NTAPI KeReadStateTimer(PKTIMER Timer)
{
    return Timer->Header.SignalState != 0;
}

VOID NTAPI KeQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
    CurrentTime->QuadPart = KiReadSystemTime(&SharedUserData->SystemTime);
}

VOID NTAPI(KeQueryTickCount)(PLARGE_INTEGER TickCount)
{
    TickCount->QuadPart = KiReadSystemTime(&KeTickCount);
}

ULONGLONG NTAPI KeQueryInterruptTime(VOID)
{
    return KiQueryInterruptTime();
}

/* Interrupt time without the time that the machine has slept, which it never does. IRQL: any. */
ULONGLONG NTAPI KeQueryUnbiasedInterruptTime(VOID)
{
    return KeQueryInterruptTime();
}

/* How long a thread has run in kernel mode, and in user mode, in clock ticks. IRQL: any. */
ULONG NTAPI KeQueryRuntimeThread(PKTHREAD Thread, PULONG UserTime)
{
    *UserTime = Thread->UserTime;
    return Thread->KernelTime;
}

ULONG NTAPI KeQueryTimeIncrement(VOID)
{
    return CLOCK_TICK_100NS;
}
