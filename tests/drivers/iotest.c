/*
 * iotest.sys: what a driver may rely on about devices, their stacks and names, about files as
 * drivers open and use them, and about what hangs on driver and device objects.
 *
 * Source: WDK, the routines' pages; "Device Objects and Device Stacks", "Using Files in a Driver".
 */
#include "twodevices.h"

/* ---- Devices and their stacks. ----------------------------------------------------------------
 */

static VOID TestStack(VOID)
{
    PDEVICE_OBJECT Upper = MakeDevice(NULL), Attached, List[2], Found;
    ULONG Count;

    CheckEqual("stack: the filter is one higher", Filter->StackSize, Lower->StackSize + 1);
    Check("stack: a third goes on top", IoAttachDeviceToDeviceStack(Upper, Lower) == Filter);
    CheckEqual("stack: and is higher still", Upper->StackSize, 3);
    Check("stack: its top", IoGetAttachedDevice(Lower) == Upper);
    Found = IoGetAttachedDeviceReference(Lower);
    Check("stack: with a reference", Found == Upper);
    ObDereferenceObject(Found);
    Found = IoGetLowerDeviceObject(Upper);
    Check("stack: next below", Found == Filter);
    ObDereferenceObject(Found);
    Found = IoGetDeviceAttachmentBaseRef(Upper);
    Check("stack: lowest", Found == Lower);
    ObDereferenceObject(Found);
    Check("stack: below the lowest is none", IoGetLowerDeviceObject(Lower) == NULL);
    CheckEqual("stack: too small a list",
               IoEnumerateDeviceObjectList(Driver, List, sizeof List, &Count),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("stack: how many there are", Count, 3);
    IoDetachDevice(Filter);
    Check("stack: taken off", IoGetAttachedDevice(Lower) == Filter);
    CheckEqual("stack: attached safely", IoAttachDeviceToDeviceStackSafe(Upper, Lower, &Attached),
               STATUS_SUCCESS);
    Check("stack: to the filter", Attached == Filter);
    IoDetachDevice(Attached);
    CheckEqual("stack: by pointer", IoAttachDeviceByPointer(Upper, Lower), STATUS_SUCCESS);
    IoDetachDevice(Filter);
    IoDeleteDevice(Upper);
    CheckEqual("stack: all devices in a list",
               IoEnumerateDeviceObjectList(Driver, List, sizeof List, &Count), STATUS_SUCCESS);
    ObDereferenceObject(List[0]);
    ObDereferenceObject(List[1]);
}

static VOID TestNamed(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(NAME), Gone = RTL_CONSTANT_STRING(L"\\Device\\None");
    PDEVICE_OBJECT Upper, Attached, Device;
    PFILE_OBJECT File;
    ULONG Creates = Calls[IRP_MJ_CREATE], Closes = Calls[IRP_MJ_CLOSE];

    CheckEqual("named: its top", IoGetDeviceObjectPointer(&Name, FILE_READ_DATA, &File, &Device),
               STATUS_SUCCESS);
    Check("named: is the filter", Device == Filter && File->DeviceObject == Lower);
    Check("named: from the file, too", IoGetRelatedDeviceObject(File) == Filter);
    Check("named: it has seen open and cleanup, and no close",
          Calls[IRP_MJ_CREATE] == Creates + 1 && Calls[IRP_MJ_CLEANUP] &&
              Calls[IRP_MJ_CLOSE] == Closes);
    ObDereferenceObject(File);
    Check("named: the close comes with the last reference", Calls[IRP_MJ_CLOSE] == Closes + 1);
    CheckEqual("named: there is no such device",
               IoGetDeviceObjectPointer(&Gone, FILE_READ_DATA, &File, &Device),
               STATUS_OBJECT_NAME_NOT_FOUND);
    Upper = MakeDevice(NULL);
    CheckEqual("named: attached by name", IoAttachDevice(Upper, &Name, &Attached), STATUS_SUCCESS);
    Check("named: to the top", Attached == Filter);
    IoDetachDevice(Filter);
    IoDeleteDevice(Upper);
}

static LONG volatile TimerTicks;
static KEVENT TimerTicked;

static VOID NTAPI TimerRoutine(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Context);
    InterlockedIncrement(&TimerTicks);
    KeSetEvent(&TimerTicked, IO_NO_INCREMENT, FALSE);
}

