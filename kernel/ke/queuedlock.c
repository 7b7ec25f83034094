/*
 * Queued spin locks (WDK: Queued Spin Locks): the processors that wait stand in a queue, each
 * spinning on a word of its own, and get the lock in the order in which they came.
 *
 * The lock's word points to the last in the queue, or is 0. Each entry points to the next, and its
 * Lock member says what it waits for: its two low bits are WAITING until the one before has let
 * go, then OWNER. (Spin locks are aligned, so the bits are free.) A lock that is used so must never
 * be used as a plain spin lock.
 *
 * An entry is a handle on its owner's stack. The numbered locks, which are the system's, have one
 * for each processor instead: KPRCB.LockQueue.
 */
#include "kernel/ke/ke.h"
#include "kernel/ke/lockcheck.h"
#include "kernel/ke/watchdog.h"

#define WAITING 1
#define OWNER   2
#define FLAGS   (WAITING | OWNER)
#define INLINE  inline __attribute__((always_inline))

/* The lock's word, without the flags that are kept beside its address. */
static PKSPIN_LOCK KiLockOf(PKSPIN_LOCK_QUEUE Entry)
{
    return (PKSPIN_LOCK)((ULONG_PTR)Entry->Lock & ~(ULONG_PTR)FLAGS);
}

/* Waits until the one before in the queue has let go. */
static VOID KiWaitInQueue(PKSPIN_LOCK_QUEUE Entry)
{
#if DBG
    KI_SPIN Spin = {0};

    while ((ULONG_PTR)Entry->Lock & WAITING) {
        if (KiSpinTooLong(&Spin, KiLockOf(Entry)))
            KiSpinLockAlreadyOwned(KiLockOf(Entry));
    }
#else
    if (KeNumberProcessors == 1)
        KiSpinLockAlreadyOwned(KiLockOf(Entry));
    while ((ULONG_PTR)Entry->Lock & WAITING)
        YieldProcessor();
#endif
    KeMemoryBarrier();
}

static INLINE VOID KiAcquireInQueue(PKSPIN_LOCK SpinLock, PKSPIN_LOCK_QUEUE Entry, PVOID Site)
{
    PKSPIN_LOCK_QUEUE Before;

    KI_VERIFY(KiGetCurrentIrql() >= DISPATCH_LEVEL, 0x40, KiGetCurrentIrql(), SpinLock, 0);
    KiBeforeSpinLock(SpinLock, KiQueuedSpinLock, Site);
    Entry->Next = NULL;
    Entry->Lock = (PKSPIN_LOCK)((ULONG_PTR)SpinLock | WAITING);
    Before = InterlockedExchangePointer((PVOID *)SpinLock, Entry);
    if (Before == NULL) {
        Entry->Lock = (PKSPIN_LOCK)((ULONG_PTR)SpinLock | OWNER);
    } else {
        Before->Next = Entry;
        KiWaitInQueue(Entry);
    }
    KiSpinLockTaken(SpinLock, KiQueuedSpinLock, Site);
    UNREFERENCED_PARAMETER(Site);
}

/* Takes the lock. IRQL >= DISPATCH_LEVEL. */
VOID FASTCALL KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock,
                                                       PKLOCK_QUEUE_HANDLE LockHandle)
{
    KiAcquireInQueue(SpinLock, &LockHandle->LockQueue, KI_CALLER);
}

/* Lets the lock go, to the next in the queue if there is one. */
static VOID KiReleaseInQueue(PKSPIN_LOCK_QUEUE Entry)
{
    PKSPIN_LOCK SpinLock = KiLockOf(Entry);
    PKSPIN_LOCK_QUEUE Next;

    if (!((ULONG_PTR)Entry->Lock & OWNER))
        KeBugCheckEx(SPIN_LOCK_NOT_OWNED, (ULONG_PTR)SpinLock, 0, 0, 0);
    KiSpinLockLetGo(SpinLock);
    Entry->Lock = SpinLock; /* neither: it cannot be released twice */
    if (Entry->Next == NULL &&
        InterlockedCompareExchangePointer((PVOID *)SpinLock, NULL, Entry) == Entry)
        return;
    while ((Next = Entry->Next) == NULL) /* one is just joining */
        YieldProcessor();
    KeMemoryBarrier();
    Next->Lock = (PKSPIN_LOCK)((ULONG_PTR)SpinLock | OWNER);
}

/* Lets the lock go. IRQL >= DISPATCH_LEVEL. */
VOID FASTCALL KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle)
{
    KiReleaseInQueue(&LockHandle->LockQueue);
}

