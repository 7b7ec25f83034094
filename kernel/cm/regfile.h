/*
 * The reader of .reg files: the text that Windows' registry editor writes. It knows the text alone;
 * what is read goes to a sink, so it can be tried without a registry.
 */
#ifndef KERNEL_CM_REGFILE_H
#define KERNEL_CM_REGFILE_H

#include "kernel/nt.h"

/* What takes the keys and values of a file, in their order. A failure ends the reading. */
typedef struct _CM_REG_SINK {
    /* [Path] or [-Path]: the path as it is written, HKEY_LOCAL_MACHINE\and so on. */
    NTSTATUS (*Key)(PVOID Context, PUNICODE_STRING Path, BOOLEAN Delete);
    /* A value of the last key. */
    NTSTATUS(*SetValue)
    (PVOID Context, PUNICODE_STRING Name, ULONG Type, const VOID *Data, ULONG Length);
    NTSTATUS (*DeleteValue)(PVOID Context, PUNICODE_STRING Name);
} CM_REG_SINK;

/* Where the reading ended, and why; Reason NULL: all was read. */
typedef struct _CM_REG_MISTAKE {
    ULONG Line; /* from 1 */
    PCSTR Reason;
} CM_REG_MISTAKE;

/* Text as the reader wants it: Units 16-bit characters in pool, freed by the caller. NULL: no
 * memory. */
PWCHAR CmpDecodeText(const UCHAR *Data, ULONG Size, PULONG Units);

/* Hands all that is in a text to the sink, up to the first mistake. IRQL: PASSIVE_LEVEL. */
VOID CmpReadRegFile(PCWSTR Text, ULONG Units, const CM_REG_SINK *Sink, PVOID Context,
                    CM_REG_MISTAKE *Mistake);

#endif
