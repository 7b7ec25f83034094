/*
 * Shows the four transfer methods, as transfer.sys sees them: a table of the addresses that reach
 * the driver, and that the data does, too.
 *
 *      tools/run --init transfer.exe
 */
#include "check.h"
#include "device.h"
#include "drivers/transfer/transfer.h"

#define WORDS      "four ways to a driver, and back"
#define CAPITALS   "FOUR WAYS TO A DRIVER, AND BACK"
#define LENGTH     sizeof(WORDS)
#define UPPER_HALF 0x80000000

/* In is somewhere in a page, Out lies across the boundary of two. */
static CHAR Memory[4 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static CHAR *const In = Memory + 0x123, *const Out = Memory + 2 * PAGE_SIZE - 5;

static TRANSFER_VIEW View;

/* The table, printed at the end. */
typedef struct _ROW {
    const char *What;
    TRANSFER_VIEW View;
} ROW;

static ROW Rows[16];
static ULONG RowCount;

static HANDLE Open(PCWSTR Name)
{
    HANDLE Device;

    CheckStatus(OpenDevice(Name, FILE_SYNCHRONOUS_IO_NONALERT, &Device), STATUS_SUCCESS,
                "a device is opened");
    return Device;
}

/* Asks what the driver has seen of the last request: a row of the table. */
static void Look(HANDLE Device, const char *What)
{
    NTSTATUS Status =
        ControlDevice(Device, IOCTL_TRANSFER_GET_VIEW, NULL, 0, &View, sizeof View, NULL);

    Check(NT_SUCCESS(Status), "%s: the driver says what it has seen", What);
    if (RowCount < ARRAYSIZE(Rows))
        Rows[RowCount++] = (ROW){What, View};
}

static void PrintTable(void)
{
    ULONG i;

    printf("In is at %p, Out at %p, %u bytes each\n", In, Out, (unsigned)LENGTH);
    printf(
        "                  | SystemBuffer UserBuffer Type3Input | MDL of   bytes pages   mapped\n"
        "------------------+------------------------------------+-----------------------------\n");
    for (i = 0; i < RowCount; i++) {
        const TRANSFER_VIEW *Row = &Rows[i].View;
        printf("%-17s |     %08lx   %08lx   %08lx | %08lx %5lu %5lu %08lx\n", Rows[i].What,
               Row->SystemBuffer, Row->UserBuffer, Row->Type3Input, Row->MdlStart, Row->MdlBytes,
               Row->MdlPages, Row->MdlMapped);
    }
}

static void Prepare(void)
{
    memset(Memory, 0, sizeof Memory);
    strcpy(In, WORDS);
    strcpy(Out, "......");
}

/* Is the memory that begins at Start in the MDL, and mapped at the same place of a page? */
static BOOLEAN MdlIsOf(const CHAR *Start)
{
    ULONG Address = (ULONG)(ULONG_PTR)Start, InPage = Address % PAGE_SIZE;

    return View.MdlStart == Address && View.MdlBytes == LENGTH &&
           View.MdlPages == (InPage + LENGTH + PAGE_SIZE - 1) / PAGE_SIZE &&
           View.MdlMapped >= UPPER_HALF && View.MdlMapped % PAGE_SIZE == InPage;
}

static BOOLEAN NoMdl(void)
{
    return View.MdlStart == 0 && View.MdlBytes == 0 && View.MdlMapped == 0;
}

static NTSTATUS Control(HANDLE Device, ULONG Code, ULONG *Bytes)
{
    Prepare();
    return ControlDevice(Device, Code, In, LENGTH, Out, LENGTH, Bytes);
}

static void CheckControls(HANDLE Device)
{
    ULONG Bytes, i, Sum = 0;

    CheckStatus(Control(Device, IOCTL_TRANSFER_UPCASE_BUFFERED, &Bytes), STATUS_SUCCESS,
                "METHOD_BUFFERED");
    Check(Bytes == LENGTH && strcmp(Out, CAPITALS) == 0 && strcmp(In, WORDS) == 0,
          "the output is copied back, the input is as it was");
    Look(Device, "METHOD_BUFFERED");
    Check(View.SystemBuffer >= UPPER_HALF && View.Type3Input == 0 && NoMdl(),
          "the driver has had a system buffer");
    CheckStatus(Control(Device, IOCTL_TRANSFER_SUM_IN_DIRECT, &Bytes), STATUS_SUCCESS,
                "METHOD_IN_DIRECT");
    for (i = 0; i < LENGTH; i++)
        Sum += (UCHAR)Out[i];
    Check(Bytes == Sum && strcmp(Out, "......") == 0, "the second buffer is input");
    Look(Device, "METHOD_IN_DIRECT");
    Check(View.SystemBuffer >= UPPER_HALF && MdlIsOf(Out), "the driver has had its pages");
    CheckStatus(Control(Device, IOCTL_TRANSFER_UPCASE_DIRECT, &Bytes), STATUS_SUCCESS,
                "METHOD_OUT_DIRECT");
    Check(Bytes == LENGTH && strcmp(Out, CAPITALS) == 0, "the driver has written to them");
    Look(Device, "METHOD_OUT_DIRECT");
    Check(View.SystemBuffer >= UPPER_HALF && MdlIsOf(Out), "through an address of its own");
}

static void CheckWriteAndRead(PCWSTR Name, const char *WriteRow, const char *ReadRow)
{
    HANDLE Device = Open(Name);
    BOOLEAN Direct = WriteRow[0] == 'd', Good;
    ULONG Bytes;

    Prepare();
    CheckStatus(ReadDevice(Device, Out, LENGTH, &Bytes), STATUS_SUCCESS, "a first read");
    Check(Bytes == 0, "gives nothing");
    CheckStatus(WriteDevice(Device, In, LENGTH, &Bytes), STATUS_SUCCESS, "a write");
    Look(Device, WriteRow);
    Good = Direct ? MdlIsOf(In) && View.SystemBuffer == 0 : View.SystemBuffer >= UPPER_HALF;
    Check(Bytes == LENGTH && Good, "the driver sees the buffer as its device asks for it");
    CheckStatus(ReadDevice(Device, Out, LENGTH, &Bytes), STATUS_SUCCESS, "a read");
    Look(Device, ReadRow);
    Good = Direct ? MdlIsOf(Out) && View.SystemBuffer == 0 : View.SystemBuffer >= UPPER_HALF;
    Check(Bytes == LENGTH && Good && strcmp(Out, CAPITALS) == 0, "and so does a read");
    NtClose(Device);
}

/* Addresses that nobody has looked at: the driver does, and uses good ones as they are. */
static void CheckNeither(HANDLE Device)
{
    ULONG Bytes;

    CheckStatus(Control(Device, IOCTL_TRANSFER_UPCASE_NEITHER, &Bytes), STATUS_SUCCESS,
                "METHOD_NEITHER");
    Check(Bytes == LENGTH && strcmp(Out, CAPITALS) == 0, "the driver has written to them");
    Look(Device, "METHOD_NEITHER");
    Check(View.Type3Input == (ULONG)(ULONG_PTR)In && View.UserBuffer == (ULONG)(ULONG_PTR)Out &&
              View.SystemBuffer == 0 && NoMdl(),
          "the driver has the caller's own addresses");
    CheckStatus(WriteDevice(Device, In, LENGTH, NULL), STATUS_SUCCESS, "a write");
    Look(Device, "neither: write");
    Check(View.UserBuffer == (ULONG)(ULONG_PTR)In && View.SystemBuffer == 0 && NoMdl(),
          "has the caller's address");
    Prepare();
    CheckStatus(ReadDevice(Device, Out, LENGTH, &Bytes), STATUS_SUCCESS, "a read");
    Check(Bytes == LENGTH && strcmp(Out, CAPITALS) == 0, "writes to it");
    CheckStatus(ReadDevice(Device, (PVOID)0x10, LENGTH, NULL), STATUS_ACCESS_VIOLATION, "a read");
    Look(Device, "neither: bad read");
    Check(View.UserBuffer == 0x10, "has it, though there is nothing");
}

/* A place for LENGTH bytes, as the input and output of a control code, and of a write and read. */
static void CheckPlace(HANDLE Device, PVOID Place, NTSTATUS Read, NTSTATUS Written,
                       const char *What)
{
    const ULONG Code = IOCTL_TRANSFER_UPCASE_NEITHER;
    ULONG Bytes;

    Prepare();
    CheckStatus(ControlDevice(Device, Code, Place, LENGTH, Out, LENGTH, NULL), Read, What);
    CheckStatus(ControlDevice(Device, Code, In, LENGTH, Place, LENGTH, &Bytes), Written,
                "... for the output");
    Check(Bytes == (NT_SUCCESS(Written) ? LENGTH : 0), "... and nothing counts that is not there");
    CheckStatus(WriteDevice(Device, Place, LENGTH, NULL), Read, "... for a write");
    CheckStatus(WriteDevice(Device, In, LENGTH, NULL), STATUS_SUCCESS, "(a good write)");
    CheckStatus(ReadDevice(Device, Place, LENGTH, NULL), Written, "... for a read");
    CheckStatus(ControlDevice(Device, Code, Place, 0, Place, 0, NULL), STATUS_SUCCESS,
                "... no bytes of it");
}

/* Two pages, of which the second one has that protection; 0: it is not there. */
static PUCHAR NewPages(ULONG Protect)
{
    PVOID Base = NULL, Second;
    SIZE_T Size = 2 * PAGE_SIZE;
    ULONG Old;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_RESERVE | MEM_COMMIT,
                            PAGE_READWRITE);
    memset(Base, 'x', 2 * PAGE_SIZE);
    Second = (PUCHAR)Base + PAGE_SIZE;
    Size = PAGE_SIZE;
    if (Protect)
        NtProtectVirtualMemory(NtCurrentProcess(), &Second, &Size, Protect, &Old);
    else
        NtFreeVirtualMemory(NtCurrentProcess(), &Second, &Size, MEM_DECOMMIT);
    return Base;
}

