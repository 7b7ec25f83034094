/*
 * Drivers that filter the registry (WDK: Filtering Registry Calls): they are told before each
 * operation, from the highest altitude down, and after it, from the lowest up. Who fails an
 * operation, or does it itself (STATUS_CALLBACK_BYPASS), keeps it from the configuration manager
 * and from the filters below, and hears no more of it; those above hear what came of it. What a
 * filter does with keys while it is called is seen by the filters below it only.
 *
 * CmpCallbackLock (fast mutex) guards the list of callbacks, the highest first, and all contexts.
 * It is not held while a routine runs. A callback's rundown protection keeps it in the list, so
 * whoever goes through the list never loses the place.
 */
#include "kernel/cm/callback.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

#define TAG_CALLBACK  'bCmC'
#define LEGACY_UNITS  17 /* characters of a legacy filter's altitude */
#define VERSION_MAJOR 1
#define VERSION_MINOR 1

typedef struct _CM_CALLBACK {
    LIST_ENTRY Link;
    LIST_ENTRY Contexts;    /* CM_CONTEXT.CallbackLink */
    EX_RUNDOWN_REF Rundown; /* held while the routine is called */
    BOOLEAN Leaving;        /* its cookie is valid no more */
    LARGE_INTEGER Cookie;
    PEX_CALLBACK_FUNCTION Function;
    PVOID Context;
    UNICODE_STRING Altitude; /* no two are the same */
    WCHAR AltitudeText[];
} CM_CALLBACK;

/* What a driver has tied to a key object. Whoever takes it out of CallbackLink frees it. */
typedef struct _CM_CONTEXT {
    LIST_ENTRY BodyLink;
    LIST_ENTRY CallbackLink;
    CM_CALLBACK *Callback;
    CM_KEY_BODY *Body;
    PVOID Context;
} CM_CONTEXT;

static FAST_MUTEX CmpCallbackLock;
static LIST_ENTRY CmpCallbacks;
static ULONG CmpCallbackCount;
static LONGLONG CmpLastCookie;

VOID CmpInitializeCallbacks(VOID)
{
    ExInitializeFastMutex(&CmpCallbackLock);
    InitializeListHead(&CmpCallbacks);
}

/* ---- Registration ------------------------------------------------------------------------------
 */

/* Puts a callback where its altitude belongs. The lock is held. */
static NTSTATUS CmpLinkCallback(CM_CALLBACK *New)
{
    PLIST_ENTRY Link;

    if (CmpCallbackCount == CM_MOST_CALLBACKS)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (Link = CmpCallbacks.Flink; Link != &CmpCallbacks; Link = Link->Flink) {
        CM_CALLBACK *Other = CONTAINING_RECORD(Link, CM_CALLBACK, Link);
        LONG Order = RtlCompareAltitudes(&New->Altitude, &Other->Altitude);
        if (Order == 0)
            return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
        if (Order > 0)
            break;
    }
    InsertTailList(Link, &New->Link);
    CmpCallbackCount++;
    New->Cookie.QuadPart = ++CmpLastCookie;
    return STATUS_SUCCESS;
}

/*
 * Asks to be told of what is done with keys (WDK: CmRegisterCallbackEx).
 * STATUS_FLT_INSTANCE_ALTITUDE_COLLISION: the altitude is taken. STATUS_INVALID_PARAMETER: it is no
 * number. STATUS_INSUFFICIENT_RESOURCES: no memory, or 16 are registered. IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION Function, PCUNICODE_STRING Altitude,
                                    PVOID Driver, PVOID Context, PLARGE_INTEGER Cookie,
                                    PVOID Reserved)
{
    CM_CALLBACK *New;
    NTSTATUS Status;

    KI_ASSERT_IRQL(APC_LEVEL);
    UNREFERENCED_PARAMETER(Driver);
    UNREFERENCED_PARAMETER(Reserved);
    if (!RtlpIsAltitude(Altitude))
        return STATUS_INVALID_PARAMETER;
    New = ExAllocatePoolWithTag(NonPagedPool, sizeof *New + Altitude->Length, TAG_CALLBACK);
    if (New == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    *New = (CM_CALLBACK){.Function = Function, .Context = Context, .Altitude = *Altitude};
    New->Altitude.Buffer = New->AltitudeText;
    memcpy(New->AltitudeText, Altitude->Buffer, Altitude->Length);
    ExInitializeRundownProtection(&New->Rundown);
    InitializeListHead(&New->Contexts);
    ExAcquireFastMutex(&CmpCallbackLock);
    Status = CmpLinkCallback(New);
    if (NT_SUCCESS(Status))
        *Cookie = New->Cookie; /* before it can be called: it may look there */
    ExReleaseFastMutex(&CmpCallbackLock);
    if (!NT_SUCCESS(Status))
        ExFreePoolWithTag(New, TAG_CALLBACK);
    return Status;
}

