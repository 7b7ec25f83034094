/*
 * Which disks there are: the controller's PCI function, its two channels where every PC has had
 * them, the drives on them.
 *
 * A channel without disks is not kept, and its interrupt not connected.
 */
#include "disk.h"

#define PCI_SLOTS        32
#define PCI_FUNCTIONS    8
#define COMPATIBLE       0x05 /* programming interface: neither channel has ports of its own */
#define HAS_BUS_MASTER   0x80
#define BUS_MASTER_BAR   4
#define BUS_MASTER_PORTS 8 /* of each channel */

/* Where the channels are if the controller does not say otherwise. */
static const struct {
    ULONG Ports, Control, Line;
} IdePlaces[IDE_CHANNELS] = {{0x1F0, 0x3F6, 14}, {0x170, 0x376, 15}};

/* ---- The controller --------------------------------------------------------------------------
 */

/* Lets the function answer at its ports and be master of the bus. */
static INITIAL VOID IdeEnableFunction(PCI_SLOT_NUMBER Slot, PPCI_COMMON_CONFIG Config)
{
    USHORT Command = Config->Command | PCI_ENABLE_IO_SPACE | PCI_ENABLE_BUS_MASTER;

    HalSetBusDataByOffset(PCIConfiguration, 0, Slot.u.AsULONG, &Command,
                          FIELD_OFFSET(PCI_COMMON_CONFIG, Command), sizeof Command);
}

/* The bus master's ports; 0: this is not an IDE controller, or has none, or is not compatible. */
static INITIAL ULONG IdeBusMasterOf(PCI_SLOT_NUMBER Slot)
{
    PCI_COMMON_CONFIG Config;
    ULONG Length =
        HalGetBusData(PCIConfiguration, 0, Slot.u.AsULONG, &Config, PCI_COMMON_HDR_LENGTH);

    if (Length < PCI_COMMON_HDR_LENGTH || Config.VendorID == PCI_INVALID_VENDORID ||
        Config.BaseClass != PCI_CLASS_MASS_STORAGE_CTLR ||
        Config.SubClass != PCI_SUBCLASS_MSC_IDE_CTLR)
        return 0;
    if ((Config.ProgIf & COMPATIBLE) || !(Config.ProgIf & HAS_BUS_MASTER))
        return 0;
    IdeEnableFunction(Slot, &Config);
    return Config.u.type0.BaseAddresses[BUS_MASTER_BAR] & PCI_ADDRESS_IO_ADDRESS_MASK;
}

/* Looks through the first PCI bus. 0: no bus master, and the processor moves the data. */
static INITIAL ULONG IdeFindBusMaster(VOID)
{
    PCI_SLOT_NUMBER Slot = {.u.AsULONG = 0};
    ULONG Device, Function, Ports;

    for (Device = 0; Device < PCI_SLOTS; Device++) {
        for (Function = 0; Function < PCI_FUNCTIONS; Function++) {
            Slot.u.bits.DeviceNumber = Device;
            Slot.u.bits.FunctionNumber = Function;
            Ports = IdeBusMasterOf(Slot);
            if (Ports)
                return Ports;
        }
    }
    return 0;
}

/* ---- Disks ------------------------------------------------------------------------------------
 */

/* The drive's texts have their bytes swapped in each word, and blanks at their ends. */
static INITIAL VOID IdeCopyText(PCHAR Text, const UCHAR *Swapped, ULONG Length)
{
    ULONG i;

    for (i = 0; i < Length; i++)
        Text[i] = (CHAR)Swapped[i ^ 1];
    while (i > 0 && Text[i - 1] == ' ')
        i--;
    Text[i] = 0;
}

/* The number of sectors, in 48 bits where the drive has so many. */
static INITIAL ULONGLONG IdeSectorsOf(PIDENTIFY_DEVICE_DATA Data)
{
    if (Data->CommandSetSupport.BigLba)
        return Data->Max48BitLBA[0] | (ULONGLONG)Data->Max48BitLBA[1] << 32;
    return Data->UserAddressableSectors;
}

