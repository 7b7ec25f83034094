/*
 * What processors ask of one another, by inter-processor interrupts (IPIs).
 *
 * An IPI is taken whatever the IRQL, as long as interrupts are enabled, and its handler takes no
 * lock: so a processor that spins for a lock still answers. One that waits for answers must have
 * interrupts enabled, or answer by itself, for the other may be waiting for it.
 */
#ifndef KERNEL_KE_IPI_H
#define KERNEL_KE_IPI_H

#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"

#define IPI_DISPATCH 1 /* a DISPATCH interrupt is due: a standby thread, or a DPC */
#define IPI_CALL     2 /* KiCallProcessors has a routine to run */
#define IPI_FREEZE   4 /* the machine stops: halt for ever */
#define IPI_APC      8 /* the running thread is to look at its APCs */

extern PKPRCB KiProcessorBlock[MAXIMUM_PROCESSOR_COUNT]; /* KeNumberProcessors of them */
extern KAFFINITY KeActiveProcessors;                     /* the same as a mask */

/* Asks the processors of a mask. IRQL: any. */
VOID KiSendIpi(KAFFINITY Targets, ULONG Request);

/* The interrupt's routine. Interrupts are disabled. */
VOID KiIpiInterrupt(VOID);

/* Asks for a software interrupt, APC or DISPATCH, on a processor: this one or another. The caller
 * stays on its own: IRQL >= DISPATCH_LEVEL. */
static inline VOID KiRequestSoftwareInterrupt(PKPRCB Prcb, KIRQL Irql)
{
    if (Prcb == KeGetCurrentPrcb())
        HalRequestSoftwareInterrupt(Irql);
    else
        KiSendIpi(Prcb->SetMember, Irql == APC_LEVEL ? IPI_APC : IPI_DISPATCH);
}

/*
 * Runs a routine on the processors of a mask, with interrupts disabled, and returns when all have
 * returned. One call at a time. IRQL <= IPI_LEVEL.
 */
typedef VOID (*PKI_IPI_ROUTINE)(ULONG_PTR Argument);
VOID KiCallProcessors(KAFFINITY Targets, PKI_IPI_ROUTINE Routine, ULONG_PTR Argument);

/* Stops all others, for a bug check. They get some time to do it, and then it goes on. */
VOID KiFreezeProcessors(VOID);

#endif
