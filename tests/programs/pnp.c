/*
 * Shows how a driver that is Plug and Play's comes and goes: loaded by name it has a device, which
 * is opened by its interface; it cannot be unloaded, but its device can be removed, unless it is
 * open; then the driver goes, too, and nothing is left behind.
 */
#include "check.h"

#define SERVICE_NAME L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\pnproot"
#define LINK_NAME    L"\\??\\Root#pnproot#0000#{11223344-5566-7788-99aa-bbccddeeff04}"
#define INSTANCE     L"Root\\pnproot\\0000"
#define ROUNDS       20

static NTSTATUS Open(const WCHAR *Path, ACCESS_MASK Access, HANDLE *Handle)
{
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenFile(Handle, Access | SYNCHRONIZE, &Attributes, &Result, 0,
                      FILE_SYNCHRONOUS_IO_NONALERT);
}

/* What Windows' Device Manager does when it uninstalls a device. */
static NTSTATUS Remove(const WCHAR *Instance, ULONG Bytes)
{
    IO_STATUS_BLOCK Result;
    HANDLE Manager;
    NTSTATUS Status = Open(L"\\Device\\PnpManager", FILE_WRITE_DATA, &Manager);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = NtWriteFile(Manager, NULL, NULL, NULL, &Result, (PVOID)Instance, Bytes, NULL, NULL);
    NtClose(Manager);
    return Status;
}

int main(void)
{
    UNICODE_STRING Service = CONSTANT_STRING(SERVICE_NAME);
    USAGE Before;
    HANDLE Device;
    ULONG i;

    CheckStatus(Remove(INSTANCE, sizeof INSTANCE - sizeof(WCHAR)), STATUS_NO_SUCH_DEVICE,
                "no such device yet");
    CheckStatus(Remove(INSTANCE, 3), STATUS_INVALID_PARAMETER, "half a character");
    CheckStatus(NtLoadDriver(&Service), STATUS_SUCCESS, "the driver is loaded");
    CheckStatus(Open(LINK_NAME, FILE_READ_DATA, &Device), STATUS_SUCCESS,
                "its device is opened by the interface");
    CheckStatus(NtUnloadDriver(&Service), STATUS_INVALID_DEVICE_REQUEST, "it cannot be unloaded");
    CheckStatus(Remove(INSTANCE, sizeof INSTANCE - sizeof(WCHAR)), STATUS_DEVICE_BUSY,
                "its device cannot be removed while it is open");
    NtClose(Device);
    CheckStatus(Remove(INSTANCE, sizeof INSTANCE - sizeof(WCHAR)), STATUS_SUCCESS,
                "closed, it is removed");
    CheckStatus(Open(LINK_NAME, FILE_READ_DATA, &Device), STATUS_OBJECT_NAME_NOT_FOUND,
                "and cannot be opened");
    CheckStatus(NtUnloadDriver(&Service), STATUS_OBJECT_NAME_NOT_FOUND, "and its driver is gone");
    QuerySteadyUsage(&Before);
    for (i = 0; i < ROUNDS; i++) {
        if (!NT_SUCCESS(NtLoadDriver(&Service)) ||
            !NT_SUCCESS(Remove(INSTANCE, sizeof INSTANCE - sizeof(WCHAR))))
            break;
    }
    Check(i == ROUNDS, "loaded and removed again and again");
    CheckUsage(&Before, "nothing is left behind");
    return CheckSummary("pnp");
}
