/*
 * The C library's sorting, numbers and multi-byte characters, as the kernel of Windows exports
 * them. Multi-byte characters are Latin-1, one byte each (convert.c).
 *
 * Locks: none. rand's number is shared by all and not guarded: what two callers at once lose by it
 * is a number that nobody could have predicted anyway. IRQL: any.
 * Source: C11 sections 7.22 and 7.29; "C Run-Time Library Reference" for what begins with '_'.
 */
#include "kernel/rtl/rtl.h"

typedef int(__cdecl *COMPARE)(const void *, const void *);

static void ExchangeBytes(char *Left, char *Right, size_t Size)
{
    for (; Size > 0; Size--, Left++, Right++) {
        char Byte = *Left;
        *Left = *Right;
        *Right = Byte;
    }
}

/* Lets the element Root sink below greater ones: afterwards each is at least both of its children,
 * which are those at 2i + 1 and 2i + 2. */
static void SiftDown(char *Base, size_t Root, size_t Count, size_t Size, COMPARE Compare)
{
    for (;;) {
        size_t Greatest = Root;
        for (size_t Child = 2 * Root + 1; Child <= 2 * Root + 2 && Child < Count; Child++) {
            if (Compare(Base + Child * Size, Base + Greatest * Size) > 0) {
                Greatest = Child;
            }
        }
        if (Greatest == Root) {
            return;
        }
        ExchangeBytes(Base + Root * Size, Base + Greatest * Size, Size);
        Root = Greatest;
    }
}

/* Heapsort: no recursion, for a kernel stack is small, and no worst case. */
void __cdecl qsort(void *Base, size_t Count, size_t Size, COMPARE Compare)
{
    for (size_t i = Count / 2; i-- > 0;) {
        SiftDown(Base, i, Count, Size, Compare);
    }
    for (size_t Left = Count; Left > 1; Left--) {
        ExchangeBytes(Base, (char *)Base + (Left - 1) * Size, Size);
        SiftDown(Base, 0, Left - 1, Size, Compare);
    }
}

void *__cdecl bsearch(const void *Key, const void *Base, size_t Count, size_t Size, COMPARE Compare)
{
    while (Count > 0) {
        const char *Middle = (const char *)Base + Count / 2 * Size;
        int Order = Compare(Key, Middle);
        if (Order == 0) {
            return (void *)Middle;
        }
        if (Order > 0) {
            Base = Middle + Size;
            Count--;
        }
        Count /= 2;
    }
    return NULL;
}

static ULONG RandomSeed = 1;

void __cdecl srand(unsigned int Seed)
{
    RandomSeed = Seed;
}

/* 0 to 32767. */
int __cdecl rand(void)
{
    ULONG Seed = RandomSeed;
    int Number = (int)(RtlRandomEx(&Seed) >> 16);
    RandomSeed = Seed;
    return Number;
}

/* The digits of a number, the last one at the end of the array; returns the place of the first. */
static ULONG MakeDigits(int Value, int Radix, char Digits[34])
{
    BOOLEAN Negative = Radix == 10 && Value < 0;
    ULONG Rest = Negative ? 0 - (ULONG)Value : (ULONG)Value;
    ULONG Place = 33;
    Digits[Place] = '\0';
    do {
        Digits[--Place] = "0123456789abcdefghijklmnopqrstuvwxyz"[Rest % (ULONG)Radix];
        Rest /= (ULONG)Radix;
    } while (Rest != 0);
    if (Negative) {
        Digits[--Place] = '-';
    }
    return Place;
}

/* A sign to base 10 only; an empty string for a base that there is not (2 to 36). */
char *__cdecl _itoa(int Value, char *Buffer, int Radix)
{
    char Digits[34];
    *Buffer = '\0';
    return Radix < 2 || Radix > 36 ? Buffer
                                   : strcpy(Buffer, Digits + MakeDigits(Value, Radix, Digits));
}

wchar_t *__cdecl _itow(int Value, wchar_t *Buffer, int Radix)
{
    char Digits[34];
    _itoa(Value, Digits, Radix);
    mbstowcs(Buffer, Digits, sizeof(Digits));
    return Buffer;
}

long __cdecl atol(const char *String)
{
    return atoi(String);
}

int __cdecl mbtowc(wchar_t *__restrict__ Character, const char *__restrict__ Source, size_t Count)
{
    if (Source == NULL || Count == 0) {
        return Source == NULL ? 0 : -1;
    }
    if (Character != NULL) {
        *Character = (unsigned char)*Source;
    }
    return *Source != '\0';
}

/* -1: the character is not one of Latin-1. */
int __cdecl wctomb(char *Bytes, wchar_t Character)
{
    if (Bytes == NULL) {
        return 0;
    }
    if (Character > 0xFF) {
        return -1;
    }
    *Bytes = (char)Character;
    return 1;
}

/* Characters without the terminator, which is written if there is room. NULL: how many it takes. */
size_t __cdecl mbstowcs(wchar_t *__restrict__ Destination, const char *__restrict__ Source,
                        size_t Count)
{
    size_t Done = 0;
    for (; Destination == NULL || Done < Count; Done++) {
        if (Destination != NULL) {
            Destination[Done] = (unsigned char)Source[Done];
        }
        if (Source[Done] == '\0') {
            break;
        }
    }
    return Done;
}

/* The same; (size_t)-1 for a character that is not one of Latin-1. */
size_t __cdecl wcstombs(char *__restrict__ Destination, const wchar_t *__restrict__ Source,
                        size_t Count)
{
    size_t Done = 0;
    for (; Destination == NULL || Done < Count; Done++) {
        char Byte;
        if (wctomb(&Byte, Source[Done]) < 0) {
            return (size_t)-1;
        }
        if (Destination != NULL) {
            Destination[Done] = Byte;
        }
        if (Byte == '\0') {
            break;
        }
    }
    return Done;
}
