/*
 * The choice between I/O APIC and 8259s, and which lines are enabled (kernel/hal/controller.h).
 *
 * HalpLineLock guards HalpDisabledLines and the controller's masks, so that a line which is
 * disabled on one processor is not unmasked by another that has just had it pending.
 */
#include "kernel/hal/controller.h"
#include "kernel/hal/apic.h"
#include "kernel/hal/hal.h"
#include "kernel/ke/ipi.h"

HAL_CONTROLLER HalpController;
HAL_FIRMWARE HalpFirmware;
KSPIN_LOCK HalpLineLock;
static ULONG HalpDisabledLines = 0xFFFF;

/* ACPI knows more than the MP table, which may be there for older systems only. */
static BOOLEAN HalpFindLocalApic(VOID)
{
    if (HalpHasLocalApic() &&
        (HalpFindAcpiTables(&HalpFirmware) || HalpFindMpTable(&HalpFirmware)) &&
        NT_SUCCESS(HalpMapLocalApic(HalpFirmware.LocalApicAddress)))
        return TRUE;
    HalpFirmware.Count = 0;
    return FALSE;
}

VOID HalpInitializeInterrupts(BOOLEAN UseIoApic)
{
    HalpInitializePic();
    HalpController = HalpPic;
    if (!HalpFindLocalApic())
        return;
    HalpInitializeLocalApic(TRUE);
    KeGetCurrentPrcb()->ApicId = HalpLocalApicId();
    if (UseIoApic && HalpInitializeIoApic(&HalpFirmware)) {
        HalpDisconnectPic();
        HalpController = HalpIoApic;
    }
}

KAFFINITY HalQueryInterruptAffinity(VOID)
{
    return HalpController.Route ? KeActiveProcessors : 1;
}

BOOLEAN HalEnableSystemInterrupt(ULONG Vector, PKPRCB Processor)
{
    ULONG Irq = Vector - PRIMARY_VECTOR_BASE;
    BOOLEAN Enable;

    if (Irq >= HAL_LINES)
        return FALSE;
    Enable = KiSaveInterrupts();
    KiTakeSpinLock(&HalpLineLock);
    if (HalpController.Route)
        HalpController.Route(Irq, Processor->ApicId);
    HalpDisabledLines &= ~(1 << Irq);
    HalpController.SetMask(Irq, FALSE);
    KiLetSpinLockGo(&HalpLineLock);
    KiRestoreInterrupts(Enable);
    return TRUE;
}

VOID HalDisableSystemInterrupt(ULONG Vector)
{
    ULONG Irq = Vector - PRIMARY_VECTOR_BASE;
    BOOLEAN Enable = KiSaveInterrupts();

    KiTakeSpinLock(&HalpLineLock);
    HalpDisabledLines |= 1 << Irq; /* what is pending will find it so */
    HalpController.SetMask(Irq, TRUE);
    KiLetSpinLockGo(&HalpLineLock);
    KiRestoreInterrupts(Enable);
}

BOOLEAN HalpResumeLine(ULONG Irq)
{
    BOOLEAN Replay;

    KiTakeSpinLock(&HalpLineLock);
    Replay = !(HalpDisabledLines & (1 << Irq)) && HalpController.Resume(Irq);
    KiLetSpinLockGo(&HalpLineLock);
    return Replay;
}
