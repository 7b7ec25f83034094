/*
 * Shows that no sequence of service calls, however senseless, crashes the kernel or leaves anything
 * behind.
 *
 *      fuzz.exe [SEED [COUNT]]           COUNT calls in all
 *      fuzz.exe child SEED COUNT         what it starts itself
 *
 * The calls are made in child processes, for they may well free, protect or overwrite what their
 * own process needs, or wait for ever. A child that dies is followed by one with the next seed; one
 * that takes too long is ended. The same seed and count give the same children.
 *
 * A child's call has arguments that make sense each in its place, or all but one, or whatever comes
 * by. It does not end itself, loads no driver that exists and has no console.
 */
#include "check.h"
#include "mm/layout.h"
#include "service.h"

#define DEFAULT_SEED     1
#define DEFAULT_COUNT    100000
#define CALLS_PER_CHILD  1000
#define WARM_UP_CHILDREN 10
#define WATCHDOG         10000 /* milliseconds for one child */
#define FAILURES_ALLOWED 50    /* children that could not be started */
#define MAXIMUM_RESERVE  0x200000
#define REMEMBERED       8 /* bases, and processes and threads, of a child's own */
#define SCRATCH_BYTES    0x1000
#define CHILD_DONE       0x4F4B
#define SERVICE_KEY      L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\no"

/*
 * What each service's arguments are, a letter for each.
 *
 *      handles   P process   E event   F file   h any   H one that a service may end
 *      pointers  b base   n new base   B size   R size whose zero means all   w result
 *                o object attributes   s counted string   d one to be printed   i result block
 *                O offset   t time that is not far   r process parameters   l attribute list
 *                a any   c code to run
 *
 * The rest are numbers, see Numbers.
 */
#define SERVICE(Name, Count) [Service##Name] = {#Name, Count, NULL},
static struct {
    const char *Name;
    ULONG Count;
    const char *Kinds;
} Services[ServiceCount] = {
#include "kernel/services.def"
};
#undef SERVICE

