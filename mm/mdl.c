/*
 * Memory descriptor lists (MDLs): which frames a range of bytes lies in. An MDL is a header and an
 * array of frame numbers behind it, in nonpaged memory. This file makes them, cuts parts out of
 * them and frees them; who locks and who maps the frames is in lock.c and map.c.
 *
 * An MDL belongs to whoever works on it: nothing guards it.
 *
 * Flags that say where the frames come from, of which an MDL has at most one:
 *   MDL_PAGES_LOCKED             MmProbeAndLockPages, or MmAllocatePagesForMdl
 *   MDL_SOURCE_IS_NONPAGED_POOL  MmBuildMdlForNonPagedPool: they stay as long as the memory does
 *   MDL_PARTIAL                  IoBuildPartialMdl: they stay as long as the other MDL's do
 *
 * Source: WDK, "Using MDLs" and the pages of the routines.
 */
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"
#include "mm/pool.h"

#define TAG_MDL POOL_TAG('M', 'd', 'l', ' ')
#define MDL_INHERITED                                                                              \
    (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA | MDL_IO_SPACE | MDL_WRITE_OPERATION)
#define MI_LARGEST_MDL                                                                             \
    0xFFFC /* bytes that MDL.Size can tell; it is the size of larger ones, too                     \
            */

/* The size of the MDL for a buffer (WDK: MmSizeOfMdl). IRQL: any. */
SIZE_T NTAPI MmSizeOfMdl(PVOID Base, SIZE_T Length)
{
    return sizeof(MDL) + ADDRESS_AND_SIZE_TO_SPAN_PAGES(Base, Length) * sizeof(PFN_NUMBER);
}

static VOID MiAppendMdl(PIRP Irp, PMDL Mdl)
{
    PMDL *Link = &Irp->MdlAddress;

    while (*Link)
        Link = &(*Link)->Next;
    *Link = Mdl;
}

/*
 * Makes the MDL of a buffer of Length bytes (WDK: IoAllocateMdl), without its frames. If Irp is
 * given, it becomes the first of that packet's, in place of any other, or, if SecondaryBuffer, the
 * last. NULL: no memory, or no address space is that large. IRQL <= DISPATCH_LEVEL.
 */
PMDL NTAPI IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer,
                         BOOLEAN ChargeQuota, PIRP Irp)
{
    PMDL Mdl;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Length > MAXULONG - BYTE_OFFSET(VirtualAddress) - (PAGE_SIZE - 1))
        return NULL;
    if (ChargeQuota)
        Mdl = ExAllocatePoolWithQuotaTag(NonPagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE,
                                         MmSizeOfMdl(VirtualAddress, Length), TAG_MDL);
    else
        Mdl = ExAllocatePoolWithTag(NonPagedPool, MmSizeOfMdl(VirtualAddress, Length), TAG_MDL);
    if (Mdl == NULL)
        return NULL;
    MmInitializeMdl(Mdl, VirtualAddress, Length);
    if (MmSizeOfMdl(VirtualAddress, Length) > MI_LARGEST_MDL)
        Mdl->Size = (CSHORT)MI_LARGEST_MDL;
    Mdl->Process = NULL;
    Mdl->MappedSystemVa = NULL;
    if (Irp && SecondaryBuffer)
        MiAppendMdl(Irp, Mdl);
    else if (Irp)
        Irp->MdlAddress = Mdl;
    return Mdl;
}

/* The older routine: in the caller's memory if that is given (WDK: MmCreateMdl). */
PMDL NTAPI MmCreateMdl(PMDL Mdl, PVOID Base, SIZE_T Length)
{
    if (Mdl == NULL)
        return IoAllocateMdl(Base, (ULONG)Length, FALSE, FALSE, NULL);
    MmInitializeMdl(Mdl, Base, Length);
    return Mdl;
}

