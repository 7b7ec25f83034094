/*
 * What demo.sys and its callers share: the names, the requests (IOCTLs) and their data.
 *
 * Every request is METHOD_BUFFERED: the I/O manager copies the input into a buffer in system space
 * before the driver sees it, and the output back afterwards, so the driver never touches an
 * address that a program has given it (WDK: "Buffer Descriptions for I/O Control Codes").
 *
 * Include the DDK headers, or a program's own nt.h, before this file.
 */
#ifndef DEMO_H
#define DEMO_H

#define DEMO_DEVICE_NAME L"\\Device\\Demo"
#define DEMO_LINK_NAME   L"\\DosDevices\\Demo" /* programs open it as \??\Demo */

#define DEMO_TEXT_BYTES       256 /* of the shared text, its final zero included */
#define DEMO_RECORD_TEXT      24  /* how much of it a record shows, the zero included */
#define DEMO_RECORDS          512 /* that the driver keeps; the oldest goes first */
#define DEMO_RECORDS_PER_CALL 32  /* most that one IOCTL_DEMO_GET_RECORDS returns */

/* How the driver's code came to run. */
typedef enum _DEMO_WAY {
    DemoIoctl,     /* called by a program: in that program's thread */
    DemoTimerDpc,  /* interrupted whichever thread was running */
    DemoWorkItem,  /* run by one of the system's worker threads */
    DemoOwnThread, /* a system thread that the driver has made */
} DEMO_WAY;

/* One touch of a pool allocation, and all that is known about the moment. */
typedef struct _DEMO_RECORD {
    ULONG Sequence; /* counts all touches, from 0 */
    ULONG Way;      /* DEMO_WAY */
    ULONG ProcessId;
    ULONG ThreadId;
    ULONG Cr3; /* physical address of the page directory then in use */
    ULONG Irql;
    ULONG Address;                /* of the pool memory that was touched */
    ULONG Frame;                  /* number of the page frame behind it; 0: not resident any more */
    ULONG Checksum;               /* DemoChecksum of all DEMO_TEXT_BYTES there */
    CHAR Text[DEMO_RECORD_TEXT];  /* how they begin */
    ULONG UserAddress, UserValue; /* from IOCTL_DEMO_TOUCH, else 0 */
    ULONG UserFrame;              /* the frame behind UserAddress in the caller's process */
    ULONG Processor;              /* its number */
} DEMO_RECORD, *PDEMO_RECORD;

/* Input of IOCTL_DEMO_TOUCH. */
typedef struct _DEMO_TOUCH {
    ULONG UserAddress; /* resident memory of the caller's: have it touched just before */
    ULONG UserValue;   /* what the caller has there: goes into the record as it is */
} DEMO_TOUCH, *PDEMO_TOUCH;

/* Input of IOCTL_DEMO_GET_RECORDS: Sequence of the first one wanted. */
typedef struct _DEMO_GET_RECORDS {
    ULONG First;
} DEMO_GET_RECORDS, *PDEMO_GET_RECORDS;

/*
 * The requests. The codes below 0x800 are Microsoft's (WDK: "Defining I/O Control Codes"). The I/O
 * manager refuses a code whose access the caller's handle does not have.
 *
 *   TOUCH        in DEMO_TOUCH, out DEMO_RECORD: touches the text, returns the record of it
 *   GET_RECORDS  in DEMO_GET_RECORDS, out DEMO_RECORD[n], as many as there are and fit
 *   READ_TEXT    out CHAR[n], n <= DEMO_TEXT_BYTES
 *   WRITE_TEXT   in CHAR[n], n from 1 to DEMO_TEXT_BYTES; the rest of the text becomes zeros
 *   QUEUE_WORK   neither: the timer's next DPC is to queue the work item
 */
#define DEMO_CODE(Number, Access)                                                                  \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (Number), METHOD_BUFFERED, Access)

#define IOCTL_DEMO_TOUCH       DEMO_CODE(0, FILE_READ_DATA)
#define IOCTL_DEMO_GET_RECORDS DEMO_CODE(1, FILE_READ_DATA)
#define IOCTL_DEMO_READ_TEXT   DEMO_CODE(2, FILE_READ_DATA)
#define IOCTL_DEMO_WRITE_TEXT  DEMO_CODE(3, FILE_WRITE_DATA)
#define IOCTL_DEMO_QUEUE_WORK  DEMO_CODE(4, FILE_WRITE_DATA)

/* Adler-32 (RFC 1950): the driver and the program compare what each has seen. */
static inline ULONG DemoChecksum(const CHAR *Text, ULONG Length)
{
    ULONG A = 1, B = 0, i;

    for (i = 0; i < Length; i++) {
        A = (A + (UCHAR)Text[i]) % 65521;
        B = (B + A) % 65521;
    }
    return B << 16 | A;
}

#endif
