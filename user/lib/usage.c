/*
 * How much memory the machine has in use, to compare before and after.
 */
#include "check.h"

#define MAXIMUM_TAGS    256
#define PATIENCE        300 /* times TICK */
#define TICK            10  /* milliseconds */
#define STEADY_READINGS 10

void QueryCounters(SYSTEM_UPPERHALF_INFORMATION *Counters)
{
    memset(Counters, 0, sizeof *Counters);
    NtQuerySystemInformation(SystemUpperhalfInformation, Counters, sizeof *Counters, NULL);
}

static void AddPoolBytes(USAGE *Usage)
{
    static struct {
        ULONG Count;
        SYSTEM_POOLTAG Tags[MAXIMUM_TAGS];
    } Pools;
    ULONG i;

    Pools.Count = 0;
    NtQuerySystemInformation(SystemPoolTagInformation, &Pools, sizeof Pools, NULL);
    for (i = 0; i < min(Pools.Count, MAXIMUM_TAGS); i++) {
        Usage->PagedBytes += Pools.Tags[i].PagedUsed;
        Usage->NonPagedBytes += Pools.Tags[i].NonPagedUsed;
    }
}

void QueryUsage(USAGE *Usage)
{
    SYSTEM_UPPERHALF_INFORMATION Counters;

    QueryCounters(&Counters);
    *Usage = (USAGE){
        .AvailablePages = Counters.AvailablePages,
        .CommittedPages = Counters.CommittedPages,
        .ProcessCount = Counters.ProcessCount,
        .ThreadCount = Counters.ThreadCount,
    };
    AddPoolBytes(Usage);
}

static BOOLEAN SameUsage(const USAGE *One, const USAGE *Other)
{
    return memcmp(One, Other, sizeof *One) == 0;
}

void QuerySteadyUsage(USAGE *Usage)
{
    USAGE Next;
    ULONG Same = 0, Tries;

    OpenConsole(); /* the checks to come will use it, so it is part of what was there before */
    QueryUsage(Usage);
    for (Tries = 0; Tries < PATIENCE && Same < STEADY_READINGS; Tries++) {
        SleepMilliseconds(TICK);
        QueryUsage(&Next);
        Same = SameUsage(Usage, &Next) ? Same + 1 : 0;
        *Usage = Next;
    }
}

static void PrintUsage(const char *When, const USAGE *Usage)
{
    printf("  %s: %lu pages available, %lu committed, pool bytes %lu paged %lu nonpaged, "
           "%lu processes, %lu threads\n",
           When, Usage->AvailablePages, Usage->CommittedPages, Usage->PagedBytes,
           Usage->NonPagedBytes, Usage->ProcessCount, Usage->ThreadCount);
}

BOOLEAN CheckUsage(const USAGE *Before, const char *After)
{
    USAGE Now;
    ULONG Tries;

    QueryUsage(&Now);
    for (Tries = 0; Tries < PATIENCE && !SameUsage(Before, &Now); Tries++) {
        SleepMilliseconds(TICK);
        QueryUsage(&Now);
    }
    if (Check(SameUsage(Before, &Now), "memory in use after %s is what it was before", After))
        return TRUE;
    PrintUsage("before", Before);
    PrintUsage("after", &Now);
    return FALSE;
}
