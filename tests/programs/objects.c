/*
 * Shows what programs may rely on about the objects that they share: semaphores, mutants, timers,
 * waits for several of them; handles that are inherited, duplicated and protected; and that what a
 * program must not do with a name or a handle, it cannot.
 *
 *      objects.exe             all checks
 *      objects.exe child H N   what it starts itself: sets event H; there is no handle N
 *      objects.exe abandon     ends as the owner of a mutant
 */
#include "check.h"

#define MUTANT_NAME L"\\BaseNamedObjects\\objects-mutant"
#define MINUTE      60000

static LARGE_INTEGER After(LONG Milliseconds)
{
    LARGE_INTEGER Time = {.QuadPart = -10000LL * Milliseconds};

    return Time;
}

static NTSTATUS Poll(HANDLE Object)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};

    return NtWaitForSingleObject(Object, FALSE, &Zero);
}

/* ---- Objects -----------------------------------------------------------------------------------
 */

static void CheckSemaphores(void)
{
    SEMAPHORE_BASIC_INFORMATION Basic = {0, 0};
    HANDLE Semaphore, Weak;
    LONG Previous = -1;

    CheckStatus(NtCreateSemaphore(&Semaphore, SEMAPHORE_ALL_ACCESS, NULL, 3, 2),
                STATUS_INVALID_PARAMETER, "a semaphore begins within its limit");
    CheckStatus(NtCreateSemaphore(&Semaphore, SEMAPHORE_ALL_ACCESS, NULL, 1, 2), STATUS_SUCCESS,
                "a semaphore");
    CheckStatus(NtReleaseSemaphore(Semaphore, 2, &Previous), STATUS_SEMAPHORE_LIMIT_EXCEEDED,
                "... has a limit");
    CheckStatus(NtReleaseSemaphore(Semaphore, 1, &Previous), STATUS_SUCCESS, "... is released");
    NtQuerySemaphore(Semaphore, 0, &Basic, sizeof Basic, NULL);
    Check(Previous == 1 && Basic.CurrentCount == 2 && Basic.MaximumCount == 2, "... and says so");
    Check(Poll(Semaphore) == 0 && Poll(Semaphore) == 0 && Poll(Semaphore) == STATUS_TIMEOUT,
          "... lets two through");
    NtDuplicateObject(NtCurrentProcess(), Semaphore, NtCurrentProcess(), &Weak, SYNCHRONIZE, 0, 0);
    CheckStatus(NtReleaseSemaphore(Weak, 1, NULL), STATUS_ACCESS_DENIED,
                "a handle without the right does not release it");
    CheckStatus(NtReleaseSemaphore(Semaphore, 0, NULL), STATUS_INVALID_PARAMETER,
                "nor does nobody");
    CheckStatus(NtQuerySemaphore(Semaphore, 0, &Basic, 4, NULL), STATUS_INFO_LENGTH_MISMATCH,
                "a query has one length");
    CheckStatus(NtQuerySemaphore(Semaphore, 1, &Basic, sizeof Basic, NULL),
                STATUS_INVALID_INFO_CLASS, "and one class");
    NtClose(Weak);
    NtClose(Semaphore);
}

static NTSTATUS NamedMutant(HANDLE *Mutant, BOOLEAN Owner)
{
    UNICODE_STRING Name = CONSTANT_STRING(MUTANT_NAME);
    OBJECT_ATTRIBUTES Attributes;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_OPENIF, NULL, NULL);
    return NtCreateMutant(Mutant, MUTANT_ALL_ACCESS, &Attributes, Owner);
}

static void CheckMutants(void)
{
    MUTANT_BASIC_INFORMATION Basic;
    HANDLE Mutant;
    LONG Previous;

    NamedMutant(&Mutant, TRUE);
    NtQueryMutant(Mutant, 0, &Basic, sizeof Basic, NULL);
    Check(Basic.CurrentCount == 0 && Basic.OwnedByCaller && !Basic.AbandonedState,
          "a mutant is its creator's, if he wants");
    Check(Poll(Mutant) == STATUS_SUCCESS, "... who can take it again");
    Check(NtReleaseMutant(Mutant, &Previous) == 0 && Previous == -1 &&
              NtReleaseMutant(Mutant, &Previous) == 0 && Previous == 0,
          "... and has to release it as often");
    CheckStatus(NtReleaseMutant(Mutant, NULL), STATUS_MUTANT_NOT_OWNED, "... but no more often");
    RunProgram("objects.exe", "objects.exe abandon");
    CheckStatus(Poll(Mutant), STATUS_ABANDONED, "its next owner is told that the last one ended");
    CheckStatus(NtReleaseMutant(Mutant, NULL), STATUS_SUCCESS, "and can release it");
    NtClose(Mutant);
}

