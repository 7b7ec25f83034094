/*
 * The lists of held locks (lockcheck.h), and the checked build's spin locks, which use them.
 *
 * A processor's list is changed by that processor only. An interrupt may come at any moment of a
 * change, but its service routine lets go of what it takes, so it leaves the list as it was; for
 * that the entries above Count have no lock, and a new one gets its lock last. A thread's list is
 * changed under KiThreadLocksLock, for a resource may be released by another thread. That lock is
 * none of those that are kept track of.
 */
#include "kernel/ke/lockcheck.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/ke.h"
#include "kernel/ke/watchdog.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"

#if DBG

/* Each lock of the machine passes here, so this is as fast as in a free build. */
#pragma GCC optimize("O2")

#define DESCRIPTION_BYTES 80

static KI_HELD_LIST KiProcessorLocks[MAXIMUM_PROCESSOR_COUNT];
static volatile LONG KiThreadLocksLock;

/* ---- Lists -------------------------------------------------------------------------------------
 */

/* Its place in a list, the last if it is there more than once; the list's length: it is not. */
static ULONG KiFindHeld(const KI_HELD_LIST *List, PVOID Lock)
{
    ULONG i = List->Count;

    while (i > 0) {
        if (List->Locks[--i].Lock == Lock)
            return i;
    }
    return List->Count;
}

static VOID KiAddHeld(KI_HELD_LIST *List, PVOID Lock, KI_LOCK_KIND Kind, PVOID Site)
{
    KI_HELD_LOCK *Held = &List->Locks[List->Count];

    if (List->Count == KI_HELD_LOCKS) {
        List->Lost++;
        return;
    }
    List->Count++;
    Held->Site = Site;
    Held->Kind = Kind;
    Held->Sequence = ++List->Acquisitions;
    Held->Lock = Lock;
}

/* FALSE: it is not in the list. */
static BOOLEAN KiRemoveHeld(KI_HELD_LIST *List, PVOID Lock)
{
    ULONG i = KiFindHeld(List, Lock);

    if (i == List->Count) {
        if (List->Lost == 0)
            return FALSE;
        List->Lost--;
        return TRUE;
    }
    for (; i + 1 < List->Count; i++)
        List->Locks[i] = List->Locks[i + 1];
    List->Locks[i].Lock = NULL;
    List->Count = i;
    return TRUE;
}

/* ---- Spin locks --------------------------------------------------------------------------------
 */

static KI_HELD_LIST *KiThisProcessorsLocks(VOID)
{
    return &KiProcessorLocks[KeGetCurrentPrcb()->Number];
}

/* Who holds a spin lock now must not be moved to another processor. */
static BOOLEAN KiStaysOnProcessor(VOID)
{
    return KiGetCurrentIrql() >= DISPATCH_LEVEL || !(__builtin_ia32_readeflags_u32() & EFLAGS_IF);
}

VOID KiBeforeSpinLock(PVOID Lock, KI_LOCK_KIND Kind, PVOID Site)
{
    KI_HELD_LIST *List = KiThisProcessorsLocks();
    KI_HELD_LOCK Next = {Lock, Site, Kind, 0};

    ASSERT(KiStaysOnProcessor());
    if (List->Count == 0)
        return;
    if (KiFindHeld(List, Lock) != List->Count)
        KiSpinLockAlreadyOwned(Lock);
    KiLearnLockOrder(List, &Next);
}

VOID KiSpinLockTaken(PVOID Lock, KI_LOCK_KIND Kind, PVOID Site)
{
    KiAddHeld(KiThisProcessorsLocks(), Lock, Kind, Site);
}

VOID KiSpinLockLetGo(PVOID Lock)
{
    if (!KiRemoveHeld(KiThisProcessorsLocks(), Lock))
        KeBugCheckEx(SPIN_LOCK_NOT_OWNED, (ULONG_PTR)Lock, 0, 0, 0);
}

/* Below DISPATCH_LEVEL another thread could come, and wait for the lock for ever. */
VOID KiCheckLowering(KIRQL NewIrql)
{
    KIRQL OldIrql = KiGetCurrentIrql();
    if (NewIrql >= DISPATCH_LEVEL || OldIrql < DISPATCH_LEVEL)
        return;
    KI_VERIFY(KiThisProcessorsLocks()->Count == 0, 0x31, OldIrql, NewIrql, 0);
    KiWatchLowering();
}

/* Others' lists may change meanwhile: then the number is another the next time. */
ULONG KiAcquisitionOf(PVOID Lock)
{
    LONG i;

    for (i = 0; i < KeNumberProcessors; i++) {
        ULONG Place = KiFindHeld(&KiProcessorLocks[i], Lock);
        if (Place != KiProcessorLocks[i].Count)
            return KiProcessorLocks[i].Locks[Place].Sequence * MAXIMUM_PROCESSOR_COUNT + (ULONG)i;
    }
    return 0;
}

/* What the word of a plain spin lock holds while this processor owns it. */
static LONG KiOwnersWord(VOID)
{
    return KeGetCurrentPrcb()->Number + 1;
}

VOID KiTakeCheckedSpinLock(PKSPIN_LOCK SpinLock, PVOID Site)
{
    KI_SPIN Spin = {0};

    if (Site == NULL)
        Site = KI_CALLER;
    KiBeforeSpinLock(SpinLock, KiPlainSpinLock, Site);
    while (InterlockedCompareExchange((LONG *)SpinLock, KiOwnersWord(), 0) != 0) {
        if (KiSpinTooLong(&Spin, SpinLock))
            KiSpinLockAlreadyOwned(SpinLock);
    }
    KiSpinLockTaken(SpinLock, KiPlainSpinLock, Site);
}

