/*
 * Section objects: memory that has a name or a handle instead of an address, and that processes map
 * views of (mapview.c). Backed by nothing but memory, or by a file of the boot set, of which the
 * section has a copy of its own, made page by page when it is touched.
 *
 * All pages of a section are charged when it is created, but for those that are only reserved.
 *
 * Source: WDK, "ZwCreateSection", "Section Objects and Views".
 */
#include "kernel/vm/vm.h"
#include "kernel/ex/capture.h"
#include "kernel/io/io.h"
#include "kernel/services.h"

#define TAG_SECTION          'tceS'
#define MI_LARGEST_SECTION   0x7FFF0000
#define SEC_MEMORY           (SEC_COMMIT | SEC_RESERVE)
#define SECTION_ACCESS_VALID (SECTION_ALL_ACCESS | READ_CONTROL | WRITE_DAC | WRITE_OWNER | DELETE)

static VOID MiDeleteSection(PVOID Object)
{
    PSECTION Section = Object;

    MiDeleteSegment(&Section->Segment);
    if (Section->Segment.Prototypes)
        ExFreePoolWithTag(Section->Segment.Prototypes, TAG_SECTION);
    if (Section->File)
        ObDereferenceObject(Section->File);
}

static OBJECT_TYPE MiSectionTypeObject = {
    .Name = "Section",
    .AllAccess = SECTION_ALL_ACCESS,
    .Mapping = {SECTION_QUERY | SECTION_MAP_READ, SECTION_MAP_WRITE, SECTION_MAP_EXECUTE,
                SECTION_ALL_ACCESS},
    .Delete = MiDeleteSection,
};
static POBJECT_TYPE MiSectionType = &MiSectionTypeObject;
POBJECT_TYPE *MmSectionObjectType = &MiSectionType;

ACCESS_MASK MiAccessOfProtection(ULONG Protection)
{
    static const UCHAR Access[] = {
        [MM_READONLY] = SECTION_MAP_READ,
        [MM_EXECUTE] = SECTION_MAP_EXECUTE,
        [MM_EXECUTE_READ] = SECTION_MAP_EXECUTE | SECTION_MAP_READ,
        [MM_READWRITE] = SECTION_MAP_READ | SECTION_MAP_WRITE,
        [MM_WRITECOPY] = SECTION_MAP_READ,
        [MM_EXECUTE_READWRITE] = SECTION_MAP_EXECUTE | SECTION_MAP_READ | SECTION_MAP_WRITE,
        [MM_EXECUTE_WRITECOPY] = SECTION_MAP_EXECUTE | SECTION_MAP_READ,
    };

    return Access[Protection & 7];
}

/* What a handle is to allow, as the section's own rights. */
static ACCESS_MASK MiMapSectionAccess(ACCESS_MASK Access)
{
    const GENERIC_MAPPING *Mapping = &MiSectionTypeObject.Mapping;

    if (Access & (MAXIMUM_ALLOWED | GENERIC_ALL))
        Access |= Mapping->GenericAll;
    if (Access & GENERIC_READ)
        Access |= Mapping->GenericRead;
    if (Access & GENERIC_WRITE)
        Access |= Mapping->GenericWrite;
    if (Access & GENERIC_EXECUTE)
        Access |= Mapping->GenericExecute;
    return Access & SECTION_ACCESS_VALID;
}

