/*
 * What a floating-point exception is called: its NTSTATUS, by the registers that tell its cause.
 * Nothing here touches a register, so it is tested on the host (tests/unit/test_npx.c).
 */
#include "kernel/ke/npx.h"

/* Bits of the status word, of the control word's mask, and of MXCSR's flags: the same six (Intel
 * SDM vol. 1, 8.1.3, 8.1.5 and 10.2.3). */
#define FLOAT_INVALID   0x01
#define FLOAT_DENORMAL  0x02
#define FLOAT_ZERO      0x04
#define FLOAT_OVERFLOW  0x08
#define FLOAT_UNDERFLOW 0x10
#define FLOAT_INEXACT   0x20
#define FLOAT_ALL       0x3F

#define X87_STACK_FAULT  0x40 /* in the status word: the invalid operation was one of the stack */
#define MXCSR_MASK_SHIFT 7

/*
 * An x87 exception: the first that is flagged and not masked, in the order in which the processor
 * detects them (Intel SDM vol. 1, 4.9.2).
 */
NTSTATUS KiStatusOfX87(USHORT StatusWord, USHORT ControlWord)
{
    ULONG Causes = StatusWord & ~ControlWord & FLOAT_ALL;

    if (Causes & FLOAT_INVALID)
        return StatusWord & X87_STACK_FAULT ? STATUS_FLOAT_STACK_CHECK
                                            : STATUS_FLOAT_INVALID_OPERATION;
    if (Causes & FLOAT_ZERO)
        return STATUS_FLOAT_DIVIDE_BY_ZERO;
    if (Causes & FLOAT_DENORMAL)
        return STATUS_FLOAT_DENORMAL_OPERAND;
    if (Causes & FLOAT_OVERFLOW)
        return STATUS_FLOAT_OVERFLOW;
    if (Causes & FLOAT_UNDERFLOW)
        return STATUS_FLOAT_UNDERFLOW;
    if (Causes & FLOAT_INEXACT)
        return STATUS_FLOAT_INEXACT_RESULT;
    return STATUS_FLOAT_INVALID_OPERATION;
}

/*
 * An SSE exception. One instruction computes up to four results, so there may be several causes,
 * and 32-bit Windows has just two names for them: TRAPS for what is wrong with an operand, which is
 * found before anything is computed, and FAULTS for what is wrong with a result.
 */
NTSTATUS KiStatusOfSimd(ULONG MxCsr)
{
    ULONG Causes = MxCsr & ~(MxCsr >> MXCSR_MASK_SHIFT) & FLOAT_ALL;

    return Causes & (FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_ZERO) ? STATUS_FLOAT_MULTIPLE_TRAPS
                                                                  : STATUS_FLOAT_MULTIPLE_FAULTS;
}