static void FreePages(PVOID Base)
{
    SIZE_T Size = 0;

    NtFreeVirtualMemory(NtCurrentProcess(), &Base, &Size, MEM_RELEASE);
}

static void CheckBadPlaces(HANDLE Device)
{
    const NTSTATUS Bad = STATUS_ACCESS_VIOLATION, Good = STATUS_SUCCESS;
    PUCHAR Hole = NewPages(0), ReadOnly = NewPages(PAGE_READONLY);
    PUCHAR NoAccess = NewPages(PAGE_NOACCESS);

    CheckPlace(Device, Hole, Good, Good, "a good page");
    CheckPlace(Device, Hole + PAGE_SIZE, Bad, Bad, "a page that is not there");
    CheckPlace(Device, Hole + PAGE_SIZE - 7, Bad, Bad, "a part of it");
    CheckPlace(Device, Hole + PAGE_SIZE - LENGTH, Good, Good, "what ends before it");
    CheckPlace(Device, ReadOnly + PAGE_SIZE, Good, Bad, "a page to be read only");
    CheckPlace(Device, ReadOnly + PAGE_SIZE - 7, Good, Bad, "a part of it");
    CheckPlace(Device, NoAccess + PAGE_SIZE, Bad, Bad, "a page without access");
    CheckPlace(Device, NULL, Bad, Bad, "NULL");
    CheckPlace(Device, (PVOID)0x7FFE0000, Good, Bad, "the page shared with the kernel");
    CheckPlace(Device, (PVOID)0x7FFEFFFF, Bad, Bad, "the end of the lower half");
    CheckPlace(Device, (PVOID)0x7FFF0000, Bad, Bad, "what is behind it");
    CheckPlace(Device, (PVOID)0x80100000, Bad, Bad, "the kernel");
    CheckPlace(Device, (PVOID)0xFFFFFFF8, Bad, Bad, "the end of all addresses");
    FreePages(Hole);
    FreePages(ReadOnly);
    FreePages(NoAccess);
}

