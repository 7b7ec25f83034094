/*
 * What older drivers ask of the machine's buses, the speaker, and the table through which some
 * call. A bus's addresses are the processor's, so that nothing is translated.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"

#define MEMORY_SPACE 0
#define IO_SPACE     1
#define LAST_PORT    0xFFFF

/*
 * A bus's address as the processor has it (WDK: HalTranslateBusAddress, obsolete). *AddressSpace: 0
 * memory, 1 ports; it stays. FALSE: there is no such bus or address. Any IRQL.
 */
BOOLEAN NTAPI HalTranslateBusAddress(INTERFACE_TYPE InterfaceType, ULONG BusNumber,
                                     PHYSICAL_ADDRESS BusAddress, PULONG AddressSpace,
                                     PPHYSICAL_ADDRESS TranslatedAddress)
{
    const ULONGLONG Last = *AddressSpace == MEMORY_SPACE ? MAXULONG : LAST_PORT;

    if (*AddressSpace > IO_SPACE || (ULONGLONG)BusAddress.QuadPart > Last)
        return FALSE;
    if (InterfaceType == PCIBus ? BusNumber >= HAL_PCI_BUSES
                                : (InterfaceType != Internal && InterfaceType != Isa) || BusNumber)
        return FALSE;
    *TranslatedAddress = BusAddress;
    return TRUE;
}

BOOLEAN NTAPI IoTranslateBusAddress(INTERFACE_TYPE InterfaceType, ULONG BusNumber,
                                    PHYSICAL_ADDRESS BusAddress, PULONG AddressSpace,
                                    PPHYSICAL_ADDRESS TranslatedAddress)
{
    return HalTranslateBusAddress(InterfaceType, BusNumber, BusAddress, AddressSpace,
                                  TranslatedAddress);
}

/* No class of information has answers here; what a HAL may leave out stays empty. */
static NTSTATUS NTAPI HalpQueryInformation(HAL_QUERY_INFORMATION_CLASS Class, ULONG Size,
                                           PVOID Buffer, PULONG ReturnedLength)
{
    UNREFERENCED_PARAMETER(Class);
    UNREFERENCED_PARAMETER(Size);
    UNREFERENCED_PARAMETER(Buffer);
    *ReturnedLength = 0;
    return STATUS_INVALID_LEVEL;
}

static NTSTATUS NTAPI HalpSetInformation(HAL_SET_INFORMATION_CLASS Class, ULONG Size, PVOID Buffer)
{
    UNREFERENCED_PARAMETER(Class);
    UNREFERENCED_PARAMETER(Size);
    UNREFERENCED_PARAMETER(Buffer);
    return STATUS_INVALID_LEVEL;
}

#undef HalQuerySystemInformation /* in the headers these are calls through the table */
#undef HalSetSystemInformation

HAL_DISPATCH HalDispatchTable = {.Version = HAL_DISPATCH_VERSION,
                                 .HalQuerySystemInformation = HalpQueryInformation,
                                 .HalSetSystemInformation = HalpSetInformation};
