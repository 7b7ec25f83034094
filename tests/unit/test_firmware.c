/*
 * What is read of the firmware's tables, whole and damaged: processors, the I/O APIC, where the ISA
 * lines go and how they are triggered. Physical memory is a buffer here.
 */
#include "kernel/nt.h"
#include "boot/options.h"
#include "kernel/hal/firmware.h"
#include "mm/mm.h"
#include "unit.h"

enum {
    LOW = 0x100000, /* what the window shows of the memory */
    RSDP = 0xE0040,
    RSDT = 0x100100,
    MADT = 0x100204, /* not aligned to more than firmware does */
    MEMORY = 0x101000,
    MP_POINTER = 0xF0010,
    ROUNDS = 20000
};

static UCHAR *Memory;  /* malloced, so that every access beyond it is found */
static ULONG MapCount; /* tables that are mapped now */
static ULONG TableBytes;
static HAL_FIRMWARE Firmware;

PVOID BootMapPhysical(ULONG Physical, ULONG Bytes)
{
    return Physical >= LOW || Bytes > LOW - Physical ? NULL : Memory + Physical;
}

/* A copy, so that every access beyond what was asked for is found, too. */
PVOID NTAPI MmMapIoSpace(PHYSICAL_ADDRESS Address, SIZE_T Bytes, MEMORY_CACHING_TYPE Type)
{
    UCHAR *Copy;
    ULONG i;

    (void)Type;
    if (Address.QuadPart >= MEMORY || Bytes > MEMORY - Address.LowPart)
        return NULL;
    Copy = malloc(Bytes);
    for (i = 0; i < Bytes; i++)
        Copy[i] = Memory[Address.LowPart + i];
    MapCount++;
    return Copy;
}

VOID NTAPI MmUnmapIoSpace(PVOID Address, SIZE_T Bytes)
{
    (void)Bytes;
    MapCount--;
    free(Address);
}

static void Put(ULONG Physical, const void *Bytes, ULONG Count)
{
    while (Count-- > 0)
        Memory[Physical + Count] = ((const UCHAR *)Bytes)[Count];
}

static void PutWord(ULONG Physical, ULONG Value)
{
    Put(Physical, &Value, sizeof Value);
}

/* Makes the bytes of a structure add up to 0. */
static void Sum(ULONG Physical, ULONG Bytes, ULONG Checksum)
{
    UCHAR Total = 0;

    Memory[Physical + Checksum] = 0;
    for (ULONG i = 0; i < Bytes; i++)
        Total += Memory[Physical + i];
    Memory[Physical + Checksum] = (UCHAR)-Total;
}

static void Clear(ULONG Physical, ULONG Bytes)
{
    while (Bytes-- > 0)
        Memory[Physical + Bytes] = 0;
}

/* ---- ACPI ---- */

static const UCHAR MadtEntries[] = {
    0, 8,  0,    0,  1,  0, 0,    0,                  /* processor with local APIC 0 */
    0, 8,  1,    1,  0,  0, 0,    0,                  /* one that is not there */
    0, 8,  2,    6,  1,  0, 0,    0,                  /* local APIC 6 */
    1, 12, 9,    0,  0,  0, 0xC1, 0xFE, 24,  0, 0, 0, /* I/O APIC from interrupt 24 */
    1, 12, 8,    0,  0,  0, 0xC0, 0xFE, 0,   0, 0, 0, /* and from 0 */
    2, 10, 0,    0,  2,  0, 0,    0,    0,   0,       /* line 0 is at 2, as the bus has it */
    2, 10, 0,    9,  9,  0, 0,    0,    0xF, 0,       /* 9: level, low */
    2, 10, 0,    10, 10, 0, 0,    0,    0xD, 0,       /* 10: level, high */
    2, 10, 0,    5,  44, 1, 0,    0,    0,   0,       /* 5 is beyond all pins */
    2, 10, 1,    7,  3,  0, 0,    0,    0xF, 0,       /* another bus's */
    2, 10, 0,    99, 1,  0, 0,    0,    0,   0,       /* there is no such line */
    4, 6,  0xFF, 0,  0,  1,                           /* NMI: not for us */
};

