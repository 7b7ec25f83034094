/*
 * Prefix tables: which of these paths is the longest beginning of that name? (WDK,
 * "RtlFindUnicodePrefix"; redirectors and file systems route names by them.)
 *
 * A prefix ends where a part of the path ends: \a\b is one of \a\b\c, and not of \a\bc. The entries
 * are the caller's. Invariant: a table is a list of them, longer prefixes first, so that the first
 * one that fits is the longest. Windows has trees of trees here; a table seldom has a dozen
 * entries.
 *
 * Locks: none; callers guard their tables. IRQL: PASSIVE_LEVEL (WDK), though any at which the
 * strings may be touched would do.
 */
#include "kernel/nt.h"

#define NODE_TABLE 0x0800
#define NODE_ENTRY 0x0801

/* A prefix of Length characters ends at its own backslash, before one of the name, or with it. */
#define ENDS_A_PART(Prefix, Length, Name, NameLength)                                              \
    ((Length) == (NameLength) || (Name)[Length] == '\\' ||                                         \
     ((Length) != 0 && (Prefix)[(Length)-1] == '\\'))

VOID NTAPI RtlInitializeUnicodePrefix(PUNICODE_PREFIX_TABLE PrefixTable)
{
    RtlZeroMemory(PrefixTable, sizeof(*PrefixTable));
    PrefixTable->NodeTypeCode = NODE_TABLE;
}

/* FALSE: the same prefix, in the same case, is there already. The string stays the caller's. */
BOOLEAN NTAPI RtlInsertUnicodePrefix(PUNICODE_PREFIX_TABLE PrefixTable, PUNICODE_STRING Prefix,
                                     PUNICODE_PREFIX_TABLE_ENTRY PrefixTableEntry)
{
    PUNICODE_PREFIX_TABLE_ENTRY *Place = &PrefixTable->NextPrefixTree;
    ASSERT(PrefixTable->NodeTypeCode == NODE_TABLE);
    for (; *Place != NULL && (*Place)->Prefix->Length >= Prefix->Length;
         Place = &(*Place)->NextPrefixTree) {
        if (RtlEqualUnicodeString((*Place)->Prefix, Prefix, FALSE)) {
            return FALSE;
        }
    }
    PrefixTableEntry->NodeTypeCode = NODE_ENTRY;
    PrefixTableEntry->NameLength = (CSHORT)Prefix->Length;
    PrefixTableEntry->CaseMatch = PrefixTableEntry;
    PrefixTableEntry->Prefix = Prefix;
    PrefixTableEntry->NextPrefixTree = *Place;
    *Place = PrefixTableEntry;
    return TRUE;
}

/* An enumeration that has come to this entry begins anew. */
VOID NTAPI RtlRemoveUnicodePrefix(PUNICODE_PREFIX_TABLE PrefixTable,
                                  PUNICODE_PREFIX_TABLE_ENTRY PrefixTableEntry)
{
    PUNICODE_PREFIX_TABLE_ENTRY *Place = &PrefixTable->NextPrefixTree;
    ASSERT(PrefixTableEntry->NodeTypeCode == NODE_ENTRY);
    while (*Place != NULL && *Place != PrefixTableEntry) {
        Place = &(*Place)->NextPrefixTree;
    }
    ASSERT(*Place != NULL);
    *Place = PrefixTableEntry->NextPrefixTree;
    if (PrefixTable->LastNextEntry == PrefixTableEntry) {
        PrefixTable->LastNextEntry = NULL;
    }
}

/* Whether the name begins with the prefix: the first Exact characters exactly, then in any case. */
static BOOLEAN BeginsWith(PCUNICODE_STRING Name, PCUNICODE_STRING Prefix, SIZE_T Exact)
{
    SIZE_T Length = Prefix->Length / sizeof(WCHAR);
    SIZE_T NameLength = Name->Length / sizeof(WCHAR);
    Exact = min(Exact, Length);
    return Length <= NameLength &&
           RtlCompareUnicodeStrings(Prefix->Buffer, Exact, Name->Buffer, Exact, FALSE) == 0 &&
           RtlCompareUnicodeStrings(Prefix->Buffer + Exact, Length - Exact, Name->Buffer + Exact,
                                    Length - Exact, TRUE) == 0 &&
           ENDS_A_PART(Prefix->Buffer, Length, Name->Buffer, NameLength);
}

