/*
 * Shows what comes of the odd states that leftover.sys leaves: a device that is deleted while it is
 * open keeps its driver in memory until it is closed; a link that leads nowhere is no event.
 */
#include "check.h"

#define SERVICE_NAME L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\leftover"
#define DELETE_CODE  CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

static NTSTATUS OpenDevice(HANDLE *Device)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"\\??\\Leftover");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenFile(Device, GENERIC_READ, &Attributes, &Result, 0, 0);
}

static NTSTATUS DeleteDevice(HANDLE Device)
{
    IO_STATUS_BLOCK Result;

    return NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Result, DELETE_CODE, NULL, 0, NULL, 0);
}

static NTSTATUS CreateWhereTheLinkIs(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"\\??\\Gone");
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Event;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_OPENIF, NULL, NULL);
    return NtCreateEvent(&Event, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, FALSE);
}

/* The unloading is a worker thread's: until it is over the driver is there. */
static NTSTATUS UnloadUntilGone(PUNICODE_STRING Service)
{
    LARGE_INTEGER Moment = {.QuadPart = -10000};
    NTSTATUS Status;

    while ((Status = NtUnloadDriver(Service)) == STATUS_INVALID_DEVICE_REQUEST)
        NtDelayExecution(FALSE, &Moment);
    return Status;
}

int main(void)
{
    UNICODE_STRING Service = CONSTANT_STRING(SERVICE_NAME);
    HANDLE Device, Again;

    CheckStatus(NtLoadDriver(&Service), STATUS_SUCCESS, "the driver is loaded");
    CheckStatus(CreateWhereTheLinkIs(), STATUS_OBJECT_NAME_COLLISION,
                "an event cannot have the name of a link that leads nowhere");
    CheckStatus(OpenDevice(&Device), STATUS_SUCCESS, "its device is opened");
    CheckStatus(DeleteDevice(Device), STATUS_SUCCESS, "and deleted");
    CheckStatus(OpenDevice(&Again), STATUS_OBJECT_NAME_NOT_FOUND, "it cannot be opened any more");
    CheckStatus(NtUnloadDriver(&Service), STATUS_SUCCESS, "its driver is to be unloaded");
    CheckStatus(NtUnloadDriver(&Service), STATUS_INVALID_DEVICE_REQUEST, "it cannot be told twice");
    CheckStatus(DeleteDevice(Device), STATUS_SUCCESS, "while it is open it is still called");
    CheckStatus(NtClose(Device), STATUS_SUCCESS, "it is closed");
    CheckStatus(UnloadUntilGone(&Service), STATUS_OBJECT_NAME_NOT_FOUND, "now its driver goes");
    CheckStatus(NtLoadDriver(&Service), STATUS_SUCCESS, "it can be loaded again");
    CheckStatus(NtUnloadDriver(&Service), STATUS_SUCCESS, "and unloaded at once");
    return CheckSummary("leftover");
}
