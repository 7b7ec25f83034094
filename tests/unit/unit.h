/*
 * A host unit test: kernel code compiled for i686 Linux with AddressSanitizer and UBSan.
 *
 * A test file includes kernel/nt.h, then this, then what it tests. Kernel headers and the C
 * library's cannot share a translation unit, so the few library routines needed are declared here.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

extern int printf(const char *, ...) __attribute__((format(printf, 1, 2)));
extern void *malloc(unsigned);
extern void *aligned_alloc(unsigned, unsigned);
extern void free(void *);
extern void exit(int) __attribute__((noreturn));

static unsigned UnitChecks;

#define CHECK(Condition)                                                                           \
    do {                                                                                           \
        UnitChecks++;                                                                              \
        if (!(Condition)) {                                                                        \
            printf("%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #Condition);           \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* Runs one test function and names it on the output. */
#define RUN(Test)                                                                                  \
    do {                                                                                           \
        Test();                                                                                    \
        printf("ok %s\n", #Test);                                                                  \
    } while (0)

/* A repeatable pseudo-random sequence (xorshift32). */
static inline unsigned UnitRandom(unsigned *State)
{
    unsigned x = *State;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *State = x;
}

#endif
