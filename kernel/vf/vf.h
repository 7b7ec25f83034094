/*
 * Driver Verifier: makes chosen drivers' mistakes show at once, where they are made (WDK: Driver
 * Verifier Options). Chosen by the kernel option verify=NAME.sys,... or verify=* ; others run as
 * ever.
 *
 * A chosen driver's imports are bound to routines of this room instead of the kernel's own: they
 * check, and then call those. What every packet passes (IofCallDriver, IofCompleteRequest) and
 * every free (ExFreePool) asks here first, if there is a chosen driver at all.
 *
 *      verifier.c  which drivers, which routines; how a violation is reported
 *      vfpool.c    special pool: a page for each allocation; leaks
 *      vffail.c    failures on purpose
 *      vfirql.c    IRQL and spin locks; pageable memory is out of reach above APC_LEVEL
 *      vfirp.c     packets
 */
#ifndef KERNEL_VF_VF_H
#define KERNEL_VF_VF_H

#include "kernel/ke/ke.h"
#include "kernel/ldr/ldr.h"

extern BOOLEAN VfActive; /* some driver is chosen */

/* verifier.c. Is a driver of that file name chosen? */
BOOLEAN VfIsChosen(PCUNICODE_STRING FileName);
PVOID VfFindRoutine(PCSTR Name); /* what a chosen driver gets for an export; NULL: the export */
VOID VfBeginDriver(PLDR_MODULE Module);
VOID VfEndDriver(PLDR_MODULE Module); /* its image is about to go. Bug check C4/62: it leaks */
BOOLEAN VfIsDriverVerified(PDRIVER_OBJECT Driver);
NORETURN VOID VfViolation(ULONG Code, PCSTR Text, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3,
                          ULONG_PTR P4);

/* vfpool.c */
extern BOOLEAN VfCatchUnderruns;
VOID VfpInitializePool(VOID);
/* TRUE: it was special pool, and is free now. FALSE: the pool's own. */
BOOLEAN VfFreePool(PVOID P, ULONG Tag);
/* Stops the machine if an address that is not there is special pool's. */
VOID VfCheckFault(ULONG_PTR Address, ULONG Write, PKTRAP_FRAME Frame);
ULONG VfpReportLeaks(PLDR_MODULE Module); /* how many allocations of the driver's are left */
VOID VfpHidePagedBlocks(VOID);            /* of special pool, above APC_LEVEL */
PVOID NTAPI VfExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes);
PVOID NTAPI VfExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
PVOID NTAPI VfExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                            EX_POOL_PRIORITY Priority);
PVOID NTAPI VfExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes);
PVOID NTAPI VfExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
VOID NTAPI VfExFreePool(PVOID P);
VOID NTAPI VfExFreePoolWithTag(PVOID P, ULONG Tag);

/* vffail.c */
extern ULONG VfFailEvery; /* the n-th request for memory fails; 0: none does */
BOOLEAN VfpIsToFail(VOID);
PIRP NTAPI VfIoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota);
PIRP NTAPI VfIoBuildAsynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                           PVOID Buffer, ULONG Length,
                                           PLARGE_INTEGER StartingOffset,
                                           PIO_STATUS_BLOCK IoStatusBlock);
PIRP NTAPI VfIoBuildSynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                          PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                                          PKEVENT Event, PIO_STATUS_BLOCK IoStatusBlock);
PIRP NTAPI VfIoBuildDeviceIoControlRequest(ULONG IoControlCode, PDEVICE_OBJECT DeviceObject,
                                           PVOID InputBuffer, ULONG InputBufferLength,
                                           PVOID OutputBuffer, ULONG OutputBufferLength,
                                           BOOLEAN InternalDeviceIoControl, PKEVENT Event,
                                           PIO_STATUS_BLOCK IoStatusBlock);
PMDL NTAPI VfIoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer,
                           BOOLEAN ChargeQuota, PIRP Irp);
PIO_WORKITEM NTAPI VfIoAllocateWorkItem(PDEVICE_OBJECT DeviceObject);
PVOID NTAPI VfIoAllocateErrorLogEntry(PVOID IoObject, UCHAR EntrySize);
PVOID NTAPI VfMmMapLockedPagesSpecifyCache(PMDL Mdl, KPROCESSOR_MODE AccessMode,
                                           MEMORY_CACHING_TYPE CacheType, PVOID RequestedAddress,
                                           ULONG BugCheckOnFailure, ULONG Priority);
PVOID NTAPI VfMmMapIoSpace(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes,
                           MEMORY_CACHING_TYPE CacheType);
PVOID NTAPI VfMmAllocateContiguousMemory(SIZE_T NumberOfBytes,
                                         PHYSICAL_ADDRESS HighestAcceptableAddress);
NTSTATUS NTAPI VfIoCreateDevice(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                                PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                                ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                                PDEVICE_OBJECT *DeviceObject);
NTSTATUS NTAPI VfIoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName);
NTSTATUS NTAPI VfIoConnectInterrupt(PKINTERRUPT *InterruptObject, PKSERVICE_ROUTINE ServiceRoutine,
                                    PVOID ServiceContext, PKSPIN_LOCK SpinLock, ULONG Vector,
                                    KIRQL Irql, KIRQL SynchronizeIrql,
                                    KINTERRUPT_MODE InterruptMode, BOOLEAN ShareVector,
                                    KAFFINITY ProcessorEnableMask, BOOLEAN FloatingSave);

/* vfirql.c */
KIRQL FASTCALL VfKfRaiseIrql(KIRQL NewIrql);
VOID FASTCALL VfKfLowerIrql(KIRQL NewIrql);
KIRQL NTAPI VfKeRaiseIrqlToDpcLevel(VOID);
KIRQL FASTCALL VfKfAcquireSpinLock(PKSPIN_LOCK SpinLock);
VOID FASTCALL VfKfReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql);
VOID FASTCALL VfKefAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock);
VOID FASTCALL VfKefReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock);
VOID FASTCALL VfKeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock,
                                               PKLOCK_QUEUE_HANDLE LockHandle);

/* vfirp.c */
NTSTATUS VfCallDriver(PDEVICE_OBJECT Device, PIRP Irp, PIO_STACK_LOCATION Stack);
VOID VfCheckCompletion(PIRP Irp);
VOID VfLeavingLocation(PIRP Irp, CCHAR Location, UCHAR Control);
NTSTATUS FASTCALL VfIofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp);
VOID NTAPI VfIoFreeIrp(PIRP Irp);
VOID NTAPI VfIoDetachDevice(PDEVICE_OBJECT TargetDevice);
VOID NTAPI VfIoDeleteDevice(PDEVICE_OBJECT DeviceObject);

#endif
