/*
 * The PFN database: which page frame is in which state, and the lists of the free ones.
 *
 * Invariant: every frame is in exactly one state and, if that is zeroed or free, on exactly one
 * list; MiStateCount adds up to the frames there are. All under MmPfnLock.
 *
 * An active frame has an owner, whose page it is. Others may hold it, too: who has it in a view
 * shares it (the share count, in which the owner is one), and who transfers data locks it (the
 * reference count, in which all sharers together are one). It is free when both are 0. An owner
 * that lets go first leaves an orphan, and with it the commitment that it has charged for the page:
 * the last one who holds the orphan returns that.
 *
 * Frames below 512 MB lie in the window and can hold page tables; those above cannot. So there is
 * a pair of lists for each zone, and whoever does not care is served from above the window first.
 */
#include "mm/mm.h"
#include "boot/loader.h"

#define WINDOW_FRAMES (MI_WINDOW_SIZE >> PAGE_SHIFT)
#define LIST_END      ((ULONG)MI_NO_FRAME)

PMMPFN MmPfnDatabase;
ULONG MmHighestPhysicalPage;   /* index of the last entry of the database */
ULONG MmNumberOfPhysicalPages; /* frames that are memory */
ULONG MmAvailablePages;        /* zeroed + free (+ standby) */
KSPIN_LOCK MmPfnLock;

static ULONG MiListHeads[MI_ZONES][2]; /* [zone][ZeroedPageList or FreePageList] */
static ULONG MiStateCount[TransitionPage + 1];
static ULONG MiUsageCount[MI_USAGES];

static MI_ZONE MiZoneOf(ULONG Frame)
{
    return Frame < WINDOW_FRAMES ? ZoneWindow : ZoneAny;
}

static VOID MiSetState(PMMPFN Pfn, MMLISTS State)
{
    MiStateCount[Pfn->PageLocation]--;
    MiStateCount[State]++;
    Pfn->PageLocation = (UCHAR)State;
}

static VOID MiSetUsage(PMMPFN Pfn, MI_USAGE Usage)
{
    MiUsageCount[Pfn->Usage]--;
    MiUsageCount[Usage]++;
    Pfn->Usage = (UCHAR)Usage;
}

static VOID MiInsertFrame(ULONG Frame, MMLISTS State)
{
    ULONG *Head = &MiListHeads[MiZoneOf(Frame)][State];
    PMMPFN Pfn = &MmPfnDatabase[Frame];

    Pfn->Flink = *Head;
    Pfn->Blink = LIST_END;
    if (*Head != LIST_END)
        MmPfnDatabase[*Head].Blink = Frame;
    *Head = Frame;
    MiSetState(Pfn, State);
    MmAvailablePages++;
}

/* Takes a free frame off its list and makes it active. */
static VOID MiUnlinkFrame(ULONG Frame)
{
    PMMPFN Pfn = &MmPfnDatabase[Frame];

    if (Pfn->Blink == LIST_END)
        MiListHeads[MiZoneOf(Frame)][Pfn->PageLocation] = Pfn->Flink;
    else
        MmPfnDatabase[Pfn->Blink].Flink = Pfn->Flink;
    if (Pfn->Flink != LIST_END)
        MmPfnDatabase[Pfn->Flink].Blink = Pfn->Blink;
    MiSetState(Pfn, ActiveAndValid);
    MmAvailablePages--;
}

/* Takes the first frame off a list. MI_NO_FRAME: the list is empty. */
static ULONG MiTakeFrame(MI_ZONE Zone, MMLISTS State)
{
    ULONG Frame = MiListHeads[Zone][State];
    PMMPFN Pfn;

    if (Frame == LIST_END)
        return MI_NO_FRAME;
    Pfn = &MmPfnDatabase[Frame];
    if (Pfn->PageLocation != State || Pfn->ReferenceCount)
        KeBugCheckEx(PFN_LIST_CORRUPT, 0x99, Frame, Pfn->PageLocation, 0);
    MiUnlinkFrame(Frame);
    return Frame;
}

