/*
 * The name of a file object, which is in no directory: its device's name and what follows it.
 */
#include "kernel/io/io.h"
#include "kernel/rtl/rtl.h"

#define TAG_NAME 'mNoI'

/* Device and file in memory from a pool; neither: no name. */
static NTSTATUS IopJoinNames(const UNICODE_STRING *Device, const UNICODE_STRING *File,
                             PUNICODE_STRING Name)
{
    ULONG Length = Device->Length + File->Length;

    if (Length == 0)
        return STATUS_SUCCESS;
    if (Length > MAXUSHORT)
        return STATUS_NAME_TOO_LONG;
    Name->Buffer = ExAllocatePoolWithTag(PagedPool, Length, TAG_NAME);
    if (Name->Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Name->Length = Name->MaximumLength = (USHORT)Length;
    memcpy(Name->Buffer, Device->Buffer, Device->Length);
    memcpy((PUCHAR)Name->Buffer + Device->Length, File->Buffer, File->Length);
    return STATUS_SUCCESS;
}

/* The file type's QueryName routine. */
NTSTATUS IopQueryFileName(PVOID Object, PUNICODE_STRING Name)
{
    PFILE_OBJECT File = Object;
    UNICODE_STRING Device = {0};
    NTSTATUS Status = STATUS_SUCCESS;

    if (File->DeviceObject)
        Status = ObpQueryPath(File->DeviceObject, &Device);
    if (NT_SUCCESS(Status))
        Status = IopJoinNames(&Device, &File->FileName, Name);
    if (Device.Buffer)
        ExFreePool(Device.Buffer);
    return Status;
}
