/*
 * Blocks within a page of pool: divide, take, merge, verify.
 *
 *   page   +--------+-----------+--------+------+--------+--------+----------------+
 *          | header | in use    | header | free | header | in use | header | free  |
 *          +--------+-----------+--------+------+--------+--------+----------------+
 *          BlockSize ----------> <---- PreviousSize
 *
 * A page of pool is always divided into blocks without a gap. Each header knows its own size and
 * that of the block before it, so both neighbours are found without a search, and each size is
 * written down twice: an owner that writes past its end destroys the next header, and the two
 * copies no longer agree. Nothing here repairs such damage. It stops the machine (bug check 0x19
 * BAD_POOL_HEADER or 0xC2 BAD_POOL_CALLER), because whatever else was overwritten is not known.
 *
 * What holds whenever the pool's lock is free:
 *   - no two adjacent blocks are both free, and no page is wholly free;
 *   - a free block of n >= 2 units is on ListHeads[n - 1], and bit n - 1 of NonEmpty says that this
 *     list is not empty. A free block of one unit has no room for list links: it is on no list and
 *     is found again when a neighbour is freed.
 *
 * Lock: the caller holds the pool's, at DISPATCH_LEVEL for nonpaged and APC_LEVEL for paged pool.
 * Headers and links of paged pool are pageable, so touching one may fault and wait.
 *
 * Source: WDK, "Bug Check 0x19: BAD_POOL_HEADER", "Bug Check 0xC2: BAD_POOL_CALLER".
 */
#include "mm/pool.h"

static DECLSPEC_NORETURN VOID MiBadHeader(ULONG Code, PVOID Entry, ULONG_PTR Third,
                                          ULONG_PTR Fourth) __attribute__((noreturn));

static VOID MiBadHeader(ULONG Code, PVOID Entry, ULONG_PTR Third, ULONG_PTR Fourth)
{
    KeBugCheckEx(BAD_POOL_HEADER, Code, (ULONG_PTR)Entry, Third, Fourth);
}

static ULONG MiUnitOfPage(PPOOL_HEADER Block)
{
    return BYTE_OFFSET(Block) / POOL_UNIT;
}

/* The header after Block's, or NULL when Block is the last of its page. */
static PPOOL_HEADER MiNextBlock(PPOOL_HEADER Block, ULONG Units)
{
    PPOOL_HEADER Next = Block + Units;
    return MiUnitOfPage(Next) == 0 ? NULL : Next;
}

/* Whether the sizes in the header stay inside the page. Neighbours may be read only if they do. */
static BOOLEAN MiSizesArePossible(PPOOL_HEADER Block)
{
    ULONG Unit = MiUnitOfPage(Block);
    return Block->BlockSize != 0 && Unit + Block->BlockSize <= POOL_UNITS_PER_PAGE &&
           Block->PreviousSize <= Unit && (Block->PreviousSize == 0) == (Unit == 0);
}

static PLIST_ENTRY MiLinks(PPOOL_HEADER Block)
{
    return (PLIST_ENTRY)(Block + 1);
}

VOID MiInitializePoolLists(PPOOL_LISTS Lists)
{
    RtlZeroMemory(Lists->NonEmpty, sizeof(Lists->NonEmpty));
    for (ULONG i = 0; i < POOL_UNITS_PER_PAGE; i++)
        InitializeListHead(&Lists->ListHeads[i]);
}

static VOID MiListBlock(PPOOL_LISTS Lists, PPOOL_HEADER Block)
{
    ULONG Index = Block->BlockSize - 1;

    if (Index == 0)
        return; /* a header alone: no room for links */
    InsertHeadList(&Lists->ListHeads[Index], MiLinks(Block));
    Lists->NonEmpty[Index / 32] |= 1u << Index % 32;
}

/* A link that was overwritten should end in a bug check that says so, not in a page fault here. */
static BOOLEAN MiIsPossibleLink(PPOOL_LISTS Lists, PLIST_ENTRY Link)
{
    if ((ULONG_PTR)Link % sizeof(PVOID) != 0)
        return FALSE;
    if (Link >= Lists->ListHeads && Link < Lists->ListHeads + POOL_UNITS_PER_PAGE)
        return TRUE;
    return MiIsNonPagedPoolAddress(Link) || MiIsPagedPoolAddress(Link);
}

