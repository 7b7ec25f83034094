/*
 * A request from StartIo to its end. It takes one command or several: a command has a limit, and
 * what is written through ends with writing out the drive's cache. A command that fails is given
 * again; one that takes too long, after a reset of the channel. What fails for good is logged.
 *
 * All of this is at DISPATCH_LEVEL and without a lock: see disk.h for who owns the request.
 */
#include "disk.h"

#define RETRIES         3
#define RESET_SECONDS   31 /* ATA/ATAPI-6, 9.2: that long a drive may be busy after it */
#define LAST_REGION     0x8000
#define REGION_LINE     0x10000 /* that no region crosses */
#define SHORT_SECTORS   256     /* most of a command with 28 bits of address: a count of 0 */
#define LONG_SECTORS    65536
#define SHORT_ADDRESSES (1ULL << 28)

#define MASTER_ACTIVE 0x01 /* BusMasterStatus: not all was moved when the drive ended */
#define MASTER_ERROR  0x02

static VOID IdeNextCommand(PIDE_DISK Disk);

/* ---- The end, good or bad -------------------------------------------------------------------
 */

/* Says in the error log what went wrong, or that it went well in the end. Not being able to is no
 * reason for anything. */
static VOID IdeLog(PIDE_DISK Disk, NTSTATUS Status)
{
    PDEVICE_OBJECT DeviceObject = Disk->Whole.DeviceObject;
    PIO_ERROR_LOG_PACKET Packet =
        IoAllocateErrorLogEntry(DeviceObject, FIELD_OFFSET(IO_ERROR_LOG_PACKET, DumpData[3]));

    if (Packet == NULL)
        return;
    Packet->ErrorCode = IdeLogCodeOf(Status);
    Packet->FinalStatus = Status;
    Packet->MajorFunctionCode =
        IoGetCurrentIrpStackLocation(DeviceObject->CurrentIrp)->MajorFunction;
    Packet->RetryCount = (UCHAR)(RETRIES - Disk->Request.Retries);
    Packet->DeviceOffset.QuadPart = Disk->Request.Sector * IDE_SECTOR;
    Packet->DumpDataSize = 3 * sizeof(ULONG);
    Packet->DumpData[0] = (ULONG)Disk->Request.Sector;
    Packet->DumpData[1] = Disk->Request.Count;
    Packet->DumpData[2] = Disk->Channel->Status << 8 | Disk->Channel->Error;
    IoWriteErrorLogEntry(Packet);
}

/* The packet is completed last: by then the hardware is at work on the next one. */
static VOID IdeFinish(PIDE_DISK Disk, NTSTATUS Status)
{
    PDEVICE_OBJECT DeviceObject = Disk->Whole.DeviceObject;
    PIRP Irp = DeviceObject->CurrentIrp;

    if (!NT_SUCCESS(Status) || Disk->Request.Retries < RETRIES)
        IdeLog(Disk, Status);
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = NT_SUCCESS(Status) && Irp->MdlAddress ? Disk->Request.Offset : 0;
    IoFreeController(Disk->Controller);
    IoStartNextPacket(DeviceObject, FALSE);
    IoCompleteRequest(Irp, IO_DISK_INCREMENT);
}

/* The command has failed. It is given again from its beginning, some times. */
static VOID IdeRetry(PIDE_DISK Disk, NTSTATUS Status)
{
    if (Disk->Request.Retries == 0) {
        IdeFinish(Disk, Status);
        return;
    }
    Disk->Request.Retries--;
    IdeNextCommand(Disk);
}

/* ---- Commands ---------------------------------------------------------------------------------
 */

/* Regions are words, and lie at even addresses. What does not is moved by the processor. */
BOOLEAN IdeCanUseDma(PIDE_DISK Disk, PMDL Mdl)
{
    return Disk->Dma && (MmGetMdlByteOffset(Mdl) & 1) == 0;
}

/*
 * Tells the bus master where the command's data is: pages that lie one behind the other make one
 * region, as far as the next 64 KB line. IDE_DMA_SECTORS is what always fits.
 */
