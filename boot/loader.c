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
    ULONGLONG First = (Base + PAGE_SIZE - 1) >> PAGE_SHIFT;
    ULONGLONG End = (Base + Length) >> PAGE_SHIFT;
    LOADER_MEMORY *Memory = &LoaderBlock.Memory[LoaderBlock.MemoryCount];

    if (Base + Length < Base)
        return;
    if (End > 0x100000)
        End = 0x100000;
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

/* The memory map where there is one, else the two sizes that every PC loader knows. */
static PCSTR BootpReadMemory(const MULTIBOOT_INFO *Info)
{
    if (Info->Flags & MULTIBOOT_HAS_MAP) {
        ULONG Offset = 0;
        while (Offset < Info->MapLength) {
            const MULTIBOOT_RANGE *Range = BootMapPhysical(Info->Map + Offset, sizeof *Range);
            if (Range == NULL || Range->Size < sizeof *Range - sizeof Range->Size ||
                Range->Size > Info->MapLength)
                return "the boot loader's memory map is damaged";
            if (Range->Type == MULTIBOOT_AVAILABLE)
                BootpAddMemory(((ULONGLONG)Range->BaseHigh << 32) | Range->BaseLow,
                               ((ULONGLONG)Range->LengthHigh << 32) | Range->LengthLow);
            Offset += Range->Size + sizeof Range->Size;
        }
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
        BootMapPhysical(From->Start, From->End - From->Start) == NULL) {
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
