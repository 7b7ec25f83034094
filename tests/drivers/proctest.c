/*
 * proctest.sys: what a driver may rely on about processors: how many there are and how they are
 * numbered; where a thread may run, and where it is to run if it may choose; who is told of them
 * (WDK, the pages of the routines). With any number of processors.
 */
#include <ntifs.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define ROUNDS       20
#define MAIN_GROUP   0
#define NO_GROUP     1
#define MOST_CHANGES 64

/* What the headers lack, or declare as the WDK's compilers do not take it. */
typedef PVOID(NTAPI *REGISTER_CHANGE)(PPROCESSOR_CALLBACK_FUNCTION, PVOID, ULONG);
typedef VOID(NTAPI *DEREGISTER_CHANGE)(PVOID);
NTKERNELAPI KAFFINITY NTAPI KeSetAffinityThread(PKTHREAD Thread, KAFFINITY Affinity);

static ULONG Processors;
static KAFFINITY Active;

static KAFFINITY MaskOf(ULONG Processor)
{
    return (KAFFINITY)1 << Processor;
}

/* ---- Numbers -----------------------------------------------------------------------------------
 */

static VOID TestCounts(VOID)
{
    KAFFINITY Mask = 0;

    CheckEqual("count: as KeNumberProcessors", Processors, KeNumberProcessors);
    CheckEqual("count: the mask has as many bits", Active, (1 << Processors) - 1);
    KeQueryActiveProcessorCount(&Mask);
    CheckEqual("count: with the mask", Mask, Active);
    CheckEqual("count: as many as there can be", KeQueryMaximumProcessorCount(), Processors);
    CheckEqual("groups: one", KeQueryActiveGroupCount(), 1);
    CheckEqual("groups: at most", KeQueryMaximumGroupCount(), 1);
    Check("groups: all processors are in it",
          KeQueryActiveProcessorCountEx(MAIN_GROUP) == Processors &&
              KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS) == Processors &&
              KeQueryMaximumProcessorCountEx(MAIN_GROUP) == Processors &&
              KeQueryGroupAffinity(MAIN_GROUP) == Active);
    Check("groups: none is in another",
          KeQueryActiveProcessorCountEx(NO_GROUP) == 0 && KeQueryGroupAffinity(NO_GROUP) == 0);
}

static VOID TestNumbers(VOID)
{
    PROCESSOR_NUMBER Number = {.Group = 7};
    ULONG i, Right = 0;

    for (i = 0; i < Processors; i++) {
        Right += NT_SUCCESS(KeGetProcessorNumberFromIndex(i, &Number)) &&
                 Number.Group == MAIN_GROUP && Number.Number == i && Number.Reserved == 0 &&
                 KeGetProcessorIndexFromNumber(&Number) == i;
    }
    CheckEqual("numbers: from indexes, and back", Right, Processors);
    CheckEqual("numbers: no such index", KeGetProcessorNumberFromIndex(Processors, &Number),
               STATUS_INVALID_PARAMETER);
    Number = (PROCESSOR_NUMBER){.Number = (UCHAR)Processors};
    CheckEqual("numbers: no such number", KeGetProcessorIndexFromNumber(&Number),
               (LONG)INVALID_PROCESSOR_INDEX);
    Number = (PROCESSOR_NUMBER){.Group = NO_GROUP};
    CheckEqual("numbers: no such group", KeGetProcessorIndexFromNumber(&Number),
               (LONG)INVALID_PROCESSOR_INDEX);
    for (i = 0, Right = 0; i < Processors; i++) {
        KeSetSystemAffinityThread(MaskOf(i));
        Right += KeGetCurrentProcessorNumberEx(&Number) == i && Number.Number == i &&
                 Number.Group == MAIN_GROUP && KeGetCurrentProcessorNumberEx(NULL) == i;
    }
    KeRevertToUserAffinityThread();
    CheckEqual("numbers: each processor knows its own", Right, Processors);
}

static VOID TestNodes(VOID)
{
    GROUP_AFFINITY Affinity;
    USHORT Count = 99;

    CheckEqual("nodes: one", KeQueryHighestNodeNumber(), 0);
    CheckEqual("nodes: this is it", KeGetCurrentNodeNumber(), 0);
    KeQueryNodeActiveAffinity(0, &Affinity, &Count);
    Check("nodes: all processors are in it",
          Affinity.Mask == Active && Affinity.Group == MAIN_GROUP && Count == Processors &&
              KeQueryNodeMaximumProcessorCount(0) == Processors);
    KeQueryNodeActiveAffinity(1, &Affinity, &Count);
    Check("nodes: none is in another", Affinity.Mask == 0 && Count == 0);
    CheckRange("caches: a line is a power of two", KeGetRecommendedSharedDataAlignment(), 32, 128);
    Check("caches: invalidated", KeInvalidateAllCaches());
}

/* ---- Affinity ----------------------------------------------------------------------------------
 */