static const struct {
    ULONG Number;
    const char *Kinds;
} Kinds[] = {
    {ServiceAlertThread, "h"},
    {ServiceAllocateLocallyUniqueId, "w"},
    {ServiceAllocateVirtualMemory, "Pn0Bmg"},
    {ServiceCancelIoFile, "Fi"},
    {ServiceCancelTimer, "hw"},
    {ServiceClearEvent, "E"},
    {ServiceClose, "H"},
    {ServiceContinue, "0v"}, /* from a CONTEXT that is one, the child would not come back */
    {ServiceCreateDirectoryObject, "wko"},
    {ServiceCreateEvent, "wkovv"},
    {ServiceCreateFile, "wkoi00vvu00"},
    {ServiceCreateKey, "wko0svw"},
    {ServiceCreateMutant, "wkov"},
    {ServiceCreateSection, "wkoBgSF"},
    {ServiceCreateSemaphore, "wkovv"},
    {ServiceCreateSymbolicLinkObject, "wkos"},
    {ServiceCreateThreadEx, "wk0Pcx00zz0"},
    {ServiceCreateTimer, "wkov"},
    {ServiceCreateUserProcess, "wwkk0000r0l"},
    {ServiceDelayExecution, "vt"},
    {ServiceDeleteKey, "h"},
    {ServiceDeleteValueKey, "hs"},
    {ServiceDeviceIoControlFile, "FE0xixazwz"},
    {ServiceDisplayString, "d"},
    {ServiceDuplicateObject, "PHPwkvv"},
    {ServiceEnumerateKey, "hvvwzw"},
    {ServiceEnumerateValueKey, "hvvwzw"},
    {ServiceFlushBuffersFile, "Fi"},
    {ServiceFlushInstructionCache, "Paz"},
    {ServiceFlushKey, "h"},
    {ServiceFreeVirtualMemory, "PbRf"},
    {ServiceFsControlFile, "FE0xixazwz"},
    {ServiceLoadDriver, "s"},
    {ServiceMakePermanentObject, "h"},
    {ServiceMakeTemporaryObject, "h"},
    {ServiceMapViewOfSection, "hPn00ORv0g"},
    {ServiceOpenDirectoryObject, "wko"},
    {ServiceOpenEvent, "wko"},
    {ServiceOpenFile, "wkoivu"},
    {ServiceOpenKey, "wko"},
    {ServiceOpenKeyEx, "wkov"},
    {ServiceNotifyChangeKey, "hE0xivv00p"}, /* not waiting */
    {ServiceOpenMutant, "wko"},
    {ServiceOpenProcess, "wkow"},
    {ServiceOpenSection, "wko"},
    {ServiceOpenSemaphore, "wko"},
    {ServiceOpenSymbolicLinkObject, "wko"},
    {ServiceOpenThread, "wkow"},
    {ServiceOpenTimer, "wko"},
    {ServiceProtectVirtualMemory, "PbBgw"},
    {ServicePulseEvent, "Ew"},
    {ServiceQueryDefaultLocale, "vw"},
    {ServiceQueryDirectoryObject, "hwzvvww"},
    {ServiceQueryEvent, "E0wzw"},
    {ServiceQueryInformationFile, "Fiwzv"},
    {ServiceQueryInformationProcess, "P0wpw"},
    {ServiceQueryInformationThread, "hvwpw"},
    {ServiceQueryKey, "hvwzw"},
    {ServiceQueryMutant, "h0wzw"},
    {ServiceQueryObject, "hqwyw"},
    {ServiceQueryPerformanceCounter, "ww"},
    {ServiceQuerySection, "hvwyw"},
    {ServiceQuerySecurityObject, "hvwzw"},
    {ServiceQuerySemaphore, "h0wzw"},
    {ServiceQuerySymbolicLinkObject, "hww"},
    {ServiceQuerySystemInformation, "qwyw"},
    {ServiceQuerySystemTime, "w"},
    {ServiceQueryTimer, "h0wzw"},
    {ServiceQueryValueKey, "hsvwzw"},
    {ServiceQueryVirtualMemory, "Pa0wew"},
    {ServiceQueryVolumeInformationFile, "Fiwzv"},
    {ServiceQueueApcThread, "hcxxx"},
    {ServiceRaiseException, "x0v"}, /* with a CONTEXT that is one, it would be the end of it */
    {ServiceReadFile, "FE0xiwzO0"},
    {ServiceReleaseMutant, "hw"},
    {ServiceReleaseSemaphore, "hvw"},
    {ServiceRenameKey, "hs"},
    {ServiceResetEvent, "Ew"},
    {ServiceSetDefaultLocale, "vx"},
    {ServiceSetEvent, "Ew"},
    {ServiceSetInformationFile, "Fiazv"},
    {ServiceSetInformationObject, "Hqay"},
    {ServiceSetInformationThread, "hvap"},
    {ServiceSetTimer, "htcx0vw"},
    {ServiceSetSecurityObject, "hva"},
    {ServiceSetTimerEx, "hvay"},
    {ServiceSetValueKey, "hs0xaz"},
    {ServiceSetVolumeInformationFile, "Fiazv"},
    {ServiceSignalAndWaitForSingleObject, "hhvt"},
    {ServiceTerminateProcess, "Hx"},
    {ServiceTerminateThread, "Hx"},
    {ServiceTestAlert, ""},
    {ServiceUnloadDriver, "s"},
    {ServiceUnmapViewOfSection, "Pa"},
    {ServiceWaitForMultipleObjects, "vavvt"},
    {ServiceWaitForSingleObject, "hvt"},
    {ServiceWriteFile, "FE0xiazO0"},
    {ServiceYieldExecution, ""},
};

