/*
 * regfilter.sys: drivers that filter the registry, and those who wait for its changes (WDK:
 * Filtering Registry Calls, and the pages of the routines).
 */
#include <ntifs.h>

#include "selftest.h"

DRIVER_INITIALIZE DriverEntry;

#define PLAYGROUND L"\\Registry\\Machine\\Software\\regfilter"

/* One filter: what it is to do, and what it has been told. */
typedef struct _FILTER {
    LARGE_INTEGER Cookie;
    PKTHREAD Only;           /* other threads' calls are not counted */
    REG_NOTIFY_CLASS Choose; /* the notification that it answers with Answer */
    NTSTATUS Answer;
    NTSTATUS NewStatus; /* ReturnStatus, if Choose is a post-notification */
    VOID (*Act)(struct _FILTER *Filter, REG_NOTIFY_CLASS Class, PVOID Information);
    PVOID Mark; /* put into CallContext before, found there after */
    PVOID Tied; /* the object context seen last */
    BOOLEAN Marked;
    ULONG Before, After, Cleanups;
    ULONG Place; /* among the filters called before, the first is 1 */
    ULONG PlaceAfter;
    REG_NOTIFY_CLASS LastClass;
    NTSTATUS LastStatus;
    PVOID LastObject;
} FILTER;

static ULONG Places;
static HANDLE Play;

/* ---- Helpers -----------------------------------------------------------------------------------
 */

static HANDLE MakeKey(HANDLE Root, PCWSTR Path)
{
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Key = NULL;

    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, Root,
                               NULL);
    ZwCreateKey(&Key, KEY_ALL_ACCESS, &Attributes, 0, NULL, REG_OPTION_VOLATILE, NULL);
    return Key;
}

static NTSTATUS OpenKey(HANDLE Root, PCWSTR Path, PHANDLE Key)
{
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;

    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, Root,
                               NULL);
    return ZwOpenKey(Key, KEY_READ, &Attributes);
}

static NTSTATUS SetNumber(HANDLE Key, PCWSTR Value, ULONG Number)
{
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, Value);
    return ZwSetValueKey(Key, &Name, 0, REG_DWORD, &Number, sizeof Number);
}

static ULONG GetNumber(HANDLE Key, PCWSTR Value)
{
    struct {
        KEY_VALUE_PARTIAL_INFORMATION Info;
        ULONG Space;
    } Answer;
    UNICODE_STRING Name;
    ULONG Length;

    RtlInitUnicodeString(&Name, Value);
    if (!NT_SUCCESS(ZwQueryValueKey(Key, &Name, KeyValuePartialInformation, &Answer, sizeof Answer,
                                    &Length)))
        return MAXULONG;
    return *(PULONG)Answer.Info.Data;
}

static NTSTATUS DeleteValue(HANDLE Key, PCWSTR Value)
{
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, Value);
    return ZwDeleteValueKey(Key, &Name);
}

/* The import library lacks this one, the headers as well. */
static NTSTATUS RenameKey(HANDLE Key, PCWSTR Name)
{
    UNICODE_STRING NewName, Routine;
    NTSTATUS(NTAPI * Rename)(HANDLE Key, PUNICODE_STRING Name);

    RtlInitUnicodeString(&NewName, Name);
    RtlInitUnicodeString(&Routine, L"ZwRenameKey");
    Rename = (PVOID)MmGetSystemRoutineAddress(&Routine);
    return Rename(Key, &NewName);
}

/* Where CallContext is in each of the structures that are used here. */
static PVOID *CallContextOf(REG_NOTIFY_CLASS Class, PVOID Information)
{
    switch (Class) {
    case RegNtPreCreateKeyEx:
    case RegNtPreOpenKeyEx:
        return &((PREG_CREATE_KEY_INFORMATION)Information)->CallContext;
    case RegNtPreSetValueKey:
        return &((PREG_SET_VALUE_KEY_INFORMATION)Information)->CallContext;
    case RegNtPreQueryValueKey:
        return &((PREG_QUERY_VALUE_KEY_INFORMATION)Information)->CallContext;
    default:
        return NULL;
    }
}