BOOLEAN KiTryCheckedSpinLock(PKSPIN_LOCK SpinLock, PVOID Site)
{
    if (InterlockedCompareExchange((LONG *)SpinLock, KiOwnersWord(), 0) != 0)
        return FALSE;
    KiSpinLockTaken(SpinLock, KiPlainSpinLock, Site);
    return TRUE;
}

/* A lock whose word is another's: acquired by another processor, as another kind, or damaged. */
VOID KiLetCheckedSpinLockGo(PKSPIN_LOCK SpinLock)
{
    KiSpinLockLetGo(SpinLock);
    if ((LONG)*SpinLock != KiOwnersWord())
        KeBugCheckEx(SPIN_LOCK_NOT_OWNED, (ULONG_PTR)SpinLock, 0, 0, 0);
    InterlockedExchange((LONG *)SpinLock, 0);
}

/* ---- Locks of threads --------------------------------------------------------------------------
 */

static KI_HELD_LIST *KiLocksOf(PKTHREAD Thread)
{
    return &((PETHREAD)Thread)->HeldLocks;
}

static BOOLEAN KiLockThreadLocks(VOID)
{
    BOOLEAN Enable = KiSaveInterrupts();

    while (InterlockedExchange(&KiThreadLocksLock, 1) != 0)
        YieldProcessor();
    return Enable;
}

static VOID KiUnlockThreadLocks(BOOLEAN Enable)
{
    InterlockedExchange(&KiThreadLocksLock, 0);
    KiRestoreInterrupts(Enable);
}

VOID KiBeforeThreadLock(PVOID Lock, KI_LOCK_KIND Kind, PVOID Site)
{
    KI_HELD_LIST *List = KiLocksOf(KiGetCurrentThread());
    KI_HELD_LOCK Next = {Lock, Site, Kind, 0};

    if (List->Count != 0 && KiFindHeld(List, Lock) == List->Count)
        KiLearnLockOrder(List, &Next);
}

VOID KiThreadLockTaken(PVOID Lock, KI_LOCK_KIND Kind, PVOID Site)
{
    BOOLEAN Enable = KiLockThreadLocks();

    KiAddHeld(KiLocksOf(KiGetCurrentThread()), Lock, Kind, Site);
    KiUnlockThreadLocks(Enable);
}

VOID KiThreadLockLetGo(PKTHREAD Thread, PVOID Lock)
{
    BOOLEAN Enable = KiLockThreadLocks();

    KiRemoveHeld(KiLocksOf(Thread), Lock);
    KiUnlockThreadLocks(Enable);
}

/* ---- Reports -----------------------------------------------------------------------------------
 */

VOID KiPrintLock(PCSTR Before, const KI_HELD_LOCK *Held, PCSTR After)
{
    static const PCSTR Names[] = {"spin lock",     "queued spin lock", "fast mutex",
                                  "guarded mutex", "resource",         "push lock"};
    CHAR Lock[DESCRIPTION_BYTES], Site[DESCRIPTION_BYTES];

    KdDescribeAddress((ULONG_PTR)Held->Lock, Lock, sizeof Lock);
    KdDescribeCaller((ULONG_PTR)Held->Site, Site, sizeof Site);
    KdPrintLine("***  %s%s %p (%s)%s %s\n", Before, Names[Held->Kind], Held->Lock, Lock, After,
                Site);
}

VOID KiPrintSpinLocks(ULONG Processor)
{
    KI_HELD_LIST *List = &KiProcessorLocks[Processor];
    CHAR Before[DESCRIPTION_BYTES];
    ULONG i;

    _snprintf(Before, sizeof Before, "processor %lu holds ", Processor);
    for (i = 0; i < List->Count; i++)
        KiPrintLock(Before, &List->Locks[i], ", acquired at");
}

static VOID KiExplainThreadLocks(PVOID Context)
{
    KI_HELD_LIST *List = KiLocksOf(Context);
    ULONG i;

    for (i = 0; i < List->Count; i++)
        KiPrintLock("the ending thread holds ", &List->Locks[i], ", acquired at");
}

VOID KiCheckThreadHoldsNothing(PKTHREAD Thread)
{
    KI_HELD_LIST *List = KiLocksOf(Thread);

    if (List->Count == 0)
        return;
    KiExplainBugCheck(KiExplainThreadLocks, Thread);
    KeBugCheckEx(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x100A, (ULONG_PTR)Thread,
                 (ULONG_PTR)List->Locks[0].Lock, 0);
}

static VOID KiExplainSpinLock(PVOID Lock)
{
    ULONG i;

    KdPrintLine("***  processor %u waits for spin lock %p\n", KeGetCurrentPrcb()->Number, Lock);
    for (i = 0; i < (ULONG)KeNumberProcessors; i++)
        KiPrintSpinLocks(i);
}

NORETURN VOID KiSpinLockAlreadyOwned(PVOID Lock)
{
    KiExplainBugCheck(KiExplainSpinLock, Lock);
    KeBugCheckEx(SPIN_LOCK_ALREADY_OWNED, (ULONG_PTR)Lock, 0, 0, 0);
}

#endif
