/*
 * Start-up of processes: the idle thread, the System process, the thread that frees ended ones,
 * the first program.
 */
#include "boot/loader.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/stackcheck.h"
#include "kernel/ps/notify.h"
#include "kernel/rtl/rtl.h"

#define SYSTEM_PRIORITY   8
#define REAPER_PRIORITY   14
#define SYSTEM_PROCESS_ID ((HANDLE)4)
#define PATH_CHARACTERS   128

static OBJECT_TYPE PspProcessTypeObject = {
    .Name = "Process",
    .AllAccess = PROCESS_ALL_ACCESS,
    .Mapping = {STANDARD_RIGHTS_READ | 0x410, STANDARD_RIGHTS_WRITE | 0xBEB,
                STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE, PROCESS_ALL_ACCESS},
    .Delete = PspDeleteProcess,
    .TellsOfHandles = TRUE,
    .Waitable = TRUE};
static OBJECT_TYPE PspThreadTypeObject = {
    .Name = "Thread",
    .AllAccess = THREAD_ALL_ACCESS,
    .Mapping = {STANDARD_RIGHTS_READ | 0x48, STANDARD_RIGHTS_WRITE | 0x437,
                STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE, THREAD_ALL_ACCESS},
    .Delete = PspDeleteThread,
    .TellsOfHandles = TRUE,
    .Waitable = TRUE};

static POBJECT_TYPE PspProcessType = &PspProcessTypeObject, PspThreadType = &PspThreadTypeObject;
static OBJECT_TYPE PspJobTypeObject = {.Name = "Job", .AllAccess = 0x1F001F};
static POBJECT_TYPE PspJobType = &PspJobTypeObject;
POBJECT_TYPE *PsJobType = &PspJobType;
POBJECT_TYPE *PsProcessType = &PspProcessType, *PsThreadType = &PspThreadType;

/* The System process and the idle thread exist before there is a pool to allocate them from. */
static struct {
    OBJECT_HEADER Header;
    EPROCESS Body;
} PspSystem;
static struct {
    OBJECT_HEADER Header;
    ETHREAD Body;
} PspIdle;

PEPROCESS PsInitialSystemProcess;

/* Makes the running code the idle thread of the System process. */
VOID PsInitializeIdle(PVOID StackLimit)
{
    PsInitialSystemProcess = &PspSystem.Body;
    PspSystem.Header.PointerCount = PspIdle.Header.PointerCount = 1;
    PspSystem.Header.Type = PspProcessType;
    PspIdle.Header.Type = PspThreadType;
    MmInitializeSystemSpace(&PspSystem.Body.Vm);
    KeInitializeProcess(&PspSystem.Body.Pcb, &PspSystem.Body.Vm, SYSTEM_PRIORITY);
    PspSystem.Body.UniqueProcessId = SYSTEM_PROCESS_ID;
    PspSystem.Body.ExitStatus = STATUS_PENDING;
    memcpy(PspSystem.Body.ImageFileName, "System", sizeof "System");
    KiInitializeIdleThread(&PspIdle.Body.Tcb, &PspSystem.Body.Pcb, StackLimit);
    PspIdle.Body.ThreadsProcess = &PspSystem.Body;
    InitializeListHead(&PspIdle.Body.IrpList);
    InitializeListHead(&PsActiveProcessHead);
    InsertTailList(&PsActiveProcessHead, &PspSystem.Body.ActiveProcessLinks);
    PsProcessCount = 1;
    ExInitializeFastMutex(&PspLock);
    PspInitializeNotify();
}

/* The idle thread of a further processor, on a stack of its own. It is never switched to first:
 * the processor begins with it. */
NTSTATUS PspCreateIdleThread(KAFFINITY Processor, PETHREAD *Idle)
{
    NTSTATUS Status = PspCreateThread(PsInitialSystemProcess, NULL, NULL, NULL, Idle);

    if (NT_SUCCESS(Status))
        KiMakeIdleThread(&(*Idle)->Tcb, Processor);
    return Status;
}

PKTHREAD PsGetIdleThread(VOID)
{
    return &PspIdle.Body.Tcb;
}

/* Drops the reference that a running thread had on itself, once it is off its stack. */
static VOID NTAPI PspReaper(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    KeSetBasePriorityThread(KiGetCurrentThread(), REAPER_PRIORITY - SYSTEM_PRIORITY);
    for (;;) {
        PKTHREAD Thread = KeWaitForEndedThread();
        KiReportStackUse(Thread);
        ObDereferenceObject(Thread);
    }
}

NTSTATUS PsInitialize(VOID)
{
    PsPublishVersion();
    KeQuerySystemTime(&PspSystem.Body.CreateTime);
    PspSystem.Body.ObjectTable = ObpCreateHandleTable();
    if (PspSystem.Body.ObjectTable == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    return PsStartSystemThread(PspReaper, NULL);
}

/* The first program: the machine powers off when it ends (exit.c). */
NTSTATUS PsStartInitialProcess(PCSTR CommandLine)
{
    WCHAR PathBuffer[PATH_CHARACTERS];
    UNICODE_STRING Path, Line;
    ANSI_STRING Ansi;
    PETHREAD Thread;
    NTSTATUS Status;
    ULONG Name = 0;

    while (CommandLine[Name] > ' ')
        Name++;
    if (_snwprintf(PathBuffer, PATH_CHARACTERS - 1, L"\\SystemRoot\\%.*hs", Name, CommandLine) < 0)
        return STATUS_OBJECT_NAME_INVALID;
    PathBuffer[PATH_CHARACTERS - 1] = 0;
    RtlInitUnicodeString(&Path, PathBuffer);
    RtlInitAnsiString(&Ansi, CommandLine);
    Status = RtlAnsiStringToUnicodeString(&Line, &Ansi, TRUE);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = PspCreateFromFile(&Path, &Line, SYSTEM_PROCESS_ID, &PsInitialUserProcess, &Thread);
    RtlFreeUnicodeString(&Line);
    if (!NT_SUCCESS(Status))
        return Status;
    PspStartThread(Thread);
    ObDereferenceObject(Thread);
    return STATUS_SUCCESS;
}
