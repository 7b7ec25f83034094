/*
 * irptest.sys: what a driver may rely on about packets: how they go down and up a stack of devices,
 * who is called with what, who is told of the end, cancelling, queues, the routines that build
 * them.
 *
 * Source: WDK, the routines' pages; "Handling IRPs", "Completing IRPs", "Canceling
 * IRPs", "Implementing an IoCompletion Routine".
 */
#include "twodevices.h"

/* ---- A packet of the driver's own, and who is called at its end. -------------------------------
 */

static struct {
    ULONG Called;
    PVOID Device;
    BOOLEAN PendingReturned;
} Top;

static NTSTATUS NTAPI TopCompletion(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    Top.Called++;
    Top.Device = DeviceObject;
    Top.PendingReturned = Irp->PendingReturned;
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* Sends a packet of its own through both devices. */
static PIRP Send(PKEVENT Event, PNTSTATUS Status)
{
    PIRP Irp = IoAllocateIrp(Filter->StackSize, FALSE);

    RtlZeroMemory(&Top, sizeof Top);
    KeInitializeEvent(Event, NotificationEvent, FALSE);
    IoGetNextIrpStackLocation(Irp)->MajorFunction = IRP_MJ_READ;
    IoSetCompletionRoutine(Irp, TopCompletion, Event, TRUE, TRUE, TRUE);
    *Status = IoCallDriver(Filter, Irp);
    return Irp;
}

static VOID TestClimb(VOID)
{
    NTSTATUS Status;
    KEVENT Event;
    PIRP Irp;

    SetPlan(FALSE, STATUS_SUCCESS, 5);
    SetAbove(SL_INVOKE_ON_SUCCESS, FALSE);
    Irp = Send(&Event, &Status);
    CheckEqual("climb: the status comes back through both", Status, STATUS_SUCCESS);
    CheckEqual("climb: the filter's routine is called", Above.Called, 1);
    Check("climb: with the filter's device", Above.Device == Filter);
    CheckEqual("climb: then the sender's", Top.Called, 1);
    Check("climb: with no device, as the sender has no location", Top.Device == NULL);
    CheckEqual("climb: Information is the lowest driver's", (LONG)Irp->IoStatus.Information, 5);
    Check("climb: not pending", !Above.PendingReturned && !Top.PendingReturned);
    IoFreeIrp(Irp);

    SetPlan(TRUE, STATUS_SUCCESS, 0);
    SetAbove(SL_INVOKE_ON_SUCCESS, FALSE);
    Irp = Send(&Event, &Status);
    CheckEqual("pending: is returned through both", Status, STATUS_PENDING);
    Check("pending: nobody has been called", Above.Called == 0 && Top.Called == 0);
    CompletePended();
    Check("pending: PendingReturned goes up with it", Above.PendingReturned && Top.PendingReturned);
    IoFreeIrp(Irp);

    SetAbove(INVOKE_NEVER, FALSE);
    Irp = Send(&Event, &Status);
    CompletePended();
    Check("pending: a skipped location passes it on", Top.PendingReturned);
    IoFreeIrp(Irp);

    SetAbove(SL_INVOKE_ON_ERROR, FALSE);
    Irp = Send(&Event, &Status);
    CompletePended();
    Check("pending: so does one without a routine for this end",
          Above.Called == 0 && Top.PendingReturned);
    IoFreeIrp(Irp);
}

static VOID TestInvoke(VOID)
{
    static const struct {
        UCHAR Invoke;
        NTSTATUS Status;
        BOOLEAN Cancel;
        ULONG Called;
    } Cases[] = {
        {SL_INVOKE_ON_SUCCESS, STATUS_SUCCESS, FALSE, 1},
        {SL_INVOKE_ON_SUCCESS, STATUS_UNSUCCESSFUL, FALSE, 0},
        {SL_INVOKE_ON_SUCCESS, STATUS_BUFFER_OVERFLOW, FALSE, 0},
        {SL_INVOKE_ON_ERROR, STATUS_UNSUCCESSFUL, FALSE, 1},
        {SL_INVOKE_ON_ERROR, STATUS_BUFFER_OVERFLOW, FALSE, 1},
        {SL_INVOKE_ON_ERROR, STATUS_SUCCESS, FALSE, 0},
        {SL_INVOKE_ON_CANCEL, STATUS_CANCELLED, TRUE, 1},
        {SL_INVOKE_ON_CANCEL, STATUS_SUCCESS, TRUE, 1},
        {SL_INVOKE_ON_CANCEL, STATUS_SUCCESS, FALSE, 0},
        {SL_INVOKE_ON_SUCCESS, STATUS_CANCELLED, TRUE, 0},
    };
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Cases); i++) {
        NTSTATUS Status;
        KEVENT Event;
        PIRP Irp;
        SetPlan(TRUE, Cases[i].Status, 0);
        SetAbove(Cases[i].Invoke, FALSE);
        Irp = Send(&Event, &Status);
        Irp->Cancel = Cases[i].Cancel;
        CompletePended();
        DbgPrint("case %lu: ", i);
        CheckEqual("a completion routine is called for its ends only", Above.Called,
                   Cases[i].Called);
        IoFreeIrp(Irp);
    }
}

