/*
 * demo.exe: the demonstration.
 *
 *      demo.exe [N]            the parent, with N children (1 to 64; default 8)
 *      demo.exe --child I      child number I, as the parent starts it
 *
 * N processes of the same program have N values at one address of their lower halves. All of them
 * call demo.sys, whose code then runs in their contexts; its timer, its work item and its thread
 * run it in others. The driver notes each time where it was and what it saw. The table at the end
 * puts it side by side: the lower half is another one in every process, the upper half the same.
 *
 * Exit status 0 only if everything the table says has been checked, and what each process wrote
 * through the driver arrived in the others. If demo.sys is not loaded, the parent loads it, and
 * afterwards unloads it and checks that none of its memory is left.
 */
#include "parts.h"

#define DEFAULT_CHILDREN 8
#define LINE_CHARACTERS  64
#define RECORD_ROOM      1024 /* of one phase */
#define LATECOMERS_MS    5000 /* how long work item, thread and processors may take */
#define POOL_TAG_ROOM    512
#define DEMO_TAG         'omeD' /* the driver's: its bytes in memory are Demo */
#define SERVICE_NAME     L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\demo"

static CHILD Children[MAXIMUM_CHILDREN];
static ULONG ChildCount;
static HANDLE PhaseEvents[PhaseCount], TurnEvents[MAXIMUM_CHILDREN + 1];
static DEMO_RECORD SpinRoom[RECORD_ROOM], TouchRoom[RECORD_ROOM];

/* ---- Starting ---------------------------------------------------------------------------------
 */

/* All events exist before the first child looks for one. */
static BOOLEAN MakeEvents(void)
{
    ULONG i;

    for (i = 0; i < PhaseCount; i++) {
        if ((PhaseEvents[i] = MakeEvent(EventPhase, i)) == NULL)
            return FALSE;
    }
    for (i = 0; i < ChildCount; i++) {
        if ((Children[i].Done = MakeEvent(EventDone, i)) == NULL)
            return FALSE;
    }
    for (i = 0; i <= ChildCount; i++) {
        if ((TurnEvents[i] = MakeEvent(EventTurn, i)) == NULL)
            return FALSE;
    }
    return TRUE;
}

static BOOLEAN StartChild(ULONG Number)
{
    PCHILD Child = &Children[Number];
    PROCESS_BASIC_INFORMATION Info;
    char Line[LINE_CHARACTERS];
    NTSTATUS Status;

    _snprintf(Line, sizeof Line, "demo.exe --child %lu", Number);
    Status = StartProgram("demo.exe", Line, &Child->Process);
    if (NT_SUCCESS(Status))
        Status = NtQueryInformationProcess(Child->Process, ProcessBasicInformation, &Info,
                                           sizeof Info, NULL);
    if (!NT_SUCCESS(Status))
        return Complain("cannot start a child", Status);
    Child->ProcessId = Info.UniqueProcessId;
    return TRUE;
}

static BOOLEAN StartChildren(void)
{
    ULONG i;

    for (i = 0; i < ChildCount; i++) {
        if (!StartChild(i))
            return FALSE;
    }
    return TRUE;
}

/* ---- The phases -------------------------------------------------------------------------------
 */

/* Lets all children do one phase, and waits until the last is done. */
static BOOLEAN RunPhase(PHASE Phase)
{
    ULONG i;

    if (!SignalEvent(PhaseEvents[Phase]))
        return FALSE;
    for (i = 0; i < ChildCount; i++) {
        if (!WaitForEvent(Children[i].Done))
            return FALSE;
    }
    return TRUE;
}

static BOOLEAN WriteWords(const char *Words)
{
    char Text[DEMO_TEXT_BYTES];
    NTSTATUS Status;

    MakeText(Text, Words);
    Status = WriteText(Text);
    return NT_SUCCESS(Status) || Complain("cannot write the text", Status);
}

/* The token starts here, goes through all the children, and must come back from the last one. */
static BOOLEAN RunTokenPhase(void)
{
    char Text[DEMO_TEXT_BYTES], Expected[DEMO_TEXT_BYTES];

    if (!WriteWords(FIRST_WORDS) || !SignalEvent(TurnEvents[0]) || !RunPhase(PhaseToken) ||
        !WaitForEvent(TurnEvents[ChildCount]))
        return FALSE;
    MakeChildText(Expected, ChildCount - 1, 0);
    NTSTATUS Status = ReadText(Text);
    if (!NT_SUCCESS(Status) || memcmp(Text, Expected, sizeof Text) != 0)
        return Complain("the token came back wrong", Status);
    printf("%lu processes passed a text on through the driver, each to the next.\n", ChildCount);
    return TRUE;
}

/* The number of the next record that the driver will make: that of one made now, plus 1. */
static BOOLEAN NextSequence(ULONG *Sequence)
{
    DEMO_RECORD Record;
    NTSTATUS Status = TouchText(0, 0, &Record);

    if (!NT_SUCCESS(Status))
        return Complain("cannot touch the text", Status);
    *Sequence = Record.Sequence + 1;
    return TRUE;
}

/* Adds the driver's records from number First on to those that are there. */
static BOOLEAN Collect(ULONG First, PRECORDS Records)
{
    ULONG Count;
    NTSTATUS Status;

    if (Records->Count)
        First = Records->List[Records->Count - 1].Sequence + 1;
    do {
        Count = min(RECORD_ROOM - Records->Count, DEMO_RECORDS_PER_CALL);
        if (Count == 0)
            return TRUE;
        Status = GetRecords(First, Records->List + Records->Count, &Count);
        if (!NT_SUCCESS(Status))
            return Complain("cannot get the records", Status);
        Records->Count += Count;
        First += Count;
    } while (Count);
    return TRUE;
}

