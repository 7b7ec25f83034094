/*
 * Shows that a driver can keep a process from being made: pstest.sys does not let one begin whose
 * command line has "veto" in it. Nothing is left of it; others are made and end as ever.
 */
#include "check.h"

int main(void)
{
    HANDLE Process = NULL;
    USAGE Before;

    CheckStatus(RunProgram("hello.exe", "hello.exe 3"), 3, "a process that nobody minds");
    QuerySteadyUsage(&Before);
    CheckStatus(StartProgram("hello.exe", "hello.exe veto", &Process), STATUS_ACCESS_DENIED,
                "one that a driver does not want");
    CheckStatus(RunProgram("hello.exe", "hello.exe 4"), 4, "another one");
    CheckUsage(&Before, "the process that was not made");
    return CheckSummary("notify");
}
