/*
 * What the pools remember outside of the memory that they hand out: usage by tag, and which
 * addresses are whole-page allocations.
 *
 * Both tables serve both pools, so both are nonpaged, each under a spin lock of its own that is
 * taken at <= DISPATCH_LEVEL, with no other lock held or taken meanwhile:
 *   MiTagLock        MiTrackers: for each tag and pool, Bytes is what is allocated now
 *   MiBigPages.Lock  MiBigPages: an allocation of whole pages is in it before its owner gets the
 *                    address and until it is freed, as there is no header that could tell
 */
#include "mm/pool.h"

/* ---- Usage by tag ------------------------------------------------------------------------- */

typedef struct _POOL_USAGE {
    ULONG Allocs;
    ULONG Frees;
    SIZE_T Bytes;
} POOL_USAGE, *PPOOL_USAGE;

typedef struct _POOL_TRACKER {
    ULONG Key;           /* the tag without PROTECTED_POOL; 0 = not in use */
    POOL_USAGE Usage[2]; /* by base type */
} POOL_TRACKER, *PPOOL_TRACKER;

#define TRACKER_SLOTS 512 /* a power of two */

/* Open addressing, linear probing. An entry stays for good, so a tag that is not found when its
   memory is freed was not found either when it was allocated: both count in the last entry. */
static KSPIN_LOCK MiTagLock;
static POOL_TRACKER MiTrackers[TRACKER_SLOTS + 1] = {
    [TRACKER_SLOTS] = {.Key = POOL_TAG('O', 'v', 'f', 'l')}};

static PPOOL_TRACKER MiFindTracker(ULONG Key)
{
    ULONG Home = (Key * 2654435761u) >> 16; /* Knuth's multiplicative hash */

    for (ULONG i = 0; i < TRACKER_SLOTS; i++) {
        PPOOL_TRACKER Tracker = &MiTrackers[(Home + i) % TRACKER_SLOTS];
        if (Tracker->Key == 0)
            Tracker->Key = Key;
        if (Tracker->Key == Key)
            return Tracker;
    }
    return &MiTrackers[TRACKER_SLOTS];
}

VOID MiTrackAllocation(POOL_TYPE BaseType, ULONG Tag, SIZE_T Bytes)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiTagLock, &OldIrql);
    PPOOL_USAGE Usage = &MiFindTracker(Tag & ~PROTECTED_POOL)->Usage[BaseType];
    Usage->Allocs++;
    Usage->Bytes += Bytes;
    KeReleaseSpinLock(&MiTagLock, OldIrql);
}

VOID MiTrackFree(POOL_TYPE BaseType, ULONG Tag, SIZE_T Bytes)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiTagLock, &OldIrql);
    PPOOL_USAGE Usage = &MiFindTracker(Tag & ~PROTECTED_POOL)->Usage[BaseType];
    Usage->Frees++;
    Usage->Bytes -= Bytes;
    KeReleaseSpinLock(&MiTagLock, OldIrql);
}

/* A copy made under the lock, because the caller's own buffer may be pageable. */
static POOL_TRACKER MiReadTracker(ULONG Slot)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiTagLock, &OldIrql);
    POOL_TRACKER Tracker = MiTrackers[Slot];
    KeReleaseSpinLock(&MiTagLock, OldIrql);
    return Tracker;
}

ULONG MmQueryPoolTags(PSYSTEM_POOLTAG Tags, ULONG Count)
{
    ULONG Found = 0;

    for (ULONG Slot = 0; Slot <= TRACKER_SLOTS; Slot++) {
        POOL_TRACKER Tracker = MiReadTracker(Slot);
        PPOOL_USAGE Paged = &Tracker.Usage[PagedPool], NonPaged = &Tracker.Usage[NonPagedPool];
        if (Paged->Allocs == 0 && NonPaged->Allocs == 0)
            continue;
        if (Found++ < Count)
            *Tags++ = (SYSTEM_POOLTAG){
                {.TagUlong = Tracker.Key}, Paged->Allocs,   Paged->Frees,   Paged->Bytes,
                NonPaged->Allocs,          NonPaged->Frees, NonPaged->Bytes};
    }
    return Found;
}

/*
 * ExFreePool gives no tag (0), which frees anything but what was allocated as PROTECTED_POOL. A tag
 * that is given must be the allocator's; PROTECTED_POOL itself need not be repeated.
 */
VOID MiVerifyTag(PVOID P, ULONG Allocated, ULONG Freed)
{
    BOOLEAN Same = ((Allocated ^ Freed) & ~PROTECTED_POOL) == 0;
    BOOLEAN NoneNeeded = Freed == 0 && (Allocated & PROTECTED_POOL) == 0;

    if (!Same && !NoneNeeded)
        KeBugCheckEx(BAD_POOL_CALLER, 0xA, (ULONG_PTR)P, Allocated, Freed);
}

/* ---- Whole-page allocations --------------------------------------------------------------- */

#define FIRST_BIG_SLOTS 128

/* Open addressing, linear probing, never quite full: an empty slot ends every search. */
static struct {
    KSPIN_LOCK Lock;
    PBIG_PAGES Slots;
    ULONG SlotCount; /* a power of two; it never falls */
    ULONG InUse;
} MiBigPages;
static BIG_PAGES MiFirstBigPages[FIRST_BIG_SLOTS]; /* from the start until the table first grows */

static ULONG MiBigPageHome(PVOID Va)
{
    return ((ULONG)Va >> PAGE_SHIFT) * 2654435761u >> 8;
}

