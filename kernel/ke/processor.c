/*
 * One processor's descriptors: its GDT, its two task-state segments, the common IDT, its KPCR.
 * (Intel SDM vol. 3, chapters 3, 6 and 8.)
 *
 * The GDT and the TSSs belong to one processor each, the IDT to all: a vector means the same
 * everywhere. Everything here lies in the shared half, so it is there behind every CR3.
 */
#include "kernel/ke/ke.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ipi.h"
#include "kernel/ke/npx.h"
#include "sched/sched.h"

#define ACCESS_CODE_R0    0x9A
#define ACCESS_DATA_R0    0x92
#define ACCESS_CODE_R3    0xFA
#define ACCESS_DATA_R3    0xF2
#define ACCESS_TSS        0x89
#define FLAGS_PAGES_32BIT 0xC0
#define FLAGS_BYTES_32BIT 0x40

#define GATE_INTERRUPT_R0 0x8E00
#define GATE_INTERRUPT_R3 0xEE00
#define GATE_TASK         0x8500

#define VECTOR_DOUBLE_FAULT     8
#define DOUBLE_FAULT_STACK_SIZE 0x3000
#define STUB_BYTES              16

#define CPUID_EDX_PGE   0x2000
#define CPUID_EBX7_SMEP 0x80

typedef struct _KDESCRIPTOR {
    USHORT Limit;
    PVOID Base;
} __attribute__((packed)) KDESCRIPTOR;

typedef struct _KPROCESSOR_TABLES {
    KGDTENTRY Gdt[KGDT_BYTES / sizeof(KGDTENTRY)];
    KTSS Tss;
    KTSS DoubleFaultTss;
    UCHAR DoubleFaultStack[DOUBLE_FAULT_STACK_SIZE] __attribute__((aligned(16)));
} KPROCESSOR_TABLES;

static KPROCESSOR_TABLES KiTables[MAXIMUM_PROCESSOR_COUNT];
static KIDTENTRY KiIdt[MAXIMUM_IDTVECTOR + 1];
BOOLEAN KiSmepEnabled;
volatile CCHAR KeNumberProcessors = 1;

static VOID KiSetDescriptor(PKGDTENTRY Gdt, ULONG Selector, ULONG Base, ULONG Limit, UCHAR Access,
                            UCHAR Flags)
{
    PKGDTENTRY Entry = &Gdt[Selector / sizeof *Entry];

    Entry->LimitLow = (USHORT)Limit;
    Entry->BaseLow = (USHORT)Base;
    Entry->BaseMid = (UCHAR)(Base >> 16);
    Entry->Access = Access;
    Entry->LimitHigh = (UCHAR)((Limit >> 16) | Flags);
    Entry->BaseHigh = (UCHAR)(Base >> 24);
}

static VOID KiInitializeGdt(KPROCESSOR_TABLES *Tables, PKIPCR Pcr)
{
    PKGDTENTRY Gdt = Tables->Gdt;

    KiSetDescriptor(Gdt, KGDT_R0_CODE, 0, 0xFFFFF, ACCESS_CODE_R0, FLAGS_PAGES_32BIT);
    KiSetDescriptor(Gdt, KGDT_R0_DATA, 0, 0xFFFFF, ACCESS_DATA_R0, FLAGS_PAGES_32BIT);
    KiSetDescriptor(Gdt, KGDT_R3_CODE, 0, 0xFFFFF, ACCESS_CODE_R3, FLAGS_PAGES_32BIT);
    KiSetDescriptor(Gdt, KGDT_R3_DATA, 0, 0xFFFFF, ACCESS_DATA_R3, FLAGS_PAGES_32BIT);
    KiSetDescriptor(Gdt, KGDT_TSS, (ULONG_PTR)&Tables->Tss, sizeof(KTSS) - 1, ACCESS_TSS, 0);
    KiSetDescriptor(Gdt, KGDT_R0_PCR, (ULONG_PTR)Pcr, PAGE_SIZE - 1, ACCESS_DATA_R0,
                    FLAGS_BYTES_32BIT);
    KiSetDescriptor(Gdt, KGDT_R3_TEB, 0, PAGE_SIZE - 1, ACCESS_DATA_R3, FLAGS_BYTES_32BIT);
    KiSetDescriptor(Gdt, KGDT_DF_TSS, (ULONG_PTR)&Tables->DoubleFaultTss, sizeof(KTSS) - 1,
                    ACCESS_TSS, 0);
}

/* The task that a double fault switches to: its own stack, and the System process's directory. */
static VOID KiInitializeTss(KPROCESSOR_TABLES *Tables)
{
    PKTSS Df = &Tables->DoubleFaultTss;

    Tables->Tss.Ss0 = KGDT_R0_DATA;
    Tables->Tss.IoMapBase = sizeof(KTSS); /* beyond the limit: user mode may use no port */
    Df->Cr3 = KiReadCr3();
    Df->Eip = (ULONG_PTR)KiDoubleFaultTask;
    Df->Esp = (ULONG_PTR)Tables->DoubleFaultStack + DOUBLE_FAULT_STACK_SIZE;
    Df->EFlags = 2; /* the bit that is always set; interrupts off */
    Df->Cs = KGDT_R0_CODE;
    Df->Ss = KGDT_R0_DATA;
    Df->Ds = Df->Es = KGDT_R3_DATA | RPL_USER;
    Df->Fs = KGDT_R0_PCR;
    Df->IoMapBase = sizeof(KTSS);
}

