/*
 * ketest.sys: what a driver may rely on about events, timers, waits, DPCs, threads, priorities,
 * locks and IRQL, checked from inside.
 *
 * The checks that say who runs first hold for one processor. Times are interrupt time, which
 * proceeds by clock ticks: what waits for 50 ms gets 50 ms and up to a tick; a second tick is
 * allowed for a host that is slow to deliver them. Source: WDK, "Kernel Dispatcher Objects" and
 * the pages of the routines.
 */
#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define BELOW_MAIN       4
#define MAIN_PRIORITY    10             /* this driver's DriverEntry gives itself */
#define STARVATION_LIMIT (100000000ULL) /* 10 s, in units of 100 ns */
#define ABOVE_MAIN       17             /* real-time: never changed by boosts */

/* ---- Helpers ----------------------------------------------------------------------------------
 */

/* ---- Events -----------------------------------------------------------------------------------
 */

static VOID TestEvents(VOID)
{
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Check("event: begins as asked", KeReadStateEvent(&Event) == 0 && !IsSignalled(&Event));
    Check("event: setting returns the old state",
          KeSetEvent(&Event, 0, FALSE) == 0 && KeSetEvent(&Event, 0, FALSE) != 0);
    Check("event: notification stays through waits", IsSignalled(&Event) && IsSignalled(&Event));
    Check("event: resetting returns the old state",
          KeResetEvent(&Event) != 0 && KeResetEvent(&Event) == 0);
    KeSetEvent(&Event, 0, FALSE);
    KeClearEvent(&Event);
    Check("event: cleared", !IsSignalled(&Event));
    KeInitializeEvent(&Event, SynchronizationEvent, TRUE);
    Check("event: synchronization satisfies one wait", IsSignalled(&Event) && !IsSignalled(&Event));
}

static VOID TestSemaphore(VOID)
{
    KSEMAPHORE Semaphore;

    KeInitializeSemaphore(&Semaphore, 1, 3);
    Check("semaphore: releasing returns the old count",
          KeReleaseSemaphore(&Semaphore, 0, 2, FALSE) == 1);
    Check("semaphore: satisfies as many waits as it counts",
          IsSignalled(&Semaphore) && IsSignalled(&Semaphore) && IsSignalled(&Semaphore) &&
              !IsSignalled(&Semaphore));
}

/* ---- Time -------------------------------------------------------------------------------------
 */

/* Checks that a time since Start is Milliseconds and at most two ticks. */
static VOID CheckElapsed(PCSTR Name, ULONGLONG Start, ULONG Milliseconds)
{
    LONG Elapsed = (LONG)(KeQueryInterruptTime() - Start);
    LONG Least = (LONG)Milliseconds * 10000;

    CheckRange(Name, Elapsed, Least, Least + 2 * (LONG)KeQueryTimeIncrement());
}

static VOID TestTimeouts(VOID)
{
    LARGE_INTEGER Timeout = After(50);
    ULONGLONG Start;
    NTSTATUS Status;
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Start = KeQueryInterruptTime();
    Status = KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, &Timeout);
    CheckEqual("wait: STATUS_TIMEOUT", Status, STATUS_TIMEOUT);
    CheckElapsed("wait: times out after 50 ms", Start, 50);
    Start = KeQueryInterruptTime();
    Delay(30);
    CheckElapsed("delay: takes 30 ms", Start, 30);
    KeSetEvent(&Event, 0, FALSE);
    Start = KeQueryInterruptTime();
    Status = KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, &Timeout);
    CheckEqual("wait: a signalled event needs no waiting", Status, STATUS_SUCCESS);
    CheckElapsed("wait: and no time", Start, 0);
}

/* ---- Timers and DPCs --------------------------------------------------------------------------
 */

/* What a DPC notes. */
typedef struct _NOTES {
    volatile LONG Count;
    KIRQL Irql;
    PKTHREAD Thread;
    ULONGLONG Time;
    PVOID Argument1;
    PKDPC Dpc;
} NOTES, *PNOTES;

