/*
 * Drivers that are told of new handles of processes and threads, and may take rights away (WDK:
 * ObRegisterCallbacks).
 *
 * ObpCallbackLock guards the list of registrations, which is in the order of altitudes, the highest
 * first: so are the routines called before the handle is made, and in the opposite order after. The
 * lock is not held while a routine runs. A registration's rundown protection is: it keeps the
 * registration in the list, so whoever goes through the list never loses the place.
 */
#include "kernel/ob/callbacks.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

#define TAG_CALLBACKS 'lCbO'

typedef struct _OBP_OPERATION {
    OB_OPERATION_REGISTRATION Asked;
    struct _OBP_REGISTRATION *Registration;
} OBP_OPERATION;

typedef struct _OBP_REGISTRATION {
    LIST_ENTRY ListEntry;
    EX_RUNDOWN_REF Rundown; /* held while the routines are being called */
    UNICODE_STRING Altitude;
    PVOID Context;
    ULONG Count;
    OBP_OPERATION Operations[]; /* and the altitude's text behind them */
} OBP_REGISTRATION;

static FAST_MUTEX ObpCallbackLock;
static LIST_ENTRY ObpRegistrations;

VOID ObpInitializeCallbacks(VOID)
{
    ExInitializeFastMutex(&ObpCallbackLock);
    InitializeListHead(&ObpRegistrations);
}

/* ---- Registrations -----------------------------------------------------------------------------
 */

