/*
 * Telling drivers of processes, threads and images (notify.c). IRQL: PASSIVE_LEVEL; nothing may be
 * held that a driver's routine could need.
 */
#ifndef KERNEL_PS_NOTIFY_H
#define KERNEL_PS_NOTIFY_H

#include "kernel/ps/ps.h"

VOID PspInitializeNotify(VOID);

/* By the creating thread, when the process has its first thread, which does not run yet. A failure
 * is what a driver wants the creation to end with. Whoever was told of it is told of its end. */
NTSTATUS PspNotifyProcessCreation(PEPROCESS Process, PUNICODE_STRING CommandLine);
/* By the last thread. */
VOID PspNotifyProcessExit(PEPROCESS Process);

/* By the creating thread before the new one runs; by the one that ends. */
VOID PspNotifyThread(PETHREAD Thread, BOOLEAN Create);

/* ProcessId NULL: a driver, before its DriverEntry. Else by the process's first thread, before it
 * enters user mode. */
VOID PsNotifyImage(PUNICODE_STRING Path, HANDLE ProcessId, PVOID Base, SIZE_T Size);

#endif
