/*
 * The console: \Device\Console, also \??\CON. Writing puts text on the log's two outputs; reading
 * gives lines that were typed at COM1, echoed, with backspace. A small driver with all the parts
 * that a driver for an interrupting device has: service routine, DPC, a queue of pended packets.
 *
 * IopInputLock guards the line, the received characters and the queue. The service routine only
 * asks for the DPC; the DPC empties the port.
 */
#include "kernel/hal/hal.h"
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define COM1_IRQ    4
#define LINE_BYTES  256
#define INPUT_BYTES 1024
#define BACKSPACE   '\b'
#define RUBOUT      0x7F

static KSPIN_LOCK IopInputLock;
static LIST_ENTRY IopReaders = {&IopReaders, &IopReaders}; /* IRP.Tail.Overlay.ListEntry */
static CHAR IopLine[LINE_BYTES];                           /* being typed */
static ULONG IopLineLength;
static CHAR IopInput[INPUT_BYTES]; /* complete lines that nobody has read yet */
static ULONG IopInputLength;
static KDPC IopInputDpc;
static PKINTERRUPT IopInterrupt;

static NTSTATUS IopConsoleComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI IopConsoleOpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return IopConsoleComplete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI IopConsoleWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length, Done, Piece;

    UNREFERENCED_PARAMETER(DeviceObject);
    for (Done = 0; Done < Length; Done += Piece) { /* interrupts are disabled for a piece only */
        Piece = min(Length - Done, LINE_BYTES);
        KdPutString((PCHAR)Irp->AssociatedIrp.SystemBuffer + Done, Piece);
    }
    return IopConsoleComplete(Irp, STATUS_SUCCESS, Length);
}

/* Moves up to a line of input to a buffer. Returns its length; 0: there is none. Lock held. */
static ULONG IopTakeInput(PCHAR Buffer, ULONG Room)
{
    ULONG Length = 0;

    while (Length < IopInputLength && Length < Room) {
        Buffer[Length] = IopInput[Length];
        if (IopInput[Length++] == '\n')
            break;
    }
    IopInputLength -= Length;
    memmove(IopInput, IopInput + Length, IopInputLength);
    return Length;
}

/* A reader's thread is ending: its packet leaves the queue. Called with the cancel lock held. */
static VOID NTAPI IopConsoleCancel(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KeAcquireSpinLock(&IopInputLock, &OldIrql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&IopInputLock, OldIrql);
    IopConsoleComplete(Irp, STATUS_CANCELLED, 0);
}

/* Pends a reader's packet. FALSE: it has been cancelled before it could be. Lock held. */
static BOOLEAN IopQueueReader(PIRP Irp)
{
    IoSetCancelRoutine(Irp, IopConsoleCancel);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL))
        return FALSE;
    IoMarkIrpPending(Irp);
    InsertTailList(&IopReaders, &Irp->Tail.Overlay.ListEntry);
    return TRUE;
}

static NTSTATUS NTAPI IopConsoleRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    ULONG Room = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length, Length = 0;
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Room == 0)
        return IopConsoleComplete(Irp, STATUS_SUCCESS, 0);
    KeAcquireSpinLock(&IopInputLock, &OldIrql);
    if (IsListEmpty(&IopReaders))
        Length = IopTakeInput(Irp->AssociatedIrp.SystemBuffer, Room);
    if (Length == 0)
        Status = IopQueueReader(Irp) ? STATUS_PENDING : STATUS_CANCELLED;
    KeReleaseSpinLock(&IopInputLock, OldIrql);
    return Status == STATUS_PENDING ? Status : IopConsoleComplete(Irp, Status, Length);
}

static BOOLEAN NTAPI IopConsoleInterrupt(PKINTERRUPT Interrupt, PVOID Context)
{
    UNREFERENCED_PARAMETER(Interrupt);
    UNREFERENCED_PARAMETER(Context);
    KeInsertQueueDpc(&IopInputDpc, NULL, NULL);
    return TRUE;
}

