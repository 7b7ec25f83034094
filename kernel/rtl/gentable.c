/*
 * Generic tables on splay trees: sets of what the caller says, ordered by a routine of the caller's
 * in memory of the caller's (WDK, "RtlInitializeGenericTable").
 *
 * An element is a header and a copy of the caller's data. It is in the tree, by order, and in a
 * list, by age. Invariants: both hold the same NumberGenericTableElements elements; OrderedPointer
 * is the element number WhichOrderedElement of the list, from 1, or the list's head and 0.
 *
 * Locks: none; callers guard their tables, exclusively even to look something up, since that
 * splays. IRQL: any at which table and elements may be touched.
 */
#include "kernel/nt.h"

typedef struct _TABLE_ELEMENT {
    RTL_SPLAY_LINKS Links;
    LIST_ENTRY Order;
    UCHAR Data[] __attribute__((aligned(8)));
} TABLE_ELEMENT, *PTABLE_ELEMENT;

/* Drivers' allocation routines are told this much more than the size of the data. */
C_ASSERT(sizeof(TABLE_ELEMENT) == 24);

static PTABLE_ELEMENT ElementOfLinks(PRTL_SPLAY_LINKS Links)
{
    return CONTAINING_RECORD(Links, TABLE_ELEMENT, Links);
}

VOID NTAPI RtlInitializeGenericTable(PRTL_GENERIC_TABLE Table,
                                     PRTL_GENERIC_COMPARE_ROUTINE CompareRoutine,
                                     PRTL_GENERIC_ALLOCATE_ROUTINE AllocateRoutine,
                                     PRTL_GENERIC_FREE_ROUTINE FreeRoutine, PVOID TableContext)
{
    RtlZeroMemory(Table, sizeof(*Table));
    InitializeListHead(&Table->InsertOrderList);
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/* The node with this data, or the one below which it would have to be; untouched if none is. */
static TABLE_SEARCH_RESULT Search(PRTL_GENERIC_TABLE Table, PVOID Buffer, PRTL_SPLAY_LINKS *Node)
{
    TABLE_SEARCH_RESULT Result = TableEmptyTree;
    for (PRTL_SPLAY_LINKS Next = Table->TableRoot; Next != NULL;) {
        *Node = Next;
        switch (Table->CompareRoutine(Table, Buffer, ElementOfLinks(Next)->Data)) {
        case GenericLessThan:
            Result = TableInsertAsLeft;
            Next = Next->LeftChild;
            break;
        case GenericGreaterThan:
            Result = TableInsertAsRight;
            Next = Next->RightChild;
            break;
        default:
            return TableFoundNode;
        }
    }
    return Result;
}

/* The data, or NULL; how the search ended is what RtlInsertElementGenericTableFull wants. */
PVOID NTAPI RtlLookupElementGenericTableFull(PRTL_GENERIC_TABLE Table, PVOID Buffer,
                                             PVOID *NodeOrParent, TABLE_SEARCH_RESULT *SearchResult)
{
    *SearchResult = Search(Table, Buffer, (PRTL_SPLAY_LINKS *)NodeOrParent);
    if (*SearchResult != TableFoundNode) {
        return NULL;
    }
    Table->TableRoot = RtlSplay(*NodeOrParent);
    return ElementOfLinks(*NodeOrParent)->Data;
}

PVOID NTAPI RtlLookupElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    PVOID Node;
    TABLE_SEARCH_RESULT Result;
    return RtlLookupElementGenericTableFull(Table, Buffer, &Node, &Result);
}

static PTABLE_ELEMENT MakeElement(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize)
{
    PTABLE_ELEMENT Element = Table->AllocateRoutine(Table, sizeof(TABLE_ELEMENT) + BufferSize);
    if (Element != NULL) {
        RtlInitializeSplayLinks(&Element->Links);
        InsertTailList(&Table->InsertOrderList, &Element->Order);
        RtlCopyMemory(Element->Data, Buffer, BufferSize);
        Table->NumberGenericTableElements++;
    }
    return Element;
}

/*
 * A copy of Buffer, or the element that is there already (NewElement, which may be NULL, says
 * which); NULL if the table's routine gives no memory. NodeOrParent and SearchResult are from a
 * lookup of the same data, with no change since.
 */
