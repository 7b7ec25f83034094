/*
 * What keys tell about themselves: NtQueryKey, NtEnumerateKey (WDK: ZwQueryKey, ZwEnumerateKey).
 */
#include "kernel/cm/callback.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"

#define TAG_PATH      'aPmC'
#define NO_CLASS      MAXULONG /* ClassOffset of a key without a class */
#define ALIGN4(Bytes) (((Bytes) + 3) & ~3u)

static VOID CmpPutBasic(CM_KEY_NODE *Node, CM_OUTPUT *Output)
{
    KEY_BASIC_INFORMATION Info = {.LastWriteTime = Node->LastWriteTime,
                                  .NameLength = Node->Name.Length};
    ULONG Fixed = FIELD_OFFSET(KEY_BASIC_INFORMATION, Name);

    CmpPutFixed(Output, &Info, Fixed);
    CmpPutVariable(Output, Fixed, Node->Name.Buffer, Node->Name.Length);
}

static VOID CmpPutNode(CM_KEY_NODE *Node, CM_OUTPUT *Output)
{
    ULONG Fixed = FIELD_OFFSET(KEY_NODE_INFORMATION, Name);
    ULONG ClassOffset = ALIGN4(Fixed + Node->Name.Length);
    KEY_NODE_INFORMATION Info = {.LastWriteTime = Node->LastWriteTime,
                                 .ClassOffset = Node->Class.Length ? ClassOffset : NO_CLASS,
                                 .ClassLength = Node->Class.Length,
                                 .NameLength = Node->Name.Length};

    CmpPutFixed(Output, &Info, Fixed);
    CmpPutVariable(Output, Fixed, Node->Name.Buffer, Node->Name.Length);
    CmpPutVariable(Output, ClassOffset, Node->Class.Buffer, Node->Class.Length);
}

/* The longest of what hangs on a key, in bytes. */
static VOID CmpMeasureSubKeys(CM_KEY_NODE *Node, PULONG NameLength, PULONG ClassLength)
{
    PLIST_ENTRY Link;

    *NameLength = *ClassLength = 0;
    for (Link = Node->SubKeys.Flink; Link != &Node->SubKeys; Link = Link->Flink) {
        CM_KEY_NODE *SubKey = CONTAINING_RECORD(Link, CM_KEY_NODE, Link);
        *NameLength = max(*NameLength, SubKey->Name.Length);
        *ClassLength = max(*ClassLength, SubKey->Class.Length);
    }
}

static VOID CmpMeasureValues(CM_KEY_NODE *Node, PULONG NameLength, PULONG DataLength)
{
    PLIST_ENTRY Link;

    *NameLength = *DataLength = 0;
    for (Link = Node->Values.Flink; Link != &Node->Values; Link = Link->Flink) {
        CM_KEY_VALUE *Value = CONTAINING_RECORD(Link, CM_KEY_VALUE, Link);
        *NameLength = max(*NameLength, Value->Name.Length);
        *DataLength = max(*DataLength, Value->DataLength);
    }
}

static VOID CmpPutFull(CM_KEY_NODE *Node, CM_OUTPUT *Output)
{
    ULONG Fixed = FIELD_OFFSET(KEY_FULL_INFORMATION, Class);
    KEY_FULL_INFORMATION Info = {.LastWriteTime = Node->LastWriteTime,
                                 .ClassOffset = Node->Class.Length ? Fixed : NO_CLASS,
                                 .ClassLength = Node->Class.Length,
                                 .SubKeys = Node->SubKeyCount,
                                 .Values = Node->ValueCount};

    CmpMeasureSubKeys(Node, &Info.MaxNameLen, &Info.MaxClassLen);
    CmpMeasureValues(Node, &Info.MaxValueNameLen, &Info.MaxValueDataLen);
    CmpPutFixed(Output, &Info, Fixed);
    CmpPutVariable(Output, Fixed, Node->Class.Buffer, Node->Class.Length);
}

static VOID CmpPutCached(CM_KEY_NODE *Node, CM_OUTPUT *Output)
{
    KEY_CACHED_INFORMATION Info = {.LastWriteTime = Node->LastWriteTime,
                                   .SubKeys = Node->SubKeyCount,
                                   .Values = Node->ValueCount,
                                   .NameLength = Node->Name.Length};
    ULONG ClassLength;

    CmpMeasureSubKeys(Node, &Info.MaxNameLen, &ClassLength);
    CmpMeasureValues(Node, &Info.MaxValueNameLen, &Info.MaxValueDataLen);
    CmpPutFixed(Output, &Info, sizeof Info);
}

/* The full path of a key. */
static VOID CmpPutName(CM_KEY_NODE *Node, CM_OUTPUT *Output)
{
    ULONG Fixed = FIELD_OFFSET(KEY_NAME_INFORMATION, Name);
    KEY_NAME_INFORMATION Info = {.NameLength = CmpPathOfNode(Node, NULL)};
    PWCHAR Text = ExAllocatePoolWithTag(PagedPool, Info.NameLength, TAG_PATH);

    if (Text == NULL) {
        Output->Status = STATUS_INSUFFICIENT_RESOURCES;
        return;
    }
    CmpPathOfNode(Node, Text);
    CmpPutFixed(Output, &Info, Fixed);
    CmpPutVariable(Output, Fixed, Text, Info.NameLength);
    ExFreePoolWithTag(Text, TAG_PATH);
}

