/*
 * Starting programs and threads, waiting for them, waiting for time to pass.
 */
#include "program.h"

#define TEXT_LIMIT 512 /* characters of a path or a command line */

/* 8-bit text as a counted string in Room, which holds TEXT_LIMIT characters. */
static NTSTATUS Widen(UNICODE_STRING *String, WCHAR *Room, const char *Prefix, const char *Text)
{
    ULONG Length = 0;

    for (; *Prefix && Length < TEXT_LIMIT; Prefix++)
        Room[Length++] = (UCHAR)*Prefix;
    for (; *Text && Length < TEXT_LIMIT; Text++)
        Room[Length++] = (UCHAR)*Text;
    *String = (UNICODE_STRING){Length * sizeof(WCHAR), TEXT_LIMIT * sizeof(WCHAR), Room};
    return *Text ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
}

NTSTATUS StartProgram(const char *Image, const char *CommandLine, HANDLE *Process)
{
    WCHAR ImageRoom[TEXT_LIMIT], LineRoom[TEXT_LIMIT];
    RTL_USER_PROCESS_PARAMETERS Parameters = {
        .MaximumLength = sizeof Parameters,
        .Length = sizeof Parameters,
        .Flags = RTL_USER_PROC_PARAMS_NORMALIZED,
    };
    RTL_USER_PROCESS_INFORMATION Started;
    NTSTATUS Status;

    *Process = NULL;
    Status =
        Widen(&Parameters.ImagePathName, ImageRoom, *Image == '\\' ? "" : "\\SystemRoot\\", Image);
    if (NT_SUCCESS(Status))
        Status = Widen(&Parameters.CommandLine, LineRoom, "", CommandLine);
    if (NT_SUCCESS(Status))
        Status = RtlCreateUserProcess(&Parameters.ImagePathName, 0, &Parameters, NULL, NULL, NULL,
                                      FALSE, NULL, NULL, &Started);
    if (!NT_SUCCESS(Status))
        return Status;
    NtClose(Started.ThreadHandle);
    *Process = Started.ProcessHandle;
    return STATUS_SUCCESS;
}

/* Relative times are negative, in units of 100 ns (WDK, "KeWaitForSingleObject"). */
static LARGE_INTEGER Interval(ULONG Milliseconds)
{
    return (LARGE_INTEGER){.QuadPart = -10000LL * Milliseconds};
}

NTSTATUS WaitForProgram(HANDLE Process, ULONG Milliseconds)
{
    LARGE_INTEGER Timeout = Interval(Milliseconds);

    return NtWaitForSingleObject(Process, FALSE, Milliseconds == INFINITE ? NULL : &Timeout);
}

NTSTATUS ExitStatusOf(HANDLE Process)
{
    PROCESS_BASIC_INFORMATION Info;
    NTSTATUS Status =
        NtQueryInformationProcess(Process, ProcessBasicInformation, &Info, sizeof Info, NULL);

    return NT_SUCCESS(Status) ? Info.ExitStatus : Status;
}

NTSTATUS RunProgram(const char *Image, const char *CommandLine)
{
    HANDLE Process;
    NTSTATUS Status = StartProgram(Image, CommandLine, &Process);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = WaitForProgram(Process, INFINITE);
    if (NT_SUCCESS(Status))
        Status = ExitStatusOf(Process);
    NtClose(Process);
    return Status;
}

HANDLE StartThread(VOID(NTAPI *Routine)(PVOID), PVOID Argument)
{
    HANDLE Thread = NULL;

    NtCreateThreadEx(&Thread, THREAD_ALL_ACCESS, NULL, NtCurrentProcess(), Routine, Argument, 0, 0,
                     0, 0, NULL);
    return Thread;
}

void SleepMilliseconds(ULONG Milliseconds)
{
    LARGE_INTEGER Delay = Interval(Milliseconds);

    NtDelayExecution(FALSE, &Delay);
}
