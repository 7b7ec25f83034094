/*
 * systest.sys: what a driver may rely on about device queues and zones, and what the system says
 * about its time, its processor, its version and its threads (WDK, the pages of the routines).
 */
#include <ntifs.h>
#include <ntddk.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define REQUESTS   5
#define BLOCK_SIZE 24
#define UUIDS      100
#define TICKS      3
#define UUID_LOCAL 0x40020056 /* RPC_NT_UUID_LOCAL_ONLY */

/* ---- Device queues -----------------------------------------------------------------------------
 */

static KDEVICE_QUEUE Queue;
static KDEVICE_QUEUE_ENTRY Requests[REQUESTS];

/* Requests with the keys 30, 10, 30, 20 are queued behind one that makes the queue busy. */
static VOID FillByKey(VOID)
{
    static const ULONG Keys[REQUESTS] = {0, 30, 10, 30, 20};
    ULONG i;

    KeInitializeDeviceQueue(&Queue);
    RtlZeroMemory(Requests, sizeof Requests);
    for (i = 0; i < REQUESTS; i++)
        KeInsertByKeyDeviceQueue(&Queue, &Requests[i], Keys[i]);
}

static VOID TestDeviceQueue(VOID)
{
    KeInitializeDeviceQueue(&Queue);
    Check("device queue: not busy, the request is not queued",
          !KeInsertDeviceQueue(&Queue, &Requests[0]) && !Requests[0].Inserted && Queue.Busy);
    Check("device queue: busy, it is", KeInsertDeviceQueue(&Queue, &Requests[1]) &&
                                           Requests[1].Inserted &&
                                           KeInsertDeviceQueue(&Queue, &Requests[2]));
    Check("device queue: removed in their order",
          KeRemoveDeviceQueue(&Queue) == &Requests[1] && !Requests[1].Inserted &&
              KeRemoveDeviceQueue(&Queue) == &Requests[2] && Queue.Busy);
    Check("device queue: none left, it is not busy",
          KeRemoveDeviceQueue(&Queue) == NULL && !Queue.Busy);
    Check("device queue: not busy, nothing is there",
          KeRemoveByKeyDeviceQueueIfBusy(&Queue, 0) == NULL);
}

static VOID TestDeviceQueueByKey(VOID)
{
    FillByKey();
    Check("device queue: in the order of the keys, equal ones in turn",
          KeRemoveDeviceQueue(&Queue) == &Requests[2] &&
              KeRemoveDeviceQueue(&Queue) == &Requests[4] &&
              KeRemoveDeviceQueue(&Queue) == &Requests[1] &&
              KeRemoveDeviceQueue(&Queue) == &Requests[3]);
    FillByKey();
    Check("device queue: by key, the first that is not below it",
          KeRemoveByKeyDeviceQueue(&Queue, 15) == &Requests[4] &&
              KeRemoveByKeyDeviceQueue(&Queue, 30) == &Requests[1]);
    Check("device queue: none is, the lowest",
          KeRemoveByKeyDeviceQueueIfBusy(&Queue, 31) == &Requests[2]);
    Check("device queue: a certain one", KeRemoveEntryDeviceQueue(&Queue, &Requests[3]));
    Check("device queue: it is not there any more",
          !KeRemoveEntryDeviceQueue(&Queue, &Requests[3]) && Queue.Busy);
    Check("device queue: by key, none left", KeRemoveByKeyDeviceQueue(&Queue, 0) == NULL);
}

/* ---- Zones -------------------------------------------------------------------------------------
 */

