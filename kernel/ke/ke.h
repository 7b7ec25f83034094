/*
 * What the processor sees (descriptors, trap frames), and what a processor owns (KPCR, KPRCB).
 *
 * Nothing here is a global "current": each processor reaches its own KPCR through FS, whose base
 * is that processor's control region in the shared half. Offsets that drivers' inline functions
 * or well-known tests rely on are asserted below.
 */
#ifndef KERNEL_KE_KE_H
#define KERNEL_KE_KE_H

#include "kernel/nt.h"
#include "mm/layout.h"

/* Selectors: the numbers are Windows'. DS and ES hold KGDT_R3_DATA in kernel mode too. */
#define KGDT_R0_CODE 0x08
#define KGDT_R0_DATA 0x10
#define KGDT_R3_CODE 0x18
#define KGDT_R3_DATA 0x20
#define KGDT_TSS     0x28
#define KGDT_R0_PCR  0x30
#define KGDT_R3_TEB  0x38
#define KGDT_DF_TSS  0x50
#define KGDT_BYTES   0x60
#define RPL_USER     3

#define EFLAGS_ALWAYS    0x00000002
#define EFLAGS_TF        0x00000100
#define EFLAGS_IF        0x00000200
#define EFLAGS_USER_SAFE 0x00000CD5 /* arithmetic flags and DF: what a user may set freely */

#define CR0_MP         0x00000002
#define CR0_EM         0x00000004
#define CR0_TS         0x00000008
#define CR0_NE         0x00000020
#define CR0_WP         0x00010000
#define CR4_PGE        0x00000080
#define CR4_OSFXSR     0x00000200
#define CR4_OSXMMEXCPT 0x00000400
#define CR4_SMEP       0x00100000

#define PRIMARY_VECTOR_BASE   0x30 /* IRQ n arrives at vector 0x30 + n */
#define SYSTEM_SERVICE_VECTOR 0x2E
#define MAXIMUM_IDTVECTOR     0xFF

#define SYNCH_LEVEL             DISPATCH_LEVEL
#define MAXIMUM_PROCESSOR_COUNT 8

/*
 * What a trap leaves on the kernel stack, as Windows lays it out: pushed by the processor from
 * ErrCode up, by the stubs in trap.S below it. HardwareEsp and HardwareSegSs exist only if the
 * trap came from user mode.
 */
typedef struct _KTRAP_FRAME {
    ULONG DbgEbp;
    ULONG DbgEip;
    ULONG DbgArgMark;
    ULONG DbgArgPointer;
    ULONG TempSegCs;
    ULONG TempEsp;
    ULONG Dr0, Dr1, Dr2, Dr3, Dr6, Dr7;
    ULONG SegGs, SegEs, SegDs;
    ULONG Edx, Ecx, Eax;
    ULONG PreviousPreviousMode;
    PVOID ExceptionList;
    ULONG SegFs;
    ULONG Edi, Esi, Ebx, Ebp;
    ULONG ErrCode;
    ULONG Eip, SegCs, EFlags;
    ULONG HardwareEsp, HardwareSegSs;
    ULONG V86Es, V86Ds, V86Fs, V86Gs;
} KTRAP_FRAME, *PKTRAP_FRAME;

C_ASSERT(sizeof(KTRAP_FRAME) == 0x8C);
C_ASSERT(FIELD_OFFSET(KTRAP_FRAME, SegGs) == 0x30);
C_ASSERT(FIELD_OFFSET(KTRAP_FRAME, ErrCode) == 0x64);
C_ASSERT(FIELD_OFFSET(KTRAP_FRAME, HardwareSegSs) == 0x78);

/* A trap frame ends where the V86 segments begin: they exist for no thread of ours. */
#define KTRAP_FRAME_V86_BYTES 16

#define KiIsUserTrap(Frame) (((Frame)->SegCs & RPL_USER) != 0)

/* The interrupted stack pointer. A trap from the kernel pushes none: there the stack goes on where
 * the frame ends. One that no trap has made has FS 0, and room for it. */
static inline ULONG_PTR KiFrameEsp(const KTRAP_FRAME *Frame)
{
    return KiIsUserTrap(Frame) || Frame->SegFs == 0 ? Frame->HardwareEsp
                                                    : (ULONG_PTR)&Frame->HardwareEsp;
}

/* The 32-bit task-state segment (Intel SDM vol. 3, 8.2.1); only Esp0 and Ss0 matter for switches.
 */
