/*
 * Shows that no pointer that a program passes to a service can crash the kernel, or make it read
 * or write what the program itself could not.
 *
 * Every service is called with every kind of bad pointer in place of each of its pointers in turn,
 * those within structures included, while all the others are valid. What cannot be read or written
 * must give an error. A page of known contents, whose end many of the pointers straddle, must stay
 * as it is, and after a second round the machine has in use what it had after the first.
 */
#include "check.h"
#include "mm/layout.h"
#include "service.h"

#define CANARY           0xA5
#define CANARY_BYTES     4 /* what a pointer into the canary page can reach of it */
#define TEXT_OFFSET      0x800
#define BUFFER_BYTES     64
#define TIMER_INFO_BYTES 32 /* of a TIMER_SET_COALESCABLE_TIMER_INFO, which ends with a pointer */
#define MAXIMUM_SLOTS    10
#define READABLE_SHARED  (USER_SHARED_DATA_ADDRESS + 0x26C) /* NtMajorVersion: small numbers */

/* What a pointer is for. */
#define SLOT_IN       0x00 /* read */
#define SLOT_OUT      0x01 /* written: what is read-only will not do either */
#define SLOT_OPTIONAL 0x02 /* NULL means none */
#define SLOT_TEXT     0x04 /* printed */
#define SLOT_ANY      0x08 /* may be ignored; the kernel must just survive it */
#define SLOT_SMALL    0x10 /* to a byte or two, which may well be the last ones of a page */

/* What is wrong with one. */
typedef enum _BAD_KIND {
    BadAddress,  /* cannot be read */
    BadReadOnly, /* can be read */
    BadNull
} BAD_KIND;

static struct {
    const char *Name;
    BAD_KIND Kind;
    ULONG Value;
} Bad[] = {
    {"NULL", BadNull, 0},
    {"1", BadAddress, 1},
    {"the end of the user range", BadAddress, MI_HIGHEST_USER_ADDRESS},
    {"7FFF0000", BadAddress, MI_USER_PROBE_ADDRESS},
    {"just below 80000000", BadAddress, MI_SYSTEM_BASE - 2},
    {"80000000", BadAddress, MI_SYSTEM_BASE},
    {"kernel code", BadAddress, MI_WINDOW_BASE + MI_KERNEL_PHYSICAL + 0x1000},
    {"paged pool", BadAddress, MI_PAGED_POOL_START},
    {"system PTEs", BadAddress, MI_SYSTEM_PTE_START},
    {"nonpaged pool", BadAddress, MI_NONPAGED_POOL_START},
    {"the kernel's shared page", BadAddress, MI_SYSTEM_SHARED},
    {"the PCR", BadAddress, MI_PCR_ADDRESS},
    {"FFFFFFFC", BadAddress, 0xFFFFFFFC},
    {"FFFFFFFF", BadAddress, 0xFFFFFFFF},
    {"the shared page", BadReadOnly, READABLE_SHARED},
    {"a read-only page", BadReadOnly, 0},
    {"an unmapped page", BadAddress, 0},
    {"a no-access page", BadAddress, 0},
    {"the last byte of a page", BadAddress, 0},
    {"the last two bytes of a page", BadAddress, 0},
    {"misaligned at the end of a page", BadAddress, 0},
};
#define FIRST_EDGE     (ARRAYSIZE(Bad) - 3) /* those at the end of a page */
#define FIRST_OWN_PAGE (ARRAYSIZE(Bad) - 6) /* the rest is filled in by MakeBadPages */

/* A service and what it is called with. */
typedef struct _CALL {
    ULONG Number;
    ULONG_PTR Arguments[MAXIMUM_ARGUMENTS];
    struct {
        ULONG_PTR *Where;
        ULONG Flags;
    } Slots[MAXIMUM_SLOTS];
    ULONG SlotCount;
} CALL;

/* What valid pointers point to, made anew for each call. */
static struct {
    HANDLE Handle, ThreadHandle;
    PVOID Base;
    SIZE_T Size;
    ULONG Old, Length;
    LONG Previous;
    BOOLEAN Flag;
    HANDLE Handles[2];
    UNICODE_STRING Target;
    LARGE_INTEGER Time, Offset;
    IO_STATUS_BLOCK Result;
    UNICODE_STRING Name, Class;
    OBJECT_ATTRIBUTES Attributes;
    RTL_USER_PROCESS_PARAMETERS Parameters;
    PS_ATTRIBUTE_LIST List;
    CLIENT_ID ClientId;
    SECURITY_DESCRIPTOR Descriptor;
    ULONG Sid[3];
    ACL Acl;
    UCHAR Buffer[0x4000];
} Data;

static PUCHAR CanaryPage, ReadOnlyPage;
static HANDLE File, Console, Event, Key, Renamed, Software, Section, Timer, Semaphore, Directory,
    Link;
static ULONG Calls, Wrong;

static WCHAR FileName[] = L"\\SystemRoot\\hello.exe";
static WCHAR EventName[] = L"\\BaseNamedObjects\\badptr";
static WCHAR SectionName[] = L"\\BaseNamedObjects\\badptr-section";
static WCHAR DirectoryName[] = L"\\BaseNamedObjects";
static WCHAR LinkName[] = L"\\DosDevices";
static WCHAR NewName[] = L"\\BaseNamedObjects\\badptr-new";
static WCHAR DriverName[] = L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\nosuch";
static WCHAR KeyName[] = L"\\Registry\\Machine\\Software\\badptr";
static WCHAR ValueName[] = L"Value";
static WCHAR CommandLine[] = L"crash.exe unknown";
static WCHAR ProgramName[] = L"\\SystemRoot\\crash.exe";

static void AddSlot(CALL *Call, PVOID Where, ULONG Flags)
{
    Call->Slots[Call->SlotCount].Where = Where;
    Call->Slots[Call->SlotCount].Flags = Flags;
    Call->SlotCount++;
}

