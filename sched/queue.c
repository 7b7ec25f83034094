/*
 * Queues: entries that any of several threads may take, but no more of those threads run at a time
 * than the queue says (KeInitializeQueue's Count). They are what I/O completion ports and pools of
 * worker threads are made of.
 *
 * A thread belongs to the queue that it last took from (KTHREAD.Queue). CurrentCount is how many
 * of a queue's threads are not waiting: it falls when one blocks, for whatever it waits, and then
 * another may have an entry. The thread that has waited for the shortest time is given the next
 * entry, for its memory is the most likely to be in the caches. All under the dispatcher lock.
 */
#include "sched/sched.h"

/*
 * Count: how many of its threads may run at a time; 0: as many as there are processors. IRQL:
 * PASSIVE_LEVEL.
 */
VOID NTAPI KeInitializeQueue(PRKQUEUE Queue, ULONG Count)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    RtlZeroMemory(Queue, sizeof *Queue);
    Queue->Header.Type = KQueueObject;
    Queue->Header.Size = sizeof *Queue / sizeof(ULONG);
    InitializeListHead(&Queue->Header.WaitListHead);
    InitializeListHead(&Queue->EntryListHead);
    InitializeListHead(&Queue->ThreadListHead);
    Queue->MaximumCount = Count ? Count : (ULONG)KeNumberProcessors;
}

/* How many entries there are. IRQL <= DISPATCH_LEVEL. */
LONG NTAPI KeReadStateQueue(PRKQUEUE Queue)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    return Queue->Header.SignalState;
}

/* Takes the first entry; NULL: there is none. */
static PLIST_ENTRY KiTakeEntry(PKQUEUE Queue)
{
    PLIST_ENTRY Entry;

    if (IsListEmpty(&Queue->EntryListHead))
        return NULL;
    Entry = RemoveHeadList(&Queue->EntryListHead);
    Entry->Flink = NULL; /* it is in no queue */
    Queue->Header.SignalState--;
    return Entry;
}

/* Gives an entry to the last of the waiting threads, if one may run. */
static VOID KiServeQueue(PKQUEUE Queue, KPRIORITY Increment)
{
    while (!IsListEmpty(&Queue->Header.WaitListHead) && !IsListEmpty(&Queue->EntryListHead) &&
           Queue->CurrentCount < Queue->MaximumCount) {
        PKWAIT_BLOCK Block =
            CONTAINING_RECORD(Queue->Header.WaitListHead.Blink, KWAIT_BLOCK, WaitListEntry);
        KiUnwaitThread(Block->Thread, (LONG_PTR)KiTakeEntry(Queue), Increment);
    }
}

VOID KiThreadOfQueueBlocks(PKQUEUE Queue)
{
    Queue->CurrentCount--;
    KiServeQueue(Queue, 0);
}

