/*
 * Checks floating point in drivers: between KeSaveFloatingPointState and its opposite the registers
 * are fresh and then the driver's, in threads and DPCs, nested, and however often it is switched
 * away from; and nothing is left of that for whom it has interrupted.
 *
 * After DriverEntry a periodic DPC goes on using all registers, in the context of whatever program
 * it interrupts; started before fpu.exe, it lets that one show that none of it gets through.
 */
#include "selftest.h"

#define TAG     'tpF '
#define THREADS 6
#define ROUNDS  200

#define ENABLED 3 /* XSTATE_MASK_LEGACY, for GCC does not read the header's constants */

static inline BOOLEAN HasSse(VOID)
{
    return ExIsProcessorFeaturePresent(PF_XMMI_INSTRUCTIONS_AVAILABLE);
}

#include "../registers.h"

#define CONTROL_FRESH 0x37F /* FNINIT's */

#define PROGRAMS_INTERRUPTED 10

static KDPC TimerDpc;
static KTIMER Timer;
static volatile LONG Wrong, Refused, NotFresh, DpcsRun, InPrograms, Seeds;

#pragma GCC push_options
#pragma GCC target("general-regs-only")

/* InterlockedIncrement is not for general registers only. */
static LONG CountOne(volatile LONG *Number)
{
    return __atomic_add_fetch(Number, 1, __ATOMIC_SEQ_CST);
}

/* Are the registers those of FNINIT, and of a reset? The x87 stack is empty: it takes 8 values. */
static BOOLEAN AreFresh(VOID)
{
    REGISTERS Now = {.MxCsr = SSE_ALL_MASKED};
    USHORT Control, Status;

    StoreSse(&Now);
    __asm__ volatile("fnstcw %0\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\t"
                     "fnstsw %1\n\tfninit"
                     : "=m"(Control), "=m"(Status));
    return Control == CONTROL_FRESH && (Status & 0x7F) == 0 && Now.MxCsr == SSE_ALL_MASKED;
}

/* Uses floating point as a driver may: Meanwhile runs with values in all registers, and must find
 * (or leave) them there. */
static NTSTATUS UseRegisters(VOID (*Meanwhile)(VOID))
{
    KFLOATING_SAVE Save;
    REGISTERS Values;
    NTSTATUS Status = KeSaveFloatingPointState(&Save);

    if (!NT_SUCCESS(Status)) {
        CountOne(&Refused);
        return Status;
    }
    if (!AreFresh())
        CountOne(&NotFresh);
    MakeValues(&Values, (ULONG)CountOne(&Seeds));
    LoadRegisters(&Values);
    Meanwhile();
    if (!RegistersAre(&Values))
        CountOne(&Wrong);
    KeRestoreFloatingPointState(&Save);
    return STATUS_SUCCESS;
}

static VOID DoNothing(VOID)
{
}

static VOID UseNested(VOID)
{
    UseRegisters(DoNothing);
}

static VOID UseNestedTwice(VOID)
{
    UseRegisters(UseNested);
}

static VOID Sleep(VOID)
{
    Delay(1);
}

static VOID NTAPI DpcRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    UseRegisters(UseNested);
    CountOne(&DpcsRun);
}

/* The DPC runs at once, for IRQL is PASSIVE_LEVEL: in this thread's context, on its registers. */
static VOID BeInterrupted(VOID)
{
    KDPC Dpc;

    KeInitializeDpc(&Dpc, DpcRoutine, NULL);
    KeSetSystemAffinityThread(1);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    KeRevertToUserAffinityThread();
    KeFlushQueuedDpcs();
}

/* Switched away from, so that its registers are not loaded; then it needs them at a higher IRQL. */
static NTSTATUS UseAtDispatchAfterSwitch(VOID)
{
    KFLOATING_SAVE Save;
    REGISTERS Values;
    KIRQL OldIrql;
    NTSTATUS Status = KeSaveFloatingPointState(&Save);

    if (!NT_SUCCESS(Status))
        return Status;
    MakeValues(&Values, (ULONG)CountOne(&Seeds));
    LoadRegisters(&Values);
    Delay(1);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    if (!RegistersAre(&Values))
        CountOne(&Wrong);
    UseNested();
    KeLowerIrql(OldIrql);
    return KeRestoreFloatingPointState(&Save);
}

/* As a program's thread does: it is what a DPC finds in the registers. */
static NTSTATUS UseExtended(VOID)
{
    XSTATE_SAVE Save;
    REGISTERS Values;
    NTSTATUS Status = KeSaveExtendedProcessorState(ENABLED, &Save);

    if (!NT_SUCCESS(Status))
        return Status;
    MakeValues(&Values, (ULONG)CountOne(&Seeds));
    LoadRegisters(&Values);
    UseNestedTwice();
    Delay(1);
    if (!RegistersAre(&Values))
        Status = STATUS_UNSUCCESSFUL;
    KeRestoreExtendedProcessorState(&Save);
    return Status;
}

#pragma GCC pop_options

static VOID CheckRegisters(PCSTR Name)
{
    Check(Name, Wrong == 0 && Refused == 0);
    Check("each time they were fresh at first", NotFresh == 0);
    Wrong = Refused = NotFresh = 0;
}

