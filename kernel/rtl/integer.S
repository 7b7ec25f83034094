/*
 * 64-bit arithmetic helpers whose calling conventions C cannot express. Microsoft's compiler calls
 * them by itself; drivers import them from ntoskrnl.exe. The rest is in integer.c.
 *
 * _alldvrm, _aulldvrm: quotient in EDX:EAX and remainder in EBX:ECX, both at once. On entry
 *
 *     esp+12  divisor, 64 bits
 *     esp+4   dividend, 64 bits
 *     esp     return address
 *
 * and the callee pops the 16 bytes of arguments. EBX is a result here, though it is a register
 * that callees otherwise preserve.
 *
 * _allshl, _allshr, _aullshr: the value in EDX:EAX is shifted by CL. The processor's shifts take
 * the count modulo 32 (SDM vol. 2B, SHLD), so counts from 32 on are a move between the halves, and
 * from 64 on nothing of the value is left but, in _allshr, its sign.
 */

/*
 * Calls C's divide-with-remainder, and takes the remainder from the stack into EBX:ECX. When it is
 * called:
 *
 *     ebp+16  divisor          esp+16  address of the remainder
 *     ebp+8   dividend         esp+8   divisor
 *     ebp+4   return address   esp     dividend
 *     ebp     caller's EBP
 *     ebp-8   remainder
 */
.macro DIVIDE_WITH_REMAINDER Name, Routine
    .globl \Name
    .type \Name, @function
\Name:
    .cfi_startproc
    pushl %ebp
    .cfi_def_cfa_offset 8
    .cfi_offset %ebp, -8
    movl %esp, %ebp
    .cfi_def_cfa_register %ebp
    subl $8, %esp
    pushl %esp                  /* pushes the value before the push: the remainder's address */
    pushl 20(%ebp)
    pushl 16(%ebp)
    pushl 12(%ebp)
    pushl 8(%ebp)
    call \Routine
    movl -8(%ebp), %ecx
    movl -4(%ebp), %ebx
    leave
    .cfi_def_cfa %esp, 4
    ret $16
    .cfi_endproc
    .size \Name, . - \Name
.endm

    .text

    DIVIDE_WITH_REMAINDER _alldvrm, __divmoddi4
    DIVIDE_WITH_REMAINDER _aulldvrm, __udivmoddi4

    .globl _allshl
    .type _allshl, @function
_allshl:
    .cfi_startproc
    cmpb $64, %cl
    jae 2f
    cmpb $32, %cl
    jae 1f
    shldl %cl, %eax, %edx
    shll %cl, %eax
    ret
1:  movl %eax, %edx             /* the low half moves up by 32 ... */
    xorl %eax, %eax
    shll %cl, %edx              /* ... and by the rest of the count */
    ret
2:  xorl %eax, %eax
    xorl %edx, %edx
    ret
    .cfi_endproc
    .size _allshl, . - _allshl

    .globl _allshr
    .type _allshr, @function
_allshr:
    .cfi_startproc
    cmpb $64, %cl
    jae 2f
    cmpb $32, %cl
    jae 1f
    shrdl %cl, %edx, %eax
    sarl %cl, %edx
    ret
1:  movl %edx, %eax
    sarl $31, %edx              /* the high half is now all sign */
    sarl %cl, %eax
    ret
2:  sarl $31, %edx
    movl %edx, %eax
    ret
    .cfi_endproc
    .size _allshr, . - _allshr

    .globl _aullshr
    .type _aullshr, @function
_aullshr:
    .cfi_startproc
    cmpb $64, %cl
    jae 2f
    cmpb $32, %cl
    jae 1f
    shrdl %cl, %edx, %eax
    shrl %cl, %edx
    ret
1:  movl %edx, %eax
    xorl %edx, %edx
    shrl %cl, %eax
    ret
2:  xorl %eax, %eax
    xorl %edx, %edx
    ret
    .cfi_endproc
    .size _aullshr, . - _aullshr

    .section .note.GNU-stack, "", @progbits
