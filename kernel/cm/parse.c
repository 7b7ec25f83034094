/*
 * Key objects, and how a path leads to one: \Registry in the object manager's name space is a key
 * whose type parses the rest. Symbolic links among keys are followed here.
 */
#include "kernel/cm/callback.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

#define TAG_NAME   'aPmC'
#define LINK_LIMIT 16 /* links that one path may lead through */

static FAST_MUTEX CmpLock;
static const UNICODE_STRING CmpLinkValue = RTL_CONSTANT_STRING(L"SymbolicLinkValue");
static const UNICODE_STRING CmpRootPath = RTL_CONSTANT_STRING(L"\\Registry");

VOID CmpLockRegistry(VOID)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&CmpLock);
}

VOID CmpUnlockRegistry(VOID)
{
    LIST_ENTRY List;
    PLIST_ENTRY Ended = CmpTakeEnded(&List);

    ExReleaseFastMutexUnsafe(&CmpLock);
    KeLeaveCriticalRegion();
    if (Ended)
        CmpFinishEnded(Ended);
}

/* ---- Paths -------------------------------------------------------------------------------------
 */

static VOID CmpSkip(PUNICODE_STRING Path, USHORT Units)
{
    Path->Buffer += Units;
    Path->Length -= Units * sizeof(WCHAR);
}

/* Cuts the first name off a path, and the backslashes around it. It is empty at the path's end. */
static VOID CmpNextName(PUNICODE_STRING Path, PUNICODE_STRING Name)
{
    USHORT Units = 0;

    while (Path->Length && Path->Buffer[0] == L'\\')
        CmpSkip(Path, 1);
    while (Units < Path->Length / sizeof(WCHAR) && Path->Buffer[Units] != L'\\')
        Units++;
    Name->Buffer = Path->Buffer;
    Name->Length = Name->MaximumLength = Units * sizeof(WCHAR);
    CmpSkip(Path, Units);
    while (Path->Length && Path->Buffer[0] == L'\\')
        CmpSkip(Path, 1);
}

/* A walk down the tree: where it is, what is left, and how many links it may still follow. */
typedef struct _CM_WALK {
    CM_KEY_NODE *Node;
    UNICODE_STRING Rest;
    UNICODE_STRING Name; /* the last one that was looked for */
    BOOLEAN OpenLink;    /* a link at the very end is itself what is wanted */
    ULONG Links;
} CM_WALK;

static NTSTATUS CmpWalk(CM_WALK *Walk);

/* Where a link leads to: its value is a full path. */
static NTSTATUS CmpFollowLink(CM_WALK *Walk, CM_KEY_NODE *Link, CM_KEY_NODE **Target)
{
    CM_KEY_VALUE *Value = CmpFindValue(Link, &CmpLinkValue);
    CM_WALK Inner = {.Node = CmpRoot};
    NTSTATUS Status;

    if (Value == NULL || Value->Type != REG_LINK || Value->DataLength > MAXUSHORT)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (Walk->Links == 0)
        return STATUS_NAME_TOO_LONG;
    Inner.Links = Walk->Links - 1;
    Inner.Rest.Buffer = Value->Data;
    Inner.Rest.Length = Value->DataLength & ~1;
    if (!RtlPrefixUnicodeString(&CmpRootPath, &Inner.Rest, TRUE))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    CmpSkip(&Inner.Rest, CmpRootPath.Length / sizeof(WCHAR));
    Status = CmpWalk(&Inner);
    Walk->Links = Inner.Links; /* of all walks together, so that links cannot multiply */
    *Target = Inner.Node;
    return Status;
}

/*
 * Walks as far as there are keys. STATUS_OBJECT_NAME_NOT_FOUND: Walk->Node has no subkey
 * Walk->Name. STATUS_INVALID_PARAMETER: a name is too long. CmpLock is held.
 */
static NTSTATUS CmpWalk(CM_WALK *Walk)
{
    CM_KEY_NODE *Child;
    NTSTATUS Status;

    for (;;) {
        CmpNextName(&Walk->Rest, &Walk->Name);
        if (Walk->Name.Length == 0)
            return STATUS_SUCCESS;
        if (Walk->Name.Length > CM_KEY_NAME_BYTES)
            return STATUS_INVALID_PARAMETER;
        Child = CmpFindSubKey(Walk->Node, &Walk->Name);
        if (Child == NULL)
            return STATUS_OBJECT_NAME_NOT_FOUND;
        if ((Child->Flags & CM_LINK) && (Walk->Rest.Length || !Walk->OpenLink)) {
            Status = CmpFollowLink(Walk, Child, &Child);
            if (!NT_SUCCESS(Status)) {
                Walk->Name.Length = 0; /* it is not that name that is missing */
                return Status;
            }
        }
        Walk->Node = Child;
    }
}

