/*
 * mutanttest.sys: what a driver may rely on about mutexes: one owner, who may take them again and
 * must let them go as often; what they do to APCs; in waits for several objects; and what becomes
 * of those whose owner ends.
 *
 * A KMUTEX (KeInitializeMutex) is a driver's; it has to be released before its owner ends. A
 * KMUTANT (KeInitializeMutant) is what a program's mutex is made of; it can be abandoned. What is
 * not allowed at all, test_bugchecks.py has. Source: WDK, "Mutex Objects", the pages of
 * KeInitializeMutex, KeReleaseMutex, KeReadStateMutex and KeWaitForMultipleObjects.
 */
#include "waiter.h"

DRIVER_INITIALIZE DriverEntry;

/* A worker that takes a mutex by a wait for it, keeps it until it is let go, and releases it. */
typedef struct _HOLDER {
    WORKER Worker;
    PVOID Objects[2]; /* the mutex is the last one */
    ULONG Count;
    WAIT_TYPE Type;
    KEVENT LetGo;
    NTSTATUS Status;
    BOOLEAN ApcsDisabled[2]; /* before the wait, and when it has the mutex */
    LONG State;              /* of the mutex when it has it */
    volatile ULONG Place;    /* among those that got it, 1: the first; 0: waits still */
} HOLDER, *PHOLDER;

static HOLDER Holders[3];
static ULONG Turns;

static VOID NTAPI HolderJob(PVOID Context)
{
    PHOLDER Holder = Context;
    PRKMUTEX Mutex = Holder->Objects[Holder->Count - 1];

    Holder->ApcsDisabled[0] = KeAreApcsDisabled();
    Holder->Status = KeWaitForMultipleObjects(Holder->Count, Holder->Objects, Holder->Type,
                                              Executive, KernelMode, FALSE, NULL, NULL);
    Holder->ApcsDisabled[1] = KeAreApcsDisabled();
    Holder->State = KeReadStateMutex(Mutex);
    Holder->Place = ++Turns;
    Wait(&Holder->LetGo);
    KeReleaseMutex(Mutex, FALSE);
}

/* Other: something to wait for besides the mutex, or NULL. */
static VOID StartHolder(PHOLDER Holder, PVOID Mutex, PVOID Other, WAIT_TYPE Type)
{
    RtlZeroMemory(Holder, sizeof *Holder);
    Holder->Objects[0] = Other ? Other : Mutex;
    Holder->Objects[1] = Mutex;
    Holder->Count = Other ? 2 : 1;
    Holder->Type = Type;
    KeInitializeEvent(&Holder->LetGo, NotificationEvent, FALSE);
    StartWorker(&Holder->Worker, HolderJob, Holder);
}

static VOID StartHolders(PVOID Mutex)
{
    ULONG i;

    Turns = 0;
    for (i = 0; i < RTL_NUMBER_OF(Holders); i++)
        StartHolder(&Holders[i], Mutex, NULL, WaitAny);
}

static VOID EndHolder(PHOLDER Holder)
{
    KeSetEvent(&Holder->LetGo, 0, FALSE);
    EndWorker(&Holder->Worker);
}

/* ---- One owner --------------------------------------------------------------------------------
 */

static VOID TestRecursion(VOID)
{
    LONG States[3], Old[3];
    KMUTEX Mutex;
    ULONG i;

    KeInitializeMutex(&Mutex, 0);
    CheckEqual("mutex: free at first", KeReadStateMutex(&Mutex), 1);
    for (i = 0; i < 3; i++) {
        Wait(&Mutex);
        States[i] = KeReadStateMutex(&Mutex);
    }
    Check("mutex: its owner may take it again",
          States[0] == 0 && States[1] == -1 && States[2] == -2);
    CheckEqual("mutex: also without waiting", Poll(&Mutex), STATUS_SUCCESS);
    KeReleaseMutex(&Mutex, FALSE);
    for (i = 0; i < 3; i++)
        Old[i] = KeReleaseMutex(&Mutex, FALSE);
    Check("mutex: releasing returns the old state, 0 the last time",
          Old[0] == -2 && Old[1] == -1 && Old[2] == 0);
    CheckEqual("mutex: released as often as taken, it is free", KeReadStateMutex(&Mutex), 1);
}

