/*
 * Memory: frames, the shared kernel half, process halves, faults, pools.
 *
 * Lock order, outermost first:
 *   MM_SPACE.Lock (fast mutex)                  a process's VADs and the PTEs of its half; user
 *                                               memory is never touched while it is held
 *   MiSystemPteLock, pool page locks (spin)     bitmaps of kernel address ranges
 *   MmPfnLock (spin)                            frame states and lists, commit charge, kernel PTEs
 *                                               that change between valid and demand-zero
 */
#ifndef MM_MM_H
#define MM_MM_H

#include "kernel/nt.h"
#include "kernel/ke/ke.h"
#include "mm/layout.h"
#include "mm/pte.h"

#define MI_NO_FRAME ((PFN_NUMBER)-1)

#define PAGE_FAULT_PRESENT 0x01
#define PAGE_FAULT_WRITE   0x02
#define PAGE_FAULT_USER    0x04
#define PAGE_FAULT_FETCH   0x10

/* A frame's state; the numbers are Windows'. A frame is in exactly one, and on exactly the list
 * that the state names if it names one. */
typedef enum _MMLISTS {
    ZeroedPageList,   /* free, and filled with zeros */
    FreePageList,     /* free, contents unknown */
    StandbyPageList,  /* (reclaimable, contents still good: not yet) */
    ModifiedPageList, /* (to be written out first: not yet) */
    ModifiedNoWritePageList,
    BadPageList,    /* not memory, or not ours */
    ActiveAndValid, /* in use */
    TransitionPage  /* in use, but its PTE is not valid */
} MMLISTS;

/* One entry of the PFN database: a page frame of physical memory. */
typedef struct _MMPFN {
    ULONG Flink;           /* next in the list of its state; active: not used */
    PMMPTE PteAddress;     /* the PTE that maps an active frame, if it is one */
    ULONG Blink;           /* previous in the list; active: share count */
    USHORT ReferenceCount; /* 1 for all shares, and 1 for each lock */
    UCHAR PageLocation;    /* MMLISTS */
    UCHAR Usage;           /* MI_USAGE: what an active frame is used for, for those who look */
    MMPTE OriginalPte;
    ULONG PteFrame; /* the frame of the page table that maps it */
} MMPFN, *PMMPFN;

C_ASSERT(sizeof(MMPFN) == 24);

typedef enum _MI_USAGE {
    UsageNone,
    UsageKernel,    /* image, PFN database, kernel page tables, boot modules */
    UsageNonPaged,  /* nonpaged pool */
    UsagePaged,     /* paged pool */
    UsageStack,     /* kernel stacks */
    UsageDriver,    /* driver images */
    UsageDirectory, /* page directories */
    UsageTable,     /* user page tables */
    UsageProcess,   /* user memory */
    UsageShared,    /* KUSER_SHARED_DATA */
    UsageDevice,    /* contiguous and noncached memory, for drivers' devices */
    UsageMdl,       /* of MmAllocatePagesForMdl: known by frame alone */
    UsageSection,   /* of a section: all its views have it */
    UsageOrphan,    /* let go by its owner, but not by all who share or lock it */
    MI_USAGES
} MI_USAGE;

/* Memory that its owner may free while somebody has it locked. */
#define MiIsPageableUsage(Usage)                                                                   \
    ((Usage) == UsageProcess || (Usage) == UsagePaged || (Usage) == UsageSection)

/* init.c: IRQL: before there are threads. */
PCSTR MmInitializeTables(VOID); /* the shared half; NULL, or why it cannot be */
VOID MmInitializeSystem(VOID);  /* the rest: frame lists, pools */

/* frame.c: IRQL <= DISPATCH_LEVEL. */
extern PMMPFN MmPfnDatabase;
extern ULONG MmHighestPhysicalPage;
extern ULONG MmNumberOfPhysicalPages;
extern ULONG MmAvailablePages;
extern KSPIN_LOCK MmPfnLock;

typedef enum _MI_ZONE { ZoneWindow, ZoneAny, MI_ZONES = 2 } MI_ZONE;
PFN_NUMBER MiAllocateFrame(MI_ZONE Zone, MI_USAGE Usage, PMMPTE Pte); /* contents unknown */
PFN_NUMBER MiAllocateZeroedFrame(MI_ZONE Zone, MI_USAGE Usage, PMMPTE Pte);
VOID MiFreeFrame(PFN_NUMBER Frame);

