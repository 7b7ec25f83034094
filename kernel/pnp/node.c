/*
 * The nodes of the device tree, and the lock on it.
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

PNP_NODE PnpRoot = {.Link = {&PnpRoot.Link, &PnpRoot.Link},
                    .Children = {&PnpRoot.Children, &PnpRoot.Children},
                    .State = NodeStarted};

/*
 * The owner calls drivers, and these wait for I/O: so the lock disables no APCs, as a mutex would.
 * It is only taken by system threads and at PASSIVE_LEVEL: no owner ever ends or is suspended.
 */
static struct {
    KEVENT Free;
    PKTHREAD Owner;
    ULONG Depth; /* the owner's */
} PnpTreeLock = {.Free = {.Header = {.Type = SynchronizationEvent,
                                     .Size = sizeof(KEVENT) / sizeof(ULONG),
                                     .SignalState = TRUE,
                                     .WaitListHead = {&PnpTreeLock.Free.Header.WaitListHead,
                                                      &PnpTreeLock.Free.Header.WaitListHead}}}};

VOID PnpLockTree(VOID)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (PnpTreeLock.Owner != KiGetCurrentThread()) { /* nobody else makes it, or unmakes it, this */
        KeWaitForSingleObject(&PnpTreeLock.Free, Executive, KernelMode, FALSE, NULL);
        PnpTreeLock.Owner = KiGetCurrentThread();
    }
    PnpTreeLock.Depth++;
}

VOID PnpUnlockTree(VOID)
{
    ASSERT(PnpTreeLock.Owner == KiGetCurrentThread());
    if (--PnpTreeLock.Depth == 0) {
        PnpTreeLock.Owner = NULL;
        KeSetEvent(&PnpTreeLock.Free, IO_NO_INCREMENT, FALSE);
    }
}

/* Into the tree, as a device that is there and has no drivers yet. The tree lock is held. */
VOID PnpLinkNode(PNP_NODE *Node, PNP_NODE *Parent)
{
    Node->Parent = Parent;
    Node->State = NodeNew;
    Node->Present = TRUE;
    InsertTailList(&Parent->Children, &Node->Link);
}

PNP_NODE *PnpCreateNode(PDEVICE_OBJECT Pdo, PNP_NODE *Parent)
{
    PNP_NODE *Node = ExAllocatePoolWithTag(NonPagedPool, sizeof *Node, TAG_PNP);

    if (Node == NULL)
        return NULL;
    memset(Node, 0, sizeof *Node);
    Node->Pdo = Pdo;
    InitializeListHead(&Node->Children);
    PnpLinkNode(Node, Parent);
    IOP_DEVICE_OF(Pdo)->Node = Node;
    Pdo->Flags |= DO_BUS_ENUMERATED_DEVICE;
    return Node;
}

/* Out of the tree, with the tree lock held. Its children are gone already. */
VOID PnpUnlinkNode(PNP_NODE *Node)
{
    ASSERT(IsListEmpty(&Node->Children));
    if (Node->Parent) {
        RemoveEntryList(&Node->Link);
        Node->Parent = NULL;
    }
}

static VOID PnpFree(PVOID Memory)
{
    if (Memory)
        ExFreePool(Memory);
}

VOID PnpDeleteNode(PNP_NODE *Node)
{
    ASSERT(Node->Parent == NULL);
    PnpDeleteInterfaces(Node);
    PnpFree(Node->InstancePath.Buffer);
    PnpFree(Node->HardwareIds);
    PnpFree(Node->CompatibleIds);
    PnpFree(Node->Description);
    PnpFree(Node->Location);
    PnpFree(Node->Bus);
    PnpFree(Node->Requirements);
    PnpFree(Node->BootResources);
    if (Node->Driver)
        ObDereferenceObject(Node->Driver);
    ExFreePoolWithTag(Node, TAG_PNP);
}

/* The next node of the tree below From, in depth first order. The tree lock is held. */
static PNP_NODE *PnpNextNode(PNP_NODE *From, PNP_NODE *Node)
{
    if (!IsListEmpty(&Node->Children))
        return CONTAINING_RECORD(Node->Children.Flink, PNP_NODE, Link);
    while (Node != From && Node->Link.Flink == &Node->Parent->Children)
        Node = Node->Parent;
    return Node == From ? NULL : CONTAINING_RECORD(Node->Link.Flink, PNP_NODE, Link);
}

PNP_NODE *PnpFindNode(PNP_NODE *From, PUNICODE_STRING InstancePath)
{
    PNP_NODE *Node = From;

    while ((Node = PnpNextNode(From, Node)) != NULL) {
        if (RtlEqualUnicodeString(&Node->InstancePath, InstancePath, TRUE))
            return Node;
    }
    return NULL;
}

/* A node that the driver is the function driver of. */
PNP_NODE *PnpFindDriversNode(PNP_NODE *From, PDRIVER_OBJECT Driver)
{
    PNP_NODE *Node = From;

    while ((Node = PnpNextNode(From, Node)) != NULL) {
        if (Node->Driver == Driver)
            return Node;
    }
    return NULL;
}
