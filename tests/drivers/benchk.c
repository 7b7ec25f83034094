/*
 * benchk.sys: what the kernel's own routines cost, in guest instructions (tests/bench/bench.h).
 * Runs in DriverEntry, on an idle machine, and prints a line for each; `make bench` shows them.
 */
#include <ntddk.h>

#include "../bench/bench.h"

#define TAG 'hcnB'

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

/* Signals the partner, and waits until it has signalled back: two wake-ups, two switches. */
static void PingPong(void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeSetEvent(&Ping, 0, FALSE);
    KeWaitForSingleObject(&Pong, Executive, KernelMode, FALSE, NULL);
}

static VOID NTAPI Partner(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    for (;;) {
        KeWaitForSingleObject(&Ping, Executive, KernelMode, FALSE, NULL);
        KeSetEvent(&Pong, 0, FALSE);
        if (Stop)
            PsTerminateSystemThread(STATUS_SUCCESS);
    }
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

static VOID Report(PCSTR Name, BENCH_OPERATION *Operation, PVOID Context, ULONG Divisor)
{
    DbgPrint("bench: %-44s %8lu\n", Name, BenchMeasure(Operation, Context) / Divisor);
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
    Report("system thread created, ended, waited for", ThreadCreateAndEnd, NULL, 1);
    ExDeleteNPagedLookasideList(&Lookaside);
    ExDeleteResourceLite(&Resource);
    Stop = TRUE;
    KeSetEvent(&Ping, 0, FALSE);
    KeWaitForSingleObject(PartnerThread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(PartnerThread); /* it has left this driver's code, so that may go, too */
    return STATUS_UNSUCCESSFUL;
}
