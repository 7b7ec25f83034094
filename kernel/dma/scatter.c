/*
 * Scatter/gather lists: a whole transfer mapped at once (WDK: GetScatterGatherList). The MDL may
 * have others behind it, which the transfer goes on in.
 *
 * Behind the elements of a list lies what the list is about, to which its Reserved member points.
 * It belongs to the transfer: nothing guards it.
 */
#include "kernel/dma/dma.h"
#include "kernel/hal/hal.h"
#include "mm/mm.h"

typedef struct _DMA_TRANSFER {
    WAIT_CONTEXT_BLOCK Wait;
    PADAPTER_OBJECT Adapter;
    PMDL Mdl;
    PUCHAR Va;
    ULONG Length;
    BOOLEAN WriteToDevice;
    BOOLEAN Allocated; /* the list is from the pool */
    PDRIVER_LIST_CONTROL Routine;
    PVOID Context;
    PSCATTER_GATHER_LIST List;
    PDMA_REGISTER Base;
    PMDL TargetMdl; /* DmapBuildMdl */
} DMA_TRANSFER;

/* The part of a transfer that lies in one MDL. */
typedef struct _DMA_PART {
    PMDL Mdl;
    PUCHAR Va;
    ULONG Bytes;
    ULONG After; /* bytes of the transfer in later ones */
} DMA_PART;

/* Fills in Bytes and After. FALSE: the address is not in the MDL, or there is nothing left. */
static BOOLEAN DmapSizePart(DMA_PART *Part, ULONG Length)
{
    ULONG_PTR Offset = (ULONG_PTR)Part->Va - (ULONG_PTR)MmGetMdlVirtualAddress(Part->Mdl);

    if (Length == 0 || Offset >= Part->Mdl->ByteCount)
        return FALSE;
    Part->Bytes = min(Length, Part->Mdl->ByteCount - Offset);
    Part->After = Length - Part->Bytes;
    return TRUE;
}

static BOOLEAN DmapFirstPart(DMA_PART *Part, PMDL Mdl, PUCHAR Va, ULONG Length)
{
    *Part = (DMA_PART){.Mdl = Mdl, .Va = Va};
    return DmapSizePart(Part, Length);
}

static BOOLEAN DmapNextPart(DMA_PART *Part)
{
    if (Part->After == 0 || Part->Mdl->Next == NULL)
        return FALSE;
    Part->Mdl = Part->Mdl->Next;
    Part->Va = MmGetMdlVirtualAddress(Part->Mdl);
    return DmapSizePart(Part, Part->After);
}

/* How many pages a transfer lies in; Mdl NULL: in one buffer. 0: the MDLs do not hold it. */
static ULONG DmapCountPages(PMDL Mdl, PUCHAR Va, ULONG Length)
{
    DMA_PART Part;
    ULONG Pages = 0;
    BOOLEAN There;

    if (Mdl == NULL)
        return ADDRESS_AND_SIZE_TO_SPAN_PAGES(Va, Length);
    for (There = DmapFirstPart(&Part, Mdl, Va, Length); There; There = DmapNextPart(&Part)) {
        Pages += ADDRESS_AND_SIZE_TO_SPAN_PAGES(Part.Va, Part.Bytes);
        if (Part.After == 0)
            return Pages;
    }
    return 0;
}

static ULONG DmapListBytes(ULONG Pages)
{
    return FIELD_OFFSET(SCATTER_GATHER_LIST, Elements) + Pages * sizeof(SCATTER_GATHER_ELEMENT);
}

/*
 * How large a list for a transfer may become, and how many registers it needs (WDK:
 * CalculateScatterGatherList). STATUS_BUFFER_TOO_SMALL: the MDLs do not hold Length bytes;
 * STATUS_INSUFFICIENT_RESOURCES: more registers than there are. IRQL: any.
 */
NTSTATUS NTAPI DmapCalculateList(PDMA_ADAPTER Dma, PMDL Mdl, PVOID CurrentVa, ULONG Length,
                                 PULONG Bytes, PULONG Registers)
{
    PADAPTER_OBJECT Adapter = (PADAPTER_OBJECT)Dma;
    ULONG Pages = DmapCountPages(Mdl, CurrentVa, Length);

    if (Pages == 0)
        return STATUS_BUFFER_TOO_SMALL;
    if (Pages > Adapter->RegisterCount)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Bytes = DmapListBytes(Pages) + sizeof(DMA_TRANSFER);
    if (Registers)
        *Registers = Pages;
    return STATUS_SUCCESS;
}

