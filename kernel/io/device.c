/*
 * Device objects and the names that lead to them.
 *
 * A device object's memory is one block: DEVICE_OBJECT, the driver's extension, the I/O manager's
 * own. IopDeviceLock guards the list of a driver's devices (through NextDevice), the count of a
 * device's open files (ReferenceCount), and whether it can be opened at all: not while its driver
 * is being unloaded, and not when it has been deleted.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_FILE_NAME  'mNoI'
#define UNLOAD_PENDING 1 /* IOP_DEVICE.ExtensionFlags: no more opens */
#define DELETE_PENDING 2 /* the same, for good */

/* The public DEVOBJ_EXTENSION, and what only the I/O manager keeps. */
typedef struct _IOP_DEVICE {
    DEVOBJ_EXTENSION Public;
    ULONG ExtensionFlags;
} IOP_DEVICE;

static KSPIN_LOCK IopDeviceLock;

#define IOP_DEVICE_OF(Device) ((IOP_DEVICE *)(Device)->DeviceObjectExtension)

static VOID IopFillDevice(PDEVICE_OBJECT Device, PDRIVER_OBJECT Driver, ULONG ExtensionSize,
                          DEVICE_TYPE Type, ULONG Characteristics)
{
    IOP_DEVICE *Private = (IOP_DEVICE *)((PUCHAR)(Device + 1) + ((ExtensionSize + 7) & ~7));

    Device->Type = IO_TYPE_DEVICE;
    Device->Size = (USHORT)(sizeof *Device + ExtensionSize);
    Device->DriverObject = Driver;
    Device->DeviceType = Type;
    Device->Characteristics = Characteristics;
    Device->StackSize = 1;
    Device->Flags = DO_DEVICE_INITIALIZING;
    Device->DeviceExtension = ExtensionSize ? Device + 1 : NULL;
    Device->DeviceObjectExtension = &Private->Public;
    Private->Public.Type = IO_TYPE_DEVICE_OBJECT_EXTENSION;
    Private->Public.DeviceObject = Device;
    KeInitializeEvent(&Device->DeviceLock, SynchronizationEvent, TRUE);
}

static VOID IopLinkDevice(PDEVICE_OBJECT Device)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    Device->NextDevice = Device->DriverObject->DeviceObject;
    Device->DriverObject->DeviceObject = Device;
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
}

/* Takes a device out of its driver's list. The lock is held. */
static VOID IopUnlinkDevice(PDEVICE_OBJECT Device)
{
    PDEVICE_OBJECT *Link = &Device->DriverObject->DeviceObject;

    while (*Link && *Link != Device)
        Link = &(*Link)->NextDevice;
    if (*Link)
        *Link = Device->NextDevice;
}

/*
 * A device that is deleted can be opened no more. While it is still open it stays in its driver's
 * list, so that the driver, whose dispatch routines are yet to be called, is not unloaded.
 */
static VOID IopMarkDeleted(PDEVICE_OBJECT Device)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    IOP_DEVICE_OF(Device)->ExtensionFlags |= DELETE_PENDING;
    if (Device->ReferenceCount == 0)
        IopUnlinkDevice(Device);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
}

/*
 * Creates a device object (WDK: IoCreateDevice). IRQL: PASSIVE_LEVEL (the WDK says APC_LEVEL, too).
 * STATUS_OBJECT_NAME_COLLISION: the name is taken.
 */
NTSTATUS NTAPI IoCreateDevice(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                              PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                              ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                              PDEVICE_OBJECT *DeviceObject)
{
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    KI_ASSERT_IRQL(APC_LEVEL);
    *DeviceObject = NULL;
    if (DeviceExtensionSize > MAXUSHORT - sizeof *Device)
        return STATUS_INVALID_PARAMETER;
    Status = ObpAllocateObject(IopDeviceType,
                               sizeof *Device + DeviceExtensionSize + 8 + sizeof(IOP_DEVICE),
                               (PVOID *)&Device);
    if (!NT_SUCCESS(Status))
        return Status;
    IopFillDevice(Device, DriverObject, DeviceExtensionSize, DeviceType, DeviceCharacteristics);
    if (Exclusive)
        Device->Flags |= DO_EXCLUSIVE;
    ObReferenceObject(DriverObject);
    if (DeviceName) {
        Device->Flags |= DO_DEVICE_HAS_NAME;
        Status = ObpInsertName(DeviceName, Device, TRUE);
        if (!NT_SUCCESS(Status)) {
            ObDereferenceObject(Device);
            return Status;
        }
    }
    IopLinkDevice(Device);
    *DeviceObject = Device;
    return STATUS_SUCCESS;
}

