/*
 * PCI configuration space, through the two ports of configuration mechanism 1: the address of a
 * register of a function of a device on a bus, and the register (PCI Local Bus Specification 3.0,
 * 3.2.2.3.2). HalpPciLock guards the pair of ports.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"

#define PCI_ADDRESS_PORT ((PULONG)0xCF8)
#define PCI_DATA_PORT    0xCFC
#define PCI_ENABLE       0x80000000
#define PCI_BUSES        HAL_PCI_BUSES
#define PCI_SPACE        256 /* bytes of a function's registers */

static KSPIN_LOCK HalpPciLock;

/* Selects the four bytes that hold a register; the port of the register among them. */
static ULONG HalpSelectRegister(ULONG Bus, PCI_SLOT_NUMBER Slot, ULONG Offset)
{
    WRITE_PORT_ULONG(PCI_ADDRESS_PORT, PCI_ENABLE | Bus << 16 | Slot.u.bits.DeviceNumber << 11 |
                                           Slot.u.bits.FunctionNumber << 8 | (Offset & ~3));
    return PCI_DATA_PORT + (Offset & 3);
}

/* How many bytes go in one access: as many as are aligned, at most four. */
static ULONG HalpAccessSize(ULONG Offset, ULONG Length)
{
    if ((Offset & 1) || Length < sizeof(USHORT))
        return sizeof(UCHAR);
    return (Offset & 2) || Length < sizeof(ULONG) ? sizeof(USHORT) : sizeof(ULONG);
}

static VOID HalpMoveRegister(ULONG Port, PUCHAR Buffer, ULONG Size, BOOLEAN Write)
{
    if (Size == sizeof(ULONG) && Write)
        WRITE_PORT_ULONG((PULONG)Port, *(PULONG)Buffer);
    else if (Size == sizeof(ULONG))
        *(PULONG)Buffer = READ_PORT_ULONG((PULONG)Port);
    else if (Size == sizeof(USHORT) && Write)
        WRITE_PORT_USHORT((PUSHORT)Port, *(PUSHORT)Buffer);
    else if (Size == sizeof(USHORT))
        *(PUSHORT)Buffer = READ_PORT_USHORT((PUSHORT)Port);
    else if (Write)
        WRITE_PORT_UCHAR((PUCHAR)Port, *Buffer);
    else
        *Buffer = READ_PORT_UCHAR((PUCHAR)Port);
}

/* Whether there is a function; the lock is held. */
static BOOLEAN HalpIsFunctionThere(ULONG Bus, PCI_SLOT_NUMBER Slot)
{
    return READ_PORT_USHORT((PUSHORT)HalpSelectRegister(Bus, Slot, 0)) != PCI_INVALID_VENDORID;
}

static ULONG HalpMoveConfiguration(ULONG Bus, ULONG SlotNumber, PUCHAR Buffer, ULONG Offset,
                                   ULONG Length, BOOLEAN Write)
{
    PCI_SLOT_NUMBER Slot = {.u.AsULONG = SlotNumber};
    ULONG Size, Done = 0;
    KIRQL OldIrql;

    if (Bus >= PCI_BUSES || Offset >= PCI_SPACE)
        return 0;
    Length = min(Length, PCI_SPACE - Offset);
    OldIrql = KfRaiseIrql(HIGH_LEVEL);
    KeAcquireSpinLockAtDpcLevel(&HalpPciLock);
    if (!HalpIsFunctionThere(Bus, Slot))
        Length = 0;
    for (; Done < Length; Done += Size) {
        Size = HalpAccessSize(Offset + Done, Length - Done);
        HalpMoveRegister(HalpSelectRegister(Bus, Slot, Offset + Done), Buffer + Done, Size, Write);
    }
    KeReleaseSpinLockFromDpcLevel(&HalpPciLock);
    KfLowerIrql(OldIrql);
    return Length;
}

/*
 * Reads a function's configuration registers (WDK: HalGetBusDataByOffset, obsolete). Returns how
 * many bytes; 0: there is no such bus. Of a function that is not there, 2, and the vendor FFFFh.
 * Any IRQL.
 */
ULONG NTAPI HalGetBusDataByOffset(BUS_DATA_TYPE BusDataType, ULONG BusNumber, ULONG SlotNumber,
                                  PVOID Buffer, ULONG Offset, ULONG Length)
{
    ULONG Done;

    if (BusDataType != PCIConfiguration)
        return 0;
    Done = HalpMoveConfiguration(BusNumber, SlotNumber, Buffer, Offset, Length, FALSE);
    if (Done || BusNumber >= PCI_BUSES || Offset != 0 || Length < sizeof(USHORT))
        return Done;
    *(PUSHORT)Buffer = PCI_INVALID_VENDORID;
    return sizeof(USHORT);
}

/* Writes them; returns how many bytes (WDK: HalSetBusDataByOffset, obsolete). Any IRQL. */
ULONG NTAPI HalSetBusDataByOffset(BUS_DATA_TYPE BusDataType, ULONG BusNumber, ULONG SlotNumber,
                                  PVOID Buffer, ULONG Offset, ULONG Length)
{
    if (BusDataType != PCIConfiguration)
        return 0;
    return HalpMoveConfiguration(BusNumber, SlotNumber, Buffer, Offset, Length, TRUE);
}

/* The same, from the first register on. */
ULONG NTAPI HalGetBusData(BUS_DATA_TYPE BusDataType, ULONG BusNumber, ULONG SlotNumber,
                          PVOID Buffer, ULONG Length)
{
    return HalGetBusDataByOffset(BusDataType, BusNumber, SlotNumber, Buffer, 0, Length);
}

ULONG NTAPI HalSetBusData(BUS_DATA_TYPE BusDataType, ULONG BusNumber, ULONG SlotNumber,
                          PVOID Buffer, ULONG Length)
{
    return HalSetBusDataByOffset(BusDataType, BusNumber, SlotNumber, Buffer, 0, Length);
}
