/*
 * The tree itself: nodes, their subkeys and their values (kernel/cm/cm.h). CmpLock is held
 * throughout. Everything that is needed is allocated before anything is changed.
 */
#include "kernel/cm/cm.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_KEY     'yKmC'
#define IGNORE_CASE TRUE

CM_KEY_NODE *CmpRoot;

static NTSTATUS CmpCopyString(PUNICODE_STRING To, PCUNICODE_STRING From)
{
    *To = (UNICODE_STRING){0};
    if (From == NULL || From->Length == 0)
        return STATUS_SUCCESS;
    To->Buffer = ExAllocatePoolWithTag(PagedPool, From->Length, TAG_KEY);
    if (To->Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(To->Buffer, From->Buffer, From->Length);
    To->Length = To->MaximumLength = From->Length;
    return STATUS_SUCCESS;
}

static VOID CmpFree(PVOID Block)
{
    if (Block)
        ExFreePoolWithTag(Block, TAG_KEY);
}

/* ---- Keys --------------------------------------------------------------------------------------
 */

static VOID CmpTouchNode(CM_KEY_NODE *Node)
{
    KeQuerySystemTime(&Node->LastWriteTime);
}

/* The first subkey whose name is not below Name; the list's head if all are. */
static PLIST_ENTRY CmpFindPlace(CM_KEY_NODE *Parent, PCUNICODE_STRING Name, PLONG Order)
{
    PLIST_ENTRY Link;

    *Order = 1;
    for (Link = Parent->SubKeys.Flink; Link != &Parent->SubKeys; Link = Link->Flink) {
        CM_KEY_NODE *Node = CONTAINING_RECORD(Link, CM_KEY_NODE, Link);
        *Order = RtlCompareUnicodeString(&Node->Name, Name, IGNORE_CASE);
        if (*Order >= 0)
            break;
    }
    return Link;
}

CM_KEY_NODE *CmpFindSubKey(CM_KEY_NODE *Parent, PCUNICODE_STRING Name)
{
    LONG Order;
    PLIST_ENTRY Link = CmpFindPlace(Parent, Name, &Order);

    return Order == 0 ? CONTAINING_RECORD(Link, CM_KEY_NODE, Link) : NULL;
}

CM_KEY_NODE *CmpSubKeyAt(CM_KEY_NODE *Parent, ULONG Index)
{
    PLIST_ENTRY Link = Parent->SubKeys.Flink;

    if (Index >= Parent->SubKeyCount)
        return NULL;
    while (Index--)
        Link = Link->Flink;
    return CONTAINING_RECORD(Link, CM_KEY_NODE, Link);
}

static CM_KEY_NODE *CmpAllocateNode(PCUNICODE_STRING Name, PCUNICODE_STRING Class)
{
    CM_KEY_NODE *Node = ExAllocatePoolWithTag(PagedPool, sizeof *Node, TAG_KEY);

    if (Node == NULL)
        return NULL;
    memset(Node, 0, sizeof *Node);
    if (!NT_SUCCESS(CmpCopyString(&Node->Name, Name)) ||
        !NT_SUCCESS(CmpCopyString(&Node->Class, Class))) {
        CmpFree(Node->Name.Buffer);
        CmpFree(Node);
        return NULL;
    }
    InitializeListHead(&Node->SubKeys);
    InitializeListHead(&Node->Values);
    Node->References = 1;
    CmpTouchNode(Node);
    return Node;
}

NTSTATUS CmpCreateRoot(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"REGISTRY");

    CmpRoot = CmpAllocateNode(&Name, NULL);
    if (CmpRoot == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    CmpRoot->Flags = CM_PERMANENT | CM_VOLATILE;
    return STATUS_SUCCESS;
}

/*
 * Makes a subkey that there is not yet. STATUS_CHILD_MUST_BE_VOLATILE: the parent is volatile.
 */
NTSTATUS CmpAddSubKey(CM_KEY_NODE *Parent, PCUNICODE_STRING Name, PCUNICODE_STRING Class,
                      ULONG Flags, CM_KEY_NODE **NewNode)
{
    CM_KEY_NODE *Node;
    LONG Order;

    if ((Parent->Flags & CM_VOLATILE) && !(Flags & CM_VOLATILE))
        return STATUS_CHILD_MUST_BE_VOLATILE;
    if (Parent->Depth == CM_TREE_DEPTH)
        return STATUS_INVALID_PARAMETER;
    Node = CmpAllocateNode(Name, Class);
    if (Node == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Node->Parent = Parent;
    Node->Depth = Parent->Depth + 1;
    Node->Flags = Flags;
    InsertTailList(CmpFindPlace(Parent, Name, &Order), &Node->Link);
    ASSERT(Order != 0);
    Parent->SubKeyCount++;
    CmpTouchNode(Parent);
    CmpReportChange(Parent, REG_NOTIFY_CHANGE_NAME);
    *NewNode = Node;
    return STATUS_SUCCESS;
}

static VOID CmpUnlinkValue(CM_KEY_NODE *Node, CM_KEY_VALUE *Value)
{
    RemoveEntryList(&Value->Link);
    Node->ValueCount--;
    CmpFree(Value->Data);
    CmpFree(Value);
}

NTSTATUS CmpDeleteNode(CM_KEY_NODE *Node)
{
    if (Node->SubKeyCount || (Node->Flags & CM_PERMANENT))
        return STATUS_CANNOT_DELETE;
    while (!IsListEmpty(&Node->Values))
        CmpUnlinkValue(Node, CONTAINING_RECORD(Node->Values.Flink, CM_KEY_VALUE, Link));
    RemoveEntryList(&Node->Link);
    Node->Parent->SubKeyCount--;
    CmpTouchNode(Node->Parent);
    CmpReportDeletion(Node);
    CmpReportChange(Node->Parent, REG_NOTIFY_CHANGE_NAME);
    Node->Parent->References++;
    Node->Flags |= CM_DELETED;
    CmpDereferenceNode(Node);
    return STATUS_SUCCESS;
}

/* STATUS_CANNOT_DELETE: it is permanent, or there is a key of that name (as Windows has it). */
NTSTATUS CmpRenameNode(CM_KEY_NODE *Node, PCUNICODE_STRING Name)
{
    UNICODE_STRING Copy;
    CM_KEY_NODE *Other;
    LONG Order;
    NTSTATUS Status;

    if (Node->Flags & CM_PERMANENT)
        return STATUS_CANNOT_DELETE;
    Other = CmpFindSubKey(Node->Parent, Name);
    if (Other && Other != Node)
        return STATUS_CANNOT_DELETE;
    Status = CmpCopyString(&Copy, Name);
    if (!NT_SUCCESS(Status))
        return Status;
    RemoveEntryList(&Node->Link);
    CmpFree(Node->Name.Buffer);
    Node->Name = Copy;
    InsertTailList(CmpFindPlace(Node->Parent, Name, &Order), &Node->Link);
    CmpTouchNode(Node);
    CmpTouchNode(Node->Parent);
    CmpReportChange(Node->Parent, REG_NOTIFY_CHANGE_NAME);
    return STATUS_SUCCESS;
}

/* The last reference of a node goes after it has been deleted: nothing hangs on it any more. */
VOID CmpDereferenceNode(CM_KEY_NODE *Node)
{
    while (--Node->References == 0) {
        CM_KEY_NODE *Parent = Node->Parent;
        ASSERT(Node->Flags & CM_DELETED);
        ASSERT(Node->ValueCount == 0 && Node->SubKeyCount == 0);
        CmpFree(Node->Name.Buffer);
        CmpFree(Node->Class.Buffer);
        CmpFree(Node);
        Node = Parent; /* which is in the tree, or a deleted one that this one's path needed */
    }
}

/* The full path: \REGISTRY\A\B. Returns its bytes; Text, if it is not NULL, has room for them. */
USHORT CmpPathOfNode(CM_KEY_NODE *Node, PWCHAR Text)
{
    ULONG Bytes = 0, End;
    CM_KEY_NODE *Each;

    for (Each = Node; Each; Each = Each->Parent)
        Bytes += sizeof(WCHAR) + Each->Name.Length;
    if (Bytes > MAXUSHORT)
        return 0;
    End = Bytes / sizeof(WCHAR);
    for (Each = Node; Each && Text; Each = Each->Parent) {
        End -= Each->Name.Length / sizeof(WCHAR);
        memcpy(Text + End, Each->Name.Buffer, Each->Name.Length);
        Text[--End] = L'\\';
    }
    return (USHORT)Bytes;
}

/* ---- Values ------------------------------------------------------------------------------------
 */

CM_KEY_VALUE *CmpFindValue(CM_KEY_NODE *Node, PCUNICODE_STRING Name)
{
    PLIST_ENTRY Link;

    for (Link = Node->Values.Flink; Link != &Node->Values; Link = Link->Flink) {
        CM_KEY_VALUE *Value = CONTAINING_RECORD(Link, CM_KEY_VALUE, Link);
        if (RtlEqualUnicodeString(&Value->Name, Name, IGNORE_CASE))
            return Value;
    }
    return NULL;
}

CM_KEY_VALUE *CmpValueAt(CM_KEY_NODE *Node, ULONG Index)
{
    PLIST_ENTRY Link = Node->Values.Flink;

    if (Index >= Node->ValueCount)
        return NULL;
    while (Index--)
        Link = Link->Flink;
    return CONTAINING_RECORD(Link, CM_KEY_VALUE, Link);
}

/* A value without data, not in a list. */
static CM_KEY_VALUE *CmpAllocateValue(PCUNICODE_STRING Name)
{
    CM_KEY_VALUE *Value = ExAllocatePoolWithTag(PagedPool, sizeof *Value + Name->Length, TAG_KEY);

    if (Value) {
        memset(Value, 0, sizeof *Value);
        Value->Name.Buffer = Value->NameText;
        Value->Name.Length = Value->Name.MaximumLength = Name->Length;
        memcpy(Value->NameText, Name->Buffer, Name->Length);
    }
    return Value;
}

static BOOLEAN CmpIsSame(const CM_KEY_VALUE *Value, ULONG Type, const VOID *Data, ULONG Length)
{
    return Value->Type == Type && Value->DataLength == Length &&
           memcmp(Value->Data, Data, Length) == 0;
}

/* Makes a value, or gives it other data. Data may be what the value has now: nobody is told. */
NTSTATUS CmpSetValue(CM_KEY_NODE *Node, PCUNICODE_STRING Name, ULONG Type, const VOID *Data,
                     ULONG Length)
{
    CM_KEY_VALUE *Value = CmpFindValue(Node, Name);
    PVOID Copy = Length ? ExAllocatePoolWithTag(PagedPool, Length, TAG_KEY) : NULL;

    if (Length && Copy == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Value == NULL || !CmpIsSame(Value, Type, Data, Length))
        CmpReportChange(Node, REG_NOTIFY_CHANGE_LAST_SET);
    if (Value == NULL) {
        Value = CmpAllocateValue(Name);
        if (Value == NULL) {
            CmpFree(Copy);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        InsertTailList(&Node->Values, &Value->Link);
        Node->ValueCount++;
    }
    if (Length)
        memcpy(Copy, Data, Length);
    CmpFree(Value->Data);
    Value->Type = Type;
    Value->Data = Copy;
    Value->DataLength = Length;
    CmpTouchNode(Node);
    return STATUS_SUCCESS;
}

NTSTATUS CmpDeleteValue(CM_KEY_NODE *Node, PCUNICODE_STRING Name)
{
    CM_KEY_VALUE *Value = CmpFindValue(Node, Name);

    if (Value == NULL)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    CmpUnlinkValue(Node, Value);
    CmpTouchNode(Node);
    CmpReportChange(Node, REG_NOTIFY_CHANGE_LAST_SET);
    return STATUS_SUCCESS;
}
