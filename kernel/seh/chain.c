/*
 * The chain of registration records: who is asked about an exception, and who is told of an unwind.
 *
 * An exception goes to each record's handler, from the innermost frame outwards. A handler answers
 *
 *      ExceptionContinueExecution   go on where it happened, with the CONTEXT as it is now
 *      ExceptionContinueSearch      not mine
 *
 * or it does not return: it calls RtlUnwind, which tells the handlers of all frames inside its own
 * that these go, and then goes on in its own frame.
 *
 * While a handler runs, a record of ours stands before the others (GUARD), so that what happens in
 * the handler is seen: an exception within one that handles an exception is nested, an unwind
 * that meets an unwind has collided with it.
 *
 * A record is believed if it lies on the running thread's stack, outside of the one before and of
 * all that is in use inside. So a chain ends, whatever a driver or program has made of it.
 */
#include "kernel/seh/seh.h"

C_ASSERT(sizeof(CONTEXT) == CONTEXT_BYTES);
C_ASSERT(FIELD_OFFSET(CONTEXT, SegGs) == CONTEXT_Gs && FIELD_OFFSET(CONTEXT, Edi) == CONTEXT_Edi);
C_ASSERT(FIELD_OFFSET(CONTEXT, Eax) == CONTEXT_Eax && FIELD_OFFSET(CONTEXT, SegSs) == CONTEXT_Ss);
C_ASSERT(FIELD_OFFSET(EXCEPTION_RECORD, ExceptionAddress) == RECORD_Address);
C_ASSERT(CONTEXT_FULL == CONTEXT_IS_FULL);

typedef struct _GUARD {
    EXCEPTION_REGISTRATION_RECORD Record;
    PEXCEPTION_REGISTRATION_RECORD Frame; /* whose handler is running */
} GUARD;

/* The guard of a handler that handles an exception meets another one. */
static EXCEPTION_DISPOSITION __cdecl RtlpNested(PEXCEPTION_RECORD Record, PVOID EstablisherFrame,
                                                PCONTEXT Context, PVOID DispatcherContext)
{
    UNREFERENCED_PARAMETER(Context);
    if (Record->ExceptionFlags & EXCEPTION_UNWIND)
        return ExceptionContinueSearch;
    *(PEXCEPTION_REGISTRATION_RECORD *)DispatcherContext = ((GUARD *)EstablisherFrame)->Frame;
    return ExceptionNestedException;
}

/* The guard of a handler that unwinds meets an unwind. */
static EXCEPTION_DISPOSITION __cdecl RtlpCollided(PEXCEPTION_RECORD Record, PVOID EstablisherFrame,
                                                  PCONTEXT Context, PVOID DispatcherContext)
{
    UNREFERENCED_PARAMETER(Context);
    if (!(Record->ExceptionFlags & EXCEPTION_UNWIND))
        return ExceptionContinueSearch;
    *(PEXCEPTION_REGISTRATION_RECORD *)DispatcherContext = ((GUARD *)EstablisherFrame)->Frame;
    return ExceptionCollidedUnwind;
}

/* Calls a frame's handler behind a guard. */
static EXCEPTION_DISPOSITION RtlpCallGuarded(EXCEPTION_HANDLER *Guard, PEXCEPTION_RECORD Record,
                                             PEXCEPTION_REGISTRATION_RECORD Frame, PCONTEXT Context,
                                             PEXCEPTION_REGISTRATION_RECORD *Reported)
{
    GUARD Link = {{RtlpGetChain(), Guard}, Frame};
    EXCEPTION_DISPOSITION Disposition;

    RtlpSetChain(&Link.Record);
    Disposition = RtlpCallHandler(Record, Frame, Context, Reported, Frame->Handler);
    RtlpSetChain(Link.Record.Next);
    return Disposition;
}

/* Can this be a record? Inside: the lowest address that it may have. */
static BOOLEAN RtlpIsFrame(PEXCEPTION_REGISTRATION_RECORD Frame, ULONG_PTR Inside)
{
    ULONG_PTR Address = (ULONG_PTR)Frame;

    return Address >= Inside && Address % sizeof(PVOID) == 0 &&
           Address <= RtlpStackBase() - sizeof *Frame;
}

/* An exception about an exception. */
static VOID RtlpRaiseAbout(NTSTATUS Status, PEXCEPTION_RECORD About)
{
    EXCEPTION_RECORD Record = {Status, EXCEPTION_NONCONTINUABLE, About, NULL, 0, {0}};

    RtlRaiseException(&Record);
}

