/*
 * Who is told before the machine is powered off: devices that have asked for IRP_MJ_SHUTDOWN, and,
 * after all of these, those that have asked to be the last (WDK: IoRegisterShutdownNotification).
 * The last to register is the first to be told. Before all devices come work items, while drivers
 * can still do everything (WDK: PoQueueShutdownWorkItem), and an event is set.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

#define TAG_SHUTDOWN 'hSoI'

typedef struct _IOP_SHUTDOWN {
    LIST_ENTRY ListEntry;
    PDEVICE_OBJECT DeviceObject;
} IOP_SHUTDOWN;

static LIST_ENTRY IopFirst = {&IopFirst, &IopFirst}, IopLast = {&IopLast, &IopLast};
static LIST_ENTRY IopItems = {&IopItems, &IopItems};
static BOOLEAN IopShutdownBegun;   /* no more items */
static KSPIN_LOCK IopShutdownLock; /* guards all of these */
static KEVENT IopShutdownEvent = {
    .Header = {.Type = NotificationEvent,
               .Size = sizeof(KEVENT) / sizeof(ULONG),
               .WaitListHead = {&IopShutdownEvent.Header.WaitListHead,
                                &IopShutdownEvent.Header.WaitListHead}}};

static NTSTATUS IopRegister(PLIST_ENTRY List, PDEVICE_OBJECT Device)
{
    IOP_SHUTDOWN *Entry = ExAllocatePoolWithTag(NonPagedPool, sizeof *Entry, TAG_SHUTDOWN);
    KIRQL Irql;

    if (Entry == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Entry->DeviceObject = Device;
    ObReferenceObject(Device);
    KeAcquireSpinLock(&IopShutdownLock, &Irql);
    InsertHeadList(List, &Entry->ListEntry);
    Device->Flags |= DO_SHUTDOWN_REGISTERED;
    KeReleaseSpinLock(&IopShutdownLock, Irql);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoRegisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    return IopRegister(&IopFirst, DeviceObject);
}

NTSTATUS NTAPI IoRegisterLastChanceShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    return IopRegister(&IopLast, DeviceObject);
}

/* Takes out the first entry for a device, or for NULL the first of all. */
static IOP_SHUTDOWN *IopTakeEntry(PLIST_ENTRY List, PDEVICE_OBJECT Device)
{
    IOP_SHUTDOWN *Found = NULL;
    PLIST_ENTRY Link;
    KIRQL Irql;

    KeAcquireSpinLock(&IopShutdownLock, &Irql);
    for (Link = List->Flink; Link != List && Found == NULL; Link = Link->Flink) {
        IOP_SHUTDOWN *Entry = CONTAINING_RECORD(Link, IOP_SHUTDOWN, ListEntry);
        if (Device == NULL || Entry->DeviceObject == Device)
            Found = Entry;
    }
    if (Found)
        RemoveEntryList(&Found->ListEntry);
    KeReleaseSpinLock(&IopShutdownLock, Irql);
    return Found;
}

static VOID IopFreeEntry(IOP_SHUTDOWN *Entry)
{
    ObDereferenceObject(Entry->DeviceObject);
    ExFreePoolWithTag(Entry, TAG_SHUTDOWN);
}

/* Takes a device off both lists (WDK: IoUnregisterShutdownNotification). */
VOID NTAPI IoUnregisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    IOP_SHUTDOWN *Entry;

    while ((Entry = IopTakeEntry(&IopFirst, DeviceObject)) != NULL)
        IopFreeEntry(Entry);
    while ((Entry = IopTakeEntry(&IopLast, DeviceObject)) != NULL)
        IopFreeEntry(Entry);
    DeviceObject->Flags &= ~DO_SHUTDOWN_REGISTERED;
}

/* The device is deleted, and its driver has not said before that it need not be told. */
VOID IopForgetShutdown(PDEVICE_OBJECT Device)
{
    if (Device->Flags & DO_SHUTDOWN_REGISTERED)
        IoUnregisterShutdownNotification(Device);
}

static VOID IopTell(PLIST_ENTRY List)
{
    IOP_SHUTDOWN *Entry;

    while ((Entry = IopTakeEntry(List, NULL)) != NULL) {
        PDEVICE_OBJECT Top = IoGetAttachedDeviceReference(Entry->DeviceObject);
        PIO_STACK_LOCATION Stack;
        IO_STATUS_BLOCK Iosb;
        PIRP Irp = IopBuildIrp(NULL, Top, IRP_MJ_SHUTDOWN, &Stack);
        if (Irp) {
            Irp->RequestorMode = KernelMode;
            IopCallAndWait(Top, Irp, &Iosb, KernelMode);
        }
        ObDereferenceObject(Top);
        IopFreeEntry(Entry);
    }
}

/*
 * Has a work item run when the machine is about to be powered off. STATUS_SYSTEM_SHUTDOWN: it is
 * already. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI PoQueueShutdownWorkItem(PWORK_QUEUE_ITEM WorkItem)
{
    NTSTATUS Status = STATUS_SYSTEM_SHUTDOWN;
    KIRQL Irql;

    KeAcquireSpinLock(&IopShutdownLock, &Irql);
    if (!IopShutdownBegun) {
        InsertTailList(&IopItems, &WorkItem->List);
        Status = STATUS_SUCCESS;
    }
    KeReleaseSpinLock(&IopShutdownLock, Irql);
    return Status;
}

/* An event that is set when the shutdown begins; the caller has a pointer, no reference (WDK:
 * PoRequestShutdownEvent). */
NTSTATUS NTAPI PoRequestShutdownEvent(PVOID *Event)
{
    *Event = &IopShutdownEvent;
    return STATUS_SUCCESS;
}

static VOID IopRunItems(VOID)
{
    KIRQL Irql;

    KeAcquireSpinLock(&IopShutdownLock, &Irql);
    IopShutdownBegun = TRUE;
    KeReleaseSpinLock(&IopShutdownLock, Irql);
    KeSetEvent(&IopShutdownEvent, IO_NO_INCREMENT, FALSE);
    while (!IsListEmpty(&IopItems)) { /* nobody else touches it any more */
        PWORK_QUEUE_ITEM Item = CONTAINING_RECORD(RemoveHeadList(&IopItems), WORK_QUEUE_ITEM, List);
        Item->WorkerRoutine(Item->Parameter);
    }
}

/* The machine is about to be powered off. IRQL: PASSIVE_LEVEL. */
VOID IoShutdownSystem(VOID)
{
    IopRunItems();
    IopTell(&IopFirst);
    IopTell(&IopLast);
}
