/*
 * Start-up's reading of what the boot loader left: the command line, the memory map, the modules,
 * whole and damaged. Physical memory is a buffer here.
 */
#include "kernel/nt.h"
#include "boot/loader.h"
#include "boot/options.h"
#include "kernel/kd/kd.h"
#include "unit.h"

#define MEMORY 0x20000

static UCHAR *Memory; /* malloced, so that every access beyond it is found */
static ULONG Lines;   /* printed on the log */

PVOID BootMapPhysical(ULONG Physical, ULONG Bytes)
{
    return Physical >= MEMORY || Bytes > MEMORY - Physical ? NULL : Memory + Physical;
}

ULONG BootPhysicalBytesFrom(ULONG Physical)
{
    return Physical < MEMORY ? MEMORY - Physical : 0;
}

VOID KdPrintLine(PCSTR Format, ...)
{
    (void)Format;
    Lines++;
}

static void Parse(PLOADER_BLOCK Block, PCSTR Line)
{
    ULONG Length = 0;
    char *Copy;

    while (Line[Length])
        Length++;
    Copy = malloc(Length + 1); /* exactly as long as it is */
    for (ULONG i = 0; i <= Length; i++)
        Copy[i] = Line[i];
    *Block = (LOADER_BLOCK){0};
    Lines = 0;
    BootParseOptions(Block, Copy, Length);
    free(Copy);
}

static BOOLEAN Same(PCSTR a, PCSTR b)
{
    while (a && *a && *a == *b)
        a++, b++;
    return a && *a == *b;
}

static void OptionsAreTakenApart(void)
{
    LOADER_BLOCK Block;

    Parse(&Block, "kernel init=a.exe start=x.sys start=y.sys maxmem=32 debugexit=0xF4 numproc=2");
    CHECK(Same(Block.Init, "a.exe") && Block.StartCount == 2 && Same(Block.Start[1], "y.sys"));
    CHECK(Block.MaximumMemory == 32 << 20 && Block.DebugExitPort == 0xF4);
    CHECK(Block.NumberOfProcessors == 2 && !Block.NoIoApic && Lines == 0);
    Parse(&Block, "kernel noapic");
    CHECK(Block.NoIoApic && Lines == 0);
}

static void QuotesKeepBlanksAndBackslashesTakeLiterally(void)
{
    LOADER_BLOCK Block;

    Parse(&Block, "k \"init=demo.exe 8 x\"");
    CHECK(Same(Block.Init, "demo.exe 8 x"));
    Parse(&Block, "k init=\"demo.exe 8\"");
    CHECK(Same(Block.Init, "demo.exe 8"));
    Parse(&Block, "k \"init=a \\\"b\\\" \\\\c\"");
    CHECK(Same(Block.Init, "a \"b\" \\c"));
    Parse(&Block, "k init=\"open");
    CHECK(Same(Block.Init, "open"));
}

static void UnknownAndWrongOptionsAreSaidAndIgnored(void)
{
    LOADER_BLOCK Block;

    Parse(&Block, "k nonsense maxmem=abc maxmem=0 debugexit=0x12345 numproc= init=a.exe");
    CHECK(Lines == 5 && Same(Block.Init, "a.exe") && Block.MaximumMemory == 0);
    Parse(&Block, "k noapics noapic=1 noapi");
    CHECK(Lines == 3 && !Block.NoIoApic);
    Parse(&Block, "k maxmem=4294967296 maxmem=99999");
    CHECK(Lines == 1 && Block.MaximumMemory == 0);
    Parse(&Block, "");
    CHECK(Lines == 0 && Block.Init == NULL);
}

static void TooLongLinesAndTooManyDriversAreCut(void)
{
    static char Line[3 * LOADER_OPTIONS_BYTES];
    LOADER_BLOCK Block;
    ULONG i;

    for (i = 0; i < sizeof Line - 1; i++)
        Line[i] = i % 10 == 9 ? ' ' : 'x';
    Parse(&Block, Line);
    CHECK(Lines > 1);
    for (i = 0; i + 11 < 40 * 11; i += 11)
        for (ULONG j = 0; j < 11; j++)
            Line[i + j] = "start=a.b  "[j];
    Line[i] = 0;
    Parse(&Block, Line);
    CHECK(Block.StartCount == LOADER_START_DRIVERS && Lines > 0);
}

/* The multiboot structures at their places in Memory. */
enum { INFO = 0x1000, MAP = 0x2000, MODULES = 0x3000, STRINGS = 0x4000, LINE = 0x5000 };

static ULONG *Word(ULONG Physical)
{
    return (ULONG *)(Memory + Physical);
}

static void Range(ULONG Index, ULONG Base, ULONG Length, ULONG Type)
{
    ULONG *Entry = Word(MAP + Index * 24);

    Entry[0] = 20;
    Entry[1] = Base;
    Entry[3] = Length;
    Entry[5] = Type;
}

static void Module(ULONG Index, ULONG Start, ULONG End, PCSTR Name)
{
    ULONG *Entry = Word(MODULES + Index * 16), String = STRINGS + Index * 64, i;

    Entry[0] = Start;
    Entry[1] = End;
    Entry[2] = String;
    for (i = 0; i == 0 || Name[i - 1]; i++)
        Memory[String + i] = Name[i];
}

