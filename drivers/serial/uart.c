/*
 * The chip, a 16550 (PC16550D data sheet): bytes in and out of its two queues of 16, its interrupt,
 * its settings.
 *
 * The service routine runs at DIRQL under the interrupt's spin lock; everything else that touches
 * the chip or what the service routine touches holds that lock (KeAcquireInterruptSpinLock).
 */
#include "port.h"

/* Registers, from Port->Ports on; the first two are the divisor's while LINE_DIVISOR is set. */
#define REG_DATA    0
#define REG_ENABLE  1
#define REG_CAUSE   2 /* read: why it interrupts; written: its queues' control */
#define REG_LINE    3
#define REG_MODEM   4
#define REG_STATUS  5 /* of the line; reading it clears errors */
#define REG_SIGNALS 6 /* of the modem; reading it clears what has changed */

#define ENABLE_ALL      0x0F
#define CAUSE_NONE      0x01
#define QUEUES_ON       0x81 /* interrupts at 8 bytes, or when no more come */
#define QUEUES_CLEAR    0x06
#define LINE_BREAK      0x40
#define LINE_DIVISOR    0x80
#define STATUS_READY    0x01 /* a byte has come */
#define STATUS_OVERRUN  0x02
#define STATUS_PARITY   0x04
#define STATUS_FRAMING  0x08
#define STATUS_BREAK    0x10
#define STATUS_EMPTY    0x20 /* 16 bytes can go */
#define SIGNALS_CHANGED 0x0F
#define QUEUE_BYTES     16
#define MOST_ROUNDS     64 /* a chip that is not there any more must not hold the processor */

static UCHAR SerialRead(PSERIAL_PORT Port, ULONG Register)
{
    return READ_PORT_UCHAR(Port->Ports + Register);
}

static VOID SerialWrite(PSERIAL_PORT Port, ULONG Register, UCHAR Value)
{
    WRITE_PORT_UCHAR(Port->Ports + Register, Value);
}

/* ---- The interrupt ----------------------------------------------------------------------------
 */

static VOID SerialNoteErrors(PSERIAL_PORT Port, UCHAR Status)
{
    if (Status & STATUS_OVERRUN) {
        Port->Errors |= SERIAL_ERROR_OVERRUN;
        Port->Statistics.SerialOverrunErrorCount++;
    }
    if (Status & STATUS_PARITY) {
        Port->Errors |= SERIAL_ERROR_PARITY;
        Port->Statistics.ParityErrorCount++;
    }
    if (Status & STATUS_BREAK) { /* looks like a framing error, too */
        Port->Errors |= SERIAL_ERROR_BREAK;
        Port->Events |= SERIAL_EV_BREAK;
    } else if (Status & STATUS_FRAMING) {
        Port->Errors |= SERIAL_ERROR_FRAMING;
        Port->Statistics.FrameErrorCount++;
    }
    if (Status & (STATUS_OVERRUN | STATUS_PARITY | STATUS_FRAMING))
        Port->Events |= SERIAL_EV_ERR;
}

/* If there is no room the byte is lost, and that is noted. */
static VOID SerialKeepByte(PSERIAL_PORT Port, UCHAR Byte)
{
    Port->Statistics.ReceivedCount++;
    if (Port->In - Port->Out == SERIAL_RING) {
        Port->Errors |= SERIAL_ERROR_QUEUEOVERRUN;
        Port->Statistics.BufferOverrunErrorCount++;
        return;
    }
    Port->Ring[Port->In++ % SERIAL_RING] = Byte;
    Port->Events |= SERIAL_EV_RXCHAR;
    if (Byte == Port->Chars.EventChar)
        Port->Events |= SERIAL_EV_RXFLAG;
}

static VOID SerialReceive(PSERIAL_PORT Port, UCHAR Status)
{
    ULONG i;

    SerialNoteErrors(Port, Status);
    for (i = 0; i < QUEUE_BYTES && (Status & STATUS_READY); i++) {
        SerialKeepByte(Port, SerialRead(Port, REG_DATA));
        Status = SerialRead(Port, REG_STATUS);
        SerialNoteErrors(Port, Status);
    }
}

