/*
 * PE images: checking the headers, copying the sections, and what each page is to be.
 *
 * A file comes from a disk or from a boot module, and nothing in it may be believed. The rule that
 * keeps the arithmetic sound: a sum of two numbers from the file is never formed before one of them
 * is known to be small; "inside" is always asked as (Offset <= Size && Length <= Size - Offset).
 *
 * Locks: none; see pe.h. What the copied sections contain is read in pelink.c.
 */
#include "kernel/ldr/pe.h"

#define PE_DOS_MAGIC    0x5A4D     /* "MZ" */
#define PE_NT_SIGNATURE 0x00004550 /* "PE\0\0" */
#define PE_NE_SIGNATURE 0x454E     /* 16-bit Windows */
#define PE_LE_SIGNATURE 0x454C     /* OS/2 and VxD */

#define PE_MACHINE_AMD64 0x8664
#define PE_BASE_GRAIN    0x10000 /* image bases are multiples of 64 KB ("PE Format", ImageBase) */

#define PE_SECTION_ACCESS (IMAGE_SCN_MEM_READ | IMAGE_SCN_MEM_WRITE | IMAGE_SCN_MEM_EXECUTE)

/* Up to the section table everything is reached through these two; their sizes are the format. */
C_ASSERT(sizeof(IMAGE_SECTION_HEADER) == 40);
C_ASSERT(FIELD_OFFSET(IMAGE_NT_HEADERS32, OptionalHeader.DataDirectory) == 0x78);

static NTSTATUS PeRefuse(PPE_IMAGE Image, NTSTATUS Status, PCSTR Reason)
{
    Image->Reason = Reason;
    return Status;
}

static NTSTATUS PeInvalid(PPE_IMAGE Image, PCSTR Reason)
{
    return PeRefuse(Image, STATUS_INVALID_IMAGE_FORMAT, Reason);
}

static BOOLEAN PeInside(ULONG Offset, ULONG Length, ULONG Size)
{
    return Offset <= Size && Length <= Size - Offset;
}

static BOOLEAN PeIsPowerOfTwo(ULONG Value)
{
    return Value != 0 && (Value & (Value - 1)) == 0;
}

/*
 * Bytes that a section takes in memory. A VirtualSize of 0 comes from old linkers and means the
 * size of the data in the file.
 */
static ULONG PeSectionSpan(const IMAGE_SECTION_HEADER *Section)
{
    return Section->Misc.VirtualSize ? Section->Misc.VirtualSize : Section->SizeOfRawData;
}

/*
 * Bytes of a section that come from the file. Raw data is padded to the file alignment, so it may
 * be the longer of the two, and what is beyond the span is padding. Without a file offset there is
 * no data, whatever the size says: some linkers give .bss a raw size.
 */
static ULONG PeSectionData(const IMAGE_SECTION_HEADER *Section)
{
    if (Section->PointerToRawData == 0) {
        return 0;
    }
    return min(Section->SizeOfRawData, PeSectionSpan(Section));
}

/*
 * End of the memory that is mapped because of a section. The tail of its last page is zeros, and
 * belongs to it; with an alignment below a page the next section may begin there.
 */
static ULONG PeSectionEnd(const PE_IMAGE *Image, const IMAGE_SECTION_HEADER *Section)
{
    ULONG Grain = min(Image->Headers->OptionalHeader.SectionAlignment, PAGE_SIZE);
    ULONG End = Section->VirtualAddress + PeSectionSpan(Section);
    ASSERT(Section->VirtualAddress <= End && End <= Image->SizeOfImage);
    return min((End + Grain - 1) & ~(Grain - 1), Image->SizeOfImage);
}

static NTSTATUS PeCheckSignature(PPE_IMAGE Image, ULONG Offset)
{
    ULONG Signature = *(const ULONG *)(Image->File + Offset);
    if ((USHORT)Signature == PE_NE_SIGNATURE) {
        return PeRefuse(Image, STATUS_INVALID_IMAGE_NE_FORMAT, "a 16-bit Windows program");
    }
    if ((USHORT)Signature == PE_LE_SIGNATURE) {
        return PeRefuse(Image, STATUS_INVALID_IMAGE_LE_FORMAT, "a VxD or OS/2 program");
    }
    if (Signature != PE_NT_SIGNATURE) {
        return PeInvalid(Image, "no PE signature");
    }
    return STATUS_SUCCESS;
}

