/*
 * The upper half: made once, shared by all.
 *
 * All 512 page tables of the upper half exist from the start, as one array of 524,288 PTEs. So the
 * PTE of a kernel address is MmSystemPtes[(va - 80000000h) >> 12], whichever directory is loaded.
 * Every page directory begins as a copy of one template: the lower 512 entries empty, the upper
 * 512 pointing at these tables; and its upper entries never change.
 * When the kernel maps something new, it writes into a table that every directory points at
 * already: there is nothing to copy, and no process can be behind. (Windows makes system page
 * tables later on, too, and copies their entries into other directories on a page fault.)
 *
 * Kernel PTEs are global (Intel SDM vol. 3, 4.10.2.4): a load of CR3 leaves them in the TLB.
 *
 * MiSystemPteLock guards the bitmap of the system PTE range. The PTEs of a reserved range belong
 * to the one who reserved it.
 */
#include "mm/mm.h"
#include "boot/loader.h"
#include "kernel/ke/lockcheck.h"
#include "kernel/rtl/rtl.h"
#include "mm/init.h"

#define WINDOW_PAGES     (MI_WINDOW_SIZE >> PAGE_SHIFT)
#define LEGACY_PAGES     256 /* the first megabyte: BIOS data, the screen */
#define SYSTEM_PTE_PAGES ((MI_SYSTEM_PTE_END - MI_SYSTEM_PTE_START) >> PAGE_SHIFT)
#define BATCH_PAGES      16
#define TABLES_BYTES     (MI_SYSTEM_PTES * sizeof(MMPTE))

PMMPTE MmSystemPtes;
MMPTE MmDirectoryTemplate[MI_PDES] __attribute__((aligned(PAGE_SIZE)));

extern UCHAR KiBootStackGuard[];

static KSPIN_LOCK MiSystemPteLock;
static RTL_BITMAP MiSystemPteBitmap;
static ULONG MiSystemPteBits[SYSTEM_PTE_PAGES / 32];
static ULONG MiSystemPteHint;

/* What the window shows of the kernel's own image: text and constants cannot be written. */
static ULONG MiWindowProtection(ULONG_PTR Va)
{
    if (Va >= (ULONG_PTR)KernelImageStart && Va < (ULONG_PTR)KernelRodataEnd)
        return MM_EXECUTE_READ;
    if (Va - (ULONG_PTR)MmDirectoryTemplate < sizeof MmDirectoryTemplate)
        return MM_READONLY;
    return MM_READWRITE;
}

static VOID MiMapWindowPages(ULONG First, ULONG Count)
{
    ULONG Page;

    for (Page = First; Page < WINDOW_PAGES && Page - First < Count; Page++) {
        PVOID Va = MiWindow(Page);
        if (Va == KiBootStackGuard)
            continue;
        MiSystemPte(Va)->Long =
            MiMakeValidPte(Page, MiWindowProtection((ULONG_PTR)Va), PTE_GLOBAL | PTE_DIRTY).Long;
    }
}

/*
 * Makes the shared half in Tables (physical, TABLES_BYTES, zeroed) and the template that points
 * to it, and moves the processor from the boot directory to Directory. Nothing stays mapped low.
 */
VOID MiBuildSystemSpace(ULONG TablesFrame, ULONG DirectoryFrame)
{
    ULONG i;

    MmSystemPtes = MiWindow(TablesFrame);
    MiMapWindowPages(0, LEGACY_PAGES);
    for (i = 0; i < LoaderBlock.MemoryCount; i++)
        MiMapWindowPages(LoaderBlock.Memory[i].FirstPage, LoaderBlock.Memory[i].PageCount);
    for (i = MI_FIRST_SYSTEM_PDE; i < MI_PDES; i++)
        MmDirectoryTemplate[i].Long =
            ((TablesFrame + i - MI_FIRST_SYSTEM_PDE) << PAGE_SHIFT) | PTE_VALID | PTE_WRITE;
    memcpy(MiWindow(DirectoryFrame), MmDirectoryTemplate, sizeof MmDirectoryTemplate);
    KiWriteCr3(DirectoryFrame << PAGE_SHIFT);
}