static VOID TestOwnership(VOID)
{
    KMUTEX Mutex;

    KeInitializeMutex(&Mutex, 0);
    Wait(&Mutex);
    Wait(&Mutex);
    StartHolders(&Mutex);
    Check("mutex: others wait while it is owned", Turns == 0);
    KeReleaseMutex(&Mutex, FALSE);
    Check("mutex: until it has been released as often as taken", Turns == 0);
    KeReleaseMutex(&Mutex, FALSE);
    Check("mutex: then one gets it, who has waited longest", Turns == 1 && Holders[0].Place == 1);
    CheckEqual("mutex: it is owned again", KeReadStateMutex(&Mutex), 0);
    CheckEqual("mutex: the former owner has to wait", Poll(&Mutex), STATUS_TIMEOUT);
    EndHolder(&Holders[0]);
    Check("mutex: then the next one", Turns == 2 && Holders[1].Place == 2);
    EndHolder(&Holders[1]);
    EndHolder(&Holders[2]);
    Check("mutex: then the last one", Turns == 3 && Holders[2].Place == 3);
    CheckEqual("mutex: then it is free", KeReadStateMutex(&Mutex), 1);
}

static VOID TestReleaseAndWait(VOID)
{
    BOOLEAN TooEarly;
    KIRQL Between;
    KMUTEX Mutex;

    KeInitializeMutex(&Mutex, 0);
    Wait(&Mutex);
    StartHolders(&Mutex);
    KeReleaseMutex(&Mutex, TRUE);
    TooEarly = Turns != 0;
    Between = KeGetCurrentIrql();
    Poll(&Mutex);
    Check("mutex: released and waited for in one",
          !TooEarly && Between == DISPATCH_LEVEL && KeGetCurrentIrql() == PASSIVE_LEVEL);
    CheckEqual("mutex: who was handed it runs afterwards", Turns, 1);
    EndHolder(&Holders[0]);
    EndHolder(&Holders[1]);
    EndHolder(&Holders[2]);
}

/* ---- Normal kernel APCs -----------------------------------------------------------------------
 */

static VOID TestApcs(VOID)
{
    KMUTEX Mutex, Inner;
    KMUTANT Mutant;

    KeInitializeMutex(&Mutex, 0);
    KeInitializeMutex(&Inner, 0);
    Check("APCs: enabled without a mutex", !KeAreApcsDisabled());
    Wait(&Mutex);
    Check("APCs: disabled while one is owned", KeAreApcsDisabled());
    Wait(&Mutex);
    KeReleaseMutex(&Mutex, FALSE);
    Check("APCs: until it is free", KeAreApcsDisabled());
    Wait(&Inner);
    KeReleaseMutex(&Mutex, FALSE);
    Check("APCs: until all are free", KeAreApcsDisabled());
    KeReleaseMutex(&Inner, FALSE);
    Check("APCs: enabled again", !KeAreApcsDisabled());
    Wait(&Mutex);
    StartHolder(&Holders[0], &Mutex, NULL, WaitAny);
    KeReleaseMutex(&Mutex, FALSE);
    EndHolder(&Holders[0]);
    Check("APCs: disabled for who is handed one, not while it waits",
          !Holders[0].ApcsDisabled[0] && Holders[0].ApcsDisabled[1]);
    Check("APCs: enabled for who has handed it over", !KeAreApcsDisabled());
    KeInitializeMutant(&Mutant, TRUE);
    Check("APCs: a program's mutex leaves them alone", !KeAreApcsDisabled());
    KeReleaseMutant(&Mutant, 0, FALSE, FALSE);
}

static VOID TestInitialOwner(VOID)
{
    KMUTANT Mutant;

    KeInitializeMutant(&Mutant, TRUE);
    CheckEqual("mutant: owned from the beginning", KeReadStateMutant(&Mutant), 0);
    StartHolder(&Holders[0], &Mutant, NULL, WaitAny);
    CheckEqual("mutant: others wait", Holders[0].Place, 0);
    Check("mutant: its owner may take it again",
          IsSignalled(&Mutant) && KeReadStateMutant(&Mutant) == -1);
    KeReleaseMutant(&Mutant, 0, FALSE, FALSE);
    KeReleaseMutant(&Mutant, 0, FALSE, FALSE);
    EndHolder(&Holders[0]);
    CheckEqual("mutant: passed on with STATUS_SUCCESS", Holders[0].Status, STATUS_SUCCESS);
    KeInitializeMutant(&Mutant, FALSE);
    CheckEqual("mutant: free from the beginning", KeReadStateMutant(&Mutant), 1);
}

