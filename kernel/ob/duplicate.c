/*
 * NtDuplicateObject: a further handle for what a handle names, perhaps from another process or for
 * one. A handle is looked up, made and closed in its own process, to which the thread attaches.
 */
#include "kernel/ob/security.h"
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"
#include "kernel/services.h"

#define DUPLICATE_OPTIONS                                                                          \
    (DUPLICATE_CLOSE_SOURCE | DUPLICATE_SAME_ACCESS | DUPLICATE_SAME_ATTRIBUTES)

/* A duplication; the processes are referenced. */
typedef struct _OBP_DUPLICATION {
    PEPROCESS Source, Target; /* Target NULL: the handle is only closed */
    HANDLE SourceHandle;
    ACCESS_MASK Access;
    ULONG Attributes;
    ULONG Options;
    KPROCESSOR_MODE Mode;
} OBP_DUPLICATION;

/* Looks the source handle up, and closes it if it is to be closed, whatever comes then. */
static NTSTATUS ObpTakeSource(const OBP_DUPLICATION *Duplication, PVOID *Object,
                              POBJECT_HANDLE_INFORMATION Information)
{
    KAPC_STATE ApcState;
    NTSTATUS Status;

    KeStackAttachProcess(&Duplication->Source->Pcb, &ApcState);
    Status = ObReferenceObjectByHandle(Duplication->SourceHandle, 0, NULL, Duplication->Mode,
                                       Object, Information);
    if (NT_SUCCESS(Status) && (Duplication->Options & DUPLICATE_CLOSE_SOURCE))
        ObCloseHandle(Duplication->SourceHandle, Duplication->Mode);
    KeUnstackDetachProcess(&ApcState);
    return Status;
}

/*
 * A program that asks for more than the handle has is held against the object's descriptor. What a
 * file was opened for, its driver has agreed to, and nobody asks it again: there is no more.
 */
static NTSTATUS ObpCheckDuplicate(OBP_DUPLICATION *Duplication, PVOID Object, ACCESS_MASK Granted)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(Object)->Type;

    if (Duplication->Mode == KernelMode || !(ObpMapAccess(Type, Duplication->Access) & ~Granted))
        return STATUS_SUCCESS;
    if (Type == *IoFileObjectType)
        return STATUS_ACCESS_DENIED;
    return ObpCheckAccess(Object, Duplication->Mode, &Duplication->Access);
}

static NTSTATUS ObpDuplicate(OBP_DUPLICATION *Duplication, PHANDLE Handle)
{
    OBJECT_HANDLE_INFORMATION Information;
    KAPC_STATE ApcState;
    PVOID Object;
    NTSTATUS Status = ObpTakeSource(Duplication, &Object, &Information);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Duplication->Options & DUPLICATE_SAME_ACCESS)
        Duplication->Access = Information.GrantedAccess;
    if (Duplication->Options & DUPLICATE_SAME_ATTRIBUTES)
        Duplication->Attributes =
            Information.HandleAttributes | (Duplication->Attributes & OBJ_KERNEL_HANDLE);
    if (Duplication->Target)
        Status = ObpCheckDuplicate(Duplication, Object, Information.GrantedAccess);
    if (Duplication->Target && NT_SUCCESS(Status)) {
        KeStackAttachProcess(&Duplication->Target->Pcb, &ApcState);
        Status = ObpDuplicateHandle(Object, Duplication->Access, Duplication->Attributes,
                                    Duplication->Source, Handle);
        KeUnstackDetachProcess(&ApcState);
    }
    ObDereferenceObject(Object);
    return Status;
}

/* The duplicate is given to the caller, or closed again where it is. */
static NTSTATUS ObpReturnDuplicate(const OBP_DUPLICATION *Duplication, HANDLE Handle,
                                   PHANDLE UserHandle)
{
    KAPC_STATE ApcState;
    NTSTATUS Status = UserHandle ? ExCopyOut(UserHandle, &Handle, sizeof Handle) : STATUS_SUCCESS;

    if (!NT_SUCCESS(Status)) {
        KeStackAttachProcess(&Duplication->Target->Pcb, &ApcState);
        ObCloseHandle(Handle, KernelMode);
        KeUnstackDetachProcess(&ApcState);
    }
    return Status;
}

/*
 * Duplicates a handle, or closes it in another process (WDK: ZwDuplicateObject). Without
 * DUPLICATE_CLOSE_SOURCE there must be a target process. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle,
                                 HANDLE TargetProcessHandle, PHANDLE TargetHandle,
                                 ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options)
{
    KPROCESSOR_MODE Mode = KiGetCurrentThread()->PreviousMode;
    OBP_DUPLICATION Duplication = {.SourceHandle = SourceHandle,
                                   .Access = DesiredAccess,
                                   .Attributes = HandleAttributes &
                                                 (OBP_HANDLE_ATTRIBUTES | OBJ_KERNEL_HANDLE),
                                   .Options = Options,
                                   .Mode = Mode};
    HANDLE Handle;
    NTSTATUS Status = TargetHandle ? ExProbeOut(TargetHandle, sizeof Handle) : STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    if ((Options & ~DUPLICATE_OPTIONS) ||
        (TargetProcessHandle == NULL && !(Options & DUPLICATE_CLOSE_SOURCE)))
        return STATUS_INVALID_PARAMETER;
    if (Mode != KernelMode)
        Duplication.Attributes &= ~OBJ_KERNEL_HANDLE;
    Status = PsReferenceProcess(SourceProcessHandle, PROCESS_DUP_HANDLE, &Duplication.Source);
    if (!NT_SUCCESS(Status))
        return Status;
    if (TargetProcessHandle)
        Status = PsReferenceProcess(TargetProcessHandle, PROCESS_DUP_HANDLE, &Duplication.Target);
    if (NT_SUCCESS(Status))
        Status = ObpDuplicate(&Duplication, &Handle);
    if (NT_SUCCESS(Status) && Duplication.Target)
        Status = ObpReturnDuplicate(&Duplication, Handle, TargetHandle);
    ObDereferenceObject(Duplication.Source);
    if (Duplication.Target)
        ObDereferenceObject(Duplication.Target);
    return Status;
}
