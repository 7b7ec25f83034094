/*
 * User APCs and alerts, as programs see them.
 *
 *      apc.exe                 all checks; with apctest.sys loaded, also those of attached threads
 *      apc.exe badstack        what it starts itself: an APC comes to a thread without a stack
 */
#include "check.h"
#include "service.h"

#define MOST_CALLS 16

static volatile ULONG Calls;
static ULONG_PTR Order[MOST_CALLS];
static PVOID volatile Caller; /* the TEB of the thread that ran the last APC */

static void Forget(void)
{
    Calls = 0;
    Caller = NULL;
}

static VOID NTAPI Note(PVOID Argument1, PVOID Argument2, PVOID Argument3)
{
    Caller = NtCurrentTeb();
    if (Argument2 == (PVOID)2 && Argument3 == (PVOID)3 && Calls < MOST_CALLS)
        Order[Calls++] = (ULONG_PTR)Argument1;
}

static NTSTATUS Queue(HANDLE Thread, ULONG Number)
{
    return NtQueueApcThread(Thread, Note, (PVOID)Number, (PVOID)2, (PVOID)3);
}

static NTSTATUS Pause(BOOLEAN Alertable, LONG Milliseconds)
{
    LARGE_INTEGER Time = {.QuadPart = -10000LL * Milliseconds};

    return NtDelayExecution(Alertable, &Time);
}

/* ---- To the thread itself ----------------------------------------------------------------------
 */

static void TestSelf(void)
{
    Forget();
    Queue(NtCurrentThread(), 1);
    Queue(NtCurrentThread(), 2);
    Queue(NtCurrentThread(), 3);
    Check(Calls == 0, "queued APCs do not run by themselves");
    CheckStatus(Pause(FALSE, 1), STATUS_SUCCESS, "a delay that is not alertable");
    Check(Calls == 0, "nor in a wait that is not alertable");
    CheckStatus(Pause(TRUE, 60000), STATUS_USER_APC, "an alertable delay, ended by an APC");
    Check(Calls == 3 && Order[0] == 1 && Order[1] == 2 && Order[2] == 3,
          "which runs all of them, as they came, with their arguments");
    Check(Caller == NtCurrentTeb(), "in their thread");
    CheckStatus(Pause(TRUE, 1), STATUS_SUCCESS, "an alertable delay without APCs");
    Queue(NtCurrentThread(), 4);
    CheckStatus(Pause(TRUE, 0), STATUS_USER_APC, "an alertable delay of no time");
    Queue(NtCurrentThread(), 5);
    CheckStatus(NtTestAlert(), STATUS_SUCCESS, "NtTestAlert");
    Check(Calls == 5 && Order[4] == 5, "delivers them as well");
}

static VOID NTAPI QueueAnother(PVOID Argument1, PVOID Argument2, PVOID Argument3)
{
    UNREFERENCED_PARAMETER(Argument2);
    UNREFERENCED_PARAMETER(Argument3);
    Queue(NtCurrentThread(), (ULONG)(ULONG_PTR)Argument1);
}

static void TestChain(void)
{
    Forget();
    NtQueueApcThread(NtCurrentThread(), QueueAnother, (PVOID)7, NULL, NULL);
    Pause(TRUE, 60000);
    Check(Calls == 1 && Order[0] == 7, "an APC that an APC has queued runs, too");
}

