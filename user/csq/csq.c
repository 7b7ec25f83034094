/*
 * Shows what csq.sys does: reads that wait for a tick, in order, and what ends them before it.
 *
 *      tools/run --start csq.sys --init csq.exe
 */
#include "check.h"
#include "device.h"
#include "drivers/csq/csq.h"

#define READS     8
#define ROUNDS    200 /* of the race between ticks and cancelling */
#define LONG_WAIT 20000
#define UNTOUCHED ((NTSTATUS)0x11111111)

/* A read that has been sent. */
typedef struct _SENT {
    HANDLE Event; /* set when it ends */
    IO_STATUS_BLOCK Result;
    ULONG Tick;
    NTSTATUS Status; /* what sending it has returned */
} SENT;

static SENT Sent[READS];

static NTSTATUS Open(ULONG Options, HANDLE *Device)
{
    return OpenDevice(L"\\??\\Csq", Options, Device);
}

static NTSTATUS SetPeriod(HANDLE Device, ULONG Milliseconds)
{
    IO_STATUS_BLOCK Result;

    return NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Result, IOCTL_CSQ_SET_PERIOD,
                                 &Milliseconds, sizeof Milliseconds, NULL, 0);
}

static void SendRead(HANDLE Device, SENT *Read)
{
    Read->Result.Status = UNTOUCHED;
    Read->Tick = 0;
    Read->Status = NtReadFile(Device, Read->Event, NULL, NULL, &Read->Result, &Read->Tick,
                              sizeof Read->Tick, NULL, NULL);
}

/* Sends reads First to First + Count - 1; TRUE: all of them wait. */
static BOOLEAN SendReads(HANDLE Device, ULONG First, ULONG Count)
{
    BOOLEAN All = TRUE;
    ULONG i;

    for (i = First; i < First + Count; i++) {
        SendRead(Device, &Sent[i]);
        All = All && Sent[i].Status == STATUS_PENDING;
    }
    return All;
}

/* Waits until those reads have ended; TRUE: all with that status. */
static BOOLEAN EndedWith(ULONG First, ULONG Count, NTSTATUS Status)
{
    BOOLEAN All = TRUE;
    ULONG i;

    for (i = First; i < First + Count; i++)
        All = WaitForProgram(Sent[i].Event, LONG_WAIT) == STATUS_SUCCESS &&
              Sent[i].Result.Status == Status && All;
    return All;
}

static BOOLEAN Ended(ULONG Read)
{
    return WaitForProgram(Sent[Read].Event, 0) == STATUS_SUCCESS;
}

static NTSTATUS CancelAll(HANDLE Device)
{
    IO_STATUS_BLOCK Result;

    return NtCancelIoFile(Device, &Result);
}

/* The table: each read is completed by a later tick than the one before. */
static void ShowTicks(void)
{
    ULONG i, Last = 0, Good = 0, Tick, Bytes;
    HANDLE Device;

    CheckStatus(Open(FILE_SYNCHRONOUS_IO_NONALERT, &Device), STATUS_SUCCESS, "Csq is opened");
    printf("read   bytes  completed by tick\n----   -----  -----------------\n");
    for (i = 0; i < READS; i++) {
        ReadDevice(Device, &Tick, sizeof Tick, &Bytes);
        printf("%4lu   %5lu  %17lu\n", i, Bytes, Tick);
        Good += Bytes == sizeof Tick && Tick > Last;
        Last = Tick;
    }
    Check(Good == READS, "%lu reads wait for a tick each", Good);
    NtClose(Device);
}

static void CheckLengths(void)
{
    UCHAR Room[64] = {0};
    HANDLE Device;
    ULONG Bytes;

    Open(FILE_SYNCHRONOUS_IO_NONALERT, &Device);
    CheckStatus(ReadDevice(Device, Room, 0, &Bytes), STATUS_SUCCESS, "an empty read does not wait");
    Check(Bytes == 0, "and gives nothing");
    CheckStatus(ReadDevice(Device, Room, 3, NULL), STATUS_BUFFER_TOO_SMALL, "a short one fails");
    CheckStatus(ReadDevice(Device, Room, sizeof Room, &Bytes), STATUS_SUCCESS, "a long one");
    Check(Bytes == sizeof(ULONG) && *(ULONG *)Room && Room[4] == 0, "gives a number, no more");
    CheckStatus(SetPeriod(Device, 0x80000000), STATUS_INVALID_PARAMETER, "a period has 31 bits");
    CheckStatus(ControlDevice(Device, IOCTL_CSQ_SET_PERIOD, Room, 3, NULL, 0, NULL),
                STATUS_BUFFER_TOO_SMALL, "four bytes of them");
    CheckStatus(ControlDevice(Device, IOCTL_CSQ_SET_PERIOD + 4, NULL, 0, NULL, 0, NULL),
                STATUS_INVALID_DEVICE_REQUEST, "there is no other control code");
    NtClose(Device);
}

