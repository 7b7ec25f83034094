/*
 * Resources: locks that one thread has exclusively, or several share (WDK: ERESOURCE Structures).
 *
 * SpinLock guards all members. OwnerEntry and OwnerTable hold an entry for each owning thread with
 * the number of its acquisitions; the exclusive owner is always in OwnerEntry. Entry 0 of the
 * table only says how large it is.
 *
 * A waiter's event and place in a queue are on its own stack. SharedWaiters and ExclusiveWaiters
 * point to the last of each queue, through which it is a ring. Nobody competes with a waiter: who
 * releases makes the waiter an owner, and then wakes it. So a resource without owners has no
 * waiters. For that the table must have room for all shared waiters before they wait:
 *
 *      ActiveEntries + NumberOfSharedWaiters <= entries there are
 *
 * Fairness: as long as a thread waits for exclusive access, no thread becomes a new sharer (but by
 * ExAcquireSharedStarveExclusive). When an exclusive owner leaves, all who wait to share come in;
 * when the last sharer leaves, the first who waits for exclusive access. So neither kind starves.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ke/lockcheck.h"
#include "sched/sched.h"

#define TAG_OWNERS             'seRE'
#define FIRST_TABLE_SIZE       4
#define RESOURCE_DISABLE_BOOST 0x08
#define POOL_RETRY_100NS       (-100000LL)
#define OWNER_POINTER_BITS     3 /* set in an owner that is no thread */

/* What a request to share does when somebody waits for exclusive access. */
typedef enum _EXP_SHARING {
    SharingWaitsUnlessOwner,
    SharingStarvesExclusive,
    SharingAlwaysWaits
} EXP_SHARING;

typedef struct _EXP_WAITER {
    KEVENT Granted;
    struct _EXP_WAITER *Next;
    ERESOURCE_THREAD Thread;
} EXP_WAITER, *PEXP_WAITER;

/* The headers know what was in these two members in earlier versions of Windows. */
#define SHARED_QUEUE(Resource)    ((PEXP_WAITER *)&(Resource)->SharedWaiters)
#define EXCLUSIVE_QUEUE(Resource) ((PEXP_WAITER *)&(Resource)->ExclusiveWaiters)

/* Off the paths that are taken when nobody competes. */
#define SLOW __attribute__((noinline))

/* All resources there are, for debuggers. */
static LIST_ENTRY ExpSystemResourcesList = {&ExpSystemResourcesList, &ExpSystemResourcesList};
static KSPIN_LOCK ExpResourceListLock;

static ERESOURCE_THREAD ExpThisThread(VOID)
{
    return (ERESOURCE_THREAD)KiGetCurrentThread();
}

/* ---- Queues of waiters: the spin lock is held --------------------------------------------------
 */

static VOID ExpAppendWaiter(PEXP_WAITER *Queue, PEXP_WAITER Waiter)
{
    PEXP_WAITER Last = *Queue;

    Waiter->Next = Last ? Last->Next : Waiter;
    if (Last)
        Last->Next = Waiter;
    *Queue = Waiter;
}

/* A chain of all waiters, in their order. */
static PEXP_WAITER ExpTakeAllWaiters(PEXP_WAITER *Queue)
{
    PEXP_WAITER Last = *Queue, First;

    if (Last == NULL)
        return NULL;
    First = Last->Next;
    Last->Next = NULL;
    *Queue = NULL;
    return First;
}

/* A chain of one. */
static PEXP_WAITER ExpTakeFirstWaiter(PEXP_WAITER *Queue)
{
    PEXP_WAITER Last = *Queue, First = Last->Next;

    Last->Next = First->Next;
    if (First == Last)
        *Queue = NULL;
    First->Next = NULL;
    return First;
}

/* Without the spin lock. Each waiter is gone once its event is set. */
static VOID ExpWakeWaiters(PEXP_WAITER Waiter)
{
    while (Waiter) {
        PEXP_WAITER Next = Waiter->Next;
        KeSetEvent(&Waiter->Granted, EVENT_INCREMENT, FALSE);
        Waiter = Next;
    }
}

/* ---- Owners: the spin lock is held -------------------------------------------------------------
 */

