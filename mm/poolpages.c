/*
 * Whole pages for the pools. Each pool has an address range of its own and a bitmap of its pages.
 *
 * Nonpaged pool gets its frames at once. Paged pool gets only promises: its PTEs say demand-zero,
 * and the frame comes with the first touch, in whichever thread's context that happens (fault.c).
 */
#include "mm/mm.h"
#include "kernel/rtl/rtl.h"
#include "mm/pool.h"

#define PAGED_PAGES    ((MI_PAGED_POOL_END - MI_PAGED_POOL_START) >> PAGE_SHIFT)
#define NONPAGED_PAGES ((MI_NONPAGED_POOL_END - MI_NONPAGED_POOL_START) >> PAGE_SHIFT)

typedef struct _MI_POOL_RANGE {
    ULONG_PTR Start;
    KSPIN_LOCK Lock; /* guards the bitmap, the hint and the count */
    RTL_BITMAP Bitmap;
    ULONG Hint;
    ULONG PagesInUse;
} MI_POOL_RANGE;

static ULONG MiPagedBits[PAGED_PAGES / 32], MiNonPagedBits[NONPAGED_PAGES / 32];
static MI_POOL_RANGE MiPoolRanges[2]; /* [NonPagedPool], [PagedPool] */

static VOID MiInitializePoolRange(POOL_TYPE Type, ULONG_PTR Start, PULONG Bits, ULONG Pages)
{
    MI_POOL_RANGE *Range = &MiPoolRanges[Type];

    Range->Start = Start;
    KeInitializeSpinLock(&Range->Lock);
    RtlInitializeBitMap(&Range->Bitmap, Bits, Pages);
}

VOID MiInitializePoolPages(VOID)
{
    MiInitializePoolRange(NonPagedPool, MI_NONPAGED_POOL_START, MiNonPagedBits, NONPAGED_PAGES);
    MiInitializePoolRange(PagedPool, MI_PAGED_POOL_START, MiPagedBits, PAGED_PAGES);
}

ULONG MiPoolPagesInUse(POOL_TYPE PoolType)
{
    return MiPoolRanges[PoolType].PagesInUse;
}

BOOLEAN MiIsPagedPoolAddress(PVOID Va)
{
    return (ULONG_PTR)Va >= MI_PAGED_POOL_START && (ULONG_PTR)Va < MI_PAGED_POOL_END;
}

BOOLEAN MiIsNonPagedPoolAddress(PVOID Va)
{
    return (ULONG_PTR)Va >= MI_NONPAGED_POOL_START && (ULONG_PTR)Va < MI_NONPAGED_POOL_END;
}

static PVOID MiReservePoolRange(MI_POOL_RANGE *Range, ULONG Pages)
{
    KIRQL OldIrql;
    ULONG Index;

    KeAcquireSpinLock(&Range->Lock, &OldIrql);
    Index = RtlFindClearBitsAndSet(&Range->Bitmap, Pages, Range->Hint);
    if (Index != MAXULONG) {
        Range->Hint = Index;
        Range->PagesInUse += Pages;
    }
    KeReleaseSpinLock(&Range->Lock, OldIrql);
    return Index == MAXULONG ? NULL : (PVOID)(Range->Start + (Index << PAGE_SHIFT));
}

static VOID MiReleasePoolRange(MI_POOL_RANGE *Range, PVOID Va, ULONG Pages)
{
    ULONG Index = ((ULONG_PTR)Va - Range->Start) >> PAGE_SHIFT;
    KIRQL OldIrql;

    KeAcquireSpinLock(&Range->Lock, &OldIrql);
    ASSERT(RtlAreBitsSet(&Range->Bitmap, Index, Pages));
    RtlClearBits(&Range->Bitmap, Index, Pages);
    Range->PagesInUse -= Pages;
    if (Index < Range->Hint)
        Range->Hint = Index;
    KeReleaseSpinLock(&Range->Lock, OldIrql);
}

/* Promises pages: charged, and demand-zero. */
static NTSTATUS MiPromisePages(PVOID Va, ULONG Pages)
{
    ULONG i;

    if (!MiChargeCommitment(Pages))
        return STATUS_INSUFFICIENT_RESOURCES;
    for (i = 0; i < Pages; i++)
        *MiSystemPte((PUCHAR)Va + i * PAGE_SIZE) = MiMakeDemandZeroPte(MM_READWRITE);
    return STATUS_SUCCESS;
}

/* NULL: no address space or no memory. IRQL: <= DISPATCH_LEVEL; no pool lock is held. */
PVOID MiAllocatePoolPages(POOL_TYPE BasePoolType, ULONG Pages)
{
    MI_POOL_RANGE *Range = &MiPoolRanges[BasePoolType];
    PVOID Va = MiReservePoolRange(Range, Pages);
    NTSTATUS Status;

    if (Va == NULL)
        return NULL;
    if (BasePoolType == PagedPool)
        Status = MiPromisePages(Va, Pages);
    else
        Status = MiFillSystemRange(Va, Pages, UsageNonPaged, FALSE);
    if (NT_SUCCESS(Status))
        return Va;
    MiReleasePoolRange(Range, Va, Pages);
    return NULL;
}

VOID MiFreePoolPages(PVOID Va, ULONG Pages)
{
    ULONG i;

    if (MiIsPagedPoolAddress(Va)) {
        for (i = 0; i < Pages; i++) { /* promises that never came due have no frame to unmap */
            PMMPTE Pte = MiSystemPte((PUCHAR)Va + i * PAGE_SIZE);
            MiShowSystemPage(Pte);
            if (!Pte->Hard.Valid)
                Pte->Long = 0;
        }
    }
    MiEmptySystemRange(Va, Pages);
    MiReleasePoolRange(&MiPoolRanges[MiIsPagedPoolAddress(Va) ? PagedPool : NonPagedPool], Va,
                       Pages);
}

/* Hides what there is of paged pool, but for locked pages. The caller flushes. IRQL: any. */
VOID MiHidePagedPool(VOID)
{
    ULONG Word, Bit;

    for (Word = 0; Word < RTL_NUMBER_OF(MiPagedBits); Word++) {
        for (Bit = 0; MiPagedBits[Word] >> Bit; Bit++) {
            if (MiPagedBits[Word] >> Bit & 1)
                MiHideSystemPage((PVOID)(MI_PAGED_POOL_START + ((Word * 32 + Bit) << PAGE_SHIFT)));
            if (Bit == 31)
                break;
        }
    }
}
