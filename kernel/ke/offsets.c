/*
 * The offsets and constants that assembly needs, taken from the C declarations. This file is
 * compiled to assembly only; the Makefile turns the marked lines into build/offsets.h.
 */
#include "kernel/ke/ke.h"
#include "kernel/ke/npx.h"
#include "kernel/ke/startap.h"
#include "sched/sched.h"

#define CONSTANT(Name, Value)     __asm__ volatile("\n->" #Name " %c0" : : "i"(Value))
#define OFFSET(Structure, Member) CONSTANT(Structure##_##Member, FIELD_OFFSET(Structure, Member))

VOID KiOffsets(VOID);

VOID KiOffsets(VOID)
{
    OFFSET(KTHREAD, KernelStack);
    OFFSET(KTHREAD, InitialStack);
    OFFSET(KTHREAD, NpxState);
    OFFSET(KTHREAD, Teb);
    OFFSET(KTHREAD, ContextSwitches);
    CONSTANT(KTHREAD_ApcProcess, FIELD_OFFSET(KTHREAD, ApcState.Process));
    OFFSET(KPROCESS, DirectoryTableBase);
    OFFSET(KTSS, Esp0);
    CONSTANT(PCR_Tss, FIELD_OFFSET(KPCR, TSS));
    CONSTANT(PCR_Gdt, FIELD_OFFSET(KPCR, GDT));
    CONSTANT(PCR_Teb, FIELD_OFFSET(KPCR, NtTib.Self));
    CONSTANT(PCR_ThreadSwitches, FIELD_OFFSET(KIPCR, PrcbData.ThreadSwitches));
    CONSTANT(PCR_AddressSpaceSwitches, FIELD_OFFSET(KIPCR, PrcbData.AddressSpaceSwitches));
    CONSTANT(PCR_ActiveDirectory, FIELD_OFFSET(KIPCR, PrcbData.ActiveDirectory));
    CONSTANT(KI_START_BLOCK_Cr3, KI_START_BLOCK_OFFSET + FIELD_OFFSET(KI_START_BLOCK, Cr3));
    CONSTANT(KI_START_BLOCK_StackTop,
             KI_START_BLOCK_OFFSET + FIELD_OFFSET(KI_START_BLOCK, StackTop));
    CONSTANT(KI_START_BLOCK_Pcr, KI_START_BLOCK_OFFSET + FIELD_OFFSET(KI_START_BLOCK, Pcr));
    OFFSET(KTRAP_FRAME, DbgEbp);
    OFFSET(KTRAP_FRAME, DbgEip);
    OFFSET(KTRAP_FRAME, SegGs);
    OFFSET(KTRAP_FRAME, Ebp);
    OFFSET(KTRAP_FRAME, Eip);
    CONSTANT(NPX_STATE_LOADED, NPX_STATE_LOADED);
    CONSTANT(KTRAP_FRAME_V86_BYTES, KTRAP_FRAME_V86_BYTES);
    CONSTANT(KGDT_R0_CODE, KGDT_R0_CODE);
    CONSTANT(KGDT_R0_PCR, KGDT_R0_PCR);
    CONSTANT(KGDT_R3_DATA, KGDT_R3_DATA);
    CONSTANT(KGDT_R3_TEB, KGDT_R3_TEB);
    CONSTANT(RPL_USER, RPL_USER);
    CONSTANT(SYSTEM_SERVICE_VECTOR, SYSTEM_SERVICE_VECTOR);
    CONSTANT(PRIMARY_VECTOR_BASE, PRIMARY_VECTOR_BASE);
}
