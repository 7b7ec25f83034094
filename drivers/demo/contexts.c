/*
 * The contexts that the driver's code runs in besides its callers': a timer's DPC, a work item and
 * a system thread of its own.
 *
 *   context       whose process      IRQL            may it wait, or touch paged pool?
 *   timer's DPC   whoever's runs     DISPATCH_LEVEL  no
 *   work item     System             PASSIVE_LEVEL   yes
 *   own thread    System             PASSIVE_LEVEL   yes
 *
 * So what a DPC may not do, it hands on to a work item.
 *
 * What must hold at unload: none of the three can run any more before the memory that they use is
 * freed, and before the driver's code itself is unmapped. Each ends in its own way; see
 * DemoStopContexts.
 */
#include "device.h"

#define TIMER_PERIOD_MS  10
#define THREAD_PERIOD_MS 50

/* Relative times are negative, in units of 100 ns (WDK: KeSetTimerEx). */
static LARGE_INTEGER DemoMilliseconds(ULONG Milliseconds)
{
    LARGE_INTEGER Time;

    Time.QuadPart = -10000LL * Milliseconds;
    return Time;
}

/* ---- The work item ----------------------------------------------------------------------------
 */

/*
 * Runs at PASSIVE_LEVEL in a worker thread of the System process. The I/O manager holds a
 * reference to the device object until this routine has returned, so neither the extension nor
 * this code can vanish under it (WDK: IoQueueWorkItem). The event is the last thing it touches:
 * after that the driver may free the rest, or queue the item again.
 */
static PAGEABLE VOID NTAPI DemoWorkRoutine(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    PDEMO_DEVICE Device = Context;

    UNREFERENCED_PARAMETER(DeviceObject);
    PAGED_CODE();
    DemoTouchText(Device, DemoWorkItem, NULL);
    KeSetEvent(&Device->WorkIdle, IO_NO_INCREMENT, FALSE);
}

/* Asks for the work item. If it was asked for already, or is on its way: once more is enough. */
RESIDENT VOID DemoWantWork(PDEMO_DEVICE Device)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&Device->Lock, &OldIrql);
    Device->WorkWanted = TRUE;
    KeReleaseSpinLock(&Device->Lock, OldIrql);
}

/*
 * Called by the DPC. A work item must not be queued twice, so WorkIdle says when it may be. With
 * several processors the next expiry's DPC may start on another one while this one still runs:
 * the lock makes testing and queueing one step. We are at DISPATCH_LEVEL already, so the variant
 * that leaves IRQL alone will do.
 */
static VOID DemoQueueWantedWork(PDEMO_DEVICE Device)
{
    KeAcquireSpinLockAtDpcLevel(&Device->Lock);
    if (Device->WorkWanted && KeReadStateEvent(&Device->WorkIdle)) {
        Device->WorkWanted = FALSE;
        KeClearEvent(&Device->WorkIdle);
        IoQueueWorkItem(Device->WorkItem, DemoWorkRoutine, DelayedWorkQueue, Device);
    }
    KeReleaseSpinLockFromDpcLevel(&Device->Lock);
}

/* ---- The timer's DPC --------------------------------------------------------------------------
 */

/* Has the DPC run on the next processor the next time: all see the same pool. */
static VOID DemoMoveDpc(PDEMO_DEVICE Device)
{
    KAFFINITY Processors = KeQueryActiveProcessors();

    do
        Device->DpcProcessor = (Device->DpcProcessor + 1) % (sizeof Processors * 8);
    while (!(Processors & ((KAFFINITY)1 << Device->DpcProcessor)));
    KeSetTargetProcessorDpc(&Device->TimerDpc, (CCHAR)Device->DpcProcessor);
}

/*
 * Runs at DISPATCH_LEVEL in an arbitrary context: that of the thread which the clock happened to
 * interrupt, with that process's page directory loaded. Its system-space addresses are as good
 * here as anywhere. A user address would mean that process's memory, not the one we would expect.
 */
