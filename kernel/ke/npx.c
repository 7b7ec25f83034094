/*
 * Floating point: whose x87, MMX and SSE registers a processor has, and where the others' are.
 *
 * Saved at once, loaded late. When a thread is switched away from, KiSwapContext saves its
 * registers, if they are loaded (KiSaveNpxState), to the FX_SAVE_AREA at the top of its kernel
 * stack; so it may go on on any processor. They are loaded again only when the thread next uses
 * them: until then CR0.TS is set, and the first instruction that needs them raises exception 7
 * (Intel SDM vol. 3, 2.5 and 13.5). A thread that computes with integers costs nothing of this.
 *
 * What always holds on a processor: CR0.TS is clear exactly if its KPRCB.NpxThread is the current
 * thread and that one's NpxState is NPX_STATE_LOADED; else NpxThread is NULL. A state is changed by
 * its own thread alone, or by a DPC in that thread's context, at DISPATCH_LEVEL or with interrupts
 * disabled. So no lock is needed.
 *
 * The kernel itself is compiled without floating point. A driver may use it between
 * KeSaveFloatingPointState and KeRestoreFloatingPointState: the first puts the thread's state
 * aside, the second puts it back, and in between the registers are the thread's like any other
 * state, saved and loaded as threads are switched. A DPC uses those of the thread that it
 * interrupted, in the same way.
 */
#include "kernel/ke/npx.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

#define NPX_TAG ((ULONG)'xpNK')

#define CONTROL_WORD_OF_THREADS 0x27F  /* all exceptions masked, 53 bits, nearest: as Windows */
#define MXCSR_INITIAL           0x1F80 /* all exceptions masked, nearest: as after a reset */
#define ALL_TAGS_EMPTY          0xFFFF /* FNSAVE's; FXSAVE's tag word has zeros for that */

#define FEATURES_OF_FPU  (CPUID_EDX_FPU | CPUID_EDX_MMX | CPUID_EDX_FXSR)
#define FEATURES_OF_FXSR (CPUID_EDX_SSE | CPUID_EDX_SSE2)

/* XSTATE_MASK_LEGACY of the headers, whose constants (1i64) GCC does not read. */
#define XSTATE_LEGACY_BITS ((1ULL << XSTATE_LEGACY_FLOATING_POINT) | (1ULL << XSTATE_LEGACY_SSE))

/*
 * What lies in a driver's KFLOATING_SAVE or XSTATE_SAVE. Both are smaller than a state; so that is
 * put into pool, unless there is none to be put aside.
 */
typedef struct _KI_NPX_SAVE {
    ULONG Flags;         /* NPX_SAVE_VALID */
    PKTHREAD Thread;     /* whose state it is */
    PFX_SAVE_AREA State; /* NULL: it was clean */
    KIRQL Irql;          /* at which it was put aside */
    UCHAR Level;         /* the thread's NpxLevel meanwhile */
} KI_NPX_SAVE;

#define NPX_SAVE_VALID 0x4E505853

C_ASSERT(sizeof(KI_NPX_SAVE) <= sizeof(KFLOATING_SAVE));
C_ASSERT(sizeof(KI_NPX_SAVE) <= sizeof(XSTATE_SAVE));

ULONG KiNpxFeatures;
static FX_SAVE_AREA KiCleanState __attribute__((aligned(16)));

static PFX_SAVE_AREA KiNpxArea(PKTHREAD Thread)
{
    return (PFX_SAVE_AREA)Thread->StackBase - 1;
}

/* The state that a thread begins with: nothing of it is left over from another one. */
static VOID KiMakeCleanState(VOID)
{
    if (KiNpxFeatures & CPUID_EDX_FXSR) {
        KiCleanState.FxArea.ControlWord = CONTROL_WORD_OF_THREADS;
        KiCleanState.FxArea.MxCsr = MXCSR_INITIAL;
    } else {
        KiCleanState.FnArea.ControlWord = CONTROL_WORD_OF_THREADS;
        KiCleanState.FnArea.TagWord = ALL_TAGS_EMPTY;
    }
}

/* Without an FPU no feature counts; SSE's registers are saved by FXSAVE only. */
static ULONG KiUsableFeatures(ULONG Features)
{
    if (!(Features & CPUID_EDX_FPU))
        return 0;
    if (!(Features & CPUID_EDX_FXSR))
        return Features & FEATURES_OF_FPU;
    return Features & (FEATURES_OF_FPU | FEATURES_OF_FXSR);
}

/* Enables what the processor has, with no state loaded. Without an FPU, CR0.EM makes its
 * instructions raise exception 7 (Intel SDM vol. 3, 9.2). */
