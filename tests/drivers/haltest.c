/*
 * What drivers ask of the machine besides ports and memory: interrupts by device, buses, the
 * speaker, registers in a row; and of what listens to them: power settings and requests, event
 * tracing, WMI for those who ask.
 */
#include "keyboard.h"
#include "selftest.h"

#define TAG 'tlah'

static PDEVICE_OBJECT Pdo, Bare; /* with the keyboard's line; without any */
static volatile ULONG Interrupts;

/* ---- Interrupts -------------------------------------------------------------------------------
 */

static BOOLEAN NTAPI Service(PKINTERRUPT Interrupt, PVOID Context)
{
    UNREFERENCED_PARAMETER(Interrupt);
    KeyboardTake();
    ++*(volatile ULONG *)Context;
    return TRUE;
}

static BOOLEAN NTAPI MessageService(PKINTERRUPT Interrupt, PVOID Context, ULONG MessageId)
{
    UNREFERENCED_PARAMETER(Interrupt);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(MessageId);
    return FALSE;
}

/* A device with the keyboard's line, and one that has nothing. */
static NTSTATUS FindDevices(PDRIVER_OBJECT DriverObject)
{
    CM_RESOURCE_LIST List = {.Count = 1};
    PCM_PARTIAL_RESOURCE_DESCRIPTOR Line = List.List[0].PartialResourceList.PartialDescriptors;
    NTSTATUS Status;

    List.List[0].InterfaceType = Isa;
    List.List[0].PartialResourceList.Version = List.List[0].PartialResourceList.Revision = 1;
    List.List[0].PartialResourceList.Count = 1;
    Line->Type = CmResourceTypeInterrupt;
    Line->ShareDisposition = CmResourceShareDeviceExclusive;
    Line->Flags = CM_RESOURCE_INTERRUPT_LATCHED;
    Line->u.Interrupt.Level = Line->u.Interrupt.Vector = KEYBOARD_LINE;
    Line->u.Interrupt.Affinity = (KAFFINITY)-1;
    Status = IoReportDetectedDevice(DriverObject, Isa, 0, 0, &List, NULL, FALSE, &Pdo);
    if (NT_SUCCESS(Status))
        Status = IoReportDetectedDevice(DriverObject, Isa, 0, 1, NULL, NULL, FALSE, &Bare);
    return Status;
}

static BOOLEAN AnInterruptComes(VOID)
{
    ULONG Tries;

    Interrupts = 0;
    KeyboardPress();
    for (Tries = 0; Tries < 500 && Interrupts == 0; Tries++)
        Delay(10);
    return Interrupts != 0;
}

static VOID Disconnect(ULONG Version, PKINTERRUPT Object)
{
    IO_DISCONNECT_INTERRUPT_PARAMETERS Parameters;

    Parameters.Version = Version;
    Parameters.ConnectionContext.InterruptObject = Object;
    IoDisconnectInterruptEx(&Parameters);
}

static VOID TestLineOfDevice(VOID)
{
    IO_CONNECT_INTERRUPT_PARAMETERS Parameters = {.Version = CONNECT_LINE_BASED};
    GROUP_AFFINITY Affinity = {0};
    PKINTERRUPT Object = NULL;

    Parameters.LineBased.PhysicalDeviceObject = Pdo;
    Parameters.LineBased.InterruptObject = &Object;
    Parameters.LineBased.ServiceRoutine = Service;
    Parameters.LineBased.ServiceContext = (PVOID)&Interrupts;
    if (!CheckEqual("a device's line", IoConnectInterruptEx(&Parameters), 0))
        return;
    Check("its interrupts come", AnInterruptComes());
    CheckEqual("where they come is said", IoGetAffinityInterrupt(Object, &Affinity), 0);
    Check("to one processor of the first group",
          Affinity.Group == 0 && Affinity.Mask && (Affinity.Mask & (Affinity.Mask - 1)) == 0);
    CheckEqual("of no interrupt nothing", IoGetAffinityInterrupt(NULL, &Affinity),
               STATUS_INVALID_PARAMETER);
    Disconnect(Parameters.Version, Object);
    Parameters.LineBased.PhysicalDeviceObject = Bare;
    CheckEqual("a device without a line", IoConnectInterruptEx(&Parameters), STATUS_NOT_FOUND);
    Parameters.LineBased.PhysicalDeviceObject = NULL;
    CheckEqual("no device", IoConnectInterruptEx(&Parameters), STATUS_INVALID_PARAMETER);
    Parameters.Version = CONNECT_CURRENT_VERSION + 1;
    CheckEqual("no such version", IoConnectInterruptEx(&Parameters), STATUS_INVALID_PARAMETER_1);
}

