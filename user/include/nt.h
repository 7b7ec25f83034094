/*
 * What programs include: the native interface, that is, the system services of ntdll.dll.
 *
 * Most of it is declared by the public Windows headers. Where <winternl.h> has only a few members
 * of a structure and calls the rest "Reserved", or nothing at all, the declaration here follows the
 * layout that Windows has on 32-bit x86; C_ASSERT pins the offsets that the kernel relies on.
 *
 * There is no kernel32.dll: what <windows.h> declares as functions is not there to be linked
 * with. Its types and constants are what it is included for.
 */
#ifndef USER_NT_H
#define USER_NT_H

#define WIN32_LEAN_AND_MEAN
#define WIN32_NO_STATUS /* <ntstatus.h> has all of them */
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>

/* Fuller declarations of these follow. */
#define _PEB                         _WINTERNL_PEB
#define PEB                          WINTERNL_PEB
#define PPEB                         PWINTERNL_PEB
#define _TEB                         _WINTERNL_TEB
#define TEB                          WINTERNL_TEB
#define PTEB                         PWINTERNL_TEB
#define _RTL_USER_PROCESS_PARAMETERS _WINTERNL_PROCESS_PARAMETERS
#define RTL_USER_PROCESS_PARAMETERS  WINTERNL_PROCESS_PARAMETERS
#define PRTL_USER_PROCESS_PARAMETERS PWINTERNL_PROCESS_PARAMETERS
#include <winternl.h>
#undef _PEB
#undef PEB
#undef PPEB
#undef _TEB
#undef TEB
#undef PTEB
#undef _RTL_USER_PROCESS_PARAMETERS
#undef RTL_USER_PROCESS_PARAMETERS
#undef PRTL_USER_PROCESS_PARAMETERS

#include <winioctl.h> /* CTL_CODE: how programs and drivers name a request */
#include <stdarg.h>
#include <stddef.h>

/* Handles that need not be opened. */
#define NtCurrentProcess() ((HANDLE)(LONG_PTR)-1)
#define NtCurrentThread()  ((HANDLE)(LONG_PTR)-2)

#define PAGE_SIZE 0x1000

/* A counted string that is known at compile time. */
#define CONSTANT_STRING(Text)                                                                      \
    {                                                                                              \
        sizeof(Text) - sizeof(WCHAR), sizeof(Text), (PWSTR)(Text)                                  \
    }

/*
 * What each process and each thread has in its own memory, written by the kernel at its start.
 */

typedef struct _CURDIR {
    UNICODE_STRING DosPath;
    HANDLE Handle;
} CURDIR, *PCURDIR;

typedef struct _RTL_DRIVE_LETTER_CURDIR {
    USHORT Flags;
    USHORT Length;
    ULONG TimeStamp;
    STRING DosPath;
} RTL_DRIVE_LETTER_CURDIR;

/* What a process is started with. Normalised: the strings' pointers are addresses, not offsets. */
typedef struct _RTL_USER_PROCESS_PARAMETERS {
    ULONG MaximumLength; /* 000: bytes, the strings behind the structure included */
    ULONG Length;
    ULONG Flags; /* 008: RTL_USER_PROC_xxx */
    ULONG DebugFlags;
    HANDLE ConsoleHandle; /* 010 */
    ULONG ConsoleFlags;
    HANDLE StandardInput; /* 018 */
    HANDLE StandardOutput;
    HANDLE StandardError;
    CURDIR CurrentDirectory; /* 024 */
    UNICODE_STRING DllPath;
    UNICODE_STRING ImagePathName; /* 038 */
    UNICODE_STRING CommandLine;   /* 040 */
    PVOID Environment;
    ULONG StartingX;
    ULONG StartingY;
    ULONG CountX;
    ULONG CountY;
    ULONG CountCharsX;
    ULONG CountCharsY;
    ULONG FillAttribute;
    ULONG WindowFlags;
    ULONG ShowWindowFlags;
    UNICODE_STRING WindowTitle; /* 070 */
    UNICODE_STRING DesktopInfo;
    UNICODE_STRING ShellInfo;
    UNICODE_STRING RuntimeData;
    RTL_DRIVE_LETTER_CURDIR CurrentDirectories[32]; /* 090 */
    ULONG EnvironmentSize;
    ULONG EnvironmentVersion;
} RTL_USER_PROCESS_PARAMETERS, *PRTL_USER_PROCESS_PARAMETERS;

