/*
 * Checks interrupt lines as drivers see them, the same whether an I/O APIC or the 8259s bring the
 * interrupts: the keyboard's line, triggered by edge, and up to two devices with lines triggered by
 * level: QEMU's "edu" PCI devices, if there are any (docs/specs/edu.rst of QEMU).
 *
 * Why two: on two processors, their service routines have lines masked and unmasked at the same
 * time, as fast as it goes; interrupts get lost if that is not kept apart.
 */
#include <ntddk.h>

#include "keyboard.h"
#include "selftest.h"

#define MOST_DEVICES    2
#define PCI_ADDRESS     ((PULONG)0xCF8)
#define PCI_DATA        ((PULONG)0xCFC)
#define PCI_SLOTS       32
#define PCI_BAR0        0x10
#define PCI_INTERRUPT   0x3C
#define EDU_IDENTITY    0x11E81234
#define EDU_BYTES       0x100
#define EDU_STATUS      0x24 /* which interrupts are active */
#define EDU_RAISE       0x60
#define EDU_ACKNOWLEDGE 0x64
#define ROUNDS          20000
#define TRIES           500 /* of a delay of 10 ms: long, for a lost interrupt does not come */
#define SPINS           1000000

/* A line with its service routine. Handled and Processor are the service routine's. */
typedef struct _LINE {
    PKINTERRUPT Object;
    ULONG Vector;
    KIRQL Irql;
    KAFFINITY Affinity;
    PUCHAR Registers; /* an edu's; NULL: the keyboard */
    volatile ULONG Calls, Handled, Processor;
    volatile KIRQL SeenIrql;
} LINE;

static LINE Keyboard, Edus[MOST_DEVICES];
static ULONG EduCount;

static BOOLEAN NTAPI Service(PKINTERRUPT Interrupt, PVOID Context)
{
    LINE *Line = Context;
    ULONG Active;

    UNREFERENCED_PARAMETER(Interrupt);
    Line->Calls++;
    Line->SeenIrql = KeGetCurrentIrql();
    Line->Processor = KeGetCurrentProcessorNumber();
    if (Line->Registers) {
        Active = READ_REGISTER_ULONG((PULONG)(Line->Registers + EDU_STATUS));
        if (Active == 0)
            return FALSE;
        WRITE_REGISTER_ULONG((PULONG)(Line->Registers + EDU_ACKNOWLEDGE), Active);
    } else {
        KeyboardTake();
    }
    Line->Handled++;
    return TRUE;
}

static BOOLEAN NTAPI NotMine(PKINTERRUPT Interrupt, PVOID Context)
{
    UNREFERENCED_PARAMETER(Interrupt);
    ++*(volatile ULONG *)Context;
    return FALSE;
}

static VOID Raise(LINE *Line)
{
    if (Line->Registers)
        WRITE_REGISTER_ULONG((PULONG)(Line->Registers + EDU_RAISE), 1);
    else
        KeyboardPress();
}

static NTSTATUS Connect(LINE *Line, KAFFINITY Affinity, BOOLEAN Share)
{
    return IoConnectInterrupt(&Line->Object, Service, Line, NULL, Line->Vector, Line->Irql,
                              Line->Irql, Line->Registers ? LevelSensitive : Latched, Share,
                              Affinity, FALSE);
}

/* Waits until the service routine has handled so many. FALSE: they do not come. */
static BOOLEAN Handles(LINE *Line, ULONG Count)
{
    ULONG i;

    for (i = 0; i < SPINS && Line->Handled != Count; i++)
        YieldProcessor();
    for (i = 0; i < TRIES && Line->Handled != Count; i++)
        Delay(10);
    return Line->Handled == Count;
}

static VOID FindLine(LINE *Line, INTERFACE_TYPE Bus, ULONG Number)
{
    Line->Vector = HalGetInterruptVector(Bus, 0, Number, Number, &Line->Irql, &Line->Affinity);
}

