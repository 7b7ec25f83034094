/*
 * The kernel's own symbol table: function addresses in ascending order and their names, made from
 * a first link of the kernel by tools/symbols.py and linked into the second.
 */
#include "kernel/kd/kd.h"

/* An empty table for the first link, and for anything linked without one. */
extern const ULONG KdSymbolCount __attribute__((weak));
extern const ULONG KdSymbolAddresses[] __attribute__((weak));
extern const ULONG KdSymbolNames[] __attribute__((weak)); /* offsets into the text */
extern const CHAR KdSymbolText[] __attribute__((weak));

PCSTR KdLookupSymbol(ULONG_PTR Address, PULONG Offset)
{
    ULONG Low = 0, High;

    if (&KdSymbolCount == NULL || KdSymbolCount == 0 || Address < KdSymbolAddresses[0])
        return NULL;
    for (High = KdSymbolCount; High - Low > 1;) {
        ULONG Middle = (Low + High) / 2;
        if (KdSymbolAddresses[Middle] <= Address)
            Low = Middle;
        else
            High = Middle;
    }
    *Offset = Address - KdSymbolAddresses[Low];
    return KdSymbolText + KdSymbolNames[Low];
}
