/*
 * Shows that user mode reaches nothing above 7FFEFFFF, whatever lies there: addresses all over the
 * upper half are read, written and jumped to, each in a process of its own that must end with an
 * access violation. Afterwards the machine has in use what it had before.
 *
 *      upperhalf.exe [SEED [COUNT]]       COUNT random addresses besides the chosen ones
 */
#include "check.h"
#include "mm/layout.h"

#define DEFAULT_SEED    1
#define DEFAULT_COUNT   60
#define MAXIMUM_MODULES 32

static ULONG Tried, Wrong;

/* One process that touches one address in one way. */
static void TryAddress(const char *Way, ULONG Address)
{
    char CommandLine[64];
    NTSTATUS Status;

    _snprintf(CommandLine, sizeof CommandLine, "crash.exe %s 0x%08lx", Way, Address);
    Status = RunProgram("crash.exe", CommandLine);
    Tried++;
    if (Status == STATUS_ACCESS_VIOLATION)
        return;
    Wrong++;
    printf("FAIL %s: ended with %08lx\n", CommandLine, Status);
}

static void TryAllWays(ULONG Address)
{
    TryAddress("kernel-read", Address);
    TryAddress("kernel-write", Address);
    TryAddress("kernel-jump", Address);
}

/* The first and last bytes of a range, a word across its start, and one in the middle. */
static void TryRange(ULONG Start, ULONG Last)
{
    TryAllWays(Start);
    TryAllWays(Start - 2);
    TryAllWays(Start + (Last - Start) / 2);
    TryAllWays(Last);
}

/* Every region of mm/layout.h. */
static void TryRegions(void)
{
    TryRange(MI_USER_PROBE_ADDRESS, MI_SYSTEM_BASE - 1);
    TryRange(MI_WINDOW_BASE, MI_WINDOW_BASE + MI_WINDOW_SIZE - 1);
    TryRange(MI_WINDOW_BASE + MI_KERNEL_PHYSICAL, MI_WINDOW_BASE + MI_KERNEL_PHYSICAL + 0xFFFF);
    TryRange(MI_WINDOW_BASE + MI_WINDOW_SIZE, MI_PAGED_POOL_START - 1);
    TryRange(0xC0000000, 0xC03FFFFF); /* Windows' self-map */
    TryRange(MI_PAGED_POOL_START, MI_PAGED_POOL_END - 1);
    TryRange(MI_SYSTEM_PTE_START, MI_SYSTEM_PTE_END - 1);
    TryRange(MI_NONPAGED_POOL_START, MI_NONPAGED_POOL_END - 1);
    TryRange(MI_MAPPING_SLOTS, MI_SYSTEM_SHARED - 1);
    TryRange(MI_SYSTEM_SHARED, MI_SYSTEM_SHARED + PAGE_SIZE - 1);
    TryRange(MI_PCR_ADDRESS, MI_PCR_ADDRESS + PAGE_SIZE - 1);
    TryRange(MI_PCR_ADDRESS + PAGE_SIZE, 0xFFFFFFFF);
}

/* The code of the kernel and of each driver, where the kernel says it is. */
static void TryModules(void)
{
    static struct {
        ULONG Count;
        RTL_PROCESS_MODULE_INFORMATION Modules[MAXIMUM_MODULES];
    } List;
    ULONG i;

    NtQuerySystemInformation(SystemModuleInformation, &List, sizeof List, NULL);
    for (i = 0; i < min(List.Count, MAXIMUM_MODULES); i++) {
        ULONG Base = (ULONG)(ULONG_PTR)List.Modules[i].ImageBase;
        TryRange(Base + PAGE_SIZE, Base + List.Modules[i].ImageSize - 1);
    }
}

static void TryRandom(ULONG Seed, ULONG Count)
{
    while (Count-- > 0)
        TryAllWays(MI_SYSTEM_BASE | RtlRandomEx(&Seed));
}

int main(int argc, char **argv)
{
    ULONG Seed = argc > 1 ? ParseNumber(argv[1]) : DEFAULT_SEED;
    ULONG Count = argc > 2 ? ParseNumber(argv[2]) : DEFAULT_COUNT;
    USAGE Before;

    printf("upperhalf: seed %lu\n", Seed);
    TryModules(); /* first, for the list takes memory of its own */
    QuerySteadyUsage(&Before);
    TryRegions();
    TryRandom(Seed, Count);
    Check(Wrong == 0, "%lu of %lu accesses ended with an access violation", Tried - Wrong, Tried);
    CheckUsage(&Before, "all accesses");
    return CheckSummary("upperhalf");
}
