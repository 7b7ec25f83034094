/*
 * The reader of .reg files (kernel/cm/regfile.h). A file is a line "REGEDIT4" or "Windows Registry
 * Editor Version 5.00" and then keys, each with its values:
 *
 *      ; a comment
 *      [HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\demo\Parameters]
 *      @="the value without a name"
 *      "Text"="C:\\DIR, and \"quoted\""
 *      "Number"=dword:0000002a
 *      "Bytes"=hex:01,02,\
 *        03
 *      "Expandable"=hex(2):25,00,41,00,25,00,00,00
 *      "Gone"=-
 *      [-HKEY_LOCAL_MACHINE\SOFTWARE\Gone]
 *
 * In REGEDIT4 the strings of hex(2) and hex(7) have one byte a character, else two.
 */
#include "kernel/cm/regfile.h"
#include "kernel/rtl/rtl.h"

#define TAG_TEXT 'tRmC'

typedef struct _CM_READER {
    PCWSTR At, End;
    ULONG Line;
    ULONG FirstLine; /* of the key or value that is being read */
    PCSTR Reason;
    BOOLEAN Narrow; /* REGEDIT4 */
    BOOLEAN HasKey; /* values belong to something */
    PWCHAR Scratch; /* room for a line's name and data without their escapes */
    const CM_REG_SINK *Sink;
    PVOID Context;
} CM_READER;

/* ---- Text --------------------------------------------------------------------------------------
 */

/* One character of UTF-8, or U+FFFD for a byte that is not part of one. */
static ULONG CmpDecodeUtf8(const UCHAR *Data, ULONG Size, PULONG At)
{
    static const ULONG Least[] = {0, 0, 0x80, 0x800, 0x10000};
    UCHAR First = Data[(*At)++];
    ULONG Length = First < 0x80 ? 1 : First < 0xC0 ? 0 : First < 0xE0 ? 2 : First < 0xF0 ? 3 : 4;
    ULONG Character = First & (0x7F >> (Length > 1 ? Length : 0)), i;

    if (Length == 1)
        return First;
    if (Length == 0 || First > 0xF4 || Length - 1 > Size - *At)
        return 0xFFFD;
    for (i = 0; i < Length - 1; i++) {
        if ((Data[*At + i] & 0xC0) != 0x80)
            return 0xFFFD;
        Character = Character << 6 | (Data[*At + i] & 0x3F);
    }
    *At += Length - 1;
    return Character < Least[Length] || Character > 0x10FFFF ? 0xFFFD : Character;
}

/* UTF-16 with the mark FF FE before it, or UTF-8 with or without its own. */
PWCHAR CmpDecodeText(const UCHAR *Data, ULONG Size, PULONG Units)
{
    PWCHAR Text = ExAllocatePoolWithTag(PagedPool, (Size + 1) * sizeof(WCHAR), TAG_TEXT);
    ULONG At = 0, Character;

    *Units = 0;
    if (Text == NULL)
        return NULL;
    if (Size >= 2 && Data[0] == 0xFF && Data[1] == 0xFE) {
        *Units = Size / sizeof(WCHAR) - 1;
        memcpy(Text, Data + 2, *Units * sizeof(WCHAR));
        return Text;
    }
    if (Size >= 3 && Data[0] == 0xEF && Data[1] == 0xBB && Data[2] == 0xBF)
        At = 3;
    while (At < Size) {
        Character = CmpDecodeUtf8(Data, Size, &At);
        if (Character >= 0x10000) {
            Text[(*Units)++] = (WCHAR)(0xD7C0 + (Character >> 10));
            Character = 0xDC00 | (Character & 0x3FF);
        }
        Text[(*Units)++] = (WCHAR)Character;
    }
    return Text;
}

/* What comes next; 0 at the end, and for a zero, which no rule accepts. */
static WCHAR CmpPeek(CM_READER *Reader)
{
    return Reader->At < Reader->End ? *Reader->At : 0;
}

