/*
 * Access control lists: an ACL is a header, entries (ACEs) of different sizes without gaps, and
 * free room behind them (WDK, "ACL structure").
 *
 * Invariant of a valid ACL: all AceCount entries, each of a multiple of four bytes, lie within
 * AclSize. RtlValidAcl checks that and what it knows of the entries.
 *
 * Locks: none; the caller owns its lists. IRQL: any at which they may be touched.
 */
#include "kernel/se/se.h"

static PACE_HEADER NextAce(PACE_HEADER Ace)
{
    return (PACE_HEADER)((PUCHAR)Ace + Ace->AceSize);
}

/* Whether an entry lies within so many bytes. */
static BOOLEAN AceFits(PACE_HEADER Ace, ULONG Bytes)
{
    return Bytes >= sizeof(*Ace) && Ace->AceSize >= sizeof(*Ace) &&
           Ace->AceSize % sizeof(ULONG) == 0 && Ace->AceSize <= Bytes;
}

/*
 * The place after the last entry, or NULL if that is the end of the list; FALSE if the entries do
 * not lie within it.
 */
BOOLEAN NTAPI RtlFirstFreeAce(PACL Acl, PACE_HEADER *FirstFreeAce)
{
    PACE_HEADER Ace = (PACE_HEADER)(Acl + 1);
    PUCHAR End = (PUCHAR)Acl + Acl->AclSize;
    *FirstFreeAce = NULL;
    if (Acl->AclSize < sizeof(*Acl)) {
        return FALSE;
    }
    for (ULONG i = 0; i < Acl->AceCount; i++, Ace = NextAce(Ace)) {
        if (!AceFits(Ace, (ULONG)(End - (PUCHAR)Ace))) {
            return FALSE;
        }
    }
    *FirstFreeAce = (PUCHAR)Ace < End ? Ace : NULL;
    return TRUE;
}

/* An entry of the usual form: a header, a mask, a SID. */
static BOOLEAN IsSimpleAce(PACE_HEADER Ace)
{
    return Ace->AceType <= ACCESS_MAX_MS_V2_ACE_TYPE ||
           Ace->AceType == SYSTEM_MANDATORY_LABEL_ACE_TYPE;
}

static BOOLEAN IsValidSidOf(PACE_HEADER Ace)
{
    ULONG Room = Ace->AceSize - (ULONG)FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart);
    return Ace->AceSize >= sizeof(ACCESS_ALLOWED_ACE) + RtlLengthRequiredSid(0) - sizeof(ULONG) &&
           RtlValidSid(SepSidOfAce(Ace)) && RtlLengthSid(SepSidOfAce(Ace)) <= Room;
}

