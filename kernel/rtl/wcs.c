/*
 * The C library's wide-string routines. A wide character is 16 bits, a UTF-16 unit, as everywhere
 * in Windows (-fshort-wchar). Letters are those of the C locale, A to Z; comparing names the way
 * the object manager does is RtlCompareUnicodeString's work (string.c).
 *
 * The pragma is explained in crt.c. Locks: none.
 * Source: C11 section 7.29; "C Run-Time Library Reference" for what begins with '_'.
 */
#include "kernel/rtl/rtl.h"

#pragma GCC optimize("no-tree-loop-distribute-patterns")

wint_t __cdecl towupper(wint_t C)
{
    return (wint_t)toupper(C);
}

wint_t __cdecl towlower(wint_t C)
{
    return (wint_t)tolower(C);
}

size_t __cdecl wcsnlen(const wchar_t *String, size_t Limit)
{
    size_t Length = 0;
    while (Length < Limit && String[Length] != L'\0') {
        Length++;
    }
    return Length;
}

size_t __cdecl wcslen(const wchar_t *String)
{
    return wcsnlen(String, MAXULONG);
}

int __cdecl wcsncmp(const wchar_t *Left, const wchar_t *Right, size_t Limit)
{
    for (; Limit > 0; Limit--, Left++, Right++) {
        if (*Left != *Right || *Left == L'\0') {
            return *Left - *Right;
        }
    }
    return 0;
}

int __cdecl wcscmp(const wchar_t *Left, const wchar_t *Right)
{
    return wcsncmp(Left, Right, MAXULONG);
}

int __cdecl _wcsnicmp(const wchar_t *Left, const wchar_t *Right, size_t Limit)
{
    for (; Limit > 0; Limit--, Left++, Right++) {
        int L = tolower(*Left);
        int R = tolower(*Right);
        if (L != R || L == L'\0') {
            return L - R;
        }
    }
    return 0;
}

int __cdecl _wcsicmp(const wchar_t *Left, const wchar_t *Right)
{
    return _wcsnicmp(Left, Right, MAXULONG);
}

wchar_t *__cdecl wcscpy(wchar_t *__restrict__ Destination, const wchar_t *__restrict__ Source)
{
    return memcpy(Destination, Source, (wcslen(Source) + 1) * sizeof(wchar_t));
}

/* Fills all Count characters: with zeros after a short string, unterminated after a long one. */
wchar_t *wcsncpy(wchar_t *__restrict__ Destination, const wchar_t *__restrict__ Source,
                 size_t Count)
{
    size_t Length = wcsnlen(Source, Count);
    memcpy(Destination, Source, Length * sizeof(wchar_t));
    memset(Destination + Length, 0, (Count - Length) * sizeof(wchar_t));
    return Destination;
}

wchar_t *__cdecl wcscat(wchar_t *__restrict__ Destination, const wchar_t *__restrict__ Source)
{
    wcscpy(Destination + wcslen(Destination), Source);
    return Destination;
}

/* Appends at most Count characters, and always a terminator. */
wchar_t *wcsncat(wchar_t *__restrict__ Destination, const wchar_t *__restrict__ Source,
                 size_t Count)
{
    size_t Length = wcsnlen(Source, Count);
    wchar_t *End = Destination + wcslen(Destination);
    memcpy(End, Source, Length * sizeof(wchar_t));
    End[Length] = L'\0';
    return Destination;
}

wchar_t *__cdecl wcschr(const wchar_t *String, wchar_t C)
{
    for (; *String != C; String++) {
        if (*String == L'\0') {
            return NULL;
        }
    }
    return (wchar_t *)String;
}

wchar_t *__cdecl wcsrchr(const wchar_t *String, wchar_t C)
{
    for (size_t i = wcslen(String) + 1; i > 0; i--) {
        if (String[i - 1] == C) {
            return (wchar_t *)String + i - 1;
        }
    }
    return NULL;
}

wchar_t *__cdecl wcsstr(const wchar_t *String, const wchar_t *Pattern)
{
    size_t Length = wcslen(Pattern);
    for (;; String++) {
        if (wcsncmp(String, Pattern, Length) == 0) {
            return (wchar_t *)String;
        }
        if (*String == L'\0') {
            return NULL;
        }
    }
}

wchar_t *__cdecl _wcslwr(wchar_t *String)
{
    for (wchar_t *At = String; *At != L'\0'; At++) {
        *At = (wchar_t)tolower(*At);
    }
    return String;
}

wchar_t *__cdecl _wcsupr(wchar_t *String)
{
    for (wchar_t *At = String; *At != L'\0'; At++) {
        *At = (wchar_t)toupper(*At);
    }
    return String;
}

/* How many characters at the beginning are, or are not, of this set. */
static size_t Span(const wchar_t *String, const wchar_t *Set, BOOLEAN OfSet)
{
    size_t Length = 0;
    while (String[Length] != L'\0' && (wcschr(Set, String[Length]) != NULL) == OfSet) {
        Length++;
    }
    return Length;
}

size_t __cdecl wcsspn(const wchar_t *String, const wchar_t *Set)
{
    return Span(String, Set, TRUE);
}

size_t __cdecl wcscspn(const wchar_t *String, const wchar_t *Set)
{
    return Span(String, Set, FALSE);
}

wchar_t *__cdecl _wcsnset(wchar_t *String, wchar_t Value, size_t Limit)
{
    for (wchar_t *At = String; Limit > 0 && *At != L'\0'; At++, Limit--) {
        *At = Value;
    }
    return String;
}

wchar_t *__cdecl _wcsrev(wchar_t *String)
{
    size_t Length = wcslen(String);
    for (size_t i = 0; i < Length / 2; i++) {
        wchar_t C = String[i];
        String[i] = String[Length - 1 - i];
        String[Length - 1 - i] = C;
    }
    return String;
}
