/*
 * A request of a service's caller on its way to becoming a packet.
 */
#ifndef KERNEL_IO_REQUEST_H
#define KERNEL_IO_REQUEST_H

#include "kernel/ex/capture.h"
#include "kernel/io/io.h"

typedef struct _IOP_REQUEST {
    PIO_STATUS_BLOCK UserIosb;
    PIO_APC_ROUTINE ApcRoutine;
    PVOID ApcContext;
    KPROCESSOR_MODE Mode;  /* the caller's */
    ACCESS_MASK Granted;   /* the handle's */
    BOOLEAN Locked;        /* the file's Lock is ours: the service waits */
    PFILE_OBJECT File;     /* both referenced */
    PKEVENT Event;         /* NULL: none */
    PDEVICE_OBJECT Device; /* the top of the file's stack */
    PIRP Irp;
    PIO_STACK_LOCATION Stack; /* the packet's first location */
} IOP_REQUEST;

/* A request to be begun: where its status is to go, and the caller's APC. */
#define IOP_NEW_REQUEST(Iosb, Routine, Context)                                                    \
    {                                                                                              \
        .UserIosb = (Iosb), .ApcRoutine = (Routine), .ApcContext = (Context)                       \
    }

NTSTATUS IopBeginRequest(IOP_REQUEST *Request, HANDLE FileHandle, HANDLE EventHandle,
                         ACCESS_MASK Access);
NTSTATUS IopMakePacket(IOP_REQUEST *Request, UCHAR MajorFunction);
NTSTATUS IopSendRequest(IOP_REQUEST *Request);
NTSTATUS IopEndRequest(IOP_REQUEST *Request, NTSTATUS Status);

NTSTATUS IopCreateFileObject(PDEVICE_OBJECT Device, PUNICODE_STRING Name, ACCESS_MASK Access,
                             const IO_OPEN_PACKET *Packet, PFILE_OBJECT *NewFile); /* open.c */

#endif
