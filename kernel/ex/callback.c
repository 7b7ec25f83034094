/*
 * Callback objects: a driver says that something has happened, others have asked to be told (WDK:
 * Callback Objects). The object's lock guards its list of registrations; it is not held while a
 * routine runs. A registration stays in the list as long as one is running for it, so whoever
 * goes through the list never loses its place.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "sched/sched.h"

#define TAG_CALLBACK 'bCxE'

typedef struct _CALLBACK_OBJECT {
    ULONG Signature;
    KSPIN_LOCK Lock;
    LIST_ENTRY RegisteredCallbacks;
    BOOLEAN AllowMultipleCallbacks;
} CALLBACK_OBJECT;

typedef struct _CALLBACK_REGISTRATION {
    LIST_ENTRY Link;
    PCALLBACK_OBJECT CallbackObject; /* a reference */
    PCALLBACK_FUNCTION CallbackFunction;
    PVOID CallbackContext;
    ULONG Busy;       /* how many times the routine is running */
    PKEVENT Finished; /* not NULL: no new calls; to be set when Busy is 0 and the link is gone */
} CALLBACK_REGISTRATION, *PCALLBACK_REGISTRATION;

static OBJECT_TYPE ExpCallbackTypeObject = {.Name = "Callback", .AllAccess = 0x1F0001};
static POBJECT_TYPE ExpCallbackType = &ExpCallbackTypeObject;

/* ---- Objects -----------------------------------------------------------------------------------
 */

static NTSTATUS ExpMakeCallback(PEX_ATTRIBUTES Attributes, BOOLEAN Multiple,
                                PCALLBACK_OBJECT *Callback)
{
    NTSTATUS Status = ObpAllocateObject(ExpCallbackType, sizeof **Callback, (PVOID *)Callback);

    if (!NT_SUCCESS(Status))
        return Status;
    (*Callback)->Signature = TAG_CALLBACK;
    KeInitializeSpinLock(&(*Callback)->Lock);
    InitializeListHead(&(*Callback)->RegisteredCallbacks);
    (*Callback)->AllowMultipleCallbacks = Multiple;
    Attributes->Flags |= OBJ_PERMANENT;
    if (Attributes->Name.Length)
        Status = ObpInsertNameByAttributes(Attributes, *Callback);
    if (!NT_SUCCESS(Status))
        ObDereferenceObject(*Callback);
    return Status;
}

/*
 * Opens a callback object by its name, or makes it if there is none and Create says so (WDK:
 * ExCreateCallback). The caller dereferences it. A name is kept as long as the machine runs, with
 * or without OBJ_PERMANENT: it is there for others to find. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI ExCreateCallback(PCALLBACK_OBJECT *CallbackObject,
                                POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN Create,
                                BOOLEAN AllowMultipleCallbacks)
{
    PUNICODE_STRING Name = ObjectAttributes->ObjectName;
    EX_ATTRIBUTES Attributes;
    NTSTATUS Status = ExTakeKernelAttributes(&Attributes, ObjectAttributes);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (!Create)
        return Name ? ObpOpenByAttributes(&Attributes, ExpCallbackType, NULL,
                                          (PVOID *)CallbackObject)
                    : Status;
    do {
        if (Name)
            Status = ObpOpenToCreate(&Attributes, ExpCallbackType, (PVOID *)CallbackObject);
        if (Status != STATUS_OBJECT_NAME_NOT_FOUND)
            return Status;
        Status = ExpMakeCallback(&Attributes, AllowMultipleCallbacks, CallbackObject);
    } while (Status == STATUS_OBJECT_NAME_COLLISION); /* somebody else has just made it */
    return Status;
}

static NTSTATUS ExpMakeNamedCallback(PCWSTR Path)
{
    EX_ATTRIBUTES Attributes = {0};
    PCALLBACK_OBJECT Callback;
    NTSTATUS Status;

    RtlInitUnicodeString(&Attributes.Name, Path);
    Status = ExpMakeCallback(&Attributes, TRUE, &Callback);
    if (NT_SUCCESS(Status))
        ObDereferenceObject(Callback);
    return Status;
}

/* The objects that drivers may expect to be there. The kernel has no reason yet to notify them. */
NTSTATUS ExpInitializeCallbacks(VOID)
{
    static const PCWSTR Names[] = {L"\\Callback\\SetSystemTime", L"\\Callback\\PowerState",
                                   L"\\Callback\\ProcessorAdd"};
    NTSTATUS Status = ObpCreateDirectory(L"\\Callback");
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Names) && NT_SUCCESS(Status); i++)
        Status = ExpMakeNamedCallback(Names[i]);
    return Status;
}

/* ---- Registrations -----------------------------------------------------------------------------
 */

