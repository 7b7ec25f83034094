/* The local APIC: each processor's own interrupt controller, for IPIs and its clock. */
#ifndef KERNEL_HAL_APIC_H
#define KERNEL_HAL_APIC_H

#include "kernel/ke/ke.h"

/* Vectors: as in Windows' APIC HAL. */
#define APIC_CLOCK_VECTOR    0xD1
#define APIC_IPI_VECTOR      0xE1
#define APIC_SPURIOUS_VECTOR 0xFF

BOOLEAN HalpHasLocalApic(VOID);
NTSTATUS HalpMapLocalApic(ULONG PhysicalAddress);
VOID HalpInitializeLocalApic(BOOLEAN First); /* this processor's; First: the one with the 8259s */
VOID HalpDisconnectPic(VOID);                /* the first processor hears them no more */
VOID HalpCalibrateLocalClock(VOID);
VOID HalpStartLocalClock(VOID); /* ticks every 10 ms */
UCHAR HalpLocalApicId(VOID);
VOID HalpParkProcessor(UCHAR ApicId);
VOID HalpStartProcessor(UCHAR ApicId, ULONG PhysicalPage);

extern volatile UCHAR *HalpApic; /* its registers */
#define APIC_EOI 0xB0

/* The end of an interrupt that it has brought. */
static inline VOID HalpAcknowledgeApic(VOID)
{
    *(volatile ULONG *)(HalpApic + APIC_EOI) = 0;
}

#endif
