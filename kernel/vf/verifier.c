/*
 * Which drivers are verified, and which of their imports are bound to other routines than the
 * kernel's own.
 */
#include "boot/loader.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/vf/vf.h"

#define LDR_FLAG_VERIFIED 0x02000000 /* LDR_MODULE.Flags, as in Windows */

BOOLEAN VfActive;

#define ROUTINE(Name)                                                                              \
    {                                                                                              \
#Name, (PVOID)Vf##Name                                                                     \
    }
static const struct {
    PCSTR Name;
    PVOID Routine;
} VfRoutines[] = {
    ROUTINE(ExAllocatePool),
    ROUTINE(ExAllocatePoolWithQuota),
    ROUTINE(ExAllocatePoolWithQuotaTag),
    ROUTINE(ExAllocatePoolWithTag),
    ROUTINE(ExAllocatePoolWithTagPriority),
    ROUTINE(ExFreePool),
    ROUTINE(ExFreePoolWithTag),
    ROUTINE(IoAllocateErrorLogEntry),
    ROUTINE(IoAllocateIrp),
    ROUTINE(IoAllocateMdl),
    ROUTINE(IoAllocateWorkItem),
    ROUTINE(IoBuildAsynchronousFsdRequest),
    ROUTINE(IoBuildDeviceIoControlRequest),
    ROUTINE(IoBuildSynchronousFsdRequest),
    ROUTINE(IoConnectInterrupt),
    ROUTINE(IoCreateDevice),
    ROUTINE(IoCreateSymbolicLink),
    ROUTINE(IoDeleteDevice),
    ROUTINE(IoDetachDevice),
    ROUTINE(IofCallDriver),
    ROUTINE(IoFreeIrp),
    ROUTINE(KeAcquireInStackQueuedSpinLock),
    ROUTINE(KefAcquireSpinLockAtDpcLevel),
    ROUTINE(KefReleaseSpinLockFromDpcLevel),
    ROUTINE(KeRaiseIrqlToDpcLevel),
    ROUTINE(KfAcquireSpinLock),
    ROUTINE(KfLowerIrql),
    ROUTINE(KfRaiseIrql),
    ROUTINE(KfReleaseSpinLock),
    ROUTINE(MmAllocateContiguousMemory),
    ROUTINE(MmMapIoSpace),
    ROUTINE(MmMapLockedPagesSpecifyCache),
};

/* Is a name one of those of a list with commas between? An asterisk is all names. */
static BOOLEAN VfpIsListed(PCSTR List, PCUNICODE_STRING Name)
{
    USHORT Units = Name->Length / sizeof(WCHAR), i;

    while (*List) {
        for (i = 0; i < Units &&
                    RtlUpcaseUnicodeChar((UCHAR)List[i]) == RtlUpcaseUnicodeChar(Name->Buffer[i]);
             i++)
            ;
        if ((i == Units && (List[i] == 0 || List[i] == ',')) ||
            (List[0] == '*' && (List[1] == 0 || List[1] == ',')))
            return TRUE;
        while (*List && *List++ != ',')
            ;
    }
    return FALSE;
}

BOOLEAN VfIsChosen(PCUNICODE_STRING FileName)
{
    return LoaderBlock.Verify && VfpIsListed(LoaderBlock.Verify, FileName);
}

PVOID VfFindRoutine(PCSTR Name)
{
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(VfRoutines); i++) {
        if (strcmp(VfRoutines[i].Name, Name) == 0)
            return VfRoutines[i].Routine;
    }
    return NULL;
}

/* A chosen driver has been loaded; its entry routine has not run. */
VOID VfBeginDriver(PLDR_MODULE Module)
{
    if (!VfActive) {
        VfpInitializePool();
        VfFailEvery = LoaderBlock.VerifyFailEvery;
        VfCatchUnderruns = LoaderBlock.VerifyUnderruns;
        VfActive = TRUE;
    }
    Module->Flags |= LDR_FLAG_VERIFIED;
    KdPrintLine("Verifier: %wZ is verified\n", &Module->BaseDllName);
}

BOOLEAN VfIsDriverVerified(PDRIVER_OBJECT Driver)
{
    PLDR_MODULE Module = Driver->DriverSection;

    return Module && (Module->Flags & LDR_FLAG_VERIFIED);
}

static VOID VfpPrintReason(PVOID Text)
{
    KdPrintLine("Driver Verifier: %s\n", (PCSTR)Text);
}

/* Stops the machine, and says why in words, too. */
NORETURN VOID VfViolation(ULONG Code, PCSTR Text, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3,
                          ULONG_PTR P4)
{
    KiExplainBugCheck(VfpPrintReason, (PVOID)Text);
    KeBugCheckEx(Code, P1, P2, P3, P4);
}

VOID VfEndDriver(PLDR_MODULE Module)
{
    ULONG Left;

    if (!(Module->Flags & LDR_FLAG_VERIFIED))
        return;
    Left = VfpReportLeaks(Module);
    if (Left)
        VfViolation(DRIVER_VERIFIER_DETECTED_VIOLATION,
                    "a driver is unloaded and has not freed all pool that it has allocated", 0x62,
                    (ULONG_PTR)&Module->BaseDllName, 0, Left);
}
