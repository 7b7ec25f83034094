/*
 * Event tracing as drivers see it (WDK: Adding Event Tracing to Kernel-Mode Drivers): providers
 * register, and write events that nobody listens to. So no event is ever enabled, and one that is
 * written goes nowhere.
 *
 * A registration is a block of pool; its mark tells a handle from a number.
 */
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"

#define TAG_ETW       'pwtE'
#define PROVIDER_MARK 0x45747750

#define ACTIVITY_GET        1 /* WDK: EtwActivityIdControl */
#define ACTIVITY_SET        2
#define ACTIVITY_CREATE     3
#define ACTIVITY_GET_SET    4
#define ACTIVITY_CREATE_SET 5

typedef struct _ETW_PROVIDER {
    ULONG Mark;
    GUID Id;
} ETW_PROVIDER;

/*
 * Registers a provider (WDK: EtwRegister). Its callback is never called, as nobody enables it.
 * STATUS_INVALID_PARAMETER: no id, or nowhere to put the handle. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI EtwRegister(LPCGUID ProviderId, PETWENABLECALLBACK EnableCallback,
                           PVOID CallbackContext, PREGHANDLE RegHandle)
{
    ETW_PROVIDER *Provider;

    UNREFERENCED_PARAMETER(EnableCallback);
    UNREFERENCED_PARAMETER(CallbackContext);
    KI_ASSERT_IRQL(APC_LEVEL);
    if (ProviderId == NULL || RegHandle == NULL)
        return STATUS_INVALID_PARAMETER;
    Provider = ExAllocatePoolWithTag(NonPagedPool, sizeof *Provider, TAG_ETW);
    if (Provider == NULL)
        return STATUS_NO_MEMORY;
    *Provider = (ETW_PROVIDER){PROVIDER_MARK, *ProviderId};
    *RegHandle = (ULONG_PTR)Provider;
    return STATUS_SUCCESS;
}

/* 0 is what a driver has whose registration has failed. */
static NTSTATUS EtwpCheck(REGHANDLE RegHandle)
{
    if (RegHandle == 0)
        return STATUS_INVALID_HANDLE;
    ASSERT(((ETW_PROVIDER *)(ULONG_PTR)RegHandle)->Mark == PROVIDER_MARK);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI EtwUnregister(REGHANDLE RegHandle)
{
    NTSTATUS Status = EtwpCheck(RegHandle);

    KI_ASSERT_IRQL(APC_LEVEL);
    if (NT_SUCCESS(Status))
        ExFreePoolWithTag((PVOID)(ULONG_PTR)RegHandle, TAG_ETW);
    return Status;
}

BOOLEAN NTAPI EtwEventEnabled(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor)
{
    UNREFERENCED_PARAMETER(RegHandle);
    UNREFERENCED_PARAMETER(EventDescriptor);
    return FALSE;
}

BOOLEAN NTAPI EtwProviderEnabled(REGHANDLE RegHandle, UCHAR Level, ULONGLONG Keyword)
{
    UNREFERENCED_PARAMETER(RegHandle);
    UNREFERENCED_PARAMETER(Level);
    UNREFERENCED_PARAMETER(Keyword);
    return FALSE;
}

/* An event (WDK: EtwWrite and its kin). STATUS_INVALID_HANDLE: of nobody. Any IRQL. */
NTSTATUS NTAPI EtwWriteEx(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor, ULONG64 Filter,
                          ULONG Flags, LPCGUID ActivityId, LPCGUID RelatedActivityId,
                          ULONG UserDataCount, PEVENT_DATA_DESCRIPTOR UserData)
{
    UNREFERENCED_PARAMETER(EventDescriptor);
    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(Flags);
    UNREFERENCED_PARAMETER(ActivityId);
    UNREFERENCED_PARAMETER(RelatedActivityId);
    UNREFERENCED_PARAMETER(UserDataCount);
    UNREFERENCED_PARAMETER(UserData);
    return EtwpCheck(RegHandle);
}

NTSTATUS NTAPI EtwWriteTransfer(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor,
                                LPCGUID ActivityId, LPCGUID RelatedActivityId, ULONG UserDataCount,
                                PEVENT_DATA_DESCRIPTOR UserData)
{
    return EtwWriteEx(RegHandle, EventDescriptor, 0, 0, ActivityId, RelatedActivityId,
                      UserDataCount, UserData);
}

NTSTATUS NTAPI EtwWrite(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor, LPCGUID ActivityId,
                        ULONG UserDataCount, PEVENT_DATA_DESCRIPTOR UserData)
{
    return EtwWriteEx(RegHandle, EventDescriptor, 0, 0, ActivityId, NULL, UserDataCount, UserData);
}

NTSTATUS NTAPI EtwWriteString(REGHANDLE RegHandle, UCHAR Level, ULONGLONG Keyword,
                              LPCGUID ActivityId, PCWSTR String)
{
    UNREFERENCED_PARAMETER(Level);
    UNREFERENCED_PARAMETER(Keyword);
    UNREFERENCED_PARAMETER(String);
    return EtwWriteEx(RegHandle, NULL, 0, 0, ActivityId, NULL, 0, NULL);
}

/*
 * The thread's activity, which its events belong to: asked for, set, or made anew (WDK:
 * EtwActivityIdControl). STATUS_INVALID_PARAMETER: no such control code. IRQL: PASSIVE_LEVEL for
 * those that make one, as ExUuidCreate.
 */
NTSTATUS NTAPI EtwActivityIdControl(ULONG ControlCode, LPGUID ActivityId)
{
    PETHREAD Thread = (PETHREAD)KiGetCurrentThread();
    GUID Before = Thread->ActivityId, New = *ActivityId;
    NTSTATUS Status = STATUS_SUCCESS;

    if (ControlCode < ACTIVITY_GET || ControlCode > ACTIVITY_CREATE_SET)
        return STATUS_INVALID_PARAMETER;
    if (ControlCode == ACTIVITY_CREATE || ControlCode == ACTIVITY_CREATE_SET)
        Status = ExUuidCreate(&New);
    if (!NT_SUCCESS(Status))
        return Status;
    if (ControlCode == ACTIVITY_CREATE)
        *ActivityId = New;
    else if (ControlCode != ACTIVITY_SET)
        *ActivityId = Before;
    if (ControlCode != ACTIVITY_CREATE && ControlCode != ACTIVITY_GET)
        Thread->ActivityId = New;
    return STATUS_SUCCESS;
}
