/*
 * Waiting: the one mechanism behind every KeWaitForXxx, and what satisfies a wait.
 *
 * A waiting thread hangs in the wait list of each object by a wait block, and in its own timer's by
 * another if there is a time-out. Whoever signals an object goes along its list (KiWaitTest). For
 * WaitAny the first signalled object ends the wait. For WaitAll nothing is taken until all objects
 * are signalled at once; then all are taken, in one go under the dispatcher lock, so that nobody
 * sees some of them taken.
 *
 * Order of the tests before blocking, as documented: is it signalled already; has the thread
 * something else to do (an APC, its end); is the time over. A kernel APC interrupts a wait, which
 * then begins anew (STATUS_KERNEL_APC, which no caller sees); the time-out goes on meanwhile.
 *
 * The dispatcher lock guards wait lists, signal states and wait blocks.
 */
#include "kernel/services.h"
#include "sched/apc.h"

#define OBJECT_HEADER_OF(Object) ((PDISPATCHER_HEADER)(Object))

/* What a caller waits for. */
typedef struct _KI_WAIT {
    ULONG Count;
    PVOID *Objects;
    PKWAIT_BLOCK Blocks; /* one for each */
    WAIT_TYPE Type;
    KWAIT_REASON Reason;
    KPROCESSOR_MODE Mode;
    BOOLEAN Alertable;
    LONGLONG Due; /* interrupt time; TIME_FOR_EVER, TIME_AT_ONCE */
} KI_WAIT;

/* Would a wait of the thread's be satisfied? A mutant is always free for its owner. */
static inline BOOLEAN KiIsSignalled(PDISPATCHER_HEADER Object, PKTHREAD Thread)
{
    return Object->SignalState > 0 ||
           (Object->Type == KMutantObject && ((PKMUTANT)Object)->OwnerThread == Thread);
}

/* What a satisfied wait does to the object. TRUE: a mutant that its last owner has abandoned. */
static BOOLEAN KiSatisfyWait(PDISPATCHER_HEADER Object, PKTHREAD Thread)
{
    switch (Object->Type) {
    case EventSynchronizationObject:
    case KTimerSynchronizationObject:
        Object->SignalState = 0;
        return FALSE;
    case KSemaphoreObject:
        Object->SignalState--;
        return FALSE;
    case KMutantObject:
        return KiTakeMutant((PKMUTANT)Object, Thread);
    default:
        return FALSE; /* stays signalled for all */
    }
}

/* Ends a thread's wait: off all lists, boosted, ready. Increment: the priority boost. */
VOID FASTCALL KiUnwaitThread(PKTHREAD Thread, LONG_PTR WaitStatus, KPRIORITY Increment)
{
    PKWAIT_BLOCK Block = Thread->WaitBlockList;

    do {
        RemoveEntryList(&Block->WaitListEntry);
        Block = Block->NextWaitBlock;
    } while (Block != Thread->WaitBlockList);
    if (Thread->Timer.Header.Inserted)
        KiRemoveTimer(&Thread->Timer);
    Thread->WaitStatus = WaitStatus;
    if (Thread->Queue)
        ((PKQUEUE)Thread->Queue)->CurrentCount++;
    KiBoostAfterWait(Thread, Increment);
    KiReadyThread(Thread);
}

/* Takes all objects of a WaitAll. Returns how the wait ends. */
static NTSTATUS KiSatisfyAll(PKTHREAD Thread)
{
    PKWAIT_BLOCK Block = Thread->WaitBlockList;
    NTSTATUS Status = STATUS_WAIT_0;

    do {
        if (Block->WaitType == WaitAll && KiSatisfyWait(OBJECT_HEADER_OF(Block->Object), Thread))
            Status = STATUS_ABANDONED_WAIT_0;
        Block = Block->NextWaitBlock;
    } while (Block != Thread->WaitBlockList);
    return Status;
}

