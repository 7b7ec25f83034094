/*
 * demo.sys: a driver whose code runs in every context there is, and reaches its memory in each.
 *
 * It answers one question: a driver executes in the context of whichever thread happens to be on
 * the processor; how can it still reach the memory that it allocated? Because pool memory lies in
 * system space, which is mapped by the same page tables in every process. The driver allocates
 * from both pools, touches the memory from a caller's thread, from a timer's DPC, from a work item
 * and from a thread of its own, and records each time where it was: process, thread, CR3, IRQL,
 * and the page frame behind the address. demo.exe shows the records.
 *
 * It is a legacy (non-Plug-and-Play) WDM driver that uses only documented routines, and the same
 * binary is one for Windows. Read in this order: demo.h, device.h, this file, touch.c, contexts.c.
 *
 * In this file: DriverEntry, which makes everything; DriverUnload, which undoes it in reverse
 * order; and the dispatch routines, which the I/O manager calls at PASSIVE_LEVEL in the thread of
 * the program that made the request. (That holds for a driver at the top of its device stack, as
 * this one is. One with other drivers above it may be called in any context.)
 */
#include "device.h"

DRIVER_INITIALIZE DriverEntry;

/* ---- Requests ---------------------------------------------------------------------------------
 */

/*
 * A request's handler. METHOD_BUFFERED has one buffer for both directions, in nonpaged pool: input
 * is read from it before output is written. InLength and OutLength are what the caller claims;
 * trusting a buffer beyond them is the classic hole in a driver. What the I/O manager has checked:
 * that the buffer is that long. *Information: bytes of output.
 */
typedef NTSTATUS DEMO_HANDLER(PDEMO_DEVICE Device, PVOID Buffer, ULONG InLength, ULONG OutLength,
                              PULONG_PTR Information);

/*
 * We are in the caller's context, so its user address means its memory: we may ask which frame is
 * behind it. To read what is there we would have to be ready for the page to vanish at any time
 * (its process may have other threads), so we leave that to the caller. Only user addresses: what
 * is behind system ones is nobody's business.
 */
static PAGEABLE NTSTATUS DemoHandleTouch(PDEMO_DEVICE Device, PVOID Buffer, ULONG InLength,
                                         ULONG OutLength, PULONG_PTR Information)
{
    PDEMO_TOUCH Touch = Buffer;
    DEMO_RECORD Record;

    if (InLength < sizeof *Touch || OutLength < sizeof Record)
        return STATUS_BUFFER_TOO_SMALL;
    if (ULongToPtr(Touch->UserAddress) > MM_HIGHEST_USER_ADDRESS)
        return STATUS_INVALID_PARAMETER;
    RtlZeroMemory(&Record, sizeof Record); /* it goes to user mode: no old stack contents */
    Record.UserAddress = Touch->UserAddress;
    Record.UserValue = Touch->UserValue;
    Record.UserFrame = DemoFrameBehind(ULongToPtr(Touch->UserAddress));
    DemoTouchText(Device, DemoIoctl, &Record);
    RtlCopyMemory(Buffer, &Record, sizeof Record);
    *Information = sizeof Record;
    return STATUS_SUCCESS;
}

static PAGEABLE NTSTATUS DemoHandleGetRecords(PDEMO_DEVICE Device, PVOID Buffer, ULONG InLength,
                                              ULONG OutLength, PULONG_PTR Information)
{
    PDEMO_GET_RECORDS Get = Buffer;
    ULONG Count = min(OutLength / sizeof(DEMO_RECORD), DEMO_RECORDS_PER_CALL);

    if (InLength < sizeof *Get || Count == 0)
        return STATUS_BUFFER_TOO_SMALL;
    /* Get->First is passed by value, before the records overwrite it. */
    Count = DemoCopyRecords(Device, Get->First, Buffer, Count);
    *Information = Count * sizeof(DEMO_RECORD);
    return STATUS_SUCCESS;
}

