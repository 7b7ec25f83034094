/*
 * The name space: directories of objects, and symbolic links among them.
 *
 * \Device, \Driver, \?? (which \DosDevices links to), \BaseNamedObjects; names are compared without
 * regard to case. A path that runs into an object whose type has a Parse routine (a device) hands
 * the rest of the path to it.
 */
#include "kernel/ob/ob.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_NAME         'emaN'
#define LINK_DEPTH       8
#define PATH_BYTES       2048
#define NAME_IGNORE_CASE TRUE

/* One name in a directory. Nonpaged, for dereferences come at DISPATCH_LEVEL. */
typedef struct _OBP_ENTRY {
    LIST_ENTRY ListEntry; /* in Directory->Entries */
    struct _OBP_DIRECTORY *Directory;
    PVOID Object; /* one reference */
    UNICODE_STRING Name;
    WCHAR Text[];
} OBP_ENTRY;

typedef struct _OBP_DIRECTORY {
    LIST_ENTRY Entries;
} OBP_DIRECTORY;

typedef struct _OBP_LINK {
    UNICODE_STRING Target; /* its buffer in paged pool */
} OBP_LINK;

static FAST_MUTEX ObpNameLock;
static OBP_DIRECTORY *ObpRoot;

static VOID ObpDeleteLinkObject(PVOID Object)
{
    OBP_LINK *Link = Object;

    if (Link->Target.Buffer)
        ExFreePoolWithTag(Link->Target.Buffer, TAG_NAME);
}

static OBJECT_TYPE ObpDirectoryTypeObject = {.Name = "Directory", .AllAccess = 0xF000F};
static OBJECT_TYPE ObpLinkTypeObject = {
    .Name = "SymbolicLink", .AllAccess = 0xF0001, .Delete = ObpDeleteLinkObject};
POBJECT_TYPE ObpDirectoryType = &ObpDirectoryTypeObject;
POBJECT_TYPE ObpSymbolicLinkType = &ObpLinkTypeObject;

/* Cuts the first component off a path: \A\B gives A and leaves \B. FALSE: it is malformed. */
static BOOLEAN ObpNextComponent(PUNICODE_STRING Path, PUNICODE_STRING Component)
{
    USHORT Units = Path->Length / sizeof(WCHAR), i;

    if (Units < 2 || Path->Buffer[0] != L'\\')
        return FALSE;
    for (i = 1; i < Units && Path->Buffer[i] != L'\\'; i++)
        ;
    Component->Buffer = Path->Buffer + 1;
    Component->Length = Component->MaximumLength = (USHORT)((i - 1) * sizeof(WCHAR));
    Path->Buffer += i;
    Path->Length -= (USHORT)(i * sizeof(WCHAR));
    return Component->Length != 0;
}

/* The lock is held. */
static OBP_ENTRY *ObpFindEntryByName(OBP_DIRECTORY *Directory, PUNICODE_STRING Name)
{
    PLIST_ENTRY Link;

    for (Link = Directory->Entries.Flink; Link != &Directory->Entries; Link = Link->Flink) {
        OBP_ENTRY *Entry = CONTAINING_RECORD(Link, OBP_ENTRY, ListEntry);
        if (RtlEqualUnicodeString(&Entry->Name, Name, NAME_IGNORE_CASE))
            return Entry;
    }
    return NULL;
}

/*
 * Walks Path down as far as directories go. *Object is the referenced object it ends at or runs
 * into, *Path what is left. The lock is held.
 */
static NTSTATUS ObpWalk(PUNICODE_STRING Path, PVOID *Object)
{
    OBP_DIRECTORY *Directory = ObpRoot;
    UNICODE_STRING Component;
    OBP_ENTRY *Entry;

    for (;;) {
        if (!ObpNextComponent(Path, &Component))
            return STATUS_OBJECT_PATH_SYNTAX_BAD;
        Entry = ObpFindEntryByName(Directory, &Component);
        if (Entry == NULL)
            return Path->Length ? STATUS_OBJECT_PATH_NOT_FOUND : STATUS_OBJECT_NAME_NOT_FOUND;
        if (Path->Length == 0 || OBJECT_TO_HEADER(Entry->Object)->Type != ObpDirectoryType)
            break;
        Directory = Entry->Object;
    }
    *Object = Entry->Object;
    ObfReferenceObject(*Object);
    return STATUS_SUCCESS;
}

