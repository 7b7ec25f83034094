/*
 * Shows what sections do: the same memory in several views and processes, what may be done with it,
 * pages that are copied when they are written, memory that is reserved and committed later, files
 * (WDK, "ZwCreateSection", "ZwMapViewOfSection").
 *
 *      sections.exe          all checks
 *      sections.exe child    what it starts itself: opens the section by its name, writes to it
 */
#include "check.h"

#define NAME        L"\\BaseNamedObjects\\sections-test"
#define PAGES       20
#define BYTES       (PAGES * PAGE_SIZE)
#define GRANULARITY 0x10000
#define ALL_ACCESS  SECTION_ALL_ACCESS
#define MESSAGE     0x12345678

static HANDLE Event; /* signalled */

/* Eight bytes there: are they readable, writable? A service is made to find out. */
static BOOLEAN CanRead(PVOID Address)
{
    return NT_SUCCESS(NtWaitForSingleObject(Event, FALSE, Address));
}

static BOOLEAN CanWrite(PVOID Address)
{
    return NT_SUCCESS(NtQuerySystemTime(Address));
}

static NTSTATUS Create(HANDLE *Section, ACCESS_MASK Access, LONGLONG Size, ULONG Protect,
                       ULONG Attributes, HANDLE File)
{
    LARGE_INTEGER Bytes = {.QuadPart = Size};

    *Section = NULL;
    return NtCreateSection(Section, Access, NULL, &Bytes, Protect, Attributes, File);
}

static HANDLE NewSection(ULONG Protect, ULONG Attributes)
{
    HANDLE Section;

    Create(&Section, ALL_ACCESS, BYTES, Protect, Attributes, NULL);
    return Section;
}

static NTSTATUS MapAt(HANDLE Section, PUCHAR *Base, ULONG Offset, SIZE_T Size, ULONG Protect)
{
    LARGE_INTEGER Start = {.QuadPart = Offset};

    return NtMapViewOfSection(Section, NtCurrentProcess(), (PVOID *)Base, 0, 0, &Start, &Size,
                              ViewUnmap, 0, Protect);
}

/* All of it, anywhere; NULL: not possible. */
static PUCHAR Map(HANDLE Section, ULONG Protect)
{
    PUCHAR Base = NULL;

    return NT_SUCCESS(MapAt(Section, &Base, 0, 0, Protect)) ? Base : NULL;
}

static NTSTATUS Unmap(PVOID Base)
{
    return NtUnmapViewOfSection(NtCurrentProcess(), Base);
}

static NTSTATUS Protect(PVOID Base, SIZE_T Size, ULONG New)
{
    ULONG Old;

    return NtProtectVirtualMemory(NtCurrentProcess(), &Base, &Size, New, &Old);
}

static MEMORY_BASIC_INFORMATION Query(PVOID Address)
{
    MEMORY_BASIC_INFORMATION Info = {0};

    NtQueryVirtualMemory(NtCurrentProcess(), Address, MemoryBasicInformation, &Info, sizeof Info,
                         NULL);
    return Info;
}

static void CheckViews(void)
{
    HANDLE Section = NewSection(PAGE_READWRITE, SEC_COMMIT);
    PUCHAR First = Map(Section, PAGE_READWRITE), Second = Map(Section, PAGE_READONLY), Part = NULL;
    MEMORY_BASIC_INFORMATION Info;

    First[PAGE_SIZE] = 1;
    First[BYTES - 1] = 2;
    Check(Second != First && Second[PAGE_SIZE] == 1 && Second[BYTES - 1] == 2 && Second[0] == 0,
          "two views have the same pages");
    Check(!CanWrite(Second), "one of them may be read-only");
    CheckStatus(MapAt(Section, &Part, GRANULARITY + 1, PAGE_SIZE, PAGE_READWRITE), STATUS_SUCCESS,
                "a part can be mapped");
    Part[0] = 3;
    Check(First[GRANULARITY] == 3 && Query(Part).RegionSize == 2 * PAGE_SIZE,
          "its offset is rounded down, and it is that much longer");
    Info = Query(Second);
    Check(Info.Type == MEM_MAPPED && Info.State == MEM_COMMIT && Info.Protect == PAGE_READONLY &&
              Info.RegionSize == BYTES,
          "a view is said to be mapped, as large as the section, and what it is protected by");
    NtClose(Section);
    CheckStatus(Unmap(First + 5), STATUS_SUCCESS, "a view is unmapped by any of its addresses");
    Check(Second[PAGE_SIZE] == 1 && !CanRead(First), "the others stay, without a handle, too");
    CheckStatus(Unmap(First), STATUS_NOT_MAPPED_VIEW, "it is not mapped any more");
    Unmap(Second);
    Unmap(Part);
}

