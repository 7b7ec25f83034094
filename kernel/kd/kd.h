/*
 * The log: what DbgPrint, bug checks and the console write, a line at a time, on COM1 and screen.
 */
#ifndef KERNEL_KD_KD_H
#define KERNEL_KD_KD_H

#include "kernel/nt.h"

/* Prints on the log, as DbgPrint does (%wZ and its kin included). IRQL: any. */
VOID KdPrintLine(PCSTR Format, ...);

/* Writes text as it is. IRQL: any. Nothing is interleaved within one call. */
VOID KdPutString(const CHAR *Text, ULONG Length);

/* From here on the log's lock is not taken: the machine is stopping. */
VOID KdEnterCrash(VOID);

/* symbols.c: the kernel function that holds Address, or NULL. */
PCSTR KdLookupSymbol(ULONG_PTR Address, PULONG Offset);

/* stack.c: return addresses by the frame-pointer chain, only through mapped kernel memory. The
 * first Skip of them are left out. */
ULONG KdWalkStack(ULONG_PTR Ebp, ULONG Skip, PULONG_PTR Callers, ULONG Count);

/* stack.c: "image+offset" or "function+offset" of a kernel address, into Buffer. */
VOID KdDescribeAddress(ULONG_PTR Address, PCHAR Buffer, ULONG Size);
VOID KdDescribeCaller(ULONG_PTR ReturnAddress, PCHAR Buffer, ULONG Size);

#endif
