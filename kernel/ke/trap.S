/*
 * The way into the kernel and out of it: one 16-byte stub for each of the 256 vectors, then one
 * common path that builds a KTRAP_FRAME, calls C, and takes the frame down again.
 *
 * What the processor has pushed when a stub begins (Intel SDM vol. 3, 6.12.1 and 6.13):
 *
 *      from kernel mode          from user mode
 *                                SS      \ of the interrupted
 *                                ESP     / user code
 *      EFLAGS                    EFLAGS
 *      CS                        CS
 *      EIP                       EIP
 *      [error code: vectors 8, 10-14, 17]
 *
 * All gates are interrupt gates: interrupts are off here, and the C handlers turn them on when
 * the trap's circumstances (CR2) are safe.
 *
 * CFI: the canonical frame address is the byte above EFLAGS. The interrupted ESP is there if the
 * trap came from the kernel; it is stored there if it came from user mode. TRAP_CFI says just
 * that, as a DWARF expression on the saved CS, so that GDB unwinds at every instruction into the
 * interrupted code, kernel or user.
 */
#include <build/offsets.h>
#include "mm/layout.h"

        .cfi_sections .debug_frame
        .text

/* ESP of the caller: CS & 3 ? the word at the CFA : the CFA itself.
 * DW_CFA_val_expression, register 4, 13 bytes: dup lit8 minus deref lit3 and bra+3 skip+1 deref */
.macro TRAP_CFI Offset
        .cfi_signal_frame
        .cfi_def_cfa esp, \Offset
        .cfi_offset eip, -12
        .cfi_offset eflags, -4
        .cfi_escape 0x16, 4, 13, 0x12, 0x38, 0x1c, 0x06, 0x33, 0x1a, 0x28, 3, 0, 0x2f, 1, 0, 0x06
.endm

.macro PUSH Register
        pushl   %\Register
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset \Register, 0
.endm

.macro POP Register
        popl    %\Register
        .cfi_adjust_cfa_offset -4
        .cfi_restore \Register
.endm

.macro PUSH_OTHER Operand:vararg
        pushl   \Operand
        .cfi_adjust_cfa_offset 4
.endm

.macro POP_OTHER Operand
        popl    \Operand
        .cfi_adjust_cfa_offset -4
.endm

.macro STUB Vector, HasErrorCode
        .balign 16
KiTrap\Vector:
        .cfi_startproc
  .if \HasErrorCode
        TRAP_CFI 16
  .else
        TRAP_CFI 12
        PUSH_OTHER $0
  .endif
        PUSH    ebp
        movl    $\Vector, %ebp
        jmp     KiTrapCommon
        .cfi_endproc
        .type   KiTrap\Vector, @function
        .size   KiTrap\Vector, . - KiTrap\Vector
.endm

        .altmacro
.macro STUBS From, To, HasErrorCode
        .set    Vector, \From
  .rept \To - \From + 1
        STUB    %Vector, \HasErrorCode
        .set    Vector, Vector + 1
  .endr
.endm

        .balign 16
        .globl  KiTrapStubs
KiTrapStubs:
        STUBS   0, 7, 0
        STUBS   8, 8, 1
        STUBS   9, 9, 0
        STUBS   10, 14, 1
        STUBS   15, 16, 0
        STUBS   17, 17, 1
        STUBS   18, 255, 0
        .noaltmacro

/* Here: error code and the interrupted EBP are pushed, EBP holds the vector. */
        .balign 16
        .type   KiTrapCommon, @function
        .globl  KiTrapCommon
