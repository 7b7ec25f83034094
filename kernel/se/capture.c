/*
 * Security descriptors from anywhere, copied so that they can be trusted: self-relative, with valid
 * SIDs and lists (not declared by the headers, but known: wdmsec.lib imports it). What comes from
 * user mode is read once. IRQL: PASSIVE_LEVEL.
 */
#include "kernel/ex/capture.h"
#include "kernel/ke/ke.h"
#include "kernel/se/se.h"

#define SID_HEADER_BYTES 8

static NTSTATUS SepCopyIn(PVOID To, const VOID *From, ULONG Bytes, KPROCESSOR_MODE Mode)
{
    if (Mode != KernelMode)
        return ExCopyFromUser(To, From, Bytes);
    RtlCopyMemory(To, From, Bytes);
    return STATUS_SUCCESS;
}

/* *Sid is in pool. STATUS_INVALID_SID. */
static NTSTATUS SepCaptureSid(PSID From, KPROCESSOR_MODE Mode, PSID *Sid)
{
    SID Header; /* without its numbers */
    ULONG Bytes;
    NTSTATUS Status = SepCopyIn(&Header, From, SID_HEADER_BYTES, Mode);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Header.Revision != SID_REVISION || Header.SubAuthorityCount > SID_MAX_SUB_AUTHORITIES)
        return STATUS_INVALID_SID;
    Bytes = RtlLengthSid(&Header);
    *Sid = ExAllocatePoolWithTag(PagedPool, Bytes, TAG_SECURITY);
    if (*Sid == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = SepCopyIn(*Sid, From, Bytes, Mode);
    RtlCopyMemory(*Sid, &Header,
                  SID_HEADER_BYTES); /* another thread may have changed it meanwhile */
    return Status;
}

/* *Acl is in pool. STATUS_INVALID_ACL. */
NTSTATUS SepCaptureAcl(PACL From, KPROCESSOR_MODE Mode, PACL *Acl)
{
    ACL Header;
    NTSTATUS Status = SepCopyIn(&Header, From, sizeof Header, Mode);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Header.AclSize < sizeof Header)
        return STATUS_INVALID_ACL;
    *Acl = ExAllocatePoolWithTag(PagedPool, Header.AclSize, TAG_SECURITY);
    if (*Acl == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = SepCopyIn(*Acl, From, Header.AclSize, Mode);
    **Acl = Header;
    return NT_SUCCESS(Status) && !RtlValidAcl(*Acl) ? STATUS_INVALID_ACL : Status;
}

/* Where a part is: behind the descriptor, or wherever a pointer in it says. NULL: nowhere. */
static PVOID SepPartOf(PSECURITY_DESCRIPTOR Original, const SECURITY_DESCRIPTOR *Copy,
                       const VOID *Absolute, ULONG Relative)
{
    if (!(Copy->Control & SE_SELF_RELATIVE))
        return (PVOID)Absolute;
    return Relative ? (PUCHAR)Original + Relative : NULL;
}

/* Copies the parts; all that *Captured has is in pool, even on failure. */
static NTSTATUS SepCaptureParts(PSECURITY_DESCRIPTOR Original, const SECURITY_DESCRIPTOR *Copy,
                                KPROCESSOR_MODE Mode, SECURITY_DESCRIPTOR *Captured)
{
    const SECURITY_DESCRIPTOR_RELATIVE *Offsets = (const SECURITY_DESCRIPTOR_RELATIVE *)Copy;
    PVOID Owner = SepPartOf(Original, Copy, Copy->Owner, Offsets->Owner);
    PVOID Group = SepPartOf(Original, Copy, Copy->Group, Offsets->Group);
    PVOID Dacl = SepPartOf(Original, Copy, Copy->Dacl, Offsets->Dacl);
    PVOID Sacl = SepPartOf(Original, Copy, Copy->Sacl, Offsets->Sacl);
    NTSTATUS Status = STATUS_SUCCESS;

    *Captured = (SECURITY_DESCRIPTOR){.Revision = SECURITY_DESCRIPTOR_REVISION,
                                      .Control = Copy->Control & ~SE_SELF_RELATIVE};
    if (Owner)
        Status = SepCaptureSid(Owner, Mode, &Captured->Owner);
    if (NT_SUCCESS(Status) && Group)
        Status = SepCaptureSid(Group, Mode, &Captured->Group);
    if (NT_SUCCESS(Status) && Dacl && (Copy->Control & SE_DACL_PRESENT))
        Status = SepCaptureAcl(Dacl, Mode, &Captured->Dacl);
    if (NT_SUCCESS(Status) && Sacl && (Copy->Control & SE_SACL_PRESENT))
        Status = SepCaptureAcl(Sacl, Mode, &Captured->Sacl);
    return Status;
}

static VOID SepFree(PVOID Part)
{
    if (Part)
        ExFreePool(Part);
}

/*
 * CaptureIfKernel FALSE: a kernel caller's is given back as it is. SeReleaseSecurityDescriptor
 * frees. STATUS_UNKNOWN_REVISION, STATUS_INVALID_SID, STATUS_INVALID_ACL, STATUS_ACCESS_VIOLATION.
 */
NTSTATUS NTAPI SeCaptureSecurityDescriptor(PSECURITY_DESCRIPTOR OriginalSecurityDescriptor,
                                           KPROCESSOR_MODE CurrentMode, POOL_TYPE PoolType,
                                           BOOLEAN CaptureIfKernel,
                                           PSECURITY_DESCRIPTOR *CapturedSecurityDescriptor)
{
    SECURITY_DESCRIPTOR Copy = {0}, Captured;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *CapturedSecurityDescriptor = NULL;
    if (OriginalSecurityDescriptor == NULL)
        return STATUS_SUCCESS;
    if (CurrentMode == KernelMode && !CaptureIfKernel) {
        *CapturedSecurityDescriptor = OriginalSecurityDescriptor;
        return STATUS_SUCCESS;
    }
    Status = SepCopyIn(&Copy, OriginalSecurityDescriptor, sizeof Copy, CurrentMode);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Copy.Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    Status = SepCaptureParts(OriginalSecurityDescriptor, &Copy, CurrentMode, &Captured);
    if (NT_SUCCESS(Status))
        Status = SepMakeRelative(&Captured, PoolType, CapturedSecurityDescriptor);
    SepFree(Captured.Owner);
    SepFree(Captured.Group);
    SepFree(Captured.Dacl);
    SepFree(Captured.Sacl);
    return Status;
}

VOID NTAPI SeReleaseSecurityDescriptor(PSECURITY_DESCRIPTOR CapturedSecurityDescriptor,
                                       KPROCESSOR_MODE CurrentMode, BOOLEAN CaptureIfKernelMode)
{
    if (CapturedSecurityDescriptor && (CurrentMode != KernelMode || CaptureIfKernelMode))
        ExFreePool(CapturedSecurityDescriptor);
}
