/*
 * Shows what serial.sys does with the second serial port.
 *
 *      serial.exe              all checks; somebody at the other end sends back what it gets
 *      serial.exe blocked      ... and here somebody who takes nothing
 *      serial.exe send TEXT    sends a line
 */
#include "check.h"

typedef LARGE_INTEGER PHYSICAL_ADDRESS; /* which the header below mentions */
#include <ntddser.h>

#define DRIVER   L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\serial"
#define PORT     L"\\??\\COM2"
#define RING     4096 /* the driver's */
#define LONG_MS  100000
#define SHORT_MS 50
#define BLOCKED  0x40000 /* more than lies between the machine and who does not take it */

static UCHAR Out[BLOCKED], In[BLOCKED];
static HANDLE Port;

/* A request that is not waited for. */
typedef struct _REQUEST {
    IO_STATUS_BLOCK Result;
    HANDLE Event;
} REQUEST;

static NTSTATUS OpenPort(HANDLE *File)
{
    UNICODE_STRING Name = CONSTANT_STRING(PORT);
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Result;

    *File = NULL;
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenFile(File, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &Attributes, &Result, 0, 0);
}

/* ---- Requests ---------------------------------------------------------------------------------
 */

static void Begin(REQUEST *Request)
{
    Request->Result.Status = STATUS_PENDING;
    Request->Result.Information = 0;
    NtCreateEvent(&Request->Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
}

/* What becomes of it. Status: what the service has returned. */
static NTSTATUS End(REQUEST *Request, NTSTATUS Status)
{
    if (Status == STATUS_PENDING) {
        NtWaitForSingleObject(Request->Event, FALSE, NULL);
        Status = Request->Result.Status;
    }
    NtClose(Request->Event);
    return Status;
}

static NTSTATUS BeginRead(REQUEST *Request, ULONG Length)
{
    LARGE_INTEGER Offset = {.QuadPart = 0};

    Begin(Request);
    return NtReadFile(Port, Request->Event, NULL, NULL, &Request->Result, In, Length, &Offset,
                      NULL);
}

static NTSTATUS BeginWrite(REQUEST *Request, ULONG Length)
{
    LARGE_INTEGER Offset = {.QuadPart = 0};

    Begin(Request);
    return NtWriteFile(Port, Request->Event, NULL, NULL, &Request->Result, Out, Length, &Offset,
                       NULL);
}

static NTSTATUS BeginControl(REQUEST *Request, ULONG Code, PVOID Input, ULONG InLength,
                             PVOID Output, ULONG OutLength)
{
    Begin(Request);
    return NtDeviceIoControlFile(Port, Request->Event, NULL, NULL, &Request->Result, Code, Input,
                                 InLength, Output, OutLength);
}

static NTSTATUS Read(ULONG Length, ULONG *Done)
{
    REQUEST Request;
    NTSTATUS Status = End(&Request, BeginRead(&Request, Length));

    *Done = (ULONG)Request.Result.Information;
    return Status;
}

static NTSTATUS Write(ULONG Length)
{
    REQUEST Request;

    return End(&Request, BeginWrite(&Request, Length));
}

static NTSTATUS Set(ULONG Code, PVOID Input, ULONG Length)
{
    REQUEST Request;

    return End(&Request, BeginControl(&Request, Code, Input, Length, NULL, 0));
}

static NTSTATUS Get(ULONG Code, PVOID Output, ULONG Length)
{
    REQUEST Request;

    return End(&Request, BeginControl(&Request, Code, NULL, 0, Output, Length));
}

static NTSTATUS SetTimeouts(ULONG Interval, ULONG Multiplier, ULONG Constant, ULONG WriteConstant)
{
    SERIAL_TIMEOUTS Timeouts = {Interval, Multiplier, Constant, 0, WriteConstant};

    return Set(IOCTL_SERIAL_SET_TIMEOUTS, &Timeouts, sizeof Timeouts);
}

/* Returns when that many bytes have come in all, since the port was opened. */
static void AwaitReceived(ULONG Count)
{
    SERIALPERF_STATS Statistics;

    do {
        SleepMilliseconds(10);
        Get(IOCTL_SERIAL_GET_STATS, &Statistics, sizeof Statistics);
    } while (Statistics.ReceivedCount < Count);
}

/* ---- Checks -----------------------------------------------------------------------------------
 */

static void CheckRead(ULONG Length, NTSTATUS Expected, ULONG ExpectedDone, const char *What)
{
    ULONG Done;
    NTSTATUS Status = Read(Length, &Done);

    Check(Status == Expected && Done == ExpectedDone && memcmp(In, Out, Done) == 0,
          "%s: %lu bytes, %08lx", What, Done, Status);
}

static void CheckOpening(void)
{
    SERIAL_BAUD_RATE Baud;
    HANDLE Again;

    CheckStatus(OpenPort(&Port), STATUS_SUCCESS, "the port is opened");
    CheckStatus(OpenPort(&Again), STATUS_ACCESS_DENIED, "... but once");
    CheckStatus(Get(IOCTL_SERIAL_GET_BAUD_RATE, &Baud, sizeof Baud), STATUS_SUCCESS, "its speed");
    Check(Baud.BaudRate == 9600, "... is %lu baud", Baud.BaudRate);
}

static void CheckTransfers(void)
{
    ULONG i;

    for (i = 0; i < sizeof Out; i++)
        Out[i] = (UCHAR)(i * 7 + (i >> 8));
    CheckStatus(Write(0), STATUS_SUCCESS, "nothing is written");
    CheckRead(0, STATUS_SUCCESS, 0, "nothing is read");
    CheckStatus(Write(5), STATUS_SUCCESS, "5 bytes are written");
    CheckRead(5, STATUS_SUCCESS, 5, "and come back");
    CheckStatus(Write(3000), STATUS_SUCCESS, "3000 bytes are written");
    CheckRead(1, STATUS_SUCCESS, 1, "the first is read");
    memmove(Out, Out + 1, 2999);
    CheckRead(2999, STATUS_SUCCESS, 2999, "and the others");
}

/* A read that waits while a long write goes out. */
static void CheckBothWays(void)
{
    REQUEST Reading, Writing, Flushing;
    NTSTATUS Status = BeginRead(&Reading, 20000), WriteStatus, FlushStatus;

    CheckStatus(Status, STATUS_PENDING, "a long read waits");
    WriteStatus = BeginWrite(&Writing, 20000);
    Begin(&Flushing);
    FlushStatus = NtFlushBuffersFile(Port, &Flushing.Result);
    CheckStatus(FlushStatus == STATUS_PENDING ? Flushing.Result.Status : FlushStatus,
                STATUS_SUCCESS, "a flush waits for what has been written");
    NtClose(Flushing.Event);
    CheckStatus(End(&Writing, WriteStatus), STATUS_SUCCESS, "20000 bytes are written");
    CheckStatus(End(&Reading, Status), STATUS_SUCCESS, "and read meanwhile");
    Check(Reading.Result.Information == 20000 && memcmp(In, Out, 20000) == 0, "... as they were");
}

static void CheckTimeouts(void)
{
    SERIALPERF_STATS Statistics;

    CheckStatus(SetTimeouts(MAXDWORD, MAXDWORD, MAXDWORD, 0), STATUS_INVALID_PARAMETER,
                "time-outs without sense");
    SetTimeouts(0, 1, SHORT_MS, 0);
    CheckRead(10, STATUS_TIMEOUT, 0, "nothing comes in time");
    SetTimeouts(MAXDWORD, 0, 0, 0);
    CheckRead(10, STATUS_SUCCESS, 0, "a read that does not wait");
    SetTimeouts(MAXDWORD, MAXDWORD, SHORT_MS, 0);
    CheckRead(10, STATUS_TIMEOUT, 0, "not even one byte comes in time");
    Get(IOCTL_SERIAL_GET_STATS, &Statistics, sizeof Statistics);
    Write(3);
    AwaitReceived(Statistics.ReceivedCount + 3);
    SetTimeouts(0, 0, SHORT_MS, 0);
    CheckRead(10, STATUS_TIMEOUT, 3, "three bytes come in time");
    Write(3);
    AwaitReceived(Statistics.ReceivedCount + 6);
    SetTimeouts(SHORT_MS, 0, 0, 0);
    CheckRead(10, STATUS_TIMEOUT, 3, "no byte follows the third in time");
    Write(3);
    AwaitReceived(Statistics.ReceivedCount + 9);
    SetTimeouts(MAXDWORD, 0, 0, 0);
    CheckRead(10, STATUS_SUCCESS, 3, "what is there");
    SetTimeouts(MAXDWORD, MAXDWORD, LONG_MS, 0);
    Write(1);
    CheckRead(10, STATUS_SUCCESS, 1, "the first byte that comes");
    SetTimeouts(0, 0, 0, 0);
}

static void CheckCancelling(void)
{
    ULONG Purge = SERIAL_PURGE_RXABORT | SERIAL_PURGE_RXCLEAR;
    REQUEST First, Second;
    IO_STATUS_BLOCK Result;
    NTSTATUS FirstStatus = BeginRead(&First, 10), SecondStatus = BeginRead(&Second, 10);

    NtCancelIoFile(Port, &Result);
    CheckStatus(End(&First, FirstStatus), STATUS_CANCELLED, "a read is cancelled");
    CheckStatus(End(&Second, SecondStatus), STATUS_CANCELLED, "and the one behind it");
    FirstStatus = BeginRead(&First, 10);
    CheckStatus(Set(IOCTL_SERIAL_PURGE, &Purge, sizeof Purge), STATUS_SUCCESS, "a purge");
    CheckStatus(End(&First, FirstStatus), STATUS_CANCELLED, "... ends reads");
    Purge = 0;
    CheckStatus(Set(IOCTL_SERIAL_PURGE, &Purge, sizeof Purge), STATUS_INVALID_PARAMETER,
                "a purge of nothing");
    Write(4);
    CheckRead(4, STATUS_SUCCESS, 4, "the port works as before");
}

static void CheckEvents(void)
{
    ULONG Mask = SERIAL_EV_RXCHAR, Happened = 0, Second, Wrong = 0x8000;
    REQUEST Waiting;
    NTSTATUS Status;

    CheckStatus(Get(IOCTL_SERIAL_WAIT_ON_MASK, &Happened, sizeof Happened),
                STATUS_INVALID_PARAMETER, "there is nothing to wait for");
    CheckStatus(Set(IOCTL_SERIAL_SET_WAIT_MASK, &Wrong, sizeof Wrong), STATUS_INVALID_PARAMETER,
                "no such event");
    CheckStatus(Set(IOCTL_SERIAL_SET_WAIT_MASK, &Mask, sizeof Mask), STATUS_SUCCESS, "a mask");
    Status = BeginControl(&Waiting, IOCTL_SERIAL_WAIT_ON_MASK, NULL, 0, &Happened, sizeof Happened);
    CheckStatus(Status, STATUS_PENDING, "a wait for a byte");
    CheckStatus(Get(IOCTL_SERIAL_WAIT_ON_MASK, &Second, sizeof Second), STATUS_INVALID_PARAMETER,
                "another one");
    Write(1);
    CheckStatus(End(&Waiting, Status), STATUS_SUCCESS, "it ends");
    Check(Happened == SERIAL_EV_RXCHAR, "... with the event %lx", Happened);
    CheckRead(1, STATUS_SUCCESS, 1, "the byte is still there");
    Status = BeginControl(&Waiting, IOCTL_SERIAL_WAIT_ON_MASK, NULL, 0, &Happened, sizeof Happened);
    Mask = SERIAL_EV_TXEMPTY;
    Set(IOCTL_SERIAL_SET_WAIT_MASK, &Mask, sizeof Mask);
    CheckStatus(End(&Waiting, Status), STATUS_SUCCESS, "a new mask ends a wait");
    Check(Happened == 0 && Waiting.Result.Information == sizeof Happened, "... without an event");
    Write(1);
    CheckStatus(Get(IOCTL_SERIAL_WAIT_ON_MASK, &Happened, sizeof Happened), STATUS_SUCCESS,
                "a wait until all is sent");
    Check(Happened == SERIAL_EV_TXEMPTY, "... with the event %lx", Happened);
    CheckRead(1, STATUS_SUCCESS, 1, "and here it is");
}

static void CheckSettings(void)
{
    SERIAL_LINE_CONTROL Line = {STOP_BITS_2, EVEN_PARITY, 7}, LineNow = {0}, BadLine = {0, 0, 9};
    SERIAL_BAUD_RATE Baud = {57600}, BaudNow = {0}, BadBaud = {230400};
    SERIAL_HANDFLOW Flow = {SERIAL_CTS_HANDSHAKE, 0, 0, 0};
    SERIAL_TIMEOUTS Timeouts = {1, 2, 3, 4, 5}, TimeoutsNow = {0};
    SERIAL_CHARS Chars = {1, 2, 3, 4, 5, 6}, CharsNow = {0};
    SERIAL_COMMPROP Properties = {0};
    SERIAL_QUEUE_SIZE Size = {RING, 0};

    CheckStatus(Set(IOCTL_SERIAL_SET_BAUD_RATE, &Baud, sizeof Baud), STATUS_SUCCESS, "the speed");
    Get(IOCTL_SERIAL_GET_BAUD_RATE, &BaudNow, sizeof BaudNow);
    Check(BaudNow.BaudRate == 57600, "... is set");
    CheckStatus(Set(IOCTL_SERIAL_SET_BAUD_RATE, &BadBaud, sizeof BadBaud), STATUS_INVALID_PARAMETER,
                "too fast");
    CheckStatus(Set(IOCTL_SERIAL_SET_LINE_CONTROL, &Line, sizeof Line), STATUS_SUCCESS, "words");
    Get(IOCTL_SERIAL_GET_LINE_CONTROL, &LineNow, sizeof LineNow);
    Check(memcmp(&Line, &LineNow, sizeof Line) == 0, "... are as set");
    CheckStatus(Set(IOCTL_SERIAL_SET_LINE_CONTROL, &BadLine, sizeof BadLine),
                STATUS_INVALID_PARAMETER, "words of 9 bits");
    CheckStatus(Set(IOCTL_SERIAL_SET_TIMEOUTS, &Timeouts, 4), STATUS_BUFFER_TOO_SMALL,
                "time-outs in part");
    Set(IOCTL_SERIAL_SET_TIMEOUTS, &Timeouts, sizeof Timeouts);
    Get(IOCTL_SERIAL_GET_TIMEOUTS, &TimeoutsNow, sizeof TimeoutsNow);
    Check(memcmp(&Timeouts, &TimeoutsNow, sizeof Timeouts) == 0, "time-outs are as set");
    Set(IOCTL_SERIAL_SET_CHARS, &Chars, sizeof Chars);
    Get(IOCTL_SERIAL_GET_CHARS, &CharsNow, sizeof CharsNow);
    Check(memcmp(&Chars, &CharsNow, sizeof Chars) == 0, "characters are as set");
    CheckStatus(Set(IOCTL_SERIAL_SET_HANDFLOW, &Flow, sizeof Flow), STATUS_NOT_SUPPORTED,
                "flow control");
    CheckStatus(Set(IOCTL_SERIAL_SET_QUEUE_SIZE, &Size, sizeof Size), STATUS_SUCCESS, "a ring");
    CheckStatus(Get(IOCTL_SERIAL_GET_PROPERTIES, &Properties, sizeof Properties), STATUS_SUCCESS,
                "properties");
    Check(Properties.CurrentRxQueue == RING, "... tell the ring's size");
    CheckStatus(Set(IOCTL_SERIAL_XOFF_COUNTER, NULL, 0), STATUS_INVALID_DEVICE_REQUEST,
                "what it does not know");
}

static void CheckModem(void)
{
    ULONG Lines = 0, Modem = 0;

    Set(IOCTL_SERIAL_CLR_DTR, NULL, 0);
    Set(IOCTL_SERIAL_SET_RTS, NULL, 0);
    Get(IOCTL_SERIAL_GET_DTRRTS, &Lines, sizeof Lines);
    Check(Lines == SERIAL_RTS_STATE, "RTS is on, DTR off");
    Set(IOCTL_SERIAL_SET_DTR, NULL, 0);
    Set(IOCTL_SERIAL_CLR_RTS, NULL, 0);
    Get(IOCTL_SERIAL_GET_DTRRTS, &Lines, sizeof Lines);
    Check(Lines == SERIAL_DTR_STATE, "and the other way round");
    CheckStatus(Get(IOCTL_SERIAL_GET_MODEMSTATUS, &Modem, sizeof Modem), STATUS_SUCCESS, "signals");
    Check((Modem & SERIAL_CTS_STATE) != 0, "... %lx: somebody is there", Modem);
    CheckStatus(Set(IOCTL_SERIAL_SET_BREAK_ON, NULL, 0), STATUS_SUCCESS, "a break begins");
    CheckStatus(Set(IOCTL_SERIAL_SET_BREAK_OFF, NULL, 0), STATUS_SUCCESS, "and ends");
}

/* Nobody reads, and more comes than there is room for. */
static void CheckOverrun(void)
{
    SERIAL_STATUS Status = {0};

    CheckStatus(Set(IOCTL_SERIAL_CLEAR_STATS, NULL, 0), STATUS_SUCCESS, "counters begin anew");
    SetTimeouts(0, 0, 0, 0);
    Write(RING + 1000);
    AwaitReceived(RING + 1000);
    CheckStatus(Get(IOCTL_SERIAL_GET_COMMSTATUS, &Status, sizeof Status), STATUS_SUCCESS, "status");
    Check(Status.AmountInInQueue == RING && Status.Errors == SERIAL_ERROR_QUEUEOVERRUN,
          "... %lu bytes are there, others lost", Status.AmountInInQueue);
    CheckRead(RING, STATUS_SUCCESS, RING, "the ring is read");
    Get(IOCTL_SERIAL_GET_COMMSTATUS, &Status, sizeof Status);
    Check(Status.AmountInInQueue == 0 && Status.Errors == 0, "and is as good as new");
}

static void CheckClosing(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(DRIVER);
    NTSTATUS Status = STATUS_SUCCESS;
    REQUEST Reading;
    USAGE Before;
    ULONG i;

    Status = BeginRead(&Reading, 10);
    NtClose(Port);
    CheckStatus(End(&Reading, Status), STATUS_CANCELLED, "closing the port ends a read");
    CheckStatus(NtUnloadDriver(&Name), STATUS_SUCCESS, "the driver is unloaded");
    QuerySteadyUsage(&Before);
    for (i = 0, Status = STATUS_SUCCESS; i < 10 && NT_SUCCESS(Status); i++) {
        Status = NtLoadDriver(&Name);
        if (NT_SUCCESS(Status))
            Status = NtUnloadDriver(&Name);
    }
    CheckStatus(Status, STATUS_SUCCESS, "... and loaded and unloaded 10 times");
    CheckUsage(&Before, "that");
}

/* The other end takes nothing. */
static void CheckBlocked(void)
{
    REQUEST Writing, Behind;
    IO_STATUS_BLOCK Result;
    NTSTATUS Status, BehindStatus;

    SetTimeouts(0, 0, 0, SHORT_MS);
    Status = BeginWrite(&Writing, BLOCKED);
    CheckStatus(End(&Writing, Status), STATUS_TIMEOUT, "a write is not done in time");
    Check(Writing.Result.Information < BLOCKED, "... but in part");
    SetTimeouts(0, 0, 0, 0);
    Status = BeginWrite(&Writing, BLOCKED);
    BehindStatus = BeginWrite(&Behind, 10);
    CheckStatus(Status, STATUS_PENDING, "a write waits");
    NtCancelIoFile(Port, &Result);
    CheckStatus(End(&Writing, Status), STATUS_CANCELLED, "... and is cancelled");
    CheckStatus(End(&Behind, BehindStatus), STATUS_CANCELLED, "and the one behind it");
    NtClose(Port);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        ULONG Length = (ULONG)strlen(argv[2]);
        memcpy(Out, argv[2], Length);
        Out[Length] = '\n';
        return NT_SUCCESS(OpenPort(&Port)) && NT_SUCCESS(Write(Length + 1)) ? 0 : 1;
    }
    CheckOpening();
    if (argc > 1) {
        CheckBlocked();
        return CheckSummary("serial");
    }
    CheckTransfers();
    CheckBothWays();
    CheckTimeouts();
    CheckCancelling();
    CheckEvents();
    CheckModem();
    CheckOverrun();
    CheckSettings();
    CheckClosing();
    return CheckSummary("serial");
}
