/*
 * Security descriptors: whose an object is, and who may do what with it (WDK, "SECURITY_DESCRIPTOR
 * structure").
 *
 * There are two forms. An absolute one points at its parts; in a self-relative one
 * (SE_SELF_RELATIVE) the parts follow, and the members are their distances from its beginning. On a
 * 32-bit machine both have the same members of the same size, so SECURITY_DESCRIPTOR stands for
 * both here.
 *
 * Locks: none; the caller owns its descriptors. IRQL: any at which they may be touched.
 */
#include "kernel/se/se.h"

typedef PISECURITY_DESCRIPTOR PDESCRIPTOR;

C_ASSERT(sizeof(SECURITY_DESCRIPTOR) == sizeof(SECURITY_DESCRIPTOR_RELATIVE));

static BOOLEAN IsRelative(PDESCRIPTOR Descriptor)
{
    return (Descriptor->Control & SE_SELF_RELATIVE) != 0;
}

/* A member as a pointer; NULL: there is no such part. */
static PVOID PartAt(PDESCRIPTOR Descriptor, PVOID Member)
{
    return Member != NULL && IsRelative(Descriptor) ? (PUCHAR)Descriptor + (ULONG_PTR)Member
                                                    : Member;
}

PACL SepDaclOf(PISECURITY_DESCRIPTOR Descriptor)
{
    BOOLEAN Present = (Descriptor->Control & SE_DACL_PRESENT) != 0;
    return Present ? PartAt(Descriptor, Descriptor->Dacl) : NULL;
}

PACL SepSaclOf(PISECURITY_DESCRIPTOR Descriptor)
{
    BOOLEAN Present = (Descriptor->Control & SE_SACL_PRESENT) != 0;
    return Present ? PartAt(Descriptor, Descriptor->Sacl) : NULL;
}

PSID SepOwnerOf(PISECURITY_DESCRIPTOR Descriptor)
{
    return PartAt(Descriptor, Descriptor->Owner);
}

PSID SepGroupOf(PISECURITY_DESCRIPTOR Descriptor)
{
    return PartAt(Descriptor, Descriptor->Group);
}

/* An absolute one without parts. */
NTSTATUS NTAPI RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Revision)
{
    if (Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    RtlZeroMemory(SecurityDescriptor, sizeof(SECURITY_DESCRIPTOR));
    ((PDESCRIPTOR)SecurityDescriptor)->Revision = SECURITY_DESCRIPTOR_REVISION;
    return STATUS_SUCCESS;
}

/* STATUS_UNKNOWN_REVISION; STATUS_INVALID_SECURITY_DESCR: it is self-relative and cannot change. */
static NTSTATUS CheckChangeable(PDESCRIPTOR Descriptor)
{
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    return IsRelative(Descriptor) ? STATUS_INVALID_SECURITY_DESCR : STATUS_SUCCESS;
}

static VOID SetControl(PDESCRIPTOR Descriptor, SECURITY_DESCRIPTOR_CONTROL Bits, BOOLEAN Set)
{
    Descriptor->Control = (Descriptor->Control & ~Bits) | (Set ? Bits : 0);
}

NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                            BOOLEAN DaclPresent, PACL Dacl, BOOLEAN DaclDefaulted)
{
    PDESCRIPTOR Descriptor = SecurityDescriptor;
    NTSTATUS Status = CheckChangeable(Descriptor);
    if (NT_SUCCESS(Status)) {
        Descriptor->Dacl = DaclPresent ? Dacl : NULL;
        SetControl(Descriptor, SE_DACL_PRESENT, DaclPresent);
        SetControl(Descriptor, SE_DACL_DEFAULTED, DaclPresent && DaclDefaulted);
    }
    return Status;
}

NTSTATUS NTAPI RtlSetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                            BOOLEAN SaclPresent, PACL Sacl, BOOLEAN SaclDefaulted)
{
    PDESCRIPTOR Descriptor = SecurityDescriptor;
    NTSTATUS Status = CheckChangeable(Descriptor);
    if (NT_SUCCESS(Status)) {
        Descriptor->Sacl = SaclPresent ? Sacl : NULL;
        SetControl(Descriptor, SE_SACL_PRESENT, SaclPresent);
        SetControl(Descriptor, SE_SACL_DEFAULTED, SaclPresent && SaclDefaulted);
    }
    return Status;
}

