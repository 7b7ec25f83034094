/*
 * Paths: from a name to the object that has it, through directories and symbolic links. Names are
 * compared without regard to case, as Windows does by default, with or without
 * OBJ_CASE_INSENSITIVE. A path that runs into an object whose type has a Parse routine (a device)
 * hands the rest of the path to it.
 */
#include "kernel/ob/name.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define MOST_REPARSES 32 /* of one path */
#define PATH_BYTES    (MAXUSHORT - 1)

/* Takes what is at the front of a path off it. */
static VOID ObpAdvance(PUNICODE_STRING Path, USHORT Bytes)
{
    Path->Buffer = (PWCHAR)((PUCHAR)Path->Buffer + Bytes);
    Path->Length -= Bytes;
}

static BOOLEAN ObpBeginsWithSeparator(const UNICODE_STRING *Path)
{
    return Path->Length >= sizeof(WCHAR) && Path->Buffer[0] == OBJ_NAME_PATH_SEPARATOR;
}

/* Cuts the first component off a path: A\B gives A and leaves \B. FALSE: it is empty. */
static BOOLEAN ObpNextComponent(PUNICODE_STRING Path, PUNICODE_STRING Component)
{
    USHORT Units = Path->Length / sizeof(WCHAR), i;

    for (i = 0; i < Units && Path->Buffer[i] != OBJ_NAME_PATH_SEPARATOR; i++)
        ;
    Component->Buffer = Path->Buffer;
    Component->Length = Component->MaximumLength = (USHORT)(i * sizeof(WCHAR));
    ObpAdvance(Path, Component->Length);
    return i != 0;
}

/*
 * Walks the path down from a directory as far as directories go. *Object is the referenced object
 * it ends at or runs into. The lock is held.
 */
static NTSTATUS ObpWalk(OBP_LOOKUP *Lookup, OBP_DIRECTORY *Directory, PVOID *Object)
{
    UNICODE_STRING Component;
    OBP_ENTRY *Entry;

    for (;;) {
        if (!ObpNextComponent(&Lookup->Path, &Component))
            return STATUS_OBJECT_PATH_SYNTAX_BAD;
        Entry = ObpFindName(Directory, &Component);
        if (Entry == NULL)
            return Lookup->Path.Length ? STATUS_OBJECT_PATH_NOT_FOUND
                                       : STATUS_OBJECT_NAME_NOT_FOUND;
        if (Lookup->Path.Length == 0 || OBJECT_TO_HEADER(Entry->Object)->Type != ObpDirectoryType)
            break;
        ObpAdvance(&Lookup->Path, sizeof(WCHAR));
        Directory = Entry->Object;
    }
    *Object = Entry->Object;
    ObfReferenceObject(*Object);
    return STATUS_SUCCESS;
}

/* The same from where the path begins: at the root, or at what the caller has a handle of. */
static NTSTATUS ObpWalkFromStart(OBP_LOOKUP *Lookup, PVOID *Object)
{
    PVOID Start = Lookup->Start ? Lookup->Start : ObpRoot;
    BOOLEAN Absolute = ObpBeginsWithSeparator(&Lookup->Path);
    BOOLEAN IsDirectory = OBJECT_TO_HEADER(Start)->Type == ObpDirectoryType;
    NTSTATUS Status;

    if (IsDirectory && Absolute == (Lookup->Start != NULL))
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    if (IsDirectory && Absolute)
        ObpAdvance(&Lookup->Path, sizeof(WCHAR));
    Lookup->Named = IsDirectory && Lookup->Path.Length;
    if (!Lookup->Named) { /* the beginning itself, or that parses the whole path */
        ObfReferenceObject(Start);
        *Object = Start;
        return STATUS_SUCCESS;
    }
    ExAcquireFastMutex(&ObpNameLock);
    Status = ObpWalk(Lookup, Start, Object);
    ExReleaseFastMutex(&ObpNameLock);
    return Status;
}

/* Goes on with another path, from the root. */
static VOID ObpRestart(OBP_LOOKUP *Lookup, PWCHAR Buffer, USHORT Length)
{
    if (Lookup->Buffer)
        ExFreePool(Lookup->Buffer);
    Lookup->Buffer = Lookup->Path.Buffer = Buffer;
    Lookup->Path.Length = Lookup->Path.MaximumLength = Length;
    if (Lookup->Start)
        ObDereferenceObject(Lookup->Start);
    Lookup->Start = NULL;
}

/* Goes on with a link's target and what was left. STATUS_REPARSE: so be it. */
static NTSTATUS ObpFollow(OBP_LOOKUP *Lookup, const OBP_LINK *Link)
{
    ULONG Length = Link->Target.Length + Lookup->Path.Length;
    PWCHAR Buffer;

    Lookup->EndsWithLink |= Lookup->Path.Length == 0;
    if (Length > PATH_BYTES)
        return STATUS_NAME_TOO_LONG;
    Buffer = ExAllocatePoolWithTag(PagedPool, max(Length, sizeof(WCHAR)), TAG_NAME);
    if (Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Buffer, Link->Target.Buffer, Link->Target.Length);
    memcpy((PUCHAR)Buffer + Link->Target.Length, Lookup->Path.Buffer, Lookup->Path.Length);
    ObpRestart(Lookup, Buffer, (USHORT)Length);
    return STATUS_REPARSE;
}

/* A link at the very end may be what is wanted itself. */
static BOOLEAN ObpIsToBeFollowed(const OBP_LOOKUP *Lookup, PVOID Object)
{
    if (OBJECT_TO_HEADER(Object)->Type != ObpSymbolicLinkType)
        return FALSE;
    return Lookup->Path.Length ||
           (Lookup->Type != ObpSymbolicLinkType && !(Lookup->Flags & OBJ_OPENLINK));
}

