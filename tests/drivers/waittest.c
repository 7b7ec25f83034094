/*
 * waittest.sys: what a driver may rely on about waiting: events, semaphores and threads as objects
 * of a wait, waits for one, for any and for all of several, who is woken first, and a signal and
 * a wait in one.
 *
 * Source: WDK, the pages of KeWaitForSingleObject, KeWaitForMultipleObjects, KeSetEvent,
 * KePulseEvent and KeReleaseSemaphore. Mutexes, timers and queues have tests of their own.
 */
#include "waiter.h"

DRIVER_INITIALIZE DriverEntry;

static WAITER Waiters[3];

/* ---- Events -----------------------------------------------------------------------------------
 */

static VOID TestNotificationEvent(VOID)
{
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    StartWaiters(Waiters, 3, &Event);
    Check("notification event: not signalled, all wait", InPlaces(Waiters, 0, 0, 0));
    CheckEqual("notification event: setting returns the old state", KeSetEvent(&Event, 0, FALSE),
               0);
    Check("notification event: wakes all, the longest waiting first", InPlaces(Waiters, 1, 2, 3));
    Check("notification event: stays signalled",
          KeReadStateEvent(&Event) != 0 && IsSignalled(&Event) && IsSignalled(&Event));
    Check("notification event: set again, the old state was signalled",
          KeSetEvent(&Event, 0, FALSE) != 0);
    KeClearEvent(&Event);
    CheckEqual("notification event: cleared, waits are not satisfied", Poll(&Event),
               STATUS_TIMEOUT);
    EndWaiters(Waiters, 3);
    CheckEqual("notification event: a wait for it ends with STATUS_SUCCESS", Waiters[2].Status,
               STATUS_SUCCESS);
}

static VOID TestSynchronizationEvent(VOID)
{
    KEVENT Event;

    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    StartWaiters(Waiters, 3, &Event);
    KeSetEvent(&Event, 0, FALSE);
    Check("synchronization event: wakes one, the longest waiting", InPlaces(Waiters, 1, 0, 0));
    CheckEqual("synchronization event: is reset by that", KeReadStateEvent(&Event), 0);
    CheckEqual("synchronization event: so the old state is not signalled",
               KeSetEvent(&Event, 0, FALSE), 0);
    KeSetEvent(&Event, 0, FALSE);
    Check("synchronization event: wakes one each time", InPlaces(Waiters, 1, 2, 3));
    KeSetEvent(&Event, 0, FALSE);
    KeSetEvent(&Event, 0, FALSE);
    Check("synchronization event: set twice, satisfies one wait",
          IsSignalled(&Event) && !IsSignalled(&Event));
    EndWaiters(Waiters, 3);
}

static VOID TestPulse(VOID)
{
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    StartWaiters(Waiters, 3, &Event);
    CheckEqual("pulse: returns the old state", KePulseEvent(&Event, 0, FALSE), 0);
    Check("pulse: a notification event wakes all", InPlaces(Waiters, 1, 2, 3));
    CheckEqual("pulse: leaves it not signalled", KeReadStateEvent(&Event), 0);
    EndWaiters(Waiters, 3);
    KeSetEvent(&Event, 0, FALSE);
    Check("pulse: the old state was signalled", KePulseEvent(&Event, 0, FALSE) != 0);
    CheckEqual("pulse: takes a signal away that nobody waits for", Poll(&Event), STATUS_TIMEOUT);

    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    StartWaiters(Waiters, 3, &Event);
    KePulseEvent(&Event, 0, FALSE);
    Check("pulse: a synchronization event wakes one", InPlaces(Waiters, 1, 0, 0));
    KePulseEvent(&Event, 0, FALSE);
    KePulseEvent(&Event, 0, FALSE);
    KePulseEvent(&Event, 0, FALSE);
    Check("pulse: one each time, and is not kept",
          InPlaces(Waiters, 1, 2, 3) && KeReadStateEvent(&Event) == 0);
    EndWaiters(Waiters, 3);
}

/* ---- A signal and a wait in one ---------------------------------------------------------------
 */

