/*
 * Security as drivers see it: the one token, the checks of access against it, descriptors of new
 * objects; and the routines for SIDs, lists and descriptors, each through its export. How those
 * behave in every corner is shown on the host (tests/unit/test_se.c).
 */
#include <ntifs.h>
#include "selftest.h"

#undef PsDereferencePrimaryToken

/* Exported, and not in the headers. */
typedef struct _AUX_DATA {
    PPRIVILEGE_SET PrivilegesUsed;
    ULONG Rest[16];
} AUX_DATA;
NTSTATUS NTAPI SeCreateAccessState(PACCESS_STATE AccessState, AUX_DATA *AuxData,
                                   ACCESS_MASK DesiredAccess, PGENERIC_MAPPING GenericMapping);
VOID NTAPI SeDeleteAccessState(PACCESS_STATE AccessState);
SECURITY_IMPERSONATION_LEVEL NTAPI SeTokenImpersonationLevel(PACCESS_TOKEN Token);
BOOLEAN NTAPI RtlAreAllAccessesGranted(ACCESS_MASK GrantedAccess, ACCESS_MASK DesiredAccess);
BOOLEAN NTAPI RtlAreAnyAccessesGranted(ACCESS_MASK GrantedAccess, ACCESS_MASK DesiredAccess);

static GENERIC_MAPPING Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                                  FILE_ALL_ACCESS};
static SECURITY_SUBJECT_CONTEXT Subject;

static union {
    ACL Acl;
    ULONG Room[64];
} Dacl;
static SECURITY_DESCRIPTOR Descriptor;

/* An empty DACL, for an object whose owner is of no interest. */
static VOID BeginDescriptor(VOID)
{
    RtlCreateAcl(&Dacl.Acl, sizeof Dacl, ACL_REVISION);
    RtlCreateSecurityDescriptor(&Descriptor, SECURITY_DESCRIPTOR_REVISION);
    RtlSetOwnerSecurityDescriptor(&Descriptor, SeExports->SeLocalServiceSid, FALSE);
    RtlSetGroupSecurityDescriptor(&Descriptor, SeExports->SeLocalServiceSid, FALSE);
    RtlSetDaclSecurityDescriptor(&Descriptor, TRUE, &Dacl.Acl, FALSE);
}

static VOID Allow(PSID Sid, ACCESS_MASK Mask)
{
    RtlAddAccessAllowedAce(&Dacl.Acl, ACL_REVISION, Mask, Sid);
}

/* There is no routine in the kernel that adds such an entry: it is an allowed one, changed. */
static VOID Deny(PSID Sid, ACCESS_MASK Mask)
{
    PACE_HEADER Ace;

    Allow(Sid, Mask);
    RtlGetAce(&Dacl.Acl, Dacl.Acl.AceCount - 1, (PVOID *)&Ace);
    Ace->AceType = ACCESS_DENIED_ACE_TYPE;
}

/* What a user's request for these rights comes to. */
static NTSTATUS Ask(ACCESS_MASK Desired, PACCESS_MASK Granted)
{
    NTSTATUS Status = STATUS_PENDING;
    BOOLEAN Allowed;

    SeLockSubjectContext(&Subject);
    Allowed = SeAccessCheck(&Descriptor, &Subject, TRUE, Desired, 0, NULL, &Mapping, UserMode,
                            Granted, &Status);
    SeUnlockSubjectContext(&Subject);
    if (Allowed != NT_SUCCESS(Status))
        Check("the result agrees with the status", FALSE);
    return Status;
}

