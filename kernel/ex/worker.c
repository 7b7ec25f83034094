/*
 * System worker threads: routines that are queued from anywhere run in them, at PASSIVE_LEVEL and
 * in the System process (WDK: System Worker Threads). One queue, one semaphore, a few threads.
 */
#include "kernel/ex/ex.h"
#include "kernel/ps/ps.h"
#include "sched/sched.h"

#define WORKER_THREADS  2
#define WORKER_PRIORITY 13

static LIST_ENTRY ExpWorkList;
static KSPIN_LOCK ExpWorkLock;
static KSEMAPHORE ExpWorkCount;

static PWORK_QUEUE_ITEM ExpTakeWork(VOID)
{
    PWORK_QUEUE_ITEM Item;
    KIRQL OldIrql;

    KeWaitForSingleObject(&ExpWorkCount, WrQueue, KernelMode, FALSE, NULL);
    KeAcquireSpinLock(&ExpWorkLock, &OldIrql);
    Item = CONTAINING_RECORD(RemoveHeadList(&ExpWorkList), WORK_QUEUE_ITEM, List);
    Item->List.Flink = NULL; /* not queued: the routine may free the item, or queue it again */
    KeReleaseSpinLock(&ExpWorkLock, OldIrql);
    return Item;
}

static VOID NTAPI ExpWorkerThread(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeSetPriorityThread(KiGetCurrentThread(), WORKER_PRIORITY);
    for (;;) {
        PWORK_QUEUE_ITEM Item = ExpTakeWork();
        PWORKER_THREAD_ROUTINE Routine = Item->WorkerRoutine;
        Routine(Item->Parameter);
        if (KiGetCurrentIrql() != PASSIVE_LEVEL)
            KeBugCheckEx(WORKER_THREAD_RETURNED_AT_BAD_IRQL, (ULONG_PTR)Routine, KiGetCurrentIrql(),
                         (ULONG_PTR)Item, 0);
    }
}

/* Queues a routine to a system worker thread (WDK: ExQueueWorkItem). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI ExQueueWorkItem(PWORK_QUEUE_ITEM WorkItem, WORK_QUEUE_TYPE QueueType)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(QueueType);
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireSpinLock(&ExpWorkLock, &OldIrql);
    if (WorkItem->List.Flink)
        KeBugCheckEx(WORKER_INVALID, 0, (ULONG_PTR)WorkItem, 0, 0);
    InsertTailList(&ExpWorkList, &WorkItem->List);
    KeReleaseSpinLock(&ExpWorkLock, OldIrql);
    KeReleaseSemaphore(&ExpWorkCount, 0, 1, FALSE);
}

NTSTATUS ExInitializeWorkers(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i;

    InitializeListHead(&ExpWorkList);
    KeInitializeSpinLock(&ExpWorkLock);
    KeInitializeSemaphore(&ExpWorkCount, 0, MAXLONG);
    for (i = 0; i < WORKER_THREADS && NT_SUCCESS(Status); i++)
        Status = PsStartSystemThread(ExpWorkerThread, NULL);
    return Status;
}