static INITIAL VOID IdeDescribeDisk(PIDE_DISK Disk, PIDENTIFY_DEVICE_DATA Data)
{
    Disk->Whole.Length = IdeSectorsOf(Data) * IDE_SECTOR;
    Disk->Extended = Data->CommandSetSupport.BigLba;
    Disk->Flush = Data->CommandSetSupport.FlushCache;
    Disk->Dma = Data->Capabilities.DmaSupported && Disk->Channel->BusMaster;
    IdeCopyText(Disk->Model, Data->ModelNumber, sizeof Data->ModelNumber);
    IdeCopyText(Disk->Revision, Data->FirmwareRevision, sizeof Data->FirmwareRevision);
    IdeCopyText(Disk->Serial, Data->SerialNumber, sizeof Data->SerialNumber);
}

/* Makes the device of a drive, if there is one that numbers its sectors through. */
static INITIAL NTSTATUS IdeAddDisk(PDRIVER_OBJECT DriverObject, PIDE_DRIVER Driver,
                                   PCONTROLLER_OBJECT Controller, ULONG Unit)
{
    PIDE_CHANNEL Channel = Controller->ControllerExtension;
    UCHAR Select = (UCHAR)(Unit << 4);
    IDENTIFY_DEVICE_DATA Data;
    PIDE_DISK Disk;
    NTSTATUS Status = IdeIdentify(Channel, Select, &Data);

    if (!NT_SUCCESS(Status) || !Data.Capabilities.LbaSupported)
        return STATUS_SUCCESS;
    Status = IdeCreateDisk(DriverObject, Driver->DiskCount, &Disk);
    if (!NT_SUCCESS(Status))
        return Status;
    Disk->Controller = Controller;
    Disk->Channel = Channel;
    Disk->Select = Select;
    IdeDescribeDisk(Disk, &Data);
    Channel->Disks[Unit] = Disk;
    Driver->DiskCount++;
    return STATUS_SUCCESS;
}

/* ---- Channels ---------------------------------------------------------------------------------
 */

static PAGEABLE VOID IdeDeleteChannel(PCONTROLLER_OBJECT Controller)
{
    PIDE_CHANNEL Channel = Controller->ControllerExtension;
    ULONG Unit;

    for (Unit = 0; Unit < RTL_NUMBER_OF(Channel->Disks); Unit++) {
        if (Channel->Disks[Unit])
            IdeDeleteDisk(Channel->Disks[Unit]);
    }
    if (Channel->Interrupt) {
        IdeEnableInterrupts(Channel, FALSE);
        IoDisconnectInterrupt(Channel->Interrupt);
    }
    if (Channel->Regions)
        ExFreePoolWithTag(Channel->Regions, IDE_TAG);
    IoDeleteController(Controller);
}

/* A page of nonpaged pool lies within one page frame: the bus master can read it as a whole. */
static INITIAL NTSTATUS IdeAllocateRegions(PIDE_CHANNEL Channel)
{
    Channel->Regions = ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, IDE_TAG);
    if (Channel->Regions == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Channel->RegionsAddress = MmGetPhysicalAddress(Channel->Regions).LowPart;
    return STATUS_SUCCESS;
}

static INITIAL NTSTATUS IdeConnect(PIDE_CHANNEL Channel)
{
    KAFFINITY Affinity;
    KIRQL Irql;
    ULONG Vector = HalGetInterruptVector(Isa, 0, Channel->Line, Channel->Line, &Irql, &Affinity);
    NTSTATUS Status = IoConnectInterrupt(&Channel->Interrupt, IdeInterrupt, Channel, NULL, Vector,
                                         Irql, Irql, Latched, FALSE, Affinity, FALSE);

    if (NT_SUCCESS(Status))
        IdeEnableInterrupts(Channel, TRUE);
    return Status;
}

