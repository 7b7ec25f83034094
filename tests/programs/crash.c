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
