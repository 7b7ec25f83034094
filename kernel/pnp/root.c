/*
 * PnpManager, the built-in driver of the bus that is not there: its devices are those that are
 * known without having been found, one for each driver that is loaded by name and has an AddDevice
 * routine, and those that drivers report themselves (WDK: Root-Enumerated Devices).
 *
 * \Device\PnpManager takes away such a device: who writes its instance path to it, such as
 * Root\NAME\0000, has the device removed, and gets the status of that. (A driver that has an
 * AddDevice routine cannot be unloaded otherwise: WDK, ZwUnloadDriver.)
 */
#include "kernel/kd/kd.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"

#define ID_CHARACTERS 80

typedef struct _PNP_ROOT_EXTENSION {
    WCHAR DeviceId[ID_CHARACTERS]; /* Root\NAME; empty: \Device\PnpManager itself */
    WCHAR InstanceId[8];
} PNP_ROOT_EXTENSION;

static PDRIVER_OBJECT PnpManager;

static NTSTATUS PnpComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* The hardware identifiers are a list of one. */
static NTSTATUS PnpAnswerId(PIRP Irp, PNP_ROOT_EXTENSION *Extension, BUS_QUERY_ID_TYPE Type)
{
    PCWSTR Text = Type == BusQueryInstanceID ? Extension->InstanceId : Extension->DeviceId;
    SIZE_T Bytes = (wcslen(Text) + 2) * sizeof(WCHAR);
    PWSTR Answer;

    if (Type != BusQueryDeviceID && Type != BusQueryHardwareIDs && Type != BusQueryInstanceID)
        return PnpComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
    Answer = ExAllocatePoolWithTag(PagedPool, Bytes, TAG_PNP);
    if (Answer == NULL)
        return PnpComplete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    memset(Answer, 0, Bytes);
    memcpy(Answer, Text, Bytes - 2 * sizeof(WCHAR));
    return PnpComplete(Irp, STATUS_SUCCESS, (ULONG_PTR)Answer);
}

static NTSTATUS PnpAnswerCapabilities(PIRP Irp, PDEVICE_CAPABILITIES Capabilities)
{
    ULONG i;

    Capabilities->UniqueID = TRUE;
    Capabilities->SilentInstall = TRUE;
    for (i = PowerSystemWorking; i < PowerSystemMaximum; i++)
        Capabilities->DeviceState[i] = i == PowerSystemWorking ? PowerDeviceD0 : PowerDeviceD3;
    return PnpComplete(Irp, STATUS_SUCCESS, 0);
}

/* The device that a handle to the stack stands for: this one. */
static NTSTATUS PnpAnswerRelations(PIRP Irp, PDEVICE_OBJECT Pdo, DEVICE_RELATION_TYPE Type)
{
    PDEVICE_RELATIONS Relations;

    if (Type != TargetDeviceRelation)
        return PnpComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
    Relations = ExAllocatePoolWithTag(PagedPool, sizeof *Relations, TAG_PNP);
    if (Relations == NULL)
        return PnpComplete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    ObReferenceObject(Pdo);
    Relations->Count = 1;
    Relations->Objects[0] = Pdo;
    return PnpComplete(Irp, STATUS_SUCCESS, (ULONG_PTR)Relations);
}

/* A root device's PDO: what the bus driver has to answer. The rest keeps the status it has. */
static NTSTATUS NTAPI PnpDispatchPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    switch (Stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        return PnpComplete(Irp, STATUS_SUCCESS, 0);
    case IRP_MN_QUERY_ID:
        return PnpAnswerId(Irp, DeviceObject->DeviceExtension, Stack->Parameters.QueryId.IdType);
    case IRP_MN_QUERY_CAPABILITIES:
        return PnpAnswerCapabilities(Irp, Stack->Parameters.DeviceCapabilities.Capabilities);
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        return PnpAnswerRelations(Irp, DeviceObject, Stack->Parameters.QueryDeviceRelations.Type);
    }
    return PnpComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

static NTSTATUS NTAPI PnpDispatchPower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UCHAR Minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;

    UNREFERENCED_PARAMETER(DeviceObject);
    PoStartNextPowerIrp(Irp);
    if (Minor == IRP_MN_SET_POWER || Minor == IRP_MN_QUERY_POWER)
        return PnpComplete(Irp, STATUS_SUCCESS, 0);
    return PnpComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

static NTSTATUS NTAPI PnpDispatchSystemControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return PnpComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

