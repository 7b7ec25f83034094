/*
 * The local APIC (Intel SDM vol. 3, chapter 10): IPIs, the other processors' start, the clock of
 * all processors but the first, and the acknowledging of what an I/O APIC sends. Its registers are
 * the same addresses on every processor, and each sees its own there. Where the 8259s are used, the
 * first processor's passes them through at LINT0.
 */
#include "kernel/hal/apic.h"
#include "kernel/hal/hal.h"
#include "mm/mm.h"

#define APIC_PAGE_SIZE 0x1000
#define CPUID_EDX_APIC 0x200

enum {
    APIC_ID = 0x20,
    APIC_TASK_PRIORITY = 0x80,
    APIC_SPURIOUS = 0xF0,
    APIC_COMMAND_LOW = 0x300,
    APIC_COMMAND_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_INITIAL_COUNT = 0x380,
    APIC_CURRENT_COUNT = 0x390,
    APIC_DIVIDE = 0x3E0
};

#define SPURIOUS_ENABLE  0x100
#define LVT_MASKED       0x10000
#define LVT_PERIODIC     0x20000
#define LVT_EXTERNAL     0x700
#define LVT_NMI          0x400
#define COMMAND_FIXED    0x4000 /* assert, edge */
#define COMMAND_INIT     0x4500
#define COMMAND_STARTUP  0x4600
#define COMMAND_PENDING  0x1000
#define DIVIDE_BY_16     0x3
#define TICK_US          (CLOCK_TICK_100NS / 10)
#define INIT_DELAY_US    10000
#define STARTUP_DELAY_US 200
#define STALL_US         50 /* the most that KeStallExecutionProcessor is asked for at once */

volatile UCHAR *HalpApic;
static ULONG HalpTimerCount; /* of the timer in a clock tick, as measured on the first processor */

static ULONG HalpReadApic(ULONG Register)
{
    return *(volatile ULONG *)(HalpApic + Register);
}

static VOID HalpWriteApic(ULONG Register, ULONG Value)
{
    *(volatile ULONG *)(HalpApic + Register) = Value;
}

/* CPUID's answer is also "no" where the firmware has switched it off. */
BOOLEAN HalpHasLocalApic(VOID)
{
    ULONG Eax, Ebx, Ecx, Edx;

    __asm__ volatile("cpuid" : "=a"(Eax), "=b"(Ebx), "=c"(Ecx), "=d"(Edx) : "a"(1), "c"(0));
    return (Edx & CPUID_EDX_APIC) != 0;
}

NTSTATUS HalpMapLocalApic(ULONG PhysicalAddress)
{
    PHYSICAL_ADDRESS Address = {.QuadPart = PhysicalAddress};

    HalpApic = MmMapIoSpace(Address, APIC_PAGE_SIZE, MmNonCached);
    return HalpApic ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static VOID HalpStall(ULONG Microseconds)
{
    for (; Microseconds > STALL_US; Microseconds -= STALL_US)
        KeStallExecutionProcessor(STALL_US);
    KeStallExecutionProcessor(Microseconds);
}

/* Lets the timer run for a known time, to know how far it counts in a tick. */
VOID HalpCalibrateLocalClock(VOID)
{
    HalpWriteApic(APIC_LVT_TIMER, LVT_MASKED);
    HalpWriteApic(APIC_INITIAL_COUNT, MAXULONG);
    HalpStall(TICK_US);
    HalpTimerCount = MAXULONG - HalpReadApic(APIC_CURRENT_COUNT);
    HalpWriteApic(APIC_INITIAL_COUNT, 0);
}

VOID HalpInitializeLocalApic(BOOLEAN First)
{
    HalpWriteApic(APIC_TASK_PRIORITY, 0); /* IRQL is in the KPCR, not here */
    HalpWriteApic(APIC_LVT_LINT0, First ? LVT_EXTERNAL : LVT_MASKED);
    HalpWriteApic(APIC_LVT_LINT1, First ? LVT_NMI : LVT_MASKED);
    HalpWriteApic(APIC_LVT_TIMER, LVT_MASKED);
    HalpWriteApic(APIC_DIVIDE, DIVIDE_BY_16);
    HalpWriteApic(APIC_SPURIOUS, SPURIOUS_ENABLE | APIC_SPURIOUS_VECTOR);
}

VOID HalpDisconnectPic(VOID)
{
    HalpWriteApic(APIC_LVT_LINT0, LVT_MASKED);
}

VOID HalpStartLocalClock(VOID)
{
    HalpWriteApic(APIC_LVT_TIMER, LVT_PERIODIC | APIC_CLOCK_VECTOR);
    HalpWriteApic(APIC_INITIAL_COUNT, HalpTimerCount);
}

UCHAR HalpLocalApicId(VOID)
{
    return (UCHAR)(HalpReadApic(APIC_ID) >> 24);
}

/* The two halves of a command are one: no interrupt may come in between with one of its own. */
static VOID HalpSendCommand(UCHAR ApicId, ULONG Command)
{
    BOOLEAN Enable = KiSaveInterrupts();

    while (HalpReadApic(APIC_COMMAND_LOW) & COMMAND_PENDING)
        YieldProcessor();
    HalpWriteApic(APIC_COMMAND_HIGH, (ULONG)ApicId << 24);
    HalpWriteApic(APIC_COMMAND_LOW, Command);
    KiRestoreInterrupts(Enable);
}

VOID HalSendIpi(PKPRCB Prcb)
{
    HalpSendCommand(Prcb->ApicId, COMMAND_FIXED | APIC_IPI_VECTOR);
}

/* Puts another processor into the state that it had after power-on: it waits to be started. */
VOID HalpParkProcessor(UCHAR ApicId)
{
    HalpSendCommand(ApicId, COMMAND_INIT);
    HalpStall(INIT_DELAY_US);
}

/* INIT, then twice the page to start at, in real mode (Intel SDM vol. 3, 8.4.4.1). */
VOID HalpStartProcessor(UCHAR ApicId, ULONG PhysicalPage)
{
    HalpParkProcessor(ApicId);
    HalpSendCommand(ApicId, COMMAND_STARTUP | PhysicalPage);
    HalpStall(STARTUP_DELAY_US);
    HalpSendCommand(ApicId, COMMAND_STARTUP | PhysicalPage);
}
