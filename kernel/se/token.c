/*
 * The one token, the well-known SIDs, and what can be asked about the token.
 *
 * The token is an object like any other, but it is not allocated and never goes. Everybody who asks
 * for a process's or thread's token gets a reference to it. Locks: none; nothing changes once
 * SeInitialize has run.
 */
#include "kernel/ob/ob.h"
#include "kernel/se/se.h"

/* Exported as functions, though the headers make macros of the same names. */
#undef PsDereferencePrimaryToken
#undef PsDereferenceImpersonationToken

#define WELL_KNOWN(Name, Authority, Count, ...)                                                    \
    static struct {                                                                                \
        UCHAR Revision, SubAuthorityCount;                                                         \
        UCHAR Value[6];                                                                            \
        ULONG SubAuthority[Count];                                                                 \
    } Name = {SID_REVISION, Count, {0, 0, 0, 0, 0, Authority}, {__VA_ARGS__}}

/* Authorities: 0 nobody, 1 everybody, 2 local, 3 creator, 5 NT, 16 integrity. */
WELL_KNOWN(NullSid, 0, 1, SECURITY_NULL_RID);
WELL_KNOWN(WorldSid, 1, 1, SECURITY_WORLD_RID);
WELL_KNOWN(LocalSid, 2, 1, SECURITY_LOCAL_RID);
WELL_KNOWN(CreatorOwnerSid, 3, 1, SECURITY_CREATOR_OWNER_RID);
WELL_KNOWN(CreatorGroupSid, 3, 1, SECURITY_CREATOR_GROUP_RID);
WELL_KNOWN(OwnerRightsSid, 3, 1, SECURITY_CREATOR_OWNER_RIGHTS_RID);
static SID NtAuthoritySid = {SID_REVISION, 0, {SECURITY_NT_AUTHORITY}, {0}};
WELL_KNOWN(DialupSid, 5, 1, SECURITY_DIALUP_RID);
WELL_KNOWN(NetworkSid, 5, 1, SECURITY_NETWORK_RID);
WELL_KNOWN(BatchSid, 5, 1, SECURITY_BATCH_RID);
WELL_KNOWN(InteractiveSid, 5, 1, SECURITY_INTERACTIVE_RID);
WELL_KNOWN(AnonymousLogonSid, 5, 1, SECURITY_ANONYMOUS_LOGON_RID);
WELL_KNOWN(AuthenticatedUsersSid, 5, 1, SECURITY_AUTHENTICATED_USER_RID);
WELL_KNOWN(RestrictedSid, 5, 1, SECURITY_RESTRICTED_CODE_RID);
WELL_KNOWN(IUserSid, 5, 1, SECURITY_IUSER_RID);
WELL_KNOWN(LocalSystemSid, 5, 1, SECURITY_LOCAL_SYSTEM_RID);
WELL_KNOWN(LocalServiceSid, 5, 1, SECURITY_LOCAL_SERVICE_RID);
WELL_KNOWN(NetworkServiceSid, 5, 1, SECURITY_NETWORK_SERVICE_RID);
WELL_KNOWN(AdminsSid, 5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS);
WELL_KNOWN(UsersSid, 5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_USERS);
WELL_KNOWN(GuestsSid, 5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_GUESTS);
WELL_KNOWN(PowerUsersSid, 5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_POWER_USERS);
WELL_KNOWN(AccountOpsSid, 5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ACCOUNT_OPS);
WELL_KNOWN(SystemOpsSid, 5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_SYSTEM_OPS);
WELL_KNOWN(PrintOpsSid, 5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_PRINT_OPS);
WELL_KNOWN(BackupOpsSid, 5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_BACKUP_OPS);
WELL_KNOWN(UntrustedSid, 16, 1, SECURITY_MANDATORY_UNTRUSTED_RID);
WELL_KNOWN(LowSid, 16, 1, SECURITY_MANDATORY_LOW_RID);
WELL_KNOWN(MediumSid, 16, 1, SECURITY_MANDATORY_MEDIUM_RID);
WELL_KNOWN(HighSid, 16, 1, SECURITY_MANDATORY_HIGH_RID);
WELL_KNOWN(SystemLevelSid, 16, 1, SECURITY_MANDATORY_SYSTEM_RID);

#define PRIVILEGE(Number)                                                                          \
    {                                                                                              \
        SE_##Number##_PRIVILEGE, 0                                                                 \
    }

