/*
 * Who has an adapter: one device's transfer at a time has its channel, and begins when it has its
 * map registers, too. A bus master's driver gives the channel back at once, and the registers when
 * the transfer is over; one that uses a system channel keeps both (WDK: AdapterControl).
 *
 * Who waits for registers has the channel, so nobody else does: Starved. Control routines are
 * called at DISPATCH_LEVEL, with no lock held, by whoever has made it possible.
 */
#include "kernel/dma/dma.h"

/* Finds registers side by side. The lock is held. NULL: there are not so many. */
static PDMA_REGISTER DmapTakeRegisters(PADAPTER_OBJECT Adapter, ULONG Count)
{
    ULONG Free = 0, i;

    for (i = 0; i < Adapter->RegisterCount && Free < Count; i++)
        Free = Adapter->Registers[i].Left ? 0 : Free + 1;
    if (Free < Count)
        return NULL;
    for (i -= Count; Count; i++, Count--)
        Adapter->Registers[i] = (DMA_REGISTER){.Left = Count};
    return &Adapter->Registers[i] - Free;
}

/* The lock is held. */
static VOID DmapReleaseRegisters(PADAPTER_OBJECT Adapter, PDMA_REGISTER Base)
{
    if (Base == NULL)
        return;
    if (Adapter->Owned == Base)
        Adapter->Owned = NULL;
    for (; Base->Left > 1; Base++)
        Base->Left = 0;
    Base->Left = 0;
}

/* Gives registers to who has the channel; FALSE: he has to wait. The lock is held. */
static BOOLEAN DmapGrant(PADAPTER_OBJECT Adapter, PWAIT_CONTEXT_BLOCK Wait)
{
    BOOLEAN Needed = Adapter->Registers && Wait->NumberOfMapRegisters;

    Adapter->Owned = Needed ? DmapTakeRegisters(Adapter, Wait->NumberOfMapRegisters) : NULL;
    Adapter->Starved = Needed && Adapter->Owned == NULL ? Wait : NULL;
    return Adapter->Starved == NULL;
}

/* The channel is free: it goes to the next who waits for it. NULL: nobody, or not yet. */
static PWAIT_CONTEXT_BLOCK DmapNextOwner(PADAPTER_OBJECT Adapter)
{
    PKDEVICE_QUEUE_ENTRY Entry = KeRemoveDeviceQueue(&Adapter->Queue);
    PWAIT_CONTEXT_BLOCK Wait;
    BOOLEAN Granted;

    if (Entry == NULL)
        return NULL;
    Wait = CONTAINING_RECORD(Entry, WAIT_CONTEXT_BLOCK, WaitQueueEntry);
    KeAcquireSpinLockAtDpcLevel(&Adapter->Lock);
    Granted = DmapGrant(Adapter, Wait);
    KeReleaseSpinLockFromDpcLevel(&Adapter->Lock);
    return Granted ? Wait : NULL;
}

/* Lets the owner begin, who has all he needs, and those after him if he gives the channel back.
 * His wait block may be gone, or in use again, when his routine returns. */
static VOID DmapRun(PADAPTER_OBJECT Adapter, PWAIT_CONTEXT_BLOCK Wait)
{
    while (Wait) {
        PDMA_REGISTER Base = Adapter->Owned;
        IO_ALLOCATION_ACTION Action =
            Wait->DeviceRoutine(Wait->DeviceObject, Wait->CurrentIrp, Base, Wait->DeviceContext);
        if (Action == KeepObject)
            return;
        if (Action == DeallocateObject) {
            KeAcquireSpinLockAtDpcLevel(&Adapter->Lock);
            DmapReleaseRegisters(Adapter, Adapter->Owned);
            KeReleaseSpinLockFromDpcLevel(&Adapter->Lock);
        }
        Wait = DmapNextOwner(Adapter);
    }
}