static BOOLEAN ExpIsOwnedExclusive(PERESOURCE Resource)
{
    return (Resource->Flag & ResourceOwnedExclusive) != 0;
}

/* The entry of an owner, or with 0 one that is free; NULL: there is none. */
static POWNER_ENTRY ExpFindOwner(PERESOURCE Resource, ERESOURCE_THREAD Thread)
{
    POWNER_ENTRY Table = Resource->OwnerTable;
    ULONG i;

    if (Resource->OwnerEntry.OwnerThread == Thread)
        return &Resource->OwnerEntry;
    for (i = 1; Table && i < Table->TableSize; i++) {
        if (Table[i].OwnerThread == Thread)
            return &Table[i];
    }
    return NULL;
}

static SLOW BOOLEAN ExpGrowOwnerTable(PERESOURCE Resource)
{
    POWNER_ENTRY Old = Resource->OwnerTable, New;
    ULONG OldSize = Old ? Old->TableSize : 0;
    ULONG Size = Old ? 2 * OldSize : FIRST_TABLE_SIZE;

    New = ExAllocatePoolWithTag(NonPagedPool, Size * sizeof *New, TAG_OWNERS);
    if (New == NULL)
        return FALSE;
    RtlZeroMemory(New, Size * sizeof *New);
    if (Old) {
        RtlCopyMemory(New, Old, OldSize * sizeof *New);
        ExFreePoolWithTag(Old, TAG_OWNERS);
    }
    New->TableSize = Size;
    Resource->OwnerTable = New;
    return TRUE;
}

/* Takes the spin lock, and sees to it that there is room for one owner or shared waiter more. */
static KIRQL ExpLockWithRoom(PERESOURCE Resource)
{
    LARGE_INTEGER Interval = {.QuadPart = POOL_RETRY_100NS};
    KIRQL OldIrql;

    for (;;) {
        KeAcquireSpinLock(&Resource->SpinLock, &OldIrql);
        ULONG Entries = Resource->OwnerTable ? Resource->OwnerTable->TableSize : 1;
        if (Resource->ActiveEntries + Resource->NumberOfSharedWaiters < Entries ||
            ExpGrowOwnerTable(Resource))
            return OldIrql;
        KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
        KeDelayExecutionThread(KernelMode, FALSE, &Interval); /* memory may come back */
    }
}

/* Makes a thread the owner of a resource that has none. */
static VOID ExpOwnAlone(PERESOURCE Resource, ERESOURCE_THREAD Thread)
{
    ASSERT(Resource->ActiveEntries == 0 && Resource->OwnerEntry.OwnerThread == 0);
    Resource->OwnerEntry.OwnerThread = Thread;
    Resource->OwnerEntry.OwnerCount = 1;
    Resource->ActiveEntries = 1;
    Resource->ActiveCount = 1;
}

static VOID ExpOwnExclusive(PERESOURCE Resource, ERESOURCE_THREAD Thread)
{
    Resource->Flag |= ResourceOwnedExclusive;
    ExpOwnAlone(Resource, Thread);
}

/* Makes a thread an owner besides others, or counts one acquisition more. There is room. */
static SLOW VOID ExpOwnShared(PERESOURCE Resource, ERESOURCE_THREAD Thread)
{
    POWNER_ENTRY Entry = ExpFindOwner(Resource, Thread);

    if (Entry == NULL) {
        Entry = ExpFindOwner(Resource, 0);
        Entry->OwnerThread = Thread;
        Resource->ActiveEntries++;
        Resource->ActiveCount++;
    }
    Entry->OwnerCount++;
}

static VOID ExpRemoveOwner(PERESOURCE Resource, POWNER_ENTRY Entry)
{
    Entry->OwnerThread = 0;
    Entry->OwnerCount = 0;
    Resource->ActiveEntries--;
    Resource->ActiveCount--;
}

/* Makes sharers of all who wait to be. Returns the chain of those to be woken. */
static SLOW PEXP_WAITER ExpGrantShared(PERESOURCE Resource)
{
    PEXP_WAITER Granted = ExpTakeAllWaiters(SHARED_QUEUE(Resource)), Waiter;

    for (Waiter = Granted; Waiter; Waiter = Waiter->Next)
        ExpOwnShared(Resource, Waiter->Thread);
    Resource->NumberOfSharedWaiters = 0;
    return Granted;
}

