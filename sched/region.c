/*
 * Critical and guarded regions, which keep kernel APCs away from a thread (WDK: Disabling APCs),
 * and the mode of the caller. In a critical region only special kernel APCs are delivered, in a
 * guarded one none. Regions nest; the counts go down from zero. They are the current thread's, so
 * no lock is needed: an APC that comes in between leaves them as they were.
 */
#include "kernel/ke/lockcheck.h"
#include "sched/apc.h"

/* There are APCs, of which some may be delivered now. Apart, for mostly there are none. */
static __attribute__((noinline)) VOID FASTCALL KiAnnounceApcs(PKTHREAD Thread)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();

    KiApcsEnabled(Thread);
    KiUnlockDispatcherDatabase(OldIrql);
}

/* A region has ended: are there APCs that can be delivered now? They are, when IRQL allows it. */
static inline VOID KiLookForApcs(PKTHREAD Thread)
{
    if (!IsListEmpty(&Thread->ApcState.ApcListHead[KernelMode]))
        KiAnnounceApcs(Thread);
}

VOID NTAPI KeEnterCriticalRegion(VOID)
{
    KI_VERIFY(KiGetCurrentIrql() <= APC_LEVEL, 0x11A, KiGetCurrentIrql(), 0, 0);
    KiGetCurrentThread()->KernelApcDisable--;
}

VOID NTAPI KeLeaveCriticalRegion(VOID)
{
    PKTHREAD Thread = KiGetCurrentThread();

    KI_VERIFY(KiGetCurrentIrql() <= APC_LEVEL, 0x11B, KiGetCurrentIrql(), 0, 0);
    KI_VERIFY(Thread->KernelApcDisable < 0, 0x3E, 0, 0, 0);
    if (++Thread->KernelApcDisable == 0)
        KiLookForApcs(Thread);
}

VOID NTAPI KeEnterGuardedRegion(VOID)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KiGetCurrentThread()->SpecialApcDisable--;
}

VOID NTAPI KeLeaveGuardedRegion(VOID)
{
    PKTHREAD Thread = KiGetCurrentThread();

    ASSERT(Thread->SpecialApcDisable < 0);
    if (++Thread->SpecialApcDisable == 0)
        KiLookForApcs(Thread);
}

/* Are normal kernel APCs kept away, by a region of either kind? */
BOOLEAN NTAPI KeAreApcsDisabled(VOID)
{
    return KiGetCurrentThread()->CombinedApcDisable != 0;
}

/* Are all APCs kept away, by a guarded region or by IRQL? */
BOOLEAN NTAPI KeAreAllApcsDisabled(VOID)
{
    return KiGetCurrentThread()->SpecialApcDisable != 0 || KiGetCurrentIrql() >= APC_LEVEL;
}

KPROCESSOR_MODE NTAPI ExGetPreviousMode(VOID)
{
    return KiGetCurrentThread()->PreviousMode;
}
