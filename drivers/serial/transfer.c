/*
 * What is done with the packets of the three queues. Each routine is called with Lock held, at
 * DISPATCH_LEVEL, whenever something has happened: a packet has come or gone, the chip has
 * interrupted, time has passed. It does what can be done now.
 */
#include "port.h"

#define MILLISECOND 10000ULL /* in units of 100 ns */

ULONG SerialLengthOf(PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    switch (Stack->MajorFunction) {
    case IRP_MJ_READ:
        return Stack->Parameters.Read.Length;
    case IRP_MJ_WRITE:
        return Stack->Parameters.Write.Length;
    default:
        return 0; /* a flush */
    }
}

/* When a packet of so many bytes will have taken too long. Two zeros: never. */
static ULONGLONG SerialDeadline(ULONG Constant, ULONG Multiplier, ULONG Length)
{
    ULONGLONG Total = Constant + (ULONGLONG)Multiplier * Length;

    return Total ? KeQueryInterruptTime() + Total * MILLISECOND : NO_DEADLINE;
}

/* ---- Reads ------------------------------------------------------------------------------------
 */

/* Whether a read takes what there is and does not wait for more (WDK: SERIAL_TIMEOUTS). */
static BOOLEAN SerialTakesWhatIsThere(PSERIAL_PORT Port, ULONG Bytes)
{
    PSERIAL_TIMEOUTS Timeouts = &Port->Timeouts;

    if (Timeouts->ReadIntervalTimeout != MAXULONG)
        return FALSE;
    if (Timeouts->ReadTotalTimeoutMultiplier == 0 && Timeouts->ReadTotalTimeoutConstant == 0)
        return TRUE;
    return Timeouts->ReadTotalTimeoutMultiplier == MAXULONG && Bytes != 0;
}

static VOID SerialBeginRead(PSERIAL_PORT Port, PIRP Irp)
{
    PSERIAL_TIMEOUTS Timeouts = &Port->Timeouts;
    ULONG Multiplier = Timeouts->ReadTotalTimeoutMultiplier;

    Port->Reads.Begun = Irp;
    Port->Reads.Between = NO_DEADLINE;
    if (Multiplier == MAXULONG) /* for the first byte, however many are wanted */
        Multiplier = 0;
    Port->Reads.Deadline =
        SerialDeadline(Timeouts->ReadTotalTimeoutConstant, Multiplier, SerialLengthOf(Irp));
    SerialSetTimer(&Port->Reads);
}

/* A byte has come: the next one has that long. */
static VOID SerialAwaitNextByte(PSERIAL_PORT Port)
{
    ULONG Interval = Port->Timeouts.ReadIntervalTimeout;

    if (Interval == 0 || Interval == MAXULONG)
        return;
    Port->Reads.Between = KeQueryInterruptTime() + Interval * MILLISECOND;
    SerialSetTimer(&Port->Reads);
}

VOID SerialServeReads(PSERIAL_PORT Port)
{
    PIRP Irp;

    while ((Irp = SerialFirst(&Port->Reads)) != NULL) {
        ULONG Length = SerialLengthOf(Irp), Done = (ULONG)Irp->IoStatus.Information, Bytes;
        if (Port->Reads.Begun != Irp)
            SerialBeginRead(Port, Irp);
        Bytes =
            SerialTakeBytes(Port, (PUCHAR)Irp->AssociatedIrp.SystemBuffer + Done, Length - Done);
        Irp->IoStatus.Information += Bytes;
        if (Done + Bytes < Length && !SerialTakesWhatIsThere(Port, Done + Bytes)) {
            if (Bytes)
                SerialAwaitNextByte(Port);
            return;
        }
        Irp->IoStatus.Status = STATUS_SUCCESS;
    }
}

/* ---- Writes and flushes ----------------------------------------------------------------------
 */

static VOID SerialBeginWrite(PSERIAL_PORT Port, PIRP Irp)
{
    ULONG Length = SerialLengthOf(Irp);

    Port->Writes.Begun = Irp;
    Port->Writes.Between = NO_DEADLINE;
    Port->Writes.Deadline = SerialDeadline(Port->Timeouts.WriteTotalTimeoutConstant,
                                           Port->Timeouts.WriteTotalTimeoutMultiplier, Length);
    if (Length == 0)
        return;
    SerialStartSending(Port, Irp->AssociatedIrp.SystemBuffer, Length);
    SerialSetTimer(&Port->Writes);
}

/* A flush is a write of nothing: when its turn comes, all before it has been given to the chip. */
VOID SerialServeWrites(PSERIAL_PORT Port)
{
    PIRP Irp;

    while ((Irp = SerialFirst(&Port->Writes)) != NULL) {
        ULONG Left;
        if (Port->Writes.Begun != Irp)
            SerialBeginWrite(Port, Irp);
        Left = SerialLeftToSend(Port, FALSE);
        Irp->IoStatus.Information = SerialLengthOf(Irp) - Left;
        if (Left)
            return;
        Irp->IoStatus.Status = STATUS_SUCCESS;
    }
}

/* ---- Waits for an event ----------------------------------------------------------------------
 */

/* Ends a wait. Events: SERIAL_EV_xxx; none: the mask has been changed. */
VOID SerialEndWait(PSERIAL_PORT Port, PIRP Irp, ULONG Events)
{
    *(PULONG)Irp->AssociatedIrp.SystemBuffer = Events;
    Irp->IoStatus.Information = sizeof Events;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Port->Waits.Begun = NULL;
}

/* Begun is the one that waits. Others are refused, and all if there is nothing to wait for (WDK:
 * IOCTL_SERIAL_WAIT_ON_MASK). */
VOID SerialServeWaits(PSERIAL_PORT Port)
{
    PLIST_ENTRY Head = &Port->Waits.Packets, Entry;
    ULONG Events;

    for (Entry = Head->Flink; Entry != Head; Entry = Entry->Flink) {
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (Irp->IoStatus.Status != STATUS_PENDING)
            continue;
        if (Port->WaitMask == 0 || (Port->Waits.Begun && Port->Waits.Begun != Irp)) {
            Irp->IoStatus.Status = STATUS_INVALID_PARAMETER;
            continue;
        }
        Port->Waits.Begun = Irp;
        Events = SerialTakeEvents(Port, Port->WaitMask);
        if (Events)
            SerialEndWait(Port, Irp, Events);
    }
}

/* The chip has interrupted. */
VOID NTAPI SerialDpc(PKDPC Dpc, PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PSERIAL_PORT Port = DeviceObject->DeviceExtension;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Irp);
    UNREFERENCED_PARAMETER(Context);
    SerialRun(&Port->Reads);
    SerialRun(&Port->Writes);
    SerialRun(&Port->Waits);
}