/* Without ticks reads wait until they are cancelled; with ticks they end in order. */
static void CheckQueue(HANDLE Device)
{
    ULONG i, InOrder = 1;

    SetPeriod(Device, 0);
    Check(SendReads(Device, 0, READS), "without ticks %u reads wait", READS);
    CheckStatus(CancelAll(Device), STATUS_SUCCESS, "they are cancelled");
    Check(EndedWith(0, READS, STATUS_CANCELLED), "all end so");
    SendReads(Device, 0, READS);
    Check(!Ended(0), "others wait");
    SetPeriod(Device, 1);
    Check(EndedWith(0, READS, STATUS_SUCCESS), "ticks complete them");
    for (i = 1; i < READS; i++)
        InOrder += Sent[i].Tick == Sent[i - 1].Tick + 1;
    Check(InOrder == READS, "tick by tick in the order in which they came");
}

/* The close of a file ends its reads and no others. */
static void CheckClose(HANDLE Device)
{
    HANDLE Other;

    SetPeriod(Device, 0);
    Open(0, &Other);
    SendReads(Other, 0, 2);
    SendReads(Device, 2, 2);
    SendReads(Other, 4, 2);
    NtClose(Other);
    Check(EndedWith(0, 2, STATUS_CANCELLED) && EndedWith(4, 2, STATUS_CANCELLED),
          "a file's reads are cancelled when it is closed");
    Check(!Ended(2) && !Ended(3), "those of another file go on waiting");
    SetPeriod(Device, 1);
    Check(EndedWith(2, 2, STATUS_SUCCESS), "and are completed");
}

static VOID NTAPI ReadAndStay(PVOID Device)
{
    SendReads(Device, 0, 2);
    NtSetEvent(Sent[READS - 1].Event, NULL);
    SleepMilliseconds(INFINITE);
}

/* The end of a thread ends the reads that it has sent. */
static void CheckThread(HANDLE Device)
{
    HANDLE Thread;

    SetPeriod(Device, 0);
    NtResetEvent(Sent[READS - 1].Event, NULL);
    Thread = StartThread(ReadAndStay, Device);
    WaitForProgram(Sent[READS - 1].Event, LONG_WAIT);
    Check(!Ended(0) && !Ended(1), "a thread's reads wait");
    NtTerminateThread(Thread, STATUS_ABANDONED);
    CheckStatus(WaitForProgram(Thread, LONG_WAIT), STATUS_SUCCESS, "the thread is ended");
    Check(EndedWith(0, 2, STATUS_CANCELLED), "its reads with it");
    NtClose(Thread);
}

/* Ticks and cancelling at once: whichever is first, each read ends once, in one of two ways. */
static void CheckRace(HANDLE Device)
{
    ULONG Round, i, Completed = 0, Cancelled = 0, Last = 0, Disorder = 0;

    SetPeriod(Device, 1);
    for (Round = 0; Round < ROUNDS; Round++) {
        SendReads(Device, 0, READS);
        if (Round % 2)
            EndedWith(0, 1, STATUS_SUCCESS);
        CancelAll(Device);
        for (i = 0; i < READS; i++) {
            WaitForProgram(Sent[i].Event, LONG_WAIT);
            Cancelled += Sent[i].Result.Status == STATUS_CANCELLED;
            if (Sent[i].Result.Status != STATUS_SUCCESS)
                continue;
            Completed++;
            Disorder += Sent[i].Tick <= Last;
            Last = Sent[i].Tick;
        }
    }
    printf("%u reads: %lu completed, %lu cancelled\n", ROUNDS * READS, Completed, Cancelled);
    Check(Completed + Cancelled == ROUNDS * READS, "each read is completed or cancelled");
    Check(Completed >= ROUNDS / 2 && Cancelled > 0 && Disorder == 0, "both happen, in order");
}

/* The driver stays until the device is closed, and leaves nothing behind. */
static void CheckUnload(HANDLE Device)
{
    HANDLE Again;

    SetPeriod(Device, 0);
    SendReads(Device, 0, READS);
    CheckStatus(UnloadDriver("csq"), STATUS_SUCCESS, "the driver is to be unloaded");
    Check(!Ended(0), "reads still wait");
    NtClose(Device);
    Check(EndedWith(0, READS, STATUS_CANCELLED), "the close cancels them");
    while (Open(0, &Again) == STATUS_NO_SUCH_DEVICE)
        SleepMilliseconds(1);
    CheckStatus(Open(0, &Again), STATUS_OBJECT_NAME_NOT_FOUND, "and the driver goes");
}

static void CheckAll(void)
{
    HANDLE Device;

    if (!CheckStatus(LoadDriver("csq"), STATUS_SUCCESS, "the driver is loaded"))
        return;
    ShowTicks();
    CheckLengths();
    Open(0, &Device);
    CheckQueue(Device);
    CheckClose(Device);
    CheckThread(Device);
    CheckRace(Device);
    CheckUnload(Device);
}

int main(void)
{
    USAGE Before;
    ULONG i;

    for (i = 0; i < READS; i++)
        NtCreateEvent(&Sent[i].Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    LoadDriver("csq"); /* it may be there already */
    CheckStatus(UnloadDriver("csq"), STATUS_SUCCESS, "the driver is unloaded");
    QuerySteadyUsage(&Before);
    CheckAll();
    CheckUsage(&Before, "all this");
    return CheckSummary("csq");
}
