/*
 * Cancelling: of one packet, and of those of a thread.
 *
 * The system has one cancel spin lock; a cancel routine is called with it held and lets it go. The
 * exchange of CancelRoutine says who completes a packet: whoever got the routine's address out.
 *
 * A thread's list of packets (ETHREAD.IrpList) has those whose second stage runs in it. Only the
 * thread itself touches it, at APC_LEVEL: the second stage is an APC of its own.
 */
#include "kernel/io/io.h"
#include "kernel/ps/ps.h"
#include "kernel/services.h"
#include "sched/sched.h"

static KSPIN_LOCK IopCancelLock;

VOID NTAPI IoAcquireCancelSpinLock(PKIRQL Irql)
{
    KeAcquireSpinLock(&IopCancelLock, Irql);
}

VOID NTAPI IoReleaseCancelSpinLock(KIRQL Irql)
{
    KeReleaseSpinLock(&IopCancelLock, Irql);
}

/*
 * Asks for a packet to be cancelled (WDK: IoCancelIrp). TRUE: its driver's cancel routine has been
 * called, with the cancel spin lock held, and has released it. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI IoCancelIrp(PIRP Irp)
{
    PDRIVER_CANCEL Routine;
    KIRQL Irql;

    IoAcquireCancelSpinLock(&Irql);
    Irp->Cancel = TRUE;
    Routine = IoSetCancelRoutine(Irp, NULL);
    if (Routine == NULL) {
        IoReleaseCancelSpinLock(Irql);
        return FALSE;
    }
    /* A driver that has completed it must have taken the routine back before. */
    if (Irp->CurrentLocation > Irp->StackCount + 1)
        KeBugCheckEx(CANCEL_STATE_IN_COMPLETED_IRP, (ULONG_PTR)Irp, (ULONG_PTR)Routine, 0, 0);
    Irp->CancelIrql = Irql;
    Routine(IoGetCurrentIrpStackLocation(Irp)->DeviceObject, Irp);
    return TRUE;
}

/* Makes a packet the current thread's (WDK: IoQueueThreadIrp). IRQL <= APC_LEVEL. */
VOID NTAPI IoQueueThreadIrp(PIRP Irp)
{
    PETHREAD Thread = (PETHREAD)KiGetCurrentThread();
    KIRQL OldIrql = KfRaiseIrql(APC_LEVEL);

    InsertHeadList(&Thread->IrpList, &Irp->ThreadListEntry);
    KfLowerIrql(OldIrql);
}

/* The packet has ended: whoever waits for that looks again. IRQL: APC_LEVEL. */
VOID IopForgetThreadIrp(PIRP Irp)
{
    PETHREAD Thread = (PETHREAD)KiGetCurrentThread();

    RemoveEntryList(&Irp->ThreadListEntry);
    InitializeListHead(&Irp->ThreadListEntry);
    if (Thread->IrpEnded)
        KeSetEvent(Thread->IrpEnded, IO_NO_INCREMENT, FALSE);
}

/*
 * Asks for the thread's packets of a file, or all, to be cancelled. FALSE: there is none. One whose
 * first stage is over is only waiting for us to lower IRQL; its file has been overwritten by the
 * APC.
 */
static BOOLEAN IopCancelOnce(PETHREAD Thread, PFILE_OBJECT File)
{
    PLIST_ENTRY Entry;
    BOOLEAN Found = FALSE;
    KIRQL OldIrql = KfRaiseIrql(APC_LEVEL);

    for (Entry = Thread->IrpList.Flink; Entry != &Thread->IrpList; Entry = Entry->Flink) {
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, ThreadListEntry);
        if (File && Irp->CurrentLocation <= Irp->StackCount + 1 &&
            Irp->Tail.Overlay.OriginalFileObject != File)
            continue;
        Found = TRUE;
        if (!Irp->Cancel)
            IoCancelIrp(Irp);
    }
    KfLowerIrql(OldIrql);
    return Found;
}

/* Cancels the current thread's packets of a file, or all, and waits until they have ended. */
static VOID IopCancelThreadIrps(PFILE_OBJECT File)
{
    PETHREAD Thread = (PETHREAD)KiGetCurrentThread();
    KEVENT Ended;

    KeInitializeEvent(&Ended, SynchronizationEvent, FALSE);
    Thread->IrpEnded = &Ended;
    while (IopCancelOnce(Thread, File))
        KeWaitForSingleObject(&Ended, Executive, KernelMode, FALSE, NULL);
    Thread->IrpEnded = NULL;
}

/* The current thread is ending. It lives until the last of its packets has ended. */
VOID IoCancelThreadIo(VOID)
{
    if (!IsListEmpty(&((PETHREAD)KiGetCurrentThread())->IrpList))
        IopCancelThreadIrps(NULL);
}

/* Cancels what the calling thread has asked of a file (WDK: NtCancelIoFile). */
NTSTATUS NTAPI NtCancelIoFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
    IO_STATUS_BLOCK Iosb = {{STATUS_SUCCESS}, 0};
    PFILE_OBJECT File;
    NTSTATUS Status = ExProbeOut(IoStatusBlock, sizeof Iosb);

    if (NT_SUCCESS(Status))
        Status =
            ObReferenceObjectByHandle(FileHandle, 0, *IoFileObjectType,
                                      KiGetCurrentThread()->PreviousMode, (PVOID *)&File, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    IopCancelThreadIrps(File);
    ObDereferenceObject(File);
    return ExCopyOut(IoStatusBlock, &Iosb, sizeof Iosb);
}
