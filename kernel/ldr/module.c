/*
 * The list of kernel images, and how a driver's file becomes one of them.
 *
 * An image gets pages of its own in the system PTE range: written while it is copied, relocated
 * and bound, then each page gets the protection that its sections ask for. The list changes under
 * LdrpLock (fast mutex); readers, which may be bug checks, take no lock.
 */
#include "boot/loader.h"
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/ldr/ldr.h"
#include "kernel/ldr/pe.h"
#include "kernel/ps/notify.h"
#include "kernel/rtl/rtl.h"
#include "kernel/vf/vf.h"
#include "mm/mm.h"

#define TAG_MODULE      'domL'
#define PATH_CHARACTERS 80

LIST_ENTRY PsLoadedModuleList = {&PsLoadedModuleList, &PsLoadedModuleList};
static LDR_MODULE LdrpKernel;
static FAST_MUTEX LdrpLock;

static VOID LdrpNameModule(PLDR_MODULE Module, PCWSTR Name, USHORT Bytes)
{
    Bytes = min(Bytes, sizeof Module->NameText - sizeof(WCHAR));
    memcpy(Module->NameText, Name, Bytes);
    Module->BaseDllName.Buffer = Module->NameText;
    Module->BaseDllName.Length = Module->BaseDllName.MaximumLength = Bytes;
    Module->FullDllName = Module->BaseDllName;
}

VOID LdrInitialize(VOID)
{
    static const WCHAR Name[] = L"ntoskrnl.exe";

    ExInitializeFastMutex(&LdrpLock);
    LdrpNameModule(&LdrpKernel, Name, sizeof Name - sizeof(WCHAR));
    LdrpKernel.DllBase = KernelImageStart;
    LdrpKernel.SizeOfImage = (ULONG_PTR)KernelImageEnd - (ULONG_PTR)KernelImageStart;
    LdrpKernel.LoadCount = 1;
    InsertTailList(&PsLoadedModuleList, &LdrpKernel.InLoadOrderLinks);
}

PLDR_MODULE LdrFindModuleByAddress(PVOID Address)
{
    PLIST_ENTRY Entry;

    for (Entry = PsLoadedModuleList.Flink; Entry != &PsLoadedModuleList; Entry = Entry->Flink) {
        PLDR_MODULE Module = CONTAINING_RECORD(Entry, LDR_MODULE, InLoadOrderLinks);
        if ((ULONG_PTR)Address - (ULONG_PTR)Module->DllBase < Module->SizeOfImage)
            return Module;
    }
    return NULL;
}

BOOLEAN LdrIsKernelAddress(ULONG_PTR Address)
{
    return Address >= (ULONG_PTR)KernelImageStart && Address < (ULONG_PTR)KernelImageEnd;
}

VOID LdrpRefuse(PUNICODE_STRING Name, PCSTR Reason, NTSTATUS Status)
{
    KdPrintLine("Ldr: %wZ cannot be loaded: %s (status %08lx)\n", Name,
                Reason ? Reason : "see the status", Status);
}

__attribute__((noinline)) VOID KdNotifyImage(PLDR_MODULE Module, BOOLEAN Loaded)
{
    __asm__ volatile("" : : "r"(Module), "r"((ULONG)Loaded) : "memory");
}

/* Binds a driver's imports to the kernel, under any of its names. Context: not NULL for a driver
 * that is verified. */
static NTSTATUS LdrpResolveKernelImport(PVOID Context, PCSTR Module, PCSTR Name, ULONG Ordinal,
                                        PULONG_PTR Address)
{
    UNREFERENCED_PARAMETER(Ordinal);
    if (_stricmp(Module, "ntoskrnl.exe") && _stricmp(Module, "hal.dll") &&
        _stricmp(Module, "wmilib.sys"))
        return STATUS_DLL_NOT_FOUND;
    if (Name == NULL)
        return STATUS_ORDINAL_NOT_FOUND; /* the kernel exports by name */
    *Address = Context ? (ULONG_PTR)VfFindRoutine(Name) : 0;
    if (*Address == 0)
        *Address = (ULONG_PTR)LdrFindKernelExport(Name);
    return *Address ? STATUS_SUCCESS : STATUS_ENTRYPOINT_NOT_FOUND;
}

