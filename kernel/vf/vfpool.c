/*
 * Special pool: each small allocation of a verified driver has a page of its own, at the page's
 * end, and the page behind is not there (or at its beginning, and the page before is not there). So
 * the instruction that writes beyond its memory faults. A freed page stays out of reach for a
 * while, so the instruction that uses freed memory faults, too. Larger allocations come from the
 * pools; all are counted, by driver (WDK: Special Pool, Pool Tracking, Low Resources Simulation).
 *
 * VfPoolLock guards the table and the list of freed blocks. A block's record stays until its
 * address space is used anew.
 */
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/vf/vf.h"
#include "mm/mm.h"
#include "mm/pool.h"

#define TAG_RECORD 'ceRV'
#define TAG_NONE   POOL_TAG('N', 'o', 'n', 'e')
#define BUCKETS    256
#define KEEP_FREED 256 /* freed blocks whose addresses are not used anew yet */
#define PATTERN    0xA5
#define ALIGNMENT  8
#define LARGEST    (PAGE_SIZE - ALIGNMENT)
#define PAGES      2 /* of address space: the block's and the one that is not there */

/* One allocation. */
typedef struct _VF_BLOCK {
    LIST_ENTRY Bucket;
    LIST_ENTRY FreedLink; /* in VfFreed, if Freed */
    PUCHAR Address;
    SIZE_T Bytes;
    ULONG Tag;
    POOL_TYPE Type;
    PLDR_MODULE Module;
    PVOID Caller;
    PUCHAR Page; /* special pool's; NULL: it is from the pools */
    BOOLEAN Freed;
} VF_BLOCK;

BOOLEAN VfCatchUnderruns;

static LIST_ENTRY VfTable[BUCKETS];
static LIST_ENTRY VfFreed = {&VfFreed, &VfFreed}; /* the oldest first */
static ULONG VfFreedCount;
static KSPIN_LOCK VfPoolLock;

VOID VfpInitializePool(VOID)
{
    ULONG i;

    for (i = 0; i < BUCKETS; i++)
        InitializeListHead(&VfTable[i]);
}

static PLIST_ENTRY VfpBucketOf(PVOID Address)
{
    return &VfTable[((ULONG_PTR)Address >> PAGE_SHIFT) % BUCKETS];
}

/* The block at an address exactly, or for Page the one whose page it is. The lock is held. */
static VF_BLOCK *VfpFind(PVOID Address, BOOLEAN Page)
{
    PLIST_ENTRY Head = VfpBucketOf(Address), Link;

    for (Link = Head->Flink; Link != Head; Link = Link->Flink) {
        VF_BLOCK *Block = CONTAINING_RECORD(Link, VF_BLOCK, Bucket);
        if (Page ? Block->Page == PAGE_ALIGN(Address) : Block->Address == Address && !Block->Freed)
            return Block;
    }
    return NULL;
}

/* ---- Allocating -------------------------------------------------------------------------------
 */

/* Where in its page the memory lies: it ends with the page, but for what alignment takes. */
static PUCHAR VfpPlace(PUCHAR Page, SIZE_T Bytes)
{
    return VfCatchUnderruns ? Page : Page + PAGE_SIZE - ALIGN_UP_BY(Bytes, ALIGNMENT);
}

/* A page with one that is not there behind it, or before. FALSE: there is no room. */
static BOOLEAN VfpMakePage(VF_BLOCK *Block)
{
    PUCHAR Space = MiReserveSystemPtes(PAGES);

    if (Space == NULL)
        return FALSE;
    Block->Page = VfCatchUnderruns ? Space + PAGE_SIZE : Space;
    if (!NT_SUCCESS(MiFillSystemRange(Block->Page, 1, UsageNonPaged, FALSE))) {
        MiReleaseSystemPtes(Space, PAGES);
        return FALSE;
    }
    memset(Block->Page, PATTERN, PAGE_SIZE);
    Block->Address = VfpPlace(Block->Page, Block->Bytes);
    return TRUE;
}

static VOID VfpCheckRequest(POOL_TYPE Type, SIZE_T Bytes)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Bytes == 0)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION, "an allocation of no bytes", 0, Irql, Type,
                    Bytes);
    if ((Type & 1) && Irql > APC_LEVEL)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION, "paged pool is allocated above APC_LEVEL",
                    1, Irql, Type, Bytes);
    if (Irql > DISPATCH_LEVEL)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION,
                    "nonpaged pool is allocated above DISPATCH_LEVEL", 2, Irql, Type, Bytes);
}

static VOID VfpRemember(VF_BLOCK *Block)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&VfPoolLock, &OldIrql);
    InsertHeadList(VfpBucketOf(Block->Page ? Block->Page : Block->Address), &Block->Bucket);
    KeReleaseSpinLock(&VfPoolLock, OldIrql);
}

