/*
 * Who waits for changes of a key: NtNotifyChangeKey (WDK: ZwNotifyChangeKey).
 *
 * The first call makes the key object a watch, for the changes and the depth that it asked for, as
 * long as the object lives. A change ends all waits on a watch; if there is none, it is remembered,
 * and the next wait ends at once. So no change between two waits is missed.
 *
 * CmpLock guards all of it. Who waits no more is taken into CmpEnded, and hears of it when the lock
 * is released: an event is an object, and none is dereferenced under that lock.
 */
#include "kernel/cm/cm.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/apc.h"

#define TAG_WAITER 'aWmC'

typedef struct _CM_WAITER {
    LIST_ENTRY Link; /* in a watch's WatchWaiters, then in CmpEnded, then in none */
    IO_STATUS_BLOCK Result;
    PIO_STATUS_BLOCK Iosb; /* the caller's */
    PKEVENT Event;         /* the caller's, referenced; NULL: none */
    PKTHREAD Thread;       /* a program's, referenced; NULL: a driver called */
    PVOID Routine;         /* the program's APC, or the driver's WORK_QUEUE_ITEM; NULL: none */
    PVOID Context;         /* the APC's, or the type of the queue */
    BOOLEAN Waited;        /* the caller waits for Done, and frees this */
    KEVENT Done;
    KAPC Apc;
} CM_WAITER;

static LIST_ENTRY CmpWatches = {&CmpWatches, &CmpWatches};
static LIST_ENTRY CmpEnded = {&CmpEnded, &CmpEnded};

/* ---- Changes -----------------------------------------------------------------------------------
 */

/* Ends all waits on a watch. */
static VOID CmpEndWaits(CM_KEY_BODY *Body, NTSTATUS Status)
{
    while (!IsListEmpty(&Body->WatchWaiters)) {
        PLIST_ENTRY Link = RemoveHeadList(&Body->WatchWaiters);
        CONTAINING_RECORD(Link, CM_WAITER, Link)->Result.Status = Status;
        InsertTailList(&CmpEnded, Link);
    }
}

/* Is the watch one of this key, or of a tree that it is in? */
static BOOLEAN CmpIsWatched(CM_KEY_NODE *Node, CM_KEY_BODY *Body)
{
    if (Body->WatchTree) {
        while (Node && Node != Body->Node)
            Node = Node->Parent;
    }
    return Node == Body->Node;
}

VOID CmpReportChange(CM_KEY_NODE *Node, ULONG Change)
{
    PLIST_ENTRY Link;

    for (Link = CmpWatches.Flink; Link != &CmpWatches; Link = Link->Flink) {
        CM_KEY_BODY *Body = CONTAINING_RECORD(Link, CM_KEY_BODY, WatchLink);
        if (!(Body->WatchFilter & Change) || !CmpIsWatched(Node, Body))
            continue;
        Body->WatchPending = IsListEmpty(&Body->WatchWaiters);
        CmpEndWaits(Body, STATUS_NOTIFY_ENUM_DIR);
    }
}

VOID CmpReportDeletion(CM_KEY_NODE *Node)
{
    PLIST_ENTRY Link;

    for (Link = CmpWatches.Flink; Link != &CmpWatches; Link = Link->Flink) {
        CM_KEY_BODY *Body = CONTAINING_RECORD(Link, CM_KEY_BODY, WatchLink);
        if (Body->Node == Node)
            CmpEndWaits(Body, STATUS_KEY_DELETED);
    }
}

VOID CmpEndWatch(CM_KEY_BODY *Body)
{
    if (Body->WatchFilter == 0)
        return;
    RemoveEntryList(&Body->WatchLink);
    Body->WatchFilter = 0;
    Body->WatchPending = FALSE;
    CmpEndWaits(Body, STATUS_NOTIFY_CLEANUP);
}

/* ---- The end of a wait -------------------------------------------------------------------------
 */

PLIST_ENTRY CmpTakeEnded(PLIST_ENTRY List)
{
    if (IsListEmpty(&CmpEnded))
        return NULL;
    InitializeListHead(List);
    AppendTailList(List, &CmpEnded);
    RemoveEntryList(&CmpEnded);
    InitializeListHead(&CmpEnded);
    return List;
}

