/*
 * IRQL, the lazy way.
 *
 * Raising writes one byte in the KPCR and touches no chip. An interrupt that arrives although its
 * IRQL is not above the current one is made pending: its bit is set in the KPCR's IRR, its line
 * is masked if it could come again meanwhile, and it is acknowledged. Lowering looks at IRR; if
 * something above the new level is pending there, it is replayed in software. So the common raise
 * and lower cost a few instructions, and a chip is programmed only when an interrupt really came
 * too early.
 *
 * Bits of IRR: 1 and 2 the APC and DISPATCH software interrupts, 4 + n hardware line n, 20 the
 * local APIC's clock. IPIs are never held back (kernel/ke/ipi.h).
 *
 * Why lowering has no race: it stores the new level first and looks at IRR after. An interrupt
 * that comes before the store is pending by the time of the look; one that comes after the store
 * is simply taken. IRR is changed with interrupts disabled, or by one instruction.
 */
#include "kernel/hal/begin.h"
#include "kernel/hal/hal.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

#define IRR_APC           (1 << APC_LEVEL)
#define IRR_DISPATCH      (1 << DISPATCH_LEVEL)
#define IRR_LINE(Irq)     (1 << (4 + (Irq)))
#define IRR_ALL_LINES     0x000FFFF0
#define IRR_LOCAL_CLOCK   0x00100000
#define IRR_HARDWARE      (IRR_ALL_LINES | IRR_LOCAL_CLOCK)
#define HIGHEST_LINE_IRQL 27
#define PROFILE_IRQ       8

/*
 * Which IRR bits may be delivered at each IRQL. Below DISPATCH_LEVEL also the software interrupt;
 * from 12 up fewer and fewer lines, for the IRQL of line n is 27 - n ...
 */
#define LINES_BELOW(Irql)                                                                          \
    ((((1 << (HIGHEST_LINE_IRQL - (Irql))) - 1) | 1 << CLOCK_IRQ |                                 \
      ((Irql) < PROFILE_LEVEL ? 1 << PROFILE_IRQ : 0))                                             \
         << 4 |                                                                                    \
     IRR_LOCAL_CLOCK)

const ULONG HalpDeliverable[HIGH_LEVEL + 1] = {
    [PASSIVE_LEVEL] = IRR_HARDWARE | IRR_DISPATCH | IRR_APC,
    [APC_LEVEL] = IRR_HARDWARE | IRR_DISPATCH,
    [DISPATCH_LEVEL... 11] = IRR_HARDWARE,
    [12] = LINES_BELOW(12),
    [13] = LINES_BELOW(13),
    [14] = LINES_BELOW(14),
    [15] = LINES_BELOW(15),
    [16] = LINES_BELOW(16),
    [17] = LINES_BELOW(17),
    [18] = LINES_BELOW(18),
    [19] = LINES_BELOW(19),
    [20] = LINES_BELOW(20),
    [21] = LINES_BELOW(21),
    [22] = LINES_BELOW(22),
    [23] = LINES_BELOW(23),
    [24] = LINES_BELOW(24),
    [25] = LINES_BELOW(25),
    [26] = LINES_BELOW(26),
    [27] = LINES_BELOW(27),
};

/* ... but for the clock, which is above all lines, and line 8, which profiles. */
const KIRQL HalpLineIrql[HAL_LINES] = {CLOCK2_LEVEL,  26, 25, 24, 23, 22, 21, 20,
                                       PROFILE_LEVEL, 18, 17, 16, 15, 14, 13, 12};

KIRQL HalVectorToIrql(ULONG Vector)
{
    ULONG Irq = Vector - PRIMARY_VECTOR_BASE;

    return Irq < HAL_LINES ? HalpLineIrql[Irq] : CLOCK2_LEVEL; /* the local APIC's clock */
}

/* Takes the highest deliverable hardware line out of Pending; the clock before all others. */
static ULONG HalpHighestLine(ULONG Pending)
{
    ULONG Lines = (Pending & IRR_ALL_LINES) >> 4;

    if (Lines & (1 << PROFILE_IRQ) && !(Lines & (1 << CLOCK_IRQ)))
        return PROFILE_IRQ;
    return (ULONG)__builtin_ctz(Lines);
}

