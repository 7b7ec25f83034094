/*
 * Shows what null.sys does: its two devices, read and written with all kinds of buffers.
 *
 *      tools/run --start null.sys --init null.exe
 */
#include "check.h"
#include "device.h"

#define LONG_READ 300001 /* bytes: many pages, neither end at a page's */

static UCHAR Large[LONG_READ + 2 * PAGE_SIZE];

/* Are all bytes of a buffer the same? */
static BOOLEAN AllAre(const UCHAR *Buffer, ULONG Length, UCHAR Value)
{
    ULONG i;

    for (i = 0; i < Length; i++) {
        if (Buffer[i] != Value)
            return FALSE;
    }
    return TRUE;
}

static void CheckNull(HANDLE Null)
{
    UCHAR Buffer[16] = "unchanged";
    ULONG Bytes;

    CheckStatus(ReadDevice(Null, Buffer, sizeof Buffer, NULL), STATUS_END_OF_FILE,
                "NUL: a read is beyond the end");
    CheckStatus(ReadDevice(Null, Buffer, 0, NULL), STATUS_END_OF_FILE, "NUL: even an empty one");
    Check(strcmp((char *)Buffer, "unchanged") == 0, "NUL: the buffer is left alone");
    CheckStatus(WriteDevice(Null, Buffer, sizeof Buffer, &Bytes), STATUS_SUCCESS,
                "NUL: a write is taken");
    Check(Bytes == sizeof Buffer, "NUL: all of it");
    CheckStatus(WriteDevice(Null, (PVOID)0x10, 5000, &Bytes), STATUS_SUCCESS,
                "NUL: whatever its address, for nobody looks");
    CheckStatus(ControlDevice(Null, 0, NULL, 0, NULL, 0, NULL), STATUS_INVALID_DEVICE_REQUEST,
                "NUL: there are no control codes");
}

/* From the middle of a page to the middle of another. */
static void CheckLongRead(HANDLE Zero)
{
    UCHAR *Buffer = Large + PAGE_SIZE - 7;
    ULONG Bytes;

    memset(Large, 0xAA, sizeof Large);
    CheckStatus(ReadDevice(Zero, Buffer, LONG_READ, &Bytes), STATUS_SUCCESS,
                "ZERO: a read over many pages");
    Check(Bytes == LONG_READ && AllAre(Buffer, LONG_READ, 0), "ZERO: gives zeros in all of them");
    Check(AllAre(Large, PAGE_SIZE - 7, 0xAA) && AllAre(Buffer + LONG_READ, PAGE_SIZE + 7, 0xAA),
          "ZERO: and nothing around them");
}

static void CheckZero(HANDLE Zero)
{
    UCHAR Byte = 1;
    ULONG Bytes;

    CheckLongRead(Zero);
    CheckStatus(ReadDevice(Zero, &Byte, 0, &Bytes), STATUS_SUCCESS, "ZERO: an empty read");
    Check(Bytes == 0 && Byte == 1, "ZERO: gives nothing");
    CheckStatus(WriteDevice(Zero, Large, LONG_READ, &Bytes), STATUS_SUCCESS,
                "ZERO: a write is taken");
    Check(Bytes == LONG_READ, "ZERO: all of it");
    CheckStatus(WriteDevice(Zero, Large, 0, &Bytes), STATUS_SUCCESS, "ZERO: an empty write");
    CheckStatus(ReadDevice(Zero, (PVOID)0x10, 4, NULL), STATUS_ACCESS_VIOLATION,
                "ZERO: a bad address is found before the driver is called");
    CheckStatus(ReadDevice(Zero, (PVOID)0x80100000, 4, NULL), STATUS_ACCESS_VIOLATION,
                "ZERO: and so is one in the upper half");
    CheckStatus(ReadDevice(Zero, (PVOID)CheckZero, 4, NULL), STATUS_ACCESS_VIOLATION,
                "ZERO: and one that can only be read");
}

/* While a device is open the driver stays; nobody else can open it any more. */
static void CheckUnload(HANDLE Null, HANDLE Zero)
{
    HANDLE Again;

    CheckStatus(UnloadDriver("null"), STATUS_SUCCESS, "the driver is to be unloaded");
    CheckStatus(OpenDevice(L"\\??\\ZERO", 0, &Again), STATUS_NO_SUCH_DEVICE,
                "then its devices cannot be opened");
    NtClose(Null);
    CheckZero(Zero);
    NtClose(Zero);
}

/* The unloading is done by a worker thread. */
static NTSTATUS OpenWhenGone(HANDLE *Device)
{
    NTSTATUS Status;

    while ((Status = OpenDevice(L"\\??\\NUL", 0, Device)) == STATUS_NO_SUCH_DEVICE)
        SleepMilliseconds(1);
    return Status;
}

int main(void)
{
    HANDLE Null, Zero;
    USAGE Before;

    memset(Large, 0, sizeof Large); /* what it takes is there before, and after */
    LoadDriver("null");             /* it may be there already */
    CheckStatus(UnloadDriver("null"), STATUS_SUCCESS, "the driver is unloaded");
    QuerySteadyUsage(&Before);
    CheckStatus(LoadDriver("null"), STATUS_SUCCESS, "and loaded");
    CheckStatus(OpenDevice(L"\\??\\NUL", FILE_SYNCHRONOUS_IO_NONALERT, &Null), STATUS_SUCCESS,
                "NUL is opened");
    CheckStatus(OpenDevice(L"\\??\\ZERO", FILE_SYNCHRONOUS_IO_NONALERT, &Zero), STATUS_SUCCESS,
                "ZERO is opened");
    CheckNull(Null);
    CheckZero(Zero);
    CheckUnload(Null, Zero);
    CheckStatus(OpenWhenGone(&Null), STATUS_OBJECT_NAME_NOT_FOUND,
                "when both are closed it goes, names and all");
    CheckUsage(&Before, "all this");
    return CheckSummary("null");
}