static VOID TestTakeBack(VOID)
{
    NTSTATUS Status;
    KEVENT Event;
    PIRP Irp;

    SetPlan(FALSE, STATUS_SUCCESS, 0);
    SetAbove(SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR, TRUE);
    Irp = Send(&Event, &Status);
    Check("taken back: the sender has not been told", Above.Called == 1 && Top.Called == 0);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    Check("taken back: completing it again goes on from there", Top.Called == 1);
    IoReuseIrp(Irp, STATUS_NOT_SUPPORTED);
    CheckEqual("reused: it has the first status", Irp->IoStatus.Status, STATUS_NOT_SUPPORTED);
    CheckEqual("reused: and all locations", Irp->CurrentLocation, Filter->StackSize + 1);
    IoFreeIrp(Irp);
}

static NTSTATUS NTAPI Forward(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Irp);
    (*(PULONG)Context)++;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID TestForward(VOID)
{
    PIRP Irp = IoAllocateIrp(2, FALSE), None = IoAllocateIrp(1, FALSE);
    PKTHREAD Thread;
    ULONG Called = 0;

    SetPlan(TRUE, STATUS_SUCCESS, 9);
    IoSetNextIrpStackLocation(Irp);
    IoGetCurrentIrpStackLocation(Irp)->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
    Thread = StartThread(CompleteSoon, NULL);
    Check("forward: it can", IoForwardIrpSynchronously(Lower, Irp));
    CheckEqual("forward: the caller has waited for the end", (LONG)Irp->IoStatus.Information, 9);
    JoinThread(Thread);
    SetPlan(FALSE, STATUS_SUCCESS, 8);
    Check("forward: one that does not pend, too", IoForwardIrpSynchronously(Lower, Irp));
    CheckEqual("forward: it has ended", (LONG)Irp->IoStatus.Information, 8);
    IoFreeIrp(Irp);

    IoSetNextIrpStackLocation(None);
    Check("forward: without a location it cannot", !IoForwardIrpSynchronously(Lower, None));
    IoReuseIrp(None, STATUS_SUCCESS);
    IoGetNextIrpStackLocation(None)->MajorFunction = IRP_MJ_READ;
    CheckEqual("routine that keeps the device: set",
               IoSetCompletionRoutineEx(Lower, None, Forward, &Called, FALSE, TRUE, FALSE),
               STATUS_SUCCESS);
    SetPlan(FALSE, STATUS_UNSUCCESSFUL, 0);
    IoCallDriver(Lower, None);
    CheckEqual("routine that keeps the device: called", Called, 1);
    IoFreeIrp(None);
}

/* ---- Packets that are built. ------------------------------------------------------------------
 */

/* Sends a control code and waits as the WDK says; returns the sender's status. */
static NTSTATUS Control(ULONG Code, PVOID In, ULONG InLength, PVOID Out, ULONG OutLength,
                        PIO_STATUS_BLOCK Iosb, PKEVENT Event)
{
    PIRP Irp;

    RtlFillMemory(Iosb, sizeof *Iosb, 0xAA);
    KeInitializeEvent(Event, NotificationEvent, FALSE);
    Irp = IoBuildDeviceIoControlRequest(Code, Lower, In, InLength, Out, OutLength, FALSE, Event,
                                        Iosb);
    return Irp ? IoCallDriver(Lower, Irp) : STATUS_INSUFFICIENT_RESOURCES;
}