/* The line is complete: it becomes input, as far as there is room. Lock held. */
static VOID IopEndLine(VOID)
{
    ULONG Length = min(IopLineLength, INPUT_BYTES - IopInputLength);

    memcpy(IopInput + IopInputLength, IopLine, Length);
    IopInputLength += Length;
    IopLineLength = 0;
}

/* One typed character: edits the line and echoes. Lock held. */
static VOID IopTyped(CHAR Character)
{
    if (Character == BACKSPACE || Character == RUBOUT) {
        if (IopLineLength) {
            IopLineLength--;
            KdPutString("\b \b", 3);
        }
        return;
    }
    if (Character == '\r')
        Character = '\n';
    if (IopLineLength == LINE_BYTES - 1 && Character != '\n')
        return;
    IopLine[IopLineLength++] = Character;
    KdPutString(&Character, 1);
    if (Character == '\n')
        IopEndLine();
}

/* The first waiting reader that is not just being cancelled, out of the queue. Lock held. */
static PIRP IopTakeReader(VOID)
{
    while (!IsListEmpty(&IopReaders)) {
        PIRP Irp = CONTAINING_RECORD(RemoveHeadList(&IopReaders), IRP, Tail.Overlay.ListEntry);
        if (IoSetCancelRoutine(Irp, NULL))
            return Irp;
        InitializeListHead(&Irp->Tail.Overlay.ListEntry); /* its cancel routine removes it, too */
    }
    return NULL;
}

/* Gives input to the first waiting reader. NULL: no reader or no input. Lock held. */
static PIRP IopServeReader(VOID)
{
    PIRP Irp = IopInputLength ? IopTakeReader() : NULL;

    if (Irp == NULL)
        return NULL;
    Irp->IoStatus.Information = IopTakeInput(
        Irp->AssociatedIrp.SystemBuffer, IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length);
    return Irp;
}

static VOID NTAPI IopConsoleDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    CHAR Character;
    PIRP Irp;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    do {
        KeAcquireSpinLockAtDpcLevel(&IopInputLock);
        while (HalpSerialRead(&Character))
            IopTyped(Character);
        Irp = IopServeReader();
        KeReleaseSpinLockFromDpcLevel(&IopInputLock);
        if (Irp) /* not under the lock: completing calls other people's code */
            IopConsoleComplete(Irp, STATUS_SUCCESS, Irp->IoStatus.Information);
    } while (Irp);
}

static NTSTATUS IopConsoleConnect(VOID)
{
    KAFFINITY Affinity;
    KIRQL Irql;
    ULONG Vector = HalGetInterruptVector(Isa, 0, COM1_IRQ, COM1_IRQ, &Irql, &Affinity);
    NTSTATUS Status;

    KeInitializeSpinLock(&IopInputLock);
    KeInitializeDpc(&IopInputDpc, IopConsoleDpc, NULL);
    Status = IoConnectInterrupt(&IopInterrupt, IopConsoleInterrupt, NULL, NULL, Vector, Irql, Irql,
                                Latched, FALSE, Affinity, FALSE);
    if (NT_SUCCESS(Status)) {
        HalpSerialEnableReceive();
        KeInsertQueueDpc(&IopInputDpc, NULL, NULL); /* for what came before */
    }
    return Status;
}

static NTSTATUS NTAPI IopConsoleEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name, Link;
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    RtlInitUnicodeString(&Name, L"\\Device\\Console");
    RtlInitUnicodeString(&Link, L"\\DosDevices\\CON");
    Status = IoCreateDevice(Driver, 0, &Name, FILE_DEVICE_CONSOLE, 0, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = IopConsoleOpenClose;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = IopConsoleOpenClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = IopConsoleOpenClose;
    Driver->MajorFunction[IRP_MJ_READ] = IopConsoleRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = IopConsoleWrite;
    Status = IoCreateSymbolicLink(&Link, &Name);
    return NT_SUCCESS(Status) ? IopConsoleConnect() : Status;
}

NTSTATUS IopInitializeConsole(VOID)
{
    return IopCreateDriver(L"Console", IopConsoleEntry, NULL, NULL);
}
