/*
 * The run-time library's conversions: code pages and UTF-8, numbers and GUIDs, dates, 64-bit
 * arithmetic, Win32's errors, names of files, the C library's sorting.
 */
#include "tests/unit/rtl_host.h"
#include "kernel/rtl/rtl.h"

static BOOLEAN Is(PCUNICODE_STRING String, PCWSTR Text)
{
    UNICODE_STRING Expected = Unicode(Text);
    return RtlEqualUnicodeString(String, &Expected, FALSE);
}

static void BytesAndUnicodeAreConvertedAsFarAsTheyFit(void)
{
    union {
        WCHAR Wide[8];
        CHAR Bytes[16];
    } Same = {.Bytes = "ab\xFF"};
    ULONG Done;
    CHECK(RtlOemToUnicodeN(Same.Wide, sizeof(Same), &Done, Same.Bytes, 4) == STATUS_SUCCESS);
    CHECK(Done == 8 && wcscmp(Same.Wide, L"ab\xFF") == 0); /* in place */
    CHAR Bytes[8] = "xxxxxxx";
    CHECK(RtlUnicodeToOemN(Bytes, 2, &Done, L"a\x3B1z", 6) == STATUS_BUFFER_OVERFLOW);
    CHECK(Done == 2 && memcmp(Bytes, "a?x", 3) == 0);
    CHECK(RtlUnicodeToMultiByteN(Bytes, 2, NULL, L"bcd", 6) == STATUS_SUCCESS && Bytes[1] == 'c');
    CHECK(RtlUpcaseUnicodeToMultiByteN(Bytes, 8, &Done, L"d\xE4", 4) == STATUS_SUCCESS);
    CHECK(Done == 2 && Bytes[0] == 'D' && (UCHAR)Bytes[1] == 0xC4);
    CHECK(RtlUpcaseUnicodeToOemN(Bytes, 1, &Done, L"de", 4) == STATUS_BUFFER_OVERFLOW);
    CHECK(RtlMultiByteToUnicodeN(Same.Wide, 2, &Done, "xy", 2) == STATUS_SUCCESS && Done == 2);
    CHECK(RtlOemToUnicodeN(Same.Wide, 2, &Done, "xy", 2) == STATUS_BUFFER_OVERFLOW);
    CHECK(RtlMultiByteToUnicodeSize(&Done, "xyz", 3) == STATUS_SUCCESS && Done == 6);
    CHECK(RtlUnicodeToMultiByteSize(&Done, L"xyz", 6) == STATUS_SUCCESS && Done == 3);
    PUCHAR Next = (PUCHAR) "\xE4x";
    CHECK(RtlAnsiCharToUnicodeChar(&Next) == 0xE4 && *Next == 'x');
    WCHAR C = 0xE4, Greek = 0x3B1;
    CHECK(RtlIsValidOemCharacter(&C) && C == 0xC4 && !RtlIsValidOemCharacter(&Greek));
}

static void CountedStringsAreMadeWhole(void)
{
    UNICODE_STRING Source = Unicode(L"ab\xE4"), Greek = Unicode(L"a\x3B1"), Empty = Unicode(L"");
    OEM_STRING Oem;
    CHECK(RtlUpcaseUnicodeStringToOemString(&Oem, &Source, TRUE) == STATUS_SUCCESS);
    CHECK(Oem.Length == 3 && Oem.MaximumLength == 4 && strcmp(Oem.Buffer, "AB\xC4") == 0);
    RtlFreeAnsiString(&Oem);
    CHECK(RtlUnicodeStringToCountedOemString(&Oem, &Source, TRUE) == STATUS_SUCCESS);
    CHECK(Oem.Length == 3 && Oem.MaximumLength == 3 && memcmp(Oem.Buffer, "ab\xE4", 3) == 0);
    Oem.MaximumLength = 2;
    CHECK(RtlUpcaseUnicodeStringToCountedOemString(&Oem, &Source, FALSE) == STATUS_BUFFER_OVERFLOW);
    CHECK(memcmp(Oem.Buffer, "ab\xE4", 3) == 0);
    RtlFreeAnsiString(&Oem);
    CHECK(RtlUnicodeStringToCountedOemString(&Oem, &Greek, TRUE) == STATUS_UNMAPPABLE_CHARACTER);
    CHECK(RtlUnicodeStringToCountedOemString(&Oem, &Empty, TRUE) == STATUS_SUCCESS);
    CHECK(Oem.Buffer == NULL && Oem.Length == 0);
    UNICODE_STRING Wide;
    STRING Bytes = Ansi("xyz");
    CHECK(RtlOemStringToCountedUnicodeString(&Wide, &Bytes, TRUE) == STATUS_SUCCESS);
    CHECK(Is(&Wide, L"xyz") && Wide.MaximumLength == 6);
    RtlFreeUnicodeString(&Wide);
    NoMemory = TRUE;
    CHECK(RtlOemStringToCountedUnicodeString(&Wide, &Bytes, TRUE) == STATUS_NO_MEMORY);
    CHECK(RtlUnicodeStringToCountedOemString(&Oem, &Source, TRUE) == STATUS_NO_MEMORY);
    CHECK(RtlDuplicateUnicodeString(1, &Source, &Wide) == STATUS_NO_MEMORY);
    NoMemory = FALSE;
    CHECK(LiveBlocks == 0);
}