static BOOLEAN CmpTake(CM_READER *Reader, WCHAR Character)
{
    if (CmpPeek(Reader) != Character || Reader->At == Reader->End)
        return FALSE;
    Reader->At++;
    return TRUE;
}

static BOOLEAN CmpTakeWord(CM_READER *Reader, PCWSTR Word)
{
    PCWSTR At = Reader->At;

    for (; *Word; Word++, At++) {
        if (At == Reader->End || RtlUpcaseUnicodeChar(*At) != RtlUpcaseUnicodeChar(*Word))
            return FALSE;
    }
    Reader->At = At;
    return TRUE;
}

static VOID CmpSkipBlanks(CM_READER *Reader)
{
    while (CmpPeek(Reader) == L' ' || CmpPeek(Reader) == L'\t')
        Reader->At++;
}

/* FALSE: the line goes on with something else. */
static BOOLEAN CmpEndLine(CM_READER *Reader)
{
    CmpSkipBlanks(Reader);
    if (CmpPeek(Reader) == L';') {
        while (Reader->At < Reader->End && *Reader->At != L'\n')
            Reader->At++;
    }
    CmpTake(Reader, L'\r');
    if (Reader->At == Reader->End)
        return TRUE;
    if (!CmpTake(Reader, L'\n'))
        return FALSE;
    Reader->Line++;
    return TRUE;
}

static BOOLEAN CmpRefuse(CM_READER *Reader, PCSTR Reason)
{
    Reader->Reason = Reason;
    return FALSE;
}

/* What the sink says of a key or value, which has been read to its end. */
static BOOLEAN CmpAccept(CM_READER *Reader, NTSTATUS Status)
{
    if (NT_SUCCESS(Status))
        return TRUE;
    Reader->Line = Reader->FirstLine;
    if (Status == STATUS_INSUFFICIENT_RESOURCES)
        return CmpRefuse(Reader, "no memory");
    if (Status == STATUS_OBJECT_PATH_SYNTAX_BAD)
        return CmpRefuse(Reader, "a key begins with HKEY_LOCAL_MACHINE or HKEY_USERS");
    return CmpRefuse(Reader, "the registry does not allow this");
}

/* ---- Parts of a line ---------------------------------------------------------------------------
 */

/* A text in quotes, without them, into the scratch area at To; zero-terminated there. */
static BOOLEAN CmpReadQuoted(CM_READER *Reader, PWCHAR To, PUNICODE_STRING String)
{
    ULONG Units = 0;

    CmpTake(Reader, L'"');
    while (CmpPeek(Reader) && CmpPeek(Reader) != L'"' && CmpPeek(Reader) != L'\n') {
        if (*Reader->At == L'\\' && Reader->At + 1 < Reader->End &&
            (Reader->At[1] == L'\\' || Reader->At[1] == L'"'))
            Reader->At++;
        To[Units++] = *Reader->At++;
    }
    if (!CmpTake(Reader, L'"'))
        return CmpRefuse(Reader, "a text does not end on its line");
    if (Units >= MAXUSHORT / sizeof(WCHAR))
        return CmpRefuse(Reader, "a text is too long");
    To[Units] = 0;
    String->Buffer = To;
    String->Length = String->MaximumLength = (USHORT)(Units * sizeof(WCHAR));
    return TRUE;
}

/* A hexadecimal number of at most Digits digits, and at least one. */
static BOOLEAN CmpReadHex(CM_READER *Reader, ULONG Digits, PULONG Number)
{
    ULONG Count = 0;
    WCHAR Digit;

    for (*Number = 0; Count < Digits; Count++, Reader->At++) {
        Digit = RtlUpcaseUnicodeChar(CmpPeek(Reader));
        if (Digit >= L'0' && Digit <= L'9')
            *Number = *Number << 4 | (Digit - L'0');
        else if (Digit >= L'A' && Digit <= L'F')
            *Number = *Number << 4 | (Digit - L'A' + 10);
        else
            break;
    }
    return Count ? TRUE : CmpRefuse(Reader, "a hexadecimal number is expected");
}

