/*
 * Timer objects: a KTIMER with a name and handles, and perhaps with an APC for the thread that sets
 * it. The timer's DPC queues the APC; as long as it is queued, it has a reference on the timer.
 *
 * Lock serializes those who set and cancel. The members below it change only while the timer is not
 * set and its DPC neither queued nor running, which reads them without the lock.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "kernel/services.h"
#include "sched/apc.h"

typedef struct _EXP_TIMER {
    KTIMER Timer;
    KDPC Dpc;
    FAST_MUTEX Lock; /* taken at PASSIVE_LEVEL, for DPCs are waited for */
    KAPC Apc;
    PKTHREAD ApcThread; /* whom the APC is for, referenced; NULL: there is none */
} EXP_TIMER;

/* What a timer is set to. */
typedef struct _EXP_SETTING {
    LARGE_INTEGER DueTime;
    PTIMER_APC_ROUTINE Routine;
    PVOID Context;
    LONG Period;
} EXP_SETTING;

/* ---- The APC -----------------------------------------------------------------------------------
 */

/* The APC is off its queue: its reference goes. */
static VOID NTAPI ExpRundownTimerApc(PKAPC Apc)
{
    ObDereferenceObject(CONTAINING_RECORD(Apc, EXP_TIMER, Apc));
}

static VOID NTAPI ExpTimerKernelApc(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine,
                                    PVOID *NormalContext, PVOID *SystemArgument1,
                                    PVOID *SystemArgument2)
{
    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    ExpRundownTimerApc(Apc);
}

/* The timer has expired: its APC gets the time. One that still waits for its thread stays one. */
static VOID NTAPI ExpTimerDpc(PKDPC Dpc, PVOID DeferredContext, PVOID SystemArgument1,
                              PVOID SystemArgument2)
{
    EXP_TIMER *Timer = DeferredContext;
    LARGE_INTEGER Now;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    if (!ObpTryReference(Timer)) /* it is being deleted, by one who waits for this DPC */
        return;
    KeQuerySystemTime(&Now);
    if (!KeInsertQueueApc(&Timer->Apc, (PVOID)(ULONG_PTR)Now.LowPart, (PVOID)(LONG_PTR)Now.HighPart,
                          EVENT_INCREMENT))
        ObDereferenceObject(Timer);
}

/* The timer is not set any more when it returns, nor is there anything left of its APC. */
static BOOLEAN ExpStopTimer(EXP_TIMER *Timer)
{
    BOOLEAN WasSet = KeCancelTimer(&Timer->Timer);

    if (Timer->ApcThread == NULL)
        return WasSet;
    KeFlushQueuedDpcs();
    if (KeRemoveQueueApc(&Timer->Apc))
        ObDereferenceObject(Timer);
    ObDereferenceObject(Timer->ApcThread);
    Timer->ApcThread = NULL;
    return WasSet;
}

static VOID ExpDeleteTimer(PVOID Object)
{
    ExpStopTimer(Object);
}

static OBJECT_TYPE ExpTimerTypeObject = {.Name = "Timer",
                                         .AllAccess = TIMER_ALL_ACCESS,
                                         .Mapping = {STANDARD_RIGHTS_READ | TIMER_QUERY_STATE,
                                                     STANDARD_RIGHTS_WRITE | TIMER_MODIFY_STATE,
                                                     STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE,
                                                     TIMER_ALL_ACCESS},
                                         .Delete = ExpDeleteTimer,
                                         .Waitable = TRUE};

/* ---- Services ----------------------------------------------------------------------------------
 */

static VOID ExpFillTimer(PVOID Object, PVOID Parameter)
{
    EXP_TIMER *Timer = Object;

    KeInitializeTimerEx(&Timer->Timer, *(TIMER_TYPE *)Parameter);
    KeInitializeDpc(&Timer->Dpc, ExpTimerDpc, Timer);
    ExInitializeFastMutex(&Timer->Lock);
}

/* Creates a timer (WDK: ZwCreateTimer). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtCreateTimer(PHANDLE TimerHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes, TIMER_TYPE TimerType)
{
    if (TimerType != NotificationTimer && TimerType != SynchronizationTimer)
        return STATUS_INVALID_PARAMETER_4;
    return ObpCreateService(TimerHandle, DesiredAccess, ObjectAttributes, &ExpTimerTypeObject,
                            sizeof(EXP_TIMER), ExpFillTimer, &TimerType);
}

NTSTATUS NTAPI NtOpenTimer(PHANDLE TimerHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes)
{
    return ObpOpenService(TimerHandle, DesiredAccess, ObjectAttributes, &ExpTimerTypeObject);
}

/* Sets the timer, or with NULL cancels it. What Stop returns, and the state before, in *State. */
static VOID ExpChangeTimer(EXP_TIMER *Timer, const EXP_SETTING *Setting, PBOOLEAN State)
{
    PKTHREAD Thread = KiGetCurrentThread();

    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&Timer->Lock);
    *State = KeReadStateTimer(&Timer->Timer);
    ExpStopTimer(Timer);
    if (Setting && Setting->Routine) {
        KeInitializeApc(&Timer->Apc, Thread, CurrentApcEnvironment, ExpTimerKernelApc,
                        ExpRundownTimerApc, (PKNORMAL_ROUTINE)(PVOID)Setting->Routine,
                        Thread->PreviousMode, Setting->Context);
        ObReferenceObject(Thread);
        Timer->ApcThread = Thread;
    }
    if (Setting)
        KeSetTimerEx(&Timer->Timer, Setting->DueTime, Setting->Period,
                     Timer->ApcThread ? &Timer->Dpc : NULL);
    ExReleaseFastMutexUnsafe(&Timer->Lock);
    KeLeaveCriticalRegion();
}