/* Only \Device\PnpManager can be opened; a root device's stack answers above its PDO. */
static NTSTATUS NTAPI PnpOpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PNP_ROOT_EXTENSION *Extension = DeviceObject->DeviceExtension;

    return PnpComplete(Irp, Extension->DeviceId[0] ? STATUS_INVALID_DEVICE_REQUEST : STATUS_SUCCESS,
                       0);
}

/* A system thread removes the device, whoever asks for it: drivers rely on it. */
typedef struct _PNP_REMOVAL {
    WORK_QUEUE_ITEM Item;
    KEVENT Done;
    UNICODE_STRING InstancePath;
    NTSTATUS Status;
} PNP_REMOVAL;

static VOID NTAPI PnpRunRemoval(PVOID Context)
{
    PNP_REMOVAL *Removal = Context;
    PNP_NODE *Node;

    PnpLockTree();
    Node = PnpFindNode(&PnpRoot, &Removal->InstancePath);
    Removal->Status = Node ? PnpQueryAndRemove(Node) : STATUS_NO_SUCH_DEVICE;
    PnpUnlockTree();
    KeSetEvent(&Removal->Done, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS NTAPI PnpWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    PNP_REMOVAL Removal = {.Status = STATUS_PENDING};

    if (((PNP_ROOT_EXTENSION *)DeviceObject->DeviceExtension)->DeviceId[0])
        return PnpComplete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    if (Length == 0 || Length % sizeof(WCHAR) || Length > 2 * ID_CHARACTERS * sizeof(WCHAR))
        return PnpComplete(Irp, STATUS_INVALID_PARAMETER, 0);
    Removal.InstancePath.Buffer = Irp->AssociatedIrp.SystemBuffer;
    Removal.InstancePath.Length = Removal.InstancePath.MaximumLength = (USHORT)Length;
    KeInitializeEvent(&Removal.Done, NotificationEvent, FALSE);
    ExInitializeWorkItem(&Removal.Item, PnpRunRemoval, &Removal);
    ExQueueWorkItem(&Removal.Item, DelayedWorkQueue);
    KeWaitForSingleObject(&Removal.Done, Executive, KernelMode, FALSE, NULL);
    return PnpComplete(Irp, Removal.Status, NT_SUCCESS(Removal.Status) ? Length : 0);
}

static NTSTATUS NTAPI PnpManagerEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name;
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    Driver->MajorFunction[IRP_MJ_CREATE] = PnpOpenClose;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = PnpOpenClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = PnpOpenClose;
    Driver->MajorFunction[IRP_MJ_WRITE] = PnpWrite;
    Driver->MajorFunction[IRP_MJ_PNP] = PnpDispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = PnpDispatchPower;
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = PnpDispatchSystemControl;
    RtlInitUnicodeString(&Name, L"\\Device\\PnpManager");
    Status = IoCreateDevice(Driver, sizeof(PNP_ROOT_EXTENSION), &Name, FILE_DEVICE_CONTROLLER, 0,
                            FALSE, &Device);
    if (NT_SUCCESS(Status))
        Device->Flags |= DO_BUFFERED_IO;
    return Status;
}

NTSTATUS PnpInitialize(VOID)
{
    PnpInitializeInterfaces();
    return IopCreateDriver(L"PnpManager", PnpManagerEntry, NULL, &PnpManager);
}

/* The service's name is taken for the device's, and the first number that is free. */
static NTSTATUS PnpNameRootDevice(PNP_ROOT_EXTENSION *Extension, PDRIVER_OBJECT Driver)
{
    WCHAR Path[ID_CHARACTERS + 8];
    UNICODE_STRING InstancePath;
    ULONG Number = 0;

    if (_snwprintf(Extension->DeviceId, ID_CHARACTERS - 1, L"Root\\%wZ",
                   &Driver->DriverExtension->ServiceKeyName) < 0)
        return STATUS_NAME_TOO_LONG;
    do {
        _snwprintf(Extension->InstanceId, RTL_NUMBER_OF(Extension->InstanceId) - 1, L"%04lu",
                   Number++);
        _snwprintf(Path, RTL_NUMBER_OF(Path), L"%ws\\%ws", Extension->DeviceId,
                   Extension->InstanceId);
        RtlInitUnicodeString(&InstancePath, Path);
    } while (PnpFindNode(&PnpRoot, &InstancePath));
    return STATUS_SUCCESS;
}

