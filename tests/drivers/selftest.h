/*
 * For test drivers that check something by themselves: a line of debug output for each check,
 * "PASS name" or "FAIL name ...", and at the end "driver: N passed, M failed".
 *
 * A test that counts on the order in which one processor runs threads says so: HoldToOneProcessor.
 *
 * Checks are made from any IRQL <= DISPATCH_LEVEL, but by one thread at a time. A driver runs its
 * tests in DriverEntry, so that its loading succeeds only if all of them pass.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <ntddk.h>

static ULONG TestPassed, TestFailed;
static KAFFINITY TestProcessors; /* not 0: the test's threads are held to these */

/* Notes one check; returns whether it holds. */
static inline BOOLEAN Check(PCSTR Name, BOOLEAN Holds)
{
    if (Holds)
        TestPassed++;
    else
        TestFailed++;
    DbgPrint("%s %s\n", Holds ? "PASS" : "FAIL", Name);
    return Holds;
}

/* The same for a number, which must be from Least to Most. */
static inline BOOLEAN CheckRange(PCSTR Name, LONG Value, LONG Least, LONG Most)
{
    if (Value >= Least && Value <= Most)
        return Check(Name, TRUE);
    TestFailed++;
    DbgPrint("FAIL %s: %ld (0x%lx), expected %ld to %ld\n", Name, Value, Value, Least, Most);
    return FALSE;
}

static inline BOOLEAN CheckEqual(PCSTR Name, LONG Value, LONG Expected)
{
    return CheckRange(Name, Value, Expected, Expected);
}

/* The closing line, and DriverEntry's status. */
static inline NTSTATUS FinishTests(PCSTR Driver)
{
    if (TestProcessors)
        KeRevertToUserAffinityThread();
    DbgPrint("%s: %lu passed, %lu failed\n", Driver, TestPassed, TestFailed);
    return TestFailed ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}

/* A relative time: negative, in units of 100 ns. */
static inline LARGE_INTEGER After(ULONG Milliseconds)
{
    LARGE_INTEGER Time;

    Time.QuadPart = -10000LL * Milliseconds;
    return Time;
}

static inline NTSTATUS Delay(ULONG Milliseconds)
{
    LARGE_INTEGER Time = After(Milliseconds);

    return KeDelayExecutionThread(KernelMode, FALSE, &Time);
}

static inline NTSTATUS Wait(PVOID Object)
{
    return KeWaitForSingleObject(Object, Executive, KernelMode, FALSE, NULL);
}

/* The object's wait with a time-out of zero; it uses up what a wait uses up. */
static inline NTSTATUS Poll(PVOID Object)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};

    return KeWaitForSingleObject(Object, Executive, KernelMode, FALSE, &Zero);
}

static inline BOOLEAN IsSignalled(PVOID Object)
{
    return Poll(Object) == STATUS_SUCCESS;
}

/* What a test's thread is to do once it is where it belongs. */
typedef struct _THREAD_START {
    PKSTART_ROUTINE Routine;
    PVOID Context;
} THREAD_START, *PTHREAD_START;

/* This thread, and those started from now on, run on the first processor until FinishTests. */
static inline VOID HoldToOneProcessor(VOID)
{
    TestProcessors = 1;
    KeSetSystemAffinityThread(TestProcessors);
}

static inline VOID NTAPI BeginThread(PVOID Context)
{
    THREAD_START Start = *(PTHREAD_START)Context;

    ExFreePoolWithTag(Context, 'tseT');
    KeSetSystemAffinityThread(TestProcessors);
    Start.Routine(Start.Context);
}

/* What a thread has to begin with that is to be held to TestProcessors. */
static inline PTHREAD_START MakeStart(PKSTART_ROUTINE Routine, PVOID Context)
{
    PTHREAD_START Start = ExAllocatePoolWithTag(NonPagedPool, sizeof *Start, 'tseT');

    if (Start == NULL)
        KeBugCheckEx(MANUALLY_INITIATED_CRASH, (ULONG_PTR)STATUS_INSUFFICIENT_RESOURCES, 0, 0, 0);
    *Start = (THREAD_START){Routine, Context};
    return Start;
}

/* A thread's object, referenced. A test without its threads can only stop. */
static inline PKTHREAD StartThread(PKSTART_ROUTINE Routine, PVOID Context)
{
    PKSTART_ROUTINE First = TestProcessors ? BeginThread : Routine;
    PVOID Argument = TestProcessors ? MakeStart(Routine, Context) : Context;
    OBJECT_ATTRIBUTES Attributes;
    PKTHREAD Thread = NULL;
    HANDLE Handle;
    NTSTATUS Status;

    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    Status =
        PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, First, Argument);
    if (NT_SUCCESS(Status))
        Status = ObReferenceObjectByHandle(Handle, SYNCHRONIZE, *PsThreadType, KernelMode,
                                           (PVOID *)&Thread, NULL);
    if (!NT_SUCCESS(Status))
        KeBugCheckEx(MANUALLY_INITIATED_CRASH, Status, 0, 0, 0);
    ZwClose(Handle);
    return Thread;
}

/* Returns when the thread has ended. */
static inline VOID JoinThread(PKTHREAD Thread)
{
    Wait(Thread);
    ObDereferenceObject(Thread);
}

#endif
