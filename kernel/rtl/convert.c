/*
 * Making one kind of string from another: ANSI and Unicode, capitals, fresh copies.
 *
 * "ANSI" is the first 256 characters of Unicode (Latin-1), one byte each; a character beyond them
 * becomes '?'. The kernel has no other code page: OEM strings are the same, and where the rules are
 * so, too, the OEM routine is another name of the ANSI one (kernel/exports/ntoskrnl.def). The rest
 * of that family is in codepage.c.
 *
 * Where a routine allocates, the memory is paged pool, and the caller gives it back with
 * RtlFreeUnicodeString or RtlFreeAnsiString. Locks: none. IRQL: PASSIVE_LEVEL for what allocates or
 * frees (it checks for APC_LEVEL, the pool's own limit); otherwise any.
 */
#include "kernel/rtl/rtl.h"

#define TAG_STRING 0x67727453 /* "Strg", as on Windows */

#define MAX_STRING_BYTES 0xFFFE

PVOID RtlpAllocateString(SIZE_T Bytes)
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
    DestinationString->Buffer = RtlpAllocateString(Bytes);
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
        DestinationString->Buffer = RtlpAllocateString(Bytes);
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
        DestinationString->Buffer = RtlpAllocateString(Bytes);
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
        Destination->Buffer = RtlpAllocateString(max(Length, sizeof(WCHAR)));
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

/*
 * A fresh copy (WDK, "RtlDuplicateUnicodeString"): with a terminator behind it if Flags says so;
 * of an empty string none, unless Flags asks for it as well.
 * Errors: STATUS_INVALID_PARAMETER, STATUS_NAME_TOO_LONG (no room to count the terminator),
 * STATUS_NO_MEMORY.
 */
NTSTATUS NTAPI RtlDuplicateUnicodeString(ULONG Flags, PCUNICODE_STRING SourceString,
                                         PUNICODE_STRING DestinationString)
{
    BOOLEAN Terminate = (Flags & RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE) != 0;
    BOOLEAN EvenEmpty = (Flags & RTL_DUPLICATE_UNICODE_STRING_ALLOCATE_NULL_STRING) != 0;
    if (Flags > 3 || (EvenEmpty && !Terminate) || DestinationString == NULL ||
        !NT_SUCCESS(RtlValidateUnicodeString(0, SourceString))) {
        return STATUS_INVALID_PARAMETER;
    }
    ULONG Length = SourceString != NULL ? SourceString->Length : 0;
    ULONG Bytes = Length + (Terminate ? sizeof(WCHAR) : 0);
    if (Length == 0 && !EvenEmpty) {
        *DestinationString = (UNICODE_STRING){0, 0, NULL};
        return STATUS_SUCCESS;
    }
    if (Bytes > MAX_STRING_BYTES) {
        return STATUS_NAME_TOO_LONG;
    }
    PWCHAR Copy = RtlpAllocateString(Bytes);
    if (Copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    RtlCopyMemory(Copy, SourceString != NULL ? SourceString->Buffer : NULL, Length);
    if (Terminate) {
        Copy[Length / sizeof(WCHAR)] = UNICODE_NULL;
    }
    *DestinationString = (UNICODE_STRING){(USHORT)Length, (USHORT)Bytes, Copy};
    return STATUS_SUCCESS;
}
