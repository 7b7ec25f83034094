/*
 * cmquery.sys: the registry by the Rtl routines: RtlQueryRegistryValues with all of its flags, and
 * those that write, delete, create and check (WDK, the pages of the routines).
 */
#include <ntifs.h>
#include <ntddk.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#ifndef RTL_QUERY_REGISTRY_TYPECHECK
#define RTL_QUERY_REGISTRY_TYPECHECK 0x00000100
#endif
#define SUBKEY      RTL_QUERY_REGISTRY_SUBKEY
#define TOPKEY      RTL_QUERY_REGISTRY_TOPKEY
#define REQUIRED    RTL_QUERY_REGISTRY_REQUIRED
#define NOVALUE     RTL_QUERY_REGISTRY_NOVALUE
#define NOEXPAND    RTL_QUERY_REGISTRY_NOEXPAND
#define DIRECT      RTL_QUERY_REGISTRY_DIRECT
#define REMOVE      RTL_QUERY_REGISTRY_DELETE
#define TYPED(Type) ((Type) << 24)
#define CALLS       8

static PWSTR Path;   /* the driver's service key, zero-terminated */
static ULONG Marker; /* its address is a context */

/* What the query routine has been called with. */
static struct {
    ULONG Type, Length, Number;
    WCHAR Name[16], Text[16];
    PVOID Context, EntryContext;
} Calls[CALLS];
static ULONG CallCount;
static NTSTATUS CallStatus;

static NTSTATUS NTAPI Note(PWSTR ValueName, ULONG ValueType, PVOID ValueData, ULONG ValueLength,
                           PVOID Context, PVOID EntryContext)
{
    ULONG i = CallCount++;

    if (i >= CALLS)
        return STATUS_BUFFER_OVERFLOW;
    RtlZeroMemory(&Calls[i], sizeof Calls[i]);
    Calls[i].Type = ValueType;
    Calls[i].Length = ValueLength;
    Calls[i].Context = Context;
    Calls[i].EntryContext = EntryContext;
    if (ValueName)
        RtlCopyMemory(Calls[i].Name, ValueName, min(30, 2 * wcslen(ValueName)));
    if (ValueData)
        RtlCopyMemory(Calls[i].Text, ValueData, min(30, ValueLength));
    if (ValueLength == sizeof(ULONG))
        RtlCopyMemory(&Calls[i].Number, ValueData, sizeof(ULONG));
    return CallStatus;
}

static NTSTATUS QueryTable(PRTL_QUERY_REGISTRY_TABLE Table)
{
    CallCount = 0;
    return RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, Path, Table, &Marker, NULL);
}

/* One entry, in the subkey Parameters, where all the values are. */
static NTSTATUS QueryOne(PRTL_QUERY_REGISTRY_ROUTINE Routine, ULONG Flags, PCWSTR Name,
                         PVOID EntryContext, ULONG DefaultType, PVOID Default, ULONG DefaultLength)
{
    RTL_QUERY_REGISTRY_TABLE Table[3] = {
        {NULL, SUBKEY, L"Parameters", NULL, REG_NONE, NULL, 0},
        {Routine, Flags, Name, EntryContext, DefaultType, Default, DefaultLength}};

    return QueryTable(Table);
}

static NTSTATUS QueryDirect(ULONG Flags, PCWSTR Name, PVOID To, ULONG Type)
{
    return QueryOne(NULL, DIRECT | Flags, Name, To, Type, NULL, 0);
}

static NTSTATUS Write(PCWSTR Name, ULONG Type, PVOID Data, ULONG Length)
{
    WCHAR Place[] = L"cmquery\\Parameters";

    return RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, Place, Name, Type, Data, Length);
}

static VOID WriteValues(VOID)
{
    ULONG Number = 42;
    UCHAR Bytes[6] = {1, 2, 3, 4, 5, 6};

    CheckEqual("write: a number", Write(L"Number", REG_DWORD, &Number, sizeof Number),
               STATUS_SUCCESS);
    CheckEqual("write: a text", Write(L"Text", REG_SZ, L"abc", 8), STATUS_SUCCESS);
    CheckEqual("write: texts", Write(L"Texts", REG_MULTI_SZ, L"a\0bc\0", 12), STATUS_SUCCESS);
    CheckEqual("write: one to be expanded", Write(L"Expand", REG_EXPAND_SZ, L"%x%", 8),
               STATUS_SUCCESS);
    CheckEqual("write: bytes", Write(L"Bytes", REG_BINARY, Bytes, sizeof Bytes), STATUS_SUCCESS);
}

/* ---- By a routine ------------------------------------------------------------------------------
 */