static VOID TestDacl(VOID)
{
    ACCESS_MASK Granted;

    BeginDescriptor();
    CheckEqual("an empty list grants nothing", Ask(FILE_READ_DATA, &Granted), STATUS_ACCESS_DENIED);
    CheckEqual("... no rights at all", Granted, 0);
    Allow(SeExports->SeInteractiveSid, FILE_ALL_ACCESS);
    CheckEqual("others' rights do not count", Ask(FILE_READ_DATA, &Granted), STATUS_ACCESS_DENIED);
    Allow(SeExports->SeWorldSid, FILE_READ_DATA);
    CheckEqual("everybody's do", Ask(FILE_READ_DATA, &Granted), STATUS_SUCCESS);
    CheckEqual("... as asked", Granted, FILE_READ_DATA);
    CheckEqual("no more than granted", Ask(FILE_READ_DATA | FILE_WRITE_DATA, &Granted),
               STATUS_ACCESS_DENIED);
    Allow(SeExports->SeAliasAdminsSid, FILE_WRITE_DATA);
    CheckEqual("several entries add up", Ask(FILE_READ_DATA | FILE_WRITE_DATA, &Granted),
               STATUS_SUCCESS);
    Deny(SeExports->SeLocalSystemSid, FILE_WRITE_DATA | FILE_EXECUTE);
    CheckEqual("what is granted first stays", Ask(FILE_WRITE_DATA, &Granted), STATUS_SUCCESS);
    Allow(SeExports->SeWorldSid, GENERIC_ALL);
    CheckEqual("what is denied first, too", Ask(FILE_EXECUTE, &Granted), STATUS_ACCESS_DENIED);
    CheckEqual("generic rights are mapped", Ask(FILE_APPEND_DATA, &Granted), STATUS_SUCCESS);
    CheckEqual("all that there is", Ask(MAXIMUM_ALLOWED, &Granted), STATUS_SUCCESS);
    CheckEqual("... but what is denied", Granted, FILE_ALL_ACCESS & ~FILE_EXECUTE);
    RtlSetDaclSecurityDescriptor(&Descriptor, FALSE, NULL, FALSE);
    CheckEqual("no list grants all", Ask(FILE_ALL_ACCESS, &Granted), STATUS_SUCCESS);
}

static VOID TestRightsWithoutDacl(VOID)
{
    ACCESS_MASK Granted;
    NTSTATUS Status;

    BeginDescriptor();
    CheckEqual("one who is not the owner", Ask(WRITE_DAC, &Granted), STATUS_ACCESS_DENIED);
    RtlSetOwnerSecurityDescriptor(&Descriptor, SeExports->SeLocalSystemSid, FALSE);
    CheckEqual("the owner may change who may", Ask(WRITE_DAC | READ_CONTROL, &Granted), 0);
    CheckEqual("a privilege gives ownership", Ask(WRITE_OWNER, &Granted), STATUS_SUCCESS);
    CheckEqual("... and the system list", Ask(ACCESS_SYSTEM_SECURITY, &Granted), STATUS_SUCCESS);
    CheckEqual("nothing asked for is nothing", Ask(0, &Granted), STATUS_ACCESS_DENIED);
    Check("the kernel may all", SeAccessCheck(&Descriptor, &Subject, FALSE, FILE_WRITE_DATA, 0,
                                              NULL, &Mapping, KernelMode, &Granted, &Status) &&
                                    Granted == FILE_WRITE_DATA && Status == STATUS_SUCCESS);
    Check("no descriptor, no access for a user",
          !SeAccessCheck(NULL, &Subject, FALSE, FILE_WRITE_DATA, 0, NULL, &Mapping, UserMode,
                         &Granted, &Status) &&
              Status == STATUS_ACCESS_DENIED);
    Check("what is granted already stays",
          SeAccessCheck(&Descriptor, &Subject, FALSE, READ_CONTROL, FILE_READ_DATA, NULL, &Mapping,
                        UserMode, &Granted, &Status) &&
              Granted == (READ_CONTROL | FILE_READ_DATA));
}

static VOID TestPrivileges(VOID)
{
    PRIVILEGE_SET Set = {1, PRIVILEGE_SET_ALL_NECESSARY, {{SeExports->SeTcbPrivilege, 0}}};
    LUID Unknown = {1000, 0};
    ACCESS_STATE State;
    AUX_DATA Aux;
    ULONG i;

    Check("the system has a privilege", SePrivilegeCheck(&Set, &Subject, UserMode));
    Check("... which has been used",
          (Set.Privilege[0].Attributes & SE_PRIVILEGE_USED_FOR_ACCESS) != 0);
    Set.Privilege[0].Luid = Unknown;
    Check("nobody has an unknown one", !SePrivilegeCheck(&Set, &Subject, UserMode) &&
                                           !SeSinglePrivilegeCheck(Unknown, UserMode));
    Check("... but the kernel", SeSinglePrivilegeCheck(Unknown, KernelMode));
    CheckEqual("an access state", SeCreateAccessState(&State, &Aux, GENERIC_READ, &Mapping), 0);
    CheckEqual("... its rights are mapped", State.RemainingDesiredAccess, FILE_GENERIC_READ);
    for (i = 0; i < 5; i++)
        SeAppendPrivileges(&State, &Set);
    Check("privileges are noted, however many",
          Aux.PrivilegesUsed->PrivilegeCount == 5 && State.PrivilegesAllocated &&
              Aux.PrivilegesUsed->Privilege[4].Luid.LowPart == 1000);
    SeSetAccessStateGenericMapping(&State, &Mapping);
    SeDeleteAccessState(&State);
    SeFreePrivileges(ExAllocatePoolWithTag(PagedPool, 32, 'tseS'));
}

