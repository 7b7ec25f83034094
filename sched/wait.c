/*
 * Waiting and waking: a thread waits on an object through a wait block that hangs in the object's
 * list, and on its time-out through another, in the list of the thread's own timer.
 *
 * Whoever signals an object calls KiWaitTest, which satisfies and readies waiters as long as the
 * object stays signalled. All under the dispatcher lock, so a wake-up cannot be lost between the
 * test of an object and the insertion of the wait block.
 */
#include "kernel/services.h"
#include "sched/sched.h"

#define OBJECT_HEADER_OF(Object) ((PDISPATCHER_HEADER)(Object))

/* What a satisfied wait does to the object: some are used up by it. */
static VOID KiSatisfyWait(PDISPATCHER_HEADER Object)
{
    switch (Object->Type) {
    case EventSynchronizationObject:
    case KTimerSynchronizationObject:
        Object->SignalState = 0;
        break;
    case KSemaphoreObject:
        Object->SignalState--;
        break;
    }
}

/* Ends a thread's wait: off all lists, boosted, ready. Increment: the priority boost. */
VOID KiUnwaitThread(PKTHREAD Thread, LONG_PTR WaitStatus, KPRIORITY Increment)
{
    PKWAIT_BLOCK Block = Thread->WaitBlockList;

    do {
        RemoveEntryList(&Block->WaitListEntry);
        Block = Block->NextWaitBlock;
    } while (Block != Thread->WaitBlockList);
    Thread->WaitBlockList = NULL;
    KiRemoveTimer(&Thread->Timer);
    Thread->WaitStatus = WaitStatus;
    if (Thread->BasePriority < LOW_REALTIME_PRIORITY) {
        KPRIORITY Boosted = min(Thread->BasePriority + Increment, LOW_REALTIME_PRIORITY - 1);
        if (Boosted > Thread->Priority)
            Thread->Priority = (SCHAR)Boosted;
        Thread->Quantum = max(Thread->Quantum - 1, 1);
    } else {
        Thread->Quantum = THREAD_QUANTUM;
    }
    KiReadyThread(Thread);
}

VOID KiWaitTest(PVOID Object, KPRIORITY Increment)
{
    PDISPATCHER_HEADER Header = OBJECT_HEADER_OF(Object);

    while (Header->SignalState > 0 && !IsListEmpty(&Header->WaitListHead)) {
        PKWAIT_BLOCK Block =
            CONTAINING_RECORD(Header->WaitListHead.Flink, KWAIT_BLOCK, WaitListEntry);
        KiSatisfyWait(Header);
        KiUnwaitThread(Block->Thread, Block->WaitKey, Increment);
    }
}

static VOID KiAddWaitBlock(PKTHREAD Thread, ULONG Index, PDISPATCHER_HEADER Object, USHORT Key)
{
    PKWAIT_BLOCK Block = &Thread->WaitBlock[Index];

    Block->Thread = Thread;
    Block->Object = Object;
    Block->WaitKey = Key;
    Block->WaitType = WaitAny;
    InsertTailList(&Object->WaitListHead, &Block->WaitListEntry);
    if (Thread->WaitBlockList == NULL) {
        Thread->WaitBlockList = Block->NextWaitBlock = Block;
    } else {
        Block->NextWaitBlock = Thread->WaitBlockList->NextWaitBlock;
        Thread->WaitBlockList->NextWaitBlock = Block;
    }
}

/* Hangs the time-out's wait block in the thread's timer. FALSE: the time is over already. */
static BOOLEAN KiAddTimeout(PKTHREAD Thread, PLARGE_INTEGER Timeout)
{
    InitializeListHead(&Thread->Timer.Header.WaitListHead);
    Thread->Timer.Header.SignalState = 0;
    if (!KiInsertTimer(&Thread->Timer, *Timeout, 0, NULL))
        return FALSE;
    KiAddWaitBlock(Thread, TIMER_WAIT_BLOCK, &Thread->Timer.Header, (USHORT)STATUS_TIMEOUT);
    return TRUE;
}

