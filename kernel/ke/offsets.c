/*
 * The offsets and constants that assembly needs, taken from the C declarations. This file is
 * compiled to assembly only; the Makefile turns the marked lines into build/offsets.h.
 */
#include "kernel/ke/ke.h"
#include "sched/sched.h"

#define OUT(Name, Value) __asm__ volatile("\n->" #Name " %c0" : : "i"(Value))
#define OFFSET(Structure, Member) OUT(Structure##_##Member, FIELD_OFFSET(Structure, Member))

VOID KiOffsets(VOID);

VOID KiOffsets(VOID)
{
    OFFSET(KTHREAD, KernelStack);
    OFFSET(KTHREAD, InitialStack);
    OFFSET(KTHREAD, Teb);
    OFFSET(KTHREAD, ContextSwitches);
    OUT(KTHREAD_ApcProcess, FIELD_OFFSET(KTHREAD, ApcState.Process));
    OFFSET(KPROCESS, DirectoryTableBase);
    OFFSET(KTSS, Esp0);
    OUT(PCR_Tss, FIELD_OFFSET(KPCR, TSS));
    OUT(PCR_Gdt, FIELD_OFFSET(KPCR, GDT));
    OUT(PCR_Teb, FIELD_OFFSET(KPCR, NtTib.Self));
    OUT(PCR_ThreadSwitches, FIELD_OFFSET(KIPCR, PrcbData.ThreadSwitches));
    OUT(PCR_AddressSpaceSwitches, FIELD_OFFSET(KIPCR, PrcbData.AddressSpaceSwitches));
    OFFSET(KTRAP_FRAME, DbgEbp);
    OFFSET(KTRAP_FRAME, DbgEip);
    OFFSET(KTRAP_FRAME, SegGs);
    OFFSET(KTRAP_FRAME, Ebp);
    OFFSET(KTRAP_FRAME, Eip);
    OUT(KTRAP_FRAME_V86_BYTES, KTRAP_FRAME_V86_BYTES);
    OUT(KGDT_R0_CODE, KGDT_R0_CODE);
    OUT(KGDT_R0_PCR, KGDT_R0_PCR);
    OUT(KGDT_R3_DATA, KGDT_R3_DATA);
    OUT(KGDT_R3_TEB, KGDT_R3_TEB);
    OUT(RPL_USER, RPL_USER);
    OUT(SYSTEM_SERVICE_VECTOR, SYSTEM_SERVICE_VECTOR);
    OUT(PRIMARY_VECTOR_BASE, PRIMARY_VECTOR_BASE);
}