/* Raises to DISPATCH_LEVEL and takes the lock. IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    LockHandle->OldIrql = KiRaiseIrql(DISPATCH_LEVEL);
    KiAcquireInQueue(SpinLock, &LockHandle->LockQueue, KI_CALLER);
}

/* The same: SYNCH_LEVEL is DISPATCH_LEVEL. */
VOID FASTCALL KeAcquireInStackQueuedSpinLockRaiseToSynch(PKSPIN_LOCK SpinLock,
                                                         PKLOCK_QUEUE_HANDLE LockHandle)
{
    LockHandle->OldIrql = KiRaiseIrql(SYNCH_LEVEL);
    KiAcquireInQueue(SpinLock, &LockHandle->LockQueue, KI_CALLER);
}

/* Lets the lock go and lowers to what IRQL was. IRQL: DISPATCH_LEVEL. */
VOID FASTCALL KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    KIRQL OldIrql = LockHandle->OldIrql;

    KiReleaseInQueue(&LockHandle->LockQueue);
    KiLowerIrql(OldIrql);
}

/* ---- Numbered locks ----------------------------------------------------------------------------
 */

static KSPIN_LOCK KiNumberedLocks[LockQueueMaximumLock];

VOID KiInitializeLockQueues(PKPRCB Prcb)
{
    ULONG i;

    for (i = 0; i < LockQueueMaximumLock; i++)
        Prcb->LockQueue[i].Lock = &KiNumberedLocks[i];
}

/* This processor's entry in a numbered lock's queue. IRQL >= DISPATCH_LEVEL. */
static INLINE PKSPIN_LOCK_QUEUE KiEntryOf(KSPIN_LOCK_QUEUE_NUMBER Number)
{
    ASSERT(Number < LockQueueMaximumLock);
    return &KeGetCurrentPrcb()->LockQueue[Number];
}

/* Raises to DISPATCH_LEVEL and takes a numbered lock; returns the old IRQL. IRQL <= DISPATCH_LEVEL.
 */
KIRQL FASTCALL KeAcquireQueuedSpinLock(KSPIN_LOCK_QUEUE_NUMBER Number)
{
    KIRQL OldIrql = KiRaiseIrql(DISPATCH_LEVEL);

    KiAcquireInQueue(&KiNumberedLocks[Number], KiEntryOf(Number), KI_CALLER);
    return OldIrql;
}

KIRQL FASTCALL KeAcquireQueuedSpinLockRaiseToSynch(KSPIN_LOCK_QUEUE_NUMBER Number)
{
    KIRQL OldIrql = KiRaiseIrql(SYNCH_LEVEL);

    KiAcquireInQueue(&KiNumberedLocks[Number], KiEntryOf(Number), KI_CALLER);
    return OldIrql;
}

/* Lets a numbered lock go and lowers IRQL. IRQL: DISPATCH_LEVEL. */
VOID FASTCALL KeReleaseQueuedSpinLock(KSPIN_LOCK_QUEUE_NUMBER Number, KIRQL OldIrql)
{
    KiReleaseInQueue(KiEntryOf(Number));
    KiLowerIrql(OldIrql);
}

/* Becomes the first in a lock's queue, if nobody is there: then nobody uses the entry, either. */
static BOOLEAN KiTryToEnterQueue(PKSPIN_LOCK SpinLock, PKSPIN_LOCK_QUEUE Entry)
{
    if (*(volatile KSPIN_LOCK *)SpinLock != 0)
        return FALSE;
    Entry->Next = NULL;
    return InterlockedCompareExchangePointer((PVOID *)SpinLock, Entry, NULL) == NULL;
}

/* Takes a numbered lock if it is free. TRUE: it was, and IRQL has been raised to DISPATCH_LEVEL.
 * FALSE: nothing has changed. IRQL <= DISPATCH_LEVEL. */
LOGICAL FASTCALL KeTryToAcquireQueuedSpinLock(KSPIN_LOCK_QUEUE_NUMBER Number, PKIRQL OldIrql)
{
    PKSPIN_LOCK SpinLock = &KiNumberedLocks[Number];
    PKSPIN_LOCK_QUEUE Entry;

    *OldIrql = KiRaiseIrql(DISPATCH_LEVEL);
    Entry = KiEntryOf(Number);
    if (!KiTryToEnterQueue(SpinLock, Entry)) {
        KiLowerIrql(*OldIrql);
        return FALSE;
    }
    Entry->Lock = (PKSPIN_LOCK)((ULONG_PTR)SpinLock | OWNER);
    KiSpinLockTaken(SpinLock, KiQueuedSpinLock, KI_CALLER);
    return TRUE;
}

LOGICAL FASTCALL KeTryToAcquireQueuedSpinLockRaiseToSynch(KSPIN_LOCK_QUEUE_NUMBER Number,
                                                          PKIRQL OldIrql)
{
    return KeTryToAcquireQueuedSpinLock(Number, OldIrql);
}
