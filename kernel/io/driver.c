/*
 * Driver objects: how a driver comes and goes. DriverEntry and DriverUnload run in a system worker
 * thread, in the System process, whoever asked for it (WDK: DriverEntry's environment).
 */
#include "kernel/cm/cm.h"
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/sched.h"

#define TAG_DRIVER      'virD'
#define DRIVER_PREFIX   L"\\Driver\\"
#define SERVICES_PREFIX L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\"

/* A load or unload, handed to a worker thread and waited for. */
typedef struct _IOP_DRIVER_REQUEST {
    WORK_QUEUE_ITEM Item;
    KEVENT Done;
    UNICODE_STRING ServiceName; /* its last component names the driver */
    BOOLEAN Load;
    NTSTATUS Status;
} IOP_DRIVER_REQUEST;

static FAST_MUTEX IopDriverLock; /* one worker thread at most loads and unloads */

static VOID IopFillDriver(IOP_DRIVER *Driver, PLDR_MODULE Module, PDRIVER_INITIALIZE Initialize)
{
    PDRIVER_OBJECT Object = &Driver->Public;
    ULONG i;

    Object->Type = IO_TYPE_DRIVER;
    Object->Size = sizeof *Object;
    Object->DriverExtension = &Driver->Extension;
    Object->DriverInit = Initialize;
    Object->DriverSection = Module;
    Object->DriverStart = Module ? Module->DllBase : NULL;
    Object->DriverSize = Module ? Module->SizeOfImage : 0;
    Object->Flags = Module ? DRVO_LEGACY_DRIVER : DRVO_BUILTIN_DRIVER;
    Driver->Extension.DriverObject = Object;
    InitializeListHead(&Driver->ClientExtensions);
    for (i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        Object->MajorFunction[i] = IopInvalidDeviceRequest;
}

/*
 * Makes a driver object called \Driver\Name and runs its entry routine. Module NULL: a driver that
 * is part of the kernel; else it is the driver object's from here on, which unloads it at its end.
 * On success the name keeps the object alive.
 */
NTSTATUS IopCreateDriver(PCWSTR Name, PDRIVER_INITIALIZE Initialize, PLDR_MODULE Module,
                         PDRIVER_OBJECT *NewDriver)
{
    UNICODE_STRING RegistryPath = {0};
    WCHAR PathText[IOP_NAME_CHARACTERS + 64];
    IOP_DRIVER *Driver;
    NTSTATUS Status = ObpAllocateObject(IopDriverType, sizeof *Driver, (PVOID *)&Driver);

    if (!NT_SUCCESS(Status)) {
        if (Module)
            LdrUnloadDriverImage(Module);
        return Status;
    }
    IopFillDriver(Driver, Module, Initialize);
    if (_snwprintf(Driver->NameText, IOP_NAME_CHARACTERS, L"%ws%ws", DRIVER_PREFIX, Name) < 0)
        Status = STATUS_OBJECT_NAME_INVALID;
    if (NT_SUCCESS(Status)) {
        RtlInitUnicodeString(&Driver->Public.DriverName, Driver->NameText);
        Status = ObpInsertName(&Driver->Public.DriverName, Driver, TRUE);
    }
    if (NT_SUCCESS(Status)) {
        RtlInitUnicodeString(&Driver->Extension.ServiceKeyName,
                             Driver->NameText + RTL_NUMBER_OF(DRIVER_PREFIX) - 1);
        _snwprintf(PathText, RTL_NUMBER_OF(PathText), L"%ws%ws", SERVICES_PREFIX, Name);
        RtlInitUnicodeString(&RegistryPath, PathText);
        Status = Initialize(&Driver->Public, &RegistryPath);
        if (NT_SUCCESS(Status))
            IopEndLoad(&Driver->Public);
        else
            ObpRemoveName(Driver);
    }
    ObDereferenceObject(Driver); /* the name has a reference */
    if (NT_SUCCESS(Status) && NewDriver)
        *NewDriver = &Driver->Public;
    return Status;
}

/* The driver type's Delete routine: no device and no name refers to it any more. */
VOID IopDeleteDriver(PVOID Object)
{
    PDRIVER_OBJECT Driver = Object;

    IopFreeDriverExtensions(Driver);
    if (Driver->DriverSection)
        LdrUnloadDriverImage(Driver->DriverSection);
}

/* The part of a service's name after the last backslash. */
static UNICODE_STRING IopLastComponent(PUNICODE_STRING Name)
{
    USHORT Units = Name->Length / sizeof(WCHAR), Start = Units;
    UNICODE_STRING Last;

    while (Start > 0 && Name->Buffer[Start - 1] != L'\\')
        Start--;
    Last.Buffer = Name->Buffer + Start;
    Last.Length = Last.MaximumLength = (USHORT)((Units - Start) * sizeof(WCHAR));
    return Last;
}

/* The driver's name, as its service key is called, and its file's, as that key says. */
static NTSTATUS IopDriverNames(PUNICODE_STRING ServiceName, PWCHAR Name, PUNICODE_STRING File)
{
    UNICODE_STRING Last = IopLastComponent(ServiceName);

    if (Last.Length == 0 || Last.Length > (IOP_NAME_CHARACTERS - 16) * sizeof(WCHAR))
        return STATUS_OBJECT_NAME_INVALID;
    memcpy(Name, Last.Buffer, Last.Length);
    Name[Last.Length / sizeof(WCHAR)] = 0;
    return CmQueryDriverFile(ServiceName, File);
}

/* ForDevice: Plug and Play has a device for it already. */
static NTSTATUS IopLoad(PUNICODE_STRING ServiceName, BOOLEAN ForDevice)
{
    WCHAR Name[IOP_NAME_CHARACTERS], FileText[IOP_NAME_CHARACTERS];
    UNICODE_STRING File = {0, sizeof FileText, FileText};
    PDRIVER_OBJECT Driver;
    PLDR_MODULE Module;
    NTSTATUS Status = IopDriverNames(ServiceName, Name, &File);

    if (NT_SUCCESS(Status))
        Status = LdrLoadDriverImage(&File, &Module);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopCreateDriver(Name, (PDRIVER_INITIALIZE)Module->EntryPoint, Module, &Driver);
    if (!NT_SUCCESS(Status)) {
        KdPrintLine("Io: %wZ: DriverEntry failed (status %08lx)\n", &File, Status);
        return Status;
    }
    if (!ForDevice)
        Status = PnpDriverLoaded(Driver);
    IopReinitializeDrivers();
    return Status;
}

/* Loads a driver by the name of its service, in a system thread. */
NTSTATUS IopLoadForDevice(PCWSTR Service)
{
    WCHAR Text[IOP_NAME_CHARACTERS + 64];
    UNICODE_STRING Path;

    if (_snwprintf(Text, RTL_NUMBER_OF(Text) - 1, L"%ws%ws", SERVICES_PREFIX, Service) < 0)
        return STATUS_OBJECT_NAME_INVALID;
    Text[RTL_NUMBER_OF(Text) - 1] = 0;
    RtlInitUnicodeString(&Path, Text);
    return IopLoad(&Path, TRUE);
}

/* None of the driver's devices is in use, and none can be any more. */
static VOID IopRunUnload(PDRIVER_OBJECT Driver)
{
    Driver->DriverUnload(Driver);
    PnpDriverUnloaded(Driver);
    ObpRemoveName(Driver);
}

/* A driver that Plug and Play has loaded for its devices goes with the last of them (WDK: Unload
 * routine). IRQL: PASSIVE_LEVEL. */
VOID IopUnloadUnused(PDRIVER_OBJECT Driver)
{
    if (Driver->DriverExtension->AddDevice && Driver->DeviceObject == NULL &&
        IopBeginUnload(Driver) == STATUS_SUCCESS)
        IopRunUnload(Driver);
}

static VOID NTAPI IopRunLateUnload(PVOID Parameter)
{
    IopRunUnload(Parameter);
    ObDereferenceObject(Parameter);
}

/* The last of a driver's devices is in use no more. IRQL <= DISPATCH_LEVEL. */
VOID IopQueueUnload(PDRIVER_OBJECT Driver)
{
    IOP_DRIVER *Private = IOP_DRIVER_OF(Driver);

    if (InterlockedExchange(&Private->LateUnload, FALSE)) {
        ObReferenceObject(Driver);
        ExInitializeWorkItem(&Private->UnloadItem, IopRunLateUnload, Driver);
        ExQueueWorkItem(&Private->UnloadItem, DelayedWorkQueue);
    }
}

static NTSTATUS IopUnload(PUNICODE_STRING ServiceName)
{
    WCHAR Text[IOP_NAME_CHARACTERS + 8];
    UNICODE_STRING Path, Last = IopLastComponent(ServiceName);
    PDRIVER_OBJECT Driver;
    NTSTATUS Status;

    if (_snwprintf(Text, RTL_NUMBER_OF(Text), L"%ws%wZ", DRIVER_PREFIX, &Last) < 0)
        return STATUS_OBJECT_NAME_INVALID;
    Text[RTL_NUMBER_OF(Text) - 1] = 0;
    RtlInitUnicodeString(&Path, Text);
    Status = ObpOpenPath(&Path, IopDriverType, NULL, (PVOID *)&Driver);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Driver->DriverExtension->AddDevice)
        Status = STATUS_INVALID_DEVICE_REQUEST; /* its devices have to be removed */
    else
        Status = IopBeginUnload(Driver);
    if (Status == STATUS_SUCCESS)
        IopRunUnload(Driver);
    else if (Status == STATUS_PENDING)
        Status = STATUS_SUCCESS;
    ObDereferenceObject(Driver);
    return Status;
}

