/*
 * Dies in the way that it is told to, and shows that the kernel ends just this process with the
 * status that Windows documents for the exception. exceptions.exe and upperhalf.exe start it.
 *
 *      crash.exe KIND [ADDRESS]
 *
 * It prints nothing, and returns 0 if it survives, 1 if it does not know the kind.
 */
#include "program.h"

#define KERNEL_ADDRESS 0x80100000 /* the kernel's image begins here */

static ULONG Address; /* what the kernel-xxx kinds touch */

/* A page of its own with that protection. */
static volatile UCHAR *NewPage(ULONG Protect)
{
    PVOID Base = NULL;
    SIZE_T Size = PAGE_SIZE;

    NtAllocateVirtualMemory(NtCurrentProcess(), &Base, 0, &Size, MEM_RESERVE | MEM_COMMIT, Protect);
    return Base;
}

static void ReadUnmapped(void)
{
    PVOID Base = (PVOID)NewPage(PAGE_READWRITE);
    PVOID Freed = Base;
    SIZE_T Size = 0;

    NtFreeVirtualMemory(NtCurrentProcess(), &Base, &Size, MEM_RELEASE);
    (void)*(volatile UCHAR *)Freed;
}

static void WriteReadOnly(void)
{
    *NewPage(PAGE_READONLY) = 1;
}

static void TouchGuardPage(void)
{
    (void)*NewPage(PAGE_READWRITE | PAGE_GUARD);
}

static void TouchNoAccess(void)
{
    (void)*NewPage(PAGE_NOACCESS);
}

static void ReadNull(void)
{
    ULONG Nothing = 0;

    __asm__ volatile("movl (%0), %%eax" : : "r"(Nothing) : "eax");
}

static void ReadAddress(void)
{
    __asm__ volatile("movl (%0), %%eax" : : "r"(Address) : "eax");
}

static void WriteAddress(void)
{
    __asm__ volatile("movl $0, (%0)" : : "r"(Address) : "memory");
}

static void JumpToAddress(void)
{
    __asm__ volatile("call *%0" : : "r"(Address) : "eax", "ecx", "edx", "memory");
}

static void UndefinedInstruction(void)
{
    __asm__ volatile("ud2");
}

static void DivideByZero(void)
{
    __asm__ volatile("xorl %%ecx, %%ecx\n\tdivl %%ecx" : : : "eax", "ecx", "edx");
}

static void PrivilegedInstruction(void)
{
    __asm__ volatile("cli");
}

static void PrefixedPrivilegedInstruction(void)
{
    __asm__ volatile(".byte 0x2E, 0x66, 0xFA"); /* cli after two prefixes */
}

/* An instruction of 16 bytes: there is none (Intel SDM vol. 2, 2.3.11). */
static void TooLongInstruction(void)
{
    __asm__ volatile(".fill 15, 1, 0x66\n\tcli");
}

static void ReadPort(void)
{
    __asm__ volatile("inb $0x60, %%al" : : : "eax");
}

static void Breakpoint(void)
{
    __asm__ volatile("int3");
}

static void Overflow(void)
{
    __asm__ volatile("movb $127, %%al\n\taddb $1, %%al\n\tinto" : : : "eax");
}

static void OutOfBounds(void)
{
    static const LONG Bounds[2] = {1, 2};

    __asm__ volatile("boundl %0, %1" : : "r"(3), "m"(Bounds));
}

static void Assertion(void)
{
    __asm__ volatile("int $0x2C");
}

/* A selector beyond the end of the GDT. */
static void BadSegment(void)
{
    __asm__ volatile("movl $0xFFF8, %%eax\n\tmovw %%ax, %%gs" : : : "eax");
}

static void UnusedInterrupt(void)
{
    __asm__ volatile("int $0x80");
}

/* The trap flag: the processor stops after the next instruction (Intel SDM vol. 1, 3.4.3.3). */
static void SingleStep(void)
{
    __asm__ volatile("pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\tnop" : : : "memory", "cc");
}

/* The result is used after the call, so the compiler cannot make a loop of it. */
static ULONG Recurse(ULONG Depth)
{
    volatile ULONG Room[64];

    Room[0] = Depth;
    return Depth == MAXDWORD ? 0 : Recurse(Depth + 1) + Room[0];
}

