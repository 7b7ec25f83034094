/*
 * A driver whose reads wait until a control code completes them: two devices, one with buffered and
 * one with direct transfers. pend.exe uses them from user mode.
 */
#include <ntddk.h>

#define COMPLETE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define FILL     'x'

static IO_CSQ Queue;
static LIST_ENTRY Readers;
static KSPIN_LOCK Lock;
static PDEVICE_OBJECT Devices[2];

DRIVER_INITIALIZE DriverEntry;
static DRIVER_DISPATCH OpenClose, Cleanup, Read, Control;
static DRIVER_UNLOAD Unload;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID NTAPI Insert(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    InsertTailList(&Readers, &Irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI Remove(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* Context: a file whose packets are wanted, NULL for any. */
static PIRP NTAPI Peek(PIO_CSQ Csq, PIRP Irp, PVOID Context)
{
    PLIST_ENTRY Link = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Readers.Flink;

    UNREFERENCED_PARAMETER(Csq);
    for (; Link != &Readers; Link = Link->Flink) {
        PIRP Next = CONTAINING_RECORD(Link, IRP, Tail.Overlay.ListEntry);
        if (Context == NULL || IoGetCurrentIrpStackLocation(Next)->FileObject == Context)
            return Next;
    }
    return NULL;
}

static VOID NTAPI Acquire(PIO_CSQ Csq, PKIRQL Irql)
{
    UNREFERENCED_PARAMETER(Csq);
    KeAcquireSpinLock(&Lock, Irql);
}

static VOID NTAPI Release(PIO_CSQ Csq, KIRQL Irql)
{
    UNREFERENCED_PARAMETER(Csq);
    KeReleaseSpinLock(&Lock, Irql);
}

static VOID NTAPI Cancelled(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    Complete(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI OpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI Cleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PVOID File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP Pended;

    UNREFERENCED_PARAMETER(DeviceObject);
    while ((Pended = IoCsqRemoveNextIrp(&Queue, File)) != NULL)
        Complete(Pended, STATUS_CANCELLED, 0);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI Read(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    IoCsqInsertIrp(&Queue, Irp, NULL);
    return STATUS_PENDING;
}

/* Completes the oldest read with the status that is given; all of its buffer is filled. */
static NTSTATUS NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status;
    ULONG Length;
    PVOID Buffer;
    PIRP Pended;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Stack->Parameters.DeviceIoControl.IoControlCode != COMPLETE ||
        Stack->Parameters.DeviceIoControl.InputBufferLength < sizeof Status)
        return Complete(Irp, STATUS_INVALID_PARAMETER, 0);
    Status = *(NTSTATUS *)Irp->AssociatedIrp.SystemBuffer;
    Pended = IoCsqRemoveNextIrp(&Queue, NULL);
    if (Pended == NULL)
        return Complete(Irp, STATUS_NO_MORE_ENTRIES, 0);
    Length = IoGetCurrentIrpStackLocation(Pended)->Parameters.Read.Length;
    Buffer = Pended->AssociatedIrp.SystemBuffer;
    if (Pended->MdlAddress)
        Buffer = MmGetSystemAddressForMdlSafe(Pended->MdlAddress, NormalPagePriority);
    if (Buffer && NT_SUCCESS(Status))
        RtlFillMemory(Buffer, Length, FILL);
    Complete(Pended, Status, NT_SUCCESS(Status) ? Length : 0);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    IoDeleteDevice(Devices[0]);
    IoDeleteDevice(Devices[1]);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    static UNICODE_STRING Names[] = {RTL_CONSTANT_STRING(L"\\Device\\Pend"),
                                     RTL_CONSTANT_STRING(L"\\Device\\PendDirect")};
    static const ULONG Flags[] = {DO_BUFFERED_IO, DO_DIRECT_IO};
    NTSTATUS Status;
    ULONG i;

    UNREFERENCED_PARAMETER(RegistryPath);
    InitializeListHead(&Readers);
    KeInitializeSpinLock(&Lock);
    IoCsqInitialize(&Queue, Insert, Remove, Peek, Acquire, Release, Cancelled);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Cleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = Read;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    DriverObject->DriverUnload = Unload;
    for (i = 0; i < 2; i++) {
        Status =
            IoCreateDevice(DriverObject, 0, &Names[i], FILE_DEVICE_UNKNOWN, 0, FALSE, &Devices[i]);
        if (!NT_SUCCESS(Status))
            break;
        Devices[i]->Flags |= Flags[i];
    }
    if (!NT_SUCCESS(Status) && i == 1)
        IoDeleteDevice(Devices[0]);
    return Status;
}
