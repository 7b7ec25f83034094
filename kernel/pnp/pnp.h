/*
 * Plug and Play: the tree of devices, what each of them is told when it comes and goes, and what
 * drivers can ask about it.
 *
 * A node of the tree stands for a device, known by its physical device object (PDO), which the
 * driver of its bus has made; the node lives as long as that. The root of the tree is the built-in
 * driver PnpManager, the bus of the devices that nobody finds: a driver that sets AddDevice and is
 * loaded by name gets such a device, Root\NAME\0000.
 *
 * The tree lock (PnpLockTree) is held by the one thread that changes the tree, while it calls
 * drivers, too: so devices come and go one after the other. Its owner may take it again. What a
 * node says about its device is written before drivers know of the node, or by the owner.
 */
#ifndef KERNEL_PNP_PNP_H
#define KERNEL_PNP_PNP_H

#include "kernel/io/io.h"

#define TAG_PNP 'ppnP'

typedef enum _PNP_STATE {
    NodeNew,     /* its bus has reported it */
    NodeAdded,   /* its drivers' AddDevice routines have been called */
    NodeStarted, /* it works */
    NodeFailed,  /* it has not been added or started */
    NodeRemoved  /* its drivers have been told that it is gone */
} PNP_STATE;

typedef struct _PNP_NODE {
    LIST_ENTRY Link; /* in Parent->Children */
    LIST_ENTRY Children;
    struct _PNP_NODE *Parent; /* NULL: the root, or the device is gone */
    PDEVICE_OBJECT Pdo;       /* NULL: the root */
    PDRIVER_OBJECT Driver;    /* of its function, referenced; NULL: none */
    PNP_STATE State;
    BOOLEAN RootDevice; /* PnpManager has made the PDO */
    BOOLEAN Present;    /* used while the parent's list is looked through */
    PNP_DEVICE_STATE DeviceState;
    volatile LONG Actions; /* what a worker thread is to do: PNP_ACTION_xxx */
    WORK_QUEUE_ITEM ActionItem;
    UNICODE_STRING InstancePath;      /* Root\NAME\0000 */
    PWSTR HardwareIds, CompatibleIds; /* REG_MULTI_SZ */
    PWSTR Description, Location;
    DEVICE_CAPABILITIES Capabilities;
    PPNP_BUS_INFORMATION Bus;
    PIO_RESOURCE_REQUIREMENTS_LIST Requirements;
    PCM_RESOURCE_LIST BootResources;         /* what the bus says it has already */
    PCM_RESOURCE_LIST Resources, Translated; /* what it has been started with */
} PNP_NODE;

#define PNP_ACTION_RELATIONS 1
#define PNP_ACTION_STATE     2
#define PNP_ACTION_EJECT     4

extern PNP_NODE PnpRoot;

#define PNP_NODE_OF(Pdo) (IOP_DEVICE_OF(Pdo)->Node)

/* node.c: IRQL: PASSIVE_LEVEL. */
VOID PnpLockTree(VOID);
VOID PnpUnlockTree(VOID);
PNP_NODE *PnpCreateNode(PDEVICE_OBJECT Pdo, PNP_NODE *Parent); /* NULL: no memory */
VOID PnpLinkNode(PNP_NODE *Node, PNP_NODE *Parent);
VOID PnpUnlinkNode(PNP_NODE *Node);
VOID PnpDeleteNode(PNP_NODE *Node); /* its PDO is being deleted */
PNP_NODE *PnpFindNode(PNP_NODE *From, PUNICODE_STRING InstancePath);
PNP_NODE *PnpFindDriversNode(PNP_NODE *From, PDRIVER_OBJECT Driver);

/* irp.c: sends a packet to the top of a device's stack. Information: in and out; may be NULL. */
NTSTATUS PnpSend(PDEVICE_OBJECT Device, UCHAR Minor, const IO_STACK_LOCATION *Parameters,
                 PVOID *Information);
NTSTATUS PnpSendSimple(PNP_NODE *Node, UCHAR Minor);
PVOID PnpQuery(PNP_NODE *Node, UCHAR Minor, ULONG What);
NTSTATUS PnpQueryCapabilities(PNP_NODE *Node);

/* action.c: what drivers ask for at any IRQL <= DISPATCH_LEVEL, done by a worker thread. */
VOID PnpQueueAction(PDEVICE_OBJECT Pdo, LONG Action);

/* root.c */
NTSTATUS PnpInitialize(VOID);
NTSTATUS PnpCreateRootDevice(PDRIVER_OBJECT Driver, PNP_NODE **Node);
NTSTATUS PnpDriverLoaded(PDRIVER_OBJECT Driver); /* gives it its root device if it is to have one */
VOID PnpDriverUnloaded(PDRIVER_OBJECT Driver);   /* takes away what is left of those */

/* start.c: a node's way from new to started. The tree lock is held. */
NTSTATUS PnpIdentify(PNP_NODE *Node);
NTSTATUS PnpAddAndStart(PNP_NODE *Node, PDRIVER_OBJECT Driver);
VOID PnpConfigure(PNP_NODE *Node); /* one that a bus driver has reported */

/* relations.c: the devices on a bus. The tree lock is held. */
VOID PnpEnumerateChildren(PNP_NODE *Node);

/* remove.c: the tree lock is held. */
NTSTATUS PnpQueryAndRemove(PNP_NODE *Node); /* error: a driver has refused; nothing is changed */
VOID PnpRemove(PNP_NODE *Node);

/* resource.c: the tree lock is held. */
ULONG PnpSizeOfResources(const CM_RESOURCE_LIST *List);
NTSTATUS PnpAssignResources(PNP_NODE *Node);
NTSTATUS PnpClaimResources(PNP_NODE *Node, PCM_RESOURCE_LIST List);
VOID PnpReleaseResources(PNP_NODE *Node);

/* interface.c: IRQL: PASSIVE_LEVEL. */
VOID PnpInitializeInterfaces(VOID);
BOOLEAN PnpIsRegistered(PUNICODE_STRING Name);
VOID PnpAnnounceInterfaces(PNP_NODE *Node); /* the device has been started */
VOID PnpDisableInterfaces(PNP_NODE *Node);
VOID PnpDeleteInterfaces(PNP_NODE *Node);

/* notify.c: IRQL: PASSIVE_LEVEL. */
VOID PnpNotifyInterface(const GUID *Event, const GUID *Class, PUNICODE_STRING Link);
NTSTATUS PnpNotifyTarget(PDEVICE_OBJECT Pdo, const GUID *Event); /* an error: refused */

/* registry.c: the device's key below Enum. IRQL: PASSIVE_LEVEL. */
VOID PnpWriteKey(PNP_NODE *Node);
NTSTATUS PnpQueryRegistryProperty(PNP_NODE *Node, DEVICE_REGISTRY_PROPERTY Property, PVOID *Data,
                                  PULONG Bytes);
PWSTR PnpQueryService(PNP_NODE *Node); /* of its function driver, in pool; NULL: none */

#endif