C_ASSERT(offsetof(RTL_USER_PROCESS_PARAMETERS, StandardInput) == 0x18);
C_ASSERT(offsetof(RTL_USER_PROCESS_PARAMETERS, ImagePathName) == 0x38);
C_ASSERT(offsetof(RTL_USER_PROCESS_PARAMETERS, CommandLine) == 0x40);
C_ASSERT(offsetof(RTL_USER_PROCESS_PARAMETERS, CurrentDirectories) == 0x90);
C_ASSERT(sizeof(RTL_USER_PROCESS_PARAMETERS) == 0x298);

#define RTL_USER_PROC_PARAMS_NORMALIZED 1

/* The process environment block; the members that there are. */
typedef struct _PEB {
    BOOLEAN InheritedAddressSpace;
    BOOLEAN ReadImageFileExecOptions;
    BOOLEAN BeingDebugged; /* 02 */
    BOOLEAN BitField;
    HANDLE Mutant;
    PVOID ImageBaseAddress; /* 08: of the .exe */
    PPEB_LDR_DATA Ldr;      /* 0C: NULL; the kernel's loader keeps no lists here */
    PRTL_USER_PROCESS_PARAMETERS ProcessParameters; /* 10 */
    PVOID SubSystemData;
    PVOID ProcessHeap; /* 18 */
} PEB, *PPEB;

C_ASSERT(offsetof(PEB, ImageBaseAddress) == 0x08);
C_ASSERT(offsetof(PEB, ProcessParameters) == 0x10);

/* The thread environment block, where FS points; the members that there are. */
typedef struct _TEB {
    NT_TIB NtTib; /* 00: ends with Self, so fs:[18h] is this block's own address */
    PVOID EnvironmentPointer;
    CLIENT_ID ClientId; /* 20: process, thread */
    PVOID ActiveRpcHandle;
    PVOID ThreadLocalStoragePointer; /* 2C */
    PPEB ProcessEnvironmentBlock;    /* 30 */
    ULONG LastErrorValue;
} TEB, *PTEB;

C_ASSERT(offsetof(TEB, ClientId) == 0x20);
C_ASSERT(offsetof(TEB, ProcessEnvironmentBlock) == 0x30);

#define NtCurrentPeb() (NtCurrentTeb()->ProcessEnvironmentBlock)

/* The page that the kernel shares with all programs, read-only: time, versions. */
#define USER_SHARED_DATA_ADDRESS 0x7FFE0000

/*
 * Making processes and threads.
 */

/* One attribute of a process to be made, or of what there is to know of it afterwards. */
typedef struct _PS_ATTRIBUTE {
    ULONG_PTR Attribute; /* PS_ATTRIBUTE_xxx */
    SIZE_T Size;         /* bytes of the value */
    union {
        ULONG_PTR Value;
        PVOID ValuePtr;
    };
    PSIZE_T ReturnLength;
} PS_ATTRIBUTE, *PPS_ATTRIBUTE;

typedef struct _PS_ATTRIBUTE_LIST {
    SIZE_T TotalLength; /* bytes, this member included */
    PS_ATTRIBUTE Attributes[2];
} PS_ATTRIBUTE_LIST, *PPS_ATTRIBUTE_LIST;

C_ASSERT(sizeof(PS_ATTRIBUTE) == 16);

/* TotalLength of a list of Count attributes. */
#define PS_ATTRIBUTE_LIST_SIZE(Count)                                                              \
    (offsetof(PS_ATTRIBUTE_LIST, Attributes) + (Count) * sizeof(PS_ATTRIBUTE))

#define PS_ATTRIBUTE_CLIENT_ID  0x00010003 /* out: a CLIENT_ID, the first thread's */
#define PS_ATTRIBUTE_IMAGE_NAME 0x00020005 /* in: the .exe's path, Size bytes of characters */

