/*
 * modetest.sys: the services by their two names. NtXxx keeps the thread's previous mode, so in a
 * program's thread it takes the driver for the program and refuses what only the kernel may have;
 * ZwXxx says that the kernel calls (WDK: PreviousMode, Using Nt and Zw Versions of the Native
 * System Services Routines). All checks are made twice: while the driver is loaded, in a thread of
 * the System process, and in modes.exe's thread, by a control code.
 */
#include <ntifs.h>
#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

/* What the headers leave out. */
NTSYSCALLAPI NTSTATUS NTAPI NtCreateEvent(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, EVENT_TYPE,
                                          BOOLEAN);
NTSYSCALLAPI NTSTATUS NTAPI NtDuplicateObject(HANDLE, HANDLE, HANDLE, PHANDLE, ACCESS_MASK, ULONG,
                                              ULONG);
NTSYSCALLAPI NTSTATUS NTAPI NtMakePermanentObject(HANDLE);
NTSYSCALLAPI NTSTATUS NTAPI NtMapViewOfSection(HANDLE, HANDLE, PVOID *, ULONG_PTR, SIZE_T,
                                               PLARGE_INTEGER, PSIZE_T, SECTION_INHERIT, ULONG,
                                               ULONG);
NTSYSCALLAPI NTSTATUS NTAPI NtOpenThread(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PCLIENT_ID);
NTSYSCALLAPI NTSTATUS NTAPI NtQueryInformationThread(HANDLE, THREADINFOCLASS, PVOID, ULONG, PULONG);
NTSYSAPI NTSTATUS NTAPI ZwQueryInformationThread(HANDLE, THREADINFOCLASS, PVOID, ULONG, PULONG);
NTSYSCALLAPI NTSTATUS NTAPI NtQuerySystemInformation(ULONG, PVOID, ULONG, PULONG);
NTSYSAPI NTSTATUS NTAPI ZwQuerySystemInformation(ULONG, PVOID, ULONG, PULONG);
NTSYSCALLAPI NTSTATUS NTAPI NtSetEvent(HANDLE, PLONG);
NTSYSCALLAPI NTSTATUS NTAPI NtWaitForSingleObject(HANDLE, BOOLEAN, PLARGE_INTEGER);

#define NAME    L"\\Device\\ModeTest"
#define CONTROL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_NEITHER, FILE_ANY_ACCESS)

/* What an Nt call with the driver's pointers comes to; a Zw call succeeds. */
static NTSTATUS Expected;
static BOOLEAN Zw;

#define TRY_FOR(Status, Name, ...)                                                                 \
    CheckEqual(Zw ? "Zw" #Name : "Nt" #Name, Zw ? Zw##Name(__VA_ARGS__) : Nt##Name(__VA_ARGS__),   \
               Zw ? STATUS_SUCCESS : (Status))
#define TRY(Name, ...) TRY_FOR(Expected, Name, __VA_ARGS__)

/* A handle in the current process, which user mode could use, too. */
static POBJECT_ATTRIBUTES Attributes(PCWSTR Name)
{
    static OBJECT_ATTRIBUTES Attributes;
    static UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    InitializeObjectAttributes(&Attributes, Name ? &String : NULL, OBJ_CASE_INSENSITIVE, NULL,
                               NULL);
    return &Attributes;
}

static VOID Close(HANDLE Handle)
{
    if (Handle)
        ZwClose(Handle);
}

