/*
 * Formatted print: the _vsnprintf family, for DbgPrint, for the kernel's messages and for drivers.
 *
 * The rules are Microsoft's ("Format specification syntax: printf and wprintf functions", C
 * run-time library reference; WDK, "DbgPrint"), which differ from standard C where it matters: %S
 * is a string of the other width, %Z and %wZ are counted strings, %I64d is a 64-bit number, %p has
 * eight digits, and output that does not fit returns -1 and leaves no terminator. Floating point is
 * not printed, as in Windows' kernel; its argument is stepped over, so that those after it come out
 * right.
 *
 * One engine serves both widths: the format's and the output's are the same, and each text argument
 * has its own. All that is known while printing is in one PRINT on the stack, so there is no state
 * and no lock. IRQL: any at which format, arguments and buffer may be touched.
 */
#include "kernel/rtl/rtl.h"

/* How large an integer argument is. */
typedef enum _PRINT_SIZE {
    PrintChar, /* hh */
    PrintShort,
    PrintLong,     /* the default too: int and long are both 32 bits */
    PrintLongLong, /* ll, I64 */
} PRINT_SIZE;

/* How wide a text argument's characters are. */
typedef enum _PRINT_WIDTH {
    PrintWidthDefault, /* by the letter of the conversion */
    PrintNarrow,       /* h */
    PrintWide,         /* l, w */
} PRINT_WIDTH;

typedef struct _PRINT {
    /* the output; Length goes on counting beyond Capacity */
    PVOID Buffer;
    SIZE_T Capacity; /* characters */
    SIZE_T Length;
    BOOLEAN Wide; /* 16-bit characters in format and output */

    const VOID *Format; /* the next character */
    va_list Arguments;

    /* the conversion being worked on: %[flags][width][.precision][size]letter */
    BOOLEAN Left;      /* - */
    BOOLEAN Zero;      /* 0 */
    BOOLEAN Alternate; /* # */
    CHAR Sign;         /* what stands before a number that is not negative: '+', ' ' or 0 */
    LONG Width;
    LONG Precision; /* -1 if not given */
    PRINT_SIZE Size;
    PRINT_WIDTH TextWidth;
} PRINT, *PPRINT;

/* A wide character that the narrow output has no code for becomes a question mark. */
static VOID PrintCharacter(PPRINT Print, WCHAR C)
{
    if (Print->Length < Print->Capacity) {
        if (Print->Wide) {
            ((PWCHAR)Print->Buffer)[Print->Length] = C;
        } else {
            ((PCHAR)Print->Buffer)[Print->Length] = C <= 0xFF ? (CHAR)C : '?';
        }
    }
    Print->Length++;
}

static VOID PrintRepeated(PPRINT Print, WCHAR C, LONG Count)
{
    for (; Count > 0; Count--) {
        PrintCharacter(Print, C);
    }
}

static WCHAR TextCharacter(const VOID *Text, BOOLEAN Wide, SIZE_T Index)
{
    return Wide ? ((PCWSTR)Text)[Index] : ((const UCHAR *)Text)[Index];
}

static WCHAR FormatCharacter(PPRINT Print)
{
    return TextCharacter(Print->Format, Print->Wide, 0);
}

static VOID FormatAdvance(PPRINT Print, ULONG Count)
{
    Print->Format = (PUCHAR)Print->Format + Count * (Print->Wide ? sizeof(WCHAR) : sizeof(CHAR));
}

/* Steps over C if it is the next character. */
static BOOLEAN FormatAccept(PPRINT Print, WCHAR C)
{
    if (FormatCharacter(Print) != C) {
        return FALSE;
    }
    FormatAdvance(Print, 1);
    return TRUE;
}

/* Prints a text in its field. Text of given length need not be terminated. */
static VOID PrintText(PPRINT Print, const VOID *Text, BOOLEAN Wide, LONG Length)
{
    LONG Padding = Print->Width - Length;
    if (!Print->Left) {
        PrintRepeated(Print, Print->Zero ? '0' : ' ', Padding);
    }
    for (LONG i = 0; i < Length; i++) {
        PrintCharacter(Print, TextCharacter(Text, Wide, (SIZE_T)i));
    }
    if (Print->Left) {
        PrintRepeated(Print, ' ', Padding);
    }
}

/* Whether a text argument is wide, by its size prefix or else by what its letter means. */
static BOOLEAN ArgumentIsWide(PPRINT Print, BOOLEAN ByLetter)
{
    if (Print->TextWidth == PrintWidthDefault) {
        return ByLetter;
    }
    return Print->TextWidth == PrintWide;
}