typedef struct _KTSS {
    ULONG Backlink;
    ULONG Esp0, Ss0, Esp1, Ss1, Esp2, Ss2;
    ULONG Cr3, Eip, EFlags;
    ULONG Eax, Ecx, Edx, Ebx, Esp, Ebp, Esi, Edi;
    ULONG Es, Cs, Ss, Ds, Fs, Gs;
    ULONG Ldt;
    USHORT Flags, IoMapBase;
} KTSS, *PKTSS;

C_ASSERT(sizeof(KTSS) == 0x68);

typedef struct _KGDTENTRY {
    USHORT LimitLow;
    USHORT BaseLow;
    UCHAR BaseMid;
    UCHAR Access;
    UCHAR LimitHigh; /* and the flags */
    UCHAR BaseHigh;
} KGDTENTRY, *PKGDTENTRY;

typedef struct _KIDTENTRY {
    USHORT Offset;
    USHORT Selector;
    USHORT Access;
    USHORT ExtendedOffset;
} KIDTENTRY, *PKIDTENTRY;

/* One queue of deferred procedure calls. DpcLock guards the list; taken at HIGH_LEVEL. */
typedef struct _KDPC_DATA {
    LIST_ENTRY DpcListHead;
    KSPIN_LOCK DpcLock;
    volatile ULONG DpcQueueDepth;
    ULONG DpcCount;
} KDPC_DATA, *PKDPC_DATA;

/*
 * The processor control block: what the kernel keeps for one processor. The members at named
 * offsets stand where Server 2003 has them (kernel/layout.c has the list); the rest is ours.
 */
typedef struct _KPRCB {
    USHORT MinorVersion, MajorVersion;
    struct _KTHREAD *CurrentThread; /* 004: written by this processor only */
    struct _KTHREAD *NextThread;    /* 008: standby thread; dispatcher lock */
    struct _KTHREAD *IdleThread;    /* 00C */
    UCHAR Number;                   /* 010 */
    UCHAR CpuType;
    UCHAR BuildType;
    UCHAR Padding1;
    ULONG SetMember;

    volatile LONG IpiRequests; /* IPI_xxx of ipi.h: set by any, taken by this processor */
    ULONG_PTR ActiveDirectory; /* what CR3 holds, or is about to: for shootdowns */
    UCHAR ApicId;
    UCHAR Padding2[3];

    /* Counters: written by this processor only. */
    ULONG ThreadSwitches;       /* by KiSwapContext */
    ULONG AddressSpaceSwitches; /* how many of those loaded CR3 */
    ULONG AttachSwitches;       /* CR3 loads by KeStackAttachProcess and its opposite */
    ULONG PageFaults;
    ULONG KernelPageFaults;
    ULONG ExceptionCount;
    UCHAR Fill1[0x418 - 0x3C];

    KSPIN_LOCK_QUEUE LockQueue[LockQueueMaximumLock]; /* 418: see queuedlock.c */
    UCHAR Fill2[0x520 - 0x4A0];

    struct _KTHREAD *NpxThread; /* 520: whose floating-point registers are loaded (npx.c) */
    ULONG InterruptCount;       /* 524 */
    ULONG KernelTime;           /* 528: clock ticks */
    ULONG UserTime;             /* 52C */
    ULONG DpcTime;              /* 530 */
    UCHAR Fill3[0x598 - 0x534];
    ULONG SystemCalls; /* 598 */
    UCHAR Fill4[0x920 - 0x59C];
    KDPC_DATA DpcData[2]; /* 920: normal and threaded */
    PVOID DpcStack;       /* 948 */
    UCHAR Fill5[0x950 - 0x94C];
    ULONG DpcRequestRate; /* 950: normal DPCs a clock tick, lately */
    UCHAR Fill6[0x958 - 0x954];
    volatile UCHAR DpcInterruptRequested; /* 958 */
    volatile UCHAR DpcThreadRequested;    /* 959: DpcEvent is to be set */
    volatile UCHAR DpcRoutineActive;      /* 95A */
    UCHAR Fill7[0x960 - 0x95B];
    ULONG DpcLastCount; /* 960: DpcCount at the last clock tick */
    UCHAR Fill8[0x968 - 0x964];
    volatile ULONG TimerRequest; /* 968 */
    struct _KTHREAD *DpcThread;  /* 96C: runs the threaded DPCs */
    KEVENT DpcEvent;             /* 970: there are some */
    UCHAR Fill9;
    volatile UCHAR QuantumEnd; /* 981 */
    UCHAR Fill10[0xC00 - 0x982];
} KPRCB, *PKPRCB;

