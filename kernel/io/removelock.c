/*
 * Remove locks: a count of those who use a device, so that its removal waits for them (WDK: Using
 * Remove Locks).
 *
 * IoCount is one for the lock itself and one for each acquisition. Who removes the device sets
 * Removed first and takes the lock's own count away then; each acquisition counts first and looks
 * at Removed then. So an acquisition that is not refused is waited for. The event is set by whoever
 * takes the last count.
 *
 * A driver that is compiled with DBG has a longer structure, and tells its size. For it each
 * acquisition is noted under Spin with its tag; a checked kernel stops at what does not match.
 */
#include "kernel/io/io.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"

#define SIGNATURE    'COLR'
#define MINUTE_100NS (60 * 10000000LL)

typedef struct _IOP_CHECKED_LOCK {
    IO_REMOVE_LOCK_COMMON_BLOCK Common;
    IO_REMOVE_LOCK_DBG_BLOCK Dbg;
} IOP_CHECKED_LOCK;

/* One acquisition of such a lock. */
struct _IO_REMOVE_LOCK_TRACKING_BLOCK {
    PIO_REMOVE_LOCK_TRACKING_BLOCK Next;
    PVOID Tag;
    LARGE_INTEGER Since; /* ticks */
    PCSTR File;
    ULONG Line;
};

static IOP_CHECKED_LOCK *IopCheckedLock(PIO_REMOVE_LOCK Lock, ULONG Size)
{
    return Size == sizeof(IOP_CHECKED_LOCK) ? (IOP_CHECKED_LOCK *)Lock : NULL;
}

/*
 * Makes a lock that nobody has (WDK: IoInitializeRemoveLock). MaxLockedMinutes, HighWatermark: how
 * long and how often at most it is expected to be held; 0: no matter.
 */
VOID NTAPI IoInitializeRemoveLockEx(PIO_REMOVE_LOCK Lock, ULONG AllocateTag, ULONG MaxLockedMinutes,
                                    ULONG HighWatermark, ULONG RemlockSize)
{
    IOP_CHECKED_LOCK *Checked = IopCheckedLock(Lock, RemlockSize);

    Lock->Common.Removed = FALSE;
    Lock->Common.IoCount = 1;
    KeInitializeEvent(&Lock->Common.RemoveEvent, SynchronizationEvent, FALSE);
    if (Checked) {
        RtlZeroMemory(&Checked->Dbg, sizeof Checked->Dbg);
        Checked->Dbg.Signature = SIGNATURE;
        Checked->Dbg.HighWatermark = (LONG)HighWatermark;
        Checked->Dbg.MaxLockedTicks = MaxLockedMinutes * (MINUTE_100NS / KeQueryTimeIncrement());
        Checked->Dbg.AllocateTag = (LONG)AllocateTag;
        InitializeListHead(&Checked->Dbg.LockList);
        KeInitializeSpinLock(&Checked->Dbg.Spin);
    }
}

/* Without memory the acquisition is only counted, and its release then finds no note. */
static VOID IopTrack(IO_REMOVE_LOCK_DBG_BLOCK *Dbg, PVOID Tag, PCSTR File, ULONG Line)
{
    PIO_REMOVE_LOCK_TRACKING_BLOCK Block =
        ExAllocatePoolWithTag(NonPagedPool, sizeof *Block, (ULONG)Dbg->AllocateTag);
    KIRQL Irql;

    if (Block == NULL) {
        InterlockedIncrement(&Dbg->LowMemoryCount);
        return;
    }
    Block->Tag = Tag;
    Block->File = File;
    Block->Line = Line;
    KeQueryTickCount(&Block->Since);
    KeAcquireSpinLock(&Dbg->Spin, &Irql);
    Block->Next = Dbg->Blocks;
    Dbg->Blocks = Block;
    KeReleaseSpinLock(&Dbg->Spin, Irql);
}

