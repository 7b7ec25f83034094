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

/*
 * Calls a routine that needs so many bytes of stack (WDK: KeExpandKernelStackAndCallout). Stacks
 * do not grow here: STATUS_NO_MEMORY, if there is not so much left. STATUS_INVALID_PARAMETER_3:
 * nobody gets that much. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI KeExpandKernelStackAndCallout(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter,
                                             SIZE_T Size)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Size > MAXIMUM_EXPANSION_SIZE)
        return STATUS_INVALID_PARAMETER_3;
    if (IoGetRemainingStackSize() < Size)
        return STATUS_NO_MEMORY;
    Callout(Parameter);
    return STATUS_SUCCESS;
}

/* No stack is ever paged out, so this only notes what the thread has asked for; at first it is
 * enabled (WDK: KeSetKernelStackSwapEnable). IRQL <= APC_LEVEL. */
BOOLEAN NTAPI KeSetKernelStackSwapEnable(BOOLEAN Enable)
{
    PKTHREAD Thread = KiGetCurrentThread();
    BOOLEAN Old = !Thread->StackSwapDisabled;

    KI_ASSERT_IRQL(APC_LEVEL);
    Thread->StackSwapDisabled = !Enable;
    return Old;
}