/* The whole control region of one processor: the public KPCR, then the control block. */
typedef struct _KIPCR {
    KPCR Pcr;
    UCHAR Fill[0x120 - sizeof(KPCR)];
    KPRCB PrcbData; /* 120, so that CurrentThread is at fs:[124] */
} KIPCR, *PKIPCR;

C_ASSERT(sizeof(KIPCR) <= PAGE_SIZE);

/* This processor's control region. The pointer is only good while the thread cannot move. */
static inline PKIPCR KiGetPcr(VOID)
{
    PKIPCR Pcr;
    __asm__ volatile("movl %%fs:0x1C, %0" : "=r"(Pcr));
    return Pcr;
}

static inline PKPRCB KeGetCurrentPrcb(VOID)
{
    return &KiGetPcr()->PrcbData;
}

/* The one-instruction forms for the kernel's own use: right even if the thread moves. */
static inline struct _KTHREAD *KiGetCurrentThread(VOID)
{
    struct _KTHREAD *Thread;
    __asm__ volatile("movl %%fs:0x124, %0" : "=r"(Thread));
    return Thread;
}

/* Under the dispatcher lock: at DISPATCH_LEVEL, where the thread does not move. */
static inline VOID KiSetCurrentThread(struct _KTHREAD *Thread)
{
    __asm__ volatile("movl %0, %%fs:0x124" : : "r"(Thread) : "memory");
}

/* Has this processor a standby thread? */
static inline BOOLEAN KiHasNextThread(VOID)
{
    BOOLEAN Has;
    __asm__ volatile("cmpl $0, %%fs:0x128" : "=@ccne"(Has));
    return Has;
}

static inline KIRQL KiGetCurrentIrql(VOID)
{
    KIRQL Irql;
    __asm__ volatile("movb %%fs:0x24, %0" : "=q"(Irql));
    return Irql;
}

static inline VOID KiSetCurrentIrql(KIRQL Irql)
{
    __asm__ volatile("movb %0, %%fs:0x24" : : "qi"(Irql) : "memory");
}

static inline ULONG KiGetPendingInterrupts(VOID)
{
    ULONG Irr;
    __asm__ volatile("movl %%fs:0x28, %0" : "=r"(Irr));
    return Irr;
}

/* Makes a software interrupt pending, for a caller that is going to lower IRQL. */
static inline VOID KiPendInterrupt(KIRQL Irql)
{
    __asm__ volatile("orl %0, %%fs:0x28" : : "ri"(1u << Irql) : "memory", "cc");
}

/* irql.c: what each IRQL lets through, and the rare ends of raising and lowering. */
extern const ULONG HalpDeliverable[HIGH_LEVEL + 1];
VOID FASTCALL HalpDeliverPending(KIRQL Irql);
NORETURN VOID FASTCALL KiBadRaise(KIRQL NewIrql); /* before IRQL is changed */
NORETURN VOID FASTCALL KiBadLower(KIRQL NewIrql);
#if DBG
VOID KiCheckLowering(KIRQL NewIrql); /* lockcheck.c: not with a spin lock held */
#else
#define KiCheckLowering(NewIrql) ((VOID)0)
#endif

/* KfRaiseIrql and KfLowerIrql, for those who do it often. */
static inline KIRQL KiRaiseIrql(KIRQL NewIrql)
{
    KIRQL OldIrql = KiGetCurrentIrql();

    if (__builtin_expect(OldIrql > NewIrql, FALSE))
        KiBadRaise(NewIrql);
    KiSetCurrentIrql(NewIrql);
    return OldIrql;
}

/* Back to an old IRQL: what that no longer holds back runs. (KiSetCurrentIrql for a whole word, as
 * the index below is one, and the compiler would keep both.) */
static inline VOID KiFallToIrql(KIRQL OldIrql)
{
    __asm__ volatile("movb %b0, %%fs:0x24" : : "q"((ULONG)OldIrql) : "memory");
    if (__builtin_expect(KiGetPendingInterrupts() & HalpDeliverable[OldIrql], FALSE))
        HalpDeliverPending(OldIrql);
}

/* Called last for an interrupt that began. Interrupts are disabled, here and on return. */
static inline VOID HalEndSystemInterrupt(KIRQL OldIrql)
{
    KiFallToIrql(OldIrql);
}

/* Lowers to what KiRaiseIrql has returned: that it is not higher needs no test. */
static inline VOID KiRestoreIrql(KIRQL OldIrql)
{
    ASSERT(KiGetCurrentIrql() >= OldIrql);
    KiCheckLowering(OldIrql);
    KiFallToIrql(OldIrql);
}

