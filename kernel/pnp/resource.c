/*
 * Hardware resources: who has which ports, memory, interrupt lines and DMA channels (WDK: Hardware
 * Resources). A device gets the first alternative of each of its requirements that nobody has; a
 * driver that finds its device itself reports what it uses.
 *
 * A claim is one descriptor and its owner: a device or driver object. The tree lock guards the
 * list.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"

typedef struct _PNP_CLAIM {
    LIST_ENTRY Link;
    PVOID Owner;
    CM_PARTIAL_RESOURCE_DESCRIPTOR Resource;
} PNP_CLAIM;

typedef struct _PNP_RANGE {
    ULONGLONG First, Last;
} PNP_RANGE;

static LIST_ENTRY PnpClaims = {&PnpClaims, &PnpClaims};

/* ---- Lists -------------------------------------------------------------------------------------
 */

/* The full descriptor after this one; data of a device's own stand after its last partial one. */
static PCM_FULL_RESOURCE_DESCRIPTOR PnpNextFull(PCM_FULL_RESOURCE_DESCRIPTOR Full)
{
    ULONG Count = Full->PartialResourceList.Count;
    PCM_PARTIAL_RESOURCE_DESCRIPTOR Partial = Full->PartialResourceList.PartialDescriptors, Last;
    ULONG Data = 0;

    Last = Partial + Count - 1;
    if (Count && Last->Type == CmResourceTypeDeviceSpecific)
        Data = Last->u.DeviceSpecificData.DataSize;
    return (PCM_FULL_RESOURCE_DESCRIPTOR)((PUCHAR)(Partial + Count) + Data);
}

ULONG PnpSizeOfResources(const CM_RESOURCE_LIST *List)
{
    PCM_FULL_RESOURCE_DESCRIPTOR Full = (PCM_FULL_RESOURCE_DESCRIPTOR)List->List;
    ULONG i;

    for (i = 0; i < List->Count; i++)
        Full = PnpNextFull(Full);
    return (ULONG)((PUCHAR)Full - (PUCHAR)List);
}

/* What a descriptor takes. FALSE: it takes nothing. */
static BOOLEAN PnpRangeOf(const CM_PARTIAL_RESOURCE_DESCRIPTOR *Resource, PNP_RANGE *Range)
{
    switch (Resource->Type) {
    case CmResourceTypePort:
    case CmResourceTypeMemory:
        Range->First = (ULONGLONG)Resource->u.Generic.Start.QuadPart;
        Range->Last = Range->First + Resource->u.Generic.Length - 1;
        return Resource->u.Generic.Length != 0;
    case CmResourceTypeInterrupt:
        Range->First = Range->Last = Resource->u.Interrupt.Vector;
        return TRUE;
    case CmResourceTypeDma:
        Range->First = Range->Last = Resource->u.Dma.Channel;
        return TRUE;
    default:
        return FALSE;
    }
}

/* ---- Claims ------------------------------------------------------------------------------------
 */

static BOOLEAN PnpIsFree(PVOID Owner, const CM_PARTIAL_RESOURCE_DESCRIPTOR *Resource)
{
    PNP_RANGE Wanted, Taken;
    PLIST_ENTRY Link;

    if (!PnpRangeOf(Resource, &Wanted))
        return TRUE;
    for (Link = PnpClaims.Flink; Link != &PnpClaims; Link = Link->Flink) {
        PNP_CLAIM *Claim = CONTAINING_RECORD(Link, PNP_CLAIM, Link);
        if (Claim->Owner == Owner || Claim->Resource.Type != Resource->Type ||
            (Claim->Resource.ShareDisposition == CmResourceShareShared &&
             Resource->ShareDisposition == CmResourceShareShared))
            continue;
        if (PnpRangeOf(&Claim->Resource, &Taken) && Wanted.First <= Taken.Last &&
            Taken.First <= Wanted.Last)
            return FALSE;
    }
    return TRUE;
}

static VOID PnpReleaseClaims(PVOID Owner)
{
    PLIST_ENTRY Link, Next;

    for (Link = PnpClaims.Flink; Link != &PnpClaims; Link = Next) {
        PNP_CLAIM *Claim = CONTAINING_RECORD(Link, PNP_CLAIM, Link);
        Next = Link->Flink;
        if (Claim->Owner == Owner) {
            RemoveEntryList(Link);
            ExFreePoolWithTag(Claim, TAG_PNP);
        }
    }
}

