/*
 * Lookaside lists: free blocks of one size, kept at hand in a sequenced list (WDK: Using Lookaside
 * Lists). Taking from and giving back to a list is inline code of the headers, in the driver; here
 * lists are made and deleted, and their depths follow their use.
 *
 * A list keeps up to Depth free blocks. The balance thread of worker.c looks at the lists once a
 * second: the depth grows by the allocations that found the list empty, and shrinks slowly while
 * there are none. Counts are not exact with several processors: the inline code just adds.
 *
 * In a checked build lists keep nothing: each block goes back to the pool, which looks at it then,
 * and what the kernel knows of the locks in it goes, too (kernel/ke/lockorder.c). Nothing would
 * tell a lock in a block that is kept and used again from the one that was there before.
 *
 * ExpLookasideLock guards the list of lists, and the members that only the balance thread writes.
 * The structures are nonpaged, even those of lists of paged blocks.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"

#if DBG
#define MINIMUM_DEPTH 0
#define MAXIMUM_DEPTH 0
#else
#define MINIMUM_DEPTH 4
#define MAXIMUM_DEPTH EX_MAXIMUM_LOOKASIDE_DEPTH_BASE
#endif

C_ASSERT(sizeof(NPAGED_LOOKASIDE_LIST) == 0x50);
C_ASSERT(sizeof(PAGED_LOOKASIDE_LIST) == 0x68);
C_ASSERT(sizeof(GENERAL_LOOKASIDE_POOL) == 0x48);

static LIST_ENTRY ExpLookasideLists = {&ExpLookasideLists, &ExpLookasideLists};
static KSPIN_LOCK ExpLookasideLock;

/* All kinds of lists begin alike. */
typedef GENERAL_LOOKASIDE_POOL EXP_LOOKASIDE, *PEXP_LOOKASIDE;

/* ---- Depths ------------------------------------------------------------------------------------
 */

static VOID ExpAdjustDepth(PEXP_LOOKASIDE List)
{
    ULONG Misses = List->AllocateMisses - List->LastAllocateMisses;
    ULONG Depth = List->Depth;

    List->LastTotalAllocates = List->TotalAllocates;
    List->LastAllocateMisses = List->AllocateMisses;
    if (Misses != 0)
        List->Depth = (USHORT)min(Depth + min(Misses, MAXIMUM_DEPTH), List->MaximumDepth);
    else if (Depth > MINIMUM_DEPTH)
        List->Depth--;
}

BOOLEAN ExpAdjustLookasideDepths(VOID)
{
    BOOLEAN Any;
    PLIST_ENTRY Link;
    KIRQL OldIrql;

    KeAcquireSpinLock(&ExpLookasideLock, &OldIrql);
    for (Link = ExpLookasideLists.Flink; Link != &ExpLookasideLists; Link = Link->Flink)
        ExpAdjustDepth(CONTAINING_RECORD(Link, EXP_LOOKASIDE, ListEntry));
    Any = !IsListEmpty(&ExpLookasideLists);
    KeReleaseSpinLock(&ExpLookasideLock, OldIrql);
    return Any;
}

/* ---- Making and deleting -----------------------------------------------------------------------
 */

/* A free block must be able to hold a list entry. */
static VOID ExpInitializeLookaside(PEXP_LOOKASIDE List, POOL_TYPE Type, SIZE_T Size, ULONG Tag)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    RtlZeroMemory(List, sizeof *List);
    InitializeSListHead(&List->ListHead);
    List->Depth = MINIMUM_DEPTH;
    List->MaximumDepth = MAXIMUM_DEPTH;
    List->Type = Type;
    List->Tag = Tag;
    List->Size = (ULONG)max(Size, LOOKASIDE_MINIMUM_BLOCK_SIZE);
}

/* From here on the balance thread knows the list. */
static VOID ExpInsertLookaside(PEXP_LOOKASIDE List)
{
    BOOLEAN First;
    KIRQL OldIrql;

    KeAcquireSpinLock(&ExpLookasideLock, &OldIrql);
    First = IsListEmpty(&ExpLookasideLists);
    InsertTailList(&ExpLookasideLists, &List->ListEntry);
    KeReleaseSpinLock(&ExpLookasideLock, OldIrql);
    if (First)
        ExpWakeBalanceThread();
}

static VOID ExpRemoveLookaside(PEXP_LOOKASIDE List)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&ExpLookasideLock, &OldIrql);
    RemoveEntryList(&List->ListEntry);
    KeReleaseSpinLock(&ExpLookasideLock, OldIrql);
}

static VOID ExpInitializeSimple(PGENERAL_LOOKASIDE List, POOL_TYPE Type,
                                PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free, SIZE_T Size,
                                ULONG Tag)
{
    ExpInitializeLookaside((PEXP_LOOKASIDE)List, Type, Size, Tag);
    List->Allocate = Allocate ? Allocate : ExAllocatePoolWithTag;
    List->Free = Free ? Free : ExFreePool;
    ExpInsertLookaside((PEXP_LOOKASIDE)List);
}

