/*
 * Stream file objects: a file system's own, for what it keeps on a volume (WDK:
 * IoCreateStreamFileObject). Nobody has opened them, so there is no IRP_MJ_CREATE; the driver hears
 * IRP_MJ_CLOSE when the last pointer goes, and IRP_MJ_CLEANUP when the last handle does, which is
 * at once unless somebody is given one.
 */
#include "kernel/io/request.h"
#include "kernel/ke/ke.h"

/* On the device of a file, or on a device. Raises the status of what fails. */
static PFILE_OBJECT IopCreateStream(PFILE_OBJECT FileObject, PDEVICE_OBJECT DeviceObject)
{
    UNICODE_STRING None = {0};
    IO_OPEN_PACKET Packet = {0};
    PFILE_OBJECT Stream;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    Status = IopCreateFileObject(FileObject ? FileObject->DeviceObject : DeviceObject, &None, 0,
                                 &Packet, &Stream);
    if (!NT_SUCCESS(Status))
        ExRaiseStatus(Status);
    Stream->Flags |= FO_STREAM_FILE | FO_FILE_OPEN;
    return Stream;
}

/* Without a cleanup: it never has a handle. IRQL: PASSIVE_LEVEL, as for all of these. */
PFILE_OBJECT NTAPI IoCreateStreamFileObjectLite(PFILE_OBJECT FileObject,
                                                PDEVICE_OBJECT DeviceObject)
{
    PFILE_OBJECT Stream = IopCreateStream(FileObject, DeviceObject);

    Stream->Flags |= FO_CLEANUP_COMPLETE;
    return Stream;
}

/* FileObjectHandle NULL: the handle is closed, and the driver has had its cleanup on return. */
PFILE_OBJECT NTAPI IoCreateStreamFileObjectEx(PFILE_OBJECT FileObject, PDEVICE_OBJECT DeviceObject,
                                              PHANDLE FileObjectHandle)
{
    PFILE_OBJECT Stream = IopCreateStream(FileObject, DeviceObject);
    HANDLE Handle;
    NTSTATUS Status = ObpCreateHandle(Stream, FILE_READ_DATA, OBJ_KERNEL_HANDLE, &Handle);

    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(Stream);
        ExRaiseStatus(Status);
    }
    if (FileObjectHandle)
        *FileObjectHandle = Handle;
    else
        ObCloseHandle(Handle, KernelMode);
    return Stream;
}

PFILE_OBJECT NTAPI IoCreateStreamFileObject(PFILE_OBJECT FileObject, PDEVICE_OBJECT DeviceObject)
{
    return IoCreateStreamFileObjectEx(FileObject, DeviceObject, NULL);
}

/* Was the file opened from another machine (WDK: IoSetFileOrigin)? File servers say so.
 * STATUS_INVALID_PARAMETER_MIX: that is known. */
NTSTATUS NTAPI IoSetFileOrigin(PFILE_OBJECT FileObject, BOOLEAN Remote)
{
    if (IoIsFileOriginRemote(FileObject) == !!Remote)
        return STATUS_INVALID_PARAMETER_MIX;
    FileObject->Flags ^= FO_REMOTE_ORIGIN;
    return STATUS_SUCCESS;
}

BOOLEAN NTAPI IoIsFileOriginRemote(PFILE_OBJECT FileObject)
{
    return (FileObject->Flags & FO_REMOTE_ORIGIN) != 0;
}
