/*
 * Adapters: what a driver says of its device becomes limits; and common buffers, memory within
 * these limits that driver and device both use all the time.
 *
 * A bus master's adapter is its driver's own. Those of a channel of the system's are one, with a
 * reference for each driver: DmapLock guards which there are.
 */
#include "kernel/dma/dma.h"
#include "kernel/hal/hal.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

#define REACH_24_BITS  0xFFFFFF
#define MOST_PAGES     64      /* of a bus master's map registers */
#define MOST_REGISTERS 0x40000 /* where they are a number only: 1 GB */
#define BYTES_BOUNDARY 0x10000 /* the page registers do not count on (kernel/hal/isadma.c) */
#define WORDS_BOUNDARY 0x20000

static PADAPTER_OBJECT DmapSystem[HAL_DMA_CHANNELS];
static KSPIN_LOCK DmapLock;

static VOID DmapDeleteAdapter(PADAPTER_OBJECT Adapter)
{
    if (Adapter->Pages)
        MmFreeContiguousMemory(Adapter->Pages);
    if (Adapter->Registers)
        ExFreePoolWithTag(Adapter->Registers, TAG_DMA);
    ExFreePoolWithTag(Adapter, TAG_DMA);
}

/* Gives an adapter its pages: as many as there are side by side, at least one. */
static BOOLEAN DmapAddRegisters(PADAPTER_OBJECT Adapter, ULONG Count)
{
    const PHYSICAL_ADDRESS Zero = {.QuadPart = 0}, Highest = {.QuadPart = Adapter->Highest},
                           Boundary = {.QuadPart = Adapter->Boundary};

    for (; Adapter->Pages == NULL && Count; Count /= 2) {
        Adapter->RegisterCount = Count;
        Adapter->Pages = MmAllocateContiguousMemorySpecifyCache(Count * PAGE_SIZE, Zero, Highest,
                                                                Boundary, MmCached);
    }
    if (Adapter->Pages == NULL)
        return FALSE;
    Adapter->Address = MmGetPhysicalAddress(Adapter->Pages).LowPart;
    Adapter->Registers =
        ExAllocatePoolWithTag(NonPagedPool, Adapter->RegisterCount * sizeof(DMA_REGISTER), TAG_DMA);
    if (Adapter->Registers)
        memset(Adapter->Registers, 0, Adapter->RegisterCount * sizeof(DMA_REGISTER));
    return Adapter->Registers != NULL;
}

/* The last address that a device reaches (WDK: DEVICE_DESCRIPTION). */
static ULONG DmapReach(PDEVICE_DESCRIPTION Device)
{
    if (!Device->Master)
        return REACH_24_BITS;
    if (Device->Dma32BitAddresses || Device->Dma64BitAddresses ||
        (Device->ScatterGather && Device->InterfaceType == PCIBus))
        return MAXULONG;
    return REACH_24_BITS;
}

static UCHAR DmapMode(PDEVICE_DESCRIPTION Device)
{
    return (Device->DemandMode ? HAL_DMA_DEMAND : HAL_DMA_SINGLE) |
           (Device->AutoInitialize ? HAL_DMA_AUTOMATIC : 0);
}

static VOID DmapFillAdapter(PADAPTER_OBJECT Adapter, PDEVICE_DESCRIPTION Device)
{
    memset(Adapter, 0, sizeof *Adapter);
    Adapter->Public.Version = 1;
    Adapter->Public.Size = sizeof *Adapter;
    Adapter->Public.DmaOperations = &DmapOperations;
    Adapter->Master = Device->Master;
    Adapter->Pieces = Device->Master && Device->ScatterGather;
    Adapter->Channel = Device->DmaChannel;
    Adapter->Highest = DmapReach(Device);
    if (!Device->Master)
        Adapter->Boundary = Device->DmaChannel < HAL_DMA_CASCADE ? BYTES_BOUNDARY : WORDS_BOUNDARY;
    Adapter->References = 1;
    KeInitializeDeviceQueue(&Adapter->Queue);
    KeInitializeSpinLock(&Adapter->Lock);
}

