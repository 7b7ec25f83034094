/*
 * obtest.sys: what a driver may rely on about objects: references, names, directories, symbolic
 * links, handles and their attributes, duplicates, callbacks for handles; and about events, timers
 * and waits by handle.
 *
 * Source: WDK, the pages of the routines.
 */
#include <ntifs.h>
#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

/* What the headers leave out. */
NTKERNELAPI NTSTATUS NTAPI ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode);
NTKERNELAPI NTSTATUS NTAPI ObOpenObjectByName(POBJECT_ATTRIBUTES Attributes, POBJECT_TYPE Type,
                                              KPROCESSOR_MODE Mode, PACCESS_STATE AccessState,
                                              ACCESS_MASK Access, PVOID Context, PHANDLE Handle);
NTSYSAPI NTSTATUS NTAPI ZwSetInformationObject(HANDLE Handle, OBJECT_INFORMATION_CLASS Class,
                                               PVOID Information, ULONG Length);
extern NTSYSAPI POBJECT_TYPE *IoDriverObjectType, *IoDeviceObjectType;
#define TIMER_MODIFY_STATE       2
#define TIMER_ALL_ACCESS         (STANDARD_RIGHTS_REQUIRED | SYNCHRONIZE | 3)
#define HandleFlags              ((OBJECT_INFORMATION_CLASS)4)
#define STATUS_REPARSE_POINT_MET ((NTSTATUS)0xC000050B)
#define NO_HANDLE                ((HANDLE)(ULONG_PTR)0x7FFC)

typedef LONG_PTR(FASTCALL *COUNT_WITH_TAG)(PVOID Object, ULONG Tag); /* not in the library */

typedef struct _LISTED {
    UNICODE_STRING Name, Type;
} LISTED;

static HANDLE Directory; /* \obtest, open as long as the test runs */
static ULONG Buffer[256];

/* ---- Helpers -----------------------------------------------------------------------------------
 */

static PVOID RoutineNamed(PCWSTR Name)
{
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    return MmGetSystemRoutineAddress(&String);
}

static POBJECT_ATTRIBUTES Named(PCWSTR Name, ULONG Flags, HANDLE Root)
{
    static OBJECT_ATTRIBUTES Attributes;
    static UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    InitializeObjectAttributes(&Attributes, &String, OBJ_KERNEL_HANDLE | Flags, Root, NULL);
    return &Attributes;
}

static NTSTATUS MakeEvent(PHANDLE Handle, PCWSTR Name, ULONG Flags)
{
    return ZwCreateEvent(Handle, EVENT_ALL_ACCESS, Named(Name, Flags, NULL), NotificationEvent,
                         FALSE);
}

static NTSTATUS OpenEvent(PHANDLE Handle, PCWSTR Name, ULONG Flags, HANDLE Root)
{
    return ZwOpenEvent(Handle, EVENT_ALL_ACCESS, Named(Name, Flags, Root));
}

static PVOID ObjectOf(HANDLE Handle)
{
    PVOID Object = NULL;

    ObReferenceObjectByHandle(Handle, 0, NULL, KernelMode, &Object, NULL);
    if (Object)
        ObDereferenceObject(Object);
    return Object;
}

static PUBLIC_OBJECT_BASIC_INFORMATION BasicOf(HANDLE Handle)
{
    PUBLIC_OBJECT_BASIC_INFORMATION Basic = {0};

    CheckEqual("ZwQueryObject gives the basic information",
               ZwQueryObject(Handle, ObjectBasicInformation, &Basic, sizeof Basic, NULL),
               STATUS_SUCCESS);
    return Basic;
}

static BOOLEAN HasName(PVOID Object, PCWSTR Expected)
{
    POBJECT_NAME_INFORMATION Name = (PVOID)Buffer;
    UNICODE_STRING Wanted;
    ULONG Length;

    RtlInitUnicodeString(&Wanted, Expected);
    return NT_SUCCESS(ObQueryNameString(Object, Name, sizeof Buffer, &Length)) &&
           RtlEqualUnicodeString(&Name->Name, &Wanted, FALSE) &&
           Length == sizeof *Name + Wanted.Length + sizeof(WCHAR) &&
           Name->Name.Buffer[Wanted.Length / sizeof(WCHAR)] == 0;
}

/* ---- References --------------------------------------------------------------------------------
 */

static VOID TestReferenceByHandle(HANDLE Event)
{
    OBJECT_HANDLE_INFORMATION Information;
    PVOID Object;

    CheckEqual(
        "a handle gives its object",
        ObReferenceObjectByHandle(Event, 0, *ExEventObjectType, KernelMode, &Object, &Information),
        STATUS_SUCCESS);
    CheckEqual("... and says its access", Information.GrantedAccess, EVENT_ALL_ACCESS);
    CheckEqual("... and its attributes", Information.HandleAttributes, 0);
    ObDereferenceObject(Object);
    CheckEqual("another type is a mismatch",
               ObReferenceObjectByHandle(Event, 0, *PsThreadType, KernelMode, &Object, NULL),
               STATUS_OBJECT_TYPE_MISMATCH);
    Check("... and gives no object", Object == NULL);
    CheckEqual("a kernel handle is none for user mode",
               ObReferenceObjectByHandle(Event, 0, NULL, UserMode, &Object, NULL),
               STATUS_INVALID_HANDLE);
    CheckEqual("a handle that is not there is invalid",
               ObReferenceObjectByHandle(NO_HANDLE, 0, NULL, KernelMode, &Object, NULL),
               STATUS_INVALID_HANDLE);
    CheckEqual("NULL is no handle",
               ObReferenceObjectByHandle(NULL, 0, NULL, KernelMode, &Object, NULL),
               STATUS_INVALID_HANDLE);
    CheckEqual("a handle with a tag",
               ObReferenceObjectByHandleWithTag(Event, 0, NULL, KernelMode, 'tset', &Object, NULL),
               STATUS_SUCCESS);
    ObDereferenceObject(Object);
}

