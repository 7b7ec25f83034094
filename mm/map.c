/*
 * Mappings of the frames that an MDL describes: into system space, where every context finds them,
 * at DISPATCH_LEVEL, too; or into the process that a driver runs in.
 *
 * An MDL has at most one mapping into system space. Its address stands in MappedSystemVa, and
 * MDL_MAPPED_TO_SYSTEM_VA says so; the frames are held by the lock alone, which lasts longer. A
 * mapping into a process is a VAD that is marked as borrowed; it shares the frames (frame.c), so
 * that a program never has a page that is free, whatever the driver forgets. It ends with the
 * process at the latest.
 *
 * Source: WDK, "MmMapLockedPagesSpecifyCache", "MmUnmapLockedPages", "MmProtectMdlSystemAddress".
 */
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"

#define MDL_MAPPING_NO_WRITE 0x80000000 /* MdlMappingNoWrite, with the priority */
#define MDL_MAPPABLE         (MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL)
#define MDL_HAS_ADDRESS      (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)

/* A cache type is for memory that has none yet: devices', and what MmAllocatePagesForMdl gives. */
static ULONG MiMappingProtection(PFN_NUMBER Frame, MEMORY_CACHING_TYPE CacheType, ULONG Priority)
{
    ULONG Protection = Priority & MDL_MAPPING_NO_WRITE ? MM_READONLY : MM_READWRITE;

    if (CacheType != MmCached &&
        (!MiIsMemoryFrame(Frame) || MmPfnDatabase[Frame].Usage == UsageMdl))
        Protection |= MM_NOCACHE;
    return Protection;
}

VOID MiCheckMappable(PMDL Mdl)
{
    if (!(Mdl->MdlFlags & MDL_MAPPABLE))
        KeBugCheckEx(MEMORY_MANAGEMENT, 0x1233, *MmGetMdlPfnArray(Mdl), 0, 0);
}

/* ---- Into system space ------------------------------------------------------------------------
 */

VOID MiMapMdlFrames(PMDL Mdl, PUCHAR Va, MEMORY_CACHING_TYPE CacheType, ULONG Priority)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG Pages = MiMdlPages(Mdl), i;

    for (i = 0; i < Pages; i++)
        MiMapSystemPage(Va + i * PAGE_SIZE, Frames[i],
                        MiMappingProtection(Frames[i], CacheType, Priority));
    Mdl->MdlFlags &= ~MDL_PARENT_MAPPED_SYSTEM_VA;
    Mdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA;
    if (Mdl->MdlFlags & MDL_PARTIAL)
        Mdl->MdlFlags |= MDL_PARTIAL_HAS_BEEN_MAPPED;
}

static PVOID MiMapIntoSystem(PMDL Mdl, MEMORY_CACHING_TYPE CacheType, ULONG BugCheckOnFailure,
                             ULONG Priority)
{
    ULONG Pages = MiMdlPages(Mdl);
    PUCHAR Va;

    KI_VERIFY(!(Mdl->MdlFlags & MDL_HAS_ADDRESS), 0xB2, Mdl, Mdl->MdlFlags,
              Mdl->MdlFlags & MDL_HAS_ADDRESS);
    Va = MiReserveSystemPtes(Pages);
    if (Va == NULL && BugCheckOnFailure)
        KeBugCheckEx(NO_MORE_SYSTEM_PTES, 0, Pages, MiCountFreeSystemPtes(),
                     (MI_SYSTEM_PTE_END - MI_SYSTEM_PTE_START) >> PAGE_SHIFT);
    if (Va == NULL)
        return NULL;
    MiMapMdlFrames(Mdl, Va, CacheType, Priority);
    Mdl->MappedSystemVa = Va + Mdl->ByteOffset;
    return Mdl->MappedSystemVa;
}

