/* The local APIC: each processor's own interrupt controller, for IPIs and its clock. */
#ifndef KERNEL_HAL_APIC_H
#define KERNEL_HAL_APIC_H

#include "kernel/ke/ke.h"

/* Vectors: as in Windows' APIC HAL. */
#define APIC_CLOCK_VECTOR    0xD1
#define APIC_IPI_VECTOR      0xE1
#define APIC_SPURIOUS_VECTOR 0xFF

/* What the firmware says of the processors. */
typedef struct _HAL_PROCESSORS {
    ULONG LocalApicAddress; /* physical */
    ULONG Count;
    UCHAR ApicIds[MAXIMUM_PROCESSOR_COUNT];
} HAL_PROCESSORS;

/* acpi.c, mptable.c: FALSE: there is no such table. IRQL: PASSIVE_LEVEL. */
BOOLEAN HalpFindAcpiProcessors(HAL_PROCESSORS *Processors);
BOOLEAN HalpFindMpTableProcessors(HAL_PROCESSORS *Processors);
BOOLEAN HalpChecksumIsRight(const VOID *Table, ULONG Length);

/* apic.c */
VOID HalpAddProcessor(HAL_PROCESSORS *Processors, UCHAR ApicId);
NTSTATUS HalpMapLocalApic(ULONG PhysicalAddress);
VOID HalpInitializeLocalApic(BOOLEAN First); /* this processor's; First: the one with the 8259s */
VOID HalpStartLocalClock(VOID);              /* ticks every 10 ms */
VOID HalpAcknowledgeApic(VOID);
UCHAR HalpLocalApicId(VOID);
VOID HalpStartProcessor(UCHAR ApicId, ULONG PhysicalPage);

#endif