static void SumMadt(void)
{
    PutWord(MADT + 4, TableBytes);
    Sum(MADT, TableBytes, 9);
}

static void PutAcpi(void)
{
    Clear(RSDP, 20);
    Clear(RSDT, 0x300);
    Put(RSDP, "RSD PTR ", 8);
    PutWord(RSDP + 16, RSDT);
    Sum(RSDP, 20, 8);
    Put(RSDT, "RSDT", 4);
    PutWord(RSDT + 4, 36 + 3 * 4);
    PutWord(RSDT + 36, 0xFFFFFFF0); /* out of reach */
    PutWord(RSDT + 40, RSDT);       /* not the one */
    PutWord(RSDT + 44, MADT);
    Sum(RSDT, 48, 9);
    Put(MADT, "APIC", 4);
    PutWord(MADT + 36, 0xFEE00000);
    Put(MADT + 44, MadtEntries, sizeof MadtEntries);
    TableBytes = 44 + sizeof MadtEntries;
    SumMadt();
}

static BOOLEAN LineIs(ULONG Line, ULONG Pin, BOOLEAN Level, BOOLEAN ActiveLow)
{
    const HAL_LINE *Found = &Firmware.Lines[Line];

    return Found->Pin == Pin && Found->Level == Level && Found->ActiveLow == ActiveLow;
}

static void AcpiTablesAreRead(void)
{
    PutAcpi();
    CHECK(HalpFindAcpiTables(&Firmware) && MapCount == 0);
    CHECK(Firmware.LocalApicAddress == 0xFEE00000 && Firmware.Count == 2);
    CHECK(Firmware.ApicIds[0] == 0 && Firmware.ApicIds[1] == 6);
    CHECK(Firmware.IoApicAddress == 0xFEC00000 && !Firmware.HasImcr);
    CHECK(LineIs(0, 2, FALSE, FALSE) && LineIs(1, 1, FALSE, FALSE));
    CHECK(LineIs(9, 9, TRUE, TRUE) && LineIs(10, 10, TRUE, FALSE));
}

static void ALineWhosePinIsTakenHasNone(void)
{
    PutAcpi();
    CHECK(HalpFindAcpiTables(&Firmware));
    CHECK(Firmware.Lines[2].Pin == HAL_NO_PIN && Firmware.Lines[5].Pin == HAL_NO_PIN);
    HalpForgetFirmware(&Firmware);
    HalpNameLine(&Firmware, 2, 20, FALSE, FALSE);
    HalpNameLine(&Firmware, 0, 2, FALSE, FALSE);
    HalpNameLine(&Firmware, 3, 2, TRUE, TRUE); /* too late */
    CHECK(LineIs(2, 20, FALSE, FALSE) && LineIs(0, 2, FALSE, FALSE));
    CHECK(Firmware.Lines[3].Pin == HAL_NO_PIN);
}

static void AcpiTablesWithWrongSumsAreNotBelieved(void)
{
    static const ULONG Tables[] = {RSDP, RSDT, MADT};

    for (ULONG i = 0; i < 3; i++) {
        PutAcpi();
        Memory[Tables[i] + 10] ^= 1;
        CHECK(!HalpFindAcpiTables(&Firmware) && Firmware.Count == 0 && MapCount == 0);
    }
}

static void AcpiTablesOfEachLengthAreReadToTheirEnd(void)
{
    ULONG Whole, Bytes;

    PutAcpi();
    Whole = TableBytes;
    for (Bytes = 36; Bytes <= Whole; Bytes++) {
        TableBytes = Bytes;
        SumMadt();
        CHECK(HalpFindAcpiTables(&Firmware) == (Bytes >= 44 + 8) && MapCount == 0);
    }
    CHECK(Firmware.Lines[10].Level);
}

static void EntriesThatAreTooShortAreNotRead(void)
{
    UCHAR Type;

    for (Type = 0; Type < 5; Type++) {
        PutAcpi();
        TableBytes = 44 + 2;
        Memory[MADT + 44] = Type;
        Memory[MADT + 45] = 2;
        SumMadt();
        CHECK(!HalpFindAcpiTables(&Firmware) && Firmware.IoApicAddress == 0);
    }
}

