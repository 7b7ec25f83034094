/*
 * Device interfaces: a class of functions, known by a GUID, that a device offers, and the symbolic
 * link by which it is opened (WDK: Device Interface Classes).
 *
 * The link is \??\ROOT#NAME#0000#{class}, from the device's instance path; it leads to the PDO and
 * is there while the interface is enabled. With a reference string the interface's name is the link
 * and \string: what the device's driver then sees as the file's name. Several such share one link.
 *
 * PnpInterfaceLock guards the list; it is not held while drivers are told. An interface goes with
 * its device's PDO.
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"
#include <wdmguid.h>

#define LINK_PREFIX L"\\??\\"

typedef struct _PNP_INTERFACE {
    LIST_ENTRY Link;
    PNP_NODE *Node;
    GUID Class;
    BOOLEAN Enabled, Announced;
    UNICODE_STRING Name;     /* as drivers know it */
    UNICODE_STRING LinkName; /* without the reference string */
    WCHAR Text[];
} PNP_INTERFACE;

static LIST_ENTRY PnpInterfaces = {&PnpInterfaces, &PnpInterfaces};
static FAST_MUTEX PnpInterfaceLock;

VOID PnpInitializeInterfaces(VOID)
{
    ExInitializeFastMutex(&PnpInterfaceLock);
}

/* In a critical region rather than at APC_LEVEL: names are made and deleted under the lock. */
static VOID PnpLockInterfaces(VOID)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&PnpInterfaceLock);
}

static VOID PnpUnlockInterfaces(VOID)
{
    ExReleaseFastMutexUnsafe(&PnpInterfaceLock);
    KeLeaveCriticalRegion();
}

static BOOLEAN PnpIsGuid(const GUID *A, const GUID *B)
{
    return memcmp(A, B, sizeof *A) == 0;
}

/* The first interface from a list entry on that has the name. The lock is held. */
static PNP_INTERFACE *PnpFindInterface(PCUNICODE_STRING Name)
{
    PLIST_ENTRY Link;

    for (Link = PnpInterfaces.Flink; Link != &PnpInterfaces; Link = Link->Flink) {
        PNP_INTERFACE *Interface = CONTAINING_RECORD(Link, PNP_INTERFACE, Link);
        if (RtlEqualUnicodeString(&Interface->Name, Name, TRUE))
            return Interface;
    }
    return NULL;
}

static VOID PnpFillInterface(PNP_INTERFACE *Interface, PUNICODE_STRING Reference)
{
    PUNICODE_STRING Path = &Interface->Node->InstancePath;
    const GUID *Class = &Interface->Class;
    PWSTR End = Interface->Text;
    USHORT i;

    End += _snwprintf(End, 8, LINK_PREFIX);
    for (i = 0; i < Path->Length / sizeof(WCHAR); i++)
        *End++ = Path->Buffer[i] == L'\\' ? L'#' : Path->Buffer[i];
    End += _snwprintf(End, 48, L"#{%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}",
                      Class->Data1, Class->Data2, Class->Data3, Class->Data4[0], Class->Data4[1],
                      Class->Data4[2], Class->Data4[3], Class->Data4[4], Class->Data4[5],
                      Class->Data4[6], Class->Data4[7]);
    RtlInitUnicodeString(&Interface->LinkName, Interface->Text);
    if (Reference && Reference->Length) {
        *End++ = L'\\';
        memcpy(End, Reference->Buffer, Reference->Length);
        End += Reference->Length / sizeof(WCHAR);
    }
    *End = 0;
    RtlInitUnicodeString(&Interface->Name, Interface->Text);
}

/* Not in the list yet; NULL: no memory. */
static PNP_INTERFACE *PnpMakeInterface(PNP_NODE *Node, const GUID *Class, PUNICODE_STRING Reference)
{
    SIZE_T Bytes = sizeof(PNP_INTERFACE) + Node->InstancePath.Length + 64 * sizeof(WCHAR) +
                   (Reference ? Reference->Length : 0);
    PNP_INTERFACE *Interface = ExAllocatePoolWithTag(PagedPool, Bytes, TAG_PNP);

    if (Interface == NULL)
        return NULL;
    memset(Interface, 0, sizeof *Interface);
    Interface->Node = Node;
    Interface->Class = *Class;
    PnpFillInterface(Interface, Reference);
    return Interface;
}

