/*
 * Memory for devices: adjacent frames within given physical addresses, mapped into system space,
 * and memory that is not cached.
 *
 * The size of an allocation stands in the PFN entry of its first frame (Flink), for who frees it
 * gives the address alone; that of its other frames is 0.
 *
 * Source: WDK, "MmAllocateContiguousMemorySpecifyCache", "MmAllocateNonCachedMemory".
 */
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"

#define MISUSE_NOT_MAPPED  0x302 /* WDK: Bug Check 0xDA */
#define MISUSE_MIDDLE      0x304
#define MISUSE_WRONG_COUNT 0x305

static ULONG MiCacheProtection(MEMORY_CACHING_TYPE CacheType)
{
    return MM_READWRITE | (CacheType == MmCached ? 0 : MM_NOCACHE);
}

/* An address beyond 4 GB is beyond all memory. */
static ULONGLONG MiFrameAbove(ULONGLONG Address)
{
    return min(Address, 1ULL << 32) >> PAGE_SHIFT;
}

BOOLEAN MiMakeFrameRange(PHYSICAL_ADDRESS Low, PHYSICAL_ADDRESS High, MI_FRAME_RANGE *Range)
{
    ULONGLONG First, End;

    if ((ULONGLONG)Low.QuadPart > MAXULONG)
        return FALSE;
    First = MiFrameAbove((ULONGLONG)Low.QuadPart + PAGE_SIZE - 1);
    End = High.QuadPart == -1LL ? MiFrameAbove(MAXULONGLONG) : MiFrameAbove(High.QuadPart + 1ULL);
    *Range = (MI_FRAME_RANGE){(PFN_NUMBER)First, (PFN_NUMBER)End - 1, 0};
    return First < End;
}

/* Charged, and reserved at Va: puts adjacent frames behind it. */
static BOOLEAN MiFillContiguous(PUCHAR Va, ULONG Pages, const MI_FRAME_RANGE *Range,
                                ULONG Protection)
{
    PFN_NUMBER First = MiAllocateFrameRun(Range, Pages, UsageDevice, MiSystemPte(Va));
    ULONG i;

    if (First == MI_NO_FRAME)
        return FALSE;
    MmPfnDatabase[First].Flink = Pages;
    for (i = 0; i < Pages; i++)
        MiMapSystemPage(Va + i * PAGE_SIZE, First + i, Protection);
    return TRUE;
}

static PVOID MiAllocateContiguous(ULONG Pages, const MI_FRAME_RANGE *Range, ULONG Protection)
{
    PVOID Va;

    if (!MiChargeCommitment(Pages))
        return NULL;
    Va = MiReserveSystemPtes(Pages);
    if (Va && MiFillContiguous(Va, Pages, Range, Protection))
        return Va;
    if (Va)
        MiReleaseSystemPtes(Va, Pages);
    MiReturnCommitment(Pages);
    return NULL;
}

/*
 * Allocates memory whose frames are adjacent, with all bytes at physical addresses from Lowest to
 * Highest, and none on both sides of a multiple of BoundaryAddressMultiple (0, or a power of two).
 * Whole pages, contents unknown. NULL: there is none. IRQL <= DISPATCH_LEVEL.
 */
PVOID NTAPI MmAllocateContiguousMemorySpecifyCache(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS Lowest,
                                                   PHYSICAL_ADDRESS Highest,
                                                   PHYSICAL_ADDRESS BoundaryAddressMultiple,
                                                   MEMORY_CACHING_TYPE CacheType)
{
    ULONGLONG Boundary = (ULONGLONG)BoundaryAddressMultiple.QuadPart;
    MI_FRAME_RANGE Range;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (NumberOfBytes == 0 || NumberOfBytes > MI_SYSTEM_PTE_END - MI_SYSTEM_PTE_START ||
        (Boundary && NumberOfBytes > Boundary) || !MiMakeFrameRange(Lowest, Highest, &Range))
        return NULL;
    Range.Boundary = Boundary > MAXULONG ? 0 : (PFN_NUMBER)(Boundary >> PAGE_SHIFT);
    return MiAllocateContiguous(BYTES_TO_PAGES(NumberOfBytes), &Range,
                                MiCacheProtection(CacheType));
}

