/*
 * The run-time library: C library, counted strings, formatted print, bitmaps, 64-bit arithmetic.
 *
 * Compiled with -include tests/unit/crt_names.h, so memcpy and the like are the kernel's here. What
 * a host has as well (numbers in printf, division) is compared with it on many random arguments.
 */
#include "kernel/nt.h"
#include "tests/unit/rtl_host.h"
#include "kernel/rtl/rtl.h"

extern int snprintf(char *, unsigned, const char *, ...);

/* Every length, alignment and overlap of a small area, against a byte-by-byte model. */
static void MemoryIsCopiedAndFilledExactly(void)
{
    for (ULONG From = 0; From < 12; From++) {
        for (ULONG To = 0; To < 12; To++) {
            for (ULONG Length = 0; Length < 20; Length++) {
                UCHAR Area[40], Model[40], Source[40];
                for (ULONG i = 0; i < 40; i++) {
                    Area[i] = Model[i] = Source[i] = (UCHAR)(i + 1);
                }
                for (ULONG i = 0; i < Length; i++) {
                    Model[To + i] = Source[From + i];
                }
                CHECK(memmove(Area + To, Area + From, Length) == Area + To);
                CHECK(memcmp(Area, Model, 40) == 0);
                memset(Area, 0, 40);
                CHECK(memcpy(Area + To, Source + From, Length) == Area + To);
                CHECK(memcmp(Area + To, Source + From, Length) == 0);
                CHECK(Area[To + Length] == 0 && (To == 0 || Area[To - 1] == 0));
                CHECK(memset(Area + To, 0x1A5, Length) == Area + To);
                CHECK(Area[To + Length] == 0 && (Length == 0 || Area[To + Length - 1] == 0xA5));
            }
        }
    }
}

static void MemoryIsComparedAsUnsignedBytes(void)
{
    CHECK(memcmp("a\x80", "a\x7F", 2) > 0 && memcmp("abc", "abd", 2) == 0);
    CHECK(memchr("abcb", 'b', 4) != NULL && memchr("abc", 'c', 2) == NULL);
    CHECK(RtlCompareMemory("abcd", "abxd", 4) == 2 && RtlCompareMemory("ab", "ab", 2) == 2);
    ULONG Words[4] = {7, 7, 8, 7};
    CHECK(RtlCompareMemoryUlong(Words, 16, 7) == 8 && RtlCompareMemoryUlong(Words, 7, 7) == 4);
    RtlFillMemoryUlong(Words, 8, 5);
    CHECK(Words[0] == 5 && Words[1] == 5 && Words[2] == 8);
    (RtlFillMemory)(Words, 3, 0xFF);
    CHECK(Words[0] == 0x00FFFFFF);
    (RtlZeroMemory)(Words, 16);
    CHECK(RtlCompareMemoryUlong(Words, 16, 0) == 16);
}

static void NarrowStringsWork(void)
{
    char Text[16];
    CHECK(strlen("") == 0 && strlen("abc") == 3 && strnlen("abc", 2) == 2);
    CHECK(strcmp("a", "b") < 0 && strcmp("b", "a") > 0 && strcmp("a\x80", "a") > 0);
    CHECK(strcmp("", "") == 0 && strncmp("abc", "abd", 2) == 0 && strncmp("a", "b", 0) == 0);
    CHECK(_stricmp("HeLLo", "hEllO") == 0 && _stricmp("a", "B") < 0 && _stricmp("[", "a") < 0);
    CHECK(_strnicmp("ABc", "abD", 2) == 0 && _strnicmp("ABc", "abD", 3) < 0);
    CHECK(strcmp(strcat(strcpy(Text, "ab"), "cd"), "abcd") == 0);
    CHECK(strcmp(strncat(Text, "efgh", 2), "abcdef") == 0);
    memset(Text, 'x', sizeof(Text));
    strncpy(Text, "ab", 5);
    CHECK(memcmp(Text, "ab\0\0\0x", 6) == 0);
    strncpy(Text, "abcdef", 3);
    CHECK(memcmp(Text, "abc\0\0x", 6) == 0);
    CHECK(strcmp(strchr("abcb", 'b'), "bcb") == 0 && strcmp(strrchr("abcb", 'b'), "b") == 0);
    CHECK(strchr("abc", 'x') == NULL && strrchr("abc", 'x') == NULL && *strchr("abc", 0) == 0);
    CHECK(strcmp(strstr("aababc", "abc"), "abc") == 0 && strstr("abc", "abcd") == NULL);
    CHECK(strcmp(strstr("abc", ""), "abc") == 0 && strstr("", "a") == NULL);
    CHECK(strcmp(_strupr(strcpy(Text, "aZ9{")), "AZ9{") == 0);
    CHECK(strcmp(_strlwr(strcpy(Text, "aZ9[")), "az9[") == 0);
    CHECK(atoi("  -12x") == -12 && atoi("+7") == 7 && atoi("") == 0 && atoi("x") == 0);
    CHECK(atoi("-2147483648") == (int)0x80000000);
}

