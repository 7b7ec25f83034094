/*
 * Checks what the driver's records say, and prints them as a table that fits a screen of 80
 * columns: one line for each context in which the driver's code ran.
 *
 * What has to hold. In the lower half: each child has another page directory, another frame and
 * another value behind the same address. In the upper half: one frame and one text behind one
 * address, in whatever context. The DPC ran at DISPATCH_LEVEL, in contexts that it did not choose.
 */
#include "parts.h"

#define PASSIVE_LEVEL  0
#define APC_LEVEL      1
#define DISPATCH_LEVEL 2

#define DPC_ROWS 2

/* The records that make the table's rows. */
static struct {
    const DEMO_RECORD *OfChild[MAXIMUM_CHILDREN]; /* IOCTL, by child */
    const DEMO_RECORD *Dpc[DPC_ROWS];             /* in two children's contexts */
    const DEMO_RECORD *Work;
    const DEMO_RECORD *Thread;
} Rows;

static const CHILD *Family;
static ULONG FamilySize;

/* ---- Finding records ---------------------------------------------------------------------------
 */

const DEMO_RECORD *FindRecord(const RECORDS *Records, DEMO_WAY Way)
{
    ULONG i;

    for (i = 0; i < Records->Count; i++) {
        if (Records->List[i].Way == (ULONG)Way)
            return &Records->List[i];
    }
    return NULL;
}

static const DEMO_RECORD *FindRecordOf(const RECORDS *Records, DEMO_WAY Way, ULONG ProcessId)
{
    ULONG i;

    for (i = 0; i < Records->Count; i++) {
        if (Records->List[i].Way == (ULONG)Way && Records->List[i].ProcessId == ProcessId)
            return &Records->List[i];
    }
    return NULL;
}

/* How many of the children the DPC interrupted; takes the first ones for the table. */
static ULONG FindDpcs(const RECORDS *Spin)
{
    ULONG Found = 0, i;

    for (i = 0; i < FamilySize; i++) {
        const DEMO_RECORD *Record = FindRecordOf(Spin, DemoTimerDpc, Family[i].ProcessId);
        if (Record && Found < DPC_ROWS)
            Rows.Dpc[Found] = Record;
        Found += Record != NULL;
    }
    return Found;
}

static ULONG FindRows(const RECORDS *Spin, const RECORDS *Touch)
{
    ULONG i;

    for (i = 0; i < FamilySize; i++)
        Rows.OfChild[i] = FindRecordOf(Touch, DemoIoctl, Family[i].ProcessId);
    Rows.Work = FindRecord(Touch, DemoWorkItem);
    Rows.Thread = FindRecord(Touch, DemoOwnThread);
    return FindDpcs(Spin);
}

/* ---- Checking ----------------------------------------------------------------------------------
 */

static BOOLEAN Check(BOOLEAN Holds, const char *What)
{
    if (!Holds)
        printf("WRONG: %s\n", What);
    return Holds;
}

/* No other child's record may have the same. Frames 0: the page was not there. */
static BOOLEAN IsDifferent(ULONG Child)
{
    const DEMO_RECORD *Mine = Rows.OfChild[Child], *Other;
    ULONG i;

    for (i = 0; i < Child; i++) {
        Other = Rows.OfChild[i];
        if (Other->Cr3 == Mine->Cr3 || Other->UserFrame == Mine->UserFrame ||
            Other->UserValue == Mine->UserValue)
            return FALSE;
    }
    return Mine->UserFrame != 0 && Mine->UserValue == CHILD_VALUE(Child);
}

static BOOLEAN IsSamePool(const DEMO_RECORD *Record, const DEMO_RECORD *Other)
{
    return Record->Address == Other->Address && Record->Frame == Other->Frame &&
           Record->Frame != 0 && Record->Checksum == Other->Checksum &&
           strcmp(Record->Text, Other->Text) == 0;
}

