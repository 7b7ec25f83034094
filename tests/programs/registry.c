/*
 * Shows what programs may do with the registry: keys and values by handles with the access that
 * they were opened with, and a driver that is loaded by a key that a program has made.
 */
#include "check.h"

#define PLAYGROUND L"\\Registry\\Machine\\Software\\registry"
#define SERVICES   L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\"
#define NEW_DRIVER SERVICES L"renamed"
#define NEW_KEY    L"\\Registry\\Machine\\Software\\registry-notify"

static NTSTATUS Open(HANDLE Root, PCWSTR Path, ACCESS_MASK Access, HANDLE *Key)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, Root, NULL);
    return NtOpenKey(Key, Access, &Attributes);
}

static NTSTATUS Create(HANDLE Root, PCWSTR Path, ACCESS_MASK Access, HANDLE *Key)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, Root, NULL);
    return NtCreateKey(Key, Access, &Attributes, 0, NULL, 0, NULL);
}

static NTSTATUS SetNumber(HANDLE Key, PCWSTR ValueName, ULONG Number)
{
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, ValueName);
    return NtSetValueKey(Key, &Name, 0, REG_DWORD, &Number, sizeof Number);
}

static NTSTATUS GetNumber(HANDLE Key, PCWSTR ValueName, ULONG *Number)
{
    struct {
        KEY_VALUE_PARTIAL_INFORMATION Info;
        ULONG Room;
    } Value;
    UNICODE_STRING Name;
    ULONG Length;
    NTSTATUS Status;

    RtlInitUnicodeString(&Name, ValueName);
    Status = NtQueryValueKey(Key, &Name, KeyValuePartialInformation, &Value, sizeof Value, &Length);
    memcpy(Number, Value.Info.Data, sizeof *Number);
    return Status;
}

static void CheckAccess(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"Number");
    KEY_BASIC_INFORMATION Basic;
    HANDLE All, Reader, Writer, Sub;
    ULONG Number = 0, Length;

    CheckStatus(Create(NULL, PLAYGROUND, KEY_ALL_ACCESS, &All), STATUS_SUCCESS, "a key is made");
    CheckStatus(Open(NULL, PLAYGROUND, GENERIC_READ, &Reader), STATUS_SUCCESS, "opened to read");
    CheckStatus(Open(NULL, PLAYGROUND, KEY_SET_VALUE, &Writer), STATUS_SUCCESS, "and to write");
    CheckStatus(SetNumber(Reader, L"Number", 1), STATUS_ACCESS_DENIED,
                "who may read cannot set a value");
    CheckStatus(SetNumber(Writer, L"Number", 42), STATUS_SUCCESS, "who may write can");
    CheckStatus(GetNumber(Writer, L"Number", &Number), STATUS_ACCESS_DENIED, "but not read it");
    CheckStatus(GetNumber(Reader, L"Number", &Number), STATUS_SUCCESS, "the reader can");
    Check(Number == 42, "what was written is read");
    CheckStatus(NtDeleteValueKey(Reader, &Name), STATUS_ACCESS_DENIED, "nor delete values");
    CheckStatus(NtDeleteKey(Reader), STATUS_ACCESS_DENIED, "nor the key");
    CheckStatus(Create(Reader, L"Sub", KEY_READ, &Sub), STATUS_ACCESS_DENIED, "nor make a subkey");
    CheckStatus(Create(All, L"Sub", KEY_ALL_ACCESS, &Sub), STATUS_SUCCESS, "with access it can");
    CheckStatus(NtEnumerateKey(Writer, 0, KeyBasicInformation, &Basic, sizeof Basic, &Length),
                STATUS_ACCESS_DENIED, "nor can the writer list subkeys");
    CheckStatus(NtEnumerateKey(Reader, 0, KeyBasicInformation, &Basic, sizeof Basic, &Length),
                STATUS_SUCCESS, "the reader can");
    NtDeleteKey(Sub);
    NtClose(Sub);
    CheckStatus(NtDeleteKey(All), STATUS_SUCCESS, "the key is deleted");
    CheckStatus(GetNumber(Reader, L"Number", &Number), STATUS_KEY_DELETED,
                "who has it open is told so");
    NtClose(All);
    NtClose(Reader);
    NtClose(Writer);
}