typedef struct _MI_FRAME_RANGE {
    PFN_NUMBER First, Last;
    PFN_NUMBER Boundary; /* whose multiples no run may cross; 0: none */
} MI_FRAME_RANGE;
PFN_NUMBER MiAllocateFrameRun(const MI_FRAME_RANGE *Range, ULONG Pages, MI_USAGE Usage, PMMPTE Pte);
BOOLEAN MiIsMemoryFrame(PFN_NUMBER Frame);
BOOLEAN MiLockFrame(PFN_NUMBER Frame);
VOID MiUnlockFrame(PFN_NUMBER Frame);
VOID MiShareFrame(PFN_NUMBER Frame);
VOID MiUnshareFrame(PFN_NUMBER Frame);
VOID MiInitializeFrames(ULONG FirstTaken, ULONG TakenCount);
#define MI_FIRST_USABLE_FRAME 16 /* below: the BIOS, and room to start other processors from */
ULONG MiCountFrames(MMLISTS State);
ULONG MiCountUsage(MI_USAGE Usage);

/* commit.c: pages promised. IRQL <= DISPATCH_LEVEL. */
extern ULONG MmTotalCommittedPages, MmTotalCommitLimit, MmPeakCommitment;
BOOLEAN MiChargeCommitment(ULONG Pages);
VOID MiReturnCommitment(ULONG Pages);
VOID MiKeepCommitment(ULONG Pages);
VOID MiInitializeCommitment(VOID);

/* window.c: a frame's contents. Frames beyond the window go through a slot of this processor's;
 * IRQL is raised to DISPATCH_LEVEL between Map and Unmap. */
PVOID MiMapFrame(PFN_NUMBER Frame, PKIRQL OldIrql);
VOID MiUnmapFrame(PVOID Va, KIRQL OldIrql);
VOID MiZeroFrame(PFN_NUMBER Frame);

static inline PVOID MiWindow(PFN_NUMBER Frame)
{
    return (PVOID)(MI_WINDOW_BASE + (Frame << PAGE_SHIFT));
}

/* kernelspace.c: the shared half. */
extern PMMPTE MmSystemPtes;         /* the 524,288 PTEs of the upper half */
extern MMPTE MmDirectoryTemplate[]; /* what every page directory begins as; read-only by then */
static inline PMMPTE MiSystemPte(const VOID *Va)
{
    return &MmSystemPtes[((ULONG_PTR)Va - MI_SYSTEM_BASE) >> PAGE_SHIFT];
}
ULONG MiCountFreeSystemPtes(VOID);
PVOID MiReserveSystemPtes(ULONG Pages);                   /* address space only; NULL: none left */
VOID MiReleaseSystemPtes(PVOID Va, ULONG Pages);          /* after unmapping */
PVOID MiAllocateSystemPages(ULONG Pages, MI_USAGE Usage); /* with writable frames behind it */
VOID MiFreeSystemPages(PVOID Va, ULONG Pages);
VOID MiMapSystemPage(PVOID Va, PFN_NUMBER Frame, ULONG Protection); /* MM_xxx of pte.h */
VOID MiUnmapSystemRange(PVOID Va, ULONG Pages);
VOID MiReleaseMapping(PVOID Va, ULONG Pages);
NTSTATUS MiFillSystemRange(PVOID Va, ULONG Pages, MI_USAGE Usage, BOOLEAN Zero);
VOID MiEmptySystemRange(PVOID Va, ULONG Pages);
VOID MiSetSystemProtection(PVOID Va, ULONG Pages, ULONG Protection);
PVOID MmCreateKernelStack(VOID); /* the top; a guard page lies below. NULL: no memory */
VOID MmDeleteKernelStack(PVOID StackTop);

/*
 * Memory descriptor lists. Drivers use what the DDK headers declare.
 *
 * mdl.c   the lists themselves      lock.c   frames locked and unlocked      map.c   mappings
 */

/* MmProbeAndLockPages, but what it raises is returned. IRQL <= APC_LEVEL, or <= DISPATCH_LEVEL if
 * the memory is nonpageable; of user memory the current process's is meant, whose lock is free. */
