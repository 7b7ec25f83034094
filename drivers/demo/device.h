/*
 * What the driver's own files share: the device extension, and what runs in which context.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <ntddk.h>
#include "demo.h"

#define DEMO_TAG 'omeD' /* its bytes in memory, and in pool listings: Demo */

/*
 * Where a routine's code goes. A driver's sections stay in memory for as long as it is loaded, but
 * for two kinds: those whose names begin with PAGE may be paged out, and INIT is thrown away once
 * DriverEntry has returned. (With Microsoft's compiler: #pragma alloc_text. WDK: "Making Drivers
 * Pageable".)
 *
 * The price: a PAGE routine must run below DISPATCH_LEVEL from its first to its last instruction.
 * So it must not raise IRQL or take a spin lock itself. It may call a routine in nonpaged code
 * that does; but then the compiler must not inline that one, which would move the critical
 * instructions into the pageable section: hence RESIDENT.
 */
#define PAGEABLE __attribute__((section("PAGE")))
#define INITIAL  __attribute__((section("INIT")))
#define RESIDENT __attribute__((noinline))

/*
 * The device extension: the driver's only variables. The I/O manager allocates it from nonpaged
 * pool, with the device. It has to be there, for the timer, DPC, events, spin lock and fast mutex
 * in it are used by the kernel itself at DISPATCH_LEVEL.
 */
typedef struct _DEMO_DEVICE {
    PDEVICE_OBJECT DeviceObject;

    /* What the timer's DPC touches, in nonpaged pool. Written once, in DriverEntry. */
    PCHAR Resident;

    /* The shared text, in paged pool. TextLock guards it: see DemoTouchText for why a mutex. */
    FAST_MUTEX TextLock;
    PCHAR Text;

    /* A spin lock guards the rest, for the DPC uses it too. */
    KSPIN_LOCK Lock;
    PDEMO_RECORD Records; /* nonpaged pool; [Sequence % DEMO_RECORDS] */
    ULONG RecordCount;    /* of all records ever: the next one's Sequence */
    BOOLEAN WorkWanted;   /* IOCTL_DEMO_QUEUE_WORK asks the DPC to queue WorkItem */

    KTIMER Timer;
    KDPC TimerDpc;
    ULONG DpcProcessor; /* where the DPC runs; changed by the DPC alone */
    PIO_WORKITEM WorkItem;
    KEVENT WorkIdle; /* signalled while WorkItem is not queued and its routine not running */

    PKTHREAD Thread; /* referenced; NULL before there is one */
    KEVENT StopThread;
} DEMO_DEVICE, *PDEMO_DEVICE;

/* touch.c. Record: where the record is returned, with the user members already set by the caller,
   or NULL. */
VOID DemoTouchResident(PDEMO_DEVICE Device, DEMO_WAY Way);                  /* any context */
VOID DemoTouchText(PDEMO_DEVICE Device, DEMO_WAY Way, PDEMO_RECORD Record); /* <= APC_LEVEL */
VOID DemoReadText(PDEMO_DEVICE Device, PCHAR Buffer, ULONG Length);         /* <= APC_LEVEL */
VOID DemoWriteText(PDEMO_DEVICE Device, const CHAR *Buffer, ULONG Length);  /* <= APC_LEVEL */
ULONG DemoCopyRecords(PDEMO_DEVICE Device, ULONG First, PDEMO_RECORD Buffer, ULONG Count);
ULONG DemoFrameBehind(PVOID Address);

/* contexts.c */
NTSTATUS DemoStartContexts(PDEMO_DEVICE Device); /* PASSIVE_LEVEL */
VOID DemoStopContexts(PDEMO_DEVICE Device);      /* PASSIVE_LEVEL; also after a failed start */
VOID DemoWantWork(PDEMO_DEVICE Device);          /* <= DISPATCH_LEVEL */

#endif
