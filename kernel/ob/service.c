/*
 * What services that open or create an object have in common: only the type, and what the new
 * body is to hold, is different. Everything is checked and captured before anything is made.
 */
#include "kernel/ob/ob.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

NTSTATUS ObpReturnHandle(HANDLE Handle, PHANDLE UserHandle)
{
    NTSTATUS Status = ExCopyOut(UserHandle, &Handle, sizeof Handle);

    if (!NT_SUCCESS(Status))
        ObCloseHandle(Handle, KernelMode);
    return Status;
}

/* Nothing is to be released if it fails. */
static NTSTATUS ObpCaptureArguments(PHANDLE UserHandle, POBJECT_ATTRIBUTES ObjectAttributes,
                                    PEX_ATTRIBUTES Attributes)
{
    NTSTATUS Status = ExProbeOut(UserHandle, sizeof *UserHandle);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    return NT_SUCCESS(Status) ? ExCaptureAttributes(Attributes, ObjectAttributes) : Status;
}

NTSTATUS ObpOpenService(PHANDLE UserHandle, ACCESS_MASK Access, POBJECT_ATTRIBUTES ObjectAttributes,
                        POBJECT_TYPE Type)
{
    EX_ATTRIBUTES Attributes;
    HANDLE Handle;
    NTSTATUS Status = ObpCaptureArguments(UserHandle, ObjectAttributes, &Attributes);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpOpenObjectByName(&Attributes, Type, Access, &Handle);
    ExReleaseAttributes(&Attributes);
    return NT_SUCCESS(Status) ? ObpReturnHandle(Handle, UserHandle) : Status;
}

/* Fill gets Parameter, a handle what it has made. STATUS_OBJECT_NAME_EXISTS: see ObpInsertObject.
 */
NTSTATUS ObpCreateService(PHANDLE UserHandle, ACCESS_MASK Access,
                          POBJECT_ATTRIBUTES ObjectAttributes, POBJECT_TYPE Type, SIZE_T BodyBytes,
                          OBP_FILL_OBJECT *Fill, PVOID Parameter)
{
    EX_ATTRIBUTES Attributes;
    HANDLE Handle;
    PVOID Object;
    NTSTATUS Returned, Status = ObpCaptureArguments(UserHandle, ObjectAttributes, &Attributes);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpAllocateObject(Type, BodyBytes, &Object);
    if (NT_SUCCESS(Status)) {
        Fill(Object, Parameter);
        Status = ObpInsertObject(Object, &Attributes, Access, &Handle);
    }
    ExReleaseAttributes(&Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Returned = ObpReturnHandle(Handle, UserHandle);
    return NT_SUCCESS(Returned) ? Status : Returned;
}