/* Replaces Path, which ran into Link, by the link's target and what was left. */
static NTSTATUS ObpFollow(OBP_LINK *Link, PUNICODE_STRING Path, PWCHAR Buffer)
{
    ULONG Length = Link->Target.Length + Path->Length;

    if (Length > PATH_BYTES)
        return STATUS_NAME_TOO_LONG;
    memmove((PUCHAR)Buffer + Link->Target.Length, Path->Buffer, Path->Length);
    memcpy(Buffer, Link->Target.Buffer, Link->Target.Length);
    Path->Buffer = Buffer;
    Path->Length = Path->MaximumLength = (USHORT)Length;
    return STATUS_SUCCESS;
}

/*
 * Walks a path through directories and links. *Object is referenced; *Path is what a Parse routine
 * is to make of the rest. FollowLast: follow a link at the very end, too. *IsLink: the path ends
 * with a link, so a failure says something about the link's target.
 */
static NTSTATUS ObpResolve(PUNICODE_STRING Path, PWCHAR Buffer, BOOLEAN FollowLast, PVOID *Object,
                           PBOOLEAN IsLink)
{
    ULONG Depth;
    NTSTATUS Status;

    *IsLink = FALSE;
    for (Depth = 0; Depth < LINK_DEPTH; Depth++) {
        ExAcquireFastMutex(&ObpNameLock);
        Status = ObpWalk(Path, Object);
        ExReleaseFastMutex(&ObpNameLock);
        if (!NT_SUCCESS(Status))
            return Status;
        if (OBJECT_TO_HEADER(*Object)->Type != ObpSymbolicLinkType ||
            (Path->Length == 0 && !FollowLast))
            return STATUS_SUCCESS;
        *IsLink |= Path->Length == 0;
        Status = ObpFollow(*Object, Path, Buffer);
        ObfDereferenceObject(*Object);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    return STATUS_NAME_TOO_LONG;
}

/* What has been found is handed to its Parse routine, or is itself what was asked for. */
static NTSTATUS ObpOpenFound(PVOID Found, PUNICODE_STRING Rest, POBJECT_TYPE Type,
                             OB_OPEN_CONTEXT *Context, PVOID *Object)
{
    POBJECT_TYPE FoundType = OBJECT_TO_HEADER(Found)->Type;
    NTSTATUS Status;

    if (FoundType->Parse && Context) {
        Context->Type = Type;
        Status = FoundType->Parse(Found, Rest, Context, Object);
    } else if (Rest->Length) {
        Status = STATUS_OBJECT_PATH_NOT_FOUND;
    } else if (Type && FoundType != Type) {
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    } else {
        *Object = Found;
        return STATUS_SUCCESS;
    }
    ObfDereferenceObject(Found);
    return Status;
}

/* ObpOpenPath; *IsLink: the name is there, as a link's. */
static NTSTATUS ObpOpenPathOrLink(PUNICODE_STRING Path, POBJECT_TYPE Type, OB_OPEN_CONTEXT *Context,
                                  PVOID *Object, PBOOLEAN IsLink)
{
    UNICODE_STRING Rest = *Path;
    PWCHAR Buffer = ExAllocatePoolWithTag(PagedPool, PATH_BYTES, TAG_NAME);
    PVOID Found;
    NTSTATUS Status;

    *Object = NULL;
    *IsLink = FALSE;
    if (Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = ObpResolve(&Rest, Buffer, Type != ObpSymbolicLinkType, &Found, IsLink);
    if (NT_SUCCESS(Status))
        Status = ObpOpenFound(Found, &Rest, Type, Context, Object);
    ExFreePoolWithTag(Buffer, TAG_NAME);
    return Status;
}

/*
 * Opens what a path names: an object of Type (NULL: any), or what Parse makes of it if Context is
 * given. *Object is referenced. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS ObpOpenPath(PUNICODE_STRING Path, POBJECT_TYPE Type, OB_OPEN_CONTEXT *Context,
                     PVOID *Object)
{
    BOOLEAN IsLink;

    return ObpOpenPathOrLink(Path, Type, Context, Object, &IsLink);
}

/*
 * Opens what has the name that a new object is to have. STATUS_OBJECT_NAME_NOT_FOUND: nothing has
 * it, so the object can be made. STATUS_OBJECT_NAME_COLLISION: a link that leads nowhere has it.
 */
NTSTATUS ObpOpenToCreate(PUNICODE_STRING Path, POBJECT_TYPE Type, PVOID *Object)
{
    BOOLEAN IsLink;
    NTSTATUS Status = ObpOpenPathOrLink(Path, Type, NULL, Object, &IsLink);

    return Status == STATUS_OBJECT_NAME_NOT_FOUND && IsLink ? STATUS_OBJECT_NAME_COLLISION : Status;
}

/* Splits \A\B\C into \A\B and C. FALSE: there is no last component. */
static BOOLEAN ObpSplit(PUNICODE_STRING Path, PUNICODE_STRING Parent, PUNICODE_STRING Name)
{
    USHORT i = Path->Length / sizeof(WCHAR);

    while (i > 0 && Path->Buffer[i - 1] != L'\\')
        i--;
    if (i == 0)
        return FALSE;
    *Name = *Path;
    Name->Buffer += i;
    Name->Length = Name->MaximumLength = (USHORT)(Path->Length - i * sizeof(WCHAR));
    *Parent = *Path;
    Parent->Length = (USHORT)((i - 1) * sizeof(WCHAR));
    return Name->Length != 0;
}

/* The referenced directory that a path names; an empty path is the root. */
static NTSTATUS ObpOpenDirectory(PUNICODE_STRING Path, OBP_DIRECTORY **Directory)
{
    if (Path->Length == 0) {
        ObfReferenceObject(ObpRoot);
        *Directory = ObpRoot;
        return STATUS_SUCCESS;
    }
    return ObpOpenPath(Path, ObpDirectoryType, NULL, (PVOID *)Directory);
}

static OBP_ENTRY *ObpAllocateEntry(PUNICODE_STRING Name, PVOID Object)
{
    OBP_ENTRY *Entry = ExAllocatePoolWithTag(NonPagedPool, sizeof *Entry + Name->Length, TAG_NAME);

    if (Entry) {
        Entry->Object = Object;
        Entry->Name.Buffer = Entry->Text;
        Entry->Name.Length = Entry->Name.MaximumLength = Name->Length;
        memcpy(Entry->Text, Name->Buffer, Name->Length);
    }
    return Entry;
}

/*
 * Gives an object a name. The directory has a reference of its own. STATUS_OBJECT_NAME_COLLISION:
 * the name is taken.
 */
NTSTATUS ObpInsertName(PUNICODE_STRING Path, PVOID Object, BOOLEAN Permanent)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);
    UNICODE_STRING Parent, Name;
    OBP_DIRECTORY *Directory;
    OBP_ENTRY *Entry;
    NTSTATUS Status;

    if (!ObpSplit(Path, &Parent, &Name))
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    Status = ObpOpenDirectory(&Parent, &Directory);
    if (!NT_SUCCESS(Status))
        return Status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_OBJECT_PATH_NOT_FOUND : Status;
    Entry = ObpAllocateEntry(&Name, Object);
    Status = Entry ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    ExAcquireFastMutex(&ObpNameLock);
    if (Entry && ObpFindEntryByName(Directory, &Name)) {
        Status = STATUS_OBJECT_NAME_COLLISION;
    } else if (Entry) {
        Entry->Directory = Directory;
        InsertTailList(&Directory->Entries, &Entry->ListEntry);
        Header->Entry = Entry;
        if (Permanent)
            Header->Flags |= OBJECT_PERMANENT;
        ObfReferenceObject(Object);
    }
    ExReleaseFastMutex(&ObpNameLock);
    if (!NT_SUCCESS(Status) && Entry)
        ExFreePoolWithTag(Entry, TAG_NAME);
    ObfDereferenceObject(Directory);
    return Status;
}

