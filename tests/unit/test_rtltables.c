/*
 * The run-time library's trees and tables: splay trees, generic tables of both kinds, prefix
 * tables. Both kinds of table are put beside a model, an array of which numbers are in, through a
 * long sequence of random operations; the trees' own invariants are looked at after each.
 */
#include "tests/unit/rtl_host.h"
#include "kernel/rtl/rtl.h"

#define NUMBERS 64 /* keys are 0 to 63 */
#define STEPS   20000

static LONG TableBlocks;
static BOOLEAN TableMemoryIsShort;

typedef struct _RECORD {
    LONG Key;
    LONG Value;
} RECORD;

static RTL_GENERIC_COMPARE_RESULTS Order(PVOID First, PVOID Second)
{
    LONG Left = ((RECORD *)First)->Key, Right = ((RECORD *)Second)->Key;
    return Left < Right ? GenericLessThan : Left > Right ? GenericGreaterThan : GenericEqual;
}

static PVOID Allocate(ULONG Bytes, ULONG Header)
{
    CHECK(Bytes == Header + sizeof(RECORD));
    TableBlocks += TableMemoryIsShort ? 0 : 1;
    return TableMemoryIsShort ? NULL : malloc(Bytes);
}

static void Free(PVOID Buffer)
{
    TableBlocks--;
    free(Buffer);
}

static RTL_GENERIC_COMPARE_RESULTS NTAPI SplayOrder(PRTL_GENERIC_TABLE Table, PVOID First,
                                                    PVOID Second)
{
    CHECK(Table->TableContext == &TableBlocks);
    return Order(First, Second);
}

static PVOID NTAPI SplayAllocate(PRTL_GENERIC_TABLE Table, CLONG Bytes)
{
    (void)Table;
    return Allocate(Bytes, 24);
}

static VOID NTAPI SplayFree(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    (void)Table;
    Free(Buffer);
}

static RTL_GENERIC_COMPARE_RESULTS NTAPI AvlOrder(PRTL_AVL_TABLE Table, PVOID First, PVOID Second)
{
    CHECK(Table->TableContext == &TableBlocks);
    return Order(First, Second);
}

static PVOID NTAPI AvlAllocate(PRTL_AVL_TABLE Table, CLONG Bytes)
{
    (void)Table;
    return Allocate(Bytes, 16);
}

static VOID NTAPI AvlFree(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    (void)Table;
    Free(Buffer);
}

/* Children point back, keys are in order; returns the number of nodes. The data is behind a node's
 * links and list entry. */
static ULONG CheckSplay(PRTL_SPLAY_LINKS Links, LONG *Last)
{
    if (Links == NULL) {
        return 0;
    }
    CHECK(Links->LeftChild == NULL || Links->LeftChild->Parent == Links);
    CHECK(Links->RightChild == NULL || Links->RightChild->Parent == Links);
    ULONG Count = CheckSplay(Links->LeftChild, Last);
    LONG Key = ((RECORD *)((PUCHAR)Links + 24))->Key;
    CHECK(Key > *Last);
    *Last = Key;
    return Count + 1 + CheckSplay(Links->RightChild, Last);
}

/* The same, and the balance. Returns the height. */
static LONG CheckAvl(PRTL_BALANCED_LINKS Links, LONG *Last, ULONG *Count)
{
    if (Links == NULL) {
        return 0;
    }
    CHECK(Links->LeftChild == NULL || Links->LeftChild->Parent == Links);
    CHECK(Links->RightChild == NULL || Links->RightChild->Parent == Links);
    LONG Left = CheckAvl(Links->LeftChild, Last, Count);
    LONG Key = ((RECORD *)((PUCHAR)Links + 16))->Key;
    CHECK(Key > *Last);
    *Last = Key;
    ++*Count;
    LONG Right = CheckAvl(Links->RightChild, Last, Count);
    CHECK(Links->Balance == Right - Left && Right - Left >= -1 && Right - Left <= 1);
    return 1 + max(Left, Right);
}

/* The numbers that are in, and in which order they came. */
static BOOLEAN In[NUMBERS];
static LONG Age[NUMBERS];
static ULONG InCount;

