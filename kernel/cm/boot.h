/* What the boot set brings into the registry. IRQL: PASSIVE_LEVEL; CmpLock is held. */
#ifndef KERNEL_CM_BOOT_H
#define KERNEL_CM_BOOT_H

#include "boot/loader.h"

/* merge.c: a line on the log if the file has a mistake; then it has changed nothing. */
VOID CmpMergeRegFile(PLOADER_MODULE Module);

#endif
