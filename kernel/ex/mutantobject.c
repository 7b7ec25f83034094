/*
 * Mutant objects, which are what programs call mutexes: a KMUTANT with a name and handles.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "kernel/services.h"
#include "sched/sched.h"

/* A mutant that goes, goes out of its owner's list: the last handle may be closed by others. */
static VOID ExpDeleteMutant(PVOID Object)
{
    KeReleaseMutant(Object, MUTANT_INCREMENT, TRUE, FALSE);
}

static OBJECT_TYPE ExpMutantTypeObject = {
    .Name = "Mutant",
    .AllAccess = MUTANT_ALL_ACCESS,
    .Mapping = {STANDARD_RIGHTS_READ | MUTANT_QUERY_STATE, STANDARD_RIGHTS_WRITE,
                STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE, MUTANT_ALL_ACCESS},
    .Delete = ExpDeleteMutant,
    .Waitable = TRUE};
POBJECT_TYPE ExpMutantType = &ExpMutantTypeObject;

static VOID ExpFillMutant(PVOID Object, PVOID Parameter)
{
    KeInitializeMutant(Object, *(PBOOLEAN)Parameter);
}

/* Creates a mutant, the caller's if InitialOwner (undocumented, but well known). */
NTSTATUS NTAPI NtCreateMutant(PHANDLE MutantHandle, ACCESS_MASK DesiredAccess,
                              POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN InitialOwner)
{
    return ObpCreateService(MutantHandle, DesiredAccess, ObjectAttributes, ExpMutantType,
                            sizeof(KMUTANT), ExpFillMutant, &InitialOwner);
}

NTSTATUS NTAPI NtOpenMutant(PHANDLE MutantHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes)
{
    return ObpOpenService(MutantHandle, DesiredAccess, ObjectAttributes, ExpMutantType);
}

/* STATUS_MUTANT_NOT_OWNED: it is not the calling thread's. */
NTSTATUS NTAPI NtReleaseMutant(HANDLE MutantHandle, PLONG PreviousCount)
{
    PKMUTANT Mutant;
    LONG Previous;
    NTSTATUS Status = PreviousCount ? ExProbeOut(PreviousCount, sizeof Previous) : STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status =
            ObReferenceObjectByHandle(MutantHandle, 0, ExpMutantType,
                                      KiGetCurrentThread()->PreviousMode, (PVOID *)&Mutant, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = KiReleaseMutant(Mutant, MUTANT_INCREMENT, FALSE, FALSE, &Previous);
    ObDereferenceObject(Mutant);
    if (Status == STATUS_SUCCESS && PreviousCount)
        Status = ExCopyOut(PreviousCount, &Previous, sizeof Previous);
    return Status;
}

static VOID ExpReadMutant(PVOID Object, PVOID Answer)
{
    PKMUTANT Mutant = Object;
    MUTANT_BASIC_INFORMATION *Basic = Answer;

    Basic->CurrentCount = KeReadStateMutant(Mutant);
    Basic->OwnedByCaller = Mutant->OwnerThread == KiGetCurrentThread();
    Basic->AbandonedState = Mutant->Abandoned;
}

NTSTATUS NTAPI NtQueryMutant(HANDLE MutantHandle, ULONG MutantInformationClass,
                             PVOID MutantInformation, ULONG MutantInformationLength,
                             PULONG ReturnLength)
{
    EXP_QUERY Query = {MutantHandle, MUTANT_QUERY_STATE, ExpMutantType, MutantInformationClass};

    return ExpQueryObject(&Query, ExpReadMutant, sizeof(MUTANT_BASIC_INFORMATION),
                          MutantInformation, MutantInformationLength, ReturnLength);
}
