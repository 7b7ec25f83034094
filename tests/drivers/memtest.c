/*
 * memtest.sys: what a driver may rely on about memory for devices (contiguous, not cached, by frame
 * alone), reserved mappings, secured memory, and questions about addresses (WDK, the pages of the
 * routines). Frames and promises are counted by SystemPerformanceInformation.
 */
#include <ntifs.h>
#include <ntddk.h>
#include "memory.h"
#include "waiter.h"

DRIVER_INITIALIZE DriverEntry;

#define PAGES 5
#define BYTES (PAGES * PAGE_SIZE)
#define MEGA  (1024 * 1024)

static const PHYSICAL_ADDRESS Zero = {.QuadPart = 0}, Anywhere = {.QuadPart = -1};

static PHYSICAL_ADDRESS At(ULONGLONG Address)
{
    return (PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)Address};
}

/* ---- Contiguous memory ------------------------------------------------------------------------
 */

/* Are all pages behind each other, and within these addresses? */
static BOOLEAN IsContiguous(PUCHAR Memory, ULONG Bytes, ULONGLONG Low, ULONGLONG High)
{
    ULONGLONG First = (ULONGLONG)MmGetPhysicalAddress(Memory).QuadPart;
    ULONG Offset;

    for (Offset = 0; Offset < Bytes; Offset += PAGE_SIZE) {
        if ((ULONGLONG)MmGetPhysicalAddress(Memory + Offset).QuadPart != First + Offset)
            return FALSE;
    }
    return First >= Low && First + Bytes - 1 <= High;
}

static VOID TestContiguous(VOID)
{
    USAGE Before = QueryUsage();
    PUCHAR Memory = MmAllocateContiguousMemory(3 * PAGE_SIZE + 1, At(16 * MEGA - 1)), Other;

    Check("contiguous: adjacent, below what was said",
          Memory && BYTE_OFFSET(Memory) == 0 &&
              IsContiguous(Memory, 4 * PAGE_SIZE, 0, 16 * MEGA - 1));
    CheckEqual("contiguous: whole pages", QueryUsage().CommittedPages, Before.CommittedPages + 4);
    RtlFillMemory(Memory, 4 * PAGE_SIZE, 0x51);
    Other = MmAllocateContiguousMemorySpecifyCache(BYTES, At(20 * MEGA), At(24 * MEGA - 1), Zero,
                                                   MmNonCached);
    Check("contiguous: from one address to another",
          Other && IsContiguous(Other, BYTES, 20 * MEGA, 24 * MEGA - 1));
    RtlFillMemory(Other, BYTES, 0x52);
    Check("contiguous: two do not overlap", IsFilled(Memory, 4 * PAGE_SIZE, 0x51));
    Check("contiguous: its address is found again",
          MmGetVirtualForPhysical(MmGetPhysicalAddress(Other + 17)) == Other + 17);
    MmFreeContiguousMemorySpecifyCache(Other, BYTES, MmNonCached);
    MmFreeContiguousMemory(Memory);
    Check("contiguous: nothing is left of it", SameUsage(&Before));
}

static VOID TestBoundary(VOID)
{
    PUCHAR Memory[8];
    ULONG i, Crossing = 0;

    for (i = 0; i < RTL_NUMBER_OF(Memory); i++) {
        ULONGLONG First;
        Memory[i] = MmAllocateContiguousMemorySpecifyCacheNode(
            3 * PAGE_SIZE, Zero, Anywhere, At(4 * PAGE_SIZE), MmCached, MM_ANY_NODE_OK);
        First = (ULONGLONG)MmGetPhysicalAddress(Memory[i]).QuadPart;
        Crossing +=
            First == 0 || First / (4 * PAGE_SIZE) != (First + 3 * PAGE_SIZE - 1) / (4 * PAGE_SIZE);
    }
    CheckEqual("boundary: none is crossed", Crossing, 0);
    while (i > 0)
        MmFreeContiguousMemory(Memory[--i]);
}

static PVOID TryContiguous(SIZE_T Bytes, ULONGLONG Low, ULONGLONG High, ULONGLONG Boundary)
{
    return MmAllocateContiguousMemorySpecifyCache(Bytes, At(Low), At(High), At(Boundary), MmCached);
}