/* Looks for the disks of a channel, with its interrupt off. */
static INITIAL NTSTATUS IdeAddDisks(PDRIVER_OBJECT DriverObject, PIDE_DRIVER Driver,
                                    PCONTROLLER_OBJECT Controller)
{
    PIDE_CHANNEL Channel = Controller->ControllerExtension;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Unit;

    IdeEnableInterrupts(Channel, FALSE);
    for (Unit = 0; Unit < RTL_NUMBER_OF(Channel->Disks) && NT_SUCCESS(Status); Unit++)
        Status = IdeAddDisk(DriverObject, Driver, Controller, Unit);
    if (NT_SUCCESS(Status) && Channel->Disks[0] == NULL && Channel->Disks[1] == NULL)
        Status = STATUS_NO_SUCH_DEVICE;
    if (NT_SUCCESS(Status))
        Status = IdeAllocateRegions(Channel);
    return NT_SUCCESS(Status) ? IdeConnect(Channel) : Status;
}

static INITIAL NTSTATUS IdeAddChannel(PDRIVER_OBJECT DriverObject, PIDE_DRIVER Driver, ULONG Number,
                                      ULONG BusMaster)
{
    PCONTROLLER_OBJECT Controller = IoCreateController(sizeof(IDE_CHANNEL));
    PIDE_CHANNEL Channel;
    NTSTATUS Status;

    if (Controller == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Channel = Controller->ControllerExtension;
    RtlZeroMemory(Channel, sizeof *Channel);
    Channel->Ports = UlongToPtr(IdePlaces[Number].Ports);
    Channel->Control = UlongToPtr(IdePlaces[Number].Control);
    Channel->Line = IdePlaces[Number].Line;
    if (BusMaster)
        Channel->BusMaster = UlongToPtr(BusMaster + Number * BUS_MASTER_PORTS);
    Status = IdeAddDisks(DriverObject, Driver, Controller);
    if (NT_SUCCESS(Status))
        Driver->Controllers[Number] = Controller;
    else
        IdeDeleteChannel(Controller);
    return Status == STATUS_NO_SUCH_DEVICE ? STATUS_SUCCESS : Status;
}

/* Names come last: whoever finds a disk finds it ready. */
static INITIAL NTSTATUS IdeNameDisks(PCONTROLLER_OBJECT Controller)
{
    PIDE_CHANNEL Channel = Controller->ControllerExtension;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Unit;

    for (Unit = 0; Unit < RTL_NUMBER_OF(Channel->Disks) && NT_SUCCESS(Status); Unit++) {
        if (Channel->Disks[Unit] == NULL)
            continue;
        IoStartTimer(Channel->Disks[Unit]->Whole.DeviceObject);
        IdeFindPartitions(Channel->Disks[Unit]);
        Status = IdeNameDisk(Channel->Disks[Unit]);
    }
    return Status;
}

/* Makes everything. If it fails, IdeDeleteAll undoes what was made. */
INITIAL NTSTATUS IdeFindDisks(PDRIVER_OBJECT DriverObject, PIDE_DRIVER Driver)
{
    ULONG BusMaster = IdeFindBusMaster(), i;
    NTSTATUS Status = STATUS_SUCCESS;

    for (i = 0; i < IDE_CHANNELS && NT_SUCCESS(Status); i++)
        Status = IdeAddChannel(DriverObject, Driver, i, BusMaster);
    for (i = 0; i < IDE_CHANNELS && NT_SUCCESS(Status); i++) {
        if (Driver->Controllers[i])
            Status = IdeNameDisks(Driver->Controllers[i]);
    }
    return NT_SUCCESS(Status) && Driver->DiskCount == 0 ? STATUS_NO_SUCH_DEVICE : Status;
}

PAGEABLE VOID IdeDeleteAll(PIDE_DRIVER Driver)
{
    ULONG i;

    for (i = 0; i < IDE_CHANNELS; i++) {
        if (Driver->Controllers[i])
            IdeDeleteChannel(Driver->Controllers[i]);
    }
}
