/*
 * Windows Management Instrumentation as far as drivers see it: devices register as providers of
 * data, and are asked what they provide (WDK: Windows Management Instrumentation). Nobody asks for
 * the data, and nobody listens to events.
 *
 * WmipLock guards the list of providers. A registration is answered at once; the question comes
 * from a worker thread. Who unregisters waits until the answer has come, as the WDK says.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"
#include <wmistr.h>

#define TAG_WMI      'pimW'
#define ANSWER_BYTES 512

typedef struct _WMIP_PROVIDER {
    LIST_ENTRY Link;
    PDEVICE_OBJECT Device; /* referenced */
    WORK_QUEUE_ITEM Item;
    LONG Questions;  /* that are to be asked, or being; guarded by the lock */
    BOOLEAN Updates; /* what they are about: a changed list */
    KEVENT Idle;     /* there are none */
} WMIP_PROVIDER;

static LIST_ENTRY WmipProviders = {&WmipProviders, &WmipProviders};
static KSPIN_LOCK WmipLock;

/* The lock is held. */
static WMIP_PROVIDER *WmipFindProvider(PDEVICE_OBJECT Device)
{
    PLIST_ENTRY Link;

    for (Link = WmipProviders.Flink; Link != &WmipProviders; Link = Link->Flink) {
        WMIP_PROVIDER *Provider = CONTAINING_RECORD(Link, WMIP_PROVIDER, Link);
        if (Provider->Device == Device)
            return Provider;
    }
    return NULL;
}

/* One question, with room for Bytes of an answer: what blocks of data are there? */
static NTSTATUS WmipSend(WMIP_PROVIDER *Provider, PVOID Buffer, ULONG Bytes)
{
    PDEVICE_OBJECT Top = IoGetAttachedDeviceReference(Provider->Device);
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb = {.Status = STATUS_INSUFFICIENT_RESOURCES};
    PIRP Irp = IopBuildIrp(NULL, Top, IRP_MJ_SYSTEM_CONTROL, &Stack);

    if (Irp) {
        Irp->RequestorMode = KernelMode;
        Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
        Stack->MinorFunction = IRP_MN_REGINFO;
        Stack->Parameters.WMI.ProviderId = (ULONG_PTR)Provider->Device;
        Stack->Parameters.WMI.DataPath =
            (PVOID)(ULONG_PTR)(Provider->Updates ? WMIUPDATE : WMIREGISTER);
        Stack->Parameters.WMI.BufferSize = Bytes;
        Stack->Parameters.WMI.Buffer = Buffer;
        IopCallAndWait(Top, Irp, &Iosb, KernelMode);
    }
    ObDereferenceObject(Top);
    return Iosb.Status;
}

/* The device objects in an answer are referenced for who has asked. */
static VOID WmipDropAnswer(PWMIREGINFOW Info, ULONG Bytes)
{
    ULONG i, Room = (Bytes - FIELD_OFFSET(WMIREGINFOW, WmiRegGuid)) / sizeof(WMIREGGUIDW);

    for (i = 0; i < Info->GuidCount && i < Room; i++) {
        if (Info->WmiRegGuid[i].Flags & WMIREG_FLAG_INSTANCE_PDO)
            ObDereferenceObject((PVOID)Info->WmiRegGuid[i].Pdo);
    }
}

/* Asks, and once more if the answer says that it needs more room. Nobody uses the answer. */
static VOID WmipAsk(WMIP_PROVIDER *Provider)
{
    ULONG Bytes = ANSWER_BYTES, Tries;

    for (Tries = 0; Tries < 2; Tries++) {
        PULONG Answer = ExAllocatePoolWithTag(NonPagedPool, Bytes, TAG_WMI);
        NTSTATUS Status;
        ULONG Needed;
        if (Answer == NULL)
            return;
        memset(Answer, 0, Bytes);
        Status = WmipSend(Provider, Answer, Bytes);
        Needed = *Answer;
        if (NT_SUCCESS(Status))
            WmipDropAnswer((PWMIREGINFOW)Answer, Bytes);
        ExFreePoolWithTag(Answer, TAG_WMI);
        if (Status != STATUS_BUFFER_TOO_SMALL || Needed <= Bytes)
            return;
        Bytes = Needed;
    }
}

static VOID NTAPI WmipRunQuestions(PVOID Parameter)
{
    WMIP_PROVIDER *Provider = Parameter;
    BOOLEAN More;
    KIRQL OldIrql;

    do {
        WmipAsk(Provider);
        KeAcquireSpinLock(&WmipLock, &OldIrql);
        More = --Provider->Questions != 0;
        if (!More)
            KeSetEvent(&Provider->Idle, IO_NO_INCREMENT, FALSE); /* it may be freed from here on */
        KeReleaseSpinLock(&WmipLock, OldIrql);
    } while (More);
}