/* With Wait, KeSetEvent leaves IRQL raised: who was woken does not run before the caller waits. */
static VOID CheckSetAndWait(PCSTR Name, KIRQL Irql)
{
    KIRQL OldIrql, Between, Afterwards;
    KEVENT Event, Other;
    BOOLEAN TooEarly;
    NTSTATUS Status;

    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Other, NotificationEvent, FALSE);
    StartWaiters(Waiters, 1, &Event);
    KeRaiseIrql(Irql, &OldIrql);
    KeSetEvent(&Event, 0, TRUE);
    Between = KeGetCurrentIrql();
    TooEarly = Waiters[0].Place != 0;
    Status = Poll(&Other);
    Afterwards = KeGetCurrentIrql();
    KeLowerIrql(OldIrql);
    Check(Name, Between == DISPATCH_LEVEL && !TooEarly && Status == STATUS_TIMEOUT &&
                    Afterwards == Irql && Waiters[0].Place == 1);
    EndWaiters(Waiters, 1);
}

typedef struct _PINGPONG {
    KEVENT Ping, Pong;
    volatile ULONG Rounds;
} PINGPONG, *PPINGPONG;

#define ROUNDS 100

static VOID NTAPI PongJob(PVOID Context)
{
    PPINGPONG Game = Context;

    Wait(&Game->Ping);
    while (++Game->Rounds < ROUNDS) {
        KeSetEvent(&Game->Pong, 0, TRUE);
        Wait(&Game->Ping);
    }
    KeSetEvent(&Game->Pong, 0, FALSE);
}

static VOID TestSetAndWait(VOID)
{
    BOOLEAN InTurn = TRUE;
    PINGPONG Game = {.Rounds = 0};
    WORKER Worker;
    ULONG Round;

    CheckSetAndWait("set and wait: nobody runs in between", PASSIVE_LEVEL);
    CheckSetAndWait("set and wait: the wait restores the IRQL before the set", APC_LEVEL);
    KeInitializeEvent(&Game.Ping, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Game.Pong, SynchronizationEvent, FALSE);
    StartWorker(&Worker, PongJob, &Game);
    for (Round = 1; Round <= ROUNDS; Round++) {
        KeSetEvent(&Game.Ping, 0, TRUE);
        Wait(&Game.Pong);
        InTurn &= Game.Rounds == Round;
    }
    EndWorker(&Worker);
    Check("set and wait: two threads take turns", InTurn);
}

/* ---- Semaphores -------------------------------------------------------------------------------
 */

static VOID TestSemaphore(VOID)
{
    KSEMAPHORE Semaphore;
    KIRQL Between;

    KeInitializeSemaphore(&Semaphore, 0, 5);
    StartWaiters(Waiters, 3, &Semaphore);
    Check("semaphore: a count of zero satisfies no wait", InPlaces(Waiters, 0, 0, 0));
    CheckEqual("semaphore: releasing returns the old count",
               KeReleaseSemaphore(&Semaphore, 0, 2, FALSE), 0);
    Check("semaphore: wakes as many as were released, the longest waiting first",
          InPlaces(Waiters, 1, 2, 0));
    CheckEqual("semaphore: they have used the count up", KeReadStateSemaphore(&Semaphore), 0);
    KeReleaseSemaphore(&Semaphore, 0, 3, FALSE);
    Check("semaphore: the last one", InPlaces(Waiters, 1, 2, 3));
    CheckEqual("semaphore: what nobody waited for is kept", KeReadStateSemaphore(&Semaphore), 2);
    CheckEqual("semaphore: can be released up to its limit",
               KeReleaseSemaphore(&Semaphore, 0, 3, FALSE), 2);
    CheckEqual("semaphore: is at its limit", KeReadStateSemaphore(&Semaphore), 5);
    Check("semaphore: each wait takes one",
          IsSignalled(&Semaphore) && KeReadStateSemaphore(&Semaphore) == 4);
    EndWaiters(Waiters, 3);

    KeInitializeSemaphore(&Semaphore, 0, 1);
    KeReleaseSemaphore(&Semaphore, 0, 1, TRUE);
    Between = KeGetCurrentIrql();
    CheckEqual("semaphore: released and waited for in one", Wait(&Semaphore), STATUS_SUCCESS);
    Check("semaphore: IRQL in between and afterwards",
          Between == DISPATCH_LEVEL && KeGetCurrentIrql() == PASSIVE_LEVEL);
}

/* ---- Any of several ---------------------------------------------------------------------------
 */

/* Three synchronization events, not signalled. */
static VOID MakeEvents(PKEVENT Events, PVOID *Objects, ULONG Count)
{
    ULONG i;

    for (i = 0; i < Count; i++) {
        KeInitializeEvent(&Events[i], SynchronizationEvent, FALSE);
        Objects[i] = &Events[i];
    }
}

