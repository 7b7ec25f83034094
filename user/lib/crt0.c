/*
 * Where a program begins: takes the command line apart and calls main.
 */
#include "program.h"

int main(int argc, char **argv);

#define MAXIMUM_ARGUMENTS  32
#define MAXIMUM_CHARACTERS 1024

/*
 * Copies the next argument of *From, up to End, to To and returns where it ends there; NULL: there
 * are no more. Blanks separate arguments; between quotation marks they do not.
 */
static char *NextArgument(const WCHAR **From, const WCHAR *End, char *To)
{
    BOOLEAN Quoted = FALSE;
    const WCHAR *p = *From;

    while (p < End && (*p == ' ' || *p == '\t'))
        p++;
    if (p == End)
        return NULL;
    for (; p < End && (Quoted || (*p != ' ' && *p != '\t')); p++) {
        if (*p == '"')
            Quoted = !Quoted;
        else
            *To++ = (char)*p;
    }
    *To++ = '\0';
    *From = p;
    return To;
}

/*
 * Splits a command line; too long a one is cut off. Each argument's zero takes the place of the
 * blank behind it, but for the last: hence the one character in reserve.
 */
static int SplitCommandLine(const UNICODE_STRING *Line, char *Text, char **Arguments)
{
    ULONG Length = min(Line->Length / sizeof(WCHAR), MAXIMUM_CHARACTERS - 1);
    const WCHAR *From = Line->Buffer;
    const WCHAR *End = From + Length;
    int Count = 0;

    while (Count < MAXIMUM_ARGUMENTS) {
        char *Next = NextArgument(&From, End, Text);
        if (Next == NULL)
            break;
        Arguments[Count++] = Text;
        Text = Next;
    }
    Arguments[Count] = NULL;
    return Count;
}

/* GCC's main begins with a call of this, for C++'s constructors. There are none. */
void __main(void);
void __main(void)
{
}

/* The entry point of every program, as Windows' native ones call it (linker: --entry). */
void NTAPI NtProcessStartup(PPEB Peb)
{
    static char Text[MAXIMUM_CHARACTERS];
    static char *Arguments[MAXIMUM_ARGUMENTS + 1];
    int Count = SplitCommandLine(&Peb->ProcessParameters->CommandLine, Text, Arguments);
    int Status = main(Count, Arguments);

    FlushConsole();
    RtlExitUserProcess(Status);
}