static VOID NTAPI IopRunDriverRequest(PVOID Parameter)
{
    IOP_DRIVER_REQUEST *Request = Parameter;

    Request->Status =
        Request->Load ? IopLoad(&Request->ServiceName, FALSE) : IopUnload(&Request->ServiceName);
    KeSetEvent(&Request->Done, IO_NO_INCREMENT, FALSE);
}

/*
 * Has a worker thread load or unload a driver. A system thread, among them a worker whose driver
 * loads another, does it itself. The lock is taken here, not in the worker: if all the workers
 * waited for it, the work items for which the driver waits would never run.
 */
static NTSTATUS IopDriverRequest(PUNICODE_STRING ServiceName, BOOLEAN Load)
{
    IOP_DRIVER_REQUEST Request = {.ServiceName = *ServiceName, .Load = Load};

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if ((PEPROCESS)KiGetCurrentThread()->Process == PsInitialSystemProcess)
        return Load ? IopLoad(ServiceName, FALSE) : IopUnload(ServiceName);
    KeInitializeEvent(&Request.Done, NotificationEvent, FALSE);
    ExInitializeWorkItem(&Request.Item, IopRunDriverRequest, &Request);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&IopDriverLock);
    ExQueueWorkItem(&Request.Item, DelayedWorkQueue);
    KeWaitForSingleObject(&Request.Done, Executive, KernelMode, FALSE, NULL);
    ExReleaseFastMutexUnsafe(&IopDriverLock);
    KeLeaveCriticalRegion();
    return Request.Status;
}

