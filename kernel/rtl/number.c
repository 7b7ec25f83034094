/*
 * Numbers from strings and strings from numbers, GUIDs among them.
 *
 * Locks: none. IRQL: any at which the strings may be touched (the WDK says PASSIVE_LEVEL), but for
 * RtlStringFromGUID, which allocates paged pool: PASSIVE_LEVEL.
 */
#include "kernel/rtl/rtl.h"

/* The bases that the conversions know (WDK, "RtlIntegerToUnicodeString"). */
static BOOLEAN IsNumberBase(ULONG Base)
{
    return Base == 2 || Base == 8 || Base == 10 || Base == 16;
}

/* Digits, without sign or prefix, capitals for base 16; base 0 means 10. */
NTSTATUS NTAPI RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String)
{
    WCHAR Digits[64];
    ULONG First = RTL_NUMBER_OF(Digits);
    Base = Base != 0 ? Base : 10;
    if (!IsNumberBase(Base)) {
        return STATUS_INVALID_PARAMETER;
    }
    do {
        Digits[--First] = (WCHAR) "0123456789ABCDEF"[Value % Base];
        Value /= Base;
    } while (Value != 0);
    ULONG Count = RTL_NUMBER_OF(Digits) - First;
    if ((Count + 1) * sizeof(WCHAR) > String->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    RtlCopyMemory(String->Buffer, &Digits[First], Count * sizeof(WCHAR));
    String->Buffer[Count] = UNICODE_NULL;
    String->Length = (USHORT)(Count * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String)
{
    return RtlInt64ToUnicodeString(Value, Base, String);
}

/* The next character, or 0 at the end; steps over it. */
static WCHAR NextCharacter(PUNICODE_STRING Rest)
{
    if (Rest->Length < sizeof(WCHAR)) {
        return 0;
    }
    Rest->Length -= sizeof(WCHAR);
    return *Rest->Buffer++;
}

/* If Rest, whose first character C has been read, begins 0x, 0o or 0b: the base it means. */
static ULONG NumberPrefix(WCHAR C, const UNICODE_STRING *Rest)
{
    if (C != '0' || Rest->Length < sizeof(WCHAR)) {
        return 0;
    }
    switch (*Rest->Buffer) {
    case 'x':
        return 16;
    case 'o':
        return 8;
    case 'b':
        return 2;
    default:
        return 0;
    }
}

/* A digit's value; a large number for what is no digit in any base. */
static ULONG DigitValue(WCHAR C)
{
    C = RtlUpcaseUnicodeChar(C);
    if (C >= '0' && C <= '9') {
        return C - '0';
    }
    return C >= 'A' && C <= 'F' ? C - 'A' + 10u : MAXULONG;
}

/*
 * White space, a sign, with base 0 a prefix (0x, 0o, 0b; otherwise the base is 10), and digits up
 * to the first character that is none (WDK, "RtlUnicodeStringToInteger"). No digits mean 0, and a
 * number too large loses its high bits; neither is an error.
 */
NTSTATUS NTAPI RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value)
{
    UNICODE_STRING Rest = *String;
    if (Base != 0 && !IsNumberBase(Base)) {
        return STATUS_INVALID_PARAMETER;
    }
    WCHAR C = NextCharacter(&Rest);
    while (C != 0 && C <= ' ') {
        C = NextCharacter(&Rest);
    }
    BOOLEAN Negative = C == '-';
    if (C == '-' || C == '+') {
        C = NextCharacter(&Rest);
    }
    if (Base == 0) {
        Base = NumberPrefix(C, &Rest);
        if (Base != 0) {
            NextCharacter(&Rest);
            C = NextCharacter(&Rest);
        }
        Base = Base != 0 ? Base : 10;
    }
    ULONG Number = 0;
    for (; DigitValue(C) < Base; C = NextCharacter(&Rest)) {
        Number = Number * Base + DigitValue(C);
    }
    *Value = Negative ? 0 - Number : Number;
    return STATUS_SUCCESS;
}

/* The same for a terminated string in bytes (WDK, "RtlCharToInteger"), as far as 255 of them. */
NTSTATUS NTAPI RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value)
{
    WCHAR Wide[256];
    UNICODE_STRING Text = {0, sizeof(Wide), Wide};
    for (; Text.Length < sizeof(Wide) && *String != '\0'; Text.Length += sizeof(WCHAR)) {
        Wide[Text.Length / sizeof(WCHAR)] = (UCHAR)*String++;
    }
    return RtlUnicodeStringToInteger(&Text, Base, Value);
}

/* Eight, four, four, four and twelve digits, in braces: what each place of the text is. */
static const CHAR GuidForm[] = "{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}";
#define GUID_CHARACTERS (sizeof(GuidForm) - 1)

/* The place in a GUID's bytes of each pair of digits, in the order of the text: of the first three
 * fields the highest byte comes first. */
static const UCHAR GuidBytes[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

/* Fresh text, with a terminator; RtlFreeUnicodeString gives it back. */
NTSTATUS NTAPI RtlStringFromGUID(REFGUID Guid, PUNICODE_STRING GuidString)
{
    WCHAR Text[GUID_CHARACTERS + 1];
    ULONG Digit = 0;
    for (ULONG i = 0; i <= GUID_CHARACTERS; i++) {
        Text[i] = (WCHAR)GuidForm[i];
        if (Text[i] == 'X') {
            UCHAR Byte = ((const UCHAR *)Guid)[GuidBytes[Digit / 2]];
            Text[i] = (WCHAR) "0123456789ABCDEF"[Digit % 2 == 0 ? Byte >> 4 : Byte & 0xF];
            Digit++;
        }
    }
    return RtlCreateUnicodeString(GuidString, Text) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

/* STATUS_INVALID_PARAMETER: the text has not just this form. What follows the brace is not read. */
NTSTATUS NTAPI RtlGUIDFromString(PUNICODE_STRING GuidString, GUID *Guid)
{
    UCHAR Bytes[sizeof(GUID)] = {0};
    ULONG Digit = 0;
    if (GuidString->Length < GUID_CHARACTERS * sizeof(WCHAR)) {
        return STATUS_INVALID_PARAMETER;
    }
    for (ULONG i = 0; i < GUID_CHARACTERS; i++) {
        WCHAR C = GuidString->Buffer[i];
        ULONG Value = DigitValue(C);
        if (GuidForm[i] != 'X' ? C != GuidForm[i] : Value > 0xF) {
            return STATUS_INVALID_PARAMETER;
        }
        if (GuidForm[i] == 'X') {
            UCHAR *Byte = &Bytes[GuidBytes[Digit++ / 2]];
            *Byte = (UCHAR)(*Byte << 4 | Value);
        }
    }
    RtlCopyMemory(Guid, Bytes, sizeof(Bytes));
    return STATUS_SUCCESS;
}