/* What must hold of whatever has been read. */
static void CheckSense(void)
{
    ULONG i, j;

    CHECK(MapCount == 0 && Firmware.Count <= MAXIMUM_PROCESSOR_COUNT);
    for (i = 0; i < HAL_LINES; i++) {
        for (j = 0; j < i; j++)
            CHECK(Firmware.Lines[i].Pin == HAL_NO_PIN ||
                  Firmware.Lines[i].Pin != Firmware.Lines[j].Pin);
    }
}

static void DamagedAcpiTablesNeverReadOutside(void)
{
    unsigned State = 2463534242u, Round, i;

    for (Round = 0; Round < ROUNDS; Round++) {
        PutAcpi();
        for (i = 0; i < 4; i++)
            Memory[MADT + UnitRandom(&State) % TableBytes] = (UCHAR)UnitRandom(&State);
        if (UnitRandom(&State) % 4 == 0)
            Memory[RSDT + UnitRandom(&State) % 48] = (UCHAR)UnitRandom(&State);
        Sum(MADT, TableBytes, 9);
        Sum(RSDT, 48, 9);
        HalpFindAcpiTables(&Firmware);
        CheckSense();
    }
}

/* ---- The MP table: it ends where the first megabyte does, and the pointer's search, too. ---- */

static const UCHAR MpEntries[] = {
    0, 0, 20,   3,   0,   0,   0,    0,    0, 0,
    0, 0, 0,    0,   0,   0,   0,    0,    0, 0, /* processor, local APIC 0 */
    0, 1, 20,   0,   0,   0,   0,    0,    0, 0,
    0, 0, 0,    0,   0,   0,   0,    0,    0, 0, /* one that is not usable */
    0, 3, 20,   1,   0,   0,   0,    0,    0, 0,
    0, 0, 0,    0,   0,   0,   0,    0,    0, 0, /* local APIC 3 */
    1, 0, 'P',  'C', 'I', ' ', ' ',  ' ',        /* bus 0 */
    1, 7, 'I',  'S', 'A', ' ', ' ',  ' ',        /* bus 7 */
    2, 5, 0x11, 0,   0,   0,   0xC2, 0xFE,       /* an I/O APIC, not usable */
    2, 4, 0x11, 1,   0,   0,   0xC0, 0xFE,       /* I/O APIC 4 */
    2, 6, 0x11, 1,   0,   0,   0xC1, 0xFE,       /* I/O APIC 6 */
    3, 0, 1,    0,   0,   12,  4,    10,         /* PCI: high, at pin 10 */
    3, 0, 0,    0,   0,   16,  4,    11,         /* PCI as it is, at pin 11 */
    3, 0, 0,    0,   0,   20,  4,    19,         /* at no line's pin */
    3, 0, 0,    0,   7,   0,   4,    2,          /* line 0 at 2 */
    3, 0, 15,   0,   7,   4,   0xFF, 4,          /* 4: level, low; any I/O APIC */
    3, 0, 15,   0,   7,   3,   6,    3,          /* 3 at another I/O APIC */
    3, 3, 15,   0,   7,   6,   4,    6,          /* not an interrupt but ExtINT */
    3, 0, 15,   0,   9,   7,   4,    7,          /* of a bus that there is not */
    4, 1, 0,    0,   0,   0,   0xFF, 1,          /* NMI: not for us */
};

static ULONG MpTable; /* where it is */

static void SumMp(void)
{
    Memory[MpTable + 4] = (UCHAR)TableBytes;
    Memory[MpTable + 5] = (UCHAR)(TableBytes >> 8);
    Sum(MpTable, TableBytes, 7);
}

