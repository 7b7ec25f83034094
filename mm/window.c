/*
 * How the kernel reaches a frame's contents, whatever maps it: through the window if it lies below
 * 512 MB, else through one of this processor's mapping slots, for as short as possible.
 *
 * A slot belongs to a processor, so the thread must not leave it: IRQL is DISPATCH_LEVEL from
 * MiMapFrame to MiUnmapFrame. Slots are a stack, so that mappings can nest.
 */
#include "mm/mm.h"
#include "kernel/rtl/rtl.h"

#define WINDOW_FRAMES       (MI_WINDOW_SIZE >> PAGE_SHIFT)
#define SLOTS_PER_PROCESSOR 4

static ULONG MiSlotsUsed[MAXIMUM_PROCESSOR_COUNT];

static PVOID MiSlotAddress(ULONG Processor, ULONG Slot)
{
    return (PVOID)(MI_MAPPING_SLOTS + (Processor * SLOTS_PER_PROCESSOR + Slot) * PAGE_SIZE);
}

/* Gives an address for a frame's contents. IRQL <= DISPATCH_LEVEL; raises to it. */
PVOID MiMapFrame(PFN_NUMBER Frame, PKIRQL OldIrql)
{
    ULONG Processor;
    PVOID Va;

    *OldIrql = KfRaiseIrql(DISPATCH_LEVEL);
    if (Frame < WINDOW_FRAMES)
        return MiWindow(Frame);
    Processor = KeGetCurrentPrcb()->Number;
    ASSERT(MiSlotsUsed[Processor] < SLOTS_PER_PROCESSOR);
    Va = MiSlotAddress(Processor, MiSlotsUsed[Processor]++);
    MiSystemPte(Va)->Long = MiMakeValidPte((ULONG)Frame, MM_READWRITE, PTE_DIRTY | PTE_GLOBAL).Long;
    KiInvalidatePage(Va);
    return Va;
}

/* Takes the latest mapping back, and IRQL with it. */
VOID MiUnmapFrame(PVOID Va, KIRQL OldIrql)
{
    if ((ULONG_PTR)Va >= MI_WINDOW_BASE + MI_WINDOW_SIZE) {
        ULONG Processor = KeGetCurrentPrcb()->Number;
        MiSlotsUsed[Processor]--;
        ASSERT(Va == MiSlotAddress(Processor, MiSlotsUsed[Processor]));
        MiSystemPte(Va)->Long = 0;
        KiInvalidatePage(Va);
    }
    KfLowerIrql(OldIrql);
}

VOID MiZeroFrame(PFN_NUMBER Frame)
{
    KIRQL OldIrql;
    PVOID Va = MiMapFrame(Frame, &OldIrql);

    memset(Va, 0, PAGE_SIZE);
    MiUnmapFrame(Va, OldIrql);
}
