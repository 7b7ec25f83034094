/*
 * The first program to try: prints its arguments, and returns the number that the first one is.
 *
 *      hello.exe [STATUS [TEXT ...]]
 */
#include "program.h"

int main(int argc, char **argv)
{
    int i;

    printf("Hello from process %lu:", (ULONG)(ULONG_PTR)NtCurrentTeb()->ClientId.UniqueProcess);
    for (i = 0; i < argc; i++)
        printf(" [%s]", argv[i]);
    printf("\n");
    return argc > 1 ? (int)ParseNumber(argv[1]) : 0;
}
