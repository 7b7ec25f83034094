/*
 * Callbacks for non-maskable interrupts (WDK: KeRegisterNmiCallback). An NMI interrupts anything,
 * whatever holds locks included, so the list of callbacks is read without any: entries are put at
 * its head in one store, and an entry that has been taken out is freed only when every processor
 * has answered an IPI since, which it cannot do during an NMI.
 */
#include "kernel/ke/nmi.h"
#include "kernel/ex/ex.h"
#include "kernel/ke/ipi.h"
#include "sched/sched.h"

#define TAG_NMI 'imN '

typedef struct _KI_NMI_CALLBACK {
    struct _KI_NMI_CALLBACK *volatile Next;
    PNMI_CALLBACK Routine;
    PVOID Context;
} KI_NMI_CALLBACK;

static KI_NMI_CALLBACK *volatile KiNmiCallbacks;
static KSPIN_LOCK KiNmiLock; /* of changes */

BOOLEAN KiCallNmiCallbacks(VOID)
{
    KI_NMI_CALLBACK *Callback;
    BOOLEAN Handled = FALSE;

    for (Callback = KiNmiCallbacks; Callback; Callback = Callback->Next)
        Handled |= Callback->Routine(Callback->Context, Handled);
    return Handled;
}

/*
 * Adds a callback; it is told whether an earlier one has handled the NMI, and tells whether it has.
 * If none has, the machine stops. Returns a handle, or NULL. IRQL <= APC_LEVEL.
 */
PVOID NTAPI KeRegisterNmiCallback(PNMI_CALLBACK CallbackRoutine, PVOID Context)
{
    KI_NMI_CALLBACK *Callback;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(APC_LEVEL);
    Callback = ExAllocatePoolWithTag(NonPagedPool, sizeof *Callback, TAG_NMI);
    if (Callback == NULL)
        return NULL;
    Callback->Routine = CallbackRoutine;
    Callback->Context = Context;
    OldIrql = KfAcquireSpinLock(&KiNmiLock);
    Callback->Next = KiNmiCallbacks;
    KiNmiCallbacks = Callback;
    KfReleaseSpinLock(&KiNmiLock, OldIrql);
    return Callback;
}

/* The lock is held. FALSE: there is no such callback. */
static BOOLEAN KiUnlinkNmiCallback(const VOID *Handle)
{
    KI_NMI_CALLBACK *volatile *Link = &KiNmiCallbacks;

    while (*Link && *Link != Handle)
        Link = &(*Link)->Next;
    if (*Link == NULL)
        return FALSE;
    *Link = (*Link)->Next;
    return TRUE;
}

static VOID KiAnswer(ULONG_PTR Argument)
{
    UNREFERENCED_PARAMETER(Argument);
}

/* Takes a callback back; it does not run any more. STATUS_INVALID_HANDLE: it is none. IRQL <=
 * APC_LEVEL. */
NTSTATUS NTAPI KeDeregisterNmiCallback(PVOID Handle)
{
    BOOLEAN Found;
    KIRQL OldIrql;

    KI_ASSERT_IRQL(APC_LEVEL);
    OldIrql = KfAcquireSpinLock(&KiNmiLock);
    Found = KiUnlinkNmiCallback(Handle);
    KfReleaseSpinLock(&KiNmiLock, OldIrql);
    if (!Found)
        return STATUS_INVALID_HANDLE;
    KiCallProcessors(KeActiveProcessors, KiAnswer, 0);
    ExFreePoolWithTag(Handle, TAG_NMI);
    return STATUS_SUCCESS;
}