static VOID TestBuiltControl(VOID)
{
    IO_STATUS_BLOCK Iosb;
    KEVENT Event;

    SetPlan(FALSE, STATUS_SUCCESS, 3);
    RtlCopyMemory(Text, "abcdef", 6);
    Text[103] = 'X';
    CheckEqual("buffered: sent", Control(BUFFERED, Text, 6, Text + 100, 5, &Iosb, &Event), 0);
    Check("buffered: the event is set", IsSignalled(&Event));
    Check("buffered: as much as was returned is copied back, of one buffer for both",
          Iosb.Information == 3 && RtlCompareMemory(Text + 100, "abcX", 4) == 4);
    Check("buffered: lengths and buffer",
          Seen.Parameters.DeviceIoControl.InputBufferLength == 6 &&
              Seen.Parameters.DeviceIoControl.OutputBufferLength == 5 &&
              SeenIrp.AssociatedIrp.SystemBuffer != Text);
    Control(BUFFERED, NULL, 0, NULL, 0, &Iosb, &Event);
    Check("buffered: no lengths, no buffer", SeenIrp.AssociatedIrp.SystemBuffer == NULL);
    SetPlan(FALSE, STATUS_BUFFER_OVERFLOW, 2);
    RtlFillMemory(Text + 100, 4, 'X');
    CheckEqual("buffered: a warning", Control(BUFFERED, Text, 6, Text + 100, 5, &Iosb, &Event),
               STATUS_BUFFER_OVERFLOW);
    Check("buffered: brings data, too", RtlCompareMemory(Text + 100, "abX", 3) == 3);

    SetPlan(FALSE, STATUS_SUCCESS, 0);
    Control(OUT_DIRECT, Text, 4, Text + 10, PAGE_SIZE, &Iosb, &Event);
    Check("direct: the input is in a system buffer", SeenIrp.AssociatedIrp.SystemBuffer != NULL);
    Check("direct: the other buffer has an MDL", SeenIrp.MdlAddress != NULL);
    Check("direct: locked", (SeenIrp.MdlAddress != NULL));
    Control(IN_DIRECT, NULL, 0, NULL, 0, &Iosb, &Event);
    Check("direct: no length, no MDL",
          SeenIrp.MdlAddress == NULL && SeenIrp.AssociatedIrp.SystemBuffer == NULL);
    Control(NEITHER, Text, 1, Text + 1, 2, &Iosb, &Event);
    Check("neither: the addresses as they are",
          Seen.Parameters.DeviceIoControl.Type3InputBuffer == Text &&
              SeenIrp.UserBuffer == Text + 1 && SeenIrp.MdlAddress == NULL);
}

static VOID TestBuiltEnds(VOID)
{
    IO_STATUS_BLOCK Iosb;
    PKTHREAD Thread;
    KEVENT Event;

    SetPlan(FALSE, STATUS_UNSUCCESSFUL, 0);
    CheckEqual("built: an error at once is returned",
               Control(BUFFERED, Text, 6, Text, 5, &Iosb, &Event), STATUS_UNSUCCESSFUL);
    Check("built: and nothing else is told",
          !KeReadStateEvent(&Event) && (ULONG)Iosb.Status == 0xAAAAAAAA);
    SetPlan(TRUE, STATUS_UNSUCCESSFUL, 0);
    CheckEqual("built: an error later", Control(BUFFERED, Text, 6, Text, 5, &Iosb, &Event),
               STATUS_PENDING);
    Thread = StartThread(CompleteSoon, NULL);
    Wait(&Event);
    CheckEqual("built: comes in the status block", Iosb.Status, STATUS_UNSUCCESSFUL);
    JoinThread(Thread);
}

