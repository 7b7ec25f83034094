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

static INLINE VOID KiAcquireInQueue(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle,
                                    PVOID Site)
{
    PKSPIN_LOCK_QUEUE Entry = &LockHandle->LockQueue, Before;

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
    KiAcquireInQueue(SpinLock, LockHandle, KI_CALLER);
}

/* Lets the lock go, to the next in the queue if there is one. IRQL >= DISPATCH_LEVEL. */
VOID FASTCALL KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle)
{
    PKSPIN_LOCK_QUEUE Entry = &LockHandle->LockQueue, Next;
    PKSPIN_LOCK SpinLock = KiLockOf(Entry);

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

/* Raises to DISPATCH_LEVEL and takes the lock. IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    LockHandle->OldIrql = KiRaiseIrql(DISPATCH_LEVEL);
    KiAcquireInQueue(SpinLock, LockHandle, KI_CALLER);
}

/* Lets the lock go and lowers to what IRQL was. IRQL: DISPATCH_LEVEL. */
VOID FASTCALL KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    KIRQL OldIrql = LockHandle->OldIrql;

    KeReleaseInStackQueuedSpinLockFromDpcLevel(LockHandle);
    KiLowerIrql(OldIrql);
}
