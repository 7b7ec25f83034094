/*
 * bench.exe: what services, faults and switches cost a program, in guest instructions
 * (tests/bench/bench.h). `make bench` runs it with its driver, benchk.sys.
 */
#include "program.h"

#include "../bench/bench.h"

#define PAGES 2048 /* for faults: more than all batches touch */

static HANDLE Ping, Pong;
static volatile ULONG Stop;

static void NullService(void *Context)
{
    (void)Context;
    NtYieldExecution();
}

static void AllocateAndFree(void *Context)
{
    PVOID Base = NULL;
    SIZE_T Size = 4096;

    (void)Context;
    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_RESERVE | MEM_COMMIT,
                            PAGE_READWRITE);
    Size = 0;
    NtFreeVirtualMemory(NtCurrentProcess(), &Base, &Size, MEM_RELEASE);
}

static void TouchNext(void *Context)
{
    volatile char **Next = Context;

    **Next = 1;
    *Next += 4096;
}

static void PingPong(void *Context)
{
    (void)Context;
    NtSetEvent(Ping, NULL);
    NtWaitForSingleObject(Pong, FALSE, NULL);
}

static void RunProgramOnce(void *Context)
{
    HANDLE Process;

    (void)Context;
    if (NT_SUCCESS(StartProgram("bench.exe", "bench.exe nothing", &Process))) {
        NtWaitForSingleObject(Process, FALSE, NULL);
        NtClose(Process);
    }
}

static void Report(const char *Name, BENCH_OPERATION *Operation, void *Context, ULONG Divisor)
{
    printf("bench: %-44s %8lu\n", Name, BenchMeasure(Operation, Context) / Divisor);
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
    OpenEvents();
    Report("null service (yield, nobody is ready)", NullService, NULL, 1);
    Report("a page of memory, allocate and free", AllocateAndFree, NULL, 1);
    Faults();
    WithPartner("bench.exe yield", "yield to another process", NullService);
    WithPartner("bench.exe answer", "signal wakes another process and switches", PingPong);
    Report("process created, ended, waited for", RunProgramOnce, NULL, 1);
    return 0;
}