static VOID MiUnmapFromSystem(PMDL Mdl, PVOID Va)
{
    ULONG Pages = MiMdlPages(Mdl);

    if (!MiHasOwnMapping(Mdl) || BYTE_OFFSET(Va) != Mdl->ByteOffset)
        KeBugCheckEx(SYSTEM_PTE_MISUSE, 6, (ULONG_PTR)Mdl, (ULONG_PTR)Va, Pages);
    Mdl->MdlFlags &= ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
    MiReleaseMapping(Va, Pages);
    if (Mdl->MdlFlags & MDL_SOURCE_IS_NONPAGED_POOL)
        Mdl->MappedSystemVa = MmGetMdlVirtualAddress(Mdl);
}

/* ---- Into a process ---------------------------------------------------------------------------
 */

static VOID MiShareWithProcess(PMM_SPACE Space, PMDL Mdl, ULONG_PTR Va,
                               MEMORY_CACHING_TYPE CacheType, ULONG Priority)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG Pages = MiMdlPages(Mdl), i;

    for (i = 0; i < Pages; i++) {
        ULONG Protection = MiMappingProtection(Frames[i], CacheType, Priority);
        MiShareFrame(Frames[i]);
        *MiUserPte(Space, Va + i * PAGE_SIZE) = MiMakeValidPte(Frames[i], Protection, PTE_USER);
    }
}

/* *Base: where it is to be, or 0; then where it is. Raises nothing. */
static NTSTATUS MiMapIntoProcess(PMDL Mdl, MEMORY_CACHING_TYPE CacheType, PULONG_PTR Base,
                                 ULONG Priority)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    SIZE_T Bytes = MiMdlPages(Mdl) * PAGE_SIZE;
    NTSTATUS Status;
    PMMVAD Vad;

    *Base &= ~(ULONG_PTR)0xFFFF;
    ExAcquireFastMutex(&Space->Lock);
    Status = MiInsertVad(Space, Base, Bytes, PAGE_READWRITE, MEM_PRIVATE, FALSE, &Vad);
    if (NT_SUCCESS(Status)) {
        Vad->Borrowed = TRUE;
        Status = MiCreateUserTables(Space, Vad->Start, Vad->End);
        if (NT_SUCCESS(Status))
            MiShareWithProcess(Space, Mdl, Vad->Start, CacheType, Priority);
        else
            MiDeleteVad(Space, Vad);
    }
    ExReleaseFastMutex(&Space->Lock);
    return Status;
}

static VOID MiUnmapFromProcess(PMDL Mdl, PVOID Va)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    PMMVAD Vad;

    ExAcquireFastMutex(&Space->Lock);
    Vad = MiFindVad(Space, (ULONG_PTR)Va);
    if (Vad == NULL || !Vad->Borrowed || Vad->Start != (ULONG_PTR)PAGE_ALIGN(Va))
        KeBugCheckEx(SYSTEM_PTE_MISUSE, 6, (ULONG_PTR)Mdl, (ULONG_PTR)Va, MiMdlPages(Mdl));
    MiDeleteVad(Space, Vad);
    ExReleaseFastMutex(&Space->Lock);
}

/* ---- What drivers call ------------------------------------------------------------------------
 */

/*
 * Maps the frames of an MDL, which are locked or never move (WDK: MmMapLockedPagesSpecifyCache).
 * KernelMode: NULL, or bug check 0x3F if that was asked for, when there is no address space; IRQL
 * <= DISPATCH_LEVEL. UserMode: raises a status; into the current process, at BaseAddress rounded
 * down to 64 KB unless that is NULL; IRQL <= APC_LEVEL. Of Priority, only what forbids writing is
 * looked at. Bug check 0x1A, 1233 if the frames are not locked.
 */
PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDLX Mdl, KPROCESSOR_MODE AccessMode,
                                         MEMORY_CACHING_TYPE CacheType, PVOID BaseAddress,
                                         ULONG BugCheckOnFailure, MM_PAGE_PRIORITY Priority)
{
    ULONG_PTR Base = (ULONG_PTR)BaseAddress;
    NTSTATUS Status;

    KI_VERIFY(KiGetCurrentIrql() <= (AccessMode == KernelMode ? DISPATCH_LEVEL : APC_LEVEL),
              AccessMode == KernelMode ? 0x76 : 0x77, KiGetCurrentIrql(), Mdl, AccessMode);
    MiCheckMappable(Mdl);
    if (AccessMode == KernelMode)
        return MiMapIntoSystem(Mdl, CacheType, BugCheckOnFailure, Priority);
    Status = MiMapIntoProcess(Mdl, CacheType, &Base, Priority);
    if (!NT_SUCCESS(Status))
        ExRaiseStatus(Status);
    return (PVOID)(Base + Mdl->ByteOffset);
}

/* The older routine, which stops the machine if there is no address space, unless the MDL says
 * that it may fail (WDK: MmMapLockedPages). */
PVOID NTAPI MmMapLockedPages(PMDL Mdl, KPROCESSOR_MODE AccessMode)
{
    return MmMapLockedPagesSpecifyCache(Mdl, AccessMode, MmCached, NULL,
                                        !(Mdl->MdlFlags & MDL_MAPPING_CAN_FAIL), HighPagePriority);
}

/*
 * Ends a mapping that one of these made, at the address that it returned; one into a process, in
 * that process (WDK: MmUnmapLockedPages). Bug check 0xDA if it is none. IRQL <= DISPATCH_LEVEL for
 * system space, <= APC_LEVEL for a process.
 */
VOID NTAPI MmUnmapLockedPages(PVOID BaseAddress, PMDL Mdl)
{
    BOOLEAN User = (ULONG_PTR)BaseAddress < MI_SYSTEM_BASE;

    KI_VERIFY(KiGetCurrentIrql() <= (User ? APC_LEVEL : DISPATCH_LEVEL), User ? 0x7A : 0x79,
              KiGetCurrentIrql(), BaseAddress, Mdl);
    if (User)
        MiUnmapFromProcess(Mdl, BaseAddress);
    else
        MiUnmapFromSystem(Mdl, BaseAddress);
}

/* One page of a mapping. What may not be touched keeps its frame, and whether it is cached. */
static MMPTE MiProtectMapping(MMPTE Old, ULONG Protection)
{
    BOOLEAN NoCache = Old.Hard.Valid ? Old.Hard.CacheDisable : Old.Soft.PageFileLow != 0;
    MMPTE New;

    if (Protection != MM_NOACCESS)
        return MiMakeValidPte(Old.Hard.PageFrameNumber, Protection | (NoCache ? MM_NOCACHE : 0),
                              PTE_GLOBAL | PTE_DIRTY);
    New = MiMakeDemandZeroPte(MM_NOACCESS);
    New.Soft.Transition = 1;
    New.Soft.PageFileLow = NoCache;
    New.Soft.PageFrameNumber = Old.Hard.PageFrameNumber;
    return New;
}

/*
 * Changes what may be done by an MDL's mapping into system space (WDK: MmProtectMdlSystemAddress).
 * STATUS_NOT_MAPPED_VIEW: it has none of its own. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI MmProtectMdlSystemAddress(PMDL Mdl, ULONG NewProtect)
{
    ULONG Protection = MiMakeProtection(NewProtect), Pages = MiMdlPages(Mdl), i;
    PMMPTE Pte;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Protection != MM_NOACCESS && ((Protection & ~7) || MiProtectionIsCopy(Protection)))
        return STATUS_INVALID_PAGE_PROTECTION;
    if (!MiHasOwnMapping(Mdl))
        return STATUS_NOT_MAPPED_VIEW;
    Pte = MiSystemPte(Mdl->MappedSystemVa);
    for (i = 0; i < Pages; i++)
        Pte[i] = MiProtectMapping(Pte[i], Protection);
    MiFlushSystemPages(PAGE_ALIGN(Mdl->MappedSystemVa), Pages);
    return STATUS_SUCCESS;
}
