/*
 * Security of objects: a descriptor from who makes the object, checked when a program opens it,
 * asked for and changed (WDK: ZwQuerySecurityObject, ZwSetSecurityObject). An object without a
 * descriptor is everybody's, and costs one comparison. Files' descriptors are their drivers'.
 */
#include "kernel/ob/security.h"
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/se/se.h"
#include "kernel/services.h"
#include "sched/sched.h"

#define TAG_SECURITY_ANSWER 'aSbO'

NTSTATUS ObpAssignDescriptor(PVOID Object, PSECURITY_DESCRIPTOR Explicit)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(Object)->Type;
    SECURITY_SUBJECT_CONTEXT Subject;
    PSECURITY_DESCRIPTOR Made, Kept;
    NTSTATUS Status;

    SeCaptureSubjectContext(&Subject);
    Status = SeAssignSecurity(NULL, Explicit, &Made, FALSE, &Subject, &Type->Mapping, PagedPool);
    SeReleaseSubjectContext(&Subject);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObLogSecurityDescriptor(Made, &Kept, 1);
    SeDeassignSecurity(&Made);
    if (NT_SUCCESS(Status) && !ObpReplaceDescriptor(Object, NULL, Kept))
        ObDereferenceSecurityDescriptor(Kept, 1); /* it is not new: others have opened it */
    return Status;
}

/* STATUS_ACCESS_DENIED; STATUS_PRIVILEGE_NOT_HELD: for ACCESS_SYSTEM_SECURITY. */
NTSTATUS ObpCheckAccess(PVOID Object, KPROCESSOR_MODE Mode, PACCESS_MASK Access)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(Object)->Type;
    SECURITY_SUBJECT_CONTEXT Subject;
    PSECURITY_DESCRIPTOR Descriptor;
    ACCESS_MASK Granted;
    NTSTATUS Status;

    if (Mode == KernelMode)
        return STATUS_SUCCESS;
    if ((*Access & ACCESS_SYSTEM_SECURITY) &&
        !SeSinglePrivilegeCheck(SeExports->SeSecurityPrivilege, Mode))
        return STATUS_PRIVILEGE_NOT_HELD;
    if (*ObpDescriptorOf(Object) == NULL)
        return STATUS_SUCCESS;
    Descriptor = ObpReferenceDescriptorOf(Object);
    if (Descriptor == NULL)
        return STATUS_SUCCESS;
    RtlMapGenericMask(Access, &Type->Mapping);
    SeCaptureSubjectContext(&Subject);
    SeAccessCheck(Descriptor, &Subject, FALSE, *Access, 0, NULL, &Type->Mapping, Mode, &Granted,
                  &Status);
    SeReleaseSubjectContext(&Subject);
    ObDereferenceSecurityDescriptor(Descriptor, 1);
    if (NT_SUCCESS(Status))
        *Access = Granted;
    return Status;
}

/* ---- Asking ------------------------------------------------------------------------------------
 */

static BOOLEAN ObpIsFile(PVOID Object)
{
    return OBJECT_TO_HEADER(Object)->Type == *IoFileObjectType;
}

/* Parts of it into a buffer of *Length bytes. STATUS_BUFFER_TOO_SMALL: *Length is what it takes. */
static NTSTATUS ObpQueryDescriptor(PVOID Object, SECURITY_INFORMATION Information,
                                   PSECURITY_DESCRIPTOR Buffer, PULONG Length)
{
    PSECURITY_DESCRIPTOR Descriptor;
    NTSTATUS Status;

    if (ObpIsFile(Object)) {
        Status = IopQueryFileSecurity(Object, Information, Buffer, Length);
        if (Status != STATUS_INVALID_DEVICE_REQUEST)
            return Status;
        Object = ((PFILE_OBJECT)Object)->DeviceObject;
    }
    Descriptor = ObpReferenceDescriptorOf(Object);
    Status = SeQuerySecurityDescriptorInfo(&Information, Buffer, Length, &Descriptor);
    if (Descriptor)
        ObDereferenceSecurityDescriptor(Descriptor, 1);
    return Status;
}

