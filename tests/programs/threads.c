/*
 * Shows what threads share and what they do not. Threads of one process share its memory, so a
 * switch between them need not load CR3; threads of two processes do not, so it must. Each has a
 * stack and an environment block of its own.
 *
 *      threads.exe                 all checks
 *      threads.exe partner N       what it starts itself: the other side of N turns
 *      threads.exe last            what it starts itself: ends with its second thread's status
 *      threads.exe twice           the same, but another thread ends that one, twice
 */
#include "check.h"

#define THREADS     8
#define TURNS       1000
#define LAST_STATUS 42
#define FEW(Turns)  ((Turns) / 10) /* of other causes: the clock, the system's own threads */

#define PING_NAME L"\\BaseNamedObjects\\threads-ping"
#define PONG_NAME L"\\BaseNamedObjects\\threads-pong"

static HANDLE Ping, Pong;
static ULONG Processors;
static volatile LONG Arrived;
static volatile ULONG Counters[THREADS];
static PVOID volatile Stacks[THREADS];
static PVOID volatile Blocks[THREADS];
static volatile ULONG TurnsTaken;

static ULONG CountProcessors(void)
{
    SYSTEM_BASIC_INFORMATION Basic = {0};

    NtQuerySystemInformation(SystemBasicInformation, &Basic, sizeof Basic, NULL);
    return (ULONG)Basic.NumberOfProcessors;
}

static void WaitAndClose(HANDLE Object)
{
    NtWaitForSingleObject(Object, FALSE, NULL);
    NtClose(Object);
}

static HANDLE NamedEvent(PCWSTR Text)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name;
    HANDLE Event = NULL;

    RtlInitUnicodeString(&Name, Text);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_OPENIF, NULL, NULL);
    NtCreateEvent(&Event, EVENT_ALL_ACCESS, &Attributes, SynchronizationEvent, FALSE);
    return Event;
}

static VOID NTAPI CountAndShow(PVOID Argument)
{
    ULONG Me = (ULONG)(ULONG_PTR)Argument, i;
    UCHAR OnMyStack;

    Stacks[Me] = &OnMyStack;
    Blocks[Me] = NtCurrentTeb();
    InterlockedIncrement(&Arrived);
    while (Arrived < THREADS) /* all are there at the same time, none in another one's place */
        NtYieldExecution();
    for (i = 0; i < 100000; i++)
        Counters[Me]++;
}

static BOOLEAN AllDiffer(PVOID volatile *Pointers)
{
    ULONG i, j;

    for (i = 0; i < THREADS; i++) {
        for (j = 0; j < i; j++) {
            if (Pointers[i] == Pointers[j])
                return FALSE;
        }
    }
    return TRUE;
}

static void CheckSharedMemory(void)
{
    HANDLE Threads[THREADS];
    ULONG i, Good = 0;

    for (i = 0; i < THREADS; i++)
        Threads[i] = StartThread(CountAndShow, (PVOID)(ULONG_PTR)i);
    for (i = 0; i < THREADS; i++) {
        WaitAndClose(Threads[i]);
        Good += Counters[i] == 100000;
    }
    Check(Good == THREADS, "what %u threads have written is seen by the first", THREADS);
    Check(AllDiffer(Stacks), "each has a stack of its own");
    Check(AllDiffer(Blocks), "each has an environment block of its own");
}

/* One side of a game in which each waits for the other: a thread switch for every turn. */
static void TakeTurns(HANDLE Mine, HANDLE Yours, ULONG Turns)
{
    while (Turns-- > 0) {
        NtWaitForSingleObject(Mine, FALSE, NULL);
        TurnsTaken++;
        NtSetEvent(Yours, NULL);
    }
}

static VOID NTAPI Partner(PVOID Argument)
{
    TakeTurns(Pong, Ping, (ULONG)(ULONG_PTR)Argument);
}

/* How the kernel's counters have grown while the game was played. */
static void PlayGame(SYSTEM_UPPERHALF_INFORMATION *Growth)
{
    SYSTEM_UPPERHALF_INFORMATION After;

    QueryCounters(Growth);
    NtSetEvent(Ping, NULL);
    TakeTurns(Ping, Pong, TURNS);
    QueryCounters(&After);
    Growth->ThreadSwitches = After.ThreadSwitches - Growth->ThreadSwitches;
    Growth->AddressSpaceSwitches = After.AddressSpaceSwitches - Growth->AddressSpaceSwitches;
}

