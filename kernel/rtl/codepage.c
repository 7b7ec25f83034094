/*
 * Between Unicode and bytes, in buffers that the caller has counted: the N family, OEM strings
 * without a terminator, and what drivers can ask about the code pages.
 *
 * Both code pages, ANSI and OEM, are Latin-1 (convert.c). So a character is one byte, and what
 * Windows does to find the nearest character of a code page comes to nothing.
 *
 * Locks: none; constant data. IRQL: any at which the strings may be touched; what allocates (the
 * counted strings) needs PASSIVE_LEVEL, as convert.c says.
 */
#include "kernel/rtl/rtl.h"

/* No character takes two bytes in either code page, so no byte begins one. */
BOOLEAN NlsMbCodePageTag = FALSE;
BOOLEAN NlsMbOemCodePageTag = FALSE;
static USHORT NoLeadBytes[256];
PUSHORT NlsOemLeadByteInfo = NoLeadBytes;
PUSHORT NlsLeadByteInfo = NoLeadBytes;
USHORT NlsAnsiCodePage = 28591; /* the number of Latin-1 */
USHORT NlsOemCodePage = 28591;

/*
 * Converts what fits; Done, if not NULL, is told how many bytes that makes. From the end, so that
 * both strings may begin at one address (WDK, "RtlOemToUnicodeN").
 */