static void CheckPlaces(void)
{
    HANDLE Section = NewSection(PAGE_READWRITE, SEC_COMMIT);
    PUCHAR Base = (PUCHAR)0x31234567;
    SIZE_T Size = 0;

    CheckStatus(MapAt(Section, &Base, 0, 0, PAGE_READWRITE), STATUS_SUCCESS,
                "a view at an address");
    Check(Base == (PUCHAR)0x31230000, "which is rounded down to 64 KB");
    CheckStatus(MapAt(Section, &Base, 0, 0, PAGE_READWRITE), STATUS_CONFLICTING_ADDRESSES,
                "where something is, there is no other");
    Unmap(Base);
    Base = NULL;
    CheckStatus(NtMapViewOfSection(Section, NtCurrentProcess(), (PVOID *)&Base, 0, 0, NULL, &Size,
                                   ViewShare, MEM_TOP_DOWN, PAGE_READWRITE),
                STATUS_SUCCESS, "from the top");
    Check((ULONG_PTR)Base > 0x70000000 && Size == BYTES, "is high up");
    Unmap(Base);
    Base = NULL;
    CheckStatus(NtMapViewOfSection(Section, NtCurrentProcess(), (PVOID *)&Base, 4, 0, NULL, &Size,
                                   ViewUnmap, MEM_TOP_DOWN, PAGE_READWRITE),
                STATUS_SUCCESS, "with zero bits");
    Check((ULONG_PTR)Base < 0x10000000, "is low");
    Unmap(Base);
    NtClose(Section);
}

static NTSTATUS TryMap(HANDLE Section, ULONG Offset, SIZE_T Size, ULONG ZeroBits, SIZE_T Commit,
                       ULONG Inherit, ULONG Type, ULONG Protect)
{
    LARGE_INTEGER Start = {.QuadPart = Offset};
    PVOID Base = NULL;
    NTSTATUS Status = NtMapViewOfSection(Section, NtCurrentProcess(), &Base, ZeroBits, Commit,
                                         &Start, &Size, Inherit, Type, Protect);

    if (NT_SUCCESS(Status))
        Unmap(Base);
    return Status;
}

static void CheckRefusals(void)
{
    HANDLE Section = NewSection(PAGE_READONLY, SEC_COMMIT), Other;
    PUCHAR Memory = NULL;
    SIZE_T Size = PAGE_SIZE;

    CheckStatus(TryMap(Section, BYTES, 0, 0, 0, ViewUnmap, 0, PAGE_READONLY),
                STATUS_INVALID_VIEW_SIZE, "a view from the end");
    CheckStatus(TryMap(Section, 0, BYTES + 1, 0, 0, ViewUnmap, 0, PAGE_READONLY),
                STATUS_INVALID_VIEW_SIZE, "a view beyond it");
    CheckStatus(TryMap(Section, 0, 0, 22, 0, ViewUnmap, 0, PAGE_READONLY),
                STATUS_INVALID_PARAMETER_4, "more zero bits than there are");
    CheckStatus(TryMap(Section, 0, 0, 0, BYTES + 1, ViewUnmap, 0, PAGE_READONLY),
                STATUS_INVALID_PARAMETER_5, "more committed than there is");
    CheckStatus(TryMap(Section, 0, 0, 0, 0, 3, 0, PAGE_READONLY), STATUS_INVALID_PARAMETER_8,
                "a strange inheritance");
    CheckStatus(TryMap(Section, 0, 0, 0, 0, ViewUnmap, MEM_COMMIT, PAGE_READONLY),
                STATUS_INVALID_PARAMETER_9, "a strange type");
    CheckStatus(TryMap(Section, 0, 0, 0, 0, ViewUnmap, 0, 3), STATUS_INVALID_PAGE_PROTECTION,
                "no protection");
    CheckStatus(TryMap(Section, 0, 0, 0, 0, ViewUnmap, 0, PAGE_READWRITE),
                STATUS_SECTION_PROTECTION, "a writable view of a read-only section");
    CheckStatus(TryMap(Event, 0, 0, 0, 0, ViewUnmap, 0, PAGE_READONLY), STATUS_OBJECT_TYPE_MISMATCH,
                "a view of an event");
    NtClose(Section);
    Create(&Section, SECTION_MAP_READ, BYTES, PAGE_READWRITE, SEC_COMMIT, NULL);
    CheckStatus(TryMap(Section, 0, 0, 0, 0, ViewUnmap, 0, PAGE_READWRITE), STATUS_ACCESS_DENIED,
                "a writable view by a handle for reading");
    CheckStatus(TryMap(Section, 0, 0, 0, 0, ViewUnmap, 0, PAGE_READONLY), STATUS_SUCCESS,
                "but a read-only one");
    NtClose(Section);
    CheckStatus(Create(&Other, ALL_ACCESS, 0, PAGE_READWRITE, SEC_COMMIT, NULL),
                STATUS_INVALID_PARAMETER_4, "a section of nothing");
    CheckStatus(Create(&Other, ALL_ACCESS, 1LL << 40, PAGE_READWRITE, SEC_RESERVE, NULL),
                STATUS_SECTION_TOO_BIG, "one larger than any process");
    CheckStatus(Create(&Other, ALL_ACCESS, 0x40000000, PAGE_READWRITE, SEC_COMMIT, NULL),
                STATUS_COMMITMENT_LIMIT, "one larger than memory");
    CheckStatus(Create(&Other, ALL_ACCESS, BYTES, PAGE_READWRITE, 0, NULL),
                STATUS_INVALID_PARAMETER_6, "neither reserved nor committed");
    CheckStatus(Create(&Other, ALL_ACCESS, BYTES, PAGE_READWRITE | PAGE_GUARD, SEC_COMMIT, NULL),
                STATUS_INVALID_PAGE_PROTECTION, "one of guard pages");
    CheckStatus(NtAllocateVirtualMemory(NtCurrentProcess(), (PVOID *)&Memory, 0, &Size, MEM_COMMIT,
                                        PAGE_WRITECOPY),
                STATUS_INVALID_PAGE_PROTECTION, "memory of one's own is not for copying");
}

