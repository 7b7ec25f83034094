/*
 * Shows that a process leaves nothing behind: after thousands of programs have come and gone, the
 * machine has in use what it had after the first hundred.
 *
 *      churn.exe [COUNT [PROGRAM]]
 */
#include "check.h"

#define DEFAULT_COUNT 1000
#define WARM_UP       100 /* until then tables and free lists find their size */
#define EXPECTED      7

/* Runs the program Count times; how many times it ended as it should. */
static ULONG RunMany(const char *Image, ULONG Count)
{
    char CommandLine[80];
    ULONG Good = 0;

    _snprintf(CommandLine, sizeof CommandLine, "%s %u", Image, EXPECTED);
    while (Count-- > 0)
        Good += RunProgram(Image, CommandLine) == EXPECTED;
    return Good;
}

int main(int argc, char **argv)
{
    ULONG Count = argc > 1 ? ParseNumber(argv[1]) : DEFAULT_COUNT;
    const char *Image = argc > 2 ? argv[2] : "hello.exe";
    ULONG Good = RunMany(Image, min(Count, WARM_UP));
    USAGE Before;

    QuerySteadyUsage(&Before);
    if (Count > WARM_UP)
        Good += RunMany(Image, Count - WARM_UP);
    Check(Good == Count, "%lu of %lu processes ran and returned %u", Good, Count, EXPECTED);
    CheckUsage(&Before, "all processes");
    return CheckSummary("churn");
}
