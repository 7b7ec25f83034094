/*
 * Checks that print what they found. Passed and Failed count them, for one thread.
 */
#include "check.h"

static ULONG Passed, Failed;

static BOOLEAN Report(BOOLEAN Good, const char *What)
{
    if (Good)
        Passed++;
    else
        Failed++;
    printf("%s %s\n", Good ? "PASS" : "FAIL", What);
    return Good;
}

BOOLEAN Check(BOOLEAN Good, const char *Format, ...)
{
    char What[200];
    va_list Arguments;

    va_start(Arguments, Format);
    _vsnprintf(What, sizeof What - 1, Format, Arguments);
    va_end(Arguments);
    What[sizeof What - 1] = '\0';
    return Report(Good, What);
}

BOOLEAN CheckStatus(NTSTATUS Status, NTSTATUS Expected, const char *What)
{
    if (Status == Expected)
        return Report(TRUE, What);
    return Check(FALSE, "%s: %08lx, expected %08lx", What, Status, Expected);
}

int CheckSummary(const char *Name)
{
    printf("%s: %lu passed, %lu failed\n", Name, Passed, Failed);
    return Failed ? 1 : 0;
}