static NTSTATUS PnpCopyName(PUNICODE_STRING To, PUNICODE_STRING From)
{
    return RtlCreateUnicodeString(To, From->Buffer) ? STATUS_SUCCESS
                                                    : STATUS_INSUFFICIENT_RESOURCES;
}

/* Puts the interface into the list, or frees it if there is one of its name. */
static NTSTATUS PnpInsertInterface(PNP_INTERFACE *Interface)
{
    NTSTATUS Status = STATUS_SUCCESS;

    PnpLockInterfaces();
    if (PnpFindInterface(&Interface->Name))
        Status = STATUS_OBJECT_NAME_EXISTS;
    else
        InsertTailList(&PnpInterfaces, &Interface->Link);
    PnpUnlockInterfaces();
    if (Status == STATUS_OBJECT_NAME_EXISTS)
        ExFreePoolWithTag(Interface, TAG_PNP);
    return Status;
}

BOOLEAN PnpIsRegistered(PUNICODE_STRING Name)
{
    BOOLEAN Found;

    PnpLockInterfaces();
    Found = PnpFindInterface(Name) != NULL;
    PnpUnlockInterfaces();
    return Found;
}

static BOOLEAN PnpHasSeparator(PUNICODE_STRING Text)
{
    USHORT i;

    for (i = 0; Text && i < Text->Length / sizeof(WCHAR); i++) {
        if (Text->Buffer[i] == L'\\' || Text->Buffer[i] == L'/')
            return TRUE;
    }
    return FALSE;
}

/*
 * Registers an interface of a device, disabled (WDK: IoRegisterDeviceInterface). The caller frees
 * its name. STATUS_OBJECT_NAME_EXISTS: it is there already; STATUS_INVALID_DEVICE_REQUEST: not a
 * PDO, or a bad reference string. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoRegisterDeviceInterface(PDEVICE_OBJECT PhysicalDeviceObject,
                                         const GUID *InterfaceClassGuid,
                                         PUNICODE_STRING ReferenceString,
                                         PUNICODE_STRING SymbolicLinkName)
{
    PNP_NODE *Node = PNP_NODE_OF(PhysicalDeviceObject);
    PNP_INTERFACE *Interface;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Node == NULL || Node->InstancePath.Buffer == NULL || PnpHasSeparator(ReferenceString))
        return STATUS_INVALID_DEVICE_REQUEST;
    Interface = PnpMakeInterface(Node, InterfaceClassGuid, ReferenceString);
    if (Interface == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = PnpCopyName(SymbolicLinkName, &Interface->Name);
    if (NT_SUCCESS(Status))
        return PnpInsertInterface(Interface);
    ExFreePoolWithTag(Interface, TAG_PNP);
    return Status;
}

/* Does another enabled interface use the same link? The lock is held. */
static BOOLEAN PnpIsLinkUsed(PNP_INTERFACE *Except)
{
    PLIST_ENTRY Link;

    for (Link = PnpInterfaces.Flink; Link != &PnpInterfaces; Link = Link->Flink) {
        PNP_INTERFACE *Interface = CONTAINING_RECORD(Link, PNP_INTERFACE, Link);
        if (Interface != Except && Interface->Enabled &&
            RtlEqualUnicodeString(&Interface->LinkName, &Except->LinkName, TRUE))
            return TRUE;
    }
    return FALSE;
}

static NTSTATUS PnpMakeLink(PNP_INTERFACE *Interface)
{
    UNICODE_STRING Device = {0};
    NTSTATUS Status;

    if (PnpIsLinkUsed(Interface))
        return STATUS_SUCCESS;
    Status = ObpQueryPath(Interface->Node->Pdo, &Device);
    if (NT_SUCCESS(Status) && Device.Buffer == NULL)
        Status = STATUS_INVALID_DEVICE_REQUEST; /* a PDO must have a name */
    if (NT_SUCCESS(Status))
        Status = ObpCreateLink(&Interface->LinkName, &Device);
    if (Device.Buffer)
        ExFreePool(Device.Buffer);
    return Status;
}