static VOID TestAnyAtOnce(VOID)
{
    KEVENT Events[3];
    PVOID Objects[3];

    MakeEvents(Events, Objects, 3);
    CheckEqual("wait for any: none is signalled", PollSeveral(WaitAny, 3, Objects), STATUS_TIMEOUT);
    KeSetEvent(&Events[1], 0, FALSE);
    KeSetEvent(&Events[2], 0, FALSE);
    CheckEqual("wait for any: the first signalled one's number", PollSeveral(WaitAny, 3, Objects),
               STATUS_WAIT_1);
    Check("wait for any: only that one is used up",
          !KeReadStateEvent(&Events[1]) && KeReadStateEvent(&Events[2]));
    CheckEqual("wait for any: then the next one", PollSeveral(WaitAny, 3, Objects), STATUS_WAIT_2);
}

static VOID TestAnyLater(VOID)
{
    KEVENT Events[3];
    PVOID Objects[3], Twice[2] = {&Events[0], &Events[0]};
    KIRQL OldIrql;

    MakeEvents(Events, Objects, 3);
    StartWaiter(&Waiters[0], WaitAny, 3, Objects);
    KeSetEvent(&Events[2], 0, FALSE);
    EndWaiters(Waiters, 1);
    CheckEqual("wait for any: woken, the number of who woke", Waiters[0].Status, STATUS_WAIT_2);
    KeSetEvent(&Events[0], 0, FALSE);
    Check("wait for any: woken by one, it waits for the others no more", IsSignalled(&Events[0]));

    StartWaiter(&Waiters[0], WaitAny, 3, Objects);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeSetEvent(&Events[2], 0, FALSE);
    KeSetEvent(&Events[0], 0, FALSE);
    KeLowerIrql(OldIrql);
    EndWaiters(Waiters, 1);
    CheckEqual("wait for any: the first signal counts", Waiters[0].Status, STATUS_WAIT_2);
    Check("wait for any: the second is kept", !IsSignalled(&Events[2]) && IsSignalled(&Events[0]));

    StartWaiter(&Waiters[0], WaitAny, 2, Twice);
    KeSetEvent(&Events[0], 0, FALSE);
    EndWaiters(Waiters, 1);
    Check("wait for any: the same object twice",
          Waiters[0].Status == STATUS_WAIT_0 && !IsSignalled(&Events[0]));
}

/* ---- All of several ---------------------------------------------------------------------------
 */

static VOID TestAllAtOnce(VOID)
{
    LARGE_INTEGER Timeout = After(20);
    KSEMAPHORE Semaphore;
    KEVENT Event;
    PVOID Objects[2] = {&Event, &Semaphore};

    KeInitializeEvent(&Event, SynchronizationEvent, TRUE);
    KeInitializeSemaphore(&Semaphore, 2, 2);
    CheckEqual("wait for all: all signalled", PollSeveral(WaitAll, 2, Objects), STATUS_SUCCESS);
    Check("wait for all: all are used up",
          !KeReadStateEvent(&Event) && KeReadStateSemaphore(&Semaphore) == 1);
    CheckEqual("wait for all: the first is missing", PollSeveral(WaitAll, 2, Objects),
               STATUS_TIMEOUT);
    CheckEqual("wait for all: the second was not taken", KeReadStateSemaphore(&Semaphore), 1);
    KeSetEvent(&Event, 0, FALSE);
    Poll(&Semaphore);
    CheckEqual(
        "wait for all: the last is missing",
        KeWaitForMultipleObjects(2, Objects, WaitAll, Executive, KernelMode, FALSE, &Timeout, NULL),
        STATUS_TIMEOUT);
    Check("wait for all: timed out, it has taken nothing", KeReadStateEvent(&Event) != 0);
}

static VOID TestAllLater(VOID)
{
    KSEMAPHORE Semaphore;
    KEVENT Event;
    PVOID Objects[2] = {&Event, &Semaphore};

    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    KeInitializeSemaphore(&Semaphore, 0, 2);
    WaitsEnded = 0;
    StartWaiter(&Waiters[0], WaitAll, 2, Objects);
    KeSetEvent(&Event, 0, FALSE);
    Check("wait for all: one signal is not enough", Waiters[0].Place == 0);
    Check("wait for all: and remains for others", IsSignalled(&Event));
    KeReleaseSemaphore(&Semaphore, 0, 2, FALSE);
    Check("wait for all: they were not signalled at once", Waiters[0].Place == 0);
    CheckEqual("wait for all: still nothing is taken", KeReadStateSemaphore(&Semaphore), 2);
    KeSetEvent(&Event, 0, FALSE);
    Check("wait for all: both at once", Waiters[0].Place == 1);
    Check("wait for all: both are taken",
          !KeReadStateEvent(&Event) && KeReadStateSemaphore(&Semaphore) == 1);
    EndWaiters(Waiters, 1);
    CheckEqual("wait for all: STATUS_SUCCESS", Waiters[0].Status, STATUS_SUCCESS);
}

