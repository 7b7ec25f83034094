/*
 * The chain of registration records itself, without a compiler's help: records made by hand, with
 * handlers that answer well and badly; unwinds; what RtlCaptureContext, RtlUnwind and the stack's
 * routines say. GCC, which has no __try for this processor, compiles it.
 *
 * Of two records the outer one lies at the higher address, as stacks have it.
 *
 * Steps: E an exception reaches a handler, U an unwind does; then the record's number.
 */
#include <ntifs.h>
#include "trail.h"

#define EXCEPTION_UNWINDING    2
#define EXCEPTION_EXIT_UNWIND  4
#define EXCEPTION_UNWIND_FLAGS (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND)

typedef struct _REGISTRATION {
    struct _REGISTRATION *Next;
    PVOID Handler;
    /* Ours: */
    CHAR Number;
    EXCEPTION_DISPOSITION Answer;
    EXCEPTION_RECORD Seen;
    PVOID ResumeAt;     /* not NULL: the exception is taken, by going on there ... */
    ULONG Registers[3]; /* ... with these EBX, ESP, EBP */
} REGISTRATION, *PREGISTRATION;

typedef VOID(NTAPI *RAISE)(PEXCEPTION_RECORD Record);
typedef ULONG(NTAPI *UNWIND)(PVOID TargetFrame, PVOID TargetIp, PEXCEPTION_RECORD Record,
                             PVOID ReturnValue);

static RAISE Raise;
static UNWIND Unwind;

static PREGISTRATION Head(VOID)
{
    PREGISTRATION First;

    __asm__ volatile("movl %%fs:0, %0" : "=r"(First));
    return First;
}

static VOID SetHead(PREGISTRATION First)
{
    __asm__ volatile("movl %0, %%fs:0" : : "r"(First) : "memory");
}

static VOID Push(PREGISTRATION Registration, CHAR Number, PVOID Handler)
{
    RtlZeroMemory(Registration, sizeof *Registration);
    Registration->Next = Head();
    Registration->Handler = Handler;
    Registration->Number = Number;
    Registration->Answer = ExceptionContinueSearch;
    SetHead(Registration);
}

static VOID Pop(PREGISTRATION Registration)
{
    SetHead(Registration->Next);
}

/* Goes on where the record's owner has said, as an __except block does. */
static __attribute__((noreturn)) VOID Resume(PREGISTRATION Registration)
{
    __asm__ volatile("movl (%1), %%ebx\n\tmovl 4(%1), %%esp\n\tmovl 8(%1), %%ebp\n\tjmp *%0"
                     :
                     : "a"(Registration->ResumeAt), "c"(Registration->Registers));
    __builtin_unreachable();
}

static EXCEPTION_DISPOSITION Answer(PEXCEPTION_RECORD Record, PREGISTRATION Registration)
{
    BOOLEAN Unwinding = (Record->ExceptionFlags & EXCEPTION_UNWIND_FLAGS) != 0;

    Step(Unwinding ? 'U' : 'E');
    Step(Registration->Number);
    Registration->Seen = *Record;
    if (Unwinding)
        return ExceptionContinueSearch;
    if (Registration->ResumeAt) {
        Unwind(Registration, NULL, Record, NULL);
        Resume(Registration);
    }
    return Registration->Answer;
}

/* Handlers may be of either convention, and spoil all registers. */
static EXCEPTION_DISPOSITION __cdecl CdeclHandler(PEXCEPTION_RECORD Record,
                                                  PREGISTRATION Registration, PCONTEXT Context,
                                                  PVOID DispatcherContext)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(DispatcherContext);
    return Answer(Record, Registration);
}

static EXCEPTION_DISPOSITION NTAPI StdcallHandler(PEXCEPTION_RECORD Record,
                                                  PREGISTRATION Registration, PCONTEXT Context,
                                                  PVOID DispatcherContext)
{
    UNREFERENCED_PARAMETER(DispatcherContext);
    Context->Ecx = 0x5678;
    return Answer(Record, Registration);
}

/*
 * Calls Routine with an outermost record that takes every exception, and says whether one came. The
 * label's registers are those of this routine, which has a frame pointer.
 */