static VOID NTAPI Compute(PVOID Context)
{
    static VOID (*const Ways[])(VOID) = {Sleep, UseNestedTwice, BeInterrupted};
    ULONG i;

    UNREFERENCED_PARAMETER(Context);
    for (i = 0; i < ROUNDS; i++)
        UseRegisters(Ways[i % RTL_NUMBER_OF(Ways)]);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestThreads(VOID)
{
    PKTHREAD Threads[THREADS];
    ULONG i;

    for (i = 0; i < THREADS; i++)
        Threads[i] = StartThread(Compute, NULL);
    for (i = 0; i < THREADS; i++)
        JoinThread(Threads[i]);
    CheckRegisters("threads keep their registers while others, and DPCs, use them");
    Check("DPCs have done so", DpcsRun > 0);
}

static VOID TestLevels(VOID)
{
    KIRQL OldIrql;

    KeRaiseIrql(APC_LEVEL, &OldIrql);
    UseRegisters(UseNestedTwice);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    UseRegisters(UseNestedTwice);
    KeLowerIrql(PASSIVE_LEVEL);
    CheckEqual("a thread that has been switched away from goes on at DISPATCH_LEVEL",
               UseAtDispatchAfterSwitch(), STATUS_SUCCESS);
    CheckRegisters("registers can be used at each IRQL up to DISPATCH_LEVEL");
}

static VOID TestExtended(VOID)
{
    XSTATE_SAVE Save;
    ULONG64 Expected = HasSse() ? ENABLED : 1;

    Check("the enabled features are those of the processor",
          RtlGetEnabledExtendedFeatures(MAXULONGLONG) == Expected);
    CheckEqual("the extended state is put aside and back", UseExtended(), STATUS_SUCCESS);
    CheckEqual("not for features that are not enabled", KeSaveExtendedProcessorState(4, &Save),
               STATUS_NOT_SUPPORTED);
    CheckRegisters("nested pairs within it are right");
}

static VOID TestFeatures(VOID)
{
    ULONG i, Same = 0;

    for (i = 0; i < PROCESSOR_FEATURE_MAX; i++)
        Same += !ExIsProcessorFeaturePresent(i) == !SharedUserData->ProcessorFeatures[i];
    CheckEqual("features are those of the shared page", Same, PROCESSOR_FEATURE_MAX);
    Check("there is none beyond", !ExIsProcessorFeaturePresent(PROCESSOR_FEATURE_MAX));
    Check("SSE2 comes with SSE",
          HasSse() || !ExIsProcessorFeaturePresent(PF_XMMI64_INSTRUCTIONS_AVAILABLE));
}

/* All of the pool that is left for blocks of a state's size; a list, each block in the next. */
static PVOID TakeAllPool(VOID)
{
    PVOID *Block, List = NULL;
    ULONG Bytes;

    for (Bytes = 16 * PAGE_SIZE; Bytes >= 512; Bytes /= 2) {
        while ((Block = ExAllocatePoolWithTag(NonPagedPool, Bytes, TAG)) != NULL) {
            *Block = List;
            List = Block;
        }
    }
    return List;
}

static VOID FreeAll(PVOID List)
{
    while (List) {
        PVOID Next = *(PVOID *)List;
        ExFreePoolWithTag(List, TAG);
        List = Next;
    }
}

/* The status of putting aside a state that is not clean, when there is no pool for it. At
 * DISPATCH_LEVEL, so that nobody else misses it. */
static VOID TestWithoutPool(VOID)
{
    KFLOATING_SAVE Outer, Inner;
    NTSTATUS First, Second;
    KIRQL OldIrql;
    PVOID List;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    List = TakeAllPool();
    First = KeSaveFloatingPointState(&Outer);
    Second = KeSaveFloatingPointState(&Inner);
    FreeAll(List);
    if (NT_SUCCESS(Second))
        KeRestoreFloatingPointState(&Inner);
    if (NT_SUCCESS(First))
        KeRestoreFloatingPointState(&Outer);
    KeLowerIrql(OldIrql);
    CheckEqual("a clean state needs no pool", First, STATUS_SUCCESS);
    CheckEqual("any other does, and the lack of it is told", Second, STATUS_INSUFFICIENT_RESOURCES);
    UseRegisters(UseNested);
    CheckRegisters("afterwards all is as before");
}

/* In the context of whatever it interrupts. Says so once it has been a program often enough. */
static VOID NTAPI InterruptPrograms(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    DpcRoutine(Dpc, Context, Argument1, Argument2);
    if (Wrong || Refused || NotFresh) {
        DbgPrint("FAIL a DPC's registers: %ld wrong, %ld refused, %ld not fresh\n", Wrong, Refused,
                 NotFresh);
        Wrong = Refused = NotFresh = 0;
    }
    if (PsGetCurrentProcess() != PsInitialSystemProcess &&
        InterlockedIncrement(&InPrograms) == PROGRAMS_INTERRUPTED)
        DbgPrint("fputest: %d DPCs have interrupted programs\n", PROGRAMS_INTERRUPTED);
}

static VOID StartInterrupting(VOID)
{
    KeInitializeTimerEx(&Timer, SynchronizationTimer);
    KeInitializeDpc(&TimerDpc, InterruptPrograms, NULL);
    KeSetTimerEx(&Timer, After(1), 1, &TimerDpc);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    TestFeatures();
    if (ExIsProcessorFeaturePresent(PF_FLOATING_POINT_EMULATED)) {
        KFLOATING_SAVE Save;
        CheckEqual("there is no floating point, and a driver is told so",
                   KeSaveFloatingPointState(&Save), STATUS_ILLEGAL_FLOAT_CONTEXT);
        return FinishTests("fputest");
    }
    TestLevels();
    TestThreads();
    TestExtended();
    if (KeQueryActiveProcessors() == 1)
        TestWithoutPool();
    if (TestFailed == 0) /* else this driver is unloaded */
        StartInterrupting();
    return FinishTests("fputest");
}
