/*
 * Cache-aware rundown protection (WDK: Run-Down Protection): the same promise as the plain one's,
 * for objects that many processors use at once. Windows counts for each processor apart, so that
 * they do not share a cache line. Here one count serves all; it lies in a cache line of its own.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"

#define CACHE_LINE_BYTES 64

typedef struct _EX_RUNDOWN_REF_CACHE_AWARE {
    EX_RUNDOWN_REF RunRef;
    ULONG PoolTag; /* of ExAllocateCacheAwareRundownProtection's */
    UCHAR Fill[CACHE_LINE_BYTES - sizeof(EX_RUNDOWN_REF) - sizeof(ULONG)];
} EX_RUNDOWN_REF_CACHE_AWARE;

/* How much a caller has to provide who places the reference. IRQL: any. */
SIZE_T NTAPI ExSizeOfRundownProtectionCacheAware(VOID)
{
    return sizeof(EX_RUNDOWN_REF_CACHE_AWARE);
}

/* RunRefSize: as ExSizeOfRundownProtectionCacheAware says. IRQL: any. */
VOID NTAPI ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware,
                                                   SIZE_T RunRefSize)
{
    ASSERT(RunRefSize >= sizeof *RunRefCacheAware);
    UNREFERENCED_PARAMETER(RunRefSize);
    RunRefCacheAware->PoolTag = 0;
    ExInitializeRundownProtection(&RunRefCacheAware->RunRef);
}

/* NULL: there is no pool. IRQL: as that type of pool allows. */
PEX_RUNDOWN_REF_CACHE_AWARE NTAPI ExAllocateCacheAwareRundownProtection(POOL_TYPE PoolType,
                                                                        ULONG PoolTag)
{
    PEX_RUNDOWN_REF_CACHE_AWARE RunRef =
        ExAllocatePoolWithTag(PoolType, sizeof *RunRef, PoolTag);

    if (RunRef) {
        ExInitializeRundownProtectionCacheAware(RunRef, sizeof *RunRef);
        RunRef->PoolTag = PoolTag;
    }
    return RunRef;
}

/* Frees what ExAllocateCacheAwareRundownProtection has allocated. */
VOID NTAPI ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    ExFreePoolWithTag(RunRefCacheAware, RunRefCacheAware->PoolTag);
}

BOOLEAN FASTCALL ExAcquireRundownProtectionCacheAwareEx(
    PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, ULONG Count)
{
    return ExAcquireRundownProtectionEx(&RunRefCacheAware->RunRef, Count);
}

BOOLEAN FASTCALL ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    return ExAcquireRundownProtection(&RunRefCacheAware->RunRef);
}

VOID FASTCALL ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRef,
                                                     ULONG Count)
{
    ExReleaseRundownProtectionEx(&RunRef->RunRef, Count);
}

VOID FASTCALL ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    ExReleaseRundownProtection(&RunRefCacheAware->RunRef);
}

VOID FASTCALL ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef)
{
    ExWaitForRundownProtectionRelease(&RunRef->RunRef);
}

VOID FASTCALL
ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    ExReInitializeRundownProtection(&RunRefCacheAware->RunRef);
}

VOID FASTCALL ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    ExRundownCompleted(&RunRefCacheAware->RunRef);
}
