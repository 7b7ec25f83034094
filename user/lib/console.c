/*
 * Text to and from the console. Two handles: requests on one of them come one after the other, and
 * printing is not to wait until somebody has typed a line.
 *
 * Line[] is the output's line so far; it is empty or does not end with a line end. It is not
 * guarded: one thread of the program prints at a time.
 */
#include "program.h"

#define LINE_SIZE 256 /* a longer line is written in pieces */
#define TEXT_SIZE 512 /* of one printf */

static char Line[LINE_SIZE];
static ULONG LineLength;
static HANDLE Output, Input;

static BOOLEAN OpenConsoleFor(ACCESS_MASK Access, HANDLE *Handle)
{
    UNICODE_STRING Name = CONSTANT_STRING(CONSOLE_NAME);
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return *Handle ||
           NT_SUCCESS(NtOpenFile(Handle, Access | SYNCHRONIZE, &Attributes, &Result,
                                 FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_NONALERT));
}

BOOLEAN OpenConsole(void)
{
    return OpenConsoleFor(GENERIC_WRITE, &Output);
}

void FlushConsole(void)
{
    IO_STATUS_BLOCK Result;

    if (LineLength && OpenConsole())
        NtWriteFile(Output, NULL, NULL, NULL, &Result, Line, LineLength, NULL, NULL);
    LineLength = 0;
}

static void PutCharacter(char Character)
{
    Line[LineLength++] = Character;
    if (Character == '\n' || LineLength == LINE_SIZE)
        FlushConsole();
}

static void PutText(const char *Text)
{
    while (*Text)
        PutCharacter(*Text++);
}

/* Text that does not fit is cut off. */
int printf(const char *Format, ...)
{
    char Text[TEXT_SIZE + 1];
    va_list Arguments;
    int Length;

    va_start(Arguments, Format);
    Length = _vsnprintf(Text, TEXT_SIZE, Format, Arguments);
    va_end(Arguments);
    Text[TEXT_SIZE] = '\0';
    PutText(Text);
    return Length;
}

int puts(const char *Text)
{
    PutText(Text);
    PutCharacter('\n');
    return 0;
}

BOOLEAN ReadConsoleLine(char *Text, ULONG Size)
{
    IO_STATUS_BLOCK Result;
    NTSTATUS Status;
    ULONG Length;

    FlushConsole();
    if (!OpenConsoleFor(GENERIC_READ, &Input))
        return FALSE;
    Status = NtReadFile(Input, NULL, NULL, NULL, &Result, Text, Size - 1, NULL, NULL);
    if (!NT_SUCCESS(Status))
        return FALSE;
    Length = Result.Information;
    while (Length && (Text[Length - 1] == '\n' || Text[Length - 1] == '\r'))
        Length--;
    Text[Length] = '\0';
    return TRUE;
}
