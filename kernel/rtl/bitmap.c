/*
 * Bitmaps: RTL_BITMAP, an array of 32-bit words that the caller owns (WDK, "RtlInitializeBitMap").
 *
 * Bit i is bit (i % 32) of word (i / 32). The last word may hold bits beyond the map's size; they
 * are skipped when searching and counting, whatever they are. Everything that searches is made of
 * one step, NextBit: where is the next bit of this value?
 *
 * Locks: none; callers that share a bitmap guard it themselves. IRQL: any at which the words may be
 * touched.
 */
#include "kernel/nt.h"

#define WORD_BITS 32u
#define NOT_FOUND 0xFFFFFFFF /* what the searches return */

VOID NTAPI RtlInitializeBitMap(PRTL_BITMAP BitMapHeader, PULONG BitMapBuffer, ULONG SizeOfBitMap)
{
    ASSERT(((ULONG_PTR)BitMapBuffer & 3) == 0);
    BitMapHeader->SizeOfBitMap = SizeOfBitMap;
    BitMapHeader->Buffer = BitMapBuffer;
}

/*
 * The index of the first bit from From on, before End, whose value is Set; End if there is none.
 * End is at most the map's size: no more is looked at than need be.
 */
static ULONG NextBitBefore(const RTL_BITMAP *Map, ULONG From, ULONG End, BOOLEAN Set)
{
    if (From >= End) {
        return End;
    }
    ULONG Flip = Set ? 0 : MAXULONG;
    ULONG Word = From / WORD_BITS;
    ULONG Last = (End - 1) / WORD_BITS;
    ULONG Bits = (Map->Buffer[Word] ^ Flip) & (MAXULONG << From % WORD_BITS);
    while (Bits == 0) {
        if (Word == Last) {
            return End;
        }
        Bits = Map->Buffer[++Word] ^ Flip;
    }
    return min(Word * WORD_BITS + (ULONG)__builtin_ctz(Bits), End);
}

static ULONG NextBit(const RTL_BITMAP *Map, ULONG From, BOOLEAN Set)
{
    return NextBitBefore(Map, From, Map->SizeOfBitMap, Set);
}

/* Number of words; written so that it does not overflow. */
static ULONG WordCount(const RTL_BITMAP *Map)
{
    return Map->SizeOfBitMap / WORD_BITS + (Map->SizeOfBitMap % WORD_BITS != 0);
}

static BOOLEAN RangeIsInside(const RTL_BITMAP *Map, ULONG Start, ULONG Length)
{
    return Start <= Map->SizeOfBitMap && Length <= Map->SizeOfBitMap - Start;
}

/* Gives Length bits from Start a value, a word at a time: Mask is the range's part of the word. */
static VOID WriteBits(PRTL_BITMAP Map, ULONG Start, ULONG Length, BOOLEAN Set)
{
    ASSERT(RangeIsInside(Map, Start, Length));
    while (Length != 0) {
        ULONG Shift = Start % WORD_BITS;
        ULONG Count = min(Length, WORD_BITS - Shift);
        ULONG Mask = (MAXULONG >> (WORD_BITS - Count)) << Shift;
        if (Set) {
            Map->Buffer[Start / WORD_BITS] |= Mask;
        } else {
            Map->Buffer[Start / WORD_BITS] &= ~Mask;
        }
        Start += Count;
        Length -= Count;
    }
}

VOID NTAPI RtlSetBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToSet)
{
    WriteBits(BitMapHeader, StartingIndex, NumberToSet, TRUE);
}

VOID NTAPI RtlClearBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToClear)
{
    WriteBits(BitMapHeader, StartingIndex, NumberToClear, FALSE);
}

VOID NTAPI RtlSetBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    WriteBits(BitMapHeader, BitNumber, 1, TRUE);
}

VOID NTAPI RtlClearBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    WriteBits(BitMapHeader, BitNumber, 1, FALSE);
}

BOOLEAN NTAPI RtlTestBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    ASSERT(BitNumber < BitMapHeader->SizeOfBitMap);
    return (BitMapHeader->Buffer[BitNumber / WORD_BITS] >> BitNumber % WORD_BITS) & 1;
}

VOID NTAPI RtlSetAllBits(PRTL_BITMAP BitMapHeader)
{
    RtlFillMemory(BitMapHeader->Buffer, WordCount(BitMapHeader) * sizeof(ULONG), 0xFF);
}

VOID NTAPI RtlClearAllBits(PRTL_BITMAP BitMapHeader)
{
    RtlZeroMemory(BitMapHeader->Buffer, WordCount(BitMapHeader) * sizeof(ULONG));
}