/* Both neighbours must point back at Entry. If not, someone wrote to a block after freeing it. */
static VOID MiVerifyLinks(PPOOL_LISTS Lists, PLIST_ENTRY Entry)
{
    PLIST_ENTRY Flink = Entry->Flink, Blink = Entry->Blink;

    if (!MiIsPossibleLink(Lists, Flink) || !MiIsPossibleLink(Lists, Blink))
        MiBadHeader(3, Entry, (ULONG_PTR)Flink, (ULONG_PTR)Blink);
    if (Flink->Blink != Entry || Blink->Flink != Entry)
        MiBadHeader(3, Entry, (ULONG_PTR)Blink->Flink, (ULONG_PTR)Flink->Blink);
}

static VOID MiUnlistBlock(PPOOL_LISTS Lists, PPOOL_HEADER Block)
{
    ULONG Index = Block->BlockSize - 1;

    if (Index == 0)
        return;
    MiVerifyLinks(Lists, MiLinks(Block));
    RemoveEntryList(MiLinks(Block));
    if (IsListEmpty(&Lists->ListHeads[Index]))
        Lists->NonEmpty[Index / 32] &= ~(1u << Index % 32);
}

/*
 * The first list at Index or above that has a block, or POOL_UNITS_PER_PAGE: the smallest block
 * that is large enough, exact fits included, in at most 16 looks however full or empty the pool is.
 */
static ULONG MiFindList(PPOOL_LISTS Lists, ULONG Index)
{
    ULONG Word = Index / 32;
    ULONG Bits = Lists->NonEmpty[Word] & ~0u << Index % 32;

    while (Bits == 0) {
        if (++Word == RTL_NUMBER_OF(Lists->NonEmpty))
            return POOL_UNITS_PER_PAGE;
        Bits = Lists->NonEmpty[Word];
    }
    return Word * 32 + (ULONG)__builtin_ctz(Bits);
}

/* Writes the header of a free block. The tag stays: it tells a debugger who had the memory last. */
static VOID MiFormatBlock(PPOOL_HEADER Block, ULONG PreviousUnits, ULONG Units)
{
    Block->PreviousSize = PreviousUnits;
    Block->PoolIndex = 0;
    Block->BlockSize = Units;
    Block->PoolType = 0;
}

static VOID MiSetPreviousSize(PPOOL_HEADER Next, ULONG PreviousUnits)
{
    if (Next != NULL)
        Next->PreviousSize = PreviousUnits;
}

/*
 * Divides Total free, unlisted units at Block: up to Alignment - 1 units that stay free, then the
 * block that is wanted, then the rest.
 *
 * The wanted block always comes from the front, so there is one case where taking it from the tail
 * would make two; addresses in a fresh page rise with each allocation, which is easy to watch.
 */
static PPOOL_HEADER MiDivide(PPOOL_LISTS Lists, PPOOL_HEADER Block, ULONG Total, ULONG Units,
                             ULONG Alignment)
{
    ULONG PreviousUnits = Block->PreviousSize;
    ULONG Lead = (0 - (MiUnitOfPage(Block) + 1)) & (Alignment - 1);
    PPOOL_HEADER Taken = Block + Lead, Rest = Taken + Units;
    PPOOL_HEADER Next = MiNextBlock(Block, Total);

    if (Lead != 0) {
        MiFormatBlock(Block, PreviousUnits, Lead);
        MiListBlock(Lists, Block);
        PreviousUnits = Lead;
    }
    MiFormatBlock(Taken, PreviousUnits, Units);
    if (Total == Lead + Units) {
        MiSetPreviousSize(Next, Units);
        return Taken;
    }
    MiFormatBlock(Rest, Units, Total - Lead - Units);
    MiListBlock(Lists, Rest);
    MiSetPreviousSize(Next, Rest->BlockSize);
    return Taken;
}

PPOOL_HEADER MiTakeFreeBlock(PPOOL_LISTS Lists, ULONG Units, ULONG Alignment)
{
    ULONG Index = MiFindList(Lists, Units + (Alignment - 1) - 1);

    if (Index == POOL_UNITS_PER_PAGE)
        return NULL;
    PPOOL_HEADER Block = (PPOOL_HEADER)Lists->ListHeads[Index].Flink - 1;
    if (Block->PoolType != 0 || Block->BlockSize != Index + 1 || !MiSizesArePossible(Block))
        MiBadHeader(0xD, Block, Index + 1, Block->Ulong1); /* changed since it was freed */
    MiVerifyNeighbours(Block);
    MiUnlistBlock(Lists, Block);
    return MiDivide(Lists, Block, Index + 1, Units, Alignment);
}

