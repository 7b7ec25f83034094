/*
 * What the files of ide.sys share: a channel, its disks, their partitions, and the request in hand.
 *
 *      ide.c        DriverEntry, DriverUnload, and the dispatch routines but for IOCTLs
 *      probe.c      which controller, channels and disks there are
 *      partition.c  partitions, and the names of devices
 *      control.c    IOCTLs
 *      transfer.c   a request from StartIo to its end: its commands, errors, time-outs
 *      command.c    the channel's registers: one command, its interrupt, reset
 *      status.c     what the drive says about an error, as NTSTATUS
 *
 * A disk's requests wait in its device queue, those of its partitions among them; so there is one
 * in hand for each disk. The two disks of a channel share registers and interrupt: a controller
 * object gives the channel to one after the other (WDK: Controller Objects).
 *
 * While a command runs, Channel->Waiting says whose it is. Whoever takes it, under the interrupt's
 * spin lock, owns that disk's request from then on: the interrupt, which hands it to the DPC, or
 * the timer, which resets the channel. So Request needs no lock.
 *
 * A pagefile may lie on the disk: from dispatch to completion nothing is pageable, and nothing is
 * allocated.
 */
#ifndef DISK_H
#define DISK_H

#include <ntddk.h>
#include <ntdddisk.h>
#include <ntddstor.h>
#include <ata.h>

#define IDE_TAG 'keDI' /* IDek */

/* A routine that only DriverEntry needs is thrown away with it; see drivers/demo/device.h. */
#define INITIAL  __attribute__((section("INIT")))
#define PAGEABLE __attribute__((section("PAGE")))

#define IDE_SECTOR     512
#define IDE_CHANNELS   2
#define IDE_PARTITIONS 32 /* most that a disk's table is read for */

/* The bus master reads a table of the memory's regions: one page of it, so it needs no more than a
   page of nonpaged pool. A transfer of this many pages, however it is aligned, fits. */
#define IDE_REGIONS     (PAGE_SIZE / sizeof(IDE_REGION))
#define IDE_DMA_SECTORS ((IDE_REGIONS - 1) * (PAGE_SIZE / IDE_SECTOR))

/* A piece of physical memory, as the bus master has it (82371SB data sheet, 2.7.2). */
typedef struct _IDE_REGION {
    ULONG Address; /* even */
    USHORT Bytes;  /* even; 0 means 64 KB. No region crosses a 64 KB line */
    USHORT Flags;  /* of the last one: 8000h */
} IDE_REGION, *PIDE_REGION;

typedef struct _IDE_DISK IDE_DISK, *PIDE_DISK;

/* The extension of a controller object. */
typedef struct _IDE_CHANNEL {
    PUCHAR Ports;     /* the command block's first port */
    PUCHAR Control;   /* device control; read, the status without its side effect */
    PUCHAR BusMaster; /* NULL: there is none */
    ULONG Line;
    PKINTERRUPT Interrupt;
    PIDE_REGION Regions;
    ULONG RegionsAddress; /* physical */
    PIDE_DISK Disks[2];

    /* Whoever has the controller object. */
    PIDE_DISK Selected; /* NULL: not known */

    /* The interrupt's spin lock guards these. */
    PIDE_DISK Waiting;   /* whose command the next interrupt is about */
    ULONG SecondsLeft;   /* until it has taken too long */
    UCHAR Status, Error; /* what the last interrupt found; its DPC reads them */
    UCHAR BusMasterStatus;
} IDE_CHANNEL, *PIDE_CHANNEL;

/* What a command does. */
typedef enum _IDE_OPERATION {
    IdeReadPio,
    IdeWritePio,
    IdeReadDma,
    IdeWriteDma,
    IdeVerify,
    IdeFlush,
} IDE_OPERATION;

/* What is left of the request in hand, and its present command. */
typedef struct _IDE_REQUEST {
    IDE_OPERATION Operation;
    BOOLEAN FlushAfter; /* the drive's cache is to be written out at the end */
    ULONG Retries;      /* how often a command may still fail */
    ULONGLONG Sector;   /* the command's first, counted from the disk's start */
    ULONG SectorsLeft;
    ULONG Offset;     /* of the command's data in the request's buffer, in bytes */
    PUCHAR Buffer;    /* its address, if the processor moves the data */
    ULONG Count;      /* sectors of the command */
    ULONG Moved;      /* of these, moved by the processor so far */
    BOOLEAN Extended; /* the command has 48 bits of address */
} IDE_REQUEST, *PIDE_REQUEST;

