/*
 * Arithmetic on LARGE_INTEGER, and bytes in the opposite order: what older drivers import, though
 * compilers have long known how to do it. Where the headers give an inline function or a macro, the
 * routine is called Rtlp... here and exported by its own name (kernel/exports/ntoskrnl.def).
 *
 * Locks: none. IRQL: any.
 */
#include "kernel/rtl/rtl.h"

static LARGE_INTEGER Large(LONGLONG Value)
{
    return (LARGE_INTEGER){.QuadPart = Value};
}

LARGE_INTEGER NTAPI RtlpConvertLongToLargeInteger(LONG SignedInteger)
{
    return Large(SignedInteger);
}

LARGE_INTEGER NTAPI RtlpConvertUlongToLargeInteger(ULONG UnsignedInteger)
{
    return Large(UnsignedInteger);
}

LARGE_INTEGER NTAPI RtlpEnlargedIntegerMultiply(LONG Multiplicand, LONG Multiplier)
{
    return Large((LONGLONG)Multiplicand * Multiplier);
}

LARGE_INTEGER NTAPI RtlpEnlargedUnsignedMultiply(ULONG Multiplicand, ULONG Multiplier)
{
    return Large((LONGLONG)((ULONGLONG)Multiplicand * Multiplier));
}

/* Remainder may be NULL here and below. */
ULONG NTAPI RtlpEnlargedUnsignedDivide(ULARGE_INTEGER Dividend, ULONG Divisor, PULONG Remainder)
{
    ULONGLONG Quotient = Dividend.QuadPart / Divisor;
    if (Remainder != NULL) {
        *Remainder = (ULONG)(Dividend.QuadPart - Quotient * Divisor);
    }
    return (ULONG)Quotient;
}

LARGE_INTEGER NTAPI RtlpLargeIntegerAdd(LARGE_INTEGER Addend1, LARGE_INTEGER Addend2)
{
    return Large((LONGLONG)((ULONGLONG)Addend1.QuadPart + (ULONGLONG)Addend2.QuadPart));
}

LARGE_INTEGER NTAPI RtlpLargeIntegerSubtract(LARGE_INTEGER Minuend, LARGE_INTEGER Subtrahend)
{
    return Large((LONGLONG)((ULONGLONG)Minuend.QuadPart - (ULONGLONG)Subtrahend.QuadPart));
}

LARGE_INTEGER NTAPI RtlpLargeIntegerNegate(LARGE_INTEGER Subtrahend)
{
    return Large((LONGLONG)(0 - (ULONGLONG)Subtrahend.QuadPart));
}

/* Counts of 64 and more begin anew at 0, as the processor's shifts do. */
LARGE_INTEGER NTAPI RtlpLargeIntegerShiftLeft(LARGE_INTEGER LargeInteger, CCHAR ShiftCount)
{
    return Large((LONGLONG)((ULONGLONG)LargeInteger.QuadPart << (ShiftCount & 63)));
}

LARGE_INTEGER NTAPI RtlpLargeIntegerShiftRight(LARGE_INTEGER LargeInteger, CCHAR ShiftCount)
{
    return Large((LONGLONG)((ULONGLONG)LargeInteger.QuadPart >> (ShiftCount & 63)));
}

LARGE_INTEGER NTAPI RtlpLargeIntegerArithmeticShift(LARGE_INTEGER LargeInteger, CCHAR ShiftCount)
{
    return Large(LargeInteger.QuadPart >> (ShiftCount & 63));
}

LARGE_INTEGER NTAPI RtlExtendedIntegerMultiply(LARGE_INTEGER Multiplicand, LONG Multiplier)
{
    return Large((LONGLONG)((ULONGLONG)Multiplicand.QuadPart * (ULONGLONG)(LONGLONG)Multiplier));
}

/* Without signs. */
LARGE_INTEGER NTAPI RtlExtendedLargeIntegerDivide(LARGE_INTEGER Dividend, ULONG Divisor,
                                                  PULONG Remainder)
{
    ULONGLONG Quotient = (ULONGLONG)Dividend.QuadPart / Divisor;
    if (Remainder != NULL) {
        *Remainder = (ULONG)((ULONGLONG)Dividend.QuadPart - Quotient * Divisor);
    }
    return Large((LONGLONG)Quotient);
}

LARGE_INTEGER NTAPI RtlLargeIntegerDivide(LARGE_INTEGER Dividend, LARGE_INTEGER Divisor,
                                          PLARGE_INTEGER Remainder)
{
    if (Remainder != NULL) {
        Remainder->QuadPart = Dividend.QuadPart % Divisor.QuadPart;
    }
    return Large(Dividend.QuadPart / Divisor.QuadPart);
}

/* The high 64 bits of a product of 128. */
static ULONGLONG MultiplyHigh(ULONGLONG Left, ULONGLONG Right)
{
    ULONGLONG LeftLow = (ULONG)Left, LeftHigh = Left >> 32;
    ULONGLONG RightLow = (ULONG)Right, RightHigh = Right >> 32;
    ULONGLONG Middle = LeftHigh * RightLow + (LeftLow * RightLow >> 32);
    ULONGLONG Other = LeftLow * RightHigh + (ULONG)Middle;
    return LeftHigh * RightHigh + (Middle >> 32) + (Other >> 32);
}

/* Division by a constant: the high half of the product with its reciprocal, shifted. */
LARGE_INTEGER NTAPI RtlExtendedMagicDivide(LARGE_INTEGER Dividend, LARGE_INTEGER MagicDivisor,
                                           CCHAR ShiftCount)
{
    BOOLEAN Negative = Dividend.QuadPart < 0;
    ULONGLONG Magnitude = (ULONGLONG)Dividend.QuadPart;
    Magnitude = Negative ? 0 - Magnitude : Magnitude;
    ULONGLONG Quotient = MultiplyHigh(Magnitude, (ULONGLONG)MagicDivisor.QuadPart);
    Quotient >>= ShiftCount & 63;
    return Large((LONGLONG)(Negative ? 0 - Quotient : Quotient));
}

USHORT FASTCALL RtlpUshortByteSwap(USHORT Source)
{
    return __builtin_bswap16(Source);
}

ULONG FASTCALL RtlpUlongByteSwap(ULONG Source)
{
    return __builtin_bswap32(Source);
}

ULONGLONG FASTCALL RtlpUlonglongByteSwap(ULONGLONG Source)
{
    return __builtin_bswap64(Source);
}
