/*
 * How a thread begins and ends, as far as the dispatcher is concerned.
 */
#include "kernel/ke/lockcheck.h"
#include "kernel/ke/stackcheck.h"
#include "kernel/ke/npx.h"
#include "kernel/rtl/rtl.h"
#include "sched/apc.h"

#define ALL_PROCESSORS ((1 << MAXIMUM_PROCESSOR_COUNT) - 1)

/* What KiSwapContext takes off a new thread's stack; see the picture in switch.S. */
typedef struct _KSWITCH_FRAME {
    PVOID ExceptionList;
    ULONG_PTR Edi, Esi, Ebx, Ebp;
    ULONG_PTR ReturnAddress;
} KSWITCH_FRAME;

/* Threads that have ended and whose stacks can be freed, by another thread. Dispatcher lock. */
static LIST_ENTRY KiEndedThreads = {&KiEndedThreads, &KiEndedThreads};
static KEVENT KiThreadEnded;

/* Threads prefer the processors in turn. */
static UCHAR KiNextIdealProcessor(VOID)
{
    static volatile LONG Last;

    return (UCHAR)((ULONG)InterlockedIncrement(&Last) % (ULONG)KeNumberProcessors);
}

static VOID KiInitializeThreadCommon(PKTHREAD Thread, PKPROCESS Process, PVOID StackTop)
{
    RtlZeroMemory(Thread, sizeof *Thread);
    Thread->Header.Type = KThreadObject;
    Thread->Header.Size = sizeof *Thread / sizeof(ULONG);
    InitializeListHead(&Thread->Header.WaitListHead);
    InitializeListHead(&Thread->MutantListHead);
    InitializeListHead(&Thread->ApcState.ApcListHead[KernelMode]);
    InitializeListHead(&Thread->ApcState.ApcListHead[UserMode]);
    KeInitializeTimer(&Thread->Timer);
    Thread->StackBase = StackTop;
    Thread->InitialStack = (PUCHAR)StackTop - KERNEL_STACK_NPX;
    Thread->StackLimit = (PUCHAR)StackTop - KERNEL_STACK_BYTES;
    Thread->Process = Process;
    Thread->ApcState.Process = Process;
    Thread->Priority = Thread->BasePriority = Process->BasePriority;
    Thread->Quantum = THREAD_QUANTUM;
    Thread->Affinity = Thread->UserAffinity = ALL_PROCESSORS;
    Thread->IdealProcessor = KiNextIdealProcessor();
    Thread->ApcQueueable = TRUE;
    Thread->NpxState = NPX_STATE_CLEAN;
    Thread->State = Initialized;
}

/*
 * Prepares a thread that will begin with SystemRoutine(StartRoutine, StartContext) at APC_LEVEL's
 * end, on the kernel stack whose top is given. It is made ready by KeStartThread. SystemRoutine
 * must not return.
 */
VOID KeInitializeThread(PKTHREAD Thread, PKPROCESS Process, PVOID StackTop,
                        PKSYSTEM_ROUTINE SystemRoutine, PVOID StartRoutine, PVOID StartContext)
{
    KSWITCH_FRAME *Frame;

    KiInitializeThreadCommon(Thread, Process, StackTop);
    KiFillStack(Thread);
    /* A user thread's trap frame will lie at the very top: the first frame begins below it. */
    Frame = (KSWITCH_FRAME *)((PKTRAP_FRAME)Thread->InitialStack - 1) - 1;
    Thread->SystemRoutine = SystemRoutine;
    Thread->StartRoutine = StartRoutine;
    Thread->StartContext = StartContext;
    Frame->ExceptionList = (PVOID)-1;
    Frame->Ebx = (ULONG_PTR)SystemRoutine;
    Frame->Esi = (ULONG_PTR)StartRoutine;
    Frame->Edi = (ULONG_PTR)StartContext;
    Frame->Ebp = 0;
    Frame->ReturnAddress = (ULONG_PTR)KiThreadStartup + 1;
    Thread->KernelStack = Frame;
}

