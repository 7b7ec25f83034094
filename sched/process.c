/*
 * What the dispatcher does with processes: none of it but attaching, which is a thread's going
 * into another address space for a while. Its stack and the kernel are in that one, too.
 */
#include "sched/apc.h"
#include "mm/mm.h"

#define ATTACHED_TO_SAME ((PKPROCESS)1) /* in a KAPC_STATE: detaching has nothing to do */

VOID KeInitializeProcess(PKPROCESS Process, PMM_SPACE Space, SCHAR BasePriority)
{
    RtlZeroMemory(Process, sizeof *Process);
    Process->Header.Type = KProcessObject;
    Process->Header.Size = sizeof *Process / sizeof(ULONG);
    InitializeListHead(&Process->Header.WaitListHead);
    InitializeListHead(&Process->ThreadListHead);
    Process->Space = Space;
    Process->DirectoryTableBase[0] = Space->DirectoryTableBase;
    Process->BasePriority = BasePriority;
    Process->QuantumReset = THREAD_QUANTUM;
}

/* Its last thread has gone without ever having run. */
VOID KeSignalProcess(PKPROCESS Process)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();

    Process->Header.SignalState = 1;
    KiWaitTest(Process, 0);
    KiUnlockDispatcherDatabase(OldIrql);
}

/* Loads the address space that the thread is in now. The dispatcher lock is held, so the thread
 * stays on this processor. */
static VOID KiLoadSpace(PKPROCESS Process)
{
    PKPRCB Prcb = KeGetCurrentPrcb();

    if (Prcb->ActiveDirectory == Process->DirectoryTableBase[0])
        return;
    Prcb->ActiveDirectory = Process->DirectoryTableBase[0];
    KiWriteCr3(Process->DirectoryTableBase[0]);
    Prcb->AttachSwitches++;
}

/* Moves a list with all its entries to another head. */
static VOID KiMoveList(PLIST_ENTRY From, PLIST_ENTRY To)
{
    InitializeListHead(To);
    if (IsListEmpty(From))
        return;
    *To = *From;
    To->Flink->Blink = To->Blink->Flink = To;
}

static VOID KiMoveApcState(PKAPC_STATE From, PKAPC_STATE To)
{
    *To = *From;
    KiMoveList(&From->ApcListHead[KernelMode], &To->ApcListHead[KernelMode]);
    KiMoveList(&From->ApcListHead[UserMode], &To->ApcListHead[UserMode]);
}

/* The address space of a thread that has just gone there: nothing is queued to it yet. */
static VOID KiInitializeApcState(PKAPC_STATE State, PKPROCESS Process)
{
    RtlZeroMemory(State, sizeof *State);
    InitializeListHead(&State->ApcListHead[KernelMode]);
    InitializeListHead(&State->ApcListHead[UserMode]);
    State->Process = Process;
}

/*
 * Goes into a process's address space (WDK: KeStackAttachProcess). The APCs that are queued to the
 * thread stay behind, in SavedApcState, or in the caller's ApcState if the thread was attached
 * already: nesting. IRQL <= APC_LEVEL.
 */
VOID NTAPI KeStackAttachProcess(PKPROCESS Process, PKAPC_STATE ApcState)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KIRQL OldIrql;

    if (KiGetCurrentIrql() >= DISPATCH_LEVEL && KeGetCurrentPrcb()->DpcRoutineActive)
        KeBugCheckEx(INVALID_PROCESS_ATTACH_ATTEMPT, (ULONG_PTR)Process,
                     (ULONG_PTR)Thread->ApcState.Process, Thread->ApcStateIndex, TRUE);
    KI_ASSERT_IRQL(APC_LEVEL);
    if (Thread->ApcState.Process == Process) {
        ApcState->Process = ATTACHED_TO_SAME;
        return;
    }
    OldIrql = KiLockDispatcherDatabase();
    if (Thread->ApcStateIndex == 0) {
        ApcState->Process = NULL;
        KiMoveApcState(&Thread->ApcState, &Thread->SavedApcState);
    } else {
        KiMoveApcState(&Thread->ApcState, ApcState);
    }
    Thread->ApcStateIndex = 1;
    KiInitializeApcState(&Thread->ApcState, Process);
    KiLoadSpace(Process);
    KiUnlockDispatcherDatabase(OldIrql);
}

/* Goes into a process's address space, out of the thread's own (WDK: KeAttachProcess). Does not
 * nest: from a third one it is bug check 5. IRQL <= APC_LEVEL. */
VOID NTAPI KeAttachProcess(PKPROCESS Process)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KAPC_STATE NotUsed;

    if (Thread->ApcState.Process != Process && Thread->ApcStateIndex)
        KeBugCheckEx(INVALID_PROCESS_ATTACH_ATTEMPT, (ULONG_PTR)Process,
                     (ULONG_PTR)Thread->ApcState.Process, Thread->ApcStateIndex, FALSE);
    KeStackAttachProcess(Process, &NotUsed);
}

/* Goes back to the thread's own address space. IRQL <= APC_LEVEL. */
VOID NTAPI KeDetachProcess(VOID)
{
    KAPC_STATE Own = {.Process = NULL}; /* KeUnstackDetachProcess: what is in SavedApcState */

    if (KiGetCurrentThread()->ApcStateIndex)
        KeUnstackDetachProcess(&Own);
}

/*
 * Goes back to where KeStackAttachProcess came from (WDK: KeUnstackDetachProcess). All APCs that
 * were queued to the thread meanwhile must have run. IRQL <= APC_LEVEL.
 */
VOID NTAPI KeUnstackDetachProcess(PKAPC_STATE ApcState)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KIRQL OldIrql;

    KI_ASSERT_IRQL(APC_LEVEL);
    if (ApcState->Process == ATTACHED_TO_SAME)
        return;
    OldIrql = KiLockForWait(Thread);
    while (KiIsKernelApcDue(Thread))
        KiRunInterruptingApcs(Thread);
    if (Thread->ApcStateIndex == 0 || Thread->ApcState.KernelApcInProgress ||
        !IsListEmpty(&Thread->ApcState.ApcListHead[KernelMode]) ||
        !IsListEmpty(&Thread->ApcState.ApcListHead[UserMode]))
        KeBugCheckEx(INVALID_PROCESS_DETACH_ATTEMPT, 0, 0, 0, 0);
    if (ApcState->Process) {
        KiMoveApcState(ApcState, &Thread->ApcState);
    } else {
        KiMoveApcState(&Thread->SavedApcState, &Thread->ApcState);
        Thread->ApcStateIndex = 0;
    }
    KiLoadSpace(Thread->ApcState.Process);
    KiApcsEnabled(Thread);
    KiUnlockDispatcherDatabase(OldIrql);
}
