/* The executive's small parts: what the kernel asks of them beyond the DDK headers. */
#ifndef KERNEL_EX_EX_H
#define KERNEL_EX_EX_H

#include "kernel/nt.h"

/* IRQL: PASSIVE_LEVEL, once, before the first driver. */
NTSTATUS ExInitializeWorkers(VOID);    /* worker.c */
NTSTATUS ExpInitializeCallbacks(VOID); /* callback.c */


/* bugcallback.c: tells drivers that the machine stops. IRQL: HIGH_LEVEL. */
VOID ExpCallBugCheckCallbacks(VOID);

/* lookaside.c: fits the depths of all lookaside lists to their use. FALSE: there are no lists. */
BOOLEAN ExpAdjustLookasideDepths(VOID); /* IRQL: <= DISPATCH_LEVEL */

/* query.c: how programs ask for the state of events, semaphores, mutants and timers. */
typedef struct _EXP_QUERY {
    HANDLE Handle;
    ACCESS_MASK Access; /* that it takes */
    POBJECT_TYPE Type;
    ULONG Class; /* 0 is the only one */
} EXP_QUERY;
NTSTATUS ExpQueryObject(const EXP_QUERY *Query, VOID (*Read)(PVOID Object, PVOID Answer),
                        ULONG Bytes, PVOID Buffer, ULONG Length, PULONG ReturnLength);

extern POBJECT_TYPE ExpMutantType; /* mutantobject.c */

/* worker.c: something to do for the balance thread. IRQL: <= DISPATCH_LEVEL. */
VOID ExpWakeBalanceThread(VOID);

/* slist.S: where a pop reads memory that may be gone, and where it then begins again. */
extern const UCHAR ExpInterlockedPopEntrySListFault[], ExpInterlockedPopEntrySListResume[];

/*
 * Exported under older names (ExpXxx as ExXxx, or Xxx), which the headers give as macros or inline
 * functions. IRQL: any for those of interlocked.c.
 */
PLIST_ENTRY NTAPI ExpInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                               PKSPIN_LOCK Lock);
PLIST_ENTRY NTAPI ExpInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                               PKSPIN_LOCK Lock);
PLIST_ENTRY NTAPI ExpInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock);
PSINGLE_LIST_ENTRY NTAPI ExpInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock);
PSINGLE_LIST_ENTRY NTAPI ExpInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                     PSINGLE_LIST_ENTRY ListEntry,
                                                     PKSPIN_LOCK Lock);
ULONG NTAPI ExpInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock);
VOID FASTCALL ExpInterlockedAddLargeStatistic(PLARGE_INTEGER Addend, ULONG Increment);
LONGLONG FASTCALL ExpInterlockedCompareExchange64(LONGLONG volatile *Destination,
                                                  PLONGLONG Exchange, PLONGLONG Comperand,
                                                  PKSPIN_LOCK Lock);
INTERLOCKED_RESULT NTAPI ExpInterlockedIncrementLong(PLONG Addend, PKSPIN_LOCK Lock);
INTERLOCKED_RESULT NTAPI ExpInterlockedDecrementLong(PLONG Addend, PKSPIN_LOCK Lock);
ULONG NTAPI ExpInterlockedExchangeUlong(PULONG Target, ULONG Value, PKSPIN_LOCK Lock);
INTERLOCKED_RESULT NTAPI Exi386InterlockedIncrementLong(PLONG Addend);
INTERLOCKED_RESULT NTAPI Exi386InterlockedDecrementLong(PLONG Addend);
ULONG NTAPI Exi386InterlockedExchangeUlong(PULONG Target, ULONG Value);
LONG FASTCALL ExpInterlockedIncrement(LONG volatile *Addend);
LONG FASTCALL ExpInterlockedDecrement(LONG volatile *Addend);
LONG FASTCALL ExpInterlockedExchange(LONG volatile *Target, LONG Value);
LONG FASTCALL ExpInterlockedExchangeAdd(LONG volatile *Addend, LONG Increment);
LONG FASTCALL ExpInterlockedCompareExchange(LONG volatile *Destination, LONG Exchange,
                                            LONG Comperand);
PVOID NTAPI ExpAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside);
VOID NTAPI ExpFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry);

/* pushlock.c: exported, and not in the headers. IRQL: <= APC_LEVEL, in a critical region. */
VOID NTAPI ExpInitializePushLock(PEX_PUSH_LOCK PushLock); /* exported as ExInitializePushLock */
VOID FASTCALL ExfAcquirePushLockExclusive(PEX_PUSH_LOCK PushLock);
VOID FASTCALL ExfAcquirePushLockShared(PEX_PUSH_LOCK PushLock);
BOOLEAN FASTCALL ExfTryAcquirePushLockShared(PEX_PUSH_LOCK PushLock);
VOID FASTCALL ExfReleasePushLock(PEX_PUSH_LOCK PushLock); /* whichever way it is held */
VOID FASTCALL ExfReleasePushLockExclusive(PEX_PUSH_LOCK PushLock);
VOID FASTCALL ExfReleasePushLockShared(PEX_PUSH_LOCK PushLock);
VOID FASTCALL ExfTryToWakePushLock(PEX_PUSH_LOCK PushLock);

#endif
