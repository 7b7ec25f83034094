/*
 * Rtl routines on plain memory. The DDK headers make macros of some of them (RtlZeroMemory is
 * memset), but other compilers' headers do not, and their drivers import the functions.
 *
 * Locks: none. IRQL: any at which the memory may be touched.
 */
#include "kernel/rtl/rtl.h"

#undef RtlZeroMemory
#undef RtlFillMemory
#undef RtlMoveMemory
#undef RtlCopyMemory

VOID NTAPI RtlZeroMemory(PVOID Destination, SIZE_T Length)
{
    memset(Destination, 0, Length);
}

VOID NTAPI RtlFillMemory(PVOID Destination, SIZE_T Length, UCHAR Fill)
{
    memset(Destination, Fill, Length);
}

VOID NTAPI RtlMoveMemory(PVOID Destination, const VOID *Source, SIZE_T Length)
{
    memmove(Destination, Source, Length);
}

VOID NTAPI RtlCopyMemory(PVOID Destination, const VOID *Source, SIZE_T Length)
{
    memcpy(Destination, Source, Length);
}

/* The number of bytes, from the start, that are equal (WDK, "RtlCompareMemory"). */
SIZE_T NTAPI RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    const UCHAR *Left = Source1;
    const UCHAR *Right = Source2;
    SIZE_T Equal = 0;
    while (Equal < Length && Left[Equal] == Right[Equal]) {
        Equal++;
    }
    return Equal;
}

/*
 * The number of bytes, from the start, that repeat Pattern. Source is aligned; a Length that is not
 * a multiple of four is rounded down (WDK, "RtlCompareMemoryUlong").
 */
SIZE_T NTAPI RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern)
{
    ASSERT(((ULONG_PTR)Source & 3) == 0);
    const ULONG *Words = Source;
    SIZE_T Count = Length / sizeof(ULONG);
    SIZE_T Equal = 0;
    while (Equal < Count && Words[Equal] == Pattern) {
        Equal++;
    }
    return Equal * sizeof(ULONG);
}

VOID NTAPI RtlFillMemoryUlong(PVOID Destination, SIZE_T Length, ULONG Pattern)
{
    ASSERT(((ULONG_PTR)Destination & 3) == 0);
    PULONG Words = Destination;
    for (SIZE_T i = 0; i < Length / sizeof(ULONG); i++) {
        Words[i] = Pattern;
    }
}

VOID NTAPI RtlFillMemoryUlonglong(PVOID Destination, SIZE_T Length, ULONGLONG Pattern)
{
    ASSERT(((ULONG_PTR)Destination & 7) == 0);
    PULONGLONG Words = Destination;
    for (SIZE_T i = 0; i < Length / sizeof(ULONGLONG); i++) {
        Words[i] = Pattern;
    }
}

/* Only a hint to the processor's cache, which may be ignored. */
VOID FASTCALL RtlPrefetchMemoryNonTemporal(PVOID Source, SIZE_T Length)
{
    UNREFERENCED_PARAMETER(Source);
    UNREFERENCED_PARAMETER(Length);
}