/* A thread that runs when nothing else does, on a processor that begins with it. */
VOID KiMakeIdleThread(PKTHREAD Thread, KAFFINITY Processor)
{
    Thread->Affinity = Thread->UserAffinity = Processor;
    Thread->Priority = Thread->BasePriority = IDLE_PRIORITY;
    Thread->ApcQueueable = FALSE;
    Thread->State = Running;
}

/* The thread that runs start-up becomes processor 0's idle thread; it needs no switch frame. */
VOID KiInitializeIdleThread(PKTHREAD Thread, PKPROCESS Process, PVOID StackLimit)
{
    KiInitializeThreadCommon(Thread, Process, (PUCHAR)StackLimit + KERNEL_STACK_BYTES);
    KiMakeIdleThread(Thread, 1);
    KeInitializeEvent(&KiThreadEnded, SynchronizationEvent, FALSE);
}

VOID KeStartThread(PKTHREAD Thread)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();

    InsertTailList(&Thread->Process->ThreadListHead, &Thread->ThreadListEntry);
    KiReadyThread(Thread);
    KiUnlockDispatcherDatabase(OldIrql);
}

/* A new thread's first instructions in C: it was switched to with the lock held. */
VOID KiBeginThread(VOID)
{
    if (KiGetCurrentThread()->ApcState.KernelApcPending)
        KiPendInterrupt(APC_LEVEL);
    KiUnlockDispatcherDatabase(PASSIVE_LEVEL);
}

/*
 * Ends the current thread, and with the last one its process: signals both, hands the thread to
 * the one who frees ended threads, and switches away for good. Its stack is used until the very
 * switch, which the lock covers.
 */
NORETURN VOID KeTerminateThread(BOOLEAN LastOfProcess)
{
    PKTHREAD Thread = KiGetCurrentThread();

    KiCheckThreadHoldsNothing(Thread);
    KiLockDispatcherDatabase();
    KiAbandonMutants(Thread);
    KiCheckApcsAtEnd(Thread);
    KiLeaveQueue(Thread);
    RemoveEntryList(&Thread->ThreadListEntry);
    Thread->State = Terminated;
    Thread->Header.SignalState = 1;
    KiWaitTest(Thread, 0);
    if (LastOfProcess) {
        Thread->Process->Header.SignalState = 1;
        KiWaitTest(Thread->Process, 0);
    }
    InsertTailList(&KiEndedThreads, &Thread->WaitListEntry);
    KiThreadEnded.Header.SignalState = 1;
    KiWaitTest(&KiThreadEnded, 0);
    KiSwapThread();
    KeBugCheckEx(MANUALLY_INITIATED_CRASH, 0, 0, 0, 0); /* an ended thread cannot run */
}

/* Waits for a thread to have ended and be off its stack, and returns it. IRQL: PASSIVE_LEVEL. */
PKTHREAD KeWaitForEndedThread(VOID)
{
    PKTHREAD Thread = NULL;
    KIRQL OldIrql;

    for (;;) {
        OldIrql = KiLockDispatcherDatabase();
        if (!IsListEmpty(&KiEndedThreads))
            Thread = CONTAINING_RECORD(RemoveHeadList(&KiEndedThreads), KTHREAD, WaitListEntry);
        KiUnlockDispatcherDatabase(OldIrql);
        if (Thread)
            return Thread;
        KeWaitForSingleObject(&KiThreadEnded, Executive, KernelMode, FALSE, NULL);
    }
}

/* What a processor does when there is nothing to do: it halts until the next interrupt. */
NORETURN VOID KiIdleLoop(VOID)
{
    for (;;)
        __asm__ volatile("sti; hlt");
}

PKTHREAD NTAPI KeGetCurrentThread(VOID)
{
    return KiGetCurrentThread();
}
