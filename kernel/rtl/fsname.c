/*
 * Names of files as file systems and filters take them apart: parts of paths, wildcards, which
 * characters are legal (WDK, FsRtl routines). Byte strings are Latin-1, so no byte begins a
 * two-byte character.
 *
 * Locks: none; constant data. IRQL: any at which the strings may be touched (the WDK says
 * PASSIVE_LEVEL), but for the match of an expression of more than 511 characters, which allocates
 * paged pool.
 */
#include "kernel/rtl/rtl.h"

/* What a character may be part of (the bits are FSRTL_xxx of ntifs.h). */
#define ALL     (FSRTL_FAT_LEGAL | FSRTL_HPFS_LEGAL | FSRTL_NTFS_LEGAL | FSRTL_OLE_LEGAL)
#define NOT_OLE (ALL & ~FSRTL_OLE_LEGAL)
#define NOT_FAT (ALL & ~FSRTL_FAT_LEGAL)
#define WILD    (FSRTL_WILD_CHARACTER | FSRTL_OLE_LEGAL)

/* By character; / : \ and 0 are legal nowhere. */
static const UCHAR LegalCharacters[128] = {
    [0x01 ... 0x1F] = FSRTL_OLE_LEGAL,
    [' '] = ALL,
    ['!'] = NOT_OLE,
    ['"'] = WILD,
    ['#' ... ')'] = ALL,
    ['*'] = WILD,
    ['+' ... ','] = NOT_FAT,
    ['-' ... '.'] = ALL,
    ['0' ... '9'] = ALL,
    [';'] = NOT_FAT,
    ['<'] = WILD,
    ['='] = NOT_FAT,
    ['>' ... '?'] = WILD,
    ['@' ... 'Z'] = ALL,
    ['['] = NOT_FAT,
    [']'] = NOT_FAT,
    ['^' ... '{'] = ALL,
    ['|'] = FSRTL_OLE_LEGAL,
    ['}' ... 0x7F] = ALL,
};

const UCHAR *const FsRtlLegalAnsiCharacterArray = LegalCharacters;

static BOOLEAN IsLegal(UCHAR C, UCHAR Kinds)
{
    return C > 0x7F || (LegalCharacters[C] & Kinds) != 0;
}

/* A string of either kind, so that each rule is written once. */
typedef struct _TEXT {
    PVOID Buffer;
    ULONG Length; /* in characters */
    BOOLEAN Wide;
} TEXT;

static TEXT WideText(PCUNICODE_STRING String)
{
    return (TEXT){String->Buffer, String->Length / sizeof(WCHAR), TRUE};
}

static TEXT ByteText(const STRING *String)
{
    return (TEXT){String->Buffer, String->Length, FALSE};
}

static WCHAR CharacterAt(const TEXT *Text, ULONG Index)
{
    ASSERT(Index < Text->Length);
    return Text->Wide ? ((PWCHAR)Text->Buffer)[Index] : ((PUCHAR)Text->Buffer)[Index];
}

/* Where the first part of a path begins and ends: a leading backslash belongs to no part. */
static ULONG FirstPart(const TEXT *Path, PULONG Begin)
{
    *Begin = Path->Length != 0 && CharacterAt(Path, 0) == '\\';
    ULONG End = *Begin;
    while (End < Path->Length && CharacterAt(Path, End) != '\\') {
        End++;
    }
    return End;
}

/* The parts point into the path. What there is not is an empty string without a buffer. */
VOID NTAPI FsRtlDissectName(UNICODE_STRING Name, PUNICODE_STRING FirstName,
                            PUNICODE_STRING RemainingName)
{
    ULONG Begin;
    TEXT Text = WideText(&Name);
    ULONG End = FirstPart(&Text, &Begin);
    RtlZeroMemory(FirstName, sizeof(*FirstName));
    RtlZeroMemory(RemainingName, sizeof(*RemainingName));
    if (Text.Length != 0) {
        FirstName->Buffer = Name.Buffer + Begin;
        FirstName->Length = FirstName->MaximumLength = (USHORT)((End - Begin) * sizeof(WCHAR));
    }
    if (End < Text.Length) {
        RemainingName->Buffer = Name.Buffer + End + 1;
        RemainingName->Length = RemainingName->MaximumLength =
            (USHORT)((Text.Length - End - 1) * sizeof(WCHAR));
    }
}

