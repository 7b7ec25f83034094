/* Which messages are shown (filter.c), for those who print them. IRQL: any. */
#ifndef KERNEL_KD_FILTER_H
#define KERNEL_KD_FILTER_H

#include "kernel/nt.h"

/* Components that there are none of count as the default one. */
BOOLEAN KdpIsShown(ULONG ComponentId, ULONG Level);
VOID KdpTellCallbacks(PCHAR Text, ULONG Length, ULONG ComponentId, ULONG Level);

#endif
