/*
 * RtlQueryRegistryValues: many values by one table (WDK, the page of that name). An entry's value
 * goes to a routine of the caller's or, with RTL_QUERY_REGISTRY_DIRECT, into the caller's memory.
 *
 * A key that is missing, though it may be (RTL_REGISTRY_OPTIONAL, a subkey that is not required),
 * is a key without values: defaults apply. There are no environment variables in the kernel, so
 * REG_EXPAND_SZ is passed on as the REG_SZ that it would be if none were defined.
 */
#include "kernel/cm/rtlkey.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_VALUE  'vRmC'
#define TAG_STRING 'sRmC' /* given to the caller, who frees it by RtlFreeUnicodeString */
#define FIRST_SIZE 256
#define SLACK      (4 * sizeof(WCHAR)) /* zeros behind the data, and behind the name */

#ifndef RTL_QUERY_REGISTRY_TYPECHECK
#define RTL_QUERY_REGISTRY_TYPECHECK 0x00000100
#endif
#define TYPECHECK_SHIFT 24
#define DEFAULT_TYPE    0xFF

/* One value, out of the registry or an entry's default. */
typedef struct _RTLP_VALUE {
    PCWSTR Name;
    ULONG Type;
    PVOID Data;
    ULONG Length;
    BOOLEAN Default;
    PVOID Block; /* what is to be freed */
} RTLP_VALUE;

typedef struct _RTLP_QUERY {
    HANDLE TopKey;
    HANDLE Key;    /* the one that entries are about now; NULL: it does not exist */
    HANDLE SubKey; /* to be closed */
    PVOID Context;
} RTLP_QUERY;

/* ---- Reading -----------------------------------------------------------------------------------
 */

/* By name, or by place if Name is NULL. */
static NTSTATUS RtlpQueryOnce(HANDLE Key, PUNICODE_STRING Name, ULONG Index, PVOID Info,
                              ULONG Length, PULONG Needed)
{
    if (Name)
        return ZwQueryValueKey(Key, Name, KeyValueFullInformation, Info, Length, Needed);
    return ZwEnumerateValueKey(Key, Index, KeyValueFullInformation, Info, Length, Needed);
}

/* Reads a value into a block that has room for Slack behind it. It may grow while we look. */
static NTSTATUS RtlpQueryValue(HANDLE Key, PUNICODE_STRING Name, ULONG Index,
                               KEY_VALUE_FULL_INFORMATION **Info, PULONG Needed)
{
    ULONG Size = FIRST_SIZE;
    NTSTATUS Status;

    for (;;) {
        *Info = ExAllocatePoolWithTag(PagedPool, 2 * (Size + SLACK), TAG_VALUE);
        if (*Info == NULL)
            return STATUS_INSUFFICIENT_RESOURCES;
        Status = RtlpQueryOnce(Key, Name, Index, *Info, Size, Needed);
        if (Status == STATUS_SUCCESS)
            return Status;
        ExFreePoolWithTag(*Info, TAG_VALUE);
        if (Status != STATUS_BUFFER_OVERFLOW && Status != STATUS_BUFFER_TOO_SMALL)
            return Status;
        Size = *Needed;
    }
}

static NTSTATUS RtlpReadValue(HANDLE Key, PCWSTR Name, ULONG Index, RTLP_VALUE *Value)
{
    KEY_VALUE_FULL_INFORMATION *Info;
    UNICODE_STRING String;
    PWCHAR NameText;
    ULONG Needed;
    NTSTATUS Status;

    if (Key == NULL)
        return Name ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_NO_MORE_ENTRIES;
    RtlInitUnicodeString(&String, Name);
    Status = RtlpQueryValue(Key, Name ? &String : NULL, Index, &Info, &Needed);
    if (!NT_SUCCESS(Status))
        return Status;
    RtlZeroMemory((PUCHAR)Info + Needed, SLACK);
    NameText = (PWCHAR)((PUCHAR)Info + ((Needed + 1) & ~1u)) + SLACK / sizeof(WCHAR);
    memcpy(NameText, Info->Name, Info->NameLength);
    NameText[Info->NameLength / sizeof(WCHAR)] = 0;
    *Value = (RTLP_VALUE){.Name = Name ? Name : NameText,
                          .Type = Info->Type,
                          .Data = (PUCHAR)Info + Info->DataOffset,
                          .Length = Info->DataLength,
                          .Block = Info};
    return STATUS_SUCCESS;
}