/* The lock is held. */
static NTSTATUS PnpSwitchInterface(PNP_INTERFACE *Interface, BOOLEAN Enable)
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (Interface->Enabled == Enable)
        return Enable ? STATUS_OBJECT_NAME_EXISTS : STATUS_OBJECT_NAME_NOT_FOUND;
    if (Enable)
        Status = PnpMakeLink(Interface);
    else if (!PnpIsLinkUsed(Interface))
        ObpDeleteLink(&Interface->LinkName);
    if (NT_SUCCESS(Status))
        Interface->Enabled = Enable;
    return Status;
}

/* Is it to be said that the interface has come or gone? It is, then. The lock is held. */
static BOOLEAN PnpIsNews(PNP_INTERFACE *Interface)
{
    if (Interface->Announced == Interface->Enabled ||
        (Interface->Enabled && Interface->Node->State != NodeStarted))
        return FALSE;
    Interface->Announced = Interface->Enabled;
    return TRUE;
}

/*
 * Lets a device be opened by an interface, or not any more (WDK: IoSetDeviceInterfaceState).
 * STATUS_OBJECT_NAME_EXISTS: it is enabled already; STATUS_OBJECT_NAME_NOT_FOUND: it is not, or has
 * not been registered. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable)
{
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    PNP_INTERFACE *Interface;
    BOOLEAN News = FALSE;
    GUID Class;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    PnpLockInterfaces();
    Interface = PnpFindInterface(SymbolicLinkName);
    if (Interface)
        Status = PnpSwitchInterface(Interface, Enable != FALSE);
    if (Interface && NT_SUCCESS(Status)) {
        News = PnpIsNews(Interface);
        Class = Interface->Class;
    }
    PnpUnlockInterfaces();
    if (News)
        PnpNotifyInterface(Enable ? &GUID_DEVICE_INTERFACE_ARRIVAL : &GUID_DEVICE_INTERFACE_REMOVAL,
                           &Class, SymbolicLinkName);
    return Status;
}

/* One of the node's interfaces of which there is news; its class and a copy of its name. */
static BOOLEAN PnpNextNews(PNP_NODE *Node, BOOLEAN Disable, GUID *Class, PUNICODE_STRING Name)
{
    BOOLEAN Found = FALSE;
    PLIST_ENTRY Link;

    PnpLockInterfaces();
    for (Link = PnpInterfaces.Flink; Link != &PnpInterfaces && !Found; Link = Link->Flink) {
        PNP_INTERFACE *Interface = CONTAINING_RECORD(Link, PNP_INTERFACE, Link);
        if (Interface->Node != Node)
            continue;
        if (Disable)
            PnpSwitchInterface(Interface, FALSE);
        Found = PnpIsNews(Interface) && NT_SUCCESS(PnpCopyName(Name, &Interface->Name));
        *Class = Interface->Class;
    }
    PnpUnlockInterfaces();
    return Found;
}

static VOID PnpTellNews(PNP_NODE *Node, BOOLEAN Disable, const GUID *Event)
{
    UNICODE_STRING Name;
    GUID Class;

    while (PnpNextNews(Node, Disable, &Class, &Name)) {
        PnpNotifyInterface(Event, &Class, &Name);
        RtlFreeUnicodeString(&Name);
    }
}

/* What was enabled while the device was being started is there now. */
VOID PnpAnnounceInterfaces(PNP_NODE *Node)
{
    PnpTellNews(Node, FALSE, &GUID_DEVICE_INTERFACE_ARRIVAL);
}

/* The device is being removed; its drivers may have left interfaces enabled. */
VOID PnpDisableInterfaces(PNP_NODE *Node)
{
    PnpTellNews(Node, TRUE, &GUID_DEVICE_INTERFACE_REMOVAL);
}

/* The PDO goes. */
VOID PnpDeleteInterfaces(PNP_NODE *Node)
{
    PLIST_ENTRY Link, Next;

    PnpLockInterfaces();
    for (Link = PnpInterfaces.Flink; Link != &PnpInterfaces; Link = Next) {
        PNP_INTERFACE *Interface = CONTAINING_RECORD(Link, PNP_INTERFACE, Link);
        Next = Link->Flink;
        if (Interface->Node == Node) {
            PnpSwitchInterface(Interface, FALSE);
            RemoveEntryList(Link);
            ExFreePoolWithTag(Interface, TAG_PNP);
        }
    }
    PnpUnlockInterfaces();
}