static inline VOID KiLowerIrql(KIRQL NewIrql)
{
    if (__builtin_expect(KiGetCurrentIrql() < NewIrql, FALSE))
        KiBadLower(NewIrql);
    KiRestoreIrql(NewIrql);
}

static inline VOID KiDisableInterrupts(VOID)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline VOID KiEnableInterrupts(VOID)
{
    __asm__ volatile("sti" : : : "memory");
}

/* Disables interrupts; TRUE if they were enabled. The opposite is KiRestoreInterrupts. */
static inline BOOLEAN KiSaveInterrupts(VOID)
{
    ULONG EFlags;
    __asm__ volatile("pushfl; popl %0; cli" : "=r"(EFlags) : : "memory");
    return (EFlags & EFLAGS_IF) != 0;
}

static inline VOID KiRestoreInterrupts(BOOLEAN Enable)
{
    if (Enable)
        KiEnableInterrupts();
}

static inline VOID KiInvalidatePage(const VOID *Va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(Va) : "memory");
}

static inline ULONG KiReadCr0(VOID)
{
    ULONG Value;
    __asm__ volatile("movl %%cr0, %0" : "=r"(Value));
    return Value;
}

static inline VOID KiWriteCr0(ULONG Value)
{
    __asm__ volatile("movl %0, %%cr0" : : "r"(Value) : "memory");
}

static inline ULONG_PTR KiReadCr3(VOID)
{
    ULONG_PTR Value;
    __asm__ volatile("movl %%cr3, %0" : "=r"(Value));
    return Value;
}

static inline VOID KiWriteCr3(ULONG_PTR Value)
{
    __asm__ volatile("movl %0, %%cr3" : : "r"(Value) : "memory");
}

static inline ULONG KiReadCr4(VOID)
{
    ULONG Value;
    __asm__ volatile("movl %%cr4, %0" : "=r"(Value));
    return Value;
}

static inline VOID KiWriteCr4(ULONG Value)
{
    __asm__ volatile("movl %0, %%cr4" : : "r"(Value) : "memory");
}

/* What the processor says about itself: EAX, EBX, ECX and EDX (Intel SDM volume 2, CPUID). */
static inline VOID KiCpuId(ULONG Leaf, ULONG Registers[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(Registers[0]), "=b"(Registers[1]), "=c"(Registers[2]),
                       "=d"(Registers[3])
                     : "a"(Leaf), "c"(0));
}

static inline ULONG_PTR KiReadCr2(VOID)
{
    ULONG_PTR Value;
    __asm__ volatile("movl %%cr2, %0" : "=r"(Value));
    return Value;
}

/* Stops a checked build, saying why, when a routine is called above the IRQL that it allows. */
#if DBG
#define KI_ASSERT_IRQL(Highest)                                                                    \
    (KiGetCurrentIrql() <= (Highest)                                                               \
         ? (VOID)0                                                                                 \
         : KiBadCall(__func__, (Highest), (ULONG_PTR)__builtin_return_address(0)))
NORETURN VOID KiBadCall(PCSTR Routine, KIRQL Highest, ULONG_PTR Caller); /* verify.c */
#else
#define KI_ASSERT_IRQL(Highest) ((VOID)0)
#endif

/* A processor's control region: below the first one's, in the order of their numbers. */
#define KiControlRegion(Number) ((PKIPCR)(MI_PCR_ADDRESS - (Number)*PAGE_SIZE))

/* main.c */
NORETURN VOID KiSystemStartup(ULONG Magic, ULONG MultibootInfo);

/* processor.c: IRQL: before there is any. Fills the GDT, IDT, TSSs and KPCR of a processor. */
VOID KiInitializeCommonTables(PKIPCR Pcr);
VOID KiInitializeProcessor(PKIPCR Pcr, ULONG Number, struct _KTHREAD *IdleThread);
extern BOOLEAN KiSmepEnabled;

/* queuedlock.c */
VOID KiInitializeLockQueues(PKPRCB Prcb);

/* spinlock.c */
VOID NTAPI KiInitializeSpinLock(PKSPIN_LOCK SpinLock);
VOID FASTCALL KiWaitForSpinLock(PKSPIN_LOCK SpinLock);

/* A processor waits for a lock that only itself could let go. */
NORETURN VOID KiSpinLockAlreadyOwned(PVOID Lock);

