/*
 * drvcrash.exe MISTAKE: asks crash.sys to make one of its mistakes (tests/drivers/crash.h lists
 * them by name). Returns 0 if the mistake went unnoticed and 1 if there is no such mistake;
 * mostly it does not return, for the machine has stopped.
 */
#include "user/lib/program.h"
#include "tests/drivers/crash.h"

#define CRASH_NAME(Routine, Name) [Crash##Routine] = Name,
static const char *const Names[CrashMistakes] = {CRASH_MISTAKES(CRASH_NAME)};

/* A return instruction, in case that the driver should really come here. */
static UCHAR UserCode[] = {0xC3};

static NTSTATUS Ask(ULONG Mistake)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"\\??\\Crash");
    CRASH_INPUT Input = {(ULONG)(ULONG_PTR)UserCode};
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    HANDLE Device;
    NTSTATUS Status;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    Status = NtOpenFile(&Device, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE, &Attributes,
                        &Result, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_NONALERT);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Result, IOCTL_CRASH(Mistake), &Input,
                                   sizeof Input, NULL, 0);
    NtClose(Device);
    return Status;
}

/* Driver Verifier may have something to say at the end. */
static void Unload(void)
{
    UNICODE_STRING Service =
        CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\crash");

    NtUnloadDriver(&Service);
}

int main(int argc, char **argv)
{
    ULONG Mistake;
    NTSTATUS Status;

    for (Mistake = 0; Mistake < CrashMistakes; Mistake++) {
        if (argc == 2 && strcmp(argv[1], Names[Mistake]) == 0)
            break;
    }
    if (Mistake == CrashMistakes) {
        printf("usage: drvcrash.exe MISTAKE\n");
        return 1;
    }
    Status = Ask(Mistake);
    printf("drvcrash: %s: status %08lx\n", argv[1], Status);
    if (strcmp(argv[1], "leak") == 0)
        Unload();
    return NT_SUCCESS(Status) ? 0 : 1;
}
