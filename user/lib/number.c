/*
 * Numbers in text.
 */
#include "program.h"

/* The value of a digit; one that Base does not have gives Base. */
static ULONG Digit(char Character, ULONG Base)
{
    char Small = Character | 0x20;
    ULONG Value = Base;

    if (Character >= '0' && Character <= '9')
        Value = Character - '0';
    else if (Small >= 'a' && Small <= 'f')
        Value = Small - 'a' + 10;
    return min(Value, Base);
}

ULONG ParseNumber(const char *Text)
{
    ULONG Base = 10, Number = 0;

    if (Text[0] == '0' && (Text[1] | 0x20) == 'x') {
        Base = 16;
        Text += 2;
    }
    for (; Digit(*Text, Base) < Base; Text++)
        Number = Number * Base + Digit(*Text, Base);
    return Number;
}