VOID KiEnableNpx(ULONG Features)
{
    ULONG Cr0 = (KiReadCr0() & ~(CR0_MP | CR0_EM | CR0_TS)) | CR0_NE;
    ULONG Cr4 = KiReadCr4();

    if (KeGetCurrentPrcb()->Number == 0) {
        KiNpxFeatures = KiUsableFeatures(Features);
        KiMakeCleanState();
    }
    ASSERT(KiNpxFeatures == KiUsableFeatures(Features)); /* all processors are alike */
    if (KiNpxFeatures & CPUID_EDX_FXSR)
        Cr4 |= CR4_OSFXSR;
    if (KiNpxFeatures & CPUID_EDX_SSE)
        Cr4 |= CR4_OSXMMEXCPT;
    KiWriteCr4(Cr4);
    KiWriteCr0(Cr0 | (KiNpxFeatures ? CR0_MP | CR0_TS : CR0_EM));
}

/* The registers are nobody's from here on. */
static VOID KiDisownRegisters(VOID)
{
    KeGetCurrentPrcb()->NpxThread = NULL;
    KiWriteCr0(KiReadCr0() | CR0_TS);
}

/*
 * Saves the registers to the area of the thread whose they are. KiSwapContext calls this, when
 * KPRCB.CurrentThread is the next thread already. IRQL: DISPATCH_LEVEL.
 */
VOID FASTCALL KiSaveNpxState(PKTHREAD Thread)
{
    PFX_SAVE_AREA Area = KiNpxArea(Thread);

    ASSERT(Thread->NpxState == NPX_STATE_LOADED && KeGetCurrentPrcb()->NpxThread == Thread);
    if (KiNpxFeatures & CPUID_EDX_FXSR)
        __asm__ volatile("fxsave %0" : "=m"(Area->FxArea));
    else
        __asm__ volatile("fnsave %0" : "=m"(Area->FnArea));
    Thread->NpxState = NPX_STATE_NOT_LOADED;
    KiDisownRegisters();
}

/*
 * Loads the current thread's state. FNINIT first: some processors load the addresses of the last
 * instruction and operand only if an exception is pending (AMD64 Architecture Programmer's Manual
 * vol. 2, 11.4.4), and would else show another thread's; and FRSTOR would raise what is
 * pending in the registers. IRQL: DISPATCH_LEVEL, or interrupts are disabled.
 */
static VOID KiLoadNpxState(PKTHREAD Thread)
{
    PFX_SAVE_AREA From = Thread->NpxState == NPX_STATE_CLEAN ? &KiCleanState : KiNpxArea(Thread);

    ASSERT(Thread->NpxState != NPX_STATE_LOADED && KeGetCurrentPrcb()->NpxThread == NULL);
    __asm__ volatile("clts; fninit");
    if (KiNpxFeatures & CPUID_EDX_FXSR)
        __asm__ volatile("fxrstor %0" : : "m"(From->FxArea));
    else
        __asm__ volatile("frstor %0" : : "m"(From->FnArea));
    Thread->NpxState = NPX_STATE_LOADED;
    KeGetCurrentPrcb()->NpxThread = Thread;
}

/*
 * Exception 7: an instruction needs the registers. User mode always gets them. The kernel: a
 * thread that has put its state aside and has been switched away from since. A DPC's, put aside at
 * DISPATCH_LEVEL, are loaded until it is over; so a DPC or interrupt that comes here has not put
 * aside what it is about to use. FALSE: it may not. Interrupts are disabled.
 */
BOOLEAN KiLoadNpxOnTrap(PKTRAP_FRAME Frame)
{
    PKTHREAD Thread = KiGetCurrentThread();

    if (KiNpxFeatures == 0)
        return FALSE;
    if (!KiIsUserTrap(Frame) && (Thread->NpxLevel == 0 || KiGetCurrentIrql() > DISPATCH_LEVEL ||
                                 KeGetCurrentPrcb()->DpcRoutineActive))
        return FALSE;
    KiLoadNpxState(Thread);
    return TRUE;
}

/* Moves the current thread's state, which is not clean, to State. IRQL: DISPATCH_LEVEL. */
static VOID KiPutStateAside(PKTHREAD Thread, PFX_SAVE_AREA State)
{
    if (Thread->NpxState == NPX_STATE_LOADED)
        KiSaveNpxState(Thread);
    memcpy(State, KiNpxArea(Thread), sizeof *State);
}

/*
 * Puts the current thread's state aside, and gives it fresh registers: those of FNINIT (WDK: Using
 * Floating Point in a WDM Driver). They are loaded now, since they are about to be used.
 */
