/*
 * Memory on its way to a device or from it. What the device reaches in one piece it gets as it
 * is; the rest is copied to map registers, and back when the transfer is over.
 *
 * Memory to be read into is copied, too: what the device does not write comes back as it was,
 * and not as what a register held before.
 *
 * An address in an MDL (CurrentVa) is one that counts from MmGetMdlVirtualAddress, and need not be
 * mapped.
 */
#include "kernel/dma/dma.h"
#include "kernel/hal/hal.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

static PFN_NUMBER DmapFrame(PMDL Mdl, PUCHAR Va)
{
    return MmGetMdlPfnArray(Mdl)[((ULONG_PTR)Va - (ULONG_PTR)Mdl->StartVa) >> PAGE_SHIFT];
}

static ULONG DmapAddress(PMDL Mdl, PUCHAR Va)
{
    return (ULONG)(DmapFrame(Mdl, Va) << PAGE_SHIFT) | BYTE_OFFSET(Va);
}

/* How many bytes from Va on the device reaches in one piece; 0: not the first. */
static ULONG DmapReachable(PADAPTER_OBJECT Adapter, PMDL Mdl, PUCHAR Va, ULONG Length)
{
    ULONG First = DmapAddress(Mdl, Va), Run = 0;

    while (Run < Length) {
        ULONG Address = DmapAddress(Mdl, Va + Run);
        ULONG Bytes = min(PAGE_SIZE - BYTE_OFFSET(Address), Length - Run);
        ULONG Last = Address + Bytes - 1;
        if (Address != First + Run || Last > Adapter->Highest ||
            (Adapter->Boundary && First / Adapter->Boundary != Last / Adapter->Boundary))
            break;
        Run += Bytes;
    }
    return Run;
}

static PUCHAR DmapRegisterPage(PADAPTER_OBJECT Adapter, PDMA_REGISTER Register)
{
    return Adapter->Pages + (Register - Adapter->Registers) * PAGE_SIZE;
}

/* Between a register and Bytes of what it stands for, From on. */
static VOID DmapCopy(PADAPTER_OBJECT Adapter, PDMA_REGISTER Register, PUCHAR From, ULONG Bytes,
                     BOOLEAN ToRegister)
{
    KIRQL OldIrql;
    PUCHAR Frame = MiMapFrame(DmapFrame(Register->Mdl, From), &OldIrql);
    PUCHAR Page = DmapRegisterPage(Adapter, Register) + BYTE_OFFSET(From);

    if (ToRegister)
        memcpy(Page, Frame + BYTE_OFFSET(From), Bytes);
    else
        memcpy(Frame + BYTE_OFFSET(From), Page, Bytes);
    MiUnmapFrame(Frame, OldIrql);
}

/* The first unused registers of an allocation. A driver that maps more than it has allocated
 * registers for would overwrite others' memory. */
static PDMA_REGISTER DmapUnused(PADAPTER_OBJECT Adapter, PDMA_REGISTER Base, ULONG Pages)
{
    PDMA_REGISTER Register = Base;

    while (Register && Register->Bytes && Register->Left > 1)
        Register++;
    if (Register == NULL || Register->Bytes || Register->Left < Pages)
        KeBugCheckEx(DRIVER_VERIFIER_DMA_VIOLATION, 0, (ULONG_PTR)Adapter, (ULONG_PTR)Base, Pages);
    return Register;
}

/* Copies memory to registers; returns where these lie. */
static ULONG DmapBounce(PADAPTER_OBJECT Adapter, PMDL Mdl, PDMA_REGISTER Base, PUCHAR Va,
                        ULONG Length)
{
    ULONG Pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(Va, Length);
    PDMA_REGISTER First = DmapUnused(Adapter, Base, Pages), Register;
    ULONG Address = Adapter->Address + (ULONG)(First - Adapter->Registers) * PAGE_SIZE;
    ULONG Bytes;

    Address += BYTE_OFFSET(Va);
    for (Register = First; Length; Register++) {
        Bytes = min(PAGE_SIZE - BYTE_OFFSET(Va), Length);
        Register->Bytes = Bytes;
        Register->Mdl = Mdl;
        Register->Va = Va;
        DmapCopy(Adapter, Register, Va, Bytes, TRUE);
        Va += Bytes;
        Length -= Bytes;
    }
    return Address;
}

