/*
 * transfer.sys: one driver with all the ways in which data gets from a program to a driver and
 * back, side by side: three devices whose reads and writes are buffered, direct and neither, and
 * control codes of the four methods. It makes capitals of letters, or sums bytes; what it sees of
 * each request a program can ask for (transfer.exe prints it).
 *
 * METHOD_NEITHER gives the driver its caller's addresses as they are. What touches them is in
 * seh/guarded.c, which another compiler builds: it takes __try, which GCC does not have.
 *
 * It is the top of its stack, so requests come at PASSIVE_LEVEL in the caller's thread. In this
 * file: files, requests, load and unload. locate.c has what this driver is about.
 */
#include "device.h"

DRIVER_INITIALIZE DriverEntry;

static const struct {
    PCWSTR Name, Link;
    ULONG Flags; /* how the I/O manager is to prepare the buffers of reads and writes */
} Kinds[] = {
    {L"\\Device\\" TRANSFER_BUFFERED, L"\\DosDevices\\" TRANSFER_BUFFERED, DO_BUFFERED_IO},
    {L"\\Device\\" TRANSFER_DIRECT, L"\\DosDevices\\" TRANSFER_DIRECT, DO_DIRECT_IO},
    {L"\\Device\\" TRANSFER_NEITHER, L"\\DosDevices\\" TRANSFER_NEITHER, 0},
};

static NTSTATUS TransferComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* ---- Files ------------------------------------------------------------------------------------
 */

static PTRANSFER_FILE TransferFileOf(PIRP Irp)
{
    return IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext;
}

static NTSTATUS NTAPI TransferOpen(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PTRANSFER_FILE File = ExAllocatePoolWithTag(NonPagedPool, sizeof *File, TRANSFER_TAG);

    UNREFERENCED_PARAMETER(DeviceObject);
    if (File == NULL)
        return TransferComplete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    RtlZeroMemory(File, sizeof *File);
    ExInitializeFastMutex(&File->Lock);
    IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext = File;
    return TransferComplete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI TransferCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return TransferComplete(Irp, STATUS_SUCCESS, 0);
}

/* Not at cleanup: a request of another thread's may still be on its way then, but not now. */
static NTSTATUS NTAPI TransferClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    ExFreePoolWithTag(TransferFileOf(Irp), TRANSFER_TAG);
    return TransferComplete(Irp, STATUS_SUCCESS, 0);
}

/* ---- Requests ---------------------------------------------------------------------------------
 */

/* ASCII only. From and To may be the same: with METHOD_BUFFERED they are. */
static VOID TransferUpcase(CHAR *To, const CHAR *From, ULONG Length)
{
    ULONG i;

    for (i = 0; i < Length; i++)
        To[i] = From[i] >= 'a' && From[i] <= 'z' ? From[i] - 'a' + 'A' : From[i];
}

static ULONG TransferSum(const CHAR *From, ULONG Length)
{
    ULONG Sum = 0, i;

    for (i = 0; i < Length; i++)
        Sum += (UCHAR)From[i];
    return Sum;
}

/*
 * Of output in a system buffer, IoStatus.Information is how much the I/O manager copies to the
 * caller; for the other methods the driver has written to the caller's memory itself, and the
 * caller is told the number as it is.
 */
VOID TransferCarryOut(const TRANSFER *Transfer, PULONG Information)
{
    *Information = Transfer->Length;
    if (Transfer->To)
        TransferUpcase(Transfer->To, Transfer->From, Transfer->Length);
    else
        *Information = TransferSum(Transfer->From, Transfer->Length);
}

/* Of reads, writes and those control codes that are transfers. The lock is a fast mutex: IRQL is
   APC_LEVEL, where a page fault is still allowed. */
static NTSTATUS NTAPI TransferRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PTRANSFER_FILE File = TransferFileOf(Irp);
    UCHAR MajorFunction = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;
    ULONG Information = 0;
    TRANSFER Transfer;
    NTSTATUS Status;

    ExAcquireFastMutex(&File->Lock);
    Status = TransferLocate(DeviceObject, Irp, File, &Transfer);
    TransferLook(Irp, &File->View);
    if (NT_SUCCESS(Status) && (Transfer.FromUser || Transfer.ToUser))
        Status = TransferCarryOutGuarded(&Transfer, &Information);
    else if (NT_SUCCESS(Status))
        TransferCarryOut(&Transfer, &Information);
    if (NT_SUCCESS(Status) && MajorFunction == IRP_MJ_WRITE)
        File->Stored = Information;
    ExReleaseFastMutex(&File->Lock);
    return TransferComplete(Irp, Status, Information);
}

static NTSTATUS TransferGetView(PIRP Irp)
{
    PTRANSFER_FILE File = TransferFileOf(Irp);

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.OutputBufferLength <
        sizeof File->View)
        return TransferComplete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    ExAcquireFastMutex(&File->Lock);
    RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, &File->View, sizeof File->View);
    ExReleaseFastMutex(&File->Lock);
    return TransferComplete(Irp, STATUS_SUCCESS, sizeof File->View);
}

static NTSTATUS NTAPI TransferControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);

    if (Location->Parameters.DeviceIoControl.IoControlCode == IOCTL_TRANSFER_GET_VIEW)
        return TransferGetView(Irp);
    return TransferRequest(DeviceObject, Irp);
}

/* ---- Load and unload --------------------------------------------------------------------------
 */

static VOID NTAPI TransferUnload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Link;
    PDEVICE_OBJECT Device;

    while ((Device = DriverObject->DeviceObject) != NULL) {
        RtlInitUnicodeString(&Link,
                             Kinds[((PTRANSFER_EXTENSION)Device->DeviceExtension)->Kind].Link);
        IoDeleteSymbolicLink(&Link);
        IoDeleteDevice(Device);
    }
}

static NTSTATUS TransferCreate(PDRIVER_OBJECT DriverObject, ULONG Kind)
{
    UNICODE_STRING Name, Link;
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    RtlInitUnicodeString(&Name, Kinds[Kind].Name);
    RtlInitUnicodeString(&Link, Kinds[Kind].Link);
    Status = IoCreateDevice(DriverObject, sizeof(TRANSFER_EXTENSION), &Name, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    ((PTRANSFER_EXTENSION)Device->DeviceExtension)->Kind = Kind;
    Device->Flags |= Kinds[Kind].Flags;
    Status = IoCreateSymbolicLink(&Link, &Name);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(Device);
    return Status;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Kind;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = TransferOpen;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = TransferCleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = TransferClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = TransferRequest;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = TransferRequest;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = TransferControl;
    DriverObject->DriverUnload = TransferUnload;
    for (Kind = 0; Kind < RTL_NUMBER_OF(Kinds) && NT_SUCCESS(Status); Kind++)
        Status = TransferCreate(DriverObject, Kind);
    if (!NT_SUCCESS(Status))
        TransferUnload(DriverObject);
    return Status;
}
