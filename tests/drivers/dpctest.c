/*
 * dpctest.sys: what a driver may rely on about DPCs: where in the queue their importance puts them,
 * whether the queue is run at once, which processor runs them, and threaded ones (WDK: Organization
 * of DPC Queues; KeSetImportanceDpc; Introduction to Threaded DPCs).
 *
 * With one processor what is about a second one is left out.
 */
#include <ntddk.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define DPCS           4
#define TRIES          50
#define BUSY_TICKS     4  /* enough for the request rate to be the one of now */
#define LIMIT_OF_DEPTH 20 /* more DPCs than any limit of the queue's depth */
#define LIMIT_100NS    20000000LL

static ULONG Processors;

/* ---- What DPCs note ----------------------------------------------------------------------------
 */

typedef struct _NOTE {
    KDPC Dpc;
    volatile ULONG Place; /* among those that have run, 1: the first; 0: has not run */
    ULONG Processor;
    KIRQL Irql;
    PKTHREAD Thread;
    KPRIORITY Priority;
} NOTE, *PNOTE;

static volatile LONG Places;

static VOID NTAPI TakeNote(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PNOTE Note = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    Note->Processor = KeGetCurrentProcessorNumber();
    Note->Irql = KeGetCurrentIrql();
    Note->Thread = KeGetCurrentThread();
    if (Note->Irql == PASSIVE_LEVEL)
        Note->Priority = KeQueryPriorityThread(KeGetCurrentThread());
    Note->Place = (ULONG)InterlockedIncrement(&Places);
}

static VOID MakeNote(PNOTE Note, BOOLEAN Threaded, KDPC_IMPORTANCE Importance)
{
    RtlZeroMemory(Note, sizeof *Note);
    if (Threaded)
        KeInitializeThreadedDpc(&Note->Dpc, TakeNote, Note);
    else
        KeInitializeDpc(&Note->Dpc, TakeNote, Note);
    KeSetImportanceDpc(&Note->Dpc, Importance);
}

static VOID StayOn(ULONG Processor)
{
    KeSetSystemAffinityThread((KAFFINITY)1 << Processor);
}

/* ---- Importance --------------------------------------------------------------------------------
 */

/* While DPCs are kept waiting, four are queued: the order in which they then run, as digits. */
static ULONG OrderOf(BOOLEAN Threaded)
{
    static const KDPC_IMPORTANCE Importance[DPCS] = {MediumImportance, HighImportance,
                                                     LowImportance, MediumHighImportance};
    NOTE Notes[DPCS];
    KIRQL OldIrql;
    ULONG i, Order = 0;

    Places = 0;
    for (i = 0; i < DPCS; i++)
        MakeNote(&Notes[i], Threaded, Importance[i]);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    for (i = 0; i < DPCS; i++)
        KeInsertQueueDpc(&Notes[i].Dpc, NULL, NULL);
    KeLowerIrql(OldIrql);
    KeFlushQueuedDpcs();
    for (i = 0; i < DPCS; i++)
        Order = Order * 10 + Notes[i].Place;
    return Order;
}

/* Returns when the DPC has run or, if it is still queued, without its running. */
static VOID Settle(PNOTE Note)
{
    while (Note->Place == 0 && !KeRemoveQueueDpc(&Note->Dpc))
        YieldProcessor();
}

/* How many of a number of DPCs have run as soon as they were queued here. */
static ULONG CountRunAtOnce(KDPC_IMPORTANCE Importance)
{
    ULONG i, Count = 0;
    NOTE Note;

    for (i = 0; i < TRIES; i++) {
        MakeNote(&Note, FALSE, Importance);
        KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
        Count += Note.Place != 0;
        Settle(&Note);
    }
    return Count;
}

/* Queues DPCs all the time, for some clock ticks. */
static VOID RequestOften(VOID)
{
    LARGE_INTEGER Start, Now;
    NOTE Note;

    KeQueryTickCount(&Start);
    MakeNote(&Note, FALSE, MediumImportance);
    do {
        KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
        KeQueryTickCount(&Now);
    } while (Now.QuadPart - Start.QuadPart < BUSY_TICKS);
}

/* Lets the requests become rare again. */
static VOID RequestSeldom(VOID)
{
    Delay(200);
}

