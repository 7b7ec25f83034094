/*
 * Processors, I/O APIC and interrupt lines as the MP table lists them, for machines without ACPI
 * (MultiProcessor Specification 1.4, chapter 4). Both structures lie in the first megabyte, which
 * the window shows.
 */
#include "boot/options.h"
#include "kernel/hal/firmware.h"
#include "kernel/rtl/rtl.h"

#define LOW_MEMORY_END   0x100000
#define BIOS_START       0xF0000
#define BASE_MEMORY_END  0x9FC00
#define SEARCH_BYTES     1024
#define PROCESSOR_BYTES  20
#define OTHER_BYTES      8
#define PROCESSOR_USABLE 1
#define IO_APIC_USABLE   1
#define FEATURE_IMCR     0x80 /* in the second byte of features */
#define ANY_IO_APIC      0xFF

enum { ENTRY_PROCESSOR, ENTRY_BUS, ENTRY_IO_APIC, ENTRY_LINE, LAST_ENTRY_TYPE };
enum { BUS_OTHER, BUS_ISA, BUS_PCI };

typedef struct _MP_POINTER {
    CHAR Signature[4];
    ULONG TableAddress;
    UCHAR Length; /* in units of 16 bytes */
    UCHAR Revision, Checksum, Features[5];
} __attribute__((packed)) MP_POINTER;

typedef struct _MP_TABLE {
    CHAR Signature[4];
    USHORT Length;
    UCHAR Revision, Checksum;
    CHAR Oem[20];
    ULONG OemTable;
    USHORT OemTableSize, EntryCount;
    ULONG LocalApicAddress;
    USHORT ExtendedLength;
    UCHAR ExtendedChecksum, Reserved;
} __attribute__((packed)) MP_TABLE;

typedef struct _MP_ENTRY {
    UCHAR Type;
    union {
        struct {
            UCHAR ApicId, Version, Flags;
        } Processor;
        struct {
            UCHAR Id;
            CHAR Name[6];
        } Bus;
        struct {
            UCHAR ApicId, Version, Flags;
            ULONG Address;
        } __attribute__((packed)) IoApic;
        struct {
            UCHAR Kind; /* 0: an interrupt with a vector */
            USHORT Flags;
            UCHAR Bus, Line, ApicId, Pin;
        } __attribute__((packed)) Line;
    };
} __attribute__((packed)) MP_ENTRY;

C_ASSERT(sizeof(MP_ENTRY) == OTHER_BYTES);

/* What later entries need of earlier ones: the specification has them sorted by type. */
typedef struct _MP_READER {
    HAL_FIRMWARE *Firmware;
    UCHAR IoApicId;
    UCHAR Buses[256]; /* BUS_xxx, by number */
} MP_READER;

/* The table, found good; NULL: it is not, or not where we see it. */
static const MP_TABLE *HalpMpTable(const MP_POINTER *Pointer)
{
    const MP_TABLE *Table = BootMapPhysical(Pointer->TableAddress, sizeof *Table);

    if (Pointer->TableAddress == 0 || Pointer->TableAddress > LOW_MEMORY_END - sizeof *Table ||
        Table->Length < sizeof *Table || Table->Length > LOW_MEMORY_END - Pointer->TableAddress ||
        !RtlEqualMemory(Table->Signature, "PCMP", sizeof Table->Signature) ||
        !HalpChecksumIsRight(Table, Table->Length))
        return NULL;
    return Table;
}

static UCHAR HalpBusKind(const CHAR *Name)
{
    if (RtlEqualMemory(Name, "ISA", 3) || RtlEqualMemory(Name, "EISA", 4))
        return BUS_ISA;
    return RtlEqualMemory(Name, "PCI", 3) ? BUS_PCI : BUS_OTHER;
}

/*
 * PCI's interrupts are shared, by level, active low. Those that the firmware has wired to the pins
 * of ISA lines are such lines to us: their devices' configuration registers have these numbers.
 */
