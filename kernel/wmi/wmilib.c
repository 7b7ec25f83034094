/*
 * WMILIB.SYS, the library with which drivers answer WMI's packets (WDK: Calling WmiSystemControl to
 * Handle WMI IRPs): it takes a packet apart, checks it, calls the driver's routine for it, and puts
 * the answer into the form that WMI wants. No state.
 */
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include <wmistr.h>
#include <wmilib.h>

#define DATA_ALIGNMENT 8

/* A packet that is being answered. */
typedef struct _WMIP_CALL {
    PWMILIB_CONTEXT Library;
    PDEVICE_OBJECT Device;
    PIRP Irp;
    UCHAR Minor;
    ULONG Guid, Instance; /* indices */
    PVOID Buffer;
    ULONG Bytes;
} WMIP_CALL;

/* ---- What a driver provides --------------------------------------------------------------------
 */

/* Appends a counted string; only counts it if there is no room. Returns where it begins. */
static ULONG WmipPutName(PUCHAR Base, ULONG Room, PULONG Used, PUNICODE_STRING Name)
{
    ULONG Offset = *Used;

    if (Name == NULL || Name->Buffer == NULL)
        return 0;
    *Used += (sizeof(USHORT) + Name->Length + 3) & ~3;
    if (*Used <= Room) {
        *(PUSHORT)(Base + Offset) = Name->Length;
        memcpy(Base + Offset + sizeof(USHORT), Name->Buffer, Name->Length);
    }
    return Offset;
}

static VOID WmipFillGuids(WMIP_CALL *Call, PWMIREGINFOW Info, ULONG Flags, ULONG NameOffset,
                          PDEVICE_OBJECT Pdo)
{
    ULONG i;

    Info->GuidCount = Call->Library->GuidCount;
    for (i = 0; i < Info->GuidCount; i++) {
        PWMIREGGUIDW To = &Info->WmiRegGuid[i];
        const WMIGUIDREGINFO *From = &Call->Library->GuidList[i];
        To->Guid = *From->Guid;
        To->Flags = From->Flags | Flags;
        To->InstanceCount = From->InstanceCount;
        if (Flags & WMIREG_FLAG_INSTANCE_PDO) {
            ObReferenceObject(Pdo); /* for the one who asks */
            To->Pdo = (ULONG_PTR)Pdo;
        } else {
            To->BaseNameOffset = NameOffset;
        }
    }
}

/* The answer to IRP_MN_REGINFO, or how much room it needs. */
static NTSTATUS WmipPutRegistration(WMIP_CALL *Call, ULONG Flags, PUNICODE_STRING Instance,
                                    PUNICODE_STRING Registry, PUNICODE_STRING Mof,
                                    PDEVICE_OBJECT Pdo)
{
    PWMIREGINFOW Info = Call->Buffer;
    ULONG Used =
        FIELD_OFFSET(WMIREGINFOW, WmiRegGuid) + Call->Library->GuidCount * sizeof(WMIREGGUIDW);
    ULONG NameOffset = (Flags & WMIREG_FLAG_INSTANCE_PDO)
                           ? 0
                           : WmipPutName(Call->Buffer, Call->Bytes, &Used, Instance);
    ULONG RegistryOffset = WmipPutName(Call->Buffer, Call->Bytes, &Used, Registry);
    ULONG MofOffset = WmipPutName(Call->Buffer, Call->Bytes, &Used, Mof);

    if (Used > Call->Bytes) {
        *(PULONG)Call->Buffer = Used;
        Call->Irp->IoStatus.Information = sizeof(ULONG);
        return STATUS_BUFFER_TOO_SMALL;
    }
    Info->BufferSize = Used;
    Info->NextWmiRegInfo = 0;
    Info->RegistryPath = RegistryOffset;
    Info->MofResourceName = MofOffset;
    WmipFillGuids(Call, Info, Flags, NameOffset, Pdo);
    Call->Irp->IoStatus.Information = Used;
    return STATUS_SUCCESS;
}

static NTSTATUS WmipRegister(WMIP_CALL *Call)
{
    UNICODE_STRING Instance = {0}, Mof = {0}, *Registry = NULL;
    PDEVICE_OBJECT Pdo = NULL;
    ULONG Flags = 0;
    NTSTATUS Status;

    if (Call->Bytes < sizeof(ULONG))
        return STATUS_BUFFER_TOO_SMALL;
    Status = Call->Library->QueryWmiRegInfo(Call->Device, &Flags, &Instance, &Registry, &Mof, &Pdo);
    if (NT_SUCCESS(Status) && (Flags & WMIREG_FLAG_INSTANCE_PDO) && Pdo == NULL)
        Status = STATUS_INVALID_DEVICE_REQUEST;
    if (NT_SUCCESS(Status))
        Status = WmipPutRegistration(Call, Flags, &Instance, Registry, &Mof, Pdo);
    if (Instance.Buffer)
        ExFreePool(Instance.Buffer); /* the WDK has the driver allocate it for us */
    return Status;
}