/* Follows the DOS header to the PE headers, as far as their fixed part. */
static NTSTATUS PeFindHeaders(PPE_IMAGE Image)
{
    const IMAGE_DOS_HEADER *Dos = (const IMAGE_DOS_HEADER *)Image->File;
    if (Image->FileSize < sizeof(USHORT) || Dos->e_magic != PE_DOS_MAGIC) {
        return PeRefuse(Image, STATUS_INVALID_IMAGE_NOT_MZ, "no MZ signature");
    }
    if (Image->FileSize < sizeof(IMAGE_DOS_HEADER)) {
        return PeInvalid(Image, "file ends inside the DOS header");
    }
    ULONG Offset = Dos->e_lfanew; /* a negative one becomes huge, and is refused as that */
    if (Offset < sizeof(IMAGE_DOS_HEADER) || Offset % sizeof(ULONG) != 0) {
        return PeInvalid(Image, "PE headers overlap the DOS header or are not aligned");
    }
    ULONG Fixed = FIELD_OFFSET(IMAGE_NT_HEADERS32, OptionalHeader.DataDirectory);
    if (!PeInside(Offset, Fixed, Image->FileSize)) {
        return PeInvalid(Image, "file ends before or inside the PE headers");
    }
    Image->Headers = (const IMAGE_NT_HEADERS32 *)(Image->File + Offset);
    return PeCheckSignature(Image, Offset);
}

/*
 * Windows has STATUS_IMAGE_MACHINE_TYPE_MISMATCH too, but that one is informational (NT_SUCCESS
 * holds for it), for an image that is mapped nevertheless.
 */
static NTSTATUS PeCheckMachine(PPE_IMAGE Image)
{
    const IMAGE_FILE_HEADER *File = &Image->Headers->FileHeader;
    USHORT Magic = Image->Headers->OptionalHeader.Magic;
    if (File->Machine == PE_MACHINE_AMD64 || File->Machine == IMAGE_FILE_MACHINE_IA64 ||
        Magic == IMAGE_NT_OPTIONAL_HDR64_MAGIC) {
        return PeRefuse(Image, STATUS_INVALID_IMAGE_WIN_64, "a 64-bit image");
    }
    if (File->Machine != IMAGE_FILE_MACHINE_I386) {
        return PeInvalid(Image, "made for another processor");
    }
    if (Magic != IMAGE_NT_OPTIONAL_HDR32_MAGIC) {
        return PeInvalid(Image, "unknown kind of optional header");
    }
    if (!(File->Characteristics & IMAGE_FILE_EXECUTABLE_IMAGE)) {
        return PeInvalid(Image, "an object file, or its link failed");
    }
    return STATUS_SUCCESS;
}

/* The optional header says its own size, and how many of the data directories it has. */
static NTSTATUS PeCheckHeaderSizes(PPE_IMAGE Image)
{
    ULONG OptionalSize = Image->Headers->FileHeader.SizeOfOptionalHeader;
    ULONG Count = Image->Headers->OptionalHeader.NumberOfRvaAndSizes;
    if (Count > IMAGE_NUMBEROF_DIRECTORY_ENTRIES) {
        return PeInvalid(Image, "too many data directories");
    }
    ULONG Needed =
        FIELD_OFFSET(IMAGE_OPTIONAL_HEADER32, DataDirectory) + Count * sizeof(IMAGE_DATA_DIRECTORY);
    if (OptionalSize < Needed || OptionalSize % sizeof(ULONG) != 0) {
        return PeInvalid(Image, "wrong size of the optional header");
    }
    Image->SectionCount = Image->Headers->FileHeader.NumberOfSections;
    if (Image->SectionCount == 0 || Image->SectionCount > PE_MAX_SECTIONS) {
        return PeInvalid(Image, "no sections, or too many");
    }
    ULONG Table = (ULONG)((const UCHAR *)Image->Headers - Image->File) +
                  FIELD_OFFSET(IMAGE_NT_HEADERS32, OptionalHeader) + OptionalSize;
    ULONG TableSize = Image->SectionCount * sizeof(IMAGE_SECTION_HEADER);
    Image->SizeOfHeaders = Image->Headers->OptionalHeader.SizeOfHeaders;
    if (Image->SizeOfHeaders > Image->FileSize) {
        return PeInvalid(Image, "file ends inside the headers");
    }
    if (!PeInside(Table, TableSize, Image->SizeOfHeaders)) {
        return PeInvalid(Image, "section table is not inside the headers");
    }
    Image->Sections = (const IMAGE_SECTION_HEADER *)(Image->File + Table);
    return STATUS_SUCCESS;
}

