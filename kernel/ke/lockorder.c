/*
 * The order of locks, learned from how they are taken (checked build).
 *
 * A lock is a node of a graph. Whoever takes B while holding A adds the edge A -> B, with both call
 * sites, unless the graph has a path from B to A: then two threads (or processors) could wait for
 * each other for ever, and the machine stops, although these two did not. So it is enough that each
 * order happens once, at any time. Trying without waiting adds no edge, as it cannot wait.
 *
 * A lock is known by its address, so a node goes when the memory around it is freed, or when a
 * lock is initialized there by a routine of the kernel's (for spin locks and fast mutexes the
 * headers have mostly inline code). Locks on kernel stacks come and go without that: they are not
 * in the graph. Nodes and edges are limited; what finds no room any more is not learned, which is
 * said once.
 *
 * KiOrderLock guards everything here. It is held with interrupts disabled, and is in no graph.
 */
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/ke/lockcheck.h"
#include "mm/mm.h"
#include "sched/sched.h"

#if DBG

#define NODES           1024
#define EDGES           4096
#define BUCKETS         256
#define PATH_EDGES      4 /* of a cycle, that are told; longer ones are cut */
#define RULE_LOCK_ORDER 0x1001

/* Numbers of nodes and edges begin with 1; 0 is none. */
typedef struct _KI_ORDER_NODE {
    PVOID Lock;
    KI_LOCK_KIND Kind;
    USHORT NextInBucket; /* or of the free ones */
    USHORT FirstEdge;
    USHORT ReachedBy; /* edge, in a search */
} KI_ORDER_NODE;

typedef struct _KI_ORDER_EDGE {
    USHORT From, To;
    USHORT Next; /* of the same From, or of the free ones */
    PVOID FromSite, ToSite;
} KI_ORDER_EDGE;

static volatile LONG KiOrderLock;
static KI_ORDER_NODE KiNodes[NODES];
static KI_ORDER_EDGE KiEdges[EDGES];
static USHORT KiBuckets[BUCKETS]; /* by page, so that a freed block's nodes are found */
static USHORT KiFreeNodes, KiFreeEdges;
static USHORT KiNodesMade = 1, KiEdgesMade = 1;
static BOOLEAN KiOrderFull;

/* A violation: what was about to happen, and the path of what has happened before. */
static struct {
    volatile LONG Taken;
    KI_HELD_LOCK Held, Next;
    ULONG Edges;
    struct {
        KI_HELD_LOCK From, To;
    } Before[PATH_EDGES];
} KiViolation;

/* ---- The graph ---------------------------------------------------------------------------------
 */

static USHORT *KiBucketOf(PVOID Lock)
{
    return &KiBuckets[((ULONG_PTR)Lock >> PAGE_SHIFT) % BUCKETS];
}

static USHORT KiFindNode(PVOID Lock)
{
    USHORT Node = *KiBucketOf(Lock);

    while (Node && KiNodes[Node].Lock != Lock)
        Node = KiNodes[Node].NextInBucket;
    return Node;
}

/* 0: there is no room. */
static USHORT KiMakeNode(const KI_HELD_LOCK *Held)
{
    USHORT Node = KiFindNode(Held->Lock), *Bucket = KiBucketOf(Held->Lock);

    if (Node)
        return Node;
    Node = KiFreeNodes;
    if (Node)
        KiFreeNodes = KiNodes[Node].NextInBucket;
    else if (KiNodesMade < NODES)
        Node = KiNodesMade++;
    else
        return 0;
    KiNodes[Node] =
        (KI_ORDER_NODE){.Lock = Held->Lock, .Kind = Held->Kind, .NextInBucket = *Bucket};
    *Bucket = Node;
    return Node;
}

