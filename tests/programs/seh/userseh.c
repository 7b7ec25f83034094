/*
 * Exceptions in programs: a program's own __except blocks take them, its __finally blocks run, and
 * one that nobody takes ends the process with the exception's status. And what the two services
 * behind that do with bad arguments.
 */
#include "check.h"
#include <excpt.h>

static volatile ULONG Filters, Blocks; /* a filter runs where the compiler sees no call */
static EXCEPTION_RECORD Seen;

static LONG Note(PEXCEPTION_POINTERS Pointers, LONG Answer)
{
    Filters++;
    Seen = *Pointers->ExceptionRecord;
    return Answer;
}

#define TAKE Note(GetExceptionInformation(), EXCEPTION_EXECUTE_HANDLER)

static __declspec(noinline) ULONG Read(const volatile ULONG *Where)
{
    return *Where;
}

static PVOID NewPage(ULONG Protect)
{
    PVOID Base = NULL;
    SIZE_T Size = PAGE_SIZE;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_RESERVE | MEM_COMMIT, Protect);
    return Base;
}

static __declspec(noinline) void DivideByZero(void)
{
    __asm__ volatile("xorl %%ecx, %%ecx\n\tdivl %%ecx" : : : "eax", "ecx", "edx");
}

static __declspec(noinline) void Breakpoint(void)
{
    __asm__ volatile("int3");
}

static __declspec(noinline) void Privileged(void)
{
    __asm__ volatile("cli");
}

static __declspec(noinline) void ReadKernel(void)
{
    Read((PVOID)0x80100000);
}

static __declspec(noinline) void TouchGuard(void)
{
    Read(NewPage(PAGE_READONLY | PAGE_GUARD));
}

static ULONG Recurse(ULONG Depth)
{
    volatile ULONG Room[64];

    Room[0] = Depth;
    return Depth == MAXDWORD ? 0 : Recurse(Depth + 1) + Room[0];
}

static __declspec(noinline) void OverflowStack(void)
{
    Recurse(0);
}

static void RaiseStatus(void)
{
    RtlRaiseStatus(STATUS_IO_TIMEOUT);
}

static const struct {
    const char *Name;
    void (*Cause)(void);
    NTSTATUS Status;
} Causes[] = {
    {"a division by zero", DivideByZero, STATUS_INTEGER_DIVIDE_BY_ZERO},
    {"a breakpoint", Breakpoint, STATUS_BREAKPOINT},
    {"a privileged instruction", Privileged, STATUS_PRIVILEGED_INSTRUCTION},
    {"an address of the kernel's", ReadKernel, STATUS_ACCESS_VIOLATION},
    {"a guard page", TouchGuard, STATUS_GUARD_PAGE_VIOLATION},
    {"RtlRaiseStatus", RaiseStatus, STATUS_IO_TIMEOUT},
    {"the end of the stack", OverflowStack, STATUS_STACK_OVERFLOW},
};

static void TestCauses(void)
{
    ULONG i;

    for (i = 0; i < ARRAYSIZE(Causes); i++) {
        volatile NTSTATUS Status = STATUS_SUCCESS;
        __try {
            Causes[i].Cause();
        } __except (TAKE) {
            Status = GetExceptionCode();
        }
        CheckStatus(Status, Causes[i].Status, Causes[i].Name);
    }
}

static __declspec(noinline) void FinallyTwice(void)
{
    __try {
        __try {
            Read(NULL);
        } __finally {
            Blocks = Blocks * 10 + 1 + AbnormalTermination();
        }
    } __finally {
        Blocks = Blocks * 10 + 3 + AbnormalTermination();
    }
}

static void TestUnwind(void)
{
    Filters = Blocks = 0;
    __try {
        FinallyTwice();
    } __except (TAKE) {
        Blocks = Blocks * 10 + 5;
    }
    Check(Filters == 1 && Blocks == 245, "filter, __finally blocks, __except block: %lu", Blocks);
    Check(Seen.NumberParameters == 2 && !Seen.ExceptionInformation[0] &&
              !Seen.ExceptionInformation[1],
          "the record says what was read");
}

/* Gives the page that is missing, and tries again. */
static LONG MakeWritable(PEXCEPTION_POINTERS Pointers)
{
    PVOID Base = (PVOID)Pointers->ExceptionRecord->ExceptionInformation[1];
    SIZE_T Size = 1;
    ULONG Old;

    NtProtectVirtualMemory(NtCurrentProcess(), &Base, &Size, PAGE_READWRITE, &Old);
    return Note(Pointers, EXCEPTION_CONTINUE_EXECUTION);
}