/*
 * Frees an MDL (WDK: IoFreeMdl). If it is mapped into system space itself, not only its parent,
 * that ends, too. Its frames are unlocked already. IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI IoFreeMdl(PMDL Mdl)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (MiHasOwnMapping(Mdl)) {
        KI_VERIFY(Mdl->MdlFlags & MDL_PARTIAL, 0xB8, Mdl, Mdl->MdlFlags, 0);
        MmUnmapLockedPages(Mdl->MappedSystemVa, Mdl);
    }
    ASSERT(!(Mdl->MdlFlags & MDL_PAGES_LOCKED));
    ExFreePoolWithTag(Mdl, TAG_MDL);
}

/* The frame behind a page of system space that does not change: a driver's promise. */
static PFN_NUMBER MiResidentFrame(PMDL Mdl, ULONG_PTR Va)
{
    MMPTE Pte = {0};

    if (Va >= MI_SYSTEM_BASE)
        Pte = *MiSystemPte((PVOID)Va);
    if (!Pte.Hard.Valid)
        KeBugCheckEx(MEMORY_MANAGEMENT, 0x1240, (ULONG_PTR)Mdl, Va, Pte.Long);
    return Pte.Hard.PageFrameNumber;
}

/*
 * Fills in the frames of a buffer in nonpaged pool, or in other memory that is always there: a
 * driver's image, or what MmMapIoSpace gave (WDK: MmBuildMdlForNonPagedPool). They are not locked,
 * and the buffer's own address is their mapping. IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI MmBuildMdlForNonPagedPool(PMDLX Mdl)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG Pages = MiMdlPages(Mdl), i;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    KI_VERIFY(!MiIsPagedPoolAddress(Mdl->StartVa), 0x7F, KiGetCurrentIrql(), Mdl, Mdl->MdlFlags);
    for (i = 0; i < Pages; i++) {
        Frames[i] = MiResidentFrame(Mdl, (ULONG_PTR)Mdl->StartVa + i * PAGE_SIZE);
        if (!MiIsMemoryFrame(Frames[i]))
            Mdl->MdlFlags |= MDL_IO_SPACE;
    }
    Mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
    Mdl->MappedSystemVa = MmGetMdlVirtualAddress(Mdl);
    Mdl->Process = NULL;
}

/*
 * Makes Target describe Length bytes from VirtualAddress on, which is an address as
 * MmGetMdlVirtualAddress(Source) counts them; Length 0: all that follows in Source (WDK:
 * IoBuildPartialMdl). If Source is mapped into system space, that is Target's mapping, too. A
 * Target without room for all frames is bug check 0x40. IRQL <= DISPATCH_LEVEL.
 */
VOID NTAPI IoBuildPartialMdl(PMDL Source, PMDL Target, PVOID VirtualAddress, ULONG Length)
{
    ULONG_PTR Offset = (ULONG_PTR)VirtualAddress - (ULONG_PTR)MmGetMdlVirtualAddress(Source);
    ULONG First = ((ULONG_PTR)VirtualAddress - (ULONG_PTR)Source->StartVa) >> PAGE_SHIFT;
    SIZE_T Needed;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT(Offset <= Source->ByteCount && Length <= Source->ByteCount - Offset);
    if (Length == 0)
        Length = Source->ByteCount - Offset;
    Needed = MmSizeOfMdl(VirtualAddress, Length);
    if (min(Needed, MI_LARGEST_MDL) > (USHORT)Target->Size)
        KeBugCheckEx(TARGET_MDL_TOO_SMALL, 0, 0, 0, 0);
    Target->Process = Source->Process;
    Target->StartVa = PAGE_ALIGN(VirtualAddress);
    Target->ByteOffset = BYTE_OFFSET(VirtualAddress);
    Target->ByteCount = Length;
    Target->MappedSystemVa = (PUCHAR)Source->MappedSystemVa + Offset;
    Target->MdlFlags = (Target->MdlFlags & MDL_ALLOCATED_FIXED_SIZE) | MDL_PARTIAL;
    Target->MdlFlags |= Source->MdlFlags & MDL_INHERITED;
    if (Source->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
        Target->MdlFlags |= MDL_PARENT_MAPPED_SYSTEM_VA;
    RtlCopyMemory(MmGetMdlPfnArray(Target), MmGetMdlPfnArray(Source) + First,
                  MiMdlPages(Target) * sizeof(PFN_NUMBER));
}
