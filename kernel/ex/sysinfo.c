/*
 * NtQuerySystemInformation: counters and lists, in Windows' structures where Windows has them.
 */
#include "kernel/ex/capture.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/ke.h"
#include "kernel/ldr/ldr.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "mm/mm.h"
#include "mm/pool.h"

#define TAG_INFORMATION 'ofnI'

enum {
    SystemBasicInformation = 0,
    SystemPerformanceInformation = 2,
    SystemModuleInformation = 11,
    SystemPoolTagInformation = 22,
    SystemUpperhalfInformation = 0x1000, /* ours: what the tests and demonstrations count */
    SystemUpperhalfProcessorInformation, /* ours: the same for each processor */
};

typedef struct _SYSTEM_BASIC_INFORMATION {
    ULONG Reserved, TimerResolution, PageSize;
    ULONG NumberOfPhysicalPages, LowestPhysicalPageNumber, HighestPhysicalPageNumber;
    ULONG AllocationGranularity;
    ULONG MinimumUserModeAddress, MaximumUserModeAddress, ActiveProcessorsAffinityMask;
    CCHAR NumberOfProcessors;
} SYSTEM_BASIC_INFORMATION;

/* As far as it is kept: the rest of Windows' 312 bytes is zero. */
typedef struct _SYSTEM_PERFORMANCE_INFORMATION {
    LARGE_INTEGER IdleProcessTime;
    ULONG IoCounters[9];
    ULONG AvailablePages; /* 2C */
    ULONG CommittedPages, CommitLimit, PeakCommitment;
    ULONG PageFaultCount; /* 3C */
    ULONG FaultCounters[12];
    ULONG PagedPoolPages, NonPagedPoolPages; /* 70 */
    ULONG OtherCounters[48];
} SYSTEM_PERFORMANCE_INFORMATION;

C_ASSERT(sizeof(SYSTEM_PERFORMANCE_INFORMATION) == 312);
C_ASSERT(FIELD_OFFSET(SYSTEM_PERFORMANCE_INFORMATION, PagedPoolPages) == 0x70);

typedef struct _SYSTEM_UPPERHALF_INFORMATION {
    ULONG Size;
    ULONG AvailablePages, ActivePages, CommittedPages, CommitLimit;
    ULONG PagedPoolPages, NonPagedPoolPages;
    ULONG ProcessCount, ThreadCount;
    ULONG ThreadSwitches, AddressSpaceSwitches, AttachSwitches;
    ULONG PageFaults, KernelPageFaults, SystemCalls, InterruptCount;
    ULONG PageDirectories, PageTables, KernelStackPages, DriverImagePages, ProcessPages;
} SYSTEM_UPPERHALF_INFORMATION;

typedef struct _SYSTEM_UPPERHALF_PROCESSOR_INFORMATION {
    ULONG ThreadSwitches, AddressSpaceSwitches, AttachSwitches;
    ULONG PageFaults, SystemCalls, InterruptCount;
} SYSTEM_UPPERHALF_PROCESSOR_INFORMATION;

typedef struct _RTL_PROCESS_MODULE_INFORMATION {
    HANDLE Section;
    PVOID MappedBase, ImageBase;
    ULONG ImageSize, Flags;
    USHORT LoadOrderIndex, InitOrderIndex, LoadCount, OffsetToFileName;
    CHAR FullPathName[256];
} RTL_PROCESS_MODULE_INFORMATION;

/* Makes one class's answer in Buffer (nonpaged, zeroed). *Length: in, its size; out, what is
 * needed. */
typedef NTSTATUS (*PEXP_QUERY)(PVOID Buffer, PULONG Length);

static NTSTATUS ExpNeeds(PULONG Length, ULONG Needed)
{
    BOOLEAN Fits = *Length >= Needed;

    *Length = Needed;
    return Fits ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;
}

static NTSTATUS ExpQueryBasic(PVOID Buffer, PULONG Length)
{
    SYSTEM_BASIC_INFORMATION *Info = Buffer;
    NTSTATUS Status = ExpNeeds(Length, sizeof *Info);

    if (!NT_SUCCESS(Status))
        return Status;
    Info->TimerResolution = KeQueryTimeIncrement();
    Info->PageSize = PAGE_SIZE;
    Info->NumberOfPhysicalPages = MmNumberOfPhysicalPages;
    Info->HighestPhysicalPageNumber = MmHighestPhysicalPage;
    Info->AllocationGranularity = 0x10000;
    Info->MinimumUserModeAddress = MI_LOWEST_USER_ADDRESS;
    Info->MaximumUserModeAddress = MI_HIGHEST_USER_ADDRESS;
    Info->ActiveProcessorsAffinityMask = KeActiveProcessors;
    Info->NumberOfProcessors = KeNumberProcessors;
    return STATUS_SUCCESS;
}