static ULONG ReadPci(ULONG Slot, ULONG Register)
{
    WRITE_PORT_ULONG(PCI_ADDRESS, 0x80000000 | Slot << 11 | Register);
    return READ_PORT_ULONG(PCI_DATA);
}

static VOID FindDevices(VOID)
{
    PHYSICAL_ADDRESS Address = {.QuadPart = 0};
    ULONG Slot;

    for (Slot = 0; Slot < PCI_SLOTS && EduCount < MOST_DEVICES; Slot++) {
        LINE *Line = &Edus[EduCount];
        if (ReadPci(Slot, 0) != EDU_IDENTITY)
            continue;
        Address.LowPart = ReadPci(Slot, PCI_BAR0) & ~15;
        Line->Registers = MmMapIoSpace(Address, EDU_BYTES, MmNonCached);
        FindLine(Line, PCIBus, ReadPci(Slot, PCI_INTERRUPT) & 0xFF);
        if (Line->Registers && Line->Vector)
            EduCount++;
    }
    FindLine(&Keyboard, Isa, KEYBOARD_LINE);
    KeyboardEnable();
}

/* What is asked of each line, however it is triggered. */
static VOID TestLine(LINE *Line, PCSTR Name)
{
    KIRQL OldIrql;

    DbgPrint("%s\n", Name);
    if (!Check("is connected", NT_SUCCESS(Connect(Line, Line->Affinity, FALSE))))
        return;
    Raise(Line);
    Check("interrupts once", Handles(Line, 1));
    CheckEqual("at its IRQL", Line->SeenIrql, Line->Irql);
    CheckEqual("on the first processor", Line->Processor, 0);

    KeSetSystemAffinityThread(1);
    KeRaiseIrql(HIGH_LEVEL, &OldIrql);
    Raise(Line);
    KeStallExecutionProcessor(50);
    CheckEqual("does not while IRQL is too high", Line->Handled, 1);
    KeLowerIrql(OldIrql);
    Check("but once it has fallen", Handles(Line, 2));
    KeRaiseIrql(Line->Irql, &OldIrql);
    Raise(Line);
    KeStallExecutionProcessor(50);
    CheckEqual("nor at its own IRQL", Line->Handled, 2);
    KeLowerIrql(OldIrql);
    Check("but then", Handles(Line, 3));
    KeRevertToUserAffinityThread();
    Raise(Line);
    Check("and goes on interrupting", Handles(Line, 4));
    IoDisconnectInterrupt(Line->Object);
    DbgPrint("its routine was called %lu times\n", Line->Calls);
    CheckRange("and is asked no more than twice", Line->Calls, 4, 8);
}

/* A line that is disconnected while its interrupt is wanted. */
static VOID TestDisconnected(VOID)
{
    LINE Second = Keyboard;

    KeyboardPress();
    KeStallExecutionProcessor(50);
    CheckEqual("a disconnected line does not interrupt", Keyboard.Handled, 4);
    KeyboardTake();
    Check("and can be connected again", NT_SUCCESS(Connect(&Keyboard, Keyboard.Affinity, FALSE)));
    Keyboard.Handled = 0;
    KeyboardEnable(); /* where the line remembers that edge, it has interrupted now */
    Keyboard.Handled = 0;
    KeyboardPress();
    Check("and then interrupts", Handles(&Keyboard, 1));
    CheckEqual("it is not shared with one who does not share",
               Connect(&Second, Keyboard.Affinity, TRUE), STATUS_INVALID_PARAMETER);
    IoDisconnectInterrupt(Keyboard.Object);
    CheckEqual("there is no line without a processor", Connect(&Keyboard, 0, FALSE),
               STATUS_INVALID_PARAMETER);
    CheckEqual("nor with one that there is not",
               Connect(&Keyboard, ~KeQueryActiveProcessors(), FALSE), STATUS_INVALID_PARAMETER);
}

