/*
 * The executive pools on the host: blocks, whole pages, tags, and each mistake that they must
 * catch.
 *
 * The stubs below hold the pool to its rules for locks: at most one at a time, none while pages are
 * fetched or given back, and no paged pool touched under a spin lock (its pages are made
 * inaccessible then). Pages that were given back are poisoned, so touching one ends the test.
 */
#include "kernel/nt.h"
#include "tests/unit/unit.h"
#include "mm/poolblock.c"
#include "mm/pooltable.c"
#include "mm/pool.c"

/* The C library's, under names that do not meet the Windows headers' own. */
extern int HostSetjmp(void *) __asm__("_setjmp") __attribute__((returns_twice));
extern void HostLongjmp(void *, int) __asm__("longjmp") __attribute__((noreturn));
extern int mprotect(void *, unsigned, int);
extern void *memset(void *, int, unsigned);
extern void __asan_poison_memory_region(void const volatile *, unsigned);
extern void __asan_unpoison_memory_region(void const volatile *, unsigned);

/* Nothing here comes from malloc, and the leak checker fails on inaccessible pages. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* ---- The stand-in for the rest of the kernel ----------------------------------------------- */

#define ARENA_PAGES 4096

typedef struct _ARENA {
    UCHAR Memory[ARENA_PAGES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
    UCHAR Owned[ARENA_PAGES * POOL_UNITS_PER_PAGE]; /* the model: units given to an owner */
    BOOLEAN InUse[ARENA_PAGES];
    ULONG PagesInUse;
    ULONG Hint; /* where the search for free pages begins */
} ARENA;

static ARENA Arenas[2]; /* by base pool type */
PVOID MmSystemRangeStart = (PVOID)0x10000;

static KIRQL CurrentIrql;
static PVOID SpinLockHeld, MutexHeld;
static BOOLEAN GuardPagedPool = TRUE; /* inaccessible under a spin lock; it takes its time */
static ULONG PagesLeft = MAXULONG;    /* how many more page requests succeed */
static VOID (*WhilePagesAreFetched)(VOID);

static ULONG Escape[64];
static BOOLEAN StopExpected;
static ULONG_PTR
    Stop[5]; /* bug check code and parameters; Stop[0] is the status if one was raised */

static VOID Leave(VOID)
{
    if (!StopExpected) {
        printf("unexpected stop %x (%x, %x, %x, %x)\n", (unsigned)Stop[0], (unsigned)Stop[1],
               (unsigned)Stop[2], (unsigned)Stop[3], (unsigned)Stop[4]);
        exit(1);
    }
    SpinLockHeld = MutexHeld = NULL;
    CurrentIrql = PASSIVE_LEVEL;
    mprotect(Arenas[PagedPool].Memory, sizeof(Arenas[PagedPool].Memory), 3);
    HostLongjmp(Escape, 1);
}

VOID NTAPI KeBugCheckEx(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4)
{
    Stop[0] = Code, Stop[1] = P1, Stop[2] = P2, Stop[3] = P3, Stop[4] = P4;
    Leave();
    exit(1);
}

VOID NTAPI ExRaiseStatus(NTSTATUS Status)
{
    Stop[0] = (ULONG)Status;
    Leave();
    exit(1);
}

/* No driver is verified here. */
BOOLEAN VfActive;

BOOLEAN VfFreePool(PVOID P, ULONG Tag)
{
    UNREFERENCED_PARAMETER(P);
    UNREFERENCED_PARAMETER(Tag);
    return FALSE;
}

/* The checked kernel learns the order of locks; here there is none to forget. */
VOID KiForgetLocksIn(PVOID Start, SIZE_T Bytes)
{
    (void)Start, (void)Bytes;
}

VOID NTAPI RtlAssert(PVOID Text, PVOID File, ULONG Line, PCHAR Message)
{
    (void)Message;
    printf("%s:%lu: assertion %s\n", (char *)File, (unsigned long)Line, (char *)Text);
    exit(1);
}

/* Runs a statement that must end in a bug check or an exception; what it was is in Stop. Loop
   counters around it are volatile: the compiler cannot see that nothing changes them meanwhile. */
#define STOPS(Statement)                                                                           \
    do {                                                                                           \
        StopExpected = TRUE;                                                                       \
        if (HostSetjmp(Escape) == 0) {                                                             \
            Statement;                                                                             \
            printf("%s:%d: did not stop: %s\n", __FILE__, __LINE__, #Statement);                   \
            exit(1);                                                                               \
        }                                                                                          \
        StopExpected = FALSE;                                                                      \
    } while (0)

static BOOLEAN Stopped(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4)
{
    if (Stop[0] == Code && Stop[1] == P1 && Stop[2] == P2 && Stop[3] == P3 && Stop[4] == P4)
        return TRUE;
    printf("stopped with %x (%x, %x, %x, %x)\n", (unsigned)Stop[0], (unsigned)Stop[1],
           (unsigned)Stop[2], (unsigned)Stop[3], (unsigned)Stop[4]);
    return FALSE;
}

KIRQL NTAPI KeGetCurrentIrql(VOID)
{
    return CurrentIrql;
}

KIRQL FASTCALL KfAcquireSpinLock(PKSPIN_LOCK SpinLock)
{
    KIRQL OldIrql = CurrentIrql;

    CHECK(SpinLockHeld == NULL && MutexHeld == NULL && CurrentIrql <= DISPATCH_LEVEL);
    SpinLockHeld = SpinLock;
    CurrentIrql = DISPATCH_LEVEL;
    if (GuardPagedPool)
        mprotect(Arenas[PagedPool].Memory, sizeof(Arenas[PagedPool].Memory), 0);
    return OldIrql;
}

VOID FASTCALL KfReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    CHECK(SpinLockHeld == SpinLock);
    SpinLockHeld = NULL;
    CurrentIrql = NewIrql;
    if (GuardPagedPool)
        mprotect(Arenas[PagedPool].Memory, sizeof(Arenas[PagedPool].Memory), 3);
}

VOID NTAPI KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    (void)Event, (void)Type, (void)State;
}

VOID FASTCALL ExiAcquireFastMutex(PFAST_MUTEX Mutex)
{
    CHECK(SpinLockHeld == NULL && MutexHeld == NULL && CurrentIrql <= APC_LEVEL);
    MutexHeld = Mutex;
    Mutex->OldIrql = CurrentIrql;
    CurrentIrql = APC_LEVEL;
}

