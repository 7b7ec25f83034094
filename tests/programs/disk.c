/*
 * Shows what ide.sys does: the names of a disk and its partitions, transfers of all lengths and
 * alignments, what is refused, IOCTLs, many requests at once, unloading.
 *
 *      disk.exe                all checks, on the disk that tests/system/test_disk.py makes: each
 *                              sector is filled with its own number, but for partition tables
 *      disk.exe read N         reads sector N of disk 0 and prints the status
 *      disk.exe flush          writes a sector, flushes disk 0, and prints the status
 *      disk.exe late           reads until that fails, then once more; before each it waits for a
 *                              line on the console
 *      disk.exe speed          how fast it is, in requests of 64 KB and of 1 MB
 */
#include "check.h"

#define SECTOR     512
#define MEGABYTE   (1 << 20)
#define BIG        (5 * MEGABYTE) /* more than a command can do */
#define REQUESTS   32
#define DRIVER     L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\ide"
#define WHOLE_DISK L"\\Device\\Harddisk0\\Partition0"

/* What the test makes: see test_disk.py. */
#define DISK_MEGABYTES 64
#define SECOND_START   22528 /* a type that Windows does not know: no letter, and free to write */
#define SECOND_COUNT   20480

static UCHAR *Buffer; /* BIG bytes and a page, from a page's start on */
static HANDLE Disk;

static NTSTATUS OpenWith(HANDLE *File, PCWSTR Text, ULONG Options)
{
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;
    UNICODE_STRING Name;

    *File = NULL;
    RtlInitUnicodeString(&Name, Text);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenFile(File, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &Attributes, &Result,
                      FILE_SHARE_READ | FILE_SHARE_WRITE, Options);
}

static NTSTATUS OpenNamed(HANDLE *File, PCWSTR Text)
{
    return OpenWith(File, Text, FILE_SYNCHRONOUS_IO_NONALERT);
}

static NTSTATUS Read(HANDLE File, ULONGLONG Offset, PVOID To, ULONG Length)
{
    LARGE_INTEGER Place = {.QuadPart = Offset};
    IO_STATUS_BLOCK Result;
    NTSTATUS Status = NtReadFile(File, NULL, NULL, NULL, &Result, To, Length, &Place, NULL);

    if (NT_SUCCESS(Status) && Result.Information != Length)
        Status = STATUS_INTERNAL_ERROR;
    return Status;
}

static NTSTATUS Write(HANDLE File, ULONGLONG Offset, PVOID From, ULONG Length)
{
    LARGE_INTEGER Place = {.QuadPart = Offset};
    IO_STATUS_BLOCK Result;
    NTSTATUS Status = NtWriteFile(File, NULL, NULL, NULL, &Result, From, Length, &Place, NULL);

    if (NT_SUCCESS(Status) && Result.Information != Length)
        Status = STATUS_INTERNAL_ERROR;
    return Status;
}

static NTSTATUS Control(HANDLE File, ULONG Code, PVOID In, ULONG InLength, PVOID Out,
                        ULONG OutLength, ULONG_PTR *Information)
{
    IO_STATUS_BLOCK Result = {0};
    NTSTATUS Status =
        NtDeviceIoControlFile(File, NULL, NULL, NULL, &Result, Code, In, InLength, Out, OutLength);

    *Information = Result.Information;
    return Status;
}

/* Whether each sector of the bytes has its own number everywhere, from Sector on. */
static BOOLEAN IsNumbered(const UCHAR *Bytes, ULONG Length, ULONG Sector)
{
    ULONG i, Number;

    for (i = 0; i < Length; i += sizeof Number) {
        memcpy(&Number, Bytes + i, sizeof Number); /* perhaps not aligned */
        if (Number != Sector + i / SECTOR)
            return FALSE;
    }
    return TRUE;
}

static void FillNumbered(UCHAR *Bytes, ULONG Length, ULONG Sector)
{
    ULONG i, Number;

    for (i = 0; i < Length; i += sizeof Number) {
        Number = Sector + i / SECTOR;
        memcpy(Bytes + i, &Number, sizeof Number);
    }
}

