/*
 * What drivers ask Plug and Play to look at: a bus's list of devices, a device's state, an eject.
 * They may ask at DISPATCH_LEVEL, so a worker thread does it (WDK: IoInvalidateDeviceRelations). An
 * action that is asked for again before it is begun is done once.
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"

/* Bug check CAh as the WDK gives it: what is wrong with a PDO. */
#define NOT_A_PDO 2

/* Gone, out of order, or not to be used any more: it is removed without being asked. */
#define PNP_DEVICE_GONE (PNP_DEVICE_REMOVED | PNP_DEVICE_FAILED | PNP_DEVICE_DISABLED)

static VOID PnpCheckState(PNP_NODE *Node)
{
    PVOID State = NULL;

    if (!NT_SUCCESS(PnpSend(Node->Pdo, IRP_MN_QUERY_PNP_DEVICE_STATE, NULL, &State)))
        return;
    Node->DeviceState = (PNP_DEVICE_STATE)(ULONG_PTR)State;
    if (!(Node->DeviceState & PNP_DEVICE_GONE))
        return;
    PnpSendSimple(Node, IRP_MN_SURPRISE_REMOVAL);
    PnpRemove(Node);
}

/* A device that can be ejected is told to do so, once its drivers are gone. */
static VOID PnpEject(PNP_NODE *Node)
{
    PDEVICE_OBJECT Pdo = Node->Pdo;
    BOOLEAN Ejects = Node->Capabilities.EjectSupported;

    if (NT_SUCCESS(PnpQueryAndRemove(Node)) && Ejects)
        PnpSend(Pdo, IRP_MN_EJECT, NULL, NULL);
}

static VOID NTAPI PnpRunActions(PVOID Context)
{
    PNP_NODE *Node = Context;
    PDEVICE_OBJECT Pdo = Node->Pdo;
    LONG Actions;

    PnpLockTree();
    Actions = InterlockedExchange(&Node->Actions, 0);
    if ((Actions & PNP_ACTION_RELATIONS) && Node->State == NodeStarted)
        PnpEnumerateChildren(Node);
    if ((Actions & PNP_ACTION_STATE) && Node->State == NodeStarted)
        PnpCheckState(Node);
    if ((Actions & PNP_ACTION_EJECT) && Node->State == NodeStarted)
        PnpEject(Node);
    PnpUnlockTree();
    ObDereferenceObject(Pdo);
}

VOID PnpQueueAction(PDEVICE_OBJECT Pdo, LONG Action)
{
    PNP_NODE *Node = PNP_NODE_OF(Pdo);

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Node == NULL)
        KeBugCheckEx(PNP_DETECTED_FATAL_ERROR, NOT_A_PDO, (ULONG_PTR)Pdo, 0, 0);
    if (InterlockedOr(&Node->Actions, Action) != 0)
        return;
    ObReferenceObject(Pdo);
    ExInitializeWorkItem(&Node->ActionItem, PnpRunActions, Node);
    ExQueueWorkItem(&Node->ActionItem, DelayedWorkQueue);
}

/* The list of devices on a bus has changed. Of the other relations nobody keeps a list. */
VOID NTAPI IoInvalidateDeviceRelations(PDEVICE_OBJECT DeviceObject, DEVICE_RELATION_TYPE Type)
{
    if (Type == BusRelations || Type == SingleBusRelations)
        PnpQueueAction(DeviceObject, PNP_ACTION_RELATIONS);
}

/* The device's state has changed (WDK: IRP_MN_QUERY_PNP_DEVICE_STATE). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoInvalidateDeviceState(PDEVICE_OBJECT PhysicalDeviceObject)
{
    PnpQueueAction(PhysicalDeviceObject, PNP_ACTION_STATE);
}

/* Somebody wants to take the device away (WDK: IoRequestDeviceEject). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoRequestDeviceEject(PDEVICE_OBJECT PhysicalDeviceObject)
{
    PnpQueueAction(PhysicalDeviceObject, PNP_ACTION_EJECT);
}
