/*
 * Interrupt objects: the service routines connected to a vector. KINTERRUPT is opaque to drivers.
 */
#ifndef KERNEL_KE_INTERRUPT_H
#define KERNEL_KE_INTERRUPT_H

#include "kernel/ke/ke.h"

typedef struct _KINTERRUPT {
    LIST_ENTRY ListEntry; /* in KiInterruptLists[Vector] */
    PKSERVICE_ROUTINE ServiceRoutine;
    PVOID ServiceContext;
    KSPIN_LOCK SpinLock; /* the one used unless the driver gives one */
    PKSPIN_LOCK ActualLock;
    ULONG Vector;
    KIRQL Irql;
    KIRQL SynchronizeIrql;
    UCHAR Number; /* the processor that it comes to */
    BOOLEAN ShareVector;
    KINTERRUPT_MODE Mode;
} KINTERRUPT;

/* IRQL: PASSIVE_LEVEL; both may wait. */
BOOLEAN KeConnectInterrupt(PKINTERRUPT Interrupt, KAFFINITY Affinity);
VOID KeDisconnectInterrupt(PKINTERRUPT Interrupt);

#endif