PVOID NTAPI RtlInsertElementGenericTableFull(PRTL_GENERIC_TABLE Table, PVOID Buffer,
                                             CLONG BufferSize, PBOOLEAN NewElement,
                                             PVOID NodeOrParent, TABLE_SEARCH_RESULT SearchResult)
{
    BOOLEAN New = SearchResult != TableFoundNode;
    PTABLE_ELEMENT Element =
        New ? MakeElement(Table, Buffer, BufferSize) : ElementOfLinks(NodeOrParent);
    if (NewElement != NULL) {
        *NewElement = New && Element != NULL;
    }
    if (Element == NULL) {
        return NULL;
    }
    if (SearchResult == TableInsertAsLeft) {
        RtlInsertAsLeftChild(NodeOrParent, &Element->Links);
    } else if (SearchResult == TableInsertAsRight) {
        RtlInsertAsRightChild(NodeOrParent, &Element->Links);
    }
    Table->TableRoot = RtlSplay(&Element->Links);
    return Element->Data;
}

PVOID NTAPI RtlInsertElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize,
                                         PBOOLEAN NewElement)
{
    PRTL_SPLAY_LINKS Node = NULL;
    TABLE_SEARCH_RESULT Result = Search(Table, Buffer, &Node);
    return RtlInsertElementGenericTableFull(Table, Buffer, BufferSize, NewElement, Node, Result);
}

/* FALSE: there is no such element. */
BOOLEAN NTAPI RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    PRTL_SPLAY_LINKS Node;
    if (Search(Table, Buffer, &Node) != TableFoundNode) {
        return FALSE;
    }
    ASSERT(Table->NumberGenericTableElements != 0);
    Table->TableRoot = RtlDelete(Node);
    RemoveEntryList(&ElementOfLinks(Node)->Order);
    Table->NumberGenericTableElements--;
    Table->WhichOrderedElement = 0;
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->FreeRoutine(Table, ElementOfLinks(Node));
    return TRUE;
}

/* The element after the root, which the last call has put there, by order; NULL after the last. */
PVOID NTAPI RtlEnumerateGenericTable(PRTL_GENERIC_TABLE Table, BOOLEAN Restart)
{
    PRTL_SPLAY_LINKS Next = Table->TableRoot;
    if (Next == NULL) {
        return NULL;
    }
    if (!Restart) {
        Next = RtlRealSuccessor(Next);
    } else {
        while (Next->LeftChild != NULL) {
            Next = Next->LeftChild;
        }
    }
    if (Next == NULL) {
        return NULL;
    }
    Table->TableRoot = RtlSplay(Next);
    return ElementOfLinks(Next)->Data;
}

/* The same, but the caller keeps the place: NULL to begin with. */
PVOID NTAPI RtlEnumerateGenericTableWithoutSplaying(PRTL_GENERIC_TABLE Table, PVOID *RestartKey)
{
    PRTL_SPLAY_LINKS Next = Table->TableRoot;
    if (Next == NULL) {
        return NULL;
    }
    if (*RestartKey != NULL) {
        Next = RtlRealSuccessor(*RestartKey);
    } else {
        while (Next->LeftChild != NULL) {
            Next = Next->LeftChild;
        }
    }
    if (Next == NULL) {
        return NULL;
    }
    *RestartKey = Next;
    return ElementOfLinks(Next)->Data;
}

/* Element I, from 0, by age; NULL if there are no so many. One step if I is next to the last I. */
PVOID NTAPI RtlGetElementGenericTable(PRTL_GENERIC_TABLE Table, ULONG I)
{
    if (I >= Table->NumberGenericTableElements) {
        return NULL;
    }
    for (; Table->WhichOrderedElement < I + 1; Table->WhichOrderedElement++) {
        Table->OrderedPointer = Table->OrderedPointer->Flink;
    }
    for (; Table->WhichOrderedElement > I + 1; Table->WhichOrderedElement--) {
        Table->OrderedPointer = Table->OrderedPointer->Blink;
    }
    return CONTAINING_RECORD(Table->OrderedPointer, TABLE_ELEMENT, Order)->Data;
}

ULONG NTAPI RtlNumberGenericTableElements(PRTL_GENERIC_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

BOOLEAN NTAPI RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE Table)
{
    return Table->TableRoot == NULL;
}
