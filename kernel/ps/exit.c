/*
 * How threads and processes end.
 *
 * A thread ends itself, always: somebody who wants another thread to end queues an APC to it, and
 * it ends where it holds nothing, on its way back to user mode, perhaps out of a user-mode wait.
 * The last thread takes the process's memory and handles along. What it stands on (kernel stack,
 * page directory) goes when the thread is switched away from and its last reference gone.
 */
#include "kernel/hal/hal.h"
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ps/notify.h"
#include "kernel/services.h"
#include "sched/apc.h"

#define EXIT_STATUS_LIMIT 95 /* what tools/run can pass on */

typedef struct _STATUS_NAME {
    NTSTATUS Status;
    PCSTR Name;
} STATUS_NAME;

#define NAMED(Status)                                                                              \
    {                                                                                              \
        Status, #Status                                                                            \
    }
static const STATUS_NAME PspStatusNames[] = {
    NAMED(STATUS_ACCESS_VIOLATION),
    NAMED(STATUS_ILLEGAL_INSTRUCTION),
    NAMED(STATUS_INTEGER_DIVIDE_BY_ZERO),
    NAMED(STATUS_INTEGER_OVERFLOW),
    NAMED(STATUS_ARRAY_BOUNDS_EXCEEDED),
    NAMED(STATUS_PRIVILEGED_INSTRUCTION),
    NAMED(STATUS_BREAKPOINT),
    NAMED(STATUS_SINGLE_STEP),
    NAMED(STATUS_ASSERTION_FAILURE),
    NAMED(STATUS_STACK_OVERFLOW),
    NAMED(STATUS_GUARD_PAGE_VIOLATION),
    NAMED(STATUS_DATATYPE_MISALIGNMENT),
    NAMED(STATUS_ILLEGAL_FLOAT_CONTEXT),
    NAMED(STATUS_FLOAT_DENORMAL_OPERAND),
    NAMED(STATUS_FLOAT_DIVIDE_BY_ZERO),
    NAMED(STATUS_FLOAT_INEXACT_RESULT),
    NAMED(STATUS_FLOAT_INVALID_OPERATION),
    NAMED(STATUS_FLOAT_OVERFLOW),
    NAMED(STATUS_FLOAT_STACK_CHECK),
    NAMED(STATUS_FLOAT_UNDERFLOW),
    NAMED(STATUS_FLOAT_MULTIPLE_FAULTS),
    NAMED(STATUS_FLOAT_MULTIPLE_TRAPS),
    NAMED(STATUS_NO_MEMORY),
};

static PCSTR PspStatusName(NTSTATUS Status)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(PspStatusNames); i++) {
        if (PspStatusNames[i].Status == Status)
            return PspStatusNames[i].Name;
    }
    return "exception";
}

/* The first program has ended: so has the run. */
static NORETURN VOID PspEndRun(PEPROCESS Process)
{
    ULONG Status = (ULONG)Process->ExitStatus;

    IoShutdownSystem();
    if (Process->EndedByException)
        HalpPowerOff(EXIT_FIRST_EXCEPTION);
    HalpPowerOff(EXIT_PROGRAM_STATUS + min(Status, EXIT_STATUS_LIMIT));
}

/* One thread less. TRUE: it was the last, and no other can begin any more. */
static BOOLEAN PspLeaveProcess(PEPROCESS Process, NTSTATUS ExitStatus)
{
    BOOLEAN Last;

    ExAcquireFastMutex(&PspLock);
    PsThreadCount--;
    Last = --Process->ActiveThreads == 0;
    if (Last && !Process->Exiting) {
        Process->Exiting = TRUE;
        Process->ExitStatus = ExitStatus;
    }
    ExReleaseFastMutex(&PspLock);
    return Last;
}

/* What the last thread does for its process, in its address space. */
static VOID PspCleanProcess(PEPROCESS Process)
{
    KeQuerySystemTime(&Process->ExitTime);
    PspNotifyProcessExit(Process);
    ObpCloseHandleTable(Process->ObjectTable);
    MmCleanSpace(&Process->Vm);
    if (Process == PsInitialUserProcess)
        PspEndRun(Process);
}

