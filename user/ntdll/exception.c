/*
 * A program's exceptions: its handlers are asked, as kernel/seh says, and if none of them wants the
 * exception, the kernel ends the process.
 *
 * No state and no locks: the chain of handlers is the thread's own, in its TEB.
 */
#include "nt.h"

/* kernel/seh/seh.h, which is written for the kernel's headers, has these. */
BOOLEAN RtlDispatchException(PEXCEPTION_RECORD Record, PCONTEXT Context);
ULONG_PTR RtlpStackBase(VOID);
DECLSPEC_NORETURN VOID __cdecl RtlpRaiseException(PEXCEPTION_RECORD Record, PCONTEXT Context);

ULONG_PTR RtlpStackBase(VOID)
{
    return (ULONG_PTR)NtCurrentTeb()->NtTib.StackBase;
}

/* An exception, raised by a call or by the processor: what happens next is up to the handlers. */
DECLSPEC_NORETURN VOID __cdecl RtlpRaiseException(PEXCEPTION_RECORD Record, PCONTEXT Context)
{
    NTSTATUS Status;

    if (RtlDispatchException(Record, Context))
        Status = NtContinue(Context, FALSE);
    else
        Status = NtRaiseException(Record, Context, FALSE);
    RtlExitUserProcess(Status); /* the two do not return, unless the records are spoilt */
}

/* Raises an exception that cannot be continued. */
DECLSPEC_NORETURN VOID NTAPI RtlRaiseStatus(NTSTATUS Status)
{
    EXCEPTION_RECORD Record = {.ExceptionCode = Status, .ExceptionFlags = EXCEPTION_NONCONTINUABLE};

    RtlRaiseException(&Record);
    RtlExitUserProcess(Status);
}