static BOOLEAN ExpHasWaiters(PERESOURCE Resource)
{
    return (Resource->NumberOfExclusiveWaiters | Resource->NumberOfSharedWaiters) != 0;
}

/* The resource has no owner any more: makes waiters owners. Returns those to be woken. */
static SLOW PEXP_WAITER ExpPassOn(PERESOURCE Resource, BOOLEAN WasExclusive)
{
    PEXP_WAITER Granted;

    if (Resource->NumberOfExclusiveWaiters == 0 ||
        (WasExclusive && Resource->NumberOfSharedWaiters != 0))
        return ExpGrantShared(Resource);
    Granted = ExpTakeFirstWaiter(EXCLUSIVE_QUEUE(Resource));
    Resource->NumberOfExclusiveWaiters--;
    ExpOwnExclusive(Resource, Granted->Thread);
    return Granted;
}

/* ---- Acquiring ---------------------------------------------------------------------------------
 */

#if DBG
/*
 * Whoever holds a resource must not be suspended, for others would wait for it; so normal kernel
 * APCs have to be disabled. Nobody suspends system threads.
 */
static BOOLEAN ExpAreApcsDisabled(VOID)
{
    return KeAreApcsDisabled() || KiGetCurrentIrql() >= APC_LEVEL ||
           KiGetCurrentThread()->Teb == NULL;
}
#endif

/* The checked build's part of acquiring, before the rest. The lock order matters if it may wait. */
static inline VOID ExpBeforeAcquire(PERESOURCE Resource, BOOLEAN Wait, PVOID Site)
{
    UNREFERENCED_PARAMETER(Resource);
    KI_VERIFY(ExpAreApcsDisabled(), 0x37, KiGetCurrentIrql(),
              KiGetCurrentThread()->CombinedApcDisable, Resource);
    if (Wait)
        KiBeforeThreadLock(Resource, KiResource, Site);
}

/* Releases the spin lock, and waits in a queue until the thread has been made an owner. */
static SLOW VOID ExpWaitForGrant(PERESOURCE Resource, PEXP_WAITER *Queue, KIRQL OldIrql)
{
    EXP_WAITER Waiter;

    KeInitializeEvent(&Waiter.Granted, SynchronizationEvent, FALSE);
    Waiter.Thread = ExpThisThread();
    ExpAppendWaiter(Queue, &Waiter);
    Resource->ContentionCount++;
    KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
    KeWaitForSingleObject(&Waiter.Granted, WrResource, KernelMode, FALSE, NULL);
}

static inline BOOLEAN ExpAcquireExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    ERESOURCE_THREAD Thread = ExpThisThread();
    BOOLEAN Granted = TRUE;
    KIRQL OldIrql;

    KeAcquireSpinLock(&Resource->SpinLock, &OldIrql);
    if (Resource->ActiveEntries == 0) {
        ExpOwnExclusive(Resource, Thread);
    } else if (ExpIsOwnedExclusive(Resource) && Resource->OwnerEntry.OwnerThread == Thread) {
        Resource->OwnerEntry.OwnerCount++;
    } else if (Wait) {
        ASSERT(ExpFindOwner(Resource, Thread) == NULL);
        Resource->NumberOfExclusiveWaiters++;
        ExpWaitForGrant(Resource, EXCLUSIVE_QUEUE(Resource), OldIrql);
        return TRUE;
    } else {
        Granted = FALSE;
    }
    KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
    return Granted;
}

/*
 * Acquires for exclusive access (WDK: ExAcquireResourceExclusiveLite). An exclusive owner may do
 * so again. A sharer that waits for it waits for ever. IRQL <= APC_LEVEL, normal kernel APCs
 * disabled. FALSE: Wait is, and there is another owner.
 */
BOOLEAN NTAPI ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait)
{
    BOOLEAN Granted;

    KI_ASSERT_IRQL(APC_LEVEL);
    ExpBeforeAcquire(Resource, Wait, KI_CALLER);
    Granted = ExpAcquireExclusive(Resource, Wait);
    if (Granted)
        KiThreadLockTaken(Resource, KiResource, KI_CALLER);
    return Granted;
}