/* The numbers that make sense as an argument of a kind. */
#define VALUES(...) {__VA_ARGS__}, sizeof((ULONG[]){__VA_ARGS__}) / sizeof(ULONG)
static const struct {
    CHAR Kind;
    ULONG Values[10];
    ULONG Count;
} Numbers[] = {
    {'0', VALUES(0)},
    {'m', VALUES(MEM_RESERVE | MEM_COMMIT, MEM_RESERVE, MEM_COMMIT, MEM_RESERVE | MEM_TOP_DOWN)},
    {'f', VALUES(MEM_RELEASE, MEM_RELEASE, MEM_DECOMMIT)},
    {'g', VALUES(PAGE_READWRITE, PAGE_READONLY, PAGE_NOACCESS, PAGE_EXECUTE_READ,
                 PAGE_READWRITE | PAGE_GUARD, PAGE_READWRITE | PAGE_NOCACHE)},
    {'k', VALUES(GENERIC_READ | SYNCHRONIZE, GENERIC_READ | SYNCHRONIZE, MAXIMUM_ALLOWED,
                 EVENT_ALL_ACCESS, GENERIC_ALL, 0)},
    {'v', VALUES(0, 1)},
    {'S', VALUES(SEC_COMMIT, SEC_RESERVE, SEC_IMAGE, 0)},
    {'u', VALUES(FILE_SYNCHRONOUS_IO_NONALERT, 0, FILE_DIRECTORY_FILE)},
    {'q', VALUES(0, 2, 11, 22, 0x1000, 5)},
    {'y', VALUES(SCRATCH_BYTES, SCRATCH_BYTES, 312, 84, 44, 4, 0)},
    {'p', VALUES(sizeof(PROCESS_BASIC_INFORMATION))},
    {'e', VALUES(sizeof(MEMORY_BASIC_INFORMATION))},
    {'z', VALUES(0, 1, 4, 64, 0xFFF, 0x1000, 0x1001, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)},
};

/* What pointers point to; made anew before each call, for calls overwrite it. */
static struct {
    UNICODE_STRING Names[4];
    UNICODE_STRING OddNames[3];
    UNICODE_STRING Line;
    OBJECT_ATTRIBUTES Attributes[6];
    LARGE_INTEGER Now, Soon;
    PVOID Base, NewBase;
    SIZE_T Size, NoSize;
    IO_STATUS_BLOCK Result;
    RTL_USER_PROCESS_PARAMETERS Parameters;
    PS_ATTRIBUTE_LIST List;
    CLIENT_ID ClientId;
} Data;

static UCHAR Scratch[SCRATCH_BYTES];
static ULONG Seed;
static HANDLE File, Event;
static PUCHAR ReadOnlyPage, EdgePage;
static PVOID Bases[REMEMBERED];
static HANDLE Others[REMEMBERED];

static ULONG Random(ULONG Limit)
{
    return RtlRandomEx(&Seed) % Limit;
}

static ULONG RandomBits(void)
{
    return RtlRandomEx(&Seed) << 16 ^ RtlRandomEx(&Seed);
}

static ULONG Pick(const ULONG *Values, ULONG Count)
{
    return Values[Random(Count)];
}
#define PICK(Values)     Pick(Values, ARRAYSIZE(Values))
#define PICK_FROM(Array) (Array)[Random(ARRAYSIZE(Array))]
#define AT(Object)       ((ULONG)(ULONG_PTR)(Object))

static void MakeNames(void)
{
    static const PCWSTR Names[] = {L"\\SystemRoot\\crash.exe", L"\\BaseNamedObjects\\fuzz", L"\\",
                                   SERVICE_KEY};
    ULONG i;

    for (i = 0; i < ARRAYSIZE(Names); i++)
        RtlInitUnicodeString(&Data.Names[i], Names[i]);
    RtlInitUnicodeString(&Data.Line, L"a line that a child has put on the log\n");
    Data.OddNames[0] = (UNICODE_STRING){3, 4, Data.Names[0].Buffer};
    Data.OddNames[1] = (UNICODE_STRING){0xFFFE, 0xFFFE, Data.Names[0].Buffer};
    Data.OddNames[2] = (UNICODE_STRING){8, 8, (PWSTR)MI_SYSTEM_BASE};
    for (i = 0; i < ARRAYSIZE(Data.Attributes); i++) {
        UNICODE_STRING *Name = i < 4 ? &Data.Names[i] : &Data.OddNames[i - 3];
        InitializeObjectAttributes(&Data.Attributes[i], Name, OBJ_CASE_INSENSITIVE | OBJ_OPENIF,
                                   NULL, NULL);
    }
}

