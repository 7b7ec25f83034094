/*
 * What the drive's registers say about an error, as an NTSTATUS for the requester, and as a code
 * for the error log. Pure, so that each bit can be tested without a drive that has it.
 */
#include "disk.h"
#include <ntiologc.h>

/*
 * Status and error register after a command that failed (ATA/ATAPI-6, 7.14). Several bits may be
 * set; the one that says most comes first. IDE_ERROR_END_OF_MEDIA is bit 1, which ATA calls NM: no
 * media. Bit 7 is a bad block of old drives, and a checksum error on the cable of newer ones.
 */
NTSTATUS IdeStatusOf(UCHAR Status, UCHAR Error)
{
    if (!(Status & IDE_STATUS_ERROR) || (Status & IDE_STATUS_DEVICE_FAULT))
        return STATUS_IO_DEVICE_ERROR;
    if (Error & IDE_ERROR_DATA_ERROR)
        return STATUS_DEVICE_DATA_ERROR;
    if (Error & IDE_ERROR_ID_NOT_FOUND)
        return STATUS_NONEXISTENT_SECTOR;
    if (Error & IDE_ERROR_CRC_ERROR)
        return STATUS_CRC_ERROR;
    if (Error & IDE_ERROR_END_OF_MEDIA)
        return STATUS_NO_MEDIA_IN_DEVICE;
    if (Error & (IDE_ERROR_MEDIA_CHANGE | IDE_ERROR_MEDIA_CHANGE_REQ))
        return STATUS_VERIFY_REQUIRED;
    return STATUS_IO_DEVICE_ERROR;
}

/* What the error log calls it (ntiologc.h). */
NTSTATUS IdeLogCodeOf(NTSTATUS Status)
{
    switch (Status) {
    case STATUS_SUCCESS:
        return IO_ERR_RETRY_SUCCEEDED;
    case STATUS_DEVICE_DATA_ERROR:
        return IO_ERR_BAD_BLOCK;
    case STATUS_NONEXISTENT_SECTOR:
        return IO_ERR_SEEK_ERROR;
    case STATUS_CRC_ERROR:
        return IO_ERR_PARITY;
    case STATUS_NO_MEDIA_IN_DEVICE:
        return IO_ERR_NOT_READY;
    case STATUS_IO_TIMEOUT:
        return IO_ERR_TIMEOUT;
    default:
        return IO_ERR_CONTROLLER_ERROR;
    }
}