/* Blocks the current thread, whose wait blocks are in place. Returns how the wait ended. */
static NTSTATUS KiBlock(PKTHREAD Thread, KWAIT_REASON Reason, KPROCESSOR_MODE Mode,
                        BOOLEAN Alertable)
{
    Thread->WaitReason = (UCHAR)Reason;
    Thread->WaitMode = Mode;
    Thread->Alertable = Alertable;
    Thread->WaitTime = KeTickCount.LowPart;
    Thread->State = Waiting;
    KiSwapThread();
    return (NTSTATUS)Thread->WaitStatus;
}

/* A wait that may block is an error at DISPATCH_LEVEL: nothing could be switched to. */
static VOID KiCheckWaitIrql(PVOID Object, PLARGE_INTEGER Timeout)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Timeout && Timeout->QuadPart == 0 && Irql <= DISPATCH_LEVEL)
        return;
    if (Irql == DISPATCH_LEVEL && KeGetCurrentPrcb()->DpcRoutineActive)
        KeBugCheckEx(ATTEMPTED_SWITCH_FROM_DPC, (ULONG_PTR)KiGetCurrentThread(), 0,
                     (ULONG_PTR)KiGetCurrentThread()->InitialStack, 0);
    if (Irql >= DISPATCH_LEVEL)
        KeBugCheckEx(IRQL_NOT_LESS_OR_EQUAL, (ULONG_PTR)Object, Irql, 0,
                     (ULONG_PTR)__builtin_return_address(0));
}

static BOOLEAN KiMustEnd(PKTHREAD Thread, KPROCESSOR_MODE Mode)
{
    return Mode == UserMode && Thread->ApcState.UserApcPending;
}

/*
 * Waits for an object to be signalled (WDK: KeWaitForSingleObject). Timeout: 100 ns units,
 * negative relative, positive absolute, NULL for ever. IRQL <= APC_LEVEL, or DISPATCH_LEVEL with a
 * time-out of zero. STATUS_SUCCESS, STATUS_TIMEOUT, or STATUS_USER_APC if the thread is to end.
 */
NTSTATUS NTAPI KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason,
                                     KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                     PLARGE_INTEGER Timeout)
{
    PDISPATCHER_HEADER Header = OBJECT_HEADER_OF(Object);
    PKTHREAD Thread = KiGetCurrentThread();
    NTSTATUS Status = STATUS_TIMEOUT;
    KIRQL OldIrql;

    KiCheckWaitIrql(Object, Timeout);
    OldIrql = KiLockDispatcherDatabase();
    if (Header->SignalState > 0) {
        KiSatisfyWait(Header);
        Status = STATUS_SUCCESS;
    } else if (KiMustEnd(Thread, WaitMode)) {
        Status = STATUS_USER_APC;
    } else if (Timeout == NULL || (Timeout->QuadPart && KiAddTimeout(Thread, Timeout))) {
        KiAddWaitBlock(Thread, 0, Header, STATUS_WAIT_0);
        Status = KiBlock(Thread, WaitReason, WaitMode, Alertable);
    }
    KiUnlockDispatcherDatabase(OldIrql);
    return Status;
}

/* Lets time pass (WDK: KeDelayExecutionThread). An interval of zero yields. IRQL <= APC_LEVEL. */
NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                      PLARGE_INTEGER Interval)
{
    PKTHREAD Thread = KiGetCurrentThread();
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(APC_LEVEL);
    if (Interval->QuadPart == 0)
        return NtYieldExecution();
    KiCheckWaitIrql(Interval, NULL);
    OldIrql = KiLockDispatcherDatabase();
    if (KiMustEnd(Thread, WaitMode))
        Status = STATUS_USER_APC;
    else if (KiAddTimeout(Thread, Interval))
        Status = KiBlock(Thread, DelayExecution, WaitMode, Alertable);
    KiUnlockDispatcherDatabase(OldIrql);
    return Status == STATUS_TIMEOUT ? STATUS_SUCCESS : Status;
}
