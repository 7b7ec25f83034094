/*
 * DMA adapters: who has them when, what a device is told of memory that it reaches and of memory
 * that it does not, and that nothing is moved to a wrong place. The device is played by the test,
 * which reaches what lies at a logical address by MmGetVirtualForPhysical.
 */
#include "selftest.h"

#define TAG        'tamd'
#define MEGABYTE   0x100000
#define REACH      (16 * MEGABYTE)
#define PAGES      4
#define DEVICES    3
#define MOST_CALLS 8

/* What a control routine is to do, and what it has seen. */
typedef struct _CONTROL_CALL {
    IO_ALLOCATION_ACTION Action;
    ULONG Order; /* 1: was called first */
    PVOID Base;
    PIRP Irp;
    KIRQL Irql;
} CONTROL_CALL, *PCONTROL_CALL;

static PDEVICE_OBJECT Devices[DEVICES];
static ULONG Calls;

static IO_ALLOCATION_ACTION NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                          PVOID MapRegisterBase, PVOID Context)
{
    PCONTROL_CALL This = Context;

    UNREFERENCED_PARAMETER(DeviceObject);
    This->Order = ++Calls;
    This->Base = MapRegisterBase;
    This->Irp = Irp;
    This->Irql = KeGetCurrentIrql();
    return This->Action;
}

static DEVICE_DESCRIPTION Description(BOOLEAN Pieces, BOOLEAN All, ULONG Length)
{
    DEVICE_DESCRIPTION Device;

    RtlZeroMemory(&Device, sizeof Device);
    Device.Version = DEVICE_DESCRIPTION_VERSION2;
    Device.Master = TRUE;
    Device.ScatterGather = Pieces;
    Device.Dma32BitAddresses = All;
    Device.InterfaceType = Isa;
    Device.MaximumLength = Length;
    return Device;
}

static PDMA_ADAPTER GetAdapter(BOOLEAN Pieces, BOOLEAN All, ULONG Length, PULONG Registers)
{
    DEVICE_DESCRIPTION Device = Description(Pieces, All, Length);
    PDMA_ADAPTER Adapter = IoGetDmaAdapter(NULL, &Device, Registers);

    if (Adapter == NULL)
        KeBugCheckEx(MANUALLY_INITIATED_CRASH, 0, 0, 0, 0);
    return Adapter;
}

/* What lies at a logical address. */
static PUCHAR At(PHYSICAL_ADDRESS Address)
{
    return MmGetVirtualForPhysical(Address);
}

static VOID Fill(PUCHAR Buffer, ULONG Length, UCHAR Seed)
{
    ULONG i;

    for (i = 0; i < Length; i++)
        Buffer[i] = (UCHAR)(Seed + i + (i >> 8) * 7);
}

static BOOLEAN IsFilled(const UCHAR *Buffer, ULONG Length, ULONG From, UCHAR Seed)
{
    ULONG i;

    for (i = From; i < From + Length; i++) {
        if (Buffer[i - From] != (UCHAR)(Seed + i + (i >> 8) * 7))
            return FALSE;
    }
    return TRUE;
}

/* Adjacent pages from Lowest on, and an MDL that has them in reverse order if Reverse. */
static PUCHAR AllocateBuffer(ULONG Lowest, BOOLEAN Reverse, PMDL *Mdl)
{
    PHYSICAL_ADDRESS Low = {.QuadPart = Lowest}, High = {.QuadPart = -1}, Zero = {.QuadPart = 0};
    PUCHAR Buffer =
        MmAllocateContiguousMemorySpecifyCache(PAGES * PAGE_SIZE, Low, High, Zero, MmCached);
    PPFN_NUMBER Frames;
    ULONG i;

    *Mdl = Buffer ? IoAllocateMdl(Buffer, PAGES * PAGE_SIZE, FALSE, FALSE, NULL) : NULL;
    if (*Mdl == NULL)
        KeBugCheckEx(MANUALLY_INITIATED_CRASH, 0, 0, 0, 0);
    MmBuildMdlForNonPagedPool(*Mdl);
    Frames = MmGetMdlPfnArray(*Mdl);
    for (i = 0; i < PAGES; i++)
        Frames[i] = (PFN_NUMBER)(MmGetPhysicalAddress(Buffer).QuadPart >> PAGE_SHIFT) +
                    (Reverse ? PAGES - 1 - i : i);
    return Buffer;
}

