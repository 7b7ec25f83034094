/*
 * Interrupt objects: the service routines connected to a vector. KINTERRUPT is opaque to drivers.
 */
#ifndef KERNEL_KE_INTERRUPT_H
#define KERNEL_KE_INTERRUPT_H

#include "kernel/ke/ke.h"

typedef struct _KINTERRUPT {
    LIST_ENTRY ListEntry; /* in KiInterruptLists[Vector]; changed at HIGH_LEVEL under the lock */
    PKSERVICE_ROUTINE ServiceRoutine;
    PVOID ServiceContext;
    KSPIN_LOCK SpinLock; /* the one used unless the driver gives one */
    PKSPIN_LOCK ActualLock;
    ULONG Vector;
    KIRQL Irql;
    KIRQL SynchronizeIrql;
    BOOLEAN ShareVector;
    KINTERRUPT_MODE Mode;
} KINTERRUPT;

/* Runs the routines connected to a vector. IRQL: the vector's; interrupts enabled. */
VOID KiDispatchToInterruptObjects(PKTRAP_FRAME Frame, ULONG Vector);

BOOLEAN KeConnectInterrupt(PKINTERRUPT Interrupt);
VOID KeDisconnectInterrupt(PKINTERRUPT Interrupt);

#endif
