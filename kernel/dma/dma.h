/*
 * Direct memory access by devices (WDK: Adapter Objects and DMA).
 *
 * An adapter stands for what moves the data: a bus master, or a channel of the system's DMA
 * controller, which all devices on that channel share. A device has addresses as the processor
 * has (logical addresses are physical ones), but may not reach all memory, or not in pieces. What
 * it cannot reach goes through map registers: pages of the adapter's own, side by side, that it
 * can. A byte keeps its place within a page. An adapter that reaches everything has none, and
 * gives them out by number only.
 *
 *      adapter.c   adapters, and common buffers
 *      channel.c   who has an adapter's channel, who its map registers
 *      transfer.c  memory to be moved is mapped, and flushed afterwards
 *      scatter.c   the same for all of a transfer: scatter/gather lists
 *
 * An allocation of map registers begins with one whose Left counts them; its owner alone changes
 * what they hold. The adapter's Lock guards Left, and who waits.
 */
#ifndef KERNEL_DMA_DMA_H
#define KERNEL_DMA_DMA_H

#include "kernel/ke/ke.h"

#define TAG_DMA 'amdH'

/* One map register. */
typedef struct _DMA_REGISTER {
    ULONG Left;  /* in its allocation, from this one on; 0: free */
    ULONG Bytes; /* that its page holds; 0: none */
    PMDL Mdl;    /* whose bytes they are, */
    PUCHAR Va;   /* from which on */
} DMA_REGISTER, *PDMA_REGISTER;

struct _ADAPTER_OBJECT {
    DMA_ADAPTER Public;
    BOOLEAN Master;
    BOOLEAN Pieces;  /* a transfer may lie in several */
    ULONG Channel;   /* the system's, if it is not a master */
    UCHAR Mode;      /* of the channel: HAL_DMA_xxx */
    ULONG Highest;   /* the last address that the device reaches */
    ULONG Boundary;  /* of which a piece may cross no multiple; 0: any */
    LONG References; /* DmapLock guards it */

    ULONG RegisterCount;     /* most that a driver may ask for */
    PDMA_REGISTER Registers; /* NULL: they are not needed */
    PUCHAR Pages;            /* theirs, */
    ULONG Address;           /* and where these lie */

    KDEVICE_QUEUE Queue; /* WAIT_CONTEXT_BLOCKs of those who wait for the channel */
    KSPIN_LOCK Lock;
    PWAIT_CONTEXT_BLOCK Starved; /* has the channel, and waits for registers; NULL: nobody */
    PDMA_REGISTER Owned;         /* the registers of who has the channel */
};

extern DMA_OPERATIONS DmapOperations;

/* adapter.c. IRQL: PASSIVE_LEVEL. */
VOID NTAPI HalPutDmaAdapter(PADAPTER_OBJECT Adapter);

/* transfer.c. IRQL <= DISPATCH_LEVEL. */
PHYSICAL_ADDRESS DmapMap(PADAPTER_OBJECT Adapter, PMDL Mdl, PDMA_REGISTER Base, PUCHAR Va,
                         PULONG Length);
VOID DmapFlush(PADAPTER_OBJECT Adapter, PMDL Mdl, PDMA_REGISTER Base, PUCHAR Va, ULONG Length,
               BOOLEAN WriteToDevice);

/* scatter.c: of DMA_OPERATIONS. */
NTSTATUS NTAPI DmapCalculateList(PDMA_ADAPTER Dma, PMDL Mdl, PVOID CurrentVa, ULONG Length,
                                 PULONG Bytes, PULONG Registers);
NTSTATUS NTAPI DmapBuildList(PDMA_ADAPTER Dma, PDEVICE_OBJECT DeviceObject, PMDL Mdl,
                             PVOID CurrentVa, ULONG Length, PDRIVER_LIST_CONTROL ExecutionRoutine,
                             PVOID Context, BOOLEAN WriteToDevice, PVOID Buffer,
                             ULONG BufferLength);
NTSTATUS NTAPI DmapBuildMdl(PDMA_ADAPTER Dma, PSCATTER_GATHER_LIST List, PMDL OriginalMdl,
                            PMDL *TargetMdl);

#endif
