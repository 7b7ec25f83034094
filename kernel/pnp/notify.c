/*
 * Those who want to be told: of interfaces of a class that come and go, and of a device that goes
 * (WDK: Using PnP Device Interface Change Notification, Using PnP Target Device Change
 * Notification).
 *
 * PnpNotifyLock guards the list and the references of the registrations in it: one until it is
 * unregistered, and one for whoever goes through the list and is there; with the last one it leaves
 * the list. The lock is not held while a callback routine runs. A registration's mutex is held
 * while its routine runs, so that who unregisters waits for that; the routine itself may
 * unregister, for it has the mutex.
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"
#include <wdmguid.h>

typedef struct _PNP_NOTIFICATION {
    LIST_ENTRY Link;
    LONG References;
    BOOLEAN Unregistered; /* guarded by Mutex */
    KMUTEX Mutex;
    IO_NOTIFICATION_EVENT_CATEGORY Category;
    GUID Class;         /* of interfaces */
    PDEVICE_OBJECT Pdo; /* the target device's, referenced */
    PFILE_OBJECT File;
    PDRIVER_OBJECT Driver; /* referenced */
    PDRIVER_NOTIFICATION_CALLBACK_ROUTINE Routine;
    PVOID Context;
} PNP_NOTIFICATION;

/* What a notification is about; Class or Pdo says who wants to hear it. */
typedef struct _PNP_NEWS {
    const GUID *Class;
    PDEVICE_OBJECT Pdo;
    PPLUGPLAY_NOTIFICATION_HEADER Header;
    BOOLEAN MayRefuse; /* the first who does is the last to be asked */
} PNP_NEWS;

static LIST_ENTRY PnpNotifications = {&PnpNotifications, &PnpNotifications};
static KSPIN_LOCK PnpNotifyLock;

static VOID PnpDereferenceNotification(PNP_NOTIFICATION *Entry)
{
    BOOLEAN Last;
    KIRQL OldIrql;

    KeAcquireSpinLock(&PnpNotifyLock, &OldIrql);
    Last = --Entry->References == 0;
    if (Last)
        RemoveEntryList(&Entry->Link);
    KeReleaseSpinLock(&PnpNotifyLock, OldIrql);
    if (!Last)
        return;
    if (Entry->Pdo)
        ObDereferenceObject(Entry->Pdo);
    ObDereferenceObject(Entry->Driver);
    ExFreePoolWithTag(Entry, TAG_PNP);
}

static BOOLEAN PnpConcerns(PNP_NOTIFICATION *Entry, const PNP_NEWS *News)
{
    if (News->Class)
        return Entry->Category == EventCategoryDeviceInterfaceChange &&
               memcmp(&Entry->Class, News->Class, sizeof(GUID)) == 0;
    return Entry->Category == EventCategoryTargetDeviceChange && Entry->Pdo == News->Pdo;
}

/* The next registration that it concerns, referenced; the reference on the last one is dropped. */
static PNP_NOTIFICATION *PnpNextNotification(PNP_NOTIFICATION *Last, const PNP_NEWS *News)
{
    PNP_NOTIFICATION *Found = NULL;
    PLIST_ENTRY Link;
    KIRQL OldIrql;

    KeAcquireSpinLock(&PnpNotifyLock, &OldIrql);
    Link = Last ? Last->Link.Flink : PnpNotifications.Flink;
    for (; Link != &PnpNotifications && Found == NULL; Link = Link->Flink) {
        PNP_NOTIFICATION *Entry = CONTAINING_RECORD(Link, PNP_NOTIFICATION, Link);
        if (PnpConcerns(Entry, News)) {
            Entry->References++;
            Found = Entry;
        }
    }
    KeReleaseSpinLock(&PnpNotifyLock, OldIrql);
    if (Last)
        PnpDereferenceNotification(Last);
    return Found;
}