VOID FASTCALL ExiReleaseFastMutex(PFAST_MUTEX Mutex)
{
    CHECK(MutexHeld == Mutex);
    MutexHeld = NULL;
    CurrentIrql = (KIRQL)Mutex->OldIrql;
}

static ULONG FindPages(ARENA *Arena, ULONG Pages)
{
    ULONG Run = 0;

    for (ULONG i = 0; i < 2 * ARENA_PAGES; i++) {
        ULONG Page = (Arena->Hint + i) % ARENA_PAGES;
        Run = Page == 0 ? 0 : Run;
        Run = Arena->InUse[Page] ? 0 : Run + 1;
        if (Run == Pages)
            return Page + 1 - Pages;
    }
    return ARENA_PAGES;
}

PVOID MiAllocatePoolPages(POOL_TYPE BasePoolType, ULONG Pages)
{
    ARENA *Arena = &Arenas[BasePoolType];
    VOID (*Meanwhile)(VOID) = WhilePagesAreFetched;

    CHECK(SpinLockHeld == NULL && MutexHeld == NULL);
    CHECK(Pages != 0 && Pages <= 0x80000); /* 2 GB: all system space */
    CHECK(CurrentIrql <= (BasePoolType == PagedPool ? APC_LEVEL : DISPATCH_LEVEL));
    WhilePagesAreFetched = NULL;
    if (Meanwhile != NULL)
        Meanwhile();
    if (PagesLeft == 0)
        return NULL;
    PagesLeft -= PagesLeft != MAXULONG;
    ULONG First = FindPages(Arena, Pages);
    if (First == ARENA_PAGES)
        return NULL;
    memset(&Arena->InUse[First], TRUE, Pages);
    Arena->PagesInUse += Pages;
    Arena->Hint = First;
    __asan_unpoison_memory_region(Arena->Memory[First], Pages * PAGE_SIZE);
    memset(Arena->Memory[First], 0xA5, Pages * PAGE_SIZE);
    return Arena->Memory[First];
}

VOID MiFreePoolPages(PVOID Va, ULONG Pages)
{
    ARENA *Arena = &Arenas[MiIsPagedPoolAddress(Va)];
    ULONG First = (ULONG)((UCHAR *)Va - Arena->Memory[0]) / PAGE_SIZE;

    CHECK(SpinLockHeld == NULL && MutexHeld == NULL && BYTE_OFFSET(Va) == 0);
    for (ULONG i = First; i < First + Pages; i++) {
        CHECK(Arena->InUse[i]);
        Arena->InUse[i] = FALSE;
    }
    Arena->PagesInUse -= Pages;
    __asan_poison_memory_region(Va, Pages * PAGE_SIZE);
}

static BOOLEAN IsInArena(PVOID Va, POOL_TYPE BaseType)
{
    return (ULONG)Va - (ULONG)Arenas[BaseType].Memory < ARENA_PAGES * PAGE_SIZE;
}

BOOLEAN MiIsPagedPoolAddress(PVOID Va)
{
    return IsInArena(Va, PagedPool);
}

BOOLEAN MiIsNonPagedPoolAddress(PVOID Va)
{
    return IsInArena(Va, NonPagedPool);
}

/* ---- Helpers ------------------------------------------------------------------------------- */

#define TEST_TAG  POOL_TAG('T', 'e', 's', 't')
#define OTHER_TAG POOL_TAG('O', 't', 'h', 'r')

static PUCHAR Allocate(POOL_TYPE PoolType, SIZE_T Bytes)
{
    return ExAllocatePoolWithTag(PoolType, Bytes, TEST_TAG);
}

static PPOOL_HEADER HeaderOf(PVOID P)
{
    return (PPOOL_HEADER)P - 1;
}

/* Every page that the pools say they have was fetched and not given back; without allocations there
   is none but the table's own. */
static VOID CheckPageCounts(VOID)
{
    POOL_PAGE_COUNTS Counts;

    MmQueryPoolPages(&Counts);
    CHECK(Counts.NonPaged == Arenas[NonPagedPool].PagesInUse);
    CHECK(Counts.Paged == Arenas[PagedPool].PagesInUse);
}

static VOID CheckNothingIsAllocated(VOID)
{
    static SYSTEM_POOLTAG Tags[TRACKER_SLOTS + 1];
    POOL_PAGE_COUNTS Counts;
    ULONG Count = MmQueryPoolTags(Tags, RTL_NUMBER_OF(Tags));

    MmQueryPoolPages(&Counts);
    CheckPageCounts();
    CHECK(Counts.NonPaged == Counts.BigPageTable && Counts.Paged == 0);
    CHECK(MiBigPages.InUse == 0);
    for (ULONG i = 0; i < Count; i++) {
        CHECK(Tags[i].PagedAllocs == Tags[i].PagedFrees && Tags[i].PagedUsed == 0);
        CHECK(Tags[i].NonPagedAllocs == Tags[i].NonPagedFrees && Tags[i].NonPagedUsed == 0);
    }
    for (ULONG Type = 0; Type < 2; Type++)
        for (ULONG i = 0; i < POOL_UNITS_PER_PAGE; i++)
            CHECK(IsListEmpty(&MiPools[Type].Lists.ListHeads[i]));
}

static SYSTEM_POOLTAG UsageOf(ULONG Tag)
{
    static SYSTEM_POOLTAG Tags[TRACKER_SLOTS + 1];
    ULONG Count = MmQueryPoolTags(Tags, RTL_NUMBER_OF(Tags));

    for (ULONG i = 0; i < Count; i++)
        if (Tags[i].TagUlong == Tag)
            return Tags[i];
    return (SYSTEM_POOLTAG){{.TagUlong = 0}, 0, 0, 0, 0, 0, 0};
}

/* ---- Sizes and places ---------------------------------------------------------------------- */

static VOID BlocksAreAlignedTaggedAndInOnePage(VOID)
{
    for (SIZE_T Bytes = 1; Bytes <= POOL_MAX_ALLOC; Bytes++) {
        PUCHAR P = Allocate(Bytes % 2 ? PagedPool : NonPagedPool, Bytes);
        CHECK((ULONG_PTR)P % 8 == 0 && BYTE_OFFSET(P) != 0);
        CHECK(PAGE_ALIGN(P) == PAGE_ALIGN(P + Bytes - 1));
        CHECK(HeaderOf(P)->PoolTag == TEST_TAG);
        CHECK(HeaderOf(P)->BlockSize == (Bytes + 15) / 8);
        CHECK(HeaderOf(P)->PoolType == Bytes % 2 + 1);
        memset(P, 0xEE, Bytes);
        ExFreePoolWithTag(P, TEST_TAG);
    }
    CheckNothingIsAllocated();
}

