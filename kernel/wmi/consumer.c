/*
 * WMI for drivers that ask for others' data (WDK: Implementing a WMI Data Consumer). What
 * providers have is not kept by GUID: no block is ever found, so nothing can be asked of one.
 */
#include "kernel/ke/ke.h"
#include "kernel/pnp/pnp.h"
#include "kernel/rtl/rtl.h"

#define TAG_WMI_NAME 'nimW'

NTSTATUS NTAPI WmipNoBlock3(PVOID, PVOID, PVOID);
NTSTATUS NTAPI WmipNoBlock4(PVOID, PVOID, PVOID, PVOID);
NTSTATUS NTAPI WmipNoBlock5(PVOID, PVOID, PVOID, PVOID, PVOID);
NTSTATUS NTAPI WmipNoBlock6(PVOID, PVOID, PVOID, PVOID, PVOID, PVOID);

/* STATUS_WMI_GUID_NOT_FOUND: nobody provides such a block (WDK: IoWMIOpenBlock). */
NTSTATUS NTAPI IoWMIOpenBlock(GUID *DataBlockGuid, ULONG DesiredAccess, PVOID *DataBlockObject)
{
    UNREFERENCED_PARAMETER(DataBlockGuid);
    UNREFERENCED_PARAMETER(DesiredAccess);
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    *DataBlockObject = NULL;
    return STATUS_WMI_GUID_NOT_FOUND;
}

/*
 * Numbers that no other instance of a block has (WDK: IoWMIAllocateInstanceIds): here none of any.
 */
NTSTATUS NTAPI IoWMIAllocateInstanceIds(GUID *Guid, ULONG InstanceCount, ULONG *FirstInstanceId)
{
    static LONG Next;

    UNREFERENCED_PARAMETER(Guid);
    *FirstInstanceId = (ULONG)InterlockedExchangeAdd(&Next, (LONG)InstanceCount);
    return STATUS_SUCCESS;
}

/*
 * A name for a device's instances: what describes it, what its link is called, or both (WDK:
 * IoWMISuggestInstanceName). The caller frees its buffer, of paged pool. STATUS_UNSUCCESSFUL: there
 * is nothing to make a name of. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoWMISuggestInstanceName(PDEVICE_OBJECT PhysicalDeviceObject,
                                        PUNICODE_STRING SymbolicLinkName, BOOLEAN CombineNames,
                                        PUNICODE_STRING SuggestedInstanceName)
{
    PNP_NODE *Node = PhysicalDeviceObject ? PNP_NODE_OF(PhysicalDeviceObject) : NULL;
    UNICODE_STRING First, Second = {0};
    ULONG Bytes;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    RtlInitUnicodeString(&First, Node ? Node->Description : NULL);
    if (SymbolicLinkName && (CombineNames || First.Length == 0))
        Second = *SymbolicLinkName;
    Bytes = First.Length + Second.Length + sizeof(WCHAR);
    if (Bytes == sizeof(WCHAR))
        return STATUS_UNSUCCESSFUL;
    if (Bytes > MAXUSHORT)
        return STATUS_NAME_TOO_LONG;
    SuggestedInstanceName->Buffer = ExAllocatePoolWithTag(PagedPool, Bytes, TAG_WMI_NAME);
    if (SuggestedInstanceName->Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    SuggestedInstanceName->Length = 0;
    SuggestedInstanceName->MaximumLength = (USHORT)Bytes;
    RtlAppendUnicodeStringToString(SuggestedInstanceName, &First);
    if (First.Length && Second.Length)
        RtlAppendUnicodeToString(SuggestedInstanceName, L"_");
    return RtlAppendUnicodeStringToString(SuggestedInstanceName, &Second);
}

/*
 * What can be asked of a block, by the number of arguments (kernel/exports/ntoskrnl.def has the
 * names): nobody has one.
 */
NTSTATUS NTAPI WmipNoBlock3(PVOID Block, PVOID Second, PVOID Third)
{
    UNREFERENCED_PARAMETER(Block);
    UNREFERENCED_PARAMETER(Second);
    UNREFERENCED_PARAMETER(Third);
    return STATUS_WMI_GUID_NOT_FOUND;
}

NTSTATUS NTAPI WmipNoBlock4(PVOID Block, PVOID Second, PVOID Third, PVOID Fourth)
{
    UNREFERENCED_PARAMETER(Fourth);
    return WmipNoBlock3(Block, Second, Third);
}

NTSTATUS NTAPI WmipNoBlock5(PVOID Block, PVOID Second, PVOID Third, PVOID Fourth, PVOID Fifth)
{
    UNREFERENCED_PARAMETER(Fifth);
    return WmipNoBlock4(Block, Second, Third, Fourth);
}

NTSTATUS NTAPI WmipNoBlock6(PVOID Block, PVOID Second, PVOID Third, PVOID Fourth, PVOID Fifth,
                            PVOID Sixth)
{
    UNREFERENCED_PARAMETER(Sixth);
    return WmipNoBlock5(Block, Second, Third, Fourth, Fifth);
}
