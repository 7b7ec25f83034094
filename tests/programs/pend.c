/*
 * Requests that are not waited for, as programs see them; with pend.sys loaded. A read there waits
 * until a control code completes it.
 *
 *      pend.exe            all checks, and nothing is left in use
 *      pend.exe test       what it starts itself: all checks
 *      pend.exe leave      what it starts itself: ends with two reads pending, in two threads
 */
#include "check.h"

#define COMPLETE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define LENGTH   16

static const UNICODE_STRING Names[] = {CONSTANT_STRING(L"\\Device\\Pend"),
                                       CONSTANT_STRING(L"\\Device\\PendDirect")};
static HANDLE Controller; /* synchronous: for the control code */
static char Buffer[2 * PAGE_SIZE];

static HANDLE Open(ULONG Device, ULONG Options)
{
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    HANDLE File = NULL;

    InitializeObjectAttributes(&Attributes, (PUNICODE_STRING)&Names[Device], OBJ_CASE_INSENSITIVE,
                               NULL, NULL);
    CheckStatus(NtOpenFile(&File, GENERIC_READ | SYNCHRONIZE, &Attributes, &Result, 0, Options),
                STATUS_SUCCESS, "the device is opened");
    return File;
}

static NTSTATUS CompleteOne(NTSTATUS Status)
{
    IO_STATUS_BLOCK Result;

    return NtDeviceIoControlFile(Controller, NULL, NULL, NULL, &Result, COMPLETE, &Status,
                                 sizeof Status, NULL, 0);
}

static BOOLEAN IsSignalled(HANDLE Object)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};

    return NtWaitForSingleObject(Object, FALSE, &Zero) == STATUS_SUCCESS;
}

static BOOLEAN IsFilled(const char *Text, ULONG Length)
{
    while (Length > 0 && Text[Length - 1] == 'x')
        Length--;
    return Length == 0;
}

static NTSTATUS Read(HANDLE File, HANDLE Event, PIO_APC_ROUTINE Routine, PVOID Context,
                     PIO_STATUS_BLOCK Result, PVOID To, ULONG Length)
{
    LARGE_INTEGER Offset = {.QuadPart = 0};

    memset(To, 0, Length);
    Result->Status = STATUS_PENDING;
    return NtReadFile(File, Event, Routine, Context, Result, To, Length, &Offset, NULL);
}

static void TestEvent(ULONG Device)
{
    HANDLE File = Open(Device, 0), Event;
    IO_STATUS_BLOCK Result;

    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE);
    CheckStatus(Read(File, Event, NULL, NULL, &Result, Buffer, LENGTH), STATUS_PENDING,
                "a read returns before it is done");
    Check(!IsSignalled(Event), "its event is cleared");
    CheckStatus(CompleteOne(STATUS_SUCCESS), STATUS_SUCCESS, "it is completed");
    Check(IsSignalled(Event), "its event is set");
    Check(Result.Status == STATUS_SUCCESS && Result.Information == LENGTH, "with its result");
    Check(IsFilled(Buffer, LENGTH), "and the data is there");
    Read(File, Event, NULL, NULL, &Result, Buffer, LENGTH);
    CompleteOne(STATUS_DEVICE_DATA_ERROR);
    Check(IsSignalled(Event) && Result.Status == STATUS_DEVICE_DATA_ERROR,
          "an error after pending is told in the same way");
    Read(File, NULL, NULL, NULL, &Result, Buffer, LENGTH);
    Check(!IsSignalled(File), "without an event the file itself is not signalled");
    CompleteOne(STATUS_SUCCESS);
    Check(IsSignalled(File), "until the read is done");
    NtClose(Event);
    NtClose(File);
}

static ULONG Called;
static PIO_STATUS_BLOCK CalledWith;

static VOID NTAPI Routine(PVOID Context, PIO_STATUS_BLOCK Result, ULONG Reserved)
{
    Called += (ULONG)(ULONG_PTR)Context + Reserved;
    CalledWith = Result;
}

static void TestApc(void)
{
    LARGE_INTEGER Long = {.QuadPart = -600000000LL};
    HANDLE File = Open(0, 0);
    IO_STATUS_BLOCK Result;

    CheckStatus(Read(File, NULL, Routine, (PVOID)3, &Result, Buffer, LENGTH), STATUS_PENDING,
                "a read with an APC routine");
    CompleteOne(STATUS_SUCCESS);
    Check(Called == 0, "which does not run at once");
    CheckStatus(NtDelayExecution(TRUE, &Long), STATUS_USER_APC, "but in an alertable wait");
    Check(Called == 3 && CalledWith == &Result, "with context and status block");
    NtClose(File);
}

static void TestCancel(void)
{
    HANDLE File = Open(0, 0), Other = Open(0, 0), Event;
    IO_STATUS_BLOCK Results[2], Cancelled;

    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    Read(File, NULL, NULL, NULL, &Results[0], Buffer, LENGTH);
    Read(Other, Event, NULL, NULL, &Results[1], Buffer + LENGTH, LENGTH);
    CheckStatus(NtCancelIoFile(File, &Cancelled), STATUS_SUCCESS,
                "a file's requests are cancelled");
    Check(Results[0].Status == STATUS_CANCELLED, "that one is");
    Check(Results[1].Status == STATUS_PENDING, "another file's is not");
    CheckStatus(NtCancelIoFile((HANDLE)0x7770, &Cancelled), STATUS_INVALID_HANDLE,
                "a handle that is none");
    NtClose(Other);
    Check(IsSignalled(Event) && Results[1].Status == STATUS_CANCELLED,
          "closing a file lets its driver end the request");
    NtClose(Event);
    NtClose(File);
}

