/*
 * Threads, processes, and what makes them wait and run.
 *
 * One lock, the dispatcher lock, guards all that decides who runs: ready queues, wait lists,
 * signal states, the timer table, thread states and priorities. It is held across the context
 * switch itself: the thread that was switched away from took it, the one that was switched to
 * releases it. So no processor can run a thread before its registers are saved. It is the
 * innermost lock but for the DPC queue's and the log's.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "kernel/nt.h"
#include "kernel/ke/ke.h"

/* The life of a thread; the numbers are Windows'. */
typedef enum _KTHREAD_STATE {
    Initialized,  /* made, not yet ready for the first time */
    Ready,        /* in a ready queue */
    Running,      /* on a processor */
    Standby,      /* chosen as a processor's next */
    Terminated,   /* will never run again */
    Waiting,      /* on wait lists of one or more dispatcher objects */
    Transition,   /* (its kernel stack is not resident: not yet) */
    DeferredReady /* (readied without the lock: not yet) */
} KTHREAD_STATE;

/* DISPATCHER_HEADER.Type */
typedef enum _KOBJECT_TYPE {
    EventNotificationObject = 0,
    EventSynchronizationObject = 1,
    KMutantObject = 2,
    KProcessObject = 3,
    KQueueObject = 4,
    KSemaphoreObject = 5,
    KThreadObject = 6,
    KTimerNotificationObject = 8,
    KTimerSynchronizationObject = 9,
} KOBJECT_TYPE;

#define TIMER_WAIT_BLOCK        3 /* of a thread's four built-in wait blocks, the time-out's */
#define TIME_AT_ONCE            0 /* interrupt times: already over ... */
#define TIME_FOR_EVER           MAXLONGLONG /* ... and never to come */
#define LOW_REALTIME_PRIORITY   16          /* from here up: no boosts, no decay */
#define IDLE_PRIORITY           (-1)        /* the idle thread's alone: anything preempts it */
#define THREAD_QUANTUM          6           /* units; a clock tick takes 3 */
#define CLOCK_QUANTUM_DECREMENT 3
#define WAIT_QUANTUM_DECREMENT  1
#define MUTANT_INCREMENT        1  /* boost of a thread that gets a mutant */
#define TIME_CRITICAL_PRIORITY  14 /* base priorities from here up are not boosted */

/*
 * What the dispatcher knows of a process. Members that Server 2003 has stand at its offsets:
 * kernel/layout.c has the list.
 */
typedef struct _KPROCESS {
    DISPATCHER_HEADER Header;        /* 00: signalled when the last thread has ended */
    LIST_ENTRY ProfileListHead;      /* 10 */
    ULONG_PTR DirectoryTableBase[2]; /* 18: what CR3 is loaded with; [1] is not used */
    ULONG LdtDescriptor[2];          /* 20: no process has an LDT, */
    ULONG Int21Descriptor[2];        /* 28: virtual-8086 mode, */
    USHORT IopmOffset;               /* 30: or an I/O permission map */
    UCHAR Fill1[6];
    ULONG KernelTime, UserTime; /* 38 */
    UCHAR Fill2[0x50 - 0x40];
    LIST_ENTRY ThreadListHead; /* 50: of KTHREAD.ThreadListEntry; dispatcher lock */
    UCHAR Fill3[0x62 - 0x58];
    SCHAR BasePriority; /* 62 */
    SCHAR QuantumReset;
    struct _MM_SPACE *Space; /* 64: what is behind DirectoryTableBase */
    UCHAR Fill4[0x78 - 0x68];
} KPROCESS;

/*
 * What the dispatcher knows of a thread. Members that Server 2003 has stand at its offsets:
 * kernel/layout.c has the list.
 */
