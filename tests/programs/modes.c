/*
 * Has modetest.sys call services from a program's thread, where NtXxx takes the driver's requests
 * for the program's, and ZwXxx does not. The checks are the driver's.
 */
#include "check.h"
#include "device.h"

#define CONTROL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_NEITHER, FILE_ANY_ACCESS)

int main(void)
{
    ULONG Answer[11] = {0};
    HANDLE Device;

    CheckStatus(LoadDriver("modetest"), STATUS_SUCCESS, "the driver is loaded, and content");
    CheckStatus(OpenDevice(L"\\Device\\ModeTest", FILE_SYNCHRONOUS_IO_NONALERT, &Device),
                STATUS_SUCCESS, "its device is opened");
    CheckStatus(ControlDevice(Device, CONTROL, NULL, 0, Answer, sizeof Answer, NULL),
                STATUS_SUCCESS, "it is content in a program's thread, too");
    Check(Answer[2] == PAGE_SIZE, "an Nt call has filled memory of the program's");
    NtClose(Device);
    CheckStatus(UnloadDriver("modetest"), STATUS_SUCCESS, "the driver is unloaded");
    return CheckSummary("modes");
}
