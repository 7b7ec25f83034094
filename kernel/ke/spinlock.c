/*
 * Spin locks: real ones, although a single processor would do with the IRQL alone (WDK: Spin
 * Locks). The lock is a word that is 0 or 1; waiting reads it only, so that it stays in the
 * waiting processor's cache until it is let go.
 */
#include "kernel/ke/ke.h"

/* Somebody else has the lock. */
VOID FASTCALL KiWaitForSpinLock(PKSPIN_LOCK SpinLock)
{
    do {
        while (*(volatile KSPIN_LOCK *)SpinLock)
            YieldProcessor();
    } while (InterlockedExchange((LONG *)SpinLock, 1) != 0);
}

/* Raises to DISPATCH_LEVEL and takes the lock; returns the old IRQL. IRQL: <= DISPATCH_LEVEL. */
KIRQL FASTCALL KfAcquireSpinLock(PKSPIN_LOCK SpinLock)
{
    KIRQL OldIrql = KiRaiseIrql(DISPATCH_LEVEL);

    KiTakeSpinLock(SpinLock);
    return OldIrql;
}

/* Lets the lock go and lowers to NewIrql. IRQL: DISPATCH_LEVEL. */
VOID FASTCALL KfReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    KiLetSpinLockGo(SpinLock);
    KiLowerIrql(NewIrql);
}

/* Takes the lock only. IRQL: >= DISPATCH_LEVEL. */
VOID FASTCALL KefAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    ASSERT(KiGetCurrentIrql() >= DISPATCH_LEVEL);
    KiTakeSpinLock(SpinLock);
}

VOID FASTCALL KefReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    KiLetSpinLockGo(SpinLock);
}

/* Takes the lock if it is free. IRQL: >= DISPATCH_LEVEL. */
BOOLEAN FASTCALL KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    return InterlockedExchange((LONG *)SpinLock, 1) == 0;
}

/* Is the lock free at this moment? IRQL: any. */
BOOLEAN FASTCALL KeTestSpinLock(PKSPIN_LOCK SpinLock)
{
    return *(volatile KSPIN_LOCK *)SpinLock == 0;
}

/* The same as KfAcquireSpinLock: SYNCH_LEVEL is DISPATCH_LEVEL. */
KIRQL FASTCALL KeAcquireSpinLockRaiseToSynch(PKSPIN_LOCK SpinLock)
{
    return KfAcquireSpinLock(SpinLock);
}

/* Exported as KeInitializeSpinLock, which the headers give inline to all but WDM drivers. */
VOID NTAPI KiInitializeSpinLock(PKSPIN_LOCK SpinLock)
{
    *SpinLock = 0;
}

/* The routines below carry the macros' names: older drivers import them. */
VOID NTAPI(KeAcquireSpinLock)(PKSPIN_LOCK SpinLock, PKIRQL OldIrql)
{
    *OldIrql = KfAcquireSpinLock(SpinLock);
}

VOID NTAPI(KeReleaseSpinLock)(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    KfReleaseSpinLock(SpinLock, NewIrql);
}

VOID NTAPI(KeAcquireSpinLockAtDpcLevel)(PKSPIN_LOCK SpinLock)
{
    KefAcquireSpinLockAtDpcLevel(SpinLock);
}

VOID NTAPI(KeReleaseSpinLockFromDpcLevel)(PKSPIN_LOCK SpinLock)
{
    KefReleaseSpinLockFromDpcLevel(SpinLock);
}
