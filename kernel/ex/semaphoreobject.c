/*
 * Semaphore objects for programs: a KSEMAPHORE with a name and handles.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "kernel/services.h"
#include "sched/sched.h"

static OBJECT_TYPE ExpSemaphoreTypeObject = {
    .Name = "Semaphore",
    .AllAccess = SEMAPHORE_ALL_ACCESS,
    .Mapping = {STANDARD_RIGHTS_READ | SEMAPHORE_QUERY_STATE,
                STANDARD_RIGHTS_WRITE | SEMAPHORE_MODIFY_STATE,
                STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE, SEMAPHORE_ALL_ACCESS},
    .Waitable = TRUE};
static POBJECT_TYPE ExpSemaphoreType = &ExpSemaphoreTypeObject;
POBJECT_TYPE *ExSemaphoreObjectType = &ExpSemaphoreType;

static VOID ExpFillSemaphore(PVOID Object, PVOID Parameter)
{
    const SEMAPHORE_BASIC_INFORMATION *Start = Parameter;

    KeInitializeSemaphore(Object, Start->CurrentCount, Start->MaximumCount);
}

/* Creates a semaphore (undocumented, but well known). The count is from 0 to its positive limit. */
NTSTATUS NTAPI NtCreateSemaphore(PHANDLE SemaphoreHandle, ACCESS_MASK DesiredAccess,
                                 POBJECT_ATTRIBUTES ObjectAttributes, LONG InitialCount,
                                 LONG MaximumCount)
{
    SEMAPHORE_BASIC_INFORMATION Start = {InitialCount, MaximumCount};

    if (MaximumCount <= 0 || InitialCount < 0 || InitialCount > MaximumCount)
        return STATUS_INVALID_PARAMETER;
    return ObpCreateService(SemaphoreHandle, DesiredAccess, ObjectAttributes, ExpSemaphoreType,
                            sizeof(KSEMAPHORE), ExpFillSemaphore, &Start);
}

NTSTATUS NTAPI NtOpenSemaphore(PHANDLE SemaphoreHandle, ACCESS_MASK DesiredAccess,
                               POBJECT_ATTRIBUTES ObjectAttributes)
{
    return ObpOpenService(SemaphoreHandle, DesiredAccess, ObjectAttributes, ExpSemaphoreType);
}

/* STATUS_SEMAPHORE_LIMIT_EXCEEDED: the count stays as it was. */
NTSTATUS NTAPI NtReleaseSemaphore(HANDLE SemaphoreHandle, LONG ReleaseCount, PLONG PreviousCount)
{
    PKSEMAPHORE Semaphore;
    LONG Previous;
    NTSTATUS Status = PreviousCount ? ExProbeOut(PreviousCount, sizeof Previous) : STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status) && ReleaseCount <= 0)
        Status = STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(Status))
        Status = ObReferenceObjectByHandle(SemaphoreHandle, SEMAPHORE_MODIFY_STATE,
                                           ExpSemaphoreType, KiGetCurrentThread()->PreviousMode,
                                           (PVOID *)&Semaphore, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = KiReleaseSemaphore(Semaphore, SEMAPHORE_INCREMENT, ReleaseCount, FALSE, &Previous);
    ObDereferenceObject(Semaphore);
    if (NT_SUCCESS(Status) && PreviousCount)
        Status = ExCopyOut(PreviousCount, &Previous, sizeof Previous);
    return Status;
}

static VOID ExpReadSemaphore(PVOID Object, PVOID Answer)
{
    PKSEMAPHORE Semaphore = Object;
    SEMAPHORE_BASIC_INFORMATION *Basic = Answer;

    Basic->CurrentCount = KeReadStateSemaphore(Semaphore);
    Basic->MaximumCount = Semaphore->Limit;
}

NTSTATUS NTAPI NtQuerySemaphore(HANDLE SemaphoreHandle, ULONG SemaphoreInformationClass,
                                PVOID SemaphoreInformation, ULONG SemaphoreInformationLength,
                                PULONG ReturnLength)
{
    EXP_QUERY Query = {SemaphoreHandle, SEMAPHORE_QUERY_STATE, ExpSemaphoreType,
                       SemaphoreInformationClass};

    return ExpQueryObject(&Query, ExpReadSemaphore, sizeof(SEMAPHORE_BASIC_INFORMATION),
                          SemaphoreInformation, SemaphoreInformationLength, ReturnLength);
}
