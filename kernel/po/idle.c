/*
 * Idle devices: a counter for each registered device counts seconds, and its driver sets it to zero
 * whenever it uses the device (the headers' PoSetDeviceBusy). Where it reaches the limit, the
 * device is told to go to a lower power state (WDK: PoRegisterDeviceForIdleDetection).
 *
 * The machine is on mains current: the limit is that for performance. The counter is written by the
 * driver and by the DPC without a lock, as the driver's macro has it; a second may get lost.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_IDLE         'ldIP'
#define SECOND_MS        1000
#define SECOND_100NS     (-10000000LL)
#define STANDARD_SECONDS (15 * 60) /* for those who leave it to the system */

typedef struct _POP_IDLE {
    PDEVICE_OBJECT Device; /* whose extension points here */
    KTIMER Timer;
    KDPC Dpc;
    ULONG Limit; /* seconds */
    DEVICE_POWER_STATE State;
    ULONG Seconds;      /* what the driver has a pointer to */
    volatile LONG Busy; /* PoStartDeviceBusy without PoEndDeviceBusy */
} POP_IDLE;

/* A second has passed. The device is there: its deletion stops the timer and waits for the DPC. */
static VOID NTAPI PopCountSecond(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    POP_IDLE *Idle = Context;
    POWER_STATE State = {.DeviceState = Idle->State};

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    if (Idle->Busy == 0 && ++Idle->Seconds == Idle->Limit)
        PoRequestPowerIrp(Idle->Device, IRP_MN_SET_POWER, State, NULL, NULL, NULL);
}

/* What the device's extension points to, made if need be; NULL: no memory. */
static POP_IDLE *PopIdleOf(PDEVICE_OBJECT Device)
{
    struct _POP_IDLE **Link = &IOP_DEVICE_OF(Device)->Idle;
    POP_IDLE *Idle = *Link;

    if (Idle)
        return Idle;
    Idle = ExAllocatePoolWithTag(NonPagedPool, sizeof *Idle, TAG_IDLE);
    if (Idle == NULL)
        return NULL;
    memset(Idle, 0, sizeof *Idle);
    Idle->Device = Device;
    KeInitializeTimerEx(&Idle->Timer, NotificationTimer);
    KeInitializeDpc(&Idle->Dpc, PopCountSecond, Idle);
    if (InterlockedCompareExchangePointer((PVOID *)Link, Idle, NULL) != NULL)
        ExFreePoolWithTag(Idle, TAG_IDLE); /* somebody else has made one meanwhile */
    return *Link;
}

/*
 * Has a device's idle seconds counted, by the counter that is returned. Times are in seconds; both
 * zero: not any more, and NULL is returned. IRQL <= DISPATCH_LEVEL.
 */
PULONG NTAPI PoRegisterDeviceForIdleDetection(PDEVICE_OBJECT DeviceObject,
                                              ULONG ConservationIdleTime, ULONG PerformanceIdleTime,
                                              DEVICE_POWER_STATE State)
{
    POP_IDLE *Idle = PopIdleOf(DeviceObject);
    LARGE_INTEGER Due = {.QuadPart = SECOND_100NS};

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Idle == NULL)
        return NULL;
    KeCancelTimer(&Idle->Timer);
    if (ConservationIdleTime == 0 && PerformanceIdleTime == 0)
        return NULL;
    Idle->Limit = PerformanceIdleTime == (ULONG)-1 ? STANDARD_SECONDS : PerformanceIdleTime;
    Idle->State = State;
    Idle->Seconds = 0;
    if (Idle->Limit)
        KeSetTimerEx(&Idle->Timer, Due, SECOND_MS, &Idle->Dpc);
    return &Idle->Seconds;
}

/* The device is being deleted. IRQL <= APC_LEVEL. */
VOID PoForgetIdle(PDEVICE_OBJECT Device)
{
    POP_IDLE *Idle = IOP_DEVICE_OF(Device)->Idle;

    if (Idle == NULL)
        return;
    KeCancelTimer(&Idle->Timer);
    KeFlushQueuedDpcs();
    IOP_DEVICE_OF(Device)->Idle = NULL;
    ExFreePoolWithTag(Idle, TAG_IDLE);
}

/* Busy for a moment, from now on, no more (WDK: PoSetDeviceBusyEx and its kin). Any IRQL. */
VOID NTAPI PoSetDeviceBusyEx(PULONG IdlePointer)
{
    *IdlePointer = 0;
}

VOID NTAPI PoStartDeviceBusy(PULONG IdlePointer)
{
    InterlockedIncrement(&CONTAINING_RECORD(IdlePointer, POP_IDLE, Seconds)->Busy);
    *IdlePointer = 0;
}

VOID NTAPI PoEndDeviceBusy(PULONG IdlePointer)
{
    *IdlePointer = 0;
    InterlockedDecrement(&CONTAINING_RECORD(IdlePointer, POP_IDLE, Seconds)->Busy);
}