static void CheckWrongHandles(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"\\Registry\\Machine");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    HANDLE Handle, Event;
    ULONG Number;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    CheckStatus(NtOpenFile(&Handle, GENERIC_READ, &Attributes, &Result, 0, 0),
                STATUS_OBJECT_TYPE_MISMATCH, "a key is no file");
    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    CheckStatus(GetNumber(Event, L"Number", &Number), STATUS_OBJECT_TYPE_MISMATCH,
                "an event is no key");
    CheckStatus(Open(Event, L"Sub", KEY_READ, &Handle), STATUS_OBJECT_TYPE_MISMATCH,
                "and has no subkeys");
    NtClose(Event);
}

static ULONG Told;

static void NTAPI NoteChange(PVOID Context, PIO_STATUS_BLOCK Result, ULONG Reserved)
{
    Told += (ULONG)(ULONG_PTR)Context;
    Told += Result->Status == STATUS_NOTIFY_ENUM_DIR && Reserved == 0;
}

/* Who waits for a key's changes is told by status block, event and APC. */
static void CheckNotification(void)
{
    LARGE_INTEGER Now = {.QuadPart = 0};
    IO_STATUS_BLOCK Result = {.Status = STATUS_PENDING};
    ULONG Filter = REG_NOTIFY_CHANGE_LAST_SET;
    HANDLE Key, Event;

    Told = 0;
    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    Create(NULL, NEW_KEY, KEY_ALL_ACCESS, &Key);
    CheckStatus(
        NtNotifyChangeKey(Key, Event, NoteChange, (PVOID)10, &Result, Filter, FALSE, NULL, 0, TRUE),
        STATUS_PENDING, "a change is waited for");
    CheckStatus(NtWaitForSingleObject(Event, FALSE, &Now), STATUS_TIMEOUT, "there is none");
    SetNumber(Key, L"Changed", 1);
    CheckStatus(NtWaitForSingleObject(Event, FALSE, &Now), STATUS_SUCCESS, "now there is");
    CheckStatus(Result.Status, STATUS_NOTIFY_ENUM_DIR, "as the status block says");
    Check(Told == 0, "the APC waits");
    NtTestAlert();
    Check(Told == 11, "and is run");
    Result.Status = STATUS_PENDING;
    NtNotifyChangeKey(Key, Event, NULL, NULL, &Result, Filter, FALSE, NULL, 0, TRUE);
    NtDeleteKey(Key);
    CheckStatus(Result.Status, STATUS_KEY_DELETED, "a wait ends with its key");
    NtClose(Key);
    NtClose(Event);
}

/* A driver's file under another service's name. */
static void CheckDriver(void)
{
    static WCHAR Image[] = L"system32\\drivers\\leftover.sys";
    UNICODE_STRING Service = CONSTANT_STRING(NEW_DRIVER), Name = CONSTANT_STRING(L"ImagePath");
    HANDLE Key;

    CheckStatus(NtLoadDriver(&Service), STATUS_OBJECT_NAME_NOT_FOUND,
                "a driver without a key is not loaded");
    CheckStatus(Create(NULL, NEW_DRIVER, KEY_ALL_ACCESS, &Key), STATUS_SUCCESS, "a key for one");
    CheckStatus(NtSetValueKey(Key, &Name, 0, REG_EXPAND_SZ, Image, sizeof Image), STATUS_SUCCESS,
                "with the path of its file");
    SetNumber(Key, L"Type", 1);
    SetNumber(Key, L"Start", 3);
    CheckStatus(NtLoadDriver(&Service), STATUS_SUCCESS, "now it is loaded");
    CheckStatus(NtUnloadDriver(&Service), STATUS_SUCCESS, "and unloaded");
    CheckStatus(NtDeleteKey(Key), STATUS_SUCCESS, "its key is deleted");
    CheckStatus(NtLoadDriver(&Service), STATUS_OBJECT_NAME_NOT_FOUND, "it is not found any more");
    NtClose(Key);
}

int main(void)
{
    USAGE Before;

    CheckAccess();
    CheckWrongHandles();
    CheckDriver();
    CheckNotification();
    QuerySteadyUsage(&Before);
    CheckAccess();
    CheckDriver();
    CheckNotification();
    CheckUsage(&Before, "the second round");
    return CheckSummary("registry");
}