static VOID TestZone(VOID)
{
    static ULONGLONG First[16], Second[16]; /* 128 bytes: a header of 8, and 5 blocks */
    ULONG Count = 0;
    ZONE_HEADER Zone;
    KSPIN_LOCK Lock;
    PVOID Block;

    KeInitializeSpinLock(&Lock);
    CheckEqual("zone: blocks are multiples of 8 bytes",
               ExInitializeZone(&Zone, BLOCK_SIZE + 4, First, sizeof First),
               STATUS_INVALID_PARAMETER);
    CheckEqual("zone: there must be room for one",
               ExInitializeZone(&Zone, sizeof First, First, sizeof First),
               STATUS_INVALID_PARAMETER);
    CheckEqual("zone: made", ExInitializeZone(&Zone, BLOCK_SIZE, First, sizeof First),
               STATUS_SUCCESS);
    CheckEqual("zone: more memory, aligned",
               ExInterlockedExtendZone(&Zone, (PUCHAR)Second + 4, sizeof Second, &Lock),
               STATUS_UNSUCCESSFUL);
    CheckEqual("zone: more memory", ExInterlockedExtendZone(&Zone, Second, sizeof Second, &Lock),
               STATUS_SUCCESS);
    while ((Block = ExAllocateFromZone(&Zone)) != NULL) {
        RtlFillMemory(Block, BLOCK_SIZE, 0x5A);
        Count++;
    }
    CheckEqual("zone: all blocks are had", Count, 2 * ((sizeof First - 8) / BLOCK_SIZE));
}

/* ---- Time --------------------------------------------------------------------------------------
 */

static VOID TestTime(VOID)
{
    LARGE_INTEGER System, Local, Back;
    ULONG Increment = KeQueryTimeIncrement();

    KeQuerySystemTime(&System);
    ExSystemTimeToLocalTime(&System, &Local);
    ExLocalTimeToSystemTime(&Local, &Back);
    Check("local time: and back", Back.QuadPart == System.QuadPart);
    CheckEqual("resolution: the finest that there is", ExSetTimerResolution(10000, TRUE),
               Increment);
    CheckEqual("resolution: the default", ExSetTimerResolution(0, FALSE), Increment);
    Check("interrupt time: the machine never sleeps",
          KeQueryUnbiasedInterruptTime() - KeQueryInterruptTime() < 10000000);
}

/* This thread is charged for what it does, and for no more. */
static VOID TestRunTime(VOID)
{
    PKTHREAD Thread = KeGetCurrentThread();
    ULONG User = 99, Before = KeQueryRuntimeThread(Thread, &User), Now;
    ULONGLONG Start = KeQueryInterruptTime();

    CheckEqual("run time: a system thread has none in user mode", User, 0);
    do
        Now = KeQueryRuntimeThread(Thread, &User);
    while (Now - Before < TICKS);
    CheckRange("run time: grows with the clock",
               (LONG)((KeQueryInterruptTime() - Start) / KeQueryTimeIncrement()), TICKS - 1,
               MAXLONG);
}

static VOID TestCoalescableTimer(VOID)
{
    ULONGLONG Start;
    KTIMER Timer;

    KeInitializeTimer(&Timer);
    Start = KeQueryInterruptTime();
    Check("coalescable timer: was not set", !KeSetCoalescableTimer(&Timer, After(30), 0, 50, NULL));
    Check("coalescable timer: is set", KeSetCoalescableTimer(&Timer, After(30), 0, 50, NULL));
    Wait(&Timer);
    CheckRange("coalescable timer: not before its time", (LONG)(KeQueryInterruptTime() - Start),
               300000, MAXLONG);
}

/* ---- The system --------------------------------------------------------------------------------
 */

static VOID TestUuids(VOID)
{
    UUID Last = {0}, Uuid;
    ULONG i, New = 0, Proper = 0;

    for (i = 0; i < UUIDS; i++) {
        NTSTATUS Status = ExUuidCreate(&Uuid);
        New += RtlCompareMemory(&Uuid, &Last, sizeof Uuid) != sizeof Uuid;
        Proper += (Status == STATUS_SUCCESS || Status == UUID_LOCAL) && Uuid.Data3 >> 12 == 1 &&
                  (Uuid.Data4[0] & 0xC0) == 0x80;
        Last = Uuid;
    }
    CheckEqual("UUID: each is new", New, UUIDS);
    CheckEqual("UUID: of version 1, by the rules", Proper, UUIDS);
}

