/*
 * Touching the driver's two allocations, and the records of it.
 *
 * A virtual address of system space means the same in every process, so every routine here works
 * no matter whose context it is called in: that is what the whole driver is there to show. What
 * does depend on the caller is its IRQL. At DISPATCH_LEVEL and above a page fault cannot be
 * resolved, for that takes waiting, so there only nonpaged memory may be touched (WDK: "Managing
 * Hardware Priorities").
 */
#include "device.h"

/* CR3 holds the physical address of the page directory in use; bits 0-11 are flags (Intel SDM
   vol. 3A, 2.5). Only ring 0 may read it, and a driver is ring 0. */
static ULONG DemoReadCr3(VOID)
{
    ULONG Cr3;

    __asm__ volatile("movl %%cr3, %0" : "=r"(Cr3));
    return Cr3;
}

/*
 * The number of the page frame behind a virtual address in the current context.
 *
 * MmGetPhysicalAddress answers for memory that is resident. Paged pool and user memory are, when
 * they have just been touched, but nothing keeps them so: the answer may be out of date at once,
 * or 0. It is good for being shown. A driver whose device is to write there must lock the pages
 * first (WDK: MmProbeAndLockPages) and use the DMA routines.
 */
ULONG DemoFrameBehind(PVOID Address)
{
    return (ULONG)(MmGetPhysicalAddress(Address).QuadPart >> PAGE_SHIFT);
}

/*
 * Fills in what is known about this moment, and touches Text to do so: if it is not resident, the
 * checksum's first read causes a page fault, and execution goes on here when that is resolved.
 */
static VOID DemoDescribeTouch(PDEMO_RECORD Record, DEMO_WAY Way, PCHAR Text)
{
    /* Whose thread is it? In a dispatch routine the caller's; in a DPC, anybody's. */
    Record->ProcessId = HandleToULong(PsGetCurrentProcessId());
    Record->ThreadId = HandleToULong(PsGetCurrentThreadId());
    Record->Cr3 = DemoReadCr3();
    Record->Irql = KeGetCurrentIrql();
    Record->Processor = KeGetCurrentProcessorNumber(); /* below DISPATCH_LEVEL: a moment ago */
    Record->Way = Way;
    Record->Address = PtrToUlong(Text);
    Record->Checksum = DemoChecksum(Text, DEMO_TEXT_BYTES);
    Record->Frame = DemoFrameBehind(Text);
    RtlCopyMemory(Record->Text, Text, DEMO_RECORD_TEXT - 1);
    Record->Text[DEMO_RECORD_TEXT - 1] = 0;
}

/*
 * Keeps a copy of the record. A spin lock, because the DPC comes here as well: it cannot wait, so
 * everybody who shares something with it must raise to DISPATCH_LEVEL (which keeps the DPC off
 * this processor) and spin (which keeps it off the others). Therefore *Record and Records are
 * nonpaged, and RESIDENT keeps this code out of its pageable caller. Kernel stacks, where callers
 * have their record, are resident while their thread runs.
 */
static RESIDENT VOID DemoKeepRecord(PDEMO_DEVICE Device, PDEMO_RECORD Record)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&Device->Lock, &OldIrql);
    Record->Sequence = Device->RecordCount++;
    Device->Records[Record->Sequence % DEMO_RECORDS] = *Record;
    KeReleaseSpinLock(&Device->Lock, OldIrql);
}

/* Touches the nonpaged allocation. IRQL <= DISPATCH_LEVEL, any context. */
VOID DemoTouchResident(PDEMO_DEVICE Device, DEMO_WAY Way)
{
    DEMO_RECORD Record;

    RtlZeroMemory(&Record, sizeof Record);
    DemoDescribeTouch(&Record, Way, Device->Resident);
    DemoKeepRecord(Device, &Record);
}

/*
 * Touches the paged allocation. IRQL <= APC_LEVEL, any context.
 *
 * Its lock is a fast mutex and could not be a spin lock: that would raise to DISPATCH_LEVEL, where
 * paged pool is out of reach. A fast mutex raises to APC_LEVEL only, so that the thread cannot be
 * suspended or ended while it owns the mutex; it can still wait, and so have a page fault.
 *
 * PAGED_CODE() says the rule in a form that a checked build (DBG=1) tests; in a free build it is
 * nothing. A pageable routine that is called at DISPATCH_LEVEL works as long as its page happens to
 * be resident, so without the test the mistake shows only on a busy machine.
 */
PAGEABLE VOID DemoTouchText(PDEMO_DEVICE Device, DEMO_WAY Way, PDEMO_RECORD Record)
{
    DEMO_RECORD Own;

    PAGED_CODE();
    if (Record == NULL) {
        Record = &Own;
        RtlZeroMemory(Record, sizeof *Record);
    }
    ExAcquireFastMutex(&Device->TextLock);
    DemoDescribeTouch(Record, Way, Device->Text);
    ExReleaseFastMutex(&Device->TextLock);
    DemoKeepRecord(Device, Record);
}

/* Copies the text's first Length bytes, at most DEMO_TEXT_BYTES, to Buffer. IRQL <= APC_LEVEL. */
PAGEABLE VOID DemoReadText(PDEMO_DEVICE Device, PCHAR Buffer, ULONG Length)
{
    DEMO_RECORD Record;

    PAGED_CODE();
    RtlZeroMemory(&Record, sizeof Record);
    ExAcquireFastMutex(&Device->TextLock);
    RtlCopyMemory(Buffer, Device->Text, Length);
    DemoDescribeTouch(&Record, DemoIoctl, Device->Text);
    ExReleaseFastMutex(&Device->TextLock);
    DemoKeepRecord(Device, &Record);
}

/* Replaces the text. Length: at most DEMO_TEXT_BYTES; zeros follow. IRQL <= APC_LEVEL. */
PAGEABLE VOID DemoWriteText(PDEMO_DEVICE Device, const CHAR *Buffer, ULONG Length)
{
    DEMO_RECORD Record;

    PAGED_CODE();
    RtlZeroMemory(&Record, sizeof Record);
    ExAcquireFastMutex(&Device->TextLock);
    RtlCopyMemory(Device->Text, Buffer, Length);
    RtlZeroMemory(Device->Text + Length, DEMO_TEXT_BYTES - Length);
    DemoDescribeTouch(&Record, DemoIoctl, Device->Text);
    ExReleaseFastMutex(&Device->TextLock);
    DemoKeepRecord(Device, &Record);
}

/*
 * Copies up to Count records, from Sequence First on, or from the oldest there is. Returns how
 * many. Buffer is nonpaged: it is written at DISPATCH_LEVEL, which is also why Count is small. No
 * DPC and no other thread runs on this processor meanwhile. IRQL <= DISPATCH_LEVEL.
 */
RESIDENT ULONG DemoCopyRecords(PDEMO_DEVICE Device, ULONG First, PDEMO_RECORD Buffer, ULONG Count)
{
    ULONG Copied = 0, Oldest;
    KIRQL OldIrql;

    KeAcquireSpinLock(&Device->Lock, &OldIrql);
    Oldest = Device->RecordCount > DEMO_RECORDS ? Device->RecordCount - DEMO_RECORDS : 0;
    First = max(First, Oldest);
    while (Copied < Count && First < Device->RecordCount)
        Buffer[Copied++] = Device->Records[First++ % DEMO_RECORDS];
    KeReleaseSpinLock(&Device->Lock, OldIrql);
    return Copied;
}
