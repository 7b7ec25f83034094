/*
 * pstest.sys: who is told of processes, threads and images, and what is known about them (WDK, the
 * pages of the routines). What comes later, when programs run, it prints; notify.exe and the system
 * test look at it. It lets no process begin whose command line has "veto" in it.
 */
#include <ntifs.h>
#include <ntddk.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define PLACES       64
#define OTHER_DRIVER L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\leftover"

/* Debian's import library and headers lack these. */
NTSYSAPI NTSTATUS NTAPI ZwQueryInformationThread(HANDLE, THREADINFOCLASS, PVOID, ULONG, PULONG);
typedef struct _THREAD_INFORMATION {
    NTSTATUS ExitStatus;
    PVOID TebBaseAddress;
    CLIENT_ID ClientId;
    KAFFINITY AffinityMask;
    KPRIORITY Priority;
    KPRIORITY BasePriority;
} THREAD_INFORMATION;

static struct {
    HANDLE ProcessId, ThreadId, TellingThread;
    ULONG Creations, Ends;
    BOOLEAN InRegion, AtPassive;
} Threads; /* of the one that is looked at */
static HANDLE LookedAt;

static struct {
    ULONG Count;
    HANDLE ProcessId;
    IMAGE_INFO Info;
    BOOLEAN NameIsRight;
} Drivers;

/* ---- Routines ----------------------------------------------------------------------------------
 */

static VOID NTAPI OnThread(HANDLE ProcessId, HANDLE ThreadId, BOOLEAN Create)
{
    if (Create && LookedAt == NULL)
        LookedAt = ThreadId;
    if (LookedAt != ThreadId)
        return;
    Threads.ProcessId = ProcessId;
    Threads.ThreadId = ThreadId;
    Threads.TellingThread = PsGetCurrentThreadId();
    Threads.InRegion = KeAreApcsDisabled();
    Threads.AtPassive = KeGetCurrentIrql() == PASSIVE_LEVEL;
    if (Create)
        Threads.Creations++;
    else
        Threads.Ends++;
}

static BOOLEAN EndsWith(PUNICODE_STRING String, PCWSTR End)
{
    UNICODE_STRING Last;

    RtlInitUnicodeString(&Last, End);
    if (String->Length < Last.Length)
        return FALSE;
    Last.MaximumLength = Last.Length;
    return RtlCompareMemory((PUCHAR)String->Buffer + String->Length - Last.Length, Last.Buffer,
                            Last.Length) == Last.Length;
}

static VOID NTAPI OnImage(PUNICODE_STRING FullImageName, HANDLE ProcessId, PIMAGE_INFO ImageInfo)
{
    if (ProcessId) {
        DbgPrint("image %wZ in its process: %s, %s\n", FullImageName,
                 ProcessId == PsGetCurrentProcessId() ? "yes" : "no",
                 ImageInfo->SystemModeImage ? "system" : "user");
        return;
    }
    Drivers.Count++;
    Drivers.ProcessId = ProcessId;
    Drivers.Info = *ImageInfo;
    Drivers.NameIsRight = EndsWith(FullImageName, L"\\leftover.sys");
}

static VOID NTAPI OnProcess(HANDLE ParentId, HANDLE ProcessId, BOOLEAN Create)
{
    PEPROCESS Process;
    NTSTATUS Status = PsLookupProcessByProcessId(ProcessId, &Process);

    DbgPrint("process %s, told by its %s, found: %s\n", Create ? "begins" : "ends",
             PsGetCurrentProcessId() == ProcessId  ? "own thread"
             : PsGetCurrentProcessId() == ParentId ? "parent"
                                                   : "neither",
             NT_SUCCESS(Status) ? "yes" : "no");
    if (NT_SUCCESS(Status))
        ObDereferenceObject(Process);
}

static BOOLEAN Contains(PCUNICODE_STRING String, PCWSTR Word)
{
    ULONG Units = String->Length / sizeof(WCHAR), Length = wcslen(Word), i;

    for (i = 0; i + Length <= Units; i++) {
        if (RtlCompareMemory(String->Buffer + i, Word, Length * 2) == Length * 2)
            return TRUE;
    }
    return FALSE;
}