static void CheckProtection(void)
{
    HANDLE Section = NewSection(PAGE_READONLY, SEC_COMMIT);
    PUCHAR View = Map(Section, PAGE_READONLY), Base = View;
    SIZE_T Size = 0;

    CheckStatus(Protect(View, BYTES, PAGE_READWRITE), STATUS_INVALID_PAGE_PROTECTION,
                "a read-only section's view does not become writable");
    CheckStatus(Protect(View, PAGE_SIZE, PAGE_NOACCESS), STATUS_SUCCESS, "it may be out of reach");
    Check(!CanRead(View) && CanRead(View + PAGE_SIZE), "page by page, touched or not");
    CheckStatus(Protect(View, PAGE_SIZE, PAGE_READONLY), STATUS_SUCCESS, "and come back");
    Check(CanRead(View), "readable");
    CheckStatus(NtFreeVirtualMemory(NtCurrentProcess(), (PVOID *)&Base, &Size, MEM_RELEASE),
                STATUS_UNABLE_TO_DELETE_SECTION, "a view is not freed like memory");
    Unmap(View);
    NtClose(Section);
    Section = NewSection(PAGE_READWRITE, SEC_COMMIT);
    View = Map(Section, PAGE_READWRITE);
    View[0] = 7;
    Protect(View, PAGE_SIZE, PAGE_NOACCESS);
    Check(!CanRead(View), "a touched page can be out of reach");
    Protect(View, BYTES, PAGE_READWRITE);
    Check(View[0] == 7 && CanWrite(View + PAGE_SIZE), "and is what it was");
    Unmap(View);
    NtClose(Section);
}

static void CheckCopies(void)
{
    HANDLE Section = NewSection(PAGE_READWRITE, SEC_COMMIT);
    PUCHAR Shared = Map(Section, PAGE_READWRITE), Copy = Map(Section, PAGE_WRITECOPY);
    PUCHAR Other = Map(Section, PAGE_WRITECOPY);

    Shared[0] = 1;
    Check(Copy[0] == 1 && Other[0] == 1, "a view for copying has the section's pages at first");
    Check(Query(Copy).Protect == PAGE_WRITECOPY, "and says what it is");
    Copy[0] = 2;
    Check(Copy[0] == 2 && Shared[0] == 1 && Other[0] == 1, "a write is for the one who writes");
    Check(Query(Copy).Protect == PAGE_READWRITE && Query(Copy).RegionSize == PAGE_SIZE,
          "who has a writable page of his own then");
    Check(CanWrite(Copy + PAGE_SIZE), "a service's write is one, too");
    Shared[PAGE_SIZE] = 9;
    Shared[2 * PAGE_SIZE] = 9;
    Check(Copy[PAGE_SIZE] != 9 && Copy[2 * PAGE_SIZE] == 9, "what is not written stays shared");
    Protect(Copy, BYTES, PAGE_READONLY);
    Check(!CanWrite(Copy) && !CanWrite(Copy + 3 * PAGE_SIZE), "it may become read-only");
    CheckStatus(Protect(Copy, BYTES, PAGE_READWRITE), STATUS_SUCCESS, "and writable again");
    Copy[0] = 3;
    Copy[3 * PAGE_SIZE] = 3;
    Check(Shared[0] == 1 && Shared[3 * PAGE_SIZE] == 0, "which is by copying, as before");
    CheckStatus(Protect(Shared, BYTES, PAGE_WRITECOPY), STATUS_INVALID_PAGE_PROTECTION,
                "a shared view does not become one for copying");
    Unmap(Copy);
    Unmap(Other);
    Unmap(Shared);
    NtClose(Section);
}