/* Who waits for more than is there does not keep the object from those behind. */
static VOID TestAllPassedOver(VOID)
{
    KEVENT Events[2];
    PVOID Objects[2];

    MakeEvents(Events, Objects, 2);
    WaitsEnded = 0;
    StartWaiter(&Waiters[0], WaitAll, 2, Objects);
    StartWaiter(&Waiters[1], WaitAny, 2, Objects);
    StartWaiter(&Waiters[2], WaitAny, 1, Objects);
    KeSetEvent(&Events[0], 0, FALSE);
    Check("wait for all: passed over while one is missing", InPlaces(Waiters, 0, 1, 0));
    KeSetEvent(&Events[1], 0, FALSE);
    Check("wait for all: passed over, though signalled in turn", InPlaces(Waiters, 0, 1, 0));
    KeSetEvent(&Events[0], 0, FALSE);
    Check("wait for all: its turn, as it has waited longest", InPlaces(Waiters, 2, 1, 0));
    KeSetEvent(&Events[0], 0, FALSE);
    Check("wait for all: then who waited behind it", InPlaces(Waiters, 2, 1, 3));
    EndWaiters(Waiters, 3);
}

/* ---- Many objects -----------------------------------------------------------------------------
 */

static KEVENT ManyEvents[MAXIMUM_WAIT_OBJECTS];
static PVOID ManyObjects[MAXIMUM_WAIT_OBJECTS];
static KWAIT_BLOCK WaitBlocks[MAXIMUM_WAIT_OBJECTS];

/* A wait for the first Count of them: by a worker as by DriverEntry's thread. */
typedef struct _BIG_WAIT {
    WAIT_TYPE Type;
    ULONG Count;
    PLARGE_INTEGER Timeout;
    NTSTATUS Status;
    volatile BOOLEAN Ended;
} BIG_WAIT, *PBIG_WAIT;

static VOID NTAPI BigWaitJob(PVOID Context)
{
    PBIG_WAIT Big = Context;

    Big->Status = KeWaitForMultipleObjects(Big->Count, ManyObjects, Big->Type, Executive,
                                           KernelMode, FALSE, Big->Timeout, WaitBlocks);
    Big->Ended = TRUE;
}

/* Which numbers' events wake a wait for any of Count: does the status tell each? */
static BOOLEAN EachWakes(ULONG Count)
{
    BOOLEAN Right = TRUE;
    WORKER Worker;
    ULONG i;

    for (i = 0; i < Count; i++) {
        BIG_WAIT Big = {.Type = WaitAny, .Count = Count};
        StartWorker(&Worker, BigWaitJob, &Big);
        KeSetEvent(&ManyEvents[i], 0, FALSE);
        EndWorker(&Worker);
        Right &= Big.Status == STATUS_WAIT_0 + (NTSTATUS)i;
    }
    return Right;
}

static VOID TestManyAny(VOID)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    BIG_WAIT Big = {.Type = WaitAny, .Count = MAXIMUM_WAIT_OBJECTS, .Timeout = &Zero};

    MakeEvents(ManyEvents, ManyObjects, MAXIMUM_WAIT_OBJECTS);
    Check("many objects: any of four, with wait blocks of the caller's", EachWakes(4));
    Check("many objects: any of 64, each has its status", EachWakes(MAXIMUM_WAIT_OBJECTS));
    BigWaitJob(&Big);
    CheckEqual("many objects: none signalled", Big.Status, STATUS_TIMEOUT);
    KeSetEvent(&ManyEvents[63], 0, FALSE);
    KeSetEvent(&ManyEvents[62], 0, FALSE);
    BigWaitJob(&Big);
    CheckEqual("many objects: the first signalled one", Big.Status, STATUS_WAIT_0 + 62);
    BigWaitJob(&Big);
    CheckEqual("many objects: the last one", Big.Status, STATUS_WAIT_63);
}