static VOID NTAPI OnProcessEx(PEPROCESS Process, HANDLE ProcessId, PPS_CREATE_NOTIFY_INFO Info)
{
    UNREFERENCED_PARAMETER(ProcessId);
    if (Info == NULL) {
        DbgPrint("process with more to say ends: %s\n",
                 PsGetProcessId(Process) == ProcessId ? "it is the one" : "it is another");
        return;
    }
    DbgPrint("process with more to say: %wZ, [%wZ], %s, %s\n", Info->ImageFileName,
             Info->CommandLine,
             Info->Size == sizeof *Info && Info->FileOpenNameAvailable && Info->FileObject &&
                     Info->FileObject->Type == IO_TYPE_FILE
                 ? "complete"
                 : "not complete",
             Info->CreatingThreadId.UniqueThread == PsGetCurrentThreadId() ? "by its maker"
                                                                           : "by another");
    if (Info->CommandLine && Contains(Info->CommandLine, L"veto"))
        Info->CreationStatus = STATUS_ACCESS_DENIED;
}

/* ---- Registration ------------------------------------------------------------------------------
 */

/* So many different routines: they are never called. */
static UCHAR Routines[PLACES];

static VOID TestProcessRoutines(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Taken, i;

    CheckEqual("process: registered", PsSetCreateProcessNotifyRoutine(OnProcess, FALSE),
               STATUS_SUCCESS);
    CheckEqual("process: not twice", PsSetCreateProcessNotifyRoutine(OnProcess, FALSE),
               STATUS_INVALID_PARAMETER);
    CheckEqual("process: removed", PsSetCreateProcessNotifyRoutine(OnProcess, TRUE),
               STATUS_SUCCESS);
    CheckEqual("process: once", PsSetCreateProcessNotifyRoutine(OnProcess, TRUE),
               STATUS_PROCEDURE_NOT_FOUND);
    CheckEqual("process: with more to say", PsSetCreateProcessNotifyRoutineEx(OnProcessEx, FALSE),
               STATUS_SUCCESS);
    CheckEqual("process: not twice, either", PsSetCreateProcessNotifyRoutineEx(OnProcessEx, FALSE),
               STATUS_INVALID_PARAMETER);
    CheckEqual(
        "process: it is of the other sort",
        PsSetCreateProcessNotifyRoutine((PCREATE_PROCESS_NOTIFY_ROUTINE)(PVOID)OnProcessEx, TRUE),
        STATUS_PROCEDURE_NOT_FOUND);
    for (Taken = 0; Taken < PLACES && NT_SUCCESS(Status); Taken++)
        Status = PsSetCreateProcessNotifyRoutine(
            (PCREATE_PROCESS_NOTIFY_ROUTINE)(PVOID)&Routines[Taken], FALSE);
    CheckEqual("process: 64 of them, and no more", Status, STATUS_INVALID_PARAMETER);
    CheckEqual("process: 63 beside the one", Taken, PLACES);
    for (i = 0; i + 1 < Taken; i++)
        PsSetCreateProcessNotifyRoutine((PCREATE_PROCESS_NOTIFY_ROUTINE)(PVOID)&Routines[i], TRUE);
    CheckEqual("process: registered again", PsSetCreateProcessNotifyRoutine(OnProcess, FALSE),
               STATUS_SUCCESS);
}

