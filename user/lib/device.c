/*
 * Drivers and their devices, as programs use them.
 */
#include "device.h"

#define SERVICES     "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\"
#define NAME_MAXIMUM 128 /* characters */

/* A driver is called by the name of its service key. */
static NTSTATUS NameService(UNICODE_STRING *Service, WCHAR *Room, const char *Name)
{
    if (_snwprintf(Room, NAME_MAXIMUM, L"%S%S", SERVICES, Name) < 0)
        return STATUS_NAME_TOO_LONG;
    Room[NAME_MAXIMUM - 1] = 0;
    RtlInitUnicodeString(Service, Room);
    return STATUS_SUCCESS;
}

NTSTATUS LoadDriver(const char *Name)
{
    WCHAR Room[NAME_MAXIMUM];
    UNICODE_STRING Service;
    NTSTATUS Status = NameService(&Service, Room, Name);

    return NT_SUCCESS(Status) ? NtLoadDriver(&Service) : Status;
}

NTSTATUS UnloadDriver(const char *Name)
{
    WCHAR Room[NAME_MAXIMUM];
    UNICODE_STRING Service;
    NTSTATUS Status = NameService(&Service, Room, Name);

    return NT_SUCCESS(Status) ? NtUnloadDriver(&Service) : Status;
}

NTSTATUS OpenDevice(PCWSTR Name, ULONG Options, HANDLE *Device)
{
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    UNICODE_STRING Path;

    *Device = NULL;
    RtlInitUnicodeString(&Path, Name);
    InitializeObjectAttributes(&Attributes, &Path, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenFile(Device, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE, &Attributes, &Result,
                      FILE_SHARE_READ | FILE_SHARE_WRITE, Options);
}

/* The status block is not written by a request that fails at once. */
static NTSTATUS Transferred(NTSTATUS Status, const IO_STATUS_BLOCK *Result, ULONG *Bytes)
{
    if (Bytes)
        *Bytes = NT_SUCCESS(Status) ? Result->Information : 0;
    return Status;
}

NTSTATUS ReadDevice(HANDLE Device, PVOID Buffer, ULONG Length, ULONG *Bytes)
{
    IO_STATUS_BLOCK Result;

    return Transferred(NtReadFile(Device, NULL, NULL, NULL, &Result, Buffer, Length, NULL, NULL),
                       &Result, Bytes);
}

NTSTATUS WriteDevice(HANDLE Device, const VOID *Buffer, ULONG Length, ULONG *Bytes)
{
    IO_STATUS_BLOCK Result;

    return Transferred(
        NtWriteFile(Device, NULL, NULL, NULL, &Result, (PVOID)Buffer, Length, NULL, NULL), &Result,
        Bytes);
}

NTSTATUS ControlDevice(HANDLE Device, ULONG Code, const VOID *In, ULONG InLength, PVOID Out,
                       ULONG OutLength, ULONG *Bytes)
{
    IO_STATUS_BLOCK Result;

    return Transferred(NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Result, Code, (PVOID)In,
                                             InLength, Out, OutLength),
                       &Result, Bytes);
}
