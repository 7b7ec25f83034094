/*
 * Takes the kernel's command line apart (boot/options.h describes it). Pure: tested on the host.
 */
#include "boot/options.h"
#include "kernel/kd/kd.h"
#include "kernel/rtl/rtl.h"

/*
 * Copies the next word of *Line to Word, unquoted, and ends it with a zero.
 * Returns the bytes used in Word, or 0 when there are no more words or no more room.
 */
static ULONG BootpNextWord(PCSTR *Line, PCSTR End, PCHAR Word, ULONG Room)
{
    BOOLEAN Quoted = FALSE;
    ULONG Length = 0;
    PCSTR p = *Line;

    while (p < End && (*p == ' ' || *p == '\t'))
        p++;
    if (p == End || *p == 0)
        return 0;
    for (; p < End && *p && (Quoted || (*p != ' ' && *p != '\t')); p++) {
        if (*p == '"') {
            Quoted = !Quoted;
            continue;
        }
        if (*p == '\\' && p + 1 < End && p[1])
            p++;
        if (Length + 1 >= Room) {
            KdPrintLine("Boot: the command line is too long; the rest is ignored\n");
            return 0;
        }
        Word[Length++] = *p;
    }
    Word[Length] = 0;
    *Line = p;
    return Length + 1;
}

/* Reads a decimal or 0x-hexadecimal number; FALSE unless all of Text is one. */
static BOOLEAN BootpNumber(PCSTR Text, PULONG Value)
{
    ULONG Base = 10, Digit, Result = 0;

    if (Text[0] == '0' && (Text[1] | 0x20) == 'x') {
        Base = 16;
        Text += 2;
    }
    if (*Text == 0)
        return FALSE;
    for (; *Text; Text++) {
        CHAR c = *Text | 0x20;
        if (c >= '0' && c <= '9')
            Digit = c - '0';
        else
            Digit = c >= 'a' && c <= 'f' ? c - 'a' + 10u : Base;
        if (Digit >= Base || Result > (MAXULONG - Digit) / Base)
            return FALSE;
        Result = Result * Base + Digit;
    }
    *Value = Result;
    return TRUE;
}

/* If Word begins with Name, the text after it; else NULL. */
static PCSTR BootpValueOf(PCSTR Word, PCSTR Name)
{
    while (*Name) {
        if (*Word++ != *Name++)
            return NULL;
    }
    return Word;
}

static VOID BootpAddStart(PLOADER_BLOCK Block, PCSTR Name)
{
    if (Block->StartCount == LOADER_START_DRIVERS)
        KdPrintLine("Boot: more than %u drivers to start; %s is not\n", LOADER_START_DRIVERS, Name);
    else
        Block->Start[Block->StartCount++] = Name;
}

static BOOLEAN BootpApplyNumber(PLOADER_BLOCK Block, PCSTR Word)
{
    ULONG Value;
    PCSTR Text;

    if ((Text = BootpValueOf(Word, "maxmem=")) && BootpNumber(Text, &Value) && Value) {
        Block->MaximumMemory = Value < 4096 ? Value << 20 : 0;
        return TRUE;
    }
    if ((Text = BootpValueOf(Word, "numproc=")) && BootpNumber(Text, &Value) && Value) {
        Block->NumberOfProcessors = Value;
        return TRUE;
    }
    if ((Text = BootpValueOf(Word, "verifyfail=")) && BootpNumber(Text, &Value) && Value) {
        Block->VerifyFailEvery = Value;
        return TRUE;
    }
    if ((Text = BootpValueOf(Word, "debugexit=")) && BootpNumber(Text, &Value) && Value < 0x10000) {
        Block->DebugExitPort = Value;
        return TRUE;
    }
    return FALSE;
}

static VOID BootpApplyOption(PLOADER_BLOCK Block, PCSTR Word)
{
    PCSTR Text;

    if ((Text = BootpValueOf(Word, "init=")))
        Block->Init = Text;
    else if ((Text = BootpValueOf(Word, "start=")))
        BootpAddStart(Block, Text);
    else if ((Text = BootpValueOf(Word, "verify=")))
        Block->Verify = Text;
    else if (strcmp(Word, "verifyunder") == 0)
        Block->VerifyUnderruns = TRUE;
    else if (strcmp(Word, "noapic") == 0)
        Block->NoIoApic = TRUE;
    else if (!BootpApplyNumber(Block, Word))
        KdPrintLine("Boot: unknown kernel option '%s' is ignored\n", Word);
}

VOID BootParseOptions(PLOADER_BLOCK Block, PCSTR Line, ULONG Limit)
{
    PCSTR End = Line + Limit;
    ULONG Used = 0, Length;
    BOOLEAN First = TRUE;

    for (;;) {
        PCHAR Word = Block->Options + Used;
        Length = BootpNextWord(&Line, End, Word, sizeof Block->Options - Used);
        if (Length == 0)
            break;
        Used += Length;
        if (!First)
            BootpApplyOption(Block, Word);
        First = FALSE;
    }
}