static VOID TestTimer(VOID)
{
    LONG Ticks;

    KeInitializeEvent(&TimerTicked, SynchronizationEvent, FALSE);
    CheckEqual("timer: initialised", IoInitializeTimer(Lower, TimerRoutine, NULL), STATUS_SUCCESS);
    IoStartTimer(Lower);
    Wait(&TimerTicked);
    Wait(&TimerTicked);
    IoStopTimer(Lower);
    Ticks = TimerTicks;
    Check("timer: called once a second", Ticks >= 2);
    Delay(2100);
    CheckEqual("timer: stopped, no more", TimerTicks, Ticks);
    IoStartTimer(Lower);
    KeClearEvent(&TimerTicked);
    Wait(&TimerTicked);
    Check("timer: started again", TimerTicks > Ticks);
    IoStopTimer(Lower);
}

/* ---- Files, as drivers use them. --------------------------------------------------------------
 */

static HANDLE OpenTest(ULONG Options)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(NAME);
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;
    HANDLE Handle = NULL;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL,
                               NULL);
    CheckEqual("opened",
               IoCreateFile(&Handle, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &Attributes, &Iosb,
                            NULL, 0, 0, FILE_OPEN, Options, NULL, 0, CreateFileTypeNone, NULL,
                            IO_NO_PARAMETER_CHECKING),
               STATUS_SUCCESS);
    return Handle;
}

static ULONG ApcCalls;
static PIO_STATUS_BLOCK ApcIosb;

static VOID NTAPI ApcRoutine(PVOID Context, PIO_STATUS_BLOCK Iosb, ULONG Reserved)
{
    UNREFERENCED_PARAMETER(Reserved);
    ApcCalls += (ULONG)(ULONG_PTR)Context;
    ApcIosb = Iosb;
}

static VOID TestAsynchronousFile(VOID)
{
    HANDLE File = OpenTest(0), EventHandle;
    LARGE_INTEGER Offset = {.QuadPart = 0};
    IO_STATUS_BLOCK Iosb = {{STATUS_PENDING}, 0};
    PKEVENT Event;

    ZwCreateEvent(&EventHandle, EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE);
    ObReferenceObjectByHandle(EventHandle, 0, *ExEventObjectType, KernelMode, (PVOID *)&Event,
                              NULL);
    SetAbove(INVOKE_NEVER, FALSE);
    SetPlan(TRUE, STATUS_SUCCESS, 7);
    CheckEqual("asynchronous: pending",
               ZwReadFile(File, EventHandle, ApcRoutine, (PVOID)1, &Iosb, Text, 16, &Offset, NULL),
               STATUS_PENDING);
    Check("asynchronous: not synchronous to the driver", !IoIsOperationSynchronous(Pended));
    Check("asynchronous: the requestor", IoGetRequestorProcess(Pended) == IoGetCurrentProcess() &&
                                             IoGetRequestorProcessId(Pended) == 4);
    Check("asynchronous: the event is cleared", !KeReadStateEvent(Event));
    CompletePended();
    Check("asynchronous: the event is set", KeReadStateEvent(Event));
    Check("asynchronous: the status block", Iosb.Status == STATUS_SUCCESS && Iosb.Information == 7);
    Check("asynchronous: the APC has run", ApcCalls == 1 && ApcIosb == &Iosb);
    SetPlan(FALSE, STATUS_UNSUCCESSFUL, 0);
    CheckEqual("asynchronous: an error at once",
               ZwReadFile(File, EventHandle, ApcRoutine, (PVOID)1, &Iosb, Text, 16, &Offset, NULL),
               STATUS_UNSUCCESSFUL);
    Check("asynchronous: is told by the return only", !KeReadStateEvent(Event) && ApcCalls == 1);
    SetPlan(TRUE, STATUS_SUCCESS, 0);
    ZwReadFile(File, EventHandle, NULL, NULL, &Iosb, Text, 16, &Offset, NULL);
    CheckEqual("asynchronous: cancelled with its file", ZwCancelIoFile(File, &Iosb),
               STATUS_SUCCESS);
    Check("asynchronous: that has ended it", Pended == NULL && KeReadStateEvent(Event));
    ZwReadFile(File, NULL, NULL, NULL, &Iosb, Text, 16, &Offset, NULL);
    CompletePended();
    CheckEqual("asynchronous: without an event the file is signalled",
               ZwWaitForSingleObject(File, FALSE, NULL), STATUS_SUCCESS);
    ObDereferenceObject(Event);
    ZwClose(EventHandle);
    ZwClose(File);
}