static void CheckRead(ULONG Sector, ULONG Length, ULONG Shift)
{
    NTSTATUS Status;

    memset(Buffer, 0xEE, Length + Shift + 1);
    Status = Read(Disk, (ULONGLONG)Sector * SECTOR, Buffer + Shift, Length);
    Check(Status == STATUS_SUCCESS && IsNumbered(Buffer + Shift, Length, Sector) &&
              Buffer[Shift + Length] == 0xEE && (Shift == 0 || Buffer[Shift - 1] == 0xEE),
          "%lu bytes from sector %lu on, to a page's byte %lu: %08lx", Length, Sector, Shift,
          Status);
}

static void CheckReading(void)
{
    CheckRead(1, SECTOR, 0);
    CheckRead(100, SECTOR, 2048 + 512);
    CheckRead(100, 3 * SECTOR, 4096 - 2); /* over two pages, at a word */
    CheckRead(100, 8 * SECTOR, 4096 - 7); /* at a byte: no DMA */
    CheckRead(200, 0x10000, 0);
    CheckRead(200, 0x10000, 512);
    CheckRead(2049, MEGABYTE, 2);
    CheckRead(64000, BIG, 0);
    CheckRead(64000, BIG, 4094);
    CheckRead(3000, MEGABYTE, 1);
    CheckRead(DISK_MEGABYTES * 2048 - 1, SECTOR, 0);
}

/* What a disk has no answer to. */
static void CheckRefused(void)
{
    ULONGLONG End = (ULONGLONG)DISK_MEGABYTES * MEGABYTE;
    HANDLE File;

    CheckStatus(Read(Disk, 0, Buffer, 0), STATUS_SUCCESS, "nothing is read");
    CheckStatus(Read(Disk, End, Buffer, 0), STATUS_SUCCESS, "nothing is read at the end");
    CheckStatus(Read(Disk, 0, Buffer, 100), STATUS_INVALID_PARAMETER, "part of a sector");
    CheckStatus(Read(Disk, 100, Buffer, SECTOR), STATUS_INVALID_PARAMETER, "within a sector");
    CheckStatus(Read(Disk, End, Buffer, SECTOR), STATUS_INVALID_PARAMETER, "beyond the end");
    CheckStatus(Read(Disk, End - SECTOR, Buffer, 2 * SECTOR), STATUS_INVALID_PARAMETER,
                "across the end");
    CheckStatus(Write(Disk, 1ULL << 60, Buffer, SECTOR), STATUS_INVALID_PARAMETER, "far beyond it");
    CheckStatus(Read(Disk, 0, (PVOID)0x10, SECTOR), STATUS_ACCESS_VIOLATION, "to a bad address");
    CheckStatus(OpenNamed(&File, WHOLE_DISK L"\\file"), STATUS_OBJECT_PATH_NOT_FOUND,
                "a file on a disk without a file system");
    CheckStatus(OpenNamed(&File, L"\\Device\\Harddisk0\\Partition9"), STATUS_OBJECT_NAME_NOT_FOUND,
                "a partition that there is not");
}

/* A partition begins at its own sector 0, and ends. */
static void CheckPartition(PCWSTR Name, ULONG Number, ULONG Start, ULONG Count, UCHAR Type)
{
    PARTITION_INFORMATION Partition = {0};
    ULONG_PTR Information;
    HANDLE File;
    NTSTATUS Status = OpenNamed(&File, Name);

    if (!Check(Status == STATUS_SUCCESS, "'%S' is opened: %08lx", Name, Status))
        return;
    Status = Control(File, IOCTL_DISK_GET_PARTITION_INFO, NULL, 0, &Partition, sizeof Partition,
                     &Information);
    Check(Status == STATUS_SUCCESS && Information == sizeof Partition &&
              Partition.PartitionNumber == Number && Partition.PartitionType == Type &&
              Partition.StartingOffset.QuadPart == (LONGLONG)Start * SECTOR &&
              Partition.PartitionLength.QuadPart == (LONGLONG)Count * SECTOR &&
              Partition.HiddenSectors == Start && Partition.BootIndicator == (Number == 1),
          "... partition %lu, sector %I64u, %I64u bytes, type %02x", Partition.PartitionNumber,
          Partition.StartingOffset.QuadPart / SECTOR, Partition.PartitionLength.QuadPart,
          Partition.PartitionType);
    Status = Read(File, 0, Buffer, 2 * SECTOR);
    Check(NT_SUCCESS(Status) && IsNumbered(Buffer, 2 * SECTOR, Start), "... begins where it is");
    Status = Read(File, (Count - 1) * (ULONGLONG)SECTOR, Buffer, SECTOR);
    Check(NT_SUCCESS(Status) && IsNumbered(Buffer, SECTOR, Start + Count - 1), "... ends there");
    CheckStatus(Read(File, Count * (ULONGLONG)SECTOR, Buffer, SECTOR), STATUS_INVALID_PARAMETER,
                "... and does not go on");
    NtClose(File);
}