/*
 * Has a control routine called when the channel and the registers are free: at once, or later.
 * (What the wait block says of the device is the caller's to fill.) STATUS_INSUFFICIENT_RESOURCES:
 * more registers than there are; it is not called. IRQL: DISPATCH_LEVEL.
 */
NTSTATUS NTAPI HalAllocateAdapterChannel(PADAPTER_OBJECT Adapter, PWAIT_CONTEXT_BLOCK Wcb,
                                         ULONG NumberOfMapRegisters,
                                         PDRIVER_CONTROL ExecutionRoutine)
{
    BOOLEAN Granted;

    ASSERT(KeGetCurrentIrql() == DISPATCH_LEVEL);
    if (NumberOfMapRegisters > Adapter->RegisterCount)
        return STATUS_INSUFFICIENT_RESOURCES;
    Wcb->DeviceRoutine = ExecutionRoutine;
    Wcb->NumberOfMapRegisters = NumberOfMapRegisters;
    if (KeInsertDeviceQueue(&Adapter->Queue, &Wcb->WaitQueueEntry))
        return STATUS_SUCCESS;
    KeAcquireSpinLockAtDpcLevel(&Adapter->Lock);
    Granted = DmapGrant(Adapter, Wcb);
    KeReleaseSpinLockFromDpcLevel(&Adapter->Lock);
    if (Granted)
        DmapRun(Adapter, Wcb);
    return STATUS_SUCCESS;
}

/* The same for a device's present packet (WDK: AllocateAdapterChannel). One at a time may wait. */
NTSTATUS NTAPI IoAllocateAdapterChannel(PADAPTER_OBJECT Adapter, PDEVICE_OBJECT DeviceObject,
                                        ULONG NumberOfMapRegisters,
                                        PDRIVER_CONTROL ExecutionRoutine, PVOID Context)
{
    PWAIT_CONTEXT_BLOCK Wait = &DeviceObject->Queue.Wcb;

    Wait->DeviceObject = DeviceObject;
    Wait->CurrentIrp = DeviceObject->CurrentIrp;
    Wait->DeviceContext = Context;
    return HalAllocateAdapterChannel(Adapter, Wait, NumberOfMapRegisters, ExecutionRoutine);
}

/* Gives back a channel that was kept, with its registers (WDK: FreeAdapterChannel).
 * IRQL: DISPATCH_LEVEL. */
VOID NTAPI IoFreeAdapterChannel(PADAPTER_OBJECT Adapter)
{
    ASSERT(KeGetCurrentIrql() == DISPATCH_LEVEL);
    KeAcquireSpinLockAtDpcLevel(&Adapter->Lock);
    DmapReleaseRegisters(Adapter, Adapter->Owned);
    KeReleaseSpinLockFromDpcLevel(&Adapter->Lock);
    DmapRun(Adapter, DmapNextOwner(Adapter));
}

/*
 * Gives back registers that were kept without the channel (WDK: FreeMapRegisters). Whoever waits
 * for them begins. IRQL: DISPATCH_LEVEL.
 */
VOID NTAPI IoFreeMapRegisters(PADAPTER_OBJECT Adapter, PVOID MapRegisterBase,
                              ULONG NumberOfMapRegisters)
{
    PDMA_REGISTER Base = MapRegisterBase;
    PWAIT_CONTEXT_BLOCK Wait;

    ASSERT(KeGetCurrentIrql() == DISPATCH_LEVEL);
    if (Base == NULL)
        return;
    ASSERT(Base->Left == NumberOfMapRegisters);
    UNREFERENCED_PARAMETER(NumberOfMapRegisters);
    KeAcquireSpinLockAtDpcLevel(&Adapter->Lock);
    DmapReleaseRegisters(Adapter, Base);
    Wait = Adapter->Starved;
    if (Wait && !DmapGrant(Adapter, Wait))
        Wait = NULL;
    KeReleaseSpinLockFromDpcLevel(&Adapter->Lock);
    DmapRun(Adapter, Wait);
}
