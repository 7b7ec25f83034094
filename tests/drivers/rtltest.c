/*
 * The run-time library as drivers import it: each routine is called through its export, so that
 * names, calling conventions and the sizes of results are right. How they behave in every corner is
 * shown on the host (tests/unit/test_rtltables.c, test_rtltext.c).
 */
#include <ntifs.h>
#include "selftest.h"
#include <stdlib.h>
#include <string.h>

/* A routine that the headers make an inline function or a macro of. */
static PVOID Routine(PCWSTR Name)
{
    UNICODE_STRING String;
    PVOID Address;

    RtlInitUnicodeString(&String, Name);
    Address = MmGetSystemRoutineAddress(&String);
    if (Address == NULL)
        DbgPrint("FAIL there is no %S\n", Name);
    TestFailed += Address == NULL;
    return Address;
}

static BOOLEAN IsText(PCUNICODE_STRING String, PCWSTR Text)
{
    UNICODE_STRING Expected;

    RtlInitUnicodeString(&Expected, Text);
    return RtlEqualUnicodeString(String, &Expected, FALSE);
}

static RTL_GENERIC_COMPARE_RESULTS NTAPI CompareUlongs(PRTL_GENERIC_TABLE Table, PVOID First,
                                                       PVOID Second)
{
    ULONG Left = *(PULONG)First, Right = *(PULONG)Second;

    UNREFERENCED_PARAMETER(Table);
    return Left < Right ? GenericLessThan : Left > Right ? GenericGreaterThan : GenericEqual;
}

static PVOID NTAPI AllocateElement(PRTL_GENERIC_TABLE Table, CLONG Bytes)
{
    UNREFERENCED_PARAMETER(Table);
    return ExAllocatePoolWithTag(PagedPool, Bytes, 'tlTR');
}

static VOID NTAPI FreeElement(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    UNREFERENCED_PARAMETER(Table);
    ExFreePoolWithTag(Buffer, 'tlTR');
}

static VOID TestSplayTable(VOID)
{
    RTL_GENERIC_TABLE Table;
    TABLE_SEARCH_RESULT Result;
    PVOID Node, Place = NULL;
    ULONG Sum = 0, i;
    BOOLEAN New;

    RtlInitializeGenericTable(&Table, CompareUlongs, AllocateElement, FreeElement, NULL);
    Check("a new table is empty", RtlIsGenericTableEmpty(&Table));
    for (i = 10; i > 0; i--)
        RtlInsertElementGenericTable(&Table, &i, sizeof i, &New);
    i = 11;
    Check("what is not there is not found",
          RtlLookupElementGenericTableFull(&Table, &i, &Node, &Result) == NULL);
    RtlInsertElementGenericTableFull(&Table, &i, sizeof i, &New, Node, Result);
    Check("what was not there is new", New);
    CheckEqual("elements are counted", RtlNumberGenericTableElements(&Table), 11);
    CheckEqual("element 0 is the first to have come", *(PULONG)RtlGetElementGenericTable(&Table, 0),
               10);
    CheckEqual("the enumeration is in order", *(PULONG)RtlEnumerateGenericTable(&Table, TRUE), 1);
    CheckEqual("... and goes on", *(PULONG)RtlEnumerateGenericTable(&Table, FALSE), 2);
    while ((Node = RtlEnumerateGenericTableWithoutSplaying(&Table, &Place)) != NULL)
        Sum += *(PULONG)Node;
    CheckEqual("the other enumeration has them all", Sum, 66);
    for (i = 1; i <= 11; i++)
        Sum -= RtlLookupElementGenericTable(&Table, &i) != NULL &&
                       RtlDeleteElementGenericTable(&Table, &i)
                   ? i
                   : 0;
    CheckEqual("all are found and deleted", Sum, 0);
}

