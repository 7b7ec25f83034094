/*
 * What is in a directory, for NtQueryDirectoryObject: an array of names and types that ends with an
 * empty one, then their text. It is built in the kernel's memory, for the name lock is held, and
 * copied out with the pointers that are right there.
 */
#include "kernel/ob/name.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"
#include "sched/sched.h"

#define TAG_LISTING   'sLbO'
#define LISTING_BYTES 0x10000 /* of one call at the most; the caller calls again */

typedef struct _OBP_LISTING {
    PUCHAR Buffer, UserBuffer;
    ULONG Length; /* of both */
    ULONG First;  /* the entry to begin with */
    ULONG Count;  /* how many are listed */
    ULONG Bytes;  /* what they take, or one takes that does not fit */
} OBP_LISTING;

static ULONG ObpListedBytes(const OBP_ENTRY *Entry)
{
    ULONG TypeBytes = strlen(OBJECT_TO_HEADER(Entry->Object)->Type->Name) * sizeof(WCHAR);

    return sizeof(OBJECT_DIRECTORY_INFORMATION) + Entry->Name.Length + TypeBytes +
           2 * sizeof(WCHAR);
}

static PLIST_ENTRY ObpNthEntry(OBP_DIRECTORY *Directory, ULONG Index)
{
    PLIST_ENTRY Link = Directory->Entries.Flink;

    while (Index-- && Link != &Directory->Entries)
        Link = Link->Flink;
    return Link;
}

/* How many entries fit. The lock is held. */
static NTSTATUS ObpMeasureListing(OBP_DIRECTORY *Directory, OBP_LISTING *Listing, BOOLEAN Single)
{
    PLIST_ENTRY Link = ObpNthEntry(Directory, Listing->First);
    ULONG Bytes = sizeof(OBJECT_DIRECTORY_INFORMATION), More;

    for (; Link != &Directory->Entries; Link = Link->Flink) {
        More = ObpListedBytes(CONTAINING_RECORD(Link, OBP_ENTRY, ListEntry));
        if (Listing->Count && (Single || Bytes + More > Listing->Length))
            break;
        Bytes += More;
        if (Bytes > Listing->Length)
            break;
        Listing->Count++;
    }
    Listing->Bytes = Bytes;
    if (Listing->Count == 0)
        return Link == &Directory->Entries ? STATUS_NO_MORE_ENTRIES : STATUS_BUFFER_TOO_SMALL;
    return Link == &Directory->Entries || Single ? STATUS_SUCCESS : STATUS_MORE_ENTRIES;
}

/* Puts a string at *Text, and a zero behind it. String's buffer is where the caller will find it.
 */
static VOID ObpListString(const OBP_LISTING *Listing, PUCHAR *Text, ULONG Units,
                          PUNICODE_STRING String)
{
    String->Length = (USHORT)(Units * sizeof(WCHAR));
    String->MaximumLength = String->Length + sizeof(WCHAR);
    String->Buffer = (PWCHAR)(Listing->UserBuffer + (*Text - Listing->Buffer));
    ((PWCHAR)*Text)[Units] = 0;
    *Text += String->MaximumLength;
}

/* The lock is held since it was measured. */
static VOID ObpFillListing(OBP_DIRECTORY *Directory, OBP_LISTING *Listing)
{
    POBJECT_DIRECTORY_INFORMATION Information = (PVOID)Listing->Buffer;
    PUCHAR Text = (PUCHAR)(Information + Listing->Count + 1);
    PLIST_ENTRY Link = ObpNthEntry(Directory, Listing->First);
    ULONG i, Unit;

    for (i = 0; i < Listing->Count; i++, Link = Link->Flink) {
        OBP_ENTRY *Entry = CONTAINING_RECORD(Link, OBP_ENTRY, ListEntry);
        PCSTR Type = OBJECT_TO_HEADER(Entry->Object)->Type->Name;
        memcpy(Text, Entry->Text, Entry->Name.Length);
        ObpListString(Listing, &Text, Entry->Name.Length / sizeof(WCHAR), &Information[i].Name);
        for (Unit = 0; Type[Unit]; Unit++)
            ((PWCHAR)Text)[Unit] = (UCHAR)Type[Unit];
        ObpListString(Listing, &Text, Unit, &Information[i].TypeName);
    }
    memset(&Information[i], 0, sizeof Information[i]);
}

