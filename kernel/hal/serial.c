/*
 * The 16550 on COM1, where the log goes. Written by polling: the log works at every IRQL, in a
 * bug check too. Received characters come by interrupt, to the console (kernel/io/console.c). The
 * FIFO stays as it is: turning it on would throw away what was typed before start-up.
 */
#include "kernel/hal/hal.h"

#define COM1(Register) ((PUCHAR)(0x3F8 + (Register)))

enum { DATA = 0, INTERRUPT_ENABLE = 1, LINE_CONTROL = 3, MODEM_CONTROL = 4, LINE_STATUS = 5 };

#define LINE_8N1            0x03
#define LINE_DIVISOR_ACCESS 0x80
#define MODEM_DTR_RTS_OUT2  0x0B
#define STATUS_DATA_READY   0x01
#define STATUS_CAN_WRITE    0x20
#define ENABLE_RECEIVE      0x01

static BOOLEAN HalpSerialPresent;

/* A driver for serial ports leaves this one alone: in Windows it is the debugger's. */
static PUCHAR HalpLogPort = COM1(0);
PUCHAR *KdComPortInUse = &HalpLogPort;

VOID HalpInitializeSerial(VOID)
{
    WRITE_PORT_UCHAR(COM1(INTERRUPT_ENABLE), 0);
    WRITE_PORT_UCHAR(COM1(LINE_CONTROL), LINE_DIVISOR_ACCESS);
    WRITE_PORT_UCHAR(COM1(DATA), 1); /* 115200 baud */
    WRITE_PORT_UCHAR(COM1(INTERRUPT_ENABLE), 0);
    WRITE_PORT_UCHAR(COM1(LINE_CONTROL), LINE_8N1);
    WRITE_PORT_UCHAR(COM1(MODEM_CONTROL), MODEM_DTR_RTS_OUT2);
    HalpSerialPresent = READ_PORT_UCHAR(COM1(LINE_STATUS)) != 0xFF; /* an empty bus reads ones */
}

/* A port that never becomes ready must not stop the machine: after a while, give up on it. */
VOID HalpSerialWrite(CHAR Character)
{
    ULONG Tries = 1000000;

    while (HalpSerialPresent && !(READ_PORT_UCHAR(COM1(LINE_STATUS)) & STATUS_CAN_WRITE)) {
        if (--Tries == 0)
            HalpSerialPresent = FALSE;
    }
    if (HalpSerialPresent)
        WRITE_PORT_UCHAR(COM1(DATA), (UCHAR)Character);
}

/* Takes one received character; FALSE if there is none. */
BOOLEAN HalpSerialRead(PCHAR Character)
{
    if (!HalpSerialPresent || !(READ_PORT_UCHAR(COM1(LINE_STATUS)) & STATUS_DATA_READY))
        return FALSE;
    *Character = (CHAR)READ_PORT_UCHAR(COM1(DATA));
    return TRUE;
}

VOID HalpSerialEnableReceive(VOID)
{
    WRITE_PORT_UCHAR(COM1(INTERRUPT_ENABLE), ENABLE_RECEIVE);
}
