/*
 * Small services of the system's: identifiers, the language, the instruction cache.
 */
#include "kernel/ex/capture.h"
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"
#include "kernel/ob/ob.h"
#include "kernel/services.h"

#define ENGLISH       0x409 /* United States */
#define PROCESS_WRITE 0x20  /* PROCESS_VM_WRITE */
#define FIRST_LUIDS   1000  /* below are those that the headers name */

static LONG volatile ExpLastLuid = FIRST_LUIDS;
static LCID volatile ExpLocale = ENGLISH;

/* A number that nobody else gets until the machine is switched off (WDK:
 * ZwAllocateLocallyUniqueId). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtAllocateLocallyUniqueId(PLUID Luid)
{
    LUID New = {(ULONG)InterlockedIncrement(&ExpLastLuid), 0};

    return ExCopyOut(Luid, &New, sizeof New);
}

/* The language. There is one for all threads (WDK: ZwQueryDefaultLocale). */
NTSTATUS NTAPI NtQueryDefaultLocale(BOOLEAN ThreadOrSystem, PLCID Locale)
{
    LCID Now = ExpLocale;

    UNREFERENCED_PARAMETER(ThreadOrSystem);
    return ExCopyOut(Locale, &Now, sizeof Now);
}

/* STATUS_INVALID_PARAMETER: no language, or one with flags. STATUS_PRIVILEGE_NOT_HELD: programs do
 * not set the system's. */
NTSTATUS NTAPI NtSetDefaultLocale(BOOLEAN ThreadOrSystem, LCID Locale)
{
    UNREFERENCED_PARAMETER(ThreadOrSystem);
    if (Locale == 0 || (Locale & ~NLS_VALID_LOCALE_MASK))
        return STATUS_INVALID_PARAMETER;
    if (ExGetPreviousMode() != KernelMode)
        return STATUS_PRIVILEGE_NOT_HELD;
    ExpLocale = Locale;
    return STATUS_SUCCESS;
}

/* Code that has been written can be run at once on these processors (Intel SDM, volume 3, 12.6), so
 * there is nothing to do but to say whose it is. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtFlushInstructionCache(HANDLE ProcessHandle, PVOID BaseAddress, ULONG FlushSize)
{
    PEPROCESS Process;
    NTSTATUS Status = ObReferenceObjectByHandle(ProcessHandle, PROCESS_WRITE, *PsProcessType,
                                                ExGetPreviousMode(), (PVOID *)&Process, NULL);

    UNREFERENCED_PARAMETER(BaseAddress);
    UNREFERENCED_PARAMETER(FlushSize);
    if (NT_SUCCESS(Status))
        ObDereferenceObject(Process);
    return Status;
}
