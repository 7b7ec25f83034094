/*
 * poolmon.exe: lists the pools' usage by tag, most bytes first (as the WDK's tool of that name).
 */
#include "nt.h"
#include "program.h"

#define MAXIMUM_TAGS 256

static struct {
    ULONG Count;
    SYSTEM_POOLTAG Tags[MAXIMUM_TAGS];
} Pools;

static ULONG BytesOf(const SYSTEM_POOLTAG *Tag)
{
    return Tag->PagedUsed + Tag->NonPagedUsed;
}

static void SortByBytes(void)
{
    ULONG i, j;

    for (i = 1; i < Pools.Count; i++) {
        SYSTEM_POOLTAG Tag = Pools.Tags[i];
        for (j = i; j > 0 && BytesOf(&Pools.Tags[j - 1]) < BytesOf(&Tag); j--)
            Pools.Tags[j] = Pools.Tags[j - 1];
        Pools.Tags[j] = Tag;
    }
}

static void PrintUsage(const char *Pool, const SYSTEM_POOLTAG *Tag, ULONG Allocs, ULONG Frees,
                       ULONG Used)
{
    if (Allocs)
        printf("%.4s  %-8s %8lu %8lu %6lu %10lu\n", (const char *)Tag->Tag, Pool, Allocs, Frees,
               Allocs - Frees, Used);
}

int main(void)
{
    NTSTATUS Status =
        NtQuerySystemInformation(SystemPoolTagInformation, &Pools, sizeof Pools, NULL);
    ULONG i;

    if (!NT_SUCCESS(Status)) {
        printf("poolmon: the kernel does not tell (status %08lx)\n", Status);
        return 1;
    }
    SortByBytes();
    printf("Tag   Pool       Allocs    Frees   Left      Bytes\n");
    for (i = 0; i < Pools.Count; i++) {
        const SYSTEM_POOLTAG *Tag = &Pools.Tags[i];
        PrintUsage("paged", Tag, Tag->PagedAllocs, Tag->PagedFrees, Tag->PagedUsed);
        PrintUsage("nonpaged", Tag, Tag->NonPagedAllocs, Tag->NonPagedFrees, Tag->NonPagedUsed);
    }
    return 0;
}
