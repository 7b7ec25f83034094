/*
 * Asks ide.sys as other drivers do: packets made by hand, at DISPATCH_LEVEL, as a pagefile's are,
 * many at once and from all processors; then a shutdown. It needs the disk of test_disk.py.
 */
#include "selftest.h"
#include <ntdddisk.h>

#define SECTOR       512
#define SECOND_START 22528 /* of partition 2, which is free to be written */
#define PACKETS      64
#define BYTES        0x6000
#define STEP         (BYTES / SECTOR)
#define DISK_TAG     'tksD'

/* A packet with its buffer. */
typedef struct _DISK_PACKET {
    PIRP Irp;
    PMDL Mdl;
    PULONG Buffer;
    KEVENT Done;
} DISK_PACKET, *PDISK_PACKET;

static DISK_PACKET Packets[PACKETS];
static PDEVICE_OBJECT Partition;
static UCHAR Function;
static volatile LONG NextPacket;

/* Ours is the packet: nobody else is to touch it any more. */
static NTSTATUS NTAPI PacketDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PDISK_PACKET Packet = Context;

    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent(&Packet->Done, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID SendPacket(ULONG Number)
{
    PDISK_PACKET Packet = &Packets[Number];
    PIO_STACK_LOCATION Stack;

    KeClearEvent(&Packet->Done);
    IoReuseIrp(Packet->Irp, STATUS_SUCCESS);
    Packet->Irp->MdlAddress = Packet->Mdl;
    Packet->Irp->Flags = IRP_PAGING_IO | IRP_NOCACHE;
    Stack = IoGetNextIrpStackLocation(Packet->Irp);
    Stack->MajorFunction = Function;
    Stack->Parameters.Read.Length = Packet->Mdl ? BYTES : 0;
    Stack->Parameters.Read.ByteOffset.QuadPart = (LONGLONG)Number * BYTES;
    IoSetCompletionRoutine(Packet->Irp, PacketDone, Packet, TRUE, TRUE, TRUE);
    IoCallDriver(Partition, Packet->Irp);
}

/* Each thread sends what the others have not, at DISPATCH_LEVEL. */
static VOID NTAPI SendSome(PVOID Context)
{
    KIRQL OldIrql;
    LONG Number;

    UNREFERENCED_PARAMETER(Context);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    while ((Number = InterlockedIncrement(&NextPacket) - 1) < PACKETS)
        SendPacket(Number);
    KeLowerIrql(OldIrql);
}

/* How many packets of all have succeeded. */
static ULONG SendAll(UCHAR MajorFunction)
{
    ULONG i, Good = 0, Threads = KeNumberProcessors;
    PKTHREAD Objects[8];

    Function = MajorFunction;
    NextPacket = 0;
    for (i = 0; i < Threads; i++)
        Objects[i] = StartThread(SendSome, NULL);
    for (i = 0; i < Threads; i++)
        JoinThread(Objects[i]);
    for (i = 0; i < PACKETS; i++) {
        Wait(&Packets[i].Done);
        Good += Packets[i].Irp->IoStatus.Status == STATUS_SUCCESS &&
                Packets[i].Irp->IoStatus.Information == BYTES;
    }
    return Good;
}

/* Writes to all buffers what each sector is to hold, or counts the buffers that hold it. */
static ULONG Numbers(BOOLEAN Write, ULONG Base)
{
    ULONG i, Word, Right = 0;

    for (i = 0; i < PACKETS; i++) {
        ULONG Wrong = 0;
        for (Word = 0; Word < BYTES / sizeof(ULONG); Word++) {
            ULONG Number = Base + i * STEP + Word * sizeof(ULONG) / SECTOR;
            if (Write)
                Packets[i].Buffer[Word] = Number;
            else
                Wrong += Packets[i].Buffer[Word] != Number;
        }
        Right += Wrong == 0;
    }
    return Right;
}

static VOID TestTransfers(VOID)
{
    CheckEqual("reads at DISPATCH_LEVEL succeed", SendAll(IRP_MJ_READ), PACKETS);
    CheckEqual("and bring what is there", Numbers(FALSE, SECOND_START), PACKETS);
    Numbers(TRUE, 0x50000000);
    CheckEqual("writes at DISPATCH_LEVEL succeed", SendAll(IRP_MJ_WRITE), PACKETS);
    Numbers(TRUE, 0);
    CheckEqual("reads after them, too", SendAll(IRP_MJ_READ), PACKETS);
    CheckEqual("and bring what was written", Numbers(FALSE, 0x50000000), PACKETS);
}

static NTSTATUS SendSimple(UCHAR MajorFunction)
{
    PMDL Mdl = Packets[0].Mdl;

    Function = MajorFunction;
    Packets[0].Mdl = NULL;
    SendPacket(0);
    Packets[0].Mdl = Mdl;
    Wait(&Packets[0].Done);
    return Packets[0].Irp->IoStatus.Status;
}

/* What other drivers see of the devices. */
static VOID TestDevices(PDEVICE_OBJECT Whole)
{
    Check("the devices are disks",
          Whole->DeviceType == FILE_DEVICE_DISK && Partition->DeviceType == FILE_DEVICE_DISK);
    Check("with direct I/O", (Whole->Flags & DO_DIRECT_IO) && (Partition->Flags & DO_DIRECT_IO));
    Check("sectors of 512 bytes", Whole->SectorSize == SECTOR && Partition->SectorSize == SECTOR);
    Check("the whole disk is told of the machine's end",
          (Whole->Flags & DO_SHUTDOWN_REGISTERED) != 0);
    CheckEqual("a flush", SendSimple(IRP_MJ_FLUSH_BUFFERS), STATUS_SUCCESS);
    DbgPrint("shutdown: %08lx\n", SendSimple(IRP_MJ_SHUTDOWN));
    CheckEqual("what a disk does not do", SendSimple(IRP_MJ_QUERY_EA),
               STATUS_INVALID_DEVICE_REQUEST);
}

static BOOLEAN MakePackets(VOID)
{
    ULONG i;

    for (i = 0; i < PACKETS; i++) {
        PDISK_PACKET Packet = &Packets[i];
        KeInitializeEvent(&Packet->Done, NotificationEvent, FALSE);
        Packet->Buffer = ExAllocatePoolWithTag(NonPagedPool, BYTES, DISK_TAG);
        Packet->Irp = IoAllocateIrp(Partition->StackSize, FALSE);
        if (Packet->Buffer)
            Packet->Mdl = IoAllocateMdl(Packet->Buffer, BYTES, FALSE, FALSE, NULL);
        if (Packet->Mdl == NULL || Packet->Irp == NULL)
            return FALSE;
        MmBuildMdlForNonPagedPool(Packet->Mdl);
    }
    return TRUE;
}

static VOID FreePackets(VOID)
{
    ULONG i;

    for (i = 0; i < PACKETS; i++) {
        if (Packets[i].Mdl)
            IoFreeMdl(Packets[i].Mdl);
        if (Packets[i].Irp)
            IoFreeIrp(Packets[i].Irp);
        if (Packets[i].Buffer)
            ExFreePoolWithTag(Packets[i].Buffer, DISK_TAG);
    }
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING WholeName = RTL_CONSTANT_STRING(L"\\Device\\Harddisk0\\Partition0");
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\Harddisk0\\Partition2");
    PFILE_OBJECT File, WholeFile;
    PDEVICE_OBJECT Whole;

    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    if (!Check("the disk's device is found", NT_SUCCESS(IoGetDeviceObjectPointer(
                                                 &WholeName, FILE_READ_DATA, &WholeFile, &Whole))))
        return FinishTests("disktest");
    if (Check("a partition's device is found",
              NT_SUCCESS(IoGetDeviceObjectPointer(&Name, FILE_WRITE_DATA, &File, &Partition)))) {
        if (Check("there is memory for packets", MakePackets())) {
            TestTransfers();
            TestDevices(Whole);
        }
        FreePackets();
        ObDereferenceObject(File);
    }
    ObDereferenceObject(WholeFile);
    return FinishTests("disktest");
}
