/*
 * A trap's registers as a CONTEXT, and what is built of that for user mode: APCs and exceptions.
 *
 * To run a user APC, or to let a program handle its exception, the kernel puts the registers on the
 * thread's user stack, and has the thread go on in ntdll.dll instead of where it was:
 *
 *      KiUserApcDispatcher                     KiUserExceptionDispatcher
 *      ESP + 0   the APC's normal routine      ESP + 0   address of the EXCEPTION_RECORD
 *          + 4   its three arguments               + 4   address of the CONTEXT
 *          + 16  CONTEXT: where the thread was     + 8   the two themselves
 *
 * Both hand the CONTEXT back by NtContinue. A program can pass any CONTEXT there, so only what user
 * mode may change is taken from it. x87 and SSE registers stay as they are: APCs run inside of
 * calls, which need not preserve them.
 */
#include "kernel/ex/capture.h"
#include "kernel/ps/ps.h"
#include "kernel/services.h"
#include "sched/apc.h"

#define CONTEXT_USED FIELD_OFFSET(CONTEXT, ExtendedRegisters)

typedef struct _KI_APC_FRAME {
    KI_USER_APC Apc;
    CONTEXT Context; /* its last member, for which there is no use, lies above the frame */
} KI_APC_FRAME;

/* What a program's handlers may copy as a whole. */
typedef struct _KI_EXCEPTION_FRAME {
    PEXCEPTION_RECORD RecordAddress;
    PCONTEXT ContextAddress;
    EXCEPTION_RECORD Record;
    CONTEXT Context;
} KI_EXCEPTION_FRAME;

#define APC_FRAME_BYTES (FIELD_OFFSET(KI_APC_FRAME, Context) + CONTEXT_USED)

C_ASSERT(FIELD_OFFSET(KI_APC_FRAME, Context) == 0x10);
C_ASSERT(CONTEXT_USED == 0xCC);

/* The registers of a trap. The kernel's own stack goes on where the frame ends. */
VOID KiContextFromTrapFrame(const KTRAP_FRAME *Frame, PCONTEXT Context)
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
    Context->Esp = KiFrameEsp(Frame);
    Context->SegSs = KiIsUserTrap(Frame) ? Frame->HardwareSegSs : KGDT_R0_DATA;
}

/* Sets a user trap's registers that a CONTEXT has. User mode's segments are always the same. */
VOID KiContextToTrapFrame(const CONTEXT *Context, PKTRAP_FRAME Frame)
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
 * Has the thread go to its own exception handlers when it goes back to user mode through the frame.
 * IRQL: PASSIVE_LEVEL. STATUS_ACCESS_VIOLATION: its stack cannot be written.
 */
NTSTATUS KiInitializeUserException(PKTRAP_FRAME Frame, const EXCEPTION_RECORD *Record)
{
    PEPROCESS Process = PspCurrentProcess();
    ULONG_PTR Esp = (Frame->HardwareEsp & ~3u) - sizeof(KI_EXCEPTION_FRAME);
    KI_EXCEPTION_FRAME *User = (KI_EXCEPTION_FRAME *)Esp, Kernel;
    NTSTATUS Status;

    memset(&Kernel, 0, sizeof Kernel);
    Kernel.RecordAddress = &User->Record;
    Kernel.ContextAddress = &User->Context;
    Kernel.Record = *Record;
    KiContextFromTrapFrame(Frame, &Kernel.Context);
    Status = ExCopyToUser(User, &Kernel, sizeof Kernel);
    if (!NT_SUCCESS(Status))
        return Status;
    Frame->HardwareEsp = Esp;
    Frame->Eip = (ULONG_PTR)Process->UserExceptionDispatcher;
    Frame->EFlags = EFLAGS_IF | EFLAGS_ALWAYS;
    return STATUS_SUCCESS;
}

/* A program's CONTEXT, without the last member. */
static NTSTATUS KiCaptureContext(PCONTEXT Context, const CONTEXT *From)
{
    NTSTATUS Status = ExCopyFromUser(Context, From, CONTEXT_USED);

    if (NT_SUCCESS(Status) && !(Context->ContextFlags & CONTEXT_i386))
        return STATUS_INVALID_PARAMETER;
    return Status;
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
    Status = KiCaptureContext(&Context, ContextRecord);
    if (!NT_SUCCESS(Status))
        return Status;
    KiContextToTrapFrame(&Context, Thread->TrapFrame);
    if (TestAlert)
        KeTestAlertThread(UserMode);
    return (NTSTATUS)Thread->TrapFrame->Eax;
}

/*
 * Raises an exception that a program has made (FirstChance), or ends the process because of one
 * that none of its handlers wanted. It returns what EAX is to be in the handlers' dispatcher.
 */
NTSTATUS NTAPI NtRaiseException(PEXCEPTION_RECORD ExceptionRecord, PCONTEXT ContextRecord,
                                BOOLEAN FirstChance)
{
    PKTHREAD Thread = KiGetCurrentThread();
    EXCEPTION_RECORD Record;
    CONTEXT Context;
    NTSTATUS Status;

    if (Thread->PreviousMode == KernelMode)
        return STATUS_NOT_SUPPORTED;
    Status = ExCopyFromUser(&Record, ExceptionRecord, sizeof Record);
    if (NT_SUCCESS(Status))
        Status = KiCaptureContext(&Context, ContextRecord);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Record.NumberParameters > EXCEPTION_MAXIMUM_PARAMETERS)
        return STATUS_INVALID_PARAMETER;
    KiContextToTrapFrame(&Context, Thread->TrapFrame);
    KiDispatchUserException(&Record, Thread->TrapFrame, FirstChance);
    return (NTSTATUS)Thread->TrapFrame->Eax;
}