static void PutMp(void)
{
    TableBytes = 44 + sizeof MpEntries;
    MpTable = LOW - TableBytes;
    Clear(MP_POINTER, 16);
    Clear(MpTable, TableBytes);
    Put(MP_POINTER, "_MP_", 4);
    PutWord(MP_POINTER + 4, MpTable);
    Memory[MP_POINTER + 8] = 1;
    Memory[MP_POINTER + 12] = 0x80;
    Sum(MP_POINTER, 16, 10);
    Put(MpTable, "PCMP", 4);
    PutWord(MpTable + 36, 0xFEE00000);
    Put(MpTable + 44, MpEntries, sizeof MpEntries);
    SumMp();
}

static void TheMpTableIsRead(void)
{
    PutMp();
    CHECK(HalpFindMpTable(&Firmware));
    CHECK(Firmware.LocalApicAddress == 0xFEE00000 && Firmware.Count == 2);
    CHECK(Firmware.ApicIds[0] == 0 && Firmware.ApicIds[1] == 3);
    CHECK(Firmware.IoApicAddress == 0xFEC00000 && Firmware.HasImcr);
    CHECK(LineIs(0, 2, FALSE, FALSE) && LineIs(4, 4, TRUE, TRUE));
    CHECK(LineIs(10, 10, TRUE, FALSE) && LineIs(11, 11, TRUE, TRUE));
    CHECK(LineIs(3, 3, FALSE, FALSE) && LineIs(6, 6, FALSE, FALSE) && LineIs(7, 7, FALSE, FALSE));
    CHECK(Firmware.Lines[2].Pin == HAL_NO_PIN);
}

static void AnMpTableThatIsNotThereIsNotRead(void)
{
    PutMp();
    Memory[MpTable + 40] ^= 1;
    CHECK(!HalpFindMpTable(&Firmware) && Firmware.Count == 0);
    PutMp();
    PutWord(MP_POINTER + 4, LOW - 20); /* its head would end beyond what we see */
    Sum(MP_POINTER, 16, 10);
    CHECK(!HalpFindMpTable(&Firmware));
    PutWord(MP_POINTER + 4, 0xFFFFFFFF);
    Sum(MP_POINTER, 16, 10);
    CHECK(!HalpFindMpTable(&Firmware));
    PutMp();
    Memory[MP_POINTER]++;
    CHECK(!HalpFindMpTable(&Firmware));
}

static void MpTablesOfEachLengthAreReadToTheirEnd(void)
{
    ULONG Whole;

    PutMp();
    for (Whole = TableBytes, TableBytes = 44; TableBytes <= Whole; TableBytes++) {
        SumMp();
        CHECK(HalpFindMpTable(&Firmware) == (TableBytes >= 44 + 8));
    }
    CHECK(Firmware.Lines[4].Level);
}

static void DamagedMpTablesNeverReadOutside(void)
{
    unsigned State = 88172645u, Round, i;

    for (Round = 0; Round < ROUNDS; Round++) {
        PutMp();
        for (i = 0; i < 4; i++)
            Memory[MpTable + UnitRandom(&State) % TableBytes] = (UCHAR)UnitRandom(&State);
        Sum(MpTable, TableBytes, 7);
        if (UnitRandom(&State) % 4 == 0)
            Memory[MP_POINTER + 4 + UnitRandom(&State) % 4] = (UCHAR)UnitRandom(&State);
        Sum(MP_POINTER, 16, 10);
        HalpFindMpTable(&Firmware);
        CheckSense();
    }
}

int main(void)
{
    Memory = malloc(MEMORY);
    Clear(0, MEMORY);
    RUN(AcpiTablesAreRead);
    RUN(ALineWhosePinIsTakenHasNone);
    RUN(AcpiTablesWithWrongSumsAreNotBelieved);
    RUN(AcpiTablesOfEachLengthAreReadToTheirEnd);
    RUN(EntriesThatAreTooShortAreNotRead);
    RUN(DamagedAcpiTablesNeverReadOutside);
    RUN(TheMpTableIsRead);
    RUN(AnMpTableThatIsNotThereIsNotRead);
    RUN(MpTablesOfEachLengthAreReadToTheirEnd);
    RUN(DamagedMpTablesNeverReadOutside);
    printf("%u checks\n", UnitChecks);
    free(Memory);
    return 0;
}