static VOID TryFile(VOID)
{
    FILE_POSITION_INFORMATION Position = {{.QuadPart = 0}};
    FILE_FS_LABEL_INFORMATION Label = {0};
    FILE_FS_DEVICE_INFORMATION Volume;
    HANDLE File = NULL, Made = NULL, Opened = NULL;
    IO_STATUS_BLOCK Result;
    ULONG Text = 0;

    ZwOpenFile(&File, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, Attributes(NAME), &Result, 0,
               FILE_SYNCHRONOUS_IO_NONALERT);
    TRY(CreateFile, &Made, GENERIC_READ, Attributes(NAME), &Result, NULL, 0, 0, FILE_OPEN, 0, NULL,
        0);
    TRY(OpenFile, &Opened, GENERIC_READ, Attributes(NAME), &Result, 0, 0);
    TRY(ReadFile, File, NULL, NULL, NULL, &Result, &Text, sizeof Text, NULL, NULL);
    TRY(WriteFile, File, NULL, NULL, NULL, &Result, &Text, sizeof Text, NULL, NULL);
    TRY(DeviceIoControlFile, File, NULL, NULL, NULL, &Result, CONTROL + 4, &Text, sizeof Text, NULL,
        0);
    TRY(FsControlFile, File, NULL, NULL, NULL, &Result, CONTROL + 4, &Text, sizeof Text, NULL, 0);
    TRY(QueryInformationFile, File, &Result, &Position, sizeof Position, FilePositionInformation);
    TRY(SetInformationFile, File, &Result, &Position, sizeof Position, FilePositionInformation);
    TRY(QueryVolumeInformationFile, File, &Result, &Volume, sizeof Volume, FileFsDeviceInformation);
    TRY(SetVolumeInformationFile, File, &Result, &Label, sizeof Label, FileFsLabelInformation);
    Close(Made);
    Close(Opened);
    Close(File);
}

