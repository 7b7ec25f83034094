/*
 * The requests of neither.sys, all METHOD_NEITHER: the driver gets the caller's pointers as they
 * are. Shared by the driver and by neither.exe. Include the DDK headers, or a program's own nt.h,
 * before this file.
 */
#ifndef NEITHER_H
#define NEITHER_H

#define NEITHER_DEVICE_NAME L"\\Device\\Neither"
#define NEITHER_LINK_NAME   L"\\DosDevices\\Neither"

#define NEITHER_CODE(Number)                                                                       \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (Number), METHOD_NEITHER, FILE_ANY_ACCESS)

/* Copies ULONGs from the input to the output, adding 1. Probes both, at multiples of 4. */
#define IOCTL_NEITHER_COPY NEITHER_CODE(0)

/* The same without probing: for addresses that are user mode's, at least. */
#define IOCTL_NEITHER_BLIND NEITHER_CODE(1)

/* Reads and writes the output again and again until it is gone, then says how that has ended. */
#define IOCTL_NEITHER_WEAR NEITHER_CODE(2)

/* How many requests have entered their __try, and how many have run its __finally: two ULONGs. */
#define IOCTL_NEITHER_COUNTS NEITHER_CODE(3)

#endif
