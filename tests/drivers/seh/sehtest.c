/*
 * __try, __except and __finally in a driver, as a compiler lays them out: filters and blocks run in
 * the order that C programmers know, each __finally once, whatever leaves its __try; and an
 * exception within all that finds its handler, too.
 *
 * Steps: small letters in __try bodies, F filters, X __except blocks, 1-9 __finally blocks (a minus
 * before: abnormal termination).
 */
#include "../trail.h"
#include <excpt.h>

static const volatile ULONG *const Null = NULL;

/* What a filter has seen. */
static EXCEPTION_RECORD Seen;
static CONTEXT SeenContext;
static KIRQL SeenIrql;

static LONG Note(PEXCEPTION_POINTERS Pointers, LONG Answer)
{
    Step('F');
    Seen = *Pointers->ExceptionRecord;
    SeenContext = *Pointers->ContextRecord;
    SeenIrql = KeGetCurrentIrql();
    return Answer;
}

#define TAKE Note(GetExceptionInformation(), EXCEPTION_EXECUTE_HANDLER)
#define PASS Note(GetExceptionInformation(), EXCEPTION_CONTINUE_SEARCH)

/* A __finally block's step. */
static VOID Finally(int Abnormal, CHAR Letter)
{
    if (Abnormal)
        Step('-');
    Step(Letter);
}

#define FINALLY(Letter) Finally(AbnormalTermination(), Letter)

static __declspec(noinline) ULONG Read(const volatile ULONG *Where)
{
    return *Where;
}

