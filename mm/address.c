/*
 * Questions about addresses, and windows onto devices: what is behind a virtual address of the
 * upper half or of the current process, by walking its page tables as the processor does.
 */
#include "boot/loader.h"
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"
#include "mm/pool.h"

/* Exported data: where the two halves end and begin. */
PVOID MmHighestUserAddress = (PVOID)MI_HIGHEST_USER_ADDRESS;
ULONG_PTR MmUserProbeAddress = MI_USER_PROBE_ADDRESS;
PVOID MmSystemRangeStart = (PVOID)MI_SYSTEM_BASE;

/* The valid PTE behind Va in the current address space, by value; 0 if there is none. */
static MMPTE MiWalk(ULONG_PTR Va)
{
    PMMPTE Directory = MiWindow(KiReadCr3() >> PAGE_SHIFT);
    MMPTE Pde = Directory[Va >> MI_PDE_SHIFT], Pte = {0};

    if (Pde.Hard.Valid)
        Pte = ((PMMPTE)MiWindow(
            Pde.Hard.PageFrameNumber))[(Va >> PAGE_SHIFT) & (MI_PTES_PER_TABLE - 1)];
    if (!Pte.Hard.Valid)
        Pte.Long = 0;
    return Pte;
}

/* Would reading Va not fault, just now? (WDK: MmIsAddressValid.) IRQL <= DISPATCH_LEVEL. */
BOOLEAN NTAPI MmIsAddressValid(PVOID VirtualAddress)
{
    return MiWalk((ULONG_PTR)VirtualAddress).Hard.Valid;
}

/* The physical address behind a valid virtual one; 0 if it is not valid. IRQL: any. */
PHYSICAL_ADDRESS NTAPI MmGetPhysicalAddress(PVOID BaseAddress)
{
    MMPTE Pte = MiWalk((ULONG_PTR)BaseAddress);
    PHYSICAL_ADDRESS Address;

    Address.QuadPart = 0;
    if (Pte.Hard.Valid)
        Address.LowPart = (Pte.Hard.PageFrameNumber << PAGE_SHIFT) + BYTE_OFFSET(BaseAddress);
    return Address;
}

/* Is Va a valid address of system memory that is never paged? IRQL <= DISPATCH_LEVEL. */
BOOLEAN NTAPI MmIsNonPagedSystemAddressValid(PVOID VirtualAddress)
{
    return (ULONG_PTR)VirtualAddress >= MI_SYSTEM_BASE && !MiIsPagedPoolAddress(VirtualAddress) &&
           MmIsAddressValid(VirtualAddress);
}

/* An address for a frame's contents: the one that it was allocated for, else that of the window.
 * NULL: it is no memory, or a process's and beyond the window. IRQL <= DISPATCH_LEVEL. */
PVOID NTAPI MmGetVirtualForPhysical(PHYSICAL_ADDRESS PhysicalAddress)
{
    PFN_NUMBER Frame = (PFN_NUMBER)(PhysicalAddress.QuadPart >> PAGE_SHIFT);
    ULONG Offset = BYTE_OFFSET(PhysicalAddress.LowPart);
    PMMPTE Pte;

    if (PhysicalAddress.HighPart || !MiIsMemoryFrame(Frame))
        return NULL;
    Pte = MmPfnDatabase[Frame].PteAddress;
    if (Pte >= MmSystemPtes && Pte < MmSystemPtes + MI_SYSTEM_PTES)
        return (PVOID)(MI_SYSTEM_BASE + ((Pte - MmSystemPtes) << PAGE_SHIFT) + Offset);
    return Frame < MI_WINDOW_SIZE >> PAGE_SHIFT ? (PUCHAR)MiWindow(Frame) + Offset : NULL;
}

/* ---- What machine it is ----------------------------------------------------------------------
 */

#define SMALL_SYSTEM_PAGES  (32 * 1024 * 1024 / PAGE_SIZE)
#define MEDIUM_SYSTEM_PAGES (256 * 1024 * 1024 / PAGE_SIZE)

