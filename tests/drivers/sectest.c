/*
 * sectest.sys: security descriptors of objects, devices and files: given when they are made, held
 * against who opens them (OBJ_FORCE_ACCESS_CHECK: as if a program did), asked for and changed.
 *
 * Source: WDK, Controlling Device Access; ZwQuerySecurityObject, ZwSetSecurityObject,
 * ObGetObjectSecurity, IRP_MJ_QUERY_SECURITY, IRP_MJ_SET_SECURITY.
 */
#include <ntifs.h>
#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

/* What the headers leave out. */
NTKERNELAPI NTSTATUS NTAPI ObLogSecurityDescriptor(PSECURITY_DESCRIPTOR, PSECURITY_DESCRIPTOR *,
                                                   ULONG);
NTKERNELAPI VOID NTAPI ObReferenceSecurityDescriptor(PSECURITY_DESCRIPTOR, ULONG);
NTKERNELAPI VOID NTAPI ObDereferenceSecurityDescriptor(PSECURITY_DESCRIPTOR, ULONG);
NTKERNELAPI NTSTATUS NTAPI SeCaptureSecurityDescriptor(PSECURITY_DESCRIPTOR, KPROCESSOR_MODE,
                                                       POOL_TYPE, BOOLEAN, PSECURITY_DESCRIPTOR *);
NTKERNELAPI VOID NTAPI SeReleaseSecurityDescriptor(PSECURITY_DESCRIPTOR, KPROCESSOR_MODE, BOOLEAN);
NTKERNELAPI NTSTATUS NTAPI ObSetSecurityObjectByPointer(PVOID, SECURITY_INFORMATION,
                                                        PSECURITY_DESCRIPTOR);

#define NAME   L"\\BaseNamedObjects\\sectest"
#define DEVICE L"\\Device\\SecTest"
#define ALL_PARTS                                                                                  \
    (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION |         \
     SACL_SECURITY_INFORMATION)

static PDRIVER_OBJECT Driver;
static ULONG Room[64];
static BOOLEAN Handles; /* the device's dispatch routines know of security */
static SECURITY_INFORMATION LastSet;

/* A descriptor of nobody's with one entry: the system may do what Mask says. 0: nobody may. */
static PSECURITY_DESCRIPTOR Granting(ACCESS_MASK Mask)
{
    static SECURITY_DESCRIPTOR Descriptor;
    static ULONG Text[32];
    PACL Dacl = (PACL)Text;

    RtlCreateAcl(Dacl, sizeof Text, ACL_REVISION);
    if (Mask)
        RtlAddAccessAllowedAce(Dacl, ACL_REVISION, Mask, SeExports->SeLocalSystemSid);
    RtlCreateSecurityDescriptor(&Descriptor, SECURITY_DESCRIPTOR_REVISION);
    RtlSetDaclSecurityDescriptor(&Descriptor, TRUE, Dacl, FALSE);
    RtlSetOwnerSecurityDescriptor(&Descriptor, SeExports->SeNullSid, FALSE);
    RtlSetGroupSecurityDescriptor(&Descriptor, SeExports->SeNullSid, FALSE);
    return &Descriptor;
}

static POBJECT_ATTRIBUTES Named(PCWSTR Name, ULONG Flags, PSECURITY_DESCRIPTOR Descriptor)
{
    static OBJECT_ATTRIBUTES Attributes;
    static UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    InitializeObjectAttributes(&Attributes, Name ? &String : NULL, OBJ_KERNEL_HANDLE | Flags, NULL,
                               Descriptor);
    return &Attributes;
}

static NTSTATUS OpenEvent(ACCESS_MASK Access, ULONG Flags)
{
    HANDLE Handle;
    NTSTATUS Status = ZwOpenEvent(&Handle, Access, Named(NAME, Flags, NULL));

    if (NT_SUCCESS(Status))
        ZwClose(Handle);
    return Status;
}

static ACCESS_MASK GrantedFor(ACCESS_MASK Access)
{
    OBJECT_HANDLE_INFORMATION Information = {0};
    HANDLE Handle;
    PVOID Object;

    if (!NT_SUCCESS(ZwOpenEvent(&Handle, Access, Named(NAME, OBJ_FORCE_ACCESS_CHECK, NULL))))
        return 0;
    ObReferenceObjectByHandle(Handle, 0, NULL, KernelMode, &Object, &Information);
    ObDereferenceObject(Object);
    ZwClose(Handle);
    return Information.GrantedAccess;
}

