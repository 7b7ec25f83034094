/*
 * The error log: what drivers have to say about their devices' mistakes. Here it is a line in the
 * kernel's log, written by a worker thread, for packets come at up to DISPATCH_LEVEL (WDK: Writing
 * to the System Event Log).
 */
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_ERROR_LOG 'rEoI'

/* In front of the packet that the driver fills. */
typedef struct _IOP_ERROR_ENTRY {
    WORK_QUEUE_ITEM Item;
    PVOID Object; /* the device or driver, referenced */
    BOOLEAN IsDevice;
    ULONG Size; /* of the packet */
} IOP_ERROR_ENTRY;

#define PACKET_OF(Entry) ((PIO_ERROR_LOG_PACKET)((Entry) + 1))

/*
 * A packet to be filled and written, or freed (WDK: IoAllocateErrorLogEntry). NULL: EntrySize is
 * not in the limits, or no memory. IRQL <= DISPATCH_LEVEL.
 */
PVOID NTAPI IoAllocateErrorLogEntry(PVOID IoObject, UCHAR EntrySize)
{
    CSHORT Type = ((PDEVICE_OBJECT)IoObject)->Type;
    IOP_ERROR_ENTRY *Entry;

    if ((Type != IO_TYPE_DEVICE && Type != IO_TYPE_DRIVER) ||
        EntrySize < sizeof(IO_ERROR_LOG_PACKET) || EntrySize > ERROR_LOG_MAXIMUM_SIZE)
        return NULL;
    Entry = ExAllocatePoolWithTag(NonPagedPool, sizeof *Entry + EntrySize, TAG_ERROR_LOG);
    if (Entry == NULL)
        return NULL;
    RtlZeroMemory(Entry, sizeof *Entry + EntrySize);
    ObReferenceObject(IoObject);
    Entry->Object = IoObject;
    Entry->IsDevice = Type == IO_TYPE_DEVICE;
    Entry->Size = EntrySize;
    return PACKET_OF(Entry);
}

VOID NTAPI IoFreeErrorLogEntry(PVOID ElEntry)
{
    IOP_ERROR_ENTRY *Entry = (IOP_ERROR_ENTRY *)ElEntry - 1;

    ObDereferenceObject(Entry->Object);
    ExFreePoolWithTag(Entry, TAG_ERROR_LOG);
}

/* The driver's strings, one after the other, as far as the packet reaches. */
static VOID IopPrintStrings(PIO_ERROR_LOG_PACKET Packet, ULONG Size)
{
    ULONG i, Offset = Packet->StringOffset;

    for (i = 0; i < Packet->NumberOfStrings && Offset < Size; i++) {
        PCWSTR Text = (PCWSTR)((PUCHAR)Packet + Offset);
        ULONG Length = 0, Room = (Size - Offset) / sizeof(WCHAR);
        while (Length < Room && Text[Length])
            Length++;
        KdPrintLine("  \"%.*ws\"\n", Length, Text);
        Offset += (Length + 1) * sizeof(WCHAR);
    }
}

static VOID NTAPI IopPrintEntry(PVOID Parameter)
{
    IOP_ERROR_ENTRY *Entry = Parameter;
    PIO_ERROR_LOG_PACKET Packet = PACKET_OF(Entry);
    PDRIVER_OBJECT Driver =
        Entry->IsDevice ? ((PDEVICE_OBJECT)Entry->Object)->DriverObject : Entry->Object;
    ULONG i, Words = Packet->DumpDataSize / sizeof(ULONG);

    KdPrintLine("Io: error log: %wZ: error %08lx, status %08lx, unique value %lu, function %02x\n",
                &Driver->DriverName, Packet->ErrorCode, Packet->FinalStatus,
                Packet->UniqueErrorValue, Packet->MajorFunctionCode);
    for (i = 0; i < Words && FIELD_OFFSET(IO_ERROR_LOG_PACKET, DumpData[i + 1]) <= Entry->Size; i++)
        KdPrintLine("  dump data %08lx\n", Packet->DumpData[i]);
    IopPrintStrings(Packet, Entry->Size);
    IoFreeErrorLogEntry(Packet);
}

/* Writes a packet, which is not the caller's any more (WDK: IoWriteErrorLogEntry).
 * IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoWriteErrorLogEntry(PVOID ElEntry)
{
    IOP_ERROR_ENTRY *Entry = (IOP_ERROR_ENTRY *)ElEntry - 1;

    ExInitializeWorkItem(&Entry->Item, IopPrintEntry, Entry);
    ExQueueWorkItem(&Entry->Item, DelayedWorkQueue);
}
