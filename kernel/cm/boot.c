/*
 * The registry as the first driver finds it: what Windows' setup would have left, what there is of
 * hardware, a service key for each driver of the boot set, and then the .reg files of the boot set.
 *
 * Until the first driver runs nobody else is here, but the tree's rule is kept: CmpLock is held.
 */
#include "boot/loader.h"
#include "kernel/cm/boot.h"
#include "kernel/cm/cm.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define PATH_CHARACTERS 128

static const UNICODE_STRING CmpLinkValueName = RTL_CONSTANT_STRING(L"SymbolicLinkValue");

/* The keys that nobody may delete: the top of the tree, whose subkeys all have to be volatile, and
 * where the hives would begin. */
static const struct {
    PCWSTR Path; /* from \Registry */
    ULONG Flags;
} CmpTopKeys[] = {
    {L"MACHINE", CM_PERMANENT | CM_VOLATILE}, {L"USER", CM_PERMANENT | CM_VOLATILE},
    {L"MACHINE\\SYSTEM", CM_PERMANENT},       {L"MACHINE\\SOFTWARE", CM_PERMANENT},
    {L"MACHINE\\HARDWARE", CM_PERMANENT},     {L"USER\\.DEFAULT", CM_PERMANENT},
};

#define CONTROL_SET L"MACHINE\\SYSTEM\\ControlSet001"
#define VERSION_KEY L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"

/* Values with a text, or, where there is none, with a number. A name of NULL: the key alone. */
static const struct {
    PCWSTR Key, Name, Text;
    ULONG Number;
} CmpContents[] = {
    {CONTROL_SET L"\\Control\\Class", NULL, NULL, 0},
    {CONTROL_SET L"\\Control\\ComputerName\\ComputerName", L"ComputerName", L"UPPERHALF", 0},
    {CONTROL_SET L"\\Control\\Session Manager\\Memory Management", NULL, NULL, 0},
    {CONTROL_SET L"\\Enum", NULL, NULL, 0},
    {CONTROL_SET L"\\Services", NULL, NULL, 0},
    {L"MACHINE\\SYSTEM\\Select", L"Current", NULL, 1},
    {L"MACHINE\\SYSTEM\\Select", L"Default", NULL, 1},
    {L"MACHINE\\SYSTEM\\Select", L"LastKnownGood", NULL, 1},
    {L"MACHINE\\SYSTEM\\Select", L"Failed", NULL, 0},
    {VERSION_KEY, L"ProductName", L"Upperhalf", 0},
    {VERSION_KEY, L"CurrentVersion", L"5.2", 0}, /* as PsGetVersion */
    {VERSION_KEY, L"CurrentBuildNumber", L"3790", 0},
    {VERSION_KEY, L"SystemRoot", L"\\SystemRoot", 0},
    {L"MACHINE\\HARDWARE\\DEVICEMAP", NULL, NULL, 0},
    {L"MACHINE\\HARDWARE\\RESOURCEMAP", NULL, NULL, 0},
    {L"MACHINE\\HARDWARE\\DESCRIPTION\\System", L"Identifier", L"AT/AT COMPATIBLE", 0},
};

/* ---- Helpers -----------------------------------------------------------------------------------
 */

static NTSTATUS CmpMakeKey(PCWSTR Path, ULONG Flags, CM_KEY_NODE **Node)
{
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, Path);
    return CmpMakePath(CmpRoot, &Name, Flags, Node);
}

static NTSTATUS CmpSetNumber(CM_KEY_NODE *Node, PCWSTR Name, ULONG Number)
{
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    return CmpSetValue(Node, &String, REG_DWORD, &Number, sizeof Number);
}

static NTSTATUS CmpSetText(CM_KEY_NODE *Node, PCWSTR Name, ULONG Type, PCWSTR Text)
{
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    return CmpSetValue(Node, &String, Type, Text, (ULONG)(wcslen(Text) + 1) * sizeof(WCHAR));
}

/* ---- Contents ----------------------------------------------------------------------------------
 */

static NTSTATUS CmpMakeTopKeys(VOID)
{
    CM_KEY_NODE *Node;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(CmpTopKeys) && NT_SUCCESS(Status); i++) {
        Status = CmpMakeKey(CmpTopKeys[i].Path, 0, &Node);
        if (NT_SUCCESS(Status))
            Node->Flags = CmpTopKeys[i].Flags;
    }
    return Status;
}

static NTSTATUS CmpMakeContents(VOID)
{
    CM_KEY_NODE *Node;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i;

    for (i = 0; i < RTL_NUMBER_OF(CmpContents) && NT_SUCCESS(Status); i++) {
        Status = CmpMakeKey(CmpContents[i].Key, 0, &Node);
        if (!NT_SUCCESS(Status) || CmpContents[i].Name == NULL)
            continue;
        if (CmpContents[i].Text)
            Status = CmpSetText(Node, CmpContents[i].Name, REG_SZ, CmpContents[i].Text);
        else
            Status = CmpSetNumber(Node, CmpContents[i].Name, CmpContents[i].Number);
    }
    return Status;
}

/* CurrentControlSet, which leads to the only control set that there is. */
static NTSTATUS CmpMakeControlSetLink(VOID)
{
    static const WCHAR Target[] = L"\\Registry\\Machine\\System\\ControlSet001";
    CM_KEY_NODE *Node;
    NTSTATUS Status = CmpMakeKey(L"MACHINE\\SYSTEM\\CurrentControlSet", CM_LINK, &Node);

    if (!NT_SUCCESS(Status))
        return Status;
    return CmpSetValue(Node, &CmpLinkValueName, REG_LINK, Target, sizeof Target - sizeof(WCHAR));
}