static VOID TestOpen(HANDLE Event)
{
    SECURITY_DESCRIPTOR Open;
    PVOID Object;
    HANDLE Other;

    CheckEqual("the kernel may", OpenEvent(EVENT_ALL_ACCESS, 0), STATUS_SUCCESS);
    CheckEqual("who is checked may what the list says",
               OpenEvent(EVENT_MODIFY_STATE, OBJ_FORCE_ACCESS_CHECK), STATUS_SUCCESS);
    CheckEqual("... and nothing else", OpenEvent(SYNCHRONIZE, OBJ_FORCE_ACCESS_CHECK),
               STATUS_ACCESS_DENIED);
    CheckEqual("... by no generic right", OpenEvent(GENERIC_ALL, OBJ_FORCE_ACCESS_CHECK),
               STATUS_ACCESS_DENIED);
    Check("the most that is allowed is that, and what privileges give",
          (GrantedFor(MAXIMUM_ALLOWED) & ~WRITE_OWNER) == EVENT_MODIFY_STATE);
    CheckEqual("a name that is taken is opened with the same check",
               ZwCreateEvent(&Other, SYNCHRONIZE,
                             Named(NAME, OBJ_OPENIF | OBJ_FORCE_ACCESS_CHECK, NULL),
                             NotificationEvent, FALSE),
               STATUS_ACCESS_DENIED);
    ObReferenceObjectByHandle(Event, 0, NULL, KernelMode, &Object, NULL);
    CheckEqual("so is a pointer",
               ObOpenObjectByPointer(Object, OBJ_KERNEL_HANDLE, NULL, SYNCHRONIZE,
                                     *ExEventObjectType, UserMode, &Other),
               STATUS_ACCESS_DENIED);
    CheckEqual("a list that grants nothing denies",
               ZwSetSecurityObject(Event, DACL_SECURITY_INFORMATION, Granting(0)), STATUS_SUCCESS);
    CheckEqual("... what was granted", OpenEvent(EVENT_MODIFY_STATE, OBJ_FORCE_ACCESS_CHECK),
               STATUS_ACCESS_DENIED);
    RtlCreateSecurityDescriptor(&Open, SECURITY_DESCRIPTOR_REVISION);
    RtlSetDaclSecurityDescriptor(&Open, TRUE, NULL, FALSE);
    CheckEqual("no list at all",
               ObSetSecurityObjectByPointer(Object, DACL_SECURITY_INFORMATION, &Open),
               STATUS_SUCCESS);
    CheckEqual("... grants all", OpenEvent(EVENT_ALL_ACCESS, OBJ_FORCE_ACCESS_CHECK),
               STATUS_SUCCESS);
    ObDereferenceObject(Object);
}

static VOID TestQuery(HANDLE Event)
{
    PSECURITY_DESCRIPTOR Answer = Room;
    BOOLEAN Present, Defaulted;
    ULONG Length = 0, Again;
    PACL Dacl = NULL;
    PSID Owner = NULL;

    CheckEqual("without room it is said what it takes",
               ZwQuerySecurityObject(Event, ALL_PARTS, NULL, 0, &Length), STATUS_BUFFER_TOO_SMALL);
    CheckRange("... so much", Length, sizeof(SECURITY_DESCRIPTOR_RELATIVE) + 1, sizeof Room);
    CheckEqual("with it", ZwQuerySecurityObject(Event, ALL_PARTS, Answer, Length, &Again),
               STATUS_SUCCESS);
    Check("... a descriptor is given", Again == Length && RtlValidSecurityDescriptor(Answer) &&
                                           RtlLengthSecurityDescriptor(Answer) == Length);
    RtlGetOwnerSecurityDescriptor(Answer, &Owner, &Defaulted);
    RtlGetDaclSecurityDescriptor(Answer, &Present, &Dacl, &Defaulted);
    Check("... with the owner and list that it was made with",
          RtlEqualSid(Owner, SeExports->SeNullSid) && Present && Dacl->AceCount == 1);
    ZwQuerySecurityObject(Event, DACL_SECURITY_INFORMATION, Answer, sizeof Room, &Again);
    RtlGetOwnerSecurityDescriptor(Answer, &Owner, &Defaulted);
    Check("... or a part of it", Owner == NULL && Again < Length);
}

static VOID TestEvent(VOID)
{
    HANDLE Event, Plain;
    ULONG Length;

    CheckEqual("an event is made with a descriptor",
               ZwCreateEvent(&Event, EVENT_ALL_ACCESS, Named(NAME, 0, Granting(EVENT_MODIFY_STATE)),
                             NotificationEvent, FALSE),
               STATUS_SUCCESS);
    TestQuery(Event);
    TestOpen(Event);
    ZwClose(Event);
    ZwCreateEvent(&Plain, EVENT_ALL_ACCESS, Named(NAME, 0, NULL), NotificationEvent, FALSE);
    CheckEqual("one without", OpenEvent(EVENT_ALL_ACCESS, OBJ_FORCE_ACCESS_CHECK), STATUS_SUCCESS);
    CheckEqual("... has no parts",
               ZwQuerySecurityObject(Plain, ALL_PARTS, Room, sizeof Room, &Length), STATUS_SUCCESS);
    CheckEqual("... but the empty descriptor", Length, sizeof(SECURITY_DESCRIPTOR_RELATIVE));
    CheckEqual("... and gets one",
               ZwSetSecurityObject(Plain, DACL_SECURITY_INFORMATION, Granting(SYNCHRONIZE)),
               STATUS_SUCCESS);
    CheckEqual("... that counts", OpenEvent(EVENT_ALL_ACCESS, OBJ_FORCE_ACCESS_CHECK),
               STATUS_ACCESS_DENIED);
    ZwClose(Plain);
}

