/*
 * Page-table entries: the processor's format, and what the kernel writes when bit 0 is clear.
 * (Intel SDM vol. 3, 4.3, table 4-6.)
 *
 *  valid         31..........12 11 10  9  8  7  6  5  4  3  2  1  0
 *                frame         copy prot.  G  0  D  A cd wt U  W  1     (bits 9-10)
 *  never used    0
 *  demand-zero   0               0  0  protection........... 0    0      (bits 5-9)
 *  transition    frame           1  0  protection........... 0    0
 *  in a view     0               0  1  protection........... 0    0      (the prototype has it)
 *  decommitted   0               0  0  MM_DECOMMIT
 *
 * The processor does not know all of a page's protection: the lowest two bits of it are kept in
 * two bits of a valid PTE that are software's, the third is W.
 *
 * A user PTE of 0 is not committed; whether it is reserved, the VADs say. Transition, here, is a
 * page that is made inaccessible (PAGE_NOACCESS, PAGE_GUARD) but holds data.
 */
#ifndef MM_PTE_H
#define MM_PTE_H

#include "kernel/nt.h"

typedef union _MMPTE {
    ULONG Long;
    struct {
        ULONG Valid : 1;
        ULONG Write : 1;
        ULONG Owner : 1; /* user mode may use it */
        ULONG WriteThrough : 1;
        ULONG CacheDisable : 1;
        ULONG Accessed : 1;
        ULONG Dirty : 1;
        ULONG LargePage : 1;
        ULONG Global : 1;
        ULONG Protection : 2; /* MM_xxx, the lowest two bits */
        ULONG CopyOnWrite : 1; /* not writable, but a write gives the process a copy */
        ULONG PageFrameNumber : 20;
    } Hard;
    struct {
        ULONG Valid : 1;
        ULONG PageFileLow : 4;
        ULONG Protection : 5; /* MM_xxx */
        ULONG Prototype : 1;
        ULONG Transition : 1;
        ULONG PageFrameNumber : 20;
    } Soft;
} MMPTE, *PMMPTE;

C_ASSERT(sizeof(MMPTE) == 4);

#define PTE_VALID    0x001
#define PTE_WRITE    0x002
#define PTE_USER     0x004
#define PTE_NOCACHE  0x018
#define PTE_ACCESSED 0x020
#define PTE_DIRTY    0x040
#define PTE_GLOBAL   0x100

/* Protection as software PTEs hold it; the numbers are Windows'. */
#define MM_READONLY           1
#define MM_EXECUTE            2
#define MM_EXECUTE_READ       3
#define MM_READWRITE          4
#define MM_WRITECOPY          5
#define MM_EXECUTE_READWRITE  6
#define MM_EXECUTE_WRITECOPY  7
#define MM_NOCACHE            0x08
#define MM_GUARD_PAGE         0x10 /* with one of the above */
#define MM_DECOMMIT           0x10 /* alone */
#define MM_NOACCESS           0x18
#define MM_INVALID_PROTECTION 0xFFFFFFFF

#define MM_COPY                       1 /* what makes of a writable one one for copying */
#define MiProtectionIsCopy(Protection) (((Protection)&5) == MM_WRITECOPY)
#define MiProtectionAllowsWrite(Protection)  (((Protection)&4) != 0)
#define MiProtectionAllowsAccess(Protection) (((Protection)&7) != 0 && !((Protection)&0x10))

/* protect.c: pure. MM_INVALID_PROTECTION for what PAGE_xxx does not allow. */
ULONG MiMakeProtection(ULONG Win32Protect);
ULONG MiMakeWin32Protect(ULONG Protection);
MMPTE MiMakeValidPte(ULONG Frame, ULONG Protection, ULONG Extra); /* PTE_USER or PTE_GLOBAL */
MMPTE MiMakeDemandZeroPte(ULONG Protection);
ULONG MiProtectionOfPte(MMPTE Pte); /* of a committed page's, valid or not */

#endif
