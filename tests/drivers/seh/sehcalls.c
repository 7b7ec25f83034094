/*
 * What raises exceptions, and where: the kernel's routines, with the statuses that the WDK
 * documents; at DISPATCH_LEVEL, in DPCs, in threads that are preempted by others which do the same.
 */
#include <ntifs.h>
#include "../selftest.h"
#include <excpt.h>

NTSTATUS NTAPI ExRaiseHardError(NTSTATUS ErrorStatus, ULONG NumberOfParameters,
                                ULONG UnicodeStringParameterMask, PULONG_PTR Parameters,
                                ULONG ValidResponseOptions, PULONG Response);

/* The status that Routine raises; STATUS_SUCCESS: none. */
static NTSTATUS Raised(VOID (*Routine)(PVOID), PVOID Context)
{
    __try {
        Routine(Context);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

static VOID RaiseStatus(PVOID Context)
{
    ExRaiseStatus((NTSTATUS)(ULONG_PTR)Context);
}

static VOID RaiseAccessViolation(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    ExRaiseAccessViolation();
}

static VOID RaiseMisalignment(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    ExRaiseDatatypeMisalignment();
}

static VOID TestRaise(VOID)
{
    CheckEqual("ExRaiseStatus", Raised(RaiseStatus, (PVOID)STATUS_IO_TIMEOUT), STATUS_IO_TIMEOUT);
    CheckEqual("ExRaiseAccessViolation", Raised(RaiseAccessViolation, NULL),
               STATUS_ACCESS_VIOLATION);
    CheckEqual("ExRaiseDatatypeMisalignment", Raised(RaiseMisalignment, NULL),
               STATUS_DATATYPE_MISALIGNMENT);
}

/* ---- Dispatcher objects ------------------------------------------------------------------------
 */

static VOID ReleaseTwo(PVOID Semaphore)
{
    KeReleaseSemaphore(Semaphore, 0, 2, FALSE);
}

static VOID TestSemaphore(VOID)
{
    KSEMAPHORE Semaphore;

    KeInitializeSemaphore(&Semaphore, 1, 2);
    CheckEqual("a semaphore beyond its limit", Raised(ReleaseTwo, &Semaphore),
               STATUS_SEMAPHORE_LIMIT_EXCEEDED);
    CheckEqual("... is left as it was", KeReadStateSemaphore(&Semaphore), 1);
    CheckEqual("... IRQL, too", KeGetCurrentIrql(), PASSIVE_LEVEL);
    CheckEqual("... and can be used", KeReleaseSemaphore(&Semaphore, 0, 1, FALSE), 1);
}

static VOID ReleaseMutex(PVOID Mutex)
{
    KeReleaseMutex(Mutex, FALSE);
}

static VOID TestMutex(VOID)
{
    KMUTEX Mutex;

    KeInitializeMutex(&Mutex, 0);
    CheckEqual("a mutex that is free is not released", Raised(ReleaseMutex, &Mutex),
               STATUS_MUTANT_NOT_OWNED);
    CheckEqual("... it can be taken", Wait(&Mutex), STATUS_SUCCESS);
    CheckEqual("... and released", Raised(ReleaseMutex, &Mutex), STATUS_SUCCESS);
    Check("kernel APCs are enabled as before", !KeAreApcsDisabled());
}

/* ---- Pool --------------------------------------------------------------------------------------
 */

#define TOO_MUCH 0x40000000

static PVOID Allocated;

static VOID AllocateOrRaise(PVOID Context)
{
    Allocated = ExAllocatePoolWithTag((POOL_TYPE)(ULONG_PTR)Context, TOO_MUCH, 'tseT');
}

static VOID AllocateWithQuota(PVOID Context)
{
    Allocated = ExAllocatePoolWithQuotaTag((POOL_TYPE)(ULONG_PTR)Context, TOO_MUCH, 'tseT');
}

static VOID TestPool(VOID)
{
    CheckEqual("pool that there is not, with POOL_RAISE_IF_ALLOCATION_FAILURE",
               Raised(AllocateOrRaise, (PVOID)(NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE)),
               STATUS_INSUFFICIENT_RESOURCES);
    CheckEqual("... paged",
               Raised(AllocateOrRaise, (PVOID)(PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE)),
               STATUS_INSUFFICIENT_RESOURCES);
    CheckEqual("... with quota", Raised(AllocateWithQuota, (PVOID)PagedPool),
               STATUS_INSUFFICIENT_RESOURCES);
    Allocated = &Allocated;
    CheckEqual("... with POOL_QUOTA_FAIL_INSTEAD_OF_RAISE",
               Raised(AllocateWithQuota, (PVOID)(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE)),
               STATUS_SUCCESS);
    Check("... NULL is returned", Allocated == NULL);
}

/* ---- Probes ------------------------------------------------------------------------------------
 */

typedef struct _PROBE {
    PCSTR Name;
    ULONG_PTR Address;
    SIZE_T Length;
    ULONG Alignment;
    NTSTATUS ForRead, ForWrite;
} PROBE;

static VOID Read(PVOID Context)
{
    const PROBE *Probe = Context;

    ProbeForRead((PVOID)Probe->Address, Probe->Length, Probe->Alignment);
}

static VOID Write(PVOID Context)
{
    const PROBE *Probe = Context;

    ProbeForWrite((PVOID)Probe->Address, Probe->Length, Probe->Alignment);
}

#define GOOD STATUS_SUCCESS
#define AV   STATUS_ACCESS_VIOLATION
#define ODD  STATUS_DATATYPE_MISALIGNMENT

/* No process here has memory at these addresses, so what is for writing fails if it is touched. */
static const PROBE Probes[] = {
    {"no bytes, anywhere", 0x80000001, 0, 4, GOOD, GOOD},
    {"an address without memory", 0x10000, 1, 1, GOOD, AV},
    {"NULL", 0, 4, 4, GOOD, AV},
    {"an odd address", 0x10001, 4, 4, ODD, ODD},
    {"... by two", 0x10002, 8, 8, ODD, ODD},
    {"... which may be odd", 0x10001, 4, 1, GOOD, AV},
    {"an odd address of the kernel's", 0x80000001, 4, 4, ODD, ODD},
    {"the last user byte", 0x7FFEFFFF, 1, 1, GOOD, AV},
    {"one byte beyond", 0x7FFEFFFF, 2, 1, AV, AV},
    {"the first byte beyond", 0x7FFF0000, 1, 1, AV, AV},
    {"the kernel", 0x80100000, 4, 4, AV, AV},
    {"a range that wraps around", 0x7FFE0000, 0xFFFFF000, 4, AV, AV},
    {"... by its last byte", 0xFFFFFFFC, 4, 4, AV, AV},
    {"all of it", 0, 0xFFFFFFFF, 1, AV, AV},
};

static VOID TestProbes(VOID)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Probes); i++) {
        DbgPrint("Probing %s:\n", Probes[i].Name);
        CheckEqual("... for reading", Raised(Read, (PVOID)&Probes[i]), Probes[i].ForRead);
        CheckEqual("... for writing", Raised(Write, (PVOID)&Probes[i]), Probes[i].ForWrite);
    }
}