static VOID FreeBuffer(PUCHAR Buffer, PMDL Mdl)
{
    IoFreeMdl(Mdl);
    MmFreeContiguousMemory(Buffer);
}

static VOID Allocate(PDMA_ADAPTER Adapter, ULONG Device, ULONG Registers, PCONTROL_CALL This,
                     NTSTATUS Expected)
{
    KIRQL OldIrql;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    CheckEqual("AllocateAdapterChannel",
               Adapter->DmaOperations->AllocateAdapterChannel(Adapter, Devices[Device], Registers,
                                                              Control, This),
               Expected);
    KeLowerIrql(OldIrql);
}

static VOID FreeChannel(PDMA_ADAPTER Adapter)
{
    KIRQL OldIrql;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Adapter->DmaOperations->FreeAdapterChannel(Adapter);
    KeLowerIrql(OldIrql);
}

static VOID FreeRegisters(PDMA_ADAPTER Adapter, PVOID Base, ULONG Count)
{
    KIRQL OldIrql;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Adapter->DmaOperations->FreeMapRegisters(Adapter, Base, Count);
    KeLowerIrql(OldIrql);
}

/* ---- Adapters ---------------------------------------------------------------------------------
 */

static VOID TestAdapters(VOID)
{
    DEVICE_DESCRIPTION Device = Description(TRUE, TRUE, 0x10000);
    PDMA_ADAPTER Adapter;
    ULONG Registers = 0;

    Adapter = GetAdapter(TRUE, TRUE, 0x10000, &Registers);
    CheckEqual("an adapter has version 1", Adapter->Version, 1);
    CheckEqual("64 KB may lie in 17 pages", Registers, 17);
    Check("all operations are there",
          Adapter->DmaOperations->Size >= sizeof(DMA_OPERATIONS) &&
              Adapter->DmaOperations->BuildMdlFromScatterGatherList != NULL);
    CheckEqual("any alignment will do", Adapter->DmaOperations->GetDmaAlignment(Adapter), 1);
    CheckEqual("a bus master has no counter", Adapter->DmaOperations->ReadDmaCounter(Adapter), 0);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
    Device.Version = DEVICE_DESCRIPTION_VERSION2 + 1;
    Check("a later version's description is refused",
          IoGetDmaAdapter(NULL, &Device, &Registers) == NULL);
    Device.Version = DEVICE_DESCRIPTION_VERSION;
    Device.MaximumLength = MAXULONG;
    Adapter = IoGetDmaAdapter(NULL, &Device, &Registers);
    if (Check("the longest length has an adapter", Adapter != NULL))
        Adapter->DmaOperations->PutDmaAdapter(Adapter);
    Check("and some registers, if not all", Registers > 17);
}

static VOID TestCommonBuffer(BOOLEAN All, BOOLEAN Cached)
{
    PHYSICAL_ADDRESS Address = {.QuadPart = -1};
    PDMA_ADAPTER Adapter;
    ULONG Registers;
    PUCHAR Buffer;

    Adapter = GetAdapter(FALSE, All, PAGE_SIZE, &Registers);
    Buffer = Adapter->DmaOperations->AllocateCommonBuffer(Adapter, 3 * PAGE_SIZE, &Address, Cached);
    if (Check("there is a common buffer", Buffer != NULL)) {
        CheckEqual("it begins at a page", BYTE_OFFSET(Buffer), 0);
        Check("its logical address is the physical one",
              Address.QuadPart == MmGetPhysicalAddress(Buffer).QuadPart);
        Check("it is in one piece", MmGetPhysicalAddress(Buffer + 2 * PAGE_SIZE).QuadPart ==
                                        Address.QuadPart + 2 * PAGE_SIZE);
        Check("the device reaches it", All || Address.QuadPart + 3 * PAGE_SIZE <= REACH);
        Fill(Buffer, 3 * PAGE_SIZE, 1);
        Check("it can be written", IsFilled(Buffer, 3 * PAGE_SIZE, 0, 1));
        Adapter->DmaOperations->FreeCommonBuffer(Adapter, 3 * PAGE_SIZE, Address, Buffer, Cached);
    }
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
}