/* A handler's answer makes no sense. If it gives it to that very complaint, it is passed over. */
static VOID RtlpRejectAnswer(NTSTATUS Status, PEXCEPTION_RECORD Record)
{
    if (Record->ExceptionCode != Status)
        RtlpRaiseAbout(Status, Record);
}

BOOLEAN RtlDispatchException(PEXCEPTION_RECORD Record, PCONTEXT Context)
{
    ULONG_PTR Inside = (ULONG_PTR)__builtin_frame_address(0);
    PEXCEPTION_REGISTRATION_RECORD Frame, Reported, Nested = NULL;

    for (Frame = RtlpGetChain(); Frame != EXCEPTION_CHAIN_END; Frame = Frame->Next) {
        if (!RtlpIsFrame(Frame, Inside)) {
            Record->ExceptionFlags |= EXCEPTION_STACK_INVALID;
            return FALSE;
        }
        Inside = (ULONG_PTR)(Frame + 1);
        switch (RtlpCallGuarded(RtlpNested, Record, Frame, Context, &Reported)) {
        case ExceptionContinueExecution:
            if (!(Record->ExceptionFlags & EXCEPTION_NONCONTINUABLE))
                return TRUE;
            RtlpRejectAnswer(STATUS_NONCONTINUABLE_EXCEPTION, Record);
            break;
        case ExceptionContinueSearch:
            break;
        case ExceptionNestedException:
            Record->ExceptionFlags |= EXCEPTION_NESTED_CALL;
            Nested = max(Nested, Reported);
            break;
        default:
            RtlpRejectAnswer(STATUS_INVALID_DISPOSITION, Record);
        }
        if (Frame == Nested) /* the handlers farther out have not been called yet */
            Record->ExceptionFlags &= ~EXCEPTION_NESTED_CALL;
    }
    return FALSE;
}

/*
 * Takes the records inside of TargetFrame off the chain, after telling each one's handler, and
 * returns to its caller, on this processor whatever TargetIp is, with ReturnValue in EAX.
 * TargetFrame NULL: takes off all (an exit unwind). Record: what the handlers are to be told; NULL:
 * just STATUS_UNWIND. Raises STATUS_INVALID_UNWIND_TARGET if the target is not on the chain,
 * STATUS_BAD_STACK if the chain is broken, STATUS_INVALID_DISPOSITION for a handler's wrong answer.
 * (Win32 documentation, "RtlUnwind".)
 *
 * After a collision the frame whose handler was interrupted is told once more: the handler knows
 * what it has done already (scope.c), and the frame may be the target of this unwind.
 */
PVOID NTAPI RtlUnwind(PVOID TargetFrame, PVOID TargetIp, PEXCEPTION_RECORD Record,
                      PVOID ReturnValue)
{
    ULONG_PTR Inside = (ULONG_PTR)__builtin_frame_address(0);
    EXCEPTION_RECORD Own = {STATUS_UNWIND, 0, NULL, __builtin_return_address(0), 0, {0}};
    PEXCEPTION_REGISTRATION_RECORD Frame, Reported;
    EXCEPTION_DISPOSITION Disposition;
    CONTEXT Context;

    UNREFERENCED_PARAMETER(TargetIp);
    RtlCaptureContext(&Context);
    if (Record == NULL)
        Record = &Own;
    Record->ExceptionFlags |= TargetFrame ? EXCEPTION_UNWINDING : EXCEPTION_UNWIND;
    for (Frame = RtlpGetChain(); Frame != TargetFrame; Frame = RtlpGetChain()) {
        if (Frame == EXCEPTION_CHAIN_END && TargetFrame == NULL)
            break;
        if (TargetFrame && (PVOID)Frame > TargetFrame)
            RtlpRaiseAbout(STATUS_INVALID_UNWIND_TARGET, Record);
        if (!RtlpIsFrame(Frame, Inside))
            RtlpRaiseAbout(STATUS_BAD_STACK, Record);
        Disposition = RtlpCallGuarded(RtlpCollided, Record, Frame, &Context, &Reported);
        if (Disposition == ExceptionCollidedUnwind)
            RtlpSetChain(Reported);
        else if (Disposition == ExceptionContinueSearch)
            RtlpSetChain(Frame->Next);
        else
            RtlpRaiseAbout(STATUS_INVALID_DISPOSITION, Record);
    }
    return ReturnValue;
}
