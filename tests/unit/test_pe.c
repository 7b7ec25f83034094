/*
 * The PE reader: real images are read right, damaged ones are refused, and none makes it touch
 * memory outside the file and the copy. Both are allocated to the byte, so AddressSanitizer sees
 * any overrun.
 *
 * Usage: test_pe SAMPLE LOW. Both are made from pe_sample.c: SAMPLE as any driver is linked, LOW
 * with a section alignment of 0x80, as the Windows XP kit does.
 */
#include "kernel/nt.h"
#include "tests/unit/unit.h"
#include "kernel/ldr/pe.h"

extern void *fopen(const char *, const char *);
extern unsigned fread(void *, unsigned, unsigned, void *);
extern int fclose(void *);
extern void *calloc(unsigned, unsigned);

#define MUTATIONS    20000
#define LOAD_ADDRESS 0xF1230000u
#define MAX_FILE     0x10000

/* A file in memory, of exactly its size. */
typedef struct _FILE_COPY {
    PUCHAR Data;
    ULONG Size;
} FILE_COPY;

static FILE_COPY Sample, Low;

VOID NTAPI RtlAssert(PVOID Text, PVOID FileName, ULONG Line, PSTR Message)
{
    (void)Message;
    printf("%s:%lu: assertion failed: %s\n", (char *)FileName, Line, (char *)Text);
    exit(1);
}

static FILE_COPY ReadSample(const char *Name)
{
    FILE_COPY File = {malloc(MAX_FILE), 0};
    void *Stream = fopen(Name, "rb");
    CHECK(Stream != NULL);
    File.Size = fread(File.Data, 1, MAX_FILE, Stream);
    CHECK(File.Size > 0 && File.Size < MAX_FILE);
    fclose(Stream);
    return File;
}

static FILE_COPY Duplicate(const FILE_COPY *File, ULONG Size)
{
    FILE_COPY Copy = {malloc(Size), Size};
    memcpy(Copy.Data, File->Data, Size);
    return Copy;
}

static IMAGE_NT_HEADERS32 *HeadersOf(const FILE_COPY *File)
{
    return (PVOID)(File->Data + *(PULONG)(File->Data + FIELD_OFFSET(IMAGE_DOS_HEADER, e_lfanew)));
}

static IMAGE_SECTION_HEADER *SectionNamed(const FILE_COPY *File, PCSTR Name)
{
    IMAGE_NT_HEADERS32 *Headers = HeadersOf(File);
    IMAGE_SECTION_HEADER *Section = IMAGE_FIRST_SECTION(Headers);
    for (ULONG i = 0; i < Headers->FileHeader.NumberOfSections; i++) {
        if (strncmp((PCSTR)Section[i].Name, Name, 8) == 0) {
            return &Section[i];
        }
    }
    printf("no section %s\n", Name);
    exit(1);
}

/* What the resolver saw, and at which call it is to fail. */
typedef struct _RESOLVER {
    ULONG Calls;
    ULONG FailAt;
    BOOLEAN SawDbgPrint, SawIrql, SawOrdinal;
} RESOLVER;

static NTSTATUS Resolve(PVOID Context, PCSTR Module, PCSTR Name, ULONG Ordinal, PULONG_PTR Address)
{
    RESOLVER *Resolver = Context;
    CHECK(strlen(Module) > 0 && strlen(Module) < PE_MAX_NAME);
    CHECK(Name == NULL || (strlen(Name) > 0 && strlen(Name) < PE_MAX_NAME));
    CHECK(Ordinal <= 0xFFFF);
    if (Name != NULL && strcmp(Name, "DbgPrint") == 0 && strcmp(Module, "ntoskrnl.exe") == 0) {
        Resolver->SawDbgPrint = TRUE;
    }
    if (Name != NULL && strcmp(Name, "KeGetCurrentIrql") == 0 && strcmp(Module, "HAL.dll") == 0) {
        Resolver->SawIrql = TRUE;
    }
    if (Name == NULL && Ordinal == 42) {
        Resolver->SawOrdinal = TRUE;
    }
    *Address = 0x80100000u + 16 * Resolver->Calls++;
    return Resolver->Calls == Resolver->FailAt ? STATUS_ENTRYPOINT_NOT_FOUND : STATUS_SUCCESS;
}

/* A parsed file and its copy in memory. */
typedef struct _LOADED {
    PE_IMAGE Image;
    PUCHAR Base;
} LOADED;

static LOADED Load(const FILE_COPY *File)
{
    LOADED Loaded;
    CHECK(PeParse(&Loaded.Image, File->Data, File->Size) == STATUS_SUCCESS);
    Loaded.Base = calloc(1, Loaded.Image.SizeOfImage);
    PeCopy(&Loaded.Image, Loaded.Base);
    return Loaded;
}

static ULONG ExportRva(LOADED *Loaded, PCSTR Name, ULONG Ordinal)
{
    ULONG Rva;
    PCSTR Forwarder;
    CHECK(PeFindExport(&Loaded->Image, Loaded->Base, Name, Ordinal, &Rva, &Forwarder) ==
          STATUS_SUCCESS);
    CHECK(Rva != 0 && Forwarder == NULL);
    return Rva;
}

static ULONG UlongAt(LOADED *Loaded, ULONG Rva)
{
    return *(PULONG)(Loaded->Base + Rva);
}

