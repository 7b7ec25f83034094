/*
 * What is asked about processes and threads, and what of a thread can be set (WDK:
 * ZwQueryInformationProcess, ZwSetInformationThread; NtQueryInformationThread is in the Win32
 * documentation). Each class has one length. IRQL: PASSIVE_LEVEL.
 */
#include "kernel/ke/ipi.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"

typedef union _PSP_INFORMATION {
    PROCESS_BASIC_INFORMATION Process;
    THREAD_BASIC_INFORMATION Thread;
    KERNEL_USER_TIMES Times;
    ULONG_PTR Number;
} PSP_INFORMATION;

/* Copies Length bytes out, if that is what the caller has room for, and says how many. */
static NTSTATUS PspReturnInformation(const VOID *Info, ULONG Length, PVOID Buffer, ULONG Room,
                                     PULONG ReturnLength)
{
    NTSTATUS Status =
        Room == Length ? ExCopyOut(Buffer, Info, Length) : STATUS_INFO_LENGTH_MISMATCH;

    if (NT_SUCCESS(Status) && ReturnLength)
        Status = ExCopyOut(ReturnLength, &Length, sizeof Length);
    return Status;
}

/* ---- Processes ---------------------------------------------------------------------------------
 */

static VOID PspBasicInformation(PEPROCESS Process, PROCESS_BASIC_INFORMATION *Info)
{
    Info->ExitStatus = Process->ExitStatus;
    Info->PebBaseAddress = Process->Peb;
    Info->AffinityMask = KeActiveProcessors;
    Info->BasePriority = Process->Pcb.BasePriority;
    Info->UniqueProcessId = (ULONG_PTR)Process->UniqueProcessId;
    Info->InheritedFromUniqueProcessId = (ULONG_PTR)Process->InheritedFromUniqueProcessId;
}

/* The times of the threads that there are; those of ended ones are not kept. */
static VOID PspProcessTimes(PEPROCESS Process, KERNEL_USER_TIMES *Times)
{
    ULONG Increment = KeQueryTimeIncrement();
    PLIST_ENTRY Head = &Process->Pcb.ThreadListHead, Entry;
    KIRQL OldIrql = KiLockDispatcherDatabase();

    for (Entry = Head->Flink; Entry != Head; Entry = Entry->Flink) {
        PKTHREAD Thread = CONTAINING_RECORD(Entry, KTHREAD, ThreadListEntry);
        Times->KernelTime.QuadPart += (ULONGLONG)Thread->KernelTime * Increment;
        Times->UserTime.QuadPart += (ULONGLONG)Thread->UserTime * Increment;
    }
    KiUnlockDispatcherDatabase(OldIrql);
    Times->CreateTime = Process->CreateTime;
    Times->ExitTime = Process->ExitTime;
}

/* The information of a class of fixed length. Returns the length; 0: there is no such class. */
static ULONG PspProcessInformation(PEPROCESS Process, PROCESSINFOCLASS Class, PSP_INFORMATION *Info)
{
    switch (Class) {
    case ProcessBasicInformation:
        PspBasicInformation(Process, &Info->Process);
        return sizeof Info->Process;
    case ProcessTimes:
        PspProcessTimes(Process, &Info->Times);
        return sizeof Info->Times;
    case ProcessDebugPort:
    case ProcessWow64Information:   /* there is neither, */
    case ProcessSessionInformation: /* and one session, 0 */
        return sizeof Info->Number;
    default:
        return 0;
    }
}

/* The path of the image: a counted string and, right behind it, its text. */
static NTSTATUS PspImageFileName(PEPROCESS Process, PVOID Buffer, ULONG Room, PULONG ReturnLength)
{
    UNICODE_STRING Name = Process->ImagePath;
    ULONG Length = sizeof Name + Name.Length + sizeof(WCHAR);
    PWSTR Text = (PWSTR)((PUNICODE_STRING)Buffer + 1);
    WCHAR Zero = 0;
    NTSTATUS Status = Room >= Length ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;

    Name.MaximumLength = Name.Length + sizeof(WCHAR);
    Name.Buffer = Text;
    if (NT_SUCCESS(Status))
        Status = ExCopyOut(Buffer, &Name, sizeof Name);
    if (NT_SUCCESS(Status))
        Status = ExCopyOut(Text, Process->ImagePath.Buffer, Name.Length);
    if (NT_SUCCESS(Status))
        Status = ExCopyOut(Text + Name.Length / sizeof(WCHAR), &Zero, sizeof Zero);
    if (ReturnLength && !NT_SUCCESS(ExCopyOut(ReturnLength, &Length, sizeof Length)))
        return STATUS_ACCESS_VIOLATION;
    return Status;
}

NTSTATUS NTAPI NtQueryInformationProcess(HANDLE ProcessHandle,
                                         PROCESSINFOCLASS ProcessInformationClass,
                                         PVOID ProcessInformation, ULONG ProcessInformationLength,
                                         PULONG ReturnLength)
{
    PSP_INFORMATION Info = {{0}};
    PEPROCESS Process;
    ULONG Length;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = PsReferenceProcess(ProcessHandle, PROCESS_QUERY_INFORMATION, &Process);
    if (!NT_SUCCESS(Status))
        return Status;
    Length = PspProcessInformation(Process, ProcessInformationClass, &Info);
    if (ProcessInformationClass == ProcessImageFileName)
        Status =
            PspImageFileName(Process, ProcessInformation, ProcessInformationLength, ReturnLength);
    else if (Length)
        Status = PspReturnInformation(&Info, Length, ProcessInformation, ProcessInformationLength,
                                      ReturnLength);
    else
        Status = STATUS_INVALID_INFO_CLASS;
    ObDereferenceObject(Process);
    return Status;
}