/* NtCreateUserProcess, ProcessFlags: the new process has the handles that are marked OBJ_INHERIT.
 */
#define PROCESS_CREATE_FLAGS_INHERIT_HANDLES 4

/* Further facts about how a process was made: not given, pass NULL. */
typedef struct _PS_CREATE_INFO *PPS_CREATE_INFO;

/* A new process, as RtlCreateUserProcess gives it. */
typedef struct _RTL_USER_PROCESS_INFORMATION {
    ULONG Length; /* of this structure */
    HANDLE ProcessHandle;
    HANDLE ThreadHandle;
    CLIENT_ID ClientId;
    ULONG ImageInformation[12]; /* SECTION_IMAGE_INFORMATION: not filled in */
} RTL_USER_PROCESS_INFORMATION, *PRTL_USER_PROCESS_INFORMATION;

C_ASSERT(sizeof(RTL_USER_PROCESS_INFORMATION) == 0x44);

/*
 * What NtQuerySystemInformation and its kin give.
 */

#define SystemModuleInformation             ((SYSTEM_INFORMATION_CLASS)11)
#define SystemPoolTagInformation            ((SYSTEM_INFORMATION_CLASS)22)
#define SystemUpperhalfInformation          ((SYSTEM_INFORMATION_CLASS)0x1000)
#define SystemUpperhalfProcessorInformation ((SYSTEM_INFORMATION_CLASS)0x1001)

C_ASSERT(sizeof(SYSTEM_PERFORMANCE_INFORMATION) == 312);
C_ASSERT(offsetof(SYSTEM_PERFORMANCE_INFORMATION, AvailablePages) == 0x2C);

/* SystemModuleInformation: an image in the upper half; the kernel itself is the first. */
typedef struct _RTL_PROCESS_MODULE_INFORMATION {
    HANDLE Section;
    PVOID MappedBase;
    PVOID ImageBase;
    ULONG ImageSize; /* bytes */
    ULONG Flags;
    USHORT LoadOrderIndex;
    USHORT InitOrderIndex;
    USHORT LoadCount;
    USHORT OffsetToFileName; /* in FullPathName */
    UCHAR FullPathName[256];
} RTL_PROCESS_MODULE_INFORMATION, *PRTL_PROCESS_MODULE_INFORMATION;

typedef struct _RTL_PROCESS_MODULES {
    ULONG NumberOfModules;
    RTL_PROCESS_MODULE_INFORMATION Modules[1];
} RTL_PROCESS_MODULES, *PRTL_PROCESS_MODULES;

C_ASSERT(sizeof(RTL_PROCESS_MODULE_INFORMATION) == 284);

/* SystemPoolTagInformation: what one tag's owner has of the pools. */
typedef struct _SYSTEM_POOLTAG {
    union {
        UCHAR Tag[4];
        ULONG TagUlong;
    };
    ULONG PagedAllocs;
    ULONG PagedFrees;
    SIZE_T PagedUsed; /* bytes, headers and rounding included */
    ULONG NonPagedAllocs;
    ULONG NonPagedFrees;
    SIZE_T NonPagedUsed;
} SYSTEM_POOLTAG, *PSYSTEM_POOLTAG;

typedef struct _SYSTEM_POOLTAG_INFORMATION {
    ULONG Count;
    SYSTEM_POOLTAG TagInfo[1];
} SYSTEM_POOLTAG_INFORMATION, *PSYSTEM_POOLTAG_INFORMATION;

C_ASSERT(sizeof(SYSTEM_POOLTAG) == 28);