/* Takes an object's entry out of its directory; NULL: it has none. The lock is held. */
static OBP_ENTRY *ObpUnlinkEntry(POBJECT_HEADER Header)
{
    OBP_ENTRY *Entry = Header->Entry;

    Header->Entry = NULL;
    if (Entry)
        RemoveEntryList(&Entry->ListEntry);
    return Entry;
}

static VOID ObpFreeEntry(OBP_ENTRY *Entry)
{
    PVOID Object;

    if (Entry == NULL)
        return;
    Object = Entry->Object;
    ExFreePoolWithTag(Entry, TAG_NAME);
    ObfDereferenceObject(Object);
}

/* Takes an object's name away, if it has one, and drops the directory's reference. */
VOID ObpRemoveName(PVOID Object)
{
    OBP_ENTRY *Entry;

    ExAcquireFastMutex(&ObpNameLock);
    Entry = ObpUnlinkEntry(OBJECT_TO_HEADER(Object));
    ExReleaseFastMutex(&ObpNameLock);
    ObpFreeEntry(Entry);
}

VOID ObpRemoveUnusedName(PVOID Object)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);
    OBP_ENTRY *Entry = NULL;

    ExAcquireFastMutex(&ObpNameLock);
    if (Header->HandleCount == 0 && !(Header->Flags & OBJECT_PERMANENT))
        Entry = ObpUnlinkEntry(Header);
    ExReleaseFastMutex(&ObpNameLock);
    ObpFreeEntry(Entry);
}

