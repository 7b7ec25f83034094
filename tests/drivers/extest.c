/*
 * extest.sys: what a driver may rely on about the executive's locks, lists, look-aside lists,
 * interlocked routines, worker threads and callback objects, checked from inside.
 *
 * Other threads are brought to where they are wanted by events, or by waiting until a count says
 * that they wait; who comes first by time decides nothing. Source: WDK, the pages of the routines.
 */
#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define TAG   'tsTE'
#define POLLS 3000 /* times 10 ms at the most: then what is waited for does not happen */

/* What the import library lacks, or has with the wrong number of bytes, or the headers rename. */
#undef ExInterlockedAddUlong
#undef ExInterlockedInsertHeadList
#undef ExInterlockedRemoveHeadList
NTKERNELAPI ULONG NTAPI ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock);
NTKERNELAPI PLIST_ENTRY NTAPI ExInterlockedInsertHeadList(PLIST_ENTRY Head, PLIST_ENTRY Entry,
                                                          PKSPIN_LOCK Lock);
NTKERNELAPI PLIST_ENTRY NTAPI ExInterlockedRemoveHeadList(PLIST_ENTRY Head, PKSPIN_LOCK Lock);
NTKERNELAPI VOID FASTCALL ExfAcquirePushLockExclusive(PULONG_PTR PushLock);
NTKERNELAPI VOID FASTCALL ExfAcquirePushLockShared(PULONG_PTR PushLock);
NTKERNELAPI BOOLEAN FASTCALL ExfTryAcquirePushLockShared(PULONG_PTR PushLock);
NTKERNELAPI VOID FASTCALL ExfReleasePushLockExclusive(PULONG_PTR PushLock);
NTKERNELAPI VOID FASTCALL ExfReleasePushLockShared(PULONG_PTR PushLock);
NTKERNELAPI VOID FASTCALL ExfTryToWakePushLock(PULONG_PTR PushLock);
typedef PSLIST_ENTRY(FASTCALL *PUSH_LIST)(PSLIST_HEADER, PSLIST_ENTRY, PSLIST_ENTRY, ULONG);
typedef BOOLEAN(FASTCALL *ACQUIRE_RUNDOWN_EX)(PEX_RUNDOWN_REF, ULONG);

/* ---- Helpers -----------------------------------------------------------------------------------
 */

/* Waits until a number is what it is to become. FALSE: it does not. */
static BOOLEAN WaitForValue(volatile ULONG *Value, ULONG Wanted)
{
    ULONG Poll;

    for (Poll = 0; *Value != Wanted && Poll < POLLS; Poll++)
        Delay(1);
    return *Value == Wanted;
}

static PVOID RoutineNamed(PCWSTR Name)
{
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    return MmGetSystemRoutineAddress(&String);
}

/* ---- Actors: threads that acquire a lock when told to, and release it when told to -------------
 */

typedef BOOLEAN ACQUIRE(PVOID Lock, BOOLEAN Wait);
typedef VOID RELEASE(PVOID Lock);

typedef struct _ACTOR {
    PVOID Lock;
    ACQUIRE *Acquire;
    RELEASE *Release;
    BOOLEAN Wait;
    volatile BOOLEAN Got; /* what Acquire returned */
    KEVENT Done;          /* Acquire has returned */
    KEVENT Leave;
    PKTHREAD Thread;
} ACTOR, *PACTOR;