VOID NTAPI FsRtlDissectDbcs(ANSI_STRING Name, PANSI_STRING FirstName, PANSI_STRING RemainingName)
{
    ULONG Begin;
    TEXT Text = ByteText(&Name);
    ULONG End = FirstPart(&Text, &Begin);
    RtlZeroMemory(FirstName, sizeof(*FirstName));
    RtlZeroMemory(RemainingName, sizeof(*RemainingName));
    if (Text.Length != 0) {
        FirstName->Buffer = Name.Buffer + Begin;
        FirstName->Length = FirstName->MaximumLength = (USHORT)(End - Begin);
    }
    if (End < Text.Length) {
        RemainingName->Buffer = Name.Buffer + End + 1;
        RemainingName->Length = RemainingName->MaximumLength = (USHORT)(Text.Length - End - 1);
    }
}

static BOOLEAN HasWildCards(const TEXT *Name)
{
    for (ULONG i = 0; i < Name->Length; i++) {
        WCHAR C = CharacterAt(Name, i);
        if (C < RTL_NUMBER_OF(LegalCharacters) &&
            (LegalCharacters[C] & FSRTL_WILD_CHARACTER) != 0) {
            return TRUE;
        }
    }
    return FALSE;
}

BOOLEAN NTAPI FsRtlDoesNameContainWildCards(PUNICODE_STRING Name)
{
    TEXT Text = WideText(Name);
    return HasWildCards(&Text);
}

BOOLEAN NTAPI FsRtlDoesDbcsContainWildCards(PANSI_STRING Name)
{
    TEXT Text = ByteText(Name);
    return HasWildCards(&Text);
}

static WCHAR Capital(WCHAR C, BOOLEAN IgnoreCase, PCWCH UpcaseTable)
{
    if (!IgnoreCase) {
        return C;
    }
    return UpcaseTable != NULL ? UpcaseTable[C] : RtlUpcaseUnicodeChar(C);
}

/* UpcaseTable has the capital of each character; NULL: the system's own. */
BOOLEAN NTAPI FsRtlAreNamesEqual(PCUNICODE_STRING ConstantNameA, PCUNICODE_STRING ConstantNameB,
                                 BOOLEAN IgnoreCase, PCWCH UpcaseTable)
{
    if (ConstantNameA->Length != ConstantNameB->Length) {
        return FALSE;
    }
    for (ULONG i = 0; i < ConstantNameA->Length / sizeof(WCHAR); i++) {
        if (Capital(ConstantNameA->Buffer[i], IgnoreCase, UpcaseTable) !=
            Capital(ConstantNameB->Buffer[i], IgnoreCase, UpcaseTable)) {
            return FALSE;
        }
    }
    return TRUE;
}

/*
 * Matching. How far into the expression the name read so far can have come is a set: a bit for each
 * place, which is the next character's index. A place is left without a character of the name
 * (SkipPlaces), or with one (EatCharacter). The name matches if its end can be the expression's.
 */
#define END_OF_NAME MAXULONG /* what is read behind the name */

static BOOLEAN CanSkip(WCHAR Place, ULONG C)
{
    return Place == '*' || Place == DOS_STAR ||
           (Place == DOS_QM && (C == '.' || C == END_OF_NAME)) ||
           (Place == DOS_DOT && C == END_OF_NAME);
}

/* Whether a place stays where it is when a character is read. DOS_STAR does not go beyond the last
 * period. */
static BOOLEAN CanStay(WCHAR Place, BOOLEAN LastPeriod)
{
    return Place == '*' || (Place == DOS_STAR && !LastPeriod);
}

