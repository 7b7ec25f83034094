/*
 * Shows what the virtual memory services do: reserve, commit, decommit, release, protect, query
 * (WDK, "ZwAllocateVirtualMemory"; Win32 documentation, "VirtualAlloc", "Creating Guard Pages").
 *
 * Whether memory can be read or written is found out without being ended for it: services are made
 * to read or write there, and say STATUS_ACCESS_VIOLATION.
 *
 *      vm.exe            all checks
 *      vm.exe private    what it starts itself: another process at the same address
 *      vm.exe limit      what it starts itself: takes all that there is
 */
#include "check.h"

#define GRANULARITY   0x10000
#define SHARED_BASE   ((PUCHAR)0x30000000) /* where two processes have memory of their own */
#define STACK_TO_USE  0x30000              /* much more than a new stack has committed */
#define ROOM_PER_CALL 0x800
#define MEGABYTE      0x100000
#define HUGE_SIZE     0x70000000

static HANDLE Signalled; /* an event that every wait finds signalled */

static NTSTATUS Allocate(PUCHAR *Base, SIZE_T Size, ULONG Type, ULONG Protect)
{
    return NtAllocateVirtualMemory(NtCurrentProcess(), (PVOID *)Base, 0, &Size, Type, Protect);
}

static NTSTATUS FreeMemory(PUCHAR Base, SIZE_T Size, ULONG Type)
{
    PVOID Start = Base;

    return NtFreeVirtualMemory(NtCurrentProcess(), &Start, &Size, Type);
}

/* Release or decommit all of a reservation. */
static NTSTATUS Release(PUCHAR Base)
{
    return FreeMemory(Base, 0, MEM_RELEASE);
}

static NTSTATUS Protect(PUCHAR Base, SIZE_T Size, ULONG New, ULONG *Old)
{
    PVOID Start = Base;

    return NtProtectVirtualMemory(NtCurrentProcess(), &Start, &Size, New, Old);
}

static MEMORY_BASIC_INFORMATION Query(PVOID Address)
{
    MEMORY_BASIC_INFORMATION Info = {0};

    NtQueryVirtualMemory(NtCurrentProcess(), Address, MemoryBasicInformation, &Info, sizeof Info,
                         NULL);
    return Info;
}

/* Both touch 8 bytes. The first overwrites them with the time; the second's zeros, or whatever is
   there, are a time-out that does not matter. */
static BOOLEAN CanWrite(PVOID Address)
{
    return NT_SUCCESS(NtQuerySystemTime(Address));
}

static BOOLEAN CanRead(PVOID Address)
{
    return NT_SUCCESS(NtWaitForSingleObject(Signalled, FALSE, Address));
}

/* A page of its own to play with. */
static PUCHAR NewPage(ULONG Protection)
{
    PUCHAR Base = NULL;

    Allocate(&Base, PAGE_SIZE, MEM_RESERVE | MEM_COMMIT, Protection);
    return Base;
}

static BOOLEAN IsFilledWith(const UCHAR *Memory, SIZE_T Size, UCHAR Value)
{
    while (Size > 0 && Memory[Size - 1] == Value)
        Size--;
    return Size == 0;
}

static void CheckReserve(void)
{
    PUCHAR Base = NULL;
    MEMORY_BASIC_INFORMATION Info;

    CheckStatus(Allocate(&Base, GRANULARITY, MEM_RESERVE, PAGE_READWRITE), STATUS_SUCCESS,
                "address space is reserved");
    Check(Base && (ULONG_PTR)Base % GRANULARITY == 0, "it begins at a multiple of 64 KB");
    Info = Query(Base + PAGE_SIZE);
    Check(Info.State == MEM_RESERVE && Info.AllocationBase == Base &&
              Info.RegionSize == GRANULARITY - PAGE_SIZE && Info.Type == MEM_PRIVATE,
          "a query says so");
    Check(!CanRead(Base) && !CanWrite(Base), "what is only reserved cannot be touched");
    CheckStatus(Release(Base), STATUS_SUCCESS, "it is released");
    Check(Query(Base).State == MEM_FREE, "then it is free");
    CheckStatus(Release(Base), STATUS_MEMORY_NOT_ALLOCATED, "it cannot be released twice");
}