static VOID CmpFreeWaiter(CM_WAITER *Waiter)
{
    if (Waiter->Event)
        ObDereferenceObject(Waiter->Event);
    if (Waiter->Thread)
        ObDereferenceObject(Waiter->Thread);
    ExFreePoolWithTag(Waiter, TAG_WAITER);
}

static VOID NTAPI CmpUserApc(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine, PVOID *NormalContext,
                             PVOID *SystemArgument1, PVOID *SystemArgument2)
{
    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    CmpFreeWaiter(CONTAINING_RECORD(Apc, CM_WAITER, Apc));
}

static VOID NTAPI CmpRundownApc(PKAPC Apc)
{
    CmpFreeWaiter(CONTAINING_RECORD(Apc, CM_WAITER, Apc));
}

/* In the program's thread, at APC_LEVEL: its status block, its event, its APC. */
static VOID NTAPI CmpTellProgram(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine, PVOID *NormalContext,
                                 PVOID *SystemArgument1, PVOID *SystemArgument2)
{
    CM_WAITER *Waiter = CONTAINING_RECORD(Apc, CM_WAITER, Apc);

    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    ExCopyToUser(Waiter->Iosb, &Waiter->Result, sizeof Waiter->Result);
    if (Waiter->Event)
        KeSetEvent(Waiter->Event, EVENT_INCREMENT, FALSE);
    if (Waiter->Routine) {
        KeInitializeApc(&Waiter->Apc, Waiter->Thread, OriginalApcEnvironment, CmpUserApc,
                        CmpRundownApc, (PKNORMAL_ROUTINE)(ULONG_PTR)Waiter->Routine, UserMode,
                        Waiter->Context);
        if (KeInsertQueueApc(&Waiter->Apc, Waiter->Iosb, NULL, EVENT_INCREMENT))
            return;
    }
    CmpFreeWaiter(Waiter);
}

static VOID CmpTellDriver(CM_WAITER *Waiter)
{
    *Waiter->Iosb = Waiter->Result;
    if (Waiter->Event)
        KeSetEvent(Waiter->Event, EVENT_INCREMENT, FALSE);
    if (Waiter->Routine)
        ExQueueWorkItem(Waiter->Routine, (WORK_QUEUE_TYPE)(ULONG_PTR)Waiter->Context);
    CmpFreeWaiter(Waiter);
}

static VOID CmpFinish(CM_WAITER *Waiter)
{
    if (Waiter->Waited) {
        KeSetEvent(&Waiter->Done, EVENT_INCREMENT, FALSE);
    } else if (Waiter->Thread == NULL) {
        CmpTellDriver(Waiter);
    } else {
        KeInitializeApc(&Waiter->Apc, Waiter->Thread, OriginalApcEnvironment, CmpTellProgram,
                        CmpRundownApc, NULL, KernelMode, NULL);
        if (!KeInsertQueueApc(&Waiter->Apc, NULL, NULL, EVENT_INCREMENT))
            CmpFreeWaiter(Waiter); /* the thread has ended */
    }
}

VOID CmpFinishEnded(PLIST_ENTRY List)
{
    while (!IsListEmpty(List))
        CmpFinish(CONTAINING_RECORD(RemoveHeadList(List), CM_WAITER, Link));
}

/* ---- The service -------------------------------------------------------------------------------
 */

/* Makes the object a watch, if it is none yet, and begins a wait. */
static NTSTATUS CmpBeginWait(CM_KEY_BODY *Body, ULONG Filter, BOOLEAN Tree, CM_WAITER *Waiter)
{
    NTSTATUS Status = CmpEnterKey(Body);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Body->WatchFilter == 0) {
        Body->WatchFilter = Filter;
        Body->WatchTree = Tree;
        InsertTailList(&CmpWatches, &Body->WatchLink);
    }
    InsertTailList(&Body->WatchWaiters, &Waiter->Link);
    if (Body->WatchPending)
        CmpEndWaits(Body, STATUS_NOTIFY_ENUM_DIR);
    Body->WatchPending = FALSE;
    CmpUnlockRegistry();
    return STATUS_PENDING;
}

