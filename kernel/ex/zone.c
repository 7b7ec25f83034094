/*
 * Zone buffers: blocks of one size out of memory that the driver provides (ntddk.h). Look-aside
 * lists have taken their place; older drivers use them. Taking and freeing blocks is inline in the
 * headers. A segment begins with a ZONE_SEGMENT_HEADER; the rest is cut into blocks, each a
 * multiple of 8 bytes. The caller keeps others out, by a lock of its own.
 */
#include "kernel/ke/ke.h"

#define BLOCK_ALIGNMENT 8

/* Adds memory. STATUS_UNSUCCESSFUL: it is not aligned, or has no room for a block. IRQL: any. */
NTSTATUS NTAPI ExExtendZone(PZONE_HEADER Zone, PVOID Segment, ULONG SegmentSize)
{
    PZONE_SEGMENT_HEADER Header = Segment;
    ULONG At;

    if ((ULONG_PTR)Segment % BLOCK_ALIGNMENT || SegmentSize % BLOCK_ALIGNMENT ||
        SegmentSize < sizeof *Header || SegmentSize - sizeof *Header < Zone->BlockSize)
        return STATUS_UNSUCCESSFUL;
    PushEntryList(&Zone->SegmentList, &Header->SegmentList);
    for (At = sizeof *Header; SegmentSize - At >= Zone->BlockSize; At += Zone->BlockSize)
        PushEntryList(&Zone->FreeList, (PSINGLE_LIST_ENTRY)((PUCHAR)Segment + At));
    Zone->TotalSegmentSize += SegmentSize;
    return STATUS_SUCCESS;
}

/*
 * Makes a zone out of its first memory. STATUS_INVALID_PARAMETER: the block size is not a multiple
 * of 8, or the memory is as ExExtendZone does not take it. IRQL: any.
 */
NTSTATUS NTAPI ExInitializeZone(PZONE_HEADER Zone, ULONG BlockSize, PVOID InitialSegment,
                                ULONG InitialSegmentSize)
{
    *Zone = (ZONE_HEADER){.BlockSize = BlockSize};
    if (BlockSize == 0 || BlockSize % BLOCK_ALIGNMENT)
        return STATUS_INVALID_PARAMETER;
    return NT_SUCCESS(ExExtendZone(Zone, InitialSegment, InitialSegmentSize))
               ? STATUS_SUCCESS
               : STATUS_INVALID_PARAMETER;
}

/* ExExtendZone under a lock. IRQL: any. */
NTSTATUS NTAPI ExInterlockedExtendZone(PZONE_HEADER Zone, PVOID Segment, ULONG SegmentSize,
                                       PKSPIN_LOCK Lock)
{
    KIRQL OldIrql = KiRaiseIrql(HIGH_LEVEL);
    NTSTATUS Status;

    KiTakeSpinLock(Lock);
    Status = ExExtendZone(Zone, Segment, SegmentSize);
    KiLetSpinLockGo(Lock);
    KiLowerIrql(OldIrql);
    return Status;
}
