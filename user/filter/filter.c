/*
 * Shows what filter.sys does: uses the filtered device, and prints what has passed.
 *
 *      tools/run --init filter.exe
 */
#include "parts.h"

/* Major functions, by the numbers that the WDK gives them. */
static const char *const Names[FILTER_FUNCTIONS] = {
    [0] = "CREATE", [2] = "CLOSE",           [3] = "READ",     [4] = "WRITE",
    [9] = "FLUSH",  [14] = "DEVICE_CONTROL", [18] = "CLEANUP",
};

FILTER_COUNTERS Counters[FILTER_FUNCTIONS];
static UCHAR Buffer[3 * PAGE_SIZE];

NTSTATUS GetCounters(HANDLE Filter)
{
    return ControlDevice(Filter, IOCTL_FILTER_GET_COUNTERS, NULL, 0, Counters, sizeof Counters,
                         NULL);
}

void PrintCounters(void)
{
    ULONG i;

    printf("IRP_MJ_         sent completed failed pended    bytes\n"
           "--------------- ---- --------- ------ ------ --------\n");
    for (i = 0; i < FILTER_FUNCTIONS; i++) {
        const FILTER_COUNTERS *Row = &Counters[i];
        if (Row->Sent)
            printf("%-15s %4lu %9lu %6lu %6lu %8lu\n", Names[i] ? Names[i] : "other", Row->Sent,
                   Row->Completed, Row->Failed, Row->Pended, (ULONG)Row->Bytes);
    }
}

/* Are a function's counters these? (Pended stays 0: null.sys does everything at once.) */
static BOOLEAN Counted(ULONG Function, ULONG Sent, ULONG Failed, ULONG Bytes)
{
    const FILTER_COUNTERS *Row = &Counters[Function];

    return Row->Sent == Sent && Row->Completed == Sent && Row->Failed == Failed &&
           Row->Pended == 0 && Row->Bytes == Bytes;
}

static BOOLEAN NothingElseCounted(void)
{
    ULONG i;

    for (i = 0; i < FILTER_FUNCTIONS; i++) {
        if (Names[i] == NULL && Counters[i].Sent)
            return FALSE;
    }
    return TRUE;
}

/* All that a program can do with the device. */
static void UseZero(HANDLE Zero)
{
    ULONG Bytes, i, Zeros = 0;
    IO_STATUS_BLOCK Result;

    memset(Buffer, 1, sizeof Buffer);
    CheckStatus(ReadDevice(Zero, Buffer, sizeof Buffer, &Bytes), STATUS_SUCCESS,
                "a read passes the filter");
    for (i = 0; i < sizeof Buffer; i++)
        Zeros += Buffer[i] == 0;
    Check(Bytes == sizeof Buffer && Zeros == sizeof Buffer, "and gives zeros");
    ReadDevice(Zero, Buffer, 100, NULL);
    CheckStatus(ReadDevice(Zero, Buffer, 0, &Bytes), STATUS_SUCCESS, "so does an empty one");
    CheckStatus(WriteDevice(Zero, Buffer, 50, &Bytes), STATUS_SUCCESS, "a write passes");
    Check(Bytes == 50, "whole");
    CheckStatus(ControlDevice(Zero, 0, NULL, 0, NULL, 0, NULL), STATUS_INVALID_DEVICE_REQUEST,
                "what the lower driver refuses is refused");
    CheckStatus(NtFlushBuffersFile(Zero, &Result), STATUS_SUCCESS, "a flush passes");
}

/* What UseZero did, and one open and close. (Attaching was done by opening the target: that file's
   close was the first request to pass.) */
static void CheckCounters(HANDLE Filter)
{
    CheckStatus(GetCounters(Filter), STATUS_SUCCESS, "the counters are read");
    PrintCounters();
    Check(Counted(Create, 1, 0, 0) && Counted(Cleanup, 1, 0, 0) && Counted(Close, 2, 0, 0),
          "an open and a close are counted");
    Check(Counted(Read, 3, 0, 3 * PAGE_SIZE + 100), "reads are counted, with their bytes");
    Check(Counted(Write, 1, 0, 50), "writes, too");
    Check(Counted(Control, 1, 1, 0), "a failure is counted");
    Check(Counted(Flush, 1, 0, 0) && NothingElseCounted(), "a flush, and nothing else");
}

