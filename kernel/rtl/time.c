/*
 * Dates and times. System time counts units of 100 ns since the beginning of 1601, a Monday, when a
 * cycle of 400 years of the Gregorian calendar began, so no leap year needs a special case.
 *
 * Locks: none. IRQL: any.
 */
#include "kernel/rtl/rtl.h"

#define UNITS_PER_MILLISECOND 10000
#define UNITS_PER_SECOND      10000000
#define SECONDS_PER_DAY       86400u
#define FIRST_YEAR            1601
#define LAST_YEAR             30827 /* of what a signed number of units reaches */
#define DAYS_PER_400_YEARS    146097u

#define SECONDS_TO_1970 ((369 * 365 + 89) * 86400LL) /* 89 of these years are leap years */
#define SECONDS_TO_1980 ((379 * 365 + 91) * 86400LL)

static const USHORT DaysBeforeMonth[2][13] = {
    {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
    {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366},
};

static BOOLEAN IsLeapYear(ULONG Year)
{
    return Year % 4 == 0 && (Year % 100 != 0 || Year % 400 == 0);
}

/* Days from 1601 to the beginning of that year. */
static ULONG DaysBeforeYear(ULONG Year)
{
    ULONG Years = Year - FIRST_YEAR;
    return Years * 365 + Years / 4 - Years / 100 + Years / 400;
}

/* The parts of a day, in seconds and milliseconds. */
static VOID SetTimeOfDay(PTIME_FIELDS Fields, ULONG Seconds, ULONG Milliseconds)
{
    Fields->Hour = (CSHORT)(Seconds / 3600);
    Fields->Minute = (CSHORT)(Seconds / 60 % 60);
    Fields->Second = (CSHORT)(Seconds % 60);
    Fields->Milliseconds = (CSHORT)Milliseconds;
}

VOID NTAPI RtlTimeToTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields)
{
    ULONGLONG Milliseconds = (ULONGLONG)Time->QuadPart / UNITS_PER_MILLISECOND;
    ULONGLONG Seconds = Milliseconds / 1000;
    ULONG Days = (ULONG)(Seconds / SECONDS_PER_DAY);
    ASSERT(Time->QuadPart >= 0);
    ULONG Year = FIRST_YEAR + (ULONG)((ULONGLONG)Days * 400 / DAYS_PER_400_YEARS);
    while (DaysBeforeYear(Year) > Days) { /* that is the mean, which may be a day ahead */
        Year--;
    }
    while (DaysBeforeYear(Year + 1) <= Days) {
        Year++;
    }
    ULONG Rest = Days - DaysBeforeYear(Year);
    ULONG Month = 1;
    while (DaysBeforeMonth[IsLeapYear(Year)][Month] <= Rest) {
        Month++;
    }
    TimeFields->Year = (CSHORT)Year;
    TimeFields->Month = (CSHORT)Month;
    TimeFields->Day = (CSHORT)(Rest - DaysBeforeMonth[IsLeapYear(Year)][Month - 1] + 1);
    TimeFields->Weekday = (CSHORT)((Days + 1) % 7); /* 0 is Sunday */
    SetTimeOfDay(TimeFields, (ULONG)(Seconds % SECONDS_PER_DAY), (ULONG)(Milliseconds % 1000));
}

/* A span of time, positive or negative: in days, hours and so on, without years and months. */
VOID NTAPI RtlTimeToElapsedTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields)
{
    ULONGLONG Milliseconds =
        (ULONGLONG)(Time->QuadPart < 0 ? -Time->QuadPart : Time->QuadPart) / UNITS_PER_MILLISECOND;
    ULONGLONG Seconds = Milliseconds / 1000;
    RtlZeroMemory(TimeFields, sizeof(*TimeFields));
    TimeFields->Day = (CSHORT)(Seconds / SECONDS_PER_DAY);
    SetTimeOfDay(TimeFields, (ULONG)(Seconds % SECONDS_PER_DAY), (ULONG)(Milliseconds % 1000));
}

static BOOLEAN IsBetween(CSHORT Value, ULONG Least, ULONG Most)
{
    return Value >= (LONG)Least && Value <= (LONG)Most;
}

/* FALSE: there is no such date or time. Weekday is not looked at. */
BOOLEAN NTAPI RtlTimeFieldsToTime(PTIME_FIELDS TimeFields, PLARGE_INTEGER Time)
{
    if (!IsBetween(TimeFields->Year, FIRST_YEAR, LAST_YEAR) ||
        !IsBetween(TimeFields->Month, 1, 12) || !IsBetween(TimeFields->Hour, 0, 23) ||
        !IsBetween(TimeFields->Minute, 0, 59) || !IsBetween(TimeFields->Second, 0, 59) ||
        !IsBetween(TimeFields->Milliseconds, 0, 999)) {
        return FALSE;
    }
    const USHORT *Before =
        &DaysBeforeMonth[IsLeapYear((ULONG)TimeFields->Year)][TimeFields->Month - 1];
    if (!IsBetween(TimeFields->Day, 1, Before[1] - Before[0])) {
        return FALSE;
    }
    ULONG Days = DaysBeforeYear((ULONG)TimeFields->Year) + Before[0] + (ULONG)TimeFields->Day - 1;
    ULONG Seconds =
        ((ULONG)TimeFields->Hour * 60 + (ULONG)TimeFields->Minute) * 60 + (ULONG)TimeFields->Second;
    LONGLONG Milliseconds =
        ((LONGLONG)Days * SECONDS_PER_DAY + Seconds) * 1000 + TimeFields->Milliseconds;
    Time->QuadPart = Milliseconds * UNITS_PER_MILLISECOND;
    return TRUE;
}

static BOOLEAN SecondsSince(PLARGE_INTEGER Time, LONGLONG Beginning, PULONG Seconds)
{
    LONGLONG Elapsed = Time->QuadPart / UNITS_PER_SECOND - Beginning;
    if (Elapsed < 0 || Elapsed > MAXULONG) {
        return FALSE;
    }
    *Seconds = (ULONG)Elapsed;
    return TRUE;
}

/* FALSE: the time does not fit into 32 bits of seconds since then. */
BOOLEAN NTAPI RtlTimeToSecondsSince1970(PLARGE_INTEGER Time, PULONG ElapsedSeconds)
{
    return SecondsSince(Time, SECONDS_TO_1970, ElapsedSeconds);
}

BOOLEAN NTAPI RtlTimeToSecondsSince1980(PLARGE_INTEGER Time, PULONG ElapsedSeconds)
{
    return SecondsSince(Time, SECONDS_TO_1980, ElapsedSeconds);
}

VOID NTAPI RtlSecondsSince1970ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time)
{
    Time->QuadPart = (ElapsedSeconds + SECONDS_TO_1970) * UNITS_PER_SECOND;
}

VOID NTAPI RtlSecondsSince1980ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time)
{
    Time->QuadPart = (ElapsedSeconds + SECONDS_TO_1980) * UNITS_PER_SECOND;
}
