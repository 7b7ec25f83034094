/*
 * LZNT1: what is compressed comes back, whatever it is; what is decompressed stays within its
 * buffers, whatever it is; a known stream gives what it should.
 */
#include "kernel/nt.h"
#include "tests/unit/unit.h"

#include "kernel/rtl/rtl.h"

#define LZNT1 COMPRESSION_FORMAT_LZNT1
#define MOST  20000

static PVOID WorkSpace;
static ULONG WorkBytes, FragmentBytes;

/* Data of some kind: zeroes, noise, short periods, text-like. */
static VOID Fill(PUCHAR Data, ULONG Bytes, ULONG Kind, unsigned *State)
{
    ULONG i;

    for (i = 0; i < Bytes; i++)
        Data[i] = (UCHAR)(Kind == 0   ? 0
                          : Kind == 1 ? UnitRandom(State)
                          : Kind == 2 ? i % (Bytes % 300 + 1)
                                      : (UCHAR) "etaoin shr"[UnitRandom(State) % 10]);
}

static VOID RoundTrip(ULONG Bytes, ULONG Kind, USHORT Engine, unsigned *State)
{
    ULONG Room = Bytes + 2 * (Bytes / 4096 + 1), Packed, Back, Start;
    PUCHAR Plain = malloc(Bytes), Out = malloc(Room), Again = malloc(Bytes);
    NTSTATUS Status;

    Fill(Plain, Bytes, Kind, State);
    Status = RtlCompressBuffer(LZNT1 | Engine, Plain, Bytes, Out, Room, 4096, &Packed, WorkSpace);
    CHECK(Status == STATUS_SUCCESS || (Kind != 1 && Status == STATUS_BUFFER_ALL_ZEROS));
    CHECK(Packed <= Room);
    CHECK(RtlDecompressBuffer(LZNT1, Again, Bytes, Out, Packed, &Back) == STATUS_SUCCESS);
    CHECK(Back == Bytes && memcmp(Plain, Again, Bytes) == 0);
    Start = UnitRandom(State) % Bytes;
    CHECK(RtlDecompressFragment(LZNT1, Again, Bytes - Start, Out, Packed, Start, &Back,
                                WorkSpace) == STATUS_SUCCESS);
    CHECK(Back == Bytes - Start && memcmp(Plain + Start, Again, Back) == 0);
    if (Packed > 2)
        CHECK(RtlCompressBuffer(LZNT1 | Engine, Plain, Bytes, Out, Packed - 1, 4096, &Back,
                                WorkSpace) == STATUS_BUFFER_TOO_SMALL);
    free(Plain);
    free(Out);
    free(Again);
}

static VOID AllComesBack(void)
{
    unsigned State = 7;
    ULONG i;

    for (i = 0; i < 400; i++)
        RoundTrip(1 + UnitRandom(&State) % MOST, i % 4,
                  i & 4 ? COMPRESSION_ENGINE_MAXIMUM : COMPRESSION_ENGINE_STANDARD, &State);
    RoundTrip(1, 3, 0, &State);
    RoundTrip(4096, 1, 0, &State);
    RoundTrip(4097, 2, 0, &State);
}

/* Noise, and good streams with a byte changed: ASan sees what goes wrong. */
static VOID NonsenseIsSurvived(void)
{
    unsigned State = 99;
    UCHAR Plain[5000];
    ULONG i, Packed, Back;

    Fill(Plain, sizeof Plain, 3, &State);
    for (i = 0; i < 3000; i++) {
        PUCHAR In = malloc(6000), Out = malloc(5000);
        RtlCompressBuffer(LZNT1, Plain, sizeof Plain, In, 6000, 4096, &Packed, WorkSpace);
        In[UnitRandom(&State) % Packed] = (UCHAR)UnitRandom(&State);
        if (i % 3 == 0)
            Fill(In, Packed, 1, &State);
        RtlDecompressBuffer(LZNT1, Out, UnitRandom(&State) % 5000, In, Packed, &Back);
        RtlDecompressFragment(LZNT1, Out, 300, In, Packed, UnitRandom(&State) % 5000, &Back,
                              WorkSpace);
        free(In);
        free(Out);
    }
}

/* Made by hand, from the format's description. */
static VOID AKnownStream(void)
{
    /* "abc", then six bytes from three back. */
    static UCHAR Short[] = {0x05, 0xb0, 0x08, 'a', 'b', 'c', 0x03, 0x20};
    UCHAR Out[64];
    ULONG Back;

    CHECK(RtlDecompressBuffer(LZNT1, Out, sizeof Out, Short, sizeof Short, &Back) ==
          STATUS_SUCCESS);
    CHECK(Back == 9 && memcmp(Out, "abcabcabc", 9) == 0);
    CHECK(RtlDecompressBuffer(LZNT1, Out, 5, Short, sizeof Short, &Back) == STATUS_SUCCESS);
    CHECK(Back == 5 && memcmp(Out, "abcab", 5) == 0);
    CHECK(RtlDecompressBuffer(COMPRESSION_FORMAT_NONE, Out, 5, Short, 8, &Back) ==
          STATUS_INVALID_PARAMETER);
    CHECK(RtlDecompressBuffer(LZNT1, Out, 64, Short, 7, &Back) == STATUS_BAD_COMPRESSION_BUFFER);
}

int main(void)
{
    CHECK(RtlGetCompressionWorkSpaceSize(LZNT1, &WorkBytes, &FragmentBytes) == STATUS_SUCCESS);
    WorkSpace = malloc(max(WorkBytes, FragmentBytes));
    RUN(AllComesBack);
    RUN(NonsenseIsSurvived);
    RUN(AKnownStream);
    free(WorkSpace);
    return 0;
}