/* ---- Channels and registers -------------------------------------------------------------------
 */

static VOID TestChannelIsGivenInOrder(VOID)
{
    CONTROL_CALL First = {.Action = KeepObject}, Second = {.Action = KeepObject},
                 Third = {.Action = DeallocateObject};
    PDMA_ADAPTER Adapter;
    ULONG Registers;

    Calls = 0;
    Adapter = GetAdapter(TRUE, TRUE, 0x10000, &Registers);
    Devices[0]->CurrentIrp = (PIRP)Devices; /* only handed on */
    Allocate(Adapter, 0, Registers, &First, STATUS_SUCCESS);
    Devices[0]->CurrentIrp = NULL;
    CheckEqual("a free channel is had at once", First.Order, 1);
    CheckEqual("at DISPATCH_LEVEL", First.Irql, DISPATCH_LEVEL);
    Check("for the device's packet", First.Irp == (PIRP)Devices);
    Allocate(Adapter, 1, 1, &Second, STATUS_SUCCESS);
    Allocate(Adapter, 2, 1, &Third, STATUS_SUCCESS);
    CheckEqual("who comes later waits", Second.Order + Third.Order, 0);
    FreeChannel(Adapter);
    CheckEqual("then has his turn", Second.Order, 2);
    CheckEqual("alone", Third.Order, 0);
    FreeChannel(Adapter);
    CheckEqual("and the last his", Third.Order, 3);
    Third.Order = 0;
    Allocate(Adapter, 0, 1, &Third, STATUS_SUCCESS);
    CheckEqual("a channel that is deallocated is free", Third.Order, 4);
    Allocate(Adapter, 0, Registers + 0x40000, &Third, STATUS_INSUFFICIENT_RESOURCES);
    CheckEqual("too many registers: not called", Third.Order, 4);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
}

static VOID TestRegistersAreWaitedFor(VOID)
{
    CONTROL_CALL Keeps = {.Action = DeallocateObjectKeepRegisters}, Waits = Keeps, Behind = Keeps;
    PDMA_ADAPTER Adapter;
    ULONG Registers;

    Calls = 0;
    Adapter = GetAdapter(FALSE, FALSE, 7 * PAGE_SIZE, &Registers);
    CheckEqual("7 pages may lie in 8", Registers, 8);
    Allocate(Adapter, 0, 5, &Keeps, STATUS_SUCCESS);
    Check("registers are given", Keeps.Order == 1 && Keeps.Base != NULL);
    Allocate(Adapter, 1, 5, &Waits, STATUS_SUCCESS);
    CheckEqual("who needs more than are free waits", Waits.Order, 0);
    Allocate(Adapter, 2, 1, &Behind, STATUS_SUCCESS);
    CheckEqual("nobody overtakes him", Behind.Order, 0);
    FreeRegisters(Adapter, Keeps.Base, 5);
    CheckEqual("he begins when some come back", Waits.Order, 2);
    CheckEqual("and so does the next", Behind.Order, 3);
    Check("each has his own", Waits.Base != Behind.Base);
    FreeRegisters(Adapter, Waits.Base, 5);
    FreeRegisters(Adapter, Behind.Base, 1);
    Keeps.Action = DeallocateObject;
    Allocate(Adapter, 0, 8, &Keeps, STATUS_SUCCESS);
    Keeps.Action = KeepObject;
    Allocate(Adapter, 0, 8, &Keeps, STATUS_SUCCESS);
    FreeChannel(Adapter);
    Keeps.Action = DeallocateObjectKeepRegisters;
    Allocate(Adapter, 0, 8, &Keeps, STATUS_SUCCESS);
    CheckEqual("all come back with the channel", Keeps.Order, 6);
    FreeRegisters(Adapter, Keeps.Base, 8);
    Allocate(Adapter, 0, 9, &Keeps, STATUS_INSUFFICIENT_RESOURCES);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
}

/* ---- Transfers --------------------------------------------------------------------------------
 */

