/*
 * keyboard.sys: the keyboard, as \Device\KeyboardClass0. A read waits for the next key and brings
 * all that have come, as KEYBOARD_INPUT_DATA.
 *
 * In Windows this is the work of two drivers, one for the port and one for all keyboards together;
 * what a program sees is the same.
 *
 * In this file: entry and unload, and the reads, which wait in a cancel-safe queue.
 */
#include "keyboard.h"

#define LINE          1
#define FINISHED      ((PVOID)1) /* to KeyboardPeek: the first packet that has been filled */
#define DEFAULT_RATE  10
#define DEFAULT_DELAY 500

DRIVER_INITIALIZE DriverEntry;

NTSTATUS KeyboardComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_KEYBOARD_INCREMENT);
    return Status;
}

/* ---- The queue of reads: what IoCsq calls (WDK: Cancel-Safe IRP Queues) -----------------------
 */

static PKEYBOARD KeyboardOf(PIO_CSQ Csq)
{
    return CONTAINING_RECORD(Csq, KEYBOARD, Reads);
}

static VOID NTAPI KeyboardInsert(PIO_CSQ Csq, PIRP Irp)
{
    InsertTailList(&KeyboardOf(Csq)->Packets, &Irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI KeyboardRemove(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* Context: NULL for the first packet that waits, FINISHED, or whose file object is meant. */
static BOOLEAN KeyboardMatches(PIRP Irp, PVOID Context)
{
    BOOLEAN Finished = Irp->IoStatus.Status != STATUS_PENDING;

    if (Context == NULL || Context == FINISHED)
        return Finished == (Context == FINISHED);
    return !Finished && IoGetCurrentIrpStackLocation(Irp)->FileObject == Context;
}

static PIRP NTAPI KeyboardPeek(PIO_CSQ Csq, PIRP Irp, PVOID Context)
{
    PLIST_ENTRY Head = &KeyboardOf(Csq)->Packets;
    PLIST_ENTRY Entry = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Head->Flink;

    for (; Entry != Head; Entry = Entry->Flink) {
        PIRP Next = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (KeyboardMatches(Next, Context))
            return Next;
    }
    return NULL;
}

static VOID NTAPI KeyboardAcquire(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&KeyboardOf(Csq)->Lock, Irql);
}

static VOID NTAPI KeyboardRelease(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&KeyboardOf(Csq)->Lock, Irql);
}

/* Keys that it has got already are not taken away again. */
static VOID NTAPI KeyboardCompleteCanceled(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    if (Irp->IoStatus.Status == STATUS_PENDING)
        KeyboardComplete(Irp, STATUS_CANCELLED, 0);
    else
        KeyboardComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

/* ---- Reads ------------------------------------------------------------------------------------
 */

/*
 * Gives the keys that are there to the reads that wait, and completes these. A packet is filled
 * under the lock, so that keys and reads stay in their order, and completed without. Until then its
 * IoStatus is ours, and says by STATUS_PENDING that it is not filled.
 */
static VOID KeyboardServe(PKEYBOARD Keyboard)
{
    KIRQL OldIrql;
    PIRP Irp;

    KeAcquireSpinLock(&Keyboard->Lock, &OldIrql);
    while ((Irp = KeyboardPeek(&Keyboard->Reads, NULL, NULL)) != NULL) {
        ULONG Most =
            IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length / sizeof(KEYBOARD_INPUT_DATA);
        ULONG Count = KeyboardTakeKeys(Keyboard, Irp->AssociatedIrp.SystemBuffer, Most);
        if (Count == 0)
            break;
        Irp->IoStatus.Information = Count * sizeof(KEYBOARD_INPUT_DATA);
        Irp->IoStatus.Status = STATUS_SUCCESS;
    }
    KeReleaseSpinLock(&Keyboard->Lock, OldIrql);
    while ((Irp = IoCsqRemoveNextIrp(&Keyboard->Reads, FINISHED)) != NULL)
        KeyboardComplete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

/* A key has come, or the keyboard's answer to a command. */
static VOID NTAPI KeyboardDpc(PKDPC Dpc, PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Irp);
    UNREFERENCED_PARAMETER(Context);
    KeyboardServe(DeviceObject->DeviceExtension);
    KeyboardEndCommand(DeviceObject->DeviceExtension);
}

/* A buffer is for whole structures. */
static NTSTATUS NTAPI KeyboardDispatchRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PKEYBOARD Keyboard = DeviceObject->DeviceExtension;
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;

    if (Length == 0)
        return KeyboardComplete(Irp, STATUS_SUCCESS, 0);
    if (Length % sizeof(KEYBOARD_INPUT_DATA))
        return KeyboardComplete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    Irp->IoStatus.Status = STATUS_PENDING;
    Irp->IoStatus.Information = 0;
    IoCsqInsertIrp(&Keyboard->Reads, Irp, NULL);
    KeyboardServe(Keyboard);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI KeyboardDispatchOpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return KeyboardComplete(Irp, STATUS_SUCCESS, 0);
}

/* The last handle is closed: whoever still reads through that file object reads in vain. */
static NTSTATUS NTAPI KeyboardDispatchCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PKEYBOARD Keyboard = DeviceObject->DeviceExtension;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP Read;

    while ((Read = IoCsqRemoveNextIrp(&Keyboard->Reads, File)) != NULL)
        KeyboardComplete(Read, STATUS_CANCELLED, 0);
    return KeyboardComplete(Irp, STATUS_SUCCESS, 0);
}

