/*
 * rest.sys: what is not large enough for a test of its own: one-time initialization, hash tables,
 * compression, resource descriptors, filters of debug output, small services (WDK, the pages of the
 * routines).
 */
#include <ntifs.h>
#include <ntddk.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

/* Not in the headers, or there without NTAPI, which the export has. */
typedef ULONG(NTAPI *REMOVE_QUEUE_EX)(PKQUEUE Queue, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                      PLARGE_INTEGER Timeout, PLIST_ENTRY *EntryArray, ULONG Count);

/* ---- One-time initialization -------------------------------------------------------------------
 */

static RTL_RUN_ONCE Once;
static ULONG OnceRuns;

static ULONG NTAPI RunOnce(PRTL_RUN_ONCE RunOnce, PVOID Parameter, PVOID *Context)
{
    UNREFERENCED_PARAMETER(RunOnce);
    OnceRuns++;
    *Context = (PVOID)0x1000;
    return Parameter != NULL;
}

static VOID TestRunOnce(VOID)
{
    PVOID Context = NULL;

    RtlRunOnceInitialize(&Once);
    CheckEqual("not done yet", RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_CHECK_ONLY, &Context),
               STATUS_UNSUCCESSFUL);
    CheckEqual("the routine fails", RtlRunOnceExecuteOnce(&Once, RunOnce, NULL, &Context),
               STATUS_UNSUCCESSFUL);
    CheckEqual("it is called again", RtlRunOnceExecuteOnce(&Once, RunOnce, &Once, &Context),
               STATUS_SUCCESS);
    Check("and gives a context", Context == (PVOID)0x1000 && OnceRuns == 2);
    Context = NULL;
    CheckEqual("then no more", RtlRunOnceExecuteOnce(&Once, RunOnce, &Once, &Context),
               STATUS_SUCCESS);
    Check("but the context is there", Context == (PVOID)0x1000 && OnceRuns == 2);
    CheckEqual("it cannot be completed twice", RtlRunOnceComplete(&Once, 0, NULL),
               STATUS_UNSUCCESSFUL);
    RtlRunOnceInitialize(&Once);
    CheckEqual("several may try at once",
               RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_ASYNC, NULL), STATUS_PENDING);
    CheckEqual("the second, too", RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_ASYNC, NULL),
               STATUS_PENDING);
    CheckEqual("but not one alone", RtlRunOnceBeginInitialize(&Once, 0, NULL),
               STATUS_INVALID_OWNER);
    CheckEqual("who completes is of the same kind", RtlRunOnceComplete(&Once, 0, NULL),
               STATUS_INVALID_OWNER);
    CheckEqual("a context's low bits are zero",
               RtlRunOnceComplete(&Once, RTL_RUN_ONCE_ASYNC, (PVOID)1), STATUS_INVALID_PARAMETER_3);
    CheckEqual("the first wins", RtlRunOnceComplete(&Once, RTL_RUN_ONCE_ASYNC, &Once),
               STATUS_SUCCESS);
    CheckEqual("the second loses", RtlRunOnceComplete(&Once, RTL_RUN_ONCE_ASYNC, NULL),
               STATUS_UNSUCCESSFUL);
    CheckEqual("flags that there are not", RtlRunOnceBeginInitialize(&Once, 8, NULL),
               STATUS_INVALID_PARAMETER_2);
}