static VOID TestMessages(VOID)
{
    IO_CONNECT_INTERRUPT_PARAMETERS Parameters = {.Version = CONNECT_MESSAGE_BASED};
    PKINTERRUPT Object = NULL;

    Parameters.MessageBased.PhysicalDeviceObject = Pdo;
    Parameters.MessageBased.ConnectionContext.InterruptObject = &Object;
    Parameters.MessageBased.MessageServiceRoutine = MessageService;
    Parameters.MessageBased.ServiceContext = (PVOID)&Interrupts;
    CheckEqual("there are no messages", IoConnectInterruptEx(&Parameters), STATUS_NOT_FOUND);
    Parameters.MessageBased.FallBackServiceRoutine = Service;
    if (!CheckEqual("but for the fallback", IoConnectInterruptEx(&Parameters), 0))
        return;
    CheckEqual("which is a line", Parameters.Version, CONNECT_LINE_BASED);
    Check("and gets its interrupts", AnInterruptComes());
    Disconnect(Parameters.Version, Object);
}

static VOID TestFullySpecified(VOID)
{
    IO_CONNECT_INTERRUPT_PARAMETERS Parameters = {.Version = CONNECT_FULLY_SPECIFIED};
    IO_CONNECT_INTERRUPT_FULLY_SPECIFIED_PARAMETERS *Full = &Parameters.FullySpecified;
    PKINTERRUPT Object = NULL;

    Full->PhysicalDeviceObject = Bare;
    Full->InterruptObject = &Object;
    Full->ServiceRoutine = Service;
    Full->ServiceContext = (PVOID)&Interrupts;
    Full->Vector = HalGetInterruptVector(Isa, 0, KEYBOARD_LINE, KEYBOARD_LINE, &Full->Irql,
                                         &Full->ProcessorEnableMask);
    Full->SynchronizeIrql = Full->Irql;
    Full->InterruptMode = Latched;
    if (CheckEqual("an interrupt by its vector", IoConnectInterruptEx(&Parameters), 0)) {
        Check("comes", AnInterruptComes());
        Disconnect(Parameters.Version, Object);
    }
    Full->ProcessorEnableMask = 0;
    CheckEqual("to no processor", IoConnectInterruptEx(&Parameters), STATUS_INVALID_PARAMETER_10);
    Full->PhysicalDeviceObject = NULL;
    CheckEqual("of no device", IoConnectInterruptEx(&Parameters), STATUS_INVALID_PARAMETER);
}

/* ---- The machine ------------------------------------------------------------------------------
 */

static VOID TestBuses(VOID)
{
    PHYSICAL_ADDRESS Address = {.QuadPart = 0xB8000}, Translated = {.QuadPart = 0};
    ULONG Space = 0;

    Check("a bus's memory",
          HalTranslateBusAddress(Isa, 0, Address, &Space, &Translated) && Space == 0);
    Check("is where it is", Translated.QuadPart == Address.QuadPart);
    Space = 1;
    Check("no port has such an address",
          !IoTranslateBusAddress(PCIBus, 0, Address, &Space, &Translated));
    Address.QuadPart = 0x3F8;
    Translated.QuadPart = 0;
    Check("ports are ports", IoTranslateBusAddress(PCIBus, 0, Address, &Space, &Translated) &&
                                 Space == 1 && Translated.QuadPart == 0x3F8);
    Check("there is no second ISA bus",
          !HalTranslateBusAddress(Isa, 1, Address, &Space, &Translated));
    Space = 2;
    Check("there is no third address space",
          !HalTranslateBusAddress(Isa, 0, Address, &Space, &Translated));
}