/* Data that comes when the buffer is gone harms nobody. */
static void TestLostBuffer(void)
{
    HANDLE Files[] = {Open(0, 0), Open(1, 0)};
    IO_STATUS_BLOCK Result;
    ULONG i;

    for (i = 0; i < 2; i++) {
        SIZE_T Size = PAGE_SIZE, Whole = 0;
        PVOID Page = NULL;
        NtAllocateVirtualMemory(NtCurrentProcess(), &Page, 0, &Size, MEM_RESERVE | MEM_COMMIT,
                                PAGE_READWRITE);
        Read(Files[i], NULL, NULL, NULL, &Result, Page, LENGTH);
        NtFreeVirtualMemory(NtCurrentProcess(), &Page, &Whole, MEM_RELEASE);
        CheckStatus(CompleteOne(STATUS_SUCCESS), STATUS_SUCCESS, "completed, the buffer is freed");
        CheckStatus(Result.Status, i ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION,
                    i ? "a locked buffer still was there" : "a buffered transfer finds none");
        NtClose(Files[i]);
    }
}

static void TestBadBuffers(void)
{
    HANDLE Direct = Open(1, 0), Buffered = Open(0, 0);
    SIZE_T Size = PAGE_SIZE;
    PVOID Page = NULL;
    IO_STATUS_BLOCK Result;
    LARGE_INTEGER Offset = {.QuadPart = 0};
    HANDLE Files[] = {Buffered, Direct};
    ULONG i;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Page, 0, &Size, MEM_RESERVE | MEM_COMMIT,
                            PAGE_READONLY);
    for (i = 0; i < 2; i++) {
        CheckStatus(NtReadFile(Files[i], NULL, NULL, NULL, &Result, Page, LENGTH, &Offset, NULL),
                    STATUS_ACCESS_VIOLATION, "a read into a page that cannot be written");
        CheckStatus(NtReadFile(Files[i], NULL, NULL, NULL, &Result, (PVOID)0x80000000, LENGTH,
                               &Offset, NULL),
                    STATUS_ACCESS_VIOLATION, "a read into the kernel");
        CheckStatus(
            NtReadFile(Files[i], NULL, NULL, NULL, &Result, (PVOID)0x10, 0xFFFFFFF0, &Offset, NULL),
            i ? STATUS_INSUFFICIENT_RESOURCES : STATUS_ACCESS_VIOLATION,
            "a read of nearly everything");
        CheckStatus(NtReadFile(Files[i], NULL, NULL, NULL, (PIO_STATUS_BLOCK)0x80000000, Buffer,
                               LENGTH, &Offset, NULL),
                    STATUS_ACCESS_VIOLATION, "a status block in the kernel");
        NtClose(Files[i]);
    }
}

static VOID NTAPI LeaveRead(PVOID File)
{
    static IO_STATUS_BLOCK Result;

    Read(File, NULL, NULL, NULL, &Result, Buffer + PAGE_SIZE, LENGTH);
}

/* A thread that ends takes its requests along; so does a process. */
static void TestThreadEnd(void)
{
    HANDLE File = Open(1, 0), Thread = StartThread(LeaveRead, File);

    NtWaitForSingleObject(Thread, FALSE, NULL);
    NtClose(Thread);
    CheckStatus(CompleteOne(STATUS_SUCCESS), STATUS_NO_MORE_ENTRIES,
                "an ended thread has left no request");
    NtClose(File);
}

static int Leave(void)
{
    HANDLE File = Open(1, 0), Sync = Open(0, FILE_SYNCHRONOUS_IO_NONALERT);
    IO_STATUS_BLOCK Result;

    StartThread(LeaveRead, Sync);
    return Read(File, NULL, NULL, NULL, &Result, Buffer, LENGTH) == STATUS_PENDING ? 7 : 1;
}

static void TestProcessEnd(void)
{
    CheckStatus(RunProgram("pend.exe", "pend.exe leave"), 7,
                "a process ends with requests pending");
    CheckStatus(CompleteOne(STATUS_SUCCESS), STATUS_NO_MORE_ENTRIES, "it has left none");
}

static int Test(void)
{
    UNICODE_STRING Service =
        CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\pend");

    CheckStatus(NtLoadDriver(&Service), STATUS_SUCCESS, "the driver is loaded");
    Controller = Open(0, FILE_SYNCHRONOUS_IO_NONALERT);
    TestEvent(0);
    TestEvent(1);
    TestApc();
    TestCancel();
    TestLostBuffer();
    TestBadBuffers();
    TestThreadEnd();
    TestProcessEnd();
    NtClose(Controller);
    CheckStatus(NtUnloadDriver(&Service), STATUS_SUCCESS, "the driver is unloaded");
    return CheckSummary("pend test");
}

int main(int argc, char **argv)
{
    USAGE Before;

    if (argc > 1)
        return strcmp(argv[1], "test") == 0 ? Test() : Leave();
    QuerySteadyUsage(&Before);
    CheckStatus(RunProgram("pend.exe", "pend.exe test"), 0, "all tests pass");
    CheckUsage(&Before, "all of it");
    return CheckSummary("pend");
}