/* An owned mutant whose last handle goes is no longer its owner's. */
static void CheckOwnedMutantEnds(void)
{
    HANDLE Mutant;
    ULONG i;

    for (i = 0; i < 100; i++) {
        NtCreateMutant(&Mutant, MUTANT_ALL_ACCESS, NULL, TRUE);
        NtClose(Mutant);
    }
}

static PVOID TimerContext;

static VOID NTAPI TimerRoutine(PVOID Context, ULONG Low, LONG High)
{
    UNREFERENCED_PARAMETER(Low);
    if (High)
        TimerContext = Context;
}

static void CheckTimers(void)
{
    LARGE_INTEGER Soon = After(20), Late = After(3600000), Limit = After(MINUTE);
    TIMER_BASIC_INFORMATION Basic;
    BOOLEAN State = TRUE;
    HANDLE Timer;

    NtCreateTimer(&Timer, TIMER_ALL_ACCESS, NULL, NotificationTimer);
    CheckStatus(NtSetTimer(Timer, &Late, NULL, NULL, FALSE, 0, &State), STATUS_SUCCESS,
                "a timer is set");
    NtQueryTimer(Timer, 0, &Basic, sizeof Basic, NULL);
    Check(!State && !Basic.TimerState && Basic.RemainingTime.QuadPart > 0 &&
              Basic.RemainingTime.QuadPart <= -Late.QuadPart,
          "... and says how long it will take");
    CheckStatus(NtCancelTimer(Timer, &State), STATUS_SUCCESS, "it is cancelled");
    CheckStatus(NtSetTimer(Timer, &Soon, TimerRoutine, &Timer, FALSE, 0, NULL), STATUS_SUCCESS,
                "set with a routine");
    CheckStatus(NtDelayExecution(TRUE, &Limit), STATUS_USER_APC,
                "... it interrupts an alertable wait");
    Check(TimerContext == &Timer, "... with its context");
    CheckStatus(NtWaitForSingleObject(Timer, FALSE, &Limit), STATUS_SUCCESS,
                "... and is signalled");
    NtSetTimer(Timer, &Soon, TimerRoutine, NULL, FALSE, 0, NULL);
    NtWaitForSingleObject(Timer, FALSE, &Limit);
    NtCancelTimer(Timer, NULL);
    CheckStatus(NtTestAlert(), STATUS_SUCCESS, "what is cancelled ...");
    Check(TimerContext == &Timer, "... calls no routine any more");
    NtSetTimer(Timer, &Soon, TimerRoutine, NULL, FALSE, 1, NULL);
    NtClose(Timer);
}

/* ---- Waits -------------------------------------------------------------------------------------
 */

static void CheckSignalAndWait(void)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    HANDLE Event, Semaphore, Mutant;

    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, SynchronizationEvent, FALSE);
    NtCreateSemaphore(&Semaphore, SEMAPHORE_ALL_ACCESS, NULL, 0, 1);
    NtCreateMutant(&Mutant, MUTANT_ALL_ACCESS, NULL, TRUE);
    CheckStatus(NtSignalAndWaitForSingleObject(Event, Event, FALSE, &Zero), STATUS_SUCCESS,
                "what is signalled can be waited for");
    CheckStatus(NtSignalAndWaitForSingleObject(Semaphore, Event, FALSE, &Zero), STATUS_TIMEOUT,
                "a semaphore is signalled");
    CheckStatus(NtSignalAndWaitForSingleObject(Semaphore, Event, FALSE, NULL),
                STATUS_SEMAPHORE_LIMIT_EXCEEDED, "if it cannot be, there is no wait");
    CheckStatus(NtSignalAndWaitForSingleObject(Mutant, Semaphore, FALSE, NULL), STATUS_SUCCESS,
                "a mutant is signalled");
    CheckStatus(NtSignalAndWaitForSingleObject(Mutant, Event, FALSE, NULL), STATUS_MUTANT_NOT_OWNED,
                "... once");
    CheckStatus(NtSignalAndWaitForSingleObject(NtCurrentProcess(), Event, FALSE, NULL),
                STATUS_OBJECT_TYPE_MISMATCH, "a process is not");
    NtClose(Event);
    NtClose(Semaphore);
    NtClose(Mutant);
}