static VOID NTAPI ActorRoutine(PVOID Context)
{
    PACTOR Actor = Context;

    KeEnterCriticalRegion();
    Actor->Got = Actor->Acquire(Actor->Lock, Actor->Wait);
    KeSetEvent(&Actor->Done, 0, FALSE);
    if (Actor->Got) {
        Wait(&Actor->Leave);
        Actor->Release(Actor->Lock);
    }
    KeLeaveCriticalRegion();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID StartActor(PACTOR Actor, PVOID Lock, ACQUIRE *Acquire, RELEASE *Release, BOOLEAN Wait)
{
    RtlZeroMemory(Actor, sizeof *Actor);
    Actor->Lock = Lock;
    Actor->Acquire = Acquire;
    Actor->Release = Release;
    Actor->Wait = Wait;
    KeInitializeEvent(&Actor->Done, NotificationEvent, FALSE);
    KeInitializeEvent(&Actor->Leave, NotificationEvent, FALSE);
    Actor->Thread = StartThread(ActorRoutine, Actor);
}

static VOID DismissActor(PACTOR Actor)
{
    KeSetEvent(&Actor->Leave, 0, FALSE);
    JoinThread(Actor->Thread);
}

/* Whether another thread would get the lock at once. */
static BOOLEAN OthersGet(PVOID Lock, ACQUIRE *Acquire, RELEASE *Release)
{
    ACTOR Actor;

    StartActor(&Actor, Lock, Acquire, Release, FALSE);
    Wait(&Actor.Done);
    DismissActor(&Actor);
    return Actor.Got;
}

/* ---- Resources ---------------------------------------------------------------------------------
 */

static BOOLEAN Exclusive(PVOID Lock, BOOLEAN Wait)
{
    return ExAcquireResourceExclusiveLite(Lock, Wait);
}

static BOOLEAN Shared(PVOID Lock, BOOLEAN Wait)
{
    return ExAcquireResourceSharedLite(Lock, Wait);
}

static BOOLEAN Starving(PVOID Lock, BOOLEAN Wait)
{
    return ExAcquireSharedStarveExclusive(Lock, Wait);
}

static BOOLEAN Yielding(PVOID Lock, BOOLEAN Wait)
{
    return ExAcquireSharedWaitForExclusive(Lock, Wait);
}

static VOID Release(PVOID Lock)
{
    ExReleaseResourceLite(Lock);
}

static BOOLEAN OthersCanOwn(PERESOURCE Resource)
{
    return OthersGet(Resource, Exclusive, Release);
}

static BOOLEAN OthersCanShare(PERESOURCE Resource)
{
    return OthersGet(Resource, Shared, Release);
}

/* An actor that waits for the resource. */
static VOID StartWaiter(PACTOR Actor, PERESOURCE Resource, ACQUIRE *Acquire)
{
    volatile ULONG *Waiters = Acquire == Exclusive ? &Resource->NumberOfExclusiveWaiters
                                                   : &Resource->NumberOfSharedWaiters;
    ULONG Before = *Waiters;

    StartActor(Actor, Resource, Acquire, Release, TRUE);
    WaitForValue(Waiters, Before + 1);
}

static VOID TestResourceAlone(VOID)
{
    ERESOURCE Resource;

    CheckEqual("resource: 56 bytes", sizeof Resource, 56);
    CheckEqual("resource: made", ExInitializeResourceLite(&Resource), STATUS_SUCCESS);
    Check("resource: nobody's at first", !ExIsResourceAcquiredExclusiveLite(&Resource) &&
                                             ExIsResourceAcquiredSharedLite(&Resource) == 0);
    Check("resource: exclusive at once", ExAcquireResourceExclusiveLite(&Resource, FALSE));
    Check("resource: exclusive again", ExAcquireResourceExclusiveLite(&Resource, FALSE));
    Check("resource: shared by its exclusive owner", ExAcquireResourceSharedLite(&Resource, FALSE));
    CheckEqual("resource: three times", ExIsResourceAcquiredSharedLite(&Resource), 3);
    ExReleaseResourceLite(&Resource);
    Check("resource: still exclusive", ExIsResourceAcquiredExclusiveLite(&Resource));
    Check("resource: nobody else gets it", !OthersCanShare(&Resource) && !OthersCanOwn(&Resource));
    ExReleaseResourceLite(&Resource);
    Check("resource: one release is not enough", !OthersCanShare(&Resource));
    ExReleaseResourceLite(&Resource);
    Check("resource: free after as many releases", OthersCanOwn(&Resource));
    CheckEqual("resource: deleted", ExDeleteResourceLite(&Resource), STATUS_SUCCESS);
}

static VOID TestResourceShared(VOID)
{
    ERESOURCE Resource;

    ExInitializeResourceLite(&Resource);
    Check("resource: shared at once", ExAcquireResourceSharedLite(&Resource, FALSE));
    Check("resource: shared is not exclusive", !ExIsResourceAcquiredExclusiveLite(&Resource));
    Check("resource: others share", OthersCanShare(&Resource));
    Check("resource: a sharer keeps others from owning", !OthersCanOwn(&Resource));
    Check("resource: and itself", !ExAcquireResourceExclusiveLite(&Resource, FALSE));
    Check("resource: shared again", ExAcquireResourceSharedLite(&Resource, FALSE));
    CheckEqual("resource: twice", ExIsResourceAcquiredSharedLite(&Resource), 2);
    ExReleaseResourceLite(&Resource);
    ExReleaseResourceLite(&Resource);
    Check("resource: owned after the last sharer", OthersCanOwn(&Resource));
    ExDeleteResourceLite(&Resource);
}

/* We share, another waits to own. */
static VOID TestResourceStarvation(VOID)
{
    ERESOURCE Resource;
    ACTOR Owner;

    ExInitializeResourceLite(&Resource);
    ExAcquireResourceSharedLite(&Resource, TRUE);
    StartWaiter(&Owner, &Resource, Exclusive);
    CheckEqual("resource: one waits to own", ExGetExclusiveWaiterCount(&Resource), 1);
    Check("resource: that stops new sharers", !OthersCanShare(&Resource));
    Check("resource: but not old ones", ExAcquireResourceSharedLite(&Resource, FALSE));
    Check("resource: unless they yield", !ExAcquireSharedWaitForExclusive(&Resource, FALSE));
    Check("resource: nor those who starve it", OthersGet(&Resource, Starving, Release));
    Check("resource: new ones cannot yield", !OthersGet(&Resource, Yielding, Release));
    ExReleaseResourceLite(&Resource);
    Check("resource: it still waits", !Owner.Got);
    ExReleaseResourceLite(&Resource);
    Wait(&Owner.Done);
    CheckEqual("resource: nobody waits any more", ExGetExclusiveWaiterCount(&Resource), 0);
    Check("resource: it owns now", !ExAcquireSharedStarveExclusive(&Resource, FALSE));
    DismissActor(&Owner);
    Check("resource: free again", OthersCanOwn(&Resource));
    ExDeleteResourceLite(&Resource);
}

/* We own; two wait to share, and one to own between them. */
static VOID TestResourceOrder(BOOLEAN Convert)
{
    ACTOR First, Owner, Second;
    ERESOURCE Resource;

    ExInitializeResourceLite(&Resource);
    ExAcquireResourceExclusiveLite(&Resource, TRUE);
    StartWaiter(&First, &Resource, Shared);
    StartWaiter(&Owner, &Resource, Exclusive);
    StartWaiter(&Second, &Resource, Shared);
    CheckEqual("resource: two wait to share", ExGetSharedWaiterCount(&Resource), 2);
    CheckEqual("resource: contention was counted", Resource.ContentionCount, 3);
    if (Convert)
        ExConvertExclusiveToSharedLite(&Resource);
    else
        ExReleaseResourceLite(&Resource);
    Wait(&First.Done);
    Wait(&Second.Done);
    Check(Convert ? "resource: converted, all share" : "resource: released, all share",
          ExGetSharedWaiterCount(&Resource) == 0 && Resource.ActiveEntries == (Convert ? 3 : 2));
    Check("resource: the other goes on waiting", !IsSignalled(&Owner.Done));
    DismissActor(&First);
    DismissActor(&Second);
    if (Convert) {
        Check("resource: for the one who converted, too", !IsSignalled(&Owner.Done));
        ExReleaseResourceLite(&Resource);
    }
    Wait(&Owner.Done);
    Check("resource: and owns when the last has left", Owner.Got && !OthersCanShare(&Resource));
    DismissActor(&Owner);
    ExDeleteResourceLite(&Resource);
}

#define SHARERS 11

static VOID TestResourceManySharers(VOID)
{
    static ACTOR Sharers[SHARERS];
    ERESOURCE Resource;
    ULONG i, Got = 0;

    ExInitializeResourceLite(&Resource);
    ExAcquireResourceExclusiveLite(&Resource, TRUE);
    for (i = 0; i < SHARERS; i++)
        StartWaiter(&Sharers[i], &Resource, Shared);
    ExReleaseResourceLite(&Resource);
    for (i = 0; i < SHARERS; i++)
        Wait(&Sharers[i].Done);
    CheckEqual("resource: many share", Resource.ActiveEntries, SHARERS);
    for (i = 0; i < SHARERS; i++) {
        Got += Sharers[i].Got;
        DismissActor(&Sharers[i]);
    }
    CheckEqual("resource: each of them got it", Got, SHARERS);
    Check("resource: and all have left", OthersCanOwn(&Resource));
    CheckEqual("resource: made anew", ExReinitializeResourceLite(&Resource), STATUS_SUCCESS);
    Check("resource: contention forgotten", Resource.ContentionCount == 0);
    Check("resource: and usable", OthersCanOwn(&Resource) && OthersCanShare(&Resource));
    ExDeleteResourceLite(&Resource);
}

static VOID TestResourceOwnerPointer(VOID)
{
    ERESOURCE_THREAD Owner = (ERESOURCE_THREAD)&Owner | 3;
    ERESOURCE Resource;

    ExInitializeResourceLite(&Resource);
    ExAcquireResourceExclusiveLite(&Resource, TRUE);
    ExSetResourceOwnerPointer(&Resource, (PVOID)Owner);
    Check("resource: not ours after an owner pointer is set",
          !ExIsResourceAcquiredExclusiveLite(&Resource) &&
              ExIsResourceAcquiredSharedLite(&Resource) == 0);
    Check("resource: but owned", !ExAcquireResourceSharedLite(&Resource, FALSE));
    ExReleaseResourceForThreadLite(&Resource, Owner);
    Check("resource: released by the pointer", OthersCanOwn(&Resource));
    ExAcquireResourceSharedLite(&Resource, TRUE);
    ExReleaseResourceForThreadLite(&Resource, ExGetCurrentResourceThread());
    Check("resource: released by the thread", OthersCanOwn(&Resource));
    ExDeleteResourceLite(&Resource);
}

/* ---- Several threads at once, for all locks ----------------------------------------------------
 */

#define CROWD       4
#define ROUNDS      400
#define SHARE_TRIES 3

/* What a crowd does under a lock. Adding is done in two steps with a switch between them now and
   then, so that without the lock additions would be lost. */
typedef struct _CROWDED {
    PVOID Lock;
    ACQUIRE *Own, *Share;
    RELEASE *ReleaseOwned, *ReleaseShared;
    volatile LONG Owners, Sharers, Most;
    volatile ULONG Sum;
    volatile BOOLEAN Wrong;
    volatile LONG Arrived; /* they begin when all are there */
} CROWDED, *PCROWDED;

static VOID MaybeSwitch(ULONG Round)
{
    if (Round % 3 == 0)
        Delay(0); /* lets others run */
}

static VOID AddOwning(PCROWDED Crowd, ULONG Round)
{
    ULONG Sum;

    Crowd->Own(Crowd->Lock, TRUE);
    if (InterlockedIncrement(&Crowd->Owners) != 1 || Crowd->Sharers != 0)
        Crowd->Wrong = TRUE;
    Sum = Crowd->Sum;
    MaybeSwitch(Round);
    Crowd->Sum = Sum + 1;
    InterlockedDecrement(&Crowd->Owners);
    Crowd->ReleaseOwned(Crowd->Lock);
}

static VOID LookSharing(PCROWDED Crowd, ULONG Round)
{
    LONG Sharers;
    ULONG Tries;

    Crowd->Share(Crowd->Lock, TRUE);
    Sharers = InterlockedIncrement(&Crowd->Sharers);
    if (Sharers > Crowd->Most)
        Crowd->Most = Sharers;
    for (Tries = 0; Tries < SHARE_TRIES && Crowd->Most < 2; Tries++)
        Delay(1); /* others may come, unless one who wants to own it stands before them */
    MaybeSwitch(Round);
    if (Crowd->Owners != 0)
        Crowd->Wrong = TRUE;
    InterlockedDecrement(&Crowd->Sharers);
    Crowd->ReleaseShared(Crowd->Lock);
}

static VOID NTAPI CrowdRoutine(PVOID Context)
{
    PCROWDED Crowd = Context;
    ULONG Round;

    InterlockedIncrement(&Crowd->Arrived);
    while (Crowd->Arrived < CROWD)
        Delay(1);
    for (Round = 0; Round < ROUNDS; Round++) {
        KeEnterCriticalRegion();
        if (Crowd->Share && Round % 4 != 0)
            LookSharing(Crowd, Round);
        else
            AddOwning(Crowd, Round);
        KeLeaveCriticalRegion();
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID RunCrowd(PCSTR Name, PCROWDED Crowd)
{
    PKTHREAD Threads[CROWD];
    ULONG i;

    for (i = 0; i < CROWD; i++)
        Threads[i] = StartThread(CrowdRoutine, Crowd);
    for (i = 0; i < CROWD; i++)
        JoinThread(Threads[i]);
    if (Crowd->Share)
        Check("crowd: several shared at once", Crowd->Most > 1);
    CheckEqual(Name, Crowd->Sum, Crowd->Share ? CROWD * ROUNDS / 4 : CROWD * ROUNDS);
    Check("crowd: one owner, or sharers", !Crowd->Wrong);
}

static VOID TestResourceCrowd(VOID)
{
    ERESOURCE Resource;
    CROWDED Crowd = {.Lock = &Resource,
                     .Own = Exclusive,
                     .Share = Shared,
                     .ReleaseOwned = Release,
                     .ReleaseShared = Release};

    ExInitializeResourceLite(&Resource);
    RunCrowd("crowd: no addition is lost under a resource", &Crowd);
    ExDeleteResourceLite(&Resource);
}

/* ---- Guarded mutexes ---------------------------------------------------------------------------
 */

static BOOLEAN OwnGuarded(PVOID Lock, BOOLEAN Wait)
{
    if (!Wait)
        return KeTryToAcquireGuardedMutex(Lock);
    KeAcquireGuardedMutex(Lock);
    return TRUE;
}

static VOID ReleaseGuarded(PVOID Lock)
{
    KeReleaseGuardedMutex(Lock);
}

static VOID TestGuardedMutex(VOID)
{
    KGUARDED_MUTEX Mutex;
    CROWDED Crowd = {.Lock = &Mutex, .Own = OwnGuarded, .ReleaseOwned = ReleaseGuarded};
    BOOLEAN Again, Got;
    KIRQL During;

    KeInitializeGuardedMutex(&Mutex);
    KeAcquireGuardedMutex(&Mutex);
    During = KeGetCurrentIrql();
    CheckEqual("guarded mutex: IRQL stays as it is", During, PASSIVE_LEVEL);
    Check("guarded mutex: APCs are disabled", KeAreApcsDisabled());
    Again = KeTryToAcquireGuardedMutex(&Mutex);
    Got = OthersGet(&Mutex, OwnGuarded, ReleaseGuarded);
    KeReleaseGuardedMutex(&Mutex);
    Check("guarded mutex: one owner, once", !Again && !Got);
    Check("guarded mutex: free afterwards", OthersGet(&Mutex, OwnGuarded, ReleaseGuarded));
    KeEnterGuardedRegion();
    KeAcquireGuardedMutexUnsafe(&Mutex);
    Got = OthersGet(&Mutex, OwnGuarded, ReleaseGuarded);
    KeReleaseGuardedMutexUnsafe(&Mutex);
    KeLeaveGuardedRegion();
    Check("guarded mutex: owned unsafely, too", !Got);
    RunCrowd("crowd: no addition is lost under a guarded mutex", &Crowd);
}

/* ---- Push locks --------------------------------------------------------------------------------
 */

static BOOLEAN OwnPush(PVOID Lock, BOOLEAN Wait)
{
    UNREFERENCED_PARAMETER(Wait);
    ExfAcquirePushLockExclusive(Lock);
    return TRUE;
}

static BOOLEAN SharePush(PVOID Lock, BOOLEAN Wait)
{
    if (!Wait)
        return ExfTryAcquirePushLockShared(Lock);
    ExfAcquirePushLockShared(Lock);
    return TRUE;
}

static VOID ReleaseOwnedPush(PVOID Lock)
{
    ExfReleasePushLockExclusive(Lock);
}

static VOID ReleaseSharedPush(PVOID Lock)
{
    ExfReleasePushLockShared(Lock);
}

/* We share, another waits to own: bit 1 says so. Then the last sharer leaves as inline code may. */
static VOID TestPushLockWaiter(volatile ULONG_PTR *Lock)
{
    ACTOR Owner;

    ExfAcquirePushLockShared((PULONG_PTR)Lock);
    StartActor(&Owner, (PVOID)Lock, OwnPush, ReleaseOwnedPush, TRUE);
    Check("push lock: one waits", WaitForValue(Lock, 0x13));
    Check("push lock: that stops new sharers",
          !OthersGet((PVOID)Lock, SharePush, ReleaseSharedPush));
    ExfReleasePushLockShared((PULONG_PTR)Lock);
    Wait(&Owner.Done);
    CheckEqual("push lock: it owns now", *Lock, 1);
    DismissActor(&Owner);
    CheckEqual("push lock: free again", *Lock, 0);
    ExfAcquirePushLockExclusive((PULONG_PTR)Lock);
    StartActor(&Owner, (PVOID)Lock, OwnPush, ReleaseOwnedPush, TRUE);
    WaitForValue(Lock, 3);
    InterlockedExchangeAdd((PLONG)Lock, -1);
    ExfTryToWakePushLock((PULONG_PTR)Lock);
    Wait(&Owner.Done);
    DismissActor(&Owner);
    CheckEqual("push lock: passed on after an inline release", *Lock, 0);
}

static VOID TestPushLock(VOID)
{
    ULONG_PTR Lock = 0;
    CROWDED Crowd = {.Lock = &Lock,
                     .Own = OwnPush,
                     .Share = SharePush,
                     .ReleaseOwned = ReleaseOwnedPush,
                     .ReleaseShared = ReleaseSharedPush};

    KeEnterCriticalRegion();
    ExfAcquirePushLockExclusive(&Lock);
    CheckEqual("push lock: owned", Lock, 1);
    Check("push lock: by one", !OthersGet(&Lock, SharePush, ReleaseSharedPush));
    ExfReleasePushLockExclusive(&Lock);
    ExfAcquirePushLockShared(&Lock);
    CheckEqual("push lock: shared", Lock, 0x11);
    Check("push lock: by several", OthersGet(&Lock, SharePush, ReleaseSharedPush));
    ExfReleasePushLockShared(&Lock);
    CheckEqual("push lock: free", Lock, 0);
    TestPushLockWaiter(&Lock);
    KeLeaveCriticalRegion();
    RunCrowd("crowd: no addition is lost under a push lock", &Crowd);
    CheckEqual("push lock: free after the crowd", Lock, 0);
}

/* ---- Rundown protection ------------------------------------------------------------------------
 */

typedef struct _RUNDOWN {
    EX_RUNDOWN_REF Ref;
    KEVENT Over;
} RUNDOWN, *PRUNDOWN;

static VOID NTAPI RundownRoutine(PVOID Context)
{
    PRUNDOWN Rundown = Context;

    ExWaitForRundownProtectionRelease(&Rundown->Ref);
    KeSetEvent(&Rundown->Over, 0, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* Another thread waits for what we have acquired three times. */
static VOID TestRundownWait(PRUNDOWN Rundown)
{
    PKTHREAD Thread;
    ULONG Poll;

    Thread = StartThread(RundownRoutine, Rundown);
    for (Poll = 0; Poll < POLLS && ExAcquireRundownProtection(&Rundown->Ref); Poll++) {
        ExReleaseRundownProtection(&Rundown->Ref);
        Delay(1);
    }
    Check("rundown: nobody comes in once it has begun", Poll < POLLS);
    ExReleaseRundownProtection(&Rundown->Ref);
    Delay(20);
    Check("rundown: waits for the last one", !IsSignalled(&Rundown->Over));
    ExReleaseRundownProtectionEx(&Rundown->Ref, 2);
    Wait(&Rundown->Over);
    JoinThread(Thread);
    Check("rundown: over", !ExAcquireRundownProtection(&Rundown->Ref));
}

static VOID TestRundown(VOID)
{
    ACQUIRE_RUNDOWN_EX AcquireEx =
        (ACQUIRE_RUNDOWN_EX)RoutineNamed(L"ExAcquireRundownProtectionEx");
    static RUNDOWN Rundown;

    ExInitializeRundownProtection(&Rundown.Ref);
    KeInitializeEvent(&Rundown.Over, NotificationEvent, FALSE);
    Check("rundown: acquired", ExAcquireRundownProtection(&Rundown.Ref));
    Check("rundown: twice more", AcquireEx(&Rundown.Ref, 2));
    TestRundownWait(&Rundown);
    ExWaitForRundownProtectionRelease(&Rundown.Ref);
    ExReInitializeRundownProtection(&Rundown.Ref);
    Check("rundown: acquired after it was made anew", ExAcquireRundownProtection(&Rundown.Ref));
    ExReleaseRundownProtection(&Rundown.Ref);
    ExWaitForRundownProtectionRelease(&Rundown.Ref);
    Check("rundown: at once if nobody is in", !ExAcquireRundownProtection(&Rundown.Ref));
    ExInitializeRundownProtection(&Rundown.Ref);
    ExRundownCompleted(&Rundown.Ref);
    Check("rundown: completed by hand", !ExAcquireRundownProtection(&Rundown.Ref));
}

static VOID TestCacheAwareRundown(VOID)
{
    PEX_RUNDOWN_REF_CACHE_AWARE Allocated =
        ExAllocateCacheAwareRundownProtection(NonPagedPool, TAG);
    SIZE_T Size = ExSizeOfRundownProtectionCacheAware();
    PEX_RUNDOWN_REF_CACHE_AWARE Placed = ExAllocatePoolWithTag(NonPagedPool, Size, TAG);

    if (!Check("cache-aware rundown: allocated", Allocated && Placed))
        return;
    ExInitializeRundownProtectionCacheAware(Placed, Size);
    Check("cache-aware rundown: acquired, either kind",
          ExAcquireRundownProtectionCacheAware(Allocated) &&
              ExAcquireRundownProtectionCacheAware(Placed));
    ExReleaseRundownProtectionCacheAware(Allocated);
    ExReleaseRundownProtectionCacheAware(Placed);
    ExWaitForRundownProtectionReleaseCacheAware(Allocated);
    ExRundownCompletedCacheAware(Allocated);
    Check("cache-aware rundown: over", !ExAcquireRundownProtectionCacheAware(Allocated));
    ExReInitializeRundownProtectionCacheAware(Allocated);
    Check("cache-aware rundown: made anew", ExAcquireRundownProtectionCacheAware(Allocated));
    ExReleaseRundownProtectionCacheAware(Allocated);
    ExFreeCacheAwareRundownProtection(Allocated);
    ExFreePoolWithTag(Placed, TAG);
}

/* ---- Sequenced lists ---------------------------------------------------------------------------
 */

static VOID TestSList(VOID)
{
    PUSH_LIST PushList = (PUSH_LIST)RoutineNamed(L"InterlockedPushListSList");
    SLIST_ENTRY Nodes[4];
    SLIST_HEADER List;

    InitializeSListHead(&List);
    Check("slist: empty", InterlockedPopEntrySList(&List) == NULL && QueryDepthSList(&List) == 0);
    Check("slist: pushing returns the first",
          InterlockedPushEntrySList(&List, &Nodes[0]) == NULL &&
              InterlockedPushEntrySList(&List, &Nodes[1]) == &Nodes[0]);
    CheckEqual("slist: has a depth", QueryDepthSList(&List), 2);
    CheckEqual("slist: counts pushes", List.Sequence, 2);
    Check("slist: last in, first out", InterlockedPopEntrySList(&List) == &Nodes[1] &&
                                           InterlockedPopEntrySList(&List) == &Nodes[0]);
    Check("slist: empty again", InterlockedPopEntrySList(&List) == NULL && List.Depth == 0);
    InterlockedPushEntrySList(&List, &Nodes[0]);
    Nodes[1].Next = &Nodes[2];
    Check("slist: a chain is pushed",
          PushList(&List, &Nodes[1], &Nodes[2], 2) == &Nodes[0] && QueryDepthSList(&List) == 3);
    Check("slist: flushed as a chain", InterlockedFlushSList(&List) == &Nodes[1] &&
                                           Nodes[1].Next == &Nodes[2] &&
                                           Nodes[2].Next == &Nodes[0] && Nodes[0].Next == NULL);
    Check("slist: empty after that",
          InterlockedFlushSList(&List) == NULL && QueryDepthSList(&List) == 0);
}

#define NODES 8

typedef struct _NODE {
    SLIST_ENTRY Entry;
    volatile LONG Users;
} NODE, *PNODE;

static struct {
    SLIST_HEADER List;
    NODE Nodes[NODES];
    volatile BOOLEAN Wrong;
} Pile;

/* Who has popped a node has it alone. */
static VOID UseNode(ULONG Round)
{
    PNODE Node = (PNODE)InterlockedPopEntrySList(&Pile.List);

    if (Node == NULL) {
        Pile.Wrong = TRUE; /* there are more nodes than threads */
        return;
    }
    if (InterlockedIncrement(&Node->Users) != 1)
        Pile.Wrong = TRUE;
    MaybeSwitch(Round);
    InterlockedDecrement(&Node->Users);
    InterlockedPushEntrySList(&Pile.List, &Node->Entry);
}

static VOID NTAPI PileRoutine(PVOID Context)
{
    ULONG Round;

    UNREFERENCED_PARAMETER(Context);
    for (Round = 0; Round < 20 * ROUNDS; Round++)
        UseNode(Round);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestSListCrowd(VOID)
{
    PKTHREAD Threads[CROWD];
    ULONG i, Left = 0;

    InitializeSListHead(&Pile.List);
    for (i = 0; i < NODES; i++)
        InterlockedPushEntrySList(&Pile.List, &Pile.Nodes[i].Entry);
    for (i = 0; i < CROWD; i++)
        Threads[i] = StartThread(PileRoutine, NULL);
    for (i = 0; i < CROWD; i++)
        JoinThread(Threads[i]);
    CheckEqual("slist: the depth is right after a crowd", QueryDepthSList(&Pile.List), NODES);
    while (InterlockedPopEntrySList(&Pile.List))
        Left++;
    CheckEqual("slist: no node is lost", Left, NODES);
    Check("slist: no node is had twice", !Pile.Wrong);
}

/* One thread pops and pushes; another, which interrupts it, frees the entries' pages and makes new
   ones. So a pop may find that the entry it is about to look at is gone with its page. */
static struct {
    SLIST_HEADER List;
    volatile BOOLEAN Stop;
    volatile ULONG Popped;
} Pages;

static VOID NTAPI PopAndPush(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    while (!Pages.Stop) {
        PSLIST_ENTRY Entry = InterlockedPopEntrySList(&Pages.List);
        if (Entry) {
            InterlockedPushEntrySList(&Pages.List, Entry);
            Pages.Popped++;
        }
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID FillPages(POOL_TYPE Type)
{
    ULONG i;

    for (i = 0; i < NODES; i++)
        InterlockedPushEntrySList(&Pages.List, ExAllocatePoolWithTag(Type, PAGE_SIZE, TAG));
}

static VOID EmptyPages(VOID)
{
    PSLIST_ENTRY Entry;

    while ((Entry = InterlockedPopEntrySList(&Pages.List)) != NULL)
        ExFreePoolWithTag(Entry, TAG);
}

static VOID TestSListPages(POOL_TYPE Type, PCSTR Name)
{
    PKTHREAD Thread;
    ULONG Round;

    InitializeSListHead(&Pages.List);
    Pages.Stop = FALSE;
    Pages.Popped = 0;
    Thread = StartThread(PopAndPush, NULL);
    for (Round = 0; Round < (KeNumberProcessors == 1 ? 60 : 10); Round++) {
        FillPages(Type);
        Delay(1);
        EmptyPages();
        Delay(1);
    }
    Pages.Stop = TRUE;
    JoinThread(Thread);
    EmptyPages();
    Check(Name, Pages.Popped != 0);
}

/* ---- Look-aside lists --------------------------------------------------------------------------
 */

static ULONG Allocated, Freed;

static PVOID NTAPI CountingAllocate(POOL_TYPE Type, SIZE_T Bytes, ULONG Tag)
{
    Allocated++;
    return ExAllocatePoolWithTag(Type, Bytes, Tag);
}

static VOID NTAPI CountingFree(PVOID Block)
{
    Freed++;
    ExFreePoolWithTag(Block, TAG);
}

static VOID TestLookaside(VOID)
{
    NPAGED_LOOKASIDE_LIST List;
    PVOID First, Second;

    Allocated = Freed = 0;
    ExInitializeNPagedLookasideList(&List, CountingAllocate, CountingFree, 0, 40, TAG, 0);
    Check("look-aside: made", List.L.Type == NonPagedPool && List.L.Size == 40 &&
                                  List.L.Tag == TAG && List.L.Depth != 0 &&
                                  List.L.MaximumDepth >= List.L.Depth);
    First = ExAllocateFromNPagedLookasideList(&List);
    Check("look-aside: an empty list allocates", First && Allocated == 1);
    ExFreeToNPagedLookasideList(&List, First);
    Check("look-aside: a block is kept", Freed == 0 && QueryDepthSList(&List.L.ListHead) == 1);
    Second = ExAllocateFromNPagedLookasideList(&List);
    Check("look-aside: and used again", Second == First && Allocated == 1);
    ExFreeToNPagedLookasideList(&List, Second);
    Check("look-aside: statistics", List.L.TotalAllocates == 2 && List.L.AllocateMisses == 1 &&
                                        List.L.TotalFrees == 2 && List.L.FreeMisses == 0);
    ExDeleteNPagedLookasideList(&List);
    CheckEqual("look-aside: deleting frees what is kept", Freed, 1);
}

static VOID TestLookasidePaged(VOID)
{
    PAGED_LOOKASIDE_LIST List;
    PULONG Block;

    ExInitializePagedLookasideList(&List, NULL, NULL, 0, 1, TAG, 0);
    Check("look-aside, paged: made",
          List.L.Type == PagedPool && List.L.Size >= LOOKASIDE_MINIMUM_BLOCK_SIZE);
    Block = ExAllocateFromPagedLookasideList(&List);
    Check("look-aside, paged: allocates from the pool", Block != NULL);
    *Block = 1;
    ExFreeToPagedLookasideList(&List, Block);
    Check("look-aside, paged: keeps", ExAllocateFromPagedLookasideList(&List) == Block);
    ExFreeToPagedLookasideList(&List, Block);
    ExDeletePagedLookasideList(&List);
}

static LOOKASIDE_LIST_EX ListEx;

static PVOID NTAPI AllocateEx(POOL_TYPE Type, SIZE_T Bytes, ULONG Tag, PLOOKASIDE_LIST_EX List)
{
    return List == &ListEx ? CountingAllocate(Type, Bytes, Tag) : NULL;
}

static VOID NTAPI FreeEx(PVOID Block, PLOOKASIDE_LIST_EX List)
{
    if (List == &ListEx)
        CountingFree(Block);
}

static VOID TestLookasideEx(VOID)
{
    PVOID Block;

    Allocated = Freed = 0;
    CheckEqual("look-aside, ex: the depth is reserved",
               ExInitializeLookasideListEx(&ListEx, AllocateEx, FreeEx, NonPagedPool, 0, 8, TAG, 1),
               STATUS_INVALID_PARAMETER_8);
    CheckEqual("look-aside, ex: made",
               ExInitializeLookasideListEx(&ListEx, AllocateEx, FreeEx, NonPagedPool, 0, 8, TAG, 0),
               STATUS_SUCCESS);
    Block = ExAllocateFromLookasideListEx(&ListEx);
    ExFreeToLookasideListEx(&ListEx, Block);
    Check("look-aside, ex: routines are told the list", Block && Allocated == 1 && Freed == 0);
    ExFlushLookasideListEx(&ListEx);
    CheckEqual("look-aside, ex: flushed", Freed, 1);
    ExFreeToLookasideListEx(&ListEx, ExAllocateFromLookasideListEx(&ListEx));
    ExDeleteLookasideListEx(&ListEx);
    CheckEqual("look-aside, ex: deleted", Freed, 2);
}

#define BURST 24

/* Allocates and frees more than the list keeps at first, until it keeps them all. */
static VOID TestLookasideDepth(VOID)
{
    PVOID Blocks[BURST];
    NPAGED_LOOKASIDE_LIST List;
    ULONG i, Poll;
    USHORT Before;

    ExInitializeNPagedLookasideList(&List, NULL, NULL, 0, 40, TAG, 0);
    Before = List.L.Depth;
    for (Poll = 0; Poll < POLLS && List.L.Depth < BURST; Poll++) {
        for (i = 0; i < BURST; i++)
            Blocks[i] = ExAllocateFromNPagedLookasideList(&List);
        for (i = 0; i < BURST; i++)
            ExFreeToNPagedLookasideList(&List, Blocks[i]);
        Delay(10);
    }
    Check("look-aside: little is kept at first", Before < BURST && List.L.FreeMisses != 0);
    CheckRange("look-aside: the depth follows its use", List.L.Depth, BURST, List.L.MaximumDepth);
    ExDeleteNPagedLookasideList(&List);
}

/* On a checked kernel: two blocks with locks change their places, and the locks with them. */
typedef struct _LOCK_BLOCK {
    SLIST_ENTRY Entry;
    KSPIN_LOCK Lock;
} LOCK_BLOCK, *PLOCK_BLOCK;

static VOID TestLookasideChecked(VOID)
{
    NPAGED_LOOKASIDE_LIST List;
    PLOCK_BLOCK First, Second;
    KIRQL OldIrql;
    ULONG i;

    ExInitializeNPagedLookasideList(&List, NULL, NULL, 0, sizeof(LOCK_BLOCK), TAG, 0);
    for (i = 0; i < 2; i++) {
        First = ExAllocateFromNPagedLookasideList(&List);
        Second = ExAllocateFromNPagedLookasideList(&List);
        KeInitializeSpinLock(&First->Lock);
        KeInitializeSpinLock(&Second->Lock);
        KeAcquireSpinLock(&First->Lock, &OldIrql);
        KeAcquireSpinLockAtDpcLevel(&Second->Lock);
        KeReleaseSpinLockFromDpcLevel(&Second->Lock);
        KeReleaseSpinLock(&First->Lock, OldIrql);
        ExFreeToNPagedLookasideList(&List, First);
        ExFreeToNPagedLookasideList(&List, Second); /* the next one that is allocated */
    }
    CheckEqual("look-aside, checked: nothing is kept", QueryDepthSList(&List.L.ListHead), 0);
    ExDeleteNPagedLookasideList(&List);
}

static VOID TestLookasides(VOID)
{
    if (PsGetVersion(NULL, NULL, NULL, NULL)) {
        TestLookasideChecked();
        return;
    }
    TestLookaside();
    TestLookasidePaged();
    TestLookasideEx();
    TestLookasideDepth();
}

/* ---- Interlocked routines ----------------------------------------------------------------------
 */

static VOID TestInterlockedLists(VOID)
{
    LIST_ENTRY Head, A, B;
    SINGLE_LIST_ENTRY Single = {NULL}, C, D;
    KSPIN_LOCK Lock;
    KIRQL OldIrql;
    BOOLEAN Right;

    KeInitializeSpinLock(&Lock);
    InitializeListHead(&Head);
    KeRaiseIrql(HIGH_LEVEL, &OldIrql);
    Right = ExInterlockedInsertHeadList(&Head, &A, &Lock) == NULL &&
            ExfInterlockedInsertHeadList(&Head, &B, &Lock) == &A &&
            ExInterlockedRemoveHeadList(&Head, &Lock) == &B &&
            ExfInterlockedInsertTailList(&Head, &B, &Lock) == &A &&
            ExfInterlockedRemoveHeadList(&Head, &Lock) == &A &&
            ExfInterlockedRemoveHeadList(&Head, &Lock) == &B &&
            ExfInterlockedRemoveHeadList(&Head, &Lock) == NULL;
    KeLowerIrql(OldIrql);
    Check("interlocked: doubly linked lists, at HIGH_LEVEL", Right && IsListEmpty(&Head));
    Check("interlocked: singly linked lists",
          ExInterlockedPushEntryList(&Single, &C, &Lock) == NULL &&
              ExInterlockedPushEntryList(&Single, &D, &Lock) == &C &&
              ExInterlockedPopEntryList(&Single, &Lock) == &D &&
              ExInterlockedPopEntryList(&Single, &Lock) == &C &&
              ExInterlockedPopEntryList(&Single, &Lock) == NULL);
    Check("interlocked: the lock is free afterwards", Lock == 0);
}

static VOID TestInterlockedNumbers(VOID)
{
    LARGE_INTEGER Large = {.QuadPart = 0xFFFFFFFF}, Seven = {.QuadPart = 7}, Old;
    LONGLONG Now = 0x100000006, Exchange = 0x700000008, Wrong = 5, Compare = 0x100000006;
    ULONG Number = 5;
    LONG Signed = -1;
    KSPIN_LOCK Lock;

    KeInitializeSpinLock(&Lock);
    Check("interlocked: add", ExInterlockedAddUlong(&Number, 3, &Lock) == 5 &&
                                  ExfInterlockedAddUlong(&Number, 2, &Lock) == 8 && Number == 10);
    Old = ExInterlockedAddLargeInteger(&Large, Seven, &Lock);
    Check("interlocked: add 64 bits", Old.QuadPart == 0xFFFFFFFF && Large.QuadPart == 0x100000006);
    Check("interlocked: compare 64 bits, different",
          ExInterlockedCompareExchange64(&Now, &Exchange, &Wrong, &Lock) == 0x100000006 &&
              Now == 0x100000006);
    Check("interlocked: compare 64 bits, equal",
          ExInterlockedCompareExchange64(&Now, &Exchange, &Compare, &Lock) == 0x100000006 &&
              Now == 0x700000008);
    Check("interlocked: the sign of an increment",
          ExInterlockedIncrementLong(&Signed, &Lock) == ResultZero &&
              ExInterlockedIncrementLong(&Signed, &Lock) == ResultPositive);
    Check("interlocked: the sign of a decrement",
          ExInterlockedDecrementLong(&Signed, &Lock) == ResultZero &&
              ExInterlockedDecrementLong(&Signed, &Lock) == ResultNegative && Signed == -1);
    Check("interlocked: exchange",
          ExInterlockedExchangeUlong(&Number, 77, &Lock) == 10 && Number == 77);
}

typedef LONG(FASTCALL *INTERLOCKED_ONE)(PLONG Number);
typedef VOID(FASTCALL *ADD_STATISTIC)(PLARGE_INTEGER Addend, ULONG Increment);

/* By name, for the compiler has its own. */
static VOID TestInterlockedByName(VOID)
{
    ADD_STATISTIC AddStatistic = (ADD_STATISTIC)RoutineNamed(L"ExInterlockedAddLargeStatistic");
    INTERLOCKED_ONE Increment = (INTERLOCKED_ONE)RoutineNamed(L"InterlockedIncrement");
    LARGE_INTEGER Large = {.QuadPart = 0xFFFFFFFE};
    LONG Number = 41;

    AddStatistic(&Large, 1);
    AddStatistic(&Large, 3);
    Check("interlocked: statistic", Large.QuadPart == 0x100000002);
    Check("interlocked: increment", Increment(&Number) == 42 && Number == 42);
}

/* ---- Worker threads ----------------------------------------------------------------------------
 */

typedef struct _WORK {
    WORK_QUEUE_ITEM Item;
    KEVENT Started, Done;
    PKEVENT Blocks; /* waits for this one, if there is one, ... */
    PKEVENT Sets;   /* ... and sets this one */
    KPRIORITY Priority;
    KIRQL Irql;
    PEPROCESS Process;
    PKTHREAD Thread;
} WORK, *PWORK;

static VOID NTAPI WorkRoutine(PVOID Context)
{
    PWORK Work = Context;

    Work->Priority = KeQueryPriorityThread(KeGetCurrentThread());
    Work->Irql = KeGetCurrentIrql();
    Work->Process = IoGetCurrentProcess();
    Work->Thread = KeGetCurrentThread();
    KeSetEvent(&Work->Started, 0, FALSE);
    if (Work->Blocks)
        Wait(Work->Blocks);
    if (Work->Sets)
        KeSetEvent(Work->Sets, 0, FALSE);
    KeSetEvent(&Work->Done, 0, FALSE);
}

static VOID Queue(PWORK Work, WORK_QUEUE_TYPE Type)
{
    KeInitializeEvent(&Work->Started, NotificationEvent, FALSE);
    KeInitializeEvent(&Work->Done, NotificationEvent, FALSE);
    ExInitializeWorkItem(&Work->Item, WorkRoutine, Work);
    ExQueueWorkItem(&Work->Item, Type);
}

/* A boost may have raised it for a while. */
static VOID CheckWorker(PCSTR Name, WORK_QUEUE_TYPE Type, KPRIORITY Priority)
{
    WORK Work = {.Blocks = NULL};

    Queue(&Work, Type);
    Wait(&Work.Done);
    CheckRange(Name, Work.Priority, Priority, Priority + 2);
    Check("worker: in the System process, at PASSIVE_LEVEL",
          Work.Process == PsInitialSystemProcess && Work.Irql == PASSIVE_LEVEL &&
              Work.Thread != KeGetCurrentThread());
}

#define BLOCKED 9 /* more than a queue has threads at first */

/* The last item ends what the others wait for: they must not keep it from running. */
static VOID TestBlockedWorkers(WORK_QUEUE_TYPE Type, PCSTR Name)
{
    static WORK Works[BLOCKED];
    KEVENT Go;
    ULONG i;

    RtlZeroMemory(Works, sizeof Works);
    KeInitializeEvent(&Go, NotificationEvent, FALSE);
    for (i = 0; i < BLOCKED; i++) {
        Works[i].Blocks = i < BLOCKED - 1 ? &Go : NULL;
        Works[i].Sets = i < BLOCKED - 1 ? NULL : &Go;
        Queue(&Works[i], Type);
    }
    for (i = 0; i < BLOCKED; i++)
        Wait(&Works[i].Done);
    Check(Name, TRUE);
}

static VOID TestWorkers(VOID)
{
    WORK First = {.Blocks = NULL}, Second = {.Blocks = NULL};
    KEVENT Go;

    CheckWorker("worker: delayed items at priority 12", DelayedWorkQueue, 12);
    CheckWorker("worker: critical items at priority 13", CriticalWorkQueue, 13);
    CheckWorker("worker: hypercritical items at priority 15", HyperCriticalWorkQueue, 15);
    KeInitializeEvent(&Go, NotificationEvent, FALSE);
    First.Blocks = &Go;
    Queue(&First, DelayedWorkQueue);
    Wait(&First.Started);
    Queue(&Second, DelayedWorkQueue);
    Wait(&Second.Done);
    Check("worker: a blocked item does not stop the next", !IsSignalled(&First.Done));
    Check("worker: which has a thread of its own", First.Thread != Second.Thread);
    KeSetEvent(&Go, 0, FALSE);
    Wait(&First.Done);
    TestBlockedWorkers(CriticalWorkQueue, "worker: many blocked critical items do not stop one");
    TestBlockedWorkers(HyperCriticalWorkQueue, "worker: nor hypercritical ones");
}

/* ---- Callback objects --------------------------------------------------------------------------
 */

static ULONG Told; /* a digit for each call: who it was */
static PVOID LastArgument;

static VOID NTAPI Notice(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Argument1);
    Told = Told * 10 + (ULONG)(ULONG_PTR)Context;
    LastArgument = Argument2;
}

static PCALLBACK_OBJECT MakeCallback(PCWSTR Name, BOOLEAN Create, BOOLEAN Multiple,
                                     PNTSTATUS Status)
{
    OBJECT_ATTRIBUTES Attributes;
    PCALLBACK_OBJECT Callback = NULL;
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    InitializeObjectAttributes(&Attributes, Name ? &String : NULL, OBJ_CASE_INSENSITIVE, NULL,
                               NULL);
    *Status = ExCreateCallback(&Callback, &Attributes, Create, Multiple);
    return Callback;
}

static VOID TestCallback(VOID)
{
    PVOID First, Second;
    PCALLBACK_OBJECT Callback;
    NTSTATUS Status;
    KIRQL OldIrql;

    Callback = MakeCallback(NULL, TRUE, TRUE, &Status);
    if (!CheckEqual("callback: made", Status, STATUS_SUCCESS))
        return;
    First = ExRegisterCallback(Callback, Notice, (PVOID)1);
    Second = ExRegisterCallback(Callback, Notice, (PVOID)2);
    Check("callback: two are registered", First && Second);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    ExNotifyCallback(Callback, NULL, &First);
    KeLowerIrql(OldIrql);
    CheckEqual("callback: told in their order", Told, 12);
    Check("callback: with the arguments", LastArgument == &First);
    ExUnregisterCallback(First);
    ExNotifyCallback(Callback, NULL, NULL);
    CheckEqual("callback: not told any more", Told, 122);
    ExUnregisterCallback(Second);
    ExNotifyCallback(Callback, NULL, NULL);
    CheckEqual("callback: nobody is told", Told, 122);
    ObDereferenceObject(Callback);
}

static VOID TestNamedCallback(VOID)
{
    PCALLBACK_OBJECT Callback, Same, Power;
    PVOID Registration;
    NTSTATUS Status;

    MakeCallback(L"\\Callback\\ExTest", FALSE, FALSE, &Status);
    CheckEqual("callback: not there, not opened", Status, STATUS_OBJECT_NAME_NOT_FOUND);
    Callback = MakeCallback(L"\\Callback\\ExTest", TRUE, FALSE, &Status);
    Same = MakeCallback(L"\\callback\\extest", TRUE, TRUE, &Status);
    if (!Check("callback: found by its name", Callback && Same == Callback))
        return;
    Registration = ExRegisterCallback(Callback, Notice, NULL);
    Check("callback: one only, as it was made",
          Registration && ExRegisterCallback(Callback, Notice, NULL) == NULL);
    ExUnregisterCallback(Registration);
    ObDereferenceObject(Same);
    ObDereferenceObject(Callback);
    Power = MakeCallback(L"\\Callback\\PowerState", FALSE, TRUE, &Status);
    if (Check("callback: the system's are there", Power != NULL))
        ObDereferenceObject(Power);
}

/* The name is taken, but by nothing that could be had: that is said, and not tried for ever. */
static VOID TestLinkedCallback(VOID)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\Callback\\ExLink");
    UNICODE_STRING Target = RTL_CONSTANT_STRING(L"\\Callback\\ExLinked");
    PCALLBACK_OBJECT Callback, Linked;
    NTSTATUS Status;

    CheckEqual("callback: a link is made", IoCreateSymbolicLink(&Link, &Target), STATUS_SUCCESS);
    MakeCallback(Link.Buffer, FALSE, TRUE, &Status);
    CheckEqual("callback: a link that leads nowhere is none", Status, STATUS_OBJECT_NAME_NOT_FOUND);
    MakeCallback(Link.Buffer, TRUE, TRUE, &Status);
    CheckEqual("callback: none can have its name", Status, STATUS_OBJECT_NAME_COLLISION);
    Callback = MakeCallback(Target.Buffer, TRUE, TRUE, &Status);
    Linked = MakeCallback(Link.Buffer, TRUE, TRUE, &Status);
    Check("callback: found through the link, once it is there", Callback && Linked == Callback);
    ObDereferenceObject(Linked);
    ObDereferenceObject(Callback);
    IoDeleteSymbolicLink(&Link);
}

typedef struct _SLOW {
    PCALLBACK_OBJECT Callback;
    PVOID Registration;
    KEVENT Entered, Go, Unregistered;
} SLOW, *PSLOW;

static VOID NTAPI SlowNotice(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PSLOW Slow = Context;

    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeSetEvent(&Slow->Entered, 0, FALSE);
    Wait(&Slow->Go);
}

static VOID NTAPI NotifierRoutine(PVOID Context)
{
    ExNotifyCallback(((PSLOW)Context)->Callback, NULL, NULL);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID NTAPI UnregisterRoutine(PVOID Context)
{
    PSLOW Slow = Context;

    ExUnregisterCallback(Slow->Registration);
    KeSetEvent(&Slow->Unregistered, 0, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestBusyCallback(VOID)
{
    PKTHREAD Notifier, Unregisterer;
    NTSTATUS Status;
    SLOW Slow;

    Slow.Callback = MakeCallback(NULL, TRUE, TRUE, &Status);
    Slow.Registration = ExRegisterCallback(Slow.Callback, SlowNotice, &Slow);
    KeInitializeEvent(&Slow.Entered, NotificationEvent, FALSE);
    KeInitializeEvent(&Slow.Go, NotificationEvent, FALSE);
    KeInitializeEvent(&Slow.Unregistered, NotificationEvent, FALSE);
    Notifier = StartThread(NotifierRoutine, &Slow);
    Wait(&Slow.Entered);
    Unregisterer = StartThread(UnregisterRoutine, &Slow);
    Delay(20);
    Check("callback: a running routine is waited for", !IsSignalled(&Slow.Unregistered));
    KeSetEvent(&Slow.Go, 0, FALSE);
    Wait(&Slow.Unregistered);
    JoinThread(Notifier);
    JoinThread(Unregisterer);
    Check("callback: and then it is gone", TRUE);
    ObDereferenceObject(Slow.Callback);
}

/* ---- The driver --------------------------------------------------------------------------------
 */

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

/* Two locks are taken in one order, and made anew, in the other. A checked kernel must not take the
 * new ones for the old. */
static VOID TestLocksMadeAnew(VOID)
{
    static ERESOURCE Resources[2];
    static KGUARDED_MUTEX Mutexes[2];
    ULONG i;

    for (i = 0; i < 2; i++) {
        ExInitializeResourceLite(&Resources[0]);
        ExInitializeResourceLite(&Resources[1]);
        KeInitializeGuardedMutex(&Mutexes[0]);
        KeInitializeGuardedMutex(&Mutexes[1]);
        KeEnterCriticalRegion();
        ExAcquireResourceExclusiveLite(&Resources[i], TRUE);
        ExAcquireResourceExclusiveLite(&Resources[1 - i], TRUE);
        KeAcquireGuardedMutex(&Mutexes[i]);
        KeAcquireGuardedMutex(&Mutexes[1 - i]);
        KeReleaseGuardedMutex(&Mutexes[1 - i]);
        KeReleaseGuardedMutex(&Mutexes[i]);
        ExReleaseResourceLite(&Resources[1 - i]);
        ExReleaseResourceLite(&Resources[i]);
        KeLeaveCriticalRegion();
        ExDeleteResourceLite(&Resources[0]);
        ExDeleteResourceLite(&Resources[1]);
    }
    Check("locks made anew have no order yet", TRUE);
}

/* A lock on this thread's stack, which another thread takes, and one that stays. */
typedef struct _STACK_LOCK {
    KSPIN_LOCK Lock;
    BOOLEAN First;
} STACK_LOCK, *PSTACK_LOCK;

static VOID NTAPI TakeBothLocks(PVOID Context)
{
    PSTACK_LOCK Mine = Context;
    static KSPIN_LOCK Other;
    KIRQL OldIrql;

    KeAcquireSpinLock(Mine->First ? &Mine->Lock : &Other, &OldIrql);
    KeAcquireSpinLockAtDpcLevel(Mine->First ? &Other : &Mine->Lock);
    KeReleaseSpinLockFromDpcLevel(Mine->First ? &Other : &Mine->Lock);
    KeReleaseSpinLock(Mine->First ? &Mine->Lock : &Other, OldIrql);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* Called twice, it has two locks at one address, which have nothing to do with each other. */
static __attribute__((noinline)) VOID UseStackLock(BOOLEAN First)
{
    STACK_LOCK Lock = {0, First};

    JoinThread(StartThread(TakeBothLocks, &Lock));
}

static VOID TestLocksOnStacks(VOID)
{
    UseStackLock(FALSE);
    UseStackLock(TRUE);
    Check("locks on stacks have no order", TRUE);
}

static VOID TestResources(VOID)
{
    KeEnterCriticalRegion();
    TestResourceAlone();
    TestResourceShared();
    TestResourceStarvation();
    TestResourceOrder(FALSE);
    TestResourceOrder(TRUE);
    TestResourceManySharers();
    TestResourceOwnerPointer();
    KeLeaveCriticalRegion();
    TestResourceCrowd();
}

static VOID TestLists(VOID)
{
    TestSList();
    TestSListCrowd();
    TestSListPages(NonPagedPool, "slist: the page of a popped entry may go");
    TestSListPages(PagedPool, "slist: in paged pool, too");
    TestLookasides();
    TestInterlockedLists();
    TestInterlockedNumbers();
    TestInterlockedByName();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    TestResources();
    TestLocksMadeAnew();
    TestLocksOnStacks();
    TestGuardedMutex();
    TestPushLock();
    TestRundown();
    TestCacheAwareRundown();
    TestLists();
    TestWorkers();
    TestCallback();
    TestNamedCallback();
    TestLinkedCallback();
    TestBusyCallback();
    return FinishTests("extest");
}
