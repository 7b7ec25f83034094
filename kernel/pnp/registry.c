/*
 * What the registry says about devices, below \Registry\Machine\System\CurrentControlSet:
 *
 *   Enum\PATH                       a device, by its instance path; Service names its driver
 *   Enum\PATH\Device Parameters     what its drivers keep (PLUGPLAY_REGKEY_DEVICE)
 *   Control\Class\DRIVER            the same, by the value Driver (PLUGPLAY_REGKEY_DRIVER)
 *   Control\CriticalDeviceDatabase  a key for each hardware identifier, with # for \: Service
 *   Control\DeviceClasses           interfaces (IoOpenDeviceInterfaceRegistryKey)
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"

#define CONTROL_SET L"\\Registry\\Machine\\System\\CurrentControlSet\\"
#define PROFILE     CONTROL_SET L"Hardware Profiles\\Current\\System\\CurrentControlSet\\"
#define FIRST_PART  16 /* of a path: \Registry\Machine is there */
#define PATH_UNITS  512
#define GUID_UNITS  38 /* with its braces */

static NTSTATUS PnpOpenKey(PCWSTR Path, ULONG Units, ACCESS_MASK Access, BOOLEAN Create,
                           PHANDLE Key)
{
    UNICODE_STRING Name = {(USHORT)(Units * sizeof(WCHAR)), (USHORT)(Units * sizeof(WCHAR)),
                           (PWSTR)Path};
    OBJECT_ATTRIBUTES Attributes;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL,
                               NULL);
    return Create ? ZwCreateKey(Key, Access, &Attributes, 0, NULL, REG_OPTION_NON_VOLATILE, NULL)
                  : ZwOpenKey(Key, Access, &Attributes);
}

/* Makes the keys of a path that are missing. */
static NTSTATUS PnpMakeKey(PCWSTR Path, ACCESS_MASK Access, PHANDLE Key)
{
    ULONG Units = (ULONG)wcslen(Path), i;
    NTSTATUS Status;
    HANDLE Part;

    for (i = FIRST_PART + 1; i < Units; i++) {
        if (Path[i] != L'\\')
            continue;
        Status = PnpOpenKey(Path, i, KEY_CREATE_SUB_KEY, TRUE, &Part);
        if (!NT_SUCCESS(Status))
            return Status;
        ZwClose(Part);
    }
    return PnpOpenKey(Path, Units, Access, TRUE, Key);
}

/* A text of parts that is not longer than paths are. */
static NTSTATUS PnpPrint(PWCHAR Path, PCWSTR Format, ...)
{
    va_list Arguments;
    int Units;

    va_start(Arguments, Format);
    Units = _vsnwprintf(Path, PATH_UNITS, Format, Arguments);
    va_end(Arguments);
    return Units < 0 || Units >= PATH_UNITS ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
}

/* A value's data, in pool; NULL: it is not there. */
static PVOID PnpQueryValue(PCWSTR Path, PCWSTR ValueName, PULONG Bytes)
{
    PKEY_VALUE_PARTIAL_INFORMATION Value = NULL;
    UNICODE_STRING Name;
    ULONG Length = 0;
    HANDLE Key;

    if (!NT_SUCCESS(PnpOpenKey(Path, (ULONG)wcslen(Path), KEY_QUERY_VALUE, FALSE, &Key)))
        return NULL;
    RtlInitUnicodeString(&Name, ValueName);
    if (ZwQueryValueKey(Key, &Name, KeyValuePartialInformation, NULL, 0, &Length) !=
        STATUS_OBJECT_NAME_NOT_FOUND)
        Value = ExAllocatePoolWithTag(PagedPool, Length + sizeof(WCHAR), TAG_PNP);
    if (Value && NT_SUCCESS(ZwQueryValueKey(Key, &Name, KeyValuePartialInformation, Value, Length,
                                            &Length))) {
        *Bytes = Value->DataLength;
        memmove(Value, Value->Data, *Bytes);
        *(PWCHAR)((PUCHAR)Value + *Bytes) = 0; /* for texts that have no end */
    } else if (Value) {
        ExFreePoolWithTag(Value, TAG_PNP);
        Value = NULL;
    }
    ZwClose(Key);
    return Value;
}

