/*
 * Which error of the Win32 interface a status is (WDK, "RtlNtStatusToDosError").
 *
 * The table is made by tools/doserrors.py from the public headers and sorted by status.
 * Locks: none; constant data. IRQL: any.
 */
#include "kernel/nt.h"

typedef struct _DOS_ERROR {
    NTSTATUS Status;
    ULONG Error;
} DOS_ERROR;

static const DOS_ERROR DosErrors[] = {
#include <build/doserrors.inc>
};

#define MR_MID_NOT_FOUND  317        /* "the system cannot find message text" */
#define CUSTOMER_BIT      0x20000000 /* the code is not Microsoft's */
#define FROM_NT_BIT       0x10000000 /* a status that has been made an HRESULT */
#define WIN32_FACILITY    0x8007     /* an error that has been made a status or an HRESULT */
#define NT_WIN32_FACILITY 0xC007

ULONG NTAPI RtlNtStatusToDosErrorNoTeb(NTSTATUS Status)
{
    if (((ULONG)Status & CUSTOMER_BIT) != 0) {
        return (ULONG)Status;
    }
    if ((ULONG)Status >> 16 == WIN32_FACILITY || (ULONG)Status >> 16 == NT_WIN32_FACILITY) {
        return (USHORT)Status;
    }
    Status &= ~FROM_NT_BIT;
    ULONG First = 0;
    ULONG Behind = RTL_NUMBER_OF(DosErrors);
    while (First < Behind) {
        ULONG Middle = First + (Behind - First) / 2;
        if (DosErrors[Middle].Status == Status) {
            return DosErrors[Middle].Error;
        }
        if ((ULONG)DosErrors[Middle].Status < (ULONG)Status) {
            First = Middle + 1;
        } else {
            Behind = Middle;
        }
    }
    return MR_MID_NOT_FOUND;
}
