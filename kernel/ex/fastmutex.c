/*
 * Fast mutexes and guarded mutexes (WDK: Fast Mutexes and Guarded Mutexes). Both are one lock:
 * Count is 1 when free, 0 when owned, and below with waiters; the owner that lets go of a
 * contended one hands it to a waiter through the event. They do not nest.
 *
 * They differ in how they keep APCs away from the owner: a fast mutex by raising to APC_LEVEL, a
 * guarded one by a guarded region.
 *
 * The free build trusts their users. The checked one stops with bug check C4h for a call at a wrong
 * IRQL or for a lock that its owner acquires again, and with 11h for a release by another thread.
 */
#include "kernel/ke/ke.h"
#include "kernel/ke/lockcheck.h"
#include "sched/sched.h"

/* The gate of a guarded mutex is used as what it is in the place of: a fast mutex's event. */
C_ASSERT(FIELD_OFFSET(KGUARDED_MUTEX, Gate) == FIELD_OFFSET(FAST_MUTEX, Event));
C_ASSERT(sizeof(KGATE) == sizeof(KEVENT));
C_ASSERT(sizeof(KGUARDED_MUTEX) == sizeof(FAST_MUTEX));

/* The contended cases, off the path of the others. Only an owner counts: no count is lost. */
static __attribute__((noinline)) VOID ExpWaitForMutex(PFAST_MUTEX Mutex, KWAIT_REASON Reason)
{
    KeWaitForSingleObject(&Mutex->Event, Reason, KernelMode, FALSE, NULL);
    Mutex->Contention++;
}

static __attribute__((noinline)) VOID ExpWakeForMutex(PFAST_MUTEX Mutex)
{
    KeSetEvent(&Mutex->Event, EVENT_INCREMENT, FALSE);
}

static inline VOID ExpTakeMutex(PFAST_MUTEX Mutex, KWAIT_REASON Reason, KI_LOCK_KIND Kind,
                                PVOID Site)
{
    KI_VERIFY(Mutex->Owner != KiGetCurrentThread(), 0x1000, Mutex, 0, 0);
    KiBeforeThreadLock(Mutex, Kind, Site);
    if (InterlockedDecrement(&Mutex->Count) < 0)
        ExpWaitForMutex(Mutex, Reason);
    Mutex->Owner = KiGetCurrentThread();
    KiThreadLockTaken(Mutex, Kind, Site);
}

static inline BOOLEAN ExpTryToTakeMutex(PFAST_MUTEX Mutex, KI_LOCK_KIND Kind, PVOID Site)
{
    if (InterlockedCompareExchange(&Mutex->Count, 0, 1) != 1)
        return FALSE;
    Mutex->Owner = KiGetCurrentThread();
    KiThreadLockTaken(Mutex, Kind, Site);
    return TRUE;
}

static inline VOID ExpLetMutexGo(PFAST_MUTEX Mutex)
{
#if DBG
    if (Mutex->Owner != KiGetCurrentThread())
        KeBugCheckEx(THREAD_NOT_MUTEX_OWNER, (ULONG_PTR)Mutex, (ULONG_PTR)Mutex->Owner,
                     (ULONG_PTR)KiGetCurrentThread(), 0);
#endif
    KiThreadLockLetGo(KiGetCurrentThread(), Mutex);
    Mutex->Owner = NULL;
    if (InterlockedIncrement(&Mutex->Count) <= 0)
        ExpWakeForMutex(Mutex);
}

/* ---- Fast mutexes ------------------------------------------------------------------------------
 */

/* Waits for the mutex and raises to APC_LEVEL. IRQL <= APC_LEVEL. */
VOID FASTCALL ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql;

    KI_VERIFY(KiGetCurrentIrql() <= APC_LEVEL, 0x33, KiGetCurrentIrql(), FastMutex, 0);
    OldIrql = KfRaiseIrql(APC_LEVEL);
    ExpTakeMutex(FastMutex, WrFastMutex, KiFastMutex, KI_CALLER);
    FastMutex->OldIrql = OldIrql;
}

/* Lets the mutex go and lowers to what IRQL was. IRQL: APC_LEVEL. */
VOID FASTCALL ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = (KIRQL)FastMutex->OldIrql;

    KI_VERIFY(KiGetCurrentIrql() == APC_LEVEL, 0x34, KiGetCurrentIrql(), FastMutex, 0);
    ExpLetMutexGo(FastMutex);
    KfLowerIrql(OldIrql);
}

