/*
 * Device stacks: a driver attaches its device to another's, and from then on gets what is sent to
 * that (WDK: Device Objects and Device Stacks).
 *
 * AttachedDevice points up, the extension's AttachedTo down; both are guarded by IopDeviceLock. The
 * upper device has a reference on the lower one. A packet is sent to the top; it has as many
 * locations as the top's StackSize says, one for each device below it and its own.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

static PDEVICE_OBJECT IopTop(PDEVICE_OBJECT Device)
{
    while (Device->AttachedDevice)
        Device = Device->AttachedDevice;
    return Device;
}

/* The top of a stack that is not going away takes one more. The lock is held. */
static PDEVICE_OBJECT IopAttach(PDEVICE_OBJECT Source, PDEVICE_OBJECT Target)
{
    PDEVICE_OBJECT Top = IopTop(Target);

    if ((IOP_DEVICE_OF(Top)->ExtensionFlags & IOP_GOING) || Top == Source)
        return NULL;
    Source->StackSize = Top->StackSize + 1;
    Source->AlignmentRequirement = Top->AlignmentRequirement;
    Source->SectorSize = Top->SectorSize;
    ObReferenceObject(Top);
    IOP_DEVICE_OF(Source)->AttachedTo = Top;
    Top->AttachedDevice = Source;
    return Top;
}

/*
 * Attaches a device to the top of a stack (WDK: IoAttachDeviceToDeviceStackSafe).
 * AttachedToDeviceObject is set before any packet can come. STATUS_NO_SUCH_DEVICE: the top is
 * being deleted or unloaded. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI IoAttachDeviceToDeviceStackSafe(PDEVICE_OBJECT SourceDevice,
                                               PDEVICE_OBJECT TargetDevice,
                                               PDEVICE_OBJECT *AttachedToDeviceObject)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    *AttachedToDeviceObject = IopAttach(SourceDevice, TargetDevice);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return *AttachedToDeviceObject ? STATUS_SUCCESS : STATUS_NO_SUCH_DEVICE;
}

/* The same; NULL: it cannot be attached (WDK: IoAttachDeviceToDeviceStack). */
PDEVICE_OBJECT NTAPI IoAttachDeviceToDeviceStack(PDEVICE_OBJECT SourceDevice,
                                                 PDEVICE_OBJECT TargetDevice)
{
    PDEVICE_OBJECT Attached;

    IoAttachDeviceToDeviceStackSafe(SourceDevice, TargetDevice, &Attached);
    return Attached;
}

NTSTATUS NTAPI IoAttachDeviceByPointer(PDEVICE_OBJECT SourceDevice, PDEVICE_OBJECT TargetDevice)
{
    PDEVICE_OBJECT Attached;

    return IoAttachDeviceToDeviceStackSafe(SourceDevice, TargetDevice, &Attached);
}

/* Attaches a device to a named one's stack (WDK: IoAttachDevice). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI IoAttachDevice(PDEVICE_OBJECT SourceDevice, PUNICODE_STRING TargetDevice,
                              PDEVICE_OBJECT *AttachedDevice)
{
    PDEVICE_OBJECT Target;
    PFILE_OBJECT File;
    NTSTATUS Status = IoGetDeviceObjectPointer(TargetDevice, FILE_READ_ATTRIBUTES, &File, &Target);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoAttachDeviceToDeviceStackSafe(SourceDevice, Target, AttachedDevice);
    ObDereferenceObject(File);
    return Status;
}

/* Takes off what is attached to a device (WDK: IoDetachDevice). IRQL: PASSIVE_LEVEL. */
VOID NTAPI IoDetachDevice(PDEVICE_OBJECT TargetDevice)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    ASSERT(TargetDevice->AttachedDevice);
    IOP_DEVICE_OF(TargetDevice->AttachedDevice)->AttachedTo = NULL;
    TargetDevice->AttachedDevice = NULL;
    IopDeviceReleased(TargetDevice);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    ObDereferenceObject(TargetDevice);
}

/* The top of a device's stack, with a reference (WDK: IoGetAttachedDeviceReference). */
PDEVICE_OBJECT NTAPI IoGetAttachedDeviceReference(PDEVICE_OBJECT DeviceObject)
{
    PDEVICE_OBJECT Top;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    Top = IopTop(DeviceObject);
    ObReferenceObject(Top);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Top;
}

/* The same without a reference: the caller knows that nobody detaches. */
PDEVICE_OBJECT NTAPI IoGetAttachedDevice(PDEVICE_OBJECT DeviceObject)
{
    PDEVICE_OBJECT Top;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    Top = IopTop(DeviceObject);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Top;
}

/* Where a file's requests begin (WDK: IoGetRelatedDeviceObject). */
PDEVICE_OBJECT NTAPI IoGetRelatedDeviceObject(PFILE_OBJECT FileObject)
{
    return IoGetAttachedDevice(FileObject->DeviceObject);
}

/* The next lower device, with a reference; NULL: there is none (WDK: IoGetLowerDeviceObject). */
PDEVICE_OBJECT NTAPI IoGetLowerDeviceObject(PDEVICE_OBJECT DeviceObject)
{
    PDEVICE_OBJECT Lower = NULL;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    if (!(IOP_DEVICE_OF(DeviceObject)->ExtensionFlags & IOP_GOING))
        Lower = IOP_DEVICE_OF(DeviceObject)->AttachedTo;
    if (Lower)
        ObReferenceObject(Lower);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Lower;
}

/* The lowest device of a stack, with a reference (WDK: IoGetDeviceAttachmentBaseRef). */
PDEVICE_OBJECT NTAPI IoGetDeviceAttachmentBaseRef(PDEVICE_OBJECT DeviceObject)
{
    PDEVICE_OBJECT Lowest = DeviceObject;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    while (IOP_DEVICE_OF(Lowest)->AttachedTo)
        Lowest = IOP_DEVICE_OF(Lowest)->AttachedTo;
    ObReferenceObject(Lowest);
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Lowest;
}

/*
 * A driver's devices, each with a reference (WDK: IoEnumerateDeviceObjectList). Size is in bytes.
 * STATUS_BUFFER_TOO_SMALL: there are more, ActualNumberDeviceObjects in all; none is given.
 */
NTSTATUS NTAPI IoEnumerateDeviceObjectList(PDRIVER_OBJECT DriverObject,
                                           PDEVICE_OBJECT *DeviceObjectList,
                                           ULONG DeviceObjectListSize,
                                           PULONG ActualNumberDeviceObjects)
{
    ULONG Room = DeviceObjectListSize / sizeof(PDEVICE_OBJECT), Count = 0;
    PDEVICE_OBJECT Device;
    KIRQL OldIrql;

    KeAcquireSpinLock(&IopDeviceLock, &OldIrql);
    for (Device = DriverObject->DeviceObject; Device; Device = Device->NextDevice)
        Count++;
    *ActualNumberDeviceObjects = Count;
    for (Device = DriverObject->DeviceObject; Device && Count <= Room;
         Device = Device->NextDevice) {
        ObReferenceObject(Device);
        *DeviceObjectList++ = Device;
    }
    KeReleaseSpinLock(&IopDeviceLock, OldIrql);
    return Count <= Room ? STATUS_SUCCESS : STATUS_BUFFER_TOO_SMALL;
}
