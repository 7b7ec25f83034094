/*
 * Views of sections: in processes, by services, and in system space, by drivers. Which of a
 * section's pages a view has and what may be done with them is decided when it is made; mm/view.c
 * does the rest, page by page.
 *
 * MiSystemViewLock (fast mutex) guards the list of views in system space.
 *
 * Source: WDK, "ZwMapViewOfSection", "ZwUnmapViewOfSection", "MmMapViewInSystemSpace".
 */
#include "kernel/vm/vm.h"
#include "kernel/ex/capture.h"
#include "kernel/services.h"

#define GRANULARITY 0x10000
#define TAG_VIEW    'weiV'

/* What a caller wants, with the values that it gets in the end. */
typedef struct _MI_VIEW {
    PSECTION Section;
    ULONG_PTR Base;
    LARGE_INTEGER Offset;
    SIZE_T Size;
    SIZE_T CommitSize;
    ULONG ZeroBits;
    ULONG Protection; /* MM_xxx */
    ULONG Protect;    /* the same as PAGE_xxx */
    BOOLEAN TopDown;
} MI_VIEW;

/* ---- Which pages ------------------------------------------------------------------------------
 */

/* Rounds the offset down, and the size accordingly; 0: up to the section's end. */
static NTSTATUS MiFitView(MI_VIEW *View)
{
    ULONGLONG End = (ULONGLONG)View->Section->Size.QuadPart;
    ULONG Below = View->Offset.LowPart & (GRANULARITY - 1);

    if ((ULONGLONG)View->Offset.QuadPart >= End)
        return STATUS_INVALID_VIEW_SIZE;
    if (View->Size > End - (ULONGLONG)View->Offset.QuadPart &&
        View->Size > ROUND_TO_PAGES(End) - (ULONGLONG)View->Offset.QuadPart)
        return STATUS_INVALID_VIEW_SIZE;
    View->Size = View->Size ? View->Size + Below : (SIZE_T)(End - View->Offset.QuadPart) + Below;
    View->Size = ROUND_TO_PAGES(View->Size);
    View->Offset.QuadPart -= Below;
    return View->CommitSize > View->Size ? STATUS_INVALID_PARAMETER_5 : STATUS_SUCCESS;
}

/* Charges what may be copied, and makes all pages of a new view ones that are not touched yet. */
static NTSTATUS MiFillView(PMM_SPACE Space, PMMVAD Vad, const MI_VIEW *View)
{
    ULONG Pages = (Vad->End - Vad->Start) >> PAGE_SHIFT;
    ULONG Charge = MiProtectionIsCopy(View->Protection) ? Pages : 0;
    NTSTATUS Status = MiCreateUserTables(Space, Vad->Start, Vad->End);
    ULONG_PTR Va;

    if (NT_SUCCESS(Status))
        Status = MiCommitSegment(
            Vad->Segment, Vad->FirstPage,
            View->Section->Attributes & SEC_RESERVE ? BYTES_TO_PAGES(View->CommitSize) : 0);
    if (NT_SUCCESS(Status) && !MiChargeCommitment(Charge))
        Status = STATUS_COMMITMENT_LIMIT;
    if (!NT_SUCCESS(Status))
        return Status;
    Vad->CopyCharge = Charge;
    Space->CommitCharge += Charge;
    for (Va = Vad->Start; Va < Vad->End; Va += PAGE_SIZE) {
        MMPTE Pte = MiMakeDemandZeroPte(View->Protection);
        Pte.Soft.Prototype = 1;
        *MiUserPte(Space, Va) = Pte;
    }
    return STATUS_SUCCESS;
}

