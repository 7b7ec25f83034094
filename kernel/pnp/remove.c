/*
 * How a device goes (WDK: Removing a Device). With it go the devices below it, and these first.
 *
 * If somebody wants it to go, everybody is asked before: those who want to be told about the
 * device, then its drivers, and nobody may have it open. If the device is gone already, they are
 * told. The tree lock is held throughout.
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include <initguid.h>
#include <wdmguid.h>

/* Calls a routine for a node and all below it, these first, until one fails. */
static NTSTATUS PnpForSubtree(PNP_NODE *Node, NTSTATUS (*Routine)(PNP_NODE *Node))
{
    PLIST_ENTRY Link, Next;
    NTSTATUS Status;

    for (Link = Node->Children.Flink; Link != &Node->Children; Link = Next) {
        Next = Link->Flink;
        Status = PnpForSubtree(CONTAINING_RECORD(Link, PNP_NODE, Link), Routine);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    return Routine(Node);
}

static BOOLEAN PnpIsWorking(PNP_NODE *Node)
{
    return Node->State == NodeStarted || Node->State == NodeAdded;
}

/* Has anybody one of the stack's devices open? */
static BOOLEAN PnpIsOpen(PNP_NODE *Node)
{
    PDEVICE_OBJECT Device;
    BOOLEAN Open = FALSE;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    for (Device = Node->Pdo; Device && !Open; Device = Device->AttachedDevice)
        Open = Device->ReferenceCount != 0;
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Open;
}

static NTSTATUS PnpQueryOne(PNP_NODE *Node)
{
    NTSTATUS Status;

    if (!PnpIsWorking(Node))
        return STATUS_SUCCESS;
    if (Node->DeviceState & PNP_DEVICE_NOT_DISABLEABLE)
        return STATUS_NOT_SUPPORTED;
    Status = PnpNotifyTarget(Node->Pdo, &GUID_TARGET_DEVICE_QUERY_REMOVE);
    if (NT_SUCCESS(Status))
        Status = PnpSendSimple(Node, IRP_MN_QUERY_REMOVE_DEVICE);
    if (NT_SUCCESS(Status) && PnpIsOpen(Node))
        Status = STATUS_DEVICE_BUSY;
    return Status;
}

/* To all, whether they had been asked already or not: the WDK has drivers reckon with that. */
static NTSTATUS PnpCancelOne(PNP_NODE *Node)
{
    if (PnpIsWorking(Node)) {
        PnpSendSimple(Node, IRP_MN_CANCEL_REMOVE_DEVICE);
        PnpNotifyTarget(Node->Pdo, &GUID_TARGET_DEVICE_REMOVE_CANCELLED);
    }
    return STATUS_SUCCESS;
}

/* Its drivers detach and delete their devices now, and PnP lets go of the PDO. */
static NTSTATUS PnpRemoveOne(PNP_NODE *Node)
{
    PDRIVER_OBJECT Driver = Node->Driver;
    PDEVICE_OBJECT Pdo = Node->Pdo;
    BOOLEAN RootDevice = Node->RootDevice;

    PnpDisableInterfaces(Node);
    PnpNotifyTarget(Pdo, &GUID_TARGET_DEVICE_REMOVE_COMPLETE);
    PnpSendSimple(Node, IRP_MN_REMOVE_DEVICE);
    PnpReleaseResources(Node);
    Node->State = NodeRemoved;
    Node->Driver = NULL; /* its reference is dropped here */
    PnpUnlinkNode(Node);
    if (RootDevice)
        IoDeleteDevice(Pdo);
    else
        ObDereferenceObject(Pdo);
    if (Driver) {
        IopUnloadUnused(Driver);
        ObDereferenceObject(Driver);
    }
    return STATUS_SUCCESS;
}

VOID PnpRemove(PNP_NODE *Node)
{
    PnpForSubtree(Node, PnpRemoveOne);
}

NTSTATUS PnpQueryAndRemove(PNP_NODE *Node)
{
    NTSTATUS Status = PnpForSubtree(Node, PnpQueryOne);

    if (NT_SUCCESS(Status))
        PnpRemove(Node);
    else
        PnpForSubtree(Node, PnpCancelOne);
    return Status;
}