/* SystemUpperhalfInformation, which Windows does not have: the kernel's counters. */
typedef struct _SYSTEM_UPPERHALF_INFORMATION {
    ULONG Size;           /* of this structure, in bytes, as the kernel has it */
    ULONG AvailablePages; /* frames that nobody has */
    ULONG ActivePages;
    ULONG CommittedPages; /* promised */
    ULONG CommitLimit;
    ULONG PagedPoolPages;
    ULONG NonPagedPoolPages;
    ULONG ProcessCount;
    ULONG ThreadCount;
    ULONG ThreadSwitches;
    ULONG AddressSpaceSwitches; /* thread switches that loaded CR3 */
    ULONG AttachSwitches;       /* KeStackAttachProcess and back */
    ULONG PageFaults;
    ULONG KernelPageFaults;
    ULONG SystemCalls;
    ULONG InterruptCount;
    ULONG PageDirectories;
    ULONG PageTables; /* of processes' halves */
    ULONG KernelStackPages;
    ULONG DriverImagePages;
    ULONG ProcessPages; /* of processes' memory */
} SYSTEM_UPPERHALF_INFORMATION, *PSYSTEM_UPPERHALF_INFORMATION;

/* SystemUpperhalfProcessorInformation: one for each processor, in the order of their numbers. */
typedef struct _SYSTEM_UPPERHALF_PROCESSOR_INFORMATION {
    ULONG ThreadSwitches;
    ULONG AddressSpaceSwitches; /* thread switches that loaded CR3 */
    ULONG AttachSwitches;
    ULONG PageFaults;
    ULONG SystemCalls;
    ULONG InterruptCount;
} SYSTEM_UPPERHALF_PROCESSOR_INFORMATION, *PSYSTEM_UPPERHALF_PROCESSOR_INFORMATION;

#define PROCESSORS_MOST 8 /* that the kernel uses */

/*
 * NtQueryVirtualMemory and events: the classes that the public headers leave out.
 */
typedef enum _MEMORY_INFORMATION_CLASS { MemoryBasicInformation } MEMORY_INFORMATION_CLASS;

typedef enum _EVENT_TYPE {
    NotificationEvent,   /* stays signalled until it is reset */
    SynchronizationEvent /* is reset by the one wait that it satisfies */
} EVENT_TYPE;

/*
 * Objects: what their services take and give.
 */

typedef enum _TIMER_TYPE { NotificationTimer, SynchronizationTimer } TIMER_TYPE;
typedef enum _WAIT_TYPE { WaitAll, WaitAny } WAIT_TYPE;
typedef enum _TIMER_SET_INFORMATION_CLASS { TimerSetCoalescableTimer } TIMER_SET_INFORMATION_CLASS;

/* Rights and options that the headers for programs leave out. */
#define DIRECTORY_QUERY             0x0001
#define DIRECTORY_ALL_ACCESS        (STANDARD_RIGHTS_REQUIRED | 0xF)
#define SYMBOLIC_LINK_QUERY         0x0001
#define SYMBOLIC_LINK_ALL_ACCESS    (STANDARD_RIGHTS_REQUIRED | 0x1)
#define DUPLICATE_SAME_ATTRIBUTES   0x0004
#define ObjectHandleFlagInformation ((OBJECT_INFORMATION_CLASS)4)

typedef VOID(NTAPI *PTIMER_APC_ROUTINE)(PVOID TimerContext, ULONG TimerLowValue,
                                        LONG TimerHighValue);

/* What NtQueryDirectoryObject gives: an array of these, the last one empty, then the text. */
typedef struct _OBJECT_DIRECTORY_INFORMATION {
    UNICODE_STRING Name;
    UNICODE_STRING TypeName;
} OBJECT_DIRECTORY_INFORMATION, *POBJECT_DIRECTORY_INFORMATION;

typedef struct _OBJECT_HANDLE_FLAG_INFORMATION {
    BOOLEAN Inherit;
    BOOLEAN ProtectFromClose;
} OBJECT_HANDLE_FLAG_INFORMATION, *POBJECT_HANDLE_FLAG_INFORMATION;

C_ASSERT(sizeof(OBJECT_BASIC_INFORMATION) == 0x38);

typedef struct _EVENT_BASIC_INFORMATION {
    EVENT_TYPE EventType;
    LONG EventState;
} EVENT_BASIC_INFORMATION;

typedef struct _SEMAPHORE_BASIC_INFORMATION {
    LONG CurrentCount;
    LONG MaximumCount;
} SEMAPHORE_BASIC_INFORMATION;

