/*
 * Pseudo-random numbers from a seed that the caller keeps. The same seed gives the same sequence,
 * which is what tests want, and nothing that a secret may rest on.
 *
 * Locks: none, and no state; callers that share a seed guard it themselves. IRQL: any.
 */
#include "kernel/nt.h"

/*
 * A number from 0 to MAXLONG (WDK, "RtlRandomEx").
 *
 * The seed steps through all 2^32 values (a linear congruence with an odd increment and a
 * multiplier that is 1 modulo 4 has the full period). Its low bits repeat soon, so the result is
 * not the seed itself but a scrambling of it that never maps two seeds to one number before the
 * last shift.
 */
ULONG NTAPI RtlRandomEx(PULONG Seed)
{
    *Seed = *Seed * 747796405u + 2891336453u;
    ULONG Mixed = ((*Seed >> ((*Seed >> 28) + 4)) ^ *Seed) * 277803737u;
    Mixed ^= Mixed >> 22;
    return Mixed >> 1;
}

/* The older name; on Windows slower and less even (WDK, "RtlRandom"), here the same. */
ULONG NTAPI RtlRandom(PULONG Seed)
{
    return RtlRandomEx(Seed);
}