/* Who made the processor, and which one it is. All are of one kind. */
static NTSTATUS CmpDescribeProcessor(LONG Number)
{
    WCHAR Text[PATH_CHARACTERS];
    CM_KEY_NODE *Node;
    ULONG Vendor[4] = {0}, Signature[4];
    NTSTATUS Status;

    _snwprintf(Text, RTL_NUMBER_OF(Text),
               L"MACHINE\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\%ld", Number);
    Status = CmpMakeKey(Text, 0, &Node);
    if (!NT_SUCCESS(Status))
        return Status;
    KiCpuId(1, Signature);
    _snwprintf(Text, RTL_NUMBER_OF(Text), L"x86 Family %lu Model %lu Stepping %lu",
               Signature[0] >> 8 & 15, Signature[0] >> 4 & 15, Signature[0] & 15);
    Status = CmpSetText(Node, L"Identifier", REG_SZ, Text);
    KiCpuId(0, Signature);
    Vendor[0] = Signature[1];
    Vendor[1] = Signature[3];
    Vendor[2] = Signature[2];
    _snwprintf(Text, RTL_NUMBER_OF(Text), L"%hs", (PCSTR)Vendor);
    return NT_SUCCESS(Status) ? CmpSetText(Node, L"VendorIdentifier", REG_SZ, Text) : Status;
}

static NTSTATUS CmpDescribeProcessors(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    LONG i;

    for (i = 0; i < KeNumberProcessors && NT_SUCCESS(Status); i++)
        Status = CmpDescribeProcessor(i);
    return Status;
}

/* Is it a file of that kind, NAME.xyz? If so, *Length is that of NAME. */
static BOOLEAN CmpHasEnding(PCSTR FileName, PCSTR Ending, PULONG Length)
{
    *Length = (ULONG)strlen(FileName);
    if (*Length <= 4 || *Length >= LOADER_NAME_LENGTH || _stricmp(FileName + *Length - 4, Ending))
        return FALSE;
    *Length -= 4;
    return TRUE;
}

static BOOLEAN CmpIsStarted(PCSTR FileName)
{
    ULONG i;

    for (i = 0; i < LoaderBlock.StartCount; i++) {
        if (_stricmp(LoaderBlock.Start[i], FileName) == 0)
            return TRUE;
    }
    return FALSE;
}

/* The service key of a driver: NAME.sys is the service NAME (WDK: Registry Trees and Keys for
 * Devices and Drivers). Other files are no drivers. */
static NTSTATUS CmpMakeService(PCSTR FileName)
{
    ULONG NameLength;
    WCHAR Text[PATH_CHARACTERS];
    ULONG Start = CmpIsStarted(FileName) ? SERVICE_SYSTEM_START : SERVICE_DEMAND_START;
    CM_KEY_NODE *Node, *Parameters;
    NTSTATUS Status;

    if (!CmpHasEnding(FileName, ".sys", &NameLength))
        return STATUS_SUCCESS;
    _snwprintf(Text, RTL_NUMBER_OF(Text), L"%ws\\Services\\%.*hs\\Parameters", CONTROL_SET,
               NameLength, FileName);
    Status = CmpMakeKey(Text, 0, &Parameters);
    if (!NT_SUCCESS(Status))
        return Status;
    Node = Parameters->Parent;
    _snwprintf(Text, RTL_NUMBER_OF(Text), L"\\SystemRoot\\%hs", FileName);
    Status = CmpSetText(Node, L"ImagePath", REG_EXPAND_SZ, Text);
    _snwprintf(Text, RTL_NUMBER_OF(Text), L"%.*hs", NameLength, FileName);
    if (NT_SUCCESS(Status))
        Status = CmpSetText(Node, L"DisplayName", REG_SZ, Text);
    if (NT_SUCCESS(Status))
        Status = CmpSetNumber(Node, L"Type", SERVICE_KERNEL_DRIVER);
    if (NT_SUCCESS(Status))
        Status = CmpSetNumber(Node, L"Start", Start);
    if (NT_SUCCESS(Status))
        Status = CmpSetNumber(Node, L"ErrorControl", SERVICE_ERROR_NORMAL);
    return Status;
}

static NTSTATUS CmpMakeServices(VOID)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i;

    for (i = 0; i < LoaderBlock.ModuleCount && NT_SUCCESS(Status); i++)
        Status = CmpMakeService(LoaderBlock.Modules[i].Name);
    for (i = 0; i < LoaderBlock.StartCount && NT_SUCCESS(Status); i++)
        Status = CmpMakeService(LoaderBlock.Start[i]); /* it may be missing in the boot set */
    return Status;
}

static VOID CmpMergeRegFiles(VOID)
{
    ULONG i, Length;

    for (i = 0; i < LoaderBlock.ModuleCount; i++) {
        if (CmpHasEnding(LoaderBlock.Modules[i].Name, ".reg", &Length))
            CmpMergeRegFile(&LoaderBlock.Modules[i]);
    }
}

NTSTATUS CmInitialize(VOID)
{
    static NTSTATUS (*const Steps[])(VOID) = {CmpMakeTopKeys, CmpMakeContents,
                                              CmpMakeControlSetLink, CmpDescribeProcessors,
                                              CmpMakeServices};
    NTSTATUS Status = CmpInitializeObjects();
    ULONG i;

    if (!NT_SUCCESS(Status))
        return Status;
    CmpLockRegistry();
    for (i = 0; i < RTL_NUMBER_OF(Steps) && NT_SUCCESS(Status); i++)
        Status = Steps[i]();
    if (NT_SUCCESS(Status))
        CmpMergeRegFiles();
    CmpUnlockRegistry();
    return Status;
}
