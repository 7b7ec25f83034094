/*
 * What the readers of ACPI's tables and of the MP table have in common: finding a structure in the
 * first megabyte, checksums, and collecting what is said of processors and lines. Pure but for the
 * memory that is looked at: tested on the host.
 */
#include "kernel/hal/firmware.h"
#include "boot/options.h"
#include "kernel/rtl/rtl.h"

#define STRUCTURE_STEP 16
#define LOW_MEMORY_END 0x100000
#define POLARITY_MASK  0x3
#define POLARITY_HIGH  0x1
#define POLARITY_LOW   0x3
#define TRIGGER_MASK   0xC
#define TRIGGER_EDGE   0x4
#define TRIGGER_LEVEL  0xC

/* All bytes of a table add up to 0. */
BOOLEAN HalpChecksumIsRight(const VOID *Table, ULONG Length)
{
    const UCHAR *Bytes = Table;
    UCHAR Sum = 0;

    while (Length-- > 0)
        Sum += *Bytes++;
    return Sum == 0;
}

/* Looks through a part of the first megabyte, which the window shows. */
const VOID *HalpFindStructure(ULONG Start, ULONG End, PCSTR Signature, ULONG SignatureBytes,
                              ULONG Bytes)
{
    for (End = min(End, LOW_MEMORY_END); Start + Bytes <= End; Start += STRUCTURE_STEP) {
        const VOID *Structure = BootMapPhysical(Start, Bytes);
        if (Structure && RtlEqualMemory(Structure, Signature, SignatureBytes) &&
            HalpChecksumIsRight(Structure, Bytes))
            return Structure;
    }
    return NULL;
}

/* Before a table has been read: line n is pin n, as the ISA bus has it. */
VOID HalpForgetFirmware(HAL_FIRMWARE *Firmware)
{
    UCHAR i;

    *Firmware = (HAL_FIRMWARE){0};
    for (i = 0; i < HAL_LINES; i++)
        Firmware->Lines[i].Pin = i;
}

VOID HalpAddProcessor(HAL_FIRMWARE *Firmware, UCHAR ApicId)
{
    if (Firmware->Count < MAXIMUM_PROCESSOR_COUNT)
        Firmware->ApicIds[Firmware->Count++] = ApicId;
}

/*
 * A table says where a line goes. A pin has one line: whoever was there only by custom has to go,
 * as the second 8259's line 2 must when the clock is wired to pin 2.
 */
VOID HalpNameLine(HAL_FIRMWARE *Firmware, ULONG Line, ULONG Pin, BOOLEAN Level, BOOLEAN ActiveLow)
{
    ULONG i;

    if (Line >= HAL_LINES)
        return;
    if (Pin > HAL_NO_PIN)
        Pin = HAL_NO_PIN;
    for (i = 0; i < HAL_LINES; i++) {
        HAL_LINE *Other = &Firmware->Lines[i];
        if (i == Line || Other->Pin != Pin)
            continue;
        if (Other->Named)
            Pin = HAL_NO_PIN;
        else
            Other->Pin = HAL_NO_PIN;
    }
    Firmware->Lines[Line] = (HAL_LINE){(UCHAR)Pin, Level, ActiveLow, TRUE};
}

/* The flags of both tables' entries (MultiProcessor Specification 1.4, table 4-10). */
BOOLEAN HalpIsLevel(ULONG Flags, BOOLEAN Default)
{
    if ((Flags & TRIGGER_MASK) == TRIGGER_EDGE)
        return FALSE;
    return (Flags & TRIGGER_MASK) == TRIGGER_LEVEL ? TRUE : Default;
}

BOOLEAN HalpIsActiveLow(ULONG Flags, BOOLEAN Default)
{
    if ((Flags & POLARITY_MASK) == POLARITY_HIGH)
        return FALSE;
    return (Flags & POLARITY_MASK) == POLARITY_LOW ? TRUE : Default;
}