/* ---- Data --------------------------------------------------------------------------------------
 */

/* All instances. Where their lengths are written down comes before them. */
static NTSTATUS WmipQueryAll(WMIP_CALL *Call)
{
    PWNODE_ALL_DATA Node = Call->Buffer;
    ULONG Count = Call->Library->GuidList[Call->Guid].InstanceCount;
    ULONG Data = FIELD_OFFSET(WNODE_ALL_DATA, OffsetInstanceDataAndLength[Count]);
    BOOLEAN Fits;

    Data = (Data + DATA_ALIGNMENT - 1) & ~(DATA_ALIGNMENT - 1);
    Fits = Data <= Call->Bytes;
    if (Call->Bytes < sizeof *Node)
        return STATUS_BUFFER_TOO_SMALL;
    Node->InstanceCount = Count;
    Node->DataBlockOffset = Data;
    Node->WnodeHeader.Flags &= ~WNODE_FLAG_FIXED_INSTANCE_SIZE;
    return Call->Library->QueryWmiDataBlock(Call->Device, Call->Irp, Call->Guid, 0, Count,
                                            Fits ? (PULONG)Node->OffsetInstanceDataAndLength : NULL,
                                            Fits ? Call->Bytes - Data : 0,
                                            Fits ? (PUCHAR)Node + Data : NULL);
}

static NTSTATUS WmipQueryOne(WMIP_CALL *Call)
{
    PWNODE_SINGLE_INSTANCE Node = Call->Buffer;
    BOOLEAN Fits = Node->DataBlockOffset <= Call->Bytes;

    return Call->Library->QueryWmiDataBlock(Call->Device, Call->Irp, Call->Guid, Call->Instance, 1,
                                            Fits ? &Node->SizeDataBlock : NULL,
                                            Fits ? Call->Bytes - Node->DataBlockOffset : 0,
                                            Fits ? (PUCHAR)Node + Node->DataBlockOffset : NULL);
}

static NTSTATUS WmipChange(WMIP_CALL *Call)
{
    PWNODE_SINGLE_ITEM Item = Call->Buffer;
    PWNODE_SINGLE_INSTANCE Node = Call->Buffer;

    if (Call->Minor == IRP_MN_CHANGE_SINGLE_ITEM && Call->Library->SetWmiDataItem)
        return Call->Library->SetWmiDataItem(Call->Device, Call->Irp, Call->Guid, Call->Instance,
                                             Item->ItemId, Item->SizeDataItem,
                                             (PUCHAR)Item + Item->DataBlockOffset);
    if (Call->Minor == IRP_MN_CHANGE_SINGLE_INSTANCE && Call->Library->SetWmiDataBlock)
        return Call->Library->SetWmiDataBlock(Call->Device, Call->Irp, Call->Guid, Call->Instance,
                                              Node->SizeDataBlock,
                                              (PUCHAR)Node + Node->DataBlockOffset);
    return WmiCompleteRequest(Call->Device, Call->Irp, STATUS_WMI_READ_ONLY, 0, IO_NO_INCREMENT);
}

static NTSTATUS WmipExecute(WMIP_CALL *Call)
{
    PWNODE_METHOD_ITEM Node = Call->Buffer;

    if (Call->Library->ExecuteWmiMethod == NULL)
        return WmiCompleteRequest(Call->Device, Call->Irp, STATUS_INVALID_DEVICE_REQUEST, 0,
                                  IO_NO_INCREMENT);
    return Call->Library->ExecuteWmiMethod(
        Call->Device, Call->Irp, Call->Guid, Call->Instance, Node->MethodId, Node->SizeDataBlock,
        Call->Bytes - Node->DataBlockOffset, (PUCHAR)Node + Node->DataBlockOffset);
}

static NTSTATUS WmipControl(WMIP_CALL *Call)
{
    BOOLEAN Events = Call->Minor == IRP_MN_ENABLE_EVENTS || Call->Minor == IRP_MN_DISABLE_EVENTS;
    BOOLEAN Enable = Call->Minor == IRP_MN_ENABLE_EVENTS || Call->Minor == IRP_MN_ENABLE_COLLECTION;

    if (Call->Library->WmiFunctionControl == NULL) /* it is of no interest to the driver */
        return WmiCompleteRequest(Call->Device, Call->Irp, STATUS_SUCCESS, 0, IO_NO_INCREMENT);
    return Call->Library->WmiFunctionControl(Call->Device, Call->Irp, Call->Guid,
                                             Events ? WmiEventControl : WmiDataBlockControl,
                                             Enable);
}