static VOID TestNamed(VOID)
{
    CheckEqual("routine: a number", QueryOne(Note, 0, L"Number", &Path, 0, NULL, 0),
               STATUS_SUCCESS);
    Check("routine: called once, with all of it",
          CallCount == 1 && Calls[0].Type == REG_DWORD && Calls[0].Number == 42 &&
              Calls[0].Context == &Marker && Calls[0].EntryContext == &Path &&
              wcscmp(Calls[0].Name, L"Number") == 0);
    CheckEqual("routine: texts", QueryOne(Note, 0, L"Texts", NULL, 0, NULL, 0), STATUS_SUCCESS);
    Check("routine: called for each",
          CallCount == 2 && Calls[0].Type == REG_SZ && Calls[0].Length == 4 &&
              wcscmp(Calls[0].Text, L"a") == 0 && Calls[1].Length == 6 &&
              wcscmp(Calls[1].Text, L"bc") == 0 && wcscmp(Calls[1].Name, L"Texts") == 0);
    CheckEqual("routine: texts as they are", QueryOne(Note, NOEXPAND, L"Texts", NULL, 0, NULL, 0),
               STATUS_SUCCESS);
    Check("routine: called once",
          CallCount == 1 && Calls[0].Type == REG_MULTI_SZ && Calls[0].Length == 12);
    QueryOne(Note, 0, L"Expand", NULL, 0, NULL, 0);
    Check("routine: there are no variables",
          CallCount == 1 && Calls[0].Type == REG_SZ && wcscmp(Calls[0].Text, L"%x%") == 0);
    QueryOne(Note, NOEXPAND, L"Expand", NULL, 0, NULL, 0);
    Check("routine: not to be expanded", CallCount == 1 && Calls[0].Type == REG_EXPAND_SZ);
    CallStatus = STATUS_NO_SUCH_DEVICE;
    CheckEqual("routine: its failure ends it", QueryOne(Note, 0, L"Number", NULL, 0, NULL, 0),
               STATUS_NO_SUCH_DEVICE);
    CallStatus = STATUS_BUFFER_TOO_SMALL;
    CheckEqual("routine: but for one", QueryOne(Note, 0, L"Number", NULL, 0, NULL, 0),
               STATUS_SUCCESS);
    CallStatus = STATUS_SUCCESS;
}

