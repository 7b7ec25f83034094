/*
 * Processes and threads as the executive has them: around the dispatcher's KPROCESS and KTHREAD,
 * with a name, an id, handles, memory, an exit status.
 *
 * PspLock (fast mutex) guards the list of processes, each process's thread count and Exiting.
 */
#ifndef KERNEL_PS_PS_H
#define KERNEL_PS_PS_H

#include "kernel/ke/lockcheck.h"
#include "kernel/ob/ob.h"
#include "mm/mm.h"
#include "sched/sched.h"

#define IMAGE_NAME_LENGTH 16

/* An image as it is mapped in a process. */
typedef struct _PSP_IMAGE {
    PVOID Base;
    SIZE_T Size;
} PSP_IMAGE;

typedef struct _EPROCESS {
    KPROCESS Pcb;
    UCHAR Fill[0x94 - sizeof(KPROCESS)];
    HANDLE UniqueProcessId;        /* 94 */
    LIST_ENTRY ActiveProcessLinks; /* 98: in PsActiveProcessHead */
    HANDLE InheritedFromUniqueProcessId;
    MM_SPACE Vm;
    PHANDLE_TABLE ObjectTable;
    PVOID Peb;                     /* user address */
    PVOID UserThreadStart;         /* ntdll!RtlUserThreadStart, where user threads begin */
    PVOID UserApcDispatcher;       /* ntdll!KiUserApcDispatcher, where user APCs begin */
    PVOID UserExceptionDispatcher; /* ntdll!KiUserExceptionDispatcher, where handlers are called */
    ULONG ActiveThreads;
    NTSTATUS ExitStatus;
    NTSTATUS OthersStatus; /* what threads end with that another one has ended */
    BOOLEAN Exiting;       /* no new threads */
    BOOLEAN EndedByException;
    BOOLEAN Announced;      /* drivers have been told of it, and are to be told of its end */
    LONG ImagesAnnounced;   /* and of what is mapped in it: once, by whichever thread is first */
    UNICODE_STRING ImagePath; /* paged pool */
    PSP_IMAGE Images[2];      /* the program, ntdll.dll */
    LARGE_INTEGER CreateTime, ExitTime;
    volatile LONG QuotaUsage[2]; /* bytes charged to it: nonpaged, paged pool */
    CHAR ImageFileName[IMAGE_NAME_LENGTH];
} EPROCESS;

typedef struct _ETHREAD {
    KTHREAD Tcb;
    UCHAR Fill[0x1E4 - sizeof(KTHREAD)];
    CLIENT_ID Cid; /* 1E4 */
    PEPROCESS ThreadsProcess;
    PVOID UserStack; /* base of the user stack's reservation; NULL: a system thread */
    NTSTATUS ExitStatus;
    LIST_ENTRY IrpList; /* packets whose completion ends in this thread (kernel/io/cancel.c) */
    PKEVENT IrpEnded;   /* set when one does; NULL: nobody waits for that */
    PIRP TopLevelIrp;   /* these two are file systems' (kernel/io/threadfile.c) */
    PDEVICE_OBJECT DeviceToVerify;
    GUID ActivityId; /* kernel/wmi/etw.c */
    LARGE_INTEGER CreateTime, ExitTime;
    NTSTATUS TerminationStatus; /* what it is to end with, if: */
    BOOLEAN Terminating;        /* it is to end when it next goes back to user mode; PspLock */
    BOOLEAN HardErrorsDisabled; /* by itself (kernel/io/harderror.c) */
#if DBG
    KI_HELD_LIST HeldLocks;
#endif
} ETHREAD;

#define PsPid(Process) ((ULONG)(ULONG_PTR)(Process)->UniqueProcessId)

static inline PEPROCESS PspCurrentProcess(VOID) /* the thread's own, attached or not */
{
    return ((PETHREAD)KiGetCurrentThread())->ThreadsProcess;
}

