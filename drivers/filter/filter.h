/*
 * What filter.sys and its callers share: the control device, its requests and their data. Include
 * the DDK headers, or a program's own nt.h, before this.
 */
#ifndef FILTER_H
#define FILTER_H

#define FILTER_DEVICE_NAME L"\\Device\\FilterControl"
#define FILTER_LINK_NAME   L"\\DosDevices\\Filter"

/* The device that is filtered, if the service key's Parameters name no other in the value Target.
 */
#define FILTER_DEFAULT_TARGET L"\\Device\\Zero"

#define FILTER_FUNCTIONS 28 /* IRP_MJ_CREATE ... IRP_MJ_MAXIMUM_FUNCTION */

/* What has passed of one major function. */
typedef struct _FILTER_COUNTERS {
    ULONG Sent;      /* to the lower device */
    ULONG Completed; /* of those; the others are pending down there */
    ULONG Failed;    /* of the completed */
    ULONG Pended;    /* of the completed: the lower driver had returned STATUS_PENDING */
    ULONGLONG Bytes; /* transferred, as IoStatus.Information says */
} FILTER_COUNTERS, *PFILTER_COUNTERS;

/*
 *   GET_COUNTERS  out FILTER_COUNTERS[FILTER_FUNCTIONS], by major function, all of one moment
 *   SET_LOG       in ULONG: not 0, a line of debug output for each completed request from now on
 */
#define FILTER_CODE(Number, Access)                                                                \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (Number), METHOD_BUFFERED, Access)

#define IOCTL_FILTER_GET_COUNTERS FILTER_CODE(0, FILE_READ_DATA)
#define IOCTL_FILTER_SET_LOG      FILTER_CODE(1, FILE_WRITE_DATA)

#endif
