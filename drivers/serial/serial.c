/*
 * serial.sys: the second serial port, COM2, as \Device\Serial1. (The first is the kernel's
 * console.)
 *
 * A model of a driver for a device to which and from which bytes flow when it pleases the other
 * side: reads and writes wait at the same time, in cancel-safe queues, with the time-outs that the
 * program has set; the interrupt's routine keeps what comes in a ring. See port.h for who owns
 * what.
 *
 * In this file: entry and unload, open and close, and the dispatch routines for reads and writes.
 */
#include "port.h"

#define DEVICE_NAME  L"\\Device\\Serial1"
#define LINK_NAME    L"\\DosDevices\\COM2"
#define FIRST_PORT   0x2F8
#define LINE         3
#define DEFAULT_BAUD 9600

DRIVER_INITIALIZE DriverEntry;

NTSTATUS SerialComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_SERIAL_INCREMENT);
    return Status;
}

/* ---- Dispatch routines -----------------------------------------------------------------------
 */

/* A port is like new for who opens it. The device is exclusive: nobody else has it open. */
static NTSTATUS NTAPI SerialDispatchCreate(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PSERIAL_PORT Port = DeviceObject->DeviceExtension;

    if (IoGetCurrentIrpStackLocation(Irp)->FileObject->FileName.Length)
        return SerialComplete(Irp, STATUS_OBJECT_PATH_NOT_FOUND, 0);
    RtlZeroMemory(&Port->Timeouts, sizeof Port->Timeouts);
    RtlZeroMemory(&Port->Chars, sizeof Port->Chars);
    Port->Flow = (SERIAL_HANDFLOW){.ControlHandShake = SERIAL_DTR_CONTROL,
                                   .FlowReplace = SERIAL_RTS_CONTROL};
    Port->Line = (SERIAL_LINE_CONTROL){STOP_BIT_1, NO_PARITY, 8};
    Port->Baud = DEFAULT_BAUD;
    Port->WaitMask = 0;
    SerialOpenChip(Port);
    return SerialComplete(Irp, STATUS_SUCCESS, 0);
}

/* The last handle is closed: whoever still waits through that file object waits in vain. */
static NTSTATUS NTAPI SerialDispatchCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PSERIAL_PORT Port = DeviceObject->DeviceExtension;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;

    SerialCancelAll(&Port->Reads, File);
    SerialCancelAll(&Port->Writes, File);
    SerialCancelAll(&Port->Waits, File);
    return SerialComplete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI SerialDispatchClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    SerialCloseChip(DeviceObject->DeviceExtension);
    return SerialComplete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI SerialDispatchRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PSERIAL_PORT Port = DeviceObject->DeviceExtension;

    if (SerialLengthOf(Irp) == 0)
        return SerialComplete(Irp, STATUS_SUCCESS, 0);
    return SerialQueue(&Port->Reads, Irp);
}

/* Writes, and flushes, which are complete when all writes before them are. */
static NTSTATUS NTAPI SerialDispatchWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PSERIAL_PORT Port = DeviceObject->DeviceExtension;
    BOOLEAN Flush = IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_FLUSH_BUFFERS;

    if (!Flush && SerialLengthOf(Irp) == 0)
        return SerialComplete(Irp, STATUS_SUCCESS, 0);
    return SerialQueue(&Port->Writes, Irp);
}

/* ---- Loading and unloading -------------------------------------------------------------------
 */

static INITIAL NTSTATUS SerialConnect(PDEVICE_OBJECT DeviceObject)
{
    PSERIAL_PORT Port = DeviceObject->DeviceExtension;
    KAFFINITY Affinity;
    KIRQL Irql;
    ULONG Vector = HalGetInterruptVector(Isa, 0, LINE, LINE, &Irql, &Affinity);

    return IoConnectInterrupt(&Port->Interrupt, SerialInterrupt, DeviceObject, NULL, Vector, Irql,
                              Irql, Latched, FALSE, Affinity, FALSE);
}

static INITIAL VOID SerialInitializePort(PDEVICE_OBJECT DeviceObject)
{
    PSERIAL_PORT Port = DeviceObject->DeviceExtension;

    Port->Ports = UlongToPtr(FIRST_PORT);
    KeInitializeSpinLock(&Port->Lock);
    SerialInitializeQueue(Port, &Port->Reads, SerialServeReads);
    SerialInitializeQueue(Port, &Port->Writes, SerialServeWrites);
    SerialInitializeQueue(Port, &Port->Waits, SerialServeWaits);
    IoInitializeDpcRequest(DeviceObject, SerialDpc);
    DeviceObject->Flags |= DO_BUFFERED_IO;
}

/* Nobody has the port open: no packet is there, and the chip does not interrupt. */
static PAGEABLE VOID NTAPI SerialUnload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(LINK_NAME);
    PSERIAL_PORT Port = DriverObject->DeviceObject->DeviceExtension;

    PAGED_CODE();
    IoDeleteSymbolicLink(&Link);
    IoDisconnectInterrupt(Port->Interrupt);
    SerialStopQueue(&Port->Reads);
    SerialStopQueue(&Port->Writes);
    SerialStopQueue(&Port->Waits);
    IoDeleteDevice(DriverObject->DeviceObject);
}

static INITIAL NTSTATUS SerialCreate(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(DEVICE_NAME), Link = RTL_CONSTANT_STRING(LINK_NAME);
    PDEVICE_OBJECT DeviceObject;
    NTSTATUS Status =
        IoCreateDevice(DriverObject, sizeof(SERIAL_PORT), &Name, FILE_DEVICE_SERIAL_PORT,
                       FILE_DEVICE_SECURE_OPEN, TRUE, &DeviceObject);

    if (!NT_SUCCESS(Status))
        return Status;
    SerialInitializePort(DeviceObject);
    Status = SerialConnect(DeviceObject);
    if (NT_SUCCESS(Status)) {
        Status = IoCreateSymbolicLink(&Link, &Name);
        if (NT_SUCCESS(Status))
            return Status;
        IoDisconnectInterrupt(((PSERIAL_PORT)DeviceObject->DeviceExtension)->Interrupt);
    }
    IoDeleteDevice(DeviceObject);
    return Status;
}

/* STATUS_NO_SUCH_DEVICE: the machine has no such port. */
INITIAL NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    if (!SerialIsThere(UlongToPtr(FIRST_PORT)))
        return STATUS_NO_SUCH_DEVICE;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = SerialDispatchCreate;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = SerialDispatchCleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = SerialDispatchClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = SerialDispatchRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = SerialDispatchWrite;
    DriverObject->MajorFunction[IRP_MJ_FLUSH_BUFFERS] = SerialDispatchWrite;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = SerialDeviceControl;
    DriverObject->DriverUnload = SerialUnload;
    return SerialCreate(DriverObject);
}