static NTSTATUS PnpClaim(PVOID Owner, const CM_PARTIAL_RESOURCE_DESCRIPTOR *Resource)
{
    PNP_CLAIM *Claim = ExAllocatePoolWithTag(PagedPool, sizeof *Claim, TAG_PNP);

    if (Claim == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Claim->Owner = Owner;
    Claim->Resource = *Resource;
    InsertTailList(&PnpClaims, &Claim->Link);
    return STATUS_SUCCESS;
}

/* Calls a routine for each descriptor of a list until it fails. */
static NTSTATUS PnpForResources(PVOID Owner, PCM_RESOURCE_LIST List,
                                NTSTATUS (*Routine)(PVOID, const CM_PARTIAL_RESOURCE_DESCRIPTOR *))
{
    PCM_FULL_RESOURCE_DESCRIPTOR Full = List ? List->List : NULL;
    ULONG i, j;

    for (i = 0; List && i < List->Count; i++, Full = PnpNextFull(Full)) {
        for (j = 0; j < Full->PartialResourceList.Count; j++) {
            NTSTATUS Status = Routine(Owner, &Full->PartialResourceList.PartialDescriptors[j]);
            if (!NT_SUCCESS(Status))
                return Status;
        }
    }
    return STATUS_SUCCESS;
}

static NTSTATUS PnpCheckFree(PVOID Owner, const CM_PARTIAL_RESOURCE_DESCRIPTOR *Resource)
{
    return PnpIsFree(Owner, Resource) ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES;
}

/* An owner has what is in the list, and no more what it had before. */
static NTSTATUS PnpClaimList(PVOID Owner, PCM_RESOURCE_LIST List)
{
    NTSTATUS Status;

    PnpReleaseClaims(Owner);
    Status = PnpForResources(Owner, List, PnpClaim);
    if (!NT_SUCCESS(Status))
        PnpReleaseClaims(Owner);
    return Status;
}

/* ---- Assignment --------------------------------------------------------------------------------
 */

/* The first place in the requirement's limits that is free. FALSE: there is none. */
static BOOLEAN PnpPlaceRange(PVOID Owner, const IO_RESOURCE_DESCRIPTOR *Wanted,
                             PCM_PARTIAL_RESOURCE_DESCRIPTOR Resource)
{
    ULONGLONG Step = Wanted->u.Generic.Alignment ? Wanted->u.Generic.Alignment : 1;
    ULONGLONG Start = (ULONGLONG)Wanted->u.Generic.MinimumAddress.QuadPart;
    ULONGLONG Last = (ULONGLONG)Wanted->u.Generic.MaximumAddress.QuadPart;

    Resource->u.Generic.Length = Wanted->u.Generic.Length;
    for (Start = (Start + Step - 1) / Step * Step; Start + Wanted->u.Generic.Length - 1 <= Last;
         Start += Step) {
        Resource->u.Generic.Start.QuadPart = (LONGLONG)Start;
        if (PnpIsFree(Owner, Resource))
            return TRUE;
    }
    return FALSE;
}

static BOOLEAN PnpPlaceNumber(PVOID Owner, const IO_RESOURCE_DESCRIPTOR *Wanted,
                              PCM_PARTIAL_RESOURCE_DESCRIPTOR Resource)
{
    ULONG First = Wanted->u.Interrupt.MinimumVector, Last = Wanted->u.Interrupt.MaximumVector, i;

    C_ASSERT(FIELD_OFFSET(IO_RESOURCE_DESCRIPTOR, u.Interrupt.MaximumVector) ==
             FIELD_OFFSET(IO_RESOURCE_DESCRIPTOR, u.Dma.MaximumChannel));
    for (i = First; i <= Last; i++) {
        if (Resource->Type == CmResourceTypeDma) {
            Resource->u.Dma.Channel = i;
        } else {
            Resource->u.Interrupt.Level = Resource->u.Interrupt.Vector = i;
            Resource->u.Interrupt.Affinity = HalQueryInterruptAffinity();
        }
        if (PnpIsFree(Owner, Resource))
            return TRUE;
        if (i == MAXULONG)
            break;
    }
    return FALSE;
}

static BOOLEAN PnpPlace(PVOID Owner, const IO_RESOURCE_DESCRIPTOR *Wanted,
                        PCM_PARTIAL_RESOURCE_DESCRIPTOR Resource)
{
    memset(Resource, 0, sizeof *Resource);
    Resource->Type = Wanted->Type;
    Resource->ShareDisposition = Wanted->ShareDisposition;
    Resource->Flags = Wanted->Flags;
    switch (Wanted->Type) {
    case CmResourceTypePort:
    case CmResourceTypeMemory:
        return PnpPlaceRange(Owner, Wanted, Resource);
    case CmResourceTypeInterrupt:
    case CmResourceTypeDma:
        return PnpPlaceNumber(Owner, Wanted, Resource);
    default: /* a device's own, or what nobody else can have */
        memcpy(&Resource->u.DevicePrivate, &Wanted->u.DevicePrivate,
               sizeof Resource->u.DevicePrivate);
        return TRUE;
    }
}

/*
 * Chooses from one list of requirements. A descriptor that is an alternative takes the place of the
 * one before it where that cannot be had. What is chosen is claimed as it is chosen.
 */
static NTSTATUS PnpChoose(PVOID Owner, const IO_RESOURCE_LIST *Wanted, PCM_PARTIAL_RESOURCE_LIST To)
{
    BOOLEAN Placed = TRUE;
    ULONG i;

    To->Version = To->Revision = 1;
    To->Count = 0;
    for (i = 0; i < Wanted->Count; i++) {
        const IO_RESOURCE_DESCRIPTOR *Descriptor = &Wanted->Descriptors[i];
        BOOLEAN Alternative = (Descriptor->Option & IO_RESOURCE_ALTERNATIVE) != 0;
        if (Descriptor->Type == CmResourceTypeConfigData || (Alternative && Placed))
            continue;
        if (!Alternative && !Placed)
            break;
        Placed = PnpPlace(Owner, Descriptor, &To->PartialDescriptors[To->Count]);
        if (Placed && !NT_SUCCESS(PnpClaim(Owner, &To->PartialDescriptors[To->Count++])))
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    return Placed ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES;
}

/* A resource list from requirements, in pool: the first of their alternative lists that works. */
static NTSTATUS PnpMakeAssignment(PVOID Owner, PIO_RESOURCE_REQUIREMENTS_LIST Requirements,
                                  PCM_RESOURCE_LIST *Assigned)
{
    NTSTATUS Status = STATUS_SUCCESS;
    PIO_RESOURCE_LIST Wanted = Requirements->List;
    PCM_RESOURCE_LIST List = ExAllocatePoolWithTag(
        PagedPool,
        sizeof *List + Requirements->ListSize / sizeof(IO_RESOURCE_DESCRIPTOR) *
                           sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR),
        TAG_PNP);
    ULONG i;

    if (List == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    List->Count = 1;
    List->List[0].InterfaceType = Requirements->InterfaceType;
    List->List[0].BusNumber = Requirements->BusNumber;
    for (i = 0; i < Requirements->AlternativeLists; i++) {
        PnpReleaseClaims(Owner);
        Status = PnpChoose(Owner, Wanted, &List->List[0].PartialResourceList);
        if (NT_SUCCESS(Status)) {
            *Assigned = List;
            return Status;
        }
        Wanted = (PIO_RESOURCE_LIST)&Wanted->Descriptors[Wanted->Count];
    }
    PnpReleaseClaims(Owner);
    ExFreePoolWithTag(List, TAG_PNP);
    return Status;
}

/* As the processor sees them: only interrupts differ, which become vectors and IRQLs. */
static NTSTATUS PnpTranslate(PCM_RESOURCE_LIST Raw, PCM_RESOURCE_LIST *Translated)
{
    ULONG Bytes = PnpSizeOfResources(Raw), i;
    PCM_RESOURCE_LIST List = ExAllocatePoolWithTag(PagedPool, Bytes, TAG_PNP);
    PCM_PARTIAL_RESOURCE_LIST Partial;

    if (List == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(List, Raw, Bytes);
    Partial = &List->List[0].PartialResourceList;
    for (i = 0; i < Partial->Count; i++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR Resource = &Partial->PartialDescriptors[i];
        KIRQL Irql = 0;
        if (Resource->Type != CmResourceTypeInterrupt)
            continue;
        Resource->u.Interrupt.Vector = HalGetInterruptVector(
            List->List[0].InterfaceType, 0, Resource->u.Interrupt.Level,
            Resource->u.Interrupt.Vector, &Irql, &Resource->u.Interrupt.Affinity);
        Resource->u.Interrupt.Level = Irql;
    }
    *Translated = List;
    return STATUS_SUCCESS;
}

/* For a device that is about to be started; without requirements it gets nothing. */
NTSTATUS PnpAssignResources(PNP_NODE *Node)
{
    NTSTATUS Status;

    if (Node->Requirements == NULL || Node->Requirements->AlternativeLists == 0)
        return STATUS_SUCCESS;
    Status = PnpMakeAssignment(Node->Pdo, Node->Requirements, &Node->Resources);
    if (NT_SUCCESS(Status))
        Status = PnpTranslate(Node->Resources, &Node->Translated);
    return Status;
}

/* A device that has been found with what it uses already. */
NTSTATUS PnpClaimResources(PNP_NODE *Node, PCM_RESOURCE_LIST List)
{
    NTSTATUS Status = PnpForResources(Node->Pdo, List, PnpCheckFree);

    if (NT_SUCCESS(Status))
        Status = PnpClaimList(Node->Pdo, List);
    if (NT_SUCCESS(Status) && List && List->Count)
        Status = PnpTranslate(List, &Node->Translated);
    return Status;
}

VOID PnpReleaseResources(PNP_NODE *Node)
{
    PnpReleaseClaims(Node->Pdo);
    if (Node->Resources)
        ExFreePoolWithTag(Node->Resources, TAG_PNP);
    if (Node->Translated)
        ExFreePoolWithTag(Node->Translated, TAG_PNP);
    Node->Resources = Node->Translated = NULL;
}

/* ---- What drivers do themselves ----------------------------------------------------------------
 */

/* Claims both lists of a driver's, or with a conflict neither unless it is overridden. */
static NTSTATUS PnpReport(PDRIVER_OBJECT Driver, PCM_RESOURCE_LIST DriverList,
                          PDEVICE_OBJECT Device, PCM_RESOURCE_LIST DeviceList, BOOLEAN Override,
                          PBOOLEAN Conflict)
{
    NTSTATUS Status;

    PnpLockTree();
    Status = PnpForResources(Driver, DriverList, PnpCheckFree);
    if (NT_SUCCESS(Status) && Device)
        Status = PnpForResources(Device, DeviceList, PnpCheckFree);
    *Conflict = Status == STATUS_CONFLICTING_ADDRESSES;
    if (NT_SUCCESS(Status) || Override) {
        Status = PnpClaimList(Driver, DriverList);
        if (NT_SUCCESS(Status) && Device)
            Status = PnpClaimList(Device, DeviceList);
    }
    PnpUnlockTree();
    return Status;
}

/*
 * Says what a driver and its device use; a further report replaces the one before it, and no list
 * gives all back (WDK: IoReportResourceUsage). STATUS_CONFLICTING_ADDRESSES: somebody else has some
 * of it, and that is not overridden. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoReportResourceUsage(PUNICODE_STRING DriverClassName, PDRIVER_OBJECT DriverObject,
                                     PCM_RESOURCE_LIST DriverList, ULONG DriverListSize,
                                     PDEVICE_OBJECT DeviceObject, PCM_RESOURCE_LIST DeviceList,
                                     ULONG DeviceListSize, BOOLEAN OverrideConflict,
                                     PBOOLEAN ConflictDetected)
{
    UNREFERENCED_PARAMETER(DriverClassName);
    UNREFERENCED_PARAMETER(DriverListSize);
    UNREFERENCED_PARAMETER(DeviceListSize);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    return PnpReport(DriverObject, DriverList, DeviceObject, DeviceList, OverrideConflict,
                     ConflictDetected);
}

/* The same while a driver looks for its device (WDK: IoReportResourceForDetection). */
NTSTATUS NTAPI IoReportResourceForDetection(PDRIVER_OBJECT DriverObject,
                                            PCM_RESOURCE_LIST DriverList, ULONG DriverListSize,
                                            PDEVICE_OBJECT DeviceObject,
                                            PCM_RESOURCE_LIST DeviceList, ULONG DeviceListSize,
                                            PBOOLEAN ConflictDetected)
{
    return IoReportResourceUsage(NULL, DriverObject, DriverList, DriverListSize, DeviceObject,
                                 DeviceList, DeviceListSize, FALSE, ConflictDetected);
}

/*
 * Chooses from a driver's requirements, and claims it; the driver frees the list. No requirements:
 * gives all back (WDK: IoAssignResources, obsolete). IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoAssignResources(PUNICODE_STRING RegistryPath, PUNICODE_STRING DriverClassName,
                                 PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT DeviceObject,
                                 PIO_RESOURCE_REQUIREMENTS_LIST RequestedResources,
                                 PCM_RESOURCE_LIST *AllocatedResources)
{
    PVOID Owner = DeviceObject ? (PVOID)DeviceObject : (PVOID)DriverObject;
    NTSTATUS Status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(RegistryPath);
    UNREFERENCED_PARAMETER(DriverClassName);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *AllocatedResources = NULL;
    PnpLockTree();
    if (RequestedResources)
        Status = PnpMakeAssignment(Owner, RequestedResources, AllocatedResources);
    else
        PnpReleaseClaims(Owner);
    PnpUnlockTree();
    return Status;
}