static VOID NTAPI NotingDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PNOTES Notes = Context;

    UNREFERENCED_PARAMETER(Argument2);
    Notes->Irql = KeGetCurrentIrql();
    Notes->Thread = KeGetCurrentThread();
    Notes->Time = KeQueryInterruptTime();
    Notes->Argument1 = Argument1;
    Notes->Dpc = Dpc;
    Notes->Count++;
}

static VOID TestOneShotTimer(VOID)
{
    NOTES Notes = {0};
    ULONGLONG Start;
    KTIMER Timer;
    KDPC Dpc;

    KeInitializeTimer(&Timer);
    KeInitializeDpc(&Dpc, NotingDpc, &Notes);
    Start = KeQueryInterruptTime();
    Check("timer: was not set", !KeSetTimer(&Timer, After(40), &Dpc));
    Check("timer: not signalled before its time", !IsSignalled(&Timer));
    Wait(&Timer);
    CheckElapsed("timer: signalled after 40 ms", Start, 40);
    KeFlushQueuedDpcs();
    CheckEqual("timer: its DPC came once", Notes.Count, 1);
    CheckEqual("timer: its DPC ran at DISPATCH_LEVEL", Notes.Irql, DISPATCH_LEVEL);
    Check("timer: stays signalled", IsSignalled(&Timer));
    Check("timer: an expired one cannot be cancelled", !KeCancelTimer(&Timer));
}

static VOID TestPeriodicTimer(VOID)
{
    NOTES Notes = {0};
    KTIMER Timer;
    LONG Before;
    KDPC Dpc;

    KeInitializeTimerEx(&Timer, SynchronizationTimer);
    KeInitializeDpc(&Dpc, NotingDpc, &Notes);
    KeSetTimerEx(&Timer, After(20), 20, &Dpc);
    Delay(210);
    CheckRange("periodic timer: its DPC comes each time", Notes.Count, 6, 11);
    Check("periodic timer: is still set", KeCancelTimer(&Timer));
    KeFlushQueuedDpcs();
    Before = Notes.Count;
    Delay(60);
    CheckEqual("periodic timer: silent after being cancelled", Notes.Count, Before);
    IsSignalled(&Timer);
    Check("timer: synchronization satisfies one wait", !IsSignalled(&Timer));
}

/* At DISPATCH_LEVEL a DPC that is queued to this processor has to wait. */
static VOID TestDpcs(VOID)
{
    NOTES Notes = {0};
    BOOLEAN First, Second, Removed;
    KIRQL OldIrql;
    KDPC Dpc;

    KeInitializeDpc(&Dpc, NotingDpc, &Notes);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    First = KeInsertQueueDpc(&Dpc, &Notes, NULL);
    Second = KeInsertQueueDpc(&Dpc, NULL, NULL);
    LONG During = Notes.Count;
    KeLowerIrql(OldIrql);
    Check("DPC: queued once", First && !Second);
    CheckEqual("DPC: waits until IRQL falls", During, 0);
    CheckEqual("DPC: has run when IRQL has fallen", Notes.Count, 1);
    Check("DPC: got itself and its argument", Notes.Dpc == &Dpc && Notes.Argument1 == &Notes);
    CheckEqual("DPC: runs at DISPATCH_LEVEL", Notes.Irql, DISPATCH_LEVEL);
    Check("DPC: borrows the thread that was running", Notes.Thread == KeGetCurrentThread());
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    Removed = KeRemoveQueueDpc(&Dpc);
    KeLowerIrql(OldIrql);
    Check("DPC: removed, it does not run", Removed && Notes.Count == 1);
    Check("DPC: not there, not removed", !KeRemoveQueueDpc(&Dpc));
}

/* ---- Threads and priorities -------------------------------------------------------------------
 */

/* A thread that sets its priority, waits for Go, and notes that it ran. */
typedef struct _RUNNER {
    KPRIORITY Priority;
    KEVENT Waiting, Go;
    volatile BOOLEAN Ran;
    PKTHREAD Thread;
} RUNNER, *PRUNNER;