/* Tries the zones that will do, in each the preferred state first; says what state it found. */
static ULONG MiTakeAnyFrame(MI_ZONE Zone, MMLISTS Preferred, MMLISTS *Found)
{
    MMLISTS Order[2] = {Preferred, Preferred == FreePageList ? ZeroedPageList : FreePageList};
    ULONG Frame, i;

    for (;; Zone = ZoneWindow) {
        for (i = 0; i < 2; i++) {
            *Found = Order[i];
            Frame = MiTakeFrame(Zone, Order[i]);
            if (Frame != LIST_END)
                return Frame;
        }
        if (Zone == ZoneWindow)
            return LIST_END;
    }
}

/* What has been taken off its list gets its owner. */
static VOID MiOwnFrame(ULONG Frame, MI_USAGE Usage, PMMPTE Pte)
{
    PMMPFN Pfn = &MmPfnDatabase[Frame];

    Pfn->Flink = 0;
    Pfn->Blink = 1;
    Pfn->ReferenceCount = 1;
    Pfn->PteAddress = Pte;
    MiSetUsage(Pfn, Usage);
}

static PFN_NUMBER MiAllocate(MI_ZONE Zone, MI_USAGE Usage, PMMPTE Pte, MMLISTS Preferred,
                             MMLISTS *Found)
{
    KIRQL OldIrql;
    ULONG Frame;

    KeAcquireSpinLock(&MmPfnLock, &OldIrql);
    Frame = MiTakeAnyFrame(Zone, Preferred, Found);
    if (Frame != LIST_END)
        MiOwnFrame(Frame, Usage, Pte);
    KeReleaseSpinLock(&MmPfnLock, OldIrql);
    return Frame == LIST_END ? MI_NO_FRAME : Frame;
}

/*
 * Takes a frame for the caller, contents unknown. Its commitment is charged already, so that it
 * fails only for want of frames in the window. IRQL <= DISPATCH_LEVEL.
 */
PFN_NUMBER MiAllocateFrame(MI_ZONE Zone, MI_USAGE Usage, PMMPTE Pte)
{
    MMLISTS Found;

    return MiAllocate(Zone, Usage, Pte, FreePageList, &Found);
}

/* The same, filled with zeros. */
PFN_NUMBER MiAllocateZeroedFrame(MI_ZONE Zone, MI_USAGE Usage, PMMPTE Pte)
{
    MMLISTS Found;
    PFN_NUMBER Frame = MiAllocate(Zone, Usage, Pte, ZeroedPageList, &Found);

    if (Frame != MI_NO_FRAME && Found != ZeroedPageList)
        MiZeroFrame(Frame);
    return Frame;
}

/* The first of Pages adjacent free frames of a range, which no multiple of its Boundary divides. */
static PFN_NUMBER MiFindFreeRun(const MI_FRAME_RANGE *Range, ULONG Pages)
{
    ULONG Frame, Run = 0;

    for (Frame = Range->First; Frame <= Range->Last && Frame <= MmHighestPhysicalPage; Frame++) {
        if (Range->Boundary && Frame % Range->Boundary == 0)
            Run = 0;
        Run = MmPfnDatabase[Frame].PageLocation <= FreePageList ? Run + 1 : 0;
        if (Run == Pages)
            return Frame - Pages + 1;
    }
    return MI_NO_FRAME;
}

/*
 * Takes Pages adjacent frames of a range, the lowest that there are, contents unknown; their PTEs
 * begin at Pte if that is not NULL. Looks through the database under its lock, so it is not for
 * every day. MI_NO_FRAME: there are none. Charged already. IRQL <= DISPATCH_LEVEL.
 */
PFN_NUMBER MiAllocateFrameRun(const MI_FRAME_RANGE *Range, ULONG Pages, MI_USAGE Usage, PMMPTE Pte)
{
    PFN_NUMBER First;
    KIRQL OldIrql;
    ULONG i;

    KeAcquireSpinLock(&MmPfnLock, &OldIrql);
    First = MiFindFreeRun(Range, Pages);
    for (i = 0; First != MI_NO_FRAME && i < Pages; i++) {
        MiUnlinkFrame((ULONG)First + i);
        MiOwnFrame((ULONG)First + i, Usage, Pte ? Pte + i : NULL);
    }
    KeReleaseSpinLock(&MmPfnLock, OldIrql);
    return First;
}