static VOID TestSpeaker(VOID)
{
    const PUCHAR Port = (PUCHAR)0x61;

    Check("the speaker sounds", HalMakeBeep(440));
    CheckEqual("its gate is open", READ_PORT_UCHAR(Port) & 3, 3);
    Check("and is still", HalMakeBeep(0));
    CheckEqual("its gate is closed", READ_PORT_UCHAR(Port) & 3, 0);
    Check("it cannot sound as low as 18 Hz", !HalMakeBeep(18));
}

static VOID TestRegistersInARow(VOID)
{
    static UCHAR Bytes[5], Bytes2[5] = {1, 2, 3, 4, 5};
    static USHORT Words[3], Words2[3] = {0x1234, 0x5678, 0x9ABC};
    static ULONG Longs[2], Longs2[2] = {0x12345678, 0x9ABCDEF0};

    WRITE_REGISTER_BUFFER_UCHAR(Bytes, Bytes2, 4);
    WRITE_REGISTER_BUFFER_USHORT(Words, Words2, 3);
    WRITE_REGISTER_BUFFER_ULONG(Longs, Longs2, 2);
    Check("registers are written in a row", RtlCompareMemory(Bytes, Bytes2, 5) == 4 &&
                                                RtlCompareMemory(Words, Words2, 6) == 6 &&
                                                RtlCompareMemory(Longs, Longs2, 8) == 8);
    RtlZeroMemory(Bytes2, sizeof Bytes2);
    RtlZeroMemory(Words2, sizeof Words2);
    RtlZeroMemory(Longs2, sizeof Longs2);
    READ_REGISTER_BUFFER_UCHAR(Bytes, Bytes2, 4);
    READ_REGISTER_BUFFER_USHORT(Words, Words2, 3);
    READ_REGISTER_BUFFER_ULONG(Longs, Longs2, 2);
    Check("and read", Bytes2[3] == 4 && Words2[2] == 0x9ABC && Longs2[1] == 0x9ABCDEF0);
}

extern PUCHAR *__declspec(dllimport) KdComPortInUse;

static VOID TestFirmware(VOID)
{
    PCONFIGURATION_INFORMATION Found = IoGetConfigurationInformation();
    ULONG Length = 1;

    Check("the log's serial port is taken", *KdComPortInUse == (PUCHAR)0x3F8);
    Found->TapeCount++;
    CheckEqual("what drivers have counted is kept", IoGetConfigurationInformation()->TapeCount, 1);
    Found->TapeCount--;
    Check("the driver model is Windows 2000's", IoIsWdmVersionAvailable(1, 0x10));
    Check("and Vista's", IoIsWdmVersionAvailable(6, 0));
    Check("but no later one's",
          !IoIsWdmVersionAvailable(6, 0x20) && !IoIsWdmVersionAvailable(7, 0));
    CheckEqual("the HAL's table has a version", HalDispatchTableVersion, HAL_DISPATCH_VERSION);
    CheckEqual("and answers nothing", HalQuerySystemInformation(0, 0, NULL, &Length),
               STATUS_INVALID_LEVEL);
    CheckEqual("of no length", Length, 0);
    CheckEqual("there is no debugger to change",
               KdChangeOption(KD_OPTION_SET_BLOCK_ENABLE, 0, NULL, 0, NULL, NULL),
               STATUS_DEBUGGER_INACTIVE);
}

/* ---- Power ------------------------------------------------------------------------------------
 */

static const GUID PowerSource = {
    0x5D3E9A59, 0xE9D5, 0x4B00, {0xA6, 0xBD, 0xFF, 0x34, 0xFF, 0x51, 0x65, 0x48}};
static const GUID Nobodys = {0x12345678, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}};
static ULONG SettingCalls, SettingValue;

static NTSTATUS NTAPI SettingChanged(LPCGUID SettingGuid, PVOID Value, ULONG ValueLength,
                                     PVOID Context)
{
    if (ValueLength == sizeof(ULONG) && Context == &SettingCalls &&
        IsEqualGUID(SettingGuid, &PowerSource))
        SettingValue = *(PULONG)Value;
    SettingCalls++;
    return STATUS_SUCCESS;
}