/*
 * TRUE: the caller has it, at APC_LEVEL. FALSE: somebody else has, and nothing has changed.
 * IRQL <= APC_LEVEL.
 */
BOOLEAN FASTCALL ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql;

    KI_VERIFY(KiGetCurrentIrql() <= APC_LEVEL, 0x33, KiGetCurrentIrql(), FastMutex, 0);
    OldIrql = KfRaiseIrql(APC_LEVEL);
    if (!ExpTryToTakeMutex(FastMutex, KiFastMutex, KI_CALLER)) {
        KfLowerIrql(OldIrql);
        return FALSE;
    }
    FastMutex->OldIrql = OldIrql;
    return TRUE;
}

#if DBG
/* A thread without an environment block is a system thread, which gets no APCs. */
static BOOLEAN ExpAreApcsKeptAway(VOID)
{
    return KiGetCurrentIrql() == APC_LEVEL || KeAreApcsDisabled() ||
           KiGetCurrentThread()->Teb == NULL;
}
#endif

/* For callers that are at APC_LEVEL, or in a critical region, already. IRQL <= APC_LEVEL. */
VOID FASTCALL ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KI_VERIFY(ExpAreApcsKeptAway(), 0x39, KiGetCurrentIrql(),
              KiGetCurrentThread()->CombinedApcDisable, FastMutex);
    ExpTakeMutex(FastMutex, WrFastMutex, KiFastMutex, KI_CALLER);
}

VOID FASTCALL ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KI_VERIFY(ExpAreApcsKeptAway(), 0x3A, KiGetCurrentIrql(),
              KiGetCurrentThread()->CombinedApcDisable, FastMutex);
    ExpLetMutexGo(FastMutex);
}

/* ---- Guarded mutexes ---------------------------------------------------------------------------
 */

/* IRQL: any. */
VOID FASTCALL KeInitializeGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KiForgetLocksIn(GuardedMutex, sizeof *GuardedMutex);
    ExInitializeFastMutex((PFAST_MUTEX)GuardedMutex);
    GuardedMutex->CombinedApcDisable = 0;
}

/* Enters a guarded region and waits for the mutex. IRQL <= APC_LEVEL. */
VOID FASTCALL KeAcquireGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KeEnterGuardedRegion();
    ExpTakeMutex((PFAST_MUTEX)GuardedMutex, WrGuardedMutex, KiGuardedMutex, KI_CALLER);
    GuardedMutex->SpecialApcDisable = KiGetCurrentThread()->SpecialApcDisable;
}

/* A region that was entered meanwhile must have been left again. IRQL <= APC_LEVEL. */
VOID FASTCALL KeReleaseGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    ASSERT(GuardedMutex->SpecialApcDisable == KiGetCurrentThread()->SpecialApcDisable);
    ExpLetMutexGo((PFAST_MUTEX)GuardedMutex);
    KeLeaveGuardedRegion();
}

/* TRUE: the caller has it, in a guarded region. FALSE: somebody else has; nothing has changed. */
BOOLEAN FASTCALL KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KeEnterGuardedRegion();
    if (!ExpTryToTakeMutex((PFAST_MUTEX)GuardedMutex, KiGuardedMutex, KI_CALLER)) {
        KeLeaveGuardedRegion();
        return FALSE;
    }
    GuardedMutex->SpecialApcDisable = KiGetCurrentThread()->SpecialApcDisable;
    return TRUE;
}

/* For callers that are at APC_LEVEL, or in a guarded region, already. IRQL <= APC_LEVEL. */
VOID FASTCALL KeAcquireGuardedMutexUnsafe(PKGUARDED_MUTEX GuardedMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KI_VERIFY(KiGetCurrentIrql() == APC_LEVEL || KiGetCurrentThread()->SpecialApcDisable < 0, 0x39,
              KiGetCurrentIrql(), KiGetCurrentThread()->CombinedApcDisable, GuardedMutex);
    ExpTakeMutex((PFAST_MUTEX)GuardedMutex, WrGuardedMutex, KiGuardedMutex, KI_CALLER);
}

VOID FASTCALL KeReleaseGuardedMutexUnsafe(PKGUARDED_MUTEX GuardedMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    ExpLetMutexGo((PFAST_MUTEX)GuardedMutex);
}