/* How generous a driver may be with memory (WDK: MmQuerySystemSize). IRQL: any. */
MM_SYSTEMSIZE NTAPI MmQuerySystemSize(VOID)
{
    if (MmNumberOfPhysicalPages <= SMALL_SYSTEM_PAGES)
        return MmSmallSystem;
    return MmNumberOfPhysicalPages <= MEDIUM_SYSTEM_PAGES ? MmMediumSystem : MmLargeSystem;
}

/* Is it a server's system? IRQL: any. */
BOOLEAN NTAPI MmIsThisAnNtAsSystem(VOID)
{
    return ((KUSER_SHARED_DATA *)MI_SYSTEM_SHARED)->NtProductType != NtProductWinNt;
}

/*
 * The ranges of memory, ended by one of no bytes, in nonpaged pool that the caller frees (WDK:
 * MmGetPhysicalMemoryRanges). NULL: no memory. IRQL: PASSIVE_LEVEL.
 */
PPHYSICAL_MEMORY_RANGE NTAPI MmGetPhysicalMemoryRanges(VOID)
{
    SIZE_T Bytes = (LoaderBlock.MemoryCount + 1) * sizeof(PHYSICAL_MEMORY_RANGE);
    PPHYSICAL_MEMORY_RANGE Ranges;
    ULONG i, Count = 0;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Ranges = ExAllocatePoolWithTag(NonPagedPool, Bytes, POOL_TAG('M', 'm', 'P', 'h'));
    if (Ranges == NULL)
        return NULL;
    RtlZeroMemory(Ranges, Bytes);
    for (i = 0; i < LoaderBlock.MemoryCount; i++) {
        if (LoaderBlock.Memory[i].PageCount == 0)
            continue;
        Ranges[Count].BaseAddress.QuadPart = (LONGLONG)LoaderBlock.Memory[i].FirstPage
                                             << PAGE_SHIFT;
        Ranges[Count++].NumberOfBytes.QuadPart = (LONGLONG)LoaderBlock.Memory[i].PageCount
                                                 << PAGE_SHIFT;
    }
    return Ranges;
}

/* ---- Windows onto devices --------------------------------------------------------------------
 */

/*
 * Maps device memory (WDK: MmMapIoSpace). NULL: nothing to map, no such cache type, no address
 * space, or physical addresses beyond 4 GB. IRQL <= DISPATCH_LEVEL.
 */
PVOID NTAPI MmMapIoSpace(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes,
                         MEMORY_CACHING_TYPE CacheType)
{
    ULONG Offset = BYTE_OFFSET(PhysicalAddress.LowPart), Pages, i;
    ULONG Protection = MM_READWRITE | (CacheType == MmCached ? 0 : MM_NOCACHE);
    PUCHAR Va;

    KI_VERIFY(KiGetCurrentIrql() <= DISPATCH_LEVEL, 0x73, KiGetCurrentIrql(),
              PhysicalAddress.LowPart, NumberOfBytes);
    if (PhysicalAddress.HighPart || NumberOfBytes == 0 || (ULONG)CacheType >= MmMaximumCacheType ||
        NumberOfBytes - 1 > MAXULONG - PhysicalAddress.LowPart)
        return NULL;
    Pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(PhysicalAddress.LowPart, NumberOfBytes);
    Va = MiReserveSystemPtes(Pages);
    if (Va == NULL)
        return NULL;
    for (i = 0; i < Pages; i++)
        MiMapSystemPage(Va + i * PAGE_SIZE, (PhysicalAddress.LowPart >> PAGE_SHIFT) + i,
                        Protection);
    return Va + Offset;
}

VOID NTAPI MmUnmapIoSpace(PVOID BaseAddress, SIZE_T NumberOfBytes)
{
    MiReleaseMapping(BaseAddress, ADDRESS_AND_SIZE_TO_SPAN_PAGES(BaseAddress, NumberOfBytes));
}
