/*
 * Threaded DPCs (WDK: Introduction to Threaded DPCs): they run at PASSIVE_LEVEL, so ordinary DPCs
 * come before them. Each processor has a thread for them, of the highest priority, so that no
 * other thread does. They are queued like others (sched/dpc.c), and wait in the processor's second
 * queue; the DISPATCH interrupt tells the thread, for at the IRQL at which a DPC is queued no
 * event can be set.
 *
 * What is written for a threaded DPC must be right at DISPATCH_LEVEL, too, as Windows can be told
 * to run them as ordinary ones; here it cannot. So they take locks by the routines "for DPCs"
 * below.
 */
#include "kernel/ke/ipi.h"
#include "sched/sched.h"

static VOID KiRunThreadedDpcs(PKDPC_DATA Queue)
{
    PKDPC Dpc;
    KDPC Copy;

    while (KiTakeDpc(Queue, &Dpc, &Copy)) {
        Copy.DeferredRoutine(Dpc, Copy.DeferredContext, Copy.SystemArgument1, Copy.SystemArgument2);
        if (KiGetCurrentIrql() != PASSIVE_LEVEL)
            KeBugCheckEx(IRQL_UNEXPECTED_VALUE, (ULONG)KiGetCurrentIrql() << 16,
                         (ULONG_PTR)Copy.DeferredRoutine, 0, 0);
    }
}

/* A processor's thread for threaded DPCs. Context: its KPRCB. */
VOID NTAPI KiExecuteDpcThread(PVOID Context)
{
    PKPRCB Prcb = Context;

    KeSetSystemAffinityThread(Prcb->SetMember);
    KeSetPriorityThread(KiGetCurrentThread(), HIGH_PRIORITY);
    Prcb->DpcThread = KiGetCurrentThread();
    for (;;) {
        KeWaitForSingleObject(&Prcb->DpcEvent, Executive, KernelMode, FALSE, NULL);
        KiRunThreadedDpcs(&Prcb->DpcData[THREADED_DPCS]);
    }
}

static VOID NTAPI KiSignalFlushed(PKDPC Dpc, PVOID Flushed, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeSetEvent(Flushed, 0, FALSE);
}

/*
 * Returns when all threaded DPCs queued before on a processor have run: one more is queued behind
 * them. IRQL: PASSIVE_LEVEL, and not in the thread that would have to run it.
 */
VOID KiFlushThreadedDpcs(PKPRCB Prcb)
{
    KEVENT Flushed;
    KDPC Dpc;

    ASSERT(KiGetCurrentThread() != Prcb->DpcThread);
    if (Prcb->DpcData[THREADED_DPCS].DpcCount == 0)
        return; /* there has never been one */
    KeInitializeEvent(&Flushed, NotificationEvent, FALSE);
    KeInitializeThreadedDpc(&Dpc, KiSignalFlushed, &Flushed);
    KeSetTargetProcessorDpc(&Dpc, (CCHAR)Prcb->Number);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    KeWaitForSingleObject(&Flushed, Executive, KernelMode, FALSE, NULL);
}

/* Takes a lock in a DPC of either kind; returns the old IRQL (WDK: KeAcquireSpinLockForDpc). */
KIRQL FASTCALL KeAcquireSpinLockForDpc(PKSPIN_LOCK SpinLock)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    return KfAcquireSpinLock(SpinLock);
}

VOID FASTCALL KeReleaseSpinLockForDpc(PKSPIN_LOCK SpinLock, KIRQL OldIrql)
{
    KfReleaseSpinLock(SpinLock, OldIrql);
}

/* The same for queued locks. */
VOID FASTCALL KeAcquireInStackQueuedSpinLockForDpc(PKSPIN_LOCK SpinLock,
                                                   PKLOCK_QUEUE_HANDLE LockHandle)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KeAcquireInStackQueuedSpinLock(SpinLock, LockHandle);
}

VOID FASTCALL KeReleaseInStackQueuedSpinLockForDpc(PKLOCK_QUEUE_HANDLE LockHandle)
{
    KeReleaseInStackQueuedSpinLock(LockHandle);
}

/*
 * How much time the running DPC has left (WDK: KeQueryDpcWatchdogInformation). No limit is set, and
 * a limit that is not enforced is 0. STATUS_UNSUCCESSFUL: no DPC is running here, nor is IRQL so
 * high that one might be. IRQL: any.
 */
NTSTATUS NTAPI KeQueryDpcWatchdogInformation(PKDPC_WATCHDOG_INFORMATION WatchdogInformation)
{
    if (KiGetCurrentIrql() < DISPATCH_LEVEL &&
        KiGetCurrentThread() != KeGetCurrentPrcb()->DpcThread)
        return STATUS_UNSUCCESSFUL;
    RtlZeroMemory(WatchdogInformation, sizeof *WatchdogInformation);
    return STATUS_SUCCESS;
}
