/*
 * Shows what files, handles and events do: the boot set's files under \SystemRoot\, names that do
 * not exist, handles that are closed, of the wrong type or no handles at all, events with names.
 *
 *      files.exe                 all checks
 *      files.exe signal NAME     what it starts itself: signals the named event
 */
#include "check.h"

#define FILE_NAME    L"\\SystemRoot\\hello.exe"
#define EVENT_NAME   "\\BaseNamedObjects\\files-test"
#define LONG_ENOUGH  5000 /* milliseconds */
#define SHORT_ENOUGH 50
#define FILE_POINTER (-2LL) /* WDK: ZwReadFile, FILE_USE_FILE_POINTER_POSITION */

static NTSTATUS OpenNamed(HANDLE *File, PCWSTR Text, ACCESS_MASK Access)
{
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    UNICODE_STRING Name;

    *File = NULL;
    RtlInitUnicodeString(&Name, Text);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtCreateFile(File, Access | SYNCHRONIZE, &Attributes, &Result, NULL, 0, FILE_SHARE_READ,
                        FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
}

/* Bytes read from a place in the file, or -1. */
static LONG ReadAt(HANDLE File, LONGLONG Place, PVOID Buffer, ULONG Length, NTSTATUS *Status)
{
    LARGE_INTEGER Offset = {.QuadPart = Place};
    IO_STATUS_BLOCK Result = {0};

    *Status = NtReadFile(File, NULL, NULL, NULL, &Result, Buffer, Length, &Offset, NULL);
    return NT_SUCCESS(*Status) ? (LONG)Result.Information : -1;
}

/* The file's length, found by reading on to its end. */
static LONG LengthOf(HANDLE File)
{
    UCHAR Buffer[512];
    LONG Length = 0, Read;
    NTSTATUS Status;

    while ((Read = ReadAt(File, Length, Buffer, sizeof Buffer, &Status)) > 0)
        Length += Read;
    return Length;
}

static void CheckReading(void)
{
    UCHAR Start[64], Again[32];
    NTSTATUS Status;
    HANDLE File;
    LONG Length;

    if (!CheckStatus(OpenNamed(&File, FILE_NAME, GENERIC_READ), STATUS_SUCCESS,
                     "a file of the boot set is opened"))
        return;
    Check(ReadAt(File, 0, Start, sizeof Start, &Status) == sizeof Start && Start[0] == 'M' &&
              Start[1] == 'Z',
          "its first bytes are read: MZ");
    Check(ReadAt(File, 32, Again, sizeof Again, &Status) == sizeof Again &&
              memcmp(Again, Start + 32, sizeof Again) == 0,
          "and some from its middle");
    Length = LengthOf(File);
    Check(Length > 1024, "all %ld bytes of it are read", Length);
    Check(ReadAt(File, Length - 3, Start, sizeof Start, &Status) == 3,
          "at its end a read is short");
    ReadAt(File, Length, Start, sizeof Start, &Status);
    CheckStatus(Status, STATUS_END_OF_FILE, "beyond it there is an error");
    NtClose(File);
}

/* Without an offset a synchronous file is read on from where the last read ended. */
static void CheckPosition(void)
{
    UCHAR First[8], Second[8], Both[16];
    IO_STATUS_BLOCK Result;
    NTSTATUS Status;
    HANDLE File;

    OpenNamed(&File, FILE_NAME, GENERIC_READ);
    NtReadFile(File, NULL, NULL, NULL, &Result, First, sizeof First, NULL, NULL);
    NtReadFile(File, NULL, NULL, NULL, &Result, Second, sizeof Second, NULL, NULL);
    ReadAt(File, 0, Both, sizeof Both, &Status);
    Check(memcmp(Both, First, 8) == 0 && memcmp(Both + 8, Second, 8) == 0,
          "reads without an offset follow one another");
    Check(ReadAt(File, 0, First, sizeof First, &Status) == 8 &&
              ReadAt(File, FILE_POINTER, Second, sizeof Second, &Status) == 8 &&
              memcmp(Both + 8, Second, 8) == 0,
          "the offset that stands for none does the same");
    ReadAt(File, -1, First, sizeof First, &Status);
    CheckStatus(Status, STATUS_INVALID_PARAMETER, "no other offset is negative");
    NtClose(File);
}

static void CheckName(PCWSTR Name, NTSTATUS Expected)
{
    HANDLE File;
    NTSTATUS Status = OpenNamed(&File, Name, GENERIC_READ);

    Check(Status == Expected, "opening '%S' gives %08lx (expected %08lx)", Name, Status, Expected);
    if (NT_SUCCESS(Status))
        NtClose(File);
}

static void CheckNames(void)
{
    CheckName(L"\\systemroot\\HELLO.EXE", STATUS_SUCCESS);
    CheckName(L"\\SystemRoot\\missing.exe", STATUS_OBJECT_NAME_NOT_FOUND);
    CheckName(L"\\NoSuchDirectory\\hello.exe", STATUS_OBJECT_PATH_NOT_FOUND);
    CheckName(L"\\NoSuchName", STATUS_OBJECT_NAME_NOT_FOUND);
    CheckName(L"hello.exe", STATUS_OBJECT_PATH_SYNTAX_BAD);
    CheckName(L"", STATUS_OBJECT_PATH_SYNTAX_BAD);
    CheckName(L"\\??\\NoSuchDevice", STATUS_OBJECT_NAME_NOT_FOUND);
}

static void CheckConsole(void)
{
    static char Text[] = "a line that files.exe has written to the console itself\n";
    UNICODE_STRING Line = CONSTANT_STRING(L"a line that files.exe has put on the log\n");
    IO_STATUS_BLOCK Result = {0};
    HANDLE Console;

    CheckStatus(OpenNamed(&Console, CONSOLE_NAME, GENERIC_WRITE), STATUS_SUCCESS,
                "the console is opened");
    CheckStatus(NtWriteFile(Console, NULL, NULL, NULL, &Result, Text, sizeof Text - 1, NULL, NULL),
                STATUS_SUCCESS, "a line is written to it");
    Check(Result.Information == sizeof Text - 1, "as long as it is");
    NtClose(Console);
    CheckStatus(NtDisplayString(&Line), STATUS_SUCCESS, "a line is put on the log");
}

/* Values that are no handles here. */
static void CheckOddHandles(void)
{
    static const ULONG Odd[] = {0,          1,          2,          3,          0x7FFFFFFC,
                                0x80000004, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFD, 0x10000};
    ULONG i, Good = 0;

    for (i = 0; i < ARRAYSIZE(Odd); i++) {
        HANDLE Handle = (HANDLE)(ULONG_PTR)Odd[i];
        Good += NtClose(Handle) == STATUS_INVALID_HANDLE &&
                NtSetEvent(Handle, NULL) == STATUS_INVALID_HANDLE;
    }
    Check(Good == ARRAYSIZE(Odd), "%lu of %u odd values are no handles", Good,
          (unsigned)ARRAYSIZE(Odd));
}

static void CheckHandles(void)
{
    IO_STATUS_BLOCK Result;
    HANDLE Event, File;
    UCHAR Byte;

    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    OpenNamed(&File, FILE_NAME, GENERIC_READ);
    CheckStatus(NtSetEvent(File, NULL), STATUS_OBJECT_TYPE_MISMATCH, "a file is not an event");
    CheckStatus(NtReadFile(Event, NULL, NULL, NULL, &Result, &Byte, 1, NULL, NULL),
                STATUS_OBJECT_TYPE_MISMATCH, "an event is not a file");
    CheckStatus(NtTerminateProcess(Event, 1), STATUS_OBJECT_TYPE_MISMATCH, "nor a process");
    CheckStatus(NtSetEvent(NtCurrentProcess(), NULL), STATUS_OBJECT_TYPE_MISMATCH,
                "a process is not an event");
    CheckStatus(NtClose(Event), STATUS_SUCCESS, "a handle is closed");
    CheckStatus(NtClose(Event), STATUS_INVALID_HANDLE, "it cannot be closed twice");
    CheckStatus(NtSetEvent(Event, NULL), STATUS_INVALID_HANDLE, "nor used any more");
    NtClose(File);
    CheckOddHandles();
}

static void CheckEvents(void)
{
    HANDLE Event;
    LONG Previous = -1;

    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    CheckStatus(WaitForProgram(Event, SHORT_ENOUGH), STATUS_TIMEOUT, "a wait times out");
    NtSetEvent(Event, &Previous);
    Check(Previous == 0, "an event is set; it was not before");
    CheckStatus(WaitForProgram(Event, 0), STATUS_SUCCESS, "a wait succeeds");
    CheckStatus(WaitForProgram(Event, 0), STATUS_SUCCESS, "and again: a notification event stays");
    NtResetEvent(Event, &Previous);
    Check(Previous == 1, "it is reset; it was set before");
    CheckStatus(WaitForProgram(Event, 0), STATUS_TIMEOUT, "then a wait times out again");
    NtClose(Event);
    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, SynchronizationEvent, TRUE);
    CheckStatus(WaitForProgram(Event, 0), STATUS_SUCCESS, "a synchronization event is waited for");
    CheckStatus(WaitForProgram(Event, 0), STATUS_TIMEOUT, "the wait has reset it");
    NtClose(Event);
}

