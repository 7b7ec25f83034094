/*
 * The services for keys: NtCreateKey, NtOpenKey, NtOpenKeyEx, NtDeleteKey, NtRenameKey, NtFlushKey
 * (WDK: the Zw routines of these names).
 */
#include "kernel/cm/callback.h"
#include "kernel/ke/ke.h"
#include "kernel/services.h"

/* Opens a key whose attributes have not been captured yet, and gives the caller the handle. */
static NTSTATUS CmpOpenForCaller(PHANDLE KeyHandle, ACCESS_MASK Access,
                                 POBJECT_ATTRIBUTES ObjectAttributes, CM_OPEN_PACKET *Packet)
{
    EX_ATTRIBUTES Attributes;
    HANDLE Handle;
    NTSTATUS Status = ExProbeOut(KeyHandle, sizeof *KeyHandle);

    if (NT_SUCCESS(Status))
        Status = ExCaptureAttributes(&Attributes, ObjectAttributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpOpenKey(&Attributes, Access, Packet, &Handle);
    ExReleaseAttributes(&Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ExCopyOut(KeyHandle, &Handle, sizeof Handle);
    if (!NT_SUCCESS(Status))
        ObCloseHandle(Handle, KernelMode);
    return Status;
}

/*
 * Opens a key; makes it if there is none and its parent exists (WDK: ZwCreateKey). Disposition, if
 * not NULL, says which. STATUS_OBJECT_NAME_NOT_FOUND: the parent is missing.
 * STATUS_CHILD_MUST_BE_VOLATILE: it is volatile, and Options do not say so. TitleIndex means
 * nothing. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtCreateKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex,
                           PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition)
{
    UNICODE_STRING ClassName = {0};
    CM_OPEN_PACKET Packet = {.Create = TRUE, .Options = CreateOptions, .Class = &ClassName};
    NTSTATUS Status = STATUS_SUCCESS;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    UNREFERENCED_PARAMETER(TitleIndex);
    if (CreateOptions & ~REG_LEGAL_OPTION)
        return STATUS_INVALID_PARAMETER;
    if (Disposition)
        Status = ExProbeOut(Disposition, sizeof *Disposition);
    if (NT_SUCCESS(Status) && Class)
        Status = ExCaptureString(&ClassName, Class);
    if (NT_SUCCESS(Status))
        Status = CmpOpenForCaller(KeyHandle, DesiredAccess, ObjectAttributes, &Packet);
    if (NT_SUCCESS(Status) && Disposition) /* found writable above */
        ExCopyOut(Disposition, &Packet.Disposition, sizeof *Disposition);
    ExReleaseString(&ClassName);
    return Status;
}

/* Opens a key (WDK: ZwOpenKeyEx): REG_OPTION_OPEN_LINK opens a link itself rather than what it
 * leads to. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtOpenKeyEx(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions)
{
    CM_OPEN_PACKET Packet = {.Options = OpenOptions};

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (OpenOptions & ~REG_OPEN_LEGAL_OPTION)
        return STATUS_INVALID_PARAMETER;
    return CmpOpenForCaller(KeyHandle, DesiredAccess, ObjectAttributes, &Packet);
}

NTSTATUS NTAPI NtOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                         POBJECT_ATTRIBUTES ObjectAttributes)
{
    return NtOpenKeyEx(KeyHandle, DesiredAccess, ObjectAttributes, 0);
}

static NTSTATUS CmpDeleteKey(CM_KEY_BODY *Body)
{
    NTSTATUS Status = CmpEnterKey(Body);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpDeleteNode(Body->Node);
    CmpUnlockRegistry();
    return Status;
}

/*
 * Takes a key out of the tree, with its values (WDK: ZwDeleteKey). Who has it open gets
 * STATUS_KEY_DELETED from then on. STATUS_CANNOT_DELETE: it has subkeys. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtDeleteKey(HANDLE KeyHandle)
{
    CM_KEY_BODY *Body;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = CmpReferenceKey(KeyHandle, DELETE, &Body);
    if (!NT_SUCCESS(Status))
        return Status;
    REG_DELETE_KEY_INFORMATION Info = {.Object = Body};
    CM_CALL Call = CM_CALL_OF(DeleteKey, Info, Body);
    if (CmpBeginCall(&Call))
        Call.Status = CmpDeleteKey(Body);
    Status = CmpEndCall(&Call);
    ObDereferenceObject(Body);
    return Status;
}

static BOOLEAN CmpIsKeyName(PUNICODE_STRING Name)
{
    USHORT i;

    for (i = 0; i < Name->Length / sizeof(WCHAR); i++) {
        if (Name->Buffer[i] == L'\\')
            return FALSE;
    }
    return Name->Length && Name->Length <= CM_KEY_NAME_BYTES;
}

static NTSTATUS CmpRenameKey(CM_KEY_BODY *Body, PUNICODE_STRING Name)
{
    REG_RENAME_KEY_INFORMATION Info = {.Object = Body, .NewName = Name};
    CM_CALL Call = CM_CALL_OF(RenameKey, Info, Body);

    if (CmpBeginCall(&Call)) {
        Call.Status = CmpEnterKey(Body);
        if (NT_SUCCESS(Call.Status)) {
            Call.Status = CmpRenameNode(Body->Node, Name);
            CmpUnlockRegistry();
        }
    }
    return CmpEndCall(&Call);
}

/* Gives a key another name under the same parent (WDK: ZwRenameKey). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtRenameKey(HANDLE KeyHandle, PUNICODE_STRING NewName)
{
    UNICODE_STRING Name;
    CM_KEY_BODY *Body;
    NTSTATUS Status = ExCaptureString(&Name, NewName);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpIsKeyName(&Name) ? CmpReferenceKey(KeyHandle, KEY_WRITE, &Body)
                                 : STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(Status)) {
        Status = CmpRenameKey(Body, &Name);
        ObDereferenceObject(Body);
    }
    ExReleaseString(&Name);
    return Status;
}

/* There is no disk to write a key to, so there is nothing to be waited for (WDK: ZwFlushKey).
 * IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtFlushKey(HANDLE KeyHandle)
{
    CM_KEY_BODY *Body;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = CmpReferenceKey(KeyHandle, 0, &Body);
    if (!NT_SUCCESS(Status))
        return Status;
    REG_FLUSH_KEY_INFORMATION Info = {.Object = Body};
    CM_CALL Call = CM_CALL_OF(FlushKey, Info, Body);
    if (CmpBeginCall(&Call)) {
        Call.Status = CmpEnterKey(Body);
        if (NT_SUCCESS(Call.Status))
            CmpUnlockRegistry();
    }
    Status = CmpEndCall(&Call);
    ObDereferenceObject(Body);
    return Status;
}