typedef VOID (*CM_PUT_ROUTINE)(CM_KEY_NODE *Node, CM_OUTPUT *Output);

/* What both services know, and what NtQueryKey alone does. */
static CM_PUT_ROUTINE CmpPutRoutine(KEY_INFORMATION_CLASS Class, BOOLEAN Query)
{
    switch (Class) {
    case KeyBasicInformation:
        return CmpPutBasic;
    case KeyNodeInformation:
        return CmpPutNode;
    case KeyFullInformation:
        return CmpPutFull;
    case KeyNameInformation:
        return Query ? CmpPutName : NULL;
    case KeyCachedInformation:
        return Query ? CmpPutCached : NULL;
    default:
        return NULL;
    }
}

static NTSTATUS CmpQueryKey(CM_KEY_BODY *Body, CM_PUT_ROUTINE Put, CM_OUTPUT *Output,
                            PULONG ResultLength)
{
    NTSTATUS Status = CmpEnterKey(Body);

    if (!NT_SUCCESS(Status))
        return Status;
    Put(Body->Node, Output);
    CmpUnlockRegistry();
    return CmpEndOutput(Output, ResultLength);
}

static NTSTATUS CmpEnumerateKey(CM_KEY_BODY *Body, ULONG Index, CM_PUT_ROUTINE Put,
                                CM_OUTPUT *Output, PULONG ResultLength)
{
    NTSTATUS Status = CmpEnterKey(Body);
    CM_KEY_NODE *SubKey;

    if (!NT_SUCCESS(Status))
        return Status;
    SubKey = CmpSubKeyAt(Body->Node, Index);
    if (SubKey)
        Put(SubKey, Output);
    CmpUnlockRegistry();
    return SubKey ? CmpEndOutput(Output, ResultLength) : STATUS_NO_MORE_ENTRIES;
}

/* About a key (WDK: ZwQueryKey). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtQueryKey(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass,
                          PVOID KeyInformation, ULONG Length, PULONG ResultLength)
{
    CM_OUTPUT Output = {.Buffer = KeyInformation, .Length = Length};
    CM_PUT_ROUTINE Put = CmpPutRoutine(KeyInformationClass, TRUE);
    ACCESS_MASK Access = KeyInformationClass == KeyNameInformation ? 0 : KEY_QUERY_VALUE;
    CM_KEY_BODY *Body;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Put == NULL)
        return STATUS_INVALID_PARAMETER;
    Status = CmpProbeOutput(KeyInformation, Length, ResultLength);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpReferenceKey(KeyHandle, Access, &Body);
    if (!NT_SUCCESS(Status))
        return Status;
    REG_QUERY_KEY_INFORMATION Info = {.Object = Body,
                                      .KeyInformationClass = KeyInformationClass,
                                      .KeyInformation = KeyInformation,
                                      .Length = Length,
                                      .ResultLength = ResultLength};
    CM_CALL Call = CM_CALL_OF(QueryKey, Info, Body);
    if (CmpBeginCall(&Call))
        Call.Status = CmpQueryKey(Body, Put, &Output, ResultLength);
    Status = CmpEndCall(&Call);
    ObDereferenceObject(Body);
    return Status;
}

/* About a key's subkey by its place in the order of the names (WDK: ZwEnumerateKey).
 * STATUS_NO_MORE_ENTRIES: there are not so many. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtEnumerateKey(HANDLE KeyHandle, ULONG Index,
                              KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                              ULONG Length, PULONG ResultLength)
{
    CM_OUTPUT Output = {.Buffer = KeyInformation, .Length = Length};
    CM_PUT_ROUTINE Put = CmpPutRoutine(KeyInformationClass, FALSE);
    CM_KEY_BODY *Body;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Put == NULL)
        return STATUS_INVALID_PARAMETER;
    Status = CmpProbeOutput(KeyInformation, Length, ResultLength);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpReferenceKey(KeyHandle, KEY_ENUMERATE_SUB_KEYS, &Body);
    if (!NT_SUCCESS(Status))
        return Status;
    REG_ENUMERATE_KEY_INFORMATION Info = {.Object = Body,
                                          .Index = Index,
                                          .KeyInformationClass = KeyInformationClass,
                                          .KeyInformation = KeyInformation,
                                          .Length = Length,
                                          .ResultLength = ResultLength};
    CM_CALL Call = CM_CALL_OF(EnumerateKey, Info, Body);
    if (CmpBeginCall(&Call))
        Call.Status = CmpEnumerateKey(Body, Index, Put, &Output, ResultLength);
    Status = CmpEndCall(&Call);
    ObDereferenceObject(Body);
    return Status;
}
