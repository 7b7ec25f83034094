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
    LARGE_INTEGER AllocationSize;
    PVOID Ea; /* extended attributes, captured */
    ULONG EaLength;
    BOOLEAN CaseSensitive;
    PFILE_OBJECT RelatedFile; /* that the name is relative to; NULL: none */
    ULONG Information;        /* out: FILE_OPENED and its kin */
} IO_OPEN_PACKET;

/* A device's DEVOBJ_EXTENSION, and what only the I/O manager keeps. IopDeviceLock guards it. */
typedef struct _IOP_DEVICE {
    DEVOBJ_EXTENSION Public;
    ULONG ExtensionFlags;
    PDEVICE_OBJECT AttachedTo; /* the next lower device, referenced */
    struct _PNP_NODE *Node;    /* it is a PDO (kernel/pnp); goes with the device */
    POWER_STATE PowerState[2]; /* by POWER_STATE_TYPE, as its drivers say (kernel/po) */
    struct _POP_IDLE *Idle;    /* kernel/po/idle.c */
    ULONG StartIo;             /* startio.c */
    volatile LONG StartIoDepth;
} IOP_DEVICE;

#define IOP_UNLOAD_PENDING 1 /* ExtensionFlags: no more opens */
#define IOP_DELETE_PENDING 2 /* the same, for good */
#define IOP_GOING          (IOP_UNLOAD_PENDING | IOP_DELETE_PENDING)
#define IOP_DEFAULT_SECTOR 512

#define IOP_DEVICE_OF(Device) ((IOP_DEVICE *)(Device)->DeviceObjectExtension)

/* A driver object, what hangs on it, and the text of its names. */
#define IOP_NAME_CHARACTERS 64
typedef struct _IOP_DRIVER {
    DRIVER_OBJECT Public;
    DRIVER_EXTENSION Extension;
    LIST_ENTRY ClientExtensions; /* driverextension.c */
    volatile LONG LateUnload;    /* it is to be unloaded when its devices are not in use */
    WORK_QUEUE_ITEM UnloadItem;
    WCHAR NameText[IOP_NAME_CHARACTERS];
} IOP_DRIVER;

#define IOP_DRIVER_OF(Driver) CONTAINING_RECORD(Driver, IOP_DRIVER, Public)

/* The two buffers of a request; for most only one is used. */
typedef struct _IOP_BUFFERS {
    PVOID In, Out;
    ULONG InLength, OutLength;
} IOP_BUFFERS;

#define IOP_IRP_WAITED 0x80 /* IRP.AllocationFlags: UserEvent is a waiter's, who does the rest */

extern POBJECT_TYPE IopDeviceType, IopDriverType;
extern KSPIN_LOCK IopDeviceLock;

NTSTATUS IoInitialize(VOID);

/* driver.c */
NTSTATUS IopCreateDriver(PCWSTR Name, PDRIVER_INITIALIZE Initialize, PLDR_MODULE Module,
                         PDRIVER_OBJECT *Driver);
NTSTATUS IoLoadDriver(PUNICODE_STRING ServiceName); /* the last component names the file */
NTSTATUS IopLoadForDevice(PCWSTR Service); /* by Plug and Play, in a system thread */
VOID IopDeleteDriver(PVOID Object);
VOID IopQueueUnload(PDRIVER_OBJECT Driver);
VOID IopUnloadUnused(PDRIVER_OBJECT Driver); /* it has no devices any more */

/* driverextension.c */
VOID IopFreeDriverExtensions(PDRIVER_OBJECT Driver);
VOID IopReinitializeDrivers(VOID);
VOID IoEndDriverStart(VOID);

/* device.c */
NTSTATUS IopEnterDevice(PDEVICE_OBJECT Device);
VOID IopLeaveDevice(PDEVICE_OBJECT Device);
VOID IopDeviceReleased(PDEVICE_OBJECT Device);
VOID IopDeleteDevice(PVOID Object);
VOID IopEndLoad(PDRIVER_OBJECT Driver);
NTSTATUS IopBeginUnload(PDRIVER_OBJECT Driver);

/* open.c */
NTSTATUS IopParseDevice(PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context,
                        PVOID *Opened);
NTSTATUS IopParseFile(PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context,
                      PVOID *Opened);
NTSTATUS IopQueryFileName(PVOID Object, PUNICODE_STRING Name); /* filename.c */
VOID IopCloseFile(PVOID Object);
VOID IopDeleteFile(PVOID Object);

/* irp.c, build.c */
NTSTATUS NTAPI IopInvalidDeviceRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp);
/* security.c. Buffer is the kernel's. STATUS_INVALID_DEVICE_REQUEST: it is the device's. */
NTSTATUS IopQueryFileSecurity(PFILE_OBJECT File, SECURITY_INFORMATION Information,
                              PSECURITY_DESCRIPTOR Buffer, PULONG Length);
NTSTATUS IopSetFileSecurity(PFILE_OBJECT File, SECURITY_INFORMATION Information,
                            PSECURITY_DESCRIPTOR Descriptor);

PIRP IopBuildIrp(PFILE_OBJECT File, PDEVICE_OBJECT Device, UCHAR MajorFunction,
                 PIO_STACK_LOCATION *Stack);
NTSTATUS IopSetTransferBuffer(PIRP Irp, PDEVICE_OBJECT Device, UCHAR MajorFunction, PVOID Buffer,
                              ULONG Length);
NTSTATUS IopSetControl(PIRP Irp, PIO_STACK_LOCATION Stack, ULONG ControlCode,
                       const IOP_BUFFERS *Buffers);

/* buffers.c */
NTSTATUS IopSetBuffers(PIRP Irp, const IOP_BUFFERS *Buffers, ULONG Method);
NTSTATUS IopReturnBuffers(PIRP Irp, ULONG Limit);
NTSTATUS IopStore(PIRP Irp, PVOID To, const VOID *From, SIZE_T Bytes); /* to the requester */
VOID IopUnlockMdls(PIRP Irp);
VOID IopFreeMdls(PIRP Irp);
VOID IopAbandonIrp(PIRP Irp);

/* complete.c */
BOOLEAN IopIsInvoked(PIRP Irp, UCHAR Control);
NTSTATUS IopCompleteInThread(PIRP Irp, PFILE_OBJECT File, ULONG Limit);

/* cancel.c */
VOID IopForgetThreadIrp(PIRP Irp);
VOID IoCancelThreadIo(VOID);

/* request.c */
NTSTATUS IopCallAndWait(PDEVICE_OBJECT Device, PIRP Irp, PIO_STATUS_BLOCK Iosb,
                        KPROCESSOR_MODE Mode);

/* kernel/po/idle.c */
VOID PoForgetIdle(PDEVICE_OBJECT Device);

/* iotimer.c, shutdown.c */
VOID IopForgetTimer(PDEVICE_OBJECT Device);
VOID IopForgetShutdown(PDEVICE_OBJECT Device);
VOID IoShutdownSystem(VOID);

/* bootfiles.c: the boot loader's modules as files under \SystemRoot. */
NTSTATUS IopInitializeBootFiles(VOID);
/* Opens a file whose contents lie in memory for good; *File keeps it open. */
BOOLEAN IoQueryBootFile(PFILE_OBJECT File, const VOID **Data, PULONG Size); /* FALSE: it is none */
NTSTATUS IoOpenBootFile(PUNICODE_STRING Path, const VOID **Data, PULONG Size, PFILE_OBJECT *File);

/* console.c */
NTSTATUS IopInitializeConsole(VOID);

#endif
