/*
 * The rules of calls that a checked build holds its drivers to, and how it says that one has been
 * broken: in words, before the parameters that the WDK gives (Bug Check 0xC4; Bug Check 0xA).
 */
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/ke/lockcheck.h"

#if DBG

typedef struct _KI_RULE {
    ULONG Number;
    PCSTR Text;
} KI_RULE;

/* The numbers are Driver Verifier's. */
static const KI_RULE KiRules[] = {
    {0x31, "IRQL is lowered below DISPATCH_LEVEL while this processor holds a spin lock"},
    {0x32, "KeReleaseSpinLock is called at an IRQL other than DISPATCH_LEVEL"},
    {0x33, "a fast mutex is acquired above APC_LEVEL"},
    {0x34, "a fast mutex is released at an IRQL other than APC_LEVEL"},
    {0x37, "a resource is acquired while normal kernel APCs are not disabled"},
    {0x38, "a resource is released while normal kernel APCs are not disabled"},
    {0x39, "a mutex is acquired \"unsafe\" while APCs are not disabled"},
    {0x3A, "a mutex is released \"unsafe\" while APCs are not disabled"},
    {0x3E, "KeLeaveCriticalRegion is called outside of a critical region"},
    {0x40, "a spin lock is acquired as at DISPATCH_LEVEL, but IRQL is below"},
    {0x41, "a spin lock is released as at DISPATCH_LEVEL, but IRQL is below"},
    {0x42, "KeAcquireSpinLock is called above DISPATCH_LEVEL"},
    {0x70, "MmProbeAndLockPages is called above DISPATCH_LEVEL"},
    {0x73, "MmMapIoSpace is called above DISPATCH_LEVEL"},
    {0x76, "an MDL is mapped into system space above DISPATCH_LEVEL"},
    {0x77, "an MDL is mapped into a process above APC_LEVEL"},
    {0x78, "MmUnlockPages is called above DISPATCH_LEVEL"},
    {0x79, "an MDL is unmapped from system space above DISPATCH_LEVEL"},
    {0x7A, "an MDL is unmapped from a process above APC_LEVEL"},
    {0x7D, "MmUnlockPages is called for nonpaged pool, which is never locked"},
    {0x7E, "an MDL's memory is allocated or freed above DISPATCH_LEVEL"},
    {0x7F, "MmBuildMdlForNonPagedPool is called for paged pool"},
    {0x80, "KeSetEvent is called above DISPATCH_LEVEL"},
    {0xB0, "MmProbeAndLockPages is called for an MDL that has its pages already"},
    {0xB2, "an MDL is mapped into system space that has an address there already"},
    {0xB4, "MmUnlockPages is called for a partial MDL"},
    {0xB8, "an MDL is freed that is still mapped"},
    {0x11A, "KeEnterCriticalRegion is called above APC_LEVEL"},
    {0x11B, "KeLeaveCriticalRegion is called above APC_LEVEL"},
    {0x1000, "a thread acquires a lock that it holds already, and that cannot be held twice"},
};

static VOID KiExplainRule(PVOID Context)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(KiRules); i++) {
        if (KiRules[i].Number == (ULONG)(ULONG_PTR)Context)
            KdPrintLine("***  %s\n", KiRules[i].Text);
    }
    KiPrintSpinLocks(KeGetCurrentPrcb()->Number);
}

NORETURN VOID KiVerifierStop(ULONG Rule, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4)
{
    KiExplainBugCheck(KiExplainRule, (PVOID)(ULONG_PTR)Rule);
    KeBugCheckEx(DRIVER_VERIFIER_DETECTED_VIOLATION, Rule, P2, P3, P4);
}

/* ---- Called at too high an IRQL ----------------------------------------------------------------
 */

#define ACCESS_IS_EXECUTE 8 /* third parameter of bug check 0Ah, bit 3 */

typedef struct _KI_BAD_CALL {
    PCSTR Routine;
    KIRQL Irql, Highest;
} KI_BAD_CALL;

static VOID KiExplainBadCall(PVOID Context)
{
    KI_BAD_CALL *Call = Context;

    KdPrintLine("***  %s is called at IRQL %u; the highest that it allows is %u\n", Call->Routine,
                Call->Irql, Call->Highest);
    KiPrintSpinLocks(KeGetCurrentPrcb()->Number);
}

/* Bug check 0Ah with what the called routine is, as an address that must not be executed now. */
NORETURN VOID KiBadCall(PCSTR Routine, KIRQL Highest, ULONG_PTR Caller)
{
    KI_BAD_CALL Call = {Routine, KiGetCurrentIrql(), Highest};

    KiExplainBugCheck(KiExplainBadCall, &Call);
    KeBugCheckEx(IRQL_NOT_LESS_OR_EQUAL, (ULONG_PTR)__builtin_return_address(0), Call.Irql,
                 ACCESS_IS_EXECUTE, Caller);
}

#endif
