/* The kernel's export table, as tools/exports.py makes it. */
#ifndef KERNEL_LDR_EXPORTS_H
#define KERNEL_LDR_EXPORTS_H

#include "kernel/nt.h"

typedef struct _LDR_EXPORT {
    PCSTR Name;
    PVOID Address;
} LDR_EXPORT;

extern const ULONG LdrExportCount;
extern const LDR_EXPORT LdrExports[]; /* in strcmp order */

#endif
