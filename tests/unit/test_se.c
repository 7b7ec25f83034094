/*
 * SIDs, access control lists and security descriptors: what is made is what is read back, and no
 * bytes, wherever they come from, make a check look beyond their end.
 */
#include "tests/unit/rtl_host.h"
#include "kernel/se/se.h"

static struct {
    UCHAR Revision, Count;
    UCHAR Authority[6];
    ULONG Numbers[2];
} Admins = {1, 2, {0, 0, 0, 0, 0, 5}, {32, 544}}, Users = {1, 2, {0, 0, 0, 0, 0, 5}, {32, 545}};

static BOOLEAN Reads(PSID Sid, PCWSTR Text)
{
    UNICODE_STRING String, Expected = Unicode(Text);
    CHECK(RtlConvertSidToUnicodeString(&String, Sid, TRUE) == STATUS_SUCCESS);
    BOOLEAN Same = RtlEqualUnicodeString(&String, &Expected, FALSE);
    RtlFreeUnicodeString(&String);
    return Same;
}

static void SidsAreMadeComparedAndWritten(void)
{
    SID_IDENTIFIER_AUTHORITY Authority = {{0, 0, 0, 0, 0, 5}}, Large = {{1, 2, 0, 0, 0, 3}};
    UCHAR Buffer[RTL_NUMBER_OF((ULONG[17]){0}) * 4];
    PSID Sid = Buffer;
    CHECK(RtlLengthRequiredSid(15) == 68);
    CHECK(RtlInitializeSid(Sid, &Authority, 16) == STATUS_INVALID_PARAMETER);
    CHECK(RtlInitializeSid(Sid, &Authority, 2) == STATUS_SUCCESS && RtlLengthSid(Sid) == 16);
    *RtlSubAuthoritySid(Sid, 0) = 32;
    *RtlSubAuthoritySid(Sid, 1) = 544;
    CHECK(*RtlSubAuthorityCountSid(Sid) == 2 && RtlValidSid(Sid) && RtlEqualSid(Sid, &Admins));
    CHECK(!RtlEqualSid(Sid, &Users) && Reads(Sid, L"S-1-5-32-544"));
    CHECK(RtlInitializeSid(Sid, &Large, 0) == STATUS_SUCCESS && Reads(Sid, L"S-1-0x010200000003"));
    CHECK(RtlInitializeSid(Sid, &Authority, 15) == STATUS_SUCCESS);
    for (ULONG i = 0; i < 15; i++) {
        *RtlSubAuthoritySid(Sid, i) = MAXULONG;
    }
    UNICODE_STRING Longest;
    CHECK(RtlConvertSidToUnicodeString(&Longest, Sid, TRUE) == STATUS_SUCCESS);
    CHECK(Longest.Length == (5 + 15 * 11) * 2);
    RtlFreeUnicodeString(&Longest);
    WCHAR Room[12];
    UNICODE_STRING Short = {0, sizeof(Room), Room};
    CHECK(RtlConvertSidToUnicodeString(&Short, &Admins, FALSE) == STATUS_BUFFER_OVERFLOW);
    CHECK(RtlCopySid(15, Buffer, &Admins) == STATUS_BUFFER_TOO_SMALL);
    CHECK(RtlCopySid(16, Buffer, &Admins) == STATUS_SUCCESS && RtlEqualSid(Buffer, &Admins));
    Buffer[0] = 2;
    CHECK(!RtlValidSid(Buffer) && !RtlValidSid(NULL));
    CHECK(RtlConvertSidToUnicodeString(&Short, Buffer, TRUE) == STATUS_INVALID_SID);
}

static void GenericRightsAreMapped(void)
{
    GENERIC_MAPPING Mapping = {1, 2, 4, 0xFF};
    ACCESS_MASK Mask = GENERIC_READ | GENERIC_WRITE | 0x100;
    RtlMapGenericMask(&Mask, &Mapping);
    CHECK(Mask == 0x103);
    Mask = GENERIC_ALL | GENERIC_EXECUTE;
    RtlMapGenericMask(&Mask, &Mapping);
    CHECK(Mask == 0xFF && RtlAreAllAccessesGranted(7, 5) && !RtlAreAllAccessesGranted(5, 7));
    CHECK(RtlAreAnyAccessesGranted(5, 6) && !RtlAreAnyAccessesGranted(5, 2));
}

