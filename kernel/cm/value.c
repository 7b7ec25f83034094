/*
 * The services for values: NtSetValueKey, NtDeleteValueKey, NtQueryValueKey, NtEnumerateValueKey
 * (WDK: the Zw routines of these names).
 */
#include "kernel/cm/callback.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"

#define TAG_DATA           'aDmC'
#define ALIGN8(Bytes)      (((Bytes) + 7) & ~7u)
#define ALIGN4(Bytes)      (((Bytes) + 3) & ~3u)
#define MISALIGNED8(Where) ((ULONG_PTR)(Where)&7)

/* ---- Information about one value ---------------------------------------------------------------
 */

static VOID CmpPutValueBasic(CM_KEY_VALUE *Value, CM_OUTPUT *Output)
{
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_BASIC_INFORMATION, Name);
    KEY_VALUE_BASIC_INFORMATION Info = {.Type = Value->Type, .NameLength = Value->Name.Length};

    CmpPutFixed(Output, &Info, Fixed);
    CmpPutVariable(Output, Fixed, Value->Name.Buffer, Value->Name.Length);
}

static VOID CmpPutValueFull(CM_KEY_VALUE *Value, CM_OUTPUT *Output, BOOLEAN Align64)
{
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_FULL_INFORMATION, Name);
    ULONG End = Fixed + Value->Name.Length;
    KEY_VALUE_FULL_INFORMATION Info = {.Type = Value->Type,
                                       .DataOffset = Align64 ? ALIGN8(End) : ALIGN4(End),
                                       .DataLength = Value->DataLength,
                                       .NameLength = Value->Name.Length};

    CmpPutFixed(Output, &Info, Fixed);
    CmpPutVariable(Output, Fixed, Value->Name.Buffer, Value->Name.Length);
    CmpPutVariable(Output, Info.DataOffset, Value->Data, Value->DataLength);
}

static VOID CmpPutValuePartial(CM_KEY_VALUE *Value, CM_OUTPUT *Output)
{
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data);
    KEY_VALUE_PARTIAL_INFORMATION Info = {.Type = Value->Type, .DataLength = Value->DataLength};

    CmpPutFixed(Output, &Info, Fixed);
    CmpPutVariable(Output, Fixed, Value->Data, Value->DataLength);
}

static VOID CmpPutValuePartial64(CM_KEY_VALUE *Value, CM_OUTPUT *Output)
{
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION_ALIGN64, Data);
    KEY_VALUE_PARTIAL_INFORMATION_ALIGN64 Info = {.Type = Value->Type,
                                                  .DataLength = Value->DataLength};

    CmpPutFixed(Output, &Info, Fixed);
    CmpPutVariable(Output, Fixed, Value->Data, Value->DataLength);
}

static VOID CmpPutValue(CM_KEY_VALUE *Value, KEY_VALUE_INFORMATION_CLASS Class, CM_OUTPUT *Output)
{
    switch (Class) {
    case KeyValueBasicInformation:
        CmpPutValueBasic(Value, Output);
        break;
    case KeyValuePartialInformation:
        CmpPutValuePartial(Value, Output);
        break;
    case KeyValuePartialInformationAlign64:
        CmpPutValuePartial64(Value, Output);
        break;
    default:
        CmpPutValueFull(Value, Output, Class == KeyValueFullInformationAlign64);
    }
}

/* What a query is checked for before anything else: STATUS_INVALID_PARAMETER: no such class;
 * STATUS_DATATYPE_MISALIGNMENT: the aligned classes want an aligned buffer. */
