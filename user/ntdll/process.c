/*
 * How programs start and end processes and threads: what the services leave to user mode.
 *
 * No state and no locks.
 */
#include "nt.h"

/* Ends the calling thread; with the last one its process ends, with the same status. */
VOID NTAPI RtlExitUserThread(NTSTATUS ExitStatus)
{
    for (;;)
        NtTerminateThread(NtCurrentThread(), ExitStatus);
}

VOID NTAPI RtlExitUserProcess(NTSTATUS ExitStatus)
{
    for (;;)
        NtTerminateProcess(NtCurrentProcess(), ExitStatus);
}

/*
 * Starts the program in the file ImagePathName, an NT path such as \SystemRoot\hello.exe. Its first
 * thread runs at once: NtCreateUserProcess has no suspended start here. Security descriptors and
 * ports do not exist, so they must be NULL, and Attributes 0; a parent other than the caller is not
 * supported. With InheritHandles it has the caller's handles that are marked OBJ_INHERIT, under the
 * same numbers. The handles in ProcessInformation are the caller's to close.
 */
NTSTATUS NTAPI RtlCreateUserProcess(PUNICODE_STRING ImagePathName, ULONG Attributes,
                                    PRTL_USER_PROCESS_PARAMETERS ProcessParameters,
                                    PSECURITY_DESCRIPTOR ProcessSecurityDescriptor,
                                    PSECURITY_DESCRIPTOR ThreadSecurityDescriptor,
                                    HANDLE ParentProcess, BOOLEAN InheritHandles, HANDLE DebugPort,
                                    HANDLE ExceptionPort,
                                    PRTL_USER_PROCESS_INFORMATION ProcessInformation)
{
    CLIENT_ID *ClientId = &ProcessInformation->ClientId;
    PS_ATTRIBUTE_LIST List = {
        PS_ATTRIBUTE_LIST_SIZE(2),
        {{PS_ATTRIBUTE_IMAGE_NAME, ImagePathName->Length, {.ValuePtr = ImagePathName->Buffer}, 0},
         {PS_ATTRIBUTE_CLIENT_ID, sizeof *ClientId, {.ValuePtr = ClientId}, 0}},
    };

    if (Attributes || ProcessSecurityDescriptor || ThreadSecurityDescriptor || DebugPort ||
        ExceptionPort || (ParentProcess && ParentProcess != NtCurrentProcess()))
        return STATUS_NOT_SUPPORTED;
    *ProcessInformation = (RTL_USER_PROCESS_INFORMATION){.Length = sizeof *ProcessInformation};
    return NtCreateUserProcess(
        &ProcessInformation->ProcessHandle, &ProcessInformation->ThreadHandle, PROCESS_ALL_ACCESS,
        THREAD_ALL_ACCESS, NULL, NULL, InheritHandles ? PROCESS_CREATE_FLAGS_INHERIT_HANDLES : 0, 0,
        ProcessParameters, NULL, &List);
}
