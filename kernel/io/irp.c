/*
 * I/O request packets: allocated, sent down a stack of drivers. (Completed up again: complete.c.)
 *
 * The current stack location is the one of the driver that has the packet. A driver's completion
 * routine stands in the location below its own.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "kernel/vf/vf.h"
#include "sched/sched.h"

#define TAG_IRP        ' prI'
#define TAG_COMPLETION 'CoiI'

VOID NTAPI IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize)
{
    memset(Irp, 0, PacketSize);
    Irp->Type = IO_TYPE_IRP;
    Irp->Size = PacketSize;
    Irp->StackCount = StackSize;
    Irp->CurrentLocation = StackSize + 1;
    Irp->ApcEnvironment = (CCHAR)KiGetCurrentThread()->ApcStateIndex;
    InitializeListHead(&Irp->ThreadListEntry);
    Irp->Tail.Overlay.CurrentStackLocation = (PIO_STACK_LOCATION)(Irp + 1) + StackSize;
}

/* Allocates a packet with StackSize locations (WDK: IoAllocateIrp). IRQL <= DISPATCH_LEVEL. */
PIRP NTAPI IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
    PIRP Irp;

    UNREFERENCED_PARAMETER(ChargeQuota);
    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    Irp = ExAllocatePoolWithTag(NonPagedPool, IoSizeOfIrp(StackSize), TAG_IRP);
    if (Irp)
        IoInitializeIrp(Irp, (USHORT)IoSizeOfIrp(StackSize), StackSize);
    return Irp;
}

/* Makes a driver's own packet as good as new, with a first status (WDK: IoReuseIrp). */
VOID NTAPI IoReuseIrp(PIRP Irp, NTSTATUS Iostatus)
{
    ASSERT(Irp->CancelRoutine == NULL && IsListEmpty(&Irp->ThreadListEntry));
    IoInitializeIrp(Irp, (USHORT)Irp->Size, Irp->StackCount);
    Irp->IoStatus.Status = Iostatus;
}

/* Frees a packet (WDK: IoFreeIrp). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoFreeIrp(PIRP Irp)
{
    /* One that was built for a thread is freed at its completion; a driver may not (Verifier). */
    ASSERT(IsListEmpty(&Irp->ThreadListEntry));
    ExFreePoolWithTag(Irp, TAG_IRP);
}

/* Sends a packet to a driver (WDK: IoCallDriver). IRQL <= DISPATCH_LEVEL. */
NTSTATUS FASTCALL IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack;

    if (--Irp->CurrentLocation <= 0)
        KeBugCheckEx(NO_MORE_IRP_STACK_LOCATIONS, (ULONG_PTR)Irp, 0, 0, 0);
    Stack = --Irp->Tail.Overlay.CurrentStackLocation;
    Stack->DeviceObject = DeviceObject;
    if (__builtin_expect(VfActive, FALSE))
        return VfCallDriver(DeviceObject, Irp, Stack);
    return DeviceObject->DriverObject->MajorFunction[Stack->MajorFunction](DeviceObject, Irp);
}

/* What a driver has not set a dispatch routine for. */
NTSTATUS NTAPI IopInvalidDeviceRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    Irp->IoStatus.Information = 0;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS NTAPI IopForwarded(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    if (Irp->PendingReturned)
        KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/*
 * Sends a packet with the caller's own parameters to the next driver, and waits until that has
 * completed it; the packet is the caller's again (WDK: IoForwardIrpSynchronously). FALSE: it has
 * no further location. IRQL: PASSIVE_LEVEL.
 */
BOOLEAN NTAPI IoForwardIrpSynchronously(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    KEVENT Event;

    KI_ASSERT_IRQL(APC_LEVEL);
    if (Irp->CurrentLocation <= 1)
        return FALSE;
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, IopForwarded, &Event, TRUE, TRUE, TRUE);
    if (IofCallDriver(DeviceObject, Irp) == STATUS_PENDING)
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    return TRUE;
}

