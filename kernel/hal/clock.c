/*
 * Time: the 8254's channel 0 interrupts 100 times a second, through the I/O APIC or the 8259s; its
 * channel 2 and the processor's time-stamp counter measure short times; the CMOS clock says what
 * time it was at start.
 */
#include "kernel/hal/hal.h"
#include "kernel/ke/ke.h"

#define PIT_FREQUENCY 1193182
#define PIT_CHANNEL0  ((PUCHAR)0x40)
#define PIT_CHANNEL2  ((PUCHAR)0x42)
#define PIT_COMMAND   ((PUCHAR)0x43)
#define PIT_RATE      0x34 /* channel 0, both bytes, mode 2: a pulse each time it runs out */
#define PIT_ONE_SHOT  0xB0 /* channel 2, both bytes, mode 0: output rises once it has run out */
#define SPEAKER_PORT  ((PUCHAR)0x61)
#define PIT_TONE      0xB6 /* channel 2, both bytes, mode 3: a square wave */
#define SPEAKER_GATE2 0x01
#define SPEAKER_ON    0x02 /* channel 2's output goes to the speaker */
#define SPEAKER_OUT2  0x20

#define TICK_HZ        100
#define CALIBRATION_US 10000
#define CMOS_INDEX     ((PUCHAR)0x70)
#define CMOS_DATA      ((PUCHAR)0x71)
#define CMOS_UPDATING  0x80 /* status register A */
#define CMOS_BINARY    0x04 /* status register B */
#define CMOS_24_HOURS  0x02

static ULONG HalpTscPerMicrosecond = 1;

static inline ULONGLONG HalpReadTsc(VOID)
{
    return __builtin_ia32_rdtsc();
}

/* Counts time-stamp ticks while channel 2 counts CALIBRATION_US microseconds down. */
static VOID HalpCalibrateTsc(VOID)
{
    ULONG Count = PIT_FREQUENCY / (1000000 / CALIBRATION_US);
    UCHAR Speaker = READ_PORT_UCHAR(SPEAKER_PORT);
    ULONGLONG Start;
    ULONG Ticks, Tries = 0;

    WRITE_PORT_UCHAR(SPEAKER_PORT, (Speaker & ~3) | SPEAKER_GATE2);
    WRITE_PORT_UCHAR(PIT_COMMAND, PIT_ONE_SHOT);
    WRITE_PORT_UCHAR(PIT_CHANNEL2, (UCHAR)Count);
    WRITE_PORT_UCHAR(PIT_CHANNEL2, (UCHAR)(Count >> 8));
    Start = HalpReadTsc();
    while (!(READ_PORT_UCHAR(SPEAKER_PORT) & SPEAKER_OUT2) && ++Tries < 10000000)
        YieldProcessor();
    Ticks = (ULONG)(HalpReadTsc() - Start);
    WRITE_PORT_UCHAR(SPEAKER_PORT, Speaker);
    if (Ticks / CALIBRATION_US)
        HalpTscPerMicrosecond = Ticks / CALIBRATION_US;
}

VOID HalpInitializeClock(VOID)
{
    ULONG Divisor = (PIT_FREQUENCY + TICK_HZ / 2) / TICK_HZ;

    HalpCalibrateTsc();
    WRITE_PORT_UCHAR(PIT_COMMAND, PIT_RATE);
    WRITE_PORT_UCHAR(PIT_CHANNEL0, (UCHAR)Divisor);
    WRITE_PORT_UCHAR(PIT_CHANNEL0, (UCHAR)(Divisor >> 8));
}

/* Waits by spinning. MicroSeconds: at most 50, says the WDK. IRQL: any. */
VOID NTAPI KeStallExecutionProcessor(ULONG MicroSeconds)
{
    ULONGLONG End = HalpReadTsc() + (ULONGLONG)MicroSeconds * HalpTscPerMicrosecond;

    while ((LONGLONG)(HalpReadTsc() - End) < 0)
        YieldProcessor();
}

/* The time-stamp counter, which runs at the frequency measured at start. IRQL: any. */
LARGE_INTEGER NTAPI KeQueryPerformanceCounter(PLARGE_INTEGER PerformanceFrequency)
{
    LARGE_INTEGER Counter;

    if (PerformanceFrequency)
        PerformanceFrequency->QuadPart = (LONGLONG)HalpTscPerMicrosecond * 1000000;
    Counter.QuadPart = (LONGLONG)HalpReadTsc();
    return Counter;
}

