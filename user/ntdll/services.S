/*
 * The system services as programs see them: NtClose and all the others of kernel/services.def, each
 * also under its Zw name. In user mode the two names mean the same.
 *
 * EAX carries the service's number, which is its place in the list, and EDX the address of the
 * first argument:
 *
 *      ESP+00  return address
 *      ESP+04  first argument      <- EDX
 *      ESP+08  second argument, and so on; the routine removes them all
 *
 * The kernel returns the status in EAX and leaves EBX, ESI, EDI and EBP as they were.
 *
 * A stdcall routine's symbol ends with @ and the number of bytes of its arguments, which is
 * computed here (.altmacro, %). In the export table these endings are gone, as in Windows.
 */
        .cfi_sections .debug_frame
        .altmacro
        .set    Number, 0

.macro STUB Nt, Zw, Bytes
        .globl  _\Nt\()@\Bytes, _\Zw\()@\Bytes
_\Nt\()@\Bytes:
_\Zw\()@\Bytes:
        .cfi_startproc
        movl    $Number, %eax
        leal    4(%esp), %edx
        int     $0x2E
        ret     $\Bytes
        .cfi_endproc
        .set    Number, Number + 1
.endm

        .text
#define SERVICE(Name, Count) STUB Nt##Name, Zw##Name, %(Count * 4)
#include "kernel/services.def"
