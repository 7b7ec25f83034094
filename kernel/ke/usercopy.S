/*
 * NTSTATUS FASTCALL KiCopyUserMemory(PVOID To, const VOID *From, SIZE_T Bytes)
 *
 * Copies between the kernel and user addresses that the caller has already found to be below
 * MI_USER_PROBE_ADDRESS. If a user address turns out not to be accessible, the fault that cannot
 * be resolved goes on at KiCopyUserMemoryFault instead of stopping the machine, and the copy ends
 * with STATUS_ACCESS_VIOLATION (kernel/ke/trap.c recognises the range of these instructions).
 *
 *      ECX = To, EDX = From, ESP+04 = Bytes (removed by the callee)
 */
        .cfi_sections .debug_frame
        .text
        .globl  KiCopyUserMemory, KiCopyUserMemoryStart, KiCopyUserMemoryEnd, KiCopyUserMemoryFault
        .type   KiCopyUserMemory, @function
KiCopyUserMemory:
        .cfi_startproc
        pushl   %edi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset edi, 0
        pushl   %esi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset esi, 0
        movl    %ecx, %edi
        movl    %edx, %esi
        movl    12(%esp), %ecx
        movl    %ecx, %edx
        shrl    $2, %ecx
        andl    $3, %edx
KiCopyUserMemoryStart:
        rep movsl
        movl    %edx, %ecx
        rep movsb
KiCopyUserMemoryEnd:
        xorl    %eax, %eax
1:      popl    %esi
        .cfi_adjust_cfa_offset -4
        .cfi_restore esi
        popl    %edi
        .cfi_adjust_cfa_offset -4
        .cfi_restore edi
        ret     $4
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset esi, 0
        .cfi_rel_offset edi, 4
KiCopyUserMemoryFault:
        movl    $0xC0000005, %eax       /* STATUS_ACCESS_VIOLATION */
        jmp     1b
        .cfi_endproc
        .size   KiCopyUserMemory, . - KiCopyUserMemory

/*
 * NTSTATUS FASTCALL KiProbeUserByte(PVOID Va)
 *
 * Finds out whether a user byte can be written, by writing what is there, in one step: a thread of
 * the same process may be writing it on another processor.
 *
 *      ECX = Va
 */
        .globl  KiProbeUserByte, KiProbeUserByteEnd, KiProbeUserByteFault
        .type   KiProbeUserByte, @function
KiProbeUserByte:
        .cfi_startproc
        lock orb $0, (%ecx)
KiProbeUserByteEnd:
        xorl    %eax, %eax
        ret
KiProbeUserByteFault:
        movl    $0xC0000005, %eax       /* STATUS_ACCESS_VIOLATION */
        ret
        .cfi_endproc
        .size   KiProbeUserByte, . - KiProbeUserByte

        .section .note.GNU-stack, "", @progbits
