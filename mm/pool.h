/*
 * The executive pools: the shapes that its three files share, and what the rest of the
 * kernel may ask of them. Drivers use the ExAllocatePool family, which the DDK headers declare.
 *
 * pool.c       the interface: who may call it and when, blocks or whole pages
 * poolblock.c  how one page is divided into blocks
 * pooltable.c  usage by tag; which addresses are whole-page allocations
 */
#ifndef MM_POOL_H
#define MM_POOL_H

#include "kernel/nt.h"

/* Four characters as they lie in memory: POOL_TAG('F', 'r', 'e', 'd') shows as "Fred" in a dump. */
#define POOL_TAG(A, B, C, D) ((ULONG)(A) | (ULONG)(B) << 8 | (ULONG)(C) << 16 | (ULONG)(D) << 24)

/*
 * A block's header, just before the memory that its owner gets. The header's size is also the unit
 * in which sizes are counted, and that of a LIST_ENTRY, which lies behind it while the block is
 * free.
 */
typedef struct _POOL_HEADER {
    union {
        struct {
            ULONG PreviousSize : 9; /* units of the block before it; 0 = first of its page */
            ULONG PoolIndex : 7;    /* always 0: there is one pool of each kind */
            ULONG BlockSize : 9;    /* units, header included: 1-511, so never a whole page */
            ULONG PoolType : 7;     /* 0 = free, else the requested type + 1 */
        };
        ULONG Ulong1; /* the same, as bug checks show it */
    };
    ULONG PoolTag; /* of the owner, or of the last one; PROTECTED_POOL is kept in it */
} POOL_HEADER, *PPOOL_HEADER;

C_ASSERT(sizeof(POOL_HEADER) == 8 && sizeof(LIST_ENTRY) == sizeof(POOL_HEADER));

#define POOL_UNIT           sizeof(POOL_HEADER)
#define POOL_UNITS_PER_PAGE (PAGE_SIZE / POOL_UNIT)

/* Larger requests get whole pages. 4080 = a page less one header less one unit (see BlockSize). */
#define POOL_MAX_ALLOC (PAGE_SIZE - 2 * POOL_UNIT)

/* A pool's free blocks of two units or more, by size. Guarded by the pool's lock. */
typedef struct _POOL_LISTS {
    ULONG NonEmpty[POOL_UNITS_PER_PAGE / 32];  /* bit i: ListHeads[i] has a block */
    LIST_ENTRY ListHeads[POOL_UNITS_PER_PAGE]; /* [n - 1]: the free blocks of n units */
} POOL_LISTS, *PPOOL_LISTS;

/* One tag's usage, as NtQuerySystemInformation(SystemPoolTagInformation) gives it to programs. */
typedef struct _SYSTEM_POOLTAG {
    union {
        UCHAR Tag[4];
        ULONG TagUlong;
    };
    ULONG PagedAllocs;
    ULONG PagedFrees;
    SIZE_T PagedUsed; /* bytes, headers and rounding included */
    ULONG NonPagedAllocs;
    ULONG NonPagedFrees;
    SIZE_T NonPagedUsed;
} SYSTEM_POOLTAG, *PSYSTEM_POOLTAG;

C_ASSERT(sizeof(SYSTEM_POOLTAG) == 28);

typedef struct _POOL_PAGE_COUNTS {
    ULONG NonPaged; /* pages of nonpaged pool, those of the big-page table included */
    ULONG Paged;
    ULONG BigPageTable; /* pages that the table of whole-page allocations occupies itself */
} POOL_PAGE_COUNTS, *PPOOL_PAGE_COUNTS;

/*
 * Makes both pools usable. Once, before the first allocation, on one processor.
 * IRQL <= DISPATCH_LEVEL.
 */
VOID ExInitializePools(VOID);

/*
 * Copies the usage of up to Count tags to Tags, and returns how many tags there are. The copy is
 * made tag by tag: each entry is consistent in itself. IRQL <= DISPATCH_LEVEL; Tags may be pageable
 * when the caller is at <= APC_LEVEL.
 */
ULONG MmQueryPoolTags(PSYSTEM_POOLTAG Tags, ULONG Count);