/* FALSE: the object allows one registration, and has one. */
static BOOLEAN ExpInsertRegistration(PCALLBACK_OBJECT Callback, PCALLBACK_REGISTRATION Registration)
{
    BOOLEAN Inserted = FALSE;
    KIRQL OldIrql;

    KeAcquireSpinLock(&Callback->Lock, &OldIrql);
    if (Callback->AllowMultipleCallbacks || IsListEmpty(&Callback->RegisteredCallbacks)) {
        InsertTailList(&Callback->RegisteredCallbacks, &Registration->Link);
        Inserted = TRUE;
    }
    KeReleaseSpinLock(&Callback->Lock, OldIrql);
    return Inserted;
}

/*
 * Asks to be told (WDK: ExRegisterCallback). Returns what ExUnregisterCallback is to be given;
 * NULL: no memory, or one may be registered and is. IRQL <= APC_LEVEL.
 */
PVOID NTAPI ExRegisterCallback(PCALLBACK_OBJECT CallbackObject, PCALLBACK_FUNCTION CallbackFunction,
                               PVOID CallbackContext)
{
    PCALLBACK_REGISTRATION Registration;

    KI_ASSERT_IRQL(APC_LEVEL);
    ASSERT(CallbackFunction);
    Registration = ExAllocatePoolWithTag(NonPagedPool, sizeof *Registration, TAG_CALLBACK);
    if (Registration == NULL)
        return NULL;
    *Registration = (CALLBACK_REGISTRATION){.CallbackObject = CallbackObject,
                                            .CallbackFunction = CallbackFunction,
                                            .CallbackContext = CallbackContext};
    if (!ExpInsertRegistration(CallbackObject, Registration)) {
        ExFreePoolWithTag(Registration, TAG_CALLBACK);
        return NULL;
    }
    ObReferenceObject(CallbackObject);
    return Registration;
}

/* Ends it, and waits until the routine is not running any more. IRQL <= APC_LEVEL. */
VOID NTAPI ExUnregisterCallback(PVOID CbRegistration)
{
    PCALLBACK_REGISTRATION Registration = CbRegistration;
    PCALLBACK_OBJECT Callback = Registration->CallbackObject;
    BOOLEAN Busy;
    KEVENT Finished;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(APC_LEVEL);
    KeInitializeEvent(&Finished, NotificationEvent, FALSE);
    KeAcquireSpinLock(&Callback->Lock, &OldIrql);
    ASSERT(Registration->Finished == NULL);
    Registration->Finished = &Finished;
    Busy = Registration->Busy != 0;
    if (!Busy)
        RemoveEntryList(&Registration->Link);
    KeReleaseSpinLock(&Callback->Lock, OldIrql);
    if (Busy)
        KeWaitForSingleObject(&Finished, Executive, KernelMode, FALSE, NULL);
    ExFreePoolWithTag(Registration, TAG_CALLBACK);
    ObDereferenceObject(Callback);
}

/* ---- Notification ------------------------------------------------------------------------------
 */

/* Calls one routine, without the lock, which is held before and after. Returns the next link. */
static PLIST_ENTRY ExpNotifyOne(PCALLBACK_REGISTRATION Registration, PVOID Argument1,
                                PVOID Argument2, PKIRQL OldIrql)
{
    PCALLBACK_OBJECT Callback = Registration->CallbackObject;
    PLIST_ENTRY Next;

    Registration->Busy++;
    KeReleaseSpinLock(&Callback->Lock, *OldIrql);
    Registration->CallbackFunction(Registration->CallbackContext, Argument1, Argument2);
    KeAcquireSpinLock(&Callback->Lock, OldIrql);
    Next = Registration->Link.Flink;
    if (--Registration->Busy == 0 && Registration->Finished) {
        RemoveEntryList(&Registration->Link);
        KeSetEvent(Registration->Finished, EVENT_INCREMENT, FALSE);
    }
    return Next;
}

/*
 * Tells all who have registered, in the order of their registration and at the caller's IRQL
 * (WDK: ExNotifyCallback). IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI ExNotifyCallback(PCALLBACK_OBJECT CallbackObject, PVOID Argument1, PVOID Argument2)
{
    PLIST_ENTRY Link;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireSpinLock(&CallbackObject->Lock, &OldIrql);
    Link = CallbackObject->RegisteredCallbacks.Flink;
    while (Link != &CallbackObject->RegisteredCallbacks) {
        PCALLBACK_REGISTRATION Registration = CONTAINING_RECORD(Link, CALLBACK_REGISTRATION, Link);
        if (Registration->Finished)
            Link = Link->Flink;
        else
            Link = ExpNotifyOne(Registration, Argument1, Argument2, &OldIrql);
    }
    KeReleaseSpinLock(&CallbackObject->Lock, OldIrql);
}
