/*
 * pnptest.sys: what a driver may rely on about Plug and Play (WDK: Adding a PnP Device to a Running
 * System, Removing a Device, Device Interface Classes, Using PnP Notification).
 *
 * It is the driver of its root device and of a bus below it. On the bus there are a device that the
 * bus alone serves ("raw"), one for which the registry names a driver, this one again, and one that
 * nobody serves. Each packet that a device gets is noted as a letter; the notes are what is tested.
 * A reinitialization routine makes the tests: then the root device has been started.
 */
#include <ntifs.h>
#include <ntddk.h>
#include <initguid.h>
#include <wdmguid.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define NOTES    64
#define CHILDREN 3
#define RAW      0
#define SERVED   1
#define UNSERVED 2
#define TAG      'tpnP'
#define LINE     11

DEFINE_GUID(TestClass, 0x11223344, 0x5566, 0x7788, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x01);
DEFINE_GUID(OtherClass, 0x11223344, 0x5566, 0x7788, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x02);
DEFINE_GUID(OwnEvent, 0x11223344, 0x5566, 0x7788, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x03);

typedef struct _EXTENSION {
    PDEVICE_OBJECT Pdo, Lower; /* of a function; a PDO has none */
    ULONG Child;               /* a PDO's number */
    BOOLEAN Deleted;
    CHAR Notes[NOTES];
    ULONG NoteCount;
} EXTENSION;

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Root, Function; /* the function's of the served child */
static PDEVICE_OBJECT Children[CHILDREN];
static BOOLEAN ChildrenPresent[CHILDREN] = {TRUE, TRUE, TRUE};
static CHAR FunctionNotes[NOTES];
static KEVENT Changed, Removed, Cancelled;
static PNP_DEVICE_STATE RootState;
static NTSTATUS QueryRemoveStatus = STATUS_SUCCESS;
static ULONG StartResources, StartVector;
static UNICODE_STRING LinkName;

static const CHAR Letters[] = {
    [IRP_MN_START_DEVICE] = 'S',
    [IRP_MN_QUERY_REMOVE_DEVICE] = 'q',
    [IRP_MN_REMOVE_DEVICE] = 'R',
    [IRP_MN_CANCEL_REMOVE_DEVICE] = 'c',
    [IRP_MN_QUERY_DEVICE_RELATIONS] = 'B',
    [IRP_MN_QUERY_CAPABILITIES] = 'C',
    [IRP_MN_QUERY_RESOURCE_REQUIREMENTS] = 'r',
    [IRP_MN_FILTER_RESOURCE_REQUIREMENTS] = 'F',
    [IRP_MN_QUERY_ID] = 'I',
    [IRP_MN_QUERY_PNP_DEVICE_STATE] = 'P',
    [IRP_MN_SURPRISE_REMOVAL] = 'U',
    [IRP_MN_EJECT] = 'E',
};

static VOID Note(EXTENSION *Extension, PIO_STACK_LOCATION Stack)
{
    UCHAR Minor = Stack->MinorFunction;

    if (Minor == IRP_MN_QUERY_DEVICE_RELATIONS &&
        Stack->Parameters.QueryDeviceRelations.Type != BusRelations)
        return;
    if (Minor < sizeof Letters && Letters[Minor] && Extension->NoteCount < NOTES - 1)
        Extension->Notes[Extension->NoteCount++] = Letters[Minor];
}

static BOOLEAN Same(PCSTR A, PCSTR B)
{
    while (*A && *A == *B)
        A++, B++;
    return *A == *B;
}