static NTSTATUS ExpChangeTimerByHandle(HANDLE Handle, const EXP_SETTING *Setting,
                                       PBOOLEAN UserState)
{
    EXP_TIMER *Timer;
    BOOLEAN State;
    NTSTATUS Status = UserState ? ExProbeOut(UserState, sizeof State) : STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status =
            ObReferenceObjectByHandle(Handle, TIMER_MODIFY_STATE, &ExpTimerTypeObject,
                                      KiGetCurrentThread()->PreviousMode, (PVOID *)&Timer, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    ExpChangeTimer(Timer, Setting, &State);
    ObDereferenceObject(Timer);
    return UserState ? ExCopyOut(UserState, &State, sizeof State) : STATUS_SUCCESS;
}

/*
 * Sets a timer (WDK: ZwSetTimer): Period in milliseconds, 0: once. The routine gets an APC of the
 * calling thread and its mode. STATUS_TIMER_RESUME_IGNORED: it is set, but would wake no sleeping
 * machine. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtSetTimer(HANDLE TimerHandle, PLARGE_INTEGER DueTime,
                          PTIMER_APC_ROUTINE TimerApcRoutine, PVOID TimerContext,
                          BOOLEAN ResumeTimer, LONG Period, PBOOLEAN PreviousState)
{
    EXP_SETTING Setting = {{{0}}, TimerApcRoutine, TimerContext, Period};
    NTSTATUS Status = ExCopyIn(&Setting.DueTime, DueTime, sizeof *DueTime);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Period < 0)
        return STATUS_INVALID_PARAMETER_6;
    Status = ExpChangeTimerByHandle(TimerHandle, &Setting, PreviousState);
    return NT_SUCCESS(Status) && ResumeTimer ? STATUS_TIMER_RESUME_IGNORED : Status;
}

/* The same with a tolerance (WDK: ZwSetTimerEx), within which this kernel makes no use of it. */
NTSTATUS NTAPI NtSetTimerEx(HANDLE TimerHandle,
                            TIMER_SET_INFORMATION_CLASS TimerSetInformationClass,
                            PVOID TimerSetInformation, ULONG TimerSetInformationLength)
{
    TIMER_SET_COALESCABLE_TIMER_INFO Info;
    EXP_SETTING Setting;
    NTSTATUS Status;

    if (TimerSetInformationClass != TimerSetCoalescableTimer)
        return STATUS_INVALID_INFO_CLASS;
    if (TimerSetInformationLength != sizeof Info)
        return STATUS_INFO_LENGTH_MISMATCH;
    Status = ExCopyIn(&Info, TimerSetInformation, sizeof Info);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Info.Period > MAXLONG || Info.TolerableDelay > MAXLONG)
        return STATUS_INVALID_PARAMETER;
    Setting =
        (EXP_SETTING){Info.DueTime, Info.TimerApcRoutine, Info.TimerContext, (LONG)Info.Period};
    return ExpChangeTimerByHandle(TimerHandle, &Setting, Info.PreviousState);
}

/* Cancels a timer, and its APC if that has not run (WDK: ZwCancelTimer). */
NTSTATUS NTAPI NtCancelTimer(HANDLE TimerHandle, PBOOLEAN CurrentState)
{
    return ExpChangeTimerByHandle(TimerHandle, NULL, CurrentState);
}

static VOID ExpReadTimer(PVOID Object, PVOID Answer)
{
    PKTIMER Timer = &((EXP_TIMER *)Object)->Timer;
    TIMER_BASIC_INFORMATION *Basic = Answer;
    KIRQL OldIrql = KiLockDispatcherDatabase();

    if (Timer->Header.Inserted)
        Basic->RemainingTime.QuadPart = (LONGLONG)Timer->DueTime.QuadPart - KiQueryInterruptTime();
    Basic->TimerState = Timer->Header.SignalState != 0;
    KiUnlockDispatcherDatabase(OldIrql);
}

NTSTATUS NTAPI NtQueryTimer(HANDLE TimerHandle, ULONG TimerInformationClass, PVOID TimerInformation,
                            ULONG TimerInformationLength, PULONG ReturnLength)
{
    EXP_QUERY Query = {TimerHandle, TIMER_QUERY_STATE, &ExpTimerTypeObject, TimerInformationClass};

    return ExpQueryObject(&Query, ExpReadTimer, sizeof(TIMER_BASIC_INFORMATION), TimerInformation,
                          TimerInformationLength, ReturnLength);
}