static VOID TestMissing(VOID)
{
    ULONG Default = 7;

    CheckEqual("missing: nothing is called", QueryOne(Note, 0, L"None", NULL, 0, NULL, 0),
               STATUS_SUCCESS);
    CheckEqual("missing: no call", CallCount, 0);
    CheckEqual("missing: required", QueryOne(Note, REQUIRED, L"None", NULL, 0, NULL, 0),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("missing: a default",
               QueryOne(Note, 0, L"None", NULL, REG_DWORD, &Default, sizeof Default),
               STATUS_SUCCESS);
    Check("missing: it is used",
          CallCount == 1 && Calls[0].Type == REG_DWORD && Calls[0].Number == 7);
    QueryOne(Note, 0, L"None", NULL, REG_SZ, L"def", 0);
    Check("missing: a default text's length is found",
          CallCount == 1 && Calls[0].Length == 8 && wcscmp(Calls[0].Text, L"def") == 0);
    QueryOne(Note, NOEXPAND, L"None", NULL, REG_MULTI_SZ, L"a\0b\0", 0);
    Check("missing: that of default texts, too", CallCount == 1 && Calls[0].Length == 10);
}

static VOID TestAll(VOID)
{
    RTL_QUERY_REGISTRY_TABLE Values[2] = {
        {Note, SUBKEY | NOEXPAND, L"Parameters", &Path, 0, NULL, 0}};
    RTL_QUERY_REGISTRY_TABLE Table[5] = {{NULL, SUBKEY, L"Parameters", NULL, 0, NULL, 0},
                                         {Note, REQUIRED, L"Number", NULL, 0, NULL, 0},
                                         {Note, TOPKEY | REQUIRED, L"Type", NULL, 0, NULL, 0},
                                         {Note, NOVALUE, NULL, &Marker, 0, NULL, 0}};
    RTL_QUERY_REGISTRY_TABLE NoKey[3] = {{NULL, SUBKEY, L"NoKey", NULL, 0, NULL, 0},
                                         {Note, 0, L"Number", NULL, REG_SZ, L"x", 0}};

    CheckEqual("all: a subkey's values", QueryTable(Values), STATUS_SUCCESS);
    Check("all: in their order", CallCount == 5 && wcscmp(Calls[0].Name, L"Number") == 0 &&
                                     wcscmp(Calls[4].Name, L"Bytes") == 0 && Calls[4].Length == 6 &&
                                     Calls[4].EntryContext == &Path);
    CheckEqual("all: without a name", QueryOne(Note, NOEXPAND, NULL, NULL, 0, NULL, 0),
               STATUS_SUCCESS);
    CheckEqual("all: each value of the key", CallCount, 5);
    CheckEqual("keys: below and back", QueryTable(Table), STATUS_SUCCESS);
    Check("keys: one of each, and a mere call",
          CallCount == 3 && Calls[0].Number == 42 && Calls[1].Number == SERVICE_KERNEL_DRIVER &&
              Calls[2].Type == REG_NONE && Calls[2].Length == 0 &&
              Calls[2].EntryContext == &Marker && Calls[2].Name[0] == 0);
    CheckEqual("keys: one that is missing", QueryTable(NoKey), STATUS_SUCCESS);
    Check("keys: has no values", CallCount == 1 && wcscmp(Calls[0].Text, L"x") == 0);
    NoKey[0].Flags |= REQUIRED;
    CheckEqual("keys: unless it is required", QueryTable(NoKey), STATUS_OBJECT_NAME_NOT_FOUND);
}

/* ---- Directly ----------------------------------------------------------------------------------
 */

static VOID TestDirectText(VOID)
{
    WCHAR Room[4];
    UNICODE_STRING String = {0, 0, NULL}, Own = {0, sizeof Room, Room};

    CheckEqual("direct: a text", QueryDirect(REQUIRED, L"Text", &String, 0), STATUS_SUCCESS);
    Check("direct: in memory for it",
          String.Length == 6 && String.MaximumLength >= 8 && wcscmp(String.Buffer, L"abc") == 0);
    RtlFreeUnicodeString(&String);
    CheckEqual("direct: into the caller's", QueryDirect(0, L"Text", &Own, 0), STATUS_SUCCESS);
    Check("direct: it fits", Own.Length == 6 && Room[3] == 0);
    Own.MaximumLength = 6;
    CheckEqual("direct: it does not", QueryDirect(0, L"Text", &Own, 0), STATUS_BUFFER_TOO_SMALL);
    CheckEqual("direct: texts are one", QueryDirect(NOEXPAND, L"Texts", &String, 0),
               STATUS_SUCCESS);
    Check("direct: with their zeros", String.Length == 10 && String.Buffer[0] == L'a' &&
                                          String.Buffer[1] == 0 && String.Buffer[2] == L'b');
    RtlFreeUnicodeString(&String);
    CheckEqual("direct: and not several", QueryDirect(0, L"Texts", &String, 0),
               STATUS_INVALID_PARAMETER);
}

static VOID TestDirectNumbers(VOID)
{
    ULONG Number = 0, Default = 9;
    struct {
        LONG Size;
        ULONG Type;
        UCHAR Data[8];
    } Buffer = {.Size = sizeof Buffer};
    LONG Small[2] = {-5, 0};

    CheckEqual("direct: a number", QueryDirect(0, L"Number", &Number, 0), STATUS_SUCCESS);
    CheckEqual("direct: it is there", Number, 42);
    CheckEqual("direct: a default",
               QueryOne(NULL, DIRECT, L"None", &Number, REG_DWORD, &Default, sizeof Default),
               STATUS_SUCCESS);
    CheckEqual("direct: it is there, too", Number, 9);
    CheckEqual("direct: of the right type",
               QueryDirect(RTL_QUERY_REGISTRY_TYPECHECK, L"Number", &Number, TYPED(REG_DWORD)),
               STATUS_SUCCESS);
    CheckEqual("direct: of a wrong one",
               QueryDirect(RTL_QUERY_REGISTRY_TYPECHECK, L"Number", &Number, TYPED(REG_SZ)),
               STATUS_OBJECT_TYPE_MISMATCH);
    CheckEqual("direct: bytes", QueryDirect(0, L"Bytes", &Buffer, 0), STATUS_SUCCESS);
    Check("direct: with length and type",
          Buffer.Size == 6 && Buffer.Type == REG_BINARY && Buffer.Data[5] == 6);
    Buffer.Size = -(LONG)sizeof Buffer;
    CheckEqual("direct: bytes alone", QueryDirect(0, L"Bytes", &Buffer, 0), STATUS_SUCCESS);
    Check("direct: from the beginning", ((PUCHAR)&Buffer)[0] == 1 && ((PUCHAR)&Buffer)[5] == 6);
    CheckEqual("direct: bytes that do not fit", QueryDirect(0, L"Bytes", Small, 0),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("direct: without a name the table ends", QueryDirect(0, NULL, &Number, 0),
               STATUS_SUCCESS);
    CheckEqual("direct: and no routine", QueryOne(Note, DIRECT, L"Number", &Number, 0, NULL, 0),
               STATUS_INVALID_PARAMETER);
    CheckEqual("routine: it needs one", QueryOne(NULL, 0, L"Number", &Number, 0, NULL, 0),
               STATUS_INVALID_PARAMETER);
}

/* ---- Places ------------------------------------------------------------------------------------
 */

static VOID TestPlaces(VOID)
{
    RTL_QUERY_REGISTRY_TABLE Table[2] = {{Note, 0, L"Number", NULL, REG_DWORD, &Marker, 4}};
    RTL_QUERY_REGISTRY_TABLE Version[2] = {
        {Note, REQUIRED, L"CurrentVersion", NULL, REG_NONE, NULL, 0}};
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Key;

    CheckEqual("place: services", RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, L"cmquery"),
               STATUS_SUCCESS);
    CheckEqual("place: control", RtlCheckRegistryKey(RTL_REGISTRY_CONTROL, L"Class"),
               STATUS_SUCCESS);
    CheckEqual("place: device map", RtlCheckRegistryKey(RTL_REGISTRY_DEVICEMAP, NULL),
               STATUS_SUCCESS);
    CheckEqual("place: user", RtlCheckRegistryKey(RTL_REGISTRY_USER, NULL), STATUS_SUCCESS);
    CheckEqual("place: there is no such", RtlCheckRegistryKey(RTL_REGISTRY_MAXIMUM, NULL),
               STATUS_INVALID_PARAMETER);
    CheckEqual("place: no such key", RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, L"cmquery\\No"),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CallCount = 0;
    CheckEqual("place: Windows NT",
               RtlQueryRegistryValues(RTL_REGISTRY_WINDOWS_NT, NULL, Version, NULL, NULL),
               STATUS_SUCCESS);
    Check("place: its version", wcscmp(Calls[0].Text, L"5.2") == 0);
    CheckEqual("place: a missing key",
               RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"none", Table, NULL, NULL),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CallCount = 0;
    CheckEqual("place: one that may be missing",
               RtlQueryRegistryValues(RTL_REGISTRY_SERVICES | RTL_REGISTRY_OPTIONAL, L"none", Table,
                                      NULL, NULL),
               STATUS_SUCCESS);
    CheckEqual("place: has the defaults", CallCount, 1);
    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!CheckEqual("place: a handle", ZwOpenKey(&Key, KEY_READ, &Attributes), STATUS_SUCCESS))
        return;
    CheckEqual("place: a handle's",
               RtlQueryRegistryValues(RTL_REGISTRY_HANDLE, Key, Table, NULL, NULL), STATUS_SUCCESS);
    CheckEqual("place: it is still open", ZwClose(Key), STATUS_SUCCESS);
}

