/*
 * The IOCTLs of a serial port (WDK: Serial Major I/O Requests). All are METHOD_BUFFERED: Buffer
 * holds the input, then the output. Lock guards the settings.
 */
#include "port.h"

#define LEAST_BAUD 2 /* a divisor of 16 bits */
#define ALL_EVENTS                                                                                 \
    (SERIAL_EV_RXCHAR | SERIAL_EV_RXFLAG | SERIAL_EV_TXEMPTY | SERIAL_EV_CTS | SERIAL_EV_DSR |     \
     SERIAL_EV_RLSD | SERIAL_EV_BREAK | SERIAL_EV_ERR | SERIAL_EV_RING)

typedef struct _SERIAL_CALL {
    PSERIAL_PORT Port;
    PIRP Irp;
    PVOID Buffer;
    ULONG_PTR Information;
} SERIAL_CALL, *PSERIAL_CALL;

typedef NTSTATUS SERIAL_HANDLER(PSERIAL_CALL Call);

/* ---- Settings ---------------------------------------------------------------------------------
 */

/* Copies a setting under the lock: to the packet's buffer, or from there. */
static NTSTATUS SerialGet(PSERIAL_CALL Call, const VOID *Setting, ULONG Size)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&Call->Port->Lock, &OldIrql);
    RtlCopyMemory(Call->Buffer, Setting, Size);
    KeReleaseSpinLock(&Call->Port->Lock, OldIrql);
    Call->Information = Size;
    return STATUS_SUCCESS;
}