/* One lock or all shares less. TRUE: that was all, and an orphan's charge is to be returned. */
static BOOLEAN MiDropReference(ULONG Frame)
{
    PMMPFN Pfn = &MmPfnDatabase[Frame];
    BOOLEAN Charged = Pfn->Usage == UsageOrphan;

    if (--Pfn->ReferenceCount > 0)
        return FALSE;
    Pfn->PteAddress = NULL;
    MiSetUsage(Pfn, UsageNone);
    MiInsertFrame(Frame, FreePageList);
    return Charged;
}

static BOOLEAN MiDropShare(ULONG Frame)
{
    return --MmPfnDatabase[Frame].Blink == 0 && MiDropReference(Frame);
}

/*
 * The owner lets a frame go, which it does not map any more, and then returns its charge. Pageable
 * memory may still be locked; any other is freed too early then. IRQL <= DISPATCH_LEVEL.
 */
VOID MiFreeFrame(PFN_NUMBER Frame)
{
    PMMPFN Pfn = &MmPfnDatabase[Frame];
    BOOLEAN Held, Locked;
    KIRQL OldIrql;

    KeAcquireSpinLock(&MmPfnLock, &OldIrql);
    Locked = Pfn->ReferenceCount != 1;
    if (Frame > MmHighestPhysicalPage || Pfn->PageLocation != ActiveAndValid || Pfn->Blink == 0 ||
        (Locked && !MiIsPageableUsage(Pfn->Usage)))
        KeBugCheckEx(PFN_LIST_CORRUPT, 0x9A, Frame, Pfn->PageLocation, Pfn->ReferenceCount);
    Held = Locked || Pfn->Blink > 1;
    if (Held) {
        Pfn->PteAddress = NULL;
        MiSetUsage(Pfn, UsageOrphan);
    }
    MiDropShare((ULONG)Frame);
    KeReleaseSpinLock(&MmPfnLock, OldIrql);
    if (Held)
        MiKeepCommitment(1);
}

/* Is Frame memory, and not a device's? What has no entry of its own cannot be counted. */
BOOLEAN MiIsMemoryFrame(PFN_NUMBER Frame)
{
    return Frame <= MmHighestPhysicalPage && MmPfnDatabase[Frame].PageLocation != BadPageList;
}

/*
 * Locks a frame that somebody owns, so that it stays what it is until it is unlocked. FALSE: it
 * has been locked too often already. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN MiLockFrame(PFN_NUMBER Frame)
{
    PMMPFN Pfn = &MmPfnDatabase[Frame];
    BOOLEAN Locked;
    KIRQL OldIrql;

    if (!MiIsMemoryFrame(Frame))
        return TRUE;
    KeAcquireSpinLock(&MmPfnLock, &OldIrql);
    ASSERT(Pfn->PageLocation == ActiveAndValid && Pfn->ReferenceCount > 0);
    Locked = Pfn->ReferenceCount < MAXUSHORT;
    if (Locked)
        Pfn->ReferenceCount++;
    KeReleaseSpinLock(&MmPfnLock, OldIrql);
    return Locked;
}

VOID MiUnlockFrame(PFN_NUMBER Frame)
{
    PMMPFN Pfn = &MmPfnDatabase[Frame];
    BOOLEAN Charged;
    KIRQL OldIrql;

    if (!MiIsMemoryFrame(Frame))
        return;
    KeAcquireSpinLock(&MmPfnLock, &OldIrql);
    if (Pfn->PageLocation != ActiveAndValid || Pfn->ReferenceCount <= (Pfn->Blink != 0))
        KeBugCheckEx(PFN_LIST_CORRUPT, 7, Frame, Pfn->Blink, 0);
    Charged = MiDropReference((ULONG)Frame);
    KeReleaseSpinLock(&MmPfnLock, OldIrql);
    if (Charged)
        MiReturnCommitment(1);
}

/* One more who has the frame in a view, or one less. IRQL <= DISPATCH_LEVEL. */
VOID MiShareFrame(PFN_NUMBER Frame)
{
    KIRQL OldIrql;

    if (!MiIsMemoryFrame(Frame))
        return;
    KeAcquireSpinLock(&MmPfnLock, &OldIrql);
    ASSERT(MmPfnDatabase[Frame].PageLocation == ActiveAndValid);
    if (MmPfnDatabase[Frame].Blink++ == 0)
        MmPfnDatabase[Frame].ReferenceCount++;
    KeReleaseSpinLock(&MmPfnLock, OldIrql);
}

