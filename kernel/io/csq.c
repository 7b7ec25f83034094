/*
 * Cancel-safe queues: the driver says how packets are put into its queue, found and taken out, and
 * with which lock; here is what makes that right while packets are cancelled (WDK: Cancel-Safe IRP
 * Queues).
 *
 * A packet in the queue has the cancel routine below. Whoever gets that routine out of it, under
 * the driver's lock, takes it off the queue: the driver, to work at it, or the cancel routine, to
 * complete it. DriverContext[3] of the packet leads to the queue, or to the context by which the
 * driver wants to find this one packet again, which leads to the queue.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"

static NTSTATUS IopInitializeCsq(PIO_CSQ Csq, ULONG Type, PVOID Insert, PIO_CSQ_REMOVE_IRP Remove,
                                 PIO_CSQ_PEEK_NEXT_IRP PeekNext, PIO_CSQ_ACQUIRE_LOCK Acquire,
                                 PIO_CSQ_RELEASE_LOCK Release,
                                 PIO_CSQ_COMPLETE_CANCELED_IRP CompleteCanceled)
{
    *Csq = (IO_CSQ){Type, Insert, Remove, PeekNext, Acquire, Release, CompleteCanceled, NULL};
    return STATUS_SUCCESS;
}

/* Prepares a queue (WDK: IoCsqInitialize). IRQL: any. */
NTSTATUS NTAPI IoCsqInitialize(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP CsqInsertIrp,
                               PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                               PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp,
                               PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                               PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                               PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    return IopInitializeCsq(Csq, IO_TYPE_CSQ, CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp,
                            CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
}

/* The same; inserting may be refused (WDK: IoCsqInitializeEx). */
NTSTATUS NTAPI IoCsqInitializeEx(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP_EX CsqInsertIrp,
                                 PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                                 PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp,
                                 PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                                 PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                                 PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    return IopInitializeCsq(Csq, IO_TYPE_CSQ_EX, CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp,
                            CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
}

/* DriverContext[3] is the queue's or the context's address: their types tell which. */
static PIO_CSQ IopCsqOf(PIRP Irp)
{
    PIO_CSQ_IRP_CONTEXT Context = Irp->Tail.Overlay.DriverContext[3];

    return Context->Type == IO_TYPE_CSQ_IRP_CONTEXT ? Context->Csq : (PIO_CSQ)Context;
}

/* The packet is off the queue: its context leads to it no more. The driver's lock is held. */
static VOID IopCsqForget(PIRP Irp)
{
    PIO_CSQ_IRP_CONTEXT Context = Irp->Tail.Overlay.DriverContext[3];

    if (Context && Context->Type == IO_TYPE_CSQ_IRP_CONTEXT)
        Context->Irp = NULL;
    Irp->Tail.Overlay.DriverContext[3] = NULL;
}

static VOID NTAPI IopCsqCancel(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_CSQ Csq = IopCsqOf(Irp);
    KIRQL Irql;

    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Csq->CsqAcquireLock(Csq, &Irql);
    Csq->CsqRemoveIrp(Csq, Irp);
    IopCsqForget(Irp);
    Csq->CsqReleaseLock(Csq, Irql);
    Csq->CsqCompleteCanceledIrp(Csq, Irp);
}

static NTSTATUS IopCsqCallInsert(PIO_CSQ Csq, PIRP Irp, PVOID InsertContext)
{
    if (Csq->Type == IO_TYPE_CSQ_EX)
        return ((PIO_CSQ_INSERT_IRP_EX)(PVOID)Csq->CsqInsertIrp)(Csq, Irp, InsertContext);
    Csq->CsqInsertIrp(Csq, Irp);
    return STATUS_SUCCESS;
}

/* Puts a packet into the queue. FALSE: it was cancelled, and is off again. The lock is held. */
static BOOLEAN IopCsqArm(PIO_CSQ Csq, PIRP Irp)
{
    IoSetCancelRoutine(Irp, IopCsqCancel);
    if (!Irp->Cancel || IoSetCancelRoutine(Irp, NULL) == NULL)
        return TRUE; /* if cancelled, then its cancel routine is waiting for the lock */
    Csq->CsqRemoveIrp(Csq, Irp);
    IopCsqForget(Irp);
    return FALSE;
}

/*
 * Marks a packet pending and puts it into the queue (WDK: IoCsqInsertIrpEx). Context: by which
 * IoCsqRemoveIrp finds it. Returns what the driver's routine says; if that is an error the packet
 * is not in the queue and not pending. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI IoCsqInsertIrpEx(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context,
                                PVOID InsertContext)
{
    BOOLEAN Armed = TRUE;
    NTSTATUS Status;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    Status = IopCsqCallInsert(Csq, Irp, InsertContext);
    if (NT_SUCCESS(Status)) {
        if (Context)
            *Context = (IO_CSQ_IRP_CONTEXT){IO_TYPE_CSQ_IRP_CONTEXT, Irp, Csq};
        Irp->Tail.Overlay.DriverContext[3] = Context ? (PVOID)Context : Csq;
        IoMarkIrpPending(Irp);
        Armed = IopCsqArm(Csq, Irp);
    }
    Csq->CsqReleaseLock(Csq, Irql);
    if (!Armed)
        Csq->CsqCompleteCanceledIrp(Csq, Irp);
    return Status;
}

VOID NTAPI IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context)
{
    IoCsqInsertIrpEx(Csq, Irp, Context, NULL);
}

/* Takes a packet out, if it is not just being cancelled. The lock is held. */
static BOOLEAN IopCsqTake(PIO_CSQ Csq, PIRP Irp)
{
    if (IoSetCancelRoutine(Irp, NULL) == NULL)
        return FALSE;
    Csq->CsqRemoveIrp(Csq, Irp);
    IopCsqForget(Irp);
    return TRUE;
}

/* Takes the next packet of those that match (WDK: IoCsqRemoveNextIrp). NULL: none. */
PIRP NTAPI IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext)
{
    PIRP Irp = NULL;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    do {
        Irp = Csq->CsqPeekNextIrp(Csq, Irp, PeekContext);
    } while (Irp && !IopCsqTake(Csq, Irp));
    Csq->CsqReleaseLock(Csq, Irql);
    return Irp;
}

/* Takes the packet of a context (WDK: IoCsqRemoveIrp). NULL: it is not in the queue any more. */
PIRP NTAPI IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context)
{
    PIRP Irp;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    Irp = Context->Irp;
    if (Irp && !IopCsqTake(Csq, Irp))
        Irp = NULL;
    Csq->CsqReleaseLock(Csq, Irql);
    return Irp;
}
