/*
 * Checks APCs, alerts and regions, from DriverEntry's thread and from threads of its own, on any
 * number of processors. Where a test needs another thread to be waiting, it looks at the thread's
 * state until it is.
 *
 * What needs a thread that is attached to another address space is checked by a request (device
 * control code), in the context of the program that sends it.
 */
#include <ntifs.h>
#include "selftest.h"

/* What the headers leave to those who know. */
typedef enum _KAPC_ENVIRONMENT {
    OriginalApcEnvironment,
    AttachedApcEnvironment,
    CurrentApcEnvironment,
    InsertApcEnvironment
} KAPC_ENVIRONMENT;

NTKERNELAPI VOID NTAPI KeInitializeApc(PKAPC, PKTHREAD, KAPC_ENVIRONMENT, PKKERNEL_ROUTINE,
                                       PKRUNDOWN_ROUTINE, PKNORMAL_ROUTINE, KPROCESSOR_MODE, PVOID);
NTKERNELAPI BOOLEAN NTAPI KeInsertQueueApc(PKAPC, PVOID, PVOID, KPRIORITY);
NTKERNELAPI BOOLEAN NTAPI KeAlertThread(PKTHREAD, KPROCESSOR_MODE);
NTKERNELAPI BOOLEAN NTAPI KeTestAlertThread(KPROCESSOR_MODE);

#define THREAD_STATE(Thread) (*((volatile UCHAR *)(Thread) + 0x4C))
#define STATE_WAITING        5

#define DEVICE_NAME   L"\\Device\\apctest"
#define APCTEST_VISIT 4 /* control code: the caller's process gets a visitor; any other: checks */

/* ---- APCs that note what happens to them -------------------------------------------------------
 */

typedef struct _NOTED_APC {
    KAPC Apc;
    volatile ULONG KernelPlace, NormalPlace; /* among all calls, 1: the first; 0: not called */
    KIRQL KernelIrql, NormalIrql;
    PKTHREAD KernelThread, NormalThread;
    PVOID KernelArguments[3], NormalArguments[3];
    KEVENT Called; /* its last routine has run */
    volatile ULONG RundownPlace;
} NOTED_APC, *PNOTED_APC;

static volatile LONG Calls;

static VOID NTAPI NoteKernel(PKAPC Apc, PKNORMAL_ROUTINE *Normal, PVOID *Context, PVOID *Argument1,
                             PVOID *Argument2)
{
    PNOTED_APC Noted = CONTAINING_RECORD(Apc, NOTED_APC, Apc);

    Noted->KernelIrql = KeGetCurrentIrql();
    Noted->KernelThread = KeGetCurrentThread();
    Noted->KernelArguments[0] = *Context;
    Noted->KernelArguments[1] = *Argument1;
    Noted->KernelArguments[2] = *Argument2;
    Noted->KernelPlace = (ULONG)InterlockedIncrement(&Calls);
    if (*Normal == NULL)
        KeSetEvent(&Noted->Called, IO_NO_INCREMENT, FALSE);
}

static VOID NTAPI NoteNormal(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PNOTED_APC Noted = Context;

    Noted->NormalIrql = KeGetCurrentIrql();
    Noted->NormalThread = KeGetCurrentThread();
    Noted->NormalArguments[0] = Context;
    Noted->NormalArguments[1] = Argument1;
    Noted->NormalArguments[2] = Argument2;
    Noted->NormalPlace = (ULONG)InterlockedIncrement(&Calls);
    KeSetEvent(&Noted->Called, IO_NO_INCREMENT, FALSE);
}

static VOID NTAPI NoteRundown(PKAPC Apc)
{
    CONTAINING_RECORD(Apc, NOTED_APC, Apc)->RundownPlace = (ULONG)InterlockedIncrement(&Calls);
}

static VOID MakeApc(PNOTED_APC Noted, PKTHREAD Thread, PKNORMAL_ROUTINE Normal,
                    KPROCESSOR_MODE Mode)
{
    RtlZeroMemory(Noted, sizeof *Noted);
    KeInitializeEvent(&Noted->Called, NotificationEvent, FALSE);
    KeInitializeApc(&Noted->Apc, Thread, OriginalApcEnvironment, NoteKernel, NoteRundown, Normal,
                    Mode, Noted);
}