static VOID TestReachableMemoryIsNotCopied(BOOLEAN Reverse)
{
    CONTROL_CALL This = {.Action = DeallocateObjectKeepRegisters};
    ULONG Registers, Length, Done, Pieces = 0;
    PDMA_ADAPTER Adapter;
    BOOLEAN Right = TRUE;
    PUCHAR Buffer;
    PMDL Mdl;

    Buffer = AllocateBuffer(0, Reverse, &Mdl);
    Adapter = GetAdapter(TRUE, TRUE, 0x10000, &Registers);
    Allocate(Adapter, 0, PAGES, &This, STATUS_SUCCESS);
    for (Done = 100; Done < 3 * PAGE_SIZE; Done += Length, Pieces++) {
        ULONG Page = Done >> PAGE_SHIFT;
        PUCHAR There = Buffer + BYTE_OFFSET(Done) + (Reverse ? PAGES - 1 - Page : Page) * PAGE_SIZE;
        PHYSICAL_ADDRESS Address;
        Length = 3 * PAGE_SIZE - Done;
        Address = Adapter->DmaOperations->MapTransfer(Adapter, Mdl, This.Base, Buffer + Done,
                                                      &Length, TRUE);
        Right = Right && Address.QuadPart == MmGetPhysicalAddress(There).QuadPart;
    }
    Check("a device that reaches memory is told where it is", Right);
    CheckEqual("in as many pieces as there are", Pieces, Reverse ? 3 : 1);
    Check("flushing is no work",
          Adapter->DmaOperations->FlushAdapterBuffers(Adapter, Mdl, This.Base, Buffer + 100,
                                                      3 * PAGE_SIZE - 100, TRUE));
    FreeRegisters(Adapter, This.Base, PAGES);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
    FreeBuffer(Buffer, Mdl);
}

/* One transfer of a device that takes one piece: mapped, moved by the "device", flushed. */
static VOID TestCopiedTransfer(BOOLEAN All, ULONG Lowest, BOOLEAN Reverse)
{
    CONTROL_CALL This = {.Action = DeallocateObjectKeepRegisters};
    const ULONG Offset = 600, Whole = 3 * PAGE_SIZE;
    ULONG Registers, Length = Whole;
    PHYSICAL_ADDRESS Address;
    PDMA_ADAPTER Adapter;
    PUCHAR Buffer, Seen;
    PMDL Mdl;

    Buffer = AllocateBuffer(Lowest, Reverse, &Mdl);
    Adapter = GetAdapter(FALSE, All, PAGES * PAGE_SIZE, &Registers);
    Allocate(Adapter, 0, PAGES, &This, STATUS_SUCCESS);
    Fill(Buffer, PAGES * PAGE_SIZE, 3);
    Address = Adapter->DmaOperations->MapTransfer(Adapter, Mdl, This.Base, Buffer + Offset, &Length,
                                                  TRUE);
    Seen = At(Address);
    CheckEqual("a device that takes one piece gets all in one", Length, Whole);
    Check("within its reach", All || Address.QuadPart + Whole <= REACH);
    CheckEqual("a byte keeps its place in a page", BYTE_OFFSET(Seen), Offset);
    if (Reverse)
        Check("it sees the MDL's order of pages",
              IsFilled(Seen, PAGE_SIZE - Offset, 3 * PAGE_SIZE + Offset, 3) &&
                  IsFilled(Seen + PAGE_SIZE - Offset, PAGE_SIZE, 2 * PAGE_SIZE, 3));
    else
        Check("it sees what is to be written", IsFilled(Seen, Whole, Offset, 3));
    Adapter->DmaOperations->FlushAdapterBuffers(Adapter, Mdl, This.Base, Buffer + Offset, Whole,
                                                TRUE);
    FreeRegisters(Adapter, This.Base, PAGES);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
    FreeBuffer(Buffer, Mdl);
}

