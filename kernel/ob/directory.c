/*
 * Directories: \Device, \Driver, \??, \BaseNamedObjects and those that others make. An entry holds
 * its object and its directory, so that a directory that has lost its own name, or its last handle,
 * stays as long as there is anything in it. All under ObpNameLock.
 */
#include "kernel/ob/callbacks.h"
#include "kernel/ob/name.h"
#include "kernel/ob/security.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/sched.h"

FAST_MUTEX ObpNameLock;
OBP_DIRECTORY *ObpRoot;

static OBJECT_TYPE ObpDirectoryTypeObject = {
    .Name = "Directory",
    .AllAccess = DIRECTORY_ALL_ACCESS,
    .Mapping = {STANDARD_RIGHTS_READ | DIRECTORY_QUERY | DIRECTORY_TRAVERSE,
                STANDARD_RIGHTS_WRITE | DIRECTORY_CREATE_OBJECT | DIRECTORY_CREATE_SUBDIRECTORY,
                STANDARD_RIGHTS_EXECUTE | DIRECTORY_QUERY | DIRECTORY_TRAVERSE,
                DIRECTORY_ALL_ACCESS}};
POBJECT_TYPE ObpDirectoryType = &ObpDirectoryTypeObject;

/* ---- Entries -----------------------------------------------------------------------------------
 */

OBP_ENTRY *ObpFindName(OBP_DIRECTORY *Directory, PUNICODE_STRING Name)
{
    PLIST_ENTRY Link;

    for (Link = Directory->Entries.Flink; Link != &Directory->Entries; Link = Link->Flink) {
        OBP_ENTRY *Entry = CONTAINING_RECORD(Link, OBP_ENTRY, ListEntry);
        if (RtlEqualUnicodeString(&Entry->Name, Name, TRUE))
            return Entry;
    }
    return NULL;
}

/* Splits A\B\C into A\B and C, leaving the root its separator. FALSE: there is no last component.
 */
static BOOLEAN ObpSplit(PUNICODE_STRING Path, PUNICODE_STRING Parent, PUNICODE_STRING Name)
{
    USHORT Units = Path->Length / sizeof(WCHAR), i = Units, End;

    while (i > 0 && Path->Buffer[i - 1] != OBJ_NAME_PATH_SEPARATOR)
        i--;
    End = i > 1 ? i - 1 : i;
    *Parent = *Name = *Path;
    Parent->Length = (USHORT)(End * sizeof(WCHAR));
    Name->Buffer += i;
    Name->Length = Name->MaximumLength = (USHORT)((Units - i) * sizeof(WCHAR));
    return i < Units;
}

static OBP_ENTRY *ObpAllocateEntry(PUNICODE_STRING Name, PVOID Object, OBP_DIRECTORY *Directory)
{
    OBP_ENTRY *Entry = ExAllocatePoolWithTag(NonPagedPool, sizeof *Entry + Name->Length, TAG_NAME);

    if (Entry) {
        Entry->Object = Object;
        Entry->Directory = Directory;
        Entry->Name.Buffer = Entry->Text;
        Entry->Name.Length = Entry->Name.MaximumLength = Name->Length;
        memcpy(Entry->Text, Name->Buffer, Name->Length);
    }
    return Entry;
}

/* STATUS_OBJECT_NAME_COLLISION: the name is taken. */
static NTSTATUS ObpLinkEntry(OBP_ENTRY *Entry, BOOLEAN Permanent)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Entry->Object);
    NTSTATUS Status = STATUS_OBJECT_NAME_COLLISION;

    ExAcquireFastMutex(&ObpNameLock);
    if (ObpFindName(Entry->Directory, &Entry->Name) == NULL) {
        ASSERT(Header->Entry == NULL);
        InsertTailList(&Entry->Directory->Entries, &Entry->ListEntry);
        ObfReferenceObject(Entry->Directory);
        ObfReferenceObject(Entry->Object);
        Header->Entry = Entry;
        if (Permanent)
            Header->Flags |= OBJECT_PERMANENT;
        Status = STATUS_SUCCESS;
    }
    ExReleaseFastMutex(&ObpNameLock);
    return Status;
}

/*
 * Gives an object a name. The directory has a reference of its own. STATUS_OBJECT_NAME_COLLISION:
 * the name is taken.
 */
