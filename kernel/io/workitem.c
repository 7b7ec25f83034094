/*
 * I/O work items: as executive ones, but the device or driver object stays referenced until the
 * routine has returned, so that a driver cannot be unloaded under its own work item.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"

#define TAG_WORK_ITEM 'IWoI'

typedef struct _IO_WORKITEM {
    WORK_QUEUE_ITEM Item;
    PVOID IoObject; /* a device's or driver's */
    PVOID Routine;  /* PIO_WORKITEM_ROUTINE, or with Extended PIO_WORKITEM_ROUTINE_EX */
    PVOID Context;
    BOOLEAN Extended;
} IO_WORKITEM;

/* A driver's own memory becomes a work item (WDK: IoInitializeWorkItem). */
VOID NTAPI IoInitializeWorkItem(PVOID IoObject, PIO_WORKITEM IoWorkItem)
{
    *IoWorkItem = (IO_WORKITEM){.IoObject = IoObject};
}

VOID NTAPI IoUninitializeWorkItem(PIO_WORKITEM IoWorkItem)
{
    ASSERT(IoWorkItem->Item.List.Flink == NULL); /* it must not be queued */
    IoWorkItem->IoObject = NULL;
}

ULONG NTAPI IoSizeofWorkItem(VOID)
{
    return sizeof(IO_WORKITEM);
}

PIO_WORKITEM NTAPI IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
    PIO_WORKITEM WorkItem = ExAllocatePoolWithTag(NonPagedPool, sizeof *WorkItem, TAG_WORK_ITEM);

    if (WorkItem)
        IoInitializeWorkItem(DeviceObject, WorkItem);
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
    PVOID Object = WorkItem->IoObject;

    if (WorkItem->Extended)
        ((PIO_WORKITEM_ROUTINE_EX)WorkItem->Routine)(Object, WorkItem->Context, WorkItem);
    else
        ((PIO_WORKITEM_ROUTINE)WorkItem->Routine)(Object, WorkItem->Context);
    ObDereferenceObject(Object);
}

static VOID IopQueueWorkItem(PIO_WORKITEM WorkItem, PVOID Routine, BOOLEAN Extended,
                             WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ObReferenceObject(WorkItem->IoObject);
    WorkItem->Routine = Routine;
    WorkItem->Context = Context;
    WorkItem->Extended = Extended;
    ExInitializeWorkItem(&WorkItem->Item, IopRunWorkItem, WorkItem);
    ExQueueWorkItem(&WorkItem->Item, QueueType);
}

/* Queues a routine to a system worker thread (WDK: IoQueueWorkItem). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine,
                           WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    IopQueueWorkItem(IoWorkItem, WorkerRoutine, FALSE, QueueType, Context);
}

/* The same; the routine is told its work item, too (WDK: IoQueueWorkItemEx). */
VOID NTAPI IoQueueWorkItemEx(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine,
                             WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    IopQueueWorkItem(IoWorkItem, WorkerRoutine, TRUE, QueueType, Context);
}