/*
 * "PE Format", Optional Header Windows-Specific Fields: the section alignment is at least the file
 * alignment, and below a page only when the two are equal. Drivers of the Windows XP kit are linked
 * so, with 0x80 for both.
 */
static NTSTATUS PeCheckLayout(PPE_IMAGE Image)
{
    const IMAGE_OPTIONAL_HEADER32 *Optional = &Image->Headers->OptionalHeader;
    ULONG Alignment = Optional->SectionAlignment;
    if (!PeIsPowerOfTwo(Alignment) || !PeIsPowerOfTwo(Optional->FileAlignment) ||
        Optional->FileAlignment > 0x10000 || Alignment < Optional->FileAlignment ||
        (Alignment < PAGE_SIZE && Alignment != Optional->FileAlignment)) {
        return PeInvalid(Image, "impossible alignment");
    }
    Image->SizeOfImage = Optional->SizeOfImage;
    if (Image->SizeOfImage > PE_MAX_IMAGE_SIZE || Image->SizeOfHeaders > Image->SizeOfImage) {
        return PeInvalid(Image, "image too large, or smaller than its headers");
    }
    Image->PreferredBase = Optional->ImageBase;
    if (Image->PreferredBase % PE_BASE_GRAIN != 0 ||
        Image->PreferredBase > MAXULONG - Image->SizeOfImage) {
        return PeInvalid(Image, "impossible preferred base");
    }
    Image->EntryPoint = Optional->AddressOfEntryPoint;
    Image->Characteristics = Image->Headers->FileHeader.Characteristics;
    Image->Subsystem = Optional->Subsystem;
    return STATUS_SUCCESS;
}

/* Checks one section that is not empty, and says where the next may begin. */
static NTSTATUS PeCheckSection(PPE_IMAGE Image, const IMAGE_SECTION_HEADER *Section, PULONG Free)
{
    ULONG Start = Section->VirtualAddress;
    if (Start % Image->Headers->OptionalHeader.SectionAlignment != 0) {
        return PeInvalid(Image, "section not aligned");
    }
    if (!PeInside(Start, PeSectionSpan(Section), Image->SizeOfImage)) {
        return PeInvalid(Image, "section reaches out of the image");
    }
    if (Start < *Free) {
        return PeInvalid(Image, "sections overlap, or are not in ascending order");
    }
    if (Section->PointerToRawData != 0 &&
        !PeInside(Section->PointerToRawData, Section->SizeOfRawData, Image->FileSize)) {
        return PeInvalid(Image, "section reaches out of the file");
    }
    *Free = Start + PeSectionSpan(Section);
    return STATUS_SUCCESS;
}