static __attribute__((noinline)) BOOLEAN Guarded(VOID (*Routine)(PVOID), PVOID Context,
                                                 PREGISTRATION Registration)
{
    BOOLEAN Raised = TRUE;
    PULONG Registers = Registration->Registers;
    PVOID *ResumeAt = &Registration->ResumeAt;

    Push(Registration, '9', CdeclHandler);
    __asm__ volatile("movl %%ebx, (%2)\n\tmovl %%esp, 4(%2)\n\tmovl %%ebp, 8(%2)\n\t"
                     "movl $1f, (%3)\n\tpushl %1\n\tcall *%0\n\tpopl %1\n\tmovb $0, %4\n1:"
                     : "+a"(Routine), "+d"(Context), "+c"(Registers), "+S"(ResumeAt), "+m"(Raised)
                     :
                     : "memory", "cc", "edi");
    Pop(Registration);
    return Raised;
}

static VOID RaiseStatus(PVOID Context)
{
    ExRaiseStatus((NTSTATUS)(ULONG_PTR)Context);
}

static VOID TestGuarded(VOID)
{
    PREGISTRATION First = Head();
    REGISTRATION Outer;

    Check("an exception that is taken does not come back",
          Guarded(RaiseStatus, (PVOID)STATUS_IO_TIMEOUT, &Outer));
    CheckTrail("... its handler is called once, and not for its own unwind", "E9");
    CheckEqual("... with the status", Outer.Seen.ExceptionCode, STATUS_IO_TIMEOUT);
    CheckEqual("... not continuable", Outer.Seen.ExceptionFlags, EXCEPTION_NONCONTINUABLE);
    Check("the chain is as before", Head() == First);
}

static VOID RaiseBehindTwo(PVOID Context)
{
    REGISTRATION Two[2];

    Push(&Two[1], '2', StdcallHandler);
    Push(&Two[0], '1', CdeclHandler);
    RaiseStatus(Context);
}

static VOID TestOrder(VOID)
{
    REGISTRATION Outer;

    Guarded(RaiseBehindTwo, (PVOID)STATUS_IO_TIMEOUT, &Outer);
    CheckTrail("the search goes outwards, then the unwind", "E1E2E9U1U2");
}

/* A continuable exception, by a call: registers of the caller's, as a handler leaves them. */
static VOID TestContinue(VOID)
{
    EXCEPTION_RECORD Record = {.ExceptionCode = STATUS_IO_TIMEOUT};
    REGISTRATION Registration;
    ULONG Ecx;

    Push(&Registration, '1', StdcallHandler);
    Registration.Answer = ExceptionContinueExecution;
    __asm__ volatile("pushl %2\n\tcall *%1" : "=c"(Ecx) : "a"(Raise), "d"(&Record) : "memory");
    Pop(&Registration);
    CheckTrail("a handler lets the code go on", "E1");
    CheckEqual("... with another ECX", Ecx, 0x5678);
}

static EXCEPTION_DISPOSITION __cdecl StackHandler(PEXCEPTION_RECORD Record,
                                                  PREGISTRATION Registration, PCONTEXT Context,
                                                  PVOID DispatcherContext)
{
    UNREFERENCED_PARAMETER(DispatcherContext);
    Answer(Record, Registration);
    Context->Esp += 8;
    Context->Eip += 2;
    return ExceptionContinueExecution;
}

/* Two words more are on the stack at the undefined instruction (two bytes) than behind it. */
static VOID TestHigherStack(VOID)
{
    ULONG Before, After, Flags;
    REGISTRATION Registration;

    Push(&Registration, '1', StackHandler);
    __asm__ volatile("movl %%esp, %0\n\tpushl $1\n\tpushl $2\n\tud2\n\tmovl %%esp, %1\n\t"
                     "pushfl\n\tpopl %2"
                     : "=&S"(Before), "=&D"(After), "=&r"(Flags)
                     :
                     : "memory");
    Pop(&Registration);
    CheckTrail("a handler takes something off the stack", "E1");
    CheckEqual("... ESP is as it says", Before, After);
    Check("... interrupts are enabled", (Flags & 0x200) != 0);
}

/* What a filter does wrong is an exception of its own. */
static VOID RaiseBehind(PVOID Context)
{
    PREGISTRATION Inner = Context;
    EXCEPTION_RECORD Record = {.ExceptionCode = STATUS_IO_TIMEOUT};
    REGISTRATION Registration;

    Push(&Registration, '1', CdeclHandler);
    Registration.Answer = Inner->Answer;
    Raise(&Record);
}