static void WholeImageIsReadRight(const FILE_COPY *File)
{
    LOADED Loaded = Load(File);
    RESOLVER Resolver = {0};
    PE_IMPORT Import;
    CHECK(Loaded.Image.PreferredBase == 0x10000 && Loaded.Image.Subsystem == 1);
    CHECK(Loaded.Image.EntryPoint == SectionNamed(File, "INIT")->VirtualAddress);
    CHECK(PeRelocate(&Loaded.Image, Loaded.Base, LOAD_ADDRESS) == STATUS_SUCCESS);
    ULONG Value = ExportRva(&Loaded, "SampleValue", 0);
    CHECK(UlongAt(&Loaded, Value) == 0x12345678);
    CHECK(UlongAt(&Loaded, ExportRva(&Loaded, "SamplePointer", 0)) == LOAD_ADDRESS + Value);
    CHECK(UlongAt(&Loaded, ExportRva(&Loaded, "SampleZeros", 0)) == 0);
    CHECK(PeBindImports(&Loaded.Image, Loaded.Base, Resolve, &Resolver, &Import) == STATUS_SUCCESS);
    CHECK(Resolver.Calls == 3 && Resolver.SawDbgPrint && Resolver.SawIrql);
    IMAGE_DATA_DIRECTORY Iat = PeDirectory(&Loaded.Image, IMAGE_DIRECTORY_ENTRY_IAT);
    CHECK(UlongAt(&Loaded, Iat.VirtualAddress) == 0x80100000u);
    free(Loaded.Base);
}

static void ADriverIsReadRight(void)
{
    WholeImageIsReadRight(&Sample);
}

static void ADriverWithLowAlignmentIsReadRight(void)
{
    CHECK(HeadersOf(&Low)->OptionalHeader.SectionAlignment == 0x80);
    WholeImageIsReadRight(&Low);
}

static void ExportsAreFoundByNameAndOrdinal(void)
{
    LOADED L = Load(&Sample);
    ULONG Rva;
    PCSTR Forwarder;
    CHECK(ExportRva(&L, NULL, 7) == SectionNamed(&Sample, ".text")->VirtualAddress);
    CHECK(ExportRva(&L, "SamplePaged@0", 0) == SectionNamed(&Sample, "PAGE")->VirtualAddress);
    CHECK(PeFindExport(&L.Image, L.Base, "SampleForwarded", 0, &Rva, &Forwarder) == 0);
    CHECK(Rva == 0 && strcmp(Forwarder, "OTHER.RealName") == 0);
    CHECK(PeFindExport(&L.Image, L.Base, "Sample", 0, &Rva, &Forwarder) ==
          STATUS_ENTRYPOINT_NOT_FOUND);
    CHECK(PeFindExport(&L.Image, L.Base, "zzz", 0, &Rva, &Forwarder) ==
          STATUS_ENTRYPOINT_NOT_FOUND);
    CHECK(PeFindExport(&L.Image, L.Base, NULL, 0, &Rva, &Forwarder) == STATUS_ORDINAL_NOT_FOUND);
    CHECK(PeFindExport(&L.Image, L.Base, NULL, 8, &Rva, &Forwarder) == STATUS_ORDINAL_NOT_FOUND);
    CHECK(PeFindExport(&L.Image, L.Base, NULL, MAXULONG, &Rva, &Forwarder) ==
          STATUS_ORDINAL_NOT_FOUND);
    free(L.Base);
}

static void ExportsAreFoundAfterTheFileIsGone(void)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    LOADED Loaded = Load(&File);
    PeForgetFile(&Loaded.Image, Loaded.Base);
    free(File.Data);
    CHECK(UlongAt(&Loaded, ExportRva(&Loaded, "SampleValue", 0)) == 0x12345678);
    CHECK(PePageProtection(&Loaded.Image, 0) == PAGE_READONLY);
    free(Loaded.Base);
}

static ULONG ProtectionOf(const PE_IMAGE *Image, PCSTR Section)
{
    return PePageProtection(Image, SectionNamed(&Sample, Section)->VirtualAddress + 4);
}

static void PagesGetWhatTheirSectionsAskFor(void)
{
    PE_IMAGE Image;
    CHECK(PeParse(&Image, Sample.Data, Sample.Size) == STATUS_SUCCESS);
    CHECK(PePageProtection(&Image, 0) == PAGE_READONLY);
    CHECK(ProtectionOf(&Image, ".text") == PAGE_EXECUTE_READ);
    CHECK(ProtectionOf(&Image, "PAGE") == PAGE_EXECUTE_READ);
    CHECK(ProtectionOf(&Image, ".rdata") == PAGE_READONLY);
    CHECK(ProtectionOf(&Image, ".data") == PAGE_READWRITE);
    CHECK(ProtectionOf(&Image, ".bss") == PAGE_READWRITE);
    ULONG Bss = SectionNamed(&Sample, ".bss")->VirtualAddress;
    CHECK(PePageProtection(&Image, Bss + 0x1FFF) == PAGE_READWRITE); /* 0x1800 bytes: two pages */
    CHECK(PePageProtection(&Image, Image.SizeOfImage) == PAGE_NOACCESS);
    CHECK(PePageProtection(&Image, MAXULONG) == PAGE_NOACCESS);
    CHECK(PePageFlags(&Image, MAXULONG) == 0 && PePageFlags(&Image, 0) == 0);
    CHECK(PePageFlags(&Image, SectionNamed(&Sample, "PAGE")->VirtualAddress) == PE_PAGE_PAGEABLE);
    CHECK(PePageFlags(&Image, SectionNamed(&Sample, "INIT")->VirtualAddress) ==
          PE_PAGE_DISCARDABLE);
    CHECK(PePageFlags(&Image, SectionNamed(&Sample, ".text")->VirtualAddress) == 0);
}

static void APageSharedBySectionsGetsTheUnion(void)
{
    PE_IMAGE Image;
    CHECK(PeParse(&Image, Low.Data, Low.Size) == STATUS_SUCCESS);
    CHECK(PePageProtection(&Image, 0) == PAGE_EXECUTE_READWRITE);
    CHECK(PePageFlags(&Image, 0x400) == 0);
}