static void CheckPartitions(void)
{
    CheckPartition(L"\\Device\\Harddisk0\\Partition1", 1, 2048, 20480, 0x07);
    CheckPartition(L"\\??\\C:", 1, 2048, 20480, 0x07);
    CheckPartition(L"\\Device\\Harddisk0\\Partition2", 2, SECOND_START, SECOND_COUNT, 0x83);
    CheckPartition(L"\\??\\D:", 3, 43008 + 63, 10000, 0x0B);
    CheckPartition(L"\\??\\E:", 4, 43008 + 12000 + 63, 10000, 0x06);
}

/* Writes and reads back, both ways of moving data mixed; then all is as it was. */
static void CheckWritten(HANDLE File, ULONG Length, ULONG Shift)
{
    NTSTATUS Status;

    FillNumbered(Buffer + Shift, Length, 0x40000000);
    Status = Write(File, 0, Buffer + Shift, Length);
    memset(Buffer, 0, Length + Shift);
    if (NT_SUCCESS(Status))
        Status = Read(File, 0, Buffer, Length);
    Check(NT_SUCCESS(Status) && IsNumbered(Buffer, Length, 0x40000000),
          "%lu bytes are written from a page's byte %lu, and read: %08lx", Length, Shift, Status);
    Status = Read(File, Length, Buffer, SECTOR);
    Check(NT_SUCCESS(Status) && IsNumbered(Buffer, SECTOR, SECOND_START + Length / SECTOR),
          "... and no more than these");
    FillNumbered(Buffer, Length, SECOND_START);
    CheckStatus(Write(File, 0, Buffer, Length), STATUS_SUCCESS, "... and written back");
}

static void CheckWriting(void)
{
    IO_STATUS_BLOCK Result;
    HANDLE File;

    CheckStatus(OpenNamed(&File, L"\\Device\\Harddisk0\\Partition2"), STATUS_SUCCESS, "to write");
    CheckWritten(File, SECTOR, 0);
    CheckWritten(File, SECTOR, 1);
    CheckWritten(File, 20 * SECTOR, 4091);
    CheckWritten(File, 20 * SECTOR, 4090);
    CheckWritten(File, BIG, 0);
    CheckStatus(NtFlushBuffersFile(File, &Result), STATUS_SUCCESS, "a flush");
    NtClose(File);
    CheckStatus(OpenWith(&File, L"\\Device\\Harddisk0\\Partition2",
                         FILE_SYNCHRONOUS_IO_NONALERT | FILE_WRITE_THROUGH),
                STATUS_SUCCESS, "to write through");
    CheckWritten(File, MEGABYTE, 0);
    /* For the test to find in the image: the partition's last sector. */
    FillNumbered(Buffer, SECTOR, 0x12345678);
    CheckStatus(Write(File, (SECOND_COUNT - 1) * SECTOR, Buffer, SECTOR), STATUS_SUCCESS, "a mark");
    NtClose(File);
}