NTSTATUS NTAPI RtlMultiByteToUnicodeN(PWCH UnicodeString, ULONG MaxBytesInUnicodeString,
                                      PULONG BytesInUnicodeString, const CHAR *MultiByteString,
                                      ULONG BytesInMultiByteString)
{
    ULONG Count = min(BytesInMultiByteString, MaxBytesInUnicodeString / sizeof(WCHAR));
    for (ULONG i = Count; i-- > 0;) {
        UnicodeString[i] = (UCHAR)MultiByteString[i];
    }
    if (BytesInUnicodeString != NULL) {
        *BytesInUnicodeString = Count * sizeof(WCHAR);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS ToBytes(PCHAR Bytes, ULONG MaxBytes, PULONG Done, PCWCH Source, ULONG SourceBytes,
                        BOOLEAN Upcase)
{
    ULONG Count = min(SourceBytes / sizeof(WCHAR), MaxBytes);
    for (ULONG i = 0; i < Count; i++) {
        WCHAR C = Source[i] <= 0xFF ? Source[i] : '?';
        Bytes[i] = Upcase ? RtlUpperChar((CHAR)C) : (CHAR)C;
    }
    if (Done != NULL) {
        *Done = Count;
    }
    return Count < SourceBytes / sizeof(WCHAR) ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* The ANSI routines do not say that they have cut something off; the OEM ones do. */
NTSTATUS NTAPI RtlUnicodeToMultiByteN(PCHAR MultiByteString, ULONG MaxBytesInMultiByteString,
                                      PULONG BytesInMultiByteString, PCWCH UnicodeString,
                                      ULONG BytesInUnicodeString)
{
    ToBytes(MultiByteString, MaxBytesInMultiByteString, BytesInMultiByteString, UnicodeString,
            BytesInUnicodeString, FALSE);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUpcaseUnicodeToMultiByteN(PCHAR MultiByteString, ULONG MaxBytesInMultiByteString,
                                            PULONG BytesInMultiByteString, PCWCH UnicodeString,
                                            ULONG BytesInUnicodeString)
{
    ToBytes(MultiByteString, MaxBytesInMultiByteString, BytesInMultiByteString, UnicodeString,
            BytesInUnicodeString, TRUE);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlOemToUnicodeN(PWSTR UnicodeString, ULONG MaxBytesInUnicodeString,
                                PULONG BytesInUnicodeString, PCCH OemString, ULONG BytesInOemString)
{
    RtlMultiByteToUnicodeN(UnicodeString, MaxBytesInUnicodeString, BytesInUnicodeString, OemString,
                           BytesInOemString);
    return MaxBytesInUnicodeString / sizeof(WCHAR) < BytesInOemString ? STATUS_BUFFER_OVERFLOW
                                                                      : STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUnicodeToOemN(PCHAR OemString, ULONG MaxBytesInOemString, PULONG BytesInOemString,
                                PCWCH UnicodeString, ULONG BytesInUnicodeString)
{
    return ToBytes(OemString, MaxBytesInOemString, BytesInOemString, UnicodeString,
                   BytesInUnicodeString, FALSE);
}

NTSTATUS NTAPI RtlUpcaseUnicodeToOemN(PCHAR OemString, ULONG MaxBytesInOemString,
                                      PULONG BytesInOemString, PCWCH UnicodeString,
                                      ULONG BytesInUnicodeString)
{
    return ToBytes(OemString, MaxBytesInOemString, BytesInOemString, UnicodeString,
                   BytesInUnicodeString, TRUE);
}

/* Bytes that the converted string will take, without a terminator. */
NTSTATUS NTAPI RtlMultiByteToUnicodeSize(PULONG BytesInUnicodeString, const CHAR *MultiByteString,
                                         ULONG BytesInMultiByteString)
{
    UNREFERENCED_PARAMETER(MultiByteString);
    *BytesInUnicodeString = BytesInMultiByteString * sizeof(WCHAR);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUnicodeToMultiByteSize(PULONG BytesInMultiByteString, PCWCH UnicodeString,
                                         ULONG BytesInUnicodeString)
{
    UNREFERENCED_PARAMETER(UnicodeString);
    *BytesInMultiByteString = BytesInUnicodeString / sizeof(WCHAR);
    return STATUS_SUCCESS;
}

/* The next character, which may be the first of a multi-byte one: none is here. */
WCHAR NTAPI RtlAnsiCharToUnicodeChar(PUCHAR *SourceCharacter)
{
    return *(*SourceCharacter)++;
}

/* Whether the OEM code page has the character's capital, which it is replaced by. */
BOOLEAN NTAPI RtlIsValidOemCharacter(PWCHAR Char)
{
    if (*Char > 0xFF) {
        return FALSE;
    }
    *Char = (UCHAR)RtlUpperChar((CHAR)*Char);
    return TRUE;
}

/* Capitals or not, terminated or not. What the code page lacks is an error here. */
static NTSTATUS ToOemString(POEM_STRING Oem, PCUNICODE_STRING Source, BOOLEAN Allocate,
                            BOOLEAN Upcase, BOOLEAN Terminated)
{
    ULONG Count = Source->Length / sizeof(WCHAR);
    for (ULONG i = 0; i < Count; i++) {
        if (Source->Buffer[i] > 0xFF) {
            return STATUS_UNMAPPABLE_CHARACTER;
        }
    }
    if (Count == 0 && !Terminated) {
        Oem->Length = 0;
        if (Allocate) {
            *Oem = (OEM_STRING){0, 0, NULL};
        }
        return STATUS_SUCCESS;
    }
    ULONG Bytes = Count + (Terminated ? sizeof(CHAR) : 0);
    if (Allocate) {
        Oem->Buffer = RtlpAllocateString(Bytes);
        Oem->MaximumLength = (USHORT)Bytes;
        if (Oem->Buffer == NULL) {
            return STATUS_NO_MEMORY;
        }
    } else if (Oem->MaximumLength < Bytes) {
        return STATUS_BUFFER_OVERFLOW;
    }
    ToBytes(Oem->Buffer, Count, NULL, Source->Buffer, Source->Length, Upcase);
    Oem->Length = (USHORT)Count;
    if (Terminated) {
        Oem->Buffer[Count] = ANSI_NULL;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUnicodeStringToCountedOemString(POEM_STRING DestinationString,
                                                  PCUNICODE_STRING SourceString,
                                                  BOOLEAN AllocateDestinationString)
{
    return ToOemString(DestinationString, SourceString, AllocateDestinationString, FALSE, FALSE);
}

NTSTATUS NTAPI RtlUpcaseUnicodeStringToCountedOemString(POEM_STRING DestinationString,
                                                        PCUNICODE_STRING SourceString,
                                                        BOOLEAN AllocateDestinationString)
{
    return ToOemString(DestinationString, SourceString, AllocateDestinationString, TRUE, FALSE);
}

NTSTATUS NTAPI RtlUpcaseUnicodeStringToOemString(POEM_STRING DestinationString,
                                                 PCUNICODE_STRING SourceString,
                                                 BOOLEAN AllocateDestinationString)
{
    return ToOemString(DestinationString, SourceString, AllocateDestinationString, TRUE, TRUE);
}

NTSTATUS NTAPI RtlOemStringToCountedUnicodeString(PUNICODE_STRING DestinationString,
                                                  PCOEM_STRING SourceString,
                                                  BOOLEAN AllocateDestinationString)
{
    ULONG Bytes = SourceString->Length * sizeof(WCHAR);
    if (Bytes > MAXUSHORT) {
        return STATUS_INVALID_PARAMETER_2;
    }
    if (AllocateDestinationString) {
        DestinationString->Buffer = Bytes != 0 ? RtlpAllocateString(Bytes) : NULL;
        DestinationString->MaximumLength = (USHORT)Bytes;
        if (Bytes != 0 && DestinationString->Buffer == NULL) {
            return STATUS_NO_MEMORY;
        }
    } else if (DestinationString->MaximumLength < Bytes) {
        return STATUS_BUFFER_OVERFLOW;
    }
    DestinationString->Length = (USHORT)Bytes;
    return RtlMultiByteToUnicodeN(DestinationString->Buffer, Bytes, NULL, SourceString->Buffer,
                                  SourceString->Length);
}
