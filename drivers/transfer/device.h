/*
 * What the driver's own files share.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <ntddk.h>
#include "transfer.h"

#define TRANSFER_TAG 'snrT'

/* The device extension: which device it is (kinds, in transfer.c). */
typedef struct _TRANSFER_EXTENSION {
    ULONG Kind;
} TRANSFER_EXTENSION, *PTRANSFER_EXTENSION;

/* What the driver keeps for each open file, where FileObject->FsContext points: nonpaged memory, as
   the lock has to be. It guards the rest. */
typedef struct _TRANSFER_FILE {
    FAST_MUTEX Lock;
    TRANSFER_VIEW View;
    ULONG Stored; /* bytes */
    CHAR Store[TRANSFER_STORE_BYTES];
} TRANSFER_FILE, *PTRANSFER_FILE;

/* What a request comes to: Length bytes from here to there. To is NULL: they are to be summed up.
   FromUser, ToUser: the address is a program's own, and nobody has looked at it. */
typedef struct _TRANSFER {
    const CHAR *From;
    CHAR *To;
    ULONG Length;
    BOOLEAN FromUser, ToUser;
} TRANSFER, *PTRANSFER;

/* locate.c */
NTSTATUS TransferLocate(PDEVICE_OBJECT DeviceObject, PIRP Irp, PTRANSFER_FILE File,
                        PTRANSFER Transfer);
VOID TransferLook(PIRP Irp, PTRANSFER_VIEW View);

/* transfer.c, seh/guarded.c: *Information is IoStatus.Information. The second one is for addresses
   of user mode's, and fails if they are bad. */
VOID TransferCarryOut(const TRANSFER *Transfer, PULONG Information);
NTSTATUS TransferCarryOutGuarded(const TRANSFER *Transfer, PULONG Information);

#endif