static VOID TestToken(VOID)
{
    PACCESS_TOKEN Token = PsReferencePrimaryToken(PsGetCurrentProcess());
    SECURITY_QUALITY_OF_SERVICE Qos = {sizeof Qos, SecurityImpersonation, 0, FALSE};
    SECURITY_CLIENT_CONTEXT Client;
    SECURITY_IMPERSONATION_LEVEL Level;
    BOOLEAN CopyOnOpen, EffectiveOnly;
    PTOKEN_GROUPS Groups;
    PTOKEN_PRIVILEGES Privileges;
    PTOKEN_USER User;
    PVOID Answer;
    ULONG Session = 7;
    LUID Id;

    Check("a process's token is the subject's", Token == Subject.PrimaryToken);
    CheckEqual("it is a primary one", SeTokenType(Token), TokenPrimary);
    CheckEqual("... and of no level", SeTokenImpersonationLevel(Token), SecurityAnonymous);
    Check("... an administrator's, not restricted",
          SeTokenIsAdmin(Token) && !SeTokenIsRestricted(Token));
    SeQueryAuthenticationIdToken(Token, &Id);
    SeQuerySessionIdToken(Token, &Session);
    Check("it is the system's", Id.LowPart == 0x3E7 && Session == 0);
    CheckEqual("its user", SeQueryInformationToken(Token, TokenUser, (PVOID *)&User), 0);
    Check("... is the system", RtlEqualSid(User->User.Sid, SeExports->SeLocalSystemSid));
    ExFreePool(User);
    CheckEqual("its groups", SeQueryInformationToken(Token, TokenGroups, (PVOID *)&Groups), 0);
    Check("... the administrators first",
          RtlEqualSid(Groups->Groups[0].Sid, SeExports->SeAliasAdminsSid));
    ExFreePool(Groups);
    CheckEqual("its privileges",
               SeQueryInformationToken(Token, TokenPrivileges, (PVOID *)&Privileges), 0);
    CheckRange("... are many", Privileges->PrivilegeCount, 20, 40);
    ExFreePool(Privileges);
    static const TOKEN_INFORMATION_CLASS Classes[] = {
        TokenOwner, TokenPrimaryGroup, TokenDefaultDacl, TokenSource, TokenType, TokenStatistics};
    for (ULONG i = 0; i < RTL_NUMBER_OF(Classes); i++) {
        CheckEqual("more of it", SeQueryInformationToken(Token, Classes[i], &Answer), 0);
        ExFreePool(Answer);
    }
    CheckEqual("but not all", SeQueryInformationToken(Token, TokenLinkedToken, &Answer),
               STATUS_INVALID_INFO_CLASS);
    Check("no thread is another", PsReferenceImpersonationToken(PsGetCurrentThread(), &CopyOnOpen,
                                                                &EffectiveOnly, &Level) == NULL);
    CheckEqual("a client is the system, too",
               SeCreateClientSecurity(PsGetCurrentThread(), &Qos, FALSE, &Client), 0);
    CheckEqual("... and can be acted for", SeImpersonateClientEx(&Client, NULL), 0);
    SeImpersonateClient(&Client, NULL);
    PsRevertToSelf();
    Check("... with the same token", Client.ClientToken == Token);
    PsDereferencePrimaryToken(Client.ClientToken);
    CheckEqual("... from a subject",
               SeCreateClientSecurityFromSubjectContext(&Subject, &Qos, FALSE, &Client), 0);
    PsDereferencePrimaryToken(Client.ClientToken);
    PsDereferencePrimaryToken(Token);
    Check("a token is an object of its type",
          NT_SUCCESS(ObReferenceObjectByPointer(Token, 0, *SeTokenObjectType, KernelMode)));
    ObDereferenceObject(Token);
}

/* The DACL of a new object, and what its first entry is. */
static PACCESS_ALLOWED_ACE FirstAce(PSECURITY_DESCRIPTOR New, PULONG Count)
{
    BOOLEAN Present = FALSE, Defaulted;
    PACCESS_ALLOWED_ACE Ace = NULL;
    PACL Acl = NULL;

    RtlGetDaclSecurityDescriptor(New, &Present, &Acl, &Defaulted);
    *Count = Acl ? Acl->AceCount : 0;
    if (Acl)
        RtlGetAce(Acl, 0, (PVOID *)&Ace);
    return Ace;
}

