/*
 * powertest.sys: what a driver may rely on about power packets, idle devices and WMI (WDK: Managing
 * Power for Drivers, Windows Management Instrumentation). It reports a device that it has found,
 * and attaches the one to it whose packets it looks at.
 */
#include <ntddk.h>
#include <initguid.h>
#include <wmistr.h>
#include <wmilib.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define TAG       'tesP'
#define INSTANCES 2
#define VALUE     0x600D0000

DEFINE_GUID(BlockGuid, 0x31223344, 0x5566, 0x7788, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x01);
DEFINE_GUID(NoGuid, 0x31223344, 0x5566, 0x7788, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x02);

static PDEVICE_OBJECT Pdo, Device, Lower;

/* ---- Power packets -----------------------------------------------------------------------------
 */

static volatile LONG PowerPackets; /* that have come to the device */
static BOOLEAN Hold;               /* the next one is not passed on */
static PIRP Held;
static KIRQL PowerIrql;
static POWER_STATE LastState;
static KEVENT PowerCame;
static KSEMAPHORE PowerDone; /* counts completed packets */
static IO_STATUS_BLOCK PowerResult;

static VOID NTAPI CancelWait(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Irp->IoStatus.Status = STATUS_CANCELLED;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

static NTSTATUS PassPower(PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(Lower, Irp);
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Stack->MinorFunction == IRP_MN_WAIT_WAKE) {
        IoMarkIrpPending(Irp);
        IoSetCancelRoutine(Irp, CancelWait);
        return STATUS_PENDING;
    }
    PowerIrql = KeGetCurrentIrql();
    LastState = Stack->Parameters.Power.State;
    InterlockedIncrement(&PowerPackets);
    if (Hold) {
        Hold = FALSE;
        IoMarkIrpPending(Irp);
        Held = Irp;
        KeSetEvent(&PowerCame, 0, FALSE);
        return STATUS_PENDING;
    }
    KeSetEvent(&PowerCame, 0, FALSE);
    return PassPower(Irp);
}

static VOID NTAPI PowerCompleted(PDEVICE_OBJECT DeviceObject, UCHAR Minor, POWER_STATE State,
                                 PVOID Context, PIO_STATUS_BLOCK Iosb)
{
    UNREFERENCED_PARAMETER(Minor);
    UNREFERENCED_PARAMETER(State);
    PowerResult = *Iosb;
    if (DeviceObject != Pdo || Context != &PowerDone)
        PowerResult.Status = STATUS_INVALID_PARAMETER;
    KeReleaseSemaphore(&PowerDone, 0, 1, FALSE);
}

static NTSTATUS Request(UCHAR Minor, DEVICE_POWER_STATE To, PIRP *Irp)
{
    POWER_STATE State = {.DeviceState = To};

    return PoRequestPowerIrp(Pdo, Minor, State, PowerCompleted, &PowerDone, Irp);
}

static VOID TestPower(VOID)
{
    POWER_STATE State = {.DeviceState = PowerDeviceD0};

    CheckEqual("power: set", Request(IRP_MN_SET_POWER, PowerDeviceD3, NULL), STATUS_PENDING);
    Wait(&PowerDone);
    CheckEqual("power: the bus driver has completed it", PowerResult.Status, STATUS_SUCCESS);
    Check("power: the device has seen it",
          PowerPackets == 1 && LastState.DeviceState == PowerDeviceD3);
    CheckEqual("power: no such packet", Request(IRP_MN_POWER_SEQUENCE, PowerDeviceD0, NULL),
               STATUS_INVALID_PARAMETER_2);
    CheckEqual("power: the state was not known",
               PoSetPowerState(Device, DevicePowerState, State).DeviceState,
               PowerDeviceUnspecified);
    State.DeviceState = PowerDeviceD3;
    CheckEqual("power: now it was", PoSetPowerState(Device, DevicePowerState, State).DeviceState,
               PowerDeviceD0);
}

/* The second waits until the first is completed, though its driver asks for the next one before. */
static VOID TestOneAtATime(VOID)
{
    KeClearEvent(&PowerCame);
    PowerPackets = 0;
    Hold = TRUE;
    Request(IRP_MN_SET_POWER, PowerDeviceD0, NULL);
    Request(IRP_MN_QUERY_POWER, PowerDeviceD2, NULL);
    Wait(&PowerCame);
    PoStartNextPowerIrp(Held);
    CheckEqual("power: one at a time", PowerPackets, 1);
    PassPower(Held);
    Wait(&PowerDone);
    Wait(&PowerCame);
    Wait(&PowerDone);
    Check("power: then the next", PowerPackets == 2 && LastState.DeviceState == PowerDeviceD2);
}