BOOLEAN NTAPI RtlValidAcl(PACL Acl)
{
    PACE_HEADER Ace = (PACE_HEADER)(Acl + 1), Free;
    if (Acl->AclRevision < MIN_ACL_REVISION || Acl->AclRevision > MAX_ACL_REVISION ||
        Acl->AclSize % sizeof(ULONG) != 0 || !RtlFirstFreeAce(Acl, &Free)) {
        return FALSE;
    }
    for (ULONG i = 0; i < Acl->AceCount; i++, Ace = NextAce(Ace)) {
        if (IsSimpleAce(Ace) && !IsValidSidOf(Ace)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* An empty list. STATUS_BUFFER_TOO_SMALL: not even that has room. */
NTSTATUS NTAPI RtlCreateAcl(PACL Acl, ULONG AclLength, ULONG AclRevision)
{
    if (AclLength < sizeof(*Acl)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (AclRevision < MIN_ACL_REVISION || AclRevision > MAX_ACL_REVISION || AclLength > MAXUSHORT) {
        return STATUS_INVALID_PARAMETER;
    }
    RtlZeroMemory(Acl, sizeof(*Acl));
    Acl->AclRevision = (UCHAR)AclRevision;
    Acl->AclSize = (USHORT)(AclLength & ~(sizeof(ULONG) - 1));
    return STATUS_SUCCESS;
}

/* Entry number AceIndex, or the place behind the last; the list is valid. */
static PACE_HEADER AceAt(PACL Acl, ULONG AceIndex)
{
    PACE_HEADER Ace = (PACE_HEADER)(Acl + 1);
    for (ULONG i = 0; i < AceIndex && i < Acl->AceCount; i++) {
        Ace = NextAce(Ace);
    }
    return Ace;
}

static ULONG BytesFree(PACL Acl)
{
    return Acl->AclSize - (ULONG)((PUCHAR)AceAt(Acl, MAXULONG) - (PUCHAR)Acl);
}

/* How many whole entries those bytes are; 0: they are not. */
static ULONG CountAces(PVOID AceList, ULONG Bytes)
{
    ULONG Count = 0;
    for (PACE_HEADER Ace = AceList; Bytes != 0; Ace = NextAce(Ace), Count++) {
        if (!AceFits(Ace, Bytes)) {
            return 0;
        }
        Bytes -= Ace->AceSize;
    }
    return Count;
}

/*
 * Inserts entries before number StartingAceIndex, or at the end if there are no so many.
 * Errors: STATUS_INVALID_PARAMETER, STATUS_BUFFER_TOO_SMALL.
 */
NTSTATUS NTAPI RtlAddAce(PACL Acl, ULONG AceRevision, ULONG StartingAceIndex, PVOID AceList,
                         ULONG AceListLength)
{
    ULONG Count = CountAces(AceList, AceListLength);
    if (!RtlValidAcl(Acl) || AceRevision > MAX_ACL_REVISION || Count == 0) {
        return STATUS_INVALID_PARAMETER;
    }
    if (AceListLength > BytesFree(Acl)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    PUCHAR Place = (PUCHAR)AceAt(Acl, StartingAceIndex);
    ULONG Behind = (ULONG)((PUCHAR)AceAt(Acl, MAXULONG) - Place);
    RtlMoveMemory(Place + AceListLength, Place, Behind);
    RtlCopyMemory(Place, AceList, AceListLength);
    Acl->AceCount = (USHORT)(Acl->AceCount + Count);
    Acl->AclRevision = max(Acl->AclRevision, (UCHAR)AceRevision);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlDeleteAce(PACL Acl, ULONG AceIndex)
{
    if (!RtlValidAcl(Acl) || AceIndex >= Acl->AceCount) {
        return STATUS_INVALID_PARAMETER;
    }
    PACE_HEADER Ace = AceAt(Acl, AceIndex);
    PUCHAR Next = (PUCHAR)NextAce(Ace), End = (PUCHAR)AceAt(Acl, MAXULONG);
    RtlMoveMemory(Ace, Next, (ULONG)(End - Next));
    Acl->AceCount--;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetAce(PACL Acl, ULONG AceIndex, PVOID *Ace)
{
    if (Acl->AclRevision < MIN_ACL_REVISION || Acl->AclRevision > MAX_ACL_REVISION ||
        AceIndex >= Acl->AceCount) {
        return STATUS_INVALID_PARAMETER;
    }
    *Ace = AceAt(Acl, AceIndex);
    return STATUS_SUCCESS;
}

/* Errors: STATUS_REVISION_MISMATCH, STATUS_INVALID_SID, _ACL, STATUS_ALLOTTED_SPACE_EXCEEDED. */
NTSTATUS SepAddAce(PACL Acl, ULONG Revision, UCHAR Type, ULONG Flags, ACCESS_MASK Mask, PSID Sid)
{
    if (!RtlValidSid(Sid)) {
        return STATUS_INVALID_SID;
    }
    if (Acl->AclRevision > MAX_ACL_REVISION || Revision > MAX_ACL_REVISION) {
        return STATUS_REVISION_MISMATCH;
    }
    if (!RtlValidAcl(Acl)) {
        return STATUS_INVALID_ACL;
    }
    ULONG Bytes = SEP_ACE_SIZE(RtlLengthSid(Sid));
    if (Bytes > BytesFree(Acl)) {
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    }
    PACCESS_ALLOWED_ACE Ace = (PACCESS_ALLOWED_ACE)AceAt(Acl, MAXULONG);
    Ace->Header = (ACE_HEADER){Type, (UCHAR)Flags, (USHORT)Bytes};
    Ace->Mask = Mask;
    RtlCopySid(RtlLengthSid(Sid), &Ace->SidStart, Sid);
    Acl->AceCount++;
    Acl->AclRevision = max(Acl->AclRevision, (UCHAR)Revision);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAddAccessAllowedAce(PACL Acl, ULONG AceRevision, ACCESS_MASK AccessMask, PSID Sid)
{
    return SepAddAce(Acl, AceRevision, ACCESS_ALLOWED_ACE_TYPE, 0, AccessMask, Sid);
}

NTSTATUS NTAPI RtlAddAccessAllowedAceEx(PACL Acl, ULONG AceRevision, ULONG AceFlags,
                                        ACCESS_MASK AccessMask, PSID Sid)
{
    if ((AceFlags & ~VALID_INHERIT_FLAGS) != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    return SepAddAce(Acl, AceRevision, ACCESS_ALLOWED_ACE_TYPE, AceFlags, AccessMask, Sid);
}