static VOID TestAvlTable(VOID)
{
    RTL_AVL_TABLE Table;
    TABLE_SEARCH_RESULT Result;
    PVOID Node, Place = NULL;
    ULONG Deleted = 0, i;
    BOOLEAN New;

    RtlInitializeGenericTableAvl(&Table, (PRTL_AVL_COMPARE_ROUTINE)CompareUlongs,
                                 (PRTL_AVL_ALLOCATE_ROUTINE)AllocateElement,
                                 (PRTL_AVL_FREE_ROUTINE)FreeElement, NULL);
    Check("a new AVL table is empty", RtlIsGenericTableEmptyAvl(&Table));
    for (i = 100; i > 1; i--)
        RtlInsertElementGenericTableAvl(&Table, &i, sizeof i, &New);
    CheckRange("it stays low", Table.DepthOfTree, 7, 8);
    RtlLookupElementGenericTableFullAvl(&Table, &i, &Node, &Result);
    CheckEqual("what is less goes to the left", Result, TableInsertAsLeft);
    RtlInsertElementGenericTableFullAvl(&Table, &i, sizeof i, &New, Node, Result);
    CheckEqual("AVL elements are counted", RtlNumberGenericTableElementsAvl(&Table), 100);
    CheckEqual("element 41 is the one by order", *(PULONG)RtlGetElementGenericTableAvl(&Table, 41),
               42);
    CheckEqual("it is enumerated", *(PULONG)RtlEnumerateGenericTableAvl(&Table, TRUE), 1);
    CheckEqual("... without splaying",
               *(PULONG)RtlEnumerateGenericTableWithoutSplayingAvl(&Table, &Place), 1);
    i = 50;
    CheckEqual("... from a first match",
               *(PULONG)RtlLookupFirstMatchingElementGenericTableAvl(&Table, &i, &Place), 50);
    CheckEqual("... like a directory",
               *(PULONG)RtlEnumerateGenericTableLikeADirectory(&Table, NULL, NULL, TRUE, &Place,
                                                               &Deleted, &i),
               51);
    for (i = 1; i <= 100; i++)
        if (RtlLookupElementGenericTableAvl(&Table, &i) == NULL ||
            !RtlDeleteElementGenericTableAvl(&Table, &i))
            break;
    CheckEqual("all are found and deleted again", i, 101);
}

static VOID TestSplayTree(VOID)
{
    RTL_SPLAY_LINKS Nodes[4];
    PRTL_SPLAY_LINKS Root = Nodes;
    ULONG i;

    for (i = 0; i < 4; i++) {
        RtlInitializeSplayLinks(&Nodes[i]);
        if (i > 0)
            RtlInsertAsRightChild(&Nodes[i - 1], &Nodes[i]);
    }
    Root = RtlSplay(&Nodes[2]);
    Check("splaying makes a root", Root == &Nodes[2] && RtlIsRoot(Root));
    Check("the order stays",
          RtlRealSuccessor(&Nodes[1]) == &Nodes[2] && RtlRealPredecessor(&Nodes[1]) == &Nodes[0] &&
              RtlSubtreeSuccessor(Root) == &Nodes[3] && RtlSubtreePredecessor(Root) == &Nodes[1]);
    RtlDeleteNoSplay(&Nodes[2], &Root);
    Check("another is the root", Root != NULL && Root != &Nodes[2] && RtlIsRoot(Root));
    RtlDelete(&Nodes[0]);
    RtlDelete(&Nodes[1]);
    Check("the last leaves nothing", RtlDelete(&Nodes[3]) == NULL);
}

static VOID TestPrefixes(VOID)
{
    UNICODE_PREFIX_TABLE Table;
    UNICODE_PREFIX_TABLE_ENTRY Entry;
    UNICODE_STRING Prefix = RTL_CONSTANT_STRING(L"\\Device");
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\DEVICE\\Disk");
    PREFIX_TABLE ByteTable;
    PREFIX_TABLE_ENTRY ByteEntry;
    STRING BytePrefix = RTL_CONSTANT_STRING("\\a");
    STRING ByteName = RTL_CONSTANT_STRING("\\a\\b");

    RtlInitializeUnicodePrefix(&Table);
    Check("a prefix is inserted", RtlInsertUnicodePrefix(&Table, &Prefix, &Entry));
    Check("... and found", RtlFindUnicodePrefix(&Table, &Name, 0) == &Entry);
    Check("... if the case is right", RtlFindUnicodePrefix(&Table, &Name, 3) == NULL);
    Check("... and is the next", RtlNextUnicodePrefix(&Table, TRUE) == &Entry);
    RtlRemoveUnicodePrefix(&Table, &Entry);
    Check("... until it is removed", RtlFindUnicodePrefix(&Table, &Name, 0) == NULL);
    PfxInitialize(&ByteTable);
    Check("a prefix in bytes is inserted", PfxInsertPrefix(&ByteTable, &BytePrefix, &ByteEntry));
    Check("... and found", PfxFindPrefix(&ByteTable, &ByteName) == &ByteEntry);
    PfxRemovePrefix(&ByteTable, &ByteEntry);
    Check("... until it is removed", PfxFindPrefix(&ByteTable, &ByteName) == NULL);
}

