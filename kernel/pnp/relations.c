/*
 * The devices on a bus: its driver is asked for the list of them, new ones are configured, and
 * those that are not in it any more are removed (WDK: IRP_MN_QUERY_DEVICE_RELATIONS).
 *
 * Each device in the driver's list carries a reference; a node keeps it while it is in the tree.
 */
#include "kernel/pnp/pnp.h"

/* Bug check CAh as the WDK gives it: what is wrong with a PDO. */
#define TWICE_IN_LIST 1

/* A device is in the list; the list's reference is taken over. */
static VOID PnpNoteReported(PNP_NODE *Bus, PDEVICE_OBJECT Pdo)
{
    PNP_NODE *Node = PNP_NODE_OF(Pdo);

    if (Node && Node->Parent) {
        if (Node->Present)
            KeBugCheckEx(PNP_DETECTED_FATAL_ERROR, TWICE_IN_LIST, (ULONG_PTR)Pdo, 0, 0);
        Node->Present = TRUE;
        ObDereferenceObject(Pdo);
        return;
    }
    if (Node) { /* it had been removed, and is there again or still */
        PnpLinkNode(Node, Bus);
        return;
    }
    if (PnpCreateNode(Pdo, Bus) == NULL)
        ObDereferenceObject(Pdo); /* for now it is not seen */
}

/* Those that have not been reported are gone: nobody is asked. */
static VOID PnpRemoveAbsent(PNP_NODE *Bus)
{
    PLIST_ENTRY Link, Next;

    for (Link = Bus->Children.Flink; Link != &Bus->Children; Link = Next) {
        PNP_NODE *Node = CONTAINING_RECORD(Link, PNP_NODE, Link);
        Next = Link->Flink;
        if (!Node->Present)
            PnpRemove(Node);
    }
}

VOID PnpEnumerateChildren(PNP_NODE *Bus)
{
    PDEVICE_RELATIONS Relations = PnpQuery(Bus, IRP_MN_QUERY_DEVICE_RELATIONS, BusRelations);
    PLIST_ENTRY Link;
    ULONG i;

    if (Relations == NULL)
        return; /* no bus */
    for (Link = Bus->Children.Flink; Link != &Bus->Children; Link = Link->Flink)
        CONTAINING_RECORD(Link, PNP_NODE, Link)->Present = FALSE;
    for (i = 0; i < Relations->Count; i++)
        PnpNoteReported(Bus, Relations->Objects[i]);
    ExFreePool(Relations);
    PnpRemoveAbsent(Bus);
    for (Link = Bus->Children.Flink; Link != &Bus->Children; Link = Link->Flink) {
        PNP_NODE *Node = CONTAINING_RECORD(Link, PNP_NODE, Link);
        if (Node->State == NodeNew)
            PnpConfigure(Node);
    }
}
