/*
 * What the dispatcher does with processes: none of it but attaching, which is a thread's going
 * into another address space for a while. Its stack and the kernel are in that one, too.
 */
#include "sched/sched.h"
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

/* The dispatcher lock is held, so the thread stays on this processor. */
static VOID KiLoadSpace(PKTHREAD Thread, PKPROCESS Process)
{
    if (Thread->ApcState.Process == Process)
        return;
    Thread->ApcState.Process = Process;
    KeGetCurrentPrcb()->ActiveDirectory = Process->DirectoryTableBase[0];
    KiWriteCr3(Process->DirectoryTableBase[0]);
    KeGetCurrentPrcb()->AttachSwitches++;
}

/* Goes into a process's address space (WDK: KeStackAttachProcess). Nests. IRQL <= APC_LEVEL. */
VOID NTAPI KeStackAttachProcess(PKPROCESS Process, PKAPC_STATE ApcState)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KIRQL OldIrql;

    if (KeGetCurrentPrcb()->DpcRoutineActive)
        KeBugCheckEx(INVALID_PROCESS_ATTACH_ATTEMPT, (ULONG_PTR)Process,
                     (ULONG_PTR)Thread->ApcState.Process, Thread->ApcStateIndex, TRUE);
    if (Thread->ApcState.Process == Process) {
        ApcState->Process = ATTACHED_TO_SAME;
        return;
    }
    OldIrql = KiLockDispatcherDatabase();
    ApcState->Process = Thread->ApcState.Process;
    ApcState->KernelApcInProgress = Thread->ApcStateIndex; /* were we attached before? */
    Thread->ApcStateIndex = 1;
    KiLoadSpace(Thread, Process);
    KiUnlockDispatcherDatabase(OldIrql);
}

/* Goes back to where KeStackAttachProcess came from. */
VOID NTAPI KeUnstackDetachProcess(PKAPC_STATE ApcState)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KIRQL OldIrql;

    if (ApcState->Process == ATTACHED_TO_SAME)
        return;
    if (Thread->ApcStateIndex == 0)
        KeBugCheckEx(INVALID_PROCESS_DETACH_ATTEMPT, 0, 0, 0, 0);
    OldIrql = KiLockDispatcherDatabase();
    Thread->ApcStateIndex = ApcState->KernelApcInProgress;
    KiLoadSpace(Thread, ApcState->Process);
    KiUnlockDispatcherDatabase(OldIrql);
}
