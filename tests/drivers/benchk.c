/*
 * benchk.sys: what the kernel's own routines cost, in guest instructions (tests/bench/bench.h).
 *
 * bench.exe asks for it by a device control request, so that the routines are called in kernel mode
 * on a thread of that program's. Its partners are system threads: a switch to one of them is a
 * switch to another process. Prints a line for each routine; docs/bench.md says what they mean.
 */
#include <ntifs.h>
#include <stdio.h>
#include "selftest.h"
#include "keyboard.h"
#include "../bench/bench.h"

#define TAG           'hcnB'
#define MAIN_PRIORITY 16 /* real-time, as the partner's: no boosts, and the crowd stays behind */
#define CROWD_MOST    4096
#define CROWD_SECONDS 1000 /* waits' time-outs: longer than any run */
#define TICKS         16
#define TICK_AT_LEAST 40 /* more than a reading ever takes */
#define ROUNDS        3

static void BenchMark(void)
{
    KeQueryPerformanceCounter(NULL);
}

static VOID Line(PCSTR Name, ULONG Value)
{
    DbgPrint("bench: %-52s %8lu\n", Name, Value);
}

static VOID Report(PCSTR Name, BENCH_OPERATION *Operation, PVOID Context, ULONG Divisor)
{
    ULONG Value = BenchMeasure(Operation, Context) / Divisor;

    DbgPrint("bench: %-52s %8lu /%lu\n", Name, Value, Divisor);
}

/* ---- One thread --------------------------------------------------------------------------------
 */

static KEVENT Event;
static KSPIN_LOCK Lock;
static FAST_MUTEX Mutex;
static KGUARDED_MUTEX Guarded;
static ERESOURCE Resource;
static NPAGED_LOOKASIDE_LIST Lookaside;
static KDPC Dpc;

#define OPERATION(Name) static void Name(unsigned long Count, void *Context)
#define REPEAT                                                                                     \
    UNREFERENCED_PARAMETER(Context);                                                               \
    while (Count--)

OPERATION(PoolSmall)
{
    while (Count--)
        ExFreePoolWithTag(ExAllocatePoolWithTag((POOL_TYPE)(ULONG_PTR)Context, 64, TAG), TAG);
}

OPERATION(PoolPage)
{
    while (Count--)
        ExFreePoolWithTag(ExAllocatePoolWithTag((POOL_TYPE)(ULONG_PTR)Context, PAGE_SIZE, TAG),
                          TAG);
}

OPERATION(PagedTouch)
{
    REPEAT
    {
        volatile UCHAR *Page = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, TAG);
        *Page = 1;
        ExFreePoolWithTag((PVOID)Page, TAG);
    }
}

OPERATION(RaiseAndLower)
{
    KIRQL Old;

    REPEAT
    {
        KeRaiseIrql(DISPATCH_LEVEL, &Old);
        KeLowerIrql(Old);
    }
}

OPERATION(SpinLockPair)
{
    KIRQL Old;

    REPEAT
    {
        KeAcquireSpinLock(&Lock, &Old);
        KeReleaseSpinLock(&Lock, Old);
    }
}

OPERATION(MutexPair)
{
    REPEAT
    {
        ExAcquireFastMutex(&Mutex);
        ExReleaseFastMutex(&Mutex);
    }
}

OPERATION(GuardedPair)
{
    REPEAT
    {
        KeAcquireGuardedMutex(&Guarded);
        KeReleaseGuardedMutex(&Guarded);
    }
}

OPERATION(ResourceExclusive)
{
    REPEAT
    {
        ExAcquireResourceExclusiveLite(&Resource, TRUE);
        ExReleaseResourceLite(&Resource);
    }
}

OPERATION(ResourceShared)
{
    REPEAT
    {
        ExAcquireResourceSharedLite(&Resource, TRUE);
        ExReleaseResourceLite(&Resource);
    }
}

OPERATION(LookasidePair)
{
    REPEAT
    ExFreeToNPagedLookasideList(&Lookaside, ExAllocateFromNPagedLookasideList(&Lookaside));
}

OPERATION(SetEvent)
{
    REPEAT
    KeSetEvent(&Event, 0, FALSE);
}

OPERATION(WaitSatisfied)
{
    REPEAT
    Wait(&Event);
}

OPERATION(DpcQueuedAndRun)
{
    REPEAT
    KeInsertQueueDpc(&Dpc, NULL, NULL);
}

static VOID NTAPI DpcRoutine(PKDPC This, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(This);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
}

