/*
 * crash.sys: makes the mistakes that stop the machine, each one on request.
 *
 * What it shows: that a driver's mistake ends in the bug check that Windows documents for it, with
 * the documented parameters, and that the report names the driver. Three requests make a mistake
 * that goes unnoticed, which is instructive as well. crash.h lists them all with what is to be
 * expected; tests/system/test_bugchecks.py makes each and looks at the report. Source for the
 * codes: WDK, "Bug Check Code Reference".
 *
 * Each mistake is one routine of a few lines. They are not inlined, so that a stack trace shows
 * which it was.
 */
#include <ntifs.h>
#include "crash.h"

DRIVER_INITIALIZE DriverEntry;

#define GOOD_TAG     'DooG' /* "GooD" in memory */
#define BAD_TAG      'DaaB' /* "BaaD" */
#define SMALL_BYTES  40
#define NEVER_MAPPED ((volatile ULONG *)0xA0000000) /* session space: never mapped here */

typedef NTSTATUS CRASH_ROUTINE(const CRASH_INPUT *Input);

#define MISTAKE static __attribute__((noinline)) NTSTATUS

/* The values read go here, so that the compiler keeps the reads. */
static volatile ULONG Seen;

/* ---- Paged memory and IRQL --------------------------------------------------------------------
 */

/*
 * Paged pool that nobody has touched yet has no page frame. At DISPATCH_LEVEL the fault that would
 * fetch one cannot be resolved, as that may have to wait.
 */
