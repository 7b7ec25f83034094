/*
 * Spin locks: real ones, although a single processor would do with the IRQL alone (WDK: Spin
 * Locks). The lock is a word that is 0 or not; waiting reads it only, so that it stays in the
 * waiting processor's cache until it is let go. The checked build's ways of taking a lock and
 * letting it go are in lockcheck.c.
 */
#include "kernel/ke/ke.h"
#include "kernel/ke/lockcheck.h"

#if !DBG

/* Both are off the path of those who find the lock free. */
NORETURN __attribute__((noinline)) VOID KiSpinLockAlreadyOwned(PVOID Lock)
{
    KeBugCheckEx(SPIN_LOCK_ALREADY_OWNED, (ULONG_PTR)Lock, 0, 0, 0);
}

/* Somebody else has the lock; where there is nobody else, it would never come free. */
__attribute__((noinline)) VOID FASTCALL KiWaitForSpinLock(PKSPIN_LOCK SpinLock)
{
    if (KeNumberProcessors == 1)
        KiSpinLockAlreadyOwned(SpinLock);
    do {
        while (*(volatile KSPIN_LOCK *)SpinLock)
            YieldProcessor();
    } while (InterlockedExchange((LONG *)SpinLock, 1) != 0);
}

/* The rare end of KfAcquireSpinLock: a jump to it leaves that one without a stack frame. */
static __attribute__((noinline)) KIRQL KiWaitAtRaisedIrql(PKSPIN_LOCK SpinLock, KIRQL OldIrql)
{
    KiWaitForSpinLock(SpinLock);
    return OldIrql;
}

#endif

/* Raises to DISPATCH_LEVEL and takes the lock; returns the old IRQL. IRQL: <= DISPATCH_LEVEL. */
KIRQL FASTCALL KfAcquireSpinLock(PKSPIN_LOCK SpinLock)
{
    KIRQL OldIrql;

    KI_VERIFY(KiGetCurrentIrql() <= DISPATCH_LEVEL, 0x42, KiGetCurrentIrql(), SpinLock, 0);
    OldIrql = KiRaiseIrql(DISPATCH_LEVEL);
#if DBG
    KiTakeSpinLockFor(SpinLock, KI_CALLER);
    return OldIrql;
#else
    return KiTryToTakeSpinLock(SpinLock) ? OldIrql : KiWaitAtRaisedIrql(SpinLock, OldIrql);
#endif
}

/* Lets the lock go and lowers to NewIrql. IRQL: DISPATCH_LEVEL. */
VOID FASTCALL KfReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    KI_VERIFY(KiGetCurrentIrql() == DISPATCH_LEVEL, 0x32, KiGetCurrentIrql(), SpinLock, 0);
    KiLetSpinLockGo(SpinLock);
    KiLowerIrql(NewIrql);
}

/* Takes the lock only. IRQL: >= DISPATCH_LEVEL. */
VOID FASTCALL KefAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    KI_VERIFY(KiGetCurrentIrql() >= DISPATCH_LEVEL, 0x40, KiGetCurrentIrql(), SpinLock, 0);
    KiTakeSpinLockFor(SpinLock, KI_CALLER);
}

VOID FASTCALL KefReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    KI_VERIFY(KiGetCurrentIrql() >= DISPATCH_LEVEL, 0x41, KiGetCurrentIrql(), SpinLock, 0);
    KiLetSpinLockGo(SpinLock);
}

/* Takes the lock if it is free. IRQL: >= DISPATCH_LEVEL. */
BOOLEAN FASTCALL KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
#if DBG
    KI_VERIFY(KiGetCurrentIrql() >= DISPATCH_LEVEL, 0x40, KiGetCurrentIrql(), SpinLock, 0);
    return KiTryCheckedSpinLock(SpinLock, KI_CALLER);
#else
    return KiTryToTakeSpinLock(SpinLock);
#endif
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
    KiForgetLocksIn(SpinLock, sizeof *SpinLock);
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