static VOID TestDeleting(VOID)
{
    WCHAR Place[] = L"cmquery\\Parameters";
    ULONG Number = 0;

    CheckEqual("delete: once read", QueryDirect(REMOVE, L"Number", &Number, 0), STATUS_SUCCESS);
    CheckEqual("delete: it is read", Number, 42);
    CheckEqual("delete: it is gone", QueryDirect(REQUIRED, L"Number", &Number, 0),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("delete: a value", RtlDeleteRegistryValue(RTL_REGISTRY_SERVICES, Place, L"Text"),
               STATUS_SUCCESS);
    CheckEqual("delete: once", RtlDeleteRegistryValue(RTL_REGISTRY_SERVICES, Place, L"Text"),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("delete: all that are left",
               QueryOne(Note, REMOVE | NOEXPAND, NULL, NULL, 0, NULL, 0), STATUS_SUCCESS);
    CheckEqual("delete: each was told of", CallCount, 3);
    CheckEqual("delete: none is left", QueryOne(Note, REQUIRED, NULL, NULL, 0, NULL, 0),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("create: a key", RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, L"cmquery\\New"),
               STATUS_SUCCESS);
    CheckEqual("create: it is there", RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, L"cmquery\\New"),
               STATUS_SUCCESS);
    CheckEqual("create: not with its parent missing",
               RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, L"cmquery\\No\\New"),
               STATUS_OBJECT_NAME_NOT_FOUND);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    Path = ExAllocatePoolWithTag(PagedPool, RegistryPath->Length + sizeof(WCHAR), 'tseT');
    RtlCopyMemory(Path, RegistryPath->Buffer, RegistryPath->Length);
    Path[RegistryPath->Length / sizeof(WCHAR)] = 0;
    WriteValues();
    TestNamed();
    TestMissing();
    TestAll();
    TestDirectText();
    TestDirectNumbers();
    TestPlaces();
    TestDeleting();
    ExFreePoolWithTag(Path, 'tseT');
    return FinishTests("cmquery");
}
