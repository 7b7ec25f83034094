/*
 * A thread's user-mode registers as a CONTEXT, and what is built of that: user APCs.
 *
 * To run a user APC, the kernel puts the registers on the thread's user stack, and has the thread
 * go on in ntdll!KiUserApcDispatcher instead of where it was:
 *
 *      ESP + 0     the APC's normal routine
 *          + 4     its three arguments
 *          + 16    CONTEXT: where the thread was
 *
 * The dispatcher calls the routine and hands the CONTEXT back by NtContinue. A program can pass any
 * CONTEXT there, so only what user mode may change is taken from it. x87 and SSE registers stay as
 * they are: APCs run inside of calls, which need not preserve them.
 */
#include "kernel/ex/capture.h"
#include "kernel/ps/ps.h"
#include "kernel/services.h"
#include "sched/apc.h"

#define CONTEXT_BYTES FIELD_OFFSET(CONTEXT, ExtendedRegisters)

typedef struct _KI_APC_FRAME {
    KI_USER_APC Apc;
    CONTEXT Context; /* its last member, for which there is no use, lies above the frame */
} KI_APC_FRAME;

#define APC_FRAME_BYTES (FIELD_OFFSET(KI_APC_FRAME, Context) + CONTEXT_BYTES)

C_ASSERT(FIELD_OFFSET(KI_APC_FRAME, Context) == 0x10);
C_ASSERT(CONTEXT_BYTES == 0xCC);

/* The registers of a trap from user mode. */
static VOID KiContextFromTrapFrame(const KTRAP_FRAME *Frame, CONTEXT *Context)
{
    Context->ContextFlags = CONTEXT_FULL;
    Context->SegGs = Frame->SegGs;
    Context->SegFs = Frame->SegFs;
    Context->SegEs = Frame->SegEs;
    Context->SegDs = Frame->SegDs;
    Context->Edi = Frame->Edi;
    Context->Esi = Frame->Esi;
    Context->Ebx = Frame->Ebx;
    Context->Edx = Frame->Edx;
    Context->Ecx = Frame->Ecx;
    Context->Eax = Frame->Eax;
    Context->Ebp = Frame->Ebp;
    Context->Eip = Frame->Eip;
    Context->SegCs = Frame->SegCs;
    Context->EFlags = Frame->EFlags;
    Context->Esp = Frame->HardwareEsp;
    Context->SegSs = Frame->HardwareSegSs;
}

/* Sets the registers that a CONTEXT has. The segments of user mode are always the same. */
static VOID KiContextToTrapFrame(const CONTEXT *Context, PKTRAP_FRAME Frame)
{
    if ((Context->ContextFlags & CONTEXT_INTEGER) == CONTEXT_INTEGER) {
        Frame->Edi = Context->Edi;
        Frame->Esi = Context->Esi;
        Frame->Ebx = Context->Ebx;
        Frame->Edx = Context->Edx;
        Frame->Ecx = Context->Ecx;
        Frame->Eax = Context->Eax;
    }
    if ((Context->ContextFlags & CONTEXT_CONTROL) == CONTEXT_CONTROL) {
        Frame->Ebp = Context->Ebp;
        Frame->Eip = Context->Eip;
        Frame->EFlags = (Context->EFlags & EFLAGS_USER_SAFE) | EFLAGS_IF | EFLAGS_ALWAYS;
        Frame->HardwareEsp = Context->Esp;
    }
}

/*
 * Has the thread run a user APC when it goes back to user mode through the frame. IRQL:
 * PASSIVE_LEVEL. STATUS_ACCESS_VIOLATION: its stack cannot be written.
 */
NTSTATUS KiInitializeUserApc(PKTRAP_FRAME Frame, const KI_USER_APC *Apc)
{
    PEPROCESS Process = PspCurrentProcess();
    ULONG_PTR Esp = (Frame->HardwareEsp & ~3u) - APC_FRAME_BYTES;
    KI_APC_FRAME ApcFrame;
    NTSTATUS Status;

    memset(&ApcFrame, 0, APC_FRAME_BYTES);
    ApcFrame.Apc = *Apc;
    KiContextFromTrapFrame(Frame, &ApcFrame.Context);
    Status = ExCopyToUser((PVOID)Esp, &ApcFrame, APC_FRAME_BYTES);
    if (!NT_SUCCESS(Status))
        return Status;
    Frame->HardwareEsp = Esp;
    Frame->Eip = (ULONG_PTR)Process->UserApcDispatcher;
    Frame->EFlags = EFLAGS_IF | EFLAGS_ALWAYS;
    return STATUS_SUCCESS;
}

/*
 * Goes on in user mode with the registers of a CONTEXT, which must have some; with TestAlert, after
 * further user APCs. It returns what EAX is to be there.
 */
NTSTATUS NTAPI NtContinue(PCONTEXT ContextRecord, BOOLEAN TestAlert)
{
    PKTHREAD Thread = KiGetCurrentThread();
    CONTEXT Context;
    NTSTATUS Status;

    if (Thread->PreviousMode == KernelMode)
        return STATUS_NOT_SUPPORTED;
    Status = ExCopyFromUser(&Context, ContextRecord, CONTEXT_BYTES);
    if (!NT_SUCCESS(Status))
        return Status;
    if (!(Context.ContextFlags & CONTEXT_i386))
        return STATUS_INVALID_PARAMETER;
    KiContextToTrapFrame(&Context, Thread->TrapFrame);
    if (TestAlert)
        KeTestAlertThread(UserMode);
    return (NTSTATUS)Thread->TrapFrame->Eax;
}