static BOOLEAN RtlpIsText(ULONG Type)
{
    return Type == REG_SZ || Type == REG_EXPAND_SZ || Type == REG_MULTI_SZ;
}

/* Bytes of a default text, with its zero, or, if it is several, with both. */
static ULONG RtlpTextBytes(PCWSTR Text, BOOLEAN Multiple)
{
    PCWSTR End = Text;

    if (!Multiple)
        return (ULONG)(wcslen(Text) + 1) * sizeof(WCHAR);
    while (*End)
        End += wcslen(End) + 1;
    return (ULONG)(End + 1 - Text) * sizeof(WCHAR);
}

/* FALSE: the entry has no default. */
static BOOLEAN RtlpDefaultValue(PRTL_QUERY_REGISTRY_TABLE Entry, RTLP_VALUE *Value)
{
    ULONG Type = Entry->DefaultType & DEFAULT_TYPE;

    if (Type == REG_NONE)
        return FALSE;
    *Value = (RTLP_VALUE){.Name = Entry->Name,
                          .Type = Type,
                          .Data = Entry->DefaultData,
                          .Length = Entry->DefaultLength,
                          .Default = TRUE};
    if (Value->Length == 0 && Value->Data && RtlpIsText(Type))
        Value->Length = RtlpTextBytes(Value->Data, Type == REG_MULTI_SZ);
    return TRUE;
}

/* ---- Handing over ------------------------------------------------------------------------------
 */

