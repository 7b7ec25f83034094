/*
 * How the machine stops. Under QEMU with its isa-debug-exit device (kernel option debugexit=) the
 * one who started it is told how the run ended; elsewhere it is powered off, or stands still.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"

/* PM1a control of QEMU's PIIX4, and the value that means "sleep, type S5". Read from the ACPI
 * tables once those are read at all. */
#define PIIX4_PM1A_CONTROL ((PUSHORT)0x604)
#define PIIX4_SLEEP_S5     0x2000

ULONG HalpDebugExitPort;

NORETURN VOID HalpHalt(VOID)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

NORETURN VOID HalpPowerOff(ULONG ExitValue)
{
    KiDisableInterrupts();
    if (HalpDebugExitPort)
        WRITE_PORT_UCHAR((PUCHAR)HalpDebugExitPort, (UCHAR)ExitValue);
    else if (ExitValue < EXIT_BUGCHECK)
        WRITE_PORT_USHORT(PIIX4_PM1A_CONTROL, PIIX4_SLEEP_S5);
    HalpHalt();
}
