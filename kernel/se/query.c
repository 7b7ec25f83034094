/*
 * What can be asked about a token (WDK, "SeQueryInformationToken"): in paged pool that the caller
 * frees, structures with their SIDs behind them.
 *
 * Locks: none; a token does not change. IRQL: PASSIVE_LEVEL.
 */
#include "kernel/se/se.h"

/* NULL: there is no memory. */
static PVOID AllocateAnswer(SIZE_T Bytes)
{
    return ExAllocatePoolWithTag(PagedPool, Bytes, TAG_SECURITY);
}

/* Puts a SID at *Place, which moves on; returns where it is now. */
static PSID PutSid(PUCHAR *Place, PSID Sid)
{
    PUCHAR Copy = *Place;
    RtlCopySid(RtlLengthSid(Sid), Copy, Sid);
    *Place += RtlLengthSid(Sid);
    return Copy;
}

/* TOKEN_USER; TOKEN_OWNER and TOKEN_PRIMARY_GROUP are the same without attributes. */
static PVOID AnswerSid(PSID Sid, SIZE_T StructureBytes)
{
    PTOKEN_USER Answer = AllocateAnswer(StructureBytes + RtlLengthSid(Sid));
    if (Answer != NULL) {
        PUCHAR Place = (PUCHAR)Answer + StructureBytes;
        RtlZeroMemory(Answer, StructureBytes);
        Answer->User.Sid = PutSid(&Place, Sid);
    }
    return Answer;
}

static PVOID AnswerGroups(PSEP_TOKEN Token)
{
    SIZE_T Bytes = FIELD_OFFSET(TOKEN_GROUPS, Groups) + sizeof(Token->Groups);
    SIZE_T SidBytes = 0;
    for (ULONG i = 0; i < SEP_GROUPS; i++) {
        SidBytes += RtlLengthSid(Token->Groups[i].Sid);
    }
    PTOKEN_GROUPS Answer = AllocateAnswer(Bytes + SidBytes);
    if (Answer == NULL) {
        return NULL;
    }
    PUCHAR Place = (PUCHAR)Answer + Bytes;
    Answer->GroupCount = SEP_GROUPS;
    for (ULONG i = 0; i < SEP_GROUPS; i++) {
        Answer->Groups[i].Attributes = Token->Groups[i].Attributes;
        Answer->Groups[i].Sid = PutSid(&Place, Token->Groups[i].Sid);
    }
    return Answer;
}

static PVOID AnswerPrivileges(PSEP_TOKEN Token)
{
    SIZE_T Bytes = FIELD_OFFSET(TOKEN_PRIVILEGES, Privileges) + sizeof(Token->Privileges);
    PTOKEN_PRIVILEGES Answer = AllocateAnswer(Bytes);
    if (Answer != NULL) {
        Answer->PrivilegeCount = SEP_PRIVILEGES;
        RtlCopyMemory(Answer->Privileges, Token->Privileges, sizeof(Token->Privileges));
    }
    return Answer;
}

static PVOID AnswerDacl(PSEP_TOKEN Token)
{
    PTOKEN_DEFAULT_DACL Answer = AllocateAnswer(sizeof(*Answer) + Token->DefaultDacl->AclSize);
    if (Answer != NULL) {
        Answer->DefaultDacl = (PACL)(Answer + 1);
        RtlCopyMemory(Answer->DefaultDacl, Token->DefaultDacl, Token->DefaultDacl->AclSize);
    }
    return Answer;
}

static PVOID AnswerStatistics(PSEP_TOKEN Token)
{
    PTOKEN_STATISTICS Answer = AllocateAnswer(sizeof(*Answer));
    if (Answer != NULL) {
        RtlZeroMemory(Answer, sizeof(*Answer));
        Answer->TokenId = Token->TokenId;
        Answer->AuthenticationId = Token->AuthenticationId;
        Answer->ExpirationTime.QuadPart = MAXLONGLONG;
        Answer->TokenType = TokenPrimary;
        Answer->GroupCount = SEP_GROUPS;
        Answer->PrivilegeCount = SEP_PRIVILEGES;
        Answer->ModifiedId = Token->TokenId;
    }
    return Answer;
}

static PVOID AnswerSource(VOID)
{
    static const TOKEN_SOURCE System = {"*SYSTEM*", {0, 0}};
    PTOKEN_SOURCE Answer = AllocateAnswer(sizeof(*Answer));
    return Answer != NULL ? RtlCopyMemory(Answer, &System, sizeof(System)) : NULL;
}

static PVOID AnswerType(VOID)
{
    PTOKEN_TYPE Answer = AllocateAnswer(sizeof(*Answer));
    if (Answer != NULL) {
        *Answer = TokenPrimary;
    }
    return Answer;
}

/*
 * A session's number is returned in *TokenInformation itself, and not allocated (WDK).
 * Errors: STATUS_INVALID_INFO_CLASS, STATUS_INSUFFICIENT_RESOURCES.
 */
NTSTATUS NTAPI SeQueryInformationToken(PACCESS_TOKEN AccessToken,
                                       TOKEN_INFORMATION_CLASS TokenInformationClass,
                                       PVOID *TokenInformation)
{
    PSEP_TOKEN Token = AccessToken;
    PAGED_CODE();
    switch (TokenInformationClass) {
    case TokenUser:
        *TokenInformation = AnswerSid(Token->User.Sid, sizeof(TOKEN_USER));
        break;
    case TokenOwner:
        *TokenInformation = AnswerSid(Token->Owner, sizeof(TOKEN_OWNER));
        break;
    case TokenPrimaryGroup:
        *TokenInformation = AnswerSid(Token->PrimaryGroup, sizeof(TOKEN_PRIMARY_GROUP));
        break;
    case TokenGroups:
        *TokenInformation = AnswerGroups(Token);
        break;
    case TokenPrivileges:
        *TokenInformation = AnswerPrivileges(Token);
        break;
    case TokenDefaultDacl:
        *TokenInformation = AnswerDacl(Token);
        break;
    case TokenStatistics:
        *TokenInformation = AnswerStatistics(Token);
        break;
    case TokenSource:
        *TokenInformation = AnswerSource();
        break;
    case TokenType:
        *TokenInformation = AnswerType();
        break;
    case TokenSessionId:
        *(PULONG)TokenInformation = 0;
        return STATUS_SUCCESS;
    default:
        *TokenInformation = NULL;
        return STATUS_INVALID_INFO_CLASS;
    }
    return *TokenInformation != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