/* ---- Together with other objects --------------------------------------------------------------
 */

static VOID TestAll(VOID)
{
    KMUTEX Mutex;
    KEVENT Event;

    KeInitializeMutex(&Mutex, 0);
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    StartHolder(&Holders[0], &Mutex, &Event, WaitAll);
    Check("wait for all: a free mutex is not taken while an event is missing",
          KeReadStateMutex(&Mutex) == 1 && IsSignalled(&Mutex));
    KeSetEvent(&Event, 0, FALSE);
    Check("wait for all: nor an event while the mutex is another's",
          Holders[0].Place == 0 && KeReadStateEvent(&Event) != 0);
    Turns = 0;
    KeReleaseMutex(&Mutex, FALSE);
    Check("wait for all: both are taken when both are free",
          Holders[0].Place == 1 && KeReadStateEvent(&Event) == 0 && KeReadStateMutex(&Mutex) == 0);
    CheckEqual("wait for all: STATUS_SUCCESS", Holders[0].Status, STATUS_SUCCESS);
    EndHolder(&Holders[0]);
}

/* Takes the mutex, waits for it once more and for the event, and lets it go altogether. */
static VOID NTAPI OwnerJob(PVOID Context)
{
    PHOLDER Holder = Context;
    PRKMUTEX Mutex = Holder->Objects[1];

    Wait(Mutex);
    Holder->Status = KeWaitForMultipleObjects(2, Holder->Objects, Holder->Type, Executive,
                                              KernelMode, FALSE, NULL, NULL);
    Holder->State = KeReadStateMutex(Mutex);
    KeReleaseMutex(Mutex, FALSE);
    KeReleaseMutex(Mutex, FALSE);
}

/* Its owner's wait for a mutex is satisfied, whatever else it waits for. */
static VOID TestOwned(VOID)
{
    PHOLDER Holder = &Holders[0];
    KMUTEX Mutex;
    KEVENT Event;

    KeInitializeMutex(&Mutex, 0);
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    Holder->Objects[0] = &Event;
    Holder->Objects[1] = &Mutex;
    Holder->Type = WaitAll;
    StartWorker(&Holder->Worker, OwnerJob, Holder);
    CheckEqual("own mutex: waited for with an event, not taken yet", KeReadStateMutex(&Mutex), 0);
    KeSetEvent(&Event, 0, FALSE);
    EndWorker(&Holder->Worker);
    Check("own mutex: taken once more with the event",
          Holder->Status == STATUS_SUCCESS && Holder->State == -1);
    Holder->Type = WaitAny;
    StartWorker(&Holder->Worker, OwnerJob, Holder);
    EndWorker(&Holder->Worker);
    Check("own mutex: ends a wait for any at once",
          Holder->Status == STATUS_WAIT_1 && Holder->State == -1);
    CheckEqual("own mutex: free in the end", KeReadStateMutex(&Mutex), 1);
}

/* ---- Abandoned --------------------------------------------------------------------------------
 */

/* Some mutants, which a worker takes and keeps when it ends. */
typedef struct _DESERTER {
    WORKER Worker;
    KMUTANT Mutants[2];
    KEVENT End;
} DESERTER, *PDESERTER;

static VOID NTAPI DeserterJob(PVOID Context)
{
    PDESERTER Deserter = Context;

    Wait(&Deserter->Mutants[0]);
    Wait(&Deserter->Mutants[1]);
    Wait(&Deserter->Mutants[1]);
    Wait(&Deserter->End);
}

static VOID StartDeserter(PDESERTER Deserter)
{
    KeInitializeMutant(&Deserter->Mutants[0], FALSE);
    KeInitializeMutant(&Deserter->Mutants[1], FALSE);
    KeInitializeEvent(&Deserter->End, NotificationEvent, FALSE);
    StartWorker(&Deserter->Worker, DeserterJob, Deserter);
}

static VOID EndDeserter(PDESERTER Deserter)
{
    KeSetEvent(&Deserter->End, 0, FALSE);
    EndWorker(&Deserter->Worker);
}

