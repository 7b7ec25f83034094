/*
 * Interrupts by device: a driver says which device, and need not know vectors and levels (WDK:
 * IoConnectInterruptEx). There are lines and no messages: with the kind of parameters that asks for
 * messages a driver gets its fallback on the line.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/interrupt.h"
#include "kernel/pnp/pnp.h"

/* The interrupt that a device has been given; NULL: none. */
static const CM_PARTIAL_RESOURCE_DESCRIPTOR *PnpFindInterrupt(PNP_NODE *Node)
{
    PCM_PARTIAL_RESOURCE_LIST Partial;
    ULONG i;

    if (Node->Translated == NULL)
        return NULL;
    Partial = &Node->Translated->List[0].PartialResourceList;
    for (i = 0; i < Partial->Count; i++) {
        if (Partial->PartialDescriptors[i].Type == CmResourceTypeInterrupt)
            return &Partial->PartialDescriptors[i];
    }
    return NULL;
}

static NTSTATUS PnpConnectLine(const IO_CONNECT_INTERRUPT_LINE_BASED_PARAMETERS *Line)
{
    const CM_PARTIAL_RESOURCE_DESCRIPTOR *Resource;
    KINTERRUPT_MODE Mode;
    KIRQL Irql;

    if (Line->PhysicalDeviceObject == NULL || PNP_NODE_OF(Line->PhysicalDeviceObject) == NULL)
        return STATUS_INVALID_PARAMETER;
    Resource = PnpFindInterrupt(PNP_NODE_OF(Line->PhysicalDeviceObject));
    if (Resource == NULL)
        return STATUS_NOT_FOUND;
    Mode = (Resource->Flags & CM_RESOURCE_INTERRUPT_LATCHED) ? Latched : LevelSensitive;
    Irql = (KIRQL)Resource->u.Interrupt.Level;
    return IoConnectInterrupt(Line->InterruptObject, Line->ServiceRoutine, Line->ServiceContext,
                              Line->SpinLock, Resource->u.Interrupt.Vector, Irql,
                              Line->SynchronizeIrql ? Line->SynchronizeIrql : Irql, Mode,
                              Resource->ShareDisposition == CmResourceShareShared,
                              Resource->u.Interrupt.Affinity, Line->FloatingSave);
}

static NTSTATUS PnpConnectSpecified(const IO_CONNECT_INTERRUPT_FULLY_SPECIFIED_PARAMETERS *Given)
{
    if (Given->PhysicalDeviceObject == NULL || Given->Group != 0)
        return STATUS_INVALID_PARAMETER;
    if (Given->ProcessorEnableMask == 0)
        return STATUS_INVALID_PARAMETER_10;
    return IoConnectInterrupt(Given->InterruptObject, Given->ServiceRoutine, Given->ServiceContext,
                              Given->SpinLock, Given->Vector, Given->Irql, Given->SynchronizeIrql,
                              Given->InterruptMode, Given->ShareVector, Given->ProcessorEnableMask,
                              Given->FloatingSave);
}

/* The fallback's line, and Version says that it is one. */
static NTSTATUS PnpConnectMessage(PIO_CONNECT_INTERRUPT_PARAMETERS Parameters)
{
    const IO_CONNECT_INTERRUPT_MESSAGE_BASED_PARAMETERS *Message = &Parameters->MessageBased;
    IO_CONNECT_INTERRUPT_LINE_BASED_PARAMETERS Line = {
        .PhysicalDeviceObject = Message->PhysicalDeviceObject,
        .InterruptObject = Message->ConnectionContext.InterruptObject,
        .ServiceRoutine = Message->FallBackServiceRoutine,
        .ServiceContext = Message->ServiceContext,
        .SpinLock = Message->SpinLock,
        .SynchronizeIrql = Message->SynchronizeIrql,
        .FloatingSave = Message->FloatingSave};
    NTSTATUS Status = STATUS_NOT_FOUND;

    if (Line.ServiceRoutine || Line.PhysicalDeviceObject == NULL)
        Status = PnpConnectLine(&Line);
    if (NT_SUCCESS(Status))
        Parameters->Version = CONNECT_LINE_BASED;
    return Status;
}

/*
 * Connects a device's service routine (WDK: IoConnectInterruptEx). STATUS_INVALID_PARAMETER: no
 * PDO, or what IoConnectInterrupt says; STATUS_INVALID_PARAMETER_10: no processor;
 * STATUS_NOT_FOUND: the device has no interrupt, or only messages would do;
 * STATUS_INVALID_PARAMETER_1: no such version. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoConnectInterruptEx(PIO_CONNECT_INTERRUPT_PARAMETERS Parameters)
{
    switch (Parameters->Version) {
    case CONNECT_FULLY_SPECIFIED:
        Parameters->FullySpecified.Group = 0; /* the member is of a later version */
        return PnpConnectSpecified(&Parameters->FullySpecified);
    case CONNECT_FULLY_SPECIFIED_GROUP:
        return PnpConnectSpecified(&Parameters->FullySpecified);
    case CONNECT_LINE_BASED:
        return PnpConnectLine(&Parameters->LineBased);
    case CONNECT_MESSAGE_BASED:
        return PnpConnectMessage(Parameters);
    default:
        return STATUS_INVALID_PARAMETER_1;
    }
}

/* Takes it off again, whichever way it was connected (WDK: IoDisconnectInterruptEx). */
VOID NTAPI IoDisconnectInterruptEx(PIO_DISCONNECT_INTERRUPT_PARAMETERS Parameters)
{
    IoDisconnectInterrupt(Parameters->ConnectionContext.InterruptObject);
}

/* Where an interrupt goes (WDK: IoGetAffinityInterrupt). STATUS_INVALID_PARAMETER: NULL. */
NTSTATUS NTAPI IoGetAffinityInterrupt(PKINTERRUPT InterruptObject, PGROUP_AFFINITY GroupAffinity)
{
    if (InterruptObject == NULL || GroupAffinity == NULL)
        return STATUS_INVALID_PARAMETER;
    *GroupAffinity = (GROUP_AFFINITY){.Mask = (KAFFINITY)1 << InterruptObject->Number};
    return STATUS_SUCCESS;
}
