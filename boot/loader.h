/*
 * What the boot loader handed over, in our own form: the memory there is, the files that came
 * along, the options. Filled once by BootReadLoader from multiboot's structures, read-only after.
 */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H

#include "kernel/nt.h"

#define LOADER_MEMORY_RANGES 32
#define LOADER_MODULES       64
#define LOADER_NAME_LENGTH   64
#define LOADER_START_DRIVERS 16
#define LOADER_OPTIONS_BYTES 2048

typedef struct _LOADER_MEMORY {
    ULONG FirstPage; /* page frame numbers below 4 GB */
    ULONG PageCount;
} LOADER_MEMORY;

typedef struct _LOADER_MODULE {
    CHAR Name[LOADER_NAME_LENGTH];
    ULONG PhysicalStart; /* page aligned, below 512 MB */
    ULONG Size;          /* bytes */
} LOADER_MODULE, *PLOADER_MODULE;

typedef struct _LOADER_BLOCK {
    ULONG MemoryCount;
    LOADER_MEMORY Memory[LOADER_MEMORY_RANGES];
    ULONG ModuleCount;
    LOADER_MODULE Modules[LOADER_MODULES];
    CHAR Options[LOADER_OPTIONS_BYTES]; /* the words, each ended by a zero */

    /* The options, taken apart. */
    PCSTR Init;
    ULONG StartCount;
    PCSTR Start[LOADER_START_DRIVERS];
    ULONG MaximumMemory; /* bytes; 0: no limit */
    ULONG DebugExitPort; /* 0: none */
    ULONG NumberOfProcessors;
    PCSTR Verify; /* names with commas between; NULL: none */
    ULONG VerifyFailEvery;
    BOOLEAN VerifyUnderruns;
    BOOLEAN NoIoApic;
} LOADER_BLOCK, *PLOADER_BLOCK;

extern LOADER_BLOCK LoaderBlock;

#define MULTIBOOT_LOADED 0x2BADB002 /* what a multiboot loader leaves in EAX */

/*
 * Reads the multiboot information at a physical address through the boot window.
 * Returns NULL, or the reason why the kernel cannot go on, for the log.
 */
PCSTR BootReadLoader(ULONG Magic, ULONG MultibootInfo);

/* Finds a module by file name, without regard to case. */
PLOADER_MODULE BootFindModule(PCSTR Name);

/* The first and last+1 physical byte of the kernel image, from the linker script. */
extern UCHAR KernelImageStart[], KernelImageEnd[];
extern UCHAR KernelTextStart[], KernelTextEnd[], KernelRodataEnd[];

#endif
