/*
 * timertest.sys: what a driver may rely on about time: timers of both kinds, their DPCs, and the
 * time-outs of waits, relative and absolute.
 *
 * Nothing comes before its time; that is checked each time. How late it comes depends on the host,
 * which may be busy: of several tries the best one has to be right to the tick, or one tick late,
 * for a tick may come between reading the clock and starting the wait. Source: WDK, the pages of
 * KeSetTimerEx, KeCancelTimer, KeWaitForSingleObject, KeDelayExecutionThread; "Timer Accuracy".
 */
#include "waiter.h"

DRIVER_INITIALIZE DriverEntry;

#define MILLISECOND 10000 /* in units of 100 ns */
#define TRIES       5
#define A_LONG_TIME 100000 /* ms: a test that needs it to pass is ended by the time limit */

static WAITER Waiters[3];

/* What a timer's DPC notes. */
typedef struct _NOTES {
    KDPC Dpc;
    KEVENT Came; /* notification: set by the first */
    volatile LONG Count;
    ULONG Place; /* among the DPCs that came */
    KIRQL Irql;
    PKDPC Own;
    PKTIMER Again; /* set anew by the DPC, or NULL */
    LONG Times;    /* how often */
} NOTES, *PNOTES;

static ULONG DpcsCame;

static VOID NTAPI NotingDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PNOTES Notes = Context;

    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    Notes->Irql = KeGetCurrentIrql();
    Notes->Own = Dpc;
    Notes->Place = ++DpcsCame;
    Notes->Count++;
    if (Notes->Again && Notes->Count < Notes->Times)
        KeSetTimer(Notes->Again, After(1), Dpc);
    else
        KeSetEvent(&Notes->Came, 0, FALSE);
}

static VOID MakeNotes(PNOTES Notes)
{
    RtlZeroMemory(Notes, sizeof *Notes);
    KeInitializeDpc(&Notes->Dpc, NotingDpc, Notes);
    KeInitializeEvent(&Notes->Came, NotificationEvent, FALSE);
}

static LARGE_INTEGER SystemTimeIn(LONG Milliseconds)
{
    LARGE_INTEGER Time;

    KeQuerySystemTime(&Time);
    Time.QuadPart += (LONGLONG)Milliseconds * MILLISECOND;
    return Time;
}

static LONG ElapsedSince(ULONGLONG Start)
{
    return (LONG)(KeQueryInterruptTime() - Start);
}

/* ---- Time-outs --------------------------------------------------------------------------------
 */

typedef NTSTATUS TIMED_WAIT(ULONG Milliseconds);

/* Checks a wait's status, and that it takes its time, by several tries. */
static VOID CheckTimed(PCSTR Name, TIMED_WAIT *Routine, ULONG Milliseconds, NTSTATUS Expected)
{
    LONG Tick = (LONG)KeQueryTimeIncrement(), Least = (LONG)Milliseconds * MILLISECOND;
    LONG Shortest = MAXLONG;
    BOOLEAN Right = TRUE;
    ULONG Try;

    for (Try = 0; Try < TRIES; Try++) {
        ULONGLONG Start = KeQueryInterruptTime();
        Right &= Routine(Milliseconds) == Expected;
        Shortest = min(Shortest, ElapsedSince(Start));
    }
    if (Right)
        CheckRange(Name, Shortest, Least, (Least + Tick - 1) / Tick * Tick + Tick);
    else
        Check(Name, FALSE);
}

static NTSTATUS WaitFor(LARGE_INTEGER Timeout)
{
    KEVENT Never;

    KeInitializeEvent(&Never, SynchronizationEvent, FALSE);
    return KeWaitForSingleObject(&Never, Executive, KernelMode, FALSE, &Timeout);
}

static NTSTATUS WaitRelative(ULONG Milliseconds)
{
    return WaitFor(After(Milliseconds));
}

static NTSTATUS WaitAbsolute(ULONG Milliseconds)
{
    return WaitFor(SystemTimeIn((LONG)Milliseconds));
}

static NTSTATUS WaitForAll(ULONG Milliseconds)
{
    LARGE_INTEGER Timeout = After(Milliseconds);
    KEVENT Set, Never;
    PVOID Objects[2] = {&Set, &Never};

    KeInitializeEvent(&Set, NotificationEvent, TRUE);
    KeInitializeEvent(&Never, NotificationEvent, FALSE);
    return KeWaitForMultipleObjects(2, Objects, WaitAll, Executive, KernelMode, FALSE, &Timeout,
                                    NULL);
}

