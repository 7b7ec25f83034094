/*
 * What is looked after once a second: threads that are ready and never get to run. (Windows'
 * balance set manager does this, too, among other things.)
 */
#include "sched/sched.h"

#define PERIOD_MS 1000

static KTIMER KiBalanceTimer;
static KDPC KiBalanceDpc;

static VOID NTAPI KiBalance(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KiRelieveStarvedThreads();
}

VOID KiInitializeBalance(VOID)
{
    LARGE_INTEGER Due = {.QuadPart = -10000LL * PERIOD_MS};

    KeInitializeTimer(&KiBalanceTimer);
    KeInitializeDpc(&KiBalanceDpc, KiBalance, NULL);
    KeSetTimerEx(&KiBalanceTimer, Due, PERIOD_MS, &KiBalanceDpc);
}