typedef struct _KTHREAD {
    DISPATCHER_HEADER Header;  /* 000: signalled when the thread has ended */
    LIST_ENTRY MutantListHead; /* 010 */
    PVOID InitialStack;        /* 018: where the kernel stack begins; a user trap frame ends here */
    PVOID StackLimit;          /* 01C: lowest address of the kernel stack */
    PVOID KernelStack;         /* 020: ESP while not running, see switch.S */
    ULONG ThreadLock;          /* 024 */
    KAPC_STATE ApcState;       /* 028: .Process is the address space the thread runs in */
    UCHAR NextProcessor;       /* 040: where it runs, is to run, or ran last */
    UCHAR NpxLevel;            /* 041: how many floating-point regions of drivers' are open */
    UCHAR Fill1[6];
    ULONG ContextSwitches;     /* 048 */
    volatile UCHAR State;      /* 04C: KTHREAD_STATE */
    volatile UCHAR NpxState;   /* 04D: NPX_STATE_xxx of npx.h */
    KIRQL WaitIrql;             /* 04E: at which it waits */
    KPROCESSOR_MODE WaitMode;   /* 04F */
    LONG_PTR WaitStatus;        /* 050: what the wait returns */
    PKWAIT_BLOCK WaitBlockList; /* 054: circular through NextWaitBlock; NULL: none */
    BOOLEAN Alertable;          /* 058 */
    BOOLEAN WaitNext;           /* 059: has the dispatcher lock until it waits */
    UCHAR WaitReason;           /* 05A: KWAIT_REASON */
    SCHAR Priority;             /* 05B: the dynamic one */
    UCHAR Fill2[2];
    BOOLEAN Alerted[MaximumMode]; /* 05E */
    LIST_ENTRY WaitListEntry;     /* 060: in a ready queue */
    PVOID Queue;              /* 068: KQUEUE that it last took an entry of */
    ULONG WaitTime;           /* 06C: tick count at which the state was entered */
    union {
        struct {
            SHORT KernelApcDisable;  /* 070 */
            SHORT SpecialApcDisable; /* 072 */
        };
        ULONG CombinedApcDisable;
    };
    PVOID Teb;    /* 074: user address */
    KTIMER Timer; /* 078: the wait's time-out */
    UCHAR Fill3[8];
    union {
        KWAIT_BLOCK WaitBlock[4]; /* 0A8 */
        struct {
            UCHAR WaitBlockFill[0x2F];
            KPROCESSOR_MODE PreviousMode; /* 0D7: who called the running service */
        };
    };
    UCHAR Fill4[8];
    PKTRAP_FRAME TrapFrame; /* 110: of the running service or fault */
    PVOID CallbackStack;    /* 114 */
    PVOID ServiceTable;     /* 118 */
    UCHAR ApcStateIndex;    /* 11C: 1 while attached */
    UCHAR IdealProcessor;
    BOOLEAN Preempted; /* 11E: to go to the head of its queue */
    UCHAR Fill5[2];
    SCHAR BasePriority;      /* 121 */
    SCHAR PriorityDecrement; /* 122: what of the boost goes at once */
    BOOLEAN ApcQueueable;    /* from its creation until it ends */
    BOOLEAN SystemAffinityActive; /* a driver has set .UserAffinity aside */
    UCHAR Fill6[3];
    struct _KPROCESS *Process; /* 128: the owner, attached or not */
    KAFFINITY Affinity;        /* 12C: the processors that it may run on */
    KAFFINITY UserAffinity;    /* 130: the same, while a driver has set it aside */
    UCHAR Fill7[4];
    KAPC_STATE SavedApcState; /* 138: while attached */
    UCHAR Fill8[8];
    PVOID StackBase; /* 158: top of the kernel stack's pages; the FX_SAVE_AREA ends here */
    union {
        KAPC ExitApc; /* 15C: ends the thread; two spare members of it have other uses: */
        struct {
            UCHAR ExitApcType;
            SCHAR Quantum; /* 15D */
            UCHAR ExitApcFill[2];
            ULONG KernelTime; /* 160: clock ticks */
        };
    };
    ULONG UserTime;             /* 18C */
    LIST_ENTRY ThreadListEntry; /* 190: in Process->ThreadListHead */
    PVOID SystemRoutine;        /* 198: how a new thread begins */
    PVOID StartRoutine;
    PVOID StartContext;
    LIST_ENTRY QueueListEntry; /* 1A4: in ((PKQUEUE)Queue)->ThreadListHead */
    PVOID RegistryCallback; /* 1AC: CM_CALLBACK that is running; NULL: none */
    BOOLEAN StackSwapDisabled; /* 1B0: by its driver; no stack is ever paged out */
    UCHAR Fill12[0x1B8 - 0x1B1];
} KTHREAD;

/* The dispatcher lock. IRQL: <= DISPATCH_LEVEL; raises to it. */
extern KSPIN_LOCK KiDispatcherLock; /* ready.c */

static inline KIRQL KiLockDispatcherDatabase(VOID)
{
    KIRQL OldIrql = KiRaiseIrql(DISPATCH_LEVEL);

    KiTakeSpinLock(&KiDispatcherLock);
    return OldIrql;
}

/* Lowers IRQL, which is when a switch that has become due takes place. */
static inline VOID KiUnlockDispatcherDatabase(KIRQL OldIrql)
{
    KiLetSpinLockGo(&KiDispatcherLock);
    KiRestoreIrql(OldIrql);
}

