/* What the Rtl routines for the registry share. IRQL: PASSIVE_LEVEL. */
#ifndef KERNEL_CM_RTLKEY_H
#define KERNEL_CM_RTLKEY_H

#include "kernel/nt.h"

/* Opens a key by RTL_REGISTRY_xxx and a path; with RTL_REGISTRY_HANDLE the path is the handle.
 * Create: makes it if there is none. Closed by RtlpCloseKey with the same RelativeTo. */
NTSTATUS RtlpOpenKey(ULONG RelativeTo, PCWSTR Path, ACCESS_MASK Access, BOOLEAN Create,
                     PHANDLE Key);
VOID RtlpCloseKey(ULONG RelativeTo, HANDLE Key);

#endif
