/*
 * Processes: made empty, filled from an image file, found, deleted.
 */
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ldr/ldr.h"
#include "kernel/ps/notify.h"
#include "kernel/rtl/rtl.h"

#define USER_PRIORITY   8
#define NTDLL           L"\\SystemRoot\\ntdll.dll"
#define DEFAULT_RESERVE 0x100000
#define DEFAULT_COMMIT  0x1000
#define TAG_PATH        'htPP'

LIST_ENTRY PsActiveProcessHead;
ULONG PsProcessCount, PsThreadCount;
PEPROCESS PsInitialUserProcess;
FAST_MUTEX PspLock;

/* Process and thread ids are multiples of 4 out of one sequence, so none is ever both. */
HANDLE PspAllocateId(VOID)
{
    static volatile LONG Last = 4;

    return (HANDLE)(ULONG_PTR)InterlockedExchangeAdd(&Last, 4) + 4;
}

/* The path of its image file, for those who ask. */
static NTSTATUS PspKeepImagePath(PEPROCESS Process, PUNICODE_STRING Path)
{
    Process->ImagePath.Buffer = ExAllocatePoolWithTag(PagedPool, Path->Length, TAG_PATH);
    if (Process->ImagePath.Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Process->ImagePath.Buffer, Path->Buffer, Path->Length);
    Process->ImagePath.Length = Process->ImagePath.MaximumLength = Path->Length;
    return STATUS_SUCCESS;
}

/* A process with an address space and a handle table, and no thread yet. */
NTSTATUS PspCreateProcess(PCSTR ImageName, PUNICODE_STRING Path, PEPROCESS *NewProcess)
{
    PEPROCESS Process;
    NTSTATUS Status = ObpAllocateObject(*PsProcessType, sizeof *Process, (PVOID *)&Process);

    if (!NT_SUCCESS(Status))
        return Status;
    InitializeListHead(&Process->ActiveProcessLinks);
    Status = MmCreateSpace(&Process->Vm);
    if (NT_SUCCESS(Status)) {
        KeInitializeProcess(&Process->Pcb, &Process->Vm, USER_PRIORITY);
        Process->ObjectTable = ObpCreateHandleTable();
        if (Process->ObjectTable == NULL)
            Status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (NT_SUCCESS(Status))
        Status = PspKeepImagePath(Process, Path);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(Process);
        return Status;
    }
    KeQuerySystemTime(&Process->CreateTime);
    Process->UniqueProcessId = PspAllocateId();
    Process->ExitStatus = STATUS_PENDING;
    strncpy(Process->ImageFileName, ImageName, IMAGE_NAME_LENGTH - 1);
    ExAcquireFastMutex(&PspLock);
    InsertTailList(&PsActiveProcessHead, &Process->ActiveProcessLinks);
    PsProcessCount++;
    ExReleaseFastMutex(&PspLock);
    *NewProcess = Process;
    return STATUS_SUCCESS;
}

/* The object's Delete routine: the last thread is gone, and no handle or pointer is left. */
VOID PspDeleteProcess(PVOID Object)
{
    PEPROCESS Process = Object;

    ExAcquireFastMutex(&PspLock);
    if (!IsListEmpty(&Process->ActiveProcessLinks)) {
        RemoveEntryList(&Process->ActiveProcessLinks);
        PsProcessCount--;
    }
    ExReleaseFastMutex(&PspLock);
    if (Process->ObjectTable)
        ObpDeleteHandleTable(Process->ObjectTable);
    if (Process->ImagePath.Buffer)
        ExFreePoolWithTag(Process->ImagePath.Buffer, TAG_PATH);
    if (Process->Vm.DirectoryTableBase)
        MmDeleteSpace(&Process->Vm);
}

/* A handle of the running service's caller to a referenced process. */
NTSTATUS PsReferenceProcess(HANDLE Handle, ACCESS_MASK Access, PEPROCESS *Process)
{
    return ObReferenceObjectByHandle(Handle, Access, *PsProcessType,
                                     KiGetCurrentThread()->PreviousMode, (PVOID *)Process, NULL);
}

/* The last component of a path, as an ANSI name for people. */
static VOID PspNameOfPath(PUNICODE_STRING Path, PCHAR Name)
{
    USHORT Units = Path->Length / sizeof(WCHAR), Start = Units;

    while (Start > 0 && Path->Buffer[Start - 1] != L'\\')
        Start--;
    _snprintf(Name, IMAGE_NAME_LENGTH - 1, "%.*ws", Units - Start, Path->Buffer + Start);
    Name[IMAGE_NAME_LENGTH - 1] = 0;
}

