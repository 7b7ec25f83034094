/*
 * The configuration manager: the registry, a tree of keys that have values.
 *
 * A key is a node of the tree (CM_KEY_NODE); each open makes a key object (CM_KEY_BODY) that refers
 * to one, and that handles refer to. A deleted key is out of the tree at once and has no values any
 * more; its node stays, marked, until the last key object that refers to it goes. All of it is in
 * memory: what is written lasts until the machine is powered off.
 *
 * CmpLock (fast mutex, held at PASSIVE_LEVEL in a critical region) guards all nodes and
 * values. Copies from and to the caller are made under it, but no object is
 * dereferenced and no driver's routine called.
 */
#ifndef KERNEL_CM_CM_H
#define KERNEL_CM_CM_H

#include "kernel/ob/ob.h"

/* What the WDK gives as limits (Registry Element Size Limits, in the Win32 documentation). */
#define CM_KEY_NAME_BYTES   (255 * sizeof(WCHAR))
#define CM_VALUE_NAME_BYTES (16383 * sizeof(WCHAR))
#define CM_DATA_BYTES       0x100000
#define CM_TREE_DEPTH       512

/* Flags of a node. */
#define CM_VOLATILE  1 /* so are all of its subkeys */
#define CM_LINK      2 /* its value SymbolicLinkValue says where it leads */
#define CM_PERMANENT 4 /* cannot be deleted or renamed */
#define CM_DELETED   8 /* out of the tree */

typedef struct _CM_KEY_VALUE {
    LIST_ENTRY Link; /* in its key's Values, in the order in which they were set first */
    ULONG Type;
    ULONG DataLength;
    PVOID Data; /* paged pool; NULL: no data */
    UNICODE_STRING Name;
    WCHAR NameText[];
} CM_KEY_VALUE;

typedef struct _CM_KEY_NODE {
    LIST_ENTRY Link;             /* in Parent->SubKeys, in the order of the names */
    struct _CM_KEY_NODE *Parent; /* NULL: the root. Of a deleted one: referenced, for its path */
    LIST_ENTRY SubKeys, Values;
    ULONG SubKeyCount, ValueCount;
    ULONG References; /* one for being in the tree, one for each key object */
    ULONG Flags;
    ULONG Depth; /* the root's is 0 */
    LARGE_INTEGER LastWriteTime;
    UNICODE_STRING Class; /* paged pool */
    UNICODE_STRING Name;  /* paged pool */
} CM_KEY_NODE;

/* A path that a key object has or once had; drivers look at it as long as the object lives. */
typedef struct _CM_KEY_NAME {
    struct _CM_KEY_NAME *Next;
    UNICODE_STRING Path;
} CM_KEY_NAME;

/* The key object's body. */
typedef struct _CM_KEY_BODY {
    CM_KEY_NODE *Node;    /* one reference */
    BOOLEAN Told;         /* drivers have been told of its opening, and are to be of its close */
    LIST_ENTRY Contexts;  /* CM_CONTEXT.BodyLink; CmpCallbackLock */
    CM_KEY_NAME *Names;   /* the last one first */
    LIST_ENTRY WatchLink; /* in CmpWatches, if WatchFilter is not 0 */
    ULONG WatchFilter;    /* REG_NOTIFY_xxx */
    BOOLEAN WatchTree;
    BOOLEAN WatchPending;    /* something has changed while nobody waited */
    LIST_ENTRY WatchWaiters; /* CM_WAITER */
} CM_KEY_BODY;

/* What opening a key hands through the object manager to CmpParseKey. */
typedef struct _CM_OPEN_PACKET {
    BOOLEAN Create;    /* if there is none */
    BOOLEAN MayCreate; /* the handle that the path begins at, if any, was opened for that */
    ULONG Options;     /* REG_OPTION_xxx */
    PUNICODE_STRING Class;
    ULONG Disposition; /* out: REG_CREATED_NEW_KEY or REG_OPENED_EXISTING_KEY */
} CM_OPEN_PACKET;

extern POBJECT_TYPE CmpKeyType;
extern CM_KEY_NODE *CmpRoot; /* \Registry */

/* tree.c: nodes and values. CmpLock is held; strings and data are the kernel's own. */
CM_KEY_NODE *CmpFindSubKey(CM_KEY_NODE *Parent, PCUNICODE_STRING Name);
CM_KEY_NODE *CmpSubKeyAt(CM_KEY_NODE *Parent, ULONG Index); /* NULL: there are not so many */
NTSTATUS CmpCreateRoot(VOID);
NTSTATUS CmpAddSubKey(CM_KEY_NODE *Parent, PCUNICODE_STRING Name, PCUNICODE_STRING Class,
                      ULONG Flags, CM_KEY_NODE **Node);
