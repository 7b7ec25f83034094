/*
 * The keyboard controller (i8042) as a device whose interrupt a test driver can ask for: a command
 * makes it give a code of our choice, as if a key had been pressed. Its line is triggered by edge.
 * Nothing else in the machine uses it.
 */
#ifndef KEYBOARD_H
#define KEYBOARD_H

#include <ntddk.h>

#define KEYBOARD_LINE     1
#define KEYBOARD_DATA     ((PUCHAR)0x60)
#define KEYBOARD_COMMAND  ((PUCHAR)0x64)
#define KEYBOARD_BUSY     0x02 /* status: it has not taken what was written last */
#define KEYBOARD_FULL     0x01 /* status: there is a code to be taken */
#define KEYBOARD_SET_MODE 0x60
#define KEYBOARD_GIVE     0xD2
#define KEYBOARD_MODE     0x01 /* interrupts; codes as they are */
#define KEYBOARD_CODE     0x1E

static inline VOID KeyboardWrite(PUCHAR Port, UCHAR Value)
{
    while (READ_PORT_UCHAR(KEYBOARD_COMMAND) & KEYBOARD_BUSY)
        YieldProcessor();
    WRITE_PORT_UCHAR(Port, Value);
}

/* Takes a code, so that the next can interrupt. */
static inline UCHAR KeyboardTake(VOID)
{
    return READ_PORT_UCHAR(KEYBOARD_DATA);
}

/* Has it interrupt for each code, and takes what is left of earlier ones. */
static inline VOID KeyboardEnable(VOID)
{
    KeyboardWrite(KEYBOARD_COMMAND, KEYBOARD_SET_MODE);
    KeyboardWrite(KEYBOARD_DATA, KEYBOARD_MODE);
    while (READ_PORT_UCHAR(KEYBOARD_COMMAND) & KEYBOARD_FULL)
        KeyboardTake();
}

static inline VOID KeyboardPress(VOID)
{
    KeyboardWrite(KEYBOARD_COMMAND, KEYBOARD_GIVE);
    KeyboardWrite(KEYBOARD_DATA, KEYBOARD_CODE);
}

#endif