static VOID TestReadComesBack(VOID)
{
    CONTROL_CALL This = {.Action = DeallocateObjectKeepRegisters};
    ULONG Registers, Length = 2 * PAGE_SIZE;
    PHYSICAL_ADDRESS Address;
    PDMA_ADAPTER Adapter;
    PUCHAR Buffer;
    PMDL Mdl;

    Buffer = AllocateBuffer(REACH, FALSE, &Mdl);
    Adapter = GetAdapter(FALSE, FALSE, PAGES * PAGE_SIZE, &Registers);
    Allocate(Adapter, 0, PAGES, &This, STATUS_SUCCESS);
    Fill(Buffer, PAGES * PAGE_SIZE, 3);
    Address =
        Adapter->DmaOperations->MapTransfer(Adapter, Mdl, This.Base, Buffer + 8, &Length, FALSE);
    Fill(At(Address), 5000, 77);
    Check("before the flush the buffer is as it was", IsFilled(Buffer, PAGES * PAGE_SIZE, 0, 3));
    Adapter->DmaOperations->FlushAdapterBuffers(Adapter, Mdl, This.Base, Buffer + 8, 6000, FALSE);
    Check("after it there is what the device has written", IsFilled(Buffer + 8, 5000, 0, 77));
    Check("around that all is as it was",
          IsFilled(Buffer, 8, 0, 3) && IsFilled(Buffer + 5008, PAGES * PAGE_SIZE - 5008, 5008, 3));
    FreeRegisters(Adapter, This.Base, PAGES);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
    FreeBuffer(Buffer, Mdl);
}

/* ---- Scatter/gather lists ---------------------------------------------------------------------
 */

static PSCATTER_GATHER_LIST Lists[MOST_CALLS];
static ULONG ListCalls;

static VOID NTAPI ListControl(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                              PSCATTER_GATHER_LIST ScatterGather, PVOID Context)
{
    UNREFERENCED_PARAMETER(Irp);
    Check("the list's routine is called for the device",
          DeviceObject == Devices[0] && Context == Lists && KeGetCurrentIrql() == DISPATCH_LEVEL);
    Lists[ListCalls++] = ScatterGather;
}

static NTSTATUS GetList(PDMA_ADAPTER Adapter, PMDL Mdl, PUCHAR Va, ULONG Length, BOOLEAN Write)
{
    NTSTATUS Status;
    KIRQL OldIrql;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Status = Adapter->DmaOperations->GetScatterGatherList(Adapter, Devices[0], Mdl, Va, Length,
                                                          ListControl, Lists, Write);
    KeLowerIrql(OldIrql);
    return Status;
}

static VOID PutList(PDMA_ADAPTER Adapter, PSCATTER_GATHER_LIST List, BOOLEAN Write)
{
    KIRQL OldIrql;

    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    Adapter->DmaOperations->PutScatterGatherList(Adapter, List, Write);
    KeLowerIrql(OldIrql);
}

