/*
 * Who is told of new and ended processes and threads, and of images (WDK:
 * PsSetCreateProcessNotifyRoutine and its kin). All routines are called at PASSIVE_LEVEL, in a
 * critical region, without a lock.
 *
 * PspNotifyLock (fast mutex) guards which places are taken. A place's run-down protection keeps its
 * routine registered while it is called; removing it waits for that to end.
 */
#include "kernel/ps/notify.h"
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define NOTIFY_PLACES 64

typedef struct _PSP_NOTIFY {
    EX_RUNDOWN_REF Rundown;
    PVOID volatile Routine;    /* NULL: the place is free */
    volatile BOOLEAN Extended; /* set before Routine is */
    BOOLEAN Leaving;           /* it is being removed: not found any more */
} PSP_NOTIFY;

typedef struct _PSP_NOTIFY_LIST {
    ULONG volatile Used; /* no place from here on was ever taken */
    PSP_NOTIFY Places[NOTIFY_PLACES];
} PSP_NOTIFY_LIST;

static FAST_MUTEX PspNotifyLock;
static PSP_NOTIFY_LIST PspProcessList, PspThreadList, PspImageList;

VOID PspInitializeNotify(VOID)
{
    ExInitializeFastMutex(&PspNotifyLock);
}

/* ---- Registration ------------------------------------------------------------------------------
 */

/* The place of a routine, or, for NULL, a free one. PspNotifyLock is held. */
static PSP_NOTIFY *PspFindPlace(PSP_NOTIFY_LIST *List, PVOID Routine, BOOLEAN Extended)
{
    ULONG i;

    for (i = 0; i < NOTIFY_PLACES; i++) {
        PSP_NOTIFY *Place = &List->Places[i];
        if (Place->Routine == Routine && !Place->Leaving &&
            (Routine == NULL || Place->Extended == Extended))
            return Place;
    }
    return NULL;
}

/* Once: the same routine is not taken again. FALSE: it is not taken, or there is no place. */
static BOOLEAN PspAddRoutine(PSP_NOTIFY_LIST *List, PVOID Routine, BOOLEAN Extended, BOOLEAN Once)
{
    PSP_NOTIFY *Place = NULL;

    KI_ASSERT_IRQL(APC_LEVEL);
    ASSERT(Routine);
    ExAcquireFastMutex(&PspNotifyLock);
    if (!Once || PspFindPlace(List, Routine, Extended) == NULL)
        Place = PspFindPlace(List, NULL, FALSE);
    if (Place) {
        Place->Extended = Extended;
        Place->Routine = Routine;
        List->Used = max(List->Used, (ULONG)(Place - List->Places) + 1);
    }
    ExReleaseFastMutex(&PspNotifyLock);
    return Place != NULL;
}

/* Returns when the routine is not running any more. So it may not be called by the routine. */
static NTSTATUS PspRemoveRoutine(PSP_NOTIFY_LIST *List, PVOID Routine, BOOLEAN Extended)
{
    PSP_NOTIFY *Place;

    KI_ASSERT_IRQL(APC_LEVEL);
    ASSERT(Routine);
    ExAcquireFastMutex(&PspNotifyLock);
    Place = PspFindPlace(List, Routine, Extended);
    if (Place)
        Place->Leaving = TRUE;
    ExReleaseFastMutex(&PspNotifyLock);
    if (Place == NULL)
        return STATUS_PROCEDURE_NOT_FOUND;
    ExWaitForRundownProtectionRelease(&Place->Rundown);
    ExAcquireFastMutex(&PspNotifyLock);
    Place->Routine = NULL;
    Place->Leaving = FALSE;
    ExReInitializeRundownProtection(&Place->Rundown);
    ExReleaseFastMutex(&PspNotifyLock);
    return STATUS_SUCCESS;
}

static NTSTATUS PspSetProcessRoutine(PVOID Routine, BOOLEAN Extended, BOOLEAN Remove)
{
    if (Remove)
        return PspRemoveRoutine(&PspProcessList, Routine, Extended);
    return PspAddRoutine(&PspProcessList, Routine, Extended, TRUE) ? STATUS_SUCCESS
                                                                  : STATUS_INVALID_PARAMETER;
}