static VOID InitializeObjects(VOID)
{
    KeInitializeEvent(&Event, NotificationEvent, TRUE);
    KeInitializeSpinLock(&Lock);
    ExInitializeFastMutex(&Mutex);
    KeInitializeDpc(&Dpc, DpcRoutine, NULL);
    KeInitializeGuardedMutex(&Guarded);
    ExInitializeResourceLite(&Resource);
    ExInitializeNPagedLookasideList(&Lookaside, NULL, NULL, 0, 64, TAG, 0);
}

static VOID MeasureOneThread(VOID)
{
    Report("nothing", BenchNothing, NULL, 1);
    Report("spin lock acquired and released, with IRQL", SpinLockPair, NULL, 1);
    Report("lookaside list, allocate and free", LookasidePair, NULL, 1);
    Report("IRQL raised to DISPATCH_LEVEL and lowered", RaiseAndLower, NULL, 1);
    Report("fast mutex acquired and released", MutexPair, NULL, 1);
    Report("guarded mutex acquired and released", GuardedPair, NULL, 1);
    Report("resource acquired exclusive and released", ResourceExclusive, NULL, 1);
    Report("resource acquired shared and released", ResourceShared, NULL, 1);
    Report("event set, nobody waits", SetEvent, NULL, 1);
    Report("wait for what is signalled", WaitSatisfied, NULL, 1);
    Report("DPC queued and run", DpcQueuedAndRun, NULL, 1);
    Report("nonpaged pool, 64 bytes, allocate and free", PoolSmall, (PVOID)NonPagedPool, 1);
    Report("paged pool, 64 bytes, allocate and free", PoolSmall, (PVOID)PagedPool, 1);
    Report("nonpaged pool, a page, allocate and free", PoolPage, (PVOID)NonPagedPool, 1);
    Report("paged pool, a page, allocate and free", PoolPage, (PVOID)PagedPool, 1);
    Report("the same, touched: with the page fault", PagedTouch, NULL, 1);
}

/*
 * What a clock tick takes from the thread that it interrupts: the time-stamp counter is read again
 * and again, and a reading that comes late shows a tick. Every other tick of a thread that never
 * waits ends its quantum: the least of several does not.
 */
static VOID MeasureTick(VOID)
{
    ULONG Shortest = MAXULONG, Sum = 0, i;

    for (i = 0; i < TICKS; i++) {
        ULONG Usual, Gap = 0;
        ULONGLONG Before = BenchClock(), Now;
        do {
            Usual = Gap;
            Now = BenchClock();
            Gap = (ULONG)(Now - Before);
            Before = Now;
        } while (Usual == 0 || Gap < Usual + TICK_AT_LEAST);
        Shortest = min(Shortest, Gap - Usual);
        Sum += Gap - Usual;
    }
    Line("clock tick without a reschedule", Shortest);
    Line("clock tick, mean, with the ends of quantums", Sum / TICKS);
}

/* ---- Two threads of different processes --------------------------------------------------------
 */

static KEVENT Ping, Pong;
static volatile BOOLEAN Stop;

static VOID Yield(VOID)
{
    static LARGE_INTEGER Zero;

    KeDelayExecutionThread(KernelMode, FALSE, &Zero);
}

static VOID NTAPI Yielder(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeSetPriorityThread(KeGetCurrentThread(), MAIN_PRIORITY);
    while (!Stop)
        Yield();
}

static VOID NTAPI Answerer(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeSetPriorityThread(KeGetCurrentThread(), MAIN_PRIORITY);
    while (!Stop) {
        KeSetEvent(&Pong, 0, FALSE);
        Wait(&Ping);
    }
}

OPERATION(YieldToPartner)
{
    REPEAT
    Yield();
}

/* Signals the partner, and waits until it has signalled back: two wake-ups, two switches. */
OPERATION(PingPong)
{
    REPEAT
    {
        KeSetEvent(&Ping, 0, FALSE);
        Wait(&Pong);
    }
}

/* The same; the waits here have a time-out, which none reaches. */
OPERATION(PingPongWithTimeout)
{
    LARGE_INTEGER Second = After(1000);

    REPEAT
    {
        KeSetEvent(&Ping, 0, FALSE);
        KeWaitForSingleObject(&Pong, Executive, KernelMode, FALSE, &Second);
    }
}

