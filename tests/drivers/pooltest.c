/*
 * pooltest.sys: what a driver may rely on about the pools, checked from inside.
 *
 * What it shows: blocks are aligned to 8 bytes and do not cross a page, a page or more starts on a
 * page; contents stay; a pool that is used up gives NULL and recovers completely; nonpaged pool
 * can be allocated and freed in a DPC; a paged page gets its frame at its first touch, in whatever
 * thread that happens, here a worker's. Source: WDK, "ExAllocatePoolWithTag".
 */
#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define TAG_TEST 'tseT' /* "Test" in memory */

static const char *const PoolNames[] = {[NonPagedPool] = "nonpaged", [PagedPool] = "paged"};

/* "<pool>: <what>", for a check of either pool. */
static BOOLEAN CheckPool(POOL_TYPE PoolType, PCSTR What, BOOLEAN Holds)
{
    DbgPrint("%s %s: %s\n", Holds ? "PASS" : "FAIL", PoolNames[PoolType], What);
    if (Holds)
        TestPassed++;
    else
        TestFailed++;
    return Holds;
}

/* ---- Blocks -----------------------------------------------------------------------------------
 */

static BOOLEAN IsFilled(const UCHAR *Memory, SIZE_T Bytes, UCHAR Value)
{
    SIZE_T i;

    for (i = 0; i < Bytes; i++) {
        if (Memory[i] != Value)
            return FALSE;
    }
    return TRUE;
}

/* Each size up to a page: aligned; in one page, as the documentation promises for less than one. */
static VOID TestSizes(POOL_TYPE PoolType)
{
    BOOLEAN Allocated = TRUE, Aligned = TRUE, InOnePage = TRUE;
    ULONG_PTR Address;
    SIZE_T Bytes;
    PVOID Block;

    for (Bytes = 1; Bytes <= PAGE_SIZE; Bytes += Bytes < 64 ? 1 : 29) {
        Block = ExAllocatePoolWithTag(PoolType, Bytes, TAG_TEST);
        if (Block == NULL) {
            Allocated = FALSE;
            continue;
        }
        Address = (ULONG_PTR)Block;
        Aligned &= Address % 8 == 0;
        InOnePage &= (Address ^ (Address + Bytes - 1)) < PAGE_SIZE;
        RtlFillMemory(Block, Bytes, 0xA5);
        ExFreePoolWithTag(Block, TAG_TEST);
    }
    CheckPool(PoolType, "every size up to a page can be had", Allocated);
    CheckPool(PoolType, "blocks are aligned to 8 bytes", Aligned);
    CheckPool(PoolType, "blocks do not cross a page", InOnePage);
}

#define BLOCKS 600

/* Many blocks of many sizes at once, freed in another order than they came: each keeps its own
   contents until then. */
static VOID TestContents(POOL_TYPE PoolType)
{
    static PUCHAR Blocks[BLOCKS];
    BOOLEAN Kept = TRUE;
    ULONG i, Next;

    for (i = 0; i < BLOCKS; i++) {
        Blocks[i] = ExAllocatePoolWithTag(PoolType, 1 + i * 37 % 900, TAG_TEST);
        if (Blocks[i])
            RtlFillMemory(Blocks[i], 1 + i * 37 % 900, (UCHAR)i);
    }
    for (i = 0; i < BLOCKS; i++) {
        Next = i * 7 % BLOCKS; /* 7 and 600 have no common divisor: each once */
        Kept &= Blocks[Next] && IsFilled(Blocks[Next], 1 + Next * 37 % 900, (UCHAR)Next);
        if (Blocks[Next])
            ExFreePoolWithTag(Blocks[Next], TAG_TEST);
    }
    CheckPool(PoolType, "600 blocks keep their contents", Kept);
}

