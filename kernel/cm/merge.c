/*
 * Merges a .reg file of the boot set into the registry. It is read twice: a file with a mistake
 * changes nothing, and the log says where the mistake is. CmpLock is held.
 */
#include "kernel/cm/boot.h"
#include "kernel/cm/cm.h"
#include "kernel/cm/regfile.h"
#include "kernel/kd/kd.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

/* What the roots of a .reg file's paths are called here. */
static const struct {
    UNICODE_STRING Root;
    PCWSTR Path; /* from \Registry */
} CmpRoots[] = {
    {RTL_CONSTANT_STRING(L"HKEY_LOCAL_MACHINE"), L"MACHINE"},
    {RTL_CONSTANT_STRING(L"HKLM"), L"MACHINE"},
    {RTL_CONSTANT_STRING(L"HKEY_USERS"), L"USER"},
    {RTL_CONSTANT_STRING(L"HKU"), L"USER"},
    {RTL_CONSTANT_STRING(L"HKEY_CURRENT_USER"), L"USER\\.DEFAULT"},
    {RTL_CONSTANT_STRING(L"HKCU"), L"USER\\.DEFAULT"},
};

typedef struct _CM_MERGE {
    BOOLEAN Try;       /* nothing is to be changed */
    CM_KEY_NODE *Node; /* of the last key */
} CM_MERGE;

/* Splits a path into where its root is and what follows. */
static NTSTATUS CmpFindRoot(PUNICODE_STRING Path, PUNICODE_STRING Rest, CM_KEY_NODE **Root)
{
    UNICODE_STRING Name;
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(CmpRoots); i++) {
        USHORT Length = CmpRoots[i].Root.Length;
        if (!RtlPrefixUnicodeString(&CmpRoots[i].Root, Path, TRUE) ||
            (Path->Length > Length && Path->Buffer[Length / sizeof(WCHAR)] != L'\\'))
            continue;
        *Rest = *Path;
        Rest->Buffer += Length / sizeof(WCHAR);
        Rest->Length -= Length;
        RtlInitUnicodeString(&Name, CmpRoots[i].Path);
        return CmpFindPath(CmpRoot, &Name, Root);
    }
    return STATUS_OBJECT_PATH_SYNTAX_BAD;
}

/* Deletes a key with all that is below it, leaves first. */
static NTSTATUS CmpDeleteTree(CM_KEY_NODE *Top)
{
    CM_KEY_NODE *Node = Top, *Parent;
    NTSTATUS Status;

    for (;;) {
        while (Node->SubKeyCount)
            Node = CmpSubKeyAt(Node, 0);
        Parent = Node->Parent;
        Status = CmpDeleteNode(Node);
        if (!NT_SUCCESS(Status) || Node == Top)
            return Status;
        Node = Parent;
    }
}

static NTSTATUS CmpMergeKey(PVOID Context, PUNICODE_STRING Path, BOOLEAN Delete)
{
    CM_MERGE *Merge = Context;
    UNICODE_STRING Rest;
    CM_KEY_NODE *Root;
    NTSTATUS Status = CmpFindRoot(Path, &Rest, &Root);

    if (!NT_SUCCESS(Status) || Merge->Try)
        return Status;
    if (!Delete)
        return CmpMakePath(Root, &Rest, 0, &Merge->Node);
    Status = CmpFindPath(Root, &Rest, &Merge->Node);
    if (Status == STATUS_OBJECT_NAME_NOT_FOUND)
        return STATUS_SUCCESS; /* it is gone already */
    return NT_SUCCESS(Status) ? CmpDeleteTree(Merge->Node) : Status;
}

static NTSTATUS CmpMergeSetValue(PVOID Context, PUNICODE_STRING Name, ULONG Type, const VOID *Data,
                                 ULONG Length)
{
    CM_MERGE *Merge = Context;

    return Merge->Try ? STATUS_SUCCESS : CmpSetValue(Merge->Node, Name, Type, Data, Length);
}

static NTSTATUS CmpMergeDeleteValue(PVOID Context, PUNICODE_STRING Name)
{
    CM_MERGE *Merge = Context;

    if (!Merge->Try)
        CmpDeleteValue(Merge->Node, Name); /* which may be gone already */
    return STATUS_SUCCESS;
}

VOID CmpMergeRegFile(PLOADER_MODULE Module)
{
    static const CM_REG_SINK Sink = {CmpMergeKey, CmpMergeSetValue, CmpMergeDeleteValue};
    CM_REG_MISTAKE Mistake = {1, "no memory"};
    CM_MERGE Merge = {.Try = TRUE};
    ULONG Units;
    PWCHAR Text =
        CmpDecodeText((PUCHAR)MI_WINDOW_BASE + Module->PhysicalStart, Module->Size, &Units);

    if (Text) {
        CmpReadRegFile(Text, Units, &Sink, &Merge, &Mistake);
        Merge.Try = FALSE;
        if (Mistake.Reason == NULL)
            CmpReadRegFile(Text, Units, &Sink, &Merge, &Mistake);
        ExFreePool(Text);
    }
    if (Mistake.Reason)
        KdPrintLine("Cm: %s, line %lu: %s\n", Module->Name, Mistake.Line, Mistake.Reason);
}