static void APageBetweenSectionsIsNotAccessible(void)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    PE_IMAGE Image;
    SectionNamed(&File, ".bss")->Misc.VirtualSize = 0x100; /* frees its second page */
    CHECK(PeParse(&Image, File.Data, File.Size) == STATUS_SUCCESS);
    ULONG Bss = SectionNamed(&File, ".bss")->VirtualAddress;
    CHECK(PePageProtection(&Image, Bss + 0x1000) == PAGE_NOACCESS);
    CHECK(PePointer(&Image, File.Data, Bss + 0x1000, 1) == NULL);
    free(File.Data);
}

/* Damages one number of the sample, and says what then becomes of it. */
static NTSTATUS ParseWith(const VOID *Field, ULONG Size, ULONG Value, PCSTR *Reason)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    PE_IMAGE Image;
    memcpy(File.Data + ((const UCHAR *)Field - Sample.Data), &Value, Size);
    NTSTATUS Status = PeParse(&Image, File.Data, File.Size);
    CHECK(NT_SUCCESS(Status) == (Image.Reason == NULL));
    *Reason = Image.Reason;
    free(File.Data);
    return Status;
}

#define EXPECT(Field, Value, Expected)                                                             \
    do {                                                                                           \
        PCSTR Why;                                                                                 \
        NTSTATUS Got = ParseWith(&(Field), sizeof(Field), Value, &Why);                            \
        if (Got != (Expected)) {                                                                   \
            printf("%s = %s: %lx %s\n", #Field, #Value, Got, Why ? Why : "accepted");              \
        }                                                                                          \
        CHECK(Got == (Expected));                                                                  \
    } while (0)

#define REFUSES(Field, Value) EXPECT(Field, Value, STATUS_INVALID_IMAGE_FORMAT)
#define ACCEPTS(Field, Value) EXPECT(Field, Value, STATUS_SUCCESS)

static void WrongSignaturesAreRefused(void)
{
    IMAGE_DOS_HEADER *Dos = (PVOID)Sample.Data;
    IMAGE_NT_HEADERS32 *Nt = HeadersOf(&Sample);
    EXPECT(Dos->e_magic, 0, STATUS_INVALID_IMAGE_NOT_MZ);
    EXPECT(Nt->Signature, 0x454E, STATUS_INVALID_IMAGE_NE_FORMAT);
    EXPECT(Nt->Signature, 0x454C, STATUS_INVALID_IMAGE_LE_FORMAT);
    REFUSES(Nt->Signature, 0);
    REFUSES(Dos->e_lfanew, 0);
    REFUSES(Dos->e_lfanew, 0x3C);
    REFUSES(Dos->e_lfanew, 0x82);
    REFUSES(Dos->e_lfanew, 0x7FFFFFFC);
    REFUSES(Dos->e_lfanew, 0xFFFFFFFC);
    REFUSES(Dos->e_lfanew, Sample.Size & ~3);
}

static void WrongKindsOfImageAreRefused(void)
{
    IMAGE_NT_HEADERS32 *Nt = HeadersOf(&Sample);
    EXPECT(Nt->FileHeader.Machine, 0x8664, STATUS_INVALID_IMAGE_WIN_64);
    EXPECT(Nt->OptionalHeader.Magic, 0x20B, STATUS_INVALID_IMAGE_WIN_64);
    REFUSES(Nt->FileHeader.Machine, 0x1C0);
    REFUSES(Nt->OptionalHeader.Magic, 0x107);
    REFUSES(Nt->FileHeader.Characteristics, IMAGE_FILE_DLL);
}

static void WrongHeaderSizesAreRefused(void)
{
    IMAGE_NT_HEADERS32 *Nt = HeadersOf(&Sample);
    REFUSES(Nt->OptionalHeader.NumberOfRvaAndSizes, 17);
    REFUSES(Nt->OptionalHeader.NumberOfRvaAndSizes, 0xFFFFFFFF);
    REFUSES(Nt->FileHeader.SizeOfOptionalHeader, 0);
    REFUSES(Nt->FileHeader.SizeOfOptionalHeader, 0xDC);
    REFUSES(Nt->FileHeader.SizeOfOptionalHeader, 0xE2);
    REFUSES(Nt->FileHeader.SizeOfOptionalHeader, 0xFFFC);
    REFUSES(Nt->FileHeader.NumberOfSections, 0);
    REFUSES(Nt->FileHeader.NumberOfSections, 97);
    REFUSES(Nt->FileHeader.NumberOfSections, 0xFFFF);
    REFUSES(Nt->OptionalHeader.SizeOfHeaders, 0);
    REFUSES(Nt->OptionalHeader.SizeOfHeaders, 0x100);
    REFUSES(Nt->OptionalHeader.SizeOfHeaders, Sample.Size + 1);
    REFUSES(Nt->OptionalHeader.SizeOfHeaders, 0x1001); /* into the first section */
    ACCEPTS(Nt->OptionalHeader.NumberOfRvaAndSizes, 2);
    PCSTR Why;
    ParseWith(&Nt->FileHeader.SizeOfOptionalHeader, 2, 0xDC, &Why);
    CHECK(strcmp(Why, "wrong size of the optional header") == 0);
}

static void WrongLayoutsAreRefused(void)
{
    IMAGE_NT_HEADERS32 *Nt = HeadersOf(&Sample);
    REFUSES(Nt->OptionalHeader.SectionAlignment, 0);
    REFUSES(Nt->OptionalHeader.SectionAlignment, 0x1800);
    REFUSES(Nt->OptionalHeader.SectionAlignment, 0x800);
    REFUSES(Nt->OptionalHeader.SectionAlignment, 0x80000000);
    REFUSES(Nt->OptionalHeader.FileAlignment, 0);
    REFUSES(Nt->OptionalHeader.FileAlignment, 3);
    REFUSES(Nt->OptionalHeader.FileAlignment, 0x2000);
    REFUSES(Nt->OptionalHeader.SizeOfImage, 0);
    REFUSES(Nt->OptionalHeader.SizeOfImage, 0x1000);
    REFUSES(Nt->OptionalHeader.SizeOfImage, PE_MAX_IMAGE_SIZE + 0x1000);
    REFUSES(Nt->OptionalHeader.SizeOfImage, 0xFFFFFFFF);
    REFUSES(Nt->OptionalHeader.ImageBase, 0x11000);
    ACCEPTS(Nt->OptionalHeader.ImageBase, 0x80400000);
    Nt->OptionalHeader.SizeOfImage += 0x10000; /* for a moment */
    REFUSES(Nt->OptionalHeader.ImageBase, 0xFFFF0000);
    Nt->OptionalHeader.SizeOfImage -= 0x10000;
}

static void WrongEntryPointsAreRefused(void)
{
    IMAGE_NT_HEADERS32 *Nt = HeadersOf(&Sample);
    IMAGE_SECTION_HEADER *Init = SectionNamed(&Sample, "INIT");
    REFUSES(Nt->OptionalHeader.AddressOfEntryPoint, 1);
    REFUSES(Nt->OptionalHeader.AddressOfEntryPoint, SectionNamed(&Sample, ".data")->VirtualAddress);
    REFUSES(Nt->OptionalHeader.AddressOfEntryPoint, Init->VirtualAddress + Init->Misc.VirtualSize);
    REFUSES(Nt->OptionalHeader.AddressOfEntryPoint, 0xFFFFFFFF);
    ACCEPTS(Nt->OptionalHeader.AddressOfEntryPoint, 0);
    ACCEPTS(Nt->OptionalHeader.AddressOfEntryPoint,
            Init->VirtualAddress + Init->Misc.VirtualSize - 1);
}

static void WrongSectionsAreRefused(void)
{
    IMAGE_SECTION_HEADER *Data = SectionNamed(&Sample, ".data");
    IMAGE_SECTION_HEADER *Page = SectionNamed(&Sample, "PAGE");
    REFUSES(Data->VirtualAddress, 0);
    REFUSES(Data->VirtualAddress, Data->VirtualAddress + 1);
    REFUSES(Data->VirtualAddress, Page->VirtualAddress);        /* not ascending */
    REFUSES(Data->VirtualAddress, Data->VirtualAddress - 4096); /* onto the one before */
    REFUSES(Data->VirtualAddress, 0xFFFFF000);
    REFUSES(Data->Misc.VirtualSize, 0x1001);
    REFUSES(Data->Misc.VirtualSize, 0x7FFFFFFF);
    REFUSES(Data->Misc.VirtualSize, 0xFFFFFFFF);
    REFUSES(Data->PointerToRawData, Sample.Size - 1);
    REFUSES(Data->PointerToRawData, 0xFFFFFE00);
    REFUSES(Data->SizeOfRawData, Sample.Size - Data->PointerToRawData + 1);
    REFUSES(Data->SizeOfRawData, 0xFFFFFFFF);
    ACCEPTS(Data->SizeOfRawData, Sample.Size - Data->PointerToRawData); /* not file-aligned */
}

static void WrongDirectoriesAreRefused(void)
{
    IMAGE_NT_HEADERS32 *Nt = HeadersOf(&Sample);
    IMAGE_DATA_DIRECTORY *Directory = Nt->OptionalHeader.DataDirectory;
    ULONG Room = Nt->OptionalHeader.SizeOfImage - Directory[0].VirtualAddress;
    REFUSES(Directory[0].VirtualAddress, 0xFFFFFFFF);
    REFUSES(Directory[1].VirtualAddress, Nt->OptionalHeader.SizeOfImage);
    REFUSES(Directory[0].Size, Room + 1);
    REFUSES(Directory[5].Size, 0xFFFFFFFF);
    ACCEPTS(Directory[0].Size, Room);
    ACCEPTS(Directory[2].Size, 0xFFFFFFFF); /* absent, as its RVA is 0 */
}

static void TruncatedFilesAreRefused(void)
{
    IMAGE_SECTION_HEADER *Last = SectionNamed(&Sample, ".reloc");
    for (ULONG Size = 0; Size < Last->PointerToRawData + Last->SizeOfRawData; Size += 1) {
        FILE_COPY File = Duplicate(&Sample, Size);
        PE_IMAGE Image;
        CHECK(!NT_SUCCESS(PeParse(&Image, File.Data, Size)) && Image.Reason != NULL);
        free(File.Data);
    }
}

static void OddButHarmlessSectionsAreAccepted(void)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    IMAGE_SECTION_HEADER *Rdata = SectionNamed(&File, ".rdata");
    IMAGE_SECTION_HEADER *Data = SectionNamed(&File, ".data");
    IMAGE_SECTION_HEADER *Bss = SectionNamed(&File, ".bss");
    Rdata->Misc.VirtualSize = Rdata->SizeOfRawData = 0; /* empty, and its place is nonsense */
    Rdata->VirtualAddress = 0xFFFFFFFF;
    Data->Misc.VirtualSize = 0;  /* old linkers: as large as the raw data */
    Bss->SizeOfRawData = 0x1800; /* size without data in the file */
    LOADED Loaded = Load(&File);
    CHECK(UlongAt(&Loaded, ExportRva(&Loaded, "SampleValue", 0)) == 0x12345678);
    CHECK(UlongAt(&Loaded, Bss->VirtualAddress) == 0);
    free(Loaded.Base);
    free(File.Data);
}

