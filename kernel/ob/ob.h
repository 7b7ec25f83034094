/*
 * The object manager: types, reference counts, names, handles.
 *
 * An object is a header and a body; pointers point to the body. It lives as long as its
 * PointerCount is above zero: each handle counts as one, each directory entry as one. Its type's
 * Close is called when the last handle goes, its Delete when the last pointer goes; both at
 * PASSIVE_LEVEL, whatever the IRQL of the dereference.
 *
 * Locks: ObpNameLock (fast mutex) guards all directories, and who has an exclusive object; a handle
 * table's Lock guards the table; ObpDescriptorLock which security descriptor an object has. None
 * is held while a type's routine runs.
 */
#ifndef KERNEL_OB_OB_H
#define KERNEL_OB_OB_H

#include "kernel/ex/capture.h"
#include "kernel/nt.h"

/* What opening a path hands to the Parse routine of the object that it runs into. */
typedef struct _OB_OPEN_CONTEXT {
    POBJECT_TYPE Type; /* of what is to be opened; it says what Extra is; NULL: any */
    ACCESS_MASK DesiredAccess;
    KPROCESSOR_MODE Mode; /* who is to be held against what the object's descriptor says */
    PVOID Extra; /* for files: IO_OPEN_PACKET; for keys: CM_OPEN_PACKET; NULL: nothing special */
    /* With STATUS_REPARSE: the path to go on with, from the root, in memory from a pool, which the
     * object manager frees. */
    UNICODE_STRING Reparse;
} OB_OPEN_CONTEXT;

typedef struct _OBJECT_TYPE {
    PCSTR Name;
    ACCESS_MASK AllAccess;
    GENERIC_MAPPING Mapping;
    VOID (*Close)(PVOID Object);  /* the last handle is gone */
    VOID (*Delete)(PVOID Object); /* the last pointer is gone: free what the body refers to */
    /* A path has run into the object: *Opened is what the rest of the path names, referenced. */
    NTSTATUS(*Parse)
    (PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context, PVOID *Opened);
    /* The whole name of an object that is in no directory, in memory from a pool. */
    NTSTATUS (*QueryName)(PVOID Object, PUNICODE_STRING Name);
    BOOLEAN TellsOfHandles; /* drivers may ask to be told of new ones (callbacks.c) */
    BOOLEAN Waitable;       /* the body begins with a DISPATCHER_HEADER ... */
    ULONG WaitOffset;       /* ... or has one here */
    ULONG DescriptorOffset; /* where in the body its security descriptor is; 0: in the header */
    LONG ObjectCount, HandleCount;
} OBJECT_TYPE;

/* At Server 2003's offsets from the body: PointerCount -18, HandleCount -14, Type -10. */
typedef struct _OBJECT_HEADER {
    PEPROCESS Owner; /* of an exclusive object's handles; NULL: there are none; ObpNameLock */
    PSECURITY_DESCRIPTOR SecurityDescriptor; /* descriptor.c */
    LONG PointerCount;
    LONG HandleCount;
    POBJECT_TYPE Type;
    ULONG Flags;
    struct _OBP_ENTRY *Entry;      /* its place in a directory; NULL: it has no name */
    struct _OBJECT_HEADER *Reaper; /* next in the list of those to be deleted at PASSIVE_LEVEL */
} OBJECT_HEADER, *POBJECT_HEADER;

C_ASSERT(sizeof(OBJECT_HEADER) == 0x20);

#define OBJECT_PERMANENT 1 /* its name outlives its last handle; ObpNameLock */
#define OBJECT_EXCLUSIVE 2 /* only one process may have handles of it; from its creation on */

#define OBJECT_TO_HEADER(Object) ((POBJECT_HEADER)(Object)-1)

#define OBJ_PROTECT_CLOSE     1 /* of a handle, besides OBJ_INHERIT: it cannot be closed */
#define OBP_HANDLE_ATTRIBUTES (OBJ_PROTECT_CLOSE | OBJ_INHERIT)

extern POBJECT_TYPE ObpDirectoryType, ObpSymbolicLinkType;
extern FAST_MUTEX ObpNameLock;

/* object.c */
NTSTATUS ObpAllocateObject(POBJECT_TYPE Type, SIZE_T BodyBytes, PVOID *Object); /* one reference */
VOID NTAPI ObpDereferenceObject(PVOID Object); /* exported as ObDereferenceObject */
BOOLEAN ObpTryReference(PVOID Object);         /* FALSE: its last reference is gone already */
ACCESS_MASK ObpMapAccess(POBJECT_TYPE Type, ACCESS_MASK Access); /* without generic rights */
VOID ObpInitializeReaper(VOID);
NTSTATUS ObInitialize(VOID); /* directory.c */