static void CheckControl(HANDLE Filter)
{
    UCHAR Byte = 0;
    ULONG On = TRUE;

    CheckStatus(ControlDevice(Filter, IOCTL_FILTER_GET_COUNTERS, NULL, 0, Counters,
                              sizeof Counters - 1, NULL),
                STATUS_BUFFER_TOO_SMALL, "the counters come all or not at all");
    CheckStatus(ControlDevice(Filter, IOCTL_FILTER_SET_LOG, &Byte, 1, NULL, 0, NULL),
                STATUS_BUFFER_TOO_SMALL, "the switch is a whole number");
    CheckStatus(ControlDevice(Filter, IOCTL_FILTER_GET_COUNTERS + 16, NULL, 0, NULL, 0, NULL),
                STATUS_INVALID_DEVICE_REQUEST, "there is no other control code");
    CheckStatus(ReadDevice(Filter, &Byte, 1, NULL), STATUS_INVALID_DEVICE_REQUEST,
                "the control device is not to be read");
    CheckStatus(ControlDevice(Filter, IOCTL_FILTER_SET_LOG, &On, sizeof On, NULL, 0, NULL),
                STATUS_SUCCESS, "the log is switched on");
}

/* The filter goes while the filtered device is open, and comes again. */
static void CheckDetach(HANDLE Zero)
{
    HANDLE Filter;
    UCHAR Byte = 1;

    CheckStatus(UnloadDriver("filter"), STATUS_SUCCESS, "the filter is unloaded");
    CheckStatus(ReadDevice(Zero, &Byte, 1, NULL), STATUS_SUCCESS, "the device works without it");
    CheckStatus(OpenDevice(L"\\??\\Filter", 0, &Filter), STATUS_OBJECT_NAME_NOT_FOUND,
                "its control device is gone");
    CheckStatus(LoadDriver("filter"), STATUS_SUCCESS, "it is loaded again");
    CheckStatus(ReadDevice(Zero, &Byte, 1, NULL), STATUS_SUCCESS, "and sees what is open already");
    OpenDevice(L"\\??\\Filter", FILE_SYNCHRONOUS_IO_NONALERT, &Filter);
    GetCounters(Filter);
    Check(Counted(Read, 1, 0, 1) && Counted(Create, 0, 0, 0), "as the counters say");
    NtClose(Filter);
}

static void CheckAll(void)
{
    HANDLE Filter, Zero;

    CheckStatus(LoadDriver("filter"), STATUS_SUCCESS, "the filter is loaded");
    OpenDevice(L"\\??\\ZERO", FILE_SYNCHRONOUS_IO_NONALERT, &Zero);
    UseZero(Zero);
    NtClose(Zero);
    CheckStatus(OpenDevice(L"\\??\\Filter", FILE_SYNCHRONOUS_IO_NONALERT, &Filter), STATUS_SUCCESS,
                "its control device is opened");
    CheckCounters(Filter);
    CheckControl(Filter);
    NtClose(Filter);
    OpenDevice(L"\\??\\ZERO", FILE_SYNCHRONOUS_IO_NONALERT, &Zero);
    CheckDetach(Zero);
    NtClose(Zero);
    CheckStatus(UnloadDriver("null"), STATUS_SUCCESS, "the lower driver is to be unloaded");
    CheckStatus(UnloadDriver("filter"), STATUS_SUCCESS, "the filter is unloaded");
}

int main(void)
{
    USAGE Before;

    memset(Buffer, 0, sizeof Buffer); /* what it takes is there before, and after */
    LoadDriver("null");               /* so is what the system makes for its first opened device */
    LoadDriver("filter");
    UnloadDriver("filter");
    UnloadDriver("null");
    QuerySteadyUsage(&Before);
    CheckStatus(LoadDriver("filter"), STATUS_OBJECT_NAME_NOT_FOUND,
                "without a device to filter the filter does not load");
    CheckStatus(LoadDriver("null"), STATUS_SUCCESS, "null is loaded");
    CheckAll();
    CheckUsage(&Before, "all this"); /* so null is gone, too: the filter was what held it */
    CheckPending();
    return CheckSummary("filter");
}
