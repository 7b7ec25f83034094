/*
 * cmtest.sys: what a driver may rely on about the registry: keys, values, what is there at boot,
 * and the service key that its DriverEntry is told of (WDK, the pages of the routines).
 */
#include <ntifs.h>
#include <ntddk.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define SOFTWARE   L"\\Registry\\Machine\\Software"
#define PLAYGROUND SOFTWARE L"\\cmtest"
#define LONG_NAME  255

/* Not in the headers: WDK, KEY_NAME_INFORMATION. */
typedef struct _NAME_INFORMATION {
    ULONG NameLength;
    WCHAR Name[1];
} NAME_INFORMATION;

static HANDLE Play; /* PLAYGROUND, open for everything */

/* ---- Helpers -----------------------------------------------------------------------------------
 */

static UNICODE_STRING Text(PCWSTR Characters)
{
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Characters);
    return String;
}

static NTSTATUS Open(HANDLE Root, PCWSTR Path, PHANDLE Key)
{
    UNICODE_STRING Name = Text(Path);
    OBJECT_ATTRIBUTES Attributes;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, Root,
                               NULL);
    return ZwOpenKey(Key, KEY_ALL_ACCESS, &Attributes);
}

static NTSTATUS Create(HANDLE Root, PCWSTR Path, ULONG Options, PHANDLE Key, PULONG Disposition)
{
    UNICODE_STRING Name = Text(Path);
    OBJECT_ATTRIBUTES Attributes;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, Root,
                               NULL);
    return ZwCreateKey(Key, KEY_ALL_ACCESS, &Attributes, 0, NULL, Options, Disposition);
}

static NTSTATUS Set(HANDLE Key, PCWSTR Name, ULONG Type, PVOID Data, ULONG Length)
{
    UNICODE_STRING String = Text(Name);

    return ZwSetValueKey(Key, &String, 0, Type, Data, Length);
}

static NTSTATUS SetNumber(HANDLE Key, PCWSTR Name, ULONG Number)
{
    return Set(Key, Name, REG_DWORD, &Number, sizeof Number);
}

static NTSTATUS Query(HANDLE Key, PCWSTR Name, KEY_VALUE_INFORMATION_CLASS Class, PVOID Info,
                      ULONG Length, PULONG Needed)
{
    UNICODE_STRING String = Text(Name);

    return ZwQueryValueKey(Key, &String, Class, Info, Length, Needed);
}

/* A number that is there; MAXULONG: it is not. */
static ULONG Number(HANDLE Key, PCWSTR Name)
{
    ULONG Needed;
    struct {
        KEY_VALUE_PARTIAL_INFORMATION Info;
        ULONG Room;
    } Value;

    if (Query(Key, Name, KeyValuePartialInformation, &Value, sizeof Value, &Needed) !=
            STATUS_SUCCESS ||
        Value.Info.Type != REG_DWORD || Value.Info.DataLength != sizeof(ULONG))
        return MAXULONG;
    return *(UNALIGNED ULONG *)Value.Info.Data;
}

static BOOLEAN Same(const WCHAR *Characters, ULONG Bytes, PCWSTR Expected)
{
    UNICODE_STRING Left = {(USHORT)Bytes, (USHORT)Bytes, (PWSTR)Characters}, Right = Text(Expected);

    return RtlEqualUnicodeString(&Left, &Right, TRUE);
}

/* The n-th subkey's name is the expected one. */
static BOOLEAN SubKeyIs(HANDLE Key, ULONG Index, PCWSTR Expected)
{
    UCHAR Room[sizeof(KEY_BASIC_INFORMATION) + 64];
    PKEY_BASIC_INFORMATION Info = (PKEY_BASIC_INFORMATION)Room;
    ULONG Needed;

    return ZwEnumerateKey(Key, Index, KeyBasicInformation, Info, sizeof Room, &Needed) ==
               STATUS_SUCCESS &&
           Same(Info->Name, Info->NameLength, Expected);
}

