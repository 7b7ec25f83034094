/*
 * mdltest.sys: what a driver may rely on about memory descriptor lists: what they say, that locked
 * pages stay whatever becomes of the memory, and what can be done with mappings of them (WDK,
 * "Using MDLs" and the pages of the routines). User memory is the System process's own here.
 *
 * Frames and promises are counted from outside: SystemPerformanceInformation. Nothing else runs
 * that could change them, for the test's thread is all that is awake.
 */
#include <ntifs.h>
#include "memory.h"
#include "waiter.h"

DRIVER_INITIALIZE DriverEntry;

#define PAGES      5
#define BYTES      (PAGES * PAGE_SIZE)
#define AT         0x234 /* where in its first page a buffer begins */
#define GRANULE    0x10000
#define NO_WRITE   0x80000000 /* MdlMappingNoWrite */
#define IO_CHUNK   (4 * 1024 * 1024)
#define MOST_CHUNK 64

/* ---- Help -------------------------------------------------------------------------------------
 */

static PVOID SystemAddress(PMDL Mdl)
{
    return MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority);
}

/* Do the frames in the MDL lie behind the buffer's pages? */
static BOOLEAN HasFramesOf(PMDL Mdl, PVOID Buffer)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG Pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(Buffer, MmGetMdlByteCount(Mdl)), i;
    PUCHAR Page = PAGE_ALIGN(Buffer);

    for (i = 0; i < Pages; i++) {
        PHYSICAL_ADDRESS Address = MmGetPhysicalAddress(Page + i * PAGE_SIZE);
        if (Address.QuadPart == 0 || Frames[i] != (ULONG)(Address.QuadPart >> PAGE_SHIFT))
            return FALSE;
    }
    return TRUE;
}

/* ---- The lists themselves ---------------------------------------------------------------------
 */

static VOID TestShape(VOID)
{
    PUCHAR Buffer = (PUCHAR)0x40000000 + AT;
    PMDL Mdl = IoAllocateMdl(Buffer, BYTES, FALSE, FALSE, NULL);
    MDL Own[3];

    CheckEqual("size: spans one more page", MmSizeOfMdl(Buffer, BYTES),
               sizeof(MDL) + (PAGES + 1) * sizeof(PFN_NUMBER));
    CheckEqual("size: of nothing", MmSizeOfMdl(PAGE_ALIGN(Buffer), 0), sizeof(MDL));
    Check("allocate: the buffer is what was said",
          MmGetMdlVirtualAddress(Mdl) == Buffer && MmGetMdlByteCount(Mdl) == BYTES &&
              MmGetMdlByteOffset(Mdl) == AT && MmGetMdlBaseVa(Mdl) == PAGE_ALIGN(Buffer));
    Check("allocate: nothing is locked, mapped or chained",
          Mdl->Next == NULL && Mdl->Size == (CSHORT)MmSizeOfMdl(Buffer, BYTES) &&
              !(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA |
                                 MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL)));
    IoFreeMdl(Mdl);
    Check("allocate: larger than the address space",
          IoAllocateMdl(Buffer, MAXULONG, FALSE, FALSE, NULL) == NULL);
    Mdl = IoAllocateMdl(Buffer, 64 * 1024 * 1024, FALSE, TRUE, NULL);
    Check("allocate: 64 MB, with quota", Mdl && MmGetMdlByteCount(Mdl) == 64 * 1024 * 1024);
    IoFreeMdl(Mdl);
    Check("create: in the driver's own memory",
          MmCreateMdl(Own, Buffer, PAGE_SIZE) == Own && MmGetMdlVirtualAddress(Own) == Buffer);
    Mdl = MmCreateMdl(NULL, Buffer, PAGE_SIZE);
    Check("create: in new memory", Mdl && MmGetMdlByteCount(Mdl) == PAGE_SIZE);
    ExFreePool(Mdl);
}

