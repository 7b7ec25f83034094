/*
 * What can be known of an object, and changed of a handle: NtQueryObject, NtSetInformationObject,
 * ObQueryNameString.
 */
#include "kernel/ob/name.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/sched.h"

#define TAG_QUERY 'yQbO'

/* The object's name, in memory from a pool; Buffer NULL: it has none. */
static NTSTATUS ObpQueryObjectName(PVOID Object, PUNICODE_STRING Name)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(Object)->Type;
    NTSTATUS Status = ObpQueryPath(Object, Name);

    if (NT_SUCCESS(Status) && Name->Buffer == NULL && Type->QueryName)
        Status = Type->QueryName(Object, Name);
    return Status;
}

/* A string at Text, with a zero behind it, that whoever it is for will find at Address. */
static VOID ObpPutString(PUNICODE_STRING String, PVOID Text, PVOID Address,
                         const UNICODE_STRING *From)
{
    *String = (UNICODE_STRING){0};
    if (From->Length == 0)
        return;
    String->Length = From->Length;
    String->MaximumLength = From->Length + sizeof(WCHAR);
    String->Buffer = Address;
    memcpy(Text, From->Buffer, From->Length);
    ((PWCHAR)Text)[From->Length / sizeof(WCHAR)] = 0;
}

static ULONG ObpNameBytes(const UNICODE_STRING *Name)
{
    return sizeof(OBJECT_NAME_INFORMATION) + (Name->Length ? Name->Length + sizeof(WCHAR) : 0);
}

/*
 * An object's name, as far as it has one (WDK: ObQueryNameString). STATUS_INFO_LENGTH_MISMATCH: it
 * takes *ReturnLength bytes. IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI ObQueryNameString(PVOID Object, POBJECT_NAME_INFORMATION ObjectNameInfo,
                                 ULONG Length, PULONG ReturnLength)
{
    UNICODE_STRING Name;
    NTSTATUS Status = ObpQueryObjectName(Object, &Name);

    KI_ASSERT_IRQL(APC_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    *ReturnLength = ObpNameBytes(&Name);
    if (Length < *ReturnLength)
        Status = STATUS_INFO_LENGTH_MISMATCH;
    else
        ObpPutString(&ObjectNameInfo->Name, ObjectNameInfo + 1, ObjectNameInfo + 1, &Name);
    if (Name.Buffer)
        ExFreePool(Name.Buffer);
    return Status;
}

/* ---- NtQueryObject: each class makes its answer in a buffer of the kernel's -------------------
 */

typedef struct _OBP_QUERY {
    PVOID Object;
    OBJECT_HANDLE_INFORMATION Handle;
    PVOID UserBuffer;
    ULONG Length; /* that the caller has */
    ULONG Needed;
    PVOID Answer; /* of Needed bytes, in pool */
} OBP_QUERY;

/* Memory for an answer of so many bytes, zeroed; exactly so many, the caller must have, or at
 * least.
 */
static NTSTATUS ObpBeginAnswer(OBP_QUERY *Query, ULONG Bytes, BOOLEAN Exactly)
{
    Query->Needed = Bytes;
    if (Query->Length < Bytes || (Exactly && Query->Length != Bytes))
        return STATUS_INFO_LENGTH_MISMATCH;
    Query->Answer = ExAllocatePoolWithTag(PagedPool, Bytes, TAG_QUERY);
    if (Query->Answer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(Query->Answer, 0, Bytes);
    return STATUS_SUCCESS;
}

static ULONG ObpTypeBytes(POBJECT_TYPE Type)
{
    return sizeof(OBJECT_TYPE_INFORMATION) + (strlen(Type->Name) + 1) * sizeof(WCHAR);
}

static NTSTATUS ObpQueryBasic(OBP_QUERY *Query)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Query->Object);
    POBJECT_BASIC_INFORMATION Basic;
    UNICODE_STRING Name;
    NTSTATUS Status = ObpBeginAnswer(Query, sizeof *Basic, TRUE);

    if (NT_SUCCESS(Status))
        Status = ObpQueryObjectName(Query->Object, &Name);
    if (!NT_SUCCESS(Status))
        return Status;
    Basic = Query->Answer;
    Basic->Attributes = Query->Handle.HandleAttributes;
    if (Header->Flags & OBJECT_PERMANENT)
        Basic->Attributes |= OBJ_PERMANENT;
    if (Header->Flags & OBJECT_EXCLUSIVE)
        Basic->Attributes |= OBJ_EXCLUSIVE;
    Basic->GrantedAccess = Query->Handle.GrantedAccess;
    Basic->HandleCount = Header->HandleCount;
    Basic->PointerCount = Header->PointerCount;
    Basic->NameInfoSize = Name.Length ? ObpNameBytes(&Name) : 0;
    Basic->TypeInfoSize = ObpTypeBytes(Header->Type);
    if (Header->Type == ObpSymbolicLinkType)
        Basic->CreationTime = ((OBP_LINK *)Query->Object)->CreationTime;
    if (Name.Buffer)
        ExFreePool(Name.Buffer);
    return STATUS_SUCCESS;
}

