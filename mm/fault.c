/*
 * The one way a page fault goes.
 *
 * A fault in the upper half is the same fault in every process: the PTE is the same one. That is
 * what lets a driver touch its paged pool for the first time in any thread's context. A fault in
 * the lower half belongs to the process whose directory is loaded.
 *
 * Who may fault: code below DISPATCH_LEVEL. Resolving a fault may have to wait, and at
 * DISPATCH_LEVEL nothing can be waited for, since switching threads happens at that level itself.
 * So there a page that is not there stops the machine, whatever its contents would have been.
 */
#include "mm/mm.h"
#include "kernel/ex/capture.h"
#include "kernel/ldr/ldr.h"
#include "kernel/vf/vf.h"
#include "mm/pool.h"
#include "sched/sched.h"

#define ACCESS_EXECUTE 8 /* in the third parameter; 1 means a write, 0 a read */

/* The documented bug check for an address that may not be touched at this IRQL. */
static NORETURN VOID MiBadIrql(ULONG_PTR Address, ULONG ErrorCode, PKTRAP_FRAME Frame)
{
    ULONG Code = IRQL_NOT_LESS_OR_EQUAL;
    ULONG Access = (ErrorCode & PAGE_FAULT_WRITE) != 0;

    /* A processor that does not report fetches shows them by the two addresses being the same. */
    if ((ErrorCode & PAGE_FAULT_FETCH) || Address == Frame->Eip)
        Access = ACCESS_EXECUTE;

    if (!LdrIsKernelAddress(Frame->Eip) && LdrFindModuleByAddress((PVOID)Frame->Eip))
        Code = DRIVER_IRQL_NOT_LESS_OR_EQUAL;
    else if (!LdrIsKernelAddress(Address) && LdrFindModuleByAddress((PVOID)Address))
        Code = DRIVER_PORTION_MUST_BE_NONPAGED;
    KiBugCheckWithFrame(Code, Address, KiGetCurrentIrql(), Access, Frame->Eip, Frame);
}

/*
 * Puts a zeroed frame behind a demand-zero PTE. Two threads may come here for the same PTE: the
 * first one's frame stays, the other's goes back. Extra: PTE_GLOBAL or PTE_USER.
 */
static NTSTATUS MiResolveDemandZero(PMMPTE Pte, ULONG Extra, MI_USAGE Usage)
{
    MMPTE Old = *(volatile MMPTE *)Pte, New;
    PFN_NUMBER Frame = MiAllocateZeroedFrame(ZoneAny, Usage, Pte);

    if (Frame == MI_NO_FRAME)
        return STATUS_NO_MEMORY;
    New = MiMakeValidPte((ULONG)Frame, Old.Soft.Protection, Extra);
    if (Old.Hard.Valid ||
        InterlockedCompareExchange((LONG *)&Pte->Long, New.Long, Old.Long) != (LONG)Old.Long)
        MiFreeFrame(Frame);
    return STATUS_SUCCESS;
}

/*
 * A page of the upper half that nobody may touch above APC_LEVEL is hidden: out of reach, with its
 * frame. Driver Verifier does so. A locked page stays, for it may be touched there. The caller
 * flushes.
 */
VOID MiHideSystemPage(PVOID Va)
{
    PMMPTE Pte = MiSystemPte(Va);
    MMPTE Old = *(volatile MMPTE *)Pte, New = {0};

    if (!Old.Hard.Valid || MmPfnDatabase[Old.Hard.PageFrameNumber].ReferenceCount > 1)
        return;
    New.Soft.Protection = MiProtectionOfPte(Old) & 0x1F;
    New.Soft.Transition = 1;
    New.Soft.PageFrameNumber = Old.Hard.PageFrameNumber;
    while (Old.Hard.Valid && (ULONG)InterlockedCompareExchange((LONG *)&Pte->Long, (LONG)New.Long,
                                                               (LONG)Old.Long) != Old.Long)
        Old = *(volatile MMPTE *)Pte; /* the processor has set Accessed or Dirty meanwhile */
}

