/*
 * A process's own half: its page directory, the page tables of the lower 512 entries, and what
 * those tables say. The upper 512 entries are the template's, and nobody writes to them again.
 *
 * Page tables are made when memory is committed, by a service that can fail; so a fault never
 * needs one. Directory and tables lie in the window, where the kernel can reach them.
 */
#include "mm/mm.h"
#include "kernel/rtl/rtl.h"
#include "mm/init.h"
#include "sched/sched.h"

#define SPACE_PAGES 2 /* charged for a new space: the directory, the table of the shared page */

static PMMPTE MiUserPde(PMM_SPACE Space, ULONG_PTR Va)
{
    PMMPTE Directory = MiWindow(Space->DirectoryTableBase >> PAGE_SHIFT);

    return &Directory[Va >> MI_PDE_SHIFT];
}

PMM_SPACE MmGetCurrentSpace(VOID)
{
    return KiGetCurrentProcess()->Space;
}

PMMPTE MiUserPte(PMM_SPACE Space, ULONG_PTR Va)
{
    MMPTE Pde = *MiUserPde(Space, Va);

    if (!Pde.Hard.Valid || Va >= MI_SYSTEM_BASE)
        return NULL;
    return (PMMPTE)MiWindow(Pde.Hard.PageFrameNumber) +
           ((Va >> PAGE_SHIFT) & (MI_PTES_PER_TABLE - 1));
}

/* Makes the page tables for [Start, End). Those made before a failure stay: they are counted. */
NTSTATUS MiCreateUserTables(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End)
{
    ULONG_PTR Index;

    for (Index = Start >> MI_PDE_SHIFT; Index <= (End - 1) >> MI_PDE_SHIFT; Index++) {
        PMMPTE Pde = MiUserPde(Space, Index << MI_PDE_SHIFT);
        PFN_NUMBER Frame;
        if (Pde->Hard.Valid)
            continue;
        if (!MiChargeCommitment(1))
            return STATUS_COMMITMENT_LIMIT;
        Frame = MiAllocateZeroedFrame(ZoneWindow, UsageTable, Pde);
        if (Frame == MI_NO_FRAME) {
            MiReturnCommitment(1);
            return STATUS_NO_MEMORY;
        }
        Pde->Long = ((ULONG)Frame << PAGE_SHIFT) | PTE_VALID | PTE_WRITE | PTE_USER;
        Space->PageTables++;
    }
    return STATUS_SUCCESS;
}

/* KUSER_SHARED_DATA's one frame, read-only: the same page in every process. */
static NTSTATUS MiMapSharedData(PMM_SPACE Space)
{
    NTSTATUS Status =
        MiCreateUserTables(Space, MI_USER_SHARED_ADDRESS, MI_USER_SHARED_ADDRESS + PAGE_SIZE);

    if (NT_SUCCESS(Status))
        *MiUserPte(Space, MI_USER_SHARED_ADDRESS) =
            MiMakeValidPte((ULONG)MiGetSharedDataFrame(), MM_READONLY, PTE_USER);
    return Status;
}

static VOID MiInitializeSpace(PMM_SPACE Space, PFN_NUMBER DirectoryFrame)
{
    Space->DirectoryTableBase = DirectoryFrame << PAGE_SHIFT;
    ExInitializeFastMutex(&Space->Lock);
    InitializeListHead(&Space->VadList);
    InitializeListHead(&Space->SecureList);
}

/* The directory that start-up made becomes the System process's. */
VOID MmInitializeSystemSpace(PMM_SPACE Space)
{
    MiInitializeSpace(Space, MiSystemDirectoryFrame);
}

/* Makes an empty lower half and a directory around it. IRQL <= APC_LEVEL. */
NTSTATUS MmCreateSpace(PMM_SPACE Space)
{
    PFN_NUMBER Frame;
    NTSTATUS Status;

    if (!MiChargeCommitment(1))
        return STATUS_COMMITMENT_LIMIT;
    Frame = MiAllocateFrame(ZoneWindow, UsageDirectory, NULL);
    if (Frame == MI_NO_FRAME) {
        MiReturnCommitment(1);
        return STATUS_NO_MEMORY;
    }
    memcpy(MiWindow(Frame), MmDirectoryTemplate, PAGE_SIZE);
    MiInitializeSpace(Space, Frame);
    ExAcquireFastMutex(&Space->Lock);
    Status = MiMapSharedData(Space);
    ExReleaseFastMutex(&Space->Lock);
    if (!NT_SUCCESS(Status))
        MmDeleteSpace(Space);
    return Status;
}

static VOID MiFreeUserTables(PMM_SPACE Space)
{
    PMMPTE Directory = MiWindow(Space->DirectoryTableBase >> PAGE_SHIFT);
    ULONG i;

    for (i = 0; i < MI_FIRST_SYSTEM_PDE; i++) {
        ULONG Frame = Directory[i].Hard.PageFrameNumber;
        if (!Directory[i].Hard.Valid)
            continue;
        Directory[i].Long = 0;
        MiFreeFrame(Frame);
        MiReturnCommitment(1);
        Space->PageTables--;
    }
}