/* What a thread gives back at its end is in its own process, where it has to be (WDK: Bug Check
 * 0x5). */
static VOID PspCheckNotAttached(PKTHREAD Thread)
{
    if (Thread->ApcStateIndex)
        KeBugCheckEx(INVALID_PROCESS_ATTACH_ATTEMPT, (ULONG_PTR)Thread->Process,
                     (ULONG_PTR)Thread->ApcState.Process, Thread->ApcStateIndex, 0);
}

/* Ends the current thread. IRQL: PASSIVE_LEVEL; it holds nothing and is not attached. */
NORETURN VOID PspExitThread(NTSTATUS ExitStatus)
{
    PETHREAD Thread = (PETHREAD)KiGetCurrentThread();
    PEPROCESS Process = Thread->ThreadsProcess;
    PVOID Teb = Thread->Tcb.Teb;
    BOOLEAN Last;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    PspCheckNotAttached(&Thread->Tcb);
    PspNotifyThread(Thread, FALSE);
    IoCancelThreadIo();
    Last = PspLeaveProcess(Process, ExitStatus);
    Thread->ExitStatus = ExitStatus;
    KeQuerySystemTime(&Thread->ExitTime);
    Thread->Tcb.Teb = NULL;
    if (Last && Process != PsInitialSystemProcess) {
        PspCleanProcess(Process);
    } else if (Thread->UserStack) {
        MmFreeUserMemory(Thread->UserStack);
        MmFreeUserMemory(Teb);
    }
    KeRundownApcs();
    KeTerminateThread(Last);
}

/* A thread that was told to end: with its own status, or with all the others. */
NORETURN VOID PspExitTerminatingThread(VOID)
{
    PETHREAD Thread = (PETHREAD)KiGetCurrentThread();
    PEPROCESS Process = Thread->ThreadsProcess;

    if (Thread->Terminating)
        PspExitThread(Thread->TerminationStatus);
    PspExitThread(Process->Exiting ? Process->ExitStatus : Process->OthersStatus);
}

/* The exit APC's kernel routine: it ends the thread, so there is nothing to return to. */
static VOID NTAPI PspExitApc(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine, PVOID *NormalContext,
                             PVOID *SystemArgument1, PVOID *SystemArgument2)
{
    UNREFERENCED_PARAMETER(Apc);
    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    KiLowerIrql(PASSIVE_LEVEL);
    PspExitTerminatingThread();
}

/* What makes it a user APC is that it has a normal routine, which will never run. */
static VOID NTAPI PspExitNormalApc(PVOID NormalContext, PVOID SystemArgument1,
                                   PVOID SystemArgument2)
{
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
}

VOID PspInitializeExitApc(PETHREAD Thread)
{
    KeInitializeApc(&Thread->Tcb.ExitApc, &Thread->Tcb, OriginalApcEnvironment, PspExitApc, NULL,
                    PspExitNormalApc, UserMode, NULL);
}

/* Undoes the creation of a thread that never ran. The caller keeps its reference. */
VOID PspDiscardUnstarted(PETHREAD Thread)
{
    PEPROCESS Process = Thread->ThreadsProcess;
    KAPC_STATE ApcState;

    KeStackAttachProcess(&Process->Pcb, &ApcState);
    if (Thread->Tcb.Teb)
        MmFreeUserMemory(Thread->Tcb.Teb);
    if (Thread->UserStack)
        MmFreeUserMemory(Thread->UserStack);
    if (PspLeaveProcess(Process, STATUS_UNSUCCESSFUL)) {
        PspCleanProcess(Process);
        KeSignalProcess(&Process->Pcb);
    }
    KeUnstackDetachProcess(&ApcState);
}

/* Lets a process end: no new threads, and all but the current one are told. The first cause of
 * its end counts. */
