/*
 * Images in the kernel: which are loaded where, and how files become images. The reader of PE
 * files itself is pe.h, and knows nothing of this.
 */
#ifndef KERNEL_LDR_LDR_H
#define KERNEL_LDR_LDR_H

#include "kernel/ldr/pe.h"

/* One loaded kernel image, at the offsets that debuggers of Windows expect. */
typedef struct _LDR_MODULE {
    LIST_ENTRY InLoadOrderLinks; /* 00: in PsLoadedModuleList */
    PVOID Reserved[4];
    PVOID DllBase;              /* 18 */
    PVOID EntryPoint;           /* 1C */
    ULONG SizeOfImage;          /* 20: whole pages */
    UNICODE_STRING FullDllName; /* 24 */
    UNICODE_STRING BaseDllName; /* 2C */
    ULONG Flags;                /* 34 */
    USHORT LoadCount;           /* 38 */
    volatile LONG SectionLocks; /* of its pageable sections; interlocked */
    WCHAR NameText[64];
} LDR_MODULE, *PLDR_MODULE;

C_ASSERT(FIELD_OFFSET(LDR_MODULE, DllBase) == 0x18);
C_ASSERT(FIELD_OFFSET(LDR_MODULE, BaseDllName) == 0x2C);

extern LIST_ENTRY PsLoadedModuleList;

VOID LdrLockModules(VOID); /* keeps the list as it is; may wait. IRQL: PASSIVE_LEVEL */
VOID LdrUnlockModules(VOID);
VOID LdrInitialize(VOID); /* enters the kernel itself in the list */

/* Loads \SystemRoot\FileName as a kernel image, bound and protected. IRQL: PASSIVE_LEVEL. */
NTSTATUS LdrLoadDriverImage(PUNICODE_STRING FileName, PLDR_MODULE *Module);
VOID LdrUnloadDriverImage(PLDR_MODULE Module);

/* Both: any IRQL, no locks; NULL or FALSE if no image holds the address. */
PLDR_MODULE LdrFindModuleByAddress(PVOID Address);
BOOLEAN LdrIsKernelAddress(ULONG_PTR Address); /* in the kernel's own image */

/* The address of a kernel export (WDK: MmGetSystemRoutineAddress), NULL if there is none. */
PVOID LdrFindKernelExport(PCSTR Name);

/* An image in the current process's half. Ntdll: what its imports bind to; NULL for ntdll. */
typedef struct _LDR_USER_IMAGE {
    PVOID Base;
    ULONG_PTR EntryPoint;          /* 0: none */
    PVOID UserThreadStart;         /* ntdll's RtlUserThreadStart */
    PVOID UserApcDispatcher;       /* ntdll's KiUserApcDispatcher */
    PVOID UserExceptionDispatcher; /* ntdll's KiUserExceptionDispatcher */
    PE_IMAGE Pe;
} LDR_USER_IMAGE;
NTSTATUS LdrMapUserImage(PUNICODE_STRING Path, LDR_USER_IMAGE *Ntdll, LDR_USER_IMAGE *Image);

/* A line on the log about a file that cannot be used. */
VOID LdrpRefuse(PUNICODE_STRING Name, PCSTR Reason, NTSTATUS Status);
VOID LdrpRefuseImport(PUNICODE_STRING FileName, const PE_IMPORT *Import, PCSTR Reason,
                      NTSTATUS Status);

/* Debuggers break here; the module's list entry is in place, or still in place. */
VOID KdNotifyImage(PLDR_MODULE Module, BOOLEAN Loaded);
VOID KdNotifyUserImage(PUNICODE_STRING Path, PVOID Base);

#endif
