/*
 * A driver whose entry and unload routines each wait for a work item: a worker thread is busy with
 * the routine, so another one has to be free for the item.
 */
#include <wdm.h>

static PDEVICE_OBJECT Device;

DRIVER_INITIALIZE DriverEntry;
static IO_WORKITEM_ROUTINE TellDone;
static DRIVER_UNLOAD SlowEndUnload;

static VOID NTAPI TellDone(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
}

/* Meanwhile others have time to ask for their drivers to be loaded. */
static VOID GiveTime(VOID)
{
    LARGE_INTEGER Moment;

    Moment.QuadPart = -1;
    KeDelayExecutionThread(KernelMode, FALSE, &Moment);
}

static NTSTATUS WaitForWorkItem(VOID)
{
    PIO_WORKITEM WorkItem = IoAllocateWorkItem(Device);
    KEVENT Done;

    if (WorkItem == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    GiveTime();
    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    IoQueueWorkItem(WorkItem, TellDone, DelayedWorkQueue, &Done);
    KeWaitForSingleObject(&Done, Executive, KernelMode, FALSE, NULL);
    IoFreeWorkItem(WorkItem);
    return STATUS_SUCCESS;
}

static VOID NTAPI SlowEndUnload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    WaitForWorkItem();
    IoDeleteDevice(Device);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS Status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);

    UNREFERENCED_PARAMETER(RegistryPath);
    if (!NT_SUCCESS(Status))
        return Status;
    DriverObject->DriverUnload = SlowEndUnload;
    Status = WaitForWorkItem();
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(Device);
    return Status;
}
