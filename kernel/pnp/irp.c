/*
 * The packets that Plug and Play sends (WDK: Plug and Play Minor IRPs): to the top of a device's
 * stack, at PASSIVE_LEVEL, waited for. Their status is STATUS_NOT_SUPPORTED until a driver handles
 * them.
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"

#define UNKNOWN_NUMBER ((ULONG)-1)

NTSTATUS PnpSend(PDEVICE_OBJECT Device, UCHAR Minor, const IO_STACK_LOCATION *Parameters,
                 PVOID *Information)
{
    PDEVICE_OBJECT Top = IoGetAttachedDeviceReference(Device);
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb;
    PIRP Irp = IopBuildIrp(NULL, Top, IRP_MJ_PNP, &Stack);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Irp == NULL) {
        ObDereferenceObject(Top);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Irp->RequestorMode = KernelMode;
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Irp->IoStatus.Information = Information ? (ULONG_PTR)*Information : 0;
    if (Parameters)
        Stack->Parameters = Parameters->Parameters;
    Stack->MinorFunction = Minor;
    IopCallAndWait(Top, Irp, &Iosb, KernelMode);
    ObDereferenceObject(Top);
    if (Information)
        *Information = (PVOID)Iosb.Information;
    return Iosb.Status;
}

/* One without parameters. */
NTSTATUS PnpSendSimple(PNP_NODE *Node, UCHAR Minor)
{
    return PnpSend(Node->Pdo, Minor, NULL, NULL);
}

/*
 * A query that is answered by a block of paged pool. What: which identifier, text or relations.
 * NULL: there is no answer.
 */
PVOID PnpQuery(PNP_NODE *Node, UCHAR Minor, ULONG What)
{
    IO_STACK_LOCATION Parameters = {0};
    PVOID Answer = NULL;

    C_ASSERT(FIELD_OFFSET(IO_STACK_LOCATION, Parameters.QueryId.IdType) ==
             FIELD_OFFSET(IO_STACK_LOCATION, Parameters.QueryDeviceText.DeviceTextType));
    C_ASSERT(FIELD_OFFSET(IO_STACK_LOCATION, Parameters.QueryId.IdType) ==
             FIELD_OFFSET(IO_STACK_LOCATION, Parameters.QueryDeviceRelations.Type));
    Parameters.Parameters.QueryId.IdType = What;
    return NT_SUCCESS(PnpSend(Node->Pdo, Minor, &Parameters, &Answer)) ? Answer : NULL;
}

/* The capabilities begin as the WDK says (IRP_MN_QUERY_CAPABILITIES); the drivers fill them in. */
NTSTATUS PnpQueryCapabilities(PNP_NODE *Node)
{
    DEVICE_CAPABILITIES Capabilities;
    IO_STACK_LOCATION Parameters = {0};
    NTSTATUS Status;

    memset(&Capabilities, 0, sizeof Capabilities);
    Capabilities.Size = sizeof Capabilities;
    Capabilities.Version = 1;
    Capabilities.Address = Capabilities.UINumber = UNKNOWN_NUMBER;
    Parameters.Parameters.DeviceCapabilities.Capabilities = &Capabilities;
    Status = PnpSend(Node->Pdo, IRP_MN_QUERY_CAPABILITIES, &Parameters, NULL);
    if (NT_SUCCESS(Status) || Node->Capabilities.Size == 0)
        Node->Capabilities = Capabilities;
    return Status;
}
