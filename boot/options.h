/*
 * The kernel's command line: words separated by blanks. Double quotes, anywhere in a word, keep
 * blanks in it; a backslash takes the next character as it is. The first word is the kernel's
 * own file name, which both QEMU and our GRUB menu put there.
 *
 *   init=PROGRAM ARGS   the first process; when it ends the machine powers off
 *   start=NAME.sys      load this driver at boot (repeatable)
 *   maxmem=MB           use no more memory than this
 *   numproc=N           start at most N processors
 *   verify=NAME.sys,... Driver Verifier watches these drivers; * for all
 *   verifyunder         its special pool catches what is before an allocation, not behind
 *   verifyfail=N        every N-th allocation of theirs fails
 *   noapic              leave device interrupts to the 8259s, though there is an I/O APIC
 *   debugexit=PORT      QEMU's isa-debug-exit device, to be told how the run ended
 */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H

#include "boot/loader.h"

/* Takes a command line apart into Block. Limit: bytes that may be read at Line. Pure. */
VOID BootParseOptions(PLOADER_BLOCK Block, PCSTR Line, ULONG Limit);

/* The window onto physical memory, as boot code uses it: NULL where the window does not reach. */
PVOID BootMapPhysical(ULONG Physical, ULONG Bytes);
ULONG BootPhysicalBytesFrom(ULONG Physical);

#endif