static VOID TestNotContiguous(VOID)
{
    USAGE Before = QueryUsage();

    Check("contiguous: no bytes", TryContiguous(0, 0, -1, 0) == NULL);
    Check("contiguous: more than there is", TryContiguous(2047u * MEGA, 0, -1, 0) == NULL &&
                                                TryContiguous(170 * MEGA, 0, -1, 0) == NULL);
    Check("contiguous: where no memory is",
          TryContiguous(PAGE_SIZE, 3ull << 30, -1, 0) == NULL &&
              TryContiguous(PAGE_SIZE, 5ull << 32, -1, 0) == NULL);
    Check("contiguous: less than a page to choose from",
          TryContiguous(PAGE_SIZE, 20 * MEGA + 1, 20 * MEGA + 2 * PAGE_SIZE - 2, 0) == NULL);
    Check("contiguous: more than the boundary", TryContiguous(BYTES, 0, -1, PAGE_SIZE) == NULL);
    Check("contiguous: nothing is lost", SameUsage(&Before));
}

static VOID TestNonCached(VOID)
{
    USAGE Before = QueryUsage();
    PUCHAR Memory = MmAllocateNonCachedMemory(BYTES - 1);

    Check("noncached: zeroed whole pages",
          Memory && BYTE_OFFSET(Memory) == 0 && IsFilled(Memory, BYTES, 0));
    RtlFillMemory(Memory, BYTES, 0x53);
    Check("noncached: nonpaged system memory",
          MmIsNonPagedSystemAddressValid(Memory) && IsFilled(Memory, BYTES, 0x53));
    MmFreeNonCachedMemory(Memory, BYTES - 1);
    Check("noncached: not there any more", !MmIsNonPagedSystemAddressValid(Memory));
    Check("noncached: no bytes", MmAllocateNonCachedMemory(0) == NULL);
    Check("noncached: nothing is left of it", SameUsage(&Before));
}

/* ---- Memory known by an MDL alone -------------------------------------------------------------
 */

static BOOLEAN AreFramesIn(PMDL Mdl, ULONGLONG Low, ULONGLONG High)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG i;

    for (i = 0; i < MmGetMdlByteCount(Mdl) / PAGE_SIZE; i++) {
        if ((ULONGLONG)Frames[i] << PAGE_SHIFT < Low ||
            ((ULONGLONG)Frames[i] << PAGE_SHIFT) + PAGE_SIZE - 1 > High)
            return FALSE;
    }
    return TRUE;
}

static VOID FreeMdlPages(PMDL Mdl)
{
    MmFreePagesFromMdl(Mdl);
    ExFreePool(Mdl);
}

static VOID TestPagesForMdl(VOID)
{
    USAGE Before = QueryUsage();
    PMDL Mdl = MmAllocatePagesForMdl(At(20 * MEGA), At(24 * MEGA - 1), Zero, BYTES - 1);
    PUCHAR Mapped, User;

    Check("pages: as many as were asked for, where they were",
          Mdl && MmGetMdlByteCount(Mdl) == BYTES && MmGetMdlByteOffset(Mdl) == 0 &&
              (Mdl->MdlFlags & MDL_PAGES_LOCKED) && AreFramesIn(Mdl, 20 * MEGA, 24 * MEGA - 1));
    Mapped = MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmWriteCombined, NULL, FALSE,
                                          NormalPagePriority);
    Check("pages: mapped, and zero", IsFilled(Mapped, BYTES, 0));
    User = MmMapLockedPagesSpecifyCache(Mdl, UserMode, MmCached, NULL, FALSE, NormalPagePriority);
    RtlFillMemory(User, BYTES, 0x54);
    Check("pages: mapped for a program, too", IsFilled(Mapped, BYTES, 0x54));
    MmUnmapLockedPages(User, Mdl);
    MmUnmapLockedPages(Mapped, Mdl);
    FreeMdlPages(Mdl);
    Check("pages: nothing is left of it", SameUsage(&Before));
}