static VOID IdeBuildRegions(PIDE_CHANNEL Channel, PMDL Mdl, ULONG Offset, ULONG Length)
{
    PPFN_NUMBER Frames = MmGetMdlPfnArray(Mdl);
    PIDE_REGION Next = Channel->Regions;
    ULONG End = 0; /* of the last region; at first no page begins there but page 0, on a line */

    Offset += MmGetMdlByteOffset(Mdl);
    while (Length) {
        ULONG Address = (Frames[Offset >> PAGE_SHIFT] << PAGE_SHIFT) + BYTE_OFFSET(Offset);
        ULONG Bytes = min(PAGE_SIZE - BYTE_OFFSET(Offset), Length);
        if (Address != End || Address % REGION_LINE == 0)
            *Next++ = (IDE_REGION){.Address = Address};
        Next[-1].Bytes += (USHORT)Bytes; /* 64 KB become 0, as they should */
        End = Address + Bytes;
        Offset += Bytes;
        Length -= Bytes;
    }
    Next[-1].Flags = LAST_REGION;
}

/* How much the next command does: not more than its registers and the regions' table can say. */
static VOID IdeSizeCommand(PIDE_DISK Disk)
{
    PIDE_REQUEST Request = &Disk->Request;
    BOOLEAN Dma = Request->Operation == IdeReadDma || Request->Operation == IdeWriteDma;
    ULONG Most = Disk->Extended ? LONG_SECTORS : SHORT_SECTORS;

    if (Dma)
        Most = min(Most, IDE_DMA_SECTORS);
    Request->Count = min(Request->SectorsLeft, Most);
    Request->Moved = 0;
    Request->Extended = Disk->Extended && (Request->Count > SHORT_SECTORS ||
                                           Request->Sector + Request->Count > SHORT_ADDRESSES);
}

/* Moves one sector. If the command interrupts again, its DPC may run before this returns, on
 * another processor: moving the data is the last thing that is done. */
static VOID IdeMoveNext(PIDE_DISK Disk)
{
    PIDE_REQUEST Request = &Disk->Request;
    PUCHAR Place = Request->Buffer + Request->Offset + Request->Moved * IDE_SECTOR;
    BOOLEAN Write = Request->Operation == IdeWritePio;

    Request->Moved++;
    if (Write || Request->Moved < Request->Count)
        IdeExpectMore(Disk);
    IdeMoveSector(Disk, Place, Write);
}

/* Gives the next command, or ends the request if it needs none. */
static VOID IdeNextCommand(PIDE_DISK Disk)
{
    PIDE_REQUEST Request = &Disk->Request;

    if (Request->SectorsLeft == 0 && !Request->FlushAfter) {
        IdeFinish(Disk, STATUS_SUCCESS);
        return;
    }
    if (Request->SectorsLeft == 0)
        Request->Operation = IdeFlush;
    IdeSizeCommand(Disk);
    if (Request->Operation == IdeReadDma || Request->Operation == IdeWriteDma)
        IdeBuildRegions(Disk->Channel, Disk->Whole.DeviceObject->CurrentIrp->MdlAddress,
                        Request->Offset, Request->Count * IDE_SECTOR);
    IdeIssue(Disk);
    if (Request->Operation == IdeWritePio && IdeWaitForData(Disk->Channel))
        IdeMoveNext(Disk);
}

static VOID IdeEndCommand(PIDE_DISK Disk)
{
    PIDE_REQUEST Request = &Disk->Request;

    if (Request->Operation == IdeFlush)
        Request->FlushAfter = FALSE;
    Request->Sector += Request->Count;
    Request->SectorsLeft -= Request->Count;
    Request->Offset += Request->Count * IDE_SECTOR;
    IdeNextCommand(Disk);
}

/* The drive has a sector for us, or has taken one. */
static VOID IdeContinuePio(PIDE_DISK Disk)
{
    PIDE_REQUEST Request = &Disk->Request;
    BOOLEAN Read = Request->Operation == IdeReadPio;
    BOOLEAN Last = Request->Moved + (Read ? 1 : 0) == Request->Count;

    if ((Read || !Last) && !(Disk->Channel->Status & IDE_STATUS_DRQ)) {
        IdeRetry(Disk, STATUS_IO_DEVICE_ERROR);
        return;
    }
    if (Read || !Last)
        IdeMoveNext(Disk);
    if (Last)
        IdeEndCommand(Disk);
}

/* ---- What the I/O manager calls --------------------------------------------------------------
 */

