/*
 * Commitment: how many pages have been promised. Who promises a page (a pool, a process, a stack)
 * charges it first; so a fault that comes due on a promise always finds a frame.
 *
 * Without a pagefile the limit is what was free after start-up, less a reserve.
 */
#include "mm/mm.h"

#define MI_COMMIT_RESERVE 16 /* pages: what start-up itself still takes uncharged */

ULONG MmTotalCommittedPages, MmTotalCommitLimit, MmPeakCommitment;
static KSPIN_LOCK MiCommitLock;

VOID MiInitializeCommitment(VOID)
{
    KeInitializeSpinLock(&MiCommitLock);
    MmTotalCommitLimit = MmAvailablePages - MI_COMMIT_RESERVE;
}

/* FALSE: the promise cannot be made. IRQL <= DISPATCH_LEVEL. */
BOOLEAN MiChargeCommitment(ULONG Pages)
{
    BOOLEAN Charged = FALSE;
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiCommitLock, &OldIrql);
    if (MmTotalCommittedPages <= MmTotalCommitLimit &&
        Pages <= MmTotalCommitLimit - MmTotalCommittedPages) {
        MmTotalCommittedPages += Pages;
        if (MmTotalCommittedPages > MmPeakCommitment)
            MmPeakCommitment = MmTotalCommittedPages;
        Charged = TRUE;
    }
    KeReleaseSpinLock(&MiCommitLock, OldIrql);
    return Charged;
}

/*
 * Charges pages whose owner is about to return them, but that somebody else still holds: so for a
 * moment they count twice, beyond the limit if need be. IRQL <= DISPATCH_LEVEL.
 */
VOID MiKeepCommitment(ULONG Pages)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiCommitLock, &OldIrql);
    MmTotalCommittedPages += Pages;
    KeReleaseSpinLock(&MiCommitLock, OldIrql);
}

VOID MiReturnCommitment(ULONG Pages)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiCommitLock, &OldIrql);
    ASSERT(Pages <= MmTotalCommittedPages);
    MmTotalCommittedPages -= Pages;
    KeReleaseSpinLock(&MiCommitLock, OldIrql);
}
