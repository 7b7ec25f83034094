/*
 * Copies between the kernel and the caller of the running service (kernel/ex/capture.h).
 */
#include "kernel/ex/capture.h"
#include "kernel/ke/ke.h"
#include "kernel/se/se.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

#define TAG_CAPTURE 'tpaC'
#define NAME_LIMIT  0xFFFC /* bytes of the longest name that is taken, a zero to follow */

static BOOLEAN ExpIsUserRange(const VOID *Va, SIZE_T Bytes)
{
    return Bytes <= MI_USER_PROBE_ADDRESS && (ULONG_PTR)Va <= MI_USER_PROBE_ADDRESS - Bytes;
}

NTSTATUS ExCopyFromUser(PVOID To, const VOID *From, SIZE_T Bytes)
{
    if (Bytes == 0)
        return STATUS_SUCCESS;
    if (!ExpIsUserRange(From, Bytes))
        return STATUS_ACCESS_VIOLATION;
    return KiCopyUserMemory(To, From, Bytes);
}

NTSTATUS ExCopyToUser(PVOID To, const VOID *From, SIZE_T Bytes)
{
    if (Bytes == 0)
        return STATUS_SUCCESS;
    if (!ExpIsUserRange(To, Bytes))
        return STATUS_ACCESS_VIOLATION;
    return KiCopyUserMemory(To, From, Bytes);
}

NTSTATUS ExCopyIn(PVOID To, const VOID *From, SIZE_T Bytes)
{
    if (KiGetCurrentThread()->PreviousMode != KernelMode)
        return ExCopyFromUser(To, From, Bytes);
    memcpy(To, From, Bytes);
    return STATUS_SUCCESS;
}

NTSTATUS ExCopyOut(PVOID To, const VOID *From, SIZE_T Bytes)
{
    if (KiGetCurrentThread()->PreviousMode != KernelMode)
        return ExCopyToUser(To, From, Bytes);
    memcpy(To, From, Bytes);
    return STATUS_SUCCESS;
}

NTSTATUS ExProbeOut(PVOID To, SIZE_T Bytes)
{
    ULONG_PTR Va = (ULONG_PTR)To, Last = Va + Bytes - 1;

    if (Bytes == 0 || KiGetCurrentThread()->PreviousMode == KernelMode)
        return STATUS_SUCCESS;
    if (!ExpIsUserRange(To, Bytes))
        return STATUS_ACCESS_VIOLATION;
    for (; Va <= Last; Va = (Va | (PAGE_SIZE - 1)) + 1) {
        NTSTATUS Status = KiProbeUserByte((PVOID)Va);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    return STATUS_SUCCESS;
}

NTSTATUS ExCaptureStringText(PUNICODE_STRING String, const UNICODE_STRING *Header)
{
    NTSTATUS Status;

    String->Buffer = NULL;
    if (Header->Length & 1)
        return STATUS_OBJECT_NAME_INVALID;
    if (Header->Length > NAME_LIMIT)
        return STATUS_NAME_TOO_LONG;
    String->Length = Header->Length;
    String->MaximumLength = Header->Length + sizeof(WCHAR);
    String->Buffer = ExAllocatePoolWithTag(PagedPool, String->MaximumLength, TAG_CAPTURE);
    if (String->Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    String->Buffer[Header->Length / sizeof(WCHAR)] = 0;
    Status = ExCopyIn(String->Buffer, Header->Buffer, Header->Length);
    if (!NT_SUCCESS(Status))
        ExReleaseString(String);
    return Status;
}

NTSTATUS ExCaptureString(PUNICODE_STRING String, const UNICODE_STRING *From)
{
    UNICODE_STRING Header;
    NTSTATUS Status = ExCopyIn(&Header, From, sizeof Header);

    String->Buffer = NULL;
    return NT_SUCCESS(Status) ? ExCaptureStringText(String, &Header) : Status;
}

VOID ExReleaseString(PUNICODE_STRING String)
{
    if (String->Buffer)
        ExFreePoolWithTag(String->Buffer, TAG_CAPTURE);
    String->Buffer = NULL;
}

/* All but the name. */
static NTSTATUS ExpTakeAttributes(PEX_ATTRIBUTES Attributes, const OBJECT_ATTRIBUTES *From,
                                  KPROCESSOR_MODE Mode)
{
    *Attributes = (EX_ATTRIBUTES){.Mode = Mode};
    if (From->Length != sizeof *From || (From->Attributes & ~OBJ_VALID_ATTRIBUTES))
        return STATUS_INVALID_PARAMETER;
    Attributes->RootDirectory = From->RootDirectory;
    Attributes->Flags = From->Attributes;
    if (Mode == KernelMode)
        return STATUS_SUCCESS;
    Attributes->Flags &= ~OBJ_KERNEL_HANDLE;
    return (From->Attributes & OBJ_PERMANENT) ? STATUS_PRIVILEGE_NOT_HELD : STATUS_SUCCESS;
}

/* The last of them. On failure nothing is to be released. */
static NTSTATUS ExpTakeDescriptor(PEX_ATTRIBUTES Attributes, const OBJECT_ATTRIBUTES *From)
{
    NTSTATUS Status;

    if (From->SecurityDescriptor == NULL)
        return STATUS_SUCCESS;
    Status = SeCaptureSecurityDescriptor(From->SecurityDescriptor, Attributes->Mode, PagedPool,
                                         TRUE, &Attributes->Descriptor);
    if (!NT_SUCCESS(Status))
        ExReleaseAttributes(Attributes);
    return Status;
}

NTSTATUS ExCaptureAttributes(PEX_ATTRIBUTES Attributes, const OBJECT_ATTRIBUTES *From)
{
    KPROCESSOR_MODE Mode = KiGetCurrentThread()->PreviousMode;
    OBJECT_ATTRIBUTES Copy;
    NTSTATUS Status;

    *Attributes = (EX_ATTRIBUTES){.Mode = Mode};
    if (From == NULL)
        return STATUS_SUCCESS;
    Status = ExCopyIn(&Copy, From, sizeof Copy);
    if (NT_SUCCESS(Status))
        Status = ExpTakeAttributes(Attributes, &Copy, Mode);
    if (NT_SUCCESS(Status) && Copy.ObjectName)
        Status = ExCaptureString(&Attributes->Name, Copy.ObjectName);
    return NT_SUCCESS(Status) ? ExpTakeDescriptor(Attributes, &Copy) : Status;
}

NTSTATUS ExTakeKernelAttributes(PEX_ATTRIBUTES Attributes, const OBJECT_ATTRIBUTES *From)
{
    NTSTATUS Status = ExpTakeAttributes(Attributes, From, KernelMode);

    Attributes->Borrowed = TRUE;
    if (!NT_SUCCESS(Status))
        return Status;
    if (From->ObjectName)
        Attributes->Name = *From->ObjectName;
    return ExpTakeDescriptor(Attributes, From);
}

VOID ExReleaseAttributes(PEX_ATTRIBUTES Attributes)
{
    if (!Attributes->Borrowed)
        ExReleaseString(&Attributes->Name);
    SeReleaseSecurityDescriptor(Attributes->Descriptor, Attributes->Mode, TRUE);
}