/* The chip's queue is empty: fills it. */
static VOID SerialSend(PSERIAL_PORT Port)
{
    ULONG i;

    for (i = 0; i < QUEUE_BYTES && Port->LeftToSend; i++, Port->LeftToSend--) {
        SerialWrite(Port, REG_DATA, *Port->ToSend++);
        Port->Statistics.TransmittedCount++;
    }
    if (i == 0 && Port->Sending) {
        Port->Sending = FALSE;
        Port->Events |= SERIAL_EV_TXEMPTY;
    }
}

/* The low four bits say what has changed: CTS, DSR, ring, carrier. */
static UCHAR SerialNoteSignals(PSERIAL_PORT Port)
{
    static const ULONG Events[] = {SERIAL_EV_CTS, SERIAL_EV_DSR, SERIAL_EV_RING, SERIAL_EV_RLSD};
    UCHAR Signals = SerialRead(Port, REG_SIGNALS);
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Events); i++) {
        if (Signals & (1 << i))
            Port->Events |= Events[i];
    }
    return Signals;
}

/*
 * Serves everything that the chip has, whatever the cause that it gives; its line is triggered by
 * edge, so it must have nothing left when this returns. Reading the cause clears "empty".
 */
BOOLEAN NTAPI SerialInterrupt(PKINTERRUPT Interrupt, PVOID Context)
{
    PDEVICE_OBJECT DeviceObject = Context;
    PSERIAL_PORT Port = DeviceObject->DeviceExtension;
    ULONG Rounds;

    UNREFERENCED_PARAMETER(Interrupt);
    for (Rounds = 0; Rounds < MOST_ROUNDS; Rounds++) {
        UCHAR Status;
        if (SerialRead(Port, REG_CAUSE) & CAUSE_NONE)
            break;
        Status = SerialRead(Port, REG_STATUS);
        SerialReceive(Port, Status);
        if (Status & STATUS_EMPTY)
            SerialSend(Port);
        SerialNoteSignals(Port);
    }
    if (Rounds)
        IoRequestDpc(DeviceObject, NULL, NULL);
    return Rounds != 0;
}

/* ---- Bytes ------------------------------------------------------------------------------------
 */

/* Bytes that have come; returns how many, at most Length. */
ULONG SerialTakeBytes(PSERIAL_PORT Port, PUCHAR Buffer, ULONG Length)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);
    ULONG i, Count = min(Length, Port->In - Port->Out);

    for (i = 0; i < Count; i++)
        Buffer[i] = Port->Ring[Port->Out++ % SERIAL_RING];
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
    return Count;
}

ULONG SerialBytesThere(PSERIAL_PORT Port)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);
    ULONG Count = Port->In - Port->Out;

    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
    return Count;
}

/* Throws away what has come, in the chip, too. */
VOID SerialDropBytes(PSERIAL_PORT Port)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);

    while (SerialRead(Port, REG_STATUS) & STATUS_READY)
        SerialRead(Port, REG_DATA);
    Port->Out = Port->In;
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
}

/* If the chip is idle it will not interrupt by itself: the first bytes go now. */
VOID SerialStartSending(PSERIAL_PORT Port, PUCHAR Buffer, ULONG Length)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);

    Port->ToSend = Buffer;
    Port->LeftToSend = Length;
    Port->Sending = TRUE;
    if (SerialRead(Port, REG_STATUS) & STATUS_EMPTY)
        SerialSend(Port);
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
}

/* How many bytes the chip has not been given yet. Stop: nor will it be. */
ULONG SerialLeftToSend(PSERIAL_PORT Port, BOOLEAN Stop)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);
    ULONG Left = Port->LeftToSend;

    if (Stop)
        Port->LeftToSend = 0;
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
    return Left;
}

ULONG SerialTakeErrors(PSERIAL_PORT Port)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);
    ULONG Errors = Port->Errors;

    Port->Errors = 0;
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
    return Errors;
}

/* Events of the mask, which then have not happened any more. */
ULONG SerialTakeEvents(PSERIAL_PORT Port, ULONG Mask)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);
    ULONG Events = Port->Events & Mask;

    Port->Events &= ~Mask;
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
    return Events;
}

