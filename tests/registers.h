/*
 * For tests of floating point, drivers' and programs': loads all x87 and SSE registers with values,
 * and looks whether they hold them still. In between the includer must use none of them: so it
 * compiles those functions for general registers only, as these here are.
 *
 * Needs the types of the Windows headers, and HasSse(), which says whether there is SSE.
 */
#ifndef TESTS_REGISTERS_H
#define TESTS_REGISTERS_H

#pragma GCC push_options
#pragma GCC target("general-regs-only")

#define X87_ALL_MASKED 0x003F
#define SSE_ALL_MASKED 0x1F80

typedef struct _REGISTERS {
    UCHAR X87[8 * 10];
    UCHAR Xmm[8 * 16];
    ULONG Control;
    ULONG MxCsr;
} REGISTERS;

static inline void LoadRegisters(const REGISTERS *From)
{
    __asm__ volatile("fninit\n\t"
                     "fldt 70(%0)\n\tfldt 60(%0)\n\tfldt 50(%0)\n\tfldt 40(%0)\n\t"
                     "fldt 30(%0)\n\tfldt 20(%0)\n\tfldt 10(%0)\n\tfldt 0(%0)\n\t"
                     "fldcw %1"
                     :
                     : "r"(From->X87), "m"(From->Control)
                     : "memory");
    if (HasSse())
        __asm__ volatile("movups 0(%0), %%xmm0\n\tmovups 16(%0), %%xmm1\n\t"
                         "movups 32(%0), %%xmm2\n\tmovups 48(%0), %%xmm3\n\t"
                         "movups 64(%0), %%xmm4\n\tmovups 80(%0), %%xmm5\n\t"
                         "movups 96(%0), %%xmm6\n\tmovups 112(%0), %%xmm7\n\t"
                         "ldmxcsr %1"
                         :
                         : "r"(From->Xmm), "m"(From->MxCsr)
                         : "memory");
}

static inline void StoreSse(REGISTERS *To)
{
    if (HasSse())
        __asm__ volatile("movups %%xmm0, 0(%0)\n\tmovups %%xmm1, 16(%0)\n\t"
                         "movups %%xmm2, 32(%0)\n\tmovups %%xmm3, 48(%0)\n\t"
                         "movups %%xmm4, 64(%0)\n\tmovups %%xmm5, 80(%0)\n\t"
                         "movups %%xmm6, 96(%0)\n\tmovups %%xmm7, 112(%0)\n\t"
                         "stmxcsr %1"
                         :
                         : "r"(To->Xmm), "m"(To->MxCsr)
                         : "memory");
}

static inline void StoreRegisters(REGISTERS *To)
{
    __asm__ volatile("fnstcw %1\n\t"
                     "fstpt 0(%0)\n\tfstpt 10(%0)\n\tfstpt 20(%0)\n\tfstpt 30(%0)\n\t"
                     "fstpt 40(%0)\n\tfstpt 50(%0)\n\tfstpt 60(%0)\n\tfstpt 70(%0)"
                     :
                     : "r"(To->X87), "m"(To->Control)
                     : "memory");
    StoreSse(To);
}

static inline ULONG NextNumber(ULONG *Random)
{
    *Random = *Random * 1664525 + 1013904223;
    return *Random >> 16;
}

/* Values that no other seed has: normal numbers in the x87 registers, anything in the others. */
static inline void MakeValues(REGISTERS *Values, ULONG Seed)
{
    ULONG Random = Seed * 2654435761U, i;

    *Values = (REGISTERS){.Control = 0};
    for (i = 0; i < sizeof Values->X87; i++)
        Values->X87[i] = (UCHAR)NextNumber(&Random);
    for (i = 0; i < 8; i++) {
        Values->X87[i * 10 + 7] |= 0x80; /* the integer bit of a normal number */
        Values->X87[i * 10 + 9] = 0x3F;
    }
    Values->Control = X87_ALL_MASKED | 0x240 | (NextNumber(&Random) & 3) << 10;
    if (!HasSse())
        return;
    for (i = 0; i < sizeof Values->Xmm; i++)
        Values->Xmm[i] = (UCHAR)NextNumber(&Random);
    Values->MxCsr = SSE_ALL_MASKED | (NextNumber(&Random) & 3) << 13 | (NextNumber(&Random) & 0x3F);
}

/* Takes what is in the registers, and compares it. */
static inline BOOLEAN RegistersAre(const REGISTERS *Values)
{
    REGISTERS Now = {.Control = 0};
    const UCHAR *Bytes = (const UCHAR *)Values;
    ULONG i;

    StoreRegisters(&Now);
    for (i = 0; i < FIELD_OFFSET(REGISTERS, Control); i++) {
        if (((UCHAR *)&Now)[i] != Bytes[i])
            return FALSE;
    }
    return Now.Control == Values->Control && Now.MxCsr == Values->MxCsr;
}

#pragma GCC pop_options

#endif