/* The slot that holds Va, or else the empty one where it would go. Caller holds MiBigPages.Lock. */
static PBIG_PAGES MiFindBigSlot(PVOID Va)
{
    ULONG Mask = MiBigPages.SlotCount - 1, i = MiBigPageHome(Va) & Mask;

    while (MiBigPages.Slots[i].Va != NULL && MiBigPages.Slots[i].Va != Va)
        i = (i + 1) & Mask;
    return &MiBigPages.Slots[i];
}

/*
 * Empties a slot and moves up what was placed behind it because it was taken, so that no search
 * stops short. An entry moves into the hole unless its home lies behind the hole (cyclically).
 * Caller holds MiBigPages.Lock.
 */
static VOID MiEmptyBigSlot(PBIG_PAGES Slot)
{
    PBIG_PAGES Slots = MiBigPages.Slots;
    ULONG Mask = MiBigPages.SlotCount - 1, Hole = (ULONG)(Slot - Slots);

    for (ULONG i = (Hole + 1) & Mask; Slots[i].Va != NULL; i = (i + 1) & Mask) {
        ULONG FromHome = (i - MiBigPageHome(Slots[i].Va)) & Mask;
        if (FromHome >= ((i - Hole) & Mask)) {
            Slots[Hole] = Slots[i];
            Hole = i;
        }
    }
    Slots[Hole].Va = NULL;
    MiBigPages.InUse--;
}

/* The first table is part of the kernel image and has no pages of its own. */
static ULONG MiTablePages(ULONG SlotCount)
{
    return SlotCount == FIRST_BIG_SLOTS ? 0 : BYTES_TO_PAGES(SlotCount * sizeof(BIG_PAGES));
}

/* Moves all to Slots, twice the size of the table that it returns. Caller holds MiBigPages.Lock. */
static PBIG_PAGES MiExchangeBigTable(PBIG_PAGES Slots)
{
    PBIG_PAGES Old = MiBigPages.Slots;
    ULONG OldCount = MiBigPages.SlotCount;

    MiBigPages.Slots = Slots;
    MiBigPages.SlotCount = 2 * OldCount;
    for (ULONG i = 0; i < OldCount; i++)
        if (Old[i].Va != NULL)
            *MiFindBigSlot(Old[i].Va) = Old[i];
    return Old;
}

/*
 * Doubles a table of OldCount slots. The pages come before the lock is taken; if another processor
 * has doubled the table meanwhile, they go back. Without pages the table stays as it is.
 */
static VOID MiGrowBigTable(ULONG OldCount)
{
    ULONG Pages = MiTablePages(2 * OldCount), Superfluous = Pages;
    KIRQL OldIrql;
    PBIG_PAGES Slots = MiAllocatePoolPages(NonPagedPool, Pages);

    if (Slots == NULL)
        return;
    RtlZeroMemory(Slots, Pages * PAGE_SIZE);
    KeAcquireSpinLock(&MiBigPages.Lock, &OldIrql);
    if (MiBigPages.SlotCount == OldCount) {
        Slots = MiExchangeBigTable(Slots);
        Superfluous = MiTablePages(OldCount);
    }
    KeReleaseSpinLock(&MiBigPages.Lock, OldIrql);
    if (Superfluous != 0)
        MiFreePoolPages(Slots, Superfluous);
}

/* FALSE when the table is full and cannot grow: the allocation then fails, rather than be lost. */
BOOLEAN MiRememberBigPages(PVOID Va, ULONG Pages, ULONG Tag)
{
    BOOLEAN HasRoom;
    KIRQL OldIrql;
    ULONG SlotCount = MiBigPages.SlotCount;

    if (MiBigPages.InUse >= SlotCount / 4 * 3) /* a guess without the lock; decided with it below */
        MiGrowBigTable(SlotCount);
    KeAcquireSpinLock(&MiBigPages.Lock, &OldIrql);
    HasRoom = MiBigPages.InUse < MiBigPages.SlotCount - 1;
    if (HasRoom) {
        *MiFindBigSlot(Va) = (BIG_PAGES){Va, Tag, Pages};
        MiBigPages.InUse++;
    }
    KeReleaseSpinLock(&MiBigPages.Lock, OldIrql);
    return HasRoom;
}

/* Only what is allocated is known: pages freed twice and pages never allocated are both 0x46. */
BIG_PAGES MiForgetBigPages(PVOID Va, ULONG Tag)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiBigPages.Lock, &OldIrql);
    PBIG_PAGES Slot = MiFindBigSlot(Va);
    BIG_PAGES Found = *Slot;
    if (Found.Va == NULL)
        KeBugCheckEx(BAD_POOL_CALLER, 0x46, (ULONG_PTR)Va, 0, 0);
    MiVerifyTag(Va, Found.Tag, Tag);
    MiEmptyBigSlot(Slot);
    KeReleaseSpinLock(&MiBigPages.Lock, OldIrql);
    return Found;
}

ULONG MiQueryBigPages(PVOID Va)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiBigPages.Lock, &OldIrql);
    PBIG_PAGES Slot = MiFindBigSlot(Va);
    ULONG Pages = Slot->Va == NULL ? 0 : Slot->Pages;
    KeReleaseSpinLock(&MiBigPages.Lock, OldIrql);
    return Pages;
}

ULONG MiQueryBigTablePages(VOID)
{
    return MiTablePages(MiBigPages.SlotCount);
}

VOID MiInitializePoolTables(VOID)
{
    KeInitializeSpinLock(&MiTagLock);
    KeInitializeSpinLock(&MiBigPages.Lock);
    MiBigPages.Slots = MiFirstBigPages;
    MiBigPages.SlotCount = FIRST_BIG_SLOTS;
}