NTSTATUS NTAPI RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Owner,
                                             BOOLEAN OwnerDefaulted)
{
    PDESCRIPTOR Descriptor = SecurityDescriptor;
    NTSTATUS Status = CheckChangeable(Descriptor);
    if (NT_SUCCESS(Status)) {
        Descriptor->Owner = Owner;
        SetControl(Descriptor, SE_OWNER_DEFAULTED, OwnerDefaulted);
    }
    return Status;
}

NTSTATUS NTAPI RtlSetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Group,
                                             BOOLEAN GroupDefaulted)
{
    PDESCRIPTOR Descriptor = SecurityDescriptor;
    NTSTATUS Status = CheckChangeable(Descriptor);
    if (NT_SUCCESS(Status)) {
        Descriptor->Group = Group;
        SetControl(Descriptor, SE_GROUP_DEFAULTED, GroupDefaulted);
    }
    return Status;
}

/* What is not present leaves the list and its flag untouched. */
static NTSTATUS GetAcl(PDESCRIPTOR Descriptor, ULONG PresentBit, PACL Acl, PBOOLEAN Present,
                       PACL *Result, PBOOLEAN Defaulted)
{
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *Present = (Descriptor->Control & PresentBit) != 0;
    if (*Present) {
        *Result = Acl;
        *Defaulted = (Descriptor->Control & PresentBit << 1) != 0; /* each flag is the next bit */
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                            PBOOLEAN DaclPresent, PACL *Dacl,
                                            PBOOLEAN DaclDefaulted)
{
    return GetAcl(SecurityDescriptor, SE_DACL_PRESENT, SepDaclOf(SecurityDescriptor), DaclPresent,
                  Dacl, DaclDefaulted);
}

NTSTATUS NTAPI RtlGetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                            PBOOLEAN SaclPresent, PACL *Sacl,
                                            PBOOLEAN SaclDefaulted)
{
    return GetAcl(SecurityDescriptor, SE_SACL_PRESENT, SepSaclOf(SecurityDescriptor), SaclPresent,
                  Sacl, SaclDefaulted);
}

NTSTATUS NTAPI RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID *Owner,
                                             PBOOLEAN OwnerDefaulted)
{
    PDESCRIPTOR Descriptor = SecurityDescriptor;
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *Owner = SepOwnerOf(Descriptor);
    *OwnerDefaulted = (Descriptor->Control & SE_OWNER_DEFAULTED) != 0;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID *Group,
                                             PBOOLEAN GroupDefaulted)
{
    PDESCRIPTOR Descriptor = SecurityDescriptor;
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *Group = SepGroupOf(Descriptor);
    *GroupDefaulted = (Descriptor->Control & SE_GROUP_DEFAULTED) != 0;
    return STATUS_SUCCESS;
}

/* The bytes that parts take in a self-relative descriptor. */
static ULONG SidBytes(PSID Sid)
{
    return Sid != NULL ? RtlLengthSid(Sid) : 0;
}

static ULONG AclBytes(PACL Acl)
{
    return Acl != NULL ? (Acl->AclSize + 3u) & ~3u : 0;
}

/* In the self-relative form, whichever it has. */
ULONG NTAPI RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    PDESCRIPTOR Descriptor = SecurityDescriptor;
    return sizeof(*Descriptor) + SidBytes(SepOwnerOf(Descriptor)) +
           SidBytes(SepGroupOf(Descriptor)) + AclBytes(SepDaclOf(Descriptor)) +
           AclBytes(SepSaclOf(Descriptor));
}

static BOOLEAN IsValidSidOrNone(PSID Sid)
{
    return Sid == NULL || RtlValidSid(Sid);
}

static BOOLEAN IsValidAclOrNone(PACL Acl)
{
    return Acl == NULL || RtlValidAcl(Acl);
}