/* ---- Loading and unloading -------------------------------------------------------------------
 */

static INITIAL NTSTATUS KeyboardConnect(PKEYBOARD Keyboard)
{
    KAFFINITY Affinity;
    KIRQL Irql;
    ULONG Vector = HalGetInterruptVector(Isa, 0, LINE, LINE, &Irql, &Affinity);

    return IoConnectInterrupt(&Keyboard->Interrupt, KeyboardInterrupt, Keyboard, NULL, Vector, Irql,
                              Irql, Latched, FALSE, Affinity, FALSE);
}

static INITIAL NTSTATUS KeyboardInitialize(PDEVICE_OBJECT DeviceObject)
{
    PKEYBOARD Keyboard = DeviceObject->DeviceExtension;
    NTSTATUS Status;

    DeviceObject->Flags |= DO_BUFFERED_IO;
    Keyboard->DeviceObject = DeviceObject;
    Keyboard->Typematic.Rate = DEFAULT_RATE;
    Keyboard->Typematic.Delay = DEFAULT_DELAY;
    KeInitializeSpinLock(&Keyboard->Lock);
    InitializeListHead(&Keyboard->Packets);
    IoCsqInitialize(&Keyboard->Reads, KeyboardInsert, KeyboardRemove, KeyboardPeek, KeyboardAcquire,
                    KeyboardRelease, KeyboardCompleteCanceled);
    IoInitializeDpcRequest(DeviceObject, KeyboardDpc);
    Status = IoInitializeTimer(DeviceObject, KeyboardTimer, NULL);
    if (NT_SUCCESS(Status))
        Status = KeyboardStart(Keyboard);
    if (NT_SUCCESS(Status))
        Status = KeyboardConnect(Keyboard);
    return Status;
}

/* Nobody has the device open: no packet is there. A key may come until the interrupt is gone, and
 * the DPC that it asks for be late. */
static PAGEABLE VOID NTAPI KeyboardUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT DeviceObject = DriverObject->DeviceObject;
    PKEYBOARD Keyboard = DeviceObject->DeviceExtension;

    PAGED_CODE();
    IoStopTimer(DeviceObject);
    KeyboardEnable(Keyboard, FALSE);
    IoDisconnectInterrupt(Keyboard->Interrupt);
    KeFlushQueuedDpcs();
    IoDeleteDevice(DeviceObject);
}

/* STATUS_NO_SUCH_DEVICE: the machine has no keyboard controller. */
INITIAL NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(DD_KEYBOARD_DEVICE_NAME_U L"0");
    PDEVICE_OBJECT DeviceObject;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    Status = IoCreateDevice(DriverObject, sizeof(KEYBOARD), &Name, FILE_DEVICE_KEYBOARD,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &DeviceObject);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = KeyboardInitialize(DeviceObject);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(DeviceObject);
        return Status;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = KeyboardDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = KeyboardDispatchCleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = KeyboardDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = KeyboardDispatchRead;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = KeyboardDeviceControl;
    DriverObject->DriverStartIo = KeyboardStartIo;
    DriverObject->DriverUnload = KeyboardUnload;
    IoStartTimer(DeviceObject);
    KeyboardEnable(DeviceObject->DeviceExtension, TRUE);
    return STATUS_SUCCESS;
}