static VOID Pair(PKSTART_ROUTINE Partner, PCSTR Name, BENCH_OPERATION *Operation)
{
    PKTHREAD Thread;

    Stop = FALSE;
    KeInitializeEvent(&Ping, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Pong, SynchronizationEvent, FALSE);
    Thread = StartThread(Partner, NULL);
    KeSetPriorityThread(Thread, MAIN_PRIORITY);
    if (Partner == Answerer)
        Wait(&Pong); /* its first: it is about to wait */
    Yield();
    Report(Name, Operation, NULL, 2);
    Stop = TRUE;
    KeSetEvent(&Ping, 0, FALSE);
    JoinThread(Thread);
}

static VOID MeasureTwoThreads(VOID)
{
    Pair(Yielder, "yield to a thread of another process, one way", YieldToPartner);
    Pair(Answerer, "event set to its waiter running, another process", PingPong);
}

static VOID NTAPI Ends(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

OPERATION(ThreadCreateAndEnd)
{
    REPEAT
    JoinThread(StartThread(Ends, NULL));
}

/* ---- Floating point ----------------------------------------------------------------------------
 */

static void UseFloatingPoint(void)
{
    __asm__ volatile("fld1\n\tfstp %st(0)");
}

/* Answers like the other, and uses floating point in between. */
static VOID NTAPI FloatingAnswerer(PVOID Context)
{
    KFLOATING_SAVE Save;

    UNREFERENCED_PARAMETER(Context);
    KeSetPriorityThread(KeGetCurrentThread(), MAIN_PRIORITY);
    KeSaveFloatingPointState(&Save);
    while (!Stop) {
        UseFloatingPoint();
        KeSetEvent(&Pong, 0, FALSE);
        Wait(&Ping);
    }
    KeRestoreFloatingPointState(&Save);
}

OPERATION(PingPongFloat)
{
    REPEAT
    {
        UseFloatingPoint();
        KeSetEvent(&Ping, 0, FALSE);
        Wait(&Pong);
    }
}

OPERATION(FloatPair)
{
    KFLOATING_SAVE Save;

    REPEAT
    {
        KeSaveFloatingPointState(&Save);
        KeRestoreFloatingPointState(&Save);
    }
}

static VOID MeasureFloatingPoint(VOID)
{
    KFLOATING_SAVE Save;

    Report("floating-point state put aside and back", FloatPair, NULL, 1);
    KeSaveFloatingPointState(&Save);
    Report("the same, nested in another such pair", FloatPair, NULL, 1);
    Pair(FloatingAnswerer, "event, both threads use floating point", PingPongFloat);
    KeRestoreFloatingPointState(&Save);
}

/* ---- Devices -----------------------------------------------------------------------------------
 */

static BOOLEAN NTAPI KeyService(PKINTERRUPT Interrupt, PVOID Context)
{
    UNREFERENCED_PARAMETER(Interrupt);
    UNREFERENCED_PARAMETER(Context);
    KeyboardTake();
    return TRUE;
}

OPERATION(KeyPolled)
{
    REPEAT
    {
        KeyboardPress();
        KeyboardTake();
    }
}

OPERATION(KeyPressed)
{
    REPEAT
    KeyboardPress();
}

OPERATION(KeyPressedEarly)
{
    KIRQL Old;

    REPEAT
    {
        KeRaiseIrql(HIGH_LEVEL, &Old);
        KeyboardPress();
        KeLowerIrql(Old);
    }
}

/* What an interrupt adds to pressing a key and taking its code. */
static VOID MeasureInterrupts(VOID)
{
    unsigned long Polled;
    KAFFINITY Affinity;
    PKINTERRUPT Object;
    KIRQL Irql;
    ULONG Vector = HalGetInterruptVector(Isa, 0, KEYBOARD_LINE, KEYBOARD_LINE, &Irql, &Affinity);

    KeyboardEnable();
    Polled = BenchCount(KeyPolled, NULL);
    if (!NT_SUCCESS(IoConnectInterrupt(&Object, KeyService, NULL, NULL, Vector, Irql, Irql, Latched,
                                       FALSE, Affinity, FALSE)))
        return;
    Line("a device's interrupt", BenchCount(KeyPressed, NULL) - Polled);
    Line("the same, held back by IRQL", BenchCount(KeyPressedEarly, NULL) - Polled);
    IoDisconnectInterrupt(Object);
}

/* ---- Many threads ------------------------------------------------------------------------------
 */

static PKTHREAD Crowd[CROWD_MOST];
static ULONG CrowdSize;
static KEVENT CrowdArrived, CrowdGo;
static volatile LONG Arrived;
static volatile BOOLEAN CrowdStop;

/* A thread of the crowd: waits, with a time-out of its own, then yields until it is all over. */
static VOID NTAPI CrowdThread(PVOID Context)
{
    LARGE_INTEGER Timeout = After(CROWD_SECONDS * 1000 + (ULONG)(ULONG_PTR)Context);

    if (InterlockedIncrement(&Arrived) == (LONG)CrowdSize)
        KeSetEvent(&CrowdArrived, 0, FALSE);
    KeWaitForSingleObject(&CrowdGo, Executive, KernelMode, FALSE, &Timeout);
    while (!CrowdStop)
        Yield();
}

static VOID CrowdPair(PKSTART_ROUTINE Partner, PCSTR What, PCSTR State, BENCH_OPERATION *Operation)
{
    CHAR Name[64];

    _snprintf(Name, sizeof Name, "%s, %lu threads %s", What, CrowdSize, State);
    Pair(Partner, Name, Operation);
}

static VOID MeasureInCrowd(PCSTR State)
{
    CrowdPair(Yielder, "yield", State, YieldToPartner);
    CrowdPair(Answerer, "event", State, PingPong);
    CrowdPair(Answerer, "event with time-out", State, PingPongWithTimeout);
}

/* All are ready and of one priority: from a yield to the end of it each has run once. */
static VOID MeasureRound(VOID)
{
    ULONG Shortest = MAXULONG, i;
    CHAR Name[64];

    for (i = 0; i <= ROUNDS; i++) { /* the first round ends their waits */
        ULONGLONG Start = BenchClock();
        ULONG Taken;
        Yield();
        Taken = (ULONG)(BenchClock() - Start);
        if (i > 0)
            Shortest = min(Shortest, Taken / (CrowdSize + 1));
    }
    _snprintf(Name, sizeof Name, "yield, %lu threads in turn", CrowdSize);
    Line(Name, Shortest);
}

static VOID MeasureCrowd(ULONG Size)
{
    KPRIORITY Low;
    ULONG i;

    CrowdSize = Size;
    CrowdStop = FALSE;
    Arrived = 0;
    KeInitializeEvent(&CrowdArrived, NotificationEvent, FALSE);
    KeInitializeEvent(&CrowdGo, NotificationEvent, FALSE);
    for (i = 0; i < Size; i++)
        Crowd[i] = StartThread(CrowdThread, (PVOID)(ULONG_PTR)i);
    MeasureInCrowd("ready"); /* this thread's priority is too high for them to have run */
    Wait(&CrowdArrived);
    MeasureInCrowd("waiting");
    Low = KeQueryPriorityThread(Crowd[0]);
    KeSetEvent(&CrowdGo, 0, FALSE);
    KeSetPriorityThread(KeGetCurrentThread(), Low);
    MeasureRound();
    CrowdStop = TRUE;
    for (i = 0; i < Size; i++)
        JoinThread(Crowd[i]);
    KeSetPriorityThread(KeGetCurrentThread(), MAIN_PRIORITY);
}

/* ---- The driver --------------------------------------------------------------------------------
 */

static VOID MeasureAll(VOID)
{
    KPRIORITY Old = KeSetPriorityThread(KeGetCurrentThread(), MAIN_PRIORITY);

    InitializeObjects();
    MeasureOneThread();
    MeasureTick();
    MeasureInterrupts();
    MeasureTwoThreads();
    MeasureFloatingPoint();
    Report("thread created, run, ended, waited for", ThreadCreateAndEnd, NULL, 1);
    MeasureCrowd(2);
    MeasureCrowd(64);
    MeasureCrowd(512);
    MeasureCrowd(CROWD_MOST);
    ExDeleteNPagedLookasideList(&Lookaside);
    ExDeleteResourceLite(&Resource);
    KeSetPriorityThread(KeGetCurrentThread(), Old);
}

static NTSTATUS NTAPI BenchDispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_DEVICE_CONTROL)
        MeasureAll();
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(BENCH_DEVICE_NAME);
    UNICODE_STRING Link = RTL_CONSTANT_STRING(BENCH_LINK_NAME);
    PDEVICE_OBJECT DeviceObject;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = BenchDispatch;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = BenchDispatch;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = BenchDispatch;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = BenchDispatch;
    Status = IoCreateDevice(DriverObject, 0, &Name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &DeviceObject);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateSymbolicLink(&Link, &Name);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(DeviceObject);
    return Status;
}