/* The timer's DPC comes on one processor after the other. Some may be slow: waits for them. */
static BOOLEAN CollectFromAllProcessors(ULONG First, PRECORDS Spin)
{
    ULONG Waited;

    for (Waited = 0; Waited < LATECOMERS_MS; Waited += 10) {
        if (!Collect(First, Spin))
            return FALSE;
        if (HaveAllProcessors(Spin))
            return TRUE;
        SleepMilliseconds(10);
    }
    return TRUE; /* the report will say what is missing */
}

static BOOLEAN RunSpinPhase(PRECORDS Spin)
{
    ULONG First;

    return NextSequence(&First) && RunPhase(PhaseSpin) && CollectFromAllProcessors(First, Spin);
}

/* The work item is queued by the next DPC, and the thread comes every 50 ms: waits for both. */
static BOOLEAN CollectLatecomers(ULONG First, PRECORDS Touch)
{
    ULONG Waited;

    for (Waited = 0; Waited < LATECOMERS_MS; Waited += 10) {
        if (!Collect(First, Touch))
            return FALSE;
        if (FindRecord(Touch, DemoWorkItem) && FindRecord(Touch, DemoOwnThread))
            return TRUE;
        SleepMilliseconds(10);
    }
    return TRUE; /* the report will say what is missing */
}

/* From here on nobody writes: whoever touches the text must see the same. */
static BOOLEAN RunTouchPhase(PRECORDS Touch)
{
    NTSTATUS Status;
    ULONG First;

    if (!WriteWords(LAST_WORDS) || !NextSequence(&First))
        return FALSE;
    Status = QueueWork();
    if (!NT_SUCCESS(Status))
        return Complain("cannot ask for the work item", Status);
    return RunPhase(PhaseTouch) && CollectLatecomers(First, Touch);
}

/* Each child's own verdict is its exit status. */
static BOOLEAN EndChildren(void)
{
    BOOLEAN Good = RunPhase(PhaseEnd);
    NTSTATUS Status;
    ULONG i;

    for (i = 0; i < ChildCount; i++) {
        Status = WaitForProgram(Children[i].Process, PATIENCE_MS);
        if (Status == STATUS_SUCCESS)
            Status = ExitStatusOf(Children[i].Process);
        if (Status != 0)
            Good = Complain("a child ended badly", Status);
        NtClose(Children[i].Process);
    }
    return Good;
}

static BOOLEAN Demonstrate(void)
{
    RECORDS Spin = {SpinRoom, 0}, Touch = {TouchRoom, 0};
    BOOLEAN Good;

    if (!MakeEvents() || !StartChildren() || !RunPhase(PhaseStart) || !RunTokenPhase() ||
        !RunSpinPhase(&Spin) || !RunPhase(PhaseAtOnce) || !RunTouchPhase(&Touch))
        return FALSE;
    Good = EndChildren();
    return Report(Children, ChildCount, &Spin, &Touch) && Good;
}

/* ---- The driver's coming and going ------------------------------------------------------------
 */

/* What is left in both pools under the driver's tag. */
static BOOLEAN IsTagGone(void)
{
    static struct {
        ULONG Count;
        SYSTEM_POOLTAG Tags[POOL_TAG_ROOM];
    } Pools;
    NTSTATUS Status =
        NtQuerySystemInformation(SystemPoolTagInformation, &Pools, sizeof Pools, NULL);
    ULONG i;

    if (!NT_SUCCESS(Status))
        return Complain("cannot query the pools", Status);
    for (i = 0; i < Pools.Count; i++) {
        if (Pools.Tags[i].TagUlong == DEMO_TAG &&
            (Pools.Tags[i].PagedUsed | Pools.Tags[i].NonPagedUsed))
            return Complain("the driver left memory behind", STATUS_UNSUCCESSFUL);
    }
    return TRUE;
}

/* Loads the driver unless it is there already. *Loaded: it was done here. */
static BOOLEAN FindDriver(BOOLEAN *Loaded)
{
    UNICODE_STRING Service = CONSTANT_STRING(SERVICE_NAME);
    NTSTATUS Status = OpenDriver();

    *Loaded = FALSE;
    if (NT_SUCCESS(Status))
        return TRUE;
    Status = NtLoadDriver(&Service);
    if (!NT_SUCCESS(Status))
        return Complain("cannot load demo.sys", Status);
    *Loaded = TRUE;
    Status = OpenDriver();
    return NT_SUCCESS(Status) || Complain("cannot open \\??\\Demo", Status);
}

static BOOLEAN RemoveDriver(void)
{
    UNICODE_STRING Service = CONSTANT_STRING(SERVICE_NAME);
    NTSTATUS Status = NtUnloadDriver(&Service);

    return NT_SUCCESS(Status) ? IsTagGone() : Complain("cannot unload demo.sys", Status);
}

static int RunParent(ULONG Count)
{
    BOOLEAN Good, Loaded;

    if (Count < 1 || Count > MAXIMUM_CHILDREN) {
        printf("usage: demo.exe [N], N from 1 to %u\n", MAXIMUM_CHILDREN);
        return 1;
    }
    ChildCount = Count;
    if (!FindDriver(&Loaded))
        return 1;
    Good = Demonstrate();
    CloseDriver();
    if (Loaded && Good)
        Good = RemoveDriver();
    return Good ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--child") == 0)
        return RunChild(ParseNumber(argv[2]));
    return RunParent(argc > 1 ? ParseNumber(argv[1]) : DEFAULT_CHILDREN);
}