/* The same at DISPATCH_LEVEL, and staying there. */
static inline VOID KiLockDispatcherDatabaseAtSynchLevel(VOID)
{
    ASSERT(KiGetCurrentIrql() == DISPATCH_LEVEL);
    KiTakeSpinLock(&KiDispatcherLock);
}

static inline VOID KiUnlockDispatcherDatabaseFromSynchLevel(VOID)
{
    KiLetSpinLockGo(&KiDispatcherLock);
}

/*
 * Takes the lock, unless the caller's KeSetEvent (or the like, with its argument Wait) has left it
 * taken, so that nothing could come between the signal and the wait.
 */
static inline KIRQL KiLockForWait(PKTHREAD Thread)
{
    if (__builtin_expect(!Thread->WaitNext, TRUE))
        return Thread->WaitIrql = KiLockDispatcherDatabase();
    Thread->WaitNext = FALSE;
    return Thread->WaitIrql;
}

/*
 * The end of a routine that signals. With Wait, the caller's next call is KeWaitXxx: the lock stays
 * taken until then, so that no other thread runs between the two (WDK: KeSetEvent).
 */
static inline VOID KiUnlockAfterSignal(KIRQL OldIrql, BOOLEAN Wait)
{
    PKTHREAD Thread = KiGetCurrentThread();

    if (!Wait) {
        KiUnlockDispatcherDatabase(OldIrql);
        return;
    }
    Thread->WaitIrql = OldIrql;
    Thread->WaitNext = TRUE;
}

/* ready.c: the dispatcher lock is held. */
VOID FASTCALL KiReadyThread(PKTHREAD Thread);
VOID KiSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority);
VOID KiSetAffinityThread(PKTHREAD Thread, KAFFINITY Affinity);
VOID FASTCALL KiBoostAfterWait(PKTHREAD Thread, KPRIORITY Increment);
VOID KiSwapThread(VOID); /* away from the current thread, whose new state is set */
VOID KiQuantumEnd(VOID);
VOID KiRelieveStarvedThreads(VOID); /* without the lock, at DISPATCH_LEVEL */
VOID KiInitializeBalance(VOID);     /* balance.c */
VOID KiInitializeReadyQueues(VOID);

/* switch.S */
VOID FASTCALL KiSwapContext(PKTHREAD Old, PKTHREAD New);
VOID KiThreadStartup(VOID);
VOID KiBeginThread(VOID); /* thread.c, for switch.S */

/* dpc.c */
VOID KiDispatchInterrupt(VOID); /* at DISPATCH_LEVEL, interrupts disabled, here and on return */
VOID KiInitializeDpcs(PKPRCB Prcb);
VOID FASTCALL KiHandleDeferredDpcs(PKPRCB Prcb);
BOOLEAN FASTCALL KiTakeDpc(PKDPC_DATA Queue, PKDPC *Dpc, KDPC *Copy);
#define NORMAL_DPCS   0 /* KPRCB.DpcData's indexes */
#define THREADED_DPCS 1

/*
 * Every clock tick, at CLOCK2_LEVEL: what has been left waiting in the queue is run now. If nothing
 * has been queued since the last tick, and little before, there is nothing, or the tick before has
 * asked for the interrupt that runs it.
 */
static inline VOID KiCheckDeferredDpcs(PKPRCB Prcb)
{
    if (Prcb->DpcData[NORMAL_DPCS].DpcCount - Prcb->DpcLastCount + Prcb->DpcRequestRate)
        KiHandleDeferredDpcs(Prcb);
}

/* threadeddpc.c */
VOID NTAPI KiExecuteDpcThread(PVOID Prcb);
VOID KiFlushThreadedDpcs(PKPRCB Prcb);

/* apc.c: see apc.h for the others. */
VOID KiApcInterrupt(VOID); /* at APC_LEVEL, interrupts disabled, here and on return */

/* wait.c: the dispatcher lock is held, but not for the first. */
NORETURN VOID FASTCALL KiBadWait(PKTHREAD Thread, PVOID Object, KIRQL Irql);

/* A wait that may block is an error at DISPATCH_LEVEL: nothing could be switched to. But it is the
 * IRQL of one who has kept the dispatcher lock, and it is not his own. */