static NTSTATUS KiBeginNpxUse(KI_NPX_SAVE *Save)
{
    PKTHREAD Thread = KiGetCurrentThread();
    PFX_SAVE_AREA State = NULL;
    KIRQL OldIrql;

    if (KiNpxFeatures == 0)
        return STATUS_ILLEGAL_FLOAT_CONTEXT;
    if (Thread->NpxState != NPX_STATE_CLEAN) {
        State = ExAllocatePoolWithTag(NonPagedPool, sizeof *State, NPX_TAG);
        if (State == NULL)
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    OldIrql = KiRaiseIrql(DISPATCH_LEVEL); /* no DPC or switch between the steps */
    if (State)
        KiPutStateAside(Thread, State);
    Thread->NpxState = NPX_STATE_CLEAN;
    KiLoadNpxState(Thread);
    __asm__ volatile("fninit");
    *Save = (KI_NPX_SAVE){NPX_SAVE_VALID, Thread, State, OldIrql, ++Thread->NpxLevel};
    KiLowerIrql(OldIrql);
    return STATUS_SUCCESS;
}

/* The documented bug check, unless Save is what the thread has put aside last, at this IRQL. */
static VOID KiCheckNpxSave(const KI_NPX_SAVE *Save)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KIRQL Irql = KiGetCurrentIrql();

    if (Save->Flags != NPX_SAVE_VALID)
        KeBugCheckEx(INVALID_FLOATING_POINT_STATE, 0, Save->Flags, 0, 0);
    if (Save->Irql != Irql)
        KeBugCheckEx(INVALID_FLOATING_POINT_STATE, 1, Save->Irql, Irql, 0);
    if (Save->Thread != Thread || Save->Level != Thread->NpxLevel)
        KeBugCheckEx(INVALID_FLOATING_POINT_STATE, 2, (ULONG_PTR)Save->Thread, (ULONG_PTR)Thread,
                     0);
}

/*
 * Puts a state back. What the registers hold is dropped. A driver's outer state is loaded again at
 * once; the thread's own, when it next needs it.
 */
static VOID KiEndNpxUse(KI_NPX_SAVE *Save)
{
    PKTHREAD Thread = Save->Thread;
    KIRQL OldIrql;

    KiCheckNpxSave(Save);
    OldIrql = KiRaiseIrql(DISPATCH_LEVEL);
    if (Thread->NpxState == NPX_STATE_LOADED)
        KiDisownRegisters();
    if (Save->State)
        memcpy(KiNpxArea(Thread), Save->State, sizeof *Save->State);
    Thread->NpxState = Save->State ? NPX_STATE_NOT_LOADED : NPX_STATE_CLEAN;
    if (--Thread->NpxLevel)
        KiLoadNpxState(Thread);
    Save->Flags = 0;
    KiLowerIrql(OldIrql);
    if (Save->State)
        ExFreePoolWithTag(Save->State, NPX_TAG);
}

/*
 * Lets a driver use floating point until KeRestoreFloatingPointState (WDK). The pairs nest, in one
 * thread, at IRQLs that do not fall. STATUS_ILLEGAL_FLOAT_CONTEXT: the processor has none.
 * STATUS_INSUFFICIENT_RESOURCES: no pool for the thread's state. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI KeSaveFloatingPointState(PKFLOATING_SAVE FloatSave)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    return KiBeginNpxUse((KI_NPX_SAVE *)FloatSave);
}

/*
 * Puts back what KeSaveFloatingPointState has put aside (WDK: the same thread, the same IRQL; else
 * bug check E7h). Returns STATUS_SUCCESS. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI KeRestoreFloatingPointState(PKFLOATING_SAVE FloatSave)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KiEndNpxUse((KI_NPX_SAVE *)FloatSave);
    return STATUS_SUCCESS;
}

/*
 * The same under its later name (WDK: KeSaveExtendedProcessorState). Whichever of
 * XSTATE_MASK_LEGACY Mask has, x87 and SSE registers are saved together. There is nothing else that
 * is enabled (RtlGetEnabledExtendedFeatures): STATUS_NOT_SUPPORTED. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI KeSaveExtendedProcessorState(ULONG64 Mask, PXSTATE_SAVE XStateSave)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Mask & ~XSTATE_LEGACY_BITS)
        return STATUS_NOT_SUPPORTED;
    return KiBeginNpxUse((KI_NPX_SAVE *)XStateSave);
}

/* Puts that back (WDK: KeRestoreExtendedProcessorState). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI KeRestoreExtendedProcessorState(PXSTATE_SAVE XStateSave)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KiEndNpxUse((KI_NPX_SAVE *)XStateSave);
}

/* Which of these features are enabled, a bit each (WDK: RtlGetEnabledExtendedFeatures). */
ULONG64 NTAPI RtlGetEnabledExtendedFeatures(ULONG64 FeatureMask)
{
    if (KiNpxFeatures == 0)
        return 0;
    if (!(KiNpxFeatures & CPUID_EDX_SSE))
        return FeatureMask & (1ULL << XSTATE_LEGACY_FLOATING_POINT);
    return FeatureMask & XSTATE_LEGACY_BITS;
}