static NTSTATUS DelayAbsolute(ULONG Milliseconds)
{
    LARGE_INTEGER Until = SystemTimeIn((LONG)Milliseconds);

    return KeDelayExecutionThread(KernelMode, FALSE, &Until);
}

static NTSTATUS WaitInThePast(ULONG Milliseconds)
{
    UNREFERENCED_PARAMETER(Milliseconds);
    return WaitFor(SystemTimeIn(-1000));
}

static NTSTATUS DelayInThePast(ULONG Milliseconds)
{
    LARGE_INTEGER Until = SystemTimeIn(-1000);

    UNREFERENCED_PARAMETER(Milliseconds);
    return KeDelayExecutionThread(KernelMode, FALSE, &Until);
}

static VOID TestTimeouts(VOID)
{
    LARGE_INTEGER Past = SystemTimeIn(-1000), Zero = {.QuadPart = 0};
    KEVENT Event;

    CheckTimed("time-out: relative", WaitRelative, 25, STATUS_TIMEOUT);
    CheckTimed("time-out: absolute", WaitAbsolute, 25, STATUS_TIMEOUT);
    CheckTimed("time-out: of a wait for all, one being signalled", WaitForAll, 25, STATUS_TIMEOUT);
    CheckTimed("time-out: in the past, at once", WaitInThePast, 0, STATUS_TIMEOUT);
    CheckTimed("delay: relative", Delay, 25, STATUS_SUCCESS);
    CheckTimed("delay: absolute", DelayAbsolute, 25, STATUS_SUCCESS);
    CheckTimed("delay: in the past, no time", DelayInThePast, 0, STATUS_SUCCESS);
    CheckEqual("delay: zero is in the past", KeDelayExecutionThread(KernelMode, FALSE, &Zero),
               STATUS_SUCCESS);
    KeInitializeEvent(&Event, SynchronizationEvent, TRUE);
    CheckEqual("time-out: in the past, but the object is signalled",
               KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, &Past), STATUS_SUCCESS);
    CheckEqual("time-out: and it is used up", KeReadStateEvent(&Event), 0);
}

static VOID NTAPI AnswerJob(PVOID Context)
{
    PKEVENT Events = Context;

    Wait(&Events[0]);
    KeSetEvent(&Events[1], 0, FALSE);
}

/* What is left of a wait that is over: nothing. */
static VOID TestLeftovers(VOID)
{
    LARGE_INTEGER Timeout = After(60);
    ULONGLONG Start;
    WORKER Worker;
    KEVENT Events[2], *Event = &Events[1];

    KeInitializeEvent(&Events[0], SynchronizationEvent, FALSE);
    KeInitializeEvent(Event, SynchronizationEvent, FALSE);
    StartWorker(&Worker, AnswerJob, Events);
    KeSetEvent(&Events[0], 0, TRUE);
    CheckEqual("time-out: the object was signalled first",
               KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, &Timeout),
               STATUS_SUCCESS);
    Start = KeQueryInterruptTime();
    Timeout = After(100);
    CheckEqual("time-out: it does not end a later wait",
               KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, &Timeout),
               STATUS_TIMEOUT);
    Check("time-out: before that one's time", ElapsedSince(Start) >= 100 * MILLISECOND);
    KeSetEvent(Event, 0, FALSE);
    Check("time-out: who has timed out waits no more", IsSignalled(Event));
    EndWorker(&Worker);
}

/* ---- Timers of both kinds ---------------------------------------------------------------------
 */

static VOID TestNotificationTimer(VOID)
{
    LARGE_INTEGER Farthest = {.QuadPart = MINLONGLONG};
    ULONGLONG Start;
    KTIMER Timer;

    KeInitializeTimer(&Timer);
    Check("timer: not signalled before it is set", !KeReadStateTimer(&Timer));
    StartWaiters(Waiters, 3, &Timer);
    Check("timer: setting it, it was not set", !KeSetTimer(&Timer, After(A_LONG_TIME), NULL));
    Check("timer: set, not signalled", !KeReadStateTimer(&Timer) && !IsSignalled(&Timer));
    Start = KeQueryInterruptTime();
    KeSetTimer(&Timer, After(30), NULL);
    Wait(&Timer);
    Check("timer: not before its time", ElapsedSince(Start) >= 30 * MILLISECOND);
    Check("notification timer: wakes all, the longest waiting first", InPlaces(Waiters, 1, 2, 3));
    Check("notification timer: stays signalled",
          IsSignalled(&Timer) && IsSignalled(&Timer) && KeReadStateTimer(&Timer));
    Check("timer: expired, it is not set any more", !KeCancelTimer(&Timer));
    Check("timer: expired and set anew, it was not set",
          !KeSetTimer(&Timer, After(A_LONG_TIME), NULL));
    Check("timer: set anew, it is not signalled", !IsSignalled(&Timer));
    KeSetTimer(&Timer, Farthest, NULL);
    Check("timer: as far off as can be", !IsSignalled(&Timer) && KeCancelTimer(&Timer));
    EndWaiters(Waiters, 3);
}

