/*
 * Bug check callbacks: drivers that are told that the machine stops (WDK: Writing a Bug Check
 * Callback Routine). Their records are the drivers' memory; a record's State says whether it is in
 * the list. The lock guards both lists until the bug check, which is alone and takes none.
 */
#include "kernel/ex/ex.h"
#include "kernel/ke/ke.h"

static KSPIN_LOCK ExpBugCheckLock;
static LIST_ENTRY ExpBugCheckList = {&ExpBugCheckList, &ExpBugCheckList};
static LIST_ENTRY ExpBugCheckReasonList = {&ExpBugCheckReasonList, &ExpBugCheckReasonList};

/* Puts a record into a list, unless it is in one. */
static BOOLEAN ExpInsertRecord(PLIST_ENTRY List, PLIST_ENTRY Entry, PUCHAR State)
{
    KIRQL OldIrql = KiRaiseIrql(HIGH_LEVEL);
    BOOLEAN Inserted;

    KiTakeSpinLock(&ExpBugCheckLock);
    Inserted = *State == BufferEmpty;
    if (Inserted) {
        *State = BufferInserted;
        InsertTailList(List, Entry);
    }
    KiLetSpinLockGo(&ExpBugCheckLock);
    KiLowerIrql(OldIrql);
    return Inserted;
}

static BOOLEAN ExpRemoveRecord(PLIST_ENTRY Entry, PUCHAR State)
{
    KIRQL OldIrql = KiRaiseIrql(HIGH_LEVEL);
    BOOLEAN Removed;

    KiTakeSpinLock(&ExpBugCheckLock);
    Removed = *State == BufferInserted;
    if (Removed) {
        *State = BufferEmpty;
        RemoveEntryList(Entry);
    }
    KiLetSpinLockGo(&ExpBugCheckLock);
    KiLowerIrql(OldIrql);
    return Removed;
}

/* A damaged record must not make things worse. */
static ULONG_PTR ExpChecksum(const KBUGCHECK_CALLBACK_RECORD *Record)
{
    return (ULONG_PTR)Record->CallbackRoutine + (ULONG_PTR)Record->Buffer + Record->Length +
           (ULONG_PTR)Record->Component;
}

/*
 * Has a routine called when the machine stops (WDK: KeRegisterBugCheckCallback). FALSE: the record,
 * which KeInitializeCallbackRecord has made empty, is in use. IRQL: any.
 */
BOOLEAN NTAPI KeRegisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD CallbackRecord,
                                         PKBUGCHECK_CALLBACK_ROUTINE CallbackRoutine, PVOID Buffer,
                                         ULONG Length, PUCHAR Component)
{
    if (CallbackRecord->State != BufferEmpty)
        return FALSE;
    CallbackRecord->CallbackRoutine = CallbackRoutine;
    CallbackRecord->Buffer = Buffer;
    CallbackRecord->Length = Length;
    CallbackRecord->Component = Component;
    CallbackRecord->Checksum = ExpChecksum(CallbackRecord);
    return ExpInsertRecord(&ExpBugCheckList, &CallbackRecord->Entry, &CallbackRecord->State);
}

/* FALSE: it was not registered. IRQL: any. */
BOOLEAN NTAPI KeDeregisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD CallbackRecord)
{
    return ExpRemoveRecord(&CallbackRecord->Entry, &CallbackRecord->State);
}

/*
 * The same for routines that contribute to a crash dump (WDK: KeRegisterBugCheckReasonCallback). No
 * dump is written, so they are never called. IRQL: any.
 */
BOOLEAN NTAPI KeRegisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD CallbackRecord,
                                               PKBUGCHECK_REASON_CALLBACK_ROUTINE CallbackRoutine,
                                               KBUGCHECK_CALLBACK_REASON Reason, PUCHAR Component)
{
    if (CallbackRecord->State != BufferEmpty)
        return FALSE;
    CallbackRecord->CallbackRoutine = CallbackRoutine;
    CallbackRecord->Component = Component;
    CallbackRecord->Reason = Reason;
    CallbackRecord->Checksum = (ULONG_PTR)CallbackRoutine + Reason + (ULONG_PTR)Component;
    return ExpInsertRecord(&ExpBugCheckReasonList, &CallbackRecord->Entry, &CallbackRecord->State);
}

BOOLEAN NTAPI KeDeregisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD CallbackRecord)
{
    return ExpRemoveRecord(&CallbackRecord->Entry, &CallbackRecord->State);
}

/* Called once, by the bug check, at HIGH_LEVEL with everything else stopped. */
VOID ExpCallBugCheckCallbacks(VOID)
{
    PLIST_ENTRY Link;

    for (Link = ExpBugCheckList.Flink; Link != &ExpBugCheckList; Link = Link->Flink) {
        PKBUGCHECK_CALLBACK_RECORD Record =
            CONTAINING_RECORD(Link, KBUGCHECK_CALLBACK_RECORD, Entry);
        if (!MmIsAddressValid(Record) || Record->State != BufferInserted ||
            Record->Checksum != ExpChecksum(Record))
            break;
        Record->State = BufferStarted;
        Record->CallbackRoutine(Record->Buffer, Record->Length);
        Record->State = BufferFinished;
    }
}