/* How many pages the pools hold now. Any IRQL. */
VOID MmQueryPoolPages(PPOOL_PAGE_COUNTS Counts);

/*
 * Where the pools' pages come from and go back to. BasePoolType is NonPagedPool or PagedPool; there
 * is no other difference on x86 without PAE, which cannot forbid execution (NonPagedPoolNx). Pages
 * are adjacent; NULL when there are none. Called with no pool lock held, at <= DISPATCH_LEVEL for
 * nonpaged and <= APC_LEVEL for paged pool.
 */
PVOID MiAllocatePoolPages(POOL_TYPE BasePoolType, ULONG Pages);
VOID MiFreePoolPages(PVOID Va, ULONG Pages);

/* Whether Va lies in the range of a pool, allocated or not. Any IRQL; touches nothing pageable. */
BOOLEAN MiIsPagedPoolAddress(PVOID Va);
BOOLEAN MiIsNonPagedPoolAddress(PVOID Va);

/*
 * Blocks within pages (poolblock.c). The caller holds the lock of the pool that Lists belongs to,
 * but for MiInitializePoolLists. What these routines find wrong, they report by a bug check.
 */
VOID MiInitializePoolLists(PPOOL_LISTS Lists);

/*
 * Takes a block of Units units whose memory starts at a multiple of Alignment units (a power of
 * two): the smallest free one that is large enough (MiTakeFreeBlock; NULL when there is none), or
 * from a fresh page (MiTakeFromNewPage). It is on no list; the caller sets PoolType and PoolTag at
 * once.
 */
PPOOL_HEADER MiTakeFreeBlock(PPOOL_LISTS Lists, ULONG Units, ULONG Alignment);
PPOOL_HEADER MiTakeFromNewPage(PPOOL_LISTS Lists, PVOID Page, ULONG Units, ULONG Alignment);

/* Frees a block that has been verified. Returns its page if nothing in it is in use any more: the
   page is then on no list and the caller gives it back. Otherwise NULL. */
PVOID MiPutBlock(PPOOL_LISTS Lists, PPOOL_HEADER Block);

/* Stops the machine unless Block is a block in use, or free, that agrees with its neighbours. */
VOID MiVerifyUsedBlock(PPOOL_HEADER Block);
VOID MiVerifyNeighbours(PPOOL_HEADER Block);

/* Walks the page of Block from its start; stops the machine unless its headers divide it without a
   gap and Block is among them. The checked build does so at every free. */
VOID MiVerifyPoolPage(PPOOL_HEADER Block);

/*
 * The tables (pooltable.c). All at <= DISPATCH_LEVEL, with no pool lock held but for MiVerifyTag.
 */
VOID MiInitializePoolTables(VOID);

/* Counts one allocation, or one free, of Bytes under Tag. */
VOID MiTrackAllocation(POOL_TYPE BaseType, ULONG Tag, SIZE_T Bytes);
VOID MiTrackFree(POOL_TYPE BaseType, ULONG Tag, SIZE_T Bytes);

/* Stops the machine unless P, allocated under one tag, may be freed under the other. */
VOID MiVerifyTag(PVOID P, ULONG Allocated, ULONG Freed);

/* A whole-page allocation: its first address, and what there is no header to hold. */
typedef struct _BIG_PAGES {
    PVOID Va; /* NULL: an empty slot of the table */
    ULONG Tag;
    ULONG Pages;
} BIG_PAGES, *PBIG_PAGES;

/* FALSE when the table is full and there are no pages to grow it: the allocation must then fail. */
BOOLEAN MiRememberBigPages(PVOID Va, ULONG Pages, ULONG Tag);

/* Removes and returns the entry for Va; stops the machine if there is none or Tag is not its own.
 */
BIG_PAGES MiForgetBigPages(PVOID Va, ULONG Tag);

/* How many pages were allocated at Va; 0 = it is not the start of a whole-page allocation. */
ULONG MiQueryBigPages(PVOID Va);

/* How many pages the table of these allocations occupies itself. */
ULONG MiQueryBigTablePages(VOID);

#endif
