/*
 * Shows that a driver leaves nothing behind: loaded and unloaded many times, it takes no memory
 * with it.
 *
 *      drvchurn.exe [COUNT [NAME]]        the driver's name without .sys
 */
#include "check.h"

#define DEFAULT_COUNT 200
#define WARM_UP       100
#define NAME_LIMIT    128
#define SERVICES      "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\"

/* The driver's service name, in characters that live as long as the program. */
static UNICODE_STRING ServiceName(const char *Driver)
{
    static WCHAR Room[NAME_LIMIT];
    UNICODE_STRING Name;

    _snwprintf(Room, NAME_LIMIT - 1, L"%S%S", SERVICES, Driver);
    RtlInitUnicodeString(&Name, Room);
    return Name;
}

/* One round; the first status that is not a success. */
static NTSTATUS LoadAndUnload(UNICODE_STRING *Name)
{
    NTSTATUS Status = NtLoadDriver(Name);

    return NT_SUCCESS(Status) ? NtUnloadDriver(Name) : Status;
}

static ULONG LoadMany(UNICODE_STRING *Name, ULONG Count, NTSTATUS *Failure)
{
    ULONG Good = 0;

    while (Count-- > 0) {
        NTSTATUS Status = LoadAndUnload(Name);
        if (NT_SUCCESS(Status))
            Good++;
        else
            *Failure = Status;
    }
    return Good;
}

int main(int argc, char **argv)
{
    ULONG Count = argc > 1 ? ParseNumber(argv[1]) : DEFAULT_COUNT;
    UNICODE_STRING Name = ServiceName(argc > 2 ? argv[2] : "demo");
    NTSTATUS Failure = STATUS_SUCCESS;
    ULONG Good = LoadMany(&Name, min(Count, WARM_UP), &Failure);
    USAGE Before;

    QuerySteadyUsage(&Before);
    if (Count > WARM_UP)
        Good += LoadMany(&Name, Count - WARM_UP, &Failure);
    Check(Good == Count, "%lu of %lu times loaded and unloaded (last failure %08lx)", Good, Count,
          Failure);
    CheckUsage(&Before, "all loads");
    return CheckSummary("drvchurn");
}