/* The middle page of a reservation is committed, used, decommitted, committed again. */
static void CheckCommit(void)
{
    PUCHAR Base = NULL, Page;

    Allocate(&Base, GRANULARITY, MEM_RESERVE, PAGE_READWRITE);
    Page = Base + 4 * PAGE_SIZE;
    CheckStatus(Allocate(&Page, PAGE_SIZE, MEM_COMMIT, PAGE_READWRITE), STATUS_SUCCESS,
                "a page of it is committed");
    Check(Query(Page).State == MEM_COMMIT && Query(Page).RegionSize == PAGE_SIZE &&
              Query(Page - 1).State == MEM_RESERVE && Query(Page + PAGE_SIZE).State == MEM_RESERVE,
          "its neighbours are not");
    Check(IsFilledWith(Page, PAGE_SIZE, 0), "a new page is zero");
    memset(Page, 0x5A, PAGE_SIZE);
    Allocate(&Page, PAGE_SIZE, MEM_COMMIT, PAGE_READWRITE);
    Check(IsFilledWith(Page, PAGE_SIZE, 0x5A), "committing once more keeps the contents");
    CheckStatus(FreeMemory(Page, PAGE_SIZE, MEM_DECOMMIT), STATUS_SUCCESS, "it is decommitted");
    Check(Query(Page).State == MEM_RESERVE && !CanRead(Page), "then it cannot be touched");
    Allocate(&Page, PAGE_SIZE, MEM_COMMIT, PAGE_READWRITE);
    Check(IsFilledWith(Page, PAGE_SIZE, 0), "committed again, it is zero again");
    Release(Base);
}

static void CheckPlaces(void)
{
    PUCHAR Low = NULL, High = NULL, Same, Odd;

    Allocate(&Low, GRANULARITY, MEM_RESERVE, PAGE_READWRITE);
    Allocate(&High, GRANULARITY, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE);
    Check(High > Low, "MEM_TOP_DOWN gives a high address");
    Same = Low;
    CheckStatus(Allocate(&Same, PAGE_SIZE, MEM_RESERVE, PAGE_READWRITE),
                STATUS_CONFLICTING_ADDRESSES, "what is reserved is not reserved again");
    Release(Low);
    Odd = Low + 0x1234;
    CheckStatus(Allocate(&Odd, PAGE_SIZE, MEM_RESERVE, PAGE_READWRITE), STATUS_SUCCESS,
                "an address within 64 KB is taken");
    Check(Odd == Low && Query(Low).RegionSize == 3 * PAGE_SIZE,
          "the reservation begins at the multiple below it, and ends with its last page");
    Release(Low);
    Release(High);
}

static void CheckProtection(void)
{
    PUCHAR Page = NewPage(PAGE_READWRITE);
    ULONG Old = 0;

    *(volatile UCHAR *)Page = 0x77;
    CheckStatus(Protect(Page, PAGE_SIZE, PAGE_READONLY, &Old), STATUS_SUCCESS,
                "a page is made read-only");
    Check(Old == PAGE_READWRITE, "the old protection is returned");
    Check(CanRead(Page) && !CanWrite(Page), "it can be read and not written");
    Check(Query(Page).Protect == PAGE_READONLY, "a query says so");
    Protect(Page, PAGE_SIZE, PAGE_NOACCESS, &Old);
    Check(!CanRead(Page) && !CanWrite(Page), "with PAGE_NOACCESS it cannot be read either");
    Check(Query(Page).Protect == PAGE_NOACCESS, "a query says so");
    Protect(Page, PAGE_SIZE, PAGE_READWRITE, &Old);
    Check(Old == PAGE_NOACCESS && *(volatile UCHAR *)Page == 0x77,
          "its contents have outlived PAGE_NOACCESS");
    Release(Page);
}

/* What the processor does not know of, memory management must remember. */
static void CheckExecuteProtection(void)
{
    static const ULONG Kinds[] = {PAGE_EXECUTE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE};
    ULONG i, Good = 0, Old;

    for (i = 0; i < ARRAYSIZE(Kinds); i++) {
        PUCHAR Page = NewPage(PAGE_READWRITE);
        *(volatile UCHAR *)Page = 1; /* it is there */
        Protect(Page, PAGE_SIZE, Kinds[i], &Old);
        Good += Query(Page).Protect == Kinds[i];
        Protect(Page, PAGE_SIZE, PAGE_READONLY, &Old);
        Good += Old == Kinds[i];
        Release(Page);
    }
    Check(Good == 2 * ARRAYSIZE(Kinds), "executable pages are remembered as such");
}

