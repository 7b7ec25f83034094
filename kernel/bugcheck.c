/*
 * The end: the machine stops with a bug check code and four parameters, and says all it knows.
 *
 * Nothing here allocates, waits, takes a lock or touches pageable memory. A bug check within a
 * bug check halts at once.
 */
#include "kernel/ex/ex.h"
#include "kernel/hal/hal.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/ke.h"
#include "kernel/ldr/ldr.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"
#include "sched/sched.h"

#define STACK_TRACE_DEPTH 12

/* What KeRegisterBugCheckCallback and a debugger look at (WDK: bug check data). */
ULONG_PTR KiBugCheckData[5];

typedef struct _BUGCHECK_NAME {
    ULONG Code;
    PCSTR Name;
} BUGCHECK_NAME;

/* Made by the Makefile from the public header bugcodes.h; the last ones are not in that. */
static const BUGCHECK_NAME KiBugCheckNames[] = {
#include <build/bugcodes.inc>
    {MACHINE_CHECK_EXCEPTION, "MACHINE_CHECK_EXCEPTION"},
    {DRIVER_VERIFIER_DETECTED_VIOLATION, "DRIVER_VERIFIER_DETECTED_VIOLATION"},
    {DRIVER_VERIFIER_IOMANAGER_VIOLATION, "DRIVER_VERIFIER_IOMANAGER_VIOLATION"},
    {PAGE_FAULT_IN_FREED_SPECIAL_POOL, "PAGE_FAULT_IN_FREED_SPECIAL_POOL"},
    {PAGE_FAULT_BEYOND_END_OF_ALLOCATION, "PAGE_FAULT_BEYOND_END_OF_ALLOCATION"},
    {DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL, "DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL"},
    {DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION, "DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION"},
    {SYSTEM_PTE_MISUSE, "SYSTEM_PTE_MISUSE"},
    {INVALID_FLOATING_POINT_STATE, "INVALID_FLOATING_POINT_STATE"},
    {CLOCK_WATCHDOG_TIMEOUT, "CLOCK_WATCHDOG_TIMEOUT"},
    {DPC_WATCHDOG_VIOLATION, "DPC_WATCHDOG_VIOLATION"},
};

/* What a processor has to say besides the parameters (KiExplainBugCheck). */
static struct {
    PKI_EXPLANATION Explain;
    PVOID Context;
} KiExplanations[MAXIMUM_PROCESSOR_COUNT];

static PCSTR KiBugCheckName(ULONG Code)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(KiBugCheckNames); i++) {
        if (KiBugCheckNames[i].Code == Code)
            return KiBugCheckNames[i].Name;
    }
    return "";
}

/* Which parameter of a code is the address of the culprit's instruction; 0: none is. */
static ULONG KiCulpritParameter(ULONG Code)
{
    switch (Code) {
    case IRQL_NOT_LESS_OR_EQUAL:
    case DRIVER_IRQL_NOT_LESS_OR_EQUAL:
        return 4;
    case PAGE_FAULT_IN_NONPAGED_AREA:
    case PAGE_FAULT_IN_FREED_SPECIAL_POOL:
    case PAGE_FAULT_BEYOND_END_OF_ALLOCATION:
    case DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL:
    case DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION:
        return 3;
    case KMODE_EXCEPTION_NOT_HANDLED:
        return 2;
    default:
        return 0;
    }
}

/* The driver whose code is at fault, if one's is: the instruction, else the first on the stack. */
static ULONG_PTR KiFindCulprit(ULONG_PTR Instruction, const ULONG_PTR *Callers, ULONG Count)
{
    ULONG i;

    if (LdrFindModuleByAddress((PVOID)Instruction) && !LdrIsKernelAddress(Instruction))
        return Instruction;
    for (i = 0; i < Count; i++) {
        if (LdrFindModuleByAddress((PVOID)Callers[i]) && !LdrIsKernelAddress(Callers[i]))
            return Callers[i];
    }
    return Instruction;
}

static VOID KiPrintCulprit(ULONG_PTR Address)
{
    PLDR_MODULE Module = LdrFindModuleByAddress((PVOID)Address);

    if (Module)
        KdPrintLine("***  %wZ - Address %08lx base at %08lx, offset %08lx\n", &Module->BaseDllName,
                    Address, (ULONG_PTR)Module->DllBase, Address - (ULONG_PTR)Module->DllBase);
}

static VOID KiPrintRegisters(PKTRAP_FRAME Frame)
{
    KdPrintLine("eax=%08lx ebx=%08lx ecx=%08lx edx=%08lx esi=%08lx edi=%08lx\n", Frame->Eax,
                Frame->Ebx, Frame->Ecx, Frame->Edx, Frame->Esi, Frame->Edi);
    KdPrintLine("eip=%08lx esp=%08lx ebp=%08lx cs=%04lx efl=%08lx cr2=%08lx cr3=%08lx\n",
                Frame->Eip, KiFrameEsp(Frame), Frame->Ebp, Frame->SegCs & 0xFFFF, Frame->EFlags,
                KiReadCr2(), KiReadCr3());
}

/* Exact: the first address is that of an instruction, not behind a call. */
static VOID KiPrintStack(const ULONG_PTR *Callers, ULONG Count, BOOLEAN Exact)
{
    CHAR Where[80];
    ULONG i;

    KdPrintLine("Stack:\n");
    for (i = 0; i < Count; i++) {
        if (i == 0 && Exact)
            KdDescribeAddress(Callers[i], Where, sizeof Where);
        else
            KdDescribeCaller(Callers[i], Where, sizeof Where);
        KdPrintLine("  %08lx %s\n", Callers[i], Where);
    }
}