VOID PspTerminateProcess(PEPROCESS Process, NTSTATUS ExitStatus, BOOLEAN Exception)
{
    ExAcquireFastMutex(&PspLock);
    if (!Process->Exiting) {
        Process->Exiting = TRUE;
        Process->ExitStatus = ExitStatus;
        Process->EndedByException = Exception;
    }
    ExReleaseFastMutex(&PspLock);
    KeInsertExitApcs(&Process->Pcb);
}

/* An exception in user mode that nobody handles: says so, and ends the process. The record may be
 * the program's own. */
NORETURN VOID PspExceptionInUserMode(const EXCEPTION_RECORD *Record)
{
    PEPROCESS Process = PspCurrentProcess();
    const ULONG_PTR *Access = Record->ExceptionInformation; /* whether it was a write, and where */
    ULONG_PTR At = (ULONG_PTR)Record->ExceptionAddress;
    NTSTATUS Status = Record->ExceptionCode;

    if (Status == STATUS_ACCESS_VIOLATION && Record->NumberParameters == 2 && Access[1] != At &&
        Access[1] != MAXULONG_PTR)
        KdPrintLine("%s (pid %lu): %s at %08lx, %s %08lx; the process ends\n",
                    Process->ImageFileName, PsPid(Process), PspStatusName(Status), At,
                    Access[0] ? "writing" : "reading", Access[1]);
    else
        KdPrintLine("%s (pid %lu): %s (%08lx) at %08lx; the process ends\n", Process->ImageFileName,
                    PsPid(Process), PspStatusName(Status), Status, At);
    PspTerminateProcess(Process, Status, TRUE);
    PspExitThread(Status);
}

/* Ends a process; NULL: the current one's other threads only (WDK: ZwTerminateProcess). */
NTSTATUS NTAPI NtTerminateProcess(HANDLE ProcessHandle, NTSTATUS ExitStatus)
{
    PEPROCESS Process, Current = PspCurrentProcess();
    NTSTATUS Status;

    if (ProcessHandle == NULL) {
        Current->OthersStatus = ExitStatus;
        KeInsertExitApcs(&Current->Pcb);
        return STATUS_SUCCESS;
    }
    Status = PsReferenceProcess(ProcessHandle, PROCESS_TERMINATE, &Process);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Process == PsInitialSystemProcess)
        Status = STATUS_ACCESS_DENIED;
    else
        PspTerminateProcess(Process, ExitStatus, FALSE);
    ObDereferenceObject(Process);
    if (NT_SUCCESS(Status) && Process == Current)
        PspExitThread(ExitStatus);
    return Status;
}

/* Lets another thread end. The first who does so says what it ends with. */
static VOID PspTerminateThread(PETHREAD Thread, NTSTATUS ExitStatus)
{
    ExAcquireFastMutex(&PspLock);
    if (!Thread->Terminating) {
        Thread->TerminationStatus = ExitStatus;
        Thread->Terminating = TRUE;
    }
    ExReleaseFastMutex(&PspLock);
    KeInsertExitApc(&Thread->Tcb);
}

/* Ends a thread; NULL or -2: the current one. */
NTSTATUS NTAPI NtTerminateThread(HANDLE ThreadHandle, NTSTATUS ExitStatus)
{
    PETHREAD Thread, Current = (PETHREAD)KiGetCurrentThread();
    NTSTATUS Status;

    if (ThreadHandle == NULL)
        PspExitThread(ExitStatus);
    Status = ObReferenceObjectByHandle(ThreadHandle, THREAD_TERMINATE, *PsThreadType,
                                       Current->Tcb.PreviousMode, (PVOID *)&Thread, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Thread->UserStack == NULL) {
        Status = STATUS_ACCESS_DENIED; /* a system thread ends itself */
    } else if (Thread != Current) {
        PspTerminateThread(Thread, ExitStatus);
    }
    ObDereferenceObject(Thread);
    if (NT_SUCCESS(Status) && Thread == Current)
        PspExitThread(ExitStatus);
    return Status;
}
