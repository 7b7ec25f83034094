/*
 * What drivers ask of a user buffer before they use it by its address: METHOD_NEITHER. It says
 * little about a moment later, for other threads of the process may free or protect the memory at
 * any time: the use itself must be in the same __try.
 */
#include "kernel/ex/capture.h"
#include "kernel/ke/ke.h"

/* Raises what is wrong with the range. No bytes: nothing is, wherever they are. */
static VOID ExpCheckUserRange(ULONG_PTR Va, SIZE_T Bytes, ULONG Alignment)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    if (Va & (Alignment - 1))
        ExRaiseDatatypeMisalignment();
    if (Bytes > MI_USER_PROBE_ADDRESS || Va > MI_USER_PROBE_ADDRESS - Bytes)
        ExRaiseAccessViolation();
}

/*
 * Raises STATUS_ACCESS_VIOLATION if the buffer is not in the user half, and
 * STATUS_DATATYPE_MISALIGNMENT if it does not begin at a multiple of Alignment, a power of two. It
 * does not touch it (WDK: ProbeForRead). IRQL <= APC_LEVEL.
 */
VOID NTAPI ProbeForRead(CONST VOID *Address, SIZE_T Length, ULONG Alignment)
{
    if (Length)
        ExpCheckUserRange((ULONG_PTR)Address, Length, Alignment);
}

/*
 * As ProbeForRead; and each page is written with what it holds, so one that is not there or not
 * writable raises its own exception (WDK: ProbeForWrite). In one step: a thread of the same
 * process may be writing it on another processor. IRQL <= APC_LEVEL.
 */
VOID NTAPI ProbeForWrite(PVOID Address, SIZE_T Length, ULONG Alignment)
{
    ULONG_PTR Va = (ULONG_PTR)Address, Last = Va + Length - 1;

    if (Length == 0)
        return;
    ExpCheckUserRange(Va, Length, Alignment);
    for (; Va <= Last; Va = (Va | (PAGE_SIZE - 1)) + 1)
        __asm__ volatile("lock orb $0, %0" : "+m"(*(volatile UCHAR *)Va) : : "cc");
}