/* A completion routine whose driver must not be unloaded before it has returned. */
typedef struct _IOP_COMPLETION {
    PDEVICE_OBJECT DeviceObject;
    PIO_COMPLETION_ROUTINE Routine;
    PVOID Context;
    UCHAR Control;
} IOP_COMPLETION;

static NTSTATUS NTAPI IopReferencedCompletion(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    IOP_COMPLETION Completion = *(IOP_COMPLETION *)Context;
    NTSTATUS Status = STATUS_SUCCESS;

    ExFreePoolWithTag(Context, TAG_COMPLETION);
    if (IopIsInvoked(Irp, Completion.Control))
        Status = Completion.Routine(DeviceObject, Irp, Completion.Context);
    else if (Irp->PendingReturned && Irp->CurrentLocation <= Irp->StackCount)
        IoMarkIrpPending(Irp);
    ObDereferenceObject(Completion.DeviceObject);
    return Status;
}

/*
 * Sets a completion routine and keeps the device object, and so the driver, until it has returned
 * (WDK: IoSetCompletionRoutineEx). The packet must then be sent. STATUS_INSUFFICIENT_RESOURCES.
 */
NTSTATUS NTAPI IoSetCompletionRoutineEx(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                        PIO_COMPLETION_ROUTINE CompletionRoutine, PVOID Context,
                                        BOOLEAN InvokeOnSuccess, BOOLEAN InvokeOnError,
                                        BOOLEAN InvokeOnCancel)
{
    IOP_COMPLETION *Completion =
        ExAllocatePoolWithTag(NonPagedPool, sizeof *Completion, TAG_COMPLETION);

    if (Completion == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    ObReferenceObject(DeviceObject);
    *Completion = (IOP_COMPLETION){DeviceObject, CompletionRoutine, Context,
                                   (UCHAR)((InvokeOnSuccess ? SL_INVOKE_ON_SUCCESS : 0) |
                                           (InvokeOnError ? SL_INVOKE_ON_ERROR : 0) |
                                           (InvokeOnCancel ? SL_INVOKE_ON_CANCEL : 0))};
    IoSetCompletionRoutine(Irp, IopReferencedCompletion, Completion, TRUE, TRUE, TRUE);
    return STATUS_SUCCESS;
}

PEPROCESS NTAPI IoThreadToProcess(PETHREAD Thread)
{
    return Thread->ThreadsProcess;
}

/* Whose request it is; NULL: no thread's (WDK: IoGetRequestorProcess). */
PEPROCESS NTAPI IoGetRequestorProcess(PIRP Irp)
{
    return Irp->Tail.Overlay.Thread ? IoThreadToProcess(Irp->Tail.Overlay.Thread) : NULL;
}

ULONG NTAPI IoGetRequestorProcessId(PIRP Irp)
{
    PEPROCESS Process = IoGetRequestorProcess(Irp);

    return Process ? (ULONG)(ULONG_PTR)PsGetProcessId(Process) : 0;
}

/* There are no sessions but the first. STATUS_UNSUCCESSFUL: the packet is no thread's. */
NTSTATUS NTAPI IoGetRequestorSessionId(PIRP Irp, PULONG pSessionId)
{
    *pSessionId = Irp->Tail.Overlay.Thread ? 0 : (ULONG)-1;
    return Irp->Tail.Overlay.Thread ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

/* Does the requester wait for the packet in the service (WDK: IoIsOperationSynchronous)? */
BOOLEAN NTAPI IoIsOperationSynchronous(PIRP Irp)
{
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    ULONG Synchronous = IRP_SYNCHRONOUS_API;

    if (Irp->Flags & IRP_PAGING_IO)
        Synchronous |= IRP_SYNCHRONOUS_PAGING_IO;
    else if (File && (File->Flags & FO_SYNCHRONOUS_IO))
        return TRUE;
    return (Irp->Flags & Synchronous) != 0;
}