/* Maps ntdll.dll and the program, and writes the PEB. The thread is attached to the process. */
static NTSTATUS PspFillProcess(PEPROCESS Process, PUNICODE_STRING Path, PUNICODE_STRING CommandLine,
                               PSP_USER_START *Start)
{
    LDR_USER_IMAGE Ntdll, Program;
    UNICODE_STRING NtdllPath;
    NTSTATUS Status;

    RtlInitUnicodeString(&NtdllPath, NTDLL);
    Status = LdrMapUserImage(&NtdllPath, NULL, &Ntdll);
    if (NT_SUCCESS(Status))
        Status = LdrMapUserImage(Path, &Ntdll, &Program);
    if (NT_SUCCESS(Status) && Program.EntryPoint == 0)
        Status = STATUS_INVALID_IMAGE_FORMAT;
    if (NT_SUCCESS(Status))
        Status = PspCreatePeb(Process, Program.Base, Path, CommandLine);
    if (!NT_SUCCESS(Status))
        return Status;
    Process->Images[0] = (PSP_IMAGE){Program.Base, Program.Pe.SizeOfImage};
    Process->Images[1] = (PSP_IMAGE){Ntdll.Base, Ntdll.Pe.SizeOfImage};
    Process->UserThreadStart = Ntdll.UserThreadStart;
    Process->UserApcDispatcher = Ntdll.UserApcDispatcher;
    Process->UserExceptionDispatcher = Ntdll.UserExceptionDispatcher;
    Start->Eip = (ULONG_PTR)Ntdll.UserThreadStart;
    Start->Eax = Program.EntryPoint;
    Start->Ebx = (ULONG_PTR)Process->Peb;
    return STATUS_SUCCESS;
}

/*
 * Makes a process out of a file: both *Process and *Thread are referenced, the thread is not
 * started. Nothing is left behind on failure.
 */
NTSTATUS PspCreateFromFile(PUNICODE_STRING Path, PUNICODE_STRING CommandLine, HANDLE Parent,
                           PEPROCESS *NewProcess, PETHREAD *NewThread)
{
    CHAR Name[IMAGE_NAME_LENGTH];
    PSP_USER_START Start;
    KAPC_STATE ApcState;
    PEPROCESS Process;
    NTSTATUS Status;

    PspNameOfPath(Path, Name);
    Status = PspCreateProcess(Name, Path, &Process);
    if (!NT_SUCCESS(Status))
        return Status;
    Process->InheritedFromUniqueProcessId = Parent;
    KeStackAttachProcess(&Process->Pcb, &ApcState);
    Status = PspFillProcess(Process, Path, CommandLine, &Start);
    if (NT_SUCCESS(Status))
        Status = PspCreateUserThread(Process, &Start, DEFAULT_RESERVE, DEFAULT_COMMIT, NewThread);
    if (!NT_SUCCESS(Status))
        MmCleanSpace(&Process->Vm);
    KeUnstackDetachProcess(&ApcState);
    if (NT_SUCCESS(Status)) {
        Status = PspNotifyProcessCreation(Process, CommandLine);
        if (NT_SUCCESS(Status)) {
            *NewProcess = Process;
            return STATUS_SUCCESS;
        }
        PspDiscardUnstarted(*NewThread);
        ObDereferenceObject(*NewThread);
    }
    ObDereferenceObject(Process);
    return Status;
}

/* The first thread tells drivers what is mapped in its process: the program, then ntdll.dll. */
VOID PspAnnounceImages(PEPROCESS Process)
{
    UNICODE_STRING Ntdll = RTL_CONSTANT_STRING(NTDLL);

    if (InterlockedExchange(&Process->ImagesAnnounced, TRUE))
        return;
    PsNotifyImage(&Process->ImagePath, Process->UniqueProcessId, Process->Images[0].Base,
                  Process->Images[0].Size);
    PsNotifyImage(&Ntdll, Process->UniqueProcessId, Process->Images[1].Base,
                  Process->Images[1].Size);
}

/* The process whose id is given, referenced (WDK: PsLookupProcessByProcessId). */
NTSTATUS NTAPI PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS *Process)
{
    NTSTATUS Status = STATUS_INVALID_CID;
    PLIST_ENTRY Entry;

    ExAcquireFastMutex(&PspLock);
    for (Entry = PsActiveProcessHead.Flink; Entry != &PsActiveProcessHead; Entry = Entry->Flink) {
        PEPROCESS Candidate = CONTAINING_RECORD(Entry, EPROCESS, ActiveProcessLinks);
        /* One whose last reference is gone is about to leave the list: it may not be revived. */
        if (Candidate->UniqueProcessId == ProcessId && ObpTryReference(Candidate)) {
            *Process = Candidate;
            Status = STATUS_SUCCESS;
            break;
        }
    }
    ExReleaseFastMutex(&PspLock);
    return Status;
}

PEPROCESS NTAPI IoGetCurrentProcess(VOID)
{
    return (PEPROCESS)KiGetCurrentProcess();
}

HANDLE NTAPI PsGetCurrentProcessId(VOID)
{
    return ((PETHREAD)KiGetCurrentThread())->Cid.UniqueProcess;
}

HANDLE NTAPI PsGetCurrentThreadId(VOID)
{
    return ((PETHREAD)KiGetCurrentThread())->Cid.UniqueThread;
}

HANDLE NTAPI PsGetProcessId(PEPROCESS Process)
{
    return Process->UniqueProcessId;
}
