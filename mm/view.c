/*
 * Views: memory of which several processes, or several ranges of one, have the same pages. What
 * they share is a segment, the inside of a section object: for each page a prototype PTE, which is
 *   0            not committed (SEC_RESERVE)
 *   demand-zero  committed, and touched by nobody yet
 *   valid        in this frame; the segment is its owner
 *
 * A view's own PTEs say "prototype" until they are touched; then they have the segment's frame, and
 * share it (frame.c). In a view for copying, the first write to a page puts a frame of the
 * process's own in its place; those frames are charged when the view is made, so that a fault
 * cannot fail.
 *
 * A prototype is changed by compare-and-exchange, and goes only one way while the segment lives,
 * which each view sees to by a reference to the object. A view's PTEs are under the space's lock.
 */
#include "mm/mm.h"
#include "kernel/rtl/rtl.h"

/* The prototype behind an address of a view. */
PMMPTE MiPrototypeOf(const MMVAD *Vad, ULONG_PTR Va)
{
    return &Vad->Segment->Prototypes[Vad->FirstPage + ((Va - Vad->Start) >> PAGE_SHIFT)];
}

/* Fills a new frame with what the file has there, and zeros behind its end. */
static VOID MiReadSegment(const MI_SEGMENT *Segment, ULONG Page, PFN_NUMBER Frame)
{
    ULONG Offset = Page << PAGE_SHIFT;
    KIRQL OldIrql;
    PVOID Va;

    if (Offset >= Segment->DataSize)
        return;
    Va = MiMapFrame(Frame, &OldIrql);
    memcpy(Va, Segment->Data + Offset, min(Segment->DataSize - Offset, PAGE_SIZE));
    MiUnmapFrame(Va, OldIrql);
}

NTSTATUS MiMakePrototypeValid(PMI_SEGMENT Segment, ULONG Page)
{
    PMMPTE Prototype = &Segment->Prototypes[Page];
    MMPTE Old = *(volatile MMPTE *)Prototype, New = {0};
    PFN_NUMBER Frame;

    if (Old.Hard.Valid)
        return STATUS_SUCCESS;
    if (Old.Long == 0)
        return STATUS_ACCESS_VIOLATION;
    Frame = MiAllocateZeroedFrame(ZoneAny, UsageSection, Prototype);
    if (Frame == MI_NO_FRAME)
        return STATUS_NO_MEMORY;
    MiReadSegment(Segment, Page, Frame);
    New.Long = ((ULONG)Frame << PAGE_SHIFT) | PTE_VALID;
    if (InterlockedCompareExchange((LONG *)&Prototype->Long, New.Long, Old.Long) != (LONG)Old.Long)
        MiFreeFrame(Frame);
    return STATUS_SUCCESS;
}

/* In a view, what is not the segment's is a copy. */
static BOOLEAN MiIsOwnFrame(PFN_NUMBER Frame)
{
    return MiIsMemoryFrame(Frame) && MmPfnDatabase[Frame].Usage == UsageProcess;
}

/* A first touch: the view gets the segment's frame. Space->Lock is held. */
NTSTATUS MiResolveViewFault(const MMVAD *Vad, PMMPTE Pte, ULONG_PTR Va)
{
    PMMPTE Prototype = MiPrototypeOf(Vad, Va);
    NTSTATUS Status = MiMakePrototypeValid(Vad->Segment, Prototype - Vad->Segment->Prototypes);

    if (!NT_SUCCESS(Status))
        return Status;
    MiShareFrame(Prototype->Hard.PageFrameNumber);
    *Pte = MiMakeValidPte(Prototype->Hard.PageFrameNumber, Pte->Soft.Protection, PTE_USER);
    return STATUS_SUCCESS;
}

static VOID MiCopyFrame(PFN_NUMBER To, PFN_NUMBER From)
{
    KIRQL OldIrql, OldIrql2;
    PVOID Target = MiMapFrame(To, &OldIrql), Source = MiMapFrame(From, &OldIrql2);

    memcpy(Target, Source, PAGE_SIZE);
    MiUnmapFrame(Source, OldIrql2);
    MiUnmapFrame(Target, OldIrql);
}

/* A write to a page that is to be copied then: once it is the process's own, it is writable. */
NTSTATUS MiCopyOnWrite(PMM_SPACE Space, PMMPTE Pte, ULONG_PTR Va)
{
    ULONG Shared = Pte->Hard.PageFrameNumber, Protection = MiProtectionOfPte(*Pte) & ~MM_COPY;
    PFN_NUMBER Frame;

    if (MiIsOwnFrame(Shared)) { /* copied before its protection was changed */
        MiProtectUserPte(Pte, Va, Protection);
        return STATUS_SUCCESS;
    }
    Frame = MiAllocateFrame(ZoneAny, UsageProcess, Pte);
    if (Frame == MI_NO_FRAME)
        return STATUS_NO_MEMORY;
    MiCopyFrame(Frame, Shared);
    *Pte = MiMakeValidPte((ULONG)Frame, Protection, PTE_USER);
    MiFlushUserPages(Space, PAGE_ALIGN(Va), 1);
    MiUnshareFrame(Shared);
    Space->PrivatePages++;
    return STATUS_SUCCESS;
}

/* Takes the pages of a view back, or of what a driver has mapped there (map.c). */
VOID MiUnmapView(PMM_SPACE Space, const MMVAD *Vad)
{
    ULONG_PTR Va;

    for (Va = Vad->Start; Va < Vad->End; Va += PAGE_SIZE) {
        PMMPTE Pte = MiUserPte(Space, Va);
        MMPTE Old;
        if (Pte == NULL)
            continue;
        Old = *Pte;
        Pte->Long = 0;
        if (!Old.Hard.Valid && !Old.Soft.Transition)
            continue;
        MiFlushUserPages(Space, (PVOID)Va, 1);
        if (Vad->Borrowed || !MiIsOwnFrame(Old.Hard.PageFrameNumber)) {
            MiUnshareFrame(Old.Hard.PageFrameNumber);
            continue;
        }
        MiFreeFrame(Old.Hard.PageFrameNumber);
        Space->PrivatePages--;
    }
}

/* Commits a segment's pages: charges those that are not. Anybody may do so at the same time. */
NTSTATUS MiCommitSegment(PMI_SEGMENT Segment, ULONG First, ULONG Pages)
{
    LONG Promise = (LONG)MiMakeDemandZeroPte(MM_READWRITE).Long;
    ULONG i, New = 0;

    if (!MiChargeCommitment(Pages))
        return STATUS_COMMITMENT_LIMIT;
    for (i = 0; i < Pages; i++) {
        LONG *Prototype = (LONG *)&Segment->Prototypes[First + i].Long;
        New += InterlockedCompareExchange(Prototype, Promise, 0) == 0;
    }
    MiReturnCommitment(Pages - New);
    return STATUS_SUCCESS;
}

/* Nobody has a view of it any more. */
VOID MiDeleteSegment(PMI_SEGMENT Segment)
{
    ULONG i, Charge = 0;

    for (i = 0; i < Segment->Pages; i++) {
        MMPTE Prototype = Segment->Prototypes[i];
        Charge += Prototype.Long != 0;
        if (Prototype.Hard.Valid)
            MiFreeFrame(Prototype.Hard.PageFrameNumber);
    }
    MiReturnCommitment(Charge);
}
