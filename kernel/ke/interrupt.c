/*
 * Interrupt objects (WDK: IoConnectInterrupt, KeSynchronizeExecution).
 *
 * A vector's interrupts come to one processor. Its list is walked only there, from the interrupt
 * itself, and changed only there, with the interrupt kept out (HIGH_LEVEL), by the owner of
 * KiInterruptMutex. The clock is not an object: it needs the trap frame.
 */
#include "kernel/ke/interrupt.h"
#include "kernel/hal/begin.h"
#include "kernel/hal/hal.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/watchdog.h"
#include "sched/sched.h"

#define VECTORS       (MAXIMUM_IDTVECTOR + 1 - PRIMARY_VECTOR_BASE)
#define TAG_INTERRUPT 'rtnI'

static LIST_ENTRY KiInterruptLists[VECTORS];
static FAST_MUTEX KiInterruptMutex;

VOID KiInitializeInterrupts(VOID)
{
    ULONG i;

    for (i = 0; i < VECTORS; i++)
        InitializeListHead(&KiInterruptLists[i]);
    ExInitializeFastMutex(&KiInterruptMutex);
}

/* Runs the service routines of a vector, at its IRQL, interrupts enabled. */
static __attribute__((noinline)) VOID KiDispatchToInterruptObjects(ULONG Vector)
{
    PLIST_ENTRY Head = &KiInterruptLists[Vector - PRIMARY_VECTOR_BASE], Entry;

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

/* A hardware interrupt, or a replayed one. The clock comes most often, and has no objects.
 * Interrupts are disabled, here and on return. */
VOID FASTCALL KiInterruptHandler(PKTRAP_FRAME Frame, ULONG Vector)
{
    PKIPCR Pcr = KiGetPcr();
    LONG OldIrql;

    Pcr->PrcbData.InterruptCount++;
    OldIrql = HalBeginSystemInterrupt(Pcr, Vector);
    if (OldIrql != HAL_NOT_NOW) {
        KiWatchInterrupt(Frame, Vector, (KIRQL)OldIrql);
        KiEnableInterrupts();
        if (Vector == CLOCK_VECTOR)
            KiUpdateTime(Frame);
        else if (Vector == APIC_CLOCK_VECTOR)
            KiUpdateRunTime(Frame);
        else
            KiDispatchToInterruptObjects(Vector);
        KiDisableInterrupts();
        HalEndSystemInterrupt((KIRQL)OldIrql);
    }
    if (KiIsUserTrap(Frame))
        KiReturnToUserMode(Frame);
}

/*
 * Whether an object may join those of its vector, and then on which processor: theirs, or the
 * lowest that it allows. The mutex is held.
 */
static BOOLEAN KiPlaceInterrupt(PKINTERRUPT Interrupt, KAFFINITY Affinity)
{
    PLIST_ENTRY Head = &KiInterruptLists[Interrupt->Vector - PRIMARY_VECTOR_BASE];
    PKINTERRUPT Other = CONTAINING_RECORD(Head->Flink, KINTERRUPT, ListEntry);

    if (IsListEmpty(Head)) {
        Interrupt->Number = (UCHAR)__builtin_ctz(Affinity);
        return TRUE;
    }
    Interrupt->Number = Other->Number;
    return Interrupt->ShareVector && Other->ShareVector && Interrupt->Mode == Other->Mode &&
           (Affinity & (1 << Other->Number));
}

/* Puts an interrupt object on its vector's list. FALSE if it cannot share with what is there. */
BOOLEAN KeConnectInterrupt(PKINTERRUPT Interrupt, KAFFINITY Affinity)
{
    PLIST_ENTRY Head = &KiInterruptLists[Interrupt->Vector - PRIMARY_VECTOR_BASE];
    KAFFINITY OldAffinity;
    BOOLEAN Connected;
    KIRQL OldIrql;

    ExAcquireFastMutex(&KiInterruptMutex);
    Connected = KiPlaceInterrupt(Interrupt, Affinity);
    if (Connected) {
        OldAffinity = KeSetSystemAffinityThreadEx(1 << Interrupt->Number);
        OldIrql = KfRaiseIrql(HIGH_LEVEL);
        if (IsListEmpty(Head))
            HalEnableSystemInterrupt(Interrupt->Vector, KeGetCurrentPrcb());
        InsertTailList(Head, &Interrupt->ListEntry);
        KfLowerIrql(OldIrql);
        KeRevertToUserAffinityThreadEx(OldAffinity);
    }
    ExReleaseFastMutex(&KiInterruptMutex);
    return Connected;
}

/* What has come until now, and could not run, is forgotten when IRQL falls, if it was the last. */
VOID KeDisconnectInterrupt(PKINTERRUPT Interrupt)
{
    PLIST_ENTRY Head = &KiInterruptLists[Interrupt->Vector - PRIMARY_VECTOR_BASE];
    KAFFINITY OldAffinity;
    KIRQL OldIrql;

    ExAcquireFastMutex(&KiInterruptMutex);
    OldAffinity = KeSetSystemAffinityThreadEx(1 << Interrupt->Number);
    OldIrql = KfRaiseIrql(HIGH_LEVEL);
    RemoveEntryList(&Interrupt->ListEntry);
    if (IsListEmpty(Head))
        HalDisableSystemInterrupt(Interrupt->Vector);
    KfLowerIrql(OldIrql);
    KeRevertToUserAffinityThreadEx(OldAffinity);
    ExReleaseFastMutex(&KiInterruptMutex);
}

static PKINTERRUPT KiCreateInterrupt(PKSERVICE_ROUTINE ServiceRoutine, PVOID ServiceContext,
                                     PKSPIN_LOCK SpinLock)
{
    PKINTERRUPT Interrupt = ExAllocatePoolWithTag(NonPagedPool, sizeof *Interrupt, TAG_INTERRUPT);

    if (Interrupt == NULL)
        return NULL;
    Interrupt->ServiceRoutine = ServiceRoutine;
    Interrupt->ServiceContext = ServiceContext;
    KeInitializeSpinLock(&Interrupt->SpinLock);
    Interrupt->ActualLock = SpinLock ? SpinLock : &Interrupt->SpinLock;
    return Interrupt;
}

/*
 * Connects a driver's service routine to an interrupt vector (WDK: IoConnectInterrupt). Interrupts
 * come to the lowest processor of the mask, or to that of the objects it shares the vector with.
 * Whether the line is triggered by level or edge is as the firmware says. IRQL: PASSIVE_LEVEL.
 * STATUS_INVALID_PARAMETER: no such vector or no such processor, or it is taken and not shared.
 */
NTSTATUS NTAPI IoConnectInterrupt(PKINTERRUPT *InterruptObject, PKSERVICE_ROUTINE ServiceRoutine,
                                  PVOID ServiceContext, PKSPIN_LOCK SpinLock, ULONG Vector,
                                  KIRQL Irql, KIRQL SynchronizeIrql, KINTERRUPT_MODE InterruptMode,
                                  BOOLEAN ShareVector, KAFFINITY ProcessorEnableMask,
                                  BOOLEAN FloatingSave)
{
    KAFFINITY Affinity = ProcessorEnableMask & HalQueryInterruptAffinity();
    PKINTERRUPT Interrupt;

    UNREFERENCED_PARAMETER(FloatingSave);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *InterruptObject = NULL;
    if (Vector <= CLOCK_VECTOR || Vector >= PRIMARY_VECTOR_BASE + 16 || Affinity == 0 ||
        Irql != HalVectorToIrql(Vector) || SynchronizeIrql < Irql || SynchronizeIrql > HIGH_LEVEL)
        return STATUS_INVALID_PARAMETER;
    Interrupt = KiCreateInterrupt(ServiceRoutine, ServiceContext, SpinLock);
    if (Interrupt == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Interrupt->Vector = Vector;
    Interrupt->Irql = Irql;
    Interrupt->SynchronizeIrql = SynchronizeIrql;
    Interrupt->ShareVector = ShareVector;
    Interrupt->Mode = InterruptMode;
    if (!KeConnectInterrupt(Interrupt, Affinity)) {
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
    KeDisconnectInterrupt(InterruptObject);
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

/*
 * Keeps the interrupt's service routine out, at the interrupt's IRQL; returns the old one (WDK:
 * KeAcquireInterruptSpinLock). IRQL: <= DIRQL.
 */
KIRQL NTAPI KeAcquireInterruptSpinLock(PKINTERRUPT Interrupt)
{
    KIRQL OldIrql = KfRaiseIrql(Interrupt->SynchronizeIrql);

    KeAcquireSpinLockAtDpcLevel(Interrupt->ActualLock);
    return OldIrql;
}

VOID NTAPI KeReleaseInterruptSpinLock(PKINTERRUPT Interrupt, KIRQL OldIrql)
{
    KeReleaseSpinLockFromDpcLevel(Interrupt->ActualLock);
    KfLowerIrql(OldIrql);
}

/* Vector, IRQL and processors of an ISA interrupt line (WDK: HalGetInterruptVector, obsolete). */
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
    *Affinity = HalQueryInterruptAffinity();
    return Vector;
}
