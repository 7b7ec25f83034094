/*
 * Packets of verified drivers (WDK: I/O Verification; Bug Check 0xC9).
 *
 * For each call of a verified driver's dispatch routine there is a record until it has returned:
 * the packet, its location, and, once that location has been left upward, whether it had been
 * marked pending. So when the routine returns, it is known whether its status says the same. The
 * records are on the callers' stacks, in a list that VfIrpLock guards.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/vf/vf.h"
#include "sched/sched.h"

/* Numbers of the WDK's tables; from 200h on its "WDM DRIVER ERROR". */
#define FREE_NOT_IRP        0x01
#define FREE_OF_THREAD      0x02
#define CALL_NOT_IRP        0x03
#define CALL_NOT_DEVICE     0x04
#define IRQL_CHANGED        0x05
#define COMPLETE_PENDING    0x06
#define COMPLETE_CANCELABLE 0x07
#define COMPLETE_TOO_HIGH   0x0E
#define CALL_TOO_HIGH       0x10
#define DELETE_ATTACHED     0x201
#define DETACH_NOTHING      0x202
#define CALL_CANCELABLE     0x203
#define NOT_ENDED           0x226
#define PENDING_NOT_MARKED  0x23D
#define MARKED_NOT_PENDING  0x23E

typedef struct _VF_CALL {
    LIST_ENTRY ListEntry;
    PIRP Irp;
    CCHAR Location;
    BOOLEAN Left;    /* the location has been left */
    BOOLEAN Pending; /* and was marked pending */
} VF_CALL;

static LIST_ENTRY VfCalls = {&VfCalls, &VfCalls};
static KSPIN_LOCK VfIrpLock;

static NORETURN VOID VfpBadIrp(PCSTR Text, ULONG Number, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4)
{
    VfViolation(DRIVER_VERIFIER_IOMANAGER_VIOLATION, Text, Number, P2, P3, P4);
}

static VOID VfpBegin(VF_CALL *Call, PIRP Irp)
{
    KIRQL OldIrql;

    *Call = (VF_CALL){.Irp = Irp, .Location = Irp->CurrentLocation};
    KeAcquireSpinLock(&VfIrpLock, &OldIrql);
    InsertHeadList(&VfCalls, &Call->ListEntry);
    KeReleaseSpinLock(&VfIrpLock, OldIrql);
}

/*
 * Is the location marked pending? Under the lock it is there as long as it has not been left. If
 * the packet has been passed on, the mark comes with the completion routine.
 */
static BOOLEAN VfpEnd(VF_CALL *Call, PIO_STACK_LOCATION Stack)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&VfIrpLock, &OldIrql);
    RemoveEntryList(&Call->ListEntry);
    if (!Call->Left)
        Call->Pending =
            (Stack->Control & SL_PENDING_RETURNED) || Call->Irp->CurrentLocation < Call->Location;
    KeReleaseSpinLock(&VfIrpLock, OldIrql);
    return Call->Pending;
}

/* A packet goes up through a location: IofCompleteRequest tells, before the routine is called. */
VOID VfLeavingLocation(PIRP Irp, CCHAR Location, UCHAR Control)
{
    PLIST_ENTRY Link;
    KIRQL OldIrql;

    KeAcquireSpinLock(&VfIrpLock, &OldIrql);
    for (Link = VfCalls.Flink; Link != &VfCalls; Link = Link->Flink) {
        VF_CALL *Call = CONTAINING_RECORD(Link, VF_CALL, ListEntry);
        if (Call->Irp == Irp && Call->Location == Location && !Call->Left) {
            Call->Left = TRUE;
            Call->Pending = (Control & SL_PENDING_RETURNED) != 0;
        }
    }
    KeReleaseSpinLock(&VfIrpLock, OldIrql);
}

/* Calls a driver's dispatch routine; a verified one's with care. */
NTSTATUS VfCallDriver(PDEVICE_OBJECT Device, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    PDRIVER_OBJECT Driver = Device->DriverObject;
    PDRIVER_DISPATCH Routine = Driver->MajorFunction[Stack->MajorFunction];
    KIRQL Irql = KiGetCurrentIrql();
    BOOLEAN Pending;
    NTSTATUS Status;
    VF_CALL Call;

    if (!VfIsDriverVerified(Driver))
        return Routine(Device, Irp);
    VfpBegin(&Call, Irp);
    Status = Routine(Device, Irp);
    if (KiGetCurrentIrql() != Irql)
        VfpBadIrp("a dispatch routine returns at another IRQL than it was called at", IRQL_CHANGED,
                  (ULONG_PTR)Device, Irql, KiGetCurrentIrql());
    Pending = VfpEnd(&Call, Stack);
    if (Status == STATUS_PENDING && !Pending)
        VfpBadIrp("STATUS_PENDING is returned for a packet that is not marked pending",
                  PENDING_NOT_MARKED, (ULONG_PTR)Routine, (ULONG_PTR)Irp, (ULONG_PTR)Device);
    if (Status != STATUS_PENDING && Pending && Call.Left)
        VfpBadIrp("a packet is marked pending, but another status is returned", MARKED_NOT_PENDING,
                  (ULONG_PTR)Routine, (ULONG_PTR)Irp, (ULONG_PTR)Device);
    if (Status != STATUS_PENDING && !Call.Left)
        VfpBadIrp("a packet is neither completed nor passed on nor pending", NOT_ENDED,
                  (ULONG_PTR)Routine, (ULONG_PTR)Irp, (ULONG_PTR)Device);
    return Status;
}