/* A backslash at the end of a line: the bytes go on in the next. */
static BOOLEAN CmpContinueLine(CM_READER *Reader)
{
    CmpSkipBlanks(Reader);
    if (CmpTake(Reader, L'\\')) {
        if (!CmpEndLine(Reader))
            return CmpRefuse(Reader, "a backslash is not the last of its line");
        CmpSkipBlanks(Reader);
    }
    return TRUE;
}

/* Bytes with commas between them. Wide: each is a character of its own, to be stored in two. */
static BOOLEAN CmpReadBytes(CM_READER *Reader, BOOLEAN Wide, PUCHAR To, PULONG Length)
{
    ULONG Byte;

    *Length = 0;
    do {
        if (!CmpContinueLine(Reader))
            return FALSE;
        if (*Length == 0 &&
            (CmpPeek(Reader) == L'\r' || CmpPeek(Reader) == L'\n' || Reader->At == Reader->End))
            return TRUE; /* no bytes at all */
        if (!CmpReadHex(Reader, 2, &Byte))
            return FALSE;
        To[(*Length)++] = (UCHAR)Byte;
        if (Wide)
            To[(*Length)++] = 0;
        CmpSkipBlanks(Reader);
    } while (CmpTake(Reader, L','));
    return TRUE;
}

/* ---- Lines -------------------------------------------------------------------------------------
 */

static BOOLEAN CmpSetRead(CM_READER *Reader, PUNICODE_STRING Name, ULONG Type, const VOID *Data,
                          ULONG Length)
{
    if (!CmpEndLine(Reader))
        return CmpRefuse(Reader, "there is more on the line than a value");
    return CmpAccept(Reader, Reader->Sink->SetValue(Reader->Context, Name, Type, Data, Length));
}

static BOOLEAN CmpReadText(CM_READER *Reader, PUNICODE_STRING Name, PWCHAR Room)
{
    UNICODE_STRING Text;

    if (!CmpReadQuoted(Reader, Room, &Text))
        return FALSE;
    return CmpSetRead(Reader, Name, REG_SZ, Text.Buffer, Text.Length + sizeof(WCHAR));
}

static BOOLEAN CmpReadDword(CM_READER *Reader, PUNICODE_STRING Name)
{
    ULONG Number;

    if (!CmpReadHex(Reader, 8, &Number))
        return FALSE;
    return CmpSetRead(Reader, Name, REG_DWORD, &Number, sizeof Number);
}

/* hex: or hex(TYPE): */
static BOOLEAN CmpReadBinary(CM_READER *Reader, PUNICODE_STRING Name, PWCHAR Room)
{
    ULONG Type = REG_BINARY, Length;
    BOOLEAN Wide;

    if (CmpTake(Reader, L'(')) {
        if (!CmpReadHex(Reader, 8, &Type))
            return FALSE;
        if (!CmpTake(Reader, L')'))
            return CmpRefuse(Reader, "a ) is missing");
    }
    if (!CmpTake(Reader, L':'))
        return CmpRefuse(Reader, "a : is missing");
    Wide = Reader->Narrow && (Type == REG_SZ || Type == REG_EXPAND_SZ || Type == REG_MULTI_SZ);
    if (!CmpReadBytes(Reader, Wide, (PUCHAR)Room, &Length))
        return FALSE;
    return CmpSetRead(Reader, Name, Type, Room, Length);
}

static BOOLEAN CmpReadDeletion(CM_READER *Reader, PUNICODE_STRING Name)
{
    if (!CmpEndLine(Reader))
        return CmpRefuse(Reader, "there is more on the line than a value");
    return CmpAccept(Reader, Reader->Sink->DeleteValue(Reader->Context, Name));
}

