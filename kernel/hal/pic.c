/*
 * The pair of 8259A interrupt controllers: 15 lines, of which line 2 carries the second chip. Used
 * where there is no I/O APIC; else they stay masked.
 *
 * Lines are masked and acknowledged one by one; which line may interrupt when is decided by IRQL,
 * in irql.c. All routines here are called with interrupts disabled. The chips are wired to the
 * first processor, which acknowledges; any may change the masks.
 */
#include "kernel/hal/controller.h"
#include "kernel/hal/hal.h"

#define PIC1_COMMAND ((PUCHAR)0x20)
#define PIC1_DATA    ((PUCHAR)0x21)
#define PIC2_COMMAND ((PUCHAR)0xA0)
#define PIC2_DATA    ((PUCHAR)0xA1)

#define ICW1_INIT_ICW4    0x11
#define ICW4_8086         0x01
#define OCW2_SPECIFIC_EOI 0x60 /* + the line */
#define OCW3_READ_ISR     0x0B
#define CASCADE_LINE      2

/* A set bit: the line is masked. HalpLineLock. */
static USHORT HalpPicMask = 0xFFFF & ~(1 << CASCADE_LINE);

static VOID HalpWriteMask(VOID)
{
    WRITE_PORT_UCHAR(PIC1_DATA, (UCHAR)HalpPicMask);
    WRITE_PORT_UCHAR(PIC2_DATA, (UCHAR)(HalpPicMask >> 8));
}

VOID HalpInitializePic(VOID)
{
    WRITE_PORT_UCHAR(PIC1_COMMAND, ICW1_INIT_ICW4);
    WRITE_PORT_UCHAR(PIC2_COMMAND, ICW1_INIT_ICW4);
    WRITE_PORT_UCHAR(PIC1_DATA, PRIMARY_VECTOR_BASE);
    WRITE_PORT_UCHAR(PIC2_DATA, PRIMARY_VECTOR_BASE + 8);
    WRITE_PORT_UCHAR(PIC1_DATA, 1 << CASCADE_LINE);
    WRITE_PORT_UCHAR(PIC2_DATA, CASCADE_LINE);
    WRITE_PORT_UCHAR(PIC1_DATA, ICW4_8086);
    WRITE_PORT_UCHAR(PIC2_DATA, ICW4_8086);
    WRITE_PORT_UCHAR(PIC1_DATA, 0xFF); /* the second chip, too, until a line is enabled */
    WRITE_PORT_UCHAR(PIC2_DATA, 0xFF);
}

static VOID HalpPicSetMask(ULONG Irq, BOOLEAN Masked)
{
    ASSERT(HalpLineLock);
    if (Masked)
        HalpPicMask |= 1 << Irq;
    else
        HalpPicMask &= ~(1 << Irq);
    HalpWriteMask();
}

static VOID HalpPicAcknowledge(ULONG Irq)
{
    if (Irq >= 8) {
        HalpWritePort(PIC2_COMMAND, OCW2_SPECIFIC_EOI | (Irq - 8));
        Irq = CASCADE_LINE;
    }
    HalpWritePort(PIC1_COMMAND, OCW2_SPECIFIC_EOI | Irq);
}

/*
 * A line that falls before it is acknowledged shows up as line 7 or 15 with its in-service bit
 * clear (8259A data sheet). A spurious 15 still leaves the first chip waiting for its own.
 */
static BOOLEAN HalpPicIsSpurious(ULONG Irq)
{
    PUCHAR Command = Irq == 7 ? PIC1_COMMAND : PIC2_COMMAND;

    WRITE_PORT_UCHAR(Command, OCW3_READ_ISR);
    if (READ_PORT_UCHAR(Command) & 0x80)
        return FALSE;
    if (Irq == 15)
        HalpPicAcknowledge(CASCADE_LINE);
    return TRUE;
}

/* Masked, the chip remembers an edge: only what has come before it is pending in the KPCR. */
static ULONG FASTCALL HalpPicAccept(ULONG Irq, BOOLEAN Early)
{
    if ((Irq == 7 || Irq == 15) && HalpPicIsSpurious(Irq))
        return 0;
    if (Early) {
        KiTakeSpinLock(&HalpLineLock);
        HalpPicSetMask(Irq, TRUE);
        KiLetSpinLockGo(&HalpLineLock);
    }
    HalpPicAcknowledge(Irq);
    return Early ? LINE_PENDING : LINE_RUNS;
}

static BOOLEAN HalpPicResume(ULONG Irq)
{
    HalpPicSetMask(Irq, FALSE);
    return TRUE;
}

const HAL_CONTROLLER HalpPic = {HalpPicAccept, HalpPicResume, HalpPicSetMask, NULL, 0xFFFF};