/* One of low importance is left to the clock only while there are many requests. */
static VOID TestLowImportance(VOID)
{
    ULONG AtOnce = TRIES, Tries;
    ULONGLONG Start;
    NOTE Note;

    for (Tries = 0; Tries < TRIES && AtOnce == TRIES; Tries++) {
        RequestOften();
        AtOnce = CountRunAtOnce(LowImportance);
    }
    Check("DPC of low importance: may wait while there are many requests", AtOnce < TRIES);
    MakeNote(&Note, FALSE, LowImportance);
    KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
    Start = KeQueryInterruptTime();
    while (Note.Place == 0 && KeQueryInterruptTime() - Start < LIMIT_100NS)
        YieldProcessor();
    Check("DPC of low importance: the clock has it run", Note.Place != 0);
    RequestSeldom();
    MakeNote(&Note, FALSE, LowImportance);
    KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
    Check("DPC of low importance: runs at once while there are few requests", Note.Place != 0);
}

static VOID TestImportance(VOID)
{
    StayOn(0);
    CheckEqual("DPC: high importance first, the others in turn", OrderOf(FALSE), 2134);
    CheckEqual("DPC: medium importance runs at once", CountRunAtOnce(MediumImportance), TRIES);
    CheckEqual("DPC: medium-high, too", CountRunAtOnce(MediumHighImportance), TRIES);
    CheckEqual("DPC: high, too", CountRunAtOnce(HighImportance), TRIES);
    TestLowImportance();
    KeRevertToUserAffinityThread();
}

/* ---- Other processors --------------------------------------------------------------------------
 */

/* A thread on the last processor holds back its clock, and with it DPCs, while one is queued. */
typedef struct _HOLDER {
    NOTE Note;
    volatile BOOLEAN Holding, Queued;
    BOOLEAN Early;  /* the DPC ran while it was held back */
    BOOLEAN AtOnce; /* it ran as soon as it could: its processor had been told of it */
} HOLDER, *PHOLDER;

