/*
 * Hash tables that grow and shrink by one bucket at a time (WDK: RtlCreateHashTable and its kin;
 * linear hashing). The caller serializes, and gives each entry's hash (its Signature).
 *
 * Buckets are in segments: the first has 128, each further one as many as all before it; so none
 * ever moves. Buckets below Pivot have been split already: for them one more bit of the hash
 * counts. A chain is in the order of signatures; those of an enumerator are 0, and stand anywhere.
 */
#include "kernel/rtl/rtl.h"

#define TAG_HASH       'hTtR'
#define FIRST_BUCKETS  128
#define SEGMENTS       16 /* so 4 million buckets at most */
#define ENUMERATOR     0  /* a signature that no entry has ... */
#define NOT_ENUMERATOR 1  /* ... but this one instead */

/* The chain of a bucket. */
static PLIST_ENTRY RtlpBucket(PRTL_DYNAMIC_HASH_TABLE Table, ULONG Index)
{
    PLIST_ENTRY *Segments = Table->Directory;
    ULONG Segment = 0, Start = 0, End = FIRST_BUCKETS;

    for (; Index >= End; Segment++) {
        Start = End;
        End *= 2;
    }
    return &Segments[Segment][Index - Start];
}

static ULONG RtlpIndexOf(PRTL_DYNAMIC_HASH_TABLE Table, ULONG_PTR Signature)
{
    ULONG Hash = (ULONG)(Signature >> Table->Shift) * 2654435761u;

    Hash ^= Hash >> 16;
    if ((Hash & Table->DivisorMask) >= Table->Pivot)
        return Hash & Table->DivisorMask;
    return Hash & (Table->DivisorMask << 1 | 1);
}

static ULONG_PTR RtlpSignature(ULONG_PTR Signature)
{
    return Signature == ENUMERATOR ? NOT_ENUMERATOR : Signature;
}

static VOID RtlpLink(PRTL_DYNAMIC_HASH_TABLE Table, PLIST_ENTRY Chain, PLIST_ENTRY Before,
                     PLIST_ENTRY Link)
{
    Table->NonEmptyBuckets += IsListEmpty(Chain);
    InsertHeadList(Before, Link);
}

static VOID RtlpUnlink(PRTL_DYNAMIC_HASH_TABLE Table, PLIST_ENTRY Link)
{
    Table->NonEmptyBuckets -= RemoveEntryList(Link); /* TRUE: the chain is empty now */
}

/* Makes segment and bucket. FALSE: no memory, or no more segments. */
static BOOLEAN RtlpAddBucket(PRTL_DYNAMIC_HASH_TABLE Table, ULONG Index)
{
    PLIST_ENTRY *Segments = Table->Directory;
    ULONG Segment = 0, End = FIRST_BUCKETS, Buckets;

    for (; Index >= End; Segment++)
        End *= 2;
    Buckets = Segment ? End / 2 : End;
    if (Segment == SEGMENTS)
        return FALSE;
    if (Segments[Segment] == NULL)
        Segments[Segment] =
            ExAllocatePoolWithTag(NonPagedPool, Buckets * sizeof(LIST_ENTRY), TAG_HASH);
    if (Segments[Segment] == NULL)
        return FALSE;
    InitializeListHead(RtlpBucket(Table, Index));
    return TRUE;
}

/*
 * Makes a table (WDK: RtlCreateHashTable): in *HashTable, or in pool if that is NULL. Shift: how
 * many low bits of signatures mean nothing. FALSE: no memory, or Flags is not 0.
 * IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI RtlCreateHashTable(PRTL_DYNAMIC_HASH_TABLE *HashTable, ULONG Shift, ULONG Flags)
{
    PRTL_DYNAMIC_HASH_TABLE Table = *HashTable;
    ULONG i;

    if (Flags || Shift >= 32)
        return FALSE;
    if (Table == NULL)
        Table = ExAllocatePoolWithTag(NonPagedPool, sizeof *Table, TAG_HASH);
    if (Table == NULL)
        return FALSE;
    RtlZeroMemory(Table, sizeof *Table);
    Table->Flags = *HashTable ? 0 : RTL_HASH_ALLOCATED_HEADER;
    Table->Shift = Shift;
    Table->TableSize = FIRST_BUCKETS;
    Table->DivisorMask = FIRST_BUCKETS - 1;
    Table->Directory =
        ExAllocatePoolWithTag(NonPagedPool, SEGMENTS * sizeof(PLIST_ENTRY), TAG_HASH);
    if (Table->Directory)
        RtlZeroMemory(Table->Directory, SEGMENTS * sizeof(PLIST_ENTRY));
    for (i = 0; i < FIRST_BUCKETS && Table->Directory; i++) {
        if (!RtlpAddBucket(Table, i)) {
            RtlDeleteHashTable(Table);
            return FALSE;
        }
    }
    if (Table->Directory == NULL) {
        RtlDeleteHashTable(Table);
        return FALSE;
    }
    *HashTable = Table;
    return TRUE;
}

/* Frees what the table is made of; the entries are their owner's. */
VOID NTAPI RtlDeleteHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable)
{
    PLIST_ENTRY *Segments = HashTable->Directory;
    ULONG i;

    for (i = 0; i < SEGMENTS && Segments; i++) {
        if (Segments[i])
            ExFreePoolWithTag(Segments[i], TAG_HASH);
    }
    if (Segments)
        ExFreePoolWithTag(Segments, TAG_HASH);
    HashTable->Directory = NULL;
    if (HashTable->Flags & RTL_HASH_ALLOCATED_HEADER)
        ExFreePoolWithTag(HashTable, TAG_HASH);
}

