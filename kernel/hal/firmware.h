/*
 * What the firmware's tables say of processors and interrupt lines, from ACPI's tables or the MP
 * table. They are the firmware's word: the readers believe no length, count or number unchecked.
 */
#ifndef KERNEL_HAL_FIRMWARE_H
#define KERNEL_HAL_FIRMWARE_H

#include "kernel/ke/ke.h"

#define HAL_LINES  16   /* of the ISA bus */
#define HAL_NO_PIN 0xFF /* an I/O APIC has at most 240 */

/* Where an ISA line goes into the I/O APIC, and what its signal is like. */
typedef struct _HAL_LINE {
    UCHAR Pin;         /* HAL_NO_PIN: nowhere */
    BOOLEAN Level;     /* triggered by level, else by edge */
    BOOLEAN ActiveLow; /* else active high */
    BOOLEAN Named;     /* a table says so; else it is the bus's way: pin n, edge, active high */
} HAL_LINE;

typedef struct _HAL_FIRMWARE {
    ULONG LocalApicAddress; /* physical */
    ULONG Count;            /* of processors */
    UCHAR ApicIds[MAXIMUM_PROCESSOR_COUNT];
    ULONG IoApicAddress; /* physical; of the one that has the ISA lines. 0: none */
    BOOLEAN HasImcr;     /* a register connects the 8259s past the APICs, until it is told not to */
    HAL_LINE Lines[HAL_LINES];
} HAL_FIRMWARE;

extern HAL_FIRMWARE HalpFirmware; /* filled at start, read-only after; Count 0: no local APIC */

/* acpi.c, mptable.c: FALSE: there is no such table. Before there are other processors. */
BOOLEAN HalpFindAcpiTables(HAL_FIRMWARE *Firmware);
BOOLEAN HalpFindMpTable(HAL_FIRMWARE *Firmware);

/* firmware.c: pure. */
VOID HalpForgetFirmware(HAL_FIRMWARE *Firmware);
VOID HalpAddProcessor(HAL_FIRMWARE *Firmware, UCHAR ApicId);
VOID HalpNameLine(HAL_FIRMWARE *Firmware, ULONG Line, ULONG Pin, BOOLEAN Level, BOOLEAN ActiveLow);
BOOLEAN HalpIsLevel(ULONG Flags, BOOLEAN Default);
BOOLEAN HalpIsActiveLow(ULONG Flags, BOOLEAN Default);
BOOLEAN HalpChecksumIsRight(const VOID *Table, ULONG Length);
const VOID *HalpFindStructure(ULONG Start, ULONG End, PCSTR Signature, ULONG SignatureBytes,
                              ULONG Bytes);

#endif