/* A text into the caller's UNICODE_STRING, which gets a buffer if it has none. */
static NTSTATUS RtlpStoreText(PUNICODE_STRING To, const RTLP_VALUE *Value)
{
    PWCHAR Text = Value->Data;
    ULONG Bytes = Value->Length & ~1u;

    if (Bytes && Text[Bytes / sizeof(WCHAR) - 1] == 0)
        Bytes -= sizeof(WCHAR); /* its zero does not count, but is stored */
    if (Bytes + sizeof(WCHAR) > MAXUSHORT)
        return STATUS_BUFFER_TOO_SMALL;
    if (To->Buffer == NULL) {
        To->Buffer = ExAllocatePoolWithTag(PagedPool, Bytes + sizeof(WCHAR), TAG_STRING);
        if (To->Buffer == NULL)
            return STATUS_INSUFFICIENT_RESOURCES;
        To->MaximumLength = (USHORT)(Bytes + sizeof(WCHAR));
    } else if (Bytes + sizeof(WCHAR) > To->MaximumLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memcpy(To->Buffer, Text, Bytes);
    To->Buffer[Bytes / sizeof(WCHAR)] = 0;
    To->Length = (USHORT)Bytes;
    return STATUS_SUCCESS;
}

/* Data of more than 4 bytes: the buffer's first LONG says how large it is, and, by its sign,
 * whether the data's length and type go before it. */
static NTSTATUS RtlpStoreData(PVOID Buffer, const RTLP_VALUE *Value)
{
    LONG Size = *(PLONG)Buffer;
    ULONG Header = Size < 0 ? 0 : 2 * sizeof(ULONG);
    ULONG Room = Size < 0 ? 0u - (ULONG)Size : (ULONG)Size;

    if (Room < Header || Value->Length > Room - Header)
        return STATUS_BUFFER_TOO_SMALL;
    if (Header) {
        ((PULONG)Buffer)[0] = Value->Length;
        ((PULONG)Buffer)[1] = Value->Type;
    }
    memcpy((PUCHAR)Buffer + Header, Value->Data, Value->Length);
    return STATUS_SUCCESS;
}

static NTSTATUS RtlpStore(PRTL_QUERY_REGISTRY_TABLE Entry, const RTLP_VALUE *Value)
{
    if ((Entry->Flags & RTL_QUERY_REGISTRY_TYPECHECK) && !Value->Default &&
        Value->Type != Entry->DefaultType >> TYPECHECK_SHIFT)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (Value->Type == REG_MULTI_SZ && !(Entry->Flags & RTL_QUERY_REGISTRY_NOEXPAND))
        return STATUS_INVALID_PARAMETER; /* there is one place for what may be several texts */
    if (RtlpIsText(Value->Type))
        return RtlpStoreText(Entry->EntryContext, Value);
    if (Value->Length > sizeof(ULONG))
        return RtlpStoreData(Entry->EntryContext, Value);
    memcpy(Entry->EntryContext, Value->Data, Value->Length);
    return STATUS_SUCCESS;
}

static NTSTATUS RtlpCall(RTLP_QUERY *Query, PRTL_QUERY_REGISTRY_TABLE Entry, PCWSTR Name,
                         ULONG Type, PVOID Data, ULONG Length)
{
    NTSTATUS Status =
        Entry->QueryRoutine((PWSTR)Name, Type, Data, Length, Query->Context, Entry->EntryContext);

    return Status == STATUS_BUFFER_TOO_SMALL ? STATUS_SUCCESS : Status;
}

/* Each text of several by itself. */
static NTSTATUS RtlpCallForEach(RTLP_QUERY *Query, PRTL_QUERY_REGISTRY_TABLE Entry,
                                const RTLP_VALUE *Value)
{
    PWCHAR Text = Value->Data, End = Text + Value->Length / sizeof(WCHAR);
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Units;

    for (; Text < End && *Text && NT_SUCCESS(Status); Text += Units) {
        for (Units = 0; Text + Units < End && Text[Units]; Units++)
            ;
        Units++; /* a zero is there even if the value lacks it: SLACK */
        Status = RtlpCall(Query, Entry, Value->Name, REG_SZ, Text, Units * sizeof(WCHAR));
    }
    return Status;
}

static NTSTATUS RtlpDeliver(RTLP_QUERY *Query, PRTL_QUERY_REGISTRY_TABLE Entry,
                            const RTLP_VALUE *Value)
{
    BOOLEAN Expand = !(Entry->Flags & RTL_QUERY_REGISTRY_NOEXPAND);
    ULONG Type = Expand && Value->Type == REG_EXPAND_SZ ? REG_SZ : Value->Type;

    if (Entry->Flags & RTL_QUERY_REGISTRY_DIRECT)
        return RtlpStore(Entry, Value);
    if (Expand && Value->Type == REG_MULTI_SZ)
        return RtlpCallForEach(Query, Entry, Value);
    return RtlpCall(Query, Entry, Value->Name, Type, Value->Data, Value->Length);
}

/* ---- The table ---------------------------------------------------------------------------------
 */

static NTSTATUS RtlpDeleteRead(RTLP_QUERY *Query, const RTLP_VALUE *Value)
{
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, Value->Name);
    return ZwDeleteValueKey(Query->Key, &Name);
}

static NTSTATUS RtlpQueryNamed(RTLP_QUERY *Query, PRTL_QUERY_REGISTRY_TABLE Entry)
{
    RTLP_VALUE Value;
    NTSTATUS Status = RtlpReadValue(Query->Key, Entry->Name, 0, &Value);

    if (Status == STATUS_OBJECT_NAME_NOT_FOUND && !(Entry->Flags & RTL_QUERY_REGISTRY_REQUIRED))
        return RtlpDefaultValue(Entry, &Value) ? RtlpDeliver(Query, Entry, &Value) : STATUS_SUCCESS;
    if (!NT_SUCCESS(Status))
        return Status;
    Status = RtlpDeliver(Query, Entry, &Value);
    if (NT_SUCCESS(Status) && (Entry->Flags & RTL_QUERY_REGISTRY_DELETE))
        RtlpDeleteRead(Query, &Value);
    ExFreePoolWithTag(Value.Block, TAG_VALUE);
    return Status;
}

