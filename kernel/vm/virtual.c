/*
 * The virtual memory services, and the same for the kernel's own use on a new process.
 *
 * Each service captures and checks its arguments, finds the process, then works on that process's
 * space under its lock. For another process the thread attaches to it: user PTEs are invalidated
 * with INVLPG in the space that is loaded.
 */
#include "kernel/vm/vm.h"
#include "kernel/ex/capture.h"
#include "kernel/services.h"

VOID MiLeaveTarget(MI_TARGET *Target)
{
    ExReleaseFastMutex(&Target->Space->Lock);
    KeUnstackDetachProcess(&Target->ApcState);
    ObDereferenceObject(Target->Process);
}

NTSTATUS MiEnterTarget(HANDLE ProcessHandle, MI_TARGET *Target)
{
    NTSTATUS Status = PsReferenceProcess(ProcessHandle, PROCESS_VM_OPERATION, &Target->Process);

    if (!NT_SUCCESS(Status))
        return Status;
    Target->Space = &Target->Process->Vm;
    KeStackAttachProcess((PKPROCESS)Target->Process, &Target->ApcState);
    ExAcquireFastMutex(&Target->Space->Lock);
    if (!Target->Space->Deleted)
        return STATUS_SUCCESS;
    MiLeaveTarget(Target);
    return STATUS_PROCESS_IS_TERMINATING;
}

/* Rounds a caller's range out to pages. FALSE: it is empty or leaves the process's half. */
static BOOLEAN MiRoundRange(PVOID Base, SIZE_T Size, ULONG_PTR *Start, ULONG_PTR *End)
{
    if (Size == 0 || (ULONG_PTR)Base > MI_HIGHEST_USER_ADDRESS ||
        Size - 1 > MI_HIGHEST_USER_ADDRESS - (ULONG_PTR)Base)
        return FALSE;
    *Start = (ULONG_PTR)PAGE_ALIGN(Base);
    *End = ((ULONG_PTR)Base + Size - 1) / PAGE_SIZE * PAGE_SIZE + PAGE_SIZE;
    return TRUE;
}

/* Did a service reserve it, so that services may change it? */
static BOOLEAN MiIsProgramsOwn(const MMVAD *Vad)
{
    return Vad->Type == MEM_PRIVATE && !Vad->Stack && !Vad->Borrowed;
}

/* Space->Lock is held. Reserves and/or commits; *Base and *Size become what was done. */
static NTSTATUS MiAllocateInSpace(PMM_SPACE Space, PVOID *Base, SIZE_T *Size, ULONG Type,
                                  ULONG Protect)
{
    ULONG Protection = MiMakeProtection(Protect);
    ULONG_PTR Start = (ULONG_PTR)*Base, End;
    PMMVAD Vad;
    NTSTATUS Status = STATUS_SUCCESS;

    if (Start == 0 || (Type & MEM_RESERVE)) {
        Status = MiInsertVad(Space, &Start, *Size, Protect, MEM_PRIVATE, (Type & MEM_TOP_DOWN) != 0,
                             &Vad);
        if (!NT_SUCCESS(Status))
            return Status;
        End = Vad->End;
        if (Type & MEM_COMMIT)
            Status = MiCommitRange(Space, Start, End, Protection);
        if (!NT_SUCCESS(Status))
            MiDeleteVad(Space, Vad);
    } else {
        if (!MiRoundRange(*Base, *Size, &Start, &End))
            return STATUS_INVALID_PARAMETER;
        Vad = MiFindVad(Space, Start);
        if (Vad && Vad->Segment && End <= Vad->End)
            return MiCommitInView(Vad, Start, End, Protection);
        if (Vad == NULL || End > Vad->End || !MiIsProgramsOwn(Vad))
            return STATUS_CONFLICTING_ADDRESSES;
        if (!MiMayChange(Space, Start, End, Protection))
            return STATUS_INVALID_PAGE_PROTECTION;
        Status = MiCommitRange(Space, Start, End, Protection);
    }
    *Base = (PVOID)Start;
    *Size = End - Start;
    return Status;
}

