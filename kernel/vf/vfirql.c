/*
 * IRQL and spin locks of verified drivers. Whenever one raises IRQL above APC_LEVEL all pageable
 * memory is put out of reach first, as if memory had just been short: what such a driver touches
 * there by mistake, and is mostly lucky to find, it now never finds (WDK: Force IRQL Checking).
 * Below DISPATCH_LEVEL a touch brings the page back.
 */
#include "kernel/ke/ke.h"
#include "kernel/vf/vf.h"
#include "mm/mm.h"

/* Raises IRQL, and returns the old one. The memory goes when nothing can preempt any more. */
static KIRQL VfpRaise(KIRQL NewIrql)
{
    KIRQL OldIrql = KfRaiseIrql(min(NewIrql, DISPATCH_LEVEL));

    if (NewIrql < DISPATCH_LEVEL)
        return OldIrql;
    MiHidePagedPool();
    VfpHidePagedBlocks();
    MiFlushSystemPages((PVOID)MI_SYSTEM_BASE, MAXLONG); /* all of it */
    KfRaiseIrql(NewIrql);
    return OldIrql;
}

static KIRQL VfpCheckedRaise(KIRQL NewIrql)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (NewIrql < Irql)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION, "KeRaiseIrql to a lower IRQL", 0x30, Irql,
                    NewIrql, 0);
    return Irql >= DISPATCH_LEVEL ? KfRaiseIrql(NewIrql) : VfpRaise(NewIrql);
}

KIRQL FASTCALL VfKfRaiseIrql(KIRQL NewIrql)
{
    return VfpCheckedRaise(NewIrql);
}

KIRQL NTAPI VfKeRaiseIrqlToDpcLevel(VOID)
{
    return VfpCheckedRaise(DISPATCH_LEVEL);
}

VOID FASTCALL VfKfLowerIrql(KIRQL NewIrql)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (NewIrql > Irql)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION, "KeLowerIrql to a higher IRQL", 0x31, Irql,
                    NewIrql, 0);
    KfLowerIrql(NewIrql);
}

KIRQL FASTCALL VfKfAcquireSpinLock(PKSPIN_LOCK SpinLock)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Irql > DISPATCH_LEVEL)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION,
                    "KeAcquireSpinLock is called above DISPATCH_LEVEL", 0x42, Irql,
                    (ULONG_PTR)SpinLock, 0);
    if (Irql < DISPATCH_LEVEL)
        VfpRaise(DISPATCH_LEVEL);
    KfAcquireSpinLock(SpinLock);
    return Irql;
}

VOID FASTCALL VfKeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Irql < DISPATCH_LEVEL)
        VfpRaise(DISPATCH_LEVEL);
    KeAcquireInStackQueuedSpinLock(SpinLock, LockHandle);
    LockHandle->OldIrql = Irql;
}

VOID FASTCALL VfKfReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Irql != DISPATCH_LEVEL)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION,
                    "KeReleaseSpinLock is called at an IRQL other than DISPATCH_LEVEL", 0x32, Irql,
                    (ULONG_PTR)SpinLock, 0);
    KfReleaseSpinLock(SpinLock, NewIrql);
}

VOID FASTCALL VfKefAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Irql < DISPATCH_LEVEL)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION,
                    "a spin lock is acquired as at DISPATCH_LEVEL, but IRQL is below", 0x40, Irql,
                    (ULONG_PTR)SpinLock, 0);
    KefAcquireSpinLockAtDpcLevel(SpinLock);
}

VOID FASTCALL VfKefReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Irql < DISPATCH_LEVEL)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION,
                    "a spin lock is released as at DISPATCH_LEVEL, but IRQL is below", 0x41, Irql,
                    (ULONG_PTR)SpinLock, 0);
    KefReleaseSpinLockFromDpcLevel(SpinLock);
}
