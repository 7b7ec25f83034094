/*
 * Upper and lower case, as far as names in the kernel need it.
 *
 * Windows maps case by a table of the whole of Unicode's first plane (l_intl.nls), one character to
 * one character, whatever the language. Here it is a short list of ranges: Latin, Greek, Cyrillic,
 * Armenian and the full-width letters; all else has no case. The list is sorted by First.
 *
 * Locks: none; constant data. IRQL: any (the WDK says PASSIVE_LEVEL, as its table is pageable).
 */
#include "kernel/nt.h"

/* Small letters from First to Last, every Step-th; adding ToUpper gives the capital. */
typedef struct _CASE_RANGE {
    WCHAR First;
    WCHAR Last;
    SHORT ToUpper;
    USHORT Step;
} CASE_RANGE;

static const CASE_RANGE CaseRanges[] = {
    {0x0061, 0x007A, -32, 1}, /* Latin: a to z */
    {0x00E0, 0x00F6, -32, 1}, /* Latin-1, up to the division sign */
    {0x00F8, 0x00FE, -32, 1}, /* ... and after it */
    {0x00FF, 0x00FF, 121, 1}, /* y with two dots, whose capital is far away */
    {0x0101, 0x012F, -1, 2},  /* Latin Extended-A: capital and small letters in turn, */
    {0x0133, 0x0137, -1, 2},  /* ... without the Turkish i's, */
    {0x013A, 0x0148, -1, 2},  /* ... here the small ones are even, */
    {0x014B, 0x0177, -1, 2},  /* ... odd, */
    {0x017A, 0x017E, -1, 2},  /* ... and even */
    {0x03AC, 0x03AC, -38, 1}, /* Greek: alpha with accent */
    {0x03AD, 0x03AF, -37, 1}, /* epsilon, eta, iota with accent */
    {0x03B1, 0x03C1, -32, 1}, /* alpha to rho */
    {0x03C3, 0x03CB, -32, 1}, /* sigma onwards; the final sigma has no capital of its own */
    {0x03CC, 0x03CC, -64, 1}, /* omicron with accent */
    {0x03CD, 0x03CE, -63, 1}, /* upsilon, omega with accent */
    {0x0430, 0x044F, -32, 1}, /* Cyrillic: the Russian alphabet */
    {0x0450, 0x045F, -80, 1}, /* ... letters of other languages */
    {0x0461, 0x0481, -1, 2},  /* ... and old ones */
    {0x0561, 0x0586, -48, 1}, /* Armenian */
    {0xFF41, 0xFF5A, -32, 1}, /* full-width Latin */
};

static BOOLEAN CaseInRange(const CASE_RANGE *Range, WCHAR Small)
{
    return Small >= Range->First && Small <= Range->Last &&
           (Small - Range->First) % Range->Step == 0;
}

WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR SourceCharacter)
{
    for (ULONG i = 0; i < RTL_NUMBER_OF(CaseRanges); i++) {
        if (SourceCharacter < CaseRanges[i].First) {
            break;
        }
        if (CaseInRange(&CaseRanges[i], SourceCharacter)) {
            return (WCHAR)(SourceCharacter + CaseRanges[i].ToUpper);
        }
    }
    return SourceCharacter;
}

WCHAR NTAPI RtlDowncaseUnicodeChar(WCHAR SourceCharacter)
{
    for (ULONG i = 0; i < RTL_NUMBER_OF(CaseRanges); i++) {
        WCHAR Small = (WCHAR)(SourceCharacter - CaseRanges[i].ToUpper);
        if (CaseInRange(&CaseRanges[i], Small)) {
            return Small;
        }
    }
    return SourceCharacter;
}

/* ANSI characters are the first 256 of Unicode here; a capital beyond them does not count. */
CHAR NTAPI RtlUpperChar(CHAR Character)
{
    WCHAR Capital = RtlUpcaseUnicodeChar((UCHAR)Character);
    return Capital <= 0xFF ? (CHAR)Capital : Character;
}
