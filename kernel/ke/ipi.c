/*
 * Inter-processor interrupts (kernel/ke/ipi.h).
 *
 * Each processor has a word of requests (KPRCB.IpiRequests): whoever asks sets a bit and sends the
 * interrupt; the handler takes all bits at once. A call is described by one packet, KiCall, that
 * belongs to the holder of KiCallLock until every target has cleared its bit in Pending.
 */
#include "kernel/ke/ipi.h"
#include "kernel/hal/hal.h"
#include "sched/sched.h"

#define FREEZE_TRIES 10000000

PKPRCB KiProcessorBlock[MAXIMUM_PROCESSOR_COUNT];
KAFFINITY KeActiveProcessors = 1;

static KSPIN_LOCK KiCallLock;
static struct {
    PKI_IPI_ROUTINE Routine;
    ULONG_PTR Argument;
    volatile LONG Pending; /* targets that have not run it yet */
} KiCall;
static volatile LONG KiFrozen; /* how many processors have halted for good */

VOID KiSendIpi(KAFFINITY Targets, ULONG Request)
{
    LONG i;

    for (i = 0; i < KeNumberProcessors; i++) {
        PKPRCB Prcb = KiProcessorBlock[i];
        if (!(Targets & Prcb->SetMember))
            continue;
        InterlockedOr(&Prcb->IpiRequests, (LONG)Request);
        HalSendIpi(Prcb);
    }
}

static VOID KiRunCall(PKPRCB Prcb)
{
    KiCall.Routine(KiCall.Argument);
    InterlockedAnd(&KiCall.Pending, ~(LONG)Prcb->SetMember);
}

static NORETURN VOID KiHaltForGood(VOID)
{
    InterlockedIncrement(&KiFrozen);
    HalpHalt();
}

VOID KiIpiInterrupt(VOID)
{
    PKPRCB Prcb = KeGetCurrentPrcb();
    LONG Requests = InterlockedExchange(&Prcb->IpiRequests, 0);

    if (Requests & IPI_FREEZE)
        KiHaltForGood();
    if (Requests & IPI_CALL)
        KiRunCall(Prcb);
    if (Requests & IPI_DISPATCH)
        HalRequestSoftwareInterrupt(DISPATCH_LEVEL);
    if (Requests & IPI_APC)
        HalRequestSoftwareInterrupt(APC_LEVEL);
}

/* While a processor waits for another: with interrupts disabled it has to look by itself. */
static VOID KiWaitForOthers(VOID)
{
    BOOLEAN Enable = KiSaveInterrupts();

    if (KeGetCurrentPrcb()->IpiRequests)
        KiIpiInterrupt();
    KiRestoreInterrupts(Enable);
    YieldProcessor();
}

/* The lock is ours, and we stay on this processor. */
static VOID KiCallAndWait(KAFFINITY Targets, PKI_IPI_ROUTINE Routine, ULONG_PTR Argument)
{
    ULONG Self = KeGetCurrentPrcb()->SetMember;
    BOOLEAN Enable;

    KiCall.Routine = Routine;
    KiCall.Argument = Argument;
    InterlockedExchange(&KiCall.Pending, (LONG)(Targets & ~Self)); /* orders what is before it */
    KiSendIpi(Targets & ~Self, IPI_CALL);
    if (Targets & Self) {
        Enable = KiSaveInterrupts();
        Routine(Argument);
        KiRestoreInterrupts(Enable);
    }
    while (KiCall.Pending)
        KiWaitForOthers();
}

VOID KiCallProcessors(KAFFINITY Targets, PKI_IPI_ROUTINE Routine, ULONG_PTR Argument)
{
    KIRQL OldIrql = KiGetCurrentIrql();

    if (OldIrql < DISPATCH_LEVEL)
        KiRaiseIrql(DISPATCH_LEVEL); /* the lock's holder must not be switched away */
    while (!KeTryToAcquireSpinLockAtDpcLevel(&KiCallLock))
        KiWaitForOthers();
    KiCallAndWait(Targets & KeActiveProcessors, Routine, Argument);
    KiLetSpinLockGo(&KiCallLock);
    if (OldIrql < DISPATCH_LEVEL)
        KiLowerIrql(OldIrql);
}

VOID KiFreezeProcessors(VOID)
{
    ULONG Tries;

    KiSendIpi(KeActiveProcessors & ~KeGetCurrentPrcb()->SetMember, IPI_FREEZE);
    for (Tries = 0; Tries < FREEZE_TRIES && KiFrozen < KeNumberProcessors - 1; Tries++)
        YieldProcessor();
}

/* What KeIpiGenericCall has its processors do: enter together, then run the routine. */
typedef struct _KI_GENERIC_CALL {
    PKIPI_BROADCAST_WORKER Routine;
    ULONG_PTR Argument;
    ULONG_PTR Result; /* the calling processor's */
    PKPRCB Caller;
    volatile LONG Missing; /* processors that have not entered yet */
} KI_GENERIC_CALL;

static VOID KiRunGenericCall(ULONG_PTR Argument)
{
    KI_GENERIC_CALL *Call = (KI_GENERIC_CALL *)Argument;
    KIRQL OldIrql = KiGetCurrentIrql();
    ULONG_PTR Result;

    InterlockedDecrement(&Call->Missing);
    while (Call->Missing)
        YieldProcessor();
    KiSetCurrentIrql(max(OldIrql, IPI_LEVEL));
    Result = Call->Routine(Call->Argument);
    KiSetCurrentIrql(OldIrql);
    if (KeGetCurrentPrcb() == Call->Caller)
        Call->Result = Result;
}

/*
 * Runs a routine on all processors at the same time, at IPI_LEVEL (WDK: KeIpiGenericCall). Returns
 * what it returned on this one. IRQL < IPI_LEVEL.
 */
ULONG_PTR NTAPI KeIpiGenericCall(PKIPI_BROADCAST_WORKER BroadcastFunction, ULONG_PTR Context)
{
    KI_GENERIC_CALL Call = {.Routine = BroadcastFunction, .Argument = Context};
    KIRQL OldIrql = KiRaiseIrql(max(KiGetCurrentIrql(), DISPATCH_LEVEL));

    ASSERT(OldIrql < IPI_LEVEL);
    Call.Caller = KeGetCurrentPrcb();
    Call.Missing = KeNumberProcessors;
    KiCallProcessors(KeActiveProcessors, KiRunGenericCall, (ULONG_PTR)&Call);
    KiLowerIrql(OldIrql);
    return Call.Result;
}

/* The processors that there are, as a mask. */
KAFFINITY NTAPI KeQueryActiveProcessors(VOID)
{
    return KeActiveProcessors;
}
