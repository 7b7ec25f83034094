/*
 * A game of 64 threads in 8 processes (tests/drivers/stress.c): starts the processes, waits for
 * them, and compares what was counted on both sides of everything.
 *
 *      stress.exe [SEED] [SECONDS]
 *      stress.exe player N SEED SECONDS    what it starts itself: process N
 */
#include "check.h"
#include "../drivers/stress.h"

#define DEFAULT_SEED    1
#define DEFAULT_SECONDS 5

static ULONG Seed, Seconds;

static HANDLE OpenDevice(void)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name = CONSTANT_STRING(STRESS_DEVICE_NAME);
    IO_STATUS_BLOCK Status;
    HANDLE Device = NULL;

    InitializeObjectAttributes(&Attributes, &Name, 0, NULL, NULL);
    NtOpenFile(&Device, FILE_GENERIC_READ, &Attributes, &Status, 0, 0);
    return Device;
}

/* Each thread has a file of its own: requests to one file come one after the other. */
static VOID NTAPI PlayAs(PVOID Argument)
{
    STRESS_PLAY Play = {(ULONG)(ULONG_PTR)Argument, Seed, Seconds * 1000};
    HANDLE Device = OpenDevice();
    IO_STATUS_BLOCK Status;

    NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Status, IOCTL_STRESS_PLAY, &Play, sizeof Play,
                          NULL, 0);
    NtClose(Device);
}

static int RunPlayers(ULONG Process)
{
    PVOID Stamp = (PVOID)STAMP_ADDRESS;
    SIZE_T Bytes = PAGE_SIZE;
    HANDLE Threads[PLAYERS_OF_EACH];
    ULONG i;

    if (!NT_SUCCESS(NtAllocateVirtualMemory(NtCurrentProcess(), &Stamp, 0, &Bytes,
                                            MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)))
        return 1;
    *(ULONG *)Stamp = STAMP_OF(Process);
    for (i = 1; i < PLAYERS_OF_EACH; i++)
        Threads[i] = StartThread(PlayAs, (PVOID)(Process * PLAYERS_OF_EACH + i));
    PlayAs((PVOID)(Process * PLAYERS_OF_EACH));
    for (i = 1; i < PLAYERS_OF_EACH; i++)
        NtWaitForSingleObject(Threads[i], FALSE, NULL);
    return 0;
}

static void RunGame(STRESS_RESULT *Result)
{
    HANDLE Processes[PROCESSES], Device;
    IO_STATUS_BLOCK Status;
    char Line[80];
    ULONG i;

    for (i = 0; i < PROCESSES; i++) {
        _snprintf(Line, sizeof Line, "stress.exe player %lu %lu %lu", i, Seed, Seconds);
        StartProgram("stress.exe", Line, &Processes[i]);
    }
    for (i = 0; i < PROCESSES; i++) {
        NtWaitForSingleObject(Processes[i], FALSE, NULL);
        NtClose(Processes[i]);
    }
    Device = OpenDevice();
    CheckStatus(NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Status, IOCTL_STRESS_RESULT, NULL,
                                      0, Result, sizeof *Result),
                STATUS_SUCCESS, "the result");
    NtClose(Device);
}

static void CheckPair(ULONG One, ULONG Other, const char *What)
{
    Check(One == Other && One > 0, "%s: %lu and %lu", What, One, Other);
}

static void CheckNone(ULONG Count, const char *What)
{
    Check(Count == 0, "%s: %lu", What, Count);
}

static void CheckResult(const STRESS_RESULT *Result)
{
    printf("stress: seed %lu, %lu s, %lu moves\n", Seed, Seconds, Result->Moves);
    CheckPair(Result->TokensSent, Result->TokensReceived, "tokens sent and received");
    CheckPair(Result->Additions, Result->Sum, "additions under locks, and their sum");
    CheckPair(Result->TimersSet, Result->TimersFiredOrCancelled,
              "timers set, and fired or cancelled");
    CheckPair(Result->DpcsQueued, Result->DpcsRunOrRemoved, "DPCs queued, and run or removed");
    CheckPair(Result->ApcsQueued, Result->ApcsRunOrRundown, "APCs queued, and run or run down");
    CheckPair(Result->ThreadsStarted, Result->ThreadsEnded, "threads started and ended");
    CheckNone(Result->LostWakeups, "lost wake-ups");
    CheckNone(Result->WrongStamps, "other processes' memory seen");
    CheckNone(Result->WrongProcessors, "times on a processor outside of the affinity");
    CheckNone(Result->WrongMemory, "pool blocks that somebody else has written to");
}

/* Loads the driver, which begins with all counts zero, plays, unloads it. */
static void PlayOnce(STRESS_RESULT *Result)
{
    UNICODE_STRING Service = CONSTANT_STRING(STRESS_SERVICE);

    CheckStatus(NtLoadDriver(&Service), STATUS_SUCCESS, "the driver is loaded");
    RunGame(Result);
    CheckStatus(NtUnloadDriver(&Service), STATUS_SUCCESS, "the driver is unloaded");
}

/* A short game before the real one: tables that grow with the number of handles do not shrink. */
static int RunGames(void)
{
    ULONG Wanted = Seconds;
    STRESS_RESULT Result = {0};
    USAGE Before;

    Seconds = 1;
    PlayOnce(&Result);
    QuerySteadyUsage(&Before);
    Seconds = Wanted;
    PlayOnce(&Result);
    CheckResult(&Result);
    CheckUsage(&Before, "the game");
    return CheckSummary("stress");
}

int main(int argc, char **argv)
{
    BOOLEAN Player = argc > 1 && !strcmp(argv[1], "player");
    int First = Player ? 3 : 1;

    Seed = argc > First ? ParseNumber(argv[First]) : DEFAULT_SEED;
    Seconds = argc > First + 1 ? ParseNumber(argv[First + 1]) : DEFAULT_SECONDS;
    if (Player)
        return RunPlayers(argc > 2 ? ParseNumber(argv[2]) : 0);
    return RunGames();
}
