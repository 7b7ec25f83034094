/*
 * The checked build's watchdogs: a processor that does not come down from DISPATCH_LEVEL, one that
 * takes no interrupts, a spin that does not end. In the free build they are nothing.
 */
#ifndef KERNEL_KE_WATCHDOG_H
#define KERNEL_KE_WATCHDOG_H

#include "kernel/ke/ke.h"

#if DBG

/* One wait by spinning; zero at its beginning. */
typedef struct _KI_SPIN {
    ULONG Tries;
    ULONG Acquisition; /* of the lock, when the time began */
    LONGLONG Start;    /* time-stamp counter */
} KI_SPIN;

/*
 * Called at each turn of a wait for a spin lock, for which it pauses. TRUE: for seconds the lock
 * has been held without a break. IRQL: any.
 */
BOOLEAN KiSpinTooLong(KI_SPIN *Spin, PVOID Lock);

/* At each interrupt, to see the clock's: what it interrupted. Interrupts are disabled. */
VOID KiWatchInterrupt(PKTRAP_FRAME Frame, ULONG Vector, KIRQL OldIrql);

/* A DPC begins: its time is counted from here. IRQL: DISPATCH_LEVEL. */
VOID KiWatchDpc(PKDEFERRED_ROUTINE Routine);

/* IRQL falls below DISPATCH_LEVEL. */
VOID KiWatchLowering(VOID);

#else

#define KiWatchInterrupt(Frame, Vector, OldIrql) ((VOID)0)
#define KiWatchDpc(Routine)                      ((VOID)0)

#endif
#endif
