/*
 * The security reference monitor: who may do what with an object.
 *
 * Everybody is the system: there is one token, the local system's, for all processes and threads.
 * So nothing of a token ever changes, and nothing here needs a lock. The checks themselves are
 * real: a kernel caller passes, a user's request is held against the object's DACL.
 *
 * SIDs, ACLs and descriptors (sid.c, acl.c, secdesc.c) are data of their callers', without state.
 */
#ifndef KERNEL_SE_SE_H
#define KERNEL_SE_SE_H

#include "kernel/nt.h"

#define TAG_SECURITY 'dSeS'

/* What user-mode headers declare and the DDK's do not, at Windows' values. */
#define SE_GROUP_MANDATORY          0x01
#define SE_GROUP_ENABLED_BY_DEFAULT 0x02
#define SE_GROUP_ENABLED            0x04
#define SE_GROUP_OWNER              0x08
#define SE_GROUP_USE_FOR_DENY_ONLY  0x10

/* An entry with a SID of so many bytes; the SID of an entry of the usual form. */
#define SEP_ACE_SIZE(SidBytes) (FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart) + (SidBytes))

static inline PSID SepSidOfAce(PACE_HEADER Ace)
{
    return &((PACCESS_ALLOWED_ACE)Ace)->SidStart;
}

static inline PACE_HEADER SepNextAce(PACE_HEADER Ace)
{
    return (PACE_HEADER)((PUCHAR)Ace + Ace->AceSize);
}

/* acl.c. The first two are ntdll's in Windows, and not exported. IRQL: any. */
BOOLEAN NTAPI RtlFirstFreeAce(PACL Acl, PACE_HEADER *FirstFreeAce);
BOOLEAN NTAPI RtlValidAcl(PACL Acl);
NTSTATUS SepAddAce(PACL Acl, ULONG Revision, UCHAR Type, ULONG Flags, ACCESS_MASK Mask, PSID Sid);

/* secdesc.c: the parts of a descriptor of either form; NULL: it has none. IRQL: any. */
PACL SepDaclOf(PISECURITY_DESCRIPTOR Descriptor);
PACL SepSaclOf(PISECURITY_DESCRIPTOR Descriptor);
PSID SepOwnerOf(PISECURITY_DESCRIPTOR Descriptor);
PSID SepGroupOf(PISECURITY_DESCRIPTOR Descriptor);

/* assign.c: a self-relative copy of an absolute descriptor. */
NTSTATUS SepMakeRelative(PISECURITY_DESCRIPTOR Absolute, POOL_TYPE PoolType,
                         PSECURITY_DESCRIPTOR *Result);

/* capture.c. The last two are exported, and not declared by the headers. */
NTSTATUS SepCaptureAcl(PACL From, KPROCESSOR_MODE Mode, PACL *Acl);
NTSTATUS NTAPI SeCaptureSecurityDescriptor(PSECURITY_DESCRIPTOR OriginalSecurityDescriptor,
                                           KPROCESSOR_MODE CurrentMode, POOL_TYPE PoolType,
                                           BOOLEAN CaptureIfKernel,
                                           PSECURITY_DESCRIPTOR *CapturedSecurityDescriptor);
VOID NTAPI SeReleaseSecurityDescriptor(PSECURITY_DESCRIPTOR CapturedSecurityDescriptor,
                                       KPROCESSOR_MODE CurrentMode, BOOLEAN CaptureIfKernelMode);

/* token.c */
#define SEP_GROUPS     3 /* of the system's token */
#define SEP_PRIVILEGES (SE_CREATE_SYMBOLIC_LINK_PRIVILEGE - SE_MIN_WELL_KNOWN_PRIVILEGE + 1)

typedef struct _SEP_TOKEN {
    SID_AND_ATTRIBUTES User;
    SID_AND_ATTRIBUTES Groups[SEP_GROUPS];
    LUID_AND_ATTRIBUTES Privileges[SEP_PRIVILEGES];
    PSID Owner; /* of what it makes */
    PSID PrimaryGroup;
    PACL DefaultDacl;
    LUID TokenId;
    LUID AuthenticationId;
} SEP_TOKEN, *PSEP_TOKEN;

PSEP_TOKEN SepSystemToken(VOID);
NTSTATUS SeInitialize(VOID); /* IRQL: PASSIVE_LEVEL, once, before the first driver */
BOOLEAN SepTokenHasSid(PSEP_TOKEN Token, PSID Sid, BOOLEAN ToDeny);
BOOLEAN SepTokenHasPrivilege(PSEP_TOKEN Token, PLUID Privilege);

/* Exported, and not declared by the headers. */
BOOLEAN NTAPI RtlAreAllAccessesGranted(ACCESS_MASK GrantedAccess, ACCESS_MASK DesiredAccess);
BOOLEAN NTAPI RtlAreAnyAccessesGranted(ACCESS_MASK GrantedAccess, ACCESS_MASK DesiredAccess);

/* What goes with an ACCESS_STATE while an object is being opened, as far as it is used. */
typedef struct _AUX_ACCESS_DATA {
    PPRIVILEGE_SET PrivilegesUsed;
    GENERIC_MAPPING GenericMapping;
    ACCESS_MASK AccessesToAudit;
} AUX_ACCESS_DATA, *PAUX_ACCESS_DATA;

NTSTATUS NTAPI SeCreateAccessState(PACCESS_STATE AccessState, PAUX_ACCESS_DATA AuxData,
                                   ACCESS_MASK DesiredAccess, PGENERIC_MAPPING GenericMapping);
VOID NTAPI SeDeleteAccessState(PACCESS_STATE AccessState);
SECURITY_IMPERSONATION_LEVEL NTAPI SeTokenImpersonationLevel(PACCESS_TOKEN Token);

#endif
