/*
 * Start-up, phase by phase, in order. Phase 0 runs on the boot stack with interrupts disabled and
 * becomes the idle thread; phase 1 is the first system thread, where things can be waited for.
 */
#include "boot/loader.h"
#include "kernel/cm/cm.h"
#include "kernel/ex/ex.h"
#include "kernel/hal/controller.h"
#include "kernel/hal/hal.h"
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/ke.h"
#include "kernel/ke/npx.h"
#include "kernel/ke/startap.h"
#include "kernel/ldr/ldr.h"
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "kernel/se/se.h"
#include "mm/mm.h"
#include "sched/sched.h"

#define SERVICES_PREFIX L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\"

extern UCHAR KiBootStack[];
static VOID NTAPI KiPhase1Thread(PVOID Context);

/* Before there is a kernel to stop with a bug check: says why, and stops. */
static NORETURN VOID KiRefuseToStart(PCSTR Reason)
{
    KdPrintLine("Upperhalf cannot start: %s\n", Reason);
    HalpPowerOff(EXIT_BOOT_REFUSED);
}

/* A phase that must not fail: the documented bug check names the status and the phase. */
static VOID KiRequire(NTSTATUS Status, ULONG Code)
{
    if (!NT_SUCCESS(Status))
        KeBugCheckEx(Code, Status, 0, 0, 0);
}

static VOID KiInitializeOutput(VOID)
{
    HalpInitializeSerial();
    HalpInitializeScreen();
}

static VOID KiReadLoader(ULONG Magic, ULONG MultibootInfo)
{
    PCSTR Reason = BootReadLoader(Magic, MultibootInfo);

    HalpDebugExitPort = LoaderBlock.DebugExitPort;
    if (Reason)
        KiRefuseToStart(Reason);
}

/* The first C code of the kernel: multiboot.S calls it on the boot stack, in the upper half. */
NORETURN VOID KiSystemStartup(ULONG Magic, ULONG MultibootInfo)
{
    PKIPCR Pcr = (PKIPCR)MI_PCR_ADDRESS;
    PCSTR Reason;

    KiInitializeOutput();
    KdPrintLine("Upperhalf: a teaching kernel with Windows' split address space\n");
    KiReadLoader(Magic, MultibootInfo);
    Reason = MmInitializeTables();
    if (Reason)
        KiRefuseToStart(Reason);

    /* The real tables are in force: now traps, then locks, frames and pools. */
    KiInitializeCommonTables(Pcr);
    KiInitializeProcessor(Pcr, 0, PsGetIdleThread());
    LdrInitialize();
    MmInitializeSystem();
    PsInitializeIdle(KiBootStack);
    KiInitializeInterrupts();
    HalpInitializeInterrupts(!LoaderBlock.NoIoApic);
    HalpInitializeClock();
    KiInitializeTime(HalpReadRealTimeClock());
    KiSetProcessorFeatures();
    KdPrintLine("Memory: %lu KB, %lu KB free; %lu modules\n",
                MmNumberOfPhysicalPages * (PAGE_SIZE / 1024), MmAvailablePages * (PAGE_SIZE / 1024),
                LoaderBlock.ModuleCount);

    /* From here on this is the idle thread: it may be interrupted, but it never waits. So when it
     * has started a thread that takes locks, the first one that does, it does nothing more. */
    HalEnableSystemInterrupt(CLOCK_VECTOR, &Pcr->PrcbData);
    KiEnableInterrupts();
    KiRequire(ObInitialize(), OBJECT_INITIALIZATION_FAILED);
    KiRequire(SeInitialize(), SECURITY_INITIALIZATION_FAILED);
    KiRequire(PsInitialize(), PROCESS_INITIALIZATION_FAILED);
    KiRequire(PsStartSystemThread(KiPhase1Thread, NULL), PHASE0_INITIALIZATION_FAILED);
    KiIdleLoop();
}

/* Loads a driver named by the option start=. A failure is said, and start-up goes on. */
static VOID KiStartDriver(PCSTR FileName)
{
    WCHAR Text[LOADER_NAME_LENGTH + 80];
    UNICODE_STRING Service;
    ULONG Length = (ULONG)strlen(FileName);
    NTSTATUS Status;

    if (Length > 4 && _stricmp(FileName + Length - 4, ".sys") == 0)
        Length -= 4;
    if (Length >= LOADER_NAME_LENGTH) {
        KdPrintLine("The driver's name %s is too long\n", FileName);
        return;
    }
    _snwprintf(Text, RTL_NUMBER_OF(Text), L"%ws%.*hs", SERVICES_PREFIX, Length, FileName);
    RtlInitUnicodeString(&Service, Text);
    Status = IoLoadDriver(&Service);
    if (NT_SUCCESS(Status))
        KdPrintLine("%s is loaded\n", FileName);
    else
        KdPrintLine("%s is not loaded (status %08lx)\n", FileName, Status);
}

static VOID KiStartInitialProcess(VOID)
{
    NTSTATUS Status;

    if (LoaderBlock.ModuleCount == 0)
        KiRefuseToStart("there are no boot modules, so there is no program to run");
    if (LoaderBlock.Init == NULL) {
        KdPrintLine("No first program (option init=): nothing more to do\n");
        return;
    }
    Status = PsStartInitialProcess(LoaderBlock.Init);
    if (!NT_SUCCESS(Status)) {
        KdPrintLine("The first program '%s' cannot be started (status %08lx)\n", LoaderBlock.Init,
                    Status);
        HalpPowerOff(EXIT_BOOT_REFUSED);
    }
}

/* Each processor's thread for threaded DPCs. */
static VOID KiStartDpcThreads(VOID)
{
    LONG i;

    for (i = 0; i < KeNumberProcessors; i++)
        KiRequire(PsStartSystemThread(KiExecuteDpcThread, KiProcessorBlock[i]),
                  PHASE1_INITIALIZATION_FAILED);
}

/* The first system thread: everything that may wait. */
static VOID NTAPI KiPhase1Thread(PVOID Context)
{
    ULONG i;

    UNREFERENCED_PARAMETER(Context);
    KiStartProcessors();
    KiStartDpcThreads();
    KiInitializeBalance();
    KiRequire(ExInitializeWorkers(), PHASE1_INITIALIZATION_FAILED);
    KiRequire(CmInitialize(), CONFIG_INITIALIZATION_FAILED);
    KiRequire(IoInitialize(), IO1_INITIALIZATION_FAILED);
    for (i = 0; i < LoaderBlock.StartCount; i++)
        KiStartDriver(LoaderBlock.Start[i]);
    IoEndDriverStart();
    KiStartInitialProcess();
    PsTerminateSystemThread(STATUS_SUCCESS);
}