static VOID TestPacket(VOID)
{
    PIRP Irp = IoAllocateIrp(1, FALSE);
    PMDL First = IoAllocateMdl(Irp, 1, TRUE, FALSE, Irp), Second, Third;

    Check("packet: a secondary buffer becomes the first if there is none",
          Irp->MdlAddress == First && First->Next == NULL);
    Second = IoAllocateMdl(Irp, 2, TRUE, FALSE, Irp);
    Third = IoAllocateMdl(Irp, 3, TRUE, FALSE, Irp);
    Check("packet: secondary buffers are chained at the end",
          Irp->MdlAddress == First && First->Next == Second && Second->Next == Third &&
              Third->Next == NULL);
    IoFreeMdl(Second);
    IoFreeMdl(Third);
    Second = IoAllocateMdl(Irp, 4, FALSE, FALSE, Irp);
    Check("packet: a primary one replaces them", Irp->MdlAddress == Second && !Second->Next);
    IoFreeMdl(First);
    IoFreeMdl(Second);
    Irp->MdlAddress = NULL;
    IoFreeIrp(Irp);
}

static UCHAR OwnData[2 * PAGE_SIZE];

static VOID TestNonPaged(VOID)
{
    PUCHAR Pool = ExAllocatePoolWithTag(NonPagedPool, BYTES, TAG_TEST);
    PMDL Mdl = IoAllocateMdl(Pool + AT, BYTES - AT, FALSE, FALSE, NULL);

    MmBuildMdlForNonPagedPool(Mdl);
    Check("nonpaged: the frames are the pool's", HasFramesOf(Mdl, Pool + AT));
    Check("nonpaged: the buffer is its own mapping",
          (Mdl->MdlFlags & MDL_SOURCE_IS_NONPAGED_POOL) && SystemAddress(Mdl) == Pool + AT &&
              MmGetSystemAddressForMdl(Mdl) == Pool + AT &&
              !(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA)));
    MmPrepareMdlForReuse(Mdl);
    CheckEqual("nonpaged: advanced", MmAdvanceMdl(Mdl, PAGE_SIZE), STATUS_SUCCESS);
    Check("nonpaged: the mapping goes with it",
          SystemAddress(Mdl) == Pool + AT + PAGE_SIZE && HasFramesOf(Mdl, Pool + AT + PAGE_SIZE));
    IoFreeMdl(Mdl);
    ExFreePoolWithTag(Pool, TAG_TEST);
    Mdl = IoAllocateMdl(OwnData, sizeof OwnData, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(Mdl);
    Check("nonpaged: a driver's data", HasFramesOf(Mdl, OwnData));
    IoFreeMdl(Mdl);
}

/* ---- Locking ----------------------------------------------------------------------------------
 */

static VOID TestUserMemory(VOID)
{
    USAGE Before = QueryUsage(), During;
    PUCHAR User = AllocateUser(NULL, BYTES, PAGE_READWRITE), Mapped;
    PMDL Mdl;

    During = QueryUsage();
    Mdl = LockBuffer(User + AT, BYTES - AT, UserMode, IoWriteAccess);
    CheckEqual("user: locking brings the pages in", QueryUsage().AvailablePages,
               During.AvailablePages - PAGES);
    Check("user: the frames are the memory's", HasFramesOf(Mdl, User + AT));
    Check("user: locked for writing, in this process", (Mdl->MdlFlags & MDL_PAGES_LOCKED) &&
                                                           (Mdl->MdlFlags & MDL_WRITE_OPERATION) &&
                                                           Mdl->Process == PsGetCurrentProcess());
    Mapped = SystemAddress(Mdl);
    Check("user: mapped into system space, with its offset",
          (PVOID)Mapped >= MmSystemRangeStart && BYTE_OFFSET(Mapped) == AT &&
              (Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) && SystemAddress(Mdl) == Mapped);
    RtlFillMemory(User + AT, BYTES - AT, 0x11);
    Check("user: what is written there is seen here", IsFilled(Mapped, BYTES - AT, 0x11));
    RtlFillMemory(Mapped, BYTES - AT, 0x22);
    Check("user: and the other way round", IsFilled(User + AT, BYTES - AT, 0x22));
    MmUnlockPages(Mdl);
    Check("user: unlocking ends the mapping",
          !(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA)) &&
              !MmIsAddressValid(Mapped));
    MmProbeAndLockPages(Mdl, KernelMode, IoReadAccess);
    Check("user: locked anew, for reading",
          (Mdl->MdlFlags & MDL_PAGES_LOCKED) && !(Mdl->MdlFlags & MDL_WRITE_OPERATION));
    UnlockAndFree(Mdl);
    Check("user: the memory is as it was", IsFilled(User + AT, BYTES - AT, 0x22));
    CheckEqual("user: and can be freed", FreeUser(User), STATUS_SUCCESS);
    Check("user: nothing is left of it", SameUsage(&Before));
}