static VOID TestNesting(VOID)
{
    KAFFINITY Last = MaskOf(Processors - 1), Outer, Inner;

    Outer = KeSetSystemAffinityThreadEx(MaskOf(0));
    CheckEqual("affinity: no system affinity before", Outer, 0);
    CheckEqual("affinity: on the first", KeGetCurrentProcessorNumber(), 0);
    Inner = KeSetSystemAffinityThreadEx(Last);
    CheckEqual("affinity: the one before is returned", Inner, MaskOf(0));
    CheckEqual("affinity: on the last", KeGetCurrentProcessorNumber(), Processors - 1);
    KeRevertToUserAffinityThreadEx(Inner);
    CheckEqual("affinity: taken back", KeGetCurrentProcessorNumber(), 0);
    KeRevertToUserAffinityThreadEx(Outer);
    CheckEqual("affinity: none again", KeSetSystemAffinityThreadEx(Last), 0);
    CheckEqual("affinity: a mask with others changes nothing",
               KeSetSystemAffinityThreadEx(Active + 1), 0);
    CheckEqual("affinity: nor does an empty one", KeSetSystemAffinityThreadEx(0), 0);
    CheckEqual("affinity: it is as before", KeSetSystemAffinityThreadEx(Last), Last);
    KeRevertToUserAffinityThread();
}

static VOID TestAtDispatch(VOID)
{
    ULONG Before;
    KIRQL OldIrql;

    KeSetSystemAffinityThread(MaskOf(0));
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeSetSystemAffinityThreadEx(MaskOf(Processors - 1));
    Before = KeGetCurrentProcessorNumber();
    KeLowerIrql(OldIrql);
    CheckEqual("affinity: at DISPATCH_LEVEL, the thread stays", Before, 0);
    CheckEqual("affinity: and goes when IRQL falls", KeGetCurrentProcessorNumber(), Processors - 1);
    KeRevertToUserAffinityThread();
}

static VOID TestGroupAffinity(VOID)
{
    GROUP_AFFINITY Last = {.Mask = MaskOf(Processors - 1)}, None = {.Mask = 1, .Group = NO_GROUP};
    GROUP_AFFINITY First = {.Mask = MaskOf(0)}, Outer = None, Inner = None;

    KeSetSystemGroupAffinityThread(&First, &Outer);
    KeSetSystemGroupAffinityThread(&Last, &Inner);
    Check("group affinity: what was before is returned",
          Outer.Mask == 0 && Outer.Group == 0 && Inner.Mask == MaskOf(0) && Inner.Group == 0);
    CheckEqual("group affinity: is in force", KeGetCurrentProcessorNumber(), Processors - 1);
    KeRevertToUserGroupAffinityThread(&Inner);
    CheckEqual("group affinity: taken back", KeGetCurrentProcessorNumber(), 0);
    KeSetSystemGroupAffinityThread(&None, &Inner);
    Check("group affinity: another group changes nothing, and zero is returned",
          Inner.Mask == 0 && Inner.Group == 0 && KeGetCurrentProcessorNumber() == 0);
    KeRevertToUserGroupAffinityThread(&Outer);
    KeSetSystemGroupAffinityThread(&First, NULL);
    KeRevertToUserAffinityThread();
}

/* A thread's own affinity waits while a system affinity is in force. */
static VOID TestUserAffinity(VOID)
{
    PKTHREAD Thread = KeGetCurrentThread();
    ULONG Last = Processors - 1;

    CheckEqual("own affinity: all processors", KeSetAffinityThread(Thread, MaskOf(Last)), Active);
    CheckEqual("own affinity: in force", KeGetCurrentProcessorNumber(), Last);
    KeSetSystemAffinityThread(MaskOf(0));
    CheckEqual("own affinity: returned", KeSetAffinityThread(Thread, Active), MaskOf(Last));
    KeSetAffinityThread(Thread, MaskOf(Last));
    CheckEqual("own affinity: set aside", KeGetCurrentProcessorNumber(), 0);
    KeRevertToUserAffinityThread();
    CheckEqual("own affinity: comes back", KeGetCurrentProcessorNumber(), Last);
    KeSetAffinityThread(Thread, Active);
}

/* ---- The ideal processor -----------------------------------------------------------------------
 */

/* A thread that is woken and notes where. */
typedef struct _SLEEPER {
    KEVENT Go, Noted;
    volatile BOOLEAN Stop;
    ULONG Processor;
} SLEEPER, *PSLEEPER;

static VOID NTAPI Sleep(PVOID Context)
{
    PSLEEPER Sleeper = Context;

    for (;;) {
        Wait(&Sleeper->Go);
        Sleeper->Processor = KeGetCurrentProcessorNumber();
        if (Sleeper->Stop)
            PsTerminateSystemThread(STATUS_SUCCESS);
        KeSetEvent(&Sleeper->Noted, 0, FALSE);
    }
}

