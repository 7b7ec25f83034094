/*
 * Push locks: a word that one has exclusively or several share, without any storage but the word.
 *
 * The word is laid out as in Windows, whose drivers have the uncontended cases inline and come
 * here with the others only:
 *
 *      bit 0 locked, bit 1 somebody waits, from bit 4 the number of sharers (0: exclusive)
 *
 * Who waits is in a bucket of a table by the lock's address, with an event on its own stack. The
 * bucket's spin lock is held whenever bit 1 changes, and whenever the word changes while bit 1 is
 * set. Nobody competes with a waiter: who releases takes the next one, or as many sharers as come
 * next, out of the bucket, and makes them owners in the word. So a lock with waiters is locked; but
 * for a moment not if inline code has cleared bit 0, and then calls ExfTryToWakePushLock.
 *
 * The headers do not declare these routines, but for ExInitializePushLock.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ke/lockcheck.h"
#include "sched/sched.h"

#define PUSH_LOCKED      ((ULONG_PTR)0x01)
#define PUSH_WAITING     ((ULONG_PTR)0x02)
#define PUSH_SHARE_INC   ((ULONG_PTR)0x10)
#define PUSH_SHARE_COUNT (~(PUSH_SHARE_INC - 1))
#define BUCKETS          32

typedef struct _EXP_PUSH_WAITER {
    struct _EXP_PUSH_WAITER *Next;
    PEX_PUSH_LOCK PushLock;
    BOOLEAN Exclusive;
    KEVENT Granted;
} EXP_PUSH_WAITER, *PEXP_PUSH_WAITER;

/* Waiters of all locks with this hash, in the order of their coming. */
typedef struct _EXP_PUSH_BUCKET {
    KSPIN_LOCK Lock;
    PEXP_PUSH_WAITER First;
} EXP_PUSH_BUCKET, *PEXP_PUSH_BUCKET;

static EXP_PUSH_BUCKET ExpPushBuckets[BUCKETS];

static PEXP_PUSH_BUCKET ExpPushBucketOf(PEX_PUSH_LOCK PushLock)
{
    ULONG_PTR Address = (ULONG_PTR)PushLock;

    return &ExpPushBuckets[(Address >> 3 ^ Address >> 12) % BUCKETS];
}

/* TRUE: it was Old, and is New now. */
static BOOLEAN ExpExchangePushLock(PEX_PUSH_LOCK PushLock, ULONG_PTR Old, ULONG_PTR New)
{
    return (ULONG_PTR)InterlockedCompareExchange((LONG volatile *)PushLock, (LONG)New, (LONG)Old) ==
           Old;
}

static ULONG_PTR ExpReadPushLock(PEX_PUSH_LOCK PushLock)
{
    return *(volatile ULONG_PTR *)PushLock;
}

/* ---- Acquiring ---------------------------------------------------------------------------------
 */

/* What the word becomes when this one comes in too; 0: it has to wait. */
static ULONG_PTR ExpPushLockWith(ULONG_PTR Word, BOOLEAN Exclusive)
{
    if (Word & PUSH_WAITING)
        return 0;
    if (Exclusive)
        return Word & PUSH_LOCKED ? 0 : Word | PUSH_LOCKED;
    if ((Word & PUSH_LOCKED) && !(Word & PUSH_SHARE_COUNT))
        return 0;
    return (Word | PUSH_LOCKED) + PUSH_SHARE_INC;
}

/* FALSE: it is to wait. Sets bit 1 in that case, so the bucket's lock must be held if Wait is. */
static BOOLEAN ExpTakePushLock(PEX_PUSH_LOCK PushLock, BOOLEAN Exclusive, BOOLEAN Wait)
{
    for (;;) {
        ULONG_PTR Word = ExpReadPushLock(PushLock), With = ExpPushLockWith(Word, Exclusive);
        if (With == 0 && !Wait)
            return FALSE;
        if (ExpExchangePushLock(PushLock, Word, With ? With : Word | PUSH_WAITING))
            return With != 0;
    }
}

static VOID ExpAppendPushWaiter(PEXP_PUSH_BUCKET Bucket, PEXP_PUSH_WAITER Waiter)
{
    PEXP_PUSH_WAITER *Link = &Bucket->First;

    while (*Link)
        Link = &(*Link)->Next;
    Waiter->Next = NULL;
    *Link = Waiter;
}

static VOID ExpWaitForPushLock(PEX_PUSH_LOCK PushLock, BOOLEAN Exclusive)
{
    PEXP_PUSH_BUCKET Bucket = ExpPushBucketOf(PushLock);
    EXP_PUSH_WAITER Waiter;
    KIRQL OldIrql;

    KeInitializeEvent(&Waiter.Granted, SynchronizationEvent, FALSE);
    Waiter.PushLock = PushLock;
    Waiter.Exclusive = Exclusive;
    KeAcquireSpinLock(&Bucket->Lock, &OldIrql);
    if (ExpTakePushLock(PushLock, Exclusive, TRUE)) {
        KeReleaseSpinLock(&Bucket->Lock, OldIrql);
        return;
    }
    ExpAppendPushWaiter(Bucket, &Waiter);
    KeReleaseSpinLock(&Bucket->Lock, OldIrql);
    KeWaitForSingleObject(&Waiter.Granted, WrPushLock, KernelMode, FALSE, NULL);
}