/* The precision is the most characters to print: beyond it the string is not even looked at. */
static VOID PrintString(PPRINT Print, BOOLEAN Wide)
{
    const VOID *Text = va_arg(Print->Arguments, const VOID *);
    if (Text == NULL) {
        Text = "(null)";
        Wide = FALSE;
    }
    ULONG Limit = Print->Precision >= 0 ? (ULONG)Print->Precision : MAXLONG;
    ULONG Length = 0;
    while (Length < Limit && TextCharacter(Text, Wide, Length) != 0) {
        Length++;
    }
    PrintText(Print, Text, Wide, (LONG)Length);
}

/* %Z and %wZ: ANSI_STRING and UNICODE_STRING have the same members, and count bytes. */
static VOID PrintCountedString(PPRINT Print, BOOLEAN Wide)
{
    const ANSI_STRING *String = va_arg(Print->Arguments, const ANSI_STRING *);
    if (String == NULL || String->Buffer == NULL) {
        PrintText(Print, "(null)", FALSE, sizeof("(null)") - 1);
        return;
    }
    LONG Length = Wide ? String->Length / (LONG)sizeof(WCHAR) : String->Length;
    if (Print->Precision >= 0) {
        Length = min(Length, Print->Precision);
    }
    PrintText(Print, String->Buffer, Wide, Length);
}

static VOID PrintOneCharacter(PPRINT Print, BOOLEAN Wide)
{
    WCHAR C = (WCHAR)va_arg(Print->Arguments, int);
    C = Wide ? C : (UCHAR)C;
    PrintText(Print, &C, TRUE, 1);
}

/* An integer ready to be printed: its digits stand at the array's end. */
typedef struct _PRINT_NUMBER {
    CHAR Digits[22]; /* 64 bits in octal */
    LONG First;
    CHAR Prefix[3]; /* sign, or 0x */
} PRINT_NUMBER, *PPRINT_NUMBER;

/* Zero with a precision of zero has no digits at all (C11 7.21.6.1). */
static VOID NumberDigits(PPRINT_NUMBER Number, ULONGLONG Value, ULONG Base, PCSTR Alphabet)
{
    Number->First = sizeof(Number->Digits);
    while (Value != 0) {
        Number->Digits[--Number->First] = Alphabet[Value % Base];
        Value /= Base;
    }
}

/* In order: spaces, prefix, zeros, digits, spaces. A precision is the least number of digits. */
static VOID PrintNumber(PPRINT Print, const PRINT_NUMBER *Number)
{
    ASSERT(Number->First >= 0);
    LONG Count = (LONG)sizeof(Number->Digits) - Number->First;
    LONG Prefix = (LONG)strlen(Number->Prefix);
    LONG Least = Print->Precision >= 0 ? Print->Precision : 1;
    LONG Zeros = max(Least - Count, 0);
    if (Print->Zero && !Print->Left && Print->Precision < 0) {
        Zeros = max(Zeros, Print->Width - Prefix - Count);
    }
    LONG Padding = Print->Width - Prefix - Zeros - Count;
    if (!Print->Left) {
        PrintRepeated(Print, ' ', Padding);
    }
    for (LONG i = 0; i < Prefix; i++) {
        PrintCharacter(Print, (UCHAR)Number->Prefix[i]);
    }
    PrintRepeated(Print, '0', Zeros);
    for (LONG i = 0; i < Count; i++) {
        PrintCharacter(Print, (UCHAR)Number->Digits[Number->First + i]);
    }
    if (Print->Left) {
        PrintRepeated(Print, ' ', Padding);
    }
}

static VOID PrintSigned(PPRINT Print)
{
    LONGLONG Value = Print->Size == PrintLongLong ? va_arg(Print->Arguments, LONGLONG)
                                                  : va_arg(Print->Arguments, LONG);
    PRINT_NUMBER Number = {0};
    if (Print->Size == PrintShort) {
        Value = (SHORT)Value;
    } else if (Print->Size == PrintChar) {
        Value = (signed char)Value;
    }
    Number.Prefix[0] = Value < 0 ? '-' : Print->Sign;
    /* negated as an unsigned number, since the least signed one has no opposite */
    NumberDigits(&Number, Value < 0 ? 0 - (ULONGLONG)Value : (ULONGLONG)Value, 10, "0123456789");
    PrintNumber(Print, &Number);
}

static ULONGLONG UnsignedArgument(PPRINT Print)
{
    if (Print->Size == PrintLongLong) {
        return va_arg(Print->Arguments, ULONGLONG);
    }
    ULONG Value = va_arg(Print->Arguments, ULONG);
    if (Print->Size == PrintShort) {
        return (USHORT)Value;
    }
    return Print->Size == PrintChar ? (UCHAR)Value : Value;
}