static VOID TestPowerSettings(VOID)
{
    PVOID Handle = NULL;

    SettingValue = 77;
    CheckEqual(
        "a power setting",
        PoRegisterPowerSettingCallback(Pdo, &PowerSource, SettingChanged, &SettingCalls, &Handle),
        0);
    Check("its value is told at once: the mains", SettingCalls == 1 && SettingValue == 0);
    CheckEqual("and no more", PoUnregisterPowerSettingCallback(Handle), 0);
    CheckEqual("a setting without a value",
               PoRegisterPowerSettingCallback(NULL, &Nobodys, SettingChanged, NULL, &Handle), 0);
    CheckEqual("is not told", SettingCalls, 1);
    PoUnregisterPowerSettingCallback(Handle);
    CheckEqual("nobody to be told",
               PoRegisterPowerSettingCallback(NULL, &PowerSource, NULL, NULL, &Handle),
               STATUS_INVALID_PARAMETER);
}

static VOID TestPowerRequests(VOID)
{
    COUNTED_REASON_CONTEXT Reason = {.Version = 0, .Flags = POWER_REQUEST_CONTEXT_SIMPLE_STRING};
    ULONG Seconds = 1;
    PVOID Request;

    CheckEqual("no device's request", PoCreatePowerRequest(&Request, NULL, &Reason),
               STATUS_INVALID_PARAMETER);
    if (!CheckEqual("a power request", PoCreatePowerRequest(&Request, Pdo, &Reason), 0))
        return;
    CheckEqual("is set", PoSetPowerRequest(Request, PowerRequestSystemRequired), 0);
    CheckEqual("and cleared", PoClearPowerRequest(Request, PowerRequestSystemRequired), 0);
    CheckEqual("as often as it was set", PoClearPowerRequest(Request, PowerRequestSystemRequired),
               STATUS_UNSUCCESSFUL);
    CheckEqual("of a type that there is", PoSetPowerRequest(Request, 17), STATUS_INVALID_PARAMETER);
    PoDeletePowerRequest(Request);
    Check("no watchdog runs", !PoQueryWatchdogTime(Pdo, &Seconds) && Seconds == 0);
}

/* ---- Tracing and WMI --------------------------------------------------------------------------
 */

static VOID TestTracing(VOID)
{
    EVENT_DESCRIPTOR Event = {.Id = 1};
    REGHANDLE Handle = 0;

    CheckEqual("nobody's provider", EtwRegister(NULL, NULL, NULL, &Handle),
               STATUS_INVALID_PARAMETER);
    CheckEqual("a provider", EtwRegister(&Nobodys, NULL, NULL, &Handle), 0);
    Check("has a handle", Handle != 0);
    Check("nobody listens",
          !EtwEventEnabled(Handle, &Event) && !EtwProviderEnabled(Handle, 1, ~0ULL));
    CheckEqual("an event is written", EtwWrite(Handle, &Event, NULL, 0, NULL), 0);
    CheckEqual("in each way", EtwWriteTransfer(Handle, &Event, NULL, NULL, 0, NULL), 0);
    CheckEqual("that there is", EtwWriteString(Handle, 1, 1, NULL, L"text"), 0);
    CheckEqual("to do it", EtwWriteEx(Handle, &Event, 0, 0, NULL, NULL, 0, NULL), 0);
    CheckEqual("the provider goes", EtwUnregister(Handle), 0);
    CheckEqual("without a provider", EtwWrite(0, &Event, NULL, 0, NULL), STATUS_INVALID_HANDLE);
    CheckEqual("nothing goes", EtwUnregister(0), STATUS_INVALID_HANDLE);
}