static VOID TestPageable(VOID)
{
    KIRQL OldIrql;

    Device->Flags |= DO_POWER_PAGABLE;
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Request(IRP_MN_SET_POWER, PowerDeviceD0, NULL);
    KeLowerIrql(OldIrql);
    Wait(&PowerDone);
    CheckEqual("power: a pageable driver's at PASSIVE_LEVEL", PowerIrql, PASSIVE_LEVEL);
    Device->Flags &= ~DO_POWER_PAGABLE;
    Lower->Flags |= DO_POWER_PAGABLE;
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Request(IRP_MN_SET_POWER, PowerDeviceD0, NULL);
    CheckEqual("power: passed on to one", KeReadStateSemaphore(&PowerDone), FALSE);
    KeLowerIrql(OldIrql);
    Wait(&PowerDone);
    CheckEqual("power: that is completed, too", PowerResult.Status, STATUS_SUCCESS);
    CheckEqual("power: what is not pageable has it at once", PowerIrql, DISPATCH_LEVEL);
    Lower->Flags &= ~DO_POWER_PAGABLE;
}

static VOID TestWaitWake(VOID)
{
    PIRP Irp = NULL;

    CheckEqual("wake: sent", Request(IRP_MN_WAIT_WAKE, 0, &Irp), STATUS_PENDING);
    Check("wake: pending", Irp && !KeReadStateSemaphore(&PowerDone) && !PoGetSystemWake(Irp));
    PoSetSystemWake(Irp);
    Check("wake: cancelled", IoCancelIrp(Irp));
    Wait(&PowerDone);
    CheckEqual("wake: ended", PowerResult.Status, STATUS_CANCELLED);
}

static VOID TestIdle(VOID)
{
    PULONG Counter = PoRegisterDeviceForIdleDetection(Device, 5, 1, PowerDeviceD2);

    if (!Check("idle: registered", Counter != NULL))
        return;
    KeClearEvent(&PowerCame);
    PoStartDeviceBusy(Counter);
    Delay(1300);
    CheckEqual("idle: not while it is busy", KeReadStateEvent(&PowerCame), FALSE);
    PoEndDeviceBusy(Counter);
    Wait(&PowerCame);
    CheckEqual("idle: told to go to its state", LastState.DeviceState, PowerDeviceD2);
    PoSetDeviceBusyEx(Counter);
    Check("idle: not any more",
          PoRegisterDeviceForIdleDetection(Device, 0, 0, PowerDeviceD2) == NULL);
}

static VOID TestSystemState(VOID)
{
    PVOID State = PoRegisterSystemState(NULL, ES_SYSTEM_REQUIRED | ES_CONTINUOUS);

    Check("system state: registered, and changed",
          State && PoRegisterSystemState(State, ES_DISPLAY_REQUIRED) == State);
    Check("system state: no such flag", PoRegisterSystemState(NULL, 0x100) == NULL);
    PoSetSystemState(ES_SYSTEM_REQUIRED);
    PoUnregisterSystemState(State);
}

/* ---- WMI ---------------------------------------------------------------------------------------
 */

static const WMIGUIDREGINFO Blocks[] = {{&BlockGuid, INSTANCES, WMIREG_FLAG_EXPENSIVE}};
static volatile LONG Registrations;
static SYSCTL_IRP_DISPOSITION Disposition;
static UNICODE_STRING ServiceKey;
static ULONG Changed, Enabled;

