/*
 * Handles: small numbers that name objects in a table, each with the access it was given.
 *
 * Handle 4 is the table's first entry, 8 the second; free entries form a list. A kernel handle is
 * an entry of the System process's table with the top bit set, good in every process's context
 * but for kernel callers only.
 */
#include "kernel/ob/ob.h"
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

#define TAG_HANDLES     'ldnH'
#define KERNEL_HANDLE   0x80000000
#define FIRST_ENTRIES   64
#define MAXIMUM_ENTRIES 0x10000
#define NO_ENTRY        MAXULONG
#define CURRENT_PROCESS ((HANDLE)(LONG_PTR)-1)
#define CURRENT_THREAD  ((HANDLE)(LONG_PTR)-2)

typedef struct _HANDLE_ENTRY {
    PVOID Object; /* NULL: free */
    union {
        ACCESS_MASK Access;
        ULONG NextFree;
    };
} HANDLE_ENTRY;

struct _HANDLE_TABLE {
    FAST_MUTEX Lock;
    HANDLE_ENTRY *Entries; /* paged pool */
    ULONG Count;
    ULONG FirstFree;
    BOOLEAN Closed; /* for good: its process ends */
};

PHANDLE_TABLE ObpKernelHandleTable;

PHANDLE_TABLE ObpCreateHandleTable(VOID)
{
    PHANDLE_TABLE Table = ExAllocatePoolWithTag(NonPagedPool, sizeof *Table, TAG_HANDLES);

    if (Table) {
        memset(Table, 0, sizeof *Table);
        ExInitializeFastMutex(&Table->Lock);
        Table->FirstFree = NO_ENTRY;
    }
    return Table;
}

/* Doubles a table that has no free entry. The lock is held. */
static NTSTATUS ObpGrowTable(PHANDLE_TABLE Table)
{
    ULONG Count = Table->Count ? Table->Count * 2 : FIRST_ENTRIES, i;
    HANDLE_ENTRY *Entries;

    if (Count > MAXIMUM_ENTRIES)
        return STATUS_INSUFFICIENT_RESOURCES;
    Entries = ExAllocatePoolWithTag(PagedPool, Count * sizeof *Entries, TAG_HANDLES);
    if (Entries == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Table->Entries) {
        memcpy(Entries, Table->Entries, Table->Count * sizeof *Entries);
        ExFreePoolWithTag(Table->Entries, TAG_HANDLES);
    }
    for (i = Table->Count; i < Count; i++) {
        Entries[i].Object = NULL;
        Entries[i].NextFree = i + 1 < Count ? i + 1 : NO_ENTRY;
    }
    Table->FirstFree = Table->Count;
    Table->Entries = Entries;
    Table->Count = Count;
    return STATUS_SUCCESS;
}

/* The entry of a handle that is in use, or NULL. The low two bits are the caller's to use. The lock
 * is held. */
static HANDLE_ENTRY *ObpFindEntry(PHANDLE_TABLE Table, ULONG_PTR Handle)
{
    ULONG_PTR Index = (Handle >> 2) - 1;

    if (Index >= Table->Count || Table->Entries[Index].Object == NULL)
        return NULL;
    return &Table->Entries[Index];
}

/* The table a handle belongs to, and the handle without its mark. NULL: not for this caller. */
static PHANDLE_TABLE ObpTableOf(HANDLE Handle, KPROCESSOR_MODE Mode, ULONG_PTR *Plain)
{
    *Plain = (ULONG_PTR)Handle;
    if (!(*Plain & KERNEL_HANDLE))
        return ((PEPROCESS)KiGetCurrentProcess())->ObjectTable;
    *Plain &= ~KERNEL_HANDLE;
    return Mode == KernelMode ? ObpKernelHandleTable : NULL;
}

NTSTATUS ObpCreateHandle(PVOID Object, ACCESS_MASK Access, ULONG Flags, PHANDLE Handle)
{
    BOOLEAN Kernel = (Flags & OBJ_KERNEL_HANDLE) != 0;
    PHANDLE_TABLE Table =
        Kernel ? ObpKernelHandleTable : ((PEPROCESS)KiGetCurrentProcess())->ObjectTable;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Index;

    if (Table == NULL)
        return STATUS_PROCESS_IS_TERMINATING;
    ExAcquireFastMutex(&Table->Lock);
    if (Table->Closed)
        Status = STATUS_PROCESS_IS_TERMINATING;
    else if (Table->FirstFree == NO_ENTRY)
        Status = ObpGrowTable(Table);
    if (NT_SUCCESS(Status)) {
        Index = Table->FirstFree;
        Table->FirstFree = Table->Entries[Index].NextFree;
        Table->Entries[Index].Object = Object;
        Table->Entries[Index].Access = Access;
        ObfReferenceObject(Object);
        InterlockedIncrement(&OBJECT_TO_HEADER(Object)->HandleCount);
        *Handle = (HANDLE)(((Index + 1) << 2) | (Kernel ? KERNEL_HANDLE : 0));
    }
    ExReleaseFastMutex(&Table->Lock);
    return Status;
}