/* The ends of what is sensible. */
static void CheckCorners(HANDLE Device)
{
    ULONG Bytes = 1;

    CheckStatus(ControlDevice(Device, IOCTL_TRANSFER_UPCASE_DIRECT, NULL, 0, NULL, 0, &Bytes),
                STATUS_SUCCESS, "no buffers at all");
    Check(Bytes == 0, "nothing is transferred");
    Prepare();
    ControlDevice(Device, IOCTL_TRANSFER_UPCASE_BUFFERED, In, LENGTH, Out, 4, &Bytes);
    Check(Bytes == 4 && strcmp(Out, "FOUR..") == 0, "no more comes than there is room for");
    CheckStatus(WriteDevice(Device, Memory, sizeof Memory, &Bytes), STATUS_SUCCESS, "a long write");
    Check(Bytes == TRANSFER_STORE_BYTES, "is taken in part");
    CheckStatus(WriteDevice(Device, Memory, 0, &Bytes), STATUS_SUCCESS, "an empty write");
    CheckStatus(ReadDevice(Device, Memory, 8, &Bytes), STATUS_SUCCESS, "after it a read");
    Check(Bytes == 0, "gives nothing");
    CheckStatus(ControlDevice(Device, IOCTL_TRANSFER_UPCASE_DIRECT, In, 4, (PVOID)0x10, 4, NULL),
                STATUS_ACCESS_VIOLATION, "a bad address does not reach the driver");
    CheckStatus(ControlDevice(Device, IOCTL_TRANSFER_GET_VIEW, NULL, 0, &View, 1, NULL),
                STATUS_BUFFER_TOO_SMALL, "a view is whole");
    CheckStatus(ControlDevice(Device, IOCTL_TRANSFER_GET_VIEW + 4, NULL, 0, NULL, 0, NULL),
                STATUS_INVALID_DEVICE_REQUEST, "there is no other control code");
}

int main(void)
{
    HANDLE Device;
    USAGE Before;

    Prepare(); /* what the program takes is there before, and after */
    memset(Rows, 0, sizeof Rows);
    LoadDriver("transfer");
    CheckStatus(UnloadDriver("transfer"), STATUS_SUCCESS, "the driver is unloaded");
    QuerySteadyUsage(&Before);
    CheckStatus(LoadDriver("transfer"), STATUS_SUCCESS, "the driver is loaded");
    Device = Open(L"\\??\\" TRANSFER_BUFFERED);
    CheckControls(Device);
    CheckCorners(Device);
    NtClose(Device);
    CheckWriteAndRead(L"\\??\\" TRANSFER_BUFFERED, "buffered: write", "buffered: read");
    CheckWriteAndRead(L"\\??\\" TRANSFER_DIRECT, "direct: write", "direct: read");
    Device = Open(L"\\??\\" TRANSFER_NEITHER);
    CheckNeither(Device);
    CheckBadPlaces(Device);
    NtClose(Device);
    CheckStatus(UnloadDriver("transfer"), STATUS_SUCCESS, "the driver is unloaded");
    CheckUsage(&Before, "all this");
    PrintTable();
    return CheckSummary("transfer");
}