/* The memory is freed, and its addresses have other frames, but what was locked is still there. */
static VOID TestFreedMemory(VOID)
{
    USAGE Before = QueryUsage(), Locked;
    PUCHAR User = AllocateUser(NULL, BYTES, PAGE_READWRITE), Mapped;
    PMDL First, Second;

    RtlFillMemory(User, BYTES, 0x33);
    First = LockBuffer(User, BYTES, KernelMode, IoModifyAccess);
    Second = LockBuffer(User + PAGE_SIZE, PAGE_SIZE, KernelMode, IoReadAccess);
    Mapped = SystemAddress(First);
    Locked = QueryUsage();
    CheckEqual("freed: locked memory can be freed", FreeUser(User), STATUS_SUCCESS);
    Check("freed: its frames are not, nor what was promised", SameUsage(&Locked));
    Check("freed: the same addresses again", AllocateUser(User, BYTES, PAGE_READWRITE) == User);
    RtlFillMemory(User, BYTES, 0x44);
    Check("freed: what was locked has not changed", IsFilled(Mapped, BYTES, 0x33));
    Check("freed: nor have the addresses these frames", !HasFramesOf(Second, User + PAGE_SIZE));
    FreeUser(User);
    UnlockAndFree(First);
    Locked = QueryUsage();
    Mapped = SystemAddress(Second);
    Check("freed: the page that is locked twice is the last one left",
          IsFilled(Mapped, PAGE_SIZE, 0x33));
    UnlockAndFree(Second);
    CheckEqual("freed: it goes with the last lock", QueryUsage().AvailablePages,
               Locked.AvailablePages + 1);
    Check("freed: nothing is left of it", SameUsage(&Before));
}

static VOID TestReadOnly(VOID)
{
    PUCHAR User = AllocateUser(NULL, BYTES, PAGE_READONLY);
    PMDL Mdl = LockBuffer(User, BYTES, UserMode, IoReadAccess);

    Check("read-only: can be locked for reading", HasFramesOf(Mdl, User));
    Check("read-only: is zero", IsFilled(SystemAddress(Mdl), BYTES, 0));
    UnlockAndFree(Mdl);
    FreeUser(User);
    Mdl = LockBuffer((PVOID)SharedUserData, PAGE_SIZE, KernelMode, IoReadAccess);
    Check("read-only: the page that all share", HasFramesOf(Mdl, (PVOID)SharedUserData));
    UnlockAndFree(Mdl);
}

/* Runs at DISPATCH_LEVEL: what is locked can be used there, mapped and unlocked. */
static VOID UseAtDispatch(PMDL Mdl, UCHAR Expected)
{
    BOOLEAN Right;
    KIRQL OldIrql;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Right = IsFilled(SystemAddress(Mdl), MmGetMdlByteCount(Mdl), Expected);
    UnlockAndFree(Mdl);
    KeLowerIrql(OldIrql);
    Check("dispatch: mapped, read, unlocked and freed", Right);
}

