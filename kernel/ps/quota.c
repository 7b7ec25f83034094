/*
 * Pool quotas: what drivers charge processes for is counted and never refused, as nobody has a
 * limit (WDK: PsChargePoolQuota and its kin). IRQL <= DISPATCH_LEVEL.
 */
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"

NTSTATUS NTAPI PsChargeProcessPoolQuota(PEPROCESS Process, POOL_TYPE PoolType, ULONG_PTR Amount)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    InterlockedExchangeAdd(&Process->QuotaUsage[PoolType & PagedPool], (LONG)Amount);
    return STATUS_SUCCESS;
}

VOID NTAPI PsChargePoolQuota(PEPROCESS Process, POOL_TYPE PoolType, ULONG_PTR Amount)
{
    PsChargeProcessPoolQuota(Process, PoolType, Amount);
}

VOID NTAPI PsReturnPoolQuota(PEPROCESS Process, POOL_TYPE PoolType, ULONG_PTR Amount)
{
    LONG Before = InterlockedExchangeAdd(&Process->QuotaUsage[PoolType & PagedPool], -(LONG)Amount);

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT((ULONG_PTR)Before >= Amount);
    UNREFERENCED_PARAMETER(Before);
}

NTSTATUS NTAPI PsChargeProcessNonPagedPoolQuota(PEPROCESS Process, SIZE_T Amount)
{
    return PsChargeProcessPoolQuota(Process, NonPagedPool, Amount);
}

NTSTATUS NTAPI PsChargeProcessPagedPoolQuota(PEPROCESS Process, SIZE_T Amount)
{
    return PsChargeProcessPoolQuota(Process, PagedPool, Amount);
}

VOID NTAPI PsReturnProcessNonPagedPoolQuota(PEPROCESS Process, SIZE_T Amount)
{
    PsReturnPoolQuota(Process, NonPagedPool, Amount);
}

VOID NTAPI PsReturnProcessPagedPoolQuota(PEPROCESS Process, SIZE_T Amount)
{
    PsReturnPoolQuota(Process, PagedPool, Amount);
}