/* Pages that a driver has locked outlive the memory, but not the process (WDK: Bug Check 0x76). */
VOID MmCleanSpace(PMM_SPACE Space)
{
    ExAcquireFastMutex(&Space->Lock);
    Space->Deleted = TRUE;
    if (Space->LockedPages)
        KeBugCheckEx(PROCESS_HAS_LOCKED_PAGES, 0, (ULONG_PTR)KiGetCurrentProcess(),
                     (ULONG)Space->LockedPages, 0);
    MiForgetSecured(Space);
    while (!IsListEmpty(&Space->VadList))
        MiDeleteVad(Space, CONTAINING_RECORD(Space->VadList.Flink, MMVAD, ListEntry));
    ASSERT(Space->CommitCharge == 0 && Space->PrivatePages == 0);
    ExReleaseFastMutex(&Space->Lock);
}

VOID MmDeleteSpace(PMM_SPACE Space)
{
    MiFreeUserTables(Space);
    ASSERT(Space->PageTables == 0);
    MiFreeFrame(Space->DirectoryTableBase >> PAGE_SHIFT);
    MiReturnCommitment(1);
    Space->DirectoryTableBase = 0;
}

/*
 * Commits pages: charges them and writes demand-zero PTEs where there was nothing. Committed pages
 * keep their contents and get the new protection.
 */
NTSTATUS MiCommitRange(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End, ULONG Protection)
{
    NTSTATUS Status;
    ULONG New = 0;
    ULONG_PTR Va;

    if ((End - Start) >> PAGE_SHIFT > MmTotalCommitLimit)
        return STATUS_COMMITMENT_LIMIT;
    Status = MiCreateUserTables(Space, Start, End);
    if (!NT_SUCCESS(Status))
        return Status;
    for (Va = Start; Va < End; Va += PAGE_SIZE)
        New += MiUserPte(Space, Va)->Long == 0;
    if (!MiChargeCommitment(New))
        return STATUS_COMMITMENT_LIMIT;
    Space->CommitCharge += New;
    for (Va = Start; Va < End; Va += PAGE_SIZE) {
        PMMPTE Pte = MiUserPte(Space, Va);
        if (Pte->Long == 0)
            *Pte = MiMakeDemandZeroPte(Protection);
        else
            MiProtectUserPte(Pte, Va, Protection);
    }
    return STATUS_SUCCESS;
}

/* Takes pages back, with their frames and their charge. What is not committed is passed over. */
VOID MiDecommitRange(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End)
{
    ULONG Charge = 0;
    ULONG_PTR Va;

    for (Va = Start; Va < End; Va += PAGE_SIZE) {
        PMMPTE Pte = MiUserPte(Space, Va);
        MMPTE Old;
        if (Pte == NULL) { /* nothing in these 4 MB */
            Va = (Va | ((1 << MI_PDE_SHIFT) - 1)) - PAGE_SIZE + 1;
            continue;
        }
        Old = *Pte;
        Pte->Long = 0;
        if (Old.Long)
            Charge++;
        if (Old.Hard.Valid || Old.Soft.Transition) {
            MiFlushUserPages(Space, (PVOID)Va, 1);
            MiFreeFrame(Old.Hard.PageFrameNumber);
            Space->PrivatePages--;
        }
    }
    Space->CommitCharge -= Charge;
    MiReturnCommitment(Charge);
}

/*
 * Changes a committed page's protection. A page with data that may not be touched (no access, or
 * guard) becomes a transition PTE, which keeps the frame. The space is the current one or not in
 * any TLB: user PTEs are not global.
 */
VOID MiProtectUserPte(PMMPTE Pte, ULONG_PTR Va, ULONG Protection)
{
    MMPTE New = MiMakeDemandZeroPte(Protection);

    if (Pte->Hard.Valid || Pte->Soft.Transition) {
        ULONG Frame = Pte->Hard.PageFrameNumber;
        if (MiProtectionAllowsAccess(Protection)) {
            New = MiMakeValidPte(Frame, Protection, PTE_USER);
        } else {
            New.Soft.Transition = 1;
            New.Soft.PageFrameNumber = Frame;
        }
    } else {
        New.Soft.Prototype = Pte->Soft.Prototype;
    }
    *Pte = New;
    MiFlushUserPages(MmGetCurrentSpace(), (PVOID)Va, 1);
}

/*
 * The directory behind which a further processor begins: as any other, but with the page of its
 * first instructions mapped onto itself (kernel/ke/startap.S).
 */
NTSTATUS MiCreateStartupSpace(PMM_SPACE Space)
{
    NTSTATUS Status = MmCreateSpace(Space);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = MiCreateUserTables(Space, MI_STARTUP_PHYSICAL, MI_STARTUP_PHYSICAL + PAGE_SIZE);
    if (NT_SUCCESS(Status))
        *MiUserPte(Space, MI_STARTUP_PHYSICAL) =
            MiMakeValidPte(MI_STARTUP_PHYSICAL >> PAGE_SHIFT, MM_EXECUTE_READWRITE, 0);
    else
        MmDeleteSpace(Space);
    return Status;
}

VOID MiDeleteStartupSpace(PMM_SPACE Space)
{
    MiUserPte(Space, MI_STARTUP_PHYSICAL)->Long = 0;
    MmDeleteSpace(Space);
}
