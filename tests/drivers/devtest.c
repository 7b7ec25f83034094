/*
 * devtest.sys: what a driver may rely on about remove locks, work items and hardware resources
 * (WDK: Using Remove Locks, System Worker Threads, Hardware Resources).
 */
#include <ntddk.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define TAG  'tseD'
#define PORT 0x2F0

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Device, Other;

/* ---- Remove locks ------------------------------------------------------------------------------
 */

/* As a driver has it that is compiled with DBG, and one that is not: they tell its size. */
typedef struct _LONG_LOCK {
    IO_REMOVE_LOCK_COMMON_BLOCK Common;
    IO_REMOVE_LOCK_DBG_BLOCK Dbg;
} LONG_LOCK;

typedef struct _REMOVAL {
    PIO_REMOVE_LOCK Lock;
    ULONG Size;
    volatile LONG Over;
} REMOVAL;

static VOID NTAPI RemoveIt(PVOID Context)
{
    REMOVAL *Removal = Context;

    IoAcquireRemoveLockEx(Removal->Lock, Removal, "", 1, Removal->Size);
    IoReleaseRemoveLockAndWaitEx(Removal->Lock, Removal, Removal->Size);
    Removal->Over = TRUE;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* The tags need not differ, and the lock may be released by another thread than has acquired it. */
static VOID TestRemoveLock(PIO_REMOVE_LOCK Lock, ULONG Size)
{
    REMOVAL Removal = {Lock, Size, FALSE};
    PKTHREAD Thread;

    IoInitializeRemoveLockEx(Lock, TAG, 1, 5, Size);
    CheckEqual("remove lock: acquired", IoAcquireRemoveLockEx(Lock, Lock, "", 1, Size),
               STATUS_SUCCESS);
    CheckEqual("remove lock: and once more", IoAcquireRemoveLockEx(Lock, Lock, "", 1, Size),
               STATUS_SUCCESS);
    IoReleaseRemoveLockEx(Lock, Lock, Size);
    Thread = StartThread(RemoveIt, &Removal);
    while (!Lock->Common.Removed)
        Delay(5);
    CheckEqual("remove lock: being removed, it is refused",
               IoAcquireRemoveLockEx(Lock, NULL, "", 1, Size), STATUS_DELETE_PENDING);
    Check("remove lock: the removal waits", !Removal.Over);
    IoReleaseRemoveLockEx(Lock, Lock, Size);
    JoinThread(Thread);
    Check("remove lock: until it has been released", Removal.Over);
    CheckEqual("remove lock: afterwards, too", IoAcquireRemoveLockEx(Lock, NULL, "", 1, Size),
               STATUS_DELETE_PENDING);
}

/* ---- Work items --------------------------------------------------------------------------------
 */

typedef struct _WORK {
    KEVENT Done;
    PVOID Object;
    PIO_WORKITEM Item;
    KIRQL Irql;
} WORK;

static VOID NTAPI RunEx(PVOID IoObject, PVOID Context, PIO_WORKITEM Item)
{
    WORK *Work = Context;

    Work->Object = IoObject;
    Work->Item = Item;
    Work->Irql = KeGetCurrentIrql();
    KeSetEvent(&Work->Done, 0, FALSE);
}

static VOID NTAPI Run(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    RunEx(DeviceObject, Context, NULL);
}

static VOID TestWorkItems(VOID)
{
    PIO_WORKITEM Item = ExAllocatePoolWithTag(NonPagedPool, IoSizeofWorkItem(), TAG);
    WORK Work = {.Irql = HIGH_LEVEL};

    KeInitializeEvent(&Work.Done, SynchronizationEvent, FALSE);
    IoInitializeWorkItem(Driver, Item); /* a driver object will do */
    IoQueueWorkItemEx(Item, RunEx, DelayedWorkQueue, &Work);
    Wait(&Work.Done);
    Check("work item: runs with its object and itself",
          Work.Object == Driver && Work.Item == Item && Work.Irql == PASSIVE_LEVEL);
    IoUninitializeWorkItem(Item);
    IoInitializeWorkItem(Device, Item);
    IoQueueWorkItem(Item, Run, CriticalWorkQueue, &Work);
    Wait(&Work.Done);
    Check("work item: of a device", Work.Object == Device && Work.Item == NULL);
    IoUninitializeWorkItem(Item);
    ExFreePoolWithTag(Item, TAG);
}

/* ---- Resources ---------------------------------------------------------------------------------
 */

static VOID FillPorts(PCM_RESOURCE_LIST List, ULONG Start, ULONG Length)
{
    PCM_PARTIAL_RESOURCE_DESCRIPTOR Port = List->List[0].PartialResourceList.PartialDescriptors;

    RtlZeroMemory(List, sizeof *List);
    List->Count = 1;
    List->List[0].InterfaceType = Isa;
    List->List[0].PartialResourceList.Count = 1;
    Port->Type = CmResourceTypePort;
    Port->ShareDisposition = CmResourceShareDriverExclusive;
    Port->u.Port.Start.LowPart = Start;
    Port->u.Port.Length = Length;
}

static VOID TestReports(VOID)
{
    CM_RESOURCE_LIST Mine, Others;
    BOOLEAN Conflict = TRUE;

    FillPorts(&Mine, PORT, 8);
    FillPorts(&Others, PORT + 7, 8);
    CheckEqual(
        "resources: claimed",
        IoReportResourceUsage(NULL, Driver, NULL, 0, Device, &Mine, sizeof Mine, FALSE, &Conflict),
        STATUS_SUCCESS);
    Check("resources: no conflict", !Conflict);
    CheckEqual(
        "resources: somebody else's",
        IoReportResourceForDetection(Driver, NULL, 0, Other, &Others, sizeof Others, &Conflict),
        STATUS_CONFLICTING_ADDRESSES);
    Check("resources: a conflict", Conflict);
    CheckEqual("resources: overridden",
               IoReportResourceUsage(NULL, Driver, NULL, 0, Other, &Others, sizeof Others, TRUE,
                                     &Conflict),
               STATUS_SUCCESS);
    Check("resources: it is said all the same", Conflict);
    IoReportResourceUsage(NULL, Driver, NULL, 0, Other, NULL, 0, FALSE, &Conflict);
    IoReportResourceUsage(NULL, Driver, NULL, 0, Device, NULL, 0, FALSE, &Conflict);
    CheckEqual(
        "resources: given back, they are free",
        IoReportResourceForDetection(Driver, NULL, 0, Other, &Others, sizeof Others, &Conflict),
        STATUS_SUCCESS);
}

/* Four ports from where others has some of them on: the next aligned place that is free. */
static VOID TestAssignment(VOID)
{
    static IO_RESOURCE_REQUIREMENTS_LIST Wanted = {
        .ListSize = sizeof Wanted, .InterfaceType = Isa, .AlternativeLists = 1};
    PIO_RESOURCE_DESCRIPTOR Port = Wanted.List[0].Descriptors;
    PCM_RESOURCE_LIST List = NULL;
    UNICODE_STRING Path = {0};

    Wanted.List[0].Count = 1;
    Port->Type = CmResourceTypePort;
    Port->u.Port.Length = Port->u.Port.Alignment = 4;
    Port->u.Port.MinimumAddress.LowPart = PORT + 5;
    Port->u.Port.MaximumAddress.LowPart = PORT + 0x1F;
    CheckEqual("resources: assigned",
               IoAssignResources(&Path, NULL, Driver, Device, &Wanted, &List), STATUS_SUCCESS);
    if (List) {
        CheckEqual("resources: aligned, and nobody's",
                   List->List[0].PartialResourceList.PartialDescriptors[0].u.Port.Start.LowPart,
                   PORT + 0x10);
        ExFreePool(List);
    }
    Port->u.Port.MaximumAddress.LowPart = PORT + 0xF;
    CheckEqual("resources: there are none",
               IoAssignResources(&Path, NULL, Driver, Device, &Wanted, &List),
               STATUS_CONFLICTING_ADDRESSES);
    CheckEqual("resources: given back", IoAssignResources(&Path, NULL, Driver, Other, NULL, &List),
               STATUS_SUCCESS);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    IO_REMOVE_LOCK Short;
    LONG_LOCK Long;

    UNREFERENCED_PARAMETER(RegistryPath);
    Driver = DriverObject;
    IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Other);
    TestRemoveLock(&Short, sizeof Short);
    TestRemoveLock((PIO_REMOVE_LOCK)&Long, sizeof Long);
    TestWorkItems();
    TestReports();
    TestAssignment();
    return FinishTests("devtest");
}
