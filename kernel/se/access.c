/*
 * Access checks: a subject, what it asks for, and an object's descriptor (WDK, "SeAccessCheck").
 *
 * Locks: none are needed. Locking a subject context keeps a token from changing in Windows; here
 * none changes. IRQL: PASSIVE_LEVEL.
 */
#include "kernel/ke/ke.h"
#include "kernel/se/se.h"

#define FIRST_FREE_LUID 0x3EA /* those below are the system's own (SeInitialize) */

static LONG SepLastLuid = FIRST_FREE_LUID;

VOID NTAPI SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    SubjectContext->ClientToken = NULL;
    SubjectContext->ImpersonationLevel = SecurityAnonymous;
    SubjectContext->PrimaryToken = PsReferencePrimaryToken(PsGetCurrentProcess());
    SubjectContext->ProcessAuditId = PsGetCurrentProcessId();
}

VOID NTAPI SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    PsDereferencePrimaryToken(SubjectContext->PrimaryToken);
    SubjectContext->PrimaryToken = NULL;
    if (SubjectContext->ClientToken != NULL) {
        PsDereferenceImpersonationToken(SubjectContext->ClientToken);
        SubjectContext->ClientToken = NULL;
    }
}

VOID NTAPI SeLockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    UNREFERENCED_PARAMETER(SubjectContext);
    KI_ASSERT_IRQL(APC_LEVEL);
}

VOID NTAPI SeUnlockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    UNREFERENCED_PARAMETER(SubjectContext);
    KI_ASSERT_IRQL(APC_LEVEL);
}

static PSEP_TOKEN TokenOf(PSECURITY_SUBJECT_CONTEXT Subject)
{
    return Subject->ClientToken != NULL ? Subject->ClientToken : Subject->PrimaryToken;
}

/* All of the set, or one of it, as its Control says; those that are had are marked as used. */
BOOLEAN NTAPI SePrivilegeCheck(PPRIVILEGE_SET RequiredPrivileges,
                               PSECURITY_SUBJECT_CONTEXT SubjectSecurityContext,
                               KPROCESSOR_MODE AccessMode)
{
    ULONG Had = 0;
    if (AccessMode == KernelMode) {
        return TRUE;
    }
    for (ULONG i = 0; i < RequiredPrivileges->PrivilegeCount; i++) {
        PLUID_AND_ATTRIBUTES Privilege = &RequiredPrivileges->Privilege[i];
        if (SepTokenHasPrivilege(TokenOf(SubjectSecurityContext), &Privilege->Luid)) {
            Privilege->Attributes |= SE_PRIVILEGE_USED_FOR_ACCESS;
            Had++;
        }
    }
    BOOLEAN All = (RequiredPrivileges->Control & PRIVILEGE_SET_ALL_NECESSARY) != 0;
    return All ? Had == RequiredPrivileges->PrivilegeCount : Had != 0;
}

BOOLEAN NTAPI SeSinglePrivilegeCheck(LUID PrivilegeValue, KPROCESSOR_MODE PreviousMode)
{
    SECURITY_SUBJECT_CONTEXT Subject;
    PRIVILEGE_SET Required = {1, PRIVILEGE_SET_ALL_NECESSARY, {{PrivilegeValue, 0}}};
    SeCaptureSubjectContext(&Subject);
    BOOLEAN Held = SePrivilegeCheck(&Required, &Subject, PreviousMode);
    SeReleaseSubjectContext(&Subject);
    return Held;
}

/*
 * What a DACL grants of all rights, in the order of its entries: what is granted or denied first
 * stays so. No DACL grants all.
 */
static ACCESS_MASK WalkDacl(PACL Dacl, PSEP_TOKEN Token, PGENERIC_MAPPING Mapping)
{
    ACCESS_MASK Granted = 0, Denied = 0;
    if (Dacl == NULL) {
        return Mapping->GenericAll;
    }
    PACE_HEADER Ace = (PACE_HEADER)(Dacl + 1);
    for (ULONG i = 0; i < Dacl->AceCount; i++, Ace = SepNextAce(Ace)) {
        BOOLEAN Denies = Ace->AceType == ACCESS_DENIED_ACE_TYPE;
        if ((Ace->AceFlags & INHERIT_ONLY_ACE) != 0 ||
            (!Denies && Ace->AceType != ACCESS_ALLOWED_ACE_TYPE) ||
            !SepTokenHasSid(Token, SepSidOfAce(Ace), Denies)) {
            continue;
        }
        ACCESS_MASK Mask = ((PACCESS_ALLOWED_ACE)Ace)->Mask;
        RtlMapGenericMask(&Mask, Mapping);
        if (Denies) {
            Denied |= Mask & ~Granted;
        } else {
            Granted |= Mask & ~Denied;
        }
    }
    return Granted;
}

