/*
 * How a device comes: it is asked who it is, its driver's AddDevice is called, it gets resources
 * and is started (WDK: Adding a PnP Device to a Running System).
 *
 * A device that cannot be added or started is told that it is removed, and stays in the tree as
 * NodeFailed until its bus does not report it any more. The tree lock is held throughout.
 */
#include "kernel/kd/kd.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"

/* A number that stands for a bus wherever its devices' numbers are not unique. */
static ULONG PnpMarkOfBus(PNP_NODE *Bus)
{
    ULONG Mark = 0, i;

    for (i = 0; i < Bus->InstancePath.Length / sizeof(WCHAR); i++)
        Mark = Mark * 31 + Bus->InstancePath.Buffer[i];
    return Mark;
}

/* Device\Instance; an instance that is unique on its bus only gets the bus's mark before it. */
static NTSTATUS PnpNameInstance(PNP_NODE *Node, PCWSTR Device, PCWSTR Instance)
{
    SIZE_T Characters = wcslen(Device) + wcslen(Instance) + 16;
    PWSTR Path = ExAllocatePoolWithTag(PagedPool, Characters * sizeof(WCHAR), TAG_PNP);

    if (Path == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Node->Capabilities.UniqueID)
        _snwprintf(Path, Characters, L"%ws\\%ws", Device, Instance);
    else
        _snwprintf(Path, Characters, L"%ws\\%lx&%ws", Device, PnpMarkOfBus(Node->Parent), Instance);
    RtlInitUnicodeString(&Node->InstancePath, Path);
    return STATUS_SUCCESS;
}

/* The device must have an identifier; its instance may lack one. */
static NTSTATUS PnpIdentifyInstance(PNP_NODE *Node)
{
    PWSTR Device = PnpQuery(Node, IRP_MN_QUERY_ID, BusQueryDeviceID);
    PWSTR Instance = PnpQuery(Node, IRP_MN_QUERY_ID, BusQueryInstanceID);
    NTSTATUS Status = STATUS_UNSUCCESSFUL;

    if (Device)
        Status = PnpNameInstance(Node, Device, Instance ? Instance : L"0");
    if (Device)
        ExFreePool(Device);
    if (Instance)
        ExFreePool(Instance);
    return Status;
}

/* Asks a new device's bus driver about it. */
NTSTATUS PnpIdentify(PNP_NODE *Node)
{
    NTSTATUS Status;

    PnpQueryCapabilities(Node);
    Status = PnpIdentifyInstance(Node);
    if (!NT_SUCCESS(Status))
        return Status;
    Node->HardwareIds = PnpQuery(Node, IRP_MN_QUERY_ID, BusQueryHardwareIDs);
    Node->CompatibleIds = PnpQuery(Node, IRP_MN_QUERY_ID, BusQueryCompatibleIDs);
    Node->Description = PnpQuery(Node, IRP_MN_QUERY_DEVICE_TEXT, DeviceTextDescription);
    Node->Location = PnpQuery(Node, IRP_MN_QUERY_DEVICE_TEXT, DeviceTextLocationInformation);
    Node->Bus = PnpQuery(Node, IRP_MN_QUERY_BUS_INFORMATION, 0);
    Node->BootResources = PnpQuery(Node, IRP_MN_QUERY_RESOURCES, 0);
    Node->Requirements = PnpQuery(Node, IRP_MN_QUERY_RESOURCE_REQUIREMENTS, 0);
    PnpWriteKey(Node);
    return STATUS_SUCCESS;
}

/* The drivers may change what the device requires. */
static VOID PnpFilterRequirements(PNP_NODE *Node)
{
    IO_STACK_LOCATION Parameters = {0};
    PVOID Filtered = Node->Requirements;

    Parameters.Parameters.FilterResourceRequirements.IoResourceRequirementList = Node->Requirements;
    if (NT_SUCCESS(PnpSend(Node->Pdo, IRP_MN_FILTER_RESOURCE_REQUIREMENTS, &Parameters, &Filtered)))
        Node->Requirements = Filtered; /* who puts another one there frees the old one */
}

static NTSTATUS PnpSendStart(PNP_NODE *Node)
{
    IO_STACK_LOCATION Parameters = {0};

    Parameters.Parameters.StartDevice.AllocatedResources = Node->Resources;
    Parameters.Parameters.StartDevice.AllocatedResourcesTranslated = Node->Translated;
    return PnpSend(Node->Pdo, IRP_MN_START_DEVICE, &Parameters, NULL);
}