BOOLEAN NTAPI RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    PDESCRIPTOR Descriptor = SecurityDescriptor;
    return Descriptor->Revision == SECURITY_DESCRIPTOR_REVISION &&
           IsValidSidOrNone(SepOwnerOf(Descriptor)) && IsValidSidOrNone(SepGroupOf(Descriptor)) &&
           IsValidAclOrNone(SepDaclOf(Descriptor)) && IsValidAclOrNone(SepSaclOf(Descriptor));
}

/*
 * The part at a distance of which so many bytes lie within the descriptor; NULL: there are none. A
 * distance of 0 is no part at all.
 */
static PVOID PartWithin(PDESCRIPTOR Descriptor, ULONG Length, PVOID Distance, ULONG Bytes)
{
    ULONG At = (ULONG)(ULONG_PTR)Distance;
    BOOLEAN Within = At % sizeof(ULONG) == 0 && At >= sizeof(*Descriptor) && At <= Length &&
                     Bytes <= Length - At;
    return Within ? (PUCHAR)Descriptor + At : NULL;
}

static BOOLEAN SidLiesWithin(PDESCRIPTOR Descriptor, ULONG Length, PVOID Distance, BOOLEAN Required)
{
    PSID Sid = PartWithin(Descriptor, Length, Distance, RtlLengthRequiredSid(0));
    if (Distance == NULL) {
        return !Required;
    }
    return Sid != NULL && RtlValidSid(Sid) &&
           PartWithin(Descriptor, Length, Distance, RtlLengthSid(Sid)) != NULL;
}

static BOOLEAN AclLiesWithin(PDESCRIPTOR Descriptor, ULONG Length, PVOID Distance, BOOLEAN Required)
{
    PACL Acl = PartWithin(Descriptor, Length, Distance, sizeof(ACL));
    if (Distance == NULL) {
        return !Required;
    }
    return Acl != NULL && PartWithin(Descriptor, Length, Distance, Acl->AclSize) != NULL &&
           RtlValidAcl(Acl);
}

/*
 * Whether it can be trusted, wherever it came from: self-relative, all of its parts within its
 * length and valid, and those there that are required.
 */
BOOLEAN NTAPI RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptorInput,
                                                 ULONG SecurityDescriptorLength,
                                                 SECURITY_INFORMATION RequiredInformation)
{
    PDESCRIPTOR Descriptor = SecurityDescriptorInput;
    ULONG Length = SecurityDescriptorLength;
    if (Length < sizeof(*Descriptor) || Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION ||
        !IsRelative(Descriptor)) {
        return FALSE;
    }
    PVOID Dacl = (Descriptor->Control & SE_DACL_PRESENT) != 0 ? Descriptor->Dacl : NULL;
    PVOID Sacl = (Descriptor->Control & SE_SACL_PRESENT) != 0 ? Descriptor->Sacl : NULL;
    return SidLiesWithin(Descriptor, Length, Descriptor->Owner,
                         (RequiredInformation & OWNER_SECURITY_INFORMATION) != 0) &&
           SidLiesWithin(Descriptor, Length, Descriptor->Group,
                         (RequiredInformation & GROUP_SECURITY_INFORMATION) != 0) &&
           AclLiesWithin(Descriptor, Length, Dacl,
                         (RequiredInformation & DACL_SECURITY_INFORMATION) != 0 &&
                             (Descriptor->Control & SE_DACL_PRESENT) == 0) &&
           AclLiesWithin(Descriptor, Length, Sacl,
                         (RequiredInformation & SACL_SECURITY_INFORMATION) != 0 &&
                             (Descriptor->Control & SE_SACL_PRESENT) == 0);
}

/* Puts a part at *End, which moves on; the member becomes its distance. */
static PVOID PutPart(PUCHAR Base, PUCHAR *End, PVOID Part, ULONG Bytes)
{
    PUCHAR Place = *End;
    if (Part == NULL) {
        return NULL;
    }
    RtlCopyMemory(Place, Part, Bytes);
    *End += Bytes;
    return (PVOID)(ULONG_PTR)(Place - Base);
}