typedef struct _MUTANT_BASIC_INFORMATION {
    LONG CurrentCount;
    BOOLEAN OwnedByCaller;
    BOOLEAN AbandonedState;
} MUTANT_BASIC_INFORMATION;

typedef struct _TIMER_BASIC_INFORMATION {
    LARGE_INTEGER RemainingTime; /* 100 ns units */
    BOOLEAN TimerState;
} TIMER_BASIC_INFORMATION;

/* The console, an object like a file: 8-bit text is written to it and read from it. */
#define CONSOLE_NAME L"\\??\\CON"

/* Where the files that the machine was started with are. */
#define SYSTEM_ROOT L"\\SystemRoot\\"

/* Of keys and values: the classes and structures that are used; the WDK has the others. */
typedef enum _KEY_INFORMATION_CLASS {
    KeyBasicInformation,
    KeyNodeInformation,
    KeyFullInformation,
    KeyNameInformation
} KEY_INFORMATION_CLASS;

typedef struct _KEY_BASIC_INFORMATION {
    LARGE_INTEGER LastWriteTime;
    ULONG TitleIndex;
    ULONG NameLength; /* bytes, as are all the others */
    WCHAR Name[1];
} KEY_BASIC_INFORMATION, *PKEY_BASIC_INFORMATION;

typedef enum _KEY_VALUE_INFORMATION_CLASS {
    KeyValueBasicInformation,
    KeyValueFullInformation,
    KeyValuePartialInformation
} KEY_VALUE_INFORMATION_CLASS;

typedef struct _KEY_VALUE_PARTIAL_INFORMATION {
    ULONG TitleIndex;
    ULONG Type; /* REG_xxx */
    ULONG DataLength;
    UCHAR Data[1];
} KEY_VALUE_PARTIAL_INFORMATION, *PKEY_VALUE_PARTIAL_INFORMATION;

/* What a user APC runs. */
typedef VOID(NTAPI *PKNORMAL_ROUTINE)(PVOID Argument1, PVOID Argument2, PVOID Argument3);

/*
 * The system services (kernel/services.def), but for those that <winternl.h> declares: NtClose,
 * NtCreateFile, NtDeviceIoControlFile, NtOpenFile, NtQueryInformationProcess, NtQueryObject,
 * NtQuerySystemInformation, NtQuerySystemTime and NtWaitForSingleObject. Each is documented in the
 * WDK under its Zw name unless the kernel's comment says otherwise.
 */
NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, ULONG_PTR ZeroBits,
                                       PSIZE_T RegionSize, ULONG AllocationType, ULONG Protect);
NTSTATUS NTAPI NtFreeVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize,
                                   ULONG FreeType);
NTSTATUS NTAPI NtProtectVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize,
                                      ULONG NewProtect, PULONG OldProtect);
NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE ProcessHandle, PVOID BaseAddress,
                                    MEMORY_INFORMATION_CLASS MemoryInformationClass,
                                    PVOID MemoryInformation, SIZE_T MemoryInformationLength,
                                    PSIZE_T ReturnLength);

typedef enum _SECTION_INHERIT { ViewShare = 1, ViewUnmap = 2 } SECTION_INHERIT;

typedef enum _SECTION_INFORMATION_CLASS {
    SectionBasicInformation,
    SectionImageInformation
} SECTION_INFORMATION_CLASS;

typedef struct _SECTION_BASIC_INFORMATION {
    PVOID BaseAddress;
    ULONG AllocationAttributes;
    LARGE_INTEGER MaximumSize;
} SECTION_BASIC_INFORMATION;

NTSTATUS NTAPI NtCreateSection(PHANDLE SectionHandle, ACCESS_MASK DesiredAccess,
                               POBJECT_ATTRIBUTES ObjectAttributes, PLARGE_INTEGER MaximumSize,
                               ULONG SectionPageProtection, ULONG AllocationAttributes,
                               HANDLE FileHandle);