/* ---- IRQL --------------------------------------------------------------------------------------
 */

static volatile KIRQL FilterIrql;

static LONG NoteIrql(VOID)
{
    FilterIrql = KeGetCurrentIrql();
    return EXCEPTION_EXECUTE_HANDLER;
}

static VOID RaiseAndNote(PVOID Context)
{
    __try {
        RaiseStatus(Context);
    } __except (NoteIrql()) {
    }
}

static VOID TestIrql(VOID)
{
    KSPIN_LOCK Lock;
    KIRQL OldIrql;

    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &OldIrql);
    RaiseAndNote((PVOID)STATUS_IO_TIMEOUT);
    CheckEqual("a filter runs at the IRQL of the exception", FilterIrql, DISPATCH_LEVEL);
    CheckEqual("... which the handler keeps", KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeReleaseSpinLock(&Lock, OldIrql);
    RaiseAndNote((PVOID)STATUS_IO_TIMEOUT);
    CheckEqual("... PASSIVE_LEVEL", FilterIrql, PASSIVE_LEVEL);
}

typedef struct _DPC_TEST {
    KEVENT Done;
    ULONG Handled;
    KIRQL Irql;
} DPC_TEST;

static VOID RaiseInDpc(DPC_TEST *Test)
{
    ULONG i;

    for (i = 0; i < 10; i++) {
        if (Raised(RaiseStatus, (PVOID)STATUS_IO_TIMEOUT) == STATUS_IO_TIMEOUT)
            Test->Handled++;
    }
    Test->Irql = KeGetCurrentIrql();
}

static VOID NTAPI DpcRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    DPC_TEST *Test = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    RaiseInDpc(Test);
    KeSetEvent(&Test->Done, 0, FALSE);
}

static VOID TestDpc(VOID)
{
    DPC_TEST Test = {.Handled = 0};
    KDPC Dpc;

    KeInitializeEvent(&Test.Done, NotificationEvent, FALSE);
    KeInitializeDpc(&Dpc, DpcRoutine, &Test);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    Wait(&Test.Done);
    CheckEqual("a DPC handles its own exceptions", Test.Handled, 10);
    CheckEqual("... at DISPATCH_LEVEL", Test.Irql, DISPATCH_LEVEL);
}

/* ---- Many at once ------------------------------------------------------------------------------
 */

#define THREADS 6
#define ROUNDS  400

