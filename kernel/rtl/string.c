/*
 * Counted strings: UNICODE_STRING and ANSI_STRING (WDK, "Using Unicode Strings" and the page of
 * each routine).
 *
 * Length and MaximumLength count bytes, and Length leaves out a terminator, which need not exist.
 * Invariant: Length <= MaximumLength, and for wide strings both are even. Routines that write
 * append a terminator if there is room, as Windows does, because much code relies on it.
 *
 * Locks: none; the caller owns its strings. IRQL: any at which the strings may be touched.
 */
#include "kernel/rtl/rtl.h"

#define ASSERT_STRING(String)  ASSERT((String)->Length <= (String)->MaximumLength)
#define ASSERT_UNICODE(String) ASSERT(((String)->Length & 1) == 0)

/* The largest lengths for which Length, and Length with a terminator, fit in 16 bits. */
#define MAX_ANSI_LENGTH    (0xFFFF - sizeof(CHAR))
#define MAX_UNICODE_LENGTH (0xFFFE - sizeof(WCHAR))

VOID NTAPI RtlInitString(PSTRING DestinationString, PCSZ SourceString)
{
    SIZE_T Length = SourceString != NULL ? strlen(SourceString) : 0;
    Length = min(Length, MAX_ANSI_LENGTH);
    DestinationString->Length = (USHORT)Length;
    DestinationString->MaximumLength = SourceString ? (USHORT)(Length + sizeof(CHAR)) : 0;
    DestinationString->Buffer = (PCHAR)SourceString;
}

VOID NTAPI RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString)
{
    RtlInitString(DestinationString, SourceString);
}

VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    SIZE_T Length = SourceString != NULL ? wcslen(SourceString) * sizeof(WCHAR) : 0;
    Length = min(Length, MAX_UNICODE_LENGTH);
    DestinationString->Length = (USHORT)Length;
    DestinationString->MaximumLength = SourceString ? (USHORT)(Length + sizeof(WCHAR)) : 0;
    DestinationString->Buffer = (PWCHAR)SourceString;
}

/* The same, but too long a source is an error: STATUS_NAME_TOO_LONG. */
NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    RtlInitUnicodeString(DestinationString, NULL);
    if (SourceString != NULL && wcslen(SourceString) > MAX_UNICODE_LENGTH / sizeof(WCHAR)) {
        return STATUS_NAME_TOO_LONG;
    }
    RtlInitUnicodeString(DestinationString, SourceString);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlInitAnsiStringEx(PANSI_STRING DestinationString, PCSZ SourceString)
{
    RtlInitString(DestinationString, NULL);
    if (SourceString != NULL && strlen(SourceString) > MAX_ANSI_LENGTH) {
        return STATUS_NAME_TOO_LONG;
    }
    RtlInitString(DestinationString, SourceString);
    return STATUS_SUCCESS;
}

/* Whether a string is one: even lengths, in order, with a buffer if there is any. Flags: 0. */
NTSTATUS NTAPI RtlValidateUnicodeString(ULONG Flags, PCUNICODE_STRING String)
{
    if (Flags != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    if (String == NULL) {
        return STATUS_SUCCESS;
    }
    BOOLEAN Counted = String->Length % sizeof(WCHAR) == 0 &&
                      String->MaximumLength % sizeof(WCHAR) == 0 &&
                      String->Length <= String->MaximumLength;
    return Counted && (String->Buffer != NULL || String->MaximumLength == 0)
               ? STATUS_SUCCESS
               : STATUS_INVALID_PARAMETER;
}

/* Too long a source is cut off, without an error (WDK, "RtlCopyString"). */
VOID NTAPI RtlCopyString(PSTRING DestinationString, const PSTRING SourceString)
{
    USHORT Length = SourceString != NULL ? SourceString->Length : 0;
    Length = min(Length, DestinationString->MaximumLength);
    if (Length != 0) {
        RtlMoveMemory(DestinationString->Buffer, SourceString->Buffer, Length);
    }
    DestinationString->Length = Length;
}

static VOID TerminateIfRoom(PUNICODE_STRING String)
{
    ASSERT_STRING(String);
    ASSERT_UNICODE(String);
    if (String->MaximumLength - String->Length >= (int)sizeof(WCHAR)) {
        String->Buffer[String->Length / sizeof(WCHAR)] = UNICODE_NULL;
    }
}

VOID NTAPI RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    USHORT Length = SourceString != NULL ? SourceString->Length : 0;
    Length = min(Length, DestinationString->MaximumLength) & ~1;
    if (SourceString == NULL) {
        DestinationString->Length = 0;
        return;
    }
    RtlMoveMemory(DestinationString->Buffer, SourceString->Buffer, Length);
    DestinationString->Length = Length;
    TerminateIfRoom(DestinationString);
}

/* Appends Length bytes, or nothing if they do not all fit. */
static NTSTATUS AppendWide(PUNICODE_STRING Destination, PCWSTR Source, SIZE_T Length)
{
    ASSERT_STRING(Destination);
    ASSERT_UNICODE(Destination);
    if (Length > (SIZE_T)(Destination->MaximumLength - Destination->Length)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    RtlMoveMemory((PUCHAR)Destination->Buffer + Destination->Length, Source, Length);
    Destination->Length = (USHORT)(Destination->Length + Length);
    TerminateIfRoom(Destination);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    if (Source == NULL) {
        return STATUS_SUCCESS;
    }
    return AppendWide(Destination, Source, wcslen(Source) * sizeof(WCHAR));
}

NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    if (Source->Length == 0) {
        return STATUS_SUCCESS;
    }
    return AppendWide(Destination, Source->Buffer, Source->Length);
}

