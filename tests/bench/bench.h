/*
 * What the two halves of the benchmark share: an operation is timed in batches by the time-stamp
 * counter, which under QEMU's -icount counts guest instructions. The median batch is free of clock
 * ticks, so the figure is a constant of the binary.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#define BATCHES    11
#define OPERATIONS 100

typedef void BENCH_OPERATION(void *Context);

static inline unsigned long long BenchClock(void)
{
    return __builtin_ia32_rdtsc();
}

/* What a batch of nothing costs is taken off by the caller. Returns the median batch. */
static unsigned long BenchMedian(BENCH_OPERATION *Operation, void *Context)
{
    unsigned long Batches[BATCHES], i, j;

    for (i = 0; i < BATCHES; i++) {
        unsigned long long Start = BenchClock();
        unsigned long Taken;
        for (j = 0; j < OPERATIONS; j++)
            Operation(Context);
        Taken = (unsigned long)(BenchClock() - Start);
        for (j = i; j > 0 && Batches[j - 1] > Taken; j--)
            Batches[j] = Batches[j - 1];
        Batches[j] = Taken;
    }
    return Batches[BATCHES / 2];
}

static void BenchNothing(void *Context)
{
    __asm__ volatile("" : : "r"(Context));
}

/* Instructions for one operation, rounded. */
static unsigned long BenchMeasure(BENCH_OPERATION *Operation, void *Context)
{
    unsigned long Empty = BenchMedian(BenchNothing, Context);
    unsigned long Full = BenchMedian(Operation, Context);

    return (Full - Empty + OPERATIONS / 2) / OPERATIONS;
}

#endif
