/*
 * Shows that each thread has floating-point registers of its own: x87 and, if the processor has
 * them, SSE, data and control registers. A thread keeps them while others compute, whether it
 * yields, sleeps, is preempted or goes on on another processor; and a new thread begins with clean
 * ones, in which nothing is left of another's.
 *
 *      fpu.exe             all checks
 *      fpu.exe work N      what it starts itself: threads that compute; how many went wrong
 *      fpu.exe clean       what it starts itself: 0 if its first thread has begun with clean ones
 *      fpu.exe none        on a machine without floating point: uses it, and dies of that
 *
 * Where the registers are looked at, the compiler uses none of them: all that happens to them is
 * written here.
 */
#include "check.h"

#define PROCESSES  3
#define THREADS    4
#define ROUNDS     45
#define BIRTHS     20
#define SPIN_TICKS 2 /* of the clock: a thread's quantum */

/* x -> 3.9 x (1 - x), CHUNKS * CHUNK_STEPS times from 0.3: what IEEE 754 arithmetic makes of it. */
#define CHUNKS        200
#define CHUNK_STEPS   1000
#define DOUBLE_RESULT 0x3FE8CE3DC7485108ULL
#define FLOAT_RESULT  0x3F789726UL

#define CONTROL_INITIAL 0x27F
#define TAGS_INITIAL    0xFFFF
#define MXCSR_INITIAL   0x1F80

#define TICKS ((volatile ULONG *)USER_SHARED_DATA_ADDRESS)

static inline BOOLEAN HasSse(void)
{
    const volatile UCHAR *ProcessorFeatures = (UCHAR *)USER_SHARED_DATA_ADDRESS + 0x274;

    return ProcessorFeatures[PF_XMMI_INSTRUCTIONS_AVAILABLE] != 0;
}

#include "../registers.h"

/* What FNSAVE writes (Intel SDM vol. 1, 8.1.10). */
typedef struct _X87_IMAGE {
    ULONG Control, Status, Tags, Instruction, Opcode, Operand, OperandSegment;
    UCHAR Data[80];
} X87_IMAGE;

static volatile LONG Wrong; /* rounds in which a thread's registers were not what they should be */
static volatile LONG Unclean;

#pragma GCC push_options
#pragma GCC target("general-regs-only")

/* The registers keep Values while the thread does something else; FALSE: they did not. */
static BOOLEAN Keeps(ULONG Seed, void (*Meanwhile)(void))
{
    REGISTERS Values;

    MakeValues(&Values, Seed);
    LoadRegisters(&Values);
    Meanwhile();
    return RegistersAre(&Values);
}

static void YieldOnce(void)
{
    NtYieldExecution();
}

static void SleepOnce(void)
{
    SleepMilliseconds(1);
}

static void SpinOnce(void)
{
    ULONG Start = *TICKS;

    while (*TICKS - Start <= SPIN_TICKS)
        ;
}

static void StepX87(void)
{
    static const double Factor = 3.9;

    __asm__ volatile("movl %1, %%ecx\n"
                     "1:\tfld1\n\tfsub %%st(1), %%st\n\tfmulp %%st, %%st(1)\n\tfmull %0\n\t"
                     "loop 1b"
                     :
                     : "m"(Factor), "i"(CHUNK_STEPS)
                     : "ecx");
}

static void StepSse(void)
{
    __asm__ volatile("movl %0, %%ecx\n"
                     "1:\tmovaps %%xmm1, %%xmm3\n\tsubss %%xmm0, %%xmm3\n\t"
                     "mulss %%xmm3, %%xmm0\n\tmulss %%xmm2, %%xmm0\n\tloop 1b"
                     :
                     : "i"(CHUNK_STEPS)
                     : "ecx");
}

/* A computation whose result is known, with its value in a register all the time. */
static BOOLEAN ComputesRight(void)
{
    static const double Start = 0.3;
    static const float SseStart = 0.3F, SseOne = 1.0F, SseFactor = 3.9F;
    USHORT Control = CONTROL_INITIAL;
    ULONG MxCsr = MXCSR_INITIAL, SseResult = FLOAT_RESULT, i;
    ULONGLONG Result = 0;

    __asm__ volatile("fninit\n\tfldcw %0\n\tfldl %1" : : "m"(Control), "m"(Start));
    if (HasSse())
        __asm__ volatile("ldmxcsr %0\n\tmovss %1, %%xmm0\n\tmovss %2, %%xmm1\n\tmovss %3, %%xmm2"
                         :
                         : "m"(MxCsr), "m"(SseStart), "m"(SseOne), "m"(SseFactor));
    for (i = 0; i < CHUNKS; i++) {
        StepX87();
        if (HasSse())
            StepSse();
        NtYieldExecution();
    }
    __asm__ volatile("fstpl %0" : "=m"(Result));
    if (HasSse())
        __asm__ volatile("movss %%xmm0, %0" : "=m"(SseResult));
    return Result == DOUBLE_RESULT && SseResult == FLOAT_RESULT;
}

