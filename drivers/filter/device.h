/*
 * What the filter's own files share.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <ntddk.h>
#include "filter.h"

#define TARGET_CHARACTERS 128 /* most that a device's name has, or the path of our registry key */

/* The filter device's extension. Lower never changes; Lock guards the rest. */
typedef struct _FILTER_EXTENSION {
    PDEVICE_OBJECT Lower; /* where everything is passed on to */
    KSPIN_LOCK Lock;
    BOOLEAN Logging;
    FILTER_COUNTERS Counters[FILTER_FUNCTIONS];
} FILTER_EXTENSION, *PFILTER_EXTENSION;

/* The control device's extension. */
typedef struct _CONTROL_EXTENSION {
    PDEVICE_OBJECT Filter;
} CONTROL_EXTENSION, *PCONTROL_EXTENSION;

DRIVER_DISPATCH FilterPass;      /* pass.c: any request to the filter device */
DRIVER_DISPATCH ControlDispatch; /* control.c: any to the control device */

/* target.c */
NTSTATUS FilterQueryTarget(PUNICODE_STRING RegistryPath, PUNICODE_STRING Target);

#endif
