/*
 * csq.sys: reads that wait. They stand in a queue, and each tick of a timer completes the first of
 * them, with the number of the tick.
 *
 * A driver that keeps a packet must be ready for it to be cancelled at any moment: by a program, by
 * the end of its thread, by the close of its file. Then two want to complete it, and exactly one
 * may. A cancel-safe queue gets that right: the driver says how its queue is locked, changed and
 * searched (the six routines below), and the system's IoCsq routines do the rest, cancel routine
 * and all (WDK: Cancel-Safe IRP Queues).
 *
 * What must hold:
 *
 *      A packet in Readers is marked pending, and is completed by whoever has taken it out.
 *      No file's reads stay in the queue after its cleanup.
 *      Lock guards Readers and each file's closed mark. No packet is completed with it held, for
 *      completing calls other drivers' code.
 */
#include <ntddk.h>
#include "csq.h"

DRIVER_INITIALIZE DriverEntry;

/* The device extension, in nonpaged memory: the DPC uses it. */
typedef struct _CSQ_EXTENSION {
    IO_CSQ Queue;
    KSPIN_LOCK Lock;
    LIST_ENTRY Readers; /* IRPs, by Tail.Overlay.ListEntry; the oldest first */
    KTIMER Timer;
    KDPC TickDpc;
    ULONG Ticks; /* the DPC's alone */
} CSQ_EXTENSION, *PCSQ_EXTENSION;

#define EXTENSION_OF(Csq) CONTAINING_RECORD(Csq, CSQ_EXTENSION, Queue)

/* FsContext belongs to the driver that a file is opened on: here it says that no read may wait any
   more. Only whether it is NULL matters. */
#define FILE_CLOSED ((PVOID)TRUE)

static NTSTATUS CsqComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* ---- The queue's six routines -----------------------------------------------------------------
 *
 * Insert, Remove and PeekNext are called with the lock held, so at DISPATCH_LEVEL.
 */

static VOID NTAPI CsqAcquireLock(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&EXTENSION_OF(Csq)->Lock, Irql);
}

static VOID NTAPI CsqReleaseLock(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&EXTENSION_OF(Csq)->Lock, Irql);
}

/* A failure keeps the packet out of the queue: its file had its cleanup just before the read came.
 */
static NTSTATUS NTAPI CsqInsert(PIO_CSQ Csq, PIRP Irp, PVOID InsertContext)
{
    UNREFERENCED_PARAMETER(InsertContext);
    if (IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext == FILE_CLOSED)
        return STATUS_FILE_CLOSED;
    InsertTailList(&EXTENSION_OF(Csq)->Readers, &Irp->Tail.Overlay.ListEntry);
    return STATUS_SUCCESS;
}

static VOID NTAPI CsqRemove(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* The first packet after Irp, or of all if that is NULL, of the file PeekContext or of any. */
static PIRP NTAPI CsqPeekNext(PIO_CSQ Csq, PIRP Irp, PVOID PeekContext)
{
    PLIST_ENTRY Head = &EXTENSION_OF(Csq)->Readers;
    PLIST_ENTRY Entry = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Head->Flink;

    for (; Entry != Head; Entry = Entry->Flink) {
        PIRP Next = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (PeekContext == NULL || IoGetCurrentIrpStackLocation(Next)->FileObject == PeekContext)
            return Next;
    }
    return NULL;
}

/* The packet was cancelled; it is off the queue, and the lock is not held. */
static VOID NTAPI CsqCompleteCancelled(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    CsqComplete(Irp, STATUS_CANCELLED, 0);
}

/* ---- The timer --------------------------------------------------------------------------------
 */

/*
 * A tick: the first packet that is not just being cancelled is ours. It was read with buffered I/O,
 * so its buffer is in system space: we are in the context of whichever thread was interrupted.
 * The DPC has been bound to one processor, so it does not run twice at once, and Ticks and the
 * order of completions need no lock of their own.
 */
static VOID NTAPI CsqTick(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PCSQ_EXTENSION Extension = Context;
    PIRP Irp;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    Extension->Ticks++;
    Irp = IoCsqRemoveNextIrp(&Extension->Queue, NULL);
    if (Irp == NULL)
        return;
    *(PULONG)Irp->AssociatedIrp.SystemBuffer = Extension->Ticks;
    CsqComplete(Irp, STATUS_SUCCESS, sizeof(ULONG));
}

/* Relative times are negative, in units of 100 ns (WDK: KeSetTimerEx). */
static NTSTATUS CsqSetPeriod(PCSQ_EXTENSION Extension, ULONG Milliseconds)
{
    LARGE_INTEGER Due;

    if (Milliseconds > MAXLONG)
        return STATUS_INVALID_PARAMETER;
    Due.QuadPart = -10000LL * Milliseconds;
    if (Milliseconds)
        KeSetTimerEx(&Extension->Timer, Due, (LONG)Milliseconds, &Extension->TickDpc);
    else
        KeCancelTimer(&Extension->Timer);
    return STATUS_SUCCESS;
}

/* ---- Dispatch routines ------------------------------------------------------------------------
 */

/*
 * Once the packet is in the queue it may be completed before the next instruction here: what is
 * returned is a constant. STATUS_PENDING goes with the mark that IoCsqInsertIrpEx has made, and
 * that mark is there too if the packet has been cancelled on its way into the queue.
 */
static NTSTATUS NTAPI CsqRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PCSQ_EXTENSION Extension = DeviceObject->DeviceExtension;
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;
    NTSTATUS Status;

    if (Length == 0)
        return CsqComplete(Irp, STATUS_SUCCESS, 0);
    if (Length < sizeof(ULONG))
        return CsqComplete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    Status = IoCsqInsertIrpEx(&Extension->Queue, Irp, NULL, NULL);
    return NT_SUCCESS(Status) ? STATUS_PENDING : CsqComplete(Irp, Status, 0);
}

