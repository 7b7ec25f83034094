/*
 * Fast mutexes and guarded mutexes (WDK: Fast Mutexes and Guarded Mutexes). Both are one lock:
 * Count is 1 when free, 0 when owned, and below with waiters; the owner that lets go of a
 * contended one hands it to a waiter through the event. They do not nest.
 *
 * They differ in how they keep APCs away from the owner: a fast mutex by raising to APC_LEVEL, a
 * guarded one by a guarded region.
 */
#include "kernel/ke/ke.h"
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

static inline VOID ExpTakeMutex(PFAST_MUTEX Mutex, KWAIT_REASON Reason)
{
    ASSERT(Mutex->Owner != KiGetCurrentThread());
    if (InterlockedDecrement(&Mutex->Count) < 0)
        ExpWaitForMutex(Mutex, Reason);
    Mutex->Owner = KiGetCurrentThread();
}

static inline BOOLEAN ExpTryToTakeMutex(PFAST_MUTEX Mutex)
{
    if (InterlockedCompareExchange(&Mutex->Count, 0, 1) != 1)
        return FALSE;
    Mutex->Owner = KiGetCurrentThread();
    return TRUE;
}

static inline VOID ExpLetMutexGo(PFAST_MUTEX Mutex)
{
    ASSERT(Mutex->Owner == KiGetCurrentThread());
    Mutex->Owner = NULL;
    if (InterlockedIncrement(&Mutex->Count) <= 0)
        ExpWakeForMutex(Mutex);
}

/* ---- Fast mutexes ------------------------------------------------------------------------------
 */

/* Waits for the mutex and raises to APC_LEVEL. IRQL <= APC_LEVEL. */
VOID FASTCALL ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = KfRaiseIrql(APC_LEVEL);

    ExpTakeMutex(FastMutex, WrFastMutex);
    FastMutex->OldIrql = OldIrql;
}

VOID FASTCALL ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = (KIRQL)FastMutex->OldIrql;

    ExpLetMutexGo(FastMutex);
    KfLowerIrql(OldIrql);
}

/* TRUE: the caller has it, at APC_LEVEL. FALSE: somebody else has, and nothing has changed. */
BOOLEAN FASTCALL ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = KfRaiseIrql(APC_LEVEL);

    if (!ExpTryToTakeMutex(FastMutex)) {
        KfLowerIrql(OldIrql);
        return FALSE;
    }
    FastMutex->OldIrql = OldIrql;
    return TRUE;
}

/* For callers that are at APC_LEVEL, or in a critical region, already. */
VOID FASTCALL ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    ASSERT(KiGetCurrentIrql() == APC_LEVEL || KeAreApcsDisabled() ||
           KiGetCurrentThread()->Teb == NULL);
    ExpTakeMutex(FastMutex, WrFastMutex);
}

VOID FASTCALL ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    ExpLetMutexGo(FastMutex);
}

/* ---- Guarded mutexes ---------------------------------------------------------------------------
 */

VOID FASTCALL KeInitializeGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    ExInitializeFastMutex((PFAST_MUTEX)GuardedMutex);
    GuardedMutex->CombinedApcDisable = 0;
}

/* Enters a guarded region and waits for the mutex. IRQL <= APC_LEVEL. */
VOID FASTCALL KeAcquireGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KeEnterGuardedRegion();
    ExpTakeMutex((PFAST_MUTEX)GuardedMutex, WrGuardedMutex);
    GuardedMutex->SpecialApcDisable = KiGetCurrentThread()->SpecialApcDisable;
}

/* A region that was entered meanwhile must have been left again. */
VOID FASTCALL KeReleaseGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    ASSERT(GuardedMutex->SpecialApcDisable == KiGetCurrentThread()->SpecialApcDisable);
    ExpLetMutexGo((PFAST_MUTEX)GuardedMutex);
    KeLeaveGuardedRegion();
}

/* TRUE: the caller has it, in a guarded region. FALSE: somebody else has; nothing has changed. */
BOOLEAN FASTCALL KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KeEnterGuardedRegion();
    if (!ExpTryToTakeMutex((PFAST_MUTEX)GuardedMutex)) {
        KeLeaveGuardedRegion();
        return FALSE;
    }
    GuardedMutex->SpecialApcDisable = KiGetCurrentThread()->SpecialApcDisable;
    return TRUE;
}

/* For callers that are at APC_LEVEL, or in a guarded region, already. */
VOID FASTCALL KeAcquireGuardedMutexUnsafe(PKGUARDED_MUTEX GuardedMutex)
{
    ASSERT(KiGetCurrentIrql() == APC_LEVEL || KiGetCurrentThread()->SpecialApcDisable < 0);
    ExpTakeMutex((PFAST_MUTEX)GuardedMutex, WrGuardedMutex);
}

VOID FASTCALL KeReleaseGuardedMutexUnsafe(PKGUARDED_MUTEX GuardedMutex)
{
    ExpLetMutexGo((PFAST_MUTEX)GuardedMutex);
}
