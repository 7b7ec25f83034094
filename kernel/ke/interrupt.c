/*
 * Interrupt objects (WDK: IoConnectInterrupt, KeSynchronizeExecution).
 *
 * All device interrupts come to the first processor. The list of a vector is changed there, with
 * its interrupt kept out (HIGH_LEVEL and the lock), and walked only from the interrupt itself. The
 * clock is not an object: it needs the trap frame.
 */
#include "kernel/ke/interrupt.h"
#include "kernel/hal/apic.h"
#include "kernel/hal/hal.h"
#include "sched/sched.h"

#define VECTORS       (MAXIMUM_IDTVECTOR + 1 - PRIMARY_VECTOR_BASE)
#define TAG_INTERRUPT 'rtnI'

#define FIRST_PROCESSOR 1 /* as an affinity */

static LIST_ENTRY KiInterruptLists[VECTORS];
static KSPIN_LOCK KiInterruptLock;

VOID KiInitializeInterrupts(VOID)
{
    ULONG i;

    for (i = 0; i < VECTORS; i++)
        InitializeListHead(&KiInterruptLists[i]);
    KeInitializeSpinLock(&KiInterruptLock);
}

VOID KiDispatchToInterruptObjects(PKTRAP_FRAME Frame, ULONG Vector)
{
    PLIST_ENTRY Head = &KiInterruptLists[Vector - PRIMARY_VECTOR_BASE], Entry;

    if (Vector == CLOCK_VECTOR)
        KiUpdateTime(Frame);
    else if (Vector == APIC_CLOCK_VECTOR)
        KiUpdateRunTime(Frame);
    for (Entry = Head->Flink; Entry != Head; Entry = Entry->Flink) {
        PKINTERRUPT Interrupt = CONTAINING_RECORD(Entry, KINTERRUPT, ListEntry);
        KIRQL OldIrql = KfRaiseIrql(Interrupt->SynchronizeIrql);
        BOOLEAN Handled;
        KeAcquireSpinLockAtDpcLevel(Interrupt->ActualLock);
        Handled = Interrupt->ServiceRoutine(Interrupt, Interrupt->ServiceContext);
        KeReleaseSpinLockFromDpcLevel(Interrupt->ActualLock);
        KfLowerIrql(OldIrql);
        if (Handled && Interrupt->Mode == LevelSensitive)
            break;
    }
}

/* Puts an interrupt object on its vector's list. FALSE if it cannot share with what is there. */
BOOLEAN KeConnectInterrupt(PKINTERRUPT Interrupt)
{
    PLIST_ENTRY Head = &KiInterruptLists[Interrupt->Vector - PRIMARY_VECTOR_BASE];
    KIRQL OldIrql = KfRaiseIrql(HIGH_LEVEL);
    BOOLEAN First, Connected = TRUE;

    KeAcquireSpinLockAtDpcLevel(&KiInterruptLock);
    First = IsListEmpty(Head);
    if (!First) {
        PKINTERRUPT Other = CONTAINING_RECORD(Head->Flink, KINTERRUPT, ListEntry);
        Connected = Interrupt->ShareVector && Other->ShareVector && Interrupt->Mode == Other->Mode;
    }
    if (Connected)
        InsertTailList(Head, &Interrupt->ListEntry);
    KeReleaseSpinLockFromDpcLevel(&KiInterruptLock);
    KfLowerIrql(OldIrql);
    if (Connected && First)
        HalEnableSystemInterrupt(Interrupt->Vector);
    return Connected;
}

VOID KeDisconnectInterrupt(PKINTERRUPT Interrupt)
{
    PLIST_ENTRY Head = &KiInterruptLists[Interrupt->Vector - PRIMARY_VECTOR_BASE];
    KIRQL OldIrql = KfRaiseIrql(HIGH_LEVEL);

    KeAcquireSpinLockAtDpcLevel(&KiInterruptLock);
    RemoveEntryList(&Interrupt->ListEntry);
    if (IsListEmpty(Head))
        HalDisableSystemInterrupt(Interrupt->Vector);
    KeReleaseSpinLockFromDpcLevel(&KiInterruptLock);
    KfLowerIrql(OldIrql);
}

/*
 * Connects a driver's service routine to an interrupt vector (WDK: IoConnectInterrupt).
 * IRQL: PASSIVE_LEVEL. STATUS_INVALID_PARAMETER: no such vector, or it is taken and not shared.
 */
