/*
 * Where the other processors begin: in real mode, at the start of a page below 1 MB, to which this
 * code has been copied (Intel SDM vol. 3, 8.4.4 and 9.9.1).
 *
 * The way up is the first processor's own (boot/multiboot.S), in short: protected mode, then a
 * page directory that maps this one page onto itself and has the shared upper half; then an
 * absolute jump up. The page ends with what KiStartProcessor has filled in: KI_START_BLOCK.
 */
#include <build/offsets.h>
#include "mm/layout.h"

#define CR0_PE    0x00000001
#define CR0_PG_WP 0x80010000

#define START_CODE 0x08
#define START_DATA 0x10

/* An address of this code where it has been copied to. */
#define AT(Label) (MI_STARTUP_PHYSICAL + Label - KiStartupCode)

        .section .rodata
        .globl  KiStartupCode, KiStartupCodeEnd
        .code16
KiStartupCode:
        cli
        movw    %cs, %ax
        movw    %ax, %ds
        lgdtl   StartupGdtPointer - KiStartupCode
        movl    %cr0, %eax
        orl     $CR0_PE, %eax
        movl    %eax, %cr0
        ljmpl   $START_CODE, $AT(1f)
        .code32
1:      movw    $START_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    MI_STARTUP_PHYSICAL + KI_START_BLOCK_Cr3, %eax
        movl    %eax, %cr3
        movl    %cr0, %eax
        orl     $CR0_PG_WP, %eax
        movl    %eax, %cr0
        movl    MI_STARTUP_PHYSICAL + KI_START_BLOCK_StackTop, %esp
        xorl    %ebp, %ebp
        pushl   MI_STARTUP_PHYSICAL + KI_START_BLOCK_Pcr
        pushl   $0                      /* no return address */
        movl    $KiStartThisProcessor, %eax
        jmp     *%eax                   /* (control region); does not return */

        .balign 8
StartupGdt:
        .quad   0
        .quad   0x00CF9A000000FFFF      /* code, 4 GB */
        .quad   0x00CF92000000FFFF      /* data, 4 GB */
StartupGdtPointer:
        .word   . - StartupGdt - 1
        .long   AT(StartupGdt)
KiStartupCodeEnd:

        .section .note.GNU-stack, "", @progbits
