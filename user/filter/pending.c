/*
 * The filter on top of a driver that keeps requests: what is pending, cancelled, or completed after
 * the filter has been unloaded.
 */
#include "parts.h"
#include "drivers/csq/csq.h"

#define READS      4
#define LONG_WAIT  20000 /* milliseconds */
#define PARAMETERS L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\filter\\Parameters"

/* Reads that have been sent; Event is set when one ends. */
static struct {
    HANDLE Event;
    IO_STATUS_BLOCK Result;
    ULONG Tick;
} Sent[READS];

/* The value that the filter looks for. Text NULL: none. */
static NTSTATUS SetTarget(ULONG Type, PCWSTR Text)
{
    UNICODE_STRING Path = CONSTANT_STRING(PARAMETERS), Name = CONSTANT_STRING(L"Target");
    OBJECT_ATTRIBUTES Attributes;
    NTSTATUS Status;
    HANDLE Key;

    InitializeObjectAttributes(&Attributes, &Path, OBJ_CASE_INSENSITIVE, NULL, NULL);
    Status = NtOpenKey(&Key, KEY_SET_VALUE, &Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status =
        Text ? NtSetValueKey(Key, &Name, 0, Type, (PVOID)Text, (wcslen(Text) + 1) * sizeof(WCHAR))
             : NtDeleteValueKey(Key, &Name);
    NtClose(Key);
    return Status;
}

static NTSTATUS SetPeriod(HANDLE Csq, ULONG Milliseconds)
{
    IO_STATUS_BLOCK Result;

    return NtDeviceIoControlFile(Csq, NULL, NULL, NULL, &Result, IOCTL_CSQ_SET_PERIOD,
                                 &Milliseconds, sizeof Milliseconds, NULL, 0);
}

/* TRUE: all wait. */
static BOOLEAN SendReads(HANDLE Csq)
{
    ULONG i, Pending = 0;

    for (i = 0; i < READS; i++)
        Pending += NtReadFile(Csq, Sent[i].Event, NULL, NULL, &Sent[i].Result, &Sent[i].Tick,
                              sizeof Sent[i].Tick, NULL, NULL) == STATUS_PENDING;
    return Pending == READS;
}

static BOOLEAN EndedWith(NTSTATUS Status)
{
    ULONG i, Good = 0;

    for (i = 0; i < READS; i++)
        Good += WaitForProgram(Sent[i].Event, LONG_WAIT) == STATUS_SUCCESS &&
                Sent[i].Result.Status == Status;
    return Good == READS;
}

/* Are the counters of reads these? */
static BOOLEAN Counted(ULONG Sends, ULONG Completed, ULONG Failed)
{
    const FILTER_COUNTERS *Row = &Counters[Read];

    return Row->Sent == Sends && Row->Completed == Completed && Row->Failed == Failed &&
           Row->Pended == Completed && Row->Bytes == (Completed - Failed) * sizeof(ULONG);
}

static void CheckReads(HANDLE Filter, HANDLE Csq)
{
    IO_STATUS_BLOCK Result;

    SetPeriod(Csq, 0);
    Check(SendReads(Csq), "reads wait below the filter");
    GetCounters(Filter);
    Check(Counted(READS, 0, 0), "it has passed them on");
    NtCancelIoFile(Csq, &Result);
    Check(EndedWith(STATUS_CANCELLED), "they are cancelled there");
    GetCounters(Filter);
    Check(Counted(READS, READS, READS), "and have come back through the filter");
    SendReads(Csq);
    SetPeriod(Csq, 1);
    Check(EndedWith(STATUS_SUCCESS), "others are completed");
    GetCounters(Filter);
    PrintCounters();
    Check(Counted(2 * READS, 2 * READS, READS), "and have come back, too");
}

/* On a synchronous file the service waits; if the filter said nothing of pending, for ever. */
static void CheckSynchronous(void)
{
    ULONG Tick = 0, Bytes = 0;
    HANDLE Csq;

    OpenDevice(L"\\??\\Csq", FILE_SYNCHRONOUS_IO_NONALERT, &Csq);
    CheckStatus(ReadDevice(Csq, &Tick, sizeof Tick, &Bytes), STATUS_SUCCESS,
                "a read is waited for");
    Check(Bytes == sizeof Tick && Tick, "and brings a number");
    NtClose(Csq);
}

/* Its completion routine still has to run: its code must be there until then, and no longer. */
static void CheckLateCompletion(HANDLE Csq)
{
    NTSTATUS Status;

    SetPeriod(Csq, 0);
    SendReads(Csq);
    CheckStatus(UnloadDriver("filter"), STATUS_SUCCESS, "the filter is unloaded with reads below");
    CheckStatus(LoadDriver("filter"), STATUS_IMAGE_ALREADY_LOADED, "so its image stays");
    SetPeriod(Csq, 1);
    Check(EndedWith(STATUS_SUCCESS), "the reads are completed through it");
    while ((Status = LoadDriver("filter")) == STATUS_IMAGE_ALREADY_LOADED)
        SleepMilliseconds(1);
    CheckStatus(Status, STATUS_SUCCESS, "then it goes: the filter can be loaded again");
    CheckStatus(UnloadDriver("filter"), STATUS_SUCCESS, "and unloaded");
}

static void CheckFilteredCsq(void)
{
    HANDLE Filter, Csq;

    CheckStatus(LoadDriver("csq"), STATUS_SUCCESS, "csq is loaded");
    CheckStatus(SetTarget(REG_SZ, CSQ_DEVICE_NAME), STATUS_SUCCESS, "its device is the target now");
    if (!CheckStatus(LoadDriver("filter"), STATUS_SUCCESS, "the filter is attached to it")) {
        UnloadDriver("csq");
        return;
    }
    OpenDevice(L"\\??\\Filter", FILE_SYNCHRONOUS_IO_NONALERT, &Filter);
    OpenDevice(L"\\??\\Csq", 0, &Csq);
    CheckReads(Filter, Csq);
    CheckSynchronous();
    NtClose(Filter);
    CheckLateCompletion(Csq);
    NtClose(Csq);
    CheckStatus(UnloadDriver("csq"), STATUS_SUCCESS, "csq is unloaded");
}

static void CheckBadTargets(void)
{
    WCHAR Name[1024];
    ULONG i;

    for (i = 0; i < ARRAYSIZE(Name) - 1; i++)
        Name[i] = L'x';
    Name[i] = 0;
    SetTarget(REG_SZ, Name);
    CheckStatus(LoadDriver("filter"), STATUS_NAME_TOO_LONG, "a target's name may be too long");
    SetTarget(REG_BINARY, CSQ_DEVICE_NAME);
    CheckStatus(LoadDriver("filter"), STATUS_OBJECT_TYPE_MISMATCH, "or no text");
    SetTarget(REG_SZ, L"");
    Check(!NT_SUCCESS(LoadDriver("filter")), "or nothing");
    SetTarget(REG_SZ, L"\\Device");
    Check(!NT_SUCCESS(LoadDriver("filter")), "or of something else");
    SetTarget(REG_SZ, NULL);
}

void CheckPending(void)
{
    USAGE Before;
    ULONG i;

    for (i = 0; i < READS; i++)
        NtCreateEvent(&Sent[i].Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    SetTarget(REG_SZ, NULL); /* a table of values, once made, stays */
    CheckBadTargets();
    QuerySteadyUsage(&Before);
    CheckFilteredCsq();
    SetTarget(REG_SZ, NULL);
    CheckUsage(&Before, "that");
}