static VOID TestBig(POOL_TYPE PoolType)
{
    static const SIZE_T Sizes[] = {PAGE_SIZE, PAGE_SIZE + 1, 3 * PAGE_SIZE, 1 << 20};
    BOOLEAN Aligned = TRUE, Kept = TRUE;
    PUCHAR Big[RTL_NUMBER_OF(Sizes)];
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Sizes); i++) {
        Big[i] = ExAllocatePoolWithTag(PoolType, Sizes[i], TAG_TEST);
        Aligned &= Big[i] && BYTE_OFFSET(Big[i]) == 0;
        if (Big[i])
            RtlFillMemory(Big[i], Sizes[i], (UCHAR)i + 1);
    }
    for (i = 0; i < RTL_NUMBER_OF(Sizes); i++) {
        Kept &= Big[i] && IsFilled(Big[i], Sizes[i], (UCHAR)i + 1);
        if (Big[i])
            ExFreePoolWithTag(Big[i], TAG_TEST);
    }
    CheckPool(PoolType, "a page or more starts on a page", Aligned);
    CheckPool(PoolType, "up to 1 MB keeps its contents", Kept);
}

/* An allocation without a tag, and a free without one. */
static VOID TestWithoutTag(POOL_TYPE PoolType)
{
    PVOID Block = ExAllocatePool(PoolType, 100);
    BOOLEAN Good = Block != NULL;

    if (Block)
        ExFreePool(Block);
    Block = ExAllocatePoolWithTag(PoolType, 100, TAG_TEST);
    if (Block)
        ExFreePool(Block);
    CheckPool(PoolType, "a tag need not be given", Good && Block);
}

/* ---- Exhaustion -------------------------------------------------------------------------------
 */

#define CHUNK_BYTES (256 * 1024)
#define CHUNK_LIMIT 16384 /* 4 GB: more than there can be */

/* Allocates until there is no more, and frees all. Returns the number of chunks. */
static ULONG CountChunks(POOL_TYPE PoolType, PVOID *Chunks)
{
    ULONG Count = 0, i;

    while (Count < CHUNK_LIMIT &&
           (Chunks[Count] = ExAllocatePoolWithTag(PoolType, CHUNK_BYTES, TAG_TEST)) != NULL)
        Count++;
    for (i = 0; i < Count; i++)
        ExFreePoolWithTag(Chunks[i], TAG_TEST);
    return Count;
}

/* The second time there must be as much as the first: nothing of it was lost. */
static VOID TestExhaustion(POOL_TYPE PoolType)
{
    PVOID *Chunks = ExAllocatePoolWithTag(NonPagedPool, CHUNK_LIMIT * sizeof(PVOID), TAG_TEST);
    ULONG First, Second;

    if (!CheckPool(PoolType, "room to note all chunks", Chunks != NULL))
        return;
    First = CountChunks(PoolType, Chunks);
    Second = CountChunks(PoolType, Chunks);
    ExFreePoolWithTag(Chunks, TAG_TEST);
    DbgPrint("pooltest: %lu chunks of 256 KB, then %lu\n", First, Second);
    CheckPool(PoolType, "there is an end, and it is NULL", First > 4 && First < CHUNK_LIMIT);
    CheckPool(PoolType, "all of it comes back", First == Second);
}

/* ---- A DPC, and a work item that it queues ----------------------------------------------------
 */

#define DEMAND_PAGES 16

typedef struct _CONTEXTS {
    KDPC Dpc;
    PIO_WORKITEM WorkItem;
    KEVENT Done;
    PVOID DpcThread;
    BOOLEAN DpcWasThere, DpcAllocated;
    KIRQL DpcIrql, WorkIrql;
    volatile UCHAR *Paged;
    BOOLEAN WorkReadZeros;
} CONTEXTS, *PCONTEXTS;

static CONTEXTS Contexts;

/* At PASSIVE_LEVEL in a worker thread: the first to touch the pages. */
static VOID NTAPI WorkRoutine(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    PCONTEXTS Test = Context;
    ULONG Page;

    UNREFERENCED_PARAMETER(DeviceObject);
    Test->WorkIrql = KeGetCurrentIrql();
    Test->WorkReadZeros = TRUE;
    for (Page = 0; Page < DEMAND_PAGES; Page++) {
        Test->WorkReadZeros &= Test->Paged[Page * PAGE_SIZE + Page] == 0;
        Test->Paged[Page * PAGE_SIZE] = (UCHAR)(Page + 1);
    }
    KeSetEvent(&Test->Done, IO_NO_INCREMENT, FALSE);
}