/* Are all objects of a thread's WaitAll signalled? */
static BOOLEAN KiAllSignalled(PKTHREAD Thread)
{
    PKWAIT_BLOCK Block = Thread->WaitBlockList;

    do {
        if (Block->WaitType == WaitAll && !KiIsSignalled(OBJECT_HEADER_OF(Block->Object), Thread))
            return FALSE;
        Block = Block->NextWaitBlock;
    } while (Block != Thread->WaitBlockList);
    return TRUE;
}

/* Ends the wait that a block belongs to, if its object's signal is enough for it. */
static BOOLEAN KiTryEndWait(PKWAIT_BLOCK Block, KPRIORITY Increment)
{
    PKTHREAD Thread = Block->Thread;
    NTSTATUS Status = Block->WaitKey;

    if (Block->WaitType == WaitAny) {
        if (KiSatisfyWait(OBJECT_HEADER_OF(Block->Object), Thread))
            Status += STATUS_ABANDONED_WAIT_0;
    } else {
        if (!KiAllSignalled(Thread))
            return FALSE;
        Status = KiSatisfyAll(Thread);
    }
    KiUnwaitThread(Thread, Status, Increment);
    return TRUE;
}

/*
 * An object has been signalled: ends the waits that this is enough for, the longest waiting first.
 * After each the list is looked at anew, for a thread may hang in it more than once.
 */
VOID KiWaitTest(PVOID Object, KPRIORITY Increment)
{
    PDISPATCHER_HEADER Header = OBJECT_HEADER_OF(Object);
    PLIST_ENTRY Head = &Header->WaitListHead, Entry = Head->Flink;

    while (Header->SignalState > 0 && Entry != Head) {
        PKWAIT_BLOCK Block = CONTAINING_RECORD(Entry, KWAIT_BLOCK, WaitListEntry);
        Entry = KiTryEndWait(Block, Increment) ? Head->Flink : Entry->Flink;
    }
}

/*
 * Takes what is signalled already. STATUS_PENDING: the thread has to wait.
 * STATUS_MUTANT_LIMIT_EXCEEDED: it has a mutant so often that SignalState, below zero for nothing
 * but mutants, cannot count once more.
 */
static NTSTATUS KiTestObjects(const KI_WAIT *Wait, PKTHREAD Thread)
{
    NTSTATUS Status = STATUS_WAIT_0;
    BOOLEAN Missing = FALSE;
    ULONG i;

    for (i = 0; i < Wait->Count; i++) {
        PDISPATCHER_HEADER Object = OBJECT_HEADER_OF(Wait->Objects[i]);
        BOOLEAN Signalled = KiIsSignalled(Object, Thread);
        if (Signalled && Object->SignalState == (LONG)MINLONG)
            return STATUS_MUTANT_LIMIT_EXCEEDED;
        if (Signalled && Wait->Type == WaitAny)
            return (NTSTATUS)i + (KiSatisfyWait(Object, Thread) ? STATUS_ABANDONED_WAIT_0 : 0);
        Missing |= !Signalled;
    }
    if (Missing || Wait->Count == 0)
        return STATUS_PENDING;
    for (i = 0; i < Wait->Count; i++) {
        if (KiSatisfyWait(OBJECT_HEADER_OF(Wait->Objects[i]), Thread))
            Status = STATUS_ABANDONED_WAIT_0;
    }
    return Status;
}

/*
 * Is there an alert or a user APC that ends an alertable wait? User APCs end waits in kernel mode,
 * too, but are not delivered for that (WDK: Waits and APCs). STATUS_PENDING: no.
 */
static NTSTATUS KiTestAlerts(const KI_WAIT *Wait, PKTHREAD Thread)
{
    if (KiTakeAlert(Thread, Wait->Mode))
        return STATUS_ALERTED;
    if (!IsListEmpty(&Thread->ApcState.ApcListHead[UserMode])) {
        Thread->ApcState.UserApcPending |= Wait->Mode == UserMode;
        return STATUS_USER_APC;
    }
    return KiTakeAlert(Thread, KernelMode) ? STATUS_ALERTED : STATUS_PENDING;
}