/* An argument that points to Object. */
static void Point(CALL *Call, ULONG Index, PVOID Object, ULONG Flags)
{
    Call->Arguments[Index] = (ULONG_PTR)Object;
    AddSlot(Call, &Call->Arguments[Index], Flags);
}

static void Pass(CALL *Call, ULONG Index, ULONG_PTR Value)
{
    Call->Arguments[Index] = Value;
}

static void PointToName(CALL *Call, ULONG Index, PWSTR Text, ULONG Flags)
{
    RtlInitUnicodeString(&Data.Name, Text);
    Point(Call, Index, &Data.Name, SLOT_IN);
    AddSlot(Call, &Data.Name.Buffer, Flags);
}

/* Object attributes with a name: three pointers. */
static void PointToAttributes(CALL *Call, ULONG Index, PWSTR Text, ULONG Flags)
{
    RtlInitUnicodeString(&Data.Name, Text);
    InitializeObjectAttributes(&Data.Attributes, &Data.Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    Point(Call, Index, &Data.Attributes, Flags);
    AddSlot(Call, &Data.Attributes.ObjectName, Flags);
    AddSlot(Call, &Data.Name.Buffer, SLOT_IN);
}

/* An absolute descriptor, with two of its four pointers. */
static void FillDescriptor(CALL *Call)
{
    Data.Sid[0] = 0x101; /* one number, that says nobody */
    Data.Acl = (ACL){.AclRevision = ACL_REVISION, .AclSize = sizeof Data.Acl};
    Data.Descriptor = (SECURITY_DESCRIPTOR){.Revision = 1,
                                            .Control = SE_DACL_PRESENT,
                                            .Owner = Data.Sid,
                                            .Dacl = &Data.Acl};
    AddSlot(Call, &Data.Descriptor.Owner, SLOT_ANY);
    AddSlot(Call, &Data.Descriptor.Dacl, SLOT_ANY);
}

static void AllocateBase(void)
{
    Data.Size = PAGE_SIZE;
    NtAllocateVirtualMemory(NtCurrentProcess(), &Data.Base, 0, &Data.Size, MEM_RESERVE | MEM_COMMIT,
                            PAGE_READWRITE);
}

/* Process handle, base, size: the first arguments of three memory services. */
static void PointToRange(CALL *Call, ULONG BaseIndex, ULONG SizeIndex)
{
    Pass(Call, 0, (ULONG_PTR)NtCurrentProcess());
    Point(Call, BaseIndex, &Data.Base, SLOT_OUT);
    Point(Call, SizeIndex, &Data.Size, SLOT_OUT);
}

static void SetUpAllocateVirtualMemory(CALL *Call)
{
    PointToRange(Call, 1, 3);
    Data.Size = PAGE_SIZE;
    Pass(Call, 4, MEM_RESERVE | MEM_COMMIT);
    Pass(Call, 5, PAGE_READWRITE);
}

static void SetUpFreeVirtualMemory(CALL *Call)
{
    AllocateBase();
    Data.Size = 0;
    PointToRange(Call, 1, 2);
    Pass(Call, 3, MEM_RELEASE);
}

static void SetUpProtectVirtualMemory(CALL *Call)
{
    AllocateBase();
    PointToRange(Call, 1, 2);
    Pass(Call, 3, PAGE_READONLY);
    Point(Call, 4, &Data.Old, SLOT_OUT);
}

static void SetUpQueryVirtualMemory(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)NtCurrentProcess());
    Point(Call, 1, CanaryPage, SLOT_ANY);
    Point(Call, 3, Data.Buffer, SLOT_OUT);
    Pass(Call, 4, sizeof(MEMORY_BASIC_INFORMATION));
    Point(Call, 5, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpCreateEvent(CALL *Call)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, EVENT_ALL_ACCESS);
    PointToAttributes(Call, 2, NewName, SLOT_OPTIONAL);
    Data.Attributes.SecurityDescriptor = &Data.Descriptor;
    AddSlot(Call, &Data.Attributes.SecurityDescriptor, SLOT_ANY);
    FillDescriptor(Call);
}

static void SetUpCreateSection(CALL *Call)
{
    Data.Offset.QuadPart = sizeof Data.Buffer;
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, SECTION_ALL_ACCESS);
    PointToAttributes(Call, 2, NewName, SLOT_OPTIONAL);
    Point(Call, 3, &Data.Offset, SLOT_IN);
    Pass(Call, 4, PAGE_READWRITE);
    Pass(Call, 5, SEC_COMMIT);
    Pass(Call, 6, 0);
}

static void SetUpOpenSection(CALL *Call)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, SECTION_ALL_ACCESS);
    PointToAttributes(Call, 2, SectionName, SLOT_IN);
}

static void SetUpMapViewOfSection(CALL *Call)
{
    Data.Base = NULL;
    Data.Size = 0;
    Data.Offset.QuadPart = 0;
    Pass(Call, 0, (ULONG_PTR)Section);
    Pass(Call, 1, (ULONG_PTR)NtCurrentProcess());
    Point(Call, 2, &Data.Base, SLOT_OUT);
    Pass(Call, 3, 0);
    Pass(Call, 4, 0);
    Point(Call, 5, &Data.Offset, SLOT_OUT | SLOT_OPTIONAL);
    Point(Call, 6, &Data.Size, SLOT_OUT);
    Pass(Call, 7, ViewUnmap);
    Pass(Call, 8, 0);
    Pass(Call, 9, PAGE_READWRITE);
}

static void SetUpQuerySection(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Section);
    Pass(Call, 1, SectionBasicInformation);
    Point(Call, 2, Data.Buffer, SLOT_OUT);
    Pass(Call, 3, sizeof(SECTION_BASIC_INFORMATION));
    Point(Call, 4, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpOpenEvent(CALL *Call)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, EVENT_ALL_ACCESS);
    PointToAttributes(Call, 2, EventName, SLOT_IN);
}