/* Each processor that there is a choice of, and from each of them. */
static VOID TestProcessorsOf(LINE *Line)
{
    ULONG Target, Source, Right = 0, Expected = 0;

    for (Target = 0; Target < 32; Target++) {
        if (!(Line->Affinity & 1 << Target))
            continue;
        /* The lowest of the mask is taken. */
        if (!NT_SUCCESS(Connect(Line, (KAFFINITY)-1 << Target, FALSE)))
            break;
        for (Source = 0; Source < (ULONG)KeNumberProcessors; Source++) {
            Expected++;
            KeSetSystemAffinityThread((KAFFINITY)1 << Source);
            Line->Handled = 0;
            Raise(Line);
            Right += Handles(Line, 1) && Line->Processor == Target;
        }
        KeRevertToUserAffinityThread();
        IoDisconnectInterrupt(Line->Object);
    }
    CheckRange("a line has a choice of processors", Expected, KeNumberProcessors, 64);
    CheckEqual("and interrupts the one of its mask", Right, Expected);
}

static VOID TestSharing(LINE *Line)
{
    volatile ULONG Strangers = 0;
    PKINTERRUPT Stranger;

    if (!Check("a line is shared",
               NT_SUCCESS(IoConnectInterrupt(&Stranger, NotMine, (PVOID)&Strangers, NULL,
                                             Line->Vector, Line->Irql, Line->Irql, LevelSensitive,
                                             TRUE, Line->Affinity, FALSE)) &&
                   NT_SUCCESS(Connect(Line, Line->Affinity, TRUE))))
        return;
    Line->Handled = 0;
    Raise(Line);
    Check("and the second to be asked handles it", Handles(Line, 1));
    CheckRange("after the first", Strangers, 1, 2);
    IoDisconnectInterrupt(Line->Object);
    IoDisconnectInterrupt(Stranger);
}

/* Raises a device's line again and again, from the processor that it interrupts. */
static VOID NTAPI Hammer(PVOID Context)
{
    LINE *Line = Context;
    KAFFINITY Last = (KAFFINITY)1 << (KeNumberProcessors - 1);
    ULONG i;

    KeSetSystemAffinityThread(Line == &Edus[0] ? 1 : Last);
    for (i = 1; i <= ROUNDS; i++) {
        Raise(Line);
        if (!Handles(Line, i))
            break;
    }
    KeRevertToUserAffinityThread();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID TestTwoAtOnce(VOID)
{
    KAFFINITY Last = (KAFFINITY)1 << (KeNumberProcessors - 1);
    PKTHREAD Threads[MOST_DEVICES];
    ULONG i;

    Edus[0].Handled = Edus[1].Handled = 0;
    if (!Check("two lines are connected",
               NT_SUCCESS(Connect(&Edus[0], 1, FALSE)) &&
                   NT_SUCCESS(Connect(&Edus[1], Edus[1].Affinity & Last ? Last : 1, FALSE))))
        return;
    for (i = 0; i < MOST_DEVICES; i++)
        Threads[i] = StartThread(Hammer, &Edus[i]);
    for (i = 0; i < MOST_DEVICES; i++)
        JoinThread(Threads[i]);
    CheckEqual("the first loses no interrupt", Edus[0].Handled, ROUNDS);
    CheckEqual("nor does the second", Edus[1].Handled, ROUNDS);
    for (i = 0; i < MOST_DEVICES; i++)
        IoDisconnectInterrupt(Edus[i].Object);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    ULONG i;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    FindDevices();
    TestLine(&Keyboard, "the keyboard's line");
    TestDisconnected();
    TestProcessorsOf(&Keyboard);
    for (i = 0; i < EduCount; i++) {
        TestLine(&Edus[i], "a device's line, triggered by level");
        TestProcessorsOf(&Edus[i]);
        TestSharing(&Edus[i]);
    }
    if (EduCount == 2 && Edus[0].Vector != Edus[1].Vector)
        TestTwoAtOnce();
    for (i = 0; i < EduCount; i++)
        MmUnmapIoSpace(Edus[i].Registers, EDU_BYTES);
    DbgPrint("processors that a line can interrupt: %lx\n", Keyboard.Affinity);
    DbgPrint("level-triggered devices: %lu\n", EduCount);
    return FinishTests("linetest");
}