NTSTATUS ObpInsertNameByAttributes(PEX_ATTRIBUTES Attributes, PVOID Object)
{
    EX_ATTRIBUTES Above = *Attributes;
    UNICODE_STRING Name;
    OBP_DIRECTORY *Directory;
    OBP_ENTRY *Entry;
    NTSTATUS Status;

    if (!ObpSplit(&Attributes->Name, &Above.Name, &Name))
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    Above.Flags &= ~OBJ_OPENLINK;
    Status = ObpOpenByAttributes(&Above, ObpDirectoryType, NULL, (PVOID *)&Directory);
    if (!NT_SUCCESS(Status))
        return Status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_OBJECT_PATH_NOT_FOUND : Status;
    Entry = ObpAllocateEntry(&Name, Object, Directory);
    Status = STATUS_INSUFFICIENT_RESOURCES;
    if (Entry)
        Status = ObpLinkEntry(Entry, (Attributes->Flags & OBJ_PERMANENT) != 0);
    if (!NT_SUCCESS(Status) && Entry)
        ExFreePoolWithTag(Entry, TAG_NAME);
    ObfDereferenceObject(Directory);
    return Status;
}

NTSTATUS ObpInsertName(PUNICODE_STRING Path, PVOID Object, BOOLEAN Permanent)
{
    EX_ATTRIBUTES Attributes = {.Name = *Path, .Flags = Permanent ? OBJ_PERMANENT : 0};

    return ObpInsertNameByAttributes(&Attributes, Object);
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
    if (Entry == NULL)
        return;
    ObfDereferenceObject(Entry->Object);
    ObfDereferenceObject(Entry->Directory);
    ExFreePoolWithTag(Entry, TAG_NAME);
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

VOID ObpSetPermanent(PVOID Object, BOOLEAN Permanent)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);

    ExAcquireFastMutex(&ObpNameLock);
    if (Permanent)
        Header->Flags |= OBJECT_PERMANENT;
    else
        Header->Flags &= ~OBJECT_PERMANENT;
    ExReleaseFastMutex(&ObpNameLock);
    if (!Permanent)
        ObpRemoveUnusedName(Object);
}

/* The object's name goes with its last handle, or now (WDK: ObMakeTemporaryObject). */
VOID NTAPI ObMakeTemporaryObject(PVOID Object)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    ObpSetPermanent(Object, FALSE);
}

static NTSTATUS ObpSetPermanentByHandle(HANDLE Handle, BOOLEAN Permanent)
{
    PVOID Object;
    NTSTATUS Status = ObReferenceObjectByHandle(Handle, DELETE, NULL,
                                                KiGetCurrentThread()->PreviousMode, &Object, NULL);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    if (KiGetCurrentThread()->PreviousMode == KernelMode)
        ObpSetPermanent(Object, Permanent);
    else if (Permanent || (OBJECT_TO_HEADER(Object)->Flags & OBJECT_PERMANENT))
        Status = STATUS_PRIVILEGE_NOT_HELD;
    ObDereferenceObject(Object);
    return Status;
}

/* The same by a handle that may delete (WDK: ZwMakeTemporaryObject). What is permanent is the
 * kernel's or a driver's, and no program's to make temporary. */
NTSTATUS NTAPI NtMakeTemporaryObject(HANDLE Handle)
{
    return ObpSetPermanentByHandle(Handle, FALSE);
}

/* The opposite (undocumented, but well known). */
NTSTATUS NTAPI NtMakePermanentObject(HANDLE Handle)
{
    return ObpSetPermanentByHandle(Handle, TRUE);
}

/* ---- Names of objects --------------------------------------------------------------------------
 */

/* Writes an object's path in front of End; without a buffer, it is only measured. Returns bytes.
 * The lock is held. */
static ULONG ObpWritePath(POBJECT_HEADER Header, PUCHAR End)
{
    ULONG Bytes = 0;
    OBP_ENTRY *Entry;

    for (Entry = Header->Entry; Entry; Entry = OBJECT_TO_HEADER(Entry->Directory)->Entry) {
        Bytes += Entry->Name.Length + sizeof(WCHAR);
        if (End == NULL)
            continue;
        *(PWCHAR)(End - Bytes) = OBJ_NAME_PATH_SEPARATOR;
        memcpy(End - Bytes + sizeof(WCHAR), Entry->Text, Entry->Name.Length);
    }
    return Bytes;
}