static void SetUpSetEvent(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Event);
    Point(Call, 1, &Data.Previous, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpOpenFile(CALL *Call)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, GENERIC_READ | SYNCHRONIZE);
    PointToAttributes(Call, 2, FileName, SLOT_IN);
    Point(Call, 3, &Data.Result, SLOT_OUT);
    Pass(Call, 4, FILE_SHARE_READ);
    Pass(Call, 5, FILE_SYNCHRONOUS_IO_NONALERT);
}

static void SetUpCreateFile(CALL *Call)
{
    SetUpOpenFile(Call);
    Point(Call, 4, &Data.Offset, SLOT_ANY);
    Pass(Call, 5, 0);
    Pass(Call, 6, FILE_SHARE_READ);
    Pass(Call, 7, FILE_OPEN);
    Pass(Call, 8, FILE_SYNCHRONOUS_IO_NONALERT);
    Point(Call, 9, NULL, SLOT_ANY);
}

/* File, event, APC routine and context, result: the first arguments of three file services. */
static void StartIo(CALL *Call, HANDLE On)
{
    Pass(Call, 0, (ULONG_PTR)On);
    Point(Call, 4, &Data.Result, SLOT_OUT);
}

static void SetUpReadFile(CALL *Call)
{
    StartIo(Call, File);
    Point(Call, 5, Data.Buffer, SLOT_OUT);
    Pass(Call, 6, BUFFER_BYTES);
    Point(Call, 7, &Data.Offset, SLOT_OPTIONAL);
    Point(Call, 8, NULL, SLOT_ANY);
}

static void SetUpWriteFile(CALL *Call)
{
    StartIo(Call, Console);
    memcpy(Data.Buffer, ".....", 5);
    Point(Call, 5, Data.Buffer, SLOT_TEXT);
    Pass(Call, 6, 5);
    Point(Call, 7, NULL, SLOT_ANY);
    Point(Call, 8, NULL, SLOT_ANY);
}

static void SetUpDeviceIoControlFile(CALL *Call)
{
    StartIo(Call, File);
    Pass(Call, 5, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS));
    Point(Call, 6, Data.Buffer, SLOT_IN);
    Pass(Call, 7, BUFFER_BYTES);
    Point(Call, 8, Data.Buffer, SLOT_OUT);
    Pass(Call, 9, BUFFER_BYTES);
}

static void SetUpCreateThreadEx(CALL *Call)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, THREAD_ALL_ACCESS);
    Point(Call, 2, NULL, SLOT_ANY);
    Pass(Call, 3, (ULONG_PTR)NtCurrentProcess());
    Pass(Call, 4, (ULONG_PTR)RtlExitUserThread);
    Point(Call, 10, NULL, SLOT_OPTIONAL);
}

static void FillParameters(CALL *Call)
{
    Data.Parameters.MaximumLength = Data.Parameters.Length = sizeof Data.Parameters;
    Data.Parameters.Flags = RTL_USER_PROC_PARAMS_NORMALIZED;
    RtlInitUnicodeString(&Data.Parameters.ImagePathName, ProgramName);
    RtlInitUnicodeString(&Data.Parameters.CommandLine, CommandLine);
    AddSlot(Call, &Data.Parameters.ImagePathName.Buffer, SLOT_ANY);
    AddSlot(Call, &Data.Parameters.CommandLine.Buffer, SLOT_IN);
}

static void FillAttributeList(CALL *Call)
{
    Data.List.TotalLength = PS_ATTRIBUTE_LIST_SIZE(2);
    Data.List.Attributes[0] = (PS_ATTRIBUTE){PS_ATTRIBUTE_IMAGE_NAME,
                                             sizeof ProgramName - sizeof(WCHAR),
                                             {.ValuePtr = ProgramName},
                                             NULL};
    Data.List.Attributes[1] = (PS_ATTRIBUTE){
        PS_ATTRIBUTE_CLIENT_ID, sizeof Data.ClientId, {.ValuePtr = &Data.ClientId}, NULL};
    AddSlot(Call, &Data.List.Attributes[0].Value, SLOT_IN);
    AddSlot(Call, &Data.List.Attributes[1].Value, SLOT_OUT);
}

static void SetUpCreateUserProcess(CALL *Call)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Point(Call, 1, &Data.ThreadHandle, SLOT_OUT);
    Pass(Call, 2, PROCESS_ALL_ACCESS);
    Pass(Call, 3, THREAD_ALL_ACCESS);
    Point(Call, 4, NULL, SLOT_ANY);
    Point(Call, 8, &Data.Parameters, SLOT_OPTIONAL);
    FillParameters(Call);
    Point(Call, 9, NULL, SLOT_ANY);
    Point(Call, 10, &Data.List, SLOT_IN);
    FillAttributeList(Call);
}

static void SetUpQueryInformationProcess(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)NtCurrentProcess());
    Point(Call, 2, Data.Buffer, SLOT_OUT);
    Pass(Call, 3, sizeof(PROCESS_BASIC_INFORMATION));
    Point(Call, 4, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpQueryImageFileName(CALL *Call)
{
    SetUpQueryInformationProcess(Call);
    Pass(Call, 1, 27); /* ProcessImageFileName */
    Pass(Call, 3, sizeof Data.Buffer);
}

static void SetUpQueryInformationThread(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)NtCurrentThread());
    Point(Call, 2, Data.Buffer, SLOT_OUT);
    Pass(Call, 3, 28); /* ThreadBasicInformation */
    Point(Call, 4, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpSetInformationThread(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)NtCurrentThread());
    Pass(Call, 1, 3); /* ThreadBasePriority: 0 */
    Point(Call, 2, &Data.Length, SLOT_IN);
    Pass(Call, 3, sizeof Data.Length);
}

