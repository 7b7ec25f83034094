/*
 * Which status a floating-point exception gets: one for each cause that is flagged and not masked.
 */
#include "kernel/nt.h"
#include "kernel/ke/npx.h"
#include "unit.h"

#define X87_ALL_MASKED 0x037F
#define SSE_ALL_MASKED 0x1F80

static const struct {
    ULONG Flag;
    NTSTATUS X87;
    NTSTATUS Simd;
} Causes[] = {
    {0x01, STATUS_FLOAT_INVALID_OPERATION, STATUS_FLOAT_MULTIPLE_TRAPS},
    {0x02, STATUS_FLOAT_DENORMAL_OPERAND, STATUS_FLOAT_MULTIPLE_TRAPS},
    {0x04, STATUS_FLOAT_DIVIDE_BY_ZERO, STATUS_FLOAT_MULTIPLE_TRAPS},
    {0x08, STATUS_FLOAT_OVERFLOW, STATUS_FLOAT_MULTIPLE_FAULTS},
    {0x10, STATUS_FLOAT_UNDERFLOW, STATUS_FLOAT_MULTIPLE_FAULTS},
    {0x20, STATUS_FLOAT_INEXACT_RESULT, STATUS_FLOAT_MULTIPLE_FAULTS},
};

static void EachCauseHasItsStatus(void)
{
    ULONG i;

    for (i = 0; i < sizeof Causes / sizeof Causes[0]; i++) {
        ULONG Flag = Causes[i].Flag;
        CHECK(KiStatusOfX87((USHORT)Flag, (USHORT)(X87_ALL_MASKED & ~Flag)) == Causes[i].X87);
        CHECK(KiStatusOfSimd((SSE_ALL_MASKED & ~(Flag << 7)) | Flag) == Causes[i].Simd);
    }
}

static void MaskedCausesDoNotCount(void)
{
    ULONG i;

    for (i = 0; i < sizeof Causes / sizeof Causes[0]; i++) {
        ULONG Flag = Causes[i].Flag;
        CHECK(KiStatusOfX87(0x3F, (USHORT)(X87_ALL_MASKED & ~Flag)) == Causes[i].X87);
        CHECK(KiStatusOfSimd((SSE_ALL_MASKED & ~(Flag << 7)) | 0x3F) == Causes[i].Simd);
    }
}

static void AStackFaultIsAnInvalidOperation(void)
{
    CHECK(KiStatusOfX87(0x41, X87_ALL_MASKED & ~0x01) == STATUS_FLOAT_STACK_CHECK);
    CHECK(KiStatusOfX87(0x45, X87_ALL_MASKED & ~0x04) == STATUS_FLOAT_DIVIDE_BY_ZERO);
}

static void TheFirstDetectedCounts(void)
{
    CHECK(KiStatusOfX87(0x3F, X87_ALL_MASKED & ~0x3F) == STATUS_FLOAT_INVALID_OPERATION);
    CHECK(KiStatusOfX87(0x3E, X87_ALL_MASKED & ~0x3F) == STATUS_FLOAT_DIVIDE_BY_ZERO);
    CHECK(KiStatusOfX87(0x3A, X87_ALL_MASKED & ~0x3F) == STATUS_FLOAT_DENORMAL_OPERAND);
    CHECK(KiStatusOfX87(0x38, X87_ALL_MASKED & ~0x3F) == STATUS_FLOAT_OVERFLOW);
    CHECK(KiStatusOfX87(0x30, X87_ALL_MASKED & ~0x3F) == STATUS_FLOAT_UNDERFLOW);
    CHECK(KiStatusOfSimd(0x3F) == STATUS_FLOAT_MULTIPLE_TRAPS);
}

int main(void)
{
    RUN(EachCauseHasItsStatus);
    RUN(MaskedCausesDoNotCount);
    RUN(AStackFaultIsAnInvalidOperation);
    RUN(TheFirstDetectedCounts);
    printf("%u checks\n", UnitChecks);
    return 0;
}