/* It looks like debugging information, at the beginning of the image. */
static void AnEmptyLastSectionDoesNotCutTheImage(void)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    IMAGE_NT_HEADERS32 *Headers = HeadersOf(&File);
    IMAGE_SECTION_HEADER *Last =
        IMAGE_FIRST_SECTION(Headers) + Headers->FileHeader.NumberOfSections - 1;
    PE_IMAGE Image;
    Last->Misc.VirtualSize = Last->SizeOfRawData = 0;
    Last->VirtualAddress = 0x1000;
    Last->Characteristics = IMAGE_SCN_MEM_DISCARDABLE | IMAGE_SCN_MEM_READ;
    memset(Headers->OptionalHeader.DataDirectory, 0, sizeof Headers->OptionalHeader.DataDirectory);
    CHECK(NT_SUCCESS(PeParse(&Image, File.Data, File.Size)));
    CHECK(Image.SizeOfImage > 0x1000);
    PVOID Base = calloc(1, Image.SizeOfImage);
    PeCopy(&Image, Base);
    free(Base);
    free(File.Data);
}

static void RawDataBeyondTheVirtualSizeIsNotCopied(void)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    IMAGE_SECTION_HEADER *Data = SectionNamed(&File, ".data");
    memset(File.Data + Data->PointerToRawData + Data->Misc.VirtualSize, 0xEE, 8);
    LOADED Loaded = Load(&File);
    CHECK(UlongAt(&Loaded, Data->VirtualAddress + Data->Misc.VirtualSize) == 0);
    free(Loaded.Base);
    free(File.Data);
}