NTSTATUS NTAPI IoConnectInterrupt(PKINTERRUPT *InterruptObject, PKSERVICE_ROUTINE ServiceRoutine,
                                  PVOID ServiceContext, PKSPIN_LOCK SpinLock, ULONG Vector,
                                  KIRQL Irql, KIRQL SynchronizeIrql, KINTERRUPT_MODE InterruptMode,
                                  BOOLEAN ShareVector, KAFFINITY ProcessorEnableMask,
                                  BOOLEAN FloatingSave)
{
    PKINTERRUPT Interrupt;
    BOOLEAN Connected;

    UNREFERENCED_PARAMETER(ProcessorEnableMask);
    UNREFERENCED_PARAMETER(FloatingSave);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *InterruptObject = NULL;
    if (Vector <= CLOCK_VECTOR || Vector >= PRIMARY_VECTOR_BASE + 16 ||
        Irql != HalVectorToIrql(Vector) || SynchronizeIrql < Irql || SynchronizeIrql > HIGH_LEVEL)
        return STATUS_INVALID_PARAMETER;
    Interrupt = ExAllocatePoolWithTag(NonPagedPool, sizeof *Interrupt, TAG_INTERRUPT);
    if (Interrupt == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Interrupt->ServiceRoutine = ServiceRoutine;
    Interrupt->ServiceContext = ServiceContext;
    KeInitializeSpinLock(&Interrupt->SpinLock);
    Interrupt->ActualLock = SpinLock ? SpinLock : &Interrupt->SpinLock;
    Interrupt->Vector = Vector;
    Interrupt->Irql = Irql;
    Interrupt->SynchronizeIrql = SynchronizeIrql;
    Interrupt->ShareVector = ShareVector;
    Interrupt->Mode = InterruptMode;
    KeSetSystemAffinityThread(FIRST_PROCESSOR);
    Connected = KeConnectInterrupt(Interrupt);
    KeRevertToUserAffinityThread();
    if (!Connected) {
        ExFreePoolWithTag(Interrupt, TAG_INTERRUPT);
        return STATUS_INVALID_PARAMETER;
    }
    *InterruptObject = Interrupt;
    return STATUS_SUCCESS;
}

/* Takes a service routine off its vector. IRQL: PASSIVE_LEVEL. */
VOID NTAPI IoDisconnectInterrupt(PKINTERRUPT InterruptObject)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    KeSetSystemAffinityThread(FIRST_PROCESSOR);
    KeDisconnectInterrupt(InterruptObject);
    KeRevertToUserAffinityThread();
    ExFreePoolWithTag(InterruptObject, TAG_INTERRUPT);
}

/* Runs a routine that the interrupt's service routine cannot interleave with. IRQL: <= DIRQL. */
BOOLEAN NTAPI KeSynchronizeExecution(PKINTERRUPT Interrupt,
                                     PKSYNCHRONIZE_ROUTINE SynchronizeRoutine,
                                     PVOID SynchronizeContext)
{
    KIRQL OldIrql = KfRaiseIrql(Interrupt->SynchronizeIrql);
    BOOLEAN Result;

    KeAcquireSpinLockAtDpcLevel(Interrupt->ActualLock);
    Result = SynchronizeRoutine(SynchronizeContext);
    KeReleaseSpinLockFromDpcLevel(Interrupt->ActualLock);
    KfLowerIrql(OldIrql);
    return Result;
}

/* The vector and IRQL of an ISA interrupt line (WDK: HalGetInterruptVector, obsolete). */
ULONG NTAPI HalGetInterruptVector(INTERFACE_TYPE InterfaceType, ULONG BusNumber,
                                  ULONG BusInterruptLevel, ULONG BusInterruptVector, PKIRQL Irql,
                                  PKAFFINITY Affinity)
{
    ULONG Vector = PRIMARY_VECTOR_BASE + BusInterruptLevel;

    UNREFERENCED_PARAMETER(InterfaceType);
    UNREFERENCED_PARAMETER(BusNumber);
    UNREFERENCED_PARAMETER(BusInterruptVector);
    if (BusInterruptLevel >= 16)
        return 0;
    *Irql = HalVectorToIrql(Vector);
    *Affinity = 1;
    return Vector;
}