static VOID KiSetGate(ULONG Vector, ULONG_PTR Handler, USHORT Selector, USHORT Access)
{
    KiIdt[Vector].Offset = (USHORT)Handler;
    KiIdt[Vector].Selector = Selector;
    KiIdt[Vector].Access = Access;
    KiIdt[Vector].ExtendedOffset = (USHORT)(Handler >> 16);
}

/* Vectors that user mode may raise by instruction: 3, 4, 2Ch (assertion), 2Dh (the debugger), 2Eh
 * (service). */
static VOID KiInitializeIdt(VOID)
{
    static const UCHAR FromUserMode[] = {3, 4, 0x2C, 0x2D, SYSTEM_SERVICE_VECTOR};
    ULONG i;

    for (i = 0; i <= MAXIMUM_IDTVECTOR; i++)
        KiSetGate(i, (ULONG_PTR)KiTrapStubs + i * STUB_BYTES, KGDT_R0_CODE, GATE_INTERRUPT_R0);
    for (i = 0; i < sizeof FromUserMode; i++)
        KiIdt[FromUserMode[i]].Access = GATE_INTERRUPT_R3;
    KiSetGate(VECTOR_DOUBLE_FAULT, 0, KGDT_DF_TSS, GATE_TASK);
}

static VOID KiLoadTables(KPROCESSOR_TABLES *Tables)
{
    KDESCRIPTOR Gdt = {sizeof Tables->Gdt - 1, Tables->Gdt};
    KDESCRIPTOR Idt = {sizeof KiIdt - 1, KiIdt};

    __asm__ volatile("lgdt %0" : : "m"(Gdt));
    __asm__ volatile("lidt %0" : : "m"(Idt));
    __asm__ volatile("ljmp %0, $1f\n1:" : : "i"(KGDT_R0_CODE));
    __asm__ volatile("movl %0, %%ss" : : "r"(KGDT_R0_DATA));
    __asm__ volatile("movl %0, %%ds; movl %0, %%es" : : "r"(KGDT_R3_DATA | RPL_USER));
    __asm__ volatile("movl %0, %%fs" : : "r"(KGDT_R0_PCR));
    __asm__ volatile("movl %0, %%gs; lldt %w0" : : "r"(0));
    __asm__ volatile("ltr %w0" : : "r"(KGDT_TSS));
}

/* Global pages, supervisor-mode execution prevention where there is one, write protection; floating
 * point. */
static VOID KiEnableFeatures(VOID)
{
    ULONG Eax, Ebx, Ecx, Edx, Highest, Features, Cr4 = KiReadCr4();

    __asm__ volatile("cpuid" : "=a"(Highest), "=b"(Ebx), "=c"(Ecx), "=d"(Edx) : "a"(0), "c"(0));
    __asm__ volatile("cpuid" : "=a"(Eax), "=b"(Ebx), "=c"(Ecx), "=d"(Features) : "a"(1), "c"(0));
    if (Features & CPUID_EDX_PGE)
        Cr4 |= CR4_PGE;
    if (Highest >= 7) {
        __asm__ volatile("cpuid" : "=a"(Eax), "=b"(Ebx), "=c"(Ecx), "=d"(Edx) : "a"(7), "c"(0));
        KiSmepEnabled = (Ebx & CPUID_EBX7_SMEP) != 0;
    }
    if (KiSmepEnabled)
        Cr4 |= CR4_SMEP;
    KiWriteCr4(Cr4);
    KiWriteCr0(KiReadCr0() | CR0_WP);
    KiEnableNpx(Features);
}

/* Once, before the first processor. */
VOID KiInitializeCommonTables(PKIPCR Pcr)
{
    KiInitializeIdt();
    KiInitializeReadyQueues();
    KiProcessorBlock[0] = &Pcr->PrcbData;
}

VOID KiInitializeProcessor(PKIPCR Pcr, ULONG Number, PKTHREAD IdleThread)
{
    KPROCESSOR_TABLES *Tables = &KiTables[Number];

    Pcr->Pcr.NtTib.ExceptionList = (PVOID)-1;
    Pcr->Pcr.SelfPcr = &Pcr->Pcr;
    Pcr->Pcr.Prcb = &Pcr->PrcbData;
    Pcr->Pcr.Irql = PASSIVE_LEVEL; /* interrupts are still disabled */
    Pcr->Pcr.IDT = (PVOID)KiIdt;
    Pcr->Pcr.GDT = (PVOID)Tables->Gdt;
    Pcr->Pcr.TSS = (PVOID)&Tables->Tss;
    Pcr->Pcr.MajorVersion = Pcr->Pcr.MinorVersion = 1;
    Pcr->Pcr.Number = (UCHAR)Number;
    Pcr->Pcr.SetMember = 1 << Number;
    Pcr->PrcbData.Number = (UCHAR)Number;
    Pcr->PrcbData.SetMember = 1 << Number;
    Pcr->PrcbData.IdleThread = IdleThread;
    Pcr->PrcbData.CurrentThread = IdleThread;
    KiInitializeDpcs(&Pcr->PrcbData);
    KiInitializeLockQueues(&Pcr->PrcbData);
    KiInitializeGdt(Tables, Pcr);
    KiInitializeTss(Tables);
    Pcr->PrcbData.ActiveDirectory = KiReadCr3();
    KiLoadTables(Tables);
    KiEnableFeatures();
}