static void CheckSwitchesWithin(void)
{
    SYSTEM_UPPERHALF_INFORMATION Growth;
    HANDLE Thread = StartThread(Partner, (PVOID)TURNS);

    TurnsTaken = 0;
    PlayGame(&Growth);
    WaitAndClose(Thread);
    Check(TurnsTaken == 2 * TURNS, "two threads have taken %u turns each", TURNS);
    Check(Growth.ThreadSwitches >= 2 * TURNS - 2, "with %lu thread switches",
          Growth.ThreadSwitches);
    if (Processors == 1) /* else each waits on its own, and the processor idles in between */
        Check(Growth.AddressSpaceSwitches <= FEW(TURNS), "and %lu loads of CR3, for they share it",
              Growth.AddressSpaceSwitches);
}

static void CheckSwitchesBetween(void)
{
    SYSTEM_UPPERHALF_INFORMATION Growth;
    char CommandLine[40];
    HANDLE Process;

    _snprintf(CommandLine, sizeof CommandLine, "threads.exe partner %u", TURNS);
    if (!CheckStatus(StartProgram("threads.exe", CommandLine, &Process), STATUS_SUCCESS,
                     "a second process is started"))
        return;
    PlayGame(&Growth);
    WaitForProgram(Process, INFINITE);
    CheckStatus(ExitStatusOf(Process), 0, "two processes have taken turns");
    NtClose(Process);
    Check(Growth.AddressSpaceSwitches >= (Processors == 1 ? 2 * TURNS - 2 : TURNS),
          "with %lu thread switches and %lu loads of CR3, for each has its own",
          Growth.ThreadSwitches, Growth.AddressSpaceSwitches);
}

static volatile BOOLEAN LimitKept;

/* Touches the page below another thread's stack, which makes that grow, and not its own. */
static VOID NTAPI TouchGuardPage(PVOID Argument)
{
    NT_TIB *Mine = &NtCurrentTeb()->NtTib;
    PVOID Before = Mine->StackLimit;

    *(volatile UCHAR *)((PUCHAR)Argument - 1) = 0;
    LimitKept = Mine->StackLimit == Before;
}

static void CheckStackLimits(void)
{
    WaitAndClose(StartThread(TouchGuardPage, NtCurrentTeb()->NtTib.StackLimit));
    Check(LimitKept, "a thread that makes another one's stack grow keeps its own limit");
}

static VOID NTAPI SleepForEver(PVOID Argument)
{
    UNREFERENCED_PARAMETER(Argument);
    for (;;)
        SleepMilliseconds(10000);
}

static VOID NTAPI Spin(PVOID Argument)
{
    for (;;)
        (*(volatile ULONG *)Argument)++;
}

/* A thread is told to end by another one; the handle is signalled when it has. */
static void CheckTermination(VOID(NTAPI *Routine)(PVOID), const char *What)
{
    static ULONG Counter;
    HANDLE Thread = StartThread(Routine, &Counter);

    SleepMilliseconds(20);
    CheckStatus(NtTerminateThread(Thread, STATUS_SUCCESS), STATUS_SUCCESS, What);
    CheckStatus(WaitForProgram(Thread, 5000), STATUS_SUCCESS, "... and has ended");
    NtClose(Thread);
}

static VOID NTAPI EndLast(PVOID Argument)
{
    SleepMilliseconds(50);
    RtlExitUserThread((NTSTATUS)(ULONG_PTR)Argument);
}

static int EndBeforeLast(void)
{
    StartThread(EndLast, (PVOID)LAST_STATUS);
    RtlExitUserThread(1);
}

/* What ends a thread counts, not what comes when it is ending already. It may have ended before
 * the second, though: then this thread is the last. */
static int EndTwice(void)
{
    HANDLE Thread = StartThread(SleepForEver, NULL);

    NtTerminateThread(Thread, LAST_STATUS);
    NtTerminateThread(Thread, LAST_STATUS + 1);
    RtlExitUserThread(LAST_STATUS);
}

int main(int argc, char **argv)
{
    Ping = NamedEvent(PING_NAME);
    Pong = NamedEvent(PONG_NAME);
    if (argc > 2 && strcmp(argv[1], "partner") == 0) {
        TakeTurns(Pong, Ping, ParseNumber(argv[2]));
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "last") == 0)
        return EndBeforeLast();
    if (argc > 1 && strcmp(argv[1], "twice") == 0)
        return EndTwice();
    Processors = CountProcessors();
    CheckSharedMemory();
    CheckSwitchesWithin();
    NtResetEvent(Ping, NULL);
    CheckSwitchesBetween();
    CheckStackLimits();
    CheckTermination(SleepForEver, "a thread that waits is told to end");
    CheckTermination(Spin, "a thread that computes is told to end");
    CheckStatus(RunProgram("threads.exe", "threads.exe last"), LAST_STATUS,
                "a process ends with the status of its last thread");
    CheckStatus(RunProgram("threads.exe", "threads.exe twice"), LAST_STATUS,
                "a thread ends with the status that it was ended with first");
    return CheckSummary("threads");
}
