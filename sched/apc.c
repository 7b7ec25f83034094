/*
 * Asynchronous procedure calls (APCs): routines that run in the context of one thread, whatever it
 * is doing (WDK: Types of APCs).
 *
 *      special kernel APC   runs its kernel routine at APC_LEVEL, as soon as the thread runs below
 *                           APC_LEVEL and outside of guarded regions
 *      normal kernel APC    the same, outside of critical regions and not inside another one; then
 *                           its normal routine at PASSIVE_LEVEL
 *      user APC             when the thread is in, or enters, an alertable user-mode wait: its
 *                           kernel routine at APC_LEVEL on the way back to user mode, and then its
 *                           normal routine there
 *
 * A thread has one pair of queues for its own address space and another while it is attached
 * (ApcState, SavedApcState). The dispatcher lock guards them. In the kernel's queue special APCs
 * come before normal ones.
 *
 * Who queues a kernel APC sets KernelApcPending, and then sees to it that the thread looks:
 * a running one gets an APC interrupt, which is held back like others until IRQL allows it; a
 * waiting one is woken and waits anew afterwards; a ready one gets the interrupt when it is
 * switched to (ready.c). Regions that keep APCs away look when they end (KiApcsEnabled).
 */
#include "sched/apc.h"
#include "kernel/hal/hal.h"
#include "kernel/ke/ipi.h"

#define APC_OBJECT      18 /* KAPC.Type, as in Windows */
#define ALERT_INCREMENT 2  /* boost of a thread that is alerted */

#define APC_OF(Entry) CONTAINING_RECORD(Entry, KAPC, ApcListEntry)

/*
 * Prepares an APC of a thread's. Without a normal routine it is a special kernel APC. KernelRoutine
 * runs at APC_LEVEL, may change what the normal routine is and gets, and may free the APC;
 * RundownRoutine is called instead of all if the thread ends before. IRQL: any.
 */
VOID NTAPI KeInitializeApc(PKAPC Apc, PKTHREAD Thread, KAPC_ENVIRONMENT Environment,
                           PKKERNEL_ROUTINE KernelRoutine, PKRUNDOWN_ROUTINE RundownRoutine,
                           PKNORMAL_ROUTINE NormalRoutine, KPROCESSOR_MODE ApcMode,
                           PVOID NormalContext)
{
    ASSERT(Environment <= InsertApcEnvironment);
    Apc->Type = APC_OBJECT;
    Apc->Size = sizeof *Apc;
    Apc->Thread = Thread;
    Apc->ApcStateIndex =
        Environment == CurrentApcEnvironment ? (CCHAR)Thread->ApcStateIndex : (CCHAR)Environment;
    Apc->KernelRoutine = KernelRoutine;
    Apc->RundownRoutine = RundownRoutine;
    Apc->NormalRoutine = NormalRoutine;
    Apc->ApcMode = NormalRoutine ? ApcMode : KernelMode;
    Apc->NormalContext = NormalRoutine ? NormalContext : NULL;
    Apc->Inserted = FALSE;
}

/* ---- Queueing. The dispatcher lock is held. ----------------------------------------------------
 */

/* Where an APC of that environment belongs; NULL: the thread is not attached. */
static PKAPC_STATE KiApcStateOf(PKTHREAD Thread, CCHAR Index)
{
    if (Index == Thread->ApcStateIndex)
        return &Thread->ApcState;
    return Index == OriginalApcEnvironment ? &Thread->SavedApcState : NULL;
}

/* Special APCs before normal ones, else in the order of their coming. */
static VOID KiLinkApc(PLIST_ENTRY Head, PKAPC Apc)
{
    PLIST_ENTRY Next = Head;

    if (Apc->NormalRoutine == NULL) {
        for (Next = Head->Flink; Next != Head && APC_OF(Next)->NormalRoutine == NULL;)
            Next = Next->Flink;
    }
    InsertTailList(Next, &Apc->ApcListEntry);
    Apc->Inserted = TRUE;
}

/* Interrupts a running thread, so that it looks at its APCs. */
static VOID KiInterruptThread(PKTHREAD Thread)
{
    if (Thread->State == Running)
        KiRequestSoftwareInterrupt(KiProcessorBlock[Thread->NextProcessor], APC_LEVEL);
}

/* Would a normal kernel APC be delivered now? */
static inline BOOLEAN KiTakesNormalApcs(PKTHREAD Thread)
{
    return Thread->KernelApcDisable == 0 && !Thread->ApcState.KernelApcInProgress;
}