static NTSTATUS MiCaptureRange(PVOID *BaseAddress, PSIZE_T RegionSize, PVOID *Base, SIZE_T *Size)
{
    NTSTATUS Status = ExCopyIn(Base, BaseAddress, sizeof *Base);

    if (NT_SUCCESS(Status))
        Status = ExCopyIn(Size, RegionSize, sizeof *Size);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(BaseAddress, sizeof *Base);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(RegionSize, sizeof *Size);
    return Status;
}

static NTSTATUS MiReturnRange(PVOID *BaseAddress, PSIZE_T RegionSize, PVOID Base, SIZE_T Size)
{
    NTSTATUS Status = ExCopyOut(BaseAddress, &Base, sizeof Base);

    return NT_SUCCESS(Status) ? ExCopyOut(RegionSize, &Size, sizeof Size) : Status;
}

/* Reserves and commits memory (WDK: ZwAllocateVirtualMemory). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, ULONG_PTR ZeroBits,
                                       PSIZE_T RegionSize, ULONG AllocationType, ULONG Protect)
{
    MI_TARGET Target;
    NTSTATUS Status;
    SIZE_T Size;
    PVOID Base;

    if (ZeroBits > 21)
        return STATUS_INVALID_PARAMETER_3;
    if ((AllocationType & ~(MEM_RESERVE | MEM_COMMIT | MEM_TOP_DOWN)) ||
        !(AllocationType & (MEM_RESERVE | MEM_COMMIT)))
        return STATUS_INVALID_PARAMETER_5;
    if (MiMakeProtection(Protect) == MM_INVALID_PROTECTION ||
        MiProtectionIsCopy(MiMakeProtection(Protect)))
        return STATUS_INVALID_PAGE_PROTECTION;
    Status = MiCaptureRange(BaseAddress, RegionSize, &Base, &Size);
    if (!NT_SUCCESS(Status))
        return Status;
    if ((ULONG_PTR)Base > MI_HIGHEST_USER_ADDRESS)
        return STATUS_INVALID_PARAMETER_2;
    if (Size == 0 || Size > MI_HIGHEST_USER_ADDRESS - (ULONG_PTR)Base)
        return STATUS_INVALID_PARAMETER_4;
    Status = MiEnterTarget(ProcessHandle, &Target);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MiAllocateInSpace(Target.Space, &Base, &Size, AllocationType, Protect);
    MiLeaveTarget(&Target);
    return NT_SUCCESS(Status) ? MiReturnRange(BaseAddress, RegionSize, Base, Size) : Status;
}

/* Space->Lock is held. Size 0 means the whole reservation that begins at Base. */
static NTSTATUS MiFreeInSpace(PMM_SPACE Space, PVOID *Base, SIZE_T *Size, ULONG FreeType)
{
    PMMVAD Vad = MiFindVad(Space, (ULONG_PTR)*Base);
    ULONG_PTR Start, End;

    if (Vad == NULL)
        return STATUS_MEMORY_NOT_ALLOCATED;
    if (!MiIsProgramsOwn(Vad))
        return STATUS_UNABLE_TO_DELETE_SECTION;
    if (*Size == 0) {
        if ((ULONG_PTR)PAGE_ALIGN(*Base) != Vad->Start)
            return STATUS_FREE_VM_NOT_AT_BASE;
        Start = Vad->Start;
        End = Vad->End;
    } else if (!MiRoundRange(*Base, *Size, &Start, &End) || End > Vad->End) {
        return STATUS_UNABLE_TO_FREE_VM;
    }
    if (FreeType == MEM_RELEASE && (Start != Vad->Start || End != Vad->End))
        return STATUS_UNABLE_TO_FREE_VM; /* a reservation is released whole */
    if (!MiMayChange(Space, Start, End, MI_NO_PAGES))
        return STATUS_INVALID_PAGE_PROTECTION;
    if (FreeType == MEM_RELEASE)
        MiDeleteVad(Space, Vad);
    else
        MiDecommitRange(Space, Start, End);
    *Base = (PVOID)Start;
    *Size = End - Start;
    return STATUS_SUCCESS;
}