static void AnImageWithoutRelocationsRunsOnlyAtItsBase(void)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    HeadersOf(&File)->FileHeader.Characteristics |= IMAGE_FILE_RELOCS_STRIPPED;
    LOADED Loaded = Load(&File);
    CHECK(PeRelocate(&Loaded.Image, Loaded.Base, 0x10000) == STATUS_SUCCESS);
    CHECK(PeRelocate(&Loaded.Image, Loaded.Base, LOAD_ADDRESS) == STATUS_CONFLICTING_ADDRESSES);
    CHECK(Loaded.Image.Reason != NULL);
    free(Loaded.Base);
    free(File.Data);
}

/* Relocates the sample with one number of its relocation table changed. */
static NTSTATUS RelocateWith(ULONG Offset, ULONG Size, ULONG Value)
{
    LOADED Loaded = Load(&Sample);
    ULONG Table = PeDirectory(&Loaded.Image, IMAGE_DIRECTORY_ENTRY_BASERELOC).VirtualAddress;
    memcpy(Loaded.Base + Table + Offset, &Value, Size);
    NTSTATUS Status = PeRelocate(&Loaded.Image, Loaded.Base, LOAD_ADDRESS);
    free(Loaded.Base);
    return Status;
}

static void WrongRelocationsAreRefused(void)
{
    const NTSTATUS Bad = STATUS_INVALID_IMAGE_FORMAT;
    CHECK(RelocateWith(8, 2, 0x3004) == STATUS_SUCCESS);
    CHECK(RelocateWith(8, 2, 0x0FFF) == STATUS_SUCCESS); /* ABSOLUTE: nothing to do */
    CHECK(RelocateWith(8, 2, 0x1004) == Bad);            /* HIGH: not on x86 */
    CHECK(RelocateWith(8, 2, 0xA004) == Bad);            /* DIR64 */
    CHECK(RelocateWith(8, 2, 0x3FFD) == Bad);            /* across the section's end */
    CHECK(RelocateWith(0, 4, 0) == Bad);                 /* into the headers */
    CHECK(RelocateWith(0, 4, 0x0000C000) == Bad);
    CHECK(RelocateWith(0, 4, 0xFFFFFFFF) == Bad);
    CHECK(RelocateWith(4, 4, 0) == Bad);
    CHECK(RelocateWith(4, 4, 7) == Bad);
    CHECK(RelocateWith(4, 4, 15) == Bad);
    CHECK(RelocateWith(4, 4, 0x3E) == Bad); /* two bytes beyond the table */
    CHECK(RelocateWith(4, 4, 0xFFFFFFF0) == Bad);
    CHECK(RelocateWith(0x34, 4, 11) == Bad); /* the last block, and an odd size */
}

/* A page so high that adding the offset would come out at the bottom of the image again. */
static void RelocationsDoNotWrapAround(void)
{
    LOADED Loaded = Load(&Low);
    ULONG Table = PeDirectory(&Loaded.Image, IMAGE_DIRECTORY_ENTRY_BASERELOC).VirtualAddress;
    *(PULONG)(Loaded.Base + Table) = 0xFFFFF800;
    *(PUSHORT)(Loaded.Base + Table + 8) = 0x3C00;
    memset(Loaded.Base + Table + 10, 0, UlongAt(&Loaded, Table + 4) - 10); /* the others: none */
    CHECK(PeRelocate(&Loaded.Image, Loaded.Base, LOAD_ADDRESS) == STATUS_INVALID_IMAGE_FORMAT);
    free(Loaded.Base);
}

/* The sample's first import descriptor, and its lookup table, in a fresh copy. */
static LOADED LoadForBinding(IMAGE_IMPORT_DESCRIPTOR **First, PULONG *Lookup)
{
    LOADED Loaded = Load(&Sample);
    ULONG Table = PeDirectory(&Loaded.Image, IMAGE_DIRECTORY_ENTRY_IMPORT).VirtualAddress;
    *First = (PVOID)(Loaded.Base + Table);
    *Lookup = (PVOID)(Loaded.Base + (*First)->OriginalFirstThunk);
    return Loaded;
}

static NTSTATUS Bind(LOADED *Loaded, RESOLVER *Resolver, PPE_IMPORT Import)
{
    NTSTATUS Status = PeBindImports(&Loaded->Image, Loaded->Base, Resolve, Resolver, Import);
    CHECK(NT_SUCCESS(Status) || Loaded->Image.Reason != NULL);
    free(Loaded->Base);
    return Status;
}