static VOID TryMemory(VOID)
{
    LARGE_INTEGER Size = {.QuadPart = PAGE_SIZE};
    HANDLE Section = NULL, Made = NULL;
    SIZE_T Bytes = PAGE_SIZE, ViewBytes = 0, All = 0;
    PVOID Memory = NULL, View = NULL, Given = NULL;

    ZwCreateSection(&Section, SECTION_ALL_ACCESS, NULL, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    TRY(CreateSection, &Made, SECTION_ALL_ACCESS, NULL, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    TRY(MapViewOfSection, Section, ZwCurrentProcess(), &View, 0, 0, NULL, &ViewBytes, ViewUnmap, 0,
        PAGE_READWRITE);
    TRY(AllocateVirtualMemory, ZwCurrentProcess(), &Memory, 0, &Bytes, MEM_COMMIT, PAGE_READWRITE);
    Bytes = PAGE_SIZE;
    ZwAllocateVirtualMemory(ZwCurrentProcess(), &Given, 0, &Bytes, MEM_COMMIT, PAGE_READWRITE);
    TRY(FreeVirtualMemory, ZwCurrentProcess(), &Given, &All, MEM_RELEASE);
    All = 0;
    if (Given)
        ZwFreeVirtualMemory(ZwCurrentProcess(), &Given, &All, MEM_RELEASE);
    All = 0;
    if (Memory)
        ZwFreeVirtualMemory(ZwCurrentProcess(), &Memory, &All, MEM_RELEASE);
    if (View)
        ZwUnmapViewOfSection(ZwCurrentProcess(), View);
    Close(Made);
    Close(Section);
}

static VOID TryProcess(VOID)
{
    CLIENT_ID Id = {PsGetCurrentProcessId(), PsGetCurrentThreadId()};
    HANDLE Process = NULL, Thread = NULL;
    KPRIORITY Priority = LOW_REALTIME_PRIORITY - 8;
    ULONG Information[64], Bytes;

    TRY(OpenProcess, &Process, PROCESS_ALL_ACCESS, Attributes(NULL), &Id);
    TRY(OpenThread, &Thread, THREAD_ALL_ACCESS, Attributes(NULL), &Id);
    TRY(QueryInformationProcess, ZwCurrentProcess(), ProcessBasicInformation, Information,
        sizeof(PROCESS_BASIC_INFORMATION), &Bytes);
    TRY(QueryInformationThread, ZwCurrentThread(), ThreadTimes, Information,
        sizeof(KERNEL_USER_TIMES), &Bytes);
    TRY(SetInformationThread, ZwCurrentThread(), ThreadPriority, &Priority, sizeof Priority);
    TRY(QuerySystemInformation, 0 /* SystemBasicInformation */, Information, 44, &Bytes);
    Close(Process);
    Close(Thread);
}

/* What has no pointers succeeds for everybody, but for handles that are the kernel's. */
static VOID TryEvent(VOID)
{
    SECURITY_DESCRIPTOR Descriptor;
    OBJECT_ATTRIBUTES Kernel;
    HANDLE Event = NULL, Made = NULL, Copy = NULL, KernelEvent = NULL;
    BOOLEAN User = Expected != STATUS_SUCCESS;
    ULONG Length;

    InitializeObjectAttributes(&Kernel, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    ZwCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    ZwCreateEvent(&KernelEvent, EVENT_ALL_ACCESS, &Kernel, NotificationEvent, TRUE);
    TRY(CreateEvent, &Made, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    TRY(DuplicateObject, ZwCurrentProcess(), Event, ZwCurrentProcess(), &Copy, 0, 0,
        DUPLICATE_SAME_ACCESS);
    RtlCreateSecurityDescriptor(&Descriptor, SECURITY_DESCRIPTOR_REVISION);
    TRY(QuerySecurityObject, Event, OWNER_SECURITY_INFORMATION, &Descriptor, sizeof Descriptor,
        &Length);
    TRY(SetSecurityObject, Event, OWNER_SECURITY_INFORMATION, &Descriptor);
    TRY_FOR(STATUS_SUCCESS, SetEvent, Event, NULL);
    TRY_FOR(STATUS_SUCCESS, WaitForSingleObject, Event, FALSE, NULL);
    TRY_FOR(User ? STATUS_INVALID_HANDLE : STATUS_SUCCESS, WaitForSingleObject, KernelEvent, FALSE,
            NULL);
    CheckEqual("NtMakePermanentObject is not for programs", NtMakePermanentObject(Event),
               User ? STATUS_PRIVILEGE_NOT_HELD : STATUS_SUCCESS);
    ZwMakeTemporaryObject(Event);
    TRY_FOR(STATUS_SUCCESS, Close, Event);
    TRY_FOR(User ? STATUS_INVALID_HANDLE : STATUS_SUCCESS, Close, KernelEvent);
    if (User && !Zw)
        ZwClose(KernelEvent);
    Close(Made);
    Close(Copy);
}

/* UserBuffer: memory of the caller's, for an answer that an Nt call may put there. */
static VOID TryAll(KPROCESSOR_MODE Mode, PVOID UserBuffer)
{
    ULONG i;

    CheckEqual("the previous mode is the caller's", ExGetPreviousMode(), Mode);
    Expected = Mode == KernelMode ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
    for (i = 0; i < 2; i++) {
        Zw = i != 0;
        TryFile();
        TryMemory();
        TryProcess();
        TryEvent();
    }
    CheckEqual("a Zw call leaves the mode as it was", ExGetPreviousMode(), Mode);
    if (UserBuffer)
        CheckEqual("an Nt call fills the caller's memory",
                   NtQuerySystemInformation(0, UserBuffer, 44, NULL), STATUS_SUCCESS);
}

/* ---- The device --------------------------------------------------------------------------------
 */

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Location->MajorFunction == IRP_MJ_DEVICE_CONTROL &&
        Location->Parameters.DeviceIoControl.IoControlCode == CONTROL) {
        TryAll(UserMode, Irp->UserBuffer);
        Status = FinishTests("modetest");
    }
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(NAME);
    PDEVICE_OBJECT Device;
    NTSTATUS Status;
    ULONG i;

    UNREFERENCED_PARAMETER(RegistryPath);
    for (i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        DriverObject->MajorFunction[i] = Dispatch;
    DriverObject->DriverUnload = Unload;
    Status = IoCreateDevice(DriverObject, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Device->Flags &= ~DO_DEVICE_INITIALIZING; /* the checks open it at once */
    TryAll(KernelMode, NULL);
    if (TestFailed)
        IoDeleteDevice(Device);
    return TestFailed ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}