static VOID TestPseudoHandles(VOID)
{
    PVOID Object;

    ObReferenceObjectByHandle(ZwCurrentThread(), 0, *PsThreadType, KernelMode, &Object, NULL);
    Check("the current thread has a handle", Object == KeGetCurrentThread());
    ObDereferenceObject(Object);
    ObReferenceObjectByHandle(ZwCurrentProcess(), 0, *PsProcessType, UserMode, &Object, NULL);
    Check("and so has the process", Object == PsGetCurrentProcess());
    ObDereferenceObject(Object);
    CheckEqual(
        "whose type is checked",
        ObReferenceObjectByHandle(ZwCurrentProcess(), 0, *PsThreadType, KernelMode, &Object, NULL),
        STATUS_OBJECT_TYPE_MISMATCH);
    Check("they are no kernel handles",
          !ObIsKernelHandle(ZwCurrentProcess()) && !ObIsKernelHandle(ZwCurrentThread()));
}

static VOID TestAccess(VOID)
{
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle;
    PVOID Object;

    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    CheckEqual("a nameless event for queries only",
               ZwCreateEvent(&Handle, GENERIC_READ, &Attributes, NotificationEvent, FALSE),
               STATUS_SUCCESS);
    CheckEqual("user mode is denied what was not granted",
               ObReferenceObjectByHandle(Handle, EVENT_MODIFY_STATE, NULL, UserMode, &Object, NULL),
               STATUS_ACCESS_DENIED);
    CheckEqual(
        "kernel mode is not",
        ObReferenceObjectByHandle(Handle, EVENT_MODIFY_STATE, NULL, KernelMode, &Object, NULL),
        STATUS_SUCCESS);
    ObDereferenceObject(Object);
    CheckEqual("generic rights have been mapped", BasicOf(Handle).GrantedAccess,
               STANDARD_RIGHTS_READ | EVENT_QUERY_STATE);
    Check("it is no kernel handle", !ObIsKernelHandle(Handle));
    ZwClose(Handle);
}

static VOID TestReferenceByPointer(HANDLE Event)
{
    COUNT_WITH_TAG Reference = (COUNT_WITH_TAG)RoutineNamed(L"ObfReferenceObjectWithTag");
    COUNT_WITH_TAG Dereference = (COUNT_WITH_TAG)RoutineNamed(L"ObfDereferenceObjectWithTag");
    PVOID Object = ObjectOf(Event), Link;
    HANDLE Handle;

    CheckEqual("a pointer of the type is referenced",
               ObReferenceObjectByPointer(Object, 0, *ExEventObjectType, UserMode), STATUS_SUCCESS);
    CheckEqual("... with a tag",
               ObReferenceObjectByPointerWithTag(Object, 0, NULL, KernelMode, 'tset'),
               STATUS_SUCCESS);
    Check("counts go up and down",
          Reference(Object, 'tset') == ObReferenceObject(Object) - 1 &&
              Dereference(Object, 'tset') == ObDereferenceObject(Object) + 1);
    ObDereferenceObjectDeferDelete(Object);
    ObDereferenceObjectDeferDeleteWithTag(Object, 'tset');
    CheckEqual("user mode must name the type",
               ObReferenceObjectByPointer(Object, 0, NULL, UserMode), STATUS_OBJECT_TYPE_MISMATCH);
    CheckEqual("another type is a mismatch",
               ObReferenceObjectByPointer(Object, 0, *PsThreadType, KernelMode),
               STATUS_OBJECT_TYPE_MISMATCH);
    ZwOpenSymbolicLinkObject(&Handle, GENERIC_READ, Named(L"\\DosDevices", 0, NULL));
    Link = ObjectOf(Handle);
    CheckEqual("a symbolic link's type must be named, too",
               ObReferenceObjectByPointer(Link, 0, NULL, KernelMode), STATUS_OBJECT_TYPE_MISMATCH);
    ZwClose(Handle);
}

static VOID TestOpenByPointer(HANDLE Event)
{
    PVOID Object = ObjectOf(Event);
    ULONG Count = BasicOf(Event).HandleCount;
    HANDLE Handle;

    CheckEqual("a handle for a pointer",
               ObOpenObjectByPointer(Object, OBJ_KERNEL_HANDLE, NULL, SYNCHRONIZE,
                                     *ExEventObjectType, KernelMode, &Handle),
               STATUS_SUCCESS);
    Check("... of the kernel's", ObIsKernelHandle(Handle) && ObjectOf(Handle) == Object);
    CheckEqual("... is counted", BasicOf(Event).HandleCount, Count + 1);
    ZwClose(Handle);
    CheckEqual("... until it is closed", BasicOf(Event).HandleCount, Count);
    CheckEqual("with a tag",
               ObOpenObjectByPointerWithTag(Object, OBJ_KERNEL_HANDLE, NULL, SYNCHRONIZE, NULL,
                                            UserMode, 'tset', &Handle),
               STATUS_OBJECT_TYPE_MISMATCH);
    CheckEqual("for user mode",
               ObOpenObjectByPointer(Object, OBJ_KERNEL_HANDLE, NULL, SYNCHRONIZE,
                                     *ExEventObjectType, UserMode, &Handle),
               STATUS_SUCCESS);
    Check("... there are no kernel handles", !ObIsKernelHandle(Handle));
    CheckEqual("ObCloseHandle closes it", ObCloseHandle(Handle, UserMode), STATUS_SUCCESS);
    CheckEqual("... once", ObCloseHandle(Handle, UserMode), STATUS_INVALID_HANDLE);
}

