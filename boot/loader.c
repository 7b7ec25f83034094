/*
 * Reads what the multiboot loader left (Multiboot Specification 0.6.96, 3.3) into LoaderBlock.
 *
 * Everything is copied: the loader's own structures lie in memory that becomes free afterwards.
 * Nothing the loader says is believed before it is checked: counts, addresses and string lengths
 * are bounded by our own tables and by the window. Runs once, before there are threads.
 */
#include "boot/loader.h"
#include "boot/options.h"
#include "kernel/kd/kd.h"
#include "kernel/rtl/rtl.h"
#include "mm/layout.h"

/* The loader may put its structures at any address. */
#define MULTIBOOT __attribute__((packed))

#define MULTIBOOT_HAS_MEMORY  0x001
#define MULTIBOOT_HAS_COMMAND 0x004
#define MULTIBOOT_HAS_MODULES 0x008
#define MULTIBOOT_HAS_MAP     0x040
#define MULTIBOOT_AVAILABLE   1

#define PAGES_BELOW_4GB 0x100000

typedef struct _MULTIBOOT_INFO {
    ULONG Flags;
    ULONG MemoryLower, MemoryUpper; /* KB below 1 MB, KB from 1 MB up */
    ULONG BootDevice;
    ULONG CommandLine;
    ULONG ModuleCount, Modules;
    ULONG Symbols[4];
    ULONG MapLength, Map;
} MULTIBOOT MULTIBOOT_INFO;

typedef struct _MULTIBOOT_MODULE {
    ULONG Start, End;
    ULONG String;
    ULONG Reserved;
} MULTIBOOT MULTIBOOT_MODULE;

typedef struct _MULTIBOOT_RANGE {
    ULONG Size; /* of the rest of the entry */
    ULONG BaseLow, BaseHigh;
    ULONG LengthLow, LengthHigh;
    ULONG Type;
} MULTIBOOT MULTIBOOT_RANGE;

LOADER_BLOCK LoaderBlock;

/* Adds a range of memory to the block, in whole pages below 4 GB. */
static VOID BootpAddMemory(ULONGLONG Base, ULONGLONG Length)
{
    ULONGLONG First = (Base >> PAGE_SHIFT) + ((Base & (PAGE_SIZE - 1)) != 0);
    ULONGLONG End = (Base + Length) >> PAGE_SHIFT;
    LOADER_MEMORY *Memory = &LoaderBlock.Memory[LoaderBlock.MemoryCount];

    if (Base + Length < Base)
        return;
    if (End > PAGES_BELOW_4GB)
        End = PAGES_BELOW_4GB;
    if (First >= End)
        return;
    if (LoaderBlock.MemoryCount == LOADER_MEMORY_RANGES) {
        KdPrintLine("Boot: more than %u memory ranges; one is left unused\n", LOADER_MEMORY_RANGES);
        return;
    }
    Memory->FirstPage = (ULONG)First;
    Memory->PageCount = (ULONG)(End - First);
    LoaderBlock.MemoryCount++;
}

/* Reads the memory map, whose entries each say their size. FALSE: one does not fit. */
static BOOLEAN BootpReadMap(ULONG Map, ULONG Length)
{
    while (Length) {
        const MULTIBOOT_RANGE *Range = BootMapPhysical(Map, sizeof *Range);
        if (Range == NULL || Length < sizeof *Range ||
            Range->Size < sizeof *Range - sizeof Range->Size ||
            Range->Size > Length - sizeof Range->Size)
            return FALSE;
        if (Range->Type == MULTIBOOT_AVAILABLE)
            BootpAddMemory(((ULONGLONG)Range->BaseHigh << 32) | Range->BaseLow,
                           ((ULONGLONG)Range->LengthHigh << 32) | Range->LengthLow);
        Map += Range->Size + sizeof Range->Size;
        Length -= Range->Size + sizeof Range->Size;
    }
    return TRUE;
}

/* The memory map where there is one, else the two sizes that every PC loader knows. */
static PCSTR BootpReadMemory(const MULTIBOOT_INFO *Info)
{
    if (Info->Flags & MULTIBOOT_HAS_MAP) {
        if (!BootpReadMap(Info->Map, Info->MapLength))
            return "the boot loader's memory map is damaged";
    } else if (Info->Flags & MULTIBOOT_HAS_MEMORY) {
        KdPrintLine("Boot: no memory map; going by the size alone\n");
        BootpAddMemory(0, (ULONGLONG)Info->MemoryLower * 1024);
        BootpAddMemory(0x100000, (ULONGLONG)Info->MemoryUpper * 1024);
    }
    return LoaderBlock.MemoryCount ? NULL : "the boot loader gave no memory map";
}