static SE_EXPORTS SepExports = {
    .SeCreateTokenPrivilege = PRIVILEGE(CREATE_TOKEN),
    .SeAssignPrimaryTokenPrivilege = PRIVILEGE(ASSIGNPRIMARYTOKEN),
    .SeLockMemoryPrivilege = PRIVILEGE(LOCK_MEMORY),
    .SeIncreaseQuotaPrivilege = PRIVILEGE(INCREASE_QUOTA),
    .SeUnsolicitedInputPrivilege = PRIVILEGE(MACHINE_ACCOUNT), /* its old name; the number is 6 */
    .SeTcbPrivilege = PRIVILEGE(TCB),
    .SeSecurityPrivilege = PRIVILEGE(SECURITY),
    .SeTakeOwnershipPrivilege = PRIVILEGE(TAKE_OWNERSHIP),
    .SeLoadDriverPrivilege = PRIVILEGE(LOAD_DRIVER),
    .SeCreatePagefilePrivilege = PRIVILEGE(CREATE_PAGEFILE),
    .SeIncreaseBasePriorityPrivilege = PRIVILEGE(INC_BASE_PRIORITY),
    .SeSystemProfilePrivilege = PRIVILEGE(SYSTEM_PROFILE),
    .SeSystemtimePrivilege = PRIVILEGE(SYSTEMTIME),
    .SeProfileSingleProcessPrivilege = PRIVILEGE(PROF_SINGLE_PROCESS),
    .SeCreatePermanentPrivilege = PRIVILEGE(CREATE_PERMANENT),
    .SeBackupPrivilege = PRIVILEGE(BACKUP),
    .SeRestorePrivilege = PRIVILEGE(RESTORE),
    .SeShutdownPrivilege = PRIVILEGE(SHUTDOWN),
    .SeDebugPrivilege = PRIVILEGE(DEBUG),
    .SeAuditPrivilege = PRIVILEGE(AUDIT),
    .SeSystemEnvironmentPrivilege = PRIVILEGE(SYSTEM_ENVIRONMENT),
    .SeChangeNotifyPrivilege = PRIVILEGE(CHANGE_NOTIFY),
    .SeRemoteShutdownPrivilege = PRIVILEGE(REMOTE_SHUTDOWN),
    .SeUndockPrivilege = PRIVILEGE(UNDOCK),
    .SeSyncAgentPrivilege = PRIVILEGE(SYNC_AGENT),
    .SeEnableDelegationPrivilege = PRIVILEGE(ENABLE_DELEGATION),
    .SeManageVolumePrivilege = PRIVILEGE(MANAGE_VOLUME),
    .SeImpersonatePrivilege = PRIVILEGE(IMPERSONATE),
    .SeCreateGlobalPrivilege = PRIVILEGE(CREATE_GLOBAL),
    .SeTrustedCredManAccessPrivilege = PRIVILEGE(TRUSTED_CREDMAN_ACCESS),
    .SeRelabelPrivilege = PRIVILEGE(RELABEL),
    .SeIncreaseWorkingSetPrivilege = PRIVILEGE(INC_WORKING_SET),
    .SeTimeZonePrivilege = PRIVILEGE(TIME_ZONE),
    .SeCreateSymbolicLinkPrivilege = PRIVILEGE(CREATE_SYMBOLIC_LINK),
    .SeNullSid = &NullSid,
    .SeWorldSid = &WorldSid,
    .SeLocalSid = &LocalSid,
    .SeCreatorOwnerSid = &CreatorOwnerSid,
    .SeCreatorGroupSid = &CreatorGroupSid,
    .SeNtAuthoritySid = &NtAuthoritySid,
    .SeDialupSid = &DialupSid,
    .SeNetworkSid = &NetworkSid,
    .SeBatchSid = &BatchSid,
    .SeInteractiveSid = &InteractiveSid,
    .SeLocalSystemSid = &LocalSystemSid,
    .SeAliasAdminsSid = &AdminsSid,
    .SeAliasUsersSid = &UsersSid,
    .SeAliasGuestsSid = &GuestsSid,
    .SeAliasPowerUsersSid = &PowerUsersSid,
    .SeAliasAccountOpsSid = &AccountOpsSid,
    .SeAliasSystemOpsSid = &SystemOpsSid,
    .SeAliasPrintOpsSid = &PrintOpsSid,
    .SeAliasBackupOpsSid = &BackupOpsSid,
    .SeAuthenticatedUsersSid = &AuthenticatedUsersSid,
    .SeRestrictedSid = &RestrictedSid,
    .SeAnonymousLogonSid = &AnonymousLogonSid,
    .SeLocalServiceSid = &LocalServiceSid,
    .SeNetworkServiceSid = &NetworkServiceSid,
    .SeIUserSid = &IUserSid,
    .SeUntrustedMandatorySid = &UntrustedSid,
    .SeLowMandatorySid = &LowSid,
    .SeMediumMandatorySid = &MediumSid,
    .SeHighMandatorySid = &HighSid,
    .SeSystemMandatorySid = &SystemLevelSid,
    .SeOwnerRightsSid = &OwnerRightsSid,
};