static void OpenById(CALL *Call, HANDLE ProcessId, HANDLE ThreadId)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, SYNCHRONIZE);
    InitializeObjectAttributes(&Data.Attributes, NULL, 0, NULL, NULL);
    Point(Call, 2, &Data.Attributes, SLOT_OPTIONAL);
    Data.ClientId = (CLIENT_ID){ProcessId, ThreadId};
    Point(Call, 3, &Data.ClientId, SLOT_IN);
}

static void SetUpOpenProcess(CALL *Call)
{
    OpenById(Call, NtCurrentTeb()->ClientId.UniqueProcess, NULL);
}

static void SetUpOpenThread(CALL *Call)
{
    OpenById(Call, NULL, NtCurrentTeb()->ClientId.UniqueThread);
}

/* The length fits one class, so that it is written right up to the end. */
static void QueryClass(CALL *Call, SYSTEM_INFORMATION_CLASS Class)
{
    Pass(Call, 0, Class);
    NtQuerySystemInformation(Class, Data.Buffer, sizeof Data.Buffer, &Data.Length);
    Point(Call, 1, Data.Buffer, SLOT_OUT);
    Pass(Call, 2, Data.Length);
    Point(Call, 3, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpQueryBasic(CALL *Call)
{
    QueryClass(Call, SystemBasicInformation);
}

static void SetUpQueryPerformance(CALL *Call)
{
    QueryClass(Call, SystemPerformanceInformation);
}

static void SetUpQueryModules(CALL *Call)
{
    QueryClass(Call, SystemModuleInformation);
}

static void SetUpQueryPoolTags(CALL *Call)
{
    QueryClass(Call, SystemPoolTagInformation);
}

static void SetUpQueryUpperhalf(CALL *Call)
{
    QueryClass(Call, SystemUpperhalfInformation);
}

static void SetUpQuerySystemTime(CALL *Call)
{
    Point(Call, 0, &Data.Time, SLOT_OUT);
}

static void SetUpDelayExecution(CALL *Call)
{
    Point(Call, 1, &Data.Time, SLOT_IN);
}

static void SetUpWaitForSingleObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Event);
    Point(Call, 2, &Data.Time, SLOT_OPTIONAL);
}

static void SetUpDisplayString(CALL *Call)
{
    PointToName(Call, 0, L".....", SLOT_TEXT);
}

static void SetUpOpenKey(CALL *Call)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, KEY_READ);
    PointToAttributes(Call, 2, KeyName, SLOT_IN);
}

static void SetUpCreateKey(CALL *Call)
{
    SetUpOpenKey(Call);
    RtlInitUnicodeString(&Data.Class, L"Class");
    Point(Call, 4, &Data.Class, SLOT_OPTIONAL);
    AddSlot(Call, &Data.Class.Buffer, SLOT_IN);
    Point(Call, 6, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpRenameKey(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Renamed);
    PointToName(Call, 1, L"badptr-renamed", SLOT_IN);
}

static void SetUpSetValueKey(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Key);
    PointToName(Call, 1, ValueName, SLOT_IN);
    Pass(Call, 3, REG_BINARY);
    Point(Call, 4, Data.Buffer, SLOT_IN);
    Pass(Call, 5, BUFFER_BYTES);
}

static void SetUpDeleteValueKey(CALL *Call)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"Value");

    NtSetValueKey(Key, &Name, 0, REG_BINARY, Data.Buffer, BUFFER_BYTES);
    Pass(Call, 0, (ULONG_PTR)Key);
    PointToName(Call, 1, ValueName, SLOT_IN);
}

static void SetUpLuid(CALL *Call)
{
    Point(Call, 0, &Data.Time, SLOT_OUT);
}

static void SetUpQueryLocale(CALL *Call)
{
    Point(Call, 1, &Data.Old, SLOT_OUT);
}

/* The change ends the wait of the call before. */
static void SetUpNotifyChangeKey(CALL *Call)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"Value");

    NtSetValueKey(Key, &Name, 0, REG_DWORD, &Calls, sizeof Calls);
    Pass(Call, 0, (ULONG_PTR)Key);
    Point(Call, 4, &Data.Result, SLOT_OUT);
    Pass(Call, 5, REG_NOTIFY_CHANGE_LAST_SET);
    Pass(Call, 9, TRUE);
}

/* A buffer, its size and where its use is told: the last arguments of four services for keys. */
static void EndKeyQuery(CALL *Call, ULONG Index)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"Value");

    NtSetValueKey(Key, &Name, 0, REG_BINARY, Data.Buffer, BUFFER_BYTES);
    Pass(Call, 0, (ULONG_PTR)Key);
    Point(Call, Index, Data.Buffer, SLOT_OUT);
    Pass(Call, Index + 1, sizeof Data.Buffer);
    Point(Call, Index + 2, &Data.Length, SLOT_OUT);
}

static void SetUpQueryValueKey(CALL *Call)
{
    PointToName(Call, 1, ValueName, SLOT_IN);
    Pass(Call, 2, KeyValuePartialInformation);
    EndKeyQuery(Call, 3);
}

static void SetUpEnumerateValueKey(CALL *Call)
{
    Pass(Call, 2, KeyValueBasicInformation);
    EndKeyQuery(Call, 3);
}

static void SetUpQueryKey(CALL *Call)
{
    Pass(Call, 1, KeyBasicInformation);
    EndKeyQuery(Call, 2);
}

static void SetUpEnumerateKey(CALL *Call)
{
    Pass(Call, 2, KeyBasicInformation);
    EndKeyQuery(Call, 3);
    Pass(Call, 0, (ULONG_PTR)Software);
}

static void SetUpDriver(CALL *Call)
{
    PointToName(Call, 0, DriverName, SLOT_IN);
}

