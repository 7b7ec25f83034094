/*
 * The executive pools: the memory that kernel and drivers allocate by the byte.
 *
 * There are two, nonpaged and paged. A request of up to POOL_MAX_ALLOC bytes is a block within one
 * page (poolblock.c); a larger one is whole pages without a header, remembered in a table
 * (pooltable.c). Every allocation carries its owner's tag, and usage is counted by tag.
 *
 * What holds: each page of pool is either divided into blocks or part of a whole-page allocation
 * that the table knows; a page with nothing in use goes back at once.
 *
 * Locks, none of which is ever held while another is taken:
 *   MiPools[].SpinLock   lists and headers of nonpaged pool; taken at <= DISPATCH_LEVEL
 *   MiPools[].Mutex      lists and headers of paged pool; a fast mutex, since the headers are
 *                        pageable: a page fault under it waits, at APC_LEVEL. So whoever resolves
 *                        a page fault must not allocate or free paged pool.
 *   those of the tables  nonpaged, and private to pooltable.c
 * Pages are obtained and given back with none of them held. Page counts are interlocked.
 *
 * A caller's mistake stops the machine with 0xC2 BAD_POOL_CALLER, in every build.
 *
 * Source: WDK, "ExAllocatePoolWithTag", "ExFreePoolWithTag", "POOL_TYPE",
 * "Bug Check 0xC2: BAD_POOL_CALLER".
 */
#include "mm/pool.h"
#include "kernel/vf/vf.h"
#include "kernel/ke/lockcheck.h"

typedef struct _POOL_DESCRIPTOR {
    POOL_TYPE BaseType; /* NonPagedPool or PagedPool: which of the locks is in use */
    KSPIN_LOCK SpinLock;
    FAST_MUTEX Mutex;
    POOL_LISTS Lists; /* guarded by that lock, as are the headers in this pool's pages */
    volatile LONG Pages;
} POOL_DESCRIPTOR, *PPOOL_DESCRIPTOR;

static POOL_DESCRIPTOR MiPools[2] = {{.BaseType = NonPagedPool}, {.BaseType = PagedPool}};

#define CACHE_LINE_UNITS (64 / POOL_UNIT)
#define TAG_NONE         POOL_TAG('N', 'o', 'n', 'e') /* of who allocates without naming one */
#define TAG_BIG          POOL_TAG('B', 'I', 'G', ' ') /* reserved by Windows */

/* What memory holds before its owner writes to it, and after it was freed (checked build). */
#define FRESH_PATTERN 0xCD
#define FREED_PATTERN 0xDD

static POOL_TYPE MiBaseType(POOL_TYPE PoolType)
{
    return PoolType & 1 ? PagedPool : NonPagedPool;
}

/* ---- Pages -------------------------------------------------------------------------------- */

static PVOID MiGetPages(PPOOL_DESCRIPTOR Pool, ULONG Pages)
{
    PVOID Va = MiAllocatePoolPages(Pool->BaseType, Pages);

    ASSERT(BYTE_OFFSET(Va) == 0);
    if (Va != NULL)
        InterlockedExchangeAdd(&Pool->Pages, (LONG)Pages);
    return Va;
}

static VOID MiPutPages(PPOOL_DESCRIPTOR Pool, PVOID Va, ULONG Pages)
{
    InterlockedExchangeAdd(&Pool->Pages, -(LONG)Pages);
    MiFreePoolPages(Va, Pages);
}

/* ---- Rules for callers -------------------------------------------------------------------- */

/* Types 2, 3, 6 and 7 have the must-succeed bit: Windows refuses 2 and 6; 3 and 7 mean nothing. */
static VOID MiCheckRequest(POOL_TYPE PoolType, SIZE_T Bytes, ULONG Tag, PVOID Caller)
{
    KIRQL Irql = KeGetCurrentIrql();
    ULONG Key = Tag & ~PROTECTED_POOL;

    if (Irql > (MiBaseType(PoolType) == PagedPool ? APC_LEVEL : DISPATCH_LEVEL))
        KeBugCheckEx(BAD_POOL_CALLER, 8, Irql, PoolType, Bytes);
    if (PoolType & NonPagedPoolMustSucceed)
        KeBugCheckEx(BAD_POOL_CALLER, 0x9A, PoolType, Bytes, Tag);
    if (Key == 0)
        KeBugCheckEx(BAD_POOL_CALLER, 0x9B, PoolType, Bytes, (ULONG_PTR)Caller);
    if (Key == TAG_BIG)
        KeBugCheckEx(BAD_POOL_CALLER, 0x9C, PoolType, Bytes, (ULONG_PTR)Caller);
}

