/*
 * The map of the address space, as constants that C and assembly share.
 *
 *   00000000 - 7FFFFFFF   the process's own half: another one behind each page directory
 *   80000000 - FFFFFFFF   the kernel's half: the same page tables behind every page directory
 *
 * docs/address-space.md shows the map with a picture and says where Windows differs.
 */
#ifndef MM_LAYOUT_H
#define MM_LAYOUT_H

#define MI_LOWEST_USER_ADDRESS  0x00010000
#define MI_USER_SHARED_ADDRESS  0x7FFE0000 /* KUSER_SHARED_DATA as user mode sees it */
#define MI_HIGHEST_USER_ADDRESS 0x7FFEFFFF
#define MI_USER_PROBE_ADDRESS   0x7FFF0000 /* the first address that is never a user's */

#define MI_SYSTEM_BASE 0x80000000
#define MI_WINDOW_BASE 0x80000000 /* window onto physical memory 0 - 512 MB */
#define MI_WINDOW_SIZE 0x20000000

#define MI_STARTUP_PHYSICAL 0x00008000 /* where further processors begin, in real mode */
#define MI_KERNEL_PHYSICAL  0x00100000 /* where the boot loader puts the kernel */

#define MI_PAGED_POOL_START    0xE1000000
#define MI_PAGED_POOL_END      0xF1000000
#define MI_SYSTEM_PTE_START    0xF1000000 /* stacks, driver images, device and MDL mappings */
#define MI_SYSTEM_PTE_END      0xFC000000
#define MI_NONPAGED_POOL_START 0xFC000000
#define MI_NONPAGED_POOL_END   0xFFBE0000
#define MI_MAPPING_SLOTS       0xFFC00000 /* per processor: windows onto single frames */
#define MI_SYSTEM_SHARED       0xFFDF0000 /* KUSER_SHARED_DATA, writable, for the kernel */
#define MI_PCR_ADDRESS         0xFFDFF000 /* KPCR of processor 0 */

#define MI_PDE_SHIFT        22
#define MI_PDES             1024
#define MI_FIRST_SYSTEM_PDE 512
#define MI_PTES_PER_TABLE   1024

/* The 512 shared page tables as one array of PTEs, indexed by (va - MI_SYSTEM_BASE) >> 12. */
#define MI_SYSTEM_PTES 0x80000

#define KERNEL_STACK_PAGES 3
#define KERNEL_STACK_BYTES (KERNEL_STACK_PAGES * 0x1000)
#define KERNEL_STACK_NPX   0x210 /* of these, at the top: the thread's floating-point state */

#endif
