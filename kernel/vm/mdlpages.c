/*
 * Memory without an address: frames that an MDL alone knows, for drivers that map it later, into
 * system space or into processes, or give it to a device.
 *
 * Such a frame has its owner's reference only, which MDL_PAGES_LOCKED stands for; its cache type is
 * that of its mappings. Each page is charged (commit.c).
 *
 * Source: WDK, "MmAllocatePagesForMdlEx", "MmFreePagesFromMdl".
 */
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"

/* What is still to be found, and where. */
typedef struct _MI_SEARCH {
    MI_FRAME_RANGE Range;
    ULONG Wanted; /* pages */
    ULONG Chunk;  /* so many at a time, adjacent */
    ULONG Found;
} MI_SEARCH;

/* Takes from one range what it has. FALSE: nothing more can be promised. */
static BOOLEAN MiTakeFromRange(MI_SEARCH *Search, PPFN_NUMBER Frames)
{
    MI_FRAME_RANGE Range = Search->Range;

    while (Search->Found < Search->Wanted) {
        PFN_NUMBER First;
        ULONG i;
        if (!MiChargeCommitment(Search->Chunk))
            return FALSE;
        First = MiAllocateFrameRun(&Range, Search->Chunk, UsageMdl, NULL);
        if (First == MI_NO_FRAME) {
            MiReturnCommitment(Search->Chunk);
            return TRUE;
        }
        for (i = 0; i < Search->Chunk; i++)
            Frames[Search->Found++] = First + i;
        Range.First = First + Search->Chunk; /* those before have been looked at */
    }
    return TRUE;
}

/* Goes from range to range, Skip frames further each time; 0: there is only one. */
static VOID MiSearchFrames(MI_SEARCH *Search, PFN_NUMBER Skip, PPFN_NUMBER Frames)
{
    while (MiTakeFromRange(Search, Frames) && Search->Found < Search->Wanted && Skip &&
           Search->Range.First + Skip <= MmHighestPhysicalPage) {
        Search->Range.First += Skip;
        Search->Range.Last = min(Search->Range.Last, MmHighestPhysicalPage) + Skip;
    }
}

static VOID MiFreeMdlFrames(const PFN_NUMBER *Frames, ULONG Count)
{
    ULONG i;

    for (i = 0; i < Count; i++)
        MiFreeFrame(Frames[i]);
    MiReturnCommitment(Count);
}

/* The size of an adjacent block, in pages; 0: what is asked for cannot be. */
static ULONG MiChunkOf(ULONG Pages, SIZE_T Skip, ULONG Flags)
{
    if (!(Flags & MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS))
        return 1;
    if (Skip == 0)
        return Pages;
    return (Skip & (Skip - 1)) || Pages % (Skip >> PAGE_SHIFT) ? 0 : (ULONG)(Skip >> PAGE_SHIFT);
}

/* Zeroes what was found, unless told not to, and says so in the MDL. NULL: it was not enough. */
static PMDL MiFinishMdl(PMDL Mdl, const MI_SEARCH *Search, ULONG Flags)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG i;

    if (Search->Found == 0 ||
        ((Flags & MM_ALLOCATE_FULLY_REQUIRED) && Search->Found < Search->Wanted)) {
        MiFreeMdlFrames(Frames, Search->Found);
        IoFreeMdl(Mdl);
        return NULL;
    }
    for (i = 0; !(Flags & MM_DONT_ZERO_ALLOCATION) && i < Search->Found; i++)
        MiZeroFrame(Frames[i]);
    Mdl->ByteCount = Search->Found << PAGE_SHIFT;
    Mdl->MdlFlags |= MDL_PAGES_LOCKED;
    return Mdl;
}

/*
 * Makes an MDL of up to TotalBytes of memory at physical addresses from LowAddress to HighAddress,
 * then in ranges that lie SkipBytes further each. Flags: MM_ALLOCATE_xxx; there is one node, and
 * nothing is waited for. NULL: no memory there, or not enough if all was required. The MDL is freed
 * by ExFreePool, after MmFreePagesFromMdl. IRQL <= DISPATCH_LEVEL.
 */
PMDL NTAPI MmAllocatePagesForMdlEx(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress,
                                   PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes,
                                   MEMORY_CACHING_TYPE CacheType, ULONG Flags)
{
    PFN_NUMBER Skip = (PFN_NUMBER)(SkipBytes.QuadPart >> PAGE_SHIFT);
    MI_SEARCH Search = {.Wanted = (ULONG)BYTES_TO_PAGES(TotalBytes)};
    PMDL Mdl;

    UNREFERENCED_PARAMETER(CacheType); /* a mapping says its own */
    KI_VERIFY(KiGetCurrentIrql() <= DISPATCH_LEVEL, 0x7E, KiGetCurrentIrql(), DISPATCH_LEVEL, 0);
    Search.Chunk = MiChunkOf(Search.Wanted, SkipBytes.LowPart, Flags);
    if (Search.Wanted == 0 || Search.Wanted > MmNumberOfPhysicalPages || Search.Chunk == 0 ||
        SkipBytes.HighPart || BYTE_OFFSET(SkipBytes.LowPart) ||
        !MiMakeFrameRange(LowAddress, HighAddress, &Search.Range))
        return NULL;
    if (Search.Chunk > 1)
        Search.Range.Boundary = Skip;
    Mdl = IoAllocateMdl(NULL, Search.Wanted << PAGE_SHIFT, FALSE, FALSE, NULL);
    if (Mdl == NULL)
        return NULL;
    MiSearchFrames(&Search, Skip, MmGetMdlPfnArray(Mdl));
    return MiFinishMdl(Mdl, &Search, Flags);
}

/* The older routine (WDK: MmAllocatePagesForMdl). */
PMDL NTAPI MmAllocatePagesForMdl(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress,
                                 PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes)
{
    return MmAllocatePagesForMdlEx(LowAddress, HighAddress, SkipBytes, TotalBytes, MmCached, 0);
}

/*
 * Frees the memory of such an MDL, whose mapping into system space has been ended (WDK:
 * MmFreePagesFromMdl). Bug check 0x76 if it has none any more. IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI MmFreePagesFromMdl(PMDLX Mdl)
{
    KI_VERIFY(KiGetCurrentIrql() <= DISPATCH_LEVEL, 0x7E, KiGetCurrentIrql(), DISPATCH_LEVEL, 0);
    if (!(Mdl->MdlFlags & MDL_PAGES_LOCKED))
        KeBugCheckEx(PROCESS_HAS_LOCKED_PAGES, 1, (ULONG_PTR)Mdl,
                     (ULONG)MmGetCurrentSpace()->LockedPages, 0);
    if (MiHasOwnMapping(Mdl)) {
        KI_VERIFY(FALSE, 0xB8, Mdl, Mdl->MdlFlags, 0);
        MmUnmapLockedPages(Mdl->MappedSystemVa, Mdl);
    }
    Mdl->MdlFlags &= ~MDL_PAGES_LOCKED;
    MiFreeMdlFrames(MmGetMdlPfnArray(Mdl), MiMdlPages(Mdl));
}