static UCHAR HalpReadCmos(UCHAR Register)
{
    WRITE_PORT_UCHAR(CMOS_INDEX, Register);
    return READ_PORT_UCHAR(CMOS_DATA);
}

static USHORT HalpCmosNumber(UCHAR Register, BOOLEAN Binary)
{
    UCHAR Value = HalpReadCmos(Register);

    return Binary ? Value : (Value >> 4) * 10 + (Value & 15);
}

static VOID HalpReadCmosFields(PTIME_FIELDS Fields)
{
    UCHAR Format = HalpReadCmos(11);
    BOOLEAN Binary = (Format & CMOS_BINARY) != 0;
    UCHAR Hour = HalpReadCmos(4);
    BOOLEAN Afternoon = !(Format & CMOS_24_HOURS) && (Hour & 0x80);

    Fields->Milliseconds = 0;
    Fields->Second = HalpCmosNumber(0, Binary);
    Fields->Minute = HalpCmosNumber(2, Binary);
    Hour &= Format & CMOS_24_HOURS ? 0xFF : 0x7F;
    Fields->Hour = Binary ? Hour : (Hour >> 4) * 10 + (Hour & 15);
    if (!(Format & CMOS_24_HOURS))
        Fields->Hour = Fields->Hour % 12 + (Afternoon ? 12 : 0);
    Fields->Day = HalpCmosNumber(7, Binary);
    Fields->Month = HalpCmosNumber(8, Binary);
    Fields->Year = 2000 + HalpCmosNumber(9, Binary);
}

/* Days from 1 January 1601 to the first of a month, by the Gregorian rule. */
static ULONG HalpDaysBefore(ULONG Year, ULONG Month)
{
    static const USHORT Cumulative[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    ULONG Past = Year - 1601;
    BOOLEAN Leap = (Year % 4 == 0 && Year % 100) || Year % 400 == 0;

    return Past * 365 + Past / 4 - Past / 100 + Past / 400 + Cumulative[Month - 1] +
           (Leap && Month > 2 ? 1 : 0);
}

/* The time of day from the CMOS clock, in 100 ns since 1601; read twice, for it may be ticking. */
LONGLONG HalpReadRealTimeClock(VOID)
{
    TIME_FIELDS First, Second;
    ULONG Seconds, Days, Tries = 0;

    do {
        while ((HalpReadCmos(10) & CMOS_UPDATING) && ++Tries < 1000000)
            YieldProcessor();
        HalpReadCmosFields(&First);
        HalpReadCmosFields(&Second);
    } while ((First.Second != Second.Second || First.Minute != Second.Minute) && ++Tries < 1000000);
    if (Second.Month < 1 || Second.Month > 12 || Second.Day < 1)
        return 0;
    Days = HalpDaysBefore(Second.Year, Second.Month) + Second.Day - 1;
    Seconds = Second.Hour * 3600 + Second.Minute * 60 + Second.Second;
    return ((LONGLONG)Days * 86400 + Seconds) * 10000000;
}

/*
 * Has the speaker sound, at Frequency Hz; 0: has it be still (WDK: HalMakeBeep). FALSE: too low or
 * too high for it. Any IRQL; who calls it at once with somebody else gets one of the two.
 */
BOOLEAN NTAPI HalMakeBeep(ULONG Frequency)
{
    UCHAR Speaker = READ_PORT_UCHAR(SPEAKER_PORT) & ~(SPEAKER_GATE2 | SPEAKER_ON);
    ULONG Divisor = Frequency ? PIT_FREQUENCY / Frequency : 0;

    WRITE_PORT_UCHAR(SPEAKER_PORT, Speaker);
    if (Frequency == 0)
        return TRUE;
    if (Divisor < 2 || Divisor > MAXUSHORT)
        return FALSE;
    WRITE_PORT_UCHAR(PIT_COMMAND, PIT_TONE);
    WRITE_PORT_UCHAR(PIT_CHANNEL2, (UCHAR)Divisor);
    WRITE_PORT_UCHAR(PIT_CHANNEL2, (UCHAR)(Divisor >> 8));
    WRITE_PORT_UCHAR(SPEAKER_PORT, Speaker | SPEAKER_GATE2 | SPEAKER_ON);
    return TRUE;
}
