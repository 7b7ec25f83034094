/*
 * The system's DMA controller: two 8237s, the first with channels 0-3 for bytes, the second with
 * 5-7 for words (82371SB data sheet, 2.5.1). A channel's address register has 16 bits; the page
 * register has the ones above, which do not count on.
 *
 * HalpDmaLock guards the registers: each chip has one flip-flop for lower and upper half.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"

#define WORD_CHANNELS 4 /* from here on */

#define MODE_TO_DEVICE   0x08
#define MODE_FROM_DEVICE 0x04
#define MASK_SET         0x04

static KSPIN_LOCK HalpDmaLock;

/* The ports of one of the two chips. Those of the second stand two apart. */
typedef struct _DMA_CHIP {
    UCHAR Base, Step;
    UCHAR Mask, Mode, ClearFlipFlop;
} DMA_CHIP;

static const DMA_CHIP HalpDmaChips[2] = {{0x00, 1, 0x0A, 0x0B, 0x0C}, {0xC0, 2, 0xD4, 0xD6, 0xD8}};
static const UCHAR HalpPagePorts[] = {0x87, 0x83, 0x81, 0x82, 0, 0x8B, 0x89, 0x8A};

static const DMA_CHIP *HalpDmaChip(ULONG Channel)
{
    return &HalpDmaChips[Channel / WORD_CHANNELS];
}

static PUCHAR HalpPort(ULONG Port)
{
    return (PUCHAR)Port;
}

static PUCHAR HalpCountPort(ULONG Channel)
{
    const DMA_CHIP *Chip = HalpDmaChip(Channel);

    return HalpPort(Chip->Base + (Channel % WORD_CHANNELS * 2 + 1) * Chip->Step);
}

static VOID HalpMaskChannel(ULONG Channel, UCHAR Set)
{
    WRITE_PORT_UCHAR(HalpPort(HalpDmaChip(Channel)->Mask), Set | Channel % WORD_CHANNELS);
}

/* Two bytes through one port, the lower first. */
static VOID HalpWriteHalves(PUCHAR Port, ULONG Value)
{
    WRITE_PORT_UCHAR(Port, (UCHAR)Value);
    WRITE_PORT_UCHAR(Port, (UCHAR)(Value >> 8));
}

static KIRQL HalpLockDma(VOID)
{
    KIRQL OldIrql = KfRaiseIrql(HIGH_LEVEL);

    KeAcquireSpinLockAtDpcLevel(&HalpDmaLock);
    return OldIrql;
}

static VOID HalpUnlockDma(KIRQL OldIrql)
{
    KeReleaseSpinLockFromDpcLevel(&HalpDmaLock);
    KfLowerIrql(OldIrql);
}

/* Lets a channel move Length bytes, not 0, at the pace of its device. */
VOID HalStartDma(ULONG Channel, UCHAR Mode, ULONG Address, ULONG Length, BOOLEAN WriteToDevice)
{
    const DMA_CHIP *Chip = HalpDmaChip(Channel);
    ULONG Shift = Channel / WORD_CHANNELS; /* addresses and counts of words */
    PUCHAR CountPort = HalpCountPort(Channel);
    KIRQL OldIrql = HalpLockDma();

    HalpMaskChannel(Channel, MASK_SET);
    WRITE_PORT_UCHAR(HalpPort(Chip->Mode), Mode | Channel % WORD_CHANNELS |
                                               (WriteToDevice ? MODE_TO_DEVICE : MODE_FROM_DEVICE));
    WRITE_PORT_UCHAR(HalpPort(Chip->ClearFlipFlop), 0);
    HalpWriteHalves(CountPort - Chip->Step, (Address & 0x1FFFF) >> Shift);
    HalpWriteHalves(CountPort, (Length >> Shift) - 1);
    WRITE_PORT_UCHAR(HalpPort(HalpPagePorts[Channel]), (UCHAR)(Address >> 16));
    HalpMaskChannel(Channel, 0);
    HalpUnlockDma(OldIrql);
}

VOID HalStopDma(ULONG Channel)
{
    KIRQL OldIrql = HalpLockDma();

    HalpMaskChannel(Channel, MASK_SET);
    HalpUnlockDma(OldIrql);
}

/* How many bytes a channel has still to move; 0: it has moved all. */
ULONG HalReadDmaCount(ULONG Channel)
{
    PUCHAR Port = HalpCountPort(Channel);
    KIRQL OldIrql = HalpLockDma();
    ULONG Count;

    WRITE_PORT_UCHAR(HalpPort(HalpDmaChip(Channel)->ClearFlipFlop), 0);
    Count = READ_PORT_UCHAR(Port);
    Count |= (ULONG)READ_PORT_UCHAR(Port) << 8;
    HalpUnlockDma(OldIrql);
    return ((Count + 1) & 0xFFFF) << Channel / WORD_CHANNELS; /* it counts to -1 */
}