/*
 * name.c: finding what a path names, and giving names. IRQL: PASSIVE_LEVEL; no lock that
 * a Parse routine needs is held. A path begins at the root, or at Attributes->RootDirectory, a
 * handle in the current process. Context NULL: no Parse routine is called, the object must be in a
 * directory. Type NULL: any.
 */
NTSTATUS ObpOpenPath(PUNICODE_STRING Path, POBJECT_TYPE Type, OB_OPEN_CONTEXT *Context,
                     PVOID *Object);
NTSTATUS ObpOpenByAttributes(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, OB_OPEN_CONTEXT *Context,
                             PVOID *Object);
NTSTATUS ObpOpenToCreate(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, PVOID *Object);
NTSTATUS ObpInsertName(PUNICODE_STRING Path, PVOID Object, BOOLEAN Permanent);
NTSTATUS ObpInsertNameByAttributes(PEX_ATTRIBUTES Attributes, PVOID Object);
/* As whom an opener is to be checked (WDK: OBJECT_ATTRIBUTES, OBJ_FORCE_ACCESS_CHECK). */
static inline KPROCESSOR_MODE ObpCheckedMode(const EX_ATTRIBUTES *Attributes)
{
    return (Attributes->Flags & OBJ_FORCE_ACCESS_CHECK) ? UserMode : Attributes->Mode;
}

VOID ObpRemoveName(PVOID Object);       /* and the directory's reference */
VOID ObpRemoveUnusedName(PVOID Object); /* if it is temporary and there is no handle */
VOID ObpSetPermanent(PVOID Object, BOOLEAN Permanent);

/* directory.c, link.c */
NTSTATUS ObpCreateDirectory(PCWSTR Path);
NTSTATUS ObpQueryPath(PVOID Object, PUNICODE_STRING Path); /* in pool; Buffer NULL: no name */
NTSTATUS ObpCreateLink(PUNICODE_STRING Name, PUNICODE_STRING Target);
NTSTATUS ObpDeleteLink(PUNICODE_STRING Name);

/* handle.c */
typedef struct _HANDLE_TABLE HANDLE_TABLE, *PHANDLE_TABLE;
PHANDLE_TABLE ObpCreateHandleTable(VOID);
NTSTATUS ObpInheritHandles(PHANDLE_TABLE Parent, PHANDLE_TABLE Child); /* which is still empty */
VOID ObpCloseHandleTable(PHANDLE_TABLE Table);  /* all handles, and for good */
VOID ObpDeleteHandleTable(PHANDLE_TABLE Table); /* the same, and frees the table */
/* A handle in the current process, or a kernel handle if Flags has OBJ_KERNEL_HANDLE. The
 * reference that the caller holds stays the caller's. Access is what is asked for, generic rights
 * and MAXIMUM_ALLOWED included. */
NTSTATUS ObpCreateHandle(PVOID Object, ACCESS_MASK Access, ULONG Flags, PHANDLE Handle);
/* The same for a duplicate of one in process Source. */
NTSTATUS ObpDuplicateHandle(PVOID Object, ACCESS_MASK Access, ULONG Flags, PEPROCESS Source,
                            PHANDLE Handle);
NTSTATUS ObpSetHandleAttributes(HANDLE Handle, KPROCESSOR_MODE Mode, ULONG Attributes);
extern PHANDLE_TABLE ObpKernelHandleTable;

/* open.c: IRQL: PASSIVE_LEVEL. */
NTSTATUS ObpOpenObjectByName(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, ACCESS_MASK Access,
                             PHANDLE Handle);
/* A handle, and the name if there is one, for a new object; the caller's reference is taken over.
 * STATUS_OBJECT_NAME_EXISTS: with OBJ_OPENIF, the handle is that of the object of this name. */
NTSTATUS ObpInsertObject(PVOID Object, PEX_ATTRIBUTES Attributes, ACCESS_MASK Access,
                         PHANDLE Handle);

/* service.c: the whole of a service that opens or creates, for the running service's caller. */
typedef VOID OBP_FILL_OBJECT(PVOID Object, PVOID Parameter); /* the body is zeroed */
NTSTATUS ObpOpenService(PHANDLE UserHandle, ACCESS_MASK Access, POBJECT_ATTRIBUTES ObjectAttributes,
                        POBJECT_TYPE Type);
NTSTATUS ObpCreateService(PHANDLE UserHandle, ACCESS_MASK Access,
                          POBJECT_ATTRIBUTES ObjectAttributes, POBJECT_TYPE Type, SIZE_T BodyBytes,
                          OBP_FILL_OBJECT *Fill, PVOID Parameter);
NTSTATUS ObpReturnHandle(HANDLE Handle, PHANDLE UserHandle); /* or closes it */

#endif