/* Rights that come from what the subject is, rather than from the DACL. */
static ACCESS_MASK RightsByPrivilege(PISECURITY_DESCRIPTOR Descriptor, PSEP_TOKEN Token,
                                     ACCESS_MASK Desired)
{
    ACCESS_MASK Granted = 0;
    PSID Owner = SepOwnerOf(Descriptor);
    if (Owner != NULL && SepTokenHasSid(Token, Owner, FALSE)) {
        Granted |= READ_CONTROL | WRITE_DAC;
    }
    if ((Desired & ACCESS_SYSTEM_SECURITY) != 0 &&
        SepTokenHasPrivilege(Token, &SeExports->SeSecurityPrivilege)) {
        Granted |= ACCESS_SYSTEM_SECURITY;
    }
    if ((Desired & (WRITE_OWNER | MAXIMUM_ALLOWED)) != 0 &&
        SepTokenHasPrivilege(Token, &SeExports->SeTakeOwnershipPrivilege)) {
        Granted |= WRITE_OWNER;
    }
    return Granted;
}

static NTSTATUS CheckDescriptor(PISECURITY_DESCRIPTOR Descriptor, PSEP_TOKEN Token,
                                ACCESS_MASK Desired, ACCESS_MASK Previous, PGENERIC_MAPPING Mapping,
                                PACCESS_MASK GrantedAccess)
{
    BOOLEAN Maximum = (Desired & MAXIMUM_ALLOWED) != 0;
    PACL Dacl = SepDaclOf(Descriptor);
    ACCESS_MASK Granted = Previous | RightsByPrivilege(Descriptor, Token, Desired);
    ACCESS_MASK ByDacl = Dacl != NULL ? WalkDacl(Dacl, Token, Mapping)
                                      : Mapping->GenericAll | (Desired & ~ACCESS_SYSTEM_SECURITY);
    Desired &= ~MAXIMUM_ALLOWED;
    Granted |= ByDacl & ~MAXIMUM_ALLOWED;
    *GrantedAccess = 0;
    if ((Desired & ~Granted) != 0) {
        return (Desired & ~Granted & ACCESS_SYSTEM_SECURITY) != 0 ? STATUS_PRIVILEGE_NOT_HELD
                                                                  : STATUS_ACCESS_DENIED;
    }
    *GrantedAccess = Maximum ? Granted : Desired | Previous;
    return *GrantedAccess != 0 ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

/*
 * Whether the subject has the rights it asks for, generic ones already mapped; GrantedAccess is
 * told which, and AccessStatus the reason if not. A kernel caller has all. *Privileges is set to
 * NULL: which privileges were used is not recorded.
 */
BOOLEAN NTAPI SeAccessCheck(PSECURITY_DESCRIPTOR SecurityDescriptor,
                            PSECURITY_SUBJECT_CONTEXT SubjectSecurityContext,
                            BOOLEAN SubjectContextLocked, ACCESS_MASK DesiredAccess,
                            ACCESS_MASK PreviouslyGrantedAccess, PPRIVILEGE_SET *Privileges,
                            PGENERIC_MAPPING GenericMapping, KPROCESSOR_MODE AccessMode,
                            PACCESS_MASK GrantedAccess, PNTSTATUS AccessStatus)
{
    UNREFERENCED_PARAMETER(SubjectContextLocked);
    if (Privileges != NULL) {
        *Privileges = NULL;
    }
    if (AccessMode == KernelMode) {
        BOOLEAN Maximum = (DesiredAccess & MAXIMUM_ALLOWED) != 0;
        *GrantedAccess = PreviouslyGrantedAccess | (DesiredAccess & ~MAXIMUM_ALLOWED) |
                         (Maximum ? GenericMapping->GenericAll : 0);
        *AccessStatus = STATUS_SUCCESS;
    } else if (SecurityDescriptor == NULL) {
        *GrantedAccess = 0;
        *AccessStatus = STATUS_ACCESS_DENIED;
    } else if (SubjectSecurityContext->ClientToken != NULL &&
               SubjectSecurityContext->ImpersonationLevel < SecurityImpersonation) {
        *GrantedAccess = 0;
        *AccessStatus = STATUS_BAD_IMPERSONATION_LEVEL;
    } else {
        *AccessStatus =
            CheckDescriptor(SecurityDescriptor, TokenOf(SubjectSecurityContext), DesiredAccess,
                            PreviouslyGrantedAccess, GenericMapping, GrantedAccess);
    }
    return NT_SUCCESS(*AccessStatus);
}

/* What an open of an object has to remember until it is done. */
NTSTATUS NTAPI SeCreateAccessState(PACCESS_STATE AccessState, PAUX_ACCESS_DATA AuxData,
                                   ACCESS_MASK DesiredAccess, PGENERIC_MAPPING GenericMapping)
{
    RtlZeroMemory(AccessState, sizeof(*AccessState));
    RtlZeroMemory(AuxData, sizeof(*AuxData));
    if (GenericMapping != NULL) {
        RtlMapGenericMask(&DesiredAccess, GenericMapping);
        AuxData->GenericMapping = *GenericMapping;
    }
    SeCaptureSubjectContext(&AccessState->SubjectSecurityContext);
    if (SepTokenHasPrivilege(TokenOf(&AccessState->SubjectSecurityContext),
                             &SeExports->SeChangeNotifyPrivilege)) {
        AccessState->Flags = TOKEN_HAS_TRAVERSE_PRIVILEGE;
    }
    AccessState->OperationID.LowPart = (ULONG)InterlockedIncrement(&SepLastLuid);
    AccessState->OriginalDesiredAccess = AccessState->RemainingDesiredAccess = DesiredAccess;
    AccessState->AuxData = AuxData;
    AuxData->PrivilegesUsed = &AccessState->Privileges.PrivilegeSet;
    return STATUS_SUCCESS;
}

VOID NTAPI SeDeleteAccessState(PACCESS_STATE AccessState)
{
    PAUX_ACCESS_DATA AuxData = AccessState->AuxData;
    if (AccessState->PrivilegesAllocated) {
        ExFreePool(AuxData->PrivilegesUsed);
    }
    if (AccessState->ObjectName.Buffer != NULL) {
        ExFreePool(AccessState->ObjectName.Buffer);
    }
    if (AccessState->ObjectTypeName.Buffer != NULL) {
        ExFreePool(AccessState->ObjectTypeName.Buffer);
    }
    SeReleaseSubjectContext(&AccessState->SubjectSecurityContext);
}

VOID NTAPI SeSetAccessStateGenericMapping(PACCESS_STATE AccessState,
                                          PGENERIC_MAPPING GenericMapping)
{
    ((PAUX_ACCESS_DATA)AccessState->AuxData)->GenericMapping = *GenericMapping;
}

static ULONG SetBytes(ULONG Count)
{
    return (ULONG)FIELD_OFFSET(PRIVILEGE_SET, Privilege) + Count * sizeof(LUID_AND_ATTRIBUTES);
}

/* Notes that these privileges were used, too. STATUS_INSUFFICIENT_RESOURCES: they are not noted. */
NTSTATUS NTAPI SeAppendPrivileges(PACCESS_STATE AccessState, PPRIVILEGE_SET Privileges)
{
    PAUX_ACCESS_DATA AuxData = AccessState->AuxData;
    PPRIVILEGE_SET Old = AuxData->PrivilegesUsed, New = Old;
    ULONG Count = Old->PrivilegeCount + Privileges->PrivilegeCount;
    if (Count > INITIAL_PRIVILEGE_COUNT) {
        New = ExAllocatePoolWithTag(PagedPool, SetBytes(Count), TAG_SECURITY);
        if (New == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        RtlCopyMemory(New, Old, SetBytes(Old->PrivilegeCount));
    }
    RtlCopyMemory(&New->Privilege[Old->PrivilegeCount], Privileges->Privilege,
                  Privileges->PrivilegeCount * sizeof(LUID_AND_ATTRIBUTES));
    New->PrivilegeCount = Count;
    if (New != Old) {
        if (AccessState->PrivilegesAllocated) {
            ExFreePool(Old);
        }
        AuxData->PrivilegesUsed = New;
        AccessState->PrivilegesAllocated = TRUE;
    }
    return STATUS_SUCCESS;
}

VOID NTAPI SeFreePrivileges(PPRIVILEGE_SET Privileges)
{
    ExFreePool(Privileges);
}
