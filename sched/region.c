/*
 * Critical and guarded regions, and the mode of the caller (WDK: Disabling APCs). No APC is ever
 * delivered yet; the counts are kept so that unbalanced regions are found.
 */
#include "sched/sched.h"

VOID NTAPI KeEnterCriticalRegion(VOID)
{
    KiGetCurrentThread()->KernelApcDisable--;
}

VOID NTAPI KeLeaveCriticalRegion(VOID)
{
    PKTHREAD Thread = KiGetCurrentThread();

    ASSERT(Thread->KernelApcDisable < 0);
    Thread->KernelApcDisable++;
}

VOID NTAPI KeEnterGuardedRegion(VOID)
{
    KiGetCurrentThread()->SpecialApcDisable--;
}

VOID NTAPI KeLeaveGuardedRegion(VOID)
{
    PKTHREAD Thread = KiGetCurrentThread();

    ASSERT(Thread->SpecialApcDisable < 0);
    Thread->SpecialApcDisable++;
}

BOOLEAN NTAPI KeAreApcsDisabled(VOID)
{
    return KiGetCurrentThread()->CombinedApcDisable != 0;
}

KPROCESSOR_MODE NTAPI ExGetPreviousMode(VOID)
{
    return KiGetCurrentThread()->PreviousMode;
}