static VOID KiNotifyOfKernelApc(PKTHREAD Thread, PKAPC Apc, KPRIORITY Increment)
{
    Thread->ApcState.KernelApcPending = TRUE;
    KiInterruptThread(Thread);
    if (Thread->State == Waiting && KiIsKernelApcDue(Thread) &&
        (Apc->NormalRoutine == NULL || KiTakesNormalApcs(Thread)))
        KiUnwaitThread(Thread, STATUS_KERNEL_APC, Increment);
}

/* An alertable wait ends; only one in user mode leads to the APC's delivery (WDK: Waits and APCs).
 */
static VOID KiNotifyOfUserApc(PKTHREAD Thread, KPRIORITY Increment)
{
    if (Thread->State != Waiting || !Thread->Alertable)
        return;
    Thread->ApcState.UserApcPending |= Thread->WaitMode == UserMode;
    KiUnwaitThread(Thread, STATUS_USER_APC, Increment);
}

static BOOLEAN KiInsertQueueApc(PKAPC Apc, KPRIORITY Increment)
{
    PKTHREAD Thread = Apc->Thread;
    PKAPC_STATE State;

    if (Apc->ApcStateIndex == InsertApcEnvironment)
        Apc->ApcStateIndex = (CCHAR)Thread->ApcStateIndex;
    State = KiApcStateOf(Thread, Apc->ApcStateIndex);
    if (Apc->Inserted || !Thread->ApcQueueable || State == NULL)
        return FALSE;
    KiLinkApc(&State->ApcListHead[(int)Apc->ApcMode], Apc);
    if (State != &Thread->ApcState)
        return TRUE; /* it is looked at when the thread is back there */
    if (Apc->ApcMode == KernelMode)
        KiNotifyOfKernelApc(Thread, Apc, Increment);
    else
        KiNotifyOfUserApc(Thread, Increment);
    return TRUE;
}

/*
 * Queues an APC to its thread. Increment: the boost of a thread that waits. FALSE: it is queued
 * already, or the thread is ending. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI KeInsertQueueApc(PKAPC Apc, PVOID SystemArgument1, PVOID SystemArgument2,
                               KPRIORITY Increment)
{
    BOOLEAN Inserted;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    if (!Apc->Inserted) {
        Apc->SystemArgument1 = SystemArgument1;
        Apc->SystemArgument2 = SystemArgument2;
    }
    Inserted = KiInsertQueueApc(Apc, Increment);
    KiUnlockDispatcherDatabase(OldIrql);
    return Inserted;
}

/* Takes an APC off its queue. IRQL <= DISPATCH_LEVEL. */
BOOLEAN KeRemoveQueueApc(PKAPC Apc)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();
    BOOLEAN Queued = Apc->Inserted;

    if (Queued) {
        RemoveEntryList(&Apc->ApcListEntry);
        Apc->Inserted = FALSE;
    }
    KiUnlockDispatcherDatabase(OldIrql);
    return Queued;
}

/* Something that kept kernel APCs away has ended: if there are any, the thread is to look. */
VOID KiApcsEnabled(PKTHREAD Thread)
{
    if (Thread->SpecialApcDisable || IsListEmpty(&Thread->ApcState.ApcListHead[KernelMode]))
        return;
    Thread->ApcState.KernelApcPending = TRUE;
    KiInterruptThread(Thread);
}

/* ---- Delivery ----------------------------------------------------------------------------------
 */

/* Takes an APC off its queue, by value: its memory may be gone once its kernel routine runs. */
static PKAPC KiUnlinkApc(PLIST_ENTRY Entry, KAPC *Copy)
{
    PKAPC Apc = APC_OF(Entry);

    RemoveEntryList(Entry);
    Apc->Inserted = FALSE;
    *Copy = *Apc;
    return Apc;
}

/* The next kernel APC that may be delivered now, or NULL. */
static PKAPC KiTakeKernelApc(PKTHREAD Thread, KAPC *Copy)
{
    PLIST_ENTRY Head = &Thread->ApcState.ApcListHead[KernelMode];
    KIRQL OldIrql = KiLockDispatcherDatabase();
    PKAPC Apc = NULL;

    Thread->ApcState.KernelApcPending = FALSE;
    if (!IsListEmpty(Head) && Thread->SpecialApcDisable == 0 &&
        (APC_OF(Head->Flink)->NormalRoutine == NULL || KiTakesNormalApcs(Thread)))
        Apc = KiUnlinkApc(Head->Flink, Copy);
    KiUnlockDispatcherDatabase(OldIrql);
    return Apc;
}