/* Two MDLs, the second's pages in reverse order, from the first's last page on. */
static VOID TestListOfAChain(BOOLEAN All, ULONG Lowest)
{
    ULONG Registers, i, Bytes = 0;
    BOOLEAN Reached = TRUE;
    PSCATTER_GATHER_LIST List;
    PDMA_ADAPTER Adapter;
    PUCHAR First, Second;
    PMDL Mdl, Next;

    ListCalls = 0;
    First = AllocateBuffer(Lowest, FALSE, &Mdl);
    Second = AllocateBuffer(Lowest, TRUE, &Next);
    Mdl->Next = Next;
    Fill(First, PAGES * PAGE_SIZE, 9);
    Fill(Second, PAGES * PAGE_SIZE, 50);
    Adapter = GetAdapter(TRUE, All, 8 * PAGE_SIZE, &Registers);
    CheckEqual("a list of a chain of MDLs",
               GetList(Adapter, Mdl, First + 3 * PAGE_SIZE + 16, 2 * PAGE_SIZE, FALSE), 0);
    if (!CheckEqual("the routine is called", ListCalls, 1))
        return;
    List = Lists[0];
    for (i = 0; i < List->NumberOfElements; i++) {
        ULONGLONG End = List->Elements[i].Address.QuadPart + List->Elements[i].Length;
        Bytes += List->Elements[i].Length;
        Reached = Reached && (All || End <= REACH);
    }
    CheckEqual("its elements are the transfer", Bytes, 2 * PAGE_SIZE);
    CheckEqual("a piece for each page", List->NumberOfElements, 3);
    Check("the device reaches them", Reached);
    Check("the first is the first buffer's end",
          IsFilled(At(List->Elements[0].Address), PAGE_SIZE - 16, 3 * PAGE_SIZE + 16, 9));
    Check("the next is the second's first page",
          IsFilled(At(List->Elements[1].Address), PAGE_SIZE, 3 * PAGE_SIZE, 50));
    Fill(At(List->Elements[1].Address), PAGE_SIZE, 99);
    PutList(Adapter, List, FALSE);
    Check("what the device has written is in that page",
          IsFilled(Second + 3 * PAGE_SIZE, PAGE_SIZE, 0, 99));
    Check("and nowhere else",
          IsFilled(Second, 3 * PAGE_SIZE, 0, 50) && IsFilled(First, PAGES * PAGE_SIZE, 0, 9));
    Mdl->Next = NULL;
    CheckEqual("more than the MDL holds is refused",
               GetList(Adapter, Mdl, First + PAGE_SIZE, PAGES * PAGE_SIZE, FALSE),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("and so is an address before it", GetList(Adapter, Mdl, First - 1, 1, FALSE),
               STATUS_BUFFER_TOO_SMALL);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
    FreeBuffer(First, Mdl);
    FreeBuffer(Second, Next);
}

/* Lists do not have the queue's limit of one for a device. */
static VOID TestListsWaitForRegisters(VOID)
{
    PDMA_ADAPTER Adapter;
    ULONG Registers;
    PUCHAR Buffer;
    PMDL Mdl;

    ListCalls = 0;
    Buffer = AllocateBuffer(REACH, FALSE, &Mdl);
    Adapter = GetAdapter(TRUE, FALSE, PAGES * PAGE_SIZE - 1, &Registers); /* 5 registers */
    CheckEqual("a list", GetList(Adapter, Mdl, Buffer, PAGES * PAGE_SIZE, TRUE), 0);
    CheckEqual("a second", GetList(Adapter, Mdl, Buffer, PAGES * PAGE_SIZE, TRUE), 0);
    CheckEqual("a third for the same device", GetList(Adapter, Mdl, Buffer, PAGE_SIZE, TRUE), 0);
    CheckEqual("only the first has its registers", ListCalls, 1);
    PutList(Adapter, Lists[0], TRUE);
    CheckEqual("then the others have", ListCalls, 3);
    PutList(Adapter, Lists[2], TRUE);
    PutList(Adapter, Lists[1], TRUE);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
    Adapter = GetAdapter(TRUE, FALSE, 2 * PAGE_SIZE, &Registers);
    CheckEqual("a transfer larger than the adapter's registers",
               GetList(Adapter, Mdl, Buffer, PAGES * PAGE_SIZE, TRUE),
               STATUS_INSUFFICIENT_RESOURCES);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
    FreeBuffer(Buffer, Mdl);
}

static VOID TestListInCallersMemory(VOID)
{
    ULONG Registers, Bytes = 0, Needed = 0, Largest = 0;
    PDMA_OPERATIONS Operations;
    PDMA_ADAPTER Adapter;
    PUCHAR Buffer;
    KIRQL OldIrql;
    PVOID Memory;
    PMDL Mdl;

    ListCalls = 0;
    Buffer = AllocateBuffer(0, FALSE, &Mdl);
    Adapter = GetAdapter(TRUE, TRUE, 8 * PAGE_SIZE, &Registers);
    Operations = Adapter->DmaOperations;
    CheckEqual("a list's size",
               Operations->CalculateScatterGatherList(Adapter, Mdl, Buffer + 1, PAGE_SIZE, &Bytes,
                                                      &Needed),
               0);
    CheckEqual("a page's bytes in two", Needed, 2);
    CheckEqual("without an MDL",
               Operations->CalculateScatterGatherList(Adapter, NULL, Buffer + 1, PAGE_SIZE,
                                                      &Largest, NULL),
               0);
    Check("it is the largest possible", Largest >= Bytes);
    CheckEqual("of more than there is",
               Operations->CalculateScatterGatherList(Adapter, Mdl, Buffer + 1, PAGES * PAGE_SIZE,
                                                      &Largest, NULL),
               STATUS_BUFFER_TOO_SMALL);
    Memory = ExAllocatePoolWithTag(NonPagedPool, Bytes, TAG);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    CheckEqual("a list in too little memory",
               Operations->BuildScatterGatherList(Adapter, Devices[0], Mdl, Buffer + 1, PAGE_SIZE,
                                                  ListControl, Lists, TRUE, Memory, Bytes - 1),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("its routine is not called", ListCalls, 0);
    CheckEqual("a list in enough",
               Operations->BuildScatterGatherList(Adapter, Devices[0], Mdl, Buffer + 1, PAGE_SIZE,
                                                  ListControl, Lists, TRUE, Memory, Bytes),
               0);
    KeLowerIrql(OldIrql);
    Check("is there", ListCalls == 1 && Lists[0] == Memory);
    CheckEqual("adjacent pages are one piece", Lists[0]->NumberOfElements, 1);
    PutList(Adapter, Lists[0], TRUE);
    ExFreePoolWithTag(Memory, TAG);
    Operations->PutDmaAdapter(Adapter);
    FreeBuffer(Buffer, Mdl);
}

static VOID TestMdlOfList(BOOLEAN All)
{
    PDMA_ADAPTER Adapter;
    PMDL Mdl, Copy = NULL;
    ULONG Registers;
    PUCHAR Buffer, Mapped;

    ListCalls = 0;
    Buffer = AllocateBuffer(REACH, FALSE, &Mdl);
    Fill(Buffer, PAGES * PAGE_SIZE, 21);
    Adapter = GetAdapter(TRUE, All, 8 * PAGE_SIZE, &Registers);
    GetList(Adapter, Mdl, Buffer + 40, 2 * PAGE_SIZE, TRUE);
    CheckEqual(
        "an MDL of nothing",
        Adapter->DmaOperations->BuildMdlFromScatterGatherList(Adapter, Lists[0], NULL, &Copy),
        STATUS_INVALID_PARAMETER);
    CheckEqual("an MDL of a list",
               Adapter->DmaOperations->BuildMdlFromScatterGatherList(Adapter, Lists[0], Mdl, &Copy),
               0);
    CheckEqual("is the driver's own if nothing was copied", Copy == Mdl, All);
    if (Copy && !All) {
        Mapped = MmGetSystemAddressForMdlSafe(Copy, NormalPagePriority);
        Check("else it describes the copy", Mapped && IsFilled(Mapped, 2 * PAGE_SIZE, 40, 21));
        Check("in the device's reach", MmGetPhysicalAddress(Mapped).QuadPart < REACH);
        CheckEqual(
            "there is one only",
            Adapter->DmaOperations->BuildMdlFromScatterGatherList(Adapter, Lists[0], Mdl, &Copy),
            STATUS_NONE_MAPPED);
    }
    PutList(Adapter, Lists[0], TRUE);
    Adapter->DmaOperations->PutDmaAdapter(Adapter);
    FreeBuffer(Buffer, Mdl);
}

/* ---- The system's controller, by the old names -----------------------------------------------
 */

static DEVICE_DESCRIPTION ChannelDescription(ULONG Channel)
{
    DEVICE_DESCRIPTION Device;

    RtlZeroMemory(&Device, sizeof Device);
    Device.Version = DEVICE_DESCRIPTION_VERSION1;
    Device.InterfaceType = Isa;
    Device.DmaChannel = Channel;
    Device.DmaWidth = Channel < 4 ? Width8Bits : Width16Bits;
    Device.MaximumLength = 0x8000;
    return Device;
}

/* An adapter by its old type is the same. */
static VOID PutOld(PADAPTER_OBJECT Adapter)
{
    ((PDMA_ADAPTER)Adapter)->DmaOperations->PutDmaAdapter((PDMA_ADAPTER)Adapter);
}

static VOID TestSystemChannel(ULONG Channel)
{
    DEVICE_DESCRIPTION Device = ChannelDescription(Channel);
    CONTROL_CALL This = {.Action = KeepObject};
    ULONG Registers = 0, Length = PAGE_SIZE;
    PADAPTER_OBJECT Adapter = HalGetAdapter(&Device, &Registers), Same;
    PHYSICAL_ADDRESS Address;
    PUCHAR Buffer, Common;
    KIRQL OldIrql;
    PMDL Mdl;

    if (!Check("a system channel has an adapter", Adapter != NULL))
        return;
    CheckEqual("32 KB may lie in 9 pages", Registers, 9);
    Same = HalGetAdapter(&Device, &Registers);
    Check("all who use it share it", Same == Adapter);
    PutOld(Same);
    Common = HalAllocateCommonBuffer(Adapter, PAGE_SIZE, &Address, TRUE);
    Check("it has common buffers", Common && Address.QuadPart < REACH);
    HalFreeCommonBuffer(Adapter, PAGE_SIZE, Address, Common, TRUE);
    Buffer = AllocateBuffer(REACH, FALSE, &Mdl);
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    CheckEqual("it is allocated", IoAllocateAdapterChannel(Adapter, Devices[0], 2, Control, &This),
               0);
    IoMapTransfer(Adapter, Mdl, This.Base, Buffer + 64, &Length, TRUE);
    CheckEqual("a transfer is mapped as a whole", Length, PAGE_SIZE);
    CheckEqual("nothing of it has been moved yet", HalReadDmaCounter(Adapter), PAGE_SIZE);
    Check("it is flushed",
          IoFlushAdapterBuffers(Adapter, Mdl, This.Base, Buffer + 64, Length, TRUE));
    IoFreeAdapterChannel(Adapter);
    KeLowerIrql(OldIrql);
    PutOld(Adapter);
    FreeBuffer(Buffer, Mdl);
}

static VOID TestOldNamesOfMasters(VOID)
{
    DEVICE_DESCRIPTION Device = Description(TRUE, TRUE, 0x10000);
    CONTROL_CALL This = {.Action = DeallocateObjectKeepRegisters};
    PADAPTER_OBJECT Adapter;
    WAIT_CONTEXT_BLOCK Wait;
    ULONG Registers;
    KIRQL OldIrql;

    Adapter = HalGetAdapter(&Device, &Registers);
    RtlZeroMemory(&Wait, sizeof Wait);
    Wait.DeviceObject = Devices[0];
    Wait.DeviceContext = &This;
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    CheckEqual("a channel for a wait block", HalAllocateAdapterChannel(Adapter, &Wait, 1, Control),
               0);
    Check("its routine is called", This.Order != 0);
    IoFreeMapRegisters(Adapter, This.Base, 1);
    KeLowerIrql(OldIrql);
    PutOld(Adapter);
}

static VOID TestWrongChannels(VOID)
{
    DEVICE_DESCRIPTION Device = ChannelDescription(4);
    ULONG Registers;

    Check("channel 4 is none", HalGetAdapter(&Device, &Registers) == NULL);
    Device = ChannelDescription(8);
    Check("channel 8 is none", HalGetAdapter(&Device, &Registers) == NULL);
    Device = ChannelDescription(1);
    Device.DmaWidth = Width16Bits;
    Check("channel 1 moves bytes", HalGetAdapter(&Device, &Registers) == NULL);
}

static NTSTATUS CreateDevices(PDRIVER_OBJECT DriverObject)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i;

    for (i = 0; i < DEVICES && NT_SUCCESS(Status); i++)
        Status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Devices[i]);
    return Status;
}