static VOID TestShared(VOID)
{
    PSECURITY_DESCRIPTOR Relative = Room, First = NULL, Second = NULL, Kept = NULL;
    ULONG Length = sizeof Room;
    BOOLEAN Allocated = TRUE;
    HANDLE Event;
    PVOID Object;

    RtlAbsoluteToSelfRelativeSD(Granting(SYNCHRONIZE), Relative, &Length);
    Length = RtlLengthSecurityDescriptor(Relative);
    CheckEqual("a descriptor is kept", ObLogSecurityDescriptor(Relative, &First, 1),
               STATUS_SUCCESS);
    ObLogSecurityDescriptor(Relative, &Second, 2);
    Check("... once", First == Second && First != Relative &&
                          RtlCompareMemory(First, Relative, Length) == Length);
    ObReferenceSecurityDescriptor(First, 1);
    ObDereferenceSecurityDescriptor(First, 4);
    ZwCreateEvent(&Event, EVENT_ALL_ACCESS, Named(NULL, 0, Relative), NotificationEvent, FALSE);
    ObReferenceObjectByHandle(Event, 0, NULL, KernelMode, &Object, NULL);
    CheckEqual("an object's", ObGetObjectSecurity(Object, &Kept, &Allocated), STATUS_SUCCESS);
    Check("... is lent", Kept != NULL && !Allocated && RtlValidSecurityDescriptor(Kept));
    ObReleaseObjectSecurity(Kept, Allocated);
    ObReleaseObjectSecurity(NULL, FALSE);
    ObDereferenceObject(Object);
    CheckEqual("nothing is audited", ObQueryObjectAuditingByHandle(Event, &Allocated),
               STATUS_SUCCESS);
    Check("... at the close", !Allocated);
    ZwClose(Event);
}

static VOID TestCapture(VOID)
{
    PSECURITY_DESCRIPTOR Descriptor = Granting(SYNCHRONIZE), Captured = NULL;
    SECURITY_DESCRIPTOR Bad = *(PISECURITY_DESCRIPTOR)Descriptor;

    CheckEqual("a kernel's is taken as it is",
               SeCaptureSecurityDescriptor(Descriptor, KernelMode, PagedPool, FALSE, &Captured),
               STATUS_SUCCESS);
    Check("... without a copy", Captured == Descriptor);
    SeReleaseSecurityDescriptor(Captured, KernelMode, FALSE);
    CheckEqual("... or copied",
               SeCaptureSecurityDescriptor(Descriptor, KernelMode, PagedPool, TRUE, &Captured),
               STATUS_SUCCESS);
    Check("... in one piece", Captured != Descriptor && RtlValidSecurityDescriptor(Captured) &&
                                  (((PISECURITY_DESCRIPTOR)Captured)->Control & SE_SELF_RELATIVE));
    SeReleaseSecurityDescriptor(Captured, KernelMode, TRUE);
    Bad.Revision = 2;
    CheckEqual("another revision is refused",
               SeCaptureSecurityDescriptor(&Bad, KernelMode, PagedPool, TRUE, &Captured),
               STATUS_UNKNOWN_REVISION);
    CheckEqual("a program's cannot be the kernel's",
               SeCaptureSecurityDescriptor(Descriptor, UserMode, PagedPool, TRUE, &Captured),
               STATUS_ACCESS_VIOLATION);
    Check("... and gives nothing", Captured == NULL);
}

/* ---- A device and its files --------------------------------------------------------------------
 */