static NTSTATUS ObpListDirectory(HANDLE Handle, OBP_LISTING *Listing, BOOLEAN Single)
{
    OBP_DIRECTORY *Directory;
    NTSTATUS Status =
        ObReferenceObjectByHandle(Handle, DIRECTORY_QUERY, ObpDirectoryType,
                                  KiGetCurrentThread()->PreviousMode, (PVOID *)&Directory, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    ExAcquireFastMutex(&ObpNameLock);
    Status = ObpMeasureListing(Directory, Listing, Single);
    if (NT_SUCCESS(Status) && Listing->Count)
        ObpFillListing(Directory, Listing);
    ExReleaseFastMutex(&ObpNameLock);
    ObDereferenceObject(Directory);
    return Status;
}

/* The listing, where to go on, and how much there is. */
static NTSTATUS ObpReturnListing(const OBP_LISTING *Listing, PULONG Context, PULONG ReturnLength)
{
    ULONG Next = Listing->First + Listing->Count;
    NTSTATUS Status = STATUS_SUCCESS;

    if (Listing->Count)
        Status = ExCopyOut(Listing->UserBuffer, Listing->Buffer, Listing->Bytes);
    if (NT_SUCCESS(Status))
        Status = ExCopyOut(Context, &Next, sizeof Next);
    if (NT_SUCCESS(Status) && ReturnLength)
        Status = ExCopyOut(ReturnLength, &Listing->Bytes, sizeof Listing->Bytes);
    return Status;
}

/*
 * Lists a directory (documented as NtQueryDirectoryObject). *Context is the number of the entry to
 * begin with, and then of that to go on with; with RestartScan it begins with the first.
 * STATUS_NO_MORE_ENTRIES; STATUS_MORE_ENTRIES: the buffer is full; STATUS_BUFFER_TOO_SMALL: for the
 * first one, which takes *ReturnLength bytes.
 */
NTSTATUS NTAPI NtQueryDirectoryObject(HANDLE DirectoryHandle, PVOID Buffer, ULONG Length,
                                      BOOLEAN ReturnSingleEntry, BOOLEAN RestartScan,
                                      PULONG Context, PULONG ReturnLength)
{
    OBP_LISTING Listing = {.UserBuffer = Buffer, .Length = min(Length, LISTING_BYTES)};
    NTSTATUS Returned, Status = ExProbeOut(Buffer, Length);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (NT_SUCCESS(Status))
        Status = ExProbeOut(Context, sizeof *Context);
    if (NT_SUCCESS(Status) && ReturnLength)
        Status = ExProbeOut(ReturnLength, sizeof *ReturnLength);
    if (NT_SUCCESS(Status) && !RestartScan)
        Status = ExCopyIn(&Listing.First, Context, sizeof Listing.First);
    if (!NT_SUCCESS(Status))
        return Status;
    Listing.Buffer = ExAllocatePoolWithTag(PagedPool, max(Listing.Length, 1), TAG_LISTING);
    if (Listing.Buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = ObpListDirectory(DirectoryHandle, &Listing, ReturnSingleEntry);
    Returned = Status;
    if (NT_SUCCESS(Status) || Status == STATUS_BUFFER_TOO_SMALL)
        Returned = ObpReturnListing(&Listing, Context, ReturnLength);
    ExFreePoolWithTag(Listing.Buffer, TAG_LISTING);
    return NT_SUCCESS(Returned) ? Status : Returned;
}