VOID MiInitializeSystemPtes(VOID)
{
    KeInitializeSpinLock(&MiSystemPteLock);
    RtlInitializeBitMap(&MiSystemPteBitmap, MiSystemPteBits, SYSTEM_PTE_PAGES);
    RtlClearAllBits(&MiSystemPteBitmap);
}

/* What bug check 0x3F says. */
ULONG MiCountFreeSystemPtes(VOID)
{
    return RtlNumberOfClearBits(&MiSystemPteBitmap);
}

/* Reserves address space for Pages pages. NULL: there is none left. IRQL <= DISPATCH_LEVEL. */
PVOID MiReserveSystemPtes(ULONG Pages)
{
    KIRQL OldIrql;
    ULONG Index;

    if (Pages == 0 || Pages > SYSTEM_PTE_PAGES)
        return NULL;
    KeAcquireSpinLock(&MiSystemPteLock, &OldIrql);
    Index = RtlFindClearBitsAndSet(&MiSystemPteBitmap, Pages, MiSystemPteHint);
    if (Index != MAXULONG)
        MiSystemPteHint = Index;
    KeReleaseSpinLock(&MiSystemPteLock, OldIrql);
    return Index == MAXULONG ? NULL : (PVOID)(MI_SYSTEM_PTE_START + (Index << PAGE_SHIFT));
}

VOID MiReleaseSystemPtes(PVOID Va, ULONG Pages)
{
    ULONG Index = ((ULONG_PTR)Va - MI_SYSTEM_PTE_START) >> PAGE_SHIFT;
    KIRQL OldIrql;

    KeAcquireSpinLock(&MiSystemPteLock, &OldIrql);
    ASSERT(RtlAreBitsSet(&MiSystemPteBitmap, Index, Pages));
    RtlClearBits(&MiSystemPteBitmap, Index, Pages);
    if (Index < MiSystemPteHint)
        MiSystemPteHint = Index;
    KeReleaseSpinLock(&MiSystemPteLock, OldIrql);
}

/* Makes a kernel page valid. It was not, so no TLB can hold it. */
VOID MiMapSystemPage(PVOID Va, PFN_NUMBER Frame, ULONG Protection)
{
    PMMPTE Pte = MiSystemPte(Va);

    ASSERT(!Pte->Hard.Valid);
    Pte->Long = MiMakeValidPte((ULONG)Frame, Protection, PTE_GLOBAL | PTE_DIRTY).Long;
}

/* Takes kernel pages out of the map. Their frames may be used anew after this returns. */
VOID MiUnmapSystemRange(PVOID Va, ULONG Pages)
{
    PMMPTE Pte = MiSystemPte(Va);
    ULONG i;

    for (i = 0; i < Pages; i++)
        Pte[i].Long = 0;
    if (Pages)
        MiFlushSystemPages(Va, Pages);
}

/* The same, and gives their addresses back, from the page on that Va lies in. */
VOID MiReleaseMapping(PVOID Va, ULONG Pages)
{
    MiUnmapSystemRange(PAGE_ALIGN(Va), Pages);
    if (Pages)
        MiReleaseSystemPtes(PAGE_ALIGN(Va), Pages);
}

