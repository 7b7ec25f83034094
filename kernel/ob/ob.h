/*
 * The object manager: types, reference counts, handles, names.
 *
 * An object is a header and a body; pointers point to the body. It lives as long as its
 * PointerCount is above zero: each handle counts as one, each directory entry as one. Its type's
 * Close is called when the last handle goes, its Delete when the last pointer goes; both at
 * PASSIVE_LEVEL, whatever the IRQL of the dereference.
 *
 * Locks: ObpNameLock (fast mutex) guards all directories; a handle table's Lock guards the table.
 * Neither is held while a type's Parse, Close or Delete runs.
 */
#ifndef KERNEL_OB_OB_H
#define KERNEL_OB_OB_H

#include "kernel/ex/capture.h"
#include "kernel/nt.h"

/* What opening a path hands to the Parse routine of the object that it runs into. */
typedef struct _OB_OPEN_CONTEXT {
    POBJECT_TYPE Type; /* of what is to be opened; it says what Extra is */
    ACCESS_MASK DesiredAccess;
    PVOID Extra; /* for files: IO_OPEN_PACKET; for keys: CM_OPEN_PACKET */
} OB_OPEN_CONTEXT;

typedef struct _OBJECT_TYPE {
    PCSTR Name;
    ACCESS_MASK AllAccess;
    GENERIC_MAPPING Mapping;
    VOID (*Close)(PVOID Object);  /* the last handle is gone */
    VOID (*Delete)(PVOID Object); /* the last pointer is gone: free what the body refers to */
    NTSTATUS(*Parse)
    (PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context, PVOID *Opened);
    BOOLEAN Waitable; /* the body begins with a DISPATCHER_HEADER ... */
    ULONG WaitOffset; /* ... or has one here */
    LONG ObjectCount;
} OBJECT_TYPE;

/* At Server 2003's offsets from the body: PointerCount -18, HandleCount -14, Type -10. */
typedef struct _OBJECT_HEADER {
    LONG PointerCount;
    LONG HandleCount;
    POBJECT_TYPE Type;
    ULONG Flags;
    struct _OBP_ENTRY *Entry;      /* its place in a directory; NULL: it has no name */
    struct _OBJECT_HEADER *Reaper; /* next in the list of those to be deleted at PASSIVE_LEVEL */
} OBJECT_HEADER, *POBJECT_HEADER;

C_ASSERT(sizeof(OBJECT_HEADER) == 0x18);

#define OBJECT_PERMANENT 1 /* its name outlives its last handle */

#define OBJECT_TO_HEADER(Object) ((POBJECT_HEADER)(Object)-1)

extern POBJECT_TYPE ObpDirectoryType, ObpSymbolicLinkType;

/* object.c */
NTSTATUS ObpAllocateObject(POBJECT_TYPE Type, SIZE_T BodyBytes, PVOID *Object); /* one reference */
BOOLEAN ObpTryReference(PVOID Object); /* FALSE: its last reference is gone already */
VOID ObpInitializeReaper(VOID);
NTSTATUS ObInitialize(VOID);

/* name.c: IRQL: PASSIVE_LEVEL. */
NTSTATUS ObpInsertName(PUNICODE_STRING Path, PVOID Object, BOOLEAN Permanent);
VOID ObpRemoveName(PVOID Object);       /* and the directory's reference */
VOID ObpRemoveUnusedName(PVOID Object); /* if it is temporary and there is no handle */
BOOLEAN ObpHasName(PVOID Object);
NTSTATUS ObpOpenPath(PUNICODE_STRING Path, POBJECT_TYPE Type, OB_OPEN_CONTEXT *Context,
                     PVOID *Object);
NTSTATUS ObpOpenToCreate(PUNICODE_STRING Path, POBJECT_TYPE Type, PVOID *Object);
NTSTATUS ObpCreateDirectory(PCWSTR Path);
NTSTATUS ObpCreateLink(PUNICODE_STRING Name, PUNICODE_STRING Target);
NTSTATUS ObpDeleteLink(PUNICODE_STRING Name);

/* handle.c */
typedef struct _HANDLE_TABLE HANDLE_TABLE, *PHANDLE_TABLE;
PHANDLE_TABLE ObpCreateHandleTable(VOID);
VOID ObpCloseHandleTable(PHANDLE_TABLE Table);  /* all handles, and for good */
VOID ObpDeleteHandleTable(PHANDLE_TABLE Table); /* the same, and frees the table */
/* A handle in the current process, or a kernel handle if Flags has OBJ_KERNEL_HANDLE. The
 * reference that the caller holds stays the caller's. */
NTSTATUS ObpCreateHandle(PVOID Object, ACCESS_MASK Access, ULONG Flags, PHANDLE Handle);
extern PHANDLE_TABLE ObpKernelHandleTable;

/* open.c: IRQL: PASSIVE_LEVEL. */
NTSTATUS ObpOpenObjectByName(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, ACCESS_MASK Access,
                             PHANDLE Handle);
/* A handle, and the name if there is one, for a new object; the caller's reference is taken over.
 * STATUS_OBJECT_NAME_EXISTS: with OBJ_OPENIF, the handle is that of the object of this name. */
NTSTATUS ObpInsertObject(PVOID Object, PEX_ATTRIBUTES Attributes, ACCESS_MASK Access,
                         PHANDLE Handle);

#endif
