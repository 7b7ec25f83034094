/*
 * What transfer.sys and its callers share: three devices, control codes of all four methods, and
 * what the driver sees of a request. Include the DDK headers, or a program's own nt.h, before this.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

/*
 * \Device\NAME, and \DosDevices\NAME. Reads and writes of each are of another kind. A write keeps
 * the text in capitals, for the same file's reads.
 */
#define TRANSFER_BUFFERED L"TransferBuffered"
#define TRANSFER_DIRECT   L"TransferDirect"
#define TRANSFER_NEITHER  L"TransferNeither"

#define TRANSFER_STORE_BYTES 512 /* most that a write keeps; more is not taken */

/*
 * UPCASE by three methods: in text, out the same in capitals, as much as there is room for.
 * SUM: in nothing; the second buffer is not output but input, too, and Information is the sum of
 * its bytes. GET_VIEW: out TRANSFER_VIEW, of this file's last request before.
 */
#define TRANSFER_CODE(Number, Method)                                                              \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (Number), Method, FILE_ANY_ACCESS)

#define IOCTL_TRANSFER_UPCASE_BUFFERED TRANSFER_CODE(0, METHOD_BUFFERED)
#define IOCTL_TRANSFER_SUM_IN_DIRECT   TRANSFER_CODE(0, METHOD_IN_DIRECT)
#define IOCTL_TRANSFER_UPCASE_DIRECT   TRANSFER_CODE(0, METHOD_OUT_DIRECT)
#define IOCTL_TRANSFER_UPCASE_NEITHER  TRANSFER_CODE(0, METHOD_NEITHER)
#define IOCTL_TRANSFER_GET_VIEW        TRANSFER_CODE(1, METHOD_BUFFERED)

/* A request as it reaches the driver: addresses, as numbers, or 0. */
typedef struct _TRANSFER_VIEW {
    ULONG SystemBuffer; /* Irp->AssociatedIrp.SystemBuffer */
    ULONG UserBuffer;   /* Irp->UserBuffer */
    ULONG Type3Input;   /* Parameters.DeviceIoControl.Type3InputBuffer; 0 for reads and writes */
    ULONG MdlStart;     /* Irp->MdlAddress: the requester's address that it describes */
    ULONG MdlBytes;
    ULONG MdlPages;
    ULONG MdlMapped; /* the same memory in system space */
} TRANSFER_VIEW, *PTRANSFER_VIEW;

#endif