/* A list beside an array of masks. */
static void ListsBehaveLikeArrays(void)
{
    union {
        ACL Acl;
        UCHAR Bytes[400];
    } List;
    ACCESS_MASK Masks[32];
    ULONG Count = 0;
    unsigned Seed = 5;
    CHECK(RtlCreateAcl(&List.Acl, 7, 2) == STATUS_BUFFER_TOO_SMALL);
    CHECK(RtlCreateAcl(&List.Acl, 400, 1) == STATUS_INVALID_PARAMETER);
    CHECK(RtlCreateAcl(&List.Acl, 0x10000, 2) == STATUS_INVALID_PARAMETER);
    CHECK(RtlCreateAcl(&List.Acl, 399, 2) == STATUS_SUCCESS && List.Acl.AclSize == 396);
    for (ULONG Step = 0; Step < 5000; Step++) {
        ULONG Place = UnitRandom(&Seed) % 20;
        if (UnitRandom(&Seed) % 2) {
            ACCESS_ALLOWED_ACE Ace[2]; /* 24 bytes are one entry */
            Ace[0].Header = (ACE_HEADER){ACCESS_ALLOWED_ACE_TYPE, 0, 24};
            Ace[0].Mask = Step;
            memcpy(&Ace[0].SidStart, &Admins, 16);
            NTSTATUS Status = RtlAddAce(&List.Acl, 2, Place, Ace, 24);
            CHECK((Status == STATUS_SUCCESS) == (Count < 16));
            if (Count == 16) {
                CHECK(Status == STATUS_BUFFER_TOO_SMALL);
                continue;
            }
            Place = min(Place, Count);
            for (ULONG i = Count++; i > Place; i--) {
                Masks[i] = Masks[i - 1];
            }
            Masks[Place] = Step;
        } else {
            CHECK((RtlDeleteAce(&List.Acl, Place) == STATUS_SUCCESS) == (Place < Count));
            if (Place < Count) {
                for (Count--; Place < Count; Place++) {
                    Masks[Place] = Masks[Place + 1];
                }
            }
        }
        CHECK(List.Acl.AceCount == Count && RtlValidAcl(&List.Acl));
        for (ULONG i = 0; i < Count; i++) {
            PACCESS_ALLOWED_ACE At;
            CHECK(RtlGetAce(&List.Acl, i, (PVOID *)&At) == STATUS_SUCCESS && At->Mask == Masks[i]);
        }
        PVOID Ace;
        CHECK(RtlGetAce(&List.Acl, Count, &Ace) == STATUS_INVALID_PARAMETER);
    }
}

static void EntriesAreAddedUnlessSomethingIsWrong(void)
{
    union {
        ACL Acl;
        UCHAR Bytes[48];
    } List;
    PACCESS_ALLOWED_ACE Ace;
    ULONG BadSid[4] = {0};
    RtlCreateAcl(&List.Acl, sizeof(List), 2);
    CHECK(RtlAddAccessAllowedAce(&List.Acl, 2, 5, BadSid) == STATUS_INVALID_SID);
    CHECK(RtlAddAccessAllowedAce(&List.Acl, 9, 5, &Admins) == STATUS_REVISION_MISMATCH);
    CHECK(RtlAddAccessAllowedAceEx(&List.Acl, 4, 0x80, 5, &Admins) == STATUS_INVALID_PARAMETER);
    CHECK(RtlAddAccessAllowedAceEx(&List.Acl, 4, INHERITED_ACE, 5, &Users) == STATUS_SUCCESS);
    CHECK(List.Acl.AclRevision == 4 && RtlGetAce(&List.Acl, 0, (PVOID *)&Ace) == STATUS_SUCCESS);
    CHECK(Ace->Mask == 5 && Ace->Header.AceFlags == INHERITED_ACE);
    CHECK(RtlAddAccessAllowedAce(&List.Acl, 2, 5, &Admins) == STATUS_ALLOTTED_SPACE_EXCEEDED);
    CHECK(RtlAddAce(&List.Acl, 2, 0, Ace, 20) == STATUS_INVALID_PARAMETER);
    Ace->Header.AceSize = 44;
    CHECK(!RtlValidAcl(&List.Acl));
    CHECK(RtlAddAccessAllowedAce(&List.Acl, 2, 5, &Admins) == STATUS_INVALID_ACL);
    CHECK(RtlDeleteAce(&List.Acl, 0) == STATUS_INVALID_PARAMETER);
    Ace->Header.AceSize = 12;
    CHECK(!RtlValidAcl(&List.Acl)); /* its SID is longer */
}