/* The same without an altitude (WDK: CmRegisterCallback): near the top, below those that came
 * before. IRQL <= APC_LEVEL. */
NTSTATUS NTAPI CmRegisterCallback(PEX_CALLBACK_FUNCTION Function, PVOID Context,
                                  PLARGE_INTEGER Cookie)
{
    static LONG Earlier;
    WCHAR Text[LEGACY_UNITS + 1];
    UNICODE_STRING Altitude;

    _snwprintf(Text, RTL_NUMBER_OF(Text), L"424999.%010lu", ~InterlockedIncrement(&Earlier));
    RtlInitUnicodeString(&Altitude, Text);
    return CmRegisterCallbackEx(Function, &Altitude, NULL, Context, Cookie, NULL);
}

/* The callback of a cookie; NULL: there is none, or it is leaving. The lock is held. */
static CM_CALLBACK *CmpFindCallback(LARGE_INTEGER Cookie)
{
    PLIST_ENTRY Link;

    for (Link = CmpCallbacks.Flink; Link != &CmpCallbacks; Link = Link->Flink) {
        CM_CALLBACK *Callback = CONTAINING_RECORD(Link, CM_CALLBACK, Link);
        if (Callback->Cookie.QuadPart == Cookie.QuadPart && !Callback->Leaving)
            return Callback;
    }
    return NULL;
}

static NTSTATUS CmpCall(CM_CALLBACK *Callback, REG_NOTIFY_CLASS Class, PVOID Information)
{
    PKTHREAD Thread = KiGetCurrentThread();
    PVOID Outer = Thread->RegistryCallback;
    NTSTATUS Status;

    KI_ASSERT_IRQL(APC_LEVEL);
    Thread->RegistryCallback = Callback;
    Status = Callback->Function(Callback->Context, (PVOID)Class, Information);
    Thread->RegistryCallback = Outer;
    return Status;
}

/* Hands a context back to its driver. The callback is held, or nobody else's any more. */
static VOID CmpEndContext(CM_CONTEXT *Context)
{
    REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION Info = {.Object = Context->Body,
                                                     .ObjectContext = Context->Context};

    CmpCall(Context->Callback, RegNtCallbackObjectContextCleanup, &Info);
    ExFreePoolWithTag(Context, TAG_CALLBACK);
}

/* All contexts of a callback that nobody calls any more. */
static VOID CmpEndContexts(CM_CALLBACK *Callback)
{
    for (;;) {
        CM_CONTEXT *Context = NULL;
        ExAcquireFastMutex(&CmpCallbackLock);
        if (!IsListEmpty(&Callback->Contexts)) {
            Context =
                CONTAINING_RECORD(RemoveHeadList(&Callback->Contexts), CM_CONTEXT, CallbackLink);
            RemoveEntryList(&Context->BodyLink);
        }
        ExReleaseFastMutex(&CmpCallbackLock);
        if (Context == NULL)
            return;
        CmpEndContext(Context);
    }
}

/*
 * Ends it (WDK: CmUnRegisterCallback), when the routine is not running any more; so the routine may
 * not do this itself. It still gets its contexts back. STATUS_INVALID_PARAMETER: nobody's cookie.
 * IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI CmUnRegisterCallback(LARGE_INTEGER Cookie)
{
    CM_CALLBACK *Callback;

    KI_ASSERT_IRQL(APC_LEVEL);
    ExAcquireFastMutex(&CmpCallbackLock);
    Callback = CmpFindCallback(Cookie);
    if (Callback)
        Callback->Leaving = TRUE;
    ExReleaseFastMutex(&CmpCallbackLock);
    if (Callback == NULL)
        return STATUS_INVALID_PARAMETER;
    ExWaitForRundownProtectionRelease(&Callback->Rundown);
    CmpEndContexts(Callback);
    ExAcquireFastMutex(&CmpCallbackLock);
    RemoveEntryList(&Callback->Link);
    CmpCallbackCount--;
    ExReleaseFastMutex(&CmpCallbackLock);
    ExFreePoolWithTag(Callback, TAG_CALLBACK);
    return STATUS_SUCCESS;
}

/* The version of all this (WDK: CmGetCallbackVersion). Any IRQL. */
VOID NTAPI CmGetCallbackVersion(PULONG Major, PULONG Minor)
{
    if (Major)
        *Major = VERSION_MAJOR;
    if (Minor)
        *Minor = VERSION_MINOR;
}

/* ---- Calls -------------------------------------------------------------------------------------
 */

