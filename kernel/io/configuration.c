/*
 * What drivers tell each other of the machine: how many disks and other devices have been found so
 * far, so that each gets a number of its own (WDK: IoGetConfigurationInformation). Drivers are
 * loaded one after the other and change it while they are: nothing guards it. And which version
 * of the driver model this is.
 */
#include "kernel/io/io.h"

#define WDM_MAJOR 6 /* Windows Vista's, and later ones' (WDK: IoIsWdmVersionAvailable) */
#define WDM_MINOR 0

static CONFIGURATION_INFORMATION IopConfiguration = {.Version = sizeof(CONFIGURATION_INFORMATION)};

PCONFIGURATION_INFORMATION NTAPI IoGetConfigurationInformation(VOID)
{
    return &IopConfiguration;
}

BOOLEAN NTAPI IoIsWdmVersionAvailable(UCHAR MajorVersion, UCHAR MinorVersion)
{
    return MajorVersion < WDM_MAJOR || (MajorVersion == WDM_MAJOR && MinorVersion <= WDM_MINOR);
}