/* The extension of a partition's device, and how that of the whole disk begins. */
typedef struct _IDE_VOLUME {
    PDEVICE_OBJECT DeviceObject;
    PIDE_DISK Disk;
    LONGLONG Start, Length; /* in bytes */
    ULONG Number;           /* 0: the whole disk */
    UCHAR Type;             /* in the partition table */
    BOOLEAN Active;
    WCHAR Letter; /* 0: it has none */
} IDE_VOLUME, *PIDE_VOLUME;

struct _IDE_DISK {
    IDE_VOLUME Whole;
    PCONTROLLER_OBJECT Controller;
    PIDE_CHANNEL Channel;
    ULONG Number;
    HANDLE Directory; /* \Device\HarddiskN: gone when the handle is closed */
    PIDE_VOLUME Partitions[IDE_PARTITIONS];
    ULONG PartitionCount;

    /* What the drive has said about itself. */
    UCHAR Select; /* 0 or 10h: which of the two it is */
    BOOLEAN Extended, Dma, Flush;
    CHAR Model[41], Revision[9], Serial[21];

    IDE_REQUEST Request;
    ULONG ResetSeconds; /* not 0: the timer waits for the end of a reset that this disk asked for */
};

/* The driver object's extension. */
typedef struct _IDE_DRIVER {
    PCONTROLLER_OBJECT Controllers[IDE_CHANNELS];
    ULONG DiskCount;
} IDE_DRIVER, *PIDE_DRIVER;

/* ide.c */
NTSTATUS IdeComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information);
NTSTATUS IdeCheckRange(PIDE_VOLUME Volume, LONGLONG Offset, ULONG Length);
NTSTATUS IdeQueue(PIDE_DISK Disk, PIRP Irp);

/* probe.c: PASSIVE_LEVEL */
NTSTATUS IdeFindDisks(PDRIVER_OBJECT DriverObject, PIDE_DRIVER Driver);
VOID IdeDeleteAll(PIDE_DRIVER Driver);

/* partition.c: PASSIVE_LEVEL */
NTSTATUS IdeCreateDisk(PDRIVER_OBJECT DriverObject, ULONG Number, PIDE_DISK *Disk);
NTSTATUS IdeNameDisk(PIDE_DISK Disk);
VOID IdeFindPartitions(PIDE_DISK Disk);
VOID IdeDeleteDisk(PIDE_DISK Disk);

/* control.c */
DRIVER_DISPATCH IdeDeviceControl;

/* transfer.c */
BOOLEAN IdeCanUseDma(PIDE_DISK Disk, PMDL Mdl);
DRIVER_STARTIO IdeStartIo;
IO_DPC_ROUTINE IdeDpc;
IO_TIMER_ROUTINE IdeTimer;

/* command.c */
KSERVICE_ROUTINE IdeInterrupt;
VOID IdeIssue(PIDE_DISK Disk);                /* DISPATCH_LEVEL */
VOID IdeExpectMore(PIDE_DISK Disk);           /* DISPATCH_LEVEL */
BOOLEAN IdeTakeTimedOut(PIDE_DISK Disk);      /* DISPATCH_LEVEL */
BOOLEAN IdeWaitForData(PIDE_CHANNEL Channel); /* any IRQL; 1 ms at most */
VOID IdeMoveSector(PIDE_DISK Disk, PVOID Buffer, BOOLEAN Write);
VOID IdeBeginReset(PIDE_CHANNEL Channel);
BOOLEAN IdeIsBusy(PIDE_CHANNEL Channel);
NTSTATUS IdeIdentify(PIDE_CHANNEL Channel, UCHAR Select, PIDENTIFY_DEVICE_DATA Data);
VOID IdeEnableInterrupts(PIDE_CHANNEL Channel, BOOLEAN Enable);

/* status.c */
NTSTATUS IdeStatusOf(UCHAR Status, UCHAR Error);
NTSTATUS IdeLogCodeOf(NTSTATUS Status);

#endif
