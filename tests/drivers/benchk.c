/*
 * benchk.sys: what the kernel's own routines cost, in guest instructions (tests/bench/bench.h).
 * Runs in DriverEntry, on an idle machine, and prints a line for each; `make bench` shows them.
 */
#include <ntddk.h>

#include "../bench/bench.h"
#include "keyboard.h"

#define TAG   'hcnB'
#define TICKS 11

static KEVENT Event, Ping, Pong;
static KSPIN_LOCK Lock;
static FAST_MUTEX Mutex;
static KDPC Dpc;
static PVOID PartnerThread;
static volatile BOOLEAN Stop;

static void PoolSmall(void *Type)
{
    ExFreePoolWithTag(ExAllocatePoolWithTag((POOL_TYPE)(ULONG_PTR)Type, 64, TAG), TAG);
}

static void PoolPage(void *Type)
{
    ExFreePoolWithTag(ExAllocatePoolWithTag((POOL_TYPE)(ULONG_PTR)Type, PAGE_SIZE, TAG), TAG);
}

static void PagedTouch(void *Context)
{
    volatile UCHAR *Page = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, TAG);

    UNREFERENCED_PARAMETER(Context);
    *Page = 1;
    ExFreePoolWithTag((PVOID)Page, TAG);
}

static void RaiseAndLower(void *Context)
{
    KIRQL Old;

    UNREFERENCED_PARAMETER(Context);
    KeRaiseIrql(DISPATCH_LEVEL, &Old);
    KeLowerIrql(Old);
}

static void SpinLockPair(void *Context)
{
    KIRQL Old;

    UNREFERENCED_PARAMETER(Context);
    KeAcquireSpinLock(&Lock, &Old);
    KeReleaseSpinLock(&Lock, Old);
}

static void MutexPair(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    ExAcquireFastMutex(&Mutex);
    ExReleaseFastMutex(&Mutex);
}

static void SetEvent(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeSetEvent(&Event, 0, FALSE);
}

static void WaitSatisfied(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
}

static NPAGED_LOOKASIDE_LIST Lookaside;
static ERESOURCE Resource;
static KGUARDED_MUTEX Guarded;

static void LookasidePair(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    ExFreeToNPagedLookasideList(&Lookaside, ExAllocateFromNPagedLookasideList(&Lookaside));
}

static void ResourceExclusive(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    ExAcquireResourceExclusiveLite(&Resource, TRUE);
    ExReleaseResourceLite(&Resource);
}

static void ResourceShared(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    ExAcquireResourceSharedLite(&Resource, TRUE);
    ExReleaseResourceLite(&Resource);
}

static void GuardedPair(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeAcquireGuardedMutex(&Guarded);
    KeReleaseGuardedMutex(&Guarded);
}

static VOID NTAPI DpcRoutine(PKDPC This, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(This);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
}

static void DpcQueuedAndRun(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
}

static volatile BOOLEAN UseFloat; /* the partner is to use floating point, too */

static void UseFloatingPoint(void)
{
    __asm__ volatile("fld1\n\tfstp %st(0)");
}

/* Signals the partner, and waits until it has signalled back: two wake-ups, two switches. */
static void PingPong(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeSetEvent(&Ping, 0, FALSE);
    KeWaitForSingleObject(&Pong, Executive, KernelMode, FALSE, NULL);
}

static VOID NTAPI Partner(PVOID Context)
{
    KFLOATING_SAVE Save;

    UNREFERENCED_PARAMETER(Context);
    KeSaveFloatingPointState(&Save);
    for (;;) {
        KeWaitForSingleObject(&Ping, Executive, KernelMode, FALSE, NULL);
        if (UseFloat)
            UseFloatingPoint();
        KeSetEvent(&Pong, 0, FALSE);
        if (Stop)
            break;
    }
    KeRestoreFloatingPointState(&Save);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* The same between threads that both use floating point in between. */
static void PingPongFloat(void *Context)
{
    PingPong(Context);
    UseFloatingPoint();
}

static void FloatPair(void *Context)
{
    KFLOATING_SAVE Save;

    UNREFERENCED_PARAMETER(Context);
    KeSaveFloatingPointState(&Save);
    KeRestoreFloatingPointState(&Save);
}

static VOID NTAPI Ends(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void ThreadCreateAndEnd(void *Context)
{
    HANDLE Handle;
    PVOID Thread;

    UNREFERENCED_PARAMETER(Context);
    PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Ends, NULL);
    ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &Thread, NULL);
    ZwClose(Handle);
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
}

/* Between two looks at the clock there is little, or a tick. IRQL keeps out what a tick leads to.
 */
static ULONG MedianTick(VOID)
{
    ULONG Ticks[TICKS], i, j;
    KIRQL Old;

    KeRaiseIrql(DISPATCH_LEVEL, &Old);
    for (i = 0; i < TICKS; i++) {
        ULONG Least = MAXULONG, Between;
        for (;;) {
            unsigned long long Start = BenchClock();
            Between = (ULONG)(BenchClock() - Start);
            if (Between < Least)
                Least = Between;
            if (Between > Least + 20)
                break;
        }
        for (j = i; j > 0 && Ticks[j - 1] > Between - Least; j--)
            Ticks[j] = Ticks[j - 1];
        Ticks[j] = Between - Least;
    }
    KeLowerIrql(Old);
    return Ticks[TICKS / 2];
}

