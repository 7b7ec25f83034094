/*
 * What crash.sys can be asked to do wrong: one request (IOCTL) for each mistake. Shared by the
 * driver and by drvcrash.exe, which takes the mistake's name from its command line.
 *
 * Every request is METHOD_BUFFERED. Input: CRASH_INPUT. Include the DDK headers, or a program's own
 * nt.h, before this file.
 */
#ifndef CRASH_H
#define CRASH_H

#define CRASH_DEVICE_NAME L"\\Device\\Crash"
#define CRASH_LINK_NAME   L"\\DosDevices\\Crash"

/*
 * X(the driver's routine, name on the command line), in the order of their request codes. Next to
 * each: the bug check and its parameters, or "none".
 */
#define CRASH_MISTAKES(X)                                                                          \
    /* Paged memory and IRQL. */                                                                   \
    X(ReadPagedAtDispatch, "paged-read")         /* D1: address, 2, 0, instruction */              \
    X(WritePagedAtDispatch, "paged-write")       /* D1: address, 2, 1, instruction */              \
    X(ReadResidentAtDispatch, "paged-resident")  /* none: the page happens to be there */          \
    X(PagedCodeAtDispatch, "paged-code")         /* none: PAGED_CODE is empty in a free build */   \
    X(AllocatePagedAtDispatch, "paged-allocate") /* C2: 8, 2, 1, bytes */                          \
    X(FreePagedAtDispatch, "paged-free")         /* C2: 9, 2, 1, address */                        \
    /* Pool. */                                                                                    \
    X(FreeTwiceNonPaged, "double-free")     /* C2: 7, 0, header, address */                        \
    X(FreeTwicePaged, "double-free-paged")  /* C2: 7, 0, header, address */                        \
    X(FreeTwiceBig, "double-free-big")      /* C2: 46, address, 0, 0 */                            \
    X(FreeWithWrongTag, "wrong-tag")        /* C2: A, address, 'GooD', 'BaaD' */                   \
    X(FreeBigWithWrongTag, "wrong-tag-big") /* C2: A, address, 'GooD', 'BaaD' */                   \
    X(OverrunNonPaged, "overrun")           /* 19: 20, block, next block, its header */            \
    X(OverrunPaged, "overrun-paged")        /* 19: 20, block, next block, its header */            \
    X(UnderrunNonPaged, "underrun")         /* C2: 99, address, 0, 0 */                            \
    X(FreeUserAddress, "free-user")         /* C2: 40, address, start of system space, 0 */        \
    X(FreeImageAddress, "free-image")       /* C2: 42, address, 0, 0 */                            \
    /* MDLs. What a checked kernel says instead is marked so. */                                   \
    X(UnlockUnlocked, "mdl-unlock")            /* 76: 1, MDL, 0, 0 */                              \
    X(UnlockPart, "mdl-unlock-part")           /* 76: 1, MDL, 1, 0; checked C4: B4, MDL */         \
    X(UnlockPool, "mdl-unlock-pool")           /* 76: 1, MDL, 0, 0; checked C4: 7D, MDL */         \
    X(LeaveLocked, "mdl-left")                 /* 76: 0, process, 1, 0 */                          \
    X(LockTwice, "mdl-lock-twice")             /* 76: 0, process, 1, 0; checked C4: B0, MDL */     \
    X(FreeMapped, "mdl-free-mapped")           /* 76: 0, process, 1, 0; checked C4: B8, MDL */     \
    X(LockNull, "mdl-lock-null")               /* 1E: C0000005, instruction, 0, 0 */               \
    X(LockSystemForUser, "mdl-lock-system")    /* 1E: C0000005, instruction, 0, 0 */               \
    X(LockTextToWrite, "mdl-lock-text")        /* 1E: C0000005, instruction, 0, 0 */               \
    X(BuildPaged, "mdl-build-paged")           /* 1A: 1240, MDL; checked C4: 7F, 0, MDL */         \
    X(MakePartTooLarge, "mdl-too-small")       /* 40: 0, 0, 0, 0 */                                \
    X(FreeLockedPool, "mdl-pool-freed")        /* 4E: 9A, frame, 6, 2 */                           \
    X(MapUnlocked, "mdl-map-unlocked")         /* 1A: 1233, frame, 0, 0 */                         \
    X(MapTwice, "mdl-map-twice")               /* none; checked C4: B2, MDL */                     \
    X(MapWhereSomethingIs, "mdl-map-conflict") /* 1E: C0000018, instruction, 0, 0 */               \
    X(UnmapUnmapped, "mdl-unmap")              /* DA: 6, MDL, address, 1 */                        \
    X(WriteProtectedMapping, "mdl-write")      /* BE: address, its PTE, 0, 0 */                    \
    X(FreePagesTwice, "mdl-pages-twice")       /* 76: 1, MDL, 0, 0 */                              \
    X(FreeReservedMapped, "reserved-mapped")   /* DA: 103, address, tag, 2 */                      \
    X(FreeReservedOther, "reserved-tag")       /* DA: 101, address, tag, owner's tag */            \
    X(MapReservedTwice, "reserved-twice")      /* DA: 107, address, address, last address */       \
    X(UnmapReserved, "reserved-unmap")         /* DA: 10B, address, tag, 1 */                      \
    X(FreeContiguousMiddle, "contiguous")      /* DA: 304, address, 1, 0 */                        \
    X(FreeContiguousPart, "contiguous-part")   /* DA: 305, address, 1, 2 */                        \
    X(FreeNotContiguous, "contiguous-none")    /* DA: 302, address, 0, 0 */                        \
    X(UnlockSectionTwice, "section-unlock")    /* 1A: 1010, handle, 0, 0 */                        \
    X(LockNoSection, "section-none")           /* 1A: 1234, address, 0, 0 */                       \
    /* Bad addresses. */                                                                           \
    X(ReadNull, "null")                    /* 1E: C0000005, instruction, 0, 0 */                   \
    X(WriteNull, "null-write")             /* 1E: C0000005, instruction, 1, 0 */                   \
    X(ReadNullAtDispatch, "null-dispatch") /* D1: 0, 2, 0, instruction */                          \
    X(ReadUnmapped, "unmapped")            /* 50: A0000000, 0, instruction, 0 */                   \
    X(WriteOwnText, "write-text")          /* BE: address, its PTE, 0, 0 */                        \
    X(ExecuteUserMemory, "execute-user")   /* FC: address, its PTE or 0, 0, 0 */                   \
    /* Exceptions. */                                                                              \
    X(OverflowStack, "stack")             /* 7F: 8, task-state segment, 0, 0 */                    \
    X(DivideByZero, "divide")             /* 1E: C0000094, instruction, 0, 0 */                    \
    X(ExecuteUndefined, "undefined")      /* 1E: C000001D, instruction, 0, 0 */                    \
    X(ExecuteBreakpoint, "breakpoint")    /* 1E: 80000003, instruction, 0, 0 */                    \
    X(ExceedBound, "bound")               /* 7F: 5, 0, 0, 0 */                                     \
    X(BreakChain, "chain")                /* 1E: C00000B5, instruction, 0, 0 */                    \
    X(LowerStackInHandler, "lower-stack") /* 30: new ESP, old ESP, frame, 0 */                     \
    /* Floating point. */                                                                          \
    X(UseFloatUnsaved, "float")              /* 7F: 7, 0, 0, 0 */                                  \
    X(UseFloatUnsavedInDpc, "float-dpc")     /* 7F: 7, 0, 0, 0 */                                  \
    X(RestoreFloatAtDispatch, "float-irql")  /* E7: 1, 0, 2, 0 */                                  \
    X(RestoreFloatTwice, "float-twice")      /* E7: 0, 0, 0, 0 */                                  \
    X(RestoreFloatOutOfOrder, "float-order") /* E7: 2, the thread, the thread, 0 */                \
    /* The dispatcher's rules, and a driver that gives up. */                                      \
    X(WaitAtDispatch, "wait-dispatch")                    /* 0A: object, 2, 0, instruction */      \
    X(WaitHoldingSpinLock, "wait-spinlock")               /* 0A: object, 2, 0, instruction */      \
    X(WaitInDpc, "wait-dpc")                              /* B8: the thread, ... */                \
    X(WaitAtDispatchWithTimeout, "wait-dispatch-timeout") /* 0A: object, 2, 0, instruction */      \
    X(WaitForQueueAtDispatch, "wait-queue")               /* 0A: queue, 2, 0, instruction */       \
    X(WaitForTooMany, "wait-65")                          /* 0C: 0, 0, 0, 0 */                     \
    X(WaitWithoutBlocks, "wait-4")                        /* 0C: 0, 0, 0, 0 */                     \
    X(ExceedSemaphoreLimit, "semaphore-limit")            /* 1E: C0000047, instruction, 0, 0 */    \
    X(ReleaseFreeMutex, "mutex-free")                     /* 1E: C0000046, instruction, 0, 0 */    \
    X(ReleaseAnothersMutex, "mutex-anothers")             /* 1E: C0000046, instruction, 0, 0 */    \
    X(ReleaseAbandonedMutant, "mutex-abandoned")          /* 1E: 80, instruction, 0, 0 */          \
    X(ReleaseMutexOfDpc, "mutex-dpc")                     /* 1E: C0000046, instruction, 0, 0 */    \
    X(TakeMutexTooOften, "mutex-too-often")               /* 1E: C0000191, instruction, 0, 0 */    \
    X(ReturnOwningMutex, "mutex-return")       /* 01: the service's return address, 0, FFFF, 0 */  \
    X(EndOwningMutex, "mutex-end")             /* 4000008A: thread, mutex, 0, 0 */                 \
    X(EndInRegion, "region-end")               /* 20: 0, FFFF, 2, 0 */                             \
    X(ReturnInGuarded, "region-return")        /* 01: return address, 0, FFFF0000, 0 */            \
    X(ReturnAtDispatchFromApc, "apc-dispatch") /* C8: 20100, kernel routine, APC, 0 */             \
    X(DetachWithApc, "apc-detach")             /* 06: 0, 0, 0, 0 */                                \
    X(DetachTwice, "detach-twice")             /* 06: 0, 0, 0, 0 */                                \
    X(EndAttached, "attached-end")             /* 05: own process, the other one, 1, 0 */          \
    X(RaiseToLowerIrql, "raise-lower")         /* 09: 2, 0, 0, 0 */                                \
    X(LowerToHigherIrql, "lower-higher")       /* 0A: 2, 0, 0, instruction */                      \
    X(ReturnAtDispatch, "return-dispatch")     /* 4A: the service's return address, 2, 0, 0 */     \
    X(CallBugCheck, "bugcheck")                /* C0FFEE: 1, 2, 3, 4 */                            \
    /* Locks. What only a checked kernel finds is marked so; else "none", or the machine hangs. */ \
    X(AcquireSpinLockTwice, "spinlock-twice")           /* 0F: lock; one processor or checked */   \
    X(AcquireQueuedLockTwice, "queuedlock-twice")       /* 0F: lock; one processor or checked */   \
    X(ReleaseQueuedLockTwice, "queuedlock-release")     /* 10: lock */                             \
    X(ReleaseFreeSpinLock, "spinlock-release")          /* checked 10: lock */                     \
    X(AcquireSpinLockAtPassive, "spinlock-passive")     /* checked C4: 40, 0, lock, 0 */           \
    X(LowerOwningSpinLock, "spinlock-lower")            /* checked C4: 31, 2, 0, 0 */              \
    X(KeepSpinLock, "spinlock-keep")                    /* checked 0F: lock; two processors */     \
    X(InvertSpinLocks, "order-spinlocks")               /* checked C4: 1001, lock, 0, 0 */         \
    X(InvertMutexes, "order-mutexes")                   /* checked C4: 1001, lock, 0, 0 */         \
    X(AcquireFastMutexAtDispatch, "fastmutex-dispatch") /* 09: 2, 1; checked C4: 33, 2, mutex */   \
    X(AcquireFastMutexTwice, "fastmutex-twice")         /* checked C4: 1000, mutex, 0, 0 */        \
    X(ReleaseAnothersFastMutex, "fastmutex-anothers")   /* checked 11: mutex, owner, thread */     \
    X(EndOwningFastMutex, "fastmutex-end")              /* checked C4: 100A, thread, mutex, 0 */   \
    X(AcquireResourceWithApcs, "resource-apcs")         /* checked C4: 37, 0, 0, resource */       \
    X(SetEventAtHighLevel, "event-high")                /* checked C4: 80, 1F, event, 0 */         \
    X(CancelTimerAtHighLevel, "timer-high") /* checked 0A: routine, 1F, 8, instruction */          \
    /* Processors that do not come back, and stacks that nearly end: checked only. */              \
    X(SpinInDpc, "stuck-dpc")              /* checked 133: 0, 1F5, 1F4, 0 */                       \
    X(SpinAtDispatch, "stuck-dispatch")    /* checked 133: 1, 3E8, 0, 0 */                         \
    X(SpinAtHighLevel, "stuck-high")       /* checked 101: 1F4, 0, processor, 0; two */            \
    X(NearlyOverflowStack, "stack-nearly") /* none, but a checked kernel says it */                \
    /* For Driver Verifier (docs/verifier.md). */                                                  \
    X(UseFreedPool, "after-free")              /* verified D5: address, 0, instruction, 0 */       \
    X(LeakPool, "leak")                        /* verified, at unload C4: 62, name, 0, 1 */        \
    X(WriteBehind, "behind")                   /* verified C1: address, byte, bytes, 24 */         \
    X(WriteBeyond, "beyond")                   /* verified D6: address, 1, instruction, 0 */       \
    X(WriteBefore, "before")                   /* verified C1: address, byte, bytes, 23 */         \
    X(FreeAgain, "free-again")                 /* verified C4: 13, address, tag, 0 */              \
    X(CompleteAsPending, "irp-complete")       /* verified C9: 6, 103, packet, 0 */                \
    X(ReturnPendingUnmarked, "irp-unmarked")   /* verified C9: 23D, routine, packet, device */     \
    X(ReturnSuccessMarked, "irp-marked")       /* verified C9: 23E, routine, packet, device */

#define CRASH_ENUMERATOR(Routine, Name) Crash##Routine,
typedef enum _CRASH_MISTAKE { CRASH_MISTAKES(CRASH_ENUMERATOR) CrashMistakes } CRASH_MISTAKE;
#undef CRASH_ENUMERATOR

typedef struct _CRASH_INPUT {
    ULONG UserAddress; /* an address of the caller's, with a return instruction (C3) at it */
} CRASH_INPUT, *PCRASH_INPUT;

#define IOCTL_CRASH(Mistake)                                                                       \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (Mistake), METHOD_BUFFERED, FILE_ANY_ACCESS)

#endif
