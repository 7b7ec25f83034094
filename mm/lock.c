/*
 * Locked pages: memory that stays where it is while data is transferred, whatever its owner does
 * with the addresses. What is locked are the frames. Their number in the MDL is good until
 * MmUnlockPages, in any context and at DISPATCH_LEVEL, even if the process has freed the memory.
 *
 * Invariant: a locked MDL has one reference on each of its frames (frame.c), and counts with all
 * its pages in MM_SPACE.LockedPages of the process whose memory it was. So a process that is ending
 * knows that a driver has forgotten something (WDK: Bug Check 0x76).
 *
 * A user page is looked at and locked under the space's lock, so that nobody can free it between.
 * Source: WDK, "MmProbeAndLockPages", "MmUnlockPages", "MmAdvanceMdl".
 */
#include "kernel/ex/capture.h"
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"
#include "mm/pool.h"
#include "sched/sched.h"

/* What must not have been done with an MDL whose pages are to be locked. */
#define MDL_NOT_TO_BE_LOCKED (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL)

static PMM_SPACE MiSpaceOf(const MDL *Mdl)
{
    return ((PKPROCESS)Mdl->Process)->Space;
}

static BOOLEAN MiIsUsablePte(const MMPTE *Pte, BOOLEAN Write)
{
    return Pte && Pte->Hard.Valid && (Pte->Hard.Write || !Write);
}

/*
 * Locks the page at Va, under the space's lock, which is let go while a fault is resolved. The
 * page may be gone again then: so it is looked at once more.
 */
static NTSTATUS MiLockUserPage(PMM_SPACE Space, ULONG_PTR Va, BOOLEAN Write, PPFN_NUMBER Frame)
{
    NTSTATUS Status;

    while (!MiIsUsablePte(MiUserPte(Space, Va), Write)) {
        ExReleaseFastMutex(&Space->Lock);
        Status = MiMakeUserPageValid(Va, Write);
        ExAcquireFastMutex(&Space->Lock);
        if (Status != STATUS_SUCCESS)
            return Status;
    }
    if (Space->Deleted)
        return STATUS_PROCESS_IS_TERMINATING;
    *Frame = MiUserPte(Space, Va)->Hard.PageFrameNumber;
    return MiLockFrame(*Frame) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* *Locked: how many of the pages from Va on have been locked, all or not. */
static NTSTATUS MiLockUserPages(ULONG_PTR Va, ULONG Pages, BOOLEAN Write, PPFN_NUMBER Frames,
                                PULONG Locked)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i;

    KI_ASSERT_IRQL(APC_LEVEL);
    ExAcquireFastMutex(&Space->Lock);
    for (i = 0; i < Pages; i++) {
        Status = MiLockUserPage(Space, Va + i * PAGE_SIZE, Write, &Frames[i]);
        if (Status != STATUS_SUCCESS)
            break;
    }
    *Locked = i;
    if (i == Pages)
        InterlockedExchangeAdd(&Space->LockedPages, (LONG)Pages);
    ExReleaseFastMutex(&Space->Lock);
    return Status;
}

/* Memory of the system's: only paged pool can be away, and whoever has it does not free it now. */
static NTSTATUS MiLockSystemPages(ULONG_PTR Va, ULONG Pages, BOOLEAN Write, PPFN_NUMBER Frames,
                                  PULONG Locked)
{
    ULONG i;

    KI_ASSERT_IRQL(MiIsPagedPoolAddress((PVOID)Va) ? APC_LEVEL : DISPATCH_LEVEL);
    for (i = 0; i < Pages; i++) {
        NTSTATUS Status;
        *Locked = i;
        Status = MiMakeSystemPageValid(Va + i * PAGE_SIZE, Write);
        if (Status != STATUS_SUCCESS)
            return Status;
        Frames[i] = MiSystemPte((PVOID)(Va + i * PAGE_SIZE))->Hard.PageFrameNumber;
        if (!MiLockFrame(Frames[i]))
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Locked = Pages;
    return STATUS_SUCCESS;
}

static VOID MiUnlockFrames(const PFN_NUMBER *Frames, ULONG Count)
{
    while (Count > 0)
        MiUnlockFrame(Frames[--Count]);
}

/* Is the buffer where this mode may have one, from the first byte to the last? */
static BOOLEAN MiIsBufferInRange(const MDL *Mdl, KPROCESSOR_MODE Mode)
{
    ULONG_PTR Start = (ULONG_PTR)MmGetMdlVirtualAddress(Mdl), Last = Start + Mdl->ByteCount - 1;

    if (Mdl->ByteCount == 0)
        return Mode == KernelMode || Start <= MI_HIGHEST_USER_ADDRESS;
    if (Last < Start)
        return FALSE;
    return Start >= MI_SYSTEM_BASE ? Mode == KernelMode : Last <= MI_HIGHEST_USER_ADDRESS;
}

static VOID MiNoteLocked(PMDL Mdl, BOOLEAN User, BOOLEAN Write)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG Pages = MiMdlPages(Mdl), i;

    Mdl->MdlFlags &= ~(MDL_WRITE_OPERATION | MDL_IO_SPACE);
    Mdl->MdlFlags |= MDL_PAGES_LOCKED | (Write ? MDL_WRITE_OPERATION : 0);
    Mdl->Process = User ? (PEPROCESS)KiGetCurrentProcess() : NULL;
    for (i = 0; i < Pages; i++) {
        if (!MiIsMemoryFrame(Frames[i]))
            Mdl->MdlFlags |= MDL_IO_SPACE;
    }
}