static void DescriptorsGoFromOneFormToTheOther(void)
{
    union {
        ACL Acl;
        UCHAR Bytes[64];
    } Dacl, Copy;
    SECURITY_DESCRIPTOR Absolute, Back;
    ULONG Relative[64], Size = 16;
    BOOLEAN Present = 7, Defaulted = 7;
    PSID Sid;
    PACL Acl;
    RtlCreateAcl(&Dacl.Acl, 64, 2);
    RtlAddAccessAllowedAce(&Dacl.Acl, 2, 1, &Users);
    CHECK(RtlCreateSecurityDescriptor(&Absolute, 2) == STATUS_UNKNOWN_REVISION);
    CHECK(RtlCreateSecurityDescriptor(&Absolute, 1) == STATUS_SUCCESS);
    CHECK(RtlLengthSecurityDescriptor(&Absolute) == 20 && RtlValidSecurityDescriptor(&Absolute));
    CHECK(RtlGetDaclSecurityDescriptor(&Absolute, &Present, &Acl, &Defaulted) == STATUS_SUCCESS);
    CHECK(!Present && Defaulted == 7);
    CHECK(RtlSetOwnerSecurityDescriptor(&Absolute, &Admins, FALSE) == STATUS_SUCCESS);
    CHECK(RtlSetGroupSecurityDescriptor(&Absolute, &Users, TRUE) == STATUS_SUCCESS);
    CHECK(RtlSetDaclSecurityDescriptor(&Absolute, TRUE, &Dacl.Acl, TRUE) == STATUS_SUCCESS);
    CHECK(RtlSetSaclSecurityDescriptor(&Absolute, TRUE, NULL, FALSE) == STATUS_SUCCESS);
    CHECK(RtlLengthSecurityDescriptor(&Absolute) == 20 + 16 + 16 + 64);
    CHECK(RtlAbsoluteToSelfRelativeSD(&Absolute, Relative, &Size) == STATUS_BUFFER_TOO_SMALL);
    CHECK(Size == 116);
    CHECK(RtlAbsoluteToSelfRelativeSD(&Absolute, Relative, &Size) == STATUS_SUCCESS);
    CHECK(RtlAbsoluteToSelfRelativeSD((PVOID)Relative, &Back, &Size) ==
          STATUS_BAD_DESCRIPTOR_FORMAT);
    CHECK(RtlValidSecurityDescriptor(Relative) && RtlLengthSecurityDescriptor(Relative) == 116);
    CHECK(RtlSetOwnerSecurityDescriptor(Relative, NULL, FALSE) == STATUS_INVALID_SECURITY_DESCR);
    CHECK(RtlGetOwnerSecurityDescriptor(Relative, &Sid, &Defaulted) == STATUS_SUCCESS);
    CHECK(RtlEqualSid(Sid, &Admins) && !Defaulted);
    CHECK(RtlGetGroupSecurityDescriptor(Relative, &Sid, &Defaulted) == STATUS_SUCCESS);
    CHECK(RtlEqualSid(Sid, &Users) && Defaulted);
    CHECK(RtlGetDaclSecurityDescriptor(Relative, &Present, &Acl, &Defaulted) == STATUS_SUCCESS);
    CHECK(Present && Defaulted && memcmp(Acl, &Dacl, 64) == 0);
    CHECK(RtlGetSaclSecurityDescriptor(Relative, &Present, &Acl, &Defaulted) == STATUS_SUCCESS);
    CHECK(Present && Acl == NULL && !Defaulted);
    CHECK(RtlValidRelativeSecurityDescriptor(Relative, 116, OWNER_SECURITY_INFORMATION));
    CHECK(!RtlValidRelativeSecurityDescriptor(Relative, 115, OWNER_SECURITY_INFORMATION));
    ULONG Sizes[5] = {20, 64, 0, 16, 15};
    UCHAR Owner[16], Group[16];
    CHECK(RtlSelfRelativeToAbsoluteSD(Relative, &Back, &Sizes[0], &Copy.Acl, &Sizes[1], NULL,
                                      &Sizes[2], Owner, &Sizes[3], Group,
                                      &Sizes[4]) == STATUS_BUFFER_TOO_SMALL);
    CHECK(Sizes[4] == 16);
    CHECK(RtlSelfRelativeToAbsoluteSD(Relative, &Back, &Sizes[0], &Copy.Acl, &Sizes[1], NULL,
                                      &Sizes[2], Owner, &Sizes[3], Group,
                                      &Sizes[4]) == STATUS_SUCCESS);
    CHECK(Back.Control == Absolute.Control && RtlEqualSid(Back.Owner, &Admins));
    CHECK(RtlEqualSid(Back.Group, &Users) && memcmp(Back.Dacl, &Dacl, 64) == 0 && !Back.Sacl);
}