static void MakeData(void)
{
    memset(&Data, 0, sizeof Data);
    MakeNames();
    Data.Soon.QuadPart = -10;
    Data.Base = Random(8) ? PICK_FROM(Bases) : (PVOID)(ULONG_PTR)(RandomBits() & 0x7FFF0000);
    Data.Size = Random(2) ? PAGE_SIZE * (1 + Random(4)) : Random(MAXIMUM_RESERVE);
    Data.Parameters.MaximumLength = Data.Parameters.Length = sizeof Data.Parameters;
    Data.Parameters.Flags = RTL_USER_PROC_PARAMS_NORMALIZED;
    Data.Parameters.ImagePathName = Data.Parameters.CommandLine = Data.Names[0];
    Data.List.TotalLength = PS_ATTRIBUTE_LIST_SIZE(2);
    Data.List.Attributes[0] = (PS_ATTRIBUTE){
        PS_ATTRIBUTE_IMAGE_NAME, Data.Names[0].Length, {.ValuePtr = Data.Names[0].Buffer}, NULL};
    Data.List.Attributes[1] = (PS_ATTRIBUTE){
        PS_ATTRIBUTE_CLIENT_ID, sizeof Data.ClientId, {.ValuePtr = &Data.ClientId}, NULL};
}

/* A handle out of those that the child has by now, or has not yet. */
static ULONG DrawHandle(void)
{
    const ULONG Values[] = {0, AT(File),   AT(Event),  0xFFFFFFFF,           0xFFFFFFFE,
                            1, 0x80000004, 0x7FFFFFFC, AT(PICK_FROM(Others))};

    return Random(3) ? PICK(Values) : 4 * Random(64);
}

/* Neither the child itself, nor (as 0) all of its other threads, nor what it works with. */
static ULONG DrawMortalHandle(void)
{
    ULONG Other = AT(PICK_FROM(Others));

    return Other && Random(2) ? Other : AT(Event) + 4 + 4 * Random(64);
}

static ULONG DrawPointer(void)
{
    const ULONG Values[] = {
        0,
        1,
        AT(Scratch),
        AT(Scratch) + Random(SCRATCH_BYTES),
        AT(&Data) + Random(sizeof Data),
        AT(ReadOnlyPage),
        AT(EdgePage) + PAGE_SIZE - 1 - Random(16),
        AT(EdgePage) + PAGE_SIZE,
        USER_SHARED_DATA_ADDRESS + Random(PAGE_SIZE),
        MI_HIGHEST_USER_ADDRESS,
        MI_USER_PROBE_ADDRESS,
        MI_SYSTEM_BASE - Random(8),
        MI_SYSTEM_BASE,
        MI_WINDOW_BASE + Random(0x400000),
        MI_PAGED_POOL_START,
        MI_SYSTEM_PTE_START,
        MI_NONPAGED_POOL_START,
        MI_PCR_ADDRESS,
        0xFFFFFFFF - Random(16),
    };

    return PICK(Values);
}

static ULONG DrawNumber(CHAR Kind)
{
    ULONG i;

    for (i = 0; i < ARRAYSIZE(Numbers); i++) {
        if (Numbers[i].Kind == Kind)
            return Pick(Numbers[i].Values, Numbers[i].Count);
    }
    return RandomBits();
}

/* Only what ends soon: pointers that no call can have made point to a late time. */
static ULONG DrawTime(void)
{
    const ULONG Values[] = {AT(&Data.Now), AT(&Data.Soon), AT(&Data.Soon), 1, MI_SYSTEM_BASE};

    return PICK(Values);
}

/* A thread that is there for a while. */
static VOID NTAPI WaitAWhile(PVOID Argument)
{
    UNREFERENCED_PARAMETER(Argument);
    SleepMilliseconds(1);
}