static void CheckMultipleWaits(void)
{
    LARGE_INTEGER Limit = After(MINUTE);
    HANDLE Objects[64];
    ULONG i;

    for (i = 0; i < ARRAYSIZE(Objects); i++)
        NtCreateEvent(&Objects[i], EVENT_ALL_ACCESS, NULL, SynchronizationEvent, i == 63);
    CheckStatus(NtWaitForMultipleObjects(64, Objects, WaitAny, FALSE, &Limit), 63, "one of 64");
    for (i = 0; i < ARRAYSIZE(Objects); i++)
        NtSetEvent(Objects[i], NULL);
    CheckStatus(NtWaitForMultipleObjects(64, Objects, WaitAll, FALSE, &Limit), STATUS_SUCCESS,
                "all of 64");
    CheckStatus(NtWaitForMultipleObjects(2, Objects, (WAIT_TYPE)2, FALSE, &Limit),
                STATUS_INVALID_PARAMETER_3, "there are two kinds of waits");
    for (i = 0; i < ARRAYSIZE(Objects); i++)
        NtClose(Objects[i]);
}

/* ---- Handles -----------------------------------------------------------------------------------
 */

static NTSTATUS SetFlags(HANDLE Handle, BOOLEAN Inherit, BOOLEAN Protect)
{
    OBJECT_HANDLE_FLAG_INFORMATION Flags = {Inherit, Protect};

    return NtSetInformationObject(Handle, ObjectHandleFlagInformation, &Flags, sizeof Flags);
}

static NTSTATUS StartChild(char *Line, BOOLEAN Inherit, HANDLE *Process)
{
    UNICODE_STRING Path = CONSTANT_STRING(L"\\SystemRoot\\objects.exe");
    RTL_USER_PROCESS_PARAMETERS Parameters = {.MaximumLength = sizeof Parameters,
                                              .Length = sizeof Parameters,
                                              .Flags = RTL_USER_PROC_PARAMS_NORMALIZED};
    RTL_USER_PROCESS_INFORMATION Information;
    WCHAR Text[64];
    NTSTATUS Status;

    _snwprintf(Text, ARRAYSIZE(Text), L"%hs", Line);
    RtlInitUnicodeString(&Parameters.CommandLine, Text);
    Parameters.ImagePathName = Path;
    Status = RtlCreateUserProcess(&Path, 0, &Parameters, NULL, NULL, NULL, Inherit, NULL, NULL,
                                  &Information);
    if (!NT_SUCCESS(Status))
        return Status;
    NtClose(Information.ThreadHandle);
    *Process = Information.ProcessHandle;
    return Status;
}

/* In the child: Set is inherited under the same number, protected as it was. */
static int RunChild(HANDLE Set, HANDLE NotInherited)
{
    if (NtSetEvent(NotInherited, NULL) != STATUS_INVALID_HANDLE)
        return 2;
    if (NtSetEvent(Set, NULL) != STATUS_SUCCESS)
        return 3;
    return NtClose(Set) == STATUS_HANDLE_NOT_CLOSABLE ? 0 : 4;
}