/* The path of an object that is in a directory, as far as there are directories above it. */
NTSTATUS ObpQueryPath(PVOID Object, PUNICODE_STRING Path)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Bytes;

    *Path = (UNICODE_STRING){0};
    ExAcquireFastMutex(&ObpNameLock);
    Bytes = Object == ObpRoot ? sizeof(WCHAR) : ObpWritePath(Header, NULL);
    if (Bytes > MAXUSHORT)
        Status = STATUS_NAME_TOO_LONG;
    else if (Bytes)
        Path->Buffer = ExAllocatePoolWithTag(PagedPool, Bytes, TAG_NAME);
    if (Path->Buffer) {
        Path->Length = Path->MaximumLength = (USHORT)Bytes;
        Path->Buffer[0] = OBJ_NAME_PATH_SEPARATOR;
        ObpWritePath(Header, (PUCHAR)Path->Buffer + Bytes);
    } else if (Bytes && NT_SUCCESS(Status)) {
        Status = STATUS_INSUFFICIENT_RESOURCES;
    }
    ExReleaseFastMutex(&ObpNameLock);
    return Status;
}

/* ---- Directory objects -------------------------------------------------------------------------
 */

static VOID ObpFillDirectory(PVOID Object, PVOID Parameter)
{
    UNREFERENCED_PARAMETER(Parameter);
    InitializeListHead(&((OBP_DIRECTORY *)Object)->Entries);
}

/* Creates a directory (WDK: ZwCreateDirectoryObject). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtCreateDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                       POBJECT_ATTRIBUTES ObjectAttributes)
{
    return ObpCreateService(DirectoryHandle, DesiredAccess, ObjectAttributes, ObpDirectoryType,
                            sizeof(OBP_DIRECTORY), ObpFillDirectory, NULL);
}

NTSTATUS NTAPI NtOpenDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                     POBJECT_ATTRIBUTES ObjectAttributes)
{
    return ObpOpenService(DirectoryHandle, DesiredAccess, ObjectAttributes, ObpDirectoryType);
}

static NTSTATUS ObpAllocateDirectory(OBP_DIRECTORY **Directory)
{
    NTSTATUS Status = ObpAllocateObject(ObpDirectoryType, sizeof **Directory, (PVOID *)Directory);

    if (NT_SUCCESS(Status))
        ObpFillDirectory(*Directory, NULL);
    return Status;
}

/* One that is there for good. */
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

static NTSTATUS ObpLinkTo(PCWSTR Name, PCWSTR Target)
{
    UNICODE_STRING NameString, TargetString;

    RtlInitUnicodeString(&NameString, Name);
    RtlInitUnicodeString(&TargetString, Target);
    return ObpCreateLink(&NameString, &TargetString);
}

/* Makes the root, and the directories and links that Windows has in it. There is one session, so
 * names of devices for programs are the same for all of them. */
NTSTATUS ObInitialize(VOID)
{
    static const PCWSTR Directories[] = {
        L"\\Device",           L"\\Driver",      L"\\FileSystem",    L"\\??",
        L"\\BaseNamedObjects", L"\\ObjectTypes", L"\\KernelObjects",
    };
    static const PCWSTR Links[][2] = {
        {L"\\DosDevices", L"\\??"},
        {L"\\GLOBAL??", L"\\??"},
        {L"\\??\\Global", L"\\??"},
        {L"\\??\\GLOBALROOT", L""},
        {L"\\SystemRoot", L"\\Device\\BootFiles"},
    };
    NTSTATUS Status;
    ULONG i;

    ExInitializeFastMutex(&ObpNameLock);
    ObpInitializeReaper();
    ObpInitializeDescriptors();
    ObpInitializeCallbacks();
    Status = ObpAllocateDirectory(&ObpRoot);
    for (i = 0; i < RTL_NUMBER_OF(Directories) && NT_SUCCESS(Status); i++)
        Status = ObpCreateDirectory(Directories[i]);
    for (i = 0; i < RTL_NUMBER_OF(Links) && NT_SUCCESS(Status); i++)
        Status = ObpLinkTo(Links[i][0], Links[i][1]);
    ObpKernelHandleTable = ObpCreateHandleTable();
    return ObpKernelHandleTable ? Status : STATUS_INSUFFICIENT_RESOURCES;
}
