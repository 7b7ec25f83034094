/*
 * NtCreateUserProcess: a program makes a process.
 */
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"

#define ATTRIBUTE_CLIENT_ID  0x00010003 /* out: CLIENT_ID of the first thread */
#define ATTRIBUTE_IMAGE_NAME 0x00020005 /* in: the NT path of the image file */
#define ATTRIBUTE_LIMIT      16

typedef struct _PS_ATTRIBUTE {
    ULONG Attribute;
    SIZE_T Size;
    ULONG_PTR Value;
    PSIZE_T ReturnLength;
} PS_ATTRIBUTE;

/* What a creation needs of its caller's arguments, captured. */
typedef struct _PSP_CREATION {
    UNICODE_STRING ImagePath;
    UNICODE_STRING CommandLine;
    PCLIENT_ID ClientId; /* the caller's */
    ACCESS_MASK ProcessAccess, ThreadAccess;
    ULONG ProcessFlags, ThreadFlags; /* of the handles: OBJ_xxx */
    BOOLEAN Inherit;                 /* what handles are marked so */
} PSP_CREATION;

#define PROCESS_CREATE_FLAGS_INHERIT_HANDLES 4

static NTSTATUS PspCaptureAttribute(const PS_ATTRIBUTE *Attribute, PSP_CREATION *Creation)
{
    UNICODE_STRING Name;

    switch (Attribute->Attribute) {
    case ATTRIBUTE_IMAGE_NAME:
        if (Creation->ImagePath.Buffer || Attribute->Size > MAXUSHORT)
            return STATUS_INVALID_PARAMETER;
        Name.Length = Name.MaximumLength = (USHORT)Attribute->Size;
        Name.Buffer = (PWSTR)Attribute->Value;
        return ExCaptureStringText(&Creation->ImagePath, &Name);
    case ATTRIBUTE_CLIENT_ID:
        if (Attribute->Size != sizeof(CLIENT_ID))
            return STATUS_INFO_LENGTH_MISMATCH;
        Creation->ClientId = (PCLIENT_ID)Attribute->Value;
        return ExProbeOut(Creation->ClientId, sizeof(CLIENT_ID));
    default:
        return STATUS_NOT_SUPPORTED;
    }
}

static NTSTATUS PspCaptureAttributes(PVOID List, PSP_CREATION *Creation)
{
    PS_ATTRIBUTE Attribute;
    SIZE_T Total, Offset;
    NTSTATUS Status;

    if (List == NULL)
        return STATUS_INVALID_PARAMETER;
    Status = ExCopyIn(&Total, List, sizeof Total);
    if (NT_SUCCESS(Status) && Total > sizeof Total + ATTRIBUTE_LIMIT * sizeof Attribute)
        Status = STATUS_INVALID_PARAMETER;
    for (Offset = sizeof Total;
         NT_SUCCESS(Status) && Total >= sizeof Attribute && Offset <= Total - sizeof Attribute;
         Offset += sizeof Attribute) {
        Status = ExCopyIn(&Attribute, (PUCHAR)List + Offset, sizeof Attribute);
        if (NT_SUCCESS(Status))
            Status = PspCaptureAttribute(&Attribute, Creation);
    }
    if (NT_SUCCESS(Status) && Creation->ImagePath.Buffer == NULL)
        Status = STATUS_INVALID_PARAMETER;
    return Status;
}

static NTSTATUS PspCaptureCreation(RTL_USER_PROCESS_PARAMETERS *Parameters, PVOID List,
                                   PSP_CREATION *Creation)
{
    NTSTATUS Status = PspCaptureAttributes(List, Creation);

    if (NT_SUCCESS(Status) && Parameters)
        Status = ExCaptureString(&Creation->CommandLine, &Parameters->CommandLine);
    return Status;
}

NTSTATUS PspCaptureHandleFlags(POBJECT_ATTRIBUTES ObjectAttributes, PULONG Flags)
{
    EX_ATTRIBUTES Attributes;
    NTSTATUS Status = ExCaptureAttributes(&Attributes, ObjectAttributes);

    if (!NT_SUCCESS(Status))
        return Status;
    *Flags = Attributes.Flags & (OBJ_INHERIT | OBJ_KERNEL_HANDLE);
    ExReleaseAttributes(&Attributes);
    return STATUS_SUCCESS;
}

