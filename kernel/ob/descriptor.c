/*
 * Security descriptors as objects have them: self-relative, counted, never changed. Many objects
 * have the same one, so equal ones are one: a list of all that are in use.
 *
 * An object's descriptor is where its type says (ObpDescriptorOf): in its header, or for devices in
 * DEVICE_OBJECT.SecurityDescriptor. It counts as one reference. NULL: anybody may do all.
 *
 * Lock: ObpDescriptorLock (fast mutex) guards the list, the counts, and which one an object has.
 */
#include "kernel/ob/security.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_DESCRIPTOR 'dSbO'

typedef struct _OBP_DESCRIPTOR {
    LIST_ENTRY ListEntry;
    ULONG References;
    ULONG Bytes;
    UCHAR Text[]; /* the descriptor; what others have points here */
} OBP_DESCRIPTOR;

static FAST_MUTEX ObpDescriptorLock;
static LIST_ENTRY ObpDescriptors = {&ObpDescriptors, &ObpDescriptors};

VOID ObpInitializeDescriptors(VOID)
{
    ExInitializeFastMutex(&ObpDescriptorLock);
}

PSECURITY_DESCRIPTOR *ObpDescriptorOf(PVOID Object)
{
    POBJECT_HEADER Header = OBJECT_TO_HEADER(Object);

    if (Header->Type->DescriptorOffset)
        return (PSECURITY_DESCRIPTOR *)((PUCHAR)Object + Header->Type->DescriptorOffset);
    return &Header->SecurityDescriptor;
}

/* The lock is held. */
static OBP_DESCRIPTOR *ObpFindEqual(PSECURITY_DESCRIPTOR Descriptor, ULONG Bytes)
{
    PLIST_ENTRY Link;

    for (Link = ObpDescriptors.Flink; Link != &ObpDescriptors; Link = Link->Flink) {
        OBP_DESCRIPTOR *Entry = CONTAINING_RECORD(Link, OBP_DESCRIPTOR, ListEntry);
        if (Entry->Bytes == Bytes && memcmp(Entry->Text, Descriptor, Bytes) == 0)
            return Entry;
    }
    return NULL;
}

/*
 * Gives the one that is equal to a self-relative descriptor, referenced RefBias times (not
 * declared by the headers, but known). The caller's stays the caller's. IRQL: PASSIVE_LEVEL.
 * STATUS_INSUFFICIENT_RESOURCES.
 */
NTSTATUS NTAPI ObLogSecurityDescriptor(PSECURITY_DESCRIPTOR InputSecurityDescriptor,
                                       PSECURITY_DESCRIPTOR *OutputSecurityDescriptor,
                                       ULONG RefBias)
{
    ULONG Bytes = RtlLengthSecurityDescriptor(InputSecurityDescriptor);
    OBP_DESCRIPTOR *Entry, *New;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    New = ExAllocatePoolWithTag(PagedPool, sizeof *New + Bytes, TAG_DESCRIPTOR);
    if (New == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    New->References = 0;
    New->Bytes = Bytes;
    memcpy(New->Text, InputSecurityDescriptor, Bytes);
    ExAcquireFastMutex(&ObpDescriptorLock);
    Entry = ObpFindEqual(InputSecurityDescriptor, Bytes);
    if (Entry == NULL) {
        Entry = New;
        InsertHeadList(&ObpDescriptors, &New->ListEntry);
    }
    Entry->References += RefBias;
    ExReleaseFastMutex(&ObpDescriptorLock);
    if (Entry != New)
        ExFreePoolWithTag(New, TAG_DESCRIPTOR);
    *OutputSecurityDescriptor = Entry->Text;
    return STATUS_SUCCESS;
}

VOID NTAPI ObReferenceSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Count)
{
    ExAcquireFastMutex(&ObpDescriptorLock);
    CONTAINING_RECORD(SecurityDescriptor, OBP_DESCRIPTOR, Text)->References += Count;
    ExReleaseFastMutex(&ObpDescriptorLock);
}

/* IRQL <= APC_LEVEL. */
VOID NTAPI ObDereferenceSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Count)
{
    OBP_DESCRIPTOR *Entry = CONTAINING_RECORD(SecurityDescriptor, OBP_DESCRIPTOR, Text);
    BOOLEAN Last;

    ExAcquireFastMutex(&ObpDescriptorLock);
    ASSERT(Entry->References >= Count);
    Entry->References -= Count;
    Last = Entry->References == 0;
    if (Last)
        RemoveEntryList(&Entry->ListEntry);
    ExReleaseFastMutex(&ObpDescriptorLock);
    if (Last)
        ExFreePoolWithTag(Entry, TAG_DESCRIPTOR);
}

PSECURITY_DESCRIPTOR ObpReferenceDescriptorOf(PVOID Object)
{
    PSECURITY_DESCRIPTOR Descriptor;

    ExAcquireFastMutex(&ObpDescriptorLock);
    Descriptor = *ObpDescriptorOf(Object);
    if (Descriptor)
        CONTAINING_RECORD(Descriptor, OBP_DESCRIPTOR, Text)->References++;
    ExReleaseFastMutex(&ObpDescriptorLock);
    return Descriptor;
}

BOOLEAN ObpReplaceDescriptor(PVOID Object, PSECURITY_DESCRIPTOR Old, PSECURITY_DESCRIPTOR New)
{
    PSECURITY_DESCRIPTOR *Place = ObpDescriptorOf(Object);
    BOOLEAN Replaced;

    ExAcquireFastMutex(&ObpDescriptorLock);
    Replaced = *Place == Old;
    if (Replaced)
        *Place = New;
    ExReleaseFastMutex(&ObpDescriptorLock);
    if (Replaced && Old)
        ObDereferenceSecurityDescriptor(Old, 1);
    return Replaced;
}
