/*
 * Checks what several processors do together: shootdowns of the shared half, calls on all
 * processors, DPCs and threads on chosen ones, spin locks. With one processor most of it is
 * checked, too.
 */
#include <ntifs.h>
#include "selftest.h"

#define TAG            'tpmS'
#define COUNTING_100NS 10000000
#define ROUNDS         100

static ULONG Processors; /* how many */
static KSPIN_LOCK Lock;
static LARGE_INTEGER CountingEnd;
static volatile ULONG LockedCount;
static volatile LONG Entered, WrongIrql;

/* Runs a routine in a thread of its own on one processor. */
typedef struct _JOB {
    VOID (*Routine)(PVOID Argument);
    PVOID Argument;
    KAFFINITY Processor;
    PKTHREAD Thread;
} JOB;

static VOID NTAPI RunJob(PVOID Context)
{
    JOB *Job = Context;

    KeSetSystemAffinityThread(Job->Processor);
    Job->Routine(Job->Argument);
    KeRevertToUserAffinityThread();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID StartJob(JOB *Job, VOID (*Routine)(PVOID), PVOID Argument, ULONG Processor)
{
    Job->Routine = Routine;
    Job->Argument = Argument;
    Job->Processor = (KAFFINITY)1 << Processor;
    Job->Thread = StartThread(RunJob, Job);
}

static VOID EndJob(JOB *Job)
{
    JoinThread(Job->Thread);
}

static VOID NoteProcessor(PVOID Argument)
{
    *(PULONG)Argument = KeGetCurrentProcessorNumber();
}

static VOID TestAffinity(VOID)
{
    ULONG Number, i, Right = 0;
    JOB Job;

    for (i = 0; i < Processors; i++) {
        StartJob(&Job, NoteProcessor, &Number, i);
        EndJob(&Job);
        Right += Number == i;
    }
    CheckEqual("a thread runs on the processor that it is held to", Right, Processors);
    for (i = 0, Right = 0; i < ROUNDS; i++) {
        KeSetSystemAffinityThread((KAFFINITY)1 << (i % Processors));
        Right += KeGetCurrentProcessorNumber() == i % Processors;
    }
    KeRevertToUserAffinityThread();
    CheckEqual("and moves there at once", Right, ROUNDS);
}

#define MOVES 500

static volatile BOOLEAN Moving;
static JOB Busy[2 * MAXIMUM_PROCESSORS];

static VOID BeBusy(PVOID Argument)
{
    UNREFERENCED_PARAMETER(Argument);
    while (Moving)
        YieldProcessor();
}

/* Who was chosen to run next on a processor is soon chosen no more. */
static VOID ChangePriorities(PVOID Argument)
{
    ULONG i;

    UNREFERENCED_PARAMETER(Argument);
    KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
    for (i = 0; Moving; i++)
        KeSetPriorityThread(Busy[i % (2 * Processors)].Thread, 1 + (KPRIORITY)(i / 16 % 3));
}

static VOID StartFreeJob(JOB *Job, VOID (*Routine)(PVOID))
{
    Job->Routine = Routine;
    Job->Processor = KeQueryActiveProcessors();
    Job->Thread = StartThread(RunJob, Job);
}

/* A thread leaves a processor to others whose priorities change in that very moment. */
static VOID TestMoving(VOID)
{
    KPRIORITY Priority = KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY + 1);
    ULONG i, Right = 0;
    JOB Changer;

    Moving = TRUE;
    for (i = 0; i < 2 * Processors; i++)
        StartFreeJob(&Busy[i], BeBusy);
    StartFreeJob(&Changer, ChangePriorities);
    for (i = 0; i < MOVES; i++) {
        KeSetSystemAffinityThread((KAFFINITY)1 << (i % Processors));
        Right += KeGetCurrentProcessorNumber() == i % Processors;
    }
    KeRevertToUserAffinityThread();
    Moving = FALSE;
    KeSetPriorityThread(KeGetCurrentThread(), Priority);
    EndJob(&Changer);
    for (i = 0; i < 2 * Processors; i++)
        EndJob(&Busy[i]);
    CheckEqual("and leaves at once, whoever is to run there next", Right, MOVES);
}

/* For some time, not so often: who waits in turn waits for processors that the host may not run. */
static BOOLEAN TimeIsOver(VOID)
{
    LARGE_INTEGER Now;

    KeQuerySystemTime(&Now);
    return Now.QuadPart >= CountingEnd.QuadPart;
}

static VOID CountUnderLock(PVOID Argument)
{
    PULONG Count = Argument;
    KIRQL OldIrql;

    for (*Count = 0; !TimeIsOver(); (*Count)++) {
        KeAcquireSpinLock(&Lock, &OldIrql);
        LockedCount = LockedCount + 1;
        KeReleaseSpinLock(&Lock, OldIrql);
    }
}

static VOID CountUnderQueuedLock(PVOID Argument)
{
    PULONG Count = Argument;
    KLOCK_QUEUE_HANDLE Handle;

    for (*Count = 0; !TimeIsOver(); (*Count)++) {
        KeAcquireInStackQueuedSpinLock(&Lock, &Handle);
        LockedCount = LockedCount + 1;
        KeReleaseInStackQueuedSpinLock(&Handle);
    }
}

