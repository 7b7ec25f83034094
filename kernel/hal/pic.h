/* The 8259A pair, for irql.c alone. Lines are 0-15. Interrupts are disabled at every call. */
#ifndef KERNEL_HAL_PIC_H
#define KERNEL_HAL_PIC_H

#include "kernel/nt.h"

VOID HalpInitializePic(VOID); /* all lines masked */
VOID HalpPicSetMask(ULONG Irq, BOOLEAN Masked);
VOID HalpPicAcknowledge(ULONG Irq);
BOOLEAN HalpPicIsSpurious(ULONG Irq);

#endif