static BOOLEAN Queue(PNOTED_APC Noted)
{
    return KeInsertQueueApc(&Noted->Apc, (PVOID)0x11, (PVOID)0x22, IO_NO_INCREMENT);
}

static BOOLEAN QueueSpecial(PNOTED_APC Noted, PKTHREAD Thread)
{
    MakeApc(Noted, Thread, NULL, KernelMode);
    return Queue(Noted);
}

static BOOLEAN QueueNormal(PNOTED_APC Noted, PKTHREAD Thread)
{
    MakeApc(Noted, Thread, NoteNormal, KernelMode);
    return Queue(Noted);
}

static BOOLEAN QueueUser(PNOTED_APC Noted, PKTHREAD Thread)
{
    MakeApc(Noted, Thread, NoteNormal, UserMode);
    return Queue(Noted);
}

/* ---- To the current thread ---------------------------------------------------------------------
 */

static VOID TestSpecial(VOID)
{
    PKTHREAD Me = KeGetCurrentThread();
    NOTED_APC Apc;
    KIRQL Irql;
    BOOLEAN Twice;

    Check("special APC: can be queued", QueueSpecial(&Apc, Me));
    Check("special APC: has run when the call is over", Apc.KernelPlace != 0);
    CheckEqual("special APC: at APC_LEVEL", Apc.KernelIrql, APC_LEVEL);
    Check("special APC: in its thread", Apc.KernelThread == Me);
    Check("special APC: gets no context, and its arguments",
          !Apc.KernelArguments[0] && Apc.KernelArguments[1] == (PVOID)0x11 &&
              Apc.KernelArguments[2] == (PVOID)0x22);
    KeRaiseIrql(APC_LEVEL, &Irql);
    QueueSpecial(&Apc, Me);
    Twice = Queue(&Apc);
    Check("special APC: not at APC_LEVEL", Apc.KernelPlace == 0);
    KeLowerIrql(Irql);
    Check("special APC: when IRQL has fallen", Apc.KernelPlace != 0);
    Check("special APC: is not queued twice", !Twice);
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    QueueSpecial(&Apc, Me);
    Check("special APC: not at DISPATCH_LEVEL", Apc.KernelPlace == 0);
    KeLowerIrql(Irql);
    Check("special APC: when IRQL has fallen from there", Apc.KernelPlace != 0);
    CheckEqual("special APC: IRQL afterwards", KeGetCurrentIrql(), PASSIVE_LEVEL);
}

/* A kernel routine that gives the normal one something else to do. */
static VOID NTAPI Redirect(PKAPC Apc, PKNORMAL_ROUTINE *Normal, PVOID *Context, PVOID *Argument1,
                           PVOID *Argument2)
{
    UNREFERENCED_PARAMETER(Normal);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Apc);
    *Argument1 = (PVOID)0x33;
    *Argument2 = (PVOID)0x44;
}

static VOID NTAPI Forget(PKAPC Apc, PKNORMAL_ROUTINE *Normal, PVOID *Context, PVOID *Argument1,
                         PVOID *Argument2)
{
    UNREFERENCED_PARAMETER(Apc);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    *Normal = NULL;
}

static VOID TestNormal(VOID)
{
    PKTHREAD Me = KeGetCurrentThread();
    NOTED_APC Apc;

    QueueNormal(&Apc, Me);
    Check("normal APC: kernel routine, then normal routine",
          Apc.KernelPlace && Apc.NormalPlace == Apc.KernelPlace + 1);
    CheckEqual("normal APC: kernel routine at APC_LEVEL", Apc.KernelIrql, APC_LEVEL);
    CheckEqual("normal APC: normal routine at PASSIVE_LEVEL", Apc.NormalIrql, PASSIVE_LEVEL);
    Check("normal APC: in its thread", Apc.KernelThread == Me && Apc.NormalThread == Me);
    Check("normal APC: gets its context and arguments",
          Apc.NormalArguments[0] == &Apc && Apc.NormalArguments[1] == (PVOID)0x11 &&
              Apc.NormalArguments[2] == (PVOID)0x22);
    MakeApc(&Apc, Me, NoteNormal, KernelMode);
    Apc.Apc.KernelRoutine = Redirect;
    Queue(&Apc);
    Check("normal APC: the kernel routine can change the arguments",
          Apc.NormalArguments[1] == (PVOID)0x33 && Apc.NormalArguments[2] == (PVOID)0x44);
    MakeApc(&Apc, Me, NoteNormal, KernelMode);
    Apc.Apc.KernelRoutine = Forget;
    Queue(&Apc);
    Check("normal APC: the kernel routine can call it off", Apc.NormalPlace == 0);
}

