/*
 * Altitudes: the places of filters in their stack, as decimal numbers of any length, perhaps with a
 * fraction (WDK: Load Order Groups and Altitudes for Minifilter Drivers).
 */
#include "kernel/rtl/rtl.h"

/* The digits before the point, without leading zeroes, and those behind it, without trailing ones.
 * FALSE: no number. */
static BOOLEAN RtlpSplitAltitude(PCUNICODE_STRING Altitude, PUNICODE_STRING Whole,
                                 PUNICODE_STRING Fraction)
{
    USHORT Units = Altitude->Length / sizeof(WCHAR), Point = Units, End = Units, First = 0, i;

    for (i = 0; i < Units; i++) {
        if (Altitude->Buffer[i] == L'.' && Point == Units)
            Point = i;
        else if (Altitude->Buffer[i] < L'0' || Altitude->Buffer[i] > L'9')
            return FALSE;
    }
    while (First < Point && Altitude->Buffer[First] == L'0')
        First++;
    Whole->Buffer = Altitude->Buffer + First;
    Whole->Length = (USHORT)((Point - First) * sizeof(WCHAR));
    i = min(Point + 1, Units);
    while (End > i && Altitude->Buffer[End - 1] == L'0')
        End--;
    Fraction->Buffer = Altitude->Buffer + i;
    Fraction->Length = (USHORT)((End - i) * sizeof(WCHAR));
    return Units != 0;
}

BOOLEAN RtlpIsAltitude(PCUNICODE_STRING Altitude)
{
    UNICODE_STRING Whole, Fraction;

    return RtlpSplitAltitude(Altitude, &Whole, &Fraction);
}

/* Below, at or above zero, as the first altitude is below, at or above the second (WDK:
 * RtlCompareAltitudes). Both must be numbers. IRQL <= APC_LEVEL. */
LONG NTAPI RtlCompareAltitudes(PCUNICODE_STRING Altitude1, PCUNICODE_STRING Altitude2)
{
    UNICODE_STRING Whole[2], Fraction[2];
    LONG Order;

    RtlpSplitAltitude(Altitude1, &Whole[0], &Fraction[0]);
    RtlpSplitAltitude(Altitude2, &Whole[1], &Fraction[1]);
    if (Whole[0].Length != Whole[1].Length)
        return Whole[0].Length - Whole[1].Length;
    Order = RtlCompareUnicodeString(&Whole[0], &Whole[1], FALSE);
    return Order ? Order : RtlCompareUnicodeString(&Fraction[0], &Fraction[1], FALSE);
}