static NTSTATUS QueryForFile(PIRP Irp, PIO_STACK_LOCATION Location)
{
    ULONG Length = Location->Parameters.QuerySecurity.Length;
    NTSTATUS Status =
        RtlAbsoluteToSelfRelativeSD(Granting(FILE_READ_DATA), Irp->UserBuffer, &Length);

    Irp->IoStatus.Information = Length;
    return Status == STATUS_BUFFER_TOO_SMALL ? STATUS_BUFFER_OVERFLOW : Status;
}

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Information = 0;
    if (Location->MajorFunction == IRP_MJ_QUERY_SECURITY)
        Status = Handles ? QueryForFile(Irp, Location) : STATUS_INVALID_DEVICE_REQUEST;
    else if (Location->MajorFunction == IRP_MJ_SET_SECURITY && !Handles)
        Status = STATUS_INVALID_DEVICE_REQUEST;
    else if (Location->MajorFunction == IRP_MJ_SET_SECURITY)
        LastSet = Location->Parameters.SetSecurity.SecurityInformation;
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS OpenFile(PCWSTR Name, ACCESS_MASK Access, PHANDLE File)
{
    IO_STATUS_BLOCK Result;

    return ZwOpenFile(File, Access, Named(Name, OBJ_FORCE_ACCESS_CHECK, NULL), &Result, 0, 0);
}

static NTSTATUS TryFile(PCWSTR Name, ACCESS_MASK Access)
{
    HANDLE File;
    NTSTATUS Status = OpenFile(Name, Access, &File);

    if (NT_SUCCESS(Status))
        ZwClose(File);
    return Status;
}

static VOID TestFile(HANDLE File, PDEVICE_OBJECT Device)
{
    PSECURITY_DESCRIPTOR Kept = NULL;
    BOOLEAN Allocated = FALSE;
    PVOID Object;
    ULONG Length;

    Handles = TRUE;
    CheckEqual("a driver that knows of security is asked",
               ZwQuerySecurityObject(File, ALL_PARTS, NULL, 0, &Length), STATUS_BUFFER_TOO_SMALL);
    CheckEqual("... and answers", ZwQuerySecurityObject(File, ALL_PARTS, Room, Length, &Length),
               STATUS_SUCCESS);
    CheckEqual("... and told", ZwSetSecurityObject(File, DACL_SECURITY_INFORMATION, Granting(0)),
               STATUS_SUCCESS);
    CheckEqual("... of what", LastSet, DACL_SECURITY_INFORMATION);
    ObReferenceObjectByHandle(File, 0, *IoFileObjectType, KernelMode, &Object, NULL);
    CheckEqual("a file's descriptor", ObGetObjectSecurity(Object, &Kept, &Allocated),
               STATUS_SUCCESS);
    Check("... is a copy", Allocated && RtlValidSecurityDescriptor(Kept));
    ObReleaseObjectSecurity(Kept, Allocated);
    ObDereferenceObject(Object);
    Handles = FALSE;
    CheckEqual("of another driver's file it is the device's",
               ZwSetSecurityObject(File, DACL_SECURITY_INFORMATION, Granting(FILE_WRITE_DATA)),
               STATUS_SUCCESS);
    ObGetObjectSecurity(Device, &Kept, &Allocated);
    Check("... where the device object has it", Kept && Kept == Device->SecurityDescriptor);
    ObReleaseObjectSecurity(Kept, Allocated);
    CheckEqual("... and it counts for the next one", TryFile(DEVICE, FILE_READ_DATA),
               STATUS_ACCESS_DENIED);
}

/* As IoCreateDeviceSecure does it: the descriptor is set by a handle of the device. */
static VOID TestDevice(ULONG Characteristics)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(DEVICE);
    BOOLEAN Secure = (Characteristics & FILE_DEVICE_SECURE_OPEN) != 0;
    PDEVICE_OBJECT Device;
    HANDLE Handle, File;

    IoCreateDevice(Driver, 0, &Name, FILE_DEVICE_UNKNOWN, Characteristics, FALSE, &Device);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    CheckEqual("a device is everybody's", TryFile(DEVICE, GENERIC_ALL), STATUS_SUCCESS);
    ObOpenObjectByPointer(Device, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, NULL, KernelMode, &Handle);
    CheckEqual("until it has a descriptor",
               ZwSetSecurityObject(Handle, DACL_SECURITY_INFORMATION, Granting(FILE_READ_DATA)),
               STATUS_SUCCESS);
    ZwClose(Handle);
    CheckEqual("... which grants", OpenFile(DEVICE, FILE_READ_DATA, &File), STATUS_SUCCESS);
    CheckEqual("... and denies", TryFile(DEVICE, FILE_WRITE_DATA), STATUS_ACCESS_DENIED);
    CheckEqual("... also what is in the device, if it says so",
               TryFile(DEVICE L"\\inside", FILE_WRITE_DATA),
               Secure ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
    TestFile(File, Device);
    ZwClose(File);
    IoDeleteDevice(Device);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    ULONG i;

    UNREFERENCED_PARAMETER(RegistryPath);
    Driver = DriverObject;
    for (i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        DriverObject->MajorFunction[i] = Dispatch;
    TestEvent();
    TestShared();
    TestCapture();
    TestDevice(FILE_DEVICE_SECURE_OPEN);
    TestDevice(0);
    return FinishTests("sectest");
}
