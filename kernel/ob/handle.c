/*
 * Handles: small numbers that name objects in a table, each with the access it was given.
 *
 * Handle 4 is the table's first entry, 8 the second; free entries form a list. A kernel handle is
 * an entry of the System process's table with the top bit set, good in every process's context
 * but for kernel callers only. An object's HandleCount is the number of entries that point to it.
 */
#include "kernel/ob/callbacks.h"
#include "kernel/ob/handle.h"
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "sched/sched.h"

#define TAG_HANDLES     'ldnH'
#define FIRST_ENTRIES   64
#define MAXIMUM_ENTRIES 0x10000
#define NO_ENTRY        MAXULONG

PHANDLE_TABLE ObpKernelHandleTable;

/* ---- Tables ------------------------------------------------------------------------------------
 */

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

/* Makes the entries from First on free, and one list. */
static VOID ObpFreeEntries(HANDLE_ENTRY *Entries, ULONG First, ULONG Count)
{
    ULONG i;

    for (i = First; i < Count; i++) {
        Entries[i].Object = NULL;
        Entries[i].NextFree = i + 1 < Count ? i + 1 : NO_ENTRY;
    }
}

/* Doubles a table that has no free entry. The lock is held. */
static NTSTATUS ObpGrowTable(PHANDLE_TABLE Table)
{
    ULONG Count = Table->Count ? Table->Count * 2 : FIRST_ENTRIES;
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
    ObpFreeEntries(Entries, Table->Count, Count);
    Table->FirstFree = Table->Count;
    Table->Entries = Entries;
    Table->Count = Count;
    return STATUS_SUCCESS;
}

HANDLE_ENTRY *ObpFindEntry(PHANDLE_TABLE Table, ULONG_PTR Handle)
{
    ULONG_PTR Index = (Handle >> 2) - 1;

    if (Index >= Table->Count || Table->Entries[Index].Object == NULL)
        return NULL;
    return &Table->Entries[Index];
}

PHANDLE_TABLE ObpTableOf(HANDLE Handle, KPROCESSOR_MODE Mode, ULONG_PTR *Plain)
{
    *Plain = (ULONG_PTR)Handle;
    if (!ObIsKernelHandle(Handle))
        return ((PEPROCESS)KiGetCurrentProcess())->ObjectTable;
    *Plain &= ~KERNEL_HANDLE;
    return Mode == KernelMode ? ObpKernelHandleTable : NULL;
}

/* One that is good in every process (WDK: ObIsKernelHandle). IRQL: any. */
BOOLEAN NTAPI ObIsKernelHandle(HANDLE Handle)
{
    return ((ULONG_PTR)Handle & KERNEL_HANDLE) && !ObpIsPseudoHandle(Handle);
}

/* ---- New handles -------------------------------------------------------------------------------
 */

static VOID ObpCountHandle(PVOID Object)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);

    ObfReferenceObject(Object);
    InterlockedIncrement(&Header->HandleCount);
    InterlockedIncrement(&Header->Type->HandleCount);
}

static NTSTATUS ObpInsertEntry(PHANDLE_TABLE Table, const OBP_NEW_HANDLE *New, PULONG Index)
{
    HANDLE_ENTRY *Entry;
    NTSTATUS Status = STATUS_SUCCESS;

    ExAcquireFastMutex(&Table->Lock);
    if (Table->Closed)
        Status = STATUS_PROCESS_IS_TERMINATING;
    else if (Table->FirstFree == NO_ENTRY)
        Status = ObpGrowTable(Table);
    if (NT_SUCCESS(Status)) {
        *Index = Table->FirstFree;
        Entry = &Table->Entries[*Index];
        Table->FirstFree = Entry->NextFree;
        Entry->Object = New->Object;
        Entry->Access = New->Access;
        Entry->Attributes = New->Flags & OBP_HANDLE_ATTRIBUTES;
        ObpCountHandle(New->Object);
    }
    ExReleaseFastMutex(&Table->Lock);
    return Status;
}

/*
 * The same for an exclusive object, whose handles are all one process's (WDK: OBJECT_ATTRIBUTES,
 * OBJ_EXCLUSIVE). ObpNameLock makes the check and the new handle one step.
 */
static NTSTATUS ObpInsertExclusiveEntry(PHANDLE_TABLE Table, const OBP_NEW_HANDLE *New,
                                        PULONG Index)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(New->Object);
    PEPROCESS Process = (New->Flags & OBJ_KERNEL_HANDLE) ? PsInitialSystemProcess
                                                         : (PEPROCESS)KiGetCurrentProcess();
    NTSTATUS Status = STATUS_ACCESS_DENIED;

    if (New->Flags & OBJ_INHERIT)
        return STATUS_INVALID_PARAMETER;
    ExAcquireFastMutex(&ObpNameLock);
    if (Header->Owner == NULL || Header->Owner == Process) {
        Status = ObpInsertEntry(Table, New, Index);
        if (NT_SUCCESS(Status))
            Header->Owner = Process;
    }
    ExReleaseFastMutex(&ObpNameLock);
    return Status;
}

