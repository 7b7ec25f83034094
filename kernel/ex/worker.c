/*
 * System worker threads: routines that are queued from anywhere run in them, at PASSIVE_LEVEL and
 * in the System process (WDK: System Worker Threads).
 *
 * Three queues, each with threads of its own at its own priority. One lock guards all queues, so
 * that an item that is queued twice is found. When items come for which there are no free threads,
 * the balance thread is told. It looks again after a while: if nothing has moved, all threads are
 * blocked, maybe by each other, and the queue gets one thread more. Such a thread ends when it has
 * had nothing to do for some time. The balance thread also fits lookaside lists to their use.
 */
#include "kernel/ex/ex.h"
#include "kernel/ps/ps.h"
#include "sched/sched.h"

#define QUEUES                  3
#define MAXIMUM_THREADS         16 /* a queue */
#define BALANCE_PRIORITY        16
#define STUCK_AFTER_100NS       (-1000000LL)   /* 100 ms */
#define LOOKASIDE_PERIOD_100NS  (-10000000LL)  /* 1 s */
#define EXTRA_THREAD_IDLE_100NS (-100000000LL) /* 10 s */

typedef struct _EX_WORK_QUEUE {
    KPRIORITY Priority;
    ULONG InitialThreads;
    KSEMAPHORE Available; /* counts the items */

    /* The rest is guarded by the lock. */
    LIST_ENTRY Items;
    ULONG Queued; /* items in the list */
    ULONG Taken;  /* items, ever */
    ULONG Threads;
    ULONG Busy; /* threads that are in a routine */
    ULONG TakenBefore;
} EX_WORK_QUEUE, *PEX_WORK_QUEUE;

/* The priorities are those of WORK_QUEUE_TYPE's page in the WDK. */
static EX_WORK_QUEUE ExpWorkQueues[QUEUES] = {
    [CriticalWorkQueue] = {.Priority = 13, .InitialThreads = 3},
    [DelayedWorkQueue] = {.Priority = 12, .InitialThreads = 3},
    [HyperCriticalWorkQueue] = {.Priority = 15, .InitialThreads = 1},
};

static KSPIN_LOCK ExpWorkLock;
static KEVENT ExpBalanceEvent;

/* ---- Worker threads ----------------------------------------------------------------------------
 */

/* The lock is held, and an item is there. */
static PWORK_QUEUE_ITEM ExpRemoveWork(PEX_WORK_QUEUE Queue)
{
    PLIST_ENTRY Link = RemoveHeadList(&Queue->Items);

    Link->Flink = NULL; /* not queued: the routine may free the item, or queue it again */
    Queue->Queued--;
    Queue->Taken++;
    Queue->Busy++;
    return CONTAINING_RECORD(Link, WORK_QUEUE_ITEM, List);
}

/* Waits for an item; NULL: none came in the time, and the thread is not counted any more. */
static PWORK_QUEUE_ITEM ExpTakeWork(PEX_WORK_QUEUE Queue, PLARGE_INTEGER Timeout)
{
    PWORK_QUEUE_ITEM Item = NULL;
    BOOLEAN Leaves = FALSE;
    NTSTATUS Status;
    KIRQL OldIrql;

    while (Item == NULL && !Leaves) {
        Status = KeWaitForSingleObject(&Queue->Available, WrQueue, KernelMode, FALSE, Timeout);
        KeAcquireSpinLock(&ExpWorkLock, &OldIrql);
        if (Status != STATUS_TIMEOUT) {
            Item = ExpRemoveWork(Queue);
        } else if (Queue->Queued == 0) { /* else one has just come that counts on this thread */
            Queue->Threads--;
            Leaves = TRUE;
        }
        KeReleaseSpinLock(&ExpWorkLock, OldIrql);
    }
    return Item;
}

static VOID ExpNoteWorkDone(PEX_WORK_QUEUE Queue)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&ExpWorkLock, &OldIrql);
    Queue->Busy--;
    KeReleaseSpinLock(&ExpWorkLock, OldIrql);
}

/* A routine must leave the thread as it was, for the next item's sake. */
static VOID ExpRunWork(PWORK_QUEUE_ITEM Item)
{
    PWORKER_THREAD_ROUTINE Routine = Item->WorkerRoutine;
    PVOID Parameter = Item->Parameter;
    PKTHREAD Thread = KiGetCurrentThread();

    Routine(Parameter);
    if (KiGetCurrentIrql() != PASSIVE_LEVEL)
        KeBugCheckEx(WORKER_THREAD_RETURNED_AT_BAD_IRQL, (ULONG_PTR)Routine, KiGetCurrentIrql(),
                     (ULONG_PTR)Item, 0);
    if (Thread->CombinedApcDisable || Thread->ApcStateIndex)
        KeBugCheckEx(APC_INDEX_MISMATCH, (ULONG_PTR)Routine, Thread->ApcStateIndex,
                     Thread->CombinedApcDisable, 1);
}

static VOID ExpWorkerLoop(PEX_WORK_QUEUE Queue, PLARGE_INTEGER Timeout)
{
    PWORK_QUEUE_ITEM Item;

    KeSetBasePriorityThread(KiGetCurrentThread(),
                            Queue->Priority - KiGetCurrentThread()->Process->BasePriority);
    while ((Item = ExpTakeWork(Queue, Timeout)) != NULL) {
        ExpRunWork(Item);
        ExpNoteWorkDone(Queue);
    }
}

static VOID NTAPI ExpWorkerThread(PVOID Context)
{
    ExpWorkerLoop(Context, NULL);
}