static void CheckReserved(void)
{
    HANDLE Section = NewSection(PAGE_READWRITE, SEC_RESERVE);
    PUCHAR First = Map(Section, PAGE_READWRITE), Second = Map(Section, PAGE_READWRITE),
           Third = NULL;
    PVOID Base = First + 2 * PAGE_SIZE;
    SIZE_T Size = PAGE_SIZE;

    Check(Query(First).State == MEM_RESERVE && !CanRead(First), "what is reserved is not there");
    CheckStatus(Protect(First, PAGE_SIZE, PAGE_READONLY), STATUS_NOT_COMMITTED,
                "and has no protection");
    CheckStatus(
        NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_COMMIT, PAGE_READWRITE),
        STATUS_SUCCESS, "a page of it can be committed");
    First[2 * PAGE_SIZE] = 5;
    Check(Second[2 * PAGE_SIZE] == 5 && !CanRead(Second + PAGE_SIZE), "in all views");
    Check(Query(Second).RegionSize == 2 * PAGE_SIZE &&
              Query(Second + 2 * PAGE_SIZE).State == MEM_COMMIT,
          "which say so");
    Size = 0;
    CheckStatus(NtMapViewOfSection(Section, NtCurrentProcess(), (PVOID *)&Third, 0, PAGE_SIZE, NULL,
                                   &Size, ViewUnmap, 0, PAGE_READWRITE),
                STATUS_SUCCESS, "a new view commits its beginning");
    Check(CanWrite(First) && !CanWrite(First + PAGE_SIZE) && Third[2 * PAGE_SIZE] == 5,
          "for all, and has what was committed");
    Unmap(First);
    Unmap(Second);
    Unmap(Third);
    NtClose(Section);
}

static NTSTATUS OpenBootFile(HANDLE *File)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"\\SystemRoot\\hello.exe");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenFile(File, GENERIC_READ | SYNCHRONIZE, &Attributes, &Result, FILE_SHARE_READ,
                      FILE_SYNCHRONOUS_IO_NONALERT);
}

/* Does the view have the file's bytes, and zeros behind them? */
static BOOLEAN IsFile(HANDLE File, const UCHAR *View, ULONG Size)
{
    static UCHAR Contents[0x20000];
    LARGE_INTEGER Start = {.QuadPart = 0};
    IO_STATUS_BLOCK Result;
    ULONG i;

    if (!NT_SUCCESS(
            NtReadFile(File, NULL, NULL, NULL, &Result, Contents, sizeof Contents, &Start, NULL)) ||
        Result.Information != Size || memcmp(Contents, View, Size) != 0)
        return FALSE;
    for (i = Size; i % PAGE_SIZE; i++) {
        if (View[i])
            return FALSE;
    }
    return TRUE;
}

