/*
 * The dispatcher lock (sched.h says what it guards). Letting it go lowers IRQL, and that is when
 * a switch that has become due takes place: KiReadyThread asked for the DISPATCH interrupt.
 */
#include "sched/sched.h"

static KSPIN_LOCK KiDispatcherLock;

KIRQL KiLockDispatcherDatabase(VOID)
{
    return KfAcquireSpinLock(&KiDispatcherLock);
}

VOID KiUnlockDispatcherDatabase(KIRQL OldIrql)
{
    KfReleaseSpinLock(&KiDispatcherLock, OldIrql);
}

VOID KiLockDispatcherDatabaseAtSynchLevel(VOID)
{
    KefAcquireSpinLockAtDpcLevel(&KiDispatcherLock);
}

VOID KiUnlockDispatcherDatabaseFromSynchLevel(VOID)
{
    KefReleaseSpinLockFromDpcLevel(&KiDispatcherLock);
}