static void CheckGuardPage(void)
{
    PUCHAR Page = NewPage(PAGE_READWRITE | PAGE_GUARD);

    Check(Query(Page).Protect == (PAGE_READWRITE | PAGE_GUARD), "a guard page is made");
    Check(!CanWrite(Page), "the first access to it fails");
    Check(Query(Page).Protect == PAGE_READWRITE, "then it is an ordinary page");
    Check(CanWrite(Page), "the second access succeeds");
    Release(Page);
}

static void CheckErrors(void)
{
    PUCHAR Base = NULL, Kernel = (PUCHAR)0x80100000;
    ULONG Old;

    CheckStatus(Allocate(&Base, 0, MEM_RESERVE, PAGE_READWRITE), STATUS_INVALID_PARAMETER_4,
                "nothing cannot be reserved");
    CheckStatus(Allocate(&Base, 0x90000000, MEM_RESERVE, PAGE_READWRITE),
                STATUS_INVALID_PARAMETER_4, "nor more than there is");
    CheckStatus(Allocate(&Base, PAGE_SIZE, 0, PAGE_READWRITE), STATUS_INVALID_PARAMETER_5,
                "the type must be given");
    CheckStatus(Allocate(&Base, PAGE_SIZE, MEM_RESERVE, 0), STATUS_INVALID_PAGE_PROTECTION,
                "the protection must be given");
    CheckStatus(Allocate(&Kernel, PAGE_SIZE, MEM_RESERVE, PAGE_READWRITE),
                STATUS_INVALID_PARAMETER_2, "the upper half is not to be had");
    Allocate(&Base, GRANULARITY, MEM_RESERVE, PAGE_READWRITE);
    CheckStatus(Protect(Base, PAGE_SIZE, PAGE_READONLY, &Old), STATUS_NOT_COMMITTED,
                "what is not committed cannot be protected");
    CheckStatus(FreeMemory(Base + PAGE_SIZE, 0, MEM_RELEASE), STATUS_FREE_VM_NOT_AT_BASE,
                "a reservation is released from its beginning");
    CheckStatus(FreeMemory(Base, 2 * GRANULARITY, MEM_DECOMMIT), STATUS_UNABLE_TO_FREE_VM,
                "not beyond its end");
    Release(Base);
    CheckStatus(Protect((PUCHAR)USER_SHARED_DATA_ADDRESS, PAGE_SIZE, PAGE_READWRITE, &Old),
                STATUS_CONFLICTING_ADDRESSES, "the shared page stays read-only");
}

/* The page that the kernel shows to all processes: time, tick count and more. */
static void CheckSharedPage(void)
{
    PUCHAR Page = (PUCHAR)USER_SHARED_DATA_ADDRESS;
    MEMORY_BASIC_INFORMATION Info = Query(Page + 0x123), Before;

    Check(Info.BaseAddress == Page && Info.AllocationBase == Page && Info.RegionSize == PAGE_SIZE,
          "the shared page is a region of its own");
    Check(Info.State == MEM_COMMIT && Info.Type == MEM_PRIVATE && Info.Protect == PAGE_READONLY &&
              Info.AllocationProtect == PAGE_READONLY,
          "it is committed, private and read-only");
    Check(CanRead(Page) && !CanWrite(Page), "and so it behaves");
    Before = Query(Page - PAGE_SIZE);
    Check((PUCHAR)Before.BaseAddress + Before.RegionSize == Page, "the region below ends there");
    Info = Query(Page + PAGE_SIZE);
    Check(Info.State == MEM_RESERVE && Info.AllocationBase == Page,
          "above it, it is only reserved");
}