static NTSTATUS SerialPut(PSERIAL_CALL Call, PVOID Setting, ULONG Size)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&Call->Port->Lock, &OldIrql);
    RtlCopyMemory(Setting, Call->Buffer, Size);
    KeReleaseSpinLock(&Call->Port->Lock, OldIrql);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialPutLine(PSERIAL_CALL Call, PVOID Setting, ULONG Size)
{
    KIRQL OldIrql;

    KeAcquireSpinLock(&Call->Port->Lock, &OldIrql);
    RtlCopyMemory(Setting, Call->Buffer, Size);
    SerialSetLine(Call->Port);
    KeReleaseSpinLock(&Call->Port->Lock, OldIrql);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialGetBaud(PSERIAL_CALL Call)
{
    return SerialGet(Call, &Call->Port->Baud, sizeof Call->Port->Baud);
}

/* The nearest that the chip can do; 0 or what is beyond it is refused. */
static NTSTATUS SerialSetBaud(PSERIAL_CALL Call)
{
    ULONG Baud = ((PSERIAL_BAUD_RATE)Call->Buffer)->BaudRate;

    if (Baud < LEAST_BAUD || Baud > SERIAL_MOST_BAUD)
        return STATUS_INVALID_PARAMETER;
    return SerialPutLine(Call, &Call->Port->Baud, sizeof Call->Port->Baud);
}

static NTSTATUS SerialGetLine(PSERIAL_CALL Call)
{
    return SerialGet(Call, &Call->Port->Line, sizeof Call->Port->Line);
}

/* One and a half stop bits go with words of 5 bits, two with longer ones. */
static NTSTATUS SerialSetLineControl(PSERIAL_CALL Call)
{
    PSERIAL_LINE_CONTROL Line = Call->Buffer;

    if (Line->WordLength < 5 || Line->WordLength > 8 || Line->Parity > SPACE_PARITY)
        return STATUS_INVALID_PARAMETER;
    if (Line->StopBits > STOP_BITS_2 ||
        (Line->StopBits == STOP_BITS_1_5 && Line->WordLength != 5) ||
        (Line->StopBits == STOP_BITS_2 && Line->WordLength == 5))
        return STATUS_INVALID_PARAMETER;
    return SerialPutLine(Call, &Call->Port->Line, sizeof Call->Port->Line);
}

static NTSTATUS SerialGetTimeouts(PSERIAL_CALL Call)
{
    return SerialGet(Call, &Call->Port->Timeouts, sizeof Call->Port->Timeouts);
}

/* They are for the reads and writes that begin from now on. */
static NTSTATUS SerialSetTimeouts(PSERIAL_CALL Call)
{
    PSERIAL_TIMEOUTS Timeouts = Call->Buffer;

    if (Timeouts->ReadIntervalTimeout == MAXULONG &&
        Timeouts->ReadTotalTimeoutMultiplier == MAXULONG &&
        Timeouts->ReadTotalTimeoutConstant == MAXULONG)
        return STATUS_INVALID_PARAMETER;
    return SerialPut(Call, &Call->Port->Timeouts, sizeof Call->Port->Timeouts);
}

static NTSTATUS SerialGetChars(PSERIAL_CALL Call)
{
    return SerialGet(Call, &Call->Port->Chars, sizeof Call->Port->Chars);
}

static NTSTATUS SerialSetChars(PSERIAL_CALL Call)
{
    return SerialPut(Call, &Call->Port->Chars, sizeof Call->Port->Chars);
}

static NTSTATUS SerialGetFlow(PSERIAL_CALL Call)
{
    return SerialGet(Call, &Call->Port->Flow, sizeof Call->Port->Flow);
}

/* DTR and RTS on or off for good. This driver makes nobody wait for a signal or character. */
static NTSTATUS SerialSetFlow(PSERIAL_CALL Call)
{
    PSERIAL_HANDFLOW Flow = Call->Buffer;
    UCHAR Set = ((Flow->ControlHandShake & SERIAL_DTR_CONTROL) ? SERIAL_IOC_MCR_DTR : 0) |
                ((Flow->FlowReplace & SERIAL_RTS_CONTROL) ? SERIAL_IOC_MCR_RTS : 0);

    if ((Flow->ControlHandShake & SERIAL_CONTROL_INVALID) ||
        (Flow->FlowReplace & SERIAL_FLOW_INVALID))
        return STATUS_INVALID_PARAMETER;
    if ((Flow->ControlHandShake & ~SERIAL_DTR_CONTROL) || (Flow->FlowReplace & ~SERIAL_RTS_CONTROL))
        return STATUS_NOT_SUPPORTED;
    SerialSetModem(Call->Port, Set, (SERIAL_IOC_MCR_DTR | SERIAL_IOC_MCR_RTS) & ~Set);
    return SerialPut(Call, &Call->Port->Flow, sizeof Call->Port->Flow);
}

/* ---- The modem --------------------------------------------------------------------------------
 */

static NTSTATUS SerialReturn(PSERIAL_CALL Call, ULONG Value)
{
    *(PULONG)Call->Buffer = Value;
    Call->Information = sizeof Value;
    return STATUS_SUCCESS;
}

static NTSTATUS SerialGetModemStatus(PSERIAL_CALL Call)
{
    return SerialReturn(Call, SerialReadModem(Call->Port));
}

static NTSTATUS SerialGetDtrRts(PSERIAL_CALL Call)
{
    return SerialReturn(Call,
                        SerialSetModem(Call->Port, 0, 0) & (SERIAL_DTR_STATE | SERIAL_RTS_STATE));
}

static NTSTATUS SerialGetModemControl(PSERIAL_CALL Call)
{
    return SerialReturn(Call, SerialSetModem(Call->Port, 0, 0));
}

static NTSTATUS SerialSetDtr(PSERIAL_CALL Call)
{
    SerialSetModem(Call->Port, SERIAL_IOC_MCR_DTR, 0);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialClearDtr(PSERIAL_CALL Call)
{
    SerialSetModem(Call->Port, 0, SERIAL_IOC_MCR_DTR);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialSetRts(PSERIAL_CALL Call)
{
    SerialSetModem(Call->Port, SERIAL_IOC_MCR_RTS, 0);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialClearRts(PSERIAL_CALL Call)
{
    SerialSetModem(Call->Port, 0, SERIAL_IOC_MCR_RTS);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialBreakOn(PSERIAL_CALL Call)
{
    SerialSetBreak(Call->Port, TRUE);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialBreakOff(PSERIAL_CALL Call)
{
    SerialSetBreak(Call->Port, FALSE);
    return STATUS_SUCCESS;
}

/* ---- What is going on -------------------------------------------------------------------------
 */

/* Bytes of all writes that wait, but for those that the chip has been given. */
static ULONG SerialBytesToGo(PSERIAL_PORT Port)
{
    PLIST_ENTRY Entry;
    ULONG Bytes = 0;
    KIRQL OldIrql;

    KeAcquireSpinLock(&Port->Lock, &OldIrql);
    for (Entry = Port->Writes.Packets.Flink; Entry != &Port->Writes.Packets; Entry = Entry->Flink) {
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        Bytes += Irp == Port->Writes.Begun ? SerialLeftToSend(Port, FALSE) : SerialLengthOf(Irp);
    }
    KeReleaseSpinLock(&Port->Lock, OldIrql);
    return Bytes;
}

static NTSTATUS SerialGetStatus(PSERIAL_CALL Call)
{
    PSERIAL_STATUS Status = Call->Buffer;

    RtlZeroMemory(Status, sizeof *Status);
    Status->Errors = SerialTakeErrors(Call->Port);
    Status->AmountInInQueue = SerialBytesThere(Call->Port);
    Status->AmountInOutQueue = SerialBytesToGo(Call->Port);
    Call->Information = sizeof *Status;
    return STATUS_SUCCESS;
}

static NTSTATUS SerialGetStatistics(PSERIAL_CALL Call)
{
    SerialStatistics(Call->Port, Call->Buffer);
    Call->Information = sizeof(SERIALPERF_STATS);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialClearStatistics(PSERIAL_CALL Call)
{
    SerialStatistics(Call->Port, NULL);
    return STATUS_SUCCESS;
}

static NTSTATUS SerialGetProperties(PSERIAL_CALL Call)
{
    PSERIAL_COMMPROP Properties = Call->Buffer;

    RtlZeroMemory(Properties, sizeof *Properties);
    Properties->PacketLength = sizeof *Properties;
    Properties->PacketVersion = 2;
    Properties->ServiceMask = SERIAL_SP_SERIALCOMM;
    Properties->MaxBaud = SERIAL_BAUD_115200;
    Properties->ProvSubType = SERIAL_SP_RS232;
    Properties->ProvCapabilities = SERIAL_PCF_TOTALTIMEOUTS | SERIAL_PCF_INTTIMEOUTS;
    Properties->SettableParams =
        SERIAL_SP_PARITY | SERIAL_SP_BAUD | SERIAL_SP_DATABITS | SERIAL_SP_STOPBITS;
    Properties->SettableBaud = SERIAL_BAUD_USER;
    Properties->SettableData =
        SERIAL_DATABITS_5 | SERIAL_DATABITS_6 | SERIAL_DATABITS_7 | SERIAL_DATABITS_8;
    Properties->SettableStopParity = SERIAL_STOPBITS_10 | SERIAL_STOPBITS_15 | SERIAL_STOPBITS_20 |
                                     SERIAL_PARITY_NONE | SERIAL_PARITY_ODD | SERIAL_PARITY_EVEN |
                                     SERIAL_PARITY_MARK | SERIAL_PARITY_SPACE;
    Properties->CurrentRxQueue = SERIAL_RING;
    Call->Information = sizeof *Properties;
    return STATUS_SUCCESS;
}

/* The ring is as long as it is; a shorter one would do. */
static NTSTATUS SerialSetQueueSize(PSERIAL_CALL Call)
{
    PSERIAL_QUEUE_SIZE Size = Call->Buffer;

    return Size->InSize <= SERIAL_RING ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* Ends requests, throws bytes away. */
static NTSTATUS SerialPurge(PSERIAL_CALL Call)
{
    ULONG What = *(PULONG)Call->Buffer;

    if (What == 0 || (What & ~(SERIAL_PURGE_TXABORT | SERIAL_PURGE_RXABORT | SERIAL_PURGE_TXCLEAR |
                               SERIAL_PURGE_RXCLEAR)))
        return STATUS_INVALID_PARAMETER;
    if (What & SERIAL_PURGE_TXABORT)
        SerialCancelAll(&Call->Port->Writes, NULL);
    if (What & SERIAL_PURGE_RXABORT)
        SerialCancelAll(&Call->Port->Reads, NULL);
    if (What & SERIAL_PURGE_RXCLEAR)
        SerialDropBytes(Call->Port);
    return STATUS_SUCCESS;
}

/* ---- Waiting for events ----------------------------------------------------------------------
 */

static NTSTATUS SerialGetMask(PSERIAL_CALL Call)
{
    return SerialGet(Call, &Call->Port->WaitMask, sizeof Call->Port->WaitMask);
}

/* Ends the wait that there may be, with no events (WDK: IOCTL_SERIAL_SET_WAIT_MASK). */
static NTSTATUS SerialSetMask(PSERIAL_CALL Call)
{
    PSERIAL_PORT Port = Call->Port;
    ULONG Mask = *(PULONG)Call->Buffer;
    KIRQL OldIrql;

    if (Mask & ~ALL_EVENTS)
        return STATUS_INVALID_PARAMETER;
    KeAcquireSpinLock(&Port->Lock, &OldIrql);
    if (Port->Waits.Begun)
        SerialEndWait(Port, Port->Waits.Begun, 0);
    Port->WaitMask = Mask;
    SerialTakeEvents(Port, MAXULONG);
    KeReleaseSpinLock(&Port->Lock, OldIrql);
    SerialRun(&Port->Waits);
    return STATUS_SUCCESS;
}

/* Another wait is refused by SerialServeWaits, where it is known who was first. */
static NTSTATUS SerialWaitOnMask(PSERIAL_CALL Call)
{
    return SerialQueue(&Call->Port->Waits, Call->Irp);
}

/* ---- The table --------------------------------------------------------------------------------
 */

static const struct {
    ULONG Code, InLength, OutLength; /* bytes that there must be */
    SERIAL_HANDLER *Handler;
} SerialHandlers[] = {
    {IOCTL_SERIAL_GET_BAUD_RATE, 0, sizeof(SERIAL_BAUD_RATE), SerialGetBaud},
    {IOCTL_SERIAL_SET_BAUD_RATE, sizeof(SERIAL_BAUD_RATE), 0, SerialSetBaud},
    {IOCTL_SERIAL_GET_LINE_CONTROL, 0, sizeof(SERIAL_LINE_CONTROL), SerialGetLine},
    {IOCTL_SERIAL_SET_LINE_CONTROL, sizeof(SERIAL_LINE_CONTROL), 0, SerialSetLineControl},
    {IOCTL_SERIAL_GET_TIMEOUTS, 0, sizeof(SERIAL_TIMEOUTS), SerialGetTimeouts},
    {IOCTL_SERIAL_SET_TIMEOUTS, sizeof(SERIAL_TIMEOUTS), 0, SerialSetTimeouts},
    {IOCTL_SERIAL_GET_CHARS, 0, sizeof(SERIAL_CHARS), SerialGetChars},
    {IOCTL_SERIAL_SET_CHARS, sizeof(SERIAL_CHARS), 0, SerialSetChars},
    {IOCTL_SERIAL_GET_HANDFLOW, 0, sizeof(SERIAL_HANDFLOW), SerialGetFlow},
    {IOCTL_SERIAL_SET_HANDFLOW, sizeof(SERIAL_HANDFLOW), 0, SerialSetFlow},
    {IOCTL_SERIAL_GET_MODEMSTATUS, 0, sizeof(ULONG), SerialGetModemStatus},
    {IOCTL_SERIAL_GET_MODEM_CONTROL, 0, sizeof(ULONG), SerialGetModemControl},
    {IOCTL_SERIAL_GET_DTRRTS, 0, sizeof(ULONG), SerialGetDtrRts},
    {IOCTL_SERIAL_SET_DTR, 0, 0, SerialSetDtr},
    {IOCTL_SERIAL_CLR_DTR, 0, 0, SerialClearDtr},
    {IOCTL_SERIAL_SET_RTS, 0, 0, SerialSetRts},
    {IOCTL_SERIAL_CLR_RTS, 0, 0, SerialClearRts},
    {IOCTL_SERIAL_SET_BREAK_ON, 0, 0, SerialBreakOn},
    {IOCTL_SERIAL_SET_BREAK_OFF, 0, 0, SerialBreakOff},
    {IOCTL_SERIAL_GET_COMMSTATUS, 0, sizeof(SERIAL_STATUS), SerialGetStatus},
    {IOCTL_SERIAL_GET_STATS, 0, sizeof(SERIALPERF_STATS), SerialGetStatistics},
    {IOCTL_SERIAL_CLEAR_STATS, 0, 0, SerialClearStatistics},
    {IOCTL_SERIAL_GET_PROPERTIES, 0, sizeof(SERIAL_COMMPROP), SerialGetProperties},
    {IOCTL_SERIAL_SET_QUEUE_SIZE, sizeof(SERIAL_QUEUE_SIZE), 0, SerialSetQueueSize},
    {IOCTL_SERIAL_PURGE, sizeof(ULONG), 0, SerialPurge},
    {IOCTL_SERIAL_GET_WAIT_MASK, 0, sizeof(ULONG), SerialGetMask},
    {IOCTL_SERIAL_SET_WAIT_MASK, sizeof(ULONG), 0, SerialSetMask},
    {IOCTL_SERIAL_WAIT_ON_MASK, 0, sizeof(ULONG), SerialWaitOnMask},
};

/* STATUS_BUFFER_TOO_SMALL: input, too (WDK, each code's page). */
static NTSTATUS SerialHandle(PSERIAL_CALL Call, PIO_STACK_LOCATION Stack)
{
    ULONG Code = Stack->Parameters.DeviceIoControl.IoControlCode, i;

    for (i = 0; i < RTL_NUMBER_OF(SerialHandlers); i++) {
        if (SerialHandlers[i].Code != Code)
            continue;
        if (Stack->Parameters.DeviceIoControl.InputBufferLength < SerialHandlers[i].InLength ||
            Stack->Parameters.DeviceIoControl.OutputBufferLength < SerialHandlers[i].OutLength)
            return STATUS_BUFFER_TOO_SMALL;
        return SerialHandlers[i].Handler(Call);
    }
    return STATUS_INVALID_DEVICE_REQUEST;
}

/* IRQL <= DISPATCH_LEVEL. */
NTSTATUS NTAPI SerialDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    SERIAL_CALL Call = {.Port = DeviceObject->DeviceExtension,
                        .Irp = Irp,
                        .Buffer = Irp->AssociatedIrp.SystemBuffer};
    NTSTATUS Status = SerialHandle(&Call, IoGetCurrentIrpStackLocation(Irp));

    return Status == STATUS_PENDING ? Status : SerialComplete(Irp, Status, Call.Information);
}