/* MmProbeAndLockPages, with its outcome as a status; nothing is locked on failure. (mm.h) */
NTSTATUS MmTryToLockPages(PMDL Mdl, KPROCESSOR_MODE Mode, LOCK_OPERATION Operation)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG_PTR Va = (ULONG_PTR)Mdl->StartVa;
    BOOLEAN User = Va < MI_SYSTEM_BASE, Write = Operation != IoReadAccess;
    ULONG Pages = MiMdlPages(Mdl), Locked;
    NTSTATUS Status;

    KI_VERIFY(KiGetCurrentIrql() <= DISPATCH_LEVEL, 0x70, KiGetCurrentIrql(), Mdl, Mode);
    KI_VERIFY(!(Mdl->MdlFlags & MDL_NOT_TO_BE_LOCKED), 0xB0, Mdl, Mdl->MdlFlags,
              Mdl->MdlFlags & MDL_NOT_TO_BE_LOCKED);
    if (!MiIsBufferInRange(Mdl, Mode))
        return STATUS_ACCESS_VIOLATION;
    if (User)
        Status = MiLockUserPages(Va, Pages, Write, Frames, &Locked);
    else
        Status = MiLockSystemPages(Va, Pages, Write, Frames, &Locked);
    if (Status == STATUS_SUCCESS)
        MiNoteLocked(Mdl, User, Write);
    else
        MiUnlockFrames(Frames, Locked);
    return Status;
}

/*
 * Makes the buffer's pages resident and locks them, for a transfer that the mode is allowed (WDK:
 * MmProbeAndLockPages). Raises STATUS_ACCESS_VIOLATION, or another status that says why not.
 * IRQL <= APC_LEVEL, or <= DISPATCH_LEVEL if the memory is nonpageable.
 */
VOID NTAPI MmProbeAndLockPages(PMDL Mdl, KPROCESSOR_MODE AccessMode, LOCK_OPERATION Operation)
{
    NTSTATUS Status = MmTryToLockPages(Mdl, AccessMode, Operation);

    if (Status != STATUS_SUCCESS)
        ExRaiseStatus(Status);
}

/* The same for the memory of another process. IRQL <= APC_LEVEL. */
VOID NTAPI MmProbeAndLockProcessPages(PMDL Mdl, PEPROCESS Process, KPROCESSOR_MODE AccessMode,
                                      LOCK_OPERATION Operation)
{
    KAPC_STATE ApcState;
    NTSTATUS Status;

    KI_ASSERT_IRQL(APC_LEVEL);
    KeStackAttachProcess((PKPROCESS)Process, &ApcState);
    Status = MmTryToLockPages(Mdl, AccessMode, Operation);
    KeUnstackDetachProcess(&ApcState);
    if (Status != STATUS_SUCCESS)
        ExRaiseStatus(Status);
}

/* Some of a locked MDL's pages are no longer. The process may be gone as soon as it is not held. */
static VOID MiReturnLocked(PMDL Mdl, ULONG Pages)
{
    MiUnlockFrames(MmGetMdlPfnArray(Mdl), Pages);
    if (Mdl->Process)
        InterlockedExchangeAdd(&MiSpaceOf(Mdl)->LockedPages, -(LONG)Pages);
}

/*
 * Unlocks what MmProbeAndLockPages has locked; a mapping into system space ends first (WDK:
 * MmUnlockPages). Bug check 0x76 if it is not locked. Any context. IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI MmUnlockPages(PMDL Mdl)
{
    KI_VERIFY(KiGetCurrentIrql() <= DISPATCH_LEVEL, 0x78, KiGetCurrentIrql(), Mdl, 0);
    KI_VERIFY(!(Mdl->MdlFlags & MDL_PARTIAL), 0xB4, Mdl, Mdl->MdlFlags, MDL_PARTIAL);
    KI_VERIFY(!(Mdl->MdlFlags & MDL_SOURCE_IS_NONPAGED_POOL), 0x7D, Mdl, Mdl->MdlFlags, 0);
    if (!(Mdl->MdlFlags & MDL_PAGES_LOCKED))
        KeBugCheckEx(PROCESS_HAS_LOCKED_PAGES, 1, (ULONG_PTR)Mdl,
                     (ULONG)MmGetCurrentSpace()->LockedPages, 0);
    if (Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
        MmUnmapLockedPages(Mdl->MappedSystemVa, Mdl);
    Mdl->MdlFlags &= ~MDL_PAGES_LOCKED;
    MiReturnLocked(Mdl, MiMdlPages(Mdl));
}

/*
 * Moves the beginning of an MDL's buffer forward (WDK: MmAdvanceMdl). Pages that it leaves behind
 * are unlocked, and are no longer in its mapping. STATUS_INVALID_PARAMETER_2: beyond its end.
 * IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI MmAdvanceMdl(PMDL Mdl, ULONG NumberOfBytes)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG Pages = MiMdlPages(Mdl), Passed = (Mdl->ByteOffset + NumberOfBytes) >> PAGE_SHIFT;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (NumberOfBytes > Mdl->ByteCount)
        return STATUS_INVALID_PARAMETER_2;
    if (MiHasOwnMapping(Mdl))
        MiReleaseMapping(Mdl->MappedSystemVa, Passed);
    if (Mdl->MdlFlags & MDL_PAGES_LOCKED)
        MiReturnLocked(Mdl, Passed);
    RtlMoveMemory(Frames, Frames + Passed, (Pages - Passed) * sizeof *Frames);
    if (Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))
        Mdl->MappedSystemVa = (PUCHAR)Mdl->MappedSystemVa + NumberOfBytes;
    Mdl->StartVa = (PUCHAR)Mdl->StartVa + Passed * PAGE_SIZE;
    Mdl->ByteOffset = BYTE_OFFSET(Mdl->ByteOffset + NumberOfBytes);
    Mdl->ByteCount -= NumberOfBytes;
    return STATUS_SUCCESS;
}