/* The same into pool, which the caller frees. Another one's change may come between. */
static NTSTATUS ObpQueryIntoPool(PVOID Object, SECURITY_INFORMATION Information,
                                 PSECURITY_DESCRIPTOR *Answer, PULONG Length)
{
    NTSTATUS Status;

    *Length = sizeof(SECURITY_DESCRIPTOR_RELATIVE);
    do {
        *Answer = ExAllocatePoolWithTag(PagedPool, *Length, TAG_SECURITY_ANSWER);
        if (*Answer == NULL)
            return STATUS_INSUFFICIENT_RESOURCES;
        Status = ObpQueryDescriptor(Object, Information, *Answer, Length);
        if (!NT_SUCCESS(Status))
            ExFreePoolWithTag(*Answer, TAG_SECURITY_ANSWER);
    } while (Status == STATUS_BUFFER_TOO_SMALL);
    return Status;
}

static ACCESS_MASK ObpAccessToQuery(SECURITY_INFORMATION Information)
{
    const SECURITY_INFORMATION Open =
        OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;

    return ((Information & Open) ? READ_CONTROL : 0) |
           ((Information & SACL_SECURITY_INFORMATION) ? ACCESS_SYSTEM_SECURITY : 0);
}

static NTSTATUS ObpQueryForCaller(PVOID Object, SECURITY_INFORMATION Information,
                                  PSECURITY_DESCRIPTOR UserBuffer, PULONG Length)
{
    ULONG Room = *Length;
    PSECURITY_DESCRIPTOR Answer;
    NTSTATUS Status = ObpQueryIntoPool(Object, Information, &Answer, Length);

    if (!NT_SUCCESS(Status))
        return Status;
    if (*Length > Room)
        Status = STATUS_BUFFER_TOO_SMALL;
    else
        Status = ExCopyOut(UserBuffer, Answer, *Length);
    ExFreePoolWithTag(Answer, TAG_SECURITY_ANSWER);
    return Status;
}

/* Parts of an object's descriptor, self-relative (WDK: ZwQuerySecurityObject).
 * STATUS_BUFFER_TOO_SMALL: *LengthNeeded says what it takes. */