static VOID PnpFail(PNP_NODE *Node, PCSTR What, NTSTATUS Status)
{
    KdPrintLine("Pnp: %wZ: %s (status %08lx)\n", &Node->InstancePath, What, Status);
    PnpDisableInterfaces(Node);
    PnpSendSimple(Node, IRP_MN_REMOVE_DEVICE);
    PnpReleaseResources(Node);
    Node->State = NodeFailed;
}

static NTSTATUS PnpStart(PNP_NODE *Node)
{
    PVOID State = NULL;
    NTSTATUS Status;

    PnpFilterRequirements(Node);
    Status = PnpAssignResources(Node);
    if (NT_SUCCESS(Status))
        Status = PnpSendStart(Node);
    if (!NT_SUCCESS(Status)) {
        PnpFail(Node, "it cannot be started", Status);
        return Status;
    }
    Node->State = NodeStarted;
    PnpAnnounceInterfaces(Node);
    PnpQueryCapabilities(Node);
    if (NT_SUCCESS(PnpSend(Node->Pdo, IRP_MN_QUERY_PNP_DEVICE_STATE, NULL, &State)))
        Node->DeviceState = (PNP_DEVICE_STATE)(ULONG_PTR)State;
    PnpEnumerateChildren(Node);
    return STATUS_SUCCESS;
}

/* Driver NULL: the bus driver alone serves the device ("raw"). */
NTSTATUS PnpAddAndStart(PNP_NODE *Node, PDRIVER_OBJECT Driver)
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (Driver) {
        ObReferenceObject(Driver);
        Node->Driver = Driver;
        Status = Driver->DriverExtension->AddDevice(Driver, Node->Pdo);
    }
    if (!NT_SUCCESS(Status)) {
        PnpFail(Node, "its driver's AddDevice has failed", Status);
        return Status;
    }
    Node->State = NodeAdded;
    return PnpStart(Node);
}

/* Loads the driver, unless it is loaded, without giving it a root device; referenced. */
static NTSTATUS PnpLoadDriver(PCWSTR Service, PDRIVER_OBJECT *Driver)
{
    WCHAR Text[IOP_NAME_CHARACTERS + 64];
    UNICODE_STRING Name;
    NTSTATUS Status;

    _snwprintf(Text, RTL_NUMBER_OF(Text), L"\\Driver\\%ws", Service);
    Text[RTL_NUMBER_OF(Text) - 1] = 0;
    RtlInitUnicodeString(&Name, Text);
    Status = ObpOpenPath(&Name, IopDriverType, NULL, (PVOID *)Driver);
    if (NT_SUCCESS(Status))
        return Status;
    Status = IopLoadForDevice(Service);
    return NT_SUCCESS(Status) ? ObpOpenPath(&Name, IopDriverType, NULL, (PVOID *)Driver) : Status;
}

/* The driver that the registry names for the device; without one the bus driver may do. */
static VOID PnpFindDriver(PNP_NODE *Node)
{
    PWSTR Service = PnpQueryService(Node);
    PDRIVER_OBJECT Driver = NULL;
    NTSTATUS Status = STATUS_SUCCESS;

    if (Service) {
        Status = PnpLoadDriver(Service, &Driver);
        ExFreePool(Service);
    }
    if (!NT_SUCCESS(Status))
        PnpFail(Node, "its driver cannot be loaded", Status);
    else if (Driver && Driver->DriverExtension->AddDevice == NULL)
        PnpFail(Node, "its driver has no AddDevice routine", STATUS_DRIVER_UNABLE_TO_LOAD);
    else if (Driver || Node->Capabilities.RawDeviceOK)
        PnpAddAndStart(Node, Driver);
    if (Driver)
        ObDereferenceObject(Driver);
}

VOID PnpConfigure(PNP_NODE *Node)
{
    NTSTATUS Status = Node->InstancePath.Buffer ? STATUS_SUCCESS : PnpIdentify(Node);

    if (!NT_SUCCESS(Status)) {
        PnpFail(Node, "it does not say what it is", Status);
        return;
    }
    PnpFindDriver(Node);
}