static VOID DmapMapPart(DMA_TRANSFER *Transfer, const DMA_PART *Part)
{
    PSCATTER_GATHER_LIST List = Transfer->List;
    ULONG Done = 0, Bytes;

    for (; Done < Part->Bytes; Done += Bytes) {
        PSCATTER_GATHER_ELEMENT Element = &List->Elements[List->NumberOfElements++];
        Bytes = Part->Bytes - Done;
        Element->Address =
            DmapMap(Transfer->Adapter, Part->Mdl, Transfer->Base, Part->Va + Done, &Bytes);
        Element->Length = Bytes;
        Element->Reserved = 0;
    }
}

/* The control routine: makes the list, and has the driver begin. It may be gone on return. */
static IO_ALLOCATION_ACTION NTAPI DmapBeginTransfer(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                                    PVOID MapRegisterBase, PVOID Context)
{
    DMA_TRANSFER *Transfer = Context;
    PADAPTER_OBJECT Adapter = Transfer->Adapter;
    PSCATTER_GATHER_LIST List = Transfer->List;
    BOOLEAN There;
    DMA_PART Part;

    Transfer->Base = MapRegisterBase;
    There = DmapFirstPart(&Part, Transfer->Mdl, Transfer->Va, Transfer->Length);
    for (; There; There = DmapNextPart(&Part))
        DmapMapPart(Transfer, &Part);
    if (!Adapter->Master)
        HalStartDma(Adapter->Channel, Adapter->Mode, List->Elements[0].Address.LowPart,
                    List->Elements[0].Length, Transfer->WriteToDevice);
    Transfer->Routine(DeviceObject, Irp, List, Transfer->Context);
    return DeallocateObjectKeepRegisters;
}

/* The size is checked. */
static NTSTATUS DmapStartTransfer(const DMA_TRANSFER *Given, PVOID Buffer, ULONG Pages)
{
    PSCATTER_GATHER_LIST List = Buffer;
    DMA_TRANSFER *Transfer = (DMA_TRANSFER *)((PUCHAR)Buffer + DmapListBytes(Pages));

    *Transfer = *Given;
    Transfer->List = List;
    Transfer->Wait.DeviceContext = Transfer;
    List->NumberOfElements = 0;
    List->Reserved = (ULONG_PTR)Transfer;
    return HalAllocateAdapterChannel(Given->Adapter, &Transfer->Wait, Pages, DmapBeginTransfer);
}

/*
 * Maps a transfer in memory of the caller's, and has a routine called with the list (WDK:
 * BuildScatterGatherList). STATUS_BUFFER_TOO_SMALL: that memory, or the MDLs;
 * STATUS_INSUFFICIENT_RESOURCES: more registers than there are. IRQL: DISPATCH_LEVEL.
 */
NTSTATUS NTAPI DmapBuildList(PDMA_ADAPTER Dma, PDEVICE_OBJECT DeviceObject, PMDL Mdl,
                             PVOID CurrentVa, ULONG Length, PDRIVER_LIST_CONTROL ExecutionRoutine,
                             PVOID Context, BOOLEAN WriteToDevice, PVOID Buffer, ULONG BufferLength)
{
    DMA_TRANSFER Transfer = {
        .Adapter = (PADAPTER_OBJECT)Dma,
        .Wait = {.DeviceObject = DeviceObject, .CurrentIrp = DeviceObject->CurrentIrp},
        .Mdl = Mdl,
        .Va = CurrentVa,
        .Length = Length,
        .WriteToDevice = WriteToDevice,
        .Allocated = Buffer == NULL,
        .Routine = ExecutionRoutine,
        .Context = Context};
    ULONG Bytes, Pages;
    NTSTATUS Status = DmapCalculateList(Dma, Mdl, CurrentVa, Length, &Bytes, &Pages);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Buffer == NULL)
        Buffer = ExAllocatePoolWithTag(NonPagedPool, Bytes, TAG_DMA);
    else if (BufferLength < Bytes)
        return STATUS_BUFFER_TOO_SMALL;
    return Buffer ? DmapStartTransfer(&Transfer, Buffer, Pages) : STATUS_INSUFFICIENT_RESOURCES;
}