static VOID HeaderHasTheLayoutOfWindows(VOID)
{
    POOL_HEADER Header = {.Ulong1 = 0};

    Header.PreviousSize = 0x1FF;
    CHECK(Header.Ulong1 == 0x000001FF);
    Header.Ulong1 = 0, Header.PoolIndex = 0x7F;
    CHECK(Header.Ulong1 == 0x0000FE00);
    Header.Ulong1 = 0, Header.BlockSize = 0x1FF;
    CHECK(Header.Ulong1 == 0x01FF0000);
    Header.Ulong1 = 0, Header.PoolType = 0x7F;
    CHECK(Header.Ulong1 == 0xFE000000);
}

static VOID ZeroBytesAreTreatedAsOne(VOID)
{
    PUCHAR P = Allocate(NonPagedPool, 0), Q = Allocate(NonPagedPool, 0);

    CHECK(P != NULL && Q != NULL && P != Q && HeaderOf(P)->BlockSize == 2);
    ExFreePool(P);
    ExFreePool(Q);
    CheckNothingIsAllocated();
}

static VOID MoreThan4080BytesAreWholePages(VOID)
{
    static const SIZE_T Sizes[] = {4081, 4095, 4096, 4097, 8192, 8193, 100000};
    BOOLEAN Charged = TRUE;

    for (ULONG i = 0; i < RTL_NUMBER_OF(Sizes); i++) {
        ULONG Before = Arenas[PagedPool].PagesInUse, Pages = (Sizes[i] + 4095) / 4096;
        PUCHAR P = Allocate(PagedPool, Sizes[i]);
        CHECK(BYTE_OFFSET(P) == 0 && Arenas[PagedPool].PagesInUse == Before + Pages);
        CHECK(ExQueryPoolBlockSize(P, &Charged) == Pages * PAGE_SIZE && !Charged);
        memset(P, 0xEE, Sizes[i]);
        ExFreePoolWithTag(P, TEST_TAG);
        CHECK(Arenas[PagedPool].PagesInUse == Before);
    }
    CHECK(ExQueryPoolBlockSize(Arenas[PagedPool].Memory[9], &Charged) == 0);
    CheckNothingIsAllocated();
}

static VOID BlockSizeIsWhatTheOwnerMayUse(VOID)
{
    BOOLEAN Charged;
    PUCHAR P = Allocate(NonPagedPool, 20);

    CHECK(ExQueryPoolBlockSize(P, &Charged) == 24 && !Charged);
    ExFreePool(P);
}

static VOID LargestBlockLeavesAnUnlistedUnit(VOID)
{
    PUCHAR P = Allocate(NonPagedPool, POOL_MAX_ALLOC);
    PPOOL_HEADER Rest = HeaderOf(P) + 511;

    CHECK(HeaderOf(P)->BlockSize == 511);
    CHECK(Rest->BlockSize == 1 && Rest->PreviousSize == 511 && Rest->PoolType == 0);
    CHECK(MiFindList(&MiPools[NonPagedPool].Lists, 0) == POOL_UNITS_PER_PAGE);
    ExFreePool(P);
    CheckNothingIsAllocated();
}

static VOID SmallestSufficientBlockIsTaken(VOID)
{
    PUCHAR Small, Exact, Large, Guard[4];

    Guard[0] = Allocate(NonPagedPool, 8);
    Small = Allocate(NonPagedPool, 56), Guard[1] = Allocate(NonPagedPool, 8);
    Large = Allocate(NonPagedPool, 256), Guard[2] = Allocate(NonPagedPool, 8);
    Exact = Allocate(NonPagedPool, 64), Guard[3] = Allocate(NonPagedPool, 8);
    ExFreePool(Small);
    ExFreePool(Large);
    ExFreePool(Exact);
    CHECK(Allocate(NonPagedPool, 64) == Exact);
    CHECK(Allocate(NonPagedPool, 64) == Large); /* not the fresh rest of the page behind it */
    CHECK(Allocate(NonPagedPool, 50) == Small);
    ExFreePool(Small);
    ExFreePool(Large);
    ExFreePool(Exact);
    for (ULONG i = 0; i < 4; i++)
        ExFreePool(Guard[i]);
    CheckNothingIsAllocated();
}

static VOID FreeNeighboursMergeInEveryOrder(VOID)
{
    static const UCHAR Orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (ULONG Order = 0; Order < 6; Order++) {
        PUCHAR First = Allocate(PagedPool, 8), P[3], Last;
        for (ULONG i = 0; i < 3; i++)
            P[i] = Allocate(PagedPool, 40 * (i + 1));
        Last = Allocate(PagedPool, 8);
        for (ULONG i = 0; i < 3; i++)
            ExFreePool(P[Orders[Order][i]]);
        CHECK(HeaderOf(P[0])->PoolType == 0 && HeaderOf(P[0])->BlockSize == 6 + 11 + 16);
        CHECK(HeaderOf(Last)->PreviousSize == 6 + 11 + 16);
        MiVerifyPoolPage(HeaderOf(Last));
        ExFreePool(Last);
        CHECK(Arenas[PagedPool].PagesInUse == 1);
        ExFreePool(First);
        CheckNothingIsAllocated();
    }
}

static VOID CacheAlignedTypesStartACacheLine(VOID)
{
    static const POOL_TYPE Types[] = {NonPagedPoolCacheAligned, PagedPoolCacheAligned,
                                      NonPagedPoolNxCacheAligned};
    PUCHAR P[128];

    for (ULONG i = 0; i < 128; i++) {
        POOL_TYPE Type = Types[i % 3];
        P[i] = Allocate(Type, i * 33 + 1);
        CHECK((ULONG_PTR)P[i] % 64 == 0);
        CHECK(IsInArena(P[i], MiBaseType(Type)));
        CHECK(i * 33 + 1 > PAGE_SIZE || PAGE_ALIGN(P[i]) == PAGE_ALIGN(P[i] + i * 33));
        memset(P[i], 0xEE, i * 33 + 1);
    }
    for (ULONG i = 0; i < 128; i++)
        ExFreePoolWithTag(P[i * 37 % 128], TEST_TAG);
    CheckNothingIsAllocated();
}