static VOID TestTimes(VOID)
{
    TIME_FIELDS Fields = {2003, 4, 24, 12, 30, 15, 250, 0};
    LARGE_INTEGER Time, Now;
    ULONG Seconds = 0;

    Check("a date is a time", RtlTimeFieldsToTime(&Fields, &Time));
    RtlTimeToTimeFields(&Time, &Fields);
    Check("... and back, a Thursday", Fields.Day == 24 && Fields.Weekday == 4);
    Check("it has been seconds since 1970",
          RtlTimeToSecondsSince1970(&Time, &Seconds) && Seconds == 1051187415);
    RtlSecondsSince1970ToTime(Seconds, &Now);
    Check("... and back to a time", Time.QuadPart - Now.QuadPart == 2500000);
    Check("... and since 1980",
          RtlTimeToSecondsSince1980(&Time, &Seconds) && Seconds == 1051187415 - 315532800);
    RtlSecondsSince1980ToTime(Seconds, &Now);
    Check("... and back to the same time", Time.QuadPart - Now.QuadPart == 2500000);
    KeQuerySystemTime(&Now);
    RtlTimeToTimeFields(&Now, &Fields);
    CheckRange("this is our century", Fields.Year, 2000, 2099);
}

static VOID TestVersion(VOID)
{
    RTL_OSVERSIONINFOEXW Version = {.dwOSVersionInfoSize = sizeof Version};
    ULONGLONG Conditions = 0;
    ULONG Major, Minor, Build;

    PsGetVersion(&Major, &Minor, &Build, NULL);
    CheckEqual("the version is told", RtlGetVersion((PRTL_OSVERSIONINFOW)&Version), 0);
    Check("... as PsGetVersion does", Version.dwMajorVersion == Major &&
                                          Version.dwMinorVersion == Minor &&
                                          Version.dwBuildNumber == Build);
    Check("... with what the short form lacks", Version.wProductType >= 1);
    Conditions = VerSetConditionMask(Conditions, VER_MAJORVERSION, VER_GREATER_EQUAL);
    Conditions = VerSetConditionMask(Conditions, VER_MINORVERSION, VER_GREATER_EQUAL);
    Conditions = VerSetConditionMask(Conditions, VER_SUITENAME, VER_OR);
    Version.dwMajorVersion--;
    Version.dwMinorVersion += 10;
    CheckEqual("a higher version fits, whatever its minor number",
               RtlVerifyVersionInfo(&Version, VER_MAJORVERSION | VER_MINORVERSION, Conditions), 0);
    Version.dwMajorVersion++;
    CheckEqual("... the same does not",
               RtlVerifyVersionInfo(&Version, VER_MAJORVERSION | VER_MINORVERSION, Conditions),
               STATUS_REVISION_MISMATCH);
    CheckEqual("no condition is an error",
               RtlVerifyVersionInfo(&Version, VER_BUILDNUMBER, Conditions),
               STATUS_INVALID_PARAMETER);
    CheckEqual("... so is nothing to ask", RtlVerifyVersionInfo(&Version, 0, Conditions),
               STATUS_INVALID_PARAMETER);
    Version.wSuiteMask = 0;
    CheckEqual("one of no suites is not there",
               RtlVerifyVersionInfo(&Version, VER_SUITENAME, Conditions), STATUS_REVISION_MISMATCH);
}