static NTSTATUS CmpCheckValueQuery(KEY_VALUE_INFORMATION_CLASS Class, PVOID Buffer, ULONG Length,
                                   PULONG ResultLength)
{
    switch (Class) {
    case KeyValueBasicInformation:
    case KeyValueFullInformation:
    case KeyValuePartialInformation:
        return CmpProbeOutput(Buffer, Length, ResultLength);
    case KeyValueFullInformationAlign64:
    case KeyValuePartialInformationAlign64:
        return MISALIGNED8(Buffer) ? STATUS_DATATYPE_MISALIGNMENT
                                   : CmpProbeOutput(Buffer, Length, ResultLength);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/* ---- Queries -----------------------------------------------------------------------------------
 */

static NTSTATUS CmpQueryValue(CM_KEY_BODY *Body, PUNICODE_STRING Name,
                              KEY_VALUE_INFORMATION_CLASS Class, CM_OUTPUT *Output,
                              PULONG ResultLength)
{
    NTSTATUS Status = CmpEnterKey(Body);
    CM_KEY_VALUE *Value;

    if (!NT_SUCCESS(Status))
        return Status;
    Value = CmpFindValue(Body->Node, Name);
    if (Value)
        CmpPutValue(Value, Class, Output);
    CmpUnlockRegistry();
    return Value ? CmpEndOutput(Output, ResultLength) : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS CmpEnumerateValue(CM_KEY_BODY *Body, ULONG Index, KEY_VALUE_INFORMATION_CLASS Class,
                                  CM_OUTPUT *Output, PULONG ResultLength)
{
    NTSTATUS Status = CmpEnterKey(Body);
    CM_KEY_VALUE *Value;

    if (!NT_SUCCESS(Status))
        return Status;
    Value = CmpValueAt(Body->Node, Index);
    if (Value)
        CmpPutValue(Value, Class, Output);
    CmpUnlockRegistry();
    return Value ? CmpEndOutput(Output, ResultLength) : STATUS_NO_MORE_ENTRIES;
}

/* A value's name, which may be longer than other names. Released by ExReleaseString. */
static NTSTATUS CmpCaptureValueName(PUNICODE_STRING Name, PUNICODE_STRING From)
{
    NTSTATUS Status = ExCaptureString(Name, From);

    if (NT_SUCCESS(Status) && Name->Length > CM_VALUE_NAME_BYTES) {
        ExReleaseString(Name);
        Status = STATUS_INVALID_PARAMETER;
    }
    return Status;
}

/* About a key's value (WDK: ZwQueryValueKey). STATUS_OBJECT_NAME_NOT_FOUND: there is none of that
 * name. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                               KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                               PVOID KeyValueInformation, ULONG Length, PULONG ResultLength)
{
    CM_OUTPUT Output = {.Buffer = KeyValueInformation, .Length = Length};
    UNICODE_STRING Name;
    CM_KEY_BODY *Body;
    NTSTATUS Status =
        CmpCheckValueQuery(KeyValueInformationClass, KeyValueInformation, Length, ResultLength);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = CmpCaptureValueName(&Name, ValueName);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpReferenceKey(KeyHandle, KEY_QUERY_VALUE, &Body);
    if (NT_SUCCESS(Status)) {
        REG_QUERY_VALUE_KEY_INFORMATION Info = {.Object = Body,
                                                .ValueName = &Name,
                                                .KeyValueInformationClass =
                                                    KeyValueInformationClass,
                                                .KeyValueInformation = KeyValueInformation,
                                                .Length = Length,
                                                .ResultLength = ResultLength};
        CM_CALL Call = CM_CALL_OF(QueryValueKey, Info, Body);
        if (CmpBeginCall(&Call))
            Call.Status =
                CmpQueryValue(Body, &Name, KeyValueInformationClass, &Output, ResultLength);
        Status = CmpEndCall(&Call);
        ObDereferenceObject(Body);
    }
    ExReleaseString(&Name);
    return Status;
}

/* About a key's value by its place (WDK: ZwEnumerateValueKey). STATUS_NO_MORE_ENTRIES: there are
 * not so many. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtEnumerateValueKey(HANDLE KeyHandle, ULONG Index,
                                   KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                                   PVOID KeyValueInformation, ULONG Length, PULONG ResultLength)
{
    CM_OUTPUT Output = {.Buffer = KeyValueInformation, .Length = Length};
    CM_KEY_BODY *Body;
    NTSTATUS Status =
        CmpCheckValueQuery(KeyValueInformationClass, KeyValueInformation, Length, ResultLength);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = CmpReferenceKey(KeyHandle, KEY_QUERY_VALUE, &Body);
    if (!NT_SUCCESS(Status))
        return Status;
    REG_ENUMERATE_VALUE_KEY_INFORMATION Info = {.Object = Body,
                                                .Index = Index,
                                                .KeyValueInformationClass =
                                                    KeyValueInformationClass,
                                                .KeyValueInformation = KeyValueInformation,
                                                .Length = Length,
                                                .ResultLength = ResultLength};
    CM_CALL Call = CM_CALL_OF(EnumerateValueKey, Info, Body);
    if (CmpBeginCall(&Call))
        Call.Status =
            CmpEnumerateValue(Body, Index, KeyValueInformationClass, &Output, ResultLength);
    Status = CmpEndCall(&Call);
    ObDereferenceObject(Body);
    return Status;
}

/* ---- Changes -----------------------------------------------------------------------------------
 */

/* A link has one value, and only that. */
static BOOLEAN CmpMaySet(CM_KEY_NODE *Node, PUNICODE_STRING Name, ULONG Type)
{
    UNICODE_STRING Target = RTL_CONSTANT_STRING(L"SymbolicLinkValue");

    return !(Node->Flags & CM_LINK) ||
           (Type == REG_LINK && RtlEqualUnicodeString(Name, &Target, TRUE));
}

static NTSTATUS CmpSetKeyValue(CM_KEY_BODY *Body, PUNICODE_STRING Name, ULONG Type,
                               const VOID *Data, ULONG Length)
{
    NTSTATUS Status = CmpEnterKey(Body);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = STATUS_ACCESS_DENIED;
    if (CmpMaySet(Body->Node, Name, Type))
        Status = CmpSetValue(Body->Node, Name, Type, Data, Length);
    CmpUnlockRegistry();
    return Status;
}

static NTSTATUS CmpDeleteKeyValue(CM_KEY_BODY *Body, PUNICODE_STRING Name)
{
    NTSTATUS Status = CmpEnterKey(Body);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpDeleteValue(Body->Node, Name);
    CmpUnlockRegistry();
    return Status;
}

static NTSTATUS CmpCaptureData(PVOID Data, ULONG Length, PVOID *Copy)
{
    NTSTATUS Status;

    *Copy = NULL;
    if (Length == 0)
        return STATUS_SUCCESS;
    if (Length > CM_DATA_BYTES)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Copy = ExAllocatePoolWithTag(PagedPool, Length, TAG_DATA);
    if (*Copy == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = ExCopyIn(*Copy, Data, Length);
    if (!NT_SUCCESS(Status))
        ExFreePoolWithTag(*Copy, TAG_DATA);
    return Status;
}

/* Makes a value of a key, or gives it other data (WDK: ZwSetValueKey). TitleIndex means nothing.
 * IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex,
                             ULONG Type, PVOID Data, ULONG DataSize)
{
    UNICODE_STRING Name;
    CM_KEY_BODY *Body;
    PVOID Copy;
    NTSTATUS Status = CmpCaptureValueName(&Name, ValueName);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpCaptureData(Data, DataSize, &Copy);
    if (NT_SUCCESS(Status)) {
        Status = CmpReferenceKey(KeyHandle, KEY_SET_VALUE, &Body);
        if (NT_SUCCESS(Status)) {
            REG_SET_VALUE_KEY_INFORMATION Info = {.Object = Body,
                                                  .ValueName = &Name,
                                                  .TitleIndex = TitleIndex,
                                                  .Type = Type,
                                                  .Data = Copy,
                                                  .DataSize = DataSize};
            CM_CALL Call = CM_CALL_OF(SetValueKey, Info, Body);
            if (CmpBeginCall(&Call))
                Call.Status = CmpSetKeyValue(Body, &Name, Type, Copy, DataSize);
            Status = CmpEndCall(&Call);
            ObDereferenceObject(Body);
        }
        if (Copy)
            ExFreePoolWithTag(Copy, TAG_DATA);
    }
    ExReleaseString(&Name);
    return Status;
}

/* Deletes a value of a key (WDK: ZwDeleteValueKey). IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI NtDeleteValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName)
{
    UNICODE_STRING Name;
    CM_KEY_BODY *Body;
    NTSTATUS Status = CmpCaptureValueName(&Name, ValueName);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmpReferenceKey(KeyHandle, KEY_SET_VALUE, &Body);
    if (NT_SUCCESS(Status)) {
        REG_DELETE_VALUE_KEY_INFORMATION Info = {.Object = Body, .ValueName = &Name};
        CM_CALL Call = CM_CALL_OF(DeleteValueKey, Info, Body);
        if (CmpBeginCall(&Call))
            Call.Status = CmpDeleteKeyValue(Body, &Name);
        Status = CmpEndCall(&Call);
        ObDereferenceObject(Body);
    }
    ExReleaseString(&Name);
    return Status;
}