static VOID PoolTypesAndModifiersChooseThePool(VOID)
{
    static const POOL_TYPE Types[] = {NonPagedPool, PagedPool, NonPagedPoolNx,
                                      PagedPool | POOL_COLD_ALLOCATION,
                                      NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE};

    for (ULONG i = 0; i < RTL_NUMBER_OF(Types); i++) {
        PVOID P = Allocate(Types[i], 100);
        CHECK(IsInArena(P, i == 1 || i == 3 ? PagedPool : NonPagedPool));
        ExFreePool(P);
    }
    PVOID P[4] = {ExAllocatePool(PagedPool, 1), ExAllocatePoolWithQuota(NonPagedPool, 1),
                  ExAllocatePoolWithQuotaTag(PagedPool, 1, TEST_TAG),
                  ExAllocatePoolWithTagPriority(PagedPool, 1, TEST_TAG, LowPoolPriority)};
    CHECK(HeaderOf(P[0])->PoolTag == TAG_NONE && HeaderOf(P[1])->PoolTag == TAG_NONE);
    CHECK(HeaderOf(P[2])->PoolTag == TEST_TAG && HeaderOf(P[3])->PoolTag == TEST_TAG);
    for (ULONG i = 0; i < 4; i++)
        ExFreePool(P[i]);
    CheckNothingIsAllocated();
}

/* ---- Failure ------------------------------------------------------------------------------- */

static VOID ImpossibleSizesFailCleanly(VOID)
{
    static const SIZE_T Sizes[] = {0xFFFFFFFF, 0xFFFFFFF8, 0xFFFFF001, 0x80000000, 0x7FFFFFFF};

    for (ULONG i = 0; i < RTL_NUMBER_OF(Sizes); i++) {
        CHECK(Allocate(NonPagedPool, Sizes[i]) == NULL);
        CHECK(Allocate(PagedPoolCacheAligned, Sizes[i]) == NULL);
    }
    CheckNothingIsAllocated();
}

static VOID WithoutPagesAllocationFailsOrRaises(VOID)
{
    POOL_TYPE Raise = PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE;

    PagesLeft = 0;
    CHECK(Allocate(PagedPool, 16) == NULL && Allocate(PagedPool, 5000) == NULL);
    STOPS(Allocate(Raise, 16));
    CHECK(Stop[0] == (ULONG)STATUS_INSUFFICIENT_RESOURCES);
    STOPS(Allocate(Raise, 5000));
    Stop[0] = 0;
    STOPS(ExAllocatePoolWithQuotaTag(PagedPool, 16, TEST_TAG));
    CHECK(Stop[0] == (ULONG)STATUS_INSUFFICIENT_RESOURCES);
    STOPS(ExAllocatePoolWithQuota(PagedPool, 16));
    CHECK(ExAllocatePoolWithQuota(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, 16) == NULL);
    CHECK(ExAllocatePoolWithTagPriority(PagedPool, 1, TEST_TAG, HighPoolPriority) == NULL);
    PagesLeft = MAXULONG;
    CheckNothingIsAllocated();
}

static PVOID FreedMeanwhile;

static VOID FreePaged(VOID)
{
    ExFreePool(FreedMeanwhile);
}

static VOID PageFetchedInVainIsStillUsedUp(VOID)
{
    PVOID Keep = Allocate(PagedPool, 8), P, Q;

    FreedMeanwhile = Allocate(PagedPool, 2000);
    P = Allocate(PagedPool, 2000);
    WhilePagesAreFetched = FreePaged; /* while Q's page is fetched, room appears */
    Q = Allocate(PagedPool, 2000);
    CHECK(Arenas[PagedPool].PagesInUse == 2 && PAGE_ALIGN(Q) != PAGE_ALIGN(Keep));
    CHECK(Allocate(PagedPool, 2000) == FreedMeanwhile);
    ExFreePool(FreedMeanwhile);
    ExFreePool(P);
    ExFreePool(Q);
    ExFreePool(Keep);
    CheckNothingIsAllocated();
}

/* ---- The callers' mistakes ----------------------------------------------------------------- */

static VOID AllocatingAtTooHighAnIrqlStops(VOID)
{
    PVOID P;

    CurrentIrql = DISPATCH_LEVEL;
    P = Allocate(NonPagedPool, 10);
    ExFreePool(P);
    STOPS(Allocate(PagedPool, 10));
    CHECK(Stopped(BAD_POOL_CALLER, 8, DISPATCH_LEVEL, PagedPool, 10));
    CurrentIrql = DISPATCH_LEVEL + 1;
    STOPS(Allocate(NonPagedPoolNx, 9999));
    CHECK(Stopped(BAD_POOL_CALLER, 8, DISPATCH_LEVEL + 1, NonPagedPoolNx, 9999));
    CurrentIrql = APC_LEVEL;
    P = Allocate(PagedPool, 10);
    ExFreePool(P);
    CHECK(CurrentIrql == APC_LEVEL);
    CurrentIrql = PASSIVE_LEVEL;
    CheckNothingIsAllocated();
}

static VOID FreeingAtTooHighAnIrqlStops(VOID)
{
    PVOID Paged = Allocate(PagedPool, 10), Big = Allocate(PagedPool, 5000);
    PVOID NonPaged = Allocate(NonPagedPool, 10);

    CurrentIrql = DISPATCH_LEVEL;
    STOPS(ExFreePool(Paged));
    CHECK(Stopped(BAD_POOL_CALLER, 9, DISPATCH_LEVEL, PagedPool, (ULONG_PTR)Paged));
    CurrentIrql = DISPATCH_LEVEL;
    STOPS(ExFreePoolWithTag(Big, TEST_TAG));
    CHECK(Stopped(BAD_POOL_CALLER, 9, DISPATCH_LEVEL, PagedPool, (ULONG_PTR)Big));
    CurrentIrql = DISPATCH_LEVEL + 1;
    STOPS(ExFreePool(NonPaged));
    CHECK(Stopped(BAD_POOL_CALLER, 9, DISPATCH_LEVEL + 1, NonPagedPool, (ULONG_PTR)NonPaged));
    ExFreePool(Paged);
    ExFreePool(Big);
    ExFreePool(NonPaged);
    CheckNothingIsAllocated();
}

static VOID MustSucceedAndReservedTagsStop(VOID)
{
    static const POOL_TYPE Refused[] = {2, 3, 6, 7};
    ULONG Big = POOL_TAG('B', 'I', 'G', ' ');

    for (volatile ULONG i = 0; i < RTL_NUMBER_OF(Refused); i++) {
        STOPS(Allocate(Refused[i], 10));
        CHECK(Stopped(BAD_POOL_CALLER, 0x9A, Refused[i], 10, TEST_TAG));
    }
    STOPS(ExAllocatePoolWithTag(PagedPool, 10, 0));
    CHECK(Stop[4] != 0 && Stopped(BAD_POOL_CALLER, 0x9B, PagedPool, 10, Stop[4]));
    STOPS(ExAllocatePoolWithTag(PagedPool, 10, PROTECTED_POOL));
    CHECK(Stop[1] == 0x9B);
    STOPS(ExAllocatePoolWithTagPriority(PagedPool, 10, Big, NormalPoolPriority));
    CHECK(Stop[4] != 0 && Stopped(BAD_POOL_CALLER, 0x9C, PagedPool, 10, Stop[4]));
}

