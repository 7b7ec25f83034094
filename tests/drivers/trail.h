/*
 * For tests of what happens in which order: each step notes a letter, and the trail of letters is
 * compared at the end. One thread at a time.
 */
#ifndef TRAIL_H
#define TRAIL_H

#include "selftest.h"

static volatile CHAR Trail[64];
static volatile ULONG TrailLength;

static inline VOID Step(CHAR Letter)
{
    if (TrailLength < sizeof Trail - 1)
        Trail[TrailLength++] = Letter;
}

/* Is the trail as expected? Begins a new one. */
static inline VOID CheckTrail(PCSTR Name, PCSTR Expected)
{
    ULONG i;

    for (i = 0; i < TrailLength && Trail[i] == Expected[i]; i++)
        continue;
    Trail[TrailLength] = 0;
    if (!Check(Name, i == TrailLength && Expected[i] == 0))
        DbgPrint("     the steps were %s, not %s\n", Trail, Expected);
    TrailLength = 0;
}

#endif
