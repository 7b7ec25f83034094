/*
 * What happens at a trap, after trap.S has built the frame: exceptions by vector, hardware
 * interrupts, and the last checks on the way back to user mode.
 *
 * An exception gets an EXCEPTION_RECORD and goes to whoever handles it (exception.c). What no
 * handler could mend, or none may see, is a bug check at once. The routines of usercopy.S need no
 * handler: their faults on user addresses become their return values.
 */
#include "kernel/ke/ke.h"
#include "kernel/ex/capture.h"
#include "kernel/ex/ex.h"
#include "kernel/hal/hal.h"
#include "kernel/ke/nmi.h"
#include "kernel/ke/npx.h"
#include "kernel/ps/ps.h"
#include "mm/mm.h"
#include "sched/apc.h"

#define INSTRUCTION_BYTES 15 /* no instruction is longer (Intel SDM vol. 2, 2.3.11) */

#define VECTOR_NMI                2
#define VECTOR_BREAKPOINT         3
#define VECTOR_OVERFLOW           4
#define VECTOR_BOUND              5
#define VECTOR_NO_MATH            7
#define VECTOR_COPROCESSOR        9
#define VECTOR_STACK_FAULT        12
#define VECTOR_GENERAL_PROTECTION 13
#define VECTOR_PAGE_FAULT         14
#define VECTOR_X87_FAULT          16
#define VECTOR_MACHINE_CHECK      18
#define VECTOR_SIMD_FAULT         19
#define VECTOR_ASSERTION          0x2C
#define VECTOR_DEBUG_SERVICE      0x2D

/* What int 2Dh asks the kernel's debugger for, in EAX: it is answered by nobody. */
#define BREAKPOINT_BREAK          0
#define BREAKPOINT_PRINT          1
#define BREAKPOINT_PROMPT         2
#define BREAKPOINT_COMMAND_STRING 5

/* What an exception is called. */
static const NTSTATUS KiTrapStatus[] = {
    [0] = STATUS_INTEGER_DIVIDE_BY_ZERO,
    [1] = STATUS_SINGLE_STEP,
    [3] = STATUS_BREAKPOINT,
    [4] = STATUS_INTEGER_OVERFLOW,
    [5] = STATUS_ARRAY_BOUNDS_EXCEEDED,
    [6] = STATUS_ILLEGAL_INSTRUCTION,
    [VECTOR_NO_MATH] = STATUS_ILLEGAL_FLOAT_CONTEXT,
    [9] = STATUS_ACCESS_VIOLATION,
    [10 ... VECTOR_GENERAL_PROTECTION] = STATUS_ACCESS_VIOLATION,
    [17] = STATUS_DATATYPE_MISALIGNMENT,
    [VECTOR_ASSERTION] = STATUS_ASSERTION_FAILURE,
    [VECTOR_DEBUG_SERVICE] = STATUS_BREAKPOINT,
};

/* An address that a general protection fault does not tell. */
#define ADDRESS_UNKNOWN MAXULONG_PTR

static NTSTATUS KiStatusOfVector(ULONG Vector)
{
    if (Vector < RTL_NUMBER_OF(KiTrapStatus) && KiTrapStatus[Vector])
        return KiTrapStatus[Vector];
    return STATUS_ACCESS_VIOLATION;
}

/* Is the byte after 0Fh that of a privileged instruction? (Intel SDM vol. 3, 5.9) */
static BOOLEAN KiIsPrivilegedTwoByte(UCHAR Second)
{
    static const UCHAR Privileged[] = {0x00, 0x01, 0x06, 0x08, 0x09, 0x20, 0x21, 0x22,
                                       0x23, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35};
    ULONG i;

    for (i = 0; i < sizeof Privileged; i++) {
        if (Privileged[i] == Second)
            return TRUE;
    }
    return FALSE;
}

/* The in, out, ins, outs, cli, sti and hlt instructions, and what begins with 0Fh. */
static BOOLEAN KiIsPrivileged(UCHAR First, UCHAR Second)
{
    return First == 0xF4 || First == 0xFA || First == 0xFB || (First >= 0x6C && First <= 0x6F) ||
           (First >= 0xE4 && First <= 0xE7) || (First >= 0xEC && First <= 0xEF) ||
           (First == 0x0F && KiIsPrivilegedTwoByte(Second));
}