static VOID TestVersion(VOID)
{
    ULONG Major = 0, Minor = 99, Build = 0;
    UNICODE_STRING ServicePack = {.Length = 99};

    PsGetVersion(&Major, &Minor, &Build, &ServicePack);
    Check("version: 5.2, no service pack",
          Major == 5 && Minor == 2 && Build == 3790 && ServicePack.Length == 0);
    PsGetVersion(NULL, NULL, NULL, NULL);
    Check("features: of the processor",
          ExIsProcessorFeaturePresent(PF_COMPARE_EXCHANGE_DOUBLE) &&
              ExIsProcessorFeaturePresent(PF_RDTSC_INSTRUCTION_AVAILABLE));
    Check("features: no such one", !ExIsProcessorFeaturePresent(10000));
    Check("suites: none", !ExVerifySuite(DataCenter) && !ExVerifySuite(Enterprise));
}

static VOID NTAPI NoRoutine(PVOID Buffer, ULONG Length)
{
    UNREFERENCED_PARAMETER(Buffer);
    UNREFERENCED_PARAMETER(Length);
}

static VOID NTAPI NoReason(KBUGCHECK_CALLBACK_REASON Reason,
                           struct _KBUGCHECK_REASON_CALLBACK_RECORD *Record, PVOID Data,
                           ULONG Length)
{
    UNREFERENCED_PARAMETER(Reason);
    UNREFERENCED_PARAMETER(Record);
    UNREFERENCED_PARAMETER(Data);
    UNREFERENCED_PARAMETER(Length);
}

/* What is called when the machine stops is seen by test_bugchecks.py. */
static VOID TestBugCheckRecords(VOID)
{
    static KBUGCHECK_REASON_CALLBACK_RECORD ReasonRecord, *Reason = &ReasonRecord;
    static KBUGCHECK_CALLBACK_RECORD CallbackRecord, *Record = &CallbackRecord;
    PUCHAR Name = (PUCHAR) "systest";

    KeInitializeCallbackRecord(Record);
    Check("bug check callback: not registered", !KeDeregisterBugCheckCallback(Record));
    Check("bug check callback: registered once",
          KeRegisterBugCheckCallback(Record, NoRoutine, NULL, 0, Name) &&
              !KeRegisterBugCheckCallback(Record, NoRoutine, NULL, 0, Name));
    Check("bug check callback: and not any more",
          KeDeregisterBugCheckCallback(Record) && !KeDeregisterBugCheckCallback(Record));
    KeInitializeCallbackRecord(Reason);
    Check("bug check callback: with a reason, the same",
          KeRegisterBugCheckReasonCallback(Reason, NoReason, KbCallbackSecondaryDumpData, Name) &&
              KeDeregisterBugCheckReasonCallback(Reason) &&
              !KeDeregisterBugCheckReasonCallback(Reason));
}

/* ---- Threads -----------------------------------------------------------------------------------
 */