/* int 2Eh for NtTestAlert with all registers known; those that have changed, as a mask. */
static ULONG ChangedRegisters(ULONG Service)
{
    ULONG Changed;

    __asm__ volatile("pushl %%ebp\n\t"
                     "movl $0x11111111, %%ebx\n\t"
                     "movl $0x22222222, %%ecx\n\t"
                     "movl $0x33333333, %%edx\n\t"
                     "movl $0x44444444, %%esi\n\t"
                     "movl $0x55555555, %%edi\n\t"
                     "movl $0x66666666, %%ebp\n\t"
                     "int $0x2E\n\t"
                     "cmpl $0x66666666, %%ebp\n\t"
                     "popl %%ebp\n\t"
                     "setne %%al\n\t"
                     "movzbl %%al, %%eax\n\t"
                     "xorl $0x11111111, %%ebx\n\t"
                     "orl %%ebx, %%eax\n\t"
                     "xorl $0x22222222, %%ecx\n\t"
                     "orl %%ecx, %%eax\n\t"
                     "xorl $0x33333333, %%edx\n\t"
                     "orl %%edx, %%eax\n\t"
                     "xorl $0x44444444, %%esi\n\t"
                     "orl %%esi, %%eax\n\t"
                     "xorl $0x55555555, %%edi\n\t"
                     "orl %%edi, %%eax\n\t"
                     : "=a"(Changed)
                     : "0"(Service)
                     : "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
    return Changed;
}

static void TestRegisters(void)
{
    Forget();
    Queue(NtCurrentThread(), 1);
    Check(ChangedRegisters(ServiceTestAlert) == 0 && Calls == 1,
          "an APC leaves all registers as they were");
}

/* ---- To another thread -------------------------------------------------------------------------
 */

typedef struct _SLEEPER {
    HANDLE Thread, Event;
    BOOLEAN Alertable;
    volatile NTSTATUS Status;
    PVOID volatile Teb;
} SLEEPER;

static VOID NTAPI SleepRoutine(PVOID Context)
{
    SLEEPER *Sleeper = Context;

    Sleeper->Teb = NtCurrentTeb();
    Sleeper->Status = NtWaitForSingleObject(Sleeper->Event, Sleeper->Alertable, NULL);
}

static void StartSleeper(SLEEPER *Sleeper, BOOLEAN Alertable)
{
    *Sleeper = (SLEEPER){.Alertable = Alertable, .Status = STATUS_PENDING};
    NtCreateEvent(&Sleeper->Event, EVENT_ALL_ACCESS, NULL, SynchronizationEvent, FALSE);
    Sleeper->Thread = StartThread(SleepRoutine, Sleeper);
    while (Sleeper->Teb == NULL)
        NtYieldExecution();
}

/* It waits, or is going to: what has been queued meets it in its wait. */
static NTSTATUS EndSleeper(SLEEPER *Sleeper)
{
    NtWaitForSingleObject(Sleeper->Thread, FALSE, NULL);
    NtClose(Sleeper->Thread);
    NtClose(Sleeper->Event);
    return Sleeper->Status;
}

static void TestOther(void)
{
    SLEEPER Sleeper;

    Forget();
    StartSleeper(&Sleeper, TRUE);
    CheckStatus(Queue(Sleeper.Thread, 1), STATUS_SUCCESS, "an APC for another thread");
    CheckStatus(EndSleeper(&Sleeper), STATUS_USER_APC, "ends its alertable wait");
    Check(Calls == 1 && Caller == Sleeper.Teb, "and has run there");
    StartSleeper(&Sleeper, FALSE);
    Queue(Sleeper.Thread, 2);
    NtAlertThread(Sleeper.Thread);
    SleepMilliseconds(20);
    Check(Sleeper.Status == STATUS_PENDING, "a wait that is not alertable goes on");
    NtSetEvent(Sleeper.Event, NULL);
    CheckStatus(EndSleeper(&Sleeper), STATUS_SUCCESS, "until what it waits for comes");
    Check(Calls == 1, "and the APC is not run at all");
    StartSleeper(&Sleeper, TRUE);
    NtAlertThread(Sleeper.Thread);
    CheckStatus(EndSleeper(&Sleeper), STATUS_ALERTED, "an alert ends an alertable wait");
}

static VOID NTAPI RunNothing(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
}

static void TestErrors(void)
{
    HANDLE Thread = StartThread(RunNothing, NULL);

    NtWaitForSingleObject(Thread, FALSE, NULL);
    CheckStatus(Queue(Thread, 1), STATUS_UNSUCCESSFUL, "an APC for a thread that has ended");
    NtClose(Thread);
    CheckStatus(Queue(Thread, 1), STATUS_INVALID_HANDLE, "a closed handle");
    CheckStatus(NtAlertThread(Thread), STATUS_INVALID_HANDLE, "a closed handle, for an alert");
    CheckStatus(NtQueueApcThread(NtCurrentThread(), NULL, NULL, NULL, NULL),
                STATUS_INVALID_PARAMETER, "no routine");
    NtAlertThread(NtCurrentThread());
    CheckStatus(NtTestAlert(), STATUS_ALERTED, "an alert can be tested");
    CheckStatus(NtTestAlert(), STATUS_SUCCESS, "once");
}

/* ---- NtContinue --------------------------------------------------------------------------------
 */

/* Goes on at the label with a CONTEXT that asks for all that user mode must not have. */
static ULONG FlagsAfterContinue(ULONG Wanted, USHORT Selectors)
{
    CONTEXT Context = {.ContextFlags = CONTEXT_FULL};
    ULONG Flags;

    Context.EFlags = Wanted;
    Context.SegCs = Context.SegDs = Context.SegEs = Context.SegSs = Selectors;
    Context.SegFs = Context.SegGs = Selectors;
    __asm__ volatile("movl %%ebp, %c[Ebp](%[Context])\n\t"
                     "movl %%esp, %c[Esp](%[Context])\n\t"
                     "movl $1f, %c[Eip](%[Context])\n\t"
                     "pushl $0\n\t"
                     "pushl %[Context]\n\t"
                     "call _NtContinue@8\n"
                     "1:\tpushfl\n\t"
                     "popl %[Flags]"
                     : [Flags] "=a"(Flags)
                     : [Context] "d"(&Context), [Ebp] "i"(offsetof(CONTEXT, Ebp)),
                       [Esp] "i"(offsetof(CONTEXT, Esp)), [Eip] "i"(offsetof(CONTEXT, Eip))
                     : "ebx", "ecx", "esi", "edi", "memory", "cc");
    return Flags;
}

#define FLAG_CARRY     0x00000001
#define FLAG_INTERRUPT 0x00000200
#define FLAGS_REFUSED  0x001B7000 /* IOPL, NT, VM, VIF, VIP */

static void TestContinue(void)
{
    CONTEXT Context = {0};
    ULONG Flags = FlagsAfterContinue(0xFFFFFFFF & ~0x100, 0xFFFF);

    Check((Flags & FLAGS_REFUSED) == 0 && (Flags & FLAG_INTERRUPT) && (Flags & FLAG_CARRY),
          "NtContinue takes only those flags that are the program's");
    Flags = FlagsAfterContinue(0, 8);
    Check((Flags & FLAG_INTERRUPT) && !(Flags & FLAG_CARRY), "nor does it disable interrupts");
    CheckStatus(NtContinue(&Context, FALSE), STATUS_INVALID_PARAMETER, "a CONTEXT of nothing");
    CheckStatus(NtContinue((PCONTEXT)8, FALSE), STATUS_ACCESS_VIOLATION, "a CONTEXT nowhere");
    CheckStatus(NtContinue((PCONTEXT)0x80000000, FALSE), STATUS_ACCESS_VIOLATION,
                "a CONTEXT in the kernel's half");
}

static int RunWithBadStack(void)
{
    ULONG Service = ServiceTestAlert;

    Queue(NtCurrentThread(), 1);
    __asm__ volatile("movl $0x10, %%esp\n\t"
                     "int $0x2E"
                     : "+a"(Service)
                     :
                     : "memory", "cc");
    return 0;
}

static void TestBadStack(void)
{
    CheckStatus(RunProgram("apc.exe", "apc.exe badstack"), STATUS_ACCESS_VIOLATION,
                "an APC for a thread without a stack ends the process");
}

/* ---- The end of threads ------------------------------------------------------------------------
 */

static volatile LONG Computing;

static VOID NTAPI Compute(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    for (;;)
        Computing++;
}

static void TestEnd(void)
{
    SLEEPER Sleeper;
    USAGE Before;
    ULONG i, j;

    QuerySteadyUsage(&Before);
    for (i = 0; i < 20; i++) {
        HANDLE Busy = StartThread(Compute, NULL);
        StartSleeper(&Sleeper, FALSE);
        for (j = 0; j < 50; j++) {
            Queue(Busy, j);
            Queue(Sleeper.Thread, j);
        }
        NtTerminateThread(Busy, 1);
        NtTerminateThread(Sleeper.Thread, 1);
        NtWaitForSingleObject(Busy, FALSE, NULL);
        NtClose(Busy);
        EndSleeper(&Sleeper);
    }
    CheckUsage(&Before, "threads that were ended with APCs in their queues");
}

/* ---- The driver's part -------------------------------------------------------------------------
 */

#define CHECKS 0 /* control codes */
#define VISIT  4
#define VISITS 30

static NTSTATUS AskDriver(ULONG Code)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name = CONSTANT_STRING(L"\\Device\\apctest");
    IO_STATUS_BLOCK Result;
    HANDLE Device;
    NTSTATUS Status;

    InitializeObjectAttributes(&Attributes, &Name, 0, NULL, NULL);
    Status = NtOpenFile(&Device, FILE_GENERIC_READ, &Attributes, &Result, 0, 0);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = NtDeviceIoControlFile(Device, NULL, NULL, NULL, &Result, Code, NULL, 0, NULL, 0);
    NtClose(Device);
    return Status;
}