static VOID PrintUnsigned(PPRINT Print)
{
    PRINT_NUMBER Number = {0};
    NumberDigits(&Number, UnsignedArgument(Print), 10, "0123456789");
    PrintNumber(Print, &Number);
}

/* With '#' there is at least one zero in front. */
static VOID PrintOctal(PPRINT Print)
{
    PRINT_NUMBER Number = {0};
    ULONGLONG Value = UnsignedArgument(Print);
    NumberDigits(&Number, Value, 8, "01234567");
    LONG Count = (LONG)sizeof(Number.Digits) - Number.First;
    if (Print->Alternate && Print->Precision <= Count && (Value != 0 || Print->Precision == 0)) {
        Number.Prefix[0] = '0';
    }
    PrintNumber(Print, &Number);
}

/* With '#', 0x or 0X stands in front of all but zero. */
static VOID PrintHexadecimal(PPRINT Print, BOOLEAN Capitals)
{
    PRINT_NUMBER Number = {0};
    ULONGLONG Value = UnsignedArgument(Print);
    NumberDigits(&Number, Value, 16, Capitals ? "0123456789ABCDEF" : "0123456789abcdef");
    if (Print->Alternate && Value != 0) {
        Number.Prefix[0] = '0';
        Number.Prefix[1] = Capitals ? 'X' : 'x';
    }
    PrintNumber(Print, &Number);
}

static VOID PrintPointer(PPRINT Print)
{
    Print->Size = PrintLong;
    Print->Precision = 2 * sizeof(PVOID);
    PrintHexadecimal(Print, TRUE);
}

static VOID ParseFlags(PPRINT Print)
{
    for (;; FormatAdvance(Print, 1)) {
        switch (FormatCharacter(Print)) {
        case '-':
            Print->Left = TRUE;
            break;
        case '0':
            Print->Zero = TRUE;
            break;
        case '#':
            Print->Alternate = TRUE;
            break;
        case '+':
            Print->Sign = '+';
            break;
        case ' ':
            Print->Sign = Print->Sign ? Print->Sign : ' ';
            break;
        default:
            return;
        }
    }
}

/* A width or precision: digits, or '*' for an argument. No digits mean 0; absurd ones are capped.
 */
static LONG ParseCount(PPRINT Print)
{
    const LONG Largest = 0xFFFF;
    if (FormatAccept(Print, '*')) {
        LONG Count = va_arg(Print->Arguments, LONG);
        return max(min(Count, Largest), -Largest);
    }
    LONG Count = 0;
    for (; isdigit(FormatCharacter(Print)); FormatAdvance(Print, 1)) {
        Count = min(Count * 10 + FormatCharacter(Print) - '0', Largest);
    }
    return Count;
}

/* A negative width means '-' and its opposite; a negative precision, as if it were not given. */
static VOID ParseWidthAndPrecision(PPRINT Print)
{
    Print->Width = ParseCount(Print);
    if (Print->Width < 0) {
        Print->Left = TRUE;
        Print->Width = -Print->Width;
    }
    Print->Precision = FormatAccept(Print, '.') ? ParseCount(Print) : -1;
}

/* I, I32 and I64: the size of a pointer, 32 and 64 bits. */
static VOID ParseMicrosoftSize(PPRINT Print)
{
    const VOID *Rest = Print->Format;
    if (FormatAccept(Print, '6') && FormatAccept(Print, '4')) {
        Print->Size = PrintLongLong;
        return;
    }
    Print->Format = Rest;
    if (FormatAccept(Print, '3') && FormatAccept(Print, '2')) {
        return;
    }
    Print->Format = Rest;
}

static VOID ParseSize(PPRINT Print)
{
    Print->Size = PrintLong;
    Print->TextWidth = PrintWidthDefault;
    if (FormatAccept(Print, 'h')) {
        Print->Size = FormatAccept(Print, 'h') ? PrintChar : PrintShort;
        Print->TextWidth = PrintNarrow;
    } else if (FormatAccept(Print, 'l')) {
        Print->Size = FormatAccept(Print, 'l') ? PrintLongLong : PrintLong;
        Print->TextWidth = PrintWide;
    } else if (FormatAccept(Print, 'w')) {
        Print->TextWidth = PrintWide;
    } else if (FormatAccept(Print, 'I')) {
        ParseMicrosoftSize(Print);
    } else if (FormatAccept(Print, 'j')) {
        Print->Size = PrintLongLong;
    } else if (!FormatAccept(Print, 'z')) {
        FormatAccept(Print, 't');
    }
}

