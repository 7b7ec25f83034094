/*
 * The dispatcher lock (sched.h says what it guards). Letting it go lowers IRQL, and that is when
 * a switch that has become due takes place: KiReadyThread asked for the DISPATCH interrupt.
 */
#include "sched/sched.h"

KSPIN_LOCK KiDispatcherLock;

/*
 * The end of a routine that signals. With Wait, the caller's next call is KeWaitXxx: the lock stays
 * taken until then, so that no other thread runs between the two (WDK: KeSetEvent).
 */
VOID KiUnlockAfterSignal(KIRQL OldIrql, BOOLEAN Wait)
{
    PKTHREAD Thread = KiGetCurrentThread();

    if (!Wait) {
        KiUnlockDispatcherDatabase(OldIrql);
        return;
    }
    Thread->WaitIrql = OldIrql;
    Thread->WaitNext = TRUE;
}