static void ImportsByOrdinalAreBound(void)
{
    IMAGE_IMPORT_DESCRIPTOR *First;
    PULONG Lookup;
    RESOLVER Resolver = {0};
    PE_IMPORT Import;
    LOADED Loaded = LoadForBinding(&First, &Lookup);
    *Lookup = IMAGE_ORDINAL_FLAG32 | 42;
    CHECK(Bind(&Loaded, &Resolver, &Import) == STATUS_SUCCESS && Resolver.SawOrdinal);
}

static void ImportsWithoutALookupTableAreBound(void)
{
    IMAGE_IMPORT_DESCRIPTOR *First;
    PULONG Lookup;
    RESOLVER Resolver = {0};
    PE_IMPORT Import;
    LOADED Loaded = LoadForBinding(&First, &Lookup);
    First->OriginalFirstThunk = 0;
    CHECK(Bind(&Loaded, &Resolver, &Import) == STATUS_SUCCESS && Resolver.SawIrql);
}

static void AnImportThatIsNotFoundIsNamed(void)
{
    RESOLVER Resolver = {.FailAt = 2};
    PE_IMPORT Import;
    LOADED Loaded = Load(&Sample);
    NTSTATUS Status = PeBindImports(&Loaded.Image, Loaded.Base, Resolve, &Resolver, &Import);
    CHECK(Status == STATUS_ENTRYPOINT_NOT_FOUND);
    CHECK(strcmp(Import.Module, "ntoskrnl.exe") == 0 && strcmp(Import.Name, "DbgPrint") == 0);
    free(Loaded.Base);
}

static void WrongImportTablesAreRefused(void)
{
    static const ULONG Wild[] = {1, 0x7FFFFFFF, 0xC000, 0xBFFF, 0xFFFFFFFF};
    for (ULONG i = 0; i < RTL_NUMBER_OF(Wild) * 4; i++) {
        IMAGE_IMPORT_DESCRIPTOR *First;
        PULONG Lookup;
        RESOLVER Resolver = {0};
        PE_IMPORT Import;
        LOADED Loaded = LoadForBinding(&First, &Lookup);
        PULONG Fields[] = {&First->OriginalFirstThunk, &First->Name, &First->FirstThunk, Lookup};
        *Fields[i % 4] = Wild[i / 4];
        NTSTATUS Status = Bind(&Loaded, &Resolver, &Import);
        BOOLEAN Ordinal = i % 4 == 3 && (Wild[i / 4] & IMAGE_ORDINAL_FLAG32);
        CHECK(Status == (Ordinal ? STATUS_SUCCESS : STATUS_INVALID_IMAGE_FORMAT));
    }
}

/* The address table lies on the module's name: the first store takes away the string's end. */
static void AnAddressTableOverItsOwnNamesIsHarmless(void)
{
    LOADED Loaded = Load(&Sample);
    RESOLVER Resolver = {0};
    PE_IMPORT Import;
    ULONG Table = PeDirectory(&Loaded.Image, IMAGE_DIRECTORY_ENTRY_IMPORT).VirtualAddress;
    IMAGE_IMPORT_DESCRIPTOR *Second = (PVOID)(Loaded.Base + Table + 20);
    Second->FirstThunk = Second->Name + 12;
    PeBindImports(&Loaded.Image, Loaded.Base, Resolve, &Resolver, &Import);
    free(Loaded.Base);
}

/* The copy would overrun, although no section reaches out of the image: all are empty. */
static void HeadersLargerThanTheImageAreRefused(void)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    IMAGE_NT_HEADERS32 *Headers = HeadersOf(&File);
    Headers->OptionalHeader.SizeOfImage = Headers->OptionalHeader.SizeOfHeaders - 4;
    Headers->OptionalHeader.NumberOfRvaAndSizes = 0;
    Headers->OptionalHeader.AddressOfEntryPoint = 0;
    for (ULONG i = 0; i < Headers->FileHeader.NumberOfSections; i++) {
        IMAGE_SECTION_HEADER *Section = &IMAGE_FIRST_SECTION(Headers)[i];
        Section->Misc.VirtualSize = Section->SizeOfRawData = 0;
    }
    PE_IMAGE Image;
    CHECK(PeParse(&Image, File.Data, File.Size) == STATUS_INVALID_IMAGE_FORMAT);
    free(File.Data);
}

/* Makes the last section large enough for a test's own tables, and gives its place. */
static FILE_COPY SampleWithRoom(PULONG Room)
{
    FILE_COPY File = Duplicate(&Sample, Sample.Size);
    HeadersOf(&File)->OptionalHeader.SizeOfImage = 0x200000;
    SectionNamed(&File, ".reloc")->Misc.VirtualSize = 0x100000;
    *Room = SectionNamed(&File, ".reloc")->VirtualAddress;
    return File;
}

static void NamesThatNeverEndAreRefused(void)
{
    ULONG Room;
    FILE_COPY File = SampleWithRoom(&Room);
    LOADED Loaded = Load(&File);
    RESOLVER Resolver = {0};
    PE_IMPORT Import;
    ULONG Table = PeDirectory(&Loaded.Image, IMAGE_DIRECTORY_ENTRY_IMPORT).VirtualAddress;
    memset(Loaded.Base + Room, 'A', PE_MAX_NAME);
    ((IMAGE_IMPORT_DESCRIPTOR *)(Loaded.Base + Table))->Name = Room;
    CHECK(PeBindImports(&Loaded.Image, Loaded.Base, Resolve, &Resolver, &Import) ==
          STATUS_INVALID_IMAGE_FORMAT);
    Loaded.Base[Room + PE_MAX_NAME - 1] = 0;
    CHECK(PeBindImports(&Loaded.Image, Loaded.Base, Resolve, &Resolver, &Import) == 0);
    free(Loaded.Base);
    free(File.Data);
}