/* ---- The packet --------------------------------------------------------------------------------
 */

static NTSTATUS WmipFindGuid(WMIP_CALL *Call, const GUID *Guid)
{
    for (Call->Guid = 0; Call->Guid < Call->Library->GuidCount; Call->Guid++) {
        if (memcmp(Call->Library->GuidList[Call->Guid].Guid, Guid, sizeof *Guid) == 0)
            return STATUS_SUCCESS;
    }
    return STATUS_WMI_GUID_NOT_FOUND;
}

/* For the packets that are about one instance: the driver must have it, by a static name. */
static NTSTATUS WmipFindInstance(WMIP_CALL *Call)
{
    PWNODE_SINGLE_INSTANCE Node = Call->Buffer;

    if (Call->Minor != IRP_MN_QUERY_SINGLE_INSTANCE && Call->Minor != IRP_MN_EXECUTE_METHOD &&
        Call->Minor != IRP_MN_CHANGE_SINGLE_INSTANCE && Call->Minor != IRP_MN_CHANGE_SINGLE_ITEM)
        return STATUS_SUCCESS;
    if (Call->Bytes < sizeof *Node)
        return STATUS_BUFFER_TOO_SMALL;
    Call->Instance = Node->InstanceIndex;
    if (!(Node->WnodeHeader.Flags & WNODE_FLAG_STATIC_INSTANCE_NAMES) ||
        Call->Instance >= Call->Library->GuidList[Call->Guid].InstanceCount)
        return STATUS_WMI_INSTANCE_NOT_FOUND;
    return STATUS_SUCCESS;
}

static NTSTATUS WmipCallDriver(WMIP_CALL *Call)
{
    switch (Call->Minor) {
    case IRP_MN_QUERY_ALL_DATA:
        return WmipQueryAll(Call);
    case IRP_MN_QUERY_SINGLE_INSTANCE:
        return WmipQueryOne(Call);
    case IRP_MN_CHANGE_SINGLE_INSTANCE:
    case IRP_MN_CHANGE_SINGLE_ITEM:
        return WmipChange(Call);
    case IRP_MN_EXECUTE_METHOD:
        return WmipExecute(Call);
    default:
        return WmipControl(Call);
    }
}

static BOOLEAN WmipIsWmi(UCHAR Minor)
{
    return Minor <= IRP_MN_EXECUTE_METHOD || Minor == IRP_MN_REGINFO_EX;
}

/* What is wrong with a packet, or what a registration comes to, stays in it for the driver. */
static NTSTATUS WmipNotCompleted(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    if (!NT_SUCCESS(Status) && Status != STATUS_BUFFER_TOO_SMALL)
        Irp->IoStatus.Information = 0;
    return Status;
}

/*
 * Handles a packet of IRP_MJ_SYSTEM_CONTROL (WDK: WmiSystemControl). *IrpDisposition says what the
 * driver is to do with it. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI WmiSystemControl(PWMILIB_CONTEXT WmiLibInfo, PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                PSYSCTL_IRP_DISPOSITION IrpDisposition)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    WMIP_CALL Call = {WmiLibInfo,
                      DeviceObject,
                      Irp,
                      Stack->MinorFunction,
                      0,
                      0,
                      Stack->Parameters.WMI.Buffer,
                      Stack->Parameters.WMI.BufferSize};
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (!WmipIsWmi(Call.Minor)) {
        *IrpDisposition = IrpNotWmi;
        return STATUS_SUCCESS;
    }
    if (Stack->Parameters.WMI.ProviderId != (ULONG_PTR)DeviceObject) {
        *IrpDisposition = IrpForward;
        return STATUS_SUCCESS;
    }
    *IrpDisposition = IrpNotCompleted;
    if (Call.Minor == IRP_MN_REGINFO || Call.Minor == IRP_MN_REGINFO_EX)
        return WmipNotCompleted(Irp, WmipRegister(&Call));
    Status = WmipFindGuid(&Call, Stack->Parameters.WMI.DataPath);
    if (NT_SUCCESS(Status))
        Status = WmipFindInstance(&Call);
    if (!NT_SUCCESS(Status))
        return WmipNotCompleted(Irp, Status);
    *IrpDisposition = IrpProcessed;
    return WmipCallDriver(&Call);
}

/* From lengths to offsets and lengths, in place: from the last on, for these are the longer. */
static VOID WmipSpreadLengths(PWNODE_ALL_DATA Node)
{
    PULONG Lengths = (PULONG)Node->OffsetInstanceDataAndLength;
    ULONG i, Offset = Node->DataBlockOffset;

    for (i = Node->InstanceCount; i-- > 0;)
        Node->OffsetInstanceDataAndLength[i].LengthInstanceData = Lengths[i];
    for (i = 0; i < Node->InstanceCount; i++) {
        POFFSETINSTANCEDATAANDLENGTH To = &Node->OffsetInstanceDataAndLength[i];
        To->OffsetInstanceData = Offset;
        Offset += (To->LengthInstanceData + DATA_ALIGNMENT - 1) & ~(DATA_ALIGNMENT - 1);
    }
}

