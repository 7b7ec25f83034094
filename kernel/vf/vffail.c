/*
 * Failures on purpose (WDK: Low Resources Simulation): with the option verifyfail=N every N-th
 * request for memory of a chosen driver's fails, whatever routine it asks. Of the routines here
 * the WDK's page does not name those for devices, links and interrupts: they need memory, too, and
 * whether a driver's loading can fail half way is soon seen.
 */
#include "kernel/vf/vf.h"

ULONG VfFailEvery;
static volatile LONG VfRequests;

BOOLEAN VfpIsToFail(VOID)
{
    return VfFailEvery && InterlockedIncrement(&VfRequests) % (LONG)VfFailEvery == 0;
}

PIRP NTAPI VfIoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
    return VfpIsToFail() ? NULL : IoAllocateIrp(StackSize, ChargeQuota);
}

PIRP NTAPI VfIoBuildAsynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                           PVOID Buffer, ULONG Length,
                                           PLARGE_INTEGER StartingOffset,
                                           PIO_STATUS_BLOCK IoStatusBlock)
{
    if (VfpIsToFail())
        return NULL;
    return IoBuildAsynchronousFsdRequest(MajorFunction, DeviceObject, Buffer, Length,
                                         StartingOffset, IoStatusBlock);
}

PIRP NTAPI VfIoBuildSynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                          PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                                          PKEVENT Event, PIO_STATUS_BLOCK IoStatusBlock)
{
    if (VfpIsToFail())
        return NULL;
    return IoBuildSynchronousFsdRequest(MajorFunction, DeviceObject, Buffer, Length, StartingOffset,
                                        Event, IoStatusBlock);
}

PIRP NTAPI VfIoBuildDeviceIoControlRequest(ULONG IoControlCode, PDEVICE_OBJECT DeviceObject,
                                           PVOID InputBuffer, ULONG InputBufferLength,
                                           PVOID OutputBuffer, ULONG OutputBufferLength,
                                           BOOLEAN InternalDeviceIoControl, PKEVENT Event,
                                           PIO_STATUS_BLOCK IoStatusBlock)
{
    if (VfpIsToFail())
        return NULL;
    return IoBuildDeviceIoControlRequest(IoControlCode, DeviceObject, InputBuffer,
                                         InputBufferLength, OutputBuffer, OutputBufferLength,
                                         InternalDeviceIoControl, Event, IoStatusBlock);
}

PMDL NTAPI VfIoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer,
                           BOOLEAN ChargeQuota, PIRP Irp)
{
    if (VfpIsToFail())
        return NULL;
    return IoAllocateMdl(VirtualAddress, Length, SecondaryBuffer, ChargeQuota, Irp);
}

PIO_WORKITEM NTAPI VfIoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
    return VfpIsToFail() ? NULL : IoAllocateWorkItem(DeviceObject);
}

PVOID NTAPI VfIoAllocateErrorLogEntry(PVOID IoObject, UCHAR EntrySize)
{
    return VfpIsToFail() ? NULL : IoAllocateErrorLogEntry(IoObject, EntrySize);
}

/* A caller who would rather have a bug check than NULL does not get one for nothing. */
PVOID NTAPI VfMmMapLockedPagesSpecifyCache(PMDL Mdl, KPROCESSOR_MODE AccessMode,
                                           MEMORY_CACHING_TYPE CacheType, PVOID RequestedAddress,
                                           ULONG BugCheckOnFailure, ULONG Priority)
{
    if (AccessMode == KernelMode && !BugCheckOnFailure && VfpIsToFail())
        return NULL;
    return MmMapLockedPagesSpecifyCache(Mdl, AccessMode, CacheType, RequestedAddress,
                                        BugCheckOnFailure, Priority);
}

PVOID NTAPI VfMmMapIoSpace(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes,
                           MEMORY_CACHING_TYPE CacheType)
{
    return VfpIsToFail() ? NULL : MmMapIoSpace(PhysicalAddress, NumberOfBytes, CacheType);
}

PVOID NTAPI VfMmAllocateContiguousMemory(SIZE_T NumberOfBytes,
                                         PHYSICAL_ADDRESS HighestAcceptableAddress)
{
    if (VfpIsToFail())
        return NULL;
    return MmAllocateContiguousMemory(NumberOfBytes, HighestAcceptableAddress);
}

NTSTATUS NTAPI VfIoCreateDevice(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                                PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                                ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                                PDEVICE_OBJECT *DeviceObject)
{
    if (VfpIsToFail())
        return STATUS_INSUFFICIENT_RESOURCES;
    return IoCreateDevice(DriverObject, DeviceExtensionSize, DeviceName, DeviceType,
                          DeviceCharacteristics, Exclusive, DeviceObject);
}

NTSTATUS NTAPI VfIoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    if (VfpIsToFail())
        return STATUS_INSUFFICIENT_RESOURCES;
    return IoCreateSymbolicLink(SymbolicLinkName, DeviceName);
}

NTSTATUS NTAPI VfIoConnectInterrupt(PKINTERRUPT *InterruptObject, PKSERVICE_ROUTINE ServiceRoutine,
                                    PVOID ServiceContext, PKSPIN_LOCK SpinLock, ULONG Vector,
                                    KIRQL Irql, KIRQL SynchronizeIrql,
                                    KINTERRUPT_MODE InterruptMode, BOOLEAN ShareVector,
                                    KAFFINITY ProcessorEnableMask, BOOLEAN FloatingSave)
{
    if (VfpIsToFail())
        return STATUS_INSUFFICIENT_RESOURCES;
    return IoConnectInterrupt(InterruptObject, ServiceRoutine, ServiceContext, SpinLock, Vector,
                              Irql, SynchronizeIrql, InterruptMode, ShareVector,
                              ProcessorEnableMask, FloatingSave);
}