static void CheckGeometry(void)
{
    GET_LENGTH_INFORMATION Length = {{.QuadPart = 0}};
    DISK_GEOMETRY_EX Geometry = {0};
    ULONG_PTR Information;
    NTSTATUS Status = Control(Disk, IOCTL_DISK_GET_DRIVE_GEOMETRY, NULL, 0, &Geometry,
                              sizeof(DISK_GEOMETRY), &Information);

    Check(Status == STATUS_SUCCESS && Information == sizeof(DISK_GEOMETRY) &&
              Geometry.Geometry.BytesPerSector == SECTOR &&
              Geometry.Geometry.MediaType == FixedMedia &&
              Geometry.Geometry.Cylinders.QuadPart == DISK_MEGABYTES * 2048 / (255 * 63),
          "geometry: %I64u cylinders", Geometry.Geometry.Cylinders.QuadPart);
    Status = Control(Disk, IOCTL_DISK_GET_DRIVE_GEOMETRY_EX, NULL, 0, &Geometry, sizeof Geometry,
                     &Information);
    Check(Status == STATUS_SUCCESS && Geometry.DiskSize.QuadPart == DISK_MEGABYTES * MEGABYTE,
          "size: %I64u bytes", Geometry.DiskSize.QuadPart);
    Status =
        Control(Disk, IOCTL_DISK_GET_LENGTH_INFO, NULL, 0, &Length, sizeof Length, &Information);
    Check(Status == STATUS_SUCCESS && Information == sizeof Length &&
              Length.Length.QuadPart == DISK_MEGABYTES * MEGABYTE,
          "length: %I64u bytes", Length.Length.QuadPart);
}

static void CheckProperties(void)
{
    STORAGE_PROPERTY_QUERY Query = {.PropertyId = StorageDeviceProperty};
    union {
        STORAGE_DEVICE_DESCRIPTOR Device;
        STORAGE_ADAPTER_DESCRIPTOR Adapter;
        CHAR Bytes[256];
    } Out = {{0}};
    ULONG_PTR Information;
    NTSTATUS Status = Control(Disk, IOCTL_STORAGE_QUERY_PROPERTY, &Query, sizeof Query, &Out,
                              sizeof Out, &Information);

    Check(Status == STATUS_SUCCESS && Information == Out.Device.Size &&
              strcmp(Out.Bytes + Out.Device.ProductIdOffset, "QEMU HARDDISK") == 0 &&
              Out.Device.BusType == BusTypeAta,
          "the drive is a '%s'", Out.Bytes + Out.Device.ProductIdOffset);
    Status = Control(Disk, IOCTL_STORAGE_QUERY_PROPERTY, &Query, sizeof Query, &Out,
                     sizeof(STORAGE_DESCRIPTOR_HEADER), &Information);
    Check(Status == STATUS_SUCCESS && Information == sizeof(STORAGE_DESCRIPTOR_HEADER) &&
              Out.Device.Size > sizeof(STORAGE_DEVICE_DESCRIPTOR),
          "the header alone says how much there is");
    Query.PropertyId = StorageAdapterProperty;
    Status = Control(Disk, IOCTL_STORAGE_QUERY_PROPERTY, &Query, sizeof Query, &Out, sizeof Out,
                     &Information);
    Check(Status == STATUS_SUCCESS && Information == sizeof Out.Adapter &&
              !Out.Adapter.AdapterUsesPio && Out.Adapter.AlignmentMask == 1,
          "the adapter has DMA of words");
    Query.QueryType = PropertyExistsQuery;
    CheckStatus(
        Control(Disk, IOCTL_STORAGE_QUERY_PROPERTY, &Query, sizeof Query, NULL, 0, &Information),
        STATUS_SUCCESS, "there is that property");
    Query.PropertyId = StorageDeviceTrimProperty;
    CheckStatus(
        Control(Disk, IOCTL_STORAGE_QUERY_PROPERTY, &Query, sizeof Query, NULL, 0, &Information),
        STATUS_NOT_SUPPORTED, "but not every one");
}

