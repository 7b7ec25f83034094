/*
 * Memory's part of start-up.
 *
 * First, on the boot directory: room is found for what must be contiguous (the shared page tables,
 * the System process's directory, the PFN database, a few pages), the shared half is built in it,
 * and the processor moves there. Then, with traps and locks working, the lists and pools.
 */
#include "mm/mm.h"
#include "boot/loader.h"
#include "boot/options.h"
#include "kernel/rtl/rtl.h"
#include "mm/init.h"
#include "mm/pool.h"

#define WINDOW_PAGES         (MI_WINDOW_SIZE >> PAGE_SHIFT)
#define MI_MINIMUM_PAGES     (7 * 1024 * 1024 / PAGE_SIZE)
#define FIRST_MEGABYTE_PAGES 256
#define TABLES_PAGES         (MI_SYSTEM_PTES * sizeof(MMPTE) / PAGE_SIZE)

/* The contiguous block that start-up takes, in page frames. */
static ULONG MiBootFirst, MiBootCount;
static ULONG MiSharedDataFrame;
ULONG MiSystemDirectoryFrame;

PVOID BootMapPhysical(ULONG Physical, ULONG Bytes)
{
    if (Physical >= MI_WINDOW_SIZE || Bytes > MI_WINDOW_SIZE - Physical)
        return NULL;
    return (PVOID)(MI_WINDOW_BASE + Physical);
}

ULONG BootPhysicalBytesFrom(ULONG Physical)
{
    return Physical < MI_WINDOW_SIZE ? MI_WINDOW_SIZE - Physical : 0;
}

/* Cuts the memory map at a limit in pages, and finds how much there is. */
static ULONG MiMeasureMemory(ULONG LimitPages)
{
    ULONG Total = 0, i;

    for (i = 0; i < LoaderBlock.MemoryCount; i++) {
        LOADER_MEMORY *Memory = &LoaderBlock.Memory[i];
        if (LimitPages && Memory->FirstPage + Memory->PageCount > LimitPages)
            Memory->PageCount = LimitPages > Memory->FirstPage ? LimitPages - Memory->FirstPage : 0;
        if (Memory->PageCount == 0)
            continue;
        Total += Memory->PageCount;
        if (Memory->FirstPage + Memory->PageCount - 1 > MmHighestPhysicalPage)
            MmHighestPhysicalPage = Memory->FirstPage + Memory->PageCount - 1;
    }
    return Total;
}

/* The first frame after whatever of kernel and modules overlaps [First, First + Count), or First.
 */
static ULONG MiSkipTaken(ULONG First, ULONG Count)
{
    ULONG KernelEnd = ((ULONG_PTR)KernelImageEnd - MI_WINDOW_BASE) >> PAGE_SHIFT, i;

    if (First < KernelEnd)
        return KernelEnd;
    for (i = 0; i < LoaderBlock.ModuleCount; i++) {
        ULONG Start = LoaderBlock.Modules[i].PhysicalStart >> PAGE_SHIFT;
        ULONG End = Start + BYTES_TO_PAGES(LoaderBlock.Modules[i].Size);
        if (First < End && Start < First + Count)
            return End;
    }
    return First;
}

/* Finds Count contiguous free frames in the window, above the first megabyte. 0: none. */
static ULONG MiFindBootFrames(ULONG Count)
{
    ULONG i, First, Next;

    for (i = 0; i < LoaderBlock.MemoryCount; i++) {
        LOADER_MEMORY *Memory = &LoaderBlock.Memory[i];
        ULONG End = min(Memory->FirstPage + Memory->PageCount, WINDOW_PAGES);
        Next = max(Memory->FirstPage, FIRST_MEGABYTE_PAGES);
        do {
            First = Next;
            Next = MiSkipTaken(First, Count);
        } while (Next != First);
        if (First < End && End - First >= Count)
            return First;
    }
    return 0;
}

/* The few kernel addresses that are fixed by Windows: the KPCR and the shared user data. */
static VOID MiMapFixedPages(ULONG PcrFrame)
{
    MiMapSystemPage((PVOID)MI_PCR_ADDRESS, PcrFrame, MM_READWRITE);
    MiMapSystemPage((PVOID)MI_SYSTEM_SHARED, MiSharedDataFrame, MM_READWRITE);
}

PCSTR MmInitializeTables(VOID)
{
    ULONG DatabasePages, Next;

    if (MiMeasureMemory(LoaderBlock.MaximumMemory >> PAGE_SHIFT) < MI_MINIMUM_PAGES)
        return "too little memory: the kernel needs 8 MB";
    DatabasePages = BYTES_TO_PAGES((MmHighestPhysicalPage + 1) * sizeof(MMPFN));
    MiBootCount = TABLES_PAGES + DatabasePages + 3;
    MiBootFirst = MiFindBootFrames(MiBootCount);
    if (MiBootFirst == 0)
        return "too little contiguous memory for the page tables";
    memset(MiWindow(MiBootFirst), 0, MiBootCount * PAGE_SIZE);
    Next = MiBootFirst + TABLES_PAGES;
    MmPfnDatabase = MiWindow(Next);
    Next += DatabasePages;
    MiSystemDirectoryFrame = Next++;
    MiSharedDataFrame = Next++;
    MiBuildSystemSpace(MiBootFirst, MiSystemDirectoryFrame);
    MiMapFixedPages(Next);
    return NULL;
}

VOID MmInitializeSystem(VOID)
{
    MiInitializeFrames(MiBootFirst, MiBootCount);
    MiInitializeCommitment();
    MiInitializeSystemPtes();
    MiInitializePoolPages();
    ExInitializePools();
}

PFN_NUMBER MiGetSharedDataFrame(VOID)
{
    return MiSharedDataFrame;
}