/* The bytes of a list's names; copies them, with an empty one at the end, if To is there. */
static SIZE_T PnpListInterfaces(const GUID *Class, PNP_NODE *Node, ULONG Flags, PWSTR To)
{
    SIZE_T Bytes = 0;
    PLIST_ENTRY Link;

    for (Link = PnpInterfaces.Flink; Link != &PnpInterfaces; Link = Link->Flink) {
        PNP_INTERFACE *Interface = CONTAINING_RECORD(Link, PNP_INTERFACE, Link);
        if (!PnpIsGuid(&Interface->Class, Class) || (Node && Interface->Node != Node) ||
            !(Interface->Enabled || (Flags & DEVICE_INTERFACE_INCLUDE_NONACTIVE)))
            continue;
        if (To)
            memcpy((PUCHAR)To + Bytes, Interface->Text, Interface->Name.Length + sizeof(WCHAR));
        Bytes += Interface->Name.Length + sizeof(WCHAR);
    }
    if (To)
        *(PWSTR)((PUCHAR)To + Bytes) = 0;
    return Bytes + sizeof(WCHAR);
}

/*
 * The names of a class's interfaces, of all devices or one, enabled or also others, as a list that
 * ends with an empty one; the caller frees it with ExFreePool (WDK: IoGetDeviceInterfaces).
 * STATUS_INVALID_DEVICE_REQUEST: not a PDO. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoGetDeviceInterfaces(const GUID *InterfaceClassGuid,
                                     PDEVICE_OBJECT PhysicalDeviceObject, ULONG Flags,
                                     PWSTR *SymbolicLinkList)
{
    PNP_NODE *Node = PhysicalDeviceObject ? PNP_NODE_OF(PhysicalDeviceObject) : NULL;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *SymbolicLinkList = NULL;
    if (PhysicalDeviceObject && Node == NULL)
        return STATUS_INVALID_DEVICE_REQUEST;
    PnpLockInterfaces();
    *SymbolicLinkList = ExAllocatePoolWithTag(
        PagedPool, PnpListInterfaces(InterfaceClassGuid, Node, Flags, NULL), TAG_PNP);
    if (*SymbolicLinkList)
        PnpListInterfaces(InterfaceClassGuid, Node, Flags, *SymbolicLinkList);
    PnpUnlockInterfaces();
    return *SymbolicLinkList ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* The interface of another class with the same device and reference string. The lock is held. */
static PNP_INTERFACE *PnpFindAlias(PNP_INTERFACE *Interface, const GUID *Class)
{
    PLIST_ENTRY Link;

    for (Link = PnpInterfaces.Flink; Link != &PnpInterfaces; Link = Link->Flink) {
        PNP_INTERFACE *Alias = CONTAINING_RECORD(Link, PNP_INTERFACE, Link);
        if (Alias->Node == Interface->Node && PnpIsGuid(&Alias->Class, Class) &&
            _wcsicmp(Alias->Text + Alias->LinkName.Length / sizeof(WCHAR),
                     Interface->Text + Interface->LinkName.Length / sizeof(WCHAR)) == 0)
            return Alias;
    }
    return NULL;
}

/*
 * The same device's interface of another class (WDK: IoGetDeviceInterfaceAlias). The caller frees
 * its name. STATUS_OBJECT_NAME_NOT_FOUND: one of the two is not there. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoGetDeviceInterfaceAlias(PUNICODE_STRING SymbolicLinkName,
                                         const GUID *AliasInterfaceClassGuid,
                                         PUNICODE_STRING AliasSymbolicLinkName)
{
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    PNP_INTERFACE *Interface;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    PnpLockInterfaces();
    Interface = PnpFindInterface(SymbolicLinkName);
    if (Interface)
        Interface = PnpFindAlias(Interface, AliasInterfaceClassGuid);
    if (Interface)
        Status = PnpCopyName(AliasSymbolicLinkName, &Interface->Name);
    PnpUnlockInterfaces();
    return Status;
}
