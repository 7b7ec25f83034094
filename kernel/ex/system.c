/*
 * What drivers ask of the executive about the system: local time, the clock's resolution, the
 * product, and identifiers that are nobody else's.
 */
#include "kernel/ex/ex.h"
#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

/* UUIDs: RFC 4122, version 1. They count 100 ns from the beginning of the Gregorian calendar. */
#define UUID_EPOCH_BEFORE_1601 5748192000000000LL
#define UUID_VERSION_1         0x1000
#define UUID_VARIANT           0x80
#define UUID_NODE_IS_RANDOM    0x01 /* the multicast bit: no network card has such an address */

/* ---- Time --------------------------------------------------------------------------------------
 */

/* What local time is behind UTC. There is no registry to say it, so it is 0; but it is asked. */
static LONGLONG ExpTimeZoneBias(VOID)
{
    LARGE_INTEGER Bias;

    do {
        Bias.HighPart = SharedUserData->TimeZoneBias.High1Time;
        Bias.LowPart = SharedUserData->TimeZoneBias.LowPart;
    } while (Bias.HighPart != SharedUserData->TimeZoneBias.High2Time);
    return Bias.QuadPart;
}

/* WDK: ExSystemTimeToLocalTime. IRQL: any. */
VOID NTAPI ExSystemTimeToLocalTime(PLARGE_INTEGER SystemTime, PLARGE_INTEGER LocalTime)
{
    LocalTime->QuadPart = SystemTime->QuadPart - ExpTimeZoneBias();
}

VOID NTAPI ExLocalTimeToSystemTime(PLARGE_INTEGER LocalTime, PLARGE_INTEGER SystemTime)
{
    SystemTime->QuadPart = LocalTime->QuadPart + ExpTimeZoneBias();
}

/*
 * Asks for a faster clock (WDK: ExSetTimerResolution). This clock has one resolution, which is thus
 * the finest it supports: that is returned, whatever is asked for. IRQL <= APC_LEVEL.
 */
ULONG NTAPI ExSetTimerResolution(ULONG DesiredTime, BOOLEAN SetResolution)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    UNREFERENCED_PARAMETER(DesiredTime);
    UNREFERENCED_PARAMETER(SetResolution);
    return CLOCK_TICK_100NS;
}

/* ---- The machine and the product ---------------------------------------------------------------
 */

/* Is a product suite installed? (WDK: ExVerifySuite) None is. IRQL: any. */
BOOLEAN NTAPI ExVerifySuite(SUITE_TYPE SuiteType)
{
    return (SharedUserData->SuiteMask & (1u << SuiteType)) != 0;
}

/* ---- Identifiers -------------------------------------------------------------------------------
 */

static KSPIN_LOCK ExpUuidLock;
static ULONGLONG ExpUuidTime; /* of the last one: no two have the same; under the lock */
static UCHAR ExpUuidNode[8];  /* clock sequence and node; made for the first one */

/* The lock is held. */
static VOID ExpMakeUuidNode(VOID)
{
    ULONG Seed = (ULONG)KeQueryPerformanceCounter(NULL).QuadPart, i;

    for (i = 0; i < sizeof ExpUuidNode; i++)
        ExpUuidNode[i] = (UCHAR)(RtlRandomEx(&Seed) >> 8);
    ExpUuidNode[0] = (ExpUuidNode[0] & 0x3F) | UUID_VARIANT;
    ExpUuidNode[2] |= UUID_NODE_IS_RANDOM;
}

/* The time, or just after that of the last one; and the node. */
static ULONGLONG ExpTakeUuidTime(PUCHAR Node)
{
    LARGE_INTEGER Now;
    ULONGLONG Time;
    KIRQL OldIrql;

    KeQuerySystemTime(&Now);
    Time = (ULONGLONG)(Now.QuadPart + UUID_EPOCH_BEFORE_1601);
    KeAcquireSpinLock(&ExpUuidLock, &OldIrql);
    if (ExpUuidTime == 0)
        ExpMakeUuidNode();
    ExpUuidTime = max(Time, ExpUuidTime + 1);
    Time = ExpUuidTime;
    memcpy(Node, ExpUuidNode, sizeof ExpUuidNode);
    KeReleaseSpinLock(&ExpUuidLock, OldIrql);
    return Time;
}

/*
 * Makes an identifier that nobody else makes (WDK: ExUuidCreate). RPC_NT_UUID_LOCAL_ONLY, a
 * success: nobody on this machine; there is no network card whose address would make sure of the
 * others. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI ExUuidCreate(UUID *Uuid)
{
    ULONGLONG Time;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Time = ExpTakeUuidTime(Uuid->Data4);
    Uuid->Data1 = (ULONG)Time;
    Uuid->Data2 = (USHORT)(Time >> 32);
    Uuid->Data3 = (USHORT)((Time >> 48 & 0x0FFF) | UUID_VERSION_1);
    return RPC_NT_UUID_LOCAL_ONLY;
}
