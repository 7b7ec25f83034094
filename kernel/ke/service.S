/*
 * NTSTATUS FASTCALL KiCallService(PVOID Routine, const ULONG *Arguments, ULONG Count)
 *
 * Calls a service with arguments that are known only by number: they are copied onto the stack,
 * where the stdcall routine takes them off. The stack pointer is taken back from EBP, so a wrong
 * count in the service table cannot shift the caller's frame.
 *
 *      ECX = Routine, EDX = Arguments, EBP+08 = Count (removed by the callee)
 */
#include <build/offsets.h>

        .cfi_sections .debug_frame
        .text
        .globl  KiCallService
        .type   KiCallService, @function
KiCallService:
        .cfi_startproc
        pushl   %ebp
        .cfi_def_cfa_offset 8
        .cfi_offset ebp, -8
        movl    %esp, %ebp
        .cfi_def_cfa_register ebp
        pushl   %esi
        .cfi_offset esi, -12
        pushl   %edi
        .cfi_offset edi, -16
        movl    %ecx, %eax
        movl    %edx, %esi
        movl    8(%ebp), %ecx
        leal    (,%ecx,4), %edx
        subl    %edx, %esp
        movl    %esp, %edi
        rep movsl
        call    *%eax
        leal    -8(%ebp), %esp
        popl    %edi
        .cfi_restore edi
        popl    %esi
        .cfi_restore esi
        popl    %ebp
        .cfi_restore ebp
        .cfi_def_cfa esp, 4
        ret     $4
        .cfi_endproc
        .size   KiCallService, . - KiCallService

/*
 * The Zw routines: what drivers call. Each goes through the same gate as user mode does, so that
 * the service sees PreviousMode = KernelMode and trusts its pointers. EAX = the service's number,
 * EDX = the first argument's address.
 */
        .set    Number, 0
.macro STUB Name, Count
        .globl  \Name
        .type   \Name, @function
\Name:
        .cfi_startproc
        movl    $Number, %eax
        leal    4(%esp), %edx
        int     $SYSTEM_SERVICE_VECTOR
        ret     $(\Count * 4)
        .cfi_endproc
        .size   \Name, . - \Name
        .set    Number, Number + 1
.endm

#define SERVICE(Name, Count) STUB Zw##Name, Count
#include "kernel/services.def"

        .section .note.GNU-stack, "", @progbits
