/*
 * Generic tables on AVL trees: like those of gentable.c, but looking something up changes nothing,
 * so that readers can share a lock (WDK, "RtlInitializeGenericTableAvl"; Knuth, "The Art of
 * Computer Programming", 6.2.3, for the balancing).
 *
 * The tree hangs at the right of the table's BalancedRoot, which is its own parent and holds no
 * data. So the root is not a special case anywhere. Invariants: a node's Balance is the height of
 * its right side less that of its left, and -1, 0 or 1; DepthOfTree is the height of the whole;
 * OrderedPointer is NULL, or the element number WhichOrderedElement by order, from 0.
 *
 * Locks: none; callers guard their tables. IRQL: any at which table and elements may be touched.
 */
#include "kernel/nt.h"

typedef RTL_BALANCED_LINKS NODE, *PNODE;

typedef struct _TABLE_ELEMENT {
    NODE Links;
    UCHAR Data[] __attribute__((aligned(8)));
} TABLE_ELEMENT;

/* Drivers' allocation routines are told this much more than the size of the data. */
C_ASSERT(sizeof(TABLE_ELEMENT) == 16);

static PVOID DataOf(PNODE Node)
{
    return CONTAINING_RECORD(Node, TABLE_ELEMENT, Links)->Data;
}

static PNODE *ChildOf(PNODE Node, BOOLEAN Right)
{
    return Right ? &Node->RightChild : &Node->LeftChild;
}

static BOOLEAN IsRightChild(PNODE Node)
{
    return Node->Parent->RightChild == Node;
}

static VOID SetChild(PNODE Parent, BOOLEAN Right, PNODE Child)
{
    *ChildOf(Parent, Right) = Child;
    if (Child != NULL) {
        Child->Parent = Parent;
    }
}

/* Exchanges a node with its parent; the order of all nodes stays. */
static VOID RotateUp(PNODE Node)
{
    PNODE Parent = Node->Parent;
    BOOLEAN Right = IsRightChild(Node);
    SetChild(Parent->Parent, IsRightChild(Parent), Node);
    SetChild(Parent, Right, *ChildOf(Node, !Right));
    SetChild(Node, !Right, Parent);
}

/*
 * Node's subtree at this side is higher by two: one or two rotations mend it. Returns the node that
 * is on top now; the whole has become lower by one if that one's Balance is 0.
 */
static PNODE Rebalance(PNODE Node, BOOLEAN Right)
{
    CHAR Lean = Right ? 1 : -1;
    PNODE Child = *ChildOf(Node, Right);
    if (Child->Balance != -Lean) {
        BOOLEAN Even = Child->Balance == 0;
        RotateUp(Child);
        Node->Balance = Even ? Lean : 0;
        Child->Balance = Even ? -Lean : 0;
        return Child;
    }
    PNODE Middle = *ChildOf(Child, !Right);
    RotateUp(Middle);
    RotateUp(Middle);
    Node->Balance = Middle->Balance == Lean ? -Lean : 0;
    Child->Balance = Middle->Balance == -Lean ? Lean : 0;
    Middle->Balance = 0;
    return Middle;
}

/* A subtree, whose top is Node, has become higher by one. */
static VOID HasGrown(PRTL_AVL_TABLE Table, PNODE Node)
{
    for (; Node->Parent != &Table->BalancedRoot; Node = Node->Parent) {
        PNODE Parent = Node->Parent;
        CHAR Lean = IsRightChild(Node) ? 1 : -1;
        if (Parent->Balance == Lean) {
            Rebalance(Parent, Lean > 0);
            return;
        }
        Parent->Balance += Lean;
        if (Parent->Balance == 0) {
            return;
        }
    }
    Table->DepthOfTree++;
}

/* Node's subtree at this side has become lower by one. */
static VOID HasShrunk(PRTL_AVL_TABLE Table, PNODE Node, BOOLEAN Right)
{
    while (Node != &Table->BalancedRoot) {
        CHAR Lean = Right ? -1 : 1;
        if (Node->Balance == Lean) {
            Node = Rebalance(Node, !Right);
        } else {
            Node->Balance += Lean;
        }
        if (Node->Balance != 0) {
            return;
        }
        Right = IsRightChild(Node);
        Node = Node->Parent;
    }
    Table->DepthOfTree--;
}

/* The last node that is reached from Node by always going to this side. */
static PNODE Outermost(PNODE Node, BOOLEAN Right)
{
    while (Node != NULL && *ChildOf(Node, Right) != NULL) {
        Node = *ChildOf(Node, Right);
    }
    return Node;
}

/* The next node in order, or the one before; NULL at the end. */
static PNODE Step(PNODE Node, BOOLEAN Forward)
{
    PNODE Next = Outermost(*ChildOf(Node, Forward), !Forward);
    if (Next != NULL) {
        return Next;
    }
    while (Node->Parent != Node && IsRightChild(Node) == Forward) {
        Node = Node->Parent;
    }
    Next = Node->Parent;
    return Next->Parent == Next ? NULL : Next;
}

