/*
 * What stress.exe asks of stress.sys: 64 threads (players) in 8 processes, each with one request
 * that lasts as long as the game, and a last request for the result. Include the DDK headers, or a
 * program's own nt.h, before this file.
 */
#ifndef STRESS_H
#define STRESS_H

#define STRESS_DEVICE_NAME L"\\Device\\stress"
#define STRESS_SERVICE     L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\stress"

#define PROCESSES             8
#define PLAYERS_OF_EACH       8
#define PLAYERS               (PROCESSES * PLAYERS_OF_EACH)
#define STAMP_ADDRESS         0x00500000 /* in each process: a page that begins with its stamp */
#define STAMP_OF(Process)     (0xA5000000 | (Process))
#define STRESS_REQUEST(Which) CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (Which), METHOD_BUFFERED, 0)
#define IOCTL_STRESS_PLAY     STRESS_REQUEST(0) /* in: STRESS_PLAY; returns when all are done */
#define IOCTL_STRESS_RESULT   STRESS_REQUEST(1) /* out: STRESS_RESULT */

typedef struct _STRESS_PLAY {
    ULONG Index; /* below PLAYERS */
    ULONG Seed;
    ULONG Milliseconds;
} STRESS_PLAY;

/* Pairs of counts must be equal; the others zero. */
typedef struct _STRESS_RESULT {
    ULONG Moves;
    ULONG TokensSent, TokensReceived;
    ULONG Additions, Sum;
    ULONG TimersSet, TimersFiredOrCancelled;
    ULONG DpcsQueued, DpcsRunOrRemoved;
    ULONG ApcsQueued, ApcsRunOrRundown;
    ULONG ThreadsStarted, ThreadsEnded;
    ULONG LostWakeups; /* waits for what was there that ended by their time-out */
    ULONG WrongStamps; /* another process's memory where this one's should be */
    ULONG WrongProcessors;
    ULONG WrongMemory;
} STRESS_RESULT;

#endif