BOOLEAN ObpHasName(PVOID Object)
{
    BOOLEAN Named;

    ExAcquireFastMutex(&ObpNameLock);
    Named = OBJECT_TO_HEADER(Object)->Entry != NULL;
    ExReleaseFastMutex(&ObpNameLock);
    return Named;
}

static NTSTATUS ObpAllocateDirectory(OBP_DIRECTORY **Directory)
{
    NTSTATUS Status = ObpAllocateObject(ObpDirectoryType, sizeof **Directory, (PVOID *)Directory);

    if (NT_SUCCESS(Status))
        InitializeListHead(&(*Directory)->Entries);
    return Status;
}

NTSTATUS ObpCreateDirectory(PCWSTR Path)
{
    OBP_DIRECTORY *Directory;
    UNICODE_STRING Name;
    NTSTATUS Status = ObpAllocateDirectory(&Directory);

    if (!NT_SUCCESS(Status))
        return Status;
    RtlInitUnicodeString(&Name, Path);
    Status = ObpInsertName(&Name, Directory, TRUE);
    ObfDereferenceObject(Directory);
    return Status;
}

/* Makes a symbolic link. Its name is permanent until ObpDeleteLink. */
NTSTATUS ObpCreateLink(PUNICODE_STRING Name, PUNICODE_STRING Target)
{
    OBP_LINK *Link;
    NTSTATUS Status = ObpAllocateObject(ObpSymbolicLinkType, sizeof *Link, (PVOID *)&Link);

    if (!NT_SUCCESS(Status))
        return Status;
    Link->Target.Buffer = ExAllocatePoolWithTag(PagedPool, Target->Length, TAG_NAME);
    Link->Target.Length = Link->Target.MaximumLength = Target->Length;
    if (Link->Target.Buffer == NULL) {
        Status = STATUS_INSUFFICIENT_RESOURCES;
    } else {
        memcpy(Link->Target.Buffer, Target->Buffer, Target->Length);
        Status = ObpInsertName(Name, Link, TRUE);
    }
    ObfDereferenceObject(Link);
    return Status;
}

NTSTATUS ObpDeleteLink(PUNICODE_STRING Name)
{
    PVOID Link;
    NTSTATUS Status = ObpOpenPath(Name, ObpSymbolicLinkType, NULL, &Link);

    if (!NT_SUCCESS(Status))
        return Status;
    ObpRemoveName(Link);
    ObfDereferenceObject(Link);
    return STATUS_SUCCESS;
}

static NTSTATUS ObpLinkTo(PCWSTR Name, PCWSTR Target)
{
    UNICODE_STRING NameString, TargetString;

    RtlInitUnicodeString(&NameString, Name);
    RtlInitUnicodeString(&TargetString, Target);
    return ObpCreateLink(&NameString, &TargetString);
}

/* Makes the root and the directories that Windows has in it. */
NTSTATUS ObInitialize(VOID)
{
    static const PCWSTR Directories[] = {L"\\Device", L"\\Driver", L"\\??", L"\\BaseNamedObjects"};
    NTSTATUS Status;
    ULONG i;

    ExInitializeFastMutex(&ObpNameLock);
    ObpInitializeReaper();
    Status = ObpAllocateDirectory(&ObpRoot);
    for (i = 0; i < RTL_NUMBER_OF(Directories) && NT_SUCCESS(Status); i++)
        Status = ObpCreateDirectory(Directories[i]);
    if (NT_SUCCESS(Status))
        Status = ObpLinkTo(L"\\DosDevices", L"\\??");
    if (NT_SUCCESS(Status))
        Status = ObpLinkTo(L"\\SystemRoot", L"\\Device\\BootFiles");
    ObpKernelHandleTable = ObpCreateHandleTable();
    return ObpKernelHandleTable ? Status : STATUS_INSUFFICIENT_RESOURCES;
}
