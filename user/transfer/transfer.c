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

/* Addresses that nobody has looked at: the driver must not use them as they are. */
static void CheckNeither(void)
{
    HANDLE Device = Open(L"\\??\\" TRANSFER_NEITHER);

    CheckStatus(Control(Device, IOCTL_TRANSFER_UPCASE_NEITHER, NULL), STATUS_NOT_SUPPORTED,
                "METHOD_NEITHER");
    Look(Device, "METHOD_NEITHER");
    Check(View.Type3Input == (ULONG)(ULONG_PTR)In && View.UserBuffer == (ULONG)(ULONG_PTR)Out &&
              View.SystemBuffer == 0 && NoMdl(),
          "the driver has the caller's own addresses");
    CheckStatus(WriteDevice(Device, In, LENGTH, NULL), STATUS_NOT_SUPPORTED, "a write");
    Look(Device, "neither: write");
    Check(View.UserBuffer == (ULONG)(ULONG_PTR)In && View.SystemBuffer == 0 && NoMdl(),
          "has the caller's address");
    CheckStatus(ReadDevice(Device, (PVOID)0x10, LENGTH, NULL), STATUS_NOT_SUPPORTED, "a read");
    Look(Device, "neither: bad read");
    Check(View.UserBuffer == 0x10, "has it, though there is nothing");
    NtClose(Device);
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
    CheckNeither();
    CheckStatus(UnloadDriver("transfer"), STATUS_SUCCESS, "the driver is unloaded");
    CheckUsage(&Before, "all this");
    PrintTable();
    return CheckSummary("transfer");
}