MISTAKE ReadPagedAtDispatch(const CRASH_INPUT *Input)
{
    volatile ULONG *Paged = ExAllocatePoolWithTag(PagedPool, 2 * PAGE_SIZE, GOOD_TAG);
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Seen = Paged[PAGE_SIZE / sizeof(ULONG)];
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE WritePagedAtDispatch(const CRASH_INPUT *Input)
{
    volatile ULONG *Paged = ExAllocatePoolWithTag(PagedPool, 2 * PAGE_SIZE, GOOD_TAG);
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Paged[PAGE_SIZE / sizeof(ULONG)] = 1;
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

/*
 * The same, but the page has been touched before, and is still there: nothing happens. This is why
 * such a mistake can survive all tests and stop a busy machine later.
 */
MISTAKE ReadResidentAtDispatch(const CRASH_INPUT *Input)
{
    volatile ULONG *Paged = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, GOOD_TAG);
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    if (Paged == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Paged = 1;
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Seen = *Paged;
    KeLowerIrql(OldIrql);
    ExFreePoolWithTag((PVOID)Paged, GOOD_TAG);
    return STATUS_SUCCESS;
}

/* PAGED_CODE() stops a driver that was built checked (DBG=1); here it compiles to nothing. */
MISTAKE PagedCodeAtDispatch(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    PAGED_CODE();
    KeLowerIrql(OldIrql);
    return STATUS_SUCCESS;
}

MISTAKE AllocatePagedAtDispatch(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    ExAllocatePoolWithTag(PagedPool, SMALL_BYTES, GOOD_TAG);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreePagedAtDispatch(const CRASH_INPUT *Input)
{
    PVOID Paged = ExAllocatePoolWithTag(PagedPool, SMALL_BYTES, GOOD_TAG);
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    ExFreePoolWithTag(Paged, GOOD_TAG);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

/* ---- Pool -------------------------------------------------------------------------------------
 */

/*
 * Two blocks that lie in one page, the first directly before the second: so the first one's page
 * stays in use when it is freed, and what lies behind it is a pool header. A few blocks are
 * allocated until two turn out so; the others stay allocated, for the machine is about to stop.
 */
static PVOID FirstOfTwo(POOL_TYPE PoolType)
{
    PUCHAR First = NULL, Second;
    ULONG i;

    for (i = 0; i < 500; i++) {
        Second = ExAllocatePoolWithTag(PoolType, SMALL_BYTES, GOOD_TAG);
        if (First && Second == First + SMALL_BYTES + 8 && PAGE_ALIGN(First) == PAGE_ALIGN(Second))
            return First;
        First = Second;
    }
    return NULL;
}

static NTSTATUS FreeTwice(POOL_TYPE PoolType)
{
    PVOID Block = FirstOfTwo(PoolType);

    ExFreePoolWithTag(Block, GOOD_TAG);
    ExFreePoolWithTag(Block, GOOD_TAG);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreeTwiceNonPaged(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return FreeTwice(NonPagedPool);
}

MISTAKE FreeTwicePaged(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return FreeTwice(PagedPool);
}

/* Whole pages have no header; a table knows them, until they are freed. */
MISTAKE FreeTwiceBig(const CRASH_INPUT *Input)
{
    PVOID Big = ExAllocatePoolWithTag(NonPagedPool, 2 * PAGE_SIZE, GOOD_TAG);

    UNREFERENCED_PARAMETER(Input);
    ExFreePoolWithTag(Big, GOOD_TAG);
    ExFreePoolWithTag(Big, GOOD_TAG);
    return STATUS_UNSUCCESSFUL;
}

static NTSTATUS FreeUnderOtherTag(SIZE_T Bytes)
{
    ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPool, Bytes, GOOD_TAG), BAD_TAG);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreeWithWrongTag(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return FreeUnderOtherTag(SMALL_BYTES);
}

MISTAKE FreeBigWithWrongTag(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return FreeUnderOtherTag(2 * PAGE_SIZE);
}

/* Writes 8 bytes too many. The mistake was made long before it is noticed: at the free. */
static NTSTATUS Overrun(POOL_TYPE PoolType)
{
    PUCHAR Block = FirstOfTwo(PoolType);

    RtlFillMemory(Block, SMALL_BYTES + 8, 'x');
    ExFreePoolWithTag(Block, GOOD_TAG);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE OverrunNonPaged(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return Overrun(NonPagedPool);
}

MISTAKE OverrunPaged(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return Overrun(PagedPool);
}

/* Writes before its own block, over that block's header. */
MISTAKE UnderrunNonPaged(const CRASH_INPUT *Input)
{
    PULONG Block = FirstOfTwo(NonPagedPool);

    UNREFERENCED_PARAMETER(Input);
    Block[-2] = 0xFFFFFFFF;
    ExFreePoolWithTag(Block, GOOD_TAG);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreeUserAddress(const CRASH_INPUT *Input)
{
    ExFreePoolWithTag(ULongToPtr(Input->UserAddress), GOOD_TAG);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreeImageAddress(const CRASH_INPUT *Input)
{
    static ULONG NotPool[4];

    UNREFERENCED_PARAMETER(Input);
    ExFreePoolWithTag(NotPool, GOOD_TAG);
    return STATUS_UNSUCCESSFUL;
}

/* ---- Memory descriptor lists ------------------------------------------------------------------
 */

/* The caller's page, as an MDL. */
static PMDL DescribeCaller(const CRASH_INPUT *Input)
{
    return IoAllocateMdl((PVOID)Input->UserAddress, 1, FALSE, FALSE, NULL);
}

static PMDL LockCaller(const CRASH_INPUT *Input)
{
    PMDL Mdl = DescribeCaller(Input);

    MmProbeAndLockPages(Mdl, UserMode, IoReadAccess);
    return Mdl;
}

static PMDL DescribePool(POOL_TYPE PoolType)
{
    PVOID Pool = ExAllocatePoolWithTag(PoolType, PAGE_SIZE, GOOD_TAG);

    return IoAllocateMdl(Pool, PAGE_SIZE, FALSE, FALSE, NULL);
}

MISTAKE UnlockUnlocked(const CRASH_INPUT *Input)
{
    MmUnlockPages(DescribeCaller(Input));
    return STATUS_UNSUCCESSFUL;
}

MISTAKE UnlockPart(const CRASH_INPUT *Input)
{
    PMDL Mdl = LockCaller(Input), Part = DescribeCaller(Input);

    IoBuildPartialMdl(Mdl, Part, MmGetMdlVirtualAddress(Mdl), 0);
    MmUnlockPages(Part);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE UnlockPool(const CRASH_INPUT *Input)
{
    PMDL Mdl = DescribePool(NonPagedPool);

    UNREFERENCED_PARAMETER(Input);
    MmBuildMdlForNonPagedPool(Mdl);
    MmUnlockPages(Mdl);
    return STATUS_UNSUCCESSFUL;
}

/* Noticed when the process ends: nobody knows then who has locked its page. */
MISTAKE LeaveLocked(const CRASH_INPUT *Input)
{
    LockCaller(Input);
    return STATUS_SUCCESS;
}

MISTAKE LockTwice(const CRASH_INPUT *Input)
{
    PMDL Mdl = LockCaller(Input);

    MmProbeAndLockPages(Mdl, UserMode, IoReadAccess);
    MmUnlockPages(Mdl);
    return STATUS_SUCCESS;
}

MISTAKE FreeMapped(const CRASH_INPUT *Input)
{
    PMDL Mdl = LockCaller(Input);

    Seen = *(volatile UCHAR *)MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority);
    IoFreeMdl(Mdl);
    return STATUS_SUCCESS;
}

MISTAKE LockNull(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    MmProbeAndLockPages(IoAllocateMdl(NULL, 1, FALSE, FALSE, NULL), UserMode, IoReadAccess);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE LockSystemForUser(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    MmProbeAndLockPages(DescribePool(NonPagedPool), UserMode, IoReadAccess);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE LockTextToWrite(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    MmProbeAndLockPages(IoAllocateMdl(LockTextToWrite, 1, FALSE, FALSE, NULL), KernelMode,
                        IoWriteAccess);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE BuildPaged(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    MmBuildMdlForNonPagedPool(DescribePool(PagedPool));
    return STATUS_UNSUCCESSFUL;
}

MISTAKE MakePartTooLarge(const CRASH_INPUT *Input)
{
    static UCHAR MdlSource[4 * PAGE_SIZE];
    PMDL Mdl = IoAllocateMdl(MdlSource, 4 * PAGE_SIZE, FALSE, FALSE, NULL);

    MmBuildMdlForNonPagedPool(Mdl);
    IoBuildPartialMdl(Mdl, DescribeCaller(Input), MdlSource, 3 * PAGE_SIZE);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreeLockedPool(const CRASH_INPUT *Input)
{
    PMDL Mdl = DescribePool(NonPagedPool);

    UNREFERENCED_PARAMETER(Input);
    MmProbeAndLockPages(Mdl, KernelMode, IoReadAccess);
    ExFreePoolWithTag(MmGetMdlVirtualAddress(Mdl), GOOD_TAG);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE MapUnlocked(const CRASH_INPUT *Input)
{
    PMDL Mdl = LockCaller(Input);

    MmUnlockPages(Mdl);
    MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE MapTwice(const CRASH_INPUT *Input)
{
    PMDL Mdl = LockCaller(Input);

    MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
    return STATUS_SUCCESS;
}

MISTAKE MapWhereSomethingIs(const CRASH_INPUT *Input)
{
    MmMapLockedPagesSpecifyCache(LockCaller(Input), UserMode, MmCached, (PVOID)Input->UserAddress,
                                 FALSE, NormalPagePriority);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE UnmapUnmapped(const CRASH_INPUT *Input)
{
    PMDL Mdl = LockCaller(Input);
    PVOID Mapped = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority);

    MmUnmapLockedPages(Mapped, Mdl);
    MmUnmapLockedPages(Mapped, Mdl);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE WriteProtectedMapping(const CRASH_INPUT *Input)
{
    PMDL Mdl = LockCaller(Input);
    volatile UCHAR *Mapped = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority);

    MmProtectMdlSystemAddress(Mdl, PAGE_READONLY);
    *Mapped = 0;
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreePagesTwice(const CRASH_INPUT *Input)
{
    PHYSICAL_ADDRESS Zero = {.QuadPart = 0}, Anywhere = {.QuadPart = -1};
    PMDL Mdl = MmAllocatePagesForMdl(Zero, Anywhere, Zero, PAGE_SIZE);

    UNREFERENCED_PARAMETER(Input);
    MmFreePagesFromMdl(Mdl);
    MmFreePagesFromMdl(Mdl);
    return STATUS_UNSUCCESSFUL;
}

/* ---- Reserved mappings, memory for devices, pageable sections -----------------------------------
 */

static PVOID MapReserved(PVOID Range, const CRASH_INPUT *Input)
{
    return MmMapLockedPagesWithReservedMapping(Range, GOOD_TAG, LockCaller(Input), MmCached);
}

MISTAKE FreeReservedMapped(const CRASH_INPUT *Input)
{
    PVOID Range = MmAllocateMappingAddress(2 * PAGE_SIZE, GOOD_TAG);

    MapReserved(Range, Input);
    MmFreeMappingAddress(Range, GOOD_TAG);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreeReservedOther(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    MmFreeMappingAddress(MmAllocateMappingAddress(PAGE_SIZE, GOOD_TAG), BAD_TAG);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE MapReservedTwice(const CRASH_INPUT *Input)
{
    PVOID Range = MmAllocateMappingAddress(2 * PAGE_SIZE, GOOD_TAG);

    MapReserved(Range, Input);
    MapReserved(Range, Input);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE UnmapReserved(const CRASH_INPUT *Input)
{
    MmUnmapReservedMapping(MmAllocateMappingAddress(2 * PAGE_SIZE, GOOD_TAG), GOOD_TAG,
                           LockCaller(Input));
    return STATUS_UNSUCCESSFUL;
}

static PUCHAR AllocateContiguous(VOID)
{
    PHYSICAL_ADDRESS Anywhere = {.QuadPart = -1};

    return MmAllocateContiguousMemory(2 * PAGE_SIZE, Anywhere);
}

MISTAKE FreeContiguousMiddle(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    MmFreeContiguousMemory(AllocateContiguous() + PAGE_SIZE);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreeContiguousPart(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    MmFreeContiguousMemorySpecifyCache(AllocateContiguous(), PAGE_SIZE, MmCached);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE FreeNotContiguous(const CRASH_INPUT *Input)
{
    PVOID Memory = AllocateContiguous();

    UNREFERENCED_PARAMETER(Input);
    MmFreeContiguousMemory(Memory);
    MmFreeContiguousMemory(Memory);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE UnlockSectionTwice(const CRASH_INPUT *Input)
{
    PVOID Handle = MmLockPagableCodeSection((PVOID)UnlockSectionTwice);

    UNREFERENCED_PARAMETER(Input);
    MmUnlockPagableImageSection(Handle);
    MmUnlockPagableImageSection(Handle);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE LockNoSection(const CRASH_INPUT *Input)
{
    MmLockPagableDataSection((PVOID)Input->UserAddress);
    return STATUS_UNSUCCESSFUL;
}

/* ---- Bad addresses ----------------------------------------------------------------------------
 */

/* An address that the compiler knows nothing about, or it would remove the access. */
static volatile ULONG *Opaque(ULONG_PTR Address)
{
    __asm__("" : "+r"(Address));
    return (volatile ULONG *)Address;
}

/*
 * NULL is a user address at which nothing may be mapped. Below DISPATCH_LEVEL the access raises an
 * exception, which a driver might handle; this one does not.
 */
MISTAKE ReadNull(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    Seen = *Opaque(0);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE WriteNull(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    *Opaque(0) = 1;
    return STATUS_UNSUCCESSFUL;
}

MISTAKE ReadNullAtDispatch(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Seen = *Opaque(0);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE ReadUnmapped(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    Seen = *NEVER_MAPPED;
    return STATUS_UNSUCCESSFUL;
}

MISTAKE WriteOwnText(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    *Opaque((ULONG_PTR)ReadUnmapped) = 0xCCCCCCCC;
    return STATUS_UNSUCCESSFUL;
}

/* The processor (CR4.SMEP) refuses to execute a user page in ring 0: Intel SDM vol. 3A, 4.6. */
MISTAKE ExecuteUserMemory(const CRASH_INPUT *Input)
{
    ((VOID(*)(VOID))Opaque(Input->UserAddress))();
    return STATUS_UNSUCCESSFUL;
}

/* ---- Exceptions -------------------------------------------------------------------------------
 */

/*
 * Each call takes 256 bytes more of a kernel stack of 12 KB. Below that is a page that is not
 * there, and no stack to put the page fault's frame on either: a double fault.
 */
static __attribute__((noinline)) ULONG Recurse(ULONG Depth)
{
    volatile UCHAR Room[256];

    Room[Depth % sizeof Room] = (UCHAR)Depth;
    if (Depth == MAXULONG)
        return 0;
    return Recurse(Depth + 1) + Room[Depth % sizeof Room];
}

MISTAKE OverflowStack(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    Seen = Recurse(0);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE DivideByZero(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    __asm__ volatile("xorl %%edx, %%edx\n\t"
                     "divl %%edx"
                     :
                     :
                     : "eax", "edx", "cc");
    return STATUS_UNSUCCESSFUL;
}

MISTAKE ExecuteUndefined(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    __asm__ volatile("ud2");
    return STATUS_UNSUCCESSFUL;
}

MISTAKE ExecuteBreakpoint(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    __asm__ volatile("int3");
    return STATUS_UNSUCCESSFUL;
}

MISTAKE ExceedBound(const CRASH_INPUT *Input)
{
    static const LONG Bounds[2] = {1, 2};

    UNREFERENCED_PARAMETER(Input);
    __asm__ volatile("boundl %0, %1" : : "r"(3), "m"(Bounds));
    return STATUS_UNSUCCESSFUL;
}

/* A record of an exception handler, made by hand (docs/exceptions.md). */
typedef struct _HANDLER_RECORD {
    PVOID Next;
    PVOID Handler;
} HANDLER_RECORD;

static VOID UseHandler(HANDLER_RECORD *Record, PVOID Handler)
{
    Record->Handler = Handler;
    __asm__ volatile("movl %%fs:0, %0\n\tmovl %1, %%fs:0"
                     : "=&r"(Record->Next)
                     : "r"(Record)
                     : "memory");
}

/* Takes four bytes more of the stack than are in use. */
static EXCEPTION_DISPOSITION __cdecl LowerStack(PEXCEPTION_RECORD Record, PVOID Frame,
                                                PCONTEXT Context, PVOID DispatcherContext)
{
    UNREFERENCED_PARAMETER(Record);
    UNREFERENCED_PARAMETER(Frame);
    UNREFERENCED_PARAMETER(DispatcherContext);
    Context->Esp -= 4;
    return ExceptionContinueExecution;
}

/* A handler's record that is not on the stack: the handler is not called. */
MISTAKE BreakChain(const CRASH_INPUT *Input)
{
    static HANDLER_RECORD Record;

    UNREFERENCED_PARAMETER(Input);
    UseHandler(&Record, LowerStack);
    ExRaiseStatus(STATUS_IO_TIMEOUT);
}

MISTAKE LowerStackInHandler(const CRASH_INPUT *Input)
{
    HANDLER_RECORD Record;

    UNREFERENCED_PARAMETER(Input);
    UseHandler(&Record, LowerStack);
    __asm__ volatile("ud2");
    return STATUS_UNSUCCESSFUL;
}

/* ---- Floating point ---------------------------------------------------------------------------
 */

/* Found only because the registers are not loaded: else it would change those of the program. */
MISTAKE UseFloatUnsaved(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    __asm__ volatile("fld1");
    return STATUS_UNSUCCESSFUL;
}

static VOID NTAPI UseFloat(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    __asm__ volatile("fld1");
}

/* The thread has put its state aside, but not for the DPC that interrupts it. */
MISTAKE UseFloatUnsavedInDpc(const CRASH_INPUT *Input)
{
    LARGE_INTEGER Moment = {.QuadPart = -100000};
    KFLOATING_SAVE Save;
    KDPC Dpc;

    UNREFERENCED_PARAMETER(Input);
    KeInitializeDpc(&Dpc, UseFloat, NULL);
    KeSaveFloatingPointState(&Save);
    KeDelayExecutionThread(KernelMode, FALSE, &Moment); /* now they are not loaded */
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE RestoreFloatAtDispatch(const CRASH_INPUT *Input)
{
    KFLOATING_SAVE Save;
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeSaveFloatingPointState(&Save);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeRestoreFloatingPointState(&Save);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE RestoreFloatTwice(const CRASH_INPUT *Input)
{
    KFLOATING_SAVE Save;

    UNREFERENCED_PARAMETER(Input);
    KeSaveFloatingPointState(&Save);
    KeRestoreFloatingPointState(&Save);
    KeRestoreFloatingPointState(&Save);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE RestoreFloatOutOfOrder(const CRASH_INPUT *Input)
{
    KFLOATING_SAVE Outer, Inner;

    UNREFERENCED_PARAMETER(Input);
    KeSaveFloatingPointState(&Outer);
    KeSaveFloatingPointState(&Inner);
    KeRestoreFloatingPointState(&Outer);
    return STATUS_UNSUCCESSFUL;
}

/* ---- The dispatcher's rules -------------------------------------------------------------------
 */

static KEVENT NeverSet;
static KMUTEX Mutex;
static KSPIN_LOCK Lock;
static KDPC Dpc;

/* At DISPATCH_LEVEL no other thread can get the processor, so nobody could ever end the wait. */
MISTAKE WaitAtDispatch(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeWaitForSingleObject(&NeverSet, Executive, KernelMode, FALSE, NULL);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

/* The same mistake as it is usually made: a spin lock's owner is at DISPATCH_LEVEL. */
MISTAKE WaitHoldingSpinLock(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeAcquireSpinLock(&Lock, &OldIrql);
    KeWaitForSingleObject(&NeverSet, Executive, KernelMode, FALSE, NULL);
    KeReleaseSpinLock(&Lock, OldIrql);
    return STATUS_UNSUCCESSFUL;
}

/* A DPC borrows a thread; were it to wait, that thread would wait for something not its own. */
static VOID NTAPI WaitingDpcRoutine(PKDPC Own, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Own);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeWaitForSingleObject(&NeverSet, Executive, KernelMode, FALSE, NULL);
}

MISTAKE WaitInDpc(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeInitializeDpc(&Dpc, WaitingDpcRoutine, NULL);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    KeFlushQueuedDpcs();
    return STATUS_UNSUCCESSFUL;
}

/* A time-out helps as little. */
MISTAKE WaitAtDispatchWithTimeout(const CRASH_INPUT *Input)
{
    LARGE_INTEGER Moment = {.QuadPart = -1};
    PVOID Objects[] = {&NeverSet, &Mutex};
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeWaitForMultipleObjects(2, Objects, WaitAll, Executive, KernelMode, FALSE, &Moment, NULL);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE WaitForQueueAtDispatch(const CRASH_INPUT *Input)
{
    static KQUEUE Queue;
    LARGE_INTEGER Moment = {.QuadPart = -1};
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeInitializeQueue(&Queue, 1);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeRemoveQueue(&Queue, KernelMode, &Moment);
    KeLowerIrql(OldIrql);
    return STATUS_SUCCESS;
}

/* Waits for one event so many times over, which is allowed up to a limit. */
static NTSTATUS WaitForMany(ULONG Count, PKWAIT_BLOCK WaitBlocks)
{
    static PVOID Objects[MAXIMUM_WAIT_OBJECTS + 1];
    LARGE_INTEGER Zero = {.QuadPart = 0};
    ULONG i;

    for (i = 0; i < Count; i++)
        Objects[i] = &NeverSet;
    KeWaitForMultipleObjects(Count, Objects, WaitAny, Executive, KernelMode, FALSE, &Zero,
                             WaitBlocks);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE WaitForTooMany(const CRASH_INPUT *Input)
{
    static KWAIT_BLOCK WaitBlocks[MAXIMUM_WAIT_OBJECTS + 1];

    UNREFERENCED_PARAMETER(Input);
    return WaitForMany(MAXIMUM_WAIT_OBJECTS + 1, WaitBlocks);
}

MISTAKE WaitWithoutBlocks(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return WaitForMany(THREAD_WAIT_OBJECTS + 1, NULL);
}

MISTAKE ExceedSemaphoreLimit(const CRASH_INPUT *Input)
{
    KSEMAPHORE Semaphore;

    UNREFERENCED_PARAMETER(Input);
    KeInitializeSemaphore(&Semaphore, 1, 2);
    KeReleaseSemaphore(&Semaphore, 0, 2, FALSE);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE ReleaseFreeMutex(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeReleaseMutex(&Mutex, FALSE);
    return STATUS_UNSUCCESSFUL;
}

/* Runs a routine in another thread of the caller's process, and returns when that has ended. */
static NTSTATUS RunThread(PKSTART_ROUTINE Routine, PVOID Context)
{
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle;
    NTSTATUS Status;

    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    Status = PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, ZwCurrentProcess(), NULL,
                                  Routine, Context);
    if (!NT_SUCCESS(Status))
        return Status;
    ZwWaitForSingleObject(Handle, FALSE, NULL);
    return ZwClose(Handle);
}

static VOID NTAPI ReleaseMutexRoutine(PVOID Context)
{
    KeReleaseMutex(Context, FALSE);
}

/* A mutex that is owned, but by another thread. */
MISTAKE ReleaseAnothersMutex(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
    return RunThread(ReleaseMutexRoutine, &Mutex);
}

static VOID NTAPI MutexDpcRoutine(PKDPC Own, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};

    UNREFERENCED_PARAMETER(Own);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeWaitForSingleObject(Context, Executive, KernelMode, FALSE, &Zero);
}

/* A DPC has taken it, while it had interrupted this thread. That is not the thread's having it. */
MISTAKE ReleaseMutexOfDpc(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeInitializeDpc(&Dpc, MutexDpcRoutine, &Mutex);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    KeReleaseMutex(&Mutex, FALSE);
    return STATUS_SUCCESS;
}

/* Once too often. The driver counts the first 2^31 times by itself, which would take hours. */
MISTAKE TakeMutexTooOften(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
    Mutex.Header.SignalState = MINLONG;
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
    return STATUS_SUCCESS;
}

/* Forgets to release it; noticed when the system service returns to user mode. */
MISTAKE ReturnOwningMutex(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
}

static VOID NTAPI TakeMutexRoutine(PVOID Context)
{
    KeWaitForSingleObject(Context, Executive, KernelMode, FALSE, NULL);
}

/* What a driver's mutex guards may be half changed, so its owner must not end. */
MISTAKE EndOwningMutex(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return RunThread(TakeMutexRoutine, &Mutex);
}

/* A program's mutex is abandoned by that; releasing it is for who has it. */
MISTAKE ReleaseAbandonedMutant(const CRASH_INPUT *Input)
{
    static KMUTANT Mutant;

    UNREFERENCED_PARAMETER(Input);
    KeInitializeMutant(&Mutant, FALSE);
    RunThread(TakeMutexRoutine, &Mutant);
    KeReleaseMutant(&Mutant, 0, FALSE, FALSE);
    return STATUS_UNSUCCESSFUL;
}

/* ---- APCs -------------------------------------------------------------------------------------
 */

NTKERNELAPI VOID NTAPI KeInitializeApc(PKAPC, PKTHREAD, ULONG, PKKERNEL_ROUTINE, PKRUNDOWN_ROUTINE,
                                       PKNORMAL_ROUTINE, KPROCESSOR_MODE, PVOID);
NTKERNELAPI BOOLEAN NTAPI KeInsertQueueApc(PKAPC, PVOID, PVOID, KPRIORITY);

#define CURRENT_APC_ENVIRONMENT 2

static VOID NTAPI EnterRegionRoutine(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeEnterCriticalRegion();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* What the region is for is not finished. */
MISTAKE EndInRegion(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return RunThread(EnterRegionRoutine, NULL);
}

/* The program would never get an APC again. */
MISTAKE ReturnInGuarded(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeEnterGuardedRegion();
    return STATUS_SUCCESS;
}

static VOID NTAPI StayAtDispatch(PKAPC Apc, PKNORMAL_ROUTINE *Normal, PVOID *Context,
                                 PVOID *Argument1, PVOID *Argument2)
{
    KIRQL Irql;

    UNREFERENCED_PARAMETER(Apc);
    UNREFERENCED_PARAMETER(Normal);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
}

static VOID QueueToMyself(PKAPC Apc)
{
    KeInitializeApc(Apc, KeGetCurrentThread(), CURRENT_APC_ENVIRONMENT, StayAtDispatch, NULL, NULL,
                    KernelMode, NULL);
    KeInsertQueueApc(Apc, NULL, NULL, 0);
}

/* A spin lock that the APC has forgotten to release, perhaps. */
MISTAKE ReturnAtDispatchFromApc(const CRASH_INPUT *Input)
{
    static KAPC Apc;

    UNREFERENCED_PARAMETER(Input);
    QueueToMyself(&Apc);
    return STATUS_UNSUCCESSFUL;
}

/* An APC for an address space cannot be taken along when the thread leaves that. */
MISTAKE DetachWithApc(const CRASH_INPUT *Input)
{
    static KAPC Apc;
    KAPC_STATE State;
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeStackAttachProcess((PKPROCESS)PsInitialSystemProcess, &State);
    KeRaiseIrql(APC_LEVEL, &OldIrql);
    QueueToMyself(&Apc);
    KeUnstackDetachProcess(&State);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE DetachTwice(const CRASH_INPUT *Input)
{
    KAPC_STATE State;

    UNREFERENCED_PARAMETER(Input);
    KeStackAttachProcess((PKPROCESS)PsInitialSystemProcess, &State);
    KeUnstackDetachProcess(&State);
    KeUnstackDetachProcess(&State);
    return STATUS_UNSUCCESSFUL;
}

static VOID NTAPI AttachRoutine(PVOID Context)
{
    KAPC_STATE State;

    UNREFERENCED_PARAMETER(Context);
    KeStackAttachProcess((PKPROCESS)PsInitialSystemProcess, &State);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* What a thread gives back at its end is in its own process. */
MISTAKE EndAttached(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return RunThread(AttachRoutine, NULL);
}

/* ---- IRQL --------------------------------------------------------------------------------------
 */

MISTAKE RaiseToLowerIrql(const CRASH_INPUT *Input)
{
    KIRQL OldIrql, Ignored;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeRaiseIrql(PASSIVE_LEVEL, &Ignored);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE LowerToHigherIrql(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeLowerIrql(DISPATCH_LEVEL);
    return STATUS_UNSUCCESSFUL;
}

/* Forgets to lower IRQL; noticed when the system service returns to user mode. */
MISTAKE ReturnAtDispatch(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    return STATUS_SUCCESS;
}

/* A driver that finds its own data damaged stops the machine itself. */
MISTAKE CallBugCheck(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeBugCheckEx(0x00C0FFEE, 1, 2, 3, 4);
}

/* ---- Locks ------------------------------------------------------------------------------------
 */

static KSPIN_LOCK OtherLock;
static FAST_MUTEX FirstMutex, SecondMutex;

/* Nobody else could ever let go of it. */
MISTAKE AcquireSpinLockTwice(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeAcquireSpinLock(&Lock, &OldIrql);
    KeAcquireSpinLockAtDpcLevel(&Lock);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE AcquireQueuedLockTwice(const CRASH_INPUT *Input)
{
    KLOCK_QUEUE_HANDLE First, Second;

    UNREFERENCED_PARAMETER(Input);
    KeAcquireInStackQueuedSpinLock(&Lock, &First);
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&Lock, &Second);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE ReleaseQueuedLockTwice(const CRASH_INPUT *Input)
{
    KLOCK_QUEUE_HANDLE Handle;
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&Lock, &Handle);
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&Handle);
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&Handle);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

/* The lock may be another processor's by now, which then is not alone any more. */
MISTAKE ReleaseFreeSpinLock(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeAcquireSpinLock(&Lock, &OldIrql);
    KeReleaseSpinLockFromDpcLevel(&Lock);
    KeReleaseSpinLock(&Lock, OldIrql);
    return STATUS_SUCCESS;
}

/* A thread that is switched away from while it holds the lock lets all others wait. */
MISTAKE AcquireSpinLockAtPassive(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeAcquireSpinLockAtDpcLevel(&Lock);
    KeReleaseSpinLockFromDpcLevel(&Lock);
    return STATUS_SUCCESS;
}

MISTAKE LowerOwningSpinLock(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeAcquireSpinLock(&Lock, &OldIrql);
    KeLowerIrql(OldIrql);
    KeAcquireSpinLock(&OtherLock, &OldIrql);
    KeReleaseSpinLock(&OtherLock, OldIrql);
    return STATUS_SUCCESS;
}

static VOID NTAPI KeepingDpcRoutine(PKDPC Own, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Own);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeAcquireSpinLockAtDpcLevel(&Lock);
    KeSetEvent(Context, 0, FALSE);
    for (;;)
        YieldProcessor();
}

/* The second processor keeps the lock, the first waits for it. */
MISTAKE KeepSpinLock(const CRASH_INPUT *Input)
{
    KEVENT Taken;
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeInitializeEvent(&Taken, NotificationEvent, FALSE);
    KeSetSystemAffinityThread(1);
    KeInitializeDpc(&Dpc, KeepingDpcRoutine, &Taken);
    KeSetTargetProcessorDpc(&Dpc, 1);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    KeWaitForSingleObject(&Taken, Executive, KernelMode, FALSE, NULL);
    KeAcquireSpinLock(&Lock, &OldIrql);
    return STATUS_UNSUCCESSFUL;
}

/* Nothing happens as long as two processors do not do these two at the same time. */
MISTAKE InvertSpinLocks(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeAcquireSpinLock(&Lock, &OldIrql);
    KeAcquireSpinLockAtDpcLevel(&OtherLock);
    KeReleaseSpinLockFromDpcLevel(&OtherLock);
    KeReleaseSpinLock(&Lock, OldIrql);
    KeAcquireSpinLock(&OtherLock, &OldIrql);
    KeAcquireSpinLockAtDpcLevel(&Lock);
    KeReleaseSpinLockFromDpcLevel(&Lock);
    KeReleaseSpinLock(&OtherLock, OldIrql);
    return STATUS_SUCCESS;
}

static VOID NTAPI TakeMutexesRoutine(PVOID Context)
{
    PFAST_MUTEX *Mutexes = Context;

    ExAcquireFastMutex(Mutexes[0]);
    ExAcquireFastMutex(Mutexes[1]);
    ExReleaseFastMutex(Mutexes[1]);
    ExReleaseFastMutex(Mutexes[0]);
}

/* Two threads, one after the other. */
MISTAKE InvertMutexes(const CRASH_INPUT *Input)
{
    PFAST_MUTEX Mutexes[] = {&FirstMutex, &SecondMutex, &FirstMutex};

    UNREFERENCED_PARAMETER(Input);
    RunThread(TakeMutexesRoutine, &Mutexes[0]);
    return RunThread(TakeMutexesRoutine, &Mutexes[1]);
}

MISTAKE AcquireFastMutexAtDispatch(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    ExAcquireFastMutex(&FirstMutex);
    KeLowerIrql(OldIrql);
    return STATUS_UNSUCCESSFUL;
}

MISTAKE AcquireFastMutexTwice(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    ExAcquireFastMutex(&FirstMutex);
    ExAcquireFastMutex(&FirstMutex);
    return STATUS_UNSUCCESSFUL;
}

static VOID NTAPI ReleaseFastMutexRoutine(PVOID Context)
{
    KIRQL OldIrql;

    KeRaiseIrql(APC_LEVEL, &OldIrql);
    ExReleaseFastMutex(Context);
}

MISTAKE ReleaseAnothersFastMutex(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&FirstMutex);
    return RunThread(ReleaseFastMutexRoutine, &FirstMutex);
}

static VOID NTAPI TakeFastMutexRoutine(PVOID Context)
{
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(Context);
}

MISTAKE EndOwningFastMutex(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return RunThread(TakeFastMutexRoutine, &FirstMutex);
}

/* The thread could be suspended while it holds the resource. */
MISTAKE AcquireResourceWithApcs(const CRASH_INPUT *Input)
{
    static ERESOURCE Resource;

    UNREFERENCED_PARAMETER(Input);
    ExInitializeResourceLite(&Resource);
    ExAcquireResourceExclusiveLite(&Resource, TRUE);
    ExReleaseResourceLite(&Resource);
    return ExDeleteResourceLite(&Resource);
}

MISTAKE SetEventAtHighLevel(const CRASH_INPUT *Input)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeRaiseIrql(HIGH_LEVEL, &OldIrql);
    KeSetEvent(&NeverSet, 0, FALSE);
    KeLowerIrql(OldIrql);
    return STATUS_SUCCESS;
}

MISTAKE CancelTimerAtHighLevel(const CRASH_INPUT *Input)
{
    static KTIMER Timer;
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Input);
    KeInitializeTimer(&Timer);
    KeRaiseIrql(HIGH_LEVEL, &OldIrql);
    KeCancelTimer(&Timer);
    KeLowerIrql(OldIrql);
    return STATUS_SUCCESS;
}

/* ---- Processors that do not come back ---------------------------------------------------------
 */

static VOID NTAPI SpinningDpcRoutine(PKDPC Own, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Own);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    for (;;)
        YieldProcessor();
}

MISTAKE SpinInDpc(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeInitializeDpc(&Dpc, SpinningDpcRoutine, NULL);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    KeFlushQueuedDpcs();
    return STATUS_UNSUCCESSFUL;
}

static VOID SpinAt(KIRQL Irql)
{
    KIRQL OldIrql;

    KeRaiseIrql(Irql, &OldIrql);
    for (;;)
        YieldProcessor();
}

MISTAKE SpinAtDispatch(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    SpinAt(DISPATCH_LEVEL);
    return STATUS_UNSUCCESSFUL;
}

/* Not even the clock gets through; another processor has to notice. */
MISTAKE SpinAtHighLevel(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    KeSetSystemAffinityThread(2);
    SpinAt(HIGH_LEVEL);
    return STATUS_UNSUCCESSFUL;
}

#define STACK_BYTES 12288

/* Down to where less than an eighth of the stack is left, and up again. */
static __attribute__((noinline)) ULONG RecurseNearly(ULONG_PTR Top)
{
    volatile UCHAR Room[256];

    Room[0] = 1;
    if (Top - (ULONG_PTR)Room > STACK_BYTES - STACK_BYTES / 8)
        return 0;
    return RecurseNearly(Top) + Room[0];
}

/* At HIGH_LEVEL, so that no interrupt needs the rest. */
static VOID NTAPI RecurseRoutine(PVOID Context)
{
    KIRQL OldIrql;

    UNREFERENCED_PARAMETER(Context);
    KeRaiseIrql(HIGH_LEVEL, &OldIrql);
    Seen = RecurseNearly((ULONG_PTR)&OldIrql);
    KeLowerIrql(OldIrql);
}

MISTAKE NearlyOverflowStack(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return RunThread(RecurseRoutine, NULL);
}

/* ---- What only Driver Verifier finds ----------------------------------------------------------
 */

MISTAKE UseFreedPool(const CRASH_INPUT *Input)
{
    volatile ULONG *Block = ExAllocatePoolWithTag(NonPagedPool, SMALL_BYTES, GOOD_TAG);

    UNREFERENCED_PARAMETER(Input);
    ExFreePoolWithTag((PVOID)Block, GOOD_TAG);
    Seen = *Block;
    return STATUS_SUCCESS;
}

MISTAKE LeakPool(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return ExAllocatePoolWithTag(NonPagedPool, SMALL_BYTES, GOOD_TAG)
               ? STATUS_SUCCESS
               : STATUS_INSUFFICIENT_RESOURCES;
}

/* Within what alignment adds to the allocation: even without Verifier nobody is harmed. */
MISTAKE WriteBehind(const CRASH_INPUT *Input)
{
    PUCHAR Block = ExAllocatePoolWithTag(NonPagedPool, SMALL_BYTES - 3, GOOD_TAG);

    UNREFERENCED_PARAMETER(Input);
    if (Block == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Block[SMALL_BYTES - 3] = 0;
    ExFreePoolWithTag(Block, GOOD_TAG);
    return STATUS_SUCCESS;
}

static NTSTATUS WriteAt(LONG Offset)
{
    PUCHAR Block = ExAllocatePoolWithTag(NonPagedPool, SMALL_BYTES, GOOD_TAG);

    if (Block == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    *(volatile UCHAR *)(Block + Offset) = 0;
    ExFreePoolWithTag(Block, GOOD_TAG);
    return STATUS_SUCCESS;
}

MISTAKE WriteBeyond(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return WriteAt(SMALL_BYTES);
}

MISTAKE WriteBefore(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    return WriteAt(-1);
}

MISTAKE FreeAgain(const CRASH_INPUT *Input)
{
    PVOID Block = ExAllocatePoolWithTag(NonPagedPool, SMALL_BYTES, GOOD_TAG);

    UNREFERENCED_PARAMETER(Input);
    ExFreePoolWithTag(Block, GOOD_TAG);
    ExFreePoolWithTag(Block, GOOD_TAG);
    return STATUS_SUCCESS;
}

/* What the dispatch routine is to do wrong with its packet. */
static enum { NoMistake, AsPending, Unmarked, Marked } PacketMistake;

MISTAKE CompleteAsPending(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    PacketMistake = AsPending;
    return STATUS_SUCCESS;
}

MISTAKE ReturnPendingUnmarked(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    PacketMistake = Unmarked;
    return STATUS_SUCCESS;
}

MISTAKE ReturnSuccessMarked(const CRASH_INPUT *Input)
{
    UNREFERENCED_PARAMETER(Input);
    PacketMistake = Marked;
    return STATUS_SUCCESS;
}

/* ---- The device -------------------------------------------------------------------------------
 */

#define CRASH_ENTRY(Routine, Name) [Crash##Routine] = Routine,
static CRASH_ROUTINE *const Mistakes[CrashMistakes] = {CRASH_MISTAKES(CRASH_ENTRY)};

static NTSTATUS CrashComplete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Completes a packet, or makes the mistake with it that was asked for. */
static NTSTATUS CrashEnd(PIRP Irp, NTSTATUS Status)
{
    if (PacketMistake == Marked)
        IoMarkIrpPending(Irp);
    CrashComplete(Irp, PacketMistake == AsPending ? STATUS_PENDING : Status);
    return PacketMistake == Unmarked ? STATUS_PENDING : Status;
}

static NTSTATUS NTAPI CrashDispatchOpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CrashComplete(Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI CrashDispatchDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    ULONG Length = Location->Parameters.DeviceIoControl.InputBufferLength;
    ULONG Mistake;

    UNREFERENCED_PARAMETER(DeviceObject);
    for (Mistake = 0; Mistake < CrashMistakes; Mistake++) {
        if (Location->Parameters.DeviceIoControl.IoControlCode == IOCTL_CRASH(Mistake))
            break;
    }
    if (Mistake == CrashMistakes)
        return CrashComplete(Irp, STATUS_INVALID_DEVICE_REQUEST);
    if (Length < sizeof(CRASH_INPUT))
        return CrashComplete(Irp, STATUS_BUFFER_TOO_SMALL);
    return CrashEnd(Irp, Mistakes[Mistake](Irp->AssociatedIrp.SystemBuffer));
}

/* Drivers are told of the stop, and may save what they need (WDK: KeRegisterBugCheckCallback). */
static KBUGCHECK_CALLBACK_RECORD CallbackRecord;

static VOID NTAPI CrashCallback(PVOID Buffer, ULONG Length)
{
    DbgPrint("crash.sys is told of the stop: %lu bytes, %s\n", Length,
             Buffer == &CallbackRecord && KeGetCurrentIrql() == HIGH_LEVEL ? "as it should be"
                                                                           : "but wrongly");
}

static VOID CrashRegisterCallback(VOID)
{
    PKBUGCHECK_CALLBACK_RECORD Record = &CallbackRecord;

    KeInitializeCallbackRecord(Record);
    KeRegisterBugCheckCallback(Record, CrashCallback, Record, sizeof *Record, (PUCHAR) "crash");
}

static VOID NTAPI CrashUnload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(CRASH_LINK_NAME);

    KeDeregisterBugCheckCallback(&CallbackRecord);
    IoDeleteSymbolicLink(&Link);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(CRASH_DEVICE_NAME);
    UNICODE_STRING Link = RTL_CONSTANT_STRING(CRASH_LINK_NAME);
    PDEVICE_OBJECT DeviceObject;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    KeInitializeEvent(&NeverSet, NotificationEvent, FALSE);
    KeInitializeMutex(&Mutex, 0);
    KeInitializeSpinLock(&Lock);
    KeInitializeSpinLock(&OtherLock);
    ExInitializeFastMutex(&FirstMutex);
    ExInitializeFastMutex(&SecondMutex);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = CrashDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = CrashDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = CrashDispatchOpenClose;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = CrashDispatchDeviceControl;
    DriverObject->DriverUnload = CrashUnload;
    Status = IoCreateDevice(DriverObject, 0, &Name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &DeviceObject);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateSymbolicLink(&Link, &Name);
    if (NT_SUCCESS(Status))
        CrashRegisterCallback();
    else
        IoDeleteDevice(DeviceObject);
    return Status;
}
