/*
 * The C library's memory and character-string routines, for the kernel and for drivers, which
 * import them from ntoskrnl.exe. Wide strings are in wcs.c.
 *
 * The compiler calls memcpy, memmove, memset and memcmp by itself, and recognises loops that do the
 * same; inside the routines that would be a call of themselves without end. The pragma forbids it.
 *
 * Characters are those of the C locale: letters are A to Z. Locks: none.
 * Source: C11 section 7.24 and 7.4; "C Run-Time Library Reference" for what begins with '_'.
 */
#include "kernel/rtl/rtl.h"

#pragma GCC optimize("no-tree-loop-distribute-patterns")

/*
 * Four bytes at a time, then the rest. The direction flag is clear, as the calling convention
 * promises.
 */
void *__cdecl memcpy(void *__restrict__ Destination, const void *__restrict__ Source, size_t Length)
{
    void *To = Destination;
    size_t Count = Length / 4;
    __asm__ volatile("rep movsl\n\t"
                     "movl %[Rest], %%ecx\n\t"
                     "rep movsb"
                     : "+&D"(To), "+&S"(Source), "+&c"(Count)
                     : [Rest] "r"(Length % 4)
                     : "memory");
    return Destination;
}

/* Copying upwards is right unless the destination begins inside the source. */
void *__cdecl memmove(void *Destination, const void *Source, size_t Length)
{
    unsigned char *To = Destination;
    const unsigned char *From = Source;
    if ((ULONG_PTR)To - (ULONG_PTR)From >= Length) {
        return memcpy(Destination, Source, Length);
    }
    while (Length-- > 0) {
        To[Length] = From[Length];
    }
    return Destination;
}

void *__cdecl memset(void *Destination, int Value, size_t Length)
{
    void *To = Destination;
    size_t Count = Length / 4;
    __asm__ volatile("rep stosl\n\t"
                     "movl %[Rest], %%ecx\n\t"
                     "rep stosb"
                     : "+&D"(To), "+&c"(Count)
                     : [Rest] "r"(Length % 4), "a"((unsigned char)Value * 0x01010101u)
                     : "memory");
    return Destination;
}

int __cdecl memcmp(const void *Left, const void *Right, size_t Length)
{
    const unsigned char *L = Left;
    const unsigned char *R = Right;
    for (; Length > 0; Length--, L++, R++) {
        if (*L != *R) {
            return *L - *R;
        }
    }
    return 0;
}

void *__cdecl memchr(const void *Buffer, int Value, size_t Length)
{
    const unsigned char *At = Buffer;
    for (; Length > 0; Length--, At++) {
        if (*At == (unsigned char)Value) {
            return (void *)At;
        }
    }
    return NULL;
}

int __cdecl isupper(int C)
{
    return C >= 'A' && C <= 'Z';
}

int __cdecl islower(int C)
{
    return C >= 'a' && C <= 'z';
}

int __cdecl isalpha(int C)
{
    return isupper(C) || islower(C);
}

int __cdecl isdigit(int C)
{
    return C >= '0' && C <= '9';
}

int __cdecl isxdigit(int C)
{
    return isdigit(C) || (C >= 'A' && C <= 'F') || (C >= 'a' && C <= 'f');
}

int __cdecl isalnum(int C)
{
    return isalpha(C) || isdigit(C);
}

int __cdecl isspace(int C)
{
    return C == ' ' || (C >= '\t' && C <= '\r');
}

int __cdecl isprint(int C)
{
    return C >= ' ' && C <= '~';
}

int __cdecl toupper(int C)
{
    return islower(C) ? C - 'a' + 'A' : C;
}

int __cdecl tolower(int C)
{
    return isupper(C) ? C - 'A' + 'a' : C;
}

size_t __cdecl strlen(const char *String)
{
    size_t Length = 0;
    while (String[Length] != '\0') {
        Length++;
    }
    return Length;
}

size_t __cdecl strnlen(const char *String, size_t Limit)
{
    size_t Length = 0;
    while (Length < Limit && String[Length] != '\0') {
        Length++;
    }
    return Length;
}

int __cdecl strncmp(const char *Left, const char *Right, size_t Limit)
{
    for (; Limit > 0; Limit--, Left++, Right++) {
        if (*Left != *Right || *Left == '\0') {
            return (unsigned char)*Left - (unsigned char)*Right;
        }
    }
    return 0;
}