/* The same in memory from the pool (WDK: GetScatterGatherList). IRQL: DISPATCH_LEVEL. */
NTSTATUS NTAPI HalGetScatterGatherList(PADAPTER_OBJECT Adapter, PDEVICE_OBJECT DeviceObject,
                                       PMDL Mdl, PVOID CurrentVa, ULONG Length,
                                       PDRIVER_LIST_CONTROL ExecutionRoutine, PVOID Context,
                                       BOOLEAN WriteToDevice)
{
    return DmapBuildList(&Adapter->Public, DeviceObject, Mdl, CurrentVa, Length, ExecutionRoutine,
                         Context, WriteToDevice, NULL, 0);
}

/* The transfer is over: flushed, and its registers and list freed (WDK: PutScatterGatherList).
 * IRQL: DISPATCH_LEVEL. */
VOID NTAPI HalPutScatterGatherList(PADAPTER_OBJECT Adapter, PSCATTER_GATHER_LIST ScatterGather,
                                   BOOLEAN WriteToDevice)
{
    DMA_TRANSFER *Transfer = (DMA_TRANSFER *)ScatterGather->Reserved;
    DMA_PART Part;
    BOOLEAN There = DmapFirstPart(&Part, Transfer->Mdl, Transfer->Va, Transfer->Length);

    ASSERT(Transfer->Adapter == Adapter && Transfer->WriteToDevice == WriteToDevice);
    if (!Adapter->Master)
        HalStopDma(Adapter->Channel);
    for (; There; There = DmapNextPart(&Part))
        DmapFlush(Adapter, Part.Mdl, Transfer->Base, Part.Va, Part.Bytes, WriteToDevice);
    if (Transfer->TargetMdl) {
        Transfer->TargetMdl->MdlFlags &= ~MDL_PAGES_LOCKED;
        if (Transfer->TargetMdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
            MmUnmapLockedPages(Transfer->TargetMdl->MappedSystemVa, Transfer->TargetMdl);
        IoFreeMdl(Transfer->TargetMdl);
    }
    IoFreeMapRegisters(Adapter, Transfer->Base, Transfer->Wait.NumberOfMapRegisters);
    if (Transfer->Allocated)
        ExFreePoolWithTag(ScatterGather, TAG_DMA);
}

/* Each element's pages. A byte has kept its place in a page, so the pages are as the MDL's. */
static VOID DmapFillMdl(PMDL Mdl, PSCATTER_GATHER_LIST List)
{
    PPFN_NUMBER Frame = MmGetMdlPfnArray(Mdl);
    ULONG i, Done;

    for (i = 0; i < List->NumberOfElements; i++) {
        ULONG First = List->Elements[i].Address.LowPart;
        for (Done = 0; Done < BYTE_OFFSET(First) + List->Elements[i].Length; Done += PAGE_SIZE)
            *Frame++ = (First + Done) >> PAGE_SHIFT;
    }
    Mdl->MdlFlags |= MDL_PAGES_LOCKED; /* by the transfer, until the list is put */
}

/*
 * An MDL of where the transfer's bytes are for the device: the driver's own, unless some have been
 * copied (WDK: BuildMdlFromScatterGatherList). It goes with the list. STATUS_INVALID_PARAMETER: no
 * MDL; STATUS_NONE_MAPPED: there is one already. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI DmapBuildMdl(PDMA_ADAPTER Dma, PSCATTER_GATHER_LIST List, PMDL OriginalMdl,
                            PMDL *TargetMdl)
{
    DMA_TRANSFER *Transfer = (DMA_TRANSFER *)List->Reserved;

    UNREFERENCED_PARAMETER(Dma);
    if (OriginalMdl == NULL)
        return STATUS_INVALID_PARAMETER;
    if (Transfer->TargetMdl)
        return STATUS_NONE_MAPPED;
    *TargetMdl = OriginalMdl;
    if (Transfer->Base == NULL || Transfer->Base->Bytes == 0)
        return STATUS_SUCCESS;
    if (OriginalMdl->Next) /* one MDL cannot say where pages begin anew */
        return STATUS_INSUFFICIENT_RESOURCES;
    *TargetMdl = IoAllocateMdl(Transfer->Va, Transfer->Length, FALSE, FALSE, NULL);
    if (*TargetMdl == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    DmapFillMdl(*TargetMdl, List);
    Transfer->TargetMdl = *TargetMdl;
    return STATUS_SUCCESS;
}