/* "Name"= or @= and what follows. */
static BOOLEAN CmpReadValue(CM_READER *Reader)
{
    UNICODE_STRING Name = {0};
    PWCHAR Room = Reader->Scratch;

    if (!Reader->HasKey)
        return CmpRefuse(Reader, "a value stands before the first key");
    if (!CmpTake(Reader, L'@')) {
        if (!CmpReadQuoted(Reader, Room, &Name))
            return FALSE;
        Room += Name.Length / sizeof(WCHAR) + 1;
    }
    CmpSkipBlanks(Reader);
    if (!CmpTake(Reader, L'='))
        return CmpRefuse(Reader, "a = is missing after the value's name");
    CmpSkipBlanks(Reader);
    if (CmpPeek(Reader) == L'"')
        return CmpReadText(Reader, &Name, Room);
    if (CmpTakeWord(Reader, L"dword:"))
        return CmpReadDword(Reader, &Name);
    if (CmpTakeWord(Reader, L"hex"))
        return CmpReadBinary(Reader, &Name, Room);
    if (CmpTake(Reader, L'-'))
        return CmpReadDeletion(Reader, &Name);
    return CmpRefuse(Reader, "a value is a text in quotes, dword:, hex:, hex(TYPE): or -");
}

/* [Path] or [-Path], whose [ has been taken. The path may hold a ]: the last one ends it. */
static BOOLEAN CmpReadKey(CM_READER *Reader)
{
    BOOLEAN Delete = CmpTake(Reader, L'-');
    PCWSTR Start = Reader->At, Last = NULL;
    UNICODE_STRING Path;

    for (; Reader->At < Reader->End && *Reader->At != L'\n'; Reader->At++) {
        if (*Reader->At == L']')
            Last = Reader->At;
    }
    if (Last == NULL)
        return CmpRefuse(Reader, "a ] is missing");
    Reader->At = Last + 1;
    if (!CmpEndLine(Reader))
        return CmpRefuse(Reader, "there is more on the line than a key");
    if ((ULONG)(Last - Start) >= MAXUSHORT / sizeof(WCHAR))
        return CmpRefuse(Reader, "a key is too long");
    Path.Buffer = (PWCHAR)Start;
    Path.Length = Path.MaximumLength = (USHORT)((Last - Start) * sizeof(WCHAR));
    Reader->HasKey = !Delete;
    return CmpAccept(Reader, Reader->Sink->Key(Reader->Context, &Path, Delete));
}

static BOOLEAN CmpReadHeader(CM_READER *Reader)
{
    Reader->Narrow = CmpTakeWord(Reader, L"REGEDIT4");
    if ((Reader->Narrow || CmpTakeWord(Reader, L"Windows Registry Editor Version 5.00")) &&
        CmpEndLine(Reader))
        return TRUE;
    return CmpRefuse(Reader, "the first line is neither REGEDIT4 nor Windows Registry Editor "
                             "Version 5.00");
}

static BOOLEAN CmpReadLine(CM_READER *Reader)
{
    Reader->FirstLine = Reader->Line;
    if (CmpEndLine(Reader))
        return TRUE;
    if (CmpTake(Reader, L'['))
        return CmpReadKey(Reader);
    if (CmpPeek(Reader) == L'"' || CmpPeek(Reader) == L'@')
        return CmpReadValue(Reader);
    return CmpRefuse(Reader, "a line is a [key], a \"value\"=, or a ; comment");
}

VOID CmpReadRegFile(PCWSTR Text, ULONG Units, const CM_REG_SINK *Sink, PVOID Context,
                    CM_REG_MISTAKE *Mistake)
{
    CM_READER Reader = {
        .At = Text, .End = Text + Units, .Line = 1, .Sink = Sink, .Context = Context};

    Reader.Scratch = ExAllocatePoolWithTag(PagedPool, (Units + 2) * sizeof(WCHAR), TAG_TEXT);
    if (Reader.Scratch == NULL) {
        Reader.Reason = "no memory";
    } else if (CmpReadHeader(&Reader)) {
        while (Reader.At < Reader.End && CmpReadLine(&Reader))
            ;
    }
    Mistake->Line = Reader.Line;
    Mistake->Reason = Reader.Reason;
    if (Reader.Scratch)
        ExFreePoolWithTag(Reader.Scratch, TAG_TEXT);
}
