/*
 * Shows that drivers can be loaded and unloaded by several threads at once, while another lists
 * what is loaded.
 *
 *      drvrace.exe [COUNT]        rounds of each thread
 */
#include "check.h"

#define DEFAULT_COUNT 50
#define LOADERS       3
#define LIST_BYTES    0x4000
#define SERVICE(Name) L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\" Name

typedef struct _LOADER {
    UNICODE_STRING Service;
    ULONG Count;
    ULONG Loaded, Unloaded;
} LOADER;

static volatile BOOLEAN Stop;
static ULONG Lists, BadLists;

/* A list always begins with the kernel itself. */
static void ListModulesOnce(void)
{
    static ULONG Room[LIST_BYTES / sizeof(ULONG)];
    RTL_PROCESS_MODULES *Modules = (RTL_PROCESS_MODULES *)Room;
    NTSTATUS Status = NtQuerySystemInformation(SystemModuleInformation, Room, sizeof Room, NULL);

    Lists++;
    BadLists += !NT_SUCCESS(Status) || Modules->NumberOfModules < 1 ||
                strcmp((char *)Modules->Modules[0].FullPathName, "ntoskrnl.exe");
}

static VOID NTAPI ListModules(PVOID Argument)
{
    UNREFERENCED_PARAMETER(Argument);
    while (!Stop)
        ListModulesOnce();
}

static VOID NTAPI LoadOften(PVOID Argument)
{
    LOADER *Loader = Argument;
    ULONG i;

    for (i = 0; i < Loader->Count; i++) {
        Loader->Loaded += NT_SUCCESS(NtLoadDriver(&Loader->Service));
        Loader->Unloaded += NT_SUCCESS(NtUnloadDriver(&Loader->Service));
    }
}

int main(int argc, char **argv)
{
    static LOADER Loaders[LOADERS] = {{.Service = CONSTANT_STRING(SERVICE(L"slowend"))},
                                      {.Service = CONSTANT_STRING(SERVICE(L"slowend"))},
                                      {.Service = CONSTANT_STRING(SERVICE(L"demo"))}};
    LOADER WarmUp = {.Service = CONSTANT_STRING(SERVICE(L"demo")), .Count = 1};
    HANDLE Threads[LOADERS], Lister;
    ULONG Count = argc > 1 ? ParseNumber(argv[1]) : DEFAULT_COUNT, i;
    USAGE Before;

    /* What is made at first use and then kept is not counted. */
    ListModulesOnce();
    LoadOften(&WarmUp);
    QuerySteadyUsage(&Before);
    Lister = StartThread(ListModules, NULL);
    for (i = 0; i < LOADERS; i++) {
        Loaders[i].Count = Count;
        Threads[i] = StartThread(LoadOften, &Loaders[i]);
    }
    for (i = 0; i < LOADERS; i++) {
        NtWaitForSingleObject(Threads[i], FALSE, NULL);
        NtClose(Threads[i]);
    }
    Stop = TRUE;
    NtWaitForSingleObject(Lister, FALSE, NULL);
    NtClose(Lister);
    Check(Loaders[2].Loaded == Count && Loaders[2].Unloaded == Count,
          "demo.sys, by one thread: %lu times loaded, %lu times unloaded", Loaders[2].Loaded,
          Loaders[2].Unloaded);
    Check(Loaders[0].Loaded + Loaders[1].Loaded > 0 &&
              Loaders[0].Loaded + Loaders[1].Loaded == Loaders[0].Unloaded + Loaders[1].Unloaded,
          "slowend.sys, by two: %lu times loaded, as often unloaded",
          Loaders[0].Loaded + Loaders[1].Loaded);
    Check(Lists > 0 && BadLists == 0, "%lu lists of modules, %lu of them bad", Lists, BadLists);
    CheckUsage(&Before, "all loads");
    return CheckSummary("drvrace");
}