static VOID TestSynchronousFile(VOID)
{
    HANDLE File = OpenTest(FILE_SYNCHRONOUS_IO_NONALERT | FILE_WRITE_THROUGH);
    FILE_POSITION_INFORMATION Position;
    FILE_MODE_INFORMATION Mode;
    FILE_FS_DEVICE_INFORMATION Volume;
    IO_STATUS_BLOCK Iosb;
    PKTHREAD Thread;

    SetPlan(TRUE, STATUS_SUCCESS, 3);
    Thread = StartThread(CompleteSoon, NULL);
    CheckEqual("synchronous: the service waits",
               ZwWriteFile(File, NULL, NULL, NULL, &Iosb, Text, 3, NULL, NULL), STATUS_SUCCESS);
    JoinThread(Thread);
    CheckEqual("synchronous: status block", (LONG)Iosb.Information, 3);
    Check("synchronous: write-through goes with it", (Seen.Flags & SL_WRITE_THROUGH) != 0);
    Position.CurrentByteOffset.QuadPart = 0x123456789LL;
    CheckEqual(
        "position: set",
        ZwSetInformationFile(File, &Iosb, &Position, sizeof Position, FilePositionInformation),
        STATUS_SUCCESS);
    SetPlan(FALSE, STATUS_SUCCESS, 0);
    ZwReadFile(File, NULL, NULL, NULL, &Iosb, Text, 3, NULL, NULL);
    Check("position: is where the next begins",
          Seen.Parameters.Read.ByteOffset.QuadPart == 0x123456789LL);
    Position.CurrentByteOffset.QuadPart = -5;
    CheckEqual(
        "position: not below zero",
        ZwSetInformationFile(File, &Iosb, &Position, sizeof Position, FilePositionInformation),
        STATUS_INVALID_PARAMETER);
    CheckEqual("mode: asked",
               ZwQueryInformationFile(File, &Iosb, &Mode, sizeof Mode, FileModeInformation),
               STATUS_SUCCESS);
    CheckEqual("mode: as opened", Mode.Mode, FILE_SYNCHRONOUS_IO_NONALERT | FILE_WRITE_THROUGH);
    CheckEqual("information: too small a buffer",
               ZwQueryInformationFile(File, &Iosb, &Mode, 2, FileModeInformation),
               STATUS_INFO_LENGTH_MISMATCH);
    CheckEqual("information: no such class",
               ZwQueryInformationFile(File, &Iosb, &Mode, 4, FileMaximumInformation),
               STATUS_INVALID_INFO_CLASS);
    CheckEqual(
        "volume: the device's type",
        ZwQueryVolumeInformationFile(File, &Iosb, &Volume, sizeof Volume, FileFsDeviceInformation),
        STATUS_SUCCESS);
    CheckEqual("volume: is its own", Volume.DeviceType, FILE_DEVICE_UNKNOWN);
    CheckEqual("flush: goes to the driver", ZwFlushBuffersFile(File, &Iosb), STATUS_SUCCESS);
    CheckEqual("flush: as such", Seen.MajorFunction, IRP_MJ_FLUSH_BUFFERS);
    CheckEqual("file system control: too",
               ZwFsControlFile(File, NULL, NULL, NULL, &Iosb, BUFFERED, NULL, 0, NULL, 0), 0);
    CheckEqual("file system control: as such", Seen.MajorFunction, IRP_MJ_FILE_SYSTEM_CONTROL);
    ZwClose(File);
}

