/*
 * What drivers can ask about a device (WDK: IoGetDeviceProperty): what its bus driver has said of
 * it, and what is in the registry.
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"

/* An answer: a copy is made of it. Text: its length is looked for; pool: it is freed. */
typedef struct _PNP_ANSWER {
    const VOID *Data; /* NULL: there is none */
    ULONG Bytes;
    ULONG Number; /* for those that are one */
    PVOID Pool;
} PNP_ANSWER;

static VOID PnpAnswerText(PNP_ANSWER *Answer, PCWSTR Text)
{
    Answer->Data = Text;
    if (Text)
        Answer->Bytes = (ULONG)(wcslen(Text) + 1) * sizeof(WCHAR);
}

/* Up to and with the empty string at its end. */
static VOID PnpAnswerList(PNP_ANSWER *Answer, PCWSTR List)
{
    PCWSTR End = List;

    if (List == NULL)
        return;
    while (*End)
        End += wcslen(End) + 1;
    Answer->Data = List;
    Answer->Bytes = (ULONG)((PUCHAR)(End + 1) - (PUCHAR)List);
}

static VOID PnpAnswerNumber(PNP_ANSWER *Answer, ULONG Number)
{
    Answer->Number = Number;
    Answer->Data = &Answer->Number;
    Answer->Bytes = sizeof Answer->Number;
}

static VOID PnpAnswerResources(PNP_ANSWER *Answer, PCM_RESOURCE_LIST List)
{
    Answer->Data = List;
    if (List)
        Answer->Bytes = PnpSizeOfResources(List);
}

/* The first part of the instance path: Root. */
static NTSTATUS PnpAnswerEnumerator(PNP_ANSWER *Answer, PNP_NODE *Node)
{
    ULONG Length = 0;
    PWSTR Copy;

    while (Node->InstancePath.Buffer[Length] != L'\\')
        Length++;
    Copy = ExAllocatePoolWithTag(PagedPool, (Length + 1) * sizeof(WCHAR), TAG_PNP);
    if (Copy == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, Node->InstancePath.Buffer, Length * sizeof(WCHAR));
    Copy[Length] = 0;
    Answer->Pool = Copy;
    PnpAnswerText(Answer, Copy);
    return STATUS_SUCCESS;
}