/* Space->Lock is held. With zero bits the lowest addresses are the only ones that can do. */
static NTSTATUS MiMapViewInSpace(PMM_SPACE Space, MI_VIEW *View)
{
    BOOLEAN Anywhere = View->Base == 0;
    PMMVAD Vad;
    NTSTATUS Status;

    View->Base &= ~(ULONG_PTR)(GRANULARITY - 1);
    Status = MiInsertVad(Space, &View->Base, View->Size, View->Protect, MEM_MAPPED,
                         View->TopDown && View->ZeroBits == 0, &Vad);
    if (!NT_SUCCESS(Status))
        return Status;
    ObReferenceObject(View->Section);
    Vad->Segment = &View->Section->Segment;
    Vad->FirstPage = (ULONG)(View->Offset.QuadPart >> PAGE_SHIFT);
    if (Anywhere && View->ZeroBits && (Vad->End - 1) >> (32 - View->ZeroBits))
        Status = STATUS_NO_MEMORY;
    else
        Status = MiFillView(Space, Vad, View);
    if (!NT_SUCCESS(Status))
        MiDeleteVad(Space, Vad);
    return Status;
}

NTSTATUS MiCommitInView(PMMVAD Vad, ULONG_PTR Start, ULONG_PTR End, ULONG Protection)
{
    UNREFERENCED_PARAMETER(Protection); /* that of the view */
    return MiCommitSegment(Vad->Segment, Vad->FirstPage + ((Start - Vad->Start) >> PAGE_SHIFT),
                           (End - Start) >> PAGE_SHIFT);
}

/* In a view for copying, writing means copying; elsewhere nothing is charged that could be. */
ULONG MiViewProtection(const MMVAD *Vad, ULONG Protection)
{
    PSECTION Section = CONTAINING_RECORD(Vad->Segment, SECTION, Segment);

    if (Vad->CopyCharge && MiProtectionAllowsWrite(Protection) && Protection != MM_NOACCESS)
        Protection |= MM_COPY;
    if ((Protection != MM_NOACCESS && (Protection & ~7)) ||
        (MiProtectionIsCopy(Protection) && !Vad->CopyCharge) ||
        (MiAccessOfProtection(Protection) & ~MiAccessOfProtection(Section->Protection)))
        return MM_INVALID_PROTECTION;
    return Protection;
}

/* ---- The services -----------------------------------------------------------------------------
 */

static NTSTATUS MiCaptureView(PVOID *BaseAddress, PLARGE_INTEGER SectionOffset, PSIZE_T ViewSize,
                              MI_VIEW *View)
{
    NTSTATUS Status = ExCopyIn(&View->Base, BaseAddress, sizeof View->Base);

    if (NT_SUCCESS(Status))
        Status = ExCopyIn(&View->Size, ViewSize, sizeof View->Size);
    if (NT_SUCCESS(Status) && SectionOffset)
        Status = ExCopyIn(&View->Offset, SectionOffset, sizeof View->Offset);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(BaseAddress, sizeof View->Base);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(ViewSize, sizeof View->Size);
    if (NT_SUCCESS(Status) && SectionOffset)
        Status = ExProbeOut(SectionOffset, sizeof View->Offset);
    return Status;
}

static NTSTATUS MiReturnView(PVOID *BaseAddress, PLARGE_INTEGER SectionOffset, PSIZE_T ViewSize,
                             const MI_VIEW *View)
{
    NTSTATUS Status = ExCopyOut(BaseAddress, &View->Base, sizeof View->Base);

    if (NT_SUCCESS(Status))
        Status = ExCopyOut(ViewSize, &View->Size, sizeof View->Size);
    if (NT_SUCCESS(Status) && SectionOffset)
        Status = ExCopyOut(SectionOffset, &View->Offset, sizeof View->Offset);
    return Status;
}

static NTSTATUS MiMapViewInProcess(HANDLE ProcessHandle, MI_VIEW *View)
{
    MI_TARGET Target;
    NTSTATUS Status = MiFitView(View);

    if (MiAccessOfProtection(View->Protection) & ~MiAccessOfProtection(View->Section->Protection))
        return STATUS_SECTION_PROTECTION;
    if (NT_SUCCESS(Status))
        Status = MiEnterTarget(ProcessHandle, &Target);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MiMapViewInSpace(Target.Space, View);
    MiLeaveTarget(&Target);
    return Status;
}

