/*
 * The checked build's watch on kernel stacks (stackcheck.h). The guard page below a stack finds one
 * that is too deep once it has happened; this finds one that has come close.
 */
#include "kernel/ke/stackcheck.h"
#include "kernel/kd/kd.h"
#include "kernel/ke/ke.h"
#include "kernel/ps/ps.h"

#if DBG

#define STACK_PATTERN 0xFEEDBEEF
#define FIRST_RECORD  (KERNEL_STACK_BYTES / 2) /* less is not worth a line */
#define LEAST_LEFT    (KERNEL_STACK_BYTES / 8)

static volatile LONG KiMostStackUsed = FIRST_RECORD;

VOID KiFillStack(PKTHREAD Thread)
{
    PULONG Word;

    for (Word = Thread->StackLimit; Word < (PULONG)Thread->StackBase; Word++)
        *Word = STACK_PATTERN;
}

static ULONG KiUnusedStack(PKTHREAD Thread)
{
    PULONG Word = Thread->StackLimit;

    while (Word < (PULONG)Thread->StackBase && *Word == STACK_PATTERN)
        Word++;
    return (ULONG)Word - (ULONG)Thread->StackLimit;
}

VOID KiReportStackUse(PKTHREAD Thread)
{
    ULONG Left = KiUnusedStack(Thread), Used = KERNEL_STACK_BYTES - Left;
    PETHREAD Executive = (PETHREAD)Thread;

    if (Left < LEAST_LEFT)
        KdPrintLine("*** Kernel stack: thread %lu of %s has left %lu of %u bytes\n",
                    (ULONG)(ULONG_PTR)Executive->Cid.UniqueThread,
                    Executive->ThreadsProcess->ImageFileName, Left, KERNEL_STACK_BYTES);
    else if (Used > (ULONG)KiMostStackUsed)
        KdPrintLine("Kernel stack: thread %lu of %s has used %lu of %u bytes, the most so far\n",
                    (ULONG)(ULONG_PTR)Executive->Cid.UniqueThread,
                    Executive->ThreadsProcess->ImageFileName, Used, KERNEL_STACK_BYTES);
    if (Used > (ULONG)KiMostStackUsed)
        KiMostStackUsed = (LONG)Used;
}

static BOOLEAN KiIsInStack(PKTHREAD Thread, ULONG_PTR Esp)
{
    return Esp >= (ULONG_PTR)Thread->StackLimit && Esp < (ULONG_PTR)Thread->InitialStack;
}

VOID KiCheckStackPointers(PKTHREAD Old, PKTHREAD New)
{
    ULONG_PTR Esp = (ULONG_PTR)__builtin_frame_address(0);

    if (!KiIsInStack(Old, Esp))
        KeBugCheckEx(PANIC_STACK_SWITCH, (ULONG_PTR)Old->TrapFrame, Esp, (ULONG_PTR)Old, 0);
    if (!KiIsInStack(New, (ULONG_PTR)New->KernelStack))
        KeBugCheckEx(PANIC_STACK_SWITCH, (ULONG_PTR)New->TrapFrame, (ULONG_PTR)New->KernelStack,
                     (ULONG_PTR)New, 0);
}

#endif