static BOOLEAN KiMakeEdge(const KI_HELD_LOCK *Held, const KI_HELD_LOCK *Next)
{
    USHORT From = KiMakeNode(Held), To = KiMakeNode(Next), Edge = KiFreeEdges;

    if (From == 0 || To == 0)
        return FALSE;
    if (Edge)
        KiFreeEdges = KiEdges[Edge].Next;
    else if (KiEdgesMade < EDGES)
        Edge = KiEdgesMade++;
    else
        return FALSE;
    KiEdges[Edge] = (KI_ORDER_EDGE){From, To, KiNodes[From].FirstEdge, Held->Site, Next->Site};
    KiNodes[From].FirstEdge = Edge;
    return TRUE;
}

static BOOLEAN KiHasEdge(USHORT From, USHORT To)
{
    USHORT Edge = KiNodes[From].FirstEdge;

    while (Edge && KiEdges[Edge].To != To)
        Edge = KiEdges[Edge].Next;
    return Edge != 0;
}

/* Breadth first. The path is then in ReachedBy, from Goal backwards. */
static BOOLEAN KiFindPath(USHORT Start, USHORT Goal)
{
    static USHORT Queue[NODES];
    ULONG Head = 0, Tail = 1, i;
    USHORT Edge;

    for (i = 1; i < KiNodesMade; i++)
        KiNodes[i].ReachedBy = 0;
    for (Queue[0] = Start; Head < Tail; Head++) {
        for (Edge = KiNodes[Queue[Head]].FirstEdge; Edge; Edge = KiEdges[Edge].Next) {
            USHORT To = KiEdges[Edge].To;
            if (To == Start || KiNodes[To].ReachedBy)
                continue;
            KiNodes[To].ReachedBy = Edge;
            if (To == Goal)
                return TRUE;
            Queue[Tail++] = To;
        }
    }
    return FALSE;
}

/* ---- Violations --------------------------------------------------------------------------------
 */

static VOID KiExplainViolation(PVOID Context)
{
    ULONG i;

    UNREFERENCED_PARAMETER(Context);
    KdPrintLine("***  Locks in a wrong order: two that do so at once can wait for each other.\n");
    KiPrintLock("now: ", &KiViolation.Next, ", acquired at");
    KiPrintLock("     while it holds ", &KiViolation.Held, ", acquired at");
    for (i = KiViolation.Edges; i-- > 0;) {
        KiPrintLock("before: ", &KiViolation.Before[i].To, ", acquired at");
        KiPrintLock("     by one who held ", &KiViolation.Before[i].From, ", acquired at");
    }
}

/* Copies what the report needs. FALSE: another processor is reporting. */
static BOOLEAN KiNoteViolation(const KI_HELD_LOCK *Held, const KI_HELD_LOCK *Next, USHORT Start,
                               USHORT Goal)
{
    USHORT Node = Goal;

    if (InterlockedExchange(&KiViolation.Taken, 1))
        return FALSE;
    KiViolation.Held = *Held;
    KiViolation.Next = *Next;
    while (Node != Start && KiViolation.Edges < PATH_EDGES) {
        KI_ORDER_EDGE *Edge = &KiEdges[KiNodes[Node].ReachedBy];
        KI_ORDER_NODE *From = &KiNodes[Edge->From], *To = &KiNodes[Edge->To];
        ULONG i = KiViolation.Edges++;
        KiViolation.Before[i].From = (KI_HELD_LOCK){From->Lock, Edge->FromSite, From->Kind, 0};
        KiViolation.Before[i].To = (KI_HELD_LOCK){To->Lock, Edge->ToSite, To->Kind, 0};
        Node = Edge->From;
    }
    return TRUE;
}

/* ---- Learning ----------------------------------------------------------------------------------
 */

static BOOLEAN KiLockOrder(VOID)
{
    BOOLEAN Enable = KiSaveInterrupts();

    while (InterlockedExchange(&KiOrderLock, 1) != 0)
        YieldProcessor();
    return Enable;
}

static VOID KiUnlockOrder(BOOLEAN Enable)
{
    InterlockedExchange(&KiOrderLock, 0);
    KiRestoreInterrupts(Enable);
}