PPOOL_HEADER MiTakeFromNewPage(PPOOL_LISTS Lists, PVOID Page, ULONG Units, ULONG Alignment)
{
    PPOOL_HEADER Block = Page;

    ASSERT(MiUnitOfPage(Block) == 0 && Units + Alignment <= POOL_UNITS_PER_PAGE);
    Block->PreviousSize = 0;
    return MiDivide(Lists, Block, POOL_UNITS_PER_PAGE, Units, Alignment);
}

/*
 * Merges the block with free neighbours. The headers that vanish in the merged block keep their
 * PoolType of 0: a second free of the same address is recognised by it as long as nobody else has
 * been given the memory.
 */
PVOID MiPutBlock(PPOOL_LISTS Lists, PPOOL_HEADER Block)
{
    ULONG Units = Block->BlockSize;
    PPOOL_HEADER First = Block, Next = MiNextBlock(Block, Units);

    Block->PoolType = 0;
    if (Next != NULL && Next->PoolType == 0) {
        MiUnlistBlock(Lists, Next);
        Units += Next->BlockSize;
    }
    if (Block->PreviousSize != 0 && (Block - Block->PreviousSize)->PoolType == 0) {
        First = Block - Block->PreviousSize;
        MiUnlistBlock(Lists, First);
        Units += First->BlockSize;
    }
    if (Units == POOL_UNITS_PER_PAGE)
        return First; /* a size that no header can hold: wholly free pages are never kept */
    MiFormatBlock(First, First->PreviousSize, Units);
    MiListBlock(Lists, First);
    MiSetPreviousSize(MiNextBlock(First, Units), Units);
    return NULL;
}

VOID MiVerifyNeighbours(PPOOL_HEADER Block)
{
    PPOOL_HEADER Next = MiNextBlock(Block, Block->BlockSize);

    if (Next != NULL && (Next->PreviousSize != Block->BlockSize || !MiSizesArePossible(Next)))
        MiBadHeader(0x20, Block, (ULONG_PTR)Next, Next->Ulong1);
    if (Block->PreviousSize == 0)
        return;
    PPOOL_HEADER Previous = Block - Block->PreviousSize;
    if (Previous->BlockSize != Block->PreviousSize || !MiSizesArePossible(Previous))
        MiBadHeader(5, Previous, 0, (ULONG_PTR)Block);
}

/*
 * Impossible sizes mean that this address never was a block's, or that its header was overwritten:
 * 0x99 stands for both. A block that is free already comes before its neighbours are looked at: it
 * may be part of a larger free block, and its sizes out of date.
 */
VOID MiVerifyUsedBlock(PPOOL_HEADER Block)
{
    if (!MiSizesArePossible(Block) || Block->PoolIndex != 0)
        KeBugCheckEx(BAD_POOL_CALLER, 0x99, (ULONG_PTR)(Block + 1), 0, 0);
    if (Block->PoolType == 0)
        KeBugCheckEx(BAD_POOL_CALLER, 7, 0, Block->Ulong1, (ULONG_PTR)(Block + 1));
    MiVerifyNeighbours(Block);
}

VOID MiVerifyPoolPage(PPOOL_HEADER Block)
{
    PPOOL_HEADER Page = PAGE_ALIGN(Block), Entry = Page;
    ULONG PreviousUnits = 0;
    BOOLEAN Found = FALSE;

    for (; Entry != NULL; Entry = MiNextBlock(Entry, Entry->BlockSize)) {
        if (Entry->PreviousSize != PreviousUnits)
            MiBadHeader(6, Entry, PreviousUnits, Entry->PreviousSize);
        if (Entry->BlockSize == 0)
            MiBadHeader(8, Entry, 0, (ULONG_PTR)Entry);
        if (!MiSizesArePossible(Entry))
            MiBadHeader(9, Entry, 0, Entry->BlockSize);
        Found |= Entry == Block;
        PreviousUnits = Entry->BlockSize;
    }
    if (!Found)
        MiBadHeader(0xA, Block, 0, (ULONG_PTR)Page);
}