static VOID NTAPI SomeThread(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestThreadRoutines(VOID)
{
    PKTHREAD Thread;

    CheckEqual("thread: not registered", PsRemoveCreateThreadNotifyRoutine(OnThread),
               STATUS_PROCEDURE_NOT_FOUND);
    CheckEqual("thread: registered", PsSetCreateThreadNotifyRoutine(OnThread), STATUS_SUCCESS);
    Thread = StartThread(SomeThread, NULL);
    Wait(Thread);
    Check("thread: told of its beginning and of its end",
          Threads.Creations == 1 && Threads.Ends == 1);
    Check("thread: by its id", Threads.ThreadId == PsGetThreadId((PETHREAD)Thread) &&
                                   Threads.ProcessId == PsGetThreadProcessId((PETHREAD)Thread));
    Check("thread: it has told of its end itself", Threads.TellingThread == Threads.ThreadId);
    Check("thread: at PASSIVE_LEVEL, in a critical region", Threads.AtPassive && Threads.InRegion);
    ObDereferenceObject(Thread);
    CheckEqual("thread: removed", PsRemoveCreateThreadNotifyRoutine(OnThread), STATUS_SUCCESS);
    JoinThread(StartThread(SomeThread, NULL));
    CheckEqual("thread: not told any more", Threads.Creations, 1);
}

static VOID TestImageRoutines(VOID)
{
    UNICODE_STRING Name;

    CheckEqual("image: not registered", PsRemoveLoadImageNotifyRoutine(OnImage),
               STATUS_PROCEDURE_NOT_FOUND);
    CheckEqual("image: registered", PsSetLoadImageNotifyRoutine(OnImage), STATUS_SUCCESS);
    RtlInitUnicodeString(&Name, OTHER_DRIVER);
    if (!CheckEqual("image: a driver", ZwLoadDriver(&Name), STATUS_SUCCESS))
        return;
    Check("image: told of it once, by its name", Drivers.Count == 1 && Drivers.NameIsRight);
    Check("image: in no process", Drivers.ProcessId == NULL);
    Check("image: where it is",
          Drivers.Info.SystemModeImage && Drivers.Info.ImageBase &&
              Drivers.Info.ImageSize >= 0x1000 &&
              Drivers.Info.ImageAddressingMode == IMAGE_ADDRESSING_MODE_32BIT);
    Check("image: it is mapped there", *(PUSHORT)Drivers.Info.ImageBase == 0x5A4D);
    CheckEqual("image: the driver is unloaded", ZwUnloadDriver(&Name), STATUS_SUCCESS);
    CheckEqual("image: not told of that", Drivers.Count, 1);
}

/* ---- What is known -----------------------------------------------------------------------------
 */

static VOID TestLookup(VOID)
{
    CLIENT_ID Cid = {PsGetCurrentProcessId(), PsGetCurrentThreadId()}, Wrong = Cid;
    PEPROCESS Process;
    PETHREAD Thread;

    CheckEqual("lookup: both ids", PsLookupProcessThreadByCid(&Cid, &Process, &Thread),
               STATUS_SUCCESS);
    Check("lookup: both are found",
          Process == PsInitialSystemProcess && Thread == PsGetCurrentThread());
    ObDereferenceObject(Process);
    ObDereferenceObject(Thread);
    Wrong.UniqueProcess = (HANDLE)0x7FFC;
    CheckEqual("lookup: a thread of another process",
               PsLookupProcessThreadByCid(&Wrong, NULL, &Thread), STATUS_INVALID_CID);
    CheckEqual("lookup: no process", PsLookupProcessByProcessId((HANDLE)0x7FFC, &Process),
               STATUS_INVALID_CID);
    CheckEqual("lookup: no thread", PsLookupThreadByThreadId((HANDLE)0x7FFC, &Thread),
               STATUS_INVALID_PARAMETER);
    CheckEqual("lookup: the thread", PsLookupThreadByThreadId(Cid.UniqueThread, &Thread),
               STATUS_SUCCESS);
    ObDereferenceObject(Thread);
}

static VOID TestHandles(VOID)
{
    CLIENT_ID Cid = {PsGetCurrentProcessId(), NULL}, Own = {NULL, PsGetCurrentThreadId()};
    PROCESS_BASIC_INFORMATION Basic;
    OBJECT_ATTRIBUTES Attributes;
    THREAD_INFORMATION Info;
    KPRIORITY Priority = 9;
    ULONG Length;
    HANDLE Handle;

    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    CheckEqual("open: a process", ZwOpenProcess(&Handle, PROCESS_ALL_ACCESS, &Attributes, &Cid),
               STATUS_SUCCESS);
    CheckEqual(
        "open: what it is",
        ZwQueryInformationProcess(Handle, ProcessBasicInformation, &Basic, sizeof Basic, &Length),
        STATUS_SUCCESS);
    CheckEqual("open: its id", Basic.UniqueProcessId, (LONG)(ULONG_PTR)Cid.UniqueProcess);
    CheckEqual(
        "open: a wrong length",
        ZwQueryInformationProcess(Handle, ProcessBasicInformation, &Basic, sizeof Basic - 1, NULL),
        STATUS_INFO_LENGTH_MISMATCH);
    ZwClose(Handle);
    CheckEqual("open: without ids", ZwOpenProcess(&Handle, PROCESS_ALL_ACCESS, &Attributes, NULL),
               STATUS_INVALID_PARAMETER_MIX);
    Cid.UniqueProcess = (HANDLE)0x7FFC;
    CheckEqual("open: no such process",
               ZwOpenProcess(&Handle, PROCESS_ALL_ACCESS, &Attributes, &Cid), STATUS_INVALID_CID);
    CheckEqual("open: a thread", ZwOpenThread(&Handle, THREAD_ALL_ACCESS, &Attributes, &Own),
               STATUS_SUCCESS);
    CheckEqual("thread: its priority is set",
               ZwSetInformationThread(Handle, ThreadPriority, &Priority, sizeof Priority),
               STATUS_SUCCESS);
    CheckEqual("thread: it has it", KeQueryPriorityThread(KeGetCurrentThread()), 9);
    Priority = 0;
    CheckEqual("thread: not 0",
               ZwSetInformationThread(Handle, ThreadPriority, &Priority, sizeof Priority),
               STATUS_INVALID_PARAMETER);
    CheckEqual(
        "thread: what it is",
        ZwQueryInformationThread(Handle, ThreadBasicInformation, &Info, sizeof Info, &Length),
        STATUS_SUCCESS);
    Check("thread: its ids", Info.ClientId.UniqueThread == Own.UniqueThread &&
                                 Info.ExitStatus == STATUS_PENDING && Info.AffinityMask);
    CheckEqual("thread: no such class",
               ZwSetInformationThread(Handle, MaxThreadInfoClass, &Priority, sizeof Priority),
               STATUS_INVALID_INFO_CLASS);
    ZwClose(Handle);
}

/* Exported, and in no header. */
typedef NTSTATUS(NTAPI *QUOTA)(PEPROCESS Process, SIZE_T Amount);
typedef LARGE_INTEGER(NTAPI *EXIT_TIME)(VOID);
typedef NTSTATUS(NTAPI *EXIT_STATUS)(PEPROCESS Process);

static PVOID Routine(PCWSTR Text)
{
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, Text);
    return MmGetSystemRoutineAddress(&Name);
}

