/*
 * From a handle or pointer to a referenced pointer, checked: what drivers begin with. The routines
 * whose names end in WithTag are the same: which driver has which reference is not kept.
 */
#include "kernel/ob/handle.h"
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"
#include "sched/sched.h"

/* The current process or thread; NULL: the handle is a real one. */
static PVOID ObpPseudoHandle(HANDLE Handle)
{
    if (Handle == CURRENT_PROCESS)
        return KiGetCurrentProcess();
    return Handle == CURRENT_THREAD ? KiGetCurrentThread() : NULL;
}

/* Finds and references what a handle names. */
static NTSTATUS ObpLookupHandle(HANDLE Handle, KPROCESSOR_MODE Mode, PVOID *Object,
                                POBJECT_HANDLE_INFORMATION Information)
{
    ULONG_PTR Plain;
    PHANDLE_TABLE Table;
    HANDLE_ENTRY *Entry;

    *Object = ObpPseudoHandle(Handle);
    if (*Object) {
        *Information = (OBJECT_HANDLE_INFORMATION){0, OBJECT_TO_HEADER(*Object)->Type->AllAccess};
        ObfReferenceObject(*Object);
        return STATUS_SUCCESS;
    }
    Table = ObpTableOf(Handle, Mode, &Plain);
    if (Table == NULL)
        return STATUS_INVALID_HANDLE;
    ExAcquireFastMutex(&Table->Lock);
    Entry = ObpFindEntry(Table, Plain);
    if (Entry) {
        *Object = Entry->Object;
        *Information = (OBJECT_HANDLE_INFORMATION){Entry->Attributes, Entry->Access};
        ObfReferenceObject(*Object);
    }
    ExReleaseFastMutex(&Table->Lock);
    return *Object ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/*
 * Turns a handle into a referenced pointer (WDK: ObReferenceObjectByHandle). IRQL: PASSIVE_LEVEL.
 * STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH, STATUS_ACCESS_DENIED (user callers only).
 */
NTSTATUS NTAPI ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess,
                                         POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                         PVOID *Object,
                                         POBJECT_HANDLE_INFORMATION HandleInformation)
{
    OBJECT_HANDLE_INFORMATION Found;
    NTSTATUS Status = ObpLookupHandle(Handle, AccessMode, Object, &Found);

    if (!NT_SUCCESS(Status))
        return Status;
    if (ObjectType && OBJECT_TO_HEADER(*Object)->Type != ObjectType)
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    else if (AccessMode != KernelMode && (DesiredAccess & ~Found.GrantedAccess))
        Status = STATUS_ACCESS_DENIED;
    if (!NT_SUCCESS(Status)) {
        ObfDereferenceObject(*Object);
        *Object = NULL;
    } else if (HandleInformation) {
        *HandleInformation = Found;
    }
    return Status;
}

NTSTATUS NTAPI ObReferenceObjectByHandleWithTag(HANDLE Handle, ACCESS_MASK DesiredAccess,
                                                POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                                ULONG Tag, PVOID *Object,
                                                POBJECT_HANDLE_INFORMATION HandleInformation)
{
    UNREFERENCED_PARAMETER(Tag);
    return ObReferenceObjectByHandle(Handle, DesiredAccess, ObjectType, AccessMode, Object,
                                     HandleInformation);
}

/*
 * References an object if it is of a type (WDK: ObReferenceObjectByPointer). A kernel caller may
 * leave the type out, but for symbolic links. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI ObReferenceObjectByPointer(PVOID Object, ACCESS_MASK DesiredAccess,
                                          POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(Object)->Type;

    UNREFERENCED_PARAMETER(DesiredAccess);
    if (Type != ObjectType &&
        (ObjectType || AccessMode != KernelMode || Type == ObpSymbolicLinkType))
        return STATUS_OBJECT_TYPE_MISMATCH;
    ObfReferenceObject(Object);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI ObReferenceObjectByPointerWithTag(PVOID Object, ACCESS_MASK DesiredAccess,
                                                 POBJECT_TYPE ObjectType,
                                                 KPROCESSOR_MODE AccessMode, ULONG Tag)
{
    UNREFERENCED_PARAMETER(Tag);
    return ObReferenceObjectByPointer(Object, DesiredAccess, ObjectType, AccessMode);
}

LONG_PTR FASTCALL ObfReferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    UNREFERENCED_PARAMETER(Tag);
    return ObfReferenceObject(Object);
}

LONG_PTR FASTCALL ObfDereferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    UNREFERENCED_PARAMETER(Tag);
    return ObfDereferenceObject(Object);
}

VOID NTAPI ObDereferenceObjectDeferDeleteWithTag(PVOID Object, ULONG Tag)
{
    UNREFERENCED_PARAMETER(Tag);
    ObDereferenceObjectDeferDelete(Object);
}

NTSTATUS ObpSetHandleAttributes(HANDLE Handle, KPROCESSOR_MODE Mode, ULONG Attributes)
{
    ULONG_PTR Plain;
    PHANDLE_TABLE Table = ObpTableOf(Handle, Mode, &Plain);
    HANDLE_ENTRY *Entry;

    if (Table == NULL || ObpIsPseudoHandle(Handle))
        return STATUS_INVALID_HANDLE;
    ExAcquireFastMutex(&Table->Lock);
    Entry = ObpFindEntry(Table, Plain);
    if (Entry)
        Entry->Attributes = Attributes & OBP_HANDLE_ATTRIBUTES;
    ExReleaseFastMutex(&Table->Lock);
    return Entry ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}
