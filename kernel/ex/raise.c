/*
 * Raising exceptions from kernel code (kernel/seh/seh.S has RtlRaiseException itself).
 */
#include "kernel/ke/ke.h"
#include "kernel/seh/seh.h"

/*
 * Raises an exception at the caller's, that cannot be continued (WDK: ExRaiseStatus). What it was
 * called with is not needed any more, so the caller's other registers are of no interest.
 * IRQL <= APC_LEVEL by the WDK; here any that the caller's handlers can bear. Nothing is held.
 */
DECLSPEC_NORETURN VOID NTAPI ExRaiseStatus(NTSTATUS Status)
{
    const ULONG_PTR *Frame = __builtin_frame_address(0);
    EXCEPTION_RECORD Record = {Status, EXCEPTION_NONCONTINUABLE, NULL, (PVOID)Frame[1], 0, {0}};
    CONTEXT Context;

    RtlCaptureContext(&Context);
    Context.Ebp = Frame[0];
    Context.Eip = Frame[1];
    Context.Esp = (ULONG_PTR)&Frame[3]; /* without the argument, too */
    RtlpRaiseException(&Record, &Context);
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseAccessViolation(VOID)
{
    ExRaiseStatus(STATUS_ACCESS_VIOLATION);
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseDatatypeMisalignment(VOID)
{
    ExRaiseStatus(STATUS_DATATYPE_MISALIGNMENT);
}
