/*
 * What drivers do about non-maskable interrupts.
 */
#ifndef KERNEL_KE_NMI_H
#define KERNEL_KE_NMI_H

#include "kernel/nt.h"

/* An NMI has come: TRUE if a driver has dealt with it. Interrupts are disabled. */
BOOLEAN KiCallNmiCallbacks(VOID);

#endif