/* Freed while a program still has them: its mapping is the last to know them. */
static VOID TestPagesOfProgram(VOID)
{
    USAGE Before = QueryUsage();
    PMDL Mdl = MmAllocatePagesForMdl(Zero, Anywhere, Zero, PAGE_SIZE);
    PUCHAR User =
        MmMapLockedPagesSpecifyCache(Mdl, UserMode, MmCached, NULL, FALSE, NormalPagePriority);

    User[0] = 0x55;
    MmFreePagesFromMdl(Mdl);
    Check("pages: one that a program has mapped is not free",
          User[0] == 0x55 && QueryUsage().CommittedPages > Before.CommittedPages);
    MmUnmapLockedPages(User, Mdl);
    ExFreePool(Mdl);
    Check("pages: it is when that ends", SameUsage(&Before));
}

static VOID TestPagesBySkipping(VOID)
{
    PMDL Mdl = MmAllocatePagesForMdlEx(At(20 * MEGA), At(20 * MEGA + PAGE_SIZE - 1), At(MEGA),
                                       BYTES, MmCached, 0);
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG i, Right = 0;

    for (i = 0; i < PAGES; i++)
        Right += Frames[i] == ((20 + i) * MEGA) >> PAGE_SHIFT;
    CheckEqual("skipping: a page of each range", Right, PAGES);
    FreeMdlPages(Mdl);
    Mdl = MmAllocatePagesForMdlEx(At(20 * MEGA), At(20 * MEGA + PAGE_SIZE - 1), Zero, BYTES,
                                  MmCached, MM_DONT_ZERO_ALLOCATION);
    CheckEqual("skipping: without, as much as there is", MmGetMdlByteCount(Mdl), PAGE_SIZE);
    FreeMdlPages(Mdl);
    Check("pages: all or nothing",
          MmAllocatePagesForMdlEx(At(20 * MEGA), At(20 * MEGA + PAGE_SIZE - 1), Zero, BYTES,
                                  MmCached, MM_ALLOCATE_FULLY_REQUIRED) == NULL);
}

static VOID TestPagesInChunks(VOID)
{
    USAGE Before = QueryUsage();
    PMDL Mdl = MmAllocatePagesForMdlEx(Zero, Anywhere, Zero, BYTES, MmCached,
                                       MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS);
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    ULONG i, Right = 0;

    for (i = 0; i < PAGES; i++)
        Right += Frames[i] == Frames[0] + i;
    CheckEqual("chunks: one block", Right, PAGES);
    FreeMdlPages(Mdl);
    Mdl = MmAllocatePagesForMdlEx(Zero, Anywhere, At(2 * PAGE_SIZE), 4 * PAGE_SIZE, MmCached,
                                  MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS);
    Frames = MmGetMdlPfnArray(Mdl);
    Check("chunks: aligned blocks", Frames[0] % 2 == 0 && Frames[1] == Frames[0] + 1 &&
                                        Frames[2] % 2 == 0 && Frames[3] == Frames[2] + 1);
    FreeMdlPages(Mdl);
    Check("chunks: not of any size",
          MmAllocatePagesForMdlEx(Zero, Anywhere, At(3 * PAGE_SIZE), 3 * PAGE_SIZE, MmCached,
                                  MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS) == NULL);
    Check("pages: none", MmAllocatePagesForMdl(Zero, Anywhere, Zero, 0) == NULL);
    Check("pages: where no memory is",
          MmAllocatePagesForMdl(At(3ull << 30), Anywhere, Zero, BYTES) == NULL);
    Check("chunks: nothing is left of it", SameUsage(&Before));
}

/* ---- Reserved mappings ------------------------------------------------------------------------
 */