static VOID FreeingWhatIsNotPoolStops(VOID)
{
    PUCHAR P = Allocate(PagedPool, 100), Big = Allocate(PagedPool, 3 * PAGE_SIZE);
    static UCHAR NotPool[64];

    STOPS(ExFreePool(NULL));
    CHECK(Stopped(BAD_POOL_CALLER, 0x40, 0, 0x10000, 0));
    STOPS(ExFreePool((PVOID)0xFFF8));
    CHECK(Stopped(BAD_POOL_CALLER, 0x40, 0xFFF8, 0x10000, 0));
    STOPS(ExFreePool(NotPool));
    CHECK(Stopped(BAD_POOL_CALLER, 0x42, (ULONG_PTR)NotPool, 0, 0));
    STOPS(ExFreePool(P + 4));
    CHECK(Stopped(BAD_POOL_CALLER, 0x99, (ULONG_PTR)(P + 4), 0, 0));
    STOPS(ExFreePool(PAGE_ALIGN(P))); /* a page of blocks */
    CHECK(Stopped(BAD_POOL_CALLER, 0x46, (ULONG_PTR)PAGE_ALIGN(P), 0, 0));
    STOPS(ExFreePool(Big + PAGE_SIZE));
    CHECK(Stopped(BAD_POOL_CALLER, 0x46, (ULONG_PTR)(Big + PAGE_SIZE), 0, 0));
    ExFreePool(P);
    ExFreePool(Big);
    CheckNothingIsAllocated();
}

static VOID FreeingTheMiddleOfABlockStops(VOID)
{
    PUCHAR P = Allocate(NonPagedPool, 200);

    memset(P, 0, 200);
    STOPS(ExFreePool(P + 64));
    CHECK(Stopped(BAD_POOL_CALLER, 0x99, (ULONG_PTR)(P + 64), 0, 0));
    memset(P, 0xFF, 200);
    STOPS(ExFreePool(P + 64));
    CHECK(Stopped(BAD_POOL_CALLER, 0x99, (ULONG_PTR)(P + 64), 0, 0));
    *(PPOOL_HEADER)(P + 56) = *HeaderOf(P); /* even what looks like a header */
    ((PPOOL_HEADER)(P + 56))->PreviousSize = 8;
    STOPS(ExFreePool(P + 64));
    CHECK(Stop[0] == BAD_POOL_HEADER);
    ExFreePool(P);
    CheckNothingIsAllocated();
}

static VOID FreeingTwiceStops(VOID)
{
    PUCHAR Keep = Allocate(PagedPool, 8), P[3], Last, Big = Allocate(NonPagedPool, 5000);

    for (ULONG i = 0; i < 3; i++)
        P[i] = Allocate(PagedPool, 48);
    Last = Allocate(PagedPool, 8);
    for (volatile ULONG i = 0; i < 3; i++) {
        ExFreePoolWithTag(P[i], TEST_TAG);
        for (volatile ULONG j = 0; j <= i;
             j++) { /* merged with what was free before it, all the same */
            STOPS(ExFreePoolWithTag(P[j], TEST_TAG));
            CHECK(Stopped(BAD_POOL_CALLER, 7, 0, HeaderOf(P[j])->Ulong1, (ULONG_PTR)P[j]));
        }
    }
    ExFreePool(Big);
    STOPS(ExFreePool(Big));
    CHECK(Stopped(BAD_POOL_CALLER, 0x46, (ULONG_PTR)Big, 0, 0));
    ExFreePool(Keep);
    ExFreePool(Last);
    CheckNothingIsAllocated();
}

static VOID FreeingWithTheWrongTagStops(VOID)
{
    static const SIZE_T Sizes[] = {100, 5000};

    for (volatile ULONG i = 0; i < 2; i++) {
        PVOID P = Allocate(PagedPool, Sizes[i]);
        STOPS(ExFreePoolWithTag(P, OTHER_TAG));
        CHECK(Stopped(BAD_POOL_CALLER, 0xA, (ULONG_PTR)P, TEST_TAG, OTHER_TAG));
        ExFreePoolWithTag(P, TEST_TAG);
        P = Allocate(NonPagedPool, Sizes[i]);
        ExFreePool(P);
    }
    CheckNothingIsAllocated();
}

static VOID ProtectedPoolNeedsItsTag(VOID)
{
    static const SIZE_T Sizes[] = {100, 5000};
    ULONG Tag = TEST_TAG | PROTECTED_POOL;

    for (volatile ULONG i = 0; i < 2; i++) {
        PVOID P = ExAllocatePoolWithTag(PagedPool, Sizes[i], Tag);
        STOPS(ExFreePool(P));
        CHECK(Stopped(BAD_POOL_CALLER, 0xA, (ULONG_PTR)P, Tag, 0));
        STOPS(ExFreePoolWithTag(P, OTHER_TAG | PROTECTED_POOL));
        CHECK(Stopped(BAD_POOL_CALLER, 0xA, (ULONG_PTR)P, Tag, OTHER_TAG | PROTECTED_POOL));
        ExFreePoolWithTag(P, Tag);
        P = ExAllocatePoolWithTag(PagedPool, Sizes[i], Tag);
        ExFreePoolWithTag(P, TEST_TAG);
    }
    CHECK(UsageOf(Tag).TagUlong == 0 && UsageOf(TEST_TAG).PagedUsed == 0);
    CheckNothingIsAllocated();
}

/* ---- Overwritten pool ---------------------------------------------------------------------- */

/* Does damage to a header, expects Statement to stop with 0x19/SubCode, and undoes the damage. */
#define DAMAGE(Header, Damage, Statement, SubCode)                                                 \
    do {                                                                                           \
        POOL_HEADER Saved = *(Header);                                                             \
        Damage;                                                                                    \
        STOPS(Statement);                                                                          \
        CHECK(Stop[0] == BAD_POOL_HEADER && Stop[1] == (SubCode));                                 \
        *(Header) = Saved;                                                                         \
    } while (0)