/* What a conversion's letter stands for. A letter that means nothing is printed as it is. */
static VOID PrintConversion(PPRINT Print, WCHAR Letter)
{
    switch (Letter) {
    case 'd':
    case 'i':
        PrintSigned(Print);
        break;
    case 'u':
        PrintUnsigned(Print);
        break;
    case 'o':
        PrintOctal(Print);
        break;
    case 'x':
    case 'X':
        PrintHexadecimal(Print, Letter == 'X');
        break;
    case 'p':
        PrintPointer(Print);
        break;
    case 'c':
        PrintOneCharacter(Print, ArgumentIsWide(Print, Print->Wide));
        break;
    case 'C': /* capital: the other width than the output's */
        PrintOneCharacter(Print, ArgumentIsWide(Print, !Print->Wide));
        break;
    case 's':
        PrintString(Print, ArgumentIsWide(Print, Print->Wide));
        break;
    case 'S':
        PrintString(Print, ArgumentIsWide(Print, !Print->Wide));
        break;
    case 'Z':
        PrintCountedString(Print, ArgumentIsWide(Print, FALSE));
        break;
    case 'n': /* would write to memory: never done, as in Windows since Vista */
        va_arg(Print->Arguments, PVOID);
        break;
    case 'e':
    case 'f':
    case 'g':
        va_arg(Print->Arguments, ULONGLONG); /* as large as the double that is there */
        PrintCharacter(Print, '?');
        break;
    default:
        PrintCharacter(Print, Letter);
        break;
    }
}

/* After a '%'. A format that ends in the middle of a conversion just ends. */
static VOID PrintField(PPRINT Print)
{
    Print->Left = Print->Zero = Print->Alternate = FALSE;
    Print->Sign = 0;
    ParseFlags(Print);
    ParseWidthAndPrecision(Print);
    ParseSize(Print);
    WCHAR Letter = FormatCharacter(Print);
    if (Letter != 0) {
        FormatAdvance(Print, 1);
        PrintConversion(Print, Letter);
    }
}

/* Works through the format, and gives the result of the whole family. */
static int PrintAll(PPRINT Print)
{
    ASSERT(Print->Buffer != NULL || Print->Capacity == 0);
    ASSERT(Print->Format != NULL);
    WCHAR C;
    while ((C = FormatCharacter(Print)) != 0) {
        FormatAdvance(Print, 1);
        if (C == '%') {
            PrintField(Print);
        } else {
            PrintCharacter(Print, C);
        }
    }
    SIZE_T Length = Print->Length;
    if (Print->Buffer == NULL && Print->Capacity == 0) {
        return (int)Length; /* only asked how much it would be */
    }
    if (Length < Print->Capacity) {
        PrintCharacter(Print, 0);
    }
    return Length <= Print->Capacity ? (int)Length : -1;
}

int __cdecl _vsnprintf(char *Buffer, size_t Count, const char *Format, va_list Arguments)
{
    PRINT Print = {.Buffer = Buffer, .Capacity = Count, .Wide = FALSE, .Format = Format};
    va_copy(Print.Arguments, Arguments);
    int Result = PrintAll(&Print);
    va_end(Print.Arguments);
    return Result;
}

int __cdecl _vsnwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, va_list Arguments)
{
    PRINT Print = {.Buffer = Buffer, .Capacity = Count, .Wide = TRUE, .Format = Format};
    va_copy(Print.Arguments, Arguments);
    int Result = PrintAll(&Print);
    va_end(Print.Arguments);
    return Result;
}

int __cdecl _snprintf(char *Buffer, size_t Count, const char *Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    int Result = _vsnprintf(Buffer, Count, Format, Arguments);
    va_end(Arguments);
    return Result;
}

int __cdecl _snwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    int Result = _vsnwprintf(Buffer, Count, Format, Arguments);
    va_end(Arguments);
    return Result;
}

/* Without a bound. The caller knows that its buffer is large enough. */
int __cdecl vsprintf(char *Buffer, const char *Format, va_list Arguments)
{
    return _vsnprintf(Buffer, MAXLONG, Format, Arguments);
}

int __cdecl sprintf(char *Buffer, const char *Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    int Result = _vsnprintf(Buffer, MAXLONG, Format, Arguments);
    va_end(Arguments);
    return Result;
}

int __cdecl swprintf(wchar_t *Buffer, const wchar_t *Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    int Result = _vsnwprintf(Buffer, MAXLONG, Format, Arguments);
    va_end(Arguments);
    return Result;
}