/* Whoever has the packet completes it. Its current location's driver says whose rules hold. */
VOID VfCheckCompletion(PIRP Irp)
{
    PDEVICE_OBJECT Device;

    if (Irp->CurrentLocation > Irp->StackCount)
        return; /* its maker's own completion of what came back */
    Device = IoGetCurrentIrpStackLocation(Irp)->DeviceObject;
    if (Device == NULL || !VfIsDriverVerified(Device->DriverObject))
        return;
    if (KiGetCurrentIrql() > DISPATCH_LEVEL)
        VfpBadIrp("a packet is completed above DISPATCH_LEVEL", COMPLETE_TOO_HIGH,
                  KiGetCurrentIrql(), (ULONG_PTR)Irp, 0);
    if (Irp->IoStatus.Status == STATUS_PENDING || Irp->IoStatus.Status == -1)
        VfpBadIrp("a packet is completed with STATUS_PENDING, or -1", COMPLETE_PENDING,
                  (ULONG_PTR)Irp->IoStatus.Status, (ULONG_PTR)Irp, 0);
    if (Irp->CancelRoutine)
        VfpBadIrp("a packet is completed while it has a cancel routine", COMPLETE_CANCELABLE,
                  (ULONG_PTR)Irp->CancelRoutine, (ULONG_PTR)Irp, 0);
}

/* ---- What verified drivers call. --------------------------------------------------------------
 */

NTSTATUS FASTCALL VfIofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (Irp->Type != IO_TYPE_IRP)
        VfpBadIrp("IoCallDriver is called without a packet", CALL_NOT_IRP, (ULONG_PTR)Irp, 0, 0);
    if (DeviceObject == NULL || DeviceObject->Type != IO_TYPE_DEVICE)
        VfpBadIrp("IoCallDriver is called without a device", CALL_NOT_DEVICE,
                  (ULONG_PTR)DeviceObject, 0, 0);
    if (KiGetCurrentIrql() > DISPATCH_LEVEL)
        VfpBadIrp("IoCallDriver is called above DISPATCH_LEVEL", CALL_TOO_HIGH, KiGetCurrentIrql(),
                  0, 0);
    if (Irp->CancelRoutine)
        VfpBadIrp("a packet is passed on while it has a cancel routine", CALL_CANCELABLE,
                  (ULONG_PTR)__builtin_return_address(0), (ULONG_PTR)Irp, (ULONG_PTR)DeviceObject);
    return IofCallDriver(DeviceObject, Irp);
}

VOID NTAPI VfIoFreeIrp(PIRP Irp)
{
    if (Irp->Type != IO_TYPE_IRP)
        VfpBadIrp("what is freed is no packet", FREE_NOT_IRP, (ULONG_PTR)Irp, 0, 0);
    if (!IsListEmpty(&Irp->ThreadListEntry))
        VfpBadIrp("a packet is freed that belongs to a thread", FREE_OF_THREAD, (ULONG_PTR)Irp, 0,
                  0);
    IoFreeIrp(Irp);
}

VOID NTAPI VfIoDetachDevice(PDEVICE_OBJECT TargetDevice)
{
    if (TargetDevice->AttachedDevice == NULL)
        VfpBadIrp("a device is detached from one that has none attached", DETACH_NOTHING,
                  (ULONG_PTR)__builtin_return_address(0), 0, (ULONG_PTR)TargetDevice);
    IoDetachDevice(TargetDevice);
}

VOID NTAPI VfIoDeleteDevice(PDEVICE_OBJECT DeviceObject)
{
    if (IOP_DEVICE_OF(DeviceObject)->AttachedTo)
        VfpBadIrp("a device is deleted that is attached to another", DELETE_ATTACHED,
                  (ULONG_PTR)__builtin_return_address(0), 0, (ULONG_PTR)DeviceObject);
    IoDeleteDevice(DeviceObject);
}