/* ---- Entries -----------------------------------------------------------------------------------
 */

static PRTL_DYNAMIC_HASH_TABLE_ENTRY RtlpEntry(PLIST_ENTRY Link)
{
    return CONTAINING_RECORD(Link, RTL_DYNAMIC_HASH_TABLE_ENTRY, Linkage);
}

/* The chain of a signature, and the last link that stands before its place. */
static VOID RtlpFindPlace(PRTL_DYNAMIC_HASH_TABLE Table, ULONG_PTR Signature,
                          PRTL_DYNAMIC_HASH_TABLE_CONTEXT Context)
{
    PLIST_ENTRY Link;

    Context->Signature = Signature;
    Context->ChainHead = RtlpBucket(Table, RtlpIndexOf(Table, Signature));
    Context->PrevLinkage = Context->ChainHead;
    for (Link = Context->ChainHead->Flink; Link != Context->ChainHead; Link = Link->Flink) {
        ULONG_PTR Other = RtlpEntry(Link)->Signature;
        if (Other == ENUMERATOR)
            continue;
        if (Other >= Signature)
            break;
        Context->PrevLinkage = Link;
    }
}

/* The first entry of the signature behind a link, which becomes the context's; NULL: there is
 * none. */
static PRTL_DYNAMIC_HASH_TABLE_ENTRY RtlpFindBehind(PLIST_ENTRY Link,
                                                    PRTL_DYNAMIC_HASH_TABLE_CONTEXT Context)
{
    for (Link = Link->Flink; Link != Context->ChainHead; Link = Link->Flink) {
        PRTL_DYNAMIC_HASH_TABLE_ENTRY Entry = RtlpEntry(Link);
        if (Entry->Signature == ENUMERATOR)
            continue;
        if (Entry->Signature != Context->Signature)
            return NULL;
        Context->PrevLinkage = Link->Blink;
        return Entry;
    }
    return NULL;
}

/* Takes an entry in. A context that a look-up has filled spares the search. Any IRQL at which the
 * memory may be touched, as for all that follow. */
BOOLEAN NTAPI RtlInsertEntryHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable,
                                      PRTL_DYNAMIC_HASH_TABLE_ENTRY Entry, ULONG_PTR Signature,
                                      PRTL_DYNAMIC_HASH_TABLE_CONTEXT Context)
{
    RTL_DYNAMIC_HASH_TABLE_CONTEXT Local = {0};

    if (Context == NULL)
        Context = &Local;
    Entry->Signature = RtlpSignature(Signature);
    if (Context->ChainHead == NULL || Context->Signature != Entry->Signature)
        RtlpFindPlace(HashTable, Entry->Signature, Context);
    RtlpLink(HashTable, Context->ChainHead, Context->PrevLinkage, &Entry->Linkage);
    HashTable->NumEntries++;
    return TRUE;
}

BOOLEAN NTAPI RtlRemoveEntryHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable,
                                      PRTL_DYNAMIC_HASH_TABLE_ENTRY Entry,
                                      PRTL_DYNAMIC_HASH_TABLE_CONTEXT Context)
{
    RtlpUnlink(HashTable, &Entry->Linkage);
    HashTable->NumEntries--;
    if (Context)
        RtlpFindPlace(HashTable, Entry->Signature, Context);
    return TRUE;
}

/* The first entry of a signature; NULL: there is none. */
PRTL_DYNAMIC_HASH_TABLE_ENTRY NTAPI RtlLookupEntryHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable,
                                                            ULONG_PTR Signature,
                                                            PRTL_DYNAMIC_HASH_TABLE_CONTEXT Context)
{
    RTL_DYNAMIC_HASH_TABLE_CONTEXT Local;

    if (Context == NULL)
        Context = &Local;
    RtlpFindPlace(HashTable, RtlpSignature(Signature), Context);
    return RtlpFindBehind(Context->PrevLinkage, Context);
}

/* The next entry of the signature that was looked up. */
PRTL_DYNAMIC_HASH_TABLE_ENTRY NTAPI
RtlGetNextEntryHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable, PRTL_DYNAMIC_HASH_TABLE_CONTEXT Context)
{
    UNREFERENCED_PARAMETER(HashTable);
    return RtlpFindBehind(Context->PrevLinkage->Flink, Context);
}

/* ---- Enumeration -------------------------------------------------------------------------------
 */

