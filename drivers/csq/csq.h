/*
 * What csq.sys and its callers share. A read of at least sizeof(ULONG) bytes gives the number of
 * the tick that it was completed by. Include the DDK headers, or a program's own nt.h, before this.
 */
#ifndef CSQ_H
#define CSQ_H

#define CSQ_DEVICE_NAME L"\\Device\\Csq"
#define CSQ_LINK_NAME   L"\\DosDevices\\Csq"

#define CSQ_FIRST_PERIOD_MS 20

/* Input: a ULONG, the milliseconds between ticks from now on; 0: no ticks, so that reads wait. */
#define IOCTL_CSQ_SET_PERIOD CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_WRITE_DATA)

#endif
