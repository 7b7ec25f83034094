/* What the files of the name space share: name.c, directory.c, link.c. ObpNameLock guards it all.
 */
#ifndef KERNEL_OB_NAME_H
#define KERNEL_OB_NAME_H

#include "kernel/ob/ob.h"

#define TAG_NAME 'emaN'

/* One name in a directory. Nonpaged, for dereferences come at DISPATCH_LEVEL. */
typedef struct _OBP_ENTRY {
    LIST_ENTRY ListEntry; /* in Directory->Entries */
    struct _OBP_DIRECTORY
        *Directory; /* one reference: it stays as long as there is anything in it */
    PVOID Object;   /* one reference */
    UNICODE_STRING Name;
    WCHAR Text[];
} OBP_ENTRY;

typedef struct _OBP_DIRECTORY {
    LIST_ENTRY Entries;
} OBP_DIRECTORY;

typedef struct _OBP_LINK {
    UNICODE_STRING Target; /* its buffer in paged pool, or NULL if it is empty */
    LARGE_INTEGER CreationTime;
} OBP_LINK;

extern OBP_DIRECTORY *ObpRoot;

/* A path on its way down. Flags, Context and Type are what is asked for. */
typedef struct _OBP_LOOKUP {
    PVOID Start;          /* referenced: where a relative path begins; NULL: at the root */
    UNICODE_STRING Path;  /* what is left */
    PWCHAR Buffer;        /* what holds it since a link has been followed; NULL: the caller's */
    ULONG Flags;          /* OBJ_xxx */
    KPROCESSOR_MODE Mode; /* whose rights count */
    POBJECT_TYPE Type;
    OB_OPEN_CONTEXT *Context;
    BOOLEAN EndsWithLink; /* the path's last component is there, as a link's name */
    BOOLEAN Named;        /* what has been found is in a directory */
} OBP_LOOKUP;

/* directory.c; the lock is held. */
OBP_ENTRY *ObpFindName(OBP_DIRECTORY *Directory, PUNICODE_STRING Name);

/* name.c; the lock is not held. */
NTSTATUS ObpBeginLookup(OBP_LOOKUP *Lookup, PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type,
                        OB_OPEN_CONTEXT *Context);
NTSTATUS ObpRunLookup(OBP_LOOKUP *Lookup, PVOID *Object);
VOID ObpEndLookup(OBP_LOOKUP *Lookup);

#endif
