/*
 * On which processors a thread may run. A driver may hold a thread to some of them for a while
 * (WDK: KeSetSystemAffinityThread); the thread's own affinity is kept for afterwards.
 */
#include "kernel/ke/ipi.h"
#include "sched/sched.h"

/*
 * Has the current thread run on one of these processors only. It does so when this returns, if
 * IRQL is below DISPATCH_LEVEL, else once it is. IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI KeSetSystemAffinityThread(KAFFINITY Affinity)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT(Affinity & KeActiveProcessors);
    OldIrql = KiLockDispatcherDatabase();
    if (Affinity & KeActiveProcessors)
        KiSetAffinityThread(KiGetCurrentThread(), Affinity);
    KiUnlockDispatcherDatabase(OldIrql);
}

/* The opposite: the thread may run again where it could before. IRQL <= DISPATCH_LEVEL. */
VOID NTAPI KeRevertToUserAffinityThread(VOID)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    KiSetAffinityThread(KiGetCurrentThread(), KiGetCurrentThread()->UserAffinity);
    KiUnlockDispatcherDatabase(OldIrql);
}
