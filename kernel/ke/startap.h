/* The start of further processors: what startap.S and startap.c share. */
#ifndef KERNEL_KE_STARTAP_H
#define KERNEL_KE_STARTAP_H

#include "kernel/ke/ke.h"

#define KI_START_BLOCK_OFFSET 0xF00 /* in the start-up page, behind the code */

typedef struct _KI_START_BLOCK {
    ULONG_PTR Cr3;
    PVOID StackTop;
    PKIPCR Pcr;
} KI_START_BLOCK;

extern const UCHAR KiStartupCode[], KiStartupCodeEnd[];
NORETURN VOID KiStartThisProcessor(PKIPCR Pcr);
VOID KiStartProcessors(VOID);

#endif