NTSTATUS MmTryToLockPages(PMDL Mdl, KPROCESSOR_MODE Mode, LOCK_OPERATION Operation);

static inline ULONG MiMdlPages(const MDL *Mdl)
{
    return ADDRESS_AND_SIZE_TO_SPAN_PAGES(Mdl->ByteOffset, Mdl->ByteCount);
}

/* Is it mapped into system space, and not only a part of one that is? */
static inline BOOLEAN MiHasOwnMapping(const MDL *Mdl)
{
    return (Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_PARENT_MAPPED_SYSTEM_VA)) ==
           MDL_MAPPED_TO_SYSTEM_VA;
}

/* contiguous.c: the frames that lie in [Low, High] entirely. FALSE: there can be none. */
BOOLEAN MiMakeFrameRange(PHYSICAL_ADDRESS Low, PHYSICAL_ADDRESS High, MI_FRAME_RANGE *Range);

/* poolpages.c: whole pages for the pools. */
VOID MiInitializePoolPages(VOID);
ULONG MiPoolPagesInUse(POOL_TYPE PoolType);

/* fault.c: IRQL of the trap. NTSTATUS of success: retry the instruction. */
NTSTATUS MmAccessFault(ULONG ErrorCode, PVOID Address, KPROCESSOR_MODE Mode, PKTRAP_FRAME Frame);

/* The same without an instruction. STATUS_SUCCESS: the page was valid for a moment, at least.
 * IRQL <= APC_LEVEL; the first of the current space, whose lock is not held. */
NTSTATUS MiMakeUserPageValid(ULONG_PTR Address, BOOLEAN Write);
NTSTATUS MiMakeSystemPageValid(ULONG_PTR Address, BOOLEAN Write);

/* Pageable memory out of reach and back (Driver Verifier). IRQL: any. */
VOID MiHideSystemPage(PVOID Va);
BOOLEAN MiShowSystemPage(PMMPTE Pte);
VOID MiHidePagedPool(VOID); /* poolpages.c */

/* What is behind one page directory's lower half. Embedded in EPROCESS; KPROCESS points to it. */
typedef struct _MM_SPACE {
    ULONG_PTR DirectoryTableBase; /* physical address of the page directory */
    FAST_MUTEX Lock;              /* guards all below, and the PTEs of the lower half */
    LIST_ENTRY VadList;           /* MMVAD.ListEntry, ascending */
    LIST_ENTRY SecureList;        /* ranges that are to stay as they are (secure.c) */
    ULONG CommitCharge;           /* pages promised to private memory */
    ULONG PrivatePages;           /* frames behind the lower half */
    ULONG PageTables;             /* page tables of the lower half */
    volatile LONG LockedPages;    /* by MDLs that describe its memory; interlocked */
    BOOLEAN Deleted;              /* the process is ending: no more memory */
} MM_SPACE, *PMM_SPACE;

/* space.c: IRQL <= APC_LEVEL. */
NTSTATUS MmCreateSpace(PMM_SPACE Space);
VOID MmCleanSpace(PMM_SPACE Space);  /* frees all user memory; the caller runs in this space */
VOID MmDeleteSpace(PMM_SPACE Space); /* frees the directory; no processor has it in CR3 */
VOID MmInitializeSystemSpace(PMM_SPACE Space);
PMM_SPACE MmGetCurrentSpace(VOID); /* the one in CR3 */

/* The rest: Space->Lock is held. */
PMMPTE MiUserPte(PMM_SPACE Space, ULONG_PTR Va); /* NULL: no page table there */
NTSTATUS MiCreateUserTables(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End);
NTSTATUS MiCommitRange(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End, ULONG Protection);
VOID MiDecommitRange(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End);
VOID MiProtectUserPte(PMMPTE Pte, ULONG_PTR Va, ULONG Protection);

/* view.c: what views share. Space->Lock is held where a VAD or a PTE is given. */
typedef struct _MI_SEGMENT {
    ULONG Pages;
    const UCHAR *Data; /* what its pages begin as, zeros behind; in the window for good */
    ULONG DataSize;    /* 0: all zeros */
    MMPTE *Prototypes; /* nonpaged */
} MI_SEGMENT, *PMI_SEGMENT;