static NTSTATUS ExpQueryPerformance(PVOID Buffer, PULONG Length)
{
    SYSTEM_PERFORMANCE_INFORMATION *Info = Buffer;
    NTSTATUS Status = ExpNeeds(Length, sizeof *Info);
    LONG i;

    if (!NT_SUCCESS(Status))
        return Status;
    Info->AvailablePages = MmAvailablePages;
    Info->CommittedPages = MmTotalCommittedPages;
    Info->CommitLimit = MmTotalCommitLimit;
    Info->PeakCommitment = MmPeakCommitment;
    for (i = 0; i < KeNumberProcessors; i++)
        Info->PageFaultCount += KiProcessorBlock[i]->PageFaults;
    Info->PagedPoolPages = MiPoolPagesInUse(PagedPool);
    Info->NonPagedPoolPages = MiPoolPagesInUse(NonPagedPool);
    return STATUS_SUCCESS;
}

/* A processor's counters are its own: they are added up when somebody asks. */
static VOID ExpAddCounters(SYSTEM_UPPERHALF_INFORMATION *Info, const KPRCB *Prcb)
{
    Info->ThreadSwitches += Prcb->ThreadSwitches;
    Info->AddressSpaceSwitches += Prcb->AddressSpaceSwitches;
    Info->AttachSwitches += Prcb->AttachSwitches;
    Info->PageFaults += Prcb->PageFaults;
    Info->KernelPageFaults += Prcb->KernelPageFaults;
    Info->SystemCalls += Prcb->SystemCalls;
    Info->InterruptCount += Prcb->InterruptCount;
}

static NTSTATUS ExpQueryUpperhalf(PVOID Buffer, PULONG Length)
{
    SYSTEM_UPPERHALF_INFORMATION *Info = Buffer;
    NTSTATUS Status = ExpNeeds(Length, sizeof *Info);
    LONG i;

    if (!NT_SUCCESS(Status))
        return Status;
    Info->Size = sizeof *Info;
    Info->AvailablePages = MmAvailablePages;
    Info->ActivePages = MiCountFrames(ActiveAndValid);
    Info->CommittedPages = MmTotalCommittedPages;
    Info->CommitLimit = MmTotalCommitLimit;
    Info->PagedPoolPages = MiPoolPagesInUse(PagedPool);
    Info->NonPagedPoolPages = MiPoolPagesInUse(NonPagedPool);
    Info->ProcessCount = PsProcessCount;
    Info->ThreadCount = PsThreadCount;
    for (i = 0; i < KeNumberProcessors; i++)
        ExpAddCounters(Info, KiProcessorBlock[i]);
    Info->PageDirectories = MiCountUsage(UsageDirectory);
    Info->PageTables = MiCountUsage(UsageTable);
    Info->KernelStackPages = MiCountUsage(UsageStack);
    Info->DriverImagePages = MiCountUsage(UsageDriver);
    Info->ProcessPages = MiCountUsage(UsageProcess);
    return STATUS_SUCCESS;
}

/* An entry for each processor, in the order of their numbers. */
static NTSTATUS ExpQueryProcessors(PVOID Buffer, PULONG Length)
{
    SYSTEM_UPPERHALF_PROCESSOR_INFORMATION *Info = Buffer;
    NTSTATUS Status = ExpNeeds(Length, (ULONG)KeNumberProcessors * sizeof *Info);
    LONG i;

    if (!NT_SUCCESS(Status))
        return Status;
    for (i = 0; i < KeNumberProcessors; i++) {
        const KPRCB *Prcb = KiProcessorBlock[i];
        Info[i] = (SYSTEM_UPPERHALF_PROCESSOR_INFORMATION){
            Prcb->ThreadSwitches, Prcb->AddressSpaceSwitches, Prcb->AttachSwitches,
            Prcb->PageFaults,     Prcb->SystemCalls,          Prcb->InterruptCount};
    }
    return STATUS_SUCCESS;
}