/* Has the thread something to do that ends its wait? STATUS_PENDING: no. */
static NTSTATUS KiTestInterruption(const KI_WAIT *Wait, PKTHREAD Thread)
{
    NTSTATUS Status = STATUS_PENDING;

    if (KiIsKernelApcDue(Thread))
        return STATUS_KERNEL_APC;
    if (Wait->Alertable)
        Status = KiTestAlerts(Wait, Thread);
    if (Status != STATUS_PENDING)
        return Status;
    if (Wait->Mode == UserMode && Thread->ApcState.UserApcPending)
        return STATUS_USER_APC;
    if (Wait->Due != TIME_FOR_EVER && Wait->Due <= KiQueryInterruptTime())
        return STATUS_TIMEOUT;
    return STATUS_PENDING;
}

/* Hangs the thread in an object's wait list. */
static VOID KiAddWaitBlock(PKTHREAD Thread, PKWAIT_BLOCK Block, PVOID Object, WAIT_TYPE Type,
                           NTSTATUS Key)
{
    Block->Thread = Thread;
    Block->Object = Object;
    Block->WaitKey = (USHORT)Key;
    Block->WaitType = (UCHAR)Type;
    InsertTailList(&OBJECT_HEADER_OF(Object)->WaitListHead, &Block->WaitListEntry);
    Block->NextWaitBlock = Thread->WaitBlockList;
    Thread->WaitBlockList = Block;
}

/* Hangs the thread everywhere, its blocks in a circle. */
static VOID KiAddWaitBlocks(const KI_WAIT *Wait, PKTHREAD Thread)
{
    PKWAIT_BLOCK Last = Wait->Count ? &Wait->Blocks[0] : &Thread->WaitBlock[TIMER_WAIT_BLOCK];
    ULONG i;

    Thread->WaitBlockList = NULL;
    for (i = 0; i < Wait->Count; i++)
        KiAddWaitBlock(Thread, &Wait->Blocks[i], Wait->Objects[i], Wait->Type, (NTSTATUS)i);
    if (Wait->Due != TIME_FOR_EVER) {
        Thread->Timer.Header.SignalState = 0;
        KiAddWaitBlock(Thread, &Thread->WaitBlock[TIMER_WAIT_BLOCK], &Thread->Timer, WaitAny,
                       STATUS_TIMEOUT);
        KiInsertTimer(&Thread->Timer, Wait->Due);
    }
    Last->NextWaitBlock = Thread->WaitBlockList;
}

/* Blocks the current thread, whose wait blocks are in place. Returns how the wait ended. */
static NTSTATUS KiBlock(PKTHREAD Thread, KWAIT_REASON Reason, KPROCESSOR_MODE Mode,
                        BOOLEAN Alertable)
{
    ASSERT(Thread != KeGetCurrentPrcb()->IdleThread); /* it is what runs when all wait */
    Thread->WaitReason = (UCHAR)Reason;
    Thread->WaitMode = Mode;
    Thread->Alertable = Alertable;
    Thread->WaitTime = KeTickCount.LowPart;
    Thread->State = Waiting;
    if (Thread->Queue)
        KiThreadOfQueueBlocks(Thread->Queue);
    KiSwapThread();
    return (NTSTATUS)Thread->WaitStatus;
}

/* Waits, or tells that a kernel APC has to run before. The lock is held, here and on return. */
static NTSTATUS KiTryToWait(const KI_WAIT *Wait, PKTHREAD Thread)
{
    NTSTATUS Status = KiTestObjects(Wait, Thread);

    if (Status == STATUS_PENDING)
        Status = KiTestInterruption(Wait, Thread);
    if (Status != STATUS_PENDING)
        return Status;
    KiAddWaitBlocks(Wait, Thread);
    return KiBlock(Thread, Wait->Reason, Wait->Mode, Wait->Alertable);
}

/* Lets kernel APCs run that have interrupted a wait at PASSIVE_LEVEL. The lock is held, here and on
 * return. */