/* Brings a hidden page back. FALSE: it is not hidden. */
BOOLEAN MiShowSystemPage(PMMPTE Pte)
{
    MMPTE Old = *(volatile MMPTE *)Pte, New;

    if (Old.Hard.Valid || !Old.Soft.Transition)
        return FALSE;
    New = MiMakeValidPte(Old.Soft.PageFrameNumber, Old.Soft.Protection, PTE_GLOBAL);
    InterlockedCompareExchange((LONG *)&Pte->Long, (LONG)New.Long, (LONG)Old.Long);
    return TRUE;
}

NTSTATUS MiMakeSystemPageValid(ULONG_PTR Address, BOOLEAN Write)
{
    PMMPTE Pte = MiSystemPte((PVOID)Address);
    MMPTE Value = *(volatile MMPTE *)Pte;

    if (Value.Hard.Valid)
        return Write && !Value.Hard.Write ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
    if (MiShowSystemPage(Pte))
        return STATUS_SUCCESS;
    if (Value.Long == 0 || !MiIsPagedPoolAddress((PVOID)Address))
        return STATUS_ACCESS_VIOLATION;
    return MiResolveDemandZero(Pte, PTE_GLOBAL, UsagePaged);
}

static NTSTATUS MiSystemFault(ULONG_PTR Address, ULONG ErrorCode, PKTRAP_FRAME Frame)
{
    PMMPTE Pte = MiSystemPte((PVOID)Address);
    MMPTE Value = *(volatile MMPTE *)Pte;
    ULONG Write = (ErrorCode & PAGE_FAULT_WRITE) != 0;

    if (Value.Hard.Valid) {
        if (Write && !Value.Hard.Write)
            KiBugCheckWithFrame(ATTEMPTED_WRITE_TO_READONLY_MEMORY, Address, Value.Long, 0, 0,
                                Frame);
        return STATUS_SUCCESS; /* resolved by another thread meanwhile */
    }
    if (Value.Long == 0 && VfActive)
        VfCheckFault(Address, Write, Frame);
    if (KiGetCurrentIrql() >= DISPATCH_LEVEL)
        MiBadIrql(Address, ErrorCode, Frame);
    if (MiShowSystemPage(Pte))
        return STATUS_SUCCESS;
    if (Value.Long == 0 || !MiIsPagedPoolAddress((PVOID)Address))
        KiBugCheckWithFrame(PAGE_FAULT_IN_NONPAGED_AREA, Address, Write, Frame->Eip, 0, Frame);
    return MiResolveDemandZero(Pte, PTE_GLOBAL, UsagePaged);
}

/* A stack has grown: which one, and how far. */
typedef struct _MI_GROWTH {
    ULONG_PTR Limit; /* its lowest page now; 0: none has grown */
    ULONG_PTR Base;  /* its upper end */
} MI_GROWTH;

/*
 * Tells the thread's environment block how far its stack has grown. Ignored if that is gone. A
 * thread may also touch another one's stack, or be attached to another process: then it is not its.
 */
static VOID MiUpdateStackLimit(const MI_GROWTH *Grown)
{
    PKTHREAD Thread = KiGetCurrentThread();
    NT_TIB *Tib = Thread->Teb;
    ULONG_PTR Base;

    if (Tib && Thread->ApcStateIndex == 0 &&
        NT_SUCCESS(ExCopyFromUser(&Base, &Tib->StackBase, sizeof Base)) && Base == Grown->Base)
        ExCopyToUser(&Tib->StackLimit, &Grown->Limit, sizeof Grown->Limit);
}

/*
 * A guard page was touched. In a stack it becomes ordinary, and the page below becomes the guard:
 * the stack has grown. The lowest page stays out of reach: that is a stack overflow.
 */
static NTSTATUS MiHitGuardPage(PMM_SPACE Space, PMMPTE Pte, ULONG_PTR Address)
{
    ULONG_PTR Page = (ULONG_PTR)PAGE_ALIGN(Address);
    ULONG Protection = Pte->Soft.Protection & ~MM_GUARD_PAGE;
    PMMVAD Vad = MiFindVad(Space, Address);

    MiProtectUserPte(Pte, Page, Protection);
    if (Vad == NULL || !Vad->Stack)
        return STATUS_GUARD_PAGE_VIOLATION;
    if (Page - PAGE_SIZE <= Vad->Start)
        return STATUS_STACK_OVERFLOW;
    return MiCommitRange(Space, Page - PAGE_SIZE, Page, MM_READWRITE | MM_GUARD_PAGE) ==
                   STATUS_SUCCESS
               ? STATUS_SUCCESS
               : STATUS_STACK_OVERFLOW;
}

