/*
 * What the kernel keeps and checks for file systems: a thread's first packet, priorities, access,
 * lists of attributes and quotas, stream file objects.
 */
#include <ntifs.h>

#include "selftest.h"

static PDEVICE_OBJECT Device;
static ULONG Creates, Cleanups, Closes;
static NTSTATUS LastAccess[4]; /* of the last control code: nothing, read, write, both */

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UCHAR Function = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;
    ULONG i;

    UNREFERENCED_PARAMETER(DeviceObject);
    Creates += Function == IRP_MJ_CREATE;
    Cleanups += Function == IRP_MJ_CLEANUP;
    Closes += Function == IRP_MJ_CLOSE;
    for (i = 0; Function == IRP_MJ_DEVICE_CONTROL && i < 4; i++) {
        Irp->RequestorMode = UserMode; /* kernel mode has all access */
        LastAccess[i] = IoValidateDeviceIoControlAccess(Irp, i);
        Irp->RequestorMode = KernelMode;
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

/* ---- Threads and packets ----------------------------------------------------------------------
 */

static VOID NTAPI LookAtOther(PVOID Context)
{
    *(PBOOLEAN)Context = IoGetTopLevelIrp() == NULL;
}

static VOID TestThread(PIRP Irp)
{
    BOOLEAN Empty = FALSE;

    Check("a thread begins without a first packet", IoGetTopLevelIrp() == NULL);
    IoSetTopLevelIrp((PIRP)FSRTL_FSP_TOP_LEVEL_IRP);
    Check("what it is told it keeps", IoGetTopLevelIrp() == (PIRP)FSRTL_FSP_TOP_LEVEL_IRP);
    JoinThread(StartThread(LookAtOther, &Empty));
    Check("for itself alone", Empty);
    IoSetTopLevelIrp(NULL);
    Check("this is a system thread", IoIsSystemThread(PsGetCurrentThread()));
    IoSetDeviceToVerify(PsGetCurrentThread(), Device);
    Check("a thread's device to verify", IoGetDeviceToVerify(PsGetCurrentThread()) == Device);
    IoSetDeviceToVerify(PsGetCurrentThread(), NULL);
    IoSetHardErrorOrVerifyDevice(Irp, Device);
    Check("is not set by nobody's packet", IoGetDeviceToVerify(PsGetCurrentThread()) == NULL);
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    IoSetHardErrorOrVerifyDevice(Irp, Device);
    Irp->Tail.Overlay.Thread = NULL;
    Check("but by its own", IoGetDeviceToVerify(PsGetCurrentThread()) == Device);
    IoSetDeviceToVerify(PsGetCurrentThread(), NULL);
}

static VOID TestPriority(PIRP Irp)
{
    const ULONG Flags = Irp->Flags;

    CheckEqual("a packet's priority", IoGetIoPriorityHint(Irp), IoPriorityNormal);
    CheckEqual("can be set", IoSetIoPriorityHint(Irp, IoPriorityVeryLow), 0);
    CheckEqual("and is kept", IoGetIoPriorityHint(Irp), IoPriorityVeryLow);
    CheckEqual("set again", IoSetIoPriorityHint(Irp, IoPriorityHigh), 0);
    CheckEqual("it is the new one", IoGetIoPriorityHint(Irp), IoPriorityHigh);
    CheckEqual("there is none above", IoSetIoPriorityHint(Irp, MaxIoPriorityTypes),
               STATUS_INVALID_PARAMETER);
    CheckEqual("no paging", IoGetPagingIoPriority(Irp), IoPagingPriorityInvalid);
    Irp->Flags |= IRP_PAGING_IO;
    CheckEqual("paging", IoGetPagingIoPriority(Irp), IoPagingPriorityNormal);
    Irp->Flags = Flags;
}

/* ---- Access -----------------------------------------------------------------------------------
 */

static NTSTATUS OpenAndControl(ACCESS_MASK Access)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\FsTest");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;
    HANDLE Handle;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    Status = ZwOpenFile(&Handle, Access | SYNCHRONIZE, &Attributes, &Iosb, 0,
                        FILE_SYNCHRONOUS_IO_NONALERT);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ZwDeviceIoControlFile(
        Handle, NULL, NULL, NULL, &Iosb,
        CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_NEITHER, FILE_ANY_ACCESS), NULL, 0, NULL, 0);
    ZwClose(Handle);
    return Status;
}

