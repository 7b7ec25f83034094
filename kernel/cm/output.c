/*
 * Information for a caller's buffer that may be too small (kernel/cm/cm.h, CM_OUTPUT; WDK:
 * ZwQueryKey and ZwQueryValueKey, return values).
 */
#include "kernel/cm/cm.h"
#include "kernel/rtl/rtl.h"

/* The first failure is the one that counts. */
static VOID CmpNote(CM_OUTPUT *Output, NTSTATUS Status)
{
    if (Output->Status == STATUS_SUCCESS)
        Output->Status = Status;
}

/* Drivers that filter the registry may write there, too. */
NTSTATUS CmpProbeOutput(PVOID Buffer, ULONG Length, PULONG ResultLength)
{
    NTSTATUS Status = ExProbeOut(Buffer, Length);

    return NT_SUCCESS(Status) ? ExProbeOut(ResultLength, sizeof *ResultLength) : Status;
}

/* The fixed part: all of it or nothing. */
VOID CmpPutFixed(CM_OUTPUT *Output, const VOID *From, ULONG Bytes)
{
    Output->Required = Bytes;
    CmpNote(Output, Bytes > Output->Length ? STATUS_BUFFER_TOO_SMALL
                                           : ExCopyOut(Output->Buffer, From, Bytes));
}

/* Further information at its place: as much as fits, if the fixed part did. */
VOID CmpPutVariable(CM_OUTPUT *Output, ULONG Offset, const VOID *From, ULONG Bytes)
{
    ULONG Room = Offset < Output->Length ? Output->Length - Offset : 0;

    if (Bytes == 0)
        return;
    Output->Required = Offset + Bytes;
    if (!NT_SUCCESS(Output->Status) && Output->Status != STATUS_BUFFER_OVERFLOW)
        return;
    CmpNote(Output, ExCopyOut(Output->Buffer + Offset, From, min(Bytes, Room)));
    if (Bytes > Room)
        CmpNote(Output, STATUS_BUFFER_OVERFLOW);
}

NTSTATUS CmpEndOutput(CM_OUTPUT *Output, PULONG ResultLength)
{
    NTSTATUS Status = ExCopyOut(ResultLength, &Output->Required, sizeof *ResultLength);

    return NT_SUCCESS(Status) ? Output->Status : Status;
}
