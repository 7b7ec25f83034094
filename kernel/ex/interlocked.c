/*
 * Lists and numbers that interrupt service routines share with everybody else (WDK: Interlocked
 * operations). Callable at any IRQL.
 *
 * The routines that are given a lock hold it with interrupts disabled, not at a raised IRQL: so
 * nothing on this processor can get between, and the other processors wait for a few instructions.
 * The same lock must not be used with KeAcquireSpinLock: its owner could be interrupted by one
 * who comes here and waits for ever.
 *
 * The headers turn most of the older names into these of x86, which are fastcall. Drivers import
 * both; the older ones, stdcall, are the routines ExpXxx at the end (see ntoskrnl.def).
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"

/* Returns what ExpUnlock is to be given. */
static BOOLEAN ExpLock(PKSPIN_LOCK Lock)
{
    BOOLEAN Enable = KiSaveInterrupts();

    KiTakeSpinLock(Lock);
    return Enable;
}

static VOID ExpUnlock(PKSPIN_LOCK Lock, BOOLEAN Enable)
{
    KiLetSpinLockGo(Lock);
    KiRestoreInterrupts(Enable);
}

/* ---- Lists -------------------------------------------------------------------------------------
 */

/* Returns the entry that was the first; NULL: the list was empty. */
PLIST_ENTRY FASTCALL ExfInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                                  PKSPIN_LOCK Lock)
{
    BOOLEAN Enable = ExpLock(Lock);
    PLIST_ENTRY First = ListHead->Flink;

    InsertHeadList(ListHead, ListEntry);
    ExpUnlock(Lock, Enable);
    return First == ListHead ? NULL : First;
}

/* Returns the entry that was the last; NULL: the list was empty. */
PLIST_ENTRY FASTCALL ExfInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                                  PKSPIN_LOCK Lock)
{
    BOOLEAN Enable = ExpLock(Lock);
    PLIST_ENTRY Last = ListHead->Blink;

    InsertTailList(ListHead, ListEntry);
    ExpUnlock(Lock, Enable);
    return Last == ListHead ? NULL : Last;
}

/* Returns the entry that has been removed; NULL: the list was empty. */
PLIST_ENTRY FASTCALL ExfInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    BOOLEAN Enable = ExpLock(Lock);
    PLIST_ENTRY First = IsListEmpty(ListHead) ? NULL : RemoveHeadList(ListHead);

    ExpUnlock(Lock, Enable);
    return First;
}

PSINGLE_LIST_ENTRY FASTCALL ExfInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                       PKSPIN_LOCK Lock)
{
    BOOLEAN Enable = ExpLock(Lock);
    PSINGLE_LIST_ENTRY First = ListHead->Next;

    if (First)
        ListHead->Next = First->Next;
    ExpUnlock(Lock, Enable);
    return First;
}

/* Returns the entry that was the first. */
PSINGLE_LIST_ENTRY FASTCALL ExfInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                        PSINGLE_LIST_ENTRY ListEntry,
                                                        PKSPIN_LOCK Lock)
{
    BOOLEAN Enable = ExpLock(Lock);
    PSINGLE_LIST_ENTRY First = ListHead->Next;

    ListEntry->Next = First;
    ListHead->Next = ListEntry;
    ExpUnlock(Lock, Enable);
    return First;
}

/* ---- Numbers -----------------------------------------------------------------------------------
 */

/* Returns the value before the addition. Like all with a lock: atomic among those that use it. */
ULONG FASTCALL ExfInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock)
{
    BOOLEAN Enable = ExpLock(Lock);
    ULONG Old = *Addend;

    *Addend = Old + Increment;
    ExpUnlock(Lock, Enable);
    return Old;
}

LARGE_INTEGER NTAPI ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend, LARGE_INTEGER Increment,
                                                 PKSPIN_LOCK Lock)
{
    BOOLEAN Enable = ExpLock(Lock);
    LARGE_INTEGER Old = *Addend;

    Addend->QuadPart = Old.QuadPart + Increment.QuadPart;
    ExpUnlock(Lock, Enable);
    return Old;
}

/*
 * Adds to a counter of events. Its halves are changed one after the other, so that no addition is
 * lost, but a reader may see it between the two (WDK: ExInterlockedAddLargeStatistic).
 */
VOID FASTCALL ExpInterlockedAddLargeStatistic(PLARGE_INTEGER Addend, ULONG Increment)
{
    __asm__ volatile("lock addl %2, %0\n\t"
                     "jnc 1f\n\t"
                     "lock addl $1, %1\n"
                     "1:"
                     : "+m"(Addend->u.LowPart), "+m"(Addend->u.HighPart)
                     : "r"(Increment)
                     : "cc", "memory");
}