static VOID TestManyAll(VOID)
{
    BIG_WAIT Big = {.Type = WaitAll, .Count = MAXIMUM_WAIT_OBJECTS};
    BOOLEAN TooEarly = FALSE, Kept = TRUE, Used = TRUE;
    WORKER Worker;
    ULONG i;

    MakeEvents(ManyEvents, ManyObjects, MAXIMUM_WAIT_OBJECTS);
    StartWorker(&Worker, BigWaitJob, &Big);
    for (i = MAXIMUM_WAIT_OBJECTS - 1; i > 0; i--) {
        KeSetEvent(&ManyEvents[i], 0, FALSE);
        TooEarly |= Big.Ended;
        Kept &= KeReadStateEvent(&ManyEvents[i]) != 0;
    }
    KeSetEvent(&ManyEvents[0], 0, FALSE);
    Check("many objects: all of 64, not before the last", !TooEarly && Big.Ended);
    EndWorker(&Worker);
    for (i = 0; i < MAXIMUM_WAIT_OBJECTS; i++)
        Used &= KeReadStateEvent(&ManyEvents[i]) == 0;
    Check("many objects: taken all at once", Kept && Used && Big.Status == STATUS_SUCCESS);
}

/* ---- Threads, and IRQL ------------------------------------------------------------------------
 */

/* Threads are signalled when they have ended, and stay it. */
static VOID TestThreads(VOID)
{
    KEVENT Events[2];
    PVOID Objects[2], Threads[2];
    ULONG i;

    MakeEvents(Events, Objects, 2);
    for (i = 0; i < 2; i++) {
        StartWaiter(&Waiters[i], WaitAny, 1, &Objects[i]);
        Threads[i] = Waiters[i].Worker.Thread;
    }
    CheckEqual("threads: not signalled while they live", PollSeveral(WaitAny, 2, Threads),
               STATUS_TIMEOUT);
    KeSetEvent(&Events[1], 0, FALSE);
    CheckEqual("threads: any of two has ended", PollSeveral(WaitAny, 2, Threads), STATUS_WAIT_1);
    CheckEqual("threads: not all", PollSeveral(WaitAll, 2, Threads), STATUS_TIMEOUT);
    KeSetEvent(&Events[0], 0, FALSE);
    CheckEqual("threads: all have ended", PollSeveral(WaitAll, 2, Threads), STATUS_SUCCESS);
    CheckEqual("threads: stay signalled", PollSeveral(WaitAll, 2, Threads), STATUS_SUCCESS);
    EndWaiters(Waiters, 2);
}

/* With a time-out of zero a wait is allowed at DISPATCH_LEVEL: it only looks. */
static VOID TestAtDispatch(VOID)
{
    KEVENT Events[2];
    PVOID Objects[2];
    NTSTATUS Statuses[5];
    KIRQL OldIrql, Afterwards;

    MakeEvents(Events, Objects, 2);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Statuses[0] = Poll(&Events[0]);
    Statuses[1] = PollSeveral(WaitAll, 2, Objects);
    KeSetEvent(&Events[1], 0, FALSE);
    Statuses[2] = PollSeveral(WaitAny, 2, Objects);
    KeSetEvent(&Events[0], 0, FALSE);
    Statuses[3] = Poll(&Events[0]);
    KePulseEvent(&Events[0], 0, FALSE);
    Statuses[4] = Poll(&Events[0]);
    Afterwards = KeGetCurrentIrql();
    KeLowerIrql(OldIrql);
    Check("at DISPATCH_LEVEL: nothing signalled, STATUS_TIMEOUT",
          Statuses[0] == STATUS_TIMEOUT && Statuses[1] == STATUS_TIMEOUT);
    Check("at DISPATCH_LEVEL: taken if signalled",
          Statuses[2] == STATUS_WAIT_1 && Statuses[3] == STATUS_SUCCESS);
    CheckEqual("at DISPATCH_LEVEL: a pulse is not kept", Statuses[4], STATUS_TIMEOUT);
    CheckEqual("at DISPATCH_LEVEL: and IRQL stays", Afterwards, DISPATCH_LEVEL);
    KeRaiseIrql(APC_LEVEL, &OldIrql);
    Delay(1);
    Afterwards = KeGetCurrentIrql();
    KeLowerIrql(OldIrql);
    CheckEqual("at APC_LEVEL: a wait comes back at it", Afterwards, APC_LEVEL);
}

static VOID TestAll(VOID)
{
    TestNotificationEvent();
    TestSynchronizationEvent();
    TestPulse();
    TestSetAndWait();
    TestSemaphore();
    TestAnyAtOnce();
    TestAnyLater();
    TestAllAtOnce();
    TestAllLater();
    TestAllPassedOver();
    TestManyAny();
    TestManyAll();
    TestThreads();
    TestAtDispatch();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    return RunTests(DriverObject, "waittest", TestAll);
}