static ULONG DrawPointerOfKind(CHAR Kind)
{
    switch (Kind) {
    case 'b':
        return AT(&Data.Base);
    case 'B':
        return AT(&Data.Size);
    case 'c':
        return Random(2) ? AT(RtlExitUserThread) : AT(WaitAWhile);
    case 'd':
        return Random(2) ? AT(&Data.Line) : AT(&PICK_FROM(Data.OddNames));
    case 'i':
        return AT(&Data.Result);
    case 'l':
        return AT(&Data.List);
    case 'o':
        return AT(&Data.Attributes[Random(3) ? Random(2) : Random(ARRAYSIZE(Data.Attributes))]);
    case 'n':
        return Random(3) ? AT(&Data.NewBase) : AT(&Data.Base);
    case 'O':
        return Random(2) ? 0 : AT(&Data.Now);
    case 'R':
        return Random(3) ? AT(&Data.NoSize) : AT(&Data.Size);
    case 'r':
        return AT(&Data.Parameters);
    case 's':
        return Random(4) ? AT(&PICK_FROM(Data.Names)) : AT(&PICK_FROM(Data.OddNames));
    default: /* w */
        return AT(Scratch) + 4 * Random(4);
    }
}

/* A value that makes sense as an argument of that kind. */
static ULONG DrawSensible(CHAR Kind)
{
    switch (Kind) {
    case 'a':
        return Random(2) ? AT(Scratch) : DrawPointer();
    case 'E':
        return Random(2) ? AT(Event) : 0;
    case 'F':
        return AT(File);
    case 'h':
        return DrawHandle();
    case 'H':
        return DrawMortalHandle();
    case 'P':
        return Random(4) ? AT(NtCurrentProcess()) : AT(PICK_FROM(Others));
    case 't':
        return DrawTime();
    default:
        return strchr("bBcdilnOoRrsw", Kind) ? DrawPointerOfKind(Kind) : DrawNumber(Kind);
    }
}

static ULONG DrawSenseless(CHAR Kind)
{
    static const CHAR All[] = "0abBdEFghilmoPqrswxxz";

    if (Kind == 'H' || Kind == 't')
        return DrawSensible(Kind);
    return Random(2) ? DrawPointer() : DrawSensible(All[Random(sizeof All - 1)]);
}

static void DrawArguments(const char *Kind, ULONG *Arguments, ULONG Count)
{
    ULONG Sense = Random(4), i;
    ULONG Odd = Random(MAXIMUM_ARGUMENTS); /* the one that makes no sense, if there are so many */

    for (i = 0; i < Count; i++) {
        BOOLEAN Senseless = Sense == 0 ? Random(3) == 0 : Sense == 1 && i == Odd % Count;
        Arguments[i] = Senseless ? DrawSenseless(Kind[i]) : DrawSensible(Kind[i]);
    }
}

/* Keeps what a service has given, for others to work on. */
static void Remember(ULONG Number, const ULONG *Arguments)
{
    if (Number == ServiceAllocateVirtualMemory)
        PICK_FROM(Bases) = Data.NewBase ? Data.NewBase : Data.Base;
    if ((Number == ServiceCreateUserProcess || Number == ServiceCreateThreadEx) &&
        Arguments[0] - AT(Scratch) < SCRATCH_BYTES)
        PICK_FROM(Others) = *(HANDLE *)(ULONG_PTR)Arguments[0];
}

static void CallOnce(void)
{
    ULONG Arguments[MAXIMUM_ARGUMENTS] = {0};
    ULONG Number = Random(ServiceCount);

    MakeData();
    if (Services[Number].Count)
        DrawArguments(Services[Number].Kinds, Arguments, Services[Number].Count);
    if (NT_SUCCESS(CallService(Number, Arguments)))
        Remember(Number, Arguments);
}

static PUCHAR Allocate(SIZE_T Size, ULONG Type, ULONG Protect)
{
    PVOID Base = NULL;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, Type, Protect);
    return Base;
}

static void OpenObjects(void)
{
    SIZE_T Size = PAGE_SIZE;
    IO_STATUS_BLOCK Result;

    MakeData();
    NtOpenFile(&File, GENERIC_READ | SYNCHRONIZE, &Data.Attributes[0], &Result, FILE_SHARE_READ,
               FILE_SYNCHRONOUS_IO_NONALERT);
    NtCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    ReadOnlyPage = Allocate(PAGE_SIZE, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY);
    EdgePage = Allocate(2 * PAGE_SIZE, MEM_RESERVE, PAGE_READWRITE);
    NtAllocateVirtualMemory(NtCurrentProcess(), (PVOID *)&EdgePage, 0, &Size, MEM_COMMIT,
                            PAGE_READWRITE);
}