static BOOLEAN CanEat(WCHAR Place, ULONG C)
{
    switch (Place) {
    case '?':
        return TRUE;
    case DOS_QM:
        return C != '.';
    case DOS_DOT:
        return C == '.';
    case '*':
    case DOS_STAR:
        return FALSE;
    default:
        return Place == C;
    }
}

static VOID SkipPlaces(PRTL_BITMAP Places, const TEXT *Expression, ULONG C)
{
    for (ULONG i = 0; i < Expression->Length; i++) {
        if (RtlTestBit(Places, i) && CanSkip(CharacterAt(Expression, i), C)) {
            RtlSetBit(Places, i + 1);
        }
    }
}

/* From the end, so that each place is left before it is entered. */
static VOID EatCharacter(PRTL_BITMAP Places, const TEXT *Expression, ULONG C, BOOLEAN LastPeriod)
{
    for (ULONG i = Expression->Length + 1; i-- > 0;) {
        BOOLEAN Stays = i < Expression->Length && RtlTestBit(Places, i) &&
                        CanStay(CharacterAt(Expression, i), LastPeriod);
        BOOLEAN Entered =
            i > 0 && RtlTestBit(Places, i - 1) && CanEat(CharacterAt(Expression, i - 1), C);
        if (Stays || Entered) {
            RtlSetBit(Places, i);
        } else {
            RtlClearBit(Places, i);
        }
    }
}

static BOOLEAN MatchWith(PRTL_BITMAP Places, const TEXT *Expression, const TEXT *Name,
                         BOOLEAN IgnoreCase, PCWCH UpcaseTable)
{
    ULONG LastPeriod = Name->Length;
    for (ULONG i = 0; i < Name->Length; i++) {
        LastPeriod = CharacterAt(Name, i) == '.' ? i : LastPeriod;
    }
    RtlClearAllBits(Places);
    RtlSetBit(Places, 0);
    for (ULONG i = 0; i < Name->Length; i++) {
        ULONG C = Capital(CharacterAt(Name, i), IgnoreCase, UpcaseTable);
        SkipPlaces(Places, Expression, C);
        EatCharacter(Places, Expression, C, i == LastPeriod);
    }
    SkipPlaces(Places, Expression, END_OF_NAME);
    return RtlTestBit(Places, Expression->Length);
}

/* An empty string matches an empty expression only. Raises STATUS_NO_MEMORY. */
static BOOLEAN Match(const TEXT *Expression, const TEXT *Name, BOOLEAN IgnoreCase,
                     PCWCH UpcaseTable)
{
    ULONG FewPlaces[512 / 32];
    PULONG Bits = FewPlaces;
    RTL_BITMAP Places;
    if (Expression->Length == 0 || Name->Length == 0) {
        return Expression->Length == Name->Length;
    }
    if (Expression->Length >= 512) {
        Bits = RtlpAllocateString((Expression->Length / 32 + 1) * sizeof(ULONG));
        if (Bits == NULL) {
            ExRaiseStatus(STATUS_NO_MEMORY);
        }
    }
    RtlInitializeBitMap(&Places, Bits, Expression->Length + 1);
    BOOLEAN Result = MatchWith(&Places, Expression, Name, IgnoreCase, UpcaseTable);
    if (Bits != FewPlaces) {
        ExFreePool(Bits);
    }
    return Result;
}

/* With IgnoreCase the expression consists of capitals. */
BOOLEAN NTAPI FsRtlIsNameInExpression(PUNICODE_STRING Expression, PUNICODE_STRING Name,
                                      BOOLEAN IgnoreCase, PWCHAR UpcaseTable)
{
    TEXT ExpressionText = WideText(Expression);
    TEXT NameText = WideText(Name);
    return Match(&ExpressionText, &NameText, IgnoreCase, UpcaseTable);
}

BOOLEAN NTAPI FsRtlIsDbcsInExpression(PANSI_STRING Expression, PANSI_STRING Name)
{
    TEXT ExpressionText = ByteText(Expression);
    TEXT NameText = ByteText(Name);
    return Match(&ExpressionText, &NameText, FALSE, NULL);
}

