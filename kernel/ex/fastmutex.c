/*
 * Fast mutexes (WDK: Fast Mutexes and Guarded Mutexes). Count is 1 when free, 0 when owned, and
 * below with waiters: the owner that lets go of a contended one hands it to a waiter through the
 * event. Holding one raises to APC_LEVEL. They do not nest.
 */
#include "kernel/ke/ke.h"
#include "sched/sched.h"

static VOID ExpTakeFastMutex(PFAST_MUTEX FastMutex)
{
    ASSERT(FastMutex->Owner != KiGetCurrentThread());
    if (InterlockedDecrement(&FastMutex->Count) < 0) {
        FastMutex->Contention++;
        KeWaitForSingleObject(&FastMutex->Event, WrMutex, KernelMode, FALSE, NULL);
    }
    FastMutex->Owner = KiGetCurrentThread();
}

static VOID ExpLetFastMutexGo(PFAST_MUTEX FastMutex)
{
    ASSERT(FastMutex->Owner == KiGetCurrentThread());
    FastMutex->Owner = NULL;
    if (InterlockedIncrement(&FastMutex->Count) <= 0)
        KeSetEvent(&FastMutex->Event, EVENT_INCREMENT, FALSE);
}

/* Waits for the mutex and raises to APC_LEVEL. IRQL <= APC_LEVEL. */
VOID FASTCALL ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = KfRaiseIrql(APC_LEVEL);

    ExpTakeFastMutex(FastMutex);
    FastMutex->OldIrql = OldIrql;
}

VOID FASTCALL ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = (KIRQL)FastMutex->OldIrql;

    ExpLetFastMutexGo(FastMutex);
    KfLowerIrql(OldIrql);
}

/* TRUE: the caller has it, at APC_LEVEL. FALSE: somebody else has, and nothing has changed. */
BOOLEAN FASTCALL ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = KfRaiseIrql(APC_LEVEL);

    if (InterlockedCompareExchange(&FastMutex->Count, 0, 1) != 1) {
        KfLowerIrql(OldIrql);
        return FALSE;
    }
    FastMutex->Owner = KiGetCurrentThread();
    FastMutex->OldIrql = OldIrql;
    return TRUE;
}

/* For callers that are at APC_LEVEL, or in a critical region, already. */
VOID FASTCALL ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    ExpTakeFastMutex(FastMutex);
}

VOID FASTCALL ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    ExpLetFastMutexGo(FastMutex);
}