/* Fills in the kinds; FALSE if they do not agree with services.def. */
static BOOLEAN DescribeServices(void)
{
    ULONG i;

    for (i = 0; i < ARRAYSIZE(Kinds); i++)
        Services[Kinds[i].Number].Kinds = Kinds[i].Kinds;
    for (i = 0; i < ServiceCount; i++) {
        if (!Services[i].Kinds || strlen(Services[i].Kinds) != Services[i].Count)
            return Check(FALSE, "the arguments of %s are described", Services[i].Name);
    }
    return TRUE;
}

static int RunChild(ULONG Count)
{
    OpenObjects();
    while (Count-- > 0)
        CallOnce();
    return CHILD_DONE;
}

/*
 * The parent.
 */
static ULONG Finished, Died, Late, NotStarted;

static ULONG SystemCalls(void)
{
    SYSTEM_UPPERHALF_INFORMATION Counters;

    QueryCounters(&Counters);
    return Counters.SystemCalls;
}

/* Waits for a child, ends it if need be, and counts how it ended. */
static void FollowChild(HANDLE Child)
{
    if (WaitForProgram(Child, WATCHDOG) == STATUS_TIMEOUT) {
        NtTerminateProcess(Child, STATUS_TIMEOUT);
        WaitForProgram(Child, INFINITE);
        Late++;
    } else if (ExitStatusOf(Child) == CHILD_DONE) {
        Finished++;
    } else {
        Died++;
    }
    NtClose(Child);
}

/* Runs one child; how many calls it made, as far as the kernel's counter tells. */
static ULONG StartChild(ULONG ChildSeed, ULONG Count)
{
    ULONG Before = SystemCalls();
    char CommandLine[60];
    HANDLE Child;

    _snprintf(CommandLine, sizeof CommandLine, "fuzz.exe child %lu %lu", ChildSeed, Count);
    if (!NT_SUCCESS(StartProgram("fuzz.exe", CommandLine, &Child))) {
        NotStarted++;
        SleepMilliseconds(100);
        return 0;
    }
    FollowChild(Child);
    return min(SystemCalls() - Before, Count);
}

static ULONG RunChildren(ULONG *NextSeed, ULONG Count)
{
    ULONG Done = 0;

    while (Done < Count && NotStarted < FAILURES_ALLOWED)
        Done += StartChild((*NextSeed)++, min(Count - Done, CALLS_PER_CHILD));
    return Done;
}

/* What children may have made of the one key whose name they know. */
static void DeleteKey(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(SERVICE_KEY);
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Key;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    if (NT_SUCCESS(NtOpenKey(&Key, DELETE, &Attributes))) {
        NtDeleteKey(Key);
        NtClose(Key);
    }
}

static int RunParent(ULONG FirstSeed, ULONG Count)
{
    ULONG NextSeed = FirstSeed, Done;
    USAGE Before;

    printf("fuzz: seed %lu, %lu calls\n", FirstSeed, Count);
    RunChildren(&NextSeed, WARM_UP_CHILDREN * CALLS_PER_CHILD);
    DeleteKey();
    QuerySteadyUsage(&Before);
    Done = RunChildren(&NextSeed, Count);
    printf(
        "\nfuzz: seeds %lu to %lu; children: %lu finished, %lu died, %lu ended, %lu not started\n",
        FirstSeed, NextSeed - 1, Finished, Died, Late, NotStarted);
    Check(Done >= Count, "%lu calls made", Done);
    Check(Finished > 0, "%lu children made all their calls", Finished);
    DeleteKey();
    CheckUsage(&Before, "all calls");
    return CheckSummary("fuzz");
}

int main(int argc, char **argv)
{
    if (!DescribeServices())
        return CheckSummary("fuzz");
    if (argc > 3 && strcmp(argv[1], "child") == 0) {
        Seed = ParseNumber(argv[2]);
        return RunChild(ParseNumber(argv[3]));
    }
    return RunParent(argc > 1 ? ParseNumber(argv[1]) : DEFAULT_SEED,
                     argc > 2 ? ParseNumber(argv[2]) : DEFAULT_COUNT);
}