NTSTATUS IoLoadDriver(PUNICODE_STRING ServiceName)
{
    return IopDriverRequest(ServiceName, TRUE);
}

static NTSTATUS IopCaptureDriverRequest(PUNICODE_STRING ServiceName, BOOLEAN Load)
{
    UNICODE_STRING Name;
    NTSTATUS Status = ExCaptureString(&Name, ServiceName);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = IopDriverRequest(&Name, Load);
    ExReleaseString(&Name);
    return Status;
}

/* Loads a driver by its service key's name (WDK: ZwLoadDriver). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtLoadDriver(PUNICODE_STRING DriverServiceName)
{
    return IopCaptureDriverRequest(DriverServiceName, TRUE);
}

/* Unloads a driver (WDK: ZwUnloadDriver); while one of its devices is open or has another attached
 * to it, later. STATUS_INVALID_DEVICE_REQUEST: it cannot be unloaded, is being, or goes with its
 * devices (kernel/pnp/root.c). */
NTSTATUS NTAPI NtUnloadDriver(PUNICODE_STRING DriverServiceName)
{
    return IopCaptureDriverRequest(DriverServiceName, FALSE);
}

#define FILE_MAPPING                                                                               \
    {                                                                                              \
        FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS               \
    }
static OBJECT_TYPE IopDeviceTypeObject = {.Name = "Device",
                                          .AllAccess = FILE_ALL_ACCESS,
                                          .Mapping = FILE_MAPPING,
                                          .Delete = IopDeleteDevice,
                                          .Parse = IopParseDevice,
                                          .DescriptorOffset =
                                              FIELD_OFFSET(DEVICE_OBJECT, SecurityDescriptor)};
static OBJECT_TYPE IopDriverTypeObject = {.Name = "Driver",
                                          .AllAccess = FILE_ALL_ACCESS,
                                          .Mapping = FILE_MAPPING,
                                          .Delete = IopDeleteDriver};
static OBJECT_TYPE IopFileTypeObject = {.Name = "File",
                                        .AllAccess = FILE_ALL_ACCESS,
                                        .Mapping = FILE_MAPPING,
                                        .Close = IopCloseFile,
                                        .Delete = IopDeleteFile,
                                        .Parse = IopParseFile,
                                        .QueryName = IopQueryFileName,
                                        .Waitable = TRUE,
                                        .WaitOffset = FIELD_OFFSET(FILE_OBJECT, Event)};

POBJECT_TYPE IopDeviceType = &IopDeviceTypeObject, IopDriverType = &IopDriverTypeObject;
static POBJECT_TYPE IopFileType = &IopFileTypeObject;
POBJECT_TYPE *IoFileObjectType = &IopFileType;
POBJECT_TYPE *IoDriverObjectType = &IopDriverType, *IoDeviceObjectType = &IopDeviceType;

/* The drivers that are part of the kernel. */
NTSTATUS IoInitialize(VOID)
{
    NTSTATUS Status;

    ExInitializeFastMutex(&IopDriverLock);
    Status = PnpInitialize();
    if (NT_SUCCESS(Status))
        Status = IopInitializeBootFiles();
    return NT_SUCCESS(Status) ? IopInitializeConsole() : Status;
}
