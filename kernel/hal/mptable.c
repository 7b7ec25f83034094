/*
 * The processors as the MP table lists them, for machines without ACPI (MultiProcessor
 * Specification 1.4, chapter 4). Both structures lie in the first megabyte, which the window shows.
 */
#include "kernel/hal/apic.h"
#include "kernel/rtl/rtl.h"
#include "mm/layout.h"

#define LOW_MEMORY_END   0x100000
#define BIOS_START       0xF0000
#define BASE_MEMORY_END  0x9FC00
#define SEARCH_BYTES     1024
#define POINTER_STEP     16
#define ENTRY_PROCESSOR  0
#define PROCESSOR_BYTES  20
#define OTHER_BYTES      8
#define LAST_ENTRY_TYPE  4
#define PROCESSOR_USABLE 1

typedef struct _MP_POINTER {
    CHAR Signature[4];
    ULONG TableAddress;
    UCHAR Length; /* in units of 16 bytes */
    UCHAR Revision, Checksum, Features[5];
} MP_POINTER;

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
} MP_TABLE;

typedef struct _MP_ENTRY {
    UCHAR Type, ApicId, ApicVersion, Flags;
} MP_ENTRY;

static const MP_POINTER *HalpFindMpPointer(ULONG Start, ULONG End)
{
    for (; Start + sizeof(MP_POINTER) <= End; Start += POINTER_STEP) {
        const MP_POINTER *Pointer = (const MP_POINTER *)(MI_WINDOW_BASE + Start);
        if (RtlEqualMemory(Pointer->Signature, "_MP_", sizeof Pointer->Signature) &&
            HalpChecksumIsRight(Pointer, sizeof *Pointer))
            return Pointer;
    }
    return NULL;
}

/* The table, found good; NULL: it is not, or not where we see it. */
static const MP_TABLE *HalpMpTable(const MP_POINTER *Pointer)
{
    const MP_TABLE *Table = (const MP_TABLE *)(MI_WINDOW_BASE + Pointer->TableAddress);

    if (Pointer->TableAddress == 0 || Pointer->TableAddress > LOW_MEMORY_END - sizeof *Table ||
        Table->Length < sizeof *Table || Table->Length > LOW_MEMORY_END - Pointer->TableAddress ||
        !RtlEqualMemory(Table->Signature, "PCMP", sizeof Table->Signature) ||
        !HalpChecksumIsRight(Table, Table->Length))
        return NULL;
    return Table;
}

BOOLEAN HalpFindMpTableProcessors(HAL_PROCESSORS *Processors)
{
    const MP_POINTER *Pointer = HalpFindMpPointer(BASE_MEMORY_END, BASE_MEMORY_END + SEARCH_BYTES);
    const MP_TABLE *Table;
    const UCHAR *Next, *End;

    if (Pointer == NULL)
        Pointer = HalpFindMpPointer(BIOS_START, LOW_MEMORY_END);
    Table = Pointer ? HalpMpTable(Pointer) : NULL;
    if (Table == NULL)
        return FALSE;
    Processors->LocalApicAddress = Table->LocalApicAddress;
    Next = (const UCHAR *)(Table + 1);
    End = (const UCHAR *)Table + Table->Length;
    while (End - Next >= OTHER_BYTES) {
        const MP_ENTRY *Entry = (const MP_ENTRY *)Next;
        if (Entry->Type == ENTRY_PROCESSOR && (Entry->Flags & PROCESSOR_USABLE))
            HalpAddProcessor(Processors, Entry->ApicId);
        if (Entry->Type > LAST_ENTRY_TYPE)
            break;
        Next += Entry->Type == ENTRY_PROCESSOR ? PROCESSOR_BYTES : OTHER_BYTES;
    }
    return Processors->Count != 0;
}
