/*
 * For the drivers that test memory: counting frames and promises, a process's memory, locked
 * buffers. User memory is the System process's own in DriverEntry.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <ntifs.h>

#define TAG_TEST 'tseT'

/* What the headers lack. */
typedef struct _USAGE {
    ULONG Other[11];
    ULONG AvailablePages, CommittedPages;
    ULONG Faults[15];
    ULONG PagedPoolPages, NonPagedPoolPages;
    ULONG More[48];
} USAGE;

NTSTATUS NTAPI ZwQuerySystemInformation(ULONG Class, PVOID Buffer, ULONG Length, PULONG Returned);

static inline USAGE QueryUsage(VOID)
{
    USAGE Usage = {0};
    ULONG Length;

    if (!NT_SUCCESS(ZwQuerySystemInformation(2, &Usage, sizeof Usage, &Length)))
        Usage.AvailablePages = 0;
    return Usage;
}

/* Are as many pages in use as before? A pool may have kept one, for small blocks it has at hand. */
static inline BOOLEAN SameUsage(const USAGE *Before)
{
    USAGE Now = QueryUsage();
    LONG Paged = (LONG)(Now.PagedPoolPages - Before->PagedPoolPages);
    LONG NonPaged = (LONG)(Now.NonPagedPoolPages - Before->NonPagedPoolPages);

    if (Now.AvailablePages + Paged + NonPaged == Before->AvailablePages &&
        Now.CommittedPages - Paged - NonPaged == Before->CommittedPages && Paged <= 1 &&
        NonPaged <= 1)
        return TRUE;
    DbgPrint("memory: available %lu, before %lu; committed %lu, before %lu; pools %+ld, %+ld\n",
             Now.AvailablePages, Before->AvailablePages, Now.CommittedPages, Before->CommittedPages,
             Paged, NonPaged);
    return FALSE;
}

static inline PUCHAR AllocateUser(PVOID Where, SIZE_T Size, ULONG Protect)
{
    if (!NT_SUCCESS(ZwAllocateVirtualMemory(NtCurrentProcess(), &Where, 0, &Size,
                                            MEM_RESERVE | MEM_COMMIT, Protect)))
        return NULL;
    return Where;
}

static inline NTSTATUS FreeUser(PVOID Base)
{
    SIZE_T Size = 0;

    return ZwFreeVirtualMemory(NtCurrentProcess(), &Base, &Size, MEM_RELEASE);
}

static inline PMDL LockBuffer(PVOID Buffer, ULONG Length, KPROCESSOR_MODE Mode,
                              LOCK_OPERATION Operation)
{
    PMDL Mdl = IoAllocateMdl(Buffer, Length, FALSE, FALSE, NULL);

    if (Mdl)
        MmProbeAndLockPages(Mdl, Mode, Operation);
    return Mdl;
}

static inline VOID UnlockAndFree(PMDL Mdl)
{
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
}

static inline BOOLEAN IsFilled(const UCHAR *Memory, SIZE_T Bytes, UCHAR Value)
{
    while (Bytes > 0) {
        if (Memory[--Bytes] != Value)
            return FALSE;
    }
    return TRUE;
}

#endif
