/*
 * Which of DbgPrintEx' messages are shown (WDK: Reading and Filtering Debugging Messages), and who
 * else is told of all that is shown.
 *
 * Each component has a mask; level n is its bit n, and a level above 31 is a mask itself. At first
 * errors are shown. Bits are changed by interlocked operations: messages come at any IRQL.
 */
#include "kernel/kd/filter.h"
#include "kernel/ke/ke.h"

#define CALLBACKS 8 /* that can be registered */

static LONG KdpMasks[] = {[0 ... DPFLTR_ENDOFTABLE_ID - 1] = 1 << DPFLTR_ERROR_LEVEL};

/* A place is Busy while its routine is called; who takes the routine out waits for that. */
static struct {
    PVOID volatile Routine;
    LONG volatile Busy;
} KdpCallbacks[CALLBACKS];

static ULONG KdpBits(ULONG Level)
{
    return Level < 32 ? 1u << Level : Level;
}

/* TRUE, FALSE, or STATUS_INVALID_PARAMETER_1: no such component. Any IRQL. */
NTSTATUS NTAPI DbgQueryDebugFilterState(ULONG ComponentId, ULONG Level)
{
    if (ComponentId >= DPFLTR_ENDOFTABLE_ID)
        return STATUS_INVALID_PARAMETER_1;
    return (KdpMasks[ComponentId] & KdpBits(Level)) != 0;
}

/* STATUS_INVALID_PARAMETER_1: no such component. Any IRQL. */
NTSTATUS NTAPI DbgSetDebugFilterState(ULONG ComponentId, ULONG Level, BOOLEAN State)
{
    if (ComponentId >= DPFLTR_ENDOFTABLE_ID)
        return STATUS_INVALID_PARAMETER_1;
    if (State)
        InterlockedOr(&KdpMasks[ComponentId], KdpBits(Level));
    else
        InterlockedAnd(&KdpMasks[ComponentId], ~KdpBits(Level));
    return STATUS_SUCCESS;
}

BOOLEAN KdpIsShown(ULONG ComponentId, ULONG Level)
{
    if (ComponentId >= DPFLTR_ENDOFTABLE_ID)
        ComponentId = DPFLTR_DEFAULT_ID;
    return DbgQueryDebugFilterState(ComponentId, Level) == TRUE;
}

/*
 * Has a routine told of what is shown, at the IRQL of the one who prints, or no more (WDK:
 * DbgSetDebugPrintCallback). STATUS_INSUFFICIENT_RESOURCES: 8 are. STATUS_INVALID_PARAMETER: it is
 * not told. IRQL <= APC_LEVEL: who takes it out may have to wait for one who prints.
 */
NTSTATUS NTAPI DbgSetDebugPrintCallback(PDEBUG_PRINT_CALLBACK DebugPrintCallback, BOOLEAN Enable)
{
    PVOID Routine = (PVOID)(ULONG_PTR)DebugPrintCallback;
    PVOID Old = Enable ? NULL : Routine, New = Enable ? Routine : NULL;
    ULONG i;

    KI_ASSERT_IRQL(APC_LEVEL);
    for (i = 0; i < CALLBACKS; i++) {
        if (InterlockedCompareExchangePointer(&KdpCallbacks[i].Routine, New, Old) != Old)
            continue;
        while (!Enable && KdpCallbacks[i].Busy)
            KeDelayExecutionThread(KernelMode, FALSE, &(LARGE_INTEGER){.QuadPart = -10000});
        return STATUS_SUCCESS;
    }
    return Enable ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
}

VOID KdpTellCallbacks(PCHAR Text, ULONG Length, ULONG ComponentId, ULONG Level)
{
    STRING Output = {(USHORT)Length, (USHORT)Length, Text};
    ULONG i;

    for (i = 0; i < CALLBACKS; i++) {
        PDEBUG_PRINT_CALLBACK Routine;
        if (KdpCallbacks[i].Routine == NULL)
            continue;
        InterlockedIncrement(&KdpCallbacks[i].Busy);
        Routine = (PDEBUG_PRINT_CALLBACK)(ULONG_PTR)KdpCallbacks[i].Routine;
        if (Routine)
            Routine(&Output, ComponentId, Level);
        InterlockedDecrement(&KdpCallbacks[i].Busy);
    }
}