static void OverflowStack(void)
{
    Recurse(0);
}

static const double Zero = 0, Large = 1e308, Small = 1e-308;
static double Result;

/* Unmasks one exception of the x87, computes, and waits for what comes of it. */
#define X87_WAY(Name, Mask, Code, ...)                                                             \
    static void Name(void)                                                                         \
    {                                                                                              \
        static const USHORT Control = 0x27F & ~(Mask);                                             \
        __asm__ volatile("fninit\n\tfldcw %0\n\t" Code "\n\tfwait" : : "m"(Control), __VA_ARGS__); \
    }

X87_WAY(X87Invalid, 0x01, "fldz\n\tfdivl %1", "m"(Zero))
X87_WAY(X87DivideByZero, 0x04, "fld1\n\tfdivl %1", "m"(Zero))
X87_WAY(X87Overflow, 0x08, "fldl %1\n\tfmull %1\n\tfstpl %2", "m"(Large), "m"(Result))
X87_WAY(X87Underflow, 0x10, "fldl %1\n\tfmull %1\n\tfstpl %2", "m"(Small), "m"(Result))
X87_WAY(X87Inexact, 0x20, "fld1\n\tfdivl %1", "m"(Large))

/* The same with a status that is loaded, for what QEMU does not find: it has been found already. */
static void WaitWithStatus(ULONG Control, ULONG Status)
{
    ULONG Environment[7] = {Control, Status, 0xFFFF};

    __asm__ volatile("fldenv %0\n\tfwait" : : "m"(Environment));
}

static void X87Stack(void)
{
    WaitWithStatus(0x27E, 0xC1); /* invalid, of the stack, not masked */
}

static void X87Denormal(void)
{
    WaitWithStatus(0x27D, 0x82);
}

/*
 * Divides by zero with that exception not masked. QEMU notes it in MXCSR and goes on: there this is
 * an undefined instruction (test_fpu.py makes it what it should be).
 */
static void SseDivideByZero(void)
{
    static const ULONG Control = 0x1F80 & ~0x200;
    static const float One = 1;

    __asm__ volatile("ldmxcsr %0\n\tmovss %1, %%xmm0\n\txorps %%xmm1, %%xmm1\n\t"
                     "divss %%xmm1, %%xmm0\n\tud2"
                     :
                     : "m"(Control), "m"(One));
}

/* On a processor without SSE, or a kernel that does not save its registers, there is no such. */
static void SseInstruction(void)
{
    __asm__ volatile("xorps %xmm0, %xmm0");
}

static const struct {
    const char *Kind;
    void (*Die)(void);
} Ways[] = {
    {"av-read", ReadUnmapped},
    {"av-write", WriteReadOnly},
    {"kernel-read", ReadAddress},
    {"kernel-write", WriteAddress},
    {"kernel-jump", JumpToAddress},
    {"null", ReadNull},
    {"ud", UndefinedInstruction},
    {"div", DivideByZero},
    {"priv", PrivilegedInstruction},
    {"priv-prefix", PrefixedPrivilegedInstruction},
    {"long", TooLongInstruction},
    {"in", ReadPort},
    {"int3", Breakpoint},
    {"into", Overflow},
    {"bound", OutOfBounds},
    {"assertion", Assertion},
    {"gp", BadSegment},
    {"stack", OverflowStack},
    {"guard", TouchGuardPage},
    {"noaccess", TouchNoAccess},
    {"step", SingleStep},
    {"int-80", UnusedInterrupt},
    {"x87-invalid", X87Invalid},
    {"x87-stack", X87Stack},
    {"x87-denormal", X87Denormal},
    {"x87-zero", X87DivideByZero},
    {"x87-overflow", X87Overflow},
    {"x87-underflow", X87Underflow},
    {"x87-inexact", X87Inexact},
    {"sse-zero", SseDivideByZero},
    {"sse", SseInstruction},
};

int main(int argc, char **argv)
{
    ULONG i;

    Address = argc > 2 ? ParseNumber(argv[2]) : KERNEL_ADDRESS;
    for (i = 0; argc > 1 && i < ARRAYSIZE(Ways); i++) {
        if (strcmp(argv[1], Ways[i].Kind) == 0) {
            Ways[i].Die();
            return 0;
        }
    }
    return 1;
}
