/*
 * What file systems keep with a thread, and with a packet: the thread's first packet of several
 * nested ones, the device whose volume is to be verified, a packet's priority. The kernel only
 * keeps them.
 */
#include "kernel/io/io.h"
#include "kernel/ps/ps.h"

#define IRP_PRIORITY_SHIFT 17 /* in IRP.Flags; 0: not set, else the hint + 1 */
#define IRP_PRIORITY_MASK  (7u << IRP_PRIORITY_SHIFT)

static PETHREAD IopCurrentThread(VOID)
{
    return (PETHREAD)KiGetCurrentThread();
}

/* The thread's own (WDK: IoGetTopLevelIrp): a packet, NULL, or one of the FSRTL_xxx marks. */
PIRP NTAPI IoGetTopLevelIrp(VOID)
{
    return IopCurrentThread()->TopLevelIrp;
}

VOID NTAPI IoSetTopLevelIrp(PIRP Irp)
{
    IopCurrentThread()->TopLevelIrp = Irp;
}

PDEVICE_OBJECT NTAPI IoGetDeviceToVerify(PETHREAD Thread)
{
    return Thread->DeviceToVerify;
}

VOID NTAPI IoSetDeviceToVerify(PETHREAD Thread, PDEVICE_OBJECT DeviceObject)
{
    Thread->DeviceToVerify = DeviceObject;
}

/* The packet's thread is to verify the device's volume, or to hear of an error there (WDK:
 * IoSetHardErrorOrVerifyDevice). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoSetHardErrorOrVerifyDevice(PIRP Irp, PDEVICE_OBJECT DeviceObject)
{
    if (Irp->Tail.Overlay.Thread)
        Irp->Tail.Overlay.Thread->DeviceToVerify = DeviceObject;
}

BOOLEAN NTAPI IoIsSystemThread(PETHREAD Thread)
{
    return Thread->UserStack == NULL;
}

/* How urgent a packet is (WDK: IoGetIoPriorityHint): IoPriorityNormal unless somebody said. */
IO_PRIORITY_HINT NTAPI IoGetIoPriorityHint(PIRP Irp)
{
    ULONG Hint = (Irp->Flags & IRP_PRIORITY_MASK) >> IRP_PRIORITY_SHIFT;

    return Hint ? (IO_PRIORITY_HINT)(Hint - 1) : IoPriorityNormal;
}

/* STATUS_INVALID_PARAMETER: no such priority, or the one that is the memory manager's. */
NTSTATUS NTAPI IoSetIoPriorityHint(PIRP Irp, IO_PRIORITY_HINT PriorityHint)
{
    if ((ULONG)PriorityHint >= IoPriorityCritical)
        return STATUS_INVALID_PARAMETER;
    Irp->Flags = (Irp->Flags & ~IRP_PRIORITY_MASK) | (PriorityHint + 1) << IRP_PRIORITY_SHIFT;
    return STATUS_SUCCESS;
}

/* IoPagingPriorityInvalid: it is not about paging (WDK: IoGetPagingIoPriority). */
IO_PAGING_PRIORITY FASTCALL IoGetPagingIoPriority(PIRP Irp)
{
    return (Irp->Flags & IRP_PAGING_IO) ? IoPagingPriorityNormal : IoPagingPriorityInvalid;
}
