/*
 * queuetest.sys: what a driver may rely on about queues (KQUEUE): the order of the entries and of
 * the threads, how many threads run at a time, what lets another one run, time-outs, rundown.
 *
 * Source: WDK, the pages of KeInitializeQueue, KeInsertQueue, KeInsertHeadQueue, KeRemoveQueue and
 * KeRundownQueue; "I/O Completion Ports" for the threads' order and the limit, as a completion port
 * is a queue.
 */
#include "waiter.h"

DRIVER_INITIALIZE DriverEntry;

/* An entry, and what the thread that takes it is to do with it. */
typedef struct _ENTRY {
    LIST_ENTRY Link;
    enum {
        Pass,  /* nothing */
        Block, /* wait for the worker's Gate */
        Look,  /* note the queue's state */
        Leave, /* take an entry of the other queue */
        End    /* the thread ends */
    } Action;
    ULONG Taker; /* the worker's number; 0: nobody has taken it */
    ULONG Place; /* among the entries that were taken */
    LONG State;  /* of the queue, seen by Look */
} ENTRY, *PENTRY;

/* A worker that takes entries. */
typedef struct _TAKER {
    WORKER Worker;
    ULONG Number;
    KEVENT Gate;
} TAKER, *PTAKER;

static KQUEUE Queue, OtherQueue;
static TAKER Takers[3];
static ENTRY Entries[4], Ends[RTL_NUMBER_OF(Takers)];
static ULONG Taken;

static NTSTATUS StatusOf(PLIST_ENTRY Result)
{
    return (NTSTATUS)(LONG_PTR)Result;
}

static PLIST_ENTRY PollQueue(PKQUEUE From)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};

    return KeRemoveQueue(From, KernelMode, &Zero);
}

static PENTRY TakeEntry(PTAKER Taker, PKQUEUE From)
{
    PENTRY Entry = CONTAINING_RECORD(KeRemoveQueue(From, KernelMode, NULL), ENTRY, Link);

    Entry->Taker = Taker->Number;
    Entry->Place = ++Taken;
    return Entry;
}

static VOID NTAPI TakerJob(PVOID Context)
{
    PTAKER Taker = Context;
    PKQUEUE From = &Queue;
    PENTRY Entry;

    for (;;) {
        Entry = TakeEntry(Taker, From);
        From = Entry->Action == Leave ? &OtherQueue : &Queue;
        if (Entry->Action == Block)
            Wait(&Taker->Gate);
        else if (Entry->Action == Look)
            Entry->State = KeReadStateQueue(&Queue);
        else if (Entry->Action == End)
            return;
    }
}

/* A queue with so many threads at a time, and so many workers that wait for it, 1 the first. */
static VOID Begin(ULONG Limit, ULONG Count)
{
    ULONG i;

    KeInitializeQueue(&Queue, Limit);
    KeInitializeQueue(&OtherQueue, 1);
    RtlZeroMemory(Entries, sizeof Entries);
    Taken = 0;
    for (i = 0; i < Count; i++) {
        Takers[i].Number = i + 1;
        KeInitializeEvent(&Takers[i].Gate, SynchronizationEvent, FALSE);
        StartWorker(&Takers[i].Worker, TakerJob, &Takers[i]);
    }
}

/* All workers end, whichever queue they wait for. */
static VOID Finish(ULONG Count)
{
    ULONG i;

    for (i = 0; i < Count; i++) {
        Ends[i].Action = End;
        KeInsertQueue(&Queue, &Ends[i].Link);
    }
    for (i = 0; i < Count; i++)
        EndWorker(&Takers[i].Worker);
    KeRundownQueue(&Queue);
    KeRundownQueue(&OtherQueue);
}

static LONG Insert(ULONG Number, ULONG Action)
{
    Entries[Number].Action = Action;
    return KeInsertQueue(&Queue, &Entries[Number].Link);
}

/* Puts entries there while no worker can run, and then lets them run. */
static VOID InsertTogether(ULONG Count, const UCHAR *Actions)
{
    KIRQL OldIrql;
    ULONG i;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    for (i = 0; i < Count; i++)
        Insert(i, Actions[i]);
    KeLowerIrql(OldIrql);
}