/* The same on a machine with several nodes: there is one. */
PVOID NTAPI MmAllocateContiguousMemorySpecifyCacheNode(SIZE_T NumberOfBytes,
                                                       PHYSICAL_ADDRESS Lowest,
                                                       PHYSICAL_ADDRESS Highest,
                                                       PHYSICAL_ADDRESS BoundaryAddressMultiple,
                                                       MEMORY_CACHING_TYPE CacheType,
                                                       NODE_REQUIREMENT PreferredNode)
{
    UNREFERENCED_PARAMETER(PreferredNode);
    return MmAllocateContiguousMemorySpecifyCache(NumberOfBytes, Lowest, Highest,
                                                  BoundaryAddressMultiple, CacheType);
}

/* Cached, from wherever below Highest (WDK: MmAllocateContiguousMemory). */
PVOID NTAPI MmAllocateContiguousMemory(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS Highest)
{
    PHYSICAL_ADDRESS Zero = {.QuadPart = 0};

    return MmAllocateContiguousMemorySpecifyCache(NumberOfBytes, Zero, Highest, Zero, MmCached);
}

/* How many pages begin at an address that was allocated here; bug check 0xDA if none do. */
static ULONG MiContiguousPages(PVOID BaseAddress)
{
    MMPTE Pte = {0};
    PMMPFN Pfn;

    if ((ULONG_PTR)BaseAddress >= MI_SYSTEM_PTE_START && (ULONG_PTR)BaseAddress < MI_SYSTEM_PTE_END)
        Pte = *MiSystemPte(BaseAddress);
    if (!Pte.Hard.Valid || !MiIsMemoryFrame(Pte.Hard.PageFrameNumber))
        KeBugCheckEx(SYSTEM_PTE_MISUSE, MISUSE_NOT_MAPPED, (ULONG_PTR)BaseAddress, 0, 0);
    Pfn = &MmPfnDatabase[Pte.Hard.PageFrameNumber];
    if (Pfn->Usage != UsageDevice || Pfn->Flink == 0 || BYTE_OFFSET(BaseAddress))
        KeBugCheckEx(SYSTEM_PTE_MISUSE, MISUSE_MIDDLE, (ULONG_PTR)BaseAddress, 1, 0);
    return Pfn->Flink;
}

/* Frees what one of these has allocated. IRQL <= DISPATCH_LEVEL. */
VOID NTAPI MmFreeContiguousMemory(PVOID BaseAddress)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    MiFreeSystemPages(BaseAddress, MiContiguousPages(BaseAddress));
}

/* The same, by one who knows the size, too. */
VOID NTAPI MmFreeContiguousMemorySpecifyCache(PVOID BaseAddress, SIZE_T NumberOfBytes,
                                              MEMORY_CACHING_TYPE CacheType)
{
    ULONG Pages = MiContiguousPages(BaseAddress);

    UNREFERENCED_PARAMETER(CacheType);
    if (BYTES_TO_PAGES(NumberOfBytes) != Pages)
        KeBugCheckEx(SYSTEM_PTE_MISUSE, MISUSE_WRONG_COUNT, (ULONG_PTR)BaseAddress,
                     BYTES_TO_PAGES(NumberOfBytes), Pages);
    MmFreeContiguousMemory(BaseAddress);
}

/*
 * Allocates whole pages that are not cached, filled with zeros (WDK: MmAllocateNonCachedMemory).
 * NULL: no memory, or no bytes. IRQL <= APC_LEVEL.
 */
PVOID NTAPI MmAllocateNonCachedMemory(SIZE_T NumberOfBytes)
{
    ULONG Pages = (ULONG)BYTES_TO_PAGES(NumberOfBytes);
    PVOID Va;

    KI_ASSERT_IRQL(APC_LEVEL);
    Va = MiAllocateSystemPages(Pages, UsageDevice);
    if (Va)
        MiSetSystemProtection(Va, Pages, MM_READWRITE | MM_NOCACHE);
    return Va;
}

/* Frees that; the size is that of the allocation. IRQL <= APC_LEVEL. */
VOID NTAPI MmFreeNonCachedMemory(PVOID BaseAddress, SIZE_T NumberOfBytes)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    MiFreeSystemPages(BaseAddress, BYTES_TO_PAGES(NumberOfBytes));
}