/* ---- Threads -----------------------------------------------------------------------------------
 */

static VOID PspThreadBasicInformation(PETHREAD Thread, THREAD_BASIC_INFORMATION *Info)
{
    Info->ExitStatus = Thread->ExitStatus;
    Info->TebBaseAddress = Thread->Tcb.Teb;
    Info->ClientId = Thread->Cid;
    Info->AffinityMask = Thread->Tcb.Affinity;
    Info->Priority = Thread->Tcb.Priority;
    Info->BasePriority = Thread->Tcb.BasePriority - Thread->ThreadsProcess->Pcb.BasePriority;
}

static VOID PspThreadTimes(PETHREAD Thread, KERNEL_USER_TIMES *Times)
{
    ULONG Increment = KeQueryTimeIncrement();

    Times->CreateTime = Thread->CreateTime;
    Times->ExitTime = Thread->ExitTime;
    Times->KernelTime.QuadPart = (ULONGLONG)Thread->Tcb.KernelTime * Increment;
    Times->UserTime.QuadPart = (ULONGLONG)Thread->Tcb.UserTime * Increment;
}

/* As PspProcessInformation. */
static ULONG PspThreadInformation(PETHREAD Thread, THREADINFOCLASS Class, PSP_INFORMATION *Info)
{
    switch (Class) {
    case ThreadBasicInformation:
        PspThreadBasicInformation(Thread, &Info->Thread);
        return sizeof Info->Thread;
    case ThreadTimes:
        PspThreadTimes(Thread, &Info->Times);
        return sizeof Info->Times;
    case ThreadAmILastThread:
        Info->Number = Thread->ThreadsProcess->ActiveThreads == 1;
        return sizeof(ULONG);
    case ThreadIsTerminated:
        Info->Number = Thread->Tcb.State == Terminated;
        return sizeof(ULONG);
    default:
        return 0;
    }
}

static NTSTATUS PspReferenceThread(HANDLE Handle, ACCESS_MASK Access, PETHREAD *Thread)
{
    return ObReferenceObjectByHandle(Handle, Access, *PsThreadType, ExGetPreviousMode(),
                                     (PVOID *)Thread, NULL);
}

NTSTATUS NTAPI NtQueryInformationThread(HANDLE ThreadHandle, THREADINFOCLASS ThreadInformationClass,
                                        PVOID ThreadInformation, ULONG ThreadInformationLength,
                                        PULONG ReturnLength)
{
    PSP_INFORMATION Info = {{0}};
    PETHREAD Thread;
    ULONG Length;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = PspReferenceThread(ThreadHandle, THREAD_QUERY_INFORMATION, &Thread);
    if (!NT_SUCCESS(Status))
        return Status;
    Length = PspThreadInformation(Thread, ThreadInformationClass, &Info);
    Status = Length ? PspReturnInformation(&Info, Length, ThreadInformation,
                                           ThreadInformationLength, ReturnLength)
                    : STATUS_INVALID_INFO_CLASS;
    ObDereferenceObject(Thread);
    return Status;
}

/* A program may not take a thread into the real-time range: no program has the privilege. */
static NTSTATUS PspSetPriority(PETHREAD Thread, LONG Priority)
{
    if (Priority <= 0 || Priority > HIGH_PRIORITY)
        return STATUS_INVALID_PARAMETER;
    if (Priority >= LOW_REALTIME_PRIORITY && ExGetPreviousMode() != KernelMode)
        return STATUS_PRIVILEGE_NOT_HELD;
    KeSetPriorityThread(&Thread->Tcb, Priority);
    return STATUS_SUCCESS;
}

static NTSTATUS PspSetAffinity(PETHREAD Thread, KAFFINITY Affinity)
{
    if (Affinity == 0 || (Affinity & ~KeActiveProcessors))
        return STATUS_INVALID_PARAMETER;
    KeSetAffinityThread(&Thread->Tcb, Affinity);
    return STATUS_SUCCESS;
}

/* Each class that there is takes four bytes. */
static NTSTATUS PspSetThread(PETHREAD Thread, THREADINFOCLASS Class, ULONG Value)
{
    switch (Class) {
    case ThreadPriority:
        return PspSetPriority(Thread, (LONG)Value);
    case ThreadBasePriority:
        KeSetBasePriorityThread(&Thread->Tcb, (LONG)Value);
        return STATUS_SUCCESS;
    default:
        return PspSetAffinity(Thread, Value);
    }
}

/* Sets a thread's priority, the increment of its base priority, or its processors (WDK:
 * ZwSetInformationThread). */
NTSTATUS NTAPI NtSetInformationThread(HANDLE ThreadHandle, THREADINFOCLASS ThreadInformationClass,
                                      PVOID ThreadInformation, ULONG ThreadInformationLength)
{
    PETHREAD Thread;
    ULONG Value;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (ThreadInformationClass != ThreadPriority && ThreadInformationClass != ThreadBasePriority &&
        ThreadInformationClass != ThreadAffinityMask)
        return STATUS_INVALID_INFO_CLASS;
    if (ThreadInformationLength != sizeof Value)
        return STATUS_INFO_LENGTH_MISMATCH;
    Status = ExCopyIn(&Value, ThreadInformation, sizeof Value);
    if (NT_SUCCESS(Status))
        Status = PspReferenceThread(ThreadHandle, THREAD_SET_INFORMATION, &Thread);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = PspSetThread(Thread, ThreadInformationClass, Value);
    ObDereferenceObject(Thread);
    return Status;
}