/* Statistics: NULL: they begin anew. */
VOID SerialStatistics(PSERIAL_PORT Port, PSERIALPERF_STATS Statistics)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);

    if (Statistics)
        *Statistics = Port->Statistics;
    else
        RtlZeroMemory(&Port->Statistics, sizeof Port->Statistics);
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
}

/* ---- Settings ---------------------------------------------------------------------------------
 */

/* Baud, word length, parity and stop bits, which have been checked, into the chip. */
VOID SerialSetLine(PSERIAL_PORT Port)
{
    static const UCHAR Parities[] = {0x00, 0x08, 0x18, 0x28, 0x38}; /* by NO_PARITY and so on */
    UCHAR Line = (UCHAR)(Port->Line.WordLength - 5) | Parities[Port->Line.Parity];
    USHORT Divisor = (USHORT)(SERIAL_MOST_BAUD / Port->Baud);
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);

    if (Port->Line.StopBits != STOP_BIT_1)
        Line |= 0x04; /* two, or one and a half with words of 5 bits */
    SerialWrite(Port, REG_LINE, Line | LINE_DIVISOR);
    SerialWrite(Port, REG_DATA, (UCHAR)Divisor);
    SerialWrite(Port, REG_ENABLE, (UCHAR)(Divisor >> 8));
    SerialWrite(Port, REG_LINE, Line);
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
}

/* Sets and clears lines of the modem; returns which are set (SERIAL_IOC_MCR_xxx). */
UCHAR SerialSetModem(PSERIAL_PORT Port, UCHAR Set, UCHAR Clear)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);
    UCHAR Modem = (SerialRead(Port, REG_MODEM) | Set) & ~Clear;

    SerialWrite(Port, REG_MODEM, Modem);
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
    return Modem;
}

VOID SerialSetBreak(PSERIAL_PORT Port, BOOLEAN On)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);
    UCHAR Line = SerialRead(Port, REG_LINE) & ~LINE_BREAK;

    SerialWrite(Port, REG_LINE, On ? Line | LINE_BREAK : Line);
    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
}

/* The modem's signals (SERIAL_CTS_STATE and so on are the chip's bits). What has changed is noted,
 * for reading clears it. */
UCHAR SerialReadModem(PSERIAL_PORT Port)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Port->Interrupt);
    UCHAR Signals = SerialNoteSignals(Port);

    KeReleaseInterruptSpinLock(Port->Interrupt, OldIrql);
    return Signals & ~SIGNALS_CHANGED;
}

/* Begins with nothing from earlier. A PC's chip interrupts only while its output 2 is on. */
VOID SerialOpenChip(PSERIAL_PORT Port)
{
    SerialSetLine(Port);
    SerialWrite(Port, REG_CAUSE, QUEUES_ON | QUEUES_CLEAR);
    SerialDropBytes(Port);
    SerialTakeErrors(Port);
    SerialTakeEvents(Port, MAXULONG);
    SerialStatistics(Port, NULL);
    SerialSetModem(Port, SERIAL_IOC_MCR_DTR | SERIAL_IOC_MCR_RTS | SERIAL_IOC_MCR_OUT2, 0);
    SerialWrite(Port, REG_ENABLE, ENABLE_ALL);
}

/* Silent, and hung up. */
VOID SerialCloseChip(PSERIAL_PORT Port)
{
    SerialWrite(Port, REG_ENABLE, 0);
    SerialSetBreak(Port, FALSE);
    SerialSetModem(Port, 0, 0xFF);
}

/* Connects the chip's outputs with its inputs, and looks whether they follow. */
INITIAL BOOLEAN SerialIsThere(PUCHAR Ports)
{
    UCHAR Signals;

    WRITE_PORT_UCHAR(Ports + REG_MODEM,
                     SERIAL_IOC_MCR_LOOP | SERIAL_IOC_MCR_OUT2 | SERIAL_IOC_MCR_RTS);
    Signals = READ_PORT_UCHAR(Ports + REG_SIGNALS) & ~SIGNALS_CHANGED;
    WRITE_PORT_UCHAR(Ports + REG_MODEM, 0);
    WRITE_PORT_UCHAR(Ports + REG_ENABLE, 0);
    return Signals == (SERIAL_DCD_STATE | SERIAL_CTS_STATE);
}