/* Hands the rest of the path to the Parse routine of what has been found. */
static NTSTATUS ObpParse(OBP_LOOKUP *Lookup, PVOID Found, PVOID *Object)
{
    OB_OPEN_CONTEXT *Context = Lookup->Context;
    NTSTATUS Status;

    Context->Type = Lookup->Type;
    Context->Mode = Lookup->Mode;
    Context->Reparse = (UNICODE_STRING){0};
    *Object = NULL;
    Status = OBJECT_TO_HEADER(Found)->Type->Parse(Found, &Lookup->Path, Context, Object);
    if (Status == STATUS_REPARSE)
        ObpRestart(Lookup, Context->Reparse.Buffer, Context->Reparse.Length);
    else if (NT_SUCCESS(Status))
        Lookup->Named &= *Object == Found;
    return Status;
}

/* Makes of what has been found what is wanted. The reference on it is taken over. */
static NTSTATUS ObpOpenFound(OBP_LOOKUP *Lookup, PVOID Found, PVOID *Object)
{
    NTSTATUS Status;

    if (ObpIsToBeFollowed(Lookup, Found)) {
        Status = ObpFollow(Lookup, Found);
    } else if (OBJECT_TO_HEADER(Found)->Type->Parse && Lookup->Context) {
        Status = ObpParse(Lookup, Found, Object);
    } else if (Lookup->Path.Length) {
        Status = STATUS_OBJECT_PATH_NOT_FOUND;
    } else {
        *Object = Found;
        return STATUS_SUCCESS;
    }
    ObDereferenceObject(Found);
    return Status;
}

/*
 * Walks the path to its end. *Object is referenced, and of the type that is wanted. A link that
 * leads to itself is followed for a while only; with OBJ_DONT_REPARSE none is.
 */
NTSTATUS ObpRunLookup(OBP_LOOKUP *Lookup, PVOID *Object)
{
    NTSTATUS Status = STATUS_REPARSE;
    PVOID Found;
    ULONG i;

    for (i = 0; i <= MOST_REPARSES && Status == STATUS_REPARSE; i++) {
        if (i && (Lookup->Flags & OBJ_DONT_REPARSE))
            return STATUS_REPARSE_POINT_ENCOUNTERED;
        Status = ObpWalkFromStart(Lookup, &Found);
        if (NT_SUCCESS(Status))
            Status = ObpOpenFound(Lookup, Found, Object);
    }
    if (Status == STATUS_REPARSE)
        return STATUS_NAME_TOO_LONG;
    if (NT_SUCCESS(Status) && Lookup->Type && OBJECT_TO_HEADER(*Object)->Type != Lookup->Type) {
        ObDereferenceObject(*Object);
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    }
    return Status;
}

/* RootDirectory is a directory, or something that parses paths itself: a file, a key. */
static NTSTATUS ObpReferenceStart(PEX_ATTRIBUTES Attributes, PVOID *Start)
{
    POBJECT_TYPE Type;
    NTSTATUS Status = ObReferenceObjectByHandle(Attributes->RootDirectory, 0, NULL,
                                                Attributes->Mode, Start, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    Type = OBJECT_TO_HEADER(*Start)->Type;
    if (Type == ObpDirectoryType || Type->Parse)
        return STATUS_SUCCESS;
    ObDereferenceObject(*Start);
    return STATUS_OBJECT_TYPE_MISMATCH;
}

NTSTATUS ObpBeginLookup(OBP_LOOKUP *Lookup, PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type,
                        OB_OPEN_CONTEXT *Context)
{
    *Lookup = (OBP_LOOKUP){.Path = Attributes->Name,
                           .Flags = Attributes->Flags,
                           .Mode = ObpCheckedMode(Attributes),
                           .Type = Type,
                           .Context = Context};
    if (Attributes->RootDirectory == NULL)
        return STATUS_SUCCESS;
    return ObpReferenceStart(Attributes, &Lookup->Start);
}

VOID ObpEndLookup(OBP_LOOKUP *Lookup)
{
    if (Lookup->Start)
        ObDereferenceObject(Lookup->Start);
    if (Lookup->Buffer)
        ExFreePool(Lookup->Buffer);
}

NTSTATUS ObpOpenByAttributes(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, OB_OPEN_CONTEXT *Context,
                             PVOID *Object)
{
    OBP_LOOKUP Lookup;
    NTSTATUS Status = ObpBeginLookup(&Lookup, Attributes, Type, Context);

    *Object = NULL;
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpRunLookup(&Lookup, Object);
    ObpEndLookup(&Lookup);
    if (!NT_SUCCESS(Status))
        *Object = NULL;
    return Status;
}

NTSTATUS ObpOpenPath(PUNICODE_STRING Path, POBJECT_TYPE Type, OB_OPEN_CONTEXT *Context,
                     PVOID *Object)
{
    EX_ATTRIBUTES Attributes = {.Name = *Path};

    return ObpOpenByAttributes(&Attributes, Type, Context, Object);
}

/*
 * Opens what has the name that a new object is to have. STATUS_OBJECT_NAME_NOT_FOUND: nothing has
 * it, so the object can be made. STATUS_OBJECT_NAME_COLLISION: a link that leads nowhere has it.
 */
NTSTATUS ObpOpenToCreate(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, PVOID *Object)
{
    OBP_LOOKUP Lookup;
    NTSTATUS Status = ObpBeginLookup(&Lookup, Attributes, Type, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpRunLookup(&Lookup, Object);
    ObpEndLookup(&Lookup);
    if (Status == STATUS_OBJECT_NAME_NOT_FOUND && Lookup.EndsWithLink)
        return STATUS_OBJECT_NAME_COLLISION;
    return Status;
}