VOID KiRunInterruptingApcs(PKTHREAD Thread)
{
    KiUnlockDispatcherDatabase(APC_LEVEL);
    KiDeliverKernelApcs();
    KiLowerIrql(PASSIVE_LEVEL);
    Thread->WaitIrql = KiLockDispatcherDatabase();
}

/* Waits, with the lock held, here and on return. */
static NTSTATUS KiWaitForObjects(const KI_WAIT *Wait, PKTHREAD Thread)
{
    NTSTATUS Status;

    while ((Status = KiTryToWait(Wait, Thread)) == STATUS_KERNEL_APC)
        KiRunInterruptingApcs(Thread);
    return Status;
}

/* Waits for an entry of a queue: by one wait block, and the entry is the wait's status, or
 * STATUS_KERNEL_APC to begin anew. The lock is held. */
LONG_PTR KiWaitForQueue(PKQUEUE Queue, KPROCESSOR_MODE Mode, LONGLONG Due)
{
    PKTHREAD Thread = KiGetCurrentThread();
    PVOID Object = Queue;
    KI_WAIT Wait = {1, &Object, Thread->WaitBlock, WaitAny, WrQueue, Mode, FALSE, Due};
    NTSTATUS Status = KiTestInterruption(&Wait, Thread);

    if (Status != STATUS_PENDING)
        return Status;
    KiAddWaitBlocks(&Wait, Thread);
    KiBlock(Thread, WrQueue, Mode, FALSE);
    return Thread->WaitStatus;
}

NORETURN VOID FASTCALL KiBadWait(PKTHREAD Thread, PVOID Object, KIRQL Irql)
{
    if (Irql == DISPATCH_LEVEL && KeGetCurrentPrcb()->DpcRoutineActive)
        KeBugCheckEx(ATTEMPTED_SWITCH_FROM_DPC, (ULONG_PTR)Thread, 0,
                     (ULONG_PTR)Thread->InitialStack, 0);
    KeBugCheckEx(IRQL_NOT_LESS_OR_EQUAL, (ULONG_PTR)Object, Irql, 0,
                 (ULONG_PTR)__builtin_return_address(0));
}

/* The general case of a wait for one object; the lock is held. Apart, so as not to burden the
 * others. */
static __attribute__((noinline)) NTSTATUS KiWaitForOne(PVOID Object, KWAIT_REASON Reason,
                                                       KPROCESSOR_MODE Mode, BOOLEAN Alertable,
                                                       PLARGE_INTEGER Timeout)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KI_WAIT Wait = {1,      &Object, Thread->WaitBlock, WaitAny,
                    Reason, Mode,    Alertable,         KiDueTime(Timeout)};

    return KiWaitForObjects(&Wait, Thread);
}

/* The commonest one that blocks: in kernel mode and for ever, so that nothing can end it but the
 * object, or a kernel APC. */
static NTSTATUS KiWaitForEver(PKTHREAD Thread, PVOID Object, KWAIT_REASON Reason)
{
    PKWAIT_BLOCK Block = &Thread->WaitBlock[0];
    NTSTATUS Status;

    if (KiIsKernelApcDue(Thread))
        return KiWaitForOne(Object, Reason, KernelMode, FALSE, NULL);
    KiAddWaitBlock(Thread, Block, Object, WaitAny, STATUS_WAIT_0);
    Block->NextWaitBlock = Block;
    Status = KiBlock(Thread, Reason, KernelMode, FALSE);
    if (Status != STATUS_KERNEL_APC)
        return Status;
    KiRunInterruptingApcs(Thread);
    return KiWaitForOne(Object, Reason, KernelMode, FALSE, NULL);
}

/*
 * Waits for an object to be signalled (WDK: KeWaitForSingleObject). Timeout: 100 ns units,
 * negative relative, positive absolute, NULL for ever. IRQL <= APC_LEVEL, or DISPATCH_LEVEL with a
 * time-out of zero. STATUS_SUCCESS, STATUS_ABANDONED_WAIT_0, STATUS_TIMEOUT, or STATUS_USER_APC or
 * STATUS_ALERTED if the wait was interrupted. Raises STATUS_MUTANT_LIMIT_EXCEEDED.
 */
