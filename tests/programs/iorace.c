/*
 * Opens, reads, cancels, closes, loads and unloads, all at random moments in several processes and
 * threads; with pend.sys, which counts on its side. Every read that was begun must end, with one
 * of the results that it may have.
 *
 *      iorace.exe SEED SECONDS             the race
 *      iorace.exe run SEED SECONDS         what it starts itself: one process of the racers
 */
#include "check.h"

#define COMPLETE    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define START_CLOCK CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define PROCESSES   3
#define THREADS     4
#define READS       4
#define LENGTH      32

static UNICODE_STRING Service =
    CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\pend");
static const UNICODE_STRING Names[] = {CONSTANT_STRING(L"\\Device\\Pend"),
                                       CONSTANT_STRING(L"\\Device\\PendDirect")};

/* A thread's part: it keeps the memory of its reads, which may end late. */
typedef struct _RACER {
    ULONG Seed;
    HANDLE Thread, Event;
    ULONG Begun, Succeeded, Cancelled, Wrong;
    IO_STATUS_BLOCK Results[READS];
    char Buffers[READS][LENGTH];
} RACER;

static RACER Racers[THREADS];
static LARGE_INTEGER End;

static ULONG Random(RACER *Racer, ULONG Limit)
{
    return RtlRandomEx(&Racer->Seed) % Limit;
}

static BOOLEAN IsOver(void)
{
    LARGE_INTEGER Now;

    NtQuerySystemTime(&Now);
    return Now.QuadPart >= End.QuadPart;
}

static HANDLE Open(RACER *Racer)
{
    ULONG Options = Random(Racer, 4) ? 0 : FILE_SYNCHRONOUS_IO_NONALERT;
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    HANDLE File = NULL;

    InitializeObjectAttributes(&Attributes, (PUNICODE_STRING)&Names[Random(Racer, 2)],
                               OBJ_CASE_INSENSITIVE, NULL, NULL);
    if (!NT_SUCCESS(
            NtOpenFile(&File, GENERIC_READ | SYNCHRONIZE, &Attributes, &Result, 0, Options)))
        SleepMilliseconds(1); /* the driver is just being unloaded */
    return File;
}

static VOID NTAPI Routine(PVOID Context, PIO_STATUS_BLOCK Result, ULONG Reserved)
{
    (void)Context;
    (void)Result;
    (void)Reserved;
}

static void Begin(RACER *Racer, HANDLE File, ULONG Number)
{
    LARGE_INTEGER Offset = {.QuadPart = 0};
    IO_STATUS_BLOCK *Result = &Racer->Results[Number];
    NTSTATUS Status;

    Result->Status = STATUS_PENDING;
    memset(Racer->Buffers[Number], 0, LENGTH);
    Racer->Begun++;
    Status =
        NtReadFile(File, Random(Racer, 2) ? Racer->Event : NULL, Random(Racer, 2) ? Routine : NULL,
                   NULL, Result, Racer->Buffers[Number], LENGTH, &Offset, NULL);
    if (Status != STATUS_PENDING && Status != STATUS_SUCCESS && Status != STATUS_CANCELLED)
        Racer->Wrong++;
}

static void Do(RACER *Racer, HANDLE File)
{
    NTSTATUS Success = STATUS_SUCCESS;
    IO_STATUS_BLOCK Result;

    switch (Random(Racer, 4)) {
    case 0:
        NtCancelIoFile(File, &Result);
        break;
    case 1:
        NtDeviceIoControlFile(File, NULL, NULL, NULL, &Result, COMPLETE, &Success, sizeof Success,
                              NULL, 0);
        break;
    case 2:
        SleepMilliseconds(Random(Racer, 3));
        break;
    }
}

/* A read that has ended. */
static void Judge(RACER *Racer, ULONG Number)
{
    const IO_STATUS_BLOCK *Result = &Racer->Results[Number];

    if (Result->Status == STATUS_SUCCESS && Result->Information == LENGTH &&
        Racer->Buffers[Number][0] == 'x' && Racer->Buffers[Number][LENGTH - 1] == 'x')
        Racer->Succeeded++;
    else if (Result->Status == STATUS_CANCELLED)
        Racer->Cancelled++;
    else
        Racer->Wrong++;
}