static VOID TestCriticalRegion(VOID)
{
    PKTHREAD Me = KeGetCurrentThread();
    NOTED_APC Special, Normal;
    BOOLEAN All, Some;

    KeEnterCriticalRegion();
    KeEnterCriticalRegion();
    QueueNormal(&Normal, Me);
    QueueSpecial(&Special, Me);
    Some = KeAreApcsDisabled();
    All = KeAreAllApcsDisabled();
    KeLeaveCriticalRegion();
    Check("critical region: special APCs run", Special.KernelPlace != 0);
    Check("critical region: normal ones do not", Normal.KernelPlace == 0);
    Check("critical region: some APCs are disabled, not all", Some && !All);
    KeLeaveCriticalRegion();
    Check("critical region: normal ones run at its end", Normal.NormalPlace != 0);
    Check("critical region: none is disabled any more", !KeAreApcsDisabled());
}

static VOID TestGuardedRegion(VOID)
{
    PKTHREAD Me = KeGetCurrentThread();
    NOTED_APC Special[2], Normal[2];
    BOOLEAN All, Some;

    KeEnterGuardedRegion();
    QueueNormal(&Normal[0], Me);
    QueueSpecial(&Special[0], Me);
    QueueNormal(&Normal[1], Me);
    QueueSpecial(&Special[1], Me);
    All = KeAreAllApcsDisabled();
    Some = KeAreApcsDisabled();
    Check("guarded region: no APC runs", !Special[0].KernelPlace && !Normal[0].KernelPlace);
    Check("guarded region: all APCs are disabled", All && Some);
    KeLeaveGuardedRegion();
    Check("guarded region: all run at its end", Special[1].KernelPlace && Normal[1].NormalPlace);
    Check("order: special ones first, as they came",
          Special[0].KernelPlace < Special[1].KernelPlace &&
              Special[1].KernelPlace < Normal[0].KernelPlace);
    Check("order: normal ones one after the other",
          Normal[0].KernelPlace < Normal[0].NormalPlace &&
              Normal[0].NormalPlace < Normal[1].KernelPlace &&
              Normal[1].KernelPlace < Normal[1].NormalPlace);
}

/* A special APC in a critical region inside of a guarded one: the outer end is what counts. */
static VOID TestNestedRegions(VOID)
{
    NOTED_APC Special;

    KeEnterGuardedRegion();
    KeEnterCriticalRegion();
    QueueSpecial(&Special, KeGetCurrentThread());
    KeLeaveGuardedRegion();
    Check("regions: a special APC runs when the guarded one ends", Special.KernelPlace != 0);
    KeLeaveCriticalRegion();
}

typedef struct _NESTED {
    NOTED_APC Special, Normal;
    BOOLEAN SpecialInside, NormalInside;
} NESTED;

static VOID NTAPI QueueFromInside(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    NESTED *Nested = Context;

    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    QueueNormal(&Nested->Normal, KeGetCurrentThread());
    QueueSpecial(&Nested->Special, KeGetCurrentThread());
    Nested->SpecialInside = Nested->Special.KernelPlace != 0;
    Nested->NormalInside = Nested->Normal.KernelPlace != 0;
}

static VOID TestNesting(VOID)
{
    static NESTED Nested;
    NOTED_APC Outer;

    MakeApc(&Outer, KeGetCurrentThread(), QueueFromInside, KernelMode);
    Outer.Apc.NormalContext = &Nested;
    Queue(&Outer);
    Check("normal routine: special APCs interrupt it", Nested.SpecialInside);
    Check("normal routine: normal ones do not", !Nested.NormalInside);
    Check("normal routine: they follow", Nested.Normal.NormalPlace != 0);
}

