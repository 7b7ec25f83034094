/*
 * Where a request's data is, by the four methods (WDK: Buffer Descriptions for I/O Control Codes,
 * Methods for Accessing Data Buffers). All of it is decided by the I/O manager before the driver is
 * called: for reads and writes by the device's flags, for a control code by its two lowest bits.
 *
 *                        first buffer                   second buffer
 *      buffered          SystemBuffer                   SystemBuffer: the output replaces the input
 *      in direct         SystemBuffer                   MdlAddress, to be read
 *      out direct        SystemBuffer                   MdlAddress, to be written
 *      neither           Type3InputBuffer: a user       UserBuffer: the same
 *                        address, unchecked
 *
 * A read or write has one buffer: SystemBuffer, MdlAddress or UserBuffer. What has no length has no
 * address either: such a pointer is NULL and never used.
 */
#include "device.h"

/* The pages in system space. They are locked as long as the request lasts, so this may be touched
   in any context; and it goes with the MDL. */
static NTSTATUS TransferMap(PIRP Irp, PCHAR *Address)
{
    *Address = NULL;
    if (Irp->MdlAddress == NULL)
        return STATUS_SUCCESS; /* nothing to transfer */
    *Address = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
    return *Address ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* Are the addresses a program's own? A driver in kernel mode is trusted to give good ones. */
static BOOLEAN TransferIsUsers(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return Irp->RequestorMode != KernelMode &&
           !(DeviceObject->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO));
}

/* The one buffer of a read or write. */
static NTSTATUS TransferLocateOne(PDEVICE_OBJECT DeviceObject, PIRP Irp, PCHAR *Address)
{
    if (DeviceObject->Flags & DO_DIRECT_IO)
        return TransferMap(Irp, Address);
    *Address =
        DeviceObject->Flags & DO_BUFFERED_IO ? Irp->AssociatedIrp.SystemBuffer : Irp->UserBuffer;
    return STATUS_SUCCESS;
}

static NTSTATUS TransferLocateWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp, PTRANSFER_FILE File,
                                    PTRANSFER Transfer)
{
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    PCHAR Address;
    NTSTATUS Status = TransferLocateOne(DeviceObject, Irp, &Address);

    *Transfer = (TRANSFER){Address, File->Store, min(Length, sizeof File->Store),
                           TransferIsUsers(DeviceObject, Irp), FALSE};
    return Status;
}

static NTSTATUS TransferLocateRead(PDEVICE_OBJECT DeviceObject, PIRP Irp, PTRANSFER_FILE File,
                                   PTRANSFER Transfer)
{
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;
    PCHAR Address;
    NTSTATUS Status = TransferLocateOne(DeviceObject, Irp, &Address);

    *Transfer = (TRANSFER){File->Store, Address, min(Length, File->Stored), FALSE,
                           TransferIsUsers(DeviceObject, Irp)};
    return Status;
}

static NTSTATUS TransferLocateControl(PIRP Irp, PTRANSFER Transfer)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    ULONG Out = Location->Parameters.DeviceIoControl.OutputBufferLength;
    ULONG Length = min(Location->Parameters.DeviceIoControl.InputBufferLength, Out);
    PVOID SystemBuffer = Irp->AssociatedIrp.SystemBuffer;
    BOOLEAN User = Irp->RequestorMode != KernelMode;
    PCHAR Mapped;
    NTSTATUS Status = TransferMap(Irp, &Mapped);

    switch (Location->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_TRANSFER_UPCASE_BUFFERED:
        *Transfer = (TRANSFER){SystemBuffer, SystemBuffer, Length, FALSE, FALSE};
        return Status;
    case IOCTL_TRANSFER_SUM_IN_DIRECT:
        *Transfer = (TRANSFER){Mapped, NULL, Out, FALSE, FALSE};
        return Status;
    case IOCTL_TRANSFER_UPCASE_DIRECT:
        *Transfer = (TRANSFER){SystemBuffer, Mapped, Length, FALSE, FALSE};
        return Status;
    case IOCTL_TRANSFER_UPCASE_NEITHER:
        *Transfer = (TRANSFER){Location->Parameters.DeviceIoControl.Type3InputBuffer,
                               Irp->UserBuffer, Length, User, User};
        return Status;
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

/* Of a read, write or device control. The file's lock is held. */
NTSTATUS TransferLocate(PDEVICE_OBJECT DeviceObject, PIRP Irp, PTRANSFER_FILE File,
                        PTRANSFER Transfer)
{
    switch (IoGetCurrentIrpStackLocation(Irp)->MajorFunction) {
    case IRP_MJ_READ:
        return TransferLocateRead(DeviceObject, Irp, File, Transfer);
    case IRP_MJ_WRITE:
        return TransferLocateWrite(DeviceObject, Irp, File, Transfer);
    default:
        return TransferLocateControl(Irp, Transfer);
    }
}

/* What there is to see of a request; its MDL has been mapped. (That MappedSystemVa is read as it is
   goes for a look only; MmGetSystemAddressForMdlSafe is how to get at it.) */
VOID TransferLook(PIRP Irp, PTRANSFER_VIEW View)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    PMDL Mdl = Irp->MdlAddress;

    RtlZeroMemory(View, sizeof *View); /* it goes to user mode */
    View->SystemBuffer = PtrToUlong(Irp->AssociatedIrp.SystemBuffer);
    View->UserBuffer = PtrToUlong(Irp->UserBuffer);
    if (Location->MajorFunction == IRP_MJ_DEVICE_CONTROL)
        View->Type3Input = PtrToUlong(Location->Parameters.DeviceIoControl.Type3InputBuffer);
    if (Mdl == NULL)
        return;
    View->MdlStart = PtrToUlong(MmGetMdlVirtualAddress(Mdl));
    View->MdlBytes = MmGetMdlByteCount(Mdl);
    View->MdlPages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(Mdl), View->MdlBytes);
    View->MdlMapped = PtrToUlong(Mdl->MappedSystemVa);
}
