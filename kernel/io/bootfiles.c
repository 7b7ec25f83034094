/*
 * The files that the boot loader brought, as \SystemRoot\NAME: a small driver that is part of the
 * kernel. Their contents lie in the window for good, so opening one for its memory is cheap.
 */
#include "boot/loader.h"
#include "kernel/io/io.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

static PDRIVER_OBJECT IopBootFilesDriver;

static NTSTATUS IopBootComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* \NAME is looked up among the modules; FsContext remembers which it is. */
static NTSTATUS NTAPI IopBootCreate(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PFILE_OBJECT File = Stack->FileObject;
    ULONG Disposition = Stack->Parameters.Create.Options >> 24;
    CHAR Name[LOADER_NAME_LENGTH];

    UNREFERENCED_PARAMETER(DeviceObject);
    if (File->FileName.Length < 2 * sizeof(WCHAR) || File->FileName.Buffer[0] != L'\\')
        return IopBootComplete(Irp, STATUS_OBJECT_NAME_INVALID, 0);
    if (_snprintf(Name, sizeof Name, "%wZ", &File->FileName) < 0)
        return IopBootComplete(Irp, STATUS_OBJECT_NAME_NOT_FOUND, 0);
    Name[sizeof Name - 1] = 0;
    File->FsContext = BootFindModule(Name + 1);
    if (File->FsContext == NULL)
        return IopBootComplete(Irp, STATUS_OBJECT_NAME_NOT_FOUND, FILE_DOES_NOT_EXIST);
    if (File->WriteAccess)
        return IopBootComplete(Irp, STATUS_MEDIA_WRITE_PROTECTED, 0);
    if (Disposition == FILE_CREATE)
        return IopBootComplete(Irp, STATUS_OBJECT_NAME_COLLISION, FILE_EXISTS);
    if (Disposition != FILE_OPEN && Disposition != FILE_OPEN_IF)
        return IopBootComplete(Irp, STATUS_MEDIA_WRITE_PROTECTED, 0);
    return IopBootComplete(Irp, STATUS_SUCCESS, FILE_OPENED);
}

static NTSTATUS NTAPI IopBootClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return IopBootComplete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI IopBootRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PLOADER_MODULE Module = Stack->FileObject->FsContext;
    LONGLONG Offset = Stack->Parameters.Read.ByteOffset.QuadPart;
    ULONG Length = Stack->Parameters.Read.Length;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Offset < 0)
        return IopBootComplete(Irp, STATUS_INVALID_PARAMETER, 0);
    if (Offset >= Module->Size)
        return IopBootComplete(Irp, Length ? STATUS_END_OF_FILE : STATUS_SUCCESS, 0);
    Length = min(Length, Module->Size - (ULONG)Offset);
    if (Length)
        memcpy(Irp->AssociatedIrp.SystemBuffer,
               (PUCHAR)MI_WINDOW_BASE + Module->PhysicalStart + (ULONG)Offset, Length);
    Stack->FileObject->CurrentByteOffset.QuadPart = Offset + Length;
    return IopBootComplete(Irp, STATUS_SUCCESS, Length);
}

static NTSTATUS NTAPI IopBootEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name;
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    RtlInitUnicodeString(&Name, L"\\Device\\BootFiles");
    Status = IoCreateDevice(Driver, 0, &Name, FILE_DEVICE_DISK_FILE_SYSTEM, 0, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = IopBootCreate;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = IopBootClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = IopBootClose;
    Driver->MajorFunction[IRP_MJ_READ] = IopBootRead;
    return STATUS_SUCCESS;
}

NTSTATUS IopInitializeBootFiles(VOID)
{
    return IopCreateDriver(L"BootFiles", IopBootEntry, NULL, &IopBootFilesDriver);
}

BOOLEAN IoQueryBootFile(PFILE_OBJECT File, const VOID **Data, PULONG Size)
{
    PLOADER_MODULE Module = File->FsContext;

    if (File->DeviceObject->DriverObject != IopBootFilesDriver || Module == NULL)
        return FALSE;
    *Data = (PUCHAR)MI_WINDOW_BASE + Module->PhysicalStart;
    *Size = Module->Size;
    return TRUE;
}

NTSTATUS IoOpenBootFile(PUNICODE_STRING Path, const VOID **Data, PULONG Size, PFILE_OBJECT *File)
{
    IO_OPEN_PACKET Packet = {.Disposition = FILE_OPEN};
    OB_OPEN_CONTEXT Context = {.DesiredAccess = FILE_GENERIC_READ, .Extra = &Packet};
    NTSTATUS Status = ObpOpenPath(Path, *IoFileObjectType, &Context, (PVOID *)File);

    if (!NT_SUCCESS(Status))
        return Status;
    if (!IoQueryBootFile(*File, Data, Size)) {
        ObDereferenceObject(*File);
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    return STATUS_SUCCESS;
}
