/*
 * Shows how long names and handles live. A temporary object has its name as long as anybody has a
 * handle of it, whoever opens and closes other handles meanwhile.
 *
 *      names.exe             all checks
 *      names.exe open        what it starts itself: opens and closes the name for ever
 *      names.exe kernel      ends without closing its handles, which it wanted to be the kernel's
 */
#include "check.h"

#define EVENT_NAME    L"\\BaseNamedObjects\\names-test"
#define ROUNDS        20000
#define MANY          500
#define KERNEL_HANDLE 0x80000000

static NTSTATUS Named(HANDLE *Event, ULONG Flags, BOOLEAN Create)
{
    UNICODE_STRING Name = CONSTANT_STRING(EVENT_NAME);
    OBJECT_ATTRIBUTES Attributes;

    *Event = NULL;
    InitializeObjectAttributes(&Attributes, &Name, Flags, NULL, NULL);
    if (Create)
        return NtCreateEvent(Event, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, FALSE);
    return NtOpenEvent(Event, EVENT_ALL_ACCESS, &Attributes);
}

static NTSTATUS Nameless(HANDLE *Event, ULONG Flags)
{
    OBJECT_ATTRIBUTES Attributes;

    InitializeObjectAttributes(&Attributes, NULL, Flags, NULL, NULL);
    return NtCreateEvent(Event, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, FALSE);
}

static void CheckLife(void)
{
    HANDLE First, Second, Third;

    CheckStatus(Named(&First, 0, TRUE), STATUS_SUCCESS, "a named event is created");
    CheckStatus(Named(&Third, 0, TRUE), STATUS_OBJECT_NAME_COLLISION, "its name is taken");
    CheckStatus(Named(&Second, OBJ_OPENIF, TRUE), STATUS_OBJECT_NAME_EXISTS,
                "unless one that exists will do");
    NtSetEvent(First, NULL);
    CheckStatus(WaitForProgram(Second, 0), STATUS_SUCCESS, "the two handles name one event");
    NtClose(First);
    CheckStatus(Named(&Third, 0, FALSE), STATUS_SUCCESS, "the name outlives its creator's handle");
    NtClose(Second);
    NtClose(Third);
    CheckStatus(Named(&Third, 0, FALSE), STATUS_OBJECT_NAME_NOT_FOUND, "but not the last one");
}

/* Fills the table of handles. Returns the last one; all others above First are consecutive. */
static ULONG FillTable(HANDLE *Last)
{
    HANDLE Event;
    ULONG Count;

    for (Count = 0; NT_SUCCESS(Nameless(&Event, 0)); Count++)
        *Last = Event;
    return Count;
}

static void CheckFullTable(void)
{
    HANDLE First, Last = NULL, Handle;
    ULONG Count;

    Named(&First, 0, TRUE);
    Count = FillTable(&Last);
    CheckStatus(Named(&Handle, 0, FALSE), STATUS_INSUFFICIENT_RESOURCES,
                "with no room for a handle, the name cannot be opened");
    CheckStatus(Named(&Handle, OBJ_OPENIF, TRUE), STATUS_INSUFFICIENT_RESOURCES, "nor created");
    NtClose(Last);
    CheckStatus(Named(&Handle, 0, FALSE), STATUS_SUCCESS, "with room, it is still there");
    NtClose(Handle);
    for (; Count > 1; Count--) {
        Last = (HANDLE)((ULONG_PTR)Last - 4);
        NtClose(Last);
    }
    NtClose(First);
}

/* While another process opens and closes the name at every chance. */
static void CheckRace(void)
{
    HANDLE Opener, First, Second;
    ULONG Lost = 0, i;

    StartProgram("names.exe", "names.exe open", &Opener);
    for (i = 0; i < ROUNDS; i++) {
        if (!NT_SUCCESS(Named(&First, 0, TRUE)))
            continue; /* the other one still has it */
        if (NT_SUCCESS(Named(&Second, 0, FALSE)))
            NtClose(Second);
        else
            Lost++;
        NtClose(First);
    }
    NtTerminateProcess(Opener, 0);
    WaitForProgram(Opener, INFINITE);
    NtClose(Opener);
    Check(Lost == 0, "%lu of %u times the name was lost while there was a handle", Lost, ROUNDS);
    CheckStatus(Named(&First, 0, TRUE), STATUS_SUCCESS, "afterwards the name is free");
    NtClose(First);
}

static DECLSPEC_NORETURN void OpenForEver(void)
{
    HANDLE Event;

    for (;;) {
        if (NT_SUCCESS(Named(&Event, 0, FALSE)))
            NtClose(Event);
    }
}

static int MakeKernelHandles(void)
{
    HANDLE Event;
    ULONG i;

    for (i = 0; i < MANY; i++) {
        if (!NT_SUCCESS(Nameless(&Event, OBJ_KERNEL_HANDLE)) || (ULONG_PTR)Event & KERNEL_HANDLE)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    HANDLE Event;
    USAGE Before;

    if (argc > 1 && strcmp(argv[1], "open") == 0)
        OpenForEver();
    if (argc > 1)
        return MakeKernelHandles();
    CheckLife();
    CheckStatus(Named(&Event, OBJ_PERMANENT, TRUE), STATUS_PRIVILEGE_NOT_HELD,
                "a program cannot make a name permanent");
    CheckRace();
    QuerySteadyUsage(&Before);
    CheckStatus(RunProgram("names.exe", "names.exe kernel"), 0,
                "nor can it make handles in the kernel's table");
    CheckUsage(&Before, "all that it tried");
    CheckFullTable();
    return CheckSummary("names");
}
