/*
 * One-time initialization (WDK: RtlRunOnceBeginInitialize and its kin).
 *
 * The two low bits of RunOnce->Ptr are the state; what is above them is, while one thread does the
 * work, the list of those who wait (on their stacks), and, when it is done, the context. All
 * changes are by compare-and-exchange, so there is no lock.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"

#define ONCE_NEW     0
#define ONCE_RUNNING 1 /* by one thread */
#define ONCE_RACING  2 /* asynchronously: by several, the first to complete wins */
#define ONCE_DONE    3
#define ONCE_STATE   3

/* A thread that waits. Aligned, so that the state fits below its address. */
typedef struct _ONCE_WAITER {
    struct _ONCE_WAITER *Next;
    KEVENT Event;
} ONCE_WAITER;

VOID NTAPI RtlRunOnceInitialize(PRTL_RUN_ONCE RunOnce)
{
    RunOnce->Ptr = NULL;
}

static BOOLEAN RtlpChange(PRTL_RUN_ONCE RunOnce, ULONG_PTR Old, ULONG_PTR New)
{
    return InterlockedCompareExchangePointer(&RunOnce->Ptr, (PVOID)New, (PVOID)Old) == (PVOID)Old;
}

/* Waits until the one who does the work has ended it, either way. */
static VOID RtlpWaitForOther(PRTL_RUN_ONCE RunOnce, ULONG_PTR Old)
{
    ONCE_WAITER Waiter;

    KeInitializeEvent(&Waiter.Event, SynchronizationEvent, FALSE);
    Waiter.Next = (ONCE_WAITER *)(Old & ~ONCE_STATE);
    if (RtlpChange(RunOnce, Old, (ULONG_PTR)&Waiter | ONCE_RUNNING))
        KeWaitForSingleObject(&Waiter.Event, Executive, KernelMode, FALSE, NULL);
}

/*
 * Begins: STATUS_SUCCESS, it is done already, and *Context is what RtlRunOnceComplete got;
 * STATUS_PENDING, the caller is to do it. Flags: RTL_RUN_ONCE_CHECK_ONLY (STATUS_UNSUCCESSFUL: not
 * done), RTL_RUN_ONCE_ASYNC. STATUS_INVALID_OWNER: it was begun the other way.
 * STATUS_INVALID_PARAMETER_2: the flags. IRQL <= APC_LEVEL; may wait for another thread.
 */
NTSTATUS NTAPI RtlRunOnceBeginInitialize(PRTL_RUN_ONCE RunOnce, ULONG Flags, PVOID *Context)
{
    ULONG_PTR State = Flags & RTL_RUN_ONCE_ASYNC ? ONCE_RACING : ONCE_RUNNING;

    KI_ASSERT_IRQL(APC_LEVEL);
    if ((Flags & ~(RTL_RUN_ONCE_CHECK_ONLY | RTL_RUN_ONCE_ASYNC)) ||
        (Flags & (Flags - 1))) /* both */
        return STATUS_INVALID_PARAMETER_2;
    for (;;) {
        ULONG_PTR Old = (ULONG_PTR) * (PVOID volatile *)&RunOnce->Ptr;
        if ((Old & ONCE_STATE) == ONCE_DONE) {
            if (Context)
                *Context = (PVOID)(Old & ~ONCE_STATE);
            return STATUS_SUCCESS;
        }
        if (Flags & RTL_RUN_ONCE_CHECK_ONLY)
            return STATUS_UNSUCCESSFUL;
        if (Old == ONCE_NEW && RtlpChange(RunOnce, Old, State))
            return STATUS_PENDING;
        if (Old == ONCE_NEW)
            continue;
        if ((Old & ONCE_STATE) != State)
            return STATUS_INVALID_OWNER;
        if (State == ONCE_RACING)
            return STATUS_PENDING;
        RtlpWaitForOther(RunOnce, Old);
    }
}

static VOID RtlpWakeWaiters(ULONG_PTR Old)
{
    ONCE_WAITER *Waiter = (ONCE_WAITER *)(Old & ~ONCE_STATE), *Next;

    for (; Waiter; Waiter = Next) {
        Next = Waiter->Next; /* it is gone when its thread runs */
        KeSetEvent(&Waiter->Event, EVENT_INCREMENT, FALSE);
    }
}

/*
 * Ends it: Context, whose two low bits must be zero, is for all that come; or, with
 * RTL_RUN_ONCE_INIT_FAILED, the next one is to try. STATUS_UNSUCCESSFUL: nobody has begun it, or
 * another thread won the race. STATUS_INVALID_OWNER: it was begun the other way.
 * STATUS_INVALID_PARAMETER_2, _3: the flags, the context. IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI RtlRunOnceComplete(PRTL_RUN_ONCE RunOnce, ULONG Flags, PVOID Context)
{
    ULONG_PTR State = Flags & RTL_RUN_ONCE_ASYNC ? ONCE_RACING : ONCE_RUNNING;
    ULONG_PTR New = Flags & RTL_RUN_ONCE_INIT_FAILED ? ONCE_NEW : (ULONG_PTR)Context | ONCE_DONE;
    ULONG_PTR Old;

    KI_ASSERT_IRQL(APC_LEVEL);
    if ((Flags & ~(RTL_RUN_ONCE_ASYNC | RTL_RUN_ONCE_INIT_FAILED)) || (Flags & (Flags - 1)))
        return STATUS_INVALID_PARAMETER_2;
    if (((ULONG_PTR)Context & ONCE_STATE) || (New == ONCE_NEW && Context))
        return STATUS_INVALID_PARAMETER_3;
    do {
        Old = (ULONG_PTR) * (PVOID volatile *)&RunOnce->Ptr;
        if (Old == ONCE_NEW || (Old & ONCE_STATE) == ONCE_DONE)
            return STATUS_UNSUCCESSFUL;
        if ((Old & ONCE_STATE) != State)
            return STATUS_INVALID_OWNER;
    } while (!RtlpChange(RunOnce, Old, New));
    RtlpWakeWaiters(Old);
    return STATUS_SUCCESS;
}

/* Has InitFn done it, unless it is done (WDK: RtlRunOnceExecuteOnce). STATUS_UNSUCCESSFUL: it has
 * failed; the next one tries again. IRQL <= APC_LEVEL. */
NTSTATUS NTAPI RtlRunOnceExecuteOnce(PRTL_RUN_ONCE RunOnce, PRTL_RUN_ONCE_INIT_FN InitFn,
                                     PVOID Parameter, PVOID *Context)
{
    PVOID Made = NULL;
    NTSTATUS Status = RtlRunOnceBeginInitialize(RunOnce, 0, Context);

    if (Status != STATUS_PENDING)
        return Status;
    if (!InitFn(RunOnce, Parameter, &Made)) {
        RtlRunOnceComplete(RunOnce, RTL_RUN_ONCE_INIT_FAILED, NULL);
        return STATUS_UNSUCCESSFUL;
    }
    if (Context)
        *Context = Made;
    return RtlRunOnceComplete(RunOnce, 0, Made);
}