/* Operand size, address size, repeat, segment: an instruction may have several. */
static BOOLEAN KiIsPrefix(UCHAR Code)
{
    return Code == 0x66 || Code == 0x67 || Code == 0xF2 || Code == 0xF3 || (Code & 0xE7) == 0x26 ||
           Code == 0x64 || Code == 0x65;
}

/* A general protection fault in user mode: tells a privileged instruction from a bad access. */
static NTSTATUS KiStatusOfProtectionFault(PKTRAP_FRAME Frame)
{
    UCHAR Code[2] = {0, 0};
    ULONG Address = Frame->Eip, End = Frame->Eip + INSTRUCTION_BYTES;

    do {
        if (!NT_SUCCESS(ExCopyFromUser(&Code[0], (PVOID)Address, 1)))
            return STATUS_ACCESS_VIOLATION;
        Address++;
    } while (KiIsPrefix(Code[0]) && Address != End);
    if (Code[0] == 0x0F && !NT_SUCCESS(ExCopyFromUser(&Code[1], (PVOID)Address, 1)))
        return STATUS_ACCESS_VIOLATION;
    return KiIsPrivileged(Code[0], Code[1]) ? STATUS_PRIVILEGED_INSTRUCTION
                                            : STATUS_ACCESS_VIOLATION;
}

/* Where the kernel goes on after an access to user memory that has failed; 0: it was none. */
static ULONG_PTR KiFailedUserAccess(ULONG_PTR Eip, ULONG_PTR Address)
{
    if (Address >= MI_USER_PROBE_ADDRESS)
        return 0;
    if (Eip >= (ULONG_PTR)KiCopyUserMemoryStart && Eip < (ULONG_PTR)KiCopyUserMemoryEnd)
        return (ULONG_PTR)KiCopyUserMemoryFault;
    if (Eip >= (ULONG_PTR)KiProbeUserByte && Eip < (ULONG_PTR)KiProbeUserByteEnd)
        return (ULONG_PTR)KiProbeUserByteFault;
    return 0;
}

/* Not resolved: an exception with what was done, and where to; or the end of a failing copy. */
static VOID KiHandlePageFaultFailure(PKTRAP_FRAME Frame, ULONG_PTR Address, NTSTATUS Status)
{
    ULONG_PTR Write = (Frame->ErrCode & PAGE_FAULT_WRITE) != 0;
    EXCEPTION_RECORD Record = {Status, 0, NULL, (PVOID)Frame->Eip, 2, {Write, Address}};
    ULONG_PTR GoOn = KiIsUserTrap(Frame) ? 0 : KiFailedUserAccess(Frame->Eip, Address);

    if (GoOn)
        Frame->Eip = GoOn;
    else
        KiDispatchException(&Record, Frame);
}

/*
 * A pop from a sequenced list was about to read an entry that others have popped, and freed, since
 * it read the list's header: then the header has changed, and the pop begins again
 * (kernel/ex/slist.S). An entry that is still in the list is paged out, or not memory.
 */
static BOOLEAN KiRestartPop(PKTRAP_FRAME Frame)
{
    const volatile ULONG *Header = (const volatile ULONG *)Frame->Esi;

    if (Frame->Eip != (ULONG_PTR)ExpInterlockedPopEntrySListFault ||
        (Header[0] == Frame->Eax && Header[1] == Frame->Edx))
        return FALSE;
    Frame->Eip = (ULONG_PTR)ExpInterlockedPopEntrySListResume;
    return TRUE;
}

/* CR2 has to be read before anything else can fault, so before interrupts are enabled. */
static VOID KiHandlePageFault(PKTRAP_FRAME Frame)
{
    ULONG_PTR Address = KiReadCr2();
    KPROCESSOR_MODE Mode = KiIsUserTrap(Frame) ? UserMode : KernelMode;
    NTSTATUS Status;

    KeGetCurrentPrcb()->PageFaults++;
    if (Mode == KernelMode)
        KeGetCurrentPrcb()->KernelPageFaults++;
    if (Mode == KernelMode && KiRestartPop(Frame))
        return;
    if (!(Frame->EFlags & EFLAGS_IF))
        KiBugCheckWithFrame(IRQL_NOT_LESS_OR_EQUAL, Address, MAXULONG,
                            (Frame->ErrCode & PAGE_FAULT_WRITE) != 0, Frame->Eip, Frame);
    KiEnableInterrupts();
    Status = MmAccessFault(Frame->ErrCode, (PVOID)Address, Mode, Frame);
    if (!NT_SUCCESS(Status))
        KiHandlePageFaultFailure(Frame, Address, Status);
}

