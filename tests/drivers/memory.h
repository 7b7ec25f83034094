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
    ULONG More[65];
} USAGE;

NTSTATUS NTAPI ZwQuerySystemInformation(ULONG Class, PVOID Buffer, ULONG Length, PULONG Returned);

static inline USAGE QueryUsage(VOID)
{
    USAGE Usage = {{0}, 0, 0, {0}};
    ULONG Length;

    if (!NT_SUCCESS(ZwQuerySystemInformation(2, &Usage, sizeof Usage, &Length)))
        Usage.AvailablePages = 0;
    return Usage;
}

static inline BOOLEAN SameUsage(const USAGE *Before)
{
    USAGE Now = QueryUsage();

    if (Now.AvailablePages == Before->AvailablePages &&
        Now.CommittedPages == Before->CommittedPages)
        return TRUE;
    DbgPrint("memory: available %lu, before %lu; committed %lu, before %lu\n", Now.AvailablePages,
             Before->AvailablePages, Now.CommittedPages, Before->CommittedPages);
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