static void CheckControls(void)
{
    VERIFY_INFORMATION Verify = {{.QuadPart = 0}, DISK_MEGABYTES * MEGABYTE};
    STORAGE_DEVICE_NUMBER Number = {0};
    PARTITION_INFORMATION_EX Partition;
    STORAGE_HOTPLUG_INFO Hotplug;
    ULONG_PTR Information;
    NTSTATUS Status = Control(Disk, IOCTL_STORAGE_GET_DEVICE_NUMBER, NULL, 0, &Number,
                              sizeof Number, &Information);

    Check(Status == STATUS_SUCCESS && Number.DeviceType == FILE_DEVICE_DISK &&
              Number.DeviceNumber == 0 && Number.PartitionNumber == 0,
          "device %lu, partition %lu", Number.DeviceNumber, Number.PartitionNumber);
    CheckStatus(Control(Disk, IOCTL_DISK_VERIFY, &Verify, sizeof Verify, NULL, 0, &Information),
                STATUS_SUCCESS, "the whole disk is verified");
    Verify.StartingOffset.QuadPart = SECTOR;
    CheckStatus(Control(Disk, IOCTL_DISK_VERIFY, &Verify, sizeof Verify, NULL, 0, &Information),
                STATUS_INVALID_PARAMETER, "but not more");
    CheckStatus(Control(Disk, IOCTL_DISK_VERIFY, &Verify, 4, NULL, 0, &Information),
                STATUS_INFO_LENGTH_MISMATCH, "nor without saying what");
    CheckStatus(Control(Disk, IOCTL_DISK_GET_PARTITION_INFO_EX, NULL, 0, &Partition,
                        sizeof Partition, &Information),
                STATUS_SUCCESS, "partition information of the newer kind");
    Check(Partition.PartitionStyle == PARTITION_STYLE_MBR &&
              Partition.PartitionLength.QuadPart == DISK_MEGABYTES * MEGABYTE,
          "... of the whole disk");
    CheckStatus(Control(Disk, IOCTL_STORAGE_GET_HOTPLUG_INFO, NULL, 0, &Hotplug, sizeof Hotplug,
                        &Information),
                STATUS_SUCCESS, "whether it can be taken out");
    Check(Hotplug.Size == sizeof Hotplug && !Hotplug.MediaRemovable, "... it cannot");
    CheckStatus(Control(Disk, IOCTL_DISK_IS_WRITABLE, NULL, 0, NULL, 0, &Information),
                STATUS_SUCCESS, "it can be written");
    CheckStatus(Control(Disk, IOCTL_STORAGE_CHECK_VERIFY, NULL, 0, NULL, 0, &Information),
                STATUS_SUCCESS, "its medium is there");
    CheckStatus(Control(Disk, IOCTL_DISK_GET_LENGTH_INFO, NULL, 0, &Number, 4, &Information),
                STATUS_BUFFER_TOO_SMALL, "no answer without room");
    CheckStatus(Control(Disk, IOCTL_DISK_FORMAT_TRACKS, &Number, 4, NULL, 0, &Information),
                STATUS_INVALID_DEVICE_REQUEST, "no answer to what it does not know");
}