/* Puts what the driver has written into its node; the bytes of it all. */
static ULONG WmipCloseNode(UCHAR Minor, PVOID Buffer, ULONG BufferUsed)
{
    PWNODE_ALL_DATA All = Buffer;
    PWNODE_SINGLE_INSTANCE One = Buffer;
    PWNODE_METHOD_ITEM Method = Buffer;

    switch (Minor) {
    case IRP_MN_QUERY_ALL_DATA:
        WmipSpreadLengths(All);
        return All->DataBlockOffset + BufferUsed;
    case IRP_MN_QUERY_SINGLE_INSTANCE:
        One->SizeDataBlock = BufferUsed;
        return One->DataBlockOffset + BufferUsed;
    case IRP_MN_EXECUTE_METHOD:
        Method->SizeDataBlock = BufferUsed;
        return Method->DataBlockOffset + BufferUsed;
    default:
        return 0;
    }
}

/* The node says how large it would have to be. */
static ULONG WmipSayTooSmall(PWNODE_TOO_SMALL Node, UCHAR Minor, ULONG BufferUsed)
{
    ULONG Header = Minor == IRP_MN_QUERY_ALL_DATA ? ((PWNODE_ALL_DATA)Node)->DataBlockOffset
                                                  : ((PWNODE_SINGLE_INSTANCE)Node)->DataBlockOffset;

    Node->WnodeHeader.BufferSize = sizeof *Node;
    Node->WnodeHeader.Flags |= WNODE_FLAG_TOO_SMALL;
    Node->SizeNeeded = Header + BufferUsed;
    return sizeof *Node;
}

/*
 * Completes a packet that WmiSystemControl has had the driver answer (WDK: WmiCompleteRequest).
 * BufferUsed: the bytes of data, or with STATUS_BUFFER_TOO_SMALL those that there would be. That
 * becomes a success whose node says so. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI WmiCompleteRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp, NTSTATUS Status,
                                  ULONG BufferUsed, CCHAR PriorityBoost)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PVOID Buffer = Stack->Parameters.WMI.Buffer;
    ULONG Information = 0;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Status == STATUS_BUFFER_TOO_SMALL &&
        Stack->Parameters.WMI.BufferSize >= sizeof(WNODE_TOO_SMALL)) {
        Information = WmipSayTooSmall(Buffer, Stack->MinorFunction, BufferUsed);
        Status = STATUS_SUCCESS;
    } else if (NT_SUCCESS(Status)) {
        Information = WmipCloseNode(Stack->MinorFunction, Buffer, BufferUsed);
        if (Information)
            ((PWNODE_HEADER)Buffer)->BufferSize = Information;
    }
    Irp->IoStatus.Information = Information;
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, PriorityBoost);
    return Status;
}

/* An event of the driver's: in a node, and off with it (WDK: WmiFireEvent). EventData is freed. */
NTSTATUS NTAPI WmiFireEvent(PDEVICE_OBJECT DeviceObject, LPCGUID Guid, ULONG InstanceIndex,
                            ULONG EventDataSize, PVOID EventData)
{
    ULONG Bytes = sizeof(WNODE_SINGLE_INSTANCE) + EventDataSize;
    PWNODE_SINGLE_INSTANCE Node = ExAllocatePoolWithTag(NonPagedPool, Bytes, 'limW');
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;

    if (Node) {
        memset(Node, 0, sizeof *Node);
        Node->WnodeHeader.BufferSize = Bytes;
        Node->WnodeHeader.ProviderId = (ULONG)(ULONG_PTR)DeviceObject;
        Node->WnodeHeader.Guid = *Guid;
        Node->WnodeHeader.Flags =
            WNODE_FLAG_SINGLE_INSTANCE | WNODE_FLAG_EVENT_ITEM | WNODE_FLAG_STATIC_INSTANCE_NAMES;
        Node->InstanceIndex = InstanceIndex;
        Node->SizeDataBlock = EventDataSize;
        Node->DataBlockOffset = sizeof *Node;
        if (EventDataSize)
            memcpy(Node + 1, EventData, EventDataSize);
        Status = IoWMIWriteEvent(Node);
        if (!NT_SUCCESS(Status))
            ExFreePool(Node);
    }
    if (EventData)
        ExFreePool(EventData);
    return Status;
}
