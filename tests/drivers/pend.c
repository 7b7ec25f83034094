/*
 * A driver whose reads wait until they are completed: by a control code, the oldest first, or by a
 * clock, all at once. Two devices, one with buffered and one with direct transfers. pend.exe
 * and iorace.exe use them from user mode. It counts what it gets and what it has done with it, and
 * says so when it is unloaded and the counts do not agree.
 */
#include <ntddk.h>

#define COMPLETE    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define START_CLOCK CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define FILL        'x'

static IO_CSQ Queue;
static LIST_ENTRY Readers;
static KSPIN_LOCK Lock;
static PDEVICE_OBJECT Devices[2];
static LONG Opened, Cleaned, Closed, Begun, Ended; /* files, and reads */
static KTIMER Clock;
static KDPC ClockDpc;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_DISPATCH Open, Close, Cleanup, Read, Control;
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

/* A read's end. */
static VOID End(PIRP Irp, NTSTATUS Status)
{
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;
    PVOID Buffer = Irp->AssociatedIrp.SystemBuffer;

    if (Irp->MdlAddress)
        Buffer = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
    if (Buffer && NT_SUCCESS(Status))
        RtlFillMemory(Buffer, Length, FILL);
    InterlockedIncrement(&Ended);
    Complete(Irp, Status, NT_SUCCESS(Status) ? Length : 0);
}

static VOID NTAPI Cancelled(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    End(Irp, STATUS_CANCELLED);
}

static VOID NTAPI Tick(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PIRP Irp;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    while ((Irp = IoCsqRemoveNextIrp(&Queue, NULL)) != NULL)
        End(Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI Open(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    InterlockedIncrement(&Opened);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI Close(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    InterlockedIncrement(&Closed);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI Cleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PVOID File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP Pended;

    UNREFERENCED_PARAMETER(DeviceObject);
    while ((Pended = IoCsqRemoveNextIrp(&Queue, File)) != NULL)
        End(Pended, STATUS_CANCELLED);
    InterlockedIncrement(&Cleaned);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI Read(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    InterlockedIncrement(&Begun);
    IoCsqInsertIrp(&Queue, Irp, NULL);
    return STATUS_PENDING;
}

static NTSTATUS CompleteOldest(PIRP Irp, PIO_STACK_LOCATION Stack)
{
    PIRP Pended;

    if (Stack->Parameters.DeviceIoControl.InputBufferLength < sizeof(NTSTATUS))
        return STATUS_INVALID_PARAMETER;
    Pended = IoCsqRemoveNextIrp(&Queue, NULL);
    if (Pended == NULL)
        return STATUS_NO_MORE_ENTRIES;
    End(Pended, *(NTSTATUS *)Irp->AssociatedIrp.SystemBuffer);
    return STATUS_SUCCESS;
}

/* Completes the oldest read with the status that is given, or starts the clock. */
static NTSTATUS NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    LARGE_INTEGER Soon = {.QuadPart = -100000};
    NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Stack->Parameters.DeviceIoControl.IoControlCode == COMPLETE) {
        Status = CompleteOldest(Irp, Stack);
    } else if (Stack->Parameters.DeviceIoControl.IoControlCode == START_CLOCK) {
        KeSetTimerEx(&Clock, Soon, 10, &ClockDpc);
        Status = STATUS_SUCCESS;
    }
    return Complete(Irp, Status, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    KeCancelTimer(&Clock);
    KeFlushQueuedDpcs();
    IoDeleteDevice(Devices[0]);
    IoDeleteDevice(Devices[1]);
    if (Opened != Cleaned || Opened != Closed || Begun != Ended || !IsListEmpty(&Readers))
        DbgPrint("FAIL pend.sys: %ld opened, %ld cleaned up, %ld closed; %ld reads, %ld ended\n",
                 Opened, Cleaned, Closed, Begun, Ended);
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
    KeInitializeTimer(&Clock);
    KeInitializeDpc(&ClockDpc, Tick, NULL);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Open;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Close;
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