static VOID NTAPI HoldBack(PVOID Context)
{
    PHOLDER Holder = Context;
    KIRQL OldIrql;

    StayOn(Processors - 1);
    KeRaiseIrql(CLOCK2_LEVEL, &OldIrql);
    Holder->Holding = TRUE;
    while (!Holder->Queued)
        YieldProcessor();
    KeStallExecutionProcessor(10);
    Holder->Early = Holder->Note.Place != 0;
    KeLowerIrql(OldIrql);
    Holder->AtOnce = Holder->Note.Place != 0;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* Is the last processor told at once of a DPC that is queued there from here? */
static BOOLEAN RunsAtOnce(KDPC_IMPORTANCE Importance)
{
    static HOLDER Holder;
    PKTHREAD Thread;

    Holder.Holding = Holder.Queued = FALSE;
    MakeNote(&Holder.Note, FALSE, Importance);
    KeSetTargetProcessorDpc(&Holder.Note.Dpc, (CCHAR)(Processors - 1));
    Thread = StartThread(HoldBack, &Holder);
    while (!Holder.Holding)
        YieldProcessor();
    KeInsertQueueDpc(&Holder.Note.Dpc, NULL, NULL);
    Holder.Queued = TRUE;
    JoinThread(Thread);
    Settle(&Holder.Note);
    return !Holder.Early && Holder.AtOnce && Holder.Note.Processor == Processors - 1;
}

/* A clock tick may come at the wrong moment, and then a DPC runs that would have waited for it. */
static BOOLEAN MayWait(KDPC_IMPORTANCE Importance)
{
    ULONG i;

    for (i = 0; i < TRIES; i++) {
        if (!RunsAtOnce(Importance))
            return TRUE;
    }
    return FALSE;
}

/* A queue that has become long is run, whatever is in it. */
static VOID TestDepth(VOID)
{
    static NOTE Notes[LIMIT_OF_DEPTH];
    ULONG i, Run = 0;

    for (i = 0; i < LIMIT_OF_DEPTH; i++) {
        MakeNote(&Notes[i], FALSE, LowImportance);
        KeSetTargetProcessorDpc(&Notes[i].Dpc, (CCHAR)(Processors - 1));
    }
    for (i = 0; i < LIMIT_OF_DEPTH; i++)
        KeInsertQueueDpc(&Notes[i].Dpc, NULL, NULL);
    KeFlushQueuedDpcs();
    for (i = 0; i < LIMIT_OF_DEPTH; i++)
        Run += Notes[i].Place != 0 && Notes[i].Processor == Processors - 1;
    CheckEqual("DPCs for another processor: all have run when flushed", Run, LIMIT_OF_DEPTH);
}

/* Urgent ones interrupt that processor; others wait for its clock, or for one that is urgent. */
static VOID TestOtherProcessor(VOID)
{
    if (Processors == 1)
        return;
    StayOn(0);
    TestDepth();
    Check("DPC for another processor: of high importance, runs at once", !MayWait(HighImportance));
    Check("DPC for another processor: medium-high, too", !MayWait(MediumHighImportance));
    Check("DPC for another processor: medium may wait", MayWait(MediumImportance));
    Check("DPC for another processor: low, too", MayWait(LowImportance));
    KeRevertToUserAffinityThread();
}

static VOID TestTargetEx(VOID)
{
    PROCESSOR_NUMBER Number = {.Number = (UCHAR)(Processors - 1)};
    NOTE Note;

    MakeNote(&Note, FALSE, HighImportance);
    CheckEqual("target: a processor that there is", KeSetTargetProcessorDpcEx(&Note.Dpc, &Number),
               STATUS_SUCCESS);
    KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
    KeFlushQueuedDpcs();
    Check("target: it runs there", Note.Place && Note.Processor == Processors - 1);
    Number.Number = (UCHAR)Processors;
    CheckEqual("target: none with that number", KeSetTargetProcessorDpcEx(&Note.Dpc, &Number),
               STATUS_INVALID_PARAMETER);
    Number = (PROCESSOR_NUMBER){.Group = 1};
    CheckEqual("target: none in that group", KeSetTargetProcessorDpcEx(&Note.Dpc, &Number),
               STATUS_INVALID_PARAMETER);
}

/* ---- Threaded DPCs -----------------------------------------------------------------------------
 */

static VOID TestThreaded(VOID)
{
    ULONG i, Right = 0;
    NOTE Note;

    for (i = 0; i < Processors; i++) {
        MakeNote(&Note, TRUE, MediumImportance);
        KeSetTargetProcessorDpc(&Note.Dpc, (CCHAR)i);
        KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
        KeFlushQueuedDpcs();
        Right += Note.Place && Note.Irql == PASSIVE_LEVEL && Note.Processor == i &&
                 Note.Thread != KeGetCurrentThread() && Note.Priority == HIGH_PRIORITY;
    }
    CheckEqual("threaded DPC: at PASSIVE_LEVEL, in a thread of the highest priority, on its target",
               Right, Processors);
    StayOn(0);
    CheckEqual("threaded DPC: high importance first", OrderOf(TRUE), 2134);
    MakeNote(&Note, TRUE, LowImportance);
    KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
    Check("threaded DPC: runs at once, whatever its importance", Note.Place != 0);
    KeRevertToUserAffinityThread();
}

static VOID TestThreadedQueue(VOID)
{
    BOOLEAN First, Second, Removed;
    KIRQL OldIrql;
    NOTE Note;

    MakeNote(&Note, TRUE, MediumImportance);
    KeRaiseIrql(HIGH_LEVEL, &OldIrql);
    First = KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
    Second = KeInsertQueueDpc(&Note.Dpc, NULL, NULL);
    Removed = KeRemoveQueueDpc(&Note.Dpc);
    KeLowerIrql(OldIrql);
    Check("threaded DPC: queued once, at any IRQL", First && !Second);
    KeFlushQueuedDpcs();
    Check("threaded DPC: removed, it does not run", Removed && Note.Place == 0);
    Check("threaded DPC: not there, not removed", !KeRemoveQueueDpc(&Note.Dpc));
}

/* A threaded DPC in which an ordinary one is queued. */
typedef struct _INNER {
    NOTE Ordinary;
    BOOLEAN Interrupted; /* the ordinary one ran before KeInsertQueueDpc returned */
    NTSTATUS Watchdog;
    volatile BOOLEAN Done;
} INNER, *PINNER;

static VOID NTAPI QueueWithin(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    KDPC_WATCHDOG_INFORMATION Information;
    PINNER Inner = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeInsertQueueDpc(&Inner->Ordinary.Dpc, NULL, NULL);
    Inner->Interrupted = Inner->Ordinary.Place != 0;
    Inner->Watchdog = KeQueryDpcWatchdogInformation(&Information);
    Inner->Done = TRUE;
}

static VOID TestPreemption(VOID)
{
    static INNER Inner;
    KDPC Dpc;

    MakeNote(&Inner.Ordinary, FALSE, MediumImportance);
    KeInitializeThreadedDpc(&Dpc, QueueWithin, &Inner);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    KeFlushQueuedDpcs();
    Check("threaded DPC: an ordinary one comes before it",
          Inner.Done && Inner.Interrupted && Inner.Ordinary.Irql == DISPATCH_LEVEL);
    CheckEqual("watchdog: there is one for threaded DPCs", Inner.Watchdog, STATUS_SUCCESS);
}

/* ---- Locks and the watchdog --------------------------------------------------------------------
 */

/* The import library has this one with a wrong number of bytes: it is looked up. */
typedef KIRQL(FASTCALL *ACQUIRE_FOR_DPC)(PKSPIN_LOCK SpinLock);

static VOID TestLocks(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"KeAcquireSpinLockForDpc");
    ACQUIRE_FOR_DPC Acquire = (ACQUIRE_FOR_DPC)(ULONG_PTR)MmGetSystemRoutineAddress(&Name);
    KLOCK_QUEUE_HANDLE Handle;
    KIRQL OldIrql, During, Queued, Outer, Nested;
    KSPIN_LOCK Lock;

    KeInitializeSpinLock(&Lock);
    OldIrql = Acquire(&Lock);
    During = KeGetCurrentIrql();
    KeReleaseSpinLockForDpc(&Lock, OldIrql);
    KeAcquireInStackQueuedSpinLockForDpc(&Lock, &Handle);
    Queued = KeGetCurrentIrql();
    KeReleaseInStackQueuedSpinLockForDpc(&Handle);
    Check("locks for DPCs: raise IRQL from PASSIVE_LEVEL",
          During == DISPATCH_LEVEL && Queued == DISPATCH_LEVEL);
    CheckEqual("locks for DPCs: and lower it again", KeGetCurrentIrql(), PASSIVE_LEVEL);
    KeRaiseIrql(DISPATCH_LEVEL, &Outer);
    OldIrql = Acquire(&Lock);
    KeReleaseSpinLockForDpc(&Lock, OldIrql);
    KeAcquireInStackQueuedSpinLockForDpc(&Lock, &Handle);
    KeReleaseInStackQueuedSpinLockForDpc(&Handle);
    Nested = KeGetCurrentIrql();
    KeLowerIrql(Outer);
    CheckEqual("locks for DPCs: stay at DISPATCH_LEVEL", Nested, DISPATCH_LEVEL);
}