static void StringsAreDuplicatedAndValidated(void)
{
    UNICODE_STRING Source = Unicode(L"abc"), Empty = Unicode(L""), Copy;
    CHECK(RtlDuplicateUnicodeString(0, &Source, &Copy) == STATUS_SUCCESS);
    CHECK(Is(&Copy, L"abc") && Copy.MaximumLength == 6 && Copy.Buffer != Source.Buffer);
    RtlFreeUnicodeString(&Copy);
    CHECK(RtlDuplicateUnicodeString(1, &Source, &Copy) == STATUS_SUCCESS);
    CHECK(Copy.MaximumLength == 8 && Copy.Buffer[3] == 0);
    RtlFreeUnicodeString(&Copy);
    CHECK(RtlDuplicateUnicodeString(1, &Empty, &Copy) == STATUS_SUCCESS && Copy.Buffer == NULL);
    CHECK(RtlDuplicateUnicodeString(3, &Empty, &Copy) == STATUS_SUCCESS);
    CHECK(Copy.Length == 0 && Copy.MaximumLength == 2 && *Copy.Buffer == 0);
    RtlFreeUnicodeString(&Copy);
    CHECK(RtlDuplicateUnicodeString(2, &Source, &Copy) == STATUS_INVALID_PARAMETER);
    CHECK(RtlDuplicateUnicodeString(4, &Source, &Copy) == STATUS_INVALID_PARAMETER);
    UNICODE_STRING Odd = {3, 4, Source.Buffer}, Long = {6, 4, Source.Buffer}, None = {2, 2, NULL};
    CHECK(RtlValidateUnicodeString(0, &Source) == STATUS_SUCCESS);
    CHECK(RtlValidateUnicodeString(0, NULL) == STATUS_SUCCESS);
    CHECK(RtlValidateUnicodeString(1, &Source) == STATUS_INVALID_PARAMETER);
    CHECK(RtlValidateUnicodeString(0, &Odd) == STATUS_INVALID_PARAMETER);
    CHECK(RtlValidateUnicodeString(0, &Long) == STATUS_INVALID_PARAMETER);
    CHECK(RtlValidateUnicodeString(0, &None) == STATUS_INVALID_PARAMETER);
    Odd.Length = 0xFFFE, Odd.MaximumLength = 0xFFFE;
    CHECK(RtlDuplicateUnicodeString(1, &Odd, &Copy) == STATUS_NAME_TOO_LONG);
    CHECK(LiveBlocks == 0);
}

static void ByteStringsAreAppendedAndCompared(void)
{
    CHAR Buffer[4];
    STRING Text = {0, sizeof(Buffer), Buffer}, Tail = Ansi("bc"), Whole = Ansi("Abcd");
    CHECK(RtlAppendAsciizToString(&Text, "a") == STATUS_SUCCESS);
    CHECK(RtlAppendAsciizToString(&Text, NULL) == STATUS_SUCCESS);
    CHECK(RtlAppendStringToString(&Text, &Tail) == STATUS_SUCCESS && Text.Length == 3);
    CHECK(RtlAppendStringToString(&Text, &Tail) == STATUS_BUFFER_TOO_SMALL && Text.Length == 3);
    CHECK(RtlPrefixString(&Text, &Whole, TRUE) && !RtlPrefixString(&Text, &Whole, FALSE));
    CHECK(!RtlPrefixString(&Whole, &Text, TRUE));
    static WCHAR Long[0x8001];
    UNICODE_STRING String;
    CHECK(RtlInitUnicodeStringEx(&String, L"abc") == STATUS_SUCCESS && String.Length == 6);
    CHECK(RtlInitUnicodeStringEx(&String, NULL) == STATUS_SUCCESS && String.Buffer == NULL);
    for (ULONG i = 0; i < 0x8000; i++) {
        Long[i] = 'x';
    }
    CHECK(RtlInitUnicodeStringEx(&String, Long) == STATUS_NAME_TOO_LONG);
    CHECK(RtlInitAnsiStringEx(&Text, "ab") == STATUS_SUCCESS && Text.Length == 2);
}