static VOID TestReserved(VOID)
{
    PUCHAR Range = MmAllocateMappingAddress(BYTES - 1, TAG_TEST), Mapped;
    PUCHAR Pool = ExAllocatePoolWithTag(PagedPool, 2 * BYTES, TAG_TEST);
    PMDL Mdl = LockBuffer(Pool + 0x10, BYTES - 0x10, KernelMode, IoWriteAccess);
    PMDL Large = LockBuffer(Pool, 2 * BYTES, KernelMode, IoWriteAccess);
    ULONG i;

    Check("reserved: addresses, and nothing there",
          Range && BYTE_OFFSET(Range) == 0 && !MmIsAddressValid(Range));
    Check("reserved: too small",
          MmMapLockedPagesWithReservedMapping(Range, TAG_TEST, Large, MmCached) == NULL);
    for (i = 0; i < 2; i++) {
        RtlFillMemory(Pool, BYTES, (UCHAR)i);
        Mapped = MmMapLockedPagesWithReservedMapping(Range, TAG_TEST, Mdl, MmCached);
        Check("reserved: mapped there, with its offset",
              Mapped == Range + 0x10 && IsFilled(Mapped, BYTES - 0x10, (UCHAR)i) &&
                  Mdl->MappedSystemVa == Range && (Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
        MmUnmapReservedMapping(Range, TAG_TEST, Mdl);
        Check("reserved: and not any more",
              !MmIsAddressValid(Mapped) && !(Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
    }
    MmFreeMappingAddress(Range, TAG_TEST);
    UnlockAndFree(Mdl);
    UnlockAndFree(Large);
    ExFreePoolWithTag(Pool, TAG_TEST);
    Check("reserved: more than there is", MmAllocateMappingAddress(512 * MEGA, TAG_TEST) == NULL);
}

/* ---- Secured memory ---------------------------------------------------------------------------
 */

static NTSTATUS Decommit(PVOID Base, SIZE_T Size)
{
    return ZwFreeVirtualMemory(NtCurrentProcess(), &Base, &Size, MEM_DECOMMIT);
}

/* Commits what is committed already: that changes the protection. */
static NTSTATUS Protect(PVOID Base, SIZE_T Size, ULONG Protection)
{
    return ZwAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_COMMIT, Protection);
}

static VOID TestSecure(VOID)
{
    PUCHAR User = AllocateUser(NULL, BYTES, PAGE_READWRITE);
    HANDLE ToRead, ToWrite;

    Check("secure: what is not there, or not so, cannot be",
          MmSecureVirtualMemory(User + BYTES, 1, PAGE_READONLY) == NULL &&
              MmSecureVirtualMemory(User, 0, PAGE_READONLY) == NULL &&
              MmSecureVirtualMemory(User, 1, PAGE_NOACCESS) == NULL &&
              MmSecureVirtualMemory(NULL, 1, PAGE_READONLY) == NULL);
    ToRead = MmSecureVirtualMemory(User, PAGE_SIZE, PAGE_READONLY);
    ToWrite = MmSecureVirtualMemory(User + PAGE_SIZE + 1, 1, PAGE_READWRITE);
    Check("secure: for reading, and for writing", ToRead && ToWrite);
    CheckEqual("secure: not freed", FreeUser(User), STATUS_INVALID_PAGE_PROTECTION);
    CheckEqual("secure: nor decommitted", Decommit(User + PAGE_SIZE, PAGE_SIZE),
               STATUS_INVALID_PAGE_PROTECTION);
    CheckEqual("secure: what lies behind is", Decommit(User + 2 * PAGE_SIZE, PAGE_SIZE),
               STATUS_SUCCESS);
    CheckEqual("secure: may become read-only, if it was for reading",
               Protect(User, PAGE_SIZE, PAGE_READONLY), STATUS_SUCCESS);
    CheckEqual("secure: not without any access", Protect(User, PAGE_SIZE, PAGE_NOACCESS),
               STATUS_INVALID_PAGE_PROTECTION);
    CheckEqual("secure: not read-only, if it was for writing",
               Protect(User + PAGE_SIZE, PAGE_SIZE, PAGE_READONLY), STATUS_INVALID_PAGE_PROTECTION);
    Check("secure: what is read-only cannot be secured for writing",
          MmSecureVirtualMemory(User, 1, PAGE_READWRITE) == NULL);
    MmUnsecureVirtualMemory(ToWrite);
    CheckEqual("secure: as long as one of them lasts", FreeUser(User),
               STATUS_INVALID_PAGE_PROTECTION);
    MmUnsecureVirtualMemory(ToRead);
    CheckEqual("secure: and no longer", FreeUser(User), STATUS_SUCCESS);
    Check("secure: the system's memory is",
          MmSecureVirtualMemory(&ToRead, 4, PAGE_READWRITE) != NULL);
}

/* ---- Sections in system space -----------------------------------------------------------------
 */

extern NTKERNELAPI POBJECT_TYPE *MmSectionObjectType; /* the headers lack it */

static HANDLE NewSection(PUNICODE_STRING Name, ULONG Protection)
{
    LARGE_INTEGER Size = {.QuadPart = BYTES};
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Section = NULL;

    InitializeObjectAttributes(&Attributes, Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    ZwCreateSection(&Section, SECTION_ALL_ACCESS, &Attributes, &Size, Protection, SEC_COMMIT, NULL);
    return Section;
}

static PUCHAR MapForProcess(HANDLE Section)
{
    PVOID Base = NULL;
    SIZE_T Size = 0;

    ZwMapViewOfSection(Section, ZwCurrentProcess(), &Base, 0, 0, NULL, &Size, ViewUnmap, 0,
                       PAGE_READWRITE);
    return Base;
}

static VOID TestSystemView(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\memtest");
    USAGE Before = QueryUsage();
    HANDLE Section = NewSection(&Name, PAGE_READWRITE);
    PUCHAR View = NULL, User = MapForProcess(Section);
    SIZE_T Size = 0;
    PVOID Object = NULL;
    PMDL Mdl;

    CheckEqual("section: by its type",
               ObReferenceObjectByHandle(Section, SECTION_MAP_WRITE, *MmSectionObjectType,
                                         KernelMode, &Object, NULL),
               STATUS_SUCCESS);
    CheckEqual("section: into system space", MmMapViewInSystemSpace(Object, (PVOID *)&View, &Size),
               STATUS_SUCCESS);
    Check("section: all of it, there at once",
          Size == BYTES && (PVOID)View > MmSystemRangeStart && MmIsAddressValid(View));
    RtlFillMemory(View, BYTES, 0x61);
    Check("section: the same as in a process", IsFilled(User, BYTES, 0x61));
    Mdl = LockBuffer(User, BYTES, UserMode, IoWriteAccess);
    ZwUnmapViewOfSection(ZwCurrentProcess(), User);
    ObDereferenceObject(Object);
    ZwClose(Section);
    Check("section: lasts as long as a view of it", IsFilled(View, BYTES, 0x61));
    CheckEqual("section: the view ends", MmUnmapViewInSystemSpace(View), STATUS_SUCCESS);
    CheckEqual("section: once", MmUnmapViewInSystemSpace(View), STATUS_NOT_MAPPED_VIEW);
    Check("section: what is locked of it stays",
          !MmIsAddressValid(View) &&
              IsFilled(MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority), BYTES, 0x61));
    UnlockAndFree(Mdl);
    Check("section: nothing is left of it", SameUsage(&Before));
}

static VOID TestSystemViewLimits(VOID)
{
    HANDLE Section = NewSection(NULL, PAGE_READONLY), Again = NULL;
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\memtest");
    OBJECT_ATTRIBUTES Attributes;
    PVOID Object, View = NULL;
    SIZE_T Size = BYTES + 1;

    ObReferenceObjectByHandle(Section, 0, NULL, KernelMode, &Object, NULL);
    CheckEqual("section: not more than it has", MmMapViewInSystemSpace(Object, &View, &Size),
               STATUS_INVALID_VIEW_SIZE);
    Size = 1;
    CheckEqual("section: for a session, a part", MmMapViewInSessionSpace(Object, &View, &Size),
               STATUS_SUCCESS);
    Check("section: of zeros, in whole pages", Size == PAGE_SIZE && IsFilled(View, PAGE_SIZE, 0));
    CheckEqual("section: and back", MmUnmapViewInSessionSpace(View), STATUS_SUCCESS);
    ObDereferenceObject(Object);
    ZwClose(Section);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    CheckEqual("section: its name goes with it", ZwOpenSection(&Again, SECTION_QUERY, &Attributes),
               STATUS_OBJECT_NAME_NOT_FOUND);
}

/* ---- Questions --------------------------------------------------------------------------------
 */

static VOID TestAddresses(VOID)
{
    static ULONG Data;
    PUCHAR Paged = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, TAG_TEST);
    PUCHAR Pool = ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, TAG_TEST);

    Check("addresses: paged pool is not valid before it is touched", !MmIsAddressValid(Paged));
    Paged[0] = 1;
    Check("addresses: it is then, but paged",
          MmIsAddressValid(Paged) && !MmIsNonPagedSystemAddressValid(Paged));
    Check("addresses: nonpaged pool and drivers",
          MmIsNonPagedSystemAddressValid(Pool) && MmIsNonPagedSystemAddressValid(&Data));
    Check("addresses: none", !MmIsNonPagedSystemAddressValid(NULL) && !MmIsAddressValid(NULL) &&
                                 MmGetPhysicalAddress(NULL).QuadPart == 0);
    Check("addresses: from physical ones",
          MmGetVirtualForPhysical(MmGetPhysicalAddress(Pool + 5)) == Pool + 5 &&
              MmGetVirtualForPhysical(At(3ull << 30)) == NULL &&
              MmGetVirtualForPhysical(At(1ull << 40)) == NULL);
    ExFreePoolWithTag(Paged, TAG_TEST);
    ExFreePoolWithTag(Pool, TAG_TEST);
}

static VOID TestIoSpace(VOID)
{
    PUCHAR Screen = MmMapIoSpace(At(0xB8000), 2 * PAGE_SIZE, MmWriteCombined);
    PUCHAR Video = MmMapVideoDisplay(At(0xB8010), 0x20, MmNonCached);

    Check("devices: a write-combined mapping",
          Screen && MmGetPhysicalAddress(Screen + PAGE_SIZE).QuadPart == 0xB9000);
    Check("devices: the display's, with its offset",
          BYTE_OFFSET(Video) == 0x10 && MmGetPhysicalAddress(Video).QuadPart == 0xB8010 &&
              *(PULONG)(Screen + 0x10) == *(PULONG)Video);
    MmUnmapVideoDisplay(Video, 0x20);
    MmUnmapIoSpace(Screen, 2 * PAGE_SIZE);
    Check("devices: nothing, beyond the end, or no such cache type",
          MmMapIoSpace(At(0xB8000), 0, MmNonCached) == NULL &&
              MmMapIoSpace(At(1ull << 32), PAGE_SIZE, MmNonCached) == NULL &&
              MmMapIoSpace(At(0xFFFFF000), 2 * PAGE_SIZE, MmNonCached) == NULL &&
              MmMapIoSpace(At(0xB8000), PAGE_SIZE, MmMaximumCacheType) == NULL);
}

static VOID TestMachine(VOID)
{
    PPHYSICAL_MEMORY_RANGE Ranges = MmGetPhysicalMemoryRanges();
    ULONGLONG Total = 0;
    ULONG i;

    for (i = 0; Ranges[i].NumberOfBytes.QuadPart; i++)
        Total += (ULONGLONG)Ranges[i].NumberOfBytes.QuadPart;
    Check("machine: 64 MB, in ranges", i > 0 && Total > 60 * MEGA && Total <= 64 * MEGA);
    ExFreePool(Ranges);
    CheckEqual("machine: of middle size", MmQuerySystemSize(), MmMediumSystem);
    CheckEqual("machine: not a server, as all are told", MmIsThisAnNtAsSystem(),
               SharedUserData->NtProductType != NtProductWinNt);
}

static VOID TestPageable(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"MmLockPagableDataSection");
    PVOID Handle = MmLockPagableDataSection(&TestPassed), Base;

    Check("pageable: a handle", Handle != NULL && MmLockPagableDataSection(TestPageable) != NULL);
    MmUnlockPagableImageSection(Handle);
    MmLockPagableSectionByHandle(Handle);
    MmUnlockPagableImageSection(Handle);
    MmUnlockPagableImageSection(Handle);
    Base = MmPageEntireDriver(TestPageable);
    Check("pageable: the driver's base", Base < (PVOID)TestPageable && *(PUSHORT)Base == 0x5A4D);
    MmResetDriverPaging(TestPageable);
    Check("pageable: no driver's address", MmPageEntireDriver(NULL) == NULL);
    Check("routines: found by name",
          MmGetSystemRoutineAddress(&Name) == (PVOID)MmLockPagableDataSection);
}

static VOID RunAll(VOID)
{
    FreeUser(AllocateUser(NULL, BYTES, PAGE_READWRITE)); /* the page table comes, and stays */
    TestContiguous();
    TestBoundary();
    TestNotContiguous();
    TestNonCached();
    TestPagesForMdl();
    TestPagesOfProgram();
    TestPagesBySkipping();
    TestPagesInChunks();
    TestReserved();
    TestSecure();
    TestSystemView();
    TestSystemViewLimits();
    TestAddresses();
    TestIoSpace();
    TestMachine();
    TestPageable();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    return RunTests(DriverObject, "memtest", RunAll);
}
