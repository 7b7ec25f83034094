/*
 * echo.exe: reads two lines from the console and says what it read: typing, line editing, and a
 * packet that is pended until the interrupt brings its data.
 */
#include "program.h"

/* A program that waits for a line can be ended all the same. */
static BOOLEAN ReaderCanBeEnded(void)
{
    HANDLE Reader;
    NTSTATUS Status = StartProgram("echo.exe", "echo.exe read", &Reader);

    if (!NT_SUCCESS(Status))
        return FALSE;
    SleepMilliseconds(50);
    NtTerminateProcess(Reader, 42);
    Status = WaitForProgram(Reader, 2000);
    return Status == STATUS_SUCCESS && ExitStatusOf(Reader) == 42;
}

int main(int argc, char **argv)
{
    char Line[80];
    int i;

    if (argc > 1 && strcmp(argv[1], "read") == 0)
        return ReadConsoleLine(Line, sizeof Line);
    if (argc > 1 && strcmp(argv[1], "end") == 0) {
        printf(ReaderCanBeEnded() ? "the reader was ended\n" : "the reader goes on\n");
        return 0;
    }

    printf("type two lines\n");
    for (i = 0; i < 2; i++) {
        if (!ReadConsoleLine(Line, sizeof Line))
            return 1;
        printf("read: %s\n", Line);
    }
    return 0;
}