/* The process's own handles, then two of it, or none. */
static NTSTATUS PspCreateHandles(const PSP_CREATION *Creation, PEPROCESS Process, PETHREAD Thread,
                                 HANDLE Handles[2])
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (Creation->Inherit)
        Status = ObpInheritHandles(PspCurrentProcess()->ObjectTable, Process->ObjectTable);
    if (NT_SUCCESS(Status))
        Status =
            ObpCreateHandle(Process, Creation->ProcessAccess, Creation->ProcessFlags, &Handles[0]);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpCreateHandle(Thread, Creation->ThreadAccess, Creation->ThreadFlags, &Handles[1]);
    if (!NT_SUCCESS(Status))
        ObCloseHandle(Handles[0], KernelMode);
    return Status;
}

static NTSTATUS PspRunCreation(PSP_CREATION *Creation, PHANDLE ProcessHandle, PHANDLE ThreadHandle)
{
    HANDLE Handles[2];
    CLIENT_ID ClientId;
    PEPROCESS Process;
    PETHREAD Thread;
    NTSTATUS Status = PspCreateFromFile(&Creation->ImagePath,
                                        Creation->CommandLine.Buffer ? &Creation->CommandLine
                                                                     : &Creation->ImagePath,
                                        PspCurrentProcess()->UniqueProcessId, &Process, &Thread);

    if (!NT_SUCCESS(Status))
        return Status;
    ClientId = Thread->Cid;
    Status = PspCreateHandles(Creation, Process, Thread, Handles);
    if (NT_SUCCESS(Status))
        PspStartThread(Thread);
    else
        PspDiscardUnstarted(Thread);
    ObDereferenceObject(Thread);
    ObDereferenceObject(Process);
    if (!NT_SUCCESS(Status))
        return Status;
    /* The three were found writable; if that has changed, the caller has lost its own memory. */
    ExCopyOut(ProcessHandle, &Handles[0], sizeof(HANDLE));
    ExCopyOut(ThreadHandle, &Handles[1], sizeof(HANDLE));
    if (Creation->ClientId)
        ExCopyOut(Creation->ClientId, &ClientId, sizeof ClientId);
    return STATUS_SUCCESS;
}

/*
 * Creates a process from an image file and starts it (undocumented, but well known). Of the flags
 * there is PROCESS_CREATE_FLAGS_INHERIT_HANDLES; CreateInfo is not used. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtCreateUserProcess(
    PHANDLE ProcessHandle, PHANDLE ThreadHandle, ACCESS_MASK ProcessDesiredAccess,
    ACCESS_MASK ThreadDesiredAccess, POBJECT_ATTRIBUTES ProcessObjectAttributes,
    POBJECT_ATTRIBUTES ThreadObjectAttributes, ULONG ProcessFlags, ULONG ThreadFlags,
    RTL_USER_PROCESS_PARAMETERS *ProcessParameters, PVOID CreateInfo, PVOID AttributeList)
{
    PSP_CREATION Creation = {.ProcessAccess = ProcessDesiredAccess,
                             .ThreadAccess = ThreadDesiredAccess,
                             .Inherit = ProcessFlags != 0};
    NTSTATUS Status;

    if ((ProcessFlags & ~PROCESS_CREATE_FLAGS_INHERIT_HANDLES) || ThreadFlags || CreateInfo)
        return STATUS_INVALID_PARAMETER;
    Status = ExProbeOut(ProcessHandle, sizeof(HANDLE));
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(ThreadHandle, sizeof(HANDLE));
    if (NT_SUCCESS(Status))
        Status = PspCaptureHandleFlags(ProcessObjectAttributes, &Creation.ProcessFlags);
    if (NT_SUCCESS(Status))
        Status = PspCaptureHandleFlags(ThreadObjectAttributes, &Creation.ThreadFlags);
    if (NT_SUCCESS(Status))
        Status = PspCaptureCreation(ProcessParameters, AttributeList, &Creation);
    if (NT_SUCCESS(Status))
        Status = PspRunCreation(&Creation, ProcessHandle, ThreadHandle);
    ExReleaseString(&Creation.ImagePath);
    ExReleaseString(&Creation.CommandLine);
    return Status;
}
