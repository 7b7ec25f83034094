/* The executive's small parts: what the kernel asks of them beyond the DDK headers. */
#ifndef KERNEL_EX_EX_H
#define KERNEL_EX_EX_H

#include "kernel/nt.h"

NTSTATUS ExInitializeWorkers(VOID); /* worker.c */

#endif