/*
 * Runs a pending line's interrupt, unless the line has been disabled meanwhile or does it itself.
 * It ends at the line's own IRQL: what has come again by then is left to the loop that is here
 * already. If each replay began the next, a busy device would fill the stack.
 */
static VOID HalpReplayLine(PKIPCR Pcr, ULONG Irq)
{
    Pcr->Pcr.IRR &= ~IRR_LINE(Irq);
    if (!HalpResumeLine(Irq))
        return;
    Pcr->Pcr.IrrActive |= IRR_LINE(Irq);
    Pcr->Pcr.Irql = HalpLineIrql[Irq];
    KiReplayInterrupt(PRIMARY_VECTOR_BASE + Irq);
}

static VOID HalpReplaySoftwareInterrupt(PKIPCR Pcr, KIRQL Irql)
{
    Pcr->Pcr.IRR &= ~(1u << Irql);
    Pcr->Pcr.Irql = Irql;
    if (Irql == DISPATCH_LEVEL)
        KiDispatchInterrupt();
    else
        KiApcInterrupt();
}

/* Runs one pending interrupt, and is back at Irql. Interrupts are disabled, here and on return. */
static VOID HalpReplayOne(PKIPCR Pcr, ULONG Pending, KIRQL Irql)
{
    if (Pending & IRR_LOCAL_CLOCK) {
        Pcr->Pcr.IRR &= ~IRR_LOCAL_CLOCK;
        Pcr->Pcr.IrrActive |= IRR_LOCAL_CLOCK;
        KiReplayInterrupt(APIC_CLOCK_VECTOR);
    } else if (Pending & IRR_ALL_LINES) {
        HalpReplayLine(Pcr, HalpHighestLine(Pending));
    } else {
        HalpReplaySoftwareInterrupt(Pcr, Pending & IRR_DISPATCH ? DISPATCH_LEVEL : APC_LEVEL);
    }
    KiGetPcr()->Pcr.Irql = Irql; /* perhaps on another processor now */
}

/* Replays what is pending above Irql, which is already the current one. Interrupts disabled. */
static VOID HalpReplayPending(KIRQL Irql)
{
    for (;;) {
        PKIPCR Pcr = KiGetPcr();
        ULONG Pending = Pcr->Pcr.IRR & HalpDeliverable[Irql];
        if (Pending == 0)
            break;
        HalpReplayOne(Pcr, Pending, Irql);
    }
}

KIRQL NTAPI KeGetCurrentIrql(VOID)
{
    return KiGetCurrentIrql();
}

/* Runs what Irql, which IRQL has just been lowered to, no longer holds back. Rare, so apart. */
__attribute__((noinline)) VOID FASTCALL HalpDeliverPending(KIRQL Irql)
{
    BOOLEAN Enable = KiSaveInterrupts();

    HalpReplayPending(Irql);
    KiRestoreInterrupts(Enable);
}

NORETURN VOID FASTCALL KiBadRaise(KIRQL NewIrql)
{
    KeBugCheckEx(IRQL_NOT_GREATER_OR_EQUAL, KiGetCurrentIrql(), NewIrql, 0, 0);
}

NORETURN VOID FASTCALL KiBadLower(KIRQL NewIrql)
{
    KeBugCheckEx(IRQL_NOT_LESS_OR_EQUAL, NewIrql, KiGetCurrentIrql(), 0,
                 (ULONG_PTR)__builtin_return_address(0));
}

/* Raises this processor's IRQL and returns the old one. IRQL: any, not above NewIrql. */
KIRQL FASTCALL KfRaiseIrql(KIRQL NewIrql)
{
    return KiRaiseIrql(NewIrql);
}

/* Lowers this processor's IRQL, and runs what was held back. IRQL: any, not below NewIrql. */
VOID FASTCALL KfLowerIrql(KIRQL NewIrql)
{
    KiLowerIrql(NewIrql);
}