static BOOLEAN IsAfter(REG_NOTIFY_CLASS Class)
{
    switch (Class) {
    case RegNtPostCreateKeyEx:
    case RegNtPostOpenKeyEx:
    case RegNtPostKeyHandleClose:
    case RegNtPostSetValueKey:
    case RegNtPostDeleteValueKey:
    case RegNtPostQueryValueKey:
    case RegNtPostEnumerateValueKey:
    case RegNtPostEnumerateKey:
    case RegNtPostQueryKey:
    case RegNtPostDeleteKey:
    case RegNtPostRenameKey:
    case RegNtPostFlushKey:
        return TRUE;
    default:
        return FALSE;
    }
}

static VOID NoteAfter(FILTER *Filter, PREG_POST_OPERATION_INFORMATION Post)
{
    Filter->After++;
    Filter->PlaceAfter = ++Places;
    Filter->LastStatus = Post->Status;
    Filter->LastObject = Post->Object;
    Filter->Tied = Post->ObjectContext;
    Filter->Marked = Post->CallContext == Filter->Mark;
}

static VOID NoteBefore(FILTER *Filter, REG_NOTIFY_CLASS Class, PVOID Information)
{
    PVOID *Context = CallContextOf(Class, Information);

    Filter->Before++;
    Filter->Place = ++Places;
    Filter->LastClass = Class;
    if (Context) {
        *Context = Filter->Mark;
        Filter->Tied = Context[1];
    }
}

static NTSTATUS NTAPI Callback(PVOID Context, PVOID Argument1, PVOID Information)
{
    FILTER *Filter = Context;
    REG_NOTIFY_CLASS Class = (REG_NOTIFY_CLASS)(ULONG_PTR)Argument1;

    if (KeGetCurrentThread() != Filter->Only)
        return STATUS_SUCCESS;
    if (Class == RegNtCallbackObjectContextCleanup) {
        Filter->Cleanups++;
        Filter->Tied = ((PREG_CALLBACK_CONTEXT_CLEANUP_INFORMATION)Information)->ObjectContext;
        return STATUS_SUCCESS;
    }
    if (IsAfter(Class))
        NoteAfter(Filter, Information);
    else
        NoteBefore(Filter, Class, Information);
    if (Filter->Act)
        Filter->Act(Filter, Class, Information);
    if (Class != Filter->Choose)
        return STATUS_SUCCESS;
    if (IsAfter(Class))
        ((PREG_POST_OPERATION_INFORMATION)Information)->ReturnStatus = Filter->NewStatus;
    return Filter->Answer;
}

static NTSTATUS Register(FILTER *Filter, PCWSTR Altitude)
{
    UNICODE_STRING Text;

    RtlInitUnicodeString(&Text, Altitude);
    Filter->Only = KeGetCurrentThread();
    return CmRegisterCallbackEx(Callback, &Text, NULL, Filter, &Filter->Cookie, NULL);
}

static VOID Reset(FILTER *Filter)
{
    LARGE_INTEGER Cookie = Filter->Cookie;

    *Filter =
        (FILTER){.Cookie = Cookie, .Only = KeGetCurrentThread(), .Choose = MaxRegNtNotifyClass};
    Places = 0;
}

static BOOLEAN Saw(const FILTER *Filter, ULONG Before, ULONG After)
{
    if (Filter->Before == Before && Filter->After == After)
        return TRUE;
    DbgPrint("saw %lu before, %lu after\n", Filter->Before, Filter->After);
    return FALSE;
}

/* ---- Registration ------------------------------------------------------------------------------
 */