/* FALSE also for an empty range, and one that is not inside the map (WDK, "RtlAreBitsClear"). */
static BOOLEAN AreBits(const RTL_BITMAP *Map, ULONG Start, ULONG Length, BOOLEAN Set)
{
    if (Length == 0 || !RangeIsInside(Map, Start, Length)) {
        return FALSE;
    }
    return NextBitBefore(Map, Start, Start + Length, !Set) == Start + Length;
}

BOOLEAN NTAPI RtlAreBitsClear(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    return AreBits(BitMapHeader, StartingIndex, Length, FALSE);
}

BOOLEAN NTAPI RtlAreBitsSet(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    return AreBits(BitMapHeader, StartingIndex, Length, TRUE);
}

/* Bits set in a word: sums of pairs, of fours, of bytes, and the multiplication adds the bytes. */
ULONG NTAPI RtlNumberOfSetBitsUlongPtr(ULONG_PTR Target)
{
    ULONG Bits = (ULONG)Target;
    Bits -= (Bits >> 1) & 0x55555555;
    Bits = (Bits & 0x33333333) + ((Bits >> 2) & 0x33333333);
    Bits = (Bits + (Bits >> 4)) & 0x0F0F0F0F;
    return (Bits * 0x01010101) >> 24;
}

ULONG NTAPI RtlNumberOfSetBits(PRTL_BITMAP BitMapHeader)
{
    ULONG Count = 0;
    ULONG Whole = BitMapHeader->SizeOfBitMap / WORD_BITS;
    ULONG Rest = BitMapHeader->SizeOfBitMap % WORD_BITS;
    for (ULONG i = 0; i < Whole; i++) {
        Count += RtlNumberOfSetBitsUlongPtr(BitMapHeader->Buffer[i]);
    }
    if (Rest != 0) {
        Count += RtlNumberOfSetBitsUlongPtr(BitMapHeader->Buffer[Whole] & ((1u << Rest) - 1));
    }
    return Count;
}

ULONG NTAPI RtlNumberOfClearBits(PRTL_BITMAP BitMapHeader)
{
    return BitMapHeader->SizeOfBitMap - RtlNumberOfSetBits(BitMapHeader);
}

/* The first run of at least Length bits that begins at or after From and before End. */
static ULONG FindRun(const RTL_BITMAP *Map, ULONG From, ULONG End, ULONG Length, BOOLEAN Set)
{
    for (;;) {
        ULONG Start = NextBitBefore(Map, From, End, Set);
        if (Start >= End || Length > Map->SizeOfBitMap - Start) {
            return NOT_FOUND;
        }
        From = NextBitBefore(Map, Start, Start + Length, !Set);
        if (From - Start >= Length) {
            return Start;
        }
    }
}

/*
 * From the hint to the end, then from the beginning up to the hint; a hint beyond the map means its
 * beginning (WDK, "RtlFindClearBits"). A search for no bits ends where it starts.
 */
static ULONG FindBits(const RTL_BITMAP *Map, ULONG Length, ULONG Hint, BOOLEAN Set)
{
    Hint = Hint < Map->SizeOfBitMap ? Hint : 0;
    if (Length == 0) {
        return Hint;
    }
    ULONG Start = FindRun(Map, Hint, Map->SizeOfBitMap, Length, Set);
    if (Start == NOT_FOUND) {
        Start = FindRun(Map, 0, Hint, Length, Set);
    }
    return Start;
}

ULONG NTAPI RtlFindClearBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    return FindBits(BitMapHeader, NumberToFind, HintIndex, FALSE);
}

ULONG NTAPI RtlFindSetBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    return FindBits(BitMapHeader, NumberToFind, HintIndex, TRUE);
}

ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    ULONG Start = FindBits(BitMapHeader, NumberToFind, HintIndex, FALSE);
    if (Start != NOT_FOUND) {
        ASSERT(NumberToFind == 0 || AreBits(BitMapHeader, Start, NumberToFind, FALSE));
        WriteBits(BitMapHeader, Start, NumberToFind, TRUE);
    }
    return Start;
}

ULONG NTAPI RtlFindSetBitsAndClear(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    ULONG Start = FindBits(BitMapHeader, NumberToFind, HintIndex, TRUE);
    if (Start != NOT_FOUND) {
        ASSERT(NumberToFind == 0 || AreBits(BitMapHeader, Start, NumberToFind, TRUE));
        WriteBits(BitMapHeader, Start, NumberToFind, FALSE);
    }
    return Start;
}