/* The next callback below the last that may be told, held. NULL: no more. */
static CM_CALLBACK *CmpNextCallback(CM_CALLBACK *Last)
{
    CM_CALLBACK *Caller = KiGetCurrentThread()->RegistryCallback, *Next = NULL;
    PLIST_ENTRY Link;

    ExAcquireFastMutex(&CmpCallbackLock);
    Link = Last ? Last->Link.Flink : CmpCallbacks.Flink;
    for (; Link != &CmpCallbacks && Next == NULL; Link = Link->Flink) {
        Next = CONTAINING_RECORD(Link, CM_CALLBACK, Link);
        if ((Caller && RtlCompareAltitudes(&Next->Altitude, &Caller->Altitude) >= 0) ||
            !ExAcquireRundownProtection(&Next->Rundown))
            Next = NULL;
    }
    ExReleaseFastMutex(&CmpCallbackLock);
    return Next;
}

/* The context that a callback has tied to a key object. The lock is held. */
static CM_CONTEXT *CmpFindContext(CM_KEY_BODY *Body, CM_CALLBACK *Callback)
{
    PLIST_ENTRY Link;

    for (Link = Body->Contexts.Flink; Link != &Body->Contexts; Link = Link->Flink) {
        CM_CONTEXT *Context = CONTAINING_RECORD(Link, CM_CONTEXT, BodyLink);
        if (Context->Callback == Callback)
            return Context;
    }
    return NULL;
}

static PVOID CmpContextOf(CM_KEY_BODY *Body, CM_CALLBACK *Callback)
{
    PVOID Value = NULL;

    if (Body) {
        ExAcquireFastMutex(&CmpCallbackLock);
        CM_CONTEXT *Context = CmpFindContext(Body, Callback);
        Value = Context ? Context->Context : NULL;
        ExReleaseFastMutex(&CmpCallbackLock);
    }
    return Value;
}

/* FALSE: the callback has failed the operation, or done it itself. */
static BOOLEAN CmpCallBefore(CM_CALL *Call, CM_CALLBACK *Callback)
{
    PVOID *Contexts = (PVOID *)((PUCHAR)Call->Information + Call->CallContext);
    NTSTATUS Status;

    Contexts[0] = NULL;
    Contexts[1] = CmpContextOf(Call->Body, Callback);
    Status = CmpCall(Callback, Call->Before, Call->Information);
    if (NT_SUCCESS(Status)) {
        Call->Of[Call->Told++] = (struct _CM_TOLD){Callback, Contexts[0]};
        return TRUE;
    }
    Call->Status = Status == STATUS_CALLBACK_BYPASS ? STATUS_SUCCESS : Status;
    ExReleaseRundownProtection(&Callback->Rundown);
    return FALSE;
}

BOOLEAN CmpBeginCall(CM_CALL *Call)
{
    CM_CALLBACK *Callback = NULL;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (IsListEmpty(&CmpCallbacks))
        return TRUE;
    while (Call->Told < CM_MOST_CALLBACKS && (Callback = CmpNextCallback(Callback)) != NULL) {
        if (!CmpCallBefore(Call, Callback))
            return FALSE;
    }
    return TRUE;
}

static VOID CmpCallAfter(CM_CALL *Call, const struct _CM_TOLD *Told)
{
    PVOID Object = Call->Result ? (PVOID)*Call->Result : (PVOID)Call->Body;
    REG_POST_OPERATION_INFORMATION Info = {.Object = Object,
                                           .Status = Call->Status,
                                           .PreInformation = Call->Information,
                                           .ReturnStatus = Call->Status,
                                           .CallContext = Told->Context,
                                           .ObjectContext =
                                               CmpContextOf(Call->Body, Told->Callback)};
    PVOID *Contexts = (PVOID *)((PUCHAR)Call->Information + Call->CallContext);

    Contexts[0] = Info.CallContext;
    Contexts[1] = Info.ObjectContext;
    if (CmpCall(Told->Callback, Call->After, &Info) == STATUS_CALLBACK_BYPASS)
        Call->Status = Info.ReturnStatus;
    ExReleaseRundownProtection(&Told->Callback->Rundown);
}

NTSTATUS CmpEndCall(CM_CALL *Call)
{
    while (Call->Told)
        CmpCallAfter(Call, &Call->Of[--Call->Told]);
    return Call->Status;
}

/* ---- Contexts and names of key objects ---------------------------------------------------------
 */

static BOOLEAN CmpIsKeyObject(PVOID Object)
{
    return Object && OBJECT_TO_HEADER(Object)->Type == CmpKeyType;
}

/* Ties a context to a key object. The lock is held, Spare is used if there is none yet. */
static NTSTATUS CmpTieContext(CM_KEY_BODY *Body, LARGE_INTEGER Cookie, CM_CONTEXT **Spare,
                              PVOID New, PVOID *Old)
{
    CM_CALLBACK *Callback = CmpFindCallback(Cookie);
    CM_CONTEXT *Context = Callback ? CmpFindContext(Body, Callback) : NULL;

    if (Callback == NULL)
        return STATUS_INVALID_PARAMETER;
    *Old = Context ? Context->Context : NULL;
    if (Context == NULL) {
        Context = *Spare;
        *Spare = NULL;
        Context->Callback = Callback;
        Context->Body = Body;
        InsertTailList(&Body->Contexts, &Context->BodyLink);
        InsertTailList(&Callback->Contexts, &Context->CallbackLink);
    }
    Context->Context = New;
    return STATUS_SUCCESS;
}

