/*
 * In-stack queued spin locks (WDK: Queued Spin Locks): the processors that wait stand in a queue,
 * each spinning on a word of its own, and get the lock in the order in which they came.
 *
 * The lock's word points to the last in the queue, or is 0. Each entry, a handle on its owner's
 * stack, points to the next, and its Lock member says what it waits for: its two low bits are
 * WAITING until the one before has let go, then OWNER. (Spin locks are aligned, so the bits are
 * free.) A lock that is used so must never be used as a plain spin lock.
 */
#include "kernel/ke/ke.h"

#define WAITING 1
#define OWNER   2
#define FLAGS   (WAITING | OWNER)

/* The lock's word, without the flags that are kept beside its address. */
static PKSPIN_LOCK KiLockOf(PKSPIN_LOCK_QUEUE Entry)
{
    return (PKSPIN_LOCK)((ULONG_PTR)Entry->Lock & ~(ULONG_PTR)FLAGS);
}

/* Takes the lock. IRQL >= DISPATCH_LEVEL. */
VOID FASTCALL KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock,
                                                       PKLOCK_QUEUE_HANDLE LockHandle)
{
    PKSPIN_LOCK_QUEUE Entry = &LockHandle->LockQueue, Before;

    ASSERT(KiGetCurrentIrql() >= DISPATCH_LEVEL);
    Entry->Next = NULL;
    Entry->Lock = (PKSPIN_LOCK)((ULONG_PTR)SpinLock | WAITING);
    Before = InterlockedExchangePointer((PVOID *)SpinLock, Entry);
    if (Before == NULL) {
        Entry->Lock = (PKSPIN_LOCK)((ULONG_PTR)SpinLock | OWNER);
        return;
    }
    Before->Next = Entry;
    while ((ULONG_PTR)Entry->Lock & WAITING)
        YieldProcessor();
    KeMemoryBarrier();
}

/* Lets the lock go, to the next in the queue if there is one. IRQL >= DISPATCH_LEVEL. */
VOID FASTCALL KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle)
{
    PKSPIN_LOCK_QUEUE Entry = &LockHandle->LockQueue, Next;
    PKSPIN_LOCK SpinLock = KiLockOf(Entry);

    if (!((ULONG_PTR)Entry->Lock & OWNER))
        KeBugCheckEx(SPIN_LOCK_NOT_OWNED, (ULONG_PTR)SpinLock, 0, 0, 0);
    Entry->Lock = SpinLock; /* neither: it cannot be released twice */
    if (Entry->Next == NULL &&
        InterlockedCompareExchangePointer((PVOID *)SpinLock, NULL, Entry) == Entry)
        return;
    while ((Next = Entry->Next) == NULL) /* one is just joining */
        YieldProcessor();
    KeMemoryBarrier();
    Next->Lock = (PKSPIN_LOCK)((ULONG_PTR)SpinLock | OWNER);
}

/* Raises to DISPATCH_LEVEL and takes the lock. IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    LockHandle->OldIrql = KiRaiseIrql(DISPATCH_LEVEL);
    KeAcquireInStackQueuedSpinLockAtDpcLevel(SpinLock, LockHandle);
}

/* Lets the lock go and lowers to what IRQL was. IRQL: DISPATCH_LEVEL. */
VOID FASTCALL KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    KIRQL OldIrql = LockHandle->OldIrql;

    KeReleaseInStackQueuedSpinLockFromDpcLevel(LockHandle);
    KiLowerIrql(OldIrql);
}