static inline VOID ExpAcquirePushLock(PEX_PUSH_LOCK PushLock, BOOLEAN Exclusive, PVOID Site)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KiBeforeThreadLock(PushLock, KiPushLock, Site);
    if (!ExpTakePushLock(PushLock, Exclusive, FALSE))
        ExpWaitForPushLock(PushLock, Exclusive);
    KiThreadLockTaken(PushLock, KiPushLock, Site);
}

/* ---- Releasing ---------------------------------------------------------------------------------
 */

static PEXP_PUSH_WAITER *ExpFindPushWaiter(PEXP_PUSH_WAITER *Link, PEX_PUSH_LOCK PushLock)
{
    while (*Link && (*Link)->PushLock != PushLock)
        Link = &(*Link)->Next;
    return Link;
}

/*
 * Takes the next waiters out of the bucket, whose lock is held, and puts them into *Granted: an
 * exclusive one, or all sharers before the next exclusive one. Returns what the word becomes.
 */
static ULONG_PTR ExpNextPushOwners(PEXP_PUSH_BUCKET Bucket, PEX_PUSH_LOCK PushLock,
                                   PEXP_PUSH_WAITER *Granted)
{
    PEXP_PUSH_WAITER *Link = ExpFindPushWaiter(&Bucket->First, PushLock), Waiter;
    ULONG_PTR Word = PUSH_LOCKED;

    while ((Waiter = *Link) != NULL && (Word == PUSH_LOCKED || !Waiter->Exclusive)) {
        *Link = Waiter->Next;
        *Granted = Waiter;
        Granted = &Waiter->Next;
        if (Waiter->Exclusive)
            break;
        Word += PUSH_SHARE_INC;
        Link = ExpFindPushWaiter(Link, PushLock);
    }
    *Granted = NULL;
    return *ExpFindPushWaiter(&Bucket->First, PushLock) ? Word | PUSH_WAITING : Word;
}

/* The last owner leaves a lock that somebody waits for. */
static VOID ExpHandOverPushLock(PEX_PUSH_LOCK PushLock)
{
    PEXP_PUSH_BUCKET Bucket = ExpPushBucketOf(PushLock);
    PEXP_PUSH_WAITER Granted, Next;
    KIRQL OldIrql;

    KeAcquireSpinLock(&Bucket->Lock, &OldIrql);
    InterlockedExchange((LONG volatile *)PushLock,
                        (LONG)ExpNextPushOwners(Bucket, PushLock, &Granted));
    KeReleaseSpinLock(&Bucket->Lock, OldIrql);
    for (; Granted; Granted = Next) {
        Next = Granted->Next;
        KeSetEvent(&Granted->Granted, EVENT_INCREMENT, FALSE);
    }
}

VOID NTAPI ExpInitializePushLock(PEX_PUSH_LOCK PushLock)
{
    *PushLock = 0;
}

VOID FASTCALL ExfAcquirePushLockExclusive(PEX_PUSH_LOCK PushLock)
{
    ExpAcquirePushLock(PushLock, TRUE, KI_CALLER);
}

VOID FASTCALL ExfAcquirePushLockShared(PEX_PUSH_LOCK PushLock)
{
    ExpAcquirePushLock(PushLock, FALSE, KI_CALLER);
}

BOOLEAN FASTCALL ExfTryAcquirePushLockShared(PEX_PUSH_LOCK PushLock)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    if (!ExpTakePushLock(PushLock, FALSE, FALSE))
        return FALSE;
    KiThreadLockTaken(PushLock, KiPushLock, KI_CALLER);
    return TRUE;
}

/*
 * Releases, whichever way the caller has it. With waiters, the word of an only owner does not
 * change but for this owner, so that handing over needs no comparison. IRQL <= APC_LEVEL.
 */
VOID FASTCALL ExfReleasePushLock(PEX_PUSH_LOCK PushLock)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KiThreadLockLetGo(KiGetCurrentThread(), PushLock);
    for (;;) {
        ULONG_PTR Word = ExpReadPushLock(PushLock), Sharers = Word & PUSH_SHARE_COUNT;
        ASSERT(Word & PUSH_LOCKED);
        if (Sharers > PUSH_SHARE_INC) {
            if (ExpExchangePushLock(PushLock, Word, Word - PUSH_SHARE_INC))
                return;
        } else if (Word & PUSH_WAITING) {
            ExpHandOverPushLock(PushLock);
            return;
        } else if (ExpExchangePushLock(PushLock, Word, 0)) {
            return;
        }
    }
}

VOID FASTCALL ExfReleasePushLockExclusive(PEX_PUSH_LOCK PushLock)
{
    ExfReleasePushLock(PushLock);
}

VOID FASTCALL ExfReleasePushLockShared(PEX_PUSH_LOCK PushLock)
{
    ExfReleasePushLock(PushLock);
}

/* The lock has been let go by clearing bit 0 only: passes it on, unless somebody has taken it. */
VOID FASTCALL ExfTryToWakePushLock(PEX_PUSH_LOCK PushLock)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KiThreadLockLetGo(KiGetCurrentThread(), PushLock);
    if (ExpExchangePushLock(PushLock, PUSH_WAITING, PUSH_WAITING | PUSH_LOCKED))
        ExpHandOverPushLock(PushLock);
}
