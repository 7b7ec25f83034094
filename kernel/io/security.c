/*
 * Files' security: their drivers' business (WDK: IRP_MJ_QUERY_SECURITY, IRP_MJ_SET_SECURITY). Of a
 * driver that knows nothing of it, a file's descriptor is its device's. IRQL: PASSIVE_LEVEL.
 */
#include "kernel/io/io.h"

/* Has a driver answer. STATUS_INVALID_DEVICE_REQUEST: it knows nothing of security. */
static NTSTATUS IopSendSecurity(PDEVICE_OBJECT Device, PIRP Irp, PULONG_PTR Information)
{
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;

    Irp->Flags = IRP_SYNCHRONOUS_API;
    Irp->RequestorMode = KernelMode; /* the buffer is the kernel's, whoever has asked */
    Status = IopCallAndWait(Device, Irp, &Iosb, KernelMode);
    *Information = Iosb.Information;
    return Status == STATUS_NOT_IMPLEMENTED ? STATUS_INVALID_DEVICE_REQUEST : Status;
}

/* STATUS_BUFFER_TOO_SMALL: *Length says what it takes. */
NTSTATUS IopQueryFileSecurity(PFILE_OBJECT File, SECURITY_INFORMATION Information,
                              PSECURITY_DESCRIPTOR Buffer, PULONG Length)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(File);
    PIO_STACK_LOCATION Stack;
    ULONG_PTR Needed;
    NTSTATUS Status;
    PIRP Irp = IopBuildIrp(File, Device, IRP_MJ_QUERY_SECURITY, &Stack);

    if (Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Irp->UserBuffer = Buffer;
    Stack->Parameters.QuerySecurity.SecurityInformation = Information;
    Stack->Parameters.QuerySecurity.Length = *Length;
    Status = IopSendSecurity(Device, Irp, &Needed);
    if (Status == STATUS_BUFFER_OVERFLOW || Status == STATUS_BUFFER_TOO_SMALL) {
        if (Needed <= *Length)
            return STATUS_BUFFER_OVERFLOW; /* it does not know how much it takes */
        *Length = (ULONG)Needed;
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (NT_SUCCESS(Status))
        *Length = RtlLengthSecurityDescriptor(Buffer);
    return Status;
}

NTSTATUS IopSetFileSecurity(PFILE_OBJECT File, SECURITY_INFORMATION Information,
                            PSECURITY_DESCRIPTOR Descriptor)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(File);
    PIO_STACK_LOCATION Stack;
    ULONG_PTR Ignored;
    PIRP Irp = IopBuildIrp(File, Device, IRP_MJ_SET_SECURITY, &Stack);

    if (Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Stack->Parameters.SetSecurity.SecurityInformation = Information;
    Stack->Parameters.SetSecurity.SecurityDescriptor = Descriptor;
    return IopSendSecurity(Device, Irp, &Ignored);
}