/* What keeps normal APCs, or all, away as a part of what it is for. */
static VOID TestLocks(VOID)
{
    static FAST_MUTEX Fast;
    static KGUARDED_MUTEX Guarded;
    static KMUTEX Mutex;
    PKTHREAD Me = KeGetCurrentThread();
    NOTED_APC Special, Normal;

    ExInitializeFastMutex(&Fast);
    ExAcquireFastMutex(&Fast);
    QueueSpecial(&Special, Me);
    Check("fast mutex: no APC for its owner", Special.KernelPlace == 0);
    ExReleaseFastMutex(&Fast);
    Check("fast mutex: but after", Special.KernelPlace != 0);
    KeInitializeGuardedMutex(&Guarded);
    KeAcquireGuardedMutex(&Guarded);
    QueueSpecial(&Special, Me);
    Check("guarded mutex: no APC for its owner", Special.KernelPlace == 0);
    KeReleaseGuardedMutex(&Guarded);
    Check("guarded mutex: but after", Special.KernelPlace != 0);
    KeInitializeMutex(&Mutex, 0);
    Wait(&Mutex);
    QueueNormal(&Normal, Me);
    QueueSpecial(&Special, Me);
    Check("mutex: only special APCs for its owner", Special.KernelPlace && !Normal.KernelPlace);
    KeReleaseMutex(&Mutex, FALSE);
    Check("mutex: normal ones after", Normal.NormalPlace != 0);
}

/* ---- To a thread that waits --------------------------------------------------------------------
 */

typedef enum _WAIT_KIND {
    ForOne,
    ForOneWithTimeout,
    ForAll,
    ForQueue,
    AtApcLevel,
    InCriticalRegion,
    AlertableKernel,
    AlertableUser,
    PlainUser
} WAIT_KIND;

/* A thread that waits for Event, and what came of it. */
typedef struct _SLEEPER {
    WAIT_KIND Kind;
    PKTHREAD Thread;
    KEVENT Event, Other;
    KQUEUE Queue;
    LIST_ENTRY Entry;
    volatile NTSTATUS Status;
} SLEEPER, *PSLEEPER;

static NTSTATUS WaitAs(PSLEEPER Sleeper, KPROCESSOR_MODE Mode, BOOLEAN Alertable)
{
    return KeWaitForSingleObject(&Sleeper->Event, Executive, Mode, Alertable, NULL);
}

static NTSTATUS WaitForBoth(PSLEEPER Sleeper)
{
    PVOID Objects[2] = {&Sleeper->Event, &Sleeper->Other};

    return KeWaitForMultipleObjects(2, Objects, WaitAll, Executive, KernelMode, FALSE, NULL, NULL);
}

static NTSTATUS SleepAsTold(PSLEEPER Sleeper)
{
    LARGE_INTEGER Long = After(60000);
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL Irql;

    switch (Sleeper->Kind) {
    case ForOne:
        return Wait(&Sleeper->Event);
    case ForOneWithTimeout:
        return KeWaitForSingleObject(&Sleeper->Event, Executive, KernelMode, FALSE, &Long);
    case ForAll:
        return WaitForBoth(Sleeper);
    case ForQueue:
        Status = KeRemoveQueue(&Sleeper->Queue, KernelMode, NULL) == &Sleeper->Entry
                     ? STATUS_SUCCESS
                     : STATUS_UNSUCCESSFUL;
        break;
    case AtApcLevel:
        KeRaiseIrql(APC_LEVEL, &Irql);
        Status = Wait(&Sleeper->Event);
        KeLowerIrql(Irql);
        break;
    case InCriticalRegion:
        KeEnterCriticalRegion();
        Status = Wait(&Sleeper->Event);
        KeLeaveCriticalRegion();
        break;
    case AlertableKernel:
        return WaitAs(Sleeper, KernelMode, TRUE);
    case AlertableUser:
        return WaitAs(Sleeper, UserMode, TRUE);
    case PlainUser:
        return WaitAs(Sleeper, UserMode, FALSE);
    }
    return Status;
}

