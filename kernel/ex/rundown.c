/*
 * Rundown protection: an object that many use and one deletes, who waits until nobody uses it any
 * more and nobody can begin to (WDK: Run-Down Protection).
 *
 * The reference is one word. Bit 0 clear: twice the number of acquisitions. Bit 0 set: rundown has
 * begun, no acquisition succeeds; the rest is the address of what the waiter has on its stack, or 0
 * when it need not wait, or no longer.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

typedef struct _EXP_RUNDOWN_WAITER {
    volatile LONG Count; /* acquisitions not yet released */
    KEVENT Released;
} EXP_RUNDOWN_WAITER, *PEXP_RUNDOWN_WAITER;

/* TRUE: it was Old, and is New now. Else *Old is what it is. */
static BOOLEAN ExpExchangeRundown(PEX_RUNDOWN_REF RunRef, PULONG_PTR Old, ULONG_PTR New)
{
    ULONG_PTR Seen = (ULONG_PTR)InterlockedCompareExchange((LONG volatile *)&RunRef->Count,
                                                           (LONG)New, (LONG)*Old);
    BOOLEAN Done = Seen == *Old;

    *Old = Seen;
    return Done;
}

VOID FASTCALL ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    RunRef->Count = 0;
}

/* After rundown is over: it can be acquired again. IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT(RunRef->Count == EX_RUNDOWN_ACTIVE);
    InterlockedExchange((LONG volatile *)&RunRef->Count, 0);
}

/* Count times; FALSE: rundown has begun. IRQL <= DISPATCH_LEVEL. */
BOOLEAN FASTCALL ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    ULONG_PTR Old = RunRef->Count;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    do {
        if (Old & EX_RUNDOWN_ACTIVE)
            return FALSE;
    } while (!ExpExchangeRundown(RunRef, &Old, Old + Count * EX_RUNDOWN_COUNT_INC));
    return TRUE;
}

BOOLEAN FASTCALL ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    return ExAcquireRundownProtectionEx(RunRef, 1);
}

/* Count times. The last one while rundown waits wakes it. IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    ULONG_PTR Old = RunRef->Count;
    PEXP_RUNDOWN_WAITER Waiter;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    do {
        if (Old & EX_RUNDOWN_ACTIVE) {
            Waiter = (PEXP_RUNDOWN_WAITER)(Old & ~EX_RUNDOWN_ACTIVE);
            ASSERT(Waiter && Waiter->Count >= (LONG)Count);
            if (InterlockedExchangeAdd(&Waiter->Count, -(LONG)Count) == (LONG)Count)
                KeSetEvent(&Waiter->Released, EVENT_INCREMENT, FALSE);
            return;
        }
        ASSERT(Old >= Count * EX_RUNDOWN_COUNT_INC);
    } while (!ExpExchangeRundown(RunRef, &Old, Old - Count * EX_RUNDOWN_COUNT_INC));
}

VOID FASTCALL ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    ExReleaseRundownProtectionEx(RunRef, 1);
}

/*
 * Lets nobody in any more, and waits until the last one is out (WDK:
 * ExWaitForRundownProtectionRelease). By one thread; at once if rundown is over. IRQL <= APC_LEVEL.
 */
VOID FASTCALL ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    EXP_RUNDOWN_WAITER Waiter;
    ULONG_PTR Old = RunRef->Count, New;

    KI_ASSERT_IRQL(APC_LEVEL);
    KeInitializeEvent(&Waiter.Released, SynchronizationEvent, FALSE);
    do {
        if (Old == EX_RUNDOWN_ACTIVE)
            return;
        ASSERT(!(Old & EX_RUNDOWN_ACTIVE)); /* somebody else waits */
        Waiter.Count = (LONG)(Old >> EX_RUNDOWN_COUNT_SHIFT);
        New = (Old ? (ULONG_PTR)&Waiter : 0) | EX_RUNDOWN_ACTIVE;
    } while (!ExpExchangeRundown(RunRef, &Old, New));
    if (New == EX_RUNDOWN_ACTIVE)
        return;
    KeWaitForSingleObject(&Waiter.Released, WrRundown, KernelMode, FALSE, NULL);
    ExRundownCompleted(RunRef);
}

/* Notes that rundown is over. IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    InterlockedExchange((LONG volatile *)&RunRef->Count, EX_RUNDOWN_ACTIVE);
}