/* The length and place of the next run of clear bits at or after FromIndex; length 0 if none. */
ULONG NTAPI RtlFindNextForwardRunClear(PRTL_BITMAP BitMapHeader, ULONG FromIndex,
                                       PULONG StartingRunIndex)
{
    ULONG Start = NextBit(BitMapHeader, FromIndex, FALSE);
    *StartingRunIndex = Start;
    return NextBit(BitMapHeader, Start, TRUE) - Start;
}

ULONG NTAPI RtlFindFirstRunClear(PRTL_BITMAP BitMapHeader, PULONG StartingIndex)
{
    return RtlFindNextForwardRunClear(BitMapHeader, 0, StartingIndex);
}

/* The run of clear bits that ends at FromIndex or is the last before it; length 0 if none. */
ULONG NTAPI RtlFindLastBackwardRunClear(PRTL_BITMAP BitMapHeader, ULONG FromIndex,
                                        PULONG StartingRunIndex)
{
    ULONG End =
        BitMapHeader->SizeOfBitMap != 0 ? min(FromIndex, BitMapHeader->SizeOfBitMap - 1) : 0;
    *StartingRunIndex = FromIndex;
    if (BitMapHeader->SizeOfBitMap == 0) {
        return 0;
    }
    while (RtlTestBit(BitMapHeader, End)) {
        if (End-- == 0) {
            return 0;
        }
    }
    ULONG Start = End;
    while (Start != 0 && !RtlTestBit(BitMapHeader, Start - 1)) {
        Start--;
    }
    *StartingRunIndex = Start;
    return End - Start + 1;
}

/*
 * Puts a run among the longest found so far, which stand longest first; of two equal ones the
 * earlier stays in front. The last falls out when the array is full.
 */
static ULONG InsertRun(PRTL_BITMAP_RUN Runs, ULONG Count, ULONG Capacity, RTL_BITMAP_RUN Run)
{
    ULONG Place = Count;
    while (Place > 0 && Runs[Place - 1].NumberOfBits < Run.NumberOfBits) {
        Place--;
    }
    if (Place == Capacity) {
        return Count;
    }
    ULONG Last = Count < Capacity ? Count : Capacity - 1;
    for (ULONG i = Last; i > Place; i--) {
        Runs[i] = Runs[i - 1];
    }
    Runs[Place] = Run;
    return Last + 1;
}

/* Fills RunArray with the first runs of clear bits, or the longest; returns how many. */
ULONG NTAPI RtlFindClearRuns(PRTL_BITMAP BitMapHeader, PRTL_BITMAP_RUN RunArray,
                             ULONG SizeOfRunArray, BOOLEAN LocateLongestRuns)
{
    ULONG Count = 0;
    ULONG From = 0;
    RTL_BITMAP_RUN Run;
    while (LocateLongestRuns || Count < SizeOfRunArray) {
        Run.NumberOfBits = RtlFindNextForwardRunClear(BitMapHeader, From, &Run.StartingIndex);
        if (Run.NumberOfBits == 0) {
            break;
        }
        if (LocateLongestRuns) {
            Count = InsertRun(RunArray, Count, SizeOfRunArray, Run);
        } else {
            RunArray[Count++] = Run;
        }
        From = Run.StartingIndex + Run.NumberOfBits;
    }
    return Count;
}

ULONG NTAPI RtlFindLongestRunClear(PRTL_BITMAP BitMapHeader, PULONG StartingIndex)
{
    RTL_BITMAP_RUN Run = {0, 0};
    RtlFindClearRuns(BitMapHeader, &Run, 1, TRUE);
    *StartingIndex = Run.StartingIndex;
    return Run.NumberOfBits;
}

/* The number of the highest set bit, or -1 if none is set. */
CCHAR NTAPI RtlFindMostSignificantBit(ULONGLONG Set)
{
    ULONG High = (ULONG)(Set >> 32);
    ULONG Low = (ULONG)Set;
    if (High != 0) {
        return (CCHAR)(63 - __builtin_clz(High));
    }
    return Low != 0 ? (CCHAR)(31 - __builtin_clz(Low)) : -1;
}

/* The number of the lowest set bit, or -1 if none is set. */
CCHAR NTAPI RtlFindLeastSignificantBit(ULONGLONG Set)
{
    ULONG High = (ULONG)(Set >> 32);
    ULONG Low = (ULONG)Set;
    if (Low != 0) {
        return (CCHAR)__builtin_ctz(Low);
    }
    return High != 0 ? (CCHAR)(32 + __builtin_ctz(High)) : -1;
}