static NTSTATUS ObpCheckRegistration(POB_CALLBACK_REGISTRATION Asked)
{
    ULONG i;

    if ((Asked->Version & 0xFF00) != OB_FLT_REGISTRATION_VERSION ||
        Asked->OperationRegistrationCount == 0 || !RtlpIsAltitude(&Asked->Altitude))
        return STATUS_INVALID_PARAMETER;
    for (i = 0; i < Asked->OperationRegistrationCount; i++) {
        const OB_OPERATION_REGISTRATION *Operation = &Asked->OperationRegistration[i];
        const OB_OPERATION Known = OB_OPERATION_HANDLE_CREATE | OB_OPERATION_HANDLE_DUPLICATE;
        if (Operation->ObjectType == NULL || !(*Operation->ObjectType)->TellsOfHandles ||
            !(Operation->Operations & Known) || (Operation->Operations & ~Known) ||
            (Operation->PreOperation == NULL && Operation->PostOperation == NULL))
            return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

static OBP_REGISTRATION *ObpCopyRegistration(POB_CALLBACK_REGISTRATION Asked)
{
    ULONG Count = Asked->OperationRegistrationCount, i;
    SIZE_T Bytes = sizeof(OBP_REGISTRATION) + Count * sizeof(OBP_OPERATION);
    OBP_REGISTRATION *Registration =
        ExAllocatePoolWithTag(NonPagedPool, Bytes + Asked->Altitude.Length, TAG_CALLBACKS);

    if (Registration == NULL)
        return NULL;
    ExInitializeRundownProtection(&Registration->Rundown);
    Registration->Context = Asked->RegistrationContext;
    Registration->Count = Count;
    Registration->Altitude = Asked->Altitude;
    Registration->Altitude.Buffer = (PWCHAR)((PUCHAR)Registration + Bytes);
    memcpy(Registration->Altitude.Buffer, Asked->Altitude.Buffer, Asked->Altitude.Length);
    for (i = 0; i < Count; i++)
        Registration->Operations[i] =
            (OBP_OPERATION){Asked->OperationRegistration[i], Registration};
    return Registration;
}

/* Puts a registration where its altitude belongs, unless there is one already, or there are as many
 * as can be remembered. The lock is held. */
static NTSTATUS ObpLinkRegistration(OBP_REGISTRATION *New)
{
    PLIST_ENTRY Link, Before = &ObpRegistrations;
    ULONG Operations = New->Count;

    for (Link = ObpRegistrations.Blink; Link != &ObpRegistrations; Link = Link->Blink) {
        OBP_REGISTRATION *Other = CONTAINING_RECORD(Link, OBP_REGISTRATION, ListEntry);
        LONG Order = RtlCompareAltitudes(&New->Altitude, &Other->Altitude);
        if (Order == 0)
            return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
        if (Order > 0)
            Before = Link;
        Operations += Other->Count;
    }
    if (Operations > OBP_MOST_CALLS)
        return STATUS_INSUFFICIENT_RESOURCES;
    InsertTailList(Before, &New->ListEntry);
    return STATUS_SUCCESS;
}

/*
 * Asks to be told of new handles (WDK: ObRegisterCallbacks). STATUS_INVALID_PARAMETER: the version,
 * the altitude, or a type that tells nobody. STATUS_FLT_INSTANCE_ALTITUDE_COLLISION: the altitude
 * is taken. IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI ObRegisterCallbacks(POB_CALLBACK_REGISTRATION CallbackRegistration,
                                   PVOID *RegistrationHandle)
{
    OBP_REGISTRATION *Registration;
    NTSTATUS Status = ObpCheckRegistration(CallbackRegistration);

    KI_ASSERT_IRQL(APC_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    Registration = ObpCopyRegistration(CallbackRegistration);
    if (Registration == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExAcquireFastMutex(&ObpCallbackLock);
    Status = ObpLinkRegistration(Registration);
    ExReleaseFastMutex(&ObpCallbackLock);
    if (NT_SUCCESS(Status))
        *RegistrationHandle = Registration;
    else
        ExFreePoolWithTag(Registration, TAG_CALLBACKS);
    return Status;
}

/* Ends it, when none of its routines is running any more. IRQL <= APC_LEVEL. */
VOID NTAPI ObUnRegisterCallbacks(PVOID RegistrationHandle)
{
    OBP_REGISTRATION *Registration = RegistrationHandle;

    KI_ASSERT_IRQL(APC_LEVEL);
    ExWaitForRundownProtectionRelease(&Registration->Rundown);
    ExAcquireFastMutex(&ObpCallbackLock);
    RemoveEntryList(&Registration->ListEntry);
    ExReleaseFastMutex(&ObpCallbackLock);
    ExFreePoolWithTag(Registration, TAG_CALLBACKS);
}

USHORT NTAPI ObGetFilterVersion(VOID)
{
    return OB_FLT_REGISTRATION_VERSION;
}

/* ---- Calls -------------------------------------------------------------------------------------
 */

static OB_OPERATION ObpOperationOf(const OBP_NEW_HANDLE *New)
{
    return New->Source ? OB_OPERATION_HANDLE_DUPLICATE : OB_OPERATION_HANDLE_CREATE;
}

/* One routine, which may take rights away but add none. */
static VOID ObpCallOneBefore(OBP_NEW_HANDLE *New, ACCESS_MASK Original,
                             const OBP_OPERATION *Operation, PVOID *CallContext)
{
    OB_PRE_OPERATION_PARAMETERS Parameters;
    OB_PRE_OPERATION_INFORMATION Information = {.Operation = ObpOperationOf(New),
                                                .KernelHandle =
                                                    (New->Flags & OBJ_KERNEL_HANDLE) != 0,
                                                .Object = New->Object,
                                                .ObjectType = OBJECT_TO_HEADER(New->Object)->Type,
                                                .Parameters = &Parameters};

    /* Of the two kinds of parameters, the duplicate's begin with those of the other. */
    Parameters.DuplicateHandleInformation = (OB_PRE_DUPLICATE_HANDLE_INFORMATION){
        New->Access, Original, New->Source, KiGetCurrentProcess()};
    Operation->Asked.PreOperation(Operation->Registration->Context, &Information);
    New->Access &= Parameters.CreateHandleInformation.DesiredAccess;
    *CallContext = Information.CallContext;
}

/* The routines of one registration that want to know; each holds the registration. */
static VOID ObpCallRegistration(OBP_NEW_HANDLE *New, ACCESS_MASK Original,
                                OBP_REGISTRATION *Registration, OBP_CALLS *Calls)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(New->Object)->Type;
    ULONG i;

    for (i = 0; i < Registration->Count; i++) {
        const OBP_OPERATION *Operation = &Registration->Operations[i];
        if (*Operation->Asked.ObjectType != Type ||
            !(Operation->Asked.Operations & ObpOperationOf(New)) ||
            Calls->Count == OBP_MOST_CALLS || !ExAcquireRundownProtection(&Registration->Rundown))
            continue;
        Calls->Calls[Calls->Count].Operation = Operation;
        Calls->Calls[Calls->Count].CallContext = NULL;
        if (Operation->Asked.PreOperation)
            ObpCallOneBefore(New, Original, Operation, &Calls->Calls[Calls->Count].CallContext);
        Calls->Count++;
    }
}

/* The next registration that is not being ended, held; the last one is let go. NULL: no more. */
static OBP_REGISTRATION *ObpNextRegistration(OBP_REGISTRATION *Last)
{
    OBP_REGISTRATION *Next = NULL;
    PLIST_ENTRY Link;

    ExAcquireFastMutex(&ObpCallbackLock);
    Link = Last ? Last->ListEntry.Flink : ObpRegistrations.Flink;
    for (; Link != &ObpRegistrations && Next == NULL; Link = Link->Flink) {
        Next = CONTAINING_RECORD(Link, OBP_REGISTRATION, ListEntry);
        if (!ExAcquireRundownProtection(&Next->Rundown))
            Next = NULL;
    }
    ExReleaseFastMutex(&ObpCallbackLock);
    if (Last)
        ExReleaseRundownProtection(&Last->Rundown);
    return Next;
}

VOID ObpCallBefore(OBP_NEW_HANDLE *New, OBP_CALLS *Calls)
{
    ACCESS_MASK Original = New->Access;
    OBP_REGISTRATION *Registration;

    Calls->Count = 0;
    if (!OBJECT_TO_HEADER(New->Object)->Type->TellsOfHandles || IsListEmpty(&ObpRegistrations))
        return;
    for (Registration = ObpNextRegistration(NULL); Registration;
         Registration = ObpNextRegistration(Registration))
        ObpCallRegistration(New, Original, Registration, Calls);
}

VOID ObpCallAfter(const OBP_NEW_HANDLE *New, OBP_CALLS *Calls, NTSTATUS Status)
{
    OB_POST_OPERATION_PARAMETERS Parameters;

    Parameters.CreateHandleInformation.GrantedAccess = NT_SUCCESS(Status) ? New->Access : 0;
    while (Calls->Count) {
        const OBP_OPERATION *Operation = Calls->Calls[--Calls->Count].Operation;
        OB_POST_OPERATION_INFORMATION Information = {
            .Operation = ObpOperationOf(New),
            .KernelHandle = (New->Flags & OBJ_KERNEL_HANDLE) != 0,
            .Object = New->Object,
            .ObjectType = OBJECT_TO_HEADER(New->Object)->Type,
            .CallContext = Calls->Calls[Calls->Count].CallContext,
            .ReturnStatus = Status,
            .Parameters = &Parameters};
        if (Operation->Asked.PostOperation)
            Operation->Asked.PostOperation(Operation->Registration->Context, &Information);
        ExReleaseRundownProtection(&Operation->Registration->Rundown);
    }
}
