/*
 * Waiting by handle: for one object, for several, and after signalling another.
 */
#include "kernel/ex/capture.h"
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/sched.h"

#define TAG_WAIT 'tiaW'

/* How to wait, captured. */
typedef struct _EXP_WAIT {
    KPROCESSOR_MODE Mode;
    BOOLEAN Alertable;
    PLARGE_INTEGER Timeout; /* NULL: for ever */
    LARGE_INTEGER Time;
} EXP_WAIT;

static NTSTATUS ExpBeginWait(EXP_WAIT *Wait, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *Wait = (EXP_WAIT){.Mode = KiGetCurrentThread()->PreviousMode, .Alertable = Alertable};
    if (Timeout == NULL)
        return STATUS_SUCCESS;
    Wait->Timeout = &Wait->Time;
    return ExCopyIn(&Wait->Time, Timeout, sizeof *Timeout);
}

/* References what a handle names, and finds its dispatcher header. */
static NTSTATUS ExpReferenceWaitable(HANDLE Handle, KPROCESSOR_MODE Mode, PVOID *Object,
                                     PVOID *Waitable)
{
    POBJECT_TYPE Type;
    NTSTATUS Status = ObReferenceObjectByHandle(Handle, SYNCHRONIZE, NULL, Mode, Object, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    Type = OBJECT_TO_HEADER(*Object)->Type;
    *Waitable = (PUCHAR)*Object + Type->WaitOffset;
    if (Type->Waitable)
        return STATUS_SUCCESS;
    ObDereferenceObject(*Object);
    return STATUS_OBJECT_TYPE_MISMATCH;
}

/* Waits for an object by handle (WDK: ZwWaitForSingleObject). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    EXP_WAIT Wait;
    PVOID Object, Waitable;
    NTSTATUS Status = ExpBeginWait(&Wait, Alertable, Timeout);

    if (NT_SUCCESS(Status))
        Status = ExpReferenceWaitable(Handle, Wait.Mode, &Object, &Waitable);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = KeWaitForSingleObject(Waitable, UserRequest, Wait.Mode, Wait.Alertable, Wait.Timeout);
    ObDereferenceObject(Object);
    return Status;
}

/* ---- Several objects ---------------------------------------------------------------------------
 */

/* What a wait for many objects needs, too large for a kernel stack. Nonpaged: it has wait blocks.
 */
typedef struct _EXP_OBJECTS {
    HANDLE Handles[MAXIMUM_WAIT_OBJECTS];
    PVOID Objects[MAXIMUM_WAIT_OBJECTS]; /* referenced, the first Count */
    PVOID Waitables[MAXIMUM_WAIT_OBJECTS];
    KWAIT_BLOCK Blocks[MAXIMUM_WAIT_OBJECTS];
    ULONG Count;
} EXP_OBJECTS;

/* An object that is there twice can never satisfy a wait for all. */
static BOOLEAN ExpHasDuplicates(const EXP_OBJECTS *Objects)
{
    ULONG i, j;

    for (i = 1; i < Objects->Count; i++) {
        for (j = 0; j < i; j++) {
            if (Objects->Objects[i] == Objects->Objects[j])
                return TRUE;
        }
    }
    return FALSE;
}

static NTSTATUS ExpReferenceObjects(EXP_OBJECTS *Objects, ULONG Count, const VOID *UserHandles,
                                    KPROCESSOR_MODE Mode)
{
    NTSTATUS Status = ExCopyIn(Objects->Handles, UserHandles, Count * sizeof(HANDLE));

    Objects->Count = 0;
    while (NT_SUCCESS(Status) && Objects->Count < Count) {
        ULONG i = Objects->Count;
        Status = ExpReferenceWaitable(Objects->Handles[i], Mode, &Objects->Objects[i],
                                      &Objects->Waitables[i]);
        if (NT_SUCCESS(Status))
            Objects->Count++;
    }
    return Status;
}

/*
 * Waits for one of several objects or for all of them (as KeWaitForMultipleObjects in the WDK).
 * STATUS_INVALID_PARAMETER_1: none, or more than 64; STATUS_INVALID_PARAMETER_MIX: for all, and one
 * is there twice. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtWaitForMultipleObjects(ULONG HandleCount, PHANDLE Handles, WAIT_TYPE WaitType,
                                        BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    EXP_OBJECTS *Objects;
    EXP_WAIT Wait;
    NTSTATUS Status = ExpBeginWait(&Wait, Alertable, Timeout);

    if (!NT_SUCCESS(Status))
        return Status;
    if (HandleCount == 0 || HandleCount > MAXIMUM_WAIT_OBJECTS)
        return STATUS_INVALID_PARAMETER_1;
    if (WaitType != WaitAll && WaitType != WaitAny)
        return STATUS_INVALID_PARAMETER_3;
    Objects = ExAllocatePoolWithTag(NonPagedPool, sizeof *Objects, TAG_WAIT);
    if (Objects == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = ExpReferenceObjects(Objects, HandleCount, Handles, Wait.Mode);
    if (NT_SUCCESS(Status) && WaitType == WaitAll && ExpHasDuplicates(Objects))
        Status = STATUS_INVALID_PARAMETER_MIX;
    if (NT_SUCCESS(Status))
        Status = KeWaitForMultipleObjects(HandleCount, Objects->Waitables, WaitType, UserRequest,
                                          Wait.Mode, Wait.Alertable, Wait.Timeout, Objects->Blocks);
    while (Objects->Count)
        ObDereferenceObject(Objects->Objects[--Objects->Count]);
    ExFreePoolWithTag(Objects, TAG_WAIT);
    return Status;
}

/* ---- Signal and wait ---------------------------------------------------------------------------
 */

/* The right that signalling an object takes; 0: it cannot be signalled by handle. */
static ACCESS_MASK ExpSignalAccess(POBJECT_TYPE Type)
{
    if (Type == ExpMutantType)
        return SYNCHRONIZE;
    if (Type == *ExSemaphoreObjectType)
        return SEMAPHORE_MODIFY_STATE;
    return Type == *ExEventObjectType ? EVENT_MODIFY_STATE : 0;
}

/* References an object that can be signalled by handle: event, semaphore, mutant. */
static NTSTATUS ExpReferenceSignal(HANDLE Handle, KPROCESSOR_MODE Mode, PVOID *Object)
{
    OBJECT_HANDLE_INFORMATION Information;
    ACCESS_MASK Needed;
    NTSTATUS Status = ObReferenceObjectByHandle(Handle, 0, NULL, Mode, Object, &Information);

    if (!NT_SUCCESS(Status))
        return Status;
    Needed = ExpSignalAccess(OBJECT_TO_HEADER(*Object)->Type);
    if (Needed == 0)
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    else if (Mode != KernelMode && (Needed & ~Information.GrantedAccess))
        Status = STATUS_ACCESS_DENIED;
    if (!NT_SUCCESS(Status))
        ObDereferenceObject(*Object);
    return Status;
}

/* Signals, and leaves the dispatcher lock taken for the wait that is the next thing, but not if it
 * fails. */
static NTSTATUS ExpSignal(PVOID Object)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(Object)->Type;
    LONG Previous;

    if (Type == ExpMutantType)
        return KiReleaseMutant(Object, MUTANT_INCREMENT, FALSE, TRUE, &Previous);
    if (Type == *ExSemaphoreObjectType)
        return KiReleaseSemaphore(Object, SEMAPHORE_INCREMENT, 1, TRUE, &Previous);
    KeSetEvent(Object, EVENT_INCREMENT, TRUE);
    return STATUS_SUCCESS;
}

/*
 * Signals one object and waits for another, and nothing comes between (undocumented, but well
 * known). If the first cannot be signalled, there is no wait.
 */
NTSTATUS NTAPI NtSignalAndWaitForSingleObject(HANDLE SignalHandle, HANDLE WaitHandle,
                                              BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    EXP_WAIT Wait;
    PVOID Signal, Object, Waitable;
    NTSTATUS Status = ExpBeginWait(&Wait, Alertable, Timeout);

    if (NT_SUCCESS(Status))
        Status = ExpReferenceSignal(SignalHandle, Wait.Mode, &Signal);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ExpReferenceWaitable(WaitHandle, Wait.Mode, &Object, &Waitable);
    if (NT_SUCCESS(Status)) {
        Status = ExpSignal(Signal);
        if (Status == STATUS_SUCCESS)
            Status = KeWaitForSingleObject(Waitable, UserRequest, Wait.Mode, Wait.Alertable,
                                           Wait.Timeout);
        ObDereferenceObject(Object);
    }
    ObDereferenceObject(Signal);
    return Status;
}
