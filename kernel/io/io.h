/*
 * The I/O manager: drivers, devices, files, and the packets (IRPs) that connect them.
 */
#ifndef KERNEL_IO_IO_H
#define KERNEL_IO_IO_H

#include "kernel/ldr/ldr.h"
#include "kernel/ob/ob.h"

/* What NtCreateFile hands through the object manager to IopParseDevice. */
typedef struct _IO_OPEN_PACKET {
    ULONG Options;
    ULONG Disposition;
    USHORT FileAttributes;
    USHORT ShareAccess;
    ULONG Information; /* out: FILE_OPENED and its kin */
} IO_OPEN_PACKET;

extern POBJECT_TYPE IopDeviceType, IopDriverType;

NTSTATUS IoInitialize(VOID);

/* driver.c */
NTSTATUS IopCreateDriver(PCWSTR Name, PDRIVER_INITIALIZE Initialize, PLDR_MODULE Module,
                         PDRIVER_OBJECT *Driver);
NTSTATUS IoLoadDriver(PUNICODE_STRING ServiceName); /* the last component names the file */

/* device.c */
NTSTATUS IopParseDevice(PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context,
                        PVOID *Opened);
VOID IopDeleteDevice(PVOID Object);
VOID IopDeleteDriver(PVOID Object);
VOID IopEndLoad(PDRIVER_OBJECT Driver);
NTSTATUS IopBeginUnload(PDRIVER_OBJECT Driver); /* STATUS_DEVICE_BUSY: a device is open */

/* irp.c */
PIRP IopBuildIrp(PFILE_OBJECT File, PDEVICE_OBJECT Device, UCHAR MajorFunction,
                 PIO_STACK_LOCATION *Stack);
NTSTATUS IopCallAndWait(PDEVICE_OBJECT Device, PIRP Irp, PIO_STATUS_BLOCK Iosb,
                        KPROCESSOR_MODE Mode);
NTSTATUS NTAPI IopInvalidDeviceRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp);

/* file.c */
VOID IopCloseFile(PVOID Object);
VOID IopDeleteFile(PVOID Object);
VOID IopFileRequest(PFILE_OBJECT File, UCHAR MajorFunction);

/* bootfiles.c: the boot loader's modules as files under \SystemRoot. */
NTSTATUS IopInitializeBootFiles(VOID);
/* Opens a file whose contents lie in memory for good; *File keeps it open. */
NTSTATUS IoOpenBootFile(PUNICODE_STRING Path, const VOID **Data, PULONG Size, PFILE_OBJECT *File);

/* console.c */
NTSTATUS IopInitializeConsole(VOID);

#endif