static NTSTATUS PnpAnswerDeviceName(PNP_ANSWER *Answer, PNP_NODE *Node)
{
    UNICODE_STRING Path;
    NTSTATUS Status = ObpQueryPath(Node->Pdo, &Path);
    PWSTR Copy;

    if (!NT_SUCCESS(Status) || Path.Buffer == NULL)
        return Status;
    Copy = ExAllocatePoolWithTag(PagedPool, Path.Length + sizeof(WCHAR), TAG_PNP);
    if (Copy) {
        memcpy(Copy, Path.Buffer, Path.Length);
        Copy[Path.Length / sizeof(WCHAR)] = 0;
        Answer->Pool = Copy;
        PnpAnswerText(Answer, Copy);
    }
    ExFreePool(Path.Buffer);
    return Copy ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* An orderly removal, or none, is what there is. */
static ULONG PnpRemovalPolicy(PNP_NODE *Node)
{
    if (!Node->Capabilities.Removable)
        return RemovalPolicyExpectNoRemoval;
    return Node->Capabilities.SurpriseRemovalOK ? RemovalPolicyExpectSurpriseRemoval
                                                : RemovalPolicyExpectOrderlyRemoval;
}

static VOID PnpAnswerBus(PNP_ANSWER *Answer, PNP_NODE *Node, DEVICE_REGISTRY_PROPERTY Property)
{
    if (Node->Bus == NULL)
        return;
    if (Property == DevicePropertyBusTypeGuid) {
        Answer->Data = &Node->Bus->BusTypeGuid;
        Answer->Bytes = sizeof Node->Bus->BusTypeGuid;
    } else {
        PnpAnswerNumber(Answer, Property == DevicePropertyBusNumber
                                    ? Node->Bus->BusNumber
                                    : (ULONG)Node->Bus->LegacyBusType);
    }
}

static NTSTATUS PnpAnswerFromRegistry(PNP_ANSWER *Answer, PNP_NODE *Node,
                                      DEVICE_REGISTRY_PROPERTY Property)
{
    NTSTATUS Status = PnpQueryRegistryProperty(Node, Property, &Answer->Pool, &Answer->Bytes);

    Answer->Data = Answer->Pool;
    return Status;
}

/* Those that the node does not know are in the registry, if anywhere. */
static NTSTATUS PnpFindProperty(PNP_NODE *Node, DEVICE_REGISTRY_PROPERTY Property,
                                PNP_ANSWER *Answer)
{
    switch (Property) {
    case DevicePropertyDeviceDescription:
        PnpAnswerText(Answer, Node->Description);
        break;
    case DevicePropertyLocationInformation:
        PnpAnswerText(Answer, Node->Location);
        break;
    case DevicePropertyHardwareID:
        PnpAnswerList(Answer, Node->HardwareIds);
        break;
    case DevicePropertyCompatibleIDs:
        PnpAnswerList(Answer, Node->CompatibleIds);
        break;
    case DevicePropertyBootConfiguration:
    case DevicePropertyBootConfigurationTranslated:
        PnpAnswerResources(Answer, Node->BootResources);
        break;
    case DevicePropertyAllocatedResources:
        PnpAnswerResources(Answer, Node->Resources);
        break;
    case DevicePropertyBusTypeGuid:
    case DevicePropertyLegacyBusType:
    case DevicePropertyBusNumber:
        PnpAnswerBus(Answer, Node, Property);
        break;
    case DevicePropertyPhysicalDeviceObjectName:
        return PnpAnswerDeviceName(Answer, Node);
    case DevicePropertyEnumeratorName:
        return PnpAnswerEnumerator(Answer, Node);
    case DevicePropertyAddress:
        PnpAnswerNumber(Answer, Node->Capabilities.Address);
        break;
    case DevicePropertyUINumber:
        PnpAnswerNumber(Answer, Node->Capabilities.UINumber);
        break;
    case DevicePropertyRemovalPolicy:
        PnpAnswerNumber(Answer, PnpRemovalPolicy(Node));
        break;
    case DevicePropertyInstallState:
        PnpAnswerNumber(Answer, InstallStateInstalled);
        break;
    default:
        return PnpAnswerFromRegistry(Answer, Node, Property);
    }
    return STATUS_SUCCESS;
}

/*
 * Something about a device, given by its PDO (WDK: IoGetDeviceProperty). STATUS_BUFFER_TOO_SMALL:
 * *ResultLength says how large it must be. STATUS_INVALID_DEVICE_REQUEST: not a PDO;
 * STATUS_INVALID_PARAMETER_2: no such property; STATUS_OBJECT_NAME_NOT_FOUND: it has not got it.
 * IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoGetDeviceProperty(PDEVICE_OBJECT DeviceObject,
                                   DEVICE_REGISTRY_PROPERTY DeviceProperty, ULONG BufferLength,
                                   PVOID PropertyBuffer, PULONG ResultLength)
{
    PNP_NODE *Node = PNP_NODE_OF(DeviceObject);
    PNP_ANSWER Answer = {0};
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *ResultLength = 0;
    if (Node == NULL || Node->InstancePath.Buffer == NULL)
        return STATUS_INVALID_DEVICE_REQUEST;
    Status = PnpFindProperty(Node, DeviceProperty, &Answer);
    if (NT_SUCCESS(Status) && Answer.Data == NULL)
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (NT_SUCCESS(Status)) {
        *ResultLength = Answer.Bytes;
        Status = Answer.Bytes > BufferLength ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
    }
    if (NT_SUCCESS(Status))
        memcpy(PropertyBuffer, Answer.Data, Answer.Bytes);
    if (Answer.Pool)
        ExFreePool(Answer.Pool);
    return Status;
}

/* There is one node (WDK: IoGetDeviceNumaNode). */
NTSTATUS NTAPI IoGetDeviceNumaNode(PDEVICE_OBJECT Pdo, PUSHORT NodeNumber)
{
    if (PNP_NODE_OF(Pdo) == NULL)
        return STATUS_INVALID_DEVICE_REQUEST;
    *NodeNumber = 0;
    return STATUS_SUCCESS;
}