/* All values of the key. */
static NTSTATUS RtlpQueryAll(RTLP_QUERY *Query, PRTL_QUERY_REGISTRY_TABLE Entry)
{
    ULONG Index = 0, Count = 0;
    RTLP_VALUE Value;
    NTSTATUS Status;

    for (;;) {
        Status = RtlpReadValue(Query->Key, NULL, Index, &Value);
        if (!NT_SUCCESS(Status))
            break;
        Count++;
        Status = RtlpDeliver(Query, Entry, &Value);
        if (!NT_SUCCESS(Status) || !(Entry->Flags & RTL_QUERY_REGISTRY_DELETE) ||
            !NT_SUCCESS(RtlpDeleteRead(Query, &Value)))
            Index++;
        ExFreePoolWithTag(Value.Block, TAG_VALUE);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    if (Status != STATUS_NO_MORE_ENTRIES)
        return Status;
    return Count == 0 && (Entry->Flags & RTL_QUERY_REGISTRY_REQUIRED) ? STATUS_OBJECT_NAME_NOT_FOUND
                                                                      : STATUS_SUCCESS;
}

static VOID RtlpReturnToTop(RTLP_QUERY *Query)
{
    if (Query->SubKey)
        ZwClose(Query->SubKey);
    Query->SubKey = NULL;
    Query->Key = Query->TopKey;
}

/* The entries that follow are about a key below the top one. */
static NTSTATUS RtlpEnterSubKey(RTLP_QUERY *Query, PRTL_QUERY_REGISTRY_TABLE Entry)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;

    if (Entry->Name == NULL)
        return STATUS_INVALID_PARAMETER;
    RtlInitUnicodeString(&Name, Entry->Name);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               Query->TopKey, NULL);
    if (Query->TopKey)
        Status = ZwOpenKey(&Query->SubKey, KEY_READ | KEY_WRITE, &Attributes);
    if (!NT_SUCCESS(Status))
        Query->SubKey = NULL;
    Query->Key = Query->SubKey;
    if (Status == STATUS_OBJECT_NAME_NOT_FOUND && !(Entry->Flags & RTL_QUERY_REGISTRY_REQUIRED))
        return STATUS_SUCCESS;
    return Status;
}

static NTSTATUS RtlpRunEntry(RTLP_QUERY *Query, PRTL_QUERY_REGISTRY_TABLE Entry)
{
    BOOLEAN SubKey = (Entry->Flags & RTL_QUERY_REGISTRY_SUBKEY) != 0;
    BOOLEAN Direct = (Entry->Flags & RTL_QUERY_REGISTRY_DIRECT) != 0;
    NTSTATUS Status = STATUS_SUCCESS;

    if (Direct && (Entry->Name == NULL || SubKey || Entry->QueryRoutine))
        return STATUS_INVALID_PARAMETER;
    if (SubKey || (Entry->Flags & RTL_QUERY_REGISTRY_TOPKEY))
        RtlpReturnToTop(Query);
    if (SubKey)
        Status = RtlpEnterSubKey(Query, Entry);
    if (!NT_SUCCESS(Status) || (SubKey && Entry->QueryRoutine == NULL))
        return Status;
    if (!Direct && Entry->QueryRoutine == NULL)
        return STATUS_INVALID_PARAMETER;
    if (Entry->Flags & RTL_QUERY_REGISTRY_NOVALUE)
        return RtlpCall(Query, Entry, NULL, REG_NONE, NULL, 0);
    if (SubKey || Entry->Name == NULL)
        return RtlpQueryAll(Query, Entry);
    return RtlpQueryNamed(Query, Entry);
}

NTSTATUS NTAPI RtlQueryRegistryValues(ULONG RelativeTo, PCWSTR Path,
                                      PRTL_QUERY_REGISTRY_TABLE QueryTable, PVOID Context,
                                      PVOID Environment)
{
    RTLP_QUERY Query = {.Context = Context};
    PRTL_QUERY_REGISTRY_TABLE Entry;
    NTSTATUS Status = RtlpOpenKey(RelativeTo, Path, KEY_READ, FALSE, &Query.TopKey);

    UNREFERENCED_PARAMETER(Environment);
    if (Status == STATUS_OBJECT_NAME_NOT_FOUND && (RelativeTo & RTL_REGISTRY_OPTIONAL)) {
        Query.TopKey = NULL;
        Status = STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(Status))
        return Status;
    Query.Key = Query.TopKey;
    for (Entry = QueryTable; (Entry->QueryRoutine || Entry->Name) && NT_SUCCESS(Status); Entry++)
        Status = RtlpRunEntry(&Query, Entry);
    RtlpReturnToTop(&Query);
    RtlpCloseKey(RelativeTo, Query.TopKey);
    return Status;
}