static VOID TestBuiltTransfer(VOID)
{
    LARGE_INTEGER Offset = {.QuadPart = 0x100000000LL};
    IO_STATUS_BLOCK Iosb;
    KEVENT Event;
    PIRP Irp;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    SetPlan(FALSE, STATUS_SUCCESS, 4);
    Lower->Flags |= DO_BUFFERED_IO;
    RtlCopyMemory(Text, "wxyz", 4);
    Irp = IoBuildSynchronousFsdRequest(IRP_MJ_WRITE, Lower, Text, 4, &Offset, &Event, &Iosb);
    IoCallDriver(Lower, Irp);
    Check("built write: event and status", IsSignalled(&Event) && Iosb.Information == 4);
    Check("built write: length and offset",
          Seen.Parameters.Write.Length == 4 &&
              Seen.Parameters.Write.ByteOffset.QuadPart == 0x100000000LL);
    Lower->Flags = (Lower->Flags & ~DO_BUFFERED_IO) | DO_DIRECT_IO;
    Irp = IoBuildSynchronousFsdRequest(IRP_MJ_READ, Lower, Text, 4, NULL, &Event, &Iosb);
    Check("built read: a direct device's has an MDL",
          Irp->MdlAddress && MmGetMdlByteCount(Irp->MdlAddress) == 4);
    IoCallDriver(Lower, Irp);
    Lower->Flags &= ~DO_DIRECT_IO;
    Irp = IoBuildSynchronousFsdRequest(IRP_MJ_READ, Lower, Text, 4, NULL, &Event, &Iosb);
    Check("built read: another's has the buffer", !Irp->MdlAddress && Irp->UserBuffer == Text);
    IoCallDriver(Lower, Irp);
    Irp = IoBuildAsynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, Lower, NULL, 0, NULL, &Iosb);
    RtlZeroMemory(&Top, sizeof Top);
    IoSetCompletionRoutine(Irp, TopCompletion, &Event, TRUE, TRUE, TRUE);
    IoCallDriver(Lower, Irp);
    CheckEqual("built flush: taken back by its driver", Top.Called, 1);
    IoFreeIrp(Irp);
}

static VOID TestAssociated(VOID)
{
    NTSTATUS Status;
    KEVENT Event;
    PIRP Master, Parts[3];
    ULONG i;

    SetPlan(TRUE, STATUS_SUCCESS, 0);
    SetAbove(INVOKE_NEVER, FALSE);
    Master = Send(&Event, &Status); /* the lower device has it, and splits it */
    Pended = NULL;
    IoSetCancelRoutine(Master, NULL);
    Master->AssociatedIrp.IrpCount = RTL_NUMBER_OF(Parts);
    for (i = 0; i < RTL_NUMBER_OF(Parts); i++) {
        Parts[i] = IoMakeAssociatedIrp(Master, Lower->StackSize);
        IoGetNextIrpStackLocation(Parts[i])->MajorFunction = IRP_MJ_READ;
        Master->IoStatus.Status = STATUS_SUCCESS;
        Check("parts: the master is not done before the last", Top.Called == 0);
        SetPlan(FALSE, STATUS_SUCCESS, 0);
        IoCallDriver(Lower, Parts[i]);
    }
    CheckEqual("parts: with the last one the master is", Top.Called, 1);
    IoFreeIrp(Master);
}

/* ---- Cancelling, and queues that are safe against it. -----------------------------------------
 */

static VOID TestCancel(VOID)
{
    NTSTATUS Status;
    KEVENT Event;
    PIRP Irp;

    SetPlan(TRUE, STATUS_SUCCESS, 0);
    SetAbove(INVOKE_NEVER, FALSE);
    Irp = Send(&Event, &Status);
    Check("cancel: the routine is called", IoCancelIrp(Irp) && Top.Called == 1);
    CheckEqual("cancel: and has completed it", Irp->IoStatus.Status, STATUS_CANCELLED);
    Check("cancel: Cancel is set", Irp->Cancel);
    IoFreeIrp(Irp);
    Irp = Send(&Event, &Status);
    IoSetCancelRoutine(Irp, NULL);
    Check("cancel: without a routine it goes on", !IoCancelIrp(Irp) && Top.Called == 0);
    CompletePended();
    Check("cancel: until its driver ends it", Top.Called == 1 && Irp->Cancel);
    IoFreeIrp(Irp);
}

static IO_CSQ Csq;
static LIST_ENTRY CsqList;
static KSPIN_LOCK CsqLock;
static ULONG CsqCancelled, CsqInserted;

static VOID NTAPI CsqInsert(PIO_CSQ Queue, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Queue);
    CsqInserted++;
    InsertTailList(&CsqList, &Irp->Tail.Overlay.ListEntry);
}

static NTSTATUS NTAPI CsqInsertEx(PIO_CSQ Queue, PIRP Irp, PVOID Context)
{
    if (Context)
        return STATUS_DEVICE_BUSY;
    CsqInsert(Queue, Irp);
    return STATUS_SUCCESS;
}

