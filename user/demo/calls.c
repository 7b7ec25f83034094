/*
 * Calling the driver, and the events by which the parent and the children keep in step.
 */
#include "parts.h"

static HANDLE Driver;

BOOLEAN Complain(const char *What, NTSTATUS Status)
{
    printf("demo: process %lu: %s: status %08lx\n",
           (ULONG)(ULONG_PTR)NtCurrentTeb()->ClientId.UniqueProcess, What, Status);
    return FALSE;
}

/* ---- The driver -------------------------------------------------------------------------------
 */

/* The driver made \DosDevices\Demo; \??\ is another name of that directory. */
NTSTATUS OpenDriver(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"\\??\\Demo");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenFile(&Driver, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE, &Attributes, &Result,
                      FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_NONALERT);
}

void CloseDriver(void)
{
    NtClose(Driver);
}

/* One request. *OutLength: in, the room at Out; out, the bytes that came. NULL: none. */
static NTSTATUS Call(ULONG Code, const void *In, ULONG InLength, void *Out, ULONG *OutLength)
{
    IO_STATUS_BLOCK Result;
    NTSTATUS Status = NtDeviceIoControlFile(Driver, NULL, NULL, NULL, &Result, Code, (void *)In,
                                            InLength, Out, OutLength ? *OutLength : 0);

    if (NT_SUCCESS(Status) && OutLength)
        *OutLength = Result.Information;
    return Status;
}

NTSTATUS ReadText(char *Text)
{
    ULONG Length = DEMO_TEXT_BYTES;

    return Call(IOCTL_DEMO_READ_TEXT, NULL, 0, Text, &Length);
}

NTSTATUS WriteText(const char *Text)
{
    return Call(IOCTL_DEMO_WRITE_TEXT, Text, DEMO_TEXT_BYTES, NULL, NULL);
}

NTSTATUS TouchText(ULONG UserAddress, ULONG UserValue, PDEMO_RECORD Record)
{
    DEMO_TOUCH Touch = {UserAddress, UserValue};
    ULONG Length = sizeof *Record;

    return Call(IOCTL_DEMO_TOUCH, &Touch, sizeof Touch, Record, &Length);
}

NTSTATUS GetRecords(ULONG First, PDEMO_RECORD Records, ULONG *Count)
{
    DEMO_GET_RECORDS Get = {First};
    ULONG Length = *Count * sizeof *Records;
    NTSTATUS Status = Call(IOCTL_DEMO_GET_RECORDS, &Get, sizeof Get, Records, &Length);

    *Count = NT_SUCCESS(Status) ? Length / sizeof *Records : 0;
    return Status;
}

NTSTATUS QueueWork(void)
{
    return Call(IOCTL_DEMO_QUEUE_WORK, NULL, 0, NULL, NULL);
}

/* ---- Texts ------------------------------------------------------------------------------------
 */

#define CHECK_AT (DEMO_TEXT_BYTES - sizeof(ULONG)) /* the checksum of what is before it */

void MakeText(char *Text, const char *Words)
{
    ULONG Check;

    memset(Text, 0, DEMO_TEXT_BYTES);
    memset(Text + DEMO_RECORD_TEXT, '.', CHECK_AT - DEMO_RECORD_TEXT);
    strncpy(Text, Words, DEMO_RECORD_TEXT - 1);
    Check = DemoChecksum(Text, CHECK_AT);
    memcpy(Text + CHECK_AT, &Check, sizeof Check);
}

void MakeChildText(char *Text, ULONG Child, ULONG Round)
{
    char Words[DEMO_RECORD_TEXT];

    _snprintf(Words, sizeof Words, "from child %lu (%lu)", Child, Round);
    MakeText(Text, Words);
}

BOOLEAN IsWholeText(const char *Text)
{
    ULONG Check;

    memcpy(&Check, Text + CHECK_AT, sizeof Check);
    return Check == DemoChecksum(Text, CHECK_AT);
}

/* ---- Events -----------------------------------------------------------------------------------
 */

#define NAME_CHARACTERS 64

/*
 * A phase's event stays set, for all children; the others are reset by the one who waited.
 */
static const struct {
    const WCHAR *Prefix;
    EVENT_TYPE Type;
} Events[] = {
    [EventPhase] = {L"\\BaseNamedObjects\\DemoPhase", NotificationEvent},
    [EventDone] = {L"\\BaseNamedObjects\\DemoDone", SynchronizationEvent},
    [EventTurn] = {L"\\BaseNamedObjects\\DemoTurn", SynchronizationEvent},
};

/* The prefix and two digits. */
static void MakeName(UNICODE_STRING *Name, WCHAR *Room, EVENT_NAME Event, ULONG Number)
{
    ULONG Length = wcslen(Events[Event].Prefix);

    wcscpy(Room, Events[Event].Prefix);
    Room[Length] = (WCHAR)('0' + Number / 10);
    Room[Length + 1] = (WCHAR)('0' + Number % 10);
    Room[Length + 2] = 0;
    RtlInitUnicodeString(Name, Room);
}

HANDLE MakeEvent(EVENT_NAME Event, ULONG Number)
{
    WCHAR Room[NAME_CHARACTERS];
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle = NULL;
    NTSTATUS Status;

    MakeName(&Name, Room, Event, Number);
    InitializeObjectAttributes(&Attributes, &Name, 0, NULL, NULL);
    Status = NtCreateEvent(&Handle, EVENT_ALL_ACCESS, &Attributes, Events[Event].Type, FALSE);
    if (!NT_SUCCESS(Status))
        Complain("cannot make an event", Status);
    return Handle;
}

HANDLE FindEvent(EVENT_NAME Event, ULONG Number)
{
    WCHAR Room[NAME_CHARACTERS];
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle = NULL;
    NTSTATUS Status;

    MakeName(&Name, Room, Event, Number);
    InitializeObjectAttributes(&Attributes, &Name, 0, NULL, NULL);
    Status = NtOpenEvent(&Handle, EVENT_ALL_ACCESS, &Attributes);
    if (!NT_SUCCESS(Status))
        Complain("cannot open an event", Status);
    return Handle;
}

BOOLEAN SignalEvent(HANDLE Event)
{
    NTSTATUS Status = NtSetEvent(Event, NULL);

    return NT_SUCCESS(Status) || Complain("cannot set an event", Status);
}

BOOLEAN WaitForEvent(HANDLE Event)
{
    LARGE_INTEGER Timeout = {.QuadPart = -10000LL * PATIENCE_MS};
    NTSTATUS Status = NtWaitForSingleObject(Event, FALSE, &Timeout);

    return Status == STATUS_SUCCESS || Complain("waited in vain", Status);
}
