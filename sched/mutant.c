/*
 * Mutants: mutual exclusion among threads, with an owner who may take it again (WDK: Mutex
 * Objects). Drivers call them mutexes, and theirs keep normal kernel APCs away while they are
 * owned (ApcDisable); programs' do not.
 *
 * SignalState is 1 when free, 0 when owned, and goes down with each time that the owner takes it
 * again. A thread's mutants are in its MutantListHead, so that its end can let go of them: such a
 * mutant is abandoned, and whoever gets it next is told. One that is taken within a DPC, by a wait
 * without waiting, belongs to the DPC and not to the thread that it has interrupted: it is released
 * there (Header.DpcActive). All under the dispatcher lock.
 */
#include "sched/apc.h"

static VOID KiInitializeMutant(PKMUTANT Mutant, UCHAR ApcDisable)
{
    RtlZeroMemory(Mutant, sizeof *Mutant);
    Mutant->Header.Type = KMutantObject;
    Mutant->Header.Size = sizeof *Mutant / sizeof(ULONG);
    Mutant->Header.SignalState = 1;
    Mutant->ApcDisable = ApcDisable;
    InitializeListHead(&Mutant->Header.WaitListHead);
}

/* A driver's mutex, free (WDK: KeInitializeMutex). Level is not used. */
VOID NTAPI KeInitializeMutex(PRKMUTEX Mutex, ULONG Level)
{
    UNREFERENCED_PARAMETER(Level);
    KiInitializeMutant(Mutex, 1);
}

/* A program's mutex, perhaps owned by the current thread from the beginning. */
VOID NTAPI KeInitializeMutant(PRKMUTANT Mutant, BOOLEAN InitialOwner)
{
    KIRQL OldIrql;

    KiInitializeMutant(Mutant, 0);
    if (!InitialOwner)
        return;
    OldIrql = KiLockDispatcherDatabase();
    KiTakeMutant(Mutant, KiGetCurrentThread());
    KiUnlockDispatcherDatabase(OldIrql);
}

/* The thread takes a mutant that is free or its own. TRUE: the last owner has abandoned it. */
BOOLEAN KiTakeMutant(PKMUTANT Mutant, PKTHREAD Thread)
{
    BOOLEAN Abandoned = Mutant->Abandoned;

    if (--Mutant->Header.SignalState != 0)
        return FALSE; /* once more */
    Mutant->OwnerThread = Thread;
    Mutant->Abandoned = FALSE;
    Mutant->Header.DpcActive =
        Thread == KiGetCurrentThread() && KeGetCurrentPrcb()->DpcRoutineActive;
    Thread->KernelApcDisable -= Mutant->ApcDisable;
    InsertTailList(&Thread->MutantListHead, &Mutant->MutantListEntry);
    return Abandoned;
}

/* The owner lets a mutant go altogether. */
static VOID KiFreeMutant(PKMUTANT Mutant, PKTHREAD Thread)
{
    RemoveEntryList(&Mutant->MutantListEntry);
    Mutant->OwnerThread = NULL;
    Mutant->Header.SignalState = 1;
    Thread->KernelApcDisable += Mutant->ApcDisable;
    KiApcsEnabled(Thread);
}

/* What is wrong with the current thread's releasing the mutant; STATUS_SUCCESS: nothing. */
static NTSTATUS KiCheckRelease(PKMUTANT Mutant, BOOLEAN Abandoned)
{
    if (Abandoned || (Mutant->OwnerThread == KiGetCurrentThread() &&
                      Mutant->Header.DpcActive == KeGetCurrentPrcb()->DpcRoutineActive))
        return STATUS_SUCCESS;
    return Mutant->Abandoned ? STATUS_ABANDONED : STATUS_MUTANT_NOT_OWNED;
}

/*
 * Releases a mutant once, or, if Abandoned, altogether; the old signal state is in *Old.
 * STATUS_MUTANT_NOT_OWNED, STATUS_ABANDONED: it is not the caller's, or was taken in a DPC and is
 * not released in one, or the other way round. IRQL <= DISPATCH_LEVEL, with Wait <= APC_LEVEL.
 */
NTSTATUS KiReleaseMutant(PRKMUTANT Mutant, KPRIORITY Increment, BOOLEAN Abandoned, BOOLEAN Wait,
                         PLONG Old)
{
    KIRQL OldIrql;
    NTSTATUS Status;

    KI_ASSERT_IRQL(Wait ? APC_LEVEL : DISPATCH_LEVEL);
    OldIrql = KiLockDispatcherDatabase();
    *Old = Mutant->Header.SignalState;
    Status = KiCheckRelease(Mutant, Abandoned);
    if (Status != STATUS_SUCCESS) {
        KiUnlockDispatcherDatabase(OldIrql);
        return Status;
    }
    if (Abandoned || *Old == 0) {
        if (Mutant->OwnerThread)
            KiFreeMutant(Mutant, Mutant->OwnerThread);
        Mutant->Abandoned = Abandoned;
        KiWaitTest(Mutant, Increment);
    } else {
        Mutant->Header.SignalState++;
    }
    KiUnlockAfterSignal(OldIrql, Wait);
    return STATUS_SUCCESS;
}

/* The same for drivers (WDK: KeReleaseMutex). Returns the old signal state, raises what is wrong.
 */
LONG NTAPI KeReleaseMutant(PRKMUTANT Mutant, KPRIORITY Increment, BOOLEAN Abandoned, BOOLEAN Wait)
{
    LONG Old;
    NTSTATUS Status = KiReleaseMutant(Mutant, Increment, Abandoned, Wait, &Old);

    if (Status != STATUS_SUCCESS)
        ExRaiseStatus(Status);
    return Old;
}

LONG NTAPI KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait)
{
    return KeReleaseMutant(Mutex, MUTANT_INCREMENT, FALSE, Wait);
}

LONG NTAPI KeReadStateMutant(PRKMUTANT Mutant)
{
    return Mutant->Header.SignalState;
}

LONG NTAPI KeReadStateMutex(PRKMUTEX Mutex)
{
    return Mutex->Header.SignalState;
}

/*
 * The thread ends: what it still owns is abandoned. A driver's mutex must have been released, for
 * what it guards may be half changed. The dispatcher lock is held.
 */
VOID KiAbandonMutants(PKTHREAD Thread)
{
    while (!IsListEmpty(&Thread->MutantListHead)) {
        PKMUTANT Mutant = CONTAINING_RECORD(Thread->MutantListHead.Flink, KMUTANT, MutantListEntry);
        if (Mutant->ApcDisable)
            KeBugCheckEx(THREAD_TERMINATE_HELD_MUTEX, (ULONG_PTR)Thread, (ULONG_PTR)Mutant, 0, 0);
        KiFreeMutant(Mutant, Thread);
        Mutant->Abandoned = TRUE;
        KiWaitTest(Mutant, MUTANT_INCREMENT);
    }
}
