/*
 * The I/O APIC (Intel 82093AA data sheet, 3.2): for each pin a redirection entry that says where
 * its interrupt goes, with which vector, and how the line's signal is to be understood.
 *
 * Registers are reached by writing a number into one and the value into another: HalpLineLock keeps
 * processors from mixing theirs up. The low words of the entries are remembered here, so masking
 * reads nothing. Interrupts are acknowledged at the local APIC, one access to memory and no port.
 *
 * An edge needs no mask when it comes too early: it comes once, and is remembered in KPCR.IRR. (An
 * edge at a masked pin would be lost.) A level would come again as soon as it is acknowledged, so
 * it is masked from then until IRQL is below the line's again, when its service routines have run
 * or may run; unmasked, it comes again by itself if its device still wants it.
 */
#include "kernel/hal/apic.h"
#include "kernel/hal/controller.h"
#include "kernel/hal/hal.h"
#include "mm/mm.h"

#define IO_APIC_BYTES   0x20
#define IO_APIC_SELECT  0x00
#define IO_APIC_WINDOW  0x10
#define VERSION         0x01
#define ENTRY_LOW(Pin)  (0x10 + 2 * (Pin))
#define ENTRY_HIGH(Pin) (0x11 + 2 * (Pin))
#define ENTRY_ACTIVELOW 0x2000
#define ENTRY_LEVEL     0x8000
#define ENTRY_MASKED    0x10000 /* else: fixed delivery to one processor, by its APIC's number */
#define DESTINATION(Id) ((ULONG)(Id) << 24)

/* Interrupt mode configuration register (MultiProcessor Specification 1.4, 3.6.2.1). */
#define IMCR_SELECT ((PUCHAR)0x22)
#define IMCR_DATA   ((PUCHAR)0x23)
#define IMCR        0x70
#define IMCR_APIC   1

static volatile UCHAR *HalpIoApicBase;
static UCHAR HalpPins[HAL_LINES];
static ULONG HalpEntries[HAL_LINES]; /* low words */
static ULONG HalpLevelLines;

static ULONG HalpReadIoApic(ULONG Register)
{
    *(volatile ULONG *)(HalpIoApicBase + IO_APIC_SELECT) = Register;
    return *(volatile ULONG *)(HalpIoApicBase + IO_APIC_WINDOW);
}

static VOID HalpWriteIoApic(ULONG Register, ULONG Value)
{
    *(volatile ULONG *)(HalpIoApicBase + IO_APIC_SELECT) = Register;
    *(volatile ULONG *)(HalpIoApicBase + IO_APIC_WINDOW) = Value;
}

static VOID HalpIoApicSetMask(ULONG Irq, BOOLEAN Masked)
{
    ASSERT(HalpLineLock);
    if (HalpPins[Irq] == HAL_NO_PIN)
        return;
    if (Masked)
        HalpEntries[Irq] |= ENTRY_MASKED;
    else
        HalpEntries[Irq] &= ~ENTRY_MASKED;
    HalpWriteIoApic(ENTRY_LOW(HalpPins[Irq]), HalpEntries[Irq]);
}

static VOID HalpIoApicRoute(ULONG Irq, UCHAR ApicId)
{
    ASSERT(HalpLineLock && HalpEntries[Irq] & ENTRY_MASKED);
    if (HalpPins[Irq] != HAL_NO_PIN)
        HalpWriteIoApic(ENTRY_HIGH(HalpPins[Irq]), DESTINATION(ApicId));
}

static ULONG FASTCALL HalpIoApicAccept(ULONG Irq, BOOLEAN Early)
{
    ULONG Result = Early ? LINE_PENDING : LINE_RUNS;

    if (HalpLevelLines & (1 << Irq)) {
        KiTakeSpinLock(&HalpLineLock);
        HalpIoApicSetMask(Irq, TRUE);
        KiLetSpinLockGo(&HalpLineLock);
        Result |= LINE_PENDING; /* to be unmasked, also when its routines have run */
    }
    HalpAcknowledgeApic();
    return Result;
}

static BOOLEAN HalpIoApicResume(ULONG Irq)
{
    if (!(HalpLevelLines & (1 << Irq)))
        return TRUE;
    HalpIoApicSetMask(Irq, FALSE);
    return FALSE;
}

HAL_CONTROLLER HalpIoApic = {HalpIoApicAccept, HalpIoApicResume, HalpIoApicSetMask, HalpIoApicRoute,
                             0xFFFF};

/* How many pins there are. 0: nothing answers at this address, whatever the firmware says. */
static ULONG HalpCountPins(VOID)
{
    ULONG Version = HalpReadIoApic(VERSION);

    if (*(volatile ULONG *)(HalpIoApicBase + IO_APIC_SELECT) != VERSION || Version == 0 ||
        Version == MAXULONG)
        return 0;
    return ((Version >> 16) & 0xFF) + 1;
}

static VOID HalpDescribeLine(ULONG Irq, const HAL_LINE *Line, ULONG Pins)
{
    HalpPins[Irq] = Line->Pin < Pins ? Line->Pin : HAL_NO_PIN;
    HalpEntries[Irq] = (PRIMARY_VECTOR_BASE + Irq) | ENTRY_MASKED |
                       (Line->Level ? ENTRY_LEVEL : 0) | (Line->ActiveLow ? ENTRY_ACTIVELOW : 0);
    if (Line->Level)
        HalpLevelLines |= 1 << Irq;
}

BOOLEAN HalpInitializeIoApic(const HAL_FIRMWARE *Firmware)
{
    PHYSICAL_ADDRESS Address = {.QuadPart = Firmware->IoApicAddress};
    ULONG Pins, i;

    if (Firmware->IoApicAddress == 0)
        return FALSE;
    HalpIoApicBase = MmMapIoSpace(Address, IO_APIC_BYTES, MmNonCached);
    if (HalpIoApicBase == NULL)
        return FALSE;
    Pins = HalpCountPins();
    if (Firmware->Lines[CLOCK_IRQ].Pin >= Pins) {
        MmUnmapIoSpace((PVOID)HalpIoApicBase, IO_APIC_BYTES);
        return FALSE;
    }
    for (i = 0; i < Pins; i++)
        HalpWriteIoApic(ENTRY_LOW(i), ENTRY_MASKED);
    for (i = 0; i < HAL_LINES; i++)
        HalpDescribeLine(i, &Firmware->Lines[i], Pins);
    HalpIoApic.AskedLines = HalpLevelLines;
    if (Firmware->HasImcr) {
        WRITE_PORT_UCHAR(IMCR_SELECT, IMCR);
        WRITE_PORT_UCHAR(IMCR_DATA, IMCR_APIC);
    }
    return TRUE;
}