static VOID DeleteDevices(VOID)
{
    ULONG i;

    for (i = 0; i < DEVICES; i++)
        IoDeleteDevice(Devices[i]);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS Status = CreateDevices(DriverObject);

    UNREFERENCED_PARAMETER(RegistryPath);
    if (!NT_SUCCESS(Status))
        return Status;
    TestAdapters();
    TestCommonBuffer(FALSE, TRUE);
    TestCommonBuffer(TRUE, FALSE);
    TestChannelIsGivenInOrder();
    TestRegistersAreWaitedFor();
    TestReachableMemoryIsNotCopied(FALSE);
    TestReachableMemoryIsNotCopied(TRUE);
    TestCopiedTransfer(FALSE, REACH, FALSE);
    TestCopiedTransfer(FALSE, 0, TRUE);
    TestCopiedTransfer(TRUE, REACH, TRUE);
    TestReadComesBack();
    TestListOfAChain(TRUE, 0);
    TestListOfAChain(FALSE, REACH);
    TestListsWaitForRegisters();
    TestListInCallersMemory();
    TestMdlOfList(TRUE);
    TestMdlOfList(FALSE);
    TestSystemChannel(1);
    TestSystemChannel(5);
    TestOldNamesOfMasters();
    TestWrongChannels();
    DeleteDevices();
    return FinishTests("dmatest");
}