static VOID TestAssigning(VOID)
{
    PSECURITY_DESCRIPTOR New = NULL;
    PACCESS_ALLOWED_ACE Ace;
    BOOLEAN Defaulted;
    ULONG Count;
    PSID Owner;

    CheckEqual("a new object gets the default",
               SeAssignSecurity(NULL, NULL, &New, FALSE, &Subject, &Mapping, PagedPool), 0);
    Ace = FirstAce(New, &Count);
    Check("... all to the system, generic rights mapped",
          Count == 2 && Ace->Mask == FILE_ALL_ACCESS &&
              RtlEqualSid(&Ace->SidStart, SeExports->SeLocalSystemSid));
    RtlGetOwnerSecurityDescriptor(New, &Owner, &Defaulted);
    Check("... its owner are the administrators", RtlEqualSid(Owner, SeExports->SeAliasAdminsSid));
    Check("... and it is valid", SeValidSecurityDescriptor(RtlLengthSecurityDescriptor(New), New) &&
                                     RtlValidSecurityDescriptor(New));
    SeDeassignSecurity(&New);
    Check("it is gone", New == NULL);
    BeginDescriptor();
    RtlAddAccessAllowedAceEx(&Dacl.Acl, ACL_REVISION, OBJECT_INHERIT_ACE | INHERIT_ONLY_ACE,
                             GENERIC_READ, SeExports->SeCreatorOwnerSid);
    Allow(SeExports->SeWorldSid, FILE_READ_DATA);
    CheckEqual("an object inherits",
               SeAssignSecurityEx(&Descriptor, NULL, &New, NULL, FALSE, 1, &Subject, &Mapping,
                                  NonPagedPool),
               0);
    Ace = FirstAce(New, &Count);
    Check("... what is to be inherited, for its creator",
          Count == 1 && Ace->Mask == FILE_GENERIC_READ && Ace->Header.AceFlags == INHERITED_ACE &&
              RtlEqualSid(&Ace->SidStart, SeExports->SeAliasAdminsSid));
    SeDeassignSecurity(&New);
    SeAssignSecurity(&Descriptor, NULL, &New, TRUE, &Subject, &Mapping, PagedPool);
    Ace = FirstAce(New, &Count);
    Check("a directory passes it on",
          Count == 1 && Ace->Mask == GENERIC_READ &&
              Ace->Header.AceFlags == (OBJECT_INHERIT_ACE | INHERIT_ONLY_ACE) &&
              RtlEqualSid(&Ace->SidStart, SeExports->SeCreatorOwnerSid));
    SeDeassignSecurity(&New);
    CheckEqual(
        "an explicit list wins",
        SeAssignSecurity(&Descriptor, &Descriptor, &New, FALSE, &Subject, &Mapping, PagedPool), 0);
    FirstAce(New, &Count);
    CheckEqual("... with all its entries", Count, 2);
    SeDeassignSecurity(&New);
}