/*
 * Ties a driver's context to a key object (WDK: CmSetCallbackObjectContext). The driver gets it
 * back by RegNtCallbackObjectContextCleanup. STATUS_INVALID_PARAMETER: nobody's cookie, or no key.
 * IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI CmSetCallbackObjectContext(PVOID Object, PLARGE_INTEGER Cookie, PVOID NewContext,
                                          PVOID *OldContext)
{
    CM_CONTEXT *Spare;
    PVOID Old = NULL;
    NTSTATUS Status;

    KI_ASSERT_IRQL(APC_LEVEL);
    if (!CmpIsKeyObject(Object))
        return STATUS_INVALID_PARAMETER;
    Spare = ExAllocatePoolWithTag(NonPagedPool, sizeof *Spare, TAG_CALLBACK);
    if (Spare == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExAcquireFastMutex(&CmpCallbackLock);
    Status = CmpTieContext(Object, *Cookie, &Spare, NewContext, &Old);
    ExReleaseFastMutex(&CmpCallbackLock);
    if (Spare)
        ExFreePoolWithTag(Spare, TAG_CALLBACK);
    if (NT_SUCCESS(Status) && OldContext)
        *OldContext = Old;
    return Status;
}

/*
 * The key's number and its path (WDK: CmCallbackGetKeyObjectID), which are good until the key
 * object is gone. STATUS_INVALID_PARAMETER: nobody's cookie, or no key. IRQL <= APC_LEVEL, though
 * the registry's lock makes it PASSIVE_LEVEL.
 */
NTSTATUS NTAPI CmCallbackGetKeyObjectID(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                        PCUNICODE_STRING *ObjectName)
{
    CM_CALLBACK *Callback;
    CM_KEY_BODY *Body = Object;

    KI_ASSERT_IRQL(APC_LEVEL);
    ExAcquireFastMutex(&CmpCallbackLock);
    Callback = CmpFindCallback(*Cookie);
    ExReleaseFastMutex(&CmpCallbackLock);
    if (Callback == NULL || !CmpIsKeyObject(Object))
        return STATUS_INVALID_PARAMETER;
    if (ObjectID)
        *ObjectID = (ULONG_PTR)Body->Node;
    return ObjectName ? CmpKeepName(Body, ObjectName) : STATUS_SUCCESS;
}

/* There are no transactions (WDK: CmGetBoundTransaction). */
PVOID NTAPI CmGetBoundTransaction(PLARGE_INTEGER Cookie, PVOID Object)
{
    UNREFERENCED_PARAMETER(Cookie);
    UNREFERENCED_PARAMETER(Object);
    return NULL;
}

/* The first context of a key object that is going, out of its list. *Mine: its callback is held;
 * else somebody is ending that, and the context with it. */
static CM_CONTEXT *CmpTakeContext(CM_KEY_BODY *Body, PBOOLEAN Mine)
{
    CM_CONTEXT *Context = NULL;

    ExAcquireFastMutex(&CmpCallbackLock);
    if (!IsListEmpty(&Body->Contexts)) {
        Context = CONTAINING_RECORD(RemoveHeadList(&Body->Contexts), CM_CONTEXT, BodyLink);
        InitializeListHead(&Context->BodyLink); /* it may be taken out again */
        *Mine = ExAcquireRundownProtection(&Context->Callback->Rundown);
        if (*Mine)
            RemoveEntryList(&Context->CallbackLink);
    }
    ExReleaseFastMutex(&CmpCallbackLock);
    return Context;
}

VOID CmpTellOfClose(CM_KEY_BODY *Body, VOID (*Close)(CM_KEY_BODY *Body))
{
    REG_KEY_HANDLE_CLOSE_INFORMATION Info = {.Object = Body};
    CM_CALL Call = CM_CALL_OF(KeyHandleClose, Info, Body);
    CM_CONTEXT *Context;
    BOOLEAN Mine;

    CmpBeginCall(&Call); /* a close cannot be refused */
    Close(Body);
    Call.Status = STATUS_SUCCESS;
    CmpEndCall(&Call);
    while ((Context = CmpTakeContext(Body, &Mine)) != NULL) {
        if (Mine) {
            CM_CALLBACK *Callback = Context->Callback;
            CmpEndContext(Context);
            ExReleaseRundownProtection(&Callback->Rundown);
        }
    }
}