static VOID TestWatchdog(VOID)
{
    KDPC_WATCHDOG_INFORMATION Information = {1, 1, 1, 1, 1};
    NTSTATUS Status = KeQueryDpcWatchdogInformation(&Information);
    KIRQL OldIrql;

    CheckEqual("watchdog: there is none for threads", Status, STATUS_UNSUCCESSFUL);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Status = KeQueryDpcWatchdogInformation(&Information);
    KeLowerIrql(OldIrql);
    CheckEqual("watchdog: asked at DISPATCH_LEVEL", Status, STATUS_SUCCESS);
    Check("watchdog: no limits are set",
          Information.DpcTimeLimit == 0 && Information.DpcWatchdogLimit == 0);
}

/* Flushing goes to all processors and back to where the driver wanted its thread. */
static VOID TestFlushKeepsAffinity(VOID)
{
    KAFFINITY Mask = (KAFFINITY)1 << (Processors - 1);

    KeSetSystemAffinityThread(Mask);
    KeFlushQueuedDpcs();
    CheckEqual("flush: keeps the thread's system affinity", KeSetSystemAffinityThreadEx(Mask),
               Mask);
    CheckEqual("flush: which is where it runs", KeGetCurrentProcessorNumber(), Processors - 1);
    KeRevertToUserAffinityThread();
}

/* A real-time thread that keeps the last processor until the flush has returned, or for long. */
typedef struct _HOG {
    volatile BOOLEAN Running, Flushed, GaveUp;
} HOG, *PHOG;

static VOID NTAPI KeepProcessor(PVOID Context)
{
    PHOG Hog = Context;
    ULONGLONG Start;

    StayOn(Processors - 1);
    KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
    Start = KeQueryInterruptTime();
    Hog->Running = TRUE;
    while (!Hog->Flushed && !Hog->GaveUp)
        Hog->GaveUp = KeQueryInterruptTime() - Start > LIMIT_100NS;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* DPCs run whatever thread there is, so to wait for them is not to wait for that thread. */
static VOID TestFlushWaitsForNoThread(VOID)
{
    KPRIORITY Priority = KeQueryPriorityThread(KeGetCurrentThread());
    static HOG Hog;
    PKTHREAD Thread;

    if (Processors == 1)
        return;
    Thread = StartThread(KeepProcessor, &Hog);
    while (!Hog.Running)
        Delay(10);
    KeFlushQueuedDpcs();
    Hog.Flushed = TRUE;
    JoinThread(Thread);
    Check("flush: does not wait for a real-time thread", !Hog.GaveUp);
    CheckRange("flush: and gives its priority back", KeQueryPriorityThread(KeGetCurrentThread()), 1,
               Priority);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    Processors = KeQueryActiveProcessorCount(NULL);
    TestImportance();
    TestOtherProcessor();
    TestTargetEx();
    TestThreaded();
    TestThreadedQueue();
    TestPreemption();
    TestLocks();
    TestWatchdog();
    TestFlushKeepsAffinity();
    TestFlushWaitsForNoThread();
    return FinishTests("dpctest");
}