/*
 * Maps a view of a section into a process (WDK: ZwMapViewOfSection). AllocationType: MEM_TOP_DOWN
 * alone. No process inherits views here, so InheritDisposition is only checked.
 * IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtMapViewOfSection(HANDLE SectionHandle, HANDLE ProcessHandle, PVOID *BaseAddress,
                                  ULONG_PTR ZeroBits, SIZE_T CommitSize,
                                  PLARGE_INTEGER SectionOffset, PSIZE_T ViewSize,
                                  SECTION_INHERIT InheritDisposition, ULONG AllocationType,
                                  ULONG Win32Protect)
{
    MI_VIEW View = {.CommitSize = CommitSize, .ZeroBits = ZeroBits, .Protect = Win32Protect};
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    View.Protection = MiMakeProtection(Win32Protect);
    View.TopDown = (AllocationType & MEM_TOP_DOWN) != 0;
    if (ZeroBits > 21)
        return STATUS_INVALID_PARAMETER_4;
    if (InheritDisposition != ViewShare && InheritDisposition != ViewUnmap)
        return STATUS_INVALID_PARAMETER_8;
    if (AllocationType & ~MEM_TOP_DOWN)
        return STATUS_INVALID_PARAMETER_9;
    if (View.Protection != MM_NOACCESS && (View.Protection & ~7))
        return STATUS_INVALID_PAGE_PROTECTION;
    Status = MiCaptureView(BaseAddress, SectionOffset, ViewSize, &View);
    if (!NT_SUCCESS(Status))
        return Status;
    if (View.Base > MI_HIGHEST_USER_ADDRESS)
        return STATUS_INVALID_PARAMETER_3;
    Status = ObReferenceObjectByHandle(SectionHandle, MiAccessOfProtection(View.Protection),
                                       *MmSectionObjectType, KiGetCurrentThread()->PreviousMode,
                                       (PVOID *)&View.Section, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MiMapViewInProcess(ProcessHandle, &View);
    ObDereferenceObject(View.Section);
    return NT_SUCCESS(Status) ? MiReturnView(BaseAddress, SectionOffset, ViewSize, &View) : Status;
}

/* Ends the view that an address lies in (WDK: ZwUnmapViewOfSection). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtUnmapViewOfSection(HANDLE ProcessHandle, PVOID BaseAddress)
{
    MI_TARGET Target;
    NTSTATUS Status;
    PMMVAD Vad;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = MiEnterTarget(ProcessHandle, &Target);
    if (!NT_SUCCESS(Status))
        return Status;
    Vad = MiFindVad(Target.Space, (ULONG_PTR)BaseAddress);
    if (Vad == NULL || Vad->Segment == NULL)
        Status = STATUS_NOT_MAPPED_VIEW;
    else if (!MiMayChange(Target.Space, Vad->Start, Vad->End, MI_NO_PAGES))
        Status = STATUS_INVALID_PAGE_PROTECTION;
    else
        MiDeleteVad(Target.Space, Vad);
    MiLeaveTarget(&Target);
    return Status;
}

/* ---- In system space --------------------------------------------------------------------------
 */

typedef struct _MI_SYSTEM_VIEW {
    LIST_ENTRY ListEntry;
    PSECTION Section; /* referenced */
    PUCHAR Base;
    ULONG Pages;
} MI_SYSTEM_VIEW, *PMI_SYSTEM_VIEW;

static LIST_ENTRY MiSystemViews = {&MiSystemViews, &MiSystemViews};
static FAST_MUTEX MiSystemViewLock = {
    .Count = 1, .Event.Header = {.Type = SynchronizationEvent, .Size = sizeof(KEVENT) / 4}};

