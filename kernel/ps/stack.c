/*
 * Where the running thread's kernel stack is, for drivers that would like to know how much of it is
 * left, or whether something lies on it. IRQL: any; DPCs and interrupts run on the stack of the
 * thread that they interrupt. (IoGetRemainingStackSize is an inline function of the headers.)
 */
#include "sched/sched.h"

/* WDK: IoGetStackLimits. */
VOID NTAPI IoGetStackLimits(PULONG_PTR LowLimit, PULONG_PTR HighLimit)
{
    PKTHREAD Thread = KiGetCurrentThread();

    *LowLimit = (ULONG_PTR)Thread->StackLimit;
    *HighLimit = (ULONG_PTR)Thread->InitialStack;
}

/* Where the stack began (WDK: IoGetInitialStack). */
PVOID NTAPI IoGetInitialStack(VOID)
{
    return KiGetCurrentThread()->InitialStack;
}

/* Does a region lie on the stack as a whole? (WDK: IoWithinStackLimits) */
ULONG NTAPI IoWithinStackLimits(ULONG_PTR RegionStart, SIZE_T RegionSize)
{
    ULONG_PTR Low, High;

    IoGetStackLimits(&Low, &High);
    return RegionStart >= Low && RegionStart <= High && RegionSize <= High - RegionStart;
}