static PVOID VfpTryAllocate(POOL_TYPE Type, SIZE_T Bytes, ULONG Tag, PVOID Caller)
{
    VF_BLOCK *Block;

    if (VfpIsToFail())
        return NULL;
    Block = ExAllocatePoolWithTag(NonPagedPool, sizeof *Block, TAG_RECORD);
    if (Block == NULL)
        return NULL;
    *Block = (VF_BLOCK){.Bytes = Bytes,
                        .Tag = Tag,
                        .Type = Type & 1,
                        .Module = LdrFindModuleByAddress(Caller),
                        .Caller = Caller};
    if (Bytes > LARGEST || !VfpMakePage(Block))
        Block->Address =
            ExAllocatePoolWithTag(Type & ~POOL_RAISE_IF_ALLOCATION_FAILURE, Bytes, Tag);
    if (Block->Address == NULL) {
        ExFreePoolWithTag(Block, TAG_RECORD);
        return NULL;
    }
    VfpRemember(Block);
    return Block->Address;
}

static PVOID VfpAllocate(POOL_TYPE Type, SIZE_T Bytes, ULONG Tag, BOOLEAN Raise, PVOID Caller)
{
    PVOID P;

    VfpCheckRequest(Type, Bytes);
    P = VfpTryAllocate(Type, Bytes, Tag, Caller);
    if (P == NULL && Raise)
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    return P;
}

#define CALLER         __builtin_return_address(0)
#define RAISES(Type)   (((Type)&POOL_RAISE_IF_ALLOCATION_FAILURE) != 0)
#define Q_RAISES(Type) (((Type)&POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) == 0)

PVOID NTAPI VfExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return VfpAllocate(PoolType, NumberOfBytes, TAG_NONE, RAISES(PoolType), CALLER);
}

PVOID NTAPI VfExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return VfpAllocate(PoolType, NumberOfBytes, Tag, RAISES(PoolType), CALLER);
}

PVOID NTAPI VfExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                            EX_POOL_PRIORITY Priority)
{
    UNREFERENCED_PARAMETER(Priority);
    return VfpAllocate(PoolType, NumberOfBytes, Tag, RAISES(PoolType), CALLER);
}

PVOID NTAPI VfExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return VfpAllocate(PoolType & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, NumberOfBytes, TAG_NONE,
                       Q_RAISES(PoolType), CALLER);
}

PVOID NTAPI VfExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return VfpAllocate(PoolType & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, NumberOfBytes, Tag,
                       Q_RAISES(PoolType), CALLER);
}

/* ---- Freeing ----------------------------------------------------------------------------------
 */

static VOID VfpCheckPattern(const VF_BLOCK *Block, PUCHAR From, PUCHAR To, ULONG Kind, PCSTR Text)
{
    for (; From < To; From++) {
        if (*From != PATTERN)
            VfViolation(SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION, Text, (ULONG_PTR)Block->Address,
                        (ULONG_PTR)From, Block->Bytes, Kind);
    }
}

/* What the block does not have of its page must be as it was. */
static VOID VfpCheckBlock(const VF_BLOCK *Block)
{
    PUCHAR End = Block->Address + Block->Bytes;

    VfpCheckPattern(Block, Block->Page, Block->Address, 0x23,
                    "memory before an allocation has been written to");
    VfpCheckPattern(Block, End, Block->Page + PAGE_SIZE, 0x24,
                    "memory behind an allocation has been written to");
}

static VOID VfpReleaseSpace(VF_BLOCK *Block)
{
    MiReleaseSystemPtes(VfCatchUnderruns ? Block->Page - PAGE_SIZE : Block->Page, PAGES);
    ExFreePoolWithTag(Block, TAG_RECORD);
}

/* The block joins the freed ones; if there are many, the oldest's addresses are given back. */
static VOID VfpRetire(VF_BLOCK *Block)
{
    VF_BLOCK *Oldest = NULL;
    KIRQL OldIrql;

    KeAcquireSpinLock(&VfPoolLock, &OldIrql);
    InsertTailList(&VfFreed, &Block->FreedLink);
    if (++VfFreedCount > KEEP_FREED) {
        Oldest = CONTAINING_RECORD(RemoveHeadList(&VfFreed), VF_BLOCK, FreedLink);
        RemoveEntryList(&Oldest->Bucket);
        VfFreedCount--;
    }
    KeReleaseSpinLock(&VfPoolLock, OldIrql);
    if (Oldest)
        VfpReleaseSpace(Oldest);
}

static VOID VfpCheckFree(const VF_BLOCK *Block, PVOID P)
{
    KIRQL Irql = KiGetCurrentIrql();

    if (Block->Type == PagedPool && Irql > APC_LEVEL)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION, "paged pool is freed above APC_LEVEL", 0x11,
                    Irql, PagedPool, (ULONG_PTR)P);
    if (Irql > DISPATCH_LEVEL)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION,
                    "nonpaged pool is freed above DISPATCH_LEVEL", 0x12, Irql, NonPagedPool,
                    (ULONG_PTR)P);
}

