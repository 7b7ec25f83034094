/*
 * The reader of .reg files: what it takes out of good ones, and where it says that a bad one is
 * bad. The sink writes what it is given as text.
 */
#include "kernel/nt.h"
#include "kernel/cm/regfile.h"
#include "unit.h"

#define HEADER      "Windows Registry Editor Version 5.00\r\n"
#define HEADER_WIDE L"REGEDIT4\r\n"

int snprintf(char *Text, size_t Size, const char *Format, ...); /* the host's */

static char Seen[4096]; /* what the sink was given */
static unsigned SeenLength;
static int Blocks;
static NTSTATUS SinkStatus;

PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    CHECK(PoolType == PagedPool && NumberOfBytes != 0 && Tag != 0);
    Blocks++;
    return malloc(NumberOfBytes);
}

VOID NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    (void)Tag;
    Blocks--;
    free(P);
}

static void Add(const char *Format, unsigned Value)
{
    int Length = snprintf(Seen + SeenLength, sizeof Seen - SeenLength, Format, Value);

    CHECK(Length >= 0 && SeenLength + Length < sizeof Seen);
    SeenLength += Length;
}

static void AddString(PUNICODE_STRING String)
{
    for (unsigned i = 0; i < String->Length / sizeof(WCHAR); i++)
        Add(String->Buffer[i] < 0x80 ? "%c" : "<%x>", String->Buffer[i]);
}

static NTSTATUS TakeKey(PVOID Context, PUNICODE_STRING Path, BOOLEAN Delete)
{
    (void)Context;
    Add(Delete ? "-[" : "[", 0);
    AddString(Path);
    Add("]", 0);
    return SinkStatus;
}

static NTSTATUS TakeValue(PVOID Context, PUNICODE_STRING Name, ULONG Type, const VOID *Data,
                          ULONG Length)
{
    (void)Context;
    AddString(Name);
    Add("=%u:", Type);
    for (ULONG i = 0; i < Length; i++)
        Add("%02x", ((const UCHAR *)Data)[i]);
    Add(" ", 0);
    return SinkStatus;
}

static NTSTATUS TakeDeletion(PVOID Context, PUNICODE_STRING Name)
{
    (void)Context;
    AddString(Name);
    Add("=- ", 0);
    return SinkStatus;
}

static const CM_REG_SINK Sink = {TakeKey, TakeValue, TakeDeletion};

static CM_REG_MISTAKE ReadBytes(const void *Bytes, ULONG Size)
{
    CM_REG_MISTAKE Mistake;
    ULONG Units;
    UCHAR *Copy = malloc(Size ? Size : 1); /* exactly as long as it is */
    PWCHAR Text;

    for (ULONG i = 0; i < Size; i++)
        Copy[i] = ((const UCHAR *)Bytes)[i];
    Text = CmpDecodeText(Copy, Size, &Units);
    free(Copy);
    SeenLength = 0;
    Seen[0] = 0;
    CmpReadRegFile(Text, Units, &Sink, NULL, &Mistake);
    ExFreePoolWithTag(Text, 1);
    CHECK(Blocks == 0);
    return Mistake;
}

static unsigned Length(const char *Text)
{
    unsigned i = 0;

    while (Text[i])
        i++;
    return i;
}

static BOOLEAN Reads(const char *Text, const char *Expected)
{
    CM_REG_MISTAKE Mistake = ReadBytes(Text, Length(Text));
    unsigned i = 0;

    if (Mistake.Reason)
        printf("line %u: %s\n", (unsigned)Mistake.Line, Mistake.Reason);
    while (Seen[i] && Seen[i] == Expected[i])
        i++;
    if (Seen[i] != Expected[i])
        printf("read: %s\n", Seen);
    return Mistake.Reason == NULL && Seen[i] == Expected[i];
}

static BOOLEAN RefusesAt(unsigned Line, const char *Text)
{
    CM_REG_MISTAKE Mistake = ReadBytes(Text, Length(Text));

    if (Mistake.Reason && Mistake.Line != Line)
        printf("line %u: %s\n", (unsigned)Mistake.Line, Mistake.Reason);
    return Mistake.Reason && Mistake.Line == Line;
}