static VOID KiPrintContext(KIRQL Irql)
{
    PETHREAD Thread = (PETHREAD)KiGetCurrentThread();
    PEPROCESS Process = (PEPROCESS)Thread->Tcb.ApcState.Process;

    KdPrintLine("Process %s (pid %lu, %p), thread %lu (%p), IRQL %u, processor %u\n",
                Process ? Process->ImageFileName : "none", Process ? PsPid(Process) : 0, Process,
                (ULONG)(ULONG_PTR)Thread->Cid.UniqueThread, Thread, Irql,
                KeGetCurrentPrcb()->Number);
}

/* Nothing must come between this and the bug check, so interrupts stay disabled. */
VOID KiExplainBugCheck(PKI_EXPLANATION Explain, PVOID Context)
{
    ULONG Number;

    KiDisableInterrupts();
    Number = KeGetCurrentPrcb()->Number;
    KiExplanations[Number].Explain = Explain;
    KiExplanations[Number].Context = Context;
}

static VOID KiPrintExplanation(VOID)
{
    ULONG Number = KeGetCurrentPrcb()->Number;

    if (KiExplanations[Number].Explain)
        KiExplanations[Number].Explain(KiExplanations[Number].Context);
}

/* A breakpoint for debuggers: everything about the stop is in the arguments. */
__attribute__((noinline)) VOID KiBugCheckStop(ULONG Code, PKTRAP_FRAME Frame)
{
    __asm__ volatile("" : : "r"(Code), "r"(Frame) : "memory");
}

/* After a call to where no code is, the caller's address is the first word on the stack. */
static ULONG KiFindWildCaller(PKTRAP_FRAME Frame, PULONG_PTR Callers)
{
    PULONG_PTR Stack = (PULONG_PTR)KiFrameEsp(Frame);

    if (KiIsUserTrap(Frame) || Frame == &KiDoubleFaultFrame ||
        LdrFindModuleByAddress((PVOID)Frame->Eip) || !MmIsAddressValid(Stack))
        return 0;
    *Callers = *Stack;
    return 1;
}

static VOID KiPrintBugCheck(KIRQL Irql, PKTRAP_FRAME Frame, ULONG_PTR Ebp)
{
    ULONG_PTR Callers[STACK_TRACE_DEPTH], Instruction;
    ULONG Parameter = KiCulpritParameter(KiBugCheckData[0]), Count = 0;

    if (Frame) {
        Callers[Count++] = Frame->Eip;
        Count += KiFindWildCaller(Frame, Callers + Count);
    }
    Count += KdWalkStack(Ebp, 0, Callers + Count, STACK_TRACE_DEPTH - Count);
    Instruction = Parameter ? KiBugCheckData[Parameter] : Frame ? Frame->Eip : 0;
    KdPrintLine("A problem has been detected and the system has been stopped.\n\n%s\n\n"
                "*** STOP: 0x%08lX (0x%08lX,0x%08lX,0x%08lX,0x%08lX)\n",
                KiBugCheckName(KiBugCheckData[0]), KiBugCheckData[0], KiBugCheckData[1],
                KiBugCheckData[2], KiBugCheckData[3], KiBugCheckData[4]);
    KiPrintCulprit(KiFindCulprit(Instruction, Callers, Count));
    KiPrintExplanation();
    KiPrintContext(Irql);
    if (Frame)
        KiPrintRegisters(Frame);
    KiPrintStack(Callers, Count, Frame != NULL);
}

/* One processor says what has happened, the others halt. A bug check within one is the end. */
static VOID KiEnterBugCheck(PKPRCB Prcb)
{
    static PVOID volatile Entered;
    PVOID First = InterlockedCompareExchangePointer((PVOID *)&Entered, Prcb, NULL);

    if (First == Prcb)
        HalpPowerOff(EXIT_BUGCHECK);
    if (First)
        HalpHalt();
    KiFreezeProcessors();
}

NORETURN VOID KiBugCheckWithFrame(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3,
                                  ULONG_PTR P4, PKTRAP_FRAME Frame)
{
    KIRQL Irql = KiGetCurrentIrql();

    KiDisableInterrupts();
    KiEnterBugCheck(KeGetCurrentPrcb());
    KiGetPcr()->Pcr.Irql = HIGH_LEVEL;
    KiBugCheckData[0] = Code;
    KiBugCheckData[1] = P1;
    KiBugCheckData[2] = P2;
    KiBugCheckData[3] = P3;
    KiBugCheckData[4] = P4;
    KiBugCheckStop(Code, Frame);
    KdEnterCrash();
    HalpScreenBlue();
    KiPrintBugCheck(Irql, Frame, Frame ? Frame->Ebp : (ULONG_PTR)__builtin_frame_address(0));
    ExpCallBugCheckCallbacks();
    HalpPowerOff(EXIT_BUGCHECK);
}

/* Stops the machine (WDK: KeBugCheckEx). IRQL: any. */
NORETURN VOID NTAPI KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR BugCheckParameter1,
                                 ULONG_PTR BugCheckParameter2, ULONG_PTR BugCheckParameter3,
                                 ULONG_PTR BugCheckParameter4)
{
    KiBugCheckWithFrame(BugCheckCode, BugCheckParameter1, BugCheckParameter2, BugCheckParameter3,
                        BugCheckParameter4, NULL);
}

NORETURN VOID NTAPI KeBugCheck(ULONG BugCheckCode)
{
    KiBugCheckWithFrame(BugCheckCode, 0, 0, 0, 0, NULL);
}
