/*
 * How a service reaches its caller's memory: by copy, once, and never by pointer after.
 *
 * ExCopyIn and ExCopyOut look at the thread's PreviousMode. A kernel caller's pointers are
 * trusted; a user caller's must lie below MI_USER_PROBE_ADDRESS, and a fault on the way ends the
 * copy with STATUS_ACCESS_VIOLATION. IRQL <= APC_LEVEL; the space's lock is not held.
 */
#ifndef KERNEL_EX_CAPTURE_H
#define KERNEL_EX_CAPTURE_H

#include "kernel/nt.h"

NTSTATUS ExCopyFromUser(PVOID To, const VOID *From, SIZE_T Bytes);
NTSTATUS ExCopyToUser(PVOID To, const VOID *From, SIZE_T Bytes);
NTSTATUS ExCopyIn(PVOID To, const VOID *From, SIZE_T Bytes);
NTSTATUS ExCopyOut(PVOID To, const VOID *From, SIZE_T Bytes);

/* Can the caller's memory be written? Tried page by page, with what is there already. */
NTSTATUS ExProbeOut(PVOID To, SIZE_T Bytes);

/* A counted string of the caller's, in paged pool and with a zero behind it; freed by release.
 * ExCaptureStringText takes a header that has been captured already. */
NTSTATUS ExCaptureString(PUNICODE_STRING String, const UNICODE_STRING *From);
NTSTATUS ExCaptureStringText(PUNICODE_STRING String, const UNICODE_STRING *Header);
VOID ExReleaseString(PUNICODE_STRING String);

/* OBJECT_ATTRIBUTES of the caller's. */
typedef struct _EX_ATTRIBUTES {
    HANDLE RootDirectory;
    UNICODE_STRING Name;             /* Buffer NULL: none */
    ULONG Flags;                     /* OBJ_xxx */
    KPROCESSOR_MODE Mode;            /* whose they are */
    BOOLEAN Borrowed;                /* the name's text is not a copy */
    PSECURITY_DESCRIPTOR Descriptor; /* of what is to be made, a copy; NULL: none */
} EX_ATTRIBUTES, *PEX_ATTRIBUTES;
NTSTATUS ExCaptureAttributes(PEX_ATTRIBUTES Attributes, const OBJECT_ATTRIBUTES *From);
/* A driver's own, whoever called the running service. */
NTSTATUS ExTakeKernelAttributes(PEX_ATTRIBUTES Attributes, const OBJECT_ATTRIBUTES *From);
VOID ExReleaseAttributes(PEX_ATTRIBUTES Attributes);

#endif