/* For transfers of Pages pages, however they lie. NULL: no memory. */
static PADAPTER_OBJECT DmapCreateAdapter(PDEVICE_DESCRIPTION Device, ULONG Pages)
{
    PADAPTER_OBJECT Adapter = ExAllocatePoolWithTag(NonPagedPool, sizeof *Adapter, TAG_DMA);
    ULONG Most = Device->Master ? MOST_PAGES : 0;

    if (Adapter == NULL)
        return NULL;
    DmapFillAdapter(Adapter, Device);
    if (Adapter->Pieces && Adapter->Highest >> PAGE_SHIFT >= MmHighestPhysicalPage) {
        Adapter->RegisterCount = MOST_REGISTERS;
        return Adapter;
    }
    if (DmapAddRegisters(Adapter, Most ? min(Pages, Most) : Adapter->Boundary >> PAGE_SHIFT))
        return Adapter;
    DmapDeleteAdapter(Adapter);
    return NULL;
}

/* The adapter of a system channel: the one that there is, or else New. */
static PADAPTER_OBJECT DmapShareAdapter(PADAPTER_OBJECT New)
{
    PADAPTER_OBJECT Adapter;
    KIRQL OldIrql;

    KeAcquireSpinLock(&DmapLock, &OldIrql);
    Adapter = DmapSystem[New->Channel];
    if (Adapter)
        Adapter->References++;
    else
        DmapSystem[New->Channel] = Adapter = New;
    KeReleaseSpinLock(&DmapLock, OldIrql);
    if (Adapter != New)
        DmapDeleteAdapter(New);
    return Adapter;
}

static BOOLEAN DmapIsPossible(PDEVICE_DESCRIPTION Device)
{
    if (Device->Version > DEVICE_DESCRIPTION_VERSION2 || Device->Reserved1)
        return FALSE;
    if (Device->Master)
        return TRUE;
    if (Device->DmaChannel >= HAL_DMA_CHANNELS || Device->DmaChannel == HAL_DMA_CASCADE)
        return FALSE;
    return Device->DmaWidth == (Device->DmaChannel < HAL_DMA_CASCADE ? Width8Bits : Width16Bits);
}

/*
 * An adapter for a device, and how many map registers a transfer of it may have (WDK:
 * IoGetDmaAdapter, HalGetAdapter). NULL: no memory; a later version of the description than 2; no
 * such system channel, or it has another width. IRQL: PASSIVE_LEVEL.
 */
PADAPTER_OBJECT NTAPI HalGetAdapter(PDEVICE_DESCRIPTION DeviceDescription,
                                    PULONG NumberOfMapRegisters)
{
    ULONG Pages = BYTES_TO_PAGES(DeviceDescription->MaximumLength) + 1;
    PADAPTER_OBJECT Adapter = NULL;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (DmapIsPossible(DeviceDescription))
        Adapter = DmapCreateAdapter(DeviceDescription, Pages);
    if (Adapter && !Adapter->Master) {
        Adapter = DmapShareAdapter(Adapter);
        Adapter->Mode = DmapMode(DeviceDescription); /* whose devices take turns agree on it */
    }
    if (Adapter)
        *NumberOfMapRegisters = min(Pages, Adapter->RegisterCount);
    return Adapter;
}

PDMA_ADAPTER NTAPI IoGetDmaAdapter(PDEVICE_OBJECT PhysicalDeviceObject,
                                   PDEVICE_DESCRIPTION DeviceDescription,
                                   PULONG NumberOfMapRegisters)
{
    PADAPTER_OBJECT Adapter = HalGetAdapter(DeviceDescription, NumberOfMapRegisters);

    UNREFERENCED_PARAMETER(PhysicalDeviceObject); /* no bus maps addresses */
    return Adapter ? &Adapter->Public : NULL;
}

