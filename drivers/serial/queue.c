/*
 * Packets that wait: cancel-safe queues (WDK: Cancel-Safe IRP Queues) with time-outs.
 *
 * The queue's IO_CSQ finds packets by a context: NULL the first, FINISHED the first that is
 * finished, else the first of a file object.
 */
#include "port.h"

#define FINISHED ((PVOID)1)

static KDEFERRED_ROUTINE SerialTimerDpc;

static PSERIAL_QUEUE SerialQueueOf(PIO_CSQ Csq)
{
    return CONTAINING_RECORD(Csq, SERIAL_QUEUE, Csq);
}

/* ---- What IoCsq calls ------------------------------------------------------------------------
 */

static VOID NTAPI SerialInsert(PIO_CSQ Csq, PIRP Irp)
{
    InsertTailList(&SerialQueueOf(Csq)->Packets, &Irp->Tail.Overlay.ListEntry);
}

/* The packet leaves, finished or not: the chip must not send from its buffer any more. */
static VOID NTAPI SerialRemove(PIO_CSQ Csq, PIRP Irp)
{
    PSERIAL_QUEUE Queue = SerialQueueOf(Csq);

    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    if (Queue->Begun != Irp)
        return;
    Queue->Begun = NULL;
    if (Queue == &Queue->Port->Writes)
        SerialLeftToSend(Queue->Port, TRUE);
}

static BOOLEAN SerialMatches(PIRP Irp, PVOID Context)
{
    if (Context == FINISHED)
        return Irp->IoStatus.Status != STATUS_PENDING;
    return Context == NULL || IoGetCurrentIrpStackLocation(Irp)->FileObject == Context;
}

static PIRP NTAPI SerialPeek(PIO_CSQ Csq, PIRP Irp, PVOID Context)
{
    PLIST_ENTRY Head = &SerialQueueOf(Csq)->Packets;
    PLIST_ENTRY Entry = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Head->Flink;

    for (; Entry != Head; Entry = Entry->Flink) {
        PIRP Next = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (SerialMatches(Next, Context))
            return Next;
    }
    return NULL;
}

static VOID NTAPI SerialAcquire(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&SerialQueueOf(Csq)->Port->Lock, Irql);
}

static VOID NTAPI SerialRelease(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&SerialQueueOf(Csq)->Port->Lock, Irql);
}

/* Completes a packet that nobody wants any more; one that was finished just before, as such. */
static VOID SerialAbandon(PIRP Irp)
{
    if (Irp->IoStatus.Status == STATUS_PENDING)
        SerialComplete(Irp, STATUS_CANCELLED, 0);
    else
        SerialComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

/* The one behind it may be the first now. */
static VOID NTAPI SerialCompleteCanceled(PIO_CSQ Csq, PIRP Irp)
{
    SerialAbandon(Irp);
    SerialRun(SerialQueueOf(Csq));
}

/* ---- What the driver calls -------------------------------------------------------------------
 */

VOID SerialInitializeQueue(PSERIAL_PORT Port, PSERIAL_QUEUE Queue, SERIAL_SERVE *Serve)
{
    Queue->Port = Port;
    Queue->Serve = Serve;
    InitializeListHead(&Queue->Packets);
    KeInitializeTimer(&Queue->Timer);
    KeInitializeDpc(&Queue->TimerDpc, SerialTimerDpc, Queue);
    IoCsqInitialize(&Queue->Csq, SerialInsert, SerialRemove, SerialPeek, SerialAcquire,
                    SerialRelease, SerialCompleteCanceled);
}

/* The first packet that is not finished; NULL: there is none. */
PIRP SerialFirst(PSERIAL_QUEUE Queue)
{
    PIRP Irp = SerialPeek(&Queue->Csq, NULL, NULL);

    while (Irp && Irp->IoStatus.Status != STATUS_PENDING)
        Irp = SerialPeek(&Queue->Csq, Irp, NULL);
    return Irp;
}

/* Works at the packets, and completes those that are finished. */
VOID SerialRun(PSERIAL_QUEUE Queue)
{
    KIRQL OldIrql;
    PIRP Irp;

    KeAcquireSpinLock(&Queue->Port->Lock, &OldIrql);
    Queue->Serve(Queue->Port);
    KeReleaseSpinLock(&Queue->Port->Lock, OldIrql);
    while ((Irp = IoCsqRemoveNextIrp(&Queue->Csq, FINISHED)) != NULL)
        SerialComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

/* Puts a packet into the queue, which marks it pending, and begins with it if it is the first. */
NTSTATUS SerialQueue(PSERIAL_QUEUE Queue, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_PENDING;
    Irp->IoStatus.Information = 0;
    IoCsqInsertIrp(&Queue->Csq, Irp, NULL);
    SerialRun(Queue);
    return STATUS_PENDING;
}

VOID SerialCancelAll(PSERIAL_QUEUE Queue, PFILE_OBJECT File)
{
    PIRP Irp;

    while ((Irp = IoCsqRemoveNextIrp(&Queue->Csq, File)) != NULL)
        SerialAbandon(Irp);
    SerialRun(Queue);
}

/* Nothing of the queue runs any more when this returns. */
VOID SerialStopQueue(PSERIAL_QUEUE Queue)
{
    KeCancelTimer(&Queue->Timer);
    KeFlushQueuedDpcs();
}

/* ---- Time-outs --------------------------------------------------------------------------------
 */

/* Sets the timer for the first packet, to the earlier of its deadlines. */
VOID SerialSetTimer(PSERIAL_QUEUE Queue)
{
    ULONGLONG Due = min(Queue->Deadline, Queue->Between), Now = KeQueryInterruptTime();
    LARGE_INTEGER Time;

    if (Due == NO_DEADLINE) {
        KeCancelTimer(&Queue->Timer);
        return;
    }
    Time.QuadPart = Due > Now ? -(LONGLONG)(Due - Now) : 0;
    KeSetTimer(&Queue->Timer, Time, &Queue->TimerDpc);
}

/* The DPC may be late, and the timer have been set anew since: so the deadline decides. */
static VOID NTAPI SerialTimerDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PSERIAL_QUEUE Queue = Context;
    PSERIAL_PORT Port = Queue->Port;
    PIRP Irp;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeAcquireSpinLockAtDpcLevel(&Port->Lock);
    Queue->Serve(Port); /* what is there now counts */
    Irp = SerialFirst(Queue);
    if (Irp && KeQueryInterruptTime() >= min(Queue->Deadline, Queue->Between)) {
        if (Queue == &Port->Writes)
            Irp->IoStatus.Information = SerialLengthOf(Irp) - SerialLeftToSend(Port, TRUE);
        Irp->IoStatus.Status = STATUS_TIMEOUT;
    }
    KeReleaseSpinLockFromDpcLevel(&Port->Lock);
    SerialRun(Queue);
}