static VOID NTAPI CsqRemove(PIO_CSQ Queue, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Queue);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* Context: the number in the packet's first location, NULL for any. */
static PIRP NTAPI CsqPeek(PIO_CSQ Queue, PIRP Irp, PVOID Context)
{
    PLIST_ENTRY Link = Irp ? Irp->Tail.Overlay.ListEntry.Flink : CsqList.Flink;

    UNREFERENCED_PARAMETER(Queue);
    for (; Link != &CsqList; Link = Link->Flink) {
        PIRP Next = CONTAINING_RECORD(Link, IRP, Tail.Overlay.ListEntry);
        if (Context == NULL ||
            IoGetCurrentIrpStackLocation(Next)->Parameters.Others.Argument1 == Context)
            return Next;
    }
    return NULL;
}

static VOID NTAPI CsqAcquire(PIO_CSQ Queue, PKIRQL Irql)
{
    UNREFERENCED_PARAMETER(Queue);
    KeAcquireSpinLock(&CsqLock, Irql);
}

static VOID NTAPI CsqRelease(PIO_CSQ Queue, KIRQL Irql)
{
    UNREFERENCED_PARAMETER(Queue);
    KeReleaseSpinLock(&CsqLock, Irql);
}

static VOID NTAPI CsqComplete(PIO_CSQ Queue, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Queue);
    CsqCancelled++;
    Irp->IoStatus.Status = STATUS_CANCELLED;
}

static PIRP MakeQueued(ULONG Number)
{
    PIRP Irp = IoAllocateIrp(1, FALSE);

    IoSetNextIrpStackLocation(Irp);
    IoGetCurrentIrpStackLocation(Irp)->DeviceObject = Lower;
    IoGetCurrentIrpStackLocation(Irp)->Parameters.Others.Argument1 = (PVOID)Number;
    return Irp;
}

static VOID TestCsq(VOID)
{
    PIRP Irps[4];
    IO_CSQ_IRP_CONTEXT Context;
    ULONG i;

    InitializeListHead(&CsqList);
    KeInitializeSpinLock(&CsqLock);
    CheckEqual(
        "queue: initialised",
        IoCsqInitialize(&Csq, CsqInsert, CsqRemove, CsqPeek, CsqAcquire, CsqRelease, CsqComplete),
        STATUS_SUCCESS);
    for (i = 0; i < RTL_NUMBER_OF(Irps); i++) {
        Irps[i] = MakeQueued(i + 1);
        IoCsqInsertIrp(&Csq, Irps[i], i == 3 ? &Context : NULL);
    }
    Check("queue: a packet in it is pending",
          (IoGetCurrentIrpStackLocation(Irps[0])->Control & SL_PENDING_RETURNED) != 0);
    Check("queue: the one that is looked for", IoCsqRemoveNextIrp(&Csq, (PVOID)2) == Irps[1]);
    Check("queue: cancelled, it is completed", IoCancelIrp(Irps[0]) && CsqCancelled == 1);
    Check("queue: by its context", IoCsqRemoveIrp(&Csq, &Context) == Irps[3]);
    Check("queue: only once", IoCsqRemoveIrp(&Csq, &Context) == NULL);
    Check("queue: the next", IoCsqRemoveNextIrp(&Csq, NULL) == Irps[2]);
    Check("queue: no more", IoCsqRemoveNextIrp(&Csq, NULL) == NULL && IsListEmpty(&CsqList));
    Irps[1]->Cancel = TRUE;
    IoCsqInsertIrp(&Csq, Irps[1], &Context);
    Check("queue: one that was cancelled before is completed",
          CsqCancelled == 2 && IsListEmpty(&CsqList));
    Check("queue: and its context leads nowhere", IoCsqRemoveIrp(&Csq, &Context) == NULL);
    CsqInserted = 0;
    IoCsqInitializeEx(&Csq, CsqInsertEx, CsqRemove, CsqPeek, CsqAcquire, CsqRelease, CsqComplete);
    CheckEqual("queue: one that is refused", IoCsqInsertIrpEx(&Csq, Irps[2], NULL, &Csq),
               STATUS_DEVICE_BUSY);
    Check("queue: is not in it", CsqInserted == 0 && Irps[2]->CancelRoutine == NULL);
    CheckEqual("queue: one that is not", IoCsqInsertIrpEx(&Csq, Irps[3], NULL, NULL), 0);
    Check("queue: is", IoCsqRemoveNextIrp(&Csq, NULL) == Irps[3]);
    for (i = 0; i < RTL_NUMBER_OF(Irps); i++)
        IoFreeIrp(Irps[i]);
}

static DRIVER_STARTIO StartIo;