static LONG KiInsertQueue(PKQUEUE Queue, PLIST_ENTRY Entry, BOOLEAN Head)
{
    KIRQL OldIrql;
    LONG Old;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Queue->Header.SignalState++;
    if (Head)
        InsertHeadList(&Queue->EntryListHead, Entry);
    else
        InsertTailList(&Queue->EntryListHead, Entry);
    KiServeQueue(Queue, 0);
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

/*
 * Adds an entry at the end (WDK: KeInsertQueue). Returns how many there were. IRQL <=
 * DISPATCH_LEVEL.
 */
LONG NTAPI KeInsertQueue(PRKQUEUE Queue, PLIST_ENTRY Entry)
{
    return KiInsertQueue(Queue, Entry, FALSE);
}

LONG NTAPI KeInsertHeadQueue(PRKQUEUE Queue, PLIST_ENTRY Entry)
{
    return KiInsertQueue(Queue, Entry, TRUE);
}

/* The thread leaves the queue that it belongs to, if any, as one that no longer runs for it. */
VOID KiLeaveQueue(PKTHREAD Thread)
{
    PKQUEUE Queue = Thread->Queue;

    if (Queue == NULL)
        return;
    RemoveEntryList(&Thread->QueueListEntry);
    Thread->Queue = NULL;
    KiThreadOfQueueBlocks(Queue);
}

static VOID KiJoinQueue(PKTHREAD Thread, PKQUEUE Queue)
{
    if (Thread->Queue == Queue)
        return;
    KiLeaveQueue(Thread);
    Thread->Queue = Queue;
    InsertTailList(&Queue->ThreadListHead, &Thread->QueueListEntry);
    Queue->CurrentCount++;
}

/* Takes an entry, or waits for one, with the lock held. */
static LONG_PTR KiRemoveQueue(PKQUEUE Queue, PKTHREAD Thread, KPROCESSOR_MODE Mode, LONGLONG Due)
{
    PLIST_ENTRY Entry = NULL;

    if (Queue->Header.Abandoned)
        return STATUS_ABANDONED;
    KiJoinQueue(Thread, Queue);
    /* The thread is asking for more, so it is not running for the queue just now. */
    Queue->CurrentCount--;
    if (Queue->CurrentCount < Queue->MaximumCount)
        Entry = KiTakeEntry(Queue);
    Queue->CurrentCount++;
    return Entry ? (LONG_PTR)Entry : KiWaitForQueue(Queue, Mode, Due);
}

/* Is it a status that KeRemoveQueue returns instead of an entry? */
static BOOLEAN KiIsQueueStatus(PLIST_ENTRY Entry)
{
    return (ULONG_PTR)Entry < 0x80000000;
}

/*
 * Takes an entry, or waits for one (WDK: KeRemoveQueue). Instead of an entry it returns
 * STATUS_TIMEOUT, STATUS_USER_APC, or STATUS_ABANDONED if the queue has been run down; no pointer
 * is equal to those. IRQL <= APC_LEVEL, or DISPATCH_LEVEL with a time-out of zero.
 */
PLIST_ENTRY NTAPI KeRemoveQueue(PRKQUEUE Queue, KPROCESSOR_MODE WaitMode, PLARGE_INTEGER Timeout)
{
    PKTHREAD Thread = KiGetCurrentThread();
    LONGLONG Due = KiDueTime(Timeout);
    LONG_PTR Result;
    KIRQL OldIrql;

    KiCheckWaitIrql(Thread, Queue, Timeout);
    OldIrql = KiLockForWait(Thread);
    while ((Result = KiRemoveQueue(Queue, Thread, WaitMode, Due)) == STATUS_KERNEL_APC)
        KiRunInterruptingApcs(Thread);
    KiUnlockDispatcherDatabase(OldIrql);
    return (PLIST_ENTRY)Result;
}

/*
 * Waits as KeRemoveQueue does, and takes Count entries at most (WDK: KeRemoveQueueEx). Returns how
 * many are in EntryArray; or, with one, STATUS_TIMEOUT, STATUS_USER_APC, STATUS_ABANDONED instead
 * of an entry. Exported as KeRemoveQueueEx, which the headers declare without NTAPI.
 * IRQL <= APC_LEVEL, or DISPATCH_LEVEL with a time-out of zero.
 */
ULONG NTAPI KiRemoveQueueEx(PKQUEUE Queue, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                            PLARGE_INTEGER Timeout, PLIST_ENTRY *EntryArray, ULONG Count)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    ULONG Taken = 1;

    UNREFERENCED_PARAMETER(Alertable);
    ASSERT(Count);
    EntryArray[0] = KeRemoveQueue(Queue, WaitMode, Timeout);
    if (KiIsQueueStatus(EntryArray[0]))
        return 1;
    while (Taken < Count) {
        EntryArray[Taken] = KeRemoveQueue(Queue, WaitMode, &Zero);
        if (KiIsQueueStatus(EntryArray[Taken]))
            break;
        Taken++;
    }
    return Taken;
}

/*
 * Empties a queue that nobody waits for: its entries, as a list without head, or NULL. It is of no
 * more use until it is initialized anew (WDK: KeRundownQueue). IRQL <= DISPATCH_LEVEL.
 */
PLIST_ENTRY NTAPI KeRundownQueue(PRKQUEUE Queue)
{
    PLIST_ENTRY First = NULL;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    ASSERT(IsListEmpty(&Queue->Header.WaitListHead));
    if (!IsListEmpty(&Queue->EntryListHead)) {
        First = Queue->EntryListHead.Flink;
        RemoveEntryList(&Queue->EntryListHead);
        InitializeListHead(&Queue->EntryListHead);
    }
    Queue->Header.SignalState = 0;
    Queue->Header.Abandoned = TRUE;
    while (!IsListEmpty(&Queue->ThreadListHead)) {
        PKTHREAD Thread =
            CONTAINING_RECORD(RemoveHeadList(&Queue->ThreadListHead), KTHREAD, QueueListEntry);
        Thread->Queue = NULL;
    }
    KiUnlockDispatcherDatabase(OldIrql);
    return First;
}
