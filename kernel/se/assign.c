/*
 * Descriptors of objects: made for a new one, asked for, changed, checked and captured (WDK,
 * "SeAssignSecurity", "SeSetSecurityDescriptorInfo").
 *
 * What is made here is self-relative, in one block of pool. Locks: none; the caller guards its
 * object's descriptor. IRQL: PASSIVE_LEVEL.
 */
#include "kernel/se/se.h"

#define FROM_PARENT_DACL  0x01 /* SEF_DACL_AUTO_INHERIT and so on */
#define FROM_PARENT_SACL  0x02
#define FROM_PARENT_OWNER 0x20
#define FROM_PARENT_GROUP 0x40

/* What a new object's lists are made with. */
typedef struct _NEW_OBJECT {
    PSID Owner;
    PSID Group;
    BOOLEAN IsDirectory;
    PGENERIC_MAPPING Mapping;
} NEW_OBJECT;

NTSTATUS SepMakeRelative(PISECURITY_DESCRIPTOR Absolute, POOL_TYPE PoolType,
                         PSECURITY_DESCRIPTOR *Result)
{
    ULONG Bytes = RtlLengthSecurityDescriptor(Absolute);
    PSECURITY_DESCRIPTOR Relative = ExAllocatePoolWithTag(PoolType, Bytes, TAG_SECURITY);
    if (Relative == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    NTSTATUS Status = RtlAbsoluteToSelfRelativeSD(Absolute, Relative, &Bytes);
    ASSERT(NT_SUCCESS(Status));
    *Result = Relative;
    return Status;
}

/* Appends a copy of an entry. It has room: the list was made large enough. */
static VOID AppendAce(PACL Acl, PACE_HEADER Ace, UCHAR Flags, ACCESS_MASK Mask, PSID Sid)
{
    NTSTATUS Status = SepAddAce(Acl, Acl->AclRevision, Ace->AceType, Flags, Mask, Sid);
    ASSERT(NT_SUCCESS(Status));
    UNREFERENCED_PARAMETER(Status);
}

/* The creator's place is taken by whoever creates. */
static PSID ReplaceCreator(PSID Sid, const NEW_OBJECT *New)
{
    if (RtlEqualSid(Sid, SeExports->SeCreatorOwnerSid)) {
        return New->Owner;
    }
    return RtlEqualSid(Sid, SeExports->SeCreatorGroupSid) ? New->Group : Sid;
}

/*
 * What a parent's entry comes to in a new object: one that counts for it, one that only its own
 * children inherit, both, or none. Both are one if it is the same for either (WDK, "ACE inheritance
 * rules").
 */
static VOID InheritAce(PACL Acl, PACE_HEADER Ace, const NEW_OBJECT *New, UCHAR InheritedFlag)
{
    UCHAR Kinds = Ace->AceFlags & (OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE);
    UCHAR Audit = Ace->AceFlags & ~VALID_INHERIT_FLAGS;
    UCHAR Own = New->IsDirectory ? CONTAINER_INHERIT_ACE : OBJECT_INHERIT_ACE;
    BOOLEAN Counts = (Kinds & Own) != 0;
    BOOLEAN GoesOn = New->IsDirectory && Kinds != 0 && !(Ace->AceFlags & NO_PROPAGATE_INHERIT_ACE);
    PSID Sid = SepSidOfAce(Ace), NewSid = ReplaceCreator(Sid, New);
    ACCESS_MASK Mask = ((PACCESS_ALLOWED_ACE)Ace)->Mask, NewMask = Mask;
    RtlMapGenericMask(&NewMask, New->Mapping);
    BOOLEAN Same = Mask == NewMask && Sid == NewSid;
    UCHAR Common = Audit | InheritedFlag;
    if (Counts) {
        AppendAce(Acl, Ace, Common | (GoesOn && Same ? Kinds : 0), NewMask, NewSid);
    }
    if (GoesOn && !(Counts && Same)) {
        AppendAce(Acl, Ace, Common | Kinds | INHERIT_ONLY_ACE, Mask, Sid);
    }
}

/* Only entries with a SID at the usual place are understood; others are left out. */
static BOOLEAN IsKnownAce(PACE_HEADER Ace)
{
    return Ace->AceType <= ACCESS_MAX_MS_V2_ACE_TYPE;
}

/*
 * An empty list with room for two entries for each of another one's, with the new owner's SID or
 * the new group's. STATUS_INVALID_ACL: more than a list can hold.
 */
static NTSTATUS MakeRoom(PACL From, const NEW_OBJECT *New, PACL *Acl)
{
    ULONG SidBytes = max(RtlLengthSid(New->Owner), RtlLengthSid(New->Group));
    ULONG Bytes = 2 * (From->AclSize + From->AceCount * SidBytes);
    if (Bytes > MAXUSHORT) {
        return STATUS_INVALID_ACL;
    }
    *Acl = ExAllocatePoolWithTag(PagedPool, Bytes, TAG_SECURITY);
    return *Acl != NULL ? RtlCreateAcl(*Acl, Bytes, From->AclRevision)
                        : STATUS_INSUFFICIENT_RESOURCES;
}

/* The list becomes as long as its entries. */
static PACL Trim(PACL Acl)
{
    PACE_HEADER Free;
    if (RtlFirstFreeAce(Acl, &Free) && Free != NULL) {
        Acl->AclSize = (USHORT)((PUCHAR)Free - (PUCHAR)Acl);
    }
    return Acl;
}

/*
 * A new object's list: the explicit one, with generic rights and creators replaced where they count
 * for the object; or what the parent's comes to, if Inherit. *Result: to be freed; NULL: there are
 * no entries to inherit, or there is no list.
 */
static NTSTATUS MakeAcl(PACL From, BOOLEAN Inherit, BOOLEAN AutoInherited, const NEW_OBJECT *New,
                        PACL *Result)
{
    *Result = NULL;
    if (From == NULL) {
        return STATUS_SUCCESS;
    }
    PACL Acl;
    NTSTATUS Status = MakeRoom(From, New, &Acl);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    PACE_HEADER Ace = (PACE_HEADER)(From + 1);
    for (ULONG i = 0; i < From->AceCount; i++, Ace = SepNextAce(Ace)) {
        ACCESS_MASK Mask = ((PACCESS_ALLOWED_ACE)Ace)->Mask;
        if (!IsKnownAce(Ace)) {
            continue;
        }
        if (Inherit) {
            InheritAce(Acl, Ace, New, AutoInherited ? INHERITED_ACE : 0);
        } else if ((Ace->AceFlags & INHERIT_ONLY_ACE) != 0) {
            AppendAce(Acl, Ace, Ace->AceFlags, Mask, SepSidOfAce(Ace));
        } else {
            RtlMapGenericMask(&Mask, New->Mapping);
            AppendAce(Acl, Ace, Ace->AceFlags, Mask, ReplaceCreator(SepSidOfAce(Ace), New));
        }
    }
    if (Inherit && Acl->AceCount == 0) {
        ExFreePool(Acl);
        return STATUS_SUCCESS;
    }
    *Result = Trim(Acl);
    return STATUS_SUCCESS;
}

/*
 * One of the two lists of a new object. In this order: an explicit one, what the parent's gives,
 * an explicit one that is only a default, the subject's own default. *Present: there is a list,
 * even if it is NULL, which grants all to all.
 */
static NTSTATUS ChooseAcl(PACL Parent, PACL Explicit, BOOLEAN ExplicitPresent,
                          BOOLEAN ExplicitDefaulted, PACL Default, BOOLEAN AutoInherit,
                          const NEW_OBJECT *New, PACL *Result, PBOOLEAN Present)
{
    NTSTATUS Status = STATUS_SUCCESS;
    *Result = NULL;
    *Present = TRUE;
    if (ExplicitPresent && !ExplicitDefaulted) {
        return MakeAcl(Explicit, FALSE, FALSE, New, Result);
    }
    Status = MakeAcl(Parent, TRUE, AutoInherit, New, Result);
    if (!NT_SUCCESS(Status) || *Result != NULL) {
        return Status;
    }
    *Present = ExplicitPresent || Default != NULL;
    return MakeAcl(ExplicitPresent ? Explicit : Default, FALSE, FALSE, New, Result);
}

static BOOLEAN HasBits(PISECURITY_DESCRIPTOR Descriptor, SECURITY_DESCRIPTOR_CONTROL Bits)
{
    return Descriptor != NULL && (Descriptor->Control & Bits) == Bits;
}

/* A part of one of two descriptors, either of which may be NULL; else the token's. */
static PSID ChooseSid(PSID (*Part)(PISECURITY_DESCRIPTOR), PISECURITY_DESCRIPTOR Explicit,
                      PISECURITY_DESCRIPTOR Parent, BOOLEAN FromParent, PSID OfToken)
{
    PSID Sid = Explicit != NULL ? Part(Explicit) : NULL;
    if (Sid == NULL && FromParent && Parent != NULL) {
        Sid = Part(Parent);
    }
    return Sid != NULL ? Sid : OfToken;
}

/* A new object's descriptor, without a block of its own: lists to be freed, SIDs of others'. */
static NTSTATUS ComposeDescriptor(PISECURITY_DESCRIPTOR Parent, PISECURITY_DESCRIPTOR Explicit,
                                  ULONG Flags, PSEP_TOKEN Token, NEW_OBJECT *New,
                                  PISECURITY_DESCRIPTOR Result)
{
    BOOLEAN Present;
    PACL Dacl, Sacl;
    RtlCreateSecurityDescriptor(Result, SECURITY_DESCRIPTOR_REVISION);
    New->Owner =
        ChooseSid(SepOwnerOf, Explicit, Parent, (Flags & FROM_PARENT_OWNER) != 0, Token->Owner);
    New->Group = ChooseSid(SepGroupOf, Explicit, Parent, (Flags & FROM_PARENT_GROUP) != 0,
                           Token->PrimaryGroup);
    RtlSetOwnerSecurityDescriptor(Result, New->Owner, FALSE);
    RtlSetGroupSecurityDescriptor(Result, New->Group, FALSE);
    BOOLEAN AutoDacl = (Flags & FROM_PARENT_DACL) != 0, AutoSacl = (Flags & FROM_PARENT_SACL) != 0;
    NTSTATUS Status = ChooseAcl(
        Parent != NULL ? SepDaclOf(Parent) : NULL, Explicit != NULL ? SepDaclOf(Explicit) : NULL,
        HasBits(Explicit, SE_DACL_PRESENT), HasBits(Explicit, SE_DACL_DEFAULTED),
        Token->DefaultDacl, AutoDacl, New, &Dacl, &Present);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    RtlSetDaclSecurityDescriptor(Result, Present, Dacl, FALSE);
    Status =
        ChooseAcl(Parent != NULL ? SepSaclOf(Parent) : NULL,
                  Explicit != NULL ? SepSaclOf(Explicit) : NULL, HasBits(Explicit, SE_SACL_PRESENT),
                  HasBits(Explicit, SE_SACL_DEFAULTED), NULL, AutoSacl, New, &Sacl, &Present);
    if (NT_SUCCESS(Status)) {
        RtlSetSaclSecurityDescriptor(Result, Present, Sacl, FALSE);
        Result->Control |=
            (AutoDacl ? SE_DACL_AUTO_INHERITED : 0) | (AutoSacl ? SE_SACL_AUTO_INHERITED : 0);
    }
    return Status;
}

/*
 * A descriptor for a new object, in pool; SeDeassignSecurity frees it. Both of the given ones are
 * optional and have been checked.
 */
NTSTATUS NTAPI SeAssignSecurityEx(PSECURITY_DESCRIPTOR ParentDescriptor,
                                  PSECURITY_DESCRIPTOR ExplicitDescriptor,
                                  PSECURITY_DESCRIPTOR *NewDescriptor, GUID *ObjectType,
                                  BOOLEAN IsDirectoryObject, ULONG AutoInheritFlags,
                                  PSECURITY_SUBJECT_CONTEXT SubjectContext,
                                  PGENERIC_MAPPING GenericMapping, POOL_TYPE PoolType)
{
    SECURITY_DESCRIPTOR Composed;
    PSEP_TOKEN Token = SubjectContext->ClientToken != NULL ? SubjectContext->ClientToken
                                                           : SubjectContext->PrimaryToken;
    NEW_OBJECT New = {.IsDirectory = IsDirectoryObject, .Mapping = GenericMapping};
    PAGED_CODE();
    UNREFERENCED_PARAMETER(ObjectType);
    *NewDescriptor = NULL;
    NTSTATUS Status = ComposeDescriptor(ParentDescriptor, ExplicitDescriptor, AutoInheritFlags,
                                        Token, &New, &Composed);
    if (NT_SUCCESS(Status)) {
        Status = SepMakeRelative(&Composed, PoolType, NewDescriptor);
    }
    if (Composed.Dacl != NULL) {
        ExFreePool(Composed.Dacl);
    }
    if (Composed.Sacl != NULL) {
        ExFreePool(Composed.Sacl);
    }
    return Status;
}

NTSTATUS NTAPI SeAssignSecurity(PSECURITY_DESCRIPTOR ParentDescriptor,
                                PSECURITY_DESCRIPTOR ExplicitDescriptor,
                                PSECURITY_DESCRIPTOR *NewDescriptor, BOOLEAN IsDirectoryObject,
                                PSECURITY_SUBJECT_CONTEXT SubjectContext,
                                PGENERIC_MAPPING GenericMapping, POOL_TYPE PoolType)
{
    return SeAssignSecurityEx(ParentDescriptor, ExplicitDescriptor, NewDescriptor, NULL,
                              IsDirectoryObject, 0, SubjectContext, GenericMapping, PoolType);
}

NTSTATUS NTAPI SeDeassignSecurity(PSECURITY_DESCRIPTOR *SecurityDescriptor)
{
    if (*SecurityDescriptor != NULL) {
        ExFreePool(*SecurityDescriptor);
        *SecurityDescriptor = NULL;
    }
    return STATUS_SUCCESS;
}

/* The parts that Information names, of From; the others stay as they are in To, which is absolute.
 */
static VOID TakeParts(PISECURITY_DESCRIPTOR To, PISECURITY_DESCRIPTOR From,
                      SECURITY_INFORMATION Information)
{
    if ((Information & OWNER_SECURITY_INFORMATION) != 0) {
        RtlSetOwnerSecurityDescriptor(To, SepOwnerOf(From), HasBits(From, SE_OWNER_DEFAULTED));
    }
    if ((Information & GROUP_SECURITY_INFORMATION) != 0) {
        RtlSetGroupSecurityDescriptor(To, SepGroupOf(From), HasBits(From, SE_GROUP_DEFAULTED));
    }
    if ((Information & DACL_SECURITY_INFORMATION) != 0) {
        RtlSetDaclSecurityDescriptor(To, HasBits(From, SE_DACL_PRESENT), SepDaclOf(From),
                                     HasBits(From, SE_DACL_DEFAULTED));
    }
    if ((Information & SACL_SECURITY_INFORMATION) != 0) {
        RtlSetSaclSecurityDescriptor(To, HasBits(From, SE_SACL_PRESENT), SepSaclOf(From),
                                     HasBits(From, SE_SACL_DEFAULTED));
    }
}

#define ALL_PARTS                                                                                  \
    (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION |         \
     SACL_SECURITY_INFORMATION)

/*
 * Parts of an object's descriptor, self-relative, into the caller's buffer.
 * STATUS_BUFFER_TOO_SMALL: Length says how much it takes. Without a descriptor the answer has no
 * parts.
 */
NTSTATUS NTAPI SeQuerySecurityDescriptorInfo(PSECURITY_INFORMATION SecurityInformation,
                                             PSECURITY_DESCRIPTOR SecurityDescriptor, PULONG Length,
                                             PSECURITY_DESCRIPTOR *ObjectsSecurityDescriptor)
{
    SECURITY_DESCRIPTOR Parts;
    RtlCreateSecurityDescriptor(&Parts, SECURITY_DESCRIPTOR_REVISION);
    if (*ObjectsSecurityDescriptor != NULL) {
        TakeParts(&Parts, *ObjectsSecurityDescriptor, *SecurityInformation);
    }
    ULONG Bytes = RtlLengthSecurityDescriptor(&Parts);
    NTSTATUS Status = RtlAbsoluteToSelfRelativeSD(&Parts, SecurityDescriptor, Length);
    *Length = Bytes;
    return Status;
}

/*
 * A new descriptor for an object, with parts of another one; *ObjectsSecurityDescriptor becomes it,
 * and freeing the old one is left to the caller. STATUS_NO_SECURITY_ON_OBJECT: it has none yet.
 */
NTSTATUS NTAPI SeSetSecurityDescriptorInfo(PVOID Object, PSECURITY_INFORMATION SecurityInformation,
                                           PSECURITY_DESCRIPTOR ModificationDescriptor,
                                           PSECURITY_DESCRIPTOR *ObjectsSecurityDescriptor,
                                           POOL_TYPE PoolType, PGENERIC_MAPPING GenericMapping)
{
    SECURITY_DESCRIPTOR Parts;
    PACL Dacl = NULL;
    PAGED_CODE();
    UNREFERENCED_PARAMETER(Object);
    if (*ObjectsSecurityDescriptor == NULL) {
        return STATUS_NO_SECURITY_ON_OBJECT;
    }
    RtlCreateSecurityDescriptor(&Parts, SECURITY_DESCRIPTOR_REVISION);
    TakeParts(&Parts, *ObjectsSecurityDescriptor, ALL_PARTS);
    TakeParts(&Parts, ModificationDescriptor, *SecurityInformation);
    if ((*SecurityInformation & DACL_SECURITY_INFORMATION) != 0) {
        PSEP_TOKEN Token = SepSystemToken();
        NEW_OBJECT Same = {Parts.Owner != NULL ? Parts.Owner : Token->Owner,
                           Parts.Group != NULL ? Parts.Group : Token->PrimaryGroup, FALSE,
                           GenericMapping};
        NTSTATUS Status = MakeAcl(Parts.Dacl, FALSE, FALSE, &Same, &Dacl);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        Parts.Dacl = Dacl;
    }
    NTSTATUS Status = SepMakeRelative(&Parts, PoolType, ObjectsSecurityDescriptor);
    if (Dacl != NULL) {
        ExFreePool(Dacl);
    }
    return Status;
}

NTSTATUS NTAPI SeSetSecurityDescriptorInfoEx(PVOID Object,
                                             PSECURITY_INFORMATION SecurityInformation,
                                             PSECURITY_DESCRIPTOR ModificationDescriptor,
                                             PSECURITY_DESCRIPTOR *ObjectsSecurityDescriptor,
                                             ULONG AutoInheritFlags, POOL_TYPE PoolType,
                                             PGENERIC_MAPPING GenericMapping)
{
    UNREFERENCED_PARAMETER(AutoInheritFlags);
    return SeSetSecurityDescriptorInfo(Object, SecurityInformation, ModificationDescriptor,
                                       ObjectsSecurityDescriptor, PoolType, GenericMapping);
}

/* Whether a self-relative descriptor of that length, from anywhere, can be trusted; it has an
 * owner. */
BOOLEAN NTAPI SeValidSecurityDescriptor(ULONG Length, PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    return RtlValidRelativeSecurityDescriptor(SecurityDescriptor, Length,
                                              OWNER_SECURITY_INFORMATION);
}