/* Descriptors that all use one endless lookup table would keep the kernel busy for hours. */
static void ImportTablesThatNeverEndAreRefused(void)
{
    ULONG Room;
    FILE_COPY File = SampleWithRoom(&Room);
    LOADED Loaded = Load(&File);
    RESOLVER Resolver = {0};
    PE_IMPORT Import;
    ULONG Table = PeDirectory(&Loaded.Image, IMAGE_DIRECTORY_ENTRY_IMPORT).VirtualAddress;
    IMAGE_IMPORT_DESCRIPTOR *First = (PVOID)(Loaded.Base + Table);
    PULONG Entries = (PVOID)(Loaded.Base + Room);
    for (ULONG i = 0; i < 0x3F000; i++) {
        Entries[i] = IMAGE_ORDINAL_FLAG32 | 1;
    }
    First->OriginalFirstThunk = First->FirstThunk = Room;
    CHECK(PeBindImports(&Loaded.Image, Loaded.Base, Resolve, &Resolver, &Import) ==
          STATUS_INVALID_IMAGE_FORMAT);
    CHECK(Resolver.Calls <= PE_MAX_IMPORTS);
    free(Loaded.Base);
    free(File.Data);
}

/* Looks an export up with one number of the export directory changed. */
static NTSTATUS ExportWith(ULONG Offset, ULONG Value, PCSTR Name)
{
    LOADED Loaded = Load(&Sample);
    ULONG Table = PeDirectory(&Loaded.Image, IMAGE_DIRECTORY_ENTRY_EXPORT).VirtualAddress;
    ULONG Rva;
    PCSTR Forwarder;
    *(PULONG)(Loaded.Base + Table + Offset) = Value;
    NTSTATUS Status = PeFindExport(&Loaded.Image, Loaded.Base, Name, 4, &Rva, &Forwarder);
    free(Loaded.Base);
    return Status;
}

static void WrongExportTablesAreRefused(void)
{
    static const ULONG Wild[] = {1, 0x7FFFFFFF, 0xC000, 0xBFFF, 0xFFFFFFFF};
    for (ULONG i = 0; i < RTL_NUMBER_OF(Wild); i++) {
        PCSTR Name = "SampleValue";
        CHECK(!NT_SUCCESS(
            ExportWith(FIELD_OFFSET(IMAGE_EXPORT_DIRECTORY, AddressOfFunctions), Wild[i], Name)));
        CHECK(!NT_SUCCESS(
            ExportWith(FIELD_OFFSET(IMAGE_EXPORT_DIRECTORY, AddressOfNames), Wild[i], Name)));
        CHECK(!NT_SUCCESS(ExportWith(FIELD_OFFSET(IMAGE_EXPORT_DIRECTORY, AddressOfNameOrdinals),
                                     Wild[i], Name)));
        CHECK(!NT_SUCCESS(
            ExportWith(FIELD_OFFSET(IMAGE_EXPORT_DIRECTORY, NumberOfFunctions), Wild[i], Name)));
    }
    CHECK(ExportWith(FIELD_OFFSET(IMAGE_EXPORT_DIRECTORY, NumberOfNames), 0x7FFFFFFF, "x") ==
          STATUS_INVALID_IMAGE_FORMAT);
    CHECK(ExportWith(FIELD_OFFSET(IMAGE_EXPORT_DIRECTORY, NumberOfNames), 0, "SampleValue") ==
          STATUS_ENTRYPOINT_NOT_FOUND);
    CHECK(ExportWith(0x28 + 4 * 2, 0, NULL) == STATUS_ORDINAL_NOT_FOUND); /* ordinal 4: a gap */
    CHECK(ExportWith(0x28 + 4 * 2, 0xFFFF0000, NULL) == STATUS_INVALID_IMAGE_FORMAT);
}

/* How far the damaged files came, to show that the test reaches everything. */
static struct {
    ULONG Parsed, Relocated, Bound, Found;
} Reached;

static void QueryAllPages(const PE_IMAGE *Image)
{
    ULONG Last = min(Image->SizeOfImage, 64 * PAGE_SIZE);
    for (ULONG Rva = 0; Rva <= Last; Rva += PAGE_SIZE) {
        CHECK(PePageProtection(Image, Rva) != 0);
        CHECK((PePageFlags(Image, Rva) & ~3) == 0);
    }
}

static void FindAllExports(LOADED *Loaded)
{
    static const PCSTR Names[] = {"SampleValue", "SampleForwarded", "SamplePaged@0", "none"};
    ULONG Rva;
    PCSTR Forwarder;
    for (ULONG i = 0; i < 12; i++) {
        PCSTR Name = i < RTL_NUMBER_OF(Names) ? Names[i] : NULL;
        NTSTATUS Status = PeFindExport(&Loaded->Image, Loaded->Base, Name, i, &Rva, &Forwarder);
        if (NT_SUCCESS(Status)) {
            Reached.Found++;
            CHECK(Forwarder != NULL ? strlen(Forwarder) < PE_MAX_NAME
                                    : Rva < Loaded->Image.SizeOfImage);
        }
    }
}

/* Everything that is ever done with an image, done with one that may be damaged. Frees the file. */
static void Exercise(FILE_COPY File, ULONG FailAt)
{
    LOADED Loaded;
    RESOLVER Resolver = {.FailAt = FailAt};
    PE_IMPORT Import;
    if (!NT_SUCCESS(PeParse(&Loaded.Image, File.Data, File.Size))) {
        CHECK(Loaded.Image.Reason != NULL);
        free(File.Data);
        return;
    }
    Reached.Parsed++;
    Loaded.Base = calloc(1, Loaded.Image.SizeOfImage);
    PeCopy(&Loaded.Image, Loaded.Base);
    QueryAllPages(&Loaded.Image);
    if (NT_SUCCESS(PeRelocate(&Loaded.Image, Loaded.Base, LOAD_ADDRESS))) {
        Reached.Relocated++;
    }
    if (NT_SUCCESS(PeBindImports(&Loaded.Image, Loaded.Base, Resolve, &Resolver, &Import))) {
        Reached.Bound++;
    }
    PeForgetFile(&Loaded.Image, Loaded.Base);
    free(File.Data);
    FindAllExports(&Loaded);
    free(Loaded.Base);
}

