/*
 * For programs that use a driver: its device, opened by name, and requests to it that are waited
 * for; loading and unloading it.
 */
#ifndef USER_DEVICE_H
#define USER_DEVICE_H

#include "program.h"

/* Loads NAME.sys, unloads it. A driver whose device is open is unloaded when that is closed. */
NTSTATUS LoadDriver(const char *Name);
NTSTATUS UnloadDriver(const char *Name);

/*
 * Opens a device for reading and writing. Options: FILE_SYNCHRONOUS_IO_NONALERT, or 0 for requests
 * that return STATUS_PENDING. *Device is NULL on failure.
 */
NTSTATUS OpenDevice(PCWSTR Name, ULONG Options, HANDLE *Device);

/* On a synchronous file. *Bytes: how many were transferred; 0 on failure. NULL: not wanted. */
NTSTATUS ReadDevice(HANDLE Device, PVOID Buffer, ULONG Length, ULONG *Bytes);
NTSTATUS WriteDevice(HANDLE Device, const VOID *Buffer, ULONG Length, ULONG *Bytes);
NTSTATUS ControlDevice(HANDLE Device, ULONG Code, const VOID *In, ULONG InLength, PVOID Out,
                       ULONG OutLength, ULONG *Bytes);

#endif
