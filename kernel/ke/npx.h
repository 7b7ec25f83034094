/*
 * Floating point: the x87, MMX and SSE registers of threads and of drivers. npx.c says how.
 */
#ifndef KERNEL_KE_NPX_H
#define KERNEL_KE_NPX_H

#include "kernel/ke/ke.h"
#include "mm/layout.h"

struct _KTHREAD;

/* KTHREAD.NpxState: where the thread's floating-point state is. Windows' numbers, but the last. */
#define NPX_STATE_LOADED     0x00 /* in the registers of the processor that it runs on */
#define NPX_STATE_NOT_LOADED 0x0A /* in its FX_SAVE_AREA */
#define NPX_STATE_CLEAN      0x0B /* nowhere: it is the one that every thread begins with */

/* CPUID function 1, EDX: what this has to do with (Intel SDM vol. 2, CPUID). */
#define CPUID_EDX_FPU  0x00000001
#define CPUID_EDX_MMX  0x00800000
#define CPUID_EDX_FXSR 0x01000000
#define CPUID_EDX_SSE  0x02000000
#define CPUID_EDX_SSE2 0x04000000

/* What FNSAVE writes in 32-bit protected mode (Intel SDM vol. 1, 8.1.10). */
typedef struct _FNSAVE_FORMAT {
    ULONG ControlWord;
    ULONG StatusWord;
    ULONG TagWord;
    ULONG ErrorOffset;
    ULONG ErrorSelector;
    ULONG DataOffset;
    ULONG DataSelector;
    UCHAR RegisterArea[80];
} FNSAVE_FORMAT;

/* A saved state, as FXSAVE writes it, or FNSAVE on a processor without that. The size is that of
 * Windows. One lies at the top of each kernel stack; a multiple of 16, as FXSAVE wants it. */
typedef struct _FX_SAVE_AREA {
    union {
        FNSAVE_FORMAT FnArea;
        XSAVE_FORMAT FxArea;
    };
    ULONG Spare[4];
} FX_SAVE_AREA, *PFX_SAVE_AREA;

C_ASSERT(sizeof(FNSAVE_FORMAT) == 108);
C_ASSERT(sizeof(FX_SAVE_AREA) == KERNEL_STACK_NPX);
C_ASSERT(FIELD_OFFSET(XSAVE_FORMAT, MxCsr) == 24);

/* npx.c. KiEnableNpx: on each processor, before there is IRQL; Features is CPUID 1's EDX. */
extern ULONG KiNpxFeatures; /* of CPUID_EDX_xxx, those that can be used; 0: no floating point */
VOID KiEnableNpx(ULONG Features);
VOID FASTCALL KiSaveNpxState(struct _KTHREAD *Thread); /* DISPATCH_LEVEL; its state is loaded */
BOOLEAN KiLoadNpxOnTrap(PKTRAP_FRAME Frame);           /* interrupts disabled */

/* features.c: what programs and drivers can ask about the processor. Once, at start-up. */
VOID KiSetProcessorFeatures(VOID);

/* npxstatus.c: what an exception is called, by the registers that tell its cause. */
NTSTATUS KiStatusOfX87(USHORT StatusWord, USHORT ControlWord);
NTSTATUS KiStatusOfSimd(ULONG MxCsr);

/* The current thread's state must be loaded for these. */
static inline USHORT KiReadX87Status(VOID)
{
    USHORT Value;
    __asm__ volatile("fnstsw %0" : "=m"(Value));
    return Value;
}

static inline USHORT KiReadX87Control(VOID)
{
    USHORT Value;
    __asm__ volatile("fnstcw %0" : "=m"(Value));
    return Value;
}

static inline ULONG KiReadMxCsr(VOID)
{
    ULONG Value;
    __asm__ volatile("stmxcsr %0" : "=m"(Value));
    return Value;
}

#endif