PSE_EXPORTS SeExports = &SepExports;

static OBJECT_TYPE SepTokenTypeObject = {.Name = "Token", .AllAccess = TOKEN_ALL_ACCESS};
static POBJECT_TYPE SepTokenType = &SepTokenTypeObject;
POBJECT_TYPE *SeTokenObjectType = &SepTokenType;

#define MEMBER (SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED)

static struct {
    ACL Acl;
    ULONG Room[16];
} DefaultDacl;

static struct {
    OBJECT_HEADER Header;
    SEP_TOKEN Body;
} SystemToken = {
    .Header = {.PointerCount = 1, .Type = &SepTokenTypeObject, .Flags = OBJECT_PERMANENT},
    .Body = {.User = {&LocalSystemSid, 0},
             .Groups = {{&AdminsSid,
                         SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED | SE_GROUP_OWNER},
                        {&WorldSid, MEMBER},
                        {&AuthenticatedUsersSid, MEMBER}},
             .Owner = &AdminsSid,
             .PrimaryGroup = &LocalSystemSid,
             .DefaultDacl = &DefaultDacl.Acl,
             .TokenId = {0x3E9, 0},
             .AuthenticationId = SYSTEM_LUID},
};

PSEP_TOKEN SepSystemToken(VOID)
{
    return &SystemToken.Body;
}

/* The system may do all with what it makes, administrators may look (WDK, "default DACL"). */
NTSTATUS SeInitialize(VOID)
{
    for (ULONG i = 0; i < SEP_PRIVILEGES; i++) {
        SystemToken.Body.Privileges[i].Luid.LowPart = SE_MIN_WELL_KNOWN_PRIVILEGE + i;
        SystemToken.Body.Privileges[i].Attributes =
            SE_PRIVILEGE_ENABLED | SE_PRIVILEGE_ENABLED_BY_DEFAULT;
    }
    NTSTATUS Status = RtlCreateAcl(&DefaultDacl.Acl, sizeof(DefaultDacl), ACL_REVISION);
    if (NT_SUCCESS(Status)) {
        Status =
            RtlAddAccessAllowedAce(&DefaultDacl.Acl, ACL_REVISION, GENERIC_ALL, &LocalSystemSid);
    }
    if (NT_SUCCESS(Status)) {
        Status = RtlAddAccessAllowedAce(&DefaultDacl.Acl, ACL_REVISION,
                                        GENERIC_READ | GENERIC_EXECUTE | READ_CONTROL, &AdminsSid);
    }
    return Status;
}

/* A group for denying only would count where access is denied; the system's token has none. */
BOOLEAN SepTokenHasSid(PSEP_TOKEN Token, PSID Sid, BOOLEAN ToDeny)
{
    if (RtlEqualSid(Sid, Token->User.Sid)) {
        return TRUE;
    }
    ULONG Wanted = SE_GROUP_ENABLED | (ToDeny ? SE_GROUP_USE_FOR_DENY_ONLY : 0);
    for (ULONG i = 0; i < SEP_GROUPS; i++) {
        if ((Token->Groups[i].Attributes & Wanted) != 0 && RtlEqualSid(Sid, Token->Groups[i].Sid)) {
            return TRUE;
        }
    }
    return FALSE;
}

BOOLEAN SepTokenHasPrivilege(PSEP_TOKEN Token, PLUID Privilege)
{
    for (ULONG i = 0; i < SEP_PRIVILEGES; i++) {
        if (RtlEqualLuid(&Token->Privileges[i].Luid, Privilege)) {
            return (Token->Privileges[i].Attributes & SE_PRIVILEGE_ENABLED) != 0;
        }
    }
    return FALSE;
}

