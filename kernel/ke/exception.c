/*
 * What becomes of an exception, wherever it comes from: a trap (trap.c), or a call (ex/raise.c).
 *
 * One of the kernel's own goes to the handlers of the running code's chain (kernel/seh), at the
 * IRQL of where it happened. A handler that takes it never returns here; one that corrects its
 * cause lets the code go on with a CONTEXT that it may have changed. If there is none, the machine
 * stops. One of a program's goes to ntdll.dll once, which asks the program's handlers; if there is
 * none, or nobody to ask, the process ends.
 *
 * No state and no locks.
 */
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "kernel/seh/seh.h"

#define KERNEL_FRAME_BYTES FIELD_OFFSET(KTRAP_FRAME, HardwareEsp)
#define EFLAGS_KERNEL_SAFE (EFLAGS_USER_SAFE | EFLAGS_TF | EFLAGS_IF)

/* A frame that no trap has made, for kernel code to go on through, or to be told of. */
static VOID KiMakeKernelFrame(const CONTEXT *Context, PKTRAP_FRAME Frame)
{
    memset(Frame, 0, sizeof *Frame);
    Frame->SegEs = Frame->SegDs = KGDT_R3_DATA | RPL_USER;
    Frame->SegCs = KGDT_R0_CODE;
    Frame->Edx = Context->Edx;
    Frame->Ecx = Context->Ecx;
    Frame->Eax = Context->Eax;
    Frame->Edi = Context->Edi;
    Frame->Esi = Context->Esi;
    Frame->Ebx = Context->Ebx;
    Frame->Ebp = Context->Ebp;
    Frame->Eip = Context->Eip;
    Frame->EFlags = (Context->EFlags & EFLAGS_KERNEL_SAFE) | EFLAGS_ALWAYS;
    Frame->HardwareEsp = Context->Esp;
}

/*
 * Goes on in kernel code, with the chain as it is. The frame is put where the stack ends then, so
 * all that is below on this stack is given up.
 */
static NORETURN VOID KiContinueInKernel(const CONTEXT *Context)
{
    PKTRAP_FRAME Place = (PKTRAP_FRAME)(Context->Esp - KERNEL_FRAME_BYTES);
    KTRAP_FRAME Frame;

    KiMakeKernelFrame(Context, &Frame);
    Frame.SegFs = KGDT_R0_PCR;
    Frame.ExceptionList = RtlpGetChain();
    ASSERT(Place > &Frame);
    memmove(Place, &Frame, KERNEL_FRAME_BYTES);
    KiExitThroughFrame(Place);
}

/* Nobody wants it: what it is, where, and its first two parameters (WDK: Bug Check 0x1E). */
static NORETURN VOID KiUnhandledInKernel(const EXCEPTION_RECORD *Record, PKTRAP_FRAME Frame)
{
    KiBugCheckWithFrame(KMODE_EXCEPTION_NOT_HANDLED, Record->ExceptionCode,
                        (ULONG_PTR)Record->ExceptionAddress,
                        Record->NumberParameters > 0 ? Record->ExceptionInformation[0] : 0,
                        Record->NumberParameters > 1 ? Record->ExceptionInformation[1] : 0, Frame);
}

/*
 * Frame has the same registers as Context, for the report. A handler cannot have the code go on
 * with a lower stack pointer: that part of the stack is in use (WDK: Bug Check 0x30).
 */
static NORETURN VOID KiDispatchInKernel(PEXCEPTION_RECORD Record, PCONTEXT Context,
                                        PKTRAP_FRAME Frame)
{
    ULONG_PTR Esp = Context->Esp;

    if (!RtlDispatchException(Record, Context))
        KiUnhandledInKernel(Record, Frame);
    if (Context->Esp < Esp)
        KiBugCheckWithFrame(SET_OF_INVALID_CONTEXT, Context->Esp, Esp, (ULONG_PTR)Frame, 0, Frame);
    KiContinueInKernel(Context);
}

/* A trap begins a chain of its own: the interrupted code's is taken up again. */
static NORETURN VOID KiDispatchKernelTrap(PEXCEPTION_RECORD Record, PKTRAP_FRAME Frame)
{
    CONTEXT Context;

    memset(&Context, 0, sizeof Context);
    KiContextFromTrapFrame(Frame, &Context);
    RtlpSetChain(Frame->ExceptionList);
    KiDispatchInKernel(Record, &Context, Frame);
}

/*
 * An exception that a trap has brought. Interrupts are enabled if they were. Returns for user mode
 * only, to leave through the frame.
 */
VOID KiDispatchException(PEXCEPTION_RECORD Record, PKTRAP_FRAME Frame)
{
    if (KiIsUserTrap(Frame))
        KiDispatchUserException(Record, Frame, TRUE);
    else
        KiDispatchKernelTrap(Record, Frame);
}

/* One of a program's. Not FirstChance: its handlers have been asked. IRQL: PASSIVE_LEVEL. */
VOID KiDispatchUserException(PEXCEPTION_RECORD Record, PKTRAP_FRAME Frame, BOOLEAN FirstChance)
{
    if (!FirstChance || !NT_SUCCESS(KiInitializeUserException(Frame, Record)))
        PspExceptionInUserMode(Record);
}

/* One that kernel code has raised by a call (kernel/seh/seh.S). */
NORETURN VOID __cdecl RtlpRaiseException(PEXCEPTION_RECORD Record, PCONTEXT Context)
{
    KTRAP_FRAME Frame;

    KiMakeKernelFrame(Context, &Frame);
    KiDispatchInKernel(Record, Context, &Frame);
}

/* DPCs and interrupts have the stack of the thread that they interrupt. */
ULONG_PTR RtlpStackBase(VOID)
{
    return (ULONG_PTR)KiGetCurrentThread()->InitialStack;
}