static VOID TestAbandoned(VOID)
{
    DESERTER Deserter;

    StartDeserter(&Deserter);
    CheckEqual("abandoned: not while its owner lives", Poll(&Deserter.Mutants[0]), STATUS_TIMEOUT);
    EndDeserter(&Deserter);
    Check("abandoned: all of the thread's are free, however often taken",
          KeReadStateMutant(&Deserter.Mutants[0]) == 1 &&
              KeReadStateMutant(&Deserter.Mutants[1]) == 1);
    CheckEqual("abandoned: who gets it next is told", Poll(&Deserter.Mutants[0]),
               STATUS_ABANDONED_WAIT_0);
    CheckEqual("abandoned: and owns it", KeReadStateMutant(&Deserter.Mutants[0]), 0);
    CheckEqual("abandoned: is told once", Poll(&Deserter.Mutants[0]), STATUS_SUCCESS);
    KeReleaseMutant(&Deserter.Mutants[0], 0, FALSE, FALSE);
    KeReleaseMutant(&Deserter.Mutants[0], 0, FALSE, FALSE);
    CheckEqual("abandoned: nor when it is free again", Poll(&Deserter.Mutants[0]), STATUS_SUCCESS);
    KeReleaseMutant(&Deserter.Mutants[0], 0, FALSE, FALSE);
}

static VOID TestAbandonedOfSeveral(VOID)
{
    PVOID Objects[2];
    DESERTER Deserter;
    NTSTATUS Status;
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Objects[0] = &Event;
    Objects[1] = &Deserter.Mutants[0];
    StartDeserter(&Deserter);
    EndDeserter(&Deserter);
    CheckEqual("abandoned: its number in a wait for any", PollSeveral(WaitAny, 2, Objects),
               STATUS_ABANDONED_WAIT_0 + 1);
    KeReleaseMutant(&Deserter.Mutants[0], 0, FALSE, FALSE);
    StartDeserter(&Deserter);
    EndDeserter(&Deserter);
    CheckEqual("abandoned: not taken by a wait for all while another is missing",
               PollSeveral(WaitAll, 2, Objects), STATUS_TIMEOUT);
    KeSetEvent(&Event, 0, FALSE);
    Status = PollSeveral(WaitAll, 2, Objects);
    CheckRange("abandoned: told by a wait for all", Status, STATUS_ABANDONED_WAIT_0,
               STATUS_ABANDONED_WAIT_0 + 1);
    CheckEqual("abandoned: told by it once", PollSeveral(WaitAll, 2, Objects), STATUS_SUCCESS);
    KeReleaseMutant(&Deserter.Mutants[0], 0, FALSE, FALSE);
    KeReleaseMutant(&Deserter.Mutants[0], 0, FALSE, FALSE);
}

/* The owner ends while others wait. */
static VOID TestAbandonedToWaiters(VOID)
{
    DESERTER Deserter;
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Turns = 0;
    StartDeserter(&Deserter);
    StartHolder(&Holders[0], &Deserter.Mutants[0], &Event, WaitAny);
    StartHolder(&Holders[1], &Deserter.Mutants[0], NULL, WaitAny);
    EndDeserter(&Deserter);
    Check("abandoned: who waits longest gets it", Turns == 1 && Holders[0].Place == 1);
    CheckEqual("abandoned: and its number", Holders[0].Status, STATUS_ABANDONED_WAIT_0 + 1);
    EndHolder(&Holders[0]);
    EndHolder(&Holders[1]);
    CheckEqual("abandoned: the one behind is not told", Holders[1].Status, STATUS_SUCCESS);
    StartDeserter(&Deserter);
    StartHolder(&Holders[0], &Deserter.Mutants[1], &Event, WaitAll);
    EndDeserter(&Deserter);
    KeSetEvent(&Event, 0, FALSE);
    EndHolder(&Holders[0]);
    CheckRange("abandoned: told by a wait for all that was waiting", Holders[0].Status,
               STATUS_ABANDONED_WAIT_0, STATUS_ABANDONED_WAIT_0 + 1);
}

static VOID TestMutants(VOID)
{
    TestRecursion();
    TestOwnership();
    TestReleaseAndWait();
    TestApcs();
    TestInitialOwner();
    TestAll();
    TestOwned();
    TestAbandoned();
    TestAbandonedOfSeveral();
    TestAbandonedToWaiters();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    return RunTests(DriverObject, "mutanttest", TestMutants);
}
