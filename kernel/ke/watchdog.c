/*
 * The watchdogs (watchdog.h). They count clock ticks that a processor has really taken: while the
 * machine stands still, for a debugger or because its host is busy, none come. (A wait for a spin
 * lock may be one without ticks. It looks at the time-stamp counter, which stands still as well.)
 *
 * A processor's tick finds that IRQL has not been below DISPATCH_LEVEL for so many ticks, within
 * one DPC or not (WDK: Bug Check 0x133); and that the next processor's ticks have not moved for so
 * many of its own, so that one has interrupts disabled, or IRQL above the clock's (Bug Check
 * 0x101). A lock that one processor has held all the time that another waits for it, seconds, is a
 * mistake even if both take ticks (Bug Check 0xF); one that goes from hand to hand is not.
 */
#include "kernel/ke/watchdog.h"
#include "kernel/hal/hal.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/lockcheck.h"

#if DBG

#define DPC_TICKS      500  /* 5 s: a single DPC */
#define CLOCK_TICKS    500  /* 5 s: no ticks on another processor */
#define DISPATCH_TICKS 1000 /* 10 s: at DISPATCH_LEVEL or above */
#define SPIN_SECONDS   3
#define SPIN_TRIES     0x40000 /* so many at least, should the host not let this processor run */
#define SPIN_LOOK      0x1000  /* how often to look at the time */

/* Each processor's, written by it only. */
static struct {
    volatile ULONG Ticks;
    ULONG DispatchTicks;
    ULONG DpcTicks;
    PKDEFERRED_ROUTINE DpcRoutine;
    ULONG OthersTicks; /* what the next processor's Ticks were, and for how long */
    ULONG OthersAge;
} KiWatch[MAXIMUM_PROCESSOR_COUNT];

BOOLEAN KiSpinTooLong(KI_SPIN *Spin, PVOID Lock)
{
    ULONG Acquisition;
    LARGE_INTEGER Now, Frequency;

    YieldProcessor();
    if (Spin->Tries++ % SPIN_LOOK != 0)
        return FALSE;
    Now = KeQueryPerformanceCounter(&Frequency);
    Acquisition = KiAcquisitionOf(Lock);
    if (Acquisition != Spin->Acquisition || Spin->Start == 0) {
        *Spin = (KI_SPIN){1, Acquisition, Now.QuadPart};
        return FALSE;
    }
    return Spin->Tries > SPIN_TRIES &&
           Now.QuadPart - Spin->Start > SPIN_SECONDS * Frequency.QuadPart;
}

VOID KiWatchLowering(VOID)
{
    KiWatch[KeGetCurrentPrcb()->Number].DispatchTicks = 0;
}

VOID KiWatchDpc(PKDEFERRED_ROUTINE Routine)
{
    ULONG Number = KeGetCurrentPrcb()->Number;

    KiWatch[Number].DpcTicks = 0;
    KiWatch[Number].DpcRoutine = Routine;
}

static VOID KiExplainDpc(PVOID Routine)
{
    CHAR Where[80];

    KdDescribeAddress((ULONG_PTR)Routine, Where, sizeof Where);
    KdPrintLine("***  the DPC at %s has been running for %u ticks of 10 ms\n", Where, DPC_TICKS);
    KiPrintSpinLocks(KeGetCurrentPrcb()->Number);
}

static VOID KiExplainDispatch(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    KdPrintLine("***  processor %u has been at DISPATCH_LEVEL or above for %u ticks of 10 ms\n",
                KeGetCurrentPrcb()->Number, DISPATCH_TICKS);
    KiPrintSpinLocks(KeGetCurrentPrcb()->Number);
}

static VOID KiExplainProcessor(PVOID Context)
{
    PKPRCB Prcb = Context;

    KdPrintLine("***  processor %u takes no interrupts\n", Prcb->Number);
    KiPrintSpinLocks(Prcb->Number);
}

static NORETURN VOID KiProcessorDoesNotAnswer(PKPRCB Prcb)
{
    KiExplainBugCheck(KiExplainProcessor, Prcb);
    KeBugCheckEx(CLOCK_WATCHDOG_TIMEOUT, CLOCK_TICKS, 0, (ULONG_PTR)Prcb, 0);
}

/* Is the next processor alive? */
static VOID KiWatchNextProcessor(ULONG Number)
{
    ULONG Other = (Number + 1) % (ULONG)KeNumberProcessors;

    if (Other == Number || KiWatch[Number].OthersTicks != KiWatch[Other].Ticks) {
        KiWatch[Number].OthersTicks = KiWatch[Other].Ticks;
        KiWatch[Number].OthersAge = 0;
    } else if (++KiWatch[Number].OthersAge > CLOCK_TICKS) {
        KiProcessorDoesNotAnswer(KiProcessorBlock[Other]);
    }
}

/* A tick has found IRQL at DISPATCH_LEVEL or above once more. */
static VOID KiWatchDispatch(PKPRCB Prcb, PKTRAP_FRAME Frame)
{
    ULONG Number = Prcb->Number;

    if (Prcb->DpcRoutineActive && ++KiWatch[Number].DpcTicks > DPC_TICKS) {
        KiExplainBugCheck(KiExplainDpc, KiWatch[Number].DpcRoutine);
        KiBugCheckWithFrame(DPC_WATCHDOG_VIOLATION, 0, KiWatch[Number].DpcTicks, DPC_TICKS, 0,
                            Frame);
    }
    if (++KiWatch[Number].DispatchTicks > DISPATCH_TICKS) {
        KiExplainBugCheck(KiExplainDispatch, NULL);
        KiBugCheckWithFrame(DPC_WATCHDOG_VIOLATION, 1, DISPATCH_TICKS, 0, 0, Frame);
    }
}

VOID KiWatchInterrupt(PKTRAP_FRAME Frame, ULONG Vector, KIRQL OldIrql)
{
    PKPRCB Prcb = KeGetCurrentPrcb();

    if (HalVectorToIrql(Vector) != CLOCK2_LEVEL)
        return;
    KiWatch[Prcb->Number].Ticks++;
    KiWatchNextProcessor(Prcb->Number);
    if (OldIrql >= DISPATCH_LEVEL)
        KiWatchDispatch(Prcb, Frame);
    else
        KiWatch[Prcb->Number].DispatchTicks = KiWatch[Prcb->Number].DpcTicks = 0;
}

#endif
