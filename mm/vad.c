/*
 * Virtual address descriptors: what a process has reserved, as a list in ascending order. Ranges
 * are whole pages, begin on the allocation granularity of 64 KB, and never overlap.
 *
 * All under the space's lock. MMVADs lie in nonpaged pool, for faults look at them.
 */
#include "mm/mm.h"

#define ALLOCATION_GRANULARITY 0x10000
#define TAG_VAD                'SdaV'
#define MI_VAD_END             (MI_HIGHEST_USER_ADDRESS - 0xFFFF) /* below the shared page */

/* The first VAD that ends above Address; NULL: none does. */
PMMVAD MiNextVad(PMM_SPACE Space, ULONG_PTR Address)
{
    PLIST_ENTRY Entry;

    for (Entry = Space->VadList.Flink; Entry != &Space->VadList; Entry = Entry->Flink) {
        PMMVAD Vad = CONTAINING_RECORD(Entry, MMVAD, ListEntry);
        if (Address < Vad->End)
            return Vad;
    }
    return NULL;
}

PMMVAD MiFindVad(PMM_SPACE Space, ULONG_PTR Address)
{
    PMMVAD Vad = MiNextVad(Space, Address);

    return Vad && Address >= Vad->Start ? Vad : NULL;
}

/* The lowest gap of Size bytes; 0: none. */
static ULONG_PTR MiFindGapUp(PMM_SPACE Space, SIZE_T Size)
{
    ULONG_PTR Start = MI_LOWEST_USER_ADDRESS;
    PLIST_ENTRY Entry;

    for (Entry = Space->VadList.Flink; Entry != &Space->VadList; Entry = Entry->Flink) {
        PMMVAD Vad = CONTAINING_RECORD(Entry, MMVAD, ListEntry);
        if (Vad->Start >= Start && Vad->Start - Start >= Size)
            return Start;
        Start = (Vad->End + ALLOCATION_GRANULARITY - 1) & ~(ALLOCATION_GRANULARITY - 1);
    }
    return Start < MI_VAD_END && MI_VAD_END - Start >= Size ? Start : 0;
}

/* The highest gap of Size bytes; 0: none. */
static ULONG_PTR MiFindGapDown(PMM_SPACE Space, SIZE_T Size)
{
    ULONG_PTR End = MI_VAD_END;
    PLIST_ENTRY Entry;

    for (Entry = Space->VadList.Blink;; Entry = Entry->Blink) {
        PMMVAD Vad = CONTAINING_RECORD(Entry, MMVAD, ListEntry);
        ULONG_PTR Bottom = Entry == &Space->VadList ? MI_LOWEST_USER_ADDRESS : Vad->End;
        ULONG_PTR Start = (End - Size) & ~(ALLOCATION_GRANULARITY - 1);
        if (Size <= End && Start >= Bottom && Start < End)
            return Start;
        if (Entry == &Space->VadList)
            return 0;
        End = Vad->Start;
    }
}

/*
 * Reserves Size bytes, rounded up to pages, at *Base (rounded down to the granularity) or, if that
 * is 0, wherever there is room. STATUS_CONFLICTING_ADDRESSES: something is there already.
 */
NTSTATUS MiInsertVad(PMM_SPACE Space, ULONG_PTR *Base, SIZE_T Size, ULONG Protect, ULONG Type,
                     BOOLEAN TopDown, PMMVAD *NewVad)
{
    ULONG_PTR Start = *Base & ~(ALLOCATION_GRANULARITY - 1), End;
    PMMVAD Next, Vad;

    if (Space->Deleted)
        return STATUS_PROCESS_IS_TERMINATING;
    if (Size == 0 || Size > MI_VAD_END)
        return STATUS_NO_MEMORY;
    End = (ULONG_PTR)PAGE_ALIGN(*Base + Size + PAGE_SIZE - 1);
    if (*Base == 0) {
        Start = TopDown ? MiFindGapDown(Space, Size) : MiFindGapUp(Space, Size);
        End = Start + (ULONG_PTR)PAGE_ALIGN(Size + PAGE_SIZE - 1);
        if (Start == 0)
            return STATUS_NO_MEMORY;
    }
    if (Start < MI_LOWEST_USER_ADDRESS || End <= Start || End > MI_VAD_END)
        return STATUS_CONFLICTING_ADDRESSES;
    Next = MiNextVad(Space, Start);
    if (Next && Next->Start < End)
        return STATUS_CONFLICTING_ADDRESSES;
    Vad = ExAllocatePoolWithTag(NonPagedPool, sizeof *Vad, TAG_VAD);
    if (Vad == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Vad = (MMVAD){.Start = Start, .End = End, .Protect = Protect, .Type = Type};
    InsertTailList(Next ? &Next->ListEntry : &Space->VadList, &Vad->ListEntry);
    *Base = Start;
    *NewVad = Vad;
    return STATUS_SUCCESS;
}

VOID MiDeleteVad(PMM_SPACE Space, PMMVAD Vad)
{
    if (Vad->Borrowed || Vad->Segment)
        MiUnmapView(Space, Vad);
    else
        MiDecommitRange(Space, Vad->Start, Vad->End);
    Space->CommitCharge -= Vad->CopyCharge;
    MiReturnCommitment(Vad->CopyCharge);
    if (Vad->Segment)
        ObDereferenceObject(Vad->Segment);
    RemoveEntryList(&Vad->ListEntry);
    ExFreePoolWithTag(Vad, TAG_VAD);
}