/* RTL_PROCESS_MODULES: a count, then an entry for each kernel image. */
static NTSTATUS ExpQueryModules(PVOID Buffer, PULONG Length)
{
    RTL_PROCESS_MODULE_INFORMATION *Info = (PVOID)((PULONG)Buffer + 1);
    ULONG Room = (*Length - sizeof(ULONG)) / sizeof *Info, Count = 0;
    PLIST_ENTRY Entry;

    if (*Length < sizeof(ULONG))
        Room = 0;
    LdrLockModules();
    for (Entry = PsLoadedModuleList.Flink; Entry != &PsLoadedModuleList; Entry = Entry->Flink) {
        PLDR_MODULE Module = CONTAINING_RECORD(Entry, LDR_MODULE, InLoadOrderLinks);
        if (Count < Room) {
            Info[Count].ImageBase = Module->DllBase;
            Info[Count].ImageSize = Module->SizeOfImage;
            Info[Count].LoadOrderIndex = (USHORT)Count;
            Info[Count].LoadCount = Module->LoadCount;
            _snprintf(Info[Count].FullPathName, sizeof Info->FullPathName - 1, "%wZ",
                      &Module->BaseDllName);
        }
        Count++;
    }
    LdrUnlockModules();
    if (*Length >= sizeof(ULONG))
        *(PULONG)Buffer = Count;
    return ExpNeeds(Length, sizeof(ULONG) + Count * sizeof *Info);
}

/* SYSTEM_POOLTAG_INFORMATION: a count, then an entry for each tag. */
static NTSTATUS ExpQueryPoolTags(PVOID Buffer, PULONG Length)
{
    ULONG Room = *Length < sizeof(ULONG) ? 0 : (*Length - sizeof(ULONG)) / sizeof(SYSTEM_POOLTAG);
    ULONG Count = MmQueryPoolTags((PSYSTEM_POOLTAG)((PULONG)Buffer + 1), Room);

    if (*Length >= sizeof(ULONG))
        *(PULONG)Buffer = min(Count, Room);
    return ExpNeeds(Length, sizeof(ULONG) + Count * sizeof(SYSTEM_POOLTAG));
}

static PEXP_QUERY ExpQueryOf(ULONG Class)
{
    switch (Class) {
    case SystemBasicInformation:
        return ExpQueryBasic;
    case SystemPerformanceInformation:
        return ExpQueryPerformance;
    case SystemModuleInformation:
        return ExpQueryModules;
    case SystemPoolTagInformation:
        return ExpQueryPoolTags;
    case SystemUpperhalfInformation:
        return ExpQueryUpperhalf;
    case SystemUpperhalfProcessorInformation:
        return ExpQueryProcessors;
    default:
        return NULL;
    }
}

/*
 * System counters and lists (ZwQuerySystemInformation). The answer is made in a buffer of the
 * kernel's and copied out. STATUS_INFO_LENGTH_MISMATCH: too short; *ReturnLength says what it
 * takes.
 */
NTSTATUS NTAPI NtQuerySystemInformation(ULONG SystemInformationClass, PVOID SystemInformation,
                                        ULONG SystemInformationLength, PULONG ReturnLength)
{
    PEXP_QUERY Query = ExpQueryOf(SystemInformationClass);
    ULONG Length = min(SystemInformationLength, 0x10000);
    PVOID Buffer;
    NTSTATUS Status, Copied = STATUS_SUCCESS;

    if (Query == NULL)
        return STATUS_INVALID_INFO_CLASS;
    Buffer = ExAllocatePoolWithTag(NonPagedPool, max(Length, sizeof(ULONG)), TAG_INFORMATION);
    if (Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(Buffer, 0, max(Length, sizeof(ULONG)));
    Status = Query(Buffer, &Length);
    if (NT_SUCCESS(Status))
        Copied = ExCopyOut(SystemInformation, Buffer, Length);
    if (NT_SUCCESS(Copied) && ReturnLength)
        Copied = ExCopyOut(ReturnLength, &Length, sizeof Length);
    ExFreePoolWithTag(Buffer, TAG_INFORMATION);
    return NT_SUCCESS(Copied) ? Status : Copied;
}

/* Writes a line on the log. */
NTSTATUS NTAPI NtDisplayString(PUNICODE_STRING String)
{
    UNICODE_STRING Captured;
    NTSTATUS Status = ExCaptureString(&Captured, String);

    if (!NT_SUCCESS(Status))
        return Status;
    KdPrintLine("%wZ", &Captured);
    ExReleaseString(&Captured);
    return STATUS_SUCCESS;
}
