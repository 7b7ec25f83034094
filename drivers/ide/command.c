/*
 * The channel's registers: giving the drive a command, its interrupt, reset (ATA/ATAPI-6, chapters
 * 7 and 9; 82371SB data sheet for the bus master).
 *
 * A command is written in a routine that the interrupt cannot interleave with. So an interrupt is
 * either there before it, and nobody waits, or about the whole command.
 */
#include "disk.h"

/* Ports of the command block, from Channel->Ports on. */
#define PORT_DATA     0
#define PORT_ERROR    1
#define PORT_COUNT    2
#define PORT_LBA_LOW  3
#define PORT_LBA_MID  4
#define PORT_LBA_HIGH 5
#define PORT_SELECT   6
#define PORT_STATUS   7 /* written: the command. Reading it acknowledges the interrupt */

#define SELECT_LBA 0xE0 /* sectors are numbered through; bits 5 and 7 are 1 by custom */
#define WORDS      (IDE_SECTOR / sizeof(USHORT))

/* The bus master's ports, from Channel->BusMaster on. */
#define MASTER_COMMAND 0
#define MASTER_STATUS  2
#define MASTER_TABLE   4

#define MASTER_START     0x01
#define MASTER_TO_MEMORY 0x08
#define MASTER_ERROR     0x02
#define MASTER_INTERRUPT 0x04 /* these two are cleared by writing ones */
#define MASTER_KEEP      0x60 /* the firmware's notes */

#define COMMAND_SECONDS 10
#define FLUSH_SECONDS   60 /* a full cache takes long; ATA allows more than 30 s */
#define RESET_MICROS    10 /* at least 5 */
#define POLL_MICROS     10
#define DATA_POLLS      100
#define IDENTIFY_POLLS  3000 /* of 10 ms: a drive may need 30 s after power-on */

/* Commands with 28 and with 48 bits of address. */
static const UCHAR IdeCommands[][2] = {
    [IdeReadPio] = {IDE_COMMAND_READ, IDE_COMMAND_READ_EXT},
    [IdeWritePio] = {IDE_COMMAND_WRITE, IDE_COMMAND_WRITE_EXT},
    [IdeReadDma] = {IDE_COMMAND_READ_DMA, IDE_COMMAND_READ_DMA_EXT},
    [IdeWriteDma] = {IDE_COMMAND_WRITE_DMA, IDE_COMMAND_WRITE_DMA_EXT},
    [IdeVerify] = {IDE_COMMAND_VERIFY, IDE_COMMAND_VERIFY_EXT},
    [IdeFlush] = {IDE_COMMAND_FLUSH_CACHE, IDE_COMMAND_FLUSH_CACHE_EXT},
};

/* ---- Giving a command ------------------------------------------------------------------------
 */

/* After selecting the other drive its status is valid 400 ns later; a port access takes 100. */
static VOID IdeSettle(PIDE_CHANNEL Channel)
{
    ULONG i;

    for (i = 0; i < 4; i++)
        READ_PORT_UCHAR(Channel->Control);
}

static VOID IdeSelect(PIDE_DISK Disk)
{
    PIDE_CHANNEL Channel = Disk->Channel;
    PIDE_REQUEST Request = &Disk->Request;
    UCHAR Select = SELECT_LBA | Disk->Select;

    if (!Request->Extended)
        Select |= (Request->Sector >> 24) & 0x0F;
    WRITE_PORT_UCHAR(Channel->Ports + PORT_SELECT, Select);
    if (Channel->Selected != Disk)
        IdeSettle(Channel);
    Channel->Selected = Disk;
}

/* The registers are two deep for 48 bits: the upper halves go first. */
static VOID IdeWriteAddress(PIDE_DISK Disk)
{
    PIDE_REQUEST Request = &Disk->Request;
    PUCHAR Ports = Disk->Channel->Ports;

    if (Request->Extended) {
        WRITE_PORT_UCHAR(Ports + PORT_COUNT, (UCHAR)(Request->Count >> 8));
        WRITE_PORT_UCHAR(Ports + PORT_LBA_LOW, (UCHAR)(Request->Sector >> 24));
        WRITE_PORT_UCHAR(Ports + PORT_LBA_MID, (UCHAR)(Request->Sector >> 32));
        WRITE_PORT_UCHAR(Ports + PORT_LBA_HIGH, (UCHAR)(Request->Sector >> 40));
    }
    WRITE_PORT_UCHAR(Ports + PORT_COUNT, (UCHAR)Request->Count);
    WRITE_PORT_UCHAR(Ports + PORT_LBA_LOW, (UCHAR)Request->Sector);
    WRITE_PORT_UCHAR(Ports + PORT_LBA_MID, (UCHAR)(Request->Sector >> 8));
    WRITE_PORT_UCHAR(Ports + PORT_LBA_HIGH, (UCHAR)(Request->Sector >> 16));
}