static VOID TestSystemMemory(VOID)
{
    PUCHAR Pool = ExAllocatePoolWithTag(PagedPool, BYTES, TAG_TEST);
    USAGE Before = QueryUsage();
    PMDL Mdl = LockBuffer(Pool, BYTES, KernelMode, IoWriteAccess);
    KIRQL OldIrql;

    Check("paged: locked, and no process's", HasFramesOf(Mdl, Pool) && Mdl->Process == NULL);
    CheckEqual("paged: its pages are there now", QueryUsage().AvailablePages,
               Before.AvailablePages - PAGES);
    RtlFillMemory(SystemAddress(Mdl), BYTES, 0x55);
    Check("paged: the same through the mapping", IsFilled(Pool, BYTES, 0x55));
    ExFreePoolWithTag(Pool, TAG_TEST);
    Check("paged: stays when the pool is freed", IsFilled(SystemAddress(Mdl), BYTES, 0x55));
    UseAtDispatch(Mdl, 0x55);
    Pool = ExAllocatePoolWithTag(NonPagedPool, BYTES, TAG_TEST);
    RtlFillMemory(Pool, BYTES, 0x66);
    Mdl = IoAllocateMdl(Pool, BYTES, FALSE, FALSE, NULL);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    MmProbeAndLockPages(Mdl, KernelMode, IoReadAccess);
    KeLowerIrql(OldIrql);
    UseAtDispatch(Mdl, 0x66);
    ExFreePoolWithTag(Pool, TAG_TEST);
    Before = QueryUsage();
    Mdl = LockBuffer(&TestPassed, sizeof TestPassed, KernelMode, IoWriteAccess);
    Check("driver: its data can be locked", *(PULONG)SystemAddress(Mdl) == TestPassed);
    UnlockAndFree(Mdl);
    Check("driver: nothing is left of it", SameUsage(&Before));
}

/* A worker of the System process looks at what another thread has locked, by the mapping. */
static VOID NTAPI ReadMapping(PVOID Context)
{
    PMDL Mdl = Context;

    Check("context: another thread reads the mapping",
          IsFilled(SystemAddress(Mdl), MmGetMdlByteCount(Mdl), 0x77));
    MmUnlockPages(Mdl);
}

static VOID TestOtherContext(VOID)
{
    PUCHAR User = AllocateUser(NULL, BYTES, PAGE_READWRITE);
    PMDL Mdl = IoAllocateMdl(User, BYTES, FALSE, FALSE, NULL);
    WORKER Worker;

    RtlFillMemory(User, BYTES, 0x77);
    MmProbeAndLockProcessPages(Mdl, PsGetCurrentProcess(), UserMode, IoReadAccess);
    Check("context: locked for a process", HasFramesOf(Mdl, User));
    FreeUser(User);
    StartWorker(&Worker, ReadMapping, Mdl);
    EndWorker(&Worker);
    Check("context: unlocked there", !(Mdl->MdlFlags & MDL_PAGES_LOCKED));
    IoFreeMdl(Mdl);
}

/* ---- Parts ------------------------------------------------------------------------------------
 */

static VOID TestPart(PMDL Source, PUCHAR Buffer)
{
    PMDL Part = IoAllocateMdl(Buffer, 3 * PAGE_SIZE, FALSE, FALSE, NULL);
    PUCHAR Mapped;

    IoBuildPartialMdl(Source, Part, Buffer + PAGE_SIZE + 1, PAGE_SIZE);
    Check("part: describes what was asked for",
          MmGetMdlVirtualAddress(Part) == Buffer + PAGE_SIZE + 1 &&
              MmGetMdlByteCount(Part) == PAGE_SIZE && HasFramesOf(Part, Buffer + PAGE_SIZE + 1) &&
              (Part->MdlFlags & MDL_PARTIAL) && !(Part->MdlFlags & MDL_PAGES_LOCKED));
    Mapped = SystemAddress(Part);
    Check("part: has a mapping of its own if the whole has none",
          (Part->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED) && IsFilled(Mapped, PAGE_SIZE, 0x12));
    MmPrepareMdlForReuse(Part);
    Check("part: which ends when it is used anew",
          !(Part->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED) && !MmIsAddressValid(Mapped));
    IoBuildPartialMdl(Source, Part, Buffer + BYTES - 2 * PAGE_SIZE, 0);
    Check("part: without a length, all that follows",
          MmGetMdlByteCount(Part) == 2 * PAGE_SIZE &&
              HasFramesOf(Part, Buffer + BYTES - 2 * PAGE_SIZE));
    Mapped = SystemAddress(Part);
    IoFreeMdl(Part);
    Check("part: freeing it ends its mapping", !MmIsAddressValid(Mapped));
}