static VOID NTAPI WaitForOnce(PVOID Context)
{
    PVOID Found = NULL;

    *(NTSTATUS *)Context = RtlRunOnceBeginInitialize(&Once, 0, &Found);
    if (Found != (PVOID)0x2000)
        *(NTSTATUS *)Context = STATUS_UNSUCCESSFUL;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* Whether they wait already when it is completed or come later, they get the context. */
static VOID TestRunOnceWaiters(VOID)
{
    NTSTATUS Status[3];
    PKTHREAD Threads[3];
    ULONG i;

    RtlRunOnceInitialize(&Once);
    RtlRunOnceBeginInitialize(&Once, 0, NULL);
    for (i = 0; i < 3; i++) {
        Status[i] = STATUS_PENDING;
        Threads[i] = StartThread(WaitForOnce, &Status[i]);
    }
    Delay(20);
    Check("the others wait", Status[0] == STATUS_PENDING && Status[1] == STATUS_PENDING &&
                                 Status[2] == STATUS_PENDING);
    RtlRunOnceComplete(&Once, 0, (PVOID)0x2000);
    for (i = 0; i < 3; i++)
        JoinThread(Threads[i]);
    Check("and get the context", Status[0] == STATUS_SUCCESS && Status[1] == STATUS_SUCCESS &&
                                     Status[2] == STATUS_SUCCESS);
}

/* ---- Hash tables -------------------------------------------------------------------------------
 */

#define ENTRIES 1000

typedef struct _HASHED {
    RTL_DYNAMIC_HASH_TABLE_ENTRY Entry;
    ULONG Number;
} HASHED;

/* Signature 0 is reserved, so entries that have it are found with those that have 1. */
static BOOLEAN FindsFour(PRTL_DYNAMIC_HASH_TABLE Table)
{
    RTL_DYNAMIC_HASH_TABLE_CONTEXT Context;
    ULONG Count = 0;

    RtlInitHashTableContext(&Context);
    if (RtlLookupEntryHashTable(Table, 0, &Context)) {
        do
            Count++;
        while (RtlGetNextEntryHashTable(Table, &Context));
    }
    return Count == 4;
}

/* Signatures 0 to 499, each twice. */
static BOOLEAN FindsAll(PRTL_DYNAMIC_HASH_TABLE Table)
{
    ULONG Signature;

    for (Signature = 2; Signature < ENTRIES / 2; Signature++) {
        RTL_DYNAMIC_HASH_TABLE_CONTEXT Context;
        PRTL_DYNAMIC_HASH_TABLE_ENTRY First, Second;
        ULONG Sum;
        RtlInitHashTableContext(&Context);
        First = RtlLookupEntryHashTable(Table, Signature, &Context);
        Second = First ? RtlGetNextEntryHashTable(Table, &Context) : NULL;
        if (Second == NULL)
            return FALSE;
        Sum = ((HASHED *)First)->Number + ((HASHED *)Second)->Number;
        if (Sum != 2 * Signature + ENTRIES / 2 || First == Second ||
            RtlGetNextEntryHashTable(Table, &Context))
            return FALSE;
    }
    return RtlLookupEntryHashTable(Table, ENTRIES, NULL) == NULL && FindsFour(Table);
}

static ULONG CountAll(PRTL_DYNAMIC_HASH_TABLE Table)
{
    RTL_DYNAMIC_HASH_TABLE_ENUMERATOR Enumerator;
    ULONG Count = 0;

    RtlInitEnumerationHashTable(Table, &Enumerator);
    while (RtlEnumerateEntryHashTable(Table, &Enumerator))
        Count++;
    RtlEndEnumerationHashTable(Table, &Enumerator);
    return Count;
}

static VOID TestHashTable(VOID)
{
    PRTL_DYNAMIC_HASH_TABLE Table = NULL;
    RTL_DYNAMIC_HASH_TABLE_ENUMERATOR Enumerator;
    HASHED *Hashed = ExAllocatePoolWithTag(PagedPool, ENTRIES * sizeof *Hashed, 'hseT');
    BOOLEAN Grown = TRUE;
    ULONG i;

    Check("flags that there are not", !RtlCreateHashTable(&Table, 0, 1) && Table == NULL);
    Check("a table", RtlCreateHashTable(&Table, 0, 0) && Table->TableSize == 128);
    for (i = 0; i < ENTRIES; i++) {
        Hashed[i].Number = i;
        RtlInsertEntryHashTable(Table, &Hashed[i].Entry, i % (ENTRIES / 2), NULL);
    }
    Check("finds what it has got", Table->NumEntries == ENTRIES && FindsAll(Table));
    Check("and enumerates it", CountAll(Table) == ENTRIES);
    for (i = 0; i < 900; i++)
        Grown = Grown && RtlExpandHashTable(Table);
    Check("it grows",
          Grown && Table->TableSize == 1028 && FindsAll(Table) && CountAll(Table) == ENTRIES);
    RtlInitWeakEnumerationHashTable(Table, &Enumerator);
    Check("not while somebody enumerates", RtlWeaklyEnumerateEntryHashTable(Table, &Enumerator) &&
                                               !RtlExpandHashTable(Table) &&
                                               !RtlContractHashTable(Table));
    RtlEndWeakEnumerationHashTable(Table, &Enumerator);
    while (RtlContractHashTable(Table))
        ;
    Check("it shrinks", Table->TableSize == 128 && FindsAll(Table));
    for (i = 0; i < ENTRIES; i++)
        RtlRemoveEntryHashTable(Table, &Hashed[i].Entry, NULL);
    Check("it is empty in the end",
          Table->NumEntries == 0 && Table->NonEmptyBuckets == 0 && CountAll(Table) == 0);
    RtlDeleteHashTable(Table);
    ExFreePoolWithTag(Hashed, 'hseT');
}

/* ---- Compression -------------------------------------------------------------------------------
 */

#define PLAIN_BYTES 10000

static VOID TestCompression(VOID)
{
    PUCHAR Plain = ExAllocatePoolWithTag(PagedPool, 3 * PLAIN_BYTES + 4096, 'zseT');
    PUCHAR Packed = Plain + PLAIN_BYTES, Again = Packed + PLAIN_BYTES + 1024;
    ULONG Work, Fragment, Bytes = 0, Back = 0, i;
    PVOID WorkSpace;

    for (i = 0; i < PLAIN_BYTES; i++)
        Plain[i] = (UCHAR)(i / 7 * (i % 5));
    CheckEqual("no format has no work space",
               RtlGetCompressionWorkSpaceSize(COMPRESSION_FORMAT_NONE, &Work, &Fragment),
               STATUS_INVALID_PARAMETER);
    CheckEqual("another format is not there", RtlGetCompressionWorkSpaceSize(9, &Work, &Fragment),
               STATUS_UNSUPPORTED_COMPRESSION);
    RtlGetCompressionWorkSpaceSize(COMPRESSION_FORMAT_LZNT1, &Work, &Fragment);
    WorkSpace = ExAllocatePoolWithTag(PagedPool, max(Work, Fragment), 'zseT');
    CheckEqual("data is compressed",
               RtlCompressBuffer(COMPRESSION_FORMAT_LZNT1, Plain, PLAIN_BYTES, Packed, PLAIN_BYTES,
                                 4096, &Bytes, WorkSpace),
               STATUS_SUCCESS);
    Check("and smaller then", Bytes && Bytes < PLAIN_BYTES);
    CheckEqual(
        "and decompressed",
        RtlDecompressBuffer(COMPRESSION_FORMAT_LZNT1, Again, PLAIN_BYTES, Packed, Bytes, &Back),
        STATUS_SUCCESS);
    Check("it is the same", Back == PLAIN_BYTES && RtlEqualMemory(Plain, Again, PLAIN_BYTES));
    CheckEqual("a part of it, too",
               RtlDecompressFragment(COMPRESSION_FORMAT_LZNT1, Again, 100, Packed, Bytes, 4090,
                                     &Back, WorkSpace),
               STATUS_SUCCESS);
    Check("is the same", Back == 100 && RtlEqualMemory(Plain + 4090, Again, 100));
    CheckEqual("there may be no room",
               RtlCompressBuffer(COMPRESSION_FORMAT_LZNT1, Plain, PLAIN_BYTES, Packed, 100, 4096,
                                 &Bytes, WorkSpace),
               STATUS_BUFFER_TOO_SMALL);
    RtlZeroMemory(Plain, PLAIN_BYTES);
    CheckEqual("zeroes are told",
               RtlCompressBuffer(COMPRESSION_FORMAT_LZNT1, Plain, PLAIN_BYTES, Packed, PLAIN_BYTES,
                                 4096, &Bytes, WorkSpace),
               STATUS_BUFFER_ALL_ZEROS);
    Packed[0] = Packed[1] = 0xFF;
    CheckEqual("nonsense is found out",
               RtlDecompressBuffer(COMPRESSION_FORMAT_LZNT1, Again, PLAIN_BYTES, Packed, 50, &Back),
               STATUS_BAD_COMPRESSION_BUFFER);
    ExFreePoolWithTag(WorkSpace, 'zseT');
    ExFreePoolWithTag(Plain, 'zseT');
}

/* ---- Resource descriptors ----------------------------------------------------------------------
 */

static VOID TestDescriptors(VOID)
{
    CM_PARTIAL_RESOURCE_DESCRIPTOR Partial = {0};
    IO_RESOURCE_DESCRIPTOR Wanted = {0};
    ULONGLONG Start, Alignment, Least, Most, Length;

    CheckEqual("a small range",
               RtlCmEncodeMemIoResource(&Partial, CmResourceTypeMemory, 0x1000, 0xE0000000),
               STATUS_SUCCESS);
    Check("is plain memory",
          Partial.Type == CmResourceTypeMemory && Partial.u.Memory.Length == 0x1000 &&
              RtlCmDecodeMemIoResource(&Partial, &Start) == 0x1000 && Start == 0xE0000000);
    CheckEqual("a large one",
               RtlCmEncodeMemIoResource(&Partial, CmResourceTypeMemory, 0x200000000ull, 0),
               STATUS_SUCCESS);
    Check("is counted in larger units",
          Partial.Type == CmResourceTypeMemoryLarge &&
              (Partial.Flags & CM_RESOURCE_MEMORY_LARGE_40) &&
              RtlCmDecodeMemIoResource(&Partial, NULL) == 0x200000000ull);
    CheckEqual("if they divide it",
               RtlCmEncodeMemIoResource(&Partial, CmResourceTypeMemory, 0x200000001ull, 0),
               STATUS_NOT_SUPPORTED);
    Check("else there is a next one",
          RtlFindClosestEncodableLength(0x200000001ull, &Length) == STATUS_SUCCESS &&
              Length == 0x200000100ull);
    CheckEqual("an interrupt is no range",
               RtlCmEncodeMemIoResource(&Partial, CmResourceTypeInterrupt, 1, 0),
               STATUS_INVALID_PARAMETER);
    CheckEqual("what is wanted",
               RtlIoEncodeMemIoResource(&Wanted, CmResourceTypeMemory, 0x1000, 0x1000, 0x10000,
                                        0xFFFFFFFF),
               STATUS_SUCCESS);
    Check("is kept", RtlIoDecodeMemIoResource(&Wanted, &Alignment, &Least, &Most) == 0x1000 &&
                         Alignment == 0x1000 && Least == 0x10000 && Most == 0xFFFFFFFF);
}

/* ---- Debug output ------------------------------------------------------------------------------
 */

static ULONG Heard, HeardLength, HeardLevel;

static VOID Listen(PSTRING Output, ULONG ComponentId, ULONG Level)
{
    if (ComponentId == DPFLTR_IHVDRIVER_ID) {
        Heard++;
        HeardLength = Output->Length;
        HeardLevel = Level;
    }
}

static VOID TestDebugOutput(VOID)
{
    CheckEqual("errors are shown at first",
               DbgQueryDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL), TRUE);
    CheckEqual("nothing else is", DbgQueryDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL),
               FALSE);
    CheckEqual("no such component", DbgQueryDebugFilterState(0x10000, 0),
               STATUS_INVALID_PARAMETER_1);
    CheckEqual("nor can it be set", DbgSetDebugFilterState(0x10000, 0, TRUE),
               STATUS_INVALID_PARAMETER_1);
    CheckEqual("one listens", DbgSetDebugPrintCallback(Listen, TRUE), STATUS_SUCCESS);
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, "not shown\n");
    Check("what is not shown is not heard", Heard == 0);
    DbgSetDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, TRUE);
    CheckEqual("a level is let through",
               DbgQueryDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL), TRUE);
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, "shown %d\n", 1);
    Check("and heard", Heard == 1 && HeardLength == 8 && HeardLevel == DPFLTR_INFO_LEVEL);
    CheckEqual("no more", DbgSetDebugPrintCallback(Listen, FALSE), STATUS_SUCCESS);
    CheckEqual("once", DbgSetDebugPrintCallback(Listen, FALSE), STATUS_INVALID_PARAMETER);
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, "shown, and not heard\n");
    Check("it hears nothing", Heard == 1);
    DbgSetDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, FALSE);
    CheckEqual("nobody presses Ctrl-C", DbgPrintReturnControlC("a line\n"), FALSE);
}