/* Waits in the calling thread. A program's wait may be ended by an APC or an alert. */
static NTSTATUS CmpWait(CM_WAITER *Waiter, KPROCESSOR_MODE Mode)
{
    NTSTATUS Status = KeWaitForSingleObject(&Waiter->Done, UserRequest, Mode, FALSE, NULL);

    if (Status != STATUS_SUCCESS) {
        CmpLockRegistry();
        if (Waiter->Result.Status == STATUS_PENDING) {
            RemoveEntryList(&Waiter->Link);
            KeSetEvent(&Waiter->Done, 0, FALSE);
            Waiter->Result.Status = Status;
        }
        CmpUnlockRegistry();
        KeWaitForSingleObject(&Waiter->Done, Executive, KernelMode, FALSE, NULL);
    }
    Status = ExCopyOut(Waiter->Iosb, &Waiter->Result, sizeof Waiter->Result);
    if (Waiter->Event)
        KeSetEvent(Waiter->Event, EVENT_INCREMENT, FALSE);
    if (NT_SUCCESS(Status) && !NT_SUCCESS(Waiter->Result.Status))
        Status = Waiter->Result.Status;
    CmpFreeWaiter(Waiter);
    return Status;
}

/* All that a wait refers to. */
static NTSTATUS CmpMakeWaiter(HANDLE EventHandle, BOOLEAN Waited, CM_WAITER **Waiter)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PKEVENT Event = NULL;
    NTSTATUS Status = STATUS_SUCCESS;

    if (EventHandle)
        Status = ObReferenceObjectByHandle(EventHandle, EVENT_MODIFY_STATE, *ExEventObjectType,
                                           Mode, (PVOID *)&Event, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    *Waiter = ExAllocatePoolWithTag(NonPagedPool, sizeof **Waiter, TAG_WAITER);
    if (*Waiter == NULL) {
        if (Event)
            ObDereferenceObject(Event);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    **Waiter = (CM_WAITER){.Event = Event, .Waited = Waited, .Result.Status = STATUS_PENDING};
    KeInitializeEvent(&(*Waiter)->Done, NotificationEvent, FALSE);
    if (Mode == UserMode) {
        (*Waiter)->Thread = KiGetCurrentThread();
        ObReferenceObject((*Waiter)->Thread);
    }
    if (Event)
        KeClearEvent(Event);
    return STATUS_SUCCESS;
}

/*
 * Tells of the next change of a key (WDK: ZwNotifyChangeKey), by the event, the status block (which
 * then holds STATUS_NOTIFY_ENUM_DIR), a program's APC; a driver's ApcRoutine is a WORK_QUEUE_ITEM
 * to be queued, its ApcContext the queue's type. The status is STATUS_NOTIFY_CLEANUP when the key
 * is closed before, STATUS_KEY_DELETED when it is deleted. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtNotifyChangeKey(HANDLE KeyHandle, HANDLE EventHandle, PIO_APC_ROUTINE ApcRoutine,
                                 PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                 ULONG NotifyFilter, BOOLEAN WatchSubtree, PVOID Buffer,
                                 ULONG BufferLength, BOOLEAN Asynchronous)
{
    CM_WAITER *Waiter;
    CM_KEY_BODY *Body;
    NTSTATUS Status = ExProbeOut(IoStatusBlock, sizeof *IoStatusBlock);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    if (NotifyFilter == 0 || (NotifyFilter & ~REG_LEGAL_CHANGE_FILTER) || Buffer || BufferLength)
        return STATUS_INVALID_PARAMETER;
    Status = CmpReferenceKey(KeyHandle, KEY_NOTIFY, &Body);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpMakeWaiter(EventHandle, !Asynchronous, &Waiter);
    if (NT_SUCCESS(Status)) {
        Waiter->Iosb = IoStatusBlock;
        Waiter->Routine = (PVOID)(ULONG_PTR)ApcRoutine;
        Waiter->Context = ApcContext;
        Status = CmpBeginWait(Body, NotifyFilter, WatchSubtree, Waiter);
        if (!NT_SUCCESS(Status))
            CmpFreeWaiter(Waiter);
        else if (!Asynchronous)
            Status = CmpWait(Waiter, ExGetPreviousMode());
    }
    ObDereferenceObject(Body);
    return Status;
}