static VOID TestPartOfMapped(PMDL Source, PUCHAR Buffer)
{
    PMDL Part = IoAllocateMdl(Buffer, PAGE_SIZE, FALSE, FALSE, NULL);
    PUCHAR Mapped = SystemAddress(Source);

    IoBuildPartialMdl(Source, Part, Buffer + PAGE_SIZE + 7, PAGE_SIZE - 7);
    Check("part: has the whole's mapping if that has one",
          SystemAddress(Part) == Mapped + PAGE_SIZE + 7 &&
              (Part->MdlFlags & MDL_PARENT_MAPPED_SYSTEM_VA));
    MmPrepareMdlForReuse(Part);
    IoFreeMdl(Part);
    Check("part: which stays", SystemAddress(Source) == Mapped && MmIsAddressValid(Mapped));
}

static VOID TestPartOfPool(VOID)
{
    PUCHAR Pool = ExAllocatePoolWithTag(NonPagedPool, BYTES, TAG_TEST);
    PMDL Mdl = IoAllocateMdl(Pool, BYTES, FALSE, FALSE, NULL);
    PMDL Part = IoAllocateMdl(Pool, BYTES, FALSE, FALSE, NULL);

    MmBuildMdlForNonPagedPool(Mdl);
    IoBuildPartialMdl(Mdl, Part, Pool + 8, 8);
    Check("part: of nonpaged pool", SystemAddress(Part) == Pool + 8 && HasFramesOf(Part, Pool + 8));
    IoFreeMdl(Part);
    IoFreeMdl(Mdl);
    ExFreePoolWithTag(Pool, TAG_TEST);
}

static VOID TestParts(VOID)
{
    PUCHAR User = AllocateUser(NULL, BYTES, PAGE_READWRITE);
    PMDL Mdl;

    RtlFillMemory(User, BYTES, 0x12);
    Mdl = LockBuffer(User, BYTES, UserMode, IoReadAccess);
    TestPart(Mdl, User);
    TestPartOfMapped(Mdl, User);
    UnlockAndFree(Mdl);
    FreeUser(User);
    TestPartOfPool();
}

static VOID TestAdvance(VOID)
{
    USAGE Before = QueryUsage(), Locked;
    PUCHAR User = AllocateUser(NULL, BYTES, PAGE_READWRITE), Mapped;
    PMDL Mdl;

    RtlFillMemory(User, BYTES, 0x21);
    Mdl = LockBuffer(User + AT, BYTES - AT, UserMode, IoReadAccess);
    Mapped = SystemAddress(Mdl);
    FreeUser(User);
    Locked = QueryUsage();
    CheckEqual("advance: within a page", MmAdvanceMdl(Mdl, 16), STATUS_SUCCESS);
    Check("advance: buffer and mapping begin later",
          MmGetMdlVirtualAddress(Mdl) == User + AT + 16 && SystemAddress(Mdl) == Mapped + 16 &&
              MmGetMdlByteCount(Mdl) == BYTES - AT - 16 && SameUsage(&Locked));
    CheckEqual("advance: over two pages", MmAdvanceMdl(Mdl, 2 * PAGE_SIZE), STATUS_SUCCESS);
    CheckEqual("advance: those are unlocked", QueryUsage().AvailablePages,
               Locked.AvailablePages + 2);
    Mapped += 16 + 2 * PAGE_SIZE;
    Check("advance: and not mapped; the others are",
          SystemAddress(Mdl) == Mapped && !MmIsAddressValid(Mapped - PAGE_SIZE) &&
              HasFramesOf(Mdl, Mapped) && IsFilled(Mapped, MmGetMdlByteCount(Mdl), 0x21));
    CheckEqual("advance: not beyond the end", MmAdvanceMdl(Mdl, MmGetMdlByteCount(Mdl) + 1),
               STATUS_INVALID_PARAMETER_2);
    CheckEqual("advance: to the end", MmAdvanceMdl(Mdl, MmGetMdlByteCount(Mdl)), STATUS_SUCCESS);
    UnlockAndFree(Mdl);
    Check("advance: nothing is left of it", SameUsage(&Before));
}