/* The processors are idle but for this thread, or nearly always. */
static ULONG CountIdeal(PSLEEPER Sleeper, PKTHREAD Thread, ULONG Ideal)
{
    ULONG i, Count = 0;

    KeSetIdealProcessorThread(Thread, (UCHAR)Ideal);
    KeSetSystemAffinityThread(MaskOf((Ideal + 1) % Processors));
    for (i = 0; i < ROUNDS; i++) {
        KeSetEvent(&Sleeper->Go, 0, FALSE);
        Wait(&Sleeper->Noted);
        Count += Sleeper->Processor == Ideal;
    }
    KeRevertToUserAffinityThread();
    return Count;
}

static VOID TestIdealProcessor(VOID)
{
    static SLEEPER Sleeper;
    ULONG i, Right = 0;
    PKTHREAD Thread;

    KeInitializeEvent(&Sleeper.Go, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Sleeper.Noted, SynchronizationEvent, FALSE);
    Thread = StartThread(Sleep, &Sleeper);
    for (i = 0; i < Processors; i++)
        Right += CountIdeal(&Sleeper, Thread, i) > ROUNDS / 2;
    CheckEqual("ideal processor: a thread runs there if it is idle", Right, Processors);
    CheckEqual("ideal processor: the old one is returned", KeSetIdealProcessorThread(Thread, 0),
               Processors - 1);
    KeSetIdealProcessorThread(Thread, (UCHAR)Processors);
    CheckEqual("ideal processor: no such one changes nothing", KeSetIdealProcessorThread(Thread, 0),
               0);
    Sleeper.Stop = TRUE;
    KeSetEvent(&Sleeper.Go, 0, FALSE);
    JoinThread(Thread);
}

/* ---- Changes -----------------------------------------------------------------------------------
 */

/* What a callback has been told, as states, and what it answers for one processor. */
typedef struct _CHANGES {
    ULONG Count;
    KE_PROCESSOR_CHANGE_NOTIFY_STATE States[MOST_CHANGES];
    ULONG Numbers[MOST_CHANGES];
    ULONG Refused; /* the number of the processor that is refused */
} CHANGES, *PCHANGES;

static VOID NTAPI NoteChange(PVOID Context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT Change,
                             PNTSTATUS Status)
{
    PCHANGES Changes = Context;

    Changes->States[Changes->Count] = Change->State;
    Changes->Numbers[Changes->Count++] = Change->NtNumber;
    if (Change->State == KeProcessorAddStartNotify && Change->NtNumber == Changes->Refused)
        *Status = STATUS_INSUFFICIENT_RESOURCES;
}

/* Are Count notices from First on of that state, for the processors from 0? */
static BOOLEAN AreNotices(const CHANGES *Changes, ULONG First, ULONG Count,
                          KE_PROCESSOR_CHANGE_NOTIFY_STATE State)
{
    ULONG i;

    for (i = 0; i < Count; i++) {
        if (Changes->States[First + i] != State || Changes->Numbers[First + i] != i)
            return FALSE;
    }
    return TRUE;
}

static VOID TestChanges(VOID)
{
    UNICODE_STRING In = RTL_CONSTANT_STRING(L"KeRegisterProcessorChangeCallback");
    UNICODE_STRING Out = RTL_CONSTANT_STRING(L"KeDeregisterProcessorChangeCallback");
    REGISTER_CHANGE Register = (REGISTER_CHANGE)(ULONG_PTR)MmGetSystemRoutineAddress(&In);
    DEREGISTER_CHANGE Deregister = (DEREGISTER_CHANGE)(ULONG_PTR)MmGetSystemRoutineAddress(&Out);
    static CHANGES Changes;
    ULONG Refused = Processors - 1;
    PVOID Handle;

    Changes.Refused = MAXULONG;
    Handle = Register(NoteChange, &Changes, 0);
    Check("changes: registered, and nothing has changed", Handle && Changes.Count == 0);
    Deregister(Handle);
    Handle = Register(NoteChange, &Changes, KE_PROCESSOR_CHANGE_ADD_EXISTING);
    CheckEqual("changes: told twice of each processor", Changes.Count, 2 * Processors);
    Check("changes: first that it will be added",
          AreNotices(&Changes, 0, Processors, KeProcessorAddStartNotify));
    Check("changes: then that it has been",
          AreNotices(&Changes, Processors, Processors, KeProcessorAddCompleteNotify));
    Deregister(Handle);
    RtlZeroMemory(&Changes, sizeof Changes);
    Changes.Refused = Refused;
    Handle = Register(NoteChange, &Changes, KE_PROCESSOR_CHANGE_ADD_EXISTING);
    CheckEqual("changes: one is refused", Changes.Count, Processors + Refused);
    Check("changes: the others are told so",
          AreNotices(&Changes, Processors, Refused, KeProcessorAddFailureNotify));
    Deregister(Handle);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    Processors = KeQueryActiveProcessorCount(NULL);
    Active = KeQueryActiveProcessors();
    TestCounts();
    TestNumbers();
    TestNodes();
    TestNesting();
    TestAtDispatch();
    TestGroupAffinity();
    TestUserAffinity();
    TestIdealProcessor();
    TestChanges();
    return FinishTests("proctest");
}
