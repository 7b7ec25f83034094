/*
 * The context switch: everything that a change of threads consists of, in one routine.
 *
 * VOID FASTCALL KiSwapContext(PKTHREAD Old, PKTHREAD New)          ECX = Old, EDX = New
 *
 * The switch frame, on the stack of every thread that is not running (KTHREAD.KernelStack points
 * to it), and on both stacks here:
 *
 *      ESP+00  exception list (fs:[0])
 *      ESP+04  EDI
 *      ESP+08  ESI
 *      ESP+0C  EBX
 *      ESP+10  EBP
 *      ESP+14  return address: where the thread goes on
 *
 * Only what C expects a call to preserve is saved: EAX, ECX, EDX and the flags are dead across a
 * call, and a user thread's registers lie in its trap frame already. Both stacks hold the same
 * frame, so the call-frame information below is true before and after the stack pointer changes,
 * and GDB unwinds at every instruction: into the old thread before, into the new one after.
 *
 * The code, both stacks, both KTHREADs, the KPCR and the GDT lie in the upper half, which is the
 * same behind every page directory: that is why the instruction after the load of CR3 is still
 * there to be fetched.
 *
 * IRQL: DISPATCH_LEVEL; the dispatcher lock is held, and released by the thread switched to.
 */
#include <build/offsets.h>
#include "mm/layout.h"

        .cfi_sections .debug_frame
        .text

        .globl  KiSwapContext
        .type   KiSwapContext, @function
KiSwapContext:
        .cfi_startproc
        pushl   %ebp
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebp, 0
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        pushl   %esi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset esi, 0
        pushl   %edi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset edi, 0
        pushl   %fs:0
        .cfi_adjust_cfa_offset 4

        /* Swap stacks: from the second line on, this is the new thread. */
        movl    %esp, KTHREAD_KernelStack(%ecx)
        .globl  KiSwapContextStack
KiSwapContextStack:
        movl    KTHREAD_KernelStack(%edx), %esp

        /* Load CR3 exactly when the address space differs. An attached thread keeps the space
         * it is attached to: ApcState.Process, not the owner. */
        movl    KTHREAD_ApcProcess(%edx), %eax
        cmpl    %eax, KTHREAD_ApcProcess(%ecx)
        je      1f
        movl    KPROCESS_DirectoryTableBase(%eax), %eax
        movl    %eax, %fs:PCR_ActiveDirectory   /* first: see mm/flush.c */
        .globl  KiSwapContextCr3
KiSwapContextCr3:
        movl    %eax, %cr3
        incl    %fs:PCR_AddressSpaceSwitches

        /* A trap from user mode will begin on the new thread's stack. */
1:      movl    KTHREAD_InitialStack(%edx), %eax
        subl    $KTRAP_FRAME_V86_BYTES, %eax
        movl    %fs:PCR_Tss, %esi
        movl    %eax, KTSS_Esp0(%esi)

        /* User mode's FS is to be based at the new thread's TEB. */
        movl    KTHREAD_Teb(%edx), %eax
        movl    %eax, %fs:PCR_Teb
        movl    %fs:PCR_Gdt, %esi
        movw    %ax, (KGDT_R3_TEB + 2)(%esi)
        shrl    $16, %eax
        movb    %al, (KGDT_R3_TEB + 4)(%esi)
        movb    %ah, (KGDT_R3_TEB + 7)(%esi)

        /* Are the old thread's floating-point registers loaded? Most threads use none. */
        cmpb    $NPX_STATE_LOADED, KTHREAD_NpxState(%ecx)
        je      3f

2:      incl    KTHREAD_ContextSwitches(%edx)
        incl    %fs:PCR_ThreadSwitches

        .cfi_remember_state
        popl    %fs:0
        .cfi_adjust_cfa_offset -4
        popl    %edi
        .cfi_adjust_cfa_offset -4
        .cfi_restore edi
        popl    %esi
        .cfi_adjust_cfa_offset -4
        .cfi_restore esi
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        popl    %ebp
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebp
        ret

        /* They are saved now, not when someone needs them, for the old thread may go on on another
         * processor (kernel/ke/npx.c). What is in ESI is on the stack, so it is free. */
        .cfi_restore_state
3:      movl    %edx, %esi
        call    KiSaveNpxState          /* (Old) */
        movl    %esi, %edx
        jmp     2b
        .cfi_endproc
        .size   KiSwapContext, . - KiSwapContext

/*
 * Where a new thread's first switch returns to (one byte on). KeInitializeThread left
 * EBX = SystemRoutine, ESI = StartRoutine, EDI = StartContext in the switch frame, and EBP = 0 to
 * end the chain.
 */
        .globl  KiThreadStartup
        .type   KiThreadStartup, @function
KiThreadStartup:
        .cfi_startproc
        .cfi_undefined eip              /* the outermost frame */
        nop                             /* a return address points behind its call */
        call    KiBeginThread           /* releases the dispatcher lock, lowers IRQL */
        pushl   %edi
        .cfi_adjust_cfa_offset 4
        pushl   %esi
        .cfi_adjust_cfa_offset 4
        call    *%ebx                   /* SystemRoutine(StartRoutine, StartContext) */
        ud2                             /* it must not return */
        .cfi_endproc
        .size   KiThreadStartup, . - KiThreadStartup

        .section .note.GNU-stack, "", @progbits