NTSTATUS NTAPI NtQuerySecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                                     PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length,
                                     PULONG LengthNeeded)
{
    PVOID Object;
    NTSTATUS Returned, Status = ExProbeOut(LengthNeeded, sizeof *LengthNeeded);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(SecurityDescriptor, Length);
    if (NT_SUCCESS(Status))
        Status = ObReferenceObjectByHandle(Handle, ObpAccessToQuery(SecurityInformation), NULL,
                                           KiGetCurrentThread()->PreviousMode, &Object, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpQueryForCaller(Object, SecurityInformation, SecurityDescriptor, &Length);
    ObDereferenceObject(Object);
    if (!NT_SUCCESS(Status) && Status != STATUS_BUFFER_TOO_SMALL)
        return Status;
    Returned = ExCopyOut(LengthNeeded, &Length, sizeof Length);
    return NT_SUCCESS(Returned) ? Status : Returned;
}

/* An object's descriptor for a driver (WDK: ObGetObjectSecurity). NULL: it has none. A file's is
 * its driver's, and copied. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI ObGetObjectSecurity(PVOID Object, PSECURITY_DESCRIPTOR *SecurityDescriptor,
                                   PBOOLEAN MemoryAllocated)
{
    ULONG Length;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *MemoryAllocated = ObpIsFile(Object);
    if (*MemoryAllocated)
        return ObpQueryIntoPool(Object,
                                OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
                                    DACL_SECURITY_INFORMATION | SACL_SECURITY_INFORMATION,
                                SecurityDescriptor, &Length);
    *SecurityDescriptor = ObpReferenceDescriptorOf(Object);
    return STATUS_SUCCESS;
}

VOID NTAPI ObReleaseObjectSecurity(PSECURITY_DESCRIPTOR SecurityDescriptor, BOOLEAN MemoryAllocated)
{
    if (SecurityDescriptor == NULL)
        return;
    if (MemoryAllocated)
        ExFreePoolWithTag(SecurityDescriptor, TAG_SECURITY_ANSWER);
    else
        ObDereferenceSecurityDescriptor(SecurityDescriptor, 1);
}

/* ---- Changing ----------------------------------------------------------------------------------
 */

static ACCESS_MASK ObpAccessToSet(SECURITY_INFORMATION Information)
{
    const SECURITY_INFORMATION Ids = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION;

    return ((Information & Ids) ? WRITE_OWNER : 0) |
           ((Information & DACL_SECURITY_INFORMATION) ? WRITE_DAC : 0) |
           ((Information & SACL_SECURITY_INFORMATION) ? ACCESS_SYSTEM_SECURITY : 0);
}

/* A descriptor like Old, but for the parts that are given. Old NULL: like one without parts. */
static NTSTATUS ObpComposeDescriptor(PVOID Object, SECURITY_INFORMATION Information,
                                     PSECURITY_DESCRIPTOR Given, PSECURITY_DESCRIPTOR Old,
                                     PSECURITY_DESCRIPTOR *New)
{
    SECURITY_DESCRIPTOR Empty;
    PSECURITY_DESCRIPTOR Made = Old;
    NTSTATUS Status;

    RtlCreateSecurityDescriptor(&Empty, SECURITY_DESCRIPTOR_REVISION);
    if (Old == NULL)
        Made = &Empty;
    Status = SeSetSecurityDescriptorInfo(Object, &Information, Given, &Made, PagedPool,
                                         &OBJECT_TO_HEADER(Object)->Type->Mapping);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObLogSecurityDescriptor(Made, New, 1);
    SeDeassignSecurity(&Made);
    return Status;
}

/* Changes an object's descriptor; if another one does so meanwhile, on top of that. */
NTSTATUS NTAPI ObSetSecurityObjectByPointer(PVOID Object, SECURITY_INFORMATION SecurityInformation,
                                            PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    PSECURITY_DESCRIPTOR Old, New;
    BOOLEAN Done;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (ObpIsFile(Object)) {
        Status = IopSetFileSecurity(Object, SecurityInformation, SecurityDescriptor);
        if (Status != STATUS_INVALID_DEVICE_REQUEST)
            return Status;
        Object = ((PFILE_OBJECT)Object)->DeviceObject;
    }
    do {
        Old = ObpReferenceDescriptorOf(Object);
        Status = ObpComposeDescriptor(Object, SecurityInformation, SecurityDescriptor, Old, &New);
        Done = !NT_SUCCESS(Status) || ObpReplaceDescriptor(Object, Old, New);
        if (!Done)
            ObDereferenceSecurityDescriptor(New, 1);
        if (Old)
            ObDereferenceSecurityDescriptor(Old, 1);
    } while (!Done);
    return Status;
}

/* (WDK: ZwSetSecurityObject.) STATUS_INVALID_SECURITY_DESCR. */
NTSTATUS NTAPI NtSetSecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                                   PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    KPROCESSOR_MODE Mode = KiGetCurrentThread()->PreviousMode;
    PSECURITY_DESCRIPTOR Captured;
    PVOID Object;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (SecurityDescriptor == NULL)
        return STATUS_ACCESS_VIOLATION;
    Status = ObReferenceObjectByHandle(Handle, ObpAccessToSet(SecurityInformation), NULL, Mode,
                                       &Object, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = SeCaptureSecurityDescriptor(SecurityDescriptor, Mode, PagedPool, TRUE, &Captured);
    if (NT_SUCCESS(Status)) {
        Status = ObSetSecurityObjectByPointer(Object, SecurityInformation, Captured);
        SeReleaseSecurityDescriptor(Captured, Mode, TRUE);
    }
    ObDereferenceObject(Object);
    return Status;
}

/* Nothing is audited (WDK: ObQueryObjectAuditingByHandle). */
NTSTATUS NTAPI ObQueryObjectAuditingByHandle(HANDLE Handle, PBOOLEAN GenerateOnClose)
{
    PVOID Object;
    NTSTATUS Status = ObReferenceObjectByHandle(Handle, 0, NULL, KernelMode, &Object, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    ObDereferenceObject(Object);
    *GenerateOnClose = FALSE;
    return STATUS_SUCCESS;
}
