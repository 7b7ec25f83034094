/*
 * For test drivers that look at packets on their way: two devices. The lower one does with a packet
 * what Plan says; the filter, attached to it, what Above says.
 */
#ifndef TWODEVICES_H
#define TWODEVICES_H

#include <ntifs.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;
static DRIVER_DISPATCH DispatchLower, DispatchFilter, Dispatch;
static DRIVER_UNLOAD Unload;

#define NAME         L"\\Device\\TwoDevices"
#define BUFFERED     CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IN_DIRECT    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_IN_DIRECT, FILE_ANY_ACCESS)
#define OUT_DIRECT   CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_OUT_DIRECT, FILE_ANY_ACCESS)
#define NEITHER      CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_NEITHER, FILE_ANY_ACCESS)
#define INVOKE_NEVER 0

/* What the lowest device does with the next packets. */
static struct {
    BOOLEAN Pend; /* keeps it in Pended */
    NTSTATUS Status;
    ULONG_PTR Information;
} Plan;

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Lower, Filter;
static PIRP volatile Pended;
static ULONG Calls[IRP_MJ_MAXIMUM_FUNCTION + 1]; /* of the lowest device */
static IO_STACK_LOCATION Seen;                   /* its location in the last packet */
static IRP SeenIrp;
static UCHAR Text[2 * PAGE_SIZE];

/* What the filter does: its completion routine, and what that returns and has seen. */
static struct {
    UCHAR Invoke; /* INVOKE_NEVER: passes on without a routine of its own */
    BOOLEAN TakeBack;
    ULONG Called;
    PDEVICE_OBJECT Device;
    BOOLEAN PendingReturned;
    NTSTATUS Status;
} Above;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID NTAPI CancelPended(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    Pended = NULL;
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Complete(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI DispatchLower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    Seen = *IoGetCurrentIrpStackLocation(Irp);
    SeenIrp = *Irp;
    Calls[Seen.MajorFunction]++;
    if (Seen.MajorFunction == IRP_MJ_SHUTDOWN)
        DbgPrint("shutdown\n");
    if (Seen.MajorFunction == IRP_MJ_CREATE || Seen.MajorFunction == IRP_MJ_CLEANUP ||
        Seen.MajorFunction == IRP_MJ_CLOSE)
        return Complete(Irp, STATUS_SUCCESS, 0);
    if (!Plan.Pend)
        return Complete(Irp, Plan.Status, Plan.Information);
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, CancelPended);
    Pended = Irp;
    return STATUS_PENDING;
}

/* Completes the packet that was pended, with the plan's status. */
static VOID CompletePended(VOID)
{
    PIRP Irp = Pended;

    Pended = NULL;
    IoSetCancelRoutine(Irp, NULL);
    Complete(Irp, Plan.Status, Plan.Information);
}

static NTSTATUS NTAPI FilterCompletion(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    Above.Called++;
    Above.Device = DeviceObject;
    Above.PendingReturned = Irp->PendingReturned;
    Above.Status = Irp->IoStatus.Status;
    if (Above.TakeBack)
        return STATUS_MORE_PROCESSING_REQUIRED;
    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI DispatchFilter(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    if (Above.Invoke == INVOKE_NEVER) {
        IoSkipCurrentIrpStackLocation(Irp);
    } else {
        IoCopyCurrentIrpStackLocationToNext(Irp);
        IoSetCompletionRoutine(
            Irp, FilterCompletion, NULL, (Above.Invoke & SL_INVOKE_ON_SUCCESS) != 0,
            (Above.Invoke & SL_INVOKE_ON_ERROR) != 0, (Above.Invoke & SL_INVOKE_ON_CANCEL) != 0);
    }
    return IoCallDriver(Lower, Irp);
}

/* The driver has one dispatch routine for all; the device says whose. */
static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return (DeviceObject == Filter ? DispatchFilter : DispatchLower)(DeviceObject, Irp);
}

static VOID SetPlan(BOOLEAN Pend, NTSTATUS Status, ULONG_PTR Information)
{
    Plan.Pend = Pend;
    Plan.Status = Status;
    Plan.Information = Information;
}

static VOID SetAbove(UCHAR Invoke, BOOLEAN TakeBack)
{
    RtlZeroMemory(&Above, sizeof Above);
    Above.Invoke = Invoke;
    Above.TakeBack = TakeBack;
}

/* A thread that completes the next packet that is pended. */
static VOID NTAPI CompleteSoon(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    while (Pended == NULL)
        Delay(1);
    CompletePended();
}

static PDEVICE_OBJECT MakeDevice(PCWSTR Text)
{
    UNICODE_STRING Name;
    PDEVICE_OBJECT Device = NULL;

    RtlInitUnicodeString(&Name, Text);
    CheckEqual(
        "a device is made",
        IoCreateDevice(Driver, 0, Text ? &Name : NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device),
        STATUS_SUCCESS);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return Device;
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    IoDetachDevice(Lower);
    IoDeleteDevice(Filter);
    IoDeleteDevice(Lower);
}

/* Makes the two devices, runs the tests; DriverEntry's status. */
static NTSTATUS RunTests(PDRIVER_OBJECT DriverObject, PCSTR Name, VOID (*Tests)(VOID))
{
    NTSTATUS Status;
    ULONG i;

    Driver = DriverObject;
    for (i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        DriverObject->MajorFunction[i] = Dispatch;
    DriverObject->DriverUnload = Unload;
    Lower = MakeDevice(NAME);
    Filter = MakeDevice(NULL);
    Check("the filter is attached", IoAttachDeviceToDeviceStack(Filter, Lower) == Lower);
    Tests();
    Status = FinishTests(Name);
    if (!NT_SUCCESS(Status))
        Unload(DriverObject);
    return Status;
}

#endif