/* Maps the next piece, of *Length bytes at most; for a device that knows no pieces, all. */
PHYSICAL_ADDRESS DmapMap(PADAPTER_OBJECT Adapter, PMDL Mdl, PDMA_REGISTER Base, PUCHAR Va,
                         PULONG Length)
{
    ULONG Run = DmapReachable(Adapter, Mdl, Va, *Length);
    PHYSICAL_ADDRESS Address = {.QuadPart = 0};

    if (Run == *Length || (Run && Adapter->Pieces)) {
        *Length = Run;
        Address.LowPart = DmapAddress(Mdl, Va);
        return Address;
    }
    if (Adapter->Pieces)
        *Length = min(*Length, PAGE_SIZE - BYTE_OFFSET(Va));
    Address.LowPart = DmapBounce(Adapter, Mdl, Base, Va, *Length);
    return Address;
}

/*
 * Maps memory for a transfer, and starts the channel if it is the system's (WDK: MapTransfer).
 * *Length: how much is to be, then how much has been mapped. A device that takes no pieces does one
 * transfer at a time: what its registers held is over. Bug check 0xE6: more pages than registers
 * were allocated. IRQL <= DISPATCH_LEVEL.
 */
PHYSICAL_ADDRESS NTAPI IoMapTransfer(PADAPTER_OBJECT Adapter, PMDL Mdl, PVOID MapRegisterBase,
                                     PVOID CurrentVa, PULONG Length, BOOLEAN WriteToDevice)
{
    PDMA_REGISTER Base = MapRegisterBase, Register;
    PHYSICAL_ADDRESS Address;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT(*Length && *Length <= Mdl->ByteCount);
    for (Register = Adapter->Pieces ? NULL : Base; Register; Register++) {
        Register->Bytes = 0;
        if (Register->Left == 1)
            break;
    }
    Address = DmapMap(Adapter, Mdl, Base, CurrentVa, Length);
    if (!Adapter->Master)
        HalStartDma(Adapter->Channel, Adapter->Mode, Address.LowPart, *Length, WriteToDevice);
    return Address;
}

/* One register's part of what has been moved: copied back, if it came from the device. */
static VOID DmapFlushRegister(PADAPTER_OBJECT Adapter, PDMA_REGISTER Register, PUCHAR Va,
                              PUCHAR End, BOOLEAN WriteToDevice)
{
    PUCHAR From = max(Register->Va, Va), To = min(Register->Va + Register->Bytes, End);

    if (From >= To)
        return;
    if (!WriteToDevice)
        DmapCopy(Adapter, Register, From, (ULONG)(To - From), FALSE);
    Register->Bytes = 0;
}

VOID DmapFlush(PADAPTER_OBJECT Adapter, PMDL Mdl, PDMA_REGISTER Base, PUCHAR Va, ULONG Length,
               BOOLEAN WriteToDevice)
{
    for (; Base && Base->Left; Base++) {
        if (Base->Bytes && Base->Mdl == Mdl)
            DmapFlushRegister(Adapter, Base, Va, Va + Length, WriteToDevice);
        if (Base->Left == 1)
            break;
    }
}

/*
 * A transfer is over: stops the system's channel, and puts into memory what came for it (WDK:
 * FlushAdapterBuffers). TRUE: all is in memory. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI IoFlushAdapterBuffers(PADAPTER_OBJECT Adapter, PMDL Mdl, PVOID MapRegisterBase,
                                    PVOID CurrentVa, ULONG Length, BOOLEAN WriteToDevice)
{
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (!Adapter->Master)
        HalStopDma(Adapter->Channel);
    DmapFlush(Adapter, Mdl, MapRegisterBase, CurrentVa, Length, WriteToDevice);
    return TRUE;
}
