/*
 * What a drive's status and error registers mean: each bit, of which QEMU sets only one.
 */
#include "kernel/nt.h"
#include <ntddk.h>
#include "unit.h"
#include "drivers/ide/status.c"

static void TheErrorThatSaysMostCounts(void)
{
    static const struct {
        UCHAR Status, Error;
        NTSTATUS Expected;
    } Cases[] = {
        {IDE_STATUS_ERROR, IDE_ERROR_DATA_ERROR, STATUS_DEVICE_DATA_ERROR},
        {IDE_STATUS_ERROR, IDE_ERROR_ID_NOT_FOUND, STATUS_NONEXISTENT_SECTOR},
        {IDE_STATUS_ERROR, IDE_ERROR_CRC_ERROR, STATUS_CRC_ERROR},
        {IDE_STATUS_ERROR, IDE_ERROR_END_OF_MEDIA, STATUS_NO_MEDIA_IN_DEVICE},
        {IDE_STATUS_ERROR, IDE_ERROR_MEDIA_CHANGE, STATUS_VERIFY_REQUIRED},
        {IDE_STATUS_ERROR, IDE_ERROR_MEDIA_CHANGE_REQ, STATUS_VERIFY_REQUIRED},
        {IDE_STATUS_ERROR, IDE_ERROR_COMMAND_ABORTED, STATUS_IO_DEVICE_ERROR},
        {IDE_STATUS_ERROR, 0, STATUS_IO_DEVICE_ERROR},
        {IDE_STATUS_ERROR, IDE_ERROR_COMMAND_ABORTED | IDE_ERROR_DATA_ERROR,
         STATUS_DEVICE_DATA_ERROR},
        {IDE_STATUS_ERROR | IDE_STATUS_DEVICE_FAULT, IDE_ERROR_DATA_ERROR, STATUS_IO_DEVICE_ERROR},
        {IDE_STATUS_DEVICE_FAULT, 0, STATUS_IO_DEVICE_ERROR},
        {IDE_STATUS_BUSY, IDE_ERROR_DATA_ERROR, STATUS_IO_DEVICE_ERROR},
    };
    ULONG i;

    for (i = 0; i < sizeof Cases / sizeof Cases[0]; i++)
        CHECK(IdeStatusOf(Cases[i].Status, Cases[i].Error) == Cases[i].Expected);
}

static void EachStatusHasItsCodeInTheLog(void)
{
    CHECK(IdeLogCodeOf(STATUS_SUCCESS) == IO_ERR_RETRY_SUCCEEDED);
    CHECK(IdeLogCodeOf(STATUS_DEVICE_DATA_ERROR) == IO_ERR_BAD_BLOCK);
    CHECK(IdeLogCodeOf(STATUS_NONEXISTENT_SECTOR) == IO_ERR_SEEK_ERROR);
    CHECK(IdeLogCodeOf(STATUS_CRC_ERROR) == IO_ERR_PARITY);
    CHECK(IdeLogCodeOf(STATUS_NO_MEDIA_IN_DEVICE) == IO_ERR_NOT_READY);
    CHECK(IdeLogCodeOf(STATUS_IO_TIMEOUT) == IO_ERR_TIMEOUT);
    CHECK(IdeLogCodeOf(STATUS_IO_DEVICE_ERROR) == IO_ERR_CONTROLLER_ERROR);
}

int main(void)
{
    RUN(TheErrorThatSaysMostCounts);
    RUN(EachStatusHasItsCodeInTheLog);
    printf("%u checks\n", UnitChecks);
    return 0;
}
