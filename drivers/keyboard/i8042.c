/*
 * The keyboard controller, an 8042 with a keyboard behind it (IBM PS/2 Hardware Interface Technical
 * Reference: Keyboard/Auxiliary Device Controller). It translates the keyboard's codes into set 1:
 * a key's code when it goes down, and the code with bit 7 set when it comes up; E0h or E1h before
 * it make it another key.
 */
#include "keyboard.h"

#define DATA_PORT    ((PUCHAR)0x60)
#define COMMAND_PORT ((PUCHAR)0x64) /* read: the status */
#define STATUS_FULL  0x01           /* a byte is there to be read */
#define STATUS_BUSY  0x02           /* the byte written last has not been taken */
#define STATUS_MOUSE 0x20           /* what is there is from the mouse, and not for us */

#define GET_MODE       0x20
#define SET_MODE       0x60
#define ENABLE_PORT    0xAE
#define MODE_INTERRUPT 0x01
#define MODE_DISABLED  0x10
#define MODE_TRANSLATE 0x40

#define ACKNOWLEDGED 0xFA
#define SEND_AGAIN   0xFE
#define PREFIX_E0    0xE0
#define PREFIX_E1    0xE1
#define OVERRUN      0xFF /* the keyboard's own buffer was too small */
#define CODE_UP      0x80

#define POLL_MICROS     10
#define POLLS           10000 /* 100 ms */
#define BYTES_AT_ONCE   32
#define MOST_TRIES      3
#define COMMAND_SECONDS 2

/* ---- Waiting for the controller; only at the start, and for a moment -------------------------
 */

static BOOLEAN KeyboardAwait(UCHAR Bits, UCHAR Value, ULONG Polls)
{
    ULONG i;

    for (i = 0; i < Polls; i++) {
        if ((READ_PORT_UCHAR(COMMAND_PORT) & Bits) == Value)
            return TRUE;
        KeStallExecutionProcessor(POLL_MICROS);
    }
    return FALSE;
}

static PAGEABLE BOOLEAN KeyboardWrite(PUCHAR Port, UCHAR Value)
{
    if (!KeyboardAwait(STATUS_BUSY, 0, POLLS))
        return FALSE;
    WRITE_PORT_UCHAR(Port, Value);
    return TRUE;
}

static PAGEABLE VOID KeyboardSetMode(UCHAR Mode)
{
    if (KeyboardWrite(COMMAND_PORT, SET_MODE))
        KeyboardWrite(DATA_PORT, Mode);
}

static PAGEABLE VOID KeyboardDrain(VOID)
{
    ULONG i;

    for (i = 0; i < BYTES_AT_ONCE && (READ_PORT_UCHAR(COMMAND_PORT) & STATUS_FULL); i++)
        READ_PORT_UCHAR(DATA_PORT);
}

/* Finds the controller and notes its mode. STATUS_NO_SUCH_DEVICE: nobody answers. */
INITIAL NTSTATUS KeyboardStart(PKEYBOARD Keyboard)
{
    if (READ_PORT_UCHAR(COMMAND_PORT) == 0xFF)
        return STATUS_NO_SUCH_DEVICE;
    KeyboardDrain();
    if (!KeyboardWrite(COMMAND_PORT, GET_MODE) || !KeyboardAwait(STATUS_FULL, STATUS_FULL, POLLS))
        return STATUS_NO_SUCH_DEVICE;
    Keyboard->OldMode = READ_PORT_UCHAR(DATA_PORT);
    return STATUS_SUCCESS;
}

/* Has it interrupt for each byte; or all as it was before. What came before is thrown away. */
PAGEABLE VOID KeyboardEnable(PKEYBOARD Keyboard, BOOLEAN Enable)
{
    UCHAR Mode = (Keyboard->OldMode | MODE_INTERRUPT | MODE_TRANSLATE) & ~MODE_DISABLED;

    KeyboardSetMode(Enable ? Mode : Keyboard->OldMode);
    if (Enable)
        KeyboardWrite(COMMAND_PORT, ENABLE_PORT);
    KeyboardDrain();
}

/* ---- The interrupt ----------------------------------------------------------------------------
 */

/* If there is no room the key is lost. */
static VOID KeyboardKeep(PKEYBOARD Keyboard, USHORT Code, USHORT Flags)
{
    if (Keyboard->In - Keyboard->Out == KEYBOARD_RING)
        return;
    Keyboard->Ring[Keyboard->In++ % KEYBOARD_RING] =
        (KEYBOARD_INPUT_DATA){.MakeCode = Code, .Flags = Flags};
}

static VOID KeyboardTakeCode(PKEYBOARD Keyboard, UCHAR Byte)
{
    USHORT Prefix = Keyboard->Prefix;

    Keyboard->Prefix = 0;
    if (Byte == PREFIX_E0)
        Keyboard->Prefix = KEY_E0;
    else if (Byte == PREFIX_E1)
        Keyboard->Prefix = KEY_E1;
    else if (Byte == OVERRUN)
        KeyboardKeep(Keyboard, KEYBOARD_OVERRUN_MAKE_CODE, KEY_MAKE);
    else
        KeyboardKeep(Keyboard, Byte & ~CODE_UP, Prefix | ((Byte & CODE_UP) ? KEY_BREAK : KEY_MAKE));
}

