/*
 * PE images: relocating a copy, binding its imports, finding its exports.
 *
 * Everything here is read from the copy in memory, whose contents are the file's and may be wrong
 * in any way. Two invariants: each RVA is turned into a pointer by PePointer or PeString, and what
 * was checked is used before anything is written. The second matters because a damaged import table
 * can overlap the very names it refers to, and storing an address then destroys a string's end.
 *
 * Locks: none; see pe.h.
 */
#include "kernel/ldr/pe.h"

/* "PE Format", Base Relocation Types. Only these two occur in 32-bit x86 images. */
#define PE_RELOCATION_ABSOLUTE 0 /* padding of a block to a multiple of 4 bytes */
#define PE_RELOCATION_HIGHLOW  3 /* the difference is added to all 32 bits */

/* The linker aligns tables, but a file need not keep to it. */
typedef ULONG PE_ULONG __attribute__((aligned(1), may_alias));
typedef USHORT PE_USHORT __attribute__((aligned(1), may_alias));

static NTSTATUS PeInvalidTable(PPE_IMAGE Image, PCSTR Reason)
{
    Image->Reason = Reason;
    return STATUS_INVALID_IMAGE_FORMAT;
}

/* Fetches the 32-bit number at Rva in the copy. */
static BOOLEAN PeReadUlong(const PE_IMAGE *Image, PVOID Base, ULONG Rva, PULONG Value)
{
    const PE_ULONG *Place = PePointer(Image, Base, Rva, sizeof(ULONG));
    if (Place != NULL) {
        *Value = *Place;
    }
    return Place != NULL;
}

static BOOLEAN PeReadUshort(const PE_IMAGE *Image, PVOID Base, ULONG Rva, PUSHORT Value)
{
    const PE_USHORT *Place = PePointer(Image, Base, Rva, sizeof(USHORT));
    if (Place != NULL) {
        *Value = *Place;
    }
    return Place != NULL;
}

/* The headers' own copy is what PeForgetFile leaves as the truth, so no section's number is there.
 */
static BOOLEAN PeAddUlong(const PE_IMAGE *Image, PVOID Base, ULONG Rva, ULONG Addend)
{
    PE_ULONG *Place = PePointer(Image, Base, Rva, sizeof(ULONG));
    if (Place != NULL) {
        *Place += Addend;
    }
    return Place != NULL;
}

/* One entry of a block: 4 bits of kind, 12 bits of offset in the block's page. */
static NTSTATUS PeRelocateEntry(PPE_IMAGE Image, PVOID Base, ULONG Page, ULONG Entry, ULONG Delta)
{
    ULONG Offset = Entry & 0xFFF;
    switch (Entry >> 12) {
    case PE_RELOCATION_ABSOLUTE:
        return STATUS_SUCCESS;
    case PE_RELOCATION_HIGHLOW:
        if (Page >= Image->SizeOfImage || !PeAddUlong(Image, Base, Page + Offset, Delta)) {
            return PeInvalidTable(Image, "relocation outside the sections");
        }
        return STATUS_SUCCESS;
    default:
        return PeInvalidTable(Image, "unknown kind of relocation");
    }
}

