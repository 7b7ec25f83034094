/*
 * Packets that drivers have made for them: with the buffers of a request in place, so that only the
 * completion routine is left to be set (WDK: Creating IRPs for Drivers).
 *
 * A synchronous one belongs to the current thread: its second stage runs there, writes the status
 * block, sets the event and frees the packet. An asynchronous one is its driver's, which takes it
 * back in a completion routine and frees buffers and packet.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

/* A packet of the I/O manager's own, its first location filled as far as all requests have it. */
PIRP IopBuildIrp(PFILE_OBJECT File, PDEVICE_OBJECT Device, UCHAR MajorFunction,
                 PIO_STACK_LOCATION *Stack)
{
    PIRP Irp = IoAllocateIrp(Device->StackSize, FALSE);

    if (Irp == NULL)
        return NULL;
    Irp->RequestorMode = KiGetCurrentThread()->PreviousMode;
    Irp->Tail.Overlay.Thread = (PETHREAD)KiGetCurrentThread();
    Irp->Tail.Overlay.OriginalFileObject = File;
    *Stack = IoGetNextIrpStackLocation(Irp);
    (*Stack)->MajorFunction = MajorFunction;
    (*Stack)->FileObject = File;
    return Irp;
}

/* How a device wants its reads and writes: the flags say it in other words. */
static UCHAR IopTransferMethod(PDEVICE_OBJECT Device, UCHAR MajorFunction)
{
    if (Device->Flags & DO_BUFFERED_IO)
        return METHOD_BUFFERED;
    if (!(Device->Flags & DO_DIRECT_IO))
        return METHOD_NEITHER;
    return MajorFunction == IRP_MJ_READ ? METHOD_OUT_DIRECT : METHOD_IN_DIRECT;
}

/* The buffer of a read or write: a buffered write is input, all else is the other buffer. */
NTSTATUS IopSetTransferBuffer(PIRP Irp, PDEVICE_OBJECT Device, UCHAR MajorFunction, PVOID Buffer,
                              ULONG Length)
{
    UCHAR Method = IopTransferMethod(Device, MajorFunction);
    IOP_BUFFERS Buffers = {.Out = Buffer, .OutLength = Length};

    Irp->Flags |= MajorFunction == IRP_MJ_READ ? IRP_READ_OPERATION : IRP_WRITE_OPERATION;
    if (Method == METHOD_BUFFERED && MajorFunction == IRP_MJ_WRITE)
        Buffers = (IOP_BUFFERS){.In = Buffer, .InLength = Length};
    return IopSetBuffers(Irp, &Buffers, Method);
}

/*
 * A packet for read, write, or a function without parameters (WDK: IoBuildAsynchronousFsdRequest).
 * NULL: no memory, or the buffer is not there. IRQL <= APC_LEVEL.
 */
PIRP NTAPI IoBuildAsynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                         PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                                         PIO_STATUS_BLOCK IoStatusBlock)
{
    PIO_STACK_LOCATION Stack;
    PIRP Irp = IopBuildIrp(NULL, DeviceObject, (UCHAR)MajorFunction, &Stack);

    if (Irp == NULL)
        return NULL;
    Irp->RequestorMode = KernelMode;
    Irp->UserIosb = IoStatusBlock;
    if (MajorFunction != IRP_MJ_READ && MajorFunction != IRP_MJ_WRITE)
        return Irp;
    Stack->Parameters.Read.Length = Length; /* Write's parameters have the same layout */
    if (StartingOffset)
        Stack->Parameters.Read.ByteOffset = *StartingOffset;
    if (!NT_SUCCESS(
            IopSetTransferBuffer(Irp, DeviceObject, (UCHAR)MajorFunction, Buffer, Length))) {
        IopAbandonIrp(Irp);
        return NULL;
    }
    return Irp;
}

/* The same for one that the caller waits for (WDK: IoBuildSynchronousFsdRequest). */
PIRP NTAPI IoBuildSynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                        PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                                        PKEVENT Event, PIO_STATUS_BLOCK IoStatusBlock)
{
    PIRP Irp = IoBuildAsynchronousFsdRequest(MajorFunction, DeviceObject, Buffer, Length,
                                             StartingOffset, IoStatusBlock);

    KI_ASSERT_IRQL(APC_LEVEL);
    if (Irp) {
        Irp->UserEvent = Event;
        IoQueueThreadIrp(Irp);
    }
    return Irp;
}

/* The parameters of a control code, in a packet's first location. */
NTSTATUS IopSetControl(PIRP Irp, PIO_STACK_LOCATION Stack, ULONG ControlCode,
                       const IOP_BUFFERS *Buffers)
{
    Stack->Parameters.DeviceIoControl.IoControlCode = ControlCode;
    Stack->Parameters.DeviceIoControl.InputBufferLength = Buffers->InLength;
    Stack->Parameters.DeviceIoControl.OutputBufferLength = Buffers->OutLength;
    if (METHOD_FROM_CTL_CODE(ControlCode) == METHOD_NEITHER)
        Stack->Parameters.DeviceIoControl.Type3InputBuffer = Buffers->In;
    return IopSetBuffers(Irp, Buffers, METHOD_FROM_CTL_CODE(ControlCode));
}

/*
 * A packet for a control code that the caller waits for (WDK: IoBuildDeviceIoControlRequest).
 * NULL: no memory, or a buffer is not there. IRQL <= APC_LEVEL.
 */
PIRP NTAPI IoBuildDeviceIoControlRequest(ULONG IoControlCode, PDEVICE_OBJECT DeviceObject,
                                         PVOID InputBuffer, ULONG InputBufferLength,
                                         PVOID OutputBuffer, ULONG OutputBufferLength,
                                         BOOLEAN InternalDeviceIoControl, PKEVENT Event,
                                         PIO_STATUS_BLOCK IoStatusBlock)
{
    IOP_BUFFERS Buffers = {InputBuffer, OutputBuffer, InputBufferLength, OutputBufferLength};
    PIO_STACK_LOCATION Stack;
    PIRP Irp = IopBuildIrp(
        NULL, DeviceObject,
        InternalDeviceIoControl ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL, &Stack);

    KI_ASSERT_IRQL(APC_LEVEL);
    if (Irp == NULL)
        return NULL;
    Irp->RequestorMode = KernelMode;
    Irp->UserIosb = IoStatusBlock;
    Irp->UserEvent = Event;
    if (!NT_SUCCESS(IopSetControl(Irp, Stack, IoControlCode, &Buffers))) {
        IopAbandonIrp(Irp);
        return NULL;
    }
    IoQueueThreadIrp(Irp);
    return Irp;
}

/*
 * One part of a packet that a driver splits (WDK: IoMakeAssociatedIrp). The driver counts the parts
 * in the master's IrpCount; the last one's completion completes the master. IRQL <= DISPATCH_LEVEL.
 */
PIRP NTAPI IoMakeAssociatedIrp(PIRP Irp, CCHAR StackSize)
{
    PIRP Associated = IoAllocateIrp(StackSize, FALSE);

    if (Associated == NULL)
        return NULL;
    Associated->Flags = IRP_ASSOCIATED_IRP;
    Associated->Tail.Overlay.Thread = Irp->Tail.Overlay.Thread;
    Associated->AssociatedIrp.MasterIrp = Irp;
    return Associated;
}