static VOID NTAPI RunnerRoutine(PVOID Context)
{
    PRUNNER Runner = Context;

    KeSetPriorityThread(KeGetCurrentThread(), Runner->Priority);
    KeSetEvent(&Runner->Waiting, 0, FALSE);
    Wait(&Runner->Go);
    Runner->Ran = TRUE;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* Started, and waiting for Go. */
static BOOLEAN StartRunner(PRUNNER Runner, KPRIORITY Priority)
{
    RtlZeroMemory(Runner, sizeof *Runner);
    Runner->Priority = Priority;
    KeInitializeEvent(&Runner->Waiting, NotificationEvent, FALSE);
    KeInitializeEvent(&Runner->Go, NotificationEvent, FALSE);
    Runner->Thread = StartThread(RunnerRoutine, Runner);
    if (!Check("thread: can be made", Runner->Thread != NULL))
        return FALSE;
    Wait(&Runner->Waiting);
    Delay(20); /* for it to get from setting the event into its wait */
    return TRUE;
}

static VOID TestThreadEnd(VOID)
{
    RUNNER Runner;

    if (!StartRunner(&Runner, MAIN_PRIORITY))
        return;
    Check("thread: not signalled while it lives", !IsSignalled(Runner.Thread));
    KeSetEvent(&Runner.Go, 0, FALSE);
    Wait(Runner.Thread);
    Check("thread: signalled when it has ended", Runner.Ran);
    Check("thread: stays signalled", IsSignalled(Runner.Thread));
    ObDereferenceObject(Runner.Thread);
}

static VOID TestPreemption(VOID)
{
    RUNNER High, Low;
    KIRQL OldIrql;

    if (!StartRunner(&High, ABOVE_MAIN) || !StartRunner(&Low, BELOW_MAIN))
        return;
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeSetEvent(&High.Go, 0, FALSE);
    BOOLEAN RanAtDispatch = High.Ran;
    KeLowerIrql(OldIrql);
    Check("priority: nobody preempts at DISPATCH_LEVEL", !RanAtDispatch);
    Check("priority: a higher one runs as soon as IRQL falls", High.Ran);
    KeSetEvent(&Low.Go, 0, FALSE);
    Check("priority: a lower one does not run yet", !Low.Ran);
    Wait(Low.Thread);
    Check("priority: it runs when the higher one waits", Low.Ran);
    JoinThread(High.Thread);
    JoinThread(Low.Thread);
    if (!StartRunner(&High, ABOVE_MAIN))
        return;
    KeSetEvent(&High.Go, 0, FALSE);
    Check("priority: a higher one runs before KeSetEvent returns", High.Ran);
    JoinThread(High.Thread);
}

/* Two threads of equal priority that never wait: the clock must make them take turns. */
typedef struct _RACE {
    volatile BOOLEAN Stop;
    volatile ULONG Laps[2], Turns;
    volatile LONG Last;
} RACE, *PRACE;

static RACE Race;

static VOID NTAPI RacerRoutine(PVOID Context)
{
    LONG Me = (LONG)(LONG_PTR)Context;

    KeSetPriorityThread(KeGetCurrentThread(), BELOW_MAIN);
    while (!Race.Stop) {
        Race.Laps[Me]++;
        if (Race.Last != Me) {
            Race.Last = Me;
            Race.Turns++;
        }
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestRoundRobin(VOID)
{
    PKTHREAD First, Second;

    RtlZeroMemory(&Race, sizeof Race);
    First = StartThread(RacerRoutine, (PVOID)0);
    Second = StartThread(RacerRoutine, (PVOID)1);
    if (!Check("quantum: two threads", First && Second))
        return;
    Delay(400);
    Race.Stop = TRUE;
    JoinThread(First);
    JoinThread(Second);
    DbgPrint("ketest: laps %lu and %lu, turns %lu\n", Race.Laps[0], Race.Laps[1], Race.Turns);
    Check("quantum: both equal threads ran", Race.Laps[0] && Race.Laps[1]);
    CheckRange("quantum: they took turns, but not all the time", Race.Turns, 4, 41);
}

/* One of two threads that never wait, with an increment to the base priority. */
typedef struct _SPINNER {
    LONG Increment;
    volatile BOOLEAN Stop;
    volatile ULONG Laps;
} SPINNER, *PSPINNER;

static VOID NTAPI SpinnerRoutine(PVOID Context)
{
    PSPINNER Spinner = Context;

    KeSetBasePriorityThread(KeGetCurrentThread(), Spinner->Increment);
    while (!Spinner->Stop)
        Spinner->Laps++;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* Unlike equal ones they take no turns. (It is over before the lower one counts as starving.) */
static VOID TestNoTurns(VOID)
{
    SPINNER Low = {.Increment = -5}, High = {.Increment = -3};
    PKTHREAD LowThread = StartThread(SpinnerRoutine, &Low);
    PKTHREAD HighThread = StartThread(SpinnerRoutine, &High);
    ULONG LowBefore, HighBefore;

    while (High.Laps == 0)
        Delay(10);
    LowBefore = Low.Laps;
    HighBefore = High.Laps;
    Delay(300);
    CheckEqual("priority: a lower one does not run while a higher one does", Low.Laps, LowBefore);
    Check("priority: the higher one does", High.Laps != HighBefore);
    High.Stop = TRUE;
    JoinThread(HighThread);
    Delay(30);
    Check("priority: then the lower one does", Low.Laps != LowBefore);
    Low.Stop = TRUE;
    JoinThread(LowThread);
}

/* ---- Locks and IRQL ---------------------------------------------------------------------------
 */

/* A thread that often waits is not made to pay for it, and what is only raised wears off. */
static VOID TestPriorities(VOID)
{
    PKTHREAD Thread = KeGetCurrentThread();
    LONG Old = KeSetBasePriorityThread(Thread, 3);
    LARGE_INTEGER Moment = After(1);
    KPRIORITY Base = KeQueryPriorityThread(Thread);
    ULONG i;

    for (i = 0; i < 20; i++)
        KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    CheckEqual("a base priority stays through many waits", KeQueryPriorityThread(Thread), Base);
    KeSetPriorityThread(Thread, Base + 2);
    for (i = 0; i < 40; i++)
        KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    CheckEqual("a priority above it wears off", KeQueryPriorityThread(Thread), Base);
    CheckEqual("the old increment is returned", KeSetBasePriorityThread(Thread, 100), 3);
    CheckEqual("no increment leads into the real-time range", KeQueryPriorityThread(Thread), 15);
    KeSetBasePriorityThread(Thread, Old);
}

static volatile LONG StarvedHasRun;

static VOID NTAPI Starved(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    InterlockedIncrement(&StarvedHasRun);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* This thread spins and never waits, and so does not let a lower one run: but for the relief. */
static VOID TestStarvation(VOID)
{
    LONG Old = KeSetBasePriorityThread(KeGetCurrentThread(), 4);
    ULONGLONG Start = KeQueryInterruptTime();
    PKTHREAD Thread = StartThread(Starved, NULL);

    while (StarvedHasRun == 0 && KeQueryInterruptTime() - Start < STARVATION_LIMIT)
        YieldProcessor();
    CheckRange("a starving thread runs after some seconds",
               (LONG)((KeQueryInterruptTime() - Start) / 10000000), 2, 5);
    KeSetBasePriorityThread(KeGetCurrentThread(), Old);
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
}

static VOID TestIrql(VOID)
{
    KIRQL Old, Older;

    CheckEqual("IRQL: DriverEntry runs at PASSIVE_LEVEL", KeGetCurrentIrql(), PASSIVE_LEVEL);
    KeRaiseIrql(APC_LEVEL, &Old);
    KeRaiseIrql(DISPATCH_LEVEL, &Older);
    KIRQL Raised = KeGetCurrentIrql();
    KeLowerIrql(Older);
    KIRQL Lowered = KeGetCurrentIrql();
    KeLowerIrql(Old);
    Check("IRQL: raising returns the old one", Old == PASSIVE_LEVEL && Older == APC_LEVEL);
    Check("IRQL: raised, lowered", Raised == DISPATCH_LEVEL && Lowered == APC_LEVEL);
    CheckEqual("IRQL: back where it was", KeGetCurrentIrql(), PASSIVE_LEVEL);
}

static VOID TestSpinLock(VOID)
{
    KSPIN_LOCK Lock;
    KIRQL Old, Outer, During, AfterInner;

    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &Old);
    During = KeGetCurrentIrql();
    KeReleaseSpinLock(&Lock, Old);
    Check("spin lock: owned at DISPATCH_LEVEL", During == DISPATCH_LEVEL);
    Check("spin lock: release restores IRQL",
          Old == PASSIVE_LEVEL && KeGetCurrentIrql() == PASSIVE_LEVEL);
    KeRaiseIrql(DISPATCH_LEVEL, &Outer);
    KeAcquireSpinLockAtDpcLevel(&Lock);
    KeReleaseSpinLockFromDpcLevel(&Lock);
    AfterInner = KeGetCurrentIrql();
    KeLowerIrql(Outer);
    CheckEqual("spin lock: the variant for DPCs leaves IRQL alone", AfterInner, DISPATCH_LEVEL);
}

#define ROUNDS 200

/* What two threads share under the mutex. Adding is done in two steps with a wait between them, so
   that without the mutex additions would be lost. */
typedef struct _SHARED {
    FAST_MUTEX Mutex;
    KEVENT Go;
    volatile ULONG Sum;
    volatile BOOLEAN Entered;
    volatile BOOLEAN Overlap;
} SHARED, *PSHARED;

static VOID AddUnderMutex(PSHARED Shared, ULONG Round)
{
    ULONG Sum;

    ExAcquireFastMutex(&Shared->Mutex);
    Shared->Overlap |= Shared->Entered;
    Shared->Entered = TRUE;
    Sum = Shared->Sum;
    if (Round % 50 == 0)
        Delay(10);
    Shared->Sum = Sum + 1;
    Shared->Entered = FALSE;
    ExReleaseFastMutex(&Shared->Mutex);
}

static VOID NTAPI AdderRoutine(PVOID Context)
{
    PSHARED Shared = Context;
    ULONG Round;

    Wait(&Shared->Go);
    for (Round = 0; Round < ROUNDS; Round++)
        AddUnderMutex(Shared, Round);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestFastMutex(VOID)
{
    static SHARED Shared;
    BOOLEAN Free, Again;
    PKTHREAD Thread;
    KIRQL During;
    ULONG Before;

    RtlZeroMemory(&Shared, sizeof Shared);
    ExInitializeFastMutex(&Shared.Mutex);
    KeInitializeEvent(&Shared.Go, NotificationEvent, FALSE);
    Thread = StartThread(AdderRoutine, &Shared);
    Free = ExTryToAcquireFastMutex(&Shared.Mutex);
    During = KeGetCurrentIrql();
    Again = Free && ExTryToAcquireFastMutex(&Shared.Mutex);
    KeSetEvent(&Shared.Go, IO_NO_INCREMENT, FALSE);
    Delay(30);
    Before = Shared.Sum;
    ExReleaseFastMutex(&Shared.Mutex);
    Check("fast mutex: can be tried", Free && !Again);
    CheckEqual("fast mutex: owned at APC_LEVEL", During, APC_LEVEL);
    CheckEqual("fast mutex: release restores IRQL", KeGetCurrentIrql(), PASSIVE_LEVEL);
    CheckEqual("fast mutex: nobody enters while it is owned", Before, 0);
    for (ULONG Round = 0; Round < ROUNDS; Round++)
        AddUnderMutex(&Shared, Round + 25);
    JoinThread(Thread);
    CheckEqual("fast mutex: no addition is lost", Shared.Sum, 2 * ROUNDS);
    Check("fast mutex: one owner at a time", !Shared.Overlap);
}

/* ---- The driver -------------------------------------------------------------------------------
 */

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    KPRIORITY Old = KeSetPriorityThread(KeGetCurrentThread(), MAIN_PRIORITY);

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    HoldToOneProcessor(); /* what runs first here runs first on any machine */
    TestPriorities();
    TestStarvation();
    TestIrql();
    TestEvents();
    TestSemaphore();
    TestTimeouts();
    TestOneShotTimer();
    TestPeriodicTimer();
    TestDpcs();
    TestThreadEnd();
    TestPreemption();
    TestRoundRobin();
    TestNoTurns();
    TestSpinLock();
    TestFastMutex();
    KeSetPriorityThread(KeGetCurrentThread(), Old);
    return FinishTests("ketest");
}