static VOID HalpReadMpLine(const MP_ENTRY *Entry, MP_READER *Reader)
{
    HAL_FIRMWARE *Firmware = Reader->Firmware;
    ULONG Flags = Entry->Line.Flags, Pin = Entry->Line.Pin;

    if (Entry->Line.Kind != 0 || Firmware->IoApicAddress == 0 ||
        (Entry->Line.ApicId != Reader->IoApicId && Entry->Line.ApicId != ANY_IO_APIC))
        return;
    if (Reader->Buses[Entry->Line.Bus] == BUS_ISA)
        HalpNameLine(Firmware, Entry->Line.Line, Pin, HalpIsLevel(Flags, FALSE),
                     HalpIsActiveLow(Flags, FALSE));
    else if (Reader->Buses[Entry->Line.Bus] == BUS_PCI && Pin < HAL_LINES &&
             !Firmware->Lines[Pin].Named)
        HalpNameLine(Firmware, Pin, Pin, HalpIsLevel(Flags, TRUE), HalpIsActiveLow(Flags, TRUE));
}

static VOID HalpReadMpEntry(const MP_ENTRY *Entry, MP_READER *Reader)
{
    HAL_FIRMWARE *Firmware = Reader->Firmware;

    if (Entry->Type == ENTRY_PROCESSOR && (Entry->Processor.Flags & PROCESSOR_USABLE)) {
        HalpAddProcessor(Firmware, Entry->Processor.ApicId);
    } else if (Entry->Type == ENTRY_BUS) {
        Reader->Buses[Entry->Bus.Id] = HalpBusKind(Entry->Bus.Name);
    } else if (Entry->Type == ENTRY_IO_APIC && (Entry->IoApic.Flags & IO_APIC_USABLE)) {
        if (Firmware->IoApicAddress == 0) { /* the first: it has the ISA lines */
            Firmware->IoApicAddress = Entry->IoApic.Address;
            Reader->IoApicId = Entry->IoApic.ApicId;
        }
    } else if (Entry->Type == ENTRY_LINE) {
        HalpReadMpLine(Entry, Reader);
    }
}

static VOID HalpReadMpTable(const MP_TABLE *Table, HAL_FIRMWARE *Firmware)
{
    const UCHAR *Next = (const UCHAR *)(Table + 1), *End = (const UCHAR *)Table + Table->Length;
    MP_READER Reader = {.Firmware = Firmware};

    Firmware->LocalApicAddress = Table->LocalApicAddress;
    while (End - Next >= OTHER_BYTES) {
        const MP_ENTRY *Entry = (const MP_ENTRY *)Next;
        if (Entry->Type > LAST_ENTRY_TYPE)
            break;
        HalpReadMpEntry(Entry, &Reader);
        Next += Entry->Type == ENTRY_PROCESSOR ? PROCESSOR_BYTES : OTHER_BYTES;
    }
}

BOOLEAN HalpFindMpTable(HAL_FIRMWARE *Firmware)
{
    const MP_POINTER *Pointer =
        HalpFindStructure(BASE_MEMORY_END, BASE_MEMORY_END + SEARCH_BYTES, "_MP_",
                          sizeof Pointer->Signature, sizeof *Pointer);
    const MP_TABLE *Table;

    HalpForgetFirmware(Firmware);
    if (Pointer == NULL)
        Pointer = HalpFindStructure(BIOS_START, LOW_MEMORY_END, "_MP_", sizeof Pointer->Signature,
                                    sizeof *Pointer);
    Table = Pointer ? HalpMpTable(Pointer) : NULL;
    if (Table == NULL)
        return FALSE;
    Firmware->HasImcr = (Pointer->Features[1] & FEATURE_IMCR) != 0;
    HalpReadMpTable(Table, Firmware);
    return Firmware->Count != 0;
}