static NTSTATUS PnpPathOfNode(PNP_NODE *Node, PWCHAR Path)
{
    return PnpPrint(Path, CONTROL_SET L"Enum\\%wZ", &Node->InstancePath);
}

static VOID PnpSetValue(HANDLE Key, PCWSTR ValueName, ULONG Type, PCWSTR Data)
{
    UNICODE_STRING Name;
    PCWSTR End = Data;

    if (Data == NULL)
        return;
    if (Type == REG_MULTI_SZ) {
        while (*End)
            End += wcslen(End) + 1;
    } else {
        End += wcslen(End);
    }
    RtlInitUnicodeString(&Name, ValueName);
    ZwSetValueKey(Key, &Name, 0, Type, (PVOID)Data, (ULONG)((PUCHAR)(End + 1) - (PUCHAR)Data));
}

/* Writes down what the bus driver says of a device. That it cannot be written is no matter. */
VOID PnpWriteKey(PNP_NODE *Node)
{
    WCHAR Path[PATH_UNITS];
    HANDLE Key;

    if (!NT_SUCCESS(PnpPathOfNode(Node, Path)) ||
        !NT_SUCCESS(PnpMakeKey(Path, KEY_SET_VALUE, &Key)))
        return;
    PnpSetValue(Key, L"HardwareID", REG_MULTI_SZ, Node->HardwareIds);
    PnpSetValue(Key, L"CompatibleIDs", REG_MULTI_SZ, Node->CompatibleIds);
    PnpSetValue(Key, L"DeviceDesc", REG_SZ, Node->Description);
    PnpSetValue(Key, L"LocationInformation", REG_SZ, Node->Location);
    ZwClose(Key);
}

/* What an installation writes down. STATUS_INVALID_PARAMETER_2: no such property. */
NTSTATUS PnpQueryRegistryProperty(PNP_NODE *Node, DEVICE_REGISTRY_PROPERTY Property, PVOID *Data,
                                  PULONG Bytes)
{
    static const PCWSTR Names[] = {[DevicePropertyClassName] = L"Class",
                                   [DevicePropertyClassGuid] = L"ClassGUID",
                                   [DevicePropertyDriverKeyName] = L"Driver",
                                   [DevicePropertyManufacturer] = L"Mfg",
                                   [DevicePropertyFriendlyName] = L"FriendlyName"};
    WCHAR Path[PATH_UNITS];
    NTSTATUS Status;

    if ((ULONG)Property >= RTL_NUMBER_OF(Names) || Names[Property] == NULL)
        return STATUS_INVALID_PARAMETER_2;
    Status = PnpPathOfNode(Node, Path);
    if (NT_SUCCESS(Status))
        *Data = PnpQueryValue(Path, Names[Property], Bytes);
    return Status;
}

/* The service that a list of identifiers leads to: the first that is known decides. */
static PWSTR PnpServiceOfIds(PCWSTR Ids)
{
    WCHAR Path[PATH_UNITS], *Unit;
    PWSTR Service;
    ULONG Bytes;

    for (; Ids && *Ids; Ids += wcslen(Ids) + 1) {
        if (!NT_SUCCESS(PnpPrint(Path, CONTROL_SET L"Control\\CriticalDeviceDatabase\\%ws", Ids)))
            continue;
        for (Unit = Path + wcslen(Path) - wcslen(Ids); *Unit; Unit++) {
            if (*Unit == L'\\')
                *Unit = L'#';
        }
        Service = PnpQueryValue(Path, L"Service", &Bytes);
        if (Service)
            return Service;
    }
    return NULL;
}

PWSTR PnpQueryService(PNP_NODE *Node)
{
    WCHAR Path[PATH_UNITS];
    PWSTR Service = NULL;
    ULONG Bytes;

    if (NT_SUCCESS(PnpPathOfNode(Node, Path)))
        Service = PnpQueryValue(Path, L"Service", &Bytes);
    if (Service == NULL)
        Service = PnpServiceOfIds(Node->HardwareIds);
    return Service ? Service : PnpServiceOfIds(Node->CompatibleIds);
}

