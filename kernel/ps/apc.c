/*
 * Threads' user APCs and alerts as system services. IRQL: PASSIVE_LEVEL.
 */
#include "kernel/ps/ps.h"
#include "kernel/services.h"
#include "sched/apc.h"

#define APC_TAG 'cpAP'

/* A user thread by its handle; a system thread has no user mode to run APCs in. */
static NTSTATUS PspReferenceUserThread(HANDLE Handle, ACCESS_MASK Access, PETHREAD *Thread)
{
    NTSTATUS Status = ObReferenceObjectByHandle(Handle, Access, *PsThreadType,
                                                ExGetPreviousMode(), (PVOID *)Thread, NULL);

    if (NT_SUCCESS(Status) && (*Thread)->UserStack == NULL) {
        ObDereferenceObject(*Thread);
        Status = STATUS_INVALID_HANDLE;
    }
    return Status;
}

/* The kernel routine of a queued APC: what has to be known of it is on its way to user mode. */
static VOID NTAPI PspFreeApc(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine, PVOID *NormalContext,
                             PVOID *SystemArgument1, PVOID *SystemArgument2)
{
    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    ExFreePool(Apc);
}

/* Queues ApcRoutine(Argument1, Argument2, Argument3) to a thread, as a user APC. */
NTSTATUS NTAPI NtQueueApcThread(HANDLE ThreadHandle, PKNORMAL_ROUTINE ApcRoutine, PVOID Argument1,
                                PVOID Argument2, PVOID Argument3)
{
    PETHREAD Thread;
    PKAPC Apc;
    NTSTATUS Status = PspReferenceUserThread(ThreadHandle, THREAD_SET_CONTEXT, &Thread);

    if (!NT_SUCCESS(Status))
        return Status;
    if (ApcRoutine == NULL)
        Status = STATUS_INVALID_PARAMETER;
    Apc = NT_SUCCESS(Status) ? ExAllocatePoolWithTag(NonPagedPool, sizeof *Apc, APC_TAG) : NULL;
    if (Apc) {
        KeInitializeApc(Apc, &Thread->Tcb, OriginalApcEnvironment, PspFreeApc, NULL, ApcRoutine,
                        UserMode, Argument1);
        if (!KeInsertQueueApc(Apc, Argument2, Argument3, 0)) {
            ExFreePool(Apc);
            Status = STATUS_UNSUCCESSFUL; /* it is ending */
        }
    } else if (NT_SUCCESS(Status)) {
        Status = STATUS_INSUFFICIENT_RESOURCES;
    }
    ObDereferenceObject(Thread);
    return Status;
}

/* Ends a thread's alertable wait, the present one or else its next, with STATUS_ALERTED. */
NTSTATUS NTAPI NtAlertThread(HANDLE ThreadHandle)
{
    PETHREAD Thread;
    NTSTATUS Status = ObReferenceObjectByHandle(ThreadHandle, THREAD_ALERT, *PsThreadType,
                                                ExGetPreviousMode(), (PVOID *)&Thread, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    KeAlertThread(&Thread->Tcb, ExGetPreviousMode());
    ObDereferenceObject(Thread);
    return STATUS_SUCCESS;
}

/* STATUS_ALERTED if the calling thread has been; else it runs its user APCs before it goes on. */
NTSTATUS NTAPI NtTestAlert(VOID)
{
    return KeTestAlertThread(ExGetPreviousMode()) ? STATUS_ALERTED : STATUS_SUCCESS;
}
