/*
 * How every hardware interrupt begins: inline, for the clock's sake.
 */
#ifndef KERNEL_HAL_BEGIN_H
#define KERNEL_HAL_BEGIN_H

#include "kernel/hal/apic.h"
#include "kernel/hal/controller.h"

#define HAL_NOT_NOW (-1)

extern const KIRQL HalpLineIrql[HAL_LINES];

/* irql.c: replays, early interrupts, the local APIC's own, and all if there is none. */
LONG FASTCALL HalpBeginInterrupt(PKIPCR Pcr, ULONG Vector);

/* To an interrupt's IRQL. Returns the old one. */
static inline LONG HalpRaiseToInterrupt(PKIPCR Pcr, KIRQL Irql)
{
    KIRQL OldIrql = Pcr->Pcr.Irql;

    Pcr->Pcr.Irql = Irql;
    return OldIrql;
}

/* Does an interrupt just run, by the line that it came on? Not a replayed one. */
static inline BOOLEAN HalpIsPlainLine(PKIPCR Pcr, ULONG Irq)
{
    return Irq < HAL_LINES && !((HalpController.AskedLines | Pcr->Pcr.IrrActive >> 4) >> Irq & 1);
}

/*
 * Called first for every hardware interrupt, with interrupts disabled. If its service routine is to
 * run, raises IRQL to the line's and returns the old one. HAL_NOT_NOW: it came too early and is
 * pending now, or is done with.
 */
static inline LONG HalBeginSystemInterrupt(PKIPCR Pcr, ULONG Vector)
{
    ULONG Irq = Vector - PRIMARY_VECTOR_BASE;

    if (__builtin_expect(!HalpIsPlainLine(Pcr, Irq) || Pcr->Pcr.Irql >= HalpLineIrql[Irq], FALSE))
        return HalpBeginInterrupt(Pcr, Vector);
    HalpAcknowledgeApic();
    return HalpRaiseToInterrupt(Pcr, HalpLineIrql[Irq]);
}

#endif