/* The first user APC, or NULL; none is pending for delivery any more. */
static PKAPC KiTakeUserApc(PKTHREAD Thread, KAPC *Copy)
{
    PLIST_ENTRY Head = &Thread->ApcState.ApcListHead[UserMode];
    KIRQL OldIrql = KiLockDispatcherDatabase();
    PKAPC Apc = NULL;

    Thread->ApcState.UserApcPending = FALSE;
    if (!IsListEmpty(Head))
        Apc = KiUnlinkApc(Head->Flink, Copy);
    KiUnlockDispatcherDatabase(OldIrql);
    return Apc;
}

/* Calls the kernel routine, which may change all that the normal one gets. */
static VOID KiCallKernelRoutine(PKAPC Apc, KAPC *Call)
{
    PKNORMAL_ROUTINE NormalRoutine = Call->NormalRoutine;
    KIRQL Irql;

    Call->KernelRoutine(Apc, &Call->NormalRoutine, &Call->NormalContext, &Call->SystemArgument1,
                        &Call->SystemArgument2);
    Irql = KiGetCurrentIrql();
    if (Irql != APC_LEVEL)
        KeBugCheckEx(IRQL_UNEXPECTED_VALUE, (ULONG)Irql << 16 | APC_LEVEL << 8,
                     (ULONG_PTR)Call->KernelRoutine, (ULONG_PTR)Apc, (ULONG_PTR)NormalRoutine);
}

static VOID KiCallNormalRoutine(PKTHREAD Thread, const KAPC *Call)
{
    Thread->ApcState.KernelApcInProgress = TRUE;
    KiLowerIrql(PASSIVE_LEVEL);
    Call->NormalRoutine(Call->NormalContext, Call->SystemArgument1, Call->SystemArgument2);
    KiRaiseIrql(APC_LEVEL);
    Thread->ApcState.KernelApcInProgress = FALSE;
}

/* Runs the current thread's kernel APCs, as many as may be delivered. IRQL: APC_LEVEL. */
VOID KiDeliverKernelApcs(VOID)
{
    PKTHREAD Thread = KiGetCurrentThread();
    BOOLEAN Special;
    PKAPC Apc;
    KAPC Call;

    while ((Apc = KiTakeKernelApc(Thread, &Call)) != NULL) {
        Special = Call.NormalRoutine == NULL;
        KiCallKernelRoutine(Apc, &Call);
        if (!Special && Call.NormalRoutine)
            KiCallNormalRoutine(Thread, &Call);
    }
}

/* The APC interrupt, at APC_LEVEL with interrupts disabled, here and on return. */
VOID KiApcInterrupt(VOID)
{
    KiEnableInterrupts();
    KiDeliverKernelApcs();
    KiDisableInterrupts();
}

/*
 * Runs the kernel routine of the current thread's first user APC, if one is to be delivered. The
 * others follow when the program has run this one. IRQL: PASSIVE_LEVEL.
 */
BOOLEAN KiDeliverUserApc(KI_USER_APC *UserApc)
{
    KIRQL OldIrql = KiRaiseIrql(APC_LEVEL);
    KAPC Call;
    PKAPC Apc = KiTakeUserApc(KiGetCurrentThread(), &Call);

    if (Apc) {
        KiCallKernelRoutine(Apc, &Call);
        if (Call.NormalRoutine == NULL)
            KeTestAlertThread(UserMode); /* so the next one's turn is now */
        *UserApc = (KI_USER_APC){Call.NormalRoutine,
                                 {Call.NormalContext, Call.SystemArgument1, Call.SystemArgument2}};
    }
    KiLowerIrql(OldIrql);
    return Apc != NULL && UserApc->Routine != NULL;
}

/* ---- Alerts ------------------------------------------------------------------------------------
 */

/* Has the thread been alerted in that mode? It is not any more. The dispatcher lock is held. */
BOOLEAN KiTakeAlert(PKTHREAD Thread, KPROCESSOR_MODE Mode)
{
    BOOLEAN Alerted = Thread->Alerted[(int)Mode];

    Thread->Alerted[(int)Mode] = FALSE;
    return Alerted;
}

/*
 * Ends a thread's alertable wait with STATUS_ALERTED, or the next one if it is in none. An alert
 * for user mode does not concern waits in kernel mode. TRUE: it was alerted already. IRQL <=
 * DISPATCH_LEVEL.
 */