/* Decommits or releases memory (WDK: ZwFreeVirtualMemory). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtFreeVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize,
                                   ULONG FreeType)
{
    MI_TARGET Target;
    NTSTATUS Status;
    SIZE_T Size;
    PVOID Base;

    if (FreeType != MEM_RELEASE && FreeType != MEM_DECOMMIT)
        return STATUS_INVALID_PARAMETER_4;
    Status = MiCaptureRange(BaseAddress, RegionSize, &Base, &Size);
    if (!NT_SUCCESS(Status))
        return Status;
    if ((ULONG_PTR)Base > MI_HIGHEST_USER_ADDRESS)
        return STATUS_INVALID_PARAMETER_2;
    Status = MiEnterTarget(ProcessHandle, &Target);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MiFreeInSpace(Target.Space, &Base, &Size, FreeType);
    MiLeaveTarget(&Target);
    return NT_SUCCESS(Status) ? MiReturnRange(BaseAddress, RegionSize, Base, Size) : Status;
}

/* Has the page been promised? In a view, the segment knows. */
static BOOLEAN MiIsCommitted(PMM_SPACE Space, const MMVAD *Vad, ULONG_PTR Va)
{
    PMMPTE Pte = MiUserPte(Space, Va);

    if (Pte == NULL || Pte->Long == 0)
        return FALSE;
    return Pte->Hard.Valid || !Pte->Soft.Prototype || MiPrototypeOf(Vad, Va)->Long != 0;
}

/* Space->Lock is held. All pages must be committed, within one VAD. */
static NTSTATUS MiProtectInSpace(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End, ULONG Protection,
                                 PULONG Old)
{
    PMMVAD Vad = MiFindVad(Space, Start);
    ULONG_PTR Va;

    if (Vad == NULL || End > Vad->End)
        return STATUS_CONFLICTING_ADDRESSES;
    if (Vad->Borrowed || !MiMayChange(Space, Start, End, Protection))
        return STATUS_INVALID_PAGE_PROTECTION;
    if (Vad->Segment)
        Protection = MiViewProtection(Vad, Protection);
    else if (MiProtectionIsCopy(Protection))
        Protection = MM_INVALID_PROTECTION;
    if (Protection == MM_INVALID_PROTECTION)
        return STATUS_INVALID_PAGE_PROTECTION;
    for (Va = Start; Va < End; Va += PAGE_SIZE) {
        if (!MiIsCommitted(Space, Vad, Va))
            return STATUS_NOT_COMMITTED;
    }
    *Old = MiMakeWin32Protect(MiProtectionOfPte(*MiUserPte(Space, Start)));
    for (Va = Start; Va < End; Va += PAGE_SIZE)
        MiProtectUserPte(MiUserPte(Space, Va), Va, Protection);
    return STATUS_SUCCESS;
}

/* Changes the protection of committed pages (VirtualProtect). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtProtectVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize,
                                      ULONG NewProtect, PULONG OldProtect)
{
    ULONG Protection = MiMakeProtection(NewProtect), Old = 0;
    ULONG_PTR Start, End;
    MI_TARGET Target;
    NTSTATUS Status;
    SIZE_T Size;
    PVOID Base;

    if (Protection == MM_INVALID_PROTECTION)
        return STATUS_INVALID_PAGE_PROTECTION;
    Status = MiCaptureRange(BaseAddress, RegionSize, &Base, &Size);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(OldProtect, sizeof Old);
    if (!NT_SUCCESS(Status))
        return Status;
    if (!MiRoundRange(Base, Size, &Start, &End))
        return STATUS_INVALID_PARAMETER_2;
    Status = MiEnterTarget(ProcessHandle, &Target);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MiProtectInSpace(Target.Space, Start, End, Protection, &Old);
    MiLeaveTarget(&Target);
    if (NT_SUCCESS(Status))
        Status = ExCopyOut(OldProtect, &Old, sizeof Old);
    return NT_SUCCESS(Status) ? MiReturnRange(BaseAddress, RegionSize, (PVOID)Start, End - Start)
                              : Status;
}

/* One page's state and protection, as MEMORY_BASIC_INFORMATION has them. */
static VOID MiQueryPage(PMM_SPACE Space, const MMVAD *Vad, ULONG_PTR Va, PULONG State,
                        PULONG Protect)
{
    *State = MEM_RESERVE;
    *Protect = 0;
    if (MiIsCommitted(Space, Vad, Va)) {
        *State = MEM_COMMIT;
        *Protect = MiMakeWin32Protect(MiProtectionOfPte(*MiUserPte(Space, Va)));
    }
}