NTSTATUS NTAPI NtOpenSection(PHANDLE SectionHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtMapViewOfSection(HANDLE SectionHandle, HANDLE ProcessHandle, PVOID *BaseAddress,
                                  ULONG_PTR ZeroBits, SIZE_T CommitSize,
                                  PLARGE_INTEGER SectionOffset, PSIZE_T ViewSize,
                                  SECTION_INHERIT InheritDisposition, ULONG AllocationType,
                                  ULONG Win32Protect);
NTSTATUS NTAPI NtUnmapViewOfSection(HANDLE ProcessHandle, PVOID BaseAddress);
NTSTATUS NTAPI NtQuerySection(HANDLE SectionHandle, SECTION_INFORMATION_CLASS Class, PVOID Buffer,
                              SIZE_T Length, PSIZE_T ReturnLength);

NTSTATUS NTAPI NtCreateUserProcess(PHANDLE ProcessHandle, PHANDLE ThreadHandle,
                                   ACCESS_MASK ProcessDesiredAccess,
                                   ACCESS_MASK ThreadDesiredAccess,
                                   POBJECT_ATTRIBUTES ProcessObjectAttributes,
                                   POBJECT_ATTRIBUTES ThreadObjectAttributes, ULONG ProcessFlags,
                                   ULONG ThreadFlags,
                                   PRTL_USER_PROCESS_PARAMETERS ProcessParameters,
                                   PPS_CREATE_INFO CreateInfo, PPS_ATTRIBUTE_LIST AttributeList);
NTSTATUS NTAPI NtCreateThreadEx(PHANDLE ThreadHandle, ACCESS_MASK DesiredAccess,
                                POBJECT_ATTRIBUTES ObjectAttributes, HANDLE ProcessHandle,
                                PVOID StartRoutine, PVOID Argument, ULONG CreateFlags,
                                SIZE_T ZeroBits, SIZE_T StackSize, SIZE_T MaximumStackSize,
                                PPS_ATTRIBUTE_LIST AttributeList);
NTSTATUS NTAPI NtTerminateProcess(HANDLE ProcessHandle, NTSTATUS ExitStatus);
NTSTATUS NTAPI NtTerminateThread(HANDLE ThreadHandle, NTSTATUS ExitStatus);
NTSTATUS NTAPI NtQueueApcThread(HANDLE ThreadHandle, PKNORMAL_ROUTINE ApcRoutine, PVOID Argument1,
                                PVOID Argument2, PVOID Argument3);
NTSTATUS NTAPI NtAlertThread(HANDLE ThreadHandle);
NTSTATUS NTAPI NtTestAlert(VOID);
NTSTATUS NTAPI NtContinue(PCONTEXT ContextRecord, BOOLEAN TestAlert);
NTSTATUS NTAPI NtRaiseException(PEXCEPTION_RECORD ExceptionRecord, PCONTEXT ContextRecord,
                                BOOLEAN FirstChance);
NTSTATUS NTAPI NtDelayExecution(BOOLEAN Alertable, PLARGE_INTEGER DelayInterval);
NTSTATUS NTAPI NtYieldExecution(VOID);

NTSTATUS NTAPI NtCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes, EVENT_TYPE EventType,
                             BOOLEAN InitialState);
NTSTATUS NTAPI NtOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtSetEvent(HANDLE EventHandle, PLONG PreviousState);
NTSTATUS NTAPI NtResetEvent(HANDLE EventHandle, PLONG PreviousState);
NTSTATUS NTAPI NtClearEvent(HANDLE EventHandle);

NTSTATUS NTAPI NtCancelIoFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock);
NTSTATUS NTAPI NtFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock);
NTSTATUS NTAPI NtCancelTimer(HANDLE TimerHandle, PBOOLEAN CurrentState);
NTSTATUS NTAPI NtCreateDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                       POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtCreateMutant(PHANDLE MutantHandle, ACCESS_MASK DesiredAccess,
                              POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN InitialOwner);
NTSTATUS NTAPI NtCreateSemaphore(PHANDLE SemaphoreHandle, ACCESS_MASK DesiredAccess,
                                 POBJECT_ATTRIBUTES ObjectAttributes, LONG InitialCount,
                                 LONG MaximumCount);