/* The driver does not need its adapter any more (WDK: PutDmaAdapter). IRQL: PASSIVE_LEVEL. */
VOID NTAPI HalPutDmaAdapter(PADAPTER_OBJECT Adapter)
{
    BOOLEAN Last;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    KeAcquireSpinLock(&DmapLock, &OldIrql);
    Last = --Adapter->References == 0;
    if (Last && !Adapter->Master)
        DmapSystem[Adapter->Channel] = NULL;
    KeReleaseSpinLock(&DmapLock, OldIrql);
    if (Last)
        DmapDeleteAdapter(Adapter);
}

/*
 * Memory in one piece within the adapter's limits (WDK: AllocateCommonBuffer). Whole pages, at a
 * page's beginning. The caches of this machine see what devices do, so CacheEnabled is a matter
 * of speed alone. NULL: there is none. IRQL: PASSIVE_LEVEL.
 */
PVOID NTAPI HalAllocateCommonBuffer(PADAPTER_OBJECT Adapter, ULONG Length,
                                    PPHYSICAL_ADDRESS LogicalAddress, BOOLEAN CacheEnabled)
{
    const PHYSICAL_ADDRESS Zero = {.QuadPart = 0}, Highest = {.QuadPart = Adapter->Highest},
                           Boundary = {.QuadPart = Adapter->Boundary};
    PVOID Buffer;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Buffer = MmAllocateContiguousMemorySpecifyCache(Length, Zero, Highest, Boundary,
                                                    CacheEnabled ? MmCached : MmNonCached);
    if (Buffer)
        *LogicalAddress = MmGetPhysicalAddress(Buffer);
    return Buffer;
}

VOID NTAPI HalFreeCommonBuffer(PADAPTER_OBJECT Adapter, ULONG Length,
                               PHYSICAL_ADDRESS LogicalAddress, PVOID VirtualAddress,
                               BOOLEAN CacheEnabled)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(LogicalAddress);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    ASSERT(LogicalAddress.QuadPart == MmGetPhysicalAddress(VirtualAddress).QuadPart);
    MmFreeContiguousMemorySpecifyCache(VirtualAddress, Length,
                                       CacheEnabled ? MmCached : MmNonCached);
}

static ULONG NTAPI DmapGetAlignment(PDMA_ADAPTER Dma)
{
    UNREFERENCED_PARAMETER(Dma);
    return HalGetDmaAlignmentRequirement();
}

/* How much of its transfer a system channel has still to do (WDK: ReadDmaCounter). */
ULONG NTAPI HalReadDmaCounter(PADAPTER_OBJECT Adapter)
{
    return Adapter->Master ? 0 : HalReadDmaCount(Adapter->Channel);
}

/* The table that drivers call through; the old names have the adapter under its own type. */
DMA_OPERATIONS DmapOperations = {
    .Size = sizeof(DMA_OPERATIONS),
    .PutDmaAdapter = (PPUT_DMA_ADAPTER)HalPutDmaAdapter,
    .AllocateCommonBuffer = (PALLOCATE_COMMON_BUFFER)HalAllocateCommonBuffer,
    .FreeCommonBuffer = (PFREE_COMMON_BUFFER)HalFreeCommonBuffer,
    .AllocateAdapterChannel = (PALLOCATE_ADAPTER_CHANNEL)IoAllocateAdapterChannel,
    .FlushAdapterBuffers = (PFLUSH_ADAPTER_BUFFERS)IoFlushAdapterBuffers,
    .FreeAdapterChannel = (PFREE_ADAPTER_CHANNEL)IoFreeAdapterChannel,
    .FreeMapRegisters = (PFREE_MAP_REGISTERS)IoFreeMapRegisters,
    .MapTransfer = (PMAP_TRANSFER)IoMapTransfer,
    .GetDmaAlignment = DmapGetAlignment,
    .ReadDmaCounter = (PREAD_DMA_COUNTER)HalReadDmaCounter,
    .GetScatterGatherList = (PGET_SCATTER_GATHER_LIST)HalGetScatterGatherList,
    .PutScatterGatherList = (PPUT_SCATTER_GATHER_LIST)HalPutScatterGatherList,
    .CalculateScatterGatherList = DmapCalculateList,
    .BuildScatterGatherList = DmapBuildList,
    .BuildMdlFromScatterGatherList = DmapBuildMdl,
};