/* STATUS_INVALID_PARAMETER: it is registered already, or 64 are. STATUS_PROCEDURE_NOT_FOUND: there
 * is none to be removed. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE NotifyRoutine,
                                               BOOLEAN Remove)
{
    return PspSetProcessRoutine(NotifyRoutine, FALSE, Remove);
}

NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx(PCREATE_PROCESS_NOTIFY_ROUTINE_EX NotifyRoutine,
                                                 BOOLEAN Remove)
{
    return PspSetProcessRoutine(NotifyRoutine, TRUE, Remove);
}

/* STATUS_INSUFFICIENT_RESOURCES: 64 are registered. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI PsSetCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine)
{
    return PspAddRoutine(&PspThreadList, NotifyRoutine, FALSE, FALSE)
               ? STATUS_SUCCESS
               : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS NTAPI PsRemoveCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine)
{
    return PspRemoveRoutine(&PspThreadList, NotifyRoutine, FALSE);
}

NTSTATUS NTAPI PsSetLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine)
{
    return PspAddRoutine(&PspImageList, NotifyRoutine, FALSE, FALSE) ? STATUS_SUCCESS
                                                                    : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS NTAPI PsRemoveLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine)
{
    return PspRemoveRoutine(&PspImageList, NotifyRoutine, FALSE);
}

/* ---- Notification ------------------------------------------------------------------------------
 */

/* Begins to call a place's routine. FALSE: there is none. */
static BOOLEAN PspEnterRoutine(PSP_NOTIFY *Place)
{
    if (Place->Routine == NULL || !ExAcquireRundownProtection(&Place->Rundown))
        return FALSE;
    if (Place->Routine)
        return TRUE;
    ExReleaseRundownProtection(&Place->Rundown);
    return FALSE;
}

/* Info NULL: the process ends. */
static VOID PspNotifyProcess(PEPROCESS Process, PPS_CREATE_NOTIFY_INFO Info)
{
    ULONG i;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    KeEnterCriticalRegion();
    for (i = 0; i < PspProcessList.Used; i++) {
        PSP_NOTIFY *Place = &PspProcessList.Places[i];
        if (!PspEnterRoutine(Place))
            continue;
        if (Place->Extended)
            ((PCREATE_PROCESS_NOTIFY_ROUTINE_EX)Place->Routine)(Process, Process->UniqueProcessId,
                                                                Info);
        else
            ((PCREATE_PROCESS_NOTIFY_ROUTINE)Place->Routine)(
                Process->InheritedFromUniqueProcessId, Process->UniqueProcessId, Info != NULL);
        ExReleaseRundownProtection(&Place->Rundown);
    }
    KeLeaveCriticalRegion();
}

NTSTATUS PspNotifyProcessCreation(PEPROCESS Process, PUNICODE_STRING CommandLine)
{
    PS_CREATE_NOTIFY_INFO Info = {.Size = sizeof Info,
                                  .FileOpenNameAvailable = 1,
                                  .ParentProcessId = Process->InheritedFromUniqueProcessId,
                                  .CreatingThreadId = ((PETHREAD)KiGetCurrentThread())->Cid,
                                  .ImageFileName = &Process->ImagePath,
                                  .CommandLine = CommandLine,
                                  .CreationStatus = STATUS_SUCCESS};
    const VOID *Data;
    ULONG Size;
    NTSTATUS Status = IoOpenBootFile(&Process->ImagePath, &Data, &Size, &Info.FileObject);

    if (!NT_SUCCESS(Status))
        return Status;
    Process->Announced = TRUE;
    PspNotifyProcess(Process, &Info);
    ObDereferenceObject(Info.FileObject);
    return Info.CreationStatus;
}

VOID PspNotifyProcessExit(PEPROCESS Process)
{
    if (Process->Announced)
        PspNotifyProcess(Process, NULL);
    Process->Announced = FALSE;
}

VOID PspNotifyThread(PETHREAD Thread, BOOLEAN Create)
{
    ULONG i;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    KeEnterCriticalRegion();
    for (i = 0; i < PspThreadList.Used; i++) {
        PSP_NOTIFY *Place = &PspThreadList.Places[i];
        if (!PspEnterRoutine(Place))
            continue;
        ((PCREATE_THREAD_NOTIFY_ROUTINE)Place->Routine)(Thread->Cid.UniqueProcess,
                                                        Thread->Cid.UniqueThread, Create);
        ExReleaseRundownProtection(&Place->Rundown);
    }
    KeLeaveCriticalRegion();
}

VOID PsNotifyImage(PUNICODE_STRING Path, HANDLE ProcessId, PVOID Base, SIZE_T Size)
{
    IMAGE_INFO Info = {.ImageAddressingMode = IMAGE_ADDRESSING_MODE_32BIT,
                       .SystemModeImage = ProcessId == NULL,
                       .ImageBase = Base,
                       .ImageSize = Size};
    ULONG i;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    KeEnterCriticalRegion();
    for (i = 0; i < PspImageList.Used; i++) {
        PSP_NOTIFY *Place = &PspImageList.Places[i];
        if (!PspEnterRoutine(Place))
            continue;
        ((PLOAD_IMAGE_NOTIFY_ROUTINE)Place->Routine)(Path, ProcessId, &Info);
        ExReleaseRundownProtection(&Place->Rundown);
    }
    KeLeaveCriticalRegion();
}