KiTrapCommon:
        .cfi_startproc
        TRAP_CFI 20
        .cfi_offset ebp, -20
        PUSH    ebx
        PUSH    esi
        PUSH    edi
        PUSH_OTHER %fs
        movl    $KGDT_R0_PCR, %ebx
        movw    %bx, %fs
        PUSH_OTHER %fs:0                /* the exception list */
        PUSH_OTHER $0                   /* PreviousPreviousMode */
        PUSH    eax
        PUSH    ecx
        PUSH    edx
        PUSH_OTHER %ds
        PUSH_OTHER %es
        PUSH_OTHER %gs
        subl    $KTRAP_FRAME_SegGs, %esp
        .cfi_adjust_cfa_offset KTRAP_FRAME_SegGs
        movl    $(KGDT_R3_DATA | RPL_USER), %eax
        movw    %ax, %ds
        movw    %ax, %es
        cld
        movl    $-1, %fs:0              /* no exception handlers of this trap's yet */

        /* The frame begins like a C frame, so a walk along EBP goes on in the interrupted code. */
        movl    %ebp, %edx
        movl    KTRAP_FRAME_Ebp(%esp), %eax
        movl    %eax, KTRAP_FRAME_DbgEbp(%esp)
        movl    KTRAP_FRAME_Eip(%esp), %eax
        movl    %eax, KTRAP_FRAME_DbgEip(%esp)
        movl    %esp, %ebp

        movl    %esp, %ecx
        cmpl    $SYSTEM_SERVICE_VECTOR, %edx
        je      1f
        cmpl    $PRIMARY_VECTOR_BASE, %edx
        jae     2f
        call    KiTrapHandler           /* (frame, vector) */
        jmp     KiTrapExit
1:      call    KiSystemServiceHandler  /* (frame) */
        jmp     KiTrapExit
2:      call    KiInterruptHandler      /* (frame, vector) */

/* Every way out: ESP points to the trap frame, interrupts are disabled. */
KiTrapExit:
        addl    $KTRAP_FRAME_SegGs, %esp
        .cfi_adjust_cfa_offset -KTRAP_FRAME_SegGs
        POP_OTHER %gs
        POP_OTHER %es
        POP_OTHER %ds
        POP     edx
        POP     ecx
        POP     eax
        addl    $4, %esp
        .cfi_adjust_cfa_offset -4
        POP_OTHER %fs:0
        POP_OTHER %fs
        POP     edi
        POP     esi
        POP     ebx
        POP     ebp
        addl    $4, %esp                /* the error code */
        .cfi_adjust_cfa_offset -4
        iretl
        .cfi_endproc
        .size   KiTrapCommon, . - KiTrapCommon

/*
 * VOID KiExitThroughFrame(PKTRAP_FRAME Frame): leaves through a frame that no trap has made: into
 * user mode for the first time, or into kernel code after an exception. Does not return.
 */
        .globl  KiExitThroughFrame
        .type   KiExitThroughFrame, @function
KiExitThroughFrame:
        .cfi_startproc
        .cfi_undefined eip
        cli
        movl    4(%esp), %esp
        jmp     KiTrapExit
        .cfi_endproc
        .size   KiExitThroughFrame, . - KiExitThroughFrame

/*
 * VOID FASTCALL KiReplayInterrupt(ULONG Vector): runs a hardware interrupt's stub as if the
 * processor had just taken the interrupt. Interrupts are disabled, here and on return.
 */
        .globl  KiReplayInterrupt
        .type   KiReplayInterrupt, @function
KiReplayInterrupt:
        .cfi_startproc
        shll    $4, %ecx
        addl    $KiTrapStubs, %ecx
        pushfl
        .cfi_adjust_cfa_offset 4
        pushl   $KGDT_R0_CODE
        .cfi_adjust_cfa_offset 4
        call    *%ecx                   /* pushes EIP; the stub's iret pops all three */
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_endproc
        .size   KiReplayInterrupt, . - KiReplayInterrupt

/* The double fault's task: the processor switched to its own TSS and stack, through a task gate. */
        .globl  KiDoubleFaultTask
        .type   KiDoubleFaultTask, @function
KiDoubleFaultTask:
        .cfi_startproc
        .cfi_undefined eip
        xorl    %ebp, %ebp
        call    KiDoubleFault           /* does not return */
        .cfi_endproc
        .size   KiDoubleFaultTask, . - KiDoubleFaultTask

        .section .note.GNU-stack, "", @progbits