/* Descriptors with bytes changed, in blocks of just their length: a look beyond is ASan's. */
static void NoBytesMakeACheckLookBeyondThem(void)
{
    unsigned Seed = 9;
    ULONG Good = 0, Bad = 0;
    for (ULONG Try = 0; Try < 100000; Try++) {
        ULONG Length = UnitRandom(&Seed) % 3 ? 116 : 1 + UnitRandom(&Seed) % 116;
        union {
            ACL Acl;
            UCHAR Bytes[64];
        } Dacl;
        SECURITY_DESCRIPTOR Absolute;
        ULONG Whole[29], Size = sizeof(Whole);
        RtlCreateAcl(&Dacl.Acl, 64, 2);
        RtlAddAccessAllowedAce(&Dacl.Acl, 2, 1, &Users);
        RtlCreateSecurityDescriptor(&Absolute, 1);
        RtlSetOwnerSecurityDescriptor(&Absolute, &Admins, FALSE);
        RtlSetGroupSecurityDescriptor(&Absolute, &Users, FALSE);
        RtlSetDaclSecurityDescriptor(&Absolute, TRUE, &Dacl.Acl, FALSE);
        CHECK(RtlAbsoluteToSelfRelativeSD(&Absolute, Whole, &Size) == STATUS_SUCCESS);
        PUCHAR Bytes = malloc(Length);
        memcpy(Bytes, Whole, Length);
        for (ULONG i = UnitRandom(&Seed) % 4; i > 0; i--) {
            Bytes[UnitRandom(&Seed) % Length] = (UCHAR)(UnitRandom(&Seed) % 140);
        }
        if (RtlValidRelativeSecurityDescriptor(Bytes, Length, 0)) {
            Good++;
            CHECK(RtlValidSecurityDescriptor(Bytes));
        } else {
            Bad++;
        }
        free(Bytes);
    }
    CHECK(Good > 10000 && Bad > 10000);
}

int main(void)
{
    RUN(SidsAreMadeComparedAndWritten);
    RUN(GenericRightsAreMapped);
    RUN(ListsBehaveLikeArrays);
    RUN(EntriesAreAddedUnlessSomethingIsWrong);
    RUN(DescriptorsGoFromOneFormToTheOther);
    RUN(NoBytesMakeACheckLookBeyondThem);
    printf("%u checks passed\n", UnitChecks);
    return 0;
}