static void ModelInsert(LONG Key)
{
    In[Key] = TRUE;
    Age[InCount++] = Key;
}

static void ModelDelete(LONG Key)
{
    ULONG i = 0;
    In[Key] = FALSE;
    while (Age[i] != Key) {
        i++;
    }
    for (InCount--; i < InCount; i++) {
        Age[i] = Age[i + 1];
    }
}

static LONG NextIn(LONG Key)
{
    do {
        Key++;
    } while (Key < NUMBERS && !In[Key]);
    return Key;
}

static void CheckSplayTable(PRTL_GENERIC_TABLE Table, ULONG Index)
{
    LONG Last = -1;
    CHECK(Table->TableRoot == NULL || Table->TableRoot->Parent == Table->TableRoot);
    CHECK(CheckSplay(Table->TableRoot, &Last) == InCount);
    CHECK(RtlNumberGenericTableElements(Table) == InCount);
    CHECK(RtlIsGenericTableEmpty(Table) == (InCount == 0));
    RECORD *Found = RtlGetElementGenericTable(Table, Index);
    CHECK((Found != NULL) == (Index < InCount) && (Found == NULL || Found->Key == Age[Index]));
}

static void SplayTablesBehaveLikeSets(void)
{
    RTL_GENERIC_TABLE Table;
    unsigned Seed = 1;
    RtlInitializeGenericTable(&Table, SplayOrder, SplayAllocate, SplayFree, &TableBlocks);
    for (ULONG Step = 0; Step < STEPS; Step++) {
        RECORD Record = {(LONG)(UnitRandom(&Seed) % NUMBERS), (LONG)Step};
        BOOLEAN New = 7;
        if (UnitRandom(&Seed) % 2) {
            RECORD *Placed = RtlInsertElementGenericTable(&Table, &Record, sizeof(Record), &New);
            CHECK(Placed->Key == Record.Key && New == !In[Record.Key]);
            CHECK((Placed->Value == (LONG)Step) == New && ((ULONG_PTR)Placed & 7) == 0);
            if (New) {
                ModelInsert(Record.Key);
            }
        } else {
            RECORD *Found = RtlLookupElementGenericTable(&Table, &Record);
            CHECK((Found != NULL) == In[Record.Key]);
            CHECK(RtlDeleteElementGenericTable(&Table, &Record) == In[Record.Key]);
            if (In[Record.Key]) {
                ModelDelete(Record.Key);
            }
        }
        CheckSplayTable(&Table, UnitRandom(&Seed) % NUMBERS);
    }
    LONG Key = NextIn(-1);
    for (RECORD *At = RtlEnumerateGenericTable(&Table, TRUE); At != NULL;
         At = RtlEnumerateGenericTable(&Table, FALSE), Key = NextIn(Key)) {
        CHECK(At->Key == Key);
    }
    CHECK(Key == NUMBERS);
    PVOID Place = NULL;
    for (LONG Next = NextIn(-1); Next < NUMBERS; Next = NextIn(Next)) {
        CHECK(((RECORD *)RtlEnumerateGenericTableWithoutSplaying(&Table, &Place))->Key == Next);
    }
    CHECK(RtlEnumerateGenericTableWithoutSplaying(&Table, &Place) == NULL);
    for (RECORD *At; (At = RtlEnumerateGenericTable(&Table, TRUE)) != NULL;) {
        RECORD Record = *At;
        ModelDelete(Record.Key);
        CHECK(RtlDeleteElementGenericTable(&Table, &Record));
    }
    CHECK(TableBlocks == 0 && RtlIsGenericTableEmpty(&Table) && InCount == 0);
}