static BOOLEAN IsZero(const UCHAR *Bytes, ULONG Count)
{
    while (Count > 0 && Bytes[Count - 1] == 0)
        Count--;
    return Count == 0;
}

/*
 * Are the calling thread's registers those that a thread begins with? Empty x87 registers are
 * looked at, too: by MMX instructions, for instance, they could be read.
 */
static BOOLEAN AreClean(void)
{
    REGISTERS Sse = {.MxCsr = MXCSR_INITIAL};
    X87_IMAGE Image;

    StoreSse(&Sse);
    __asm__ volatile("fnsave %0" : "=m"(Image));
    return (USHORT)Image.Control == CONTROL_INITIAL && (USHORT)Image.Status == 0 &&
           (USHORT)Image.Tags == TAGS_INITIAL && Image.Instruction == 0 && Image.Operand == 0 &&
           IsZero(Image.Data, sizeof Image.Data) && Sse.MxCsr == MXCSR_INITIAL &&
           IsZero(Sse.Xmm, sizeof Sse.Xmm);
}

static VOID NTAPI NoteWhetherClean(PVOID Argument)
{
    *(PBOOLEAN)Argument = AreClean();
}

static volatile BOOLEAN BornClean;

static void BearThread(void)
{
    BOOLEAN Clean = FALSE;
    HANDLE Thread = StartThread(NoteWhetherClean, &Clean);

    NtWaitForSingleObject(Thread, FALSE, NULL);
    NtClose(Thread);
    BornClean = Clean;
}

static void BearProcess(void)
{
    BornClean = RunProgram("fpu.exe", "fpu.exe clean") == STATUS_SUCCESS;
}

#pragma GCC pop_options

static VOID NTAPI Work(PVOID Argument)
{
    static void (*const Ways[])(void) = {YieldOnce, SleepOnce, SpinOnce};
    ULONG Seed = (ULONG)(ULONG_PTR)Argument, i;

    if (!AreClean())
        InterlockedIncrement(&Unclean);
    for (i = 0; i < ROUNDS; i++) {
        if (!Keeps(Seed * ROUNDS + i, Ways[i % ARRAYSIZE(Ways)]))
            InterlockedIncrement(&Wrong);
    }
    if (!ComputesRight())
        InterlockedIncrement(&Wrong);
}

/* Threads that use floating point, all at the same time; returns when they have ended. */
static void WorkInThreads(ULONG Process)
{
    HANDLE Threads[THREADS];
    ULONG i;

    for (i = 0; i < THREADS; i++)
        Threads[i] = StartThread(Work, (PVOID)(ULONG_PTR)(Process * THREADS + i));
    for (i = 0; i < THREADS; i++) {
        NtWaitForSingleObject(Threads[i], FALSE, NULL);
        NtClose(Threads[i]);
    }
}

static void CheckAllAtOnce(void)
{
    HANDLE Children[PROCESSES] = {NULL};
    char Line[40];
    ULONG i, Right = 0;

    for (i = 1; i < PROCESSES; i++) {
        _snprintf(Line, sizeof Line, "fpu.exe work %lu", i);
        StartProgram("fpu.exe", Line, &Children[i]);
    }
    WorkInThreads(0);
    for (i = 1; i < PROCESSES; i++) {
        WaitForProgram(Children[i], INFINITE);
        Right += ExitStatusOf(Children[i]) == 0;
        NtClose(Children[i]);
    }
    Check(Wrong == 0, "%d threads keep their registers, and compute right (wrong: %ld)", THREADS,
          Wrong);
    Check(Unclean == 0, "each has begun with clean registers");
    Check(Right == PROCESSES - 1, "so it is in %d more processes at the same time", PROCESSES - 1);
}

/* The registers are full of something when another thread begins, and are kept while it runs. */
static void CheckBirths(void (*Bear)(void), const char *What)
{
    ULONG i, Clean = 0, Kept = 0;

    for (i = 0; i < BIRTHS; i++) {
        Kept += Keeps(1000000 + i, Bear);
        Clean += BornClean;
    }
    Check(Clean == BIRTHS, "%lu of %d %s begin with clean registers", Clean, BIRTHS, What);
    Check(Kept == BIRTHS, "and leave their creator's alone");
}

int main(int argc, char **argv)
{
    BOOLEAN Clean;

    if (argc > 1 && strcmp(argv[1], "none") == 0)
        __asm__ volatile("fld1");
    Clean = AreClean();
    if (argc > 1 && strcmp(argv[1], "clean") == 0)
        return !Clean;
    if (argc > 2 && strcmp(argv[1], "work") == 0) {
        WorkInThreads(ParseNumber(argv[2]));
        return Wrong || Unclean || !Clean;
    }
    printf("fpu.exe: %s SSE\n", HasSse() ? "with" : "without");
    Check(Clean, "the first thread begins with clean registers");
    CheckBirths(BearThread, "threads");
    CheckBirths(BearProcess, "processes");
    CheckAllAtOnce();
    return CheckSummary("fpu");
}
