/*
 * From names to handles: putting a new object where others find it, and finding one.
 *
 * Invariant: as long as a temporary object has a handle, it has its name. So a new object's handle
 * is made before its name, and the name goes only if, under the lock of all names, there is no
 * handle (ObpRemoveUnusedName). An opener that finds a name just before it goes, and gets its
 * handle just after, has come too late: it gives the handle back and has found nothing.
 */
#include "kernel/ob/ob.h"

/* Makes a handle for what a name has led to; the reference is taken over. */
static NTSTATUS ObpHandleForNamed(PVOID Object, ACCESS_MASK Access, ULONG Flags, PHANDLE Handle)
{
    NTSTATUS Status = ObpCreateHandle(Object, Access, Flags, Handle);

    if (NT_SUCCESS(Status) && !ObpHasName(Object)) {
        ObCloseHandle(*Handle, KernelMode);
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    }
    ObDereferenceObject(Object);
    return Status;
}

NTSTATUS ObpOpenObjectByName(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, ACCESS_MASK Access,
                             PHANDLE Handle)
{
    PVOID Object;
    NTSTATUS Status;

    if (Attributes->RootDirectory)
        return STATUS_NOT_SUPPORTED;
    if (Attributes->Name.Buffer == NULL)
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    Status = ObpOpenPath(&Attributes->Name, Type, NULL, &Object);
    if (!NT_SUCCESS(Status))
        return Status;
    return ObpHandleForNamed(Object, Access, Attributes->Flags, Handle);
}

/* Names an object that has a handle already. The handle may have been closed meanwhile. */
static NTSTATUS ObpNameObject(PVOID Object, PEX_ATTRIBUTES Attributes)
{
    NTSTATUS Status =
        ObpInsertName(&Attributes->Name, Object, (Attributes->Flags & OBJ_PERMANENT) != 0);

    ObpRemoveUnusedName(Object);
    return Status;
}

/* A handle for the object of that type that has the name already. */
static NTSTATUS ObpOpenOther(PEX_ATTRIBUTES Attributes, POBJECT_TYPE Type, ACCESS_MASK Access,
                             PHANDLE Handle)
{
    PVOID Object;
    NTSTATUS Status = ObpOpenToCreate(&Attributes->Name, Type, &Object);

    if (NT_SUCCESS(Status))
        Status = ObpHandleForNamed(Object, Access, Attributes->Flags, Handle);
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

    if (!NT_SUCCESS(Status) || Attributes->Name.Buffer == NULL)
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
    NTSTATUS Status = STATUS_NOT_SUPPORTED;

    if (Attributes->RootDirectory == NULL) {
        do /* the name was taken, but has gone when it was to be opened: try again */
            Status = ObpInsertNamed(Object, Attributes, Access, Handle);
        while (MayOpen && Status == STATUS_OBJECT_NAME_NOT_FOUND);
    }
    ObDereferenceObject(Object);
    return Status;
}