static VOID TestStrings(VOID)
{
    UNICODE_STRING Wide, Text = RTL_CONSTANT_STRING(L"ab\xE4");
    STRING Bytes, Tail = RTL_CONSTANT_STRING("yz");
    CHAR Buffer[8] = "x";

    CheckEqual("a string too long has its own status", RtlInitUnicodeStringEx(&Wide, L"a"), 0);
    CheckEqual("... in bytes, too", RtlInitAnsiStringEx(&Bytes, Buffer), 0);
    Bytes.MaximumLength = sizeof Buffer;
    Check("bytes are appended",
          NT_SUCCESS(RtlAppendStringToString(&Bytes, &Tail)) && Bytes.Length == 3);
    CheckEqual("a string is duplicated", RtlDuplicateUnicodeString(1, &Text, &Wide), 0);
    CheckEqual("... and valid", RtlValidateUnicodeString(0, &Wide), 0);
    CheckEqual("... and equal", RtlCompareUnicodeStrings(Wide.Buffer, 3, Text.Buffer, 3, FALSE), 0);
    RtlFreeUnicodeString(&Wide);
    CheckEqual("small letters", RtlDowncaseUnicodeChar('Q'), 'q');
    CheckEqual("an OEM string", RtlUnicodeStringToOemString(&Bytes, &Text, TRUE), 0);
    CheckEqual("its size", RtlxOemStringToUnicodeSize(&Bytes), 8);
    CheckEqual("... the other way", RtlxUnicodeStringToOemSize(&Text), 4);
    CheckEqual("back from OEM", RtlOemStringToUnicodeString(&Wide, &Bytes, TRUE), 0);
    Check("... it is the same", RtlEqualUnicodeString(&Wide, &Text, FALSE));
    RtlFreeUnicodeString(&Wide);
    CheckEqual("... counted", RtlOemStringToCountedUnicodeString(&Wide, &Bytes, TRUE), 0);
    RtlFreeUnicodeString(&Wide);
    RtlFreeOemString(&Bytes);
    CheckEqual("OEM capitals", RtlUpcaseUnicodeStringToOemString(&Bytes, &Text, TRUE), 0);
    RtlFreeOemString(&Bytes);
    CheckEqual("... counted", RtlUpcaseUnicodeStringToCountedOemString(&Bytes, &Text, TRUE), 0);
    RtlFreeOemString(&Bytes);
    CheckEqual("OEM counted", RtlUnicodeStringToCountedOemString(&Bytes, &Text, TRUE), 0);
    RtlFreeOemString(&Bytes);
}

static VOID TestNumbersInText(VOID)
{
    UNICODE_STRING Wide;
    GUID Guid = {1, 2, 3, {4}}, Back;
    ULONG Number = 0;

    CheckEqual("a GUID is written", RtlStringFromGUID(&Guid, &Wide), 0);
    Check("... rightly", IsText(&Wide, L"{00000001-0002-0003-0400-000000000000}"));
    CheckEqual("... and read", RtlGUIDFromString(&Wide, &Back), 0);
    Check("... the same", memcmp(&Guid, &Back, sizeof Guid) == 0);
    RtlFreeUnicodeString(&Wide);
    CheckEqual("a number is read", RtlCharToInteger("0x10", 0, &Number), 0);
    CheckEqual("... rightly", Number, 16);
    CheckEqual("an error of Win32", RtlNtStatusToDosError(STATUS_ACCESS_DENIED), 5);
    CheckEqual("... by its other name", RtlNtStatusToDosErrorNoTeb(STATUS_NO_SUCH_FILE), 2);
}