NTSTATUS CmpFindPath(CM_KEY_NODE *From, PCUNICODE_STRING Path, CM_KEY_NODE **Node)
{
    CM_WALK Walk = {.Node = From, .Rest = *Path, .Links = LINK_LIMIT};
    NTSTATUS Status = CmpWalk(&Walk);

    *Node = Walk.Node;
    return Status;
}

NTSTATUS CmpMakePath(CM_KEY_NODE *From, PCUNICODE_STRING Path, ULONG Flags, CM_KEY_NODE **Node)
{
    CM_WALK Walk = {.Node = From, .Rest = *Path, .Links = LINK_LIMIT};
    NTSTATUS Status;

    for (;;) {
        Status = CmpWalk(&Walk);
        *Node = Walk.Node;
        if (Status != STATUS_OBJECT_NAME_NOT_FOUND || Walk.Name.Length == 0)
            return Status;
        Status = CmpAddSubKey(Walk.Node, &Walk.Name, NULL,
                              (Walk.Rest.Length ? 0 : Flags) | (Walk.Node->Flags & CM_VOLATILE),
                              &Walk.Node);
        if (!NT_SUCCESS(Status))
            return Status;
    }
}

static ULONG CmpFlagsOf(ULONG Options)
{
    return (Options & REG_OPTION_VOLATILE ? CM_VOLATILE : 0) |
           (Options & REG_OPTION_CREATE_LINK ? CM_LINK : 0);
}

/* Opens what a path leads to from a node, or makes its last key. CmpLock is held. */
static NTSTATUS CmpOpenNode(CM_KEY_NODE *From, PUNICODE_STRING Path, CM_OPEN_PACKET *Packet,
                            CM_KEY_NODE **Node)
{
    ULONG LinkOptions = REG_OPTION_OPEN_LINK | REG_OPTION_CREATE_LINK;
    CM_WALK Walk = {.Node = From,
                    .Rest = *Path,
                    .OpenLink = (Packet->Options & LinkOptions) != 0,
                    .Links = LINK_LIMIT};
    NTSTATUS Status;

    if (From->Flags & CM_DELETED)
        return STATUS_KEY_DELETED;
    Status = CmpWalk(&Walk);
    *Node = Walk.Node;
    Packet->Disposition = REG_OPENED_EXISTING_KEY;
    if (NT_SUCCESS(Status) && (Packet->Options & REG_OPTION_CREATE_LINK))
        return STATUS_OBJECT_NAME_COLLISION;
    if (Status != STATUS_OBJECT_NAME_NOT_FOUND || !Packet->Create || Walk.Rest.Length ||
        Walk.Name.Length == 0)
        return Status;
    if (!Packet->MayCreate)
        return STATUS_ACCESS_DENIED;
    Packet->Disposition = REG_CREATED_NEW_KEY;
    return CmpAddSubKey(Walk.Node, &Walk.Name, Packet->Class, CmpFlagsOf(Packet->Options), Node);
}

/* ---- Objects -----------------------------------------------------------------------------------
 */

static NTSTATUS CmpAllocateBody(CM_KEY_BODY **Body)
{
    NTSTATUS Status = ObpAllocateObject(CmpKeyType, sizeof **Body, (PVOID *)Body);

    if (NT_SUCCESS(Status)) {
        InitializeListHead(&(*Body)->Contexts);
        InitializeListHead(&(*Body)->WatchWaiters);
    }
    return Status;
}

/* The key type's Parse routine: a path has run into a key. */
static NTSTATUS CmpParseKey(PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context,
                            PVOID *Opened)
{
    CM_OPEN_PACKET Plain = {0}; /* for one who opens an object, whatever it is */
    CM_KEY_BODY *From = Object, *Body;
    CM_KEY_NODE *Node;
    NTSTATUS Status;

    if (Context->Type != CmpKeyType)
        return STATUS_OBJECT_TYPE_MISMATCH;
    Status = CmpAllocateBody(&Body);
    if (!NT_SUCCESS(Status))
        return Status;
    CmpLockRegistry();
    Status = CmpOpenNode(From->Node, Remaining, Context->Extra ? Context->Extra : &Plain, &Node);
    if (NT_SUCCESS(Status)) {
        Node->References++;
        Body->Node = Node;
    }
    CmpUnlockRegistry();
    if (NT_SUCCESS(Status))
        *Opened = Body;
    else
        ObDereferenceObject(Body);
    return Status;
}

/* The key type's Close routine. */
static VOID CmpLastHandleClosed(PVOID Object)
{
    CmpLockRegistry();
    CmpEndWatch(Object);
    CmpUnlockRegistry();
}