/* The nodes of a flushed list may be paged, so this is not under the lock. */
static VOID ExpDeleteSimple(PGENERAL_LOOKASIDE List)
{
    PSLIST_ENTRY Entry, Next;

    ExpRemoveLookaside((PEXP_LOOKASIDE)List);
    for (Entry = ExInterlockedFlushSList(&List->ListHead); Entry; Entry = Next) {
        Next = Entry->Next;
        List->Free(Entry);
    }
}

/*
 * Makes a list of nonpaged blocks (WDK: ExInitializeNPagedLookasideList). Allocate and Free NULL:
 * the pool's. Flags: 0, or POOL_RAISE_IF_ALLOCATION_FAILURE; Depth is reserved.
 * IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside,
                                           PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free,
                                           ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    UNREFERENCED_PARAMETER(Depth);
    Lookaside->Lock__ObsoleteButDoNotDelete = 0;
    ExpInitializeSimple(&Lookaside->L, (POOL_TYPE)(NonPagedPool | Flags), Allocate, Free, Size,
                        Tag);
}

/* The same with paged blocks: to be taken and given back at IRQL <= APC_LEVEL. */
VOID NTAPI ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside,
                                          PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free,
                                          ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    UNREFERENCED_PARAMETER(Depth);
    KI_ASSERT_IRQL(APC_LEVEL);
    ExInitializeFastMutex(&Lookaside->Lock__ObsoleteButDoNotDelete);
    ExpInitializeSimple(&Lookaside->L, (POOL_TYPE)(PagedPool | Flags), Allocate, Free, Size, Tag);
}

/* Frees what the list holds. Blocks that are in use are their users' to free. */
VOID NTAPI ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ExpDeleteSimple(&Lookaside->L);
}

VOID NTAPI ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    ExpDeleteSimple(&Lookaside->L);
}

/*
 * For drivers that do not have the inline routines: exported as ExAllocateFromPaged...
 * IRQL <= APC_LEVEL.
 */
PVOID NTAPI ExpAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    return ExAllocateFromPagedLookasideList(Lookaside);
}

VOID NTAPI ExpFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    ExFreeToPagedLookasideList(Lookaside, Entry);
}

/* ---- LOOKASIDE_LIST_EX -------------------------------------------------------------------------
 */

static PVOID NTAPI ExpAllocateEx(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                 PLOOKASIDE_LIST_EX Lookaside)
{
    UNREFERENCED_PARAMETER(Lookaside);
    if (PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE)
        return ExAllocatePoolWithQuotaTag(PoolType, NumberOfBytes, Tag);
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}

static VOID NTAPI ExpFreeEx(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside)
{
    UNREFERENCED_PARAMETER(Lookaside);
    ExFreePool(Buffer);
}

/*
 * Makes a list of blocks of either pool, whose Allocate and Free are told the list (WDK:
 * ExInitializeLookasideListEx). Flags: at most one of EX_LOOKASIDE_LIST_EX_FLAGS_*.
 * IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside,
                                           PALLOCATE_FUNCTION_EX Allocate, PFREE_FUNCTION_EX Free,
                                           POOL_TYPE PoolType, ULONG Flags, SIZE_T Size, ULONG Tag,
                                           USHORT Depth)
{
    ULONG Type = PoolType;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Depth != 0)
        return STATUS_INVALID_PARAMETER_8;
    if (Flags > EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE)
        return STATUS_INVALID_PARAMETER_5;
    if (Flags & EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL)
        Type |= POOL_RAISE_IF_ALLOCATION_FAILURE;
    if (Flags & EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE)
        Type |= POOL_QUOTA_FAIL_INSTEAD_OF_RAISE;
    ExpInitializeLookaside(&Lookaside->L, (POOL_TYPE)Type, Size, Tag);
    Lookaside->L.AllocateEx = Allocate ? Allocate : ExpAllocateEx;
    Lookaside->L.FreeEx = Free ? Free : ExpFreeEx;
    ExpInsertLookaside(&Lookaside->L);
    return STATUS_SUCCESS;
}

/* Frees what the list holds; it goes on. IRQL <= DISPATCH_LEVEL; paged blocks: <= APC_LEVEL. */
VOID NTAPI ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    PSLIST_ENTRY Entry, Next;

    KI_ASSERT_IRQL(Lookaside->L.Type & PagedPool ? APC_LEVEL : DISPATCH_LEVEL);
    for (Entry = ExInterlockedFlushSList(&Lookaside->L.ListHead); Entry; Entry = Next) {
        Next = Entry->Next;
        Lookaside->L.FreeEx(Entry, Lookaside);
    }
}

/* The same, and it is no list any more. */
VOID NTAPI ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    KI_ASSERT_IRQL(Lookaside->L.Type & PagedPool ? APC_LEVEL : DISPATCH_LEVEL);
    ExpRemoveLookaside(&Lookaside->L);
    ExFlushLookasideListEx(Lookaside);
}