/* One part of a path by FAT's rules: up to eight characters, and up to three behind a period. */
static BOOLEAN IsFatPart(const STRING *Part, UCHAR Kinds)
{
    ULONG Period = Part->Length;
    BOOLEAN Wild = FALSE;
    for (ULONG i = 0; i < Part->Length; i++) {
        UCHAR C = (UCHAR)Part->Buffer[i];
        if (!IsLegal(C, Kinds) || (C == '.' && Period != Part->Length)) {
            return FALSE;
        }
        Wild |= C < 0x80 && (LegalCharacters[C] & FSRTL_WILD_CHARACTER) != 0;
        Period = C == '.' ? i : Period;
    }
    if (Wild) {
        return TRUE; /* what it will match has a length */
    }
    ULONG Extension = Period < Part->Length ? Part->Length - Period - 1 : 0;
    return Period >= 1 && Period <= 8 && Extension <= 3 && Part->Buffer[Period - 1] != ' ' &&
           Part->Buffer[Part->Length - 1] != '.' && Part->Buffer[Part->Length - 1] != ' ';
}

static BOOLEAN IsHpfsPart(const STRING *Part, UCHAR Kinds)
{
    for (ULONG i = 0; i < Part->Length; i++) {
        if (!IsLegal((UCHAR)Part->Buffer[i], Kinds)) {
            return FALSE;
        }
    }
    CHAR Last = Part->Length != 0 ? Part->Buffer[Part->Length - 1] : '.';
    return Part->Length <= 255 && Last != '.' && Last != ' ';
}

/* Each part of a path, or the one name, by IsPart's rules. The names . and .. are always legal. */
static BOOLEAN IsLegalName(ANSI_STRING Name, BOOLEAN Path, BOOLEAN LeadingBackslash, UCHAR Kinds,
                           BOOLEAN (*IsPart)(const STRING *Part, UCHAR Kinds))
{
    STRING Part;
    if (Name.Length == 0) {
        return FALSE;
    }
    if (Name.Buffer[0] == '\\') {
        if (!LeadingBackslash) {
            return FALSE;
        }
        Name.Buffer++;
        if (--Name.Length == 0) {
            return TRUE;
        }
    }
    do {
        if (Name.Buffer[0] == '\\') {
            return FALSE;
        }
        BOOLEAN More = memchr(Name.Buffer, '\\', Name.Length) != NULL;
        FsRtlDissectDbcs(Name, &Part, &Name);
        BOOLEAN Dots = Part.Buffer[0] == '.' &&
                       (Part.Length == 1 || (Part.Length == 2 && Part.Buffer[1] == '.'));
        if ((!Dots && !IsPart(&Part, Kinds)) || (More && (!Path || Name.Length == 0))) {
            return FALSE;
        }
    } while (Name.Length != 0);
    return TRUE;
}

BOOLEAN NTAPI FsRtlIsFatDbcsLegal(ANSI_STRING DbcsName, BOOLEAN WildCardsPermissible,
                                  BOOLEAN PathNamePermissible, BOOLEAN LeadingBackslashPermissible)
{
    UCHAR Kinds = FSRTL_FAT_LEGAL | (WildCardsPermissible ? FSRTL_WILD_CHARACTER : 0);
    return IsLegalName(DbcsName, PathNamePermissible, LeadingBackslashPermissible, Kinds,
                       IsFatPart);
}

BOOLEAN NTAPI FsRtlIsHpfsDbcsLegal(ANSI_STRING DbcsName, BOOLEAN WildCardsPermissible,
                                   BOOLEAN PathNamePermissible, BOOLEAN LeadingBackslashPermissible)
{
    UCHAR Kinds = FSRTL_HPFS_LEGAL | (WildCardsPermissible ? FSRTL_WILD_CHARACTER : 0);
    return IsLegalName(DbcsName, PathNamePermissible, LeadingBackslashPermissible, Kinds,
                       IsHpfsPart);
}