static VOID TestBadAnswers(VOID)
{
    REGISTRATION Outer, Inner = {.Answer = 7};

    Guarded(RaiseBehind, &Inner, &Outer);
    CheckEqual("an answer that there is not", Outer.Seen.ExceptionCode, STATUS_INVALID_DISPOSITION);
    CheckTrail("... the handler is asked about that, too, and passed over", "E1E1E9U1");
    Inner.Answer = ExceptionContinueSearch;
    Guarded(RaiseBehind, &Inner, &Outer);
    CheckTrail("a good one", "E1E9U1");
}

static VOID TestUnwind(VOID)
{
    REGISTRATION Three[3], *Inner = &Three[0], *Outer = &Three[2];
    EXCEPTION_RECORD Record = {.ExceptionCode = STATUS_IO_TIMEOUT};

    Push(Outer, '3', CdeclHandler);
    Push(&Three[1], '2', StdcallHandler);
    Push(Inner, '1', CdeclHandler);
    CheckEqual("RtlUnwind returns what it is given", Unwind(Outer, NULL, NULL, (PVOID)5), 5);
    CheckTrail("... when all inside the target have been told", "U1U2");
    Check("... the target is the head", Head() == Outer);
    CheckEqual("... STATUS_UNWIND is what they are told", Inner->Seen.ExceptionCode, STATUS_UNWIND);
    CheckEqual("... by the flag", Inner->Seen.ExceptionFlags, EXCEPTION_UNWINDING);
    Unwind(Outer, NULL, NULL, NULL);
    CheckTrail("there is nothing to do any more", "");
    Push(Inner, '1', CdeclHandler);
    Unwind(Outer->Next, NULL, &Record, NULL);
    CheckTrail("to the frame outside of it", "U1U3");
    CheckEqual("... with a record of the caller's", Outer->Seen.ExceptionCode, STATUS_IO_TIMEOUT);
}

/* An exit unwind tells all, so it is made where the chain can be hidden meanwhile. */
static VOID TestExitUnwind(VOID)
{
    PREGISTRATION First = Head();
    REGISTRATION Two[2];

    SetHead((PREGISTRATION)-1);
    Push(&Two[1], '2', CdeclHandler);
    Push(&Two[0], '1', CdeclHandler);
    Unwind(NULL, NULL, NULL, NULL);
    CheckTrail("an exit unwind tells all", "U1U2");
    CheckEqual("... and says so", Two[1].Seen.ExceptionFlags,
               EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND);
    SetHead(First);
}

static VOID UnwindToNowhere(PVOID Context)
{
    REGISTRATION Inner;

    Push(&Inner, '1', CdeclHandler);
    Unwind((PUCHAR)&Inner + 4, NULL, NULL, Context);
}

static VOID TestBadUnwind(VOID)
{
    REGISTRATION Outer;

    Check("an unwind to what is no frame raises an exception",
          Guarded(UnwindToNowhere, NULL, &Outer));
    CheckTrail("... before the frames outside of that are told", "U1E9");
    CheckEqual("... of its own", Outer.Seen.ExceptionCode, STATUS_INVALID_UNWIND_TARGET);
}

/* An unwind within a handler that is told of one: the first has not ended. */
static EXCEPTION_DISPOSITION __cdecl RaisingHandler(PEXCEPTION_RECORD Record,
                                                    PREGISTRATION Registration, PCONTEXT Context,
                                                    PVOID DispatcherContext)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(DispatcherContext);
    Answer(Record, Registration);
    if ((Record->ExceptionFlags & EXCEPTION_UNWIND_FLAGS) && !Registration->Registers[0]++)
        ExRaiseStatus(STATUS_IO_TIMEOUT);
    return ExceptionContinueSearch;
}

static VOID RaiseBehindRaising(PVOID Context)
{
    REGISTRATION Two[2];

    Push(&Two[1], '2', RaisingHandler);
    Push(&Two[0], '1', CdeclHandler);
    RaiseStatus(Context);
}

static VOID TestCollision(VOID)
{
    REGISTRATION Outer;

    Guarded(RaiseBehindRaising, (PVOID)STATUS_UNSUCCESSFUL, &Outer);
    CheckTrail("unwinds collide: the frame that raised is told again, others are not",
               "E1E2E9U1U2E2E9U2");
    CheckEqual("... the second exception is taken", Outer.Seen.ExceptionCode, STATUS_IO_TIMEOUT);
}