/* STATUS_INVALID_PARAMETER: there is no such provider. */
static NTSTATUS WmipQueueQuestion(PDEVICE_OBJECT Device, BOOLEAN Updates)
{
    WMIP_PROVIDER *Provider;
    BOOLEAN First = FALSE;
    KIRQL OldIrql;

    KeAcquireSpinLock(&WmipLock, &OldIrql);
    Provider = WmipFindProvider(Device);
    if (Provider) {
        Provider->Updates = Updates;
        First = Provider->Questions++ == 0;
        KeClearEvent(&Provider->Idle);
    }
    KeReleaseSpinLock(&WmipLock, OldIrql);
    if (First) {
        ExInitializeWorkItem(&Provider->Item, WmipRunQuestions, Provider);
        ExQueueWorkItem(&Provider->Item, DelayedWorkQueue);
    }
    return Provider ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* STATUS_OBJECT_NAME_EXISTS: it is registered already. */
static NTSTATUS WmipRegister(PDEVICE_OBJECT Device)
{
    WMIP_PROVIDER *Provider = ExAllocatePoolWithTag(NonPagedPool, sizeof *Provider, TAG_WMI);
    BOOLEAN Taken;
    KIRQL OldIrql;

    if (Provider == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(Provider, 0, sizeof *Provider);
    Provider->Device = Device;
    KeInitializeEvent(&Provider->Idle, NotificationEvent, TRUE);
    ObReferenceObject(Device);
    KeAcquireSpinLock(&WmipLock, &OldIrql);
    Taken = WmipFindProvider(Device) != NULL;
    if (!Taken)
        InsertTailList(&WmipProviders, &Provider->Link);
    KeReleaseSpinLock(&WmipLock, OldIrql);
    if (!Taken)
        return WmipQueueQuestion(Device, FALSE);
    ObDereferenceObject(Device);
    ExFreePoolWithTag(Provider, TAG_WMI);
    return STATUS_OBJECT_NAME_EXISTS;
}

/* Returns when the device's drivers have answered what they had been asked. */
static NTSTATUS WmipDeregister(PDEVICE_OBJECT Device)
{
    WMIP_PROVIDER *Provider;
    KIRQL OldIrql;

    KeAcquireSpinLock(&WmipLock, &OldIrql);
    Provider = WmipFindProvider(Device);
    if (Provider)
        RemoveEntryList(&Provider->Link);
    KeReleaseSpinLock(&WmipLock, OldIrql);
    if (Provider == NULL)
        return STATUS_INVALID_PARAMETER;
    KeWaitForSingleObject(&Provider->Idle, Executive, KernelMode, FALSE, NULL);
    KeAcquireSpinLock(&WmipLock, &OldIrql); /* who has set the event is out of it then */
    KeReleaseSpinLock(&WmipLock, OldIrql);
    ObDereferenceObject(Device);
    ExFreePoolWithTag(Provider, TAG_WMI);
    return STATUS_SUCCESS;
}

/*
 * Registers a device as a provider, or not any more, or has it asked anew (WDK:
 * IoWMIRegistrationControl). STATUS_INVALID_PARAMETER: no such action, or not registered.
 * IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoWMIRegistrationControl(PDEVICE_OBJECT DeviceObject, ULONG Action)
{
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    switch (Action) {
    case WMIREG_ACTION_REGISTER:
        return WmipRegister(DeviceObject);
    case WMIREG_ACTION_DEREGISTER:
        return WmipDeregister(DeviceObject);
    case WMIREG_ACTION_REREGISTER:
        Status = WmipDeregister(DeviceObject);
        return NT_SUCCESS(Status) ? WmipRegister(DeviceObject) : Status;
    case WMIREG_ACTION_UPDATE_GUIDS:
        return WmipQueueQuestion(DeviceObject, TRUE);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/*
 * An event, in a block of pool that is freed here if it is taken (WDK: IoWMIWriteEvent): nobody
 * listens to it. STATUS_UNSUCCESSFUL: no such block; it is the caller's still.
 */
NTSTATUS NTAPI IoWMIWriteEvent(PVOID WnodeEventItem)
{
    PWNODE_HEADER Header = WnodeEventItem;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (!(Header->Flags & (WNODE_FLAG_EVENT_ITEM | WNODE_FLAG_EVENT_REFERENCE)) ||
        Header->BufferSize < sizeof *Header)
        return STATUS_UNSUCCESSFUL;
    ExFreePool(WnodeEventItem);
    return STATUS_SUCCESS;
}
