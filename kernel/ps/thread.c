/*
 * Threads: system threads of drivers and the kernel, and user threads.
 */
#include "kernel/kd/kd.h"
#include "kernel/ps/notify.h"
#include "kernel/services.h"
#include "kernel/rtl/rtl.h"
#include "sched/apc.h"

#define STACK_RESERVE_DEFAULT 0x100000
#define STACK_RESERVE_MAXIMUM 0x4000000
#define INITIAL_USER_EFLAGS   (EFLAGS_IF | EFLAGS_ALWAYS)

/* A thread object on a kernel stack of its own, not started. One reference. */
NTSTATUS PspCreateThread(PEPROCESS Process, PKSYSTEM_ROUTINE SystemRoutine, PVOID StartRoutine,
                         PVOID StartContext, PETHREAD *NewThread)
{
    PETHREAD Thread;
    PVOID StackTop;
    NTSTATUS Status = ObpAllocateObject(*PsThreadType, sizeof *Thread, (PVOID *)&Thread);

    if (!NT_SUCCESS(Status))
        return Status;
    StackTop = MmCreateKernelStack();
    if (StackTop == NULL) {
        ObDereferenceObject(Thread);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    KeInitializeThread(&Thread->Tcb, &Process->Pcb, StackTop, SystemRoutine, StartRoutine,
                       StartContext);
    PspInitializeExitApc(Thread);
    InitializeListHead(&Thread->IrpList);
    ObReferenceObject(Process);
    Thread->ThreadsProcess = Process;
    Thread->Cid.UniqueProcess = Process->UniqueProcessId;
    Thread->Cid.UniqueThread = PspAllocateId();
    Thread->ExitStatus = STATUS_PENDING;
    KeQuerySystemTime(&Thread->CreateTime);
    *NewThread = Thread;
    return STATUS_SUCCESS;
}

/* The object's Delete routine: the thread has ended and been switched away from, or never ran. */
VOID PspDeleteThread(PVOID Object)
{
    PETHREAD Thread = Object;

    if (Thread->Tcb.StackBase)
        MmDeleteKernelStack(Thread->Tcb.StackBase);
    if (Thread->ThreadsProcess)
        ObDereferenceObject(Thread->ThreadsProcess);
}

/* Counts the thread in its process; not if that is exiting. */
static NTSTATUS PspEnterProcess(PETHREAD Thread)
{
    PEPROCESS Process = Thread->ThreadsProcess;
    NTSTATUS Status = STATUS_SUCCESS;

    ExAcquireFastMutex(&PspLock);
    if (Process->Exiting) {
        Status = STATUS_PROCESS_IS_TERMINATING;
    } else {
        Process->ActiveThreads++;
        PsThreadCount++;
    }
    ExReleaseFastMutex(&PspLock);
    return Status;
}

/* Makes a created thread run. While it runs it has a reference on itself. */
VOID PspStartThread(PETHREAD Thread)
{
    PspNotifyThread(Thread, TRUE);
    ObReferenceObject(Thread);
    KeStartThread(&Thread->Tcb);
}

/* A system thread's first routine: the driver's, at PASSIVE_LEVEL. */
static VOID PspSystemThreadStartup(PVOID StartRoutine, PVOID StartContext)
{
    ((PKSTART_ROUTINE)StartRoutine)(StartContext);
    PspExitThread(STATUS_SUCCESS); /* returning is the same as PsTerminateSystemThread */
}

/* A system thread that its process counts, not started. One reference. */
static NTSTATUS PspCreateSystemThread(PEPROCESS Process, PKSTART_ROUTINE StartRoutine,
                                      PVOID StartContext, PETHREAD *Thread)
{
    NTSTATUS Status =
        PspCreateThread(Process, PspSystemThreadStartup, StartRoutine, StartContext, Thread);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = PspEnterProcess(*Thread);
    if (!NT_SUCCESS(Status))
        ObDereferenceObject(*Thread);
    return Status;
}

/*
 * Starts one of the kernel's own threads, without a handle. The reference on it becomes the one
 * that it has on itself, so nothing is left to be done once it runs: at start-up this is called by
 * the idle thread, which may not wait for anything that the new thread holds.
 */
NTSTATUS PsStartSystemThread(PKSTART_ROUTINE StartRoutine, PVOID StartContext)
{
    PETHREAD Thread;
    NTSTATUS Status =
        PspCreateSystemThread(PsInitialSystemProcess, StartRoutine, StartContext, &Thread);

    if (NT_SUCCESS(Status))
        KeStartThread(&Thread->Tcb);
    return Status;
}

/*
 * Creates a thread that runs in kernel mode (WDK: PsCreateSystemThread), in the System process
 * unless ProcessHandle says otherwise. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess,
                                    POBJECT_ATTRIBUTES ObjectAttributes, HANDLE ProcessHandle,
                                    PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                                    PVOID StartContext)
{
    PEPROCESS Process = PsInitialSystemProcess;
    ULONG Flags = ObjectAttributes ? ObjectAttributes->Attributes : 0;
    PETHREAD Thread;
    NTSTATUS Status = STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (ProcessHandle)
        Status = ObReferenceObjectByHandle(ProcessHandle, PROCESS_CREATE_THREAD, *PsProcessType,
                                           KernelMode, (PVOID *)&Process, NULL);
    else
        ObReferenceObject(Process);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = PspCreateSystemThread(Process, StartRoutine, StartContext, &Thread);
    ObDereferenceObject(Process);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpCreateHandle(Thread, DesiredAccess, Flags, ThreadHandle);
    if (NT_SUCCESS(Status)) {
        if (ClientId)
            *ClientId = Thread->Cid;
        PspStartThread(Thread);
    } else {
        PspDiscardUnstarted(Thread);
    }
    ObDereferenceObject(Thread);
    return Status;
}

/* Ends the calling system thread (WDK: PsTerminateSystemThread). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI PsTerminateSystemThread(NTSTATUS ExitStatus)
{
    if (((PETHREAD)KiGetCurrentThread())->UserStack)
        return STATUS_INVALID_PARAMETER;
    PspExitThread(ExitStatus);
}

/* The frame through which a thread first enters user mode lies at the top of its kernel stack. */
static PKTRAP_FRAME PspUserFrame(PKTHREAD Thread)
{
    return (PKTRAP_FRAME)Thread->InitialStack - 1;
}

/* A user thread's first routine, in kernel mode: out through the frame that is already there. */
static VOID PspUserThreadStartup(PVOID StartRoutine, PVOID StartContext)
{
    PKTRAP_FRAME Frame = PspUserFrame(KiGetCurrentThread());

    UNREFERENCED_PARAMETER(StartRoutine);
    UNREFERENCED_PARAMETER(StartContext);
    if (PspCurrentProcess()->Exiting)
        PspExitTerminatingThread(); /* it has been told to end before it began */
    PspAnnounceImages(PspCurrentProcess());
    KeTestAlertThread(UserMode);    /* APCs that were queued before it began run first */
    KiReturnToUserMode(Frame);
    KiExitThroughFrame(Frame);
}

static VOID PspBuildUserFrame(PETHREAD Thread, PSP_USER_START *Start, PVOID StackTop)
{
    PKTRAP_FRAME Frame = PspUserFrame(&Thread->Tcb);

    memset(Frame, 0, sizeof *Frame);
    Frame->SegCs = KGDT_R3_CODE | RPL_USER;
    Frame->SegDs = Frame->SegEs = Frame->HardwareSegSs = KGDT_R3_DATA | RPL_USER;
    Frame->SegFs = KGDT_R3_TEB | RPL_USER;
    Frame->EFlags = INITIAL_USER_EFLAGS;
    Frame->ExceptionList = (PVOID)-1;
    Frame->Eip = Start->Eip;
    Frame->Eax = Start->Eax;
    Frame->Ebx = Start->Ebx;
    Frame->HardwareEsp = (ULONG_PTR)StackTop - 16; /* zeroes, for those who look behind the end */
}

/* What a thread has in user mode: its stack, the registers it begins with, its TEB. */
static NTSTATUS PspFillUserThread(PETHREAD Thread, PSP_USER_START *Start, SIZE_T StackReserve,
                                  SIZE_T StackCommit)
{
    PVOID Top, Limit;
    NTSTATUS Status =
        MmAllocateUserStack(StackReserve, StackCommit, &Top, &Limit, &Thread->UserStack);

    if (!NT_SUCCESS(Status))
        return Status;
    PspBuildUserFrame(Thread, Start, Top);
    return PspCreateTeb(Thread, Top, Limit);
}

/*
 * Creates a user thread, not started. The caller is attached to the process. The thread is counted
 * before anything is put into the process, which therefore cannot be cleaned up meanwhile.
 */
NTSTATUS PspCreateUserThread(PEPROCESS Process, PSP_USER_START *Start, SIZE_T StackReserve,
                             SIZE_T StackCommit, PETHREAD *NewThread)
{
    PETHREAD Thread;
    NTSTATUS Status = PspCreateThread(Process, PspUserThreadStartup, NULL, NULL, &Thread);

    if (!NT_SUCCESS(Status))
        return Status;
    Thread->Tcb.PreviousMode = UserMode; /* while no service runs */
    Status = PspEnterProcess(Thread);
    if (NT_SUCCESS(Status)) {
        Status = PspFillUserThread(Thread, Start, StackReserve, StackCommit);
        if (NT_SUCCESS(Status)) {
            *NewThread = Thread;
            return STATUS_SUCCESS;
        }
        PspDiscardUnstarted(Thread);
    }
    ObDereferenceObject(Thread);
    return Status;
}

/* Creates and starts a thread in a process (the undocumented but well-known NtCreateThreadEx). */
NTSTATUS NTAPI NtCreateThreadEx(PHANDLE ThreadHandle, ACCESS_MASK DesiredAccess,
                                POBJECT_ATTRIBUTES ObjectAttributes, HANDLE ProcessHandle,
                                PVOID StartRoutine, PVOID Argument, ULONG CreateFlags,
                                SIZE_T ZeroBits, SIZE_T StackSize, SIZE_T MaximumStackSize,
                                PVOID AttributeList)
{
    PSP_USER_START Start = {0, (ULONG_PTR)StartRoutine, (ULONG_PTR)Argument};
    KAPC_STATE ApcState;
    PEPROCESS Process;
    PETHREAD Thread;
    HANDLE Handle;
    ULONG Flags;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(ZeroBits);
    if (CreateFlags || AttributeList || MaximumStackSize > STACK_RESERVE_MAXIMUM ||
        StackSize > STACK_RESERVE_MAXIMUM)
        return STATUS_INVALID_PARAMETER;
    if (MaximumStackSize == 0)
        MaximumStackSize = STACK_RESERVE_DEFAULT;
    Status = ExProbeOut(ThreadHandle, sizeof Handle);
    if (NT_SUCCESS(Status))
        Status = PspCaptureHandleFlags(ObjectAttributes, &Flags);
    if (NT_SUCCESS(Status))
        Status = PsReferenceProcess(ProcessHandle, PROCESS_CREATE_THREAD, &Process);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Process == PsInitialSystemProcess) { /* it has no lower half */
        ObDereferenceObject(Process);
        return STATUS_ACCESS_DENIED;
    }
    Start.Eip = (ULONG_PTR)Process->UserThreadStart;
    KeStackAttachProcess(&Process->Pcb, &ApcState);
    Status =
        PspCreateUserThread(Process, &Start, MaximumStackSize, max(StackSize, PAGE_SIZE), &Thread);
    KeUnstackDetachProcess(&ApcState);
    if (NT_SUCCESS(Status)) {
        Status = ObpCreateHandle(Thread, DesiredAccess, Flags, &Handle);
        if (NT_SUCCESS(Status)) {
            PspStartThread(Thread);
            Status = ExCopyOut(ThreadHandle, &Handle, sizeof Handle);
        } else {
            PspDiscardUnstarted(Thread);
        }
        ObDereferenceObject(Thread);
    }
    ObDereferenceObject(Process);
    return Status;
}
