/*
 * Keeping translation lookaside buffers true on several processors.
 *
 * A processor may go on using a translation that it has in its TLB after the PTE has changed. So a
 * change that takes something away (a frame, the right to write) is followed by a shootdown, and
 * only when that has returned may the frame be used anew:
 *
 *  - The shared half is the same behind every page directory, and its pages are global: any
 *    processor may hold any of its translations, whatever it runs. All of them are told. That is
 *    the price of sharing it.
 *  - A process's own half can be in the TLB of those processors only whose CR3 holds its directory:
 *    loading CR3 throws out all pages that are not global. Only they are told.
 *
 * Who is to be told is seen from KPRCB.ActiveDirectory, which is written just before CR3. A
 * processor that writes it after we have looked loads CR3 after that, too, and so walks the tables
 * only after our change of the PTE: we change first, and look then.
 */
#include "kernel/ke/ipi.h"
#include "mm/mm.h"

#define FLUSH_ALL_PAGES 64 /* from so many pages on, the whole TLB goes */

typedef struct _MI_FLUSH {
    PUCHAR Va;
    ULONG Pages;
} MI_FLUSH;

/* Throws out everything, global pages too, by turning them off and on (SDM vol. 3, 4.10.4.1). */
VOID MiFlushAll(VOID)
{
    ULONG Cr4;

    __asm__ volatile("movl %%cr4, %0" : "=r"(Cr4));
    __asm__ volatile("movl %0, %%cr4" : : "r"(Cr4 & ~CR4_PGE) : "memory");
    __asm__ volatile("movl %0, %%cr4" : : "r"(Cr4) : "memory");
    if (!(Cr4 & CR4_PGE))
        KiWriteCr3(KiReadCr3());
}

/* On each processor that is told, and on this one. */
static VOID MiFlushHere(ULONG_PTR Argument)
{
    const MI_FLUSH *Flush = (const MI_FLUSH *)Argument;
    ULONG i;

    if (Flush->Pages >= FLUSH_ALL_PAGES) {
        MiFlushAll();
        return;
    }
    for (i = 0; i < Flush->Pages; i++)
        KiInvalidatePage(Flush->Va + i * PAGE_SIZE);
}

VOID MiFlushSystemPages(PVOID Va, ULONG Pages)
{
    MI_FLUSH Flush = {Va, Pages};

    if (KeNumberProcessors == 1)
        MiFlushHere((ULONG_PTR)&Flush);
    else
        KiCallProcessors(KeActiveProcessors, MiFlushHere, (ULONG_PTR)&Flush);
}

/* The processors that have a directory in CR3, or are about to. */
static KAFFINITY MiProcessorsOf(ULONG_PTR DirectoryTableBase)
{
    KAFFINITY Processors = 0;
    LONG i;

    KeMemoryBarrier(); /* the PTE has been written before we look */
    for (i = 0; i < KeNumberProcessors; i++) {
        PKPRCB Prcb = KiProcessorBlock[i];
        if (*(volatile ULONG_PTR *)&Prcb->ActiveDirectory == DirectoryTableBase)
            Processors |= Prcb->SetMember;
    }
    return Processors;
}

VOID MiFlushUserPages(PMM_SPACE Space, PVOID Va, ULONG Pages)
{
    MI_FLUSH Flush = {Va, Pages};

    if (KeNumberProcessors == 1)
        MiFlushHere((ULONG_PTR)&Flush);
    else
        KiCallProcessors(MiProcessorsOf(Space->DirectoryTableBase), MiFlushHere, (ULONG_PTR)&Flush);
}
