/*
 * The buffers of a request, in the four ways that a device can have them (WDK: Buffer Descriptions
 * for I/O Control Codes, Methods for Accessing Data Buffers).
 *
 *      METHOD_BUFFERED     one system buffer: the input, then the output, which is copied back
 *      METHOD_IN_DIRECT    input in a system buffer; an MDL of the other buffer, to be read
 *      METHOD_OUT_DIRECT   the same, to be written
 *      METHOD_NEITHER      the requester's own addresses, unchecked
 *
 * All of this is in the requester's context. A packet made here carries in AuxiliaryBuffer how much
 * may be copied back: a driver that claims to have returned more than there was room for must not
 * give other memory away.
 */
#include "kernel/ex/capture.h"
#include "kernel/io/io.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

#define TAG_BUFFER 'fuBI'

static NTSTATUS IopFetch(PIRP Irp, PVOID To, const VOID *From, SIZE_T Bytes)
{
    if (Irp->RequestorMode != KernelMode)
        return ExCopyFromUser(To, From, Bytes);
    memcpy(To, From, Bytes);
    return STATUS_SUCCESS;
}

NTSTATUS IopStore(PIRP Irp, PVOID To, const VOID *From, SIZE_T Bytes)
{
    if (Irp->RequestorMode != KernelMode)
        return ExCopyToUser(To, From, Bytes);
    memcpy(To, From, Bytes);
    return STATUS_SUCCESS;
}

/* The system buffer, with the input in it. */
static NTSTATUS IopSetSystemBuffer(PIRP Irp, const IOP_BUFFERS *Buffers, ULONG Length)
{
    PVOID Buffer;

    if (Length == 0)
        return STATUS_SUCCESS;
    Buffer = ExAllocatePoolWithTag(NonPagedPool, Length, TAG_BUFFER);
    if (Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Irp->AssociatedIrp.SystemBuffer = Buffer;
    Irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    /* What is not input is cleared: no driver can give old pool contents away by mistake. */
    memset((PUCHAR)Buffer + Buffers->InLength, 0, Length - Buffers->InLength);
    return IopFetch(Irp, Buffer, Buffers->In, Buffers->InLength);
}

/* The MDL of a direct transfer, its pages locked. */
static NTSTATUS IopSetMdl(PIRP Irp, PVOID Buffer, ULONG Length, LOCK_OPERATION Operation)
{
    if (Length == 0)
        return STATUS_SUCCESS;
    if (IoAllocateMdl(Buffer, Length, FALSE, FALSE, Irp) == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    return MmTryToLockPages(Irp->MdlAddress, Irp->RequestorMode, Operation);
}

/*
 * Gives a packet its buffers. On failure what it has got already is freed with it
 * (IopAbandonIrp). STATUS_ACCESS_VIOLATION, STATUS_INSUFFICIENT_RESOURCES.
 */
NTSTATUS IopSetBuffers(PIRP Irp, const IOP_BUFFERS *Buffers, ULONG Method)
{
    NTSTATUS Status;

    Irp->UserBuffer = Buffers->Out;
    if (Method == METHOD_NEITHER)
        return STATUS_SUCCESS;
    if (Method == METHOD_BUFFERED) {
        if (Buffers->OutLength) {
            Irp->Flags |= IRP_INPUT_OPERATION;
            Irp->Tail.Overlay.AuxiliaryBuffer = (PCHAR)(ULONG_PTR)Buffers->OutLength;
        }
        return IopSetSystemBuffer(Irp, Buffers, max(Buffers->InLength, Buffers->OutLength));
    }
    Status = IopSetSystemBuffer(Irp, Buffers, Buffers->InLength);
    if (!NT_SUCCESS(Status))
        return Status;
    return IopSetMdl(Irp, Buffers->Out, Buffers->OutLength,
                     Method == METHOD_OUT_DIRECT ? IoWriteAccess : IoReadAccess);
}

/* IRQL <= DISPATCH_LEVEL. */
VOID IopUnlockMdls(PIRP Irp)
{
    PMDL Mdl;

    for (Mdl = Irp->MdlAddress; Mdl; Mdl = Mdl->Next) {
        if (Mdl->MdlFlags & MDL_PAGES_LOCKED)
            MmUnlockPages(Mdl);
    }
}

VOID IopFreeMdls(PIRP Irp)
{
    PMDL Mdl;

    while ((Mdl = Irp->MdlAddress) != NULL) {
        Irp->MdlAddress = Mdl->Next;
        IoFreeMdl(Mdl);
    }
}

/*
 * Gives the requester what a buffered transfer has brought, and frees what was made for the
 * request. The status becomes STATUS_ACCESS_VIOLATION if the requester's buffer is gone. Limit 0:
 * a driver has made the buffers, and knows. Returns the status. IRQL <= APC_LEVEL.
 */
NTSTATUS IopReturnBuffers(PIRP Irp, ULONG Limit)
{
    PIO_STATUS_BLOCK Iosb = &Irp->IoStatus;
    PVOID Buffer = Irp->AssociatedIrp.SystemBuffer;

    if ((Irp->Flags & IRP_BUFFERED_IO) && (Irp->Flags & IRP_INPUT_OPERATION) && Buffer &&
        !NT_ERROR(Iosb->Status)) {
        SIZE_T Bytes = Limit ? min(Iosb->Information, Limit) : Iosb->Information;
        NTSTATUS Status = IopStore(Irp, Irp->UserBuffer, Buffer, Bytes);
        if (!NT_SUCCESS(Status))
            Iosb->Status = Status;
    }
    if ((Irp->Flags & IRP_DEALLOCATE_BUFFER) && Buffer)
        ExFreePool(Buffer);
    IopFreeMdls(Irp);
    return Iosb->Status;
}

/* Frees a packet that has not been sent. */
VOID IopAbandonIrp(PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_CANCELLED;
    IopUnlockMdls(Irp);
    IopReturnBuffers(Irp, 0);
    IoFreeIrp(Irp);
}