/* Handle and attributes: the first arguments of all services that open or create an object. */
static void SetUpCreate(CALL *Call)
{
    SetUpCreateEvent(Call);
    Pass(Call, 1, MAXIMUM_ALLOWED);
}

static void SetUpCreateSemaphore(CALL *Call)
{
    SetUpCreate(Call);
    Pass(Call, 4, 1);
}

static void SetUpCreateSymbolicLinkObject(CALL *Call)
{
    SetUpCreate(Call);
    RtlInitUnicodeString(&Data.Target, FileName);
    Point(Call, 3, &Data.Target, SLOT_IN);
    AddSlot(Call, &Data.Target.Buffer, SLOT_IN);
}

static void SetUpOpenDirectoryObject(CALL *Call)
{
    Point(Call, 0, &Data.Handle, SLOT_OUT);
    Pass(Call, 1, DIRECTORY_QUERY);
    PointToAttributes(Call, 2, DirectoryName, SLOT_IN);
}

static void SetUpOpenSymbolicLinkObject(CALL *Call)
{
    SetUpOpenDirectoryObject(Call);
    RtlInitUnicodeString(&Data.Name, LinkName);
}

static void SetUpQuerySymbolicLinkObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Link);
    Data.Name = (UNICODE_STRING){0, BUFFER_BYTES, (PWSTR)Data.Buffer};
    Point(Call, 1, &Data.Name, SLOT_OUT);
    AddSlot(Call, &Data.Name.Buffer, SLOT_OUT);
    Point(Call, 2, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpQueryDirectoryObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Directory);
    Point(Call, 1, Data.Buffer, SLOT_OUT);
    Pass(Call, 2, sizeof Data.Buffer);
    Pass(Call, 4, TRUE);
    Point(Call, 5, &Data.Old, SLOT_OUT);
    Point(Call, 6, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpDuplicateObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)NtCurrentProcess());
    Pass(Call, 1, (ULONG_PTR)Event);
    Pass(Call, 2, (ULONG_PTR)NtCurrentProcess());
    Point(Call, 3, &Data.Handle, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpQueryObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Event);
    Pass(Call, 1, ObjectNameInformation);
    Point(Call, 2, Data.Buffer, SLOT_OUT);
    Pass(Call, 3, BUFFER_BYTES * 2);
    Point(Call, 4, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpQuerySecurityObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Event);
    Pass(Call, 1, DACL_SECURITY_INFORMATION);
    Point(Call, 2, Data.Buffer, SLOT_OUT);
    Pass(Call, 3, BUFFER_BYTES * 2);
    Point(Call, 4, &Data.Length, SLOT_OUT);
}

static void SetUpSetSecurityObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Event);
    Pass(Call, 1, OWNER_SECURITY_INFORMATION);
    Point(Call, 2, &Data.Descriptor, SLOT_ANY);
    FillDescriptor(Call);
}

static void SetUpSetInformationObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Event);
    Pass(Call, 1, ObjectHandleFlagInformation);
    Point(Call, 2, Data.Buffer, SLOT_IN | SLOT_SMALL);
    Pass(Call, 3, sizeof(OBJECT_HANDLE_FLAG_INFORMATION));
}

/* The state of one of the four kinds of objects that have one. */
static void QueryState(CALL *Call, HANDLE Object, ULONG Bytes)
{
    Pass(Call, 0, (ULONG_PTR)Object);
    Point(Call, 2, Data.Buffer, SLOT_OUT);
    Pass(Call, 3, Bytes);
    Point(Call, 4, &Data.Length, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpQueryEvent(CALL *Call)
{
    QueryState(Call, Event, sizeof(EVENT_BASIC_INFORMATION));
}

static void SetUpQueryTimer(CALL *Call)
{
    QueryState(Call, Timer, sizeof(TIMER_BASIC_INFORMATION));
}

static void SetUpSetTimer(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Timer);
    Point(Call, 1, &Data.Time, SLOT_IN);
    Point(Call, 6, &Data.Flag, SLOT_OUT | SLOT_OPTIONAL | SLOT_SMALL);
}

static void SetUpSetTimerEx(CALL *Call)
{
    memset(Data.Buffer, 0, TIMER_INFO_BYTES);
    Pass(Call, 0, (ULONG_PTR)Timer);
    Point(Call, 2, Data.Buffer, SLOT_IN);
    Pass(Call, 3, TIMER_INFO_BYTES);
    AddSlot(Call, Data.Buffer + TIMER_INFO_BYTES - sizeof(PVOID),
            SLOT_OUT | SLOT_OPTIONAL | SLOT_SMALL);
}

static void SetUpCancelTimer(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Timer);
    Point(Call, 1, &Data.Flag, SLOT_OUT | SLOT_OPTIONAL | SLOT_SMALL);
}

static void SetUpReleaseSemaphore(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Semaphore);
    Pass(Call, 1, 1);
    Point(Call, 2, &Data.Previous, SLOT_OUT | SLOT_OPTIONAL);
}

static void SetUpWaitForMultipleObjects(CALL *Call)
{
    Data.Handles[0] = Data.Handles[1] = Event;
    Pass(Call, 0, 2);
    Point(Call, 1, Data.Handles, SLOT_IN);
    Pass(Call, 2, WaitAny);
    Point(Call, 4, &Data.Time, SLOT_OPTIONAL);
}

static void SetUpSignalAndWaitForSingleObject(CALL *Call)
{
    Pass(Call, 0, (ULONG_PTR)Event);
    Pass(Call, 1, (ULONG_PTR)Event);
    Point(Call, 3, &Data.Time, SLOT_OPTIONAL);
}

static void SetUpQueryPerformanceCounter(CALL *Call)
{
    Point(Call, 0, &Data.Time, SLOT_OUT);
    Point(Call, 1, &Data.Offset, SLOT_OUT | SLOT_OPTIONAL);
}