static void CheckFile(void)
{
    SECTION_BASIC_INFORMATION Info;
    HANDLE File, Section, Other;
    PUCHAR View, Copy;
    SIZE_T Length;

    OpenBootFile(&File);
    CheckStatus(Create(&Section, ALL_ACCESS, 0, PAGE_READONLY, SEC_COMMIT, File), STATUS_SUCCESS,
                "a section of a file");
    CheckStatus(NtQuerySection(Section, SectionBasicInformation, &Info, sizeof Info, &Length),
                STATUS_SUCCESS, "which can be asked");
    View = Map(Section, PAGE_READONLY);
    Copy = Map(Section, PAGE_WRITECOPY);
    Check(Info.AllocationAttributes == SEC_FILE && Length == sizeof Info &&
              IsFile(File, View, Info.MaximumSize.LowPart),
          "it is as large as the file, and has its contents");
    Copy[0] = 'X';
    Check(View[0] == 'M' && Copy[0] == 'X' && Copy[1] == 'Z', "writes to it are copies");
    CheckStatus(
        Create(&Other, ALL_ACCESS, Info.MaximumSize.QuadPart + 1, PAGE_READONLY, SEC_COMMIT, File),
        STATUS_SECTION_TOO_BIG, "not larger than the file");
    CheckStatus(Create(&Other, ALL_ACCESS, 0, PAGE_READWRITE, SEC_COMMIT, File),
                STATUS_ACCESS_DENIED, "nor writable");
    CheckStatus(Create(&Other, ALL_ACCESS, 0, PAGE_READONLY, SEC_COMMIT, Event),
                STATUS_OBJECT_TYPE_MISMATCH, "nor of an event");
    CheckStatus(Create(&Other, ALL_ACCESS, 0, PAGE_READONLY, SEC_IMAGE, File), STATUS_NOT_SUPPORTED,
                "nor an image");
    CheckStatus(NtQuerySection(Section, SectionImageInformation, &Info, sizeof Info, NULL),
                STATUS_SECTION_NOT_IMAGE, "so that cannot be asked");
    CheckStatus(NtQuerySection(Section, SectionBasicInformation, &Info, 4, NULL),
                STATUS_INFO_LENGTH_MISMATCH, "nor with too little room");
    Unmap(View);
    Unmap(Copy);
    NtClose(Section);
    NtClose(File);
}

static NTSTATUS Named(HANDLE *Section, BOOLEAN New)
{
    UNICODE_STRING Name = CONSTANT_STRING(NAME);
    LARGE_INTEGER Size = {.QuadPart = BYTES};
    OBJECT_ATTRIBUTES Attributes;

    InitializeObjectAttributes(&Attributes, &Name, 0, NULL, NULL);
    if (New)
        return NtCreateSection(Section, ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT,
                               NULL);
    return NtOpenSection(Section, SECTION_MAP_READ | SECTION_MAP_WRITE, &Attributes);
}

/* Leaves all as it is: its end gives it back. */
static int Child(void)
{
    HANDLE Section;
    PUCHAR View;

    if (!NT_SUCCESS(Named(&Section, FALSE)))
        return 1;
    View = Map(Section, PAGE_READWRITE);
    if (View == NULL || *(volatile ULONG *)View != MESSAGE)
        return 2;
    *(volatile ULONG *)(View + PAGE_SIZE) = ~MESSAGE;
    return Map(Section, PAGE_WRITECOPY)[0] = 42;
}

static void CheckProcesses(void)
{
    HANDLE Section, Process;
    PVOID Base = NULL;
    SIZE_T Size = 0;
    PUCHAR View;

    CheckStatus(Named(&Section, TRUE), STATUS_SUCCESS, "a section with a name");
    View = Map(Section, PAGE_READWRITE);
    *(volatile ULONG *)View = MESSAGE;
    CheckStatus(RunProgram("sections.exe", "sections.exe child"), 42, "another process finds it");
    Check(*(volatile ULONG *)(View + PAGE_SIZE) == (ULONG)~MESSAGE, "and what it writes is here");
    StartProgram("sections.exe", "sections.exe wait", &Process);
    CheckStatus(NtMapViewOfSection(Section, Process, &Base, 0, 0, NULL, &Size, ViewUnmap, 0,
                                   PAGE_READWRITE),
                STATUS_SUCCESS, "it can be mapped into another process");
    CheckStatus(NtUnmapViewOfSection(Process, Base), STATUS_SUCCESS, "and unmapped there");
    NtTerminateProcess(Process, 0);
    NtClose(Process);
    NtClose(Section);
    CheckStatus(Named(&Section, FALSE), STATUS_OBJECT_NAME_NOT_FOUND,
                "its name goes with its handle");
    Check(*(volatile ULONG *)View == MESSAGE, "its memory with its views");
    Unmap(View);
}

static void CheckAll(void)
{
    CheckViews();
    CheckPlaces();
    CheckRefusals();
    CheckProtection();
    CheckCopies();
    CheckReserved();
    CheckFile();
    CheckProcesses();
}

int main(int argc, char **argv)
{
    USAGE Before;

    if (argc > 1 && strcmp(argv[1], "wait") == 0)
        SleepMilliseconds(60000);
    if (argc > 1)
        return Child();
    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE);
    CheckAll(); /* the first time, tables and lists grow */
    QuerySteadyUsage(&Before);
    CheckAll();
    CheckUsage(&Before, "all sections");
    return CheckSummary("sections");
}
