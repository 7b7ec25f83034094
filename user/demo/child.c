/*
 * A child of the demonstration. Each one is a process of its own running this same program, and
 * has another value at the same address of its lower half.
 *
 * A child that finds something wrong says so and ends with status 1; the parent hears of it by the
 * Done event that never comes.
 */
#include "parts.h"

#define SPIN_MS      400
#define SPIN_STRETCH 100000 /* turns between two looks at the clock */
#define AT_ONCE_MS   200

/* This child's number, and where its value is. */
static ULONG Me;
static volatile ULONG *const MyValue = (volatile ULONG *)USER_ADDRESS;

static BOOLEAN PutValueInPlace(void)
{
    PVOID Base = (PVOID)USER_ADDRESS;
    SIZE_T Size = PAGE_SIZE;
    NTSTATUS Status = NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size,
                                              MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    if (!NT_SUCCESS(Status) || Base != (PVOID)USER_ADDRESS)
        return Complain("no memory at the fixed address", Status);
    *MyValue = CHILD_VALUE(Me);
    return TRUE;
}

/* The text that another process wrote through the driver must be what this one reads. */
static BOOLEAN ExpectText(const char *Expected)
{
    char Text[DEMO_TEXT_BYTES];
    NTSTATUS Status = ReadText(Text);

    if (!NT_SUCCESS(Status))
        return Complain("cannot read the text", Status);
    if (memcmp(Text, Expected, DEMO_TEXT_BYTES) == 0)
        return TRUE;
    Text[DEMO_RECORD_TEXT - 1] = 0;
    printf("demo: child %lu expected '%s' and read '%s'\n", Me, Expected, Text);
    return FALSE;
}

static BOOLEAN WriteMine(ULONG Round)
{
    char Text[DEMO_TEXT_BYTES];
    NTSTATUS Status;

    MakeChildText(Text, Me, Round);
    Status = WriteText(Text);
    return NT_SUCCESS(Status) || Complain("cannot write the text", Status);
}

/* The first child has the parent before it, the last one the parent behind it. */
static BOOLEAN PassToken(void)
{
    HANDLE Mine = FindEvent(EventTurn, Me), Next = FindEvent(EventTurn, Me + 1);
    char Expected[DEMO_TEXT_BYTES];

    if (Mine == NULL || Next == NULL || !WaitForEvent(Mine))
        return FALSE;
    if (Me == 0)
        MakeText(Expected, FIRST_WORDS);
    else
        MakeChildText(Expected, Me - 1, 0);
    return ExpectText(Expected) && WriteMine(0) && SignalEvent(Next);
}

static BOOLEAN IsOver(const LARGE_INTEGER *Start, ULONG Milliseconds)
{
    LARGE_INTEGER Now;

    NtQuerySystemTime(&Now);
    return Now.QuadPart - Start->QuadPart >= 10000LL * Milliseconds;
}

/*
 * Stays in user mode, calling nobody, but for a look at the time now and then. The driver's timer
 * goes on meanwhile: its DPC borrows whichever child is running.
 */
static BOOLEAN Spin(void)
{
    volatile ULONG Sum = 0;
    LARGE_INTEGER Start;
    ULONG i;

    NtQuerySystemTime(&Start);
    do {
        for (i = 0; i < SPIN_STRETCH; i++)
            Sum += i;
    } while (!IsOver(&Start, SPIN_MS));
    return TRUE;
}

/*
 * What this process reads must be whole, whoever wrote it; and what the driver saw when it made a
 * record must have been whole too. If the driver's lock did not keep callers apart, a caller that
 * the clock interrupts half way would find another's text in the middle of its own.
 */
static BOOLEAN ReadAndTouchWhole(void)
{
    char Text[DEMO_TEXT_BYTES];
    DEMO_RECORD Record;
    NTSTATUS Status = ReadText(Text);

    if (!NT_SUCCESS(Status) || !IsWholeText(Text))
        return Complain("read a text that nobody wrote", Status);
    Status = TouchText(USER_ADDRESS, *MyValue, &Record);
    if (!NT_SUCCESS(Status))
        return Complain("cannot touch the text", Status);
    MakeText(Text, Record.Text);
    return Record.Checksum == DemoChecksum(Text, DEMO_TEXT_BYTES) ||
           Complain("the driver saw a text that nobody wrote", STATUS_DATA_ERROR);
}

static BOOLEAN CallAtOnce(void)
{
    LARGE_INTEGER Start;
    ULONG Round = 0;

    NtQuerySystemTime(&Start);
    do {
        if (!WriteMine(++Round) || !ReadAndTouchWhole())
            return FALSE;
    } while (!IsOver(&Start, AT_ONCE_MS));
    return TRUE;
}

/* The driver's routine runs in this process's context: USER_ADDRESS means this process's page. */
static BOOLEAN Touch(void)
{
    DEMO_RECORD Record;
    NTSTATUS Status = TouchText(USER_ADDRESS, *MyValue, &Record);

    return NT_SUCCESS(Status) || Complain("cannot touch the text", Status);
}

static BOOLEAN CheckValue(void)
{
    return *MyValue == CHILD_VALUE(Me) || Complain("somebody changed my value", *MyValue);
}

static BOOLEAN (*const Phases[PhaseCount])(void) = {
    [PhaseStart] = PutValueInPlace, [PhaseToken] = PassToken, [PhaseSpin] = Spin,
    [PhaseAtOnce] = CallAtOnce,     [PhaseTouch] = Touch,     [PhaseEnd] = CheckValue,
};

/* Does one phase as soon as the parent says that all may begin, and reports that it is done. */
static BOOLEAN DoPhase(PHASE Phase, HANDLE Done)
{
    HANDLE Go = FindEvent(EventPhase, Phase);
    BOOLEAN Good = Go && WaitForEvent(Go) && Phases[Phase]() && CheckValue() && SignalEvent(Done);

    if (Go)
        NtClose(Go);
    return Good;
}

int RunChild(ULONG Child)
{
    NTSTATUS Status = OpenDriver();
    HANDLE Done = FindEvent(EventDone, Child);
    PHASE Phase;

    Me = Child;
    if (!NT_SUCCESS(Status) || Done == NULL) {
        Complain("cannot open the driver", Status);
        return 1;
    }
    for (Phase = PhaseStart; Phase < PhaseCount; Phase++) {
        if (!DoPhase(Phase, Done))
            return 1;
    }
    return 0;
}