/* The file behind a handle, referenced, if it is one whose contents lie in memory. */
static NTSTATUS MiReferenceFile(HANDLE FileHandle, PSECTION Section)
{
    const VOID *Data;
    NTSTATUS Status = ObReferenceObjectByHandle(FileHandle, FILE_READ_DATA, *IoFileObjectType,
                                                KiGetCurrentThread()->PreviousMode,
                                                (PVOID *)&Section->File, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    if (!IoQueryBootFile(Section->File, &Data, &Section->Segment.DataSize))
        return STATUS_INVALID_FILE_FOR_SECTION;
    Section->Segment.Data = Data;
    if (MiAccessOfProtection(Section->Protection) & SECTION_MAP_WRITE)
        return STATUS_ACCESS_DENIED; /* these files cannot be written */
    if (Section->Size.QuadPart == 0)
        Section->Size.QuadPart = Section->Segment.DataSize;
    if (Section->Size.QuadPart == 0)
        return STATUS_MAPPED_FILE_SIZE_ZERO;
    return Section->Size.QuadPart > Section->Segment.DataSize ? STATUS_SECTION_TOO_BIG
                                                              : STATUS_SUCCESS;
}

/* Makes the prototypes of a section whose size, file and attributes are known. */
static NTSTATUS MiFillSection(PSECTION Section)
{
    PMI_SEGMENT Segment = &Section->Segment;
    SIZE_T Bytes;

    if ((ULONGLONG)Section->Size.QuadPart > MI_LARGEST_SECTION)
        return STATUS_SECTION_TOO_BIG;
    if (Section->File == NULL)
        Section->Size.LowPart = ROUND_TO_PAGES(Section->Size.LowPart);
    Bytes = BYTES_TO_PAGES(Section->Size.LowPart) * sizeof(MMPTE);
    Segment->Prototypes = ExAllocatePoolWithTag(NonPagedPool, Bytes, TAG_SECTION);
    if (Segment->Prototypes == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Segment->Prototypes, Bytes);
    Segment->Pages = BYTES_TO_PAGES(Section->Size.LowPart);
    return Section->Attributes & SEC_RESERVE ? STATUS_SUCCESS
                                             : MiCommitSegment(Segment, 0, Segment->Pages);
}

static NTSTATUS MiMakeSection(LARGE_INTEGER Size, ULONG Protection, ULONG Attributes,
                              HANDLE FileHandle, PSECTION *NewSection)
{
    PSECTION Section;
    NTSTATUS Status = ObpAllocateObject(MiSectionType, sizeof *Section, (PVOID *)&Section);

    if (!NT_SUCCESS(Status))
        return Status;
    *Section = (SECTION){.Size = Size, .Protection = Protection, .Attributes = Attributes};
    if (FileHandle)
        Status = MiReferenceFile(FileHandle, Section);
    else if (Size.QuadPart == 0)
        Status = STATUS_INVALID_PARAMETER_4;
    if (NT_SUCCESS(Status))
        Status = MiFillSection(Section);
    if (NT_SUCCESS(Status))
        *NewSection = Section;
    else
        ObDereferenceObject(Section);
    return Status;
}

/* Gives the caller the handle, or closes it again. */
static NTSTATUS MiReturnHandle(NTSTATUS Status, HANDLE Handle, PHANDLE UserHandle)
{
    NTSTATUS Returned = ExCopyOut(UserHandle, &Handle, sizeof Handle);

    if (NT_SUCCESS(Returned))
        return Status;
    ObCloseHandle(Handle, KernelMode);
    return Returned;
}

/*
 * Creates a section (WDK: ZwCreateSection). Attributes: SEC_COMMIT or SEC_RESERVE; a file's is
 * committed. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtCreateSection(PHANDLE SectionHandle, ACCESS_MASK DesiredAccess,
                               POBJECT_ATTRIBUTES ObjectAttributes, PLARGE_INTEGER MaximumSize,
                               ULONG SectionPageProtection, ULONG AllocationAttributes,
                               HANDLE FileHandle)
{
    ULONG Protection = MiMakeProtection(SectionPageProtection);
    LARGE_INTEGER Size = {.QuadPart = 0};
    EX_ATTRIBUTES Attributes;
    PSECTION Section;
    HANDLE Handle;
    NTSTATUS Status = ExProbeOut(SectionHandle, sizeof *SectionHandle);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (AllocationAttributes & SEC_IMAGE)
        return STATUS_NOT_SUPPORTED;
    if (AllocationAttributes != SEC_COMMIT && AllocationAttributes != SEC_RESERVE)
        return STATUS_INVALID_PARAMETER_6;
    if (Protection & ~7) /* or not a protection at all */
        return STATUS_INVALID_PAGE_PROTECTION;
    if (NT_SUCCESS(Status) && MaximumSize)
        Status = ExCopyIn(&Size, MaximumSize, sizeof Size);
    if (NT_SUCCESS(Status))
        Status = ExCaptureAttributes(&Attributes, ObjectAttributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MiMakeSection(Size, Protection, FileHandle ? SEC_FILE : AllocationAttributes,
                           FileHandle, &Section);
    if (NT_SUCCESS(Status))
        Status = ObpInsertObject(Section, &Attributes, MiMapSectionAccess(DesiredAccess), &Handle);
    ExReleaseAttributes(&Attributes);
    return NT_SUCCESS(Status) ? MiReturnHandle(Status, Handle, SectionHandle) : Status;
}

/* Opens a section by name (WDK: ZwOpenSection). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtOpenSection(PHANDLE SectionHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes)
{
    EX_ATTRIBUTES Attributes;
    HANDLE Handle;
    NTSTATUS Status = ExProbeOut(SectionHandle, sizeof *SectionHandle);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = ExCaptureAttributes(&Attributes, ObjectAttributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status =
        ObpOpenObjectByName(&Attributes, MiSectionType, MiMapSectionAccess(DesiredAccess), &Handle);
    ExReleaseAttributes(&Attributes);
    return NT_SUCCESS(Status) ? MiReturnHandle(Status, Handle, SectionHandle) : Status;
}

/* What a section is (Windows' NtQuerySection, SectionBasicInformation). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtQuerySection(HANDLE SectionHandle, SECTION_INFORMATION_CLASS Class, PVOID Buffer,
                              SIZE_T Length, PSIZE_T ReturnLength)
{
    SIZE_T Needed = sizeof(SECTION_BASIC_INFORMATION);
    SECTION_BASIC_INFORMATION Info = {0};
    PSECTION Section;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Class == SectionImageInformation)
        return STATUS_SECTION_NOT_IMAGE;
    if (Class != SectionBasicInformation)
        return STATUS_INVALID_INFO_CLASS;
    if (Length < Needed)
        return STATUS_INFO_LENGTH_MISMATCH;
    Status = ObReferenceObjectByHandle(SectionHandle, SECTION_QUERY, MiSectionType,
                                       KiGetCurrentThread()->PreviousMode, (PVOID *)&Section, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Info.AllocationAttributes = Section->Attributes;
    Info.MaximumSize = Section->Size;
    ObDereferenceObject(Section);
    Status = ExCopyOut(Buffer, &Info, Needed);
    if (NT_SUCCESS(Status) && ReturnLength)
        Status = ExCopyOut(ReturnLength, &Needed, sizeof Needed);
    return Status;
}