VOID MiUnshareFrame(PFN_NUMBER Frame)
{
    BOOLEAN Charged;
    KIRQL OldIrql;

    if (!MiIsMemoryFrame(Frame))
        return;
    KeAcquireSpinLock(&MmPfnLock, &OldIrql);
    ASSERT(MmPfnDatabase[Frame].PageLocation == ActiveAndValid && MmPfnDatabase[Frame].Blink > 0);
    Charged = MiDropShare((ULONG)Frame);
    KeReleaseSpinLock(&MmPfnLock, OldIrql);
    if (Charged)
        MiReturnCommitment(1);
}

ULONG MiCountFrames(MMLISTS State)
{
    return MiStateCount[State];
}

ULONG MiCountUsage(MI_USAGE Usage)
{
    return MiUsageCount[Usage];
}

/* Is Frame part of the kernel's image, of what start-up took, or of a boot module? */
static BOOLEAN MiIsFrameTaken(ULONG Frame, ULONG FirstTaken, ULONG TakenCount)
{
    ULONG i;

    if (Frame < MI_FIRST_USABLE_FRAME || Frame - FirstTaken < TakenCount)
        return TRUE;
    if (Frame >= MI_KERNEL_PHYSICAL >> PAGE_SHIFT &&
        Frame < ((ULONG_PTR)KernelImageEnd - MI_WINDOW_BASE) >> PAGE_SHIFT)
        return TRUE;
    for (i = 0; i < LoaderBlock.ModuleCount; i++) {
        PLOADER_MODULE Module = &LoaderBlock.Modules[i];
        if (Frame - (Module->PhysicalStart >> PAGE_SHIFT) < BYTES_TO_PAGES(Module->Size))
            return TRUE;
    }
    return FALSE;
}

static VOID MiAddFrame(ULONG Frame, BOOLEAN Taken)
{
    PMMPFN Pfn = &MmPfnDatabase[Frame];

    if (Pfn->PageLocation != BadPageList)
        return; /* two ranges of the memory map overlap */
    MmNumberOfPhysicalPages++;
    if (!Taken) {
        MiInsertFrame(Frame, FreePageList);
        return;
    }
    MiSetState(Pfn, ActiveAndValid);
    Pfn->ReferenceCount = 1;
    Pfn->Blink = 1;
    MiSetUsage(Pfn, UsageKernel);
}

/*
 * Fills the database, which start-up has placed and zeroed, from the memory map. The frames
 * FirstTaken ... hold the tables that start-up made.
 */
VOID MiInitializeFrames(ULONG FirstTaken, ULONG TakenCount)
{
    ULONG Frame, i;

    KeInitializeSpinLock(&MmPfnLock);
    for (i = 0; i < MI_ZONES; i++)
        MiListHeads[i][ZeroedPageList] = MiListHeads[i][FreePageList] = LIST_END;
    for (Frame = 0; Frame <= MmHighestPhysicalPage; Frame++)
        MmPfnDatabase[Frame].PageLocation = BadPageList;
    MiStateCount[BadPageList] = MmHighestPhysicalPage + 1;
    MiUsageCount[UsageNone] = MmHighestPhysicalPage + 1;
    for (i = 0; i < LoaderBlock.MemoryCount; i++) {
        LOADER_MEMORY *Memory = &LoaderBlock.Memory[i];
        for (Frame = Memory->FirstPage;
             Frame - Memory->FirstPage < Memory->PageCount && Frame <= MmHighestPhysicalPage;
             Frame++)
            MiAddFrame(Frame, MiIsFrameTaken(Frame, FirstTaken, TakenCount));
    }
}
