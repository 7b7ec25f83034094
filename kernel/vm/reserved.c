/*
 * Address space that a driver reserves for its mappings, so that it can map when nothing is left.
 *
 * Two PTEs before the range, whose pages are never valid, say what it is: the number of its pages,
 * and its owner's tag. Both are made not to look valid, so a driver that comes to these addresses
 * stops with bug check 0x50.
 *
 * A mistake is bug check 0xDA, with the parameters that its page gives. Nothing guards a range: it
 * is its owner's.
 *
 * Source: WDK, "MmAllocateMappingAddress", "MmMapLockedPagesWithReservedMapping".
 */
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"

#define HEADER_PAGES 2

/* The WDK's reasons, in P1. */
enum {
    RequestOfNothing = 0x100,
    FreeNotOwner = 0x101,
    FreeNothing = 0x102,
    FreeStillMapped = 0x103,
    MapNotOwner = 0x104,
    MapNothing = 0x105,
    MapNotEmpty = 0x107,
    UnmapNotOwner = 0x108,
    UnmapNothing = 0x109,
    UnmapTooMuch = 0x10A,
    UnmapNotMapped = 0x10B,
    UnmapTooLittle = 0x10C
};

/* The pages of the range at Base, which is Tag's. The reasons: if there is none, if it is not. */
static ULONG MiReservedPages(PVOID Base, ULONG Tag, ULONG Nothing, ULONG NotOwner)
{
    PMMPTE Header = NULL;

    if ((ULONG_PTR)Base >= MI_SYSTEM_PTE_START + HEADER_PAGES * PAGE_SIZE &&
        (ULONG_PTR)Base < MI_SYSTEM_PTE_END && BYTE_OFFSET(Base) == 0)
        Header = MiSystemPte(Base) - HEADER_PAGES;
    if (Header == NULL || Header[0].Long == 0 || Header[0].Hard.Valid)
        KeBugCheckEx(SYSTEM_PTE_MISUSE, Nothing, (ULONG_PTR)Base, Tag, 0);
    if (Header[1].Long != (Tag & ~PTE_VALID))
        KeBugCheckEx(SYSTEM_PTE_MISUSE, NotOwner, (ULONG_PTR)Base, Tag, Header[1].Long);
    return Header[0].Soft.PageFrameNumber;
}

/* The first of a range's pages that is mapped, or that is not; NULL: none. */
static PVOID MiFindReserved(PVOID Base, ULONG Pages, BOOLEAN Mapped)
{
    PMMPTE Pte = MiSystemPte(Base);
    ULONG i;

    for (i = 0; i < Pages; i++) {
        if ((Pte[i].Long != 0) == Mapped)
            return (PUCHAR)Base + i * PAGE_SIZE;
    }
    return NULL;
}

/* Reserves addresses (WDK: MmAllocateMappingAddress). NULL: there are none. IRQL <= APC_LEVEL. */
PVOID NTAPI MmAllocateMappingAddress(SIZE_T NumberOfBytes, ULONG PoolTag)
{
    ULONG Pages = (ULONG)BYTES_TO_PAGES(NumberOfBytes);
    PUCHAR Va;

    KI_ASSERT_IRQL(APC_LEVEL);
    if (Pages == 0)
        KeBugCheckEx(SYSTEM_PTE_MISUSE, RequestOfNothing, 0, PoolTag,
                     (ULONG_PTR)__builtin_return_address(0));
    Va = MiReserveSystemPtes(Pages + HEADER_PAGES);
    if (Va == NULL)
        return NULL;
    MiSystemPte(Va)[0].Soft.PageFrameNumber = Pages;
    MiSystemPte(Va)[1].Long = PoolTag & ~PTE_VALID;
    return Va + HEADER_PAGES * PAGE_SIZE;
}

/* Gives them back; nothing is mapped there (WDK: MmFreeMappingAddress). IRQL <= APC_LEVEL. */
VOID NTAPI MmFreeMappingAddress(PVOID BaseAddress, ULONG PoolTag)
{
    ULONG Pages = MiReservedPages(BaseAddress, PoolTag, FreeNothing, FreeNotOwner);
    PVOID Mapped = MiFindReserved(BaseAddress, Pages, TRUE);

    KI_ASSERT_IRQL(APC_LEVEL);
    if (Mapped)
        KeBugCheckEx(SYSTEM_PTE_MISUSE, FreeStillMapped, (ULONG_PTR)Mapped, PoolTag, Pages);
    MiReleaseMapping((PUCHAR)BaseAddress - HEADER_PAGES * PAGE_SIZE, Pages + HEADER_PAGES);
}

/*
 * Maps an MDL's frames at the beginning of a reserved range (WDK:
 * MmMapLockedPagesWithReservedMapping). NULL: they do not fit. The MDL's MappedSystemVa is that of
 * the page, as in Windows; the address returned has the offset. IRQL <= DISPATCH_LEVEL.
 */
PVOID NTAPI MmMapLockedPagesWithReservedMapping(PVOID MappingAddress, ULONG PoolTag, PMDL Mdl,
                                                MEMORY_CACHING_TYPE CacheType)
{
    ULONG Reserved = MiReservedPages(MappingAddress, PoolTag, MapNothing, MapNotOwner);
    PVOID Mapped = MiFindReserved(MappingAddress, Reserved, TRUE);

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Mapped)
        KeBugCheckEx(SYSTEM_PTE_MISUSE, MapNotEmpty, (ULONG_PTR)MappingAddress, (ULONG_PTR)Mapped,
                     (ULONG_PTR)MappingAddress + (Reserved - 1) * PAGE_SIZE);
    MiCheckMappable(Mdl);
    if (MiMdlPages(Mdl) > Reserved)
        return NULL;
    MiMapMdlFrames(Mdl, MappingAddress, CacheType, NormalPagePriority);
    Mdl->MappedSystemVa = MappingAddress;
    return (PUCHAR)MappingAddress + Mdl->ByteOffset;
}

/* Ends that mapping; the range stays reserved (WDK: MmUnmapReservedMapping). IRQL <=
 * DISPATCH_LEVEL. */
VOID NTAPI MmUnmapReservedMapping(PVOID BaseAddress, ULONG PoolTag, PMDL Mdl)
{
    ULONG Reserved = MiReservedPages(BaseAddress, PoolTag, UnmapNothing, UnmapNotOwner);
    ULONG Pages = MiMdlPages(Mdl);

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Pages > Reserved)
        KeBugCheckEx(SYSTEM_PTE_MISUSE, UnmapTooMuch, (ULONG_PTR)BaseAddress, Reserved, Pages);
    if (MiFindReserved(BaseAddress, Pages, FALSE))
        KeBugCheckEx(SYSTEM_PTE_MISUSE, UnmapNotMapped, (ULONG_PTR)BaseAddress, PoolTag, Pages);
    if (Pages < Reserved &&
        MiFindReserved((PUCHAR)BaseAddress + Pages * PAGE_SIZE, Reserved - Pages, TRUE))
        KeBugCheckEx(SYSTEM_PTE_MISUSE, UnmapTooLittle, (ULONG_PTR)BaseAddress, PoolTag, Pages);
    MiUnmapSystemRange(BaseAddress, Pages);
    Mdl->MdlFlags &= ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
}
