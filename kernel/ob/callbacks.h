/* Drivers that are told of new handles, and the handle that they are told of (callbacks.c). */
#ifndef KERNEL_OB_CALLBACKS_H
#define KERNEL_OB_CALLBACKS_H

#include "kernel/ob/ob.h"

#define OBP_MOST_CALLS 16 /* that a type has; they are remembered on the stack */

/* A handle that is about to be made. */
typedef struct _OBP_NEW_HANDLE {
    PVOID Object;
    ACCESS_MASK Access; /* asked for, then granted */
    ULONG Flags;        /* OBJ_INHERIT, OBJ_PROTECT_CLOSE, OBJ_KERNEL_HANDLE, OBJ_EXCLUSIVE */
    PEPROCESS Source;   /* of a duplicate; NULL: a new handle */
} OBP_NEW_HANDLE;

/* Who has been called before, and is to be called after; they cannot be unregistered meanwhile. */
typedef struct _OBP_CALLS {
    ULONG Count;
    struct {
        const struct _OBP_OPERATION *Operation;
        PVOID CallContext;
    } Calls[OBP_MOST_CALLS];
} OBP_CALLS;

/* IRQL: <= APC_LEVEL; no lock is held. Each Before has its After. */
VOID ObpInitializeCallbacks(VOID);
VOID ObpCallBefore(OBP_NEW_HANDLE *New, OBP_CALLS *Calls); /* may take rights away */
VOID ObpCallAfter(const OBP_NEW_HANDLE *New, OBP_CALLS *Calls, NTSTATUS Status);

#endif