static void InsertsAfterALookupNeedNoSecondSearch(void)
{
    RTL_GENERIC_TABLE Table;
    RTL_AVL_TABLE Avl;
    RtlInitializeGenericTable(&Table, SplayOrder, SplayAllocate, SplayFree, &TableBlocks);
    RtlInitializeGenericTableAvl(&Avl, AvlOrder, AvlAllocate, AvlFree, &TableBlocks);
    static const LONG Keys[] = {5, 2, 8, 2, 9, 1};
    static const TABLE_SEARCH_RESULT AvlResults[] = {TableEmptyTree,     TableInsertAsLeft,
                                                     TableInsertAsRight, TableFoundNode,
                                                     TableInsertAsRight, TableInsertAsLeft};
    for (ULONG i = 0; i < RTL_NUMBER_OF(Keys); i++) {
        RECORD Record = {Keys[i], 0};
        PVOID Node;
        TABLE_SEARCH_RESULT Result;
        BOOLEAN New, Known = i == 3;
        CHECK((RtlLookupElementGenericTableFull(&Table, &Record, &Node, &Result) != NULL) == Known);
        RtlInsertElementGenericTableFull(&Table, &Record, sizeof(Record), &New, Node, Result);
        CHECK(New == !Known);
        CHECK((RtlLookupElementGenericTableFullAvl(&Avl, &Record, &Node, &Result) != NULL) ==
              Known);
        CHECK(Result == AvlResults[i]);
        RtlInsertElementGenericTableFullAvl(&Avl, &Record, sizeof(Record), &New, Node, Result);
        CHECK(New == !Known);
    }
    LONG Last = 0;
    ULONG Count = 0;
    CHECK(CheckSplay(Table.TableRoot, &Last) == 5);
    Last = 0;
    CHECK(CheckAvl(Avl.BalancedRoot.RightChild, &Last, &Count) == 3 && Count == 5);
    for (LONG Key = 0; Key < 10; Key++) {
        RECORD Record = {Key, 0};
        CHECK(RtlDeleteElementGenericTable(&Table, &Record) ==
              RtlDeleteElementGenericTableAvl(&Avl, &Record));
    }
    CHECK(TableBlocks == 0);
}

static void ATableWithoutMemoryStaysAsItIs(void)
{
    RTL_GENERIC_TABLE Table;
    RTL_AVL_TABLE Avl;
    RECORD Record = {1, 0};
    BOOLEAN New = TRUE;
    RtlInitializeGenericTable(&Table, SplayOrder, SplayAllocate, SplayFree, &TableBlocks);
    RtlInitializeGenericTableAvl(&Avl, AvlOrder, AvlAllocate, AvlFree, &TableBlocks);
    TableMemoryIsShort = TRUE;
    CHECK(RtlInsertElementGenericTable(&Table, &Record, sizeof(Record), &New) == NULL && !New);
    New = TRUE;
    CHECK(RtlInsertElementGenericTableAvl(&Avl, &Record, sizeof(Record), &New) == NULL && !New);
    CHECK(RtlIsGenericTableEmpty(&Table) && RtlIsGenericTableEmptyAvl(&Avl));
    TableMemoryIsShort = FALSE;
    CHECK(RtlInsertElementGenericTableAvl(&Avl, &Record, sizeof(Record), NULL) != NULL);
    CHECK(RtlDeleteElementGenericTableAvl(&Avl, &Record));
}

static void CheckAvlTable(PRTL_AVL_TABLE Table, ULONG Index)
{
    LONG Last = -1;
    ULONG Count = 0;
    CHECK(CheckAvl(Table->BalancedRoot.RightChild, &Last, &Count) == (LONG)Table->DepthOfTree);
    CHECK(Count == InCount && RtlNumberGenericTableElementsAvl(Table) == InCount);
    CHECK(RtlIsGenericTableEmptyAvl(Table) == (InCount == 0));
    CHECK(InCount == 0 || Table->BalancedRoot.RightChild->Parent == &Table->BalancedRoot);
    LONG Key = NextIn(-1);
    for (ULONG i = 0; i < Index && Key < NUMBERS; i++) {
        Key = NextIn(Key);
    }
    RECORD *Found = RtlGetElementGenericTableAvl(Table, Index);
    CHECK(Key < NUMBERS ? Found->Key == Key : Found == NULL);
}