static const struct {
    const char *Name;
    ULONG Number;
    void (*SetUp)(CALL *Call);
} Services[] = {
    {"AllocateLocallyUniqueId", ServiceAllocateLocallyUniqueId, SetUpLuid},
    {"QueryDefaultLocale", ServiceQueryDefaultLocale, SetUpQueryLocale},
    {"AllocateVirtualMemory", ServiceAllocateVirtualMemory, SetUpAllocateVirtualMemory},
    {"CancelTimer", ServiceCancelTimer, SetUpCancelTimer},
    {"CreateDirectoryObject", ServiceCreateDirectoryObject, SetUpCreate},
    {"CreateEvent", ServiceCreateEvent, SetUpCreateEvent},
    {"CreateFile", ServiceCreateFile, SetUpCreateFile},
    {"CreateKey", ServiceCreateKey, SetUpCreateKey},
    {"CreateSection", ServiceCreateSection, SetUpCreateSection},
    {"CreateMutant", ServiceCreateMutant, SetUpCreate},
    {"CreateSemaphore", ServiceCreateSemaphore, SetUpCreateSemaphore},
    {"CreateSymbolicLinkObject", ServiceCreateSymbolicLinkObject, SetUpCreateSymbolicLinkObject},
    {"CreateThreadEx", ServiceCreateThreadEx, SetUpCreateThreadEx},
    {"CreateTimer", ServiceCreateTimer, SetUpCreate},
    {"CreateUserProcess", ServiceCreateUserProcess, SetUpCreateUserProcess},
    {"DelayExecution", ServiceDelayExecution, SetUpDelayExecution},
    {"DeleteValueKey", ServiceDeleteValueKey, SetUpDeleteValueKey},
    {"DeviceIoControlFile", ServiceDeviceIoControlFile, SetUpDeviceIoControlFile},
    {"DisplayString", ServiceDisplayString, SetUpDisplayString},
    {"DuplicateObject", ServiceDuplicateObject, SetUpDuplicateObject},
    {"EnumerateKey", ServiceEnumerateKey, SetUpEnumerateKey},
    {"EnumerateValueKey", ServiceEnumerateValueKey, SetUpEnumerateValueKey},
    {"FreeVirtualMemory", ServiceFreeVirtualMemory, SetUpFreeVirtualMemory},
    {"LoadDriver", ServiceLoadDriver, SetUpDriver},
    {"MapViewOfSection", ServiceMapViewOfSection, SetUpMapViewOfSection},
    {"NotifyChangeKey", ServiceNotifyChangeKey, SetUpNotifyChangeKey},
    {"OpenDirectoryObject", ServiceOpenDirectoryObject, SetUpOpenDirectoryObject},
    {"OpenEvent", ServiceOpenEvent, SetUpOpenEvent},
    {"OpenFile", ServiceOpenFile, SetUpOpenFile},
    {"OpenKey", ServiceOpenKey, SetUpOpenKey},
    {"OpenKeyEx", ServiceOpenKeyEx, SetUpOpenKey},
    {"OpenProcess", ServiceOpenProcess, SetUpOpenProcess},
    {"OpenSection", ServiceOpenSection, SetUpOpenSection},
    {"OpenThread", ServiceOpenThread, SetUpOpenThread},
    {"OpenSymbolicLinkObject", ServiceOpenSymbolicLinkObject, SetUpOpenSymbolicLinkObject},
    {"ProtectVirtualMemory", ServiceProtectVirtualMemory, SetUpProtectVirtualMemory},
    {"PulseEvent", ServicePulseEvent, SetUpSetEvent},
    {"QueryDirectoryObject", ServiceQueryDirectoryObject, SetUpQueryDirectoryObject},
    {"QueryEvent", ServiceQueryEvent, SetUpQueryEvent},
    {"QueryInformationProcess", ServiceQueryInformationProcess, SetUpQueryInformationProcess},
    {"QueryInformationProcess (name)", ServiceQueryInformationProcess, SetUpQueryImageFileName},
    {"QueryInformationThread", ServiceQueryInformationThread, SetUpQueryInformationThread},
    {"QueryKey", ServiceQueryKey, SetUpQueryKey},
    {"QueryObject", ServiceQueryObject, SetUpQueryObject},
    {"QueryPerformanceCounter", ServiceQueryPerformanceCounter, SetUpQueryPerformanceCounter},
    {"QuerySymbolicLinkObject", ServiceQuerySymbolicLinkObject, SetUpQuerySymbolicLinkObject},
    {"QuerySecurityObject", ServiceQuerySecurityObject, SetUpQuerySecurityObject},
    {"SetSecurityObject", ServiceSetSecurityObject, SetUpSetSecurityObject},
    {"QuerySystemInformation (basic)", ServiceQuerySystemInformation, SetUpQueryBasic},
    {"QuerySystemInformation (modules)", ServiceQuerySystemInformation, SetUpQueryModules},
    {"QuerySystemInformation (performance)", ServiceQuerySystemInformation, SetUpQueryPerformance},
    {"QuerySystemInformation (pool tags)", ServiceQuerySystemInformation, SetUpQueryPoolTags},
    {"QuerySystemInformation (upperhalf)", ServiceQuerySystemInformation, SetUpQueryUpperhalf},
    {"QuerySection", ServiceQuerySection, SetUpQuerySection},
    {"QuerySystemTime", ServiceQuerySystemTime, SetUpQuerySystemTime},
    {"QueryTimer", ServiceQueryTimer, SetUpQueryTimer},
    {"QueryValueKey", ServiceQueryValueKey, SetUpQueryValueKey},
    {"QueryVirtualMemory", ServiceQueryVirtualMemory, SetUpQueryVirtualMemory},
    {"ReadFile", ServiceReadFile, SetUpReadFile},
    {"ReleaseSemaphore", ServiceReleaseSemaphore, SetUpReleaseSemaphore},
    {"RenameKey", ServiceRenameKey, SetUpRenameKey},
    {"ResetEvent", ServiceResetEvent, SetUpSetEvent},
    {"SetEvent", ServiceSetEvent, SetUpSetEvent},
    {"SetInformationThread", ServiceSetInformationThread, SetUpSetInformationThread},
    {"SetInformationObject", ServiceSetInformationObject, SetUpSetInformationObject},
    {"SetTimer", ServiceSetTimer, SetUpSetTimer},
    {"SetTimerEx", ServiceSetTimerEx, SetUpSetTimerEx},
    {"SetValueKey", ServiceSetValueKey, SetUpSetValueKey},
    {"SignalAndWaitForSingleObject", ServiceSignalAndWaitForSingleObject,
     SetUpSignalAndWaitForSingleObject},
    {"UnloadDriver", ServiceUnloadDriver, SetUpDriver},
    {"WaitForMultipleObjects", ServiceWaitForMultipleObjects, SetUpWaitForMultipleObjects},
    {"WaitForSingleObject", ServiceWaitForSingleObject, SetUpWaitForSingleObject},
    {"WriteFile", ServiceWriteFile, SetUpWriteFile},
};