static void Prepare(ULONG Flags)
{
    ULONG i;

    for (i = 0; i < MEMORY; i++)
        Memory[i] = 0;
    LoaderBlock = (LOADER_BLOCK){0};
    Lines = 0;
    Word(INFO)[0] = Flags;
    Word(INFO)[1] = 640;
    Word(INFO)[2] = 0x3C00;
    Word(INFO)[4] = LINE;
    Word(INFO)[5] = 2;
    Word(INFO)[6] = MODULES;
    Word(INFO)[11] = 48;
    Word(INFO)[12] = MAP;
    Range(0, 0, 0x9F000, 1);
    Range(1, 0x100000, 0xF00000, 1);
    Module(0, 0x6000, 0x6800, "/boot/demo.sys demo");
    Module(1, 0x7000, 0x7010, "hello.exe");
}

static void MemoryAndModulesAreRead(void)
{
    Prepare(0x4D);
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) == NULL && Lines == 0);
    CHECK(LoaderBlock.MemoryCount == 2 && LoaderBlock.Memory[1].FirstPage == 0x100);
    CHECK(LoaderBlock.Memory[1].PageCount == 0xF00);
    CHECK(LoaderBlock.ModuleCount == 2 && BootFindModule("DEMO.SYS")->Size == 0x800);
    CHECK(BootFindModule("demo") == NULL);
}

static void MemoryBeyondFourGigabytesIsLeftOut(void)
{
    Prepare(0x4D);
    Word(MAP + 24)[2] = 1; /* base 4 GB */
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) == NULL && LoaderBlock.MemoryCount == 1);
    Prepare(0x4D);
    Word(MAP + 24)[4] = 0xFFFFFFFF; /* length: the sum wraps only beyond 64 bits */
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) == NULL);
    CHECK(LoaderBlock.Memory[1].FirstPage + LoaderBlock.Memory[1].PageCount == 0x100000);
}

static void WithoutAMapTheSizesDo(void)
{
    Prepare(0x0D);
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) == NULL && Lines == 1);
    CHECK(LoaderBlock.MemoryCount == 2 && LoaderBlock.Memory[1].PageCount == 0xF00);
    Prepare(0x0C);
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) != NULL);
}

static void DamageIsRefused(void)
{
    Prepare(0x4D);
    CHECK(BootReadLoader(0x12345678, INFO) != NULL);
    CHECK(BootReadLoader(MULTIBOOT_LOADED, MEMORY - 4) != NULL);
    Prepare(0x4D);
    Word(MAP)[0] = 0;
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) != NULL);
    Prepare(0x4D);
    Word(MAP)[0] = 0xFFFFFFF0;
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) != NULL);
    Prepare(0x4D);
    Word(INFO)[12] = MEMORY - 8;
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) != NULL);
}

static void BadModulesAreSaidAndLeftOut(void)
{
    Prepare(0x4D);
    Module(1, 0x7000, 0x7010, "Demo.Sys");
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) == NULL);
    CHECK(LoaderBlock.ModuleCount == 1 && LoaderBlock.Modules[0].Size == 0x800 && Lines == 1);
    Prepare(0x4D);
    Module(0, 0x7000, 0x6000, "ends-before-it-starts");
    Module(1, MEMORY, MEMORY + 0x1000, "out-of-reach");
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) == NULL);
    CHECK(LoaderBlock.ModuleCount == 0 && Lines == 2);
    Prepare(0x4D);
    Module(0, 0x7001, 0x7010, "not-on-a-page");
    Word(MODULES + 16)[2] = MEMORY + 100; /* no string */
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) == NULL && LoaderBlock.ModuleCount == 0);
    Prepare(0x4D);
    Word(INFO)[5] = 0xFFFFFFFF;
    CHECK(BootReadLoader(MULTIBOOT_LOADED, INFO) == NULL && LoaderBlock.ModuleCount == 0);
}

static void RandomDamageNeverReadsOutside(void)
{
    unsigned State = 2463534242u, Round, i;

    for (Round = 0; Round < 20000; Round++) {
        Prepare(0x4D);
        for (i = 0; i < 4; i++) {
            static const ULONG Places[] = {INFO, MAP, MODULES, LINE};
            ULONG Place = Places[UnitRandom(&State) % 4] + UnitRandom(&State) % 64;
            Memory[Place] = (UCHAR)UnitRandom(&State);
        }
        BootReadLoader(MULTIBOOT_LOADED, INFO);
        CHECK(LoaderBlock.ModuleCount <= LOADER_MODULES);
    }
}

int main(void)
{
    Memory = malloc(MEMORY);
    RUN(OptionsAreTakenApart);
    RUN(QuotesKeepBlanksAndBackslashesTakeLiterally);
    RUN(UnknownAndWrongOptionsAreSaidAndIgnored);
    RUN(TooLongLinesAndTooManyDriversAreCut);
    RUN(MemoryAndModulesAreRead);
    RUN(MemoryBeyondFourGigabytesIsLeftOut);
    RUN(WithoutAMapTheSizesDo);
    RUN(DamageIsRefused);
    RUN(BadModulesAreSaidAndLeftOut);
    RUN(RandomDamageNeverReadsOutside);
    printf("%u checks\n", UnitChecks);
    free(Memory);
    return 0;
}