/* Deletes a device object (WDK: IoDeleteDevice); open files keep its memory. IRQL <= APC_LEVEL. */
VOID NTAPI IoDeleteDevice(PDEVICE_OBJECT DeviceObject)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    IopMarkDeleted(DeviceObject);
    ObpRemoveName(DeviceObject);
    ObDereferenceObject(DeviceObject);
}

VOID IopDeleteDevice(PVOID Object)
{
    ObDereferenceObject(((PDEVICE_OBJECT)Object)->DriverObject);
}

/* Can a driver be unloaded now? IopDeviceLock is held. */
static NTSTATUS IopCheckUnload(PDRIVER_OBJECT Driver)
{
    PDEVICE_OBJECT Device;

    if (Driver->DriverUnload == NULL || !(Driver->Flags & DRVO_INITIALIZED) ||
        (Driver->Flags & DRVO_UNLOAD_INVOKED))
        return STATUS_INVALID_DEVICE_REQUEST;
    for (Device = Driver->DeviceObject; Device; Device = Device->NextDevice) {
        if (Device->ReferenceCount)
            return STATUS_DEVICE_BUSY;
    }
    return STATUS_SUCCESS;
}

/* Decides that a driver is unloaded, and stops further opens of its devices. */
NTSTATUS IopBeginUnload(PDRIVER_OBJECT Driver)
{
    PDEVICE_OBJECT Device;
    NTSTATUS Status;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    Status = IopCheckUnload(Driver);
    if (NT_SUCCESS(Status)) {
        Driver->Flags |= DRVO_UNLOAD_INVOKED;
        for (Device = Driver->DeviceObject; Device; Device = Device->NextDevice)
            IOP_DEVICE_OF(Device)->ExtensionFlags |= UNLOAD_PENDING;
    }
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Status;
}

/* A driver's entry routine has succeeded: its devices can be opened, and it can be unloaded. */
VOID IopEndLoad(PDRIVER_OBJECT Driver)
{
    PDEVICE_OBJECT Device;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    for (Device = Driver->DeviceObject; Device; Device = Device->NextDevice)
        Device->Flags &= ~DO_DEVICE_INITIALIZING;
    Driver->Flags |= DRVO_INITIALIZED;
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
}

/* Counts an open; not if the device is not ready, going away, or exclusively somebody else's. */
static NTSTATUS IopEnterDevice(PDEVICE_OBJECT Device)
{
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    if ((Device->Flags & DO_DEVICE_INITIALIZING) ||
        (IOP_DEVICE_OF(Device)->ExtensionFlags & (UNLOAD_PENDING | DELETE_PENDING)))
        Status = STATUS_NO_SUCH_DEVICE;
    else if ((Device->Flags & DO_EXCLUSIVE) && Device->ReferenceCount)
        Status = STATUS_ACCESS_DENIED;
    else
        Device->ReferenceCount++;
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Status;
}

static VOID IopLeaveDevice(PDEVICE_OBJECT Device)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    if (--Device->ReferenceCount == 0 && (IOP_DEVICE_OF(Device)->ExtensionFlags & DELETE_PENDING))
        IopUnlinkDevice(Device);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
}