static VOID TestAccess(PIRP Irp)
{
    ACCESS_MASK Access = GENERIC_READ;

    CheckEqual("reading is granted", IoCheckDesiredAccess(&Access, FILE_GENERIC_READ), 0);
    CheckEqual("in its own rights", (LONG)Access, (LONG)FILE_GENERIC_READ);
    Access = FILE_WRITE_DATA;
    CheckEqual("writing is not", IoCheckDesiredAccess(&Access, FILE_GENERIC_READ),
               STATUS_ACCESS_DENIED);
    CheckEqual("a control code by a handle for reading", OpenAndControl(FILE_READ_DATA), 0);
    Check("had reading, no writing", LastAccess[0] == 0 && LastAccess[1] == 0 &&
                                         LastAccess[2] == STATUS_ACCESS_DENIED &&
                                         LastAccess[3] == STATUS_ACCESS_DENIED);
    CheckEqual("by one for writing", OpenAndControl(FILE_WRITE_DATA), 0);
    Check("had writing, no reading", LastAccess[1] == STATUS_ACCESS_DENIED && LastAccess[2] == 0 &&
                                         LastAccess[3] == STATUS_ACCESS_DENIED);
    CheckEqual("there is no other access", IoValidateDeviceIoControlAccess(Irp, 4),
               STATUS_INVALID_PARAMETER);
}

/* ---- Lists ------------------------------------------------------------------------------------
 */

/* An attribute "A" with Value bytes of value. */
static ULONG PutEa(PUCHAR Place, ULONG Next, UCHAR Value)
{
    PFILE_FULL_EA_INFORMATION Ea = (PFILE_FULL_EA_INFORMATION)Place;

    RtlZeroMemory(Ea, FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName) + 2 + Value);
    Ea->NextEntryOffset = Next;
    Ea->EaNameLength = 1;
    Ea->EaValueLength = Value;
    Ea->EaName[0] = 'A';
    return FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName) + 2 + Value;
}

static VOID TestEaList(VOID)
{
    static ULONG Longs[32];
    PUCHAR Buffer = (PUCHAR)Longs;
    PFILE_FULL_EA_INFORMATION First = (PVOID)Longs;
    ULONG Error = 99, Bytes = 16 + PutEa(Buffer + 16, 0, 3);

    PutEa(Buffer, 16, 5);
    CheckEqual("two attributes are a list", IoCheckEaBufferValidity(First, Bytes, &Error), 0);
    CheckEqual("the second does not fit", IoCheckEaBufferValidity(First, Bytes - 1, &Error),
               STATUS_EA_LIST_INCONSISTENT);
    CheckEqual("which is said", Error, 16);
    First->NextEntryOffset = 12;
    CheckEqual("they overlap", IoCheckEaBufferValidity(First, Bytes, &Error),
               STATUS_EA_LIST_INCONSISTENT);
    CheckEqual("from the first on", Error, 0);
    First->NextEntryOffset = 0x80000000;
    CheckEqual("the second lies outside", IoCheckEaBufferValidity(First, Bytes, &Error),
               STATUS_EA_LIST_INCONSISTENT);
    First->NextEntryOffset = 16;
    First->EaName[1] = 'B';
    CheckEqual("a name has no end", IoCheckEaBufferValidity(First, Bytes, &Error),
               STATUS_EA_LIST_INCONSISTENT);
    CheckEqual("nothing is no list", IoCheckEaBufferValidity(First, 0, &Error),
               STATUS_EA_LIST_INCONSISTENT);
}

