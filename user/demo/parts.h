/*
 * What the parts of demo.exe share.
 *
 *   demo.c    the parent: starts the children, leads them through the phases
 *   child.c   what a child does in each phase
 *   calls.c   calling the driver; the events by which parent and children keep in step
 *   report.c  checks what the records say, and prints them as a table
 */
#ifndef PARTS_H
#define PARTS_H

#include "user/lib/program.h"
#include "drivers/demo/demo.h"

#define MAXIMUM_CHILDREN 64
#define USER_ADDRESS     0x00500000 /* where each child has its own value, in its own memory */
#define PATIENCE_MS      20000      /* how long one waits for another before giving up */

/* What child number Child has at USER_ADDRESS. */
#define CHILD_VALUE(Child) (0x1000 + (Child))

/* Child number Child's words when it passes the shared text on, or writes it among all the others;
   the parent's first and last words. */
#define FIRST_WORDS "from the parent"
#define LAST_WORDS  "shared text"

/* The phases: the parent lets all children begin one together, and waits until all are done. */
typedef enum _PHASE {
    PhaseStart,  /* put the value in place */
    PhaseToken,  /* one after the other: check the text of the one before, write one's own */
    PhaseSpin,   /* compute, so that the driver's timer has somebody to interrupt */
    PhaseAtOnce, /* write, read and touch the text, all at the same time */
    PhaseTouch,  /* one call each, which goes into the table */
    PhaseEnd,    /* the value must still be there */
    PhaseCount
} PHASE;

/* What the parent knows of a child. */
typedef struct _CHILD {
    HANDLE Process;
    HANDLE Done; /* event: finished with the present phase */
    ULONG ProcessId;
} CHILD, *PCHILD;

/* calls.c: the driver. Status of the request; texts have DEMO_TEXT_BYTES bytes. */
NTSTATUS OpenDriver(void);
NTSTATUS ReadText(char *Text);
NTSTATUS WriteText(const char *Text);
NTSTATUS TouchText(ULONG UserAddress, ULONG UserValue, PDEMO_RECORD Record);
NTSTATUS GetRecords(ULONG First, PDEMO_RECORD Records, ULONG *Count); /* in: room; out: got */
NTSTATUS QueueWork(void);
void CloseDriver(void);

/* calls.c: texts that tell whether they arrived whole: words, padding, a checksum. */
void MakeText(char *Text, const char *Words);
void MakeChildText(char *Text, ULONG Child, ULONG Round);
BOOLEAN IsWholeText(const char *Text);

/* calls.c: events, known to all by name and number. */
typedef enum _EVENT_NAME { EventPhase, EventDone, EventTurn } EVENT_NAME;
HANDLE MakeEvent(EVENT_NAME Name, ULONG Number); /* NULL: failed, and said so */
HANDLE FindEvent(EVENT_NAME Name, ULONG Number);
BOOLEAN SignalEvent(HANDLE Event);
BOOLEAN WaitForEvent(HANDLE Event); /* FALSE: not within PATIENCE_MS */

/* Prints a complaint, on one line with the status; returns FALSE. */
BOOLEAN Complain(const char *What, NTSTATUS Status);

/* child.c: all of a child's life; its exit status. */
int RunChild(ULONG Child);

/* report.c: TRUE if the records are as the demonstration claims. Spin: those of PhaseSpin; Touch:
   those since the last words were written. */
typedef struct _RECORDS {
    PDEMO_RECORD List;
    ULONG Count;
} RECORDS, *PRECORDS;
BOOLEAN Report(const CHILD *Children, ULONG Count, const RECORDS *Spin, const RECORDS *Touch);
const DEMO_RECORD *FindRecord(const RECORDS *Records, DEMO_WAY Way);
BOOLEAN HaveAllProcessors(const RECORDS *Spin); /* the timer's DPC has come on each of them */

#endif