/* Returns the value before; if that was *Comperand, it is *Exchange now. */
LONGLONG FASTCALL ExfInterlockedCompareExchange64(LONGLONG volatile *Destination,
                                                  PLONGLONG Exchange, PLONGLONG Comperand)
{
    return __sync_val_compare_and_swap(Destination, *Comperand, *Exchange);
}

LONGLONG FASTCALL ExpInterlockedCompareExchange64(LONGLONG volatile *Destination,
                                                  PLONGLONG Exchange, PLONGLONG Comperand,
                                                  PKSPIN_LOCK Lock)
{
    UNREFERENCED_PARAMETER(Lock);
    return __sync_val_compare_and_swap(Destination, *Comperand, *Exchange);
}

/* These three say no more of the new value than its sign: the processor's flags, once. */
static INTERLOCKED_RESULT ExpSignOf(LONG Value)
{
    if (Value == 0)
        return ResultZero;
    return Value < 0 ? ResultNegative : ResultPositive;
}

INTERLOCKED_RESULT FASTCALL Exfi386InterlockedIncrementLong(LONG volatile *Addend)
{
    return ExpSignOf(InterlockedIncrement(Addend));
}

INTERLOCKED_RESULT FASTCALL Exfi386InterlockedDecrementLong(PLONG Addend)
{
    return ExpSignOf(InterlockedDecrement(Addend));
}

ULONG FASTCALL Exfi386InterlockedExchangeUlong(PULONG Target, ULONG Value)
{
    return (ULONG)InterlockedExchange((PLONG)Target, (LONG)Value);
}

/* ---- The same under other names ----------------------------------------------------------------
 */

PLIST_ENTRY NTAPI ExpInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                               PKSPIN_LOCK Lock)
{
    return ExfInterlockedInsertHeadList(ListHead, ListEntry, Lock);
}

PLIST_ENTRY NTAPI ExpInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                               PKSPIN_LOCK Lock)
{
    return ExfInterlockedInsertTailList(ListHead, ListEntry, Lock);
}

PLIST_ENTRY NTAPI ExpInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    return ExfInterlockedRemoveHeadList(ListHead, Lock);
}

PSINGLE_LIST_ENTRY NTAPI ExpInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    return ExfInterlockedPopEntryList(ListHead, Lock);
}

PSINGLE_LIST_ENTRY NTAPI ExpInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                     PSINGLE_LIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    return ExfInterlockedPushEntryList(ListHead, ListEntry, Lock);
}

ULONG NTAPI ExpInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock)
{
    return ExfInterlockedAddUlong(Addend, Increment, Lock);
}

INTERLOCKED_RESULT NTAPI ExpInterlockedIncrementLong(PLONG Addend, PKSPIN_LOCK Lock)
{
    UNREFERENCED_PARAMETER(Lock);
    return Exfi386InterlockedIncrementLong(Addend);
}

INTERLOCKED_RESULT NTAPI ExpInterlockedDecrementLong(PLONG Addend, PKSPIN_LOCK Lock)
{
    UNREFERENCED_PARAMETER(Lock);
    return Exfi386InterlockedDecrementLong(Addend);
}

ULONG NTAPI ExpInterlockedExchangeUlong(PULONG Target, ULONG Value, PKSPIN_LOCK Lock)
{
    UNREFERENCED_PARAMETER(Lock);
    return Exfi386InterlockedExchangeUlong(Target, Value);
}

INTERLOCKED_RESULT NTAPI Exi386InterlockedIncrementLong(PLONG Addend)
{
    return Exfi386InterlockedIncrementLong(Addend);
}

INTERLOCKED_RESULT NTAPI Exi386InterlockedDecrementLong(PLONG Addend)
{
    return Exfi386InterlockedDecrementLong(Addend);
}

ULONG NTAPI Exi386InterlockedExchangeUlong(PULONG Target, ULONG Value)
{
    return Exfi386InterlockedExchangeUlong(Target, Value);
}

/* Of these the headers make the compiler's own. */
LONG FASTCALL ExpInterlockedIncrement(LONG volatile *Addend)
{
    return InterlockedIncrement(Addend);
}

LONG FASTCALL ExpInterlockedDecrement(LONG volatile *Addend)
{
    return InterlockedDecrement(Addend);
}

LONG FASTCALL ExpInterlockedExchange(LONG volatile *Target, LONG Value)
{
    return InterlockedExchange(Target, Value);
}

LONG FASTCALL ExpInterlockedExchangeAdd(LONG volatile *Addend, LONG Increment)
{
    return InterlockedExchangeAdd(Addend, Increment);
}

LONG FASTCALL ExpInterlockedCompareExchange(LONG volatile *Destination, LONG Exchange,
                                            LONG Comperand)
{
    return InterlockedCompareExchange(Destination, Exchange, Comperand);
}