static BOOLEAN CheckRowsAreThere(ULONG Interrupted)
{
    BOOLEAN Good = TRUE;
    ULONG i;

    for (i = 0; i < FamilySize; i++)
        Good &= Check(Rows.OfChild[i] != NULL, "there is no record of a child's call");
    Good &= Check(Rows.Work != NULL, "there is no record of the work item");
    Good &= Check(Rows.Thread != NULL, "there is no record of the system thread");
    return Good & Check(Interrupted >= min(FamilySize, DPC_ROWS),
                        "the DPC did not come in two children's contexts");
}

static BOOLEAN CheckLowerHalf(void)
{
    BOOLEAN Good = TRUE;
    ULONG i;

    for (i = 0; i < FamilySize; i++)
        Good &= Check(IsDifferent(i), "two children share a directory, a frame or a value");
    return Good;
}

static BOOLEAN CheckPagedPool(void)
{
    const DEMO_RECORD *First = Rows.OfChild[0];
    char Expected[DEMO_TEXT_BYTES];
    BOOLEAN Good = TRUE;
    ULONG i;

    MakeText(Expected, LAST_WORDS);
    Good &= Check(First->Checksum == DemoChecksum(Expected, DEMO_TEXT_BYTES),
                  "the text that the driver saw is not the one that was written");
    for (i = 0; i < FamilySize; i++)
        Good &= Check(IsSamePool(First, Rows.OfChild[i]) && Rows.OfChild[i]->Irql <= APC_LEVEL,
                      "a child saw other pool memory than the rest");
    Good &= Check(IsSamePool(First, Rows.Work), "the work item saw other pool memory");
    return Good & Check(IsSamePool(First, Rows.Thread), "the thread saw other pool memory");
}

/* Each DPC saw the same nonpaged memory, at DISPATCH_LEVEL, under its victim's own directory. */
static BOOLEAN CheckDpcs(const RECORDS *Spin)
{
    const DEMO_RECORD *First = FindRecord(Spin, DemoTimerDpc), *Record;
    BOOLEAN Good = TRUE;
    ULONG i;

    for (i = 0; i < Spin->Count; i++) {
        Record = &Spin->List[i];
        if (Record->Way == DemoTimerDpc)
            Good &= Record->Irql == DISPATCH_LEVEL && IsSamePool(First, Record);
    }
    Good = Check(Good, "a DPC was not at DISPATCH_LEVEL, or saw other pool memory");
    for (i = 0; i < FamilySize; i++) {
        Record = FindRecordOf(Spin, DemoTimerDpc, Family[i].ProcessId);
        Good &= Check(Record == NULL || Record->Cr3 == Rows.OfChild[i]->Cr3,
                      "a DPC had another CR3 than the process it interrupted");
    }
    return Good;
}

static BOOLEAN IsOneOfUs(ULONG ProcessId)
{
    ULONG i;

    for (i = 0; i < FamilySize; i++) {
        if (Family[i].ProcessId == ProcessId)
            return TRUE;
    }
    return FALSE;
}

static BOOLEAN CheckSystemContexts(void)
{
    return Check(Rows.Work->ProcessId == Rows.Thread->ProcessId &&
                     !IsOneOfUs(Rows.Work->ProcessId) && Rows.Work->Irql <= APC_LEVEL &&
                     Rows.Thread->Irql <= APC_LEVEL,
                 "work item and thread did not run in the System process, below DISPATCH_LEVEL");
}

/* ---- Processors --------------------------------------------------------------------------------
 */

/* How many there are, and what each has counted. */
static ULONG QueryProcessors(SYSTEM_UPPERHALF_PROCESSOR_INFORMATION *Counters)
{
    ULONG Length = 0;

    NtQuerySystemInformation(SystemUpperhalfProcessorInformation, Counters,
                             PROCESSORS_MOST * sizeof *Counters, &Length);
    return Length / sizeof *Counters;
}

/* How often the DPC came on a processor; *Last: the last time. */
static ULONG CountDpcsOn(const RECORDS *Records, ULONG Processor, const DEMO_RECORD **Last)
{
    ULONG Number = 0, i;

    *Last = NULL;
    for (i = 0; i < Records->Count; i++) {
        if (Records->List[i].Way == DemoTimerDpc && Records->List[i].Processor == Processor) {
            *Last = &Records->List[i];
            Number++;
        }
    }
    return Number;
}

