/*
 * The IOCTLs of a keyboard (WDK: Keyboard and mouse class drivers), all of them METHOD_BUFFERED:
 * Buffer holds the input, then the output. Those that set something wait in the device's queue
 * until the keyboard has acknowledged it.
 */
#include "keyboard.h"

#define SET_LIGHTS    0xED
#define SET_TYPEMATIC 0xF3
#define ALL_LIGHTS    (KEYBOARD_SCROLL_LOCK_ON | KEYBOARD_NUM_LOCK_ON | KEYBOARD_CAPS_LOCK_ON)

/* An enhanced keyboard, with 101 or 102 keys. */
#define TYPE          4
#define FUNCTION_KEYS 12
#define INDICATORS    3
#define KEYS          101

#define LEAST_RATE  2 /* characters a second */
#define MOST_RATE   30
#define LEAST_DELAY 250 /* milliseconds until a key that is held down repeats */
#define MOST_DELAY  1000
#define DELAY_STEP  250
#define RATE_CODES  32

/* ---- Commands to the keyboard ----------------------------------------------------------------
 */

/* Code n repeats 240 / ((8 + n % 8) * 2 ^ (n / 8)) times a second. The first that is not faster. */
static UCHAR KeyboardTypematicCode(PKEYBOARD_TYPEMATIC_PARAMETERS Typematic)
{
    UCHAR Code = 0, Delay = (UCHAR)((Typematic->Delay - 1) / DELAY_STEP);

    while (Code < RATE_CODES - 1 && (ULONG)Typematic->Rate * ((8 + Code % 8) << Code / 8) < 240)
        Code++;
    return Delay << 5 | Code;
}

/* The next packet of the device's queue: its command goes out. DISPATCH_LEVEL. */
VOID NTAPI KeyboardStartIo(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    ULONG Code = IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode;
    PVOID Buffer = Irp->AssociatedIrp.SystemBuffer;

    if (Code == IOCTL_KEYBOARD_SET_INDICATORS)
        KeyboardSendCommand(DeviceObject->DeviceExtension, SET_LIGHTS,
                            (UCHAR)((PKEYBOARD_INDICATOR_PARAMETERS)Buffer)->LedFlags);
    else
        KeyboardSendCommand(DeviceObject->DeviceExtension, SET_TYPEMATIC,
                            KeyboardTypematicCode(Buffer));
}

/* The command has ended: what it has set is in force. Whoever takes its end is alone here. */
VOID KeyboardEndCommand(PKEYBOARD Keyboard)
{
    NTSTATUS Status;
    PVOID Buffer;
    ULONG Code;
    PIRP Irp;

    if (!KeyboardTakeDone(Keyboard, &Status))
        return;
    Irp = Keyboard->DeviceObject->CurrentIrp;
    Buffer = Irp->AssociatedIrp.SystemBuffer;
    Code = IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode;
    if (NT_SUCCESS(Status) && Code == IOCTL_KEYBOARD_SET_INDICATORS)
        Keyboard->Indicators = ((PKEYBOARD_INDICATOR_PARAMETERS)Buffer)->LedFlags;
    else if (NT_SUCCESS(Status))
        Keyboard->Typematic = *(PKEYBOARD_TYPEMATIC_PARAMETERS)Buffer;
    IoStartNextPacket(Keyboard->DeviceObject, FALSE);
    KeyboardComplete(Irp, Status, 0);
}

/* Once a second. */
VOID NTAPI KeyboardTimer(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    if (KeyboardTick(DeviceObject->DeviceExtension))
        KeyboardEndCommand(DeviceObject->DeviceExtension);
}

/* ---- Handlers ---------------------------------------------------------------------------------
 */

typedef struct _KEYBOARD_CALL {
    PKEYBOARD Keyboard;
    PIRP Irp;
    PVOID Buffer;
    ULONG_PTR Information;
} KEYBOARD_CALL, *PKEYBOARD_CALL;

typedef NTSTATUS KEYBOARD_HANDLER(PKEYBOARD_CALL Call);

static NTSTATUS KeyboardQueueCommand(PKEYBOARD_CALL Call)
{
    IoMarkIrpPending(Call->Irp);
    IoStartPacket(Call->Keyboard->DeviceObject, Call->Irp, NULL, NULL);
    return STATUS_PENDING;
}

static NTSTATUS KeyboardSetIndicators(PKEYBOARD_CALL Call)
{
    PKEYBOARD_INDICATOR_PARAMETERS Indicators = Call->Buffer;

    if (Indicators->UnitId != 0 || (Indicators->LedFlags & ~ALL_LIGHTS))
        return STATUS_INVALID_PARAMETER;
    return KeyboardQueueCommand(Call);
}

