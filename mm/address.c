/*
 * Questions about addresses, and windows onto devices: what is behind a virtual address of the
 * upper half or of the current process, by walking its page tables as the processor does.
 */
#include "mm/mm.h"

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

/*
 * Maps device memory (WDK: MmMapIoSpace). NULL: no address space, or physical addresses beyond
 * 4 GB. IRQL <= DISPATCH_LEVEL.
 */
PVOID NTAPI MmMapIoSpace(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes,
                         MEMORY_CACHING_TYPE CacheType)
{
    ULONG Offset = BYTE_OFFSET(PhysicalAddress.LowPart), Pages, i;
    ULONG Protection = MM_READWRITE | (CacheType == MmCached ? 0 : MM_NOCACHE);
    PUCHAR Va;

    if (PhysicalAddress.HighPart || NumberOfBytes == 0 ||
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