/* The same in bytes, without a terminator. */
NTSTATUS NTAPI RtlAppendStringToString(PSTRING Destination, const STRING *Source)
{
    ASSERT_STRING(Destination);
    if (Source->Length > Destination->MaximumLength - Destination->Length) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    RtlMoveMemory(Destination->Buffer + Destination->Length, Source->Buffer, Source->Length);
    Destination->Length = (USHORT)(Destination->Length + Source->Length);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAppendAsciizToString(PSTRING Destination, PCSZ Source)
{
    STRING Text;
    SIZE_T Length = Source != NULL ? strlen(Source) : 0;
    if (Length > MAX_ANSI_LENGTH) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    RtlInitString(&Text, Source);
    return RtlAppendStringToString(Destination, &Text);
}

/* Case is ignored by comparing capitals, one by one. The lengths count characters. */
LONG NTAPI RtlCompareUnicodeStrings(PCWCH String1, SIZE_T String1Length, PCWCH String2,
                                    SIZE_T String2Length, BOOLEAN CaseInSensitive)
{
    SIZE_T Common = min(String1Length, String2Length);
    for (SIZE_T i = 0; i < Common; i++) {
        WCHAR Left = CaseInSensitive ? RtlUpcaseUnicodeChar(String1[i]) : String1[i];
        WCHAR Right = CaseInSensitive ? RtlUpcaseUnicodeChar(String2[i]) : String2[i];
        if (Left != Right) {
            return (LONG)Left - (LONG)Right;
        }
    }
    return (LONG)String1Length - (LONG)String2Length;
}

LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                                   BOOLEAN CaseInSensitive)
{
    ASSERT_UNICODE(String1);
    ASSERT_UNICODE(String2);
    return RtlCompareUnicodeStrings(String1->Buffer, String1->Length / sizeof(WCHAR),
                                    String2->Buffer, String2->Length / sizeof(WCHAR),
                                    CaseInSensitive);
}

BOOLEAN NTAPI RtlEqualUnicodeString(const UNICODE_STRING *String1, const UNICODE_STRING *String2,
                                    BOOLEAN CaseInSensitive)
{
    return String1->Length == String2->Length &&
           RtlCompareUnicodeString(String1, String2, CaseInSensitive) == 0;
}

/* Whether String2 begins with String1. */
BOOLEAN NTAPI RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                                     BOOLEAN CaseInSensitive)
{
    ASSERT_UNICODE(String1);
    ASSERT_UNICODE(String2);
    SIZE_T Length = String1->Length / sizeof(WCHAR);
    return String1->Length <= String2->Length &&
           RtlCompareUnicodeStrings(String1->Buffer, Length, String2->Buffer, Length,
                                    CaseInSensitive) == 0;
}

LONG NTAPI RtlCompareString(const PSTRING String1, const PSTRING String2, BOOLEAN CaseInSensitive)
{
    USHORT Common = min(String1->Length, String2->Length);
    for (USHORT i = 0; i < Common; i++) {
        CHAR Left = String1->Buffer[i];
        CHAR Right = String2->Buffer[i];
        if (CaseInSensitive) {
            Left = RtlUpperChar(Left);
            Right = RtlUpperChar(Right);
        }
        if (Left != Right) {
            return (LONG)(UCHAR)Left - (LONG)(UCHAR)Right;
        }
    }
    return (LONG)String1->Length - (LONG)String2->Length;
}

BOOLEAN NTAPI RtlEqualString(const PSTRING String1, const PSTRING String2, BOOLEAN CaseInSensitive)
{
    return String1->Length == String2->Length &&
           RtlCompareString(String1, String2, CaseInSensitive) == 0;
}

/* Whether String2 begins with String1. */
BOOLEAN NTAPI RtlPrefixString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    STRING Beginning = *String2;
    Beginning.Length = min(String1->Length, String2->Length);
    return RtlEqualString((PSTRING)String1, &Beginning, CaseInSensitive);
}

/* Too long a source is cut off (WDK, "RtlUpperString"). Both may be the same string. */
VOID NTAPI RtlUpperString(PSTRING DestinationString, const PSTRING SourceString)
{
    USHORT Length = min(SourceString->Length, DestinationString->MaximumLength);
    for (USHORT i = 0; i < Length; i++) {
        DestinationString->Buffer[i] = RtlUpperChar(SourceString->Buffer[i]);
    }
    DestinationString->Length = Length;
}

/*
 * The one documented algorithm is "x65599": a polynomial in 65599 over the characters (WDK,
 * "RtlHashUnicodeString"). Strings that differ in case only hash alike on request.
 */
NTSTATUS NTAPI RtlHashUnicodeString(const UNICODE_STRING *String, BOOLEAN CaseInSensitive,
                                    ULONG HashAlgorithm, PULONG HashValue)
{
    if (String == NULL || HashValue == NULL ||
        (HashAlgorithm != HASH_STRING_ALGORITHM_DEFAULT &&
         HashAlgorithm != HASH_STRING_ALGORITHM_X65599)) {
        return STATUS_INVALID_PARAMETER;
    }
    ULONG Hash = 0;
    for (ULONG i = 0; i < String->Length / sizeof(WCHAR); i++) {
        WCHAR C = String->Buffer[i];
        Hash = Hash * 65599 + (CaseInSensitive ? RtlUpcaseUnicodeChar(C) : C);
    }
    *HashValue = Hash;
    return STATUS_SUCCESS;
}
