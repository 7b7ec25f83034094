/*
 * For the drivers that test waiting: threads that wait while DriverEntry's thread looks on.
 *
 * DriverEntry's thread runs at MAIN_PRIORITY and the workers above it, both real-time, where
 * boosts change nothing. All are held to one processor. So a worker that can run does run, until it
 * waits or has ended, before the call that started or woke it returns: when that call is over, the
 * worker is where the test wants it, and nobody has to let time pass to be sure of that. A worker
 * that is never woken hangs the test, which the machine's time limit ends.
 */
#ifndef WAITER_H
#define WAITER_H

#include <ntifs.h>
#include "selftest.h"

#define MAIN_PRIORITY     16
#define WORKER_PRIORITY   17
#define MOST_WAITER_COUNT THREAD_WAIT_OBJECTS

/* ---- What DriverEntry's thread does -----------------------------------------------------------
 */

/* The wait for several objects with a time-out of zero. */
static inline NTSTATUS PollSeveral(WAIT_TYPE Type, ULONG Count, PVOID *Objects)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};

    return KeWaitForMultipleObjects(Count, Objects, Type, Executive, KernelMode, FALSE, &Zero,
                                    NULL);
}

/* ---- Workers ----------------------------------------------------------------------------------
 */

typedef struct _WORKER {
    PKSTART_ROUTINE Job;
    PVOID Context;
    KEVENT Started;
    PKTHREAD Thread;
} WORKER, *PWORKER;

static inline VOID NTAPI WorkerRoutine(PVOID Context)
{
    PWORKER Worker = Context;

    KeSetPriorityThread(KeGetCurrentThread(), WORKER_PRIORITY);
    KeSetEvent(&Worker->Started, 0, FALSE);
    Worker->Job(Worker->Context);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* When this returns, the job waits for something or is done. Without its thread no test goes on. */
static inline VOID StartWorker(PWORKER Worker, PKSTART_ROUTINE Job, PVOID Context)
{
    Worker->Job = Job;
    Worker->Context = Context;
    KeInitializeEvent(&Worker->Started, NotificationEvent, FALSE);
    Worker->Thread = StartThread(WorkerRoutine, Worker);
    Wait(&Worker->Started);
}

/* Returns when the worker's thread has ended. */
static inline VOID EndWorker(PWORKER Worker)
{
    JoinThread(Worker->Thread);
}

/* ---- Waiters ----------------------------------------------------------------------------------
 */

/* A worker whose job is one wait. */
typedef struct _WAITER {
    WORKER Worker;
    WAIT_TYPE Type;
    ULONG Count;
    PVOID Objects[MOST_WAITER_COUNT];
    NTSTATUS Status;
    volatile ULONG Place; /* among the waits that have ended, 1: the first; 0: waits still */
} WAITER, *PWAITER;

static ULONG WaitsEnded;

static inline VOID NTAPI WaiterJob(PVOID Context)
{
    PWAITER Waiter = Context;

    if (Waiter->Count == 1)
        Waiter->Status = Wait(Waiter->Objects[0]);
    else
        Waiter->Status = KeWaitForMultipleObjects(Waiter->Count, Waiter->Objects, Waiter->Type,
                                                  Executive, KernelMode, FALSE, NULL, NULL);
    Waiter->Place = ++WaitsEnded;
}

static inline VOID StartWaiter(PWAITER Waiter, WAIT_TYPE Type, ULONG Count, PVOID *Objects)
{
    RtlZeroMemory(Waiter, sizeof *Waiter);
    Waiter->Type = Type;
    Waiter->Count = Count;
    RtlCopyMemory(Waiter->Objects, Objects, Count * sizeof *Objects);
    StartWorker(&Waiter->Worker, WaiterJob, Waiter);
}

/* Waiters for one object, begun in their order. Places are counted anew. */
static inline VOID StartWaiters(PWAITER Waiters, ULONG Count, PVOID Object)
{
    ULONG i;

    WaitsEnded = 0;
    for (i = 0; i < Count; i++)
        StartWaiter(&Waiters[i], WaitAny, 1, &Object);
}

static inline VOID EndWaiters(PWAITER Waiters, ULONG Count)
{
    ULONG i;

    for (i = 0; i < Count; i++)
        EndWorker(&Waiters[i].Worker);
}

/* Have three waiters' waits ended in these places? */
static inline BOOLEAN InPlaces(const WAITER *Waiters, ULONG First, ULONG Second, ULONG Third)
{
    return Waiters[0].Place == First && Waiters[1].Place == Second && Waiters[2].Place == Third;
}

/* ---- The driver -------------------------------------------------------------------------------
 */

static inline VOID NTAPI UnloadNothing(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

/* DriverEntry's work: all tests, at the priority that they count on. */
static inline NTSTATUS RunTests(PDRIVER_OBJECT DriverObject, PCSTR Driver, VOID (*Tests)(VOID))
{
    KPRIORITY Old = KeSetPriorityThread(KeGetCurrentThread(), MAIN_PRIORITY);

    HoldToOneProcessor();
    DriverObject->DriverUnload = UnloadNothing;
    Tests();
    KeSetPriorityThread(KeGetCurrentThread(), Old);
    return FinishTests(Driver);
}

#endif