/* Where to damage a file: in the headers, in one of the three tables, or anywhere. */
static ULONG PickPlace(const FILE_COPY *File, unsigned *Seed)
{
    static const PCSTR Tables[] = {".edata", ".idata", ".reloc"};
    ULONG Choice = UnitRandom(Seed) % 8;
    if (Choice < 3) {
        IMAGE_SECTION_HEADER *Table = SectionNamed(File, Tables[Choice]);
        return Table->PointerToRawData + UnitRandom(Seed) % Table->Misc.VirtualSize;
    }
    if (Choice < 7) {
        return 0x3C + UnitRandom(Seed) % 0x300;
    }
    return UnitRandom(Seed) % File->Size;
}

static void DamageOnce(FILE_COPY *File, ULONG Place, unsigned *Seed)
{
    const ULONG Size = File->Size;
    const ULONG Boundary[] = {0,          1,          0xFFFFFFFF, 0x7FFFFFFF,       0x80000000,
                              Size,       Size - 1,   Size + 1,   UnitRandom(Seed), 0xFFF,
                              0x1000,     0x1001,     0xC000,     0xBFFF,           0xFFFFF000,
                              0x03FFFFFF, 0x04000000, 0xFFFF,     0x10000,          0x2E};
    if (UnitRandom(Seed) % 3 == 0) {
        File->Data[Place] ^= (UCHAR)(1 << UnitRandom(Seed) % 8);
        return;
    }
    ULONG Value = Boundary[UnitRandom(Seed) % RTL_NUMBER_OF(Boundary)];
    Place &= UnitRandom(Seed) % 4 ? ~3u : ~1u;
    memcpy(File->Data + Place, &Value, min(Size - Place, UnitRandom(Seed) % 4 ? 4u : 2u));
}

static void DamageAndExercise(const FILE_COPY *Original, ULONG Count)
{
    unsigned Seed = 0x5EED0001;
    for (ULONG i = 0; i < Count; i++) {
        ULONG Size = Original->Size;
        ULONG Places[3];
        ULONG Damages = 1 + UnitRandom(&Seed) % RTL_NUMBER_OF(Places);
        for (ULONG k = 0; k < Damages; k++) {
            Places[k] = PickPlace(Original, &Seed);
        }
        if (UnitRandom(&Seed) % 16 == 0) {
            Size = UnitRandom(&Seed) % Size;
        }
        FILE_COPY File = Duplicate(Original, Size);
        for (ULONG k = 0; k < Damages; k++) {
            if (Places[k] < Size) {
                DamageOnce(&File, Places[k], &Seed);
            }
        }
        Exercise(File, UnitRandom(&Seed) % 8);
    }
}

static void DamagedFilesDoNoDamage(void)
{
    DamageAndExercise(&Sample, MUTATIONS);
    DamageAndExercise(&Low, MUTATIONS / 4);
    printf("   of %u damaged files: %lu parsed, %lu relocated, %lu bound; %lu exports found\n",
           MUTATIONS + MUTATIONS / 4, Reached.Parsed, Reached.Relocated, Reached.Bound,
           Reached.Found);
    CHECK(Reached.Parsed > MUTATIONS / 5 && Reached.Bound > MUTATIONS / 10);
    CHECK(Reached.Relocated < Reached.Parsed && Reached.Bound < Reached.Parsed);
}

int main(int Count, char **Arguments)
{
    CHECK(Count == 3);
    Sample = ReadSample(Arguments[1]);
    Low = ReadSample(Arguments[2]);
    RUN(ADriverIsReadRight);
    RUN(ADriverWithLowAlignmentIsReadRight);
    RUN(ExportsAreFoundByNameAndOrdinal);
    RUN(ExportsAreFoundAfterTheFileIsGone);
    RUN(PagesGetWhatTheirSectionsAskFor);
    RUN(APageSharedBySectionsGetsTheUnion);
    RUN(APageBetweenSectionsIsNotAccessible);
    RUN(WrongSignaturesAreRefused);
    RUN(WrongKindsOfImageAreRefused);
    RUN(WrongHeaderSizesAreRefused);
    RUN(WrongLayoutsAreRefused);
    RUN(WrongEntryPointsAreRefused);
    RUN(WrongSectionsAreRefused);
    RUN(WrongDirectoriesAreRefused);
    RUN(TruncatedFilesAreRefused);
    RUN(OddButHarmlessSectionsAreAccepted);
    RUN(AnEmptyLastSectionDoesNotCutTheImage);
    RUN(RawDataBeyondTheVirtualSizeIsNotCopied);
    RUN(AnImageWithoutRelocationsRunsOnlyAtItsBase);
    RUN(WrongRelocationsAreRefused);
    RUN(RelocationsDoNotWrapAround);
    RUN(ImportsByOrdinalAreBound);
    RUN(ImportsWithoutALookupTableAreBound);
    RUN(AnImportThatIsNotFoundIsNamed);
    RUN(WrongImportTablesAreRefused);
    RUN(AnAddressTableOverItsOwnNamesIsHarmless);
    RUN(HeadersLargerThanTheImageAreRefused);
    RUN(NamesThatNeverEndAreRefused);
    RUN(ImportTablesThatNeverEndAreRefused);
    RUN(WrongExportTablesAreRefused);
    RUN(DamagedFilesDoNoDamage);
    printf("%u checks\n", UnitChecks);
    free(Sample.Data);
    free(Low.Data);
    return 0;
}