static PAGEABLE NTSTATUS DemoHandleReadText(PDEMO_DEVICE Device, PVOID Buffer, ULONG InLength,
                                            ULONG OutLength, PULONG_PTR Information)
{
    ULONG Length = min(OutLength, DEMO_TEXT_BYTES);

    UNREFERENCED_PARAMETER(InLength);
    if (Length == 0)
        return STATUS_BUFFER_TOO_SMALL; /* and Buffer may be NULL */
    DemoReadText(Device, Buffer, Length);
    *Information = Length;
    return STATUS_SUCCESS;
}

static PAGEABLE NTSTATUS DemoHandleWriteText(PDEMO_DEVICE Device, PVOID Buffer, ULONG InLength,
                                             ULONG OutLength, PULONG_PTR Information)
{
    UNREFERENCED_PARAMETER(OutLength);
    UNREFERENCED_PARAMETER(Information);
    if (InLength == 0 || InLength > DEMO_TEXT_BYTES)
        return STATUS_INVALID_BUFFER_SIZE;
    DemoWriteText(Device, Buffer, InLength);
    return STATUS_SUCCESS;
}

static PAGEABLE NTSTATUS DemoHandleQueueWork(PDEMO_DEVICE Device, PVOID Buffer, ULONG InLength,
                                             ULONG OutLength, PULONG_PTR Information)
{
    UNREFERENCED_PARAMETER(Buffer);
    UNREFERENCED_PARAMETER(InLength);
    UNREFERENCED_PARAMETER(OutLength);
    UNREFERENCED_PARAMETER(Information);
    DemoWantWork(Device);
    return STATUS_SUCCESS;
}

static PAGEABLE DEMO_HANDLER *DemoFindHandler(ULONG Code)
{
    switch (Code) {
    case IOCTL_DEMO_TOUCH:
        return DemoHandleTouch;
    case IOCTL_DEMO_GET_RECORDS:
        return DemoHandleGetRecords;
    case IOCTL_DEMO_READ_TEXT:
        return DemoHandleReadText;
    case IOCTL_DEMO_WRITE_TEXT:
        return DemoHandleWriteText;
    case IOCTL_DEMO_QUEUE_WORK:
        return DemoHandleQueueWork;
    default:
        return NULL;
    }
}

/* ---- Dispatch routines ------------------------------------------------------------------------
 */

/*
 * Every IRP that a driver is given is its own until it completes it, exactly once; then it must not
 * be touched again, for it may be gone. Information: how many bytes of output the I/O manager
 * copies to the caller, so it must never be more than was written.
 */
static PAGEABLE NTSTATUS DemoComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static PAGEABLE NTSTATUS NTAPI DemoDispatchDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    DEMO_HANDLER *Handler = DemoFindHandler(Location->Parameters.DeviceIoControl.IoControlCode);
    NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;
    ULONG_PTR Information = 0;

    PAGED_CODE();
    if (Handler)
        Status = Handler(DeviceObject->DeviceExtension, Irp->AssociatedIrp.SystemBuffer,
                         Location->Parameters.DeviceIoControl.InputBufferLength,
                         Location->Parameters.DeviceIoControl.OutputBufferLength, &Information);
    return DemoComplete(Irp, Status, Information);
}

/*
 * IRP_MJ_CREATE: a program opens the device. IRP_MJ_CLEANUP: its last handle was closed.
 * IRP_MJ_CLOSE: nothing refers to the file object any more. We keep nothing for each opener, so
 * all we have to do is agree. A driver without a CREATE routine cannot be opened at all.
 */
static PAGEABLE NTSTATUS NTAPI DemoDispatchOpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    PAGED_CODE();
    return DemoComplete(Irp, STATUS_SUCCESS, 0);
}

/* ---- Load and unload --------------------------------------------------------------------------
 */

/*
 * The pools. What an interrupt-time routine touches must be nonpaged; for the rest there is paged
 * pool, of which there is more. Text and resident page are a whole page each, which the pools give
 * out page-aligned, so that the frame behind each holds nothing else. Pool memory comes with old
 * contents, which must not get out to a program: hence the zeroing. It is also the paged page's
 * first touch. (WDK: ExAllocatePoolWithTag.)
 */