/* Frames are taken when pages are touched, not when they are committed. */
static void CheckDemandZero(void)
{
    PUCHAR Base = NULL;
    USAGE Before, Committed, Touched;

    QuerySteadyUsage(&Before);
    Allocate(&Base, MEGABYTE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    QueryUsage(&Committed);
    Check(Committed.CommittedPages - Before.CommittedPages == MEGABYTE / PAGE_SIZE,
          "1 MB is committed");
    Check(Before.AvailablePages - Committed.AvailablePages <= 2, "no frame is taken for it yet");
    memset(Base, 0xC3, MEGABYTE);
    QueryUsage(&Touched);
    Check(Committed.AvailablePages - Touched.AvailablePages >= MEGABYTE / PAGE_SIZE,
          "each page touched takes one");
    Check(IsFilledWith(Base, MEGABYTE, 0xC3), "all of it keeps what was written");
    Release(Base);
    CheckUsage(&Before, "the release");
}

/* Commits piece after piece, in blocks of a megabyte, until there is no more. */
static ULONG CommitAll(PUCHAR *Blocks, ULONG Limit, NTSTATUS *Status)
{
    ULONG Count = 0;

    while (Count < Limit) {
        Blocks[Count] = NULL;
        *Status = Allocate(&Blocks[Count], MEGABYTE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
        if (!NT_SUCCESS(*Status))
            break;
        memset(Blocks[Count], (int)Count, MEGABYTE);
        Count++;
    }
    return Count;
}

/* Most of the lower half at once: whether it is had depends on the machine. */
static void CheckHugeCommit(void)
{
    SYSTEM_UPPERHALF_INFORMATION Counters;
    PUCHAR Huge = NULL;
    NTSTATUS Status = Allocate(&Huge, HUGE_SIZE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    QueryCounters(&Counters);
    Check(NT_SUCCESS(Status) == (Counters.CommitLimit > HUGE_SIZE / PAGE_SIZE),
          "%u MB are not committed unless there are so many (%08lx)", HUGE_SIZE / MEGABYTE, Status);
    if (NT_SUCCESS(Status))
        Release(Huge);
}

/* In a process of its own, whose page tables go with it. */
static int TakeAll(void)
{
    static PUCHAR Blocks[2048];
    ULONG Count, i, Good = 0;
    NTSTATUS Status;

    CheckHugeCommit();
    Count = CommitAll(Blocks, ARRAYSIZE(Blocks), &Status);
    Check(Count > 0 && !NT_SUCCESS(Status), "%lu MB are, then there is an error (%08lx)", Count,
          Status);
    for (i = 0; i < Count; i++)
        Good += IsFilledWith(Blocks[i], MEGABYTE, (UCHAR)i);
    Check(Good == Count, "all of it keeps what was written");
    for (i = 0; i < Count / 2; i++)
        Release(Blocks[i]);
    return CheckSummary("vm limit");
}

static void CheckCommitLimit(void)
{
    USAGE Before;

    QuerySteadyUsage(&Before);
    CheckStatus(RunProgram("vm.exe", "vm.exe limit"), 0, "a process takes all that there is");
    CheckUsage(&Before, "its end");
}

/* Uses Left bytes of stack. The sum keeps each call's room in use. */
static ULONG UseStack(ULONG Left)
{
    volatile UCHAR Room[ROOM_PER_CALL];
    ULONG Sum = 0;

    Room[0] = (UCHAR)Left;
    if (Left > ROOM_PER_CALL)
        Sum = UseStack(Left - ROOM_PER_CALL);
    return Sum + Room[0];
}

static void CheckStackGrowth(void)
{
    PUCHAR Before = NtCurrentTeb()->NtTib.StackLimit, After;

    UseStack(STACK_TO_USE);
    After = NtCurrentTeb()->NtTib.StackLimit;
    Check(Before - After >= STACK_TO_USE / 2, "the stack has grown from %p to %p", Before, After);
    Check(Query(After - PAGE_SIZE).Protect == (PAGE_READWRITE | PAGE_GUARD),
          "a guard page is below it");
}

/* In the second process: 0 if the address was free and its memory zero. */
static int UsePrivateMemory(void)
{
    PUCHAR Base = SHARED_BASE;

    if (!NT_SUCCESS(Allocate(&Base, PAGE_SIZE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)))
        return 1;
    if (!IsFilledWith(Base, PAGE_SIZE, 0))
        return 2;
    memset(Base, 0x22, PAGE_SIZE);
    return 0;
}

static void CheckPrivateMemory(void)
{
    PUCHAR Base = SHARED_BASE;

    CheckStatus(Allocate(&Base, PAGE_SIZE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
                STATUS_SUCCESS, "memory is had at a given address");
    memset(Base, 0x11, PAGE_SIZE);
    CheckStatus(RunProgram("vm.exe", "vm.exe private"), 0,
                "another process has zeroed memory of its own at the same address");
    Check(IsFilledWith(Base, PAGE_SIZE, 0x11), "what that wrote is not seen here");
    Release(Base);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "private") == 0)
        return UsePrivateMemory();
    if (argc > 1 && strcmp(argv[1], "limit") == 0)
        return TakeAll();
    NtCreateEvent(&Signalled, EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE);
    CheckReserve();
    CheckCommit();
    CheckPlaces();
    CheckProtection();
    CheckExecuteProtection();
    CheckGuardPage();
    CheckErrors();
    CheckSharedPage();
    CheckDemandZero();
    CheckCommitLimit();
    CheckStackGrowth();
    CheckPrivateMemory();
    return CheckSummary("vm");
}