extern LIST_ENTRY PsActiveProcessHead;
extern ULONG PsProcessCount, PsThreadCount;
extern PEPROCESS PsInitialUserProcess; /* its end is the end of the run */
PKTHREAD PsGetIdleThread(VOID);
extern FAST_MUTEX PspLock;

/* Exported, and not in the headers. */
NTSTATUS NTAPI PsChargeProcessNonPagedPoolQuota(PEPROCESS Process, SIZE_T Amount);
NTSTATUS NTAPI PsChargeProcessPagedPoolQuota(PEPROCESS Process, SIZE_T Amount);
VOID NTAPI PsReturnProcessNonPagedPoolQuota(PEPROCESS Process, SIZE_T Amount);
VOID NTAPI PsReturnProcessPagedPoolQuota(PEPROCESS Process, SIZE_T Amount);
LARGE_INTEGER NTAPI PsGetProcessExitTime(VOID);
NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process);
extern POBJECT_TYPE *PsJobType; /* there are no jobs */

/* init.c */
NTSTATUS PspCreateIdleThread(KAFFINITY Processor, PETHREAD *Idle);
VOID PsInitializeIdle(PVOID StackLimit); /* IRQL: before there is any */
NTSTATUS PsInitialize(VOID);
NTSTATUS PsStartInitialProcess(PCSTR CommandLine);

VOID PsPublishVersion(VOID); /* query.c: once, before there are programs */

/* process.c: IRQL: PASSIVE_LEVEL. */
/* Empty; one reference. */
NTSTATUS PspCreateProcess(PCSTR ImageName, PUNICODE_STRING Path, PEPROCESS *Process);
VOID PspAnnounceImages(PEPROCESS Process);
NTSTATUS PsReferenceProcess(HANDLE Handle, ACCESS_MASK Access, PEPROCESS *Process);
VOID PspDeleteProcess(PVOID Object);
HANDLE PspAllocateId(VOID);
NTSTATUS PspCreateFromFile(PUNICODE_STRING Path, PUNICODE_STRING CommandLine, HANDLE Parent,
                           PEPROCESS *Process, PETHREAD *Thread); /* the thread not started */

/* thread.c */
typedef struct _PSP_USER_START {
    ULONG_PTR Eip, Eax, Ebx; /* the first registers in user mode */
} PSP_USER_START;
NTSTATUS PspCreateThread(PEPROCESS Process, PKSYSTEM_ROUTINE SystemRoutine, PVOID StartRoutine,
                         PVOID StartContext, PETHREAD *Thread);
NTSTATUS PspCreateUserThread(PEPROCESS Process, PSP_USER_START *Start, SIZE_T StackReserve,
                             SIZE_T StackCommit, PETHREAD *Thread);
VOID PspStartThread(PETHREAD Thread);
NTSTATUS PsStartSystemThread(PKSTART_ROUTINE StartRoutine, PVOID StartContext);
VOID PspDeleteThread(PVOID Object);

/* exit.c */
NORETURN VOID PspExitThread(NTSTATUS ExitStatus);
NORETURN VOID PspExitTerminatingThread(VOID);
VOID PspInitializeExitApc(PETHREAD Thread);
VOID PspTerminateProcess(PEPROCESS Process, NTSTATUS ExitStatus, BOOLEAN Exception);
NORETURN VOID PspExceptionInUserMode(const EXCEPTION_RECORD *Record);
VOID PspDiscardUnstarted(PETHREAD Thread); /* one that has entered its process but never ran */

/* create.c: what a caller's OBJECT_ATTRIBUTES say of the handle to be made. */
NTSTATUS PspCaptureHandleFlags(POBJECT_ATTRIBUTES ObjectAttributes, PULONG Flags);

/* peb.c: what user mode finds about itself. The thread is attached to the process. */
NTSTATUS PspCreatePeb(PEPROCESS Process, PVOID ImageBase, PUNICODE_STRING ImagePath,
                      PUNICODE_STRING CommandLine);
NTSTATUS PspCreateTeb(PETHREAD Thread, PVOID StackTop, PVOID StackLimit);

#endif
