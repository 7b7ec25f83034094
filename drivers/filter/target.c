/*
 * Which device is to be filtered: the value Target (REG_SZ) in the key Parameters below the
 * driver's service key, whose path DriverEntry is given.
 */
#include "device.h"

/*
 * Called for the value, if it is there. It may be of any type, whatever we expect: an
 * administrator, or somebody worse, has written it. That is why this is a routine, which is told
 * the type, and not RTL_QUERY_REGISTRY_DIRECT, which would believe it (WDK:
 * RtlQueryRegistryValues).
 */
static NTSTATUS NTAPI TargetValue(PWSTR ValueName, ULONG ValueType, PVOID ValueData,
                                  ULONG ValueLength, PVOID Context, PVOID EntryContext)
{
    PUNICODE_STRING Target = EntryContext;

    UNREFERENCED_PARAMETER(ValueName);
    UNREFERENCED_PARAMETER(ValueLength);
    UNREFERENCED_PARAMETER(Context);
    if (ValueType != REG_SZ)
        return STATUS_OBJECT_TYPE_MISMATCH;
    Target->Length = 0; /* instead of the default */
    /* (That there is too little room is nothing that RtlQueryRegistryValues would pass on.) */
    return NT_SUCCESS(RtlAppendUnicodeToString(Target, ValueData)) ? STATUS_SUCCESS
                                                                   : STATUS_NAME_TOO_LONG;
}

/* Target has room, and comes back with the name. IRQL: PASSIVE_LEVEL. */
NTSTATUS FilterQueryTarget(PUNICODE_STRING RegistryPath, PUNICODE_STRING Target)
{
    WCHAR Room[TARGET_CHARACTERS] = {0};
    UNICODE_STRING Path = {0, sizeof Room - sizeof(WCHAR), Room}; /* so that a zero is at its end */
    RTL_QUERY_REGISTRY_TABLE Table[2] = {
        {.QueryRoutine = TargetValue, .Name = L"Target", .EntryContext = Target},
    };
    NTSTATUS Status = RtlAppendUnicodeToString(Target, FILTER_DEFAULT_TARGET);

    if (NT_SUCCESS(Status))
        Status = RtlAppendUnicodeStringToString(&Path, RegistryPath);
    if (NT_SUCCESS(Status))
        Status = RtlAppendUnicodeToString(&Path, L"\\Parameters");
    if (!NT_SUCCESS(Status))
        return Status;
    return RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE | RTL_REGISTRY_OPTIONAL, Path.Buffer, Table,
                                  NULL, NULL);
}