/* Puts frames of their own behind a reserved range, writable, and charges them. */
NTSTATUS MiFillSystemRange(PVOID Va, ULONG Pages, MI_USAGE Usage, BOOLEAN Zero)
{
    ULONG i;

    if (!MiChargeCommitment(Pages))
        return STATUS_INSUFFICIENT_RESOURCES;
    for (i = 0; i < Pages; i++) {
        PVOID Page = (PUCHAR)Va + i * PAGE_SIZE;
        PFN_NUMBER Frame = Zero ? MiAllocateZeroedFrame(ZoneAny, Usage, MiSystemPte(Page))
                                : MiAllocateFrame(ZoneAny, Usage, MiSystemPte(Page));
        if (Frame == MI_NO_FRAME) {
            MiReturnCommitment(Pages - i);
            MiEmptySystemRange(Va, i);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        MiMapSystemPage(Page, Frame, MM_READWRITE);
    }
    return STATUS_SUCCESS;
}

/* Unmaps some pages with one shootdown for all, and then lets their frames go. */
static VOID MiEmptyBatch(PUCHAR Va, ULONG Pages)
{
    PFN_NUMBER Frames[BATCH_PAGES];
    ULONG Count = 0, i;

    for (i = 0; i < Pages; i++) {
        PMMPTE Pte = MiSystemPte(Va + i * PAGE_SIZE);
        if (Pte->Hard.Valid)
            Frames[Count++] = Pte->Hard.PageFrameNumber;
        Pte->Long = 0;
    }
    if (Count)
        MiFlushSystemPages(Va, Pages);
    while (Count > 0)
        MiFreeFrame(Frames[--Count]);
}

/* The opposite of MiFillSystemRange. */
VOID MiEmptySystemRange(PVOID Va, ULONG Pages)
{
    ULONG Done;

    for (Done = 0; Done < Pages; Done += BATCH_PAGES)
        MiEmptyBatch((PUCHAR)Va + Done * PAGE_SIZE, min(Pages - Done, BATCH_PAGES));
    MiReturnCommitment(Pages);
}

/* Address space with writable, zeroed frames behind it. NULL: no memory. */
PVOID MiAllocateSystemPages(ULONG Pages, MI_USAGE Usage)
{
    PVOID Va = MiReserveSystemPtes(Pages);

    if (Va && !NT_SUCCESS(MiFillSystemRange(Va, Pages, Usage, TRUE))) {
        MiReleaseSystemPtes(Va, Pages);
        Va = NULL;
    }
    return Va;
}

VOID MiFreeSystemPages(PVOID Va, ULONG Pages)
{
    KiForgetLocksIn(Va, Pages * PAGE_SIZE); /* a driver's, perhaps */
    MiEmptySystemRange(Va, Pages);
    MiReleaseSystemPtes(Va, Pages);
}

/*
 * Changes the protection of valid kernel pages. A frame that may no longer be written through this
 * mapping may no longer be written through the window either, so that a driver's text has no
 * writable alias; MiFreeSystemPages of such a range has to be preceded by MM_READWRITE.
 */
VOID MiSetSystemProtection(PVOID Va, ULONG Pages, ULONG Protection)
{
    ULONG i;

    for (i = 0; i < Pages; i++) {
        PVOID Page = (PUCHAR)Va + i * PAGE_SIZE;
        PMMPTE Pte = MiSystemPte(Page);
        ULONG Frame = Pte->Hard.PageFrameNumber;
        ASSERT(Pte->Hard.Valid);
        *Pte = MiMakeValidPte(Frame, Protection, PTE_GLOBAL | PTE_DIRTY);
        MiFlushSystemPages(Page, 1);
        if (Frame < WINDOW_PAGES) {
            MiSystemPte(MiWindow(Frame))->Hard.Write = MiProtectionAllowsWrite(Protection);
            MiFlushSystemPages(MiWindow(Frame), 1);
        }
    }
}

/* A kernel stack with a guard page below it: running into that is a double fault. NULL: none. */
PVOID MmCreateKernelStack(VOID)
{
    PUCHAR Guard = MiReserveSystemPtes(KERNEL_STACK_PAGES + 1);

    if (Guard == NULL)
        return NULL;
    if (!NT_SUCCESS(MiFillSystemRange(Guard + PAGE_SIZE, KERNEL_STACK_PAGES, UsageStack, FALSE))) {
        MiReleaseSystemPtes(Guard, KERNEL_STACK_PAGES + 1);
        return NULL;
    }
    return Guard + PAGE_SIZE + KERNEL_STACK_BYTES;
}

VOID MmDeleteKernelStack(PVOID StackTop)
{
    PUCHAR Stack = (PUCHAR)StackTop - KERNEL_STACK_BYTES;

    MiEmptySystemRange(Stack, KERNEL_STACK_PAGES);
    MiReleaseSystemPtes(Stack - PAGE_SIZE, KERNEL_STACK_PAGES + 1);
}
