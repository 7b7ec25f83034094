/*
 * Symbolic links among names: \DosDevices leads to \??, \??\CON to the console. A link's target is
 * text, and never changes.
 */
#include "kernel/ob/name.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/sched.h"

static VOID ObpDeleteLinkObject(PVOID Object)
{
    OBP_LINK *Link = Object;

    if (Link->Target.Buffer)
        ExFreePoolWithTag(Link->Target.Buffer, TAG_NAME);
}

static OBJECT_TYPE ObpLinkTypeObject = {
    .Name = "SymbolicLink",
    .AllAccess = SYMBOLIC_LINK_ALL_ACCESS,
    .Mapping = {STANDARD_RIGHTS_READ | SYMBOLIC_LINK_QUERY, STANDARD_RIGHTS_WRITE,
                STANDARD_RIGHTS_EXECUTE | SYMBOLIC_LINK_QUERY, SYMBOLIC_LINK_ALL_ACCESS},
    .Delete = ObpDeleteLinkObject};
POBJECT_TYPE ObpSymbolicLinkType = &ObpLinkTypeObject;

/* A link to a target, whose text becomes the link's. One reference. */
static NTSTATUS ObpAllocateLink(const UNICODE_STRING *Target, OBP_LINK **Link)
{
    NTSTATUS Status = ObpAllocateObject(ObpSymbolicLinkType, sizeof **Link, (PVOID *)Link);

    if (!NT_SUCCESS(Status))
        return Status;
    KeQuerySystemTime(&(*Link)->CreationTime);
    if (Target->Length == 0)
        return STATUS_SUCCESS;
    (*Link)->Target.Buffer = ExAllocatePoolWithTag(PagedPool, Target->Length, TAG_NAME);
    if ((*Link)->Target.Buffer == NULL) {
        ObDereferenceObject(*Link);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    (*Link)->Target.Length = (*Link)->Target.MaximumLength = Target->Length;
    memcpy((*Link)->Target.Buffer, Target->Buffer, Target->Length);
    return STATUS_SUCCESS;
}

/* Makes a symbolic link. Its name is permanent until ObpDeleteLink. */
NTSTATUS ObpCreateLink(PUNICODE_STRING Name, PUNICODE_STRING Target)
{
    OBP_LINK *Link;
    NTSTATUS Status = ObpAllocateLink(Target, &Link);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpInsertName(Name, Link, TRUE);
    ObDereferenceObject(Link);
    return Status;
}

NTSTATUS ObpDeleteLink(PUNICODE_STRING Name)
{
    PVOID Link;
    NTSTATUS Status = ObpOpenPath(Name, ObpSymbolicLinkType, NULL, &Link);

    if (!NT_SUCCESS(Status))
        return Status;
    ObpRemoveName(Link);
    ObDereferenceObject(Link);
    return STATUS_SUCCESS;
}

/* ---- Services ----------------------------------------------------------------------------------
 */

/*
 * Creates a link (WDK: ZwCreateSymbolicLinkObject). STATUS_INVALID_PARAMETER: the target is empty.
 * Since a link may stand before its target, whether there is one is not looked at.
 */
NTSTATUS NTAPI NtCreateSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes,
                                          PUNICODE_STRING LinkTarget)
{
    EX_ATTRIBUTES Attributes;
    UNICODE_STRING Target;
    OBP_LINK *Link;
    HANDLE Handle;
    NTSTATUS Returned, Status = ExProbeOut(LinkHandle, sizeof Handle);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = ExCaptureString(&Target, LinkTarget);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ExCaptureAttributes(&Attributes, ObjectAttributes);
    if (NT_SUCCESS(Status)) {
        Status = Target.Length ? ObpAllocateLink(&Target, &Link) : STATUS_INVALID_PARAMETER;
        if (NT_SUCCESS(Status))
            Status = ObpInsertObject(Link, &Attributes, DesiredAccess, &Handle);
        ExReleaseAttributes(&Attributes);
    }
    ExReleaseString(&Target);
    if (!NT_SUCCESS(Status))
        return Status;
    Returned = ObpReturnHandle(Handle, LinkHandle);
    return NT_SUCCESS(Returned) ? Status : Returned;
}

/* Opens the link itself, not what it leads to (WDK: ZwOpenSymbolicLinkObject). */
NTSTATUS NTAPI NtOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                        POBJECT_ATTRIBUTES ObjectAttributes)
{
    return ObpOpenService(LinkHandle, DesiredAccess, ObjectAttributes, ObpSymbolicLinkType);
}

/* Gives the target, with a zero behind it if that fits. The caller's string is captured in String.
 */
static NTSTATUS ObpReturnTarget(const OBP_LINK *Link, UNICODE_STRING *String,
                                PUNICODE_STRING LinkTarget)
{
    static const WCHAR Zero;
    NTSTATUS Status;

    if (String->MaximumLength < Link->Target.Length)
        return STATUS_BUFFER_TOO_SMALL;
    Status = ExCopyOut(String->Buffer, Link->Target.Buffer, Link->Target.Length);
    if (NT_SUCCESS(Status) && String->MaximumLength >= Link->Target.Length + sizeof Zero)
        Status = ExCopyOut((PUCHAR)String->Buffer + Link->Target.Length, &Zero, sizeof Zero);
    if (!NT_SUCCESS(Status))
        return Status;
    return ExCopyOut(&LinkTarget->Length, &Link->Target.Length, sizeof Link->Target.Length);
}

/*
 * A link's target (WDK: ZwQuerySymbolicLinkObject). STATUS_BUFFER_TOO_SMALL: ReturnedLength says
 * how many bytes it takes, with the zero behind it.
 */
NTSTATUS NTAPI NtQuerySymbolicLinkObject(HANDLE LinkHandle, PUNICODE_STRING LinkTarget,
                                         PULONG ReturnedLength)
{
    UNICODE_STRING String;
    OBP_LINK *Link;
    ULONG Length;
    NTSTATUS Returned, Status = ExCopyIn(&String, LinkTarget, sizeof String);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(LinkTarget, sizeof String);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(String.Buffer, String.MaximumLength);
    if (NT_SUCCESS(Status) && ReturnedLength)
        Status = ExProbeOut(ReturnedLength, sizeof Length);
    if (NT_SUCCESS(Status))
        Status =
            ObReferenceObjectByHandle(LinkHandle, SYMBOLIC_LINK_QUERY, ObpSymbolicLinkType,
                                      KiGetCurrentThread()->PreviousMode, (PVOID *)&Link, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpReturnTarget(Link, &String, LinkTarget);
    Length = Link->Target.Length + (Status == STATUS_BUFFER_TOO_SMALL ? sizeof(WCHAR) : 0);
    ObDereferenceObject(Link);
    Returned = ReturnedLength ? ExCopyOut(ReturnedLength, &Length, sizeof Length) : Status;
    return NT_SUCCESS(Returned) ? Status : Returned;
}
