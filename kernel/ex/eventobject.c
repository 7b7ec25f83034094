/*
 * Event objects for user mode, waiting on objects by handle, and the time services.
 */
#include "kernel/ex/capture.h"
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "kernel/services.h"
#include "sched/sched.h"

static OBJECT_TYPE ExpEventTypeObject = {
    .Name = "Event", .AllAccess = EVENT_ALL_ACCESS, .Waitable = TRUE};
static POBJECT_TYPE ExpEventType = &ExpEventTypeObject;
POBJECT_TYPE *ExEventObjectType = &ExpEventType;

/* The event that an event handle of the running service's caller names, referenced. */
static NTSTATUS ExpReferenceEvent(HANDLE Handle, PKEVENT *Event)
{
    return ObReferenceObjectByHandle(Handle, EVENT_MODIFY_STATE, ExpEventType,
                                     KiGetCurrentThread()->PreviousMode, (PVOID *)Event, NULL);
}

/* Gives the caller the handle, or closes it again. */
static NTSTATUS ExpReturnHandle(HANDLE Handle, PHANDLE UserHandle)
{
    NTSTATUS Status = ExCopyOut(UserHandle, &Handle, sizeof Handle);

    if (!NT_SUCCESS(Status))
        ObCloseHandle(Handle, KernelMode);
    return Status;
}

static NTSTATUS ExpCreateEvent(PEX_ATTRIBUTES Attributes, EVENT_TYPE Type, BOOLEAN State,
                               PHANDLE Handle)
{
    PKEVENT Event;
    NTSTATUS Status = ObpAllocateObject(ExpEventType, sizeof *Event, (PVOID *)&Event);

    if (!NT_SUCCESS(Status))
        return Status;
    KeInitializeEvent(Event, Type, State);
    return ObpInsertObject(Event, Attributes, EVENT_ALL_ACCESS, Handle);
}

/* Creates an event (WDK: ZwCreateEvent). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes, EVENT_TYPE EventType,
                             BOOLEAN InitialState)
{
    EX_ATTRIBUTES Attributes;
    HANDLE Handle;
    NTSTATUS Status, Returned;

    UNREFERENCED_PARAMETER(DesiredAccess);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (EventType != NotificationEvent && EventType != SynchronizationEvent)
        return STATUS_INVALID_PARAMETER;
    Status = ExProbeOut(EventHandle, sizeof *EventHandle);
    if (NT_SUCCESS(Status))
        Status = ExCaptureAttributes(&Attributes, ObjectAttributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ExpCreateEvent(&Attributes, EventType, InitialState != FALSE, &Handle);
    ExReleaseAttributes(&Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Returned = ExpReturnHandle(Handle, EventHandle);
    return NT_SUCCESS(Returned) ? Status : Returned;
}

NTSTATUS NTAPI NtOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes)
{
    EX_ATTRIBUTES Attributes;
    HANDLE Handle;
    NTSTATUS Status = ExProbeOut(EventHandle, sizeof *EventHandle);

    UNREFERENCED_PARAMETER(DesiredAccess);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = ExCaptureAttributes(&Attributes, ObjectAttributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpOpenObjectByName(&Attributes, ExpEventType, EVENT_ALL_ACCESS, &Handle);
    ExReleaseAttributes(&Attributes);
    return NT_SUCCESS(Status) ? ExpReturnHandle(Handle, EventHandle) : Status;
}

typedef LONG(NTAPI *PEVENT_OPERATION)(PRKEVENT Event);

static LONG NTAPI ExpSetEvent(PRKEVENT Event)
{
    return KeSetEvent(Event, EVENT_INCREMENT, FALSE);
}

static NTSTATUS ExpOperateEvent(HANDLE Handle, PLONG PreviousState, PEVENT_OPERATION Operation)
{
    PKEVENT Event;
    LONG Previous;
    NTSTATUS Status = PreviousState ? ExProbeOut(PreviousState, sizeof Previous) : STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = ExpReferenceEvent(Handle, &Event);
    if (!NT_SUCCESS(Status))
        return Status;
    Previous = Operation(Event);
    ObDereferenceObject(Event);
    return PreviousState ? ExCopyOut(PreviousState, &Previous, sizeof Previous) : STATUS_SUCCESS;
}

NTSTATUS NTAPI NtSetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return ExpOperateEvent(EventHandle, PreviousState, ExpSetEvent);
}

NTSTATUS NTAPI NtResetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return ExpOperateEvent(EventHandle, PreviousState, KeResetEvent);
}

NTSTATUS NTAPI NtClearEvent(HANDLE EventHandle)
{
    return ExpOperateEvent(EventHandle, NULL, KeResetEvent);
}

/* Where the dispatcher header of an object is; NULL: it cannot be waited for. */
static PVOID ExpWaitableOf(PVOID Object)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(Object)->Type;

    return Type->Waitable ? (PUCHAR)Object + Type->WaitOffset : NULL;
}

/* Waits for an object by handle (WDK: ZwWaitForSingleObject). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    KPROCESSOR_MODE Mode = KiGetCurrentThread()->PreviousMode;
    LARGE_INTEGER Captured;
    PVOID Object, Waitable;
    NTSTATUS Status = STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Timeout)
        Status = ExCopyIn(&Captured, Timeout, sizeof Captured);
    if (NT_SUCCESS(Status))
        Status = ObReferenceObjectByHandle(Handle, SYNCHRONIZE, NULL, Mode, &Object, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Waitable = ExpWaitableOf(Object);
    Status = STATUS_OBJECT_TYPE_MISMATCH;
    if (Waitable)
        Status = KeWaitForSingleObject(Waitable, UserRequest, Mode, Alertable,
                                       Timeout ? &Captured : NULL);
    ObDereferenceObject(Object);
    return Status;
}

NTSTATUS NTAPI NtDelayExecution(BOOLEAN Alertable, PLARGE_INTEGER DelayInterval)
{
    LARGE_INTEGER Captured;
    NTSTATUS Status = ExCopyIn(&Captured, DelayInterval, sizeof Captured);

    if (!NT_SUCCESS(Status))
        return Status;
    return KeDelayExecutionThread(KiGetCurrentThread()->PreviousMode, Alertable, &Captured);
}

NTSTATUS NTAPI NtQuerySystemTime(PLARGE_INTEGER SystemTime)
{
    LARGE_INTEGER Now;

    KeQuerySystemTime(&Now);
    return ExCopyOut(SystemTime, &Now, sizeof Now);
}
