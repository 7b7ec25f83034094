/*
 * What drivers hang on their driver objects: memory of their own under a key, and routines that are
 * called again once the other drivers are loaded, too.
 *
 * IopExtensionLock guards the lists of memory, IopReinitializeLock those of routines.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "sched/sched.h"

#define TAG_EXTENSION    'xEoI'
#define TAG_REINITIALIZE 'iRoI'

typedef struct _IOP_CLIENT_EXTENSION {
    LIST_ENTRY ListEntry;
    PVOID Key;
} IOP_CLIENT_EXTENSION;

typedef struct _IOP_REINITIALIZATION {
    LIST_ENTRY ListEntry;
    PDRIVER_OBJECT Driver;
    PDRIVER_REINITIALIZE Routine;
    PVOID Context;
} IOP_REINITIALIZATION;

static KSPIN_LOCK IopExtensionLock, IopReinitializeLock;
static LIST_ENTRY IopReinitializations = {&IopReinitializations, &IopReinitializations};
static LIST_ENTRY IopBootReinitializations = {&IopBootReinitializations, &IopBootReinitializations};
static BOOLEAN IopStarted; /* start-up is over: routines are called after each load */

/* The lock is held. */
static IOP_CLIENT_EXTENSION *IopFindExtension(PDRIVER_OBJECT Driver, PVOID Key)
{
    PLIST_ENTRY Head = &IOP_DRIVER_OF(Driver)->ClientExtensions, Link;

    for (Link = Head->Flink; Link != Head; Link = Link->Flink) {
        IOP_CLIENT_EXTENSION *Extension = CONTAINING_RECORD(Link, IOP_CLIENT_EXTENSION, ListEntry);
        if (Extension->Key == Key)
            return Extension;
    }
    return NULL;
}

/*
 * Zeroed memory that goes with the driver object (WDK: IoAllocateDriverObjectExtension).
 * STATUS_OBJECT_NAME_COLLISION: there is one with the key. IRQL: PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoAllocateDriverObjectExtension(PDRIVER_OBJECT DriverObject,
                                               PVOID ClientIdentificationAddress,
                                               ULONG DriverObjectExtensionSize,
                                               PVOID *DriverObjectExtension)
{
    IOP_CLIENT_EXTENSION *Extension = NULL;
    BOOLEAN Taken;
    KIRQL Irql;

    *DriverObjectExtension = NULL;
    if (DriverObjectExtensionSize <= MAXULONG - sizeof *Extension)
        Extension = ExAllocatePoolWithTag(
            NonPagedPool, sizeof *Extension + DriverObjectExtensionSize, TAG_EXTENSION);
    if (Extension == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Extension, sizeof *Extension + DriverObjectExtensionSize);
    Extension->Key = ClientIdentificationAddress;
    KeAcquireSpinLock(&IopExtensionLock, &Irql);
    Taken = IopFindExtension(DriverObject, ClientIdentificationAddress) != NULL;
    if (!Taken)
        InsertTailList(&IOP_DRIVER_OF(DriverObject)->ClientExtensions, &Extension->ListEntry);
    KeReleaseSpinLock(&IopExtensionLock, Irql);
    if (Taken) {
        ExFreePoolWithTag(Extension, TAG_EXTENSION);
        return STATUS_OBJECT_NAME_COLLISION;
    }
    *DriverObjectExtension = Extension + 1;
    return STATUS_SUCCESS;
}

/* NULL: there is none with the key. IRQL <= DISPATCH_LEVEL. */
PVOID NTAPI IoGetDriverObjectExtension(PDRIVER_OBJECT DriverObject,
                                       PVOID ClientIdentificationAddress)
{
    IOP_CLIENT_EXTENSION *Extension;
    KIRQL Irql;

    KeAcquireSpinLock(&IopExtensionLock, &Irql);
    Extension = IopFindExtension(DriverObject, ClientIdentificationAddress);
    KeReleaseSpinLock(&IopExtensionLock, Irql);
    return Extension ? Extension + 1 : NULL;
}

/* The driver object goes. */
VOID IopFreeDriverExtensions(PDRIVER_OBJECT Driver)
{
    PLIST_ENTRY Head = &IOP_DRIVER_OF(Driver)->ClientExtensions;

    while (!IsListEmpty(Head))
        ExFreePoolWithTag(CONTAINING_RECORD(RemoveHeadList(Head), IOP_CLIENT_EXTENSION, ListEntry),
                          TAG_EXTENSION);
}

static VOID IopRegisterRoutine(PLIST_ENTRY List, PDRIVER_OBJECT Driver,
                               PDRIVER_REINITIALIZE Routine, PVOID Context)
{
    IOP_REINITIALIZATION *Entry =
        ExAllocatePoolWithTag(NonPagedPool, sizeof *Entry, TAG_REINITIALIZE);

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Entry == NULL)
        return;
    Entry->Driver = Driver;
    Entry->Routine = Routine;
    Entry->Context = Context;
    ObReferenceObject(Driver);
    Driver->Flags |= DRVO_REINIT_REGISTERED;
    ExInterlockedInsertTailList(List, &Entry->ListEntry, &IopReinitializeLock);
}

/*
 * Has a routine called when the driver's DriverEntry has succeeded and all other drivers that start
 * with it are loaded (WDK: IoRegisterDriverReinitialization). It may register itself again.
 */
VOID NTAPI IoRegisterDriverReinitialization(PDRIVER_OBJECT DriverObject,
                                            PDRIVER_REINITIALIZE DriverReinitializationRoutine,
                                            PVOID Context)
{
    IopRegisterRoutine(&IopReinitializations, DriverObject, DriverReinitializationRoutine, Context);
}

/* The same, before those (WDK: IoRegisterBootDriverReinitialization). */
VOID NTAPI IoRegisterBootDriverReinitialization(PDRIVER_OBJECT DriverObject,
                                                PDRIVER_REINITIALIZE DriverReinitializationRoutine,
                                                PVOID Context)
{
    IopRegisterRoutine(&IopBootReinitializations, DriverObject, DriverReinitializationRoutine,
                       Context);
}

/* A driver whose DriverEntry or first device has failed is not called. */
static VOID IopCallRoutines(PLIST_ENTRY List)
{
    PLIST_ENTRY Link;

    while ((Link = ExInterlockedRemoveHeadList(List, &IopReinitializeLock)) != NULL) {
        IOP_REINITIALIZATION *Entry = CONTAINING_RECORD(Link, IOP_REINITIALIZATION, ListEntry);
        PDRIVER_OBJECT Driver = Entry->Driver;
        if ((Driver->Flags & (DRVO_INITIALIZED | DRVO_UNLOAD_INVOKED)) == DRVO_INITIALIZED)
            Entry->Routine(Driver, Entry->Context, ++Driver->DriverExtension->Count);
        ObDereferenceObject(Driver);
        ExFreePoolWithTag(Entry, TAG_REINITIALIZE);
    }
}

VOID IopReinitializeDrivers(VOID)
{
    if (!IopStarted)
        return;
    IopCallRoutines(&IopBootReinitializations);
    IopCallRoutines(&IopReinitializations);
}

/* The drivers that start with the system are loaded. IRQL: PASSIVE_LEVEL. */
VOID IoEndDriverStart(VOID)
{
    IopStarted = TRUE;
    IopReinitializeDrivers();
}