/* ---- Mappings ---------------------------------------------------------------------------------
 */

static VOID TestProtect(VOID)
{
    PUCHAR User = AllocateUser(NULL, BYTES, PAGE_READWRITE), Mapped;
    PMDL Mdl = LockBuffer(User, BYTES, UserMode, IoWriteAccess);

    CheckEqual("protect: not mapped", MmProtectMdlSystemAddress(Mdl, PAGE_READONLY),
               STATUS_NOT_MAPPED_VIEW);
    Mapped = MmMapLockedPages(Mdl, KernelMode);
    RtlFillMemory(Mapped, BYTES, 0x31);
    CheckEqual("protect: not a protection", MmProtectMdlSystemAddress(Mdl, PAGE_WRITECOPY),
               STATUS_INVALID_PAGE_PROTECTION);
    CheckEqual("protect: no guard pages",
               MmProtectMdlSystemAddress(Mdl, PAGE_READONLY | PAGE_GUARD),
               STATUS_INVALID_PAGE_PROTECTION);
    CheckEqual("protect: no access", MmProtectMdlSystemAddress(Mdl, PAGE_NOACCESS), STATUS_SUCCESS);
    Check("protect: it cannot be touched", !MmIsAddressValid(Mapped));
    CheckEqual("protect: read-only", MmProtectMdlSystemAddress(Mdl, PAGE_READONLY), STATUS_SUCCESS);
    Check("protect: its contents are there", IsFilled(Mapped, BYTES, 0x31));
    CheckEqual("protect: writable", MmProtectMdlSystemAddress(Mdl, PAGE_READWRITE), STATUS_SUCCESS);
    Mapped[0] = 0x32;
    Check("protect: the process's own addresses know nothing of it", User[0] == 0x32);
    MmUnmapLockedPages(Mapped, Mdl);
    Check("unmap: it is not mapped any more, but locked",
          !MmIsAddressValid(Mapped) && (Mdl->MdlFlags & MDL_PAGES_LOCKED));
    UnlockAndFree(Mdl);
    FreeUser(User);
}

/* Uses up the address space for mappings: IO_CHUNKs of it, then single pages. */
static ULONG TakeAddressSpace(PVOID *Chunks, SIZE_T Bytes, ULONG Most)
{
    PHYSICAL_ADDRESS Device = {.QuadPart = 0xD0000000};
    ULONG Count = 0;

    while (Count < Most && (Chunks[Count] = MmMapIoSpace(Device, Bytes, MmNonCached)) != NULL)
        Count++;
    return Count;
}

static VOID GiveAddressSpace(PVOID *Chunks, SIZE_T Bytes, ULONG Count)
{
    while (Count > 0)
        MmUnmapIoSpace(Chunks[--Count], Bytes);
}