NTSTATUS NTAPI NtCreateSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes,
                                          PUNICODE_STRING LinkTarget);
NTSTATUS NTAPI NtCreateTimer(PHANDLE TimerHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes, TIMER_TYPE TimerType);
NTSTATUS NTAPI NtDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle,
                                 HANDLE TargetProcessHandle, PHANDLE TargetHandle,
                                 ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options);
NTSTATUS NTAPI NtMakePermanentObject(HANDLE Handle);
NTSTATUS NTAPI NtMakeTemporaryObject(HANDLE Handle);
NTSTATUS NTAPI NtOpenDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                     POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtOpenMutant(PHANDLE MutantHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtOpenSemaphore(PHANDLE SemaphoreHandle, ACCESS_MASK DesiredAccess,
                               POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                        POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtOpenTimer(PHANDLE TimerHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtPulseEvent(HANDLE EventHandle, PLONG PreviousState);
NTSTATUS NTAPI NtQueryDirectoryObject(HANDLE DirectoryHandle, PVOID Buffer, ULONG Length,
                                      BOOLEAN ReturnSingleEntry, BOOLEAN RestartScan,
                                      PULONG Context, PULONG ReturnLength);
NTSTATUS NTAPI NtQueryEvent(HANDLE EventHandle, ULONG EventInformationClass, PVOID EventInformation,
                            ULONG EventInformationLength, PULONG ReturnLength);
NTSTATUS NTAPI NtQueryMutant(HANDLE MutantHandle, ULONG MutantInformationClass,
                             PVOID MutantInformation, ULONG MutantInformationLength,
                             PULONG ReturnLength);
NTSTATUS NTAPI NtQueryPerformanceCounter(PLARGE_INTEGER PerformanceCounter,
                                         PLARGE_INTEGER PerformanceFrequency);
NTSTATUS NTAPI NtQuerySemaphore(HANDLE SemaphoreHandle, ULONG SemaphoreInformationClass,
                                PVOID SemaphoreInformation, ULONG SemaphoreInformationLength,
                                PULONG ReturnLength);
NTSTATUS NTAPI NtQuerySymbolicLinkObject(HANDLE LinkHandle, PUNICODE_STRING LinkTarget,
                                         PULONG ReturnedLength);
NTSTATUS NTAPI NtQueryTimer(HANDLE TimerHandle, ULONG TimerInformationClass, PVOID TimerInformation,
                            ULONG TimerInformationLength, PULONG ReturnLength);
NTSTATUS NTAPI NtReleaseMutant(HANDLE MutantHandle, PLONG PreviousCount);
NTSTATUS NTAPI NtReleaseSemaphore(HANDLE SemaphoreHandle, LONG ReleaseCount, PLONG PreviousCount);
NTSTATUS NTAPI NtSetInformationObject(HANDLE Handle,
                                      OBJECT_INFORMATION_CLASS ObjectInformationClass,
                                      PVOID ObjectInformation, ULONG ObjectInformationLength);
NTSTATUS NTAPI NtSetTimer(HANDLE TimerHandle, PLARGE_INTEGER DueTime,
                          PTIMER_APC_ROUTINE TimerApcRoutine, PVOID TimerContext,
                          BOOLEAN ResumeTimer, LONG Period, PBOOLEAN PreviousState);
NTSTATUS NTAPI NtSetTimerEx(HANDLE TimerHandle,
                            TIMER_SET_INFORMATION_CLASS TimerSetInformationClass,
                            PVOID TimerSetInformation, ULONG TimerSetInformationLength);
NTSTATUS NTAPI NtSignalAndWaitForSingleObject(HANDLE SignalHandle, HANDLE WaitHandle,
                                              BOOLEAN Alertable, PLARGE_INTEGER Timeout);
NTSTATUS NTAPI NtWaitForMultipleObjects(ULONG HandleCount, PHANDLE Handles, WAIT_TYPE WaitType,
                                        BOOLEAN Alertable, PLARGE_INTEGER Timeout);

NTSTATUS NTAPI NtReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                          PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                          ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key);
NTSTATUS NTAPI NtWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                           PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                           ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key);

/* NtRenameKey is in <winternl.h>. */
NTSTATUS NTAPI NtCreateKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex,
                           PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition);
