/*
 * Shows what keyboard.sys does.
 *
 *      keyboard.exe         all checks that need no key; then prints each key, until Esc is
 * released keyboard.exe many    says "ready", waits for a line on the console, and counts the keys
 * that have come meanwhile
 */
#include "check.h"
#include <ntddkbd.h>

#define DRIVER   L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\keyboard"
#define KEYBOARD L"\\Device\\KeyboardClass0"
#define ESCAPE   0x01
#define MOST     128

static HANDLE Keyboard;
static KEYBOARD_INPUT_DATA Keys[MOST];

static NTSTATUS OpenKeyboard(HANDLE *File)
{
    UNICODE_STRING Name = CONSTANT_STRING(KEYBOARD);
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    *File = NULL;
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenFile(File, GENERIC_READ | SYNCHRONIZE, &Attributes, &Result, 0, 0);
}

/* Begins a read of the file, or ends it: Event is the one that Begin has made. */
static NTSTATUS BeginRead(HANDLE File, IO_STATUS_BLOCK *Result, HANDLE *Event, ULONG Length)
{
    LARGE_INTEGER Offset = {.QuadPart = 0};

    NtCreateEvent(Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    return NtReadFile(File, *Event, NULL, NULL, Result, Keys, Length, &Offset, NULL);
}

static NTSTATUS EndRead(IO_STATUS_BLOCK *Result, HANDLE Event, NTSTATUS Status)
{
    if (Status == STATUS_PENDING) {
        NtWaitForSingleObject(Event, FALSE, NULL);
        Status = Result->Status;
    }
    NtClose(Event);
    return Status;
}

/* Reads keys; returns how many. */
static ULONG ReadKeys(ULONG Most)
{
    IO_STATUS_BLOCK Result = {0};
    HANDLE Event;
    NTSTATUS Status = BeginRead(Keyboard, &Result, &Event, Most * sizeof Keys[0]);

    Status = EndRead(&Result, Event, Status);
    return NT_SUCCESS(Status) ? (ULONG)Result.Information / sizeof Keys[0] : 0;
}

static NTSTATUS Control(ULONG Code, PVOID In, ULONG InLength, PVOID Out, ULONG OutLength)
{
    IO_STATUS_BLOCK Result;
    HANDLE Event;
    NTSTATUS Status;

    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    Status = NtDeviceIoControlFile(Keyboard, Event, NULL, NULL, &Result, Code, In, InLength, Out,
                                   OutLength);
    return EndRead(&Result, Event, Status);
}

/* ---- Checks -----------------------------------------------------------------------------------
 */

static void CheckReads(void)
{
    IO_STATUS_BLOCK First, Second, Result;
    HANDLE FirstEvent, SecondEvent, File;
    NTSTATUS FirstStatus, SecondStatus;

    SecondStatus = BeginRead(Keyboard, &First, &FirstEvent, 0);
    CheckStatus(EndRead(&First, FirstEvent, SecondStatus), STATUS_SUCCESS, "nothing is read");
    SecondStatus = BeginRead(Keyboard, &First, &FirstEvent, sizeof Keys[0] + 1);
    CheckStatus(EndRead(&First, FirstEvent, SecondStatus), STATUS_BUFFER_TOO_SMALL,
                "room for a part of a key");
    FirstStatus = BeginRead(Keyboard, &First, &FirstEvent, sizeof Keys);
    SecondStatus = BeginRead(Keyboard, &Second, &SecondEvent, sizeof Keys);
    CheckStatus(FirstStatus, STATUS_PENDING, "a read waits for a key");
    NtCancelIoFile(Keyboard, &Result);
    CheckStatus(EndRead(&First, FirstEvent, FirstStatus), STATUS_CANCELLED, "... is cancelled");
    CheckStatus(EndRead(&Second, SecondEvent, SecondStatus), STATUS_CANCELLED, "... and another");
    CheckStatus(OpenKeyboard(&File), STATUS_SUCCESS, "it is opened once more");
    FirstStatus = BeginRead(File, &First, &FirstEvent, sizeof Keys);
    NtClose(File);
    CheckStatus(EndRead(&First, FirstEvent, FirstStatus), STATUS_CANCELLED,
                "closing it ends a read");
}

static void CheckLights(void)
{
    KEYBOARD_INDICATOR_PARAMETERS Lights = {0, KEYBOARD_CAPS_LOCK_ON | KEYBOARD_NUM_LOCK_ON}, Now;
    KEYBOARD_INDICATOR_PARAMETERS Wrong = {0, 8};

    Now.LedFlags = 0xFF;
    CheckStatus(Control(IOCTL_KEYBOARD_QUERY_INDICATORS, NULL, 0, &Now, sizeof Now), STATUS_SUCCESS,
                "the lights");
    Check(Now.LedFlags == 0, "... are off");
    CheckStatus(Control(IOCTL_KEYBOARD_SET_INDICATORS, &Lights, sizeof Lights, NULL, 0),
                STATUS_SUCCESS, "the keyboard turns some on");
    Control(IOCTL_KEYBOARD_QUERY_INDICATORS, NULL, 0, &Now, sizeof Now);
    Check(Now.LedFlags == Lights.LedFlags, "... and they are on");
    CheckStatus(Control(IOCTL_KEYBOARD_SET_INDICATORS, &Wrong, sizeof Wrong, NULL, 0),
                STATUS_INVALID_PARAMETER, "one that there is not");
    CheckStatus(Control(IOCTL_KEYBOARD_SET_INDICATORS, &Lights, 1, NULL, 0),
                STATUS_INVALID_PARAMETER, "not said which");
}

static void CheckOthers(void)
{
    KEYBOARD_TYPEMATIC_PARAMETERS Typematic = {0, 30, 250}, Now = {0}, Wrong = {0, 31, 250};
    KEYBOARD_ATTRIBUTES Attributes;

    CheckStatus(Control(IOCTL_KEYBOARD_SET_TYPEMATIC, &Typematic, sizeof Typematic, NULL, 0),
                STATUS_SUCCESS, "keys repeat fast");
    Control(IOCTL_KEYBOARD_QUERY_TYPEMATIC, NULL, 0, &Now, sizeof Now);
    Check(Now.Rate == 30 && Now.Delay == 250, "... as was said");
    CheckStatus(Control(IOCTL_KEYBOARD_SET_TYPEMATIC, &Wrong, sizeof Wrong, NULL, 0),
                STATUS_INVALID_PARAMETER, "too fast");
    CheckStatus(Control(IOCTL_KEYBOARD_QUERY_ATTRIBUTES, NULL, 0, &Attributes, sizeof Attributes),
                STATUS_SUCCESS, "what it is");
    Check(ENHANCED_KEYBOARD(Attributes.KeyboardIdentifier) && Attributes.KeyboardMode == 1,
          "... an enhanced one with codes of set 1");
    CheckStatus(Control(IOCTL_KEYBOARD_QUERY_ATTRIBUTES, NULL, 0, &Attributes, 2),
                STATUS_BUFFER_TOO_SMALL, "no answer without room");
    CheckStatus(Control(IOCTL_KEYBOARD_INSERT_DATA, NULL, 0, NULL, 0),
                STATUS_INVALID_DEVICE_REQUEST, "what it does not know");
}

static void CheckUnloading(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(DRIVER);
    NTSTATUS Status = STATUS_SUCCESS;
    USAGE Before;
    ULONG i;

    NtClose(Keyboard);
    CheckStatus(NtUnloadDriver(&Name), STATUS_SUCCESS, "the driver is unloaded");
    QuerySteadyUsage(&Before);
    for (i = 0; i < 10 && NT_SUCCESS(Status); i++) {
        Status = NtLoadDriver(&Name);
        if (NT_SUCCESS(Status))
            Status = NtUnloadDriver(&Name);
    }
    CheckStatus(Status, STATUS_SUCCESS, "... and loaded and unloaded 10 times");
    CheckUsage(&Before, "that");
}

/* For the test, which presses them. */
static void PrintKeys(void)
{
    BOOLEAN Escape = FALSE;
    ULONG i, Count;

    puts("ready");
    while (!Escape && (Count = ReadKeys(MOST)) != 0) {
        for (i = 0; i < Count; i++) {
            printf("key %02x %s%s%s\n", Keys[i].MakeCode,
                   (Keys[i].Flags & KEY_BREAK) ? "up" : "down",
                   (Keys[i].Flags & KEY_E0) ? " E0" : "", (Keys[i].Flags & KEY_E1) ? " E1" : "");
            Escape |= Keys[i].MakeCode == ESCAPE && (Keys[i].Flags & KEY_BREAK);
        }
    }
}

static int CountKeys(void)
{
    char Line[8];

    puts("ready");
    ReadConsoleLine(Line, sizeof Line);
    printf("keys: %lu\n", ReadKeys(MOST));
    return 0;
}

int main(int argc, char **argv)
{
    UNREFERENCED_PARAMETER(argv);
    CheckStatus(OpenKeyboard(&Keyboard), STATUS_SUCCESS, "the keyboard is opened");
    if (argc > 1)
        return CountKeys();
    CheckReads();
    CheckLights();
    CheckOthers();
    PrintKeys();
    CheckUnloading();
    return CheckSummary("keyboard");
}