static VOID TestNoAddressSpace(VOID)
{
    static PVOID Large[MOST_CHUNK], Small[IO_CHUNK / PAGE_SIZE];
    PUCHAR Pool = ExAllocatePoolWithTag(PagedPool, BYTES, TAG_TEST);
    PMDL Mdl = LockBuffer(Pool, BYTES, KernelMode, IoWriteAccess);
    ULONG LargeCount = TakeAddressSpace(Large, IO_CHUNK, MOST_CHUNK);
    ULONG SmallCount = TakeAddressSpace(Small, PAGE_SIZE, IO_CHUNK / PAGE_SIZE);

    Check("no addresses: they have been used up",
          LargeCount < MOST_CHUNK && SmallCount < IO_CHUNK / PAGE_SIZE);
    Check("no addresses: no mapping", SystemAddress(Mdl) == NULL);
    Mdl->MdlFlags |= MDL_MAPPING_CAN_FAIL;
    Check("no addresses: the older routine says so, too, if it may",
          MmMapLockedPages(Mdl, KernelMode) == NULL && !(Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
    GiveAddressSpace(Small, PAGE_SIZE, SmallCount);
    GiveAddressSpace(Large, IO_CHUNK, LargeCount);
    Check("no addresses: there are some again", SystemAddress(Mdl) != NULL);
    UnlockAndFree(Mdl);
    ExFreePoolWithTag(Pool, TAG_TEST);
}

static PUCHAR MapForUser(PMDL Mdl, PVOID Where, ULONG Priority)
{
    return MmMapLockedPagesSpecifyCache(Mdl, UserMode, MmCached, Where, FALSE,
                                        (MM_PAGE_PRIORITY)Priority);
}

static VOID TestNotThePrograms(PUCHAR Mapped)
{
    SIZE_T Size = PAGE_SIZE;
    PVOID Base = PAGE_ALIGN(Mapped);

    CheckEqual("to user: a program cannot free it", FreeUser(PAGE_ALIGN(Mapped)),
               STATUS_UNABLE_TO_DELETE_SECTION);
    CheckEqual(
        "to user: nor commit it",
        ZwAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_COMMIT, PAGE_READWRITE),
        STATUS_CONFLICTING_ADDRESSES);
}

static VOID TestToUser(VOID)
{
    PUCHAR Pool = ExAllocatePoolWithTag(NonPagedPool, BYTES, TAG_TEST), Mapped, Second;
    PMDL Mdl = IoAllocateMdl(Pool + AT, PAGE_SIZE, FALSE, FALSE, NULL);

    MmBuildMdlForNonPagedPool(Mdl);
    Mapped = MapForUser(Mdl, NULL, NormalPagePriority);
    Check("to user: in the lower half, with its offset", (PVOID)Mapped < MmHighestUserAddress &&
                                                             BYTE_OFFSET(Mapped) == AT &&
                                                             HasFramesOf(Mdl, Mapped));
    Mapped[1] = 0x41;
    Check("to user: what is written there is seen here", Pool[AT + 1] == 0x41);
    Second = MapForUser(Mdl, (PVOID)0x30012345, NormalPagePriority | NO_WRITE);
    Check("to user: where it was asked for, rounded down", Second == (PUCHAR)0x30010000 + AT);
    TestNotThePrograms(Mapped);
    MmUnmapLockedPages(Second, Mdl);
    Check("to user: the other mapping stays", !MmIsAddressValid(Second) && Mapped[1] == 0x41);
    MmUnmapLockedPages(Mapped, Mdl);
    IoFreeMdl(Mdl);
    ExFreePoolWithTag(Pool, TAG_TEST);
}

static VOID RunAll(VOID)
{
    FreeUser(AllocateUser(NULL, BYTES, PAGE_READWRITE)); /* the page table comes, and stays */
    TestShape();
    TestPacket();
    TestNonPaged();
    TestUserMemory();
    TestFreedMemory();
    TestReadOnly();
    TestSystemMemory();
    TestParts();
    TestAdvance();
    TestProtect();
    TestNoAddressSpace();
    TestToUser();
    TestOtherContext(); /* last: its thread's stack goes when it likes */
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    return RunTests(DriverObject, "mdltest", RunAll);
}
