/*
 * The log. Lines of text go to COM1 and to the screen; DbgPrint and its kin end here.
 *
 * What a caller prints in one call comes out in one piece: the log's lock is held meanwhile, with
 * interrupts disabled, so it may be called at any IRQL and from any interrupt. It is the
 * innermost lock of all. It uses neither the KPCR nor a thread, so it works from the first line
 * of C on, and in a bug check, when it is no longer taken.
 */
#include "kernel/kd/filter.h"
#include "kernel/kd/kd.h"
#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define LINE_BYTES 512 /* the WDK's own limit for one DbgPrint */

static volatile LONG KdpLock;
static BOOLEAN KdpCrashing;

VOID KdEnterCrash(VOID)
{
    KdpCrashing = TRUE;
}

VOID KdPutString(const CHAR *Text, ULONG Length)
{
    BOOLEAN Enable = KiSaveInterrupts();
    ULONG i;

    while (!KdpCrashing && InterlockedExchange(&KdpLock, 1) != 0)
        YieldProcessor();
    for (i = 0; i < Length; i++) {
        if (Text[i] == '\n')
            HalpSerialWrite('\r');
        HalpSerialWrite(Text[i]);
        HalpScreenWrite(Text[i]);
    }
    InterlockedExchange(&KdpLock, 0);
    KiRestoreInterrupts(Enable);
}

/* Formats and prints; what does not fit is cut, but the line is ended. */
static VOID KdpPrint(PCSTR Prefix, ULONG ComponentId, ULONG Level, PCSTR Format, va_list Arguments)
{
    CHAR Line[LINE_BYTES];
    int Start = _snprintf(Line, sizeof Line, "%s", Prefix);
    int Length = _vsnprintf(Line + Start, sizeof Line - Start, Format, Arguments);

    if (Length < 0) {
        Length = sizeof Line - Start;
        Line[sizeof Line - 1] = '\n';
    }
    KdPutString(Line, Start + Length);
    if (!KdpCrashing)
        KdpTellCallbacks(Line, Start + Length, ComponentId, Level);
}

VOID KdPrintLine(PCSTR Format, ...)
{
    va_list Arguments;

    va_start(Arguments, Format);
    KdpPrint("", DPFLTR_SYSTEM_ID, DPFLTR_ERROR_LEVEL, Format, Arguments);
    va_end(Arguments);
}

/* Prints on the log. IRQL: <= DIRQL; Unicode formats only at PASSIVE_LEVEL (WDK: DbgPrint). */
ULONG __cdecl DbgPrint(PCSTR Format, ...)
{
    va_list Arguments;

    va_start(Arguments, Format);
    KdpPrint("", DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL, Format, Arguments);
    va_end(Arguments);
    return STATUS_SUCCESS;
}

/* Nobody can interrupt the kernel by Ctrl-C, so it is DbgPrint (WDK: DbgPrintReturnControlC). */
ULONG __cdecl DbgPrintReturnControlC(PCCH Format, ...)
{
    va_list Arguments;

    va_start(Arguments, Format);
    KdpPrint("", DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL, Format, Arguments);
    va_end(Arguments);
    return FALSE;
}

/* As DbgPrint, if the component's mask lets Level through (filter.c). */
ULONG __cdecl DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
    va_list Arguments;

    if (!KdpIsShown(ComponentId, Level))
        return STATUS_SUCCESS;
    va_start(Arguments, Format);
    KdpPrint("", ComponentId, Level, Format, Arguments);
    va_end(Arguments);
    return STATUS_SUCCESS;
}

ULONG NTAPI vDbgPrintExWithPrefix(PCCH Prefix, ULONG ComponentId, ULONG Level, PCCH Format,
                                  va_list Arguments)
{
    if (KdpIsShown(ComponentId, Level))
        KdpPrint(Prefix, ComponentId, Level, Format, Arguments);
    return STATUS_SUCCESS;
}

/* A failed assertion of the kernel's or a driver's: said on the log, then int 2Ch stops. */
VOID NTAPI RtlAssert(PVOID VoidFailedAssertion, PVOID VoidFileName, ULONG LineNumber,
                     PSTR MutableMessage)
{
    KdPrintLine("*** Assertion failed: %s%s\n***   Source file: %s, line %lu\n",
                MutableMessage ? MutableMessage : "", (PCSTR)VoidFailedAssertion,
                (PCSTR)VoidFileName, LineNumber);
    __asm__ volatile("int $0x2C");
}