static void TestAttached(void)
{
    NTSTATUS Status = AskDriver(CHECKS);

    if (Status == STATUS_OBJECT_NAME_NOT_FOUND)
        puts("apctest.sys is not there: nothing is attached");
    else
        CheckStatus(Status, STATUS_SUCCESS, "APCs of a thread in another address space");
}

/* Programs that end while a driver's thread is in their address space and uses their handles. */
static void TestVisits(void)
{
    USAGE Before;
    ULONG i, Good = 0;

    if (AskDriver(CHECKS) == STATUS_OBJECT_NAME_NOT_FOUND)
        return;
    RunProgram("apc.exe", "apc.exe visited");
    QuerySteadyUsage(&Before);
    for (i = 0; i < VISITS; i++)
        Good += RunProgram("apc.exe", "apc.exe visited") == STATUS_SUCCESS;
    Check(Good == VISITS, "programs end with somebody else in their address space");
    CheckUsage(&Before, "such programs");
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "badstack"))
        return RunWithBadStack();
    if (argc > 1 && !strcmp(argv[1], "visited"))
        return AskDriver(VISIT);
    TestSelf();
    TestChain();
    TestRegisters();
    TestOther();
    TestErrors();
    TestContinue();
    TestBadStack();
    TestEnd();
    TestAttached();
    TestVisits();
    return CheckSummary("apc");
}