/* What an exception is. Interrupts are disabled: the processor still has its cause. */
static NTSTATUS KiStatusOfException(ULONG Vector)
{
    if (Vector == VECTOR_X87_FAULT)
        return KiStatusOfX87(KiReadX87Status(), KiReadX87Control());
    if (Vector == VECTOR_SIMD_FAULT)
        return KiStatusOfSimd(KiReadMxCsr());
    return KiStatusOfVector(Vector);
}

/*
 * The instructions that raise exceptions are traps: the processor is behind them. An exception is
 * at its instruction, and so are the registers of a breakpoint and of an assertion.
 */
static ULONG_PTR KiAddressOfException(PKTRAP_FRAME Frame, ULONG Vector)
{
    if (Vector == VECTOR_BREAKPOINT)
        return Frame->Eip -= 1;
    if (Vector == VECTOR_ASSERTION)
        return Frame->Eip -= 2;
    return Vector == VECTOR_OVERFLOW ? Frame->Eip - 1 : Frame->Eip;
}

/* An exception that is not a page fault, to the handlers. Interrupts are disabled. */
static VOID KiRaiseTrap(PKTRAP_FRAME Frame, ULONG Vector)
{
    NTSTATUS Status = KiStatusOfException(Vector);
    EXCEPTION_RECORD Record = {Status, 0, NULL, NULL, 0, {0}};

    Record.ExceptionAddress = (PVOID)KiAddressOfException(Frame, Vector);
    KiRestoreInterrupts((Frame->EFlags & EFLAGS_IF) != 0);
    if (Vector == VECTOR_GENERAL_PROTECTION && KiIsUserTrap(Frame))
        Record.ExceptionCode = KiStatusOfProtectionFault(Frame);
    if (Record.ExceptionCode == STATUS_ACCESS_VIOLATION) {
        Record.NumberParameters = 2;
        Record.ExceptionInformation[1] = ADDRESS_UNKNOWN;
    } else if (Status == STATUS_BREAKPOINT) {
        Record.NumberParameters = 1;
        Record.ExceptionInformation[0] =
            Vector == VECTOR_DEBUG_SERVICE ? Frame->Eax : BREAKPOINT_BREAK;
    }
    KiDispatchException(&Record, Frame);
}

/*
 * The debugger's service, which there is none to give. Behind the instruction is an int 3, for a
 * debugger to skip: it is skipped for one who does not wait for an answer. TRUE: that was all.
 */
static BOOLEAN KiSkipDebugService(PKTRAP_FRAME Frame)
{
    if (Frame->Eax < BREAKPOINT_PRINT || Frame->Eax > BREAKPOINT_COMMAND_STRING ||
        Frame->Eax == BREAKPOINT_PROMPT)
        return FALSE;
    Frame->Eip++;
    return TRUE;
}

/*
 * In the kernel, no handler sees these: a bound that is exceeded ("a trap that the kernel is not
 * permitted to catch", WDK: Bug Check 0x7F), floating point that was not saved, and what means that
 * segments, stacks or tables are not what they should be. Others do not occur.
 */
static BOOLEAN KiIsFatalTrap(ULONG Vector)
{
    return Vector == VECTOR_BOUND || Vector == VECTOR_NO_MATH ||
           (Vector >= VECTOR_COPROCESSOR && Vector <= VECTOR_STACK_FAULT);
}

/* What concerns the machine and not the running code. TRUE: it is dealt with. */
static BOOLEAN KiHandleMachineTrap(PKTRAP_FRAME Frame, ULONG Vector)
{
    if (Vector == VECTOR_NMI && KiCallNmiCallbacks())
        return TRUE;
    if (Vector == VECTOR_NMI)
        KiBugCheckWithFrame(NMI_HARDWARE_FAILURE, 0x4F4454, 0, 0, 0, Frame);
    if (Vector == VECTOR_MACHINE_CHECK)
        KiBugCheckWithFrame(MACHINE_CHECK_EXCEPTION, 0, 0, 0, 0, Frame);
    if (!KiIsUserTrap(Frame) && KiIsFatalTrap(Vector))
        KiBugCheckWithFrame(UNEXPECTED_KERNEL_MODE_TRAP, Vector, 0, 0, 0, Frame);
    return Vector == VECTOR_DEBUG_SERVICE && KiSkipDebugService(Frame);
}