/* A PDO on the root bus, and its node, which knows itself. The tree lock is held. */
NTSTATUS PnpCreateRootDevice(PDRIVER_OBJECT Driver, PNP_NODE **NewNode)
{
    PDEVICE_OBJECT Pdo;
    PNP_NODE *Node;
    NTSTATUS Status =
        IoCreateDevice(PnpManager, sizeof(PNP_ROOT_EXTENSION), NULL, FILE_DEVICE_CONTROLLER,
                       FILE_AUTOGENERATED_DEVICE_NAME, FALSE, &Pdo);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = PnpNameRootDevice(Pdo->DeviceExtension, Driver);
    Node = NT_SUCCESS(Status) ? PnpCreateNode(Pdo, &PnpRoot) : NULL;
    if (Node == NULL) {
        IoDeleteDevice(Pdo);
        return NT_SUCCESS(Status) ? STATUS_INSUFFICIENT_RESOURCES : Status;
    }
    Node->RootDevice = TRUE;
    Pdo->Flags &= ~DO_DEVICE_INITIALIZING;
    Status = PnpIdentify(Node);
    if (!NT_SUCCESS(Status))
        PnpRemove(Node);
    else
        *NewNode = Node;
    return Status;
}

static NTSTATUS PnpStartRootDevice(PNP_NODE *Node, PDRIVER_OBJECT Driver)
{
    NTSTATUS Status = PnpAddAndStart(Node, Driver);

    if (!NT_SUCCESS(Status))
        PnpRemove(Node);
    return Status;
}

/*
 * DriverEntry has succeeded. If there is an AddDevice routine, and no device of the driver's yet,
 * there is one now. An error: that does not work, and the driver is unloaded again if it can be.
 */
NTSTATUS PnpDriverLoaded(PDRIVER_OBJECT Driver)
{
    NTSTATUS Status = STATUS_SUCCESS;
    PNP_NODE *Node;

    if (Driver->DriverExtension->AddDevice == NULL)
        return STATUS_SUCCESS;
    PnpLockTree();
    if (PnpFindDriversNode(&PnpRoot, Driver) == NULL) {
        Status = PnpCreateRootDevice(Driver, &Node);
        if (NT_SUCCESS(Status))
            Status = PnpStartRootDevice(Node, Driver);
    }
    PnpUnlockTree();
    return Status;
}

/* The devices that the driver had reported (IoReportDetectedDevice) have nobody any more. */
VOID PnpDriverUnloaded(PDRIVER_OBJECT Driver)
{
    PNP_NODE *Node;

    PnpLockTree();
    while ((Node = PnpFindDriversNode(&PnpRoot, Driver)) != NULL)
        PnpRemove(Node);
    PnpUnlockTree();
}

/* A PDO that the driver itself has made becomes one of the root's. */
static NTSTATUS PnpAdoptDevice(PDEVICE_OBJECT Pdo, PNP_NODE **Node)
{
    if (PNP_NODE_OF(Pdo))
        return STATUS_INVALID_PARAMETER;
    *Node = PnpCreateNode(Pdo, &PnpRoot);
    if (*Node == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    ObReferenceObject(Pdo);
    return STATUS_SUCCESS;
}

/*
 * A driver has found a device that Plug and Play does not find; it counts as started, and the
 * driver attaches its own to it (WDK: IoReportDetectedDevice). *DeviceObject: the PDO, or NULL;
 * then it is made. The device goes when the driver is unloaded. What it uses is claimed unless it
 * has been. STATUS_CONFLICTING_ADDRESSES: somebody else has that. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoReportDetectedDevice(PDRIVER_OBJECT DriverObject, INTERFACE_TYPE LegacyBusType,
                                      ULONG BusNumber, ULONG SlotNumber,
                                      PCM_RESOURCE_LIST ResourceList,
                                      PIO_RESOURCE_REQUIREMENTS_LIST ResourceRequirements,
                                      BOOLEAN ResourceAssigned, PDEVICE_OBJECT *DeviceObject)
{
    PNP_NODE *Node;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(LegacyBusType);
    UNREFERENCED_PARAMETER(BusNumber);
    UNREFERENCED_PARAMETER(SlotNumber);
    UNREFERENCED_PARAMETER(ResourceRequirements);
    PnpLockTree();
    Status = *DeviceObject ? PnpAdoptDevice(*DeviceObject, &Node)
                           : PnpCreateRootDevice(DriverObject, &Node);
    if (NT_SUCCESS(Status) && !ResourceAssigned)
        Status = PnpClaimResources(Node, ResourceList);
    if (NT_SUCCESS(Status)) {
        ObReferenceObject(DriverObject);
        Node->Driver = DriverObject;
        Node->State = NodeStarted;
        *DeviceObject = Node->Pdo;
    } else if (Status == STATUS_CONFLICTING_ADDRESSES) {
        PnpRemove(Node);
    }
    PnpUnlockTree();
    return Status;
}
