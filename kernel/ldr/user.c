/*
 * Programs and ntdll.dll: images in the lower half of the process that the thread is attached to.
 * Each process has its own copy of all pages. The process has no thread of its own yet, so nobody
 * changes the copy while it is worked on.
 */
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ldr/ldr.h"
#include "kernel/ldr/pe.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

#define NTDLL_NAME "ntdll.dll"

__attribute__((noinline)) VOID KdNotifyUserImage(PUNICODE_STRING Path, PVOID Base)
{
    __asm__ volatile("" : : "r"(Path), "r"(Base) : "memory");
}

/* Where an export of an image that is mapped at Base lies; forwarders are not followed. */
static NTSTATUS LdrpFindUserExport(const PE_IMAGE *Image, PVOID Base, PCSTR Name, ULONG Ordinal,
                                   PULONG_PTR Address)
{
    PCSTR Forwarder;
    ULONG Rva;
    NTSTATUS Status = PeFindExport(Image, Base, Name, Ordinal, &Rva, &Forwarder);

    if (NT_SUCCESS(Status) && Forwarder)
        Status = STATUS_ENTRYPOINT_NOT_FOUND;
    if (NT_SUCCESS(Status))
        *Address = (ULONG_PTR)Base + Rva;
    return Status;
}

/* The PE_IMAGE of ntdll that a program's imports are looked up in, with its base. */
static NTSTATUS LdrpResolveUserImport(PVOID Context, PCSTR Module, PCSTR Name, ULONG Ordinal,
                                      PULONG_PTR Address)
{
    LDR_USER_IMAGE *Ntdll = Context;

    if (Ntdll == NULL || _stricmp(Module, NTDLL_NAME))
        return STATUS_DLL_NOT_FOUND;
    return LdrpFindUserExport(&Ntdll->Pe, Ntdll->Base, Name, Ordinal, Address);
}

static VOID LdrpProtectUserImage(const PE_IMAGE *Image, PUCHAR Base)
{
    ULONG Rva;

    for (Rva = 0; Rva < Image->SizeOfImage; Rva += PAGE_SIZE)
        MmProtectUserPage(Base + Rva, PePageProtection(Image, Rva));
}

static NTSTATUS LdrpFillUserImage(PE_IMAGE *Image, PUCHAR Base, PUNICODE_STRING Path,
                                  LDR_USER_IMAGE *Ntdll)
{
    PE_IMPORT Import = {0};
    NTSTATUS Status;

    PeCopy(Image, Base);
    Status = PeRelocate(Image, Base, (ULONG_PTR)Base);
    if (NT_SUCCESS(Status))
        Status = PeBindImports(Image, Base, LdrpResolveUserImport, Ntdll, &Import);
    if (!NT_SUCCESS(Status)) {
        LdrpRefuseImport(Path, &Import, Image->Reason, Status);
        return Status;
    }
    LdrpProtectUserImage(Image, Base);
    return STATUS_SUCCESS;
}

/* At its preferred base if that is free, else where there is room. */
static NTSTATUS LdrpReserveImage(const PE_IMAGE *Image, PVOID *Base)
{
    NTSTATUS Status;

    *Base = (PVOID)Image->PreferredBase;
    Status = *Base ? MmReserveImage(Base, Image->SizeOfImage) : STATUS_CONFLICTING_ADDRESSES;
    if (Status != STATUS_CONFLICTING_ADDRESSES)
        return Status;
    *Base = NULL;
    return MmReserveImage(Base, Image->SizeOfImage);
}

/* Where the kernel enters ntdll. */
static NTSTATUS LdrpFindEntries(PE_IMAGE *Pe, LDR_USER_IMAGE *Image)
{
    const struct {
        PCSTR Name;
        PVOID *Address;
    } Entries[] = {{"RtlUserThreadStart", &Image->UserThreadStart},
                   {"KiUserApcDispatcher", &Image->UserApcDispatcher},
                   {"KiUserExceptionDispatcher", &Image->UserExceptionDispatcher}};
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i;

    for (i = 0; NT_SUCCESS(Status) && i < RTL_NUMBER_OF(Entries); i++)
        Status =
            LdrpFindUserExport(Pe, Image->Base, Entries[i].Name, 0, (PULONG_PTR)Entries[i].Address);
    return Status;
}

static NTSTATUS LdrpMapUserFile(PE_IMAGE *Pe, PUNICODE_STRING Path, LDR_USER_IMAGE *Ntdll,
                                LDR_USER_IMAGE *Image)
{
    NTSTATUS Status = LdrpReserveImage(Pe, &Image->Base);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = LdrpFillUserImage(Pe, Image->Base, Path, Ntdll);
    if (NT_SUCCESS(Status) && Ntdll == NULL)
        Status = LdrpFindEntries(Pe, Image);
    if (!NT_SUCCESS(Status)) {
        MmFreeUserMemory(Image->Base);
        return Status;
    }
    Image->EntryPoint = Pe->EntryPoint ? (ULONG_PTR)Image->Base + Pe->EntryPoint : 0;
    KdNotifyUserImage(Path, Image->Base);
    return STATUS_SUCCESS;
}

/*
 * Maps an image file into the current process, relocated, bound and protected. For the program,
 * Ntdll is what was returned for ntdll.dll, whose file the boot loader keeps in memory for good.
 */
NTSTATUS LdrMapUserImage(PUNICODE_STRING Path, LDR_USER_IMAGE *Ntdll, LDR_USER_IMAGE *Image)
{
    PFILE_OBJECT File;
    const VOID *Data;
    ULONG Size;
    NTSTATUS Status = IoOpenBootFile(Path, &Data, &Size, &File);

    memset(Image, 0, sizeof *Image);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = PeParse(&Image->Pe, Data, Size);
    if (!NT_SUCCESS(Status))
        LdrpRefuse(Path, Image->Pe.Reason, Status);
    else
        Status = LdrpMapUserFile(&Image->Pe, Path, Ntdll, Image);
    ObDereferenceObject(File);
    return Status;
}