static void TestContinue(void)
{
    EXCEPTION_RECORD Record = {.ExceptionCode = STATUS_IO_TIMEOUT};
    volatile ULONG *Page = NewPage(PAGE_READONLY);

    Filters = 0;
    __try {
        Page[5] = 7;
        Page[6] = 8;
    } __except (MakeWritable(GetExceptionInformation())) {
        Filters = 99;
    }
    Check(Filters == 1 && Page[5] == 7 && Page[6] == 8, "a filter mends what was wrong");
    __try {
        RtlRaiseException(&Record);
        Filters++;
    } __except (Note(GetExceptionInformation(), EXCEPTION_CONTINUE_EXECUTION)) {
        Filters = 99;
    }
    Check(Filters == 3, "an exception that is raised by a call is continued");
    __try {
        __try {
            RtlRaiseStatus(STATUS_IO_TIMEOUT);
        } __except (GetExceptionCode() == (DWORD)STATUS_NONCONTINUABLE_EXCEPTION
                        ? EXCEPTION_CONTINUE_SEARCH
                        : Note(GetExceptionInformation(), EXCEPTION_CONTINUE_EXECUTION)) {
        }
    } __except (TAKE) {
    }
    CheckStatus(Seen.ExceptionCode, STATUS_NONCONTINUABLE_EXCEPTION, "or not, if it cannot be");
}

static void TestServices(void)
{
    EXCEPTION_RECORD Record = {.ExceptionCode = STATUS_IO_TIMEOUT, .NumberParameters = 16};
    CONTEXT Context = {.ContextFlags = 0};
    PVOID Bad = (PVOID)0x80100000;

    CheckStatus(NtRaiseException(Bad, &Context, TRUE), STATUS_ACCESS_VIOLATION, "a bad record");
    CheckStatus(NtRaiseException(&Record, Bad, TRUE), STATUS_ACCESS_VIOLATION, "a bad CONTEXT");
    CheckStatus(NtRaiseException(&Record, &Context, TRUE), STATUS_INVALID_PARAMETER,
                "a CONTEXT of nothing");
    CheckStatus(NtContinue(&Context, FALSE), STATUS_INVALID_PARAMETER, "... to go on with");
    CheckStatus(NtContinue(Bad, FALSE), STATUS_ACCESS_VIOLATION, "a bad one");
    Context.ContextFlags = CONTEXT_FULL;
    CheckStatus(NtRaiseException(&Record, &Context, TRUE), STATUS_INVALID_PARAMETER,
                "too many parameters");
}

/* By the service, as it is raised by the processor: the registers are those of the CONTEXT. */
static __declspec(noinline) void RaiseByService(void)
{
    EXCEPTION_RECORD Record = {
        .ExceptionCode = STATUS_IO_TIMEOUT, .NumberParameters = 1, .ExceptionInformation = {42}};
    CONTEXT Context;

    RtlCaptureContext(&Context);
    NtRaiseException(&Record, &Context, TRUE);
}

static void TestRaiseByService(void)
{
    __try {
        RaiseByService();
    } __except (TAKE) {
        Blocks = 0;
    }
    Check((NTSTATUS)Seen.ExceptionCode == STATUS_IO_TIMEOUT && Seen.ExceptionInformation[0] == 42,
          "NtRaiseException calls the handlers");
}

/* What a child dies of: the parent sees the status. */
static const struct {
    const char *Name;
    NTSTATUS Status;
} Deaths[] = {
    {"unhandled", STATUS_IO_TIMEOUT},     {"finally", STATUS_ACCESS_VIOLATION},
    {"chain", STATUS_ACCESS_VIOLATION},   {"no-stack", STATUS_ILLEGAL_INSTRUCTION},
    {"forever", STATUS_ACCESS_VIOLATION},
};

/* A handler that raises again for each exception, until there is no stack left for it. */
static LONG Forever(void)
{
    Read(NULL);
    return EXCEPTION_EXECUTE_HANDLER;
}

static void Die(const char *How)
{
    if (strcmp(How, "unhandled") == 0)
        RtlRaiseStatus(STATUS_IO_TIMEOUT);
    if (strcmp(How, "finally") == 0)
        FinallyTwice();
    if (strcmp(How, "chain") == 0)
        __asm__ volatile("movl $0x80100000, %%fs:0\n\tmovl 0, %%eax" : : : "eax");
    if (strcmp(How, "no-stack") == 0)
        __asm__ volatile("movl $0x1000, %esp\n\tud2");
    __try {
        Read(NULL);
    } __except (Forever()) {
    }
}

static void TestDeaths(void)
{
    char Line[64];
    USAGE Before;
    ULONG i;

    QuerySteadyUsage(&Before);
    for (i = 0; i < ARRAYSIZE(Deaths); i++) {
        _snprintf(Line, sizeof Line, "userseh.exe %s", Deaths[i].Name);
        CheckStatus(RunProgram("userseh.exe", Line), Deaths[i].Status, Deaths[i].Name);
    }
    CheckUsage(&Before, "all that");
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        Die(argv[1]);
        return 0;
    }
    TestCauses();
    TestUnwind();
    TestContinue();
    TestServices();
    TestRaiseByService();
    TestDeaths();
    return CheckSummary("userseh");
}
