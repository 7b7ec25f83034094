/*
 * What drivers ask about the processors: how many there are, how they are numbered, in which group
 * and which node they are. All are there before the first driver, none comes later, and all are in
 * group 0 and node 0; so a processor's index and its number in the group are the same.
 */
#include "kernel/ke/ipi.h"
#include "sched/sched.h"

#define CACHE_LINE_BYTES 64
#define ONLY_GROUP       0
#define ONLY_NODE        0

/* ---- How many ----------------------------------------------------------------------------------
 */

/* The processors that there are; *ActiveProcessors: as a mask. IRQL: any. */
ULONG NTAPI KeQueryActiveProcessorCount(PKAFFINITY ActiveProcessors)
{
    if (ActiveProcessors)
        *ActiveProcessors = KeActiveProcessors;
    return (ULONG)KeNumberProcessors;
}

/* The same in a group, or in ALL_PROCESSOR_GROUPS; 0: there is no such group. IRQL: any. */
ULONG NTAPI KeQueryActiveProcessorCountEx(USHORT GroupNumber)
{
    if (GroupNumber != ONLY_GROUP && GroupNumber != ALL_PROCESSOR_GROUPS)
        return 0;
    return (ULONG)KeNumberProcessors;
}

/* As many as there can ever be: no processor is added to a running machine. IRQL: any. */
ULONG NTAPI KeQueryMaximumProcessorCount(VOID)
{
    return (ULONG)KeNumberProcessors;
}

ULONG NTAPI KeQueryMaximumProcessorCountEx(USHORT GroupNumber)
{
    return KeQueryActiveProcessorCountEx(GroupNumber);
}

USHORT NTAPI KeQueryActiveGroupCount(VOID)
{
    return 1;
}

USHORT NTAPI KeQueryMaximumGroupCount(VOID)
{
    return 1;
}

/* The processors of a group as a mask; 0: there is no such group. IRQL: any. */
KAFFINITY NTAPI KeQueryGroupAffinity(USHORT GroupNumber)
{
    return GroupNumber == ONLY_GROUP ? KeActiveProcessors : 0;
}

/* ---- Numbers -----------------------------------------------------------------------------------
 */

/* The processor that this runs on. It stays that only if IRQL >= DISPATCH_LEVEL. IRQL: any. */
ULONG NTAPI KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER ProcNumber)
{
    ULONG Number = KeGetCurrentPrcb()->Number;

    if (ProcNumber)
        *ProcNumber = (PROCESSOR_NUMBER){.Group = ONLY_GROUP, .Number = (UCHAR)Number};
    return Number;
}

/* INVALID_PROCESSOR_INDEX: there is no such processor. IRQL: any. */
ULONG NTAPI KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcNumber->Group != ONLY_GROUP || ProcNumber->Reserved != 0 ||
        ProcNumber->Number >= KeNumberProcessors)
        return INVALID_PROCESSOR_INDEX;
    return ProcNumber->Number;
}

/* STATUS_INVALID_PARAMETER: there is no such processor. IRQL: any. */
NTSTATUS NTAPI KeGetProcessorNumberFromIndex(ULONG ProcIndex, PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcIndex >= (ULONG)KeNumberProcessors)
        return STATUS_INVALID_PARAMETER;
    *ProcNumber = (PROCESSOR_NUMBER){.Group = ONLY_GROUP, .Number = (UCHAR)ProcIndex};
    return STATUS_SUCCESS;
}

/* ---- Nodes -------------------------------------------------------------------------------------
 */

USHORT NTAPI KeQueryHighestNodeNumber(VOID)
{
    return ONLY_NODE;
}

USHORT NTAPI KeGetCurrentNodeNumber(VOID)
{
    return ONLY_NODE;
}

/* The processors of a node, as a mask and as a number: none, if there is no such node. IRQL: any.
 */
