/*
 * How much of their kernel stacks threads use (checked build). A new stack is filled with a
 * pattern; what of it is still there when the thread ends has never been used.
 */
#ifndef KERNEL_KE_STACKCHECK_H
#define KERNEL_KE_STACKCHECK_H

#include "kernel/nt.h"

struct _KTHREAD;

#if DBG

/* Before the first frame is laid on a new thread's stack. */
VOID KiFillStack(struct _KTHREAD *Thread);

/* The thread has ended and is off its stack: says so if it has used more than any other before,
 * and if it has left less than an eighth. IRQL: PASSIVE_LEVEL. */
VOID KiReportStackUse(struct _KTHREAD *Thread);

/* At each switch: both stack pointers are where they belong. Bug check 2Bh: one is not. */
VOID KiCheckStackPointers(struct _KTHREAD *Old, struct _KTHREAD *New);

#else

#define KiFillStack(Thread)            ((VOID)0)
#define KiReportStackUse(Thread)       ((VOID)0)
#define KiCheckStackPointers(Old, New) ((VOID)0)

#endif
#endif