static VOID TestExcept(VOID)
{
    volatile NTSTATUS Code = 0;

    __try {
        Step('a');
        Read(Null);
        Step('b');
    } __except (TAKE) {
        Step('X');
        Code = GetExceptionCode();
    }
    Step('c');
    CheckTrail("an exception is taken by the __except around it", "aFXc");
    CheckEqual("GetExceptionCode", Code, STATUS_ACCESS_VIOLATION);
    CheckEqual("... in the record", Seen.ExceptionCode, STATUS_ACCESS_VIOLATION);
    CheckEqual("a read has two parameters", Seen.NumberParameters, 2);
    Check("... 0, and the address", !Seen.ExceptionInformation[0] && !Seen.ExceptionInformation[1]);
    Check("the record's address is the CONTEXT's, in the routine",
          (ULONG)Seen.ExceptionAddress == SeenContext.Eip && SeenContext.Eip - (ULONG)Read < 0x40);
    __try {
        *(volatile ULONG *)0x1234 = 1;
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("a write, too", "FX");
    Check("... has parameters 1 and the address",
          Seen.ExceptionInformation[0] == 1 && Seen.ExceptionInformation[1] == 0x1234);
    __try {
        Step('a');
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("without an exception, neither filter nor block", "a");
}

static VOID TestSearch(VOID)
{
    __try {
        __try {
            __try {
                Read(Null);
            } __except (PASS) {
                Step('x');
            }
            Step('b');
        } __finally {
            FINALLY('1');
        }
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("a filter passes it on; what is between is unwound after the search", "FF-1X");
}

static __declspec(noinline) VOID Inner(BOOLEAN Take)
{
    __try {
        __try {
            Read(Null);
        } __finally {
            FINALLY('1');
        }
    } __except (Take ? TAKE : PASS) {
        Step('x');
    }
    Step('r');
}

static __declspec(noinline) VOID Middle(BOOLEAN Take)
{
    __try {
        Inner(Take);
    } __finally {
        FINALLY('2');
    }
}

static VOID TestCalls(VOID)
{
    __try {
        Middle(TRUE);
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("a called routine takes it: its caller ends normally", "F-1xr2");
    __try {
        Middle(FALSE);
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("none of the called routines takes it: all are unwound", "FF-1-2X");
}

static __declspec(noinline) int Return(BOOLEAN Now)
{
    __try {
        __try {
            Step('a');
            if (Now)
                return 7;
            Step('b');
        } __finally {
            FINALLY('1');
        }
    } __finally {
        FINALLY('2');
    }
    return 8;
}

/* (A jump that is the only way out of a __try is none to clang: it has abnormal termination FALSE.)
 */
static VOID TestJumps(VOID)
{
    volatile ULONG i;

    CheckEqual("a return out of two __try blocks returns its value", Return(TRUE), 7);
    CheckTrail("... after both __finally blocks, abnormally", "a-1-2");
    CheckEqual("without the return", Return(FALSE), 8);
    CheckTrail("... they run as well, normally", "ab12");
    __try {
        goto out;
    } __finally {
        Step('1');
    }
    Step('b');
out:
    CheckTrail("a __finally block comes before a goto", "1");
    for (i = 0; i < 2; i++) {
        __try {
            if (i == 0)
                continue;
            break;
        } __finally {
            FINALLY('1');
        }
    }
    CheckTrail("continue and break", "-1-1");
    __try {
        Step('a');
        __leave;
    } __finally {
        FINALLY('1');
    }
    CheckTrail("__leave is no abnormal termination", "a1");
    __try {
        __try {
            Read(Null);
        } __except (TAKE) {
            goto taken;
        }
    } __finally {
        FINALLY('1');
    }
taken:
    CheckTrail("a goto out of an __except block", "F-1");
}

/* A handler's block may raise: its own routine's outer scopes see it. */
static VOID TestRaiseInExcept(VOID)
{
    __try {
        __try {
            Read(Null);
        } __except (TAKE) {
            Step('X');
            ExRaiseStatus(STATUS_IO_TIMEOUT);
        }
    } __except (TAKE) {
        Step('Y');
    }
    CheckTrail("an exception in an __except block goes to the scope around", "FXFY");
    CheckEqual("... and it is the new one", Seen.ExceptionCode, STATUS_IO_TIMEOUT);
}

/* The first call raises once more, and is not asked about by itself any more. */
static LONG RaisingFilter(PEXCEPTION_POINTERS Pointers)
{
    Note(Pointers, 0);
    if (Seen.ExceptionCode == STATUS_ACCESS_VIOLATION)
        ExRaiseStatus(STATUS_IO_TIMEOUT);
    return EXCEPTION_EXECUTE_HANDLER;
}

static VOID TestRaiseInFilter(VOID)
{
    __try {
        __try {
            Read(Null);
        } __finally {
            FINALLY('1');
        }
    } __except (RaisingFilter(GetExceptionInformation())) {
        Step('X');
    }
    CheckTrail("an exception in a filter is handled, too", "FF-1X");
    CheckEqual("... the second is the one that is taken", Seen.ExceptionCode, STATUS_IO_TIMEOUT);
    CheckEqual("... and known to be nested (flag 10h), and not continuable", Seen.ExceptionFlags,
               0x11);
}

static LONG CarefulFilter(VOID)
{
    __try {
        Read(Null);
    } __except (Step('G'), EXCEPTION_EXECUTE_HANDLER) {
        Step('Y');
    }
    return EXCEPTION_EXECUTE_HANDLER;
}

static VOID TestTryInFilter(VOID)
{
    __try {
        ExRaiseStatus(STATUS_IO_TIMEOUT);
    } __except (CarefulFilter()) {
        Step('X');
    }
    CheckTrail("a filter may use __try itself", "GYX");
}

/* A __finally block that raises ends one unwind by another. */
static __declspec(noinline) VOID RaiseInFinally(BOOLEAN Take)
{
    __try {
        __try {
            __try {
                __try {
                    Read(Null);
                } __finally {
                    FINALLY('1');
                    ExRaiseStatus(STATUS_IO_TIMEOUT);
                }
            } __finally {
                FINALLY('2');
            }
        } __except (Take && GetExceptionCode() == STATUS_IO_TIMEOUT ? TAKE : PASS) {
            Step('x');
        }
    } __finally {
        FINALLY('3');
    }
}

static VOID TestRaiseInFinally(VOID)
{
    __try {
        RaiseInFinally(FALSE);
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("a __finally that raises: the others run once each", "FF-1FF-2-3X");
    CheckEqual("... and the second exception is taken", Seen.ExceptionCode, STATUS_IO_TIMEOUT);
    __try {
        RaiseInFinally(TRUE);
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("the routine that is being unwound takes the second", "FF-1F-2x3");
    __try {
        __try {
            Step('a');
        } __finally {
            FINALLY('1');
            ExRaiseStatus(STATUS_IO_TIMEOUT);
        }
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("a __finally that is reached normally may raise", "a1FX");
}

static __declspec(noinline) VOID FinallyInFinally(VOID)
{
    __try {
        Step('a');
    } __finally {
        FINALLY('2');
    }
}

static VOID TestTryInFinally(VOID)
{
    __try {
        __try {
            Read(Null);
        } __finally {
            FinallyInFinally();
            FINALLY('1');
            __try {
                Read(Null);
            } __except (TAKE) {
                Step('x');
            }
        }
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("a __finally may use __try, which ends normally", "Fa2-1FxX");
}

/* Gives what is read at a bad address: EAX, behind the two bytes of the instruction. */
static LONG Correct(PEXCEPTION_POINTERS Pointers)
{
    Step('F');
    Pointers->ContextRecord->Eax = 0x1234;
    Pointers->ContextRecord->Eip += 2;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static __declspec(noinline) ULONG ReadByInstruction(VOID)
{
    ULONG Value;

    __asm__ volatile("xorl %%eax, %%eax\n\tmovl (%%eax), %%eax" : "=a"(Value));
    return Value;
}

static LONG Return5(PEXCEPTION_POINTERS Pointers)
{
    return Note(Pointers, EXCEPTION_CONTINUE_EXECUTION);
}

typedef VOID(NTAPI *RAISE)(PEXCEPTION_RECORD Record);

static RAISE FindRoutine(PCWSTR Name)
{
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    return (RAISE)MmGetSystemRoutineAddress(&String);
}

static VOID TestContinue(VOID)
{
    EXCEPTION_RECORD Record = {
        .ExceptionCode = STATUS_IO_TIMEOUT, .NumberParameters = 2, .ExceptionInformation = {3, 4}};
    RAISE Raise = FindRoutine(L"ExRaiseException");

    __try {
        CheckEqual("a filter can correct the registers", ReadByInstruction(), 0x1234);
    } __except (Correct(GetExceptionInformation())) {
        Step('X');
    }
    CheckTrail("... and the code goes on", "F");
    Check("ExRaiseException is RtlRaiseException", Raise == FindRoutine(L"RtlRaiseException"));
    __try {
        Raise(&Record);
        Step('b');
    } __except (Return5(GetExceptionInformation())) {
        Step('X');
    }
    CheckTrail("an exception that is raised by a call can be continued", "Fb");
    Check("... and has its parameters and the caller's address",
          Seen.ExceptionInformation[1] == 4 &&
              (ULONG)Seen.ExceptionAddress - (ULONG)TestContinue < 0x400);
}

/* Goes on whatever it is. */
static LONG GoOn(PEXCEPTION_POINTERS Pointers, PVOID *First)
{
    Note(Pointers, 0);
    if (Seen.ExceptionCode == STATUS_NONCONTINUABLE_EXCEPTION)
        return EXCEPTION_EXECUTE_HANDLER;
    *First = Pointers->ExceptionRecord;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static VOID TestNotContinuable(VOID)
{
    PVOID First = NULL;

    __try {
        ExRaiseStatus(STATUS_IO_TIMEOUT);
    } __except (GoOn(GetExceptionInformation(), &First)) {
        Step('X');
    }
    CheckTrail("what cannot be continued is not", "FFX");
    CheckEqual("... but raises another", Seen.ExceptionCode, STATUS_NONCONTINUABLE_EXCEPTION);
    Check("... about the first", First && Seen.ExceptionRecord == First);
}

/* What the processor finds. */
static VOID DivideByZero(VOID)
{
    __asm__ volatile("xorl %%ecx, %%ecx\n\tdivl %%ecx" : : : "eax", "ecx", "edx");
}

static VOID Overflow(VOID)
{
    __asm__ volatile("movb $127, %%al\n\taddb $1, %%al\n\tinto" : : : "eax", "cc");
}

static VOID Undefined(VOID)
{
    __asm__ volatile("ud2");
}

static VOID Assertion(VOID)
{
    __asm__ volatile("int $0x2C");
}

static VOID BadSegment(VOID)
{
    __asm__ volatile("movl $0xFFF8, %%eax\n\tmovw %%ax, %%gs" : : : "eax");
}

static VOID SingleStep(VOID)
{
    __asm__ volatile("pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\tnop" : : : "memory", "cc");
}

static VOID AskDebugger(VOID)
{
    __asm__ volatile("int $0x2D\n\tint3" : : "a"(0), "c"(0), "d"(0));
}

static VOID BreakWithStatus(VOID)
{
    DbgBreakPointWithStatus(5);
}

static VOID X87DivideByZero(VOID)
{
    KFLOATING_SAVE Save;
    USHORT Control = 0x27F & ~4;

    KeSaveFloatingPointState(&Save);
    __try {
        __asm__ volatile("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait" : : "m"(Control));
    } __finally {
        __asm__ volatile("fnclex");
        KeRestoreFloatingPointState(&Save);
    }
}

static const struct {
    PCSTR Name;
    VOID (*Cause)(VOID);
    NTSTATUS Status;
} Traps[] = {
    {"a division by zero", DivideByZero, STATUS_INTEGER_DIVIDE_BY_ZERO},
    {"into", Overflow, STATUS_INTEGER_OVERFLOW},
    {"an undefined instruction", Undefined, STATUS_ILLEGAL_INSTRUCTION},
    {"int 2Ch", Assertion, STATUS_ASSERTION_FAILURE},
    {"a bad segment", BadSegment, STATUS_ACCESS_VIOLATION},
    {"the trap flag", SingleStep, STATUS_SINGLE_STEP},
    {"int 2Dh", AskDebugger, STATUS_BREAKPOINT},
    {"DbgBreakPointWithStatus", BreakWithStatus, STATUS_BREAKPOINT},
    {"an unmasked x87 exception", X87DivideByZero, STATUS_FLOAT_DIVIDE_BY_ZERO},
};

static VOID TestTraps(VOID)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Traps); i++) {
        volatile NTSTATUS Code = 0;
        __try {
            Traps[i].Cause();
        } __except (Note(GetExceptionInformation(), EXCEPTION_EXECUTE_HANDLER)) {
            Code = GetExceptionCode();
        }
        CheckEqual(Traps[i].Name, Code, Traps[i].Status);
    }
    TrailLength = 0;
}

/* (clang does not count assembly as something that can raise: it is in routines of its own.) */
static __declspec(noinline) VOID PrintByDebugger(VOID)
{
    __asm__ volatile("int $0x2D\n\tint3" : : "a"(1), "c"(0), "d"(0));
}

static LONG SkipBreakpoint(PEXCEPTION_POINTERS Pointers)
{
    Note(Pointers, 0);
    Pointers->ContextRecord->Eip++;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static VOID TestBreakpoint(VOID)
{
    __try {
        DbgBreakPoint();
        Step('b');
    } __except (SkipBreakpoint(GetExceptionInformation())) {
        Step('X');
    }
    CheckTrail("a breakpoint can be skipped", "Fb");
    Check("... its address and registers are at the int 3",
          (ULONG)Seen.ExceptionAddress == SeenContext.Eip &&
              *(UCHAR *)Seen.ExceptionAddress == 0xCC);
    __try {
        PrintByDebugger();
        Step('b');
    } __except (TAKE) {
        Step('X');
    }
    CheckTrail("a message for the debugger is nobody's, and no exception", "b");
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(Driver);
    UNREFERENCED_PARAMETER(RegistryPath);
    TestExcept();
    TestSearch();
    TestCalls();
    TestJumps();
    TestRaiseInExcept();
    TestRaiseInFilter();
    TestTryInFilter();
    TestRaiseInFinally();
    TestTryInFinally();
    TestContinue();
    TestNotContinuable();
    TestTraps();
    TestBreakpoint();
    return FinishTests("sehtest");
}