VOID NTAPI KeQueryNodeActiveAffinity(USHORT NodeNumber, PGROUP_AFFINITY Affinity, PUSHORT Count)
{
    BOOLEAN Exists = NodeNumber == ONLY_NODE;

    if (Affinity)
        *Affinity = (GROUP_AFFINITY){.Group = ONLY_GROUP, .Mask = Exists ? KeActiveProcessors : 0};
    if (Count)
        *Count = Exists ? (USHORT)KeNumberProcessors : 0;
}

USHORT NTAPI KeQueryNodeMaximumProcessorCount(USHORT NodeNumber)
{
    return NodeNumber == ONLY_NODE ? (USHORT)KeNumberProcessors : 0;
}

/* ---- Caches ------------------------------------------------------------------------------------
 */

/* Data of different processors is best kept so many bytes apart. IRQL: any. */
ULONG NTAPI KeGetRecommendedSharedDataAlignment(VOID)
{
    return CACHE_LINE_BYTES;
}

/* Returns when all that this processor has written is to be seen. IRQL: any. */
VOID NTAPI KeFlushWriteBuffer(VOID)
{
    KeMemoryBarrier();
}

static VOID KiInvalidateCache(ULONG_PTR Argument)
{
    UNREFERENCED_PARAMETER(Argument);
    __asm__ volatile("wbinvd" : : : "memory");
}

/* Writes back and empties all processors' caches. TRUE: done. IRQL <= APC_LEVEL. */
BOOLEAN NTAPI KeInvalidateAllCaches(VOID)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    KiCallProcessors(KeActiveProcessors, KiInvalidateCache, 0);
    return TRUE;
}

/* ---- Changes -----------------------------------------------------------------------------------
 */

static VOID KiNotifyOfProcessor(PPROCESSOR_CALLBACK_FUNCTION Routine, PVOID Context, ULONG Number,
                                KE_PROCESSOR_CHANGE_NOTIFY_STATE State, PNTSTATUS Status)
{
    KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT Change = {.State = State, .NtNumber = Number};

    KeGetProcessorNumberFromIndex(Number, &Change.ProcNumber);
    Change.Status = *Status;
    Routine(Context, &Change, Status);
}

/*
 * Tells of the processors that there are, as if they came now: first that each will be added, and
 * then, if nobody minds, that each has been. Those told of one that was refused are told of that.
 */
static VOID KiNotifyOfExisting(PPROCESSOR_CALLBACK_FUNCTION Routine, PVOID Context)
{
    ULONG Count = (ULONG)KeNumberProcessors, Told, i;
    NTSTATUS Status = STATUS_SUCCESS, Final;

    for (Told = 0; Told < Count && NT_SUCCESS(Status); Told++)
        KiNotifyOfProcessor(Routine, Context, Told, KeProcessorAddStartNotify, &Status);
    if (!NT_SUCCESS(Status))
        Told--;
    for (i = 0; i < Told; i++) {
        Final = Status;
        KiNotifyOfProcessor(Routine, Context, i,
                            NT_SUCCESS(Status) ? KeProcessorAddCompleteNotify
                                               : KeProcessorAddFailureNotify,
                            &Final);
    }
}

/*
 * Asks to be told when a processor is added (WDK: KeRegisterProcessorChangeCallback), which never
 * happens; with KE_PROCESSOR_CHANGE_ADD_EXISTING, of those that there are, at once. Returns what
 * KeDeregisterProcessorChangeCallback is to be given. Exported as KeXxx. IRQL: PASSIVE_LEVEL.
 */
PVOID NTAPI KiRegisterProcessorChangeCallback(PPROCESSOR_CALLBACK_FUNCTION CallbackFunction,
                                              PVOID CallbackContext, ULONG Flags)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    if (Flags & KE_PROCESSOR_CHANGE_ADD_EXISTING)
        KiNotifyOfExisting(CallbackFunction, CallbackContext);
    return (PVOID)CallbackFunction; /* nothing will be looked up by it, but it must not be NULL */
}

VOID NTAPI KiDeregisterProcessorChangeCallback(PVOID CallbackHandle)
{
    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    ASSERT(CallbackHandle);
    UNREFERENCED_PARAMETER(CallbackHandle);
}
