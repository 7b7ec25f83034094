/*
 * On which processors a thread may run. Its own affinity (UserAffinity) is for whoever made it; a
 * driver may set that aside for a while by a system affinity, and go back. Affinity is the one of
 * them that is in force. All under the dispatcher lock.
 */
#include "kernel/ke/ipi.h"
#include "sched/sched.h"

/* Has the current thread run on one of these processors. The lock is held. */
static VOID KiUseSystemAffinity(KAFFINITY Affinity)
{
    PKTHREAD Thread = KiGetCurrentThread();

    Thread->SystemAffinityActive = TRUE;
    KiSetAffinityThread(Thread, Affinity);
}

static VOID KiUseUserAffinity(VOID)
{
    PKTHREAD Thread = KiGetCurrentThread();

    Thread->SystemAffinityActive = FALSE;
    KiSetAffinityThread(Thread, Thread->UserAffinity);
}

/*
 * Has the current thread run on one of these processors only. It does so when this returns, if
 * IRQL is below DISPATCH_LEVEL, else once it is (WDK: KeSetSystemAffinityThread). IRQL <=
 * DISPATCH_LEVEL.
 */
VOID NTAPI KeSetSystemAffinityThread(KAFFINITY Affinity)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT(Affinity & KeActiveProcessors);
    OldIrql = KiLockDispatcherDatabase();
    if (Affinity & KeActiveProcessors)
        KiUseSystemAffinity(Affinity);
    KiUnlockDispatcherDatabase(OldIrql);
}

/* The opposite: the thread may run again where it could before. IRQL <= DISPATCH_LEVEL. */
VOID NTAPI KeRevertToUserAffinityThread(VOID)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    KiUseUserAffinity();
    KiUnlockDispatcherDatabase(OldIrql);
}

/*
 * The two for routines that call each other: this one returns the system affinity that was in
 * force, 0 for none, and the other takes that back (WDK: KeSetSystemAffinityThreadEx). A mask with
 * processors that there are not, or with none, changes nothing. IRQL <= DISPATCH_LEVEL.
 */
KAFFINITY NTAPI KeSetSystemAffinityThreadEx(KAFFINITY Affinity)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KAFFINITY Old = 0;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Affinity == 0 || (Affinity & ~KeActiveProcessors))
        return 0;
    OldIrql = KiLockDispatcherDatabase();
    if (Thread->SystemAffinityActive)
        Old = Thread->Affinity;
    KiUseSystemAffinity(Affinity);
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

VOID NTAPI KeRevertToUserAffinityThreadEx(KAFFINITY Affinity)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    if (Affinity & KeActiveProcessors)
        KiUseSystemAffinity(Affinity);
    else
        KiUseUserAffinity();
    KiUnlockDispatcherDatabase(OldIrql);
}

/* The same with processor groups, of which there is one (WDK: KeSetSystemGroupAffinityThread). */
VOID NTAPI KeSetSystemGroupAffinityThread(PGROUP_AFFINITY Affinity,
                                          PGROUP_AFFINITY PreviousAffinity)
{
    KAFFINITY Old = Affinity->Group == 0 ? KeSetSystemAffinityThreadEx(Affinity->Mask) : 0;

    if (PreviousAffinity)
        *PreviousAffinity = (GROUP_AFFINITY){.Mask = Old};
}

VOID NTAPI KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY PreviousAffinity)
{
    KeRevertToUserAffinityThreadEx(PreviousAffinity->Mask);
}

/*
 * Sets a thread's own affinity; returns the old one. Exported, though the headers do not declare
 * it: the caller names only processors that there are, and one at least. IRQL <= DISPATCH_LEVEL.
 */
KAFFINITY NTAPI KeSetAffinityThread(PKTHREAD Thread, KAFFINITY Affinity)
{
    KAFFINITY Old;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Affinity == 0 || (Affinity & ~KeActiveProcessors))
        KeBugCheckEx(INVALID_AFFINITY_SET, Affinity, KeActiveProcessors, (ULONG_PTR)Thread, 0);
    OldIrql = KiLockDispatcherDatabase();
    Old = Thread->UserAffinity & KeActiveProcessors;
    Thread->UserAffinity = Affinity;
    if (!Thread->SystemAffinityActive)
        KiSetAffinityThread(Thread, Affinity);
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}

/*
 * Says which processor a thread is to run on if there is a choice; returns the old one. A number
 * that is no processor's changes nothing (WDK: KeSetIdealProcessorThread). IRQL <= DISPATCH_LEVEL.
 */
UCHAR NTAPI KeSetIdealProcessorThread(PKTHREAD Thread, UCHAR Processor)
{
    UCHAR Old;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    Old = Thread->IdealProcessor;
    if (Processor < KeNumberProcessors)
        Thread->IdealProcessor = Processor;
    KiUnlockDispatcherDatabase(OldIrql);
    return Old;
}