static inline VOID KiCheckWaitIrql(PKTHREAD Thread, PVOID Object, PLARGE_INTEGER Timeout)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (__builtin_expect(Irql < DISPATCH_LEVEL, TRUE))
        return;
    if (Thread->WaitNext)
        Irql = Thread->WaitIrql;
    if (Irql >= DISPATCH_LEVEL &&
        (Irql > DISPATCH_LEVEL || Timeout == NULL || Timeout->QuadPart != 0))
        KiBadWait(Thread, Object, Irql);
}
VOID KiWaitTest(PVOID Object, KPRIORITY Increment);
VOID FASTCALL KiUnwaitThread(PKTHREAD Thread, LONG_PTR WaitStatus, KPRIORITY Increment);
LONG_PTR KiWaitForQueue(PKQUEUE Queue, KPROCESSOR_MODE Mode, LONGLONG Due);
VOID KiRunInterruptingApcs(PKTHREAD Thread);
NTSTATUS NTAPI KiDelayExecutionThread(KPROCESSOR_MODE Mode, BOOLEAN Alertable,
                                      PLARGE_INTEGER Interval); /* takes the lock */

/* queue.c: exported as KeRemoveQueueEx, which the headers declare without NTAPI. */
ULONG NTAPI KiRemoveQueueEx(PKQUEUE Queue, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                            PLARGE_INTEGER Timeout, PLIST_ENTRY *EntryArray, ULONG Count);

/* mutant.c, queue.c: the dispatcher lock is held. */
BOOLEAN KiTakeMutant(PKMUTANT Mutant, PKTHREAD Thread);
VOID KiAbandonMutants(PKTHREAD Thread);
VOID KiThreadOfQueueBlocks(PKQUEUE Queue);
VOID KiLeaveQueue(PKTHREAD Thread);

/* mutant.c, semaphore.c: what raises for drivers, by status. The lock is not held. */
NTSTATUS KiReleaseMutant(PRKMUTANT Mutant, KPRIORITY Increment, BOOLEAN Abandoned, BOOLEAN Wait,
                         PLONG Old);
NTSTATUS KiReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment,
                            BOOLEAN Wait, PLONG Old);

/* timer.c */
VOID KiInitializeTime(LONGLONG SystemTime);
VOID FASTCALL KiUpdateTime(PKTRAP_FRAME Frame);    /* the clock's service routine, CLOCK2_LEVEL */
VOID FASTCALL KiUpdateRunTime(PKTRAP_FRAME Frame); /* the same on the other processors */
VOID KiTimerExpiration(VOID); /* at DISPATCH_LEVEL, without the dispatcher lock */
VOID KiInsertTimer(PKTIMER Timer, LONGLONG Due); /* interrupt time; dispatcher lock held */
BOOLEAN KiRemoveTimer(PKTIMER Timer);            /* FALSE: it was not set; lock held */
LONGLONG KiDueTime(PLARGE_INTEGER Timeout);      /* a caller's time as interrupt time */
LONGLONG KiQueryInterruptTime(VOID);

/* thread.c */
typedef VOID (*PKSYSTEM_ROUTINE)(PVOID StartRoutine, PVOID StartContext);
VOID KeInitializeThread(PKTHREAD Thread, struct _KPROCESS *Process, PVOID StackTop,
                        PKSYSTEM_ROUTINE SystemRoutine, PVOID StartRoutine, PVOID StartContext);
VOID KeStartThread(PKTHREAD Thread);
NORETURN VOID KeTerminateThread(BOOLEAN LastOfProcess);
VOID KiInitializeIdleThread(PKTHREAD Thread, struct _KPROCESS *Process, PVOID StackLimit);
VOID KiMakeIdleThread(PKTHREAD Thread, KAFFINITY Processor);
PKTHREAD KeWaitForEndedThread(VOID);
NORETURN VOID KiIdleLoop(VOID);

/* Exported, though the headers do not have them, or not as the WDK's compilers take them. */
KAFFINITY NTAPI KeSetAffinityThread(PKTHREAD Thread, KAFFINITY Affinity); /* affinity.c */
PVOID NTAPI KiRegisterProcessorChangeCallback(PPROCESSOR_CALLBACK_FUNCTION CallbackFunction,
                                              PVOID CallbackContext, ULONG Flags);
VOID NTAPI KiDeregisterProcessorChangeCallback(PVOID CallbackHandle); /* processors.c */

/* process.c */
VOID KeSignalProcess(struct _KPROCESS *Process);
VOID KeInitializeProcess(struct _KPROCESS *Process, struct _MM_SPACE *Space, SCHAR BasePriority);

static inline struct _KPROCESS *KiGetCurrentProcess(VOID)
{
    return (struct _KPROCESS *)KiGetCurrentThread()->ApcState.Process;
}

#endif