/* The resource has an owner. */
static SLOW BOOLEAN ExpMayShare(PERESOURCE Resource, ERESOURCE_THREAD Thread, EXP_SHARING Sharing)
{
    BOOLEAN IsOwner = ExpFindOwner(Resource, Thread) != NULL;

    if (ExpIsOwnedExclusive(Resource))
        return IsOwner;
    if (Resource->NumberOfExclusiveWaiters == 0 || Sharing == SharingStarvesExclusive)
        return TRUE;
    return IsOwner && Sharing == SharingWaitsUnlessOwner;
}

static BOOLEAN ExpTakeShared(PERESOURCE Resource, BOOLEAN Wait, EXP_SHARING Sharing)
{
    ERESOURCE_THREAD Thread = ExpThisThread();
    BOOLEAN Granted = FALSE;
    KIRQL OldIrql;

    OldIrql = ExpLockWithRoom(Resource);
    if (Resource->ActiveEntries == 0) {
        ExpOwnAlone(Resource, Thread);
        Granted = TRUE;
    } else if (ExpMayShare(Resource, Thread, Sharing)) {
        ExpOwnShared(Resource, Thread);
        Granted = TRUE;
    } else if (Wait) {
        Resource->NumberOfSharedWaiters++;
        ExpWaitForGrant(Resource, SHARED_QUEUE(Resource), OldIrql);
        return TRUE;
    }
    KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
    return Granted;
}

static inline BOOLEAN ExpAcquireShared(PERESOURCE Resource, BOOLEAN Wait, EXP_SHARING Sharing,
                                       PVOID Site)
{
    BOOLEAN Granted;

    KI_ASSERT_IRQL(APC_LEVEL);
    ExpBeforeAcquire(Resource, Wait, Site);
    Granted = ExpTakeShared(Resource, Wait, Sharing);
    if (Granted)
        KiThreadLockTaken(Resource, KiResource, Site);
    return Granted;
}

/*
 * Acquires for shared access (WDK: ExAcquireResourceSharedLite). An owner may do so again; to an
 * exclusive one it stays exclusive. Others wait while there is an exclusive owner, or a thread
 * that waits to become one. IRQL <= APC_LEVEL, normal kernel APCs disabled. FALSE: Wait is, and
 * the thread would have to wait.
 */
BOOLEAN NTAPI ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return ExpAcquireShared(Resource, Wait, SharingWaitsUnlessOwner, KI_CALLER);
}

/* The same, but threads that wait for exclusive access do not matter. */
BOOLEAN NTAPI ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return ExpAcquireShared(Resource, Wait, SharingStarvesExclusive, KI_CALLER);
}

/* The same, but for threads that wait for exclusive access a sharer waits, too. */
BOOLEAN NTAPI ExAcquireSharedWaitForExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return ExpAcquireShared(Resource, Wait, SharingAlwaysWaits, KI_CALLER);
}

/* The next three return a thread's pointer for the window manager, which no thread has. */
PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(Resource, TRUE);
    return NULL;
}

PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(Resource, TRUE);
    return NULL;
}

PVOID NTAPI ExEnterCriticalRegionAndAcquireSharedWaitForExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireSharedWaitForExclusive(Resource, TRUE);
    return NULL;
}

/* ---- Releasing ---------------------------------------------------------------------------------
 */

/* The entry of an owner; there must be one. The spin lock is held. */
static POWNER_ENTRY ExpRequireOwner(PERESOURCE Resource, ERESOURCE_THREAD Thread)
{
    POWNER_ENTRY Entry = Thread ? ExpFindOwner(Resource, Thread) : NULL;

    if (Entry == NULL)
        KeBugCheckEx(RESOURCE_NOT_OWNED, (ULONG_PTR)Resource, Thread,
                     (ULONG_PTR)Resource->OwnerTable, 0);
    return Entry;
}

/* An owner that is no thread has its two lowest bits set, and no list of locks. */
static inline VOID ExpNoteRelease(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    UNREFERENCED_PARAMETER(Resource);
    if ((Owner & OWNER_POINTER_BITS) == 0)
        KiThreadLockLetGo((PKTHREAD)Owner, Resource);
}

