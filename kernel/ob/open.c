/*
 * From names to handles: putting a new object where others find it, and finding one.
 *
 * Invariant: as long as a temporary object has a handle, it has its name. So a new object's handle
 * is made before its name, and the name goes only if, under the lock of all names, there is no
 * handle (ObpRemoveUnusedName). An opener that finds a name just before it goes, and gets its
 * handle just after, has come too late: it gives the handle back and has found nothing.
 */
#include "kernel/ob/name.h"
#include "kernel/ob/security.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

/* Can a path lead to the object? To the root always, which is in no directory. */
static BOOLEAN ObpHasName(PVOID Object)
{
    BOOLEAN Named;

    ExAcquireFastMutex(&ObpNameLock);
    Named = OBJECT_TO_HEADER(Object)->Entry != NULL || Object == ObpRoot;
    ExReleaseFastMutex(&ObpNameLock);
    return Named;
}

/* Makes a handle for what a name has led to; the reference is taken over. */
static NTSTATUS ObpHandleForNamed(PVOID Object, BOOLEAN Named, ACCESS_MASK Access,
                                  PEX_ATTRIBUTES Attributes, PHANDLE Handle)
{
    NTSTATUS Status = ObpCheckAccess(Object, ObpCheckedMode(Attributes), &Access);

    if (NT_SUCCESS(Status))
        Status = ObpCreateHandle(Object, Access, Attributes->Flags, Handle);
    if (NT_SUCCESS(Status) && Named && !ObpHasName(Object)) {
        ObCloseHandle(*Handle, KernelMode);
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    }
    ObDereferenceObject(Object);
    return Status;
}

/* A handle for what a path leads to. */
NTSTATUS ObpOpenObjectByName(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, ACCESS_MASK Access,
                             PHANDLE Handle)
{
    OB_OPEN_CONTEXT Context = {.DesiredAccess = Access};
    OBP_LOOKUP Lookup;
    PVOID Object;
    NTSTATUS Status = ObpBeginLookup(&Lookup, Attributes, Type, &Context);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpRunLookup(&Lookup, &Object);
    ObpEndLookup(&Lookup);
    if (!NT_SUCCESS(Status))
        return Status;
    return ObpHandleForNamed(Object, Lookup.Named, Access, Attributes, Handle);
}

/* ---- New objects -------------------------------------------------------------------------------
 */

/* Names an object that has a handle already. The handle may have been closed meanwhile. */
static NTSTATUS ObpNameObject(PVOID Object, PEX_ATTRIBUTES Attributes)
{
    NTSTATUS Status = ObpInsertNameByAttributes(Attributes, Object);

    ObpRemoveUnusedName(Object);
    return Status;
}

/* A handle for the object of that type that has the name already. */
static NTSTATUS ObpOpenOther(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, ACCESS_MASK Access,
                             PHANDLE Handle)
{
    PVOID Object;
    NTSTATUS Status = ObpOpenToCreate(Attributes, Type, &Object);

    if (NT_SUCCESS(Status))
        Status = ObpHandleForNamed(Object, TRUE, Access, Attributes, Handle);
    return NT_SUCCESS(Status) ? STATUS_OBJECT_NAME_EXISTS : Status;
}

/*
 * Makes the handle, then the name. If the name is taken, and that is welcome: the other's handle.
 * STATUS_OBJECT_NAME_NOT_FOUND: what had the name has gone meanwhile.
 */
static NTSTATUS ObpInsertNamed(PVOID Object, PEX_ATTRIBUTES Attributes, ACCESS_MASK Access,
                               PHANDLE Handle)
{
    NTSTATUS Status = ObpCreateHandle(Object, Access, Attributes->Flags, Handle);

    if (!NT_SUCCESS(Status) || Attributes->Name.Length == 0)
        return Status;
    Status = ObpNameObject(Object, Attributes);
    if (NT_SUCCESS(Status))
        return Status;
    ObCloseHandle(*Handle, KernelMode);
    if (Status != STATUS_OBJECT_NAME_COLLISION || !(Attributes->Flags & OBJ_OPENIF))
        return Status;
    return ObpOpenOther(Attributes, OBJECT_TO_HEADER(Object)->Type, Access, Handle);
}

NTSTATUS ObpInsertObject(PVOID Object, PEX_ATTRIBUTES Attributes, ACCESS_MASK Access,
                         PHANDLE Handle)
{
    BOOLEAN MayOpen = (Attributes->Flags & OBJ_OPENIF) != 0;
    NTSTATUS Status = STATUS_SUCCESS;

    if (Attributes->Descriptor)
        Status = ObpAssignDescriptor(Object, Attributes->Descriptor);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(Object);
        return Status;
    }
    if (Attributes->Flags & OBJ_EXCLUSIVE)
        OBJECT_TO_HEADER(Object)->Flags |= OBJECT_EXCLUSIVE;
    do /* the name was taken, but has gone when it was to be opened: try again */
        Status = ObpInsertNamed(Object, Attributes, Access, Handle);
    while (MayOpen && Status == STATUS_OBJECT_NAME_NOT_FOUND);
    ObDereferenceObject(Object);
    return Status;
}