/* The channel is this disk's until IdeFinish gives it back. */
static IO_ALLOCATION_ACTION NTAPI IdeOwnChannel(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                                PVOID MapRegisterBase, PVOID Context)
{
    UNREFERENCED_PARAMETER(Irp);
    UNREFERENCED_PARAMETER(MapRegisterBase);
    UNREFERENCED_PARAMETER(Context);
    IdeNextCommand(DeviceObject->DeviceExtension);
    return KeepObject;
}

static VOID IdeDescribeTransfer(PIDE_DISK Disk, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    PIDE_REQUEST Request = &Disk->Request;
    BOOLEAN Write = Stack->MajorFunction == IRP_MJ_WRITE;
    BOOLEAN Dma = IdeCanUseDma(Disk, Irp->MdlAddress);

    if (Dma)
        Request->Operation = Write ? IdeWriteDma : IdeReadDma;
    else
        Request->Operation = Write ? IdeWritePio : IdeReadPio;
    if (!Dma) /* mapped when the packet came */
        Request->Buffer = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
    Request->FlushAfter = Write && (Stack->Flags & SL_WRITE_THROUGH) && Disk->Flush;
    Request->Sector = Stack->Parameters.Read.ByteOffset.QuadPart / IDE_SECTOR;
    Request->SectorsLeft = Stack->Parameters.Read.Length / IDE_SECTOR;
}

/* The next packet of a disk. */
VOID NTAPI IdeStartIo(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIDE_DISK Disk = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PVERIFY_INFORMATION Verify = Irp->AssociatedIrp.SystemBuffer;

    Disk->Request = (IDE_REQUEST){.Operation = IdeFlush, .Retries = RETRIES};
    switch (Stack->MajorFunction) {
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        IdeDescribeTransfer(Disk, Irp, Stack);
        break;
    case IRP_MJ_DEVICE_CONTROL:
        Disk->Request.Operation = IdeVerify;
        Disk->Request.Sector = Verify->StartingOffset.QuadPart / IDE_SECTOR;
        Disk->Request.SectorsLeft = Verify->Length / IDE_SECTOR;
        break;
    default:
        Disk->Request.FlushAfter = TRUE;
    }
    IoAllocateController(Disk->Controller, DeviceObject, IdeOwnChannel, NULL);
}

/* The interrupt has come: the request is ours. */
VOID NTAPI IdeDpc(PKDPC Dpc, PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PIDE_DISK Disk = DeviceObject->DeviceExtension;
    PIDE_CHANNEL Channel = Disk->Channel;
    IDE_OPERATION Operation = Disk->Request.Operation;
    BOOLEAN Pio = Operation == IdeReadPio || Operation == IdeWritePio;
    BOOLEAN Dma = Operation == IdeReadDma || Operation == IdeWriteDma;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Irp);
    UNREFERENCED_PARAMETER(Context);
    if (Channel->Status & (IDE_STATUS_BUSY | IDE_STATUS_DEVICE_FAULT | IDE_STATUS_ERROR))
        IdeRetry(Disk, IdeStatusOf(Channel->Status, Channel->Error));
    else if (Dma && (Channel->BusMasterStatus & (MASTER_ACTIVE | MASTER_ERROR)))
        IdeRetry(Disk, STATUS_IO_DEVICE_ERROR);
    else if (Pio)
        IdeContinuePio(Disk);
    else
        IdeEndCommand(Disk);
}

/*
 * Once a second, for each disk (WDK: Using an I/O Timer). A reset takes longer than anything may
 * take at DISPATCH_LEVEL; so one call begins it, and a later one sees its end.
 */
VOID NTAPI IdeTimer(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    PIDE_DISK Disk = DeviceObject->DeviceExtension;

    UNREFERENCED_PARAMETER(Context);
    if (Disk->ResetSeconds == 0) {
        if (!IdeTakeTimedOut(Disk))
            return;
        IdeBeginReset(Disk->Channel);
        Disk->ResetSeconds = RESET_SECONDS;
    } else if (IdeIsBusy(Disk->Channel) && --Disk->ResetSeconds) {
        return;
    } else {
        Disk->ResetSeconds = 0;
        IdeRetry(Disk, STATUS_IO_TIMEOUT);
    }
}
