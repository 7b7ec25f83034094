/*
 * Starts the other processors: each gets a control region, an idle thread on a stack of its own,
 * and tables; then it is sent to the code of startap.S, and comes up here.
 *
 * One at a time, by the first system thread, before there are drivers and programs. A processor
 * that does not answer is put to sleep again: the machine runs without it.
 *
 * A new processor enables interrupts only when it has been admitted, and with an empty TLB: what
 * was changed in the shared half before it could be sent an IPI, it has not seen; what is changed
 * after, it is told.
 */
#include "boot/loader.h"
#include "kernel/hal/apic.h"
#include "kernel/hal/firmware.h"
#include "kernel/hal/hal.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/startap.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"
#include "sched/sched.h"

#define ANSWER_TRIES 1000
#define ANSWER_100NS (-10000LL) /* 1 ms */
#define STARTUP_PAGE (MI_STARTUP_PHYSICAL >> PAGE_SHIFT)

static volatile LONG KiStarted; /* number of the last processor that has come up */

/*
 * A processor's first code in C: in the upper half, on its idle thread's stack, interrupts
 * disabled, behind the start-up directory. It becomes its idle thread.
 */
NORETURN VOID KiStartThisProcessor(PKIPCR Pcr)
{
    PKPRCB Prcb = &Pcr->PrcbData;

    KiWriteCr3(PsGetIdleThread()->ApcState.Process->DirectoryTableBase[0]);
    KiInitializeProcessor(Pcr, Prcb->Number, Prcb->IdleThread);
    HalpInitializeLocalApic(FALSE);
    HalpStartLocalClock();
    InterlockedExchange(&KiStarted, Prcb->Number);
    while (!(*(volatile KAFFINITY *)&KeActiveProcessors & Prcb->SetMember))
        YieldProcessor();
    MiFlushAll();
    KiEnableInterrupts();
    KiIdleLoop();
}

/* Makes a processor's control region, at its own address among the fixed ones. NULL: no memory. */
static PKIPCR KiCreateControlRegion(ULONG Number, UCHAR ApicId)
{
    PKIPCR Pcr = KiControlRegion(Number);
    PETHREAD Idle;

    if (!NT_SUCCESS(MiFillSystemRange(Pcr, 1, UsageKernel, TRUE)))
        return NULL;
    if (!NT_SUCCESS(PspCreateIdleThread(1u << Number, &Idle))) {
        MiEmptySystemRange(Pcr, 1);
        return NULL;
    }
    Pcr->PrcbData.Number = (UCHAR)Number;
    Pcr->PrcbData.ApicId = ApicId;
    Pcr->PrcbData.IdleThread = &Idle->Tcb;
    return Pcr;
}

/* Puts the code, and what it needs to know, into the page that the processor begins in. */
static VOID KiFillStartupPage(PKIPCR Pcr, ULONG_PTR Cr3)
{
    PUCHAR Page = MiWindow(STARTUP_PAGE);
    KI_START_BLOCK *Block = (KI_START_BLOCK *)(Page + KI_START_BLOCK_OFFSET);

    ASSERT(KiStartupCodeEnd - KiStartupCode <= KI_START_BLOCK_OFFSET);
    memcpy(Page, KiStartupCode, KiStartupCodeEnd - KiStartupCode);
    Block->Cr3 = Cr3;
    Block->StackTop = Pcr->PrcbData.IdleThread->InitialStack;
    Block->Pcr = Pcr;
}

static BOOLEAN KiWaitForAnswer(ULONG Number)
{
    LARGE_INTEGER Moment = {.QuadPart = ANSWER_100NS};
    ULONG Tries;

    for (Tries = 0; Tries < ANSWER_TRIES && KiStarted != (LONG)Number; Tries++)
        KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    return KiStarted == (LONG)Number;
}

/* From now on threads run there, and IPIs go there. */
static VOID KiAdmitProcessor(PKPRCB Prcb)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();

    KiProcessorBlock[Prcb->Number] = Prcb;
    KeActiveProcessors |= Prcb->SetMember;
    KeNumberProcessors++;
    KiUnlockDispatcherDatabase(OldIrql);
}

static BOOLEAN KiStartProcessor(ULONG Number, UCHAR ApicId, ULONG_PTR Cr3)
{
    PKIPCR Pcr = KiCreateControlRegion(Number, ApicId);

    if (Pcr == NULL)
        return FALSE;
    KiFillStartupPage(Pcr, Cr3);
    HalpStartProcessor(ApicId, STARTUP_PAGE);
    if (!KiWaitForAnswer(Number)) {
        HalpParkProcessor(ApicId);
        return FALSE; /* its memory stays: it has perhaps been on its way */
    }
    KiAdmitProcessor(&Pcr->PrcbData);
    return TRUE;
}

static VOID KiStartListed(const HAL_FIRMWARE *Processors, ULONG Limit, ULONG_PTR Cr3)
{
    UCHAR Self = HalpLocalApicId();
    ULONG i;

    for (i = 0; i < Processors->Count && (ULONG)KeNumberProcessors < Limit; i++) {
        UCHAR ApicId = Processors->ApicIds[i];
        if (ApicId != Self && !KiStartProcessor(KeNumberProcessors, ApicId, Cr3)) {
            KdPrintLine("Ke: processor with local APIC %u does not start\n", ApicId);
            break;
        }
    }
}

/* Starts those processors that the option numproc= allows. IRQL: PASSIVE_LEVEL. */
VOID KiStartProcessors(VOID)
{
    ULONG Limit =
        LoaderBlock.NumberOfProcessors ? LoaderBlock.NumberOfProcessors : MAXIMUM_PROCESSOR_COUNT;
    MM_SPACE Space = {0};

    if (Limit == 1 || HalpFirmware.Count < 2)
        return;
    HalpCalibrateLocalClock();
    if (!NT_SUCCESS(MiCreateStartupSpace(&Space)))
        return;
    KiStartListed(&HalpFirmware, Limit, Space.DirectoryTableBase);
    MiDeleteStartupSpace(&Space);
    KdPrintLine("%u processors\n", KeNumberProcessors);
}