static VOID TestCodePages(VOID)
{
    CHAR Buffer[8];
    WCHAR Units[8], C = 'a';
    ULONG Done = 0;

    RtlUnicodeToOemN(Buffer, 8, &Done, L"abc", 6);
    RtlUpcaseUnicodeToOemN(Buffer + Done, 5, &Done, L"de", 4);
    Check("bytes from Unicode", memcmp(Buffer, "abcDE", 5) == 0 && Done == 2);
    RtlUnicodeToMultiByteN(Buffer, 8, &Done, L"abc", 6);
    RtlUpcaseUnicodeToMultiByteN(Buffer + Done, 5, &Done, L"xy", 4);
    Check("... in the other code page", memcmp(Buffer, "abcXY", 5) == 0);
    RtlOemToUnicodeN(Units, sizeof Units, &Done, Buffer, 2);
    RtlMultiByteToUnicodeN(Units + 2, sizeof Units - 4, &Done, Buffer, 2);
    Check("Unicode from bytes", memcmp(Units, L"abab", 8) == 0);
    RtlMultiByteToUnicodeSize(&Done, Buffer, 2);
    CheckEqual("its size in Unicode", Done, 4);
    RtlUnicodeToMultiByteSize(&Done, Units, 4);
    CheckEqual("... in bytes", Done, 2);
    Check("OEM has this character", RtlIsValidOemCharacter(&C) && C == 'A');
    CheckEqual("UTF-8", RtlUnicodeToUTF8N(Buffer, 8, &Done, L"\x20AC", 2), 0);
    CheckEqual("... back", RtlUTF8ToUnicodeN(Units, 16, &Done, Buffer, Done), 0);
    Check("... it is the euro", Done == 2 && Units[0] == 0x20AC);
    Check("no code page has two bytes a character",
          !NlsMbCodePageTag && !NlsMbOemCodePageTag && NlsOemLeadByteInfo[0xFF] == 0);
}

static VOID TestNames(VOID)
{
    UNICODE_STRING Path = RTL_CONSTANT_STRING(L"\\a\\b.c"), First, Rest;
    UNICODE_STRING Expression = RTL_CONSTANT_STRING(L"*.C");
    STRING Bytes = RTL_CONSTANT_STRING("a\\b"), FirstByte, RestBytes;
    STRING Star = RTL_CONSTANT_STRING("*");

    FsRtlDissectName(Path, &First, &Rest);
    Check("a path has a first part", IsText(&First, L"a") && IsText(&Rest, L"b.c"));
    FsRtlDissectDbcs(Bytes, &FirstByte, &RestBytes);
    Check("... in bytes, too", FirstByte.Length == 1 && *RestBytes.Buffer == 'b');
    Check("a name matches", FsRtlIsNameInExpression(&Expression, &Rest, TRUE, NULL));
    Check("... or not", !FsRtlIsNameInExpression(&Expression, &First, TRUE, NULL));
    Check("... in bytes", FsRtlIsDbcsInExpression(&Star, &Bytes));
    Check("there are wildcards",
          FsRtlDoesNameContainWildCards(&Expression) && !FsRtlDoesNameContainWildCards(&Rest));
    Check("... in bytes", FsRtlDoesDbcsContainWildCards(&Star));
    Check("names are equal", FsRtlAreNamesEqual(&Rest, &Rest, TRUE, NULL));
    Check("a name is legal", FsRtlIsFatDbcsLegal(Bytes, FALSE, TRUE, FALSE) &&
                                 FsRtlIsHpfsDbcsLegal(Bytes, FALSE, TRUE, FALSE) &&
                                 !FsRtlIsFatDbcsLegal(Star, FALSE, FALSE, FALSE));
    Check("characters are legal or wild",
          FsRtlIsAnsiCharacterLegalFat('a', FALSE) && FsRtlIsAnsiCharacterWild('*'));
}