static PIRP Started[8];
static ULONG StartedCount, StartDepth, DeepestStart;
static BOOLEAN StartAll; /* StartIo asks for the next at once */

static VOID NTAPI StartIo(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    StartDepth++;
    DeepestStart = max(DeepestStart, StartDepth);
    Started[StartedCount++] = Irp;
    if (StartAll)
        IoStartNextPacket(DeviceObject, FALSE);
    StartDepth--;
}

static VOID NTAPI CancelQueued(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    BOOLEAN Out =
        KeRemoveEntryDeviceQueue(&DeviceObject->DeviceQueue, &Irp->Tail.Overlay.DeviceQueueEntry);

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    if (Out)
        CsqCancelled++;
}

static VOID Next(BOOLEAN Cancelable)
{
    KIRQL OldIrql;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    IoStartNextPacket(Lower, Cancelable);
    KeLowerIrql(OldIrql);
}

static VOID TestStartIo(VOID)
{
    ULONG Keys[] = {30, 20, 10}, i;
    PIRP Irps[5];
    KIRQL OldIrql;

    for (i = 0; i < RTL_NUMBER_OF(Irps); i++)
        Irps[i] = MakeQueued(i);
    StartedCount = CsqCancelled = 0;
    IoStartPacket(Lower, Irps[0], NULL, NULL);
    Check("start: the first at once", StartedCount == 1 && Lower->CurrentIrp == Irps[0]);
    for (i = 0; i < 3; i++)
        IoStartPacket(Lower, Irps[i + 1], &Keys[i], CancelQueued);
    CheckEqual("start: the others wait", StartedCount, 1);
    Check("start: one of them is cancelled", IoCancelIrp(Irps[2]) && CsqCancelled == 1);
    Next(TRUE);
    Check("start: the next by key", Started[1] == Irps[3] && Lower->CurrentIrp == Irps[3]);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    IoStartNextPacketByKey(Lower, TRUE, 25);
    KeLowerIrql(OldIrql);
    Check("start: the next from a key on", Started[2] == Irps[1]);
    Next(TRUE);
    Check("start: no more", StartedCount == 3 && Lower->CurrentIrp == NULL);

    IoSetStartIoAttributes(Lower, TRUE, TRUE);
    StartedCount = DeepestStart = 0;
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    for (i = 0; i < RTL_NUMBER_OF(Irps); i++)
        IoStartPacket(Lower, Irps[i], NULL, NULL);
    StartAll = TRUE;
    IoStartNextPacket(Lower, FALSE);
    KeLowerIrql(OldIrql);
    StartAll = FALSE;
    CheckEqual("start: asking within StartIo starts all", StartedCount, 5);
    CheckEqual("start: one after the other, if deferred", DeepestStart, 1);
    IoSetStartIoAttributes(Lower, FALSE, FALSE);
    for (i = 0; i < RTL_NUMBER_OF(Irps); i++)
        IoFreeIrp(Irps[i]);
}

static ULONG Turns;

static IO_ALLOCATION_ACTION NTAPI HaveController(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                                 PVOID MapRegisterBase, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Irp);
    UNREFERENCED_PARAMETER(MapRegisterBase);
    Turns++;
    return Context ? KeepObject : DeallocateObject;
}

static VOID TestController(VOID)
{
    PCONTROLLER_OBJECT Controller = IoCreateController(16);
    KIRQL OldIrql;

    Check("controller: its extension is zero", *(PULONG)Controller->ControllerExtension == 0);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    IoAllocateController(Controller, Lower, HaveController, Controller);
    IoAllocateController(Controller, Filter, HaveController, NULL);
    CheckEqual("controller: one keeps it, the other waits", Turns, 1);
    IoFreeController(Controller);
    CheckEqual("controller: until it is free", Turns, 2);
    IoAllocateController(Controller, Lower, HaveController, NULL);
    CheckEqual("controller: it is free again", Turns, 3);
    KeLowerIrql(OldIrql);
    IoDeleteController(Controller);
}

static VOID TestIrp(VOID)
{
    TestClimb();
    TestInvoke();
    TestTakeBack();
    TestForward();
    TestBuiltControl();
    TestBuiltEnds();
    TestBuiltTransfer();
    TestAssociated();
    TestCancel();
    TestCsq();
    TestStartIo();
    TestController();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverStartIo = StartIo;
    return RunTests(DriverObject, "irptest", TestIrp);
}