static VOID TestInformationOfDriver(VOID)
{
    HANDLE File = OpenTest(FILE_SYNCHRONOUS_IO_NONALERT);
    FILE_STANDARD_INFORMATION Standard;
    FILE_FS_SIZE_INFORMATION Size;
    FILE_BASIC_INFORMATION Basic = {.FileAttributes = 0};
    IO_STATUS_BLOCK Iosb;
    PFILE_OBJECT Object;
    ULONG Length;

    ObReferenceObjectByHandle(File, 0, *IoFileObjectType, KernelMode, (PVOID *)&Object, NULL);
    SetPlan(FALSE, STATUS_SUCCESS, sizeof Standard);
    CheckEqual("information: the driver's",
               IoQueryFileInformation(Object, FileStandardInformation, sizeof Standard, &Standard,
                                      &Length),
               STATUS_SUCCESS);
    Check("information: length and class reach it",
          Length == sizeof Standard && Seen.Parameters.QueryFile.Length == sizeof Standard &&
              Seen.Parameters.QueryFile.FileInformationClass == FileStandardInformation);
    SetPlan(FALSE, STATUS_SUCCESS, sizeof Size);
    CheckEqual("volume: the driver's",
               IoQueryVolumeInformation(Object, FileFsSizeInformation, sizeof Size, &Size, &Length),
               STATUS_SUCCESS);
    CheckEqual("volume: asked of it", Seen.MajorFunction, IRP_MJ_QUERY_VOLUME_INFORMATION);
    SetPlan(FALSE, STATUS_SUCCESS, 0);
    CheckEqual("information: changed",
               IoSetInformation(Object, FileBasicInformation, sizeof Basic, &Basic),
               STATUS_SUCCESS);
    CheckEqual("information: by the driver", Seen.MajorFunction, IRP_MJ_SET_INFORMATION);
    CheckEqual("volume: changed",
               ZwSetVolumeInformationFile(File, &Iosb, &Basic, 12, FileFsLabelInformation), 0);
    CheckEqual("volume: by the driver", Seen.MajorFunction, IRP_MJ_SET_VOLUME_INFORMATION);
    CheckEqual("classes: a length that is too small",
               IoCheckQuerySetVolumeInformation(FileFsSizeInformation, 1, FALSE),
               STATUS_INFO_LENGTH_MISMATCH);
    CheckEqual("classes: one that cannot be set",
               IoCheckQuerySetFileInformation(FileStandardInformation, 100, TRUE),
               STATUS_INVALID_INFO_CLASS);
    ObDereferenceObject(Object);
    ZwClose(File);
}

/* A thread that leaves a packet behind ends only when that has ended. */
static VOID NTAPI LeavePending(PVOID Context)
{
    HANDLE File = OpenTest(0);
    LARGE_INTEGER Offset = {.QuadPart = 0};
    static IO_STATUS_BLOCK Iosb;

    ZwReadFile(File, NULL, NULL, NULL, &Iosb, Text, 16, &Offset, NULL);
    *(PHANDLE)Context = File;
}

static VOID TestThreadEnd(VOID)
{
    HANDLE File;

    SetPlan(TRUE, STATUS_SUCCESS, 0);
    JoinThread(StartThread(LeavePending, &File));
    Check("thread's end: its packet has been cancelled", Pended == NULL);
    ZwClose(File);
}

static VOID TestShare(VOID)
{
    static FILE_OBJECT Files[3];
    SHARE_ACCESS Share;

    IoSetShareAccess(FILE_READ_DATA, FILE_SHARE_READ, &Files[0], &Share);
    CheckEqual("share: the first counts", Share.OpenCount, 1);
    CheckEqual("share: a second reader",
               IoCheckShareAccess(FILE_READ_DATA, FILE_SHARE_READ, &Files[1], &Share, TRUE), 0);
    CheckEqual("share: no writer",
               IoCheckShareAccess(FILE_WRITE_DATA, FILE_SHARE_READ, &Files[2], &Share, TRUE),
               STATUS_SHARING_VIOLATION);
    CheckEqual("share: one that only asks for attributes",
               IoCheckShareAccess(FILE_READ_ATTRIBUTES, 0, &Files[2], &Share, TRUE), 0);
    CheckEqual("share: does not count", Share.OpenCount, 2);
    CheckEqual("share: one that does not let others read",
               IoCheckShareAccess(FILE_READ_DATA, 0, &Files[2], &Share, FALSE),
               STATUS_SHARING_VIOLATION);
    IoRemoveShareAccess(&Files[0], &Share);
    IoRemoveShareAccess(&Files[1], &Share);
    CheckEqual("share: all gone", Share.OpenCount, 0);
    CheckEqual("share: now it goes",
               IoCheckShareAccess(FILE_WRITE_DATA, 0, &Files[2], &Share, FALSE), STATUS_SUCCESS);
    IoUpdateShareAccess(&Files[2], &Share);
    Check("share: and is counted", Share.OpenCount == 1 && Share.Writers == 1);
    Check("share: a file's generic access",
          IoGetFileObjectGenericMapping()->GenericRead == FILE_GENERIC_READ);
}

/* ---- What hangs on driver and device. ---------------------------------------------------------
 */