/* ---- Entries ----------------------------------------------------------------------------------
 */

static VOID TestEntries(VOID)
{
    Begin(0, 0);
    CheckEqual("queue: a limit of 0 is the number of processors", (LONG)Queue.MaximumCount,
               KeNumberProcessors);
    Begin(1, 0);
    CheckEqual("queue: not signalled at first", KeReadStateQueue(&Queue), 0);
    CheckEqual("queue: inserting returns how many there were", Insert(0, Pass), 0);
    CheckEqual("queue: one more", Insert(1, Pass), 1);
    CheckEqual("queue: inserting at the head, too", KeInsertHeadQueue(&Queue, &Entries[2].Link), 2);
    CheckEqual("queue: the state is how many there are", KeReadStateQueue(&Queue), 3);
    Check("queue: first what was inserted at the head", PollQueue(&Queue) == &Entries[2].Link);
    Check("queue: then the oldest", PollQueue(&Queue) == &Entries[0].Link);
    CheckEqual("queue: each taken is one less", KeReadStateQueue(&Queue), 1);
    Check("queue: then the next one", PollQueue(&Queue) == &Entries[1].Link);
    CheckEqual("queue: empty, with a time-out of zero", StatusOf(PollQueue(&Queue)),
               STATUS_TIMEOUT);
    KeRundownQueue(&Queue);
}

static VOID TestTimeout(VOID)
{
    LARGE_INTEGER Timeout = After(30);
    ULONGLONG Start = KeQueryInterruptTime();
    KIRQL OldIrql;
    BOOLEAN Got;

    Begin(1, 0);
    CheckEqual("queue: empty, timed out", StatusOf(KeRemoveQueue(&Queue, KernelMode, &Timeout)),
               STATUS_TIMEOUT);
    Check("queue: not before its time", KeQueryInterruptTime() - Start >= 30 * 10000);
    CheckEqual("queue: who has timed out waits no more", Insert(0, Pass), 0);
    CheckEqual("queue: the entry is kept", KeReadStateQueue(&Queue), 1);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Got = PollQueue(&Queue) == &Entries[0].Link && StatusOf(PollQueue(&Queue)) == STATUS_TIMEOUT;
    KeLowerIrql(OldIrql);
    Check("queue: can be polled at DISPATCH_LEVEL", Got);
    KeRundownQueue(&Queue);
}

static VOID TestRundown(VOID)
{
    PLIST_ENTRY First;

    Begin(1, 0);
    Check("rundown: nothing is left", KeRundownQueue(&Queue) == NULL);
    Insert(0, Pass);
    Insert(1, Pass);
    First = KeRundownQueue(&Queue);
    Check("rundown: the entries that are left, as a ring", First == &Entries[0].Link &&
                                                               First->Flink == &Entries[1].Link &&
                                                               First->Flink->Flink == First);
    CheckEqual("rundown: then nothing can be taken",
               StatusOf(KeRemoveQueue(&Queue, KernelMode, NULL)), STATUS_ABANDONED);
    KeInitializeQueue(&Queue, 1);
    Check("rundown: initialized anew, the queue is of use",
          Insert(2, Pass) == 0 && PollQueue(&Queue) == &Entries[2].Link);
    KeRundownQueue(&Queue);
}

/* ---- Threads ----------------------------------------------------------------------------------
 */

static VOID TestThreadOrder(VOID)
{
    Begin(3, 3);
    CheckEqual("threads: an entry that one waits for is not queued", Insert(0, Block), 0);
    CheckEqual("threads: it is taken", KeReadStateQueue(&Queue), 0);
    Insert(1, Block);
    Insert(2, Block);
    Check("threads: the last one to wait is the first to get one",
          Entries[0].Taker == 3 && Entries[1].Taker == 2 && Entries[2].Taker == 1);
    CheckEqual("threads: none waits any more", Insert(3, Pass), 0);
    CheckEqual("threads: so the entry waits", KeReadStateQueue(&Queue), 1);
    KeSetEvent(&Takers[1].Gate, 0, FALSE);
    CheckEqual("threads: for the first one that comes", Entries[3].Taker, 2);
    KeSetEvent(&Takers[0].Gate, 0, FALSE);
    KeSetEvent(&Takers[2].Gate, 0, FALSE);
    Finish(3);
}

