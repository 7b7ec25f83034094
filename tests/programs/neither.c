/*
 * Gives neither.sys, a METHOD_NEITHER driver, pointers of all kinds: each bad one must come back as
 * the status of the exception that the driver has handled, and nothing else happen.
 */
#include "check.h"
#include "tests/drivers/neither.h"

static HANDLE Device;

static BOOLEAN OpenDevice(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"\\??\\Neither");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return CheckStatus(NtOpenFile(&Device, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE,
                                  &Attributes, &Result, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                  FILE_SYNCHRONOUS_IO_NONALERT),
                       STATUS_SUCCESS, "neither.sys is there");
}

static NTSTATUS Ask(ULONG Code, PVOID Input, ULONG InputBytes, PVOID Output, ULONG OutputBytes)
{
    IO_STATUS_BLOCK Result;

    return NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Result, Code, Input, InputBytes, Output,
                                 OutputBytes);
}

/* Two pages, of which the second one has that protection; 0: it is not there. */
static PUCHAR NewPages(ULONG Protect)
{
    PVOID Base = NULL, Second;
    SIZE_T Size = 2 * PAGE_SIZE;
    ULONG Old;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_RESERVE | MEM_COMMIT,
                            PAGE_READWRITE);
    memset(Base, 0, 2 * PAGE_SIZE);
    Second = (PUCHAR)Base + PAGE_SIZE;
    Size = PAGE_SIZE;
    if (Protect)
        NtProtectVirtualMemory(NtCurrentProcess(), &Second, &Size, Protect, &Old);
    else
        NtFreeVirtualMemory(NtCurrentProcess(), &Second, &Size, MEM_DECOMMIT);
    return Base;
}

#define BAD STATUS_ACCESS_VIOLATION

/* 16 bytes at each place as input, then as output, with probes and without. */
static void TryPlace(PVOID Place, const char *What, NTSTATUS AsInput, NTSTATUS AsOutput,
                     BOOLEAN Blind)
{
    ULONG Good[4] = {1, 2, 3, 4};

    CheckStatus(Ask(IOCTL_NEITHER_COPY, Place, 16, Good, 16), AsInput, What);
    CheckStatus(Ask(IOCTL_NEITHER_COPY, Good, 16, Place, 16), AsOutput, "... for the output");
    if (!Blind)
        return;
    CheckStatus(Ask(IOCTL_NEITHER_BLIND, Place, 16, Good, 16), AsInput, "... not probed");
    CheckStatus(Ask(IOCTL_NEITHER_BLIND, Good, 16, Place, 16), AsOutput, "... output, not probed");
}

/* A guard page is one for its first access only. */
static void TryGuardPage(void)
{
    ULONG Good[4];

    CheckStatus(
        Ask(IOCTL_NEITHER_BLIND, NewPages(PAGE_READWRITE | PAGE_GUARD) + PAGE_SIZE, 16, Good, 16),
        STATUS_GUARD_PAGE_VIOLATION, "a guard page");
    CheckStatus(Ask(IOCTL_NEITHER_COPY, Good, 16,
                    NewPages(PAGE_READWRITE | PAGE_GUARD) + PAGE_SIZE - 8, 16),
                STATUS_GUARD_PAGE_VIOLATION, "... that the output reaches into");
}

static void TryPlaces(void)
{
    static const ULONG Constant[4] = {1, 2, 3, 4};
    PUCHAR Hole = NewPages(0), ReadOnly = NewPages(PAGE_READONLY);
    PUCHAR NoAccess = NewPages(PAGE_NOACCESS);

    TryPlace(NULL, "NULL", BAD, BAD, TRUE);
    TryPlace((PVOID)0x10000, "where nothing is", BAD, BAD, TRUE);
    TryPlace(Hole, "a good page", STATUS_SUCCESS, STATUS_SUCCESS, TRUE);
    TryPlace(Hole + PAGE_SIZE, "a page that is not there", BAD, BAD, TRUE);
    TryPlace(Hole + PAGE_SIZE - 8, "... half of it", BAD, BAD, TRUE);
    TryPlace(Hole + PAGE_SIZE - 16, "... none of it", STATUS_SUCCESS, STATUS_SUCCESS, TRUE);
    TryPlace(ReadOnly + PAGE_SIZE, "a read-only page", STATUS_SUCCESS, BAD, TRUE);
    TryPlace((PVOID)Constant, "a constant", STATUS_SUCCESS, BAD, TRUE);
    TryPlace(NoAccess + PAGE_SIZE, "a page without access", BAD, BAD, TRUE);
    TryPlace(Hole + 2, "an odd address", STATUS_DATATYPE_MISALIGNMENT, STATUS_DATATYPE_MISALIGNMENT,
             FALSE);
    TryPlace((PVOID)0x7FFE0000, "the shared page", STATUS_SUCCESS, BAD, TRUE);
    TryPlace((PVOID)0x7FFEFFF8, "the end of the user half", BAD, BAD, FALSE);
    TryPlace((PVOID)0x7FFF0000, "behind its end", BAD, BAD, FALSE);
    TryPlace((PVOID)0x80100000, "the kernel", BAD, BAD, FALSE);
    TryPlace((PVOID)0xFFFFFFF8, "the end of all addresses", BAD, BAD, FALSE);
    CheckStatus(Ask(IOCTL_NEITHER_COPY, (PVOID)0x80100000, 0, (PVOID)0x80100001, 0), STATUS_SUCCESS,
                "no bytes of the kernel's");
}

static void TryValues(void)
{
    ULONG Input[3] = {10, 20, 30}, Output[3] = {0};

    CheckStatus(Ask(IOCTL_NEITHER_COPY, Input, sizeof Input, Output, sizeof Output), STATUS_SUCCESS,
                "a copy");
    Check(Output[0] == 11 && Output[1] == 21 && Output[2] == 31, "... is a copy");
}

static PVOID Worn;

static VOID NTAPI TakeAway(PVOID Context)
{
    SIZE_T Size = 0;

    UNREFERENCED_PARAMETER(Context);
    while (*(volatile ULONG *)Worn < 20)
        NtYieldExecution();
    NtFreeVirtualMemory(NtCurrentProcess(), &Worn, &Size, MEM_RELEASE);
    RtlExitUserThread(STATUS_SUCCESS);
}

static void TryWear(void)
{
    HANDLE Thread;

    Worn = NewPages(PAGE_READWRITE);
    Thread = StartThread(TakeAway, NULL);
    CheckStatus(Ask(IOCTL_NEITHER_WEAR, NULL, 0, Worn, sizeof(ULONG)), STATUS_ACCESS_VIOLATION,
                "memory that another thread frees while the driver uses it");
    NtWaitForSingleObject(Thread, FALSE, NULL);
    NtClose(Thread);
}

static void CheckCounts(void)
{
    ULONG Counts[2] = {0, 1};

    Ask(IOCTL_NEITHER_COUNTS, NULL, 0, Counts, sizeof Counts);
    Check(Counts[0] == Counts[1], "%lu requests have begun, %lu have left their __try", Counts[0],
          Counts[1]);
}

int main(void)
{
    UNICODE_STRING Service =
        CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\neither");

    CheckStatus(NtLoadDriver(&Service), STATUS_SUCCESS, "the driver is loaded");
    if (OpenDevice()) {
        TryValues();
        TryPlaces();
        TryGuardPage();
        TryWear();
        CheckCounts();
        NtClose(Device);
    }
    CheckStatus(NtUnloadDriver(&Service), STATUS_SUCCESS, "the driver is unloaded");
    return CheckSummary("neither");
}
