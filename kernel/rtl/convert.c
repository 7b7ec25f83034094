/*
 * Making one kind of string from another: ANSI and Unicode, capitals, numbers, fresh copies.
 *
 * "ANSI" is the first 256 characters of Unicode (Latin-1), one byte each; a character beyond them
 * becomes '?'. The kernel has no other code page.
 *
 * Where a routine allocates, the memory is paged pool, and the caller gives it back with
 * RtlFreeUnicodeString or RtlFreeAnsiString. Locks: none. IRQL: PASSIVE_LEVEL for what allocates or
 * frees (it checks for APC_LEVEL, the pool's own limit); otherwise any.
 */
#include "kernel/nt.h"

#define TAG_STRING 0x67727453 /* "Strg", as on Windows */

#define MAX_STRING_BYTES 0xFFFE

static PVOID AllocateString(SIZE_T Bytes)
{
    PAGED_CODE();
    return ExAllocatePoolWithTag(PagedPool, Bytes, TAG_STRING);
}

/* Strings that other kernel routines allocated end here too, so the pool tag may be any. */
VOID NTAPI RtlFreeUnicodeString(PUNICODE_STRING UnicodeString)
{
    PAGED_CODE();
    if (UnicodeString->Buffer != NULL) {
        ExFreePool(UnicodeString->Buffer);
    }
    RtlZeroMemory(UnicodeString, sizeof(*UnicodeString));
}

VOID NTAPI RtlFreeAnsiString(PANSI_STRING AnsiString)
{
    PAGED_CODE();
    if (AnsiString->Buffer != NULL) {
        ExFreePool(AnsiString->Buffer);
    }
    RtlZeroMemory(AnsiString, sizeof(*AnsiString));
}

/* Copies a terminated string. FALSE if it is too long for a UNICODE_STRING or memory is short. */
BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    SIZE_T Bytes = (wcslen(SourceString) + 1) * sizeof(WCHAR);
    if (Bytes > MAX_STRING_BYTES) {
        return FALSE;
    }
    DestinationString->Buffer = AllocateString(Bytes);
    if (DestinationString->Buffer == NULL) {
        return FALSE;
    }
    RtlCopyMemory(DestinationString->Buffer, SourceString, Bytes);
    DestinationString->MaximumLength = (USHORT)Bytes;
    DestinationString->Length = (USHORT)(Bytes - sizeof(WCHAR));
    return TRUE;
}

/* Bytes that the string takes in the other form, terminator included. */
ULONG NTAPI RtlxAnsiStringToUnicodeSize(PCANSI_STRING AnsiString)
{
    return (AnsiString->Length + sizeof(ANSI_NULL)) * sizeof(WCHAR);
}

ULONG NTAPI RtlxUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString)
{
    return (UnicodeString->Length + sizeof(UNICODE_NULL)) / sizeof(WCHAR);
}

/* Errors: STATUS_INVALID_PARAMETER_2 (too long), STATUS_NO_MEMORY, STATUS_BUFFER_OVERFLOW. */
NTSTATUS NTAPI RtlAnsiStringToUnicodeString(PUNICODE_STRING DestinationString,
                                            PANSI_STRING SourceString,
                                            BOOLEAN AllocateDestinationString)
{
    ULONG Bytes = RtlxAnsiStringToUnicodeSize(SourceString);
    if (Bytes > MAX_STRING_BYTES) {
        return STATUS_INVALID_PARAMETER_2;
    }
    if (AllocateDestinationString) {
        DestinationString->Buffer = AllocateString(Bytes);
        if (DestinationString->Buffer == NULL) {
            return STATUS_NO_MEMORY;
        }
        DestinationString->MaximumLength = (USHORT)Bytes;
    } else if (Bytes > DestinationString->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (ULONG i = 0; i < SourceString->Length; i++) {
        DestinationString->Buffer[i] = (UCHAR)SourceString->Buffer[i];
    }
    DestinationString->Buffer[SourceString->Length] = UNICODE_NULL;
    DestinationString->Length = (USHORT)(Bytes - sizeof(WCHAR));
    return STATUS_SUCCESS;
}

/* Converts as many characters as leave room for the terminator. */
static VOID StoreAnsi(PANSI_STRING Destination, PCUNICODE_STRING Source)
{
    ASSERT(Destination->MaximumLength != 0);
    ASSERT(Source->Length % sizeof(WCHAR) == 0);
    USHORT Length = min(Source->Length / sizeof(WCHAR), (USHORT)(Destination->MaximumLength - 1));
    for (USHORT i = 0; i < Length; i++) {
        WCHAR C = Source->Buffer[i];
        Destination->Buffer[i] = C <= 0xFF ? (CHAR)C : '?';
    }
    Destination->Buffer[Length] = ANSI_NULL;
    Destination->Length = Length;
}

/*
 * What does not fit into a given buffer is cut off, and the status, a warning, says so:
 * STATUS_BUFFER_OVERFLOW.
 */
NTSTATUS NTAPI RtlUnicodeStringToAnsiString(PANSI_STRING DestinationString,
                                            PCUNICODE_STRING SourceString,
                                            BOOLEAN AllocateDestinationString)
{
    ULONG Bytes = RtlxUnicodeStringToAnsiSize(SourceString);
    if (AllocateDestinationString) {
        DestinationString->Buffer = AllocateString(Bytes);
        if (DestinationString->Buffer == NULL) {
            return STATUS_NO_MEMORY;
        }
        DestinationString->MaximumLength = (USHORT)Bytes;
    }
    if (DestinationString->MaximumLength == 0) {
        return STATUS_BUFFER_OVERFLOW;
    }
    StoreAnsi(DestinationString, SourceString);
    return Bytes > DestinationString->MaximumLength ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* Maps each character. Source and destination may be the same string. */
static NTSTATUS MapString(PUNICODE_STRING Destination, PCUNICODE_STRING Source, BOOLEAN Allocate,
                          WCHAR(NTAPI *Map)(WCHAR))
{
    USHORT Length = Source->Length;
    ASSERT(Length % sizeof(WCHAR) == 0);
    if (Allocate) {
        /* an empty string gets a buffer too, since it will be freed like any other */
        Destination->Buffer = AllocateString(max(Length, sizeof(WCHAR)));
        if (Destination->Buffer == NULL) {
            return STATUS_NO_MEMORY;
        }
        Destination->MaximumLength = Length;
    } else if (Length > Destination->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (ULONG i = 0; i < Length / sizeof(WCHAR); i++) {
        Destination->Buffer[i] = Map(Source->Buffer[i]);
    }
    Destination->Length = Length;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUpcaseUnicodeString(PUNICODE_STRING DestinationString,
                                      PCUNICODE_STRING SourceString,
                                      BOOLEAN AllocateDestinationString)
{
    return MapString(DestinationString, SourceString, AllocateDestinationString,
                     RtlUpcaseUnicodeChar);
}

NTSTATUS NTAPI RtlDowncaseUnicodeString(PUNICODE_STRING UniDest, PCUNICODE_STRING UniSource,
                                        BOOLEAN AllocateDestinationString)
{
    return MapString(UniDest, UniSource, AllocateDestinationString, RtlDowncaseUnicodeChar);
}

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