struct _MMVAD;
PMMPTE MiPrototypeOf(const struct _MMVAD *Vad, ULONG_PTR Va);
NTSTATUS MiMakePrototypeValid(PMI_SEGMENT Segment, ULONG Page);
NTSTATUS MiResolveViewFault(const struct _MMVAD *Vad, PMMPTE Pte, ULONG_PTR Va);
NTSTATUS MiCopyOnWrite(PMM_SPACE Space, PMMPTE Pte, ULONG_PTR Va);
VOID MiUnmapView(PMM_SPACE Space, const struct _MMVAD *Vad);
NTSTATUS MiCommitSegment(PMI_SEGMENT Segment, ULONG First, ULONG Pages);
VOID MiDeleteSegment(PMI_SEGMENT Segment);

/* vad.c: what each range of a lower half is for. Space->Lock is held. */
typedef struct _MMVAD {
    LIST_ENTRY ListEntry;
    ULONG_PTR Start, End; /* first byte; first byte after: page aligned */
    ULONG Protect;        /* PAGE_xxx as first asked */
    ULONG Type;           /* MEM_PRIVATE, MEM_IMAGE or MEM_MAPPED */
    BOOLEAN Stack;        /* grows down by its guard page */
    BOOLEAN Borrowed;     /* a driver has mapped others' frames there (map.c) */
    PMI_SEGMENT Segment;  /* a view of this one, with a reference to its object; NULL: none */
    ULONG FirstPage;      /* of the segment's */
    ULONG CopyCharge;     /* pages that the process may get for its own by writing */
} MMVAD, *PMMVAD;
PMMVAD MiFindVad(PMM_SPACE Space, ULONG_PTR Address);
PMMVAD MiNextVad(PMM_SPACE Space, ULONG_PTR Address); /* the first that ends above Address */
NTSTATUS MiInsertVad(PMM_SPACE Space, ULONG_PTR *Base, SIZE_T Size, ULONG Protect, ULONG Type,
                     BOOLEAN TopDown, PMMVAD *Vad); /* *Base 0: anywhere */
VOID MiDeleteVad(PMM_SPACE Space, PMMVAD Vad);      /* with its memory */

/* map.c, for reserved.c: stops unless an MDL's frames are held; maps them where a caller has
 * reserved the addresses, all but MappedSystemVa. */
VOID MiCheckMappable(PMDL Mdl);
VOID MiMapMdlFrames(PMDL Mdl, PUCHAR Va, MEMORY_CACHING_TYPE CacheType, ULONG Priority);

/* secure.c: Space->Lock is held. May the range lose its pages, or get this MM_xxx protection? */
#define MI_NO_PAGES MM_DECOMMIT
BOOLEAN MiMayChange(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End, ULONG Protection);
VOID MiForgetSecured(PMM_SPACE Space); /* the process ends */

/* virtual.c: memory of the current process, for the kernel's own use. IRQL: PASSIVE_LEVEL. */
NTSTATUS MmAllocateUserMemory(PVOID *Base, SIZE_T Bytes, BOOLEAN TopDown);
NTSTATUS MmAllocateUserStack(SIZE_T Reserve, SIZE_T Commit, PVOID *Top, PVOID *Limit, PVOID *Base);
NTSTATUS MmReserveImage(PVOID *Base, SIZE_T Bytes); /* writable until MmProtectImage */
NTSTATUS MmFreeUserMemory(PVOID Base);
VOID MmProtectUserPage(PVOID Va, ULONG Protect);

/* flush.c: shootdowns. When they return, no processor has the old translation. Interrupts are
 * enabled, or this is the only processor; IRQL <= IPI_LEVEL. */
VOID MiFlushSystemPages(PVOID Va, ULONG Pages);
VOID MiFlushAll(VOID); /* on this processor only; IRQL: any */
VOID MiFlushUserPages(PMM_SPACE Space, PVOID Va, ULONG Pages);

/* space.c, for kernel/ke/startap.c */
NTSTATUS MiCreateStartupSpace(PMM_SPACE Space);
VOID MiDeleteStartupSpace(PMM_SPACE Space);

#endif