/* IRQL: PASSIVE_LEVEL (WDK), for this and what follows. */
PACCESS_TOKEN NTAPI PsReferencePrimaryToken(PEPROCESS Process)
{
    UNREFERENCED_PARAMETER(Process);
    ObReferenceObject(&SystemToken.Body);
    return &SystemToken.Body;
}

VOID NTAPI PsDereferencePrimaryToken(PACCESS_TOKEN PrimaryToken)
{
    ObDereferenceObject(PrimaryToken);
}

/* NULL: the thread does not act for a client. None does: there is nobody else to be. */
PACCESS_TOKEN NTAPI PsReferenceImpersonationToken(PETHREAD Thread, PBOOLEAN CopyOnOpen,
                                                  PBOOLEAN EffectiveOnly,
                                                  PSECURITY_IMPERSONATION_LEVEL ImpersonationLevel)
{
    UNREFERENCED_PARAMETER(Thread);
    *CopyOnOpen = *EffectiveOnly = FALSE;
    *ImpersonationLevel = SecurityAnonymous;
    return NULL;
}

VOID NTAPI PsDereferenceImpersonationToken(PACCESS_TOKEN ImpersonationToken)
{
    if (ImpersonationToken != NULL) {
        ObDereferenceObject(ImpersonationToken);
    }
}

VOID NTAPI PsRevertToSelf(VOID)
{
}

/* A client's security, for a server to act with later. Acting as the system changes nothing. */
NTSTATUS NTAPI SeCreateClientSecurity(PETHREAD ClientThread,
                                      PSECURITY_QUALITY_OF_SERVICE ClientSecurityQos,
                                      BOOLEAN RemoteSession, PSECURITY_CLIENT_CONTEXT ClientContext)
{
    UNREFERENCED_PARAMETER(ClientThread);
    RtlZeroMemory(ClientContext, sizeof(*ClientContext));
    ClientContext->SecurityQos = *ClientSecurityQos;
    ClientContext->ClientToken = PsReferencePrimaryToken(PsGetCurrentProcess());
    ClientContext->DirectlyAccessClientToken = TRUE;
    ClientContext->DirectAccessEffectiveOnly = ClientSecurityQos->EffectiveOnly;
    ClientContext->ServerIsRemote = RemoteSession;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI SeCreateClientSecurityFromSubjectContext(
    PSECURITY_SUBJECT_CONTEXT SubjectContext, PSECURITY_QUALITY_OF_SERVICE ClientSecurityQos,
    BOOLEAN ServerIsRemote, PSECURITY_CLIENT_CONTEXT ClientContext)
{
    UNREFERENCED_PARAMETER(SubjectContext);
    return SeCreateClientSecurity(NULL, ClientSecurityQos, ServerIsRemote, ClientContext);
}

NTSTATUS NTAPI SeImpersonateClientEx(PSECURITY_CLIENT_CONTEXT ClientContext, PETHREAD ServerThread)
{
    UNREFERENCED_PARAMETER(ClientContext);
    UNREFERENCED_PARAMETER(ServerThread);
    return STATUS_SUCCESS;
}

VOID NTAPI SeImpersonateClient(PSECURITY_CLIENT_CONTEXT ClientContext, PETHREAD ServerThread)
{
    SeImpersonateClientEx(ClientContext, ServerThread);
}

TOKEN_TYPE NTAPI SeTokenType(PACCESS_TOKEN Token)
{
    UNREFERENCED_PARAMETER(Token);
    return TokenPrimary;
}

BOOLEAN NTAPI SeTokenIsAdmin(PACCESS_TOKEN Token)
{
    return SepTokenHasSid(Token, &AdminsSid, FALSE);
}

BOOLEAN NTAPI SeTokenIsRestricted(PACCESS_TOKEN Token)
{
    UNREFERENCED_PARAMETER(Token);
    return FALSE;
}

SECURITY_IMPERSONATION_LEVEL NTAPI SeTokenImpersonationLevel(PACCESS_TOKEN Token)
{
    UNREFERENCED_PARAMETER(Token);
    return SecurityAnonymous;
}

NTSTATUS NTAPI SeQueryAuthenticationIdToken(PACCESS_TOKEN Token, PLUID AuthenticationId)
{
    *AuthenticationId = ((PSEP_TOKEN)Token)->AuthenticationId;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI SeQuerySessionIdToken(PACCESS_TOKEN Token, PULONG SessionId)
{
    UNREFERENCED_PARAMETER(Token);
    *SessionId = 0;
    return STATUS_SUCCESS;
}
