/*
 * The small library that programs are linked with: text on the console, starting other programs,
 * waiting. ntdll.dll has the rest (user/include/nt.h).
 *
 * A program is `int main(int argc, char **argv)`; what it returns becomes its exit status.
 */
#ifndef USER_PROGRAM_H
#define USER_PROGRAM_H

#include "nt.h"

/*
 * Formatted text (the conversions are those of kernel/rtl/print.c) and a line of text. Output is
 * kept until a line is complete and then written at once, so that lines of several programs do not
 * mix; what is left is written when main returns. One thread of a program at a time.
 */
int printf(const char *Format, ...) __attribute__((format(ms_printf, 1, 2)));
int puts(const char *Line);
void FlushConsole(void);

/* Opens the console now rather than with the first line; FALSE: there is none. */
BOOLEAN OpenConsole(void);

/* A line from the console, without its end, cut off at Size - 1 characters; FALSE: none came. */
BOOLEAN ReadConsoleLine(char *Line, ULONG Size);

/* The number that Text begins with: decimal, or hexadecimal after 0x. No digits: 0. */
ULONG ParseNumber(const char *Text);

/*
 * Starts the program in the file Image: a name of the boot set (hello.exe) or a whole NT path. By
 * custom the command line begins with the program's name. *Process is the caller's to close.
 */
NTSTATUS StartProgram(const char *Image, const char *CommandLine, HANDLE *Process);

/* Starts a thread in this process; its handle is the caller's to close. NULL: it cannot be made. */
HANDLE StartThread(VOID(NTAPI *Routine)(PVOID), PVOID Argument);

/* Waits until the process has ended or Milliseconds have passed (STATUS_TIMEOUT). */
NTSTATUS WaitForProgram(HANDLE Process, ULONG Milliseconds);

/* What the process ended with; STATUS_PENDING while it runs. */
NTSTATUS ExitStatusOf(HANDLE Process);

/* All of it: starts the program, waits for its end, returns its exit status, or the error that kept
   it from being started. */
NTSTATUS RunProgram(const char *Image, const char *CommandLine);

void SleepMilliseconds(ULONG Milliseconds);

#endif