static VOID TestActivities(VOID)
{
    GUID First = Nobodys, Second = {0};

    CheckEqual("a thread's activity is set", EtwActivityIdControl(2, &First), 0);
    EtwActivityIdControl(1, &Second);
    Check("and asked for", IsEqualGUID(&First, &Second));
    EtwActivityIdControl(3, &Second);
    Check("a new one is another", !IsEqualGUID(&First, &Second));
    EtwActivityIdControl(4, &Second);
    Check("exchanged, the old one comes back", IsEqualGUID(&First, &Second));
    EtwActivityIdControl(5, &First);
    EtwActivityIdControl(1, &Second);
    Check("a new one is set", !IsEqualGUID(&First, &Second));
    CheckEqual("there are five things to do", EtwActivityIdControl(6, &First),
               STATUS_INVALID_PARAMETER);
}

/* The headers have lost this one's calling convention. */
static NTSTATUS AskHandlesName(PVOID Block)
{
    UNICODE_STRING Routine = RTL_CONSTANT_STRING(L"IoWMIHandleToInstanceName"), Name;
    NTSTATUS(NTAPI * Ask)(PVOID, HANDLE, PUNICODE_STRING) = MmGetSystemRoutineAddress(&Routine);

    return Ask ? Ask(Block, NULL, &Name) : STATUS_ENTRYPOINT_NOT_FOUND;
}

static VOID TestWmiQuestions(VOID)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"link"), Name = {0};
    ULONG First = 0, Second = 0, Bytes = 0;
    GUID Id = Nobodys;
    PVOID Block = &Id;
    NTSTATUS Status;

    CheckEqual("nobody has this block", IoWMIOpenBlock(&Id, 0, &Block), STATUS_WMI_GUID_NOT_FOUND);
    Check("so there is none", Block == NULL);
    Check("and nothing to be asked of it",
          IoWMIQueryAllData(Block, &Bytes, NULL) == STATUS_WMI_GUID_NOT_FOUND &&
              IoWMIQueryAllDataMultiple(&Block, 1, &Bytes, NULL) == STATUS_WMI_GUID_NOT_FOUND &&
              IoWMIQuerySingleInstance(Block, &Link, &Bytes, NULL) == STATUS_WMI_GUID_NOT_FOUND &&
              IoWMIQuerySingleInstanceMultiple(&Block, &Link, 1, &Bytes, NULL) ==
                  STATUS_WMI_GUID_NOT_FOUND &&
              IoWMISetSingleInstance(Block, &Link, 0, 0, NULL) == STATUS_WMI_GUID_NOT_FOUND &&
              IoWMISetSingleItem(Block, &Link, 0, 0, 0, NULL) == STATUS_WMI_GUID_NOT_FOUND &&
              IoWMIExecuteMethod(Block, &Link, 0, 0, &Bytes, NULL) == STATUS_WMI_GUID_NOT_FOUND);
    Check("or told by it",
          IoWMISetNotificationCallback(Block, NULL, NULL) == STATUS_WMI_GUID_NOT_FOUND &&
              IoWMIDeviceObjectToInstanceName(Block, Pdo, &Name) == STATUS_WMI_GUID_NOT_FOUND &&
              AskHandlesName(Block) == STATUS_WMI_GUID_NOT_FOUND);
    IoWMIAllocateInstanceIds(&Id, 3, &First);
    IoWMIAllocateInstanceIds(&Id, 1, &Second);
    CheckEqual("instances get numbers of their own", Second, First + 3);
    Status = IoWMISuggestInstanceName(NULL, &Link, FALSE, &Name);
    if (CheckEqual("and a name", Status, 0)) {
        Check("their link's", RtlEqualUnicodeString(&Name, &Link, FALSE));
        RtlFreeUnicodeString(&Name);
    }
    CheckEqual("of nothing none", IoWMISuggestInstanceName(NULL, NULL, FALSE, &Name),
               STATUS_UNSUCCESSFUL);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    if (!CheckEqual("devices are found", FindDevices(DriverObject), 0))
        return FinishTests("haltest");
    KeyboardEnable();
    TestLineOfDevice();
    TestMessages();
    TestFullySpecified();
    TestBuses();
    TestSpeaker();
    TestRegistersInARow();
    TestFirmware();
    TestPowerSettings();
    TestPowerRequests();
    TestTracing();
    TestActivities();
    TestWmiQuestions();
    return FinishTests("haltest");
}
