/*
 * Who called whom: walks the chain of frame pointers, and names addresses. Used by bug checks, so
 * nothing here may fault: each word is read only after its page has been found mapped.
 */
#include "kernel/kd/kd.h"
#include "boot/loader.h"
#include "kernel/ldr/ldr.h"
#include "kernel/rtl/rtl.h"
#include "mm/mm.h"

static BOOLEAN KdpIsReadableWord(ULONG_PTR Address)
{
    return Address >= MI_SYSTEM_BASE && (Address & 3) == 0 && MmIsAddressValid((PVOID)Address);
}

ULONG KdWalkStack(ULONG_PTR Ebp, ULONG Skip, PULONG_PTR Callers, ULONG Count)
{
    ULONG Found = 0;

    while (Found < Count && KdpIsReadableWord(Ebp) && KdpIsReadableWord(Ebp + 4)) {
        ULONG_PTR Next = ((PULONG_PTR)Ebp)[0], Caller = ((PULONG_PTR)Ebp)[1];
        if (Caller < MI_SYSTEM_BASE)
            break; /* user mode, or the end */
        if (Skip)
            Skip--;
        else
            Callers[Found++] = Caller;
        if (Next <= Ebp)
            break; /* a chain goes up, so it ends */
        Ebp = Next;
    }
    return Found;
}

/*
 * The caller's callers, the nearest first: where each goes on in kernel mode. Flags: 0; a walk of
 * the program's stack, 1, finds nothing. IRQL: any. (Declared, though not documented, by the WDK.)
 */
ULONG NTAPI RtlWalkFrameChain(PVOID *Callers, ULONG Count, ULONG Flags)
{
    if (Flags)
        return 0;
    return KdWalkStack((ULONG_PTR)__builtin_frame_address(0), 0, (PULONG_PTR)Callers, Count);
}

/*
 * The same, without the first FramesToSkip, and their sum as a hash, if that is wanted (WDK:
 * RtlCaptureStackBackTrace). IRQL: any.
 */
USHORT NTAPI RtlCaptureStackBackTrace(ULONG FramesToSkip, ULONG FramesToCapture, PVOID *BackTrace,
                                      PULONG BackTraceHash)
{
    ULONG Count = KdWalkStack((ULONG_PTR)__builtin_frame_address(0), FramesToSkip,
                              (PULONG_PTR)BackTrace, min(FramesToCapture, MAXUSHORT));
    ULONG Hash = 0, i;

    for (i = 0; i < Count; i++)
        Hash += (ULONG)(ULONG_PTR)BackTrace[i];
    if (BackTraceHash)
        *BackTraceHash = Hash;
    return (USHORT)Count;
}

/* Back: how far before the address the routine is looked for that it belongs to. */
static VOID KdpDescribe(ULONG_PTR Address, ULONG Back, PCHAR Buffer, ULONG Size)
{
    PLDR_MODULE Module = LdrFindModuleByAddress((PVOID)Address);
    PCSTR Symbol = NULL;
    ULONG Offset;

    if (Address > (ULONG_PTR)KernelTextStart && Address < (ULONG_PTR)KernelTextEnd)
        Symbol = KdLookupSymbol(Address - Back, &Offset);
    if (Symbol)
        _snprintf(Buffer, Size, "ntoskrnl.exe!%s+0x%lx", Symbol, Offset + Back);
    else if (Module)
        _snprintf(Buffer, Size, "%wZ+0x%lx", &Module->BaseDllName,
                  Address - (ULONG_PTR)Module->DllBase);
    else
        _snprintf(Buffer, Size, "0x%08lx", Address);
    Buffer[Size - 1] = 0;
}

VOID KdDescribeAddress(ULONG_PTR Address, PCHAR Buffer, ULONG Size)
{
    KdpDescribe(Address, 0, Buffer, Size);
}

/* A call that does not return may be a routine's last instruction: then the address behind it is
 * already another routine's. */
VOID KdDescribeCaller(ULONG_PTR ReturnAddress, PCHAR Buffer, ULONG Size)
{
    KdpDescribe(ReturnAddress, 1, Buffer, Size);
}
