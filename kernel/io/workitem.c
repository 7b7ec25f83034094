/*
 * I/O work items: as executive ones, but the device object stays referenced until the routine has
 * returned, so that a driver cannot be unloaded under its own work item.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"

#define TAG_WORK_ITEM 'IWoI'

typedef struct _IO_WORKITEM {
    WORK_QUEUE_ITEM Item;
    PDEVICE_OBJECT DeviceObject;
    PIO_WORKITEM_ROUTINE Routine;
    PVOID Context;
} IO_WORKITEM;

PIO_WORKITEM NTAPI IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
    PIO_WORKITEM WorkItem = ExAllocatePoolWithTag(NonPagedPool, sizeof *WorkItem, TAG_WORK_ITEM);

    if (WorkItem)
        *WorkItem = (IO_WORKITEM){.DeviceObject = DeviceObject};
    return WorkItem;
}

VOID NTAPI IoFreeWorkItem(PIO_WORKITEM IoWorkItem)
{
    ExFreePoolWithTag(IoWorkItem, TAG_WORK_ITEM);
}

/* In a worker thread. The routine may free the work item, so it is not touched afterwards. */
static VOID NTAPI IopRunWorkItem(PVOID Parameter)
{
    PIO_WORKITEM WorkItem = Parameter;
    PDEVICE_OBJECT Device = WorkItem->DeviceObject;

    WorkItem->Routine(Device, WorkItem->Context);
    ObDereferenceObject(Device);
}

/* Queues a routine to a system worker thread (WDK: IoQueueWorkItem). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine,
                           WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ObReferenceObject(IoWorkItem->DeviceObject);
    IoWorkItem->Routine = WorkerRoutine;
    IoWorkItem->Context = Context;
    ExInitializeWorkItem(&IoWorkItem->Item, IopRunWorkItem, IoWorkItem);
    ExQueueWorkItem(&IoWorkItem->Item, QueueType);
}