/* Clears what the last command left in the bus master, which then knows when ours interrupts. */
static VOID IdeClearBusMaster(PIDE_CHANNEL Channel)
{
    UCHAR Status = READ_PORT_UCHAR(Channel->BusMaster + MASTER_STATUS) & MASTER_KEEP;

    WRITE_PORT_UCHAR(Channel->BusMaster + MASTER_STATUS, Status | MASTER_ERROR | MASTER_INTERRUPT);
}

/* Direction, then start: the drive has its command and waits for the bus master. */
static VOID IdeStartBusMaster(PIDE_CHANNEL Channel, BOOLEAN ToMemory)
{
    UCHAR Command = ToMemory ? MASTER_TO_MEMORY : 0;

    WRITE_PORT_ULONG((PULONG)(Channel->BusMaster + MASTER_TABLE), Channel->RegionsAddress);
    WRITE_PORT_UCHAR(Channel->BusMaster + MASTER_COMMAND, Command);
    WRITE_PORT_UCHAR(Channel->BusMaster + MASTER_COMMAND, Command | MASTER_START);
}

/* Writes the command of Disk->Request. A drive that is busy now is left to the time-out. */
static BOOLEAN NTAPI IdeIssueSynchronized(PVOID Context)
{
    PIDE_DISK Disk = Context;
    PIDE_CHANNEL Channel = Disk->Channel;
    IDE_OPERATION Operation = Disk->Request.Operation;

    Channel->Waiting = Disk;
    Channel->SecondsLeft = Operation == IdeFlush ? FLUSH_SECONDS : COMMAND_SECONDS;
    IdeSelect(Disk);
    if (READ_PORT_UCHAR(Channel->Control) & (IDE_STATUS_BUSY | IDE_STATUS_DRQ))
        return FALSE;
    if (Channel->BusMaster)
        IdeClearBusMaster(Channel);
    if (Operation != IdeFlush)
        IdeWriteAddress(Disk);
    WRITE_PORT_UCHAR(Channel->Ports + PORT_STATUS, IdeCommands[Operation][Disk->Request.Extended]);
    if (Operation == IdeReadDma || Operation == IdeWriteDma)
        IdeStartBusMaster(Channel, Operation == IdeReadDma);
    return TRUE;
}

VOID IdeIssue(PIDE_DISK Disk)
{
    KeSynchronizeExecution(Disk->Channel->Interrupt, IdeIssueSynchronized, Disk);
}

/* ---- The interrupt, and the end of waiting for it --------------------------------------------
 */

/*
 * The bus master notes when the drive raises its line; so we know whose interrupt it is, with
 * or without DMA. Without a bus master the drive must not be busy any more. Reading the status
 * takes the line down. DIRQL.
 */
BOOLEAN NTAPI IdeInterrupt(PKINTERRUPT Interrupt, PVOID Context)
{
    PIDE_CHANNEL Channel = Context;
    PIDE_DISK Disk = Channel->Waiting;

    UNREFERENCED_PARAMETER(Interrupt);
    if (Channel->BusMaster) {
        Channel->BusMasterStatus = READ_PORT_UCHAR(Channel->BusMaster + MASTER_STATUS);
        if (!(Channel->BusMasterStatus & MASTER_INTERRUPT))
            return FALSE;
        WRITE_PORT_UCHAR(Channel->BusMaster + MASTER_COMMAND, 0);
        IdeClearBusMaster(Channel);
    } else if (IdeIsBusy(Channel)) {
        return FALSE;
    }
    Channel->Status = READ_PORT_UCHAR(Channel->Ports + PORT_STATUS);
    if (Disk == NULL)
        return TRUE; /* of a reset, or after the time-out */
    Channel->Error = 0;
    if (Channel->Status & IDE_STATUS_ERROR)
        Channel->Error = READ_PORT_UCHAR(Channel->Ports + PORT_ERROR);
    Channel->Waiting = NULL;
    IoRequestDpc(Disk->Whole.DeviceObject, Disk->Whole.DeviceObject->CurrentIrp, NULL);
    return TRUE;
}

static BOOLEAN NTAPI IdeExpectSynchronized(PVOID Context)
{
    PIDE_DISK Disk = Context;

    Disk->Channel->Waiting = Disk;
    Disk->Channel->SecondsLeft = COMMAND_SECONDS;
    return TRUE;
}

/* The command that has interrupted will do so again. From then on the caller, too, is not the
 * request's owner any more. */
VOID IdeExpectMore(PIDE_DISK Disk)
{
    KeSynchronizeExecution(Disk->Channel->Interrupt, IdeExpectSynchronized, Disk);
}