/* Copies the last path component of a module's first word. FALSE if it has none that fits. */
static BOOLEAN BootpModuleName(PCHAR Name, PCSTR String, ULONG Limit)
{
    ULONG Start = 0, Length;

    for (Length = 0; Length < Limit && String[Length] > ' '; Length++) {
        if (String[Length] == '/' || String[Length] == '\\')
            Start = Length + 1;
    }
    if (Length == Limit || Length == Start || Length - Start >= LOADER_NAME_LENGTH)
        return FALSE;
    memcpy(Name, String + Start, Length - Start);
    Name[Length - Start] = 0;
    return TRUE;
}

/* Is [Start, End) memory that the kernel may use? */
static BOOLEAN BootpIsMemory(ULONG Start, ULONG End)
{
    ULONG First = Start >> PAGE_SHIFT, Last = (End + PAGE_SIZE - 1) >> PAGE_SHIFT, i;

    if (LoaderBlock.MaximumMemory && End > LoaderBlock.MaximumMemory)
        return FALSE;
    for (i = 0; i < LoaderBlock.MemoryCount; i++) {
        const LOADER_MEMORY *Memory = &LoaderBlock.Memory[i];
        if (First >= Memory->FirstPage && Last <= Memory->FirstPage + Memory->PageCount)
            return TRUE;
    }
    return FALSE;
}

static VOID BootpAddModule(const MULTIBOOT_MODULE *From)
{
    PLOADER_MODULE Module = &LoaderBlock.Modules[LoaderBlock.ModuleCount];
    PCSTR String = BootMapPhysical(From->String, 1);
    ULONG Limit = String ? BootPhysicalBytesFrom(From->String) : 0;

    if (String == NULL || !BootpModuleName(Module->Name, String, Limit)) {
        KdPrintLine("Boot: a module without a usable name is ignored\n");
        return;
    }
    if (From->End < From->Start || (From->Start & (PAGE_SIZE - 1)) ||
        BootMapPhysical(From->Start, From->End - From->Start) == NULL ||
        !BootpIsMemory(From->Start, From->End)) {
        KdPrintLine("Boot: module %s is not in reach of the kernel; ignored\n", Module->Name);
        return;
    }
    if (BootFindModule(Module->Name)) {
        KdPrintLine("Boot: module %s is named twice; the first is used\n", Module->Name);
        return;
    }
    Module->PhysicalStart = From->Start;
    Module->Size = From->End - From->Start;
    LoaderBlock.ModuleCount++;
}

static VOID BootpReadModules(const MULTIBOOT_INFO *Info)
{
    const MULTIBOOT_MODULE *Modules;
    ULONG i;

    if (!(Info->Flags & MULTIBOOT_HAS_MODULES) || Info->ModuleCount == 0)
        return;
    Modules = Info->ModuleCount > 0x10000
                  ? NULL
                  : BootMapPhysical(Info->Modules, Info->ModuleCount * sizeof *Modules);
    if (Modules == NULL) {
        KdPrintLine("Boot: the boot loader's list of modules is damaged; going on without\n");
        return;
    }
    for (i = 0; i < Info->ModuleCount; i++) {
        if (LoaderBlock.ModuleCount == LOADER_MODULES) {
            KdPrintLine("Boot: more than %u modules; the rest is ignored\n", LOADER_MODULES);
            break;
        }
        BootpAddModule(&Modules[i]);
    }
}

static VOID BootpReadOptions(const MULTIBOOT_INFO *Info)
{
    PCSTR Line = NULL;

    if (Info->Flags & MULTIBOOT_HAS_COMMAND)
        Line = BootMapPhysical(Info->CommandLine, 1);
    BootParseOptions(&LoaderBlock, Line ? Line : "",
                     Line ? BootPhysicalBytesFrom(Info->CommandLine) : 1);
}

PLOADER_MODULE BootFindModule(PCSTR Name)
{
    ULONG i;

    for (i = 0; i < LoaderBlock.ModuleCount; i++) {
        if (_stricmp(LoaderBlock.Modules[i].Name, Name) == 0)
            return &LoaderBlock.Modules[i];
    }
    return NULL;
}

PCSTR BootReadLoader(ULONG Magic, ULONG MultibootInfo)
{
    const MULTIBOOT_INFO *Info = BootMapPhysical(MultibootInfo, sizeof *Info);
    PCSTR Reason;

    if (Magic != MULTIBOOT_LOADED || Info == NULL)
        return "the kernel was not started by a multiboot loader";
    BootpReadOptions(Info);
    Reason = BootpReadMemory(Info);
    if (Reason == NULL)
        BootpReadModules(Info);
    return Reason;
}
