/*
 * What the two halves of the benchmark share: an operation is timed in batches by the time-stamp
 * counter, which under QEMU's -icount counts guest instructions. The median batch is free of clock
 * ticks, so the figure is a constant of the binary.
 *
 * An operation repeats its statements in a loop of its own, so that nothing but they is counted:
 * the empty loop's cost is taken off.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#define BATCHES    11
#define OPERATIONS 100

/* Between driver and program: measures all of the driver's operations. */
#define BENCH_DEVICE_NAME L"\\Device\\Bench"
#define BENCH_LINK_NAME   L"\\DosDevices\\Bench"
#define IOCTL_BENCH       0x222000 /* CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, 0) */

typedef void BENCH_OPERATION(unsigned long Count, void *Context);

/* Where tests/bench/bench.py stops the machine: it steps through what lies between two of them. */
static void BenchMark(void);

static inline unsigned long long BenchClock(void)
{
    return __builtin_ia32_rdtsc();
}

static unsigned long BenchMedian(BENCH_OPERATION *Operation, void *Context)
{
    unsigned long Batches[BATCHES], i, j;

    for (i = 0; i < BATCHES; i++) {
        unsigned long long Start = BenchClock();
        unsigned long Taken;
        Operation(OPERATIONS, Context);
        Taken = (unsigned long)(BenchClock() - Start);
        for (j = i; j > 0 && Batches[j - 1] > Taken; j--)
            Batches[j] = Batches[j - 1];
        Batches[j] = Taken;
    }
    return Batches[BATCHES / 2];
}

static void BenchNothing(unsigned long Count, void *Context)
{
    while (Count--)
        __asm__ volatile("" : : "r"(Context));
}

/* Instructions for one operation, rounded. */
static unsigned long BenchCount(BENCH_OPERATION *Operation, void *Context)
{
    unsigned long Empty = BenchMedian(BenchNothing, Context);
    unsigned long Full = BenchMedian(Operation, Context);

    return (Full - Empty + OPERATIONS / 2) / OPERATIONS;
}

/* The same. Then it is done once more, to be stepped through. */
static unsigned long BenchMeasure(BENCH_OPERATION *Operation, void *Context)
{
    unsigned long Count = BenchCount(Operation, Context);

    BenchMark();
    Operation(1, Context);
    BenchMark();
    return Count;
}

#endif