static BOOLEAN NTAPI IdeTickSynchronized(PVOID Context)
{
    PIDE_DISK Disk = Context;
    PIDE_CHANNEL Channel = Disk->Channel;

    if (Channel->Waiting != Disk || --Channel->SecondsLeft)
        return FALSE;
    Channel->Waiting = NULL;
    return TRUE;
}

/* A second has passed. TRUE: the disk's command has taken too long, and its request is the
 * caller's now. */
BOOLEAN IdeTakeTimedOut(PIDE_DISK Disk)
{
    return KeSynchronizeExecution(Disk->Channel->Interrupt, IdeTickSynchronized, Disk);
}

/* ---- The rest ---------------------------------------------------------------------------------
 */

BOOLEAN IdeIsBusy(PIDE_CHANNEL Channel)
{
    return (READ_PORT_UCHAR(Channel->Control) & IDE_STATUS_BUSY) != 0;
}

/* Before the first sector is written there is no interrupt, but the drive soon wants data. */
BOOLEAN IdeWaitForData(PIDE_CHANNEL Channel)
{
    ULONG i;

    for (i = 0; i < DATA_POLLS; i++) {
        UCHAR Status = READ_PORT_UCHAR(Channel->Control);
        if (!(Status & IDE_STATUS_BUSY) && (Status & IDE_STATUS_DRQ))
            return TRUE;
        KeStallExecutionProcessor(POLL_MICROS);
    }
    return FALSE;
}

VOID IdeMoveSector(PIDE_DISK Disk, PVOID Buffer, BOOLEAN Write)
{
    PUSHORT Port = (PUSHORT)(Disk->Channel->Ports + PORT_DATA);

    if (Write)
        WRITE_PORT_BUFFER_USHORT(Port, Buffer, WORDS);
    else
        READ_PORT_BUFFER_USHORT(Port, Buffer, WORDS);
}

/* Stops what the channel does, and resets both drives. They are busy for up to 31 s. */
VOID IdeBeginReset(PIDE_CHANNEL Channel)
{
    if (Channel->BusMaster)
        WRITE_PORT_UCHAR(Channel->BusMaster + MASTER_COMMAND, 0);
    WRITE_PORT_UCHAR(Channel->Control, IDE_DC_RESET_CONTROLLER);
    KeStallExecutionProcessor(RESET_MICROS);
    WRITE_PORT_UCHAR(Channel->Control, IDE_DC_REENABLE_CONTROLLER);
    Channel->Selected = NULL;
}

VOID IdeEnableInterrupts(PIDE_CHANNEL Channel, BOOLEAN Enable)
{
    WRITE_PORT_UCHAR(Channel->Control,
                     Enable ? IDE_DC_REENABLE_CONTROLLER : IDE_DC_DISABLE_INTERRUPTS);
}

/* Waits while the drive is busy. FALSE: it is, after all this time, still. PASSIVE_LEVEL. */
static INITIAL BOOLEAN IdeWaitWhileBusy(PIDE_CHANNEL Channel)
{
    LARGE_INTEGER Moment = {.QuadPart = -10000LL * 10};
    ULONG i;

    for (i = 0; i < IDENTIFY_POLLS && IdeIsBusy(Channel); i++)
        KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    return !IdeIsBusy(Channel);
}

/*
 * Asks a drive what it is, without interrupts. A channel without drives floats (FFh), a drive that
 * is missing beside another reads as 0, and one with packet commands (a CD-ROM) refuses.
 * STATUS_NO_SUCH_DEVICE: nothing there that this driver knows. PASSIVE_LEVEL.
 */
INITIAL NTSTATUS IdeIdentify(PIDE_CHANNEL Channel, UCHAR Select, PIDENTIFY_DEVICE_DATA Data)
{
    UCHAR Status;

    WRITE_PORT_UCHAR(Channel->Ports + PORT_SELECT, SELECT_LBA | Select);
    IdeSettle(Channel);
    Status = READ_PORT_UCHAR(Channel->Ports + PORT_STATUS);
    if (Status == 0xFF || Status == 0 || !IdeWaitWhileBusy(Channel))
        return STATUS_NO_SUCH_DEVICE;
    WRITE_PORT_UCHAR(Channel->Ports + PORT_STATUS, IDE_COMMAND_IDENTIFY);
    IdeSettle(Channel);
    if (!IdeWaitWhileBusy(Channel))
        return STATUS_IO_TIMEOUT;
    Status = READ_PORT_UCHAR(Channel->Ports + PORT_STATUS);
    if ((Status & IDE_STATUS_ERROR) || !(Status & IDE_STATUS_DRQ))
        return STATUS_NO_SUCH_DEVICE;
    READ_PORT_BUFFER_USHORT((PUSHORT)(Channel->Ports + PORT_DATA), (PUSHORT)Data, WORDS);
    return STATUS_SUCCESS;
}