/*
 * The page that all processes see at one address, and what is left of its 64 KB, have no VAD: they
 * are nobody's to change. They look like a reservation of which the first page is committed.
 */
static VOID MiQuerySharedRange(ULONG_PTR Va, PMEMORY_BASIC_INFORMATION Info)
{
    BOOLEAN Committed = Va == MI_USER_SHARED_ADDRESS;

    *Info = (MEMORY_BASIC_INFORMATION){
        .BaseAddress = (PVOID)Va,
        .AllocationBase = (PVOID)MI_USER_SHARED_ADDRESS,
        .AllocationProtect = PAGE_READONLY,
        .RegionSize = Committed ? PAGE_SIZE : MI_HIGHEST_USER_ADDRESS + 1 - Va,
        .State = Committed ? MEM_COMMIT : MEM_RESERVE,
        .Protect = Committed ? PAGE_READONLY : 0,
        .Type = MEM_PRIVATE,
    };
}

/* Space->Lock is held. The region of like pages that begins at Va. */
static VOID MiQueryInSpace(PMM_SPACE Space, ULONG_PTR Va, PMEMORY_BASIC_INFORMATION Info)
{
    PMMVAD Vad = MiNextVad(Space, Va);
    ULONG_PTR End = Va + PAGE_SIZE;
    ULONG State, Protect;

    if (Va >= MI_USER_SHARED_ADDRESS) {
        MiQuerySharedRange(Va, Info);
        return;
    }
    *Info = (MEMORY_BASIC_INFORMATION){.BaseAddress = (PVOID)Va};
    if (Vad == NULL || Va < Vad->Start) {
        Info->State = MEM_FREE;
        Info->Protect = PAGE_NOACCESS;
        Info->RegionSize = (Vad ? Vad->Start : MI_USER_SHARED_ADDRESS) - Va;
        return;
    }
    MiQueryPage(Space, Vad, Va, &State, &Protect);
    for (; End < Vad->End; End += PAGE_SIZE) {
        ULONG OtherState, OtherProtect;
        MiQueryPage(Space, Vad, End, &OtherState, &OtherProtect);
        if (OtherState != State || OtherProtect != Protect)
            break;
    }
    Info->AllocationBase = (PVOID)Vad->Start;
    Info->AllocationProtect = Vad->Protect;
    Info->RegionSize = End - Va;
    Info->State = State;
    Info->Protect = Protect;
    Info->Type = Vad->Type;
}

/* What is at an address (WDK: ZwQueryVirtualMemory). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE ProcessHandle, PVOID BaseAddress,
                                    MEMORY_INFORMATION_CLASS MemoryInformationClass,
                                    PVOID MemoryInformation, SIZE_T MemoryInformationLength,
                                    PSIZE_T ReturnLength)
{
    MEMORY_BASIC_INFORMATION Info;
    SIZE_T Length = sizeof Info;
    MI_TARGET Target;
    NTSTATUS Status;

    if (MemoryInformationClass != MemoryBasicInformation)
        return STATUS_INVALID_INFO_CLASS;
    if (MemoryInformationLength < sizeof Info)
        return STATUS_INFO_LENGTH_MISMATCH;
    if ((ULONG_PTR)BaseAddress > MI_HIGHEST_USER_ADDRESS)
        return STATUS_INVALID_PARAMETER;
    Status = MiEnterTarget(ProcessHandle, &Target);
    if (!NT_SUCCESS(Status))
        return Status;
    MiQueryInSpace(Target.Space, (ULONG_PTR)PAGE_ALIGN(BaseAddress), &Info);
    MiLeaveTarget(&Target);
    Status = ExCopyOut(MemoryInformation, &Info, sizeof Info);
    if (NT_SUCCESS(Status) && ReturnLength)
        Status = ExCopyOut(ReturnLength, &Length, sizeof Length);
    return Status;
}

/* Memory in the current process for the kernel's own purposes: writable and committed. */
NTSTATUS MmAllocateUserMemory(PVOID *Base, SIZE_T Bytes, BOOLEAN TopDown)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    NTSTATUS Status;

    ExAcquireFastMutex(&Space->Lock);
    Status =
        MiAllocateInSpace(Space, Base, &Bytes,
                          MEM_RESERVE | MEM_COMMIT | (TopDown ? MEM_TOP_DOWN : 0), PAGE_READWRITE);
    ExReleaseFastMutex(&Space->Lock);
    return Status;
}

