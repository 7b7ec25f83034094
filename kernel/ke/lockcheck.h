/*
 * What the checked build knows of locks: who holds which and where it was acquired, and in which
 * order they are taken. In the free build all of this is nothing.
 *
 * Spin locks belong to a processor: each has a list of those that it holds. (The dispatcher lock
 * is handed over at a context switch, but on the same processor.) Locks that are waited for
 * belong to a thread, whose list is in its ETHREAD. The order of locks is looked at within each of
 * the two only: who holds a spin lock cannot wait, which IRQL sees to.
 */
#ifndef KERNEL_KE_LOCKCHECK_H
#define KERNEL_KE_LOCKCHECK_H

#include "kernel/nt.h"

typedef enum _KI_LOCK_KIND {
    KiPlainSpinLock,
    KiQueuedSpinLock,
    KiFastMutex,
    KiGuardedMutex,
    KiResource,
    KiPushLock
} KI_LOCK_KIND;

/* The address that the routine which this stands in returns to. */
#define KI_CALLER __builtin_return_address(0)

#if DBG

#define KI_HELD_LOCKS 12 /* more at once are not kept track of */

typedef struct _KI_HELD_LOCK {
    PVOID volatile Lock;
    PVOID Site; /* where it was acquired */
    KI_LOCK_KIND Kind;
    ULONG Sequence; /* of the list's acquisitions, from 1: no two are alike */
} KI_HELD_LOCK;

/* In the order in which they were acquired. */
typedef struct _KI_HELD_LIST {
    volatile ULONG Count;
    ULONG Lost; /* held, but not in the list */
    ULONG Acquisitions;
    KI_HELD_LOCK Locks[KI_HELD_LOCKS];
} KI_HELD_LIST;

/*
 * lockcheck.c: spin locks. The first before waiting: 0Fh if the processor has the lock already,
 * C4h if the order is wrong. The third: 10h if it does not have it. IRQL >= DISPATCH_LEVEL, or
 * interrupts are disabled.
 */
VOID KiBeforeSpinLock(PVOID Lock, KI_LOCK_KIND Kind, PVOID Site);
VOID KiSpinLockTaken(PVOID Lock, KI_LOCK_KIND Kind, PVOID Site);
VOID KiSpinLockLetGo(PVOID Lock);
BOOLEAN KiTryCheckedSpinLock(PKSPIN_LOCK SpinLock, PVOID Site);
ULONG KiAcquisitionOf(PVOID Lock); /* a number that stays while it is held; 0: it is not */

/* The same for locks of the current thread's. Letting go of one that it does not hold is nothing:
 * that is for the lock itself to find. IRQL <= DISPATCH_LEVEL. */
VOID KiBeforeThreadLock(PVOID Lock, KI_LOCK_KIND Kind, PVOID Site);
VOID KiThreadLockTaken(PVOID Lock, KI_LOCK_KIND Kind, PVOID Site);
VOID KiThreadLockLetGo(struct _KTHREAD *Thread, PVOID Lock);
VOID KiCheckThreadHoldsNothing(struct _KTHREAD *Thread); /* C4h, 100Ah: it does, and it ends */

/* Prints who holds spin locks: a line for each. For bug checks. */
VOID KiPrintSpinLocks(ULONG Processor);
VOID KiPrintLock(PCSTR Before, const KI_HELD_LOCK *Held, PCSTR After);

/* lockorder.c: one more lock after those that are held. C4h, 1001h if the opposite was seen. */
VOID KiLearnLockOrder(const KI_HELD_LIST *Held, const KI_HELD_LOCK *Next);

/* Memory that is freed holds no locks any more; a lock that is made anew is another. IRQL: any. */
VOID KiForgetLocksIn(PVOID Start, SIZE_T Bytes);

/*
 * verify.c: the mistakes that Driver Verifier looks for (WDK: Bug Check 0xC4). Stops with C4h, the
 * number of the rule, and the other parameters.
 */
NORETURN VOID KiVerifierStop(ULONG Rule, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4);
#define KI_VERIFY(Condition, Rule, P2, P3, P4)                                                     \
    ((Condition) ? (VOID)0                                                                         \
                 : KiVerifierStop((Rule), (ULONG_PTR)(P2), (ULONG_PTR)(P3), (ULONG_PTR)(P4)))

#else

#define KiBeforeSpinLock(Lock, Kind, Site)     ((VOID)0)
#define KiSpinLockTaken(Lock, Kind, Site)      ((VOID)0)
#define KiSpinLockLetGo(Lock)                  ((VOID)0)
#define KiBeforeThreadLock(Lock, Kind, Site)   ((VOID)(Kind), (VOID)(Site))
#define KiThreadLockTaken(Lock, Kind, Site)    ((VOID)(Kind), (VOID)(Site))
#define KiThreadLockLetGo(Thread, Lock)        ((VOID)0)
#define KiCheckThreadHoldsNothing(Thread)      ((VOID)0)
#define KiForgetLocksIn(Start, Bytes)          ((VOID)0)
#define KI_VERIFY(Condition, Rule, P2, P3, P4) ((VOID)0)

#endif
#endif