static void AvlTablesBehaveLikeSets(void)
{
    RTL_AVL_TABLE Table;
    unsigned Seed = 2;
    RtlInitializeGenericTableAvl(&Table, AvlOrder, AvlAllocate, AvlFree, &TableBlocks);
    for (ULONG Step = 0; Step < STEPS; Step++) {
        RECORD Record = {(LONG)(UnitRandom(&Seed) % NUMBERS), (LONG)Step};
        BOOLEAN New = 7;
        if (UnitRandom(&Seed) % 2) {
            RECORD *Placed = RtlInsertElementGenericTableAvl(&Table, &Record, sizeof(Record), &New);
            CHECK(Placed->Key == Record.Key && New == !In[Record.Key]);
            CHECK((Placed->Value == (LONG)Step) == New);
            if (New) {
                ModelInsert(Record.Key);
            }
        } else {
            CHECK((RtlLookupElementGenericTableAvl(&Table, &Record) != NULL) == In[Record.Key]);
            CHECK(RtlDeleteElementGenericTableAvl(&Table, &Record) == In[Record.Key]);
            if (In[Record.Key]) {
                ModelDelete(Record.Key);
            }
        }
        CheckAvlTable(&Table, UnitRandom(&Seed) % NUMBERS);
    }
    LONG Key = NextIn(-1);
    for (RECORD *At = RtlEnumerateGenericTableAvl(&Table, TRUE); At != NULL; Key = NextIn(Key)) {
        CHECK(At->Key == Key);
        RECORD Record = *At; /* deleting where it stands loses none of the others */
        if (Key % 3 == 0) {
            ModelDelete(Key);
            CHECK(RtlDeleteElementGenericTableAvl(&Table, &Record));
        }
        At = RtlEnumerateGenericTableAvl(&Table, FALSE);
    }
    CHECK(Key == NUMBERS);
    PVOID Place = NULL;
    for (RECORD *At; (At = RtlEnumerateGenericTableWithoutSplayingAvl(&Table, &Place)) != NULL;) {
        RECORD Record = *At;
        ModelDelete(Record.Key);
        CHECK(RtlDeleteElementGenericTableAvl(&Table, &Record));
        Place = NULL;
    }
    CHECK(TableBlocks == 0 && InCount == 0 && Table.DepthOfTree == 0);
}

static NTSTATUS NTAPI MatchOdd(PRTL_AVL_TABLE Table, PVOID UserData, PVOID MatchData)
{
    (void)Table;
    LONG Key = ((RECORD *)UserData)->Key;
    if (Key > *(LONG *)MatchData) {
        return STATUS_NO_MORE_MATCHES;
    }
    return Key % 2 ? STATUS_SUCCESS : STATUS_NO_MATCH;
}

static RTL_GENERIC_COMPARE_RESULTS NTAPI TensOnly(PRTL_AVL_TABLE Table, PVOID First, PVOID Second)
{
    LONG Left = ((RECORD *)First)->Key / 10, Right = ((RECORD *)Second)->Key / 10;
    (void)Table;
    return Left < Right ? GenericLessThan : Left > Right ? GenericGreaterThan : GenericEqual;
}