NTSTATUS NTAPI NtOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                         POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtOpenKeyEx(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions);
NTSTATUS NTAPI NtDeleteKey(HANDLE KeyHandle);
NTSTATUS NTAPI NtFlushKey(HANDLE KeyHandle);
NTSTATUS NTAPI NtNotifyChangeKey(HANDLE KeyHandle, HANDLE EventHandle, PIO_APC_ROUTINE ApcRoutine,
                                 PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                 ULONG NotifyFilter, BOOLEAN WatchSubtree, PVOID Buffer,
                                 ULONG BufferLength, BOOLEAN Asynchronous);
NTSTATUS NTAPI NtQueryKey(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass,
                          PVOID KeyInformation, ULONG Length, PULONG ResultLength);
NTSTATUS NTAPI NtEnumerateKey(HANDLE KeyHandle, ULONG Index,
                              KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                              ULONG Length, PULONG ResultLength);
NTSTATUS NTAPI NtSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex,
                             ULONG Type, PVOID Data, ULONG DataSize);
NTSTATUS NTAPI NtDeleteValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName);
NTSTATUS NTAPI NtQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                               KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                               PVOID KeyValueInformation, ULONG Length, PULONG ResultLength);
NTSTATUS NTAPI NtEnumerateValueKey(HANDLE KeyHandle, ULONG Index,
                                   KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                                   PVOID KeyValueInformation, ULONG Length, PULONG ResultLength);

NTSTATUS NTAPI NtFsControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                               PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                               ULONG FsControlCode, PVOID InputBuffer, ULONG InputBufferLength,
                               PVOID OutputBuffer, ULONG OutputBufferLength);
NTSTATUS NTAPI NtCancelIoFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock);
NTSTATUS NTAPI NtFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock);
NTSTATUS NTAPI NtQueryInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                      PVOID FileInformation, ULONG Length,
                                      FILE_INFORMATION_CLASS FileInformationClass);
NTSTATUS NTAPI NtSetInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                    PVOID FileInformation, ULONG Length,
                                    FILE_INFORMATION_CLASS FileInformationClass);

NTSTATUS NTAPI NtDisplayString(PUNICODE_STRING String);
NTSTATUS NTAPI NtLoadDriver(PUNICODE_STRING DriverServiceName);
NTSTATUS NTAPI NtUnloadDriver(PUNICODE_STRING DriverServiceName);

/*
 * Routines of ntdll.dll that are not services, beyond those in <winternl.h>, <string.h> and
 * <ctype.h>.
 */
NTSTATUS NTAPI RtlCreateUserProcess(PUNICODE_STRING ImagePathName, ULONG Attributes,
                                    PRTL_USER_PROCESS_PARAMETERS ProcessParameters,
                                    PSECURITY_DESCRIPTOR ProcessSecurityDescriptor,
                                    PSECURITY_DESCRIPTOR ThreadSecurityDescriptor,
                                    HANDLE ParentProcess, BOOLEAN InheritHandles, HANDLE DebugPort,
                                    HANDLE ExceptionPort,
                                    PRTL_USER_PROCESS_INFORMATION ProcessInformation);
VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD ExceptionRecord);
DECLSPEC_NORETURN VOID NTAPI RtlRaiseStatus(NTSTATUS Status);
DECLSPEC_NORETURN VOID NTAPI RtlExitUserThread(NTSTATUS ExitStatus);
DECLSPEC_NORETURN VOID NTAPI RtlExitUserProcess(NTSTATUS ExitStatus);
ULONG NTAPI RtlRandomEx(PULONG Seed);

int __cdecl _snprintf(char *Buffer, size_t Count, const char *Format, ...);
int __cdecl _vsnprintf(char *Buffer, size_t Count, const char *Format, va_list Arguments);
int __cdecl _snwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, ...);
int __cdecl _vsnwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, va_list Arguments);

#endif