/* All pages that are committed come in now: a fault in system space does not look for views. */
static NTSTATUS MiFillSystemView(const MI_SYSTEM_VIEW *View)
{
    PMI_SEGMENT Segment = &View->Section->Segment;
    ULONG Protection = View->Section->Protection & ~MM_COPY, i;

    if (MiProtectionIsCopy(View->Section->Protection))
        Protection = MM_READONLY;
    for (i = 0; i < View->Pages; i++) {
        NTSTATUS Status;
        PFN_NUMBER Frame;
        if (Segment->Prototypes[i].Long == 0)
            continue;
        Status = MiMakePrototypeValid(Segment, i);
        if (!NT_SUCCESS(Status))
            return Status;
        Frame = Segment->Prototypes[i].Hard.PageFrameNumber;
        MiShareFrame(Frame);
        MiMapSystemPage(View->Base + i * PAGE_SIZE, Frame, Protection);
    }
    return STATUS_SUCCESS;
}

static VOID MiDeleteSystemView(PMI_SYSTEM_VIEW View)
{
    PMMPTE Pte = MiSystemPte(View->Base);
    ULONG i;

    /* The segment keeps its frames, so that they may lose this share before the mapping. */
    for (i = 0; i < View->Pages; i++) {
        if (Pte[i].Hard.Valid)
            MiUnshareFrame(Pte[i].Hard.PageFrameNumber);
    }
    MiReleaseMapping(View->Base, View->Pages);
    ObDereferenceObject(View->Section);
    ExFreePoolWithTag(View, TAG_VIEW);
}

/*
 * Maps the first *ViewSize bytes of a section, 0: all of it, into system space (WDK:
 * MmMapViewInSystemSpace), as writable as the section is. IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI MmMapViewInSystemSpace(PVOID Section, PVOID *MappedBase, PSIZE_T ViewSize)
{
    SIZE_T Bytes = *ViewSize ? *ViewSize : ((PSECTION)Section)->Size.LowPart;
    PMI_SYSTEM_VIEW View;
    NTSTATUS Status;

    KI_ASSERT_IRQL(APC_LEVEL);
    if (BYTES_TO_PAGES(Bytes) > ((PSECTION)Section)->Segment.Pages)
        return STATUS_INVALID_VIEW_SIZE;
    View = ExAllocatePoolWithTag(NonPagedPool, sizeof *View, TAG_VIEW);
    if (View == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    *View = (MI_SYSTEM_VIEW){.Section = Section, .Pages = BYTES_TO_PAGES(Bytes)};
    View->Base = MiReserveSystemPtes(View->Pages);
    if (View->Base == NULL) {
        ExFreePoolWithTag(View, TAG_VIEW);
        return STATUS_NO_MEMORY;
    }
    ObReferenceObject(Section);
    Status = MiFillSystemView(View);
    if (!NT_SUCCESS(Status)) {
        MiDeleteSystemView(View);
        return Status;
    }
    ExAcquireFastMutex(&MiSystemViewLock);
    InsertTailList(&MiSystemViews, &View->ListEntry);
    ExReleaseFastMutex(&MiSystemViewLock);
    *MappedBase = View->Base;
    *ViewSize = View->Pages << PAGE_SHIFT;
    return STATUS_SUCCESS;
}

/* Ends that view (WDK: MmUnmapViewInSystemSpace). IRQL <= APC_LEVEL. */
NTSTATUS NTAPI MmUnmapViewInSystemSpace(PVOID MappedBase)
{
    PMI_SYSTEM_VIEW Found = NULL;
    PLIST_ENTRY Entry;

    KI_ASSERT_IRQL(APC_LEVEL);
    ExAcquireFastMutex(&MiSystemViewLock);
    for (Entry = MiSystemViews.Flink; Entry != &MiSystemViews && !Found; Entry = Entry->Flink) {
        PMI_SYSTEM_VIEW View = CONTAINING_RECORD(Entry, MI_SYSTEM_VIEW, ListEntry);
        if (View->Base == MappedBase)
            Found = View;
    }
    if (Found)
        RemoveEntryList(&Found->ListEntry);
    ExReleaseFastMutex(&MiSystemViewLock);
    if (Found == NULL)
        return STATUS_NOT_MAPPED_VIEW;
    MiDeleteSystemView(Found);
    return STATUS_SUCCESS;
}