/* Both ways, with as little room as there can be. */
static void CheckUtf8(PCWSTR Wide, ULONG Count, PCSTR Bytes, ULONG ByteCount)
{
    WCHAR Units[8];
    CHAR Utf8[16];
    ULONG Done;
    CHECK(RtlUnicodeToUTF8N(NULL, 0, &Done, Wide, Count * 2) == STATUS_SUCCESS);
    CHECK(Done == ByteCount);
    CHECK(RtlUnicodeToUTF8N(Utf8, ByteCount, &Done, Wide, Count * 2) == STATUS_SUCCESS);
    CHECK(Done == ByteCount && memcmp(Utf8, Bytes, ByteCount) == 0);
    CHECK(RtlUnicodeToUTF8N(Utf8, ByteCount - 1, &Done, Wide, Count * 2) ==
          STATUS_BUFFER_TOO_SMALL);
    CHECK(Done < ByteCount);
    CHECK(RtlUTF8ToUnicodeN(NULL, 0, &Done, Bytes, ByteCount) == STATUS_SUCCESS);
    CHECK(Done == Count * 2);
    CHECK(RtlUTF8ToUnicodeN(Units, Count * 2, &Done, Bytes, ByteCount) == STATUS_SUCCESS);
    CHECK(Done == Count * 2 && memcmp(Units, Wide, Done) == 0);
    CHECK(RtlUTF8ToUnicodeN(Units, Count * 2 - 1, &Done, Bytes, ByteCount) ==
          STATUS_BUFFER_TOO_SMALL);
}

static void CheckReplaced(PCSTR Bytes, PCWSTR Expected)
{
    WCHAR Units[8] = {0};
    ULONG Done;
    CHECK(RtlUTF8ToUnicodeN(Units, sizeof(Units), &Done, Bytes, strlen(Bytes)) ==
          STATUS_SOME_NOT_MAPPED);
    CHECK(wcscmp(Units, Expected) == 0 && Done == wcslen(Expected) * 2);
}