/* One handle less: the type's Close after the last; a temporary object loses its name. */
static VOID ObpHandleClosed(PVOID Object)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);

    if (InterlockedDecrement(&Header->HandleCount) == 0) {
        if (Header->Type->Close)
            Header->Type->Close(Object);
        ObpRemoveUnusedName(Object);
    }
    ObfDereferenceObject(Object);
}

static PVOID ObpRemoveEntry(PHANDLE_TABLE Table, HANDLE_ENTRY *Entry)
{
    PVOID Object = Entry->Object;

    Entry->Object = NULL;
    Entry->NextFree = Table->FirstFree;
    Table->FirstFree = (ULONG)(Entry - Table->Entries);
    return Object;
}

static NTSTATUS ObpCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode)
{
    ULONG_PTR Plain;
    PHANDLE_TABLE Table = ObpTableOf(Handle, Mode, &Plain);
    HANDLE_ENTRY *Entry;
    PVOID Object = NULL;

    if (Handle == CURRENT_PROCESS || Handle == CURRENT_THREAD)
        return STATUS_SUCCESS; /* they are no handles, and Windows lets them be closed */
    if (Table == NULL)
        return STATUS_INVALID_HANDLE;
    ExAcquireFastMutex(&Table->Lock);
    Entry = ObpFindEntry(Table, Plain);
    if (Entry)
        Object = ObpRemoveEntry(Table, Entry);
    ExReleaseFastMutex(&Table->Lock);
    if (Object == NULL)
        return STATUS_INVALID_HANDLE;
    ObpHandleClosed(Object);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI NtClose(HANDLE Handle)
{
    return ObpCloseHandle(Handle, KiGetCurrentThread()->PreviousMode);
}

NTSTATUS NTAPI ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode)
{
    return ObpCloseHandle(Handle, PreviousMode);
}

/*
 * Closes all handles, and lets none be made any more. The table itself stays for those who are just
 * looking at it: a driver's thread may be attached to the process that ends.
 */
VOID ObpCloseHandleTable(PHANDLE_TABLE Table)
{
    HANDLE_ENTRY *Entries;
    ULONG Count, i;

    ExAcquireFastMutex(&Table->Lock);
    Entries = Table->Entries;
    Count = Table->Count;
    Table->Entries = NULL;
    Table->Count = 0;
    Table->FirstFree = NO_ENTRY;
    Table->Closed = TRUE;
    ExReleaseFastMutex(&Table->Lock);
    for (i = 0; i < Count; i++) {
        if (Entries[i].Object)
            ObpHandleClosed(Entries[i].Object);
    }
    if (Entries)
        ExFreePoolWithTag(Entries, TAG_HANDLES);
}

/* For the last one who knows the table. */
VOID ObpDeleteHandleTable(PHANDLE_TABLE Table)
{
    ObpCloseHandleTable(Table);
    ExFreePoolWithTag(Table, TAG_HANDLES);
}

/* -1 and -2 stand for the current process and thread. */
static PVOID ObpPseudoHandle(HANDLE Handle)
{
    if (Handle == CURRENT_PROCESS)
        return KiGetCurrentProcess();
    return Handle == CURRENT_THREAD ? KiGetCurrentThread() : NULL;
}

/* Finds and references what a handle names; its access in *Granted. */
static NTSTATUS ObpLookupHandle(HANDLE Handle, KPROCESSOR_MODE Mode, PVOID *Object,
                                ACCESS_MASK *Granted)
{
    ULONG_PTR Plain;
    PHANDLE_TABLE Table;
    HANDLE_ENTRY *Entry;

    *Object = ObpPseudoHandle(Handle);
    if (*Object) {
        *Granted = OBJECT_TO_HEADER(*Object)->Type->AllAccess;
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
        *Granted = Entry->Access;
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
                                         PVOID *Object, POBJECT_HANDLE_INFORMATION Information)
{
    ACCESS_MASK Granted = 0;
    NTSTATUS Status = ObpLookupHandle(Handle, AccessMode, Object, &Granted);

    if (!NT_SUCCESS(Status))
        return Status;
    if (ObjectType && OBJECT_TO_HEADER(*Object)->Type != ObjectType)
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    else if (AccessMode != KernelMode && (DesiredAccess & ~Granted))
        Status = STATUS_ACCESS_DENIED;
    if (!NT_SUCCESS(Status)) {
        ObfDereferenceObject(*Object);
        *Object = NULL;
    } else if (Information) {
        Information->HandleAttributes = 0;
        Information->GrantedAccess = Granted;
    }
    return Status;
}
