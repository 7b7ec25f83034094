/*
 * Processors, I/O APIC and interrupt lines as ACPI lists them (ACPI Specification 6.4: 5.2.5
 * finding the RSDP, 5.2.7 RSDT, 5.2.12 MADT). The tables lie anywhere in physical memory, and are
 * the firmware's word: lengths and checksums are checked before anything is believed.
 */
#include "boot/options.h"
#include "kernel/hal/firmware.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

#define EBDA_SEGMENT          0x40E /* the BIOS data area's word: where the EBDA begins */
#define EBDA_BYTES            1024
#define BIOS_START            0xE0000
#define BIOS_END              0x100000
#define TABLE_LIMIT           0x10000
#define MADT_LOCAL_APIC       0
#define MADT_IO_APIC          1
#define MADT_LINE             2 /* "interrupt source override" */
#define MADT_BUS_ISA          0
#define LOCAL_APIC_ENABLED    1
#define ACPI_REVISION_1_BYTES 20

typedef struct _ACPI_RSDP {
    CHAR Signature[8];
    UCHAR Checksum;
    CHAR OemId[6];
    UCHAR Revision;
    ULONG RsdtAddress;
} __attribute__((packed)) ACPI_RSDP;

typedef struct _ACPI_HEADER {
    CHAR Signature[4];
    ULONG Length; /* of the whole table */
    UCHAR Revision, Checksum;
    UCHAR Oem[26];
} __attribute__((packed)) ACPI_HEADER;

typedef struct _ACPI_MADT {
    ACPI_HEADER Header;
    ULONG LocalApicAddress;
    ULONG Flags;
    UCHAR Entries[];
} __attribute__((packed)) ACPI_MADT;

typedef struct _ACPI_MADT_ENTRY {
    UCHAR Type, Length;
    union {
        struct {
            UCHAR ProcessorId, ApicId;
            ULONG Flags;
        } __attribute__((packed)) LocalApic;
        struct {
            UCHAR ApicId, Reserved;
            ULONG Address, FirstInterrupt;
        } __attribute__((packed)) IoApic;
        struct {
            UCHAR Bus, Line;
            ULONG Interrupt; /* "global system": counted through all I/O APICs */
            USHORT Flags;
        } __attribute__((packed)) Line;
    };
} __attribute__((packed)) ACPI_MADT_ENTRY;

#define ENTRY_BYTES(Member) (2 + sizeof((ACPI_MADT_ENTRY *)0)->Member)

/* Maps a whole table, found good; NULL: it is not. */
static const ACPI_HEADER *HalpMapTable(ULONG Physical)
{
    PHYSICAL_ADDRESS Address = {.QuadPart = Physical};
    const ACPI_HEADER *Header = MmMapIoSpace(Address, sizeof *Header, MmCached);
    ULONG Length = Header ? Header->Length : 0;

    if (Header)
        MmUnmapIoSpace((PVOID)Header, sizeof *Header);
    if (Length < sizeof *Header || Length > TABLE_LIMIT)
        return NULL;
    Header = MmMapIoSpace(Address, Length, MmCached);
    if (Header && !HalpChecksumIsRight(Header, Length)) {
        MmUnmapIoSpace((PVOID)Header, Length);
        Header = NULL;
    }
    return Header;
}

static VOID HalpUnmapTable(const ACPI_HEADER *Header)
{
    MmUnmapIoSpace((PVOID)Header, Header->Length);
}

/* Finds a table that the RSDT points at. */
static const ACPI_HEADER *HalpFindTable(const ACPI_HEADER *Rsdt, PCSTR Signature)
{
    const UCHAR *Addresses = (const UCHAR *)(Rsdt + 1); /* of 4 bytes each, not aligned */
    ULONG Count = (Rsdt->Length - sizeof *Rsdt) / sizeof(ULONG), Address, i;

    for (i = 0; i < Count; i++) {
        const ACPI_HEADER *Table;
        RtlCopyMemory(&Address, Addresses + i * sizeof Address, sizeof Address);
        Table = HalpMapTable(Address);
        if (Table && RtlEqualMemory(Table->Signature, Signature, sizeof Table->Signature))
            return Table;
        if (Table)
            HalpUnmapTable(Table);
    }
    return NULL;
}

static VOID HalpReadMadtEntry(const ACPI_MADT_ENTRY *Entry, HAL_FIRMWARE *Firmware)
{
    if (Entry->Type == MADT_LOCAL_APIC && Entry->Length >= ENTRY_BYTES(LocalApic)) {
        if (Entry->LocalApic.Flags & LOCAL_APIC_ENABLED)
            HalpAddProcessor(Firmware, Entry->LocalApic.ApicId);
    } else if (Entry->Type == MADT_IO_APIC && Entry->Length >= ENTRY_BYTES(IoApic)) {
        /* That of the first interrupts: there are the ISA lines, and the pin is the interrupt. */
        if (Entry->IoApic.FirstInterrupt == 0 && Firmware->IoApicAddress == 0)
            Firmware->IoApicAddress = Entry->IoApic.Address;
    } else if (Entry->Type == MADT_LINE && Entry->Length >= ENTRY_BYTES(Line)) {
        if (Entry->Line.Bus == MADT_BUS_ISA)
            HalpNameLine(Firmware, Entry->Line.Line, Entry->Line.Interrupt,
                         HalpIsLevel(Entry->Line.Flags, FALSE),
                         HalpIsActiveLow(Entry->Line.Flags, FALSE));
    }
}

static VOID HalpReadMadt(const ACPI_MADT *Madt, HAL_FIRMWARE *Firmware)
{
    const UCHAR *Next = Madt->Entries, *End = (const UCHAR *)Madt + Madt->Header.Length;

    if (Madt->Header.Length < sizeof *Madt)
        return;
    Firmware->LocalApicAddress = Madt->LocalApicAddress;
    while (End - Next >= 2) {
        const ACPI_MADT_ENTRY *Entry = (const ACPI_MADT_ENTRY *)Next;
        if (Entry->Length < 2 || Entry->Length > End - Next)
            break;
        HalpReadMadtEntry(Entry, Firmware);
        Next += Entry->Length;
    }
}

static const ACPI_RSDP *HalpFindRsdp(VOID)
{
    const UCHAR *Bda = BootMapPhysical(EBDA_SEGMENT, sizeof(USHORT));
    ULONG Ebda = (ULONG)(Bda[0] | Bda[1] << 8) << 4;
    const ACPI_RSDP *Rsdp = HalpFindStructure(Ebda, Ebda + EBDA_BYTES, "RSD PTR ",
                                              sizeof Rsdp->Signature, ACPI_REVISION_1_BYTES);

    return Rsdp ? Rsdp
                : HalpFindStructure(BIOS_START, BIOS_END, "RSD PTR ", sizeof Rsdp->Signature,
                                    ACPI_REVISION_1_BYTES);
}

BOOLEAN HalpFindAcpiTables(HAL_FIRMWARE *Firmware)
{
    const ACPI_RSDP *Rsdp = HalpFindRsdp();
    const ACPI_HEADER *Rsdt = Rsdp ? HalpMapTable(Rsdp->RsdtAddress) : NULL, *Madt;

    HalpForgetFirmware(Firmware);
    if (Rsdt == NULL)
        return FALSE;
    Madt = HalpFindTable(Rsdt, "APIC");
    if (Madt) {
        HalpReadMadt((const ACPI_MADT *)Madt, Firmware);
        HalpUnmapTable(Madt);
    }
    HalpUnmapTable(Rsdt);
    return Firmware->Count != 0;
}
