/*
 * What drivers say about the whole system's power, and hear of it. It is always on: so what keeps
 * it on is only checked and counted, and those who listen for settings hear of the present one.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"

#define TAG_STATE 'tSoP'
#define EXECUTION_STATES                                                                           \
    (ES_SYSTEM_REQUIRED | ES_DISPLAY_REQUIRED | ES_USER_PRESENT | ES_CONTINUOUS)

/*
 * Keeps the system from sleeping, or changes for what it is kept (WDK: PoRegisterSystemState).
 * NULL: no memory, or flags that are not for this. IRQL <= DISPATCH_LEVEL.
 */
PVOID NTAPI PoRegisterSystemState(PVOID StateHandle, EXECUTION_STATE Flags)
{
    EXECUTION_STATE *State = StateHandle;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Flags & ~EXECUTION_STATES)
        return NULL;
    if (State == NULL)
        State = ExAllocatePoolWithTag(NonPagedPool, sizeof *State, TAG_STATE);
    if (State)
        *State = Flags | ES_CONTINUOUS;
    return State;
}

VOID NTAPI PoUnregisterSystemState(PVOID StateHandle)
{
    ExFreePoolWithTag(StateHandle, TAG_STATE);
}

/* The system is used now (WDK: PoSetSystemState). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI PoSetSystemState(EXECUTION_STATE Flags)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT((Flags & ~EXECUTION_STATES) == 0);
    UNREFERENCED_PARAMETER(Flags);
}