static VOID WritingPastABlockStopsWhenItIsFreed(VOID)
{
    PUCHAR P = Allocate(NonPagedPool, 24), Q = Allocate(NonPagedPool, 24);
    PPOOL_HEADER Next = HeaderOf(Q);

    DAMAGE(Next, memset(P, 'A', 32), ExFreePool(P), 0x20);
    CHECK(Stop[2] == (ULONG_PTR)HeaderOf(P) && Stop[3] == (ULONG_PTR)Next);
    DAMAGE(Next, Next->PreviousSize++, ExFreePool(P), 0x20);
    DAMAGE(Next, Next->BlockSize = 0, ExFreePool(P), 0x20);
    DAMAGE(Next, Next->BlockSize = 511, ExFreePool(P), 0x20);
    DAMAGE(HeaderOf(P), HeaderOf(P)->BlockSize++, ExFreePool(Q), 5);
    CHECK(Stop[2] == (ULONG_PTR)HeaderOf(P) && Stop[4] == (ULONG_PTR)Next);
    POOL_HEADER Saved = *Next;
    Next->PoolIndex = 1;
    STOPS(ExFreePool(Q));
    CHECK(Stopped(BAD_POOL_CALLER, 0x99, (ULONG_PTR)Q, 0, 0));
    *Next = Saved;
    Next->PoolType = PagedPool + 1; /* in nonpaged pool */
    STOPS(ExFreePool(Q));
    CHECK(Stopped(BAD_POOL_CALLER, 0x99, (ULONG_PTR)Q, 0, 0));
    *Next = Saved;
    ExFreePool(Q);
    ExFreePool(P);
    CheckNothingIsAllocated();
}

/* Otherwise the check itself would read the page before, which need not be there. */
static VOID NeighboursAreNeverSoughtOutsideThePage(VOID)
{
    PUCHAR P = Allocate(NonPagedPool, 24), Q = Allocate(NonPagedPool, 24);

    HeaderOf(P)->PreviousSize = 3;
    STOPS(ExFreePool(P));
    CHECK(Stopped(BAD_POOL_CALLER, 0x99, (ULONG_PTR)P, 0, 0));
    HeaderOf(P)->PreviousSize = 0;
    HeaderOf(Q)->PreviousSize = 100;
    STOPS(ExFreePool(Q));
    CHECK(Stopped(BAD_POOL_CALLER, 0x99, (ULONG_PTR)Q, 0, 0));
    HeaderOf(Q)->PreviousSize = 0;
    STOPS(ExFreePool(Q));
    CHECK(Stopped(BAD_POOL_CALLER, 0x99, (ULONG_PTR)Q, 0, 0));
    HeaderOf(Q)->PreviousSize = HeaderOf(P)->BlockSize;
    ExFreePool(P);
    ExFreePool(Q);
    CheckNothingIsAllocated();
}

static VOID WritingToAFreedBlockStops(VOID)
{
    PUCHAR Keep = Allocate(NonPagedPool, 8), P = Allocate(NonPagedPool, 24);
    PUCHAR Q = Allocate(NonPagedPool, 8), Last = Allocate(NonPagedPool, 8);
    PLIST_ENTRY Links = (PLIST_ENTRY)P;

    ExFreePool(P);
    LIST_ENTRY Saved = *Links;
    memset(P, 'A', 8); /* not an address of pool */
    STOPS(Allocate(NonPagedPool, 24));
    CHECK(Stopped(BAD_POOL_HEADER, 3, (ULONG_PTR)P, 0x41414141, 0x41414141));
    *Links = Saved;
    Links->Flink = (PLIST_ENTRY)Keep; /* one, but nothing there points back */
    *(PLIST_ENTRY)Keep = (LIST_ENTRY){NULL, NULL};
    DAMAGE(HeaderOf(Q), (void)0, ExFreePool(Q), 3); /* would merge with P */
    CHECK(Stop[2] == (ULONG_PTR)P);
    *Links = Saved;
    DAMAGE(HeaderOf(P), HeaderOf(P)->BlockSize++, Allocate(NonPagedPool, 24), 0xD);
    DAMAGE(HeaderOf(P), HeaderOf(P)->PoolType = 1, Allocate(NonPagedPool, 24), 0xD);
    DAMAGE(HeaderOf(P), HeaderOf(P)->PreviousSize--, Allocate(NonPagedPool, 24), 5);
    DAMAGE(HeaderOf(Q), HeaderOf(Q)->PreviousSize++, Allocate(NonPagedPool, 24), 0x20);
    CHECK(Allocate(NonPagedPool, 24) == P);
    ExFreePool(P);
    ExFreePool(Keep);
    ExFreePool(Q);
    ExFreePool(Last);
    CheckNothingIsAllocated();
}

static VOID PageWalkFindsWhatDoesNotAddUp(VOID)
{
    PUCHAR P = Allocate(NonPagedPool, 24), Q = Allocate(NonPagedPool, 24);
    PPOOL_HEADER First = HeaderOf(P), Second = HeaderOf(Q);

    MiVerifyPoolPage(Second);
    DAMAGE(Second, Second->PreviousSize++, MiVerifyPoolPage(First), 6);
    DAMAGE(Second, Second->BlockSize = 0, MiVerifyPoolPage(First), 8);
    DAMAGE(Second, Second->BlockSize = 511, MiVerifyPoolPage(First), 9);
    STOPS(MiVerifyPoolPage(First + 1));
    CHECK(Stopped(BAD_POOL_HEADER, 0xA, (ULONG_PTR)(First + 1), 0, (ULONG_PTR)First));
    ExFreePool(P);
    ExFreePool(Q);
    CheckNothingIsAllocated();
}

static VOID CheckedBuildFillsFreshAndFreedMemory(VOID)
{
#if DBG
    PUCHAR Keep = Allocate(PagedPool, 8), P = Allocate(PagedPool, 24), Q = Allocate(PagedPool, 8);
    PUCHAR Big = Allocate(NonPagedPool, 5000);

    CHECK(P[0] == FRESH_PATTERN && P[23] == FRESH_PATTERN);
    CHECK(Big[0] == FRESH_PATTERN && Big[4999] == FRESH_PATTERN);
    ExFreePool(P);
    CHECK(P[sizeof(LIST_ENTRY)] == FREED_PATTERN && P[23] == FREED_PATTERN);
    ExFreePool(Keep);
    ExFreePool(Q);
    ExFreePool(Big);
#endif
}

/* ---- The tables ---------------------------------------------------------------------------- */

