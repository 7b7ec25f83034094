/*
 * From the boot loader's jump to the first line of C in the upper half.
 *
 * GRUB, or QEMU's own loader, puts the kernel at physical 1 MB and jumps here in protected mode
 * with paging off, EAX = 0x2BADB002 and EBX = the physical address of the multiboot information
 * (Multiboot Specification 0.6.96, 3.2). This page alone is linked at its physical address.
 *
 * The first page directory uses 4 MB pages (Intel SDM vol. 3, 4.3): entry 0 maps the memory that
 * this code runs in onto itself, entries 512-639 are the window onto physical memory that all
 * kernel code is linked in. mm/kernelspace.c replaces it by the real tables, without entry 0.
 */
#include "mm/layout.h"

#define MULTIBOOT_MAGIC      0x1BADB002
#define MULTIBOOT_PAGE_ALIGN 0x00000001 /* modules on page boundaries */
#define MULTIBOOT_MEMORY     0x00000002 /* memory information */
#define MULTIBOOT_FLAGS      (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY)

#define LARGE_PAGE (0x80 | 0x02 | 0x01) /* PS, writable, present */
#define CR4_PSE    0x10
#define CR0_PG_WP  0x80010000

        .cfi_sections .debug_frame

        .section .boot.header, "a"
        .balign 4
        .long   MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

        .section .boot.text, "ax"
        .globl  BootEntry
        .type   BootEntry, @function
BootEntry:
        .cfi_startproc
        .cfi_undefined eip              /* the outermost frame: nobody called */
        cli
        cld
        movl    $(BootDirectory - MI_WINDOW_BASE), %edi

        /* Entry 0 and entries 512-639: 4 MB pages from physical 0 up. */
        movl    $LARGE_PAGE, (%edi)
        movl    $LARGE_PAGE, %ecx
        leal    (MI_FIRST_SYSTEM_PDE * 4)(%edi), %edx
1:      movl    %ecx, (%edx)
        addl    $4, %edx
        addl    $(1 << MI_PDE_SHIFT), %ecx
        cmpl    $(MI_WINDOW_SIZE | LARGE_PAGE), %ecx
        jb      1b

        movl    %cr4, %ecx
        orl     $CR4_PSE, %ecx
        movl    %ecx, %cr4
        movl    %edi, %cr3
        movl    %cr0, %ecx
        orl     $CR0_PG_WP, %ecx
        movl    %ecx, %cr0

        /* Both maps hold now. Jump up: an absolute address, not a relative one. */
        movl    $BootUpper, %ecx
        jmp     *%ecx
        .cfi_endproc
        .size   BootEntry, . - BootEntry

        .text
        .type   BootUpper, @function
BootUpper:
        .cfi_startproc
        .cfi_undefined eip
        movl    $(KiBootStack + KERNEL_STACK_BYTES - KERNEL_STACK_NPX), %esp
        xorl    %ebp, %ebp              /* ends the frame-pointer chain */
        pushl   %ebx
        pushl   %eax
        call    KiSystemStartup         /* (magic, multiboot information); does not return */
        .cfi_endproc
        .size   BootUpper, . - BootUpper

/* The stack of start-up, and of processor 0's idle thread after it. The page below it is taken
 * out of the map by mm/kernelspace.c, as below every kernel stack. */
        .section .bss.aligned, "aw", @nobits
        .balign 4096
        .globl  KiBootStackGuard, KiBootStack, BootDirectory
KiBootStackGuard:
        .skip   4096
KiBootStack:
        .skip   KERNEL_STACK_BYTES
BootDirectory:
        .skip   4096

        .section .note.GNU-stack, "", @progbits
