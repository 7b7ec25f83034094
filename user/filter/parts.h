/*
 * What the parts of filter.exe share.
 *
 *   filter.c   a device that does everything at once: null.sys' Zero
 *   pending.c  one whose requests wait: csq.sys'
 */
#ifndef PARTS_H
#define PARTS_H

#include "check.h"
#include "device.h"
#include "drivers/filter/filter.h"

/* Major functions, by the numbers that the WDK gives them. */
enum { Create = 0, Close = 2, Read = 3, Write = 4, Flush = 9, Control = 14, Cleanup = 18 };

extern FILTER_COUNTERS Counters[FILTER_FUNCTIONS];

NTSTATUS GetCounters(HANDLE Filter); /* into Counters */
void PrintCounters(void);

/* Unloads the filter, filters csq.sys' device instead, and checks what happens there. */
void CheckPending(void);

#endif