static VOID NTAPI SleeperRoutine(PVOID Context)
{
    PSLEEPER Sleeper = Context;

    Sleeper->Status = SleepAsTold(Sleeper);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID AwaitSleep(PSLEEPER Sleeper)
{
    while (THREAD_STATE(Sleeper->Thread) != STATE_WAITING)
        Delay(1);
}

static VOID StartSleeper(PSLEEPER Sleeper, WAIT_KIND Kind)
{
    RtlZeroMemory(Sleeper, sizeof *Sleeper);
    Sleeper->Kind = Kind;
    Sleeper->Status = STATUS_PENDING;
    KeInitializeEvent(&Sleeper->Event, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Sleeper->Other, SynchronizationEvent, TRUE);
    KeInitializeQueue(&Sleeper->Queue, 1);
    Sleeper->Thread = StartThread(SleeperRoutine, Sleeper);
    AwaitSleep(Sleeper);
}

/* Lets the sleeper's wait end if it has not, and the thread. Returns how the wait ended. */
static NTSTATUS EndSleeper(PSLEEPER Sleeper)
{
    if (Sleeper->Kind == ForQueue)
        KeInsertQueue(&Sleeper->Queue, &Sleeper->Entry);
    else
        KeSetEvent(&Sleeper->Event, IO_NO_INCREMENT, FALSE);
    Wait(Sleeper->Thread);
    ObDereferenceObject(Sleeper->Thread);
    return Sleeper->Status;
}

static VOID TestInterruptedWait(PCSTR Name, WAIT_KIND Kind)
{
    static SLEEPER Sleeper;
    NOTED_APC Special, Normal;

    StartSleeper(&Sleeper, Kind);
    QueueSpecial(&Special, Sleeper.Thread);
    Wait(&Special.Called);
    AwaitSleep(&Sleeper);
    QueueNormal(&Normal, Sleeper.Thread);
    Wait(&Normal.Called);
    AwaitSleep(&Sleeper);
    DbgPrint("a wait %s:\n", Name);
    Check("waiting: kernel APCs run in the waiting thread",
          Special.KernelThread == Sleeper.Thread && Normal.NormalThread == Sleeper.Thread);
    CheckEqual("waiting: the wait goes on", Sleeper.Status, STATUS_PENDING);
    CheckEqual("waiting: and ends as if nothing had been", EndSleeper(&Sleeper), STATUS_SUCCESS);
}

static VOID TestInterruptedWaits(VOID)
{
    TestInterruptedWait("for one object", ForOne);
    TestInterruptedWait("with a time-out", ForOneWithTimeout);
    TestInterruptedWait("for all of several", ForAll);
    TestInterruptedWait("for a queue's entry", ForQueue);
    TestInterruptedWait("in user mode", PlainUser);
}

static VOID TestProtectedWaits(VOID)
{
    static SLEEPER Sleeper;
    NOTED_APC Special, Normal;

    StartSleeper(&Sleeper, AtApcLevel);
    QueueSpecial(&Special, Sleeper.Thread);
    Delay(30);
    Check("waiting at APC_LEVEL: no APC", Special.KernelPlace == 0);
    CheckEqual("waiting at APC_LEVEL: ends as usual", EndSleeper(&Sleeper), STATUS_SUCCESS);
    Check("waiting at APC_LEVEL: the APC follows", Special.KernelPlace != 0);

    StartSleeper(&Sleeper, InCriticalRegion);
    QueueNormal(&Normal, Sleeper.Thread);
    QueueSpecial(&Special, Sleeper.Thread);
    Wait(&Special.Called);
    Delay(30);
    Check("waiting in a critical region: only special APCs", Normal.KernelPlace == 0);
    CheckEqual("waiting in a critical region: ends as usual", EndSleeper(&Sleeper),
               STATUS_SUCCESS);
    Check("waiting in a critical region: the normal one follows", Normal.NormalPlace != 0);
}

/* Interrupts go on adding up to the same time: each begins the wait anew, but not its time-out. */
static VOID NTAPI DelayRoutine(PVOID Context)
{
    LARGE_INTEGER *Took = Context, Before, After;

    KeQuerySystemTime(&Before);
    Delay(200);
    KeQuerySystemTime(&After);
    Took->QuadPart = After.QuadPart - Before.QuadPart;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestTimeout(VOID)
{
    static LARGE_INTEGER Took;
    PKTHREAD Thread = StartThread(DelayRoutine, &Took);
    NOTED_APC Apc;
    ULONG Interrupts = 0;

    while (THREAD_STATE(Thread) != STATE_WAITING)
        Delay(1);
    while (!IsSignalled(Thread) && QueueSpecial(&Apc, Thread)) {
        Wait(&Apc.Called);
        Interrupts++;
        Delay(20);
    }
    ObDereferenceObject(Thread);
    DbgPrint("apctest: %lu interrupts, %ld ms\n", Interrupts, (LONG)(Took.QuadPart / 10000));
    Check("time-out: interrupted", Interrupts > 0);
    /* Were it begun anew each time, it would not end while somebody interrupts it. */
    Check("time-out: not too early", Took.QuadPart >= 200 * 10000LL);
}

/* ---- To a thread that runs, on whatever processor ----------------------------------------------
 */

static volatile LONG Spin;

static VOID NTAPI SpinRoutine(PVOID Context)
{
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    while (Spin)
        YieldProcessor();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestRunning(VOID)
{
    static KEVENT Running;
    PKTHREAD Thread;
    NOTED_APC Apc;
    ULONG i;

    Spin = TRUE;
    KeInitializeEvent(&Running, NotificationEvent, FALSE);
    Thread = StartThread(SpinRoutine, &Running);
    Wait(&Running);
    for (i = 0; i < 100; i++) {
        QueueSpecial(&Apc, Thread);
        Wait(&Apc.Called);
    }
    Check("running: a thread that only computes is interrupted", Apc.KernelThread == Thread);
    Spin = FALSE;
    JoinThread(Thread);
}

/* Two equals that take turns on one processor; the other queues an APC when it is its turn. */
typedef struct _TURNS {
    PKTHREAD Thread;
    KEVENT Ready;
    NOTED_APC Special;
    volatile BOOLEAN Go, Queued, Over;
} TURNS, *PTURNS;

static VOID TakeTurns(VOID)
{
    KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
    KeSetSystemAffinityThread(1);
}

static VOID YieldUntil(const volatile BOOLEAN *Flag)
{
    while (!*Flag)
        Delay(0);
}

static VOID NTAPI OtherTurnRoutine(PVOID Context)
{
    PTURNS Turns = Context;

    TakeTurns();
    KeSetEvent(&Turns->Ready, IO_NO_INCREMENT, FALSE);
    YieldUntil(&Turns->Go);
    QueueSpecial(&Turns->Special, Turns->Thread);
    Turns->Queued = TRUE;
    YieldUntil(&Turns->Over);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestYield(VOID)
{
    static TURNS Turns;
    KPRIORITY Priority = KeQueryPriorityThread(KeGetCurrentThread());
    PKTHREAD Other;

    Turns.Thread = KeGetCurrentThread();
    KeInitializeEvent(&Turns.Ready, NotificationEvent, FALSE);
    TakeTurns();
    Other = StartThread(OtherTurnRoutine, &Turns);
    Wait(&Turns.Ready);
    Turns.Go = TRUE;
    YieldUntil(&Turns.Queued);
    Check("yielding: an APC queued meanwhile has run", Turns.Special.KernelPlace != 0);
    Turns.Over = TRUE;
    JoinThread(Other);
    KeRevertToUserAffinityThread();
    KeSetPriorityThread(Turns.Thread, Priority);
}

/* ---- Alerts and user APCs ----------------------------------------------------------------------
 */

static VOID TestAlerts(VOID)
{
    static SLEEPER Sleeper;
    LARGE_INTEGER Short = After(20);

    StartSleeper(&Sleeper, AlertableKernel);
    KeAlertThread(Sleeper.Thread, UserMode);
    Delay(30);
    CheckEqual("alert: one for user mode does not concern kernel mode", Sleeper.Status,
               STATUS_PENDING);
    KeAlertThread(Sleeper.Thread, KernelMode);
    CheckEqual("alert: ends an alertable wait", EndSleeper(&Sleeper), STATUS_ALERTED);
    StartSleeper(&Sleeper, AlertableUser);
    KeAlertThread(Sleeper.Thread, UserMode);
    CheckEqual("alert: in user mode, too", EndSleeper(&Sleeper), STATUS_ALERTED);
    StartSleeper(&Sleeper, ForOne);
    Check("alert: was not alerted before", !KeAlertThread(Sleeper.Thread, KernelMode));
    Check("alert: is now", KeAlertThread(Sleeper.Thread, KernelMode));
    CheckEqual("alert: not a wait that is not alertable", EndSleeper(&Sleeper), STATUS_SUCCESS);

    KeAlertThread(KeGetCurrentThread(), KernelMode);
    CheckEqual("alert: ends the next alertable wait",
               KeDelayExecutionThread(KernelMode, TRUE, &Short), STATUS_ALERTED);
    CheckEqual("alert: not the one after", KeDelayExecutionThread(KernelMode, TRUE, &Short),
               STATUS_SUCCESS);
    KeAlertThread(KeGetCurrentThread(), KernelMode);
    Check("alert: can be tested", KeTestAlertThread(KernelMode));
    Check("alert: only once", !KeTestAlertThread(KernelMode));
}

/* How a wait of that kind ends that a user APC comes to; the thread has no user mode to run it in.
 */
static NTSTATUS WaitWithUserApc(WAIT_KIND Kind, PNOTED_APC Apc)
{
    static SLEEPER Sleeper;

    StartSleeper(&Sleeper, Kind);
    QueueUser(Apc, Sleeper.Thread);
    return EndSleeper(&Sleeper);
}

static VOID TestUserApcs(VOID)
{
    NOTED_APC Apc;

    CheckEqual("user APC: not a wait that is not alertable", WaitWithUserApc(PlainUser, &Apc),
               STATUS_SUCCESS);
    Check("user APC: is run down with its thread", Apc.RundownPlace && !Apc.KernelPlace);
    CheckEqual("user APC: ends an alertable wait", WaitWithUserApc(AlertableUser, &Apc),
               STATUS_USER_APC);
    CheckEqual("user APC: in kernel mode, too", WaitWithUserApc(AlertableKernel, &Apc),
               STATUS_USER_APC);
    Check("user APC: which does not deliver it", Apc.RundownPlace && !Apc.KernelPlace);
}

static VOID TestEndedThread(VOID)
{
    static SLEEPER Sleeper;
    NOTED_APC Apc;
    BOOLEAN Queued;

    StartSleeper(&Sleeper, ForOne);
    ObReferenceObject(Sleeper.Thread);
    EndSleeper(&Sleeper);
    Queued = QueueSpecial(&Apc, Sleeper.Thread);
    Check("ended thread: nothing can be queued", !Queued);
    ObDereferenceObject(Sleeper.Thread);
}

/* ---- Attached threads --------------------------------------------------------------------------
 */

static VOID TestAttached(VOID)
{
    PKTHREAD Me = KeGetCurrentThread();
    NOTED_APC Original, Current, Inserted;
    KAPC_STATE State;

    KeStackAttachProcess((PKPROCESS)PsInitialSystemProcess, &State);
    QueueSpecial(&Original, Me);
    MakeApc(&Current, Me, NULL, KernelMode);
    Current.Apc.ApcStateIndex = AttachedApcEnvironment;
    Queue(&Current);
    MakeApc(&Inserted, Me, NULL, KernelMode);
    KeInitializeApc(&Inserted.Apc, Me, InsertApcEnvironment, NoteKernel, NULL, NULL, KernelMode,
                    NULL);
    Queue(&Inserted);
    Check("attached: an APC for this address space runs", Current.KernelPlace != 0);
    Check("attached: as does one for whichever it is in", Inserted.KernelPlace != 0);
    Check("attached: not one for its own", Original.KernelPlace == 0);
    KeUnstackDetachProcess(&State);
    Check("attached: which runs when it is back", Original.KernelPlace != 0);
    MakeApc(&Current, Me, NULL, KernelMode);
    Current.Apc.ApcStateIndex = AttachedApcEnvironment;
    Check("attached: nothing for another one if it is not", !Queue(&Current));
}

static VOID TestNestedAttach(PEPROCESS Mine)
{
    PKTHREAD Me = KeGetCurrentThread();
    KAPC_STATE Outer, Inner;
    NOTED_APC Original;
    PEPROCESS Inside;

    KeStackAttachProcess((PKPROCESS)PsInitialSystemProcess, &Outer);
    KeStackAttachProcess((PKPROCESS)Mine, &Inner);
    QueueSpecial(&Original, Me);
    Inside = IoGetCurrentProcess();
    KeUnstackDetachProcess(&Inner);
    Check("nested: back in the first other address space",
          Inside == Mine && IoGetCurrentProcess() == PsInitialSystemProcess);
    Check("nested: an APC for its own has to wait", Original.KernelPlace == 0);
    KeUnstackDetachProcess(&Outer);
    Check("nested: back home", IoGetCurrentProcess() == Mine && Original.KernelPlace != 0);
}

/* The old way, which does not nest. */
static VOID TestPlainAttach(PEPROCESS Mine)
{
    PEPROCESS Inside;

    KeDetachProcess();
    KeAttachProcess((PKPROCESS)PsInitialSystemProcess);
    KeAttachProcess((PKPROCESS)PsInitialSystemProcess);
    Inside = IoGetCurrentProcess();
    KeDetachProcess();
    Check("attached plainly: there, and back", Inside == PsInitialSystemProcess &&
                                                   IoGetCurrentProcess() == Mine);
}

/* ---- Somebody in an address space that ends ----------------------------------------------------
 */

static PEPROCESS Visited;
static KEVENT Arrived;

/* Makes handles in a process, and closes them, until it has ended. */
static VOID NTAPI VisitRoutine(PVOID Context)
{
    PEPROCESS Process = Context;
    OBJECT_ATTRIBUTES Attributes;
    KAPC_STATE State;
    HANDLE Event;

    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    KeStackAttachProcess((PKPROCESS)Process, &State);
    while (NT_SUCCESS(ZwCreateEvent(&Event, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, 0))) {
        KeSetEvent(&Arrived, IO_NO_INCREMENT, FALSE);
        ZwClose(Event);
    }
    KeUnstackDetachProcess(&State);
    ObDereferenceObject(Process);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* The calling process has a visitor from now on. */
static VOID StartVisit(VOID)
{
    Visited = IoGetCurrentProcess();
    ObReferenceObject(Visited);
    KeInitializeEvent(&Arrived, SynchronizationEvent, FALSE);
    ObDereferenceObject(StartThread(VisitRoutine, Visited));
    Wait(&Arrived);
}

static NTSTATUS TestRequest(ULONG Code)
{
    ULONG Failed = TestFailed;

    if (Code == APCTEST_VISIT) {
        StartVisit();
    } else {
        TestAttached();
        TestNestedAttach(IoGetCurrentProcess());
        TestPlainAttach(IoGetCurrentProcess());
    }
    return TestFailed == Failed ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

static NTSTATUS NTAPI Complete(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Stack->MajorFunction == IRP_MJ_DEVICE_CONTROL)
        Status = TestRequest(Stack->Parameters.DeviceIoControl.IoControlCode);
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* ---- The driver --------------------------------------------------------------------------------
 */

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(DEVICE_NAME);
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    TestSpecial();
    TestNormal();
    TestCriticalRegion();
    TestGuardedRegion();
    TestNestedRegions();
    TestNesting();
    TestLocks();
    TestInterruptedWaits();
    TestProtectedWaits();
    TestTimeout();
    TestRunning();
    TestYield();
    TestAlerts();
    TestUserApcs();
    TestEndedThread();
    Status = FinishTests("apctest");
    if (!NT_SUCCESS(Status))
        return Status;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Complete;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Complete;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Complete;
    DriverObject->DriverUnload = Unload;
    return IoCreateDevice(DriverObject, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
}