/*
 * Releases what a thread, or an owner pointer, has acquired, once (WDK:
 * ExReleaseResourceForThreadLite). IRQL <= DISPATCH_LEVEL. Bug check 0xE3: it has not.
 */
VOID NTAPI ExReleaseResourceForThreadLite(PERESOURCE Resource, ERESOURCE_THREAD ResourceThreadId)
{
    PEXP_WAITER Granted = NULL;
    POWNER_ENTRY Entry;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KI_VERIFY(ExpAreApcsDisabled(), 0x38, KiGetCurrentIrql(),
              KiGetCurrentThread()->CombinedApcDisable, Resource);
    KeAcquireSpinLock(&Resource->SpinLock, &OldIrql);
    Entry = ExpRequireOwner(Resource, ResourceThreadId);
    ExpNoteRelease(Resource, ResourceThreadId);
    if (--Entry->OwnerCount == 0) {
        BOOLEAN WasExclusive = ExpIsOwnedExclusive(Resource);
        ExpRemoveOwner(Resource, Entry);
        Resource->Flag &= ~ResourceOwnedExclusive;
        if (Resource->ActiveEntries == 0 && ExpHasWaiters(Resource))
            Granted = ExpPassOn(Resource, WasExclusive);
    }
    KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
    ExpWakeWaiters(Granted);
}

VOID FASTCALL ExReleaseResourceLite(PERESOURCE Resource)
{
    ExReleaseResourceForThreadLite(Resource, ExpThisThread());
}

VOID FASTCALL ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE Resource)
{
    ExReleaseResourceForThreadLite(Resource, ExpThisThread());
    KeLeaveCriticalRegion();
}

/* Makes the exclusive owner a sharer, and sharers of all who wait to be (WDK: same name). */
VOID NTAPI ExConvertExclusiveToSharedLite(PERESOURCE Resource)
{
    PEXP_WAITER Granted;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireSpinLock(&Resource->SpinLock, &OldIrql);
    ExpRequireOwner(Resource, ExpThisThread());
    ASSERT(ExpIsOwnedExclusive(Resource));
    Resource->Flag &= ~ResourceOwnedExclusive;
    Granted = ExpGrantShared(Resource);
    KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
    ExpWakeWaiters(Granted);
}

/* The current thread is not the owner any more, of any of its acquisitions. */
static inline VOID ExpForgetOwner(PERESOURCE Resource, POWNER_ENTRY Entry)
{
#if DBG
    ULONG Count = Entry->OwnerCount;

    while (Count-- > 0)
        KiThreadLockLetGo(KiGetCurrentThread(), Resource);
#else
    UNREFERENCED_PARAMETER(Resource);
    UNREFERENCED_PARAMETER(Entry);
#endif
}

/* Puts another owner in the current thread's place; one that is there already takes over. */
static VOID ExpSetOwner(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    POWNER_ENTRY Entry, Same;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireSpinLock(&Resource->SpinLock, &OldIrql);
    Entry = ExpRequireOwner(Resource, ExpThisThread());
    ExpForgetOwner(Resource, Entry);
    Same = ExpFindOwner(Resource, Owner);
    if (Same && Same != Entry) {
        Same->OwnerCount += Entry->OwnerCount;
        ExpRemoveOwner(Resource, Entry);
    } else {
        Entry->OwnerThread = Owner;
    }
    KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
}

/*
 * Makes a pointer the owner instead of the current thread; whoever has it releases the resource
 * with ExReleaseResourceForThreadLite. Its two lowest bits must be set, which those of no thread
 * are (WDK: ExSetResourceOwnerPointer). IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI ExSetResourceOwnerPointer(PERESOURCE Resource, PVOID OwnerPointer)
{
    ASSERT(((ULONG_PTR)OwnerPointer & OWNER_POINTER_BITS) == OWNER_POINTER_BITS);
    ExpSetOwner(Resource, (ERESOURCE_THREAD)OwnerPointer);
}

/* The same (WDK: ExSetResourceOwnerPointerEx); with the flag the pointer is that of a thread. */
VOID NTAPI ExSetResourceOwnerPointerEx(PERESOURCE Resource, PVOID OwnerPointer, ULONG Flags)
{
    ASSERT((Flags & FLAG_OWNER_POINTER_IS_THREAD) || ((ULONG_PTR)OwnerPointer & 3) == 3);
    UNREFERENCED_PARAMETER(Flags);
    ExpSetOwner(Resource, (ERESOURCE_THREAD)OwnerPointer);
}