static NTSTATUS ObpQueryName(OBP_QUERY *Query)
{
    POBJECT_NAME_INFORMATION User = Query->UserBuffer, Answer;
    UNICODE_STRING Name;
    NTSTATUS Status = ObpQueryObjectName(Query->Object, &Name);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpBeginAnswer(Query, ObpNameBytes(&Name), FALSE);
    Answer = Query->Answer;
    if (NT_SUCCESS(Status))
        ObpPutString(&Answer->Name, Answer + 1, User + 1, &Name);
    if (Name.Buffer)
        ExFreePool(Name.Buffer);
    return Status;
}

static NTSTATUS ObpQueryType(OBP_QUERY *Query)
{
    POBJECT_TYPE Type = OBJECT_TO_HEADER(Query->Object)->Type;
    POBJECT_TYPE_INFORMATION User = Query->UserBuffer, Answer;
    PWCHAR Text;
    ULONG i;
    NTSTATUS Status = ObpBeginAnswer(Query, ObpTypeBytes(Type), FALSE);

    if (!NT_SUCCESS(Status))
        return Status;
    Answer = Query->Answer;
    Text = (PWCHAR)(Answer + 1);
    for (i = 0; Type->Name[i]; i++)
        Text[i] = (UCHAR)Type->Name[i];
    Answer->TypeName.Length = (USHORT)(i * sizeof(WCHAR));
    Answer->TypeName.MaximumLength = Answer->TypeName.Length + sizeof(WCHAR);
    Answer->TypeName.Buffer = (PWCHAR)(User + 1);
    Answer->TotalNumberOfObjects = Type->ObjectCount;
    Answer->TotalNumberOfHandles = Type->HandleCount;
    Answer->GenericMapping = Type->Mapping;
    Answer->ValidAccessMask = Type->AllAccess;
    return STATUS_SUCCESS;
}

static NTSTATUS ObpQueryHandleFlags(OBP_QUERY *Query)
{
    POBJECT_HANDLE_FLAG_INFORMATION Answer;
    NTSTATUS Status = ObpBeginAnswer(Query, sizeof *Answer, TRUE);

    if (!NT_SUCCESS(Status))
        return Status;
    Answer = Query->Answer;
    Answer->Inherit = (Query->Handle.HandleAttributes & OBJ_INHERIT) != 0;
    Answer->ProtectFromClose = (Query->Handle.HandleAttributes & OBJ_PROTECT_CLOSE) != 0;
    return STATUS_SUCCESS;
}

static NTSTATUS ObpRunQuery(OBP_QUERY *Query, OBJECT_INFORMATION_CLASS Class)
{
    switch (Class) {
    case ObjectBasicInformation:
        return ObpQueryBasic(Query);
    case ObjectNameInformation:
        return ObpQueryName(Query);
    case ObjectTypeInformation:
        return ObpQueryType(Query);
    case ObjectHandleFlagInformation:
        return ObpQueryHandleFlags(Query);
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

/*
 * About what a handle names (WDK: ZwQueryObject). STATUS_INVALID_INFO_CLASS;
 * STATUS_INFO_LENGTH_MISMATCH: *ReturnLength says what it takes. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtQueryObject(HANDLE Handle, OBJECT_INFORMATION_CLASS ObjectInformationClass,
                             PVOID ObjectInformation, ULONG ObjectInformationLength,
                             PULONG ReturnLength)
{
    OBP_QUERY Query = {.UserBuffer = ObjectInformation, .Length = ObjectInformationLength};
    NTSTATUS Returned, Status = ExProbeOut(ObjectInformation, ObjectInformationLength);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status) && ReturnLength)
        Status = ExProbeOut(ReturnLength, sizeof *ReturnLength);
    if (NT_SUCCESS(Status))
        Status = ObReferenceObjectByHandle(Handle, 0, NULL, KiGetCurrentThread()->PreviousMode,
                                           &Query.Object, &Query.Handle);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObpRunQuery(&Query, ObjectInformationClass);
    ObDereferenceObject(Query.Object);
    Returned = STATUS_SUCCESS;
    if (NT_SUCCESS(Status))
        Returned = ExCopyOut(ObjectInformation, Query.Answer, Query.Needed);
    if (NT_SUCCESS(Returned) && ReturnLength && Query.Needed)
        Returned = ExCopyOut(ReturnLength, &Query.Needed, sizeof Query.Needed);
    if (Query.Answer)
        ExFreePoolWithTag(Query.Answer, TAG_QUERY);
    return NT_SUCCESS(Returned) ? Status : Returned;
}

/* Changes a handle's attributes (undocumented, but well known): the one class that there is. */
NTSTATUS NTAPI NtSetInformationObject(HANDLE Handle,
                                      OBJECT_INFORMATION_CLASS ObjectInformationClass,
                                      PVOID ObjectInformation, ULONG ObjectInformationLength)
{
    OBJECT_HANDLE_FLAG_INFORMATION Flags;
    NTSTATUS Status;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (ObjectInformationClass != ObjectHandleFlagInformation)
        return STATUS_INVALID_INFO_CLASS;
    if (ObjectInformationLength != sizeof Flags)
        return STATUS_INFO_LENGTH_MISMATCH;
    Status = ExCopyIn(&Flags, ObjectInformation, sizeof Flags);
    if (!NT_SUCCESS(Status))
        return Status;
    return ObpSetHandleAttributes(Handle, KiGetCurrentThread()->PreviousMode,
                                  (Flags.Inherit ? OBJ_INHERIT : 0) |
                                      (Flags.ProtectFromClose ? OBJ_PROTECT_CLOSE : 0));
}
