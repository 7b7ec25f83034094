/*
 * What a driver's service key says about its file (WDK: ZwLoadDriver, and the value ImagePath of
 * the drivers' registry keys). All files are in \SystemRoot, so the last part of a path is enough.
 */
#include "kernel/cm/cm.h"
#include "kernel/rtl/rtl.h"

static UNICODE_STRING CmpLastPart(PCUNICODE_STRING Path)
{
    USHORT End = Path->Length / sizeof(WCHAR), Start;
    UNICODE_STRING Last;

    for (Start = End; Start > 0 && Path->Buffer[Start - 1] != L'\\'; Start--)
        ;
    Last.Buffer = Path->Buffer + Start;
    Last.Length = Last.MaximumLength = (USHORT)((End - Start) * sizeof(WCHAR));
    return Last;
}

/* The text of a value, without what may follow its zero. FALSE: there is none. */
static BOOLEAN CmpTextOf(CM_KEY_NODE *Node, PCWSTR ValueName, PUNICODE_STRING Text)
{
    UNICODE_STRING Name;
    CM_KEY_VALUE *Value;
    ULONG Units, Length = 0;

    RtlInitUnicodeString(&Name, ValueName);
    Value = CmpFindValue(Node, &Name);
    if (Value == NULL || (Value->Type != REG_SZ && Value->Type != REG_EXPAND_SZ))
        return FALSE;
    Units = min(Value->DataLength, MAXUSHORT) / sizeof(WCHAR);
    Text->Buffer = Value->Data;
    while (Length < Units && Text->Buffer[Length])
        Length++;
    Text->Length = Text->MaximumLength = (USHORT)(Length * sizeof(WCHAR));
    return Length != 0;
}

/* CmpLock is held. */
static NTSTATUS CmpDriverFile(CM_KEY_NODE *Node, PCUNICODE_STRING Service, PUNICODE_STRING File)
{
    UNICODE_STRING Path;
    NTSTATUS Status;

    File->Length = 0;
    if (CmpTextOf(Node, L"ImagePath", &Path)) {
        Path = CmpLastPart(&Path);
        return RtlAppendUnicodeStringToString(File, &Path);
    }
    Status = RtlAppendUnicodeStringToString(File, Service);
    return NT_SUCCESS(Status) ? RtlAppendUnicodeToString(File, L".sys") : Status;
}

NTSTATUS CmQueryDriverFile(PUNICODE_STRING ServicePath, PUNICODE_STRING File)
{
    OB_OPEN_CONTEXT Context = {.Extra = &(CM_OPEN_PACKET){.Create = FALSE}};
    UNICODE_STRING Service = CmpLastPart(ServicePath);
    CM_KEY_BODY *Body;
    NTSTATUS Status = ObpOpenPath(ServicePath, CmpKeyType, &Context, (PVOID *)&Body);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpEnterKey(Body);
    if (NT_SUCCESS(Status)) {
        Status = CmpDriverFile(Body->Node, &Service, File);
        CmpUnlockRegistry();
    }
    ObDereferenceObject(Body);
    return Status;
}
