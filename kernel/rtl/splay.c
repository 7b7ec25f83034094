/*
 * Splay trees: binary search trees that put what was looked for last at the top (Sleator, Tarjan,
 * "Self-Adjusting Binary Search Trees"; WDK, "RtlSplay").
 *
 * The nodes are part of the caller's structures, who also decides what is less. Invariant: a child
 * points back to its parent, and the root is its own parent.
 *
 * Locks: none; the caller guards the tree, for looking up as well if that splays. IRQL: any at
 * which the nodes may be touched.
 */
#include "kernel/nt.h"

/* Puts New, or nothing, where Old is. Old's own pointers stay as they are. */
static VOID PutInPlace(PRTL_SPLAY_LINKS Old, PRTL_SPLAY_LINKS New)
{
    PRTL_SPLAY_LINKS Parent = RtlParent(Old);
    if (RtlIsRoot(Old)) {
        Parent = New;
    } else if (RtlIsLeftChild(Old)) {
        Parent->LeftChild = New;
    } else {
        Parent->RightChild = New;
    }
    if (New != NULL) {
        New->Parent = Parent;
    }
}

static VOID SetLeft(PRTL_SPLAY_LINKS Parent, PRTL_SPLAY_LINKS Child)
{
    Parent->LeftChild = Child;
    if (Child != NULL) {
        Child->Parent = Parent;
    }
}

static VOID SetRight(PRTL_SPLAY_LINKS Parent, PRTL_SPLAY_LINKS Child)
{
    Parent->RightChild = Child;
    if (Child != NULL) {
        Child->Parent = Parent;
    }
}

/* Exchanges a node with its parent; the order of all nodes stays. */
static VOID RotateUp(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Parent = RtlParent(Links);
    BOOLEAN Left = RtlIsLeftChild(Links);
    PutInPlace(Parent, Links);
    if (Left) {
        SetLeft(Parent, Links->RightChild);
        SetRight(Links, Parent);
    } else {
        SetRight(Parent, Links->LeftChild);
        SetLeft(Links, Parent);
    }
}

/*
 * Makes a node the root, and returns it. Two steps at a time: of three nodes in a line the upper
 * two change places first, which is what halves the depth of all that lie on the way.
 */
PRTL_SPLAY_LINKS NTAPI RtlSplay(PRTL_SPLAY_LINKS Links)
{
    while (!RtlIsRoot(Links)) {
        PRTL_SPLAY_LINKS Parent = RtlParent(Links);
        if (!RtlIsRoot(Parent)) {
            RotateUp(RtlIsLeftChild(Links) == RtlIsLeftChild(Parent) ? Parent : Links);
        }
        RotateUp(Links);
    }
    return Links;
}

/* The next node in order below this one; NULL if there is none. */
PRTL_SPLAY_LINKS NTAPI RtlSubtreeSuccessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Next = Links->RightChild;
    while (Next != NULL && Next->LeftChild != NULL) {
        Next = Next->LeftChild;
    }
    return Next;
}

PRTL_SPLAY_LINKS NTAPI RtlSubtreePredecessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Previous = Links->LeftChild;
    while (Previous != NULL && Previous->RightChild != NULL) {
        Previous = Previous->RightChild;
    }
    return Previous;
}

/* The next node in order in the whole tree; NULL after the last. */
PRTL_SPLAY_LINKS NTAPI RtlRealSuccessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Next = RtlSubtreeSuccessor(Links);
    if (Next != NULL) {
        return Next;
    }
    while (!RtlIsRoot(Links) && !RtlIsLeftChild(Links)) {
        Links = RtlParent(Links);
    }
    return RtlIsRoot(Links) ? NULL : RtlParent(Links);
}

PRTL_SPLAY_LINKS NTAPI RtlRealPredecessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Previous = RtlSubtreePredecessor(Links);
    if (Previous != NULL) {
        return Previous;
    }
    while (!RtlIsRoot(Links) && RtlIsLeftChild(Links)) {
        Links = RtlParent(Links);
    }
    return RtlIsRoot(Links) ? NULL : RtlParent(Links);
}

/*
 * Takes a node out. If it has two children, its predecessor, which has no right child, moves to its
 * place. Returns the lowest node whose subtree has changed; NULL: the tree is empty.
 */
static PRTL_SPLAY_LINKS TakeOut(PRTL_SPLAY_LINKS Links)
{
    if (Links->LeftChild == NULL || Links->RightChild == NULL) {
        PRTL_SPLAY_LINKS Child = Links->LeftChild != NULL ? Links->LeftChild : Links->RightChild;
        PutInPlace(Links, Child);
        return RtlIsRoot(Links) ? Child : RtlParent(Links);
    }
    PRTL_SPLAY_LINKS Previous = RtlSubtreePredecessor(Links);
    PRTL_SPLAY_LINKS Lowest = RtlParent(Previous) == Links ? Previous : RtlParent(Previous);
    PutInPlace(Previous, Previous->LeftChild);
    SetLeft(Previous, Links->LeftChild);
    SetRight(Previous, Links->RightChild);
    PutInPlace(Links, Previous);
    return Lowest;
}

/* Takes a node out and splays where it was. Returns the new root; NULL: the tree is empty. */
PRTL_SPLAY_LINKS NTAPI RtlDelete(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Lowest = TakeOut(Links);
    return Lowest != NULL ? RtlSplay(Lowest) : NULL;
}

/* Takes a node out and leaves the others where they are, as far as possible. */
VOID NTAPI RtlDeleteNoSplay(PRTL_SPLAY_LINKS Links, PRTL_SPLAY_LINKS *Root)
{
    PRTL_SPLAY_LINKS Top = TakeOut(Links);
    while (Top != NULL && !RtlIsRoot(Top)) {
        Top = RtlParent(Top);
    }
    *Root = Top;
}