/* At DISPATCH_LEVEL: nonpaged pool is at hand; paged pool is left to the work item. */
static VOID NTAPI DpcRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PCONTEXTS Test = Context;
    PVOID Small = ExAllocatePoolWithTag(NonPagedPool, 64, TAG_TEST);
    PVOID Big = ExAllocatePoolWithTag(NonPagedPool, 5 * PAGE_SIZE, TAG_TEST);

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    Test->DpcWasThere = TRUE;
    Test->DpcIrql = KeGetCurrentIrql();
    Test->DpcAllocated = Small && Big;
    if (Small)
        ExFreePoolWithTag(Small, TAG_TEST);
    if (Big)
        ExFreePoolWithTag(Big, TAG_TEST);
    IoQueueWorkItem(Test->WorkItem, WorkRoutine, DelayedWorkQueue, Test);
}

/* MmIsAddressValid tells whether a page has a frame just now. */
static ULONG CountValidPages(volatile UCHAR *Memory, ULONG Pages)
{
    ULONG Valid = 0, i;

    for (i = 0; i < Pages; i++)
        Valid += MmIsAddressValid((PVOID)(Memory + i * PAGE_SIZE)) != FALSE;
    return Valid;
}

static VOID CheckDemandPages(PCONTEXTS Test)
{
    BOOLEAN Kept = TRUE;
    ULONG Page;

    for (Page = 0; Page < DEMAND_PAGES; Page++)
        Kept &= Test->Paged[Page * PAGE_SIZE] == Page + 1;
    Check("a work item can be queued by a DPC, and runs at PASSIVE_LEVEL",
          Test->DpcWasThere && Test->WorkIrql == PASSIVE_LEVEL);
    Check("a fresh paged page reads as zeros", Test->WorkReadZeros);
    CheckEqual("touched pages have frames", CountValidPages(Test->Paged, DEMAND_PAGES),
               DEMAND_PAGES);
    Check("this thread sees what the worker wrote", Kept);
}

static VOID TestContexts(PDRIVER_OBJECT DriverObject)
{
    PCONTEXTS Test = &Contexts;
    PDEVICE_OBJECT Device;
    NTSTATUS Status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);

    if (!Check("an unnamed device can be made", NT_SUCCESS(Status)))
        return;
    Test->WorkItem = IoAllocateWorkItem(Device);
    Test->Paged = ExAllocatePoolWithTag(PagedPool, DEMAND_PAGES * PAGE_SIZE, TAG_TEST);
    KeInitializeEvent(&Test->Done, NotificationEvent, FALSE);
    KeInitializeDpc(&Test->Dpc, DpcRoutine, Test);
    if (Check("work item and paged pool can be had", Test->WorkItem && Test->Paged)) {
        CheckEqual("untouched pages have no frames", CountValidPages(Test->Paged, DEMAND_PAGES), 0);
        KeInsertQueueDpc(&Test->Dpc, NULL, NULL);
        KeWaitForSingleObject(&Test->Done, Executive, KernelMode, FALSE, NULL);
        CheckEqual("a DPC runs at DISPATCH_LEVEL", Test->DpcIrql, DISPATCH_LEVEL);
        Check("a DPC can allocate and free nonpaged pool", Test->DpcAllocated);
        CheckDemandPages(Test);
    }
    if (Test->Paged)
        ExFreePoolWithTag((PVOID)Test->Paged, TAG_TEST);
    if (Test->WorkItem)
        IoFreeWorkItem(Test->WorkItem);
    IoDeleteDevice(Device);
}

/* ---- The driver -------------------------------------------------------------------------------
 */

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    static const POOL_TYPE Types[] = {NonPagedPool, PagedPool};
    ULONG i;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    for (i = 0; i < RTL_NUMBER_OF(Types); i++) {
        TestSizes(Types[i]);
        TestContents(Types[i]);
        TestBig(Types[i]);
        TestWithoutTag(Types[i]);
        TestExhaustion(Types[i]);
    }
    TestContexts(DriverObject);
    return FinishTests("pooltest");
}