static void CharactersAreClassified(void)
{
    for (int C = -1; C < 256; C++) {
        BOOLEAN Upper = C >= 'A' && C <= 'Z', Lower = C >= 'a' && C <= 'z';
        BOOLEAN Digit = C >= '0' && C <= '9';
        CHECK(!isupper(C) == !Upper && !islower(C) == !Lower && !isdigit(C) == !Digit);
        CHECK(!isalpha(C) == !(Upper || Lower) && !isalnum(C) == !(Upper || Lower || Digit));
        CHECK(toupper(C) == (Lower ? C - 32 : C) && tolower(C) == (Upper ? C + 32 : C));
        CHECK(!isxdigit(C) == !(Digit || (C >= 'a' && C <= 'f') || (C >= 'A' && C <= 'F')));
        CHECK(!isspace(C) == !(C == ' ' || (C >= 9 && C <= 13)));
        CHECK(!isprint(C) == !(C >= 32 && C < 127));
    }
}

static void WideStringsWork(void)
{
    WCHAR Text[16];
    CHECK(wcslen(L"abc") == 3 && wcsnlen(L"abc", 2) == 2 && wcscmp(L"a\xFFFF", L"a\x1") > 0);
    CHECK(wcsncmp(L"abc", L"abd", 2) == 0 && _wcsicmp(L"HeLLo", L"hEllO") == 0);
    CHECK(_wcsnicmp(L"ABc", L"abD", 2) == 0 && _wcsnicmp(L"ABc", L"abD", 3) < 0);
    CHECK(wcscmp(wcscat(wcscpy(Text, L"ab"), L"cd"), L"abcd") == 0);
    CHECK(wcscmp(wcsncat(Text, L"efgh", 2), L"abcdef") == 0);
    RtlFillMemory(Text, sizeof(Text), 0xFF);
    wcsncpy(Text, L"ab", 4);
    CHECK(memcmp(Text, L"ab\0\0\xFFFF", 10) == 0);
    CHECK(wcscmp(wcschr(L"abcb", 'b'), L"bcb") == 0 && wcscmp(wcsrchr(L"abcb", 'b'), L"b") == 0);
    CHECK(wcschr(L"abc", 'x') == NULL && wcsrchr(L"abc", 'x') == NULL);
    CHECK(wcscmp(wcsstr(L"aababc", L"abc"), L"abc") == 0 && wcsstr(L"abc", L"x") == NULL);
    CHECK(wcscmp(_wcsupr(wcscpy(Text, L"aZ9{")), L"AZ9{") == 0);
    CHECK(wcscmp(_wcslwr(wcscpy(Text, L"aZ9[")), L"az9[") == 0);
}