static VOID NTAPI WaitForGo(PVOID Context)
{
    Wait(Context);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestThreads(VOID)
{
    PETHREAD Self = PsGetCurrentThread(), Found = NULL, Thread;
    HANDLE Id;
    KEVENT Go;

    KeInitializeEvent(&Go, NotificationEvent, FALSE);
    Thread = (PETHREAD)StartThread(WaitForGo, &Go);
    Check("thread: its ids", PsGetThreadId(Self) == PsGetCurrentThreadId() &&
                                 PsGetThreadProcessId(Self) == PsGetCurrentProcessId());
    Check("thread: of the system, and not ending",
          PsIsSystemThread(Thread) && !PsIsThreadTerminating(Thread));
    Id = PsGetThreadId(Thread);
    CheckEqual("thread: found by its id", PsLookupThreadByThreadId(Id, &Found), STATUS_SUCCESS);
    if (Check("thread: it is that", Found == Thread))
        ObDereferenceObject(Found);
    KeSetEvent(&Go, 0, FALSE);
    Wait(Thread);
    Check("thread: has ended", PsIsThreadTerminating(Thread));
    CheckEqual("thread: then it is not found", PsLookupThreadByThreadId(Id, &Found),
               STATUS_INVALID_PARAMETER);
    ObDereferenceObject(Thread);
    CheckEqual("thread: no such id", PsLookupThreadByThreadId((HANDLE)0x12345678, &Found),
               STATUS_INVALID_PARAMETER);
}

static VOID TestLocks(VOID)
{
    KSPIN_LOCK Lock;
    BOOLEAN Free;
    KIRQL OldIrql;

    KeInitializeSpinLock(&Lock);
    Check("spin lock: free", KeTestSpinLock(&Lock));
    OldIrql = KeAcquireSpinLockRaiseToSynch(&Lock);
    Free = KeTestSpinLock(&Lock);
    KeReleaseSpinLock(&Lock, OldIrql);
    Check("spin lock: owned", !Free);
    Check("spin lock: free again, and IRQL as before",
          KeTestSpinLock(&Lock) && KeGetCurrentIrql() == PASSIVE_LEVEL);
}

/* The host bridge of QEMU's machine, which is the first function of the first bus, and the second
 * function of the second device, its IDE controller: the line in its registers can be written. */
static VOID TestPciConfiguration(VOID)
{
    PCI_SLOT_NUMBER Ide = {.u.bits = {.DeviceNumber = 1, .FunctionNumber = 1}};
    PCI_SLOT_NUMBER Missing = {.u.bits = {.DeviceNumber = 31, .FunctionNumber = 7}};
    ULONG Line = FIELD_OFFSET(PCI_COMMON_CONFIG, u.type0.InterruptLine);
    UCHAR Old = 0, New = 0x0A, Seen = 0, Bytes[5] = {0};
    PCI_COMMON_CONFIG Config;

    CheckEqual("PCI: all of a function's registers",
               HalGetBusData(PCIConfiguration, 0, 0, &Config, sizeof Config), sizeof Config);
    Check("PCI: a host bridge",
          Config.VendorID == 0x8086 && Config.BaseClass == PCI_CLASS_BRIDGE_DEV);
    CheckEqual("PCI: five from the second on",
               HalGetBusDataByOffset(PCIConfiguration, 0, 0, Bytes, 1, 5), 5);
    Check("PCI: as they were", RtlCompareMemory(Bytes, (PUCHAR)&Config + 1, 5) == 5);
    CheckEqual("PCI: not beyond the end",
               HalGetBusDataByOffset(PCIConfiguration, 0, 0, Bytes, 254, 5), 2);
    CheckEqual("PCI: no function",
               HalGetBusData(PCIConfiguration, 0, Missing.u.AsULONG, &Config, sizeof Config), 2);
    Check("PCI: is nobody's", Config.VendorID == PCI_INVALID_VENDORID);
    CheckEqual("PCI: no bus", HalGetBusData(PCIConfiguration, 256, 0, &Config, 4), 0);
    CheckEqual("PCI: not a bus", HalGetBusData(EisaConfiguration, 0, 0, &Config, 4), 0);
    HalGetBusDataByOffset(PCIConfiguration, 0, Ide.u.AsULONG, &Old, Line, 1);
    CheckEqual("PCI: a register is written",
               HalSetBusDataByOffset(PCIConfiguration, 0, Ide.u.AsULONG, &New, Line, 1), 1);
    HalGetBusDataByOffset(PCIConfiguration, 0, Ide.u.AsULONG, &Seen, Line, 1);
    CheckEqual("PCI: and read", Seen, New);
    HalSetBusDataByOffset(PCIConfiguration, 0, Ide.u.AsULONG, &Old, Line, 1);
    HalGetBusData(PCIConfiguration, 0, Ide.u.AsULONG, &Config, 4);
    CheckEqual("PCI: what cannot be written",
               HalSetBusData(PCIConfiguration, 0, Ide.u.AsULONG, &Config, 4), 4);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    TestDeviceQueue();
    TestDeviceQueueByKey();
    TestZone();
    TestTime();
    TestRunTime();
    TestCoalescableTimer();
    TestUuids();
    TestVersion();
    TestBugCheckRecords();
    TestThreads();
    TestLocks();
    TestPciConfiguration();
    return FinishTests("systest");
}
