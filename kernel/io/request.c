/*
 * What the services for files have in common: a caller's request becomes a packet, is sent, and
 * waited for or not.
 *
 * On a file that was opened for synchronous I/O requests come one after the other
 * (FILE_OBJECT.Lock) and the service waits. On another one it returns STATUS_PENDING if the driver
 * does, and the second stage of the completion does the rest (complete.c). Either way the
 * references to file and event are the packet's from when it is sent, and the second stage drops
 * them.
 */
#include "kernel/io/request.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

/*
 * Sends a packet and waits until its first stage is over, however the driver does it. If the
 * thread is told to end meanwhile, or is alerted, the packet is cancelled. What is to be copied
 * back is copied by the caller.
 */
static VOID IopSendAndWait(PDEVICE_OBJECT Device, PIRP Irp, KPROCESSOR_MODE Mode, BOOLEAN Alertable)
{
    KEVENT Done;
    NTSTATUS Status;

    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    Irp->UserEvent = &Done;
    Irp->AllocationFlags |= IOP_IRP_WAITED;
    IofCallDriver(Device, Irp);
    /* (A driver that forgets to lower IRQL is caught on the service's way out, if not here.) */
    if (KiGetCurrentIrql() >= DISPATCH_LEVEL && KeReadStateEvent(&Done))
        return;
    Status = KeWaitForSingleObject(&Done, Executive, Mode, Alertable, NULL);
    if (Status == STATUS_USER_APC || Status == STATUS_ALERTED) {
        IoCancelIrp(Irp);
        KeWaitForSingleObject(&Done, Executive, KernelMode, FALSE, NULL);
    }
}

/* The same for a packet of the I/O manager's own; it is gone on return. */
NTSTATUS IopCallAndWait(PDEVICE_OBJECT Device, PIRP Irp, PIO_STATUS_BLOCK Iosb,
                        KPROCESSOR_MODE Mode)
{
    IopSendAndWait(Device, Irp, Mode, FALSE);
    *Iosb = Irp->IoStatus;
    IoFreeIrp(Irp);
    return Iosb->Status;
}

static NTSTATUS IopLockFile(IOP_REQUEST *Request)
{
    PFILE_OBJECT File = Request->File;
    NTSTATUS Status;

    if (!(File->Flags & FO_SYNCHRONOUS_IO))
        return STATUS_SUCCESS;
    Status = KeWaitForSingleObject(&File->Lock, Executive, Request->Mode,
                                   (File->Flags & FO_ALERTABLE_IO) != 0, NULL);
    if (Status != STATUS_SUCCESS)
        return Status == STATUS_ALERTED ? Status : STATUS_CANCELLED;
    Request->Locked = TRUE;
    return STATUS_SUCCESS;
}

static VOID IopUnlockFile(IOP_REQUEST *Request)
{
    if (Request->Locked)
        KeSetEvent(&Request->File->Lock, IO_NO_INCREMENT, FALSE);
}

/* Ends a request whose packet has not been sent. */
NTSTATUS IopEndRequest(IOP_REQUEST *Request, NTSTATUS Status)
{
    if (Request->Irp)
        IopAbandonIrp(Request->Irp);
    if (Request->Event)
        ObDereferenceObject(Request->Event);
    IopUnlockFile(Request);
    ObDereferenceObject(Request->File);
    return Status;
}

static NTSTATUS IopReferenceRequest(IOP_REQUEST *Request, HANDLE FileHandle, HANDLE EventHandle,
                                    ACCESS_MASK Access)
{
    OBJECT_HANDLE_INFORMATION Information = {0};
    NTSTATUS Status =
        ObReferenceObjectByHandle(FileHandle, Access, *IoFileObjectType, Request->Mode,
                                  (PVOID *)&Request->File, &Information);

    Request->Granted = Information.GrantedAccess;
    if (!NT_SUCCESS(Status) || EventHandle == NULL)
        return Status;
    Status = ObReferenceObjectByHandle(EventHandle, EVENT_MODIFY_STATE, *ExEventObjectType,
                                       Request->Mode, (PVOID *)&Request->Event, NULL);
    if (!NT_SUCCESS(Status))
        ObDereferenceObject(Request->File);
    return Status;
}

/*
 * References the file and the event of a request, checks where its status is to go, and waits for
 * its turn. IRQL: PASSIVE_LEVEL. On success it ends with IopSendRequest or IopEndRequest.
 */
NTSTATUS IopBeginRequest(IOP_REQUEST *Request, HANDLE FileHandle, HANDLE EventHandle,
                         ACCESS_MASK Access)
{
    NTSTATUS Status = ExProbeOut(Request->UserIosb, sizeof(IO_STATUS_BLOCK));

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Request->Mode = KiGetCurrentThread()->PreviousMode;
    if (NT_SUCCESS(Status))
        Status = IopReferenceRequest(Request, FileHandle, EventHandle, Access);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopLockFile(Request);
    if (!NT_SUCCESS(Status))
        return IopEndRequest(Request, Status);
    Request->Device = IoGetRelatedDeviceObject(Request->File);
    if (Request->Event)
        KeClearEvent(Request->Event);
    KeClearEvent(&Request->File->Event);
    return STATUS_SUCCESS;
}

/* Allocates the packet, for the function in its first location. */
NTSTATUS IopMakePacket(IOP_REQUEST *Request, UCHAR MajorFunction)
{
    Request->Irp = IopBuildIrp(Request->File, Request->Device, MajorFunction, &Request->Stack);
    if (Request->Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Request->Irp->UserIosb = Request->UserIosb;
    Request->Irp->Overlay.AsynchronousParameters.UserApcRoutine = Request->ApcRoutine;
    Request->Irp->Overlay.AsynchronousParameters.UserApcContext = Request->ApcContext;
    return STATUS_SUCCESS;
}

static NTSTATUS IopSendSynchronously(IOP_REQUEST *Request)
{
    PFILE_OBJECT File = Request->File;
    PIRP Irp = Request->Irp;
    NTSTATUS Status;
    KIRQL OldIrql;

    ObReferenceObject(File); /* for its lock */
    IopSendAndWait(Request->Device, Irp, Request->Mode, (File->Flags & FO_ALERTABLE_IO) != 0);
    if (KeGetCurrentIrql() > APC_LEVEL)
        return STATUS_SUCCESS; /* the driver forgot to lower it: 4A at the end of the service */
    Irp->UserEvent = Request->Event;
    OldIrql = KfRaiseIrql(APC_LEVEL);
    Status = IopCompleteInThread(Irp, File, (ULONG)(ULONG_PTR)Irp->Tail.Overlay.AuxiliaryBuffer);
    KfLowerIrql(OldIrql);
    IopUnlockFile(Request);
    ObDereferenceObject(File);
    return Status;
}

/* Sends a request's packet. The request is over, but for the packet. */
NTSTATUS IopSendRequest(IOP_REQUEST *Request)
{
    if (Request->Locked)
        return IopSendSynchronously(Request);
    Request->Irp->UserEvent = Request->Event;
    IoQueueThreadIrp(Request->Irp);
    return IofCallDriver(Request->Device, Request->Irp);
}
