/*
 * Security identifiers: who somebody is (WDK, "RtlInitializeSid"), and LUIDs.
 *
 * A SID is a revision, an authority of six bytes, and up to 15 numbers. None of these routines
 * checks the SID that it is given, but RtlValidSid: what comes from elsewhere goes there first.
 *
 * Locks: none. IRQL: any at which the SIDs may be touched; RtlConvertSidToUnicodeString allocates
 * paged pool if asked to: PASSIVE_LEVEL.
 */
#include "kernel/rtl/rtl.h"
#include "kernel/se/se.h"

ULONG NTAPI RtlLengthRequiredSid(ULONG SubAuthorityCount)
{
    return FIELD_OFFSET(SID, SubAuthority) + SubAuthorityCount * sizeof(ULONG);
}

ULONG NTAPI RtlLengthSid(PSID Sid)
{
    return RtlLengthRequiredSid(((PISID)Sid)->SubAuthorityCount);
}

BOOLEAN NTAPI RtlValidSid(PSID Sid)
{
    PISID S = Sid;
    return S != NULL && (S->Revision & 0xF) == SID_REVISION &&
           S->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

/* The numbers are left for the caller to set. */
NTSTATUS NTAPI RtlInitializeSid(PSID Sid, PSID_IDENTIFIER_AUTHORITY IdentifierAuthority,
                                UCHAR SubAuthorityCount)
{
    PISID S = Sid;
    if (SubAuthorityCount > SID_MAX_SUB_AUTHORITIES) {
        return STATUS_INVALID_PARAMETER;
    }
    S->Revision = SID_REVISION;
    S->SubAuthorityCount = SubAuthorityCount;
    S->IdentifierAuthority = *IdentifierAuthority;
    return STATUS_SUCCESS;
}

PULONG NTAPI RtlSubAuthoritySid(PSID Sid, ULONG SubAuthority)
{
    return &((PISID)Sid)->SubAuthority[SubAuthority];
}

PUCHAR NTAPI RtlSubAuthorityCountSid(PSID Sid)
{
    return &((PISID)Sid)->SubAuthorityCount;
}

BOOLEAN NTAPI RtlEqualSid(PSID Sid1, PSID Sid2)
{
    ULONG Length = RtlLengthSid(Sid1);
    return RtlLengthSid(Sid2) == Length && RtlEqualMemory(Sid1, Sid2, Length);
}

/* STATUS_BUFFER_TOO_SMALL: nothing is copied. */
NTSTATUS NTAPI RtlCopySid(ULONG Length, PSID Destination, PSID Source)
{
    ULONG Bytes = RtlLengthSid(Source);
    if (Bytes > Length) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    RtlMoveMemory(Destination, Source, Bytes);
    return STATUS_SUCCESS;
}

/* The authority in decimal, or with its upper two bytes in hexadecimal. */
static int PrintAuthority(PWCHAR Text, SIZE_T Room, PISID Sid)
{
    const UCHAR *V = Sid->IdentifierAuthority.Value;
    ULONG Low = (ULONG)V[2] << 24 | (ULONG)V[3] << 16 | (ULONG)V[4] << 8 | V[5];
    if (V[0] == 0 && V[1] == 0) {
        return _snwprintf(Text, Room, L"S-%u-%lu", Sid->Revision, Low);
    }
    return _snwprintf(Text, Room, L"S-%u-0x%02x%02x%08lx", Sid->Revision, V[0], V[1], Low);
}

/* As S-1-5-18. Errors: STATUS_INVALID_SID, STATUS_NO_MEMORY, STATUS_BUFFER_OVERFLOW. */
NTSTATUS NTAPI RtlConvertSidToUnicodeString(PUNICODE_STRING UnicodeString, PSID Sid,
                                            BOOLEAN AllocateDestinationString)
{
    WCHAR Text[24 + SID_MAX_SUB_AUTHORITIES * 11];
    PISID S = Sid;
    if (!RtlValidSid(Sid)) {
        return STATUS_INVALID_SID;
    }
    int Length = PrintAuthority(Text, RTL_NUMBER_OF(Text), S);
    for (ULONG i = 0; i < S->SubAuthorityCount; i++) {
        Length += _snwprintf(Text + Length, RTL_NUMBER_OF(Text) - (ULONG)Length, L"-%lu",
                             S->SubAuthority[i]);
    }
    ASSERT(Length > 0 && (ULONG)Length < RTL_NUMBER_OF(Text));
    if (AllocateDestinationString) {
        return RtlCreateUnicodeString(UnicodeString, Text) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
    }
    if ((ULONG)(Length + 1) * sizeof(WCHAR) > UnicodeString->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    UnicodeString->Length = 0;
    return RtlAppendUnicodeToString(UnicodeString, Text);
}

VOID NTAPI RtlCopyLuid(PLUID DestinationLuid, PLUID SourceLuid)
{
    *DestinationLuid = *SourceLuid;
}

/* Generic rights become those of the kind of object (WDK, "RtlMapGenericMask"). */
VOID NTAPI RtlMapGenericMask(PACCESS_MASK AccessMask, PGENERIC_MAPPING GenericMapping)
{
    ACCESS_MASK Mask = *AccessMask;
    Mask |= (Mask & GENERIC_READ) != 0 ? GenericMapping->GenericRead : 0;
    Mask |= (Mask & GENERIC_WRITE) != 0 ? GenericMapping->GenericWrite : 0;
    Mask |= (Mask & GENERIC_EXECUTE) != 0 ? GenericMapping->GenericExecute : 0;
    Mask |= (Mask & GENERIC_ALL) != 0 ? GenericMapping->GenericAll : 0;
    *AccessMask = Mask & ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}

BOOLEAN NTAPI RtlAreAllAccessesGranted(ACCESS_MASK GrantedAccess, ACCESS_MASK DesiredAccess)
{
    return (DesiredAccess & ~GrantedAccess) == 0;
}

BOOLEAN NTAPI RtlAreAnyAccessesGranted(ACCESS_MASK GrantedAccess, ACCESS_MASK DesiredAccess)
{
    return (DesiredAccess & GrantedAccess) != 0;
}
