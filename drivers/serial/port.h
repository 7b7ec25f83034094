/*
 * What the files of serial.sys share: the port.
 *
 *      serial.c    DriverEntry, DriverUnload, dispatch routines
 *      uart.c      the chip: its interrupt, and what the interrupt must not interleave with
 *      queue.c     packets that wait, and may be cancelled meanwhile or take too long
 *      transfer.c  what is done with them: reads, writes, waits for an event
 *      control.c   IOCTLs
 *
 * Two locks. The interrupt's guards what the service routine touches: the chip, the ring of bytes
 * that have come, the bytes that are to go. Lock guards the queues and what belongs to their first
 * packets. Who needs both takes Lock first, then the interrupt's.
 *
 * A packet stays in its queue while it is worked at. Its IoStatus is the driver's own until it is
 * completed, and says how far it is: Information bytes are done, and Status is STATUS_PENDING until
 * it is finished. So work at it is done under Lock, and completing it afterwards, without.
 */
#ifndef PORT_H
#define PORT_H

#include <ntddk.h>
#include <ntddser.h>

/* See drivers/demo/device.h. What may run at DISPATCH_LEVEL is in neither. */
#define INITIAL  __attribute__((section("INIT")))
#define PAGEABLE __attribute__((section("PAGE")))

#define SERIAL_RING      4096 /* bytes; a power of two */
#define SERIAL_MOST_BAUD 115200
#define NO_DEADLINE      MAXULONGLONG

typedef struct _SERIAL_PORT SERIAL_PORT, *PSERIAL_PORT;

/* Works at the packets of a queue as far as that is possible now. Lock is held. */
typedef VOID SERIAL_SERVE(PSERIAL_PORT Port);

/* Packets that wait. */
typedef struct _SERIAL_QUEUE {
    IO_CSQ Csq;
    PSERIAL_PORT Port;
    SERIAL_SERVE *Serve;

    LIST_ENTRY Packets;          /* guarded by Lock, as are the following */
    PIRP Begun;                  /* the first packet, if work at it has begun */
    ULONGLONG Deadline, Between; /* when it has taken too long: all of it; a byte after another */
    KTIMER Timer;
    KDPC TimerDpc;
} SERIAL_QUEUE, *PSERIAL_QUEUE;

/* The device extension. */
struct _SERIAL_PORT {
    PUCHAR Ports;
    PKINTERRUPT Interrupt;

    /* Lock guards these. */
    KSPIN_LOCK Lock;
    SERIAL_QUEUE Reads, Writes, Waits;
    SERIAL_TIMEOUTS Timeouts;
    SERIAL_LINE_CONTROL Line;
    SERIAL_CHARS Chars;
    SERIAL_HANDFLOW Flow;
    ULONG Baud;
    ULONG WaitMask; /* the events that waits are for */

    /* The interrupt's spin lock guards these. */
    UCHAR Ring[SERIAL_RING];
    ULONG In, Out; /* how many bytes ever came, and were taken */
    PUCHAR ToSend; /* in the first write's buffer */
    ULONG LeftToSend;
    BOOLEAN Sending; /* the chip has not reported yet that it has sent all */
    ULONG Errors;    /* SERIAL_ERROR_xxx since they were last asked for */
    ULONG Events;    /* SERIAL_EV_xxx since a wait was last told */
    SERIALPERF_STATS Statistics;
};

/* uart.c. IRQL <= DISPATCH_LEVEL. */
BOOLEAN SerialIsThere(PUCHAR Ports);
KSERVICE_ROUTINE SerialInterrupt;
VOID SerialOpenChip(PSERIAL_PORT Port);
VOID SerialCloseChip(PSERIAL_PORT Port);
VOID SerialSetLine(PSERIAL_PORT Port);
UCHAR SerialSetModem(PSERIAL_PORT Port, UCHAR Set, UCHAR Clear);
VOID SerialSetBreak(PSERIAL_PORT Port, BOOLEAN On);
UCHAR SerialReadModem(PSERIAL_PORT Port);
ULONG SerialTakeBytes(PSERIAL_PORT Port, PUCHAR Buffer, ULONG Length);
ULONG SerialBytesThere(PSERIAL_PORT Port);
VOID SerialDropBytes(PSERIAL_PORT Port);
VOID SerialStartSending(PSERIAL_PORT Port, PUCHAR Buffer, ULONG Length);
ULONG SerialLeftToSend(PSERIAL_PORT Port, BOOLEAN Stop);
ULONG SerialTakeErrors(PSERIAL_PORT Port);
ULONG SerialTakeEvents(PSERIAL_PORT Port, ULONG Mask);
VOID SerialStatistics(PSERIAL_PORT Port, PSERIALPERF_STATS Statistics);

/* queue.c. IRQL <= DISPATCH_LEVEL; Lock is held only where it says so. */
VOID SerialInitializeQueue(PSERIAL_PORT Port, PSERIAL_QUEUE Queue, SERIAL_SERVE *Serve);
NTSTATUS SerialQueue(PSERIAL_QUEUE Queue, PIRP Irp);
VOID SerialRun(PSERIAL_QUEUE Queue);
VOID SerialCancelAll(PSERIAL_QUEUE Queue, PFILE_OBJECT File); /* NULL: everybody's */
VOID SerialStopQueue(PSERIAL_QUEUE Queue);                    /* PASSIVE_LEVEL; it is empty */
PIRP SerialFirst(PSERIAL_QUEUE Queue);                        /* Lock is held */
VOID SerialSetTimer(PSERIAL_QUEUE Queue);                     /* Lock is held */

/* transfer.c */
SERIAL_SERVE SerialServeReads, SerialServeWrites, SerialServeWaits;
ULONG SerialLengthOf(PIRP Irp);
VOID SerialEndWait(PSERIAL_PORT Port, PIRP Irp, ULONG Events); /* Lock is held */
IO_DPC_ROUTINE SerialDpc;

/* control.c */
DRIVER_DISPATCH SerialDeviceControl;

/* serial.c */
NTSTATUS SerialComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information);

#endif