static VOID TestChanging(VOID)
{
    SECURITY_INFORMATION Parts = OWNER_SECURITY_INFORMATION;
    PSECURITY_DESCRIPTOR Object = NULL, Old;
    ULONG Answer[64], Length = 0, Count;
    BOOLEAN Defaulted;
    PSID Sid;

    BeginDescriptor();
    CheckEqual("what has no descriptor cannot change",
               SeSetSecurityDescriptorInfo(NULL, &Parts, &Descriptor, &Object, PagedPool, &Mapping),
               STATUS_NO_SECURITY_ON_OBJECT);
    SeAssignSecurity(NULL, NULL, &Object, FALSE, &Subject, &Mapping, PagedPool);
    Old = Object;
    CheckEqual("an owner changes",
               SeSetSecurityDescriptorInfo(NULL, &Parts, &Descriptor, &Object, PagedPool, &Mapping),
               0);
    ExFreePool(Old);
    CheckEqual("a question has to have room",
               SeQuerySecurityDescriptorInfo(&Parts, Answer, &Length, &Object),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("... so much", Length, 20 + 12);
    CheckEqual("... and then", SeQuerySecurityDescriptorInfo(&Parts, Answer, &Length, &Object), 0);
    RtlGetOwnerSecurityDescriptor(Answer, &Sid, &Defaulted);
    Check("it is the new one", RtlEqualSid(Sid, SeExports->SeLocalServiceSid));
    RtlGetGroupSecurityDescriptor(Answer, &Sid, &Defaulted);
    Check("only what is asked for is told", Sid == NULL);
    FirstAce(Object, &Count);
    CheckEqual("what was not to change has not", Count, 2);
    Old = Object;
    Parts = DACL_SECURITY_INFORMATION;
    Allow(SeExports->SeWorldSid, GENERIC_READ);
    CheckEqual(
        "a list changes",
        SeSetSecurityDescriptorInfoEx(NULL, &Parts, &Descriptor, &Object, 0, PagedPool, &Mapping),
        0);
    ExFreePool(Old);
    Check("... with its rights mapped", FirstAce(Object, &Count)->Mask == FILE_GENERIC_READ);
    SeDeassignSecurity(&Object);
}

/* Those routines that nothing above has called. */
static VOID TestTheRest(VOID)
{
    ULONG Sid[17];
    SID_IDENTIFIER_AUTHORITY Nt = {SECURITY_NT_AUTHORITY};
    ULONG Relative[80], Size = sizeof Relative, Sizes[5] = {20, 256, 0, 12, 12};
    SECURITY_DESCRIPTOR Back;
    UCHAR Owner[12], Group[12];
    BOOLEAN Present = TRUE, Defaulted;
    UNICODE_STRING Text;
    ACCESS_MASK Mask = GENERIC_WRITE;
    LUID Luid;
    PACL Sacl;

    RtlInitializeSid(Sid, &Nt, 1);
    *RtlSubAuthoritySid(Sid, 0) = 18;
    Check("a SID is made", RtlValidSid(Sid) && RtlLengthSid(Sid) == RtlLengthRequiredSid(1) &&
                               *RtlSubAuthorityCountSid(Sid) == 1 &&
                               RtlEqualSid(Sid, SeExports->SeLocalSystemSid));
    CheckEqual("... copied", RtlCopySid(sizeof Sid, Sid, SeExports->SeAliasUsersSid), 0);
    CheckEqual("... written", RtlConvertSidToUnicodeString(&Text, Sid, TRUE), 0);
    Check("... S-1-5-32-545", Text.Length == 24 && Text.Buffer[11] == '5');
    RtlFreeUnicodeString(&Text);
    RtlCopyLuid(&Luid, &SeExports->SeDebugPrivilege);
    CheckEqual("a LUID is copied", Luid.LowPart, SE_DEBUG_PRIVILEGE);
    RtlMapGenericMask(&Mask, &Mapping);
    CheckEqual("rights are mapped", Mask, FILE_GENERIC_WRITE);
    Check("rights are compared", RtlAreAllAccessesGranted(3, 1) && !RtlAreAnyAccessesGranted(2, 1));
    BeginDescriptor();
    Allow(Sid, 1);
    CheckEqual("an entry is copied",
               RtlAddAce(&Dacl.Acl, ACL_REVISION, 0, (PUCHAR)&Dacl.Acl + sizeof(ACL), 24), 0);
    CheckEqual("... and deleted", RtlDeleteAce(&Dacl.Acl, 0), 0);
    CheckEqual("there is one left", Dacl.Acl.AceCount, 1);
    RtlSetSaclSecurityDescriptor(&Descriptor, FALSE, NULL, FALSE);
    RtlGetSaclSecurityDescriptor(&Descriptor, &Present, &Sacl, &Defaulted);
    Check("no system list", !Present);
    CheckEqual("the other form", RtlAbsoluteToSelfRelativeSD(&Descriptor, Relative, &Size), 0);
    Check("... is valid",
          RtlValidRelativeSecurityDescriptor(Relative, sizeof Relative, DACL_SECURITY_INFORMATION));
    CheckEqual("... and back",
               RtlSelfRelativeToAbsoluteSD(Relative, &Back, &Sizes[0], &Dacl.Acl, &Sizes[1], NULL,
                                           &Sizes[2], Owner, &Sizes[3], Group, &Sizes[4]),
               0);
    Check("... the same", Back.Control == Descriptor.Control && Back.Dacl == &Dacl.Acl);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    SeCaptureSubjectContext(&Subject);
    TestDacl();
    TestRightsWithoutDacl();
    TestPrivileges();
    TestToken();
    TestAssigning();
    TestChanging();
    TestTheRest();
    SeReleaseSubjectContext(&Subject);
    return FinishTests("setest");
}