/* ---- For drivers -------------------------------------------------------------------------------
 */

/* Attributes of a driver's, or of a program's that a driver passes on. Release them. */
static NTSTATUS ObpTakeAttributes(POBJECT_ATTRIBUTES From, KPROCESSOR_MODE Mode,
                                  PEX_ATTRIBUTES Attributes)
{
    if (Mode != KernelMode)
        return ExCaptureAttributes(Attributes, From);
    return ExTakeKernelAttributes(Attributes, From);
}

/* The rights that a caller asks for, in one way or another. */
static ACCESS_MASK ObpAskedAccess(PACCESS_STATE AccessState, ACCESS_MASK DesiredAccess)
{
    if (AccessState)
        DesiredAccess |= AccessState->RemainingDesiredAccess | AccessState->PreviouslyGrantedAccess;
    return DesiredAccess;
}

/* A handle for what a name leads to (undocumented, but well known). IRQL: PASSIVE_LEVEL. What
 * ParseContext would be, the types' own rooms know: here it is not used. */
NTSTATUS NTAPI ObOpenObjectByName(POBJECT_ATTRIBUTES ObjectAttributes, POBJECT_TYPE ObjectType,
                                  KPROCESSOR_MODE AccessMode, PACCESS_STATE PassedAccessState,
                                  ACCESS_MASK DesiredAccess, PVOID ParseContext, PHANDLE Handle)
{
    EX_ATTRIBUTES Attributes;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(ParseContext);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *Handle = NULL;
    if (ObjectAttributes == NULL)
        return STATUS_INVALID_PARAMETER;
    Status = ObpTakeAttributes(ObjectAttributes, AccessMode, &Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpOpenObjectByName(&Attributes, ObjectType,
                                 ObpAskedAccess(PassedAccessState, DesiredAccess), Handle);
    ExReleaseAttributes(&Attributes);
    return Status;
}

/*
 * References what a name leads to (in the headers, undocumented, but well known): a driver object,
 * a device object. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI ObReferenceObjectByName(PUNICODE_STRING ObjectName, ULONG Attributes,
                                       PACCESS_STATE PassedAccessState, ACCESS_MASK DesiredAccess,
                                       POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                       PVOID ParseContext, PVOID *Object)
{
    OB_OPEN_CONTEXT Context = {.DesiredAccess = ObpAskedAccess(PassedAccessState, DesiredAccess)};
    EX_ATTRIBUTES Captured = {.Flags = Attributes, .Mode = AccessMode};
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(ParseContext);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *Object = NULL;
    if (ObjectName == NULL || ObjectName->Length == 0)
        return STATUS_OBJECT_NAME_INVALID;
    if (AccessMode == KernelMode) {
        Captured.Name = *ObjectName;
        return ObpOpenByAttributes(&Captured, ObjectType, &Context, Object);
    }
    Status = ExCaptureString(&Captured.Name, ObjectName);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpOpenByAttributes(&Captured, ObjectType, &Context, Object);
    ExReleaseAttributes(&Captured);
    return Status;
}

/* A handle for an object that the caller has a pointer to (WDK: ObOpenObjectByPointer). */
NTSTATUS NTAPI ObOpenObjectByPointer(PVOID Object, ULONG HandleAttributes,
                                     PACCESS_STATE PassedAccessState, ACCESS_MASK DesiredAccess,
                                     POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                     PHANDLE Handle)
{
    NTSTATUS Status = ObReferenceObjectByPointer(Object, 0, ObjectType, AccessMode);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *Handle = NULL;
    if (!NT_SUCCESS(Status))
        return Status;
    if (AccessMode != KernelMode)
        HandleAttributes &= ~OBJ_KERNEL_HANDLE;
    if (HandleAttributes & OBJ_FORCE_ACCESS_CHECK)
        AccessMode = UserMode;
    DesiredAccess = ObpAskedAccess(PassedAccessState, DesiredAccess);
    Status = ObpCheckAccess(Object, AccessMode, &DesiredAccess);
    if (NT_SUCCESS(Status))
        Status =
            ObpCreateHandle(Object, DesiredAccess, HandleAttributes & ~OBJ_PROTECT_CLOSE, Handle);
    ObDereferenceObject(Object);
    return Status;
}

NTSTATUS NTAPI ObOpenObjectByPointerWithTag(PVOID Object, ULONG HandleAttributes,
                                            PACCESS_STATE PassedAccessState,
                                            ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                            KPROCESSOR_MODE AccessMode, ULONG Tag, PHANDLE Handle)
{
    UNREFERENCED_PARAMETER(Tag);
    return ObOpenObjectByPointer(Object, HandleAttributes, PassedAccessState, DesiredAccess,
                                 ObjectType, AccessMode, Handle);
}