NTSTATUS NTAPI KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason,
                                     KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                     PLARGE_INTEGER Timeout)
{
    PDISPATCHER_HEADER Header = OBJECT_HEADER_OF(Object);
    PKTHREAD Thread = KiGetCurrentThread();
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL OldIrql;

    KiCheckWaitIrql(Thread, Object, Timeout);
    OldIrql = KiLockForWait(Thread);
    if (Header->Type == KMutantObject)
        Status = KiWaitForOne(Object, WaitReason, WaitMode, Alertable, Timeout);
    else if (Header->SignalState > 0)
        KiSatisfyWait(Header, Thread);
    else if (Timeout == NULL && WaitMode == KernelMode && !Alertable)
        Status = KiWaitForEver(Thread, Object, WaitReason);
    else
        Status = KiWaitForOne(Object, WaitReason, WaitMode, Alertable, Timeout);
    KiUnlockDispatcherDatabase(OldIrql);
    if (Status == STATUS_MUTANT_LIMIT_EXCEEDED)
        ExRaiseStatus(Status);
    return Status;
}

/*
 * Waits for one of several objects, or for all of them at once (WDK: KeWaitForMultipleObjects).
 * More than THREAD_WAIT_OBJECTS need an array of wait blocks in nonpaged memory. Otherwise as
 * KeWaitForSingleObject; the number of the object is added to STATUS_WAIT_0 and
 * STATUS_ABANDONED_WAIT_0 for WaitAny.
 */
NTSTATUS NTAPI KeWaitForMultipleObjects(ULONG Count, PVOID Object[], WAIT_TYPE WaitType,
                                        KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode,
                                        BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                        PKWAIT_BLOCK WaitBlockArray)
{
    PKTHREAD Thread = KiGetCurrentThread();
    PKWAIT_BLOCK Blocks = WaitBlockArray ? WaitBlockArray : Thread->WaitBlock;
    KI_WAIT Wait = {Count,      Object,   Blocks,    WaitType,
                    WaitReason, WaitMode, Alertable, KiDueTime(Timeout)};
    NTSTATUS Status;
    KIRQL OldIrql;

    if (Count > (WaitBlockArray ? MAXIMUM_WAIT_OBJECTS : THREAD_WAIT_OBJECTS))
        KeBugCheckEx(MAXIMUM_WAIT_OBJECTS_EXCEEDED, 0, 0, 0, 0);
    ASSERT(Count > 0 && (WaitType == WaitAny || WaitType == WaitAll));
    KiCheckWaitIrql(Thread, Object[0], Timeout);
    OldIrql = KiLockForWait(Thread);
    Status = KiWaitForObjects(&Wait, Thread);
    KiUnlockDispatcherDatabase(OldIrql);
    if (Status == STATUS_MUTANT_LIMIT_EXCEEDED)
        ExRaiseStatus(Status);
    return Status;
}

/* KeDelayExecutionThread (ready.c), unless it only yields, or is called where it must not be. */
NTSTATUS NTAPI KiDelayExecutionThread(KPROCESSOR_MODE Mode, BOOLEAN Alertable,
                                      PLARGE_INTEGER Interval)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KI_WAIT Wait = {0, NULL, NULL, WaitAny, DelayExecution, Mode, Alertable, KiDueTime(Interval)};
    NTSTATUS Status;
    KIRQL OldIrql;

    KiCheckWaitIrql(Thread, Interval, NULL);
    OldIrql = KiLockForWait(Thread);
    Status = KiWaitForObjects(&Wait, Thread);
    KiUnlockDispatcherDatabase(OldIrql);
    if (Status != STATUS_TIMEOUT)
        return Status;
    if (Interval->QuadPart == 0)
        NtYieldExecution();
    return STATUS_SUCCESS;
}