static NTSTATUS KeyboardSetTypematic(PKEYBOARD_CALL Call)
{
    PKEYBOARD_TYPEMATIC_PARAMETERS Typematic = Call->Buffer;

    if (Typematic->UnitId != 0 || Typematic->Rate < LEAST_RATE || Typematic->Rate > MOST_RATE ||
        Typematic->Delay < LEAST_DELAY || Typematic->Delay > MOST_DELAY)
        return STATUS_INVALID_PARAMETER;
    return KeyboardQueueCommand(Call);
}

static NTSTATUS KeyboardQueryIndicators(PKEYBOARD_CALL Call)
{
    PKEYBOARD_INDICATOR_PARAMETERS Indicators = Call->Buffer;

    Indicators->UnitId = 0;
    Indicators->LedFlags = (USHORT)Call->Keyboard->Indicators;
    Call->Information = sizeof *Indicators;
    return STATUS_SUCCESS;
}

static NTSTATUS KeyboardQueryTypematic(PKEYBOARD_CALL Call)
{
    *(PKEYBOARD_TYPEMATIC_PARAMETERS)Call->Buffer = Call->Keyboard->Typematic;
    Call->Information = sizeof(KEYBOARD_TYPEMATIC_PARAMETERS);
    return STATUS_SUCCESS;
}

static NTSTATUS KeyboardQueryAttributes(PKEYBOARD_CALL Call)
{
    PKEYBOARD_ATTRIBUTES Attributes = Call->Buffer;

    RtlZeroMemory(Attributes, sizeof *Attributes);
    Attributes->KeyboardIdentifier.Type = TYPE;
    Attributes->KeyboardMode = 1; /* codes of set 1 */
    Attributes->NumberOfFunctionKeys = FUNCTION_KEYS;
    Attributes->NumberOfIndicators = INDICATORS;
    Attributes->NumberOfKeysTotal = KEYS;
    Attributes->InputDataQueueLength = KEYBOARD_RING;
    Attributes->KeyRepeatMinimum.Rate = LEAST_RATE;
    Attributes->KeyRepeatMinimum.Delay = LEAST_DELAY;
    Attributes->KeyRepeatMaximum.Rate = MOST_RATE;
    Attributes->KeyRepeatMaximum.Delay = MOST_DELAY;
    Call->Information = sizeof *Attributes;
    return STATUS_SUCCESS;
}

static const struct {
    ULONG Code, InLength, OutLength; /* bytes that there must be */
    KEYBOARD_HANDLER *Handler;
} KeyboardHandlers[] = {
    {IOCTL_KEYBOARD_QUERY_ATTRIBUTES, 0, sizeof(KEYBOARD_ATTRIBUTES), KeyboardQueryAttributes},
    {IOCTL_KEYBOARD_QUERY_INDICATORS, 0, sizeof(KEYBOARD_INDICATOR_PARAMETERS),
     KeyboardQueryIndicators},
    {IOCTL_KEYBOARD_SET_INDICATORS, sizeof(KEYBOARD_INDICATOR_PARAMETERS), 0,
     KeyboardSetIndicators},
    {IOCTL_KEYBOARD_QUERY_TYPEMATIC, 0, sizeof(KEYBOARD_TYPEMATIC_PARAMETERS),
     KeyboardQueryTypematic},
    {IOCTL_KEYBOARD_SET_TYPEMATIC, sizeof(KEYBOARD_TYPEMATIC_PARAMETERS), 0, KeyboardSetTypematic},
};

static NTSTATUS KeyboardHandle(PKEYBOARD_CALL Call, PIO_STACK_LOCATION Stack)
{
    ULONG Code = Stack->Parameters.DeviceIoControl.IoControlCode, i;

    for (i = 0; i < RTL_NUMBER_OF(KeyboardHandlers); i++) {
        if (KeyboardHandlers[i].Code != Code)
            continue;
        if (Stack->Parameters.DeviceIoControl.InputBufferLength < KeyboardHandlers[i].InLength)
            return STATUS_INVALID_PARAMETER;
        if (Stack->Parameters.DeviceIoControl.OutputBufferLength < KeyboardHandlers[i].OutLength)
            return STATUS_BUFFER_TOO_SMALL;
        return KeyboardHandlers[i].Handler(Call);
    }
    return STATUS_INVALID_DEVICE_REQUEST;
}

/* IRQL <= DISPATCH_LEVEL. */
NTSTATUS NTAPI KeyboardDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    KEYBOARD_CALL Call = {.Keyboard = DeviceObject->DeviceExtension,
                          .Irp = Irp,
                          .Buffer = Irp->AssociatedIrp.SystemBuffer};
    NTSTATUS Status = KeyboardHandle(&Call, IoGetCurrentIrpStackLocation(Irp));

    return Status == STATUS_PENDING ? Status : KeyboardComplete(Irp, Status, Call.Information);
}