static VOID TestReferences(VOID)
{
    HANDLE Event;

    MakeEvent(&Event, L"\\obtest\\referenced", 0);
    TestReferenceByHandle(Event);
    TestPseudoHandles();
    TestAccess();
    TestReferenceByPointer(Event);
    TestOpenByPointer(Event);
    ZwClose(Event);
}

/* ---- Names -------------------------------------------------------------------------------------
 */

static VOID TestAttributes(VOID)
{
    HANDLE Event, Other;

    CheckEqual("a named event", MakeEvent(&Event, L"\\obtest\\event", 0), STATUS_SUCCESS);
    CheckEqual("its name is taken", MakeEvent(&Other, L"\\OBTEST\\Event", OBJ_CASE_INSENSITIVE),
               STATUS_OBJECT_NAME_COLLISION);
    CheckEqual("with OBJ_OPENIF it is opened", MakeEvent(&Other, L"\\obtest\\event", OBJ_OPENIF),
               STATUS_OBJECT_NAME_EXISTS);
    Check("... the same", ObjectOf(Event) == ObjectOf(Other));
    ZwClose(Other);
    CheckEqual("a path through it leads nowhere", OpenEvent(&Other, L"\\obtest\\event\\x", 0, NULL),
               STATUS_OBJECT_PATH_NOT_FOUND);
    CheckEqual("nor one through nothing", OpenEvent(&Other, L"\\obtest\\no\\x", 0, NULL),
               STATUS_OBJECT_PATH_NOT_FOUND);
    CheckEqual("a name that is not there", OpenEvent(&Other, L"\\obtest\\no", 0, NULL),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("a path begins with a separator", OpenEvent(&Other, L"obtest\\event", 0, NULL),
               STATUS_OBJECT_PATH_SYNTAX_BAD);
    CheckEqual("and has no empty part", OpenEvent(&Other, L"\\obtest\\\\event", 0, NULL),
               STATUS_OBJECT_PATH_SYNTAX_BAD);
    CheckEqual("relative to a directory", OpenEvent(&Other, L"event", 0, Directory),
               STATUS_SUCCESS);
    ZwClose(Other);
    CheckEqual("... it does not", OpenEvent(&Other, L"\\event", 0, Directory),
               STATUS_OBJECT_PATH_SYNTAX_BAD);
    CheckEqual("nothing is relative to an event", OpenEvent(&Other, L"x", 0, Event),
               STATUS_OBJECT_TYPE_MISMATCH);
    CheckEqual("a type that is not the wanted one",
               ZwOpenDirectoryObject(&Other, DIRECTORY_QUERY, Named(L"\\obtest\\event", 0, NULL)),
               STATUS_OBJECT_TYPE_MISMATCH);
    ZwClose(Event);
    CheckEqual("the name goes with the last handle", OpenEvent(&Other, L"\\obtest\\event", 0, NULL),
               STATUS_OBJECT_NAME_NOT_FOUND);
}

static VOID TestPermanent(VOID)
{
    HANDLE Event;

    MakeEvent(&Event, L"\\obtest\\permanent", OBJ_PERMANENT);
    Check("a permanent event says so", (BasicOf(Event).Attributes & OBJ_PERMANENT) != 0);
    ZwClose(Event);
    CheckEqual("... outlives its handle", OpenEvent(&Event, L"\\obtest\\permanent", 0, NULL),
               STATUS_SUCCESS);
    CheckEqual("... can be made temporary", ZwMakeTemporaryObject(Event), STATUS_SUCCESS);
    ZwClose(Event);
    CheckEqual("... and is gone", OpenEvent(&Event, L"\\obtest\\permanent", 0, NULL),
               STATUS_OBJECT_NAME_NOT_FOUND);
    MakeEvent(&Event, L"\\obtest\\permanent", OBJ_PERMANENT);
    ObMakeTemporaryObject(ObjectOf(Event));
    Check("ObMakeTemporaryObject leaves the name while there is a handle",
          HasName(ObjectOf(Event), L"\\obtest\\permanent"));
    ZwClose(Event);
    CheckEqual("... and no longer", OpenEvent(&Event, L"\\obtest\\permanent", 0, NULL),
               STATUS_OBJECT_NAME_NOT_FOUND);
}

static VOID TestExclusive(VOID)
{
    HANDLE Event, Other;

    MakeEvent(&Event, L"\\obtest\\exclusive", OBJ_EXCLUSIVE);
    CheckEqual("an exclusive object is its process's",
               OpenEvent(&Other, L"\\obtest\\exclusive", OBJ_EXCLUSIVE, NULL), STATUS_SUCCESS);
    ZwClose(Other);
    CheckEqual("which cannot be inherited",
               OpenEvent(&Other, L"\\obtest\\exclusive", OBJ_INHERIT, NULL),
               STATUS_INVALID_PARAMETER);
    ZwClose(Event);
    MakeEvent(&Event, L"\\obtest\\shared", 0);
    CheckEqual("what is not exclusive is not opened so",
               OpenEvent(&Other, L"\\obtest\\shared", OBJ_EXCLUSIVE, NULL),
               STATUS_INVALID_PARAMETER);
    ZwClose(Event);
}

static VOID TestByName(PDRIVER_OBJECT Driver)
{
    UNICODE_STRING Name;
    PVOID Object;
    HANDLE Handle;

    CheckEqual("a driver object by its name",
               ObReferenceObjectByName(&Driver->DriverName, OBJ_CASE_INSENSITIVE, NULL, 0,
                                       *IoDriverObjectType, KernelMode, NULL, &Object),
               STATUS_SUCCESS);
    Check("... is this one's", Object == Driver);
    ObDereferenceObject(Object);
    CheckEqual("... is no device",
               ObReferenceObjectByName(&Driver->DriverName, 0, NULL, 0, *IoDeviceObjectType,
                                       KernelMode, NULL, &Object),
               STATUS_OBJECT_TYPE_MISMATCH);
    RtlInitUnicodeString(&Name, L"\\SystemRoot");
    CheckEqual(
        "a device object by a link's name",
        ObReferenceObjectByName(&Name, 0, NULL, 0, *IoDeviceObjectType, KernelMode, NULL, &Object),
        STATUS_SUCCESS);
    Check("... says its own name", HasName(Object, L"\\Device\\BootFiles"));
    ObDereferenceObject(Object);
    RtlInitUnicodeString(&Name, L"\\SystemRoot\\ntdll.dll");
    CheckEqual(
        "a file is not opened so",
        ObReferenceObjectByName(&Name, 0, NULL, 0, *IoFileObjectType, KernelMode, NULL, &Object),
        STATUS_OBJECT_TYPE_MISMATCH);
    CheckEqual("a handle by name",
               ObOpenObjectByName(Named(L"\\Device", 0, NULL), NULL, KernelMode, NULL,
                                  DIRECTORY_QUERY, NULL, &Handle),
               STATUS_SUCCESS);
    ZwClose(Handle);
}

/* ---- Directories and links ---------------------------------------------------------------------
 */

static VOID TestListing(VOID)
{
    LISTED *List = (PVOID)Buffer;
    ULONG Context = 0, Length, Small = sizeof *List + 8;
    UNICODE_STRING Type;
    HANDLE Events[2];

    RtlInitUnicodeString(&Type, L"Event");
    MakeEvent(&Events[0], L"\\obtest\\first", 0);
    MakeEvent(&Events[1], L"\\obtest\\second", 0);
    CheckEqual(
        "a directory is listed",
        ZwQueryDirectoryObject(Directory, Buffer, sizeof Buffer, FALSE, TRUE, &Context, &Length),
        STATUS_SUCCESS);
    CheckEqual("... both entries", Context, 2);
    Check("... with name and type", List[0].Name.Length == 10 && List[1].Name.Length == 12 &&
                                        RtlEqualUnicodeString(&List[1].Type, &Type, FALSE));
    Check("... and an empty end", List[2].Name.Length == 0 && List[2].Name.Buffer == NULL);
    CheckEqual(
        "there are no more",
        ZwQueryDirectoryObject(Directory, Buffer, sizeof Buffer, FALSE, FALSE, &Context, &Length),
        STATUS_NO_MORE_ENTRIES);
    CheckEqual(
        "one at a time",
        ZwQueryDirectoryObject(Directory, Buffer, sizeof Buffer, TRUE, TRUE, &Context, &Length),
        STATUS_SUCCESS);
    CheckEqual("... is the first", Context, 1);
    CheckEqual("as many as fit",
               ZwQueryDirectoryObject(Directory, Buffer, Length + 8, FALSE, TRUE, &Context, NULL),
               STATUS_MORE_ENTRIES);
    CheckEqual("nothing fits",
               ZwQueryDirectoryObject(Directory, Buffer, Small, FALSE, TRUE, &Context, &Length),
               STATUS_BUFFER_TOO_SMALL);
    Check("... and it is said what would", Length > Small && Context == 0);
    ZwClose(Events[0]);
    ZwClose(Events[1]);
}

static VOID TestDirectories(VOID)
{
    HANDLE Inner, Event, Again;

    CheckEqual("a directory in a directory",
               ZwCreateDirectoryObject(&Inner, DIRECTORY_ALL_ACCESS, Named(L"inner", 0, Directory)),
               STATUS_SUCCESS);
    CheckEqual("... holds an event", MakeEvent(&Event, L"\\obtest\\inner\\event", 0),
               STATUS_SUCCESS);
    Check("... which knows its path", HasName(ObjectOf(Event), L"\\obtest\\inner\\event"));
    ZwClose(Inner);
    CheckEqual("without its handle the directory has no name",
               OpenEvent(&Again, L"\\obtest\\inner\\event", 0, NULL), STATUS_OBJECT_PATH_NOT_FOUND);
    Check("what is in it keeps the rest of its path", HasName(ObjectOf(Event), L"\\event"));
    ZwClose(Event);
    CheckEqual("the root can be opened",
               ZwOpenDirectoryObject(&Inner, DIRECTORY_QUERY, Named(L"\\", 0, NULL)),
               STATUS_SUCCESS);
    Check("... and says its name", HasName(ObjectOf(Inner), L"\\"));
    ZwClose(Inner);
}

static NTSTATUS MakeLink(PHANDLE Link, PCWSTR Name, PCWSTR Target)
{
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Target);
    return ZwCreateSymbolicLinkObject(Link, SYMBOLIC_LINK_ALL_ACCESS, Named(Name, 0, NULL),
                                      &String);
}

