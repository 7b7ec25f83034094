/*
 * What the NtQueryXxx services of events, semaphores, mutants and timers have in common: one class
 * of information, of a fixed length.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "sched/sched.h"

#define LONGEST_ANSWER 16

/* Read fills in an answer of Bytes for the object. STATUS_INFO_LENGTH_MISMATCH: Length is not that.
 */
NTSTATUS ExpQueryObject(const EXP_QUERY *Query, VOID (*Read)(PVOID Object, PVOID Answer),
                        ULONG Bytes, PVOID Buffer, ULONG Length, PULONG ReturnLength)
{
    ULONGLONG Answer[LONGEST_ANSWER / sizeof(ULONGLONG)] = {0};
    PVOID Object;
    NTSTATUS Status = ExProbeOut(Buffer, Length);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    ASSERT(Bytes <= sizeof Answer);
    if (NT_SUCCESS(Status) && ReturnLength)
        Status = ExProbeOut(ReturnLength, sizeof Bytes);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Query->Class != 0)
        return STATUS_INVALID_INFO_CLASS;
    if (Length != Bytes)
        return STATUS_INFO_LENGTH_MISMATCH;
    Status = ObReferenceObjectByHandle(Query->Handle, Query->Access, Query->Type,
                                       KiGetCurrentThread()->PreviousMode, &Object, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Read(Object, Answer);
    ObDereferenceObject(Object);
    Status = ExCopyOut(Buffer, Answer, Bytes);
    if (NT_SUCCESS(Status) && ReturnLength)
        Status = ExCopyOut(ReturnLength, &Bytes, sizeof Bytes);
    return Status;
}