static VOID CountUnderNumberedLock(PVOID Argument)
{
    PULONG Count = Argument;
    KIRQL OldIrql;

    for (*Count = 0; !TimeIsOver(); (*Count)++) {
        if (*Count % 2 || !KeTryToAcquireQueuedSpinLock(LockQueueUnusedSpare1, &OldIrql))
            OldIrql = KeAcquireQueuedSpinLock(LockQueueUnusedSpare1);
        LockedCount = LockedCount + 1;
        KeReleaseQueuedSpinLock(LockQueueUnusedSpare1, OldIrql);
    }
}

static VOID TestLock(PCSTR Name, VOID (*Routine)(PVOID Argument))
{
    ULONG Counts[8], Sum = 0, i;
    JOB Jobs[8];

    LockedCount = 0;
    KeInitializeSpinLock(&Lock);
    KeQuerySystemTime(&CountingEnd);
    CountingEnd.QuadPart += COUNTING_100NS;
    for (i = 0; i < Processors; i++)
        StartJob(&Jobs[i], Routine, &Counts[i], i);
    for (i = 0; i < Processors; i++) {
        EndJob(&Jobs[i]);
        Sum += Counts[i];
    }
    CheckEqual(Name, LockedCount, Sum);
    CheckEqual("and the lock is free afterwards", Lock, 0);
}

static ULONG_PTR NTAPI EnterTogether(ULONG_PTR Argument)
{
    InterlockedIncrement(&Entered);
    if (KeGetCurrentIrql() != IPI_LEVEL)
        InterlockedIncrement(&WrongIrql);
    return Argument + KeGetCurrentProcessorNumber();
}

static VOID TestGenericCall(VOID)
{
    ULONG i, Right = 0;

    for (i = 0; i < Processors; i++) {
        KeSetSystemAffinityThread((KAFFINITY)1 << i);
        Right += KeIpiGenericCall(EnterTogether, 100) == 100 + i;
    }
    KeRevertToUserAffinityThread();
    CheckEqual("a call on all processors runs on all", Entered, Processors * Processors);
    CheckEqual("at IPI_LEVEL", WrongIrql, 0);
    CheckEqual("and returns what it returned here", Right, Processors);
}

static VOID NTAPI NoteDpcProcessor(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    *(PULONG)Context = KeGetCurrentProcessorNumber();
}

static VOID TestTargetedDpcs(VOID)
{
    KDPC Dpcs[8];
    ULONG Numbers[8], i, Right = 0;

    for (i = 0; i < Processors; i++) {
        Numbers[i] = MAXULONG;
        KeInitializeDpc(&Dpcs[i], NoteDpcProcessor, &Numbers[i]);
        KeSetTargetProcessorDpc(&Dpcs[i], (CCHAR)i);
        KeInsertQueueDpc(&Dpcs[i], NULL, NULL);
    }
    KeFlushQueuedDpcs();
    for (i = 0; i < Processors; i++)
        Right += Numbers[i] == i;
    CheckEqual("DPCs have run on their processors when they have been flushed", Right, Processors);
}

/*
 * A page of address space that shows first one page of memory, then another. A processor that has
 * looked at the first must see the second, although nothing but a shootdown tells it.
 */
static volatile ULONG *Shown;

static VOID ReadShown(PVOID Argument)
{
    *(PULONG)Argument = *Shown;
}

static ULONG ReadOn(ULONG Processor)
{
    ULONG Value = 0;
    JOB Job;

    StartJob(&Job, ReadShown, &Value, Processor);
    EndJob(&Job);
    return Value;
}

static VOID Show(PULONG Page)
{
    Shown = MmMapIoSpace(MmGetPhysicalAddress(Page), PAGE_SIZE, MmCached);
}

static VOID TestShootdown(PULONG First, PULONG Second)
{
    ULONG i, Same = 0, Right = 0;
    volatile ULONG *Before;

    for (i = 0; i < ROUNDS; i++) {
        ULONG Processor = i % Processors;
        Show(First);
        Right += ReadOn(Processor) == *First;
        Before = Shown;
        KeSetSystemAffinityThread((KAFFINITY)1 << ((i + 1) % Processors));
        MmUnmapIoSpace((PVOID)Shown, PAGE_SIZE);
        Show(Second);
        KeRevertToUserAffinityThread();
        Same += Shown == Before;
        Right += ReadOn(Processor) == *Second;
        MmUnmapIoSpace((PVOID)Shown, PAGE_SIZE);
    }
    CheckRange("an address has been used anew", Same, 1, ROUNDS);
    CheckEqual("and every processor sees what it shows now", Right, 2 * ROUNDS);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    KAFFINITY Active = KeQueryActiveProcessors();
    PULONG Pages = ExAllocatePoolWithTag(NonPagedPool, 2 * PAGE_SIZE, TAG);

    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    if (Pages == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    while (Active & ((KAFFINITY)1 << Processors))
        Processors++;
    DbgPrint("smptest: %lu processors\n", Processors);
    TestAffinity();
    TestMoving();
    TestLock("no addition under a spin lock is lost", CountUnderLock);
    TestLock("nor under a queued one", CountUnderQueuedLock);
    TestLock("nor under a numbered one", CountUnderNumberedLock);
    TestGenericCall();
    TestTargetedDpcs();
    Pages[0] = 1;
    Pages[PAGE_SIZE / sizeof(ULONG)] = 2;
    TestShootdown(Pages, Pages + PAGE_SIZE / sizeof(ULONG));
    ExFreePoolWithTag(Pages, TAG);
    return FinishTests("smptest");
}
