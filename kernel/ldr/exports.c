/*
 * What the kernel exports to drivers: a table sorted by name, made by tools/exports.py from the
 * .def files in kernel/exports. ntoskrnl.exe and HAL.dll are both this kernel.
 */
#include "kernel/ldr/exports.h"
#include "kernel/ldr/ldr.h"
#include "kernel/rtl/rtl.h"

PVOID LdrFindKernelExport(PCSTR Name)
{
    ULONG Low = 0, High = LdrExportCount;

    while (Low < High) {
        ULONG Middle = (Low + High) / 2;
        int Order = strcmp(Name, LdrExports[Middle].Name);
        if (Order == 0)
            return LdrExports[Middle].Address;
        if (Order < 0)
            High = Middle;
        else
            Low = Middle + 1;
    }
    return NULL;
}

/* Finds a kernel export for a driver that is running (WDK). IRQL: PASSIVE_LEVEL. */
PVOID NTAPI MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    CHAR Name[64];

    if (_snprintf(Name, sizeof Name, "%wZ", SystemRoutineName) < 0)
        return NULL;
    Name[sizeof Name - 1] = 0;
    return LdrFindKernelExport(Name);
}
