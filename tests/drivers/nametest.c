/*
 * nametest.sys: exports that a driver of an older compiler imports though today's headers make
 * macros or inline functions of them, and what no other test driver happens to call. They are
 * found by name, as such a driver finds them.
 *
 * Source: WDK, the pages of the routines; the older DDK's prototypes.
 */
#include <ntifs.h>
#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

static KSPIN_LOCK Lock;

static PVOID RoutineNamed(PCWSTR Name)
{
    UNICODE_STRING String;
    PVOID Routine;

    RtlInitUnicodeString(&String, Name);
    Routine = MmGetSystemRoutineAddress(&String);
    if (Routine == NULL)
        KeBugCheckEx(MANUALLY_INITIATED_CRASH, (ULONG_PTR)Name, 0, 0, 0);
    return Routine;
}

/* CALL(convention, result, name, parameters' types)(arguments) */
#define CALL(Convention, Result, Name, ...)                                                        \
    ((Result(Convention *)(__VA_ARGS__))RoutineNamed(L"" #Name))

static VOID TestResources(VOID)
{
    static ERESOURCE Resource;

    ExInitializeResourceLite(&Resource);
    CALL(NTAPI, VOID, ExDisableResourceBoostLite, PERESOURCE)(&Resource);
    CALL(NTAPI, PVOID, ExEnterCriticalRegionAndAcquireResourceExclusive, PERESOURCE)(&Resource);
    Check("a resource is acquired in a critical region",
          ExIsResourceAcquiredExclusiveLite(&Resource) && KeAreApcsDisabled());
    CALL(FASTCALL, VOID, ExReleaseResourceAndLeaveCriticalRegion, PERESOURCE)(&Resource);
    Check("... and left", !ExIsResourceAcquiredLite(&Resource) && !KeAreApcsDisabled());
    CALL(NTAPI, PVOID, ExEnterCriticalRegionAndAcquireResourceShared, PERESOURCE)(&Resource);
    CALL(NTAPI, PVOID, ExEnterCriticalRegionAndAcquireSharedWaitForExclusive, PERESOURCE)
    (&Resource);
    CheckEqual("shared, twice", ExIsResourceAcquiredSharedLite(&Resource), 2);
    CALL(FASTCALL, VOID, ExReleaseResourceAndLeaveCriticalRegion, PERESOURCE)(&Resource);
    CALL(NTAPI, VOID, ExSetResourceOwnerPointerEx, PERESOURCE, PVOID, ULONG)
    (&Resource, KeGetCurrentThread(), FLAG_OWNER_POINTER_IS_THREAD);
    ExReleaseResourceForThreadLite(&Resource, (ERESOURCE_THREAD)KeGetCurrentThread());
    KeLeaveCriticalRegion();
    Check("an owner that is a thread is released as one", !ExIsResourceAcquiredLite(&Resource));
    ExDeleteResourceLite(&Resource);
}

static VOID TestRundown(VOID)
{
    PEX_RUNDOWN_REF_CACHE_AWARE Rundown =
        ExAllocateCacheAwareRundownProtection(NonPagedPool, 'tseT');

    Check("rundown protection is acquired three times",
          CALL(FASTCALL, BOOLEAN, ExAcquireRundownProtectionCacheAwareEx,
               PEX_RUNDOWN_REF_CACHE_AWARE, ULONG)(Rundown, 3));
    CALL(FASTCALL, VOID, ExReleaseRundownProtectionCacheAwareEx, PEX_RUNDOWN_REF_CACHE_AWARE, ULONG)
    (Rundown, 3);
    ExWaitForRundownProtectionReleaseCacheAware(Rundown);
    Check("... and not after the end",
          !CALL(FASTCALL, BOOLEAN, ExAcquireRundownProtectionCacheAwareEx,
                PEX_RUNDOWN_REF_CACHE_AWARE, ULONG)(Rundown, 1));
    ExFreeCacheAwareRundownProtection(Rundown);
}

static VOID TestLocks(VOID)
{
    ULONG_PTR PushLock = 1;
    FAST_MUTEX Mutex;
    KIRQL OldIrql;
    BOOLEAN Taken;

    CALL(NTAPI, VOID, ExInitializePushLock, PULONG_PTR)(&PushLock);
    CheckEqual("a push lock begins free", PushLock, 0);
    KeEnterCriticalRegion();
    CALL(FASTCALL, VOID, ExfAcquirePushLockExclusive, PULONG_PTR)(&PushLock);
    Check("... is taken", PushLock != 0);
    CALL(FASTCALL, VOID, ExfReleasePushLock, PULONG_PTR)(&PushLock);
    CheckEqual("... and is free again", PushLock, 0);
    ExInitializeFastMutex(&Mutex);
    ExAcquireFastMutexUnsafe(&Mutex);
    CALL(FASTCALL, VOID, ExReleaseFastMutexUnsafe, PFAST_MUTEX)(&Mutex);
    KeLeaveCriticalRegion();
    Check("a fast mutex is released", ExTryToAcquireFastMutex(&Mutex));
    ExReleaseFastMutex(&Mutex);
    CALL(NTAPI, VOID, IoAcquireCancelSpinLock, PKIRQL)(&OldIrql);
    CheckEqual("the cancel lock raises IRQL", KeGetCurrentIrql(), DISPATCH_LEVEL);
    IoReleaseCancelSpinLock(OldIrql);
    OldIrql = CALL(NTAPI, KIRQL, KeRaiseIrqlToDpcLevel, VOID)();
    Taken = CALL(FASTCALL, BOOLEAN, KeTryToAcquireSpinLockAtDpcLevel, PKSPIN_LOCK)(&Lock);
    KeReleaseSpinLockFromDpcLevel(&Lock);
    CALL(FASTCALL, VOID, KiAcquireSpinLock, PKSPIN_LOCK)(&Lock);
    CALL(FASTCALL, VOID, KiReleaseSpinLock, PKSPIN_LOCK)(&Lock);
    KeLowerIrql(OldIrql);
    Check("a spin lock that is free is acquired", Taken && OldIrql == PASSIVE_LEVEL);
}

static VOID TestSynchLevel(VOID)
{
    KIRQL OldIrql = CALL(NTAPI, KIRQL, KeRaiseIrqlToSynchLevel, VOID)();
    KIRQL Irql = KeGetCurrentIrql(), QueuedIrql;
    KLOCK_QUEUE_HANDLE Handle;
    BOOLEAN Taken;

    KeLowerIrql(OldIrql);
    Check("the synchronization level is not below DISPATCH_LEVEL", Irql >= DISPATCH_LEVEL);
    CALL(FASTCALL, VOID, KeAcquireInStackQueuedSpinLockRaiseToSynch, PKSPIN_LOCK,
         PKLOCK_QUEUE_HANDLE)
    (&Lock, &Handle);
    QueuedIrql = KeGetCurrentIrql();
    KeReleaseInStackQueuedSpinLock(&Handle);
    CheckEqual("a queued lock raises IRQL to it", QueuedIrql, Irql);
    OldIrql = CALL(FASTCALL, KIRQL, KeAcquireQueuedSpinLockRaiseToSynch,
                   KSPIN_LOCK_QUEUE_NUMBER)(LockQueueUnusedSpare1);
    QueuedIrql = KeGetCurrentIrql();
    KeReleaseQueuedSpinLock(LockQueueUnusedSpare1, OldIrql);
    CheckEqual("so does one with a number", QueuedIrql, Irql);
    Taken = CALL(FASTCALL, LOGICAL, KeTryToAcquireQueuedSpinLockRaiseToSynch,
                 KSPIN_LOCK_QUEUE_NUMBER, PKIRQL)(LockQueueUnusedSpare1, &OldIrql) != 0;
    KeReleaseQueuedSpinLock(LockQueueUnusedSpare1, OldIrql);
    Check("... that is free", Taken);
}

static VOID TestInterlocked(VOID)
{
    LIST_ENTRY Head, Entries[2];
    SLIST_HEADER List;
    SLIST_ENTRY Single;
    LONG Value = 5;
    ULONG Unsigned = 1;

    InitializeListHead(&Head);
    CALL(NTAPI, PLIST_ENTRY, ExInterlockedInsertTailList, PLIST_ENTRY, PLIST_ENTRY, PKSPIN_LOCK)
    (&Head, &Entries[0], &Lock);
    CALL(NTAPI, PLIST_ENTRY, ExInterlockedInsertTailList, PLIST_ENTRY, PLIST_ENTRY, PKSPIN_LOCK)
    (&Head, &Entries[1], &Lock);
    Check("a list's tail is behind its head",
          Head.Flink == &Entries[0] && Head.Blink == &Entries[1]);
    InitializeSListHead(&List);
    CALL(FASTCALL, PSLIST_ENTRY, ExInterlockedPushEntrySList, PSLIST_HEADER, PSLIST_ENTRY,
         PKSPIN_LOCK)
    (&List, &Single, &Lock);
    Check("what is pushed is popped", CALL(FASTCALL, PSLIST_ENTRY, ExInterlockedPopEntrySList,
                                           PSLIST_HEADER, PKSPIN_LOCK)(&List, &Lock) == &Single);
    CheckEqual("a sum's sign: positive",
               CALL(NTAPI, LONG, Exi386InterlockedIncrementLong, PLONG)(&Value), ResultPositive);
    CALL(NTAPI, LONG, Exi386InterlockedDecrementLong, PLONG)(&Value);
    CheckEqual("an exchange gives the old value",
               CALL(NTAPI, ULONG, Exi386InterlockedExchangeUlong, PULONG, ULONG)(&Unsigned, 2), 1);
    CheckEqual("... as does the newer one",
               CALL(FASTCALL, LONG, InterlockedExchange, PLONG, LONG)(&Value, 6), 5);
    CheckEqual("... and the one with a condition",
               CALL(FASTCALL, LONG, InterlockedCompareExchange, PLONG, LONG, LONG)(&Value, 7, 6),
               6);
    CheckEqual("... which is met", Value, 7);
}

static VOID TestZone(VOID)
{
    static DECLSPEC_ALIGN(8) UCHAR Segments[2][256];
    ZONE_HEADER Zone;
    ULONG Before;

    ExInitializeZone(&Zone, 32, Segments[0], sizeof Segments[0]);
    Before = Zone.TotalSegmentSize;
    CheckEqual("a zone is extended",
               CALL(NTAPI, NTSTATUS, ExExtendZone, PZONE_HEADER, PVOID, ULONG)(&Zone, Segments[1],
                                                                               sizeof Segments[1]),
               STATUS_SUCCESS);
    Check("... and larger", Zone.TotalSegmentSize > Before);
    CheckEqual("a segment begins at a multiple of 8",
               CALL(NTAPI, NTSTATUS, ExExtendZone, PZONE_HEADER, PVOID,
                    ULONG)(&Zone, Segments[1] + 4, 128),
               STATUS_UNSUCCESSFUL);
}

static VOID TestLargeIntegers(VOID)
{
    typedef LARGE_INTEGER L;
    L Minus = {.QuadPart = -100}, Seven = {.QuadPart = 7};
    ULONG Rest = 0;

    Check("numbers are widened",
          CALL(NTAPI, L, RtlConvertUlongToLargeInteger, ULONG)(MAXULONG).QuadPart == MAXULONG &&
              CALL(NTAPI, L, RtlEnlargedIntegerMultiply, LONG, LONG)(-3, 1 << 30).QuadPart ==
                  -3LL * (1 << 30) &&
              CALL(NTAPI, L, RtlEnlargedUnsignedMultiply, ULONG, ULONG)(3, 1u << 31).QuadPart ==
                  3LL << 31);
    CheckEqual("divided",
               CALL(NTAPI, ULONG, RtlEnlargedUnsignedDivide, ULARGE_INTEGER, ULONG,
                    PULONG)((ULARGE_INTEGER){.QuadPart = 100}, 7, &Rest),
               14);
    CheckEqual("... with a rest", Rest, 2);
    Check("shifted",
          CALL(NTAPI, L, RtlLargeIntegerArithmeticShift, L, CCHAR)(Minus, 2).QuadPart == -25 &&
              CALL(NTAPI, L, RtlLargeIntegerShiftRight, L, CCHAR)(Minus, 60).QuadPart == 15);
    Check("negated and subtracted",
          CALL(NTAPI, L, RtlLargeIntegerNegate, L)(Minus).QuadPart == 100 &&
              CALL(NTAPI, L, RtlLargeIntegerSubtract, L, L)(Minus, Seven).QuadPart == -107);
}

static VOID TestStrings(VOID)
{
    UNICODE_STRING Wide = RTL_CONSTANT_STRING(L"four");
    CHAR Text[] = "abcdef";
    ANSI_STRING Narrow;

    CALL(NTAPI, VOID, RtlInitString, PANSI_STRING, PCSTR)(&Narrow, "four");
    CheckEqual("a string has its length", Narrow.Length, 4);
    CheckEqual("ANSI as Unicode takes ten bytes",
               CALL(NTAPI, ULONG, RtlAnsiStringToUnicodeSize, PANSI_STRING)(&Narrow), 10);
    CheckEqual("... as does OEM",
               CALL(NTAPI, ULONG, RtlOemStringToUnicodeSize, PANSI_STRING)(&Narrow), 10);
    CheckEqual("and the other way five",
               CALL(NTAPI, ULONG, RtlUnicodeStringToAnsiSize, PUNICODE_STRING)(&Wide), 5);
    CheckEqual("... and five",
               CALL(NTAPI, ULONG, RtlUnicodeStringToOemSize, PUNICODE_STRING)(&Wide), 5);
    CALL(NTAPI, VOID, RtlMoveMemory, PVOID, const VOID *, SIZE_T)(Text + 2, Text, 4);
    Check("memory is moved, though it overlaps", RtlCompareMemory(Text, "ababcd", 6) == 6);
    Check("code pages have numbers", *(PUSHORT)RoutineNamed(L"NlsAnsiCodePage") != 0 &&
                                         *(PUSHORT)RoutineNamed(L"NlsOemCodePage") != 0);
    CheckEqual("no byte leads another", **(PUSHORT *)RoutineNamed(L"NlsLeadByteInfo"), 0);
}

static VOID __cdecl PrintList(PCSTR Format, ...)
{
    va_list Arguments;

    va_start(Arguments, Format);
    CheckEqual("a list of arguments is printed",
               CALL(NTAPI, ULONG, vDbgPrintExWithPrefix, PCSTR, ULONG, ULONG, PCSTR, va_list)(
                   "nametest: ", DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, Format, Arguments),
               STATUS_SUCCESS);
    va_end(Arguments);
}

/* Registers of no device: plain memory does as well. */
static VOID TestRegisters(VOID)
{
    UCHAR Byte = 0;
    USHORT Word = 0;

    CALL(NTAPI, VOID, WRITE_REGISTER_UCHAR, PUCHAR, UCHAR)(&Byte, 0x5A);
    CheckEqual("a byte is written to a register, and read",
               CALL(NTAPI, UCHAR, READ_REGISTER_UCHAR, PUCHAR)(&Byte), 0x5A);
    CALL(NTAPI, VOID, WRITE_REGISTER_USHORT, PUSHORT, USHORT)(&Word, 0x1234);
    CheckEqual("so is a word", CALL(NTAPI, USHORT, READ_REGISTER_USHORT, PUSHORT)(&Word), 0x1234);
    CALL(NTAPI, VOID, KeFlushWriteBuffer, VOID)();
}

/* The first serial port has a scratch register, and PCI's address register is 32 bits wide. */
static VOID TestPorts(VOID)
{
    PUCHAR Scratch = (PUCHAR)0x3FF;
    PULONG Address = (PULONG)0xCF8;
    UCHAR Bytes[2] = {0x11, 0x22}, Back[2] = {0, 0};
    ULONG Old = READ_PORT_ULONG(Address), Wanted = 0x80000000, Found = 0;

    CALL(NTAPI, VOID, WRITE_PORT_BUFFER_UCHAR, PUCHAR, PUCHAR, ULONG)(Scratch, Bytes, 2);
    CALL(NTAPI, VOID, READ_PORT_BUFFER_UCHAR, PUCHAR, PUCHAR, ULONG)(Scratch, Back, 2);
    Check("bytes go to a port one by one", Back[0] == 0x22 && Back[1] == 0x22);
    CALL(NTAPI, VOID, WRITE_PORT_BUFFER_ULONG, PULONG, PULONG, ULONG)(Address, &Wanted, 1);
    CALL(NTAPI, VOID, READ_PORT_BUFFER_ULONG, PULONG, PULONG, ULONG)(Address, &Found, 1);
    CheckEqual("so do longer ones", Found, Wanted);
    Check("the first PCI device has a maker",
          CALL(NTAPI, USHORT, READ_PORT_USHORT, PUSHORT)((PUSHORT)0xCFC) != 0xFFFF);
    CALL(NTAPI, VOID, WRITE_PORT_USHORT, PUSHORT, USHORT)((PUSHORT)0xCFC, 0xFFFF);
    WRITE_PORT_ULONG(Address, Old);
}

static VOID TestOthers(VOID)
{
    static UCHAR Packet[sizeof(IRP) + 2 * sizeof(IO_STACK_LOCATION)];
    PIRP Irp = (PIRP)Packet;
    LARGE_INTEGER Zero = {.QuadPart = 0};
    KMUTEX Mutex;
    HANDLE Event;
    PVOID Object;

    CALL(NTAPI, VOID, IoInitializeIrp, PIRP, USHORT, CCHAR)(Irp, sizeof Packet, 2);
    Check("a packet of one's own memory is one", Irp->Type == IO_TYPE_IRP && Irp->StackCount == 2);
    KeInitializeMutex(&Mutex, 0);
    CheckEqual("a mutex is waited for",
               CALL(NTAPI, NTSTATUS, KeWaitForMutexObject, PVOID, KWAIT_REASON, KPROCESSOR_MODE,
                    BOOLEAN, PLARGE_INTEGER)(&Mutex, Executive, KernelMode, FALSE, &Zero),
               STATUS_SUCCESS);
    KeReleaseMutex(&Mutex, FALSE);
    ZwCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    CheckEqual("an event is no semaphore",
               ObReferenceObjectByHandle(Event, 0,
                                         **(POBJECT_TYPE **)RoutineNamed(L"ExSemaphoreObjectType"),
                                         KernelMode, &Object, NULL),
               STATUS_OBJECT_TYPE_MISMATCH);
    CheckEqual("... and no section",
               CALL(NTAPI, NTSTATUS, ZwQuerySection, HANDLE, ULONG, PVOID, SIZE_T,
                    PSIZE_T)(Event, 0, Packet, 16, NULL),
               STATUS_OBJECT_TYPE_MISMATCH);
    CheckEqual("... and no process", ZwTerminateProcess(Event, STATUS_SUCCESS),
               STATUS_OBJECT_TYPE_MISMATCH);
    ZwClose(Event);
    CheckEqual("user mode's addresses end below the no-access area",
               *(PULONG_PTR)RoutineNamed(L"MmUserProbeAddress"), 0x7FFF0000);
    CheckEqual("no bug check is under way", *(PULONG)RoutineNamed(L"KiBugCheckData"), 0);
    CheckEqual(
        "something is printed",
        DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "nametest: by %s\n", "DbgPrintEx"),
        STATUS_SUCCESS);
    Object = CALL(NTAPI, PVOID, PsGetCurrentProcess, VOID)();
    Check("the current process has two names", Object == IoGetCurrentProcess());
    ObReferenceObject(Object);
    CALL(NTAPI, VOID, ObDereferenceObject, PVOID)(Object);
    CALL(NTAPI, VOID, PsDereferenceImpersonationToken, PACCESS_TOKEN)(NULL);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    KeInitializeSpinLock(&Lock);
    TestResources();
    TestRundown();
    TestLocks();
    TestSynchLevel();
    TestInterlocked();
    TestZone();
    TestLargeIntegers();
    TestStrings();
    TestRegisters();
    TestPorts();
    TestOthers();
    PrintList("by a list: %d %s\n", 1, "two");
    return FinishTests("nametest");
}
