/*
 * Objects as such: made, counted, deleted (kernel/ob/ob.h).
 */
#include "kernel/ob/security.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_OBJECT 'jbO '

static POBJECT_HEADER volatile ObpReaperList;
static WORK_QUEUE_ITEM ObpReaperItem;

/* Allocates an object of a type, its body zeroed, with one reference. */
NTSTATUS ObpAllocateObject(POBJECT_TYPE Type, SIZE_T BodyBytes, PVOID *Object)
{
    POBJECT_HEADER Header =
        ExAllocatePoolWithTag(NonPagedPool, sizeof *Header + BodyBytes, TAG_OBJECT);

    if (Header == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(Header, 0, sizeof *Header + BodyBytes);
    Header->PointerCount = 1;
    Header->Type = Type;
    InterlockedIncrement(&Type->ObjectCount);
    *Object = Header + 1;
    return STATUS_SUCCESS;
}

static VOID ObpDeleteObject(POBJECT_HEADER Header)
{
    POBJECT_TYPE Type = Header->Type;
    PSECURITY_DESCRIPTOR Descriptor;

    if (Type->Delete)
        Type->Delete(Header + 1);
    Descriptor = *ObpDescriptorOf(Header + 1);
    if (Descriptor)
        ObDereferenceSecurityDescriptor(Descriptor, 1);
    InterlockedDecrement(&Type->ObjectCount);
    ExFreePoolWithTag(Header, TAG_OBJECT);
}

/* Deletes what was dereferenced for the last time at a raised IRQL. */
static VOID NTAPI ObpReap(PVOID Parameter)
{
    POBJECT_HEADER Header = InterlockedExchangePointer((PVOID *)&ObpReaperList, NULL);

    UNREFERENCED_PARAMETER(Parameter);
    while (Header) {
        POBJECT_HEADER Next = Header->Reaper;
        ObpDeleteObject(Header);
        Header = Next;
    }
}

/* Whoever makes the list non-empty queues the work item; the worker empties it all. */
static VOID ObpDeferDelete(POBJECT_HEADER Header)
{
    POBJECT_HEADER First;

    do {
        First = ObpReaperList;
        Header->Reaper = First;
    } while (InterlockedCompareExchangePointer((PVOID *)&ObpReaperList, Header, First) != First);
    if (First == NULL)
        ExQueueWorkItem(&ObpReaperItem, CriticalWorkQueue);
}

LONG_PTR FASTCALL ObfReferenceObject(PVOID Object)
{
    LONG Count = InterlockedIncrement(&OBJECT_TO_HEADER(Object)->PointerCount);

    if (Count <= 1)
        KeBugCheckEx(REFERENCE_BY_POINTER, 0, (ULONG_PTR)Object, Count, 0);
    return Count;
}

BOOLEAN ObpTryReference(PVOID Object)
{
    volatile LONG *Count = &OBJECT_TO_HEADER(Object)->PointerCount;
    LONG Old = *Count, Seen;

    while (Old > 0) {
        Seen = InterlockedCompareExchange(Count, Old + 1, Old);
        if (Seen == Old)
            return TRUE;
        Old = Seen;
    }
    return FALSE;
}

/* (WDK: ObDereferenceObject.) Returns what is left, at an object's end 0. IRQL <= DISPATCH_LEVEL.
 */
LONG_PTR FASTCALL ObfDereferenceObject(PVOID Object)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);
    LONG Count = InterlockedDecrement(&Header->PointerCount);

    if (Count < 0)
        KeBugCheckEx(REFERENCE_BY_POINTER, 0, (ULONG_PTR)Object, Count, 0);
    if (Count > 0)
        return Count;
    if (KiGetCurrentIrql() == PASSIVE_LEVEL)
        ObpDeleteObject(Header);
    else
        ObpDeferDelete(Header);
    return 0;
}

/* For drivers whose headers had no macro of this name. */
VOID NTAPI ObpDereferenceObject(PVOID Object)
{
    ObfDereferenceObject(Object);
}

/* The same at any IRQL up to DISPATCH_LEVEL, for one who holds a lock that Delete needs (WDK:
 * ObDereferenceObjectDeferDelete): a worker thread deletes. */
VOID NTAPI ObDereferenceObjectDeferDelete(PVOID Object)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);
    LONG Count = InterlockedDecrement(&Header->PointerCount);

    if (Count < 0)
        KeBugCheckEx(REFERENCE_BY_POINTER, 0, (ULONG_PTR)Object, Count, 0);
    if (Count == 0)
        ObpDeferDelete(Header);
}

ACCESS_MASK ObpMapAccess(POBJECT_TYPE Type, ACCESS_MASK Access)
{
    if (Access & GENERIC_READ)
        Access |= Type->Mapping.GenericRead;
    if (Access & GENERIC_WRITE)
        Access |= Type->Mapping.GenericWrite;
    if (Access & GENERIC_EXECUTE)
        Access |= Type->Mapping.GenericExecute;
    if (Access & (GENERIC_ALL | MAXIMUM_ALLOWED))
        Access |= Type->AllAccess;
    return Access & (Type->AllAccess | ACCESS_SYSTEM_SECURITY);
}

VOID ObpInitializeReaper(VOID)
{
    ExInitializeWorkItem(&ObpReaperItem, ObpReap, NULL);
}
