/*
 * Checks that drivers ask for: access, and the lists that come with some requests.
 */
#include "kernel/io/io.h"
#include "kernel/rtl/rtl.h"

/*
 * Is all that is desired granted? *DesiredAccess loses its generic rights (WDK:
 * IoCheckDesiredAccess). STATUS_ACCESS_DENIED.
 */
NTSTATUS NTAPI IoCheckDesiredAccess(PACCESS_MASK DesiredAccess, ACCESS_MASK GrantedAccess)
{
    RtlMapGenericMask(DesiredAccess, IoGetFileObjectGenericMapping());
    return (*DesiredAccess & ~GrantedAccess) ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

/*
 * Had the handle of a control code's packet the access (WDK: IoValidateDeviceIoControlAccess)?
 * Kernel mode has all. STATUS_INVALID_PARAMETER: neither FILE_READ_ACCESS nor FILE_WRITE_ACCESS.
 */
NTSTATUS NTAPI IoValidateDeviceIoControlAccess(PIRP Irp, ULONG RequiredAccess)
{
    UCHAR Granted = IoGetCurrentIrpStackLocation(Irp)->Flags;

    if (RequiredAccess & ~(FILE_READ_ACCESS | FILE_WRITE_ACCESS))
        return STATUS_INVALID_PARAMETER;
    if (Irp->RequestorMode == KernelMode)
        return STATUS_SUCCESS;
    if (((RequiredAccess & FILE_READ_ACCESS) && !(Granted & SL_READ_ACCESS_GRANTED)) ||
        ((RequiredAccess & FILE_WRITE_ACCESS) && !(Granted & SL_WRITE_ACCESS_GRANTED)))
        return STATUS_ACCESS_DENIED;
    return STATUS_SUCCESS;
}

/* Is there another entry after one of Bytes bytes? It must begin behind it, on a ULONG. FALSE, and
 * *Valid: it is the last. */
static BOOLEAN IopGoToNextEntry(PULONG Offset, ULONG Next, ULONG Bytes, ULONG Left, PBOOLEAN Valid)
{
    *Valid = Bytes <= Left && (Next == 0 || (Next >= Bytes && Next < Left && Next % 4 == 0));
    *Offset += *Valid ? Next : 0;
    return *Valid && Next != 0;
}

/*
 * Are these extended attributes a list (WDK: IoCheckEaBufferValidity)?
 * STATUS_EA_LIST_INCONSISTENT: *ErrorOffset is where the first wrong one begins.
 */
NTSTATUS NTAPI IoCheckEaBufferValidity(PFILE_FULL_EA_INFORMATION EaBuffer, ULONG EaLength,
                                       PULONG ErrorOffset)
{
    const ULONG Head = FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName);
    PFILE_FULL_EA_INFORMATION Ea;
    BOOLEAN Valid;
    ULONG Bytes;

    *ErrorOffset = 0;
    do {
        Ea = (PFILE_FULL_EA_INFORMATION)((PUCHAR)EaBuffer + *ErrorOffset);
        if (EaLength - *ErrorOffset <= Head)
            return STATUS_EA_LIST_INCONSISTENT;
        Bytes = Head + Ea->EaNameLength + 1 + Ea->EaValueLength;
        if (EaLength - *ErrorOffset < Bytes || Ea->EaName[Ea->EaNameLength] != 0)
            return STATUS_EA_LIST_INCONSISTENT;
    } while (
        IopGoToNextEntry(ErrorOffset, Ea->NextEntryOffset, Bytes, EaLength - *ErrorOffset, &Valid));
    return Valid ? STATUS_SUCCESS : STATUS_EA_LIST_INCONSISTENT;
}

/* The same for quotas (WDK: IoCheckQuotaBufferValidity). STATUS_QUOTA_LIST_INCONSISTENT. */
NTSTATUS NTAPI IoCheckQuotaBufferValidity(PFILE_QUOTA_INFORMATION QuotaBuffer, ULONG QuotaLength,
                                          PULONG ErrorOffset)
{
    const ULONG Head = FIELD_OFFSET(FILE_QUOTA_INFORMATION, Sid);
    PFILE_QUOTA_INFORMATION Quota;
    BOOLEAN Valid;
    ULONG Left;

    *ErrorOffset = 0;
    do {
        Quota = (PFILE_QUOTA_INFORMATION)((PUCHAR)QuotaBuffer + *ErrorOffset);
        Left = QuotaLength - *ErrorOffset;
        if (Left < Head + sizeof(SID) || Quota->SidLength > Left - Head ||
            Quota->SidLength < sizeof(SID) - sizeof(ULONG) || !RtlValidSid(&Quota->Sid) ||
            RtlLengthSid(&Quota->Sid) != Quota->SidLength)
            return STATUS_QUOTA_LIST_INCONSISTENT;
    } while (IopGoToNextEntry(ErrorOffset, Quota->NextEntryOffset, Head + Quota->SidLength, Left,
                              &Valid));
    return Valid ? STATUS_SUCCESS : STATUS_QUOTA_LIST_INCONSISTENT;
}
