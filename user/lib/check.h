/*
 * For programs that test: a line for each check, counted, and what the system has in use before and
 * after.
 */
#ifndef USER_CHECK_H
#define USER_CHECK_H

#include "program.h"

/* Prints "PASS what" or "FAIL what"; the text is as in printf. Returns Good. */
BOOLEAN Check(BOOLEAN Good, const char *Format, ...) __attribute__((format(ms_printf, 2, 3)));

/* The same for a status: a FAIL says what it was and what it should have been. */
BOOLEAN CheckStatus(NTSTATUS Status, NTSTATUS Expected, const char *What);

/* Prints "NAME: n passed, m failed", and returns main's result: 0 if nothing failed, else 1. */
int CheckSummary(const char *Name);

/* What the whole machine has in use. */
typedef struct _USAGE {
    ULONG AvailablePages;
    ULONG CommittedPages;
    ULONG ProcessCount;
    ULONG ThreadCount;
    SIZE_T PagedBytes; /* of all tags together */
    SIZE_T NonPagedBytes;
} USAGE;

void QueryUsage(USAGE *Usage);

/* Waits until the use of memory is steady: what ended programs had comes back with a delay. */
void QuerySteadyUsage(USAGE *Usage);

/* Checks that the use becomes what it was Before, within some seconds. */
BOOLEAN CheckUsage(const USAGE *Before, const char *After);

/* The kernel's counters. */
void QueryCounters(SYSTEM_UPPERHALF_INFORMATION *Counters);

#endif
