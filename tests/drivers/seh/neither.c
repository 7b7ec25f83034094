/*
 * A driver that uses its callers' pointers as they are (METHOD_NEITHER), in the way that the WDK
 * prescribes: probes and accesses in one __try, and the exception's code as the packet's status.
 * neither.exe gives it pointers of all kinds.
 */
#include <ntifs.h>
#include <excpt.h>
#include "../neither.h"

static volatile LONG Entered, Left;

static VOID Copy(volatile ULONG *To, const volatile ULONG *From, ULONG Count)
{
    ULONG i;

    for (i = 0; i < Count; i++)
        To[i] = From[i] + 1;
}

static NTSTATUS CopyBuffer(PIRP Irp, PIO_STACK_LOCATION Stack, BOOLEAN Probe)
{
    ULONG InputBytes = Stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG OutputBytes = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    PVOID Input = Stack->Parameters.DeviceIoControl.Type3InputBuffer;

    __try {
        InterlockedIncrement(&Entered);
        __try {
            if (Probe) {
                ProbeForRead(Input, InputBytes, sizeof(ULONG));
                ProbeForWrite(Irp->UserBuffer, OutputBytes, sizeof(ULONG));
            }
            Copy(Irp->UserBuffer, Input, min(InputBytes, OutputBytes) / sizeof(ULONG));
        } __finally {
            InterlockedIncrement(&Left);
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    Irp->IoStatus.Information = min(InputBytes, OutputBytes);
    return STATUS_SUCCESS;
}

/* Another thread of the caller's takes the memory away. */
static NTSTATUS WearBuffer(PIRP Irp)
{
    volatile ULONG *Word = Irp->UserBuffer;

    __try {
        ProbeForWrite(Irp->UserBuffer, sizeof *Word, sizeof *Word);
        for (;;) {
            InterlockedIncrement((PLONG)Word);
            ZwYieldExecution();
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

static NTSTATUS GiveCounts(PIRP Irp, PIO_STACK_LOCATION Stack)
{
    ULONG Bytes = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    PULONG Counts = Irp->UserBuffer;

    if (Bytes != 2 * sizeof *Counts)
        return STATUS_BUFFER_TOO_SMALL;
    __try {
        ProbeForWrite(Counts, Bytes, sizeof *Counts);
        Counts[0] = Entered;
        Counts[1] = Left;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    Irp->IoStatus.Information = Bytes;
    return STATUS_SUCCESS;
}

static NTSTATUS Control(PIRP Irp, PIO_STACK_LOCATION Stack)
{
    switch (Stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_NEITHER_COPY:
        return CopyBuffer(Irp, Stack, TRUE);
    case IOCTL_NEITHER_BLIND:
        return CopyBuffer(Irp, Stack, FALSE);
    case IOCTL_NEITHER_WEAR:
        return WearBuffer(Irp);
    case IOCTL_NEITHER_COUNTS:
        return GiveCounts(Irp, Stack);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Information = 0;
    if (Stack->MajorFunction == IRP_MJ_DEVICE_CONTROL)
        Status = Control(Irp, Stack);
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(NEITHER_LINK_NAME);

    IoDeleteSymbolicLink(&Link);
    IoDeleteDevice(Driver->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(NEITHER_DEVICE_NAME);
    UNICODE_STRING Link = RTL_CONSTANT_STRING(NEITHER_LINK_NAME);
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    Driver->MajorFunction[IRP_MJ_CREATE] = Dispatch;
    Driver->MajorFunction[IRP_MJ_CLOSE] = Dispatch;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Dispatch;
    Driver->DriverUnload = Unload;
    Status = IoCreateDevice(Driver, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateSymbolicLink(&Link, &Name);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(Device);
    return Status;
}
