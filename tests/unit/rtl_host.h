/*
 * What the run-time library needs of the kernel, for the host tests that link all of it.
 * Allocations are counted, and can be made to fail.
 */
#ifndef TESTS_UNIT_RTL_HOST_H
#define TESTS_UNIT_RTL_HOST_H

#include "kernel/nt.h"
#include "tests/unit/unit.h"

VOID NTAPI RtlAssert(PVOID Text, PVOID FileName, ULONG Line, PSTR Message)
{
    (void)Message;
    printf("%s:%lu: assertion failed: %s\n", (char *)FileName, Line, (char *)Text);
    exit(1);
}

KIRQL NTAPI KeGetCurrentIrql(VOID)
{
    return PASSIVE_LEVEL;
}

ULONG __cdecl DbgPrint(PCSTR Format, ...)
{
    printf("%s", Format);
    return 0;
}

VOID NTAPI ExRaiseStatus(NTSTATUS Status)
{
    printf("raised: %08lx\n", Status);
    exit(1);
}

BOOLEAN NTAPI PsGetVersion(PULONG MajorVersion, PULONG MinorVersion, PULONG BuildNumber,
                           PUNICODE_STRING CSDVersion)
{
    (void)MajorVersion, (void)MinorVersion, (void)BuildNumber, (void)CSDVersion;
    return FALSE;
}

static ULONG LiveBlocks;
static BOOLEAN NoMemory;

PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    CHECK(PoolType == PagedPool && NumberOfBytes != 0 && Tag == 0x67727453);
    LiveBlocks += NoMemory ? 0 : 1;
    return NoMemory ? NULL : malloc(NumberOfBytes);
}

#undef ExFreePool
VOID NTAPI ExFreePool(PVOID P)
{
    LiveBlocks--;
    free(P);
}

VOID NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    CHECK(Tag == 0);
    ExFreePool(P);
}

/* Counted strings of text that stays. */
static inline UNICODE_STRING Unicode(PCWSTR Text)
{
    UNICODE_STRING String;
    RtlInitUnicodeString(&String, Text);
    return String;
}

static inline ANSI_STRING Ansi(PCSTR Text)
{
    ANSI_STRING String;
    RtlInitAnsiString(&String, Text);
    return String;
}

#endif