static VOID UsageIsCountedByTagAndPool(VOID)
{
    ULONG Tag = POOL_TAG('U', 's', 'e', 'd');
    PVOID P = ExAllocatePoolWithTag(PagedPool, 20, Tag);
    PVOID Q = ExAllocatePoolWithTag(NonPagedPool, 5000, Tag);
    SYSTEM_POOLTAG Usage = UsageOf(Tag);

    CHECK(Usage.Tag[0] == 'U' && Usage.Tag[3] == 'd');
    CHECK(Usage.PagedAllocs == 1 && Usage.PagedFrees == 0 && Usage.PagedUsed == 32);
    CHECK(Usage.NonPagedAllocs == 1 && Usage.NonPagedFrees == 0 && Usage.NonPagedUsed == 8192);
    ExFreePool(P);
    ExFreePoolWithTag(Q, Tag);
    Usage = UsageOf(Tag);
    CHECK(Usage.PagedFrees == 1 && Usage.PagedUsed == 0);
    CHECK(Usage.NonPagedFrees == 1 && Usage.NonPagedUsed == 0);
}

static VOID UsageFitsTheCallersBuffer(VOID)
{
    SYSTEM_POOLTAG Two[3] = {[2] = {{.TagUlong = 0xABCD}, 0, 0, 0, 0, 0, 0}};
    ULONG Count = MmQueryPoolTags(NULL, 0);

    CHECK(Count > 2 && MmQueryPoolTags(Two, 2) == Count);
    CHECK(Two[0].TagUlong != 0 && Two[1].TagUlong != 0 && Two[2].TagUlong == 0xABCD);
}

static VOID TagsBeyondTheTableCountAsOverflow(VOID)
{
    static PVOID P[TRACKER_SLOTS + 50];
    ULONG Overflow = POOL_TAG('O', 'v', 'f', 'l'), Missing = 0;

    for (ULONG i = 0; i < RTL_NUMBER_OF(P); i++)
        P[i] = ExAllocatePoolWithTag(PagedPool, 8, 0x20000000 + i);
    for (ULONG i = 0; i < RTL_NUMBER_OF(P); i++)
        Missing += UsageOf(0x20000000 + i).TagUlong == 0;
    CHECK(Missing >= 50 && UsageOf(Overflow).PagedAllocs == Missing);
    CHECK(UsageOf(Overflow).PagedUsed == Missing * 16);
    for (ULONG i = 0; i < RTL_NUMBER_OF(P); i++)
        ExFreePoolWithTag(P[i], 0x20000000 + i);
    CHECK(UsageOf(Overflow).PagedFrees == Missing);
    CheckNothingIsAllocated();
}

static VOID FullBigPageTableRefusesRatherThanForgets(VOID)
{
    static PVOID P[FIRST_BIG_SLOTS];
    ULONG Count = 0;

    CHECK(MiBigPages.SlotCount == FIRST_BIG_SLOTS);
    for (;; Count++) { /* from 96 on, each one needs the table's page first and does not get it */
        PagesLeft = MiBigPages.InUse >= 96 ? 0 : MAXULONG;
        WhilePagesAreFetched = NULL;
        P[Count] = Arenas[NonPagedPool].Memory[Count];
        if (!MiRememberBigPages(P[Count], 1, TEST_TAG))
            break;
    }
    CHECK(Count == FIRST_BIG_SLOTS - 1);
    PagesLeft = 1; /* enough for the request itself, not for the table */
    CHECK(Allocate(PagedPool, 5000) == NULL && Arenas[PagedPool].PagesInUse == 0);
    PagesLeft = MAXULONG;
    for (ULONG i = 0; i < Count; i++)
        CHECK(MiForgetBigPages(P[i], TEST_TAG).Pages == 1);
    CheckNothingIsAllocated();
}

static VOID GrowMeanwhile(VOID)
{
    MiGrowBigTable(MiBigPages.SlotCount);
}

static VOID BigPageTableGrowsOnceWhenTwoProcessorsTry(VOID)
{
    ULONG Before = MiBigPages.SlotCount;
    PVOID P = Allocate(PagedPool, 5000);

    WhilePagesAreFetched = GrowMeanwhile; /* between our decision to grow and our pages */
    MiGrowBigTable(Before);
    CHECK(MiBigPages.SlotCount == 2 * Before);
    CheckPageCounts();
    ExFreePoolWithTag(P, TEST_TAG);
    CheckNothingIsAllocated();
}

static VOID BigPageTableKeepsThousands(VOID)
{
    static PUCHAR P[2500];
    unsigned Seed = 99;

    for (ULONG i = 0; i < RTL_NUMBER_OF(P); i++) {
        P[i] = Allocate(i % 2, PAGE_SIZE * (1 + i % 3));
        CHECK(P[i] != NULL);
        *(PULONG)P[i] = i;
    }
    for (ULONG n = RTL_NUMBER_OF(P); n > 0; n--) {
        ULONG i = UnitRandom(&Seed) % n;
        CHECK(MiQueryBigPages(P[i]) == 1 + *(PULONG)P[i] % 3);
        ExFreePoolWithTag(P[i], TEST_TAG);
        P[i] = P[n - 1];
    }
    CheckNothingIsAllocated();
}

/* ---- At random against a model ------------------------------------------------------------- */

typedef struct _OWNED {
    PUCHAR P;
    SIZE_T Bytes;
    ULONG Tag;
    UCHAR Fill;
} OWNED;

static unsigned Seed = 0x1D872B41;

static SIZE_T RandomSize(VOID)
{
    static const SIZE_T Limits[] = {64, 64, 64, 256, 256, 1024, 4096, 20000};
    return UnitRandom(&Seed) % (Limits[UnitRandom(&Seed) % 8] + 1);
}

static UCHAR *OwnedUnit(PVOID P)
{
    ARENA *Arena = &Arenas[MiIsPagedPoolAddress(P)];
    return &Arena->Owned[(ULONG)((UCHAR *)P - Arena->Memory[0]) / 8];
}

