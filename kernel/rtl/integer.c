/*
 * 64-bit division on a processor that divides 64 bits by 32.
 *
 * Compilers call these by themselves when code divides LONGLONGs: GCC the names that begin with two
 * underscores, Microsoft's compiler those with one, which pop their arguments (__stdcall; in C that
 * says all there is to it). What C cannot say, results in EBX:ECX, is in integer.S.
 *
 * A zero divisor ends in a DIV by zero, and so in the divide-error exception that the caller's own
 * DIV would have raised. Locks: none. IRQL: any.
 */
#include "kernel/rtl/rtl.h"

/* Divides High:Low by Divisor. High < Divisor, so that the quotient fits (SDM vol. 2A, DIV). */
static inline ULONG DivideStep(ULONG High, ULONG Low, ULONG Divisor, PULONG Remainder)
{
    ULONG Quotient;
    ASSERT(High < Divisor || Divisor == 0);
    __asm__("divl %[Divisor]"
            : "=a"(Quotient), "=d"(*Remainder)
            : [Divisor] "rm"(Divisor), "a"(Low), "d"(High)
            : "cc");
    return Quotient;
}

/* By a divisor of 32 bits: long division with two digits of 32 bits each. */
static ULONGLONG DivideByShort(ULONGLONG Dividend, ULONG Divisor, ULONGLONG *Remainder)
{
    ULONG Rest;
    ULONG High = DivideStep(0, (ULONG)(Dividend >> 32), Divisor, &Rest);
    ULONG Low = DivideStep(Rest, (ULONG)Dividend, Divisor, &Rest);
    *Remainder = Rest;
    return (ULONGLONG)High << 32 | Low;
}

/*
 * By a divisor above 32 bits: both numbers lose so many low bits that the divisor has just 32 left.
 * The quotient of what remains is the true one or one more (Warren, "Hacker's Delight", 9-5), so
 * one less is tried first, which cannot exceed the dividend.
 */
static ULONGLONG DivideByLong(ULONGLONG Dividend, ULONGLONG Divisor, ULONGLONG *Remainder)
{
    ULONG Shift = 32 - (ULONG)__builtin_clz((ULONG)(Divisor >> 32));
    ULONGLONG Shortened = Dividend >> Shift;
    ULONG Rest;
    ULONG Quotient =
        DivideStep((ULONG)(Shortened >> 32), (ULONG)Shortened, (ULONG)(Divisor >> Shift), &Rest);
    if (Quotient != 0) {
        Quotient--;
    }
    *Remainder = Dividend - Quotient * Divisor;
    if (*Remainder >= Divisor) {
        *Remainder -= Divisor;
        Quotient++;
    }
    ASSERT(*Remainder < Divisor);
    return Quotient;
}

/* Remainder may be NULL. */
ULONGLONG __udivmoddi4(ULONGLONG Dividend, ULONGLONG Divisor, ULONGLONG *Remainder)
{
    ULONGLONG Rest;
    ULONGLONG Quotient = Divisor <= MAXULONG ? DivideByShort(Dividend, (ULONG)Divisor, &Rest)
                                             : DivideByLong(Dividend, Divisor, &Rest);
    if (Remainder != NULL) {
        *Remainder = Rest;
    }
    return Quotient;
}

ULONGLONG __udivdi3(ULONGLONG Dividend, ULONGLONG Divisor)
{
    return __udivmoddi4(Dividend, Divisor, NULL);
}

ULONGLONG __umoddi3(ULONGLONG Dividend, ULONGLONG Divisor)
{
    ULONGLONG Remainder;
    __udivmoddi4(Dividend, Divisor, &Remainder);
    return Remainder;
}

/* Without the sign. As an unsigned number even the least one has its opposite. */
static ULONGLONG Magnitude(LONGLONG Value)
{
    return Value < 0 ? 0 - (ULONGLONG)Value : (ULONGLONG)Value;
}

static LONGLONG WithSign(ULONGLONG Value, BOOLEAN Negative)
{
    return (LONGLONG)(Negative ? 0 - Value : Value);
}

/* The quotient is rounded towards zero, and the remainder has the dividend's sign (C11 6.5.5). */
LONGLONG __divmoddi4(LONGLONG Dividend, LONGLONG Divisor, LONGLONG *Remainder)
{
    ULONGLONG Rest;
    ULONGLONG Quotient = __udivmoddi4(Magnitude(Dividend), Magnitude(Divisor), &Rest);
    if (Remainder != NULL) {
        *Remainder = WithSign(Rest, Dividend < 0);
    }
    return WithSign(Quotient, (Dividend < 0) != (Divisor < 0));
}

LONGLONG __divdi3(LONGLONG Dividend, LONGLONG Divisor)
{
    return __divmoddi4(Dividend, Divisor, NULL);
}

LONGLONG __moddi3(LONGLONG Dividend, LONGLONG Divisor)
{
    LONGLONG Remainder;
    __divmoddi4(Dividend, Divisor, &Remainder);
    return Remainder;
}

/* The low 64 bits of a product are the same for signed and unsigned numbers. */
LONGLONG __stdcall _allmul(LONGLONG Left, LONGLONG Right)
{
    return (LONGLONG)((ULONGLONG)Left * (ULONGLONG)Right);
}

LONGLONG __stdcall _alldiv(LONGLONG Dividend, LONGLONG Divisor)
{
    return __divdi3(Dividend, Divisor);
}

LONGLONG __stdcall _allrem(LONGLONG Dividend, LONGLONG Divisor)
{
    return __moddi3(Dividend, Divisor);
}

ULONGLONG __stdcall _aulldiv(ULONGLONG Dividend, ULONGLONG Divisor)
{
    return __udivdi3(Dividend, Divisor);
}

ULONGLONG __stdcall _aullrem(ULONGLONG Dividend, ULONGLONG Divisor)
{
    return __umoddi3(Dividend, Divisor);
}