BOOLEAN HaveAllProcessors(const RECORDS *Spin)
{
    SYSTEM_UPPERHALF_PROCESSOR_INFORMATION Counters[PROCESSORS_MOST];
    ULONG Processors = QueryProcessors(Counters), i;
    const DEMO_RECORD *Last;

    for (i = 0; i < Processors; i++) {
        if (CountDpcsOn(Spin, i, &Last) == 0)
            return FALSE;
    }
    return TRUE;
}

/* Each with its own counters; that they all see the same memory, CheckDpcs has checked. */
static void PrintProcessors(const RECORDS *Spin)
{
    SYSTEM_UPPERHALF_PROCESSOR_INFORMATION Counters[PROCESSORS_MOST];
    ULONG Processors = QueryProcessors(Counters), i;

    for (i = 0; i < Processors && Processors > 1; i++) {
        const DEMO_RECORD *Last;
        ULONG Dpcs = CountDpcsOn(Spin, i, &Last);
        printf("Processor %lu: %5lu switches, %5lu loads of CR3, %3lu DPCs, pool frame %05lx\n", i,
               Counters[i].ThreadSwitches,
               Counters[i].AddressSpaceSwitches + Counters[i].AttachSwitches, Dpcs, Last->Frame);
    }
}

/* ---- Printing ----------------------------------------------------------------------------------
 */

#define RULE "--------------------------------------+------------+---------------------------"

/* A row has 79 columns: a line of 80 would make the screen begin a new one by itself. */
static void PrintRow(const char *Way, const DEMO_RECORD *Record)
{
    printf("%-10s %3lu %-8s %08lx %4lu | ", Way, Record->ProcessId,
           IsOneOfUs(Record->ProcessId) ? "demo.exe" : "System", Record->Cr3, Record->Irql);
    if (Record->UserAddress)
        printf("%05lx %4lx", Record->UserFrame, Record->UserValue);
    else
        printf("    -    -");
    printf(" | %08lx %05lx %.11s\n", Record->Address, Record->Frame, Record->Text);
}

static void PrintTable(void)
{
    ULONG i;

    printf("how the    in whose context           | %08x   | the driver's pool memory\n",
           USER_ADDRESS);
    puts("code ran   pid program       CR3 IRQL | frame  val | address  frame text");
    puts(RULE);
    for (i = 0; i < FamilySize; i++)
        PrintRow("IOCTL", Rows.OfChild[i]);
    for (i = 0; i < DPC_ROWS && Rows.Dpc[i]; i++)
        PrintRow("timer DPC", Rows.Dpc[i]);
    PrintRow("work item", Rows.Work);
    PrintRow("own thread", Rows.Thread);
    puts(RULE);
}

static ULONG CountDpcs(const RECORDS *Records)
{
    ULONG Number = 0, i;

    for (i = 0; i < Records->Count; i++)
        Number += Records->List[i].Way == DemoTimerDpc;
    return Number;
}

static void PrintMeaning(const RECORDS *Spin, ULONG Interrupted)
{
    printf("The timer's DPC came %lu times while the children computed, in %lu of them.\n",
           CountDpcs(Spin), Interrupted);
    printf("%lu processes, %lu different frames behind %08x: the lower half is private.\n",
           FamilySize, FamilySize, USER_ADDRESS);
    printf("One frame behind pool address %08lx everywhere: the upper half is shared.\n",
           Rows.OfChild[0]->Address);
}

BOOLEAN Report(const CHILD *Children, ULONG Count, const RECORDS *Spin, const RECORDS *Touch)
{
    ULONG Interrupted;
    BOOLEAN Good;

    Family = Children;
    FamilySize = Count;
    Interrupted = FindRows(Spin, Touch);
    if (!CheckRowsAreThere(Interrupted))
        return FALSE;
    PrintTable();
    Good = CheckLowerHalf();
    Good &= CheckPagedPool();
    Good &= CheckDpcs(Spin);
    Good &= CheckSystemContexts();
    Good &= Check(HaveAllProcessors(Spin), "the DPC did not come on all processors");
    if (Good) {
        PrintProcessors(Spin);
        PrintMeaning(Spin, Interrupted);
    }
    return Good;
}