int __cdecl strcmp(const char *Left, const char *Right)
{
    return strncmp(Left, Right, MAXULONG);
}

int __cdecl _strnicmp(const char *Left, const char *Right, size_t Limit)
{
    for (; Limit > 0; Limit--, Left++, Right++) {
        int L = tolower((unsigned char)*Left);
        int R = tolower((unsigned char)*Right);
        if (L != R || L == '\0') {
            return L - R;
        }
    }
    return 0;
}

int __cdecl _stricmp(const char *Left, const char *Right)
{
    return _strnicmp(Left, Right, MAXULONG);
}

char *__cdecl strcpy(char *__restrict__ Destination, const char *__restrict__ Source)
{
    return memcpy(Destination, Source, strlen(Source) + 1);
}

/* Fills all Count bytes: with zeros after a short string, with no terminator after a long one. */
char *__cdecl strncpy(char *__restrict__ Destination, const char *__restrict__ Source, size_t Count)
{
    size_t Length = strnlen(Source, Count);
    memcpy(Destination, Source, Length);
    memset(Destination + Length, 0, Count - Length);
    return Destination;
}

char *__cdecl strcat(char *__restrict__ Destination, const char *__restrict__ Source)
{
    strcpy(Destination + strlen(Destination), Source);
    return Destination;
}

/* Appends at most Count characters, and always a terminator. */
char *__cdecl strncat(char *__restrict__ Destination, const char *__restrict__ Source, size_t Count)
{
    size_t Length = strnlen(Source, Count);
    char *End = Destination + strlen(Destination);
    memcpy(End, Source, Length);
    End[Length] = '\0';
    return Destination;
}

char *__cdecl strchr(const char *String, int C)
{
    for (; *String != (char)C; String++) {
        if (*String == '\0') {
            return NULL;
        }
    }
    return (char *)String;
}

char *__cdecl strrchr(const char *String, int C)
{
    for (size_t i = strlen(String) + 1; i > 0; i--) {
        if (String[i - 1] == (char)C) {
            return (char *)String + i - 1;
        }
    }
    return NULL;
}

char *__cdecl strstr(const char *String, const char *Pattern)
{
    size_t Length = strlen(Pattern);
    for (;; String++) {
        if (strncmp(String, Pattern, Length) == 0) {
            return (char *)String;
        }
        if (*String == '\0') {
            return NULL;
        }
    }
}

char *__cdecl _strlwr(char *String)
{
    for (char *At = String; *At != '\0'; At++) {
        *At = (char)tolower((unsigned char)*At);
    }
    return String;
}

char *__cdecl _strupr(char *String)
{
    for (char *At = String; *At != '\0'; At++) {
        *At = (char)toupper((unsigned char)*At);
    }
    return String;
}

/* How many characters at the beginning are of this set. */
size_t __cdecl strspn(const char *String, const char *Set)
{
    size_t Length = 0;
    while (String[Length] != '\0' && strchr(Set, String[Length]) != NULL) {
        Length++;
    }
    return Length;
}

char *__cdecl _strnset(char *String, int Value, size_t Limit)
{
    for (char *At = String; Limit > 0 && *At != '\0'; At++, Limit--) {
        *At = (char)Value;
    }
    return String;
}

char *__cdecl _strset(char *String, int Value)
{
    return _strnset(String, Value, MAXULONG);
}

char *__cdecl _strrev(char *String)
{
    size_t Length = strlen(String);
    for (size_t i = 0; i < Length / 2; i++) {
        char C = String[i];
        String[i] = String[Length - 1 - i];
        String[Length - 1 - i] = C;
    }
    return String;
}

/* A number too large wraps around, rather than being undefined. */
int __cdecl atoi(const char *String)
{
    while (isspace((unsigned char)*String)) {
        String++;
    }
    BOOLEAN Negative = *String == '-';
    if (*String == '-' || *String == '+') {
        String++;
    }
    ULONG Value = 0;
    for (; isdigit((unsigned char)*String); String++) {
        Value = Value * 10 + (ULONG)(*String - '0');
    }
    return (int)(Negative ? 0 - Value : Value);
}