static PUCHAR Allocate(SIZE_T Size, ULONG Type, ULONG Protect)
{
    PVOID Base = NULL;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, Type, Protect);
    return Base;
}

static void MakeReadOnlyPage(void)
{
    PVOID Base = ReadOnlyPage = Allocate(PAGE_SIZE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    SIZE_T Size = PAGE_SIZE;
    ULONG Old;

    memset(ReadOnlyPage + TEXT_OFFSET, '.', BUFFER_BYTES);
    NtProtectVirtualMemory(NtCurrentProcess(), &Base, &Size, PAGE_READONLY, &Old);
}

/* The canary page is the first of a reservation whose others are not committed. */
static void MakeBadPages(void)
{
    ULONG i = FIRST_OWN_PAGE;
    PVOID Base = CanaryPage = Allocate(4 * PAGE_SIZE, MEM_RESERVE, PAGE_READWRITE);
    SIZE_T Size = PAGE_SIZE;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_COMMIT, PAGE_READWRITE);
    memset(CanaryPage, CANARY, PAGE_SIZE);
    MakeReadOnlyPage();
    Bad[i++].Value = (ULONG)(ULONG_PTR)ReadOnlyPage;
    Bad[i++].Value = (ULONG)(ULONG_PTR)CanaryPage + 2 * PAGE_SIZE;
    Bad[i++].Value = (ULONG)(ULONG_PTR)Allocate(PAGE_SIZE, MEM_RESERVE | MEM_COMMIT, PAGE_NOACCESS);
    Bad[i++].Value = (ULONG)(ULONG_PTR)CanaryPage + PAGE_SIZE - 1;
    Bad[i++].Value = (ULONG)(ULONG_PTR)CanaryPage + PAGE_SIZE - 2;
    Bad[i++].Value = (ULONG)(ULONG_PTR)CanaryPage + PAGE_SIZE - 3;
}

static BOOLEAN CanaryLives(void)
{
    ULONG i;

    for (i = PAGE_SIZE - CANARY_BYTES; i < PAGE_SIZE; i++) {
        if (CanaryPage[i] != CANARY)
            return FALSE;
    }
    return TRUE;
}

/* Must a service fail that is given this pointer for that purpose? */
static BOOLEAN MustFail(ULONG Flags, BAD_KIND Kind)
{
    if (Flags & SLOT_ANY)
        return FALSE;
    if (Kind == BadNull)
        return !(Flags & SLOT_OPTIONAL);
    return Kind == BadAddress || (Flags & SLOT_OUT);
}

/* Takes back what a call that succeeded has given. */
static void CleanUp(ULONG Number, NTSTATUS Status)
{
    PVOID Base = Data.Base;
    SIZE_T Size = 0;

    if (NT_SUCCESS(Status) && Number == ServiceCreateUserProcess) {
        WaitForProgram(Data.Handle, INFINITE);
        NtClose(Data.ThreadHandle);
    }
    if (NT_SUCCESS(Status) && Number == ServiceCreateThreadEx)
        WaitForProgram(Data.Handle, INFINITE);
    if (Data.Handle)
        NtClose(Data.Handle);
    if (Base && Number == ServiceMapViewOfSection)
        NtUnmapViewOfSection(NtCurrentProcess(), Base);
    else if (Base)
        NtFreeVirtualMemory(NtCurrentProcess(), &Base, &Size, MEM_RELEASE);
}

static void SetUp(ULONG Service, CALL *Call)
{
    memset(&Data, 0, sizeof Data);
    memset(Call, 0, sizeof *Call);
    Call->Number = Services[Service].Number;
    Services[Service].SetUp(Call);
    NtSetEvent(Event, NULL);
}

static void Complain(ULONG Service, ULONG Slot, const char *Pointer, const char *What,
                     NTSTATUS Status)
{
    Wrong++;
    printf("FAIL %s, pointer %lu is %s: %s (%08lx)\n", Services[Service].Name, Slot, Pointer, What,
           Status);
}

static void TryBadPointer(ULONG Service, ULONG Slot, ULONG Which)
{
    ULONG_PTR Value = Bad[Which].Value;
    NTSTATUS Status;
    CALL Call;

    SetUp(Service, &Call);
    if ((Call.Slots[Slot].Flags & SLOT_TEXT) && Bad[Which].Kind == BadReadOnly)
        Value = (ULONG_PTR)ReadOnlyPage + TEXT_OFFSET; /* it will be printed */
    *Call.Slots[Slot].Where = Value;
    Status = CallService(Call.Number, Call.Arguments);
    Calls++;
    if (NT_SUCCESS(Status) && MustFail(Call.Slots[Slot].Flags, Bad[Which].Kind))
        Complain(Service, Slot, Bad[Which].Name, "success", Status);
    if (!CanaryLives())
        Complain(Service, Slot, Bad[Which].Name, "memory is changed", Status);
    memset(CanaryPage + PAGE_SIZE - CANARY_BYTES, CANARY, CANARY_BYTES);
    CleanUp(Call.Number, Status);
}