static VOID TestRegistration(VOID)
{
    FILTER First = {0}, Second = {0};
    ULONG Major = 99, Minor = 99;

    CmGetCallbackVersion(&Major, &Minor);
    CmGetCallbackVersion(NULL, NULL);
    Check("the version is 1.1", Major == 1 && Minor == 1);
    Check("an altitude is taken", Register(&First, L"380010.25") == STATUS_SUCCESS);
    Check("once, however it is written",
          Register(&Second, L"0380010.250") == STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
    Check("an altitude is a number", Register(&Second, L"high") == STATUS_INVALID_PARAMETER);
    Check("a registration ends", CmUnRegisterCallback(First.Cookie) == STATUS_SUCCESS);
    Check("once", CmUnRegisterCallback(First.Cookie) == STATUS_INVALID_PARAMETER);
    Check("the altitude is free again", Register(&Second, L"380010.25") == STATUS_SUCCESS);
    Check("and has another cookie", Second.Cookie.QuadPart != First.Cookie.QuadPart);
    CmUnRegisterCallback(Second.Cookie);
}

static VOID TestAltitudes(VOID)
{
    static const PCWSTR Ascending[] = {L"0",  L"0.5",    L"3.1",     L"3.25",
                                       L"20", L"100000", L"100000.1"};
    UNICODE_STRING Low, High;
    BOOLEAN Right = TRUE;
    ULONG i;

    for (i = 0; i + 1 < RTL_NUMBER_OF(Ascending); i++) {
        RtlInitUnicodeString(&Low, Ascending[i]);
        RtlInitUnicodeString(&High, Ascending[i + 1]);
        Right = Right && RtlCompareAltitudes(&Low, &High) < 0 &&
                RtlCompareAltitudes(&High, &Low) > 0 && RtlCompareAltitudes(&Low, &Low) == 0;
    }
    Check("altitudes are compared as numbers", Right);
}

/* ---- What filters see, and may do --------------------------------------------------------------
 */

static VOID TestOrder(FILTER *High, FILTER *Low)
{
    FILTER Old = {0};

    Reset(High);
    Reset(Low);
    Reset(&Old);
    High->Mark = &High->Mark;
    Low->Mark = &Low->Mark;
    Check("a filter without an altitude",
          CmRegisterCallback(Callback, &Old, &Old.Cookie) == STATUS_SUCCESS);
    Check("filters let pass", SetNumber(Play, L"Number", 7) == STATUS_SUCCESS);
    Check("it is told first, then from high to low",
          Old.Place == 1 && High->Place == 2 && Low->Place == 3);
    Check("afterwards from low to high",
          Low->PlaceAfter == 4 && High->PlaceAfter == 5 && Old.PlaceAfter == 6);
    Check("each finds its call's context", High->Marked && Low->Marked);
    Check("the operation's status", High->LastStatus == STATUS_SUCCESS);
    Check("the number is there", GetNumber(Play, L"Number") == 7);
    CmUnRegisterCallback(Old.Cookie);
}

static VOID TestBlocking(FILTER *High, FILTER *Low)
{
    Reset(High);
    Reset(Low);
    Low->Choose = RegNtPreSetValueKey;
    Low->Answer = STATUS_ACCESS_DENIED;
    Check("a filter refuses", SetNumber(Play, L"Refused", 1) == STATUS_ACCESS_DENIED);
    Check("it hears no more of it", Saw(Low, 1, 0));
    Check("the one above does", Saw(High, 1, 1) && High->LastStatus == STATUS_ACCESS_DENIED);
    Reset(High);
    High->Choose = RegNtPreSetValueKey;
    High->Answer = STATUS_CALLBACK_BYPASS;
    Reset(Low);
    Check("a filter does it itself", SetNumber(Play, L"Refused", 1) == STATUS_SUCCESS);
    Check("neither it nor those below hear of it", Saw(High, 1, 0) && Saw(Low, 0, 0));
    Reset(High);
    Check("nor the registry", GetNumber(Play, L"Refused") == MAXULONG);
}

static VOID TestChangedStatus(FILTER *High, FILTER *Low)
{
    Reset(High);
    Reset(Low);
    Low->Choose = RegNtPostSetValueKey;
    Low->Answer = STATUS_CALLBACK_BYPASS;
    Low->NewStatus = STATUS_DISK_FULL;
    Check("success becomes failure", SetNumber(Play, L"Number", 8) == STATUS_DISK_FULL);
    Check("those above see it so", High->LastStatus == STATUS_DISK_FULL);
    Reset(Low);
    Check("it was done nevertheless", GetNumber(Play, L"Number") == 8);
    Low->Choose = RegNtPostDeleteValueKey;
    Low->Answer = STATUS_ACCESS_DENIED; /* not the bypass: means nothing */
    Low->NewStatus = STATUS_DISK_FULL;
    Check("else the status stays", DeleteValue(Play, L"Number") == STATUS_SUCCESS);
}

/* Everything that can be done with a key is told, before and after, by its own class. */
static VOID TestClasses(FILTER *High)
{
    union {
        KEY_FULL_INFORMATION Full;
        KEY_BASIC_INFORMATION Basic;
        UCHAR Space[256];
    } Info;
    HANDLE Key = MakeKey(Play, L"Classes");
    ULONG Length;

    SetNumber(Key, L"V", 1);
    Reset(High);
    ZwQueryKey(Key, KeyFullInformation, &Info, sizeof Info, &Length);
    Check("a query", Saw(High, 1, 1) && High->LastClass == RegNtPreQueryKey);
    ZwEnumerateKey(Play, 0, KeyBasicInformation, &Info, sizeof Info, &Length);
    Check("enumerated keys", Saw(High, 2, 2) && High->LastClass == RegNtPreEnumerateKey);
    ZwEnumerateValueKey(Key, 0, KeyValueBasicInformation, &Info, sizeof Info, &Length);
    Check("enumerated values", Saw(High, 3, 3) && High->LastClass == RegNtPreEnumerateValueKey);
    ZwEnumerateValueKey(Key, 5, KeyValueBasicInformation, &Info, sizeof Info, &Length);
    Check("failures, too", Saw(High, 4, 4) && High->LastStatus == STATUS_NO_MORE_ENTRIES);
    GetNumber(Key, L"V");
    Check("a query of a value", Saw(High, 5, 5) && High->LastClass == RegNtPreQueryValueKey);
    ZwFlushKey(Key);
    Check("a flush", Saw(High, 6, 6) && High->LastClass == RegNtPreFlushKey);
    RenameKey(Key, L"Classes2");
    Check("a new name", Saw(High, 7, 7) && High->LastClass == RegNtPreRenameKey);
    DeleteValue(Key, L"V");
    Check("a deleted value", Saw(High, 8, 8) && High->LastClass == RegNtPreDeleteValueKey);
    ZwDeleteKey(Key);
    Check("a deleted key", Saw(High, 9, 9) && High->LastClass == RegNtPreDeleteKey);
    ZwClose(Key);
    Check("a close", Saw(High, 10, 10) && High->LastClass == RegNtPreKeyHandleClose);
}

/* A filter that uses the registry while it is called. */
static VOID OpenInside(FILTER *Filter, REG_NOTIFY_CLASS Class, PVOID Information)
{
    HANDLE Key;

    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(Information);
    if ((Class == RegNtPreCreateKeyEx || Class == RegNtPostCreateKeyEx) &&
        NT_SUCCESS(OpenKey(NULL, PLAYGROUND, &Key)))
        ZwClose(Key);
}

static VOID TestNesting(FILTER *High, FILTER *Low)
{
    FILTER Middle = {0};
    HANDLE Key;

    Register(&Middle, L"370000");
    Reset(&Middle);
    Middle.Act = OpenInside;
    Reset(High);
    Reset(Low);
    Key = MakeKey(Play, L"Nested");
    Check("those above and itself see the outer operation", Saw(High, 1, 1) && Saw(&Middle, 1, 1));
    Check("those below see the inner ones, too", Saw(Low, 5, 5));
    ZwDeleteKey(Key);
    ZwClose(Key);
    CmUnRegisterCallback(Middle.Cookie);
}

/* Gives another key than the one that was asked for, which need not be there. */
static VOID Redirect(FILTER *Filter, REG_NOTIFY_CLASS Class, PVOID Information)
{
    PREG_OPEN_KEY_INFORMATION Open = Information;
    HANDLE Key;

    if (Class != RegNtPreOpenKeyEx || !NT_SUCCESS(OpenKey(Play, L"Target", &Key)))
        return;
    ObReferenceObjectByHandle(Key, 0, *CmKeyObjectType, KernelMode, Open->ResultObject, NULL);
    ZwClose(Key);
    *Open->Disposition = REG_OPENED_EXISTING_KEY;
    Open->GrantedAccess = Open->DesiredAccess;
    Filter->Tied = Open->RootObject;
}

static VOID TestRedirection(FILTER *High, FILTER *Low)
{
    HANDLE Target = MakeKey(Play, L"Target"), Key = NULL;

    SetNumber(Target, L"Here", 42);
    Reset(High);
    Reset(Low);
    High->Act = Redirect;
    High->Choose = RegNtPreOpenKeyEx;
    High->Answer = STATUS_CALLBACK_BYPASS;
    Check("a key that is not there", OpenKey(Play, L"Nowhere", &Key) == STATUS_SUCCESS);
    Check("the filter knew where it was looked for", High->Tied != NULL);
    Reset(High);
    Check("is another one", GetNumber(Key, L"Here") == 42);
    ZwClose(Key);
    ZwDeleteKey(Target);
    ZwClose(Target);
}

/* Takes back what has been opened. */
static VOID Withdraw(FILTER *Filter, REG_NOTIFY_CLASS Class, PVOID Information)
{
    PREG_POST_OPERATION_INFORMATION Post = Information;

    UNREFERENCED_PARAMETER(Filter);
    if (Class != RegNtPostOpenKeyEx)
        return;
    ObDereferenceObject(Post->Object);
    *((PREG_OPEN_KEY_INFORMATION)Post->PreInformation)->ResultObject = NULL;
}

static VOID TestWithdrawal(FILTER *High, FILTER *Low)
{
    HANDLE Key = NULL;

    Reset(High);
    Reset(Low);
    High->Act = Withdraw;
    High->Choose = RegNtPostOpenKeyEx;
    High->Answer = STATUS_CALLBACK_BYPASS;
    High->NewStatus = STATUS_OBJECT_NAME_NOT_FOUND;
    Check("an opened key is withdrawn",
          OpenKey(NULL, PLAYGROUND, &Key) == STATUS_OBJECT_NAME_NOT_FOUND && Key == NULL);
    Check("and closed, as those below see", Low->LastClass == RegNtPreKeyHandleClose);
}

/* ---- Contexts and names of key objects ---------------------------------------------------------
 */

static VOID TestContexts(FILTER *High, FILTER *Low)
{
    HANDLE Key = MakeKey(Play, L"Context");
    PVOID Object, Old = High;

    ObReferenceObjectByHandle(Key, 0, *CmKeyObjectType, KernelMode, &Object, NULL);
    Reset(High);
    Reset(Low);
    Check("a context is tied to a key object",
          CmSetCallbackObjectContext(Object, &High->Cookie, &High->Mark, &Old) == STATUS_SUCCESS &&
              Old == NULL);
    Check("and replaced",
          CmSetCallbackObjectContext(Object, &High->Cookie, &High->Tied, &Old) == STATUS_SUCCESS &&
              Old == &High->Mark);
    Check("by who has a cookie",
          CmSetCallbackObjectContext(Object, &(LARGE_INTEGER){.QuadPart = -1}, NULL, NULL) ==
              STATUS_INVALID_PARAMETER);
    Check("no other object has any",
          CmSetCallbackObjectContext(KeGetCurrentThread(), &High->Cookie, NULL, NULL) ==
              STATUS_INVALID_PARAMETER);
    GetNumber(Key, L"None");
    Check("its driver gets it, another does not", High->Tied == &High->Tied && Low->Tied == NULL);
    ZwDeleteKey(Key);
    ZwClose(Key);
    Check("it stays as long as the object", High->Cleanups == 0);
    Reset(High);
    ObDereferenceObject(Object);
    Check("then it is handed back, after the close",
          High->Cleanups == 1 && High->Tied == &High->Tied && Saw(High, 1, 1));
    Check("to its driver alone", Low->Cleanups == 0);
}

static VOID TestContextsAtTheEnd(VOID)
{
    FILTER Short = {0};
    HANDLE Key = MakeKey(Play, L"Context");
    PVOID Object;

    Register(&Short, L"360000");
    Reset(&Short);
    ObReferenceObjectByHandle(Key, 0, *CmKeyObjectType, KernelMode, &Object, NULL);
    CmSetCallbackObjectContext(Object, &Short.Cookie, &Short, NULL);
    CmUnRegisterCallback(Short.Cookie);
    Check("who leaves gets contexts back", Short.Cleanups == 1 && Short.Tied == &Short);
    ObDereferenceObject(Object);
    ZwDeleteKey(Key);
    ZwClose(Key);
    Check("once", Short.Cleanups == 1);
}

static BOOLEAN IsName(PCUNICODE_STRING Name, PCWSTR Text)
{
    UNICODE_STRING Expected;

    RtlInitUnicodeString(&Expected, Text);
    return RtlEqualUnicodeString(Name, &Expected, TRUE);
}

static VOID TestNames(FILTER *High)
{
    HANDLE Key = MakeKey(Play, L"Named"), Again;
    PVOID Object, Other;
    PCUNICODE_STRING Name = NULL, Later = NULL;
    ULONG_PTR Number = 0, OtherNumber = 0;

    OpenKey(Play, L"NAMED", &Again);
    ObReferenceObjectByHandle(Key, 0, *CmKeyObjectType, KernelMode, &Object, NULL);
    ObReferenceObjectByHandle(Again, 0, *CmKeyObjectType, KernelMode, &Other, NULL);
    Check("a key object's path",
          CmCallbackGetKeyObjectID(&High->Cookie, Object, &Number, &Name) == STATUS_SUCCESS &&
              IsName(Name, PLAYGROUND L"\\Named"));
    CmCallbackGetKeyObjectID(&High->Cookie, Other, &OtherNumber, NULL);
    Check("two of one key have one number", Object != Other && Number && Number == OtherNumber);
    RenameKey(Key, L"Renamed");
    CmCallbackGetKeyObjectID(&High->Cookie, Object, NULL, &Later);
    Check("the path follows a new name", IsName(Later, PLAYGROUND L"\\Renamed"));
    Check("while the old text stays", IsName(Name, PLAYGROUND L"\\Named"));
    ZwDeleteKey(Key);
    Check("a deleted key still has its path",
          CmCallbackGetKeyObjectID(&High->Cookie, Other, NULL, &Later) == STATUS_SUCCESS &&
              IsName(Later, PLAYGROUND L"\\Renamed"));
    Check("a wrong object has none",
          CmCallbackGetKeyObjectID(&High->Cookie, KeGetCurrentThread(), &Number, NULL) ==
              STATUS_INVALID_PARAMETER);
    Check("nor has a wrong cookie any",
          CmCallbackGetKeyObjectID(&(LARGE_INTEGER){.QuadPart = 0}, Object, &Number, NULL) ==
              STATUS_INVALID_PARAMETER);
    Check("there are no transactions", CmGetBoundTransaction(&High->Cookie, Object) == NULL);
    ObDereferenceObject(Object);
    ObDereferenceObject(Other);
    ZwClose(Key);
    ZwClose(Again);
}

/* ---- Waiting for changes -----------------------------------------------------------------------
 */

static HANDLE MakeEvent(PKEVENT *Event)
{
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle = NULL;

    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    ZwCreateEvent(&Handle, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, TRUE);
    ObReferenceObjectByHandle(Handle, 0, *ExEventObjectType, KernelMode, (PVOID *)Event, NULL);
    return Handle;
}

static VOID TestWatch(VOID)
{
    IO_STATUS_BLOCK Iosb = {.Status = STATUS_PENDING};
    ULONG Filter = REG_NOTIFY_CHANGE_LAST_SET;
    HANDLE Key = MakeKey(Play, L"Watched"), Below = MakeKey(Key, L"Below");
    PKEVENT Event;
    HANDLE EventHandle = MakeEvent(&Event);

    SetNumber(Key, L"V", 1);
    Check("a filter that is none", ZwNotifyChangeKey(Key, EventHandle, NULL, NULL, &Iosb, 0, FALSE,
                                                     NULL, 0, TRUE) == STATUS_INVALID_PARAMETER);
    Check("a wait begins", ZwNotifyChangeKey(Key, EventHandle, NULL, NULL, &Iosb, Filter, FALSE,
                                             NULL, 0, TRUE) == STATUS_PENDING);
    Check("its event is cleared", !IsSignalled(Event));
    SetNumber(Key, L"V", 1);
    Check("the same value is no change", !IsSignalled(Event));
    SetNumber(Below, L"V", 1);
    Check("nor is one of a subkey", !IsSignalled(Event));
    ZwClose(MakeKey(Key, L"New"));
    Check("nor one of another kind", !IsSignalled(Event));
    SetNumber(Key, L"V", 2);
    Check("another value is", IsSignalled(Event) && Iosb.Status == STATUS_NOTIFY_ENUM_DIR);
    DeleteValue(Key, L"V");
    Iosb.Status = STATUS_PENDING;
    ZwNotifyChangeKey(Key, EventHandle, NULL, NULL, &Iosb, Filter, FALSE, NULL, 0, TRUE);
    Check("a change between two waits ends the second",
          IsSignalled(Event) && Iosb.Status == STATUS_NOTIFY_ENUM_DIR);
    ZwNotifyChangeKey(Key, EventHandle, NULL, NULL, &Iosb, Filter, FALSE, NULL, 0, TRUE);
    Check("but not the third", !IsSignalled(Event));
    ZwDeleteKey(Below);
    ZwClose(Below);
    ZwClose(Key);
    Check("a close ends it", IsSignalled(Event) && Iosb.Status == STATUS_NOTIFY_CLEANUP);
    ObDereferenceObject(Event);
    ZwClose(EventHandle);
}

typedef struct _QUEUED {
    WORK_QUEUE_ITEM Item;
    KEVENT Done;
} QUEUED;

static VOID NTAPI RunQueued(PVOID Context)
{
    KeSetEvent(&((QUEUED *)Context)->Done, 0, FALSE);
}

static VOID TestWatchTree(VOID)
{
    IO_STATUS_BLOCK Iosb = {.Status = STATUS_PENDING};
    HANDLE Key = MakeKey(Play, L"Tree"), Below = MakeKey(Key, L"Below"), Deep;
    QUEUED Queued;

    KeInitializeEvent(&Queued.Done, NotificationEvent, FALSE);
    ExInitializeWorkItem(&Queued.Item, RunQueued, &Queued);
    Check("a driver waits for a work item",
          ZwNotifyChangeKey(Key, NULL, (PIO_APC_ROUTINE)(ULONG_PTR)&Queued.Item,
                            (PVOID)DelayedWorkQueue, &Iosb, REG_NOTIFY_CHANGE_NAME, TRUE, NULL, 0,
                            TRUE) == STATUS_PENDING);
    Deep = MakeKey(Below, L"Deep");
    Wait(&Queued.Done);
    Check("a new key far below", Iosb.Status == STATUS_NOTIFY_ENUM_DIR);
    Iosb.Status = STATUS_PENDING;
    ZwNotifyChangeKey(Key, NULL, NULL, NULL, &Iosb, REG_NOTIFY_CHANGE_NAME, TRUE, NULL, 0, TRUE);
    ZwDeleteKey(Deep);
    Check("a deleted one", Iosb.Status == STATUS_NOTIFY_ENUM_DIR);
    Iosb.Status = STATUS_PENDING;
    ZwNotifyChangeKey(Below, NULL, NULL, NULL, &Iosb, REG_NOTIFY_CHANGE_NAME, TRUE, NULL, 0, TRUE);
    ZwDeleteKey(Below);
    Check("a key that is deleted itself", Iosb.Status == STATUS_KEY_DELETED);
    Check("is watched no more",
          ZwNotifyChangeKey(Below, NULL, NULL, NULL, &Iosb, REG_NOTIFY_CHANGE_NAME, TRUE, NULL, 0,
                            TRUE) == STATUS_KEY_DELETED);
    ZwClose(Deep);
    ZwClose(Below);
    ZwDeleteKey(Key);
    ZwClose(Key);
}

static VOID NTAPI SetLater(PVOID Context)
{
    Delay(20);
    SetNumber((HANDLE)Context, L"V", 3);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestWatchAndWait(VOID)
{
    IO_STATUS_BLOCK Iosb = {.Status = STATUS_PENDING};
    HANDLE Key = MakeKey(Play, L"Wait");
    PKTHREAD Thread = StartThread(SetLater, Key);
    NTSTATUS Status = ZwNotifyChangeKey(Key, NULL, NULL, NULL, &Iosb, REG_NOTIFY_CHANGE_LAST_SET,
                                        FALSE, NULL, 0, FALSE);

    Check("a wait in the call itself", Status == STATUS_SUCCESS &&
                                           Iosb.Status == STATUS_NOTIFY_ENUM_DIR &&
                                           GetNumber(Key, L"V") == 3);
    JoinThread(Thread);
    ZwDeleteKey(Key);
    ZwClose(Key);
}

static VOID TestFilters(VOID)
{
    FILTER High = {0}, Low = {0};

    Register(&High, L"380000");
    Register(&Low, L"40000");
    TestOrder(&High, &Low);
    TestBlocking(&High, &Low);
    TestChangedStatus(&High, &Low);
    TestClasses(&High);
    TestNesting(&High, &Low);
    TestRedirection(&High, &Low);
    TestWithdrawal(&High, &Low);
    TestContexts(&High, &Low);
    TestContextsAtTheEnd();
    TestNames(&High);
    Reset(&High);
    CmUnRegisterCallback(High.Cookie);
    CmUnRegisterCallback(Low.Cookie);
    SetNumber(Play, L"Number", 9);
    Check("who has left is told nothing", Saw(&High, 0, 0));
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    Play = MakeKey(NULL, PLAYGROUND);
    TestRegistration();
    TestAltitudes();
    TestFilters();
    TestWatch();
    TestWatchTree();
    TestWatchAndWait();
    ZwDeleteKey(Play);
    ZwClose(Play);
    return FinishTests("regfilter");
}
