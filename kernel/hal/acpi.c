/*
 * The processors as ACPI lists them (ACPI Specification 6.4: 5.2.5 finding the RSDP, 5.2.7 RSDT,
 * 5.2.12 MADT). The tables lie anywhere in physical memory, and are the firmware's word: lengths
 * and checksums are checked before anything is believed.
 */
#include "kernel/hal/apic.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

#define EBDA_SEGMENT          0x40E /* the BIOS data area's word: where the EBDA begins */
#define EBDA_BYTES            1024
#define BIOS_START            0xE0000
#define BIOS_END              0x100000
#define RSDP_STEP             16
#define TABLE_LIMIT           0x10000
#define MADT_LOCAL_APIC       0
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
    UCHAR ProcessorId, ApicId; /* of type 0 */
    ULONG Flags;
} __attribute__((packed)) ACPI_MADT_ENTRY;

/* All bytes of a table add up to 0. */
BOOLEAN HalpChecksumIsRight(const VOID *Table, ULONG Length)
{
    const UCHAR *Bytes = Table;
    UCHAR Sum = 0;

    while (Length-- > 0)
        Sum += *Bytes++;
    return Sum == 0;
}

/* Looks for the RSDP in a part of the first megabyte, which the window shows. */
static const ACPI_RSDP *HalpFindRsdp(ULONG Start, ULONG End)
{
    for (; Start + ACPI_REVISION_1_BYTES <= End; Start += RSDP_STEP) {
        const ACPI_RSDP *Rsdp = (const ACPI_RSDP *)(MI_WINDOW_BASE + Start);
        if (RtlEqualMemory(Rsdp->Signature, "RSD PTR ", sizeof Rsdp->Signature) &&
            HalpChecksumIsRight(Rsdp, ACPI_REVISION_1_BYTES))
            return Rsdp;
    }
    return NULL;
}

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
    const ULONG *Addresses = (const ULONG *)(Rsdt + 1);
    ULONG Count = (Rsdt->Length - sizeof *Rsdt) / sizeof *Addresses, i;

    for (i = 0; i < Count; i++) {
        const ACPI_HEADER *Table = HalpMapTable(Addresses[i]);
        if (Table && RtlEqualMemory(Table->Signature, Signature, sizeof Table->Signature))
            return Table;
        if (Table)
            HalpUnmapTable(Table);
    }
    return NULL;
}

static VOID HalpReadMadt(const ACPI_MADT *Madt, HAL_PROCESSORS *Processors)
{
    const UCHAR *Next = Madt->Entries, *End = (const UCHAR *)Madt + Madt->Header.Length;

    Processors->LocalApicAddress = Madt->LocalApicAddress;
    while (End - Next >= 2) {
        const ACPI_MADT_ENTRY *Entry = (const ACPI_MADT_ENTRY *)Next;
        if (Entry->Length < 2 || Entry->Length > End - Next)
            break;
        if (Entry->Type == MADT_LOCAL_APIC && Entry->Length >= sizeof *Entry &&
            (Entry->Flags & LOCAL_APIC_ENABLED))
            HalpAddProcessor(Processors, Entry->ApicId);
        Next += Entry->Length;
    }
}

BOOLEAN HalpFindAcpiProcessors(HAL_PROCESSORS *Processors)
{
    ULONG Ebda = *(const USHORT *)(MI_WINDOW_BASE + EBDA_SEGMENT) << 4;
    const ACPI_RSDP *Rsdp = HalpFindRsdp(Ebda, Ebda + EBDA_BYTES);
    const ACPI_HEADER *Rsdt, *Madt;

    if (Rsdp == NULL)
        Rsdp = HalpFindRsdp(BIOS_START, BIOS_END);
    Rsdt = Rsdp ? HalpMapTable(Rsdp->RsdtAddress) : NULL;
    if (Rsdt == NULL)
        return FALSE;
    Madt = HalpFindTable(Rsdt, "APIC");
    if (Madt) {
        HalpReadMadt((const ACPI_MADT *)Madt, Processors);
        HalpUnmapTable(Madt);
    }
    HalpUnmapTable(Rsdt);
    return Processors->Count != 0;
}