/* Lets a timer expire, with a DPC after which all that it wakes are awake. */
static VOID Expire(PKTIMER Timer)
{
    NOTES Notes;

    MakeNotes(&Notes);
    KeSetTimer(Timer, After(1), &Notes.Dpc);
    Wait(&Notes.Came);
}

static VOID TestSynchronizationTimer(VOID)
{
    KTIMER Timer;

    KeInitializeTimerEx(&Timer, SynchronizationTimer);
    StartWaiters(Waiters, 3, &Timer);
    Expire(&Timer);
    Check("synchronization timer: wakes one, the longest waiting", InPlaces(Waiters, 1, 0, 0));
    Check("synchronization timer: is reset by that", !KeReadStateTimer(&Timer));
    Expire(&Timer);
    Expire(&Timer);
    Check("synchronization timer: one each time", InPlaces(Waiters, 1, 2, 3));
    Expire(&Timer);
    Check("synchronization timer: satisfies one wait", IsSignalled(&Timer) && !IsSignalled(&Timer));
    EndWaiters(Waiters, 3);
}

static VOID TestAbsoluteTimer(VOID)
{
    LARGE_INTEGER Due = SystemTimeIn(30), Now, Zero = {.QuadPart = 0};
    KIRQL OldIrql;
    NOTES Notes;
    KTIMER Timer;
    BOOLEAN WasSet, State;
    LONG Before;

    MakeNotes(&Notes);
    KeInitializeTimer(&Timer);
    KeSetTimer(&Timer, Due, NULL);
    Wait(&Timer);
    KeQuerySystemTime(&Now);
    Check("timer: absolute, not before its time", Now.QuadPart >= Due.QuadPart);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    WasSet = KeSetTimer(&Timer, SystemTimeIn(-1000), &Notes.Dpc);
    State = KeReadStateTimer(&Timer);
    Before = Notes.Count;
    KeLowerIrql(OldIrql);
    Check("timer: due in the past, signalled at once", !WasSet && State && IsSignalled(&Timer));
    Check("timer: due in the past, its DPC comes", Before == 0 && Notes.Count == 1);
    Check("timer: due in the past, it is not set", !KeCancelTimer(&Timer));
    KeSetTimer(&Timer, Zero, NULL);
    Check("timer: zero is in the past", IsSignalled(&Timer));
}

/* ---- Setting, setting anew, cancelling --------------------------------------------------------
 */

/* No timer expires at DISPATCH_LEVEL, so what is done there is done in time. */
static VOID TestSetAgain(VOID)
{
    NOTES First, Second;
    BOOLEAN WasSet;
    KIRQL OldIrql;
    ULONGLONG Start;
    KTIMER Timer;

    MakeNotes(&First);
    MakeNotes(&Second);
    KeInitializeTimer(&Timer);
    Start = KeQueryInterruptTime();
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeSetTimer(&Timer, After(20), &First.Dpc);
    WasSet = KeSetTimer(&Timer, After(60), &Second.Dpc);
    KeLowerIrql(OldIrql);
    Check("set anew: it was set", WasSet);
    Wait(&Second.Came);
    Check("set anew: the new time counts", ElapsedSince(Start) >= 60 * MILLISECOND);
    Check("set anew: the new DPC comes, the old one does not",
          First.Count == 0 && Second.Count == 1);
    KeSetTimer(&Timer, After(A_LONG_TIME), NULL);
    Check("set anew: for an earlier time", KeSetTimer(&Timer, After(1), NULL));
    Wait(&Timer);
    Check("set anew: comes at the earlier time", KeReadStateTimer(&Timer));
}