static void ValuesOfAllKinds(void)
{
    CHECK(Reads(HEADER "\r\n[HKLM\\A]\r\n\"n\"=\"a\\\\b\\\"\"\r\n@=\"\"\n",
                "[HKLM\\A]n=1:61005c00620022000000 =1:0000 "));
    CHECK(Reads(HEADER "[K]\n\"d\" = dword:0000002A ; a comment\n", "[K]d=4:2a000000 "));
    CHECK(Reads(HEADER "[K]\n\"h\"=hex:01,02,\\\n  03\n\"e\"=hex:\n", "[K]h=3:010203 e=3: "));
    CHECK(Reads(HEADER "[K]\n\"x\"=hex(2):25,00,00,00\n\"m\"=hex(7):41,00,00,00,00,00\n",
                "[K]x=2:25000000 m=7:410000000000 "));
    CHECK(Reads(HEADER "[K]\n\"q\"=hex(b):1,2,3,4,5,6,7,8", "[K]q=11:0102030405060708 "));
    CHECK(Reads("REGEDIT4\n\n[K]\n\"x\"=hex(2):25,00\n\"b\"=hex:25\n", "[K]x=2:25000000 b=3:25 "));
}

static void DeletionsAndComments(void)
{
    CHECK(Reads(HEADER "; nothing\n\n[-HKLM\\A]\n[K]\n\"n\"=-\n  ; more\n", "-[HKLM\\A][K]n=- "));
    CHECK(Reads(HEADER "[A]b]\n", "[A]b]"));
    CHECK(Reads(HEADER, ""));
}

static void Encodings(void)
{
    static const WCHAR Wide[] = L"\xFEFF" HEADER_WIDE L"[\xE4\\B]\r\n\"n\"=dword:1\r\n";

    CHECK(Reads("\xEF\xBB\xBF" HEADER "[\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80]\n",
                "[<e4><20ac><d83d><de00>]"));
    CHECK(Reads(HEADER "[\xC3(\xFF\xE2\x82]\n", "[<fffd>(<fffd><fffd><fffd>]"));
    CHECK(Reads(HEADER "[\xC0\xAF\xED]\n", "[<fffd><fffd>]"));
    CHECK(ReadBytes(Wide, sizeof Wide - sizeof(WCHAR)).Reason == NULL);
    CHECK(SeenLength == 21 && Seen[0] == '[' && Seen[SeenLength - 2] == '0');
}

static void MistakesAreFoundOnTheirLines(void)
{
    CHECK(RefusesAt(1, ""));
    CHECK(RefusesAt(1, "[K]\n"));
    CHECK(RefusesAt(1, "REGEDIT5\n"));
    CHECK(RefusesAt(2, HEADER "\"n\"=\"a\"\n"));
    CHECK(RefusesAt(3, HEADER "[K]\n\"n\"\n"));
    CHECK(RefusesAt(3, HEADER "[K]\n\"n\"=word:1\n"));
    CHECK(RefusesAt(3, HEADER "[K]\n\"n\"=dword:\n"));
    CHECK(RefusesAt(3, HEADER "[K]\n\"n\"=dword:123456789\n"));
    CHECK(RefusesAt(3, HEADER "[K]\n\"n\"=\"a\nb\"\n"));
    CHECK(RefusesAt(3, HEADER "[K]\n\"n\"=hex:01,\n"));
    CHECK(RefusesAt(4, HEADER "[K]\n\"n\"=hex:01,\\\n zz\n"));
    CHECK(RefusesAt(3, HEADER "[K]\n\"n\"=hex(2:01\n"));
    CHECK(RefusesAt(3, HEADER "[K]\n\"n\"=hex:01 \\ 02\n"));
    CHECK(RefusesAt(2, HEADER "[K\n"));
    CHECK(RefusesAt(2, HEADER "[K] x\n"));
    CHECK(RefusesAt(4, HEADER "[K]\n[-K]\n\"n\"=-\n"));
    CHECK(RefusesAt(3, HEADER "\nname=1\n"));
    SinkStatus = STATUS_CANNOT_DELETE;
    CHECK(RefusesAt(3, HEADER "\n[K]\n"));
    SinkStatus = STATUS_SUCCESS;
}

/* Whatever the bytes are, the reader ends, and stays within them. */
static void AnyBytesAreSurvived(void)
{
    static const char Good[] = HEADER "[K]\n\"n\"=hex(7):01,\\\n 02\n@=\"a\\\\\"\n\"d\"=dword:1\n";
    char Text[sizeof Good];
    unsigned State = 1, Round, i;

    for (Round = 0; Round < 20000; Round++) {
        for (i = 0; i < sizeof Good; i++)
            Text[i] = Good[i];
        for (i = UnitRandom(&State) % 4; i > 0; i--)
            Text[UnitRandom(&State) % sizeof Good] = (char)UnitRandom(&State);
        ReadBytes(Text,
                  UnitRandom(&State) % 4 ? sizeof Good - 1 : UnitRandom(&State) % sizeof Good);
    }
    CHECK(Blocks == 0);
}

int main(void)
{
    RUN(ValuesOfAllKinds);
    RUN(DeletionsAndComments);
    RUN(Encodings);
    RUN(MistakesAreFoundOnTheirLines);
    RUN(AnyBytesAreSurvived);
    return 0;
}
