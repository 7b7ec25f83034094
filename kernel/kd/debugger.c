/*
 * What drivers ask of the kernel's debugger. There is none: GDB watches the machine from outside
 * (docs/gdb.md), and nobody inside knows. So a breakpoint is an exception like any other.
 */
#include "kernel/kd/kd.h"

BOOLEAN KdDebuggerNotPresent = TRUE, KdDebuggerEnabled = FALSE;

/* IRQL: any, as for all of these. */
BOOLEAN NTAPI KdRefreshDebuggerNotPresent(VOID)
{
    return KdDebuggerNotPresent;
}

/* WDK: KdDisableDebugger. The machine was started without a debugger. */
NTSTATUS NTAPI KdDisableDebugger(VOID)
{
    return STATUS_DEBUGGER_INACTIVE;
}

NTSTATUS NTAPI KdEnableDebugger(VOID)
{
    return STATUS_DEBUGGER_INACTIVE;
}

NTSTATUS NTAPI KdChangeOption(KD_OPTION Option, ULONG InBufferBytes, PVOID InBuffer,
                              ULONG OutBufferBytes, PVOID OutBuffer, PULONG OutBufferNeeded)
{
    UNREFERENCED_PARAMETER(Option);
    UNREFERENCED_PARAMETER(InBufferBytes);
    UNREFERENCED_PARAMETER(InBuffer);
    UNREFERENCED_PARAMETER(OutBufferBytes);
    UNREFERENCED_PARAMETER(OutBuffer);
    UNREFERENCED_PARAMETER(OutBufferNeeded);
    return STATUS_DEBUGGER_INACTIVE;
}

/* Raises STATUS_BREAKPOINT. */
VOID NTAPI DbgBreakPoint(VOID)
{
    __asm__ volatile("int3");
}

/* The same; a debugger would find Status in EAX. */
VOID NTAPI DbgBreakPointWithStatus(ULONG Status)
{
    __asm__ volatile("int3" : : "a"(Status));
}

/* Nobody answers: 0 characters (WDK: DbgPrompt). The question is on the log. */
ULONG NTAPI DbgPrompt(PCCH Prompt, PCH Response, ULONG MaximumResponseLength)
{
    UNREFERENCED_PARAMETER(Response);
    UNREFERENCED_PARAMETER(MaximumResponseLength);
    KdPrintLine("%s\n", Prompt);
    return 0;
}
