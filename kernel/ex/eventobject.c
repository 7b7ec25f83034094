/*
 * Event objects for programs, and for drivers that share them with programs by name.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "kernel/services.h"
#include "sched/sched.h"

static OBJECT_TYPE ExpEventTypeObject = {.Name = "Event",
                                         .AllAccess = EVENT_ALL_ACCESS,
                                         .Mapping = {STANDARD_RIGHTS_READ | EVENT_QUERY_STATE,
                                                     STANDARD_RIGHTS_WRITE | EVENT_MODIFY_STATE,
                                                     STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE,
                                                     EVENT_ALL_ACCESS},
                                         .Waitable = TRUE};
static POBJECT_TYPE ExpEventType = &ExpEventTypeObject;
POBJECT_TYPE *ExEventObjectType = &ExpEventType;

typedef struct _EXP_EVENT_START {
    EVENT_TYPE Type;
    BOOLEAN State;
} EXP_EVENT_START;

static VOID ExpFillEvent(PVOID Object, PVOID Parameter)
{
    EXP_EVENT_START *Start = Parameter;

    KeInitializeEvent(Object, Start->Type, Start->State);
}

/* Creates an event (WDK: ZwCreateEvent). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes, EVENT_TYPE EventType,
                             BOOLEAN InitialState)
{
    EXP_EVENT_START Start = {EventType, InitialState != FALSE};

    if (EventType != NotificationEvent && EventType != SynchronizationEvent)
        return STATUS_INVALID_PARAMETER;
    return ObpCreateService(EventHandle, DesiredAccess, ObjectAttributes, ExpEventType,
                            sizeof(KEVENT), ExpFillEvent, &Start);
}

NTSTATUS NTAPI NtOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes)
{
    return ObpOpenService(EventHandle, DesiredAccess, ObjectAttributes, ExpEventType);
}

/* ---- The state ---------------------------------------------------------------------------------
 */

typedef LONG(NTAPI *PEVENT_OPERATION)(PRKEVENT Event);

static LONG NTAPI ExpSetEvent(PRKEVENT Event)
{
    return KeSetEvent(Event, EVENT_INCREMENT, FALSE);
}

static LONG NTAPI ExpPulseEvent(PRKEVENT Event)
{
    return KePulseEvent(Event, EVENT_INCREMENT, FALSE);
}

static NTSTATUS ExpOperateEvent(HANDLE Handle, PLONG PreviousState, PEVENT_OPERATION Operation)
{
    PKEVENT Event;
    LONG Previous;
    NTSTATUS Status = PreviousState ? ExProbeOut(PreviousState, sizeof Previous) : STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status =
            ObReferenceObjectByHandle(Handle, EVENT_MODIFY_STATE, ExpEventType,
                                      KiGetCurrentThread()->PreviousMode, (PVOID *)&Event, NULL);
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

NTSTATUS NTAPI NtPulseEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return ExpOperateEvent(EventHandle, PreviousState, ExpPulseEvent);
}

NTSTATUS NTAPI NtClearEvent(HANDLE EventHandle)
{
    return ExpOperateEvent(EventHandle, NULL, KeResetEvent);
}

static VOID ExpReadEvent(PVOID Object, PVOID Answer)
{
    PKEVENT Event = Object;
    EVENT_BASIC_INFORMATION *Basic = Answer;

    Basic->EventType =
        Event->Header.Type == EventNotificationObject ? NotificationEvent : SynchronizationEvent;
    Basic->EventState = KeReadStateEvent(Event);
}

NTSTATUS NTAPI NtQueryEvent(HANDLE EventHandle, ULONG EventInformationClass, PVOID EventInformation,
                            ULONG EventInformationLength, PULONG ReturnLength)
{
    EXP_QUERY Query = {EventHandle, EVENT_QUERY_STATE, ExpEventType, EventInformationClass};

    return ExpQueryObject(&Query, ExpReadEvent, sizeof(EVENT_BASIC_INFORMATION), EventInformation,
                          EventInformationLength, ReturnLength);
}

/* ---- For drivers -------------------------------------------------------------------------------
 */

/* Opens the event of a name, or makes it, signalled. The handle is one of the kernel's, which keeps
 * the event alive, not the pointer. NULL: neither can be done. */
static PKEVENT ExpCreateNamedEvent(PUNICODE_STRING EventName, EVENT_TYPE Type, PHANDLE EventHandle)
{
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle;
    PVOID Event;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    InitializeObjectAttributes(&Attributes, EventName,
                               OBJ_OPENIF | OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    Status = ZwCreateEvent(&Handle, EVENT_ALL_ACCESS, &Attributes, Type, TRUE);
    if (!NT_SUCCESS(Status))
        return NULL;
    ObReferenceObjectByHandle(Handle, 0, ExpEventType, KernelMode, &Event, NULL);
    ObDereferenceObject(Event);
    *EventHandle = Handle;
    return Event;
}

/* (WDK: IoCreateNotificationEvent.) IRQL: PASSIVE_LEVEL. */
PKEVENT NTAPI IoCreateNotificationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    return ExpCreateNamedEvent(EventName, NotificationEvent, EventHandle);
}

PKEVENT NTAPI IoCreateSynchronizationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    return ExpCreateNamedEvent(EventName, SynchronizationEvent, EventHandle);
}