/* Many at once, to the whole disk and to partitions, of odd and even places. */
static void CheckManyAtOnce(void)
{
    static const PCWSTR Names[] = {WHOLE_DISK, L"\\??\\C:", L"\\??\\D:"};
    static const ULONG Starts[] = {0, 2048, 43008 + 63};
    static IO_STATUS_BLOCK Results[REQUESTS];
    HANDLE Files[3], Events[REQUESTS];
    LARGE_INTEGER Place;
    ULONG i, Good = 0;

    for (i = 0; i < RTL_NUMBER_OF(Names); i++)
        CheckStatus(OpenWith(&Files[i], Names[i], 0), STATUS_SUCCESS, "for several requests");
    memset(Buffer, 0, REQUESTS * 0x10000);
    for (i = 0; i < REQUESTS; i++) {
        NtCreateEvent(&Events[i], EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
        Place.QuadPart = (1 + 100 * i) * SECTOR;
        if (!NT_SUCCESS(NtReadFile(Files[i % 3], Events[i], NULL, NULL, &Results[i],
                                   Buffer + i * 0x10000 + i % 2, 0xF000, &Place, NULL)))
            NtSetEvent(Events[i], NULL); /* it has been refused: there is no end to wait for */
    }
    for (i = 0; i < REQUESTS; i++) {
        NtWaitForSingleObject(Events[i], FALSE, NULL);
        Good += Results[i].Status == STATUS_SUCCESS && Results[i].Information == 0xF000 &&
                IsNumbered(Buffer + i * 0x10000 + i % 2, 0xF000, Starts[i % 3] + 1 + 100 * i);
        NtClose(Events[i]);
    }
    Check(Good == REQUESTS, "%lu of %u requests at once are done right", Good, REQUESTS);
    for (i = 0; i < RTL_NUMBER_OF(Names); i++)
        NtClose(Files[i]);
}

/* The driver goes and comes again, and leaves nothing behind. */
static void CheckUnloading(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(DRIVER);
    NTSTATUS Status = STATUS_SUCCESS;
    USAGE Before;
    HANDLE File;
    ULONG i;

    CheckStatus(NtUnloadDriver(&Name), STATUS_SUCCESS, "the driver is unloaded");
    CheckStatus(OpenNamed(&File, L"\\??\\C:"), STATUS_OBJECT_NAME_NOT_FOUND, "... with its names");
    QuerySteadyUsage(&Before);
    for (i = 0; i < 10 && NT_SUCCESS(Status); i++) {
        Status = NtLoadDriver(&Name);
        if (NT_SUCCESS(Status))
            Status = NtUnloadDriver(&Name);
    }
    CheckStatus(Status, STATUS_SUCCESS, "... and loaded and unloaded 10 times");
    CheckUsage(&Before, "that");
    CheckStatus(NtLoadDriver(&Name), STATUS_SUCCESS, "... and loaded");
    CheckStatus(OpenNamed(&Disk, WHOLE_DISK), STATUS_SUCCESS, "... and the disk opened");
    CheckRead(100, 0x10000, 0);
}

static void PrintSpeed(ULONG Length)
{
    ULONG Total = 0, Milliseconds;
    LARGE_INTEGER Begin, End;

    NtQuerySystemTime(&Begin);
    do {
        if (!NT_SUCCESS(Read(Disk, Total % (DISK_MEGABYTES * MEGABYTE), Buffer, Length)))
            return;
        Total += Length;
        NtQuerySystemTime(&End);
        Milliseconds = (ULONG)((End.QuadPart - Begin.QuadPart) / 10000);
    } while (Milliseconds < 1000);
    printf("%lu KB a request: %lu MB/s\n", Length >> 10, Total / Milliseconds * 1000 / MEGABYTE);
}

/* The test has the disk answer too late, and then in time again. */
static void ReadLate(void)
{
    NTSTATUS Status = STATUS_SUCCESS;
    char Line[8];
    ULONG i;

    puts("ready");
    ReadConsoleLine(Line, sizeof Line);
    for (i = 0; i < 10 && NT_SUCCESS(Status); i++)
        Status = Read(Disk, 100 * SECTOR, Buffer, 0x10000);
    printf("too late: %08lx\n", Status);
    FlushConsole();
    ReadConsoleLine(Line, sizeof Line);
    CheckRead(100, 0x10000, 0);
}

/* What has been written is in the drive's cache at least: a flush brings out an error. */
static void Flush(void)
{
    IO_STATUS_BLOCK Result;

    CheckRead(SECOND_START, SECTOR, 0);
    CheckStatus(Write(Disk, SECOND_START * SECTOR, Buffer, SECTOR), STATUS_SUCCESS, "a write");
    printf("flush: %08lx\n", (ULONG)NtFlushBuffersFile(Disk, &Result));
}

static int RunChecks(void)
{
    CheckGeometry();
    CheckReading();
    CheckRefused();
    CheckPartitions();
    CheckWriting();
    CheckProperties();
    CheckControls();
    CheckManyAtOnce();
    NtClose(Disk);
    CheckUnloading();
    return CheckSummary("disk");
}

int main(int argc, char **argv)
{
    SIZE_T Size = BIG + 2 * PAGE_SIZE;
    NTSTATUS Status;

    NtAllocateVirtualMemory(NtCurrentProcess(), (PVOID *)&Buffer, 0, &Size,
                            MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    Status = OpenNamed(&Disk, WHOLE_DISK);
    if (!NT_SUCCESS(Status)) {
        printf("no disk: %08lx\n", Status);
        return 1;
    }
    if (argc < 2)
        return RunChecks();
    if (strcmp(argv[1], "speed") == 0) {
        PrintSpeed(0x10000);
        PrintSpeed(MEGABYTE);
    } else if (strcmp(argv[1], "late") == 0) {
        ReadLate();
    } else if (strcmp(argv[1], "flush") == 0) {
        Flush();
    } else {
        Status = Read(Disk, (ULONGLONG)ParseNumber(argv[2]) * SECTOR, Buffer, SECTOR);
        printf("read: %08lx\n", Status);
    }
    return 0;
}