static VOID NTAPI DemoTimerDpcRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEMO_DEVICE Device = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    DemoTouchResident(Device, DemoTimerDpc);
    DemoQueueWantedWork(Device);
    DemoMoveDpc(Device);
}

/* ---- The thread -------------------------------------------------------------------------------
 */

/*
 * A thread of the System process, which has no user half at all. It touches the text now and then,
 * until it is told to stop. Waiting with a time-out is how a thread does something periodically
 * and still hears at once when it is to end. A system thread ends only by its own hand.
 */
static PAGEABLE VOID NTAPI DemoThreadRoutine(PVOID Context)
{
    PDEMO_DEVICE Device = Context;
    LARGE_INTEGER Period = DemoMilliseconds(THREAD_PERIOD_MS);

    PAGED_CODE();
    while (KeWaitForSingleObject(&Device->StopThread, Executive, KernelMode, FALSE, &Period) ==
           STATUS_TIMEOUT)
        DemoTouchText(Device, DemoOwnThread, NULL);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/*
 * Makes the thread and keeps a reference to its object, which can be waited for when the handle is
 * gone. OBJ_KERNEL_HANDLE: DriverEntry may run in a process whose programs must not get hold of
 * the handle. (WDK: PsCreateSystemThread.)
 */
static INITIAL NTSTATUS DemoStartThread(PDEMO_DEVICE Device)
{
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle;
    NTSTATUS Status;

    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    Status = PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL,
                                  DemoThreadRoutine, Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObReferenceObjectByHandle(Handle, SYNCHRONIZE, *PsThreadType, KernelMode,
                                       (PVOID *)&Device->Thread, NULL);
    NT_ASSERT(NT_SUCCESS(Status)); /* the handle is ours and has all access */
    ZwClose(Handle);
    return Status;
}

/* ---- Start and stop ---------------------------------------------------------------------------
 */

/* Everything is initialised before anything can run. */
INITIAL NTSTATUS DemoStartContexts(PDEMO_DEVICE Device)
{
    NTSTATUS Status;

    KeInitializeTimer(&Device->Timer);
    KeInitializeDpc(&Device->TimerDpc, DemoTimerDpcRoutine, Device);
    KeInitializeEvent(&Device->WorkIdle, NotificationEvent, TRUE);
    KeInitializeEvent(&Device->StopThread, NotificationEvent, FALSE);
    Device->WorkItem = IoAllocateWorkItem(Device->DeviceObject);
    if (Device->WorkItem == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = DemoStartThread(Device);
    if (NT_SUCCESS(Status))
        KeSetTimerEx(&Device->Timer, DemoMilliseconds(TIMER_PERIOD_MS), TIMER_PERIOD_MS,
                     &Device->TimerDpc);
    return Status;
}

/*
 * The order matters: first what starts others, then those. Cancelling the timer keeps new DPCs from
 * being queued but does not wait for one that is queued or running on another processor;
 * KeFlushQueuedDpcs does. From then on nobody queues the work item, and it can be waited for. The
 * thread's object is signalled when the thread has ended for good; an event that the thread sets
 * itself would not do, for it would still have a few instructions of ours to execute after that.
 */
PAGEABLE VOID DemoStopContexts(PDEMO_DEVICE Device)
{
    PAGED_CODE();
    if (Device->WorkItem == NULL)
        return; /* the start failed before anything ran */
    KeCancelTimer(&Device->Timer);
    KeFlushQueuedDpcs();
    KeWaitForSingleObject(&Device->WorkIdle, Executive, KernelMode, FALSE, NULL);
    IoFreeWorkItem(Device->WorkItem);
    if (Device->Thread) {
        KeSetEvent(&Device->StopThread, IO_NO_INCREMENT, FALSE);
        KeWaitForSingleObject(Device->Thread, Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(Device->Thread);
    }
}