/* Finds the pool that P, which the caller wants freed, lies in. Reads nothing at P. */
static PPOOL_DESCRIPTOR MiCheckAddress(PVOID P)
{
    KIRQL Irql = KeGetCurrentIrql();
    POOL_TYPE BaseType = MiIsPagedPoolAddress(P) ? PagedPool : NonPagedPool;

    if (P < MM_SYSTEM_RANGE_START)
        KeBugCheckEx(BAD_POOL_CALLER, 0x40, (ULONG_PTR)P, (ULONG_PTR)MM_SYSTEM_RANGE_START, 0);
    if (BaseType == NonPagedPool && !MiIsNonPagedPoolAddress(P))
        KeBugCheckEx(BAD_POOL_CALLER, 0x42, (ULONG_PTR)P, 0, 0);
    if (Irql > (BaseType == PagedPool ? APC_LEVEL : DISPATCH_LEVEL))
        KeBugCheckEx(BAD_POOL_CALLER, 9, Irql, BaseType, (ULONG_PTR)P);
    if ((ULONG_PTR)P % POOL_UNIT != 0)
        KeBugCheckEx(BAD_POOL_CALLER, 0x99, (ULONG_PTR)P, 0, 0);
    return &MiPools[BaseType];
}

/* ---- Blocks ------------------------------------------------------------------------------- */

static KIRQL MiLockPool(PPOOL_DESCRIPTOR Pool)
{
    KIRQL OldIrql = PASSIVE_LEVEL;

    if (Pool->BaseType == PagedPool)
        ExAcquireFastMutex(&Pool->Mutex);
    else
        KeAcquireSpinLock(&Pool->SpinLock, &OldIrql);
    return OldIrql;
}

static VOID MiUnlockPool(PPOOL_DESCRIPTOR Pool, KIRQL OldIrql)
{
    if (Pool->BaseType == PagedPool)
        ExReleaseFastMutex(&Pool->Mutex);
    else
        KeReleaseSpinLock(&Pool->SpinLock, OldIrql);
}

/* A block that is free now or, if Page is given, one at the front of that fresh page. */
static PPOOL_HEADER MiTakeBlock(PPOOL_DESCRIPTOR Pool, PVOID Page, ULONG Units, POOL_TYPE PoolType,
                                ULONG Tag)
{
    ULONG Alignment = PoolType & NonPagedPoolCacheAligned ? CACHE_LINE_UNITS : 1;
    KIRQL OldIrql = MiLockPool(Pool);
    PPOOL_HEADER Block = Page == NULL ? MiTakeFreeBlock(&Pool->Lists, Units, Alignment)
                                      : MiTakeFromNewPage(&Pool->Lists, Page, Units, Alignment);

    if (Block != NULL) {
        Block->PoolType = (PoolType & PagedPoolCacheAligned) + 1;
        Block->PoolTag = Tag;
    }
    MiUnlockPool(Pool, OldIrql);
    return Block;
}

/* The page is fetched with no lock held. A block that was freed meanwhile is for the next caller.
 */
static PVOID MiAllocateBlock(PPOOL_DESCRIPTOR Pool, POOL_TYPE PoolType, SIZE_T Bytes, ULONG Tag)
{
    ULONG Units = (Bytes + sizeof(POOL_HEADER) + POOL_UNIT - 1) / POOL_UNIT;
    PPOOL_HEADER Block = MiTakeBlock(Pool, NULL, Units, PoolType, Tag);

    if (Block == NULL) {
        PVOID Page = MiGetPages(Pool, 1);
        if (Page == NULL)
            return NULL;
        Block = MiTakeBlock(Pool, Page, Units, PoolType, Tag);
    }
    MiTrackAllocation(Pool->BaseType, Tag, Units * POOL_UNIT);
#if DBG
    RtlFillMemory(Block + 1, (Units - 1) * POOL_UNIT, FRESH_PATTERN);
#endif
    return Block + 1;
}

