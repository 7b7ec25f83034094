/*
 * What brings the interrupts of the 16 ISA lines to the processors: the I/O APIC, or the pair of
 * 8259s on a machine without one. Chosen once, at start. Nothing above irql.c knows which.
 */
#ifndef KERNEL_HAL_CONTROLLER_H
#define KERNEL_HAL_CONTROLLER_H

#include "kernel/hal/firmware.h"

/* What Accept says of an interrupt; 0: it was none. */
#define LINE_RUNS    1 /* its service routines are to run now */
#define LINE_PENDING 2 /* Resume is to be called once IRQL is below the line's */

/* Interrupts are disabled at every call. */
typedef struct _HAL_CONTROLLER {
    /* An interrupt has come; Early: while IRQL is not below the line's. Acknowledges it. */
    ULONG(FASTCALL *Accept)(ULONG Irq, BOOLEAN Early);

    /* IRQL has fallen. TRUE: the service routines are to run now. FALSE: the line, if it is still
     * active, interrupts by itself. HalpLineLock is held. */
    BOOLEAN (*Resume)(ULONG Irq);

    VOID (*SetMask)(ULONG Irq, BOOLEAN Masked); /* HalpLineLock is held */

    /* To which processor a masked line goes; NULL: always to the first. HalpLineLock is held. */
    VOID (*Route)(ULONG Irq, UCHAR ApicId);

    /* A bit for each line that Accept has to be asked about. An interrupt of another one, unless it
     * is early, runs when the local APIC has been told of its end. */
    ULONG AskedLines;
} HAL_CONTROLLER;

extern HAL_CONTROLLER HalpController;

/* Of masks, routes, and which lines are enabled. Taken with interrupts disabled: any processor may
 * mask a line, and an I/O APIC's registers are reached through a pair of others. */
extern KSPIN_LOCK HalpLineLock;

/* controller.c: once, on the first processor. Prepares its local APIC, too, if it has one. */
VOID HalpInitializeInterrupts(BOOLEAN UseIoApic);

/* IRQL has fallen below a pending line's. TRUE: replay its interrupt. Interrupts are disabled. */
BOOLEAN HalpResumeLine(ULONG Irq);

/* pic.c */
extern const HAL_CONTROLLER HalpPic;
VOID HalpInitializePic(VOID); /* all lines masked */

/* ioapic.c: FALSE: there is none that has at least the clock. All lines are masked. */
extern HAL_CONTROLLER HalpIoApic; /* complete when initialized */
BOOLEAN HalpInitializeIoApic(const HAL_FIRMWARE *Firmware);

#endif
