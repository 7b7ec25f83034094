/*
 * A device's timer: a routine that is called about once a second, at DISPATCH_LEVEL (WDK: Using an
 * I/O Timer). One clock serves all; it runs while there is a timer that is started.
 *
 * IopTimerLock guards the list and Started. It is not held while routines run, so IoStopTimer and
 * the deletion of a device wait until a running one has returned (IopTimerRunning).
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"

#define TAG_IO_TIMER 'mToI'
#define PERIOD_MS    1000

typedef struct _IO_TIMER {
    LIST_ENTRY ListEntry;
    PDEVICE_OBJECT DeviceObject;
    PIO_TIMER_ROUTINE Routine;
    PVOID Context;
    BOOLEAN Started;
} IO_TIMER;

static LIST_ENTRY IopTimers = {&IopTimers, &IopTimers};
static KSPIN_LOCK IopTimerLock;
static PIO_TIMER volatile IopTimerRunning; /* whose routine is being called */
static PKTHREAD volatile IopTimerThread;   /* in which thread's context */
static BOOLEAN IopTimerClockSet;
static KTIMER IopTimerClock;
static KDPC IopTimerDpc;

/* The started timer behind an entry of the list; NULL: that was the last. */
static PIO_TIMER IopNextStarted(PLIST_ENTRY Entry)
{
    for (Entry = Entry->Flink; Entry != &IopTimers; Entry = Entry->Flink) {
        PIO_TIMER Timer = CONTAINING_RECORD(Entry, IO_TIMER, ListEntry);
        if (Timer->Started)
            return Timer;
    }
    return NULL;
}

/* One that is running is not freed, so its entry leads to the next. */
static VOID NTAPI IopTimerTick(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PIO_TIMER Timer;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeAcquireSpinLockAtDpcLevel(&IopTimerLock);
    for (Timer = IopNextStarted(&IopTimers); Timer; Timer = IopNextStarted(&Timer->ListEntry)) {
        IopTimerRunning = Timer;
        IopTimerThread = KeGetCurrentThread();
        KeReleaseSpinLockFromDpcLevel(&IopTimerLock);
        Timer->Routine(Timer->DeviceObject, Timer->Context);
        KeAcquireSpinLockAtDpcLevel(&IopTimerLock);
    }
    IopTimerRunning = NULL;
    KeReleaseSpinLockFromDpcLevel(&IopTimerLock);
}

static VOID IopStartClock(VOID)
{
    LARGE_INTEGER Due = {.QuadPart = -10000LL * PERIOD_MS};

    if (IopTimerClockSet)
        return;
    IopTimerClockSet = TRUE;
    KeInitializeTimer(&IopTimerClock);
    KeInitializeDpc(&IopTimerDpc, IopTimerTick, NULL);
    KeSetTimerEx(&IopTimerClock, Due, PERIOD_MS, &IopTimerDpc);
}

/*
 * Gives a device a timer, or its timer another routine (WDK: IoInitializeTimer). IRQL:
 * PASSIVE_LEVEL. STATUS_INSUFFICIENT_RESOURCES.
 */
NTSTATUS NTAPI IoInitializeTimer(PDEVICE_OBJECT DeviceObject, PIO_TIMER_ROUTINE TimerRoutine,
                                 PVOID Context)
{
    PIO_TIMER Timer = DeviceObject->Timer;
    KIRQL Irql;

    if (Timer == NULL)
        Timer = ExAllocatePoolWithTag(NonPagedPool, sizeof *Timer, TAG_IO_TIMER);
    if (Timer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeAcquireSpinLock(&IopTimerLock, &Irql);
    if (DeviceObject->Timer == NULL) {
        Timer->DeviceObject = DeviceObject;
        Timer->Started = FALSE;
        InsertTailList(&IopTimers, &Timer->ListEntry);
    }
    Timer->Routine = TimerRoutine;
    Timer->Context = Context;
    IopStartClock();
    DeviceObject->Timer = Timer;
    KeReleaseSpinLock(&IopTimerLock, Irql);
    return STATUS_SUCCESS;
}

/* Starts a device's timer (WDK: IoStartTimer). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoStartTimer(PDEVICE_OBJECT DeviceObject)
{
    KIRQL Irql;

    KeAcquireSpinLock(&IopTimerLock, &Irql);
    if (!(IOP_DEVICE_OF(DeviceObject)->ExtensionFlags & IOP_GOING))
        DeviceObject->Timer->Started = TRUE;
    KeReleaseSpinLock(&IopTimerLock, Irql);
}

/* Waits until a timer's routine has returned, unless that is who asks. The lock is held. */
static VOID IopWaitForRoutine(PIO_TIMER Timer, KIRQL Irql)
{
    while (IopTimerRunning == Timer && IopTimerThread != KeGetCurrentThread()) {
        KeReleaseSpinLock(&IopTimerLock, Irql);
        YieldProcessor();
        KeAcquireSpinLock(&IopTimerLock, &Irql);
    }
}

/*
 * Stops a device's timer (WDK: IoStopTimer). When it returns the routine is not running, but for
 * the routine's own call. IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI IoStopTimer(PDEVICE_OBJECT DeviceObject)
{
    KIRQL Irql;

    KeAcquireSpinLock(&IopTimerLock, &Irql);
    DeviceObject->Timer->Started = FALSE;
    IopWaitForRoutine(DeviceObject->Timer, Irql);
    KeReleaseSpinLock(&IopTimerLock, Irql);
}

/* The device is deleted. */
VOID IopForgetTimer(PDEVICE_OBJECT Device)
{
    PIO_TIMER Timer = Device->Timer;
    KIRQL Irql;

    if (Timer == NULL)
        return;
    KeAcquireSpinLock(&IopTimerLock, &Irql);
    IopWaitForRoutine(Timer, Irql);
    RemoveEntryList(&Timer->ListEntry);
    Device->Timer = NULL;
    KeReleaseSpinLock(&IopTimerLock, Irql);
    ExFreePoolWithTag(Timer, TAG_IO_TIMER);
}