static NTSTATUS NTAPI CsqControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);

    if (Location->Parameters.DeviceIoControl.IoControlCode != IOCTL_CSQ_SET_PERIOD)
        return CsqComplete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    if (Location->Parameters.DeviceIoControl.InputBufferLength < sizeof(ULONG))
        return CsqComplete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    return CsqComplete(
        Irp, CsqSetPeriod(DeviceObject->DeviceExtension, *(PULONG)Irp->AssociatedIrp.SystemBuffer),
        0);
}

/*
 * The file's last handle is closed: nobody will take what its reads bring, and while they wait the
 * file cannot be closed for good. First the mark, so that a read which is on its way now (in
 * another thread) is refused; then those that wait.
 */
static NTSTATUS NTAPI CsqCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PCSQ_EXTENSION Extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP Waiting;
    KIRQL OldIrql;

    KeAcquireSpinLock(&Extension->Lock, &OldIrql);
    File->FsContext = FILE_CLOSED;
    KeReleaseSpinLock(&Extension->Lock, OldIrql);
    while ((Waiting = IoCsqRemoveNextIrp(&Extension->Queue, File)) != NULL)
        CsqComplete(Waiting, STATUS_CANCELLED, 0);
    return CsqComplete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI CsqOpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CsqComplete(Irp, STATUS_SUCCESS, 0);
}

/* ---- Load and unload --------------------------------------------------------------------------
 */

/*
 * Every file has had its cleanup, so the queue is empty. What still runs is the timer: it is
 * stopped, and a DPC that it had queued before is waited for, before the memory of both goes.
 */
static VOID NTAPI CsqUnload(PDRIVER_OBJECT DriverObject)
{
    PCSQ_EXTENSION Extension = DriverObject->DeviceObject->DeviceExtension;
    UNICODE_STRING Link = RTL_CONSTANT_STRING(CSQ_LINK_NAME);

    IoDeleteSymbolicLink(&Link);
    KeCancelTimer(&Extension->Timer);
    KeFlushQueuedDpcs();
    NT_ASSERT(IsListEmpty(&Extension->Readers));
    IoDeleteDevice(DriverObject->DeviceObject);
}

/* Makes all that a request or a tick could use. */
static NTSTATUS CsqInitialize(PCSQ_EXTENSION Extension)
{
    KeInitializeSpinLock(&Extension->Lock);
    InitializeListHead(&Extension->Readers);
    KeInitializeTimer(&Extension->Timer);
    KeInitializeDpc(&Extension->TickDpc, CsqTick, Extension);
    KeSetTargetProcessorDpc(&Extension->TickDpc, 0);
    return IoCsqInitializeEx(&Extension->Queue, CsqInsert, CsqRemove, CsqPeekNext, CsqAcquireLock,
                             CsqReleaseLock, CsqCompleteCancelled);
}

/* The timer is started last: nothing has to be undone after it. */
NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(CSQ_DEVICE_NAME);
    UNICODE_STRING Link = RTL_CONSTANT_STRING(CSQ_LINK_NAME);
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = CsqOpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = CsqCleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = CsqOpenClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = CsqRead;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = CsqControl;
    DriverObject->DriverUnload = CsqUnload;
    Status = IoCreateDevice(DriverObject, sizeof(CSQ_EXTENSION), &Name, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Device->Flags |= DO_BUFFERED_IO;
    Status = CsqInitialize(Device->DeviceExtension);
    if (NT_SUCCESS(Status))
        Status = IoCreateSymbolicLink(&Link, &Name);
    if (NT_SUCCESS(Status))
        return CsqSetPeriod(Device->DeviceExtension, CSQ_FIRST_PERIOD_MS);
    IoDeleteDevice(Device);
    return Status;
}