static NTSTATUS NTAPI QueryRegistration(PDEVICE_OBJECT DeviceObject, PULONG Flags,
                                        PUNICODE_STRING Instance, PUNICODE_STRING *RegistryPath,
                                        PUNICODE_STRING Mof, PDEVICE_OBJECT *PhysicalDevice)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Instance);
    *Flags = WMIREG_FLAG_INSTANCE_PDO;
    *PhysicalDevice = Pdo;
    *RegistryPath = &ServiceKey;
    RtlInitUnicodeString(Mof, L"MofResource");
    InterlockedIncrement(&Registrations);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI QueryBlock(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid, ULONG Instance,
                                 ULONG Count, PULONG Lengths, ULONG Room, PUCHAR Buffer)
{
    ULONG i, Needed = Count * 8;

    UNREFERENCED_PARAMETER(Guid);
    if (Room < Needed)
        return WmiCompleteRequest(DeviceObject, Irp, STATUS_BUFFER_TOO_SMALL, Needed, 0);
    for (i = 0; i < Count; i++) {
        *(PULONG)(Buffer + i * 8) = VALUE + Instance + i;
        Lengths[i] = sizeof(ULONG);
    }
    return WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, Needed, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI SetItem(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid, ULONG Instance,
                              ULONG Item, ULONG Bytes, PUCHAR Buffer)
{
    UNREFERENCED_PARAMETER(Guid);
    UNREFERENCED_PARAMETER(Buffer);
    Changed = Instance * 100 + Item * 10 + Bytes;
    return WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, 0, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI Execute(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid, ULONG Instance,
                              ULONG Method, ULONG InBytes, ULONG OutBytes, PUCHAR Buffer)
{
    UNREFERENCED_PARAMETER(Guid);
    UNREFERENCED_PARAMETER(Instance);
    if (InBytes != sizeof(ULONG) || OutBytes < sizeof(ULONG))
        return WmiCompleteRequest(DeviceObject, Irp, STATUS_INVALID_PARAMETER, 0, 0);
    *(PULONG)Buffer += Method;
    return WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, sizeof(ULONG), IO_NO_INCREMENT);
}

static NTSTATUS NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid,
                              WMIENABLEDISABLECONTROL Function, BOOLEAN Enable)
{
    UNREFERENCED_PARAMETER(Guid);
    Enabled = Function == WmiEventControl && Enable;
    return WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, 0, IO_NO_INCREMENT);
}

static WMILIB_CONTEXT Library = {.GuidCount = 1,
                                 .GuidList = (PWMIGUIDREGINFO)Blocks,
                                 .QueryWmiRegInfo = QueryRegistration,
                                 .QueryWmiDataBlock = QueryBlock,
                                 .SetWmiDataItem = SetItem,
                                 .ExecuteWmiMethod = Execute,
                                 .WmiFunctionControl = Control};

static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    NTSTATUS Status = WmiSystemControl(&Library, DeviceObject, Irp, &Disposition);

    if (Disposition == IrpNotCompleted)
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
    else if (Disposition != IrpProcessed) {
        IoSkipCurrentIrpStackLocation(Irp);
        Status = IoCallDriver(Lower, Irp);
    }
    return Status;
}