/* The entries of one block: 16-bit numbers from Rva up to End. */
static NTSTATUS PeRelocateBlock(PPE_IMAGE Image, PVOID Base, ULONG Page, ULONG Rva, ULONG End,
                                ULONG Delta)
{
    for (; Rva < End; Rva += sizeof(USHORT)) {
        USHORT Entry;
        if (!PeReadUshort(Image, Base, Rva, &Entry)) {
            return PeInvalidTable(Image, "relocation table outside the sections");
        }
        NTSTATUS Status = PeRelocateEntry(Image, Base, Page, Entry, Delta);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
    return STATUS_SUCCESS;
}

static NTSTATUS PeRelocateAll(PPE_IMAGE Image, PVOID Base, ULONG Delta)
{
    const ULONG Header = sizeof(IMAGE_BASE_RELOCATION);
    IMAGE_DATA_DIRECTORY Table = PeDirectory(Image, IMAGE_DIRECTORY_ENTRY_BASERELOC);
    ULONG Rva = Table.VirtualAddress;
    ULONG End = Rva + Table.Size;
    ASSERT(Rva <= End && End <= Image->SizeOfImage); /* PeParse has seen to it */
    while (End - Rva >= Header) {
        ULONG Page, Size;
        if (!PeReadUlong(Image, Base, Rva, &Page) || !PeReadUlong(Image, Base, Rva + 4, &Size)) {
            return PeInvalidTable(Image, "relocation table outside the sections");
        }
        if (Page == 0 && Size == 0) {
            break; /* some linkers pad the table with zeros */
        }
        if (Size < Header || Size > End - Rva || Size % sizeof(USHORT) != 0) {
            return PeInvalidTable(Image, "wrong size of a relocation block");
        }
        NTSTATUS Status = PeRelocateBlock(Image, Base, Page, Rva + Header, Rva + Size, Delta);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        Rva += Size;
    }
    return STATUS_SUCCESS;
}

/*
 * An image without a relocation table, but not marked as stripped, has no absolute address in it
 * and runs anywhere.
 */
NTSTATUS PeRelocate(PPE_IMAGE Image, PVOID Base, ULONG_PTR Va)
{
    ULONG Delta = (ULONG)Va - Image->PreferredBase;
    ASSERT(BYTE_OFFSET(Va) == 0);
    if (Delta == 0) {
        return STATUS_SUCCESS;
    }
    if (Image->Characteristics & IMAGE_FILE_RELOCS_STRIPPED) {
        Image->Reason = "its base is not free, and its relocations were stripped";
        return STATUS_CONFLICTING_ADDRESSES;
    }
    return PeRelocateAll(Image, Base, Delta);
}

/* What the walk over the import table carries along. */
typedef struct _PE_BINDING {
    PPE_IMAGE Image;
    PVOID Base;
    PPE_IMPORT_ROUTINE Resolve;
    PVOID Context;
    PPE_IMPORT Import;
    ULONG Left; /* symbols that may still come */
} PE_BINDING, *PPE_BINDING;

/*
 * Reads one entry of the lookup table ("PE Format", Import Lookup Table): the high bit set means an
 * ordinal in the low 16, clear the RVA of a hint (a guess at the place in the export table, not
 * used here) and a name.
 */
static NTSTATUS PeReadImport(PPE_BINDING Binding, ULONG Module, ULONG Entry)
{
    PPE_IMPORT Import = Binding->Import;
    *Import = (PE_IMPORT){PeString(Binding->Image, Binding->Base, Module), NULL, 0};
    if (Import->Module == NULL || Import->Module[0] == '\0') {
        return PeInvalidTable(Binding->Image, "bad name of an imported module");
    }
    if (IMAGE_SNAP_BY_ORDINAL32(Entry)) {
        Import->Ordinal = IMAGE_ORDINAL32(Entry);
        return STATUS_SUCCESS;
    }
    ULONG Name = Entry + FIELD_OFFSET(IMAGE_IMPORT_BY_NAME, Name);
    Import->Name = PeString(Binding->Image, Binding->Base, Name);
    if (Import->Name == NULL || Import->Name[0] == '\0') {
        return PeInvalidTable(Binding->Image, "bad name of an imported symbol");
    }
    return STATUS_SUCCESS;
}

/*
 * Binds one symbol. The module's name is looked at anew each time, because the store for the symbol
 * before this one may have changed it.
 */
static NTSTATUS PeBindSymbol(PPE_BINDING Binding, ULONG Module, ULONG Entry, ULONG Slot)
{
    PPE_IMPORT Import = Binding->Import;
    NTSTATUS Status = PeReadImport(Binding, Module, Entry);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    PE_ULONG *Place = PePointer(Binding->Image, Binding->Base, Slot, sizeof(ULONG));
    if (Place == NULL) {
        return PeInvalidTable(Binding->Image, "import address table outside the sections");
    }
    ULONG_PTR Address = 0;
    Status =
        Binding->Resolve(Binding->Context, Import->Module, Import->Name, Import->Ordinal, &Address);
    if (!NT_SUCCESS(Status)) {
        Binding->Image->Reason = "imported symbol not found";
        return Status;
    }
    *Place = Address;
    return STATUS_SUCCESS;
}

/*
 * Binds what is imported from one module. The names are read from the lookup table; the address
 * table starts as its copy, but may have been overwritten with guessed addresses when the image was
 * "bound" at build time. Linkers that make no lookup table leave only the second.
 */
static NTSTATUS PeBindModule(PPE_BINDING Binding, const IMAGE_IMPORT_DESCRIPTOR *Descriptor)
{
    ULONG Slot = Descriptor->FirstThunk;
    ULONG Lookup = Descriptor->OriginalFirstThunk ? Descriptor->OriginalFirstThunk : Slot;
    for (;; Slot += sizeof(ULONG), Lookup += sizeof(ULONG)) {
        ULONG Entry;
        if (!PeReadUlong(Binding->Image, Binding->Base, Lookup, &Entry)) {
            return PeInvalidTable(Binding->Image, "import lookup table outside the sections");
        }
        if (Entry == 0) {
            return STATUS_SUCCESS;
        }
        if (Binding->Left-- == 0) {
            return PeInvalidTable(Binding->Image, "too many imports");
        }
        NTSTATUS Status = PeBindSymbol(Binding, Descriptor->Name, Entry, Slot);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
}

/* The directory is an array of descriptors that ends with an empty one; its size is not relied on.
 */
NTSTATUS PeBindImports(PPE_IMAGE Image, PVOID Base, PPE_IMPORT_ROUTINE Resolve, PVOID Context,
                       PPE_IMPORT Import)
{
    PE_BINDING Binding = {Image, Base, Resolve, Context, Import, PE_MAX_IMPORTS};
    ULONG Rva = PeDirectory(Image, IMAGE_DIRECTORY_ENTRY_IMPORT).VirtualAddress;
    ASSERT(Resolve != NULL);
    *Import = (PE_IMPORT){NULL, NULL, 0};
    if (Rva == 0) {
        return STATUS_SUCCESS;
    }
    for (;; Rva += sizeof(IMAGE_IMPORT_DESCRIPTOR)) {
        IMAGE_IMPORT_DESCRIPTOR Descriptor;
        PVOID Place = PePointer(Image, Base, Rva, sizeof(Descriptor));
        if (Place == NULL) {
            return PeInvalidTable(Image, "import directory outside the sections");
        }
        RtlCopyMemory(&Descriptor, Place, sizeof(Descriptor));
        if (Descriptor.Name == 0 || Descriptor.FirstThunk == 0) {
            return STATUS_SUCCESS;
        }
        NTSTATUS Status = PeBindModule(&Binding, &Descriptor);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
}

/*
 * Fetches the export directory, and checks that its three tables lie in the image. Not found is not
 * an error of the image, so it has its own answer: FALSE with STATUS_SUCCESS in Status.
 */
static BOOLEAN PeReadExports(const PE_IMAGE *Image, PVOID Base, IMAGE_EXPORT_DIRECTORY *Exports,
                             PNTSTATUS Status)
{
    IMAGE_DATA_DIRECTORY Directory = PeDirectory(Image, IMAGE_DIRECTORY_ENTRY_EXPORT);
    *Status = STATUS_SUCCESS;
    if (Directory.VirtualAddress == 0) {
        return FALSE;
    }
    *Status = STATUS_INVALID_IMAGE_FORMAT;
    PVOID Place = PePointer(Image, Base, Directory.VirtualAddress, sizeof(*Exports));
    if (Place == NULL) {
        return FALSE;
    }
    RtlCopyMemory(Exports, Place, sizeof(*Exports));
    ULONG Functions = Exports->NumberOfFunctions;
    ULONG Names = Exports->NumberOfNames;
    if (Functions > PE_MAX_EXPORTS || Names > PE_MAX_EXPORTS) {
        return FALSE;
    }
    if ((Functions != 0 && !PePointer(Image, Base, Exports->AddressOfFunctions, Functions * 4)) ||
        (Names != 0 && !PePointer(Image, Base, Exports->AddressOfNames, Names * 4)) ||
        (Names != 0 && !PePointer(Image, Base, Exports->AddressOfNameOrdinals, Names * 2))) {
        return FALSE;
    }
    *Status = STATUS_SUCCESS;
    return TRUE;
}

/*
 * Looks a name up in the table of names, which is sorted ("PE Format", Export Name Pointer Table),
 * and gives its index in the table of functions.
 */
static NTSTATUS PeFindName(const PE_IMAGE *Image, PVOID Base, const IMAGE_EXPORT_DIRECTORY *Exports,
                           PCSTR Name, PULONG Index)
{
    const PE_ULONG *Names = PePointer(Image, Base, Exports->AddressOfNames, 0);
    const PE_USHORT *Ordinals = PePointer(Image, Base, Exports->AddressOfNameOrdinals, 0);
    ULONG Low = 0;
    ULONG High = Exports->NumberOfNames;
    while (Low < High) {
        ULONG Middle = (Low + High) / 2;
        PCSTR Candidate = PeString(Image, Base, Names[Middle]);
        if (Candidate == NULL) {
            return STATUS_INVALID_IMAGE_FORMAT;
        }
        int Order = strcmp(Name, Candidate);
        if (Order == 0) {
            *Index = Ordinals[Middle];
            return STATUS_SUCCESS;
        }
        if (Order < 0) {
            High = Middle;
        } else {
            Low = Middle + 1;
        }
    }
    return STATUS_ENTRYPOINT_NOT_FOUND;
}

/* A function's RVA that lies in the export directory itself is that of a forwarder's string. */
static NTSTATUS PeReadFunction(const PE_IMAGE *Image, PVOID Base, ULONG Place, PULONG Rva,
                               PCSTR *Forwarder)
{
    IMAGE_DATA_DIRECTORY Directory = PeDirectory(Image, IMAGE_DIRECTORY_ENTRY_EXPORT);
    if (Place - Directory.VirtualAddress < Directory.Size) {
        *Forwarder = PeString(Image, Base, Place);
        return *Forwarder != NULL ? STATUS_SUCCESS : STATUS_INVALID_IMAGE_FORMAT;
    }
    if (PePointer(Image, Base, Place, 1) == NULL) {
        return STATUS_INVALID_IMAGE_FORMAT;
    }
    *Rva = Place;
    return STATUS_SUCCESS;
}

NTSTATUS PeFindExport(const PE_IMAGE *Image, PVOID Base, PCSTR Name, ULONG Ordinal, PULONG Rva,
                      PCSTR *Forwarder)
{
    NTSTATUS NotFound = Name ? STATUS_ENTRYPOINT_NOT_FOUND : STATUS_ORDINAL_NOT_FOUND;
    IMAGE_EXPORT_DIRECTORY Exports;
    NTSTATUS Status;
    *Rva = 0;
    *Forwarder = NULL;
    if (!PeReadExports(Image, Base, &Exports, &Status)) {
        return NT_SUCCESS(Status) ? NotFound : Status;
    }
    ULONG Index = Ordinal - Exports.Base; /* one below the base becomes huge */
    if (Name != NULL) {
        Status = PeFindName(Image, Base, &Exports, Name, &Index);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
    if (Index >= Exports.NumberOfFunctions) {
        return NotFound;
    }
    const PE_ULONG *Functions = PePointer(Image, Base, Exports.AddressOfFunctions, 0);
    if (Functions[Index] == 0) {
        return NotFound; /* a gap in the ordinals */
    }
    return PeReadFunction(Image, Base, Functions[Index], Rva, Forwarder);
}