static VOID MiFreeBlock(PPOOL_DESCRIPTOR Pool, PVOID P, ULONG Tag)
{
    PPOOL_HEADER Block = (PPOOL_HEADER)P - 1;
    KIRQL OldIrql = MiLockPool(Pool);

    MiVerifyUsedBlock(Block);
#if DBG
    MiVerifyPoolPage(Block);
#endif
    if (MiBaseType(Block->PoolType - 1) != Pool->BaseType)
        KeBugCheckEx(BAD_POOL_CALLER, 0x99, (ULONG_PTR)P, 0, 0);
    MiVerifyTag(P, Block->PoolTag, Tag);
    ULONG AllocatedTag = Block->PoolTag, Bytes = Block->BlockSize * POOL_UNIT;
#if DBG
    RtlFillMemory(P, Bytes - sizeof(POOL_HEADER), FREED_PATTERN);
    KiForgetLocksIn(P, Bytes - sizeof(POOL_HEADER));
#endif
    PVOID EmptyPage = MiPutBlock(&Pool->Lists, Block);
    MiUnlockPool(Pool, OldIrql);
    MiTrackFree(Pool->BaseType, AllocatedTag, Bytes);
    if (EmptyPage != NULL)
        MiPutPages(Pool, EmptyPage, 1);
}

/* ---- Whole pages -------------------------------------------------------------------------- */

static PVOID MiAllocateBig(PPOOL_DESCRIPTOR Pool, SIZE_T Bytes, ULONG Tag)
{
    ULONG Pages = BYTES_TO_PAGES(Bytes);
    PVOID Va;

    if (Bytes > (SIZE_T)MAXLONG) /* more than all system space */
        return NULL;
    Va = MiGetPages(Pool, Pages);
    if (Va == NULL)
        return NULL;
    if (!MiRememberBigPages(Va, Pages, Tag)) {
        MiPutPages(Pool, Va, Pages);
        return NULL;
    }
    MiTrackAllocation(Pool->BaseType, Tag, Pages * PAGE_SIZE);
#if DBG
    if (Pool->BaseType == NonPagedPool) /* paged pool gets its frames when the owner touches it */
        RtlFillMemory(Va, Bytes, FRESH_PATTERN);
#endif
    return Va;
}

static VOID MiFreeBig(PPOOL_DESCRIPTOR Pool, PVOID P, ULONG Tag)
{
    BIG_PAGES Freed = MiForgetBigPages(P, Tag);

    KiForgetLocksIn(P, Freed.Pages * PAGE_SIZE);
    MiTrackFree(Pool->BaseType, Freed.Tag, Freed.Pages * PAGE_SIZE);
    MiPutPages(Pool, P, Freed.Pages);
}

/* ---- Interface ---------------------------------------------------------------------------- */

VOID ExInitializePools(VOID)
{
    for (ULONG i = 0; i < RTL_NUMBER_OF(MiPools); i++) {
        KeInitializeSpinLock(&MiPools[i].SpinLock);
        ExInitializeFastMutex(&MiPools[i].Mutex);
        MiInitializePoolLists(&MiPools[i].Lists);
    }
    MiInitializePoolTables();
}

VOID MmQueryPoolPages(PPOOL_PAGE_COUNTS Counts)
{
    Counts->BigPageTable = MiQueryBigTablePages();
    Counts->NonPaged = (ULONG)MiPools[NonPagedPool].Pages + Counts->BigPageTable;
    Counts->Paged = (ULONG)MiPools[PagedPool].Pages;
}

/* The largest request that is a block. Aligning may cost CACHE_LINE_UNITS - 1 units of its page. */
static SIZE_T MiLargestBlock(POOL_TYPE PoolType)
{
    if (PoolType & NonPagedPoolCacheAligned)
        return POOL_MAX_ALLOC - (CACHE_LINE_UNITS - 1) * POOL_UNIT;
    return POOL_MAX_ALLOC;
}