static volatile LONG HandledInThreads, FinallyInThreads;

/* The depth of the stack differs from thread to thread and from round to round. */
static __declspec(noinline) VOID RaiseAtDepth(ULONG Depth)
{
    __try {
        if (Depth > 0)
            RaiseAtDepth(Depth - 1);
        else if (HandledInThreads % 2)
            ExRaiseStatus(STATUS_IO_TIMEOUT);
        else
            *(volatile ULONG *)NULL = 0;
    } __finally {
        InterlockedIncrement(&FinallyInThreads);
    }
}

static VOID NTAPI RaisingThread(PVOID Context)
{
    ULONG Number = (ULONG)(ULONG_PTR)Context, i;

    for (i = 0; i < ROUNDS; i++) {
        __try {
            RaiseAtDepth((Number + i) % 4);
        } __except (ZwYieldExecution(), EXCEPTION_EXECUTE_HANDLER) {
            InterlockedIncrement(&HandledInThreads);
        }
    }
}

/* Timers' DPCs come between, wherever the threads are. */
static VOID NTAPI TimerRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    RaiseInDpc(Context);
}

static VOID TestThreads(VOID)
{
    DPC_TEST Test = {.Handled = 0};
    PKTHREAD Threads[THREADS];
    KTIMER Timer;
    KDPC Dpc;
    ULONG i;

    KeInitializeTimerEx(&Timer, SynchronizationTimer);
    KeInitializeDpc(&Dpc, TimerRoutine, &Test);
    KeSetTimerEx(&Timer, After(10), 10, &Dpc);
    for (i = 0; i < THREADS; i++)
        Threads[i] = StartThread(RaisingThread, (PVOID)(ULONG_PTR)i);
    for (i = 0; i < THREADS; i++)
        JoinThread(Threads[i]);
    Wait(&Timer);
    KeCancelTimer(&Timer);
    KeFlushQueuedDpcs();
    CheckEqual("each thread handles its own exceptions", HandledInThreads, THREADS * ROUNDS);
    CheckEqual("... after each __finally block", FinallyInThreads,
               THREADS * ROUNDS / 4 * (1 + 2 + 3 + 4));
    Check("... and so do the DPCs that interrupt them",
          Test.Handled && Test.Handled % 10 == 0 && Test.Irql == DISPATCH_LEVEL);
}

/* ---- Hard errors -------------------------------------------------------------------------------
 */

static NTSTATUS NTAPI KeepPacket(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(Device);
    *(NTSTATUS *)Context = Irp->IoStatus.Status;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID TestHardErrorOfPacket(VOID)
{
    NTSTATUS Completed = STATUS_PENDING;
    PIRP Irp = IoAllocateIrp(2, FALSE);

    if (!Check("a packet", Irp != NULL))
        return;
    IoSetNextIrpStackLocation(Irp);
    IoSetCompletionRoutine(Irp, KeepPacket, &Completed, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(Irp);
    Irp->IoStatus.Status = STATUS_IO_DEVICE_ERROR;
    IoRaiseHardError(Irp, NULL, NULL);
    CheckEqual("IoRaiseHardError completes it as it is", Completed, STATUS_IO_DEVICE_ERROR);
    IoFreeIrp(Irp);
}

static VOID TestHardErrors(VOID)
{
    UNICODE_STRING String = RTL_CONSTANT_STRING(L"sehcalls reports this");
    ULONG_PTR Parameters[2] = {1, (ULONG_PTR)&String};
    ULONG Response = 99;

    Check("hard errors are reported", IoSetThreadHardErrorMode(TRUE));
    Check("... one is", IoRaiseInformationalHardError(STATUS_IO_TIMEOUT, &String, NULL));
    CheckEqual("ExRaiseHardError",
               ExRaiseHardError(STATUS_IO_TIMEOUT, 2, 2, Parameters, 1, &Response), STATUS_SUCCESS);
    CheckEqual("... is answered by nobody", Response, 0);
    CheckEqual("... and has four parameters at most",
               ExRaiseHardError(STATUS_IO_TIMEOUT, 5, 0, Parameters, 1, &Response),
               STATUS_INVALID_PARAMETER_2);
    TestHardErrorOfPacket();
    Check("they are disabled, and were not", IoSetThreadHardErrorMode(FALSE));
    Check("... so there is none",
          !IoRaiseInformationalHardError(STATUS_IO_TIMEOUT, NULL, KeGetCurrentThread()));
    Check("they are enabled, and were not", !IoSetThreadHardErrorMode(TRUE));
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(Driver);
    UNREFERENCED_PARAMETER(RegistryPath);
    TestRaise();
    TestSemaphore();
    TestMutex();
    TestPool();
    TestProbes();
    TestIrql();
    TestDpc();
    TestThreads();
    TestHardErrors();
    return FinishTests("sehcalls");
}