/* What a directory's listing needs: a pattern, a place that outlives deletions. */
static void AvlTablesAreListedLikeDirectories(void)
{
    RTL_AVL_TABLE Table;
    PVOID Place = NULL;
    ULONG Deleted = 0;
    LONG Limit = 10;
    RECORD Start = {0, 0};
    RtlInitializeGenericTableAvl(&Table, AvlOrder, AvlAllocate, AvlFree, &TableBlocks);
    CHECK(RtlEnumerateGenericTableLikeADirectory(&Table, NULL, NULL, 0, &Place, &Deleted, &Start) ==
          NULL);
    for (LONG i = 1; i <= 20; i++) {
        RECORD Record = {i, 0};
        RtlInsertElementGenericTableAvl(&Table, &Record, sizeof(Record), NULL);
    }
    for (LONG Key = 1; Key <= 9; Key += 2) {
        RECORD *At = RtlEnumerateGenericTableLikeADirectory(&Table, MatchOdd, &Limit, Key > 1,
                                                            &Place, &Deleted, &Start);
        CHECK(At->Key == Key);
        Start = *At;
        if (Key == 5) { /* the place is lost, the name is not */
            CHECK(RtlDeleteElementGenericTableAvl(&Table, &Start));
        }
    }
    CHECK(RtlEnumerateGenericTableLikeADirectory(&Table, MatchOdd, &Limit, 1, &Place, &Deleted,
                                                 &Start) == NULL);
    Place = NULL;
    Start.Key = 12;
    CHECK(((RECORD *)RtlEnumerateGenericTableLikeADirectory(&Table, NULL, NULL, 0, &Place, &Deleted,
                                                            &Start))
              ->Key == 12);
    Place = NULL;
    CHECK(((RECORD *)RtlEnumerateGenericTableLikeADirectory(&Table, NULL, NULL, 1, &Place, &Deleted,
                                                            &Start))
              ->Key == 13);
    CHECK(((RECORD *)RtlEnumerateGenericTableLikeADirectory(&Table, NULL, NULL, 0, &Place, &Deleted,
                                                            &Start))
              ->Key == 13);
    Table.CompareRoutine = TensOnly;
    CHECK(((RECORD *)RtlLookupFirstMatchingElementGenericTableAvl(&Table, &Start, &Place))->Key ==
          10);
    CHECK(((RECORD *)RtlEnumerateGenericTableWithoutSplayingAvl(&Table, &Place))->Key == 11);
    Table.CompareRoutine = AvlOrder;
    for (LONG i = 1; i <= 20; i++) {
        RECORD Record = {i, 0};
        CHECK(RtlDeleteElementGenericTableAvl(&Table, &Record) == (i != 5));
    }
    CHECK(TableBlocks == 0);
}

/* A bare splay tree, of nodes in an array: their order is that of their addresses. */
static void SplayTreesKeepTheirOrder(void)
{
    static RTL_SPLAY_LINKS Nodes[16];
    PRTL_SPLAY_LINKS Root = &Nodes[0];
    RtlInitializeSplayLinks(Root);
    for (ULONG i = 1; i < 16; i++) {
        RtlInitializeSplayLinks(&Nodes[i]);
        RtlInsertAsRightChild(&Nodes[i - 1], &Nodes[i]);
    }
    Root = RtlSplay(&Nodes[15]);
    CHECK(Root == &Nodes[15] && Root->Parent == Root && Root->RightChild == NULL);
    CHECK(RtlSplay(&Nodes[7]) == &Nodes[7]);
    CHECK(RtlSubtreeSuccessor(&Nodes[7]) == &Nodes[8]);
    CHECK(RtlSubtreePredecessor(&Nodes[7]) == &Nodes[6]);
    CHECK(RtlRealPredecessor(&Nodes[0]) == NULL && RtlRealSuccessor(&Nodes[15]) == NULL);
    CHECK(RtlSubtreeSuccessor(&Nodes[15]) == NULL && RtlSubtreePredecessor(&Nodes[0]) == NULL);
    for (ULONG i = 0; i < 15; i++) {
        CHECK(RtlRealSuccessor(&Nodes[i]) == &Nodes[i + 1]);
        CHECK(RtlRealPredecessor(&Nodes[i + 1]) == &Nodes[i]);
    }
    RtlDeleteNoSplay(&Nodes[7], &Root); /* the root, with two children */
    CHECK(Root->Parent == Root && RtlRealSuccessor(&Nodes[6]) == &Nodes[8]);
    PRTL_SPLAY_LINKS Before = Root;
    RtlDeleteNoSplay(&Nodes[0], &Root);
    CHECK(Root == Before && RtlRealPredecessor(&Nodes[1]) == NULL);
    for (ULONG i = 1; i < 16; i++) {
        if (i != 7) {
            Root = RtlDelete(&Nodes[i]);
            CHECK(Root == NULL || Root->Parent == Root);
        }
    }
    CHECK(Root == NULL);
}

static PUNICODE_PREFIX_TABLE_ENTRY Longest(PUNICODE_PREFIX_TABLE Table, PCWSTR Name, ULONG Exact)
{
    UNICODE_STRING String = Unicode(Name);
    return RtlFindUnicodePrefix(Table, &String, Exact);
}

