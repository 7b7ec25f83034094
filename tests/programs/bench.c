/*
 * bench.exe: what services, faults and switches cost a program, in guest instructions
 * (tests/bench/bench.h). `make bench` runs it with its driver, benchk.sys.
 */
#include "program.h"

#include "../bench/bench.h"

#define PAGES 2048 /* for faults: more than all batches touch */

static HANDLE Ping, Pong;

static __attribute__((noinline)) void BenchMark(void)
{
    __asm__ volatile("");
}

static void NullService(unsigned long Count, void *Context)
{
    (void)Context;
    while (Count--)
        NtYieldExecution();
}

static void AllocateAndFree(unsigned long Count, void *Context)
{
    (void)Context;
    while (Count--) {
        PVOID Base = NULL;
        SIZE_T Size = 4096;
        NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_RESERVE | MEM_COMMIT,
                                PAGE_READWRITE);
        Size = 0;
        NtFreeVirtualMemory(NtCurrentProcess(), &Base, &Size, MEM_RELEASE);
    }
}

static void TouchNext(unsigned long Count, void *Context)
{
    volatile char **Next = Context;

    while (Count--) {
        **Next = 1;
        *Next += 4096;
    }
}

static void PingPong(unsigned long Count, void *Context)
{
    (void)Context;
    while (Count--) {
        NtSetEvent(Ping, NULL);
        NtWaitForSingleObject(Pong, FALSE, NULL);
    }
}

static void RunNothing(unsigned long Count, void *Context)
{
    HANDLE Process;

    (void)Context;
    while (Count-- && NT_SUCCESS(StartProgram("bench.exe", "bench.exe nothing", &Process))) {
        NtWaitForSingleObject(Process, FALSE, NULL);
        NtClose(Process);
    }
}

static void Report(const char *Name, BENCH_OPERATION *Operation, void *Context, ULONG Divisor)
{
    ULONG Value = BenchMeasure(Operation, Context) / Divisor;

    printf("bench: %-52s %8lu /%lu\n", Name, Value, Divisor);
}

/* Has the driver measure what it measures. */
static int RunDriver(void)
{
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    HANDLE Device;
    NTSTATUS Status;

    RtlInitUnicodeString(&Name, L"\\??\\Bench");
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    Status = NtOpenFile(&Device, FILE_READ_DATA | SYNCHRONIZE, &Attributes, &Result,
                        FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_NONALERT);
    if (NT_SUCCESS(Status)) {
        Status =
            NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Result, IOCTL_BENCH, NULL, 0, NULL, 0);
        NtClose(Device);
    }
    return NT_SUCCESS(Status);
}

static HANDLE NamedEvent(const WCHAR *Path)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name;
    HANDLE Event = NULL;

    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_OPENIF, NULL, NULL);
    NtCreateEvent(&Event, EVENT_ALL_ACCESS, &Attributes, SynchronizationEvent, FALSE);
    return Event;
}

static void OpenEvents(void)
{
    Ping = NamedEvent(L"\\BaseNamedObjects\\BenchPing");
    Pong = NamedEvent(L"\\BaseNamedObjects\\BenchPong");
}

/* Answers each ping, for ever: the parent ends this process. */
static DECLSPEC_NORETURN int Answer(void)
{
    OpenEvents();
    for (;;) {
        NtWaitForSingleObject(Ping, FALSE, NULL);
        NtSetEvent(Pong, NULL);
    }
}

static DECLSPEC_NORETURN int YieldForEver(void)
{
    for (;;)
        NtYieldExecution();
}

static void WithPartner(const char *Line, const char *Name, BENCH_OPERATION *Operation)
{
    HANDLE Partner;

    if (!NT_SUCCESS(StartProgram("bench.exe", Line, &Partner)))
        return;
    SleepMilliseconds(100);
    Report(Name, Operation, NULL, 2);
    NtTerminateProcess(Partner, STATUS_SUCCESS);
    NtWaitForSingleObject(Partner, FALSE, NULL);
    NtClose(Partner);
}

static void Faults(void)
{
    PVOID Base = NULL;
    SIZE_T Size = PAGES * 4096;
    volatile char *Next;

    if (!NT_SUCCESS(NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size,
                                            MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)))
        return;
    Next = Base;
    Report("demand-zero fault, page cleared", TouchNext, &Next, 1);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "nothing") == 0)
        return 0;
    if (argc > 1 && strcmp(argv[1], "answer") == 0)
        return Answer();
    if (argc > 1 && strcmp(argv[1], "yield") == 0)
        return YieldForEver();
    if (!RunDriver())
        return 1;
    OpenEvents();
    Report("nothing, in user mode", BenchNothing, NULL, 1);
    Report("null service (yield, nobody is ready)", NullService, NULL, 1);
    Report("a page of memory, allocate and free", AllocateAndFree, NULL, 1);
    Faults();
    WithPartner("bench.exe yield", "yield to another program, one way", NullService);
    WithPartner("bench.exe answer", "event set to its waiter running, another program", PingPong);
    Report("process created, ended, waited for", RunNothing, NULL, 1);
    return 0;
}
