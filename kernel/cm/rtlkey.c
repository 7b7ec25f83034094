/*
 * The registry as drivers find it easiest: by a place that Windows knows (RTL_REGISTRY_xxx) and a
 * path from there (WDK: RtlCreateRegistryKey and its kin). Made of the services alone.
 */
#include "kernel/cm/rtlkey.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_PATH       'pRmC'
#define RELATIVE_FLAGS (RTL_REGISTRY_HANDLE | RTL_REGISTRY_OPTIONAL)
#define CONTROL_SET    L"\\Registry\\Machine\\System\\CurrentControlSet\\"

static const PCWSTR RtlpPlaces[RTL_REGISTRY_MAXIMUM] = {
    [RTL_REGISTRY_ABSOLUTE] = L"",
    [RTL_REGISTRY_SERVICES] = CONTROL_SET L"Services",
    [RTL_REGISTRY_CONTROL] = CONTROL_SET L"Control",
    [RTL_REGISTRY_WINDOWS_NT] =
        L"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion",
    [RTL_REGISTRY_DEVICEMAP] = L"\\Registry\\Machine\\Hardware\\DeviceMap",
    [RTL_REGISTRY_USER] = L"\\Registry\\User\\.Default",
};

/* The full path of a place and a path from it, in pool. */
static NTSTATUS RtlpFullPath(ULONG Place, PCWSTR Path, PUNICODE_STRING Full)
{
    SIZE_T Units = wcslen(RtlpPlaces[Place]) + 1 + (Path ? wcslen(Path) : 0);
    NTSTATUS Status;

    if (Units >= MAXUSHORT / sizeof(WCHAR))
        return STATUS_NAME_TOO_LONG;
    Full->Length = 0;
    Full->MaximumLength = (USHORT)(Units * sizeof(WCHAR));
    Full->Buffer = ExAllocatePoolWithTag(PagedPool, Full->MaximumLength, TAG_PATH);
    if (Full->Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = RtlAppendUnicodeToString(Full, RtlpPlaces[Place]);
    if (NT_SUCCESS(Status) && Full->Length && Path && Path[0] && Path[0] != L'\\')
        Status = RtlAppendUnicodeToString(Full, L"\\");
    if (NT_SUCCESS(Status))
        Status = RtlAppendUnicodeToString(Full, Path);
    ASSERT(NT_SUCCESS(Status));
    return Status;
}

NTSTATUS RtlpOpenKey(ULONG RelativeTo, PCWSTR Path, ACCESS_MASK Access, BOOLEAN Create, PHANDLE Key)
{
    ULONG Place = RelativeTo & ~RELATIVE_FLAGS;
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Full;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (RelativeTo & RTL_REGISTRY_HANDLE) {
        *Key = (HANDLE)Path;
        return STATUS_SUCCESS;
    }
    if (Place >= RTL_REGISTRY_MAXIMUM)
        return STATUS_INVALID_PARAMETER;
    Status = RtlpFullPath(Place, Path, &Full);
    if (!NT_SUCCESS(Status))
        return Status;
    InitializeObjectAttributes(&Attributes, &Full, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL,
                               NULL);
    Status = Create ? ZwCreateKey(Key, Access, &Attributes, 0, NULL, 0, NULL)
                    : ZwOpenKey(Key, Access, &Attributes);
    ExFreePoolWithTag(Full.Buffer, TAG_PATH);
    return Status;
}

VOID RtlpCloseKey(ULONG RelativeTo, HANDLE Key)
{
    if (Key && !(RelativeTo & RTL_REGISTRY_HANDLE))
        ZwClose(Key);
}

/* Makes a key whose parent exists, if there is none yet (WDK: RtlCreateRegistryKey). */
NTSTATUS NTAPI RtlCreateRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    HANDLE Key;
    NTSTATUS Status = RtlpOpenKey(RelativeTo, Path, KEY_WRITE, TRUE, &Key);

    if (NT_SUCCESS(Status))
        RtlpCloseKey(RelativeTo, Key);
    return Status;
}

/* Is there such a key (WDK: RtlCheckRegistryKey)? */
NTSTATUS NTAPI RtlCheckRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    HANDLE Key;
    NTSTATUS Status = RtlpOpenKey(RelativeTo, Path, KEY_READ, FALSE, &Key);

    if (NT_SUCCESS(Status))
        RtlpCloseKey(RelativeTo, Key);
    return Status;
}

/* Sets a value of a key, which is made if need be (WDK: RtlWriteRegistryValue). */
NTSTATUS NTAPI RtlWriteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName,
                                     ULONG ValueType, PVOID ValueData, ULONG ValueLength)
{
    UNICODE_STRING Name;
    HANDLE Key;
    NTSTATUS Status = RtlpOpenKey(RelativeTo, Path, KEY_WRITE, TRUE, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    RtlInitUnicodeString(&Name, ValueName);
    Status = ZwSetValueKey(Key, &Name, 0, ValueType, ValueData, ValueLength);
    RtlpCloseKey(RelativeTo, Key);
    return Status;
}

/* Deletes a value of a key (WDK: RtlDeleteRegistryValue). */
NTSTATUS NTAPI RtlDeleteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName)
{
    UNICODE_STRING Name;
    HANDLE Key;
    NTSTATUS Status = RtlpOpenKey(RelativeTo, Path, KEY_WRITE, FALSE, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    RtlInitUnicodeString(&Name, ValueName);
    Status = ZwDeleteValueKey(Key, &Name);
    RtlpCloseKey(RelativeTo, Key);
    return Status;
}