NTSTATUS
CmpDeleteNode(CM_KEY_NODE *Node); /* STATUS_CANNOT_DELETE: it has subkeys, or is permanent */
NTSTATUS CmpRenameNode(CM_KEY_NODE *Node, PCUNICODE_STRING Name);
VOID CmpDereferenceNode(CM_KEY_NODE *Node);
CM_KEY_VALUE *CmpFindValue(CM_KEY_NODE *Node, PCUNICODE_STRING Name);
CM_KEY_VALUE *CmpValueAt(CM_KEY_NODE *Node, ULONG Index);
/* Data is copied; NULL if Length is 0. */
NTSTATUS CmpSetValue(CM_KEY_NODE *Node, PCUNICODE_STRING Name, ULONG Type, const VOID *Data,
                     ULONG Length);
NTSTATUS CmpDeleteValue(CM_KEY_NODE *Node, PCUNICODE_STRING Name);
USHORT CmpPathOfNode(CM_KEY_NODE *Node, PWCHAR Text); /* its length; Text may be NULL */

/* watch.c: who waits for changes. CmpLock is held. */
VOID CmpReportChange(CM_KEY_NODE *Node, ULONG Change); /* REG_NOTIFY_xxx: of this very key */
VOID CmpReportDeletion(CM_KEY_NODE *Node);
VOID CmpEndWatch(CM_KEY_BODY *Body);
PLIST_ENTRY CmpTakeEnded(PLIST_ENTRY List); /* who waits no more; NULL: nobody */
VOID CmpFinishEnded(PLIST_ENTRY List);      /* CmpLock is not held any more */

/* parse.c: key objects, and what paths lead to. IRQL: PASSIVE_LEVEL; CmpLock is not held. */
VOID CmpLockRegistry(VOID);
VOID CmpUnlockRegistry(VOID);
NTSTATUS CmpInitializeObjects(VOID);
NTSTATUS CmpKeepName(CM_KEY_BODY *Body, PCUNICODE_STRING *Name); /* until the object goes */
NTSTATUS CmpOpenKey(PEX_ATTRIBUTES Attributes, ACCESS_MASK Access, CM_OPEN_PACKET *Packet,
                    PHANDLE Handle);
/* A key handle of the running service's caller. STATUS_KEY_DELETED is found later, under the
 * lock, by CmpEnterKey: success means that the lock is held and Body->Node is in the tree. */
NTSTATUS CmpReferenceKey(HANDLE Handle, ACCESS_MASK Access, CM_KEY_BODY **Body);
NTSTATUS CmpEnterKey(CM_KEY_BODY *Body);
/* With CmpLock held: what a path leads to from a key, links included. CmpMakePath makes what is
 * missing, the last key with Flags, and volatile where the parent is. */
NTSTATUS CmpFindPath(CM_KEY_NODE *From, PCUNICODE_STRING Path, CM_KEY_NODE **Node);
NTSTATUS CmpMakePath(CM_KEY_NODE *From, PCUNICODE_STRING Path, ULONG Flags, CM_KEY_NODE **Node);

/*
 * output.c: information of a fixed size and a variable one for the caller's buffer. Nothing is
 * written if the fixed part does not fit (STATUS_BUFFER_TOO_SMALL); else what fits
 * (STATUS_BUFFER_OVERFLOW if that is not all).
 */
typedef struct _CM_OUTPUT {
    PUCHAR Buffer; /* the caller's */
    ULONG Length;
    ULONG Required; /* so far */
    NTSTATUS Status;
} CM_OUTPUT;
NTSTATUS CmpProbeOutput(PVOID Buffer, ULONG Length, PULONG ResultLength); /* before all else */
VOID CmpPutFixed(CM_OUTPUT *Output, const VOID *From, ULONG Bytes);
VOID CmpPutVariable(CM_OUTPUT *Output, ULONG Offset, const VOID *From, ULONG Bytes);
/* Says how long it is, too. Returns the status of it all. */
NTSTATUS CmpEndOutput(CM_OUTPUT *Output, PULONG ResultLength);

/* service.c: the file name of a driver, by the path of its service key: the last part of the
 * value ImagePath, or NAME.sys. STATUS_OBJECT_NAME_NOT_FOUND: there is no such key.
 * IRQL: PASSIVE_LEVEL. */
NTSTATUS CmQueryDriverFile(PUNICODE_STRING ServicePath, PUNICODE_STRING File);

/* boot.c: the registry as it is before the first driver; says on the log what is wrong with
 * .reg files. IRQL: PASSIVE_LEVEL. */
NTSTATUS CmInitialize(VOID);

#endif