static VOID NTAPI ExpExtraWorkerThread(PVOID Context)
{
    LARGE_INTEGER Timeout = {.QuadPart = EXTRA_THREAD_IDLE_100NS};

    ExpWorkerLoop(Context, &Timeout);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* ---- Queueing ----------------------------------------------------------------------------------
 */

/* Types that came with later versions of Windows go to the queue of the nearest priority. */
static PEX_WORK_QUEUE ExpQueueOfType(WORK_QUEUE_TYPE Type)
{
    if (Type < QUEUES)
        return &ExpWorkQueues[Type];
    if (Type == RealTimeWorkQueue || Type == SuperCriticalWorkQueue ||
        Type >= CustomPriorityWorkQueue + 14)
        return &ExpWorkQueues[HyperCriticalWorkQueue];
    return &ExpWorkQueues[Type == CustomPriorityWorkQueue + 13 ? CriticalWorkQueue
                                                               : DelayedWorkQueue];
}

/* Queues a routine to a system worker thread (WDK: ExQueueWorkItem). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI ExQueueWorkItem(PWORK_QUEUE_ITEM WorkItem, WORK_QUEUE_TYPE QueueType)
{
    PEX_WORK_QUEUE Queue = ExpQueueOfType(QueueType);
    BOOLEAN TooFew;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireSpinLock(&ExpWorkLock, &OldIrql);
    if (WorkItem->List.Flink)
        KeBugCheckEx(WORKER_INVALID, 0, (ULONG_PTR)WorkItem, 0, 0);
    InsertTailList(&Queue->Items, &WorkItem->List);
    Queue->Queued++;
    TooFew = Queue->Busy + Queue->Queued > Queue->Threads;
    KeReleaseSpinLock(&ExpWorkLock, OldIrql);
    KeReleaseSemaphore(&Queue->Available, 0, 1, FALSE);
    if (TooFew)
        ExpWakeBalanceThread();
}

/* ---- The balance thread ------------------------------------------------------------------------
 */

VOID ExpWakeBalanceThread(VOID)
{
    KeSetEvent(&ExpBalanceEvent, 0, FALSE);
}

static NTSTATUS ExpStartWorker(PEX_WORK_QUEUE Queue, PKSTART_ROUTINE Routine)
{
    NTSTATUS Status;
    KIRQL OldIrql;

    KeAcquireSpinLock(&ExpWorkLock, &OldIrql);
    Queue->Threads++;
    KeReleaseSpinLock(&ExpWorkLock, OldIrql);
    Status = PsStartSystemThread(Routine, Queue);
    if (!NT_SUCCESS(Status)) {
        KeAcquireSpinLock(&ExpWorkLock, &OldIrql);
        Queue->Threads--;
        KeReleaseSpinLock(&ExpWorkLock, OldIrql);
    }
    return Status;
}

/* Gives a queue in which nothing has moved a thread. TRUE: look again, items are waiting. */
static BOOLEAN ExpBalanceQueue(PEX_WORK_QUEUE Queue)
{
    BOOLEAN Waiting, Stuck;
    KIRQL OldIrql;

    KeAcquireSpinLock(&ExpWorkLock, &OldIrql);
    Waiting = Queue->Queued != 0 && Queue->Threads < MAXIMUM_THREADS;
    Stuck = Waiting && Queue->Taken == Queue->TakenBefore;
    Queue->TakenBefore = Queue->Taken;
    KeReleaseSpinLock(&ExpWorkLock, OldIrql);
    if (Stuck)
        ExpStartWorker(Queue, ExpExtraWorkerThread); /* failing that, tries again */
    return Waiting;
}

static BOOLEAN ExpBalanceQueues(VOID)
{
    BOOLEAN Waiting = FALSE;
    ULONG i;

    for (i = 0; i < QUEUES; i++)
        Waiting |= ExpBalanceQueue(&ExpWorkQueues[i]);
    return Waiting;
}

/* Looks often while items wait, now and then while there are lookaside lists, else when woken. */
static VOID NTAPI ExpBalanceThread(PVOID Context)
{
    LARGE_INTEGER Stuck = {.QuadPart = STUCK_AFTER_100NS};
    LARGE_INTEGER Period = {.QuadPart = LOOKASIDE_PERIOD_100NS};
    NTSTATUS Status;
    BOOLEAN Lists = FALSE;

    UNREFERENCED_PARAMETER(Context);
    KeSetPriorityThread(KiGetCurrentThread(), BALANCE_PRIORITY);
    for (;;) {
        Status = KeWaitForSingleObject(&ExpBalanceEvent, Executive, KernelMode, FALSE,
                                       Lists ? &Period : NULL);
        while (ExpBalanceQueues())
            KeDelayExecutionThread(KernelMode, FALSE, &Stuck);
        if (Status == STATUS_TIMEOUT || !Lists)
            Lists = ExpAdjustLookasideDepths();
    }
}

static NTSTATUS ExpStartQueue(PEX_WORK_QUEUE Queue)
{
    NTSTATUS Status = STATUS_SUCCESS;

    InitializeListHead(&Queue->Items);
    KeInitializeSemaphore(&Queue->Available, 0, MAXLONG);
    while (NT_SUCCESS(Status) && Queue->Threads < Queue->InitialThreads)
        Status = ExpStartWorker(Queue, ExpWorkerThread);
    return Status;
}

/* The worker threads, and what else drivers find of the executive. */
NTSTATUS ExInitializeWorkers(VOID)
{
    NTSTATUS Status = ExpInitializeCallbacks();
    ULONG i;

    KeInitializeSpinLock(&ExpWorkLock);
    KeInitializeEvent(&ExpBalanceEvent, SynchronizationEvent, FALSE);
    for (i = 0; i < QUEUES && NT_SUCCESS(Status); i++)
        Status = ExpStartQueue(&ExpWorkQueues[i]);
    if (NT_SUCCESS(Status))
        Status = PsStartSystemThread(ExpBalanceThread, NULL);
    return Status;
}