/* Takes out the note of an acquisition with the tag; NULL: there is none. */
static PIO_REMOVE_LOCK_TRACKING_BLOCK IopTakeNote(IO_REMOVE_LOCK_DBG_BLOCK *Dbg, PVOID Tag)
{
    PIO_REMOVE_LOCK_TRACKING_BLOCK *Link = &Dbg->Blocks, Block;
    KIRQL Irql;

    KeAcquireSpinLock(&Dbg->Spin, &Irql);
    while (*Link && (*Link)->Tag != Tag)
        Link = &(*Link)->Next;
    Block = *Link;
    if (Block)
        *Link = Block->Next;
    KeReleaseSpinLock(&Dbg->Spin, Irql);
    return Block;
}

/* An acquisition without a note, for want of memory, may be what ends; else the tag is wrong. */
static VOID IopMissNote(IO_REMOVE_LOCK_DBG_BLOCK *Dbg)
{
    ASSERTMSG("a remove lock is released with a tag that it was not acquired with\n",
              Dbg->LowMemoryCount > 0);
    InterlockedDecrement(&Dbg->LowMemoryCount);
}

static VOID IopUntrack(IO_REMOVE_LOCK_DBG_BLOCK *Dbg, PVOID Tag)
{
    PIO_REMOVE_LOCK_TRACKING_BLOCK Block = IopTakeNote(Dbg, Tag);
    LARGE_INTEGER Now;

    if (Block == NULL) {
        IopMissNote(Dbg);
        return;
    }
    KeQueryTickCount(&Now);
    if (Dbg->MaxLockedTicks && Now.QuadPart - Block->Since.QuadPart > Dbg->MaxLockedTicks)
        KdPrintLine("Io: a remove lock was held for too long: %s line %lu\n", Block->File,
                    Block->Line);
    ExFreePoolWithTag(Block, (ULONG)Dbg->AllocateTag);
}

static VOID IopReleaseCount(PIO_REMOVE_LOCK Lock)
{
    LONG Left = InterlockedDecrement(&Lock->Common.IoCount);

    ASSERT(Left >= 0);
    if (Left == 0)
        KeSetEvent(&Lock->Common.RemoveEvent, IO_NO_INCREMENT, FALSE);
}

/*
 * Counts a use of the device (WDK: IoAcquireRemoveLock). STATUS_DELETE_PENDING: it is being
 * removed; no use has been counted. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS NTAPI IoAcquireRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, PCSTR File, ULONG Line,
                                     ULONG RemlockSize)
{
    IOP_CHECKED_LOCK *Checked = IopCheckedLock(RemoveLock, RemlockSize);

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    ASSERT(RemoveLock->Common.IoCount >= 0);
    InterlockedIncrement(&RemoveLock->Common.IoCount);
    if (RemoveLock->Common.Removed) {
        IopReleaseCount(RemoveLock);
        return STATUS_DELETE_PENDING;
    }
    if (Checked) {
        ASSERT(Checked->Dbg.HighWatermark == 0 ||
               RemoveLock->Common.IoCount - 1 <= Checked->Dbg.HighWatermark);
        IopTrack(&Checked->Dbg, Tag, File, Line);
    }
    return STATUS_SUCCESS;
}

/* Ends a use of the device (WDK: IoReleaseRemoveLock). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoReleaseRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize)
{
    IOP_CHECKED_LOCK *Checked = IopCheckedLock(RemoveLock, RemlockSize);

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    if (Checked)
        IopUntrack(&Checked->Dbg, Tag);
    IopReleaseCount(RemoveLock);
}

/*
 * Ends the caller's use and, from now on, lets nobody use the device; returns when the last use has
 * ended (WDK: IoReleaseRemoveLockAndWait). IRQL: PASSIVE_LEVEL.
 */
VOID NTAPI IoReleaseRemoveLockAndWaitEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    RemoveLock->Common.Removed = TRUE;
    IoReleaseRemoveLockEx(RemoveLock, Tag, RemlockSize);
    if (InterlockedDecrement(&RemoveLock->Common.IoCount) > 0)
        KeWaitForSingleObject(&RemoveLock->Common.RemoveEvent, Executive, KernelMode, FALSE, NULL);
}