/* ---- Asking ------------------------------------------------------------------------------------
 */

/*
 * Without the lock: whether it is this thread's only this thread changes. IRQL <=
 * DISPATCH_LEVEL.
 */
BOOLEAN NTAPI ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    return ExpIsOwnedExclusive(Resource) && Resource->OwnerEntry.OwnerThread == ExpThisThread();
}

/* How many times the current thread has acquired it, either way. IRQL <= DISPATCH_LEVEL. */
ULONG NTAPI ExIsResourceAcquiredSharedLite(PERESOURCE Resource)
{
    POWNER_ENTRY Entry;
    KIRQL OldIrql;
    ULONG Count;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireSpinLock(&Resource->SpinLock, &OldIrql);
    Entry = ExpFindOwner(Resource, ExpThisThread());
    Count = Entry ? Entry->OwnerCount : 0;
    KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
    return Count;
}

/* How many wait for exclusive access. IRQL <= DISPATCH_LEVEL. */
ULONG NTAPI ExGetExclusiveWaiterCount(PERESOURCE Resource)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    return Resource->NumberOfExclusiveWaiters;
}

/* How many wait to share. IRQL <= DISPATCH_LEVEL. */
ULONG NTAPI ExGetSharedWaiterCount(PERESOURCE Resource)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    return Resource->NumberOfSharedWaiters;
}

/* ---- Making and deleting -----------------------------------------------------------------------
 */

/* The storage must be nonpaged, at 8-byte alignment in 64-bit Windows. IRQL <= DISPATCH_LEVEL. */
NTSTATUS NTAPI ExInitializeResourceLite(PERESOURCE Resource)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KiForgetLocksIn(Resource, sizeof *Resource);
    RtlZeroMemory(Resource, sizeof *Resource);
    KeAcquireSpinLock(&ExpResourceListLock, &OldIrql);
    InsertTailList(&ExpSystemResourcesList, &Resource->SystemResourcesList);
    KeReleaseSpinLock(&ExpResourceListLock, OldIrql);
    return STATUS_SUCCESS;
}

/* As new, but it keeps its table. Nobody may own it or wait for it. IRQL <= DISPATCH_LEVEL. */
NTSTATUS NTAPI ExReinitializeResourceLite(PERESOURCE Resource)
{
    POWNER_ENTRY Table = Resource->OwnerTable;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT(Resource->NumberOfExclusiveWaiters == 0 && Resource->NumberOfSharedWaiters == 0);
    RtlZeroMemory(&Resource->ActiveCount, sizeof *Resource - FIELD_OFFSET(ERESOURCE, ActiveCount));
    if (Table)
        RtlZeroMemory(Table + 1, (Table->TableSize - 1) * sizeof *Table);
    return STATUS_SUCCESS;
}

/* Before its storage is freed. Nobody may own it or wait for it. IRQL <= DISPATCH_LEVEL. */
NTSTATUS NTAPI ExDeleteResourceLite(PERESOURCE Resource)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT(Resource->ActiveEntries == 0 && Resource->NumberOfExclusiveWaiters == 0);
    KeAcquireSpinLock(&ExpResourceListLock, &OldIrql);
    RemoveEntryList(&Resource->SystemResourcesList);
    KeReleaseSpinLock(&ExpResourceListLock, OldIrql);
    if (Resource->OwnerTable)
        ExFreePoolWithTag(Resource->OwnerTable, TAG_OWNERS);
    Resource->OwnerTable = NULL;
    return STATUS_SUCCESS;
}

/* Owners are not boosted here, whether this has been called or not. IRQL <= DISPATCH_LEVEL. */
VOID NTAPI ExDisableResourceBoostLite(PERESOURCE Resource)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireSpinLock(&Resource->SpinLock, &OldIrql);
    Resource->Flag |= RESOURCE_DISABLE_BOOST;
    KeReleaseSpinLock(&Resource->SpinLock, OldIrql);
}