/* The entry whose prefix is the longest of FullName; NULL if none is. The index counts characters.
 */
PUNICODE_PREFIX_TABLE_ENTRY NTAPI RtlFindUnicodePrefix(PUNICODE_PREFIX_TABLE PrefixTable,
                                                       PUNICODE_STRING FullName,
                                                       ULONG CaseInsensitiveIndex)
{
    PUNICODE_PREFIX_TABLE_ENTRY Entry = PrefixTable->NextPrefixTree;
    while (Entry != NULL && !BeginsWith(FullName, Entry->Prefix, CaseInsensitiveIndex)) {
        Entry = Entry->NextPrefixTree;
    }
    return Entry;
}

/* One entry after the other, in no particular order; NULL after the last. */
PUNICODE_PREFIX_TABLE_ENTRY NTAPI RtlNextUnicodePrefix(PUNICODE_PREFIX_TABLE PrefixTable,
                                                       BOOLEAN Restart)
{
    PUNICODE_PREFIX_TABLE_ENTRY Last = Restart ? NULL : PrefixTable->LastNextEntry;
    PUNICODE_PREFIX_TABLE_ENTRY Next =
        Last != NULL ? Last->NextPrefixTree : PrefixTable->NextPrefixTree;
    if (Next != NULL) {
        PrefixTable->LastNextEntry = Next;
    }
    return Next;
}

/* The same in bytes, always exactly. */
VOID NTAPI PfxInitialize(PPREFIX_TABLE PrefixTable)
{
    RtlZeroMemory(PrefixTable, sizeof(*PrefixTable));
    PrefixTable->NodeTypeCode = NODE_TABLE;
}

BOOLEAN NTAPI PfxInsertPrefix(PPREFIX_TABLE PrefixTable, PSTRING Prefix,
                              PPREFIX_TABLE_ENTRY PrefixTableEntry)
{
    PPREFIX_TABLE_ENTRY *Place = &PrefixTable->NextPrefixTree;
    ASSERT(PrefixTable->NodeTypeCode == NODE_TABLE);
    for (; *Place != NULL && (*Place)->Prefix->Length >= Prefix->Length;
         Place = &(*Place)->NextPrefixTree) {
        if (RtlEqualString((*Place)->Prefix, Prefix, FALSE)) {
            return FALSE;
        }
    }
    PrefixTableEntry->NodeTypeCode = NODE_ENTRY;
    PrefixTableEntry->NameLength = (CSHORT)Prefix->Length;
    PrefixTableEntry->Prefix = Prefix;
    PrefixTableEntry->NextPrefixTree = *Place;
    *Place = PrefixTableEntry;
    return TRUE;
}

VOID NTAPI PfxRemovePrefix(PPREFIX_TABLE PrefixTable, PPREFIX_TABLE_ENTRY PrefixTableEntry)
{
    PPREFIX_TABLE_ENTRY *Place = &PrefixTable->NextPrefixTree;
    while (*Place != NULL && *Place != PrefixTableEntry) {
        Place = &(*Place)->NextPrefixTree;
    }
    ASSERT(*Place != NULL);
    *Place = PrefixTableEntry->NextPrefixTree;
}

PPREFIX_TABLE_ENTRY NTAPI PfxFindPrefix(PPREFIX_TABLE PrefixTable, PSTRING FullName)
{
    PPREFIX_TABLE_ENTRY Entry = PrefixTable->NextPrefixTree;
    for (; Entry != NULL; Entry = Entry->NextPrefixTree) {
        STRING Beginning = *FullName;
        Beginning.Length = min(FullName->Length, Entry->Prefix->Length);
        if (RtlEqualString(Entry->Prefix, &Beginning, FALSE) &&
            ENDS_A_PART(Entry->Prefix->Buffer, Beginning.Length, FullName->Buffer,
                        FullName->Length)) {
            break;
        }
    }
    return Entry;
}