/* On this thread's kernel stack, which may be the start-up's, or on another's? */
static BOOLEAN KiIsOnStack(PVOID Lock)
{
    PKTHREAD Thread = KiGetCurrentThread();
    PMMPTE Pte = MiSystemPte(Lock);

    if ((ULONG_PTR)Lock >= (ULONG_PTR)Thread->StackLimit &&
        (ULONG_PTR)Lock < (ULONG_PTR)Thread->StackBase)
        return TRUE;
    return (ULONG_PTR)Lock >= MI_SYSTEM_BASE && Pte->Hard.Valid &&
           Pte->Hard.PageFrameNumber <= MmHighestPhysicalPage &&
           MmPfnDatabase[Pte->Hard.PageFrameNumber].Usage == UsageStack;
}

/* FALSE: it is a violation, and has been noted. The order lock is held. */
static BOOLEAN KiLearnPair(const KI_HELD_LOCK *Held, const KI_HELD_LOCK *Next)
{
    USHORT From = KiFindNode(Held->Lock), To = KiFindNode(Next->Lock);

    if (From && To) {
        if (KiHasEdge(From, To))
            return TRUE;
        if (KiFindPath(To, From))
            return !KiNoteViolation(Held, Next, To, From);
    }
    if (!KiMakeEdge(Held, Next) && !KiOrderFull) {
        KiOrderFull = TRUE;
        KdPrintLine("Ke: too many locks, or orders of locks: no more are learned\n");
    }
    return TRUE;
}

VOID KiLearnLockOrder(const KI_HELD_LIST *Held, const KI_HELD_LOCK *Next)
{
    BOOLEAN Enable, Right = TRUE;
    ULONG i;

    if (KiIsOnStack(Next->Lock))
        return;
    Enable = KiLockOrder();
    for (i = 0; i < Held->Count && Right; i++) {
        if (Held->Locks[i].Lock != Next->Lock && !KiIsOnStack(Held->Locks[i].Lock))
            Right = KiLearnPair(&Held->Locks[i], Next);
    }
    KiUnlockOrder(Enable);
    if (Right)
        return;
    KiExplainBugCheck(KiExplainViolation, NULL);
    KeBugCheckEx(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_LOCK_ORDER, (ULONG_PTR)Next->Lock, 0, 0);
}

/* ---- Forgetting: the order lock is held --------------------------------------------------------
 */

/* Frees the edges of a node that lead to Gone; Gone 0: all. */
static VOID KiDeleteEdges(USHORT Node, USHORT Gone)
{
    USHORT *Link = &KiNodes[Node].FirstEdge;

    while (*Link) {
        USHORT Edge = *Link;
        if (Gone && KiEdges[Edge].To != Gone) {
            Link = &KiEdges[Edge].Next;
            continue;
        }
        *Link = KiEdges[Edge].Next;
        KiEdges[Edge].Next = KiFreeEdges;
        KiFreeEdges = Edge;
    }
}

/* Deletes the nodes of a bucket that lie in a range. */
static VOID KiDeleteNodes(USHORT *Link, ULONG_PTR Start, SIZE_T Bytes)
{
    while (*Link) {
        USHORT Node = *Link, i;
        if ((ULONG_PTR)KiNodes[Node].Lock - Start >= Bytes) {
            Link = &KiNodes[Node].NextInBucket;
            continue;
        }
        KiDeleteEdges(Node, 0);
        for (i = 1; i < KiNodesMade; i++)
            KiDeleteEdges(i, Node);
        *Link = KiNodes[Node].NextInBucket;
        KiNodes[Node] = (KI_ORDER_NODE){.NextInBucket = KiFreeNodes};
        KiFreeNodes = Node;
    }
}

VOID KiForgetLocksIn(PVOID Start, SIZE_T Bytes)
{
    ULONG Pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(Start, Bytes), i;
    BOOLEAN Enable = KiLockOrder();

    for (i = 0; i < min(Pages, BUCKETS); i++)
        KiDeleteNodes(KiBucketOf((PUCHAR)Start + i * PAGE_SIZE), (ULONG_PTR)Start, Bytes);
    KiUnlockOrder(Enable);
}

#endif