VOID NTAPI RtlInitializeGenericTableAvl(PRTL_AVL_TABLE Table,
                                        PRTL_AVL_COMPARE_ROUTINE CompareRoutine,
                                        PRTL_AVL_ALLOCATE_ROUTINE AllocateRoutine,
                                        PRTL_AVL_FREE_ROUTINE FreeRoutine, PVOID TableContext)
{
    RtlZeroMemory(Table, sizeof(*Table));
    Table->BalancedRoot.Parent = &Table->BalancedRoot;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/* The node with this data, or the one below which it would have to be; untouched if none is. */
static TABLE_SEARCH_RESULT Search(PRTL_AVL_TABLE Table, PVOID Buffer, PNODE *Node)
{
    TABLE_SEARCH_RESULT Result = TableEmptyTree;
    for (PNODE Next = Table->BalancedRoot.RightChild; Next != NULL;) {
        *Node = Next;
        RTL_GENERIC_COMPARE_RESULTS Order = Table->CompareRoutine(Table, Buffer, DataOf(Next));
        if (Order == GenericEqual) {
            return TableFoundNode;
        }
        Result = Order == GenericGreaterThan ? TableInsertAsRight : TableInsertAsLeft;
        Next = *ChildOf(Next, Order == GenericGreaterThan);
    }
    return Result;
}

/* The data, or NULL; how the search ended is what RtlInsertElementGenericTableFullAvl wants. */
PVOID NTAPI RtlLookupElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer,
                                                PVOID *NodeOrParent,
                                                TABLE_SEARCH_RESULT *SearchResult)
{
    *SearchResult = Search(Table, Buffer, (PNODE *)NodeOrParent);
    return *SearchResult == TableFoundNode ? DataOf(*NodeOrParent) : NULL;
}

PVOID NTAPI RtlLookupElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    PNODE Node;
    return Search(Table, Buffer, &Node) == TableFoundNode ? DataOf(Node) : NULL;
}

/* The first by order of the elements that the table's routine takes for equal to Buffer. */
PVOID NTAPI RtlLookupFirstMatchingElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer,
                                                         PVOID *RestartKey)
{
    PNODE Node;
    if (Search(Table, Buffer, &Node) != TableFoundNode) {
        return NULL;
    }
    PNODE Previous = Step(Node, FALSE);
    while (Previous != NULL &&
           Table->CompareRoutine(Table, Buffer, DataOf(Previous)) == GenericEqual) {
        Node = Previous;
        Previous = Step(Node, FALSE);
    }
    *RestartKey = Node;
    return DataOf(Node);
}

/* A new leaf, or NULL for want of memory. */
static PNODE AddLeaf(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize, PNODE Parent,
                     BOOLEAN Right)
{
    PNODE Node = Table->AllocateRoutine(Table, sizeof(TABLE_ELEMENT) + BufferSize);
    if (Node == NULL) {
        return NULL;
    }
    RtlZeroMemory(Node, sizeof(*Node));
    RtlCopyMemory(DataOf(Node), Buffer, BufferSize);
    SetChild(Parent, Right, Node);
    HasGrown(Table, Node);
    Table->NumberGenericTableElements++;
    Table->OrderedPointer = NULL;
    return Node;
}

/*
 * A copy of Buffer, or the element that is there already (NewElement, which may be NULL, says
 * which); NULL if the table's routine gives no memory. NodeOrParent and SearchResult are from a
 * lookup of the same data, with no change since.
 */
PVOID NTAPI RtlInsertElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer,
                                                CLONG BufferSize, PBOOLEAN NewElement,
                                                PVOID NodeOrParent,
                                                TABLE_SEARCH_RESULT SearchResult)
{
    BOOLEAN New = SearchResult != TableFoundNode;
    PNODE Node = NodeOrParent;
    if (New) {
        PNODE Parent = SearchResult == TableEmptyTree ? &Table->BalancedRoot : Node;
        Node = AddLeaf(Table, Buffer, BufferSize, Parent, SearchResult != TableInsertAsLeft);
    }
    if (NewElement != NULL) {
        *NewElement = New && Node != NULL;
    }
    return Node != NULL ? DataOf(Node) : NULL;
}

PVOID NTAPI RtlInsertElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize,
                                            PBOOLEAN NewElement)
{
    PNODE Node = NULL;
    TABLE_SEARCH_RESULT Result = Search(Table, Buffer, &Node);
    return RtlInsertElementGenericTableFullAvl(Table, Buffer, BufferSize, NewElement, Node, Result);
}

/* Takes a node out of the tree. One with two children changes places with a neighbour first. */
static VOID TakeOut(PRTL_AVL_TABLE Table, PNODE Node)
{
    PNODE Leaver = Node;
    if (Node->LeftChild != NULL && Node->RightChild != NULL) {
        Leaver = Step(Node, Node->Balance >= 0);
    }
    PNODE Parent = Leaver->Parent;
    BOOLEAN Right = IsRightChild(Leaver);
    SetChild(Parent, Right, Leaver->LeftChild != NULL ? Leaver->LeftChild : Leaver->RightChild);
    if (Leaver != Node) {
        Leaver->Balance = Node->Balance;
        SetChild(Node->Parent, IsRightChild(Node), Leaver);
        SetChild(Leaver, FALSE, Node->LeftChild);
        SetChild(Leaver, TRUE, Node->RightChild);
    }
    HasShrunk(Table, Parent == Node ? Leaver : Parent, Right);
}