static INITIAL NTSTATUS DemoAllocate(PDEMO_DEVICE Device)
{
    static const CHAR ResidentText[] = "nonpaged", FirstText[] = "from DriverEntry";

    Device->Resident = ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, DEMO_TAG);
    Device->Text = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, DEMO_TAG);
    Device->Records =
        ExAllocatePoolWithTag(NonPagedPool, DEMO_RECORDS * sizeof(DEMO_RECORD), DEMO_TAG);
    if (Device->Resident == NULL || Device->Text == NULL || Device->Records == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Device->Resident, PAGE_SIZE);
    RtlCopyMemory(Device->Resident, ResidentText, sizeof ResidentText);
    RtlZeroMemory(Device->Text, PAGE_SIZE);
    RtlCopyMemory(Device->Text, FirstText, sizeof FirstText);
    return STATUS_SUCCESS;
}

static PAGEABLE VOID DemoFree(PVOID Memory)
{
    if (Memory)
        ExFreePoolWithTag(Memory, DEMO_TAG);
}

/* Undoes all that DemoCreate did, or got done before it failed: the extension began as zeros. */
static PAGEABLE VOID DemoDelete(PDEMO_DEVICE Device)
{
    PAGED_CODE();
    DemoStopContexts(Device);
    DemoFree(Device->Records);
    DemoFree(Device->Text);
    DemoFree(Device->Resident);
    IoDeleteDevice(Device->DeviceObject); /* and with it the extension, Device itself */
}

/* Makes the device and all that belongs to it. *Made: NULL if there is not even a device. */
static INITIAL NTSTATUS DemoCreate(PDRIVER_OBJECT DriverObject, PDEMO_DEVICE *Made)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(DEMO_DEVICE_NAME);
    PDEVICE_OBJECT DeviceObject;
    PDEMO_DEVICE Device;
    NTSTATUS Status;

    Status = IoCreateDevice(DriverObject, sizeof(DEMO_DEVICE), &Name, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &DeviceObject);
    if (!NT_SUCCESS(Status))
        return Status;
    *Made = Device = DeviceObject->DeviceExtension;
    Device->DeviceObject = DeviceObject;
    ExInitializeFastMutex(&Device->TextLock);
    KeInitializeSpinLock(&Device->Lock);
    Status = DemoAllocate(Device);
    if (NT_SUCCESS(Status))
        Status = DemoStartContexts(Device);
    return Status;
}

/*
 * Called at PASSIVE_LEVEL in the System process, when the driver is unloaded and nobody has its
 * device open. A driver without this routine stays loaded for good. When it returns, the driver
 * must have nothing left: not a byte of pool, not a queued routine.
 */
static PAGEABLE VOID NTAPI DemoUnload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(DEMO_LINK_NAME);

    PAGED_CODE();
    IoDeleteSymbolicLink(&Link);
    DemoDelete(DriverObject->DeviceObject->DeviceExtension);
    DbgPrint("demo: unloaded\n");
}

/*
 * The first routine that is called, at PASSIVE_LEVEL in a thread of the System process. If it
 * fails, the driver is removed without DriverUnload being called: it clears up itself.
 *
 * The symbolic link, by which programs find the device, comes last: whoever finds it finds
 * everything ready. The entries of MajorFunction that we leave alone lead to a routine of the I/O
 * manager that completes such requests with STATUS_INVALID_DEVICE_REQUEST.
 */
INITIAL NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(DEMO_DEVICE_NAME);
    UNICODE_STRING Link = RTL_CONSTANT_STRING(DEMO_LINK_NAME);
    PDEMO_DEVICE Device = NULL;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DemoDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = DemoDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DemoDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DemoDispatchDeviceControl;
    DriverObject->DriverUnload = DemoUnload;
    Status = DemoCreate(DriverObject, &Device);
    if (NT_SUCCESS(Status))
        Status = IoCreateSymbolicLink(&Link, &Name);
    if (!NT_SUCCESS(Status)) {
        if (Device)
            DemoDelete(Device);
        return Status;
    }
    DbgPrint("demo: DriverEntry in process %lu, nonpaged pool at %p, paged at %p\n",
             HandleToULong(PsGetCurrentProcessId()), Device->Resident, Device->Text);
    return STATUS_SUCCESS;
}