static VOID TestLinkTarget(HANDLE Link)
{
    UNICODE_STRING Target = {0, 2, (PWSTR)Buffer}, Expected;
    ULONG Length;

    RtlInitUnicodeString(&Expected, L"\\obtest");
    CheckEqual("a target that does not fit", ZwQuerySymbolicLinkObject(Link, &Target, &Length),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("... says how much it takes", Length, Expected.Length + sizeof(WCHAR));
    Target.MaximumLength = (USHORT)Length;
    CheckEqual("and then it fits", ZwQuerySymbolicLinkObject(Link, &Target, &Length),
               STATUS_SUCCESS);
    Check("it is the target", RtlEqualUnicodeString(&Target, &Expected, FALSE));
}

static VOID TestLinks(VOID)
{
    HANDLE Link, Loop, Root, Event, Opened;

    CheckEqual("a link", MakeLink(&Link, L"\\obtest\\link", L"\\obtest"), STATUS_SUCCESS);
    TestLinkTarget(Link);
    MakeEvent(&Event, L"\\obtest\\event", 0);
    CheckEqual("is followed", OpenEvent(&Opened, L"\\obtest\\link\\link\\event", 0, NULL),
               STATUS_SUCCESS);
    ZwClose(Opened);
    CheckEqual("but not with OBJ_DONT_REPARSE",
               OpenEvent(&Opened, L"\\obtest\\link\\event", OBJ_DONT_REPARSE, NULL),
               STATUS_REPARSE_POINT_MET);
    CheckEqual("at the end of a path, too",
               ZwOpenDirectoryObject(&Opened, DIRECTORY_QUERY, Named(L"\\obtest\\link", 0, NULL)),
               STATUS_SUCCESS);
    ZwClose(Opened);
    CheckEqual("but not with OBJ_OPENLINK",
               ZwOpenDirectoryObject(&Opened, DIRECTORY_QUERY,
                                     Named(L"\\obtest\\link", OBJ_OPENLINK, NULL)),
               STATUS_OBJECT_TYPE_MISMATCH);
    MakeLink(&Loop, L"\\obtest\\loop", L"\\obtest\\loop");
    CheckEqual("a link to itself leads nowhere", OpenEvent(&Opened, L"\\obtest\\loop\\x", 0, NULL),
               STATUS_NAME_TOO_LONG);
    MakeLink(&Root, L"\\obtest\\root", L"\\");
    CheckEqual("where a link to the root is, the root is opened",
               ZwCreateDirectoryObject(&Opened, DIRECTORY_QUERY,
                                       Named(L"\\obtest\\root", OBJ_OPENIF, NULL)),
               STATUS_OBJECT_NAME_EXISTS);
    ZwClose(Opened);
    ZwClose(Root);
    CheckEqual("an empty target is none", MakeLink(&Opened, L"\\obtest\\empty", L""),
               STATUS_INVALID_PARAMETER);
    CheckEqual("GLOBALROOT is the root",
               OpenEvent(&Opened, L"\\??\\GLOBALROOT\\obtest\\event", 0, NULL), STATUS_SUCCESS);
    ZwClose(Opened);
    ZwClose(Loop);
    ZwClose(Link);
    ZwClose(Event);
}

static VOID TestFileNames(VOID)
{
    IO_STATUS_BLOCK Iosb;
    HANDLE File, Other;

    CheckEqual("a file",
               ZwOpenFile(&File, FILE_READ_DATA, Named(L"\\SystemRoot\\ntdll.dll", 0, NULL), &Iosb,
                          FILE_SHARE_READ, 0),
               STATUS_SUCCESS);
    Check("says its device and its name",
          HasName(ObjectOf(File), L"\\Device\\BootFiles\\ntdll.dll"));
    CheckEqual("a path relative to it has no separator before it",
               ZwOpenFile(&Other, FILE_READ_DATA, Named(L"\\x", 0, File), &Iosb, 0, 0),
               STATUS_OBJECT_NAME_INVALID);
    ZwClose(File);
}

/* ---- Handles -----------------------------------------------------------------------------------
 */

static VOID TestQueries(HANDLE Event)
{
    POBJECT_NAME_INFORMATION Name = (PVOID)Buffer;
    PPUBLIC_OBJECT_TYPE_INFORMATION Type = (PVOID)Buffer;
    UNICODE_STRING Expected;
    ULONG Length = 0;

    CheckEqual("a name that does not fit",
               ZwQueryObject(Event, ObjectNameInformation, Buffer, sizeof *Name, &Length),
               STATUS_INFO_LENGTH_MISMATCH);
    CheckEqual("... says what it takes", Length, sizeof *Name + sizeof L"\\obtest\\handles");
    CheckEqual("and then it fits",
               ZwQueryObject(Event, ObjectNameInformation, Buffer, Length, &Length),
               STATUS_SUCCESS);
    CheckEqual("its length is right", Name->Name.Length, sizeof L"\\obtest\\handles" - 2);
    CheckEqual("the type", ZwQueryObject(Event, ObjectTypeInformation, Buffer, sizeof Buffer, NULL),
               STATUS_SUCCESS);
    RtlInitUnicodeString(&Expected, L"Event");
    Check("... is named", RtlEqualUnicodeString(&Type->TypeName, &Expected, FALSE));
    CheckEqual("the basic information has one length",
               ZwQueryObject(Event, ObjectBasicInformation, Buffer, 100, NULL),
               STATUS_INFO_LENGTH_MISMATCH);
    CheckEqual("there are no other classes", ZwQueryObject(Event, 77, Buffer, 100, NULL),
               STATUS_INVALID_INFO_CLASS);
    CheckEqual("ObQueryNameString wants room, too",
               ObQueryNameString(ObjectOf(Event), NULL, 0, &Length), STATUS_INFO_LENGTH_MISMATCH);
}

static VOID TestProtection(VOID)
{
    struct {
        BOOLEAN Inherit, Protect;
    } Flags = {TRUE, TRUE}, Read = {FALSE, FALSE};
    OBJECT_HANDLE_INFORMATION Information;
    HANDLE Event;
    PVOID Object;

    ZwCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    CheckEqual("a handle is protected",
               ZwSetInformationObject(Event, HandleFlags, &Flags, sizeof Flags), STATUS_SUCCESS);
    CheckEqual("... cannot be closed", ZwClose(Event), STATUS_HANDLE_NOT_CLOSABLE);
    ZwQueryObject(Event, HandleFlags, &Read, sizeof Read, NULL);
    Check("... says so", Read.Inherit && Read.Protect);
    ObReferenceObjectByHandle(Event, 0, NULL, KernelMode, &Object, &Information);
    CheckEqual("... and so it does here", Information.HandleAttributes, OBJ_INHERIT | 1);
    ObDereferenceObject(Object);
    CheckEqual("flags have one length", ZwSetInformationObject(Event, HandleFlags, &Flags, 4),
               STATUS_INFO_LENGTH_MISMATCH);
    CheckEqual("nothing else can be set", ZwSetInformationObject(Event, 0, &Flags, sizeof Flags),
               STATUS_INVALID_INFO_CLASS);
    Flags.Protect = FALSE;
    ZwSetInformationObject(Event, HandleFlags, &Flags, sizeof Flags);
    CheckEqual("without protection it can be closed", ZwClose(Event), STATUS_SUCCESS);
    CheckEqual("... once", NtClose(Event), STATUS_INVALID_HANDLE);
}

static NTSTATUS Duplicate(HANDLE Source, PHANDLE Target, ACCESS_MASK Access, ULONG Options)
{
    *Target = NULL;
    return ZwDuplicateObject(ZwCurrentProcess(), Source, ZwCurrentProcess(), Target, Access,
                             OBJ_KERNEL_HANDLE, Options);
}

static VOID TestDuplicates(HANDLE Event)
{
    PVOID Object = ObjectOf(Event);
    HANDLE Handle, Second;

    CheckEqual("a duplicate", Duplicate(Event, &Handle, SYNCHRONIZE, 0), STATUS_SUCCESS);
    Check("... names the same", ObjectOf(Handle) == Object && ObIsKernelHandle(Handle));
    CheckEqual("... with its own rights", BasicOf(Handle).GrantedAccess, SYNCHRONIZE);
    CheckEqual("a duplicate with the same rights",
               Duplicate(Handle, &Second, EVENT_ALL_ACCESS, DUPLICATE_SAME_ACCESS), STATUS_SUCCESS);
    CheckEqual("... has them", BasicOf(Second).GrantedAccess, SYNCHRONIZE);
    CheckEqual("there are three handles", BasicOf(Event).HandleCount, 3);
    ZwClose(Second);
    CheckEqual("a handle moves",
               Duplicate(Handle, &Second, 0, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE),
               STATUS_SUCCESS);
    CheckEqual("... and there are two", BasicOf(Event).HandleCount, 2);
    CheckEqual(
        "closed without a duplicate",
        ZwDuplicateObject(ZwCurrentProcess(), Second, NULL, NULL, 0, 0, DUPLICATE_CLOSE_SOURCE),
        STATUS_SUCCESS);
    CheckEqual("... there is one", BasicOf(Event).HandleCount, 1);
    CheckEqual("nowhere to put it",
               ZwDuplicateObject(ZwCurrentProcess(), Event, NULL, &Handle, 0, 0, 0),
               STATUS_INVALID_PARAMETER);
    CheckEqual("an option that there is not", Duplicate(Event, &Handle, 0, 8),
               STATUS_INVALID_PARAMETER);
    CheckEqual("no process", ZwDuplicateObject(Event, Event, NULL, NULL, 0, 0, 1),
               STATUS_OBJECT_TYPE_MISMATCH);
    CheckEqual("no handle", Duplicate(NO_HANDLE, &Handle, 0, 0), STATUS_INVALID_HANDLE);
    CheckEqual("the current thread's pseudo handle becomes a real one",
               Duplicate(ZwCurrentThread(), &Handle, 0, DUPLICATE_SAME_ACCESS), STATUS_SUCCESS);
    Check("... of this thread", ObjectOf(Handle) == KeGetCurrentThread());
    ZwClose(Handle);
}

static VOID TestHandles(VOID)
{
    HANDLE Event;

    MakeEvent(&Event, L"\\obtest\\handles", 0);
    TestQueries(Event);
    TestProtection();
    TestDuplicates(Event);
    ZwClose(Event);
}

/* ---- Callbacks ---------------------------------------------------------------------------------
 */

typedef struct _WATCHER {
    PVOID Registration;
    ULONG Before, After; /* when it was last called: a number out of one sequence */
    ACCESS_MASK Take, Seen, Original, Granted;
    OB_OPERATION Operation;
    PVOID Object;
    BOOLEAN Kernel, Context;
} WATCHER;

static ULONG Sequence;

static OB_PREOP_CALLBACK_STATUS NTAPI WatchBefore(PVOID Context, POB_PRE_OPERATION_INFORMATION Info)
{
    POB_PRE_CREATE_HANDLE_INFORMATION Create = &Info->Parameters->CreateHandleInformation;
    WATCHER *Watcher = Context;

    Watcher->Before = ++Sequence;
    Watcher->Operation = Info->Operation;
    Watcher->Object = Info->Object;
    Watcher->Kernel = Info->KernelHandle;
    Watcher->Seen = Create->DesiredAccess;
    Watcher->Original = Create->OriginalDesiredAccess;
    Create->DesiredAccess = (Create->DesiredAccess & ~Watcher->Take) | WRITE_OWNER;
    Info->CallContext = Watcher;
    return OB_PREOP_SUCCESS;
}

static VOID NTAPI WatchAfter(PVOID Context, POB_POST_OPERATION_INFORMATION Info)
{
    WATCHER *Watcher = Context;

    Watcher->After = ++Sequence;
    Watcher->Context = Info->CallContext == Watcher;
    Watcher->Granted = Info->Parameters->CreateHandleInformation.GrantedAccess;
}

static NTSTATUS Watch(WATCHER *Watcher, PCWSTR Altitude, POBJECT_TYPE *Type, USHORT Version)
{
    OB_OPERATION_REGISTRATION Operation = {
        Type, OB_OPERATION_HANDLE_CREATE | OB_OPERATION_HANDLE_DUPLICATE, WatchBefore, WatchAfter};
    OB_CALLBACK_REGISTRATION Registration = {Version, 1, {0}, Watcher, &Operation};

    RtlInitUnicodeString(&Registration.Altitude, Altitude);
    return ObRegisterCallbacks(&Registration, &Watcher->Registration);
}

static VOID TestCalls(WATCHER *Low, WATCHER *High)
{
    const ACCESS_MASK Asked = THREAD_TERMINATE | THREAD_ALERT | SYNCHRONIZE;
    HANDLE Handle, Second;

    Low->Take = THREAD_TERMINATE;
    ObOpenObjectByPointer(KeGetCurrentThread(), OBJ_KERNEL_HANDLE, NULL, Asked, *PsThreadType,
                          KernelMode, &Handle);
    Check("the higher altitude comes first, and last",
          High->Before < Low->Before && Low->Before < Low->After && Low->After < High->After);
    Check("they are told what and how", Low->Object == KeGetCurrentThread() && Low->Kernel &&
                                            Low->Operation == OB_OPERATION_HANDLE_CREATE);
    Check("... and what was asked for", High->Seen == Asked && Low->Original == Asked);
    CheckEqual("rights are taken away, and none added", BasicOf(Handle).GrantedAccess,
               Asked & ~THREAD_TERMINATE);
    CheckEqual("... as is said afterwards", High->Granted, Asked & ~THREAD_TERMINATE);
    Check("a context is passed on", Low->Context && High->Context);
    Duplicate(Handle, &Second, 0, DUPLICATE_SAME_ACCESS);
    CheckEqual("they are told of a duplicate", High->Operation, OB_OPERATION_HANDLE_DUPLICATE);
    ZwClose(Second);
    ZwClose(Handle);
}

static VOID TestCallbacks(VOID)
{
    static WATCHER Low, High, Other;
    ULONG Before;
    HANDLE Handle;

    CheckEqual("the version", ObGetFilterVersion(), OB_FLT_REGISTRATION_VERSION);
    CheckEqual("a driver registers", Watch(&Low, L"9000.5", PsThreadType, 0x100), STATUS_SUCCESS);
    CheckEqual("and another", Watch(&High, L"10000", PsThreadType, 0x100), STATUS_SUCCESS);
    CheckEqual("an altitude that is taken", Watch(&Other, L"010000", PsProcessType, 0x100),
               STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
    CheckEqual("one that is none", Watch(&Other, L"high", PsThreadType, 0x100),
               STATUS_INVALID_PARAMETER);
    CheckEqual("a version that there is not", Watch(&Other, L"1", PsThreadType, 0x200),
               STATUS_INVALID_PARAMETER);
    CheckEqual("a type that tells nobody", Watch(&Other, L"1", ExEventObjectType, 0x100),
               STATUS_INVALID_PARAMETER);
    TestCalls(&Low, &High);
    ObUnRegisterCallbacks(Low.Registration);
    ObUnRegisterCallbacks(High.Registration);
    Before = Sequence;
    Duplicate(ZwCurrentThread(), &Handle, 0, DUPLICATE_SAME_ACCESS);
    ZwClose(Handle);
    CheckEqual("nobody is told any more", Sequence, Before);
}

/* ---- Events, timers, waits ---------------------------------------------------------------------
 */

static VOID TestNamedEvents(VOID)
{
    UNICODE_STRING Name;
    PKEVENT Event, Again;
    HANDLE Handle, Other;

    RtlInitUnicodeString(&Name, L"\\BaseNamedObjects\\obtest");
    Event = IoCreateNotificationEvent(&Name, &Handle);
    Check("a named event", Event && ObIsKernelHandle(Handle));
    Check("... is signalled, and stays so", IsSignalled(Event) && IsSignalled(Event));
    KeClearEvent(Event);
    Again = IoCreateNotificationEvent(&Name, &Other);
    Check("... is found again, as it is", Again == Event && !IsSignalled(Again));
    ZwClose(Other);
    ZwClose(Handle);
    Event = IoCreateSynchronizationEvent(&Name, &Handle);
    Check("a synchronization event is signalled once", IsSignalled(Event) && !IsSignalled(Event));
    ZwClose(Handle);
    RtlInitUnicodeString(&Name, L"\\nowhere\\obtest");
    Check("without a directory there is none", IoCreateNotificationEvent(&Name, &Handle) == NULL);
}

static VOID TestEventServices(VOID)
{
    HANDLE Event;
    LONG State;

    ZwCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE);
    CheckEqual("an event is reset", ZwResetEvent(Event, &State), STATUS_SUCCESS);
    CheckEqual("... from signalled", State, 1);
    ZwPulseEvent(Event, &State);
    Check("a pulse leaves it not signalled", State == 0 && !IsSignalled(ObjectOf(Event)));
    ZwSetEvent(Event, NULL);
    CheckEqual("it is cleared", ZwClearEvent(Event), STATUS_SUCCESS);
    Check("... and is not signalled", !IsSignalled(ObjectOf(Event)));
    ZwClose(Event);
}

static VOID TestMultipleWaits(VOID)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    HANDLE Events[2];

    ZwCreateEvent(&Events[0], EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    ZwCreateEvent(&Events[1], EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE);
    CheckEqual("one of two", ZwWaitForMultipleObjects(2, Events, WaitAny, FALSE, NULL),
               STATUS_WAIT_0 + 1);
    CheckEqual("not both", ZwWaitForMultipleObjects(2, Events, WaitAll, FALSE, &Zero),
               STATUS_TIMEOUT);
    ZwSetEvent(Events[0], NULL);
    CheckEqual("both", ZwWaitForMultipleObjects(2, Events, WaitAll, FALSE, NULL), STATUS_SUCCESS);
    CheckEqual("none", ZwWaitForMultipleObjects(0, Events, WaitAll, FALSE, NULL),
               STATUS_INVALID_PARAMETER_1);
    CheckEqual("too many", ZwWaitForMultipleObjects(65, Events, WaitAll, FALSE, NULL),
               STATUS_INVALID_PARAMETER_1);
    ZwClose(Events[1]);
    Events[1] = Events[0];
    CheckEqual("all, and one twice", ZwWaitForMultipleObjects(2, Events, WaitAll, FALSE, &Zero),
               STATUS_INVALID_PARAMETER_MIX);
    CheckEqual("any, and one twice", ZwWaitForMultipleObjects(2, Events, WaitAny, FALSE, &Zero),
               STATUS_WAIT_0);
    CheckEqual("a directory cannot be waited for",
               ZwWaitForMultipleObjects(1, &Directory, WaitAny, FALSE, &Zero),
               STATUS_OBJECT_TYPE_MISMATCH);
    ZwClose(Events[0]);
}

static KEVENT TimerCalled;
static PVOID TimerContext;

static VOID NTAPI TimerRoutine(PVOID Context, ULONG Low, LONG High)
{
    LARGE_INTEGER Now;

    KeQuerySystemTime(&Now);
    if (High && ((LONGLONG)High << 32 | Low) <= Now.QuadPart)
        TimerContext = Context;
    KeSetEvent(&TimerCalled, 0, FALSE);
}

static VOID TestTimers(VOID)
{
    LARGE_INTEGER Soon = After(10), Late = After(3600 * 1000), Minute = After(60 * 1000);
    TIMER_SET_COALESCABLE_TIMER_INFO Info = {.DueTime = Soon};
    HANDLE Timer, Again;
    BOOLEAN State = TRUE;

    CheckEqual("a timer",
               ZwCreateTimer(&Timer, TIMER_ALL_ACCESS, Named(L"\\obtest\\timer", 0, NULL),
                             SynchronizationTimer),
               STATUS_SUCCESS);
    CheckEqual("... has a name",
               ZwOpenTimer(&Again, TIMER_MODIFY_STATE, Named(L"\\obtest\\timer", 0, NULL)),
               STATUS_SUCCESS);
    CheckEqual("is set", ZwSetTimer(Again, &Soon, NULL, NULL, FALSE, 0, &State), STATUS_SUCCESS);
    Check("... and was not signalled", !State);
    CheckEqual("... and expires", ZwWaitForSingleObject(Timer, FALSE, &Minute), STATUS_SUCCESS);
    CheckEqual("a period is not negative", ZwSetTimer(Timer, &Soon, NULL, NULL, FALSE, -1, NULL),
               STATUS_INVALID_PARAMETER_6);
    CheckEqual("no machine is woken", ZwSetTimer(Timer, &Late, NULL, NULL, TRUE, 0, NULL),
               STATUS_TIMER_RESUME_IGNORED);
    CheckEqual("a timer is cancelled", ZwCancelTimer(Timer, &State), STATUS_SUCCESS);
    KeInitializeEvent(&TimerCalled, SynchronizationEvent, FALSE);
    ZwSetTimer(Timer, &Soon, TimerRoutine, Buffer, FALSE, 5, NULL);
    CheckEqual("its routine is called",
               KeWaitForSingleObject(&TimerCalled, Executive, KernelMode, TRUE, &Minute),
               STATUS_SUCCESS);
    CheckEqual("... again and again",
               KeWaitForSingleObject(&TimerCalled, Executive, KernelMode, TRUE, &Minute),
               STATUS_SUCCESS);
    Check("... with its context and the time", TimerContext == Buffer);
    ZwCancelTimer(Timer, NULL);
    CheckEqual("a tolerance", ZwSetTimerEx(Timer, TimerSetCoalescableTimer, &Info, sizeof Info),
               STATUS_SUCCESS);
    CheckEqual("... expires, too", ZwWaitForSingleObject(Timer, FALSE, &Minute), STATUS_SUCCESS);
    CheckEqual("has one length", ZwSetTimerEx(Timer, TimerSetCoalescableTimer, &Info, 4),
               STATUS_INFO_LENGTH_MISMATCH);
    ZwSetTimer(Timer, &Late, TimerRoutine, Buffer, FALSE, 0, NULL);
    ZwClose(Again);
    ZwClose(Timer);
}

/* ---- Counts under many hands -------------------------------------------------------------------
 */

#define HANDS  8
#define ROUNDS 400

static VOID NTAPI HandleLover(PVOID Context)
{
    HANDLE Handle, Second;
    ULONG i;

    for (i = 0; i < ROUNDS; i++) {
        ObOpenObjectByPointer(Context, OBJ_KERNEL_HANDLE, NULL, SYNCHRONIZE, NULL, KernelMode,
                              &Handle);
        Duplicate(Handle, &Second, 0, DUPLICATE_SAME_ACCESS);
        ObReferenceObject(Context);
        ZwClose(Handle);
        ObDereferenceObject(Context);
        ZwClose(Second);
    }
}

static VOID TestCounts(VOID)
{
    PUBLIC_OBJECT_BASIC_INFORMATION Before, Afterwards;
    PKTHREAD Threads[HANDS];
    HANDLE Event;
    ULONG i;

    ZwCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    Before = BasicOf(Event);
    for (i = 0; i < HANDS; i++)
        Threads[i] = StartThread(HandleLover, ObjectOf(Event));
    for (i = 0; i < HANDS; i++)
        JoinThread(Threads[i]);
    Afterwards = BasicOf(Event);
    CheckEqual("no handle is lost or left", Afterwards.HandleCount, Before.HandleCount);
    CheckEqual("no reference either", Afterwards.PointerCount, Before.PointerCount);
    ZwClose(Event);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    CheckEqual(
        "a directory",
        ZwCreateDirectoryObject(&Directory, DIRECTORY_ALL_ACCESS, Named(L"\\obtest", 0, NULL)),
        STATUS_SUCCESS);
    TestReferences();
    TestAttributes();
    TestPermanent();
    TestExclusive();
    TestByName(DriverObject);
    TestListing();
    TestDirectories();
    TestLinks();
    TestFileNames();
    TestHandles();
    TestCallbacks();
    TestNamedEvents();
    TestEventServices();
    TestMultipleWaits();
    TestTimers();
    TestCounts();
    ZwClose(Directory);
    return FinishTests("obtest");
}