static VOID Remove(HANDLE Root, PCWSTR Path)
{
    HANDLE Key;

    if (Open(Root, Path, &Key) == STATUS_SUCCESS) {
        ZwDeleteKey(Key);
        ZwClose(Key);
    }
}

/* ---- Keys --------------------------------------------------------------------------------------
 */

static VOID TestCreation(VOID)
{
    HANDLE Key = NULL, Again;
    ULONG Disposition = 0;

    CheckEqual("create: a new key", Create(NULL, PLAYGROUND, 0, &Play, &Disposition),
               STATUS_SUCCESS);
    CheckEqual("create: says that it is new", Disposition, REG_CREATED_NEW_KEY);
    CheckEqual("create: below another", Create(Play, L"Sub", 0, &Key, NULL), STATUS_SUCCESS);
    CheckEqual("create: one that exists, in other letters",
               Create(Play, L"sUB", 0, &Again, &Disposition), STATUS_SUCCESS);
    CheckEqual("create: says that it is not new", Disposition, REG_OPENED_EXISTING_KEY);
    CheckEqual("create: both handles are of one key", SetNumber(Key, L"One", 1), STATUS_SUCCESS);
    CheckEqual("create: seen through the other", Number(Again, L"ONE"), 1);
    ZwClose(Again);
    CheckEqual("create: not with its parent missing", Create(Play, L"No\\Such", 0, &Again, NULL),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("create: options that there are not", Create(Play, L"Odd", 0x100, &Again, NULL),
               STATUS_INVALID_PARAMETER);
    CheckEqual("create: below a volatile key, only a volatile one",
               Create(NULL, L"\\Registry\\Machine\\cmtest", 0, &Again, NULL),
               STATUS_CHILD_MUST_BE_VOLATILE);
    ZwDeleteKey(Key);
    ZwClose(Key);
}

static VOID TestOpening(VOID)
{
    static WCHAR Long[LONG_NAME + 2];
    HANDLE Key, Sub;
    ULONG i;

    CheckEqual("open: a full path", Open(NULL, L"\\REGISTRY\\MACHINE\\SOFTWARE\\CMTEST", &Key),
               STATUS_SUCCESS);
    ZwClose(Key);
    CheckEqual("open: a backslash at the end", Open(NULL, PLAYGROUND L"\\", &Key), STATUS_SUCCESS);
    ZwClose(Key);
    CheckEqual("open: no such key", Open(Play, L"Missing", &Key), STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("open: nor its parent", Open(Play, L"Missing\\Key", &Key),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("open: a relative path begins with a name", Open(Play, L"\\Sub", &Key),
               STATUS_OBJECT_PATH_SYNTAX_BAD);
    CheckEqual("open: an empty path is the key itself", Open(Play, L"", &Key), STATUS_SUCCESS);
    ZwClose(Key);
    CheckEqual("open: not through a device", Open(NULL, L"\\SystemRoot\\ntdll.dll", &Key),
               STATUS_OBJECT_TYPE_MISMATCH);
    for (i = 0; i < LONG_NAME + 1; i++)
        Long[i] = L'n';
    CheckEqual("open: a name of 256 characters is too long", Create(Play, Long, 0, &Key, NULL),
               STATUS_INVALID_PARAMETER);
    Long[LONG_NAME] = 0;
    CheckEqual("open: one of 255 is not", Create(Play, Long, 0, &Key, NULL), STATUS_SUCCESS);
    CheckEqual("open: several levels at once", Create(Key, L"Sub", 0, &Sub, NULL), STATUS_SUCCESS);
    ZwDeleteKey(Sub);
    ZwClose(Sub);
    ZwDeleteKey(Key);
    ZwClose(Key);
}

static VOID TestDeletion(VOID)
{
    HANDLE Key, Other, Sub;
    ULONG Needed;

    Create(Play, L"Key", 0, &Key, NULL);
    Create(Key, L"Sub", 0, &Sub, NULL);
    Open(Play, L"Key", &Other);
    CheckEqual("delete: not with subkeys", ZwDeleteKey(Key), STATUS_CANNOT_DELETE);
    CheckEqual("delete: the subkey", ZwDeleteKey(Sub), STATUS_SUCCESS);
    CheckEqual("delete: and then the key", ZwDeleteKey(Key), STATUS_SUCCESS);
    CheckEqual("delete: it is not found any more", Open(Play, L"Key", &Sub),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("delete: who has it open cannot set", SetNumber(Other, L"One", 1),
               STATUS_KEY_DELETED);
    CheckEqual("delete: nor ask", ZwQueryKey(Other, KeyBasicInformation, NULL, 0, &Needed),
               STATUS_KEY_DELETED);
    CheckEqual("delete: nor enumerate",
               ZwEnumerateKey(Other, 0, KeyBasicInformation, NULL, 0, &Needed), STATUS_KEY_DELETED);
    CheckEqual("delete: nor delete", ZwDeleteKey(Other), STATUS_KEY_DELETED);
    CheckEqual("delete: nor flush", ZwFlushKey(Other), STATUS_KEY_DELETED);
    CheckEqual("delete: nor create below", Create(Other, L"Sub", 0, &Sub, NULL),
               STATUS_KEY_DELETED);
    CheckEqual("delete: its name is free", Create(Play, L"Key", 0, &Sub, &Needed), STATUS_SUCCESS);
    CheckEqual("delete: for a new one", Needed, REG_CREATED_NEW_KEY);
    CheckEqual("delete: the old one stays deleted", ZwFlushKey(Other), STATUS_KEY_DELETED);
    ZwDeleteKey(Sub);
    ZwClose(Sub);
    ZwClose(Other);
    ZwClose(Key);
    Open(NULL, SOFTWARE, &Key);
    CheckEqual("delete: not the top of the tree", ZwDeleteKey(Key), STATUS_CANNOT_DELETE);
    ZwClose(Key);
}

static VOID TestVolatile(VOID)
{
    HANDLE Key, Sub;

    CheckEqual("volatile: a key", Create(Play, L"Vol", REG_OPTION_VOLATILE, &Key, NULL),
               STATUS_SUCCESS);
    CheckEqual("volatile: its subkeys must be, too", Create(Key, L"Sub", 0, &Sub, NULL),
               STATUS_CHILD_MUST_BE_VOLATILE);
    CheckEqual("volatile: they may be", Create(Key, L"Sub", REG_OPTION_VOLATILE, &Sub, NULL),
               STATUS_SUCCESS);
    ZwDeleteKey(Sub);
    ZwClose(Sub);
    ZwDeleteKey(Key);
    ZwClose(Key);
}

/* Debian's import library lacks it. */
typedef NTSTATUS(NTAPI *RENAME_KEY)(HANDLE KeyHandle, PUNICODE_STRING NewName);

static VOID TestRenaming(VOID)
{
    UNICODE_STRING Routine = Text(L"ZwRenameKey");
    RENAME_KEY Rename = (RENAME_KEY)MmGetSystemRoutineAddress(&Routine);
    UNICODE_STRING Beta = Text(L"Beta"), Delta = Text(L"Delta"), Path = Text(L"A\\B");
    HANDLE Alpha, Gamma;

    if (!Check("rename: there is the routine", Rename != NULL))
        return;
    Create(Play, L"Alpha", 0, &Alpha, NULL);
    Create(Play, L"Beta", 0, &Gamma, NULL);
    CheckEqual("rename: the name is taken", Rename(Alpha, &Beta), STATUS_CANNOT_DELETE);
    CheckEqual("rename: a path is no name", Rename(Alpha, &Path), STATUS_INVALID_PARAMETER);
    CheckEqual("rename: another", Rename(Alpha, &Delta), STATUS_SUCCESS);
    Check("rename: in its place in the order", SubKeyIs(Play, 0, L"Beta") &&
                                                   SubKeyIs(Play, 1, L"Delta") &&
                                                   !SubKeyIs(Play, 2, L"Alpha"));
    ZwDeleteKey(Alpha);
    ZwDeleteKey(Gamma);
    ZwClose(Alpha);
    ZwClose(Gamma);
}

static VOID TestLinks(VOID)
{
    static WCHAR Target[] = PLAYGROUND L"\\Target", Self[] = PLAYGROUND L"\\Link\\X";
    UNICODE_STRING Name = Text(PLAYGROUND L"\\Link");
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Key, Link, Through;

    Create(Play, L"Target", 0, &Key, NULL);
    SetNumber(Key, L"Here", 7);
    CheckEqual("link: made",
               Create(Play, L"Link", REG_OPTION_CREATE_LINK | REG_OPTION_VOLATILE, &Link, NULL),
               STATUS_SUCCESS);
    CheckEqual("link: leads nowhere yet", Open(Play, L"Link", &Through),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("link: has no other values", SetNumber(Link, L"Number", 1), STATUS_ACCESS_DENIED);
    CheckEqual("link: set",
               Set(Link, L"SymbolicLinkValue", REG_LINK, Target, sizeof Target - sizeof(WCHAR)),
               STATUS_SUCCESS);
    CheckEqual("link: followed", Open(Play, L"Link", &Through), STATUS_SUCCESS);
    CheckEqual("link: to the key", Number(Through, L"Here"), 7);
    ZwClose(Through);
    CheckEqual("link: its name is taken",
               Create(Play, L"Link", REG_OPTION_CREATE_LINK, &Through, NULL),
               STATUS_OBJECT_NAME_COLLISION);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    CheckEqual("link: itself", ZwOpenKeyEx(&Through, KEY_READ, &Attributes, REG_OPTION_OPEN_LINK),
               STATUS_SUCCESS);
    CheckEqual("link: not what it leads to", Number(Through, L"Here"), MAXULONG);
    ZwClose(Through);
    Set(Link, L"SymbolicLinkValue", REG_LINK, Self, sizeof Self - sizeof(WCHAR));
    CheckEqual("link: one that leads to itself ends", Open(Play, L"Link\\Y", &Through),
               STATUS_NAME_TOO_LONG);
    ZwDeleteKey(Link);
    ZwClose(Link);
    ZwDeleteKey(Key);
    ZwClose(Key);
}

/* ---- What keys tell ----------------------------------------------------------------------------
 */

static VOID TestQueryKey(HANDLE Key)
{
    static UCHAR Room[512];
    PKEY_BASIC_INFORMATION Basic = (PKEY_BASIC_INFORMATION)Room;
    PKEY_NODE_INFORMATION Node = (PKEY_NODE_INFORMATION)Room;
    PKEY_FULL_INFORMATION Full = (PKEY_FULL_INFORMATION)Room;
    NAME_INFORMATION *Name = (NAME_INFORMATION *)Room;
    ULONG Needed, Fixed = FIELD_OFFSET(KEY_BASIC_INFORMATION, Name);

    CheckEqual("query key: too small for anything",
               ZwQueryKey(Key, KeyBasicInformation, Room, Fixed - 1, &Needed),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("query key: says what it needs", Needed, Fixed + 5 * sizeof(WCHAR));
    CheckEqual("query key: too small for the name",
               ZwQueryKey(Key, KeyBasicInformation, Room, Fixed + 4, &Needed),
               STATUS_BUFFER_OVERFLOW);
    Check("query key: it is begun",
          Needed == Fixed + 10 && Basic->NameLength == 10 && Same(Basic->Name, 4, L"Qu"));
    CheckEqual("query key: it all fits",
               ZwQueryKey(Key, KeyBasicInformation, Room, Needed, &Needed), STATUS_SUCCESS);
    Check("query key: basic", Basic->TitleIndex == 0 && Basic->LastWriteTime.QuadPart > 0 &&
                                  Same(Basic->Name, Basic->NameLength, L"Query"));
    CheckEqual("query key: with its class",
               ZwQueryKey(Key, KeyNodeInformation, Room, sizeof Room, &Needed), STATUS_SUCCESS);
    Check("query key: node",
          Same(Node->Name, Node->NameLength, L"Query") &&
              Same((PWCHAR)(Room + Node->ClassOffset), Node->ClassLength, L"Sort") &&
              Needed == Node->ClassOffset + Node->ClassLength);
    CheckEqual("query key: all of it",
               ZwQueryKey(Key, KeyFullInformation, Room, sizeof Room, &Needed), STATUS_SUCCESS);
    Check("query key: full",
          Full->SubKeys == 2 && Full->MaxNameLen == 10 && Full->MaxClassLen == 0 &&
              Full->Values == 2 && Full->MaxValueNameLen == 8 && Full->MaxValueDataLen == 8 &&
              Full->ClassLength == 8 && Same((PWCHAR)(Room + Full->ClassOffset), 8, L"Sort"));
    CheckEqual("query key: its full name",
               ZwQueryKey(Key, KeyNameInformation, Room, sizeof Room, &Needed), STATUS_SUCCESS);
    Check("query key: name", Same(Name->Name, Name->NameLength, PLAYGROUND L"\\Query"));
    CheckEqual("query key: what is kept at hand",
               ZwQueryKey(Key, KeyCachedInformation, Room, sizeof Room, &Needed), STATUS_SUCCESS);
    Check("query key: cached", Needed == 40 && ((PULONG)Room)[3] == 2 && ((PULONG)Room)[5] == 2);
    CheckEqual("query key: no such class", ZwQueryKey(Key, MaxKeyInfoClass, Room, 64, &Needed),
               STATUS_INVALID_PARAMETER);
}

static VOID TestEnumeration(HANDLE Key)
{
    static UCHAR Room[256];
    PKEY_NODE_INFORMATION Node = (PKEY_NODE_INFORMATION)Room;
    PKEY_FULL_INFORMATION Full = (PKEY_FULL_INFORMATION)Room;
    ULONG Needed;

    Check("enumerate: in the order of the names",
          SubKeyIs(Key, 0, L"Alpha") && SubKeyIs(Key, 1, L"bet"));
    CheckEqual("enumerate: no more",
               ZwEnumerateKey(Key, 2, KeyBasicInformation, Room, sizeof Room, &Needed),
               STATUS_NO_MORE_ENTRIES);
    CheckEqual("enumerate: node",
               ZwEnumerateKey(Key, 1, KeyNodeInformation, Room, sizeof Room, &Needed),
               STATUS_SUCCESS);
    Check("enumerate: without a class", Node->ClassLength == 0 && Node->ClassOffset == MAXULONG &&
                                            Needed == FIELD_OFFSET(KEY_NODE_INFORMATION, Name) + 6);
    CheckEqual("enumerate: full",
               ZwEnumerateKey(Key, 1, KeyFullInformation, Room, sizeof Room, &Needed),
               STATUS_SUCCESS);
    Check("enumerate: nothing in it", Full->SubKeys == 0 && Full->Values == 0);
    CheckEqual("enumerate: too small",
               ZwEnumerateKey(Key, 0, KeyBasicInformation, Room, 8, &Needed),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("enumerate: a class that is only for one key",
               ZwEnumerateKey(Key, 0, KeyNameInformation, Room, sizeof Room, &Needed),
               STATUS_INVALID_PARAMETER);
}

static VOID TestInformation(VOID)
{
    UNICODE_STRING Name = Text(L"Query"), Class = Text(L"Sort");
    ULONGLONG Eight = 0x1122334455667788;
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Key, First, Second;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE, Play, NULL);
    CheckEqual("create: with a class",
               ZwCreateKey(&Key, KEY_ALL_ACCESS, &Attributes, 0, &Class, 0, NULL), STATUS_SUCCESS);
    Create(Key, L"bet", 0, &First, NULL);
    Create(Key, L"Alpha", 0, &Second, NULL);
    SetNumber(Key, L"Num", 1);
    Set(Key, L"Wide", REG_QWORD, &Eight, sizeof Eight);
    TestQueryKey(Key);
    TestEnumeration(Key);
    ZwDeleteKey(First);
    ZwDeleteKey(Second);
    ZwDeleteKey(Key);
    ZwClose(First);
    ZwClose(Second);
    ZwClose(Key);
}

/* ---- Values ------------------------------------------------------------------------------------
 */

static VOID TestValueStatuses(VOID)
{
    static ULONGLONG Room[32];
    PKEY_VALUE_PARTIAL_INFORMATION Partial = (PKEY_VALUE_PARTIAL_INFORMATION)Room;
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data), Needed = 0;

    Set(Play, L"Text", REG_SZ, L"abc", 8);
    CheckEqual("value: too small for anything",
               Query(Play, L"Text", KeyValuePartialInformation, Room, Fixed - 1, &Needed),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("value: says what it needs", Needed, Fixed + 8);
    Room[1] = 0;
    Needed = 0;
    CheckEqual("value: too small for the data",
               Query(Play, L"Text", KeyValuePartialInformation, Room, Fixed + 2, &Needed),
               STATUS_BUFFER_OVERFLOW);
    Check("value: they are begun, and no more",
          Needed == Fixed + 8 && Partial->DataLength == 8 && Partial->Type == REG_SZ &&
              Partial->Data[0] == 'a' && Partial->Data[2] == 0);
    CheckEqual("value: it all fits",
               Query(Play, L"TEXT", KeyValuePartialInformation, Room, Fixed + 8, &Needed),
               STATUS_SUCCESS);
    Check("value: partial", Same((PWCHAR)Partial->Data, 6, L"abc"));
    CheckEqual("value: nothing but the size",
               Query(Play, L"Text", KeyValuePartialInformation, NULL, 0, &Needed),
               STATUS_BUFFER_TOO_SMALL);
    CheckEqual("value: there is none",
               Query(Play, L"Missing", KeyValuePartialInformation, Room, sizeof Room, &Needed),
               STATUS_OBJECT_NAME_NOT_FOUND);
    CheckEqual("value: no such class",
               Query(Play, L"Text", MaxKeyValueInfoClass, Room, sizeof Room, &Needed),
               STATUS_INVALID_PARAMETER);
}

static VOID TestValueClasses(VOID)
{
    static ULONGLONG Room[32];
    PKEY_VALUE_BASIC_INFORMATION Basic = (PKEY_VALUE_BASIC_INFORMATION)Room;
    PKEY_VALUE_FULL_INFORMATION Full = (PKEY_VALUE_FULL_INFORMATION)Room;
    PKEY_VALUE_PARTIAL_INFORMATION_ALIGN64 Aligned = (PVOID)Room;
    ULONG Needed;

    CheckEqual("value: basic",
               Query(Play, L"text", KeyValueBasicInformation, Room, sizeof Room, &Needed),
               STATUS_SUCCESS);
    Check("value: its name, as it was set",
          Basic->Type == REG_SZ && RtlCompareMemory(Basic->Name, L"Text", 8) == 8 &&
              Needed == FIELD_OFFSET(KEY_VALUE_BASIC_INFORMATION, Name) + 8);
    CheckEqual("value: full",
               Query(Play, L"Text", KeyValueFullInformation, Room, sizeof Room, &Needed),
               STATUS_SUCCESS);
    Check("value: name and data", Same(Full->Name, Full->NameLength, L"Text") &&
                                      Same((PWCHAR)((PUCHAR)Room + Full->DataOffset), 6, L"abc") &&
                                      Needed == Full->DataOffset + Full->DataLength);
    CheckEqual("value: full, aligned",
               Query(Play, L"Text", KeyValueFullInformationAlign64, Room, sizeof Room, &Needed),
               STATUS_SUCCESS);
    Check("value: the data are", (Full->DataOffset & 7) == 0 && Full->DataLength == 8);
    CheckEqual("value: partial, aligned",
               Query(Play, L"Text", KeyValuePartialInformationAlign64, Room, sizeof Room, &Needed),
               STATUS_SUCCESS);
    Check("value: at 8 bytes", Needed == 16 && Aligned->Type == REG_SZ &&
                                   Aligned->DataLength == 8 &&
                                   Same((PWCHAR)Aligned->Data, 6, L"abc"));
    CheckEqual(
        "value: the buffer is not",
        Query(Play, L"Text", KeyValuePartialInformationAlign64, (PUCHAR)Room + 4, 64, &Needed),
        STATUS_DATATYPE_MISALIGNMENT);
}

static VOID TestValueChanges(VOID)
{
    static UCHAR Room[128];
    PKEY_VALUE_BASIC_INFORMATION Basic = (PKEY_VALUE_BASIC_INFORMATION)Room;
    UNICODE_STRING Name = Text(L"Text"), None = {0, 0, NULL};
    static WCHAR Long[16384];
    ULONG Needed, i;
    PVOID Large;

    CheckEqual("value: set anew, of another type", SetNumber(Play, L"Text", 5), STATUS_SUCCESS);
    CheckEqual("value: has it", Number(Play, L"Text"), 5);
    CheckEqual("value: without a name", ZwSetValueKey(Play, &None, 0, REG_NONE, NULL, 0),
               STATUS_SUCCESS);
    CheckEqual("value: enumerated",
               ZwEnumerateValueKey(Play, 1, KeyValueBasicInformation, Room, sizeof Room, &Needed),
               STATUS_SUCCESS);
    Check("value: its name is empty", Basic->NameLength == 0 && Basic->Type == REG_NONE);
    CheckEqual("value: no more",
               ZwEnumerateValueKey(Play, 2, KeyValueBasicInformation, Room, sizeof Room, &Needed),
               STATUS_NO_MORE_ENTRIES);
    CheckEqual("value: deleted", ZwDeleteValueKey(Play, &Name), STATUS_SUCCESS);
    CheckEqual("value: once", ZwDeleteValueKey(Play, &Name), STATUS_OBJECT_NAME_NOT_FOUND);
    ZwDeleteValueKey(Play, &None);
    for (i = 0; i < 16384; i++)
        Long[i] = L'v';
    Name = (UNICODE_STRING){16384 * sizeof(WCHAR), 16384 * sizeof(WCHAR), Long};
    CheckEqual("value: a name of 16384 characters is too long",
               ZwSetValueKey(Play, &Name, 0, REG_NONE, NULL, 0), STATUS_INVALID_PARAMETER);
    Name.Length -= sizeof(WCHAR);
    CheckEqual("value: one of 16383 is not", ZwSetValueKey(Play, &Name, 0, REG_NONE, NULL, 0),
               STATUS_SUCCESS);
    ZwDeleteValueKey(Play, &Name);
    Large = ExAllocatePoolWithTag(PagedPool, 0x100001, 'tseT');
    RtlZeroMemory(Large, 0x100001);
    CheckEqual("value: more than 1 MB", Set(Play, L"Large", REG_BINARY, Large, 0x100001),
               STATUS_INSUFFICIENT_RESOURCES);
    CheckEqual("value: 1 MB", Set(Play, L"Large", REG_BINARY, Large, 0x100000), STATUS_SUCCESS);
    ExFreePoolWithTag(Large, 'tseT');
    Name = Text(L"Large");
    ZwDeleteValueKey(Play, &Name);
}

/* ---- What is there -----------------------------------------------------------------------------
 */

static VOID TestBootContents(PUNICODE_STRING RegistryPath)
{
    OBJECT_ATTRIBUTES Attributes;
    UCHAR Room[128];
    PKEY_VALUE_PARTIAL_INFORMATION Info = (PKEY_VALUE_PARTIAL_INFORMATION)Room;
    HANDLE Key, Sub;
    ULONG Needed;

    InitializeObjectAttributes(&Attributes, RegistryPath, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!CheckEqual("boot: the driver's own key", ZwOpenKey(&Key, KEY_READ, &Attributes),
                    STATUS_SUCCESS))
        return;
    CheckEqual("boot: it is a driver", Number(Key, L"Type"), SERVICE_KERNEL_DRIVER);
    CheckEqual("boot: started at boot", Number(Key, L"Start"), SERVICE_SYSTEM_START);
    CheckEqual("boot: its ErrorControl", Number(Key, L"ErrorControl"), SERVICE_ERROR_NORMAL);
    CheckEqual("boot: its ImagePath",
               Query(Key, L"ImagePath", KeyValuePartialInformation, Room, sizeof Room, &Needed),
               STATUS_SUCCESS);
    Check("boot: leads to it",
          Info->Type == REG_EXPAND_SZ && Same((PWCHAR)Info->Data, Info->DataLength - sizeof(WCHAR),
                                              L"\\SystemRoot\\cmtest.sys"));
    CheckEqual("boot: a key for its parameters", Open(Key, L"Parameters", &Sub), STATUS_SUCCESS);
    ZwClose(Sub);
    ZwClose(Key);
    CheckEqual("boot: the same through the control set's own name",
               Open(NULL, L"\\Registry\\Machine\\SYSTEM\\ControlSet001\\Services\\cmtest", &Key),
               STATUS_SUCCESS);
    ZwClose(Key);
    CheckEqual("boot: the first processor",
               Open(NULL,
                    L"\\Registry\\Machine\\Hardware\\Description\\System\\CentralProcessor\\0",
                    &Key),
               STATUS_SUCCESS);
    CheckEqual(
        "boot: who made it",
        Query(Key, L"VendorIdentifier", KeyValuePartialInformation, Room, sizeof Room, &Needed),
        STATUS_SUCCESS);
    ZwClose(Key);
}

/* A .reg file of the boot set has put these there, if there is one: cmtest.reg. */
static VOID TestMerged(PUNICODE_STRING RegistryPath)
{
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Key, Sub;

    InitializeObjectAttributes(&Attributes, RegistryPath, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (ZwOpenKey(&Key, KEY_READ, &Attributes) != STATUS_SUCCESS)
        return;
    if (Open(Key, L"Parameters", &Sub) == STATUS_SUCCESS) {
        DbgPrint("Parameters: Limit %08lx, Depth %08lx\n", Number(Sub, L"Limit"),
                 Number(Sub, L"Depth"));
        ZwClose(Sub);
    }
    ZwClose(Key);
}

/* One key for all threads: they make and delete subkeys and values of the same names. */
static VOID NTAPI Meddle(PVOID Context)
{
    HANDLE Key, Sub;
    ULONG i;

    UNREFERENCED_PARAMETER(Context);
    if (Open(NULL, PLAYGROUND, &Key) != STATUS_SUCCESS)
        PsTerminateSystemThread(STATUS_UNSUCCESSFUL);
    for (i = 0; i < 300; i++) {
        if (Create(Key, i & 1 ? L"Odd" : L"Even", 0, &Sub, NULL) == STATUS_SUCCESS) {
            SetNumber(Sub, L"Value", i);
            Number(Sub, L"Value");
            ZwDeleteKey(Sub);
            ZwClose(Sub);
        }
    }
    ZwClose(Key);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestTogether(VOID)
{
    PKTHREAD Threads[4];
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(Threads); i++)
        Threads[i] = StartThread(Meddle, NULL);
    for (i = 0; i < RTL_NUMBER_OF(Threads); i++)
        JoinThread(Threads[i]);
    Check("together: nothing is left", !SubKeyIs(Play, 0, L"Odd") && !SubKeyIs(Play, 0, L"Even"));
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PVOID Key;

    UNREFERENCED_PARAMETER(DriverObject);
    Remove(NULL, PLAYGROUND);
    TestCreation();
    CheckEqual("object: a key's type",
               ObReferenceObjectByHandle(Play, KEY_READ, *CmKeyObjectType, KernelMode, &Key, NULL),
               STATUS_SUCCESS);
    ObDereferenceObject(Key);
    TestOpening();
    TestDeletion();
    TestVolatile();
    TestRenaming();
    TestLinks();
    TestInformation();
    TestValueStatuses();
    TestValueClasses();
    TestValueChanges();
    TestBootContents(RegistryPath);
    TestMerged(RegistryPath);
    TestTogether();
    CheckEqual("delete: the playground", ZwDeleteKey(Play), STATUS_SUCCESS);
    ZwClose(Play);
    return FinishTests("cmtest");
}