VOID FASTCALL KiTrapHandler(PKTRAP_FRAME Frame, ULONG Vector)
{
    if (Vector == VECTOR_PAGE_FAULT)
        KiHandlePageFault(Frame);
    else if (Vector == VECTOR_NO_MATH && KiLoadNpxOnTrap(Frame))
        ASSERT(KiGetCurrentThread()->NpxState == NPX_STATE_LOADED); /* now it can go on */
    else if (!KiHandleMachineTrap(Frame, Vector))
        KiRaiseTrap(Frame, Vector);
    if (KiIsUserTrap(Frame))
        KiReturnToUserMode(Frame);
    KiDisableInterrupts();
}

/* An APC cannot be run, for the thread has no stack: that ends its process. */
static NORETURN VOID KiFailUserApc(PKTRAP_FRAME Frame, NTSTATUS Status)
{
    EXCEPTION_RECORD Record = {Status, 0, NULL, (PVOID)Frame->Eip, 2, {TRUE, Frame->HardwareEsp}};

    PspExceptionInUserMode(&Record);
}

/* A user APC is due: has it run in user mode next. Interrupts are disabled, here and on return. */
static VOID KiRunUserApc(PKTRAP_FRAME Frame)
{
    KI_USER_APC Apc;
    NTSTATUS Status = STATUS_SUCCESS;

    KiEnableInterrupts();
    if (KiDeliverUserApc(&Apc))
        Status = KiInitializeUserApc(Frame, &Apc);
    if (!NT_SUCCESS(Status))
        KiFailUserApc(Frame, Status);
    KiDisableInterrupts();
}

/*
 * The last thing before a return to user mode: user APCs, one of which ends a thread that has been
 * told to end, here where it holds nothing. Interrupts are disabled on return, so nothing can be
 * queued any more that the thread would not be interrupted for.
 */
VOID FASTCALL KiReturnToUserMode(PKTRAP_FRAME Frame)
{
    PKTHREAD Thread = KiGetCurrentThread();

    KiDisableInterrupts();
    if (KiGetCurrentIrql() != PASSIVE_LEVEL)
        KiBugCheckWithFrame(IRQL_GT_ZERO_AT_SYSTEM_SERVICE, Frame->Eip, KiGetCurrentIrql(), 0, 0,
                            Frame);
    ASSERT(Thread->NpxLevel == 0);
    if (Thread->CombinedApcDisable || Thread->ApcStateIndex)
        KiBugCheckWithFrame(APC_INDEX_MISMATCH, Frame->Eip, Thread->ApcStateIndex,
                            Thread->CombinedApcDisable, 0, Frame);
    while (Thread->ApcState.UserApcPending)
        KiRunUserApc(Frame);
}

/* What the double fault interrupted; no processor pushed it, so HardwareEsp is always there. */
KTRAP_FRAME KiDoubleFaultFrame;

/*
 * The double fault, on its own task and stack: most likely a kernel stack ran into its guard
 * page. The interrupted registers are in the task-state segment that the processor left.
 */
NORETURN VOID KiDoubleFault(VOID)
{
    KIPCR *Pcr = KiGetPcr();
    PKTSS Tss = (PKTSS)Pcr->Pcr.TSS;

    KiDoubleFaultFrame.Eip = Tss->Eip;
    KiDoubleFaultFrame.SegCs = Tss->Cs;
    KiDoubleFaultFrame.EFlags = Tss->EFlags;
    KiDoubleFaultFrame.HardwareEsp = Tss->Esp;
    KiDoubleFaultFrame.Ebp = Tss->Ebp;
    KiDoubleFaultFrame.Eax = Tss->Eax;
    KiDoubleFaultFrame.Ebx = Tss->Ebx;
    KiDoubleFaultFrame.Ecx = Tss->Ecx;
    KiDoubleFaultFrame.Edx = Tss->Edx;
    KiDoubleFaultFrame.Esi = Tss->Esi;
    KiDoubleFaultFrame.Edi = Tss->Edi;
    KiBugCheckWithFrame(UNEXPECTED_KERNEL_MODE_TRAP, 8, (ULONG_PTR)Tss, 0, 0, &KiDoubleFaultFrame);
}
