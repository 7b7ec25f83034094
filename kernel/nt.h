/*
 * The prelude of every kernel source file: the public DDK headers, compiled for ELF.
 *
 * Drivers are compiled by the PE cross compiler against these same headers. So each routine that a
 * driver can call is declared once, by the headers that Windows driver writers use, and a wrong
 * signature or structure layout in the kernel does not compile. What the headers keep opaque
 * (KTHREAD, EPROCESS, the pool header, the PFN entry) is laid out in the room that owns it.
 *
 * The keywords of Microsoft's compilers are given as GCC attributes; the command line defines
 * _X86_, _WIN32, __MINGW32__, _NTOSKRNL_, _NTSYSTEM_ and _NTHAL_ (see the Makefile).
 */
#ifndef KERNEL_NT_H
#define KERNEL_NT_H

#define __declspec(x) /* dllimport and the like mean nothing inside the kernel itself */
#define __stdcall __attribute__((stdcall))
#define __fastcall __attribute__((fastcall))
#define __cdecl __attribute__((cdecl))
#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long long

#include <ntifs.h>
#include <ntddk.h>
#include <ntimage.h>
#include <bugcodes.h>
#include <stdarg.h>

/* The headers expand DECLSPEC_NORETURN through __declspec; give KeBugCheckEx its property back. */
DECLSPEC_NORETURN NTKERNELAPI VOID NTAPI KeBugCheckEx(ULONG, ULONG_PTR, ULONG_PTR, ULONG_PTR,
                                                      ULONG_PTR) __attribute__((noreturn));

/* What user-mode headers declare and the DDK's do not, at Windows' values. */
#define PROCESS_TERMINATE         0x0001
#define PROCESS_CREATE_THREAD     0x0002
#define PROCESS_VM_OPERATION      0x0008
#define PROCESS_QUERY_INFORMATION 0x0400
#define THREAD_QUERY_INFORMATION  0x0040
#define MUTANT_QUERY_STATE        0x0001
#define MUTANT_ALL_ACCESS         (STANDARD_RIGHTS_REQUIRED | SYNCHRONIZE | 1)
#define TIMER_QUERY_STATE         0x0001
#define TIMER_MODIFY_STATE        0x0002
#define TIMER_ALL_ACCESS          (STANDARD_RIGHTS_REQUIRED | SYNCHRONIZE | 3)
#define MEM_IMAGE                 0x1000000
#define SEC_FILE                  0x800000
#define SEC_IMAGE                 0x1000000
#define FILE_DEVICE_CONSOLE       0x50
#define IMAGE_SUBSYSTEM_NATIVE    1
#define MACHINE_CHECK_EXCEPTION   0x9C

#define STATUS_REPARSE_POINT_ENCOUNTERED ((NTSTATUS)0xC000050B)

#define DRIVER_VERIFIER_DETECTED_VIOLATION         0xC4
#define DRIVER_VERIFIER_DMA_VIOLATION              0xE6
#define DRIVER_VERIFIER_IOMANAGER_VIOLATION        0xC9
#define PAGE_FAULT_IN_FREED_SPECIAL_POOL           0xCC
#define PAGE_FAULT_BEYOND_END_OF_ALLOCATION        0xCD
#define DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL    0xD5
#define DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION 0xD6
#define SYSTEM_PTE_MISUSE                          0xDA
#define INVALID_FLOATING_POINT_STATE               0xE7
#define CLOCK_WATCHDOG_TIMEOUT                     0x101
#define DPC_WATCHDOG_VIOLATION                     0x133

typedef struct _MEMORY_BASIC_INFORMATION {
    PVOID BaseAddress;
    PVOID AllocationBase;
    ULONG AllocationProtect;
    SIZE_T RegionSize;
    ULONG State;
    ULONG Protect;
    ULONG Type;
} MEMORY_BASIC_INFORMATION, *PMEMORY_BASIC_INFORMATION;

/* Exported under these names, though the headers give them as macros over other routines. */
VOID(NTAPI KeRaiseIrql)(KIRQL NewIrql, PKIRQL OldIrql);
VOID(NTAPI KeLowerIrql)(KIRQL NewIrql);
VOID(NTAPI KeAcquireSpinLock)(PKSPIN_LOCK SpinLock, PKIRQL OldIrql);
VOID(NTAPI KeReleaseSpinLock)(PKSPIN_LOCK SpinLock, KIRQL NewIrql);
VOID(NTAPI KeAcquireSpinLockAtDpcLevel)(PKSPIN_LOCK SpinLock);
VOID(NTAPI KeReleaseSpinLockFromDpcLevel)(PKSPIN_LOCK SpinLock);
VOID(NTAPI KeQueryTickCount)(PLARGE_INTEGER TickCount);

/* Exported, and not declared by the headers. */
extern PUCHAR *KdComPortInUse;
NTSTATUS NTAPI ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode);
NTSTATUS NTAPI ObOpenObjectByName(POBJECT_ATTRIBUTES ObjectAttributes, POBJECT_TYPE ObjectType,
                                  KPROCESSOR_MODE AccessMode, PACCESS_STATE PassedAccessState,
                                  ACCESS_MASK DesiredAccess, PVOID ParseContext, PHANDLE Handle);
VOID FASTCALL KeAcquireInStackQueuedSpinLockRaiseToSynch(PKSPIN_LOCK SpinLock,
                                                         PKLOCK_QUEUE_HANDLE LockHandle);
KIRQL FASTCALL KeAcquireQueuedSpinLockRaiseToSynch(KSPIN_LOCK_QUEUE_NUMBER Number);
LOGICAL FASTCALL KeTryToAcquireQueuedSpinLockRaiseToSynch(KSPIN_LOCK_QUEUE_NUMBER Number,
                                                          PKIRQL OldIrql);

NTSTATUS NTAPI ExRaiseHardError(NTSTATUS ErrorStatus, ULONG NumberOfParameters,
                                ULONG UnicodeStringParameterMask, PULONG_PTR Parameters,
                                ULONG ValidResponseOptions, PULONG Response);

#define NORETURN __attribute__((noreturn))

#endif