/* The enumerator stands in a chain, behind the entry that it has given last; so entries may come
 * and go meanwhile. */
BOOLEAN NTAPI RtlInitEnumerationHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable,
                                          PRTL_DYNAMIC_HASH_TABLE_ENUMERATOR Enumerator)
{
    Enumerator->BucketIndex = 0;
    Enumerator->ChainHead = RtlpBucket(HashTable, 0);
    Enumerator->HashEntry.Signature = ENUMERATOR;
    RtlpLink(HashTable, Enumerator->ChainHead, Enumerator->ChainHead,
             &Enumerator->HashEntry.Linkage);
    HashTable->NumEnumerators++;
    return TRUE;
}

static VOID RtlpMoveEnumerator(PRTL_DYNAMIC_HASH_TABLE Table,
                               PRTL_DYNAMIC_HASH_TABLE_ENUMERATOR Enumerator, PLIST_ENTRY Chain,
                               PLIST_ENTRY Behind)
{
    RtlpUnlink(Table, &Enumerator->HashEntry.Linkage);
    Enumerator->ChainHead = Chain;
    RtlpLink(Table, Chain, Behind, &Enumerator->HashEntry.Linkage);
}

/* The next entry; NULL: there is none. */
PRTL_DYNAMIC_HASH_TABLE_ENTRY NTAPI RtlEnumerateEntryHashTable(
    PRTL_DYNAMIC_HASH_TABLE HashTable, PRTL_DYNAMIC_HASH_TABLE_ENUMERATOR Enumerator)
{
    PLIST_ENTRY Link = Enumerator->HashEntry.Linkage.Flink, Chain = Enumerator->ChainHead;

    for (;;) {
        for (; Link != Chain; Link = Link->Flink) {
            if (RtlpEntry(Link)->Signature != ENUMERATOR) {
                RtlpMoveEnumerator(HashTable, Enumerator, Chain, Link);
                return RtlpEntry(Link);
            }
        }
        if (Enumerator->BucketIndex + 1 >= HashTable->TableSize)
            return NULL;
        Chain = RtlpBucket(HashTable, ++Enumerator->BucketIndex);
        RtlpMoveEnumerator(HashTable, Enumerator, Chain, Chain);
        Link = Enumerator->HashEntry.Linkage.Flink;
    }
}

VOID NTAPI RtlEndEnumerationHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable,
                                      PRTL_DYNAMIC_HASH_TABLE_ENUMERATOR Enumerator)
{
    RtlpUnlink(HashTable, &Enumerator->HashEntry.Linkage);
    HashTable->NumEnumerators--;
}

/* ---- The number of buckets ---------------------------------------------------------------------
 */

/* Has the entries of one chain found anew, by the present number of buckets. */
static VOID RtlpRehash(PRTL_DYNAMIC_HASH_TABLE Table, PLIST_ENTRY Chain)
{
    LIST_ENTRY Moved;

    InitializeListHead(&Moved);
    while (!IsListEmpty(Chain)) {
        PLIST_ENTRY Link = Chain->Flink;
        RtlpUnlink(Table, Link);
        InsertTailList(&Moved, Link);
    }
    while (!IsListEmpty(&Moved)) {
        RTL_DYNAMIC_HASH_TABLE_CONTEXT Place;
        PLIST_ENTRY Link = RemoveTailList(&Moved); /* so that equal ones keep their order */
        RtlpFindPlace(Table, RtlpEntry(Link)->Signature, &Place);
        RtlpLink(Table, Place.ChainHead, Place.PrevLinkage, Link);
    }
}

/* Splits one bucket in two. FALSE: no memory, or somebody enumerates. */
BOOLEAN NTAPI RtlExpandHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable)
{
    ULONG Split = HashTable->Pivot;

    if (HashTable->NumEnumerators || !RtlpAddBucket(HashTable, HashTable->TableSize))
        return FALSE;
    HashTable->TableSize++;
    if (++HashTable->Pivot == HashTable->DivisorMask + 1) {
        HashTable->DivisorMask = HashTable->DivisorMask << 1 | 1;
        HashTable->Pivot = 0;
    }
    RtlpRehash(HashTable, RtlpBucket(HashTable, Split));
    return TRUE;
}

/* Joins two buckets again. FALSE: there are 128, the least, or somebody enumerates. */
BOOLEAN NTAPI RtlContractHashTable(PRTL_DYNAMIC_HASH_TABLE HashTable)
{
    PLIST_ENTRY Last = RtlpBucket(HashTable, HashTable->TableSize - 1);

    if (HashTable->NumEnumerators || HashTable->TableSize == FIRST_BUCKETS)
        return FALSE;
    if (HashTable->Pivot == 0) {
        HashTable->DivisorMask >>= 1;
        HashTable->Pivot = HashTable->DivisorMask + 1;
    }
    HashTable->Pivot--;
    HashTable->TableSize--;
    RtlpRehash(HashTable, Last);
    return TRUE;
}
