/*
 * The one reader of PE images: .sys, .exe and .dll, 32-bit.
 *
 * It works on a file in memory and on a destination buffer, allocates nothing, and knows nothing of
 * memory management, processes or drivers. So the same code runs in the host's unit tests, where
 * every kind of damaged file is tried on it.
 *
 * The life of an image:
 *
 *     PeParse         the file's headers are checked, once; nothing later trusts an unchecked one
 *     PeCopy          headers and sections go to their places in a zeroed area, "the copy"
 *     PeRelocate      the copy is made to run at its address
 *     PeBindImports   the copy's import table is filled in
 *     PePageProtection, PePageFlags
 *                     say how each page of the copy is to be mapped
 *     PeFindExport    looks names up, as often as needed
 *
 * Invariants: a PE_IMAGE filled in by PeParse says only what the file's bounds bear out. What lies
 * inside the sections (relocations, imports, exports) cannot be checked once and for all, because
 * binding itself writes into the copy; it is checked at each use, by PePointer.
 *
 * Locks: none. The file must not change while its PE_IMAGE is in use, and nobody else may write to
 * the copy while a routine here works on it.
 *
 * Source throughout: "PE Format" (Microsoft Learn, Win32 documentation).
 */
#ifndef KERNEL_LDR_PE_H
#define KERNEL_LDR_PE_H

#include "kernel/nt.h"

/* Limits. The first is the Windows loader's own ("PE Format", COFF File Header). */
#define PE_MAX_SECTIONS   96
#define PE_MAX_IMAGE_SIZE (64 * 1024 * 1024)
#define PE_MAX_NAME       512   /* bytes in a module's or symbol's name, terminator included */
#define PE_MAX_IMPORTS    65536 /* symbols in all, so that a circular table ends */
#define PE_MAX_EXPORTS    65536 /* ordinals are 16 bits wide */

/* What a validated file says. The pointers go into the file. */
typedef struct _PE_IMAGE {
    const UCHAR *File;
    ULONG FileSize; /* bytes */

    /* Its data directory may be cut short: read it through PeDirectory only. */
    const IMAGE_NT_HEADERS32 *Headers;
    const IMAGE_SECTION_HEADER *Sections;
    ULONG SectionCount;

    ULONG SizeOfImage;     /* bytes the copy takes, debugging information left out; any number */
    ULONG SizeOfHeaders;   /* bytes at the start of file and copy */
    ULONG PreferredBase;   /* the address it was linked for, a multiple of 64 KB */
    ULONG EntryPoint;      /* RVA, 0 if none */
    ULONG Characteristics; /* IMAGE_FILE_xxx: a DLL or not, relocations stripped */
    ULONG Subsystem;       /* 1 native, 2 GUI, 3 console */

    PCSTR Reason; /* after a failure: the cause in a few words, for the log */
} PE_IMAGE, *PPE_IMAGE;

/*
 * Checks a file's headers, section table and data directories, and fills in Image.
 *
 * File must be 4-byte aligned. Errors: STATUS_INVALID_IMAGE_NOT_MZ, _NE_FORMAT, _LE_FORMAT (other
 * kinds of executable), STATUS_INVALID_IMAGE_WIN_64, STATUS_INVALID_IMAGE_FORMAT; Image->Reason
 * then says why. IRQL: any at which the file can be touched; so for all routines below.
 */
NTSTATUS PeParse(PPE_IMAGE Image, const VOID *File, ULONG FileSize);

/* Puts headers and section data into Base, a zeroed area of SizeOfImage bytes, 4-byte aligned. */
VOID PeCopy(const PE_IMAGE *Image, PVOID Base);

/*
 * Points Image at the headers inside the copy, so that the file may be given back. Only for a copy
 * that nobody untrusted can write to.
 */
VOID PeForgetFile(PPE_IMAGE Image, PVOID Base);

/*
 * Applies the base relocations to the copy at Base, so that it runs at Va. A failure leaves the
 * copy half relocated, of no further use.
 *
 * Errors: STATUS_CONFLICTING_ADDRESSES (Va is not the preferred base and the relocations were
 * stripped), STATUS_INVALID_IMAGE_FORMAT.
 */
NTSTATUS PeRelocate(PPE_IMAGE Image, PVOID Base, ULONG_PTR Va);

/*
 * The protection of the page that holds Rva: the union of what the sections touching it ask for.
 * PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE_READ or PAGE_EXECUTE_READWRITE; PAGE_NOACCESS for a
 * page that no section touches. The headers are read-only.
 */
ULONG PePageProtection(const PE_IMAGE *Image, ULONG Rva);

/* What may become of the page that holds Rva. A flag is set if all that touches the page agrees. */
#define PE_PAGE_DISCARDABLE 1 /* not needed once the driver's DriverEntry has returned */
#define PE_PAGE_PAGEABLE    2 /* section name begins with PAGE: may be paged out */

ULONG PePageFlags(const PE_IMAGE *Image, ULONG Rva);

/* One imported symbol. The strings lie in the copy. */
typedef struct _PE_IMPORT {
    PCSTR Module;
    PCSTR Name;    /* NULL if imported by ordinal */
    ULONG Ordinal; /* with a name: 0 */
} PE_IMPORT, *PPE_IMPORT;

/* Finds the address of an imported symbol. Name is NULL when the import is by ordinal. */
typedef NTSTATUS (*PPE_IMPORT_ROUTINE)(PVOID Context, PCSTR Module, PCSTR Name, ULONG Ordinal,
                                       PULONG_PTR Address);

/*
 * Has Resolve find every imported symbol, and stores the addresses in the copy's import address
 * table. The first failure ends it; Import then names the culprit (members NULL as far as the table
 * itself could not be read, and Image->Reason says why).
 *
 * Errors: those of Resolve, STATUS_INVALID_IMAGE_FORMAT.
 */
NTSTATUS PeBindImports(PPE_IMAGE Image, PVOID Base, PPE_IMPORT_ROUTINE Resolve, PVOID Context,
                       PPE_IMPORT Import);

/*
 * Finds an export in the copy, by Name, or by Ordinal if Name is NULL.
 *
 * On success either Rva is the symbol's place and Forwarder is NULL, or Rva is 0 and Forwarder is a
 * string in the copy, "MODULE.Symbol" or "MODULE.#12". Errors: STATUS_ENTRYPOINT_NOT_FOUND,
 * STATUS_ORDINAL_NOT_FOUND, STATUS_INVALID_IMAGE_FORMAT.
 */
NTSTATUS PeFindExport(const PE_IMAGE *Image, PVOID Base, PCSTR Name, ULONG Ordinal, PULONG Rva,
                      PCSTR *Forwarder);

/* A data directory (IMAGE_DIRECTORY_ENTRY_xxx) of the file; both members 0 if it is absent. */
IMAGE_DATA_DIRECTORY PeDirectory(const PE_IMAGE *Image, ULONG Index);

/*
 * The place in the copy of Length bytes at Rva, or NULL unless one accessible section holds them
 * all. Everything in this room that follows an RVA goes through here.
 */
PVOID PePointer(const PE_IMAGE *Image, PVOID Base, ULONG Rva, ULONG Length);

/* The string at Rva in the copy, or NULL unless it ends inside its section and PE_MAX_NAME. */
PCSTR PeString(const PE_IMAGE *Image, PVOID Base, ULONG Rva);

#endif