static BOOLEAN CheckNotes(PCSTR Name, EXTENSION *Extension, PCSTR Expected)
{
    BOOLEAN Right = Check(Name, Same(Extension->Notes, Expected));

    if (!Right)
        DbgPrint("    it is %s, expected %s\n", Extension->Notes, Expected);
    Extension->NoteCount = 0;
    RtlZeroMemory(Extension->Notes, NOTES);
    return Right;
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, PVOID Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = (ULONG_PTR)Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS Unchanged(PIRP Irp)
{
    return Complete(Irp, Irp->IoStatus.Status, (PVOID)Irp->IoStatus.Information);
}

/* ---- The bus: its function, and the PDOs on it -------------------------------------------------
 */

static PWSTR CopyText(PCWSTR Text)
{
    SIZE_T Bytes = (wcslen(Text) + 2) * sizeof(WCHAR);
    PWSTR Copy = ExAllocatePoolWithTag(PagedPool, Bytes, TAG);

    RtlZeroMemory(Copy, Bytes);
    RtlCopyMemory(Copy, Text, Bytes - 2 * sizeof(WCHAR));
    return Copy;
}

static NTSTATUS AnswerId(PIRP Irp, ULONG Child, BUS_QUERY_ID_TYPE Type)
{
    static const PCWSTR Names[CHILDREN] = {L"PnpTest\\Raw", L"PnpTest\\Served",
                                           L"PnpTest\\Unserved"};

    if (Type == BusQueryDeviceID || Type == BusQueryHardwareIDs)
        return Complete(Irp, STATUS_SUCCESS, CopyText(Names[Child]));
    if (Type == BusQueryInstanceID)
        return Complete(Irp, STATUS_SUCCESS, CopyText(L"7"));
    return Unchanged(Irp);
}

static NTSTATUS AnswerText(PIRP Irp, DEVICE_TEXT_TYPE Type)
{
    if (Type != DeviceTextDescription)
        return Unchanged(Irp);
    return Complete(Irp, STATUS_SUCCESS, CopyText(L"A device on a test's bus"));
}

static NTSTATUS AnswerBus(PIRP Irp)
{
    PPNP_BUS_INFORMATION Bus = ExAllocatePoolWithTag(PagedPool, sizeof *Bus, TAG);

    Bus->BusTypeGuid = TestClass;
    Bus->LegacyBusType = PNPBus;
    Bus->BusNumber = 5;
    return Complete(Irp, STATUS_SUCCESS, Bus);
}

/* A removed PDO goes if its bus does not report it any more. */
static NTSTATUS RemoveChild(PDEVICE_OBJECT Pdo, EXTENSION *Extension, PIRP Irp)
{
    ULONG Child = Extension->Child;

    if (!ChildrenPresent[Child] && !Extension->Deleted) {
        Extension->Deleted = TRUE;
        Children[Child] = NULL;
        IoDeleteDevice(Pdo);
    }
    return Complete(Irp, STATUS_SUCCESS, NULL);
}

static NTSTATUS ChildPnp(PDEVICE_OBJECT Pdo, EXTENSION *Extension, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    switch (Stack->MinorFunction) {
    case IRP_MN_QUERY_ID:
        return AnswerId(Irp, Extension->Child, Stack->Parameters.QueryId.IdType);
    case IRP_MN_QUERY_DEVICE_TEXT:
        return AnswerText(Irp, Stack->Parameters.QueryDeviceText.DeviceTextType);
    case IRP_MN_QUERY_BUS_INFORMATION:
        return AnswerBus(Irp);
    case IRP_MN_QUERY_CAPABILITIES:
        Stack->Parameters.DeviceCapabilities.Capabilities->RawDeviceOK = Extension->Child == RAW;
        Stack->Parameters.DeviceCapabilities.Capabilities->Address = 40 + Extension->Child;
        return Complete(Irp, STATUS_SUCCESS, NULL);
    case IRP_MN_REMOVE_DEVICE:
        return RemoveChild(Pdo, Extension, Irp);
    case IRP_MN_START_DEVICE:
        Complete(Irp, STATUS_SUCCESS, NULL);
        KeSetEvent(&Changed, 0, FALSE);
        return STATUS_SUCCESS;
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        return Complete(Irp, STATUS_SUCCESS, NULL);
    }
    return Unchanged(Irp);
}

static PDEVICE_OBJECT MakeChild(ULONG Child)
{
    PDEVICE_OBJECT Pdo = NULL;

    IoCreateDevice(Driver, sizeof(EXTENSION), NULL, FILE_DEVICE_UNKNOWN,
                   FILE_AUTOGENERATED_DEVICE_NAME, FALSE, &Pdo);
    ((EXTENSION *)Pdo->DeviceExtension)->Child = Child;
    Pdo->Flags &= ~DO_DEVICE_INITIALIZING;
    return Pdo;
}

static VOID AddRelations(PIRP Irp)
{
    PDEVICE_RELATIONS Relations =
        ExAllocatePoolWithTag(PagedPool, sizeof *Relations + CHILDREN * sizeof(PVOID), TAG);
    ULONG i;

    Relations->Count = 0;
    for (i = 0; i < CHILDREN; i++) {
        if (!ChildrenPresent[i])
            continue;
        if (Children[i] == NULL)
            Children[i] = MakeChild(i);
        ObReferenceObject(Children[i]);
        Relations->Objects[Relations->Count++] = Children[i];
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = (ULONG_PTR)Relations;
}

/* ---- Functions ---------------------------------------------------------------------------------
 */

static VOID SawStart(PIO_STACK_LOCATION Stack)
{
    PCM_RESOURCE_LIST Raw = Stack->Parameters.StartDevice.AllocatedResources;
    PCM_RESOURCE_LIST Translated = Stack->Parameters.StartDevice.AllocatedResourcesTranslated;

    PCM_PARTIAL_RESOURCE_DESCRIPTOR Port, Interrupt;

    if (Raw == NULL || Translated == NULL || Raw->List[0].PartialResourceList.Count != 2)
        return;
    Port = Raw->List[0].PartialResourceList.PartialDescriptors;
    Interrupt = Translated->List[0].PartialResourceList.PartialDescriptors;
    StartResources = Port->u.Port.Start.LowPart;
    StartVector = Interrupt[1].u.Interrupt.Vector;
}

/* The served child wants 8 ports from 340h on, and line 11. */
static VOID Require(PIRP Irp)
{
    PIO_RESOURCE_REQUIREMENTS_LIST List =
        ExAllocatePoolWithTag(PagedPool, sizeof *List + sizeof(IO_RESOURCE_DESCRIPTOR), TAG);
    PIO_RESOURCE_DESCRIPTOR Wanted = List->List[0].Descriptors;

    RtlZeroMemory(List, sizeof *List + sizeof(IO_RESOURCE_DESCRIPTOR));
    List->ListSize = sizeof *List + sizeof(IO_RESOURCE_DESCRIPTOR);
    List->InterfaceType = Isa;
    List->AlternativeLists = 1;
    List->List[0].Version = List->List[0].Revision = 1;
    List->List[0].Count = 2;
    Wanted[0].Type = CmResourceTypePort;
    Wanted[0].ShareDisposition = CmResourceShareDeviceExclusive;
    Wanted[0].u.Port.Length = Wanted[0].u.Port.Alignment = 8;
    Wanted[0].u.Port.MinimumAddress.QuadPart = 0x340;
    Wanted[0].u.Port.MaximumAddress.QuadPart = 0x3FF;
    Wanted[1].Type = CmResourceTypeInterrupt;
    Wanted[1].ShareDisposition = CmResourceShareShared;
    Wanted[1].u.Interrupt.MinimumVector = Wanted[1].u.Interrupt.MaximumVector = LINE;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = (ULONG_PTR)List;
}

static NTSTATUS RemoveFunction(PDEVICE_OBJECT Device, EXTENSION *Extension, PIRP Irp)
{
    NTSTATUS Status;
    ULONG i;

    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    Status = IoCallDriver(Extension->Lower, Irp);
    IoDetachDevice(Extension->Lower);
    if (Device == Function) {
        RtlCopyMemory(FunctionNotes, Extension->Notes, NOTES);
        Function = NULL;
        KeSetEvent(&Changed, 0, FALSE);
    } else { /* the bus goes, and what was on it */
        for (i = 0; i < CHILDREN; i++) {
            if (Children[i])
                IoDeleteDevice(Children[i]);
            Children[i] = NULL;
        }
        Root = NULL;
        KeSetEvent(&Removed, 0, FALSE);
    }
    IoDeleteDevice(Device);
    return Status;
}

/* What has to be begun below. */
static NTSTATUS StartFunction(EXTENSION *Extension, PIRP Irp)
{
    NTSTATUS Status = STATUS_UNSUCCESSFUL;

    if (Extension->Pdo == Children[SERVED])
        SawStart(IoGetCurrentIrpStackLocation(Irp));
    if (IoForwardIrpSynchronously(Extension->Lower, Irp))
        Status = Irp->IoStatus.Status;
    return Complete(Irp, Status, NULL);
}

static NTSTATUS FunctionPnp(PDEVICE_OBJECT Device, EXTENSION *Extension, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    switch (Stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        return StartFunction(Extension, Irp);
    case IRP_MN_REMOVE_DEVICE:
        return RemoveFunction(Device, Extension, Irp);
    case IRP_MN_FILTER_RESOURCE_REQUIREMENTS:
        if (Device == Function)
            Require(Irp);
        break;
    case IRP_MN_QUERY_REMOVE_DEVICE:
        if (!NT_SUCCESS(QueryRemoveStatus))
            return Complete(Irp, QueryRemoveStatus, NULL);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Irp->IoStatus.Information = Device == Root ? RootState : 0;
        break;
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        if (Device == Root && Stack->Parameters.QueryDeviceRelations.Type == BusRelations)
            AddRelations(Irp);
        break;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Extension->Lower, Irp);
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Extension = Device->DeviceExtension;

    if (Irp->IoStatus.Status != STATUS_NOT_SUPPORTED && Extension->Lower)
        Check("a PnP packet comes with STATUS_NOT_SUPPORTED", FALSE);
    Note(Extension, IoGetCurrentIrpStackLocation(Irp));
    return Extension->Lower ? FunctionPnp(Device, Extension, Irp)
                            : ChildPnp(Device, Extension, Irp);
}

static NTSTATUS NTAPI OpenClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    return Complete(Irp, STATUS_SUCCESS, NULL);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Pdo)
{
    EXTENSION *Extension;
    PDEVICE_OBJECT Device;
    NTSTATUS Status = IoCreateDevice(DriverObject, sizeof *Extension, NULL, FILE_DEVICE_UNKNOWN, 0,
                                     FALSE, &Device);

    if (!NT_SUCCESS(Status))
        return Status;
    Extension = Device->DeviceExtension;
    Extension->Pdo = Pdo;
    Extension->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (Root)
        Function = Device;
    else
        Root = Device;
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

/* ---- Tests -------------------------------------------------------------------------------------
 */

static EXTENSION *NotesOf(PDEVICE_OBJECT Device)
{
    return Device->DeviceExtension;
}

static VOID TestStart(VOID)
{
    CheckNotes("root: filter, start, capabilities, state, relations", NotesOf(Root), "FSCPB");
    Check("bus: all its devices have been asked for",
          Children[RAW] && Children[SERVED] && Children[UNSERVED]);
    CheckNotes("raw: asked who it is, and started", NotesOf(Children[RAW]), "CIIIIrFSCPB");
    CheckNotes("unserved: asked who it is, and no more", NotesOf(Children[UNSERVED]), "CIIIIr");
    CheckNotes("served: the bus is asked", NotesOf(Children[SERVED]), "CIIIIrFSCPB");
    if (Check("served: the registry names its driver", Function != NULL))
        CheckNotes("served: filter, start, and so on", NotesOf(Function), "FSCPB");
    CheckEqual("resources: the ports that it has asked for", StartResources, 0x340);
    CheckEqual("resources: the interrupt's vector", StartVector, 0x30 + LINE);
}

static BOOLEAN IsText(PCWSTR A, PCWSTR B)
{
    return _wcsicmp(A, B) == 0;
}

static BOOLEAN IsTextProperty(PDEVICE_OBJECT Pdo, DEVICE_REGISTRY_PROPERTY Property, PCWSTR Text)
{
    WCHAR Buffer[64];
    ULONG Length = 0;

    return NT_SUCCESS(IoGetDeviceProperty(Pdo, Property, sizeof Buffer, Buffer, &Length)) &&
           Length >= (wcslen(Text) + 1) * sizeof(WCHAR) && IsText(Buffer, Text);
}

static BOOLEAN IsNumberProperty(PDEVICE_OBJECT Pdo, DEVICE_REGISTRY_PROPERTY Property, ULONG Number)
{
    ULONG Value = ~Number, Length = 0;

    return NT_SUCCESS(IoGetDeviceProperty(Pdo, Property, sizeof Value, &Value, &Length)) &&
           Length == sizeof Value && Value == Number;
}

static NTSTATUS GetProperty(PDEVICE_OBJECT Pdo, DEVICE_REGISTRY_PROPERTY Property, ULONG Bytes)
{
    static UCHAR Buffer[256];
    ULONG Length;

    return IoGetDeviceProperty(Pdo, Property, Bytes, Buffer, &Length);
}

static VOID TestProperties(VOID)
{
    PDEVICE_OBJECT RootPdo = NotesOf(Root)->Pdo, Pdo = Children[RAW];
    UNICODE_STRING Name;
    WCHAR Buffer[64];
    ULONG Length = 0;
    USHORT Node = 9;

    Check("property: hardware ids",
          IsTextProperty(RootPdo, DevicePropertyHardwareID, L"Root\\pnptest") &&
              IsTextProperty(Pdo, DevicePropertyHardwareID, L"PnpTest\\Raw"));
    Check("property: enumerator",
          IsTextProperty(RootPdo, DevicePropertyEnumeratorName, L"Root") &&
              IsTextProperty(Pdo, DevicePropertyEnumeratorName, L"PnpTest"));
    Check("property: description",
          IsTextProperty(Pdo, DevicePropertyDeviceDescription, L"A device on a test's bus"));
    Check("property: address and bus",
          IsNumberProperty(Pdo, DevicePropertyAddress, 40) &&
              IsNumberProperty(Pdo, DevicePropertyBusNumber, 5) &&
              IsNumberProperty(Pdo, DevicePropertyLegacyBusType, PNPBus));
    CheckEqual("property: none", GetProperty(RootPdo, DevicePropertyDeviceDescription, 256),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("property: no such", GetProperty(Pdo, 0x7777, 256), STATUS_INVALID_PARAMETER_2);
    CheckEqual("property: no PDO", GetProperty(Root, DevicePropertyHardwareID, 256),
               STATUS_INVALID_DEVICE_REQUEST);
    CheckEqual("property: too small", GetProperty(Pdo, DevicePropertyHardwareID, 2),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("property: the PDO's name",
               IoGetDeviceProperty(Pdo, DevicePropertyPhysicalDeviceObjectName, sizeof Buffer,
                                   Buffer, &Length),
               STATUS_SUCCESS);
    RtlInitUnicodeString(&Name, Buffer);
    Check("property: a name in \\Device",
          Name.Length > 16 && Buffer[0] == L'\\' && Buffer[7] == L'\\');
    Check("NUMA: one node", NT_SUCCESS(IoGetDeviceNumaNode(Pdo, &Node)) && Node == 0);
}

static VOID TestKeys(VOID)
{
    PDEVICE_OBJECT Pdo = NotesOf(Root)->Pdo;
    HANDLE Key;

    if (CheckEqual("key: of the device",
                   IoOpenDeviceRegistryKey(Pdo, PLUGPLAY_REGKEY_DEVICE, KEY_ALL_ACCESS, &Key),
                   STATUS_SUCCESS))
        ZwClose(Key);
    CheckEqual("key: the driver's, not installed",
               IoOpenDeviceRegistryKey(Pdo, PLUGPLAY_REGKEY_DRIVER, KEY_ALL_ACCESS, &Key),
               STATUS_OBJECT_NAME_NOT_FOUND);
    RtlWriteRegistryValue(
        RTL_REGISTRY_ABSOLUTE,
        L"\\Registry\\Machine\\System\\CurrentControlSet\\Enum\\Root\\pnptest\\0000", L"Driver",
        REG_SZ, L"Test\\0000", 10 * sizeof(WCHAR));
    if (CheckEqual("key: the driver's",
                   IoOpenDeviceRegistryKey(Pdo, PLUGPLAY_REGKEY_DRIVER, KEY_ALL_ACCESS, &Key),
                   STATUS_SUCCESS))
        ZwClose(Key);
    Check("property: from the registry",
          IsTextProperty(Pdo, DevicePropertyDriverKeyName, L"Test\\0000"));
    CheckEqual("key: of no kind", IoOpenDeviceRegistryKey(Pdo, 8, KEY_ALL_ACCESS, &Key),
               STATUS_INVALID_PARAMETER);
    CheckEqual("key: no PDO",
               IoOpenDeviceRegistryKey(Root, PLUGPLAY_REGKEY_DEVICE, KEY_ALL_ACCESS, &Key),
               STATUS_INVALID_DEVICE_REQUEST);
}

/* ---- Interfaces, and who hears of them ---------------------------------------------------------
 */

static ULONG Arrivals, Removals, Queries, Completes, OwnEvents;
static PVOID LastFile;
static NTSTATUS TargetStatus = STATUS_SUCCESS;
static PVOID Registration;

static NTSTATUS NTAPI InterfaceChanged(PVOID Structure, PVOID Context)
{
    PDEVICE_INTERFACE_CHANGE_NOTIFICATION Change = Structure;

    if (Context == &Arrivals && IsEqualGUID(&Change->InterfaceClassGuid, &TestClass) &&
        RtlEqualUnicodeString(Change->SymbolicLinkName, &LinkName, TRUE)) {
        Arrivals += IsEqualGUID(&Change->Event, &GUID_DEVICE_INTERFACE_ARRIVAL) != 0;
        Removals += IsEqualGUID(&Change->Event, &GUID_DEVICE_INTERFACE_REMOVAL) != 0;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS OpenLink(PUNICODE_STRING Name, PFILE_OBJECT *File)
{
    PDEVICE_OBJECT Device;

    return IoGetDeviceObjectPointer(Name, FILE_READ_ATTRIBUTES, File, &Device);
}

static VOID TestInterfaces(VOID)
{
    UNICODE_STRING Again, Bad;
    PFILE_OBJECT File;

    RtlInitUnicodeString(&Bad, L"a\\b");
    CheckEqual("interface: registered",
               IoRegisterDeviceInterface(NotesOf(Root)->Pdo, &TestClass, NULL, &LinkName),
               STATUS_SUCCESS);
    CheckEqual("interface: there already",
               IoRegisterDeviceInterface(NotesOf(Root)->Pdo, &TestClass, NULL, &Again),
               STATUS_OBJECT_NAME_EXISTS);
    Check("interface: the same name", RtlEqualUnicodeString(&LinkName, &Again, FALSE));
    RtlFreeUnicodeString(&Again);
    CheckEqual("interface: no PDO", IoRegisterDeviceInterface(Root, &TestClass, NULL, &Again),
               STATUS_INVALID_DEVICE_REQUEST);
    CheckEqual("interface: bad reference",
               IoRegisterDeviceInterface(NotesOf(Root)->Pdo, &TestClass, &Bad, &Again),
               STATUS_INVALID_DEVICE_REQUEST);
    CheckEqual("interface: disabled, it cannot be opened", OpenLink(&LinkName, &File),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("interface: disabled, not twice", IoSetDeviceInterfaceState(&LinkName, FALSE),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("notification: registered",
               IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0,
                                              (PVOID)&TestClass, Driver, InterfaceChanged,
                                              &Arrivals, &Registration),
               STATUS_SUCCESS);
    CheckEqual("interface: enabled", IoSetDeviceInterfaceState(&LinkName, TRUE), STATUS_SUCCESS);
    CheckEqual("interface: not twice", IoSetDeviceInterfaceState(&LinkName, TRUE),
               STATUS_OBJECT_NAME_EXISTS);
    CheckEqual("notification: of the arrival", Arrivals, 1);
    if (CheckEqual("interface: opened", OpenLink(&LinkName, &File), STATUS_SUCCESS)) {
        Check("interface: leads to the PDO", File->DeviceObject == NotesOf(Root)->Pdo);
        ObDereferenceObject(File);
    }
}

static VOID TestReference(VOID)
{
    UNICODE_STRING Other, Reference, Alias;
    PFILE_OBJECT File;

    RtlInitUnicodeString(&Reference, L"part");
    CheckEqual("interface: with a reference string",
               IoRegisterDeviceInterface(NotesOf(Root)->Pdo, &OtherClass, &Reference, &Other),
               STATUS_SUCCESS);
    IoSetDeviceInterfaceState(&Other, TRUE);
    if (CheckEqual("interface: opened by it", OpenLink(&Other, &File), STATUS_SUCCESS)) {
        Check("interface: the file's name is the string", IsText(File->FileName.Buffer, L"\\part"));
        ObDereferenceObject(File);
    }
    CheckEqual("alias: another reference string",
               IoGetDeviceInterfaceAlias(&LinkName, &OtherClass, &Alias),
               STATUS_OBJECT_NAME_NOT_FOUND);
    RtlFreeUnicodeString(&Other);
}

static VOID TestInterfaceLists(VOID)
{
    UNICODE_STRING Bad;
    PWSTR List;
    HANDLE Key;

    RtlInitUnicodeString(&Bad, L"none");
    CheckEqual("list: of one", IoGetDeviceInterfaces(&TestClass, NULL, 0, &List), STATUS_SUCCESS);
    Check("list: its name and an end",
          IsText(List, LinkName.Buffer) && List[wcslen(List) + 1] == 0);
    ExFreePool(List);
    if (CheckEqual("key: of the interface",
                   IoOpenDeviceInterfaceRegistryKey(&LinkName, KEY_ALL_ACCESS, &Key),
                   STATUS_SUCCESS))
        ZwClose(Key);
    CheckEqual("key: of no interface", IoOpenDeviceInterfaceRegistryKey(&Bad, KEY_READ, &Key),
               STATUS_INVALID_PARAMETER);
}

static VOID TestExisting(VOID)
{
    ULONG Before = Arrivals;
    UNICODE_STRING Alias, Second;
    PVOID Entry;

    CheckEqual("notification: with those that are there",
               IoRegisterPlugPlayNotification(
                   EventCategoryDeviceInterfaceChange,
                   PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES, (PVOID)&TestClass,
                   Driver, InterfaceChanged, &Arrivals, &Entry),
               STATUS_SUCCESS);
    CheckEqual("notification: heard at once", Arrivals, Before + 1);
    CheckEqual("notification: unregistered", IoUnregisterPlugPlayNotificationEx(Entry),
               STATUS_SUCCESS);
    CheckEqual("notification: of nothing",
               IoRegisterPlugPlayNotification(EventCategoryReserved, 0, NULL, Driver,
                                              InterfaceChanged, NULL, &Entry),
               STATUS_INVALID_PARAMETER);
    IoRegisterDeviceInterface(NotesOf(Root)->Pdo, &OtherClass, NULL, &Second);
    CheckEqual("alias: of the other class",
               IoGetDeviceInterfaceAlias(&LinkName, &OtherClass, &Alias), STATUS_SUCCESS);
    Check("alias: its name", RtlEqualUnicodeString(&Alias, &Second, FALSE));
    RtlFreeUnicodeString(&Alias);
    RtlFreeUnicodeString(&Second);
}

static NTSTATUS NTAPI TargetChanged(PVOID Structure, PVOID Context)
{
    PTARGET_DEVICE_REMOVAL_NOTIFICATION Change = Structure;

    UNREFERENCED_PARAMETER(Context);
    LastFile = Change->FileObject;
    OwnEvents += IsEqualGUID(&Change->Event, &OwnEvent) != 0;
    if (IsEqualGUID(&Change->Event, &GUID_TARGET_DEVICE_REMOVE_CANCELLED))
        KeSetEvent(&Cancelled, 0, FALSE);
    Completes += IsEqualGUID(&Change->Event, &GUID_TARGET_DEVICE_REMOVE_COMPLETE) != 0;
    if (!IsEqualGUID(&Change->Event, &GUID_TARGET_DEVICE_QUERY_REMOVE))
        return STATUS_SUCCESS;
    Queries++;
    return TargetStatus;
}

static VOID NTAPI Reported(PVOID Context)
{
    KeSetEvent(Context, 0, FALSE);
}

static PVOID TestTarget(PFILE_OBJECT *File)
{
    TARGET_DEVICE_CUSTOM_NOTIFICATION Own = {
        .Version = 1, .Size = sizeof Own, .NameBufferOffset = -1};
    PDEVICE_OBJECT Pdo = NotesOf(Root)->Pdo;
    PVOID Entry = NULL;

    OpenLink(&LinkName, File);
    CheckEqual("target: registered",
               IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, *File, Driver,
                                              TargetChanged, NULL, &Entry),
               STATUS_SUCCESS);
    Own.Event = OwnEvent;
    CheckEqual("target: a driver's own event", IoReportTargetDeviceChange(Pdo, &Own),
               STATUS_SUCCESS);
    Check("target: heard, with the file", OwnEvents == 1 && LastFile == *File);
    KeClearEvent(&Changed);
    CheckEqual("target: the same, later",
               IoReportTargetDeviceChangeAsynchronous(Pdo, &Own, Reported, &Changed),
               STATUS_PENDING);
    Wait(&Changed);
    CheckEqual("target: heard, too", OwnEvents, 2);
    Own.Event = GUID_TARGET_DEVICE_QUERY_REMOVE;
    CheckEqual("target: not an event of drivers'", IoReportTargetDeviceChange(Pdo, &Own),
               STATUS_INVALID_DEVICE_REQUEST);
    return Entry;
}

/* ---- Going -------------------------------------------------------------------------------------
 */

static VOID TestChildGoes(VOID)
{
    EXTENSION *Notes = NotesOf(Function);

    CheckEqual("served: no note more", Notes->NoteCount, 0);
    ChildrenPresent[SERVED] = FALSE;
    KeClearEvent(&Changed);
    IoInvalidateDeviceRelations(NotesOf(Root)->Pdo, BusRelations);
    Wait(&Changed);
    Check("served: removed without being asked", Same(FunctionNotes, "R"));
    Check("served: its devices are gone", Function == NULL && Children[SERVED] == NULL);
}

static VOID TestChildComes(VOID)
{
    KIRQL OldIrql;

    StartResources = 0;
    ChildrenPresent[SERVED] = TRUE;
    KeClearEvent(&Changed);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    IoInvalidateDeviceRelations(NotesOf(Root)->Pdo, BusRelations);
    KeLowerIrql(OldIrql);
    Wait(&Changed);
    Check("served: it is there again", Function != NULL && StartResources == 0x340);
}

/* Asks for the root device's eject, which is refused: who listens to it hears so last of all. */
static VOID EjectInVain(PCSTR Name, BOOLEAN NewState, PCSTR Expected)
{
    EXTENSION *Notes = NotesOf(Root);

    Notes->NoteCount = 0;
    RtlZeroMemory(Notes->Notes, NOTES);
    if (NewState)
        IoInvalidateDeviceState(Notes->Pdo);
    IoRequestDeviceEject(Notes->Pdo);
    Wait(&Cancelled);
    CheckNotes(Name, Notes, Expected);
}

/* (Of the drivers, the one of the served child is asked before the root's.) */
static VOID TestRefusal(VOID)
{
    TargetStatus = STATUS_UNSUCCESSFUL;
    EjectInVain("eject: who listens refuses", FALSE, "c");
    CheckEqual("eject: it has been asked", Queries, 1);
    TargetStatus = STATUS_SUCCESS;
    QueryRemoveStatus = STATUS_DEVICE_BUSY;
    EjectInVain("eject: a driver refuses", FALSE, "c");
    QueryRemoveStatus = STATUS_SUCCESS;
    EjectInVain("eject: not while it is open", FALSE, "qc");
    RootState = PNP_DEVICE_NOT_DISABLEABLE;
    EjectInVain("eject: not what cannot be disabled", TRUE, "Pc");
    RootState = 0;
    IoInvalidateDeviceState(NotesOf(Root)->Pdo);
}

static VOID TestEnd(PVOID Target)
{
    PDEVICE_OBJECT Pdo = NotesOf(Root)->Pdo;
    PFILE_OBJECT File;

    IoRequestDeviceEject(Pdo);
    Wait(&Removed);
    Check("eject: it is gone", Root == NULL);
    CheckEqual("notification: of the interface's removal", Removals, 1);
    CheckEqual("target: removal is complete", Completes, 1);
    CheckEqual("interface: cannot be opened", OpenLink(&LinkName, &File),
               STATUS_OBJECT_NAME_NOT_FOUND);
    IoUnregisterPlugPlayNotification(Target);
    IoUnregisterPlugPlayNotification(Registration);
    RtlFreeUnicodeString(&LinkName);
}

static VOID NTAPI RunTests(PDRIVER_OBJECT DriverObject, PVOID Context, ULONG Count)
{
    PFILE_OBJECT File = NULL;
    PVOID Target;

    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Count);
    if (Check("the root device has been added", Root != NULL)) {
        TestStart();
        TestProperties();
        TestKeys();
        TestInterfaces();
        TestReference();
        TestInterfaceLists();
        TestExisting();
        Target = TestTarget(&File);
        TestChildGoes();
        TestChildComes();
        TestRefusal();
        ObDereferenceObject(File);
        TestEnd(Target);
    }
    FinishTests("pnptest");
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    DbgPrint("pnptest: unloaded\n");
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    static const PCWSTR Database = L"\\Registry\\Machine\\System\\CurrentControlSet\\Control\\"
                                   L"CriticalDeviceDatabase";
    static const PCWSTR Entry = L"\\Registry\\Machine\\System\\CurrentControlSet\\Control\\"
                                L"CriticalDeviceDatabase\\PnpTest#Served";

    UNREFERENCED_PARAMETER(RegistryPath);
    Driver = DriverObject;
    KeInitializeEvent(&Changed, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Cancelled, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Removed, NotificationEvent, FALSE);
    RtlCreateRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)Database);
    RtlWriteRegistryValue(RTL_REGISTRY_ABSOLUTE, Entry, L"Service", REG_SZ, L"pnptest",
                          8 * sizeof(WCHAR));
    DriverObject->DriverUnload = Unload;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    IoRegisterDriverReinitialization(DriverObject, RunTests, NULL);
    return STATUS_SUCCESS;
}