static NTSTATUS IopCopyFileName(PFILE_OBJECT File, PUNICODE_STRING Name)
{
    if (Name->Length == 0)
        return STATUS_SUCCESS;
    File->FileName.Buffer = ExAllocatePoolWithTag(PagedPool, Name->Length, TAG_FILE_NAME);
    if (File->FileName.Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    File->FileName.Length = File->FileName.MaximumLength = Name->Length;
    memcpy(File->FileName.Buffer, Name->Buffer, Name->Length);
    return STATUS_SUCCESS;
}

/* A file object on a device; its device is referenced and counted as open. */
static NTSTATUS IopCreateFileObject(PDEVICE_OBJECT Device, PUNICODE_STRING Name, ACCESS_MASK Access,
                                    ULONG Options, PFILE_OBJECT *NewFile)
{
    PFILE_OBJECT File;
    NTSTATUS Status = ObpAllocateObject(*IoFileObjectType, sizeof *File, (PVOID *)&File);

    if (!NT_SUCCESS(Status))
        return Status;
    File->Type = IO_TYPE_FILE;
    File->Size = sizeof *File;
    File->ReadAccess = (Access & FILE_READ_DATA) != 0;
    File->WriteAccess = (Access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
    if (Options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT))
        File->Flags = FO_SYNCHRONOUS_IO;
    KeInitializeEvent(&File->Event, NotificationEvent, FALSE);
    KeInitializeEvent(&File->Lock, SynchronizationEvent, TRUE);
    Status = IopCopyFileName(File, Name);
    if (NT_SUCCESS(Status))
        Status = IopEnterDevice(Device);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(File);
        return Status;
    }
    ObReferenceObject(Device);
    File->DeviceObject = Device;
    *NewFile = File;
    return STATUS_SUCCESS;
}

static NTSTATUS IopSendCreate(PFILE_OBJECT File, OB_OPEN_CONTEXT *Context)
{
    IO_OPEN_PACKET *Packet = Context->Extra;
    IO_SECURITY_CONTEXT Security = {.DesiredAccess = Context->DesiredAccess};
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;
    PIRP Irp = IopBuildIrp(File, File->DeviceObject, IRP_MJ_CREATE, &Stack);

    if (Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Irp->Flags |= IRP_CREATE_OPERATION;
    Stack->Parameters.Create.SecurityContext = &Security;
    Stack->Parameters.Create.Options = (Packet->Options & 0xFFFFFF) | Packet->Disposition << 24;
    Stack->Parameters.Create.FileAttributes = Packet->FileAttributes;
    Stack->Parameters.Create.ShareAccess = Packet->ShareAccess;
    Status = IopCallAndWait(File->DeviceObject, Irp, &Iosb, Irp->RequestorMode);
    Packet->Information = (ULONG)Iosb.Information;
    return Status;
}

/* The device type's Parse routine: a path has run into a device, so a file is to be opened. */
NTSTATUS IopParseDevice(PVOID Object, PUNICODE_STRING Remaining, OB_OPEN_CONTEXT *Context,
                        PVOID *Opened)
{
    IO_OPEN_PACKET *Packet = Context->Extra;
    PFILE_OBJECT File;
    NTSTATUS Status =
        IopCreateFileObject(Object, Remaining, Context->DesiredAccess, Packet->Options, &File);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopSendCreate(File, Context);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(File); /* without a close: it was never opened */
        return Status;
    }
    File->Flags |= FO_FILE_OPEN;
    *Opened = File;
    return STATUS_SUCCESS;
}

/* The file type's Delete routine: the last pointer is gone. */
VOID IopDeleteFile(PVOID Object)
{
    PFILE_OBJECT File = Object;

    if (File->Flags & FO_FILE_OPEN) {
        if (!(File->Flags & FO_CLEANUP_COMPLETE)) /* it never had a handle */
            IopFileRequest(File, IRP_MJ_CLEANUP);
        IopFileRequest(File, IRP_MJ_CLOSE);
    }
    if (File->FileName.Buffer)
        ExFreePoolWithTag(File->FileName.Buffer, TAG_FILE_NAME);
    if (File->DeviceObject) {
        IopLeaveDevice(File->DeviceObject);
        ObDereferenceObject(File->DeviceObject);
    }
}

/* Links one name to another (WDK: IoCreateSymbolicLink). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI IoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    return ObpCreateLink(SymbolicLinkName, DeviceName);
}

NTSTATUS NTAPI IoDeleteSymbolicLink(PUNICODE_STRING SymbolicLinkName)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    return ObpDeleteLink(SymbolicLinkName);
}