static VOID CmpCloseBody(CM_KEY_BODY *Body)
{
    CmpLockRegistry();
    CmpEndWatch(Body);
    CmpDereferenceNode(Body->Node);
    CmpUnlockRegistry();
}

/* The key type's Delete routine. */
static VOID CmpDeleteBody(PVOID Object)
{
    CM_KEY_BODY *Body = Object;

    if (Body->Node == NULL)
        return;
    if (Body->Told)
        CmpTellOfClose(Body, CmpCloseBody);
    else
        CmpCloseBody(Body);
    while (Body->Names) {
        CM_KEY_NAME *Name = Body->Names;
        Body->Names = Name->Next;
        ExFreePoolWithTag(Name, TAG_NAME);
    }
}

NTSTATUS CmpKeepName(CM_KEY_BODY *Body, PCUNICODE_STRING *Name)
{
    USHORT Bytes;
    CM_KEY_NAME *New;

    CmpLockRegistry();
    Bytes = CmpPathOfNode(Body->Node, NULL);
    New = ExAllocatePoolWithTag(PagedPool, sizeof *New + Bytes, TAG_NAME);
    if (New) {
        New->Path = (UNICODE_STRING){Bytes, Bytes, (PWCHAR)(New + 1)};
        CmpPathOfNode(Body->Node, New->Path.Buffer);
        if (Body->Names && RtlEqualUnicodeString(&New->Path, &Body->Names->Path, FALSE)) {
            ExFreePoolWithTag(New, TAG_NAME);
        } else {
            New->Next = Body->Names;
            Body->Names = New;
        }
        *Name = &Body->Names->Path;
    }
    CmpUnlockRegistry();
    return New ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* The key type's QueryName routine. */
static NTSTATUS CmpQueryObjectName(PVOID Object, PUNICODE_STRING Name)
{
    CM_KEY_BODY *Body = Object;
    NTSTATUS Status = CmpEnterKey(Body);

    if (!NT_SUCCESS(Status))
        return Status;
    Name->Length = Name->MaximumLength = CmpPathOfNode(Body->Node, NULL);
    Name->Buffer = ExAllocatePoolWithTag(PagedPool, Name->Length, TAG_NAME);
    if (Name->Buffer)
        CmpPathOfNode(Body->Node, Name->Buffer);
    CmpUnlockRegistry();
    return Name->Buffer ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static OBJECT_TYPE CmpKeyTypeObject = {
    .Name = "Key",
    .AllAccess = KEY_ALL_ACCESS,
    .Mapping = {KEY_READ, KEY_WRITE, KEY_EXECUTE, KEY_ALL_ACCESS},
    .Close = CmpLastHandleClosed,
    .Delete = CmpDeleteBody,
    .Parse = CmpParseKey,
    .QueryName = CmpQueryObjectName};
POBJECT_TYPE CmpKeyType = &CmpKeyTypeObject;
POBJECT_TYPE *CmKeyObjectType = &CmpKeyType; /* as drivers know it */

/* The tree's root, and the object that has its name. */
NTSTATUS CmpInitializeObjects(VOID)
{
    UNICODE_STRING Name = CmpRootPath;
    CM_KEY_BODY *Body;
    NTSTATUS Status;

    ExInitializeFastMutex(&CmpLock);
    CmpInitializeCallbacks();
    Status = CmpCreateRoot();
    if (NT_SUCCESS(Status))
        Status = CmpAllocateBody(&Body);
    if (!NT_SUCCESS(Status))
        return Status;
    CmpRoot->References++;
    Body->Node = CmpRoot;
    Status = ObpInsertName(&Name, Body, TRUE);
    ObDereferenceObject(Body); /* the name has a reference */
    return Status;
}

/* What an access mask means for a key (WDK: ACCESS_MASK). */
static ACCESS_MASK CmpMapAccess(ACCESS_MASK Access)
{
    const GENERIC_MAPPING *Mapping = &CmpKeyTypeObject.Mapping;

    if (Access & GENERIC_READ)
        Access |= Mapping->GenericRead;
    if (Access & GENERIC_WRITE)
        Access |= Mapping->GenericWrite;
    if (Access & GENERIC_EXECUTE)
        Access |= Mapping->GenericExecute;
    if (Access & (GENERIC_ALL | MAXIMUM_ALLOWED))
        Access |= Mapping->GenericAll;
    return Access & KEY_ALL_ACCESS;
}

/* The key that a path begins at, if it is not the root of all names. A path that begins at a key
 * begins with a name. */
static NTSTATUS CmpReferenceRoot(PEX_ATTRIBUTES Attributes, CM_OPEN_PACKET *Packet,
                                 CM_KEY_BODY **Root)
{
    PUNICODE_STRING Name = &Attributes->Name;
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    OBJECT_HANDLE_INFORMATION Granted;
    NTSTATUS Status;

    Packet->MayCreate = TRUE;
    *Root = NULL;
    if (Attributes->RootDirectory == NULL)
        return Name->Buffer ? STATUS_SUCCESS : STATUS_OBJECT_PATH_SYNTAX_BAD;
    if (Name->Length && Name->Buffer[0] == L'\\')
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    Status = ObReferenceObjectByHandle(Attributes->RootDirectory, 0, CmpKeyType, Mode,
                                       (PVOID *)Root, &Granted);
    if (NT_SUCCESS(Status))
        Packet->MayCreate = Mode == KernelMode || (Granted.GrantedAccess & KEY_CREATE_SUB_KEY);
    return Status;
}

static NTSTATUS CmpOpenBody(CM_KEY_BODY *Root, PUNICODE_STRING Name, OB_OPEN_CONTEXT *Context,
                            CM_KEY_BODY **Body)
{
    if (Root)
        return CmpParseKey(Root, Name, Context, (PVOID *)Body);
    return ObpOpenPath(Name, CmpKeyType, Context, (PVOID *)Body);
}

/* Opens a key under the eyes of the drivers that filter the registry. They may put another key
 * object into *Body, with a reference, and say by GrantedAccess what the handle is to be good for.
 */
static NTSTATUS CmpOpenFiltered(CM_KEY_BODY *Root, PEX_ATTRIBUTES Attributes,
                                OB_OPEN_CONTEXT *Context, PACCESS_MASK Access, CM_KEY_BODY **Body)
{
    CM_OPEN_PACKET *Packet = Context->Extra;
    REG_CREATE_KEY_INFORMATION_V1 Info = {.CompleteName = &Attributes->Name,
                                          .RootObject = Root,
                                          .ObjectType = CmpKeyType,
                                          .Options = Packet->Options,
                                          .Class = Packet->Class,
                                          .DesiredAccess = *Access,
                                          .Disposition = &Packet->Disposition,
                                          .ResultObject = (PVOID *)Body,
                                          .Version = 1,
                                          .RemainingName = &Attributes->Name,
                                          .Attributes = Attributes->Flags,
                                          .CheckAccessMode = Attributes->Mode};
    CM_CALL Call = CM_CALL_OF(OpenKeyEx, Info, Root);

    Call.Result = Body;
    if (Packet->Create) {
        Call.Before = RegNtPreCreateKeyEx;
        Call.After = RegNtPostCreateKeyEx;
    }
    if (CmpBeginCall(&Call)) {
        Call.Status = CmpOpenBody(Root, &Attributes->Name, Context, Body);
        Info.GrantedAccess = CmpMapAccess(*Access);
        if (NT_SUCCESS(Call.Status))
            (*Body)->Told = TRUE;
    }
    CmpEndCall(&Call);
    *Access = Info.GrantedAccess;
    return NT_SUCCESS(Call.Status) && *Body == NULL ? STATUS_UNSUCCESSFUL : Call.Status;
}

NTSTATUS CmpOpenKey(PEX_ATTRIBUTES Attributes, ACCESS_MASK Access, CM_OPEN_PACKET *Packet,
                    PHANDLE Handle)
{
    OB_OPEN_CONTEXT Context = {.Type = CmpKeyType, .DesiredAccess = Access, .Extra = Packet};
    CM_KEY_BODY *Root, *Body = NULL;
    NTSTATUS Status;

    if (Attributes->Flags & OBJ_OPENLINK)
        Packet->Options |= REG_OPTION_OPEN_LINK;
    Status = CmpReferenceRoot(Attributes, Packet, &Root);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpOpenFiltered(Root, Attributes, &Context, &Access, &Body);
    if (NT_SUCCESS(Status))
        Status = ObpCreateHandle(Body, CmpMapAccess(Access), Attributes->Flags, Handle);
    if (Body)
        ObDereferenceObject(Body);
    if (Root)
        ObDereferenceObject(Root);
    return Status;
}

NTSTATUS CmpReferenceKey(HANDLE Handle, ACCESS_MASK Access, CM_KEY_BODY **Body)
{
    return ObReferenceObjectByHandle(Handle, Access, CmpKeyType, ExGetPreviousMode(), (PVOID *)Body,
                                     NULL);
}

NTSTATUS CmpEnterKey(CM_KEY_BODY *Body)
{
    CmpLockRegistry();
    if (!(Body->Node->Flags & CM_DELETED))
        return STATUS_SUCCESS;
    CmpUnlockRegistry();
    return STATUS_KEY_DELETED;
}
