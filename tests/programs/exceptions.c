/*
 * Shows that each exception in user mode ends the process that caused it, and nothing else, with
 * the exception's own status (Win32 documentation, "GetExceptionCode").
 */
#include "check.h"

static const struct {
    const char *Kind; /* crash.exe's */
    NTSTATUS Status;
} Exceptions[] = {
    {"av-read", STATUS_ACCESS_VIOLATION},
    {"av-write", STATUS_ACCESS_VIOLATION},
    {"kernel-read", STATUS_ACCESS_VIOLATION},
    {"kernel-write", STATUS_ACCESS_VIOLATION},
    {"kernel-jump", STATUS_ACCESS_VIOLATION},
    {"null", STATUS_ACCESS_VIOLATION},
    {"ud", STATUS_ILLEGAL_INSTRUCTION},
    {"div", STATUS_INTEGER_DIVIDE_BY_ZERO},
    {"priv", STATUS_PRIVILEGED_INSTRUCTION},
    {"priv-prefix", STATUS_PRIVILEGED_INSTRUCTION},
    {"long", STATUS_ACCESS_VIOLATION},
    {"in", STATUS_PRIVILEGED_INSTRUCTION},
    {"int3", STATUS_BREAKPOINT},
    {"into", STATUS_INTEGER_OVERFLOW},
    {"bound", STATUS_ARRAY_BOUNDS_EXCEEDED},
    {"assertion", STATUS_ASSERTION_FAILURE},
    {"gp", STATUS_ACCESS_VIOLATION},
    {"stack", STATUS_STACK_OVERFLOW},
    {"guard", STATUS_GUARD_PAGE_VIOLATION},
    {"noaccess", STATUS_ACCESS_VIOLATION},
    {"step", STATUS_SINGLE_STEP},
    {"int-80", STATUS_ACCESS_VIOLATION},
    {"x87-invalid", STATUS_FLOAT_INVALID_OPERATION},
    {"x87-stack", STATUS_FLOAT_STACK_CHECK},
    {"x87-denormal", STATUS_FLOAT_DENORMAL_OPERAND},
    {"x87-zero", STATUS_FLOAT_DIVIDE_BY_ZERO},
    {"x87-overflow", STATUS_FLOAT_OVERFLOW},
    {"x87-underflow", STATUS_FLOAT_UNDERFLOW},
    {"x87-inexact", STATUS_FLOAT_INEXACT_RESULT},
};

static NTSTATUS CrashStatus(const char *Kind)
{
    char CommandLine[64];

    _snprintf(CommandLine, sizeof CommandLine, "crash.exe %s", Kind);
    return RunProgram("crash.exe", CommandLine);
}

int main(void)
{
    USAGE Before;
    ULONG i;

    CheckStatus(CrashStatus("unknown"), 1, "a program's own exit status");
    QuerySteadyUsage(&Before);
    for (i = 0; i < ARRAYSIZE(Exceptions); i++)
        CheckStatus(CrashStatus(Exceptions[i].Kind), Exceptions[i].Status, Exceptions[i].Kind);
    CheckUsage(&Before, "all exceptions");
    return CheckSummary("exceptions");
}