/* ---- The kernel --------------------------------------------------------------------------------
 */

static VOID NTAPI NoteCall(PVOID Parameter)
{
    *(PULONG)Parameter = (ULONG)IoGetRemainingStackSize();
}

static VOID TestStack(VOID)
{
    ULONG Left = 0;

    CheckEqual("a routine with its stack", KeExpandKernelStackAndCallout(NoteCall, &Left, 2048),
               STATUS_SUCCESS);
    Check("has it", Left > 2048 - 256);
    CheckEqual("nobody has so much",
               KeExpandKernelStackAndCallout(NoteCall, &Left, MAXIMUM_EXPANSION_SIZE + 1),
               STATUS_INVALID_PARAMETER_3);
    Check("a stack may be paged out at first", KeSetKernelStackSwapEnable(FALSE));
    Check("then not", !KeSetKernelStackSwapEnable(TRUE));
    Check("then again", KeSetKernelStackSwapEnable(TRUE));
}

static VOID TestQueue(VOID)
{
    REMOVE_QUEUE_EX Remove;
    UNICODE_STRING Name;
    LIST_ENTRY Entries[3];
    PLIST_ENTRY Taken[8];
    LARGE_INTEGER Zero = {.QuadPart = 0};
    KQUEUE Queue;
    ULONG i;

    RtlInitUnicodeString(&Name, L"KeRemoveQueueEx");
    Remove = (REMOVE_QUEUE_EX)(ULONG_PTR)MmGetSystemRoutineAddress(&Name);
    KeInitializeQueue(&Queue, 1);
    for (i = 0; i < 3; i++)
        KeInsertQueue(&Queue, &Entries[i]);
    CheckEqual("several entries at once", (LONG)Remove(&Queue, KernelMode, FALSE, NULL, Taken, 2),
               2);
    Check("are the first", Taken[0] == &Entries[0] && Taken[1] == &Entries[1]);
    CheckEqual("not more than there are", (LONG)Remove(&Queue, KernelMode, FALSE, NULL, Taken, 8),
               1);
    Check("which is the last", Taken[0] == &Entries[2]);
    CheckEqual("a status counts as one", (LONG)Remove(&Queue, KernelMode, FALSE, &Zero, Taken, 8),
               1);
    CheckEqual("that time is up", (LONG)(ULONG_PTR)Taken[0], STATUS_TIMEOUT);
    KeRundownQueue(&Queue);
}