/* Older drivers import what is inline today; those routines are found by name. */
static VOID TestNumbers(VOID)
{
    LARGE_INTEGER(NTAPI * Add)(LARGE_INTEGER, LARGE_INTEGER) = Routine(L"RtlLargeIntegerAdd");
    LARGE_INTEGER(NTAPI * Shift)(LARGE_INTEGER, CCHAR) = Routine(L"RtlLargeIntegerShiftLeft");
    LARGE_INTEGER(NTAPI * Wide)(LONG) = Routine(L"RtlConvertLongToLargeInteger");
    ULONG(FASTCALL * Swap)(ULONG) = Routine(L"RtlUlongByteSwap");
    USHORT(FASTCALL * SwapShort)(USHORT) = Routine(L"RtlUshortByteSwap");
    ULONGLONG(FASTCALL * SwapLong)(ULONGLONG) = Routine(L"RtlUlonglongByteSwap");
    LARGE_INTEGER Two = {.QuadPart = 2}, Rest;
    static ULONGLONG Area[2];
    ULONG Part;

    if (!Add || !Shift || !Wide || !Swap || !SwapShort || !SwapLong)
        return;
    Check("large integers are added", Add(Two, Two).QuadPart == 4);
    Check("... and shifted", Shift(Two, 32).QuadPart == 2LL << 32);
    Check("... and widened", Wide(-5).QuadPart == -5);
    Check("bytes are swapped", Swap(0x12345678) == 0x78563412 && SwapShort(0x1234) == 0x3412 &&
                                   SwapLong(1) == 1ULL << 56);
    Check("products and quotients",
          RtlExtendedIntegerMultiply(Two, -3).QuadPart == -6 &&
              RtlExtendedLargeIntegerDivide(Two, 2, &Part).QuadPart == 1 && Part == 0 &&
              RtlLargeIntegerDivide(Two, Two, &Rest).QuadPart == 1 && Rest.QuadPart == 0);
    Rest.QuadPart = 1LL << 62;
    Check("... by reciprocals", RtlExtendedMagicDivide(Rest, Rest, 0).QuadPart == 1LL << 60);
    RtlFillMemoryUlonglong(Area, sizeof Area, 0x1122334455667788ULL);
    Check("memory is filled by eights", Area[1] == 0x1122334455667788ULL);
    CheckEqual("bits of a word", RtlNumberOfSetBitsUlongPtr(0xF0F0), 8);
    RtlPrefetchMemoryNonTemporal(Area, sizeof Area);
}

static int __cdecl CompareInts(const void *Left, const void *Right)
{
    return *(const int *)Left - *(const int *)Right;
}

static VOID TestLibrary(VOID)
{
    int Numbers[] = {3, 1, 2}, Key = 2;
    CHAR Text[16];
    WCHAR Wide[16];

    qsort(Numbers, 3, sizeof(int), CompareInts);
    Check("numbers are sorted", Numbers[0] == 1 && Numbers[2] == 3);
    Check("... and found", bsearch(&Key, Numbers, 3, sizeof(int), CompareInts) == &Numbers[1]);
    Check("numbers are written",
          strcmp(_itoa(-7, Text, 10), "-7") == 0 && wcscmp(_itow(255, Wide, 16), L"ff") == 0);
    CheckEqual("... and read", atol("-7"), -7);
    Check("bytes are characters", mbstowcs(Wide, "ab", 16) == 2 && wcstombs(Text, L"ab", 16) == 2 &&
                                      mbtowc(Wide, "a", 1) == 1 && wctomb(Text, L'a') == 1);
    strcpy(Text, "abc");
    Check("strings are turned and filled", strcmp(_strrev(Text), "cba") == 0 &&
                                               strcmp(_strnset(Text, 'x', 1), "xba") == 0 &&
                                               strcmp(_strset(Text, 'y'), "yyy") == 0);
    wcscpy(Wide, L"abc");
    Check("... wide ones, too",
          wcscmp(_wcsrev(Wide), L"cba") == 0 && wcscmp(_wcsnset(Wide, 'x', 1), L"xba") == 0);
    Check("characters of a set",
          strspn("aab", "a") == 2 && wcsspn(L"aab", L"a") == 2 && wcscspn(L"aab", L"b") == 2);
    srand(1);
    CheckRange("a number by chance", rand(), 0, 32767);
    Check("lengths have limits", strnlen("abc", 2) == 2 && wcsnlen(L"abc", 2) == 2);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    TestSplayTree();
    TestSplayTable();
    TestAvlTable();
    TestPrefixes();
    TestTimes();
    TestVersion();
    TestStrings();
    TestCodePages();
    TestNumbersInText();
    TestNames();
    TestNumbers();
    TestLibrary();
    return FinishTests("rtltest");
}