static void Utf8IsReadAndWritten(void)
{
    CheckUtf8(L"a\0b", 3, "a\0b", 3);
    CheckUtf8(L"\x7F\x80\x7FF\x800\xFFFF", 5, "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF", 11);
    CheckUtf8(L"\xD800\xDC00\xDBFF\xDFFF", 4, "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8);
    CheckReplaced("\x80x", L"\xFFFDx");
    CheckReplaced("\xC0\xAF", L"\xFFFD\xFFFD"); /* longer than need be */
    CheckReplaced("\xE0\x80\x80", L"\xFFFD\xFFFD\xFFFD");
    CheckReplaced("\xED\xA0\x80", L"\xFFFD\xFFFD\xFFFD"); /* a surrogate */
    CheckReplaced("\xF4\x90x", L"\xFFFD\xFFFDx");         /* beyond U+10FFFF */
    CheckReplaced("\xE2\x82", L"\xFFFD");                 /* the end is missing */
    CheckReplaced("\xE2\x82x", L"\xFFFDx");
    CHAR Utf8[16];
    ULONG Done;
    CHECK(RtlUnicodeToUTF8N(Utf8, 16, &Done, L"\xD800x\xDC00", 6) == STATUS_SOME_NOT_MAPPED);
    CHECK(Done == 7 && memcmp(Utf8, "\xEF\xBF\xBDx\xEF\xBF\xBD", 7) == 0);
    CHECK(RtlUnicodeToUTF8N(Utf8, 16, NULL, L"x", 2) == STATUS_SUCCESS);
    CHECK(RtlUnicodeToUTF8N(NULL, 0, NULL, L"x", 2) == STATUS_INVALID_PARAMETER);
    CHECK(RtlUnicodeToUTF8N(Utf8, 16, &Done, NULL, 2) == STATUS_INVALID_PARAMETER_4);
    CHECK(RtlUnicodeToUTF8N(Utf8, 16, &Done, L"x", 1) == STATUS_INVALID_PARAMETER_5);
    CHECK(RtlUTF8ToUnicodeN(NULL, 0, NULL, "x", 1) == STATUS_INVALID_PARAMETER);
    CHECK(RtlUTF8ToUnicodeN(NULL, 0, &Done, NULL, 1) == STATUS_INVALID_PARAMETER_4);
}

static void GuidsAndNumbersAreReadAndWritten(void)
{
    static const GUID Guid = {0x01234567, 0x89AB, 0xCDEF, {1, 2, 3, 4, 5, 6, 7, 0xFF}};
    UNICODE_STRING Text;
    GUID Back;
    CHECK(RtlStringFromGUID(&Guid, &Text) == STATUS_SUCCESS);
    CHECK(Is(&Text, L"{01234567-89AB-CDEF-0102-0304050607FF}"));
    CHECK(RtlGUIDFromString(&Text, &Back) == STATUS_SUCCESS);
    CHECK(memcmp(&Guid, &Back, sizeof(Guid)) == 0);
    for (ULONG i = 0; i < 38; i++) { /* no character may be another kind */
        WCHAR Kept = Text.Buffer[i];
        Text.Buffer[i] = 'g';
        CHECK(RtlGUIDFromString(&Text, &Back) == STATUS_INVALID_PARAMETER);
        Text.Buffer[i] = Kept;
    }
    Text.Length -= 2;
    CHECK(RtlGUIDFromString(&Text, &Back) == STATUS_INVALID_PARAMETER);
    RtlFreeUnicodeString(&Text);
    NoMemory = TRUE;
    CHECK(RtlStringFromGUID(&Guid, &Text) == STATUS_NO_MEMORY);
    NoMemory = FALSE;
    ULONG Value;
    CHECK(RtlCharToInteger(" -0x1F", 0, &Value) == STATUS_SUCCESS && Value == (ULONG)-31);
    CHECK(RtlCharToInteger("1012", 2, &Value) == STATUS_SUCCESS && Value == 5);
    CHECK(RtlCharToInteger("1", 3, &Value) == STATUS_INVALID_PARAMETER);
    CHECK(LiveBlocks == 0);
}

static void DatesAndTimesAreOnes(void)
{
    TIME_FIELDS Fields, Back;
    LARGE_INTEGER Time, Again;
    ULONG Days = 0, Seconds;
    for (LONG Year = 1601; Year < 2405; Year++) { /* day by day, as calendars have it */
        static const LONG Lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        BOOLEAN Leap = (Year % 4 == 0 && Year % 100 != 0) || Year % 400 == 0;
        for (LONG Month = 1; Month <= 12; Month++) {
            for (LONG Day = 1; Day <= Lengths[Month - 1] + (Leap && Month == 2); Day++, Days++) {
                Time.QuadPart = Days * 864000000000LL + 12345678 * 10000LL + 9;
                RtlTimeToTimeFields(&Time, &Fields);
                CHECK(Fields.Year == Year && Fields.Month == Month && Fields.Day == Day);
                CHECK(Fields.Weekday == (CSHORT)((Days + 1) % 7) && Fields.Hour == 3);
                CHECK(Fields.Minute == 25 && Fields.Second == 45 && Fields.Milliseconds == 678);
                CHECK(RtlTimeFieldsToTime(&Fields, &Again) && Again.QuadPart == Time.QuadPart - 9);
            }
        }
    }
    Fields = (TIME_FIELDS){30827, 12, 31, 23, 59, 59, 999, 0};
    CHECK(RtlTimeFieldsToTime(&Fields, &Time));
    RtlTimeToTimeFields(&Time, &Back);
    CHECK(Back.Year == 30827 && Back.Day == 31 && Back.Milliseconds == 999);
    static const TIME_FIELDS Wrong[] = {
        {1600, 1, 1, 0, 0, 0, 0, 0},    {30828, 1, 1, 0, 0, 0, 0, 0}, {2001, 0, 1, 0, 0, 0, 0, 0},
        {2001, 13, 1, 0, 0, 0, 0, 0},   {2001, 2, 29, 0, 0, 0, 0, 0}, {2001, 1, 0, 0, 0, 0, 0, 0},
        {2001, 1, 1, 24, 0, 0, 0, 0},   {2001, 1, 1, 0, 60, 0, 0, 0}, {2001, 1, 1, 0, 0, 60, 0, 0},
        {2001, 1, 1, 0, 0, 0, 1000, 0}, {2001, 1, 1, 0, -1, 0, 0, 0}};
    for (ULONG i = 0; i < RTL_NUMBER_OF(Wrong); i++) {
        Fields = Wrong[i];
        CHECK(!RtlTimeFieldsToTime(&Fields, &Time));
    }
    RtlSecondsSince1970ToTime(0, &Time);
    RtlTimeToTimeFields(&Time, &Fields);
    CHECK(Fields.Year == 1970 && Fields.Month == 1 && Fields.Day == 1 && Fields.Weekday == 4);
    Time.QuadPart--;
    CHECK(!RtlTimeToSecondsSince1970(&Time, &Seconds));
    RtlSecondsSince1970ToTime(MAXULONG, &Time);
    CHECK(RtlTimeToSecondsSince1970(&Time, &Seconds) && Seconds == MAXULONG);
    Time.QuadPart += 10000000;
    CHECK(!RtlTimeToSecondsSince1970(&Time, &Seconds));
    RtlSecondsSince1980ToTime(86400, &Time);
    RtlTimeToTimeFields(&Time, &Fields);
    CHECK(Fields.Year == 1980 && Fields.Month == 1 && Fields.Day == 2);
    CHECK(RtlTimeToSecondsSince1980(&Time, &Seconds) && Seconds == 86400);
    Time.QuadPart = -864000000000LL * 3 - 36000000000LL;
    RtlTimeToElapsedTimeFields(&Time, &Fields);
    CHECK(Fields.Year == 0 && Fields.Day == 3 && Fields.Hour == 1 && Fields.Minute == 0);
}

static ULONG Condition(ULONG Type, UCHAR How)
{
    return (ULONG)VerSetConditionMask(0, Type, How);
}

static void ConditionsAreThreeBitsEach(void)
{
    CHECK(Condition(VER_MINORVERSION, VER_EQUAL) == 1);
    CHECK(Condition(VER_MAJORVERSION, VER_GREATER_EQUAL) == 3 << 3);
    CHECK(Condition(VER_PRODUCT_TYPE, VER_LESS) == 4 << 21);
    CHECK(VerSetConditionMask(1, VER_BUILDNUMBER, VER_LESS_EQUAL) == (5 << 6 | 1));
    CHECK(Condition(0, VER_EQUAL) == 0 && Condition(VER_MINORVERSION, 0) == 0);
}

static void StatusesBecomeWin32Errors(void)
{
    static const struct {
        NTSTATUS Status;
        ULONG Error;
    } Pairs[] = {{STATUS_SUCCESS, 0},
                 {STATUS_ACCESS_DENIED, 5},
                 {STATUS_INVALID_HANDLE, 6},
                 {STATUS_NO_MEMORY, 8},
                 {STATUS_OBJECT_NAME_NOT_FOUND, 2},
                 {STATUS_BUFFER_OVERFLOW, 234},
                 {STATUS_BUFFER_TOO_SMALL, 122},
                 {STATUS_INVALID_PARAMETER, 87},
                 {STATUS_DELETE_PENDING, 5},
                 {STATUS_PENDING, 997},
                 {STATUS_CANCELLED, 995},
                 {STATUS_TIMEOUT, 258},
                 {STATUS_ACCESS_VIOLATION, 998},
                 {STATUS_INSUFFICIENT_RESOURCES, 1450},
                 {STATUS_NO_MORE_FILES, 18},
                 {STATUS_NOT_FOUND, 1168},
                 {(NTSTATUS)0x80070057, 87},
                 {(NTSTATUS)0xC0070005, 5},
                 {(NTSTATUS)0xD0000022, 5},
                 {(NTSTATUS)0xE0000001, 0xE0000001},
                 {(NTSTATUS)0xC0FFFFFF, 317},
                 {STATUS_END_OF_FILE, 38}};
    for (ULONG i = 0; i < RTL_NUMBER_OF(Pairs); i++) {
        CHECK(RtlNtStatusToDosErrorNoTeb(Pairs[i].Status) == Pairs[i].Error);
    }
}

static LARGE_INTEGER L(LONGLONG Value)
{
    return (LARGE_INTEGER){.QuadPart = Value};
}

static void LargeIntegersAreCalculated(void)
{
    ULONG Rest;
    LARGE_INTEGER LargeRest;
    CHECK(RtlpConvertLongToLargeInteger(-1).QuadPart == -1);
    CHECK(RtlpConvertUlongToLargeInteger(MAXULONG).QuadPart == 0xFFFFFFFFLL);
    CHECK(RtlpEnlargedIntegerMultiply(-3, 0x7FFFFFFF).QuadPart == -3LL * 0x7FFFFFFF);
    CHECK(RtlpEnlargedUnsignedMultiply(MAXULONG, 2).QuadPart == 0x1FFFFFFFELL);
    CHECK(RtlpEnlargedUnsignedDivide((ULARGE_INTEGER){.QuadPart = 0x100000005ULL}, 16, &Rest) ==
              0x10000000 &&
          Rest == 5);
    CHECK(RtlpLargeIntegerAdd(L(MAXLONGLONG), L(1)).QuadPart == MINLONGLONG);
    CHECK(RtlpLargeIntegerSubtract(L(1), L(2)).QuadPart == -1);
    CHECK(RtlpLargeIntegerNegate(L(5)).QuadPart == -5);
    CHECK(RtlpLargeIntegerShiftLeft(L(3), 40).QuadPart == 3LL << 40);
    CHECK(RtlpLargeIntegerShiftRight(L(-1), 60).QuadPart == 15);
    CHECK(RtlpLargeIntegerArithmeticShift(L(-16), 2).QuadPart == -4);
    CHECK(RtlExtendedIntegerMultiply(L(1LL << 33), -3).QuadPart == -(3LL << 33));
    CHECK(RtlExtendedLargeIntegerDivide(L(0x100000007LL), 8, &Rest).QuadPart == 0x20000000);
    CHECK(Rest == 7 && RtlExtendedLargeIntegerDivide(L(100), 7, NULL).QuadPart == 14);
    CHECK(RtlLargeIntegerDivide(L(-100), L(7), &LargeRest).QuadPart == -14);
    CHECK(LargeRest.QuadPart == -2 && RtlLargeIntegerDivide(L(9), L(3), NULL).QuadPart == 3);
    /* 10,000,000: 2^87 / 10^7, rounded up; the shift is 87 - 64 */
    LARGE_INTEGER Magic = L((LONGLONG)0xD6BF94D5E57A42BDULL);
    for (LONGLONG i = 1; i < 1LL << 60; i = i * 3 + 1) {
        CHECK(RtlExtendedMagicDivide(L(i), Magic, 23).QuadPart == i / 10000000);
        CHECK(RtlExtendedMagicDivide(L(-i), Magic, 23).QuadPart == -i / 10000000);
    }
    CHECK(RtlpUshortByteSwap(0x1234) == 0x3412 && RtlpUlongByteSwap(0x12345678) == 0x78563412);
    CHECK(RtlpUlonglongByteSwap(0x0123456789ABCDEFULL) == 0xEFCDAB8967452301ULL);
}

static BOOLEAN Matches(PCWSTR Expression, PCWSTR Name)
{
    UNICODE_STRING First = Unicode(Expression), Second = Unicode(Name);
    BOOLEAN Result = FsRtlIsNameInExpression(&First, &Second, TRUE, NULL);
    CHAR Bytes[2][64];
    ANSI_STRING Narrow[2] = {{0, 64, Bytes[0]}, {0, 64, Bytes[1]}};
    RtlUnicodeStringToAnsiString(&Narrow[0], &First, FALSE);
    RtlUpcaseUnicodeStringToOemString(&Narrow[1], &Second, FALSE);
    CHECK(FsRtlIsDbcsInExpression(&Narrow[0], &Narrow[1]) == Result);
    return Result;
}

static void ExpressionsMatchNames(void)
{
    CHECK(Matches(L"*", L"a.b") && Matches(L"ABC", L"abc") && !Matches(L"ABC", L"abcd"));
    CHECK(Matches(L"A*C", L"abcabc") && !Matches(L"A*C", L"abcab") && Matches(L"A*C", L"ac"));
    CHECK(Matches(L"*.C", L"a.b.c") && Matches(L"*A*B*", L"xaxxbx") && !Matches(L"*A*B", L"ba"));
    CHECK(Matches(L"A?C", L"abc") && !Matches(L"A?", L"a") && !Matches(L"?", L"ab"));
    CHECK(Matches(L"", L"") && !Matches(L"*", L"") && !Matches(L"", L"a"));
    CHECK(Matches(L"A>>", L"a") && Matches(L"A>>", L"abc") && !Matches(L"A>>", L"abcd"));
    CHECK(Matches(L"A>>.B", L"a.b") && !Matches(L"A>>B", L"a.b"));
    CHECK(Matches(L"A\"", L"a") && Matches(L"A\"", L"a.") && !Matches(L"A\"", L"ab"));
    CHECK(Matches(L"A\"B", L"a.b") && !Matches(L"A\"B", L"ab"));
    CHECK(Matches(L"<.C", L"a.b.c") && !Matches(L"<.B", L"a.b.c") && Matches(L"<", L"abc"));
    CHECK(Matches(L"<B", L"a.b") == FALSE && Matches(L"*<.C", L"a.b.c"));
    CHECK(Matches(L"<\"*", L"a.b") && Matches(L"<\"*", L"a")); /* what *.* is made of */
    CHECK(Matches(L">>>>>>>>\">>>", L"name.txt") && !Matches(L">>>>\">>>", L"names.txt"));
    static WCHAR Long[700];
    for (ULONG i = 0; i < 699; i++) {
        Long[i] = i % 2 ? '*' : 'A';
    }
    CHECK(!RtlEqualMemory(Long, L"A", 4));
    UNICODE_STRING Expression = Unicode(Long), Name = Unicode(Long);
    for (ULONG i = 0; i < 699; i++) {
        Long[i] = Long[i] == '*' ? '?' : 'A';
    }
    CHECK(FsRtlIsNameInExpression(&Expression, &Name, FALSE, NULL) && LiveBlocks == 0);
    static WCHAR Table[256];
    Table['a'] = 'Z';
    UNICODE_STRING Z = Unicode(L"Z"), A = Unicode(L"a");
    CHECK(FsRtlIsNameInExpression(&Z, &A, TRUE, Table));
    CHECK(FsRtlAreNamesEqual(&A, &A, TRUE, Table) && !FsRtlAreNamesEqual(&Z, &A, TRUE, NULL));
}

static void PathsAreTakenApart(void)
{
    static const PCWSTR Rows[][3] = {{L"", L"", L""},
                                     {L"A", L"A", L""},
                                     {L"A\\B\\C", L"A", L"B\\C"},
                                     {L"\\A", L"A", L""},
                                     {L"A\\\\B;\\C", L"A", L"\\B;\\C"},
                                     {L"\\", L"", L""},
                                     {L"A\\", L"A", L""}};
    for (ULONG i = 0; i < RTL_NUMBER_OF(Rows); i++) {
        UNICODE_STRING First, Rest;
        FsRtlDissectName(Unicode(Rows[i][0]), &First, &Rest);
        CHECK(Is(&First, Rows[i][1]) && Is(&Rest, Rows[i][2]));
    }
    STRING First, Rest;
    FsRtlDissectDbcs(Ansi("\\ab\\cd"), &First, &Rest);
    CHECK(First.Length == 2 && memcmp(First.Buffer, "ab", 2) == 0);
    CHECK(Rest.Length == 2 && memcmp(Rest.Buffer, "cd", 2) == 0);
    UNICODE_STRING Wild = Unicode(L"a?"), Tame = Unicode(L"a.b");
    STRING WildBytes = Ansi("<"), TameBytes = Ansi("a");
    CHECK(FsRtlDoesNameContainWildCards(&Wild) && !FsRtlDoesNameContainWildCards(&Tame));
    CHECK(FsRtlDoesDbcsContainWildCards(&WildBytes) && !FsRtlDoesDbcsContainWildCards(&TameBytes));
}

static BOOLEAN Fat(PCSTR Name)
{
    return FsRtlIsFatDbcsLegal(Ansi(Name), FALSE, FALSE, FALSE);
}

static BOOLEAN Hpfs(PCSTR Name)
{
    return FsRtlIsHpfsDbcsLegal(Ansi(Name), FALSE, FALSE, FALSE);
}

static void NamesAreLegalOrNot(void)
{
    CHECK(Fat("foo") && Fat("foo.bar") && Fat("foo. b") && Fat(" bar") && Fat(".") && Fat(".."));
    CHECK(!Fat(".foo") && !Fat("foo.") && !Fat("foo .b") && !Fat("foo ") && !Fat("a.b.c"));
    CHECK(Fat("12345678.123") && !Fat("123456789") && !Fat("a.1234") && !Fat("") && !Fat("a+b"));
    CHECK(!Fat("a*") && FsRtlIsFatDbcsLegal(Ansi("a*"), TRUE, FALSE, FALSE) && !Fat("\\a"));
    CHECK(FsRtlIsFatDbcsLegal(Ansi("\\a"), FALSE, FALSE, TRUE) && !Fat("a\\b"));
    CHECK(FsRtlIsFatDbcsLegal(Ansi("\\a\\b.c"), FALSE, TRUE, TRUE));
    CHECK(!FsRtlIsFatDbcsLegal(Ansi("\\a\\b+c"), FALSE, TRUE, TRUE));
    CHECK(!FsRtlIsFatDbcsLegal(Ansi("\\\\a"), FALSE, TRUE, TRUE));
    CHECK(!FsRtlIsFatDbcsLegal(Ansi("a\\"), FALSE, TRUE, TRUE));
    CHECK(Hpfs(".foo") && Hpfs(" foo") && Hpfs("foo.bar.foo") && Hpfs("a+b,[c]"));
    CHECK(!Hpfs("foo ") && !Hpfs("foo.") && !Hpfs("a:b") && !Hpfs("a|b") && !Hpfs("a\x01"));
    CHAR Long[257];
    memset(Long, 'x', 256);
    Long[256] = '\0';
    CHECK(!Hpfs(Long) && Hpfs(Long + 1));
    static const PCSTR NoOle = "!/:\\";
    for (ULONG C = 1; C < 128; C++) {
        CHECK(((FsRtlLegalAnsiCharacterArray[C] & FSRTL_OLE_LEGAL) == 0) ==
              (strchr(NoOle, (int)C) != NULL));
        CHECK(((FsRtlLegalAnsiCharacterArray[C] & FSRTL_WILD_CHARACTER) != 0) ==
              (strchr("*?<>\"", (int)C) != NULL));
        BOOLEAN Ntfs = C >= 0x20 && strchr("\"*/:<>?\\|", (int)C) == NULL;
        CHECK(((FsRtlLegalAnsiCharacterArray[C] & FSRTL_NTFS_LEGAL) != 0) == Ntfs);
        CHECK(((FsRtlLegalAnsiCharacterArray[C] & FSRTL_FAT_LEGAL) != 0) ==
              (Ntfs && strchr("+,;=[]", (int)C) == NULL));
    }
}

static int __cdecl CompareNumbers(const void *Left, const void *Right)
{
    int L = *(const int *)Left, R = *(const int *)Right;
    return (L > R) - (L < R);
}

static void TheCLibrarySortsAndConverts(void)
{
    unsigned Seed = 3;
    for (ULONG Count = 0; Count < 40; Count++) {
        int Numbers[40];
        for (ULONG i = 0; i < Count; i++) {
            Numbers[i] = (int)(UnitRandom(&Seed) % 50);
        }
        qsort(Numbers, Count, sizeof(int), CompareNumbers);
        for (ULONG i = 1; i < Count; i++) {
            CHECK(Numbers[i - 1] <= Numbers[i]);
        }
        for (int Key = -1; Key < 51; Key++) {
            BOOLEAN There = FALSE;
            for (ULONG i = 0; i < Count; i++) {
                There |= Numbers[i] == Key;
            }
            int *Found = bsearch(&Key, Numbers, Count, sizeof(int), CompareNumbers);
            CHECK((Found != NULL) == There && (Found == NULL || *Found == Key));
        }
    }
    CHAR Text[40];
    WCHAR Wide[40];
    CHECK(strcmp(_itoa(-12, Text, 10), "-12") == 0 && strcmp(_itoa(-1, Text, 16), "ffffffff") == 0);
    CHECK(strcmp(_itoa(0, Text, 2), "0") == 0 && strcmp(_itoa(1, Text, 1), "") == 0);
    CHECK(strcmp(_itoa((int)0x80000000, Text, 10), "-2147483648") == 0);
    CHECK(wcscmp(_itow(35, Wide, 36), L"z") == 0 && atol(" 42x") == 42);
    CHECK(mbstowcs(Wide, "ab", 40) == 2 && wcscmp(Wide, L"ab") == 0 &&
          mbstowcs(NULL, "ab", 0) == 2);
    CHECK(wcstombs(Text, L"ab", 1) == 1 && wcstombs(Text, L"\x3B1", 40) == (size_t)-1);
    CHECK(wcstombs(NULL, L"ab", 0) == 2 && mbtowc(Wide, "\xE4", 1) == 1 && Wide[0] == 0xE4);
    CHECK(mbtowc(Wide, "", 1) == 0 && mbtowc(Wide, "a", 0) == -1 && wctomb(Text, 0x100) == -1);
    CHECK(strspn("aab", "ab") == 3 && strspn("xa", "a") == 0 && wcsspn(L"ab", L"a") == 1);
    CHECK(wcscspn(L"abc", L"xc") == 2 && strcmp(_strrev(strcpy(Text, "abc")), "cba") == 0);
    CHECK(strcmp(_strnset(Text, 'x', 2), "xxa") == 0 && strcmp(_strset(Text, 'y'), "yyy") == 0);
    CHECK(wcscmp(_wcsrev(wcscpy(Wide, L"ab")), L"ba") == 0);
    CHECK(wcscmp(_wcsnset(Wide, 'z', 1), L"za") == 0);
    srand(7);
    int First = rand(), Second = rand();
    srand(7);
    CHECK(First == rand() && Second == rand() && First != Second && First >= 0 && First < 32768);
}

int main(void)
{
    RUN(BytesAndUnicodeAreConvertedAsFarAsTheyFit);
    RUN(CountedStringsAreMadeWhole);
    RUN(StringsAreDuplicatedAndValidated);
    RUN(ByteStringsAreAppendedAndCompared);
    RUN(Utf8IsReadAndWritten);
    RUN(GuidsAndNumbersAreReadAndWritten);
    RUN(DatesAndTimesAreOnes);
    RUN(ConditionsAreThreeBitsEach);
    RUN(StatusesBecomeWin32Errors);
    RUN(LargeIntegersAreCalculated);
    RUN(ExpressionsMatchNames);
    RUN(PathsAreTakenApart);
    RUN(NamesAreLegalOrNot);
    RUN(TheCLibrarySortsAndConverts);
    printf("%u checks passed\n", UnitChecks);
    return 0;
}