static void CheckInheritance(void)
{
    HANDLE Inherited, Other, Process;
    char Line[64];

    NtCreateEvent(&Inherited, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    NtCreateEvent(&Other, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    SetFlags(Inherited, TRUE, TRUE);
    _snprintf(Line, sizeof Line, "objects.exe child %lu %lu", (ULONG)(ULONG_PTR)Inherited,
              (ULONG)(ULONG_PTR)Other);
    CheckStatus(StartChild(Line, TRUE, &Process), STATUS_SUCCESS,
                "a child with its parent's handles");
    WaitForProgram(Process, INFINITE);
    CheckStatus(ExitStatusOf(Process), 0, "... has those that are marked, as they are");
    CheckStatus(Poll(Inherited), STATUS_SUCCESS, "... and they name the same");
    NtClose(Process);
    StartChild(Line, FALSE, &Process);
    WaitForProgram(Process, INFINITE);
    CheckStatus(ExitStatusOf(Process), 3, "a child that inherits nothing has none of them");
    NtClose(Process);
    SetFlags(Inherited, FALSE, FALSE);
    NtClose(Inherited);
    NtClose(Other);
}

/* Puts a handle into another process, and takes it out again. */
static void CheckForeignHandles(void)
{
    HANDLE Event, Process, There, Back, Weak;

    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    StartProgram("names.exe", "names.exe open", &Process); /* which runs until it is ended */
    CheckStatus(NtDuplicateObject(NtCurrentProcess(), Event, Process, &There, SYNCHRONIZE, 0, 0),
                STATUS_SUCCESS, "a handle for another process");
    CheckStatus(NtDuplicateObject(Process, There, NtCurrentProcess(), &Back, 0, 0,
                                  DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE),
                STATUS_SUCCESS, "... taken out of it again");
    CheckStatus(NtSetEvent(Back, NULL), STATUS_ACCESS_DENIED,
                "... with the rights that it had there");
    CheckStatus(NtDuplicateObject(Process, There, NtCurrentProcess(), &Back, 0, 0, 0),
                STATUS_INVALID_HANDLE, "... and it is not there any more");
    NtDuplicateObject(NtCurrentProcess(), Process, NtCurrentProcess(), &Weak, SYNCHRONIZE, 0, 0);
    CheckStatus(NtDuplicateObject(NtCurrentProcess(), Event, Weak, &There, 0, 0, 0),
                STATUS_ACCESS_DENIED, "a process takes no handle without PROCESS_DUP_HANDLE");
    NtClose(Weak);
    NtTerminateProcess(Process, 0);
    WaitForProgram(Process, INFINITE);
    CheckStatus(NtDuplicateObject(NtCurrentProcess(), Event, Process, &There, 0, 0, 0),
                STATUS_PROCESS_IS_TERMINATING, "nor one that has ended");
    NtClose(Process);
    NtClose(Back);
    NtClose(Event);
}

/* ---- What must not be --------------------------------------------------------------------------
 */

static NTSTATUS OpenDirectory(HANDLE *Directory, PCWSTR Path)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, 0, NULL, NULL);
    return NtOpenDirectoryObject(Directory, DIRECTORY_ALL_ACCESS, &Attributes);
}

static void CheckLimits(void)
{
    UNICODE_STRING FileName = CONSTANT_STRING(L"\\SystemRoot\\hello.exe");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    HANDLE Directory, File, More;

    OpenDirectory(&Directory, L"\\Device");
    CheckStatus(NtMakeTemporaryObject(Directory), STATUS_PRIVILEGE_NOT_HELD,
                "a program cannot take the kernel's names away");
    CheckStatus(NtMakePermanentObject(Directory), STATUS_PRIVILEGE_NOT_HELD,
                "nor make names permanent");
    NtClose(Directory);
    CheckStatus(OpenDirectory(&Directory, L"\\Device"), STATUS_SUCCESS, "it is still there");
    NtClose(Directory);
    InitializeObjectAttributes(&Attributes, &FileName, 0, NULL, NULL);
    NtOpenFile(&File, FILE_READ_DATA, &Attributes, &Result, FILE_SHARE_READ, 0);
    CheckStatus(NtDuplicateObject(NtCurrentProcess(), File, NtCurrentProcess(), &More,
                                  FILE_WRITE_DATA, 0, 0),
                STATUS_ACCESS_DENIED, "nor write to a file that it has opened for reading");
    CheckStatus(NtClose((HANDLE)(ULONG_PTR)0x80000004), STATUS_INVALID_HANDLE,
                "nor close the kernel's handles");
    CheckStatus(SetFlags((HANDLE)(ULONG_PTR)0x80000004, TRUE, TRUE), STATUS_INVALID_HANDLE,
                "nor protect them");
    NtClose(File);
}

static void CheckAll(void)
{
    CheckSemaphores();
    CheckMutants();
    CheckOwnedMutantEnds();
    CheckTimers();
    CheckSignalAndWait();
    CheckMultipleWaits();
    CheckInheritance();
    CheckForeignHandles();
    CheckLimits();
}

int main(int argc, char **argv)
{
    HANDLE Mutant;
    USAGE Before;

    if (argc > 3)
        return RunChild((HANDLE)(ULONG_PTR)ParseNumber(argv[2]),
                        (HANDLE)(ULONG_PTR)ParseNumber(argv[3]));
    if (argc > 1)
        return NamedMutant(&Mutant, FALSE) == STATUS_OBJECT_NAME_EXISTS && Poll(Mutant) == 0;
    CheckAll();
    QuerySteadyUsage(&Before);
    CheckAll();
    CheckUsage(&Before, "all that once more");
    return CheckSummary("objects");
}