VOID LdrpRefuseImport(PUNICODE_STRING FileName, const PE_IMPORT *Import, PCSTR Reason,
                      NTSTATUS Status)
{
    CHAR Text[160];

    if (Import->Module == NULL || Status == STATUS_INVALID_IMAGE_FORMAT) {
        LdrpRefuse(FileName, Reason, Status);
        return;
    }
    if (Status == STATUS_DLL_NOT_FOUND)
        _snprintf(Text, sizeof Text, "there is no %s to import from", Import->Module);
    else if (Import->Name)
        _snprintf(Text, sizeof Text, "%s does not export %s", Import->Module, Import->Name);
    else
        _snprintf(Text, sizeof Text, "%s does not export ordinal %lu", Import->Module,
                  Import->Ordinal);
    Text[sizeof Text - 1] = 0;
    LdrpRefuse(FileName, Text, Status);
}

/* Gives each page of a finished image its own protection. */
static VOID LdrpProtectImage(const PE_IMAGE *Image, PUCHAR Base, ULONG Pages)
{
    ULONG i;

    for (i = 0; i < Pages; i++) {
        ULONG Protection = MiMakeProtection(PePageProtection(Image, i * PAGE_SIZE));
        if (Protection == MM_NOACCESS)
            Protection = MM_READONLY; /* a gap: nothing is there to be read */
        MiSetSystemProtection(Base + i * PAGE_SIZE, 1, Protection);
    }
}

/* Copies, relocates, binds and protects an image at Base, which has zeroed writable pages. */
static NTSTATUS LdrpFillDriver(PE_IMAGE *Image, PUCHAR Base, PUNICODE_STRING FileName)
{
    PE_IMPORT Import = {0};
    NTSTATUS Status;

    PeCopy(Image, Base);
    Status = PeRelocate(Image, Base, (ULONG_PTR)Base);
    if (!NT_SUCCESS(Status)) {
        LdrpRefuse(FileName, Image->Reason, Status);
        return Status;
    }
    Status = PeBindImports(Image, Base, LdrpResolveKernelImport,
                           VfIsChosen(FileName) ? FileName : NULL, &Import);
    if (!NT_SUCCESS(Status)) {
        LdrpRefuseImport(FileName, &Import, Image->Reason, Status);
        return Status;
    }
    LdrpProtectImage(Image, Base, BYTES_TO_PAGES(Image->SizeOfImage));
    return STATUS_SUCCESS;
}

static PLDR_MODULE LdrpFindByName(PUNICODE_STRING Name)
{
    PLIST_ENTRY Entry;

    for (Entry = PsLoadedModuleList.Flink; Entry != &PsLoadedModuleList; Entry = Entry->Flink) {
        PLDR_MODULE Module = CONTAINING_RECORD(Entry, LDR_MODULE, InLoadOrderLinks);
        if (RtlEqualUnicodeString(&Module->BaseDllName, Name, TRUE))
            return Module;
    }
    return NULL;
}

/* Makes the entry of the list for an image that is complete in memory. */
static PLDR_MODULE LdrpCreateModule(const PE_IMAGE *Image, PUCHAR Base, PUNICODE_STRING FileName)
{
    PLDR_MODULE Module = ExAllocatePoolWithTag(NonPagedPool, sizeof *Module, TAG_MODULE);

    if (Module == NULL)
        return NULL;
    memset(Module, 0, sizeof *Module);
    LdrpNameModule(Module, FileName->Buffer, FileName->Length);
    Module->DllBase = Base;
    Module->EntryPoint = Base + Image->EntryPoint;
    Module->SizeOfImage = BYTES_TO_PAGES(Image->SizeOfImage) << PAGE_SHIFT;
    Module->LoadCount = 1;
    return Module;
}

static VOID LdrpFreePages(PVOID Base, ULONG Pages)
{
    MiSetSystemProtection(Base, Pages, MM_READWRITE);
    MiFreeSystemPages(Base, Pages);
}