/* Drivers that do not exist, and requests that a file does not know, fail anyway. */
static BOOLEAN FailsAnyway(ULONG Number)
{
    return Number == ServiceLoadDriver || Number == ServiceUnloadDriver ||
           Number == ServiceDeviceIoControlFile;
}

static void TryValid(ULONG Service)
{
    NTSTATUS Status;
    CALL Call;

    SetUp(Service, &Call);
    Status = CallService(Call.Number, Call.Arguments);
    Calls++;
    if (!NT_SUCCESS(Status) && !FailsAnyway(Call.Number))
        Complain(Service, 0, "valid, like all others", "failure", Status);
    CleanUp(Call.Number, Status);
}

static void TryService(ULONG Service)
{
    ULONG Slot, Which;
    CALL Call;

    TryValid(Service);
    SetUp(Service, &Call);
    CleanUp(Call.Number, STATUS_UNSUCCESSFUL);
    for (Slot = 0; Slot < Call.SlotCount; Slot++) {
        ULONG End = (Call.Slots[Slot].Flags & SLOT_SMALL) ? FIRST_EDGE : ARRAYSIZE(Bad);
        for (Which = 0; Which < End; Which++)
            TryBadPointer(Service, Slot, Which);
    }
}

static ULONG TryAllServices(void)
{
    ULONG CallsBefore = Calls, i;

    for (i = 0; i < ARRAYSIZE(Services); i++)
        TryService(i);
    printf("\n");
    return Calls - CallsBefore;
}

/* The block of arguments itself is the bad pointer. A service without arguments does not look. */
static void TryArgumentBlocks(void)
{
    ULONG Number, Which, Good = 0, Tried = 0;

    for (Number = 0; Number < ServiceCount; Number++) {
        for (Which = 0; Which < ARRAYSIZE(Bad); Which++) {
            if (Bad[Which].Kind == BadReadOnly || Number == ServiceYieldExecution ||
                Number == ServiceTestAlert)
                continue;
            /* one argument of four bytes fits below the last bytes of a page */
            Tried++;
            Good +=
                CallService(Number, (PVOID)(ULONG_PTR)Bad[Which].Value) == STATUS_ACCESS_VIOLATION;
        }
    }
    Check(Good == Tried, "%lu of %lu bad argument blocks give an access violation", Good, Tried);
}

static void TryServiceNumbers(void)
{
    static const ULONG Numbers[] = {ServiceCount, 0xFFF,      0x1000,     0x1001,
                                    0x7FFFFFFF,   0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
    ULONG_PTR Arguments[MAXIMUM_ARGUMENTS] = {0};
    ULONG i, Good = 0;

    for (i = 0; i < ARRAYSIZE(Numbers); i++)
        Good += CallService(Numbers[i], Arguments) == STATUS_INVALID_SYSTEM_SERVICE;
    Check(Good == ARRAYSIZE(Numbers), "%lu numbers that no service has are told so", Good);
}

static void OpenObjects(void)
{
    LARGE_INTEGER Size = {.QuadPart = PAGE_SIZE};
    UNICODE_STRING Name = CONSTANT_STRING(CONSOLE_NAME);
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    NtOpenFile(&Console, GENERIC_WRITE | SYNCHRONIZE, &Attributes, &Result, FILE_SHARE_WRITE,
               FILE_SYNCHRONOUS_IO_NONALERT);
    RtlInitUnicodeString(&Name, FileName);
    NtOpenFile(&File, GENERIC_READ | SYNCHRONIZE, &Attributes, &Result, FILE_SHARE_READ,
               FILE_SYNCHRONOUS_IO_NONALERT);
    RtlInitUnicodeString(&Name, EventName);
    NtCreateEvent(&Event, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, TRUE);
    NtCreateTimer(&Timer, TIMER_ALL_ACCESS, NULL, NotificationTimer);
    NtCreateSemaphore(&Semaphore, SEMAPHORE_ALL_ACCESS, NULL, 0, MAXLONG);
    RtlInitUnicodeString(&Name, DirectoryName);
    NtOpenDirectoryObject(&Directory, DIRECTORY_QUERY, &Attributes);
    RtlInitUnicodeString(&Name, LinkName);
    NtOpenSymbolicLinkObject(&Link, SYMBOLIC_LINK_QUERY, &Attributes);
    RtlInitUnicodeString(&Name, KeyName);
    NtCreateKey(&Key, KEY_ALL_ACCESS, &Attributes, 0, NULL, REG_OPTION_VOLATILE, NULL);
    RtlInitUnicodeString(&Name, L"\\Registry\\Machine\\Software\\badptr-renamed");
    NtCreateKey(&Renamed, KEY_ALL_ACCESS, &Attributes, 0, NULL, REG_OPTION_VOLATILE, NULL);
    RtlInitUnicodeString(&Name, L"\\Registry\\Machine\\Software");
    NtOpenKey(&Software, KEY_READ, &Attributes);
    RtlInitUnicodeString(&Name, SectionName);
    NtCreateSection(&Section, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT,
                    NULL);
}

int main(void)
{
    ULONG Round;
    USAGE Before;

    OpenObjects();
    MakeBadPages();
    TryServiceNumbers();
    TryArgumentBlocks();
    Round = TryAllServices();
    QuerySteadyUsage(&Before);
    TryAllServices();
    Check(Wrong == 0, "%lu calls with a bad pointer, %lu wrong results", 2 * Round, Wrong);
    CheckUsage(&Before, "the second round");
    return CheckSummary("badptr");
}
