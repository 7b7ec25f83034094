/*
 * Processes and threads by their ids: pointers for drivers, handles for everybody (WDK:
 * PsLookupProcessThreadByCid, ZwOpenProcess, ZwOpenThread). IRQL: PASSIVE_LEVEL.
 */
#include "kernel/ke/ke.h"
#include "kernel/ob/security.h"
#include "kernel/ps/ps.h"
#include "kernel/services.h"

/* The thread of these two ids, and its process if that is asked for; both referenced. */
NTSTATUS NTAPI PsLookupProcessThreadByCid(PCLIENT_ID Cid, PEPROCESS *Process, PETHREAD *Thread)
{
    NTSTATUS Status = PsLookupThreadByThreadId(Cid->UniqueThread, Thread);

    if (!NT_SUCCESS(Status))
        return STATUS_INVALID_CID;
    if ((*Thread)->Cid.UniqueProcess != Cid->UniqueProcess) {
        ObDereferenceObject(*Thread);
        return STATUS_INVALID_CID;
    }
    if (Process) {
        *Process = (*Thread)->ThreadsProcess;
        ObReferenceObject(*Process);
    }
    return STATUS_SUCCESS;
}

/* What the caller wants to open: by ids, for processes and threads have no names. */
static NTSTATUS PspCaptureOpen(PHANDLE Handle, POBJECT_ATTRIBUTES ObjectAttributes,
                               PCLIENT_ID ClientId, PULONG Flags, PCLIENT_ID Cid)
{
    EX_ATTRIBUTES Attributes;
    NTSTATUS Status = ExProbeOut(Handle, sizeof *Handle);

    if (NT_SUCCESS(Status))
        Status = ExCaptureAttributes(&Attributes, ObjectAttributes);
    if (!NT_SUCCESS(Status))
        return Status;
    *Flags = Attributes.Flags;
    if ((Attributes.Name.Buffer != NULL) == (ClientId != NULL))
        Status = STATUS_INVALID_PARAMETER_MIX;
    else if (Attributes.Name.Buffer)
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    ExReleaseAttributes(&Attributes);
    return NT_SUCCESS(Status) ? ExCopyIn(Cid, ClientId, sizeof *Cid) : Status;
}

/* A handle for the caller; the reference is taken over. */
static NTSTATUS PspReturnHandle(PVOID Object, ACCESS_MASK Access, ULONG Flags, PHANDLE Handle)
{
    HANDLE Made;
    NTSTATUS Status = ObpCheckAccess(Object, KiGetCurrentThread()->PreviousMode, &Access);

    if (NT_SUCCESS(Status))
        Status = ObpCreateHandle(Object, Access, Flags, &Made);
    ObDereferenceObject(Object);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ExCopyOut(Handle, &Made, sizeof Made);
    if (!NT_SUCCESS(Status))
        ObCloseHandle(Made, KernelMode);
    return Status;
}

/* STATUS_INVALID_PARAMETER_MIX: neither ids nor a name, or both. STATUS_INVALID_CID: there is no
 * process, or, if ClientId has a thread, no thread of these ids. */
NTSTATUS NTAPI NtOpenProcess(PHANDLE ProcessHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes, PCLIENT_ID ClientId)
{
    PEPROCESS Process;
    PETHREAD Thread;
    CLIENT_ID Cid;
    ULONG Flags;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = PspCaptureOpen(ProcessHandle, ObjectAttributes, ClientId, &Flags, &Cid);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Cid.UniqueThread) {
        Status = PsLookupProcessThreadByCid(&Cid, &Process, &Thread);
        if (NT_SUCCESS(Status))
            ObDereferenceObject(Thread);
    } else {
        Status = PsLookupProcessByProcessId(Cid.UniqueProcess, &Process);
    }
    if (!NT_SUCCESS(Status))
        return STATUS_INVALID_CID;
    return PspReturnHandle(Process, DesiredAccess, Flags, ProcessHandle);
}

/* The same for a thread. A process id of 0 is any. */
NTSTATUS NTAPI NtOpenThread(PHANDLE ThreadHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes, PCLIENT_ID ClientId)
{
    PETHREAD Thread;
    CLIENT_ID Cid;
    ULONG Flags;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = PspCaptureOpen(ThreadHandle, ObjectAttributes, ClientId, &Flags, &Cid);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = Cid.UniqueProcess ? PsLookupProcessThreadByCid(&Cid, NULL, &Thread)
                               : PsLookupThreadByThreadId(Cid.UniqueThread, &Thread);
    if (!NT_SUCCESS(Status))
        return STATUS_INVALID_CID;
    return PspReturnHandle(Thread, DesiredAccess, Flags, ThreadHandle);
}