/* The controller takes a byte within some microseconds; if not, the time-out ends the command. */
static VOID KeyboardSendByte(UCHAR Byte)
{
    if (KeyboardAwait(STATUS_BUSY, 0, 10))
        WRITE_PORT_UCHAR(DATA_PORT, Byte);
}

static VOID KeyboardEnd(PKEYBOARD Keyboard, NTSTATUS Status)
{
    Keyboard->Phase = KeyboardDone;
    Keyboard->CommandStatus = Status;
}

/* The keyboard's answer to a byte of a command: the next one, or the same again. */
static VOID KeyboardTakeAnswer(PKEYBOARD Keyboard, UCHAR Answer)
{
    if (Answer == ACKNOWLEDGED && Keyboard->Phase == KeyboardArgument) {
        KeyboardEnd(Keyboard, STATUS_SUCCESS);
        return;
    }
    if (Answer == ACKNOWLEDGED) {
        Keyboard->Phase = KeyboardArgument;
    } else if (--Keyboard->Tries == 0) {
        KeyboardEnd(Keyboard, STATUS_IO_DEVICE_ERROR);
        return;
    }
    KeyboardSendByte(Keyboard->Command[Keyboard->Phase == KeyboardArgument]);
}

/* One byte an interrupt: its line is triggered by edge, and goes up again for the next one. */
BOOLEAN NTAPI KeyboardInterrupt(PKINTERRUPT Interrupt, PVOID Context)
{
    PKEYBOARD Keyboard = Context;
    UCHAR Status = READ_PORT_UCHAR(COMMAND_PORT), Byte;

    UNREFERENCED_PARAMETER(Interrupt);
    if (!(Status & STATUS_FULL) || (Status & STATUS_MOUSE))
        return FALSE;
    Byte = READ_PORT_UCHAR(DATA_PORT);
    if ((Byte == ACKNOWLEDGED || Byte == SEND_AGAIN) &&
        (Keyboard->Phase == KeyboardFirst || Keyboard->Phase == KeyboardArgument))
        KeyboardTakeAnswer(Keyboard, Byte);
    else
        KeyboardTakeCode(Keyboard, Byte);
    IoRequestDpc(Keyboard->DeviceObject, NULL, NULL);
    return TRUE;
}

/* ---- With the interrupt kept out. IRQL <= DISPATCH_LEVEL ----------------------------------------
 */

/* Takes up to so many keys; returns how many. */
ULONG KeyboardTakeKeys(PKEYBOARD Keyboard, PKEYBOARD_INPUT_DATA Keys, ULONG Most)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Keyboard->Interrupt);
    ULONG i, Count = min(Most, Keyboard->In - Keyboard->Out);

    for (i = 0; i < Count; i++)
        Keys[i] = Keyboard->Ring[Keyboard->Out++ % KEYBOARD_RING];
    KeReleaseInterruptSpinLock(Keyboard->Interrupt, OldIrql);
    return Count;
}

/* Begins a command of two bytes. No other one is under way. */
VOID KeyboardSendCommand(PKEYBOARD Keyboard, UCHAR Command, UCHAR Argument)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Keyboard->Interrupt);

    Keyboard->Command[0] = Command;
    Keyboard->Command[1] = Argument;
    Keyboard->Phase = KeyboardFirst;
    Keyboard->Tries = MOST_TRIES;
    Keyboard->SecondsLeft = COMMAND_SECONDS;
    KeyboardSendByte(Command);
    KeReleaseInterruptSpinLock(Keyboard->Interrupt, OldIrql);
}

/* Whether the command has come to its end, good or bad; that is told once. */
BOOLEAN KeyboardTakeDone(PKEYBOARD Keyboard, NTSTATUS *Status)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Keyboard->Interrupt);
    BOOLEAN Done = Keyboard->Phase == KeyboardDone;

    *Status = Keyboard->CommandStatus;
    if (Done)
        Keyboard->Phase = KeyboardIdle;
    KeReleaseInterruptSpinLock(Keyboard->Interrupt, OldIrql);
    return Done;
}

/* A second has passed. TRUE: the keyboard has not answered in time. */
BOOLEAN KeyboardTick(PKEYBOARD Keyboard)
{
    KIRQL OldIrql = KeAcquireInterruptSpinLock(Keyboard->Interrupt);
    BOOLEAN Late = (Keyboard->Phase == KeyboardFirst || Keyboard->Phase == KeyboardArgument) &&
                   --Keyboard->SecondsLeft == 0;

    if (Late)
        KeyboardEnd(Keyboard, STATUS_IO_TIMEOUT);
    KeReleaseInterruptSpinLock(Keyboard->Interrupt, OldIrql);
    return Late;
}