/* TRUE: its routine has refused what it was asked. */
static BOOLEAN PnpTell(PNP_NOTIFICATION *Entry, PPLUGPLAY_NOTIFICATION_HEADER Header)
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (Entry->Category == EventCategoryTargetDeviceChange) /* at the same place in both of them */
        ((PTARGET_DEVICE_REMOVAL_NOTIFICATION)Header)->FileObject = Entry->File;
    KeWaitForSingleObject(&Entry->Mutex, Executive, KernelMode, FALSE, NULL);
    if (!Entry->Unregistered)
        Status = Entry->Routine(Header, Entry->Context);
    KeReleaseMutex(&Entry->Mutex, FALSE);
    return !NT_SUCCESS(Status);
}

/* Tells all whom it concerns. An error: somebody has refused. */
static NTSTATUS PnpNotify(const PNP_NEWS *News)
{
    PNP_NOTIFICATION *Entry = NULL;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    while ((Entry = PnpNextNotification(Entry, News)) != NULL) {
        if (PnpTell(Entry, News->Header) && News->MayRefuse) {
            PnpDereferenceNotification(Entry);
            return STATUS_UNSUCCESSFUL;
        }
    }
    return STATUS_SUCCESS;
}

static VOID PnpFillInterfaceNews(PDEVICE_INTERFACE_CHANGE_NOTIFICATION News, const GUID *Event,
                                 const GUID *Class, PUNICODE_STRING Link)
{
    News->Version = 1;
    News->Size = sizeof *News;
    News->Event = *Event;
    News->InterfaceClassGuid = *Class;
    News->SymbolicLinkName = Link;
}

VOID PnpNotifyInterface(const GUID *Event, const GUID *Class, PUNICODE_STRING Link)
{
    DEVICE_INTERFACE_CHANGE_NOTIFICATION Change;
    PNP_NEWS News = {.Class = Class, .Header = (PPLUGPLAY_NOTIFICATION_HEADER)&Change};

    PnpFillInterfaceNews(&Change, Event, Class, Link);
    PnpNotify(&News);
}

/* Of the three events that Plug and Play has for a device that goes, the first is a question. */
NTSTATUS PnpNotifyTarget(PDEVICE_OBJECT Pdo, const GUID *Event)
{
    TARGET_DEVICE_REMOVAL_NOTIFICATION Removal = {.Version = 1, .Size = sizeof Removal};
    PNP_NEWS News = {.Pdo = Pdo, .Header = (PPLUGPLAY_NOTIFICATION_HEADER)&Removal};

    Removal.Event = *Event;
    News.MayRefuse = memcmp(Event, &GUID_TARGET_DEVICE_QUERY_REMOVE, sizeof *Event) == 0;
    return PnpNotify(&News);
}

/* ---- Registrations -----------------------------------------------------------------------------
 */

/* The PDO of a file's device, referenced: the stack itself says which it is. */
static NTSTATUS PnpFindTarget(PFILE_OBJECT File, PDEVICE_OBJECT *Pdo)
{
    IO_STACK_LOCATION Parameters = {0};
    PVOID Answer = NULL;
    NTSTATUS Status;

    Parameters.Parameters.QueryDeviceRelations.Type = TargetDeviceRelation;
    Parameters.FileObject = File;
    Status = PnpSend(IoGetRelatedDeviceObject(File), IRP_MN_QUERY_DEVICE_RELATIONS, &Parameters,
                     &Answer);
    if (!NT_SUCCESS(Status) || Answer == NULL)
        return STATUS_INVALID_DEVICE_REQUEST;
    *Pdo = ((PDEVICE_RELATIONS)Answer)->Objects[0];
    ExFreePool(Answer);
    return STATUS_SUCCESS;
}