/* Takes the record of a block that is being freed. NULL: it is none of ours. */
static VF_BLOCK *VfpTake(PVOID P)
{
    KIRQL OldIrql;
    VF_BLOCK *Block, *Page;

    KeAcquireSpinLock(&VfPoolLock, &OldIrql);
    Block = VfpFind(P, FALSE);
    Page = VfpFind(P, TRUE);
    if (Block) {
        Block->Freed = TRUE;
        if (Block->Page == NULL)
            RemoveEntryList(&Block->Bucket);
    }
    KeReleaseSpinLock(&VfPoolLock, OldIrql);
    if (Block == NULL && Page)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION,
                    Page->Freed ? "memory is freed for the second time"
                                : "an address is freed that was not allocated",
                    Page->Freed ? 0x13 : 0x10, (ULONG_PTR)P, Page->Tag, 0);
    return Block;
}

BOOLEAN VfFreePool(PVOID P, ULONG Tag)
{
    VF_BLOCK *Block = VfpTake(P);

    if (Block == NULL)
        return FALSE;
    VfpCheckFree(Block, P);
    if (Block->Page == NULL) {
        ExFreePoolWithTag(Block, TAG_RECORD);
        return FALSE; /* the pools' own: they go on */
    }
    MiVerifyTag(P, Block->Tag, Tag);
    MiMakeSystemPageValid((ULONG_PTR)Block->Page, TRUE); /* it may be hidden */
    VfpCheckBlock(Block);
    MiEmptySystemRange(Block->Page, 1);
    VfpRetire(Block);
    return TRUE;
}

VOID NTAPI VfExFreePool(PVOID P)
{
    ExFreePoolWithTag(P, 0);
}

VOID NTAPI VfExFreePoolWithTag(PVOID P, ULONG Tag)
{
    ExFreePoolWithTag(P, Tag);
}

/* ---- What is found ----------------------------------------------------------------------------
 */

/* The fault's address is in a freed block's page, or in the one that a block has beside it. */
VOID VfCheckFault(ULONG_PTR Address, ULONG Write, PKTRAP_FRAME Frame)
{
    LONG Beside = VfCatchUnderruns ? PAGE_SIZE : -PAGE_SIZE;
    BOOLEAN Kernel = LdrIsKernelAddress(Frame->Eip);
    VF_BLOCK *Freed, *Near;
    KIRQL OldIrql;

    KeAcquireSpinLock(&VfPoolLock, &OldIrql);
    Freed = VfpFind((PVOID)Address, TRUE);
    Near = VfpFind((PVOID)(Address + Beside), TRUE);
    KeReleaseSpinLock(&VfPoolLock, OldIrql);
    if (Freed)
        KiBugCheckWithFrame(Kernel ? PAGE_FAULT_IN_FREED_SPECIAL_POOL
                                   : DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
                            Address, Write, Frame->Eip, 0, Frame);
    if (Near)
        KiBugCheckWithFrame(Kernel ? PAGE_FAULT_BEYOND_END_OF_ALLOCATION
                                   : DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
                            Address, Write, Frame->Eip, 0, Frame);
}

/* Each block that is left, a line; returns their number. */
ULONG VfpReportLeaks(PLDR_MODULE Module)
{
    PLIST_ENTRY Link;
    ULONG i, Left = 0;

    for (i = 0; i < BUCKETS; i++) {
        for (Link = VfTable[i].Flink; Link != &VfTable[i]; Link = Link->Flink) {
            VF_BLOCK *Block = CONTAINING_RECORD(Link, VF_BLOCK, Bucket);
            if (Block->Module != Module)
                continue;
            if (Block->Freed) {
                Block->Module = NULL; /* the next driver may get its module's address */
                continue;
            }
            Left++;
            KdPrintLine("Verifier: %wZ has left %lu bytes at %p, tag %.4s, allocated at +%lx\n",
                        &Module->BaseDllName, Block->Bytes, Block->Address, (PCSTR)&Block->Tag,
                        (ULONG)((PUCHAR)Block->Caller - (PUCHAR)Module->DllBase));
        }
    }
    return Left;
}

/* Blocks of paged pool are in nonpaged frames; above APC_LEVEL they are not to be reached. */
VOID VfpHidePagedBlocks(VOID)
{
    PLIST_ENTRY Link;
    KIRQL OldIrql;
    ULONG i;

    KeAcquireSpinLock(&VfPoolLock, &OldIrql);
    for (i = 0; i < BUCKETS; i++) {
        for (Link = VfTable[i].Flink; Link != &VfTable[i]; Link = Link->Flink) {
            VF_BLOCK *Block = CONTAINING_RECORD(Link, VF_BLOCK, Bucket);
            if (Block->Page && Block->Type == PagedPool && !Block->Freed)
                MiHideSystemPage(Block->Page);
        }
    }
    KeReleaseSpinLock(&VfPoolLock, OldIrql);
}