static NTSTATUS LdrpLoad(PE_IMAGE *Image, PUNICODE_STRING FileName, PLDR_MODULE *Module)
{
    ULONG Pages = BYTES_TO_PAGES(Image->SizeOfImage);
    PUCHAR Base = MiAllocateSystemPages(Pages, UsageDriver);
    NTSTATUS Status;

    if (Base == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = LdrpFillDriver(Image, Base, FileName);
    *Module = NT_SUCCESS(Status) ? LdrpCreateModule(Image, Base, FileName) : NULL;
    if (*Module)
        return STATUS_SUCCESS;
    LdrpFreePages(Base, Pages);
    return NT_SUCCESS(Status) ? STATUS_INSUFFICIENT_RESOURCES : Status;
}

static NTSTATUS LdrpParseDriver(PE_IMAGE *Image, const VOID *Data, ULONG Size,
                                PUNICODE_STRING FileName)
{
    NTSTATUS Status = PeParse(Image, Data, Size);

    if (NT_SUCCESS(Status) && Image->EntryPoint == 0) {
        Image->Reason = "no entry point";
        Status = STATUS_INVALID_IMAGE_FORMAT;
    }
    if (NT_SUCCESS(Status) && Image->Subsystem != IMAGE_SUBSYSTEM_NATIVE) {
        Image->Reason = "not a driver: its subsystem is not native";
        Status = STATUS_INVALID_IMAGE_FORMAT;
    }
    if (!NT_SUCCESS(Status))
        LdrpRefuse(FileName, Image->Reason, Status);
    return Status;
}

/* LdrpLock is held. */
static NTSTATUS LdrpLoadFile(PUNICODE_STRING FileName, PLDR_MODULE *Module)
{
    WCHAR PathText[PATH_CHARACTERS];
    UNICODE_STRING Path = {0, sizeof PathText, PathText};
    PFILE_OBJECT File;
    const VOID *Data;
    PE_IMAGE Image;
    ULONG Size;
    NTSTATUS Status;

    if (LdrpFindByName(FileName))
        return STATUS_IMAGE_ALREADY_LOADED;
    Status = RtlAppendUnicodeToString(&Path, L"\\SystemRoot\\");
    if (NT_SUCCESS(Status))
        Status = RtlAppendUnicodeStringToString(&Path, FileName);
    if (NT_SUCCESS(Status))
        Status = IoOpenBootFile(&Path, &Data, &Size, &File);
    if (!NT_SUCCESS(Status)) {
        LdrpRefuse(FileName, "there is no such file", Status);
        return Status;
    }
    Status = LdrpParseDriver(&Image, Data, Size, FileName);
    if (NT_SUCCESS(Status))
        Status = LdrpLoad(&Image, FileName, Module);
    ObDereferenceObject(File);
    return Status;
}

/* IRQL stays at PASSIVE_LEVEL, for files are opened under the lock. */
VOID LdrLockModules(VOID)
{
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&LdrpLock);
}

VOID LdrUnlockModules(VOID)
{
    ExReleaseFastMutexUnsafe(&LdrpLock);
    KeLeaveCriticalRegion();
}

/* Tells drivers of a new one. Nobody unloads it meanwhile: its DriverEntry has not run. */
static VOID LdrpNotifyDriver(PLDR_MODULE Module)
{
    WCHAR Text[PATH_CHARACTERS];
    UNICODE_STRING Path = {0, sizeof Text, Text};

    RtlAppendUnicodeToString(&Path, L"\\SystemRoot\\");
    RtlAppendUnicodeStringToString(&Path, &Module->BaseDllName);
    PsNotifyImage(&Path, NULL, Module->DllBase, Module->SizeOfImage);
}

NTSTATUS LdrLoadDriverImage(PUNICODE_STRING FileName, PLDR_MODULE *Module)
{
    NTSTATUS Status;

    LdrLockModules();
    Status = LdrpLoadFile(FileName, Module);
    if (NT_SUCCESS(Status)) {
        InsertTailList(&PsLoadedModuleList, &(*Module)->InLoadOrderLinks);
        KdNotifyImage(*Module, TRUE);
        if (VfIsChosen(FileName))
            VfBeginDriver(*Module);
    }
    LdrUnlockModules();
    if (NT_SUCCESS(Status))
        LdrpNotifyDriver(*Module);
    return Status;
}

VOID LdrUnloadDriverImage(PLDR_MODULE Module)
{
    VfEndDriver(Module);
    LdrLockModules();
    KdNotifyImage(Module, FALSE);
    RemoveEntryList(&Module->InLoadOrderLinks);
    LdrUnlockModules();
    LdrpFreePages(Module->DllBase, Module->SizeOfImage >> PAGE_SHIFT);
    ExFreePoolWithTag(Module, TAG_MODULE);
}