/* Whether a format gives a text, of the right length, narrow and wide. */
#define PRINTS(Text, Format, ...)                                                                  \
    do {                                                                                           \
        char Narrow[256];                                                                          \
        WCHAR Wide[256];                                                                           \
        int Length = _snprintf(Narrow, 256, Format, ##__VA_ARGS__);                                \
        if (strcmp(Narrow, Text) != 0) {                                                           \
            printf("%s: \"%s\"\n", Format, Narrow);                                                \
        }                                                                                          \
        CHECK(strcmp(Narrow, Text) == 0 && Length == (int)strlen(Text));                           \
        Length = _snwprintf(Wide, 256, L##Format, ##__VA_ARGS__);                                  \
        CHECK(wcscmp(Wide, L##Text) == 0 && Length == (int)strlen(Text));                          \
    } while (0)

static void NumbersArePrinted(void)
{
    PRINTS("plain 100%", "plain %d%%", 100);
    PRINTS("-5 4294967291 fffffffb FFFFFFFB 7", "%d %u %x %X %o", -5, -5, -5, -5, 7);
    PRINTS("80001000", "%p", (PVOID)0x80001000);
    PRINTS("0000BEEF", "%p", (PVOID)0xBEEF);
    PRINTS("-9223372036854775808", "%I64d", (LONGLONG)0x8000000000000000);
    PRINTS("18446744073709551615", "%I64u", (ULONGLONG)-1);
    PRINTS("123456789abcdef0 1", "%I64x %d", 0x123456789ABCDEF0ULL, 1);
    PRINTS("-1 ffffffffffffffff 2", "%lld %llx %d", -1LL, -1LL, 2);
    PRINTS("7 7 8", "%I32d %Iu %ld", 7, 7, 8L);
    PRINTS("65535 -1 255 -1", "%hu %hd %hhu %hhd", -1, -1, -1, -1);
    PRINTS("[   42] [42   ] [00042] [  042]", "[%5d] [%-5d] [%05d] [%5.3d]", 42, 42, 42, 42);
    PRINTS("[+42] [ 42] [-0042] [42   ]", "[%+d] [% d] [%05d] [%*d]", 42, 42, -42, -5, 42);
    PRINTS("0x2a 0X2A 052 0 0x002a", "%#x %#X %#o %#x %#06x", 42, 42, 42, 0, 42);
    PRINTS("[] [0] [00]", "[%.0d] [%d] [%.2d]", 0, 0, 0);
}

static void CharactersAndStringsArePrinted(void)
{
    PRINTS("(null) (null) (null)", "%s %S %wZ", NULL, NULL, NULL);
    PRINTS("narrow wide narrow", "%hs %ls %hs", "narrow", L"wide", "narrow");
    PRINTS("wide [abc] [  ab] [ab  ]", "%ws [%.3hs] [%4.2hs] [%-4.*hs]", L"wide", "abcdef", "abcd",
           2, "abcd");
    PRINTS("a b c", "%hc %wc %lc", 'a', 'b', 'c');
    PRINTS("y %", "%y %%");
    PRINTS("? 5", "%f %d", 1.5, 5);
    PRINTS("", "%");
    PRINTS("x", "x%-08");
    char Text[32];
    WCHAR Wide[32];
    CHECK(_snprintf(Text, 32, "%s %S %c %C", "n", L"w", 'c', L'd') == 7);
    CHECK(strcmp(Text, "n w c d") == 0);
    CHECK(_snwprintf(Wide, 32, L"%s %S %c %C", L"w", "n", L'c', 'd') == 7);
    CHECK(wcscmp(Wide, L"w n c d") == 0);
    CHECK(_snprintf(Text, 32, "%ws", L"\x20ACx\xE4") == 3 && strcmp(Text, "?x\xE4") == 0);
    CHECK(sprintf(Text, "%d", 5) == 1 && swprintf(Wide, L"%d", 5) == 1);
}

static void CountedStringsArePrinted(void)
{
    ANSI_STRING Ansi = {3, 3, "abcdef"};
    UNICODE_STRING Unicode = {6, 6, L"uvwxyz"};
    UNICODE_STRING Empty = {0, 0, NULL};
    PRINTS("abc uvw uv [  uvw]", "%Z %wZ %.2wZ [%5wZ]", &Ansi, &Unicode, &Unicode, &Unicode);
    PRINTS("(null)", "%wZ", &Empty);
}

static void TooLittleRoomReturnsMinusOneWithoutATerminator(void)
{
    char Text[8];
    WCHAR Wide[8];
    memset(Text, 'x', 8);
    CHECK(_snprintf(Text, 4, "%d", 12345) == -1 && memcmp(Text, "1234x", 5) == 0);
    CHECK(_snprintf(Text, 5, "%d", 67890) == 5 && memcmp(Text, "67890x", 6) == 0);
    CHECK(_snprintf(Text, 6, "%d", 67890) == 5 && memcmp(Text, "67890\0", 6) == 0);
    CHECK(_snprintf(Text, 0, "a") == -1 && _snprintf(NULL, 0, "%d", 12345) == 5);
    RtlFillMemory(Wide, sizeof(Wide), 0xFF);
    CHECK(_snwprintf(Wide, 2, L"abc") == -1 && Wide[1] == 'b' && Wide[2] == 0xFFFF);
    CHECK(_snwprintf(Wide, 3, L"abc") == 3 && Wide[3] == 0xFFFF);
}

/* Random flags, widths, precisions and sizes: the result must be what the host prints. */
static void NumbersArePrintedAsTheHostPrintsThem(void)
{
    static const ULONG Values[] = {0, 1, 7, 8, 255, 256, 65535, 65536, 0x7FFFFFFF, 0x80000000, -1};
    static const char *const Sizes[] = {"", "l", "h", "hh", "ll"};
    unsigned Seed = 0x1234567;
    for (ULONG i = 0; i < 50000; i++) {
        char Format[32], Expected[128], Got[128];
        ULONG Random = UnitRandom(&Seed);
        ULONG Low = Values[UnitRandom(&Seed) % 11], High = Values[UnitRandom(&Seed) % 11];
        ULONGLONG Value = (ULONGLONG)High << 32 | Low;
        int Length =
            snprintf(Format, 32, "%%%s%s%s%s%s", Random & 1 ? "-" : "", Random & 2 ? "0" : "",
                     Random & 4 ? "+" : "", Random & 8 ? " " : "", Random & 16 ? "#" : "");
        if (Random & 32) {
            Length += snprintf(Format + Length, 8, "%lu", 1 + (Random >> 8) % 30);
        }
        if (Random & 64) {
            Length += snprintf(Format + Length, 8, ".%lu", (Random >> 16) % 25);
        }
        snprintf(Format + Length, 8, "%s%c", Sizes[(Random >> 24) % 5],
                 "diuxXo"[UnitRandom(&Seed) % 6]);
        int Wanted = snprintf(Expected, 128, Format, Value);
        int Result = _snprintf(Got, 128, Format, Value);
        if (Result != Wanted || strcmp(Got, Expected) != 0) {
            printf("%s of %llx: \"%s\", not \"%s\"\n", Format, Value, Got, Expected);
        }
        CHECK(Result == Wanted && strcmp(Got, Expected) == 0);
    }
}

static void StringsAreInitialised(void)
{
    UNICODE_STRING U = Unicode(L"abc");
    CHECK(U.Length == 6 && U.MaximumLength == 8 && U.Buffer[2] == 'c');
    U = Unicode(NULL);
    CHECK(U.Length == 0 && U.MaximumLength == 0 && U.Buffer == NULL);
    ANSI_STRING A = Ansi("abc");
    CHECK(A.Length == 3 && A.MaximumLength == 4);
    A = Ansi(NULL);
    CHECK(A.Length == 0 && A.MaximumLength == 0 && A.Buffer == NULL);
    PWCHAR Long = malloc(70000 * sizeof(WCHAR));
    RtlFillMemory(Long, 70000 * sizeof(WCHAR), 'x');
    Long[69999] = 0;
    U = Unicode(Long);
    CHECK(U.Length == 0xFFFC && U.MaximumLength == 0xFFFE);
    CHECK(!RtlCreateUnicodeString(&U, Long));
    free(Long);
}

static void StringsAreCopiedAsFarAsThereIsRoom(void)
{
    WCHAR Buffer[4] = {'x', 'x', 'x', 'x'};
    UNICODE_STRING Short = {0, 6, Buffer};
    UNICODE_STRING Abcd = Unicode(L"abcd"), Ab = Unicode(L"ab");
    RtlCopyUnicodeString(&Short, &Abcd);
    CHECK(Short.Length == 6 && memcmp(Buffer, L"abcx", 8) == 0);
    RtlCopyUnicodeString(&Short, &Ab);
    CHECK(Short.Length == 4 && Buffer[2] == 0);
    RtlCopyUnicodeString(&Short, NULL);
    CHECK(Short.Length == 0);
    CHAR Bytes[3];
    STRING Narrow = {0, 3, Bytes};
    STRING Source = Ansi("wxyz");
    RtlCopyString(&Narrow, &Source);
    CHECK(Narrow.Length == 3 && memcmp(Bytes, "wxy", 3) == 0);
    RtlUpperString(&Narrow, &Source);
    CHECK(Narrow.Length == 3 && memcmp(Bytes, "WXY", 3) == 0);
}

static void AppendingIsAllOrNothing(void)
{
    WCHAR Buffer[6];
    UNICODE_STRING String = {0, 10, Buffer};
    UNICODE_STRING Cd = Unicode(L"cd"), Empty = {0, 0, NULL};
    Buffer[5] = 'x';
    CHECK(RtlAppendUnicodeToString(&String, L"ab") == STATUS_SUCCESS && Buffer[2] == 0);
    CHECK(RtlAppendUnicodeToString(&String, NULL) == STATUS_SUCCESS);
    CHECK(RtlAppendUnicodeStringToString(&String, &Empty) == STATUS_SUCCESS);
    CHECK(RtlAppendUnicodeStringToString(&String, &Cd) == STATUS_SUCCESS && String.Length == 8);
    CHECK(RtlAppendUnicodeToString(&String, L"ef") == STATUS_BUFFER_TOO_SMALL);
    CHECK(RtlAppendUnicodeStringToString(&String, &Cd) == STATUS_BUFFER_TOO_SMALL);
    CHECK(String.Length == 8 && RtlAppendUnicodeToString(&String, L"e") == STATUS_SUCCESS);
    CHECK(memcmp(Buffer, L"abcdex", 12) == 0);
}

static void StringsAreCompared(void)
{
    UNICODE_STRING A = Unicode(L"\\Device\\One"), B = Unicode(L"\\DEVICE\\one");
    UNICODE_STRING Prefix = Unicode(L"\\device"), Umlaut = Unicode(L"\xE4"), Big = Unicode(L"\xC4");
    CHECK(RtlEqualUnicodeString(&A, &B, TRUE) && !RtlEqualUnicodeString(&A, &B, FALSE));
    CHECK(RtlEqualUnicodeString(&Umlaut, &Big, TRUE));
    CHECK(RtlCompareUnicodeString(&A, &B, TRUE) == 0 && RtlCompareUnicodeString(&A, &B, FALSE) > 0);
    CHECK(RtlCompareUnicodeString(&Prefix, &B, TRUE) < 0);
    CHECK(RtlPrefixUnicodeString(&Prefix, &A, TRUE) && !RtlPrefixUnicodeString(&Prefix, &A, FALSE));
    CHECK(!RtlPrefixUnicodeString(&A, &Prefix, TRUE) && RtlPrefixUnicodeString(&A, &A, FALSE));
    STRING X = Ansi("abC"), Y = Ansi("ABc"), Z = Ansi("abCd");
    CHECK(RtlEqualString(&X, &Y, TRUE) && !RtlEqualString(&X, &Y, FALSE));
    CHECK(RtlCompareString(&X, &Z, FALSE) < 0 && RtlCompareString(&X, &Y, FALSE) > 0);
    ULONG One, Two;
    CHECK(RtlHashUnicodeString(&A, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &One) == STATUS_SUCCESS);
    CHECK(RtlHashUnicodeString(&B, TRUE, HASH_STRING_ALGORITHM_X65599, &Two) == STATUS_SUCCESS);
    CHECK(One == Two && RtlHashUnicodeString(&A, TRUE, 9, &One) == STATUS_INVALID_PARAMETER);
    CHECK(RtlHashUnicodeString(&Umlaut, FALSE, 0, &One) == STATUS_SUCCESS && One == 0xE4);
}

/* No character has two capitals, and small and capital letter belong to each other. */
static void CaseMapsOneToOne(void)
{
    ULONG Letters = 0;
    for (ULONG C = 0; C <= 0xFFFF; C++) {
        WCHAR Up = RtlUpcaseUnicodeChar((WCHAR)C);
        WCHAR Down = RtlDowncaseUnicodeChar((WCHAR)C);
        CHECK(RtlUpcaseUnicodeChar(Up) == Up && RtlDowncaseUnicodeChar(Down) == Down);
        CHECK(Up == C || (RtlDowncaseUnicodeChar(Up) == C && Down == C));
        Letters += Up != C;
    }
    CHECK(Letters > 26 + 31 + 60 + 30 + 48);
    CHECK(RtlUpcaseUnicodeChar('z') == 'Z' && RtlUpcaseUnicodeChar('{') == '{');
    CHECK(RtlUpcaseUnicodeChar(0xF7) == 0xF7 && RtlUpcaseUnicodeChar(0xFF) == 0x178);
    CHECK(RtlUpcaseUnicodeChar(0x3C9) == 0x3A9 && RtlUpcaseUnicodeChar(0x44F) == 0x42F);
    CHECK(RtlUpcaseUnicodeChar(0x131) == 0x131 && RtlUpcaseUnicodeChar(0x17E) == 0x17D);
    CHECK(RtlUpperChar('q') == 'Q' && RtlUpperChar((CHAR)0xE4) == (CHAR)0xC4);
    CHECK(RtlUpperChar((CHAR)0xFF) == (CHAR)0xFF);
}

static void AnsiAndUnicodeAreConverted(void)
{
    ANSI_STRING A = Ansi("ab\xE4");
    UNICODE_STRING U;
    CHECK(RtlxAnsiStringToUnicodeSize(&A) == 8);
    CHECK(RtlAnsiStringToUnicodeString(&U, &A, TRUE) == STATUS_SUCCESS);
    CHECK(U.Length == 6 && U.MaximumLength == 8 && wcscmp(U.Buffer, L"ab\xE4") == 0);
    RtlFreeUnicodeString(&U);
    CHECK(U.Buffer == NULL && LiveBlocks == 0);
    WCHAR Wide[4];
    U = (UNICODE_STRING){0, 6, Wide};
    CHECK(RtlAnsiStringToUnicodeString(&U, &A, FALSE) == STATUS_BUFFER_OVERFLOW);
    U.MaximumLength = 8;
    CHECK(RtlAnsiStringToUnicodeString(&U, &A, FALSE) == STATUS_SUCCESS && Wide[3] == 0);
    U = Unicode(L"x\x20ACy");
    CHECK(RtlxUnicodeStringToAnsiSize(&U) == 4);
    CHECK(RtlUnicodeStringToAnsiString(&A, &U, TRUE) == STATUS_SUCCESS);
    CHECK(A.Length == 3 && A.MaximumLength == 4 && strcmp(A.Buffer, "x?y") == 0);
    RtlFreeAnsiString(&A);
    CHAR Narrow[3];
    A = (ANSI_STRING){0, 3, Narrow};
    CHECK(RtlUnicodeStringToAnsiString(&A, &U, FALSE) == STATUS_BUFFER_OVERFLOW);
    CHECK(A.Length == 2 && strcmp(Narrow, "x?") == 0);
    A.MaximumLength = 0;
    CHECK(RtlUnicodeStringToAnsiString(&A, &U, FALSE) == STATUS_BUFFER_OVERFLOW);
}

static void AllocatedStringsAreGivenBack(void)
{
    UNICODE_STRING U, Source = Unicode(L"aB\xE4"), Empty = Unicode(L"");
    CHECK(RtlCreateUnicodeString(&U, L"abc") && U.Length == 6 && U.MaximumLength == 8);
    CHECK(wcscmp(U.Buffer, L"abc") == 0);
    RtlFreeUnicodeString(&U);
    CHECK(RtlUpcaseUnicodeString(&U, &Source, TRUE) == STATUS_SUCCESS && U.Length == 6);
    CHECK(memcmp(U.Buffer, L"AB\xC4", 6) == 0);
    CHECK(RtlDowncaseUnicodeString(&U, &U, FALSE) == STATUS_SUCCESS);
    CHECK(memcmp(U.Buffer, L"ab\xE4", 6) == 0);
    RtlFreeUnicodeString(&U);
    CHECK(RtlUpcaseUnicodeString(&U, &Empty, TRUE) == STATUS_SUCCESS && U.Buffer != NULL);
    RtlFreeUnicodeString(&U);
    CHECK(RtlUpcaseUnicodeString(&U, &Source, FALSE) == STATUS_BUFFER_OVERFLOW);
    NoMemory = TRUE;
    ANSI_STRING A = Ansi("abc");
    CHECK(RtlUpcaseUnicodeString(&U, &Source, TRUE) == STATUS_NO_MEMORY);
    CHECK(RtlAnsiStringToUnicodeString(&U, &A, TRUE) == STATUS_NO_MEMORY);
    CHECK(RtlUnicodeStringToAnsiString(&A, &Source, TRUE) == STATUS_NO_MEMORY);
    CHECK(!RtlCreateUnicodeString(&U, L"abc"));
    NoMemory = FALSE;
    CHECK(LiveBlocks == 0);
}

static ULONG Parsed(PCWSTR Text, ULONG Base)
{
    ULONG Value = 0xDEAD;
    UNICODE_STRING String = Unicode(Text);
    CHECK(RtlUnicodeStringToInteger(&String, Base, &Value) == STATUS_SUCCESS);
    return Value;
}

static void IntegersAreConverted(void)
{
    WCHAR Buffer[40];
    UNICODE_STRING U = {0, sizeof(Buffer), Buffer};
    CHECK(RtlIntegerToUnicodeString(0, 0, &U) == STATUS_SUCCESS && wcscmp(Buffer, L"0") == 0);
    CHECK(RtlIntegerToUnicodeString(0xBEEF, 16, &U) == 0 && wcscmp(Buffer, L"BEEF") == 0);
    CHECK(RtlIntegerToUnicodeString(4294967295u, 10, &U) == 0 && U.Length == 20);
    CHECK(RtlIntegerToUnicodeString(5, 2, &U) == 0 && wcscmp(Buffer, L"101") == 0);
    CHECK(RtlIntegerToUnicodeString(5, 3, &U) == STATUS_INVALID_PARAMETER);
    CHECK(RtlInt64ToUnicodeString(18446744073709551615ull, 10, &U) == 0);
    CHECK(wcscmp(Buffer, L"18446744073709551615") == 0);
    U.MaximumLength = 6;
    CHECK(RtlIntegerToUnicodeString(123, 10, &U) == STATUS_BUFFER_OVERFLOW);
    CHECK(RtlIntegerToUnicodeString(12, 10, &U) == STATUS_SUCCESS && U.Length == 4);
    CHECK(Parsed(L" \t42x", 10) == 42 && Parsed(L"-1", 0) == MAXULONG && Parsed(L"+8", 0) == 8);
    CHECK(Parsed(L"0x1F", 0) == 31 && Parsed(L"0o17", 0) == 15 && Parsed(L"0b101", 0) == 5);
    CHECK(Parsed(L"1f", 16) == 31 && Parsed(L"0x1f", 16) == 0 && Parsed(L"", 0) == 0);
    CHECK(Parsed(L"0x", 0) == 0 && Parsed(L"  ", 10) == 0 && Parsed(L"089", 8) == 0);
    CHECK(RtlUnicodeStringToInteger(&U, 7, NULL) == STATUS_INVALID_PARAMETER);
}

/* A bitmap and a plain array of the same bits. */
#define BITS 137

typedef struct _TWIN {
    RTL_BITMAP Map;
    ULONG Words[5]; /* its last 23 bits are outside the map */
    UCHAR Bits[BITS];
} TWIN;

static void MakeTwin(TWIN *Twin, unsigned *Seed)
{
    ULONG Density = UnitRandom(Seed) % 9;
    RtlInitializeBitMap(&Twin->Map, Twin->Words, BITS);
    RtlSetAllBits(&Twin->Map);
    for (ULONG i = 0; i < BITS; i++) {
        Twin->Bits[i] = UnitRandom(Seed) % 8 < Density;
        if (!Twin->Bits[i]) {
            RtlClearBit(&Twin->Map, i);
        }
    }
}

/* The length of the run of bits of one value that begins at Start. */
static ULONG RunAt(const TWIN *Twin, ULONG Start, UCHAR Value)
{
    ULONG Length = 0;
    while (Start + Length < BITS && Twin->Bits[Start + Length] == Value) {
        Length++;
    }
    return Length;
}

static ULONG ModelFind(const TWIN *Twin, ULONG Length, ULONG Hint, UCHAR Value)
{
    Hint = Hint < BITS ? Hint : 0;
    for (ULONG i = 0; i < BITS; i++) {
        ULONG Start = (Hint + i) % BITS;
        if (RunAt(Twin, Start, Value) >= Length) {
            return Start;
        }
    }
    return 0xFFFFFFFF;
}

static void CheckRuns(TWIN *Twin)
{
    RTL_BITMAP_RUN First[3], Longest[3];
    ULONG Count = 0, Best = 0, Start = 0;
    for (ULONG i = 0; i < BITS; i += RunAt(Twin, i, 0) + 1) {
        ULONG Length = RunAt(Twin, i, 0);
        Count += Length != 0;
        Best = max(Best, Length);
    }
    CHECK(RtlFindLongestRunClear(&Twin->Map, &Start) == Best);
    CHECK(Best == 0 || RunAt(Twin, Start, 0) == Best);
    CHECK(RtlFindClearRuns(&Twin->Map, First, 3, FALSE) == min(Count, 3));
    CHECK(RtlFindClearRuns(&Twin->Map, Longest, 3, TRUE) == min(Count, 3));
    for (ULONG i = 0; i < min(Count, 3); i++) {
        CHECK(RunAt(Twin, First[i].StartingIndex, 0) == First[i].NumberOfBits);
        CHECK(RunAt(Twin, Longest[i].StartingIndex, 0) == Longest[i].NumberOfBits);
        CHECK(i == 0 || Longest[i - 1].NumberOfBits >= Longest[i].NumberOfBits);
        CHECK(i == 0 || First[i - 1].StartingIndex < First[i].StartingIndex);
    }
    CHECK(Count == 0 || Longest[0].NumberOfBits == Best);
}

static void CheckBackward(TWIN *Twin, ULONG From)
{
    ULONG End = From, Place, Start;
    while (End > 0 && Twin->Bits[End]) {
        End--;
    }
    for (Start = End; Start > 0 && !Twin->Bits[Start - 1];) {
        Start--;
    }
    ULONG Length = RtlFindLastBackwardRunClear(&Twin->Map, From, &Place);
    CHECK(Length == (Twin->Bits[End] ? 0 : End - Start + 1));
    CHECK(Length == 0 || Place == Start);
}

static void BitmapsBehaveLikeArraysOfBits(void)
{
    unsigned Seed = 0xB175;
    for (ULONG Round = 0; Round < 3000; Round++) {
        TWIN Twin;
        MakeTwin(&Twin, &Seed);
        ULONG Start = UnitRandom(&Seed) % BITS, Length = UnitRandom(&Seed) % (BITS - Start + 1);
        ULONG Hint = UnitRandom(&Seed) % (BITS + 9), Find = 1 + UnitRandom(&Seed) % 12;
        ULONG Set = 0;
        for (ULONG i = 0; i < BITS; i++) {
            CHECK(RtlTestBit(&Twin.Map, i) == Twin.Bits[i] &&
                  RtlCheckBit(&Twin.Map, i) == Twin.Bits[i]);
            Set += Twin.Bits[i];
        }
        CHECK(RtlNumberOfSetBits(&Twin.Map) == Set &&
              RtlNumberOfClearBits(&Twin.Map) == BITS - Set);
        CHECK(RtlFindClearBits(&Twin.Map, Find, Hint) == ModelFind(&Twin, Find, Hint, 0));
        CHECK(RtlFindSetBits(&Twin.Map, Find, Hint) == ModelFind(&Twin, Find, Hint, 1));
        CHECK(RtlAreBitsClear(&Twin.Map, Start, Length) ==
              (Length != 0 && RunAt(&Twin, Start, 0) >= Length));
        CHECK(RtlAreBitsSet(&Twin.Map, Start, Length) ==
              (Length != 0 && RunAt(&Twin, Start, 1) >= Length));
        CheckRuns(&Twin);
        CheckBackward(&Twin, Start);
        RtlSetBits(&Twin.Map, Start, Length);
        CHECK(Length == 0 || RtlAreBitsSet(&Twin.Map, Start, Length));
        RtlClearBits(&Twin.Map, Start, Length);
        for (ULONG i = 0; i < BITS; i++) {
            BOOLEAN Inside = i >= Start && i < Start + Length;
            CHECK(RtlTestBit(&Twin.Map, i) == (Inside ? 0 : Twin.Bits[i]));
        }
    }
}

static void BitmapEdgesAreRespected(void)
{
    ULONG Words[2] = {0, 0}, Place;
    RTL_BITMAP Map;
    RtlInitializeBitMap(&Map, Words, 33);
    CHECK(!RtlAreBitsClear(&Map, 0, 34) && !RtlAreBitsClear(&Map, 34, 1));
    CHECK(!RtlAreBitsClear(&Map, 32, MAXULONG) && !RtlAreBitsClear(&Map, 0, 0));
    CHECK(RtlFindClearBits(&Map, 34, 0) == MAXULONG && RtlFindClearBits(&Map, 33, 20) == 0);
    CHECK(RtlFindClearBitsAndSet(&Map, 33, 0) == 0 && Words[0] == MAXULONG && Words[1] == 1);
    CHECK(RtlFindClearBitsAndSet(&Map, 1, 5) == MAXULONG);
    CHECK(RtlFindSetBitsAndClear(&Map, 2, 31) == 31 && Words[0] == 0x7FFFFFFF && Words[1] == 0);
    CHECK(RtlFindFirstRunClear(&Map, &Place) == 2 && Place == 31);
    CHECK(RtlFindNextForwardRunClear(&Map, 32, &Place) == 1 && Place == 32);
    CHECK(RtlFindNextForwardRunClear(&Map, 33, &Place) == 0);
    RtlClearAllBits(&Map);
    RtlSetBit(&Map, 32);
    CHECK(Words[0] == 0 && Words[1] == 1 && RtlNumberOfSetBits(&Map) == 1);
    RtlInitializeBitMap(&Map, Words, 0);
    CHECK(RtlFindClearBits(&Map, 1, 0) == MAXULONG && RtlFindLongestRunClear(&Map, &Place) == 0);
    CHECK(RtlFindMostSignificantBit(0) == -1 && RtlFindLeastSignificantBit(0) == -1);
    CHECK(RtlFindMostSignificantBit(1) == 0 && RtlFindMostSignificantBit(1ull << 63) == 63);
    CHECK(RtlFindLeastSignificantBit(1ull << 40 | 1ull << 60) == 40);
}

/* A number with as many bits as chance will have it, so that short ones are frequent. */
static ULONGLONG RandomNumber(unsigned *Seed)
{
    ULONGLONG Value = (ULONGLONG)UnitRandom(Seed) << 32 | UnitRandom(Seed);
    Value >>= UnitRandom(Seed) % 64;
    return UnitRandom(Seed) % 4 == 0 ? 0 - Value : Value;
}

typedef struct _QUOTIENT {
    ULONGLONG Quotient, Remainder;
} QUOTIENT;

/* Calls a helper that returns in EDX:EAX and EBX:ECX, and checks that it pops its arguments. */
static QUOTIENT DivideBoth(VOID (*Routine)(VOID), ULONGLONG Dividend, ULONGLONG Divisor)
{
    ULONG Parts[4] = {(ULONG)Dividend, (ULONG)(Dividend >> 32), (ULONG)Divisor,
                      (ULONG)(Divisor >> 32)};
    ULONG Low, High, RestLow, RestHigh, Drift;
    __asm__ volatile("movl %%esp, %%edi\n\t"
                     "pushl 12(%%esi)\n\t"
                     "pushl 8(%%esi)\n\t"
                     "pushl 4(%%esi)\n\t"
                     "pushl (%%esi)\n\t"
                     "call *%%eax\n\t"
                     "subl %%esp, %%edi"
                     : "=a"(Low), "=d"(High), "=c"(RestLow), "=b"(RestHigh), "=D"(Drift)
                     : "a"(Routine), "S"(Parts)
                     : "memory", "cc");
    CHECK(Drift == 0);
    return (QUOTIENT){(ULONGLONG)High << 32 | Low, (ULONGLONG)RestHigh << 32 | RestLow};
}

static ULONGLONG Shift(VOID (*Routine)(VOID), ULONGLONG Value, ULONG Count)
{
    __asm__ volatile("call *%[Routine]"
                     : "+A"(Value), "+c"(Count)
                     : [Routine] "S"(Routine)
                     : "memory", "cc");
    return Value;
}

static void CheckDivision(ULONGLONG A, ULONGLONG B)
{
    LONGLONG SignedA = (LONGLONG)A, SignedB = (LONGLONG)B;
    ULONGLONG Rest;
    CHECK(_allmul(SignedA, SignedB) == (LONGLONG)(A * B));
    CHECK(_aulldiv(A, B) == A / B && _aullrem(A, B) == A % B);
    CHECK(__udivdi3(A, B) == A / B && __umoddi3(A, B) == A % B);
    CHECK(__udivmoddi4(A, B, &Rest) == A / B && Rest == A % B);
    QUOTIENT Both = DivideBoth(_aulldvrm, A, B);
    CHECK(Both.Quotient == A / B && Both.Remainder == A % B);
    if (A == 1ull << 63 && SignedB == -1) {
        return; /* overflows: undefined in C */
    }
    LONGLONG SignedRest;
    CHECK(_alldiv(SignedA, SignedB) == SignedA / SignedB);
    CHECK(_allrem(SignedA, SignedB) == SignedA % SignedB);
    CHECK(__divdi3(SignedA, SignedB) == SignedA / SignedB);
    CHECK(__moddi3(SignedA, SignedB) == SignedA % SignedB);
    CHECK(__divmoddi4(SignedA, SignedB, &SignedRest) == SignedA / SignedB);
    CHECK(SignedRest == SignedA % SignedB);
    Both = DivideBoth(_alldvrm, A, B);
    CHECK((LONGLONG)Both.Quotient == SignedA / SignedB);
    CHECK((LONGLONG)Both.Remainder == SignedA % SignedB);
}

static void DivisionAgreesWithTheHost(void)
{
    static const ULONGLONG Edges[] = {1,           2,          3,          10,
                                      0x7FFFFFFF,  0x80000000, 0xFFFFFFFF, 0x100000000,
                                      0x100000001, 1ull << 62, 1ull << 63, (1ull << 63) - 1,
                                      -1ull,       -2ull,      -10ull,     0xFFFFFFFF00000000};
    for (ULONG i = 0; i < 256; i++) {
        CheckDivision(Edges[i / 16], Edges[i % 16]);
        CheckDivision(Edges[i / 16] - 1, Edges[i % 16]);
    }
    unsigned Seed = 0xD1;
    for (ULONG i = 0; i < 200000; i++) {
        ULONGLONG Divisor = RandomNumber(&Seed);
        CheckDivision(RandomNumber(&Seed), Divisor != 0 ? Divisor : 1);
    }
}

static void ShiftsCoverAllCounts(void)
{
    unsigned Seed = 0x51;
    for (ULONG Count = 0; Count < 256; Count++) {
        for (ULONG i = 0; i < 16; i++) {
            ULONGLONG V = RandomNumber(&Seed);
            ULONGLONG Sign = (LONGLONG)V < 0 ? -1ull : 0;
            CHECK(Shift(_allshl, V, Count) == (Count < 64 ? V << Count : 0));
            CHECK(Shift(_aullshr, V, Count) == (Count < 64 ? V >> Count : 0));
            CHECK(Shift(_allshr, V, Count) ==
                  (Count < 64 ? (ULONGLONG)((LONGLONG)V >> Count) : Sign));
        }
    }
}

static void RandomNumbersAreSpreadAndRepeatable(void)
{
    ULONG Seed = 1, Same = 1, Buckets[16] = {0};
    for (ULONG i = 0; i < 16000; i++) {
        ULONG Number = RtlRandomEx(&Seed);
        CHECK(Number <= MAXLONG && Number == RtlRandom(&Same));
        Buckets[Number >> 27]++;
    }
    for (ULONG i = 0; i < 16; i++) {
        CHECK(Buckets[i] > 850 && Buckets[i] < 1150);
    }
}

int main(void)
{
    RUN(MemoryIsCopiedAndFilledExactly);
    RUN(MemoryIsComparedAsUnsignedBytes);
    RUN(NarrowStringsWork);
    RUN(CharactersAreClassified);
    RUN(WideStringsWork);
    RUN(NumbersArePrinted);
    RUN(CharactersAndStringsArePrinted);
    RUN(CountedStringsArePrinted);
    RUN(TooLittleRoomReturnsMinusOneWithoutATerminator);
    RUN(NumbersArePrintedAsTheHostPrintsThem);
    RUN(StringsAreInitialised);
    RUN(StringsAreCopiedAsFarAsThereIsRoom);
    RUN(AppendingIsAllOrNothing);
    RUN(StringsAreCompared);
    RUN(CaseMapsOneToOne);
    RUN(AnsiAndUnicodeAreConverted);
    RUN(AllocatedStringsAreGivenBack);
    RUN(IntegersAreConverted);
    RUN(BitmapsBehaveLikeArraysOfBits);
    RUN(BitmapEdgesAreRespected);
    RUN(DivisionAgreesWithTheHost);
    RUN(ShiftsCoverAllCounts);
    RUN(RandomNumbersAreSpreadAndRepeatable);
    printf("%u checks\n", UnitChecks);
    return 0;
}