static NTSTATUS NTAPI TakeBack(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent(Context, 0, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS Ask(UCHAR Minor, PDEVICE_OBJECT Provider, const GUID *Guid, PVOID Buffer,
                    ULONG Bytes, PULONG_PTR Information)
{
    PIRP Irp = IoAllocateIrp(Device->StackSize, FALSE);
    PIO_STACK_LOCATION Stack = IoGetNextIrpStackLocation(Irp);
    NTSTATUS Status;
    KEVENT Done;

    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Stack->MajorFunction = IRP_MJ_SYSTEM_CONTROL;
    Stack->MinorFunction = Minor;
    Stack->Parameters.WMI.ProviderId = (ULONG_PTR)Provider;
    Stack->Parameters.WMI.DataPath = (PVOID)Guid;
    Stack->Parameters.WMI.Buffer = Buffer;
    Stack->Parameters.WMI.BufferSize = Bytes;
    IoSetCompletionRoutine(Irp, TakeBack, &Done, TRUE, TRUE, TRUE);
    IoCallDriver(Device, Irp);
    Wait(&Done);
    Status = Irp->IoStatus.Status;
    *Information = Irp->IoStatus.Information;
    IoFreeIrp(Irp);
    return Status;
}

static VOID TestRegistration(VOID)
{
    CheckEqual("WMI: registered", IoWMIRegistrationControl(Device, WMIREG_ACTION_REGISTER),
               STATUS_SUCCESS);
    CheckEqual("WMI: registered anew", IoWMIRegistrationControl(Device, WMIREG_ACTION_REREGISTER),
               STATUS_SUCCESS);
    CheckEqual("WMI: has other blocks",
               IoWMIRegistrationControl(Device, WMIREG_ACTION_UPDATE_GUIDS), STATUS_SUCCESS);
    CheckEqual("WMI: no such action", IoWMIRegistrationControl(Device, 99),
               STATUS_INVALID_PARAMETER);
    CheckEqual("WMI: not registered any more",
               IoWMIRegistrationControl(Device, WMIREG_ACTION_DEREGISTER), STATUS_SUCCESS);
    CheckEqual("WMI: until then it has answered", Registrations, 3);
    CheckEqual("WMI: not twice", IoWMIRegistrationControl(Device, WMIREG_ACTION_DEREGISTER),
               STATUS_INVALID_PARAMETER);
}

static union {
    UCHAR Bytes[512];
    WNODE_ALL_DATA All;
    WNODE_SINGLE_INSTANCE One;
    WNODE_SINGLE_ITEM Item;
    WNODE_METHOD_ITEM Method;
    WNODE_TOO_SMALL Small;
    WMIREGINFOW Registration;
} Node;

static VOID ClearNode(ULONG Flags)
{
    RtlZeroMemory(&Node, sizeof Node);
    Node.All.WnodeHeader.Flags = Flags;
    Node.All.WnodeHeader.BufferSize = sizeof Node;
}

static VOID TestAnswerOfRegistration(VOID)
{
    ULONG_PTR Information;
    ULONG Room = 4;

    ClearNode(0);
    CheckEqual("reginfo: too small", Ask(IRP_MN_REGINFO, Device, NULL, &Node, Room, &Information),
               STATUS_BUFFER_TOO_SMALL);
    Room = *(PULONG)&Node;
    CheckEqual("reginfo: as large as it has said",
               Ask(IRP_MN_REGINFO, Device, NULL, &Node, Room, &Information), STATUS_SUCCESS);
    Check("reginfo: the block, of the PDO",
          Information == Room && Node.Registration.GuidCount == 1 &&
              Node.Registration.WmiRegGuid[0].Pdo == (ULONG_PTR)Pdo &&
              Node.Registration.WmiRegGuid[0].InstanceCount == INSTANCES &&
              Node.Registration.WmiRegGuid[0].Flags ==
                  (WMIREG_FLAG_EXPENSIVE | WMIREG_FLAG_INSTANCE_PDO));
    CheckEqual("reginfo: the resource's name",
               *(PUSHORT)(Node.Bytes + Node.Registration.MofResourceName), 11 * sizeof(WCHAR));
    ObDereferenceObject(Pdo); /* of the answer */
}

static VOID TestQueries(VOID)
{
    ULONG_PTR Information;

    ClearNode(WNODE_FLAG_ALL_DATA);
    CheckEqual("WMI: all data",
               Ask(IRP_MN_QUERY_ALL_DATA, Device, &BlockGuid, &Node, sizeof Node, &Information),
               STATUS_SUCCESS);
    Check("WMI: both instances, where the node says",
          Node.All.InstanceCount == INSTANCES && Information == Node.All.WnodeHeader.BufferSize &&
              *(PULONG)(Node.Bytes + Node.All.OffsetInstanceDataAndLength[1].OffsetInstanceData) ==
                  VALUE + 1 &&
              Node.All.OffsetInstanceDataAndLength[1].LengthInstanceData == sizeof(ULONG));
    ClearNode(WNODE_FLAG_ALL_DATA);
    CheckEqual("WMI: too small",
               Ask(IRP_MN_QUERY_ALL_DATA, Device, &BlockGuid, &Node, sizeof Node.All, &Information),
               STATUS_SUCCESS);
    Check("WMI: says so", (Node.Small.WnodeHeader.Flags & WNODE_FLAG_TOO_SMALL) &&
                              Node.Small.SizeNeeded > sizeof Node.All);
    ClearNode(WNODE_FLAG_SINGLE_INSTANCE | WNODE_FLAG_STATIC_INSTANCE_NAMES);
    Node.One.InstanceIndex = 1;
    Node.One.DataBlockOffset = sizeof Node.One;
    CheckEqual(
        "WMI: one instance",
        Ask(IRP_MN_QUERY_SINGLE_INSTANCE, Device, &BlockGuid, &Node, sizeof Node, &Information),
        STATUS_SUCCESS);
    CheckEqual("WMI: its data", *(PULONG)Node.One.VariableData, VALUE + 1);
    Node.One.InstanceIndex = INSTANCES;
    CheckEqual(
        "WMI: no such instance",
        Ask(IRP_MN_QUERY_SINGLE_INSTANCE, Device, &BlockGuid, &Node, sizeof Node, &Information),
        STATUS_WMI_INSTANCE_NOT_FOUND);
    CheckEqual("WMI: no such block",
               Ask(IRP_MN_QUERY_ALL_DATA, Device, &NoGuid, &Node, sizeof Node, &Information),
               STATUS_WMI_GUID_NOT_FOUND);
    CheckEqual("WMI: the driver completes it", Disposition, IrpNotCompleted);
}

static VOID TestChanges(VOID)
{
    ULONG_PTR Information;

    ClearNode(WNODE_FLAG_SINGLE_ITEM | WNODE_FLAG_STATIC_INSTANCE_NAMES);
    Node.Item.InstanceIndex = 1;
    Node.Item.ItemId = 2;
    Node.Item.SizeDataItem = 4;
    Node.Item.DataBlockOffset = sizeof Node.Item;
    CheckEqual("WMI: an item is set",
               Ask(IRP_MN_CHANGE_SINGLE_ITEM, Device, &BlockGuid, &Node, sizeof Node, &Information),
               STATUS_SUCCESS);
    CheckEqual("WMI: which", Changed, 124);
    CheckEqual(
        "WMI: without a routine, read-only",
        Ask(IRP_MN_CHANGE_SINGLE_INSTANCE, Device, &BlockGuid, &Node, sizeof Node, &Information),
        STATUS_WMI_READ_ONLY);
    ClearNode(WNODE_FLAG_METHOD_ITEM | WNODE_FLAG_STATIC_INSTANCE_NAMES);
    Node.Method.MethodId = 3;
    Node.Method.SizeDataBlock = sizeof(ULONG);
    Node.Method.DataBlockOffset = FIELD_OFFSET(WNODE_METHOD_ITEM, VariableData);
    *(PULONG)Node.Method.VariableData = 40;
    CheckEqual("WMI: a method",
               Ask(IRP_MN_EXECUTE_METHOD, Device, &BlockGuid, &Node, sizeof Node, &Information),
               STATUS_SUCCESS);
    CheckEqual("WMI: its result", *(PULONG)Node.Method.VariableData, 43);
    Ask(IRP_MN_ENABLE_EVENTS, Device, &BlockGuid, &Node, sizeof Node, &Information);
    CheckEqual("WMI: events are enabled", Enabled, TRUE);
}

static VOID TestDispositions(VOID)
{
    ULONG_PTR Information;
    PVOID Data = ExAllocatePoolWithTag(NonPagedPool, 16, TAG);
    PWNODE_HEADER Bad = (PWNODE_HEADER)&Node;

    ClearNode(WNODE_FLAG_ALL_DATA);
    CheckEqual("WMI: somebody else's",
               Ask(IRP_MN_QUERY_ALL_DATA, Pdo, &BlockGuid, &Node, sizeof Node, &Information),
               STATUS_NOT_SUPPORTED);
    CheckEqual("WMI: is passed on", Disposition, IrpForward);
    Ask(0x20, Device, &BlockGuid, &Node, sizeof Node, &Information);
    CheckEqual("WMI: not WMI's", Disposition, IrpNotWmi);
    CheckEqual("WMI: an event", WmiFireEvent(Device, &BlockGuid, 0, 16, Data), STATUS_SUCCESS);
    CheckEqual("WMI: no event", IoWMIWriteEvent(Bad), STATUS_UNSUCCESSFUL);
}

/* ---- The driver --------------------------------------------------------------------------------
 */

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UCHAR Minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    NTSTATUS Status;

    IoSkipCurrentIrpStackLocation(Irp);
    Status = IoCallDriver(Lower, Irp);
    if (Minor == IRP_MN_REMOVE_DEVICE) {
        IoDetachDevice(Lower);
        IoDeleteDevice(DeviceObject);
    }
    return Status;
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    IoDetachDevice(Lower);
    IoDeleteDevice(Device);
}

static NTSTATUS MakeDevice(PDRIVER_OBJECT DriverObject)
{
    NTSTATUS Status =
        IoReportDetectedDevice(DriverObject, Isa, 0, (ULONG)-1, NULL, NULL, FALSE, &Pdo);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (NT_SUCCESS(Status))
        Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    return Status;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    ServiceKey = *RegistryPath;
    KeInitializeEvent(&PowerCame, SynchronizationEvent, FALSE);
    KeInitializeSemaphore(&PowerDone, 0, 10);
    DriverObject->DriverUnload = Unload;
    DriverObject->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    DriverObject->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    CheckEqual("a device has been found", MakeDevice(DriverObject), STATUS_SUCCESS);
    if (Lower) {
        TestPower();
        TestOneAtATime();
        TestPageable();
        TestWaitWake();
        TestIdle();
        TestSystemState();
        TestRegistration();
        TestAnswerOfRegistration();
        TestQueries();
        TestChanges();
        TestDispositions();
    }
    return FinishTests("powertest");
}