/* FALSE: there is no such element. */
BOOLEAN NTAPI RtlDeleteElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    PNODE Node;
    if (Search(Table, Buffer, &Node) != TableFoundNode) {
        return FALSE;
    }
    ASSERT(Table->NumberGenericTableElements != 0);
    if (Table->RestartKey == Node) {
        Table->RestartKey = Step(Node, FALSE); /* so that the enumeration loses nothing */
    }
    TakeOut(Table, Node);
    Table->NumberGenericTableElements--;
    Table->DeleteCount++;
    Table->OrderedPointer = NULL;
    Table->FreeRoutine(Table, Node);
    return TRUE;
}

/* The element after *RestartKey by order, the first for NULL; the caller keeps the place. */
PVOID NTAPI RtlEnumerateGenericTableWithoutSplayingAvl(PRTL_AVL_TABLE Table, PVOID *RestartKey)
{
    PNODE Next = *RestartKey != NULL ? Step(*RestartKey, TRUE)
                                     : Outermost(Table->BalancedRoot.RightChild, FALSE);
    if (Next == NULL) {
        return NULL;
    }
    *RestartKey = Next;
    return DataOf(Next);
}

/* The same; the table keeps the place. */
PVOID NTAPI RtlEnumerateGenericTableAvl(PRTL_AVL_TABLE Table, BOOLEAN Restart)
{
    PVOID Place = Restart ? NULL : Table->RestartKey;
    PVOID Data = RtlEnumerateGenericTableWithoutSplayingAvl(Table, &Place);
    Table->RestartKey = Place;
    return Data;
}

/* Where Buffer is or would be: the node with this data or else the next one, as NextFlag wants. */
static PNODE FindPlace(PRTL_AVL_TABLE Table, PVOID Buffer, BOOLEAN NextFlag)
{
    PNODE Node;
    switch (Search(Table, Buffer, &Node)) {
    case TableEmptyTree:
        return NULL;
    case TableFoundNode:
        return NextFlag ? Step(Node, TRUE) : Node;
    case TableInsertAsLeft:
        return Node;
    default:
        return Step(Node, TRUE);
    }
}

/*
 * The next element for which MatchFunction, if there is one, returns STATUS_SUCCESS. On
 * STATUS_NO_MATCH the search goes on; any other status ends it. It begins at *RestartKey, or behind
 * it if NextFlag says so; or at Buffer's place if there is no key, or an element has been deleted
 * since the call that left *DeleteCount. (WDK, "RtlEnumerateGenericTableLikeADirectory")
 */
PVOID NTAPI RtlEnumerateGenericTableLikeADirectory(PRTL_AVL_TABLE Table,
                                                   PRTL_AVL_MATCH_FUNCTION MatchFunction,
                                                   PVOID MatchData, ULONG NextFlag,
                                                   PVOID *RestartKey, PULONG DeleteCount,
                                                   PVOID Buffer)
{
    PNODE Node = *RestartKey;
    if (Node == NULL || *DeleteCount != Table->DeleteCount) {
        Node = FindPlace(Table, Buffer, NextFlag != 0);
    } else if (NextFlag) {
        Node = Step(Node, TRUE);
    }
    *DeleteCount = Table->DeleteCount;
    for (; Node != NULL; Node = Step(Node, TRUE)) {
        NTSTATUS Status =
            MatchFunction != NULL ? MatchFunction(Table, DataOf(Node), MatchData) : STATUS_SUCCESS;
        *RestartKey = Node;
        if (Status != STATUS_NO_MATCH) {
            return Status == STATUS_SUCCESS ? DataOf(Node) : NULL;
        }
    }
    return NULL;
}

/* Element I, from 0, by order; NULL if there are no so many. One step if I is next to the last I.
 */
PVOID NTAPI RtlGetElementGenericTableAvl(PRTL_AVL_TABLE Table, ULONG I)
{
    if (I >= Table->NumberGenericTableElements) {
        return NULL;
    }
    if (Table->OrderedPointer == NULL) {
        Table->OrderedPointer = Outermost(Table->BalancedRoot.RightChild, FALSE);
        Table->WhichOrderedElement = 0;
    }
    while (Table->WhichOrderedElement != I) {
        BOOLEAN Forward = Table->WhichOrderedElement < I;
        Table->OrderedPointer = Step(Table->OrderedPointer, Forward);
        Table->WhichOrderedElement += Forward ? 1 : -1;
    }
    return DataOf(Table->OrderedPointer);
}

ULONG NTAPI RtlNumberGenericTableElementsAvl(PRTL_AVL_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

BOOLEAN NTAPI RtlIsGenericTableEmptyAvl(PRTL_AVL_TABLE Table)
{
    return Table->NumberGenericTableElements == 0;
}
