/*
 * What the files of keyboard.sys share: the keyboard.
 *
 *      keyboard.c  DriverEntry, DriverUnload, reads, which wait for keys
 *      control.c   IOCTLs, and the commands to the keyboard that some of them need
 *      i8042.c     the controller: its interrupt, and the bytes to and from it
 *
 * Two locks. The interrupt's guards what the service routine touches; Lock guards the queue of
 * reads. Who needs both takes Lock first.
 *
 * A command to the keyboard is a byte that it acknowledges, then an argument, likewise. One is
 * under way at a time: the device's own queue holds the packets of the others (IoStartPacket).
 */
#ifndef KEYBOARD_H
#define KEYBOARD_H

#include <ntddk.h>
#include <ntddkbd.h>

/* See drivers/demo/device.h. */
#define INITIAL  __attribute__((section("INIT")))
#define PAGEABLE __attribute__((section("PAGE")))

#define KEYBOARD_RING 100 /* keys that are kept until somebody reads them */

/* How far a command is. */
typedef enum _KEYBOARD_PHASE {
    KeyboardIdle,     /* there is none */
    KeyboardFirst,    /* its first byte has been sent */
    KeyboardArgument, /* its argument has been sent */
    KeyboardDone,     /* acknowledged, or not; the DPC is to end it */
} KEYBOARD_PHASE;

/* The device extension. */
typedef struct _KEYBOARD {
    PDEVICE_OBJECT DeviceObject;
    PKINTERRUPT Interrupt;
    UCHAR OldMode; /* the controller's, before this driver */

    /* Lock guards these. */
    KSPIN_LOCK Lock;
    IO_CSQ Reads;
    LIST_ENTRY Packets;

    /* The interrupt's spin lock guards these. */
    KEYBOARD_INPUT_DATA Ring[KEYBOARD_RING];
    ULONG In, Out; /* how many keys ever came, and were taken */
    USHORT Prefix; /* KEY_E0 or KEY_E1: the next byte belongs to it */
    KEYBOARD_PHASE Phase;
    UCHAR Command[2];
    ULONG Tries, SecondsLeft;
    NTSTATUS CommandStatus;

    /* Whoever works at CurrentIrp; a ULONG is read as a whole. */
    ULONG Indicators;
    KEYBOARD_TYPEMATIC_PARAMETERS Typematic;
} KEYBOARD, *PKEYBOARD;

/* i8042.c */
NTSTATUS KeyboardStart(PKEYBOARD Keyboard); /* PASSIVE_LEVEL; the interrupt is not connected */
VOID KeyboardEnable(PKEYBOARD Keyboard, BOOLEAN Enable); /* PASSIVE_LEVEL */
KSERVICE_ROUTINE KeyboardInterrupt;
ULONG KeyboardTakeKeys(PKEYBOARD Keyboard, PKEYBOARD_INPUT_DATA Keys, ULONG Most);
VOID KeyboardSendCommand(PKEYBOARD Keyboard, UCHAR Command, UCHAR Argument);
BOOLEAN KeyboardTakeDone(PKEYBOARD Keyboard, NTSTATUS *Status);
BOOLEAN KeyboardTick(PKEYBOARD Keyboard);

/* control.c */
DRIVER_DISPATCH KeyboardDeviceControl;
DRIVER_STARTIO KeyboardStartIo;
IO_TIMER_ROUTINE KeyboardTimer;
VOID KeyboardEndCommand(PKEYBOARD Keyboard); /* DISPATCH_LEVEL */

/* keyboard.c */
NTSTATUS KeyboardComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information);

#endif