/* What is to be listened for. STATUS_INVALID_PARAMETER: no such category, or no data for it. */
static NTSTATUS PnpAimNotification(PNP_NOTIFICATION *Entry, PVOID Data)
{
    switch (Entry->Category) {
    case EventCategoryHardwareProfileChange: /* there is one, and it never changes */
        return Data ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
    case EventCategoryDeviceInterfaceChange:
        if (Data == NULL)
            return STATUS_INVALID_PARAMETER;
        Entry->Class = *(const GUID *)Data;
        return STATUS_SUCCESS;
    case EventCategoryTargetDeviceChange:
        if (Data == NULL)
            return STATUS_INVALID_PARAMETER;
        Entry->File = Data;
        return PnpFindTarget(Entry->File, &Entry->Pdo);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

static VOID PnpTellExisting(PNP_NOTIFICATION *Entry)
{
    DEVICE_INTERFACE_CHANGE_NOTIFICATION News;
    UNICODE_STRING Link;
    PWSTR List, Name;

    if (!NT_SUCCESS(IoGetDeviceInterfaces(&Entry->Class, NULL, 0, &List)))
        return;
    for (Name = List; *Name; Name += wcslen(Name) + 1) {
        RtlInitUnicodeString(&Link, Name);
        PnpFillInterfaceNews(&News, &GUID_DEVICE_INTERFACE_ARRIVAL, &Entry->Class, &Link);
        PnpTell(Entry, (PPLUGPLAY_NOTIFICATION_HEADER)&News);
    }
    ExFreePool(List);
}

static NTSTATUS PnpInsertNotification(PNP_NOTIFICATION *Entry, PVOID Data, BOOLEAN Existing)
{
    NTSTATUS Status = PnpAimNotification(Entry, Data);

    if (!NT_SUCCESS(Status))
        return Status;
    Entry->References = 2; /* the registration's, and ours */
    KeInitializeMutex(&Entry->Mutex, 0);
    ObReferenceObject(Entry->Driver);
    ExInterlockedInsertTailList(&PnpNotifications, &Entry->Link, &PnpNotifyLock);
    if (Existing)
        PnpTellExisting(Entry);
    PnpDereferenceNotification(Entry);
    return STATUS_SUCCESS;
}

/*
 * Has a routine called for events of a category (WDK: IoRegisterPlugPlayNotification). The driver
 * object is referenced until it is unregistered. With existing interfaces included, the routine may
 * hear of one twice. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoRegisterPlugPlayNotification(IO_NOTIFICATION_EVENT_CATEGORY EventCategory,
                                              ULONG EventCategoryFlags, PVOID EventCategoryData,
                                              PDRIVER_OBJECT DriverObject,
                                              PDRIVER_NOTIFICATION_CALLBACK_ROUTINE CallbackRoutine,
                                              PVOID Context, PVOID *NotificationEntry)
{
    PNP_NOTIFICATION *Entry = ExAllocatePoolWithTag(NonPagedPool, sizeof *Entry, TAG_PNP);
    BOOLEAN Existing =
        EventCategory == EventCategoryDeviceInterfaceChange &&
        (EventCategoryFlags & PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES);
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *NotificationEntry = NULL;
    if (Entry == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(Entry, 0, sizeof *Entry);
    Entry->Category = EventCategory;
    Entry->Driver = DriverObject;
    Entry->Routine = CallbackRoutine;
    Entry->Context = Context;
    *NotificationEntry = Entry; /* the routine may be called before we return */
    Status = PnpInsertNotification(Entry, EventCategoryData, Existing);
    if (!NT_SUCCESS(Status)) {
        *NotificationEntry = NULL;
        ExFreePoolWithTag(Entry, TAG_PNP);
    }
    return Status;
}

/* The routine does not run any more on return, unless it is the caller. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI IoUnregisterPlugPlayNotification(PVOID NotificationEntry)
{
    PNP_NOTIFICATION *Entry = NotificationEntry;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    KeWaitForSingleObject(&Entry->Mutex, Executive, KernelMode, FALSE, NULL);
    Entry->Unregistered = TRUE;
    KeReleaseMutex(&Entry->Mutex, FALSE);
    PnpDereferenceNotification(Entry);
    return STATUS_SUCCESS;
}

/* The same; it need not wait, but may (WDK: IoUnregisterPlugPlayNotificationEx). */
NTSTATUS NTAPI IoUnregisterPlugPlayNotificationEx(PVOID NotificationEntry)
{
    return IoUnregisterPlugPlayNotification(NotificationEntry);
}

/* ---- Events of drivers' own --------------------------------------------------------------------
 */

static BOOLEAN PnpIsReserved(const GUID *Event)
{
    return memcmp(Event, &GUID_TARGET_DEVICE_QUERY_REMOVE, sizeof *Event) == 0 ||
           memcmp(Event, &GUID_TARGET_DEVICE_REMOVE_CANCELLED, sizeof *Event) == 0 ||
           memcmp(Event, &GUID_TARGET_DEVICE_REMOVE_COMPLETE, sizeof *Event) == 0;
}

static NTSTATUS PnpCheckReport(PDEVICE_OBJECT Pdo, PPLUGPLAY_NOTIFICATION_HEADER Header)
{
    if (PNP_NODE_OF(Pdo) == NULL || PnpIsReserved(&Header->Event))
        return STATUS_INVALID_DEVICE_REQUEST;
    return Header->Size < FIELD_OFFSET(TARGET_DEVICE_CUSTOM_NOTIFICATION, CustomDataBuffer)
               ? STATUS_INVALID_PARAMETER
               : STATUS_SUCCESS;
}

/*
 * Tells those who listen to a device of an event that its driver defines, before it returns (WDK:
 * IoReportTargetDeviceChange). IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoReportTargetDeviceChange(PDEVICE_OBJECT PhysicalDeviceObject,
                                          PVOID NotificationStructure)
{
    PNP_NEWS News = {.Pdo = PhysicalDeviceObject, .Header = NotificationStructure};
    NTSTATUS Status = PnpCheckReport(PhysicalDeviceObject, NotificationStructure);

    return NT_SUCCESS(Status) ? PnpNotify(&News) : Status;
}

/* A report that a worker thread makes; the notification follows. */
typedef struct _PNP_REPORT {
    WORK_QUEUE_ITEM Item;
    PDEVICE_OBJECT Pdo;
    PDEVICE_CHANGE_COMPLETE_CALLBACK Callback;
    PVOID Context;
} PNP_REPORT;

static VOID NTAPI PnpRunReport(PVOID Parameter)
{
    PNP_REPORT *Report = Parameter;
    PNP_NEWS News = {.Pdo = Report->Pdo, .Header = (PPLUGPLAY_NOTIFICATION_HEADER)(Report + 1)};

    PnpNotify(&News);
    if (Report->Callback)
        Report->Callback(Report->Context);
    ObDereferenceObject(Report->Pdo);
    ExFreePoolWithTag(Report, TAG_PNP);
}

/*
 * The same, but returns at once; Callback is called when all have been told (WDK:
 * IoReportTargetDeviceChangeAsynchronous). IRQL <= DISPATCH_LEVEL. STATUS_PENDING: they will be.
 */
NTSTATUS NTAPI IoReportTargetDeviceChangeAsynchronous(PDEVICE_OBJECT PhysicalDeviceObject,
                                                      PVOID NotificationStructure,
                                                      PDEVICE_CHANGE_COMPLETE_CALLBACK Callback,
                                                      PVOID Context)
{
    PPLUGPLAY_NOTIFICATION_HEADER Header = NotificationStructure;
    NTSTATUS Status = PnpCheckReport(PhysicalDeviceObject, Header);
    PNP_REPORT *Report;

    if (!NT_SUCCESS(Status))
        return Status;
    Report = ExAllocatePoolWithTag(NonPagedPool, sizeof *Report + Header->Size, TAG_PNP);
    if (Report == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Report + 1, Header, Header->Size);
    Report->Pdo = PhysicalDeviceObject;
    Report->Callback = Callback;
    Report->Context = Context;
    ObReferenceObject(PhysicalDeviceObject);
    ExInitializeWorkItem(&Report->Item, PnpRunReport, Report);
    ExQueueWorkItem(&Report->Item, DelayedWorkQueue);
    return STATUS_PENDING;
}