BOOLEAN NTAPI KeAlertThread(PKTHREAD Thread, KPROCESSOR_MODE AlertMode)
{
    BOOLEAN Alerted;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Alerted = Thread->Alerted[(int)AlertMode];
    if (!Alerted && Thread->State == Waiting && Thread->Alertable && AlertMode <= Thread->WaitMode)
        KiUnwaitThread(Thread, STATUS_ALERTED, ALERT_INCREMENT);
    else
        Thread->Alerted[(int)AlertMode] = TRUE;
    KiUnlockDispatcherDatabase(OldIrql);
    return Alerted;
}

/*
 * Tells whether the current thread has been alerted, which is over with that; in user mode, if it
 * has not, user APCs are delivered on the way back there. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI KeTestAlertThread(KPROCESSOR_MODE AlertMode)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KIRQL OldIrql = KiLockDispatcherDatabase();
    BOOLEAN Alerted = KiTakeAlert(Thread, AlertMode);

    if (!Alerted && AlertMode == UserMode && !IsListEmpty(&Thread->ApcState.ApcListHead[UserMode]))
        Thread->ApcState.UserApcPending = TRUE;
    KiUnlockDispatcherDatabase(OldIrql);
    return Alerted;
}

/* ---- The end of a thread -----------------------------------------------------------------------
 */

/*
 * Queues a thread's exit APC: a user APC that comes before all others and that no wait in user mode
 * keeps away. The dispatcher lock is held.
 */
static VOID KiInsertExitApc(PKTHREAD Thread)
{
    PKAPC Apc = &Thread->ExitApc;
    PKAPC_STATE State = KiApcStateOf(Thread, OriginalApcEnvironment);

    if (Apc->Inserted || !Thread->ApcQueueable)
        return;
    InsertHeadList(&State->ApcListHead[UserMode], &Apc->ApcListEntry);
    Apc->Inserted = TRUE;
    State->UserApcPending = TRUE;
    KiInterruptThread(Thread);
    if (Thread->State == Waiting && Thread->WaitMode == UserMode)
        KiUnwaitThread(Thread, STATUS_USER_APC, 0);
}

/* Has a thread end when it next goes back to user mode; ends its user-mode wait. */
VOID KeInsertExitApc(PKTHREAD Thread)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();

    KiInsertExitApc(Thread);
    KiUnlockDispatcherDatabase(OldIrql);
}

/* The same for all of a process's started threads but the current one and system threads. */
VOID KeInsertExitApcs(PKPROCESS Process)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();
    PLIST_ENTRY Entry;

    for (Entry = Process->ThreadListHead.Flink; Entry != &Process->ThreadListHead;
         Entry = Entry->Flink) {
        PKTHREAD Thread = CONTAINING_RECORD(Entry, KTHREAD, ThreadListEntry);
        if (Thread != KiGetCurrentThread() && Thread->Teb)
            KiInsertExitApc(Thread);
    }
    KiUnlockDispatcherDatabase(OldIrql);
}

/* A user APC that will not run. Without a rundown routine it is pool memory, as in Windows. */
static VOID KiRundownApc(PKAPC Apc)
{
    if (Apc == &Apc->Thread->ExitApc)
        return;
    if (Apc->RundownRoutine)
        Apc->RundownRoutine(Apc);
    else
        ExFreePool(Apc);
}

/*
 * The current thread ends: from now on no APC can be queued to it. Its kernel APCs run, its user
 * APCs are run down. IRQL: PASSIVE_LEVEL.
 */
VOID KeRundownApcs(VOID)
{
    PKTHREAD Thread = KiGetCurrentThread();
    PKAPC Apc;
    KAPC Copy;
    KIRQL OldIrql = KiLockDispatcherDatabase();

    Thread->ApcQueueable = FALSE;
    KiUnlockDispatcherDatabase(APC_LEVEL);
    KiDeliverKernelApcs();
    KiLowerIrql(OldIrql);
    while ((Apc = KiTakeUserApc(Thread, &Copy)) != NULL)
        KiRundownApc(Apc);
}

/* No kernel APC may be left, nor a region that keeps them away. The dispatcher lock is held. */
VOID KiCheckApcsAtEnd(PKTHREAD Thread)
{
    PLIST_ENTRY Head = &Thread->ApcState.ApcListHead[KernelMode];

    if (Thread->CombinedApcDisable || !IsListEmpty(Head))
        KeBugCheckEx(KERNEL_APC_PENDING_DURING_EXIT,
                     IsListEmpty(Head) ? 0 : (ULONG_PTR)APC_OF(Head->Flink),
                     Thread->CombinedApcDisable, KiGetCurrentIrql(), 0);
}
