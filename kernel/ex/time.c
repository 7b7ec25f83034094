/* The time services: sleeping, the time of day, the performance counter. */
#include "kernel/ex/capture.h"
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/services.h"
#include "sched/sched.h"

NTSTATUS NTAPI NtDelayExecution(BOOLEAN Alertable, PLARGE_INTEGER DelayInterval)
{
    LARGE_INTEGER Captured;
    NTSTATUS Status = ExCopyIn(&Captured, DelayInterval, sizeof Captured);

    if (!NT_SUCCESS(Status))
        return Status;
    return KeDelayExecutionThread(KiGetCurrentThread()->PreviousMode, Alertable, &Captured);
}

NTSTATUS NTAPI NtQuerySystemTime(PLARGE_INTEGER SystemTime)
{
    LARGE_INTEGER Now;

    KeQuerySystemTime(&Now);
    return ExCopyOut(SystemTime, &Now, sizeof Now);
}

/* The counter and, if it is asked for, how often it counts in a second. */
NTSTATUS NTAPI NtQueryPerformanceCounter(PLARGE_INTEGER PerformanceCounter,
                                         PLARGE_INTEGER PerformanceFrequency)
{
    LARGE_INTEGER Frequency, Counter;
    NTSTATUS Status = ExProbeOut(PerformanceCounter, sizeof Counter);

    if (NT_SUCCESS(Status) && PerformanceFrequency)
        Status = ExProbeOut(PerformanceFrequency, sizeof Frequency);
    if (!NT_SUCCESS(Status))
        return Status;
    Counter = KeQueryPerformanceCounter(&Frequency);
    Status = ExCopyOut(PerformanceCounter, &Counter, sizeof Counter);
    if (NT_SUCCESS(Status) && PerformanceFrequency)
        Status = ExCopyOut(PerformanceFrequency, &Frequency, sizeof Frequency);
    return Status;
}