VOID NTAPI(KeRaiseIrql)(KIRQL NewIrql, PKIRQL OldIrql)
{
    *OldIrql = KfRaiseIrql(NewIrql);
}

VOID NTAPI(KeLowerIrql)(KIRQL NewIrql)
{
    KfLowerIrql(NewIrql);
}

KIRQL NTAPI KeRaiseIrqlToDpcLevel(VOID)
{
    return KfRaiseIrql(DISPATCH_LEVEL);
}

KIRQL NTAPI KeRaiseIrqlToSynchLevel(VOID)
{
    return KfRaiseIrql(SYNCH_LEVEL);
}

/*
 * Asks for a software interrupt, APC or DISPATCH, on this processor. It comes at once if the IRQL
 * is low enough and interrupts are enabled, else when IRQL falls. IRQL: any.
 */
VOID FASTCALL HalRequestSoftwareInterrupt(KIRQL Irql)
{
    BOOLEAN Enable = KiSaveInterrupts();
    PKIPCR Pcr = KiGetPcr();

    Pcr->Pcr.IRR |= 1 << Irql;
    if (Enable && Pcr->Pcr.Irql < Irql)
        HalpReplayPending(Pcr->Pcr.Irql);
    KiRestoreInterrupts(Enable);
}

VOID FASTCALL HalClearSoftwareInterrupt(KIRQL Irql)
{
    BOOLEAN Enable = KiSaveInterrupts();

    KiGetPcr()->Pcr.IRR &= ~(1 << Irql);
    KiRestoreInterrupts(Enable);
}

/* A device's line. FALSE: it came too early and is pending now, or it was none. */
static BOOLEAN HalpAcceptLine(PKIPCR Pcr, ULONG Irq, KIRQL Irql)
{
    ULONG Answer;

    if (Pcr->Pcr.IrrActive & IRR_LINE(Irq)) {
        Pcr->Pcr.IrrActive &= ~IRR_LINE(Irq); /* a replay: acknowledged when it first came */
        return TRUE;
    }
    Answer = HalpController.Accept(Irq, Irql <= Pcr->Pcr.Irql);
    if (Answer & LINE_PENDING)
        Pcr->Pcr.IRR |= IRR_LINE(Irq);
    return (Answer & LINE_RUNS) != 0;
}

/* The same for the local APIC's clock. */
static BOOLEAN HalpAcceptLocalClock(PKIPCR Pcr)
{
    if (Pcr->Pcr.IrrActive & IRR_LOCAL_CLOCK) {
        Pcr->Pcr.IrrActive &= ~IRR_LOCAL_CLOCK;
        return TRUE;
    }
    HalpAcknowledgeApic();
    if (Pcr->Pcr.Irql < CLOCK2_LEVEL)
        return TRUE;
    Pcr->Pcr.IRR |= IRR_LOCAL_CLOCK;
    return FALSE;
}

/* An IPI is done with at once; what it has asked for may be due at once, too. */
static VOID HalpHandleIpi(PKIPCR Pcr)
{
    HalpAcknowledgeApic();
    KiIpiInterrupt();
    HalpReplayPending(Pcr->Pcr.Irql);
}

/* What no line brings. TRUE: the clock's service routine is to run. */
static BOOLEAN HalpAcceptApicVector(PKIPCR Pcr, ULONG Vector)
{
    if (Vector == APIC_CLOCK_VECTOR)
        return HalpAcceptLocalClock(Pcr);
    if (Vector == APIC_IPI_VECTOR)
        HalpHandleIpi(Pcr);
    return FALSE;
}

/* The general case of HalBeginSystemInterrupt. */
LONG FASTCALL HalpBeginInterrupt(PKIPCR Pcr, ULONG Vector)
{
    ULONG Irq = Vector - PRIMARY_VECTOR_BASE;
    KIRQL Irql = HalVectorToIrql(Vector);

    if (Irq < HAL_LINES ? HalpAcceptLine(Pcr, Irq, Irql) : HalpAcceptApicVector(Pcr, Vector))
        return HalpRaiseToInterrupt(Pcr, Irql);
    return HAL_NOT_NOW;
}
