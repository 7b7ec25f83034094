/*
 * Shows that what one thread does to its process's memory holds on the processors where the other
 * threads run: a page that one has made read-only is not written by another any more, not even
 * once.
 *
 *      shootdown.exe             all checks
 *      shootdown.exe protect     what it starts itself: ends by its second thread's fault, or
 *      shootdown.exe decommit    returns 1 if that thread went on writing
 */
#include "check.h"

#define ROUNDS   20
#define PATIENCE 5000 /* milliseconds */
#define MOMENT   20

static volatile ULONG *Page;

static VOID NTAPI WriteForEver(PVOID Argument)
{
    UNREFERENCED_PARAMETER(Argument);
    for (;;)
        (*Page)++;
}

/* After the change the value stays; and the writer's fault ends this process while it sleeps. */
static int Protect(void)
{
    PVOID Base = (PVOID)Page;
    SIZE_T Size = PAGE_SIZE;
    ULONG Old, Value;

    if (!NT_SUCCESS(NtProtectVirtualMemory(NtCurrentProcess(), &Base, &Size, PAGE_READONLY, &Old)))
        return 2;
    Value = *Page;
    SleepMilliseconds(MOMENT);
    if (*Page != Value)
        return 1;
    SleepMilliseconds(PATIENCE);
    return 3;
}

static int Decommit(void)
{
    PVOID Base = (PVOID)Page;
    SIZE_T Size = PAGE_SIZE;

    if (!NT_SUCCESS(NtFreeVirtualMemory(NtCurrentProcess(), &Base, &Size, MEM_DECOMMIT)))
        return 2;
    SleepMilliseconds(PATIENCE);
    return 1; /* the writer has not noticed */
}

static int Change(const char *How)
{
    PVOID Base = NULL;
    SIZE_T Size = PAGE_SIZE;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_RESERVE | MEM_COMMIT,
                            PAGE_READWRITE);
    Page = Base;
    StartThread(WriteForEver, NULL);
    while (*Page == 0)
        NtYieldExecution();
    return strcmp(How, "protect") ? Decommit() : Protect();
}

static void CheckChange(const char *How, const char *What)
{
    char CommandLine[40];
    ULONG i, Good = 0;

    _snprintf(CommandLine, sizeof CommandLine, "shootdown.exe %s", How);
    for (i = 0; i < ROUNDS; i++)
        Good += RunProgram("shootdown.exe", CommandLine) == STATUS_ACCESS_VIOLATION;
    Check(Good == ROUNDS, "%lu of %u times a page that was %s was not written any more", Good,
          ROUNDS, What);
}

int main(int argc, char **argv)
{
    USAGE Before;

    if (argc > 1)
        return Change(argv[1]);
    RunProgram("shootdown.exe", "shootdown.exe protect");
    QuerySteadyUsage(&Before);
    CheckChange("protect", "made read-only");
    CheckChange("decommit", "decommitted");
    CheckUsage(&Before, "all of them");
    return CheckSummary("shootdown");
}
