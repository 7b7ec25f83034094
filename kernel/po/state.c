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

/* ---- Settings ----------------------------------------------------------------------------------
 */

/* Those that have a value here, which never changes. */
static const struct {
    GUID Id;
    ULONG Value;
} PopSettings[] = {
    {{0x5D3E9A59, 0xE9D5, 0x4B00, {0xA6, 0xBD, 0xFF, 0x34, 0xFF, 0x51, 0x65, 0x48}}, 0}, /* mains */
    {{0x02731015, 0x4510, 0x4526, {0x99, 0xE6, 0xE5, 0xA1, 0x7E, 0xBD, 0x1A, 0xEA}},
     1}, /* screen on */
};

/*
 * Tells a driver of a power setting: of its value now, and of changes, which do not come (WDK:
 * PoRegisterPowerSettingCallback). STATUS_INVALID_PARAMETER: no setting or no routine. IRQL:
 * PASSIVE_LEVEL.
 */
NTSTATUS NTAPI PoRegisterPowerSettingCallback(PDEVICE_OBJECT DeviceObject, LPCGUID SettingGuid,
                                              PPOWER_SETTING_CALLBACK Callback, PVOID Context,
                                              PVOID *Handle)
{
    PVOID Registration;
    ULONG i, Value;

    UNREFERENCED_PARAMETER(DeviceObject); /* would keep its driver while the routine runs */
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (SettingGuid == NULL || Callback == NULL)
        return STATUS_INVALID_PARAMETER;
    Registration = ExAllocatePoolWithTag(PagedPool, sizeof(GUID), TAG_STATE);
    if (Registration == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Handle)
        *Handle = Registration;
    else
        ExFreePoolWithTag(Registration, TAG_STATE);
    for (i = 0; i < RTL_NUMBER_OF(PopSettings); i++) {
        Value = PopSettings[i].Value;
        if (memcmp(SettingGuid, &PopSettings[i].Id, sizeof(GUID)) == 0)
            Callback(SettingGuid, &Value, sizeof Value, Context);
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI PoUnregisterPowerSettingCallback(PVOID Handle)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Handle == NULL)
        return STATUS_INVALID_PARAMETER;
    ExFreePoolWithTag(Handle, TAG_STATE);
    return STATUS_SUCCESS;
}

/* ---- Power requests ----------------------------------------------------------------------------
 */

#define REQUEST_TYPES (PowerRequestExecutionRequired + 1)

typedef struct _POP_REQUEST {
    LONG Counts[REQUEST_TYPES];
} POP_REQUEST;

/* What a driver keeps the system on with (WDK: PoCreatePowerRequest). IRQL <= APC_LEVEL. */
NTSTATUS NTAPI PoCreatePowerRequest(PVOID *PowerRequest, PDEVICE_OBJECT DeviceObject,
                                    PCOUNTED_REASON_CONTEXT Context)
{
    POP_REQUEST *Request;

    UNREFERENCED_PARAMETER(Context);
    KI_ASSERT_IRQL(APC_LEVEL);
    if (DeviceObject == NULL)
        return STATUS_INVALID_PARAMETER;
    Request = ExAllocatePoolWithTag(NonPagedPool, sizeof *Request, TAG_STATE);
    if (Request == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(Request, 0, sizeof *Request);
    *PowerRequest = Request;
    return STATUS_SUCCESS;
}

VOID NTAPI PoDeletePowerRequest(PVOID PowerRequest)
{
    ExFreePoolWithTag(PowerRequest, TAG_STATE);
}

/* Counts up (WDK: PoSetPowerRequest). STATUS_INVALID_PARAMETER: no such type, or programs'. */
NTSTATUS NTAPI PoSetPowerRequest(PVOID PowerRequest, POWER_REQUEST_TYPE Type)
{
    if ((ULONG)Type >= REQUEST_TYPES)
        return STATUS_INVALID_PARAMETER;
    InterlockedIncrement(&((POP_REQUEST *)PowerRequest)->Counts[Type]);
    return STATUS_SUCCESS;
}

/* Counts down. STATUS_UNSUCCESSFUL: it was not set. */
NTSTATUS NTAPI PoClearPowerRequest(PVOID PowerRequest, POWER_REQUEST_TYPE Type)
{
    LONG *Count = &((POP_REQUEST *)PowerRequest)->Counts[Type];

    if ((ULONG)Type >= REQUEST_TYPES)
        return STATUS_INVALID_PARAMETER;
    if (InterlockedDecrement(Count) >= 0)
        return STATUS_SUCCESS;
    InterlockedIncrement(Count);
    return STATUS_UNSUCCESSFUL;
}

/* No watchdog waits for a power packet (WDK: PoQueryWatchdogTime). */
BOOLEAN NTAPI PoQueryWatchdogTime(PDEVICE_OBJECT Pdo, PULONG SecondsRemaining)
{
    UNREFERENCED_PARAMETER(Pdo);
    *SecondsRemaining = 0;
    return FALSE;
}