static VOID TestCancel(VOID)
{
    BOOLEAN WasSet, WasStillSet;
    KIRQL OldIrql;
    NOTES Notes;
    KTIMER Timer;

    MakeNotes(&Notes);
    KeInitializeTimer(&Timer);
    StartWaiters(Waiters, 1, &Timer);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeSetTimer(&Timer, After(20), &Notes.Dpc);
    WasSet = KeCancelTimer(&Timer);
    WasStillSet = KeCancelTimer(&Timer);
    KeLowerIrql(OldIrql);
    Check("cancel: it was set, and then is not", WasSet && !WasStillSet);
    Delay(50);
    Check("cancel: wakes nobody", Waiters[0].Place == 0 && !KeReadStateTimer(&Timer));
    CheckEqual("cancel: its DPC does not come", Notes.Count, 0);
    KeSetTimer(&Timer, After(1), NULL);
    EndWaiters(Waiters, 1);
    CheckEqual("cancel: who waits goes on waiting", Waiters[0].Status, STATUS_SUCCESS);
}

/* ---- DPCs -------------------------------------------------------------------------------------
 */

static VOID TestDpc(VOID)
{
    NOTES Notes;
    KTIMER Timer;

    MakeNotes(&Notes);
    KeInitializeTimer(&Timer);
    KeSetTimer(&Timer, After(1), &Notes.Dpc);
    Wait(&Notes.Came);
    Check("timer's DPC: gets itself and its context", Notes.Own == &Notes.Dpc);
    CheckEqual("timer's DPC: at DISPATCH_LEVEL", Notes.Irql, DISPATCH_LEVEL);
    CheckEqual("timer's DPC: once", Notes.Count, 1);
    Check("timer's DPC: comes after the signal", KeReadStateTimer(&Timer));
    MakeNotes(&Notes);
    Notes.Again = &Timer;
    Notes.Times = 4;
    KeSetTimer(&Timer, After(1), &Notes.Dpc);
    Wait(&Notes.Came);
    CheckEqual("timer's DPC: may set its timer anew", Notes.Count, 4);
}

static VOID TestOrder(VOID)
{
    static const LONG Times[3] = {140, 100, 120};
    LARGE_INTEGER Base = SystemTimeIn(0), Due;
    KTIMER Timers[3];
    NOTES Notes[3];
    ULONG i;

    DpcsCame = 0;
    for (i = 0; i < 3; i++) {
        MakeNotes(&Notes[i]);
        KeInitializeTimer(&Timers[i]);
        Due.QuadPart = Base.QuadPart + Times[i] * MILLISECOND;
        KeSetTimer(&Timers[i], Due, &Notes[i].Dpc);
    }
    Wait(&Notes[0].Came);
    Check("timers: expire in the order of their times",
          Notes[1].Place == 1 && Notes[2].Place == 2 && Notes[0].Place == 3);
}

/* ---- Periodic timers --------------------------------------------------------------------------
 */

static VOID TestPeriodic(VOID)
{
    NOTES Notes;
    ULONGLONG Start;
    KTIMER Timer;
    LONG Count;
    ULONG i;

    MakeNotes(&Notes);
    KeInitializeTimerEx(&Timer, SynchronizationTimer);
    Start = KeQueryInterruptTime();
    KeSetTimerEx(&Timer, After(10), 20, &Notes.Dpc);
    for (i = 0; i < 4; i++)
        Wait(&Timer);
    Check("periodic timer: first its due time, then its period",
          ElapsedSince(Start) >= (10 + 3 * 20) * MILLISECOND);
    Check("periodic timer: is set until it is cancelled", KeCancelTimer(&Timer));
    KeFlushQueuedDpcs();
    Count = Notes.Count;
    Check("periodic timer: its DPC comes each time", Count >= 4);
    Delay(60);
    CheckEqual("periodic timer: cancelled, it is silent", Notes.Count, Count);
    Poll(&Timer);
    KeSetTimerEx(&Timer, SystemTimeIn(-1000), 20, NULL);
    Check("periodic timer: due in the past, signalled at once", IsSignalled(&Timer));
    CheckEqual("periodic timer: and after its period", Wait(&Timer), STATUS_SUCCESS);
    Check("periodic timer: set anew for once, it was set", KeSetTimer(&Timer, After(1), NULL));
    Wait(&Timer);
    Check("periodic timer: set for once, it is not set afterwards", !KeCancelTimer(&Timer));
    KeSetTimerEx(&Timer, After(1), -1, NULL);
    Wait(&Timer);
    Check("periodic timer: a negative period is none", !KeCancelTimer(&Timer));
}

static VOID TestTime(VOID)
{
    TestTimeouts();
    TestLeftovers();
    TestNotificationTimer();
    TestSynchronizationTimer();
    TestAbsoluteTimer();
    TestSetAgain();
    TestCancel();
    TestDpc();
    TestOrder();
    TestPeriodic();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    return RunTests(DriverObject, "timertest", TestTime);
}
