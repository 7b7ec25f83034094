/*
 * Device queues: requests that wait until a device is free (WDK: Device Queue Objects). A queue is
 * busy while the driver works at a request; that one is in no queue. So inserting into one that is
 * not busy makes it busy, and removing from an empty one makes it free again. Entries stand in the
 * order of their keys, or where no key is given, at the end. The queue's own lock guards it.
 */
#include "sched/sched.h"

#define DEVICE_QUEUE_OBJECT 20 /* KDEVICE_QUEUE.Type */

VOID NTAPI KeInitializeDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    DeviceQueue->Type = DEVICE_QUEUE_OBJECT;
    DeviceQueue->Size = sizeof *DeviceQueue;
    InitializeListHead(&DeviceQueue->DeviceListHead);
    KeInitializeSpinLock(&DeviceQueue->Lock);
    DeviceQueue->Busy = FALSE;
}

static PKDEVICE_QUEUE_ENTRY KiEntryOf(PLIST_ENTRY Link)
{
    return CONTAINING_RECORD(Link, KDEVICE_QUEUE_ENTRY, DeviceListEntry);
}

/* The first link whose entry's key is above Key, or not below it; the head, if there is none. */
static PLIST_ENTRY KiFindByKey(PKDEVICE_QUEUE Queue, ULONG Key, BOOLEAN Above)
{
    PLIST_ENTRY Head = &Queue->DeviceListHead, Link = Head->Flink;

    while (Link != Head &&
           (KiEntryOf(Link)->SortKey < Key || (Above && KiEntryOf(Link)->SortKey == Key)))
        Link = Link->Flink;
    return Link;
}

/* Inserts before a link. FALSE: the queue was not busy, so the request is to be worked at now. */
static BOOLEAN KiInsertDevice(PKDEVICE_QUEUE Queue, PKDEVICE_QUEUE_ENTRY Entry, BOOLEAN ByKey)
{
    KLOCK_QUEUE_HANDLE Handle;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireInStackQueuedSpinLock(&Queue->Lock, &Handle);
    Entry->Inserted = Queue->Busy;
    if (Queue->Busy && ByKey)
        InsertTailList(KiFindByKey(Queue, Entry->SortKey, TRUE), &Entry->DeviceListEntry);
    else if (Queue->Busy)
        InsertTailList(&Queue->DeviceListHead, &Entry->DeviceListEntry);
    Queue->Busy = TRUE;
    KeReleaseInStackQueuedSpinLock(&Handle);
    return Entry->Inserted;
}

/*
 * Queues a request at the end (WDK: KeInsertDeviceQueue). FALSE: it is not in the queue, for that
 * was not busy, and now is with this request. IRQL: DISPATCH_LEVEL; lower is good, too.
 */
BOOLEAN NTAPI KeInsertDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    return KiInsertDevice(DeviceQueue, DeviceQueueEntry, FALSE);
}

/* The same, behind those whose keys are not above this one's. */
BOOLEAN NTAPI KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue,
                                       PKDEVICE_QUEUE_ENTRY DeviceQueueEntry, ULONG SortKey)
{
    DeviceQueueEntry->SortKey = SortKey;
    return KiInsertDevice(DeviceQueue, DeviceQueueEntry, TRUE);
}

/*
 * Takes the first entry whose key is not below SortKey, or if there is none, the first. NULL: the
 * queue is empty, and no longer busy.
 */
static PKDEVICE_QUEUE_ENTRY KiRemoveDevice(PKDEVICE_QUEUE Queue, ULONG SortKey)
{
    PKDEVICE_QUEUE_ENTRY Entry = NULL;
    KLOCK_QUEUE_HANDLE Handle;
    PLIST_ENTRY Link;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireInStackQueuedSpinLock(&Queue->Lock, &Handle);
    Link = KiFindByKey(Queue, SortKey, FALSE);
    if (Link == &Queue->DeviceListHead)
        Link = Link->Flink;
    if (Link == &Queue->DeviceListHead) {
        Queue->Busy = FALSE;
    } else {
        Entry = KiEntryOf(Link);
        RemoveEntryList(Link);
        Entry->Inserted = FALSE;
    }
    KeReleaseInStackQueuedSpinLock(&Handle);
    return Entry;
}

/*
 * Takes the next request (WDK: KeRemoveDeviceQueue). NULL: there is none, and the queue is no
 * longer busy. It is busy before. IRQL: DISPATCH_LEVEL; lower is good, too.
 */
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    ASSERT(DeviceQueue->Busy);
    return KiRemoveDevice(DeviceQueue, 0);
}

/* The same, by the key: the next one going up, and then from the lowest again. */
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, ULONG SortKey)
{
    ASSERT(DeviceQueue->Busy);
    return KiRemoveDevice(DeviceQueue, SortKey);
}

/* The same for a queue that need not be busy: then there is nothing in it. */
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueueIfBusy(PKDEVICE_QUEUE DeviceQueue, ULONG SortKey)
{
    return KiRemoveDevice(DeviceQueue, SortKey);
}

/* Takes a certain request out of the queue. FALSE: it is in none. The queue stays busy. */
BOOLEAN NTAPI KeRemoveEntryDeviceQueue(PKDEVICE_QUEUE DeviceQueue,
                                       PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    KLOCK_QUEUE_HANDLE Handle;
    BOOLEAN Inserted;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireInStackQueuedSpinLock(&DeviceQueue->Lock, &Handle);
    Inserted = DeviceQueueEntry->Inserted;
    if (Inserted)
        RemoveEntryList(&DeviceQueueEntry->DeviceListEntry);
    DeviceQueueEntry->Inserted = FALSE;
    KeReleaseInStackQueuedSpinLock(&Handle);
    return Inserted;
}