/* Errors: STATUS_BAD_DESCRIPTOR_FORMAT; STATUS_BUFFER_TOO_SMALL, and BufferLength says how much. */
NTSTATUS NTAPI RtlAbsoluteToSelfRelativeSD(PSECURITY_DESCRIPTOR AbsoluteSecurityDescriptor,
                                           PSECURITY_DESCRIPTOR SelfRelativeSecurityDescriptor,
                                           PULONG BufferLength)
{
    PDESCRIPTOR From = AbsoluteSecurityDescriptor, To = SelfRelativeSecurityDescriptor;
    if (IsRelative(From)) {
        return STATUS_BAD_DESCRIPTOR_FORMAT;
    }
    ULONG Bytes = RtlLengthSecurityDescriptor(From);
    if (*BufferLength < Bytes) {
        *BufferLength = Bytes;
        return STATUS_BUFFER_TOO_SMALL;
    }
    RtlZeroMemory(To, Bytes);
    To->Revision = From->Revision;
    To->Control = From->Control | SE_SELF_RELATIVE;
    PUCHAR Base = (PUCHAR)To, End = Base + sizeof(*To);
    PACL Sacl = SepSaclOf(From), Dacl = SepDaclOf(From);
    To->Sacl = PutPart(Base, &End, Sacl, AclBytes(Sacl));
    To->Dacl = PutPart(Base, &End, Dacl, AclBytes(Dacl));
    To->Owner = PutPart(Base, &End, From->Owner, SidBytes(From->Owner));
    To->Group = PutPart(Base, &End, From->Group, SidBytes(From->Group));
    ASSERT(End == Base + Bytes);
    return STATUS_SUCCESS;
}

/* Whether so many bytes have room; Size is told how many there are. */
static BOOLEAN HasRoom(PULONG Size, ULONG Bytes)
{
    BOOLEAN Room = Bytes <= *Size;
    *Size = Bytes;
    return Room;
}

/* Copies a part to its buffer; NULL: there is none. */
static PVOID CopyPart(PVOID Buffer, PVOID Part, ULONG Bytes)
{
    return Part != NULL ? RtlCopyMemory(Buffer, Part, Bytes) : NULL;
}

/* Errors: STATUS_BAD_DESCRIPTOR_FORMAT; STATUS_BUFFER_TOO_SMALL, and all sizes say how much. */
NTSTATUS NTAPI RtlSelfRelativeToAbsoluteSD(PSECURITY_DESCRIPTOR SelfRelativeSecurityDescriptor,
                                           PSECURITY_DESCRIPTOR AbsoluteSecurityDescriptor,
                                           PULONG AbsoluteSecurityDescriptorSize, PACL Dacl,
                                           PULONG DaclSize, PACL Sacl, PULONG SaclSize, PSID Owner,
                                           PULONG OwnerSize, PSID PrimaryGroup,
                                           PULONG PrimaryGroupSize)
{
    PDESCRIPTOR From = SelfRelativeSecurityDescriptor, To = AbsoluteSecurityDescriptor;
    if (!IsRelative(From)) {
        return STATUS_BAD_DESCRIPTOR_FORMAT;
    }
    BOOLEAN Room = HasRoom(AbsoluteSecurityDescriptorSize, sizeof(*To));
    Room &= HasRoom(DaclSize, AclBytes(SepDaclOf(From)));
    Room &= HasRoom(SaclSize, AclBytes(SepSaclOf(From)));
    Room &= HasRoom(OwnerSize, SidBytes(SepOwnerOf(From)));
    Room &= HasRoom(PrimaryGroupSize, SidBytes(SepGroupOf(From)));
    if (!Room) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    To->Revision = From->Revision;
    To->Sbz1 = 0;
    To->Control = From->Control & ~SE_SELF_RELATIVE;
    To->Dacl = CopyPart(Dacl, SepDaclOf(From), *DaclSize);
    To->Sacl = CopyPart(Sacl, SepSaclOf(From), *SaclSize);
    To->Owner = CopyPart(Owner, SepOwnerOf(From), *OwnerSize);
    To->Group = CopyPart(PrimaryGroup, SepGroupOf(From), *PrimaryGroupSize);
    return STATUS_SUCCESS;
}
