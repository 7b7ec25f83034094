/*
 * echo.exe: reads two lines from the console and says what it read: typing, line editing, and a
 * packet that is pended until the interrupt brings its data.
 */
#include "program.h"

int main(void)
{
    char Line[80];
    int i;

    printf("type two lines\n");
    for (i = 0; i < 2; i++) {
        if (!ReadConsoleLine(Line, sizeof Line))
            return 1;
        printf("read: %s\n", Line);
    }
    return 0;
}