static NTSTATUS ObpMakeHandle(OBP_NEW_HANDLE *New, PHANDLE Handle)
{
    BOOLEAN Kernel = (New->Flags & OBJ_KERNEL_HANDLE) != 0;
    BOOLEAN Exclusive = (OBJECT_TO_HEADER(New->Object)->Flags & OBJECT_EXCLUSIVE) != 0;
    PHANDLE_TABLE Table =
        Kernel ? ObpKernelHandleTable : ((PEPROCESS)KiGetCurrentProcess())->ObjectTable;
    OBP_CALLS Calls;
    NTSTATUS Status;
    ULONG Index;

    if (Table == NULL)
        return STATUS_PROCESS_IS_TERMINATING;
    if ((New->Flags & OBJ_EXCLUSIVE) && !Exclusive)
        return STATUS_INVALID_PARAMETER;
    ObpCallBefore(New, &Calls);
    Status = Exclusive ? ObpInsertExclusiveEntry(Table, New, &Index)
                       : ObpInsertEntry(Table, New, &Index);
    if (NT_SUCCESS(Status))
        *Handle = (HANDLE)(((Index + 1) << 2) | (Kernel ? KERNEL_HANDLE : 0));
    ObpCallAfter(New, &Calls, Status);
    return Status;
}

NTSTATUS ObpDuplicateHandle(PVOID Object, ACCESS_MASK Access, ULONG Flags, PEPROCESS Source,
                            PHANDLE Handle)
{
    OBP_NEW_HANDLE New = {Object, ObpMapAccess(OBJECT_TO_HEADER(Object)->Type, Access), Flags,
                          Source};

    return ObpMakeHandle(&New, Handle);
}

NTSTATUS ObpCreateHandle(PVOID Object, ACCESS_MASK Access, ULONG Flags, PHANDLE Handle)
{
    return ObpDuplicateHandle(Object, Access, Flags, NULL, Handle);
}

/* What a new process has of its parent's handles: those marked so, under the same numbers. */
NTSTATUS ObpInheritHandles(PHANDLE_TABLE Parent, PHANDLE_TABLE Child)
{
    HANDLE_ENTRY *Entries = NULL;
    ULONG i;

    ASSERT(Child->Count == 0 && !Child->Closed);
    ExAcquireFastMutex(&Parent->Lock);
    Child->Count = Parent->Count;
    if (Child->Count)
        Entries = ExAllocatePoolWithTag(PagedPool, Child->Count * sizeof *Entries, TAG_HANDLES);
    if (Entries == NULL)
        Child->Count = 0;
    for (i = Child->Count; i-- > 0;) {
        const HANDLE_ENTRY *Entry = &Parent->Entries[i];
        Entries[i].Object = NULL;
        if (Entry->Object && (Entry->Attributes & OBJ_INHERIT) &&
            !(OBJECT_TO_HEADER(Entry->Object)->Flags & OBJECT_EXCLUSIVE)) {
            Entries[i] = *Entry;
            ObpCountHandle(Entry->Object);
        } else {
            Entries[i].NextFree = Child->FirstFree;
            Child->FirstFree = i;
        }
    }
    Child->Entries = Entries;
    i = Parent->Count;
    ExReleaseFastMutex(&Parent->Lock);
    return i && Entries == NULL ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

/* ---- The end of handles ------------------------------------------------------------------------
 */

/* Counts one handle less; the last one of an exclusive object makes it free for others. */
static BOOLEAN ObpIsLastHandle(POBJECT_HEADER Header)
{
    BOOLEAN Last, Exclusive = (Header->Flags & OBJECT_EXCLUSIVE) != 0;

    if (Exclusive)
        ExAcquireFastMutex(&ObpNameLock);
    Last = InterlockedDecrement(&Header->HandleCount) == 0;
    if (Exclusive) {
        if (Last)
            Header->Owner = NULL;
        ExReleaseFastMutex(&ObpNameLock);
    }
    InterlockedDecrement(&Header->Type->HandleCount);
    return Last;
}

/* One handle less: the type's Close after the last; a temporary object loses its name. */
static VOID ObpHandleClosed(PVOID Object)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);

    if (ObpIsLastHandle(Header)) {
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

/* Takes the entry out of its table. STATUS_HANDLE_NOT_CLOSABLE: it is protected. */
static NTSTATUS ObpTakeEntry(PHANDLE_TABLE Table, ULONG_PTR Plain, PVOID *Object)
{
    NTSTATUS Status = STATUS_SUCCESS;
    HANDLE_ENTRY *Entry;

    ExAcquireFastMutex(&Table->Lock);
    Entry = ObpFindEntry(Table, Plain);
    if (Entry == NULL)
        Status = STATUS_INVALID_HANDLE;
    else if (Entry->Attributes & OBJ_PROTECT_CLOSE)
        Status = STATUS_HANDLE_NOT_CLOSABLE;
    else
        *Object = ObpRemoveEntry(Table, Entry);
    ExReleaseFastMutex(&Table->Lock);
    return Status;
}

/*
 * Closes a handle. STATUS_INVALID_HANDLE, STATUS_HANDLE_NOT_CLOSABLE; but a driver that closes one
 * of the kernel's wrongly has lost track of what all drivers share (WDK: Bug Check 0x93).
 */
NTSTATUS NTAPI ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode)
{
    ULONG_PTR Plain;
    PHANDLE_TABLE Table = ObpTableOf(Handle, PreviousMode, &Plain);
    PVOID Object;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (ObpIsPseudoHandle(Handle))
        return STATUS_SUCCESS; /* they are no handles, and Windows lets them be closed */
    if (Table == NULL)
        return STATUS_INVALID_HANDLE;
    Status = ObpTakeEntry(Table, Plain, &Object);
    if (NT_SUCCESS(Status))
        ObpHandleClosed(Object);
    else if (Table == ObpKernelHandleTable)
        KeBugCheckEx(INVALID_KERNEL_HANDLE, (ULONG_PTR)Handle, Status == STATUS_INVALID_HANDLE, 0,
                     0);
    return Status;
}

/* Closes a handle (WDK: ZwClose). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtClose(HANDLE Handle)
{
    return ObCloseHandle(Handle, KiGetCurrentThread()->PreviousMode);
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