/* Space->Lock is held. */
static NTSTATUS MiResolveUserFault(PMM_SPACE Space, ULONG_PTR Address, BOOLEAN Write,
                                   MI_GROWTH *Grown)
{
    PMMPTE Pte = MiUserPte(Space, Address);
    NTSTATUS Status;

    if (Pte == NULL || Pte->Long == 0)
        return STATUS_ACCESS_VIOLATION;
    if (Pte->Hard.Valid && Write && Pte->Hard.CopyOnWrite)
        return MiCopyOnWrite(Space, Pte, Address);
    if (Pte->Hard.Valid)
        return (Write && !Pte->Hard.Write) || !Pte->Hard.Owner ? STATUS_ACCESS_VIOLATION
                                                               : STATUS_SUCCESS;
    if (Pte->Soft.Protection == MM_NOACCESS)
        return STATUS_ACCESS_VIOLATION;
    if (Pte->Soft.Protection & MM_GUARD_PAGE) {
        Status = MiHitGuardPage(Space, Pte, Address);
        if (!NT_SUCCESS(Status) || Status == STATUS_GUARD_PAGE_VIOLATION)
            return Status;
        Grown->Limit = (ULONG_PTR)PAGE_ALIGN(Address);
        Grown->Base = MiFindVad(Space, Address)->End;
        if (Pte->Hard.Valid)
            return STATUS_SUCCESS;
    }
    if (Write && !MiProtectionAllowsWrite(Pte->Soft.Protection))
        return STATUS_ACCESS_VIOLATION;
    if (Pte->Soft.Prototype)
        return MiResolveViewFault(MiFindVad(Space, Address), Pte, Address);
    Status = MiResolveDemandZero(Pte, PTE_USER, UsageProcess);
    if (NT_SUCCESS(Status))
        Space->PrivatePages++;
    return Status;
}

NTSTATUS MiMakeUserPageValid(ULONG_PTR Address, BOOLEAN Write)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    MI_GROWTH Grown = {0, 0};
    NTSTATUS Status;

    ExAcquireFastMutex(&Space->Lock);
    Status = MiResolveUserFault(Space, Address, Write, &Grown);
    ExReleaseFastMutex(&Space->Lock);
    if (Grown.Limit)
        MiUpdateStackLimit(&Grown);
    /* STATUS_GUARD_PAGE_VIOLATION is a warning, which NT_SUCCESS already counts as failure. */
    return Status;
}

/*
 * Resolves a page fault, or says by an error status that it cannot be. IRQL: the trap's, which
 * must be below DISPATCH_LEVEL; interrupts are enabled. Does not return from a fault that is the
 * kernel's own mistake.
 */
NTSTATUS MmAccessFault(ULONG ErrorCode, PVOID Address, KPROCESSOR_MODE Mode, PKTRAP_FRAME Frame)
{
    BOOLEAN Write = (ErrorCode & PAGE_FAULT_WRITE) != 0;

    if ((ULONG_PTR)Address >= MI_SYSTEM_BASE) {
        if (Mode == UserMode)
            return STATUS_ACCESS_VIOLATION;
        return MiSystemFault((ULONG_PTR)Address, ErrorCode, Frame);
    }
    if (KiGetCurrentIrql() >= DISPATCH_LEVEL)
        MiBadIrql((ULONG_PTR)Address, ErrorCode, Frame);
    if (Mode == KernelMode && (ErrorCode & PAGE_FAULT_FETCH) && (ErrorCode & PAGE_FAULT_PRESENT))
        KiBugCheckWithFrame(ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, (ULONG_PTR)Address,
                            MiUserPte(MmGetCurrentSpace(), (ULONG_PTR)Address)->Long, 0, 0, Frame);
    return MiMakeUserPageValid((ULONG_PTR)Address, Write);
}
