/*
 * __try, __except and __finally, as compilers of C for 32-bit Windows lay them out.
 *
 * A routine with any __try has one registration record, whose handler is _except_handler3. The
 * compiler numbers the routine's __try blocks, its scopes, and describes them in a table; TryLevel
 * in the frame says which one is being executed. The filters and blocks are pieces of code that run
 * with the routine's own EBP, to reach its variables:
 *
 *      EBP - 18    ESP of the routine's body: its __except blocks load it first
 *          - 14    where EXCEPTION_POINTERS are while a filter runs
 *          - 10    the registration record: Next, Handler
 *          - 08    the table of scopes
 *          - 04    TryLevel; -1: in no scope
 *
 * (EBP is 10h behind the record; a compiler may have another EBP in the routine itself.)
 *
 * A scope is left before its __finally block is called: TryLevel is the enclosing one's then. So a
 * block runs once, also when an unwind begins anew within it.
 */
#include "kernel/seh/seh.h"

#define NO_SCOPE (-1)

typedef struct _SCOPE {
    LONG Enclosing; /* NO_SCOPE: it is an outermost one */
    PVOID Filter;   /* NULL: a __finally */
    PVOID Block;    /* __except or __finally */
} SCOPE;

typedef struct _SCOPED_FRAME {
    ULONG Esp;
    PEXCEPTION_POINTERS Pointers;
    EXCEPTION_REGISTRATION_RECORD Record;
    const SCOPE *Scopes;
    volatile LONG TryLevel;
} SCOPED_FRAME;

C_ASSERT(sizeof(SCOPED_FRAME) == 0x18);

static SCOPED_FRAME *RtlpScopedFrame(PVOID EstablisherFrame)
{
    return CONTAINING_RECORD(EstablisherFrame, SCOPED_FRAME, Record);
}

/* Stands before a frame while _local_unwind2 calls its __finally blocks: _abnormal_termination
 * looks for it. It has nothing to say to exceptions and unwinds. */
static EXCEPTION_DISPOSITION __cdecl RtlpUnwindingScopes(PEXCEPTION_RECORD Record,
                                                         PVOID EstablisherFrame, PCONTEXT Context,
                                                         PVOID DispatcherContext)
{
    UNREFERENCED_PARAMETER(Record);
    UNREFERENCED_PARAMETER(EstablisherFrame);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(DispatcherContext);
    return ExceptionContinueSearch;
}

/* Leaves a frame's scopes up to Stop, which is not left, by their __finally blocks. Compilers call
 * it for a jump out of a __try, too. A scope's number is larger than its enclosing one's. */
VOID __cdecl _local_unwind2(PVOID EstablisherFrame, LONG Stop)
{
    SCOPED_FRAME *Frame = RtlpScopedFrame(EstablisherFrame);
    EXCEPTION_REGISTRATION_RECORD Mark = {RtlpGetChain(), RtlpUnwindingScopes};

    RtlpSetChain(&Mark);
    while (Frame->TryLevel > Stop) {
        const SCOPE *Scope = &Frame->Scopes[Frame->TryLevel];
        Frame->TryLevel = Scope->Enclosing;
        if (Scope->Filter == NULL)
            RtlpCallScope(Scope->Block, Frame + 1);
    }
    RtlpSetChain(Mark.Next);
}

VOID __cdecl _global_unwind2(PVOID EstablisherFrame)
{
    RtlUnwind(EstablisherFrame, NULL, NULL, NULL);
}

/* Asked by a __finally block: has its __try been left by a jump or an exception? */
int __cdecl _abnormal_termination(VOID)
{
    PEXCEPTION_REGISTRATION_RECORD Head = RtlpGetChain();

    return Head != EXCEPTION_CHAIN_END && Head->Handler == (PVOID)RtlpUnwindingScopes;
}

/* A filter has taken the exception: all that is inside of its scope goes, its block goes on. */
static NORETURN VOID RtlpTakeException(SCOPED_FRAME *Frame, LONG Level)
{
    const SCOPE *Scope = &Frame->Scopes[Level];

    _global_unwind2(&Frame->Record);
    _local_unwind2(&Frame->Record, Level);
    Frame->TryLevel = Scope->Enclosing;
    RtlpEnterScope(Scope->Block, Frame + 1);
}

/* A frame's handler (Win32 documentation, "try-except statement" and "try-finally statement"). */
EXCEPTION_DISPOSITION __cdecl _except_handler3(PEXCEPTION_RECORD Record, PVOID EstablisherFrame,
                                               PCONTEXT Context, PVOID DispatcherContext)
{
    SCOPED_FRAME *Frame = RtlpScopedFrame(EstablisherFrame);
    EXCEPTION_POINTERS Pointers = {Record, Context};
    LONG Level, Answer;

    UNREFERENCED_PARAMETER(DispatcherContext);
    if (Record->ExceptionFlags & EXCEPTION_UNWIND) {
        _local_unwind2(EstablisherFrame, NO_SCOPE);
        return ExceptionContinueSearch;
    }
    Frame->Pointers = &Pointers;
    for (Level = Frame->TryLevel; Level != NO_SCOPE; Level = Frame->Scopes[Level].Enclosing) {
        if (Frame->Scopes[Level].Filter == NULL)
            continue;
        Answer = RtlpCallScope(Frame->Scopes[Level].Filter, Frame + 1);
        if (Answer < 0)
            return ExceptionContinueExecution;
        if (Answer > 0)
            RtlpTakeException(Frame, Level);
    }
    return ExceptionContinueSearch;
}