/* The one thread that may run is busy, but not waiting: the others get nothing. */
static VOID TestLimit(VOID)
{
    static const UCHAR Actions[] = {Look, Look, Pass};
    BOOLEAN InOrder;

    Begin(1, 3);
    InsertTogether(3, Actions);
    Check("limit 1: others get nothing while one runs",
          Entries[0].State == 2 && Entries[1].State == 1);
    Check("limit 1: it takes all by itself",
          Entries[0].Taker == 3 && Entries[1].Taker == 3 && Entries[2].Taker == 3);
    InOrder = Entries[0].Place == 1 && Entries[1].Place == 2 && Entries[2].Place == 3;
    Check("limit 1: in their order", InOrder);
    Finish(3);

    Begin(2, 3);
    InsertTogether(3, Actions);
    Check("limit 2: two get one at once, the third waits",
          Entries[0].State == 1 && Entries[0].Taker == 3 && Entries[1].Taker == 2);
    Check("limit 2: for one of the two", Entries[2].Taker == 3 || Entries[2].Taker == 2);
    Finish(3);
}

static VOID TestBlocked(VOID)
{
    static const UCHAR Actions[] = {Block, Block, Pass};

    Begin(1, 2);
    InsertTogether(3, Actions);
    Check("limit 1: when one waits for something, another runs",
          Entries[0].Taker == 2 && Entries[1].Taker == 1);
    Check("limit 1: nobody is left for the third entry",
          Entries[2].Taker == 0 && KeReadStateQueue(&Queue) == 1);
    KeSetEvent(&Takers[0].Gate, 0, FALSE);
    CheckEqual("limit 1: who comes back takes it", Entries[2].Taker, 1);
    Check("limit 1: and waits for more", Insert(3, Pass) == 0 && Entries[3].Taker == 1);
    KeSetEvent(&Takers[1].Gate, 0, FALSE);
    Finish(2);
}

/* Both were woken from their waits, so two run though the limit is one: then none gets more. */
static VOID TestOverLimit(VOID)
{
    static const UCHAR Actions[] = {Block, Block, Look, Pass};
    KIRQL OldIrql;

    Begin(1, 3);
    InsertTogether(2, Actions);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeSetEvent(&Takers[2].Gate, 0, FALSE);
    KeSetEvent(&Takers[1].Gate, 0, FALSE);
    Insert(2, Look);
    Insert(3, Pass);
    KeLowerIrql(OldIrql);
    Check("over the limit: nobody new gets an entry",
          Entries[2].Taker != 1 && Entries[3].Taker != 1);
    Check("over the limit: who asks has to wait until one runs",
          Entries[2].Taker == 2 && Entries[2].State == 1 && Entries[3].Taker == 2);
    Finish(3);
}

static VOID TestLeaving(VOID)
{
    static const UCHAR Leaves[] = {Leave, Pass}, EndsFirst[] = {End, Pass};
    ENTRY Other = {.Action = Pass};

    Begin(1, 2);
    InsertTogether(2, Leaves);
    Check("leaving: who takes from another queue lets another run",
          Entries[0].Taker == 2 && Entries[1].Taker == 1);
    KeInsertQueue(&OtherQueue, &Other.Link);
    CheckEqual("leaving: it belongs to the other queue", Other.Taker, 2);
    Finish(2);

    Begin(1, 2);
    InsertTogether(2, EndsFirst);
    Check("leaving: who ends lets another run", Entries[0].Taker == 2 && Entries[1].Taker == 1);
    Finish(2);
}

static VOID TestQueues(VOID)
{
    TestEntries();
    TestTimeout();
    TestRundown();
    TestThreadOrder();
    TestLimit();
    TestBlocked();
    TestOverLimit();
    TestLeaving();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    return RunTests(DriverObject, "queuetest", TestQueues);
}