/* Sections of size zero (.edata and .xdata, from some linkers) hold nothing that could be wrong. */
static NTSTATUS PeCheckSections(PPE_IMAGE Image)
{
    ULONG Free = Image->SizeOfHeaders;
    for (ULONG i = 0; i < Image->SectionCount; i++) {
        if (PeSectionSpan(&Image->Sections[i]) == 0) {
            continue;
        }
        NTSTATUS Status = PeCheckSection(Image, &Image->Sections[i], &Free);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
    return STATUS_SUCCESS;
}

static NTSTATUS PeCheckEntryPoint(PPE_IMAGE Image)
{
    if (Image->EntryPoint == 0) {
        return STATUS_SUCCESS;
    }
    for (ULONG i = 0; i < Image->SectionCount; i++) {
        const IMAGE_SECTION_HEADER *Section = &Image->Sections[i];
        if ((Section->Characteristics & IMAGE_SCN_MEM_EXECUTE) &&
            Image->EntryPoint - Section->VirtualAddress < PeSectionSpan(Section)) {
            return STATUS_SUCCESS;
        }
    }
    return PeInvalid(Image, "entry point is not in an executable section");
}

/* One entry, certificates excepted, is an RVA and a size: the certificates are not loaded. */
static NTSTATUS PeCheckDirectories(PPE_IMAGE Image)
{
    for (ULONG i = 0; i < IMAGE_NUMBEROF_DIRECTORY_ENTRIES; i++) {
        IMAGE_DATA_DIRECTORY Directory = PeDirectory(Image, i);
        if (i == IMAGE_DIRECTORY_ENTRY_SECURITY) {
            continue;
        }
        if (!PeInside(Directory.VirtualAddress, Directory.Size, Image->SizeOfImage)) {
            return PeInvalid(Image, "data directory reaches out of the image");
        }
    }
    return STATUS_SUCCESS;
}

/* Does a data directory begin in the section? (That of the signature is no RVA, but an offset.) */
static BOOLEAN PeIsReferredTo(const PE_IMAGE *Image, const IMAGE_SECTION_HEADER *Section)
{
    for (ULONG i = 0; i < IMAGE_NUMBEROF_DIRECTORY_ENTRIES; i++) {
        ULONG Rva = PeDirectory(Image, i).VirtualAddress;
        if (i != IMAGE_DIRECTORY_ENTRY_SECURITY && Rva >= Section->VirtualAddress &&
            Rva < Image->SizeOfImage) {
            return TRUE;
        }
    }
    return FALSE;
}

/*
 * Leaves out the debugging information, which GNU's linker puts into sections at the image's end:
 * discardable, read-only, and found by no data directory. Debuggers read it from the file; in
 * memory nobody would.
 */
static NTSTATUS PeLeaveOutDebugging(PPE_IMAGE Image)
{
    while (Image->SectionCount > 1) {
        const IMAGE_SECTION_HEADER *Last = &Image->Sections[Image->SectionCount - 1];
        if (PeSectionSpan(Last) == 0) { /* its place has not been checked */
            Image->SectionCount--;
            continue;
        }
        if (!(Last->Characteristics & IMAGE_SCN_MEM_DISCARDABLE) ||
            (Last->Characteristics & (IMAGE_SCN_MEM_EXECUTE | IMAGE_SCN_MEM_WRITE)) ||
            PeIsReferredTo(Image, Last)) {
            break;
        }
        Image->SectionCount--;
        Image->SizeOfImage = Last->VirtualAddress;
    }
    return STATUS_SUCCESS;
}

NTSTATUS PeParse(PPE_IMAGE Image, const VOID *File, ULONG FileSize)
{
    static NTSTATUS (*const Checks[])(PPE_IMAGE) = {
        /* in this order: each relies on what those before it have found good */
        PeFindHeaders,   PeCheckMachine,    PeCheckHeaderSizes,  PeCheckLayout,
        PeCheckSections, PeCheckEntryPoint, PeLeaveOutDebugging, PeCheckDirectories,
    };
    ASSERT(((ULONG_PTR)File & 3) == 0);
    RtlZeroMemory(Image, sizeof(*Image));
    Image->File = File;
    Image->FileSize = FileSize;
    for (ULONG i = 0; i < RTL_NUMBER_OF(Checks); i++) {
        NTSTATUS Status = Checks[i](Image);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
    return STATUS_SUCCESS;
}

VOID PeCopy(const PE_IMAGE *Image, PVOID Base)
{
    ASSERT(((ULONG_PTR)Base & 3) == 0);
    RtlCopyMemory(Base, Image->File, Image->SizeOfHeaders);
    for (ULONG i = 0; i < Image->SectionCount; i++) {
        const IMAGE_SECTION_HEADER *Section = &Image->Sections[i];
        ULONG Length = PeSectionData(Section);
        if (Length != 0) {
            ASSERT(PeInside(Section->VirtualAddress, Length, Image->SizeOfImage));
            RtlCopyMemory((PUCHAR)Base + Section->VirtualAddress,
                          Image->File + Section->PointerToRawData, Length);
        }
    }
}

VOID PeForgetFile(PPE_IMAGE Image, PVOID Base)
{
    PUCHAR Copy = Base;
    ASSERT(RtlEqualMemory(Copy, Image->File, Image->SizeOfHeaders));
    ULONG Headers = (ULONG)((const UCHAR *)Image->Headers - Image->File);
    ULONG Sections = (ULONG)((const UCHAR *)Image->Sections - Image->File);
    Image->Headers = (const IMAGE_NT_HEADERS32 *)(Copy + Headers);
    Image->Sections = (const IMAGE_SECTION_HEADER *)(Copy + Sections);
    Image->File = Copy;
    Image->FileSize = Image->SizeOfHeaders;
}

IMAGE_DATA_DIRECTORY PeDirectory(const PE_IMAGE *Image, ULONG Index)
{
    IMAGE_DATA_DIRECTORY Directory = {0, 0};
    if (Index < Image->Headers->OptionalHeader.NumberOfRvaAndSizes) {
        Directory = Image->Headers->OptionalHeader.DataDirectory[Index];
    }
    if (Directory.VirtualAddress == 0 || Directory.Size == 0) {
        Directory.VirtualAddress = Directory.Size = 0;
    }
    return Directory;
}

/* Bytes from Rva to the end of the accessible section that holds it; 0 if none does. */
static ULONG PeExtent(const PE_IMAGE *Image, ULONG Rva)
{
    for (ULONG i = 0; i < Image->SectionCount; i++) {
        const IMAGE_SECTION_HEADER *Section = &Image->Sections[i];
        if (PeSectionSpan(Section) != 0 && (Section->Characteristics & PE_SECTION_ACCESS) &&
            Rva >= Section->VirtualAddress && Rva < PeSectionEnd(Image, Section)) {
            return PeSectionEnd(Image, Section) - Rva;
        }
    }
    return 0;
}

PVOID PePointer(const PE_IMAGE *Image, PVOID Base, ULONG Rva, ULONG Length)
{
    ULONG Extent = PeExtent(Image, Rva);
    ASSERT(PeInside(Rva, Extent, Image->SizeOfImage) || Extent == 0);
    return Extent != 0 && Length <= Extent ? (PUCHAR)Base + Rva : NULL;
}

PCSTR PeString(const PE_IMAGE *Image, PVOID Base, ULONG Rva)
{
    ULONG Limit = min(PeExtent(Image, Rva), PE_MAX_NAME);
    for (ULONG i = 0; i < Limit; i++) {
        if (((PCSTR)Base)[Rva + i] == '\0') {
            return (PCSTR)Base + Rva;
        }
    }
    return NULL;
}

/* Whether a section has a byte in the page that begins at Page. */
static BOOLEAN PeTouchesPage(const IMAGE_SECTION_HEADER *Section, ULONG Page)
{
    ULONG Span = PeSectionSpan(Section);
    ULONG Start = Section->VirtualAddress;
    return Span != 0 && Start < Page + PAGE_SIZE && Page < Start + Span;
}

ULONG PePageProtection(const PE_IMAGE *Image, ULONG Rva)
{
    ULONG Page = Rva & ~(PAGE_SIZE - 1);
    ULONG Access = Page < Image->SizeOfHeaders ? IMAGE_SCN_MEM_READ : 0;
    for (ULONG i = 0; i < Image->SectionCount && Page < Image->SizeOfImage; i++) {
        if (PeTouchesPage(&Image->Sections[i], Page)) {
            Access |= Image->Sections[i].Characteristics & PE_SECTION_ACCESS;
        }
    }
    /* x86 has no page that can be written or executed but not read (SDM vol. 3A, 4.6). */
    BOOLEAN Write = (Access & IMAGE_SCN_MEM_WRITE) != 0;
    if (Access & IMAGE_SCN_MEM_EXECUTE) {
        return Write ? PAGE_EXECUTE_READWRITE : PAGE_EXECUTE_READ;
    }
    if (Access == 0) {
        return PAGE_NOACCESS;
    }
    return Write ? PAGE_READWRITE : PAGE_READONLY;
}

/*
 * The name is what makes a section pageable, and one named INIT is discarded (WDK, "Making Drivers
 * Pageable", "alloc_text"). Microsoft's linker also marks the latter as discardable; GNU's does
 * not.
 */
static ULONG PeSectionFlags(const IMAGE_SECTION_HEADER *Section)
{
    ULONG Flags = 0;
    if ((Section->Characteristics & IMAGE_SCN_MEM_DISCARDABLE) ||
        RtlEqualMemory(Section->Name, "INIT", sizeof("INIT"))) {
        Flags |= PE_PAGE_DISCARDABLE;
    }
    if (RtlEqualMemory(Section->Name, "PAGE", 4) &&
        !(Section->Characteristics & IMAGE_SCN_MEM_NOT_PAGED)) {
        Flags |= PE_PAGE_PAGEABLE;
    }
    return Flags;
}

ULONG PePageFlags(const PE_IMAGE *Image, ULONG Rva)
{
    ULONG Page = Rva & ~(PAGE_SIZE - 1);
    if (Page < Image->SizeOfHeaders || Page >= Image->SizeOfImage) {
        return 0;
    }
    ULONG Flags = PE_PAGE_DISCARDABLE | PE_PAGE_PAGEABLE;
    BOOLEAN Touched = FALSE;
    for (ULONG i = 0; i < Image->SectionCount; i++) {
        if (PeTouchesPage(&Image->Sections[i], Page)) {
            Flags &= PeSectionFlags(&Image->Sections[i]);
            Touched = TRUE;
        }
    }
    return Touched ? Flags : 0;
}