static VOID TestUndeclared(PEPROCESS Process)
{
    QUOTA Paged = (QUOTA)Routine(L"PsChargeProcessPagedPoolQuota");
    QUOTA NonPaged = (QUOTA)Routine(L"PsChargeProcessNonPagedPoolQuota");
    QUOTA ReturnPaged = (QUOTA)Routine(L"PsReturnProcessPagedPoolQuota");
    QUOTA ReturnNonPaged = (QUOTA)Routine(L"PsReturnProcessNonPagedPoolQuota");
    EXIT_TIME ExitTime = (EXIT_TIME)Routine(L"PsGetProcessExitTime");
    EXIT_STATUS ExitStatus = (EXIT_STATUS)Routine(L"PsGetProcessExitStatus");

    if (!Check("undeclared: they are there", Paged && NonPaged && ReturnPaged && ReturnNonPaged &&
                                                 ExitTime && ExitStatus && Routine(L"PsJobType")))
        return;
    CheckEqual("quota: paged pool", Paged(Process, 8), STATUS_SUCCESS);
    CheckEqual("quota: nonpaged pool", NonPaged(Process, 8), STATUS_SUCCESS);
    ReturnPaged(Process, 8);
    ReturnNonPaged(Process, 8);
    Check("exit: it has not ended", ExitTime().QuadPart == 0);
    CheckEqual("exit: so its status is pending", ExitStatus(Process), STATUS_PENDING);
}

static VOID TestTimes(VOID)
{
    KERNEL_USER_TIMES Times;
    LARGE_INTEGER Now;

    KeQuerySystemTime(&Now);
    CheckEqual("times: a thread's",
               ZwQueryInformationThread(ZwCurrentThread(), ThreadTimes, &Times, sizeof Times, NULL),
               STATUS_SUCCESS);
    Check("times: begun, and not ended", Times.CreateTime.QuadPart > 0 &&
                                             Times.CreateTime.QuadPart <= Now.QuadPart &&
                                             Times.ExitTime.QuadPart == 0);
    CheckEqual(
        "times: a process's",
        ZwQueryInformationProcess(ZwCurrentProcess(), ProcessTimes, &Times, sizeof Times, NULL),
        STATUS_SUCCESS);
    Check("times: when it was made",
          Times.CreateTime.QuadPart > 0 &&
              Times.CreateTime.QuadPart == PsGetProcessCreateTimeQuadPart(PsGetCurrentProcess()));
}

static VOID TestRest(VOID)
{
    PEPROCESS Process = PsGetCurrentProcess();

    CheckEqual("quota: charged", PsChargeProcessPoolQuota(Process, PagedPool, 100), STATUS_SUCCESS);
    PsChargePoolQuota(Process, NonPagedPool, 100);
    PsReturnPoolQuota(Process, PagedPool, 100);
    PsReturnPoolQuota(Process, NonPagedPool, 100);
    TestUndeclared(Process);
    TestTimes();
    Check("thread: nothing is fetched before it is used",
          !PsSetCurrentThreadPrefetching(TRUE) && !PsIsCurrentThreadPrefetching());
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    TestProcessRoutines();
    TestThreadRoutines();
    TestImageRoutines();
    TestLookup();
    TestHandles();
    TestRest();
    return FinishTests("pstest");
}