static VOID TestQuotaList(VOID)
{
    static ULONGLONG Longs[16];
    PFILE_QUOTA_INFORMATION Quota = (PVOID)Longs;
    const ULONG Bytes = FIELD_OFFSET(FILE_QUOTA_INFORMATION, Sid) + RtlLengthRequiredSid(1);
    SID_IDENTIFIER_AUTHORITY World = {SECURITY_WORLD_SID_AUTHORITY};
    ULONG Error = 99;

    Quota->SidLength = RtlLengthRequiredSid(1);
    RtlInitializeSid(&Quota->Sid, &World, 1);
    CheckEqual("a quota is a list", IoCheckQuotaBufferValidity(Quota, Bytes, &Error), 0);
    CheckEqual("not if it does not fit", IoCheckQuotaBufferValidity(Quota, Bytes - 1, &Error),
               STATUS_QUOTA_LIST_INCONSISTENT);
    Quota->SidLength += 4;
    CheckEqual("or its SID has another length",
               IoCheckQuotaBufferValidity(Quota, sizeof Longs, &Error),
               STATUS_QUOTA_LIST_INCONSISTENT);
    Quota->SidLength -= 4;
    Quota->NextEntryOffset = 2;
    CheckEqual("or the next begins within", IoCheckQuotaBufferValidity(Quota, sizeof Longs, &Error),
               STATUS_QUOTA_LIST_INCONSISTENT);
    CheckEqual("which is said", Error, 0);
}

/* ---- Stream file objects ----------------------------------------------------------------------
 */

static VOID CheckHeard(PCSTR What, ULONG NowCleanups, ULONG NowCloses)
{
    Check(What, Creates == 0 && Cleanups == NowCleanups && Closes == NowCloses);
}

static VOID TestStreams(VOID)
{
    PFILE_OBJECT Stream, Other;
    HANDLE Handle = NULL;

    Creates = Cleanups = Closes = 0;
    Stream = IoCreateStreamFileObject(NULL, Device);
    Check("a stream is the device's",
          Stream->DeviceObject == Device && (Stream->Flags & FO_STREAM_FILE));
    CheckHeard("which hears a cleanup at once", 1, 0);
    Other = IoCreateStreamFileObjectLite(Stream, NULL);
    Check("one of a file is on its device", Other->DeviceObject == Device);
    ObDereferenceObject(Other);
    CheckHeard("a light one is closed without cleanup", 1, 1);
    ObDereferenceObject(Stream);
    CheckHeard("and the first closed", 1, 2);
    Stream = IoCreateStreamFileObjectEx(NULL, Device, &Handle);
    CheckHeard("one with a handle", 1, 2);
    ZwClose(Handle);
    CheckHeard("is cleaned up with it", 2, 2);
    CheckEqual("a file is from here", IoIsFileOriginRemote(Stream), FALSE);
    CheckEqual("or from elsewhere", IoSetFileOrigin(Stream, TRUE), 0);
    CheckEqual("if that is said", IoIsFileOriginRemote(Stream), TRUE);
    CheckEqual("once", IoSetFileOrigin(Stream, TRUE), STATUS_INVALID_PARAMETER_MIX);
    ObDereferenceObject(Stream);
    CheckHeard("and closed at the end", 2, 3);
    CheckEqual("nothing keeps the device open", Device->ReferenceCount, 0);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\FsTest");
    PIRP Irp = IoAllocateIrp(2, FALSE);
    NTSTATUS Status =
        IoCreateDevice(DriverObject, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    ULONG i;

    UNREFERENCED_PARAMETER(RegistryPath);
    if (!NT_SUCCESS(Status) || Irp == NULL)
        return STATUS_UNSUCCESSFUL;
    for (i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        DriverObject->MajorFunction[i] = Dispatch;
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    IoSetNextIrpStackLocation(Irp);
    TestThread(Irp);
    TestPriority(Irp);
    TestAccess(Irp);
    TestEaList();
    TestQuotaList();
    TestStreams();
    IoFreeIrp(Irp);
    IoDeleteDevice(Device);
    return FinishTests("fstest");
}