static VOID TestServices(VOID)
{
    LUID First, Second;
    LCID Locale = 0;
    UNICODE_STRING Line;
    PVOID Block = ExAllocatePoolWithTag(NonPagedPool, 100, 'bseT');
    BOOLEAN Quota = TRUE;

    ZwAllocateLocallyUniqueId(&First);
    CheckEqual("an identifier", ZwAllocateLocallyUniqueId(&Second), STATUS_SUCCESS);
    Check("is nobody else's", !RtlEqualLuid(&First, &Second) && First.LowPart > 999);
    CheckEqual("the language", ZwQueryDefaultLocale(FALSE, &Locale), STATUS_SUCCESS);
    Check("is English", Locale == 0x409);
    ZwSetDefaultLocale(FALSE, 0x407);
    ZwQueryDefaultLocale(FALSE, &Locale);
    Check("or another", Locale == 0x407);
    ZwSetDefaultLocale(FALSE, 0x409);
    CheckEqual("but not none", ZwSetDefaultLocale(FALSE, 0), STATUS_INVALID_PARAMETER);
    CheckEqual("code is seen at once", ZwFlushInstructionCache(ZwCurrentProcess(), NULL, 0),
               STATUS_SUCCESS);
    CheckEqual("a thread is alerted", ZwAlertThread(ZwCurrentThread()), STATUS_SUCCESS);
    CheckEqual("as its next alertable wait finds",
               KeDelayExecutionThread(KernelMode, TRUE, &(LARGE_INTEGER){.QuadPart = -100000000}),
               STATUS_ALERTED);
    RtlInitUnicodeString(&Line, L"a line for the screen\n");
    CheckEqual("a line", ZwDisplayString(&Line), STATUS_SUCCESS);
    Check("a block is as long as was asked for", ExQueryPoolBlockSize(Block, &Quota) >= 100);
    Check("and not charged", !Quota);
    ExFreePoolWithTag(Block, 'bseT');
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    TestRunOnce();
    TestRunOnceWaiters();
    TestHashTable();
    TestCompression();
    TestDescriptors();
    TestDebugOutput();
    TestStack();
    TestQueue();
    TestServices();
    return FinishTests("rest");
}