static VOID NTAPI Reinitialize(PDRIVER_OBJECT DriverObject, PVOID Context, ULONG Count)
{
    DbgPrint("iotest: reinitialised %lu\n", Count);
    if (Count < 3)
        IoRegisterDriverReinitialization(DriverObject, Reinitialize, Context);
}

static VOID NTAPI ReinitializeFirst(PDRIVER_OBJECT DriverObject, PVOID Context, ULONG Count)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(Context);
    DbgPrint("iotest: reinitialised first, %lu\n", Count);
}

static WORK_QUEUE_ITEM ShutdownItem;

static VOID NTAPI RunAtShutdown(PVOID Event)
{
    DbgPrint("iotest: shutdown item, event %ld, another item %lx\n", KeReadStateEvent(Event),
             PoQueueShutdownWorkItem(&ShutdownItem));
}

static VOID TestShutdownItem(VOID)
{
    PVOID Event = NULL;

    CheckEqual("shutdown: an event", PoRequestShutdownEvent(&Event), STATUS_SUCCESS);
    Check("shutdown: has not begun", KeReadStateEvent(Event) == 0);
    ExInitializeWorkItem(&ShutdownItem, RunAtShutdown, Event);
    CheckEqual("shutdown: a work item", PoQueueShutdownWorkItem(&ShutdownItem), STATUS_SUCCESS);
}

static VOID TestDriverObject(VOID)
{
    PIO_ERROR_LOG_PACKET Packet;
    PVOID Extension, Same;
    ULONG SessionId = 5;
    PIRP Irp = IoAllocateIrp(1, FALSE);

    CheckEqual("extension: allocated",
               IoAllocateDriverObjectExtension(Driver, Text, 64, &Extension), STATUS_SUCCESS);
    Check("extension: zeroed, and found again",
          *(PULONG)Extension == 0 && IoGetDriverObjectExtension(Driver, Text) == Extension);
    CheckEqual("extension: one for a key", IoAllocateDriverObjectExtension(Driver, Text, 64, &Same),
               STATUS_OBJECT_NAME_COLLISION);
    Check("extension: none for another", IoGetDriverObjectExtension(Driver, &Same) == NULL);
    IoRegisterDriverReinitialization(Driver, Reinitialize, NULL);
    IoRegisterBootDriverReinitialization(Driver, ReinitializeFirst, NULL);
    CheckEqual("shutdown: registered", IoRegisterShutdownNotification(Lower), STATUS_SUCCESS);
    CheckEqual("shutdown: to be the last", IoRegisterLastChanceShutdownNotification(Lower), 0);
    IoUnregisterShutdownNotification(Lower);
    IoRegisterShutdownNotification(Lower);
    Check("error log: too small", IoAllocateErrorLogEntry(Lower, 4) == NULL);
    Packet = IoAllocateErrorLogEntry(Driver, sizeof *Packet);
    IoFreeErrorLogEntry(Packet);
    Packet = IoAllocateErrorLogEntry(Lower, sizeof *Packet + 10);
    Packet->ErrorCode = STATUS_DEVICE_DATA_ERROR;
    Packet->DumpDataSize = 4;
    Packet->DumpData[0] = 0x1234;
    Packet->NumberOfStrings = 1;
    Packet->StringOffset = sizeof *Packet;
    RtlCopyMemory(Packet + 1, L"sure", 10);
    IoWriteErrorLogEntry(Packet);
    CheckEqual("requestor: a packet of nobody's", IoGetRequestorSessionId(Irp, &SessionId),
               STATUS_UNSUCCESSFUL);
    Check("requestor: none", IoGetRequestorProcess(Irp) == NULL);
    Check("thread's process", IoThreadToProcess(PsGetCurrentThread()) == IoGetCurrentProcess());
    IoQueueThreadIrp(Irp);
    IoGetNextIrpStackLocation(Irp)->MajorFunction = IRP_MJ_READ;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    SetPlan(FALSE, STATUS_SUCCESS, 0);
    CheckEqual("thread's packet: ends in it", IoCallDriver(Lower, Irp), STATUS_SUCCESS);
}

static VOID TestIo(VOID)
{
    TestStack();
    TestNamed();
    TestTimer();
    TestAsynchronousFile();
    TestSynchronousFile();
    TestInformationOfDriver();
    TestThreadEnd();
    TestShare();
    TestShutdownItem();
    TestDriverObject();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    return RunTests(DriverObject, "iotest", TestIo);
}