/*
 * The two halves of every spin lock. The word is 0 when the lock is free, and 1 when it is owned;
 * in a checked build the number of the owning processor, and 1 (kernel/ke/lockcheck.h).
 */
#if DBG
VOID KiTakeCheckedSpinLock(PKSPIN_LOCK SpinLock, PVOID Site); /* Site NULL: the caller's */
VOID KiLetCheckedSpinLockGo(PKSPIN_LOCK SpinLock);
#define KiTakeSpinLock(SpinLock)          KiTakeCheckedSpinLock((SpinLock), NULL)
#define KiTakeSpinLockFor(SpinLock, Site) KiTakeCheckedSpinLock((SpinLock), (Site))
#define KiLetSpinLockGo(SpinLock)         KiLetCheckedSpinLockGo(SpinLock)
#else
static inline BOOLEAN KiTryToTakeSpinLock(PKSPIN_LOCK SpinLock)
{
    BOOLEAN WasOwned;

    __asm__ volatile("lock btsl $0, %1" : "=@ccc"(WasOwned), "+m"(*SpinLock) : : "memory");
    return __builtin_expect(!WasOwned, TRUE);
}

static inline VOID KiTakeSpinLock(PKSPIN_LOCK SpinLock)
{
    if (!KiTryToTakeSpinLock(SpinLock))
        KiWaitForSpinLock(SpinLock);
}
#define KiTakeSpinLockFor(SpinLock, Site) KiTakeSpinLock(SpinLock)

static inline VOID KiLetSpinLockGo(PKSPIN_LOCK SpinLock)
{
    __asm__ volatile("" : : : "memory"); /* x86 keeps the order of stores (SDM vol. 3, 8.2.2) */
    *(volatile KSPIN_LOCK *)SpinLock = 0;
}
#endif

/* interrupt.c */
VOID KiInitializeInterrupts(VOID);

/* trap.S: one stub for each of the 256 vectors, 16 bytes apart. */
extern UCHAR KiTrapStubs[];
extern VOID KiDoubleFaultTask(VOID);
NORETURN VOID KiExitThroughFrame(PKTRAP_FRAME Frame);
VOID FASTCALL KiReplayInterrupt(ULONG Vector);

/* trap.c: the C ends of the stubs. */
VOID FASTCALL KiTrapHandler(PKTRAP_FRAME Frame, ULONG Vector);
VOID FASTCALL KiInterruptHandler(PKTRAP_FRAME Frame, ULONG Vector);
VOID FASTCALL KiReturnToUserMode(PKTRAP_FRAME Frame);
VOID KiRecordSystemServiceExit(NTSTATUS Status);

/* kernel/ps/context.c */
VOID KiContextFromTrapFrame(const KTRAP_FRAME *Frame, PCONTEXT Context);
VOID KiContextToTrapFrame(const CONTEXT *Context, PKTRAP_FRAME Frame);
NTSTATUS KiInitializeUserException(PKTRAP_FRAME Frame, const EXCEPTION_RECORD *Record);

/* exception.c */
VOID KiDispatchException(PEXCEPTION_RECORD Record, PKTRAP_FRAME Frame);
VOID KiDispatchUserException(PEXCEPTION_RECORD Record, PKTRAP_FRAME Frame, BOOLEAN FirstChance);

/* service.c */
VOID FASTCALL KiSystemServiceHandler(PKTRAP_FRAME Frame);

/* usercopy.S: a copy whose faults on user addresses end it with a status. */
NTSTATUS FASTCALL KiCopyUserMemory(PVOID To, const VOID *From, SIZE_T Bytes);
NTSTATUS FASTCALL KiProbeUserByte(PVOID Va);
extern const UCHAR KiCopyUserMemoryStart[], KiCopyUserMemoryEnd[], KiCopyUserMemoryFault[];
extern const UCHAR KiProbeUserByteEnd[], KiProbeUserByteFault[];

/* bugcheck.c */
NORETURN VOID KiBugCheckWithFrame(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3,
                                  ULONG_PTR P4, PKTRAP_FRAME Frame);
VOID KiBugCheckStop(ULONG Code, PKTRAP_FRAME Frame); /* a place for breakpoints */

/* Has the bug check that follows at once, on this processor, say more: Explain prints lines. */
typedef VOID (*PKI_EXPLANATION)(PVOID Context);
VOID KiExplainBugCheck(PKI_EXPLANATION Explain, PVOID Context);
NORETURN VOID KiDoubleFault(VOID); /* trap.c */
extern KTRAP_FRAME KiDoubleFaultFrame;

#endif
