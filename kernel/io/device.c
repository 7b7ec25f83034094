/*
 * Device objects and the names that lead to them.
 *
 * A device object's memory is one block: DEVICE_OBJECT, the driver's extension, the I/O manager's
 * own. IopDeviceLock guards the list of a driver's devices (through NextDevice), the count of a
 * device's open files (ReferenceCount), what it is attached to (attach.c), and whether it can be
 * opened at all: not while its driver is being unloaded, and not when it has been deleted.
 *
 * A device is in use while it is open or another one is attached to it. One that is deleted stays
 * in its driver's list until then, and a driver is unloaded when none of its devices is in use.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

KSPIN_LOCK IopDeviceLock;

/* Devices of these types hold volumes (WDK: DEVICE_OBJECT.SectorSize). */
static BOOLEAN IopNeedsSectors(DEVICE_TYPE Type)
{
    return Type == FILE_DEVICE_DISK || Type == FILE_DEVICE_CD_ROM || Type == FILE_DEVICE_TAPE ||
           Type == FILE_DEVICE_VIRTUAL_DISK;
}

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
    if (IopNeedsSectors(Type))
        Device->SectorSize = IOP_DEFAULT_SECTOR;
    KeInitializeDeviceQueue(&Device->DeviceQueue);
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

static BOOLEAN IopIsInUse(PDEVICE_OBJECT Device)
{
    return Device->ReferenceCount != 0 || Device->AttachedDevice != NULL;
}

static BOOLEAN IopIsAnyInUse(PDRIVER_OBJECT Driver)
{
    PDEVICE_OBJECT Device;

    for (Device = Driver->DeviceObject; Device; Device = Device->NextDevice) {
        if (IopIsInUse(Device))
            return TRUE;
    }
    return FALSE;
}

/* The device may not be in use any more. What waits for that happens now. The lock is held. */
VOID IopDeviceReleased(PDEVICE_OBJECT Device)
{
    PDRIVER_OBJECT Driver = Device->DriverObject;

    if (IopIsInUse(Device))
        return;
    if (IOP_DEVICE_OF(Device)->ExtensionFlags & IOP_DELETE_PENDING)
        IopUnlinkDevice(Device);
    if ((Driver->Flags & DRVO_UNLOAD_INVOKED) && !IopIsAnyInUse(Driver))
        IopQueueUnload(Driver);
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

/* Deletes a device object (WDK: IoDeleteDevice). While it is in use it lives on, but can be opened
 * no more. The driver has detached it from those below. IRQL <= APC_LEVEL. */
VOID NTAPI IoDeleteDevice(PDEVICE_OBJECT DeviceObject)
{
    KIRQL OldIrql;

    KI_ASSERT_IRQL(APC_LEVEL);
    ASSERT(IOP_DEVICE_OF(DeviceObject)->AttachedTo == NULL);
    IopForgetTimer(DeviceObject);
    IopForgetShutdown(DeviceObject);
    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    IOP_DEVICE_OF(DeviceObject)->ExtensionFlags |= IOP_DELETE_PENDING;
    if (!IopIsInUse(DeviceObject))
        IopUnlinkDevice(DeviceObject);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    ObpRemoveName(DeviceObject);
    ObDereferenceObject(DeviceObject);
}

VOID IopDeleteDevice(PVOID Object)
{
    ObDereferenceObject(((PDEVICE_OBJECT)Object)->DriverObject);
}

/*
 * Decides that a driver is unloaded, and stops further opens of its devices. STATUS_PENDING: once
 * none of them is in use any more (IopQueueUnload).
 */
NTSTATUS IopBeginUnload(PDRIVER_OBJECT Driver)
{
    NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;
    PDEVICE_OBJECT Device;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    if (Driver->DriverUnload && (Driver->Flags & DRVO_INITIALIZED) &&
        !(Driver->Flags & DRVO_UNLOAD_INVOKED)) {
        Driver->Flags |= DRVO_UNLOAD_INVOKED;
        for (Device = Driver->DeviceObject; Device; Device = Device->NextDevice)
            IOP_DEVICE_OF(Device)->ExtensionFlags |= IOP_UNLOAD_PENDING;
        Status = IopIsAnyInUse(Driver) ? STATUS_PENDING : STATUS_SUCCESS;
        IOP_DRIVER_OF(Driver)->LateUnload = Status == STATUS_PENDING;
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
NTSTATUS IopEnterDevice(PDEVICE_OBJECT Device)
{
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    if ((Device->Flags & DO_DEVICE_INITIALIZING) ||
        (IOP_DEVICE_OF(Device)->ExtensionFlags & IOP_GOING))
        Status = STATUS_NO_SUCH_DEVICE;
    else if ((Device->Flags & DO_EXCLUSIVE) && Device->ReferenceCount)
        Status = STATUS_ACCESS_DENIED;
    else
        Device->ReferenceCount++;
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Status;
}

VOID IopLeaveDevice(PDEVICE_OBJECT Device)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    Device->ReferenceCount--;
    IopDeviceReleased(Device);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
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
