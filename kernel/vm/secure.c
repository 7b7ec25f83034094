/*
 * Secured memory: ranges of a process that a driver has asked to stay accessible, whatever the
 * program wants (WDK: MmSecureVirtualMemory). A list in MM_SPACE, under its lock. Services ask
 * MiMayChange before they take pages away or change what may be done with them.
 */
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"

#define TAG_SECURE 'eSmM'

typedef struct _MI_SECURED {
    LIST_ENTRY ListEntry;
    ULONG_PTR Start, End; /* whole pages */
    BOOLEAN Write;        /* it stays writable, too */
} MI_SECURED, *PMI_SECURED;

static BOOLEAN MiAllows(ULONG Protection, BOOLEAN Write)
{
    return MiProtectionAllowsAccess(Protection) && (!Write || MiProtectionAllowsWrite(Protection));
}

BOOLEAN MiMayChange(PMM_SPACE Space, ULONG_PTR Start, ULONG_PTR End, ULONG Protection)
{
    PLIST_ENTRY Entry;

    for (Entry = Space->SecureList.Flink; Entry != &Space->SecureList; Entry = Entry->Flink) {
        PMI_SECURED Secured = CONTAINING_RECORD(Entry, MI_SECURED, ListEntry);
        if (Start < Secured->End && Secured->Start < End && !MiAllows(Protection, Secured->Write))
            return FALSE;
    }
    return TRUE;
}

VOID MiForgetSecured(PMM_SPACE Space)
{
    while (!IsListEmpty(&Space->SecureList))
        ExFreePoolWithTag(
            CONTAINING_RECORD(RemoveHeadList(&Space->SecureList), MI_SECURED, ListEntry),
            TAG_SECURE);
}

/* Is each page committed, and does it allow now what it is to allow? */
static BOOLEAN MiIsAccessible(PMM_SPACE Space, const MI_SECURED *Secured)
{
    ULONG_PTR Va;

    for (Va = Secured->Start; Va < Secured->End; Va += PAGE_SIZE) {
        PMMPTE Pte = MiUserPte(Space, Va);
        if (Pte == NULL || Pte->Long == 0 || MiFindVad(Space, Va) == NULL ||
            !MiAllows(MiProtectionOfPte(*Pte), Secured->Write))
            return FALSE;
    }
    return !Space->Deleted;
}

/*
 * Secures a range of the current process's: until it is unsecured, or the process ends, it is not
 * freed, and can be read or, with PAGE_READWRITE, written. What is the system's own is safe
 * already. NULL: it is not so now, or no memory. IRQL <= APC_LEVEL.
 */
HANDLE NTAPI MmSecureVirtualMemory(PVOID Address, SIZE_T Size, ULONG ProbeMode)
{
    ULONG_PTR Last = (ULONG_PTR)Address + Size - 1;
    PMM_SPACE Space = MmGetCurrentSpace();
    PMI_SECURED Secured;

    KI_ASSERT_IRQL(APC_LEVEL);
    if ((ProbeMode != PAGE_READONLY && ProbeMode != PAGE_READWRITE) || Size == 0 ||
        Last < (ULONG_PTR)Address)
        return NULL;
    if ((ULONG_PTR)Address >= MI_SYSTEM_BASE)
        return Address;
    if (Last > MI_HIGHEST_USER_ADDRESS)
        return NULL;
    Secured = ExAllocatePoolWithTag(NonPagedPool, sizeof *Secured, TAG_SECURE);
    if (Secured == NULL)
        return NULL;
    Secured->Start = (ULONG_PTR)PAGE_ALIGN(Address);
    Secured->End = (ULONG_PTR)PAGE_ALIGN(Last) + PAGE_SIZE;
    Secured->Write = ProbeMode == PAGE_READWRITE;
    ExAcquireFastMutex(&Space->Lock);
    if (MiIsAccessible(Space, Secured)) {
        InsertTailList(&Space->SecureList, &Secured->ListEntry);
    } else {
        ExFreePoolWithTag(Secured, TAG_SECURE);
        Secured = NULL;
    }
    ExReleaseFastMutex(&Space->Lock);
    return Secured;
}

/* Takes that back, in the same process (WDK: MmUnsecureVirtualMemory). What is not secured there,
 * or no more, is nothing. IRQL <= APC_LEVEL. */
VOID NTAPI MmUnsecureVirtualMemory(HANDLE SecureHandle)
{
    PMM_SPACE Space = MmGetCurrentSpace();
    PLIST_ENTRY Entry;

    KI_ASSERT_IRQL(APC_LEVEL);
    ExAcquireFastMutex(&Space->Lock);
    for (Entry = Space->SecureList.Flink; Entry != &Space->SecureList; Entry = Entry->Flink) {
        PMI_SECURED Secured = CONTAINING_RECORD(Entry, MI_SECURED, ListEntry);
        if (Secured != SecureHandle)
            continue;
        RemoveEntryList(Entry);
        ExFreePoolWithTag(Secured, TAG_SECURE);
        break;
    }
    ExReleaseFastMutex(&Space->Lock);
}
