/*
 * Between UTF-16, which is what Windows calls Unicode, and UTF-8 (WDK, "RtlUnicodeToUTF8N"; Unicode
 * Standard, 3.9 for both forms and for what replaces ill-formed text).
 *
 * Both ways are one loop: take a character from the source, put it to the destination as a whole or
 * not at all. Half a surrogate pair, and a byte that begins or continues nothing, become U+FFFD.
 *
 * Locks: none. IRQL: any at which the strings may be touched (the WDK says PASSIVE_LEVEL).
 */
#include "kernel/nt.h"

#define REPLACEMENT 0xFFFD
#define NOT_VALID   MAXULONG /* what is read where no character is */

static BOOLEAN IsLeadingHalf(ULONG C)
{
    return C >= 0xD800 && C <= 0xDBFF;
}

static BOOLEAN IsTrailingHalf(ULONG C)
{
    return C >= 0xDC00 && C <= 0xDFFF;
}

/* Reads a character of the units from Source to End; steps over it. */
static ULONG ReadUtf16(PCWCH *Source, PCWCH End)
{
    ULONG C = *(*Source)++;
    if (IsTrailingHalf(C)) {
        return NOT_VALID;
    }
    if (!IsLeadingHalf(C)) {
        return C;
    }
    if (*Source == End || !IsTrailingHalf(**Source)) {
        return NOT_VALID;
    }
    return 0x10000 + ((C - 0xD800) << 10) + (*(*Source)++ - 0xDC00u);
}

/* Writes a character; returns how many bytes it takes. */
static ULONG MakeUtf8(ULONG C, UCHAR Bytes[4])
{
    ULONG Count = C < 0x80 ? 1 : C < 0x800 ? 2 : C < 0x10000 ? 3 : 4;
    for (ULONG i = Count - 1; i > 0; i--) {
        Bytes[i] = (UCHAR)(0x80 | (C & 0x3F));
        C >>= 6;
    }
    static const UCHAR Marks[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    Bytes[0] = (UCHAR)(Marks[Count] | C);
    return Count;
}

/*
 * Reads a character of the bytes from Source to End; steps over it, or over as many bytes as could
 * have begun one. The second byte's range leaves out what could be written shorter, the surrogates,
 * and all beyond U+10FFFF (Unicode Standard, table 3-7).
 */
static ULONG ReadUtf8(const UCHAR **Source, const UCHAR *End)
{
    UCHAR First = *(*Source)++;
    if (First < 0x80) {
        return First;
    }
    if (First < 0xC2 || First > 0xF4) {
        return NOT_VALID;
    }
    ULONG More = First < 0xE0 ? 1 : First < 0xF0 ? 2 : 3;
    ULONG C = First & (0x3Fu >> More);
    UCHAR Least = First == 0xE0 ? 0xA0 : First == 0xF0 ? 0x90 : 0x80;
    UCHAR Most = First == 0xED ? 0x9F : First == 0xF4 ? 0x8F : 0xBF;
    for (; More > 0; More--) {
        if (*Source == End || **Source < Least || **Source > Most) {
            return NOT_VALID;
        }
        C = C << 6 | (*(*Source)++ & 0x3F);
        Least = 0x80;
        Most = 0xBF;
    }
    return C;
}

/* Writes a character; returns how many units it takes. */
static ULONG MakeUtf16(ULONG C, WCHAR Units[2])
{
    if (C < 0x10000) {
        Units[0] = (WCHAR)C;
        return 1;
    }
    Units[0] = (WCHAR)(0xD800 + ((C - 0x10000) >> 10));
    Units[1] = (WCHAR)(0xDC00 + ((C - 0x10000) & 0x3FF));
    return 2;
}

/* Without a destination, ActualByteCount is told how many bytes there would be. */
NTSTATUS NTAPI RtlUnicodeToUTF8N(PCHAR UTF8StringDestination, ULONG UTF8StringMaxByteCount,
                                 PULONG UTF8StringActualByteCount, PCWCH UnicodeStringSource,
                                 ULONG UnicodeStringByteCount)
{
    if (UnicodeStringSource == NULL) {
        return STATUS_INVALID_PARAMETER_4;
    }
    if (UnicodeStringByteCount % sizeof(WCHAR) != 0) {
        return STATUS_INVALID_PARAMETER_5;
    }
    if (UTF8StringDestination == NULL && UTF8StringActualByteCount == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    PCWCH End = UnicodeStringSource + UnicodeStringByteCount / sizeof(WCHAR);
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Done = 0;
    while (UnicodeStringSource < End) {
        UCHAR Bytes[4];
        ULONG C = ReadUtf16(&UnicodeStringSource, End);
        ULONG Count = MakeUtf8(C != NOT_VALID ? C : REPLACEMENT, Bytes);
        if (UTF8StringDestination != NULL && Count > UTF8StringMaxByteCount - Done) {
            Status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (UTF8StringDestination != NULL) {
            RtlCopyMemory(UTF8StringDestination + Done, Bytes, Count);
        }
        Status = C != NOT_VALID ? Status : STATUS_SOME_NOT_MAPPED;
        Done += Count;
    }
    if (UTF8StringActualByteCount != NULL) {
        *UTF8StringActualByteCount = Done;
    }
    return Status;
}

NTSTATUS NTAPI RtlUTF8ToUnicodeN(PWSTR UnicodeStringDestination, ULONG UnicodeStringMaxByteCount,
                                 PULONG UnicodeStringActualByteCount, PCCH UTF8StringSource,
                                 ULONG UTF8StringByteCount)
{
    if (UTF8StringSource == NULL) {
        return STATUS_INVALID_PARAMETER_4;
    }
    if (UnicodeStringDestination == NULL && UnicodeStringActualByteCount == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    const UCHAR *Source = (const UCHAR *)UTF8StringSource;
    const UCHAR *End = Source + UTF8StringByteCount;
    ULONG Room = UnicodeStringMaxByteCount / sizeof(WCHAR);
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Done = 0;
    while (Source < End) {
        WCHAR Units[2];
        ULONG C = ReadUtf8(&Source, End);
        ULONG Count = MakeUtf16(C != NOT_VALID ? C : REPLACEMENT, Units);
        if (UnicodeStringDestination != NULL && Count > Room - Done) {
            Status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (UnicodeStringDestination != NULL) {
            RtlCopyMemory(UnicodeStringDestination + Done, Units, Count * sizeof(WCHAR));
        }
        Status = C != NOT_VALID ? Status : STATUS_SOME_NOT_MAPPED;
        Done += Count;
    }
    if (UnicodeStringActualByteCount != NULL) {
        *UnicodeStringActualByteCount = Done * sizeof(WCHAR);
    }
    return Status;
}