static VOID RandomAllocate(OWNED *Owned)
{
    static const POOL_TYPE Types[] = {0, 1, 0, 1, 4, 5, 512, 516};
    POOL_TYPE Type = Types[UnitRandom(&Seed) % 8];
    SIZE_T Bytes = RandomSize(), Units = (Bytes + 7) / 8;
    ULONG Tag = POOL_TAG('R', 'n', 'd', '0' + UnitRandom(&Seed) % 64);
    PUCHAR P = ExAllocatePoolWithTag(Type, Bytes, Tag);

    CHECK(P != NULL && (ULONG_PTR)P % (Type & 4 ? 64 : 8) == 0);
    CHECK(IsInArena(P, Type & 1));
    CHECK(Bytes < PAGE_SIZE ? BYTE_OFFSET(P) + Bytes <= PAGE_SIZE : BYTE_OFFSET(P) == 0);
    UCHAR *Unit = OwnedUnit(P);
    for (SIZE_T i = 0; i < Units; i++)
        CHECK(Unit[i] == 0);
    memset(Unit, 1, Units);
    *Owned = (OWNED){P, Bytes, Tag, (UCHAR)UnitRandom(&Seed)};
    memset(P, Owned->Fill, Bytes);
}

static VOID RandomFree(OWNED *Owned)
{
    BOOLEAN Charged;

    CHECK(ExQueryPoolBlockSize(Owned->P, &Charged) >= Owned->Bytes);
    for (SIZE_T i = 0; i < Owned->Bytes; i++)
        if (Owned->P[i] != Owned->Fill)
            CHECK(!"contents changed");
    memset(OwnedUnit(Owned->P), 0, (Owned->Bytes + 7) / 8);
    ExFreePoolWithTag(Owned->P, UnitRandom(&Seed) % 2 ? Owned->Tag : 0);
    Owned->P = NULL;
}

/* Adds a page's free blocks to Count, by size; no two of them may be neighbours. */
static VOID CountFreeBlocks(PPOOL_HEADER Page, ULONG Count[POOL_UNITS_PER_PAGE])
{
    BOOLEAN PreviousIsFree = FALSE;

    MiVerifyPoolPage(Page);
    for (PPOOL_HEADER Block = Page; Block != NULL; Block = MiNextBlock(Block, Block->BlockSize)) {
        BOOLEAN IsFree = Block->PoolType == 0;
        CHECK(!(IsFree && PreviousIsFree));
        Count[Block->BlockSize - 1] += IsFree && Block->BlockSize > 1;
        PreviousIsFree = IsFree;
    }
}

/* Each free block is on the list of its size, nothing else is, and the bitmap tells the truth. */
static VOID CheckLists(PPOOL_DESCRIPTOR Pool, ARENA *Arena)
{
    ULONG Count[POOL_UNITS_PER_PAGE] = {0};

    for (ULONG i = 0; i < ARENA_PAGES; i++) {
        PVOID Page = Arena->Memory[i];
        ULONG Pages = Arena->InUse[i] ? MiQueryBigPages(Page) : 1;
        BOOLEAN IsTable = (PVOID)MiBigPages.Slots == Page;
        if (IsTable)
            Pages = MiQueryBigTablePages();
        if (Arena->InUse[i] && Pages == 0)
            CountFreeBlocks(Page, Count);
        else
            i += Pages - 1;
    }
    for (ULONG i = 0; i < POOL_UNITS_PER_PAGE; i++) {
        PLIST_ENTRY Head = &Pool->Lists.ListHeads[i];
        CHECK((Pool->Lists.NonEmpty[i / 32] >> i % 32 & 1) == !IsListEmpty(Head));
        for (PLIST_ENTRY Entry = Head->Flink; Entry != Head; Entry = Entry->Flink)
            Count[i]--;
        CHECK(Count[i] == 0);
    }
}

static VOID RandomOperationsMatchTheModel(VOID)
{
    static OWNED Owned[3000];
    ULONG Live = 0;

    for (ULONG i = 0; i < 200000; i++) {
        GuardPagedPool = i < 1000;
        ULONG Range = i / 20000 % 2 ? 300 : RTL_NUMBER_OF(Owned); /* also shrink again and again */
        OWNED *One = &Owned[UnitRandom(&Seed) % Range];
        Live += One->P == NULL ? 1 : -1;
        if (One->P == NULL)
            RandomAllocate(One);
        else
            RandomFree(One);
        if (i % 5000 == 0) {
            CheckPageCounts();
            CheckLists(&MiPools[0], &Arenas[0]);
            CheckLists(&MiPools[1], &Arenas[1]);
        }
    }
    CHECK(Live > 0);
    for (ULONG i = 0; i < RTL_NUMBER_OF(Owned); i++)
        if (Owned[i].P != NULL)
            RandomFree(&Owned[i]);
    CheckNothingIsAllocated();
}

int main(void)
{
    for (ULONG i = 0; i < 2; i++)
        __asan_poison_memory_region(Arenas[i].Memory, sizeof(Arenas[i].Memory));
    ExInitializePools();
    RUN(HeaderHasTheLayoutOfWindows);
    RUN(BlocksAreAlignedTaggedAndInOnePage);
    RUN(ZeroBytesAreTreatedAsOne);
    RUN(MoreThan4080BytesAreWholePages);
    RUN(BlockSizeIsWhatTheOwnerMayUse);
    RUN(LargestBlockLeavesAnUnlistedUnit);
    RUN(SmallestSufficientBlockIsTaken);
    RUN(FreeNeighboursMergeInEveryOrder);
    RUN(CacheAlignedTypesStartACacheLine);
    RUN(PoolTypesAndModifiersChooseThePool);
    RUN(ImpossibleSizesFailCleanly);
    RUN(WithoutPagesAllocationFailsOrRaises);
    RUN(PageFetchedInVainIsStillUsedUp);
    RUN(AllocatingAtTooHighAnIrqlStops);
    RUN(FreeingAtTooHighAnIrqlStops);
    RUN(MustSucceedAndReservedTagsStop);
    RUN(FreeingWhatIsNotPoolStops);
    RUN(FreeingTheMiddleOfABlockStops);
    RUN(FreeingTwiceStops);
    RUN(FreeingWithTheWrongTagStops);
    RUN(ProtectedPoolNeedsItsTag);
    RUN(WritingPastABlockStopsWhenItIsFreed);
    RUN(NeighboursAreNeverSoughtOutsideThePage);
    RUN(WritingToAFreedBlockStops);
    RUN(PageWalkFindsWhatDoesNotAddUp);
    RUN(CheckedBuildFillsFreshAndFreedMemory);
    RUN(UsageIsCountedByTagAndPool);
    RUN(UsageFitsTheCallersBuffer);
    RUN(FullBigPageTableRefusesRatherThanForgets);
    RUN(BigPageTableGrowsOnceWhenTwoProcessorsTry);
    RUN(RandomOperationsMatchTheModel);
    RUN(BigPageTableKeepsThousands);
    RUN(TagsBeyondTheTableCountAsOverflow);
    printf("%u checks\n", UnitChecks);
    return 0;
}