static void TheLongestPrefixIsFound(void)
{
    UNICODE_PREFIX_TABLE Table;
    UNICODE_PREFIX_TABLE_ENTRY Entries[6];
    UNICODE_STRING Names[] = {Unicode(L"\\a\\b"), Unicode(L"\\"),     Unicode(L"\\a"),
                              Unicode(L"\\A\\b"), Unicode(L"\\a\\b"), Unicode(L"\\x")};
    RtlInitializeUnicodePrefix(&Table);
    CHECK(RtlNextUnicodePrefix(&Table, TRUE) == NULL);
    CHECK(Longest(&Table, L"\\a", 0) == NULL);
    for (ULONG i = 0; i < 6; i++) {
        CHECK(RtlInsertUnicodePrefix(&Table, &Names[i], &Entries[i]) == (i != 4));
    }
    CHECK(Longest(&Table, L"\\a\\b\\c", 100) == &Entries[0]);
    CHECK(Longest(&Table, L"\\A\\b\\c", 100) == &Entries[3]);
    CHECK(Longest(&Table, L"\\A\\B", 2) == &Entries[3]); /* the case matters up to there */
    CHECK(Longest(&Table, L"\\a\\bc", 0) == &Entries[2]);
    CHECK(Longest(&Table, L"\\ab", 0) == &Entries[1]);
    CHECK(Longest(&Table, L"\\X\\y", 0) == &Entries[5]);
    CHECK(Longest(&Table, L"\\X\\y", 2) == &Entries[1]);
    CHECK(Longest(&Table, L"x", 0) == NULL && Longest(&Table, L"", 0) == NULL);
    ULONG Seen = 0;
    for (PUNICODE_PREFIX_TABLE_ENTRY At = RtlNextUnicodePrefix(&Table, TRUE); At != NULL;
         At = RtlNextUnicodePrefix(&Table, FALSE)) {
        Seen |= 1u << (At - Entries);
    }
    CHECK(Seen == 0x2F);
    RtlRemoveUnicodePrefix(&Table, &Entries[0]);
    CHECK(Longest(&Table, L"\\a\\b", 100) == &Entries[2]);
    CHECK(Longest(&Table, L"\\a\\b", 0) == &Entries[3]);
    RtlNextUnicodePrefix(&Table, TRUE);
    RtlRemoveUnicodePrefix(&Table, &Entries[3]); /* where the enumeration stands */
    CHECK(RtlNextUnicodePrefix(&Table, FALSE) != NULL);
}

static void PrefixesInBytesWorkAlike(void)
{
    PREFIX_TABLE Table;
    PREFIX_TABLE_ENTRY Entries[3];
    STRING Names[] = {Ansi("\\a"), Ansi("\\a\\b"), Ansi("\\a")};
    STRING Full = Ansi("\\a\\b\\c"), Near = Ansi("\\a\\bc"), Other = Ansi("\\A\\b");
    PfxInitialize(&Table);
    CHECK(PfxInsertPrefix(&Table, &Names[0], &Entries[0]));
    CHECK(PfxInsertPrefix(&Table, &Names[1], &Entries[1]));
    CHECK(!PfxInsertPrefix(&Table, &Names[2], &Entries[2]));
    CHECK(PfxFindPrefix(&Table, &Full) == &Entries[1]);
    CHECK(PfxFindPrefix(&Table, &Near) == &Entries[0] && PfxFindPrefix(&Table, &Other) == NULL);
    PfxRemovePrefix(&Table, &Entries[1]);
    CHECK(PfxFindPrefix(&Table, &Full) == &Entries[0]);
}

int main(void)
{
    RUN(SplayTreesKeepTheirOrder);
    RUN(SplayTablesBehaveLikeSets);
    RUN(AvlTablesBehaveLikeSets);
    RUN(InsertsAfterALookupNeedNoSecondSearch);
    RUN(ATableWithoutMemoryStaysAsItIs);
    RUN(AvlTablesAreListedLikeDirectories);
    RUN(TheLongestPrefixIsFound);
    RUN(PrefixesInBytesWorkAlike);
    printf("%u checks passed\n", UnitChecks);
    return 0;
}