static VOID TestCaptureContext(VOID)
{
    CONTEXT Context;
    PVOID Routine = RtlCaptureContext;
    ULONG Esp, Ebx, Flags;

    __asm__ volatile("movl $0x1234, %%edi\n\tstc\n\tpushl %3\n\tcall *%4\n\tmovl %%esp, %0\n\t"
                     "movl %%ebx, %1\n\tpushfl\n\tpopl %2"
                     : "=&r"(Esp), "=&r"(Ebx), "=&r"(Flags)
                     : "r"(&Context), "m"(Routine)
                     : "edi", "memory", "cc");
    CheckEqual("RtlCaptureContext: EDI", Context.Edi, 0x1234);
    CheckEqual("... ESP behind the call", Context.Esp, Esp);
    CheckEqual("... EBX", Context.Ebx, Ebx);
    CheckEqual("... EBP", Context.Ebp, (ULONG)__builtin_frame_address(0));
    Check("... the carry flag, which stays", (Context.EFlags & 1) && (Flags & 1));
    Check("... EIP in the caller", Context.Eip - (ULONG)TestCaptureContext < 0x200);
    CheckEqual("... and says what it has", Context.ContextFlags, CONTEXT_FULL);
    CheckEqual("... in kernel mode", Context.SegCs, 8);
}

static __attribute__((noinline)) ULONG Walk(PVOID *Callers, ULONG Skip, PULONG Hash)
{
    return RtlCaptureStackBackTrace(Skip, 8, Callers, Hash);
}

static VOID TestStack(VOID)
{
    ULONG_PTR Low, High, Here = (ULONG_PTR)&Low;
    PVOID All[8], Later[8];
    ULONG Hash, Same, Count, LaterCount;

    IoGetStackLimits(&Low, &High);
    Check("the stack's limits are around this", Low < Here && Here < High);
    Check("... three pages less what is kept at its top",
          High - Low > 0x2000 && High - Low < 0x3000);
    CheckRange("what is left is the part below", IoGetRemainingStackSize(), Here - Low - 0x200,
               Here - Low + 0x200);
    Check("it began where its limit is", (ULONG_PTR)IoGetInitialStack() == High);
    Check("what lies on it", IoWithinStackLimits(Here, 4) && IoWithinStackLimits(Low, High - Low));
    Check("... and what does not", !IoWithinStackLimits(Low - 1, 4) &&
                                       !IoWithinStackLimits(High - 2, 4) &&
                                       !IoWithinStackLimits(Here, MAXULONG));
    Count = Walk(All, 0, &Hash);
    LaterCount = Walk(Later, 1, NULL);
    Check("a back trace begins with the caller, whose caller comes next",
          Count > 2 && (ULONG)All[0] - (ULONG)Walk < 0x80 &&
              (ULONG)All[1] - (ULONG)TestStack < 0x400);
    Check("... or later", LaterCount >= Count - 1 && Later[1] == All[2]);
    Walk(All, 0, &Same);
    Check("a different trace has another hash", Hash != Same);
    Count = RtlWalkFrameChain(Later, 8, 0);
    Check("RtlWalkFrameChain begins here", Count > 1 && (ULONG)Later[0] - (ULONG)TestStack < 0x400);
    CheckEqual("... and finds nothing of a program's", RtlWalkFrameChain(Later, 8, 1), 0);
}

static VOID TestDebugger(VOID)
{
    CHAR Response[4];

    Check("no debugger is there", KD_DEBUGGER_NOT_PRESENT && !KD_DEBUGGER_ENABLED);
    Check("... nor has one come", KdRefreshDebuggerNotPresent());
    CheckEqual("... to be disabled", KdDisableDebugger(), STATUS_DEBUGGER_INACTIVE);
    CheckEqual("... or enabled", KdEnableDebugger(), STATUS_DEBUGGER_INACTIVE);
    CheckEqual("nobody answers", DbgPrompt("chaintest: is anybody there? ", Response, 4), 0);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING RaiseName = RTL_CONSTANT_STRING(L"RtlRaiseException");
    UNICODE_STRING UnwindName = RTL_CONSTANT_STRING(L"RtlUnwind");

    UNREFERENCED_PARAMETER(Driver);
    UNREFERENCED_PARAMETER(RegistryPath);
    Raise = (RAISE)MmGetSystemRoutineAddress(&RaiseName);
    Unwind = (UNWIND)MmGetSystemRoutineAddress(&UnwindName);
    TestGuarded();
    TestOrder();
    TestContinue();
    TestHigherStack();
    TestBadAnswers();
    TestUnwind();
    TestExitUnwind();
    TestBadUnwind();
    TestCollision();
    TestCaptureContext();
    TestStack();
    TestDebugger();
    return FinishTests("chaintest");
}
