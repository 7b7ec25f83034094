/*
 * What drivers ask about threads: whose they are, what they are called, and by what they are found.
 */
#include "kernel/ps/ps.h"

#ifdef DBG
#define CHECKED_BUILD TRUE
#else
#define CHECKED_BUILD FALSE
#endif
#define MAJOR_VERSION 5 /* the version that this kernel's structures are those of */
#define MINOR_VERSION 2
#define BUILD_NUMBER  3790

/* IRQL: any, for this and the next four. */
HANDLE NTAPI PsGetThreadId(PETHREAD Thread)
{
    return Thread->Cid.UniqueThread;
}

HANDLE NTAPI PsGetThreadProcessId(PETHREAD Thread)
{
    return Thread->Cid.UniqueProcess;
}

/* One that never runs in user mode. */
BOOLEAN NTAPI PsIsSystemThread(PETHREAD Thread)
{
    return Thread->ThreadsProcess == PsInitialSystemProcess || Thread->UserStack == NULL;
}

/* One that has ended, or has been told to. */
BOOLEAN NTAPI PsIsThreadTerminating(PETHREAD Thread)
{
    return Thread->Terminating || Thread->ThreadsProcess->Exiting ||
           Thread->Tcb.State == Terminated;
}

/* When it was made, in units of 100 ns since 1601. IRQL: any. */
LONGLONG NTAPI PsGetProcessCreateTimeQuadPart(PEPROCESS Process)
{
    return Process->CreateTime.QuadPart;
}

/* When the current process has ended: 0, while it has not (exported, not in the headers). */
LARGE_INTEGER NTAPI PsGetProcessExitTime(VOID)
{
    return PspCurrentProcess()->ExitTime;
}

/* STATUS_PENDING: it has not ended (exported, not in the headers). */
NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process)
{
    return Process->ExitStatus;
}

/* No thread's page faults are foreseen, whatever it asks (WDK: PsSetCurrentThreadPrefetching). */
BOOLEAN NTAPI PsSetCurrentThreadPrefetching(BOOLEAN Prefetching)
{
    UNREFERENCED_PARAMETER(Prefetching);
    return FALSE;
}

BOOLEAN NTAPI PsIsCurrentThreadPrefetching(VOID)
{
    return FALSE;
}

/* The version, and TRUE in a checked build (WDK: PsGetVersion). There are no service packs. */
BOOLEAN NTAPI PsGetVersion(PULONG MajorVersion, PULONG MinorVersion, PULONG BuildNumber,
                           PUNICODE_STRING CSDVersion)
{
    if (MajorVersion)
        *MajorVersion = MAJOR_VERSION;
    if (MinorVersion)
        *MinorVersion = MINOR_VERSION;
    if (BuildNumber)
        *BuildNumber = BUILD_NUMBER;
    if (CSDVersion)
        *CSDVersion = (UNICODE_STRING){0};
    return CHECKED_BUILD;
}

/* The same for whoever looks at KUSER_SHARED_DATA. It is a server; there are no suites. */
VOID PsPublishVersion(VOID)
{
    SharedUserData->NtMajorVersion = MAJOR_VERSION;
    SharedUserData->NtMinorVersion = MINOR_VERSION;
    SharedUserData->NtProductType = NtProductServer;
    SharedUserData->ProductTypeIsValid = TRUE;
}

/* A process's thread, referenced; NULL: it has none with that id. PspLock is held. */
static PETHREAD PspFindThread(PEPROCESS Process, HANDLE ThreadId)
{
    KIRQL OldIrql = KiLockDispatcherDatabase();
    PLIST_ENTRY Head = &Process->Pcb.ThreadListHead, Entry;
    PETHREAD Found = NULL;

    for (Entry = Head->Flink; Entry != Head && Found == NULL; Entry = Entry->Flink) {
        PETHREAD Thread = (PETHREAD)CONTAINING_RECORD(Entry, KTHREAD, ThreadListEntry);
        if (Thread->Cid.UniqueThread == ThreadId && ObpTryReference(Thread))
            Found = Thread;
    }
    KiUnlockDispatcherDatabase(OldIrql);
    return Found;
}

/*
 * The thread whose id is given, referenced (WDK: PsLookupThreadByThreadId).
 * STATUS_INVALID_PARAMETER: no thread that runs has it. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI PsLookupThreadByThreadId(HANDLE UniqueThreadId, PETHREAD *Thread)
{
    PETHREAD Found = NULL;
    PLIST_ENTRY Entry;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    ExAcquireFastMutex(&PspLock);
    for (Entry = PsActiveProcessHead.Flink; Entry != &PsActiveProcessHead && Found == NULL;
         Entry = Entry->Flink)
        Found =
            PspFindThread(CONTAINING_RECORD(Entry, EPROCESS, ActiveProcessLinks), UniqueThreadId);
    ExReleaseFastMutex(&PspLock);
    if (Found == NULL)
        return STATUS_INVALID_PARAMETER;
    *Thread = Found;
    return STATUS_SUCCESS;
}