static BOOLEAN NTAPI KeyService(PKINTERRUPT Interrupt, PVOID Context)
{
    UNREFERENCED_PARAMETER(Interrupt);
    UNREFERENCED_PARAMETER(Context);
    KeyboardTake();
    return TRUE;
}

static void KeyPolled(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeyboardPress();
    KeyboardTake();
}

static void KeyPressed(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeyboardPress();
}

static void KeyPressedEarly(void *Context)
{
    KIRQL Old;

    UNREFERENCED_PARAMETER(Context);
    KeRaiseIrql(HIGH_LEVEL, &Old);
    KeyboardPress();
    KeLowerIrql(Old);
}

/* What an interrupt adds to pressing a key and taking its code. */
static VOID ReportInterrupts(VOID)
{
    unsigned long Polled;
    KAFFINITY Affinity;
    PKINTERRUPT Object;
    KIRQL Irql;
    ULONG Vector = HalGetInterruptVector(Isa, 0, KEYBOARD_LINE, KEYBOARD_LINE, &Irql, &Affinity);

    KeyboardEnable();
    Polled = BenchMeasure(KeyPolled, NULL);
    if (!NT_SUCCESS(IoConnectInterrupt(&Object, KeyService, NULL, NULL, Vector, Irql, Irql, Latched,
                                       FALSE, Affinity, FALSE)))
        return;
    DbgPrint("bench: %-44s %8lu\n", "a device's interrupt",
             BenchMeasure(KeyPressed, NULL) - Polled);
    DbgPrint("bench: %-44s %8lu\n", "the same, held back by IRQL",
             BenchMeasure(KeyPressedEarly, NULL) - Polled);
    IoDisconnectInterrupt(Object);
    DbgPrint("bench: %-44s %8lu\n", "clock tick", MedianTick());
}

static VOID Report(PCSTR Name, BENCH_OPERATION *Operation, PVOID Context, ULONG Divisor)
{
    DbgPrint("bench: %-44s %8lu\n", Name, BenchMeasure(Operation, Context) / Divisor);
}

static VOID ReportFloatingPoint(VOID)
{
    KFLOATING_SAVE Save;

    Report("floating-point state put aside and back", FloatPair, NULL, 1);
    KeSaveFloatingPointState(&Save);
    Report("the same, nested in another such pair", FloatPair, NULL, 1);
    UseFloat = TRUE;
    Report("signal and switch, both use floating point", PingPongFloat, NULL, 2);
    KeRestoreFloatingPointState(&Save);
}

static VOID Prepare(VOID)
{
    HANDLE Handle;

    KeInitializeEvent(&Event, NotificationEvent, TRUE);
    KeInitializeEvent(&Ping, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Pong, SynchronizationEvent, FALSE);
    KeInitializeSpinLock(&Lock);
    ExInitializeFastMutex(&Mutex);
    KeInitializeDpc(&Dpc, DpcRoutine, NULL);
    KeInitializeGuardedMutex(&Guarded);
    ExInitializeResourceLite(&Resource);
    ExInitializeNPagedLookasideList(&Lookaside, NULL, NULL, 0, 64, TAG, 0);
    PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Partner, NULL);
    ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &PartnerThread,
                              NULL);
    ZwClose(Handle);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    Prepare();
    Report("IRQL raised to DISPATCH_LEVEL and lowered", RaiseAndLower, NULL, 1);
    Report("spin lock acquired and released", SpinLockPair, NULL, 1);
    Report("fast mutex acquired and released", MutexPair, NULL, 1);
    Report("guarded mutex acquired and released", GuardedPair, NULL, 1);
    Report("resource acquired exclusive and released", ResourceExclusive, NULL, 1);
    Report("resource acquired shared and released", ResourceShared, NULL, 1);
    Report("lookaside list, allocate and free", LookasidePair, NULL, 1);
    Report("event set, nobody waits", SetEvent, NULL, 1);
    Report("wait for what is signalled", WaitSatisfied, NULL, 1);
    Report("DPC queued and run", DpcQueuedAndRun, NULL, 1);
    Report("nonpaged pool, 64 bytes, allocate and free", PoolSmall, (PVOID)NonPagedPool, 1);
    Report("paged pool, 64 bytes, allocate and free", PoolSmall, (PVOID)PagedPool, 1);
    Report("nonpaged pool, a page, allocate and free", PoolPage, (PVOID)NonPagedPool, 1);
    Report("paged pool, a page, allocate and free", PoolPage, (PVOID)PagedPool, 1);
    Report("the same, touched: with the page fault", PagedTouch, NULL, 1);
    Report("signal wakes a thread and switches", PingPong, NULL, 2);
    ReportFloatingPoint();
    Report("system thread created, ended, waited for", ThreadCreateAndEnd, NULL, 1);
    ReportInterrupts();
    ExDeleteNPagedLookasideList(&Lookaside);
    ExDeleteResourceLite(&Resource);
    Stop = TRUE;
    KeSetEvent(&Ping, 0, FALSE);
    KeWaitForSingleObject(PartnerThread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(PartnerThread); /* it has left this driver's code, so that may go, too */
    return STATUS_UNSUCCESSFUL;
}