/* One file: its reads are over when it is closed, for its driver ends them at the cleanup. */
static void RaceOnce(RACER *Racer)
{
    HANDLE File = Open(Racer);
    IO_STATUS_BLOCK Result;
    ULONG i, Count = 1 + Random(Racer, READS);

    if (File == NULL)
        return;
    NtDeviceIoControlFile(File, NULL, NULL, NULL, &Result, START_CLOCK, NULL, 0, NULL, 0);
    for (i = 0; i < Count; i++) {
        Begin(Racer, File, i);
        Do(Racer, File);
    }
    NtClose(File);
    for (i = 0; i < Count; i++) {
        while (*(volatile NTSTATUS *)&Racer->Results[i].Status == STATUS_PENDING)
            SleepMilliseconds(1);
        Judge(Racer, i);
    }
}

static VOID NTAPI Race(PVOID Parameter)
{
    RACER *Racer = Parameter;

    while (!IsOver())
        RaceOnce(Racer);
}

static void SetEnd(ULONG Seconds)
{
    NtQuerySystemTime(&End);
    End.QuadPart += Seconds * 10000000LL;
}

static int RunRacers(ULONG Seed, ULONG Seconds)
{
    ULONG i, Wrong = 0, Succeeded = 0, Cancelled = 0, Begun = 0;

    SetEnd(Seconds);
    for (i = 0; i < THREADS; i++) {
        Racers[i].Seed = Seed + i;
        NtCreateEvent(&Racers[i].Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
        Racers[i].Thread = StartThread(Race, &Racers[i]);
    }
    for (i = 0; i < THREADS; i++) {
        NtWaitForSingleObject(Racers[i].Thread, FALSE, NULL);
        Begun += Racers[i].Begun;
        Succeeded += Racers[i].Succeeded;
        Cancelled += Racers[i].Cancelled;
        Wrong += Racers[i].Wrong;
    }
    Check(Wrong == 0 && Begun == Succeeded + Cancelled,
          "%lu reads: %lu succeeded, %lu were cancelled, %lu went wrong", Begun, Succeeded,
          Cancelled, Wrong);
    Check(Succeeded > 0 && Cancelled > 0, "some of each");
    return CheckSummary("racers");
}

/* Loads and unloads the driver under the racers. */
static void LoadAndUnload(void)
{
    ULONG Loads = 0;

    while (!IsOver()) {
        if (NtLoadDriver(&Service) == STATUS_SUCCESS)
            Loads++;
        SleepMilliseconds(200);
        NtUnloadDriver(&Service);
        SleepMilliseconds(5);
    }
    Check(Loads > 1, "the driver was loaded %lu times", Loads);
}

int main(int argc, char **argv)
{
    ULONG Seed, Seconds, i;
    HANDLE Processes[PROCESSES];
    char Line[64];
    USAGE Before;

    if (argc > 3)
        return RunRacers(ParseNumber(argv[2]), ParseNumber(argv[3]));
    Seed = argc > 1 ? ParseNumber(argv[1]) : 1;
    Seconds = argc > 2 ? ParseNumber(argv[2]) : 5;
    QuerySteadyUsage(&Before);
    SetEnd(Seconds);
    for (i = 0; i < PROCESSES; i++) {
        _snprintf(Line, sizeof Line, "iorace.exe run %lu %lu", Seed + 1000 * i, Seconds);
        CheckStatus(StartProgram("iorace.exe", Line, &Processes[i]), STATUS_SUCCESS,
                    "racers start");
    }
    LoadAndUnload();
    for (i = 0; i < PROCESSES; i++) {
        NtWaitForSingleObject(Processes[i], FALSE, NULL);
        CheckStatus(ExitStatusOf(Processes[i]), 0, "racers have found nothing wrong");
        NtClose(Processes[i]);
    }
    while (NtUnloadDriver(&Service) == STATUS_INVALID_DEVICE_REQUEST)
        SleepMilliseconds(10);
    CheckUsage(&Before, "the race");
    return CheckSummary("iorace");
}