/* The path of a device's hardware or software key. STATUS_OBJECT_NAME_NOT_FOUND: it has none. */
static NTSTATUS PnpPathOfKey(PNP_NODE *Node, ULONG Type, PWCHAR Path)
{
    PCWSTR Base = (Type & PLUGPLAY_REGKEY_CURRENT_HWPROFILE) ? PROFILE : CONTROL_SET;
    NTSTATUS Status;
    PWSTR Driver;
    ULONG Bytes;

    if (Type & PLUGPLAY_REGKEY_DEVICE)
        return PnpPrint(Path, L"%wsEnum\\%wZ\\Device Parameters", Base, &Node->InstancePath);
    Status = PnpPathOfNode(Node, Path);
    if (!NT_SUCCESS(Status))
        return Status;
    Driver = PnpQueryValue(Path, L"Driver", &Bytes);
    if (Driver == NULL)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    Status = PnpPrint(Path, L"%wsControl\\Class\\%ws", Base, Driver);
    ExFreePoolWithTag(Driver, TAG_PNP);
    return Status;
}

/*
 * A device's hardware or software key, made if it is missing (WDK: IoOpenDeviceRegistryKey).
 * STATUS_INVALID_DEVICE_REQUEST: not a PDO; STATUS_INVALID_PARAMETER: no such kind of key.
 * IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoOpenDeviceRegistryKey(PDEVICE_OBJECT DeviceObject, ULONG DevInstKeyType,
                                       ACCESS_MASK DesiredAccess, PHANDLE DevInstRegKey)
{
    ULONG Kind = DevInstKeyType & ~PLUGPLAY_REGKEY_CURRENT_HWPROFILE;
    WCHAR Path[PATH_UNITS];
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Kind != PLUGPLAY_REGKEY_DEVICE && Kind != PLUGPLAY_REGKEY_DRIVER)
        return STATUS_INVALID_PARAMETER;
    if (PNP_NODE_OF(DeviceObject) == NULL || PNP_NODE_OF(DeviceObject)->InstancePath.Buffer == NULL)
        return STATUS_INVALID_DEVICE_REQUEST;
    Status = PnpPathOfKey(PNP_NODE_OF(DeviceObject), DevInstKeyType, Path);
    return NT_SUCCESS(Status) ? PnpMakeKey(Path, DesiredAccess, DevInstRegKey) : Status;
}

/*
 * The key of a registered interface (WDK: IoOpenDeviceInterfaceRegistryKey), from its name
 * \??\DEVICE#{class}\reference. STATUS_OBJECT_NAME_NOT_FOUND: it is not registered;
 * STATUS_INVALID_PARAMETER: no such name. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoOpenDeviceInterfaceRegistryKey(PUNICODE_STRING SymbolicLinkName,
                                                ACCESS_MASK DesiredAccess,
                                                PHANDLE DeviceInterfaceKey)
{
    WCHAR Path[PATH_UNITS];
    UNICODE_STRING Link = *SymbolicLinkName, Reference, Class;
    NTSTATUS Status;
    USHORT Units = 4;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Link.Length < (4 + GUID_UNITS) * sizeof(WCHAR) || Link.Buffer[0] != L'\\')
        return STATUS_INVALID_PARAMETER;
    if (!PnpIsRegistered(SymbolicLinkName))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    while (Units < Link.Length / sizeof(WCHAR) && Link.Buffer[Units] != L'\\')
        Units++;
    Reference = Link; /* what follows, without its backslash */
    Reference.Buffer += min(Units + 1, Link.Length / sizeof(WCHAR));
    Reference.Length -= (USHORT)((PUCHAR)Reference.Buffer - (PUCHAR)Link.Buffer);
    Link.Buffer += 4;
    Link.Length = (USHORT)((Units - 4) * sizeof(WCHAR));
    Class.Buffer = Link.Buffer + Link.Length / sizeof(WCHAR) - GUID_UNITS;
    Class.Length = GUID_UNITS * sizeof(WCHAR);
    Status = PnpPrint(Path,
                      CONTROL_SET L"Control\\DeviceClasses\\%wZ\\##?#%wZ\\#%wZ\\"
                                  L"Device Parameters",
                      &Class, &Link, &Reference);
    return NT_SUCCESS(Status) ? PnpMakeKey(Path, DesiredAccess, DeviceInterfaceKey) : Status;
}