/* What all of the allocating routines do. Caller is the address that they return to. */
static PVOID MiAllocatePool(POOL_TYPE PoolType, SIZE_T Bytes, ULONG Tag, PVOID Caller)
{
    PPOOL_DESCRIPTOR Pool = &MiPools[MiBaseType(PoolType)];
    PVOID P;

    MiCheckRequest(PoolType, Bytes, Tag, Caller);
    if (Bytes == 0)
        Bytes = 1; /* an address of its own, which can be freed; Windows does the same */
    if (Bytes > MiLargestBlock(PoolType))
        P = MiAllocateBig(Pool, Bytes, Tag);
    else
        P = MiAllocateBlock(Pool, PoolType, Bytes, Tag);
    if (P == NULL && (PoolType & POOL_RAISE_IF_ALLOCATION_FAILURE))
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    return P;
}

/*
 * Allocates NumberOfBytes, not cleared, aligned to 8 bytes and within one page; from 4081 bytes on,
 * whole pages (the documentation promises it from PAGE_SIZE). NULL when there is no memory, or
 * STATUS_INSUFFICIENT_RESOURCES raised with POOL_RAISE_IF_ALLOCATION_FAILURE; POOL_COLD_ALLOCATION
 * and session bits are accepted and mean nothing here. Cache-aligned types: a multiple of 64 bytes.
 * IRQL <= DISPATCH_LEVEL for nonpaged, <= APC_LEVEL for paged pool, which may wait.
 */
PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return MiAllocatePool(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
}

PVOID NTAPI ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return MiAllocatePool(PoolType, NumberOfBytes, TAG_NONE, __builtin_return_address(0));
}

/* The priority says who should fail first when memory is short. Here all fail only when there is
   none, which the documentation allows; the special-pool bits in it are a request, too. */
PVOID NTAPI ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                          EX_POOL_PRIORITY Priority)
{
    UNREFERENCED_PARAMETER(Priority);
    return MiAllocatePool(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
}

/* The quota routines raise unless told otherwise, the reverse of the others. */
static POOL_TYPE MiQuotaType(POOL_TYPE PoolType)
{
    if (PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE)
        return PoolType & ~POOL_RAISE_IF_ALLOCATION_FAILURE;
    return PoolType | POOL_RAISE_IF_ALLOCATION_FAILURE;
}

/* As ExAllocatePoolWithTag. Processes have no quota limits, so nothing is charged to one. */
PVOID NTAPI ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    PVOID Caller = __builtin_return_address(0);
    return MiAllocatePool(MiQuotaType(PoolType), NumberOfBytes, Tag, Caller);
}

PVOID NTAPI ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    PVOID Caller = __builtin_return_address(0);
    return MiAllocatePool(MiQuotaType(PoolType), NumberOfBytes, TAG_NONE, Caller);
}

/*
 * Frees what any of the routines above returned. Tag is the one it was allocated with, or 0.
 * IRQL <= DISPATCH_LEVEL for nonpaged, <= APC_LEVEL for paged pool, which may wait.
 */
VOID NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    PPOOL_DESCRIPTOR Pool;

    if (__builtin_expect(VfActive, FALSE) && VfFreePool(P, Tag))
        return;
    Pool = MiCheckAddress(P);
    if (BYTE_OFFSET(P) == 0)
        MiFreeBig(Pool, P, Tag); /* a block's memory never starts a page: its header would */
    else
        MiFreeBlock(Pool, P, Tag);
}

VOID NTAPI ExFreePool(PVOID P)
{
    ExFreePoolWithTag(P, 0);
}

/*
 * How many bytes the owner of PoolBlock may use: at least what was asked for. The block must be
 * allocated and stay so during the call. IRQL as for ExFreePoolWithTag.
 */
SIZE_T NTAPI ExQueryPoolBlockSize(PVOID PoolBlock, PBOOLEAN QuotaCharged)
{
    *QuotaCharged = FALSE;
    if (BYTE_OFFSET(PoolBlock) == 0)
        return MiQueryBigPages(PoolBlock) * PAGE_SIZE;
    return (((PPOOL_HEADER)PoolBlock - 1)->BlockSize - 1) * POOL_UNIT;
}