/* The same for an image: the pages' own protections come later, by MmProtectUserPage. */
NTSTATUS MmReserveImage(PVOID *Base, SIZE_T Bytes)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    ULONG_PTR Start = (ULONG_PTR)*Base;
    PMMVAD Vad;
    NTSTATUS Status;

    ExAcquireFastMutex(&Space->Lock);
    Status = MiInsertVad(Space, &Start, Bytes, PAGE_EXECUTE_WRITECOPY, MEM_IMAGE, FALSE, &Vad);
    if (NT_SUCCESS(Status)) {
        Status = MiCommitRange(Space, Start, Vad->End, MM_READWRITE);
        if (!NT_SUCCESS(Status))
            MiDeleteVad(Space, Vad);
    }
    ExReleaseFastMutex(&Space->Lock);
    *Base = (PVOID)Start;
    return Status;
}

VOID MmProtectUserPage(PVOID Va, ULONG Protect)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    PMMPTE Pte;

    ExAcquireFastMutex(&Space->Lock);
    Pte = MiUserPte(Space, (ULONG_PTR)Va);
    if (Pte && Pte->Long)
        MiProtectUserPte(Pte, (ULONG_PTR)Va, MiMakeProtection(Protect));
    ExReleaseFastMutex(&Space->Lock);
}

/* Frees a whole reservation of the current process, whatever it was made for. */
NTSTATUS MmFreeUserMemory(PVOID Base)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    PMMVAD Vad;

    ExAcquireFastMutex(&Space->Lock);
    Vad = MiFindVad(Space, (ULONG_PTR)Base);
    if (Vad)
        MiDeleteVad(Space, Vad);
    ExReleaseFastMutex(&Space->Lock);
    return Vad ? STATUS_SUCCESS : STATUS_MEMORY_NOT_ALLOCATED;
}

/*
 * A user stack: Reserve bytes of address space of which Commit, and a guard page below that, are
 * committed at first. *Top: where the stack begins; *Limit: its lowest usable byte now.
 */
NTSTATUS MmAllocateUserStack(SIZE_T Reserve, SIZE_T Commit, PVOID *Top, PVOID *Limit, PVOID *Base)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    ULONG_PTR Start = 0;
    PMMVAD Vad = NULL;
    NTSTATUS Status;

    Commit = ROUND_TO_PAGES(Commit);
    Reserve = ROUND_TO_PAGES(max(Reserve, Commit + 3 * PAGE_SIZE));
    ExAcquireFastMutex(&Space->Lock);
    Status = MiInsertVad(Space, &Start, Reserve, PAGE_READWRITE, MEM_PRIVATE, FALSE, &Vad);
    if (NT_SUCCESS(Status)) {
        ULONG_PTR Lowest = Vad->End - Commit;
        Vad->Stack = TRUE;
        Status = MiCommitRange(Space, Lowest, Vad->End, MM_READWRITE);
        if (NT_SUCCESS(Status))
            Status = MiCommitRange(Space, Lowest - PAGE_SIZE, Lowest, MM_READWRITE | MM_GUARD_PAGE);
        *Top = (PVOID)Vad->End;
        *Limit = (PVOID)Lowest;
        if (!NT_SUCCESS(Status))
            MiDeleteVad(Space, Vad);
    }
    ExReleaseFastMutex(&Space->Lock);
    *Base = NT_SUCCESS(Status) ? (PVOID)Start : NULL;
    return Status;
}