/* Creates or opens the event with that 8-bit name. */
static NTSTATUS NamedEvent(HANDLE *Event, const char *Text, BOOLEAN Create)
{
    OBJECT_ATTRIBUTES Attributes;
    WCHAR Room[128] = {0};
    UNICODE_STRING Name;

    *Event = NULL;
    _snwprintf(Room, ARRAYSIZE(Room) - 1, L"%S", Text);
    RtlInitUnicodeString(&Name, Room);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    if (Create)
        return NtCreateEvent(Event, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, FALSE);
    return NtOpenEvent(Event, EVENT_ALL_ACCESS, &Attributes);
}

static int SignalNamed(const char *Name)
{
    HANDLE Event;

    if (!NT_SUCCESS(NamedEvent(&Event, Name, FALSE)))
        return 1;
    return NT_SUCCESS(NtSetEvent(Event, NULL)) ? 0 : 2;
}

static void CheckNamedEvents(void)
{
    HANDLE Event, Second;

    CheckStatus(NamedEvent(&Event, EVENT_NAME, FALSE), STATUS_OBJECT_NAME_NOT_FOUND,
                "an event that is not there is not opened");
    CheckStatus(NamedEvent(&Event, EVENT_NAME, TRUE), STATUS_SUCCESS, "it is created");
    CheckStatus(NamedEvent(&Second, EVENT_NAME, TRUE), STATUS_OBJECT_NAME_COLLISION,
                "its name is taken then");
    CheckStatus(RunProgram("files.exe", "files.exe signal " EVENT_NAME), 0,
                "another process signals it");
    CheckStatus(WaitForProgram(Event, LONG_ENOUGH), STATUS_SUCCESS, "that is seen here");
    NtClose(Event);
    CheckStatus(NamedEvent(&Event, EVENT_NAME, FALSE), STATUS_OBJECT_NAME_NOT_FOUND,
                "with its last handle the name is gone");
}

/* A wait takes as long as it says, to within the clock's ticks. */
static void CheckTime(void)
{
    LARGE_INTEGER Before, After;
    LONGLONG Passed;

    NtQuerySystemTime(&Before);
    SleepMilliseconds(100);
    NtQuerySystemTime(&After);
    Passed = (After.QuadPart - Before.QuadPart) / 10000;
    Check(Passed >= 85, "100 ms of sleep have taken %I64d ms", Passed);
}

int main(int argc, char **argv)
{
    USAGE Before;

    if (argc > 2 && strcmp(argv[1], "signal") == 0)
        return SignalNamed(argv[2]);
    CheckNames();
    QuerySteadyUsage(&Before);
    CheckReading();
    CheckPosition();
    CheckNames();
    CheckConsole();
    CheckHandles();
    CheckEvents();
    CheckNamedEvents();
    CheckTime();
    CheckUsage(&Before, "all of this");
    return CheckSummary("files");
}
